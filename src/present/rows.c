/* Sorting works on an array of keys that were made once: the text of a column is written by a
 * function, and calling it in each comparison would cost more than the sort. The merge sort is
 * stable, so rows that compare equal keep the order of the snapshot and do not jump about. */
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/present/table.h"

struct key {
	const void *row;
	char *text;
	int64_t number;
};

struct sorting {
	const struct table *table;
	const struct column *column; /* NULL: table->order */
	bool descending;
};

int present_compare_names(const char *a, const char *b)
{
	while (*a && *b) {
		if (isdigit((unsigned char)*a) && isdigit((unsigned char)*b)) {
			size_t len_a, len_b;
			int order;

			a += strspn(a, "0");
			b += strspn(b, "0");
			len_a = strspn(a, "0123456789");
			len_b = strspn(b, "0123456789");
			if (len_a != len_b)
				return len_a < len_b ? -1 : 1;
			order = memcmp(a, b, len_a);
			if (order)
				return order;
			a += len_a;
			b += len_b;
			continue;
		}
		if (*a != *b)
			return (unsigned char)*a < (unsigned char)*b ? -1 : 1;
		a++;
		b++;
	}
	return *a ? 1 : *b ? -1 : 0;
}

static int compare(const struct sorting *sorting, const struct key *a, const struct key *b)
{
	int order;

	if (!sorting->column)
		order = sorting->table->order ? sorting->table->order(a->row, b->row) : 0;
	else if (sorting->column->number)
		order = (a->number > b->number) - (a->number < b->number);
	else
		order = present_compare_names(a->text, b->text);
	/* The youngest has the latest beginning. */
	if (sorting->column && (sorting->column->flags & COLUMN_AGE))
		order = -order;
	return sorting->descending ? -order : order;
}

static void merge_sort(const struct sorting *sorting, struct key *keys, struct key *spare,
		       size_t count)
{
	size_t half = count / 2, left = 0, right = half;

	if (count < 2)
		return;
	merge_sort(sorting, keys, spare, half);
	merge_sort(sorting, keys + half, spare, count - half);
	for (size_t i = 0; i < count; i++) {
		bool take_left = left < half && (right == count ||
						 compare(sorting, &keys[left], &keys[right]) <= 0);

		spare[i] = take_left ? keys[left++] : keys[right++];
	}
	memcpy(keys, spare, count * sizeof(*keys));
}

static void sort_rows(struct row_view *view, const struct sorting *sorting)
{
	struct key *keys = xcalloc(view->count + 1, sizeof(*keys));
	struct key *spare = xcalloc(view->count + 1, sizeof(*spare));
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < view->count; i++) {
		keys[i].row = view->rows[i];
		if (sorting->column && sorting->column->number) {
			keys[i].number = sorting->column->number(view->rows[i]);
		} else if (sorting->column) {
			strbuf_reset(&text);
			sorting->column->text(view->rows[i], &text);
			keys[i].text = xstrdup(text.buf);
		}
	}
	merge_sort(sorting, keys, spare, view->count);
	for (size_t i = 0; i < view->count; i++) {
		view->rows[i] = keys[i].row;
		free(keys[i].text);
	}
	strbuf_release(&text);
	free(keys);
	free(spare);
}

void row_view_fill(struct row_view *view, const struct table *table,
		   const struct snapshot *snapshot, const struct filter *filter,
		   const struct sort *sort)
{
	struct sorting sorting = { table, sort ? sort->column : NULL, sort && sort->descending };

	view->count = 0;
	view->total = snapshot->count;
	for (size_t i = 0; i < snapshot->count; i++) {
		const void *row = snapshot_row(snapshot, i);

		if (filter && !filter_matches(filter, table, row))
			continue;
		GROW(view->rows, view->count, view->cap);
		view->rows[view->count++] = row;
	}
	sort_rows(view, &sorting);
}

void row_view_release(struct row_view *view)
{
	free(view->rows);
	*view = (struct row_view){ 0 };
}
