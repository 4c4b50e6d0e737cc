#include "layout.h"

#include <assert.h>
#include <string.h>

#define PANE_MIN_ROWS 3 /* title, header, one row */

/* ORDER PANE: how rows are shared in a column. */
static const int weights[PANE_COUNT] = { 3, 6, 4, 3, 4 };

bool layout_too_small(int width, int height)
{
	return width < LAYOUT_MIN_WIDTH || height < LAYOUT_MIN_HEIGHT;
}

static int columns_by_size(int width, int height)
{
	if (width >= 160 && height >= 30)
		return 3;
	if (width >= 100 && height >= 24)
		return 2;
	return 1;
}

static void one_column(struct layout *layout, const struct layout_input *input)
{
	int brief = input->height >= 24 ? 2 : 1, row = layout->body.row;
	int rest = layout->body.height - (PANE_COUNT - 1) * brief;

	for (int i = 0; i < PANE_COUNT; i++) {
		struct pane_place *place = &layout->panes[i];

		place->area = layout->body;
		place->area.row = row;
		place->area.height = i == input->focus ? rest : brief;
		place->brief = i != input->focus;
		row += place->area.height;
	}
}

/* Stack some panes in one column of the screen; the last takes what rounding leaves. */
static void stack(struct layout *layout, const struct layout_input *input, struct area column,
		  const int *panes, int count)
{
	int total = 0, left = column.height, row = column.row;
	int share[PANE_COUNT];

	for (int i = 0; i < count; i++) {
		/* A grown pane takes half of its column. */
		share[i] = weights[panes[i]];
		total += share[i];
	}
	for (int i = 0; i < count; i++)
		if (panes[i] == input->focus && input->grow == GROW_HALF && count > 1) {
			share[i] = total - share[i];
			total = 2 * share[i];
		}
	for (int i = 0; i < count; i++) {
		int rows = i == count - 1 ? left : column.height * share[i] / total;
		int others = (count - 1 - i) * PANE_MIN_ROWS;

		if (rows < PANE_MIN_ROWS)
			rows = PANE_MIN_ROWS;
		if (rows > left - others)
			rows = left - others;
		layout->panes[panes[i]].area = (struct area){ row, column.col, rows, column.width };
		row += rows;
		left -= rows;
	}
}

static struct area column_area(const struct layout *layout, int index, int count)
{
	int usable = layout->body.width - (count - 1);
	struct area area = layout->body;

	area.width = usable / count;
	area.col = index * (area.width + 1);
	if (index == count - 1)
		area.width = layout->body.width - area.col;
	return area;
}

static void two_columns(struct layout *layout, const struct layout_input *input)
{
	static const int left[] = { PANE_MEMBERS, PANE_SERVICES };
	static const int right[] = { PANE_EVENTS, PANE_RENDERS, PANE_ENDPOINTS };
	struct area first = column_area(layout, 0, 2), second = column_area(layout, 1, 2);

	if (input->preview == PREVIEW_ON && first.height >= 24) {
		layout->preview = second;
		layout->preview.height = second.height / 3;
		second.height -= layout->preview.height;
		layout->preview.row = second.row + second.height;
	}
	stack(layout, input, first, left, 2);
	stack(layout, input, second, right, 3);
	layout->rules[layout->rule_count++] = second.col - 1;
}

static void three_columns(struct layout *layout, const struct layout_input *input)
{
	static const int first[] = { PANE_MEMBERS, PANE_SERVICES };
	static const int second[] = { PANE_EVENTS, PANE_RENDERS };
	static const int third[] = { PANE_ENDPOINTS };
	struct area column = column_area(layout, 2, 3);

	stack(layout, input, column_area(layout, 0, 3), first, 2);
	stack(layout, input, column_area(layout, 1, 3), second, 2);
	if (input->preview != PREVIEW_OFF) {
		layout->preview = column;
		column.height = column.height * 4 / 9;
		layout->preview.row = column.row + column.height;
		layout->preview.height -= column.height;
	}
	stack(layout, input, column, third, 1);
	for (int i = 1; i < 3; i++)
		layout->rules[layout->rule_count++] = column_area(layout, i, 3).col - 1;
}

void layout_compute(struct layout *layout, const struct layout_input *input)
{
	int below = input->no_hints ? 1 : 2; /* the message line, and the hints */
	int able = columns_by_size(input->width, input->height), columns = input->columns;

	assert(input->focus >= 0 && input->focus < PANE_COUNT);
	memset(layout, 0, sizeof(*layout));
	layout->body = (struct area){ 1, 0, input->height - 1 - below, input->width };
	if (columns == 0 || (columns > able && input->width < columns * 40))
		columns = able;
	/* Panes of three rows each must fit. */
	if (columns > 1 && layout->body.height < 3 * PANE_MIN_ROWS)
		columns = 1;
	layout->columns = columns;
	if (input->grow == GROW_FULL)
		layout->panes[input->focus].area = layout->body;
	else if (columns == 1)
		one_column(layout, input);
	else if (columns == 2)
		two_columns(layout, input);
	else
		three_columns(layout, input);
}
