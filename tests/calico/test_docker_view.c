/* Gathering from a daemon that is played by a script. */
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
#include "binnacle/calico/docker_view.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/peer.h"

#define EID_A "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define EID_B "bbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbbb"

#define INFO                                                                                       \
	"{\"ID\":\"DAEM:ON\",\"Name\":\"N1\",\"ClusterAdvertise\":\"192.0.2.1:2376\","             \
	"\"ServerVersion\":\"20.10.24\"}"
#define WEB                                                                                        \
	"{\"Id\":\"c1\",\"Name\":\"/web\",\"State\":{\"Status\":\"running\",\"Error\":\"\","       \
	"\"FinishedAt\":\"0001-01-01T00:00:00Z\"},\"Config\":{\"Image\":\"nginx:1\",\"Labels\":"   \
	"{\"a\":\"b\",\"org.projectcalico.label.role\":\"web\"}},\"NetworkSettings\":"             \
	"{\"Networks\":{\"calico.net\":{\"IPAMConfig\":{\"IPv4Address\":\"10.0.0.5\"},"            \
	"\"EndpointID\":\"" EID_A "\",\"IPAddress\":\"10.0.0.5\",\"GlobalIPv6Address\":\"\"},"     \
	"\"bridge\":{\"IPAMConfig\":null,\"EndpointID\":\"bridge1\",\"IPAddress\":"                \
	"\"172.17.0.2\"}}}}"
#define OLD                                                                                        \
	"{\"Id\":\"c2\",\"Name\":\"/old\",\"State\":{\"Status\":\"exited\",\"Error\":\"no\","      \
	"\"FinishedAt\":\"2017-11-20T05:12:10.5+02:00\"},\"Config\":{\"Labels\":null},"            \
	"\"NetworkSettings\":{\"Networks\":{}}}"
#define NETWORKS                                                                                   \
	"[{\"Id\":\"n0\",\"Name\":\"bridge\",\"Driver\":\"bridge\",\"IPAM\":{\"Driver\":"          \
	"\"default\"}},{\"Id\":\"n1\",\"Name\":\"calico.net\",\"Driver\":\"calico\",\"IPAM\":"     \
	"{\"Driver\":\"calico-ipam\"}}]"
#define NETWORK                                                                                    \
	"{\"Id\":\"n1\",\"Name\":\"calico.net\",\"Driver\":\"calico\",\"Containers\":{"            \
	"\"c1\":{\"Name\":\"web\",\"EndpointID\":\"" EID_A "\",\"IPv4Address\":\"10.0.0.5/32\"},"  \
	"\"ep-" EID_B "\":{\"Name\":\"app\",\"EndpointID\":\"" EID_B                               \
	"\",\"IPv4Address\":\"10.0.0.6/32\"}}}"

struct scene {
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct docker *docker;
	struct calico_docker_view *view;
	struct calico_gather *gather;
	bool done;
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct docker_config config = { .name = "dock-1" };
	struct err err;

	scene->loop = loop_new();
	scene->http = http_new(scene->loop);
	scene->peer = peer_new(scene->loop);
	config.host = peer_url(scene->peer);
	scene->docker = docker_new(scene->loop, scene->http, &config, &err);
	assert_non_null(scene->docker);
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	calico_gather_cancel(&scene->gather);
	calico_docker_view_unref(scene->view);
	docker_free(scene->docker);
	http_free(scene->http);
	peer_free(scene->peer);
	loop_free(scene->loop);
	free(scene);
	return 0;
}

static void answer_all(struct scene *scene)
{
	peer_answer(scene->peer, "GET /info", 200, NULL, INFO);
	peer_answer(scene->peer, "GET /containers/json", 200, NULL,
		    "[{\"Id\":\"c1\"},{\"Id\":\"c2\"}]");
	peer_answer(scene->peer, "GET /containers/c1/json", 200, NULL, WEB);
	peer_answer(scene->peer, "GET /containers/c2/json", 200, NULL, OLD);
	peer_answer(scene->peer, "GET /networks", 200, NULL, NETWORKS);
	peer_answer(scene->peer, "GET /networks/n1", 200, NULL, NETWORK);
}

static void on_view(void *arg, struct calico_docker_view *view)
{
	struct scene *scene = arg;

	assert_false(scene->done);
	scene->done = true;
	scene->gather = NULL;
	calico_docker_view_unref(scene->view);
	scene->view = calico_docker_view_ref(view);
}

static const struct calico_docker_view *gather(struct scene *scene)
{
	scene->done = false;
	scene->gather = calico_gather_start(scene->loop, scene->docker, on_view, scene);
	assert_false(scene->done);
	assert_true(run_until(scene->loop, &scene->done));
	return scene->view;
}

static void everything_that_matters_is_asked_and_kept(void **state)
{
	struct scene *scene = *state;
	const struct calico_docker_view *view;
	const struct calico_container *web;
	char text[CALICO_NET_TEXT_BYTES];

	answer_all(scene);
	view = gather(scene);
	assert_true(view->complete);
	assert_string_equal(view->problem, "");
	assert_string_equal(view->source, "dock-1");
	assert_string_equal(view->daemon_name, "N1");
	assert_string_equal(view->daemon_id, "DAEM:ON");
	assert_string_equal(view->cluster_advertise, "192.0.2.1:2376");
	assert_int_equal(view->container_count, 2);
	web = calico_docker_view_find(view, EID_A);
	assert_string_equal(web->name, "web");
	assert_true(web->running && web->phase == CALICO_CONTAINER_ALIVE);
	assert_int_equal(web->attachment_count, 2);
	assert_string_equal(web->attachments[0].network, "calico.net");
	assert_string_equal(calico_net_text(&web->attachments[0].wanted, text), "10.0.0.5");
	assert_int_equal(web->attachments[1].wanted.version, 0);
	assert_int_equal(web->calico_labels.count, 1);
	assert_string_equal(((const struct json_pair *)web->calico_labels.items)->key, "role");
	assert_int_equal(web->finished_wall_ms, 0);
	assert_null(calico_docker_view_find(view, EID_B));
	assert_true(calico_docker_view_record(view, EID_B)->is_record);
	assert_false(calico_docker_view_record(view, EID_A)->is_record);
	assert_int_equal(view->network_count, 2);
	assert_string_equal(view->networks[0].name, "bridge");
	assert_false(view->networks[0].is_calico);
	assert_true(view->networks[1].is_calico);
	assert_string_equal(view->networks[1].ipam, "calico-ipam");
	/* Only Calico's networks are inspected, and all containers are listed. */
	assert_int_equal(peer_asked(scene->peer, "GET /networks/n0"), 0);
	assert_string_equal(peer_request(scene->peer, 1)->target, "/containers/json?all=1");
}

static void the_end_of_a_container_is_read_in_any_time_zone(void **state)
{
	struct scene *scene = *state;
	const struct calico_docker_view *view;

	answer_all(scene);
	view = gather(scene);
	for (size_t i = 0; i < view->container_count; i++) {
		if (strcmp(view->containers[i].name, "old") != 0)
			continue;
		assert_int_equal(view->containers[i].finished_wall_ms, 1511147530000);
		assert_string_equal(view->containers[i].error, "no");
		assert_int_equal(view->containers[i].phase, CALICO_CONTAINER_ENDED);
		return;
	}
	fail();
}

static void a_container_that_goes_meanwhile_is_no_error(void **state)
{
	struct scene *scene = *state;

	peer_answer(scene->peer, "GET /containers/c1/json", 404, NULL,
		    "{\"message\":\"No such container: c1\"}");
	answer_all(scene);
	assert_true(gather(scene)->complete);
	assert_int_equal(scene->view->container_count, 1);
}

static void any_other_error_makes_the_view_incomplete(void **state)
{
	static const struct {
		const char *request, *body;
		int status;
	} cases[] = {
		{ "GET /info", "{\"message\":\"x\"}", 500 },
		{ "GET /containers/json", "{\"message\":\"x\"}", 500 },
		{ "GET /containers/json", "{}", 200 },
		{ "GET /containers/c2/json", "{\"message\":\"x\"}", 500 },
		{ "GET /containers/c2/json", "{}", 200 },
		{ "GET /containers/c2/json", "half {", 200 },
		{ "GET /networks", "{\"message\":\"x\"}", 500 },
		{ "GET /networks/n1", "{\"message\":\"x\"}", 500 },
		{ "GET /networks/n1", "[]", 200 },
	};
	struct scene *scene = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		peer_forget(scene->peer);
		peer_answer(scene->peer, cases[i].request, cases[i].status, NULL, cases[i].body);
		answer_all(scene);
		if (gather(scene)->complete)
			fail_msg("complete in spite of %s %s", cases[i].request, cases[i].body);
		assert_true(strlen(scene->view->problem) > 0);
		assert_false(scene->view->unreachable);
	}
}

static void a_daemon_that_is_down_is_unreachable(void **state)
{
	struct scene *scene = *state;

	peer_down(scene->peer);
	assert_false(gather(scene)->complete);
	assert_true(scene->view->unreachable);
}

static void many_containers_are_asked_a_few_at_a_time(void **state)
{
	struct scene *scene = *state;
	struct strbuf list = STRBUF_INIT, path = STRBUF_INIT, body = STRBUF_INIT;

	for (int i = 0; i < 40; i++) {
		strbuf_reset(&path);
		strbuf_reset(&body);
		strbuf_addf(&list, "%s{\"Id\":\"x%d\"}", i ? "," : "[", i);
		strbuf_addf(&path, "GET /containers/x%d/json", i);
		strbuf_addf(&body, "{\"Id\":\"x%d\",\"Name\":\"/x\",\"State\":{\"Running\":true}}",
			    i);
		peer_answer(scene->peer, path.buf, 200, NULL, body.buf);
	}
	strbuf_addstr(&list, "]");
	peer_answer(scene->peer, "GET /containers/json", 200, NULL, list.buf);
	answer_all(scene);
	assert_true(gather(scene)->complete);
	assert_int_equal(scene->view->container_count, 40);
	assert_string_equal(scene->view->containers[39].status, "running");
	assert_true(peer_connection_count(scene->peer) <= 4);
	strbuf_release(&list);
	strbuf_release(&path);
	strbuf_release(&body);
}

static void a_cancelled_gathering_never_ends(void **state)
{
	struct scene *scene = *state;

	answer_all(scene);
	for (size_t questions = 0; questions < 6; questions++) {
		size_t before = peer_request_count(scene->peer);

		scene->gather = calico_gather_start(scene->loop, scene->docker, on_view, scene);
		while (peer_request_count(scene->peer) < before + questions)
			loop_turn(scene->loop, 10);
		calico_gather_cancel(&scene->gather);
		assert_null(scene->gather);
	}
	run_for(scene->loop, 50);
	assert_false(scene->done);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(everything_that_matters_is_asked_and_kept),
		TEST(the_end_of_a_container_is_read_in_any_time_zone),
		TEST(a_container_that_goes_meanwhile_is_no_error),
		TEST(any_other_error_makes_the_view_incomplete),
		TEST(a_daemon_that_is_down_is_unreachable),
		TEST(many_containers_are_asked_a_few_at_a_time),
		TEST(a_cancelled_gathering_never_ends),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
