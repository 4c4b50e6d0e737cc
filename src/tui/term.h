/*
 * term.h - the terminal: prints grids, reads keys, and always gives the terminal back.
 *
 *     term = term_open(&options, &err);
 *     ... when its descriptor is readable: term_read(term, &sink, arg)
 *     ... before the loop sleeps, if something changed: term_paint(term, grid, theme)
 *     term_close(term);
 *
 * One terminal at a time: the modes to restore after a crash are a fact about the process.
 * Signals that curses would catch itself must be caught before term_open.
 */
#ifndef TUI_TERM_H
#define TUI_TERM_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "binnacle/tui/grid.h"
#include "binnacle/tui/theme.h"
#include "keys.h"

struct terminal;

struct term_options {
	const char *term;  /* instead of $TERM; NULL */
	const char *color; /* "auto" "never" "8" "16" "256" "truecolor"; NULL: auto */
	bool ascii;
	int esc_delay_ms; /* 0: 50, or what the environment says */
};

/* What is typed. */
struct term_sink {
	void (*keys)(void *arg, const key_code *keys, size_t count); /* all that was waiting */
	void (*paste)(void *arg, const char *bytes, size_t len);
	void (*gone)(void *arg);
};

/* No terminal, a dumb one, or none that terminfo knows: an error that says what to do. */
struct terminal *term_open(const struct term_options *options, struct err *err);
void term_close(struct terminal *term); /* NULL is allowed */

int term_fd(const struct terminal *term);
/*
 * Standard error, when it is a terminal too, is caught while the screen is ours: readable here
 * (-1: it is not caught). What was read is handed back with term_captured and printed again
 * after term_close.
 */
int term_stderr_fd(const struct terminal *term);
void term_captured(struct terminal *term, const char *bytes, size_t len);
const char *term_note(const struct terminal *term); /* "" or which TERM was taken instead */
bool term_is_utf8(const struct terminal *term);
enum color_depth term_depth(const struct terminal *term);
void term_size(const struct terminal *term, int *width, int *height);
/* After SIGWINCH: ask the size, tell curses. */
void term_resized(struct terminal *term);

void term_read(struct terminal *term, const struct term_sink *sink, void *arg);
void term_flush_input(struct terminal *term);
/* Would a frame be taken at once? On a slow link frames are dropped, not queued. */
bool term_can_paint(const struct terminal *term);
void term_paint(struct terminal *term, const struct grid *grid, const struct theme *theme);
/* From nothing, with the next paint. */
void term_redraw(struct terminal *term);
void term_bell(struct terminal *term);

/* Give the terminal back for a while (stop, a pager), and take it again. */
void term_leave(struct terminal *term);
void term_enter(struct terminal *term);

/* Send to the terminal's clipboard; there is no answer. */
bool term_copy(struct terminal *term, const char *bytes, size_t len, struct err *err);

#endif
