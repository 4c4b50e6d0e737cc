/*
 * The first row, the key hints, and the notice of a screen that is too small. Items of the bar
 * have a priority; when the space runs out, those with the highest number go first.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "internal.h"
#include "table_view.h"

#define ITEMS_MAX  16
#define WIDE_CELLS 140 /* from here on there is room for details */

struct item {
	int priority;
	enum role role;
	struct strbuf text;
	bool at_right;
};

struct bar {
	struct item items[ITEMS_MAX];
	size_t count;
};

PRINTF_LIKE(4, 5)
static void add_item(struct bar *bar, int priority, enum role role, const char *fmt, ...)
{
	struct item *item;
	va_list args;

	if (bar->count == ITEMS_MAX)
		return;
	item = &bar->items[bar->count++];
	*item = (struct item){ .priority = priority, .role = role, .text = STRBUF_INIT };
	va_start(args, fmt);
	strbuf_vaddf(&item->text, fmt, args);
	va_end(args);
}

static void add_mode(struct bar *bar, const struct tui *tui)
{
	const struct model_facts *facts = model_facts(tui->model);
	enum engine_mode render = facts->render_mode, both = facts->register_mode;

	if (facts->read_only || tui->env->read_only)
		add_item(bar, 1, ROLE_BAR_MODE_READONLY, "[READ-ONLY]");
	if (render == both && both == MODE_AUTO)
		add_item(bar, 1, facts->auto_failing ? ROLE_BAR_ERROR : ROLE_BAR_MODE_AUTO,
			 facts->auto_failing ? "[AUTO!]" : "[AUTO]");
	else if (render == both && both == MODE_HOLD)
		add_item(bar, 1, ROLE_BAR_MODE_HOLD, "[HOLD]");
	else if (render == both)
		add_item(bar, 2, ROLE_BAR, "[OFF]");
	else
		add_item(bar, 1,
			 render == MODE_HOLD || both == MODE_HOLD ? ROLE_BAR_MODE_HOLD
								  : ROLE_BAR_MODE_AUTO,
			 "[render %s, register %s]", engine_mode_name(render),
			 engine_mode_name(both));
}

static const char *health_word(enum source_health health)
{
	switch (health) {
	case SOURCE_STALE:
		return "STALE";
	case SOURCE_DOWN:
		return "DOWN";
	case SOURCE_DENIED:
		return "DENIED";
	case SOURCE_LOADING:
		return "loading";
	default:
		return "ok";
	}
}

static void add_source(struct bar *bar, const struct tui *tui, enum model_source source)
{
	const struct source_status *status = model_source(tui->model, source);
	const char *name = model_source_name(source);
	bool bad = status->health >= SOURCE_STALE;
	char age[TEXT_AGE_BYTES] = "";

	if (status->health == SOURCE_OFF)
		return;
	if (!bad) {
		char took[24] = "";

		if (tui->grid->width >= WIDE_CELLS && status->took_ms >= 0 &&
		    status->health == SOURCE_OK)
			snprintf(took, sizeof(took), " %dms", (int)status->took_ms);
		add_item(bar, source == SOURCE_NGINX ? 5 : 3,
			 status->health == SOURCE_OK ? ROLE_BAR_OK : ROLE_BAR, "%s %s%s%s%s", name,
			 status->detail, *status->detail ? " " : "", health_word(status->health),
			 took);
		return;
	}
	if (status->alive_mono_ms > 0)
		tui_ladder(tui_source_age(status), age);
	add_item(bar, 1, status->health == SOURCE_STALE ? ROLE_BAR_WARN : ROLE_BAR_ERROR,
		 "%s %s%s%s%s%s", name, status->detail, *status->detail ? " " : "",
		 health_word(status->health), *age ? " " : "", age);
}

static void add_sources(struct bar *bar, const struct tui *tui)
{
	int bad = 0;

	for (int i = 0; i < SOURCE_COUNT; i++)
		bad += model_source(tui->model, (enum model_source)i)->health >= SOURCE_STALE;
	if (bad > 2 && tui->grid->width < 120)
		add_item(bar, 1, ROLE_BAR_ERROR, "%d backends DOWN", bad);
	for (int i = 0; i < SOURCE_COUNT; i++)
		if (bad <= 2 || tui->grid->width >= 120 ||
		    model_source(tui->model, (enum model_source)i)->health < SOURCE_STALE)
			add_source(bar, tui, (enum model_source)i);
}

/* When the last answer came: not a running clock, which would cost bytes for nothing. */
static void add_clock(struct bar *bar, const struct tui *tui)
{
	int64_t last = 0;
	char text[CLOCK_TEXT_BYTES];

	for (int i = 0; i < SOURCE_COUNT; i++) {
		int64_t alive = model_source(tui->model, (enum model_source)i)->alive_mono_ms;

		if (alive > last)
			last = alive;
	}
	if (last == 0)
		return;
	clock_local_hms(clock_wall_ms() - (clock_mono_ms() - last), text);
	add_item(bar, 3, ROLE_BAR, "%.*s", tui->grid->width >= 120 ? 8 : 5, text);
	bar->items[bar->count - 1].at_right = true;
}

static size_t jobs_running(const struct tui *tui)
{
	const struct snapshot *jobs = model_current(tui->model, MODEL_JOBS);
	size_t count = 0;

	for (size_t i = 0; i < jobs->count; i++)
		count += ((const struct job_row *)snapshot_row(jobs, i))->state == STATE_RUNNING;
	return count;
}

static void fill_bar(struct bar *bar, const struct tui *tui)
{
	const struct model_facts *facts = model_facts(tui->model);
	size_t running = jobs_running(tui);

	if (tui->grid->width >= 100)
		add_item(bar, 6, ROLE_BAR, "binnacle");
	add_item(bar, 2, facts->production ? ROLE_BAR_PRODUCTION : ROLE_BAR, "%s%s",
		 *facts->datacenter ? facts->datacenter : "dc ?", facts->production ? " PROD" : "");
	if (*facts->leader)
		add_item(bar, 2, ROLE_BAR, "leader %s", facts->leader);
	else if (model_source(tui->model, SOURCE_CONSUL)->health >= SOURCE_OK)
		add_item(bar, 1, ROLE_BAR_ERROR, "NO LEADER");
	add_mode(bar, tui);
	add_sources(bar, tui);
	if (running > 0)
		add_item(bar, 4, ROLE_STATE_RUNNING, "jobs %zu running", running);
	if (tui->grid->width >= WIDE_CELLS) {
		add_item(bar, 6, ROLE_BAR, "%s", theme_name(tui->theme));
		bar->items[bar->count - 1].at_right = true;
	}
	add_clock(bar, tui);
}

static int item_width(const struct item *item)
{
	return text_width(item->text.buf, item->text.len);
}

static int bar_width(const struct bar *bar, int gap)
{
	int width = 2 - gap;

	for (size_t i = 0; i < bar->count; i++)
		width += item_width(&bar->items[i]) + gap;
	return width;
}

/* The last of those that matter least; false: what is left must stay. */
static bool drop_item(struct bar *bar)
{
	size_t least = 0;

	for (size_t i = 1; i < bar->count; i++)
		if (bar->items[i].priority >= bar->items[least].priority)
			least = i;
	if (bar->count == 0 || bar->items[least].priority <= 1)
		return false;
	strbuf_release(&bar->items[least].text);
	memmove(&bar->items[least], &bar->items[least + 1],
		(bar->count - least - 1) * sizeof(bar->items[0]));
	bar->count--;
	return true;
}

void status_bar_paint(struct tui *tui, int row)
{
	struct bar bar = { .count = 0 };
	int width = tui->grid->width, col = 1, gap = width >= WIDE_CELLS ? 3 : 2;
	int right = width - 1;

	fill_bar(&bar, tui);
	while (bar_width(&bar, gap) > width && drop_item(&bar))
		;
	grid_fill(tui->grid, (struct area){ row, 0, 1, width }, ROLE_BAR);
	/* From the right end backwards what belongs there, the rest from the left. */
	for (size_t i = bar.count; i-- > 0;) {
		struct item *item = &bar.items[i];

		if (!item->at_right)
			continue;
		right -= item_width(item);
		grid_put_text(tui->grid, row, right, item_width(item), item->text.buf, item->role);
		right -= gap;
	}
	for (size_t i = 0; i < bar.count; i++) {
		struct item *item = &bar.items[i];

		if (!item->at_right && col < right)
			col += gap + grid_put_text(tui->grid, row, col, right - col + gap,
						   item->text.buf, item->role);
		strbuf_release(&item->text);
	}
}

/* A command that has nothing to work on is not offered. */
static bool is_worth_a_hint(const struct tui *tui, const struct key_binding *binding)
{
	const char *why;

	return binding->hint && (binding->group != GROUP_ACT || tui_may_act(tui, &why));
}

/* "Enter open": cells of a hint, or after painting it. */
static int hint_cells(const struct key_binding *binding)
{
	return (int)strcspn(binding->key, " ") + 1 + (int)strlen(binding->hint);
}

static void paint_hint(struct grid *grid, int row, int col, const struct key_binding *binding)
{
	int key = (int)strcspn(binding->key, " ");

	grid_put_bytes(grid, row, col, key, 0, binding->key, (size_t)key, ROLE_HINT_KEY);
	grid_put_text(grid, row, col + key + 1, (int)strlen(binding->hint), binding->hint,
		      ROLE_HINT);
}

/* The way to the help and the way out are always there; they stand at the right. */
static bool is_way_out(const struct key_binding *binding)
{
	return strcmp(binding->command, "help") == 0 || strcmp(binding->command, "close") == 0;
}

void hints_paint(struct tui *tui, int row)
{
	struct view *view = tui_view(tui);
	struct strbuf position = STRBUF_INIT;
	struct grid *grid = tui->grid;
	const struct key_binding *binding;
	int col = 1, end;

	if (view->kind->position)
		view->kind->position(view, &position);
	end = grid->width - 1 - (int)position.len;
	grid_put_text(grid, row, end, (int)position.len, position.buf, ROLE_HINT);
	for (size_t index = 0; keymap_next(tui->keymap, view->places, &index, &binding);) {
		if (!binding->hint || !is_way_out(binding))
			continue;
		end -= hint_cells(binding) + 2;
		paint_hint(grid, row, end, binding);
	}
	for (size_t index = 0; keymap_next(tui->keymap, view->places, &index, &binding);) {
		if (is_way_out(binding) || !is_worth_a_hint(tui, binding))
			continue;
		if (col + hint_cells(binding) + 1 >= end)
			continue; /* a shorter one may still fit */
		paint_hint(grid, row, col, binding);
		col += hint_cells(binding) + 2;
	}
	strbuf_release(&position);
}

void size_notice_paint(struct tui *tui)
{
	struct grid *grid = tui->grid;
	int row = 1, width = grid->width - 1;
	struct rich counts = RICH_INIT;
	int col = 1;

	if (grid->width < 20 || grid->height < 3) {
		grid_put_text(grid, 0, 0, grid->width, "too small", ROLE_TEXT);
		return;
	}
	grid_printf(grid, row, 1, width, ROLE_STRONG, "binnacle needs %d x %d. This is %d x %d.",
		    LAYOUT_MIN_WIDTH, LAYOUT_MIN_HEIGHT, grid->width, grid->height);
	for (int i = 0; i < SOURCE_COUNT && row + 2 < grid->height; i++) {
		const struct source_status *status = model_source(tui->model, (enum model_source)i);
		enum role role = status->health == SOURCE_OK      ? ROLE_BAR_OK
				 : status->health == SOURCE_STALE ? ROLE_BAR_WARN
				 : status->health > SOURCE_STALE  ? ROLE_BAR_ERROR
								  : ROLE_TEXT;

		if (status->health != SOURCE_OFF)
			col += 3 + grid_printf(grid, row + 2, col, width - col, role, "%s %s",
					       model_source_name((enum model_source)i),
					       health_word(status->health));
	}
	for (int i = 0; i < PANE_COUNT && row + 3 < grid->height; i++) {
		struct table_view *list = table_view_state(tui->panes[i]);
		/* The first number is the total; what follows wants attention. */
		const char *more = strstr(table_view_summary(list), "  ");

		if (more) {
			rich_addf(&counts, ROLE_TEXT, "%s ", list->table->name);
			rich_add_states(&counts, ROLE_TEXT, more + 2);
			rich_add(&counts, ROLE_TEXT, "   ");
		}
	}
	rich_end_line(&counts);
	if (row + 3 < grid->height)
		rich_paint(&counts, 0, grid, row + 3, 1, width, 0);
	if (row + 5 < grid->height)
		grid_put_text(grid, row + 5, 1, width, "Enlarge the window, or q to quit.",
			      ROLE_TEXT);
	if (row + 6 < grid->height)
		grid_put_text(grid, row + 6, 1, width, "No action can be started at this size.",
			      ROLE_TEXT);
	rich_release(&counts);
}
