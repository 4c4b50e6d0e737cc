/*
 * The registrar with a real agent, and a real daemon when one is named:
 *
 *     TEST_DOCKER_HOST=unix:///path/docker.sock TEST_DOCKER_IMAGE=lab/web  an image that EXPOSEs 80
 *     TEST_DOCKER_NETWORK=calico                                 a network without port data
 *
 * Without them the daemon's test is skipped; without a consul program both are.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/consul/consul.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/register/registrar.h"
#include "binnacle/register/registry.h"
#include "support/peer.h"
#include "support/real_consul.h"

/* The daemon does real work for each of its containers, and the test asks for all at once. */
enum { BOX_COUNT = 50, REAL_BOX_COUNT = 12 };

struct world {
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct docker *docker;
	struct real_consul agent;
	struct consul *consul;
	struct registry *registry;
	struct registrar *registrar;
	struct strbuf events;
	/* the agent's services with our hostname, as listed last */
	bool is_asking;
	size_t count, want;
	bool is_reached;
	/* requests of the test itself that are open, and how many were refused */
	unsigned open, refused;
};

static void on_event(void *arg, const struct registrar_event *event)
{
	struct world *world = arg;

	strbuf_addf(&world->events, "%s %s %s;", registrar_action_name(event->action),
		    event->instance, event->why);
}

/* Without a host the daemon is the scripted one. */
static int set_up(void **state, const char *host)
{
	struct world *world = calloc(1, sizeof(*world));
	struct docker_config docker = { .name = "node-1", .host = host };
	struct consul_config consul = { 0 };
	struct err err;

	*state = world;
	strbuf_init(&world->events);
	world->loop = loop_new();
	world->http = http_new(world->loop);
	world->peer = peer_new(world->loop);
	if (!real_consul_exists())
		return 0;
	real_consul_start(&world->agent);
	consul.address = world->agent.address;
	world->consul = consul_new(world->loop, world->http, &consul, &err);
	world->registry = registry_consul_new(world->consul);
	if (!host)
		docker.host = peer_url(world->peer);
	world->docker = docker_new(world->loop, world->http, &docker, &err);
	assert_non_null(world->docker);
	return 0;
}

static int set_up_scripted(void **state)
{
	return set_up(state, NULL);
}

static int set_up_real(void **state)
{
	return set_up(state, getenv("TEST_DOCKER_HOST"));
}

static int tear_down(void **state)
{
	struct world *world = *state;

	registrar_free(world->registrar);
	registry_free(world->registry);
	consul_free(world->consul);
	docker_free(world->docker);
	real_consul_stop(&world->agent);
	http_free(world->http);
	peer_free(world->peer);
	loop_free(world->loop);
	strbuf_release(&world->events);
	free(world);
	log_release();
	return 0;
}

static void start(struct world *world)
{
	struct register_options options = { .hostname = "host-1",
					    .host_ip = "192.0.2.1",
					    .resync_ms = 500 };
	struct registrar_callbacks callbacks = { .event = on_event };
	struct err err;

	world->registrar = registrar_new(world->loop, world->docker, world->registry, &options,
					 &callbacks, world, &err);
	registrar_set_mode(world->registrar, REGISTRAR_AUTO);
}

static void on_services(void *arg, const struct json *doc, const struct consul_meta *meta,
			const struct err *err)
{
	struct world *world = arg;

	(void)meta;
	world->is_asking = false;
	world->count = 0;
	JSON_EACH(service, doc)
	world->count += strncmp(json_key(service), "host-1:regtest-", 15) == 0;
	world->is_reached = !err && world->count == world->want;
}

static bool agent_has_them(void *arg)
{
	struct world *world = arg;

	if (!world->is_asking && !world->is_reached) {
		world->is_asking = true;
		consul_get(world->consul, "/v1/agent/services", on_services, world);
	}
	return world->is_reached && !world->is_asking;
}

static void wait_for_count(struct world *world, size_t want)
{
	bool reached = false;

	world->want = want;
	world->is_reached = false;
	for (int i = 0; i < 12 && !reached; i++)
		reached = run_until_true(world->loop, agent_has_them, world);
	if (!reached)
		fail_msg("%zu instead of %zu services; %.2000s", world->count, want,
			 world->events.buf);
}

/* The scripted daemon: as many running containers as `count`. */
static void publish(struct world *world, int count)
{
	struct strbuf list = STRBUF_INIT;

	peer_forget(world->peer);
	peer_script(world->peer,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	for (int i = 0; i < count; i++) {
		char *request = xasprintf("GET /containers/box%d/json", i);
		char *doc = xasprintf(
			"{\"Id\":\"box%d\",\"Name\":\"/regtest-%d\",\"State\":{\"Running\":true},"
			"\"HostConfig\":{\"NetworkMode\":\"calico\"},\"Config\":{\"Image\":\"web\","
			"\"ExposedPorts\":{\"80/tcp\":{}},\"Env\":[\"SERVICE_TAGS=a,b\","
			"\"SERVICE_CHECK_TCP=1\",\"SERVICE_REGION=eu\"]},\"NetworkSettings\":"
			"{\"Networks\":{\"calico\":{\"IPAddress\":\"10.233.0.9\"}}}}",
			i, i);

		peer_answer(world->peer, request, 200, NULL, doc);
		strbuf_addf(&list, "%s{\"Id\":\"box%d\",\"State\":\"running\"}", i ? "," : "[", i);
		free(request);
		free(doc);
	}
	strbuf_addstr(&list, count ? "]" : "[]");
	peer_answer(world->peer, "GET /containers/json", 200, NULL, list.buf);
	strbuf_release(&list);
}

static void push_all(struct world *world, const char *action, int64_t time_ns)
{
	for (int i = 0; i < BOX_COUNT; i++) {
		char *line = xasprintf("{\"Type\":\"container\",\"Action\":\"%s\",\"Actor\":"
				       "{\"ID\":\"box%d\",\"Attributes\":{\"exitCode\":\"0\"}},"
				       "\"timeNano\":%lld}\n",
				       action, i, (long long)time_ns + i);

		peer_push(world->peer, line, strlen(line));
		free(line);
	}
}

static bool has_stream(void *arg)
{
	return peer_streams(((struct world *)arg)->peer) == 1;
}

static bool was_lost(void *arg)
{
	return strstr(((struct world *)arg)->events.buf, "FAILED");
}

static void a_burst_reaches_the_agent_whole_and_survives_its_loss(void **state)
{
	struct world *world = *state;

	if (!real_consul_exists())
		skip();
	publish(world, 0);
	start(world);
	assert_true(run_until_true(world->loop, has_stream, world));
	wait_for_count(world, 0);
	publish(world, BOX_COUNT);
	push_all(world, "start", 1700000000000000000);
	wait_for_count(world, BOX_COUNT);
	/* What the agent tells back is what was sent: nothing is pending. */
	run_for(world->loop, 1500);
	assert_int_equal(registrar_pending(world->registrar)->count, 0);
	assert_null(strstr(world->events.buf, "stale"));

	/* The agent ends, comes back, and remembers nothing. */
	real_consul_stop(&world->agent);
	assert_true(run_until_true(world->loop, was_lost, world));
	real_consul_start(&world->agent);
	wait_for_count(world, BOX_COUNT);

	publish(world, 0);
	push_all(world, "die", 1700000001000000000);
	wait_for_count(world, 0);
}

/* The real daemon: the test is its other client. */

static void on_request(void *arg, const struct json *doc, const struct err *err)
{
	struct world *world = arg;

	(void)doc;
	world->open--;
	if (err) {
		world->refused++;
		print_message("docker: %s\n", err->msg);
	}
}

static bool has_no_open(void *arg)
{
	return ((struct world *)arg)->open == 0;
}

static void wait_for_requests(struct world *world)
{
	bool ended = false;

	for (int i = 0; i < 30 && !ended; i++)
		ended = run_until_true(world->loop, has_no_open, world);
	assert_true(ended);
	assert_int_equal(world->refused, 0);
}

/* In `path` the sign @ stands for the container's name. */
static void ask(struct world *world, const char *method, const char *body, const char *path,
		int box)
{
	const char *sign = strchr(path, '@');
	char *full = xasprintf("/containers/%.*sregtest-%d-%d%s", (int)(sign - path), path,
			       (int)getpid(), box, sign + 1);

	world->open++;
	docker_send(world->docker, method, full, body, 120000, on_request, world);
	free(full);
}

static void ask_all(struct world *world, const char *method, const char *body, const char *path)
{
	for (int i = 0; i < REAL_BOX_COUNT; i++)
		ask(world, method, body, path, i);
	wait_for_requests(world);
}

static void a_burst_of_a_real_daemon_is_followed_whole(void **state)
{
	struct world *world = *state;
	const char *image = getenv("TEST_DOCKER_IMAGE");
	const char *network = getenv("TEST_DOCKER_NETWORK");
	char *body;

	if (!real_consul_exists() || !getenv("TEST_DOCKER_HOST") || !image)
		skip();
	start(world);
	body = xasprintf("{\"Image\":\"%s\",\"HostConfig\":{\"NetworkMode\":\"%s\"}}", image,
			 network ? network : "none");
	ask_all(world, "POST", body, "create?name=@");
	ask_all(world, "POST", NULL, "@/start");
	wait_for_count(world, REAL_BOX_COUNT);
	run_for(world->loop, 1500);
	assert_int_equal(world->count, REAL_BOX_COUNT);
	/* All at once, twice. */
	ask_all(world, "POST", NULL, "@/restart?t=0");
	wait_for_count(world, REAL_BOX_COUNT);
	ask_all(world, "POST", NULL, "@/kill");
	wait_for_count(world, 0);
	ask_all(world, "POST", NULL, "@/start");
	wait_for_count(world, REAL_BOX_COUNT);
	ask_all(world, "DELETE", NULL, "@?force=1");
	wait_for_count(world, 0);
	free(body);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(
			a_burst_reaches_the_agent_whole_and_survives_its_loss, set_up_scripted,
			tear_down),
		cmocka_unit_test_setup_teardown(a_burst_of_a_real_daemon_is_followed_whole,
						set_up_real, tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
