/*
 * rich.h - lines of text in which parts have roles. Built once, painted many times.
 *
 *     rich_add(&text, ROLE_STRONG, "state  ");
 *     rich_addf(&text, ROLE_STATE_CRIT, "%s", service->status);
 *     rich_end_line(&text);
 *
 * Bytes from outside may be added as they are: painting cleans. Tabs become blanks up to the
 * next stop of 8; a newline ends the line.
 */
#ifndef TUI_RICH_H
#define TUI_RICH_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/tui/grid.h"

struct rich_span {
	size_t start; /* byte; up to the next span of the text */
	enum role role;
};

struct rich_line {
	size_t start, end;       /* bytes */
	size_t span, span_count; /* its spans */
};

struct rich {
	struct strbuf bytes;
	struct rich_span *spans;
	size_t span_count, span_cap;
	struct rich_line *lines;
	size_t count, cap; /* of lines */
	size_t line_start, line_span;
	int column;
};

#define RICH_INIT                                                                                  \
	{                                                                                          \
		.bytes = STRBUF_INIT                                                               \
	}

void rich_release(struct rich *rich);
void rich_reset(struct rich *rich);
void rich_add(struct rich *rich, enum role role, const char *text);
void rich_add_bytes(struct rich *rich, enum role role, const char *bytes, size_t len);
void rich_addf(struct rich *rich, enum role role, const char *fmt, ...) PRINTF_LIKE(3, 4);
/* Blanks up to a column of the line; at least one. */
void rich_pad(struct rich *rich, int column);
void rich_end_line(struct rich *rich);
/* One whole line. */
void rich_line(struct rich *rich, enum role role, const char *text);

int rich_width(const struct rich *rich, size_t line);
/* `skip` cells are left out at the left. Returns the cells used. */
int rich_paint(const struct rich *rich, size_t line, struct grid *grid, int row, int col, int width,
	       int skip);
/* Does the line hold the text, ignoring case? */
bool rich_line_has(const struct rich *rich, size_t line, const char *needle);

#endif
