/* Two daemons that are played by scripts, and what the model shows of them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "binnacle/feed/docker_feed.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/net/http.h"
#include "support/peer.h"
#include "support/scripted_docker.h"

struct scene {
	struct loop *loop;
	struct http *http;
	struct model *model;
	struct scripted_docker *one, *two;
	struct docker_feed *feed;
	struct docker_feed_query *query;
	unsigned answers, views, want_views;
	size_t sources;
	bool answered;
	char seen[64]; /* the containers of n1 in the answer */
	const char *want;
};

static void count_view(void *arg)
{
	((struct scene *)arg)->views++;
}

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	scene->loop = loop_new();
	scene->http = http_new(scene->loop);
	scene->model = model_new();
	scene->one = scripted_docker_new(scene->loop, scene->http, "n1");
	scene->two = scripted_docker_new(scene->loop, scene->http, "n2");
	scene->feed = docker_feed_new(scene->loop, scene->model);
	docker_feed_listen(scene->feed, count_view, scene);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	clock_real();
	docker_feed_free(scene->feed);
	scripted_docker_free(scene->one);
	scripted_docker_free(scene->two);
	model_free(scene->model);
	http_free(scene->http);
	loop_free(scene->loop);
	free(scene);
	log_release();
	return 0;
}

static void say(struct scripted_docker *daemon, const char *name)
{
	scripted_docker_say(daemon, &(struct scripted_container){ .name = name }, 1);
}

static void add_both(struct scene *scene)
{
	docker_feed_add(scene->feed, "n1", scene->one->docker, true);
	docker_feed_add(scene->feed, "n2", scene->two->docker, false);
}

static const struct snapshot *containers(const struct scene *scene)
{
	return model_current(scene->model, MODEL_CONTAINERS);
}

static bool has_row(void *arg)
{
	struct scene *scene = arg;

	return snapshot_find(containers(scene), scene->want) != NULL;
}

static void until_row(struct scene *scene, const char *id)
{
	scene->want = id;
	if (!run_until_true(scene->loop, has_row, scene))
		fail_msg("no container %s", id);
}

static bool has_detail(void *arg)
{
	struct scene *scene = arg;

	return strcmp(model_source(scene->model, SOURCE_DOCKER)->detail, scene->want) == 0;
}

static void until_detail(struct scene *scene, const char *detail)
{
	scene->want = detail;
	if (!run_until_true(scene->loop, has_detail, scene))
		fail_msg("%s instead of %s", model_source(scene->model, SOURCE_DOCKER)->detail,
			 detail);
}

static bool has_views(void *arg)
{
	struct scene *scene = arg;

	return scene->views >= scene->want_views;
}

/* Each daemon is asked once at the start and once because its stream of events stands; after
 * that nothing happens by itself for a long time. */
static void until_quiet(struct scene *scene, unsigned daemons)
{
	scene->want_views = 2 * daemons;
	assert_true(run_until_true(scene->loop, has_views, scene));
}

static void start_well(struct scene *scene)
{
	say(scene->one, "web");
	say(scene->two, "app");
	add_both(scene);
	until_quiet(scene, 2);
	assert_string_equal(model_source(scene->model, SOURCE_DOCKER)->detail, "2/2");
}

static void without_a_daemon_the_source_is_off(void **state)
{
	struct scene *scene = *state;

	assert_int_equal(model_source(scene->model, SOURCE_DOCKER)->health, SOURCE_OFF);
	docker_feed_add(scene->feed, "n1", scene->one->docker, true);
	assert_int_equal(model_source(scene->model, SOURCE_DOCKER)->health, SOURCE_LOADING);
}

static void the_containers_of_two_daemons_are_published_together(void **state)
{
	struct scene *scene = *state;
	const struct container_row *row;

	scripted_docker_say(scene->one,
			    (struct scripted_container[]){
				    { .name = "web", .eid = "e1", .address = "10.0.0.1" },
				    { .name = "old", .status = "exited" },
				    { .name = "sick",
				      .status = "created",
				      .eid = "",
				      .wanted = "10.0.0.9",
				      .error = "Address already assigned" } },
			    3);
	add_both(scene);
	until_detail(scene, "1/2");
	/* Half of it is nothing that a script may see. */
	assert_false(model_has(scene->model, MODEL_CONTAINERS));
	assert_false(docker_feed_is_complete(scene->feed));
	assert_int_equal(model_source(scene->model, SOURCE_DOCKER)->health, SOURCE_LOADING);
	say(scene->two, "app");
	until_row(scene, "n2/app");
	assert_true(docker_feed_is_complete(scene->feed));
	assert_int_equal(model_source(scene->model, SOURCE_DOCKER)->health, SOURCE_OK);
	assert_int_equal(containers(scene)->count, 4);
	row = snapshot_find(containers(scene), "n1/web");
	assert_string_equal(row->container_id, "web");
	assert_string_equal(row->node, "n1");
	assert_string_equal(row->image, "nginx:1");
	assert_string_equal(row->network, "calico-net");
	assert_string_equal(row->address, "10.0.0.1");
	assert_string_equal(row->status, "running");
	assert_int_equal(row->state, STATE_PASS);
	row = snapshot_find(containers(scene), "n1/old");
	assert_int_equal(row->state, STATE_NONE);
	assert_string_equal(row->network, "");
	row = snapshot_find(containers(scene), "n1/sick");
	assert_int_equal(row->state, STATE_CRIT);
	assert_string_equal(row->address, "10.0.0.9");
	assert_string_equal(row->error, "Address already assigned");
}

static void a_daemon_that_hangs_holds_back_the_others_rows_for_three_seconds_only(void **state)
{
	struct scene *scene = *state;

	say(scene->one, "web");
	add_both(scene);
	until_quiet(scene, 1);
	assert_false(model_has(scene->model, MODEL_CONTAINERS));
	clock_fake(clock_mono_ms() + 3100, clock_wall_ms());
	until_row(scene, "n1/web");
	assert_true(docker_feed_is_complete(scene->feed));
}

static void a_daemon_that_fails_keeps_its_last_rows_and_the_others(void **state)
{
	struct scene *scene = *state;
	const struct source_status *source = model_source(scene->model, SOURCE_DOCKER);

	start_well(scene);
	scripted_docker_refuse(scene->one);
	scripted_docker_event(scene->one, "die");
	until_detail(scene, "1/2");
	assert_int_equal(source->health, SOURCE_DOWN);
	assert_non_null(strstr(source->message, "n1: "));
	assert_non_null(strstr(source->message, "on fire"));
	assert_false(docker_feed_view(scene->feed, "n1")->complete);
	assert_non_null(snapshot_find(containers(scene), "n1/web"));
	/* The other one goes on. */
	say(scene->two, "app2");
	scripted_docker_event(scene->two, "create");
	until_row(scene, "n2/app2");
	assert_null(snapshot_find(containers(scene), "n2/app"));
	assert_non_null(snapshot_find(containers(scene), "n1/web"));
	/* And the first one comes back. */
	say(scene->one, "web2");
	scripted_docker_event(scene->one, "start");
	until_row(scene, "n1/web2");
	assert_null(snapshot_find(containers(scene), "n1/web"));
	assert_string_equal(source->detail, "2/2");
	assert_int_equal(source->health, SOURCE_OK);
}

static void a_daemon_that_never_answers_is_down_beside_one_that_does(void **state)
{
	struct scene *scene = *state;

	peer_down(scene->two->peer);
	say(scene->one, "web");
	add_both(scene);
	until_row(scene, "n1/web");
	assert_int_equal(model_source(scene->model, SOURCE_DOCKER)->health, SOURCE_DOWN);
	assert_string_equal(model_source(scene->model, SOURCE_DOCKER)->detail, "1/2");
	assert_true(docker_feed_view(scene->feed, "n2")->unreachable);
	assert_null(docker_feed_view(scene->feed, "n3"));
}

static void on_answer(void *arg, const struct calico_source *sources, size_t count)
{
	struct scene *scene = arg;

	scene->query = NULL;
	scene->answers++;
	scene->answered = true;
	scene->sources = count;
	scene->seen[0] = '\0';
	for (size_t i = 0; i < count; i++)
		if (strcmp(sources[i].node, "n1") == 0)
			for (size_t n = 0; n < sources[i].view->container_count; n++)
				strncat(scene->seen, sources[i].view->containers[n].name, 20);
}

static void ask(struct scene *scene, const char *node)
{
	scene->answered = false;
	scene->query = docker_feed_query(scene->feed, node, on_answer, scene);
	assert_false(scene->answered);
}

static void a_query_asks_its_daemon_anew_and_answers_once_with_every_source(void **state)
{
	struct scene *scene = *state;
	size_t asked_two;

	start_well(scene);
	asked_two = peer_asked(scene->two->peer, "GET /info");
	say(scene->one, "new");
	ask(scene, "n1");
	assert_true(run_until(scene->loop, &scene->answered));
	assert_string_equal(scene->seen, "new");
	assert_int_equal(scene->sources, 2);
	assert_int_equal(peer_asked(scene->two->peer, "GET /info"), asked_two);
	ask(scene, NULL);
	assert_true(run_until(scene->loop, &scene->answered));
	assert_int_equal(peer_asked(scene->two->peer, "GET /info"), asked_two + 1);
	run_for(scene->loop, 30);
	assert_int_equal(scene->answers, 2);
}

static bool is_gathering(void *arg)
{
	struct scene *scene = arg;

	return peer_waiting(scene->one->peer) == 1;
}

static void what_was_under_way_before_the_question_is_too_old_an_answer(void **state)
{
	struct scene *scene = *state;

	start_well(scene);
	/* A gathering that has read the list already and waits for the networks. */
	peer_forget(scene->one->peer);
	peer_answer(scene->one->peer, "GET /info", 200, NULL, "{\"ID\":\"n1\",\"Name\":\"n1\"}");
	peer_answer(scene->one->peer, "GET /containers/json", 200, NULL, "[]");
	scripted_docker_event(scene->one, "start");
	assert_true(run_until_true(scene->loop, is_gathering, scene));
	ask(scene, "n1");
	say(scene->one, "after");
	assert_true(run_until(scene->loop, &scene->answered));
	assert_string_equal(scene->seen, "after");
}

static void a_query_is_answered_even_when_the_daemon_fails(void **state)
{
	struct scene *scene = *state;

	start_well(scene);
	peer_down(scene->one->peer);
	ask(scene, "n1");
	assert_true(run_until(scene->loop, &scene->answered));
	assert_int_equal(scene->sources, 2);
	assert_false(docker_feed_view(scene->feed, "n1")->complete);
}

static void a_query_for_an_unknown_node_is_answered_with_what_is_known(void **state)
{
	struct scene *scene = *state;
	size_t asked;

	start_well(scene);
	asked = peer_request_count(scene->one->peer) + peer_request_count(scene->two->peer);
	ask(scene, "elsewhere");
	assert_true(run_until(scene->loop, &scene->answered));
	assert_int_equal(scene->sources, 2);
	assert_string_equal(scene->seen, "web");
	assert_int_equal(
		peer_request_count(scene->one->peer) + peer_request_count(scene->two->peer), asked);
}

static void a_cancelled_query_is_never_answered(void **state)
{
	struct scene *scene = *state;

	start_well(scene);
	ask(scene, "n1");
	docker_feed_query_cancel(&scene->query);
	assert_null(scene->query);
	ask(scene, "elsewhere");
	docker_feed_query_cancel(&scene->query);
	docker_feed_query_cancel(&scene->query);
	say(scene->one, "later");
	scripted_docker_event(scene->one, "start");
	until_row(scene, "n1/later");
	assert_int_equal(scene->answers, 0);
	/* One that is under way when the feed goes is not answered either. */
	ask(scene, NULL);
	docker_feed_free(scene->feed);
	scene->feed = NULL;
	run_for(scene->loop, 30);
	assert_int_equal(scene->answers, 0);
}

static void listeners_hear_of_each_view_until_they_leave(void **state)
{
	struct scene *scene = *state;

	start_well(scene);
	assert_int_equal(scene->views, 4);
	docker_feed_unlisten(scene->feed, count_view, scene);
	scene->views = 0;
	ask(scene, NULL);
	assert_true(run_until(scene->loop, &scene->answered));
	assert_int_equal(scene->views, 0);
}

static void annotate(void *arg, struct arena *arena, struct container_row *row)
{
	row->registered = arena_printf(arena, "%s on %s", row->name, row->node);
	row->wanted = arena_strdup(arena, strcmp(row->container_id, "web") == 0 ? arg : "");
}

static void what_the_engine_knows_stands_beside_each_container(void **state)
{
	struct scene *scene = *state;
	const struct container_row *row;

	start_well(scene);
	docker_feed_set_annotate(scene->feed, annotate, "web:80");
	docker_feed_republish(scene->feed);
	row = snapshot_find(containers(scene), "n1/web");
	assert_string_equal(row->registered, "web on n1");
	assert_string_equal(row->wanted, "web:80");
	row = snapshot_find(containers(scene), "n2/app");
	assert_string_equal(row->wanted, "");
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(without_a_daemon_the_source_is_off),
		TEST(the_containers_of_two_daemons_are_published_together),
		TEST(a_daemon_that_hangs_holds_back_the_others_rows_for_three_seconds_only),
		TEST(a_daemon_that_fails_keeps_its_last_rows_and_the_others),
		TEST(a_daemon_that_never_answers_is_down_beside_one_that_does),
		TEST(a_query_asks_its_daemon_anew_and_answers_once_with_every_source),
		TEST(what_was_under_way_before_the_question_is_too_old_an_answer),
		TEST(a_query_is_answered_even_when_the_daemon_fails),
		TEST(a_query_for_an_unknown_node_is_answered_with_what_is_known),
		TEST(a_cancelled_query_is_never_answered),
		TEST(listeners_hear_of_each_view_until_they_leave),
		TEST(what_the_engine_knows_stands_beside_each_container),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
