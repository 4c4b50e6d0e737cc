#include "prompt.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/err.h"
#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "internal.h"

#define LINE_BYTES_MAX    4096
#define HISTORY_LINES_MAX 500

void line_set(struct line *line, const char *text)
{
	strbuf_reset(&line->text);
	strbuf_addstr(&line->text, text);
	line->cursor = line->text.len;
}

static size_t before(const struct line *line, size_t at)
{
	while (at > 0 && ((unsigned char)line->text.buf[--at] & 0xc0) == 0x80)
		;
	return at;
}

static size_t after(const struct line *line, size_t at)
{
	if (at < line->text.len)
		at++;
	while (at < line->text.len && ((unsigned char)line->text.buf[at] & 0xc0) == 0x80)
		at++;
	return at;
}

static void cut(struct line *line, size_t from, size_t to)
{
	memmove(line->text.buf + from, line->text.buf + to, line->text.len - to);
	strbuf_setlen(&line->text, line->text.len - (to - from));
	line->cursor = from;
}

static void insert(struct line *line, const char *bytes, size_t len)
{
	char *tail = xstrndup(line->text.buf + line->cursor, line->text.len - line->cursor);

	if (line->text.len + len <= LINE_BYTES_MAX) {
		strbuf_setlen(&line->text, line->cursor);
		strbuf_add(&line->text, bytes, len);
		line->cursor = line->text.len;
		strbuf_addstr(&line->text, tail);
	}
	free(tail);
}

static size_t word_start(const struct line *line)
{
	size_t at = line->cursor;

	while (at > 0 && line->text.buf[at - 1] == ' ')
		at--;
	while (at > 0 && line->text.buf[at - 1] != ' ')
		at--;
	return at;
}

bool line_key(struct line *line, key_code key)
{
	struct strbuf text = STRBUF_INIT;

	switch (key) {
	case KEY_CODE_LEFT:
		line->cursor = before(line, line->cursor);
		return true;
	case KEY_CODE_RIGHT:
		line->cursor = after(line, line->cursor);
		return true;
	case KEY_CODE_HOME:
	case KEY_CTRL('a'):
		line->cursor = 0;
		return true;
	case KEY_CODE_END:
	case KEY_CTRL('e'):
		line->cursor = line->text.len;
		return true;
	case KEY_CODE_BACKSPACE:
		cut(line, before(line, line->cursor), line->cursor);
		return true;
	case KEY_CODE_DELETE:
		cut(line, line->cursor, after(line, line->cursor));
		return true;
	case KEY_CTRL('w'):
		cut(line, word_start(line), line->cursor);
		return true;
	case KEY_CTRL('u'):
		cut(line, 0, line->cursor);
		return true;
	case KEY_CTRL('k'):
		cut(line, line->cursor, line->text.len);
		return true;
	default:
		break;
	}
	if (!key_is_text(key))
		return false;
	text_encode(&text, key);
	insert(line, text.buf, text.len);
	strbuf_release(&text);
	return true;
}

void line_paste(struct line *line, const char *bytes, size_t len)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < len;) {
		uint32_t cp;
		size_t n = text_decode(bytes + i, len - i, &cp);

		if (cp == '\n' || cp == '\r' || cp == '\t')
			strbuf_addch(&text, ' ');
		else if (cp != TEXT_INVALID && cp >= 0x20 && cp != 0x7f)
			strbuf_add(&text, bytes + i, n);
		i += n;
	}
	insert(line, text.buf, text.len);
	strbuf_release(&text);
}

void line_paint(const struct line *line, struct grid *grid, int row, int col, int width,
		enum role role)
{
	int cells = text_width(line->text.buf, line->cursor);
	int skip = cells >= width ? cells - width + 1 : 0;

	grid_fill(grid, (struct area){ row, col, 1, width }, role);
	grid_put_bytes(grid, row, col, width, skip, line->text.buf, line->text.len, role);
	grid->cursor_row = row;
	grid->cursor_col = col + cells - skip;
}

void history_load(struct history *history, const char *path)
{
	struct strbuf text = STRBUF_INIT;
	struct err err;

	history->path = xstrdup(path);
	if (file_read(path, LIMIT_CONFIG_FILE, &text, &err)) {
		for (char *p = text.buf; *p;) {
			size_t len = strcspn(p, "\n");

			GROW(history->items, history->len, history->cap);
			history->items[history->len++] = xstrndup(p, len);
			p += len + (p[len] == '\n');
		}
	}
	strbuf_release(&text);
}

void history_add(struct history *history, const char *text)
{
	struct file_mode mode = { .mode = 0600 };
	struct strbuf all = STRBUF_INIT;
	struct err err;

	if (!*text || text_find_nocase(text, "token") ||
	    (history->len > 0 && strcmp(history->items[history->len - 1], text) == 0))
		return;
	if (history->len >= HISTORY_LINES_MAX) {
		free(history->items[0]);
		memmove(history->items, history->items + 1,
			(history->len - 1) * sizeof(*history->items));
		history->len--;
	}
	GROW(history->items, history->len, history->cap);
	history->items[history->len++] = xstrdup(text);
	if (!history->path)
		return;
	for (size_t i = 0; i < history->len; i++)
		strbuf_addf(&all, "%s\n", history->items[i]);
	if (!file_replace(history->path, all.buf, all.len, &mode, &err))
		log_debug("tui", "history: %s", err.msg);
	strbuf_release(&all);
}

void history_release(struct history *history)
{
	for (size_t i = 0; i < history->len; i++)
		free(history->items[i]);
	free(history->items);
	free(history->path);
}

void prompt_free(struct prompt *prompt)
{
	if (!prompt)
		return;
	strbuf_release(&prompt->line.text);
	completion_release(&prompt->matches);
	free(prompt->before);
	free(prompt->error);
	free(prompt->typed);
	free(prompt);
}

void prompt_close(struct tui *tui)
{
	prompt_free(tui->prompt);
	tui->prompt = NULL;
}

void prompt_key(struct tui *tui, key_code key)
{
	struct prompt *prompt = tui->prompt;
	bool is_filter = prompt->kind == PROMPT_FILTER;

	if (!is_filter && palette_key(tui, key))
		return;
	if (key == KEY_CODE_ENTER || key == KEY_CODE_ESC || key == KEY_CTRL('c')) {
		if (is_filter)
			filter_end(tui, key == KEY_CODE_ENTER);
		else
			prompt_close(tui);
		return;
	}
	if (!line_key(&prompt->line, key))
		return;
	if (is_filter)
		filter_changed(tui);
	else
		palette_changed(tui);
}

void prompt_paste(struct tui *tui, const char *bytes, size_t len)
{
	line_paste(&tui->prompt->line, bytes, len);
	if (tui->prompt->kind == PROMPT_FILTER)
		filter_changed(tui);
	else
		palette_changed(tui);
}

void prompt_paint(struct tui *tui)
{
	struct prompt *prompt = tui->prompt;
	struct grid *grid = tui->grid;
	int row = grid->height - 1;

	if (prompt->kind == PROMPT_PALETTE)
		palette_paint_matches(tui);
	grid_fill(grid, (struct area){ row, 0, 1, grid->width }, ROLE_PROMPT);
	grid_put_text(grid, row, 0, 1, prompt->kind == PROMPT_FILTER ? "/" : ":", ROLE_PROMPT);
	line_paint(&prompt->line, grid, row, 1, grid->width - 1,
		   prompt->error ? ROLE_PROMPT_ERROR : ROLE_PROMPT);
}
