/*
 * Lists. The rows come from present/table.h; here are cursor, marks, scrolling and the painting
 * of one screenful. Positions are recomputed from identities at every refresh, so that whatever
 * is inserted above the cursor, the cursor stays on its thing.
 */
#include "table_view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "internal.h"

#define COLUMNS_MAX    32
#define GUTTER_CELLS   2
#define SPARK_MINUTES  15
#define MINUTE_MS      60000
#define FIRST_WORDS_MS 300 /* before a pane says what it waits for */
#define NAME_CELLS     16
#define ADDRESS_CELLS  15  /* IPv4 */
#define MEASURED_ROWS  300 /* that decide how wide columns are */

static const struct view_kind table_kind;

struct table_view *table_view_state(const struct view *view)
{
	assert(view->kind == &table_kind);
	return view->state;
}

bool view_is_table(const struct view *view)
{
	return view->kind == &table_kind;
}

const void *table_view_row(const struct table_view *list)
{
	return list->cursor < list->rows.count ? list->rows.rows[list->cursor] : NULL;
}

static void replace(char **field, const char *text)
{
	char *old = *field;

	*field = text ? xstrdup(text) : NULL;
	free(old);
}

static bool index_of(const struct table_view *list, const char *id, size_t *out)
{
	for (size_t i = 0; id && i < list->rows.count; i++) {
		if (strcmp(row_id(list->rows.rows[i]), id) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

static void keep_cursor_visible(struct view *view)
{
	struct table_view *list = view->state;
	size_t rows = view->height > 0 ? (size_t)view->height : 1;

	if (list->rows.count == 0) {
		list->cursor = list->top = 0;
		return;
	}
	if (list->cursor >= list->rows.count)
		list->cursor = list->rows.count - 1;
	if (list->top > list->cursor)
		list->top = list->cursor;
	if (list->cursor >= list->top + rows)
		list->top = list->cursor - rows + 1;
	if (list->rows.count <= rows)
		list->top = 0;
	else if (list->top > list->rows.count - rows)
		list->top = list->rows.count - rows;
}

static void set_cursor(struct view *view, size_t index)
{
	struct table_view *list = view->state;

	list->cursor = index;
	keep_cursor_visible(view);
	replace(&list->cursor_id,
		list->rows.count > 0 ? row_id(list->rows.rows[list->cursor]) : NULL);
}

static bool wants_attention(const struct table *table, const void *row)
{
	return row_state_needs_attention(table->state(row)) ||
	       (table->attention && table->attention(row));
}

/* What the list is about, and attention: what the filter language does not say. */
static void narrow(struct table_view *list)
{
	size_t kept = 0, hidden_by_base = 0;

	if (list->base)
		for (size_t i = 0; i < list->shown->count; i++)
			hidden_by_base += !list->base(snapshot_row(list->shown, i), list->base_arg);
	list->rows.total = list->shown->count - hidden_by_base;
	for (size_t i = 0; i < list->rows.count; i++) {
		const void *row = list->rows.rows[i];

		if (list->base && !list->base(row, list->base_arg))
			continue;
		if (list->attention && !wants_attention(list->table, row))
			continue;
		list->rows.rows[kept++] = row;
	}
	list->rows.count = kept;
}

/* Width that a column does not need is better spent on the sentences at the end of the row. */
static void measure(struct table_view *list)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < list->table->column_count; i++) {
		const struct column *column = &list->table->columns[i];
		int widest = (int)strlen(column->title);

		list->sized[i] = *column;
		for (size_t k = 0; k < list->rows.count && k < MEASURED_ROWS; k++) {
			int cells;

			strbuf_reset(&text);
			column->text(list->rows.rows[k], &text);
			cells = text_width(text.buf, text.len);
			if (cells > widest)
				widest = cells;
		}
		if (column->max_cells > 0 && widest < column->max_cells)
			list->sized[i].max_cells = widest < column->min_cells
							   ? column->min_cells
							   : (unsigned char)widest;
		/* A name or an address of which a part is missing is worth little. */
		if ((column->priority == 1 && column->flags & COLUMN_CUT_MIDDLE) ||
		    text_starts_with(column->id, "addr")) {
			int most = column->priority == 1 ? NAME_CELLS : ADDRESS_CELLS;
			int least = widest < most ? widest : most;

			if (least > column->min_cells && least <= list->sized[i].max_cells)
				list->sized[i].min_cells = (unsigned char)least;
		}
	}
	strbuf_release(&text);
}

static void fill(struct view *view)
{
	struct table_view *list = view->state;
	size_t old_cursor = list->cursor, now;

	if (!list->shown)
		return;
	row_view_fill(&list->rows, list->table, list->shown, list->filter, &list->sort);
	narrow(list);
	measure(list);
	if (list->follow && !list->paused_id) {
		set_cursor(view, 0);
		return;
	}
	if (!index_of(list, list->cursor_id, &now)) { /* it is gone: stay in its place */
		set_cursor(view, old_cursor);
		return;
	}
	/* The row keeps its place on the screen, unless the top is in sight. */
	if (list->top > 0 && now + list->top >= old_cursor)
		list->top = now + list->top - old_cursor;
	set_cursor(view, now);
}

/* Marks end when their thing disappears. */
static void prune_marks(struct table_view *list)
{
	for (size_t i = list->marks.count; i-- > 0;)
		if (!snapshot_find(list->shown, list->marks.entries[i].key))
			strmap_remove(&list->marks, list->marks.entries[i].key);
}

static void table_refresh(struct view *view)
{
	struct table_view *list = view->state;
	struct snapshot *now = model_current(view->tui->model, list->table->model);

	if (list->shown == now)
		return;
	snapshot_unref(&list->shown);
	list->shown = snapshot_ref(now);
	if (list->marks.count > 0)
		prune_marks(list);
	fill(view);
}

bool table_view_set_filter(struct view *view, const char *text, struct err *err)
{
	struct table_view *list = table_view_state(view);
	struct filter *filter = NULL;

	if (text && *text) {
		filter = filter_parse(text, list->table, err);
		if (!filter)
			return false;
	}
	filter_free(list->filter);
	list->filter = filter;
	replace(&list->filter_text, filter ? text : NULL);
	fill(view);
	return true;
}

void table_view_set_base(struct view *view, table_base_fn *base, const char *arg)
{
	struct table_view *list = table_view_state(view);

	list->base = base;
	replace(&list->base_arg, arg);
	fill(view);
}

bool table_view_go_to(struct view *view, const char *id)
{
	struct table_view *list = table_view_state(view);
	size_t index;

	if (!index_of(list, id, &index))
		return false;
	set_cursor(view, index);
	return true;
}

static void move_cursor(struct view *view, long rows)
{
	struct table_view *list = view->state;
	long to = (long)list->cursor + rows, last = (long)list->rows.count - 1;

	if (list->rows.count == 0)
		return;
	if (list->follow && !list->paused_id && rows != 0)
		replace(&list->paused_id, row_id(list->rows.rows[0]));
	set_cursor(view, (size_t)(to < 0 ? 0 : to > last ? last : to));
}

static void mark(struct table_view *list, const char *id, bool on)
{
	if (on)
		strmap_put(&list->marks, id, list);
	else
		strmap_remove(&list->marks, id);
}

static void end_range(struct table_view *list)
{
	size_t from, to = list->cursor;

	if (index_of(list, list->range_id, &from))
		for (size_t i = from < to ? from : to; i <= (from < to ? to : from); i++)
			mark(list, row_id(list->rows.rows[i]), true);
	replace(&list->range_id, NULL);
}

static void act_mark(struct view *view)
{
	struct table_view *list = view->state;
	const void *row = table_view_row(list);

	if (list->range_id) {
		end_range(list);
		return;
	}
	if (!row)
		return;
	mark(list, row_id(row), !strmap_has(&list->marks, row_id(row)));
	move_cursor(view, 1);
}

void table_view_unmark(struct view *view)
{
	struct table_view *list = table_view_state(view);

	strmap_release(&list->marks);
	replace(&list->range_id, NULL);
}

static void act_range(struct view *view)
{
	struct table_view *list = view->state;
	const void *row = table_view_row(list);

	if (list->range_id)
		end_range(list);
	else if (row)
		replace(&list->range_id, row_id(row));
}

static void act_mark_all(struct view *view, bool attention_only)
{
	struct table_view *list = view->state;
	size_t count = 0;

	for (size_t i = 0; i < list->rows.count; i++) {
		const void *row = list->rows.rows[i];

		if (attention_only && !(list->table->attention && list->table->attention(row)))
			continue;
		mark(list, row_id(row), true);
		count++;
	}
	if (attention_only)
		tui_message(view->tui, LOG_LEVEL_INFO, "%zu marked", count);
}

static bool is_column_shown(const struct table_view *list, size_t index)
{
	if (list->chosen)
		return list->chosen[index];
	return list->wide || !(list->table->columns[index].flags & COLUMN_WIDE);
}

/* Columns in their order that may be shown now. */
static size_t choose_columns(const struct table_view *list, const struct column **out)
{
	size_t count = 0, skipped = 0;

	for (size_t i = 0; i < list->table->column_count && count < COLUMNS_MAX; i++) {
		const struct column *column = &list->sized[i];

		if (!is_column_shown(list, i))
			continue;
		if (count > 0 && skipped < (size_t)list->skipped_columns) {
			skipped++;
			continue;
		}
		out[count++] = column;
	}
	return count;
}

static size_t share_columns(const struct table_view *list, int width, const struct column **columns,
			    int *widths)
{
	size_t count = choose_columns(list, columns);

	columns_share_chosen(columns, count, width, widths);
	return count;
}

static bool is_sorted_by(const struct table_view *list, const struct column *column)
{
	return list->sort.column && strcmp(list->sort.column->id, column->id) == 0;
}

/* NULL stands before the first column: the table's own order. */
static void step_sort(struct view *view, int step)
{
	struct table_view *list = view->state;
	const struct column *columns[COLUMNS_MAX];
	long count = (long)choose_columns(list, columns), at = -1;

	for (long i = 0; i < count; i++)
		if (is_sorted_by(list, columns[i]))
			at = i;
	at = (at + 1 + step + count + 1) % (count + 1) - 1;
	list->sort =
		(struct sort){ at < 0 ? NULL : table_column(list->table, columns[at]->id), false };
	fill(view);
}

static void sort_menu(struct view *view)
{
	struct table_view *list = view->state;
	struct dialog *dialog = dialog_open_choice(view->tui, "Sort by", "", false);

	dialog_add_choice(dialog, "the table's own order", "sort default");
	for (size_t i = 0; i < list->table->column_count; i++) {
		char *line = xasprintf("sort %s", list->table->columns[i].id);

		dialog_add_choice(dialog, list->table->columns[i].title, line);
		free(line);
	}
	dialog->focus = 1;
}

static void act_sort(struct view *view, const char *args)
{
	struct table_view *list = view->state;
	const struct column *column;

	if (!*args) {
		sort_menu(view);
		return;
	}
	column = table_column(list->table, args);
	if (!column && strcmp(args, "default") != 0) {
		tui_message(view->tui, LOG_LEVEL_WARN, "sort: %s have no column \"%s\"",
			    list->table->name, args);
		return;
	}
	list->sort = (struct sort){ column, false };
	fill(view);
}

/* Each line of the menu turns one column on or off; the menu stays where it was. */
static void columns_menu(struct view *view, size_t focus)
{
	struct table_view *list = view->state;
	struct dialog *dialog = dialog_open_choice(view->tui, "Columns", "", false);

	dialog_add_choice(dialog, "as the width allows", "columns default");
	for (size_t i = 1; i < list->table->column_count; i++) {
		char *label = xasprintf("[%c] %s", is_column_shown(list, i) ? 'x' : ' ',
					list->table->columns[i].title);
		char *line = xasprintf("columns %s", list->table->columns[i].id);

		dialog_add_choice(dialog, label, line);
		free(label);
		free(line);
	}
	dialog->focus = focus;
}

static void act_columns(struct view *view, const char *args)
{
	struct table_view *list = view->state;
	const struct column *column = table_column(list->table, args);
	size_t index = column ? (size_t)(column - list->table->columns) : 0;
	bool *chosen;

	if (strcmp(args, "default") == 0) {
		free(list->chosen);
		list->chosen = NULL;
		return;
	}
	if (*args && index == 0) { /* the first one says what the row is about: it stays */
		tui_message(view->tui, LOG_LEVEL_WARN,
			    "columns: %s have no column \"%s\" to choose", list->table->name, args);
		return;
	}
	if (*args) {
		chosen = xcalloc(list->table->column_count, sizeof(*chosen));
		for (size_t i = 0; i < list->table->column_count; i++)
			chosen[i] = is_column_shown(list, i) != (i == index);
		free(list->chosen);
		list->chosen = chosen;
	}
	columns_menu(view, *args ? index + 1 : 1);
}

static void act_filter(struct view *view, const char *args)
{
	struct err err;

	if (!table_view_set_filter(view, args, &err))
		tui_message(view->tui, LOG_LEVEL_WARN, "%s", err.msg);
}

static void act_follow(struct view *view)
{
	struct table_view *list = view->state;

	if (list->table->model != MODEL_EVENTS)
		return;
	replace(&list->paused_id, NULL);
	list->follow = true;
	set_cursor(view, 0);
}

static void act_copy(struct view *view, bool as_json)
{
	struct table_view *list = view->state;
	const void *row = table_view_row(list);
	struct strbuf text = STRBUF_INIT;
	struct json *json;

	if (!row)
		return;
	if (as_json && list->table->json) {
		json = json_new_object();
		list->table->json(row, json);
		json_print_pretty(&text, json);
		json_free(json);
	} else {
		strbuf_addstr(&text, row_id(row));
	}
	tui_copy(view->tui, as_json ? "as JSON" : "the id", text.buf, text.len);
	strbuf_release(&text);
}

static bool table_act(struct view *view, enum verb verb, const char *args)
{
	struct table_view *list = view->state;
	long page = view->height > 1 ? view->height - 1 : 1;
	const void *row = table_view_row(list);

	switch (verb) {
	case VERB_DOWN:
		move_cursor(view, 1);
		return true;
	case VERB_UP:
		move_cursor(view, -1);
		return true;
	case VERB_PAGE_DOWN:
		move_cursor(view, page);
		return true;
	case VERB_PAGE_UP:
		move_cursor(view, -page);
		return true;
	case VERB_HALF_DOWN:
		move_cursor(view, page / 2 + 1);
		return true;
	case VERB_HALF_UP:
		move_cursor(view, -(page / 2 + 1));
		return true;
	case VERB_TOP:
		move_cursor(view, -(long)list->cursor);
		return true;
	case VERB_BOTTOM:
		move_cursor(view, (long)list->rows.count);
		return true;
	case VERB_LEFT:
		list->skipped_columns -= list->skipped_columns > 0;
		return true;
	case VERB_RIGHT:
		list->skipped_columns +=
			(size_t)list->skipped_columns + 2 < list->table->column_count;
		return true;
	case VERB_OPEN:
		if (row)
			tui_open_row(view->tui, list->table, row_id(row), view);
		return true;
	case VERB_MARK:
		act_mark(view);
		return true;
	case VERB_RANGE:
		act_range(view);
		return true;
	case VERB_MARK_ALL:
		act_mark_all(view, false);
		return true;
	case VERB_MARK_ATTENTION:
		act_mark_all(view, true);
		return true;
	case VERB_UNMARK:
		table_view_unmark(view);
		return true;
	case VERB_SORT:
		act_sort(view, args);
		return true;
	case VERB_SORT_LEFT:
		step_sort(view, -1);
		return true;
	case VERB_SORT_RIGHT:
		step_sort(view, 1);
		return true;
	case VERB_REVERSE:
		list->sort.descending = !list->sort.descending;
		fill(view);
		return true;
	case VERB_WIDE:
		list->wide = !list->wide;
		list->skipped_columns = 0;
		return true;
	case VERB_COLUMNS:
		act_columns(view, args);
		return true;
	case VERB_ATTENTION:
		list->attention = !list->attention;
		fill(view);
		return true;
	case VERB_FOLLOW:
		act_follow(view);
		return true;
	case VERB_FILTER:
		act_filter(view, args);
		return true;
	case VERB_COPY:
	case VERB_COPY_JSON:
		act_copy(view, verb == VERB_COPY_JSON);
		return true;
	default:
		return false;
	}
}

static bool table_back(struct view *view)
{
	struct table_view *list = view->state;
	struct err err;

	if (list->range_id) {
		replace(&list->range_id, NULL);
		return true;
	}
	if (list->filter) {
		table_view_set_filter(view, NULL, &err);
		return true;
	}
	if (list->attention) {
		list->attention = false;
		fill(view);
		return true;
	}
	return false;
}

static bool table_selection(const struct view *view, struct selection *out)
{
	const struct table_view *list = view->state;
	const void *row = table_view_row(list);
	size_t index;

	out->table = list->table->model;
	out->is_marks = list->marks.count > 0;
	for (size_t i = 0; i < list->marks.count; i++) {
		selection_add(out, list->marks.entries[i].key);
		out->hidden += !index_of(list, list->marks.entries[i].key, &index);
	}
	if (!out->is_marks && row)
		selection_add(out, row_id(row));
	return out->count > 0;
}

/* "3/0/1": each count in its own color, so that the eye finds the one that is not zero. */
static void paint_counts(struct grid *grid, int row, int col, int width, const char *text)
{
	static const enum role roles[] = { ROLE_STATE_PASS, ROLE_STATE_WARN, ROLE_STATE_CRIT };
	size_t part = 0;
	int used = 0;

	for (const char *p = text; *p && used < width && part < COUNT_OF(roles); part++) {
		size_t len = strcspn(p, "/");
		bool zero = (len == 1 && (*p == '0' || *p == '-'));

		used += grid_put_bytes(grid, row, col + used, width - used, 0, p, len,
				       zero ? ROLE_MUTED : roles[part]);
		p += len;
		if (*p == '/') {
			used += grid_put_text(grid, row, col + used, width - used, "/", ROLE_MUTED);
			p++;
		}
	}
}

/* "+4 -2" */
static void paint_diff_counts(struct grid *grid, int row, int col, int width, const char *text)
{
	int used = 0;

	for (const char *p = text; *p && used < width;) {
		size_t len = strcspn(p, " ") + strspn(p + strcspn(p, " "), " ");

		used += grid_put_bytes(grid, row, col + used, width - used, 0, p, len,
				       *p == '+' ? ROLE_DIFF_ADD : ROLE_DIFF_DEL);
		p += len;
	}
}

static void paint_cell(struct grid *grid, int row, int col, int width, const struct column *column,
		       const char *text, enum role state, bool is_old)
{
	unsigned flags = (column->flags & COLUMN_CUT_MIDDLE ? PUT_CUT_MIDDLE : 0) |
			 (column->flags & COLUMN_RIGHT ? PUT_RIGHT : 0);
	enum role role = column->flags & COLUMN_STATE ? state : is_old ? ROLE_MUTED : ROLE_TEXT;
	bool fits = (int)strlen(text) <= width;

	if (strcmp(column->id, "check") == 0 && role_of_word(text, strlen(text)) != ROLE_NONE)
		role = role_of_word(text, strlen(text));
	if (fits && strcmp(column->id, "pwc") == 0)
		paint_counts(grid, row, col, width, text);
	else if (fits && strcmp(column->id, "diff") == 0)
		paint_diff_counts(grid, row, col, width, text);
	else
		grid_put_field(grid, row, col, width, flags, text, role);
}

static bool is_in_range(const struct table_view *list, size_t index)
{
	size_t from;

	if (!list->range_id || !index_of(list, list->range_id, &from))
		return false;
	return from < list->cursor ? index >= from && index <= list->cursor
				   : index <= from && index >= list->cursor;
}

static bool is_old(const struct view *view)
{
	const struct table_view *list = view->state;
	enum model_source source = model_table_source(list->table->model);

	return source != SOURCE_COUNT &&
	       model_source(view->tui->model, source)->health >= SOURCE_STALE;
}

static void paint_row(const struct view *view, struct grid *grid, struct area area, size_t index,
		      const struct column *const *columns, const int *widths, size_t count,
		      bool focused)
{
	const struct table_view *list = view->state;
	const void *row = list->rows.rows[index];
	struct strbuf text = STRBUF_INIT;
	enum role state = role_of_state(list->table->state(row));
	bool is_cursor = focused && index == list->cursor;
	int col = area.col + GUTTER_CELLS;

	if (is_cursor)
		grid_put_glyph(grid, area.row, area.col, GLYPH_CURSOR, ROLE_GUTTER);
	if (strmap_has(&list->marks, row_id(row)) || is_in_range(list, index))
		grid_put_glyph(grid, area.row, area.col + 1, GLYPH_MARK, ROLE_MARK);
	for (size_t i = 0; i < count; i++) {
		if (widths[i] == 0)
			continue;
		strbuf_reset(&text);
		columns[i]->text(row, &text);
		paint_cell(grid, area.row, col, widths[i], columns[i], text.buf, state,
			   is_old(view));
		col += widths[i] + 1;
	}
	if (is_cursor)
		grid_over(grid, area.row, area.col, area.width, ROLE_CURSOR);
	if (is_cursor && grid->plain) { /* screen readers and Braille lines follow it */
		grid->cursor_row = area.row;
		grid->cursor_col = area.col + GUTTER_CELLS;
	}
	strbuf_release(&text);
}

/* Without an order of the operator's: lists of times are newest first, others worst first. */
static bool leads_by_default(const struct table_view *list, const struct column *column)
{
	if (list->table->columns[0].flags & COLUMN_TIME)
		return column == &list->sized[0];
	return list->table->model != MODEL_JOBS && column->flags & COLUMN_STATE;
}

static void paint_header(const struct view *view, struct grid *grid, struct area area,
			 const struct column *const *columns, const int *widths, size_t count)
{
	const struct table_view *list = view->state;
	int col = area.col + GUTTER_CELLS;

	for (size_t i = 0; i < count; i++) {
		bool sorted = list->sort.column ? is_sorted_by(list, columns[i])
						: leads_by_default(list, columns[i]);
		bool down = list->sort.descending !=
			    (!list->sort.column && columns[i]->flags & COLUMN_TIME);
		unsigned flags = columns[i]->flags & COLUMN_RIGHT ? PUT_RIGHT : 0;
		int title = (int)strlen(columns[i]->title);

		if (widths[i] == 0)
			continue;
		grid_put_field(grid, area.row, col, widths[i], flags, columns[i]->title,
			       sorted ? ROLE_COLUMN_SORT : ROLE_COLUMN_HEAD);
		/* The arrow may stand in the blank between columns. */
		if (sorted && title <= widths[i] && !(flags & PUT_RIGHT))
			grid_put_glyph(grid, area.row, col + title, down ? GLYPH_DOWN : GLYPH_UP,
				       ROLE_COLUMN_SORT);
		col += widths[i] + 1;
	}
}

/* A text that may need more rows than one. */
static void paint_sentence(struct grid *grid, struct area area, int col, int width,
			   const char *text, enum role role)
{
	int cells = text_width(text, strlen(text));

	for (int row = 0; row < area.height && row * width < cells && width > 0; row++)
		grid_put_bytes(grid, area.row + row, col, width, row * width, text, strlen(text),
			       role);
}

/* Why there are no rows, in words. */
static void paint_nothing(const struct view *view, struct grid *grid, struct area area)
{
	const struct table_view *list = view->state;
	enum model_source source = model_table_source(list->table->model);
	const struct source_status *status =
		source == SOURCE_COUNT ? NULL : model_source(view->tui->model, source);
	const char *name = source == SOURCE_COUNT ? "" : model_source_name(source);
	int col = area.col + GUTTER_CELLS, width = area.width - 2 * GUTTER_CELLS;

	if (list->rows.total > 0) {
		if (list->filter_text)
			grid_printf(grid, area.row, col, width, ROLE_MUTED,
				    "No %s matches /%s. Esc clears it.", list->table->singular,
				    list->filter_text);
		else
			grid_printf(grid, area.row, col, width, ROLE_MUTED,
				    "No %s needs attention. a shows all.", list->table->singular);
	} else if (status && status->health == SOURCE_OFF) {
		grid_printf(grid, area.row, col, width, ROLE_MUTED, "%s is not configured.", name);
	} else if (status && status->health == SOURCE_LOADING) {
		if (clock_mono_ms() - status->since_mono_ms >= FIRST_WORDS_MS)
			grid_printf(grid, area.row, col, width, ROLE_MUTED, "asking %s%s%s", name,
				    *status->message ? ": " : "", status->message);
	} else if (status && status->health != SOURCE_OK && *status->message) {
		paint_sentence(grid, area, col, width, status->message, ROLE_MSG_ERROR);
	} else {
		grid_put_text(grid, area.row, col, width, list->table->empty, ROLE_MUTED);
		if (area.height > 1 && list->table->empty_hint)
			grid_put_text(grid, area.row + 1, col, width, list->table->empty_hint,
				      ROLE_MUTED);
	}
}

static void paint_rows(struct view *view, struct grid *grid, struct area area, bool focused)
{
	struct table_view *list = view->state;
	const struct column *columns[COLUMNS_MAX];
	int widths[COLUMNS_MAX];
	size_t count = share_columns(list, area.width - GUTTER_CELLS - 1, columns, widths);
	size_t hidden = list->rows.total - list->rows.count;

	if (area.height > 1) {
		paint_header(view, grid, area, columns, widths, count);
		area.row++;
		area.height--;
	}
	view->height = area.height;
	view->width = area.width;
	keep_cursor_visible(view);
	if (list->rows.count == 0)
		paint_nothing(view, grid, area);
	for (int i = 0; i < area.height && list->top + (size_t)i < list->rows.count; i++) {
		struct area row = { area.row + i, area.col, 1, area.width };

		paint_row(view, grid, row, list->top + (size_t)i, columns, widths, count, focused);
	}
	if (hidden > 0 && list->filter && list->rows.count > 0 &&
	    list->rows.count + 2 <= (size_t)area.height)
		grid_printf(grid, area.row + (int)list->rows.count + 1, area.col + GUTTER_CELLS,
			    area.width - GUTTER_CELLS, ROLE_MUTED,
			    "%zu %s hidden by the filter. Esc clears it.", hidden,
			    hidden == 1 ? "row is" : "rows are");
}

/* Events per minute of the last quarter of an hour, oldest first. */
static void add_sparkline(const struct table_view *list, struct rich *title)
{
	static const char *const bars[] = { " ", "▁", "▂", "▃", "▄", "▅", "▆", "▇", "█" };
	size_t counts[SPARK_MINUTES] = { 0 }, most = 0;
	int64_t now = clock_wall_ms();

	for (size_t i = 0; i < list->shown->count; i++) {
		const struct event *event = snapshot_row(list->shown, i);
		int64_t age = (now - event->time_ms) / MINUTE_MS;
		size_t *count;

		if (age < 0 || age >= SPARK_MINUTES)
			continue;
		count = &counts[SPARK_MINUTES - 1 - age];
		*count += (size_t)event->repeated;
		if (*count > most)
			most = *count;
	}
	if (most == 0)
		return;
	rich_add(title, ROLE_TEXT, "  ");
	for (size_t i = 0; i < SPARK_MINUTES; i++)
		rich_add(title, ROLE_STATE_RUNNING, bars[(counts[i] * 8 + most - 1) / most]);
}

static void add_follow(const struct table_view *list, struct rich *title)
{
	size_t news = 0;

	if (!list->paused_id)
		return;
	if (!index_of(list, list->paused_id, &news))
		news = list->rows.count;
	rich_addf(title, ROLE_STATE_HELD, "  paused, %zu new", news);
}

static void build_title(const struct view *view, const struct grid *grid, struct area area,
			bool focused, struct rich *title)
{
	const struct table_view *list = view->state;
	enum role role = focused ? ROLE_PANE_FOCUS : ROLE_PANE_TITLE;
	struct strbuf summary = STRBUF_INIT;

	if (list->number > 0)
		rich_addf(title, role, "%d ", list->number);
	rich_addf(title, role, "%s%s", list->table->title, list->zoomed ? " (zoom)" : "");
	if (list->shown && (list->filter || list->attention)) {
		rich_addf(title, ROLE_TEXT, "  %zu of %zu  filter: ", list->rows.count,
			  list->rows.total);
		if (list->attention)
			rich_add(title, ROLE_STRONG,
				 list->filter_text ? "attention, " : "attention");
		if (list->filter_text)
			rich_add(title, ROLE_STRONG, list->filter_text);
	} else if (list->shown && list->base) {
		rich_addf(title, ROLE_TEXT, "  %zu", list->rows.count);
	} else if (list->shown && list->table->summary) {
		list->table->summary(list->shown, &summary);
		rich_add(title, ROLE_TEXT, "  ");
		rich_add_states(title, ROLE_TEXT, summary.buf);
	}
	if (list->marks.count > 0)
		rich_addf(title, ROLE_MARK, "  marked %zu", list->marks.count);
	if (list->range_id)
		rich_add(title, ROLE_MARK, "  range");
	add_follow(list, title);
	if (list->table->model == MODEL_EVENTS && list->shown && grid->utf8 &&
	    title->column + SPARK_MINUTES + 20 <= area.width)
		add_sparkline(list, title);
	rich_end_line(title);
	strbuf_release(&summary);
}

static void paint_title(const struct view *view, struct grid *grid, struct area area, bool focused)
{
	const struct table_view *list = view->state;
	char age[AGE_LABEL_BYTES];
	enum role age_role;
	struct rich title = RICH_INIT;

	build_title(view, grid, area, focused, &title);
	tui_age_label(view->tui, model_table_source(list->table->model), age, &age_role);
	view_paint_title(grid, area, focused, &title, age, age_role);
	rich_release(&title);
}

static void table_paint(struct view *view, struct grid *grid, struct area area, bool focused)
{
	paint_title(view, grid, area, focused);
	area.row++;
	area.height--;
	if (area.height > 0)
		table_view_paint_body(view, grid, area, focused);
}

void table_view_paint_body(struct view *view, struct grid *grid, struct area area, bool focused)
{
	grid_clip(grid, area);
	paint_rows(view, grid, area, focused);
	grid_unclip(grid);
}

void table_view_paint_brief(struct view *view, struct grid *grid, struct area area)
{
	struct table_view *list = view->state;
	const struct column *columns[COLUMNS_MAX];
	int widths[COLUMNS_MAX];

	paint_title(view, grid, area, false);
	if (area.height < 2)
		return;
	area.row++;
	area.height = 1;
	grid_clip(grid, area);
	if (list->rows.count > 0) {
		size_t count = share_columns(list, area.width - GUTTER_CELLS - 1, columns, widths);

		paint_row(view, grid, area, 0, columns, widths, count, false);
	} else {
		paint_nothing(view, grid, area);
	}
	grid_unclip(grid);
}

static void table_position(const struct view *view, struct strbuf *out)
{
	const struct table_view *list = view->state;

	if (list->rows.count > 0)
		strbuf_addf(out, "%zu/%zu", list->cursor + 1, list->rows.count);
}

static void table_close(struct view *view)
{
	struct table_view *list = view->state;

	free(list->sized);
	free(list->chosen);
	row_view_release(&list->rows);
	snapshot_unref(&list->shown);
	filter_free(list->filter);
	strmap_release(&list->marks);
	free(list->filter_text);
	free(list->base_arg);
	free(list->cursor_id);
	free(list->range_id);
	free(list->paused_id);
}

static const struct view_kind table_kind = {
	.name = "List",
	.state_size = sizeof(struct table_view),
	.watches = MODEL_BIT_ALL,
	.refresh = table_refresh,
	.paint = table_paint,
	.act = table_act,
	.selection = table_selection,
	.back = table_back,
	.position = table_position,
	.close = table_close,
};

struct view *table_view_new(struct tui *tui, const struct table *table, const char *places,
			    int number)
{
	struct view *view = view_new(tui, &table_kind, places);
	struct table_view *list = view->state;

	list->table = table;
	list->number = number;
	list->follow = table->model == MODEL_EVENTS;
	list->sized = xcalloc(table->column_count, sizeof(*list->sized));
	table_refresh(view);
	return view;
}
