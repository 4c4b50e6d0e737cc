/* Templates and nginx: what is pending, is it right, write it, load it, take it back. The plans
 * carry the hashes of the texts that the operator saw (render/runner.h compares them). */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "binnacle/model/model.h"
#include "binnacle/nginx/control.h"
#include "binnacle/render/runner.h"
#include "rows.h"

#define CONTEXT_LINES     3
#define READY_PATIENCE_MS 10000

static bool consul_is_lost(const struct command_call *call)
{
	enum source_health health = model_source(call->env->model, SOURCE_CONSUL)->health;

	return health == SOURCE_DOWN || health == SOURCE_DENIED;
}

/* A line that names templates is about these, any other about all. */
static bool is_meant(const struct command_call *call, size_t index)
{
	const struct command_line *line = call->line;
	size_t named;

	if (call->command->table != MODEL_RENDERS || !line->word_count)
		return true;
	for (size_t i = 0; i < line->word_count; i++)
		if (render_find(call->env->runner, line->words[i], &named) && named == index)
			return true;
	return false;
}

/* A runner that has just started has asked for the data and waits for the answers. */
bool renders_are_ready(const struct command_call *call)
{
	const struct render_runner *runner = call->env->runner;

	if (consul_is_lost(call))
		return true;
	for (size_t i = 0; runner && i < render_count(runner); i++)
		if (render_status(runner, i)->state == RENDER_WAITING && is_meant(call, i))
			return false;
	return true;
}

static bool need_runner(const struct command_call *call, struct err *err)
{
	return (call->env->runner && render_count(call->env->runner)) ||
	       err_set(err, ERR_INPUT, "no templates are configured");
}

/* The templates that a line names, all when it names none. The caller frees. */
static bool chosen(struct command_call *call, size_t **out, size_t *count, struct err *err)
{
	const struct command_line *line = call->line;
	const struct render_runner *runner = call->env->runner;
	size_t total = line->word_count ? line->word_count : render_count(runner);

	*out = xcalloc(total + 1, sizeof(**out));
	*count = total;
	for (size_t i = 0; i < total; i++) {
		if (!line->word_count) {
			(*out)[i] = i;
		} else if (!render_find(runner, line->words[i], &(*out)[i])) {
			free(*out);
			return err_set(err, ERR_NOT_FOUND, "there is no template \"%s\"",
				       line->words[i]);
		}
	}
	return true;
}

/* Why a template has no text: a mistake in it, or data that does not come. */
static bool no_text(const struct command_call *call, const struct render_status *status,
		    struct err *err)
{
	const struct source_status *consul = model_source(call->env->model, SOURCE_CONSUL);

	if (status->err.code) {
		*err = status->err;
		return text_starts_with(err->msg, status->name)
			       ? false
			       : err_context(err, "%s", status->name);
	}
	return err_set(
		err, consul_is_lost(call) ? ERR_UNREACHABLE : ERR_REFUSED, "%s waits for %s%s%s%s",
		status->name, status->waiting_count ? status->waiting_for[0] : "data",
		status->waiting_count > 1 ? " and more" : "", consul_is_lost(call) ? ": " : "",
		consul_is_lost(call) ? consul->message : "");
}

static void put_diff(struct command_call *call, size_t index, struct strbuf *out, bool *differs,
		     struct err *err)
{
	const struct render_status *status = render_status(call->env->runner, index);
	struct diff diff;

	if (!render_diff(call->env->runner, index, CONTEXT_LINES, &diff)) {
		no_text(call, status, err);
		return;
	}
	*differs |= diff.added || diff.removed;
	if (call->line->stat) {
		if (diff.added || diff.removed)
			strbuf_addf(out, "%s  +%zu -%zu\n", status->name, diff.added, diff.removed);
	} else {
		diff_print_unified(out, &diff, status->destination, status->name);
	}
	diff_release(&diff);
}

static bool asks_for_generations(const struct command_line *line)
{
	return line->from || line->to;
}

/* Two texts of one template; what is not named is the file. */
static bool diff_generations(struct command_call *call, struct err *err)
{
	const struct command_line *line = call->line;
	const struct render_runner *runner = call->env->runner;
	const char *names[] = { line->from ? line->from : "live", line->to ? line->to : "live" };
	struct strbuf texts[2] = { STRBUF_INIT, STRBUF_INIT }, out = STRBUF_INIT;
	char *labels[2];
	struct diff diff;
	size_t index;
	bool ok, differs = false;

	if (line->word_count != 1)
		return err_set(err, ERR_INPUT, "say which template: diff TEMPLATE --from 3 --to 5");
	if (!render_find(runner, line->words[0], &index))
		return err_set(err, ERR_NOT_FOUND, "there is no template \"%s\"", line->words[0]);
	ok = render_text_named(runner, index, names[0], &texts[0], err) &&
	     render_text_named(runner, index, names[1], &texts[1], err);
	if (ok) {
		const struct render_status *status = render_status(runner, index);

		for (size_t i = 0; i < 2; i++)
			labels[i] = xasprintf("%s@%s", status->destination, names[i]);
		diff_compute(&diff, texts[0].buf, texts[0].len, texts[1].buf, texts[1].len,
			     CONTEXT_LINES);
		differs = diff.added || diff.removed;
		if (!line->stat)
			diff_print_unified(&out, &diff, labels[0], labels[1]);
		else if (differs)
			strbuf_addf(&out, "%s  %s -> %s  +%zu -%zu\n", status->name, names[0],
				    names[1], diff.added, diff.removed);
		diff_release(&diff);
		call->front->text(call->front_arg, "diff", out.buf, out.len, !line->stat);
		for (size_t i = 0; i < 2; i++)
			free(labels[i]);
		command_end(call, differs ? COMMAND_DIFFERENCES : COMMAND_DONE, NULL);
	}
	for (size_t i = 0; i < 2; i++)
		strbuf_release(&texts[i]);
	strbuf_release(&out);
	return ok;
}

static bool diff_is_ready(const struct command_call *call)
{
	const struct command_line *line = call->line;

	/* What is written already does not wait for data. */
	if (asks_for_generations(line) && !(line->from && strcmp(line->from, "pending") == 0) &&
	    !(line->to && strcmp(line->to, "pending") == 0))
		return true;
	return renders_are_ready(call);
}

static bool run_diff(struct command_call *call, struct err *err)
{
	struct strbuf text = STRBUF_INIT;
	struct err trouble = { 0 };
	size_t *indexes, count;
	bool differs = false;

	if (!need_runner(call, err))
		return false;
	if (asks_for_generations(call->line))
		return diff_generations(call, err);
	if (!chosen(call, &indexes, &count, err))
		return false;
	for (size_t i = 0; i < count; i++)
		put_diff(call, indexes[i], &text, &differs, &trouble);
	call->front->text(call->front_arg, "diff", text.buf, text.len, !call->line->stat);
	strbuf_release(&text);
	free(indexes);
	command_end(call,
		    trouble.code ? command_status_of(&trouble)
		    : differs    ? COMMAND_DIFFERENCES
				 : COMMAND_DONE,
		    trouble.code ? &trouble : NULL);
	return true;
}

/* Checks run one after another: each may take seconds of one nginx. */
struct checking {
	struct command_call *call;
	struct render_op *op;
	size_t *indexes, count, at;
	struct strbuf text;
	bool failed;
	struct err err; /* a check that could not be made */
};

static void check_next(struct checking *checking);

static void on_checked(void *arg, const struct nginx_check_result *result, const struct err *err)
{
	struct checking *checking = arg;
	const char *name =
		render_status(checking->call->env->runner, checking->indexes[checking->at])->name;

	checking->op = NULL;
	if (err) {
		checking->err = *err;
		strbuf_addf(&checking->text, "%s: %s\n", name, err->msg);
	} else if (result->ok) {
		strbuf_addf(&checking->text, "%s: ok (%.2f s)\n", name,
			    (double)result->took_ms / 1000);
	} else {
		checking->failed = true;
		strbuf_addf(&checking->text, "%s: FAIL: %s\n", name, result->message);
	}
	checking->at++;
	check_next(checking);
}

static void check_release(struct checking *checking)
{
	render_op_cancel(&checking->op);
	free(checking->indexes);
	checking->indexes = NULL;
	strbuf_release(&checking->text);
}

static void check_next(struct checking *checking)
{
	struct command_call *call = checking->call;
	enum command_status status;
	struct err err;

	for (; checking->at < checking->count; checking->at++) {
		size_t index = checking->indexes[checking->at];
		const struct render_status *template = render_status(call->env->runner, index);

		if (!*template->nginx) {
			if (call->line->word_count)
				strbuf_addf(&checking->text, "%s: has no nginx to check it with\n",
					    template->name);
			continue;
		}
		if (!template->has_pending) {
			no_text(call, template, &checking->err);
			continue;
		}
		checking->op =
			render_check_start(call->env->runner, index, on_checked, checking, &err);
		if (checking->op)
			return;
		checking->err = err;
		strbuf_addf(&checking->text, "%s: %s\n", template->name, err.msg);
	}
	if (checking->text.len)
		call->front->text(call->front_arg, "check", checking->text.buf, checking->text.len,
				  false);
	else
		call_say(call, LOG_LEVEL_WARN, "no template has an nginx to check it with");
	status = checking->failed     ? COMMAND_DIFFERENCES
		 : checking->err.code ? command_status_of(&checking->err)
				      : COMMAND_DONE;
	err = checking->err;
	check_release(checking);
	command_end(call, status, err.code ? &err : NULL);
}

static bool run_check(struct command_call *call, struct err *err)
{
	struct checking *checking = call->state;

	if (!need_runner(call, err))
		return false;
	if (!chosen(call, &checking->indexes, &checking->count, err))
		return false;
	checking->call = call;
	strbuf_init(&checking->text);
	check_next(checking);
	return true;
}

static void cancel_check(struct command_call *call)
{
	check_release(call->state);
}

static void add_template(struct plan *plan, const struct render_status *status,
			 const struct step_kind *kind, const char *verb)
{
	struct plan_target *target = plan_add_target(plan, "template", status->name, status->name);
	struct json *args = json_new_object();

	json_add_str(args, "template", status->name);
	json_add_str(args, "destination", status->destination);
	json_add_str(args, "pending_sha256", status->pending_sha256);
	json_add_str(args, "live_sha256", status->live_sha256);
	plan_set(&target->evidence, "+%zu -%zu%s%s%s%s", status->added, status->removed,
		 *status->trigger ? "  trigger: " : "", status->trigger,
		 status->check == RENDER_CHECK_OK     ? "  check ok"
		 : status->check == RENDER_CHECK_FAIL ? "  check FAIL"
						      : "",
		 "");
	if (*status->brake)
		plan_set(&target->warning, "held back: %s", status->brake);
	else if (status->check == RENDER_CHECK_FAIL)
		plan_set(&target->warning, "its check fails: %s", status->check_message);
	plan_add_step(target, kind, args, "%s %s (%.8s, the file is %.8s)", verb,
		      status->destination, status->pending_sha256, status->live_sha256);
	/* What a brake held back asks for more than a y. */
	if (*status->brake)
		plan->confirm = PLAN_CONFIRM_TYPED;
}

static const char *sentence_of(const struct render_status *status, bool is_write)
{
	if (*status->nginx)
		return is_write ? "check and write" : "check, write and reload";
	return is_write || !*status->command ? "write" : "write and run its command:";
}

static bool is_pending(const struct render_status *status)
{
	return status->has_pending && strcmp(status->pending_sha256, status->live_sha256) != 0;
}

static void put_batch(struct plan *plan, const struct command_line *line)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_addf(&text, "binnacle --batch %s", line->verb);
	for (size_t i = 0; i < plan->target_count; i++)
		add_shell_word(&text, plan->targets[i].id);
	plan_set(&plan->batch, "%s", text.buf);
	strbuf_release(&text);
}

static bool plan_templates(struct command_call *call, const struct step_kind *kind,
			   struct plan **out, struct err *err)
{
	struct plan *plan;
	struct err trouble = { 0 };
	size_t *indexes, count;

	if (!need_runner(call, err) || !chosen(call, &indexes, &count, err))
		return false;
	plan = plan_new(call->command->verb);
	for (size_t i = 0; i < count; i++) {
		const struct render_status *status = render_status(call->env->runner, indexes[i]);
		bool is_write = kind == &step_render_write;

		if (is_pending(status) || (status->not_loaded && !is_write))
			add_template(plan, status, kind, sentence_of(status, is_write));
		else if (!status->has_pending && !no_text(call, status, &trouble))
			plan_skip(plan, "%s", trouble.msg);
		else if (call->line->word_count)
			plan_skip(plan, "%s: the file is what the data says", status->name);
	}
	free(indexes);
	/* Nothing can be done at all: that is a failure with a reason, not a plan without targets.
	 */
	if (trouble.code && !plan->target_count) {
		plan_free(plan);
		*err = trouble;
		return false;
	}
	put_batch(plan, call->line);
	*out = plan;
	return true;
}

static bool plan_render(struct command_call *call, struct err *err)
{
	struct plan *plan;

	if (!plan_templates(call, &step_render_write, &plan, err))
		return false;
	plan_set(&plan->title, "Write %zu file%s?", plan->target_count,
		 plan->target_count == 1 ? "" : "s");
	plan_set(&plan->operation, "check with nginx -t, then write; no reload");
	plan_set(&plan->effect, "nginx goes on with what it has loaded");
	plan_set(&plan->undo, "rollback: the replaced texts are kept");
	plan_set(&plan->comes_back, "yes, if the mode is auto");
	plan_set(&plan->button, "Write %zu", plan->target_count);
	command_propose(call, plan);
	return true;
}

static bool plan_apply(struct command_call *call, struct err *err)
{
	struct plan *plan;

	if (!plan_templates(call, &step_render_apply, &plan, err))
		return false;
	plan_set(&plan->title, "Apply %zu template%s?", plan->target_count,
		 plan->target_count == 1 ? "" : "s");
	plan_set(&plan->operation,
		 "check with nginx -t, write, reload, verify (as far as a template has an nginx)");
	plan_set(&plan->effect, "workers restart gracefully; if the reload fails, the old file "
				"comes back");
	plan_set(&plan->undo, "rollback: the replaced texts are kept");
	plan_set(&plan->comes_back, "yes, if the mode is auto");
	plan_set(&plan->button, "Apply %zu", plan->target_count);
	command_propose(call, plan);
	return true;
}

static bool add_rollback(struct command_call *call, struct plan *plan, size_t index,
			 struct err *err)
{
	const struct render_status *status = render_status(call->env->runner, index);
	struct target_generations generations = { 0 };
	struct plan_target *target;
	struct json *args;

	if (!render_generations(call->env->runner, index, &generations, err))
		return false;
	if (!generations.len) {
		plan_skip(plan, "%s: no earlier text is kept", status->name);
		target_generations_release(&generations);
		return true;
	}
	args = json_new_object();
	json_add_str(args, "template", status->name);
	json_add_int(args, "generation", (int64_t)generations.items[0].id);
	json_add_str(args, "sha256", generations.items[0].sha256);
	json_add_str(args, "live_sha256", status->live_sha256);
	target = plan_add_target(plan, "template", status->name, status->name);
	plan_set(&target->evidence, "generation %" PRIu64 ", %zu bytes", generations.items[0].id,
		 generations.items[0].size);
	plan_add_step(target, &step_render_rollback, args,
		      "%s, check and reload (%.8s, the file is %.8s)",
		      generations.items[0].absent ? "remove the file, as before"
						  : "write the text that it had before",
		      generations.items[0].sha256, status->live_sha256);
	target_generations_release(&generations);
	return true;
}

static bool plan_rollback(struct command_call *call, struct err *err)
{
	size_t *indexes, count;
	struct plan *plan;
	bool good = true;

	if (!need_runner(call, err))
		return false;
	if (!call->line->word_count && render_count(call->env->runner) > 1)
		return err_set(err, ERR_INPUT, "say which template; there are %zu",
			       render_count(call->env->runner));
	if (!chosen(call, &indexes, &count, err))
		return false;
	plan = plan_new("rollback");
	for (size_t i = 0; i < count && good; i++)
		good = add_rollback(call, plan, indexes[i], err);
	free(indexes);
	if (!good) {
		plan_free(plan);
		return false;
	}
	put_batch(plan, call->line);
	plan_set(&plan->title, "Roll back %zu template%s?", plan->target_count,
		 plan->target_count == 1 ? "" : "s");
	plan_set(&plan->operation, "check the earlier text with nginx -t, write, reload, verify");
	plan_set(&plan->effect, "what the data says is held back until the data changes");
	plan_set(&plan->undo, "rollback again: the replaced text is kept, too");
	plan_set(&plan->comes_back, "when the data changes and the mode is auto");
	plan_set(&plan->button, "Roll back");
	command_propose(call, plan);
	return true;
}

static bool plan_reload(struct command_call *call, struct err *err)
{
	const struct action_env *env = call->env;
	const struct command_line *line = call->line;
	struct plan *plan;

	if (!env->nginx_count)
		return err_set(err, ERR_INPUT, "no nginx is configured");
	for (size_t i = 0; i < line->word_count; i++) {
		size_t at = 0;

		while (at < env->nginx_count && strcmp(env->nginxes[at].name, line->words[i]) != 0)
			at++;
		if (at == env->nginx_count)
			return err_set(err, ERR_NOT_FOUND, "there is no nginx \"%s\"",
				       line->words[i]);
	}
	plan = plan_new("reload");
	for (size_t i = 0; i < env->nginx_count; i++) {
		const struct action_nginx *nginx = &env->nginxes[i];
		struct plan_target *target;
		bool named = !line->word_count;
		struct json *args;

		for (size_t j = 0; j < line->word_count; j++)
			named |= strcmp(line->words[j], nginx->name) == 0;
		if (!named)
			continue;
		args = json_new_object();
		json_add_str(args, "nginx", nginx->name);
		target = plan_add_target(plan, "nginx", nginx->name, nginx->name);
		plan_set(&target->evidence, "%s", nginx_control_path(nginx->control));
		plan_add_step(target, &step_nginx_reload, args,
			      "nginx -t on the live configuration, reload, verify new workers");
	}
	put_batch(plan, line);
	plan_set(&plan->title, "Reload nginx%s%s?", plan->target_count == 1 ? " " : "",
		 plan->target_count == 1 ? plan->targets[0].label : "");
	plan_set(&plan->operation, "reload what is on disk, after nginx -t");
	plan_set(&plan->effect, "workers restart gracefully; open connections drain");
	plan_set(&plan->undo, "rollback writes the previous files and reloads again");
	plan_set(&plan->button, "Reload");
	command_propose(call, plan);
	return true;
}

const struct command render_commands[] = {
	{
		.verb = "diff",
		.args = "[TEMPLATE ...]",
		.summary = "what rendering would change, as a unified diff",
		.help = "With --from or --to: the difference of two texts that a template had or "
			"has\n"
			"(list generations), say diff app.conf --from 3 --to 5. Ends with status "
			"9\n"
			"when there are differences.",
		.options = "stat exit-code from to",
		.table = MODEL_RENDERS,
		.takes_selection = true,
		.needs = MODEL_BIT(MODEL_RENDERS),
		.ready = diff_is_ready,
		.ready_patience_ms = READY_PATIENCE_MS,
		.run = run_diff,
	},
	{
		.verb = "check",
		.args = "[TEMPLATE ...]",
		.summary = "run nginx -t on the pending tree",
		.help = "The live files are not touched. Ends with status 9 when the check fails.",
		.options = "exit-code",
		.table = MODEL_RENDERS,
		.takes_selection = true,
		.needs = MODEL_BIT(MODEL_RENDERS),
		.ready = renders_are_ready,
		.ready_patience_ms = READY_PATIENCE_MS,
		.run = run_check,
		.cancel = cancel_check,
		.state_size = sizeof(struct checking),
	},
	{
		.verb = "render",
		.args = "[TEMPLATE ...]",
		.summary = "check and write the files, without a reload",
		.table = MODEL_RENDERS,
		.takes_selection = true,
		.needs = MODEL_BIT(MODEL_RENDERS),
		.ready = renders_are_ready,
		.ready_patience_ms = READY_PATIENCE_MS,
		.plan = plan_render,
	},
	{
		.verb = "apply",
		.args = "[TEMPLATE ...]",
		.summary = "check, write, reload and verify",
		.help = "Without names: all templates whose file is not what the data says. If "
			"the\n"
			"reload fails, the old file comes back.",
		.table = MODEL_RENDERS,
		.takes_selection = true,
		.needs = MODEL_BIT(MODEL_RENDERS),
		.ready = renders_are_ready,
		.ready_patience_ms = READY_PATIENCE_MS,
		.plan = plan_apply,
	},
	{
		.verb = "rollback",
		.args = "[TEMPLATE ...]",
		.summary = "bring back the text that a file had before",
		.table = MODEL_RENDERS,
		.takes_selection = true,
		.needs = MODEL_BIT(MODEL_RENDERS),
		.ready = renders_are_ready,
		.ready_patience_ms = READY_PATIENCE_MS,
		.plan = plan_rollback,
	},
	{
		.verb = "reload",
		.args = "[NGINX ...]",
		.summary = "reload nginx with what is on disk",
		.table = -1,
		.plan = plan_reload,
	},
};
const size_t render_command_count = COUNT_OF(render_commands);
