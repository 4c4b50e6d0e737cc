/* flatten -> stage -> nginx -t -> remove the staged file -> put the places right -> report. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/loop/loop.h"
#include "binnacle/nginx/control.h"
#include "control_private.h"

struct nginx_check {
	struct nginx_control *control;
	struct nginx_check *next;
	struct conf_flat flat;
	struct conf_fault fault;
	struct err err; /* why it cannot be made; code ERR_NONE when it can */
	char *staged, *staged_seen;
	struct command command;
	struct loop_deferred *deferred; /* for what is known at once */
	bool completing;
	int64_t started_ms;
	nginx_check_fn *done;
	void *arg;
};

static void unlink_staged(struct nginx_check *check)
{
	if (check->staged)
		unlink(check->staged);
	free(check->staged);
	check->staged = NULL;
}

static void forget(struct nginx_check *check)
{
	struct nginx_check **link = &check->control->checks;

	while (*link != check)
		link = &(*link)->next;
	*link = check->next;
}

static void check_free(struct nginx_check *check)
{
	nginx_command_cancel(&check->command);
	loop_deferred_cancel(&check->deferred);
	unlink_staged(check);
	free(check->staged_seen);
	conf_flat_release(&check->flat);
	conf_fault_release(&check->fault);
	free(check);
}

void check_end(struct nginx_check *check)
{
	forget(check);
	check_free(check);
}

static void report(struct nginx_check *check, const struct nginx_check_result *result,
		   const struct err *err)
{
	/* `done` may free the control. */
	forget(check);
	check->completing = true;
	unlink_staged(check);
	check->done(check->arg, result, err);
	check_free(check);
}

static void on_known(void *arg)
{
	struct nginx_check *check = arg;
	struct nginx_check_result result = { 0 };

	check->deferred = NULL;
	if (!check->fault.file) {
		report(check, NULL, &check->err);
		return;
	}
	result.message = result.output = check->err.msg;
	result.file = check->fault.file;
	result.line = check->fault.line;
	result.took_ms = clock_mono_ms() - check->started_ms;
	result.used = check->flat.used;
	report(check, &result, NULL);
}

static void on_judged(void *arg, int exit_code, const struct strbuf *output, const struct err *err)
{
	struct nginx_check *check = arg;
	struct complaint complaint;
	struct nginx_check_result result = { .ok = exit_code == 0 };

	if (err) {
		report(check, NULL, err);
		return;
	}
	complaint_read(&complaint, check->control, output, &check->flat, check->staged_seen);
	if (result.ok) {
		result.message = result.file = "";
	} else {
		if (!complaint.message.len)
			strbuf_addf(&complaint.message, "nginx -t ended with %d and said nothing",
				    exit_code);
		result.message = complaint.message.buf;
		result.file = complaint.file ? complaint.file : "";
		result.line = complaint.line;
	}
	result.output = complaint.output.buf;
	result.took_ms = clock_mono_ms() - check->started_ms;
	result.used = check->flat.used;
	report(check, &result, NULL);
	complaint_release(&complaint);
}

/* Beside nginx.conf, owned like it, and no more readable than its least readable part. */
static bool stage(struct nginx_check *check)
{
	struct nginx_control *control = check->control;
	struct file_mode mode = { .mode = check->flat.mode };
	struct stat st;
	char name[64];

	snprintf(name, sizeof(name), ".binnacle-check-%ld-%u.conf", (long)getpid(),
		 ++control->staged_count);
	if (geteuid() == 0 && stat(control->path, &st) == 0) {
		mode.own = true;
		mode.uid = st.st_uid;
		mode.gid = st.st_gid;
	}
	check->staged_seen = xasprintf("%s/%s", control->folder_seen, name);
	check->staged = xasprintf("%s/%s", control->folder, name);
	return file_replace(check->staged, check->flat.text.buf, check->flat.text.len, &mode,
			    &check->err);
}

struct nginx_check *nginx_check_start(struct nginx_control *control,
				      const struct conf_pending *pending, size_t count,
				      nginx_check_fn *done, void *arg)
{
	struct nginx_check *check = xcalloc(1, sizeof(*check));
	struct conf_files files = control_files(control);
	const char *argv[8];

	check->control = control;
	check->next = control->checks;
	control->checks = check;
	check->flat = (struct conf_flat)CONF_FLAT_INIT;
	check->started_ms = clock_mono_ms();
	check->done = done;
	check->arg = arg;
	if (!conf_flatten(&check->flat, &files, control->path, pending, count, &check->fault,
			  &check->err) ||
	    !stage(check)) {
		check->deferred = loop_defer(control->loop, on_known, check);
		return check;
	}
	control_argv(control, argv, check->staged_seen, "-t", NULL);
	nginx_command_start(&check->command, control, argv, control->check_timeout_ms, on_judged,
			    check);
	return check;
}

void nginx_check_cancel(struct nginx_check **check)
{
	if (*check && !(*check)->completing)
		check_end(*check);
	*check = NULL;
}
