/* The client against a real agent: what the scripted peer says is what Consul says. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/consul/consul.h"
#include "binnacle/consul/shapes.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/peer.h"
#include "support/real_consul.h"

struct fixture {
	struct loop *loop;
	struct http *http;
	struct real_consul agent;
	struct consul *consul;
};

/* What one watch told. */
struct view {
	struct strbuf seen; /* values, "none" or "!code", each with a '|' */
	const char *want;
	uint64_t index;
	struct arena arena;
};

static struct fixture fixture;

static int start_agent(void **state)
{
	struct err err;

	(void)state;
	fixture.loop = loop_new();
	fixture.http = http_new(fixture.loop);
	if (!real_consul_exists())
		return 0;
	real_consul_start(&fixture.agent);
	fixture.consul =
		consul_new(fixture.loop, fixture.http,
			   &(struct consul_config){ .address = fixture.agent.address }, &err);
	return fixture.consul ? 0 : -1;
}

static int stop_agent(void **state)
{
	(void)state;
	consul_free(fixture.consul);
	real_consul_stop(&fixture.agent);
	http_free(fixture.http);
	loop_free(fixture.loop);
	log_release();
	return 0;
}

struct reply {
	bool done, ok;
	void (*check)(const struct json *doc);
};

static void on_reply(void *arg, const struct json *doc, const struct consul_meta *meta,
		     const struct err *err)
{
	struct reply *reply = arg;

	(void)meta;
	reply->done = true;
	reply->ok = !err;
	if (reply->check && !err)
		reply->check(doc);
}

static bool send(const char *method, const char *path, const char *body)
{
	struct reply reply = { 0 };

	consul_send(fixture.consul, method, path, body, on_reply, &reply);
	assert_true(run_until(fixture.loop, &reply.done));
	return reply.ok;
}

static void check(const char *path, void (*checker)(const struct json *doc))
{
	struct reply reply = { .check = checker };

	consul_get(fixture.consul, path, on_reply, &reply);
	assert_true(run_until(fixture.loop, &reply.done));
	assert_true(reply.ok);
}

/* A dev agent elects itself within seconds; until then writes are refused. */
static void until_it_has_a_leader(void)
{
	for (int i = 0; i < 300; i++) {
		if (send("PUT", "/v1/kv/ready", "yes"))
			return;
		run_for(fixture.loop, 100);
	}
	fail_msg("the agent did not elect a leader");
}

static void on_key(void *arg, const struct json *doc, const struct consul_meta *meta,
		   const struct err *err)
{
	struct view *view = arg;

	if (err)
		strbuf_addf(&view->seen, "!%d", (int)err->code);
	else if (!doc)
		strbuf_addstr(&view->seen, "none");
	else
		strbuf_addstr(&view->seen, json_str(json_first(doc), "Value", "?"));
	strbuf_addch(&view->seen, '|');
	if (!err)
		view->index = meta->index;
}

static void on_instances(void *arg, const struct json *doc, const struct consul_meta *meta,
			 const struct err *err)
{
	struct view *view = arg;
	struct json_list list;
	struct err decode_err;

	(void)meta;
	if (err)
		return;
	if (!consul_decode_instances(doc, &view->arena, &list, &decode_err))
		fail_msg("%s", decode_err.msg);
	for (size_t i = 0; i < list.count; i++) {
		const struct consul_instance *one = (const struct consul_instance *)list.items + i;

		strbuf_addf(&view->seen, "%s:%d ", one->id, (int)one->port);
	}
	strbuf_addch(&view->seen, '|');
}

static bool has_seen(void *arg)
{
	struct view *view = arg;

	return view->seen.len >= strlen(view->want);
}

static void until_seen(struct view *view, const char *want)
{
	view->want = want;
	run_until_true(fixture.loop, has_seen, view);
	assert_string_equal(view->seen.buf, want);
}

static void require_agent(void)
{
	if (!fixture.consul)
		skip();
}

static void changes_of_keys_and_services_are_seen_as_they_happen(void **state)
{
	struct view key = { 0 }, web = { 0 };
	struct consul_watch *key_watch, *web_watch;

	(void)state;
	require_agent();
	until_it_has_a_leader();
	strbuf_init(&key.seen);
	strbuf_init(&web.seen);
	key_watch = consul_watch_start(fixture.consul, "/v1/kv/app/color",
				       CONSUL_WATCH_STALE | CONSUL_WATCH_404_IS_DATA, on_key, &key);
	web_watch = consul_watch_start(fixture.consul, "/v1/health/service/web?passing=1",
				       CONSUL_WATCH_STALE, on_instances, &web);
	until_seen(&key, "none|");
	until_seen(&web, "|");
	assert_true(send("PUT", "/v1/kv/app/color", "red"));
	until_seen(&key, "none|cmVk|");
	assert_true(send("PUT", "/v1/kv/app/color", "blue"));
	until_seen(&key, "none|cmVk|Ymx1ZQ==|");
	assert_true(send("DELETE", "/v1/kv/app/color", NULL));
	until_seen(&key, "none|cmVk|Ymx1ZQ==|none|");
	assert_true(send("PUT", "/v1/agent/service/register",
			 "{\"ID\":\"web1\",\"Name\":\"web\",\"Port\":80,\"Tags\":[\"a\"]}"));
	until_seen(&web, "|web1:80 |");
	assert_true(send("PUT", "/v1/agent/service/deregister/web1", NULL));
	until_seen(&web, "|web1:80 ||");
	consul_watch_stop(&key_watch);
	consul_watch_stop(&web_watch);
	strbuf_release(&key.seen);
	strbuf_release(&web.seen);
	arena_release(&web.arena);
}

static void check_members(const struct json *doc)
{
	struct arena arena = ARENA_INIT;
	const struct consul_member *member;
	struct json_list list;
	struct err err;

	assert_true(consul_decode_members(doc, &arena, &list, &err));
	assert_int_equal(list.count, 1);
	member = list.items;
	assert_string_equal(member->name, "n1");
	assert_string_equal(member->role, "consul");
	assert_int_equal(member->status, CONSUL_MEMBER_ALIVE);
	arena_release(&arena);
}

static void check_leader(const struct json *doc)
{
	struct arena arena = ARENA_INIT;
	const char *leader;
	struct err err;

	assert_true(consul_decode_leader(doc, &arena, &leader, &err));
	assert_memory_equal(leader, "127.0.0.1:", 10);
	arena_release(&arena);
}

static void check_checks(const struct json *doc)
{
	struct arena arena = ARENA_INIT;
	struct json_list list;
	struct err err;

	assert_true(consul_decode_checks(doc, &arena, &list, &err));
	assert_string_equal(((const struct consul_check *)list.items)->id, "serfHealth");
	arena_release(&arena);
}

static void check_self(const struct json *doc)
{
	struct arena arena = ARENA_INIT;
	struct consul_self self;
	struct err err;

	assert_true(consul_decode_self(doc, &arena, &self, &err));
	assert_string_equal(self.node, "n1");
	assert_true(self.server);
	arena_release(&arena);
}

static void the_documents_of_the_agent_decode(void **state)
{
	(void)state;
	require_agent();
	until_it_has_a_leader();
	check("/v1/agent/members", check_members);
	check("/v1/status/leader", check_leader);
	check("/v1/health/state/any", check_checks);
	check("/v1/agent/self", check_self);
}

static void an_agent_that_comes_back_empty_is_one_outage_and_its_new_data_is_seen(void **state)
{
	struct view key = { 0 };
	struct consul_watch *watch;
	uint64_t before;

	(void)state;
	require_agent();
	until_it_has_a_leader();
	for (int i = 0; i < 50; i++)
		assert_true(send("PUT", "/v1/kv/app/color", i % 2 ? "red" : "blue"));
	strbuf_init(&key.seen);
	watch = consul_watch_start(fixture.consul, "/v1/kv/app/color", CONSUL_WATCH_404_IS_DATA,
				   on_key, &key);
	until_seen(&key, "cmVk|");
	before = key.index;

	real_consul_stop(&fixture.agent);
	until_seen(&key, "cmVk|!3|");
	run_for(fixture.loop, 600);
	assert_string_equal(key.seen.buf, "cmVk|!3|");
	real_consul_start(&fixture.agent);
	/* Refused connections, then "No cluster leader": still the same outage. */
	for (int i = 0; i < 3 && key.seen.len < strlen("cmVk|!3|none|"); i++) {
		key.want = "cmVk|!3|none|";
		run_until_true(fixture.loop, has_seen, &key);
	}
	until_seen(&key, "cmVk|!3|none|");
	assert_true(key.index < before);
	until_it_has_a_leader();
	assert_true(send("PUT", "/v1/kv/app/color", "green"));
	until_seen(&key, "cmVk|!3|none|Z3JlZW4=|");
	consul_watch_stop(&watch);
	strbuf_release(&key.seen);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(changes_of_keys_and_services_are_seen_as_they_happen),
		cmocka_unit_test(the_documents_of_the_agent_decode),
		cmocka_unit_test(
			an_agent_that_comes_back_empty_is_one_outage_and_its_new_data_is_seen),
	};

	return cmocka_run_group_tests(tests, start_agent, stop_agent);
}
