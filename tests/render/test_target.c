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
#include "binnacle/base/limits.h"
#include "binnacle/render/target.h"

struct place {
	char folder[64];
	char *path, *state_dir;
	struct target_spec spec;
};

static int set_up(void **state)
{
	struct place *place = xcalloc(1, sizeof(*place));

	snprintf(place->folder, sizeof(place->folder), "/tmp/binnacle-target-XXXXXX");
	assert_non_null(mkdtemp(place->folder));
	place->path = xasprintf("%s/deep/er/x.conf", place->folder);
	place->state_dir = xasprintf("%s/state", place->folder);
	place->spec = (struct target_spec){ .path = place->path,
					    .state_dir = place->state_dir,
					    .create_dirs = true };
	*state = place;
	return 0;
}

static int tear_down(void **state)
{
	struct place *place = *state;
	char *command = xasprintf("rm -rf '%s'", place->folder);

	assert_int_equal(system(command), 0);
	free(command);
	free(place->path);
	free(place->state_dir);
	free(place);
	return 0;
}

static uint64_t write_text(struct place *place, const char *text)
{
	uint64_t generation;
	struct err err;
	bool written;

	if (!target_write(&place->spec, text, strlen(text), &written, &generation, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(written, generation != 0);
	return generation;
}

static void assert_text(struct place *place, const char *want)
{
	struct strbuf text = STRBUF_INIT;
	struct err err;
	bool exists;

	assert_true(target_read(place->path, &text, &exists, &err));
	assert_int_equal(exists, want != NULL);
	assert_string_equal(text.buf, want ? want : "");
	strbuf_release(&text);
}

static mode_t mode_of(const char *path)
{
	struct stat st;

	assert_int_equal(stat(path, &st), 0);
	return st.st_mode & 07777;
}

static void what_is_replaced_is_kept_and_comes_back(void **state)
{
	struct place *place = *state;
	struct target_generations all;
	struct strbuf text = STRBUF_INIT;
	struct err err;
	bool absent;

	assert_int_equal(write_text(place, "one"), 1);
	assert_int_equal(write_text(place, "one"), 0);
	assert_int_equal(write_text(place, "three"), 2);
	assert_text(place, "three");
	assert_true(target_list(&place->spec, &all, &err));
	assert_int_equal(all.len, 2);
	assert_int_equal(all.items[0].id, 2);
	assert_int_equal(all.items[0].size, 3);
	assert_false(all.items[0].absent);
	assert_string_equal(all.items[0].sha256,
			    "7692c3ad3540bb803c020b3aee66cd8887123234ea0c6e7143c0add73ff431ed");
	assert_true(all.items[1].absent);
	target_generations_release(&all);
	assert_true(target_load(&place->spec, 2, &text, &absent, &err));
	assert_string_equal(text.buf, "one");
	assert_true(target_restore(&place->spec, 2, &err));
	assert_text(place, "one");
	assert_false(target_restore(&place->spec, 2, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_true(target_restore(&place->spec, 1, &err));
	assert_text(place, NULL);
	strbuf_release(&text);
}

static void an_absent_file_equals_the_empty_text(void **state)
{
	struct place *place = *state;

	assert_int_equal(write_text(place, ""), 0);
	assert_text(place, NULL);
}

static void permissions_are_given_or_kept(void **state)
{
	struct place *place = *state;
	char *backup = xasprintf("%s.bak", place->path);
	struct target_generations all;
	char *command;
	struct err err;

	write_text(place, "one");
	assert_int_equal(mode_of(place->path), 0644);
	assert_int_equal(chmod(place->path, 0640), 0);
	place->spec.backup = true;
	write_text(place, "two");
	assert_int_equal(mode_of(place->path), 0640);
	assert_int_equal(mode_of(backup), 0640);
	place->spec.perms = 0600;
	write_text(place, "three");
	assert_int_equal(mode_of(place->path), 0600);
	assert_true(target_list(&place->spec, &all, &err));
	target_generations_release(&all);
	/* Kept texts may hold secrets. */
	command = xasprintf("test -z \"$(find '%s' -type f -perm /077)\" && "
			    "test -z \"$(find '%s/generations' -type d -perm /077)\"",
			    place->state_dir, place->state_dir);
	assert_int_equal(system(command), 0);
	free(command);
	free(backup);
}

static void only_so_many_generations_are_kept(void **state)
{
	struct place *place = *state;
	struct target_generations all;
	struct err err;
	char text[16];

	for (int i = 1; i <= LIMIT_GENERATIONS_COUNT + 5; i++) {
		snprintf(text, sizeof(text), "%d", i);
		write_text(place, text);
	}
	assert_true(target_list(&place->spec, &all, &err));
	assert_int_equal(all.len, LIMIT_GENERATIONS_COUNT);
	assert_int_equal(all.items[0].id, LIMIT_GENERATIONS_COUNT + 5);
	target_generations_release(&all);
}

static void a_kept_text_that_was_changed_is_not_brought_back(void **state)
{
	struct place *place = *state;
	char *command = xasprintf("for f in '%s'/generations/*/2-*; do echo x > $f; done",
				  place->state_dir);
	struct err err;

	write_text(place, "one");
	write_text(place, "two");
	assert_int_equal(system(command), 0);
	assert_false(target_restore(&place->spec, 2, &err));
	assert_int_equal(err.code, ERR_FORMAT);
	assert_text(place, "two");
	free(command);
}

static void a_missing_folder_is_an_error_when_it_shall_not_be_made(void **state)
{
	struct place *place = *state;
	uint64_t generation;
	struct err err;
	bool written;

	place->spec.create_dirs = false;
	assert_false(target_write(&place->spec, "x", 1, &written, &generation, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

#define AT_PLACE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		AT_PLACE(what_is_replaced_is_kept_and_comes_back),
		AT_PLACE(an_absent_file_equals_the_empty_text),
		AT_PLACE(permissions_are_given_or_kept),
		AT_PLACE(only_so_many_generations_are_kept),
		AT_PLACE(a_kept_text_that_was_changed_is_not_brought_back),
		AT_PLACE(a_missing_folder_is_an_error_when_it_shall_not_be_made),
	};

	return cmocka_run_group_tests_name("targets", tests, NULL, NULL);
}
