/* What the registry leaves in a real ZooKeeper, read back by another client. */
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
#include "binnacle/loop/loop.h"
#include "binnacle/register/rules.h"
#include "support/peer.h"
#include "support/real_zookeeper.h"

#define NODE "/base/services/web/10.0.0.1:8080"

struct world {
	struct loop *loop;
	struct registry *registry;
	bool answered;
	struct err err;
};

static struct real_zookeeper server;

static const struct register_service web = {
	.id = "host-1:web-1:80",
	.name = "web",
	.address = "10.0.0.1",
	.port = 8080,
	.container_port = 80,
	.container_hostname = "0123456789ab",
	.tags = (const char *const[]){ "b", "a" },
	.tag_count = 2,
	.meta = (const struct register_pair[]){ { "region", "eu \"1\"" } },
	.meta_count = 1,
};

static int start_server(void **state)
{
	(void)state;
	real_zookeeper_start(&server);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	real_zookeeper_stop(&server);
	log_release();
	return 0;
}

static struct registry *new_registry(struct world *world, const char *base)
{
	struct err err;
	struct registry *registry = registry_zookeeper_new(
		world->loop, server.pid ? server.address : "127.0.0.1:1", base, &err);

	assert_non_null(registry);
	return registry;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	world->loop = loop_new();
	world->registry = new_registry(world, "/base/services/");
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	registry_free(world->registry);
	loop_free(world->loop);
	free(world);
	return 0;
}

static void on_done(void *arg, const struct json *doc, const struct err *err)
{
	struct world *world = arg;

	assert_null(doc);
	assert_false(world->answered);
	world->answered = true;
	world->err = err ? *err : (struct err){ 0 };
}

static enum err_code wait_for_answer(struct world *world)
{
	if (!run_until(world->loop, &world->answered))
		fail_msg("no answer");
	world->answered = false;
	return world->err.code;
}

static void add(struct world *world, struct registry *registry,
		const struct register_service *service)
{
	registry_add(registry, service, on_done, world);
	if (wait_for_answer(world) != ERR_NONE)
		fail_msg("%s", world->err.msg);
}

static enum err_code take_away(struct world *world, const struct register_service *service)
{
	registry_remove(world->registry, service, on_done, world);
	return wait_for_answer(world);
}

static bool exists(const char *path)
{
	char *data = real_zookeeper_get(&server, path, NULL);

	free(data);
	return data;
}

static bool node_exists(void *arg)
{
	(void)arg;
	return exists(NODE);
}

static bool node_is_gone(void *arg)
{
	return !node_exists(arg);
}

static void a_node_of_the_session_holds_the_document(void **state)
{
	struct world *world = *state;
	bool is_ephemeral = false;
	char *data;

	if (!server.pid)
		skip();
	assert_false(registry_can_list(world->registry));
	registry_ping(world->registry, on_done, world);
	assert_int_equal(wait_for_answer(world), ERR_NONE);
	add(world, world->registry, &web);
	data = real_zookeeper_get(&server, NODE, &is_ephemeral);
	assert_string_equal(data, "{\"Name\":\"web\",\"IP\":\"10.0.0.1\",\"PublicPort\":8080,"
				  "\"PrivatePort\":80,\"ContainerID\":\"0123456789ab\",\"Tags\":"
				  "[\"b\",\"a\"],\"Attrs\":{\"region\":\"eu \\\"1\\\"\"}}");
	assert_true(is_ephemeral);
	free(data);
	data = real_zookeeper_get(&server, "/base/services/web", &is_ephemeral);
	assert_string_equal(data, "");
	assert_false(is_ephemeral);
	free(data);
	/* The last one takes the service's node along, and no other. */
	assert_int_equal(take_away(world, &web), ERR_NONE);
	assert_false(exists(NODE));
	assert_false(exists("/base/services/web"));
	assert_true(exists("/base/services"));
	assert_int_equal(take_away(world, &web), ERR_NOT_FOUND);
}

static void the_node_of_a_service_stays_while_it_has_others(void **state)
{
	struct register_service other = web;
	struct world *world = *state;

	if (!server.pid)
		skip();
	other.id = "host-1:web-2:80";
	other.port = 8081;
	add(world, world->registry, &web);
	add(world, world->registry, &other);
	assert_int_equal(take_away(world, &web), ERR_NONE);
	assert_false(exists(NODE));
	assert_true(exists("/base/services/web/10.0.0.1:8081"));
	assert_int_equal(take_away(world, &other), ERR_NONE);
	assert_false(exists("/base/services/web"));
}

static void a_second_write_changes_the_document(void **state)
{
	struct register_service changed = web;
	struct world *world = *state;
	char *data;

	if (!server.pid)
		skip();
	add(world, world->registry, &web);
	changed.tag_count = 1;
	add(world, world->registry, &changed);
	data = real_zookeeper_get(&server, NODE, NULL);
	assert_non_null(strstr(data, "\"Tags\":[\"b\"]"));
	free(data);
	assert_int_equal(take_away(world, &web), ERR_NONE);
}

static void a_service_at_another_address_leaves_no_node_behind(void **state)
{
	struct register_service moved = web;
	struct world *world = *state;

	if (!server.pid)
		skip();
	add(world, world->registry, &web);
	moved.address = "10.0.0.2";
	add(world, world->registry, &moved);
	assert_false(exists(NODE));
	assert_true(exists("/base/services/web/10.0.0.2:8080"));
	assert_int_equal(take_away(world, &moved), ERR_NONE);
	assert_false(exists("/base/services/web"));
}

static void a_place_that_went_to_another_id_is_left_to_it(void **state)
{
	struct register_service heir = web;
	struct world *world = *state;

	if (!server.pid)
		skip();
	heir.id = "host-1:web-2:80";
	add(world, world->registry, &web);
	add(world, world->registry, &heir);
	assert_int_equal(take_away(world, &web), ERR_NONE);
	assert_true(exists(NODE));
	assert_int_equal(take_away(world, &heir), ERR_NONE);
	assert_false(exists(NODE));
}

static void what_a_session_before_left_is_replaced_and_stays(void **state)
{
	struct world *world = *state;
	struct registry *before;

	if (!server.pid)
		skip();
	before = new_registry(world, "/base/services");
	add(world, before, &web);
	/* As when the process was killed: the session goes on for its time. */
	registry_free(before);
	add(world, world->registry, &web);
	run_for(world->loop, REAL_ZOOKEEPER_SESSION_MS * 10 + 500);
	assert_true(exists(NODE));
	assert_int_equal(take_away(world, &web), ERR_NONE);
}

static void a_session_outlives_its_connection(void **state)
{
	struct world *world = *state;

	if (!server.pid)
		skip();
	add(world, world->registry, &web);
	real_zookeeper_restart(&server, false);
	run_for(world->loop, REAL_ZOOKEEPER_SESSION_MS * 10 + 500);
	assert_true(exists(NODE));
	assert_int_equal(take_away(world, &web), ERR_NONE);
	assert_false(exists(NODE));
}

static void after_the_loss_of_everything_it_is_written_again(void **state)
{
	struct world *world = *state;

	if (!server.pid)
		skip();
	add(world, world->registry, &web);
	real_zookeeper_restart(&server, true);
	assert_true(run_until_true(world->loop, node_exists, world));
	/* A session that ended while the server could not be reached. */
	assert_int_equal(take_away(world, &web), ERR_NONE);
	assert_true(run_until_true(world->loop, node_is_gone, world));
}

static void a_server_that_is_away_is_unreachable_and_comes_back(void **state)
{
	struct world *world = *state;

	if (!server.pid)
		skip();
	real_zookeeper_kill(&server);
	registry_ping(world->registry, on_done, world);
	assert_int_equal(wait_for_answer(world), ERR_UNREACHABLE);
	assert_non_null(strstr(world->err.msg, server.address));
	real_zookeeper_restart(&server, false);
	add(world, world->registry, &web);
	assert_int_equal(take_away(world, &web), ERR_NONE);
}

static void a_server_that_hangs_is_noticed(void **state)
{
	struct world *world = *state;

	if (!server.pid)
		skip();
	add(world, world->registry, &web);
	real_zookeeper_pause(&server, true);
	registry_ping(world->registry, on_done, world);
	assert_int_equal(wait_for_answer(world), ERR_UNREACHABLE);
	real_zookeeper_pause(&server, false);
	assert_true(run_until_true(world->loop, node_exists, world));
	assert_int_equal(take_away(world, &web), ERR_NONE);
}

static void a_canceled_row_of_steps_never_answers(void **state)
{
	struct world *world = *state;

	if (!server.pid)
		skip();
	/* Cut off after 0, 1, 2, ... turns: before, between and after the requests. */
	for (int turns = 0; turns < 12; turns++) {
		struct registry *registry = new_registry(world, "/base/services");
		struct registry_call *call = registry_add(registry, &web, on_done, world);

		for (int i = 0; i < turns && !world->answered; i++)
			loop_turn(world->loop, 20);
		if (!world->answered) {
			registry_cancel(&call);
			run_for(world->loop, 20);
			assert_false(world->answered);
		}
		world->answered = false;
		registry_free(registry);
		real_zookeeper_delete(&server, NODE);
		real_zookeeper_delete(&server, "/base/services/web");
	}
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_node_of_the_session_holds_the_document),
		TEST(the_node_of_a_service_stays_while_it_has_others),
		TEST(a_second_write_changes_the_document),
		TEST(a_service_at_another_address_leaves_no_node_behind),
		TEST(a_place_that_went_to_another_id_is_left_to_it),
		TEST(what_a_session_before_left_is_replaced_and_stays),
		TEST(a_session_outlives_its_connection),
		TEST(after_the_loss_of_everything_it_is_written_again),
		TEST(a_server_that_is_away_is_unreachable_and_comes_back),
		TEST(a_server_that_hangs_is_noticed),
		TEST(a_canceled_row_of_steps_never_answers),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
