/*
 * The renderer evaluates in mode hold: a template that is HELD has a complete text, differs from
 * its file, and its quiet period is over. Writing and the commands are done here, in the original's
 * order: first every file that is due, then the commands, then the supervised program.
 */
#include "as_ct_run.h"

#include <errno.h>
#include <fcntl.h>
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
#include "as_ct_write.h"

#define WATCHES_MAX      10000
#define DEFAULT_ATTEMPTS 12
#define ENDLESS_MS       (INT64_C(365) * 24 * 3600 * 1000)

struct item {
	const struct ct_template *template;
	char *display;   /* "source" => "destination" */
	char *no_target; /* stands for the destination that a dry run need not have */
	bool rendered;
	char printed[DIGEST_HEX_BYTES]; /* dry: what was printed last */
};

struct ct_run {
	const struct ct_config *config;
	struct loop *loop;
	struct http *http;
	struct consul *consul;
	struct render_runner *runner;
	struct ct_supervisor *supervisor; /* NULL: nothing to supervise */
	struct loop_signal *signals[8];
	size_t signal_count;
	struct loop_deferred *pass;
	struct loop_timer *patience; /* with a Consul that does not answer */
	struct item *items;
	size_t count;
	bool wrote; /* in this pass */

	size_t *commands; /* items whose commands are to run, in order */
	size_t command_count, command_index;
	struct arena arena; /* of the command that runs */
	struct child *command;
	struct loop_deferred *next_command;
	bool command_failed;

	bool pid_file_written;
	bool ending, reload;
	int status;
};

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
	const struct item *item = &run->items[run->commands[run->command_index]];
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

static void on_command(void *arg, const struct child_result *result)
{
	struct ct_run *run = arg;
	const struct item *item = &run->items[run->commands[run->command_index]];
	char why[160];

	run->command = NULL;
	if (result->timed_out)
		snprintf(why, sizeof(why), "child: command did not exit within \"%lldms\"",
			 (long long)item->template->exec.timeout_ms);
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
	const struct item *item;
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
	struct item *item = &run->items[index];
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
	struct item *item = &run->items[index];
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

/* ---- beginning ---- */

static bool make_consul(struct ct_run *run, struct err *err)
{
	const struct ct_config *config = run->config;
	const char *password = config->consul.password;
	struct consul_config consul = {
		.address = config->consul.address,
		.token = config->consul.token,
		.tls = config->consul.ssl == 1,
		.no_verify = config->consul.verify == 0,
		.ca_file = config->consul.ca_cert,
		.ca_path = config->consul.ca_path,
		.cert_file = config->consul.cert,
		.key_file = config->consul.key,
		.server_name = config->consul.server_name,
	};

	if (config->consul.auth_enabled && config->consul.user)
		consul.auth = arena_printf(&run->arena, "%s:%s", config->consul.user,
					   password ? password : "");
	run->http = http_new(run->loop);
	run->consul = consul_new(run->loop, run->http, &consul, err);
	return run->consul || err_context(err, "consul");
}

/* Go's words for it. */
static bool check_source(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), saved = errno;

	if (fd >= 0)
		close(fd);
	else if (saved == ENOENT)
		return err_set(err, ERR_NOT_FOUND,
			       "failed to read template: open %s: no such file or directory", path);
	else if (saved == EACCES)
		return err_set(err, ERR_DENIED,
			       "failed to read template: open %s: permission denied", path);
	return true;
}

static bool check_template(const struct ct_run *run, const struct ct_template *template,
			   struct err *err)
{
	if (template->source && template->contents)
		return err_set(err, ERR_INPUT,
			       "template: cannot specify both 'source' and 'content'");
	if (!template->source && !template->contents)
		return err_set(err, ERR_INPUT,
			       "template: must specify exactly one of 'source' or 'content'");
	if (!run->config->dry && (!template->destination || !*template->destination))
		return err_set(err, ERR_INPUT, "missing destination");
	return !template->source || check_source(template->source, err);
}

static bool add_template(struct ct_run *run, size_t index, struct err *err)
{
	const struct ct_template *template = &run->config->templates[index];
	struct item *item = &run->items[index];
	struct render_template spec = {
		.source = template->source,
		.contents = template->contents,
		.destination = template->destination,
		.left_delimiter = template->left_delimiter,
		.right_delimiter = template->right_delimiter,
		.error_on_missing_key = template->error_on_missing_key,
	};

	if (!check_template(run, template, err))
		return false;
	item->template = template;
	item->display =
		xasprintf("\"%s\" => \"%s\"", template->source ? template->source : "(dynamic)",
			  template->destination ? template->destination : "");
	if (!template->destination || !*template->destination) {
		/* A path that never exists: everything differs from it. */
		item->no_target = xasprintf("/proc/self/no-destination-%zu", index);
		spec.destination = item->no_target;
	}
	if (template->wait.enabled != CT_UNSAID || run->config->once) {
		spec.own_wait = true;
		if (template->wait.enabled == 1 && !run->config->once) {
			spec.wait_min_ms = template->wait.min_ms;
			spec.wait_max_ms = template->wait.max_ms;
		}
	}
	return render_runner_add(run->runner, &spec, err);
}

static bool make_runner(struct ct_run *run, struct err *err)
{
	static const struct render_events events = { on_changed };
	const struct ct_config *config = run->config;
	struct render_options options = {
		.mode = RENDER_HOLD,
		.no_stale = config->max_stale_ms == 0,
		.watch_limit = WATCHES_MAX,
		.no_brakes = true,
		.no_automatic_check = true,
	};

	if (config->wait.enabled == 1) {
		options.wait_min_ms = config->wait.min_ms;
		options.wait_max_ms = config->wait.max_ms;
	}
	run->count = config->template_count;
	run->items = xcalloc(run->count + 1, sizeof(*run->items));
	run->commands = xcalloc(run->count + 1, sizeof(*run->commands));
	run->runner = render_runner_new(run->loop, run->consul, &options, &events, run);
	for (size_t i = 0; i < run->count; i++)
		if (!add_template(run, i, err))
			return false;
	return true;
}

static bool write_pid(struct ct_run *run, struct err *err)
{
	const char *path = run->config->pid_file;
	int fd;

	if (!path)
		return true;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || dprintf(fd, "%ld", (long)getpid()) < 0) {
		err_system(err, "could not open pid file %s", path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(fd);
	run->pid_file_written = true;
	return true;
}

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
	static const struct ct_supervisor_events events = { on_died, on_not_started, on_stopped };
	struct ct_run run = { .config = config, .loop = loop_new() };
	struct err err;

	add_signals(&run);
	if (config->exec.command && !config->dry)
		run.supervisor = ct_supervisor_new(run.loop, config, &events, &run);
	if (make_consul(&run, &err) && make_runner(&run, &err) && write_pid(&run, &err)) {
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
