/*
 * tui/theme.h - what the parts of the screen are called, and which colors they have.
 *
 * Views paint roles ("this is a critical state"); a theme says how a role looks at each color
 * depth. The list of roles is closed: theme files may set these and no others.
 *
 *     theme = theme_load("harbour-dark", dirs, &problems);
 *     struct look look = theme_look(theme, ROLE_STATE_CRIT, ROLE_NONE, DEPTH_256);
 *     theme_free(theme);
 *
 * A bad theme never stops the program: faulty lines keep what the inherited theme says.
 *
 * The file format, one item per line, `#` after a blank begins a comment:
 *
 *     name       = harbour-dark
 *     background = dark                      # dark | light | any
 *     inherit    = terminal                  # roles not set here come from there
 *     [palette]
 *     sea        = #4fa3c7 / 74 / cyan       # truecolor / 256 / 16 or 8
 *     [roles]
 *     text       = default on default        # FG [on BG] [bold dim underline reverse]
 */
#ifndef BINNACLE_TUI_THEME_H
#define BINNACLE_TUI_THEME_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/model/rows.h"

/* ORDER ROLE: state roles stand in the order of enum row_state. */
#define ROLE_LIST(ROLE)                                                                            \
	ROLE(TEXT, "text")                                                                         \
	ROLE(MUTED, "muted")                                                                       \
	ROLE(STRONG, "strong")                                                                     \
	ROLE(HEADING, "heading")                                                                   \
	ROLE(LINK, "link")                                                                         \
	ROLE(SECRET, "secret")                                                                     \
	ROLE(FRAME, "frame")                                                                       \
	ROLE(PANE_TITLE, "pane.title")                                                             \
	ROLE(PANE_FOCUS, "pane.focus")                                                             \
	ROLE(PANE_AGE, "pane.age")                                                                 \
	ROLE(COLUMN_HEAD, "column.head")                                                           \
	ROLE(COLUMN_SORT, "column.sort")                                                           \
	ROLE(GUTTER, "gutter")                                                                     \
	ROLE(CURSOR, "cursor")                                                                     \
	ROLE(CURSOR_BLUR, "cursor.blur")                                                           \
	ROLE(MARK, "mark")                                                                         \
	ROLE(MATCH, "match")                                                                       \
	ROLE(ROW_NEW, "row.new")                                                                   \
	ROLE(ROW_GONE, "row.gone")                                                                 \
	ROLE(STATE_NONE, "state.none")                                                             \
	ROLE(STATE_PASS, "state.pass")                                                             \
	ROLE(STATE_WARN, "state.warn")                                                             \
	ROLE(STATE_CRIT, "state.crit")                                                             \
	ROLE(STATE_MAINT, "state.maint")                                                           \
	ROLE(STATE_STALE, "state.stale")                                                           \
	ROLE(STATE_UNKNOWN, "state.unknown")                                                       \
	ROLE(STATE_PENDING, "state.pending")                                                       \
	ROLE(STATE_HELD, "state.held")                                                             \
	ROLE(STATE_RUNNING, "state.running")                                                       \
	ROLE(STATE_DONE, "state.done")                                                             \
	ROLE(STATE_FAILED, "state.failed")                                                         \
	ROLE(BAR, "bar")                                                                           \
	ROLE(BAR_OK, "bar.ok")                                                                     \
	ROLE(BAR_WARN, "bar.warn")                                                                 \
	ROLE(BAR_ERROR, "bar.error")                                                               \
	ROLE(BAR_MODE_AUTO, "bar.mode.auto")                                                       \
	ROLE(BAR_MODE_HOLD, "bar.mode.hold")                                                       \
	ROLE(BAR_MODE_READONLY, "bar.mode.readonly")                                               \
	ROLE(BAR_PRODUCTION, "bar.production")                                                     \
	ROLE(MSG_INFO, "msg.info")                                                                 \
	ROLE(MSG_WARN, "msg.warn")                                                                 \
	ROLE(MSG_ERROR, "msg.error")                                                               \
	ROLE(HINT, "hint")                                                                         \
	ROLE(HINT_KEY, "hint.key")                                                                 \
	ROLE(PROMPT, "prompt")                                                                     \
	ROLE(PROMPT_ERROR, "prompt.error")                                                         \
	ROLE(DIALOG, "dialog")                                                                     \
	ROLE(DIALOG_TITLE, "dialog.title")                                                         \
	ROLE(DIALOG_DANGER, "dialog.danger")                                                       \
	ROLE(DIALOG_BUTTON, "dialog.button")                                                       \
	ROLE(DIALOG_BUTTON_FOCUS, "dialog.button.focus")                                           \
	ROLE(DIALOG_INPUT, "dialog.input")                                                         \
	ROLE(DIFF_ADD, "diff.add")                                                                 \
	ROLE(DIFF_DEL, "diff.del")                                                                 \
	ROLE(DIFF_ADD_WORD, "diff.add.word")                                                       \
	ROLE(DIFF_DEL_WORD, "diff.del.word")                                                       \
	ROLE(DIFF_HUNK, "diff.hunk")                                                               \
	ROLE(DIFF_CONTEXT, "diff.context")                                                         \
	ROLE(DIFF_NUMBER, "diff.number")                                                           \
	ROLE(CODE_COMMENT, "code.comment")                                                         \
	ROLE(CODE_DIRECTIVE, "code.directive")                                                     \
	ROLE(CODE_STRING, "code.string")                                                           \
	ROLE(CODE_NUMBER, "code.number")                                                           \
	ROLE(JSON_KEY, "json.key")                                                                 \
	ROLE(JSON_VALUE, "json.value")                                                             \
	ROLE(PROGRESS_DONE, "progress.done")                                                       \
	ROLE(PROGRESS_TODO, "progress.todo")

enum role {
#define ROLE_ENUM(id, name) ROLE_##id,
	ROLE_LIST(ROLE_ENUM)
#undef ROLE_ENUM
		ROLE_COUNT,
	ROLE_NONE = ROLE_COUNT, /* nothing laid over */
};

enum role role_of_state(enum row_state state);
const char *role_name(enum role role);

enum color_depth { DEPTH_NONE, DEPTH_8, DEPTH_16, DEPTH_256, DEPTH_TRUE };

enum look_attrs { LOOK_BOLD = 1, LOOK_DIM = 2, LOOK_UNDERLINE = 4, LOOK_REVERSE = 8 };

#define LOOK_DEFAULT (-1)
#define LOOK_RGB     0x1000000 /* with this bit, the rest is 0xrrggbb (DEPTH_TRUE alone) */

struct look {
	int fg, bg; /* LOOK_DEFAULT, an index that the depth has, or LOOK_RGB | 0xrrggbb */
	unsigned attrs;
};

struct theme;

/*
 * Load by name: a file NAME.theme in one of the NULL-terminated folders, else one of the
 * built-in themes. Never NULL: an unknown name gives `terminal`. Problems are appended to
 * `problems` (may be NULL), one sentence per line, with file and line.
 */
struct theme *theme_load(const char *name, const char *const *dirs, struct strbuf *problems);
void theme_free(struct theme *theme);
const char *theme_name(const struct theme *theme);

/* How a role looks with another laid over it (a cursor, a match), or ROLE_NONE. */
struct look theme_look(const struct theme *theme, enum role role, enum role over,
		       enum color_depth depth);

/* For pictures: 0xrrggbb of an index or of a default color of this theme's background. */
uint32_t theme_rgb(const struct theme *theme, int color, bool is_background);

/*
 * Judge a theme file for --check-theme: unknown and missing roles, unknown colors, contrast,
 * states that look alike, roles that vanish. Findings go to `out`, one per line; lines that
 * begin with "note: " are not faults. False: there are faults.
 */
bool theme_check(const char *path, const char *const *dirs, struct strbuf *out);

#endif
