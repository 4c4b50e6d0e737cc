/*
 * Policies in Calico's datastore. What was seen is compared as text and then by the store itself,
 * on the revision that was read right before: a policy that somebody has changed meanwhile is
 * left alone. A write without an answer may have happened, so what stands there is read again.
 */
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/calico/keys.h"
#include "binnacle/etcd/etcd.h"

struct writing {
	struct step_run *run;
	struct etcd_call *call;
	uint64_t modified_index; /* of the check; 0: it does not exist */
	struct err write_err;    /* of a write whose fate is being read */
};

static const char *before_of(const struct step_run *run)
{
	return json_str(run->args, "before", NULL);
}

/* NULL: it is to be deleted. */
static const char *after_of(const struct step_run *run)
{
	return json_str(run->args, "value", NULL);
}

static const char *name_of(const struct step_run *run)
{
	return json_str(run->args, "name", "");
}

static bool read_key(struct step_run *run, etcd_fn *done, struct err *err)
{
	struct writing *writing = run->state;

	if (!run->env->etcd)
		return err_set(err, ERR_INPUT, "no Calico datastore is configured");
	writing->run = run;
	writing->call = etcd_get(run->env->etcd, json_str(run->args, "key", ""), ETCD_QUORUM, done,
				 writing);
	return true;
}

/* What stands there now; NULL: nothing. */
static const char *value_in(const struct json *doc)
{
	return json_str(doc, "node.value", NULL);
}

static void on_checked(void *arg, const struct json *doc, const struct etcd_meta *meta,
		       const struct err *err)
{
	struct writing *writing = arg;
	const char *now = value_in(doc), *before = before_of(writing->run);
	struct err changed = { 0 };

	writing->call = NULL;
	if (err && err->code != ERR_NOT_FOUND) {
		step_finish(writing->run, err, NULL);
		return;
	}
	/* An undo may be of the other store's. */
	if (!calico_key_is_of(meta->api == ETCD_V3 ? CALICO_API_V3 : CALICO_API_V1,
			      json_str(writing->run->args, "key", ""))) {
		err_set(&changed, ERR_REFUSED,
			"the policy %.80s was in the data of another version of Calico's API than "
			"is shown now",
			name_of(writing->run));
		step_finish(writing->run, &changed, NULL);
		return;
	}
	if (err)
		now = NULL;
	writing->modified_index = now ? (uint64_t)json_int(doc, "node.modifiedIndex", 0) : 0;
	if (now && !before)
		err_set(&changed, ERR_CONFLICT, "there is a policy %.80s by now",
			name_of(writing->run));
	else if (!now && before)
		err_set(&changed, ERR_CONFLICT, "the policy %.80s is gone", name_of(writing->run));
	else if (now && strcmp(now, before) != 0)
		err_set(&changed, ERR_CONFLICT, "the policy %.80s has been changed (revision %llu)",
			name_of(writing->run), (unsigned long long)writing->modified_index);
	step_finish(writing->run, changed.code ? &changed : NULL, NULL);
}

static bool check(struct step_run *run, struct err *err)
{
	return read_key(run, on_checked, err);
}

static void on_fate(void *arg, const struct json *doc, const struct etcd_meta *meta,
		    const struct err *err)
{
	struct writing *writing = arg;
	const char *now = value_in(doc), *after = after_of(writing->run);
	bool missing = err && err->code == ERR_NOT_FOUND;

	(void)meta;
	writing->call = NULL;
	if (after ? !err && now && strcmp(now, after) == 0 : missing)
		step_finish(writing->run, NULL, "done, seen by reading again");
	else
		step_finish(writing->run, &writing->write_err, NULL);
}

static void on_written(void *arg, const struct json *doc, const struct etcd_meta *meta,
		       const struct err *err)
{
	struct writing *writing = arg;
	struct err why;

	(void)doc;
	(void)meta;
	writing->call = NULL;
	if (!err) {
		step_finish(writing->run, NULL, "done");
	} else if (err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND) {
		err_set(&why, ERR_CONFLICT, "the policy %.80s has been changed meanwhile",
			name_of(writing->run));
		step_finish(writing->run, &why, NULL);
	} else if (err->code == ERR_DENIED) {
		step_finish(writing->run, err, NULL);
	} else {
		writing->write_err = *err;
		if (!read_key(writing->run, on_fate, &why))
			step_finish(writing->run, err, NULL);
	}
}

static bool apply(struct step_run *run, struct err *err)
{
	struct writing *writing = run->state;
	struct etcd_condition condition = { .prev_index = writing->modified_index };
	const char *key = json_str(run->args, "key", ""), *after = after_of(run);
	struct json *document = json_new_object();

	json_add_str(document, "etcd", etcd_address(run->env->etcd));
	json_add_str(document, "key", key);
	json_add_str(document, "value", before_of(run));
	json_add_int(document, "modified_index", (int64_t)writing->modified_index);
	if (!step_save(run, document, err))
		return false;
	condition.must_exist = after && writing->modified_index;
	condition.must_not_exist = after && !writing->modified_index;
	writing->call =
		after ? etcd_put(run->env->etcd, key, after, &condition, on_written, writing)
		      : etcd_delete(run->env->etcd, key, &condition, on_written, writing);
	return true;
}

static void cancel(struct step_run *run)
{
	struct writing *writing = run->state;

	etcd_call_cancel(&writing->call);
}

/* The other way round: what was written must still stand there. */
static struct json *inverse_of(const struct json *args)
{
	struct json *back = json_new_object();

	json_add_str(back, "name", json_str(args, "name", ""));
	json_add_str(back, "key", json_str(args, "key", ""));
	if (json_str(args, "before", NULL))
		json_add_str(back, "value", json_str(args, "before", ""));
	if (json_str(args, "value", NULL))
		json_add_str(back, "before", json_str(args, "value", ""));
	return back;
}

static bool undo(const struct action_env *env, const struct json *args, const struct json *saved,
		 struct plan_target *target, struct err *err)
{
	const char *name = json_str(args, "name", "");

	(void)env;
	(void)saved;
	(void)err;
	if (!json_str(args, "before", NULL))
		plan_add_step(target, &step_delete_policy, inverse_of(args),
			      "delete policy %s, only if it is still the one that was made", name);
	else
		plan_add_step(target, &step_write_policy, inverse_of(args),
			      "write policy %s as it was before, only if nobody has changed it "
			      "meanwhile",
			      name);
	return true;
}

const struct step_kind step_write_policy = {
	.name = "write-policy",
	.check = check,
	.apply = apply,
	.cancel = cancel,
	.undo = undo,
	.state_size = sizeof(struct writing),
	.confirm = PLAN_CONFIRM_YES,
	.typed_when_doubtful = true,
};

const struct step_kind step_delete_policy = {
	.name = "delete-policy",
	.check = check,
	.apply = apply,
	.cancel = cancel,
	.undo = undo,
	.state_size = sizeof(struct writing),
	.confirm = PLAN_CONFIRM_YES,
	.typed_from = 2,
	.typed_when_doubtful = true,
};
