/*
 * The renderer evaluates in mode hold: a template that is HELD has a complete text, differs from
 * its file, and its quiet period is over. Writing and the commands are done here, in the original's
 * order: first every file that is due, then the commands, then the supervised program.
 */
#include "as_ct_run.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/child.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/render/runner.h"
#include "as_ct_command.h"
#include "as_ct_exec.h"
#include "as_ct_log.h"
#include "as_ct_run_private.h"
#include "as_ct_write.h"

#define DEFAULT_ATTEMPTS 12
#define ENDLESS_MS       (INT64_C(365) * 24 * 3600 * 1000)

static void schedule(struct ct_run *run);
static void run_command(void *arg);

/* ---- the end ---- */

static void on_stopped(void *arg)
{
	struct ct_run *run = arg;

	loop_stop(run->loop);
}

static void end(struct ct_run *run, int status)
{
	if (run->ending)
		return;
	run->ending = true;
	run->status = status;
	if (run->supervisor)
		ct_supervisor_stop(run->supervisor);
	else
		loop_stop(run->loop);
}

static void fail(struct ct_run *run, const char *message)
{
	if (run->ending)
		return;
	ct_log_fatal(message);
	end(run, CT_STATUS_RUNNER);
}

static void on_died(void *arg, int code)
{
	struct ct_run *run = arg;

	if (run->ending)
		return;
	log_info("runner", "child process died");
	fprintf(stderr, "child process died with exit code %d\n", code);
	run->ending = true;
	run->status = code;
	loop_stop(run->loop);
}

static void on_not_started(void *arg, const struct err *err)
{
	struct ct_run *run = arg;

	fail(run, err->msg);
	loop_stop(run->loop);
}

/* ---- signals ---- */

static void on_signal(void *arg, int number)
{
	struct ct_run *run = arg;
	const struct ct_config *config = run->config;

	if (run->ending)
		return;
	if (number == config->reload_signal) {
		log_info("cli", "reloading configuration");
		run->reload = true;
		end(run, CT_STATUS_OK);
	} else if (number == config->kill_signal || number == SIGTERM) {
		fputs("Cleaning up...\n", stderr);
		end(run, CT_STATUS_INTERRUPTED);
	} else if (!run->supervisor || !ct_supervisor_signal(run->supervisor, number)) {
		/* Nobody to pass it to; SIGINT shall end a program at a terminal all the same. */
		if (number == SIGINT)
			end(run, CT_STATUS_INTERRUPTED);
	}
}

static void add_signal(struct ct_run *run, int number)
{
	if (number && number != SIGKILL && number != SIGSTOP && number != SIGCHLD)
		run->signals[run->signal_count++] =
			loop_signal_add(run->loop, number, on_signal, run);
}

static void add_signals(struct ct_run *run)
{
	const int passed_on[] = { SIGINT, SIGTERM, SIGHUP, SIGUSR1, SIGUSR2, SIGQUIT };
	const int chosen[] = { run->config->kill_signal, run->config->reload_signal };

	for (size_t i = 0; i < COUNT_OF(passed_on); i++)
		add_signal(run, passed_on[i]);
	for (size_t i = 0; i < COUNT_OF(chosen); i++) {
		bool known = i && chosen[1] == chosen[0];

		for (size_t k = 0; k < COUNT_OF(passed_on); k++)
			known |= chosen[i] == passed_on[k];
		if (!known)
			add_signal(run, chosen[i]);
	}
}

/* ---- a Consul that does not answer ---- */

/* How long the original asks again before it gives up. */
static int64_t patience_ms(const struct ct_config *config)
{
	int64_t attempts = config->consul.attempts, total = 0, delay = config->consul.backoff_ms;
	int64_t most = config->consul.max_backoff_ms;

	if (!config->consul.retry)
		return 0;
	/* Waiting for Consul is what a daemon is for: only who asks for it has it end. */
	if (attempts == CT_UNSAID)
		attempts = config->once ? DEFAULT_ATTEMPTS : 0;
	if (!attempts)
		return ENDLESS_MS;
	for (int64_t i = 0; i < attempts && total < ENDLESS_MS; i++) {
		total += most && delay > most ? most : delay;
		if (delay < ENDLESS_MS)
			delay *= 2;
	}
	return total < ENDLESS_MS ? total : ENDLESS_MS;
}

static const char *find_trouble(const struct ct_run *run)
{
	for (size_t i = 0; i < run->count; i++) {
		const char *trouble = render_status(run->runner, i)->trouble;

		if (*trouble && !(run->config->once && run->items[i].rendered))
			return trouble;
	}
	return NULL;
}

static void on_out_of_patience(void *arg)
{
	struct ct_run *run = arg;
	const char *trouble = find_trouble(run);
	char *message;

	run->patience = NULL;
	if (!trouble)
		return;
	message = run->config->consul.retry ? xasprintf("%s (exceeded maximum retries)", trouble)
					    : xstrdup(trouble);
	fail(run, message);
	free(message);
}

static void watch_trouble(struct ct_run *run)
{
	const char *trouble = find_trouble(run);

	/* A file that is missing is not asked for again: the original's way. */
	if (trouble && text_starts_with(trouble, "file("))
		fail(run, trouble);
	else if (!trouble)
		loop_timer_stop(&run->patience);
	else if (!run->patience && patience_ms(run->config) < ENDLESS_MS)
		run->patience = loop_timer_start(run->loop, patience_ms(run->config),
						 on_out_of_patience, run);
}

/* ---- commands ---- */

static void finish_pass(struct ct_run *run)
{
	bool all = true, commands_ran = run->command_count != 0;
	struct err err;

	run->command_count = run->command_index = 0;
	if (run->command_failed) {
		end(run, CT_STATUS_RUNNER);
		return;
	}
	for (size_t i = 0; i < run->count; i++)
		all &= run->items[i].rendered;
	if (run->supervisor && all && !ct_supervisor_is_started(run->supervisor)) {
		if (!ct_supervisor_start(run->supervisor, &err))
			fail(run, err.msg);
	} else if (run->supervisor && run->wrote) {
		ct_supervisor_reload(run->supervisor);
	} else if (!run->supervisor && all && run->config->once) {
		log_info("runner", "once mode and all templates rendered");
		end(run, CT_STATUS_OK);
	}
	run->wrote = false;
	if (commands_ran)
		schedule(run); /* what came while they ran */
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

static void go_on(struct ct_run *run)
{
	run->command_index++;
	run->next_command = loop_defer(run->loop, run_command, run);
}

/* "30s", "1m30s", "1.5s", "300ms" */
static const char *go_duration(int64_t ms, char out[40])
{
	long long minutes = ms / 60000;

	if (ms < 1000)
		snprintf(out, 40, "%lldms", (long long)ms);
	else if (minutes >= 60)
		snprintf(out, 40, "%lldh%lldm%.5gs", minutes / 60, minutes % 60,
			 (double)(ms % 60000) / 1000);
	else if (minutes)
		snprintf(out, 40, "%lldm%.5gs", minutes, (double)(ms % 60000) / 1000);
	else
		snprintf(out, 40, "%.5gs", (double)ms / 1000);
	return out;
}

static void on_command(void *arg, const struct child_result *result)
{
	struct ct_run *run = arg;
	const struct ct_item *item = &run->items[run->commands[run->command_index]];
	char why[160], limit[40];

	run->command = NULL;
	if (result->timed_out)
		snprintf(why, sizeof(why), "child: command did not exit within \"%s\"",
			 go_duration(item->template->exec.timeout_ms, limit));
	else
		snprintf(why, sizeof(why), "child: command exited with a non-zero exit status: %d",
			 result->exit_code);
	if (result->timed_out || result->exit_code)
		command_failed(run, why);
	go_on(run);
}

static void run_command(void *arg)
{
	struct ct_run *run = arg;
	const struct ct_item *item;
	const struct ct_exec *exec;
	struct child_spec spec = { .inherit = true, .only_env = true };
	struct err err;

	run->next_command = NULL;
	if (run->ending)
		return;
	if (run->command_index >= run->command_count) {
		finish_pass(run);
		return;
	}
	item = &run->items[run->commands[run->command_index]];
	exec = &item->template->exec;
	log_info("runner", "executing command \"%s\" from %s", exec->command, item->display);
	arena_reset(&run->arena);
	if (ct_command_split(exec->command, &run->arena, &spec.argv, &err)) {
		spec.env = ct_command_env(run->config, &exec->env, &run->arena);
		spec.timeout_ms = exec->timeout_ms;
		run->command = child_run(run->loop, &spec, on_command, run, &err);
	}
	if (!run->command)
		command_failed(run, err.msg);
	if (run->command && exec->timeout_ms == 0)
		child_forget(&run->command); /* nobody waits for it */
	if (!run->command)
		go_on(run);
}

/* The same text of several templates runs once, in the place of the first. */
static void collect_command(struct ct_run *run, size_t index)
{
	const char *command = run->items[index].template->exec.command;

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

static void deliver(struct ct_run *run, size_t index)
{
	struct ct_item *item = &run->items[index];
	bool written = false;
	struct err err;

	if (run->config->dry) {
		print_dry(run, index);
		item->rendered = true;
		return;
	}
	if (!ct_write(item->template, render_pending_text(run->runner, index), &written, &err)) {
		err_context(&err, "error rendering %s", item->display);
		fail(run, err.msg);
		return;
	}
	item->rendered = true;
	if (written) {
		log_info("runner", "rendered %s", item->display);
		run->wrote = true;
		collect_command(run, index);
	}
	render_refresh(run->runner, index);
}

static void on_pass(void *arg)
{
	struct ct_run *run = arg;

	run->pass = NULL;
	if (run->command_count || run->ending)
		return; /* the end of the commands asks again */
	for (size_t i = 0; i < run->count && !run->ending; i++) {
		const struct render_status *status = render_status(run->runner, i);

		if (run->config->once && run->items[i].rendered)
			continue;
		if (status->state == RENDER_FAILED)
			fail(run, status->err.msg);
		else if (status->state == RENDER_HELD)
			deliver(run, i);
		else if (status->state == RENDER_CLEAN)
			run->items[i].rendered = true;
	}
	watch_trouble(run);
	if (run->ending)
		return;
	/* Not before the renderer has looked at all of them: there may be nothing to do yet. */
	if (run->command_count)
		run->next_command = loop_defer(run->loop, run_command, run);
	else
		finish_pass(run);
}

static void schedule(struct ct_run *run)
{
	if (!run->pass && !run->ending)
		run->pass = loop_defer(run->loop, on_pass, run);
}

static void on_changed(void *arg, size_t index)
{
	(void)index;
	schedule(arg);
}

/* ---- a whole life ---- */

static void release(struct ct_run *run)
{
	ct_supervisor_free(run->supervisor);
	child_forget(&run->command); /* it may be in the middle of a reload */
	loop_deferred_cancel(&run->next_command);
	loop_deferred_cancel(&run->pass);
	loop_timer_stop(&run->patience);
	render_runner_free(run->runner);
	consul_free(run->consul);
	http_free(run->http);
	for (size_t i = 0; i < run->signal_count; i++)
		loop_signal_remove(&run->signals[i]);
	loop_free(run->loop);
	for (size_t i = 0; i < run->count; i++) {
		free(run->items[i].display);
		free(run->items[i].no_target);
	}
	free(run->items);
	free(run->commands);
	arena_release(&run->arena);
	if (run->pid_file_written)
		unlink(run->config->pid_file);
}

int ct_run(const struct ct_config *config, bool *reload)
{
	static const struct render_events rendering = { on_changed };
	static const struct ct_supervisor_events events = { on_died, on_not_started, on_stopped };
	struct ct_run run = { .config = config, .loop = loop_new() };
	struct err err;

	add_signals(&run);
	if (config->exec.command && !config->dry)
		run.supervisor = ct_supervisor_new(run.loop, config, &events, &run);
	if (ct_make_consul(&run, &err) && ct_make_runner(&run, &rendering, &err) &&
	    ct_write_pid(&run, &err)) {
		render_runner_start(run.runner);
		schedule(&run);
		loop_run(run.loop);
	} else {
		ct_log_fatal(err.msg);
		run.status = CT_STATUS_RUNNER;
	}
	release(&run);
	*reload = run.reload;
	return run.status;
}
