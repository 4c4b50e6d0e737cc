/* The registrar's surroundings: see the header. */
#include "support/stage.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/register/registry.h"
#include "support/peer.h"

struct store_call {
	struct store *store;
	struct loop_deferred *deferred;
	enum { STORE_PING, STORE_ADD, STORE_REMOVE, STORE_LIST, STORE_DRAIN } kind;
	char *id;
	bool on;
	struct json *entry;
	registry_fn *done;
	void *arg;
};

static void free_store_call(struct store_call *call)
{
	loop_deferred_cancel(&call->deferred);
	free(call->id);
	json_free(call->entry);
	free(call);
}

static void on_store(void *arg)
{
	struct store_call *call = arg;
	struct store *store = call->store;
	struct json *doc = NULL;
	struct err err = { 0 };

	call->deferred = NULL;
	if (call->kind == STORE_LIST && store->holds_lists) {
		call->deferred = loop_defer(store->loop, on_store, call);
		return;
	}
	if (store->is_down) {
		err_set(&err, ERR_UNREACHABLE, "no answer");
	} else if (call->kind == STORE_ADD) {
		store->adds++;
		if (store->refused_id && strcmp(store->refused_id, call->id) == 0) {
			err_set(&err, ERR_REFUSED, "agent answered 500");
		} else {
			json_set(store->services, call->id, call->entry);
			call->entry = NULL;
		}
	} else if (call->kind == STORE_REMOVE) {
		store->removes++;
		if (!json_member(store->services, call->id))
			err_set(&err, ERR_NOT_FOUND, "unknown service");
		json_remove(store->services, call->id);
	} else if (call->kind == STORE_DRAIN) {
		strbuf_addf(&store->drains, "%s %s;", call->on ? "on" : "off", call->id);
	} else if (store->denies_lists) {
		err_set(&err, ERR_DENIED, "no permission");
	} else if (call->kind == STORE_LIST) {
		doc = call->entry;
		call->entry = NULL;
	}
	call->done(call->arg, doc, err.code ? &err : NULL);
	json_free(doc);
	free_store_call(call);
}

static struct store_call *store_call(struct store *store, int kind,
				     const struct register_service *service, registry_fn *done,
				     void *arg)
{
	struct store_call *call = calloc(1, sizeof(*call));

	call->store = store;
	call->kind = kind;
	call->done = done;
	call->arg = arg;
	if (service)
		call->id = strdup(service->id);
	call->deferred = loop_defer(store->loop, on_store, call);
	return call;
}

static void *store_ping(void *self, registry_fn *done, void *arg)
{
	return store_call(self, STORE_PING, NULL, done, arg);
}

static void *store_add(void *self, const struct register_service *service, registry_fn *done,
		       void *arg)
{
	struct store_call *call = store_call(self, STORE_ADD, service, done, arg);
	struct json *list;

	call->entry = json_new_object();
	json_add_str(call->entry, "Service", service->name);
	json_add_str(call->entry, "Address", service->address);
	json_add_int(call->entry, "Port", service->port);
	list = json_add_array(call->entry, "Tags");
	for (size_t i = 0; i < service->tag_count; i++)
		json_add_str(list, NULL, service->tags[i]);
	list = json_add_object(call->entry, "Meta");
	for (size_t i = 0; i < service->meta_count; i++)
		json_add_str(list, service->meta[i].key, service->meta[i].value);
	return call;
}

static void *store_remove(void *self, const struct register_service *service, registry_fn *done,
			  void *arg)
{
	return store_call(self, STORE_REMOVE, service, done, arg);
}

static void *store_list(void *self, registry_fn *done, void *arg)
{
	struct store_call *call = store_call(self, STORE_LIST, NULL, done, arg);

	call->entry = json_copy(call->store->services);
	return call;
}

static void *store_drain(void *self, const struct register_service *service, bool on,
			 registry_fn *done, void *arg)
{
	struct store_call *call = store_call(self, STORE_DRAIN, service, done, arg);

	call->on = on;
	return call;
}

static void store_cancel(void *self, void *handle)
{
	(void)self;
	free_store_call(handle);
}

const struct registry_ops stage_store_ops = {
	.name = "memory",
	.ping = store_ping,
	.add = store_add,
	.remove = store_remove,
	.list = store_list,
	.drain = store_drain,
	.cancel = store_cancel,
};

int stage_set_up(void **state)
{
	struct stage *stage = calloc(1, sizeof(*stage));
	struct docker_config config = { .name = "node-1" };
	struct err err;

	stage->loop = loop_new();
	stage->http = http_new(stage->loop);
	stage->peer = peer_new(stage->loop);
	config.host = peer_url(stage->peer);
	stage->docker = docker_new(stage->loop, stage->http, &config, &err);
	stage->store.loop = stage->loop;
	stage->store.services = json_new_object();
	stage->registry = registry_new(&stage_store_ops, &stage->store, "memory");
	stage->options = (struct register_options){ .hostname = "host-1",
						    .host_ip = "192.0.2.1",
						    .resync_ms = -1 };
	stage->time_ns = 1700000000000000000;
	strbuf_init(&stage->events);
	strbuf_init(&stage->store.drains);
	strbuf_init(&stage->done_text);
	*state = stage;
	return 0;
}

int stage_tear_down(void **state)
{
	struct stage *stage = *state;

	registrar_free(stage->registrar);
	registry_free(stage->registry);
	json_free(stage->store.services);
	docker_free(stage->docker);
	http_free(stage->http);
	peer_free(stage->peer);
	loop_free(stage->loop);
	for (size_t i = 0; i < stage->running.count; i++)
		free(stage->running.entries[i].value);
	strmap_release(&stage->running);
	strbuf_release(&stage->events);
	strbuf_release(&stage->store.drains);
	strbuf_release(&stage->done_text);
	free(stage);
	log_release();
	return 0;
}

/* Teach the daemon the present truth. */
void stage_publish(struct stage *stage)
{
	struct strbuf list = STRBUF_INIT;

	peer_forget(stage->peer);
	peer_script(stage->peer,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	for (size_t i = 0; i < stage->running.count; i++) {
		const char *id = stage->running.entries[i].key;
		char *request = xasprintf("GET /containers/%s/json", id);

		peer_answer(stage->peer, request, 200, NULL, stage->running.entries[i].value);
		strbuf_addf(&list, "%s{\"Id\":\"%s\",\"State\":\"running\"}", i ? "," : "[", id);
		free(request);
	}
	strbuf_addstr(&list, stage->running.count ? "]" : "[]");
	peer_answer(stage->peer, "GET /containers/json", 200, NULL, list.buf);
	strbuf_release(&list);
}

void stage_put_document(struct stage *stage, const char *id, const char *name, const char *env,
			bool runs)
{
	char *text = xasprintf(
		"{\"Id\":\"%s\",\"Name\":\"/%s\",\"State\":{\"Running\":%s,\"ExitCode\":3},"
		"\"HostConfig\":{\"NetworkMode\":\"calico\"},\"Config\":{\"Image\":\"web\","
		"\"ExposedPorts\":{\"80/tcp\":{}},\"Env\":[%s]},\"NetworkSettings\":{"
		"\"Ports\":{},\"Networks\":{\"calico\":{\"IPAddress\":\"10.233.0.9\"}}}}",
		id, name, runs ? "true" : "false", env);

	free(strmap_put(&stage->running, id, text));
	stage_publish(stage);
}

void stage_run_box(struct stage *stage, const char *id, const char *name)
{
	stage_put_document(stage, id, name, "", true);
}

void stage_end_box(struct stage *stage, const char *id)
{
	free(strmap_remove(&stage->running, id));
	stage_publish(stage);
}

void stage_push_event(struct stage *stage, const char *action, const char *id, const char *exit)
{
	char *line = xasprintf("{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"%s\","
			       "\"Attributes\":{\"exitCode\":\"%s\"}},\"timeNano\":%lld}\n",
			       action, id, exit, (long long)stage->time_ns++);

	peer_push(stage->peer, line, strlen(line));
	free(line);
}

static void on_event(void *arg, const struct registrar_event *event)
{
	struct stage *stage = arg;

	assert_string_equal(event->node, "node-1");
	if (event->action == REGISTRAR_REMOVED && strcmp(event->source, "event") == 0) {
		/* Known at least from the id, unless a mark says what is ours. */
		if (!stage->options.registered_by)
			assert_string_not_equal(event->container, "");
		stage->removals_with_owner += *event->container_id != '\0';
	}
	strbuf_addf(&stage->events, "%s %s %s %s;", registrar_action_name(event->action),
		    event->service, event->instance, event->why);
}

bool stage_is_synced(void *arg)
{
	struct stage *stage = arg;
	struct registrar_status status;

	registrar_get_status(stage->registrar, &status);
	return status.synced && status.docker_up && peer_streams(stage->peer) > 0;
}

void stage_start(struct stage *stage, enum registrar_mode mode)
{
	struct registrar_callbacks callbacks = { .event = on_event };
	struct err err = { 0 };

	stage->registrar = registrar_new(stage->loop, stage->docker, stage->registry,
					 &stage->options, &callbacks, stage, &err);
	if (!stage->registrar)
		fail_msg("%s", err.msg);
	registrar_set_mode(stage->registrar, mode);
}

void stage_start_synced(struct stage *stage, enum registrar_mode mode)
{
	stage_publish(stage);
	stage_start(stage, mode);
	assert_true(run_until_true(stage->loop, stage_is_synced, stage));
}

bool stage_has_id(void *arg)
{
	struct stage *stage = arg;

	return json_member(stage->store.services, stage->id);
}

bool stage_lacks_id(void *arg)
{
	return !stage_has_id(arg);
}

bool stage_has_count(void *arg)
{
	struct stage *stage = arg;

	return json_count(stage->store.services) == stage->count;
}

bool stage_has_event(void *arg)
{
	struct stage *stage = arg;

	return strstr(stage->events.buf, stage->text);
}

void stage_wait_for_id(struct stage *stage, const char *id)
{
	stage->id = id;
	if (!run_until_true(stage->loop, stage_has_id, stage))
		fail_msg("%s is not registered; events: %s", id, stage->events.buf);
}

void stage_wait_for_removal(struct stage *stage, const char *id)
{
	stage->id = id;
	if (!run_until_true(stage->loop, stage_lacks_id, stage))
		fail_msg("%s is still registered; events: %s", id, stage->events.buf);
}

void stage_wait_for_event(struct stage *stage, const char *text)
{
	stage->text = text;
	if (!run_until_true(stage->loop, stage_has_event, stage))
		fail_msg("no event says %s: %s", text, stage->events.buf);
}

void stage_put_entry(struct stage *stage, const char *id, const char *name)
{
	struct json *entry = json_new_object();

	json_add_str(entry, "Service", name);
	json_set(stage->store.services, id, entry);
}

/* "kind id;" of what is pending. */
void stage_assert_pending(struct stage *stage, const char *want)
{
	const struct reconcile *pending = registrar_pending(stage->registrar);
	struct strbuf got = STRBUF_INIT;

	for (size_t i = 0; i < pending->count; i++)
		strbuf_addf(&got, "%s %s;", reconcile_kind_name(pending->items[i].kind),
			    pending->items[i].id);
	assert_string_equal(got.buf, want);
	strbuf_release(&got);
}
