/*
 * table_view.h - a table of the model as a list: the panes, and other lists made of rows.
 *
 * The cursor and the marks are identities. The view holds a reference to the snapshot it paints.
 */
#ifndef TUI_TABLE_VIEW_H
#define TUI_TABLE_VIEW_H

#include "binnacle/base/strmap.h"
#include "binnacle/present/table.h"
#include "view.h"

/* Which rows a list is about, before any filter: arg is the view's base_arg. */
typedef bool table_base_fn(const void *row, const char *arg);

struct table_view {
	const struct table *table;
	struct column *sized;   /* the table's, none wider than what stands in it */
	int number;             /* of the pane; 0: a list that is no pane */
	bool *chosen;           /* of each column; NULL: as the width and `wide` allow */
	struct snapshot *shown; /* a reference */
	char *summary;          /* of it, see table_view_summary; NULL: not counted yet */
	int64_t summary_ms;     /* monotonic */
	struct row_view rows;   /* borrowed from `shown`; total counts what base lets through */
	char *filter_text;      /* NULL: none */
	struct filter *filter;
	table_base_fn *base; /* NULL: all rows */
	char *base_arg;
	bool attention; /* `a`: rows that need attention alone */
	struct sort sort;
	char *cursor_id;     /* NULL: no rows */
	size_t cursor, top;  /* positions of now, kept in step with cursor_id */
	struct strmap marks; /* identities */
	char *range_id;      /* where a range began; NULL: none */
	int skipped_columns; /* left out after the first one, by `l` */
	bool wide, zoomed;
	bool follow;     /* events: the cursor holds the newest row */
	char *paused_id; /* the newest row when following stopped; NULL: it follows */
};

struct table_view *table_view_state(const struct view *view); /* asserts the kind */
bool view_is_table(const struct view *view);

/* The row under the cursor; NULL when there is none. Borrowed until the next refresh. */
const void *table_view_row(const struct table_view *list);
/* NULL or "" clears it. False: the text is wrong, and the last good filter stays. */
bool table_view_set_filter(struct view *view, const char *text, struct err *err);
/* Limit the list to some rows; filters of the operator work within them. */
void table_view_set_base(struct view *view, table_base_fn *base, const char *arg);
void table_view_unmark(struct view *view);
/* What the title counts, "" when nothing is known: at most a second old, since counting ten
 * thousand rows is not for each key, and some count what is of the last minutes. */
const char *table_view_summary(struct table_view *list);
/* The title alone, or with the row that is worst: how panes without the focus look. */
void table_view_paint_brief(struct view *view, struct grid *grid, struct area area);
/* Without the title row: as a part of another view. */
void table_view_paint_body(struct view *view, struct grid *grid, struct area area, bool focused);
#endif
