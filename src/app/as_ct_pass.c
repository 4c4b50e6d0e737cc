/*
 * One pass, in the original's order: first every file that is due, then the commands, then the
 * supervised program.
 *
 * The original executes and compares all templates again whenever any answer comes. Here only those
 * are executed whose answers have changed; but all whose texts are known are compared with their
 * files, so that a file that somebody else changed, or that two templates write, ends up the same.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/log.h"
#include "binnacle/loop/loop.h"
#include "as_ct_dedup.h"
#include "as_ct_exec.h"
#include "as_ct_launch.h"
#include "as_ct_log.h"
#include "as_ct_run.h"
#include "as_ct_run_private.h"
#include "as_ct_write.h"

#define GRACE_MS 120000 /* after Consul was away */

static void run_command(void *arg);

/* ---- commands ---- */

static void finish_pass(struct ct_run *run)
{
	bool all = true, commands_ran = run->command_count != 0;

	run->command_count = run->command_index = 0;
	if (run->command_failed) {
		ct_end(run, CT_STATUS_RUNNER);
		return;
	}
	for (size_t i = 0; i < run->count; i++)
		all &= run->items[i].rendered;
	if (run->supervisor && all && !ct_supervisor_is_started(run->supervisor)) {
		ct_supervisor_start(run->supervisor);
	} else if (run->supervisor && run->wrote) {
		ct_supervisor_reload(run->supervisor);
	} else if (!run->supervisor && all && run->config->once) {
		log_info("runner", "once mode and all templates rendered");
		ct_end(run, CT_STATUS_OK);
	}
	run->wrote = false;
	if (commands_ran)
		ct_schedule(run); /* what came while they ran */
}

static void command_failed(struct ct_run *run, const char *why)
{
	const struct ct_item *item = &run->items[run->commands[run->command_index]];
	char *message = xasprintf("failed to execute command \"%s\" from %s: %s",
				  item->template->exec.command, item->display, why);

	ct_log_fatal(message);
	free(message);
	run->command_failed = true;
}

/* It has run for all that were waiting for it. */
static void settle(struct ct_run *run, const char *command)
{
	for (size_t i = 0; i < run->count; i++) {
		struct ct_item *item = &run->items[i];

		if (!item->owes || strcmp(item->template->exec.command, command) != 0)
			continue;
		item->owes = false;
		ct_settle(run->config, item->template);
	}
}

static void on_command(void *arg, const struct child_result *result, const struct err *err)
{
	struct ct_run *run = arg;
	const struct ct_item *item = &run->items[run->commands[run->command_index]];
	const struct ct_exec *exec = &item->template->exec;
	char *why = NULL, limit[CT_DURATION_BYTES];

	run->command = NULL;
	if (err)
		why = xstrdup(err->msg);
	else if (result->timed_out)
		why = xasprintf("child: command did not exit within \"%s\":\n\n    %s\n\n"
				"Please ensure the command exits in a timely manner.",
				ct_log_duration(exec->timeout_ms, limit), exec->command);
	else if (result->exit_code)
		why = xasprintf(
			"child: command exited with a non-zero exit status: %d\n\n    %s\n\n"
			"This is assumed to be a failure. Please ensure the command\n"
			"exits with a zero exit status.",
			result->exit_code, exec->command);
	if (why)
		command_failed(run, why);
	else
		settle(run, exec->command);
	free(why);
	run->command_index++;
	run->next_command = loop_defer(run->loop, run_command, run);
}

static void run_command(void *arg)
{
	struct ct_run *run = arg;
	const struct ct_item *item;

	run->next_command = NULL;
	if (run->ending)
		return;
	if (run->command_index >= run->command_count) {
		finish_pass(run);
		return;
	}
	item = &run->items[run->commands[run->command_index]];
	log_info("runner", "executing command \"%s\" from %s", item->template->exec.command,
		 item->display);
	run->command = ct_launch_start(run->loop, run->config, &item->template->exec,
				       CT_LAUNCH_LIMITED, on_command, run);
}

/* The same text of several templates runs once, in the place of the first. */
static void collect_command(struct ct_run *run, size_t index)
{
	const char *command = run->items[index].template->exec.command;

	run->items[index].owes = command != NULL;
	for (size_t i = 0; command && i < run->command_count; i++)
		if (strcmp(run->items[run->commands[i]].template->exec.command, command) == 0)
			return;
	if (command)
		run->commands[run->command_count++] = index;
}

/* ---- rendering ---- */

static void print_dry(struct ct_run *run, size_t index)
{
	struct ct_item *item = &run->items[index];
	const struct strbuf *text = render_pending_text(run->runner, index);
	const char *sha256 = render_status(run->runner, index)->pending_sha256;
	const char *destination = item->template->destination;

	if (strcmp(item->printed, sha256) == 0)
		return;
	memcpy(item->printed, sha256, sizeof(item->printed));
	printf("> %s\n", destination ? destination : "");
	fwrite(text->buf, 1, text->len, stdout);
	fflush(stdout);
}

/* Another item of this pass has just written the file, and its command is to run. */
static bool is_being_paid(const struct ct_run *run, size_t index)
{
	const char *destination = run->items[index].template->destination;

	for (size_t i = 0; i < run->count; i++)
		if (run->items[i].owes &&
		    strcmp(run->items[i].template->destination, destination) == 0)
			return true;
	return false;
}

static void deliver(struct ct_run *run, size_t index)
{
	struct ct_item *item = &run->items[index];
	const struct strbuf *text = render_pending_text(run->runner, index);
	bool is_first = !item->rendered, written = false;
	struct err err;

	item->rendered = true;
	if (!ct_write(run->config, item->template, text, &written, &err)) {
		err_context(&err, "error rendering %s", item->display);
		ct_fail(run, err.msg);
		return;
	}
	if (written) {
		log_info("runner", "rendered %s", item->display);
		run->wrote = true;
		collect_command(run, index);
	} else if (is_first && !is_being_paid(run, index) &&
		   ct_is_owed(run->config, item->template, text)) {
		log_warn("runner", "the command of %s did not run to its end last time: it is owed",
			 item->display);
		collect_command(run, index);
	}
	if (written || render_status(run->runner, index)->state == RENDER_HELD)
		render_refresh(run->runner, index);
}

/* ---- with an nginx: nothing that it refuses, or that its command refuses, stays live ---- */

static void on_applied(void *arg, const struct render_applied *result)
{
	struct ct_item *item = arg;
	struct ct_run *run = item->run;
	char *message;

	item->op = NULL;
	if (result->ok) {
		log_info("runner", "rendered %s: %s", item->display, result->message);
		item->rendered = true;
		run->wrote = true;
	} else if (result->err.code != ERR_CONFLICT) {
		message = xasprintf("error rendering %s: %s%s", item->display, result->message,
				    result->restored ? " (the old file is back)" : "");
		ct_fail(run, message);
		free(message);
	}
	ct_schedule(run);
}

static void deliver_to_nginx(struct ct_run *run, size_t index)
{
	struct ct_item *item = &run->items[index];
	const struct render_status *status = render_status(run->runner, index);
	struct render_apply apply = { .flags = RENDER_DO_WRITE | RENDER_DO_RELOAD };
	struct err err;

	if (status->state == RENDER_CLEAN && !status->not_loaded)
		item->rendered = true;
	if (item->op || (status->state == RENDER_CLEAN && item->rendered))
		return;
	if (status->state == RENDER_CLEAN)
		apply.flags = RENDER_DO_RELOAD; /* an earlier life owes it */
	item->op = render_apply_start(run->runner, index, &apply, on_applied, item, &err);
	if (!item->op)
		ct_fail(run, err.msg);
}

static void on_grace_ended(void *arg)
{
	struct ct_run *run = arg;

	run->grace = NULL;
	ct_schedule(run);
}

/* A Consul that is back may not know all nodes and services at once, and what a template makes of
 * half a catalog is no reason to end. It is when it stays so. */
static bool has_grace(struct ct_run *run)
{
	int64_t left_ms = run->trouble_ms + GRACE_MS - clock_mono_ms();

	if (!run->trouble_ms || left_ms <= 0 || run->config->once ||
	    run->config->original & CT_ORIGINAL_OUTAGE)
		return false;
	if (!run->grace)
		run->grace = loop_timer_start(run->loop, left_ms, on_grace_ended, run);
	return true;
}

/* Told once; the others go on. */
static void pass_over_error(struct ct_run *run, size_t index, const char *message)
{
	struct ct_item *item = &run->items[index];
	char digest[DIGEST_HEX_BYTES];

	if (item->template->error_fatal && !has_grace(run)) {
		ct_fail(run, message);
		return;
	}
	digest_md5_hex(message, strlen(message), digest);
	if (strcmp(digest, item->failed) != 0)
		log_error("runner", "%s", message);
	memcpy(item->failed, digest, sizeof(item->failed));
}

/* Of the template, or, when its text is known, of the file. */
static void pass_over_failure(struct ct_run *run, size_t index, const struct render_status *status)
{
	char *message;

	if (!status->is_unreadable) {
		pass_over_error(run, index, status->error_text);
		return;
	}
	if (!status->has_pending)
		return; /* there is nothing to write yet */
	message = xasprintf("error rendering %s: failed reading file: %s",
			    run->items[index].display, status->err.msg);
	pass_over_error(run, index, message);
	free(message);
}

/* `is_run`: an answer has come or a quiet period has ended since the last pass. */
static void look_at(struct ct_run *run, size_t index, bool is_run)
{
	const struct render_status *status = render_status(run->runner, index);
	struct ct_item *item = &run->items[index];
	bool is_complete = status->state == RENDER_HELD || status->state == RENDER_CLEAN;

	item->was_quiet = status->state == RENDER_PENDING;
	if (run->config->once && item->rendered)
		return;
	if (status->state == RENDER_FAILED)
		pass_over_failure(run, index, status);
	if (!is_complete)
		return;
	item->failed[0] = '\0';
	if (run->config->dry && status->state == RENDER_HELD)
		print_dry(run, index);
	else if (!run->config->dry && item->template->nginx)
		deliver_to_nginx(run, index);
	else if (!run->config->dry && (is_run || status->state == RENDER_HELD))
		deliver(run, index);
	item->rendered |= run->config->dry;
}

/* What makes the original run: not every change of a status does. */
static bool is_run_due(struct ct_run *run)
{
	uint64_t executions = 0;
	bool is_due = false;

	for (size_t i = 0; i < run->count; i++) {
		const struct render_status *status = render_status(run->runner, i);

		executions += status->executions;
		is_due |= run->items[i].was_quiet && status->state == RENDER_HELD;
	}
	is_due |= executions != run->executions;
	run->executions = executions;
	return is_due;
}

static void on_pass(void *arg)
{
	struct ct_run *run = arg;
	bool is_run;

	run->pass = NULL;
	if (run->command_count || run->ending)
		return; /* the end of the commands asks again */
	is_run = is_run_due(run);
	if (is_run)
		log_info("runner", "initiating run");
	for (size_t i = 0; i < run->count && !run->ending; i++)
		look_at(run, run->order[i], is_run);
	ct_watch_trouble(run);
	if (run->ending)
		return;
	if (run->dedup)
		ct_dedup_share(run->dedup);
	/* Not before the renderer has looked at all of them: there may be nothing to do yet. */
	if (run->command_count)
		run->next_command = loop_defer(run->loop, run_command, run);
	else
		finish_pass(run);
}

void ct_schedule(struct ct_run *run)
{
	if (!run->pass && !run->ending)
		run->pass = loop_defer(run->loop, on_pass, run);
}
