/*
 * What a list shows, as a file: the same rows in the same order, with all columns. The file is
 * new and readable by its owner alone; text from outside is cleaned except in JSON, which
 * escapes it.
 */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/present/table.h"
#include "internal.h"
#include "table_view.h"

typedef void export_fn(struct tui *tui, const struct table_view *list, struct strbuf *out);

static void cell_text(const struct column *column, const void *row, struct strbuf *out)
{
	struct strbuf raw = STRBUF_INIT;

	column->text(row, &raw);
	text_clean(out, raw.buf, raw.len);
	strbuf_release(&raw);
}

/* RFC 4180: quotes around what holds a comma, a quote or a line end; quotes doubled. */
static void add_csv_field(struct strbuf *out, const char *text)
{
	if (!strpbrk(text, ",\"\r\n")) {
		strbuf_addstr(out, text);
		return;
	}
	strbuf_addch(out, '"');
	for (; *text; text++) {
		if (*text == '"')
			strbuf_addch(out, '"');
		strbuf_addch(out, *text);
	}
	strbuf_addch(out, '"');
}

static void export_csv(struct tui *tui, const struct table_view *list, struct strbuf *out)
{
	const struct table *table = list->table;

	(void)tui;
	for (size_t i = 0; i < table->column_count; i++)
		strbuf_addf(out, "%s%s", i ? "," : "", table->columns[i].id);
	strbuf_addch(out, '\n');
	for (size_t row = 0; row < list->rows.count; row++) {
		for (size_t i = 0; i < table->column_count; i++) {
			struct strbuf text = STRBUF_INIT;

			cell_text(&table->columns[i], list->rows.rows[row], &text);
			if (i > 0)
				strbuf_addch(out, ',');
			add_csv_field(out, text.buf);
			strbuf_release(&text);
		}
		strbuf_addch(out, '\n');
	}
}

static void export_txt(struct tui *tui, const struct table_view *list, struct strbuf *out)
{
	const struct table *table = list->table;
	char now[CLOCK_TEXT_BYTES];
	int widths[64] = { 0 };

	strbuf_addf(out, "# %s of %s at %s%s%s\n", table->name, model_facts(tui->model)->datacenter,
		    clock_rfc3339(clock_wall_ms(), now), list->filter_text ? ", filter: " : "",
		    list->filter_text ? list->filter_text : "");
	for (size_t pass = 0; pass < 2; pass++) {
		/* Row 0 is the header; the first pass measures. */
		for (size_t row = 0; row <= list->rows.count; row++) {
			for (size_t i = 0; i < table->column_count && i < COUNT_OF(widths); i++) {
				struct strbuf text = STRBUF_INIT;
				int cells;

				if (row == 0)
					strbuf_addstr(&text, table->columns[i].title);
				else
					cell_text(&table->columns[i], list->rows.rows[row - 1],
						  &text);
				cells = text_width(text.buf, text.len);
				if (pass == 0 && cells > widths[i])
					widths[i] = cells;
				if (pass == 1) {
					strbuf_addstr(out, text.buf);
					if (i + 1 < table->column_count)
						strbuf_addchars(out, ' ',
								(size_t)(widths[i] - cells) + 2);
				}
				strbuf_release(&text);
			}
			if (pass == 1)
				strbuf_addch(out, '\n');
		}
	}
}

static struct json *row_json(const struct table_view *list, size_t row)
{
	struct json *json = json_new_object();

	list->table->json(list->rows.rows[row], json);
	return json;
}

static void export_jsonl(struct tui *tui, const struct table_view *list, struct strbuf *out)
{
	(void)tui;
	for (size_t row = 0; row < list->rows.count; row++) {
		struct json *json = row_json(list, row);

		json_print(out, json);
		strbuf_addch(out, '\n');
		json_free(json);
	}
}

static void export_json(struct tui *tui, const struct table_view *list, struct strbuf *out)
{
	struct json *document = json_new_object(), *items;
	char time[CLOCK_TEXT_BYTES];

	json_add_str(document, "schema", "binnacle/1");
	json_add_str(document, "kind", list->table->name);
	json_add_str(document, "dc", model_facts(tui->model)->datacenter);
	json_add_str(document, "fetched_at", clock_rfc3339(list->shown->taken_ms, time));
	items = json_add_array(document, "items");
	for (size_t row = 0; row < list->rows.count; row++)
		json_add(items, NULL, row_json(list, row));
	json_print_pretty(out, document);
	strbuf_addch(out, '\n');
	json_free(document);
}

static const struct {
	const char *name;
	export_fn *fn;
} formats[] = {
	{ "csv", export_csv },
	{ "json", export_json },
	{ "jsonl", export_jsonl },
	{ "txt", export_txt },
};

/* A new file or none: what stands there already is somebody's. */
static bool write_new(const char *path, const struct strbuf *text, struct err *err)
{
	int fd = open(path, O_WRONLY | O_CREAT | O_EXCL | O_CLOEXEC | O_NOFOLLOW, 0600);
	size_t done = 0;

	if (fd < 0)
		return err_system(err, "cannot create %s", path);
	while (done < text->len) {
		ssize_t n = write(fd, text->buf + done, text->len - done);

		if (n < 0 && errno == EINTR)
			continue;
		if (n <= 0) {
			err_system(err, "cannot write %s", path);
			close(fd);
			return false;
		}
		done += (size_t)n;
	}
	if (close(fd) != 0)
		return err_system(err, "cannot write %s", path);
	return true;
}

static char *default_path(const struct table *table, const char *format)
{
	time_t now = (time_t)(clock_wall_ms() / 1000);
	struct tm tm;
	char stamp[32];

	gmtime_r(&now, &tm);
	strftime(stamp, sizeof(stamp), "%Y%m%dT%H%M%SZ", &tm);
	return xasprintf("binnacle-%s-%s.%s", table->name, stamp, format);
}

bool export_text(struct tui *tui, struct strbuf *out)
{
	struct view *view = view_list(tui_view(tui));

	if (!view || !table_view_state(view)->shown)
		return false;
	export_txt(tui, table_view_state(view), out);
	return true;
}

void export_view(struct tui *tui, const char *args)
{
	struct view *view = view_list(tui_view(tui));
	size_t len = strcspn(args, " "), format = 0;
	const char *file = args + len + strspn(args + len, " ");
	struct strbuf text = STRBUF_INIT;
	const struct table_view *list;
	struct err err;
	char *path;

	if (!view || !table_view_state(view)->shown) {
		tui_message(tui, LOG_LEVEL_WARN, "export: there is no list here");
		return;
	}
	while (len > 0 && format < COUNT_OF(formats) &&
	       (strlen(formats[format].name) != len ||
		strncmp(formats[format].name, args, len) != 0))
		format++;
	if (format == COUNT_OF(formats)) {
		tui_message(tui, LOG_LEVEL_WARN, "export: csv, json, jsonl or txt, not \"%.*s\"",
			    (int)len, args);
		return;
	}
	list = table_view_state(view);
	formats[format].fn(tui, list, &text);
	path = *file ? xstrdup(file) : default_path(list->table, formats[format].name);
	if (write_new(path, &text, &err))
		tui_message(tui, LOG_LEVEL_INFO, "%zu rows written to %s", list->rows.count, path);
	else
		tui_message(tui, LOG_LEVEL_ERROR, "export: %s", err.msg);
	free(path);
	strbuf_release(&text);
}
