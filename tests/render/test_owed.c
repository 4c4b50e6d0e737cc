/* What is owed for a file that was written and not taken, over the end of a life of the program;
 * and templates of one text. No Consul answers here. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/base/file.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/render/runner.h"
#include "support/peer.h"

struct scene {
	char folder[64];
	char *state_dir, *file, *command;
	struct loop *loop;
	struct http *http;
	struct consul *consul;
	struct render_runner *runner;
};

static int set_up(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	struct err err;

	snprintf(scene->folder, sizeof(scene->folder), "/tmp/binnacle-owed-XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	scene->state_dir = xasprintf("%s/state", scene->folder);
	scene->file = xasprintf("%s/x.conf", scene->folder);
	/* Takes the file as soon as somebody lets it. */
	scene->command = xasprintf("cd %s && echo >>tried; test -e go || { touch hangs; sleep 60; "
				   "}; test ! -e bad && echo >>taken",
				   scene->folder);
	scene->loop = loop_new();
	scene->http = http_new(scene->loop);
	scene->consul = consul_new(scene->loop, scene->http,
				   &(struct consul_config){ .address = "127.0.0.1:1" }, &err);
	assert_non_null(scene->consul);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;
	char *command = xasprintf("rm -rf '%s'", scene->folder);

	render_runner_free(scene->runner);
	consul_free(scene->consul);
	http_free(scene->http);
	loop_free(scene->loop);
	assert_int_equal(system(command), 0);
	free(command);
	free(scene->state_dir);
	free(scene->file);
	free(scene->command);
	free(scene);
	return 0;
}

static void live(struct scene *scene, enum render_mode mode, const char *text)
{
	struct render_options options = { .mode = mode,
					  .state_dir = scene->state_dir,
					  .retry_ms = 50 };
	struct err err;

	scene->runner = render_runner_new(scene->loop, scene->consul, &options, NULL, NULL);
	assert_true(render_runner_add(scene->runner,
				      &(struct render_template){ .contents = text,
								 .destination = scene->file,
								 .command = scene->command },
				      &err));
	render_runner_start(scene->runner);
}

static void die(struct scene *scene)
{
	render_runner_free(scene->runner);
	scene->runner = NULL;
}

static char *path_of(const struct scene *scene, const char *name)
{
	return xasprintf("%s/%s", scene->folder, name);
}

static void make(const struct scene *scene, const char *name)
{
	char *path = path_of(scene, name);
	struct err err;

	assert_true(file_replace(path, "", 0, NULL, &err));
	free(path);
}

/* Lines in a file; 0 without one. */
static size_t count(const struct scene *scene, const char *name)
{
	char *path = path_of(scene, name);
	struct strbuf text = STRBUF_INIT;
	struct err err;
	size_t lines = 0;

	if (file_read(path, 1 << 20, &text, &err))
		for (size_t i = 0; i < text.len; i++)
			lines += text.buf[i] == '\n';
	strbuf_release(&text);
	free(path);
	return lines;
}

static bool exists(const struct scene *scene, const char *name)
{
	char *path = path_of(scene, name);
	bool there = file_exists(path);

	free(path);
	return there;
}

static bool is_hanging(void *arg)
{
	return exists(arg, "hangs");
}

static bool is_taken(void *arg)
{
	struct scene *scene = arg;

	return count(scene, "taken") == 1 && render_status(scene->runner, 0)->state == RENDER_CLEAN;
}

static bool is_tried_twice(void *arg)
{
	return count(arg, "tried") >= 2;
}

/* Written, and the end came while the command ran. */
static void die_in_the_middle(struct scene *scene)
{
	live(scene, RENDER_AUTO, "one\n");
	assert_true(run_until_true(scene->loop, is_hanging, scene));
	assert_true(file_exists(scene->file));
	die(scene);
	make(scene, "go");
}

static void what_is_owed_is_done_by_the_next_life_and_once(void **state)
{
	struct scene *scene = *state;

	die_in_the_middle(scene);
	live(scene, RENDER_AUTO, "one\n");
	assert_true(run_until_true(scene->loop, is_taken, scene));
	die(scene);
	live(scene, RENDER_AUTO, "one\n");
	run_for(scene->loop, 100);
	assert_int_equal(count(scene, "taken"), 1);
}

static void what_fails_again_is_tried_again_later(void **state)
{
	struct scene *scene = *state;
	char *bad = path_of(scene, "bad");

	die_in_the_middle(scene);
	make(scene, "bad");
	live(scene, RENDER_AUTO, "one\n");
	assert_true(run_until_true(scene->loop, is_tried_twice, scene));
	run_for(scene->loop, 20);
	assert_int_equal(count(scene, "taken"), 0);
	assert_true(file_exists(scene->file));
	unlink(bad);
	assert_true(run_until_true(scene->loop, is_taken, scene));
	free(bad);
}

static void in_mode_hold_nobody_pays_by_himself(void **state)
{
	struct scene *scene = *state;

	die_in_the_middle(scene);
	live(scene, RENDER_HOLD, "one\n");
	run_for(scene->loop, 100);
	assert_int_equal(count(scene, "taken"), 0);
	render_runner_set_mode(scene->runner, RENDER_AUTO);
	assert_true(run_until_true(scene->loop, is_taken, scene));
}

static void another_text_makes_one_command_and_no_debt(void **state)
{
	struct scene *scene = *state;

	die_in_the_middle(scene);
	live(scene, RENDER_AUTO, "two\n");
	assert_true(run_until_true(scene->loop, is_taken, scene));
	run_for(scene->loop, 100);
	assert_int_equal(count(scene, "taken"), 1);
}

static void a_note_is_for_one_text_and_one_taker(void **state)
{
	struct scene *scene = *state;
	const struct target_spec spec = { .path = scene->file, .state_dir = scene->state_dir };
	char one[DIGEST_HEX_BYTES], two[DIGEST_HEX_BYTES];
	struct err err;

	digest_sha256_hex("1", 1, one);
	digest_sha256_hex("2", 1, two);
	assert_false(target_is_owed(&spec, "nginx", one));
	assert_true(target_owe(&spec, "nginx", one, &err));
	assert_true(target_is_owed(&spec, "nginx", one));
	assert_false(target_is_owed(&spec, "nginx", two));
	assert_false(target_is_owed(&spec, "other", one));
	target_settle(&spec);
	assert_false(target_is_owed(&spec, "nginx", one));
}

static void templates_of_one_text_are_executed_once(void **state)
{
	struct scene *scene = *state;
	struct render_options options = { .mode = RENDER_AUTO, .state_dir = scene->state_dir };
	static const char text[] = "{{timestamp \"2006-01-02 15:04:05.000000000\"}}";
	struct err err;

	scene->runner = render_runner_new(scene->loop, scene->consul, &options, NULL, NULL);
	for (int i = 0; i < 2; i++) {
		char *path = xasprintf("%s/%d", scene->folder, i);

		assert_true(render_runner_add(
			scene->runner,
			&(struct render_template){ .contents = text, .destination = path }, &err));
		free(path);
	}
	render_runner_start(scene->runner);
	run_for(scene->loop, 50);
	assert_int_equal(render_status(scene->runner, 0)->state, RENDER_CLEAN);
	assert_string_equal(render_live_text(scene->runner, 0)->buf,
			    render_live_text(scene->runner, 1)->buf);
}

static void an_error_while_answers_are_missing_is_waiting(void **state)
{
	struct scene *scene = *state;

	live(scene, RENDER_AUTO, "{{(index (service \"web\") 0).ID}}");
	run_for(scene->loop, 50);
	assert_int_equal(render_status(scene->runner, 0)->state, RENDER_WAITING);
	assert_int_equal(render_status(scene->runner, 0)->waiting_count, 1);
}

static void unless_errors_count_at_once(void **state)
{
	struct scene *scene = *state;
	struct render_options options = { .mode = RENDER_AUTO,
					  .state_dir = scene->state_dir,
					  .early_errors = true };
	struct err err;

	scene->runner = render_runner_new(scene->loop, scene->consul, &options, NULL, NULL);
	assert_true(render_runner_add(
		scene->runner,
		&(struct render_template){ .contents = "{{(index (service \"web\") 0).ID}}",
					   .destination = scene->file },
		&err));
	render_runner_start(scene->runner);
	run_for(scene->loop, 50);
	assert_int_equal(render_status(scene->runner, 0)->state, RENDER_FAILED);
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCENE(what_is_owed_is_done_by_the_next_life_and_once),
		IN_SCENE(what_fails_again_is_tried_again_later),
		IN_SCENE(in_mode_hold_nobody_pays_by_himself),
		IN_SCENE(another_text_makes_one_command_and_no_debt),
		IN_SCENE(a_note_is_for_one_text_and_one_taker),
		IN_SCENE(templates_of_one_text_are_executed_once),
		IN_SCENE(an_error_while_answers_are_missing_is_waiting),
		IN_SCENE(unless_errors_count_at_once),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
