/*
 * Scrolling, searching and wrapping of lines, once for all views made of text.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "internal.h"
#include "view.h"

#define LEFT_STEP_CELLS 8

void text_view_release(struct text_view *text_view)
{
	rich_release(&text_view->text);
	free(text_view->search);
	text_view->search = NULL;
}

static size_t last_top(const struct text_view *text_view, int height)
{
	size_t rows = height > 0 ? (size_t)height : 1;

	/* Wrapped lines take more rows than one: then the last line may come to the top. */
	if (text_view->wrap)
		return text_view->text.count > 0 ? text_view->text.count - 1 : 0;
	return text_view->text.count > rows ? text_view->text.count - rows : 0;
}

void text_view_clamp(struct text_view *text_view, int height)
{
	size_t last = last_top(text_view, height);

	if (text_view->top > last || text_view->follow)
		text_view->top = last;
}

/* Mark each occurrence of the searched text in a painted row. */
static void paint_matches(const struct text_view *text_view, size_t line, struct grid *grid,
			  int row, struct area area)
{
	const struct rich_line *at = &text_view->text.lines[line];
	char *text = xstrndup(text_view->text.bytes.buf + at->start, at->end - at->start);
	size_t len = strlen(text_view->search);

	for (const char *p = text; (p = text_find_nocase(p, text_view->search)); p += len) {
		int from = text_width(text, (size_t)(p - text)) - text_view->left;
		int cells = text_width(p, len);

		if (from + cells > 0 && from < area.width)
			grid_over(grid, row, area.col + from, cells, ROLE_MATCH);
	}
	free(text);
}

void text_view_paint(struct text_view *text_view, struct grid *grid, struct area area)
{
	int row = 0;

	text_view_clamp(text_view, area.height);
	grid_clip(grid, area);
	for (size_t line = text_view->top; line < text_view->text.count && row < area.height;
	     line++) {
		int width = rich_width(&text_view->text, line);
		int skip = text_view->wrap ? 0 : text_view->left;

		do {
			rich_paint(&text_view->text, line, grid, area.row + row, area.col,
				   area.width, skip);
			if (text_view->search && !text_view->wrap)
				paint_matches(text_view, line, grid, area.row + row, area);
			if (!text_view->wrap && width - skip > area.width)
				grid_put_glyph(grid, area.row + row, area.col + area.width - 1,
					       GLYPH_CUT, ROLE_MUTED);
			row++;
			skip += area.width;
		} while (text_view->wrap && skip < width && row < area.height);
	}
	grid_unclip(grid);
}

static void scroll(struct text_view *text_view, long lines, int height)
{
	long top = (long)text_view->top + lines, last = (long)last_top(text_view, height);

	text_view->top = (size_t)(top < 0 ? 0 : top > last ? last : top);
	text_view->follow = text_view->follow && text_view->top == (size_t)last;
}

static bool go_to_match(struct view *view, struct text_view *text_view, int step)
{
	size_t count = text_view->text.count;
	size_t line = text_view->match;

	if (!text_view->search || count == 0)
		return false;
	for (size_t i = 0; i < count; i++) {
		line = (line + count + (size_t)((long)count + step)) % count;
		if (!rich_line_has(&text_view->text, line, text_view->search))
			continue;
		text_view->match = line;
		if (line < text_view->top || line >= text_view->top + (size_t)view->height)
			text_view->top = line;
		text_view_clamp(text_view, view->height);
		return true;
	}
	tui_message(view->tui, LOG_LEVEL_WARN, "\"%s\" is not in this text", text_view->search);
	return true;
}

void text_view_search(struct view *view, struct text_view *text_view, const char *needle)
{
	free(text_view->search);
	text_view->search = *needle ? xstrdup(needle) : NULL;
	text_view->match = text_view->top > 0 ? text_view->top - 1 : text_view->text.count - 1;
	if (text_view->search && text_view->text.count > 0)
		go_to_match(view, text_view, 1);
}

bool text_view_back(struct text_view *text_view)
{
	if (!text_view->search)
		return false;
	free(text_view->search);
	text_view->search = NULL;
	return true;
}

bool text_view_act(struct view *view, struct text_view *text_view, enum verb verb, const char *args)
{
	int page = view->height > 1 ? view->height - 1 : 1;

	switch (verb) {
	case VERB_DOWN:
		scroll(text_view, 1, view->height);
		return true;
	case VERB_UP:
		scroll(text_view, -1, view->height);
		return true;
	case VERB_PAGE_DOWN:
		scroll(text_view, page, view->height);
		return true;
	case VERB_PAGE_UP:
		scroll(text_view, -page, view->height);
		return true;
	case VERB_HALF_DOWN:
		scroll(text_view, page / 2 + 1, view->height);
		return true;
	case VERB_HALF_UP:
		scroll(text_view, -(page / 2 + 1), view->height);
		return true;
	case VERB_TOP:
		text_view->top = 0;
		text_view->follow = false;
		return true;
	case VERB_BOTTOM:
		text_view->top = last_top(text_view, view->height);
		return true;
	case VERB_LEFT:
		text_view->left -= text_view->left >= LEFT_STEP_CELLS ? LEFT_STEP_CELLS : 0;
		return true;
	case VERB_RIGHT:
		text_view->left += text_view->wrap ? 0 : LEFT_STEP_CELLS;
		return true;
	case VERB_WRAP:
		text_view->wrap = !text_view->wrap;
		text_view->left = 0;
		return true;
	case VERB_FILTER:
		text_view_search(view, text_view, args);
		return true;
	case VERB_NEXT_MATCH:
		return go_to_match(view, text_view, 1);
	case VERB_PREVIOUS_MATCH:
		return go_to_match(view, text_view, -1);
	default:
		return false;
	}
}

void text_view_text(const struct text_view *text_view, struct strbuf *out)
{
	for (size_t i = 0; i < text_view->text.count; i++) {
		const struct rich_line *line = &text_view->text.lines[i];

		text_clean(out, text_view->text.bytes.buf + line->start, line->end - line->start);
		strbuf_addch(out, '\n');
	}
}

void text_view_position(const struct text_view *text_view, int height, struct strbuf *out)
{
	size_t last = last_top(text_view, height);

	if (last == 0)
		strbuf_addstr(out, "all");
	else
		strbuf_addf(out, "%zu%%", text_view->top * 100 / last);
}
