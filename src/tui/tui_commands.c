/*
 * The table of commands about the screen, and what those about the console itself do. Those
 * about a view go to the view.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/present/table.h"
#include "internal.h"
#include "table_view.h"

/* ORDER VERB */
static const struct screen_command commands[] = {
	[VERB_DOWN] = { "down", "", "one row down", false },
	[VERB_UP] = { "up", "", "one row up", false },
	[VERB_LEFT] = { "left", "", "columns or text to the left", false },
	[VERB_RIGHT] = { "right", "", "columns or text to the right", false },
	[VERB_PAGE_DOWN] = { "page down", "", "one page down", false },
	[VERB_PAGE_UP] = { "page up", "", "one page up", false },
	[VERB_HALF_DOWN] = { "half down", "", "half a page down", false },
	[VERB_HALF_UP] = { "half up", "", "half a page up", false },
	[VERB_TOP] = { "top", "", "first row", false },
	[VERB_BOTTOM] = { "bottom", "", "last row", false },
	[VERB_NEXT_MATCH] = { "next match", "", "next place that matches", false },
	[VERB_PREVIOUS_MATCH] = { "previous match", "", "previous place that matches", false },
	[VERB_NEXT_PART] = { "next part", "", "next tab or hunk", false },
	[VERB_PREVIOUS_PART] = { "previous part", "", "previous tab or hunk", false },
	[VERB_NEXT_ITEM] = { "next item", "", "next item of the list", false },
	[VERB_PREVIOUS_ITEM] = { "previous item", "", "previous item of the list", false },
	[VERB_OPEN] = { "open", "", "open the row", false },
	[VERB_DIFF] = { "diff view", "", "what would change", false },
	[VERB_MARK] = { "mark", "", "mark the row", false },
	[VERB_RANGE] = { "range", "", "mark a range: begin, move, end", false },
	[VERB_MARK_ALL] = { "mark all", "", "mark all visible rows", false },
	[VERB_UNMARK] = { "unmark", "", "forget all marks", true },
	[VERB_MARK_ATTENTION] = { "mark attention", "", "mark all that is stale or failed", true },
	[VERB_SORT] = { "sort", "[COLUMN]", "sort this pane", true },
	[VERB_SORT_LEFT] = { "sort left", "", "sort by the column to the left", false },
	[VERB_SORT_RIGHT] = { "sort right", "", "sort by the column to the right", false },
	[VERB_REVERSE] = { "reverse", "", "reverse the order", true },
	[VERB_WIDE] = { "wide", "", "show more columns", true },
	[VERB_COLUMNS] = { "columns", "[default|ID]", "choose the columns of this pane", true },
	[VERB_ATTENTION] = { "attention", "", "only rows that need attention", true },
	[VERB_FOLLOW] = { "follow", "", "follow new rows", true },
	[VERB_WRAP] = { "wrap", "", "wrap long lines", true },
	[VERB_SPLIT] = { "split", "", "both texts side by side", true },
	[VERB_MORE_CONTEXT] = { "more context", "", "more lines around changes", false },
	[VERB_LESS_CONTEXT] = { "less context", "", "fewer lines around changes", false },
	[VERB_COPY] = { "copy", "", "copy the id to the clipboard", true },
	[VERB_COPY_JSON] = { "copy all", "", "copy all of it as JSON or text", true },
	[VERB_EXPORT] = { "export", "[csv|json|jsonl|txt] [FILE]",
			  "write what the pane shows to a file", true },
	[VERB_PAGER] = { "pager", "", "show this list or text in $PAGER", true },
	[VERB_EDITOR] = { "editor", "", "show a copy of this list or text in $EDITOR", true },
	[VERB_FILTER] = { "filter", "[EXPRESSION]", "filter this list, or search this text", true },
	[VERB_BACK] = { "back", "", "one step back", false },
	[VERB_LAST] = { "last", "", "the pane before this one", false },
	[VERB_PANE] = { "pane", "NAME|1-5", "go to a pane", true },
	[VERB_NEXT_PANE] = { "next pane", "", "next pane", false },
	[VERB_PREVIOUS_PANE] = { "previous pane", "", "previous pane", false },
	[VERB_OVERVIEW] = { "overview", "", "all panes", true },
	[VERB_ZOOM] = { "zoom", "", "one pane alone, and back", true },
	[VERB_GROW] = { "grow", "", "more room for this pane", true },
	[VERB_SHRINK] = { "shrink", "", "less room for this pane", true },
	[VERB_PREVIEW] = { "preview", "", "show the row beside the list", true },
	[VERB_TIME] = { "time", "", "times as clock or as age", true },
	[VERB_PALETTE] = { "palette", "", "type a command", false },
	[VERB_HELP] = { "help", "", "keys and states of this place", true },
	[VERB_JOBS] = { "jobs", "", "plans under way and done", true },
	[VERB_MESSAGES] = { "messages", "", "messages and journal", true },
	[VERB_REFRESH] = { "refresh", "", "paint from the newest data", true },
	[VERB_REDRAW] = { "redraw", "", "draw the screen from nothing", true },
	[VERB_CLOSE] = { "close", "", "close this view; on the overview quit", false },
	[VERB_QUIT] = { "quit", "[wait|cancel]", "leave the console", true },
	[VERB_SUSPEND] = { "suspend", "", "stop the console; fg brings it back", true },
	[VERB_THEME] = { "theme", "NAME", "change the colors", true },
	[VERB_LAYOUT] = { "layout", "1|2|3|auto", "number of columns of panes", true },
	[VERB_SET] = { "set", "hints|bell on|off", "change a setting of the screen", true },
	[VERB_CHOOSE_MODE] = { "choose mode", "", "change what the engine does by itself", false },
	[VERB_REMOVE_ATTENTION] = { "remove attention", "",
				    "mark all that is stale, then remove it", false },
	[VERB_EDIT_POLICY] = { "edit policy", "[NAME]",
			       "change or make a Calico policy in $EDITOR, then ask", true },
	[VERB_CANCEL_JOB] = { "cancel", "", "stop the running commands between steps", true },
};
_Static_assert(COUNT_OF(commands) == VERB_COUNT, "ORDER VERB");

/* ORDER PANE */
static const char *const pane_names[PANE_COUNT] = { "members", "services", "events", "renders",
						    "endpoints" };

const struct screen_command *screen_command(enum verb verb)
{
	assert(verb < VERB_COUNT);
	return &commands[verb];
}

static const char *after_words(const char *line, const char *words)
{
	size_t len = strlen(words);

	if (strncmp(line, words, len) != 0 || (line[len] != '\0' && line[len] != ' '))
		return NULL;
	return line + len + strspn(line + len, " ");
}

bool screen_command_find(const char *line, enum verb *verb, const char **args)
{
	size_t best = 0;

	line += strspn(line, " ");
	for (size_t i = 0; i < COUNT_OF(commands); i++) {
		const char *rest = after_words(line, commands[i].text);

		if (!rest || strlen(commands[i].text) <= best)
			continue;
		best = strlen(commands[i].text);
		*verb = (enum verb)i;
		*args = rest;
	}
	if (best > 0)
		return true;
	/* A bare pane name or number goes there. */
	for (size_t i = 0; i < PANE_COUNT; i++) {
		if (strcmp(line, pane_names[i]) == 0 ||
		    (line[0] == (char)('1' + i) && line[1] == '\0')) {
			*verb = VERB_PANE;
			*args = pane_names[i];
			return true;
		}
	}
	return false;
}

/* A line of the palette that command_start runs: ends up where keys do. */
static bool run_screen_command(struct command_call *call, struct err *err)
{
	struct tui *tui = call->front_arg;
	struct strbuf args = STRBUF_INIT;
	const char *rest;
	enum verb verb;
	bool ok = screen_command_find(call->command->verb, &verb, &rest);

	if (!ok)
		return err_set(err, ERR_INPUT, "%s is no command of the screen",
			       call->command->verb);
	for (size_t i = 0; i < call->line->word_count; i++)
		strbuf_addf(&args, "%s%s", i ? " " : "", call->line->words[i]);
	tui_act(tui, verb, args.len > 0 ? args.buf : rest);
	strbuf_release(&args);
	command_end(call, COMMAND_DONE, NULL);
	return true;
}

/* All of them as rows of the command table: keys, help and hints read one kind of row. */
static struct command all_rows[VERB_COUNT + PANE_COUNT];
static struct command palette_rows[VERB_COUNT + PANE_COUNT];

static struct command row_of(const char *verb, const char *args, const char *summary)
{
	return (struct command){ .verb = verb,
				 .args = args,
				 .summary = summary,
				 .options = "",
				 .table = -1,
				 .run = run_screen_command };
}

void screen_commands_register(void)
{
	static const char *const summaries[PANE_COUNT] = {
		"go to the members", "go to the services",  "go to the events",
		"go to the renders", "go to the endpoints",
	};
	size_t count = 0;

	if (all_rows[0].verb)
		return;
	for (size_t i = 0; i < VERB_COUNT; i++) {
		all_rows[i] = row_of(commands[i].text, commands[i].args, commands[i].summary);
		if (commands[i].in_palette && !command_find(commands[i].text))
			palette_rows[count++] = all_rows[i];
	}
	for (size_t i = 0; i < PANE_COUNT; i++) {
		all_rows[VERB_COUNT + i] = row_of(pane_names[i], "", summaries[i]);
		palette_rows[count++] = all_rows[VERB_COUNT + i];
	}
	command_register(palette_rows, count);
}

const struct command *tui_command_of(const char *line)
{
	const struct command *found = NULL;
	const char *args;
	enum verb verb;
	size_t len;
	char *words;

	line += strspn(line, " ");
	screen_commands_register();
	for (size_t i = 0; i < PANE_COUNT; i++)
		if (strcmp(line, pane_names[i]) == 0)
			return &all_rows[VERB_COUNT + i];
	if (screen_command_find(line, &verb, &args))
		return &all_rows[verb];
	/* Verbs have one or two words; the longer match counts. */
	len = strcspn(line, " ");
	len += strspn(line + len, " ");
	len += strcspn(line + len, " ");
	words = xstrndup(line, len);
	found = command_find(words);
	if (!found) {
		words[strcspn(words, " ")] = '\0';
		found = command_find(words);
	}
	free(words);
	return found;
}

static void go_to_pane(struct tui *tui, int pane)
{
	while (tui->stack.len > 0)
		tui_pop(tui);
	if (pane != tui->focus)
		tui->last_focus = tui->focus;
	tui->focus = pane;
}

static void act_pane(struct tui *tui, const char *args)
{
	for (int i = 0; i < PANE_COUNT; i++) {
		if (strcmp(args, pane_names[i]) == 0 ||
		    (args[0] == (char)('1' + i) && args[1] == '\0')) {
			go_to_pane(tui, i);
			return;
		}
	}
	tui_message(tui, LOG_LEVEL_WARN, "pane: there is no pane \"%s\"", args);
}

static void set_zoom(struct tui *tui, bool on)
{
	tui->zoomed = on;
	for (int i = 0; i < PANE_COUNT; i++)
		table_view_state(tui->panes[i])->zoomed = on;
}

static void act_grow(struct tui *tui, int step)
{
	enum layout_grow now = tui->zoomed ? GROW_FULL : tui->grow;

	/* One column has no half: the pane in front has all that is free anyway. */
	if (step > 0)
		now = now == GROW_NORMAL && tui->layout.columns > 1 ? GROW_HALF : GROW_FULL;
	else
		now = now == GROW_FULL && tui->layout.columns > 1 ? GROW_HALF : GROW_NORMAL;
	set_zoom(tui, now == GROW_FULL);
	tui->grow = now == GROW_HALF ? GROW_HALF : GROW_NORMAL;
}

/* One step back: the view's own, then the view, then the zoom. */
static void act_back(struct tui *tui)
{
	struct view *view = tui_view(tui);

	if (view->kind->back && view->kind->back(view))
		return;
	if (tui->stack.len > 0)
		tui_pop(tui);
	else if (tui->zoomed)
		set_zoom(tui, false);
}

static void act_quit(struct tui *tui, const char *args)
{
	struct dialog *dialog;
	char *text;

	if (strcmp(args, "cancel") == 0) {
		for (size_t i = 0; i < tui->calls.len; i++)
			command_cancel(tui->calls.items[i]->call);
		tui->quit_when_idle = true;
	} else if (strcmp(args, "wait") == 0) {
		tui->quit_when_idle = true;
		tui_message(tui, LOG_LEVEL_INFO, "quitting when the running jobs are done");
	} else if (tui_running(tui) > 0) {
		text = xasprintf("%zu running; what is done stays done.", tui_running(tui));
		dialog = dialog_open_choice(tui, "Quit?", text, true);
		dialog_add_choice(dialog, "Wait until they are done, then quit", "quit wait");
		dialog_add_choice(dialog, "Stop them between steps, then quit", "quit cancel");
		free(text);
	} else {
		tui_quit(tui);
	}
	if (tui->quit_when_idle && tui_running(tui) == 0)
		tui_quit(tui);
}

static void act_theme(struct tui *tui, const char *name)
{
	struct strbuf problems = STRBUF_INIT;

	theme_free(tui->theme);
	tui->theme = theme_load(*name ? name : "terminal", tui->theme_dirs, &problems);
	if (problems.len > 0)
		tui_message(tui, LOG_LEVEL_WARN, "%.*s", (int)strcspn(problems.buf, "\n"),
			    problems.buf);
	strbuf_release(&problems);
	if (tui->term)
		term_redraw(tui->term);
}

static void act_layout(struct tui *tui, const char *args)
{
	int64_t columns = 0;

	if (strcmp(args, "auto") != 0 && !text_parse_int(args, 1, 3, &columns))
		tui_message(tui, LOG_LEVEL_WARN, "layout: 1, 2, 3 or auto, not \"%s\"", args);
	else
		tui->columns = (int)columns;
}

static void act_set(struct tui *tui, const char *args)
{
	bool on = text_ends_with(args, " on");

	if (!on && !text_ends_with(args, " off"))
		tui_message(tui, LOG_LEVEL_WARN, "set: hints or bell, and on or off");
	else if (text_starts_with(args, "hints "))
		tui->no_hints = !on;
	else if (text_starts_with(args, "bell "))
		tui->bell = on;
	else
		tui_message(tui, LOG_LEVEL_WARN, "set: there is no setting \"%s\"", args);
}

static void choose_mode(struct tui *tui)
{
	const struct model_facts *facts = model_facts(tui->model);
	char *text = xasprintf("render is %s, register is %s", engine_mode_name(facts->render_mode),
			       engine_mode_name(facts->register_mode));
	struct dialog *dialog = dialog_open_choice(tui, "Mode of the engine", text, false);

	dialog_add_choice(dialog, "hold: show what would be done, and wait", "mode hold");
	dialog_add_choice(dialog, "auto: render, reload and register by itself", "mode auto");
	free(text);
}

static void act_time(struct tui *tui)
{
	bool clock = present_time() == PRESENT_TIME_CLOCK;

	present_set_time(clock ? PRESENT_TIME_AGE : PRESENT_TIME_CLOCK);
	tui_message(tui, LOG_LEVEL_INFO, clock ? "times as ages" : "times as clock");
}

static void act_diff(struct tui *tui)
{
	struct selection selection = { 0 };
	struct view *view = tui_view(tui);
	struct view *diff = NULL;

	if (!view->kind->selection || !view->kind->selection(view, &selection))
		return;
	if (selection.table == MODEL_RENDERS)
		diff = diff_view_of_render(tui, selection.ids[0], view);
	else if (selection.table == MODEL_GENERATIONS)
		diff = diff_view_of_generations(tui, &selection);
	selection_release(&selection);
	if (diff)
		tui_push(tui, diff);
}

static void remove_attention(struct tui *tui)
{
	struct view *view = tui_view(tui);
	const struct key_binding *binding = keymap_find(tui->keymap, view->places, 'D');
	struct selection selection = { 0 };
	bool marked;

	if (!binding || !view_list(view))
		return;
	view->kind->act(view, VERB_MARK_ATTENTION, "");
	marked = view->kind->selection(view, &selection) && selection.is_marks;
	selection_release(&selection);
	if (marked)
		tui_run_on_selection(tui, binding->command);
	else
		tui_message(tui, LOG_LEVEL_INFO, "nothing here is stale or dangling");
}

/* What is done stays done; what has not begun is not begun. */
static void cancel_running(struct tui *tui)
{
	if (tui->calls.len == 0)
		tui_message(tui, LOG_LEVEL_INFO, "no command of this console is running");
	else
		tui_message(tui, LOG_LEVEL_INFO, "stopping between steps: %zu", tui->calls.len);
	for (size_t i = 0; i < tui->calls.len; i++)
		command_cancel(tui->calls.items[i]->call);
}

static void page(struct tui *tui, bool is_editor)
{
	struct view *view = tui_view(tui);
	struct strbuf text = STRBUF_INIT;

	if (export_text(tui, &text) || (view->kind->text && view->kind->text(view, &text)))
		pager_open(tui, &text, is_editor);
	else
		tui_message(tui, LOG_LEVEL_INFO, "there is nothing to page here");
	strbuf_release(&text);
}

static bool act_on_console(struct tui *tui, enum verb verb, const char *args)
{
	switch (verb) {
	case VERB_BACK:
		act_back(tui);
		return true;
	case VERB_LAST:
		go_to_pane(tui, tui->last_focus);
		return true;
	case VERB_PANE:
		act_pane(tui, args);
		return true;
	case VERB_NEXT_PANE:
	case VERB_PREVIOUS_PANE:
		go_to_pane(tui, (tui->focus + (verb == VERB_NEXT_PANE ? 1 : PANE_COUNT - 1)) %
					PANE_COUNT);
		return true;
	case VERB_OVERVIEW:
		go_to_pane(tui, tui->focus);
		set_zoom(tui, false);
		tui->grow = GROW_NORMAL;
		return true;
	case VERB_ZOOM:
		set_zoom(tui, !tui->zoomed);
		return true;
	case VERB_GROW:
		act_grow(tui, 1);
		return true;
	case VERB_SHRINK:
		act_grow(tui, -1);
		return true;
	case VERB_PREVIEW:
		tui->preview = tui->layout.preview.height > 0 ? PREVIEW_OFF : PREVIEW_ON;
		return true;
	case VERB_TIME:
		act_time(tui);
		return true;
	case VERB_PALETTE:
		palette_open(tui, "");
		return true;
	case VERB_FILTER:
		if (*args)
			return false;
		filter_open(tui);
		return true;
	case VERB_EXPORT:
		export_view(tui, args);
		return true;
	case VERB_PAGER:
	case VERB_EDITOR:
		page(tui, verb == VERB_EDITOR);
		return true;
	case VERB_HELP:
		tui_push(tui, help_view_new(tui, tui_view(tui)));
		return true;
	case VERB_JOBS:
		tui_push(tui, jobs_view_new(tui));
		return true;
	case VERB_MESSAGES:
		tui_push(tui, log_view_new(tui));
		return true;
	case VERB_REFRESH:
		tui->changed = MODEL_BIT_ALL;
		return true;
	case VERB_REDRAW:
		if (tui->term)
			term_redraw(tui->term);
		return true;
	case VERB_CLOSE:
		if (tui->stack.len > 0)
			tui_pop(tui);
		else
			act_quit(tui, "");
		return true;
	case VERB_QUIT:
		act_quit(tui, args);
		return true;
	case VERB_SUSPEND:
		tui_suspend(tui);
		return true;
	case VERB_THEME:
		act_theme(tui, args);
		return true;
	case VERB_LAYOUT:
		act_layout(tui, args);
		return true;
	case VERB_SET:
		act_set(tui, args);
		return true;
	case VERB_CHOOSE_MODE:
		choose_mode(tui);
		return true;
	case VERB_DIFF:
		act_diff(tui);
		return true;
	case VERB_REMOVE_ATTENTION:
		remove_attention(tui);
		return true;
	case VERB_CANCEL_JOB:
		cancel_running(tui);
		return true;
	case VERB_EDIT_POLICY:
		policy_edit(tui, args);
		return true;
	default:
		return false;
	}
}

void tui_act(struct tui *tui, enum verb verb, const char *args)
{
	struct view *view = tui_view(tui);

	if (!act_on_console(tui, verb, args) &&
	    !(view->kind->act && view->kind->act(view, verb, args)))
		tui_message(tui, LOG_LEVEL_INFO, "%s: nothing to do here", commands[verb].text);
	tui_touch(tui);
}
