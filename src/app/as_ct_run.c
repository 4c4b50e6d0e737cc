/*
 * The renderer evaluates in mode hold: a template that is HELD has a complete text, differs from
 * its file, and its quiet period is over. Writing and commands are as_ct_pass.c's; here is what
 * begins and ends a life: signals, patience, the supervised program's death.
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
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/render/runner.h"
#include "as_ct_dedup.h"
#include "as_ct_exec.h"
#include "as_ct_launch.h"
#include "as_ct_log.h"
#include "as_ct_run_private.h"

#define DEFAULT_ATTEMPTS 12
#define ENDLESS_MS       (INT64_C(365) * 24 * 3600 * 1000)

/* ---- the end ---- */

/* The supervised program and the shared locks are given up at the same time. */
static void on_stopped(void *arg)
{
	struct ct_run *run = arg;

	if (--run->stopping <= 0)
		loop_stop(run->loop);
}

void ct_end(struct ct_run *run, int status)
{
	if (run->ending)
		return;
	log_info("runner", "stopping");
	run->ending = true;
	run->status = status;
	run->stopping = (run->supervisor != NULL) + (run->dedup != NULL);
	if (run->supervisor)
		ct_supervisor_stop(run->supervisor);
	if (run->dedup)
		ct_dedup_stop(run->dedup, on_stopped, run);
	if (!run->stopping)
		loop_stop(run->loop);
}

void ct_fail(struct ct_run *run, const char *message)
{
	if (run->ending)
		return;
	ct_log_fatal(message);
	ct_end(run, CT_STATUS_RUNNER);
}

static void on_died(void *arg, int code)
{
	struct ct_run *run = arg;

	char message[64];

	if (run->ending)
		return;
	log_info("runner", "child process died");
	snprintf(message, sizeof(message), "child process died with exit code %d", code);
	ct_log_fatal(message);
	ct_end(run, code);
}

static void on_not_started(void *arg, const struct err *err)
{
	struct ct_run *run = arg;

	ct_fail(run, err->msg);
}

/* ---- signals ---- */

static void on_signal(void *arg, int number)
{
	struct ct_run *run = arg;
	const struct ct_config *config = run->config;
	bool is_strict = config->original & CT_ORIGINAL_SIGNALS;

	if (run->ending)
		return;
	if (number == config->reload_signal) {
		log_info("cli", "reloading configuration");
		run->reload = true;
		ct_end(run, CT_STATUS_OK);
	} else if (number == config->kill_signal || (number == SIGTERM && !is_strict)) {
		fputs("Cleaning up...\n", stderr);
		ct_end(run, CT_STATUS_INTERRUPTED);
	} else if (!run->supervisor || !ct_supervisor_signal(run->supervisor, number)) {
		/* Nobody to pass it to; SIGINT shall end a program at a terminal all the same. */
		if (number == SIGINT && !is_strict)
			ct_end(run, CT_STATUS_INTERRUPTED);
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
	const int passed_on[] = { SIGINT,  SIGTERM, SIGHUP,  SIGUSR1, SIGUSR2,  SIGQUIT,
				  SIGALRM, SIGCONT, SIGIO,   SIGPROF, SIGURG,   SIGWINCH,
				  SIGTSTP, SIGTTIN, SIGTTOU, SIGXCPU, SIGVTALRM };
	const int chosen[] = { run->config->kill_signal, run->config->reload_signal };

	/* Without somebody to pass them to, those that stop or end a program at a terminal do. */
	for (size_t i = 0; i < COUNT_OF(passed_on); i++)
		if (i < 6 || run->supervisor)
			add_signal(run, passed_on[i]);
	for (size_t i = 0; i < COUNT_OF(chosen); i++) {
		bool known = i && chosen[1] == chosen[0];

		for (size_t k = 0; k < COUNT_OF(passed_on); k++)
			known |= chosen[i] == passed_on[k] && (k < 6 || run->supervisor);
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
		attempts = config->once || config->original & CT_ORIGINAL_OUTAGE ? DEFAULT_ATTEMPTS
										 : 0;
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
	ct_fail(run, message);
	free(message);
}

void ct_watch_trouble(struct ct_run *run)
{
	const char *trouble = find_trouble(run);

	/* A file that is missing is not asked for again: the original's way. */
	if (trouble && text_starts_with(trouble, "file("))
		ct_fail(run, trouble);
	else if (!trouble)
		loop_timer_stop(&run->patience);
	else if (!run->patience && patience_ms(run->config) < ENDLESS_MS)
		run->patience = loop_timer_start(run->loop, patience_ms(run->config),
						 on_out_of_patience, run);
}

static void on_changed(void *arg, size_t index)
{
	(void)index;
	ct_schedule(arg);
}

/* ---- a whole life ---- */

static void release(struct ct_run *run)
{
	ct_supervisor_free(run->supervisor);
	ct_launch_forget(&run->command); /* it may be in the middle of a reload */
	loop_deferred_cancel(&run->next_command);
	loop_deferred_cancel(&run->pass);
	loop_timer_stop(&run->patience);
	loop_timer_stop(&run->grace);
	ct_dedup_free(run->dedup);
	render_runner_free(run->runner);
	for (size_t i = 0; run->nginxes && run->nginxes[i]; i++)
		nginx_control_free(run->nginxes[i]);
	free(run->nginxes);
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
	free(run->order);
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

	log_info("runner", "creating new runner (dry: %s, once: %s)",
		 config->dry ? "true" : "false", config->once ? "true" : "false");
	if (config->exec.command && !config->dry && !config->parse_only)
		run.supervisor = ct_supervisor_new(run.loop, config, &events, &run);
	add_signals(&run);
	if (!ct_make_consul(&run, &err) || !ct_make_runner(&run, &rendering, &err) ||
	    (!config->parse_only && !ct_write_pid(&run, &err))) {
		ct_log_fatal(err.msg);
		run.status = CT_STATUS_RUNNER;
	} else if (!config->parse_only) {
		if (config->dedup.enabled == 1 && !config->once)
			run.dedup = ct_dedup_new(&run);
		log_info("runner", "starting");
		render_runner_start(run.runner);
		ct_schedule(&run);
		loop_run(run.loop);
	}
	release(&run);
	*reload = run.reload;
	return run.status;
}
