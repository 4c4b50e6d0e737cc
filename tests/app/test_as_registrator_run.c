/*
 * Standing in for Registrator as a process, between a scripted daemon and a scripted agent: the
 * order of the start, the log lines that operators look for, and what ends it.
 */
#include <setjmp.h>
#include <signal.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/wait.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/app/as_registrator.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/loop/loop.h"
#include "support/peer.h"

enum { WORDS_MAX = 16 };

#define ID       "0123456789abcdef"
#define SHORT_ID "0123456789ab"

struct world {
	struct loop *loop;
	struct peer *docker, *consul;
	pid_t pid;
	FILE *log;
	struct strbuf text; /* the log so far */
	const char *wanted;
	unsigned times;
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	world->loop = loop_new();
	world->docker = peer_new(world->loop);
	world->consul = peer_new(world->loop);
	world->log = tmpfile();
	strbuf_init(&world->text);
	peer_script(world->docker,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	peer_answer(world->docker, "GET /containers/json", 200, NULL,
		    "[{\"Id\":\"" ID "\",\"State\":\"running\"}]");
	peer_answer(world->consul, "GET /v1/agent/services", 200, NULL, "{}");
	peer_answer(world->consul, "PUT /v1/agent/service/deregister/*", 200, NULL, NULL);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	if (world->pid > 0) {
		kill(world->pid, SIGKILL);
		waitpid(world->pid, NULL, 0);
	}
	peer_free(world->docker);
	peer_free(world->consul);
	loop_free(world->loop);
	fclose(world->log);
	strbuf_release(&world->text);
	free(world);
	log_release();
	return 0;
}

/* The container's document, with its configuration and its ports. */
static void inspect_as(struct world *world, const char *config, const char *ports)
{
	char *doc = xasprintf("{\"Id\":\"" ID "\",\"Name\":\"/web\",\"State\":{\"Running\":true},"
			      "\"HostConfig\":{\"NetworkMode\":\"bridge\"},\"Config\":{\"Image\":"
			      "\"web\",%s},\"NetworkSettings\":{\"Ports\":%s}}",
			      config, ports);

	peer_answer(world->docker, "GET /containers/" ID "/json", 200, NULL, doc);
	free(doc);
}

static void publish_one(struct world *world)
{
	inspect_as(world, "\"ExposedPorts\":{\"80/tcp\":{}}",
		   "{\"80/tcp\":[{\"HostIp\":\"10.0.0.1\",\"HostPort\":\"8080\"}]}");
}

static void accept_registrations(struct world *world)
{
	peer_answer(world->consul, "GET /v1/status/leader", 200, NULL, "\"10.0.0.1:8300\"");
	peer_answer(world->consul, "PUT /v1/agent/service/register", 200, NULL, NULL);
}

/* The child has a loop of its own and leaves that of the test alone. */
static void start(struct world *world, const char *flags)
{
	char *line = xasprintf("registrator -hostname localhost %s%sconsul://%s", flags,
			       *flags ? " " : "", peer_address(world->consul));
	char *argv[WORDS_MAX], *rest = line;
	int argc = 0;

	for (char *word; argc < WORDS_MAX && (word = strsep(&rest, " "));)
		argv[argc++] = word;
	world->pid = fork();
	if (world->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(fileno(world->log), STDERR_FILENO);
		dup2(fileno(world->log), STDOUT_FILENO);
		setenv("DOCKER_HOST", peer_url(world->docker), 1);
		_exit(as_registrator(argc, argv));
	}
	free(line);
}

static void read_log(struct world *world)
{
	char bytes[4096];
	ssize_t count;

	while ((count = pread(fileno(world->log), bytes, sizeof(bytes), (off_t)world->text.len)) >
	       0)
		strbuf_add(&world->text, bytes, (size_t)count);
}

static bool is_logged(void *arg)
{
	struct world *world = arg;
	unsigned found = 0;

	read_log(world);
	for (const char *at = world->text.buf; (at = strstr(at, world->wanted)); at++)
		found++;
	return found >= world->times;
}

static void wait_for_log_times(struct world *world, const char *wanted, unsigned times)
{
	world->wanted = wanted;
	world->times = times;
	if (!run_until_true(world->loop, is_logged, world))
		fail_msg("not %u times \"%s\" in\n%s", times, wanted, world->text.buf);
}

static void wait_for_log(struct world *world, const char *wanted)
{
	wait_for_log_times(world, wanted, 1);
}

static bool has_ended(void *arg)
{
	siginfo_t info = { 0 };

	waitid(P_PID, (id_t)((struct world *)arg)->pid, &info, WEXITED | WNOHANG | WNOWAIT);
	return info.si_pid != 0;
}

static int wait_for_end(struct world *world)
{
	int status = 0;

	assert_true(run_until_true(world->loop, has_ended, world));
	waitpid(world->pid, &status, 0);
	world->pid = 0;
	read_log(world);
	return status;
}

static void push_die(struct world *world, int exit_code)
{
	char *line = xasprintf("{\"Type\":\"container\",\"Action\":\"die\",\"Actor\":{\"ID\":\"" ID
			       "\",\"Attributes\":{\"exitCode\":\"%d\"}},\"timeNano\":%d}\n",
			       exit_code, 1700000000);

	peer_push(world->docker, line, strlen(line));
	free(line);
}

static void assert_order(struct world *world, const char *const *lines)
{
	const char *at = world->text.buf;

	for (; *lines; lines++) {
		const char *found = strstr(at, *lines);

		if (!found)
			fail_msg("\"%s\" is missing after \"%.60s\" in\n%s", *lines, at,
				 world->text.buf);
		at = found + 1;
	}
}

static void the_start_goes_step_by_step_and_the_end_leaves_all(void **state)
{
	static const char *const lines[] = {
		" Starting registrator ",
		" Using consul adapter: consul://127.0.0.1:",
		" Connecting to backend (0/3)\n",
		" Connecting to backend (1/3)\n",
		" consul: current leader  10.0.0.1:8300\n",
		" Listening for Docker events ...\n",
		" Syncing services on 1 containers\n",
		" added: " SHORT_ID " localhost:web:80\n",
		NULL,
	};
	struct world *world = *state;
	int status;

	peer_script(world->consul, &(struct peer_reply){ .request = "GET /v1/status/leader",
							 .status = 500,
							 .times = 1 });
	accept_registrations(world);
	publish_one(world);
	start(world, "-retry-attempts 3 -retry-interval 10");
	wait_for_log(world, "added: ");
	assert_order(world, lines);
	kill(world->pid, SIGTERM);
	status = wait_for_end(world);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_int_equal(peer_asked(world->consul, "PUT /v1/agent/service/deregister/*"), 0);
}

static void the_end_of_a_container_removes_its_service(void **state)
{
	struct world *world = *state;

	accept_registrations(world);
	publish_one(world);
	start(world, "");
	wait_for_log(world, "added: ");
	push_die(world, 3);
	wait_for_log(world, "removed: " SHORT_ID " localhost:web:80\n");
}

static void a_failure_under_on_success_keeps_the_service(void **state)
{
	struct world *world = *state;

	accept_registrations(world);
	publish_one(world);
	start(world, "-deregister on-success");
	wait_for_log(world, "added: ");
	push_die(world, 3);
	wait_for_log(world, "stays registered");
	assert_int_equal(peer_asked(world->consul, "PUT /v1/agent/service/deregister/*"), 0);
}

static void the_end_of_the_event_stream_does_not_end_it(void **state)
{
	struct world *world = *state;

	accept_registrations(world);
	publish_one(world);
	start(world, "");
	wait_for_log(world, "added: ");
	peer_end_streams(world->docker);
	wait_for_log_times(world, "Listening for Docker events ...", 2);
	assert_non_null(strstr(world->text.buf, " Docker event loop closed\n"));
	assert_false(has_ended(world));
}

static void unless_that_is_asked_for(void **state)
{
	struct world *world = *state;
	int status;

	accept_registrations(world);
	publish_one(world);
	start(world, "-exit-on-docker-loss");
	wait_for_log(world, "added: ");
	peer_end_streams(world->docker);
	status = wait_for_end(world);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_non_null(strstr(world->text.buf, " Docker event loop closed\n"));
}

static void what_is_left_out_is_said(void **state)
{
	static const struct {
		const char *config, *ports, *line;
	} cases[] = {
		{ "\"Env\":[]", "{}", " ignored: " SHORT_ID " no published ports\n" },
		{ "\"ExposedPorts\":{\"80/tcp\":{}}", "{\"80/tcp\":null}",
		  " ignored: " SHORT_ID " port 80 not published on host\n" },
		{ "\"ExposedPorts\":{\"80/tcp\":{}},\"Env\":[\"SERVICE_IGNORE=1\"]",
		  "{\"80/tcp\":[{\"HostIp\":\"10.0.0.1\",\"HostPort\":\"8080\"}]}",
		  " ignored: " SHORT_ID " service on port 80\n" },
	};

	tear_down(state);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct world *world;

		set_up(state);
		world = *state;
		accept_registrations(world);
		inspect_as(world, cases[i].config, cases[i].ports);
		start(world, "");
		wait_for_log(world, cases[i].line);
		tear_down(state);
	}
	set_up(state);
}

static void what_the_agent_refuses_is_said_with_its_reason(void **state)
{
	struct world *world = *state;

	peer_answer(world->consul, "PUT /v1/agent/service/register", 400, NULL, "no such thing");
	accept_registrations(world);
	publish_one(world);
	start(world, "");
	wait_for_log(world, " register failed: localhost:web:80 ");
	wait_for_log(world, "no such thing\n");
}

static void an_agent_that_is_absent_ends_the_start(void **state)
{
	struct world *world = *state;
	int status;

	peer_answer(world->consul, "GET /v1/status/leader", 500, NULL, "out of order");
	start(world, "-retry-attempts 2 -retry-interval 1");
	status = wait_for_end(world);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_int_equal(peer_asked(world->consul, "GET /v1/status/leader"), 3);
	assert_int_equal(peer_asked(world->docker, "GET /events"), 0);
}

static void once_registers_what_runs_and_ends(void **state)
{
	struct world *world = *state;
	int status;

	accept_registrations(world);
	publish_one(world);
	start(world, "-once");
	status = wait_for_end(world);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_non_null(strstr(world->text.buf, " added: " SHORT_ID " localhost:web:80\n"));
	assert_int_equal(peer_asked(world->consul, "PUT /v1/agent/service/register"), 1);
}

static void once_ends_with_1_when_something_was_refused(void **state)
{
	struct world *world = *state;
	int status;

	peer_answer(world->consul, "PUT /v1/agent/service/register", 400, NULL, "no such thing");
	accept_registrations(world);
	publish_one(world);
	start(world, "--once");
	status = wait_for_end(world);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_non_null(strstr(world->text.buf, " register failed: localhost:web:80 "));
}

static void a_dry_run_prints_and_asks_the_registry_nothing(void **state)
{
	struct world *world = *state;
	int status;

	publish_one(world);
	start(world, "--dry-run");
	status = wait_for_end(world);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 0);
	assert_non_null(strstr(world->text.buf,
			       "[\n  {\"ID\":\"localhost:web:80\",\"Name\":\"web\","
			       "\"Port\":8080,\"Address\":\"10.0.0.1\",\"Check\":null,"
			       "\"Checks\":null}\n]\n"));
	assert_int_equal(peer_connection_count(world->consul), 0);
}

static void at_the_end_all_is_removed_when_asked_for(void **state)
{
	struct world *world = *state;
	int status;

	accept_registrations(world);
	publish_one(world);
	start(world, "-deregister-on-exit");
	wait_for_log(world, "added: ");
	kill(world->pid, SIGTERM);
	status = wait_for_end(world);
	assert_true(WIFSIGNALED(status) && WTERMSIG(status) == SIGTERM);
	assert_non_null(strstr(world->text.buf, " removed: " SHORT_ID " localhost:web:80\n"));
	assert_int_equal(peer_asked(world->consul, "PUT /v1/agent/service/deregister/*"), 1);
}

/* What the real program asks for is all that it needs. */
static void an_agent_that_knows_no_list_is_enough(void **state)
{
	struct world *world = *state;

	peer_forget(world->consul);
	accept_registrations(world);
	peer_answer(world->consul, "PUT /v1/agent/service/deregister/*", 200, NULL, NULL);
	publish_one(world);
	start(world, "");
	wait_for_log(world, "added: ");
	push_die(world, 0);
	wait_for_log(world, "removed: " SHORT_ID " localhost:web:80\n");
}

static void a_strange_number_of_attempts_asks_nobody(void **state)
{
	struct world *world = *state;

	peer_answer(world->consul, "GET /v1/status/leader", 500, NULL, "out of order");
	peer_answer(world->consul, "PUT /v1/agent/service/register", 200, NULL, NULL);
	publish_one(world);
	start(world, "-retry-attempts -2");
	wait_for_log(world, "added: ");
	assert_int_equal(peer_asked(world->consul, "GET /v1/status/leader"), 0);
	assert_null(strstr(world->text.buf, "Connecting to backend"));
}

static void attempts_without_end_end_when_it_is_there(void **state)
{
	struct world *world = *state;

	peer_script(world->consul, &(struct peer_reply){ .request = "GET /v1/status/leader",
							 .status = 500,
							 .times = 3 });
	accept_registrations(world);
	publish_one(world);
	start(world, "-retry-attempts -1 -retry-interval 1");
	wait_for_log(world, "added: ");
	assert_non_null(strstr(world->text.buf, " Connecting to backend (3/-1)\n"));
}

static void what_cannot_be_removed_is_said_and_tried_again(void **state)
{
	struct world *world = *state;

	peer_forget(world->consul);
	peer_answer(world->consul, "GET /v1/agent/services", 200, NULL, "{}");
	peer_script(world->consul,
		    &(struct peer_reply){ .request = "PUT /v1/agent/service/deregister/*",
					  .status = 500,
					  .body = "not now",
					  .times = 1 });
	peer_answer(world->consul, "PUT /v1/agent/service/deregister/*", 200, NULL, NULL);
	accept_registrations(world);
	publish_one(world);
	start(world, "");
	wait_for_log(world, "added: ");
	push_die(world, 0);
	wait_for_log(world, " deregister failed: localhost:web:80 ");
	wait_for_log(world, " removed: " SHORT_ID " localhost:web:80\n");
}

static void every_request_bears_the_token(void **state)
{
	struct world *world = *state;
	char value[64];

	accept_registrations(world);
	publish_one(world);
	setenv("CONSUL_HTTP_TOKEN", "s3cret", 1);
	setenv("CONSUL_HTTP_AUTH", "user:word", 1);
	start(world, "");
	unsetenv("CONSUL_HTTP_TOKEN");
	unsetenv("CONSUL_HTTP_AUTH");
	wait_for_log(world, "added: ");
	for (size_t i = 0; i < peer_request_count(world->consul); i++) {
		const struct peer_request *request = peer_request(world->consul, i);

		assert_true(peer_header(request, "X-Consul-Token", value, sizeof(value)));
		assert_string_equal(value, "s3cret");
		assert_true(peer_header(request, "Authorization", value, sizeof(value)));
	}
	assert_null(strstr(world->text.buf, "s3cret"));
}

/* Without a daemon anywhere: where it is looked for shows in what is said. */
static void the_environment_says_where_docker_is(void **state)
{
	static const struct {
		const char *host, *tls, *folder, *home, *text;
	} cases[] = {
		{ "", NULL, NULL, "/nonexistent", "/tmp/docker.sock" },
		{ "unix:///nonexistent/sock", NULL, NULL, "/nonexistent", "/nonexistent/sock" },
		{ "tcp://127.0.0.1:1", "1", NULL, "/nonexistent/home",
		  "/nonexistent/home/.docker/ca.pem" },
		{ "tcp://127.0.0.1:1", "0", "/nonexistent/certs", "/nonexistent/home",
		  "/nonexistent/certs/ca.pem" },
		{ "tcp://127.0.0.1:1", "1", NULL, NULL, "neither DOCKER_CERT_PATH nor HOME is" },
	};
	struct world *world = *state;

	if (access("/tmp/docker.sock", F_OK) == 0)
		skip();
	accept_registrations(world);
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		char *uri = xasprintf("consul://%s", peer_address(world->consul));
		char *argv[] = { (char[]){ "registrator" }, uri, NULL };
		int status;

		world->pid = fork();
		if (world->pid == 0) {
			prctl(PR_SET_PDEATHSIG, SIGKILL);
			dup2(fileno(world->log), STDERR_FILENO);
			setenv("DOCKER_HOST", cases[i].host, 1);
			cases[i].tls ? setenv("DOCKER_TLS_VERIFY", cases[i].tls, 1)
				     : unsetenv("DOCKER_TLS_VERIFY");
			cases[i].folder ? setenv("DOCKER_CERT_PATH", cases[i].folder, 1)
					: unsetenv("DOCKER_CERT_PATH");
			cases[i].home ? setenv("HOME", cases[i].home, 1) : unsetenv("HOME");
			_exit(as_registrator(2, argv));
		}
		free(uri);
		status = wait_for_end(world);
		assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
		if (!strstr(world->text.buf, cases[i].text))
			fail_msg("%s is not in %s", cases[i].text, world->text.buf);
	}
}

static void a_daemon_that_lists_what_runs_alone_is_enough(void **state)
{
	struct world *world = *state;

	peer_forget(world->docker);
	peer_script(world->docker,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	peer_answer(world->docker, "GET /containers/json?all=1", 403, NULL, "{}");
	peer_answer(world->docker, "GET /containers/json", 200, NULL, "[{\"Id\":\"" ID "\"}]");
	accept_registrations(world);
	publish_one(world);
	start(world, "-deregister on-success");
	wait_for_log(world, "added: ");
	push_die(world, 0);
	wait_for_log(world, "removed: " SHORT_ID " localhost:web:80\n");
	assert_int_equal(
		peer_asked(world->consul, "PUT /v1/agent/service/deregister/localhost:web:80"), 1);
}

/* As behind an address with several agents, or a cache. */
static void an_agent_that_never_lists_what_it_accepts_is_believed(void **state)
{
	struct world *world = *state;

	accept_registrations(world);
	publish_one(world);
	start(world, "-resync 1");
	wait_for_log_times(world, "Syncing services", 3);
	assert_int_equal(peer_asked(world->consul, "PUT /v1/agent/service/register"), 1);
	push_die(world, 0);
	wait_for_log(world, "removed: " SHORT_ID " localhost:web:80\n");
}

/* Old daemons have the event in two words at the top, and nothing else. */
static void events_of_old_daemons_are_understood(void **state)
{
	static const char line[] = "{\"status\":\"die\",\"id\":\"" ID "\",\"from\":\"web\","
				   "\"time\":1700000000}\n";
	struct world *world = *state;

	accept_registrations(world);
	publish_one(world);
	start(world, "");
	wait_for_log(world, "added: ");
	peer_push(world->docker, line, strlen(line));
	wait_for_log(world, "removed: " SHORT_ID " localhost:web:80\n");
}

/* As behind a proxy that passes nothing on before the first event. */
static void an_event_stream_that_does_not_begin_holds_up_nobody(void **state)
{
	struct world *world = *state;

	peer_forget(world->docker);
	peer_script(world->docker,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_HANG });
	/* The list as of a daemon that tells no states. */
	peer_answer(world->docker, "GET /containers/json", 200, NULL, "[{\"Id\":\"" ID "\"}]");
	accept_registrations(world);
	publish_one(world);
	start(world, "");
	wait_for_log(world, "added: " SHORT_ID " localhost:web:80\n");
}

/* As behind a filter that lets only questions through. */
static void a_daemon_that_gives_no_events_is_asked(void **state)
{
	struct world *world = *state;

	peer_forget(world->docker);
	peer_answer(world->docker, "GET /events", 403, NULL, "not for you");
	peer_answer(world->docker, "GET /containers/json", 200, NULL, "[{\"Id\":\"" ID "\"}]");
	/* An agent that knows no list, so that what was written is what there is. */
	peer_forget(world->consul);
	peer_answer(world->consul, "PUT /v1/agent/service/deregister/*", 200, NULL, NULL);
	accept_registrations(world);
	publish_one(world);
	start(world, "-resync 1");
	wait_for_log(world, "added: " SHORT_ID " localhost:web:80\n");
	assert_non_null(strstr(world->text.buf, "not for you"));
	peer_forget(world->docker);
	peer_answer(world->docker, "GET /events", 403, NULL, "not for you");
	peer_answer(world->docker, "GET /containers/json", 200, NULL, "[]");
	wait_for_log(world, "removed: " SHORT_ID " localhost:web:80\n");
}

static void a_lifetime_is_refreshed_in_name_where_there_is_none(void **state)
{
	struct world *world = *state;

	accept_registrations(world);
	publish_one(world);
	start(world, "-ttl 2 -ttl-refresh 1");
	wait_for_log(world, "refreshed: " SHORT_ID " localhost:web:80\n");
	assert_int_equal(peer_asked(world->consul, "PUT /v1/agent/service/register"), 1);
}

static void a_daemon_that_does_not_list_ends_the_start(void **state)
{
	struct world *world = *state;
	int status;

	peer_forget(world->docker);
	peer_answer(world->docker, "GET /containers/json", 500, NULL, "{\"message\":\"no list\"}");
	accept_registrations(world);
	start(world, "");
	status = wait_for_end(world);
	assert_true(WIFEXITED(status) && WEXITSTATUS(status) == 1);
	assert_non_null(strstr(world->text.buf, "no list"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_start_goes_step_by_step_and_the_end_leaves_all),
		TEST(the_end_of_a_container_removes_its_service),
		TEST(a_failure_under_on_success_keeps_the_service),
		TEST(the_end_of_the_event_stream_does_not_end_it),
		TEST(unless_that_is_asked_for),
		TEST(what_is_left_out_is_said),
		TEST(what_the_agent_refuses_is_said_with_its_reason),
		TEST(an_agent_that_is_absent_ends_the_start),
		TEST(a_daemon_that_does_not_list_ends_the_start),
		TEST(an_event_stream_that_does_not_begin_holds_up_nobody),
		TEST(a_daemon_that_gives_no_events_is_asked),
		TEST(a_lifetime_is_refreshed_in_name_where_there_is_none),
		TEST(once_registers_what_runs_and_ends),
		TEST(once_ends_with_1_when_something_was_refused),
		TEST(a_dry_run_prints_and_asks_the_registry_nothing),
		TEST(at_the_end_all_is_removed_when_asked_for),
		TEST(an_agent_that_knows_no_list_is_enough),
		TEST(a_strange_number_of_attempts_asks_nobody),
		TEST(attempts_without_end_end_when_it_is_there),
		TEST(what_cannot_be_removed_is_said_and_tried_again),
		TEST(every_request_bears_the_token),
		TEST(the_environment_says_where_docker_is),
		TEST(a_daemon_that_lists_what_runs_alone_is_enough),
		TEST(an_agent_that_never_lists_what_it_accepts_is_believed),
		TEST(events_of_old_daemons_are_understood),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
