/* What the registrar reports, as the table of events. The clock stands still. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/app/bridge_register.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/log.h"
#include "binnacle/feed/docker_feed.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/register/registrar.h"

#define NOW_MS 1714564931000

struct scene {
	struct loop *loop;
	struct model *model;
	struct docker_feed *docker_feed;
	struct bridge_register *bridge;
	struct model_watch *watch;
	unsigned publications;
};

static void on_events(void *arg, unsigned bits)
{
	(void)bits;
	((struct scene *)arg)->publications++;
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	clock_fake(1000, NOW_MS);
	scene->loop = loop_new();
	scene->model = model_new();
	scene->docker_feed = docker_feed_new(scene->loop, scene->model);
	scene->bridge = bridge_register_new(scene->loop, scene->model, scene->docker_feed);
	scene->watch = model_watch_start(scene->model, MODEL_BIT(MODEL_EVENTS), on_events, scene);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	bridge_register_free(scene->bridge);
	docker_feed_free(scene->docker_feed);
	model_watch_stop(&scene->watch);
	model_free(scene->model);
	loop_free(scene->loop);
	free(scene);
	clock_real();
	log_release();
	return 0;
}

static void report(struct scene *scene, enum registrar_action action, const char *instance,
		   const char *why)
{
	bridge_register_event(scene->bridge,
			      &(struct registrar_event){ .wall_ms = clock_wall_ms(),
							 .action = action,
							 .service = "web",
							 .instance = instance,
							 .why = why,
							 .node = "n1",
							 .container = "c",
							 .container_id = "0123456789ab",
							 .source = "event" });
}

static const struct snapshot *events(struct scene *scene)
{
	clock_fake_advance(100);
	loop_turn(scene->loop, 0);
	return model_current(scene->model, MODEL_EVENTS);
}

static const struct event *event_at(struct scene *scene, size_t index)
{
	return snapshot_row(events(scene), index);
}

static void the_newest_event_stands_first(void **state)
{
	struct scene *scene = *state;
	const struct event *row;

	report(scene, REGISTRAR_ADDED, "n1:a:80", "");
	clock_fake_advance(5000);
	report(scene, REGISTRAR_FAILED, "n1:b:80", "agent answered 500");
	assert_int_equal(events(scene)->count, 2);
	row = event_at(scene, 0);
	assert_string_equal(row->id, "1");
	assert_string_equal(row->action, registrar_action_name(REGISTRAR_FAILED));
	assert_int_equal(row->state, STATE_FAILED);
	assert_string_equal(row->service, "web");
	assert_string_equal(row->instance, "n1:b:80");
	assert_string_equal(row->why, "agent answered 500");
	assert_string_equal(row->node, "n1");
	assert_string_equal(row->container, "c");
	assert_string_equal(row->source, "event");
	assert_int_equal(row->time_ms, NOW_MS + 5000);
	assert_int_equal(row->repeated, 1);
	row = event_at(scene, 1);
	assert_string_equal(row->instance, "n1:a:80");
	assert_int_equal(row->state, STATE_PASS);
	assert_int_equal(row->time_ms, NOW_MS);
}

static void a_repetition_within_a_minute_is_counted_on_the_first(void **state)
{
	struct scene *scene = *state;

	report(scene, REGISTRAR_FAILED, "n1:a:80", "refused");
	clock_fake_advance(20000);
	report(scene, REGISTRAR_ADDED, "n1:b:80", "");
	report(scene, REGISTRAR_FAILED, "n1:a:80", "refused");
	clock_fake_advance(39000);
	report(scene, REGISTRAR_FAILED, "n1:a:80", "refused");
	assert_int_equal(events(scene)->count, 2);
	assert_string_equal(event_at(scene, 1)->instance, "n1:a:80");
	assert_int_equal(event_at(scene, 1)->repeated, 3);
	assert_int_equal(event_at(scene, 1)->time_ms, NOW_MS);
	assert_int_equal(event_at(scene, 0)->repeated, 1);
}

static void after_a_minute_it_is_an_event_of_its_own(void **state)
{
	struct scene *scene = *state;

	report(scene, REGISTRAR_FAILED, "n1:a:80", "refused");
	clock_fake_advance(60000);
	report(scene, REGISTRAR_FAILED, "n1:a:80", "refused");
	assert_int_equal(events(scene)->count, 2);
	assert_int_equal(event_at(scene, 0)->repeated, 1);
	assert_int_equal(event_at(scene, 1)->repeated, 1);
}

static void what_differs_in_anything_is_not_folded(void **state)
{
	struct scene *scene = *state;

	report(scene, REGISTRAR_FAILED, "n1:a:80", "refused");
	report(scene, REGISTRAR_FAILED, "n1:a:80", "timed out");
	report(scene, REGISTRAR_FAILED, "n1:a:81", "refused");
	report(scene, REGISTRAR_STALE, "n1:a:80", "refused");
	assert_int_equal(events(scene)->count, 4);
}

static void a_burst_is_one_publication(void **state)
{
	struct scene *scene = *state;
	char instance[32];

	for (int i = 0; i < 100; i++) {
		snprintf(instance, sizeof(instance), "n1:a:%d", i);
		report(scene, REGISTRAR_ADDED, instance, "");
		loop_turn(scene->loop, 0);
	}
	assert_int_equal(scene->publications, 0);
	assert_int_equal(events(scene)->count, 100);
	assert_int_equal(scene->publications, 1);
	events(scene);
	assert_int_equal(scene->publications, 1);
}

static void the_oldest_events_give_way_to_new_ones(void **state)
{
	struct scene *scene = *state;
	const struct snapshot *all;
	char instance[32];

	for (int i = 0; i < LIMIT_EVENTS_COUNT + 5; i++) {
		snprintf(instance, sizeof(instance), "n1:a:%d", i);
		report(scene, REGISTRAR_ADDED, instance, "");
	}
	all = events(scene);
	assert_int_equal(all->count, LIMIT_EVENTS_COUNT);
	snprintf(instance, sizeof(instance), "n1:a:%d", LIMIT_EVENTS_COUNT + 4);
	assert_string_equal(event_at(scene, 0)->instance, instance);
	assert_string_equal(event_at(scene, LIMIT_EVENTS_COUNT - 1)->instance, "n1:a:5");
	/* Numbers stay what they were, so that a cursor finds its event again. */
	assert_string_equal(event_at(scene, LIMIT_EVENTS_COUNT - 1)->id, "5");
	assert_null(snapshot_find(all, "4"));
	/* A repetition of one that has gone is new; of a new one it is counted. */
	report(scene, REGISTRAR_ADDED, "n1:a:0", "");
	assert_string_equal(event_at(scene, 0)->instance, "n1:a:0");
	report(scene, REGISTRAR_ADDED, instance, "");
	assert_int_equal(event_at(scene, 1)->repeated, 2);
	assert_int_equal(events(scene)->count, LIMIT_EVENTS_COUNT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_newest_event_stands_first),
		TEST(a_repetition_within_a_minute_is_counted_on_the_first),
		TEST(after_a_minute_it_is_an_event_of_its_own),
		TEST(what_differs_in_anything_is_not_folded),
		TEST(a_burst_is_one_publication),
		TEST(the_oldest_events_give_way_to_new_ones),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
