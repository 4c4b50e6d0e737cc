/*
 * support/console.h - a console without a terminal over the model of model_fixture.h, driven by
 * names of keys. Its clock stands still until `wait`.
 *
 * It knows two more commands: `retire [ENDPOINT ...]` and `nap [SERVICE ...]`, whose steps only
 * count. `retire` cannot be undone and asks for a typed answer from two targets on.
 */
#ifndef TESTS_SUPPORT_CONSOLE_H
#define TESTS_SUPPORT_CONSOLE_H

#include "binnacle/action/env.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/tui/tui.h"

struct console {
	struct loop *loop;
	struct model *model;
	struct action_env env;
	struct tui *tui;
};

/* `retire` is bound to D in endpoints, `nap` to D in services. */
struct console *console_new(int width, int height, bool hostile, const char *theme);
void console_free(struct console *console);

/* Keys by name, one after another; between them the loop turns and a frame is painted. "wait"
 * lets 300 ms pass, "wait5" five seconds. */
void console_keys(struct console *console, const char *keys);
void console_turn(struct console *console);
/* The screen as text; the caller frees. */
char *console_text(struct console *console);
/* Does the screen hold the text? */
bool console_shows(struct console *console, const char *text);
/* Steps that were applied since console_new. */
unsigned console_applied(void);
/* A difference to look at. */
void console_open_diff(struct console *console);

#endif
