#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/tui/layout.h"
#include "binnacle/base/list.h"

#define CELLS_MAX (230 * 80)

/* Paint an area; no cell may be painted twice, none outside of the body. */
static void claim(char *cells, const struct layout_input *input, const struct layout *layout,
		  struct area area, char mark)
{
	for (int row = area.row; row < area.row + area.height; row++) {
		for (int col = area.col; col < area.col + area.width; col++) {
			char *cell = &cells[row * input->width + col];

			assert_true(row >= layout->body.row &&
				    row < layout->body.row + layout->body.height);
			assert_true(col >= 0 && col < input->width);
			assert_int_equal(*cell, 0);
			*cell = mark;
		}
	}
}

static void check(const struct layout_input *input)
{
	static char cells[CELLS_MAX];
	struct layout layout;
	int shown = 0;

	memset(cells, 0, sizeof(cells));
	layout_compute(&layout, input);
	for (int i = 0; i < PANE_COUNT; i++) {
		const struct pane_place *place = &layout.panes[i];

		shown += place->area.height > 0;
		if (place->area.height > 0 && !place->brief)
			assert_true(place->area.height >= 3);
		claim(cells, input, &layout, place->area, (char)('1' + i));
	}
	claim(cells, input, &layout, layout.preview, 'p');
	for (int i = 0; i < layout.rule_count; i++)
		claim(cells, input, &layout,
		      (struct area){ layout.body.row, layout.rules[i], layout.body.height, 1 },
		      '|');
	assert_int_equal(shown, input->grow == GROW_FULL ? 1 : PANE_COUNT);
	assert_true(layout.panes[input->focus].area.height > 0);
	assert_false(layout.panes[input->focus].brief);
	for (int row = 0; row < layout.body.height; row++)
		for (int col = 0; col < input->width; col++)
			assert_int_not_equal(cells[(layout.body.row + row) * input->width + col],
					     0);
}

static void panes_fill_the_body_and_never_overlap(void **state)
{
	(void)state;
	for (int width = 60; width <= 220; width += 7)
		for (int height = 15; height <= 70; height += 5)
			for (int columns = 0; columns <= 3; columns++)
				for (int grow = GROW_NORMAL; grow <= GROW_FULL; grow++)
					for (int focus = 0; focus < PANE_COUNT; focus++) {
						struct layout_input input = {
							.width = width,
							.height = height,
							.no_hints = focus % 2,
							.columns = columns,
							.grow = (enum layout_grow)grow,
							.preview = (enum layout_preview)(width % 3),
							.focus = focus,
						};

						check(&input);
					}
}

static void the_size_decides_the_number_of_columns(void **state)
{
	static const struct {
		int width, height, columns;
		bool preview;
	} cases[] = {
		{ 60, 15, 1, false },  { 80, 24, 1, false },  { 99, 60, 1, false },
		{ 100, 23, 1, false }, { 100, 24, 2, false }, { 159, 60, 2, false },
		{ 160, 29, 2, false }, { 160, 30, 3, true },  { 200, 60, 3, true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct layout_input input = { .width = cases[i].width,
					      .height = cases[i].height,
					      .focus = PANE_SERVICES };
		struct layout layout;

		layout_compute(&layout, &input);
		assert_int_equal(layout.columns, cases[i].columns);
		assert_int_equal(layout.preview.height > 0, cases[i].preview);
	}
	assert_true(layout_too_small(59, 15));
	assert_true(layout_too_small(60, 14));
	assert_false(layout_too_small(60, 15));
}

static void a_grown_pane_has_half_of_its_column(void **state)
{
	struct layout_input input = {
		.width = 120, .height = 40, .grow = GROW_HALF, .focus = PANE_RENDERS
	};
	struct layout layout;

	(void)state;
	layout_compute(&layout, &input);
	assert_true(layout.panes[PANE_RENDERS].area.height >= layout.body.height / 2 - 1);
	assert_true(layout.panes[PANE_EVENTS].area.height >= 3);
	assert_true(layout.panes[PANE_ENDPOINTS].area.height >= 3);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(panes_fill_the_body_and_never_overlap),
		cmocka_unit_test(the_size_decides_the_number_of_columns),
		cmocka_unit_test(a_grown_pane_has_half_of_its_column),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
