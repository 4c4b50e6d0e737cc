/*
 * Docker's own record of an endpoint that is gone. Only the daemon that wrote it may drop it: told
 * so, it has its plugin remove endpoint and address, too. Told so about somebody else's, it takes
 * the address of a running container, and says nothing. So right before, the record's owner is read
 * from Docker's cluster store, everything is read and asked again, and calico_ghost_may_disconnect
 * decides.
 */
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/calico/clean.h"
#include "binnacle/calico/record.h"
#include "binnacle/docker/docker.h"
#include "binnacle/feed/calico_feed.h"
#include "binnacle/net/endpoint.h"

/* Docker waits a minute for a plugin that is not there. */
#define DISCONNECT_TIMEOUT_MS 100000
#define LOCATOR_BYTES         256

struct dropping {
	struct step_run *run;
	/* What is under way; at most one of these. */
	struct calico_record_read *owner_read;
	struct calico_read *read;
	void *query;
	struct docker_call *call;

	char locator[LOCATOR_BYTES];
	struct calico_state *state;
	int64_t asked_mono_ms;
};

static void release(struct dropping *dropping)
{
	calico_record_read_cancel(&dropping->owner_read);
	calico_read_cancel(&dropping->read);
	if (dropping->query)
		calico_feed_query_cancel(dropping->run->env->calico_feed, dropping->query);
	dropping->query = NULL;
	docker_call_cancel(&dropping->call);
	calico_state_unref(dropping->state);
	dropping->state = NULL;
}

static void drop_end(struct dropping *dropping, const struct err *err, const char *message)
{
	release(dropping);
	step_finish(dropping->run, err, message);
}

static void drop_refuse(struct dropping *dropping, const char *why)
{
	struct err err;

	err_set(&err, ERR_CONFLICT, "%s", why);
	drop_end(dropping, &err, NULL);
}

static const char *arg_of(const struct dropping *dropping, const char *name)
{
	return json_str(dropping->run->args, name, "");
}

static struct docker *daemon_of(const struct action_env *env, const char *node)
{
	for (size_t i = 0; i < env->docker_count; i++)
		if (strcmp(env->dockers[i].node, node) == 0)
			return env->dockers[i].docker;
	return NULL;
}

static void on_state_after(void *arg, struct calico_state *state, const struct err *err)
{
	struct dropping *dropping = arg;
	const struct calico_wep *wep = NULL;

	dropping->read = NULL;
	if (state)
		wep = calico_state_wep(state, arg_of(dropping, "key"));
	if (err)
		drop_end(dropping, NULL, "Docker has dropped it; Calico's data cannot be read now");
	else if (wep) {
		/* A daemon that has not used the network since it started does not ask its plugin.
		 */
		log_warn("action",
			 "Docker of %s has dropped its record of %s, but its plugin left the "
			 "endpoint: clean it next",
			 arg_of(dropping, "node"), arg_of(dropping, "name"));
		drop_end(dropping, NULL, "Docker has dropped it, but its plugin left the endpoint");
	} else
		drop_end(dropping, NULL, "Docker has dropped it, and its plugin the endpoint");
}

static void on_disconnected(void *arg, const struct json *doc, const struct err *err)
{
	struct dropping *dropping = arg;

	(void)doc;
	dropping->call = NULL;
	if (err)
		drop_end(dropping, err, NULL);
	else
		dropping->read =
			calico_read_start(dropping->run->env->etcd, on_state_after, dropping);
}

/* Docker and its plugin remove the endpoint, so its document is kept. */
static bool save(struct dropping *dropping, const struct calico_wep_verdict *verdict,
		 struct err *err)
{
	struct json *document = json_new_object();

	json_add_str(document, "key", verdict->wep->key);
	json_add_str(document, "value", verdict->wep->value);
	json_add_str(document, "locator", dropping->locator);
	json_add_str(document, "record", verdict->record->name);
	json_add_str(document, "verdict", calico_verdict_name(verdict->verdict));
	return step_save(dropping->run, document, err);
}

static void disconnect(struct dropping *dropping, const struct calico_record *record)
{
	struct docker *docker = daemon_of(dropping->run->env, arg_of(dropping, "node"));
	struct strbuf path = STRBUF_INIT, body = STRBUF_INIT;
	struct json *request = json_new_object();

	strbuf_addstr(&path, "/networks/");
	url_escape(&path, record->network_id);
	strbuf_addstr(&path, "/disconnect");
	json_add_str(request, "Container", record->name);
	json_add_bool(request, "Force", true);
	json_print(&body, request);
	dropping->call = docker_send(docker, "POST", path.buf, body.buf, DISCONNECT_TIMEOUT_MS,
				     on_disconnected, dropping);
	json_free(request);
	strbuf_release(&path);
	strbuf_release(&body);
}

static bool all_asked_anew(const struct dropping *dropping, const struct calico_source *sources,
			   size_t count, struct err *err)
{
	for (size_t i = 0; i < count; i++)
		if (!sources[i].view || !sources[i].view->complete ||
		    sources[i].view->started_mono_ms < dropping->asked_mono_ms)
			return err_set(err, ERR_REFUSED,
				       "Docker of %.80s has not answered completely: it may have "
				       "the address",
				       sources[i].node ? sources[i].node : "an unmapped daemon");
	return true;
}

static void on_sources(void *arg, const struct calico_source *sources, size_t count)
{
	struct dropping *dropping = arg;
	struct calico_clean_env env = { 0 };
	struct calico_evidence_base base = { .state = dropping->state,
					     .sources = sources,
					     .source_count = count,
					     .now_mono_ms = clock_mono_ms() };
	const struct calico_wep_verdict *verdict;
	struct calico_report *report;
	struct err err = { 0 };
	bool ok;

	dropping->query = NULL;
	calico_feed_clean_env(dropping->run->env->calico_feed, &env);
	base.history = env.history;
	base.grace_ms = env.grace_ms;
	report = calico_judge(&base);
	verdict = calico_report_wep(report, arg_of(dropping, "key"));
	ok = verdict != NULL;
	if (!ok)
		err_set(&err, ERR_CONFLICT, "the endpoint is gone by now");
	else if (!calico_verdict_is_dead(verdict->verdict) || !verdict->record)
		ok = err_set(&err, ERR_CONFLICT, "the endpoint is %s now: %s",
			     calico_verdict_name(verdict->verdict), verdict->why);
	else
		ok = strcmp(verdict->record->name, arg_of(dropping, "name")) == 0 ||
		     err_set(&err, ERR_CONFLICT, "the record is that of %.100s now",
			     verdict->record->name);
	ok = ok && all_asked_anew(dropping, sources, count, &err) &&
	     calico_ghost_may_disconnect(&base, verdict, dropping->locator, &err) &&
	     save(dropping, verdict, &err);
	if (ok)
		disconnect(dropping, verdict->record);
	calico_report_free(report);
	if (!ok)
		drop_end(dropping, &err, NULL);
}

static void on_state(void *arg, struct calico_state *state, const struct err *err)
{
	struct dropping *dropping = arg;

	dropping->read = NULL;
	if (err) {
		drop_end(dropping, err, NULL);
		return;
	}
	dropping->state = calico_state_ref(state);
	dropping->asked_mono_ms = clock_mono_ms();
	dropping->query =
		calico_feed_query(dropping->run->env->calico_feed, NULL, on_sources, dropping);
}

static void on_owner(void *arg, const struct calico_record_owner *owner, const struct err *err)
{
	struct dropping *dropping = arg;
	size_t len;

	dropping->owner_read = NULL;
	if (err) {
		drop_end(dropping, err, NULL);
		return;
	}
	len = strlen(owner->locator);
	if (strcmp(owner->name, arg_of(dropping, "name")) != 0 || len >= LOCATOR_BYTES) {
		drop_refuse(dropping, "the record in the cluster store is another container's");
		return;
	}
	memcpy(dropping->locator, owner->locator, len + 1);
	dropping->read = calico_read_start(dropping->run->env->etcd, on_state, dropping);
}

static bool drop_apply(struct step_run *run, struct err *err)
{
	struct dropping *dropping = run->state;

	dropping->run = run;
	if (!run->env->calico_feed || !run->env->etcd || !run->env->http)
		return err_set(err, ERR_INPUT, "no Calico datastore is configured");
	if (!daemon_of(run->env, arg_of(dropping, "node")))
		return err_set(err, ERR_INPUT, "no docker block names node %s",
			       arg_of(dropping, "node"));
	dropping->owner_read = calico_record_read_start(
		run->env->http, arg_of(dropping, "cluster_store"), arg_of(dropping, "network_id"),
		arg_of(dropping, "endpoint_id"), on_owner, dropping, err);
	return dropping->owner_read != NULL;
}

static void cancel(struct step_run *run)
{
	release(run->state);
}

const struct step_kind step_disconnect_record = {
	.name = "disconnect-record",
	.apply = drop_apply,
	.cancel = cancel,
	.state_size = sizeof(struct dropping),
	.confirm = PLAN_CONFIRM_TYPED,
	.irreversible = true,
};
