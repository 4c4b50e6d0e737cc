/* What the registry of a real etcd's v3 store holds, read back with the client of the store. */
#include "binnacle/register/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/log.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/etcd/etcd3.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/register/rules.h"
#include "support/peer.h"
#include "support/real_etcd.h"

#define KEY "/services/web/host-1:web:80"

struct world {
	struct loop *loop;
	struct http *http;
	struct etcd3 *etcd;
	struct registry *registry;
	bool answered;
	struct err err;
	/* of KEY */
	char value[64];
	uint64_t lease, mod_revision;
};

static struct real_etcd server;

static int start_server(void **state)
{
	(void)state;
	real_etcd_start(&server, false);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	real_etcd_stop(&server);
	log_release();
	return 0;
}

static int set_up_at(void **state, const char *url)
{
	struct world *world = calloc(1, sizeof(*world));
	const char *const endpoints[] = { url, NULL };
	struct etcd_config config = { .endpoints = endpoints };
	struct err err;

	*state = world;
	world->loop = loop_new();
	world->http = http_new(world->loop);
	world->etcd = etcd3_new(world->loop, world->http, &config, &err);
	assert_non_null(world->etcd);
	world->registry = registry_etcd3_new(world->etcd, "/services/");
	return 0;
}

static int set_up(void **state)
{
	return set_up_at(state, server.pid ? server.url : "http://127.0.0.1:1");
}

static int tear_down(void **state)
{
	struct world *world = *state;

	registry_free(world->registry);
	etcd3_free(world->etcd);
	http_free(world->http);
	loop_free(world->loop);
	free(world);
	return 0;
}

static void on_done(void *arg, const struct json *doc, const struct err *err)
{
	struct world *world = arg;

	assert_null(doc);
	world->answered = true;
	world->err = err ? *err : (struct err){ 0 };
}

static void on_store(void *arg, const struct etcd3_answer *answer, const struct err *err)
{
	struct world *world = arg;

	world->value[0] = '\0';
	world->lease = world->mod_revision = 0;
	if (answer && answer->result_count && answer->results[0].count) {
		const struct etcd3_kv *kv = &answer->results[0].kvs[0];

		snprintf(world->value, sizeof(world->value), "%s", kv->value);
		world->lease = kv->lease;
		world->mod_revision = kv->mod_revision;
	}
	on_done(arg, NULL, err);
}

static enum err_code wait_for_answer(struct world *world)
{
	world->answered = false;
	assert_true(run_until(world->loop, &world->answered));
	return world->err.code;
}

static void read_key(struct world *world)
{
	etcd3_range(world->etcd, KEY, 0, on_store, world);
	assert_int_equal(wait_for_answer(world), ERR_NONE);
}

static void do_by_registry(struct world *world,
			   struct registry_call *(*call)(struct registry *,
							 const struct register_service *,
							 registry_fn *, void *),
			   int64_t ttl_s)
{
	const struct register_service web = { .id = "host-1:web:80",
					      .name = "web",
					      .address = "10.0.0.1",
					      .port = 80,
					      .ttl_s = ttl_s };

	call(world->registry, &web, on_done, world);
	if (wait_for_answer(world) != ERR_NONE)
		fail_msg("%s", world->err.msg);
}

static void a_key_holds_address_and_port_until_it_is_removed(void **state)
{
	struct world *world = *state;

	if (!server.pid)
		skip();
	assert_true(registry_can_refresh(world->registry));
	assert_false(registry_can_list(world->registry));
	registry_ping(world->registry, on_done, world);
	assert_int_equal(wait_for_answer(world), ERR_NONE);
	do_by_registry(world, registry_add, 0);
	read_key(world);
	assert_string_equal(world->value, "10.0.0.1:80");
	assert_int_equal(world->lease, 0);
	do_by_registry(world, registry_remove, 0);
	read_key(world);
	assert_int_equal(world->mod_revision, 0);
}

static void a_lifetime_is_a_lease_that_goes_with_the_key(void **state)
{
	struct world *world = *state;
	uint64_t lease;

	if (!server.pid)
		skip();
	do_by_registry(world, registry_add, 100);
	read_key(world);
	lease = world->lease;
	assert_int_not_equal(lease, 0);
	do_by_registry(world, registry_remove, 100);
	read_key(world);
	assert_string_equal(world->value, "");
	etcd3_lease_keepalive(world->etcd, lease, on_store, world);
	assert_int_equal(wait_for_answer(world), ERR_NOT_FOUND);
}

static void a_refresh_writes_only_what_is_gone(void **state)
{
	struct world *world = *state;
	uint64_t revision, lease;

	if (!server.pid)
		skip();
	do_by_registry(world, registry_add, 100);
	read_key(world);
	revision = world->mod_revision;
	lease = world->lease;
	do_by_registry(world, registry_refresh, 100);
	read_key(world);
	assert_int_equal(world->mod_revision, revision);
	/* The key is gone, its lease is there. */
	etcd3_delete(world->etcd, KEY, 0, on_store, world);
	assert_int_equal(wait_for_answer(world), ERR_NONE);
	do_by_registry(world, registry_refresh, 100);
	read_key(world);
	assert_string_equal(world->value, "10.0.0.1:80");
	assert_int_equal(world->lease, lease);
	/* The lease ended, and took the key with it. */
	etcd3_lease_revoke(world->etcd, lease, on_store, world);
	assert_int_equal(wait_for_answer(world), ERR_NONE);
	do_by_registry(world, registry_refresh, 100);
	read_key(world);
	assert_string_equal(world->value, "10.0.0.1:80");
	assert_int_not_equal(world->lease, 0);
	assert_int_not_equal(world->lease, lease);
	do_by_registry(world, registry_remove, 100);
}

static void what_is_not_there_is_told_when_it_is_removed(void **state)
{
	static const struct register_service other = { .id = "host-1:other:80",
						       .name = "other",
						       .address = "" };
	struct world *world = *state;

	if (!server.pid)
		skip();
	registry_remove(world->registry, &other, on_done, world);
	assert_int_equal(wait_for_answer(world), ERR_NOT_FOUND);
}

static void a_canceled_row_of_steps_never_answers(void **state)
{
	static const struct register_service web = { .id = "host-1:web:80",
						     .name = "web",
						     .address = "10.0.0.1",
						     .port = 80,
						     .ttl_s = 100 };
	struct world *world = *state;

	if (!server.pid)
		skip();
	/* Cut off after 0, 1, 2, ... turns: before, between and after the requests. */
	for (int turns = 0; turns < 8; turns++) {
		struct registry_call *call = registry_add(world->registry, &web, on_done, world);

		world->answered = false;
		for (int i = 0; i < turns && !world->answered; i++)
			loop_turn(world->loop, 20);
		if (world->answered)
			continue;
		registry_cancel(&call);
		run_for(world->loop, 20);
		assert_false(world->answered);
	}
	do_by_registry(world, registry_remove, 100);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_key_holds_address_and_port_until_it_is_removed),
		TEST(a_lifetime_is_a_lease_that_goes_with_the_key),
		TEST(a_refresh_writes_only_what_is_gone),
		TEST(what_is_not_there_is_told_when_it_is_removed),
		TEST(a_canceled_row_of_steps_never_answers),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
