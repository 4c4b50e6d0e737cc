/* What release and repair put into a plan, and what they refuse, on tables made by hand. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/action/env.h"
#include "binnacle/action/plan.h"
#include "binnacle/base/clock.h"
#include "binnacle/command/command.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"

#define NOW_MS 1700000000000

struct world {
	struct loop *loop;
	struct model *model;
	struct action_env env;
	struct snapshot *endpoints, *addresses, *containers;
	/* Of the last call: the plan as it is shown, and what was said. */
	struct strbuf plan, said;
	bool asked, ended;
	enum plan_confirm confirm;
	size_t targets;
	enum command_status status;
	char message[480];
};

static void hear_message(void *arg, int level, const char *text)
{
	struct world *world = arg;

	(void)level;
	strbuf_addf(&world->said, "[%s]", text);
}

static void hear_confirm(void *arg, struct command_call *call, const struct plan *plan)
{
	struct world *world = arg;

	world->asked = true;
	world->confirm = plan->confirm;
	world->targets = plan->target_count;
	plan_print(plan, &world->plan);
	command_answer(call, false);
}

static void hear_ended(void *arg, struct command_call *call, enum command_status status,
		       const struct err *err)
{
	struct world *world = arg;

	(void)call;
	world->ended = true;
	world->status = status;
	snprintf(world->message, sizeof(world->message), "%s", err ? err->msg : "");
}

static void hear_object(void *arg, const char *kind, const char *id, const char *detail,
			const struct json *json, const struct command_line *line)
{
	struct world *world = arg;

	(void)kind;
	(void)json;
	(void)line;
	strbuf_addf(&world->said, "%s\n%s", id, detail);
}

static const struct command_front front = {
	.name = "test",
	.object = hear_object,
	.message = hear_message,
	.confirm = hear_confirm,
	.ended = hear_ended,
};

static int set_up(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));

	clock_fake(100000, NOW_MS);
	world->loop = loop_new();
	world->model = model_new();
	world->env.loop = world->loop;
	world->env.model = world->model;
	world->endpoints = snapshot_new(MODEL_ENDPOINTS);
	world->addresses = snapshot_new(MODEL_ADDRESSES);
	world->containers = snapshot_new(MODEL_CONTAINERS);
	strbuf_init(&world->plan);
	strbuf_init(&world->said);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	snapshot_unref(&world->endpoints);
	snapshot_unref(&world->addresses);
	snapshot_unref(&world->containers);
	model_free(world->model);
	loop_free(world->loop);
	strbuf_release(&world->plan);
	strbuf_release(&world->said);
	free(world);
	clock_real();
	return 0;
}

static struct endpoint_row *add_endpoint(struct world *world, const char *id, const char *address)
{
	struct endpoint_row *row = snapshot_add(world->endpoints);

	row->id = id;
	row->name = "7d9f3c20b1e84a6d5f0c2277aa91e3";
	row->node = "n1";
	row->addresses = snapshot_list(world->endpoints, &address, 1);
	row->status = "STALE";
	row->state = STATE_STALE;
	row->why = "no container has it";
	row->cleanable = true;
	row->modified_index = 7;
	return row;
}

static struct address_row *add_address(struct world *world, const char *id, const char *status,
				       enum row_state state)
{
	struct address_row *row = snapshot_add(world->addresses);

	row->id = id;
	row->status = status;
	row->state = state;
	row->why = "because";
	row->block = "10.0.0.0/26";
	row->node = "n2";
	row->releasable = state == STATE_STALE;
	return row;
}

static struct container_row *add_container(struct world *world, const char *id, const char *name,
					   const char *status)
{
	struct container_row *row = snapshot_add(world->containers);

	row->id = id;
	row->container_id = "";
	row->name = name;
	row->node = "n1";
	row->status = status;
	return row;
}

/* The tables are published with the first call; they do not change afterwards. */
static void run(struct world *world, const char *text)
{
	struct err err = { 0 };
	struct command_line *line;

	if (world->endpoints) {
		struct snapshot *pools = snapshot_new(MODEL_POOLS);
		struct pool_row *pool = snapshot_add(pools);

		pool->id = "10.0.0.0/8";
		pool->status = "on";
		pool->state = STATE_PASS;
		model_publish(world->model, world->endpoints);
		model_publish(world->model, world->addresses);
		model_publish(world->model, world->containers);
		model_publish(world->model, pools);
		model_set_source(world->model, SOURCE_CALICO, SOURCE_OK, "", "");
		model_set_source(world->model, SOURCE_DOCKER, SOURCE_OK, "", "");
		world->endpoints = world->addresses = world->containers = NULL;
	}
	strbuf_reset(&world->plan);
	strbuf_reset(&world->said);
	world->asked = world->ended = false;
	line = command_parse(text, &err);
	if (!line || !command_start(line, &world->env, &front, world, &err))
		fail_msg("%s: %s", text, err.msg);
	for (int i = 0; i < 10 && !world->ended; i++)
		loop_turn(world->loop, 0);
	assert_true(world->ended);
}

static void assert_has(const struct strbuf *text, const char *want)
{
	if (!strstr(text->buf, want))
		fail_msg("\"%s\" is not in: %s", want, text->buf);
}

static void assert_has_not(const struct strbuf *text, const char *not_wanted)
{
	if (strstr(text->buf, not_wanted))
		fail_msg("\"%s\" is in: %s", not_wanted, text->buf);
}

/* db on n1 asks for 10.0.0.5, which the left-over /calico/5 has. */
static struct container_row *add_accident(struct world *world)
{
	struct address_row *address = add_address(world, "10.0.0.5", "leaked", STATE_STALE);
	struct container_row *container = add_container(world, "n1/db", "db", "created");

	add_endpoint(world, "/calico/5", "10.0.0.5/32");
	address->endpoint = "/calico/5";
	address->holder = "7d9f3c20b1e8";
	address->holder_node = "n1";
	address->wanted_by = "db";
	address->wanted_on = "n1";
	container->fixed_address = "10.0.0.5";
	container->error = "Address already assigned in block";
	return container;
}

static void a_leaked_address_goes_after_the_endpoints_that_name_it(void **state)
{
	struct world *world = *state;
	const char *first, *second, *last;

	add_accident(world);
	add_endpoint(world, "/calico/6", "10.0.0.5/32");
	add_endpoint(world, "/calico/7", "10.0.0.50/32");
	run(world, "release 10.0.0.5");
	assert_true(world->asked);
	assert_int_equal(world->targets, 1);
	assert_int_equal(world->confirm, PLAN_CONFIRM_YES);
	assert_has(&world->plan, "block 10.0.0.0/26 of n2");
	assert_has(&world->plan, "is STALE: no container has it");
	assert_has_not(&world->plan, "/calico/7");
	first = strstr(world->plan.buf, "1. delete workloadEndpoint /calico/5");
	second = strstr(world->plan.buf, "2. delete workloadEndpoint /calico/6");
	last = strstr(world->plan.buf, "3. give address 10.0.0.5 back");
	assert_true(first && second && last);
}

static void an_orphan_asks_for_a_typed_answer(void **state)
{
	struct world *world = *state;

	add_address(world, "10.0.0.6", "orphan", STATE_STALE);
	run(world, "release 10.0.0.6/32");
	assert_true(world->asked);
	assert_int_equal(world->confirm, PLAN_CONFIRM_TYPED);
	assert_has(&world->plan, "1. give address 10.0.0.6 back to its pool, if still nobody");
	assert_has(&world->plan, "nothing in Calico's data tells who had it");
	assert_has_not(&world->plan, "endpoint before address");
}

static void what_is_not_surely_left_over_is_refused_with_its_reason(void **state)
{
	static const struct {
		const char *address, *status, *want;
		enum row_state state;
	} cases[] = {
		{ "10.0.0.1", "in use", "10.0.0.1 is in use: because", STATE_PASS },
		{ "10.0.0.2", "foreign", "10.0.0.2 is foreign: because", STATE_NONE },
		{ "10.0.0.3", "?", "10.0.0.3 is not known well enough: because", STATE_UNKNOWN },
	};
	struct world *world = *state;

	for (size_t i = 0; i < 3; i++)
		add_address(world, cases[i].address, cases[i].status, cases[i].state);
	add_address(world, "10.0.0.6", "orphan", STATE_STALE);
	for (size_t i = 0; i < 3; i++) {
		char *text = xasprintf("release %s", cases[i].address);

		run(world, text);
		free(text);
		assert_false(world->asked);
		assert_int_equal(world->status, COMMAND_FAILED);
		assert_string_equal(world->message, cases[i].want);
	}
	run(world, "release 10.0.0.1 10.0.0.6 10.0.0.7");
	assert_int_equal(world->targets, 1);
	assert_has(&world->plan, "10.0.0.1 is in use");
	assert_has(&world->plan, "10.0.0.7 is not assigned");
	run(world, "release 10.0.0.7");
	assert_int_equal(world->status, COMMAND_DONE);
	run(world, "release web");
	assert_int_equal(world->status, COMMAND_USAGE);
}

static void the_address_of_a_container_that_has_just_ended_waits(void **state)
{
	struct world *world = *state;

	add_accident(world)->ended_ms = NOW_MS - 10000;
	run(world, "repair db");
	assert_false(world->asked);
	assert_has(&world->said, "ended just now");
	assert_has(&world->said, "try again in 81 s");
	clock_fake_advance(80001);
	run(world, "repair db");
	assert_true(world->asked);
}

static void a_repair_takes_away_what_stands_in_the_way_and_nothing_else(void **state)
{
	struct world *world = *state;

	add_accident(world);
	add_endpoint(world, "/calico/7", "10.0.0.50/32");
	add_address(world, "10.0.0.50", "leaked", STATE_STALE);
	run(world, "repair db");
	assert_int_equal(world->targets, 1);
	assert_int_equal(world->confirm, PLAN_CONFIRM_YES);
	assert_has(&world->plan, "Free 10.0.0.5 for db");
	assert_has(&world->plan, "1. delete workloadEndpoint /calico/5");
	assert_has(&world->plan, "2. give address 10.0.0.5 back");
	assert_has(&world->plan, "on n1, docker start db");
	assert_has_not(&world->plan, "10.0.0.50");
	/* The address names the same thing. */
	run(world, "repair 10.0.0.5");
	assert_int_equal(world->targets, 1);
	assert_has(&world->plan, "Free 10.0.0.5 for db");
}

static void nothing_in_the_way_is_said_with_the_next_command(void **state)
{
	struct world *world = *state;
	struct container_row *container = add_container(world, "n1/db", "db", "exited");

	container->fixed_address = "10.0.0.9";
	container->error = "no such file or directory";
	add_container(world, "n1/up", "up", "running");
	run(world, "repair db");
	assert_int_equal(world->status, COMMAND_DONE);
	assert_has(&world->said, "nothing stands in the way of db");
	assert_has(&world->said, "another reason: no such file");
	assert_has(&world->said, "on n1, docker start db");
	run(world, "repair up");
	assert_int_equal(world->status, COMMAND_DONE);
	assert_has(&world->said, "up is running on n1: nothing stands in its way");
	run(world, "repair db --expect 1");
	assert_int_equal(world->status, COMMAND_PLAN_CHANGED);
}

static void what_cannot_be_removed_is_said_and_is_a_failure(void **state)
{
	struct world *world = *state;

	add_container(world, "n1/a", "a", "created")->fixed_address = "10.0.0.1";
	add_address(world, "10.0.0.1", "in use", STATE_PASS);
	add_container(world, "n1/b", "b", "created")->fixed_address = "11.0.0.1";
	run(world, "repair a");
	assert_int_equal(world->status, COMMAND_FAILED);
	assert_has(&world->said, "10.0.0.1 is in use: because; stop that one first");
	run(world, "repair b");
	assert_int_equal(world->status, COMMAND_FAILED);
	assert_has(&world->said, "11.0.0.1 lies in no pool that is on");
	assert_false(world->asked);
}

static void dockers_own_record_is_told_with_its_command_and_keeps_the_rest(void **state)
{
	struct world *world = *state;
	struct endpoint_row *endpoint;

	add_accident(world)->error = "endpoint with name db already exists in network net";
	endpoint = (struct endpoint_row *)(void *)world->endpoints->rows;
	endpoint->status = "ghost";
	endpoint->record = "db";
	endpoint->record_network = "net";
	run(world, "repair db");
	assert_false(world->asked);
	assert_int_equal(world->status, COMMAND_FAILED);
	assert_has(&world->said, "docker network disconnect -f net db");
	assert_has(&world->said, "rename or remove container db there");
	assert_has(&world->said, "on n1 and nowhere else");
}

static void a_name_that_runs_elsewhere_is_told_beside_the_address_that_can_be_freed(void **state)
{
	struct world *world = *state;

	add_accident(world)->error = "endpoint with name db already exists in network net";
	add_container(world, "n2/db", "db", "running")->node = "n2";
	run(world, "repair db");
	assert_int_equal(world->targets, 1);
	assert_has(&world->plan, "a container db runs on n2");
	assert_has(&world->plan, "more stands in its way");
	assert_has_not(&world->plan, "disconnect");
}

static void add_block(struct world *world, const char *id, const char *map)
{
	struct snapshot *blocks = snapshot_new(MODEL_BLOCKS);
	struct block_row *block = snapshot_add(blocks);

	block->id = id;
	block->node = "n1";
	block->map = map;
	model_publish(world->model, blocks);
}

#define FREE_8 "........"

static void who_has_an_address_is_answered_also_when_nobody_has_it(void **state)
{
	struct world *world = *state;

	add_accident(world);
	add_block(world, "10.0.0.0/26",
		  ".....L.." FREE_8 FREE_8 FREE_8 FREE_8 FREE_8 FREE_8 FREE_8);
	run(world, "who 10.0.0.5");
	assert_int_equal(world->status, COMMAND_DONE);
	assert_has(&world->said, "leaked");
	assert_has(&world->said, ".....[L].. ........");
	run(world, "who 10.0.0.20");
	assert_has(&world->said, "free   nobody has it");
	assert_has(&world->said, "10.0.0.0/8");
	assert_has(&world->said, "....[.]... ........");
	run(world, "show address 10.9.9.9/32");
	assert_has(&world->said, "nobody has it, nor any address near it");
	run(world, "who 192.0.2.1");
	assert_has(&world->said, "it lies in none of Calico's pools");
	run(world, "who nobody");
	assert_int_equal(world->status, COMMAND_FAILED);
	run(world, "who 10.0.0.0/8");
	assert_int_equal(world->status, COMMAND_FAILED);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_leaked_address_goes_after_the_endpoints_that_name_it),
		TEST(an_orphan_asks_for_a_typed_answer),
		TEST(what_is_not_surely_left_over_is_refused_with_its_reason),
		TEST(the_address_of_a_container_that_has_just_ended_waits),
		TEST(a_repair_takes_away_what_stands_in_the_way_and_nothing_else),
		TEST(nothing_in_the_way_is_said_with_the_next_command),
		TEST(what_cannot_be_removed_is_said_and_is_a_failure),
		TEST(dockers_own_record_is_told_with_its_command_and_keeps_the_rest),
		TEST(a_name_that_runs_elsewhere_is_told_beside_the_address_that_can_be_freed),
		TEST(who_has_an_address_is_answered_also_when_nobody_has_it),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
