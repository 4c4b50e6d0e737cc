#include "as_ct_launch.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/loop/loop.h"
#include "as_ct_command.h"

#define SHELL_LIMIT_MS 30000

struct ct_launch {
	struct loop *loop;
	const struct ct_config *config;
	const struct ct_exec *exec;
	enum ct_launch_wait wait;
	ct_launch_fn *done;
	void *arg;
	struct arena arena;
	const char **outputs; /* of backquotes, ends in NULL */
	size_t output_count, output_cap;
	bool in_shell;
	bool completing;
	struct child *child;
	struct loop_deferred *next;
};

static void launch_release(struct ct_launch *launch)
{
	loop_deferred_cancel(&launch->next);
	free(launch->outputs);
	arena_release(&launch->arena);
	free(launch);
}

static void finish(struct ct_launch *launch, const struct child_result *result,
		   const struct err *err)
{
	launch->completing = true;
	launch->done(launch->arg, result, err);
	launch_release(launch);
}

static void add_output(struct ct_launch *launch, const char *text)
{
	if (launch->output_count)
		launch->output_count--; /* the NULL */
	GROW(launch->outputs, launch->output_count, launch->output_cap);
	if (text)
		launch->outputs[launch->output_count++] = text;
	GROW(launch->outputs, launch->output_count, launch->output_cap);
	launch->outputs[launch->output_count++] = NULL;
}

static void go_on(void *arg);

static void on_shell(struct ct_launch *launch, const struct child_result *result)
{
	struct strbuf text = STRBUF_INIT;
	struct err err;

	strbuf_add(&text, result->output->buf, result->output->len);
	strbuf_trim(&text);
	if (result->timed_out)
		err_set(&err, ERR_REFUSED, "failed parsing command: backquotes took too long");
	else if (result->exit_code)
		err_set(&err, ERR_REFUSED, "failed parsing command: exit status %d:%s",
			result->exit_code, text.buf);
	else
		add_output(launch, arena_strdup(&launch->arena, text.buf));
	strbuf_release(&text);
	if (result->timed_out || result->exit_code)
		finish(launch, NULL, &err);
	else
		launch->next = loop_defer(launch->loop, go_on, launch);
}

static void on_child(void *arg, const struct child_result *result)
{
	struct ct_launch *launch = arg;

	launch->child = NULL;
	if (launch->in_shell)
		on_shell(launch, result);
	else
		finish(launch, result, NULL);
}

/* Go's words for it. */
static void explain(const char *program, struct err *err)
{
	bool is_path = strchr(program, '/');

	if (err->code == ERR_NOT_FOUND && is_path)
		err_set(err, ERR_NOT_FOUND, "child: fork/exec %s: no such file or directory",
			program);
	else if (err->code == ERR_NOT_FOUND)
		err_set(err, ERR_NOT_FOUND,
			"child: exec: \"%s\": executable file not found in $PATH", program);
	else if (err->code == ERR_DENIED)
		err_set(err, ERR_DENIED, "child: fork/exec %s: permission denied", program);
	else
		err_context(err, "child");
}

static bool start_shell(struct ct_launch *launch, const char *text, struct err *err)
{
	const char *shell = getenv("SHELL");
	const char *argv[] = { shell && *shell ? shell : "/bin/sh", "-c", text, NULL };

	launch->in_shell = true;
	launch->child = child_run(
		launch->loop, &(struct child_spec){ .argv = argv, .timeout_ms = SHELL_LIMIT_MS },
		on_child, launch, err);
	return launch->child || err_context(err, "failed parsing command");
}

static bool start_program(struct ct_launch *launch, const char *const *argv, struct err *err)
{
	const struct ct_exec *exec = launch->exec;
	struct child_spec spec = {
		.argv = argv,
		.env = ct_command_env(launch->config, &exec->env, &launch->arena),
		.timeout_ms = launch->wait == CT_LAUNCH_LIMITED ? exec->timeout_ms : 0,
		.only_env = true,
		.inherit = true,
		.alone = (launch->config->original & CT_ORIGINAL_GROUPS) != 0,
	};

	log_info("child", "spawning: %s", exec->command);
	launch->in_shell = false;
	launch->child = child_run(launch->loop, &spec, on_child, launch, err);
	if (!launch->child)
		explain(argv[0], err);
	return launch->child != NULL;
}

static void go_on(void *arg)
{
	struct ct_launch *launch = arg;
	const struct ct_exec *exec = launch->exec;
	const struct child_result fine = { .output = &(struct strbuf)STRBUF_INIT };
	const char *const *argv = exec->argv;
	const char *shell = NULL;
	struct err err;
	bool ok;

	launch->next = NULL;
	ok = argv ||
	     ct_command_split(exec->command, launch->outputs, &launch->arena, &argv, &shell, &err);
	if (ok)
		ok = shell ? start_shell(launch, shell, &err) : start_program(launch, argv, &err);
	if (!ok) {
		finish(launch, NULL, &err);
	} else if (!shell && launch->wait == CT_LAUNCH_LIMITED && exec->timeout_ms == 0) {
		child_forget(&launch->child); /* nobody waits for it */
		finish(launch, &fine, NULL);
	}
}

struct ct_launch *ct_launch_start(struct loop *loop, const struct ct_config *config,
				  const struct ct_exec *exec, enum ct_launch_wait wait,
				  ct_launch_fn *done, void *arg)
{
	struct ct_launch *launch = xcalloc(1, sizeof(*launch));

	*launch = (struct ct_launch){
		.loop = loop, .config = config, .exec = exec, .wait = wait, .done = done, .arg = arg
	};
	add_output(launch, NULL);
	launch->next = loop_defer(loop, go_on, launch);
	return launch;
}

bool ct_launch_is_running(const struct ct_launch *launch)
{
	return launch->child && !launch->in_shell;
}

void ct_launch_signal(struct ct_launch *launch, int number)
{
	if (ct_launch_is_running(launch))
		child_signal(launch->child, number);
}

void ct_launch_forget(struct ct_launch **launch)
{
	struct ct_launch *ours = *launch;

	*launch = NULL;
	if (!ours || ours->completing)
		return;
	child_forget(&ours->child);
	launch_release(ours);
}

void ct_launch_cancel(struct ct_launch **launch)
{
	struct ct_launch *ours = *launch;

	*launch = NULL;
	if (!ours || ours->completing)
		return;
	child_cancel(&ours->child);
	launch_release(ours);
}
