#include "binnacle/docker/docker.h"

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
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/peer.h"

struct world {
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct docker *docker;
	/* the last answer */
	bool answered;
	struct err err;
	char *text;
	int exit_code;
	/* the event stream */
	struct docker_events *events;
	unsigned ups, downs;
	struct strbuf seen;
};

static struct docker *connect_to(struct world *world, const char *host)
{
	struct docker_config config = { .name = "node-1", .host = host };
	struct err err = { 0 };
	struct docker *docker = docker_new(world->loop, world->http, &config, &err);

	if (!docker)
		fail_msg("%s", err.msg);
	return docker;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	world->loop = loop_new();
	world->http = http_new(world->loop);
	world->peer = peer_new(world->loop);
	world->docker = connect_to(world, peer_url(world->peer));
	strbuf_init(&world->seen);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	docker_events_stop(&world->events);
	docker_free(world->docker);
	http_free(world->http);
	peer_free(world->peer);
	loop_free(world->loop);
	strbuf_release(&world->seen);
	free(world->text);
	free(world);
	log_release();
	return 0;
}

static void on_answer(void *arg, const struct json *doc, const struct err *err)
{
	struct world *world = arg;
	struct strbuf text = STRBUF_INIT;

	assert_false(world->answered);
	world->answered = true;
	world->err = err ? *err : (struct err){ 0 };
	if (doc)
		json_print(&text, doc);
	free(world->text);
	world->text = strbuf_detach(&text, NULL);
}

static void wait_for_answer(struct world *world)
{
	assert_true(run_until(world->loop, &world->answered));
	world->answered = false;
}

static void get_gives_the_document(void **state)
{
	struct world *world = *state;

	peer_answer(world->peer, "GET /containers/json", 200, NULL, "[{\"Id\":\"a\"}]");
	docker_get(world->docker, "/containers/json?all=1", on_answer, world);
	assert_false(world->answered);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
	assert_string_equal(world->text, "[{\"Id\":\"a\"}]");
	assert_string_equal(peer_request(world->peer, 0)->target, "/containers/json?all=1");
}

static void a_unix_socket_works_alike(void **state)
{
	struct world *world = *state;
	char path[64];
	struct peer *peer;
	struct docker *docker;

	snprintf(path, sizeof(path), "/tmp/docker-test-%d.sock", (int)getpid());
	peer = peer_new_unix(world->loop, path);
	docker = connect_to(world, peer_url(peer));
	peer_answer(peer, "GET /info", 200, NULL, "{\"Name\":\"x\"}");
	docker_get(docker, "/info", on_answer, world);
	wait_for_answer(world);
	assert_string_equal(world->text, "{\"Name\":\"x\"}");
	docker_free(docker);
	peer_free(peer);
}

static void refusals_carry_the_daemons_sentence(void **state)
{
	static const struct {
		int status;
		const char *body;
		enum err_code code;
		const char *message;
	} rows[] = {
		{ 404, "{\"message\":\"No such container: x\"}", ERR_NOT_FOUND,
		  "docker node-1: No such container: x (status 404)" },
		{ 409, "{\"message\":\"is paused\"}", ERR_CONFLICT, "is paused" },
		{ 403, "{}", ERR_DENIED, "403" },
		{ 500, "{\"message\":\"no\"}", ERR_REFUSED, "no" },
		{ 500, "not JSON", ERR_REFUSED, "500" },
		{ 200, "not JSON", ERR_FORMAT, "docker node-1" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		peer_forget(world->peer);
		peer_answer(world->peer, "GET /x", rows[i].status, NULL, rows[i].body);
		docker_get(world->docker, "/x", on_answer, world);
		wait_for_answer(world);
		assert_int_equal(world->err.code, rows[i].code);
		assert_non_null(strstr(world->err.msg, rows[i].message));
	}
	peer_down(world->peer);
	docker_get(world->docker, "/x", on_answer, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_UNREACHABLE);
	peer_up(world->peer);
}

static void an_empty_answer_is_no_error(void **state)
{
	struct world *world = *state;

	peer_answer(world->peer, "POST /containers/a/start", 204, NULL, NULL);
	docker_send(world->docker, "POST", "/containers/a/start", NULL, 0, on_answer, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
	assert_string_equal(world->text, "");
}

static void cancelled_calls_never_answer(void **state)
{
	struct world *world = *state;
	struct docker_call *call;

	peer_answer(world->peer, "GET /x", 200, NULL, "{}");
	call = docker_get(world->docker, "/x", on_answer, world);
	docker_call_cancel(&call);
	assert_null(call);
	run_for(world->loop, 50);
	assert_false(world->answered);
}

static void hosts_are_understood_or_refused(void **state)
{
	static const struct {
		const char *host, *address; /* NULL: refused */
	} rows[] = {
		{ "unix:///run/d.sock", "unix:/run/d.sock" },
		{ "tcp://10.0.0.1", "10.0.0.1:2375" },
		{ "tcp://10.0.0.1:4000", "10.0.0.1:4000" },
		{ "http://10.0.0.1:2375", "10.0.0.1:2375" },
		{ "https://10.0.0.1:2376", "10.0.0.1:2376" },
		{ "ssh://ops@10.0.0.1", "ssh://ops@10.0.0.1" },
		{ "ftp://10.0.0.1", NULL },
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct docker_config config = { .host = rows[i].host };
		struct err err = { 0 };
		struct docker *docker = docker_new(world->loop, world->http, &config, &err);

		if (!rows[i].address) {
			assert_null(docker);
			assert_int_equal(err.code, ERR_INPUT);
			continue;
		}
		assert_non_null(docker);
		assert_non_null(strstr(docker_address(docker), rows[i].address));
		docker_free(docker);
	}
}

static void on_up(void *arg)
{
	((struct world *)arg)->ups++;
}

static void on_down(void *arg, const struct err *err)
{
	struct world *world = arg;

	assert_int_not_equal(err->code, ERR_NONE);
	world->downs++;
}

static void on_event(void *arg, const struct docker_event *event)
{
	struct world *world = arg;

	strbuf_addf(&world->seen, "%s %s %s %s %s;", event->type, event->action, event->id,
		    event->name, event->exit_code);
}

static const struct docker_event_handlers handlers = { .up = on_up,
						       .down = on_down,
						       .event = on_event };

#define EVENT(action, id, nano)                                                                    \
	"{\"status\":\"" action "\",\"id\":\"" id "\",\"Type\":\"container\",\"Action\":\"" action \
	"\",\"Actor\":{\"ID\":\"" id "\",\"Attributes\":{\"name\":\"n-" id "\"}},"                 \
	"\"time\":1700000000,\"timeNano\":17000000" nano "}\n"

static bool has_stream(void *arg)
{
	return peer_streams(((struct world *)arg)->peer) == 1;
}

static void start_events(struct world *world)
{
	peer_script(world->peer,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	world->events = docker_events_start(world->docker, &handlers, world);
	assert_true(run_until_true(world->loop, has_stream, world));
}

static void push(struct world *world, const char *text)
{
	peer_push(world->peer, text, strlen(text));
}

static bool ends_with_last(void *arg)
{
	return strstr(((struct world *)arg)->seen.buf, "last");
}

static void assert_seen(struct world *world, const char *want)
{
	assert_true(run_until_true(world->loop, ends_with_last, world));
	assert_string_equal(world->seen.buf, want);
}

static void events_of_new_and_old_daemons_are_read(void **state)
{
	struct world *world = *state;

	start_events(world);
	push(world, EVENT("start", "a", "00000000001"));
	push(world, "{\"status\":\"die\",\"id\":\"b\",\"time\":1700000001}\n");
	push(world, "\n{\"broken\n");
	push(world, "{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"c\","
		    "\"Attributes\":{\"exitCode\":\"137\",\"name\":\"n\"}},\"time\":1700000002}\n");
	push(world, EVENT("last", "z", "00000000009"));
	assert_seen(world, "container start a n-a ;container die b  ;container die c n 137;"
			   "container last z n-z ;");
	assert_int_equal(world->ups, 1);
	assert_string_equal(peer_request(world->peer, 0)->target, "/events");
}

static bool was_up_twice(void *arg)
{
	return ((struct world *)arg)->ups == 2;
}

static void a_cut_stream_is_resumed_without_loss_or_repetition(void **state)
{
	struct world *world = *state;

	start_events(world);
	push(world, EVENT("start", "a", "02123456788"));
	push(world, EVENT("start", "b", "02123456789"));
	push(world, EVENT("start", "c", "02123456789"));
	while (!strstr(world->seen.buf, " c "))
		loop_turn(world->loop, 100);
	peer_drop(world->peer);
	assert_true(run_until_true(world->loop, was_up_twice, world));
	assert_int_equal(world->downs, 1);
	/* One second before the newest, with all digits. */
	assert_string_equal(peer_request(world->peer, peer_request_count(world->peer) - 1)->target,
			    "/events?since=1700000001.123456789");
	push(world, EVENT("start", "a", "02123456788"));
	push(world, EVENT("start", "b", "02123456789"));
	push(world, EVENT("start", "c", "02123456789"));
	push(world, EVENT("start", "d", "02123456788")); /* came late, was never given */
	push(world, EVENT("last", "z", "02999999999"));
	assert_seen(world, "container start a n-a ;container start b n-b ;"
			   "container start c n-c ;container start d n-d ;container last z n-z ;");
}

static bool is_down(void *arg)
{
	return ((struct world *)arg)->downs == 1;
}

static void an_outage_is_told_once_and_ends(void **state)
{
	struct world *world = *state;

	start_events(world);
	while (world->ups == 0)
		loop_turn(world->loop, 100);
	peer_down(world->peer);
	assert_true(run_until_true(world->loop, is_down, world));
	run_for(world->loop, 400);
	assert_int_equal(world->downs, 1);
	peer_up(world->peer);
	assert_true(run_until_true(world->loop, was_up_twice, world));
	assert_int_equal(world->downs, 1);
}

static void on_executed(void *arg, const struct docker_exec_result *result, const struct err *err)
{
	struct world *world = arg;

	assert_false(world->answered);
	world->answered = true;
	world->err = err ? *err : (struct err){ 0 };
	free(world->text);
	world->text = result ? xstrndup(result->output->buf, result->output->len) : NULL;
	world->exit_code = result ? result->exit_code : -1;
}

static const char *const argv[] = { "nginx", "-t", NULL };

static void script_exec(struct world *world, const char *output, size_t len, const char *inspect)
{
	peer_answer(world->peer, "POST /containers/web/exec", 201, NULL, "{\"Id\":\"e1\"}");
	peer_script(world->peer, &(struct peer_reply){ .request = "POST /exec/e1/start",
						       .body = output,
						       .body_len = len });
	peer_answer(world->peer, "GET /exec/e1/json", 200, NULL, inspect);
}

static void exec_gives_output_and_exit_code(void **state)
{
	static const char output[] = "\1\0\0\0\0\0\0\3out\2\0\0\0\0\0\0\4err\n";
	struct world *world = *state;

	script_exec(world, output, sizeof(output) - 1, "{\"Running\":false,\"ExitCode\":1}");
	docker_exec(world->docker, "web", argv, 5000, on_executed, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
	assert_string_equal(world->text, "outerr\n");
	assert_int_equal(world->exit_code, 1);
	assert_non_null(strstr(peer_request(world->peer, 0)->body, "\"Cmd\":[\"nginx\",\"-t\"]"));
}

static void exec_waits_for_the_exit_code(void **state)
{
	struct world *world = *state;

	peer_script(world->peer,
		    &(struct peer_reply){ .request = "GET /exec/e1/json",
					  .body = "{\"Running\":true,\"ExitCode\":null}",
					  .times = 1 });
	script_exec(world, "", 0, "{\"Running\":false,\"ExitCode\":3}");
	docker_exec(world->docker, "web", argv, 5000, on_executed, world);
	wait_for_answer(world);
	assert_int_equal(world->exit_code, 3);
}

static void exec_output_is_bounded(void **state)
{
	struct world *world = *state;
	size_t len = LIMIT_CHILD_OUTPUT + 1000;
	char *output = calloc(1, len + 8);

	output[0] = 1;
	output[4] = (char)(len >> 24), output[5] = (char)(len >> 16);
	output[6] = (char)(len >> 8), output[7] = (char)len;
	memset(output + 8, 'x', len);
	script_exec(world, output, len + 8, "{\"Running\":false,\"ExitCode\":0}");
	docker_exec(world->docker, "web", argv, 5000, on_executed, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
	assert_int_equal(strlen(world->text), LIMIT_CHILD_OUTPUT);
	free(output);
}

static void exec_in_a_container_that_does_not_run_is_an_error(void **state)
{
	struct world *world = *state;

	peer_answer(world->peer, "POST /containers/web/exec", 409, NULL,
		    "{\"message\":\"Container web is not running\"}");
	docker_exec(world->docker, "web", argv, 5000, on_executed, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_CONFLICT);
	assert_non_null(strstr(world->err.msg, "Container web is not running"));
}

static void exec_that_cannot_start_tells_why(void **state)
{
	struct world *world = *state;

	peer_answer(world->peer, "POST /containers/web/exec", 201, NULL, "{\"Id\":\"e1\"}");
	peer_answer(world->peer, "POST /exec/e1/start", 400, NULL,
		    "{\"message\":\"executable file not found in $PATH\"}");
	docker_exec(world->docker, "web", argv, 5000, on_executed, world);
	wait_for_answer(world);
	assert_non_null(strstr(world->err.msg, "executable file not found"));
}

static void exec_has_a_time_limit(void **state)
{
	struct world *world = *state;
	struct docker_exec *exec;

	peer_answer(world->peer, "POST /containers/web/exec", 201, NULL, "{\"Id\":\"e1\"}");
	peer_script(world->peer,
		    &(struct peer_reply){ .request = "POST /exec/e1/start", .fault = PEER_HANG });
	docker_exec(world->docker, "web", argv, 50, on_executed, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(world->err.msg, "exec in web"));
	exec = docker_exec(world->docker, "web", argv, 50, on_executed, world);
	docker_exec_cancel(&exec);
	run_for(world->loop, 100);
	assert_false(world->answered);
}

static void exec_output_in_another_format_is_an_error(void **state)
{
	struct world *world = *state;

	script_exec(world, "plain text", 10, "{\"Running\":false,\"ExitCode\":0}");
	docker_exec(world->docker, "web", argv, 5000, on_executed, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_FORMAT);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(get_gives_the_document),
		TEST(a_unix_socket_works_alike),
		TEST(refusals_carry_the_daemons_sentence),
		TEST(an_empty_answer_is_no_error),
		TEST(cancelled_calls_never_answer),
		TEST(hosts_are_understood_or_refused),
		TEST(events_of_new_and_old_daemons_are_read),
		TEST(a_cut_stream_is_resumed_without_loss_or_repetition),
		TEST(an_outage_is_told_once_and_ends),
		TEST(exec_gives_output_and_exit_code),
		TEST(exec_waits_for_the_exit_code),
		TEST(exec_output_is_bounded),
		TEST(exec_in_a_container_that_does_not_run_is_an_error),
		TEST(exec_that_cannot_start_tells_why),
		TEST(exec_has_a_time_limit),
		TEST(exec_output_in_another_format_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
