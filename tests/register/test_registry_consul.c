/* The requests that an agent sees. */
#include "binnacle/register/registry.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/register/rules.h"
#include "support/peer.h"

struct world {
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct consul *consul;
	struct registry *registry;
	bool answered;
	struct err err;
	size_t count;
};

static const struct register_service web = {
	.id = "host-1:web 1:80", .name = "web", .address = "10.0.0.1", .port = 80
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	struct consul_config config = { 0 };
	struct err err;

	world->loop = loop_new();
	world->http = http_new(world->loop);
	world->peer = peer_new(world->loop);
	config.address = peer_address(world->peer);
	world->consul = consul_new(world->loop, world->http, &config, &err);
	world->registry = registry_consul_new(world->consul);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	registry_free(world->registry);
	consul_free(world->consul);
	http_free(world->http);
	peer_free(world->peer);
	loop_free(world->loop);
	free(world);
	log_release();
	return 0;
}

static void on_done(void *arg, const struct json *doc, const struct err *err)
{
	struct world *world = arg;

	assert_false(world->answered);
	world->answered = true;
	world->err = err ? *err : (struct err){ 0 };
	world->count = json_count(doc);
}

static void wait_for_answer(struct world *world)
{
	assert_true(run_until(world->loop, &world->answered));
	world->answered = false;
}

static void adding_puts_the_body_to_the_agent(void **state)
{
	struct world *world = *state;
	const struct peer_request *request;

	peer_answer(world->peer, "PUT /v1/agent/service/register", 200, NULL, NULL);
	registry_add(world->registry, &web, on_done, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
	request = peer_request(world->peer, 0);
	assert_string_equal(request->target, "/v1/agent/service/register");
	assert_string_equal(request->body,
			    "{\"ID\":\"host-1:web 1:80\",\"Name\":\"web\",\"Port\":80,"
			    "\"Address\":\"10.0.0.1\",\"Check\":null,\"Checks\":null}");
}

static void removing_names_the_id_in_the_path(void **state)
{
	struct world *world = *state;

	peer_answer(world->peer, "PUT /v1/agent/service/deregister/*", 200, NULL, NULL);
	registry_remove(world->registry, &web, on_done, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
	assert_string_equal(peer_request(world->peer, 0)->target,
			    "/v1/agent/service/deregister/host-1:web%201:80");
	assert_int_equal(peer_request(world->peer, 0)->body_len, 0);
}

static void refusals_carry_what_the_agent_says(void **state)
{
	struct world *world = *state;

	peer_answer(world->peer, "PUT /v1/agent/service/register", 400, NULL,
		    "Invalid check: bad duration");
	registry_add(world->registry, &web, on_done, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_REFUSED);
	assert_non_null(strstr(world->err.msg, "bad duration"));
}

static void listing_and_ping_ask_the_agent(void **state)
{
	struct world *world = *state;
	struct registry_call *call;

	peer_answer(world->peer, "GET /v1/agent/services", 200, NULL, "{\"a\":{},\"b\":{}}");
	peer_answer(world->peer, "GET /v1/status/leader", 200, NULL, "\"\"");
	registry_list(world->registry, on_done, world);
	wait_for_answer(world);
	assert_int_equal(world->count, 2);
	/* No leader is a success all the same. */
	registry_ping(world->registry, on_done, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
	assert_int_equal(world->count, 0);
	call = registry_list(world->registry, on_done, world);
	registry_cancel(&call);
	assert_null(call);
	run_for(world->loop, 30);
	assert_false(world->answered);
}

static void keys_hold_address_and_port(void **state)
{
	struct register_service service = web;
	struct world *world = *state;
	struct err err;

	registry_free(world->registry);
	world->registry = registry_consul_kv_new(world->consul, "services/eu", &err);
	assert_false(registry_can_list(world->registry));
	peer_answer(world->peer, "PUT /v1/kv/*", 200, NULL, "true");
	peer_answer(world->peer, "DELETE /v1/kv/*", 200, NULL, "true");
	registry_add(world->registry, &service, on_done, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
	assert_string_equal(peer_request(world->peer, 0)->target,
			    "/v1/kv/services/eu/web/host-1:web%201:80");
	assert_string_equal(peer_request(world->peer, 0)->body, "10.0.0.1:80");
	service.address = "2001:db8::1";
	registry_add(world->registry, &service, on_done, world);
	wait_for_answer(world);
	assert_string_equal(peer_request(world->peer, 1)->body, "[2001:db8::1]:80");
	registry_remove(world->registry, &service, on_done, world);
	wait_for_answer(world);
	assert_string_equal(peer_request(world->peer, 2)->method, "DELETE");
	assert_null(registry_consul_kv_new(world->consul, "", &err));
	assert_null(registry_consul_kv_new(world->consul, "a/", &err));
	assert_null(registry_consul_kv_new(world->consul, "/a", &err));
	assert_int_equal(err.code, ERR_INPUT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(adding_puts_the_body_to_the_agent),  TEST(removing_names_the_id_in_the_path),
		TEST(refusals_carry_what_the_agent_says), TEST(listing_and_ping_ask_the_agent),
		TEST(keys_hold_address_and_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
