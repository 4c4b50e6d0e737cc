/*
 * The `:` line: completion over both tables of commands, with the key that does the same.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "internal.h"

#define MATCH_ROWS_MAX 8

void palette_open(struct tui *tui, const char *text)
{
	struct prompt *prompt = xcalloc(1, sizeof(*prompt));

	strbuf_init(&prompt->line.text);
	prompt->kind = PROMPT_PALETTE;
	line_set(&prompt->line, text);
	prompt->history_at = tui->history.len;
	tui->prompt = prompt;
	palette_changed(tui);
}

void palette_changed(struct tui *tui)
{
	struct prompt *prompt = tui->prompt;

	completion_release(&prompt->matches);
	prompt->matches = (struct completion){ 0 };
	prompt->chosen = 0;
	prompt->is_choosing = false;
	command_complete(prompt->line.text.buf, tui->env, &prompt->matches);
}

static void choose(struct prompt *prompt, int step)
{
	if (prompt->matches.count == 0)
		return;
	if (prompt->is_choosing)
		prompt->chosen = (prompt->chosen + prompt->matches.count + (size_t)(step + 1) - 1) %
				 prompt->matches.count;
	prompt->is_choosing = true;
}

static void take_chosen(struct tui *tui)
{
	struct prompt *prompt = tui->prompt;
	char *text;

	if (prompt->matches.count == 0)
		return;
	text = xstrdup(prompt->matches.texts[prompt->chosen]);
	line_set(&prompt->line, text);
	free(text);
	if (prompt->line.text.len > 0 && prompt->line.text.buf[prompt->line.text.len - 1] != ' ')
		line_key(&prompt->line, ' ');
	palette_changed(tui);
}

static void go_through_history(struct tui *tui, int step)
{
	struct prompt *prompt = tui->prompt;
	struct history *history = &tui->history;

	if (prompt->history_at == history->len && step > 0)
		return;
	if (prompt->history_at == 0 && step < 0)
		return;
	if (prompt->history_at == history->len) {
		free(prompt->typed);
		prompt->typed = xstrdup(prompt->line.text.buf);
	}
	prompt->history_at += (size_t)(long)step;
	line_set(&prompt->line, prompt->history_at < history->len
					? history->items[prompt->history_at]
					: prompt->typed);
	palette_changed(tui);
}

/* Ctrl-R: the newest line before this one that holds what is typed. */
static void search_history(struct tui *tui)
{
	struct prompt *prompt = tui->prompt;
	struct history *history = &tui->history;

	if (prompt->history_at == history->len) {
		free(prompt->typed);
		prompt->typed = xstrdup(prompt->line.text.buf);
	}
	for (size_t i = prompt->history_at; i-- > 0;) {
		if (!text_find_nocase(history->items[i], prompt->typed))
			continue;
		prompt->history_at = i;
		line_set(&prompt->line, history->items[i]);
		return;
	}
}

static void run(struct tui *tui)
{
	struct prompt *prompt = tui->prompt;
	char *line;

	if (prompt->is_choosing && prompt->matches.count > 0)
		line = xstrdup(prompt->matches.texts[prompt->chosen]);
	else
		line = xstrdup(prompt->line.text.buf);
	prompt_close(tui);
	history_add(&tui->history, line);
	tui_run(tui, line);
	free(line);
}

bool palette_key(struct tui *tui, key_code key)
{
	struct prompt *prompt = tui->prompt;

	switch (key) {
	case KEY_CODE_TAB:
		take_chosen(tui);
		return true;
	case KEY_CODE_DOWN:
		if (prompt->matches.count > 0 && prompt->history_at == tui->history.len)
			choose(prompt, 1);
		else
			go_through_history(tui, 1);
		return true;
	case KEY_CODE_UP:
		if (prompt->is_choosing && prompt->chosen > 0)
			choose(prompt, -1);
		else
			go_through_history(tui, -1);
		return true;
	case KEY_CTRL('r'):
		search_history(tui);
		return true;
	case KEY_CODE_ENTER:
		run(tui);
		return true;
	default:
		return false;
	}
}

static void paint_match(struct tui *tui, int row, const char *text, bool is_chosen)
{
	const struct command *command = tui_command_of(text);
	const struct key_binding *binding =
		command ? keymap_find_command(tui->keymap, command->verb) : NULL;
	struct grid *grid = tui->grid;
	int width = grid->width, name = width > 100 ? 40 : 30;

	grid_fill(grid, (struct area){ row, 0, 1, width }, ROLE_TEXT);
	if (is_chosen)
		grid_put_glyph(grid, row, 2, GLYPH_CURSOR, ROLE_GUTTER);
	grid_put_field(grid, row, 4, name - 4, 0, text, ROLE_STRONG);
	if (command)
		grid_put_field(grid, row, name + 1, width - name - 20, 0, command->summary,
			       ROLE_TEXT);
	if (binding) {
		struct strbuf where = STRBUF_INIT;

		strbuf_addf(&where, "%.*s", (int)strcspn(binding->key, " "), binding->key);
		if (strcmp(binding->place, "any") != 0)
			strbuf_addf(&where, " in %s", binding->place);
		grid_put_text(grid, row, width - 18, 18, where.buf, ROLE_HINT_KEY);
		strbuf_release(&where);
	}
	if (is_chosen)
		grid_over(grid, row, 0, width, ROLE_CURSOR);
}

void palette_paint_matches(struct tui *tui)
{
	struct prompt *prompt = tui->prompt;
	struct grid *grid = tui->grid;
	int rows = (int)prompt->matches.count, most = (grid->height - 6) / 2;
	const struct command *command = tui_command_of(prompt->line.text.buf);
	size_t first = 0;
	int row;

	if (most > MATCH_ROWS_MAX)
		most = MATCH_ROWS_MAX;
	if (rows > most)
		rows = most;
	if (prompt->is_choosing && prompt->chosen >= (size_t)rows)
		first = prompt->chosen - (size_t)rows + 1;
	row = grid->height - 2 - rows;
	grid_put_rule(grid, row - 1, 0, grid->width, GLYPH_RULE, ROLE_FRAME);
	for (int i = 0; i < rows; i++)
		paint_match(tui, row + i, prompt->matches.texts[first + (size_t)i],
			    prompt->is_choosing && first + (size_t)i == prompt->chosen);
	/* Usage of what is typed so far, in place of messages. */
	grid_fill(grid, (struct area){ grid->height - 2, 0, 1, grid->width }, ROLE_HINT);
	if (command)
		grid_printf(grid, grid->height - 2, 1, grid->width - 2, ROLE_HINT, "%s %s   %s",
			    command->verb, command->args ? command->args : "", command->summary);
	else
		grid_put_text(grid, grid->height - 2, 1, grid->width - 2,
			      "Tab complete  Up/Down choose  Ctrl-R history  Enter run  Esc cancel",
			      ROLE_HINT);
}
