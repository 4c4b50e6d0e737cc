#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <locale.h>

#include "binnacle/base/list.h"
#include "binnacle/tui/grid.h"
#include "support/model_fixture.h"

static void assert_text(const struct grid *grid, const char *want)
{
	struct strbuf text = STRBUF_INIT;

	grid_dump_text(grid, &text);
	assert_string_equal(text.buf, want);
	strbuf_release(&text);
}

static void fields_are_cut_and_padded_to_their_width(void **state)
{
	static const struct {
		int width;
		unsigned flags;
		const char *text, *want;
	} cases[] = {
		{ 8, 0, "short", "[short   ]\n" },
		{ 8, PUT_RIGHT, "42", "[      42]\n" },
		{ 8, 0, "exactly8", "[exactly8]\n" },
		{ 8, 0, "much too long", "[much to~]\n" },
		{ 8, PUT_CUT_MIDDLE, "dock-3:web:8080", "[dock~080]\n" },
		{ 3, PUT_CUT_MIDDLE, "dock-3", "[do~]\n" },
		{ 1, 0, "ab", "[~]\n" },
		{ 4, 0, "\xe6\xb8\xaf\xe5\x8f\xa3", "[\xe6\xb8\xaf\xe5\x8f\xa3]\n" },
		{ 3, 0, "\xe6\xb8\xaf\xe5\x8f\xa3", "[\xe6\xb8\xaf~]\n" },
		{ 4, 0, "\xe6\xb8\xaf\xe5\x8f\xa3x", "[\xe6\xb8\xaf ~]\n" },
		{ 10, 0, "a\033[2Jb", "[a^[[2Jb   ]\n" },
		{ 6, 0, "a\tb\nc", "[a b\\nc]\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct grid *grid = grid_new(cases[i].width + 2, 1, false);

		grid_put_text(grid, 0, 0, 1, "[", ROLE_TEXT);
		grid_put_field(grid, 0, 1, cases[i].width, cases[i].flags, cases[i].text,
			       ROLE_TEXT);
		grid_put_text(grid, 0, cases[i].width + 1, 1, "]", ROLE_TEXT);
		assert_text(grid, cases[i].want);
		grid_free(grid);
	}
}

static void half_of_a_wide_character_becomes_a_blank(void **state)
{
	struct grid *grid = grid_new(6, 1, false);

	(void)state;
	grid_put_text(grid, 0, 0, 6, "\xe6\xb8\xaf\xe5\x8f\xa3", ROLE_TEXT);
	grid_put_text(grid, 0, 1, 1, "x", ROLE_TEXT);
	assert_text(grid, " x\xe5\x8f\xa3\n");
	grid_put_text(grid, 0, 2, 1, "y", ROLE_TEXT);
	assert_text(grid, " xy\n");
	grid_clear(grid);
	grid_put_bytes(grid, 0, 0, 6, 1,
		       "\xe6\xb8\xaf"
		       "ab",
		       5, ROLE_TEXT);
	assert_text(grid, " ab\n");
	grid_free(grid);
}

static void three_marks_at_most_stand_on_a_base(void **state)
{
	struct grid *grid = grid_new(8, 1, false);

	(void)state;
	grid_put_text(grid, 0, 0, 8, FIXTURE_MARKS, ROLE_TEXT);
	assert_text(grid, "za\xcc\x81\xcc\x82\xcc\x83lgo\n");
	grid_clear(grid);
	grid_put_text(grid, 0, 0, 8, "\xcc\x81x", ROLE_TEXT);
	assert_text(grid, "?x\n");
	grid_free(grid);
}

static void nothing_is_drawn_outside_of_the_clip(void **state)
{
	struct grid *grid = grid_new(6, 3, false);

	(void)state;
	grid_clip(grid, (struct area){ 1, 2, 1, 2 });
	for (int row = -1; row < 4; row++)
		grid_put_text(grid, row, -3, 20, "abcdefghijkl", ROLE_TEXT);
	grid_fill(grid, (struct area){ -5, -5, 1, 50 }, ROLE_TEXT);
	grid_over(grid, 1, -5, 50, ROLE_CURSOR);
	assert_text(grid, "\n  fg\n\n");
	grid_free(grid);
}

static void a_picture_escapes_what_xml_would_read(void **state)
{
	struct theme *theme = theme_load("terminal", NULL, NULL);
	struct grid *grid = grid_new(20, 1, false);
	struct strbuf svg = STRBUF_INIT;

	(void)state;
	grid_put_text(grid, 0, 0, 20, "<script>&\"", ROLE_TEXT);
	grid_dump_svg(grid, theme, "a < b", &svg);
	assert_null(strstr(svg.buf, "<script>"));
	assert_non_null(strstr(svg.buf, "&lt;script&gt;&amp;"));
	assert_non_null(strstr(svg.buf, "<title>a &lt; b</title>"));
	strbuf_release(&svg);
	grid_free(grid);
	theme_free(theme);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(fields_are_cut_and_padded_to_their_width),
		cmocka_unit_test(half_of_a_wide_character_becomes_a_blank),
		cmocka_unit_test(three_marks_at_most_stand_on_a_base),
		cmocka_unit_test(nothing_is_drawn_outside_of_the_clip),
		cmocka_unit_test(a_picture_escapes_what_xml_would_read),
	};

	setlocale(LC_ALL, "C.UTF-8");
	return cmocka_run_group_tests(tests, NULL, NULL);
}
