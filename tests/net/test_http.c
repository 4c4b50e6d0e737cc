#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/endpoint.h"
#include "binnacle/net/http.h"
#include "support/peer.h"

struct fixture {
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct endpoint endpoint;
};

struct seen {
	struct fixture *fixture;
	struct http_call *call, *other;
	bool done;
	int runs, status;
	char *body, *headers;
	size_t body_len;
	struct err err;
};

static int set_up(void **state)
{
	static struct fixture fixture;
	struct err err;

	fixture = (struct fixture){ 0 };
	fixture.loop = loop_new();
	fixture.http = http_new(fixture.loop);
	fixture.peer = peer_new(fixture.loop);
	assert_true(endpoint_parse(&fixture.endpoint, peer_url(fixture.peer), false, 0, &err));
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	http_free(fixture->http);
	peer_free(fixture->peer);
	endpoint_release(&fixture->endpoint);
	loop_free(fixture->loop);
	return 0;
}

static void on_done(void *arg, struct http_answer *answer, const struct err *err)
{
	struct seen *seen = arg;

	assert_true(!answer != !err);
	seen->done = true;
	seen->runs++;
	if (err) {
		seen->err = *err;
		return;
	}
	seen->status = answer->status;
	seen->headers = xstrdup(answer->headers.buf);
	seen->body = strbuf_detach(&answer->body, &seen->body_len);
}

static void forget(struct seen *seen)
{
	free(seen->body);
	free(seen->headers);
	*seen = (struct seen){ 0 };
}

static void ask(struct fixture *fixture, struct seen *seen, const struct http_request *request)
{
	seen->done = false;
	seen->call = http_start(fixture->http, &fixture->endpoint, request, on_done, seen);
	assert_non_null(seen->call);
	assert_false(seen->done);
	assert_true(run_until(fixture->loop, &seen->done));
	seen->call = NULL;
}

static void get(struct fixture *fixture, struct seen *seen, const char *path)
{
	ask(fixture, seen, &(struct http_request){ .path = path, .timeout_ms = 5000 });
}

static void an_answer_of_any_status_arrives_once(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };

	peer_answer(fixture->peer, "GET /teapot", 418, "X-Kind: pot\r\n", "short and stout");
	get(fixture, &seen, "/teapot?x=1");
	run_for(fixture->loop, 20);
	assert_int_equal(seen.runs, 1);
	assert_int_equal(seen.status, 418);
	assert_string_equal(seen.body, "short and stout");
	assert_string_equal(peer_request(fixture->peer, 0)->target, "/teapot?x=1");
	forget(&seen);
}

static void a_request_carries_method_headers_body_and_credentials(void **state)
{
	struct fixture *fixture = *state;
	const char *const headers[] = { "X-One: 1", "X-Two: 2", NULL };
	const struct peer_request *request;
	struct seen seen = { 0 };
	char value[64];

	fixture->endpoint.user = xstrdup("alice");
	fixture->endpoint.password = xstrdup("s3cret");
	fixture->endpoint.header = xstrdup("X-Token: t");
	peer_answer(fixture->peer, "PUT /v1/x", 200, NULL, "");
	ask(fixture, &seen,
	    &(struct http_request){ .method = "PUT",
				    .path = "/v1/x",
				    .body = "{\"a\":1}",
				    .body_len = 7,
				    .headers = headers });
	assert_int_equal(seen.status, 200);
	request = peer_request(fixture->peer, 0);
	assert_string_equal(request->method, "PUT");
	assert_string_equal(request->body, "{\"a\":1}");
	assert_true(peer_header(request, "Content-Type", value, sizeof(value)));
	assert_string_equal(value, "application/json");
	assert_true(peer_header(request, "X-Two", value, sizeof(value)));
	assert_string_equal(value, "2");
	assert_true(peer_header(request, "X-Token", value, sizeof(value)));
	assert_true(peer_header(request, "Authorization", value, sizeof(value)));
	assert_string_equal(value, "Basic YWxpY2U6czNjcmV0");
	assert_false(peer_header(request, "Expect", value, sizeof(value)));
	forget(&seen);
}

static void a_large_body_is_sent_without_expecting_a_100(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };
	char *body = xmalloc(3000000);
	char value[8];

	memset(body, 'b', 3000000);
	peer_answer(fixture->peer, "POST /big", 200, NULL, "ok");
	ask(fixture, &seen,
	    &(struct http_request){
		    .method = "POST", .path = "/big", .body = body, .body_len = 3000000 });
	free(body);
	assert_int_equal(seen.status, 200);
	assert_int_equal(peer_request(fixture->peer, 0)->body_len, 3000000);
	assert_false(peer_header(peer_request(fixture->peer, 0), "Expect", value, sizeof(value)));
	forget(&seen);
}

static void a_put_without_a_body_says_that_it_is_empty(void **state)
{
	struct fixture *fixture = *state;
	const struct peer_request *request;
	struct seen seen = { 0 };
	char value[8];

	peer_answer(fixture->peer, "PUT /v1/x", 200, NULL, "true");
	peer_answer(fixture->peer, "DELETE /v1/x", 200, NULL, "true");
	ask(fixture, &seen, &(struct http_request){ .method = "PUT", .path = "/v1/x" });
	request = peer_request(fixture->peer, 0);
	assert_true(peer_header(request, "Content-Length", value, sizeof(value)));
	assert_string_equal(value, "0");
	assert_false(peer_header(request, "Content-Type", value, sizeof(value)));
	forget(&seen);
	ask(fixture, &seen, &(struct http_request){ .method = "DELETE", .path = "/v1/x" });
	assert_string_equal(peer_request(fixture->peer, 1)->method, "DELETE");
	forget(&seen);
}

static void connections_are_reused(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };

	peer_answer(fixture->peer, "GET /*", 200, NULL, "ok");
	for (int i = 0; i < 5; i++) {
		get(fixture, &seen, "/a");
		forget(&seen);
	}
	assert_int_equal(peer_request_count(fixture->peer), 5);
	assert_int_equal(peer_connection_count(fixture->peer), 1);
}

static void silence_on_a_kept_connection_is_told_as_such(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };

	peer_answer(fixture->peer, "GET /first", 200, NULL, "1");
	get(fixture, &seen, "/first");
	forget(&seen);
	peer_script(fixture->peer,
		    &(struct peer_reply){ .request = "GET /second", .fault = PEER_HANG });
	ask(fixture, &seen, &(struct http_request){ .path = "/second", .timeout_ms = 300 });
	assert_int_equal(peer_connection_count(fixture->peer), 1);
	assert_int_equal(seen.err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(seen.err.msg, "no answer from"));
}

static void a_kept_connection_that_was_closed_meanwhile_is_replaced(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };

	peer_answer(fixture->peer, "GET /*", 200, NULL, "ok");
	get(fixture, &seen, "/a");
	forget(&seen);
	peer_drop(fixture->peer);
	get(fixture, &seen, "/a");
	assert_int_equal(seen.status, 200);
	forget(&seen);
}

static void no_more_connections_than_allowed(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen[6] = { 0 };

	http_set_max_connections(fixture->http, 2);
	peer_script(fixture->peer,
		    &(struct peer_reply){ .request = "GET /*", .delay_ms = 10, .body = "ok" });
	for (size_t i = 0; i < COUNT_OF(seen); i++)
		seen[i].call =
			http_start(fixture->http, &fixture->endpoint,
				   &(struct http_request){ .path = "/x" }, on_done, &seen[i]);
	for (size_t i = 0; i < COUNT_OF(seen); i++) {
		assert_true(run_until(fixture->loop, &seen[i].done));
		assert_int_equal(seen[i].status, 200);
		forget(&seen[i]);
	}
	assert_int_equal(peer_connection_count(fixture->peer), 2);
}

static void a_unix_socket_is_spoken_to(void **state)
{
	struct fixture *fixture = *state;
	char path[64];
	struct peer *peer;
	struct seen seen = { 0 };
	struct err err;

	snprintf(path, sizeof(path), "/tmp/bn-peer-%d.sock", (int)getpid());
	peer = peer_new_unix(fixture->loop, path);
	peer_answer(peer, "GET /info", 200, NULL, "{}");
	endpoint_release(&fixture->endpoint);
	assert_true(endpoint_parse(&fixture->endpoint, peer_address(peer), false, 0, &err));
	get(fixture, &seen, "/info");
	assert_string_equal(seen.body, "{}");
	forget(&seen);
	peer_down(peer);
	get(fixture, &seen, "/info");
	assert_int_equal(seen.err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(seen.err.msg, "cannot reach unix:/tmp/bn-peer-"));
	assert_non_null(strstr(seen.err.msg, "no such file or directory"));
	peer_free(peer);
}

static void a_refused_connection_is_said_in_words(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };
	char *want = xasprintf("cannot reach %s: connection refused", peer_address(fixture->peer));

	peer_down(fixture->peer);
	get(fixture, &seen, "/");
	assert_int_equal(seen.err.code, ERR_UNREACHABLE);
	assert_string_equal(seen.err.msg, want);
	free(want);
}

static void a_proxy_is_not_used_for_the_loopback(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };

	setenv("http_proxy", "http://127.0.0.1:1", 1);
	peer_answer(fixture->peer, "GET /", 200, NULL, "direct");
	get(fixture, &seen, "/");
	unsetenv("http_proxy");
	assert_string_equal(seen.body, "direct");
	forget(&seen);
}

static void redirects_are_answers(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };

	peer_answer(fixture->peer, "GET /", 302, "Location: /elsewhere\r\n", "");
	get(fixture, &seen, "/");
	assert_int_equal(seen.status, 302);
	assert_int_equal(peer_request_count(fixture->peer), 1);
	forget(&seen);
}

static void hostile_answers_are_errors_with_a_code(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		struct peer_reply reply;
		enum err_code code;
		const char *words;
	} cases[] = {
		{ { .request = "GET /", .body = "half of it", .fault = PEER_CUT, .cut_after = 50 },
		  ERR_UNREACHABLE,
		  "broke off" },
		{ { .request = "GET /", .fault = PEER_CUT, .cut_after = 0 },
		  ERR_UNREACHABLE,
		  "closed the connection without an answer" },
		{ { .request = "GET /", .body = "SSH-2.0-OpenSSH\r\n", .fault = PEER_RAW },
		  ERR_FORMAT,
		  "does not speak HTTP" },
		{ { .request = "GET /",
		    .body = "HTTP/1.1 200 OK\r\nContent-Length: -5\r\n\r\n",
		    .fault = PEER_RAW },
		  ERR_FORMAT,
		  "" },
		{ { .request = "GET /",
		    .body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\nzz\r\n",
		    .fault = PEER_RAW },
		  ERR_UNREACHABLE,
		  "broke off" },
		{ { .request = "GET /",
		    .body = "HTTP/1.1 200 OK\r\nTransfer-Encoding: chunked\r\n\r\n5\r\nab",
		    .fault = PEER_RAW },
		  ERR_UNREACHABLE,
		  "broke off" },
		{ { .request = "GET /", .fault = PEER_FLOOD }, ERR_FORMAT, "larger than 1024 KiB" },
		{ { .request = "GET /",
		    .headers = "Content-Length: 104857600\r\n",
		    .fault = PEER_FLOOD },
		  ERR_FORMAT,
		  "larger than 1024 KiB" },
		{ { .request = "GET /", .fault = PEER_HANG }, ERR_UNREACHABLE, "no answer from" },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct seen seen = { 0 };

		peer_forget(fixture->peer);
		peer_script(fixture->peer, &cases[i].reply);
		ask(fixture, &seen,
		    &(struct http_request){
			    .path = "/", .body_limit = 1u << 20, .timeout_ms = 500 });
		assert_int_equal(seen.runs, 1);
		if (seen.err.code != cases[i].code || !strstr(seen.err.msg, cases[i].words))
			fail_msg("case %zu: code %d, %s", i, (int)seen.err.code, seen.err.msg);
		assert_non_null(strstr(seen.err.msg, peer_address(fixture->peer)));
		peer_drop(fixture->peer);
	}
}

static void an_endless_header_is_cut_off(void **state)
{
	struct fixture *fixture = *state;
	struct strbuf raw = STRBUF_INIT;
	struct seen seen = { 0 };

	strbuf_addstr(&raw, "HTTP/1.1 200 OK\r\n");
	for (int i = 0; i < 20000; i++)
		strbuf_addf(&raw, "X-Header-%d: aaaaaaaaaaaaaaaaaaaaaaaaaaaaaa\r\n", i);
	peer_script(fixture->peer, &(struct peer_reply){ .request = "GET /",
							 .body = raw.buf,
							 .body_len = raw.len,
							 .fault = PEER_RAW });
	get(fixture, &seen, "/");
	assert_int_equal(seen.err.code, ERR_FORMAT);
	assert_non_null(strstr(seen.err.msg, "header of more than 256 KiB"));
	strbuf_release(&raw);
}

static void a_slow_answer_is_put_together(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };

	peer_script(fixture->peer, &(struct peer_reply){ .request = "GET /slow",
							 .body = "drop by drop",
							 .fault = PEER_DRIP });
	get(fixture, &seen, "/slow");
	assert_string_equal(seen.body, "drop by drop");
	forget(&seen);
}

static void the_headers_of_a_100_continue_are_not_those_of_the_answer(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };

	peer_script(fixture->peer,
		    &(struct peer_reply){ .request = "GET /",
					  .body = "HTTP/1.1 100 Continue\r\nX-Early: 1\r\n\r\n"
						  "HTTP/1.1 200 OK\r\nX-Late: 2\r\n"
						  "Content-Length: 2\r\n\r\nok",
					  .fault = PEER_RAW });
	get(fixture, &seen, "/");
	assert_int_equal(seen.status, 200);
	assert_null(strstr(seen.headers, "X-Early"));
	assert_non_null(strstr(seen.headers, "X-Late: 2"));
	forget(&seen);
}

static bool is_waiting(void *arg)
{
	return peer_waiting(arg) > 0;
}

static void a_cancelled_call_never_completes(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };

	peer_answer(fixture->peer, "GET /", 200, NULL, "too late");
	seen.call = http_start(fixture->http, &fixture->endpoint,
			       &(struct http_request){ .path = "/" }, on_done, &seen);
	http_cancel(&seen.call);
	assert_null(seen.call);
	http_cancel(&seen.call);

	peer_script(fixture->peer,
		    &(struct peer_reply){ .request = "GET /hang", .fault = PEER_HANG });
	seen.call = http_start(fixture->http, &fixture->endpoint,
			       &(struct http_request){ .path = "/hang" }, on_done, &seen);
	assert_true(run_until_true(fixture->loop, is_waiting, fixture->peer));
	http_cancel(&seen.call);
	run_for(fixture->loop, 30);
	assert_int_equal(seen.runs, 0);
}

static void a_token_with_a_line_break_is_refused_later_and_once(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };

	fixture->endpoint.header = xstrdup("X-Token: a\r\nX-Evil: b");
	get(fixture, &seen, "/");
	assert_int_equal(seen.err.code, ERR_INPUT);
	assert_null(strstr(seen.err.msg, "Evil"));
	assert_int_equal(seen.runs, 1);
	assert_int_equal(peer_request_count(fixture->peer), 0);

	seen.call = http_start(fixture->http, &fixture->endpoint,
			       &(struct http_request){ .path = "/" }, on_done, &seen);
	http_cancel(&seen.call);
	run_for(fixture->loop, 20);
	assert_int_equal(seen.runs, 1);
}

static void on_done_cancel_all(void *arg, struct http_answer *answer, const struct err *err)
{
	struct seen *seen = arg;

	(void)answer;
	(void)err;
	seen->done = true;
	seen->runs++;
	http_cancel(&seen->call); /* itself */
	http_cancel(&seen->other);
}

static void a_completion_may_cancel_itself_and_others(void **state)
{
	struct fixture *fixture = *state;
	struct seen first = { 0 }, second = { 0 };

	/* Both fail at once, so both wait on the same list when the first completion runs. */
	fixture->endpoint.header = xstrdup("bad\r\n");
	first.call = http_start(fixture->http, &fixture->endpoint,
				&(struct http_request){ .path = "/" }, on_done_cancel_all, &first);
	second.call = http_start(fixture->http, &fixture->endpoint,
				 &(struct http_request){ .path = "/" }, on_done, &second);
	first.other = second.call;
	assert_true(run_until(fixture->loop, &first.done));
	run_for(fixture->loop, 20);
	assert_int_equal(first.runs, 1);
	assert_int_equal(second.runs, 0);
}

static void on_done_start_next(void *arg, struct http_answer *answer, const struct err *err)
{
	struct seen *seen = arg;

	(void)answer;
	(void)err;
	if (++seen->runs == 3) {
		seen->done = true;
		return;
	}
	seen->call = http_start(seen->fixture->http, &seen->fixture->endpoint,
				&(struct http_request){ .path = "/" }, on_done_start_next, seen);
}

static void a_completion_may_start_the_next_call(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { .fixture = fixture };

	peer_answer(fixture->peer, "GET /", 200, NULL, "ok");
	seen.call = http_start(fixture->http, &fixture->endpoint,
			       &(struct http_request){ .path = "/" }, on_done_start_next, &seen);
	assert_true(run_until(fixture->loop, &seen.done));
	assert_int_equal(peer_connection_count(fixture->peer), 1);
}

static void on_done_free_all(void *arg, struct http_answer *answer, const struct err *err)
{
	struct seen *seen = arg;

	(void)answer;
	(void)err;
	seen->done = true;
	http_free(seen->fixture->http);
	seen->fixture->http = NULL;
}

static void a_completion_may_free_the_client(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { .fixture = fixture }, other = { 0 };

	peer_answer(fixture->peer, "GET /now", 200, NULL, "ok");
	peer_script(fixture->peer,
		    &(struct peer_reply){ .request = "GET /hang", .fault = PEER_HANG });
	http_start(fixture->http, &fixture->endpoint, &(struct http_request){ .path = "/hang" },
		   on_done, &other);
	http_start(fixture->http, &fixture->endpoint, &(struct http_request){ .path = "/now" },
		   on_done_free_all, &seen);
	assert_true(run_until(fixture->loop, &seen.done));
	run_for(fixture->loop, 20);
	assert_int_equal(other.runs, 0);
}

static void freeing_the_client_cancels_what_is_under_way(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };

	http_start(fixture->http, &fixture->endpoint, &(struct http_request){ .path = "/" },
		   on_done, &seen);
	http_free(fixture->http);
	fixture->http = NULL;
	run_for(fixture->loop, 20);
	assert_int_equal(seen.runs, 0);
}

static void count_turn(void *arg)
{
	++*(int *)arg;
}

static void a_long_poll_does_not_wake_the_loop(void **state)
{
	struct fixture *fixture = *state;
	struct seen seen = { 0 };
	struct loop_hook *hook;
	int turns = 0;

	peer_hold(fixture->peer);
	seen.call = http_start(fixture->http, &fixture->endpoint,
			       &(struct http_request){ .path = "/poll", .timeout_ms = 60000 },
			       on_done, &seen);
	assert_true(run_until_true(fixture->loop, is_waiting, fixture->peer));
	run_for(fixture->loop, 300); /* the timers of the connecting phase */
	hook = loop_before_sleep(fixture->loop, count_turn, &turns);
	loop_turn(fixture->loop, 400); /* would end early if anything were due */
	loop_turn(fixture->loop, 0);
	assert_int_equal(turns, 2);
	loop_hook_remove(&hook);
	http_cancel(&seen.call);
}

static void header_values_are_found_without_case_and_cut_to_size(void **state)
{
	static char raw[] = "Content-Type: application/json\r\nX-Consul-Index:  42 \r\n"
			    "X-Consul-Index-Other: 7\r\nEmpty:\r\nno colon\r\n";
	struct http_answer answer = { .headers = { raw, sizeof(raw) - 1, sizeof(raw) } };
	char value[8];

	(void)state;
	assert_true(http_header(&answer, "x-consul-index", value, sizeof(value)));
	assert_string_equal(value, "42");
	assert_true(http_header(&answer, "CONTENT-TYPE", value, sizeof(value)));
	assert_string_equal(value, "applica");
	assert_true(http_header(&answer, "empty", value, sizeof(value)));
	assert_string_equal(value, "");
	assert_false(http_header(&answer, "X-Consul", value, sizeof(value)));
	assert_false(http_header(&answer, "no colon", value, sizeof(value)));
}

static void refusals_have_a_code_and_the_first_line(void **state)
{
	static const struct {
		int status;
		char body[40];
		enum err_code code;
		const char *msg;
	} cases[] = {
		{ 403, "\n Permission denied \nmore", ERR_DENIED,
		  "x: status 403: Permission denied" },
		{ 401, "", ERR_DENIED, "x: status 401" },
		{ 404, "none", ERR_NOT_FOUND, "x: status 404: none" },
		{ 409, "", ERR_CONFLICT, "x: status 409" },
		{ 412, "", ERR_CONFLICT, "x: status 412" },
		{ 500, "boom\r\n", ERR_REFUSED, "x: status 500: boom" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct http_answer answer = { .status = cases[i].status };
		struct err err;

		strbuf_init(&answer.body);
		strbuf_addstr(&answer.body, cases[i].body);
		assert_false(http_refused(&err, "x", &answer));
		assert_int_equal(err.code, cases[i].code);
		assert_string_equal(err.msg, cases[i].msg);
		strbuf_release(&answer.body);
	}
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_of_any_status_arrives_once),
		TEST(a_request_carries_method_headers_body_and_credentials),
		TEST(a_large_body_is_sent_without_expecting_a_100),
		TEST(a_put_without_a_body_says_that_it_is_empty),
		TEST(connections_are_reused),
		TEST(silence_on_a_kept_connection_is_told_as_such),
		TEST(a_kept_connection_that_was_closed_meanwhile_is_replaced),
		TEST(no_more_connections_than_allowed),
		TEST(a_unix_socket_is_spoken_to),
		TEST(a_refused_connection_is_said_in_words),
		TEST(a_proxy_is_not_used_for_the_loopback),
		TEST(redirects_are_answers),
		TEST(hostile_answers_are_errors_with_a_code),
		TEST(an_endless_header_is_cut_off),
		TEST(a_slow_answer_is_put_together),
		TEST(the_headers_of_a_100_continue_are_not_those_of_the_answer),
		TEST(a_cancelled_call_never_completes),
		TEST(a_token_with_a_line_break_is_refused_later_and_once),
		TEST(a_completion_may_cancel_itself_and_others),
		TEST(a_completion_may_start_the_next_call),
		TEST(a_completion_may_free_the_client),
		TEST(freeing_the_client_cancels_what_is_under_way),
		TEST(a_long_poll_does_not_wake_the_loop),
		TEST(header_values_are_found_without_case_and_cut_to_size),
		TEST(refusals_have_a_code_and_the_first_line),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
