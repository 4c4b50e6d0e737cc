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
#include "table_private.h"

#define NAME_CELLS    16
#define ADDRESS_CELLS 15   /* IPv4 */
#define SUMMARY_MS    1000 /* how old what a title counts may be */
#define MEASURED_ROWS 300  /* that decide how wide columns are */

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

bool table_index_of(const struct table_view *list, const char *id, size_t *out)
{
	for (size_t i = 0; id && i < list->rows.count; i++) {
		if (strcmp(row_id(list->rows.rows[i]), id) == 0) {
			*out = i;
			return true;
		}
	}
	return false;
}

void table_keep_cursor_visible(struct view *view)
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
	table_keep_cursor_visible(view);
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
	if (!table_index_of(list, list->cursor_id, &now)) { /* it is gone: stay in its place */
		set_cursor(view, old_cursor);
		return;
	}
	/* The row keeps its place on the screen, unless the top is in sight. */
	if (list->top > 0 && now + list->top >= old_cursor)
		list->top = now + list->top - old_cursor;
	set_cursor(view, now);
}

/* Marks end when their thing disappears. All rows may be marked, so the marks that stay are found
 * in one walk over the rows. */
static void prune_marks(struct table_view *list)
{
	struct strmap kept = STRMAP_INIT;

	for (size_t i = 0; i < list->shown->count; i++) {
		const char *id = row_id(snapshot_row(list->shown, i));

		if (strmap_has(&list->marks, id))
			strmap_put(&kept, id, strmap_get(&list->marks, id));
	}
	strmap_release(&list->marks);
	list->marks = kept;
}

const char *table_view_summary(struct table_view *list)
{
	struct strbuf text = STRBUF_INIT;

	if (!list->shown || !list->table->summary)
		return "";
	if (!list->summary || clock_mono_ms() - list->summary_ms >= SUMMARY_MS) {
		list->table->summary(list->shown, &text);
		free(list->summary);
		list->summary = strbuf_detach(&text, NULL);
		list->summary_ms = clock_mono_ms();
	}
	return list->summary;
}

static void table_refresh(struct view *view)
{
	struct table_view *list = view->state;
	struct snapshot *now = model_current(view->tui->model, list->table->model);

	if (list->shown == now)
		return;
	snapshot_unref(&list->shown);
	list->shown = snapshot_ref(now);
	replace(&list->summary, NULL);
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

	if (table_index_of(list, list->range_id, &from))
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

size_t table_share_columns(const struct table_view *list, int width, const struct column **columns,
			   int *widths)
{
	size_t count = choose_columns(list, columns);

	columns_share_chosen(columns, count, width, widths);
	return count;
}

bool table_is_sorted_by(const struct table_view *list, const struct column *column)
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
		if (table_is_sorted_by(list, columns[i]))
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
	size_t visible = 0;

	out->table = list->table->model;
	out->is_marks = list->marks.count > 0;
	for (size_t i = 0; i < list->rows.count; i++)
		visible += strmap_has(&list->marks, row_id(list->rows.rows[i]));
	out->hidden = list->marks.count - visible;
	for (size_t i = 0; i < list->marks.count; i++)
		selection_add(out, list->marks.entries[i].key);
	if (!out->is_marks && row)
		selection_add(out, row_id(row));
	return out->count > 0;
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
	free(list->summary);
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
