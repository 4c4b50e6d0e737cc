#include "binnacle/tui/grid.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"

#define MAX_MARKS_PER_BASE 3

/* ORDER GLYPH */
static const struct {
	const char *utf8, *ascii;
	wchar_t cp;
} glyphs[] = {
	[GLYPH_RULE] = { "─", "-", L'─' },         [GLYPH_RULE_FOCUS] = { "═", "=", L'═' },
	[GLYPH_BAR] = { "│", "|", L'│' },          [GLYPH_CUT] = { "…", "~", L'…' },
	[GLYPH_CURSOR] = { "›", ">", L'›' },       [GLYPH_MARK] = { "●", "*", L'●' },
	[GLYPH_UP] = { "▲", "^", L'▲' },           [GLYPH_DOWN] = { "▼", "v", L'▼' },
	[GLYPH_TOP_LEFT] = { "┌", "+", L'┌' },     [GLYPH_TOP_RIGHT] = { "┐", "+", L'┐' },
	[GLYPH_BOTTOM_LEFT] = { "└", "+", L'└' },  [GLYPH_BOTTOM_RIGHT] = { "┘", "+", L'┘' },
	[GLYPH_LINK_GOOD] = { "●", "o", L'●' },    [GLYPH_LINK_BAD] = { "✗", "X", L'✗' },
	[GLYPH_LINK_UNKNOWN] = { "○", "?", L'○' }, [GLYPH_LINK_DOWN] = { "│", "|", L'│' },
	[GLYPH_BLOCK_DONE] = { "█", "#", L'█' },   [GLYPH_BLOCK_TODO] = { "░", ".", L'░' },
};
_Static_assert(sizeof(glyphs) / sizeof(glyphs[0]) == GLYPH_COUNT, "ORDER GLYPH");

static const struct cell blank_cell = { .text = " ", .width = 1, .over = ROLE_NONE };

struct grid *grid_new(int width, int height, bool utf8)
{
	struct grid *grid = xcalloc(1, sizeof(*grid));

	grid->utf8 = utf8;
	grid_resize(grid, width, height);
	return grid;
}

void grid_free(struct grid *grid)
{
	if (!grid)
		return;
	free(grid->cells);
	free(grid);
}

void grid_resize(struct grid *grid, int width, int height)
{
	assert(width > 0 && height > 0);
	grid->width = width;
	grid->height = height;
	grid->cells =
		xreallocarray(grid->cells, (size_t)width * (size_t)height, sizeof(*grid->cells));
	grid_clear(grid);
}

void grid_clear(struct grid *grid)
{
	size_t count = (size_t)grid->width * (size_t)grid->height;

	for (size_t i = 0; i < count; i++)
		grid->cells[i] = blank_cell;
	grid->cursor_row = grid->cursor_col = -1;
	grid_unclip(grid);
}

void grid_unclip(struct grid *grid)
{
	grid->clip = (struct area){ 0, 0, grid->height, grid->width };
}

static int max_int(int a, int b)
{
	return a > b ? a : b;
}

static int min_int(int a, int b)
{
	return a < b ? a : b;
}

void grid_clip(struct grid *grid, struct area area)
{
	int bottom = min_int(area.row + area.height, grid->height);
	int right = min_int(area.col + area.width, grid->width);

	area.row = max_int(area.row, 0);
	area.col = max_int(area.col, 0);
	area.height = max_int(bottom - area.row, 0);
	area.width = max_int(right - area.col, 0);
	grid->clip = area;
}

static struct cell *cell_at(const struct grid *grid, int row, int col)
{
	assert(row >= 0 && row < grid->height && col >= 0 && col < grid->width);
	return &grid->cells[(size_t)row * (size_t)grid->width + (size_t)col];
}

const struct cell *grid_cell(const struct grid *grid, int row, int col)
{
	return cell_at(grid, row, col);
}

static bool is_inside(const struct grid *grid, int row, int col)
{
	const struct area *clip = &grid->clip;

	return row >= clip->row && row < clip->row + clip->height && col >= clip->col &&
	       col < clip->col + clip->width;
}

static void set_blank(struct cell *cell)
{
	memcpy(cell->text, " ", 2);
	cell->width = 1;
}

/* What stood in a cell is overwritten: the other half of a wide character becomes a blank. */
static void break_wide(struct grid *grid, int row, int col)
{
	struct cell *cell = cell_at(grid, row, col);

	if (cell->width == 0 && col > 0)
		set_blank(cell_at(grid, row, col - 1));
	if (cell->width == 2 && col + 1 < grid->width)
		set_blank(cell_at(grid, row, col + 1));
}

static void put_cell(struct grid *grid, int row, int col, const char *text, int width,
		     enum role role)
{
	struct cell *cell;

	if (!is_inside(grid, row, col))
		return;
	if (width == 2 && !is_inside(grid, row, col + 1)) {
		text = " ";
		width = 1;
	}
	break_wide(grid, row, col);
	cell = cell_at(grid, row, col);
	snprintf(cell->text, sizeof(cell->text), "%s", text);
	cell->width = (unsigned char)width;
	cell->role = (unsigned char)role;
	cell->over = ROLE_NONE;
	if (width == 2) {
		struct cell *right;

		break_wide(grid, row, col + 1);
		right = cell_at(grid, row, col + 1);
		*right = (struct cell){ .role = (unsigned char)role, .over = ROLE_NONE };
	}
}

static void add_mark(struct grid *grid, int row, int col, const char *mark)
{
	struct cell *cell;
	size_t len, mark_len = strlen(mark);

	if (!is_inside(grid, row, col))
		return;
	cell = cell_at(grid, row, col);
	if (cell->width == 0 && col > 0)
		cell = cell_at(grid, row, col - 1);
	len = strlen(cell->text);
	if (len + mark_len < sizeof(cell->text))
		memcpy(cell->text + len, mark, mark_len + 1);
}

int grid_put_bytes(struct grid *grid, int row, int col, int width, int skip, const char *bytes,
		   size_t len, enum role role)
{
	int pos = -skip, marks = 0; /* pos: cell within the field, negative while skipping */
	bool has_base = false;

	for (size_t i = 0; i < len && pos < width;) {
		struct text_piece piece = text_next(bytes + i, len - i);
		const char *p = piece.bytes;

		i += piece.used;
		if (piece.combining && has_base) {
			if (marks++ < MAX_MARKS_PER_BASE && pos > 0)
				add_mark(grid, row, col + pos - 1, p);
			continue;
		}
		if (piece.combining) { /* a mark without a base stands alone, as `?` */
			piece.width_cells = 1;
			p = "?";
		}
		has_base = true;
		marks = 0;
		if (piece.escaped) { /* several ASCII cells */
			for (; *p && pos < width; p++, pos++) {
				char one[2] = { *p, '\0' };

				if (pos >= 0)
					put_cell(grid, row, col + pos, one, 1, ROLE_MUTED);
			}
			continue;
		}
		if (piece.width_cells == 2 && (pos == -1 || pos + 1 >= width)) {
			/* Half of it would be outside of the field: a blank in its place. */
			put_cell(grid, row, col + max_int(pos, 0), " ", 1, role);
			pos += 2;
			continue;
		}
		if (pos >= 0)
			put_cell(grid, row, col + pos, p, piece.width_cells, role);
		pos += piece.width_cells;
	}
	return pos < 0 ? 0 : min_int(pos, width);
}

int grid_put_text(struct grid *grid, int row, int col, int width, const char *text, enum role role)
{
	return grid_put_bytes(grid, row, col, width, 0, text, strlen(text), role);
}

static void put_blanks(struct grid *grid, int row, int col, int width, enum role role)
{
	for (int i = 0; i < width; i++)
		put_cell(grid, row, col + i, " ", 1, role);
}

void grid_put_field(struct grid *grid, int row, int col, int width, unsigned flags,
		    const char *text, enum role role)
{
	size_t len = strlen(text);
	int need = text_width(text, len), used;

	if (width <= 0)
		return;
	if (need <= width) {
		int pad = flags & PUT_RIGHT ? width - need : 0;

		put_blanks(grid, row, col, pad, role);
		used = pad + grid_put_bytes(grid, row, col + pad, width - pad, 0, text, len, role);
		put_blanks(grid, row, col + used, width - used, role);
		return;
	}
	if (flags & PUT_CUT_MIDDLE && width >= 5) {
		int left = width / 2, right = width - left - 1;

		put_blanks(grid, row, col, width, role);
		grid_put_bytes(grid, row, col, left, 0, text, len, role);
		grid_put_glyph(grid, row, col + left, GLYPH_CUT, role);
		grid_put_bytes(grid, row, col + left + 1, right, need - right, text, len, role);
		return;
	}
	put_blanks(grid, row, col, width, role);
	grid_put_bytes(grid, row, col, width - 1, 0, text, len, role);
	grid_put_glyph(grid, row, col + width - 1, GLYPH_CUT, role);
}

int grid_printf(struct grid *grid, int row, int col, int width, enum role role, const char *fmt,
		...)
{
	struct strbuf text = STRBUF_INIT;
	va_list args;
	int used;

	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	used = grid_put_bytes(grid, row, col, width, 0, text.buf, text.len, role);
	strbuf_release(&text);
	return used;
}

/* Some locales give our symbols two cells: then the ASCII form keeps the columns straight. */
const char *grid_glyph(const struct grid *grid, enum glyph glyph)
{
	if (grid->plain && (glyph == GLYPH_RULE || glyph == GLYPH_RULE_FOCUS || glyph == GLYPH_BAR))
		return " ";
	if (grid->plain && glyph >= GLYPH_TOP_LEFT && glyph <= GLYPH_BOTTOM_RIGHT)
		return " ";
	return grid->utf8 && wcwidth(glyphs[glyph].cp) == 1 ? glyphs[glyph].utf8
							    : glyphs[glyph].ascii;
}

void grid_put_glyph(struct grid *grid, int row, int col, enum glyph glyph, enum role role)
{
	put_cell(grid, row, col, grid_glyph(grid, glyph), 1, role);
}

void grid_put_rule(struct grid *grid, int row, int col, int width, enum glyph glyph, enum role role)
{
	for (int i = 0; i < width; i++)
		grid_put_glyph(grid, row, col + i, glyph, role);
}

void grid_fill(struct grid *grid, struct area area, enum role role)
{
	for (int row = 0; row < area.height; row++)
		put_blanks(grid, area.row + row, area.col, area.width, role);
}

void grid_over(struct grid *grid, int row, int col, int width, enum role over)
{
	for (int i = 0; i < width; i++)
		if (is_inside(grid, row, col + i))
			cell_at(grid, row, col + i)->over = (unsigned char)over;
}

bool grid_equal(const struct grid *a, const struct grid *b)
{
	size_t count = (size_t)a->width * (size_t)a->height;

	if (a->width != b->width || a->height != b->height || a->cursor_row != b->cursor_row ||
	    a->cursor_col != b->cursor_col)
		return false;
	for (size_t i = 0; i < count; i++) {
		const struct cell *x = &a->cells[i], *y = &b->cells[i];

		if (x->role != y->role || x->over != y->over || x->width != y->width ||
		    strcmp(x->text, y->text) != 0)
			return false;
	}
	return true;
}
