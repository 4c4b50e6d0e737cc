/*
 * view.h - what a view is. The console shows five panes or the top of a stack of views; each is
 * one of the kinds below.
 *
 * A view paints what it holds and changes it when it is told to (act) or when the model has
 * changed (refresh). It never waits and never reads keys: the key map turns keys into verbs.
 */
#ifndef TUI_VIEW_H
#define TUI_VIEW_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/model/model.h"
#include "binnacle/tui/grid.h"
#include "rich.h"
#include "verbs.h"

struct table;
struct tui;
struct view;

/* What actions work on: identities, never row numbers. */
struct selection {
	enum model_table table;
	char **ids; /* owned */
	size_t count, cap;
	size_t hidden; /* of them: not on the screen, because a filter hides them */
	bool is_marks; /* else the row under the cursor */
};
void selection_add(struct selection *selection, const char *id);
void selection_release(struct selection *selection);

struct view_kind {
	const char *name; /* as the help calls it */
	size_t state_size;
	unsigned watches; /* MODEL_BIT: what it paints */
	void (*refresh)(struct view *view);
	void (*paint)(struct view *view, struct grid *grid, struct area area, bool focused);
	/* False: this view has nothing to do for the verb. */
	bool (*act)(struct view *view, enum verb verb, const char *args);
	bool (*selection)(const struct view *view, struct selection *out); /* NULL: none */
	/* One step back inside of the view (a search, a filter); false: nothing to undo. */
	bool (*back)(struct view *view);
	void (*position)(const struct view *view, struct strbuf *out); /* "2/5" */
	bool (*text)(const struct view *view, struct strbuf *out); /* all of it, cleaned; NULL */
	struct view *(*inner)(const struct view *view); /* the list inside of it; NULL: none */
	void (*close)(struct view *view);
};

struct view {
	const struct view_kind *kind;
	struct tui *tui;
	const char *places; /* key maps, most special first: "services list" */
	int height, width;  /* rows and cells of the body when last painted */
	void *state;
};

struct view *view_new(struct tui *tui, const struct view_kind *kind, const char *places);
void view_free(struct view *view); /* NULL is allowed */
/* The list that a filter or marks are about: the view itself or the one inside; NULL: a text. */
struct view *view_list(struct view *view);

/* The title rule of a pane or view, with text in it at the left and at the right. */
void view_paint_title(struct grid *grid, struct area area, bool focused, const struct rich *left,
		      const char *right, enum role right_role);

/* Lines that scroll: the body of all views that are not tables. */
struct text_view {
	struct rich text;
	size_t top;
	int left;
	bool wrap, follow;
	char *search; /* NULL: none */
	size_t match; /* line of the match last gone to */
};
void text_view_release(struct text_view *text_view);
void text_view_paint(struct text_view *text_view, struct grid *grid, struct area area);
bool text_view_act(struct view *view, struct text_view *text_view, enum verb verb,
		   const char *args);
/* Esc: ends a search. */
bool text_view_back(struct text_view *text_view);
void text_view_text(const struct text_view *text_view, struct strbuf *out);
void text_view_position(const struct text_view *text_view, int height, struct strbuf *out);
void text_view_search(struct view *view, struct text_view *text_view, const char *needle);
/* Keep the place in sight after the text was built anew. */
void text_view_clamp(struct text_view *text_view, int height);

/* A view of a ready text. `places` as in struct view. */
struct view *plain_view_new(struct tui *tui, const char *title, const char *places);
struct rich *plain_view_text(struct view *view); /* to fill */

/* The other kinds. */
struct view *table_view_new(struct tui *tui, const struct table *table, const char *places,
			    int number);
struct view *detail_view_new(struct tui *tui, const struct table *table, const char *id,
			     struct view *list);
struct view *jobs_view_new(struct tui *tui);
struct view *log_view_new(struct tui *tui);
struct view *help_view_new(struct tui *tui, const struct view *about);

#endif
