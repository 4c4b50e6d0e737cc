/*
 * verbs.h - the commands about the screen. Keys and the palette name them by their text; views
 * get the number. The text, arguments and help stand in tui_commands.c. ORDER VERB
 */
#ifndef TUI_VERBS_H
#define TUI_VERBS_H

#include <stdbool.h>
#include <stddef.h>

enum verb {
	/* Movement: for the view that has the focus. */
	VERB_DOWN,
	VERB_UP,
	VERB_LEFT,
	VERB_RIGHT,
	VERB_PAGE_DOWN,
	VERB_PAGE_UP,
	VERB_HALF_DOWN,
	VERB_HALF_UP,
	VERB_TOP,
	VERB_BOTTOM,
	VERB_NEXT_MATCH,
	VERB_PREVIOUS_MATCH,
	VERB_NEXT_PART,
	VERB_PREVIOUS_PART,
	VERB_NEXT_ITEM,
	VERB_PREVIOUS_ITEM,
	/* Looking. */
	VERB_OPEN,
	VERB_DIFF,
	VERB_MARK,
	VERB_RANGE,
	VERB_MARK_ALL,
	VERB_UNMARK,
	VERB_MARK_ATTENTION,
	VERB_SORT,
	VERB_SORT_LEFT,
	VERB_SORT_RIGHT,
	VERB_REVERSE,
	VERB_WIDE,
	VERB_COLUMNS,
	VERB_ATTENTION,
	VERB_FOLLOW,
	VERB_WRAP,
	VERB_SPLIT,
	VERB_MORE_CONTEXT,
	VERB_LESS_CONTEXT,
	VERB_COPY,
	VERB_COPY_JSON,
	VERB_EXPORT,
	VERB_PAGER,
	VERB_EDITOR,
	VERB_FILTER,
	/* The console itself. */
	VERB_BACK,
	VERB_LAST,
	VERB_PANE,
	VERB_NEXT_PANE,
	VERB_PREVIOUS_PANE,
	VERB_OVERVIEW,
	VERB_ZOOM,
	VERB_GROW,
	VERB_SHRINK,
	VERB_PREVIEW,
	VERB_TIME,
	VERB_PALETTE,
	VERB_HELP,
	VERB_JOBS,
	VERB_MESSAGES,
	VERB_REFRESH,
	VERB_REDRAW,
	VERB_CLOSE,
	VERB_QUIT,
	VERB_SUSPEND,
	VERB_THEME,
	VERB_LAYOUT,
	VERB_SET,
	VERB_CHOOSE_MODE,
	VERB_REMOVE_ATTENTION,
	VERB_CANCEL_JOB,
	VERB_EDIT_POLICY,
	VERB_COUNT
};

struct screen_command {
	const char *text, *args, *summary;
	bool in_palette;
};

const struct screen_command *screen_command(enum verb verb);
/* The verb that a line begins with, and where its arguments begin. */
bool screen_command_find(const char *line, enum verb *verb, const char **args);
/* Make the palette's part known to completion. Repeated calls do nothing. */
void screen_commands_register(void);

#endif
