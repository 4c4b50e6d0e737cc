/*
 * dialog.h - questions over the views: a plan to confirm, or a choice among a few lines.
 *
 * Cancel has the focus. A dialog about a plan takes no key before it has been on the screen for
 * DIALOG_GUARD_MS, so that nothing typed ahead can confirm it. It is shown whole or not at all.
 */
#ifndef TUI_DIALOG_H
#define TUI_DIALOG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/strbuf.h"
#include "keys.h"
#include "prompt.h"

#define DIALOG_GUARD_MS 250

struct command_call;
struct plan;
struct tui;

struct choice {
	char *label;
	char *line; /* to run; NULL: nothing */
};

struct dialog {
	struct command_call *call; /* of a plan; NULL: a choice */
	const struct plan *plan;   /* borrowed from the call */
	struct strbuf answer;      /* what must be typed; empty: y is enough */
	struct line typed;
	char *title, *text;
	struct choice *choices; /* the first is Cancel */
	size_t choice_count, choice_cap;
	size_t focus;   /* 0: Cancel; for plans 1: do it */
	size_t top;     /* first target shown */
	size_t visible; /* targets shown by the last frame */
	bool guarded;
	bool shown;
	int64_t shown_ms;
};

/* Ask for a plan. Refused at once (the call is answered) when it cannot be shown whole. */
void dialog_open_plan(struct tui *tui, struct command_call *call, const struct plan *plan);
/* A choice; add lines, Cancel is there already. */
struct dialog *dialog_open_choice(struct tui *tui, const char *title, const char *text,
				  bool guarded);
void dialog_add_choice(struct dialog *dialog, const char *label, const char *line);
void dialog_key(struct tui *tui, key_code key);
void dialog_paste(struct tui *tui, size_t len);
/* False: it does not fit; then it has been cancelled. */
bool dialog_paint(struct tui *tui);
/* No: what Esc does. The answer goes to the call. */
void dialog_cancel(struct tui *tui);
void dialog_free(struct dialog *dialog);

#endif
