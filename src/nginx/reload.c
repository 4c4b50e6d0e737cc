/*
 * One function enters each state, one answers what happens in it. See control.h for the
 * sequence; `begin_` functions start something, `on_` functions are its completion.
 */
#include <errno.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/loop.h"
#include "binnacle/nginx/control.h"
#include "control_private.h"
#include "process.h"

#define SHORT_TIMEOUT_MS  10000
#define LOOK_HOST_MS      50
#define LOOK_CONTAINER_MS 250
#define PID_FILE_LIMIT    64

enum reload_state {
	RELOAD_QUEUED,   /* another reload of this nginx runs */
	RELOAD_CHECK,    /* nginx -t on the live configuration */
	RELOAD_DEFAULTS, /* nginx -V: where the pid file is when the configuration does not say */
	RELOAD_PID,      /* read the pid file */
	RELOAD_BEFORE,   /* which workers are there now */
	RELOAD_SIGNAL,   /* nginx -s reload */
	RELOAD_REMOVE,   /* remove the pid file of a master that is gone */
	RELOAD_START,    /* nginx */
	RELOAD_LOOK,     /* look for new workers, again and again */
};

struct nginx_reload {
	struct nginx_control *control;
	struct nginx_reload *next;
	enum reload_state state;
	struct command command;
	struct loop_deferred *deferred;
	struct loop_timer *timer;
	bool completing;
	char *pid_path;     /* as nginx sees it */
	char *pid_relative; /* from the configuration, to be put behind the prefix */
	bool runs_in_foreground;
	int64_t master;
	bool signal_failed;
	struct process_list before;
	struct process seen_new; /* a new worker at the last look; pid 0: none */
	int64_t started_ms, verify_until_ms;
	struct strbuf message;
	struct nginx_reload_result result;
	char *file;
	nginx_reload_fn *done;
	void *arg;
};

static void begin_check(struct nginx_reload *reload);
static void begin_pid(struct nginx_reload *reload);
static void begin_look(struct nginx_reload *reload);

const char *nginx_step_name(enum nginx_step step)
{
	static const char *const names[] = { "check", "pid", "signal", "start", "verify" };

	_Static_assert(sizeof(names) / sizeof(names[0]) == NGINX_STEP_COUNT, "a name per step");
	return names[step];
}

static void on_turn(void *arg)
{
	struct nginx_reload *reload = arg;

	reload->deferred = NULL;
	begin_check(reload);
}

static void start_first(struct nginx_control *control)
{
	struct nginx_reload *reload = control->reloads;

	if (!reload || reload->state != RELOAD_QUEUED)
		return;
	reload->state = RELOAD_CHECK;
	reload->deferred = loop_defer(control->loop, on_turn, reload);
}

static void forget(struct nginx_reload *reload)
{
	struct nginx_reload **link = &reload->control->reloads;

	while (*link != reload)
		link = &(*link)->next;
	*link = reload->next;
	start_first(reload->control);
}

static void reload_free(struct nginx_reload *reload)
{
	nginx_command_cancel(&reload->command);
	loop_deferred_cancel(&reload->deferred);
	loop_timer_stop(&reload->timer);
	process_list_release(&reload->before);
	strbuf_release(&reload->message);
	free(reload->pid_path);
	free(reload->pid_relative);
	free(reload->file);
	free(reload);
}

void reload_end(struct nginx_reload *reload)
{
	forget(reload);
	reload_free(reload);
}

static void finish(struct nginx_reload *reload)
{
	reload->result.message = reload->message.buf;
	reload->result.file = reload->file ? reload->file : "";
	reload->result.took_ms = clock_mono_ms() - reload->started_ms;
	/* `done` may free the control. */
	forget(reload);
	reload->completing = true;
	reload->done(reload->arg, &reload->result);
	reload_free(reload);
}

static void fail(struct nginx_reload *reload, enum nginx_step step, const char *fmt, ...)
	PRINTF_LIKE(3, 4);

static void fail(struct nginx_reload *reload, enum nginx_step step, const char *fmt, ...)
{
	va_list args;

	strbuf_reset(&reload->message);
	va_start(args, fmt);
	strbuf_vaddf(&reload->message, fmt, args);
	va_end(args);
	reload->result.steps[step] = NGINX_FAILED;
	finish(reload);
}

/* What nginx complained about, as the message of a failed step. */
static void fail_with_output(struct nginx_reload *reload, enum nginx_step step, int exit_code,
			     const struct strbuf *output)
{
	struct complaint complaint;

	complaint_read(&complaint, reload->control, output, NULL, NULL);
	reload->file = complaint.file;
	complaint.file = NULL;
	reload->result.line = complaint.line;
	if (complaint.message.len)
		fail(reload, step, "%s", complaint.message.buf);
	else
		fail(reload, step, "nginx ended with %d and said nothing", exit_code);
	complaint_release(&complaint);
}

static char *under_prefix(const char *prefix, const char *path)
{
	size_t len = strlen(prefix);

	return path[0] == '/' ? xstrdup(path)
			      : xasprintf("%s%s%s", prefix,
					  len && prefix[len - 1] == '/' ? "" : "/", path);
}

/* The value of one of nginx's configure arguments; NULL: not given. The caller frees. */
static char *configure_argument(const struct strbuf *output, const char *name)
{
	const char *found = strstr(output->buf, name);

	if (!found)
		return NULL;
	found += strlen(name);
	return xstrndup(found, strcspn(found, " \n"));
}

static void on_defaults(void *arg, int exit_code, const struct strbuf *output,
			const struct err *err)
{
	struct nginx_reload *reload = arg;
	char *prefix, *pid;

	if (err || exit_code != 0) {
		fail(reload, NGINX_STEP_PID, "where nginx keeps its pid file is unknown: %s",
		     err ? err->msg : "nginx -V failed");
		return;
	}
	prefix = reload->control->prefix ? xstrdup(reload->control->prefix)
					 : configure_argument(output, "--prefix=");
	pid = reload->pid_relative ? xstrdup(reload->pid_relative)
				   : configure_argument(output, "--pid-path=");
	reload->pid_path =
		under_prefix(prefix ? prefix : "/usr/local/nginx", pid ? pid : "logs/nginx.pid");
	free(prefix);
	free(pid);
	begin_pid(reload);
}

/* What the configuration says about the pid file and the foreground. */
static bool read_conf(struct nginx_reload *reload)
{
	struct conf_flat flat = CONF_FLAT_INIT;
	struct conf_fault fault = { 0 };
	struct conf_tree *tree = NULL;
	const struct conf_directive *found;
	struct err err;

	if (!nginx_control_flatten(reload->control, &flat, &fault, &err) ||
	    !(tree = conf_parse(&flat, &fault))) {
		strbuf_reset(&reload->message);
		strbuf_addstr(&reload->message, fault.file ? fault.message : err.msg);
		conf_fault_release(&fault);
		conf_flat_release(&flat);
		return false;
	}
	found = conf_find(tree->first, "pid");
	if (found && found->count == 2) {
		const char *path = found->words[1];

		if (path[0] == '/' || reload->control->prefix)
			reload->pid_path = under_prefix(
				reload->control->prefix ? reload->control->prefix : "", path);
		else
			reload->pid_relative = xstrdup(path);
	}
	found = conf_find(tree->first, "daemon");
	reload->runs_in_foreground =
		found && found->count == 2 && strcmp(found->words[1], "off") == 0;
	conf_tree_free(tree);
	conf_flat_release(&flat);
	return true;
}

static void on_checked(void *arg, int exit_code, const struct strbuf *output, const struct err *err)
{
	struct nginx_reload *reload = arg;
	const char *argv[] = { reload->control->binary, "-V", NULL };

	if (err) {
		fail(reload, NGINX_STEP_CHECK, "%s", err->msg);
		return;
	}
	if (exit_code != 0) {
		fail_with_output(reload, NGINX_STEP_CHECK, exit_code, output);
		return;
	}
	reload->result.steps[NGINX_STEP_CHECK] = NGINX_DONE;
	if (!read_conf(reload)) {
		char *message = strbuf_detach(&reload->message, NULL);

		fail(reload, NGINX_STEP_PID, "%s", message);
		free(message);
		return;
	}
	if (reload->pid_path) {
		begin_pid(reload);
		return;
	}
	reload->state = RELOAD_DEFAULTS;
	nginx_command_start(&reload->command, reload->control, argv, SHORT_TIMEOUT_MS, on_defaults,
			    reload);
}

static void begin_check(struct nginx_reload *reload)
{
	struct nginx_control *control = reload->control;
	const char *argv[8];

	reload->state = RELOAD_CHECK;
	control_argv(control, argv, control->path_seen, "-t", NULL);
	nginx_command_start(&reload->command, control, argv, control->check_timeout_ms, on_checked,
			    reload);
}

/* List the processes where nginx lives; `done` as of any command. */
static void begin_list(struct nginx_reload *reload, nginx_exec_fn *done)
{
	static const char *const argv[] = { "sh", "-c", process_script, NULL };
	struct strbuf text = STRBUF_INIT;

	if (reload->control->is_elsewhere) {
		nginx_command_start(&reload->command, reload->control, argv, SHORT_TIMEOUT_MS, done,
				    reload);
		return;
	}
	process_print_host(&text);
	done(reload, 0, &text, NULL);
	strbuf_release(&text);
}

static void begin_verify(struct nginx_reload *reload)
{
	reload->verify_until_ms = clock_mono_ms() + reload->control->verify_timeout_ms;
	reload->seen_new = (struct process){ 0 };
	begin_look(reload);
}

static void on_started(void *arg, int exit_code, const struct strbuf *output, const struct err *err)
{
	struct nginx_reload *reload = arg;

	if (err) {
		fail(reload, NGINX_STEP_START, "%s", err->msg);
		return;
	}
	if (exit_code != 0) {
		fail_with_output(reload, NGINX_STEP_START, exit_code, output);
		return;
	}
	reload->result.steps[NGINX_STEP_START] = NGINX_DONE;
	reload->master = 0; /* in the pid file that it has written */
	process_list_release(&reload->before);
	begin_verify(reload);
}

static void begin_start(struct nginx_reload *reload)
{
	struct nginx_control *control = reload->control;
	const char *argv[8];

	reload->state = RELOAD_START;
	reload->result.began = true;
	control_argv(control, argv, control->path_seen, NULL, NULL);
	nginx_command_start(&reload->command, control, argv, control->check_timeout_ms, on_started,
			    reload);
}

static void on_removed(void *arg, int exit_code, const struct strbuf *output, const struct err *err)
{
	struct nginx_reload *reload = arg;

	(void)output;
	if (err || exit_code != 0)
		fail(reload, NGINX_STEP_START, "cannot remove the pid file %s: %s",
		     reload->pid_path, err ? err->msg : "rm failed");
	else
		begin_start(reload);
}

/* Nobody runs by this pid file. */
static void begin_remove(struct nginx_reload *reload)
{
	const char *argv[] = { "rm", "-f", reload->pid_path, NULL };

	if (reload->runs_in_foreground) {
		fail(reload, NGINX_STEP_START,
		     "nginx does not run, and with \"daemon off\" it is for its supervisor to "
		     "start it");
		return;
	}
	reload->state = RELOAD_REMOVE;
	if (reload->control->is_elsewhere) {
		nginx_command_start(&reload->command, reload->control, argv, SHORT_TIMEOUT_MS,
				    on_removed, reload);
		return;
	}
	if (unlink(reload->pid_path) != 0 && errno != ENOENT)
		fail(reload, NGINX_STEP_START, "cannot remove the pid file %s: %s",
		     reload->pid_path, strerror(errno));
	else
		begin_start(reload);
}

static void on_signaled(void *arg, int exit_code, const struct strbuf *output,
			const struct err *err);

/* Is the process with this number an nginx, or a stranger that got the number later? */
static bool is_master(const struct nginx_reload *reload, const struct process *process)
{
	const char *name = file_basename(reload->control->binary);

	return process && (strcmp(process->name, "nginx") == 0 ||
			   strncmp(process->name, name, sizeof(process->name) - 1) == 0);
}

static void on_before(void *arg, int exit_code, const struct strbuf *output, const struct err *err)
{
	struct nginx_reload *reload = arg;
	struct nginx_control *control = reload->control;
	const char *argv[8];
	bool lives;

	(void)exit_code;
	if (err) {
		fail(reload, NGINX_STEP_PID, "the processes cannot be listed: %s", err->msg);
		return;
	}
	process_list_release(&reload->before);
	process_parse(&reload->before, output->buf, output->len);
	lives = is_master(reload, process_find(&reload->before, reload->master));
	if (reload->signal_failed && lives) {
		finish(reload); /* its message is that of the signal */
		return;
	}
	if (!lives) {
		if (!reload->signal_failed)
			reload->result.steps[NGINX_STEP_PID] = NGINX_FAILED;
		begin_remove(reload);
		return;
	}
	reload->result.steps[NGINX_STEP_PID] = NGINX_DONE;
	reload->state = RELOAD_SIGNAL;
	reload->result.began = true;
	control_argv(control, argv, control->path_seen, "-s", "reload");
	nginx_command_start(&reload->command, control, argv, control->check_timeout_ms, on_signaled,
			    reload);
}

static void begin_before(struct nginx_reload *reload)
{
	reload->state = RELOAD_BEFORE;
	begin_list(reload, on_before);
}

static void on_signaled(void *arg, int exit_code, const struct strbuf *output,
			const struct err *err)
{
	struct nginx_reload *reload = arg;
	struct complaint complaint;

	if (!err && exit_code == 0) {
		reload->result.steps[NGINX_STEP_SIGNAL] = NGINX_DONE;
		begin_verify(reload);
		return;
	}
	reload->result.steps[NGINX_STEP_SIGNAL] = NGINX_FAILED;
	reload->signal_failed = true;
	strbuf_reset(&reload->message);
	if (err) {
		strbuf_addstr(&reload->message, err->msg);
	} else {
		complaint_read(&complaint, reload->control, output, NULL, NULL);
		strbuf_addf(&reload->message, "nginx -s reload: %s", complaint.message.buf);
		complaint_release(&complaint);
	}
	begin_before(reload);
}

static bool parse_pid(const struct strbuf *text, int64_t *pid)
{
	char *digits = xstrndup(text->buf, strcspn(text->buf, "\r\n"));
	bool ok = text_parse_int(digits, 1, INT32_MAX, pid);

	free(digits);
	return ok;
}

static void on_look_pid(struct nginx_reload *reload);

static void on_pid(void *arg, int exit_code, const struct strbuf *output, const struct err *err)
{
	struct nginx_reload *reload = arg;
	bool looking = reload->state == RELOAD_LOOK;

	if (err && !looking) {
		fail(reload, NGINX_STEP_PID, "%s", err->msg);
		return;
	}
	if (err || exit_code != 0 || !parse_pid(output, &reload->master))
		reload->master = 0;
	if (looking) {
		on_look_pid(reload);
		return;
	}
	if (!reload->master) {
		reload->result.steps[NGINX_STEP_PID] = NGINX_FAILED;
		begin_remove(reload);
		return;
	}
	begin_before(reload);
}

static void read_pid(struct nginx_reload *reload)
{
	const char *argv[] = { "cat", reload->pid_path, NULL };
	struct strbuf text = STRBUF_INIT;
	struct err err;
	bool ok;

	if (reload->control->is_elsewhere) {
		nginx_command_start(&reload->command, reload->control, argv, SHORT_TIMEOUT_MS,
				    on_pid, reload);
		return;
	}
	ok = file_read(reload->pid_path, PID_FILE_LIMIT, &text, &err);
	if (!ok && err.code != ERR_NOT_FOUND)
		on_pid(reload, -1, NULL, &err);
	else
		on_pid(reload, ok ? 0 : 1, &text, NULL);
	strbuf_release(&text);
}

static void begin_pid(struct nginx_reload *reload)
{
	reload->state = RELOAD_PID;
	read_pid(reload);
}

static void on_look_again(void *arg)
{
	struct nginx_reload *reload = arg;

	reload->timer = NULL;
	begin_look(reload);
}

static void look_later(struct nginx_reload *reload)
{
	struct nginx_control *control = reload->control;
	bool started = reload->result.steps[NGINX_STEP_START] == NGINX_DONE;

	if (clock_mono_ms() >= reload->verify_until_ms) {
		fail(reload, NGINX_STEP_VERIFY,
		     started ? "nginx was started, but no worker of it appeared within %.1f s"
			     : "nginx kept its old workers for %.1f s: its error log says why",
		     (double)control->verify_timeout_ms / 1000);
		return;
	}
	reload->timer = loop_timer_start(control->loop,
					 control->is_elsewhere ? LOOK_CONTAINER_MS : LOOK_HOST_MS,
					 on_look_again, reload);
}

/* A new worker counts when it is still there at the next look: one that cannot work (no right to
 * become its user, say) ends at once. */
static void on_look(void *arg, int exit_code, const struct strbuf *output, const struct err *err)
{
	struct nginx_reload *reload = arg;
	struct nginx_reload_result *result = &reload->result;
	struct process_list now = { 0 };
	struct process fresh = { 0 };
	bool still_there = false;

	(void)exit_code;
	if (!err)
		process_parse(&now, output->buf, output->len);
	result->new_workers = result->draining_workers = 0;
	for (size_t i = 0; i < now.len; i++) {
		const struct process *process = &now.items[i];

		if (!process_is_worker_of(process, reload->master))
			continue;
		if (process_list_has(&reload->before, process)) {
			result->draining_workers++;
			continue;
		}
		result->new_workers++;
		fresh = *process;
	}
	still_there = reload->seen_new.pid && process_list_has(&now, &reload->seen_new) &&
		      result->new_workers;
	process_list_release(&now);
	if (still_there) {
		result->steps[NGINX_STEP_VERIFY] = NGINX_DONE;
		result->ok = true;
		strbuf_reset(&reload->message);
		strbuf_addf(&reload->message, "%s, %u new %s",
			    result->steps[NGINX_STEP_START] == NGINX_DONE ? "started" : "reloaded",
			    result->new_workers, result->new_workers == 1 ? "worker" : "workers");
		if (result->draining_workers)
			strbuf_addf(&reload->message, ", %u draining", result->draining_workers);
		finish(reload);
		return;
	}
	reload->seen_new = fresh;
	look_later(reload);
}

static void on_look_pid(struct nginx_reload *reload)
{
	if (reload->master)
		begin_list(reload, on_look);
	else
		look_later(reload);
}

static void begin_look(struct nginx_reload *reload)
{
	reload->state = RELOAD_LOOK;
	if (reload->master)
		begin_list(reload, on_look);
	else
		read_pid(reload);
}

struct nginx_reload *nginx_reload_start(struct nginx_control *control, nginx_reload_fn *done,
					void *arg)
{
	struct nginx_reload *reload = xcalloc(1, sizeof(*reload));
	struct nginx_reload **link = &control->reloads;

	reload->control = control;
	strbuf_init(&reload->message);
	reload->started_ms = clock_mono_ms();
	reload->done = done;
	reload->arg = arg;
	while (*link)
		link = &(*link)->next;
	*link = reload;
	start_first(control);
	return reload;
}

void nginx_reload_cancel(struct nginx_reload **reload)
{
	if (*reload && !(*reload)->completing)
		reload_end(*reload);
	*reload = NULL;
}
