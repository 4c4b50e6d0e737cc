#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/peer.h"

struct fixture {
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct consul *consul;
	struct consul_watch *watch;
	struct strbuf seen; /* documents, "none", or "!code", each with a '|' */
	struct err err;
	size_t want_requests;
	size_t want_len;
	bool stop_in_change;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	struct consul_config config = { 0 };
	struct err err;

	fixture = (struct fixture){ 0 };
	fixture.loop = loop_new();
	fixture.http = http_new(fixture.loop);
	fixture.peer = peer_new(fixture.loop);
	strbuf_init(&fixture.seen);
	config.address = peer_address(fixture.peer);
	fixture.consul = consul_new(fixture.loop, fixture.http, &config, &err);
	assert_non_null(fixture.consul);
	peer_hold(fixture.peer);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	consul_watch_stop(&fixture->watch);
	consul_free(fixture->consul);
	http_free(fixture->http);
	peer_free(fixture->peer);
	strbuf_release(&fixture->seen);
	loop_free(fixture->loop);
	return 0;
}

static void on_change(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	struct fixture *fixture = arg;

	assert_non_null(meta);
	if (err) {
		strbuf_addf(&fixture->seen, "!%d", (int)err->code);
		fixture->err = *err;
	} else if (doc) {
		json_print(&fixture->seen, doc);
	} else {
		strbuf_addstr(&fixture->seen, "none");
	}
	strbuf_addch(&fixture->seen, '|');
	if (fixture->stop_in_change)
		consul_watch_stop(&fixture->watch);
}

static void start(struct fixture *fixture, const char *path, unsigned flags)
{
	fixture->watch = consul_watch_start(fixture->consul, path, flags, on_change, fixture);
	assert_non_null(fixture->watch);
	assert_int_equal(fixture->seen.len, 0);
}

static bool has_asked(void *arg)
{
	struct fixture *fixture = arg;

	return peer_request_count(fixture->peer) >= fixture->want_requests;
}

static void until_asked(struct fixture *fixture, size_t requests)
{
	fixture->want_requests = requests;
	assert_true(run_until_true(fixture->loop, has_asked, fixture));
}

static bool has_seen(void *arg)
{
	struct fixture *fixture = arg;

	return fixture->seen.len >= fixture->want_len;
}

static void until_seen(struct fixture *fixture, const char *want)
{
	fixture->want_len = strlen(want);
	run_until_true(fixture->loop, has_seen, fixture);
	assert_string_equal(fixture->seen.buf, want);
}

/* Answer the request that waits, or the next one. */
static void answer(struct fixture *fixture, const char *headers, const char *body)
{
	peer_script(fixture->peer,
		    &(struct peer_reply){
			    .request = "GET *", .headers = headers, .body = body, .times = 1 });
}

static const char *asked(const struct fixture *fixture, size_t index)
{
	const struct peer_request *request = peer_request(fixture->peer, index);

	assert_non_null(request);
	return request->target;
}

static void changes_are_seen_and_the_index_travels_along(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "/v1/kv/a?recurse=", CONSUL_WATCH_STALE);
	assert_int_equal(consul_watch_alive_ms(fixture->watch), 0);
	answer(fixture, "X-Consul-Index: 5\r\n", "[1]");
	until_seen(fixture, "[1]|");
	assert_true(consul_watch_alive_ms(fixture->watch) > 0);
	answer(fixture, "X-Consul-Index: 9\r\n", "[2]");
	until_seen(fixture, "[1]|[2]|");
	until_asked(fixture, 3);
	assert_string_equal(asked(fixture, 0), "/v1/kv/a?recurse=&stale=&wait=60000ms");
	assert_string_equal(asked(fixture, 1), "/v1/kv/a?recurse=&index=5&stale=&wait=60000ms");
	assert_string_equal(asked(fixture, 2), "/v1/kv/a?recurse=&index=9&stale=&wait=60000ms");
	assert_int_equal(peer_connection_count(fixture->peer), 1);
}

static void the_same_data_under_a_new_index_is_not_told(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "/a", 0);
	answer(fixture, "X-Consul-Index: 5\r\n", "[1]");
	until_seen(fixture, "[1]|");
	answer(fixture, "X-Consul-Index: 6\r\n", "[1]");
	answer(fixture, "X-Consul-Index: 6\r\n", "[1]");
	until_asked(fixture, 4);
	assert_string_equal(fixture->seen.buf, "[1]|");
	assert_string_equal(asked(fixture, 3), "/a?index=6&wait=60000ms");
}

static void an_index_that_goes_back_is_started_over(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "/a", 0);
	answer(fixture, "X-Consul-Index: 500\r\n", "[1]");
	until_seen(fixture, "[1]|");
	answer(fixture, "X-Consul-Index: 7\r\n", "[2]");
	answer(fixture, "X-Consul-Index: 7\r\n", "[2]");
	until_seen(fixture, "[1]|[2]|");
	assert_string_equal(asked(fixture, 2), "/a?wait=60000ms");
}

static void an_index_of_0_counts_as_1(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "/a", 0);
	answer(fixture, "X-Consul-Index: 0\r\n", "[]");
	until_asked(fixture, 2);
	assert_string_equal(fixture->seen.buf, "[]|");
	assert_string_equal(asked(fixture, 1), "/a?index=1&wait=60000ms");
}

static void a_stale_answer_that_is_too_old_is_asked_for_again_from_the_leader(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "/a", CONSUL_WATCH_STALE);
	answer(fixture, "X-Consul-Index: 5\r\nX-Consul-LastContact: 2001\r\n", "[\"old\"]");
	answer(fixture, "X-Consul-Index: 6\r\n", "[\"new\"]");
	answer(fixture, "X-Consul-Index: 7\r\nX-Consul-LastContact: 2000\r\n", "[\"fair\"]");
	until_seen(fixture, "[\"new\"]|[\"fair\"]|");
	assert_string_equal(asked(fixture, 0), "/a?stale=&wait=60000ms");
	assert_string_equal(asked(fixture, 1), "/a?wait=60000ms");
	assert_string_equal(asked(fixture, 2), "/a?index=6&stale=&wait=60000ms");
}

static void an_outage_is_told_once_and_so_is_its_end(void **state)
{
	struct fixture *fixture = *state;
	uint64_t logged;

	start(fixture, "/a", 0);
	answer(fixture, "X-Consul-Index: 5\r\n", "[1]");
	until_seen(fixture, "[1]|");
	logged = log_total();
	peer_down(fixture->peer);
	until_seen(fixture, "[1]|!3|");
	run_for(fixture->loop, 900); /* two retries more */
	assert_string_equal(fixture->seen.buf, "[1]|!3|");
	assert_int_equal(log_total(), logged + 1);
	peer_up(fixture->peer);
	answer(fixture, "X-Consul-Index: 5\r\n", "[1]");
	until_seen(fixture, "[1]|!3|[1]|");
	assert_int_equal(log_total(), logged + 2);
	/* Not with the index of before: that would have waited for a change. */
	assert_string_equal(asked(fixture, peer_request_count(fixture->peer) - 1),
			    "/a?wait=60000ms");
}

static void watches_that_lose_their_agent_together_log_one_line(void **state)
{
	struct fixture *fixture = *state;
	struct consul_watch *others[3];
	uint64_t logged = log_total();

	peer_down(fixture->peer);
	start(fixture, "/a", 0);
	for (size_t i = 0; i < 3; i++)
		others[i] = consul_watch_start(fixture->consul, "/b", 0, on_change, fixture);
	until_seen(fixture, "!3|!3|!3|!3|");
	assert_int_equal(log_total(), logged + 1);
	for (size_t i = 0; i < 3; i++)
		consul_watch_stop(&others[i]);
}

static void an_error_of_another_kind_is_another_outage(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "/a", 0);
	peer_script(fixture->peer, &(struct peer_reply){ .request = "GET *",
							 .status = 500,
							 .body = "No cluster leader",
							 .times = 1 });
	peer_script(fixture->peer, &(struct peer_reply){ .request = "GET *",
							 .status = 403,
							 .body = "Permission denied",
							 .times = 2 });
	until_seen(fixture, "!3|!4|");
	until_asked(fixture, 3);
	answer(fixture, "X-Consul-Index: 5\r\n", "[1]");
	until_seen(fixture, "!3|!4|[1]|");
}

static void an_answer_that_is_no_json_is_an_outage(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "/a", 0);
	answer(fixture, "X-Consul-Index: 5\r\n", "<html>");
	until_seen(fixture, "!2|");
	answer(fixture, "X-Consul-Index: 5\r\n", "[1]");
	until_seen(fixture, "!2|[1]|");
}

static void a_404_is_data_for_those_who_say_so(void **state)
{
	struct fixture *fixture = *state;
	static const struct peer_reply absent = {
		.request = "GET *", .status = 404, .headers = "X-Consul-Index: 3\r\n", .times = 1
	};

	start(fixture, "/v1/kv/x", CONSUL_WATCH_404_IS_DATA);
	peer_script(fixture->peer, &absent);
	answer(fixture, "X-Consul-Index: 4\r\n", "[1]");
	until_seen(fixture, "none|[1]|");
	assert_string_equal(asked(fixture, 1), "/v1/kv/x?index=3&wait=60000ms");
	consul_watch_stop(&fixture->watch);
	strbuf_reset(&fixture->seen);

	peer_drop(fixture->peer);
	start(fixture, "/v1/kv/x", 0);
	peer_script(fixture->peer, &absent);
	until_seen(fixture, "!5|");
}

static void a_busy_index_does_not_make_it_spin(void **state)
{
	struct fixture *fixture = *state;
	char headers[64];

	start(fixture, "/a", 0);
	for (int i = 1; i < 50; i++) {
		snprintf(headers, sizeof(headers), "X-Consul-Index: %d\r\n", i);
		answer(fixture, headers, i % 2 ? "[1]" : "[2]");
	}
	run_for(fixture->loop, 450);
	assert_in_range(peer_request_count(fixture->peer), 1, 5);
}

static void an_endpoint_without_an_index_is_not_asked_in_a_hurry(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "/v1/agent/services", 0);
	answer(fixture, NULL, "{}");
	until_seen(fixture, "{}|");
	run_for(fixture->loop, 300);
	assert_int_equal(peer_request_count(fixture->peer), 1);
	assert_int_equal(peer_waiting(fixture->peer), 0);
}

static void errors_are_retried_later_and_later(void **state)
{
	struct fixture *fixture = *state;

	peer_answer(fixture->peer, "GET *", 500, NULL, "boom");
	start(fixture, "/a", 0);
	/* At 0, 250 and 750 ms; the jitter adds up to a tenth. */
	run_for(fixture->loop, 700);
	assert_in_range(peer_request_count(fixture->peer), 1, 2);
	assert_string_equal(fixture->seen.buf, "!6|");
}

static void a_watch_may_be_stopped_from_its_own_callback(void **state)
{
	struct fixture *fixture = *state;

	fixture->stop_in_change = true;
	start(fixture, "/a", 0);
	answer(fixture, "X-Consul-Index: 5\r\n", "[1]");
	answer(fixture, "X-Consul-Index: 6\r\n", "[2]");
	until_seen(fixture, "[1]|");
	assert_null(fixture->watch);
	run_for(fixture->loop, 200);
	assert_string_equal(fixture->seen.buf, "[1]|");

	strbuf_reset(&fixture->seen);
	peer_down(fixture->peer);
	start(fixture, "/a", 0);
	until_seen(fixture, "!3|");
	assert_null(fixture->watch);
}

static void a_stopped_watch_is_not_heard_of_again(void **state)
{
	struct fixture *fixture = *state;

	start(fixture, "/a", 0);
	until_asked(fixture, 1);
	answer(fixture, "X-Consul-Index: 5\r\n", "[1]");
	consul_watch_stop(&fixture->watch);
	run_for(fixture->loop, 50);
	assert_string_equal(fixture->seen.buf, "");
}

static void a_waiting_watch_lets_the_loop_sleep(void **state)
{
	struct fixture *fixture = *state;
	int64_t before_ms, took_ms;

	start(fixture, "/a", 0);
	answer(fixture, "X-Consul-Index: 5\r\n", "[1]");
	until_asked(fixture, 2);
	run_for(fixture->loop, 300);
	before_ms = clock_mono_ms();
	loop_turn(fixture->loop, 300);
	took_ms = clock_mono_ms() - before_ms;
	assert_true(took_ms >= 299);
}

/* ---- more watches than may ask at a time ---- */

#define MANY 20

static bool all_are_parked(void *arg)
{
	struct fixture *fixture = arg;
	struct consul_load load;

	consul_load(fixture->consul, &load);
	return load.watches == 6 && load.waiting_watches == MANY - 6 &&
	       peer_waiting(fixture->peer) >= 6;
}

/* Each has had its first answer; now they wait for something to happen. */
static void start_many(struct fixture *fixture, struct consul_watch *watches[MANY])
{
	for (int i = 0; i < MANY; i++) {
		char *path = xasprintf("/v/%d", i);
		char *request = xasprintf("GET %s", path);
		char *body = xasprintf("[%d]", i);

		peer_script(fixture->peer, &(struct peer_reply){ .request = request,
								 .headers = "X-Consul-Index: 5\r\n",
								 .body = body,
								 .times = 1 });
		watches[i] = consul_watch_start(fixture->consul, path, 0, on_change, fixture);
		free(body);
		free(request);
		free(path);
	}
	assert_true(run_until_true(fixture->loop, all_are_parked, fixture));
}

static void of_many_watches_six_ask_and_none_is_forgotten(void **state)
{
	struct fixture *fixture = *state;
	struct consul_watch *watches[MANY];
	size_t waits = 0;

	start_many(fixture, watches);
	for (int i = 0; i < MANY; i++) {
		char *body = xasprintf("[%d]|", i);

		assert_non_null(strstr(fixture->seen.buf, body));
		free(body);
	}
	assert_true(peer_waiting(fixture->peer) <= 8);
	/* Something happens to the last one: it gets its turn, with its index. */
	for (int i = 0; i < MANY; i++) {
		char *request = xasprintf("GET /v/%d", i);

		peer_script(fixture->peer, &(struct peer_reply){ .request = request,
								 .headers = "X-Consul-Index: 6\r\n",
								 .body = "[\"new\"]",
								 .times = 1 });
		free(request);
	}
	fixture->want_len = fixture->seen.len + MANY * strlen("[\"new\"]|");
	run_until_true(fixture->loop, has_seen, fixture);
	for (const char *at = fixture->seen.buf; (at = strstr(at, "new")); at++)
		waits++;
	assert_int_equal(waits, MANY);
	for (size_t i = MANY; i < peer_request_count(fixture->peer); i++)
		assert_non_null(strstr(asked(fixture, i), "index="));
	for (int i = 0; i < MANY; i++)
		consul_watch_stop(&watches[i]);
}

static bool has_put(void *arg)
{
	struct fixture *fixture = arg;

	return peer_asked(fixture->peer, "PUT /p") > 0;
}

static void on_put(void *arg, const struct json *doc, const struct consul_meta *meta,
		   const struct err *err)
{
	(void)doc;
	(void)meta;
	(void)err;
	strbuf_addstr(arg, "put");
}

static void a_request_gets_through_between_many_watches(void **state)
{
	struct fixture *fixture = *state;
	struct consul_watch *watches[MANY];
	struct strbuf said = STRBUF_INIT;
	struct consul_call *call;

	start_many(fixture, watches);
	call = consul_send(fixture->consul, "PUT", "/p", NULL, on_put, &said);
	assert_true(run_until_true(fixture->loop, has_put, fixture));
	consul_call_cancel(&call);
	for (int i = 0; i < MANY; i++)
		consul_watch_stop(&watches[i]);
	strbuf_release(&said);
}

static void requests_beyond_eight_wait_and_may_be_cancelled(void **state)
{
	struct fixture *fixture = *state;
	struct consul_call *calls[12];
	struct strbuf said = STRBUF_INIT;
	struct consul_load load;

	for (int i = 0; i < 12; i++)
		calls[i] = consul_send(fixture->consul, "PUT", "/p", NULL, on_put, &said);
	until_asked(fixture, 8);
	run_for(fixture->loop, 50);
	assert_int_equal(peer_request_count(fixture->peer), 8);
	consul_call_cancel(&calls[11]); /* the last of those that wait, */
	consul_call_cancel(&calls[9]);  /* one between, */
	consul_call_cancel(&calls[0]);  /* and one that is under way */
	until_asked(fixture, 9);
	peer_answer(fixture->peer, "PUT /p", 200, NULL, "true");
	fixture->want_requests = 10;
	until_asked(fixture, 10);
	for (int i = 0; i < 100; i++) {
		consul_load(fixture->consul, &load);
		if (!load.calls)
			break;
		run_for(fixture->loop, 10);
	}
	assert_int_equal(said.len, 9 * strlen("put"));
	strbuf_release(&said);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(changes_are_seen_and_the_index_travels_along),
		TEST(the_same_data_under_a_new_index_is_not_told),
		TEST(an_index_that_goes_back_is_started_over),
		TEST(an_index_of_0_counts_as_1),
		TEST(a_stale_answer_that_is_too_old_is_asked_for_again_from_the_leader),
		TEST(an_outage_is_told_once_and_so_is_its_end),
		TEST(watches_that_lose_their_agent_together_log_one_line),
		TEST(an_error_of_another_kind_is_another_outage),
		TEST(an_answer_that_is_no_json_is_an_outage),
		TEST(a_404_is_data_for_those_who_say_so),
		TEST(a_busy_index_does_not_make_it_spin),
		TEST(an_endpoint_without_an_index_is_not_asked_in_a_hurry),
		TEST(errors_are_retried_later_and_later),
		TEST(a_watch_may_be_stopped_from_its_own_callback),
		TEST(a_stopped_watch_is_not_heard_of_again),
		TEST(a_waiting_watch_lets_the_loop_sleep),
		TEST(of_many_watches_six_ask_and_none_is_forgotten),
		TEST(a_request_gets_through_between_many_watches),
		TEST(requests_beyond_eight_wait_and_may_be_cancelled),
	};
	int failed = cmocka_run_group_tests(tests, NULL, NULL);

	log_release();
	return failed;
}
