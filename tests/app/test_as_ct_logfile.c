/* A log in a file that is set aside when it is large. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/app/as_ct_logfile.h"
#include "binnacle/base/file.h"

static char folder[32];

static int set_up(void **state)
{
	(void)state;
	snprintf(folder, sizeof(folder), "/tmp/binnacle-log-XXXXXX");
	return mkdtemp(folder) ? 0 : -1;
}

static int tear_down(void **state)
{
	char *command = xasprintf("rm -rf '%s'", folder);
	int status = system(command);

	(void)state;
	free(command);
	return status;
}

static void open_log(const char *name, int64_t bytes, int64_t max_files)
{
	char *path = xasprintf("%s/%s", folder, name);
	struct err err;

	if (!ct_logfile_open(
		    &(struct ct_logfile){ .path = path, .bytes = bytes, .max_files = max_files },
		    &err))
		fail_msg("%s", err.msg);
	free(path);
}

static void assert_text(const char *name, const char *expected)
{
	char *path = xasprintf("%s/%s", folder, name);
	struct strbuf text = STRBUF_INIT;
	struct err err;

	assert_true(file_read(path, 1000, &text, &err));
	assert_string_equal(text.buf, expected);
	strbuf_release(&text);
	free(path);
}

/* Files whose name begins so. */
static size_t count(const char *prefix)
{
	DIR *dir = opendir(folder);
	const struct dirent *entry;
	size_t found = 0;

	while ((entry = readdir(dir)))
		found += strncmp(entry->d_name, prefix, strlen(prefix)) == 0;
	closedir(dir);
	return found;
}

static void lines_are_appended(void **state)
{
	(void)state;
	open_log("a.log", 0, 0);
	ct_logfile_write("one");
	ct_logfile_close();
	ct_logfile_write("lost");
	open_log("a.log", 0, 0);
	ct_logfile_write("two");
	ct_logfile_close();
	assert_text("a.log", "one\ntwo\n");
}

static void a_folder_gets_a_file_of_our_name(void **state)
{
	(void)state;
	open_log("sub/", 0, 0);
	ct_logfile_write("one");
	ct_logfile_close();
	assert_text("sub/consul-template.log", "one\n");
}

static void a_large_file_is_set_aside_and_the_oldest_go(void **state)
{
	char *foreign = xasprintf("%s/a-1x.log", folder);
	struct err err;

	(void)state;
	assert_true(file_replace(foreign, "", 0, NULL, &err));
	open_log("a.log", 10, 2);
	for (int i = 0; i < 40; i++) {
		char line[32];

		snprintf(line, sizeof(line), "line %d", i);
		ct_logfile_write(line);
	}
	ct_logfile_close();
	assert_text("a.log", "line 39\n");
	assert_int_equal(count("a-"), 3);
	assert_true(file_exists(foreign));
	free(foreign);
}

static void without_a_limit_nothing_is_set_aside(void **state)
{
	(void)state;
	open_log("a.log", 0, 0);
	for (int i = 0; i < 100; i++)
		ct_logfile_write("a line of some length");
	ct_logfile_close();
	assert_int_equal(count("a"), 1);
}

static void a_path_that_cannot_be_opened_is_an_error(void **state)
{
	struct err err;

	(void)state;
	assert_false(ct_logfile_open(&(struct ct_logfile){ .path = "/proc/none/x" }, &err));
	ct_logfile_write("lost");
}

#define IN_FOLDER(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_FOLDER(lines_are_appended),
		IN_FOLDER(a_folder_gets_a_file_of_our_name),
		IN_FOLDER(a_large_file_is_set_aside_and_the_oldest_go),
		IN_FOLDER(without_a_limit_nothing_is_set_aside),
		IN_FOLDER(a_path_that_cannot_be_opened_is_an_error),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
