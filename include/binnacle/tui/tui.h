/*
 * tui/tui.h - the console: views over the model, keys, dialogs, on one terminal.
 *
 *     tui = tui_new(loop, env, &options, &err);
 *     loop_run(loop);                   (until the operator quits: the console stops the loop)
 *     tui_free(tui);
 *
 * The console only reads the model and starts commands (command/command.h); what a command
 * changes goes through a confirmation dialog. It paints before the loop sleeps, at most one
 * frame per turn, and sends nothing when nothing has changed.
 *
 * For tests the same console runs without a terminal: tui_new_headless, then feed keys by name
 * and look at the grid.
 */
#ifndef BINNACLE_TUI_TUI_H
#define BINNACLE_TUI_TUI_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/tui/grid.h"

struct action_env;
struct loop;
struct tui;

struct tui_bind {
	const char *place; /* "any", "list", "services", … */
	const char *key, *command;
};

/* All zero is a good default. Borrowed while tui_new runs. */
struct tui_options {
	const char *theme; /* NULL: $BINNACLE_THEME, else terminal; mono when there is no color */
	const char *const *theme_dirs; /* NULL-terminated; NULL: the usual folders */
	const char *term, *color;      /* --term, --color; NULL: what the environment says */
	bool ascii;
	bool plain; /* for screen readers: one column, no frames, the cursor on the row */
	int esc_delay_ms;
	const struct tui_bind *binds;
	size_t bind_count;
	bool allow_lowercase_actions;
	bool no_hints;
	const char *history_file; /* of the palette; NULL: in the state folder, if there is one */
};

/* Takes the terminal. Problems with themes and bindings become messages, not errors. */
struct tui *tui_new(struct loop *loop, struct action_env *env, const struct tui_options *options,
		    struct err *err);
void tui_free(struct tui *tui); /* gives the terminal back; running calls are abandoned */

/* Without a terminal. Frames are painted by tui_grid; UTF-8 glyphs as the locale allows. */
struct tui *tui_new_headless(struct loop *loop, struct action_env *env, int width, int height,
			     const struct tui_options *options);
void tui_resize(struct tui *tui, int width, int height);
/* A key by name ("D", "Enter", "C-d"); false: there is no such name. */
bool tui_feed_key(struct tui *tui, const char *name);
/* Each character is a key, as when typed; all of them arrive at once. */
void tui_feed_text(struct tui *tui, const char *text);
void tui_feed_paste(struct tui *tui, const char *text);
/* Paint now and return the picture; borrowed until the next call. */
const struct grid *tui_grid(struct tui *tui);
const struct theme *tui_theme(const struct tui *tui);

/* Run a line as the palette does. */
void tui_run(struct tui *tui, const char *line);

/* Show two texts and what differs; all copied. */
struct tui_diff {
	const char *title;   /* "Renders > upstreams.conf" */
	const char *verdict; /* "check ok", or "" */
	const char *facts;   /* "trigger: web (+1)", or "" */
	const char *old_text, *new_text;
	size_t old_len, new_len;
};
void tui_open_diff(struct tui *tui, const struct tui_diff *diff);

/* --check-theme: findings on `out`; false when the file has faults. */
bool tui_check_theme(const char *path, struct strbuf *out);

#endif
