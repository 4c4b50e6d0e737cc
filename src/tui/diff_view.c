/*
 * Differences line by line. The texts are kept, so that context can grow and shrink. Values
 * that look like secrets are masked: a screen is seen by more people than a file.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/render/diff.h"
#include "binnacle/render/runner.h"
#include "internal.h"
#include "table_view.h"

#define CONTEXT_DEFAULT 3
#define CONTEXT_MAX     50
#define SPLIT_LEAST     100 /* cells; below, halves are too narrow to read */
#define NUMBER_CELLS    8
#define MASK            "********"

/* A row of the two halves: a hunk's head, or a line of each text, one of which may be absent. */
struct pair {
	const struct diff_hunk *head;
	const struct diff_line *left, *right;
};

struct diff_view {
	char *title, *verdict, *facts;
	struct strbuf old_text, new_text;
	char *render;      /* name of the template; NULL: given texts */
	struct view *from; /* the list, borrowed; NULL */
	size_t context;
	struct diff diff;
	size_t *hunks; /* lines of the text on which hunks begin */
	size_t hunk_count;
	struct text_view body;
	bool split;         /* side by side */
	struct pair *pairs; /* of the lines of `body`, when split */
	size_t pair_count, pair_cap;
};

static const char *const secret_words[] = { "password", "passwd", "secret", "token", "_key" };

/* Where the value of a secret begins in a line; len when there is none. */
static size_t secret_start(const char *text, size_t len)
{
	char *copy = xstrndup(text, len);
	size_t start = len;

	for (size_t i = 0; i < COUNT_OF(secret_words); i++) {
		const char *found = text_find_nocase(copy, secret_words[i]);
		size_t at;

		if (!found)
			continue;
		at = (size_t)(found - copy);
		while (at < len && !strchr(" \t=:", copy[at]))
			at++;
		while (at < len && strchr(" \t=:\"'", copy[at]))
			at++;
		if (at < start)
			start = at;
	}
	free(copy);
	return start;
}

/* Where colors cannot tell the changed words, brackets do. */
static bool needs_brackets(const struct tui *tui)
{
	return tui->depth == DEPTH_NONE || !tui->grid->utf8;
}

static void add_words(const struct tui *tui, struct rich *out, const struct diff_line *line,
		      size_t len)
{
	bool added = line->kind == DIFF_ADDED, brackets = needs_brackets(tui);
	enum role role = added ? ROLE_DIFF_ADD : ROLE_DIFF_DEL;
	enum role word = added ? ROLE_DIFF_ADD_WORD : ROLE_DIFF_DEL_WORD;
	size_t at = 0;

	for (size_t i = 0; i < line->span_count; i++) {
		const struct diff_span *span = &line->spans[i];

		if (span->end > len)
			break;
		rich_add_bytes(out, role, line->text + at, span->start - at);
		if (brackets)
			rich_add(out, word, added ? "{+" : "[-");
		rich_add_bytes(out, word, line->text + span->start, span->end - span->start);
		if (brackets)
			rich_add(out, word, added ? "+}" : "-]");
		at = span->end;
	}
	rich_add_bytes(out, role, line->text + at, len - at);
}

static void add_number(struct rich *out, size_t number)
{
	if (number > 0)
		rich_addf(out, ROLE_DIFF_NUMBER, "%5zu", number);
	else
		rich_add(out, ROLE_DIFF_NUMBER, "     ");
}

static void add_diff_line(const struct tui *tui, struct rich *out, const struct diff_line *line)
{
	static const char *const markers[] = { "   ", " - ", " + " };
	static const enum role roles[] = { ROLE_DIFF_CONTEXT, ROLE_DIFF_DEL, ROLE_DIFF_ADD };
	size_t shown = secret_start(line->text, line->len);
	bool blank_end = line->len > 0 && strchr(" \t", line->text[line->len - 1]);

	add_number(out, line->old_line);
	add_number(out, line->new_line);
	rich_add(out, roles[line->kind], markers[line->kind]);
	if (line->kind == DIFF_SAME)
		rich_add_bytes(out, ROLE_DIFF_CONTEXT, line->text, shown);
	else
		add_words(tui, out, line, shown);
	if (shown < line->len)
		rich_add(out, ROLE_SECRET, MASK);
	else if (blank_end && line->kind != DIFF_SAME)
		rich_add(out, ROLE_MUTED, "$");
	rich_end_line(out);
	if (line->no_newline)
		rich_line(out, ROLE_MUTED, "             \\ no newline at the end");
}

static void add_head(struct rich *out, const struct diff_hunk *hunk)
{
	rich_addf(out, ROLE_DIFF_HUNK, "@@ -%zu,%zu +%zu,%zu @@ %s", hunk->old_start,
		  hunk->old_count, hunk->new_start, hunk->new_count, hunk->section);
	rich_end_line(out);
}

/* One row of the halves. Its text is what a search looks through. */
static void add_pair(struct diff_view *state, struct pair pair)
{
	struct rich *out = &state->body.text;

	GROW(state->pairs, state->pair_count, state->pair_cap);
	state->pairs[state->pair_count++] = pair;
	if (pair.head) {
		add_head(out, pair.head);
		return;
	}
	if (pair.left)
		rich_add_bytes(out, ROLE_TEXT, pair.left->text,
			       secret_start(pair.left->text, pair.left->len));
	rich_add(out, ROLE_TEXT, " ");
	if (pair.right && pair.right != pair.left)
		rich_add_bytes(out, ROLE_TEXT, pair.right->text,
			       secret_start(pair.right->text, pair.right->len));
	rich_end_line(out);
}

/* Removed lines stand beside the added ones that follow them. */
static void add_split_hunk(struct diff_view *state, const struct diff_hunk *hunk)
{
	add_pair(state, (struct pair){ .head = hunk });
	for (size_t i = 0; i < hunk->count;) {
		size_t removed = i, added, end;

		if (hunk->lines[i].kind == DIFF_SAME) {
			add_pair(state, (struct pair){ .left = &hunk->lines[i],
						       .right = &hunk->lines[i] });
			i++;
			continue;
		}
		while (i < hunk->count && hunk->lines[i].kind == DIFF_REMOVED)
			i++;
		added = i;
		while (i < hunk->count && hunk->lines[i].kind == DIFF_ADDED)
			i++;
		end = i;
		for (size_t k = 0; removed + k < added || added + k < end; k++)
			add_pair(state,
				 (struct pair){ .left = removed + k < added
								? &hunk->lines[removed + k]
								: NULL,
						.right = added + k < end ? &hunk->lines[added + k]
									 : NULL });
	}
}

static void build(struct view *view)
{
	struct diff_view *state = view->state;
	struct rich *out = &state->body.text;

	diff_release(&state->diff);
	diff_compute(&state->diff, state->old_text.buf, state->old_text.len, state->new_text.buf,
		     state->new_text.len, state->context);
	rich_reset(out);
	state->pair_count = 0;
	free(state->hunks);
	state->hunk_count = state->diff.hunk_count;
	state->hunks = xcalloc(state->hunk_count + 1, sizeof(*state->hunks));
	if (state->hunk_count == 0)
		rich_line(out, ROLE_MUTED, "  Nothing differs.");
	for (size_t i = 0; i < state->hunk_count; i++) {
		const struct diff_hunk *hunk = &state->diff.hunks[i];

		state->hunks[i] = out->count;
		if (state->split) {
			add_split_hunk(state, hunk);
			continue;
		}
		add_head(out, hunk);
		for (size_t k = 0; k < hunk->count; k++)
			add_diff_line(view->tui, out, &hunk->lines[k]);
	}
	text_view_clamp(&state->body, view->height);
}

static void set_text(char **field, const char *text)
{
	char *copy = xstrdup(text);

	free(*field);
	*field = copy;
}

/* Take texts and facts of a template from the runner. False: it has no pending text. */
static bool take_render(struct tui *tui, struct diff_view *state, const char *name)
{
	struct render_runner *runner = tui->env->runner;
	const struct strbuf *pending, *live;
	const struct render_status *status;
	char *text;
	size_t index;

	if (!runner || !render_find(runner, name, &index)) {
		tui_message(tui, LOG_LEVEL_WARN, "%s: this console does not render it", name);
		return false;
	}
	pending = render_pending_text(runner, index);
	live = render_live_text(runner, index);
	status = render_status(runner, index);
	if (!pending) {
		tui_message(tui, LOG_LEVEL_WARN, "%s: its text is not known yet", name);
		return false;
	}
	strbuf_reset(&state->old_text);
	strbuf_reset(&state->new_text);
	if (live)
		strbuf_add(&state->old_text, live->buf, live->len);
	strbuf_add(&state->new_text, pending->buf, pending->len);
	text = xasprintf("Renders > %s   written -> pending", status->name);
	set_text(&state->title, text);
	free(text);
	set_text(&state->verdict, status->check == RENDER_CHECK_OK     ? "check ok"
				  : status->check == RENDER_CHECK_FAIL ? "check FAIL"
								       : "not checked");
	text = xasprintf("%s%s%s%s", *status->trigger ? "trigger: " : "", status->trigger,
			 *status->check_message ? "  check: " : "", status->check_message);
	set_text(&state->facts, text);
	free(text);
	return true;
}

static void diff_refresh(struct view *view)
{
	struct diff_view *state = view->state;

	if (!state->render || !take_render(view->tui, state, state->render))
		return;
	build(view);
}

static size_t hunk_at(const struct diff_view *state)
{
	size_t at = 0;

	while (at + 1 < state->hunk_count && state->hunks[at + 1] <= state->body.top)
		at++;
	return at;
}

static void paint_half(const struct tui *tui, struct grid *grid, struct area area,
		       const struct diff_line *line, bool is_old, int skip)
{
	struct rich text = RICH_INIT;
	size_t shown;
	int width;

	if (!line)
		return;
	shown = secret_start(line->text, line->len);
	grid_printf(grid, area.row, area.col, NUMBER_CELLS, ROLE_DIFF_NUMBER, "%5zu",
		    is_old ? line->old_line : line->new_line);
	if (line->kind == DIFF_SAME) {
		rich_add_bytes(&text, ROLE_DIFF_CONTEXT, line->text, shown);
	} else {
		grid_put_text(grid, area.row, area.col + 6, 1, is_old ? "-" : "+",
			      is_old ? ROLE_DIFF_DEL : ROLE_DIFF_ADD);
		add_words(tui, &text, line, shown);
	}
	if (shown < line->len)
		rich_add(&text, ROLE_SECRET, MASK);
	rich_end_line(&text);
	width = area.width - NUMBER_CELLS;
	rich_paint(&text, 0, grid, area.row, area.col + NUMBER_CELLS, width, skip);
	if (rich_width(&text, 0) - skip > width)
		grid_put_glyph(grid, area.row, area.col + area.width - 1, GLYPH_CUT, ROLE_MUTED);
	rich_release(&text);
}

static void paint_split(struct view *view, struct grid *grid, struct area area)
{
	struct diff_view *state = view->state;
	int half = (area.width - 1) / 2;

	text_view_clamp(&state->body, area.height);
	for (int i = 0; i < area.height && state->body.top + (size_t)i < state->pair_count; i++) {
		const struct pair *pair = &state->pairs[state->body.top + (size_t)i];
		struct area left = { area.row + i, area.col, 1, half };
		struct area right = { area.row + i, area.col + half + 1, 1, area.width - half - 1 };

		if (pair->head) {
			rich_paint(&state->body.text, state->body.top + (size_t)i, grid,
				   area.row + i, area.col, area.width, 0);
			continue;
		}
		grid_put_glyph(grid, left.row, area.col + half, GLYPH_BAR, ROLE_FRAME);
		paint_half(view->tui, grid, left, pair->left, true, state->body.left);
		paint_half(view->tui, grid, right, pair->right, false, state->body.left);
	}
}

static void diff_paint(struct view *view, struct grid *grid, struct area area, bool focused)
{
	struct diff_view *state = view->state;
	struct rich title = RICH_INIT;
	enum role role = role_of_word(state->verdict, strlen(state->verdict));

	rich_addf(&title, ROLE_PANE_FOCUS, "%s   ", state->title);
	rich_addf(&title, ROLE_DIFF_ADD, "+%zu", state->diff.added);
	rich_addf(&title, ROLE_DIFF_DEL, " -%zu", state->diff.removed);
	rich_end_line(&title);
	if (text_ends_with(state->verdict, "ok"))
		role = ROLE_STATE_PASS;
	else if (text_ends_with(state->verdict, "FAIL"))
		role = ROLE_STATE_CRIT;
	view_paint_title(grid, area, focused, &title, state->verdict,
			 role == ROLE_NONE ? ROLE_PANE_AGE : role);
	rich_release(&title);
	if (state->hunk_count > 0)
		grid_printf(grid, area.row + 1, area.col + 2, area.width - 4, ROLE_MUTED,
			    "hunk %zu of %zu   context %zu   %s", hunk_at(state) + 1,
			    state->hunk_count, state->context, state->facts);
	area.row += 2;
	area.height -= 2;
	view->height = area.height;
	view->width = area.width;
	if (state->split && area.width < SPLIT_LEAST) { /* the window has shrunk */
		state->split = false;
		build(view);
	}
	if (state->split && state->pair_count > 0)
		paint_split(view, grid, area);
	else
		text_view_paint(&state->body, grid, area);
}

static void toggle_split(struct view *view)
{
	struct diff_view *state = view->state;
	size_t hunk = state->hunk_count > 0 ? hunk_at(state) : 0;

	if (!state->split && view->width < SPLIT_LEAST) {
		tui_message(view->tui, LOG_LEVEL_INFO, "side by side needs %d columns",
			    SPLIT_LEAST);
		return;
	}
	state->split = !state->split;
	state->body.left = 0;
	build(view);
	if (hunk < state->hunk_count)
		state->body.top = state->hunks[hunk];
	text_view_clamp(&state->body, view->height);
}

static void step_hunk(struct view *view, int step)
{
	struct diff_view *state = view->state;
	size_t at = hunk_at(state);

	if (state->hunk_count == 0)
		return;
	if (step > 0 && at + 1 < state->hunk_count)
		at++;
	else if (step < 0 && state->hunks[at] >= state->body.top && at > 0)
		at--;
	state->body.top = state->hunks[at];
	text_view_clamp(&state->body, view->height);
}

static void step_file(struct view *view, enum verb verb)
{
	struct diff_view *state = view->state;
	const void *row;

	if (!state->from || !view_is_table(state->from))
		return;
	state->from->kind->act(state->from, verb, "");
	row = table_view_row(table_view_state(state->from));
	if (!row || !take_render(view->tui, state, row_id(row)))
		return;
	set_text(&state->render, row_id(row));
	state->body.top = 0;
	build(view);
}

static bool diff_act(struct view *view, enum verb verb, const char *args)
{
	struct diff_view *state = view->state;

	switch (verb) {
	case VERB_NEXT_PART:
		step_hunk(view, 1);
		return true;
	case VERB_PREVIOUS_PART:
		step_hunk(view, -1);
		return true;
	case VERB_NEXT_ITEM:
		step_file(view, VERB_DOWN);
		return true;
	case VERB_PREVIOUS_ITEM:
		step_file(view, VERB_UP);
		return true;
	case VERB_SPLIT:
		toggle_split(view);
		return true;
	case VERB_MORE_CONTEXT:
		state->context += state->context < CONTEXT_MAX;
		build(view);
		return true;
	case VERB_LESS_CONTEXT:
		state->context -= state->context > 0;
		build(view);
		return true;
	default:
		return text_view_act(view, &state->body, verb, args);
	}
}

static bool diff_selection(const struct view *view, struct selection *out)
{
	const struct diff_view *state = view->state;

	if (!state->render)
		return false;
	out->table = MODEL_RENDERS;
	selection_add(out, state->render);
	return true;
}

static bool diff_back(struct view *view)
{
	return text_view_back(&((struct diff_view *)view->state)->body);
}

static void diff_position(const struct view *view, struct strbuf *out)
{
	const struct diff_view *state = view->state;

	text_view_position(&state->body, view->height, out);
}

static bool diff_text(const struct view *view, struct strbuf *out)
{
	text_view_text(&((const struct diff_view *)view->state)->body, out);
	return true;
}

static void diff_close(struct view *view)
{
	struct diff_view *state = view->state;

	free(state->title);
	free(state->verdict);
	free(state->facts);
	free(state->render);
	free(state->hunks);
	free(state->pairs);
	strbuf_release(&state->old_text);
	strbuf_release(&state->new_text);
	diff_release(&state->diff);
	text_view_release(&state->body);
}

static const struct view_kind diff_kind = {
	.name = "Diff",
	.state_size = sizeof(struct diff_view),
	.watches = MODEL_BIT(MODEL_RENDERS),
	.refresh = diff_refresh,
	.paint = diff_paint,
	.act = diff_act,
	.selection = diff_selection,
	.back = diff_back,
	.position = diff_position,
	.text = diff_text,
	.close = diff_close,
};

static struct view *diff_view_empty(struct tui *tui)
{
	struct view *view = view_new(tui, &diff_kind, "diff text");
	struct diff_view *state = view->state;

	strbuf_init(&state->old_text);
	strbuf_init(&state->new_text);
	strbuf_init(&state->body.text.bytes);
	state->context = CONTEXT_DEFAULT;
	return view;
}

struct view *diff_view_new(struct tui *tui, const struct tui_diff *diff)
{
	struct view *view = diff_view_empty(tui);
	struct diff_view *state = view->state;

	state->title = xstrdup(diff->title);
	state->verdict = xstrdup(diff->verdict);
	state->facts = xstrdup(diff->facts);
	strbuf_add(&state->old_text, diff->old_text, diff->old_len);
	strbuf_add(&state->new_text, diff->new_text, diff->new_len);
	build(view);
	return view;
}

struct view *diff_view_of_render(struct tui *tui, const char *name, struct view *list)
{
	struct view *view = diff_view_empty(tui);
	struct diff_view *state = view->state;

	if (!take_render(tui, state, name)) {
		view_free(view);
		return NULL;
	}
	state->render = xstrdup(name);
	state->from = list && view_is_table(list) ? list : NULL;
	build(view);
	return view;
}

/* Pending, the file, then the kept ones: the later of two. */
static int64_t newness(const struct generation_row *row)
{
	return row->number                      ? row->number
	       : strcmp(row->name, "live") == 0 ? INT64_MAX - 1
						: INT64_MAX;
}

static const struct generation_row *newest_kept(const struct snapshot *all, const char *template)
{
	const struct generation_row *newest = NULL;

	for (size_t i = 0; i < all->count; i++) {
		const struct generation_row *row = snapshot_row(all, i);

		if (row->number && strcmp(row->template, template) == 0 &&
		    (!newest || row->number > newest->number))
			newest = row;
	}
	return newest;
}

/* False after saying why: they must be two texts of one template. */
static bool choose_generations(struct tui *tui, const struct selection *selection,
			       const struct generation_row **old_row,
			       const struct generation_row **new_row)
{
	const struct snapshot *all = model_current(tui->model, MODEL_GENERATIONS);
	const struct generation_row *one = snapshot_find(all, selection->ids[0]), *other = NULL;

	if (selection->count > 2) {
		tui_message(tui, LOG_LEVEL_WARN, "diff: mark two, not %zu", selection->count);
		return false;
	}
	if (selection->count == 2) {
		other = snapshot_find(all, selection->ids[1]);
	} else if (one && strcmp(one->name, "live") == 0) {
		other = newest_kept(all, one->template);
	} else if (one) {
		char *id = xasprintf("%s:live", one->template);

		other = snapshot_find(all, id);
		free(id);
	}
	if (!one || !other) {
		tui_message(tui, LOG_LEVEL_WARN, "diff: there is nothing to compare it with");
		return false;
	}
	if (strcmp(one->template, other->template) != 0) {
		tui_message(tui, LOG_LEVEL_WARN, "diff: these belong to two templates");
		return false;
	}
	*old_row = newness(one) < newness(other) ? one : other;
	*new_row = *old_row == one ? other : one;
	return true;
}

struct view *diff_view_of_generations(struct tui *tui, const struct selection *selection)
{
	struct render_runner *runner = tui->env->runner;
	struct strbuf old_text = STRBUF_INIT, new_text = STRBUF_INIT;
	const struct generation_row *old_row, *new_row;
	struct view *view = NULL;
	struct err err;
	char *title;
	size_t index;

	if (!choose_generations(tui, selection, &old_row, &new_row))
		return NULL;
	if (!runner || !render_find(runner, old_row->template, &index)) {
		tui_message(tui, LOG_LEVEL_WARN, "%s: this console does not render it",
			    old_row->template);
		return NULL;
	}
	if (render_text_named(runner, index, old_row->name, &old_text, &err) &&
	    render_text_named(runner, index, new_row->name, &new_text, &err)) {
		title = xasprintf("Renders > %s   %s -> %s", old_row->template, old_row->name,
				  new_row->name);
		view = diff_view_new(tui, &(struct tui_diff){ .title = title,
							      .verdict = "",
							      .facts = "",
							      .old_text = old_text.buf,
							      .old_len = old_text.len,
							      .new_text = new_text.buf,
							      .new_len = new_text.len });
		free(title);
	} else {
		tui_message(tui, LOG_LEVEL_WARN, "%s", err.msg);
	}
	strbuf_release(&old_text);
	strbuf_release(&new_text);
	return view;
}

void diff_view_fill(struct rich *out, const char *text, size_t len)
{
	while (len > 0) {
		const char *end = memchr(text, '\n', len);
		size_t line = end ? (size_t)(end - text) : len;
		size_t shown = secret_start(text, line);
		enum role role = ROLE_DIFF_CONTEXT;

		if (line >= 2 && text[0] == '@')
			role = ROLE_DIFF_HUNK;
		else if (line > 0 && text[0] == '+')
			role = ROLE_DIFF_ADD;
		else if (line > 0 && text[0] == '-')
			role = ROLE_DIFF_DEL;
		rich_add_bytes(out, role, text, shown);
		if (shown < line)
			rich_add(out, ROLE_SECRET, MASK);
		rich_end_line(out);
		line += end != NULL;
		text += line;
		len -= line;
	}
}
