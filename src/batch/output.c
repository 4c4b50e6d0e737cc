/*
 * All four formats read the same columns and the same JSON members. A table is measured first:
 * with all cells in memory, columns become as wide as their widest cell, and only where that is
 * too wide for the terminal they share what there is.
 */
#include "output.h"

#include <langinfo.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/plan.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/command/command.h"
#include "binnacle/model/model.h"

#define SCHEMA "binnacle/1"

/* A grid of texts, row by row; the first row is the header. */
struct grid {
	char **cells;
	size_t columns, rows;
};

static enum output_format format_of(const char *name)
{
	if (!name || strcmp(name, "table") == 0)
		return OUTPUT_TABLE;
	if (strcmp(name, "json") == 0)
		return OUTPUT_JSON;
	return strcmp(name, "jsonl") == 0 ? OUTPUT_JSONL : OUTPUT_CSV;
}

struct output output_new(FILE *out, int width, const struct command_line *line,
			 const char *by_default, const struct model *model)
{
	const char *color = line->color ? line->color : "auto", *none = getenv("NO_COLOR");

	return (struct output){
		.out = out,
		.width = width,
		.format = format_of(line->output ? line->output : by_default),
		.color = strcmp(color, "always") == 0 ||
			 (strcmp(color, "auto") == 0 && width && !(none && *none)),
		.no_header = line->no_header,
		.csv_safe = line->csv_safe,
		.model = model,
	};
}

void output_note_error(struct output *output, const char *text)
{
	GROW(output->errors, output->error_count, output->error_cap);
	output->errors[output->error_count++] = xstrdup(text);
}

void output_release(struct output *output)
{
	for (size_t i = 0; i < output->error_count; i++)
		free(output->errors[i]);
	free(output->errors);
}

static void put(const struct output *output, const struct strbuf *text)
{
	fwrite(text->buf, 1, text->len, output->out);
}

static const char *cut_mark(void)
{
	return strcmp(nl_langinfo(CODESET), "UTF-8") == 0 ? "\xe2\x80\xa6" : "~";
}

/* Append what fits of a cleaned text from its beginning; gives back the bytes used. */
static size_t put_head(struct strbuf *out, const char *text, size_t len, int cells)
{
	size_t at = 0;

	while (at < len) {
		struct text_piece piece = text_next(text + at, len - at);

		if (piece.width_cells > cells)
			break;
		cells -= piece.width_cells;
		strbuf_addstr(out, piece.bytes);
		at += piece.used;
	}
	return at;
}

/* A cell of exactly `cells`, the last column of a line unpadded. */
static void put_cell(struct strbuf *out, const char *text, int cells, unsigned flags, bool last)
{
	size_t len = strlen(text);
	int width = text_width(text, len), pad;
	struct strbuf shown = STRBUF_INIT;

	if (width <= cells) {
		strbuf_addstr(&shown, text);
	} else if ((flags & COLUMN_CUT_MIDDLE) && cells > 4) {
		int tail = (cells - 1) / 2;
		size_t from = len;

		put_head(&shown, text, len, cells - 1 - tail);
		strbuf_addstr(&shown, cut_mark());
		while (from > 0) {
			size_t back = from - 1;

			while (back > 0 && ((unsigned char)text[back] & 0xc0) == 0x80)
				back--;
			if (text_width(text + back, len - back) > tail)
				break;
			from = back;
		}
		strbuf_addstr(&shown, text + from);
	} else {
		put_head(&shown, text, len, cells - 1);
		strbuf_addstr(&shown, cut_mark());
	}
	pad = cells - text_width(shown.buf, shown.len);
	if (flags & COLUMN_RIGHT)
		strbuf_addchars(out, ' ', pad > 0 ? (size_t)pad : 0);
	strbuf_add(out, shown.buf, shown.len);
	if (!(flags & COLUMN_RIGHT) && !last)
		strbuf_addchars(out, ' ', pad > 0 ? (size_t)pad : 0);
	strbuf_release(&shown);
}

/* Plain colors of any terminal; the words say the same. */
static const char *color_of(enum row_state state)
{
	switch (state) {
	case STATE_PASS:
	case STATE_DONE:
		return "32";
	case STATE_WARN:
		return "1;33";
	case STATE_CRIT:
	case STATE_FAILED:
		return "1;31";
	case STATE_STALE:
	case STATE_UNKNOWN:
		return "36";
	case STATE_PENDING:
	case STATE_HELD:
		return "35";
	default:
		return NULL;
	}
}

/* The columns that a line asks for; the caller frees. */
static const struct column **chosen_columns(const struct table *table,
					    const struct command_line *line, size_t *count)
{
	const struct column **columns = xcalloc(table->column_count + 64, sizeof(*columns));
	const char *list = line->columns;

	*count = 0;
	for (size_t i = 0; i < table->column_count && !list; i++)
		if (line->wide || !(table->columns[i].flags & COLUMN_WIDE))
			columns[(*count)++] = &table->columns[i];
	while (list && *list && *count < table->column_count + 64) {
		size_t len = strcspn(list, ",");
		char *id = xstrndup(list, len);
		const struct column *column = table_column(table, id);

		if (column)
			columns[(*count)++] = column;
		free(id);
		list += len + (list[len] == ',');
	}
	return columns;
}

static void measure(const struct grid *grid, size_t first_row, const struct column *const *columns,
		    int width, int *widths)
{
	int *natural = xcalloc(grid->columns + 1, sizeof(*natural)), total = -1;

	for (size_t column = 0; column < grid->columns; column++) {
		for (size_t row = first_row; row < grid->rows; row++) {
			const char *text = grid->cells[row * grid->columns + column];
			int cells = text_width(text, strlen(text));

			natural[column] = cells > natural[column] ? cells : natural[column];
		}
		widths[column] = natural[column];
		total += natural[column] + 1;
	}
	if (width && total > width) {
		int left = width + 1, wanting = 0;

		/* Who needs less than its share leaves the rest to the others. */
		columns_share_chosen(columns, grid->columns, width, widths);
		for (size_t i = 0; i < grid->columns; i++) {
			if (!widths[i])
				continue;
			if (widths[i] > natural[i])
				widths[i] = natural[i];
			wanting += widths[i] < natural[i];
			left -= widths[i] + 1;
		}
		while (left > 0 && wanting) {
			wanting = 0;
			for (size_t i = 0; i < grid->columns && left > 0; i++) {
				if (!widths[i] || widths[i] >= natural[i])
					continue;
				widths[i]++;
				left--;
				wanting++;
			}
		}
	}
	free(natural);
}

static struct grid grid_of(const struct row_view *view, const struct column *const *columns,
			   size_t count)
{
	struct grid grid = { xcalloc((view->count + 1) * count + 1, sizeof(char *)), count,
			     view->count + 1 };
	struct strbuf text = STRBUF_INIT, clean = STRBUF_INIT;

	for (size_t i = 0; i < count; i++)
		grid.cells[i] = xstrdup(columns[i]->title);
	for (size_t row = 0; row < view->count; row++) {
		for (size_t i = 0; i < count; i++) {
			strbuf_reset(&text);
			strbuf_reset(&clean);
			columns[i]->text(view->rows[row], &text);
			text_clean(&clean, text.buf, text.len);
			grid.cells[(row + 1) * count + i] = xstrdup(clean.buf);
		}
	}
	strbuf_release(&text);
	strbuf_release(&clean);
	return grid;
}

static void grid_release(struct grid *grid)
{
	for (size_t i = 0; i < grid->rows * grid->columns; i++)
		free(grid->cells[i]);
	free(grid->cells);
}

static void put_line(const struct output *output, const struct grid *grid, size_t row,
		     const struct column *const *columns, const int *widths, const char *color)
{
	struct strbuf text = STRBUF_INIT;
	size_t last = grid->columns;

	while (last > 0 && !widths[last - 1])
		last--;
	for (size_t i = 0; i < last; i++) {
		bool colored = color && (columns[i]->flags & COLUMN_STATE);

		if (!widths[i])
			continue;
		if (colored)
			strbuf_addf(&text, "\033[%sm", color);
		put_cell(&text, grid->cells[row * grid->columns + i], widths[i], columns[i]->flags,
			 i + 1 == last);
		if (colored)
			strbuf_addstr(&text, "\033[0m");
		if (i + 1 < last)
			strbuf_addch(&text, ' ');
	}
	while (text.len && text.buf[text.len - 1] == ' ')
		strbuf_setlen(&text, text.len - 1);
	strbuf_addch(&text, '\n');
	put(output, &text);
	strbuf_release(&text);
}

static void rows_as_table(const struct output *output, const struct table *table,
			  const struct row_view *view, const struct column *const *columns,
			  size_t count)
{
	struct grid grid = grid_of(view, columns, count);
	int *widths = xcalloc(count + 1, sizeof(*widths));

	measure(&grid, output->no_header, columns, output->width, widths);
	for (size_t row = output->no_header; row < grid.rows; row++)
		put_line(output, &grid, row, columns, widths,
			 output->color && row ? color_of(table->state(view->rows[row - 1])) : NULL);
	free(widths);
	grid_release(&grid);
}

/* RFC 4180, with LF. A field that a spreadsheet would take for a formula gets an apostrophe. */
static void put_field(const struct output *output, struct strbuf *out, const char *text)
{
	struct strbuf clean = STRBUF_INIT;
	bool formula = output->csv_safe && *text && strchr("=+-@\t\r", *text);

	if (output->width) {
		text_clean(&clean, text, strlen(text));
		text = clean.buf;
	}
	if (formula || strpbrk(text, ",\"\r\n")) {
		strbuf_addch(out, '"');
		strbuf_addstr(out, formula ? "'" : "");
		for (; *text; text++) {
			if (*text == '"')
				strbuf_addch(out, '"');
			strbuf_addch(out, *text);
		}
		strbuf_addch(out, '"');
	} else {
		strbuf_addstr(out, text);
	}
	strbuf_release(&clean);
}

static void rows_as_csv(const struct output *output, const struct row_view *view,
			const struct column *const *columns, size_t count)
{
	struct strbuf line = STRBUF_INIT, text = STRBUF_INIT;

	for (size_t i = 0; i < count && !output->no_header; i++)
		strbuf_addf(&line, "%s%s", i ? "," : "", columns[i]->id);
	if (!output->no_header)
		strbuf_addch(&line, '\n');
	for (size_t row = 0; row < view->count; row++) {
		for (size_t i = 0; i < count; i++) {
			strbuf_reset(&text);
			columns[i]->text(view->rows[row], &text);
			strbuf_addstr(&line, i ? "," : "");
			put_field(output, &line, text.buf);
		}
		strbuf_addch(&line, '\n');
	}
	put(output, &line);
	strbuf_release(&line);
	strbuf_release(&text);
}

/* What every document begins with. source SOURCE_COUNT: our own data, which has no age. */
static struct json *envelope(const struct output *output, const char *kind,
			     enum model_source source, const struct snapshot *snapshot)
{
	const struct model_facts *facts = model_facts(output->model);
	struct json *doc = json_new_object();
	char time[CLOCK_TEXT_BYTES];
	int64_t fetched = snapshot && snapshot->taken_ms ? snapshot->taken_ms : clock_wall_ms();
	int64_t age = 0;
	bool stale = false;

	if (source < SOURCE_COUNT) {
		const struct source_status *status = model_source(output->model, source);

		age = status->alive_mono_ms ? clock_mono_ms() - status->alive_mono_ms : 0;
		stale = status->health != SOURCE_OK;
	}
	json_add_str(doc, "schema", SCHEMA);
	json_add_str(doc, "kind", kind);
	json_add_str(doc, "dc", *facts->datacenter ? facts->datacenter : NULL);
	json_add_str(doc, "fetched_at", clock_rfc3339(fetched, time));
	json_add_int(doc, "age_ms", age);
	json_add_bool(doc, "stale", stale);
	if (snapshot && snapshot->index)
		json_add_int(doc, "index", (int64_t)snapshot->index);
	else
		json_add_null(doc, "index");
	return doc;
}

/* Takes doc and items. */
static void put_document(const struct output *output, struct json *doc, struct json *items)
{
	struct strbuf text = STRBUF_INIT;

	struct json *errors;

	if (output->format == OUTPUT_JSON) {
		json_add(doc, "items", items);
		errors = json_add_array(doc, "errors");
		for (size_t i = 0; i < output->error_count; i++)
			json_add_str(errors, NULL, output->errors[i]);
		json_print_pretty(&text, doc);
		strbuf_addch(&text, '\n');
	} else {
		JSON_EACH(item, items)
		{
			struct json *line = json_new_object();

			json_add_str(line, "kind", json_str(doc, "kind", ""));
			json_add_str(line, "fetched_at", json_str(doc, "fetched_at", ""));
			JSON_EACH(member, item)
			json_set(line, json_key(member), json_copy(member));
			json_print(&text, line);
			strbuf_addch(&text, '\n');
			json_free(line);
		}
		json_free(items);
	}
	json_free(doc);
	put(output, &text);
	strbuf_release(&text);
}

static void rows_as_json(const struct output *output, const struct table *table,
			 const struct row_view *view, const struct snapshot *snapshot)
{
	struct json *items = json_new_array();

	for (size_t i = 0; i < view->count; i++)
		table->json(view->rows[i], json_add_object(items, NULL));
	put_document(output,
		     envelope(output, table->name, model_table_source(table->model), snapshot),
		     items);
}

void output_rows(const struct output *output, const struct table *table,
		 const struct row_view *view, const struct snapshot *snapshot,
		 const struct command_line *line)
{
	const struct column **columns;
	size_t count;

	if (output->format == OUTPUT_JSON || output->format == OUTPUT_JSONL) {
		rows_as_json(output, table, view, snapshot);
		return;
	}
	columns = chosen_columns(table, line, &count);
	if (output->format == OUTPUT_CSV)
		rows_as_csv(output, view, columns, count);
	else
		rows_as_table(output, table, view, columns, count);
	free(columns);
}

/* "label<TAB>value" lines with the labels in one column. */
static void put_detail(const struct output *output, const char *detail)
{
	struct strbuf raw = STRBUF_INIT, text = STRBUF_INIT;
	int width = 0;

	text_clean_lines(&raw, detail, strlen(detail));
	for (const char *at = raw.buf; *at; at += strcspn(at, "\n"), at += *at == '\n') {
		size_t label = strcspn(at, "\t\n");
		int cells = at[label] == '\t' ? text_width(at, label) : 0;

		width = cells > width && cells < 40 ? cells : width;
	}
	for (const char *at = raw.buf; *at; at += *at == '\n') {
		size_t len = strcspn(at, "\n"), label = strcspn(at, "\t\n");

		if (at[label] == '\t') {
			int pad = width - text_width(at, label);

			strbuf_addstr(&text, "  ");
			strbuf_add(&text, at, label);
			strbuf_addchars(&text, ' ', pad > 0 ? (size_t)pad : 0);
			strbuf_addstr(&text, "  ");
			strbuf_add(&text, at + label + 1, len - label - 1);
		} else {
			strbuf_add(&text, at, len);
		}
		strbuf_addch(&text, '\n');
		at += len;
	}
	put(output, &text);
	strbuf_release(&raw);
	strbuf_release(&text);
}

/* Members that are plain values, as two columns. */
static void put_members(const struct output *output, const struct json *json)
{
	struct strbuf line = STRBUF_INIT, value = STRBUF_INIT;

	if (!output->no_header)
		strbuf_addstr(&line, "field,value\n");
	JSON_EACH(member, json)
	{
		strbuf_reset(&value);
		if (json_is_string(member))
			strbuf_addstr(&value, json_as_str(member, ""));
		else if (!json_is_null(member))
			json_print(&value, member);
		put_field(output, &line, json_key(member));
		strbuf_addch(&line, ',');
		put_field(output, &line, value.buf);
		strbuf_addch(&line, '\n');
	}
	put(output, &line);
	strbuf_release(&line);
	strbuf_release(&value);
}

void output_object(const struct output *output, const char *kind, const char *detail,
		   const struct json *json)
{
	const struct table *table = present_table_named(kind);
	struct json *items;

	if (output->format == OUTPUT_TABLE) {
		put_detail(output, detail);
	} else if (output->format == OUTPUT_CSV) {
		put_members(output, json);
	} else {
		items = json_new_array();
		json_add(items, NULL, json_copy(json));
		put_document(output,
			     envelope(output, kind,
				      table ? model_table_source(table->model) : SOURCE_COUNT,
				      table ? model_current(output->model, table->model) : NULL),
			     items);
	}
}

static const char *diff_color(const char *line)
{
	return *line == '+' ? "32" : *line == '-' ? "31" : *line == '@' ? "36" : NULL;
}

void output_text(const struct output *output, const char *title, const char *text, size_t len,
		 bool is_diff)
{
	struct strbuf clean = STRBUF_INIT, colored = STRBUF_INIT;
	struct json *items, *item;

	if (output->format == OUTPUT_JSON || output->format == OUTPUT_JSONL) {
		items = json_new_array();
		item = json_add_object(items, NULL);
		json_add_str(item, "title", title);
		json_add_str(item, "text", text);
		put_document(output, envelope(output, "text", SOURCE_COUNT, NULL), items);
		return;
	}
	/* A diff that is piped into patch(1) must be what it is. */
	if (output->width)
		text_clean_lines(&clean, text, len);
	else
		strbuf_add(&clean, text, len);
	if (!is_diff || !output->color) {
		put(output, &clean);
	} else {
		for (const char *at = clean.buf; *at; at += *at == '\n') {
			size_t line = strcspn(at, "\n");
			const char *color = diff_color(at);

			strbuf_addf(&colored, "%s%s%s", color ? "\033[" : "", color ? color : "",
				    color ? "m" : "");
			strbuf_add(&colored, at, line);
			strbuf_addstr(&colored, color ? "\033[0m\n" : "\n");
			at += line;
		}
		put(output, &colored);
	}
	strbuf_release(&clean);
	strbuf_release(&colored);
}

void output_plan(const struct output *output, const struct plan *plan)
{
	struct strbuf text = STRBUF_INIT;
	struct json *items;

	if (output->format == OUTPUT_TABLE || output->format == OUTPUT_CSV) {
		plan_print(plan, &text);
		put(output, &text);
		strbuf_release(&text);
		return;
	}
	items = json_new_array();
	json_add(items, NULL, plan_to_json(plan));
	put_document(output, envelope(output, "plan", SOURCE_COUNT, NULL), items);
}

static void results_as_lines(const struct output *output, const struct output_result *results,
			     size_t count)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < count; i++) {
		strbuf_addf(&text, "%-8s ", results[i].result);
		text_clean(&text, results[i].label, strlen(results[i].label));
		if (*results[i].error) {
			strbuf_addstr(&text, "  ");
			text_clean(&text, results[i].error, strlen(results[i].error));
		}
		strbuf_addch(&text, '\n');
	}
	/* One line for all: the targets of a plan are undone together. */
	for (size_t i = 0; i < count; i++) {
		if (*results[i].undo) {
			strbuf_addf(&text, "undo: %s\n", results[i].undo);
			break;
		}
	}
	put(output, &text);
	strbuf_release(&text);
}

static void results_as_csv(const struct output *output, const struct output_result *results,
			   size_t count)
{
	struct strbuf text = STRBUF_INIT;

	if (!output->no_header)
		strbuf_addstr(&text, "target,result,error,undo\n");
	for (size_t i = 0; i < count; i++) {
		put_field(output, &text, results[i].target);
		strbuf_addch(&text, ',');
		put_field(output, &text, results[i].result);
		strbuf_addch(&text, ',');
		put_field(output, &text, results[i].error);
		strbuf_addch(&text, ',');
		put_field(output, &text, results[i].undo);
		strbuf_addch(&text, '\n');
	}
	put(output, &text);
	strbuf_release(&text);
}

void output_results(const struct output *output, const struct plan *plan,
		    const struct output_result *results, size_t count)
{
	struct json *items, *doc;

	if (output->format == OUTPUT_TABLE) {
		results_as_lines(output, results, count);
		return;
	}
	if (output->format == OUTPUT_CSV) {
		results_as_csv(output, results, count);
		return;
	}
	items = json_new_array();
	for (size_t i = 0; i < count; i++) {
		struct json *item = json_add_object(items, NULL);

		json_add_str(item, "target", results[i].target);
		json_add_str(item, "result", results[i].result);
		json_add_str(item, "error", *results[i].error ? results[i].error : NULL);
		json_add_str(item, "undo", *results[i].undo ? results[i].undo : NULL);
	}
	doc = envelope(output, "results", SOURCE_COUNT, NULL);
	json_add_str(doc, "verb", plan->verb);
	json_add_str(doc, "plan", plan->hash);
	put_document(output, doc, items);
}
