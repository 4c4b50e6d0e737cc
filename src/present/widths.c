#include <assert.h>
#include <stdlib.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/present/table.h"

#define ISO_TIME_CELLS  20 /* 2024-05-01T12:02:11Z */
#define LOWEST_PRIORITY 255

/* A moment written out needs its room whatever the column was made for. */
static int least(const struct column *column)
{
	if ((column->flags & COLUMN_TIME) && present_time() == PRESENT_TIME_ISO)
		return ISO_TIME_CELLS;
	return column->min_cells;
}

static int most(const struct column *column)
{
	int max = column->max_cells;

	return max < least(column) ? least(column) : max;
}

/* Give the columns of each priority, best first, what they can still use. */
static int grow(const struct column *const *columns, size_t count, int left, int *widths)
{
	for (int priority = 1; priority < LOWEST_PRIORITY && left > 0; priority++) {
		int wanted = 0, given = 0;

		for (size_t i = 0; i < count; i++)
			if (widths[i] && columns[i]->priority == priority && columns[i]->max_cells)
				wanted += most(columns[i]) - widths[i];
		if (!wanted)
			continue;
		for (size_t i = 0; i < count; i++) {
			int room, share;

			if (!widths[i] || columns[i]->priority != priority ||
			    !columns[i]->max_cells)
				continue;
			room = most(columns[i]) - widths[i];
			share = wanted <= left ? room : (int)((long)room * left / wanted);
			widths[i] += share;
			given += share;
		}
		left -= given;
		/* What rounding left over goes to the first that can take it. */
		for (size_t i = 0; i < count && left > 0 && wanted > given; i++) {
			if (!widths[i] || columns[i]->priority != priority ||
			    !columns[i]->max_cells || widths[i] >= most(columns[i]))
				continue;
			widths[i]++;
			left--;
			given++;
		}
	}
	return left;
}

void columns_share_chosen(const struct column *const *columns, size_t count, int width_cells,
			  int *widths)
{
	int left = width_cells + 1; /* each column pays for one blank, the last one does not */
	size_t rest = count;

	for (size_t i = 0; i < count; i++)
		widths[i] = 0;
	for (int priority = 1; priority < LOWEST_PRIORITY; priority++) {
		for (size_t i = 0; i < count; i++) {
			int need = least(columns[i]) + 1;

			if (columns[i]->priority != priority)
				continue;
			if (priority > 1 && need > left)
				continue;
			widths[i] = need - 1;
			left -= need;
		}
	}
	if (left > 0)
		left = grow(columns, count, left, widths);
	for (size_t i = 0; i < count; i++)
		if (widths[i] && !columns[i]->max_cells)
			rest = i;
	if (left > 0 && rest < count)
		widths[rest] += left;
}

void columns_share(const struct table *table, int width_cells, bool wide, int *widths)
{
	const struct column **shown = xcalloc(table->column_count + 1, sizeof(*shown));
	int *shares = xcalloc(table->column_count + 1, sizeof(*shares));
	size_t count = 0;

	for (size_t i = 0; i < table->column_count; i++)
		if (wide || !(table->columns[i].flags & COLUMN_WIDE))
			shown[count++] = &table->columns[i];
	columns_share_chosen(shown, count, width_cells, shares);
	for (size_t i = 0, at = 0; i < table->column_count; i++)
		widths[i] = at < count && shown[at] == &table->columns[i] ? shares[at++] : 0;
	free(shown);
	free(shares);
}
