/*
 * present/table.h - how each table of the model is shown: columns, order, states, details.
 *
 * A column is neither a matter of the terminal nor of --batch: both read these rows. A new
 * column is one row and one small function; a new table is one entry.
 *
 *     const struct table *table = present_table(MODEL_SERVICES);
 *     struct row_view view = { 0 };
 *     row_view_fill(&view, table, snapshot, filter, &sort);
 *     for (size_t i = 0; i < view.count; i++)
 *         column->text(view.rows[i], &text);
 */
#ifndef BINNACLE_PRESENT_TABLE_H
#define BINNACLE_PRESENT_TABLE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/model/model.h"

struct filter;
struct json;

enum column_flags {
	COLUMN_RIGHT = 1,      /* numbers */
	COLUMN_WIDE = 2,       /* only shown when asked for (`w`, --wide) */
	COLUMN_CUT_MIDDLE = 4, /* identifiers: both ends matter */
	COLUMN_STATE = 8,      /* drawn in the color of the row's state */
	COLUMN_TIME = 16,      /* a time; `t` and --time choose how it reads */
	COLUMN_AGE = 32,       /* with COLUMN_TIME: reads as an age where a clock time would */
};

struct column {
	const char *id, *title;
	unsigned char min_cells, max_cells; /* max 0: takes the rest of the width */
	unsigned char priority;             /* 1 is never dropped */
	unsigned flags;
	void (*text)(const void *row, struct strbuf *out);
	int64_t (*number)(const void *row); /* for order and JSON; NULL: by text */
	bool number_is_time;                /* wall clock ms: JSON prints RFC 3339 */
};

struct table {
	enum model_table model;
	const char *name, *singular; /* "services", "service": the KIND of --batch */
	const char *title;           /* "Services" */
	const struct column *columns;
	size_t column_count;
	enum row_state (*state)(const void *row);
	bool (*attention)(const void *row); /* `x` marks it; NULL: none */
	int (*order)(const void *a, const void *b);
	const char *empty, *empty_hint; /* sentences */
	/* What the title counts: "12  1 CRIT  1 WARN". */
	void (*summary)(const struct snapshot *snapshot, struct strbuf *out);
	/* All fields as JSON (show, -o json). */
	void (*json)(const void *row, struct json *into);
	/* The summary tab of the detail view: lines "label<TAB>value", blank lines allowed,
	 * a line without a tab is a heading. */
	void (*detail)(const void *row, const struct model *model, struct strbuf *out);
	/* Addresses drawn under the summary, NULL: none. Lines "label<TAB>cells", a character per
	 * address as in struct block_row, blanks between; '[' and ']' around one that is meant.
	 * What the characters mean: PRESENT_MAP_LEGEND. */
	void (*map)(const void *row, const struct model *model, struct strbuf *out);
};

#define PRESENT_MAP_LEGEND "# in use   L leaked   O orphan   F foreign   ? not known   . free"

const struct table *present_table(enum model_table table);
const struct table *present_table_named(const char *name); /* plural or singular; NULL */
/* By id; "status" and "state" stand for each other. NULL: no such column. */
const struct column *table_column(const struct table *table, const char *id);
/* Whether a state is one that `a` (attention rows only) keeps. */
bool row_state_needs_attention(enum row_state state);

/* Whether times read as an age ("12s") or a clock ("14:02:07"). Set once per front end. */
enum present_time { PRESENT_TIME_CLOCK, PRESENT_TIME_AGE, PRESENT_TIME_ISO, PRESENT_TIME_EPOCH };
void present_set_time(enum present_time how);
enum present_time present_time(void);

struct sort {
	const struct column *column; /* NULL: the table's own order */
	bool descending;
};

/* The rows of a snapshot that a filter lets through, in order. Borrowed from the snapshot. */
struct row_view {
	const void **rows;
	size_t count, total, cap;
};
void row_view_fill(struct row_view *view, const struct table *table,
		   const struct snapshot *snapshot, const struct filter *filter,
		   const struct sort *sort);
void row_view_release(struct row_view *view);

/*
 * The filter language of `/` and --filter:
 *   web             substring in any column; no capitals in the term: ignore case
 *   web edge        both      web|api   either      !dock-4   not
 *   state:stale  node:dock-4  age:>1h  port:<1024   column tests with = != < >
 *   ~^web[0-9]+$    extended regular expression      "two words"   literal
 */
struct filter *filter_parse(const char *text, const struct table *table, struct err *err);
void filter_free(struct filter *filter);
bool filter_matches(const struct filter *filter, const struct table *table, const void *row);

/* "90s" "15m" "3h" "2d", or Go's "1h30m": an age as filters and --older take it. */
bool present_parse_age(const char *text, int64_t *out_ms);

/* Order of names in which "web.2" stands before "web.10". */
int present_compare_names(const char *a, const char *b);

/*
 * Share `width_cells` among columns: each gets its minimum by priority until the width is used,
 * then the rest in proportion to max - min, highest priority first; a column with max 0 takes
 * what remains. Columns that do not fit get 0. One blank stands between columns. widths has
 * table->column_count elements. wide: also those marked COLUMN_WIDE.
 */
void columns_share(const struct table *table, int width_cells, bool wide, int *widths);
/* The same for columns that somebody chose, in the order in which they stand. */
void columns_share_chosen(const struct column *const *columns, size_t count, int width_cells,
			  int *widths);

#endif
