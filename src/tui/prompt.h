/*
 * prompt.h - the input line for `:` and `/`, and the editing of one line.
 */
#ifndef TUI_PROMPT_H
#define TUI_PROMPT_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/command/command.h"
#include "binnacle/tui/grid.h"
#include "keys.h"

struct tui;

/* A line that is being typed. */
struct line {
	struct strbuf text;
	size_t cursor; /* byte */
};

void line_set(struct line *line, const char *text);
/* Text keys, movement, Ctrl-A E W U K, Backspace, Del. False: not an editing key. */
bool line_key(struct line *line, key_code key);
/* Newlines and tabs become blanks, other controls go. */
void line_paste(struct line *line, const char *bytes, size_t len);
/* Paints the part around the cursor, and puts the hardware cursor there. */
void line_paint(const struct line *line, struct grid *grid, int row, int col, int width,
		enum role role);

/* Lines of the palette, oldest first; kept in a file of the operator. */
struct history {
	char **items;
	size_t len, cap;
	char *path; /* NULL: not kept */
};
void history_load(struct history *history, const char *path);
void history_add(struct history *history, const char *text);
void history_release(struct history *history);

enum prompt_kind { PROMPT_FILTER, PROMPT_PALETTE };

struct prompt {
	enum prompt_kind kind;
	struct line line;
	char *before; /* filter: what to bring back on Esc */
	char *error;  /* why the text is wrong; NULL */
	struct completion matches;
	size_t chosen; /* of matches, when is_choosing */
	bool is_choosing;
	size_t history_at; /* index; history.len: the line being typed */
	char *typed;       /* the line before going through the history */
};

void prompt_free(struct prompt *prompt);
void prompt_key(struct tui *tui, key_code key);
void prompt_paste(struct tui *tui, const char *bytes, size_t len);
void prompt_paint(struct tui *tui);
void prompt_close(struct tui *tui);

/* filter.c and palette.c */
void filter_open(struct tui *tui);
void filter_changed(struct tui *tui);
void filter_end(struct tui *tui, bool keep);
void palette_open(struct tui *tui, const char *text);
void palette_changed(struct tui *tui);
bool palette_key(struct tui *tui, key_code key); /* false: an editing key */
void palette_paint_matches(struct tui *tui);

#endif
