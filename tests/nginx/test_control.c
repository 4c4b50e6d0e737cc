/* Against the real nginx, with a prefix of its own and no port: it listens on a Unix socket. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/child.h"
#include "binnacle/loop/loop.h"
#include "binnacle/nginx/control.h"

static const char nginx_conf[] =
	"pid %s/nginx.pid;\n"
	"error_log %s/error.log;\n"
	"worker_processes 2;\n"
	"events { worker_connections 64; }\n"
	"http {\n"
	"  access_log off;\n"
	"  client_body_temp_path %s/tmp; proxy_temp_path %s/tmp; fastcgi_temp_path %s/tmp;\n"
	"  uwsgi_temp_path %s/tmp; scgi_temp_path %s/tmp;\n"
	"  include conf.d/*.conf;\n"
	"}\n";

static const char app_conf[] = "server {\n  listen unix:%s/nginx.sock;\n  return 200 one;\n}\n";

struct place {
	char folder[64];
	struct loop *loop;
	struct nginx_control *control;
	pid_t master; /* our child; 0: none */
	bool done;
	bool ok, began;
	struct err err;
	enum nginx_outcome steps[NGINX_STEP_COUNT];
	char *message, *file;
	unsigned line, new_workers;
};

static char *path_of(const struct place *place, const char *name)
{
	return xasprintf("%s/%s", place->folder, name);
}

/* Write a file; each %s in `text` is the folder. */
static void put(const struct place *place, const char *name, const char *text)
{
	char *path = path_of(place, name);
	char *folder = file_dirname(path);
	struct strbuf out = STRBUF_INIT;
	struct err err;

	for (const char *c = text; *c; c++)
		if (c[0] == '%' && c[1] == 's') {
			strbuf_addstr(&out, place->folder);
			c++;
		} else {
			strbuf_addch(&out, *c);
		}
	assert_true(file_mkdirs(folder, 0755, &err));
	if (!file_replace(path, out.buf, out.len, NULL, &err))
		fail_msg("%s", err.msg);
	strbuf_release(&out);
	free(folder);
	free(path);
}

static char *slurp(const struct place *place, const char *name)
{
	struct strbuf text = STRBUF_INIT;
	char *path = path_of(place, name);
	struct err err;

	(void)!file_read(path, 65536, &text, &err);
	free(path);
	return strbuf_detach(&text, NULL);
}

static void nap(void)
{
	nanosleep(&(struct timespec){ .tv_nsec = 10000000 }, NULL);
}

static int set_up(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));
	struct err err;

	snprintf(place->folder, sizeof(place->folder), "/tmp/binnacle-nginx-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	/* Workers run as somebody else when this is run by root. */
	assert_int_equal(chmod(place->folder, 0755), 0);
	put(place, "nginx.conf", nginx_conf);
	put(place, "conf.d/app.conf", app_conf);
	place->loop = loop_new();
	place->control = nginx_control_new(place->loop,
					   &(struct nginx_spec){ .name = "test",
								 .folder = place->folder,
								 .prefix = place->folder },
					   &err);
	assert_non_null(place->control);
	*state = place;
	return 0;
}

static int64_t pid_in_file(const struct place *place)
{
	char *text = slurp(place, "nginx.pid");
	int64_t pid = strtoll(text, NULL, 10);

	free(text);
	return pid;
}

/* A master in the foreground, as a child of ours. */
static void start_master(struct place *place)
{
	char *conf = path_of(place, "nginx.conf");

	place->master = fork();
	assert_true(place->master >= 0);
	if (place->master == 0) {
		execlp("nginx", "nginx", "-p", place->folder, "-c", conf, "-g", "daemon off;",
		       (char *)NULL);
		execl("/usr/sbin/nginx", "nginx", "-p", place->folder, "-c", conf, "-g",
		      "daemon off;", (char *)NULL);
		_exit(127);
	}
	free(conf);
	for (int i = 0; i < 500 && pid_in_file(place) != place->master; i++)
		nap();
	assert_int_equal(pid_in_file(place), place->master);
}

static void stop_master(struct place *place)
{
	if (!place->master)
		return;
	kill(place->master, SIGTERM);
	waitpid(place->master, NULL, 0);
	place->master = 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	int64_t pid = pid_in_file(place);
	char *command = xasprintf("rm -rf '%s'", place->folder);

	nginx_control_free(place->control);
	loop_free(place->loop);
	if (place->master)
		stop_master(place);
	else if (pid > 1 && kill((pid_t)pid, SIGTERM) == 0)
		for (int i = 0; i < 500 && kill((pid_t)pid, 0) == 0; i++)
			nap(); /* a daemon: not our child */
	assert_int_equal(system(command), 0);
	free(command);
	free(place->message);
	free(place->file);
	free(place);
	return 0;
}

static void wait_until_done(struct place *place)
{
	int64_t until = clock_mono_ms() + 30000;

	while (!place->done && clock_mono_ms() < until)
		loop_turn(place->loop, 100);
	assert_true(place->done);
}

static void on_checked(void *arg, const struct nginx_check_result *result, const struct err *err)
{
	struct place *place = arg;

	assert_false(place->done);
	place->done = true;
	place->ok = result && result->ok;
	if (err)
		place->err = *err;
	free(place->message);
	free(place->file);
	place->message = xstrdup(result ? result->message : err->msg);
	place->file = xstrdup(result ? result->file : "");
	place->line = result ? result->line : 0;
}

static void check(struct place *place, const char *name, const char *text)
{
	char *path = path_of(place, name);
	struct conf_pending pending = { .path = path, .text = text, .len = strlen(text) };

	place->done = false;
	assert_non_null(nginx_check_start(place->control, &pending, 1, on_checked, place));
	assert_false(place->done);
	wait_until_done(place);
	free(path);
}

static void on_reloaded(void *arg, const struct nginx_reload_result *result)
{
	struct place *place = arg;

	assert_false(place->done);
	place->done = true;
	place->ok = result->ok;
	place->began = result->began;
	place->new_workers = result->new_workers;
	memcpy(place->steps, result->steps, sizeof(place->steps));
	free(place->message);
	free(place->file);
	place->message = xstrdup(result->message);
	place->file = xstrdup(result->file);
	place->line = result->line;
}

static void reload(struct place *place)
{
	place->done = false;
	assert_non_null(nginx_reload_start(place->control, on_reloaded, place));
	assert_false(place->done);
	wait_until_done(place);
}

static void assert_no_staged_file(const struct place *place)
{
	char *command = xasprintf("test -z \"$(ls -A '%s' | grep binnacle-check)\"", place->folder);

	assert_int_equal(system(command), 0);
	free(command);
}

static void a_right_configuration_passes(void **state)
{
	struct place *place = *state;

	check(place, "conf.d/app.conf", "# another\nserver { return 204; }\n");
	assert_string_equal(place->message, "");
	assert_true(place->ok);
	assert_no_staged_file(place);
}

static void a_wrong_pending_text_is_reported_at_its_own_file_and_line(void **state)
{
	struct place *place = *state;
	char *before = slurp(place, "conf.d/app.conf"), *after;

	check(place, "conf.d/app.conf", "upstream web {\n  server 10.0.0.1:80;\n  nonsense;\n}\n");
	assert_false(place->ok);
	assert_true(text_ends_with(place->file, "/conf.d/app.conf"));
	assert_int_equal(place->line, 3);
	assert_non_null(strstr(place->message, "[emerg] unknown directive \"nonsense\" in "));
	assert_true(text_ends_with(place->message, "/conf.d/app.conf:3"));
	assert_no_staged_file(place);
	after = slurp(place, "conf.d/app.conf");
	assert_string_equal(before, after);
	free(before);
	free(after);
}

static void a_new_file_is_checked_before_it_exists(void **state)
{
	struct place *place = *state;
	char *path;

	check(place, "conf.d/new.conf", "\nserver {\n  bad;\n}\n");
	assert_false(place->ok);
	assert_true(text_ends_with(place->file, "/conf.d/new.conf"));
	assert_int_equal(place->line, 3);
	path = path_of(place, "conf.d/new.conf");
	assert_false(file_exists(path));
	free(path);
}

static void an_unbalanced_text_is_the_fault_of_its_file(void **state)
{
	struct place *place = *state;

	check(place, "conf.d/app.conf", "server {\n  return 204;\n");
	assert_false(place->ok);
	assert_true(text_ends_with(place->file, "/conf.d/app.conf"));
	assert_int_equal(place->line, 3);
}

static void a_missing_program_is_an_error_and_not_a_verdict(void **state)
{
	struct place *place = *state;
	struct err err;
	struct nginx_control *control = nginx_control_new(
		place->loop,
		&(struct nginx_spec){ .folder = place->folder, .binary = "/nonexistent/nginx" },
		&err);

	assert_non_null(nginx_check_start(control, NULL, 0, on_checked, place));
	wait_until_done(place);
	assert_false(place->ok);
	assert_int_equal(place->err.code, ERR_NOT_FOUND);
	assert_no_staged_file(place);
	nginx_control_free(control);
}

static void a_canceled_check_leaves_nothing(void **state)
{
	struct place *place = *state;
	struct nginx_check *canceled =
		nginx_check_start(place->control, NULL, 0, on_checked, place);

	nginx_check_cancel(&canceled);
	assert_null(canceled);
	for (int i = 0; i < 20; i++)
		loop_turn(place->loop, 10);
	assert_false(place->done);
	assert_no_staged_file(place);
	/* And with the control: it removes the file too. */
	nginx_check_start(place->control, NULL, 0, on_checked, place);
	nginx_control_free(place->control);
	place->control = NULL;
	assert_no_staged_file(place);
}

static void a_reload_is_verified_by_new_workers(void **state)
{
	struct place *place = *state;

	start_master(place);
	put(place, "conf.d/app.conf", "server { listen unix:%s/nginx.sock; return 200 two; }\n");
	reload(place);
	assert_true(place->ok);
	assert_true(text_starts_with(place->message, "reloaded, "));
	assert_true(place->new_workers >= 1);
	assert_int_equal(place->steps[NGINX_STEP_CHECK], NGINX_DONE);
	assert_int_equal(place->steps[NGINX_STEP_PID], NGINX_DONE);
	assert_int_equal(place->steps[NGINX_STEP_SIGNAL], NGINX_DONE);
	assert_int_equal(place->steps[NGINX_STEP_START], NGINX_NOT_DONE);
	assert_int_equal(place->steps[NGINX_STEP_VERIFY], NGINX_DONE);
	assert_int_equal(pid_in_file(place), place->master);
}

static void a_broken_live_file_stops_a_reload_before_nginx_is_touched(void **state)
{
	struct place *place = *state;

	start_master(place);
	put(place, "conf.d/app.conf", "server {\n\n\n  broken;\n}\n");
	reload(place);
	assert_false(place->ok);
	assert_false(place->began);
	assert_int_equal(place->steps[NGINX_STEP_CHECK], NGINX_FAILED);
	assert_int_equal(place->steps[NGINX_STEP_SIGNAL], NGINX_NOT_DONE);
	assert_true(text_ends_with(place->file, "/conf.d/app.conf"));
	assert_int_equal(place->line, 4);
	assert_int_equal(kill(place->master, 0), 0);
}

static void an_nginx_that_does_not_run_is_started(void **state)
{
	struct place *place = *state;

	reload(place); /* no pid file at all: nginx -t makes an empty one */
	assert_true(place->ok);
	assert_true(text_starts_with(place->message, "started, "));
	assert_int_equal(place->steps[NGINX_STEP_PID], NGINX_FAILED);
	assert_int_equal(place->steps[NGINX_STEP_SIGNAL], NGINX_NOT_DONE);
	assert_int_equal(place->steps[NGINX_STEP_START], NGINX_DONE);
	assert_int_equal(place->steps[NGINX_STEP_VERIFY], NGINX_DONE);
	assert_true(pid_in_file(place) > 1);
}

static void a_pid_of_a_stranger_is_not_signaled(void **state)
{
	struct place *place = *state;
	char text[32];

	/* SIGHUP would end this test. */
	snprintf(text, sizeof(text), "%ld\n", (long)getpid());
	put(place, "nginx.pid", text);
	reload(place);
	assert_true(place->ok);
	assert_int_equal(place->steps[NGINX_STEP_START], NGINX_DONE);
	assert_int_not_equal(pid_in_file(place), getpid());
}

static void a_supervised_nginx_is_left_to_its_supervisor(void **state)
{
	struct place *place = *state;
	char *conf = xasprintf("daemon off;\n%s", nginx_conf);

	put(place, "nginx.conf", conf);
	free(conf);
	reload(place);
	assert_false(place->ok);
	assert_false(place->began);
	assert_non_null(strstr(place->message, "supervisor"));
}

/* The other kind: programs run through an exec, the folder seen under another path. */
static struct loop *exec_loop;

struct run {
	struct child *child;
	nginx_exec_fn *done;
	void *arg;
};

static void on_run(void *arg, const struct child_result *result)
{
	struct run *run = arg;

	run->done(run->arg, result->exit_code, result->output, NULL);
	free(run);
}

static void *exec_start(void *arg, const char *const *argv, int64_t timeout_ms, nginx_exec_fn *done,
			void *done_arg)
{
	struct run *run = xcalloc(1, sizeof(*run));
	struct err err;

	(void)arg;
	run->done = done;
	run->arg = done_arg;
	run->child =
		child_run(exec_loop, &(struct child_spec){ .argv = argv, .timeout_ms = timeout_ms },
			  on_run, run, &err);
	assert_non_null(run->child);
	return run;
}

static void exec_cancel(void *handle)
{
	struct run *run = handle;

	child_cancel(&run->child);
	free(run);
}

static void an_nginx_elsewhere_is_checked_started_and_reloaded(void **state)
{
	struct place *place = *state;
	char *seen = xasprintf("%s-seen", place->folder);
	struct nginx_exec exec = { .start = exec_start, .cancel = exec_cancel };
	struct nginx_spec spec = { .folder = place->folder,
				   .seen_as = seen,
				   .binary = "/usr/sbin/nginx",
				   .prefix = seen,
				   .exec = &exec };
	struct err err;

	exec_loop = place->loop;
	assert_int_equal(symlink(place->folder, seen), 0);
	nginx_control_free(place->control);
	place->control = nginx_control_new(place->loop, &spec, &err);
	check(place, "conf.d/app.conf", "\nserver { bad; }\n");
	assert_false(place->ok);
	assert_true(text_starts_with(place->file, place->folder));
	assert_true(text_ends_with(place->file, "/conf.d/app.conf"));
	assert_false(text_starts_with(place->file, seen));
	assert_int_equal(place->line, 2);
	reload(place);
	assert_true(place->ok);
	assert_int_equal(place->steps[NGINX_STEP_START], NGINX_DONE);
	reload(place);
	assert_true(place->ok);
	assert_int_equal(place->steps[NGINX_STEP_START], NGINX_NOT_DONE);
	assert_int_equal(place->steps[NGINX_STEP_SIGNAL], NGINX_DONE);
	assert_true(place->new_workers >= 1);
	unlink(seen);
	free(seen);
}

static void a_canceled_reload_is_not_heard_of(void **state)
{
	struct place *place = *state;
	struct nginx_reload *first, *second;

	start_master(place);
	first = nginx_reload_start(place->control, on_reloaded, place);
	second = nginx_reload_start(place->control, on_reloaded, place);
	for (int i = 0; i < 3; i++)
		loop_turn(place->loop, 10);
	nginx_reload_cancel(&first);
	assert_null(first);
	assert_false(place->done);
	wait_until_done(place); /* the second one, whose turn it is now */
	assert_true(place->ok);
	second = nginx_reload_start(place->control, on_reloaded, place);
	assert_non_null(second);
}

static unsigned finished;

static void on_one_of_two(void *arg, const struct nginx_reload_result *result)
{
	(void)arg;
	assert_true(result->ok);
	finished++;
}

static void reloads_of_one_nginx_wait_for_each_other(void **state)
{
	struct place *place = *state;
	int64_t until = clock_mono_ms() + 30000;

	start_master(place);
	finished = 0;
	nginx_reload_start(place->control, on_one_of_two, place);
	nginx_reload_start(place->control, on_one_of_two, place);
	while (finished < 2 && clock_mono_ms() < until)
		loop_turn(place->loop, 100);
	assert_int_equal(finished, 2);
}

#define WITH_NGINX(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		WITH_NGINX(a_right_configuration_passes),
		WITH_NGINX(a_wrong_pending_text_is_reported_at_its_own_file_and_line),
		WITH_NGINX(a_new_file_is_checked_before_it_exists),
		WITH_NGINX(an_unbalanced_text_is_the_fault_of_its_file),
		WITH_NGINX(a_missing_program_is_an_error_and_not_a_verdict),
		WITH_NGINX(a_canceled_check_leaves_nothing),
		WITH_NGINX(a_reload_is_verified_by_new_workers),
		WITH_NGINX(a_broken_live_file_stops_a_reload_before_nginx_is_touched),
		WITH_NGINX(an_nginx_that_does_not_run_is_started),
		WITH_NGINX(a_pid_of_a_stranger_is_not_signaled),
		WITH_NGINX(a_supervised_nginx_is_left_to_its_supervisor),
		WITH_NGINX(an_nginx_elsewhere_is_checked_started_and_reloaded),
		WITH_NGINX(a_canceled_reload_is_not_heard_of),
		WITH_NGINX(reloads_of_one_nginx_wait_for_each_other),
	};

	if (access("/usr/sbin/nginx", X_OK) != 0 && system("command -v nginx >/dev/null") != 0) {
		printf("nginx is not installed: skipped\n");
		return 0;
	}
	return cmocka_run_group_tests_name("nginx control", tests, NULL, NULL);
}
