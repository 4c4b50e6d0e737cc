#include "view.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "table_view.h"

void selection_add(struct selection *selection, const char *id)
{
	GROW(selection->ids, selection->count, selection->cap);
	selection->ids[selection->count++] = xstrdup(id);
}

void selection_release(struct selection *selection)
{
	for (size_t i = 0; i < selection->count; i++)
		free(selection->ids[i]);
	free(selection->ids);
	*selection = (struct selection){ 0 };
}

struct view *view_new(struct tui *tui, const struct view_kind *kind, const char *places)
{
	struct view *view = xcalloc(1, sizeof(*view));

	view->tui = tui;
	view->kind = kind;
	view->places = places;
	view->height = view->width = 1;
	view->state = xcalloc(1, kind->state_size);
	return view;
}

void view_free(struct view *view)
{
	if (!view)
		return;
	if (view->kind->close)
		view->kind->close(view);
	free(view->state);
	free(view);
}

struct view *view_list(struct view *view)
{
	if (view_is_table(view))
		return view;
	return view->kind->inner ? view->kind->inner(view) : NULL;
}

void view_paint_title(struct grid *grid, struct area area, bool focused, const struct rich *left,
		      const char *right, enum role right_role)
{
	enum role frame = focused ? ROLE_PANE_FOCUS : ROLE_FRAME;
	int right_width = text_width(right, strlen(right)), used = 0;
	int end = area.col + area.width, room;

	grid_put_rule(grid, area.row, area.col, area.width, focused ? GLYPH_RULE_FOCUS : GLYPH_RULE,
		      frame);
	/* The age matters more than the end of a long title. */
	room = area.width - 6 - (right_width > 0 ? right_width + 2 : 0);
	if (room > 0) {
		grid_put_text(grid, area.row, area.col + 1, 1, " ", frame);
		used = rich_paint(left, 0, grid, area.row, area.col + 2, room, 0);
		if (used < room || rich_width(left, 0) == room)
			grid_put_text(grid, area.row, area.col + 2 + used, 1, " ", frame);
		else
			grid_put_text(grid, area.row, area.col + 1 + used, 2, "  ", frame);
		if (used == room && rich_width(left, 0) > room)
			grid_put_glyph(grid, area.row, area.col + 1 + used, GLYPH_CUT, frame);
	}
	if (right_width == 0 || right_width + 4 > area.width)
		return;
	grid_put_text(grid, area.row, end - right_width - 3, 1, " ", frame);
	grid_put_text(grid, area.row, end - right_width - 2, right_width, right, right_role);
	grid_put_text(grid, area.row, end - 2, 1, " ", frame);
}

struct plain_view {
	char *title;
	struct text_view body;
};

static void plain_paint(struct view *view, struct grid *grid, struct area area, bool focused)
{
	struct plain_view *plain = view->state;
	struct rich title = RICH_INIT;

	rich_line(&title, ROLE_PANE_TITLE, plain->title);
	view_paint_title(grid, area, focused, &title, "", ROLE_TEXT);
	rich_release(&title);
	area.row++;
	area.height--;
	view->height = area.height;
	view->width = area.width;
	text_view_paint(&plain->body, grid, area);
}

static bool plain_act(struct view *view, enum verb verb, const char *args)
{
	struct plain_view *plain = view->state;

	return text_view_act(view, &plain->body, verb, args);
}

static bool plain_back(struct view *view)
{
	struct plain_view *plain = view->state;

	return text_view_back(&plain->body);
}

static void plain_position(const struct view *view, struct strbuf *out)
{
	const struct plain_view *plain = view->state;

	text_view_position(&plain->body, view->height, out);
}

static bool plain_text(const struct view *view, struct strbuf *out)
{
	text_view_text(&((const struct plain_view *)view->state)->body, out);
	return true;
}

static void plain_close(struct view *view)
{
	struct plain_view *plain = view->state;

	free(plain->title);
	text_view_release(&plain->body);
}

static const struct view_kind plain_kind = {
	.name = "Text",
	.state_size = sizeof(struct plain_view),
	.paint = plain_paint,
	.act = plain_act,
	.back = plain_back,
	.position = plain_position,
	.text = plain_text,
	.close = plain_close,
};

struct view *plain_view_new(struct tui *tui, const char *title, const char *places)
{
	struct view *view = view_new(tui, &plain_kind, places);
	struct plain_view *plain = view->state;

	plain->title = xstrdup(title);
	strbuf_init(&plain->body.text.bytes);
	return view;
}

struct rich *plain_view_text(struct view *view)
{
	struct plain_view *plain = view->state;

	assert(view->kind == &plain_kind);
	return &plain->body.text;
}
