/*
 * tui/grid.h - the picture between views and terminal: cells with a role each.
 *
 * Views paint text and roles; term.c prints a grid with ncurses, grid_dump.c as text or SVG.
 * Text from outside is cleaned here (base/text.h), so no view can forget it, and a character of
 * two cells is never split.
 *
 * Rows and columns count from 0. Nothing is drawn outside of the clip area, which is the whole
 * grid unless set. Widths are in cells.
 */
#ifndef BINNACLE_TUI_GRID_H
#define BINNACLE_TUI_GRID_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/tui/theme.h"

#define CELL_TEXT_BYTES 20 /* a base and three marks of up to four bytes, and the NUL */

struct cell {
	char text[CELL_TEXT_BYTES]; /* what stands here, UTF-8, cleaned */
	unsigned char width;        /* 1 or 2; 0: the right half of a wide one */
	unsigned char role;         /* enum role */
	unsigned char over;         /* enum role laid over it, ROLE_NONE: none */
};

struct area {
	int row, col, height, width;
};

struct grid {
	int width, height;
	bool utf8;  /* else own glyphs are ASCII */
	bool plain; /* frames are blanks, and lists put the hardware cursor on their row */
	struct area clip;
	struct cell *cells;
	int cursor_row, cursor_col; /* of the hardware cursor; -1: hidden */
};

/* Our own glyphs; each has an ASCII form. ORDER GLYPH */
enum glyph {
	GLYPH_RULE,
	GLYPH_RULE_FOCUS,
	GLYPH_BAR,
	GLYPH_CUT,
	GLYPH_CURSOR,
	GLYPH_MARK,
	GLYPH_UP,
	GLYPH_DOWN,
	GLYPH_TOP_LEFT,
	GLYPH_TOP_RIGHT,
	GLYPH_BOTTOM_LEFT,
	GLYPH_BOTTOM_RIGHT,
	GLYPH_LINK_GOOD,
	GLYPH_LINK_BAD,
	GLYPH_LINK_UNKNOWN,
	GLYPH_LINK_DOWN,
	GLYPH_BLOCK_DONE,
	GLYPH_BLOCK_TODO,
	GLYPH_COUNT
};

enum put_flags { PUT_CUT_MIDDLE = 1, PUT_RIGHT = 2 };

struct grid *grid_new(int width, int height, bool utf8);
void grid_free(struct grid *grid);
void grid_resize(struct grid *grid, int width, int height); /* all blank */
void grid_clear(struct grid *grid);
void grid_clip(struct grid *grid, struct area area); /* cut to the grid itself */
void grid_unclip(struct grid *grid);
const struct cell *grid_cell(const struct grid *grid, int row, int col);

/* At most `width` cells of the text; returns how many were used. The rest stays as it was. */
int grid_put_text(struct grid *grid, int row, int col, int width, const char *text, enum role role);
/* The same after leaving out the first `skip` cells of the text. */
int grid_put_bytes(struct grid *grid, int row, int col, int width, int skip, const char *bytes,
		   size_t len, enum role role);
/* A field: exactly `width` cells, blank-padded, cut with the cut mark when it does not fit. */
void grid_put_field(struct grid *grid, int row, int col, int width, unsigned flags,
		    const char *text, enum role role);
int grid_printf(struct grid *grid, int row, int col, int width, enum role role, const char *fmt,
		...) PRINTF_LIKE(6, 7);
void grid_put_glyph(struct grid *grid, int row, int col, enum glyph glyph, enum role role);
void grid_put_rule(struct grid *grid, int row, int col, int width, enum glyph glyph,
		   enum role role);
const char *grid_glyph(const struct grid *grid, enum glyph glyph);
void grid_fill(struct grid *grid, struct area area, enum role role);
/* Lay a role over cells that stand there. */
void grid_over(struct grid *grid, int row, int col, int width, enum role over);

bool grid_equal(const struct grid *a, const struct grid *b);

/* The rows as text, blanks at their ends cut, a newline after each. */
void grid_dump_text(const struct grid *grid, struct strbuf *out);
/* As an SVG picture in the colors of a theme; title: for those who cannot see it. */
void grid_dump_svg(const struct grid *grid, const struct theme *theme, const char *title,
		   struct strbuf *out);

#endif
