/* The sequences of calico/clean.h look again themselves right before they act, so most of these
 * kinds have no check of their own; what they find changed comes back as ERR_CONFLICT. */
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/calico/clean.h"
#include "binnacle/feed/calico_feed.h"

#define ADDRESSES_MAX 16

struct cleaning {
	struct step_run *run;
	struct calico_clean *clean;
	/* The node of the step, when the operator has typed that it is gone for good. */
	const char *decommissioned[2];
};

static void *query(void *arg, const char *node, calico_sources_fn *done, void *done_arg)
{
	struct cleaning *cleaning = arg;
	struct calico_feed *feed = cleaning->run->env->calico_feed;

	/* Nobody answers for a node that is gone; that nobody else has it can be asked. */
	if (cleaning->decommissioned[0])
		return calico_feed_query_others(feed, cleaning->decommissioned[0], done, done_arg);
	return calico_feed_query(feed, node, done, done_arg);
}

static void query_cancel(void *arg, void *handle)
{
	struct cleaning *cleaning = arg;

	calico_feed_query_cancel(cleaning->run->env->calico_feed, handle);
}

static bool before_delete(void *arg, const struct calico_undo_record *record, struct err *err)
{
	struct cleaning *cleaning = arg;
	struct json *document = json_new_object(), *evidence;
	char address[CALICO_NET_TEXT_BYTES];

	json_add_str(document, "etcd", record->etcd_address);
	json_add_str(document, "cluster_id", record->cluster_id);
	if (record->wep_key) {
		json_add_str(document, "key", record->wep_key);
		json_add_str(document, "value", record->wep_value);
		json_add_int(document, "created_index", (int64_t)record->wep_created_index);
		json_add_int(document, "modified_index", (int64_t)record->wep_modified_index);
		json_add_str(document, "verdict", calico_verdict_name(record->verdict));
	}
	evidence = json_add_array(document, "evidence");
	for (size_t i = 0; i < record->evidence.count; i++) {
		struct json *item = json_add_object(evidence, NULL);

		json_add_str(item, "source", record->evidence.items[i].source);
		json_add_str(item, "sentence", record->evidence.items[i].sentence);
	}
	if (record->address.version)
		json_add_str(document, "address", calico_net_text(&record->address, address));
	if (record->block_key) {
		json_add_str(document, "block_key", record->block_key);
		json_add_str(document, "block_value", record->block_value);
		json_add_int(document, "block_modified_index",
			     (int64_t)record->block_modified_index);
	}
	return step_save(cleaning->run, document, err);
}

static bool begin(struct step_run *run, struct calico_clean_env *env, struct err *err)
{
	struct cleaning *cleaning = run->state;

	if (!run->env->calico_feed || !run->env->etcd)
		return err_set(err, ERR_INPUT, "no Calico datastore is configured");
	cleaning->run = run;
	*env = (struct calico_clean_env){ 0 };
	calico_feed_clean_env(run->env->calico_feed, env);
	env->loop = run->env->loop;
	env->etcd = run->env->etcd;
	env->arg = cleaning;
	env->query = query;
	env->query_cancel = query_cancel;
	env->before_delete = before_delete;
	if (json_bool(run->args, "decommissioned", false)) {
		cleaning->decommissioned[0] = json_str(run->args, "node", "");
		env->decommissioned = cleaning->decommissioned;
	}
	return true;
}

static void on_clean(void *arg, const struct calico_clean_result *result)
{
	struct cleaning *cleaning = arg;
	struct err err = result->err;

	cleaning->clean = NULL;
	switch (result->outcome) {
	case CALICO_DONE:
		step_finish(cleaning->run, NULL,
			    result->unconfirmed ? "done, seen by reading again" : "done");
		return;
	case CALICO_ALREADY_GONE:
		step_finish(cleaning->run, NULL, "already gone");
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
		if (!err.code)
			err.code = ERR_SYSTEM;
		break;
	}
	if (!*err.msg)
		err_set(&err, err.code, "%s", calico_outcome_name(result->outcome));
	step_finish(cleaning->run, &err, NULL);
}

static bool started(struct cleaning *cleaning, struct err *err)
{
	return cleaning->clean || err_set(err, ERR_INPUT, "the sequence could not be started");
}

static void cancel(struct step_run *run)
{
	struct cleaning *cleaning = run->state;

	calico_clean_cancel(&cleaning->clean);
}

static bool delete_apply(struct step_run *run, struct err *err)
{
	struct cleaning *cleaning = run->state;
	struct calico_clean_env env;

	if (!begin(run, &env, err))
		return false;
	cleaning->clean = calico_delete_start(&env, json_str(run->args, "key", ""),
					      (uint64_t)json_int(run->args, "modified_index", 0),
					      on_clean, cleaning);
	return started(cleaning, err);
}

static bool release_apply(struct step_run *run, struct err *err)
{
	const struct calico_release_options options = {
		.was_leaked = json_bool(run->args, "leaked", false),
		.wep_key = json_str(run->args, "endpoint", NULL),
	};
	struct cleaning *cleaning = run->state;
	struct calico_clean_env env;
	struct calico_net address;

	if (!calico_net_parse(&address, json_str(run->args, "address", "")))
		return err_set(err, ERR_INPUT, "\"%s\" is no address",
			       json_str(run->args, "address", ""));
	if (!begin(run, &env, err))
		return false;
	cleaning->clean = calico_release_start(&env, &address, &options, on_clean, cleaning);
	return started(cleaning, err);
}

/* Nothing in Calico's data says who had an orphan, so it must be one by the newest judgment, too.
 */
static bool orphan_check(struct step_run *run, struct err *err)
{
	const char *text = json_str(run->args, "address", "");
	const struct calico_report *report;
	const struct calico_slot_verdict *slot;
	struct calico_net address;
	struct err changed = { 0 };

	if (!run->env->calico_feed || !(report = calico_feed_report(run->env->calico_feed)))
		return err_set(err, ERR_UNREACHABLE, "Calico's data has not been judged yet");
	if (!calico_net_parse(&address, text))
		return err_set(err, ERR_INPUT, "\"%s\" is no address", text);
	slot = calico_report_slot(report, &address);
	if (!slot)
		err_set(&changed, ERR_CONFLICT, "the address is not assigned any more");
	else if (slot->kind != CALICO_SLOT_ORPHAN || !slot->releasable)
		err_set(&changed, ERR_CONFLICT, "the address is %s: %s",
			calico_slot_verdict_name(slot->kind), slot->why);
	step_finish(run, changed.code ? &changed : NULL, NULL);
	return true;
}

static bool restore_apply(struct step_run *run, struct err *err)
{
	struct cleaning *cleaning = run->state;
	struct calico_net addresses[ADDRESSES_MAX];
	struct calico_undo undo = {
		.wep_key = json_str(run->args, "key", NULL),
		.wep_value = json_str(run->args, "value", NULL),
		.addresses = addresses,
	};
	struct calico_clean_env env;

	JSON_EACH(item, json_get(run->args, "addresses"))
	{
		if (undo.address_count == COUNT_OF(addresses) ||
		    !calico_net_parse(&addresses[undo.address_count++], json_as_str(item, "")))
			return err_set(err, ERR_INPUT, "the saved addresses cannot be read");
	}
	if (!begin(run, &env, err))
		return false;
	cleaning->clean = calico_undo_start(&env, &undo, on_clean, cleaning);
	return started(cleaning, err);
}

static bool delete_undo(const struct action_env *env, const struct json *args,
			const struct json *saved, struct plan_target *target, struct err *err)
{
	struct json *back;

	(void)env;
	if (!json_str(saved, "value", NULL))
		return err_set(err, ERR_REFUSED,
			       "its document was not saved, or it was gone already");
	back = json_new_object();
	json_add_str(back, "key", json_str(saved, "key", ""));
	json_add_str(back, "value", json_str(saved, "value", ""));
	plan_add_step(
		target, &step_restore_endpoint, back,
		"create workloadEndpoint %s of %s again with its saved bytes, if the key is free",
		json_str(args, "name", ""), json_str(args, "node", ""));
	return true;
}

static bool release_undo(const struct action_env *env, const struct json *args,
			 const struct json *saved, struct plan_target *target, struct err *err)
{
	struct json *back = json_new_object(), *addresses = json_add_array(back, "addresses");

	(void)env;
	(void)saved;
	(void)err;
	json_add_str(addresses, NULL, json_str(args, "address", ""));
	plan_add_step(target, &step_restore_endpoint, back,
		      "assign address %s again, if it is still free",
		      json_str(args, "address", ""));
	return true;
}

const struct step_kind step_delete_endpoint = {
	.name = "delete-endpoint",
	.apply = delete_apply,
	.cancel = cancel,
	.undo = delete_undo,
	.state_size = sizeof(struct cleaning),
	.confirm = PLAN_CONFIRM_YES,
	.typed_from = 2,
	.typed_when_doubtful = true,
};

const struct step_kind step_release_address = {
	.name = "release-address",
	.apply = release_apply,
	.cancel = cancel,
	.undo = release_undo,
	.state_size = sizeof(struct cleaning),
	.confirm = PLAN_CONFIRM_YES,
};

const struct step_kind step_release_orphan = {
	.name = "release-orphan",
	.check = orphan_check,
	.apply = release_apply,
	.cancel = cancel,
	.undo = release_undo,
	.state_size = sizeof(struct cleaning),
	.confirm = PLAN_CONFIRM_TYPED,
};

const struct step_kind step_restore_endpoint = {
	.name = "restore-endpoint",
	.apply = restore_apply,
	.cancel = cancel,
	.state_size = sizeof(struct cleaning),
	.confirm = PLAN_CONFIRM_YES,
	.typed_from = 2,
};
