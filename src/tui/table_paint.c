/*
 * How a list looks: title, header, rows, and the words in the place of rows.
 */
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "internal.h"
#include "table_private.h"

#define GUTTER_CELLS   2
#define SPARK_MINUTES  15
#define MINUTE_MS      60000
#define FIRST_WORDS_MS 300 /* before a pane says what it waits for */

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

	if (!list->range_id || !table_index_of(list, list->range_id, &from))
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
		bool sorted = list->sort.column ? table_is_sorted_by(list, columns[i])
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
	size_t count = table_share_columns(list, area.width - GUTTER_CELLS - 1, columns, widths);
	size_t hidden = list->rows.total - list->rows.count;

	if (area.height > 1) {
		paint_header(view, grid, area, columns, widths, count);
		area.row++;
		area.height--;
	}
	view->height = area.height;
	view->width = area.width;
	table_keep_cursor_visible(view);
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
	if (!table_index_of(list, list->paused_id, &news))
		news = list->rows.count;
	rich_addf(title, ROLE_STATE_HELD, "  paused, %zu new", news);
}

static void build_title(const struct view *view, const struct grid *grid, struct area area,
			bool focused, struct rich *title)
{
	struct table_view *list = view->state;
	enum role role = focused ? ROLE_PANE_FOCUS : ROLE_PANE_TITLE;

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
		rich_add(title, ROLE_TEXT, "  ");
		rich_add_states(title, ROLE_TEXT, table_view_summary(list));
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

void table_paint(struct view *view, struct grid *grid, struct area area, bool focused)
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
		size_t count =
			table_share_columns(list, area.width - GUTTER_CELLS - 1, columns, widths);

		paint_row(view, grid, area, 0, columns, widths, count, false);
	} else {
		paint_nothing(view, grid, area);
	}
	grid_unclip(grid);
}
