/*
 * The registrar against a scripted daemon and a registry in memory, whose faults the tests choose.
 */
#include "binnacle/register/registrar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strmap.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/register/registry.h"
#include "support/peer.h"

/* A registry in memory that answers in the next turn of the loop. */

struct store {
	struct loop *loop;
	struct json *services;
	bool is_down;
	const char *refused_id; /* additions of it are refused */
	bool holds_lists;       /* lists are made when asked for, and given when this ends */
	unsigned adds, removes;
};

struct store_call {
	struct store *store;
	struct loop_deferred *deferred;
	enum { STORE_PING, STORE_ADD, STORE_REMOVE, STORE_LIST } kind;
	char *id;
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

static void store_cancel(void *self, void *handle)
{
	(void)self;
	free_store_call(handle);
}

static const struct registry_ops store_ops = {
	.name = "memory",
	.ping = store_ping,
	.add = store_add,
	.remove = store_remove,
	.list = store_list,
	.cancel = store_cancel,
};

/* Everything that one test plays with. */

struct world {
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct docker *docker;
	struct store store;
	struct registry *registry;
	struct registrar *registrar;
	struct register_options options;
	unsigned removals_with_owner;
	struct strbuf events;  /* "action service instance why;" */
	struct strmap running; /* id to inspect document */
	int64_t time_ns;
	/* what a check waits for */
	const char *id, *text;
	size_t count;
	/* tasks */
	bool is_done;
	struct err err;
	struct strbuf done_text;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct docker_config config = { .name = "node-1" };
	struct err err;

	world->loop = loop_new();
	world->http = http_new(world->loop);
	world->peer = peer_new(world->loop);
	config.host = peer_url(world->peer);
	world->docker = docker_new(world->loop, world->http, &config, &err);
	world->store.loop = world->loop;
	world->store.services = json_new_object();
	world->registry = registry_new(&store_ops, &world->store, "memory");
	world->options = (struct register_options){ .hostname = "host-1",
						    .host_ip = "192.0.2.1",
						    .resync_ms = -1 };
	world->time_ns = 1700000000000000000;
	strbuf_init(&world->events);
	strbuf_init(&world->done_text);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	registrar_free(world->registrar);
	registry_free(world->registry);
	json_free(world->store.services);
	docker_free(world->docker);
	http_free(world->http);
	peer_free(world->peer);
	loop_free(world->loop);
	for (size_t i = 0; i < world->running.count; i++)
		free(world->running.entries[i].value);
	strmap_release(&world->running);
	strbuf_release(&world->events);
	strbuf_release(&world->done_text);
	free(world);
	log_release();
	return 0;
}

/* Teach the daemon the present truth. */
static void publish(struct world *world)
{
	struct strbuf list = STRBUF_INIT;

	peer_forget(world->peer);
	peer_script(world->peer,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	for (size_t i = 0; i < world->running.count; i++) {
		const char *id = world->running.entries[i].key;
		char *request = xasprintf("GET /containers/%s/json", id);

		peer_answer(world->peer, request, 200, NULL, world->running.entries[i].value);
		strbuf_addf(&list, "%s{\"Id\":\"%s\",\"State\":\"running\"}", i ? "," : "[", id);
		free(request);
	}
	strbuf_addstr(&list, world->running.count ? "]" : "[]");
	peer_answer(world->peer, "GET /containers/json", 200, NULL, list.buf);
	strbuf_release(&list);
}

static void put_document(struct world *world, const char *id, const char *name, const char *env,
			 bool runs)
{
	char *text = xasprintf(
		"{\"Id\":\"%s\",\"Name\":\"/%s\",\"State\":{\"Running\":%s,\"ExitCode\":3},"
		"\"HostConfig\":{\"NetworkMode\":\"calico\"},\"Config\":{\"Image\":\"web\","
		"\"ExposedPorts\":{\"80/tcp\":{}},\"Env\":[%s]},\"NetworkSettings\":{"
		"\"Ports\":{},\"Networks\":{\"calico\":{\"IPAddress\":\"10.233.0.9\"}}}}",
		id, name, runs ? "true" : "false", env);

	free(strmap_put(&world->running, id, text));
	publish(world);
}

static void run_box(struct world *world, const char *id, const char *name)
{
	put_document(world, id, name, "", true);
}

static void end_box(struct world *world, const char *id)
{
	free(strmap_remove(&world->running, id));
	publish(world);
}

static void push_event(struct world *world, const char *action, const char *id, const char *exit)
{
	char *line = xasprintf("{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"%s\","
			       "\"Attributes\":{\"exitCode\":\"%s\"}},\"timeNano\":%lld}\n",
			       action, id, exit, (long long)world->time_ns++);

	peer_push(world->peer, line, strlen(line));
	free(line);
}

static void on_event(void *arg, const struct registrar_event *event)
{
	struct world *world = arg;

	assert_string_equal(event->node, "node-1");
	if (event->action == REGISTRAR_REMOVED && strcmp(event->source, "event") == 0) {
		assert_string_not_equal(event->container, "");
		world->removals_with_owner += *event->container_id != '\0';
	}
	strbuf_addf(&world->events, "%s %s %s %s;", registrar_action_name(event->action),
		    event->service, event->instance, event->why);
}

static bool is_synced(void *arg)
{
	struct world *world = arg;
	struct registrar_status status;

	registrar_get_status(world->registrar, &status);
	return status.synced && status.docker_up && peer_streams(world->peer) > 0;
}

static void start(struct world *world, enum registrar_mode mode)
{
	struct registrar_callbacks callbacks = { .event = on_event };
	struct err err = { 0 };

	world->registrar = registrar_new(world->loop, world->docker, world->registry,
					 &world->options, &callbacks, world, &err);
	if (!world->registrar)
		fail_msg("%s", err.msg);
	registrar_set_mode(world->registrar, mode);
}

static void start_synced(struct world *world, enum registrar_mode mode)
{
	publish(world);
	start(world, mode);
	assert_true(run_until_true(world->loop, is_synced, world));
}

static bool has_id(void *arg)
{
	struct world *world = arg;

	return json_member(world->store.services, world->id);
}

static bool lacks_id(void *arg)
{
	return !has_id(arg);
}

static bool has_count(void *arg)
{
	struct world *world = arg;

	return json_count(world->store.services) == world->count;
}

static bool has_event(void *arg)
{
	struct world *world = arg;

	return strstr(world->events.buf, world->text);
}

static void wait_for_id(struct world *world, const char *id)
{
	world->id = id;
	if (!run_until_true(world->loop, has_id, world))
		fail_msg("%s is not registered; events: %s", id, world->events.buf);
}

static void wait_for_removal(struct world *world, const char *id)
{
	world->id = id;
	if (!run_until_true(world->loop, lacks_id, world))
		fail_msg("%s is still registered; events: %s", id, world->events.buf);
}

static void wait_for_event(struct world *world, const char *text)
{
	world->text = text;
	if (!run_until_true(world->loop, has_event, world))
		fail_msg("no event says %s: %s", text, world->events.buf);
}

static void put_entry(struct world *world, const char *id, const char *name)
{
	struct json *entry = json_new_object();

	json_add_str(entry, "Service", name);
	json_set(world->store.services, id, entry);
}

/* "kind id;" of what is pending. */
static void assert_pending(struct world *world, const char *want)
{
	const struct reconcile *pending = registrar_pending(world->registrar);
	struct strbuf got = STRBUF_INIT;

	for (size_t i = 0; i < pending->count; i++)
		strbuf_addf(&got, "%s %s;", reconcile_kind_name(pending->items[i].kind),
			    pending->items[i].id);
	assert_string_equal(got.buf, want);
	strbuf_release(&got);
}

static void running_and_starting_containers_are_registered(void **state)
{
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-1:80");
	run_box(world, "b2", "web-2");
	push_event(world, "start", "b2", "");
	wait_for_id(world, "host-1:web-2:80");
	assert_string_equal(
		json_str(json_member(world->store.services, "host-1:web-2:80"), "Address", ""),
		"10.233.0.9");
	assert_non_null(strstr(world->events.buf, "added web host-1:web-2:80 not registered;"));
	assert_non_null(registrar_wanted(world->registrar, "web-2"));
	assert_non_null(registrar_wanted(world->registrar, "b2"));
	assert_null(registrar_wanted(world->registrar, "web-3"));
	assert_string_equal(registrar_wanted_at(world->registrar, 1)->container_name, "web-2");
	assert_null(registrar_wanted_at(world->registrar, 2));
}

static void a_dying_container_is_deregistered_at_once(void **state)
{
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-1:80");
	end_box(world, "a1");
	push_event(world, "die", "a1", "137");
	wait_for_removal(world, "host-1:web-1:80");
	wait_for_event(world, "removed web host-1:web-1:80 exit 137;");
	assert_int_equal(world->removals_with_owner, 1);
}

static void hold_and_off_work_it_out_and_write_nothing(void **state)
{
	static const enum registrar_mode modes[] = { REGISTRAR_HOLD, REGISTRAR_OFF };
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	put_entry(world, "host-1:old-1:80", "old");
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		start_synced(world, modes[i]);
		run_for(world->loop, 30);
		assert_pending(world, "dangling host-1:old-1:80;add host-1:web-1:80;");
		assert_int_equal(world->store.adds + world->store.removes, 0);
		registrar_free(world->registrar);
	}
	start_synced(world, REGISTRAR_HOLD);
	registrar_set_mode(world->registrar, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-1:80");
	run_for(world->loop, 30);
	assert_pending(world, "dangling host-1:old-1:80;");
}

static void nothing_is_written_when_nothing_differs(void **state)
{
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	world->options.resync_ms = 20;
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-1:80");
	run_for(world->loop, 150);
	assert_int_equal(world->store.adds, 1);
	assert_int_equal(world->store.removes, 0);
}

static void a_burst_leaves_none_missing_and_none_over(void **state)
{
	struct world *world = *state;
	char id[16], name[16];

	start_synced(world, REGISTRAR_AUTO);
	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "box%03d", i);
		snprintf(name, sizeof(name), "web-%d", i);
		run_box(world, id, name);
		push_event(world, "start", id, "");
	}
	world->count = 50;
	assert_true(run_until_true(world->loop, has_count, world));
	/* Half of them restart while the others end. */
	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "box%03d", i);
		push_event(world, "die", id, "0");
		if (i % 2)
			push_event(world, "start", id, "");
		else
			end_box(world, id);
	}
	world->count = 25;
	assert_true(run_until_true(world->loop, has_count, world));
	run_for(world->loop, 50);
	assert_int_equal(json_count(world->store.services), 25);
	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "box%03d", i);
		push_event(world, "die", id, "0");
	}
	world->count = 0;
	assert_true(run_until_true(world->loop, has_count, world));
}

static bool is_up_again(void *arg)
{
	struct world *world = arg;

	return strstr(world->events.buf, "FAILED") && is_synced(arg);
}

static void what_happened_while_the_stream_was_cut_is_found(void **state)
{
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	run_box(world, "b2", "web-2");
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-2:80");
	peer_down(world->peer);
	end_box(world, "a1");
	run_box(world, "c3", "web-3");
	wait_for_event(world, "FAILED");
	/* A daemon that is away says nothing about its containers. */
	run_for(world->loop, 50);
	assert_int_equal(world->store.removes, 0);
	peer_up(world->peer);
	assert_true(run_until_true(world->loop, is_up_again, world));
	wait_for_id(world, "host-1:web-3:80");
	wait_for_removal(world, "host-1:web-1:80");
	assert_non_null(json_member(world->store.services, "host-1:web-2:80"));
}

static void events_during_the_listing_are_newer_than_it(void **state)
{
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	run_box(world, "b2", "web-2");
	/* The listing is made now and arrives late. */
	peer_forget(world->peer);
	peer_script(world->peer,
		    &(struct peer_reply){ .request = "GET /containers/json",
					  .body = "[{\"Id\":\"a1\",\"State\":\"running\"},"
						  "{\"Id\":\"b2\",\"State\":\"running\"}]",
					  .delay_ms = 150 });
	peer_script(world->peer,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	for (size_t i = 0; i < world->running.count; i++) {
		char *request = xasprintf("GET /containers/%s/json", world->running.entries[i].key);

		peer_answer(world->peer, request, 200, NULL, world->running.entries[i].value);
		free(request);
	}
	start(world, REGISTRAR_AUTO);
	while (!peer_asked(world->peer, "GET /containers/json"))
		loop_turn(world->loop, 100);
	push_event(world, "die", "a1", "0");
	push_event(world, "start", "b2", "");
	assert_true(run_until_true(world->loop, is_synced, world));
	wait_for_id(world, "host-1:web-2:80");
	run_for(world->loop, 50);
	/* The listing still called it running, and so would its document. */
	assert_null(json_member(world->store.services, "host-1:web-1:80"));
}

static void containers_that_are_gone_or_dead_when_asked_are_not_registered(void **state)
{
	struct world *world = *state;

	put_document(world, "dead", "web-1", "", false);
	start_synced(world, REGISTRAR_AUTO);
	push_event(world, "start", "gone", "");
	run_box(world, "c3", "web-3");
	push_event(world, "start", "c3", "");
	wait_for_id(world, "host-1:web-3:80");
	assert_int_equal(json_count(world->store.services), 1);
}

static void a_wiped_registry_is_filled_again(void **state)
{
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	run_box(world, "b2", "web-2");
	world->options.resync_ms = 50;
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-2:80");
	wait_for_id(world, "host-1:web-1:80");
	/* After its own writes it lists once more: then it knows that they are there. */
	run_for(world->loop, 100);
	json_free(world->store.services);
	world->store.services = json_new_object();
	wait_for_id(world, "host-1:web-2:80");
	wait_for_id(world, "host-1:web-1:80");
	assert_non_null(strstr(world->events.buf, "2 registrations are gone"));
}

static void a_refused_service_is_retried_and_holds_up_no_other(void **state)
{
	struct world *world = *state;

	world->store.refused_id = "host-1:web-1:80";
	run_box(world, "a1", "web-1");
	run_box(world, "b2", "web-2");
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-2:80");
	wait_for_event(world, "FAILED web host-1:web-1:80 agent answered 500;");
	run_for(world->loop, 20);
	assert_pending(world, "add host-1:web-1:80;");
	assert_string_equal(registrar_pending(world->registrar)->items[0].failure,
			    "agent answered 500");
	assert_int_equal(registrar_pending(world->registrar)->items[0].failures, 1);
	world->store.refused_id = NULL;
	wait_for_id(world, "host-1:web-1:80");
	run_for(world->loop, 20);
	assert_pending(world, "");
}

static void an_outage_of_the_registry_is_told_once_and_made_up_for(void **state)
{
	struct world *world = *state;
	const char *first;

	publish(world);
	start_synced(world, REGISTRAR_AUTO);
	world->store.is_down = true;
	run_box(world, "a1", "web-1");
	push_event(world, "start", "a1", "");
	wait_for_event(world, "FAILED   no answer;");
	run_for(world->loop, 700);
	first = strstr(world->events.buf, "FAILED   no answer;");
	assert_null(strstr(first + 1, "FAILED   no answer;"));
	world->store.is_down = false;
	wait_for_id(world, "host-1:web-1:80");
}

static void dangling_registrations_go_only_with_cleanup(void **state)
{
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	put_entry(world, "host-1:old-1:80", "old");
	put_entry(world, "host-2:old-1:80", "old");
	put_entry(world, "custom", "old");
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-1:80");
	wait_for_event(world, "dangling old host-1:old-1:80");
	run_for(world->loop, 50);
	assert_int_equal(world->store.removes, 0);
	registrar_free(world->registrar);
	world->options.cleanup = true;
	start_synced(world, REGISTRAR_AUTO);
	wait_for_removal(world, "host-1:old-1:80");
	run_for(world->loop, 50);
	assert_int_equal(world->store.removes, 1);
	assert_int_equal(json_count(world->store.services), 3);
}

static void on_success_keeps_failed_containers_until_they_are_removed(void **state)
{
	struct world *world = *state;

	world->options.deregister = REGISTER_DEREGISTER_ON_SUCCESS;
	world->options.cleanup = true;
	run_box(world, "a1", "web-1");
	run_box(world, "b2", "web-2");
	run_box(world, "c3", "web-3");
	start_synced(world, REGISTRAR_AUTO);
	world->count = 3;
	assert_true(run_until_true(world->loop, has_count, world));
	push_event(world, "die", "a1", "1");
	push_event(world, "die", "b2", "0");
	push_event(world, "die", "c3", "137");
	wait_for_removal(world, "host-1:web-2:80");
	wait_for_removal(world, "host-1:web-3:80");
	run_for(world->loop, 50);
	assert_non_null(json_member(world->store.services, "host-1:web-1:80"));
	assert_pending(world, "");
	push_event(world, "destroy", "a1", "");
	wait_for_removal(world, "host-1:web-1:80");
}

static void what_failed_containers_left_before_our_start_is_not_dangling(void **state)
{
	struct world *world = *state;

	world->options.deregister = REGISTER_DEREGISTER_ON_SUCCESS;
	world->options.cleanup = true;
	put_entry(world, "host-1:failed:80", "a");
	put_entry(world, "host-1:ended:80", "b");
	put_entry(world, "host-1:unknown:80", "c");
	peer_script(world->peer,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	peer_answer(world->peer, "GET /containers/json", 200, NULL,
		    "[{\"Id\":\"f1\",\"Names\":[\"/failed\"],\"State\":\"exited\","
		    "\"Status\":\"Exited (3) 5 minutes ago\"},"
		    "{\"Id\":\"e1\",\"Names\":[\"/ended\"],\"State\":\"exited\","
		    "\"Status\":\"Exited (0) 5 minutes ago\"}]");
	start(world, REGISTRAR_AUTO);
	wait_for_removal(world, "host-1:ended:80");
	wait_for_removal(world, "host-1:unknown:80");
	run_for(world->loop, 50);
	assert_non_null(json_member(world->store.services, "host-1:failed:80"));
}

static void a_registry_that_cannot_list_is_written_from_memory(void **state)
{
	struct registry_ops ops = store_ops;
	struct world *world = *state;

	ops.list = NULL;
	ops.refresh = store_add;
	registry_free(world->registry);
	world->registry = registry_new(&ops, &world->store, "memory");
	world->options.ttl_s = 2;
	world->options.ttl_refresh_s = 1;
	run_box(world, "a1", "web-1");
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-1:80");
	run_for(world->loop, 50);
	assert_int_equal(world->store.adds, 1);
	/* Its lifetime ends; the refresh brings it back. */
	json_remove(world->store.services, "host-1:web-1:80");
	wait_for_id(world, "host-1:web-1:80");
	push_event(world, "die", "a1", "0");
	wait_for_removal(world, "host-1:web-1:80");
	registrar_free(world->registrar);
	world->registrar = NULL;
	/* The table lives on this stack. */
	registry_free(world->registry);
	world->registry = NULL;
}

static void a_list_from_before_a_write_does_not_undo_it(void **state)
{
	struct world *world = *state;

	start_synced(world, REGISTRAR_AUTO);
	world->store.holds_lists = true;
	registrar_resync(world->registrar);
	run_box(world, "a1", "web-1");
	push_event(world, "start", "a1", "");
	wait_for_id(world, "host-1:web-1:80");
	wait_for_event(world, "added");
	world->store.holds_lists = false;
	run_for(world->loop, 100);
	assert_int_equal(world->store.adds, 1);
}

static bool has_name(void *arg)
{
	struct world *world = arg;

	return strcmp(json_str(json_member(world->store.services, world->id), "Service", ""),
		      world->text) == 0;
}

static void an_answer_from_before_a_start_is_not_used(void **state)
{
	struct world *world = *state;
	char *old;

	put_document(world, "a1", "web-1", "\"SERVICE_NAME=old\"", true);
	start_synced(world, REGISTRAR_AUTO);
	old = strdup(strmap_get(&world->running, "a1"));
	peer_forget(world->peer);
	peer_script(world->peer, &(struct peer_reply){ .request = "GET /containers/a1/json",
						       .body = old,
						       .delay_ms = 200 });
	push_event(world, "start", "a1", "");
	while (peer_asked(world->peer, "GET /containers/a1/json") < 2)
		loop_turn(world->loop, 100);
	put_document(world, "a1", "web-1", "\"SERVICE_NAME=new\"", true);
	push_event(world, "start", "a1", "");
	world->id = "host-1:web-1:80";
	world->text = "new";
	assert_true(run_until_true(world->loop, has_name, world));
	run_for(world->loop, 250);
	assert_true(has_name(world));
	free(old);
}

static void a_failing_inspection_is_repeated(void **state)
{
	struct world *world = *state;

	start_synced(world, REGISTRAR_AUTO);
	peer_forget(world->peer);
	peer_answer(world->peer, "GET /containers/a1/json", 500, NULL, "{\"message\":\"busy\"}");
	push_event(world, "start", "a1", "");
	wait_for_event(world, "FAILED   docker node-1: busy");
	run_box(world, "a1", "web-1");
	wait_for_id(world, "host-1:web-1:80");
}

static void changed_metadata_are_seen_at_the_next_resync(void **state)
{
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-1:80");
	put_document(world, "a1", "web-1", "\"SERVICE_NAME=shop\"", true);
	registrar_resync(world->registrar);
	wait_for_event(world, "added shop host-1:web-1:80 name web instead of shop;");
}

static void a_rename_keeps_the_id_until_the_next_start(void **state)
{
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-1:80");
	run_box(world, "a1", "renamed");
	registrar_resync(world->registrar);
	run_for(world->loop, 100);
	assert_null(json_member(world->store.services, "host-1:renamed:80"));
	push_event(world, "start", "a1", "");
	wait_for_id(world, "host-1:renamed:80");
	wait_for_removal(world, "host-1:web-1:80");
}

static void an_id_of_two_containers_stays_until_the_last_ends(void **state)
{
	struct world *world = *state;

	put_document(world, "a1", "web-1", "\"SERVICE_ID=mine\"", true);
	put_document(world, "b2", "web-2", "\"SERVICE_ID=mine\",\"SERVICE_NAME=b\"", true);
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "mine");
	wait_for_event(world, "ignored web mine container web-2 wants the same id;");
	push_event(world, "die", "b2", "0");
	wait_for_event(world, "added web mine");
	assert_int_equal(world->store.removes, 0);
	push_event(world, "die", "a1", "0");
	wait_for_removal(world, "mine");
}

static void ignored_ports_are_told_with_reason_and_remedy(void **state)
{
	struct world *world = *state;

	put_document(world, "a1", "web-1", "\"SERVICE_IGNORE=1\"", true);
	start_synced(world, REGISTRAR_AUTO);
	wait_for_event(world, "ignored   SERVICE_IGNORE is set;");
}

static void on_done(void *arg, const char *text, const struct err *err)
{
	struct world *world = arg;

	assert_false(world->is_done);
	world->is_done = true;
	world->err = err ? *err : (struct err){ 0 };
	strbuf_reset(&world->done_text);
	strbuf_addstr(&world->done_text, text);
}

static void wait_for_task(struct world *world)
{
	assert_false(world->is_done);
	assert_true(run_until(world->loop, &world->is_done));
	world->is_done = false;
}

static void one_off_actions_write_in_hold(void **state)
{
	struct world *world = *state;
	struct registrar_task *task;

	run_box(world, "a1", "web-1");
	put_document(world, "dead", "web-2", "", false);
	put_document(world, "c3", "web-3", "\"SERVICE_IGNORE=1\"", true);
	start_synced(world, REGISTRAR_HOLD);
	registrar_register_start(world->registrar, "a1", on_done, world);
	wait_for_task(world);
	assert_int_equal(world->err.code, ERR_NONE);
	assert_string_equal(world->done_text.buf, "registered host-1:web-1:80");
	assert_non_null(json_member(world->store.services, "host-1:web-1:80"));
	run_for(world->loop, 20);
	assert_pending(world, "");

	registrar_deregister_start(world->registrar, "host-1:web-1:80", on_done, world);
	wait_for_task(world);
	assert_string_equal(world->done_text.buf, "deregistered host-1:web-1:80");
	assert_int_equal(json_count(world->store.services), 0);
	run_for(world->loop, 20);
	assert_pending(world, "add host-1:web-1:80;");

	registrar_register_start(world->registrar, "dead", on_done, world);
	wait_for_task(world);
	assert_int_equal(world->err.code, ERR_CONFLICT);
	registrar_register_start(world->registrar, "c3", on_done, world);
	wait_for_task(world);
	assert_int_equal(world->err.code, ERR_REFUSED);
	assert_non_null(strstr(world->err.msg, "SERVICE_IGNORE is set"));
	registrar_register_start(world->registrar, "nobody", on_done, world);
	wait_for_task(world);
	assert_int_equal(world->err.code, ERR_NOT_FOUND);
	registrar_deregister_start(world->registrar, "nobody", on_done, world);
	wait_for_task(world);
	assert_int_equal(world->err.code, ERR_NOT_FOUND);

	task = registrar_register_start(world->registrar, "a1", on_done, world);
	registrar_task_cancel(&task);
	assert_null(task);
	registrar_register_start(world->registrar, "a1", on_done, world);
	registrar_free(world->registrar);
	world->registrar = NULL;
	run_for(world->loop, 20);
	assert_false(world->is_done);
}

static void deregister_all_takes_only_what_is_ours(void **state)
{
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	run_box(world, "b2", "web-2");
	put_entry(world, "host-1:old-1:80", "old");
	start_synced(world, REGISTRAR_AUTO);
	world->count = 3;
	assert_true(run_until_true(world->loop, has_count, world));
	run_for(world->loop, 20);
	registrar_deregister_all_start(world->registrar, on_done, world);
	wait_for_task(world);
	assert_int_equal(json_count(world->store.services), 1);
	run_for(world->loop, 20);
	assert_int_equal(json_count(world->store.services), 1);
	registrar_deregister_all_start(world->registrar, on_done, world);
	wait_for_task(world);
	assert_string_equal(world->done_text.buf, "nothing to do");
}

static void stopping_leaves_everything_registered(void **state)
{
	struct world *world = *state;

	run_box(world, "a1", "web-1");
	start_synced(world, REGISTRAR_AUTO);
	wait_for_id(world, "host-1:web-1:80");
	registrar_free(world->registrar);
	world->registrar = NULL;
	run_for(world->loop, 20);
	assert_int_equal(world->store.removes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(running_and_starting_containers_are_registered),
		TEST(a_dying_container_is_deregistered_at_once),
		TEST(hold_and_off_work_it_out_and_write_nothing),
		TEST(nothing_is_written_when_nothing_differs),
		TEST(a_burst_leaves_none_missing_and_none_over),
		TEST(what_happened_while_the_stream_was_cut_is_found),
		TEST(events_during_the_listing_are_newer_than_it),
		TEST(containers_that_are_gone_or_dead_when_asked_are_not_registered),
		TEST(a_wiped_registry_is_filled_again),
		TEST(a_refused_service_is_retried_and_holds_up_no_other),
		TEST(an_outage_of_the_registry_is_told_once_and_made_up_for),
		TEST(dangling_registrations_go_only_with_cleanup),
		TEST(on_success_keeps_failed_containers_until_they_are_removed),
		TEST(what_failed_containers_left_before_our_start_is_not_dangling),
		TEST(a_registry_that_cannot_list_is_written_from_memory),
		TEST(a_list_from_before_a_write_does_not_undo_it),
		TEST(an_answer_from_before_a_start_is_not_used),
		TEST(a_failing_inspection_is_repeated),
		TEST(changed_metadata_are_seen_at_the_next_resync),
		TEST(a_rename_keeps_the_id_until_the_next_start),
		TEST(an_id_of_two_containers_stays_until_the_last_ends),
		TEST(ignored_ports_are_told_with_reason_and_remedy),
		TEST(one_off_actions_write_in_hold),
		TEST(deregister_all_takes_only_what_is_ours),
		TEST(stopping_leaves_everything_registered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
