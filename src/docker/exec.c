/*
 * Three requests in a row: create, start (whose answer is the output and ends with the command),
 * inspect for the exit code. The time limit covers all three; a command that runs longer keeps
 * running in its container, because the exec API has no way to end it.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/mem.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "docker_private.h"
#include "wire.h"

enum { EXEC_TIMEOUT_MS = 30000, EXEC_INSPECT_TRIES = 20, EXEC_INSPECT_PAUSE_MS = 50 };

enum exec_state {
	EXEC_CREATING,   /* the daemon makes the exec instance */
	EXEC_READING,    /* the command runs, its output comes in */
	EXEC_INSPECTING, /* it has ended, we ask how */
};

struct docker_exec {
	struct docker *docker;
	enum exec_state state;
	char *container;
	char *id; /* of the exec instance */
	struct docker_call *call;
	struct http_stream *stream;
	struct docker_wire wire;
	struct strbuf output;
	struct loop_timer *limit, *pause;
	int64_t timeout_ms, started_ms;
	unsigned tries;
	docker_exec_fn *done;
	void *arg;
};

static void exec_free(struct docker_exec *exec)
{
	docker_call_cancel(&exec->call);
	http_stream_cancel(&exec->stream);
	loop_timer_stop(&exec->limit);
	loop_timer_stop(&exec->pause);
	strbuf_release(&exec->output);
	free(exec->container);
	free(exec->id);
	exec->docker->users--;
	free(exec);
}

static void finish(struct docker_exec *exec, const struct docker_exec_result *result,
		   const struct err *err)
{
	docker_exec_fn *done = exec->done;
	void *arg = exec->arg;
	struct strbuf output = exec->output;
	struct docker_exec_result copy = { 0 };

	strbuf_init(&exec->output);
	exec_free(exec);
	if (result) {
		copy = *result;
		copy.output = &output;
	}
	done(arg, result ? &copy : NULL, err);
	strbuf_release(&output);
}

static void finish_err(struct docker_exec *exec, const struct err *err)
{
	struct err why = *err;

	err_context(&why, "exec in %s", exec->container);
	finish(exec, NULL, &why);
}

static void on_limit(void *arg)
{
	struct docker_exec *exec = arg;
	struct err err;

	exec->limit = NULL;
	err_set(&err, ERR_UNREACHABLE, "no end after %lld ms",
		(long long)(clock_mono_ms() - exec->started_ms));
	finish_err(exec, &err);
}

static void enter_inspecting(struct docker_exec *exec);

static void on_pause(void *arg)
{
	struct docker_exec *exec = arg;

	exec->pause = NULL;
	enter_inspecting(exec);
}

static void on_inspected(void *arg, const struct json *doc, const struct err *err)
{
	struct docker_exec *exec = arg;
	struct docker_exec_result result = { 0 };

	assert(exec->state == EXEC_INSPECTING);
	exec->call = NULL;
	if (err) {
		finish_err(exec, err);
		return;
	}
	/* The stream can end a moment before the daemon has collected the exit code. */
	if (json_bool(doc, "Running", false) && ++exec->tries < EXEC_INSPECT_TRIES) {
		exec->pause =
			loop_timer_start(exec->docker->loop, EXEC_INSPECT_PAUSE_MS, on_pause, exec);
		return;
	}
	if (!json_is_number(json_get(doc, "ExitCode"))) {
		struct err none;

		err_set(&none, ERR_FORMAT, "the daemon does not tell the exit code");
		finish_err(exec, &none);
		return;
	}
	result.exit_code = (int)json_int(doc, "ExitCode", 0);
	result.took_ms = clock_mono_ms() - exec->started_ms;
	finish(exec, &result, NULL);
}

static void enter_inspecting(struct docker_exec *exec)
{
	struct strbuf path = STRBUF_INIT;

	exec->state = EXEC_INSPECTING;
	strbuf_addstr(&path, "/exec/");
	url_escape(&path, exec->id);
	strbuf_addstr(&path, "/json");
	exec->call = docker_get(exec->docker, path.buf, on_inspected, exec);
	strbuf_release(&path);
}

static void on_output(void *arg, const char *bytes, size_t len)
{
	struct docker_exec *exec = arg;
	struct err err;

	assert(exec->state == EXEC_READING);
	if (!docker_wire_feed(&exec->wire, bytes, len, LIMIT_CHILD_OUTPUT, &exec->output, &err))
		finish_err(exec, &err);
}

static void on_output_end(void *arg, int status, const char *text, const struct err *err)
{
	struct docker_exec *exec = arg;

	exec->stream = NULL;
	if (err) {
		finish_err(exec, err);
		return;
	}
	if (status != 200) {
		struct http_answer answer = { .status = status, .body = STRBUF_INIT };
		struct err refused = { 0 };

		strbuf_addstr(&answer.body, text ? text : "");
		json_free(docker_decode(exec->docker, &answer, &refused));
		strbuf_release(&answer.body);
		if (refused.code == ERR_NONE)
			err_set(&refused, ERR_FORMAT, "unexpected status %d", status);
		finish_err(exec, &refused);
		return;
	}
	enter_inspecting(exec);
}

static void enter_reading(struct docker_exec *exec)
{
	static const struct http_stream_events events = { .data = on_output, .end = on_output_end };
	static const char body[] = "{\"Detach\":false,\"Tty\":false}";
	struct strbuf path = STRBUF_INIT;
	struct http_request request = { .method = "POST",
					.body = body,
					.body_len = sizeof(body) - 1 };

	exec->state = EXEC_READING;
	strbuf_addstr(&path, "/exec/");
	url_escape(&path, exec->id);
	strbuf_addstr(&path, "/start");
	request.path = path.buf;
	exec->stream = http_stream_start(exec->docker->http, &exec->docker->endpoint, &request,
					 &events, exec);
	strbuf_release(&path);
}

static void on_created(void *arg, const struct json *doc, const struct err *err)
{
	struct docker_exec *exec = arg;

	assert(exec->state == EXEC_CREATING);
	exec->call = NULL;
	if (err) {
		finish_err(exec, err);
		return;
	}
	exec->id = xstrdup(json_str(doc, "Id", ""));
	if (!*exec->id) {
		struct err none;

		err_set(&none, ERR_FORMAT, "the daemon gave no id for it");
		finish_err(exec, &none);
		return;
	}
	enter_reading(exec);
}

static char *create_body(const char *const *argv)
{
	struct json *doc = json_new_object();
	struct strbuf text = STRBUF_INIT;
	struct json *cmd;

	json_add_bool(doc, "AttachStdout", true);
	json_add_bool(doc, "AttachStderr", true);
	json_add_bool(doc, "Tty", false);
	cmd = json_add_array(doc, "Cmd");
	for (; *argv; argv++)
		json_add_str(cmd, NULL, *argv);
	json_print(&text, doc);
	json_free(doc);
	return strbuf_detach(&text, NULL);
}

struct docker_exec *docker_exec(struct docker *docker, const char *container,
				const char *const *argv, int64_t timeout_ms, docker_exec_fn *done,
				void *arg)
{
	struct docker_exec *exec = xcalloc(1, sizeof(*exec));
	struct strbuf path = STRBUF_INIT;
	char *body = create_body(argv);

	assert(argv[0]);
	docker->users++;
	exec->docker = docker;
	exec->state = EXEC_CREATING;
	exec->container = xstrdup(container);
	strbuf_init(&exec->output);
	exec->timeout_ms = timeout_ms > 0 ? timeout_ms : EXEC_TIMEOUT_MS;
	exec->started_ms = clock_mono_ms();
	exec->done = done;
	exec->arg = arg;
	exec->limit = loop_timer_start(docker->loop, exec->timeout_ms, on_limit, exec);
	strbuf_addstr(&path, "/containers/");
	url_escape(&path, container);
	strbuf_addstr(&path, "/exec");
	/* Its own limit would name the request instead of the command. */
	exec->call = docker_send(docker, "POST", path.buf, body, exec->timeout_ms + 1000,
				 on_created, exec);
	strbuf_release(&path);
	free(body);
	return exec;
}

void docker_exec_cancel(struct docker_exec **exec)
{
	if (!*exec)
		return;
	exec_free(*exec);
	*exec = NULL;
}
