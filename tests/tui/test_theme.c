#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <dirent.h>

#include "../../src/tui/builtin_themes.h"
#include "binnacle/base/file.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/tui/theme.h"

static const char *const dirs[] = { "themes", NULL };

static struct theme *load(const char *text, struct strbuf *problems)
{
	static const char *const here[] = { "build", NULL };
	struct file_mode mode = { .mode = 0644 };
	struct theme *theme;
	struct err err;

	assert_true(file_replace("build/probe.theme", text, strlen(text), &mode, &err));
	theme = theme_load("probe", here, problems);
	remove("build/probe.theme");
	return theme;
}

static void every_shipped_theme_passes_the_check(void **state)
{
	DIR *dir = opendir("themes");
	struct dirent *entry;
	size_t count = 0;

	(void)state;
	assert_non_null(dir);
	while ((entry = readdir(dir))) {
		char *path = xasprintf("themes/%s", entry->d_name);
		struct strbuf out = STRBUF_INIT;

		if (text_ends_with(entry->d_name, ".theme")) {
			count++;
			if (!theme_check(path, dirs, &out))
				fail_msg("%s:\n%s", path, out.buf);
		}
		strbuf_release(&out);
		free(path);
	}
	closedir(dir);
	assert_true(count >= 7);
}

static void the_built_in_themes_are_the_shipped_ones(void **state)
{
	(void)state;
	for (size_t i = 0; i < COUNT_OF(builtin_themes); i++) {
		char *path = xasprintf("themes/%s.theme", builtin_themes[i].name);
		struct strbuf text = STRBUF_INIT;
		struct err err;

		assert_true(file_read(path, 65536, &text, &err));
		assert_string_equal(text.buf, builtin_themes[i].text);
		strbuf_release(&text);
		free(path);
	}
}

static void a_faulty_line_keeps_the_inherited_look_and_is_named(void **state)
{
	struct strbuf problems = STRBUF_INIT;
	struct theme *theme = load("name = probe\n"
				   "inherit = terminal\n"
				   "[roles]\n"
				   "state.crit = mauve bold\n"
				   "state.nope = red\n"
				   "state.warn = #ffcc00 underline # a comment\n",
				   &problems);
	struct look look = theme_look(theme, ROLE_STATE_CRIT, ROLE_NONE, DEPTH_8);

	(void)state;
	assert_int_equal(look.fg, 1);
	assert_non_null(strstr(problems.buf, "probe.theme:4: unknown color"));
	assert_non_null(strstr(problems.buf, "probe.theme:5: unknown role \"state.nope\""));
	look = theme_look(theme, ROLE_STATE_WARN, ROLE_NONE, DEPTH_TRUE);
	assert_int_equal(look.fg, LOOK_RGB | 0xffcc00);
	assert_int_equal(look.attrs, LOOK_UNDERLINE);
	theme_free(theme);
	strbuf_release(&problems);
}

static void missing_steps_are_derived(void **state)
{
	struct theme *theme = load("name = probe\n"
				   "[palette]\n"
				   "sea = #4fa3c7 / 74 / cyan\n"
				   "[roles]\n"
				   "state.crit = #d02020\n"
				   "state.warn = bright-yellow\n"
				   "state.pass = sea\n"
				   "state.none = 74\n",
				   NULL);

	(void)state;
	assert_int_equal(theme_look(theme, ROLE_STATE_CRIT, ROLE_NONE, DEPTH_256).fg, 160);
	assert_int_equal(theme_look(theme, ROLE_STATE_CRIT, ROLE_NONE, DEPTH_8).fg, 1);
	assert_int_equal(theme_look(theme, ROLE_STATE_WARN, ROLE_NONE, DEPTH_16).fg, 11);
	assert_int_equal(theme_look(theme, ROLE_STATE_WARN, ROLE_NONE, DEPTH_8).fg, 3);
	assert_int_equal(theme_look(theme, ROLE_STATE_WARN, ROLE_NONE, DEPTH_8).attrs, LOOK_BOLD);
	assert_int_equal(theme_look(theme, ROLE_STATE_PASS, ROLE_NONE, DEPTH_256).fg, 74);
	assert_int_equal(theme_look(theme, ROLE_STATE_PASS, ROLE_NONE, DEPTH_16).fg, 6);
	assert_int_equal(theme_look(theme, ROLE_STATE_NONE, ROLE_NONE, DEPTH_TRUE).fg, 74);
	theme_free(theme);
}

static void without_colors_only_attributes_are_left(void **state)
{
	struct theme *theme = theme_load("terminal", NULL, NULL);

	(void)state;
	for (int i = 0; i < ROLE_COUNT; i++) {
		struct look look = theme_look(theme, (enum role)i, ROLE_CURSOR, DEPTH_NONE);

		assert_int_equal(look.fg, LOOK_DEFAULT);
		assert_int_equal(look.bg, LOOK_DEFAULT);
		assert_true(look.attrs & LOOK_REVERSE);
	}
	theme_free(theme);
}

static void an_unknown_or_hostile_name_gives_terminal(void **state)
{
	static const char *const names[] = { "nope", "../themes/mono", ".hidden", "" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct strbuf problems = STRBUF_INIT;
		struct theme *theme = theme_load(names[i], dirs, &problems);

		assert_true(problems.len > 0);
		assert_int_equal(theme_look(theme, ROLE_STATE_CRIT, ROLE_NONE, DEPTH_8).fg, 1);
		theme_free(theme);
		strbuf_release(&problems);
	}
}

static void a_theme_that_inherits_itself_ends(void **state)
{
	struct strbuf problems = STRBUF_INIT;
	struct theme *theme = load("inherit = probe\n", &problems);

	(void)state;
	assert_non_null(strstr(problems.buf, "in a row"));
	theme_free(theme);
	strbuf_release(&problems);
}

static void the_check_finds_what_cannot_be_read(void **state)
{
	struct file_mode mode = { .mode = 0644 };
	struct strbuf out = STRBUF_INIT;
	struct err err;
	const char *text = "inherit = terminal\n[roles]\ntext = #777777 on #888888\n"
			   "state.crit = green\nbar = blue on blue\n";

	(void)state;
	assert_true(file_replace("build/bad.theme", text, strlen(text), &mode, &err));
	assert_false(theme_check("build/bad.theme", dirs, &out));
	remove("build/bad.theme");
	assert_non_null(strstr(out.buf, "contrast 1."));
	assert_non_null(strstr(out.buf, "bar vanishes with 8 colors"));
	strbuf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(every_shipped_theme_passes_the_check),
		cmocka_unit_test(the_built_in_themes_are_the_shipped_ones),
		cmocka_unit_test(a_faulty_line_keeps_the_inherited_look_and_is_named),
		cmocka_unit_test(missing_steps_are_derived),
		cmocka_unit_test(without_colors_only_attributes_are_left),
		cmocka_unit_test(an_unknown_or_hostile_name_gives_terminal),
		cmocka_unit_test(a_theme_that_inherits_itself_ends),
		cmocka_unit_test(the_check_finds_what_cannot_be_read),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
