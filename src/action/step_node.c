/* What a node leaves that is gone for good, besides its endpoints: calico/node_clean.h reads,
 * judges and compares itself, so these kinds have no check of their own. */
#include "binnacle/action/env.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/calico/node_clean.h"

struct removal {
	struct step_run *run;
	struct calico_node_clean *clean;
};

static bool save(void *arg, struct json *document, struct err *err)
{
	struct removal *removal = arg;

	return step_save(removal->run, document, err);
}

static void on_clean(void *arg, const struct calico_clean_result *result)
{
	struct removal *removal = arg;
	struct err err = result->err;

	removal->clean = NULL;
	switch (result->outcome) {
	case CALICO_DONE:
		step_finish(removal->run, NULL,
			    result->unconfirmed ? "done, seen by reading again" : "done");
		return;
	case CALICO_ALREADY_GONE:
		step_finish(removal->run, NULL, "already gone");
		return;
	case CALICO_CHANGED:
		err.code = ERR_CONFLICT;
		break;
	case CALICO_REFUSED:
		err.code = ERR_REFUSED;
		break;
	case CALICO_UNCONFIRMED:
		err.code = ERR_UNREACHABLE;
		break;
	case CALICO_FAILED:
		/* Some of it may be done, so this is never a target that was merely skipped. */
		if (!err.code || err.code == ERR_CONFLICT)
			err.code = ERR_REFUSED;
		break;
	}
	if (!*err.msg)
		err_set(&err, err.code, "%s", calico_outcome_name(result->outcome));
	step_finish(removal->run, &err, NULL);
}

static bool begin(struct step_run *run, struct calico_node_env *env, struct err *err)
{
	struct removal *removal = run->state;

	if (!run->env->etcd)
		return err_set(err, ERR_INPUT, "no Calico datastore is configured");
	removal->run = run;
	*env = (struct calico_node_env){ .etcd = run->env->etcd, .arg = removal, .save = save };
	return true;
}

static void cancel(struct step_run *run)
{
	struct removal *removal = run->state;

	calico_node_clean_cancel(&removal->clean);
}

static bool block_apply(struct step_run *run, struct err *err)
{
	const char *text = json_str(run->args, "block", "");
	struct removal *removal = run->state;
	struct calico_node_env env;
	struct calico_net block;

	if (!calico_net_parse(&block, text))
		return err_set(err, ERR_INPUT, "\"%s\" is no block", text);
	if (!begin(run, &env, err))
		return false;
	removal->clean = calico_unclaim_start(&env, json_str(run->args, "node", ""), &block,
					      on_clean, removal);
	return true;
}

static bool node_apply(struct step_run *run, struct err *err)
{
	struct removal *removal = run->state;
	struct calico_node_env env;

	if (!begin(run, &env, err))
		return false;
	removal->clean =
		calico_forget_node_start(&env, json_str(run->args, "node", ""), on_clean, removal);
	return true;
}

static bool restore_apply(struct step_run *run, struct err *err)
{
	struct removal *removal = run->state;
	struct calico_node_env env;

	if (!begin(run, &env, err))
		return false;
	removal->clean = calico_node_restore_start(&env, run->args, on_clean, removal);
	return true;
}

static bool restore(const struct json *saved, struct plan_target *target, const char *what,
		    const char *name, struct err *err)
{
	if (!saved)
		return err_set(err, ERR_REFUSED, "it was gone already");
	plan_add_step(target, &step_restore_node, json_copy(saved), "%s %s", what, name);
	return true;
}

static bool block_undo(const struct action_env *env, const struct json *args,
		       const struct json *saved, struct plan_target *target, struct err *err)
{
	(void)env;
	return restore(saved, target, "give its node the block back, if it is still nobody's:",
		       json_str(args, "block", ""), err);
}

static bool node_undo(const struct action_env *env, const struct json *args,
		      const struct json *saved, struct plan_target *target, struct err *err)
{
	(void)env;
	return restore(saved, target, "write the saved keys back, if none is there again, of node",
		       json_str(args, "node", ""), err);
}

const struct step_kind step_release_block = {
	.name = "release-block",
	.apply = block_apply,
	.cancel = cancel,
	.undo = block_undo,
	.undo_when_failed = true,
	.state_size = sizeof(struct removal),
	.confirm = PLAN_CONFIRM_TYPED,
};

const struct step_kind step_remove_node = {
	.name = "remove-node",
	.apply = node_apply,
	.cancel = cancel,
	.undo = node_undo,
	.undo_when_failed = true,
	.state_size = sizeof(struct removal),
	.confirm = PLAN_CONFIRM_TYPED,
};

const struct step_kind step_restore_node = {
	.name = "restore-node",
	.apply = restore_apply,
	.cancel = cancel,
	.state_size = sizeof(struct removal),
	.confirm = PLAN_CONFIRM_YES,
};
