/* An nginx in a container: what Docker is asked, and what is made of its answers. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/file.h"
#include "binnacle/base/text.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/render/container.h"
#include "support/peer.h"

struct scene {
	char folder[64];
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct docker *docker;
	struct nginx_control *control;
	unsigned execs;
	bool done, ok, failed;
	enum nginx_outcome steps[NGINX_STEP_COUNT];
	char *message, *file;
	unsigned line, new_workers, draining;
};

static void put(const struct scene *scene, const char *name, const char *text)
{
	char *path = xasprintf("%s/%s", scene->folder, name);
	struct err err;

	assert_true(file_replace(path, text, strlen(text), NULL, &err));
	free(path);
}

static int set_up(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	struct err err;

	snprintf(scene->folder, sizeof(scene->folder), "/tmp/binnacle-container-XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	put(scene, "nginx.conf", "pid /run/nginx.pid;\nevents { }\nhttp {\n include app;\n}\n");
	put(scene, "app", "# fine\n");
	scene->loop = loop_new();
	scene->http = http_new(scene->loop);
	scene->peer = peer_new(scene->loop);
	scene->docker = docker_new(
		scene->loop, scene->http,
		&(struct docker_config){ .name = "here", .host = peer_url(scene->peer) }, &err);
	assert_non_null(scene->docker);
	scene->control = container_nginx_new(scene->loop, scene->docker, "web",
					     &(struct nginx_spec){ .folder = scene->folder }, &err);
	assert_non_null(scene->control);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	char *command = xasprintf("rm -rf '%s'", scene->folder);

	nginx_control_free(scene->control);
	docker_free(scene->docker);
	peer_free(scene->peer);
	http_free(scene->http);
	loop_free(scene->loop);
	assert_int_equal(system(command), 0);
	free(command);
	free(scene->message);
	free(scene->file);
	free(scene);
	return 0;
}

/* The next exec prints this and ends with this. */
static void script_exec(struct scene *scene, const char *output, int exit_code)
{
	unsigned number = ++scene->execs;
	char *id = xasprintf("{\"Id\":\"e%u\"}", number);
	char *start = xasprintf("POST /exec/e%u/start", number);
	char *inspect = xasprintf("GET /exec/e%u/json", number);
	char *state = xasprintf("{\"Running\":false,\"ExitCode\":%d}", exit_code);
	size_t len = strlen(output);
	struct strbuf frame = STRBUF_INIT;

	strbuf_add(&frame, "\1\0\0\0\0\0", 6);
	strbuf_addch(&frame, (char)(len >> 8));
	strbuf_addch(&frame, (char)(len & 255));
	strbuf_add(&frame, output, len);
	peer_script(scene->peer, &(struct peer_reply){ .request = "POST /containers/web/exec",
						       .status = 201,
						       .body = id,
						       .times = 1 });
	peer_script(
		scene->peer,
		&(struct peer_reply){ .request = start, .body = frame.buf, .body_len = frame.len });
	peer_answer(scene->peer, inspect, 200, NULL, state);
	strbuf_release(&frame);
	free(id);
	free(start);
	free(inspect);
	free(state);
}

/* A process as the listing in the container shows it. */
static void add_process(struct strbuf *out, int pid, int parent, int started, const char *title)
{
	strbuf_addf(out, "%d (nginx) S %d 1 1 0 -1 0 0 0 0 0 0 0 0 0 20 0 1 0 %d 0 0\n%s \n", pid,
		    parent, started, title);
}

/* The body of the number-th exec holds these words. */
static void assert_ran(const struct scene *scene, unsigned number, const char *words)
{
	unsigned seen = 0;

	for (size_t i = 0; i < peer_request_count(scene->peer); i++) {
		const struct peer_request *request = peer_request(scene->peer, i);

		if (!text_ends_with(request->target, "/containers/web/exec") || ++seen != number)
			continue;
		if (!strstr(request->body, words))
			fail_msg("%s is not in %s", words, request->body);
		return;
	}
	fail_msg("there was no exec %u", number);
}

static void on_checked(void *arg, const struct nginx_check_result *result, const struct err *err)
{
	struct scene *scene = arg;

	scene->done = true;
	scene->failed = err;
	scene->ok = result && result->ok;
	scene->message = xstrdup(result ? result->message : err->msg);
	scene->file = xstrdup(result ? result->file : "");
	scene->line = result ? result->line : 0;
}

static void on_reloaded(void *arg, const struct nginx_reload_result *result)
{
	struct scene *scene = arg;

	scene->done = true;
	scene->ok = result->ok;
	memcpy(scene->steps, result->steps, sizeof(scene->steps));
	scene->message = xstrdup(result->message);
	scene->file = xstrdup(result->file);
	scene->line = result->line;
	scene->new_workers = result->new_workers;
	scene->draining = result->draining_workers;
}

static void a_reload_in_a_container_is_verified_there(void **state)
{
	struct scene *scene = *state;
	struct strbuf before = STRBUF_INIT, after = STRBUF_INIT;

	add_process(&before, 7, 1, 100, "nginx: master process nginx");
	add_process(&before, 8, 7, 110, "nginx: worker process");
	add_process(&after, 7, 1, 100, "nginx: master process nginx");
	add_process(&after, 8, 7, 110, "nginx: worker process is shutting down");
	add_process(&after, 9, 7, 200, "nginx: worker process");
	add_process(&after, 10, 7, 200, "nginx: cache manager process");
	script_exec(scene, "nginx: the configuration file is ok\n", 0);
	script_exec(scene, "7\n", 0);
	script_exec(scene, before.buf, 0);
	script_exec(scene, "", 0);
	script_exec(scene, before.buf, 0); /* not yet */
	script_exec(scene, after.buf, 0);
	script_exec(scene, after.buf, 0);
	nginx_reload_start(scene->control, on_reloaded, scene);
	assert_true(run_until(scene->loop, &scene->done));
	assert_string_equal(scene->message, "reloaded, 1 new worker, 1 draining");
	assert_true(scene->ok);
	assert_int_equal(scene->new_workers, 1);
	assert_int_equal(scene->steps[NGINX_STEP_START], NGINX_NOT_DONE);
	assert_ran(scene, 1, "[\"nginx\",\"-c\",\"/etc/nginx/nginx.conf\",\"-t\"]");
	assert_ran(scene, 2, "[\"cat\",\"/run/nginx.pid\"]");
	assert_ran(scene, 4, "\"-s\",\"reload\"]");
	strbuf_release(&before);
	strbuf_release(&after);
}

static void an_empty_pid_file_in_a_container_means_start(void **state)
{
	struct scene *scene = *state;
	struct strbuf after = STRBUF_INIT;

	add_process(&after, 30, 1, 100, "nginx: master process nginx");
	add_process(&after, 31, 30, 110, "nginx: worker process");
	script_exec(scene, "", 0);
	script_exec(scene, "", 0); /* cat: empty */
	script_exec(scene, "", 0); /* rm */
	script_exec(scene, "", 0); /* nginx */
	script_exec(scene, "30\n", 0);
	script_exec(scene, after.buf, 0);
	script_exec(scene, after.buf, 0);
	nginx_reload_start(scene->control, on_reloaded, scene);
	assert_true(run_until(scene->loop, &scene->done));
	assert_string_equal(scene->message, "started, 1 new worker");
	assert_ran(scene, 3, "[\"rm\",\"-f\",\"/run/nginx.pid\"]");
	assert_ran(scene, 4, "[\"nginx\",\"-c\",\"/etc/nginx/nginx.conf\"]");
	strbuf_release(&after);
}

static void a_complaint_of_a_container_names_the_file_of_this_host(void **state)
{
	struct scene *scene = *state;
	char *want;

	script_exec(scene,
		    "nginx: [warn] something in /etc/nginx/app:1\n"
		    "nginx: [emerg] unknown directive \"x\" in /etc/nginx/app:2\n"
		    "nginx: configuration file /etc/nginx/nginx.conf test failed\n",
		    1);
	nginx_reload_start(scene->control, on_reloaded, scene);
	assert_true(run_until(scene->loop, &scene->done));
	assert_false(scene->ok);
	want = xasprintf("[emerg] unknown directive \"x\" in %s/app:2", scene->folder);
	assert_string_equal(scene->message, want);
	assert_true(text_ends_with(scene->file, "/app"));
	assert_int_equal(scene->line, 2);
	free(want);
}

static void a_container_that_does_not_run_gives_no_verdict(void **state)
{
	struct scene *scene = *state;

	peer_answer(scene->peer, "POST /containers/web/exec", 409, NULL,
		    "{\"message\":\"Container web is not running\"}");
	nginx_check_start(scene->control, NULL, 0, on_checked, scene);
	assert_true(run_until(scene->loop, &scene->done));
	assert_true(scene->failed);
	assert_non_null(strstr(scene->message, "not running"));
	/* And one that is given up leaves nothing behind. */
	peer_hold(scene->peer);
	nginx_check_start(scene->control, NULL, 0, on_checked, scene);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCENE(a_reload_in_a_container_is_verified_there),
		IN_SCENE(an_empty_pid_file_in_a_container_means_start),
		IN_SCENE(a_complaint_of_a_container_names_the_file_of_this_host),
		IN_SCENE(a_container_that_does_not_run_gives_no_verdict),
	};

	return cmocka_run_group_tests_name("nginx in a container", tests, NULL, NULL);
}
