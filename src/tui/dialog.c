/*
 * A plan's dialog is made of lines: a head, the list of targets, a tail with the question and
 * the buttons. When the screen is small the list gives up rows first, then blank lines go, then
 * the facts flow together, then the sentences about what is left out are cut. What still does not
 * fit is not shown at all: nobody confirms what he cannot read.
 */
#include "dialog.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/plan.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "internal.h"

#define WIDTH_MAX     78
#define LABEL_CELLS   12
#define TARGETS_LEAST 2
#define SKIPPED_SHOWN 3
#define SAME_AS_ROWS  4
#define CHOICE_WIDTH  56

/* How tightly a dialog is packed. */
enum packing { PACK_AIRY, PACK_TIGHT, PACK_FLOWING, PACK_CUT, PACK_COUNT };

struct page {
	struct rich head, tail;
	int width; /* inner, without the frame and its blanks */
	enum packing packing;
};

static struct dialog *dialog_new(const char *title)
{
	struct dialog *dialog = xcalloc(1, sizeof(*dialog));

	dialog->title = xstrdup(title);
	dialog->text = xstrdup("");
	strbuf_init(&dialog->answer);
	strbuf_init(&dialog->typed.text);
	return dialog;
}

void dialog_free(struct dialog *dialog)
{
	if (!dialog)
		return;
	for (size_t i = 0; i < dialog->choice_count; i++) {
		free(dialog->choices[i].label);
		free(dialog->choices[i].line);
	}
	free(dialog->choices);
	free(dialog->title);
	free(dialog->text);
	strbuf_release(&dialog->answer);
	strbuf_release(&dialog->typed.text);
	free(dialog);
}

static void page_release(struct page *page)
{
	rich_release(&page->head);
	rich_release(&page->tail);
}

/* Words flow from `indent` on; continued lines are indented alike. */
static void add_wrapped(struct rich *rich, int indent, int width, enum role role, const char *text)
{
	while (*text) {
		size_t len = strcspn(text, " \n"), blanks;
		int cells = text_width(text, len);

		if (rich->column > indent && rich->column + cells > width) {
			rich_end_line(rich);
			if (indent > 0)
				rich_pad(rich, indent);
		}
		rich_add_bytes(rich, role, text, len);
		text += len;
		blanks = strspn(text, " \n");
		if (blanks > 0 && *(text + blanks) && rich->column < width)
			rich_add_bytes(rich, role, "   ", blanks > 3 ? 3 : blanks);
		text += blanks;
	}
}

static void add_fact(struct page *page, const char *label, enum role role, const char *text)
{
	struct rich *rich = &page->tail;

	if (!*text)
		return;
	if (page->packing >= PACK_FLOWING) {
		if (rich->column > 0 && rich->column + (int)strlen(label) + 3 < page->width)
			rich_add(rich, ROLE_TEXT, "  ");
		else if (rich->column > 0)
			rich_end_line(rich);
		rich_addf(rich, ROLE_STRONG, "%s:", label);
		rich_add(rich, ROLE_TEXT, " ");
		add_wrapped(rich, 0, page->width, role, text);
		return;
	}
	rich_add(rich, ROLE_STRONG, label);
	rich_pad(rich, LABEL_CELLS);
	add_wrapped(rich, LABEL_CELLS, page->width, role, text);
	rich_end_line(rich);
}

/* About what is not done: of a small screen it takes one row. */
static void add_skipped(struct page *page, const char *text)
{
	struct strbuf brief = STRBUF_INIT;
	int room = page->width - LABEL_CELLS;

	strbuf_addstr(&brief, text);
	if (page->packing == PACK_CUT && text_width(brief.buf, brief.len) > room) {
		while (brief.len > 0 && text_width(brief.buf, brief.len) > room - 3) {
			bool whole;

			do {
				whole = ((unsigned char)brief.buf[brief.len - 1] & 0xc0) != 0x80;
				strbuf_setlen(&brief, brief.len - 1);
			} while (!whole && brief.len > 0);
		}
		strbuf_addstr(&brief, "...");
	}
	add_fact(page, "Skipped", ROLE_STATE_WARN, brief.buf);
	strbuf_release(&brief);
}

static void gap(struct page *page, struct rich *rich)
{
	if (page->packing == PACK_AIRY)
		rich_end_line(rich);
}

/* "consul 1s   docker 2s DOWN": on what the decision rests. */
static void data_age(const struct tui *tui, struct strbuf *out)
{
	for (int i = 0; i < SOURCE_COUNT; i++) {
		const struct source_status *status = model_source(tui->model, (enum model_source)i);
		char age[TEXT_AGE_BYTES] = "never";
		static const char *const words[] = { "",       " loading", "",
						     " STALE", " DOWN",    " DENIED" };

		if (status->health == SOURCE_OFF)
			continue;
		if (status->alive_mono_ms > 0)
			text_age(tui_source_age(status), age);
		strbuf_addf(out, "%s%s %s%s", out->len ? "  " : "",
			    model_source_name((enum model_source)i), age, words[status->health]);
	}
}

static bool is_typed(const struct dialog *dialog)
{
	return dialog->answer.len > 0;
}

static bool is_unlocked(const struct dialog *dialog)
{
	struct strbuf typed = STRBUF_INIT;
	bool same;

	if (!is_typed(dialog))
		return true;
	strbuf_add(&typed, dialog->typed.text.buf, dialog->typed.text.len);
	strbuf_trim(&typed);
	same = strbuf_equal(&typed, &dialog->answer);
	strbuf_release(&typed);
	return same;
}

static void same_as(const struct tui *tui, const struct dialog *dialog, const char *batch,
		    struct strbuf *out)
{
	strbuf_addf(out, "%s --yes", batch);
	if (is_typed(dialog))
		strbuf_addf(out, " --expect %zu", dialog->plan->target_count);
	if (is_typed(dialog) && tui->env->production_dc)
		strbuf_addf(out, " --dc %s", tui->env->production_dc);
	strbuf_addf(out, " --plan %s", dialog->plan->hash);
}

static void add_head(struct page *page, const struct plan *plan)
{
	struct rich *rich = &page->head;
	const char *group = NULL;
	size_t groups = 0;

	gap(page, rich);
	rich_add(rich, ROLE_STRONG, "Operation");
	rich_pad(rich, LABEL_CELLS);
	add_wrapped(rich, LABEL_CELLS, page->width, ROLE_TEXT, plan->operation);
	rich_end_line(rich);
	for (size_t i = 0; i < plan->target_count; i++) {
		if (!group || strcmp(group, plan->targets[i].group) != 0)
			groups++;
		group = plan->targets[i].group;
	}
	if (plan->target_count == 0)
		return;
	rich_add(rich, ROLE_STRONG, "Targets");
	rich_pad(rich, LABEL_CELLS);
	rich_addf(rich, ROLE_STRONG, "%zu", plan->target_count);
	if (group && *group)
		rich_addf(rich, ROLE_TEXT, " on %zu %s", groups, groups == 1 ? "node" : "nodes");
	rich_end_line(rich);
}

static void add_tail(const struct tui *tui, const struct dialog *dialog, struct page *page)
{
	const struct plan *plan = dialog->plan;
	struct strbuf text = STRBUF_INIT;
	size_t warned = 0;

	for (size_t i = 0; i < plan->skipped_count && i < SKIPPED_SHOWN; i++)
		add_skipped(page, plan->skipped[i]);
	if (plan->skipped_count > SKIPPED_SHOWN) {
		strbuf_addf(&text, "%zu more", plan->skipped_count - SKIPPED_SHOWN);
		add_fact(page, "Skipped", ROLE_STATE_WARN, text.buf);
	}
	add_fact(page, "Effect", ROLE_TEXT, plan->effect);
	add_fact(page, "Undo", plan->irreversible ? ROLE_DIALOG_DANGER : ROLE_TEXT, plan->undo);
	add_fact(page, "Comes back", ROLE_TEXT, plan->comes_back);
	strbuf_reset(&text);
	data_age(tui, &text);
	add_fact(page, "Data age", ROLE_TEXT, text.buf);
	gap(page, &page->tail);
	strbuf_reset(&text);
	same_as(tui, dialog, plan->batch, &text);
	/* The targets stand above; a screen full of them again would leave no room to answer. */
	if (text_width(text.buf, text.len) > SAME_AS_ROWS * (page->width - LABEL_CELLS)) {
		char *verb = xasprintf("binnacle --batch %s ...", plan->verb);

		strbuf_reset(&text);
		same_as(tui, dialog, verb, &text);
		strbuf_addstr(&text, " (in full: the journal)");
		free(verb);
	}
	add_fact(page, "Same as", ROLE_MUTED, text.buf);
	if (page->packing >= PACK_FLOWING)
		rich_end_line(&page->tail);
	for (size_t i = 0; i < plan->target_count; i++)
		warned += *plan->targets[i].warning != '\0';
	if (warned > 0) {
		rich_addf(&page->tail, ROLE_STATE_WARN,
			  warned == 1 ? "%zu target is not sure (marked !)."
				      : "%zu targets are not sure (marked !).",
			  warned);
		rich_end_line(&page->tail);
	}
	strbuf_release(&text);
}

/* How many rows stand under the tail: the question, the input, the buttons. */
static int rows_below(const struct dialog *dialog, enum packing packing)
{
	int rows = 1 + (is_typed(dialog) ? 2 : 0);

	return rows + (packing == PACK_AIRY ? 2 : 0);
}

static size_t preview_lines(const struct plan_target *target)
{
	size_t count = 0;

	for (const char *line = target->preview; *line; line += *line == '\n', count++)
		line += strcspn(line, "\n");
	return count;
}

/* Each target has a row, and one for each line of its preview. */
static size_t list_rows(const struct plan *plan)
{
	size_t count = plan->target_count;

	for (size_t i = 0; i < plan->target_count; i++)
		count += preview_lines(&plan->targets[i]);
	return count;
}

/* Pick the airiest packing that fits. Returns rows for targets; -1: none fits. */
static int build_page(const struct tui *tui, const struct dialog *dialog, int width, int height,
		      struct page *page)
{
	int count = (int)list_rows(dialog->plan);
	int least = count < TARGETS_LEAST ? count : TARGETS_LEAST;
	bool has_preview = list_rows(dialog->plan) > dialog->plan->target_count;

	for (int packing = PACK_AIRY; packing < PACK_COUNT; packing++) {
		int rows;

		page_release(page);
		page->width = width;
		page->packing = (enum packing)packing;
		add_head(page, dialog->plan);
		add_tail(tui, dialog, page);
		rows = height - (int)page->head.count - (int)page->tail.count -
		       rows_below(dialog, page->packing);
		/* Air is not worth hiding targets for, nor what they will be. */
		if (rows >= (packing == PACK_AIRY && (count < 8 || has_preview) ? count : least))
			return rows > count ? count : rows;
	}
	return -1;
}

static int inner_width(const struct tui *tui)
{
	int width = tui->grid->width - 4;

	return width > WIDTH_MAX ? WIDTH_MAX : width;
}

static bool fits(const struct tui *tui, const struct dialog *dialog)
{
	struct page page = { .head = RICH_INIT, .tail = RICH_INIT };
	bool ok = !layout_too_small(tui->grid->width, tui->grid->height) &&
		  build_page(tui, dialog, inner_width(tui), tui->grid->height - 2, &page) >= 0;

	page_release(&page);
	return ok;
}

void dialog_open_plan(struct tui *tui, struct command_call *call, const struct plan *plan)
{
	struct dialog *dialog;

	if (tui->dialog && tui->dialog->call) {
		tui_message(tui, LOG_LEVEL_WARN, "%s: another question is open; ask again",
			    plan->verb);
		command_answer(call, false);
		return;
	}
	dialog_free(tui->dialog);
	tui->dialog = NULL;
	dialog = dialog_new(plan->title);
	dialog->call = call;
	dialog->plan = plan;
	dialog->guarded = true;
	if (plan->confirm == PLAN_CONFIRM_TYPED)
		plan_typed_answer(plan, tui->env->production_dc, &dialog->answer);
	if (!fits(tui, dialog)) {
		dialog_free(dialog);
		tui_message(tui, LOG_LEVEL_ERROR,
			    "%s: the question does not fit on %d x %d; enlarge the window",
			    plan->verb, tui->grid->width, tui->grid->height);
		command_answer(call, false);
		return;
	}
	tui->dialog = dialog;
	tui_touch(tui);
}

struct dialog *dialog_open_choice(struct tui *tui, const char *title, const char *text,
				  bool guarded)
{
	struct dialog *dialog = dialog_new(title);

	free(dialog->text);
	dialog->text = xstrdup(text);
	dialog->guarded = guarded;
	dialog_add_choice(dialog, "Cancel", NULL);
	dialog_free(tui->dialog);
	tui->dialog = dialog;
	tui_touch(tui);
	return dialog;
}

void dialog_add_choice(struct dialog *dialog, const char *label, const char *line)
{
	GROW(dialog->choices, dialog->choice_count, dialog->choice_cap);
	dialog->choices[dialog->choice_count++] =
		(struct choice){ xstrdup(label), line ? xstrdup(line) : NULL };
}

/* Take the dialog away before answering: the answer may open the next one. */
static void answer(struct tui *tui, bool yes)
{
	struct dialog *dialog = tui->dialog;
	struct command_call *call = dialog->call;

	tui->dialog = NULL;
	dialog_free(dialog);
	tui_touch(tui);
	if (call)
		command_answer(call, yes);
}

void dialog_cancel(struct tui *tui)
{
	if (tui->dialog)
		answer(tui, false);
}

static void take_choice(struct tui *tui, size_t index)
{
	struct dialog *dialog = tui->dialog;
	char *line = dialog->choices[index].line ? xstrdup(dialog->choices[index].line) : NULL;

	tui->dialog = NULL;
	dialog_free(dialog);
	tui_touch(tui);
	if (line)
		tui_run(tui, line);
	free(line);
}

static void choice_key(struct tui *tui, key_code key)
{
	struct dialog *dialog = tui->dialog;
	size_t count = dialog->choice_count;

	switch (key) {
	case KEY_CODE_DOWN:
	case KEY_CODE_TAB:
	case 'j':
		dialog->focus = (dialog->focus + 1) % count;
		break;
	case KEY_CODE_UP:
	case KEY_CODE_BACK_TAB:
	case 'k':
		dialog->focus = (dialog->focus + count - 1) % count;
		break;
	case KEY_CODE_ENTER:
		take_choice(tui, dialog->focus);
		break;
	case KEY_CODE_ESC:
	case KEY_CTRL('c'):
	case 'n':
	case 'q':
		take_choice(tui, 0);
		break;
	default:
		break;
	}
}

static void scroll_targets(struct dialog *dialog, long rows)
{
	long count = (long)list_rows(dialog->plan) - (long)dialog->visible;
	long top = (long)dialog->top + rows, last = count > 0 ? count : 0;

	dialog->top = (size_t)(top < 0 ? 0 : top > last ? last : top);
}

static void copy_batch(struct tui *tui)
{
	struct strbuf text = STRBUF_INIT;

	same_as(tui, tui->dialog, tui->dialog->plan->batch, &text);
	tui_copy(tui, "the --batch line", text.buf, text.len);
	strbuf_release(&text);
}

/* In a typed dialog letters belong to the answer; the right one moves the focus off Cancel. */
static void plan_key(struct tui *tui, key_code key)
{
	struct dialog *dialog = tui->dialog;
	bool typed = is_typed(dialog);

	switch (key) {
	case KEY_CODE_ESC:
	case KEY_CTRL('c'):
		answer(tui, false);
		return;
	case KEY_CODE_ENTER:
		if (dialog->focus == 0 || is_unlocked(dialog))
			answer(tui, dialog->focus == 1);
		return;
	case KEY_CODE_TAB:
	case KEY_CODE_BACK_TAB:
		dialog->focus = !dialog->focus && is_unlocked(dialog);
		return;
	case KEY_CODE_PAGE_DOWN:
		scroll_targets(dialog, (long)dialog->visible);
		return;
	case KEY_CODE_PAGE_UP:
		scroll_targets(dialog, -(long)dialog->visible);
		return;
	case KEY_CODE_DOWN:
		scroll_targets(dialog, 1);
		return;
	case KEY_CODE_UP:
		scroll_targets(dialog, -1);
		return;
	default:
		break;
	}
	if (typed) {
		line_key(&dialog->typed, key);
		dialog->focus = is_unlocked(dialog);
		return;
	}
	if (key == KEY_CODE_LEFT || key == KEY_CODE_RIGHT)
		dialog->focus = !dialog->focus;
	else if (key == 'y')
		answer(tui, true);
	else if (key == 'n' || key == 'q')
		answer(tui, false);
	else if (key == 'j')
		scroll_targets(dialog, 1);
	else if (key == 'k')
		scroll_targets(dialog, -1);
	else if (key == 'Y')
		copy_batch(tui);
}

void dialog_key(struct tui *tui, key_code key)
{
	struct dialog *dialog = tui->dialog;

	if (dialog->guarded &&
	    (!dialog->shown || clock_mono_ms() - dialog->shown_ms < DIALOG_GUARD_MS))
		return;
	if (dialog->call)
		plan_key(tui, key);
	else
		choice_key(tui, key);
	tui_touch(tui);
}

void dialog_paste(struct tui *tui, size_t len)
{
	tui_message(tui, LOG_LEVEL_WARN, "paste refused: %zu bytes; a confirmation is typed", len);
}

static void paint_frame(const struct tui *tui, const struct dialog *dialog, struct area area)
{
	struct grid *grid = tui->grid;
	int bottom = area.row + area.height - 1, right = area.col + area.width - 1;
	const char *danger = "NOT REVERSIBLE";
	bool is_danger = dialog->plan && dialog->plan->irreversible;
	bool production = dialog->plan && tui->env->production_dc;
	int col = area.col + 3, room = area.width - 6;

	grid_fill(grid, area, ROLE_DIALOG);
	grid_put_rule(grid, area.row, area.col, area.width, GLYPH_RULE, ROLE_DIALOG);
	grid_put_rule(grid, bottom, area.col, area.width, GLYPH_RULE, ROLE_DIALOG);
	for (int row = area.row; row <= bottom; row++) {
		grid_put_glyph(grid, row, area.col, GLYPH_BAR, ROLE_DIALOG);
		grid_put_glyph(grid, row, right, GLYPH_BAR, ROLE_DIALOG);
	}
	grid_put_glyph(grid, area.row, area.col, GLYPH_TOP_LEFT, ROLE_DIALOG);
	grid_put_glyph(grid, area.row, right, GLYPH_TOP_RIGHT, ROLE_DIALOG);
	grid_put_glyph(grid, bottom, area.col, GLYPH_BOTTOM_LEFT, ROLE_DIALOG);
	grid_put_glyph(grid, bottom, right, GLYPH_BOTTOM_RIGHT, ROLE_DIALOG);
	grid_put_text(grid, area.row, col - 1, 1, " ", ROLE_DIALOG);
	if (is_danger)
		room -= (int)strlen(danger) + 3;
	col += grid_put_text(grid, area.row, col, room, dialog->title, ROLE_DIALOG_TITLE);
	grid_put_text(grid, area.row, col++, 1, " ", ROLE_DIALOG);
	if (is_danger) {
		grid_put_text(grid, area.row, col++, 1, " ", ROLE_DIALOG);
		col += grid_put_text(grid, area.row, col, right - col, danger, ROLE_DIALOG_DANGER);
		grid_put_text(grid, area.row, col, 1, " ", ROLE_DIALOG);
	}
	if (production)
		grid_printf(grid, bottom, area.col + 3, area.width - 6, ROLE_BAR_PRODUCTION,
			    " PRODUCTION %s ", tui->env->production_dc);
}

static void paint_lines(struct grid *grid, const struct rich *rich, int row, int col, int width)
{
	for (size_t i = 0; i < rich->count; i++)
		rich_paint(rich, i, grid, row + (int)i, col, width, 0);
}

/* Names keep both ends; what follows them is evidence. */
static void paint_target(const struct tui *tui, const struct plan_target *target, int row, int col,
			 int width)
{
	struct grid *grid = tui->grid;
	int label = width / 3;

	if (*target->group) {
		grid_put_field(grid, row, col, 10, PUT_CUT_MIDDLE, target->group, ROLE_TEXT);
		col += 11;
		width -= 11;
	}
	if (*target->evidence == '\0' && *target->warning == '\0')
		label = width;
	grid_put_field(grid, row, col, label, PUT_CUT_MIDDLE, target->label, ROLE_STRONG);
	col += label + 1;
	width -= label + 1;
	if (width <= 0)
		return;
	if (*target->warning) {
		struct strbuf text = STRBUF_INIT;

		strbuf_addf(&text, "! %s", target->warning);
		grid_put_field(grid, row, col, width, 0, text.buf, ROLE_STATE_WARN);
		strbuf_release(&text);
	} else {
		grid_put_field(grid, row, col, width, 0, target->evidence, ROLE_TEXT);
	}
}

static void paint_preview(const struct tui *tui, const struct plan_target *target, size_t index,
			  int row, int col, int width)
{
	const char *line = target->preview;
	enum role role = ROLE_DIFF_CONTEXT;
	char *text;

	while (index--)
		line += strcspn(line, "\n") + 1;
	if (*line == '+')
		role = ROLE_DIFF_ADD;
	else if (*line == '-')
		role = ROLE_DIFF_DEL;
	else if (*line == '@')
		role = ROLE_DIFF_HUNK;
	text = xstrndup(line, strcspn(line, "\n"));
	grid_put_field(tui->grid, row, col + 2, width - 2, 0, text, role);
	free(text);
}

/* A row of the list: a target, or a line of its preview. */
static void paint_list_row(const struct tui *tui, const struct plan *plan, size_t index, int row,
			   int col, int width)
{
	const struct plan_target *target = plan->targets;

	while (index > preview_lines(target)) {
		index -= preview_lines(target) + 1;
		target++;
	}
	if (index == 0)
		paint_target(tui, target, row, col, width);
	else
		paint_preview(tui, target, index - 1, row, col, width);
}

static void paint_targets(struct tui *tui, struct dialog *dialog, int row, int col, int width,
			  int rows)
{
	const struct plan *plan = dialog->plan;
	size_t count = list_rows(plan);
	bool more = count > (size_t)rows;
	int listed = more ? rows - 1 : rows;

	/* With two rows alone both show targets; the count says that there are more. */
	if (rows <= TARGETS_LEAST)
		listed = rows;
	dialog->visible = (size_t)listed;
	scroll_targets(dialog, 0);
	for (int i = 0; i < listed; i++)
		paint_list_row(tui, plan, dialog->top + (size_t)i, row + i, col + 2, width - 2);
	if (listed < rows)
		grid_printf(tui->grid, row + listed, col + 2, width - 2, ROLE_MUTED,
			    "... %zu to %zu of %zu; Up and Down scroll", dialog->top + 1,
			    dialog->top + (size_t)listed, count);
}

static void paint_question(struct tui *tui, const struct dialog *dialog, int row, int col,
			   int width)
{
	struct grid *grid = tui->grid;
	const struct plan *plan = dialog->plan;

	if (plan->target_count > 1 && !*plan->typed)
		grid_printf(grid, row, col, width, ROLE_STATE_WARN,
			    "Type the number of targets to confirm: %s", dialog->answer.buf);
	else
		grid_printf(grid, row, col, width, ROLE_STATE_WARN, "Type %s to confirm",
			    dialog->answer.buf);
	grid_put_text(grid, row + 1, col + 2, 2, "> ", ROLE_DIALOG);
	line_paint(&dialog->typed, grid, row + 1, col + 4, width - 4, ROLE_DIALOG_INPUT);
}

static void paint_buttons(struct tui *tui, const struct dialog *dialog, int row, int col, int width)
{
	struct grid *grid = tui->grid;
	struct strbuf act = STRBUF_INIT;
	const char *button = *dialog->plan->button ? dialog->plan->button : dialog->plan->verb;
	bool locked = !is_unlocked(dialog);
	int act_width, at;

	if (dialog->focus == 1)
		strbuf_addf(&act, "[ %s ]", button);
	else
		strbuf_addf(&act, "  %s%s", button,
			    locked             ? "  (locked)"
			    : is_typed(dialog) ? ""
					       : " (y)");
	act_width = text_width(act.buf, act.len);
	at = col + width - act_width - 2;
	grid_put_text(grid, row, at, act_width, act.buf,
		      dialog->focus == 1 ? ROLE_DIALOG_BUTTON_FOCUS
		      : locked           ? ROLE_MUTED
					 : ROLE_DIALOG_BUTTON);
	grid_put_text(grid, row, at - 14, 10, dialog->focus == 0 ? "[ Cancel ]" : "  Cancel  ",
		      dialog->focus == 0 ? ROLE_DIALOG_BUTTON_FOCUS : ROLE_DIALOG_BUTTON);
	strbuf_release(&act);
}

static bool paint_plan(struct tui *tui)
{
	struct dialog *dialog = tui->dialog;
	struct page page = { .head = RICH_INIT, .tail = RICH_INIT };
	struct grid *grid = tui->grid;
	int width = inner_width(tui), targets, row, col;
	struct area area;

	targets = layout_too_small(grid->width, grid->height)
			  ? -1
			  : build_page(tui, dialog, width, grid->height - 2, &page);
	if (targets < 0) {
		page_release(&page);
		return false;
	}
	area.width = width + 4;
	area.height = 2 + targets + (int)page.head.count + (int)page.tail.count +
		      rows_below(dialog, page.packing);
	area.row = (grid->height - area.height) / 2;
	area.col = (grid->width - area.width) / 2;
	paint_frame(tui, dialog, area);
	row = area.row + 1;
	col = area.col + 2;
	paint_lines(grid, &page.head, row, col, width);
	row += (int)page.head.count;
	paint_targets(tui, dialog, row, col, width, targets);
	row += targets;
	paint_lines(grid, &page.tail, row, col, width);
	row += (int)page.tail.count;
	if (is_typed(dialog)) {
		paint_question(tui, dialog, row, col, width);
		row += 2;
	}
	row += page.packing == PACK_AIRY;
	paint_buttons(tui, dialog, row, col, width);
	page_release(&page);
	return true;
}

static bool paint_choice(struct tui *tui)
{
	struct dialog *dialog = tui->dialog;
	struct grid *grid = tui->grid;
	bool has_text = *dialog->text != '\0';
	int rows = (int)dialog->choice_count, most = grid->height - 4 - has_text;
	struct area area;
	size_t first = 0;

	if (layout_too_small(grid->width, grid->height))
		return false;
	if (rows > most) {
		rows = most;
		if (dialog->focus >= (size_t)rows)
			first = dialog->focus - (size_t)rows + 1;
	}
	area = (struct area){ 0, 0, rows + 2 + has_text, CHOICE_WIDTH };
	area.row = (grid->height - area.height) / 2;
	area.col = (grid->width - area.width) / 2;
	paint_frame(tui, dialog, area);
	if (has_text)
		grid_put_field(grid, area.row + 1, area.col + 2, area.width - 4, 0, dialog->text,
			       ROLE_DIALOG);
	for (int i = 0; i < rows; i++) {
		size_t index = first + (size_t)i;
		bool focused = index == dialog->focus;
		int row = area.row + 1 + has_text + i;

		if (focused)
			grid_put_glyph(grid, row, area.col + 2, GLYPH_CURSOR, ROLE_DIALOG);
		grid_put_field(grid, row, area.col + 4, area.width - 6, 0,
			       dialog->choices[index].label,
			       focused ? ROLE_DIALOG_BUTTON_FOCUS : ROLE_DIALOG_BUTTON);
	}
	return true;
}

bool dialog_paint(struct tui *tui)
{
	struct dialog *dialog = tui->dialog;
	bool ok;

	assert(dialog);
	ok = dialog->call ? paint_plan(tui) : paint_choice(tui);
	if (!ok) {
		tui_message(tui, LOG_LEVEL_WARN,
			    "the question was cancelled: the screen became too small for it");
		dialog_cancel(tui);
		return false;
	}
	return true;
}
