/*
 * internal.h - the console's own state, and what its parts ask of each other.
 */
#ifndef TUI_INTERNAL_H
#define TUI_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/action/env.h"
#include "binnacle/base/log.h"
#include "binnacle/command/command.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/tui/grid.h"
#include "binnacle/tui/tui.h"
#include "dialog.h"
#include "keymap.h"
#include "keys.h"
#include "layout.h"
#include "message_line.h"
#include "prompt.h"
#include "term.h"
#include "view.h"

/* A started command that has not ended. */
struct running {
	struct command_call *call;
	char *verb;
	size_t done, failed, targets;
	bool asked; /* its plan came, or it needs none */
	char *file; /* that was edited for it, to be removed; NULL: none */
};

struct tui {
	struct loop *loop;
	struct action_env *env;
	struct model *model;
	struct terminal *term; /* NULL: headless */
	struct grid *grid;
	struct theme *theme;
	const char *const *theme_dirs;
	char *own_dirs[3]; /* NULL-terminated */
	enum color_depth depth;
	struct keymap *keymap;

	struct view *panes[PANE_COUNT];
	int focus, last_focus;
	bool zoomed;
	enum layout_grow grow;
	int columns; /* asked for with `layout`; 0: by size */
	enum layout_preview preview;
	char *previewed; /* identity of the row in the preview; NULL: none yet */
	int previewed_pane;
	bool no_hints, bell, quit_when_idle, quitting;
	bool resumed; /* by ourselves: the next SIGCONT says nothing new */
	struct layout layout;
	struct {
		struct view **items;
		size_t len, cap;
	} stack; /* over the panes */

	struct dialog *dialog; /* NULL: none */
	struct pager *pager;   /* NULL: the terminal is ours */
	struct prompt *prompt; /* NULL: none */
	struct message_line messages;
	struct history history;
	struct {
		struct running **items;
		size_t len, cap;
	} calls;
	int64_t planning_until_ms; /* keys are dropped: a dialog is about to come */
	int64_t interrupted_ms;    /* Ctrl-C on the overview: a second one quits */
	int64_t key_ms;            /* of the burst below */
	size_t burst;              /* printable keys since then */

	bool dirty;        /* something to paint */
	bool dirty_by_key; /* the operator waits for it */
	bool too_small;    /* the last frame was a notice */
	int64_t frame_ms;  /* of the last frame */
	char *ages;        /* what ages the last frame showed */
	unsigned changed;  /* model bits not yet taken */
	struct model_watch *watch;
	struct loop_hook *hook;
	struct loop_fd *input, *errors;
	struct loop_timer *frame_timer, *tick_timer, *resize_timer, *preview_timer;
	struct loop_signal *signals[8];
	size_t signal_count;
};

/* One line for the operator; also into the log when it is a warning or worse. */
void tui_message(struct tui *tui, int level, const char *fmt, ...) PRINTF_LIKE(3, 4);
void tui_touch(struct tui *tui); /* paint again */

struct view *tui_view(const struct tui *tui);      /* the one that has the keys */
void tui_push(struct tui *tui, struct view *view); /* takes it */
void tui_pop(struct tui *tui);
/* Do a verb about the screen. */
void tui_act(struct tui *tui, enum verb verb, const char *args);
/* The same for an engine's command with the selection of the view in front. */
void tui_run_on_selection(struct tui *tui, const char *line);
void tui_open_row(struct tui *tui, const struct table *table, const char *id, struct view *list);
void tui_copy(struct tui *tui, const char *what, const char *bytes, size_t len);
/* The command a line begins with, engine's or screen's; NULL. */
const struct command *tui_command_of(const char *line);
void tui_quit(struct tui *tui);
void tui_suspend(struct tui *tui);
/* Paint once more when the keys have rested so long. */
void tui_paint_later(struct tui *tui, int64_t delay_ms);
size_t tui_running(const struct tui *tui);
/* Whether the console refuses changes, and why. */
bool tui_may_act(const struct tui *tui, const char **why);

/* Ages and health, as panes and bar show them. */
#define AGE_LABEL_BYTES 48
const char *tui_age_label(const struct tui *tui, enum model_source source, char *out,
			  enum role *role);
/* "3s" on the ladder of few steps, which saves bytes on the line. */
const char *tui_ladder(int64_t age_ms, char *out);
int64_t tui_source_age(const struct source_status *status);

/* The parts of a frame. */
void status_bar_paint(struct tui *tui, int row);
void hints_paint(struct tui *tui, int row);
void size_notice_paint(struct tui *tui);
void preview_paint(struct tui *tui, struct area area);

/* detail_view.c: the summary of a row, also for the preview. */
void detail_write(const struct tui *tui, const struct table *table, const void *row,
		  struct rich *out);
/* address_map.c: the drawing of a table that has one. */
void map_write(const struct tui *tui, const struct table *table, const void *row,
	       struct rich *out);
/* Lines "label<TAB>value" as tables write them; a line without a tab is a heading. */
void detail_lines(struct rich *out, const char *text);
/* A word that names a state, as it should look; ROLE_NONE: it is no such word. */
enum role role_of_word(const char *word, size_t len);
/* Text in which state words have their roles. */
void rich_add_states(struct rich *rich, enum role role, const char *text);

/* pager.c */
void pager_open(struct tui *tui, const struct strbuf *text, bool is_editor);
/* Let the operator change a text in $EDITOR. edited: gets the file, and whether it was changed;
 * the file is its to remove. False after saying why not. */
typedef void pager_edited_fn(struct tui *tui, char *path, bool changed);
bool pager_edit(struct tui *tui, const struct strbuf *text, pager_edited_fn *edited);
void pager_close(struct tui *tui);
/* Give the terminal to somebody else; take it back and draw. */
void tui_leave_terminal(struct tui *tui);
void tui_take_terminal(struct tui *tui);

/* calls.c: at the end, completions do not run any more */
void calls_abandon(struct tui *tui);
/* Run words that name a file (taken) of ours, which goes with the call unless it fails. */
void calls_start_on_file(struct tui *tui, const char *const *words, size_t count, char *file);

/* policy_edit.c: [NAME], else the policy under the cursor */
void policy_edit(struct tui *tui, const char *name);

/* export.c: "[FORMAT] [FILE]" */
void export_view(struct tui *tui, const char *args);
/* All rows of the list in front as text. False: there is no list. */
bool export_text(struct tui *tui, struct strbuf *out);

/* diff_view.c */
struct view *diff_view_new(struct tui *tui, const struct tui_diff *diff);
/* What a template would write; NULL after saying why there is nothing. list: where it came from,
 * for the next and previous one; may be NULL. */
struct view *diff_view_of_render(struct tui *tui, const char *name, struct view *list);
/* Two texts of a template: two rows of MODEL_GENERATIONS, the older one first, or one and what it
 * is compared with by itself: the file, or for the file what it replaced. NULL after saying why. */
struct view *diff_view_of_generations(struct tui *tui, const struct selection *selection);
/* A unified diff as text, as commands print it. */
void diff_view_fill(struct rich *out, const char *text, size_t len);

#endif
