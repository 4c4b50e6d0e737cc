/*
 * Docker through ssh. `ssh` is a script of ours in front of the PATH, which notes how it was called
 * and runs what it was told to run here, so that the connection goes through the real
 * `docker system dial-stdio` where there is one.
 */
#include "binnacle/docker/docker.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>

#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/peer.h"

struct world {
	struct loop *loop;
	struct http *http;
	struct peer *peer; /* the daemon on the other side */
	struct docker *docker;
	char dir[64], *path;
	bool answered;
	struct err err;
	char *text;
	struct docker_events *events;
	unsigned ups, downs;
};

static char *in_dir(const struct world *world, const char *name)
{
	static char path[2][128];
	static int next;

	next = !next;
	snprintf(path[next], sizeof(path[next]), "%s/%s", world->dir, name);
	return path[next];
}

static void write_program(const struct world *world, const char *name, const char *script)
{
	FILE *file = fopen(in_dir(world, name), "w");

	assert_non_null(file);
	fprintf(file, "#!/bin/sh\n%s\n", script);
	fclose(file);
	assert_int_equal(chmod(in_dir(world, name), 0755), 0);
}

static char *read_file(const struct world *world, const char *name)
{
	struct strbuf text = STRBUF_INIT;
	struct err err = { 0 };

	if (access(in_dir(world, name), F_OK) == 0 &&
	    !file_read(in_dir(world, name), 1 << 20, &text, &err))
		fail_msg("%s", err.msg);
	return strbuf_detach(&text, NULL);
}

static struct docker *docker_at(struct world *world, const char *host)
{
	struct docker_config config = { .name = "node-1", .host = host };
	struct err err = { 0 };
	struct docker *docker = docker_new(world->loop, world->http, &config, &err);

	if (!docker)
		fail_msg("%s", err.msg);
	return docker;
}

/* What ssh does when all is well: note the call, run the command. */
#define ESTABLISH                                                                                  \
	"echo $$ >>\"$SSH_TEST_DIR/pids\"; echo \"$*\" >>\"$SSH_TEST_DIR/calls\"\n"                \
	"while [ \"$1\" != -- ]; do shift; done; shift 2\n"

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));
	char socket[128], *path;

	strcpy(world->dir, "/tmp/docker-ssh-XXXXXX");
	assert_non_null(mkdtemp(world->dir));
	snprintf(socket, sizeof(socket), "%s/docker.sock", world->dir);
	world->loop = loop_new();
	world->http = http_new(world->loop);
	world->peer = peer_new_unix(world->loop, socket);
	world->path = strdup(getenv("PATH"));
	path = xasprintf("%s:%s", world->dir, world->path);
	setenv("PATH", path, 1);
	free(path);
	setenv("SSH_TEST_DIR", world->dir, 1);
	setenv("DOCKER_HOST", peer_url(world->peer), 1);
	unsetenv("DOCKER_CONTEXT");
	write_program(world, "ssh", ESTABLISH "exec \"$@\"");
	world->docker = docker_at(world, "ssh://ops@dock-1:2222");
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	static const char *const files[] = { "ssh", "docker", "pids", "calls", "docker.sock" };
	struct world *world = *state;

	docker_events_stop(&world->events);
	docker_free(world->docker);
	http_free(world->http);
	peer_free(world->peer);
	loop_free(world->loop);
	setenv("PATH", world->path, 1);
	unsetenv("DOCKER_HOST");
	unsetenv("SSH_TEST_DIR");
	for (size_t i = 0; i < COUNT_OF(files); i++)
		unlink(in_dir(world, files[i]));
	assert_int_equal(rmdir(world->dir), 0);
	free(world->path);
	free(world->text);
	free(world);
	log_release();
	return 0;
}

static bool have_docker_command(void)
{
	return system("docker system dial-stdio --help >/dev/null 2>&1") == 0;
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

static void ask(struct world *world, struct docker *docker, const char *path)
{
	world->answered = false;
	docker_get(docker, path, on_answer, world);
	assert_false(world->answered);
	assert_true(run_until(world->loop, &world->answered));
}

static void a_request_goes_through_ssh_and_dial_stdio(void **state)
{
	struct world *world = *state;
	char *calls;

	if (!have_docker_command())
		skip();
	peer_answer(world->peer, "GET /info", 200, NULL, "{\"Name\":\"dock-1\"}");
	ask(world, world->docker, "/info");
	assert_string_equal(world->err.msg, "");
	assert_string_equal(world->text, "{\"Name\":\"dock-1\"}");
	calls = read_file(world, "calls");
	assert_non_null(strstr(calls, "-o BatchMode=yes "));
	assert_non_null(strstr(calls, "-o ConnectTimeout=10 "));
	assert_non_null(strstr(calls, " -l ops -p 2222 -- dock-1 docker system dial-stdio\n"));
	free(calls);
	assert_string_equal(docker_address(world->docker), "ssh://ops@dock-1:2222");
}

static size_t count_lines(const struct world *world, const char *name)
{
	char *text = read_file(world, name);
	size_t lines = 0;

	for (const char *at = text; (at = strchr(at, '\n')); at++)
		lines++;
	free(text);
	return lines;
}

static void connections_are_kept_but_not_shared_between_hosts(void **state)
{
	struct world *world = *state;
	struct docker *other = docker_at(world, "ssh://dock-2");
	char *calls;

	if (!have_docker_command()) {
		docker_free(other);
		skip();
	}
	peer_answer(world->peer, "GET /info", 200, NULL, "{}");
	for (int i = 0; i < 3; i++)
		ask(world, world->docker, "/info");
	assert_int_equal(count_lines(world, "calls"), 1);
	ask(world, other, "/info");
	assert_int_equal(count_lines(world, "calls"), 2);
	calls = read_file(world, "calls");
	assert_non_null(strstr(calls, " -- dock-2 docker system dial-stdio\n"));
	free(calls);
	docker_free(other);
}

static void large_bodies_come_whole(void **state)
{
	struct world *world = *state;
	struct strbuf body = STRBUF_INIT;

	if (!have_docker_command())
		skip();
	strbuf_addstr(&body, "[\"");
	for (int i = 0; i < 3000000; i++)
		strbuf_addch(&body, (char)('a' + i % 26));
	strbuf_addstr(&body, "\"]");
	peer_answer(world->peer, "GET /big", 200, NULL, body.buf);
	ask(world, world->docker, "/big");
	assert_string_equal(world->err.msg, "");
	assert_int_equal(strlen(world->text), body.len);
	assert_true(strcmp(world->text, body.buf) == 0);
	strbuf_release(&body);
}

static void what_ssh_says_is_the_error(void **state)
{
	static const struct {
		const char *script, *message;
	} rows[] = {
		{ "echo '@@@ WARNING @@@' >&2; echo 'Host key verification failed.' >&2; exit 255",
		  "docker node-1: cannot reach ssh://ops@dock-1:2222: Host key verification "
		  "failed. (ssh may not ask here: try it once by hand)" },
		{ "printf 'ops@dock-1: Permission denied (publickey).\\r\\n' >&2; exit 255",
		  "cannot reach ssh://ops@dock-1:2222: ops@dock-1: Permission denied "
		  "(publickey)." },
		{ "printf '\\033[2J evil\\n' >&2; exit 1", "^[[2J evil" },
		/* The leader of a session has no terminal to ask on. */
		{ "read -r pid name state parent group session rest </proc/$$/stat\n"
		  "[ $session = $$ ] && echo no terminal >&2; exit 1",
		  ": no terminal" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		write_program(world, "ssh", rows[i].script);
		ask(world, world->docker, "/info");
		assert_int_equal(world->err.code, ERR_UNREACHABLE);
		if (!strstr(world->err.msg, rows[i].message))
			fail_msg("\"%s\" has no \"%s\"", world->err.msg, rows[i].message);
	}
}

static void without_ssh_the_error_names_it(void **state)
{
	struct world *world = *state;

	setenv("PATH", "/nowhere", 1);
	ask(world, world->docker, "/info");
	assert_int_equal(world->err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(world->err.msg, "cannot run ssh: no such program"));
}

static bool is_gone(void *arg)
{
	char *pid = read_file(arg, "pids");
	bool gone = atoi(pid) > 0 && kill(atoi(pid), 0) < 0 && errno == ESRCH;

	free(pid);
	return gone;
}

static void an_ssh_that_hangs_ends_with_the_request(void **state)
{
	struct world *world = *state;

	/* It does not even go when its input ends. */
	write_program(world, "ssh", ESTABLISH "trap '' TERM; exec sleep 1000");
	world->answered = false;
	docker_send(world->docker, "GET", "/info", NULL, 200, on_answer, world);
	assert_true(run_until(world->loop, &world->answered));
	assert_int_equal(world->err.code, ERR_UNREACHABLE);
	assert_non_null(
		strstr(world->err.msg, "no answer from ssh://ops@dock-1:2222 within 0.2 s"));
	assert_true(run_until_true(world->loop, is_gone, world));
}

static void a_canceled_request_leaves_no_ssh(void **state)
{
	struct world *world = *state;
	struct docker_call *call;

	write_program(world, "ssh", ESTABLISH "exec cat >/dev/null");
	call = docker_get(world->docker, "/info", on_answer, world);
	run_for(world->loop, 50);
	docker_call_cancel(&call);
	while (!count_lines(world, "pids"))
		run_for(world->loop, 10);
	assert_true(run_until_true(world->loop, is_gone, world));
	assert_false(world->answered);
}

static void on_up(void *arg)
{
	((struct world *)arg)->ups++;
}

static void on_down(void *arg, const struct err *err)
{
	(void)err;
	((struct world *)arg)->downs++;
}

static void on_event(void *arg, const struct docker_event *event)
{
	(void)arg;
	(void)event;
}

static const struct docker_event_handlers handlers = { on_up, on_down, on_event };

static bool is_up_once(void *arg)
{
	return ((struct world *)arg)->ups == 1;
}

static bool is_up_again(void *arg)
{
	return ((struct world *)arg)->ups == 2;
}

static void an_event_stream_that_is_cut_is_opened_again(void **state)
{
	struct world *world = *state;
	char *pid;

	if (!have_docker_command())
		skip();
	peer_script(world->peer,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	world->events = docker_events_start(world->docker, &handlers, world);
	assert_true(run_until_true(world->loop, is_up_once, world));
	pid = read_file(world, "pids");
	assert_int_equal(kill(atoi(pid), SIGKILL), 0);
	free(pid);
	assert_true(run_until_true(world->loop, is_up_again, world));
	assert_int_equal(world->downs, 1);
	assert_int_equal(count_lines(world, "calls"), 2);
}

static void places_are_understood_or_refused(void **state)
{
	static const struct {
		const char *host;
		bool good;
	} rows[] = {
		{ "ssh://dock-1", true },
		{ "ssh://dock-1/", true },
		{ "ssh://ops@192.0.2.1:22", true },
		{ "ssh://ops@[2001:db8::1]:22", true },
		{ "ssh://[2001:db8::1]", true },
		{ "ssh://", false },
		{ "ssh://-oProxyCommand=touch", false },
		{ "ssh://-l@dock-1", false },
		{ "ssh://ops@-dock", false },
		{ "ssh://dock 1", false },
		{ "ssh://dock;id", false },
		{ "ssh://dock:0", false },
		{ "ssh://dock:22x", false },
		{ "ssh://dock/var/run/docker.sock", false },
		{ "ssh://[2001:db8::1", false },
		{ "ssh://@dock", false },
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct docker_config config = { .host = rows[i].host };
		struct err err = { 0 };
		struct docker *docker = docker_new(world->loop, world->http, &config, &err);

		if (!docker != !rows[i].good)
			fail_msg("%s: %s", rows[i].host, docker ? "accepted" : err.msg);
		if (!docker)
			assert_int_equal(err.code, ERR_INPUT);
		docker_free(docker);
	}
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(a_request_goes_through_ssh_and_dial_stdio),
		CASE(connections_are_kept_but_not_shared_between_hosts),
		CASE(large_bodies_come_whole),
		CASE(what_ssh_says_is_the_error),
		CASE(without_ssh_the_error_names_it),
		CASE(an_ssh_that_hangs_ends_with_the_request),
		CASE(a_canceled_request_leaves_no_ssh),
		CASE(an_event_stream_that_is_cut_is_opened_again),
		CASE(places_are_understood_or_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
