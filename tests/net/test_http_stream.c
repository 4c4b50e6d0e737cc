#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/limits.h"
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
	struct http_stream *stream;
	struct strbuf seen; /* "open|line|line|" */
	size_t lines, longest;
	bool opened, ended, cancel_in_line;
	int ends, status;
	char text[64];
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
	strbuf_init(&fixture.seen);
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
	strbuf_release(&fixture->seen);
	loop_free(fixture->loop);
	return 0;
}

static void on_open(void *arg)
{
	struct fixture *fixture = arg;

	fixture->opened = true;
	strbuf_addstr(&fixture->seen, "open|");
}

static void on_line(void *arg, const char *line, size_t len)
{
	struct fixture *fixture = arg;

	fixture->lines++;
	if (len > fixture->longest)
		fixture->longest = len;
	assert_int_equal(line[len], '\0');
	if (len < 100) {
		strbuf_add(&fixture->seen, line, len);
		strbuf_addch(&fixture->seen, '|');
	}
	if (fixture->cancel_in_line)
		http_stream_cancel(&fixture->stream);
}

static void on_end(void *arg, int status, const char *text, const struct err *err)
{
	struct fixture *fixture = arg;

	fixture->ended = true;
	fixture->ends++;
	fixture->status = status;
	strncpy(fixture->text, text, sizeof(fixture->text) - 1);
	if (err)
		fixture->err = *err;
	http_stream_cancel(&fixture->stream); /* harmless here */
}

static const struct http_stream_events events = { .open = on_open, .line = on_line, .end = on_end };

static void start(struct fixture *fixture)
{
	fixture->stream =
		http_stream_start(fixture->http, &fixture->endpoint,
				  &(struct http_request){ .path = "/events" }, &events, fixture);
	assert_non_null(fixture->stream);
}

static void stream_script(struct fixture *fixture, const char *first)
{
	peer_script(fixture->peer, &(struct peer_reply){ .request = "GET /events",
							 .body = first,
							 .fault = PEER_STREAM });
}

static bool has_lines(void *arg)
{
	return ((struct fixture *)arg)->lines >= 3;
}

static void lines_arrive_whole_however_they_are_cut(void **state)
{
	struct fixture *fixture = *state;

	stream_script(fixture, "one\ntw");
	start(fixture);
	assert_true(run_until(fixture->loop, &fixture->opened));
	run_for(fixture->loop, 20);
	assert_string_equal(fixture->seen.buf, "open|one|");
	peer_push(fixture->peer, "o\n\nlast", 7);
	assert_true(run_until_true(fixture->loop, has_lines, fixture));
	assert_string_equal(fixture->seen.buf, "open|one|two||");
	peer_end_streams(fixture->peer);
	assert_true(run_until(fixture->loop, &fixture->ended));
	assert_string_equal(fixture->seen.buf, "open|one|two||last|");
	assert_int_equal(fixture->status, 200);
	assert_int_equal(fixture->err.code, ERR_NONE);
	assert_null(fixture->stream);
	run_for(fixture->loop, 20);
	assert_int_equal(fixture->ends, 1);
}

static void the_header_alone_opens_the_stream(void **state)
{
	struct fixture *fixture = *state;

	stream_script(fixture, NULL);
	start(fixture);
	assert_true(run_until(fixture->loop, &fixture->opened));
	assert_int_equal(fixture->lines, 0);
}

static void a_stream_that_breaks_off_loses_its_unfinished_line_and_says_why(void **state)
{
	struct fixture *fixture = *state;

	stream_script(fixture, "one\nunfini");
	start(fixture);
	assert_true(run_until(fixture->loop, &fixture->opened));
	run_for(fixture->loop, 20);
	peer_drop(fixture->peer);
	assert_true(run_until(fixture->loop, &fixture->ended));
	assert_string_equal(fixture->seen.buf, "open|one|");
	assert_int_equal(fixture->err.code, ERR_UNREACHABLE);
	assert_int_equal(fixture->status, 200);
}

static void another_status_gives_its_text_and_no_lines(void **state)
{
	struct fixture *fixture = *state;

	peer_answer(fixture->peer, "GET /events", 400, NULL, "bad filter\n");
	start(fixture);
	assert_true(run_until(fixture->loop, &fixture->ended));
	assert_int_equal(fixture->status, 400);
	assert_string_equal(fixture->text, "bad filter\n");
	assert_int_equal(fixture->err.code, ERR_NONE);
	assert_false(fixture->opened);
	assert_int_equal(fixture->lines, 0);
}

static void no_answer_ends_with_status_0(void **state)
{
	struct fixture *fixture = *state;

	peer_down(fixture->peer);
	start(fixture);
	assert_false(fixture->ended);
	assert_true(run_until(fixture->loop, &fixture->ended));
	assert_int_equal(fixture->status, 0);
	assert_int_equal(fixture->err.code, ERR_UNREACHABLE);
}

static void a_line_without_end_ends_the_stream(void **state)
{
	struct fixture *fixture = *state;

	peer_script(fixture->peer,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_FLOOD });
	start(fixture);
	assert_true(run_until(fixture->loop, &fixture->ended));
	assert_int_equal(fixture->err.code, ERR_FORMAT);
	assert_non_null(strstr(fixture->err.msg, "longer than 1024 KiB"));
	assert_int_equal(fixture->lines, 0);
}

static void a_line_of_the_greatest_length_is_taken(void **state)
{
	struct fixture *fixture = *state;
	char *line = xmalloc(LIMIT_EVENT_LINE + 1);

	memset(line, 'x', LIMIT_EVENT_LINE);
	line[LIMIT_EVENT_LINE] = '\n';
	stream_script(fixture, NULL);
	start(fixture);
	assert_true(run_until(fixture->loop, &fixture->opened));
	peer_push(fixture->peer, line, LIMIT_EVENT_LINE + 1);
	peer_end_streams(fixture->peer);
	assert_true(run_until(fixture->loop, &fixture->ended));
	assert_int_equal(fixture->longest, LIMIT_EVENT_LINE);
	assert_int_equal(fixture->err.code, ERR_NONE);
	free(line);
}

static void a_cancel_inside_a_line_is_the_last_that_is_heard(void **state)
{
	struct fixture *fixture = *state;

	fixture->cancel_in_line = true;
	stream_script(fixture, "one\ntwo\nthree\n");
	start(fixture);
	assert_true(run_until(fixture->loop, &fixture->opened));
	run_for(fixture->loop, 30);
	assert_int_equal(fixture->lines, 1);
	assert_int_equal(fixture->ends, 0);
	assert_null(fixture->stream);
}

static void on_data(void *arg, const char *bytes, size_t len)
{
	struct fixture *fixture = arg;

	strbuf_add(&fixture->seen, bytes, len);
}

static bool is_streaming(void *arg)
{
	return peer_streams(arg) > 0;
}

static void those_who_want_bytes_get_all_of_them(void **state)
{
	static const struct http_stream_events data = { .data = on_data, .end = on_end };
	struct fixture *fixture = *state;
	char *big = xmalloc(3000000);

	memset(big, '\0', 3000000);
	stream_script(fixture, "a\nb");
	fixture->stream =
		http_stream_start(fixture->http, &fixture->endpoint,
				  &(struct http_request){ .path = "/events" }, &data, fixture);
	assert_true(run_until_true(fixture->loop, is_streaming, fixture->peer));
	peer_push(fixture->peer, big, 3000000);
	peer_end_streams(fixture->peer);
	assert_true(run_until(fixture->loop, &fixture->ended));
	assert_int_equal(fixture->err.code, ERR_NONE);
	assert_int_equal(fixture->seen.len, 3000003);
	assert_memory_equal(fixture->seen.buf, "a\nb", 4);
	free(big);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(lines_arrive_whole_however_they_are_cut),
		TEST(the_header_alone_opens_the_stream),
		TEST(a_stream_that_breaks_off_loses_its_unfinished_line_and_says_why),
		TEST(another_status_gives_its_text_and_no_lines),
		TEST(no_answer_ends_with_status_0),
		TEST(a_line_without_end_ends_the_stream),
		TEST(a_line_of_the_greatest_length_is_taken),
		TEST(a_cancel_inside_a_line_is_the_last_that_is_heard),
		TEST(those_who_want_bytes_get_all_of_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
