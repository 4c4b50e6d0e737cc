/*
 * Runs the cases of tests/templates: each is a template and what it comes to. A file is a topic.
 *
 *     # a comment; an empty line
 *     {{print 1}} => 1                     one line: template, " => ", output
 *     {{fail}} => !parse: template: ...    the whole message of an error
 *     {{key "k"}} => missing: kv.block(k)  what was missing
 *     == a case of several lines           its name
 *     template
 *     --
 *     output                               both without their last newline
 *     ==                                   ends the case (or the next case does)
 *
 * A line `option missing-key-error on` (or off) and `option delimiters << >>` hold for the lines
 * below it.
 */
#include "harness.h"

#include <dirent.h>

struct run {
	struct harness harness;
	struct tmpl_options options;
	char left[16], right[16];
	const char *file;
	int line, cases, failures;
};

static void check(struct run *run, int line, const char *text, size_t len, const char *want)
{
	char *got = harness_render(&run->harness, text, len, &run->options);

	run->cases++;
	if (strcmp(got, want) != 0) {
		run->failures++;
		print_error("%s:%d: %.*s\n  want: %s\n  got:  %s\n", run->file, line, (int)len,
			    text, want, got);
	}
	free(got);
}

static void set_option(struct run *run, const char *line)
{
	char value[16];

	if (sscanf(line, "option missing-key-error %15s", value) == 1) {
		run->options.error_on_missing_key = strcmp(value, "on") == 0;
	} else if (sscanf(line, "option delimiters %15s %15s", run->left, run->right) == 2) {
		run->options.left_delimiter = run->left;
		run->options.right_delimiter = run->right;
	} else {
		fail_msg("%s:%d: what option is this: %s", run->file, run->line, line);
	}
}

static void one_line(struct run *run, char *line)
{
	char *arrow = strstr(line, " => ");

	if (!arrow) {
		size_t len = strlen(line);

		if (len < 3 || strcmp(line + len - 3, " =>") != 0)
			fail_msg("%s:%d: no ' => ' in: %s", run->file, run->line, line);
		check(run, run->line, line, len - 3, "");
		return;
	}
	check(run, run->line, line, (size_t)(arrow - line), arrow + 4);
}

static void chop(struct strbuf *text)
{
	if (text->len)
		strbuf_setlen(text, text->len - 1);
}

static void run_file(struct run *run, const char *path)
{
	struct strbuf template = STRBUF_INIT, want = STRBUF_INIT;
	struct strbuf *filling = NULL;
	FILE *file = fopen(path, "r");
	char *line = NULL;
	size_t size = 0;
	ssize_t len;
	int started = 0;

	assert_non_null(file);
	run->file = path;
	run->options = (struct tmpl_options){ 0 };
	for (run->line = 1; (len = getline(&line, &size, file)) >= 0; run->line++) {
		bool mark = strncmp(line, "==", 2) == 0;

		if (mark && filling) {
			chop(&template);
			chop(&want);
			check(run, started, template.buf, template.len, want.buf);
			filling = NULL;
		}
		if (mark && len > 3) {
			strbuf_reset(&template);
			strbuf_reset(&want);
			filling = &template;
			started = run->line;
		} else if (filling == &template && strcmp(line, "--\n") == 0) {
			filling = &want;
		} else if (filling) {
			strbuf_add(filling, line, (size_t)len);
		} else if (!mark && line[0] != '#' && line[0] != '\n') {
			line[strcspn(line, "\n")] = '\0';
			if (strncmp(line, "option ", 7) == 0)
				set_option(run, line);
			else
				one_line(run, line);
		}
	}
	if (filling)
		fail_msg("%s: the last case has no end", path);
	free(line);
	fclose(file);
	strbuf_release(&template);
	strbuf_release(&want);
}

static int compare_names(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static void every_case_comes_to_what_it_says(void **state)
{
	struct run run = { .cases = 0 };
	char *names[64];
	size_t count = 0;
	DIR *dir = opendir("tests/templates");
	struct dirent *entry;

	(void)state;
	assert_non_null(dir);
	harness_open(&run.harness);
	while ((entry = readdir(dir))) {
		const char *dot = strrchr(entry->d_name, '.');

		if (!dot || strcmp(dot, ".cases") != 0)
			continue;
		assert_true(count < 64);
		names[count++] = xasprintf("tests/templates/%s", entry->d_name);
	}
	closedir(dir);
	qsort(names, count, sizeof(names[0]), compare_names);
	for (size_t i = 0; i < count; i++) {
		run_file(&run, names[i]);
		free(names[i]);
	}
	harness_close(&run.harness);
	print_message("%d cases, %d failures\n", run.cases, run.failures);
	assert_true(run.cases > 150);
	assert_int_equal(run.failures, 0);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_case_comes_to_what_it_says),
	};

	setenv("TZ", "UTC", 1); /* what is local */
	return cmocka_run_group_tests(tests, NULL, NULL);
}
