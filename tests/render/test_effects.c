/* Programs that templates run and files that they write. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "../../src/render/effects.h"
#include "binnacle/base/file.h"
#include "binnacle/base/mem.h"
#include "binnacle/loop/loop.h"

struct world {
	struct loop *loop;
	struct effects *effects;
	int changes;
	char folder[64];
};

static void on_changed(void *arg)
{
	struct world *world = arg;

	world->changes++;
}

static int open_world(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));

	strcpy(world->folder, "/tmp/binnacle-effects-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	world->loop = loop_new();
	world->effects = effects_new(world->loop, on_changed, world);
	*state = world;
	return 0;
}

static int close_world(void **state)
{
	struct world *world = *state;

	effects_free(world->effects);
	loop_free(world->loop);
	assert_int_equal(rmdir(world->folder), 0);
	free(world);
	return 0;
}

/* One execution that asks for a program: its answer, "" while it is not there. */
static char *ask(struct world *world, const char *const *argv, bool *fine)
{
	struct strbuf out = STRBUF_INIT;
	struct err err = { 0 };

	effects_begin(world->effects);
	*fine = true;
	if (!effects_plugin_ready(world->effects, argv))
		return strbuf_detach(&out, NULL);
	*fine = effects_plugin(world->effects, argv, &out);
	assert_true(effects_commit(world->effects, false, &err));
	return strbuf_detach(&out, NULL);
}

static void wait_for_change(struct world *world)
{
	int changes = world->changes;

	for (int i = 0; i < 1000 && world->changes == changes; i++)
		loop_turn(world->loop, 20);
	assert_int_equal(world->changes, changes + 1);
}

static void expect(struct world *world, const char *const *argv, bool wanted, const char *text)
{
	bool fine;
	char *got = ask(world, argv, &fine);

	if (!*got) {
		free(got);
		wait_for_change(world);
		got = ask(world, argv, &fine);
	}
	assert_int_equal(fine, wanted);
	assert_string_equal(got, text);
	free(got);
}

static void a_program_answers_the_execution_after_its_end(void **state)
{
	static const char *const argv[] = { "sh", "-c", "echo out; echo err >&2; cat", NULL };

	expect(*state, argv, true, "out\n");
}

static void a_program_that_fails_shows_what_it_said(void **state)
{
	static const char *const argv[] = { "sh", "-c", "echo out; echo err >&2; exit 3", NULL };
	static const char *const nobody[] = { "binnacle-no-such-program", NULL };

	expect(*state, argv, false,
	       "exec \"sh\": exit status 3\n\nstdout:\n\nout\n\n\nstderr:\n\nerr\n");
	expect(*state, nobody, false,
	       "exec \"binnacle-no-such-program\": exec: \"binnacle-no-such-program\": "
	       "executable file not found in $PATH\n\nstdout:\n\n\n\nstderr:\n\n");
}

static void each_change_of_the_data_runs_a_program_anew(void **state)
{
	struct world *world = *state;
	char *counter = xasprintf("%s/count", world->folder);
	char *line = xasprintf("echo x >> %s; wc -l < %s", counter, counter);
	const char *argv[] = { "sh", "-c", line, NULL };

	expect(world, argv, true, "1\n");
	expect(world, argv, true, "2\n");
	unlink(counter);
	free(line);
	free(counter);
}

static void written(struct world *world, const char *path, const char *flags, const char *text)
{
	struct err err = { 0 };

	assert_true(effects_write(world->effects, path, "", "", "0640", flags, text, strlen(text),
				  &err));
}

static void files_are_written_when_an_execution_was_complete(void **state)
{
	struct world *world = *state;
	char *path = xasprintf("%s/file", world->folder);
	struct strbuf text = STRBUF_INIT;
	struct err err = { 0 };
	struct stat seen;

	effects_begin(world->effects);
	written(world, path, "", "of an execution without data");
	effects_begin(world->effects);
	assert_false(file_exists(path));
	written(world, path, "", "one,");
	written(world, path, "append,newline", "two");
	assert_true(effects_commit(world->effects, true, &err));
	assert_false(file_exists(path)); /* that was a dry run */
	effects_begin(world->effects);
	written(world, path, "", "one,");
	written(world, path, "append,newline", "two");
	assert_true(effects_commit(world->effects, false, &err));
	assert_true(file_read(path, 100, &text, &err));
	assert_string_equal(text.buf, "one,two\n");
	assert_int_equal(stat(path, &seen), 0);
	assert_int_equal(seen.st_mode & 07777, 0640);
	strbuf_release(&text);
	unlink(path);
	free(path);
}

static void malformed_modes_and_flags_are_refused(void **state)
{
	struct world *world = *state;
	struct err err = { 0 };

	assert_false(effects_write(world->effects, "/x", "", "", "rw", "", "", 0, &err));
	assert_false(effects_write(world->effects, "/x", "", "", "0644", "apend", "", 0, &err));
	effects_begin(world->effects);
	assert_true(
		effects_write(world->effects, "/x", "nobody-there", "", "0644", "", "", 0, &err));
	assert_false(effects_commit(world->effects, false, &err));
	assert_non_null(strstr(err.msg, "nobody-there"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test_setup_teardown(a_program_answers_the_execution_after_its_end,
						open_world, close_world),
		cmocka_unit_test_setup_teardown(a_program_that_fails_shows_what_it_said, open_world,
						close_world),
		cmocka_unit_test_setup_teardown(each_change_of_the_data_runs_a_program_anew,
						open_world, close_world),
		cmocka_unit_test_setup_teardown(files_are_written_when_an_execution_was_complete,
						open_world, close_world),
		cmocka_unit_test_setup_teardown(malformed_modes_and_flags_are_refused, open_world,
						close_world),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
