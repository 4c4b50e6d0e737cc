/* The runner compares the hashes that the operator saw with what is there now and answers
 * ERR_CONFLICT itself, before it does anything: no check of our own is needed. */
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/render/runner.h"

struct rendering {
	struct step_run *run;
	struct render_op *op;
};

static bool find_template(struct step_run *run, size_t *index, struct err *err)
{
	struct rendering *rendering = run->state;
	const char *name = json_str(run->args, "template", "");

	rendering->run = run;
	if (!run->env->runner)
		return err_set(err, ERR_INPUT, "no templates are configured");
	return render_find(run->env->runner, name, index) ||
	       err_set(err, ERR_CONFLICT, "there is no template \"%s\" any more", name);
}

static void on_applied(void *arg, const struct render_applied *result)
{
	struct rendering *rendering = arg;
	struct err err = result->err, ignored;
	struct json *document;

	rendering->op = NULL;
	/* Kept even when the step failed afterwards: the way back is known then, too. */
	if (result->written && result->generation) {
		document = json_new_object();
		json_add_int(document, "generation", (int64_t)result->generation);
		if (!step_save(rendering->run, document, result->ok ? &err : &ignored)) {
			step_finish(rendering->run, &err, NULL);
			return;
		}
	}
	if (!result->ok && !err.code)
		err_set(&err, ERR_REFUSED, "%s", result->message);
	if (!result->ok && result->restored)
		err_context(&err, "the old file is back");
	step_finish(rendering->run, result->ok ? NULL : &err, result->message);
}

static bool start_apply(struct step_run *run, unsigned flags, struct err *err)
{
	struct rendering *rendering = run->state;
	struct render_apply apply = {
		.flags = flags,
		.pending_sha256 = json_str(run->args, "pending_sha256", NULL),
		.live_sha256 = json_str(run->args, "live_sha256", NULL),
	};
	size_t index;

	if (!find_template(run, &index, err))
		return false;
	rendering->op =
		render_apply_start(run->env->runner, index, &apply, on_applied, rendering, err);
	return rendering->op != NULL;
}

static bool write_apply(struct step_run *run, struct err *err)
{
	return start_apply(run, RENDER_DO_WRITE, err);
}

static bool apply_apply(struct step_run *run, struct err *err)
{
	return start_apply(run, RENDER_DO_WRITE | RENDER_DO_RELOAD, err);
}

static bool rollback_apply(struct step_run *run, struct err *err)
{
	struct rendering *rendering = run->state;
	size_t index;

	if (!find_template(run, &index, err))
		return false;
	rendering->op = render_rollback_start(
		run->env->runner, index, (uint64_t)json_int(run->args, "generation", 0),
		json_str(run->args, "live_sha256", NULL), on_applied, rendering, err);
	return rendering->op != NULL;
}

static void cancel(struct step_run *run)
{
	struct rendering *rendering = run->state;

	render_op_cancel(&rendering->op);
}

static bool undo(const struct action_env *env, const struct json *args, const struct json *saved,
		 struct plan_target *target, struct err *err)
{
	const char *name = json_str(args, "template", "");
	int64_t generation = json_int(saved, "generation", 0);
	struct json *back;
	size_t index;

	if (!generation)
		return err_set(err, ERR_REFUSED, "it wrote nothing");
	if (!env->runner || !render_find(env->runner, name, &index))
		return err_set(err, ERR_REFUSED, "there is no template \"%s\" any more", name);
	back = json_new_object();
	json_add_str(back, "template", name);
	json_add_int(back, "generation", generation);
	json_add_str(back, "live_sha256", render_status(env->runner, index)->live_sha256);
	plan_add_step(target, &step_render_rollback, back,
		      "bring back the text that %s had before (generation %lld), check and reload",
		      name, (long long)generation);
	return true;
}

const struct step_kind step_render_write = {
	.name = "render-write",
	.apply = write_apply,
	.cancel = cancel,
	.undo = undo,
	.state_size = sizeof(struct rendering),
	.confirm = PLAN_CONFIRM_YES,
};

const struct step_kind step_render_apply = {
	.name = "render-apply",
	.apply = apply_apply,
	.cancel = cancel,
	.undo = undo,
	.state_size = sizeof(struct rendering),
	.confirm = PLAN_CONFIRM_YES,
};

const struct step_kind step_render_rollback = {
	.name = "render-rollback",
	.apply = rollback_apply,
	.cancel = cancel,
	.undo = undo,
	.state_size = sizeof(struct rendering),
	.confirm = PLAN_CONFIRM_YES,
};
