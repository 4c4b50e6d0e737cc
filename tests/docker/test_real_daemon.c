/* A real dockerd: over its socket, over TCP with certificates, through ssh; and when it hangs or
 * dies half-way. `ssh` is a script that runs the command here. */
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
#include <signal.h>
#include <sys/stat.h>

#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/calico/docker_view.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/peer.h"
#include "support/real_docker.h"

static struct real_docker daemon_;
static bool have_daemon;

struct world {
	struct loop *loop;
	struct http *http;
	struct docker *docker;
	bool answered;
	struct err err;
	char *name;
	struct calico_docker_view *view;
	struct docker_events *events;
	unsigned ups, downs;
};

static struct docker *docker_at(struct world *world, const char *host, const char *certs)
{
	struct docker_config config = { .name = "node-1", .host = host, .cert_path = certs };
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
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	calico_docker_view_unref(world->view);
	docker_events_stop(&world->events);
	docker_free(world->docker);
	http_free(world->http);
	loop_free(world->loop);
	free(world->name);
	free(world);
	log_release();
	return 0;
}

static void on_info(void *arg, const struct json *doc, const struct err *err)
{
	struct world *world = arg;

	world->answered = true;
	world->err = err ? *err : (struct err){ 0 };
	free(world->name);
	world->name = strdup(json_str(doc, "Name", ""));
}

static void ask(struct world *world, int64_t timeout_ms)
{
	world->answered = false;
	docker_send(world->docker, "GET", "/info", NULL, timeout_ms, on_info, world);
	assert_true(run_until(world->loop, &world->answered));
}

static void on_view(void *arg, struct calico_docker_view *view)
{
	struct world *world = arg;

	world->answered = true;
	calico_docker_view_unref(world->view);
	world->view = calico_docker_view_ref(view);
}

static void gather(struct world *world)
{
	world->answered = false;
	calico_gather_start(world->loop, world->docker, on_view, world);
	assert_true(run_until(world->loop, &world->answered));
}

static void the_socket_answers_completely(void **state)
{
	struct world *world = *state;

	if (!have_daemon)
		skip();
	world->docker = docker_at(world, daemon_.unix_host, NULL);
	gather(world);
	assert_string_equal(world->view->problem, "");
	assert_true(world->view->complete);
	assert_true(*world->view->daemon_id);
	assert_int_equal(world->view->container_count, 0);
}

static void certificates_of_its_ca_open_the_port(void **state)
{
	struct world *world = *state;

	if (!have_daemon)
		skip();
	world->docker = docker_at(world, daemon_.tls_host, daemon_.dir);
	gather(world);
	assert_string_equal(world->view->problem, "");
	assert_true(world->view->complete);
}

static void another_ca_is_refused_and_nothing_is_asked(void **state)
{
	struct world *world = *state;

	if (!have_daemon)
		skip();
	world->docker = docker_at(world, daemon_.tls_host, daemon_.other_dir);
	gather(world);
	assert_false(world->view->complete);
	assert_true(world->view->unreachable);
	assert_non_null(strstr(world->view->problem, "over TLS"));
}

static void without_certificates_the_port_does_not_answer(void **state)
{
	struct world *world = *state;

	if (!have_daemon)
		skip();
	world->docker = docker_at(world, daemon_.tls_host, NULL);
	gather(world);
	assert_false(world->view->complete);
}

/* A folder with `ssh` in it, in front of the PATH. */
static char *old_path, ssh_dir[64];

static void use_ssh(void)
{
	char *path = NULL, file[96];
	FILE *script;

	strcpy(ssh_dir, "/tmp/docker-real-XXXXXX");
	assert_non_null(mkdtemp(ssh_dir));
	snprintf(file, sizeof(file), "%s/ssh", ssh_dir);
	script = fopen(file, "w");
	fputs("#!/bin/sh\nwhile [ \"$1\" != -- ]; do shift; done; shift 2; exec \"$@\"\n", script);
	fclose(script);
	chmod(file, 0755);
	old_path = strdup(getenv("PATH"));
	assert_true(asprintf(&path, "%s:%s", ssh_dir, old_path) > 0);
	setenv("PATH", path, 1);
	free(path);
	setenv("DOCKER_HOST", daemon_.unix_host, 1);
}

static void drop_ssh(void)
{
	char file[96];

	snprintf(file, sizeof(file), "%s/ssh", ssh_dir);
	unlink(file);
	rmdir(ssh_dir);
	setenv("PATH", old_path, 1);
	unsetenv("DOCKER_HOST");
	free(old_path);
}

static void ssh_and_dial_stdio_answer_completely(void **state)
{
	struct world *world = *state;

	if (!have_daemon)
		skip();
	use_ssh();
	world->docker = docker_at(world, "ssh://ops@node-1", NULL);
	gather(world);
	drop_ssh();
	assert_string_equal(world->view->problem, "");
	assert_true(world->view->complete);
	assert_true(*world->view->daemon_id);
}

static void a_daemon_that_hangs_is_no_answer_and_comes_back(void **state)
{
	struct world *world = *state;

	if (!have_daemon)
		skip();
	world->docker = docker_at(world, daemon_.tls_host, daemon_.dir);
	ask(world, 0);
	assert_string_equal(world->err.msg, "");
	kill(daemon_.pid, SIGSTOP);
	ask(world, 300);
	kill(daemon_.pid, SIGCONT);
	assert_int_equal(world->err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(world->err.msg, "no answer"));
	ask(world, 0);
	assert_string_equal(world->err.msg, "");
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

static bool is_up(void *arg)
{
	struct world *world = arg;

	return world->ups == world->downs + 1;
}

static bool is_down(void *arg)
{
	return ((struct world *)arg)->downs == 1;
}

static void a_daemon_that_dies_is_followed_again(void **state)
{
	static const struct docker_event_handlers handlers = { on_up, on_down, on_event };
	struct world *world = *state;

	if (!have_daemon)
		skip();
	use_ssh();
	world->docker = docker_at(world, "ssh://node-1", NULL);
	world->events = docker_events_start(world->docker, &handlers, world);
	assert_true(run_until_true(world->loop, is_up, world));
	real_docker_kill(&daemon_);
	assert_true(run_until_true(world->loop, is_down, world));
	gather(world);
	assert_false(world->view->complete);
	assert_true(world->view->unreachable);
	real_docker_again(&daemon_);
	assert_true(run_until_true(world->loop, is_up, world));
	gather(world);
	drop_ssh();
	assert_string_equal(world->view->problem, "");
	assert_int_equal(world->ups, 2);
}

int main(void)
{
#define CASE(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		CASE(the_socket_answers_completely),
		CASE(certificates_of_its_ca_open_the_port),
		CASE(another_ca_is_refused_and_nothing_is_asked),
		CASE(without_certificates_the_port_does_not_answer),
		CASE(ssh_and_dial_stdio_answer_completely),
		CASE(a_daemon_that_hangs_is_no_answer_and_comes_back),
		CASE(a_daemon_that_dies_is_followed_again),
	};
	int failed;

	have_daemon = real_docker_start(&daemon_);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (have_daemon)
		real_docker_stop(&daemon_);
	return failed;
}
