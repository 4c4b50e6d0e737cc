/*
 * A grid as text, for tests, and as SVG, for the documentation.
 *
 * In SVG each run of cells that look alike is one rectangle and one text element stretched to
 * its exact width, so that the picture does not depend on the reader's font. Lines are drawn as
 * shapes: glyphs of frames seldom meet in a browser.
 */
#include <stdio.h>
#include <string.h>

#include "binnacle/tui/grid.h"

#define CELL_WIDTH_PX  8
#define CELL_HEIGHT_PX 17
#define MARGIN_PX      10

void grid_dump_text(const struct grid *grid, struct strbuf *out)
{
	for (int row = 0; row < grid->height; row++) {
		size_t start = out->len;

		for (int col = 0; col < grid->width; col++)
			strbuf_addstr(out, grid_cell(grid, row, col)->text);
		while (out->len > start && out->buf[out->len - 1] == ' ')
			strbuf_setlen(out, out->len - 1);
		strbuf_addch(out, '\n');
	}
}

static void add_xml(struct strbuf *out, const char *text)
{
	for (; *text; text++) {
		if (*text == '&')
			strbuf_addstr(out, "&amp;");
		else if (*text == '<')
			strbuf_addstr(out, "&lt;");
		else if (*text == '>')
			strbuf_addstr(out, "&gt;");
		else
			strbuf_addch(out, *text);
	}
}

static struct look cell_look(const struct theme *theme, const struct cell *cell)
{
	struct look look = theme_look(theme, cell->role, cell->over, DEPTH_TRUE);

	if (look.attrs & LOOK_REVERSE) {
		uint32_t fg = theme_rgb(theme, look.fg, false);
		uint32_t bg = theme_rgb(theme, look.bg, true);

		look.fg = (int)(bg | LOOK_RGB);
		look.bg = (int)(fg | LOOK_RGB);
		look.attrs &= ~(unsigned)LOOK_REVERSE;
	}
	return look;
}

static bool same_look(struct look a, struct look b)
{
	return a.fg == b.fg && a.bg == b.bg && a.attrs == b.attrs;
}

/* Frames: which of the four directions a glyph goes to, and whether it is double. */
static const struct line_glyph {
	const char *text;
	bool left, right, up, down, is_double;
} line_glyphs[] = {
	{ "─", true, true, false, false, false }, { "═", true, true, false, false, true },
	{ "│", false, false, true, true, false }, { "┌", false, true, false, true, false },
	{ "┐", true, false, false, true, false }, { "└", false, true, true, false, false },
	{ "┘", true, false, true, false, false },
};

static const struct line_glyph *line_glyph_of(const struct cell *cell)
{
	for (size_t i = 0; i < sizeof(line_glyphs) / sizeof(line_glyphs[0]); i++)
		if (strcmp(cell->text, line_glyphs[i].text) == 0)
			return &line_glyphs[i];
	return NULL;
}

static void dump_line(struct strbuf *out, const struct line_glyph *line, int x, int y, int cells,
		      uint32_t rgb)
{
	int middle_x = x + CELL_WIDTH_PX / 2, middle_y = y + CELL_HEIGHT_PX / 2;
	int gap = line->is_double ? 1 : 0;

	strbuf_addf(out, "<path stroke=\"#%06x\" d=\"", rgb);
	for (int side = -gap; side <= gap; side += gap + 1) {
		int from = line->left ? x : middle_x;
		int to = line->right ? x + cells * CELL_WIDTH_PX : middle_x;

		if (line->left || line->right)
			strbuf_addf(out, "M%d %d.5H%d", from, middle_y + side, to);
	}
	if (line->up || line->down)
		strbuf_addf(out, "M%d.5 %dV%d", middle_x, line->up ? y : middle_y,
			    line->down ? y + CELL_HEIGHT_PX : middle_y);
	strbuf_addstr(out, "\"/>\n");
}

static void dump_run(const struct grid *grid, const struct theme *theme, int row, int col, int end,
		     struct look look, struct strbuf *out)
{
	int x = MARGIN_PX + col * CELL_WIDTH_PX, y = MARGIN_PX + row * CELL_HEIGHT_PX;
	const struct line_glyph *line = line_glyph_of(grid_cell(grid, row, col));
	uint32_t fg = theme_rgb(theme, look.fg, false), bg = theme_rgb(theme, look.bg, true);
	bool blank = true;

	if (bg != theme_rgb(theme, LOOK_DEFAULT, true))
		strbuf_addf(out,
			    "<rect x=\"%d\" y=\"%d\" width=\"%d\" height=\"%d\" "
			    "fill=\"#%06x\"/>\n",
			    x, y, (end - col) * CELL_WIDTH_PX, CELL_HEIGHT_PX, bg);
	if (line) {
		dump_line(out, line, x, y, end - col, fg);
		return;
	}
	for (int i = col; i < end && blank; i++)
		blank = strcmp(grid_cell(grid, row, i)->text, " ") == 0;
	if (blank && !(look.attrs & LOOK_UNDERLINE))
		return;
	strbuf_addf(out, "<text x=\"%d\" y=\"%d\" textLength=\"%d\" fill=\"#%06x\"%s%s%s>", x,
		    y + CELL_HEIGHT_PX - 4, (end - col) * CELL_WIDTH_PX, fg,
		    look.attrs & LOOK_BOLD ? " font-weight=\"bold\"" : "",
		    look.attrs & LOOK_DIM ? " opacity=\".65\"" : "",
		    look.attrs & LOOK_UNDERLINE ? " text-decoration=\"underline\"" : "");
	for (int i = col; i < end; i++)
		add_xml(out, grid_cell(grid, row, i)->text);
	strbuf_addstr(out, "</text>\n");
}

static bool is_blank(const struct cell *cell)
{
	return strcmp(cell->text, " ") == 0;
}

/* Two blanks end a run too: words keep their places when the font is not quite ours. */
static int run_end(const struct grid *grid, const struct theme *theme, int row, int col,
		   struct look look)
{
	const struct cell *first = grid_cell(grid, row, col);
	const struct line_glyph *line = line_glyph_of(first);
	bool vertical = line && (line->up || line->down);
	bool blank = is_blank(first);
	int end = col + 1;

	while (end < grid->width && !vertical) {
		const struct cell *cell = grid_cell(grid, row, end);
		bool two = is_blank(cell) && end + 1 < grid->width &&
			   is_blank(grid_cell(grid, row, end + 1));

		if (!same_look(look, cell_look(theme, cell)) || line_glyph_of(cell) != line)
			break;
		if (blank ? !is_blank(cell) : two)
			break;
		end++;
	}
	return end;
}

void grid_dump_svg(const struct grid *grid, const struct theme *theme, const char *title,
		   struct strbuf *out)
{
	int width = grid->width * CELL_WIDTH_PX + 2 * MARGIN_PX;
	int height = grid->height * CELL_HEIGHT_PX + 2 * MARGIN_PX;

	strbuf_addf(out,
		    "<svg xmlns=\"http://www.w3.org/2000/svg\" width=\"%d\" height=\"%d\" "
		    "viewBox=\"0 0 %d %d\" role=\"img\">\n<title>",
		    width, height, width, height);
	add_xml(out, title);
	strbuf_addf(out,
		    "</title>\n<rect width=\"100%%\" height=\"100%%\" rx=\"6\" fill=\"#%06x\"/>\n"
		    "<g font-family=\"ui-monospace,'DejaVu Sans Mono',Menlo,Consolas,monospace\" "
		    "font-size=\"13\" xml:space=\"preserve\" fill=\"none\">\n",
		    theme_rgb(theme, LOOK_DEFAULT, true));
	for (int row = 0; row < grid->height; row++) {
		for (int col = 0; col < grid->width;) {
			struct look look = cell_look(theme, grid_cell(grid, row, col));
			int end = run_end(grid, theme, row, col, look);

			dump_run(grid, theme, row, col, end, look, out);
			col = end;
		}
	}
	strbuf_addstr(out, "</g>\n</svg>\n");
}
