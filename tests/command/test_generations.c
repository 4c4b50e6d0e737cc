/* The difference of any two texts that a template had, as a command and by keys. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include <cmocka.h>

#include "binnacle/base/file.h"
#include "binnacle/base/text.h"
#include "binnacle/command/command.h"
#include "binnacle/loop/loop.h"
#include "binnacle/render/runner.h"
#include "support/console.h"

struct scene {
	char folder[64];
	char *destination;
	struct loop *loop;
	struct model *model;
	struct render_runner *runner;
	struct action_env env;
	/* what the command said */
	struct strbuf text;
	bool ended, is_diff;
	enum command_status status;
	char message[480];
};

static void hear_text(void *arg, const char *title, const char *text, size_t len, bool is_diff)
{
	struct scene *scene = arg;

	(void)title;
	scene->is_diff = is_diff;
	strbuf_add(&scene->text, text, len);
}

static void hear_ended(void *arg, struct command_call *call, enum command_status status,
		       const struct err *err)
{
	struct scene *scene = arg;

	(void)call;
	scene->ended = true;
	scene->status = status;
	snprintf(scene->message, sizeof(scene->message), "%s", err ? err->msg : "");
}

static const struct command_front front = {
	.name = "test", .interactive = true, .text = hear_text, .ended = hear_ended
};

static void write_text(const struct scene *scene, const char *text)
{
	struct target_spec spec = { .path = scene->destination, .state_dir = scene->folder };
	uint64_t generation;
	bool written;
	struct err err;

	if (!target_write(&spec, text, strlen(text), &written, &generation, &err))
		fail_msg("%s", err.msg);
	assert_true(written);
}

/* Three texts were written before the runner began; it would write a fourth. */
static int set_up(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	struct render_options options = { .mode = RENDER_HOLD };
	struct render_template spec = { .name = "app.conf", .contents = "new\nlast\n" };
	struct err err;

	snprintf(scene->folder, sizeof(scene->folder), "/tmp/binnacle-test-XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	scene->destination = xasprintf("%s/app.conf", scene->folder);
	strbuf_init(&scene->text);
	write_text(scene, "one\nlast\n");
	write_text(scene, "two\nlast\n");
	write_text(scene, "three\nmore\nlast\n");
	scene->loop = loop_new();
	scene->model = model_new();
	options.state_dir = scene->folder;
	spec.destination = scene->destination;
	/* A template that asks for nothing needs no Consul. */
	scene->runner = render_runner_new(scene->loop, NULL, &options, NULL, NULL);
	assert_true(render_runner_add(scene->runner, &spec, &err));
	render_runner_start(scene->runner);
	while (render_status(scene->runner, 0)->state != RENDER_HELD)
		loop_turn(scene->loop, 1000);
	scene->env = (struct action_env){ .loop = scene->loop,
					  .model = scene->model,
					  .runner = scene->runner };
	model_publish(scene->model, snapshot_new(MODEL_RENDERS));
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	char *command;

	render_runner_free(scene->runner);
	model_free(scene->model);
	loop_free(scene->loop);
	strbuf_release(&scene->text);
	command = xasprintf("rm -rf '%s'", scene->folder);
	assert_int_equal(system(command), 0);
	free(command);
	free(scene->destination);
	free(scene);
	return 0;
}

static void run(struct scene *scene, const char *line)
{
	struct command_line *parsed;
	struct err err;

	strbuf_reset(&scene->text);
	scene->ended = false;
	parsed = command_parse(line, &err);
	if (!parsed)
		fail_msg("%s", err.msg);
	if (!command_start(parsed, &scene->env, &front, scene, &err))
		fail_msg("%s", err.msg);
	while (!scene->ended)
		loop_turn(scene->loop, 1000);
}

static void assert_said(const struct scene *scene, const char *text)
{
	if (!strstr(scene->text.buf, text))
		fail_msg("\"%s\" was not said, but:\n%s", text, scene->text.buf);
}

static void any_two_texts_of_a_template_are_compared(void **state)
{
	struct scene *scene = *state;

	run(scene, "diff app.conf --from 2 --to 3");
	assert_int_equal(scene->status, COMMAND_DIFFERENCES);
	assert_true(scene->is_diff);
	assert_said(scene, "app.conf@2\n");
	assert_said(scene, "app.conf@3\n");
	assert_said(scene, "-one\n+two\n last\n");
	run(scene, "diff app.conf --from 3 --to 2");
	assert_said(scene, "-two\n+one\n last\n");
}

static void what_is_not_named_is_the_file(void **state)
{
	struct scene *scene = *state;

	run(scene, "diff app.conf --from 3");
	assert_said(scene, "-two\n+three\n+more\n last\n");
	run(scene, "diff app.conf --to pending --stat");
	assert_string_equal(scene->text.buf, "app.conf  live -> pending  +1 -2\n");
	assert_false(scene->is_diff);
	run(scene, "diff app.conf --from live");
	assert_int_equal(scene->status, COMMAND_DONE);
	assert_int_equal(scene->text.len, 0);
}

static void where_there_was_no_file_everything_is_new(void **state)
{
	struct scene *scene = *state;

	run(scene, "diff app.conf --from 1 --to 2");
	assert_said(scene, "+one\n+last\n");
	assert_null(strstr(scene->text.buf, "\n-"));
}

static void what_cannot_be_compared_is_said(void **state)
{
	struct scene *scene = *state;

	run(scene, "diff app.conf --from 9");
	assert_int_equal(scene->status, COMMAND_FAILED);
	assert_non_null(strstr(scene->message, "has no generation 9"));
	run(scene, "diff app.conf --to yesterday");
	assert_int_equal(scene->status, COMMAND_USAGE);
	assert_non_null(strstr(scene->message, "a number, or live, or pending"));
	run(scene, "diff --from 2");
	assert_int_equal(scene->status, COMMAND_USAGE);
	assert_non_null(strstr(scene->message, "say which template"));
	run(scene, "diff other.conf --from 2");
	assert_non_null(strstr(scene->message, "there is no template \"other.conf\""));
}

static void publish_generations(struct model *model)
{
	static const char *const names[] = { "pending", "live", "3", "2", "1" };
	struct snapshot *snapshot = snapshot_new(MODEL_GENERATIONS);

	for (int i = 0; i < 5; i++) {
		struct generation_row *row = snapshot_add(snapshot);

		row->id = arena_printf(&snapshot->arena, "app.conf:%s", names[i]);
		row->template = "app.conf";
		row->name = names[i];
		row->status = i > 1 ? "kept" : names[i];
		row->number = i > 1 ? 5 - i : 0;
	}
	model_publish(model, snapshot);
}

static void assert_shows(struct console *console, const char *text)
{
	char *screen;

	if (console_shows(console, text))
		return;
	screen = console_text(console);
	fail_msg("\"%s\" is not on the screen:\n%s", text, screen);
}

static void two_marked_generations_are_compared_by_a_key(void **state)
{
	struct scene *scene = *state;
	struct console *console = console_new(80, 24, false, NULL);

	console->env.runner = scene->runner;
	publish_generations(console->model);
	tui_run(console->tui, "list generations");
	console_turn(console);
	console_keys(console, "j j Space Space d"); /* the newer one first */
	assert_shows(console, "app.conf   2 -> 3   +1 -1");
	console_keys(console, "q u g j j d"); /* alone: what has changed since */
	assert_shows(console, "app.conf   3 -> live   +2 -1");
	console_keys(console, "q k d"); /* the file: what it replaced */
	assert_shows(console, "app.conf   3 -> live   +2 -1");
	console_keys(console, "q k d");
	assert_shows(console, "app.conf   live -> pending   +1 -2");
	console_keys(console, "q * d");
	assert_shows(console, "mark two, not 5");
	console_free(console);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCENE(any_two_texts_of_a_template_are_compared),
		IN_SCENE(what_is_not_named_is_the_file),
		IN_SCENE(where_there_was_no_file_everything_is_new),
		IN_SCENE(what_cannot_be_compared_is_said),
		IN_SCENE(two_marked_generations_are_compared_by_a_key),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
