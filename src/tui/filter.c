/*
 * The `/` line: filters lists while it is typed, searches texts on Enter.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/mem.h"
#include "internal.h"
#include "table_view.h"

void filter_open(struct tui *tui)
{
	struct prompt *prompt = xcalloc(1, sizeof(*prompt));
	struct view *list = view_list(tui_view(tui));

	strbuf_init(&prompt->line.text);
	prompt->kind = PROMPT_FILTER;
	if (list) {
		const char *text = table_view_state(list)->filter_text;

		prompt->before = xstrdup(text ? text : "");
		line_set(&prompt->line, prompt->before);
	}
	tui->prompt = prompt;
}

void filter_changed(struct tui *tui)
{
	struct prompt *prompt = tui->prompt;
	struct view *list = view_list(tui_view(tui));
	struct err err;

	if (prompt->error)
		message_line_clear(&tui->messages);
	free(prompt->error);
	prompt->error = NULL;
	/* A wrong expression is often half of a right one: the last good result stays. */
	if (list && !table_view_set_filter(list, prompt->line.text.buf, &err)) {
		prompt->error = xstrdup(err.msg);
		message_line_set(&tui->messages, LOG_LEVEL_WARN, err.msg);
	}
}

void filter_end(struct tui *tui, bool keep)
{
	struct prompt *prompt = tui->prompt;
	struct view *view = tui_view(tui), *list = view_list(view);
	struct err err;

	if (list) {
		if (!keep)
			table_view_set_filter(list, prompt->before, &err);
	} else if (keep && view->kind->act) {
		view->kind->act(view, VERB_FILTER, prompt->line.text.buf);
	}
	prompt_close(tui);
}
