/*
 * The console: what comes in (keys, pastes, changes of the model, signals), and the frame that
 * goes out. A frame is painted in the loop's hook before it sleeps, so that however many
 * watches fire in a turn, there is one frame; and not more often than the eye and the line need.
 */
#include "binnacle/tui/tui.h"

#include <assert.h>
#include <ctype.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/present/table.h"
#include "internal.h"
#include "table_view.h"

#define KEY_FRAME_MS        50  /* at most 20 frames a second while keys come */
#define DATA_FRAME_MS       250 /* and 4 for data */
#define BLOCKED_RETRY_MS    50
#define TICK_MS             1000
#define RESIZE_MS           30
#define SECOND_CTRL_C_MS    2000
#define PASTE_BURST_KEYS    8
#define PASTE_BURST_MS      10
#define LIVE_WITHOUT_AGE_MS 10000

static const char *const pane_places[PANE_COUNT] = { "members list", "services list", "events list",
						     "renders list", "endpoints list" };
static const enum model_table pane_tables[PANE_COUNT] = { MODEL_MEMBERS, MODEL_SERVICES,
							  MODEL_EVENTS, MODEL_RENDERS,
							  MODEL_ENDPOINTS };

void tui_touch(struct tui *tui)
{
	tui->dirty = true;
	tui->dirty_by_key = true;
}

void tui_message(struct tui *tui, int level, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	message_line_set(&tui->messages, level, text.buf);
	if (level >= LOG_LEVEL_ERROR)
		log_error("console", "%s", text.buf);
	if (level >= LOG_LEVEL_ERROR && tui->bell && tui->term)
		term_bell(tui->term);
	strbuf_release(&text);
	tui_touch(tui);
}

struct view *tui_view(const struct tui *tui)
{
	return tui->stack.len > 0 ? tui->stack.items[tui->stack.len - 1] : tui->panes[tui->focus];
}

void tui_push(struct tui *tui, struct view *view)
{
	GROW(tui->stack.items, tui->stack.len, tui->stack.cap);
	tui->stack.items[tui->stack.len++] = view;
	tui_touch(tui);
}

void tui_pop(struct tui *tui)
{
	if (tui->stack.len > 0)
		view_free(tui->stack.items[--tui->stack.len]);
	tui_touch(tui);
}

void tui_quit(struct tui *tui)
{
	tui->quitting = true;
	loop_stop(tui->loop);
}

size_t tui_running(const struct tui *tui)
{
	size_t count = 0;

	for (size_t i = 0; i < tui->calls.len; i++)
		count += tui->calls.items[i]->call->job != NULL;
	return count;
}

bool tui_may_act(const struct tui *tui, const char **why)
{
	*why = "";
	if (tui->env->read_only || model_facts(tui->model)->read_only)
		*why = "this console is read-only";
	else if (tui->too_small)
		*why = "the screen is too small for a question";
	return !**why;
}

int64_t tui_source_age(const struct source_status *status)
{
	return clock_mono_ms() - status->alive_mono_ms;
}

const char *tui_ladder(int64_t age_ms, char *out)
{
	if (age_ms >= 10000 && age_ms < 60000)
		age_ms -= age_ms % 10000;
	return text_age(age_ms, out);
}

/*
 * A pane that lives says so without a number for the first ten seconds: the ages of five panes
 * ticking each second would send more bytes than all the news of a quiet cluster.
 */
const char *tui_age_label(const struct tui *tui, enum model_source source, char *out,
			  enum role *role)
{
	static const char *const words[] = { "off", "loading", "live", "STALE", "DOWN", "DENIED" };
	static const enum role roles[] = { ROLE_MUTED,    ROLE_PANE_AGE,  ROLE_PANE_AGE,
					   ROLE_BAR_WARN, ROLE_BAR_ERROR, ROLE_BAR_ERROR };
	const struct source_status *status;
	char age[TEXT_AGE_BYTES];
	bool with_age;

	*out = '\0';
	*role = ROLE_PANE_AGE;
	if (source == SOURCE_COUNT)
		return out;
	status = model_source(tui->model, source);
	/* Templates need no nginx: without one they are as old as the data they are made of. */
	if (source == SOURCE_NGINX && status->health == SOURCE_OFF)
		status = model_source(tui->model, SOURCE_CONSUL);
	*role = roles[status->health];
	with_age = status->health >= SOURCE_OK && status->alive_mono_ms > 0 &&
		   (status->health != SOURCE_OK || tui_source_age(status) >= LIVE_WITHOUT_AGE_MS);
	snprintf(out, AGE_LABEL_BYTES, "%s%s%s", words[status->health], with_age ? " " : "",
		 with_age ? tui_ladder(tui_source_age(status), age) : "");
	return out;
}

/* All that ticks by itself, as text: when it reads the same, there is nothing to paint. */
static void ages_signature(const struct tui *tui, struct strbuf *out)
{
	char label[AGE_LABEL_BYTES], clock[CLOCK_TEXT_BYTES];
	int64_t last = 0;
	enum role role;

	for (int i = 0; i < SOURCE_COUNT; i++) {
		const struct source_status *status = model_source(tui->model, (enum model_source)i);

		strbuf_addf(out, "%s|", tui_age_label(tui, (enum model_source)i, label, &role));
		if (status->alive_mono_ms > last)
			last = status->alive_mono_ms;
	}
	clock_local_hms(clock_wall_ms() - (clock_mono_ms() - last), clock);
	strbuf_addf(out, "%.*s", tui->grid->width >= 120 ? 8 : 5, clock);
}

void tui_copy(struct tui *tui, const char *what, const char *bytes, size_t len)
{
	struct err err = { 0 };

	if (!tui->term)
		err_set(&err, ERR_REFUSED, "there is no terminal to copy to");
	if (tui->term && term_copy(tui->term, bytes, len, &err))
		tui_message(tui, LOG_LEVEL_INFO, "sent %s, %zu bytes, to the terminal's clipboard",
			    what, len);
	else
		tui_message(tui, LOG_LEVEL_WARN, "%s", err.msg);
}

void tui_open_row(struct tui *tui, const struct table *table, const char *id, struct view *list)
{
	tui_push(tui, detail_view_new(tui, table, id, list));
}

void tui_open_diff(struct tui *tui, const struct tui_diff *diff)
{
	tui_push(tui, diff_view_new(tui, diff));
}

static bool works_when_small(const struct key_binding *binding)
{
	static const char *const commands[] = { "close", "quit", "redraw", "suspend" };

	for (size_t i = 0; i < COUNT_OF(commands); i++)
		if (strcmp(binding->command, commands[i]) == 0)
			return true;
	return false;
}

static void key_to_view(struct tui *tui, key_code key)
{
	const struct key_binding *binding = keymap_find(tui->keymap, tui_view(tui)->places, key);
	char name[KEY_NAME_BYTES];

	if (clock_mono_ms() < tui->planning_until_ms && key != KEY_CODE_ESC)
		return;
	if (!binding)
		tui_message(tui, LOG_LEVEL_INFO, "no action for %s here, ? lists keys",
			    key_label(key, name));
	else if (!tui->too_small || works_when_small(binding))
		tui_run_on_selection(tui, binding->command);
}

static void handle_key(struct tui *tui, key_code key)
{
	message_line_key(&tui->messages);
	tui_touch(tui);
	if (key == KEY_CTRL('z'))
		tui_suspend(tui);
	else if (key == KEY_CTRL('l'))
		tui_act(tui, VERB_REDRAW, "");
	else if (tui->dialog)
		dialog_key(tui, key);
	else if (tui->prompt && !tui->too_small)
		prompt_key(tui, key);
	else
		key_to_view(tui, key);
}

/* Ctrl-C cancels an input, a dialog or what is being fetched; it never kills a job. */
static void interrupt(struct tui *tui)
{
	int64_t now = clock_mono_ms();
	bool fetching = false;

	tui_touch(tui);
	if (tui->dialog) {
		dialog_cancel(tui);
		return;
	}
	if (tui->prompt) {
		prompt_key(tui, KEY_CTRL('c'));
		return;
	}
	for (size_t i = 0; i < tui->calls.len; i++) {
		if (tui->calls.items[i]->call->job)
			continue;
		fetching = true;
		command_cancel(tui->calls.items[i]->call);
	}
	if (fetching)
		return;
	if (tui->interrupted_ms && now - tui->interrupted_ms < SECOND_CTRL_C_MS)
		tui_act(tui, VERB_QUIT, "");
	else
		tui_message(tui, LOG_LEVEL_INFO, "press q to quit");
	tui->interrupted_ms = now;
}

/* Without bracketed paste a paste is a burst of keys that nobody can type. What goes into a prompt
 * is text, and does not count for what follows it. */
static bool is_burst(struct tui *tui, const key_code *keys, size_t count)
{
	int64_t now = clock_mono_ms();

	if (now - tui->key_ms > PASTE_BURST_MS || tui->prompt)
		tui->burst = 0;
	tui->key_ms = now;
	if (tui->prompt)
		return false;
	for (size_t i = 0; i < count; i++)
		tui->burst += key_is_text(keys[i]);
	return tui->burst > PASTE_BURST_KEYS;
}

static void on_keys(void *arg, const key_code *keys, size_t count)
{
	struct tui *tui = arg;

	if (is_burst(tui, keys, count)) {
		tui_message(tui, LOG_LEVEL_WARN, "paste ignored: %zu keys", count);
		return;
	}
	for (size_t i = 0; i < count && !tui->quitting; i++) {
		if (keys[i] == KEY_CTRL('c'))
			interrupt(tui);
		else
			handle_key(tui, keys[i]);
	}
}

static void on_paste(void *arg, const char *bytes, size_t len)
{
	struct tui *tui = arg;

	if (tui->dialog)
		dialog_paste(tui, len);
	else if (tui->prompt)
		prompt_paste(tui, bytes, len);
	else
		tui_message(tui, LOG_LEVEL_WARN, "paste ignored: %zu bytes", len);
	tui_touch(tui);
}

static void on_gone(void *arg)
{
	tui_quit(arg);
}

/* What libraries write to standard error would spoil the screen: it belongs into the log. */
static void on_stderr(void *arg, int fd, unsigned events)
{
	struct tui *tui = arg;
	char buf[4096];
	ssize_t n = read(fd, buf, sizeof(buf) - 1);

	(void)events;
	if (n <= 0)
		return;
	term_captured(tui->term, buf, (size_t)n);
	buf[n] = '\0';
	for (char *line = buf; *line;) {
		size_t len = strcspn(line, "\n");

		if (len > 0)
			log_warn("stderr", "%.*s", (int)len, line);
		line += len + (line[len] == '\n');
	}
	tui->dirty = true;
}

static const struct term_sink sink = { on_keys, on_paste, on_gone };

static void on_input(void *arg, int fd, unsigned events)
{
	struct tui *tui = arg;

	(void)fd;
	(void)events;
	term_read(tui->term, &sink, tui);
}

static void refresh_views(struct tui *tui)
{
	unsigned changed = tui->changed;

	tui->changed = 0;
	for (int i = 0; i < PANE_COUNT; i++)
		tui->panes[i]->kind->refresh(tui->panes[i]);
	for (size_t i = 0; i < tui->stack.len; i++) {
		struct view *view = tui->stack.items[i];

		if (view->kind->refresh && view->kind->watches & changed)
			view->kind->refresh(view);
	}
}

static void paint_panes(struct tui *tui)
{
	struct layout *layout = &tui->layout;

	for (int i = 0; i < PANE_COUNT; i++) {
		struct pane_place *place = &layout->panes[i];
		struct view *view = tui->panes[i];

		if (place->area.height <= 0)
			continue;
		grid_clip(tui->grid, place->area);
		if (place->brief)
			table_view_paint_brief(view, tui->grid, place->area);
		else
			view->kind->paint(view, tui->grid, place->area, i == tui->focus);
		grid_unclip(tui->grid);
	}
	for (int i = 0; i < layout->rule_count; i++)
		for (int row = 0; row < layout->body.height; row++)
			grid_put_glyph(tui->grid, layout->body.row + row, layout->rules[i],
				       GLYPH_BAR, ROLE_FRAME);
	if (layout->preview.height > 0)
		preview_paint(tui, layout->preview);
}

static void compute_layout(struct tui *tui)
{
	struct layout_input input = {
		.width = tui->grid->width,
		.height = tui->grid->height,
		.no_hints = tui->no_hints && !tui->prompt,
		.columns = tui->columns,
		.grow = tui->zoomed ? GROW_FULL : tui->grow,
		.preview = tui->preview,
		.focus = tui->focus,
	};

	layout_compute(&tui->layout, &input);
}

static void paint_console(struct tui *tui)
{
	struct grid *grid = tui->grid;
	bool hints = !tui->no_hints || tui->prompt;
	int message_row = grid->height - (hints ? 2 : 1);

	compute_layout(tui);
	status_bar_paint(tui, 0);
	if (tui->stack.len > 0) {
		struct view *view = tui_view(tui);

		view->kind->paint(view, grid, tui->layout.body, true);
	} else {
		paint_panes(tui);
	}
	message_line_paint(tui, message_row);
	if (tui->prompt)
		prompt_paint(tui);
	else if (hints)
		hints_paint(tui, grid->height - 1);
}

static void paint_grid(struct tui *tui)
{
	grid_clear(tui->grid);
	tui->too_small = layout_too_small(tui->grid->width, tui->grid->height);
	if (tui->too_small) {
		if (tui->dialog) {
			tui_message(tui, LOG_LEVEL_WARN,
				    "the question was cancelled: the screen became too small");
			dialog_cancel(tui);
		}
		size_notice_paint(tui);
		return;
	}
	paint_console(tui);
	if (tui->dialog && !dialog_paint(tui)) {
		grid_clear(tui->grid);
		paint_console(tui);
	}
}

static void paint(struct tui *tui)
{
	struct strbuf ages = STRBUF_INIT;

	refresh_views(tui);
	paint_grid(tui);
	tui->dirty = tui->dirty_by_key = false;
	tui->frame_ms = clock_mono_ms();
	ages_signature(tui, &ages);
	free(tui->ages);
	tui->ages = strbuf_detach(&ages, NULL);
	if (tui->term)
		term_paint(tui->term, tui->grid, tui->theme);
	if (tui->dialog && !tui->dialog->shown) {
		/* Nothing that was typed before the question stood there may answer it. */
		if (tui->term && tui->dialog->guarded)
			term_flush_input(tui->term);
		tui->dialog->shown = true;
		tui->dialog->shown_ms = clock_mono_ms();
	}
}

static void on_frame_timer(void *arg)
{
	struct tui *tui = arg;

	tui->frame_timer = NULL;
}

static void wait_for_frame(struct tui *tui, int64_t delay_ms)
{
	loop_timer_stop(&tui->frame_timer);
	tui->frame_timer = loop_timer_start(tui->loop, delay_ms, on_frame_timer, tui);
}

static void before_sleep(void *arg)
{
	struct tui *tui = arg;
	int64_t least, passed;

	if (tui->changed)
		tui->dirty = true;
	if (!tui->dirty || !tui->term || tui->quitting || tui->pager)
		return;
	least = tui->dirty_by_key ? KEY_FRAME_MS : DATA_FRAME_MS;
	passed = clock_mono_ms() - tui->frame_ms;
	if (passed < least)
		wait_for_frame(tui, least - passed);
	else if (!term_can_paint(tui->term))
		wait_for_frame(tui, BLOCKED_RETRY_MS);
	else
		paint(tui);
}

static void on_preview_timer(void *arg)
{
	struct tui *tui = arg;

	tui->preview_timer = NULL;
	tui->dirty = true;
}

void tui_paint_later(struct tui *tui, int64_t delay_ms)
{
	loop_timer_stop(&tui->preview_timer);
	tui->preview_timer = loop_timer_start(tui->loop, delay_ms, on_preview_timer, tui);
}

static void on_tick(void *arg)
{
	struct tui *tui = arg;
	struct strbuf ages = STRBUF_INIT;

	ages_signature(tui, &ages);
	if (message_line_expire(&tui->messages) || !tui->ages || strcmp(ages.buf, tui->ages) != 0)
		tui->dirty = true;
	strbuf_release(&ages);
	tui->tick_timer = loop_timer_start(tui->loop, TICK_MS, on_tick, tui);
}

static void on_model_changed(void *arg, unsigned bits)
{
	struct tui *tui = arg;

	tui->changed |= bits;
}

static void on_resize_timer(void *arg)
{
	struct tui *tui = arg;
	int width, height;

	tui->resize_timer = NULL;
	if (tui->pager)
		return;
	term_resized(tui->term);
	term_size(tui->term, &width, &height);
	tui_resize(tui, width, height);
}

void tui_resize(struct tui *tui, int width, int height)
{
	grid_resize(tui->grid, width > 0 ? width : 80, height > 0 ? height : 24);
	tui_touch(tui);
}

void tui_leave_terminal(struct tui *tui)
{
	dialog_cancel(tui);
	loop_fd_remove(&tui->input);
	term_leave(tui->term);
}

void tui_take_terminal(struct tui *tui)
{
	int width, height;

	term_enter(tui->term);
	tui->input = loop_fd_add(tui->loop, term_fd(tui->term), LOOP_READ, on_input, tui);
	term_size(tui->term, &width, &height);
	tui_resize(tui, width, height);
}

/* Stop like any program; what is seen afterwards is old until the next answer. */
void tui_suspend(struct tui *tui)
{
	if (!tui->term || tui->pager)
		return;
	tui_leave_terminal(tui);
	raise(SIGSTOP);
	tui->resumed = true;
	tui_take_terminal(tui);
}

/* Stopped by somebody else, the terminal may be in any mode now. */
static void resume(struct tui *tui)
{
	bool done = tui->resumed;

	tui->resumed = false;
	if (done || tui->pager)
		return;
	tui_leave_terminal(tui);
	tui_take_terminal(tui);
}

static void on_signal(void *arg, int number)
{
	struct tui *tui = arg;

	switch (number) {
	case SIGWINCH:
		if (!tui->resize_timer)
			tui->resize_timer =
				loop_timer_start(tui->loop, RESIZE_MS, on_resize_timer, tui);
		break;
	case SIGINT:
		if (!tui->pager) /* the whole foreground group gets it: it was meant for the pager
				  */
			interrupt(tui);
		break;
	case SIGTSTP:
		tui_suspend(tui);
		break;
	case SIGCONT:
		resume(tui);
		break;
	default:
		tui_quit(tui);
		break;
	}
}

static void watch_signals(struct tui *tui)
{
	static const int numbers[] = { SIGWINCH, SIGINT, SIGTSTP, SIGCONT, SIGTERM, SIGHUP };

	for (size_t i = 0; i < COUNT_OF(numbers); i++)
		tui->signals[tui->signal_count++] =
			loop_signal_add(tui->loop, numbers[i], on_signal, tui);
}

/* $XDG_CONFIG_HOME/binnacle/themes, then what was installed. */
static void default_theme_dirs(struct tui *tui)
{
	const char *config = getenv("XDG_CONFIG_HOME"), *home = getenv("HOME");
	size_t count = 0;

	if (config && *config)
		tui->own_dirs[count++] = xasprintf("%s/binnacle/themes", config);
	else if (home && *home)
		tui->own_dirs[count++] = xasprintf("%s/.config/binnacle/themes", home);
	tui->own_dirs[count++] = xstrdup(BINNACLE_DATADIR "/themes");
	tui->theme_dirs = (const char *const *)tui->own_dirs;
}

/* Terminals that say what is behind the text say so as "15;0": foreground, background. */
static const char *theme_by_background(void)
{
	const char *colors = getenv("COLORFGBG");
	const char *background = colors ? strrchr(colors, ';') : NULL;
	int64_t index;

	if (!background || !text_parse_int(background + 1, 0, 15, &index))
		return "terminal";
	return index == 7 || index == 15 ? "harbour-light" : "harbour-dark";
}

static void take_theme(struct tui *tui, const struct tui_options *options)
{
	const char *name = options->theme ? options->theme : getenv("BINNACLE_THEME");
	struct strbuf problems = STRBUF_INIT;

	if (!name || !*name)
		name = tui->depth == DEPTH_NONE ? "mono" : "terminal";
	else if (strcmp(name, "auto") == 0)
		name = theme_by_background();
	if (options->theme_dirs)
		tui->theme_dirs = options->theme_dirs;
	else
		default_theme_dirs(tui);
	tui->theme = theme_load(name, tui->theme_dirs, &problems);
	if (problems.len > 0)
		tui_message(tui, LOG_LEVEL_WARN, "%.*s", (int)strcspn(problems.buf, "\n"),
			    problems.buf);
	strbuf_release(&problems);
}

static void take_binds(struct tui *tui, const struct tui_options *options)
{
	for (size_t i = 0; i < options->bind_count; i++) {
		const struct tui_bind *bind = &options->binds[i];
		struct err err;

		if (!keymap_bind(tui->keymap, bind->place ? bind->place : "any", bind->key,
				 bind->command, options->allow_lowercase_actions, &err))
			tui_message(tui, LOG_LEVEL_WARN, "%s", err.msg);
	}
}

static void begin(struct tui *tui, const struct tui_options *options)
{
	screen_commands_register();
	present_set_time(PRESENT_TIME_CLOCK);
	tui->no_hints = options->no_hints;
	tui->keymap = keymap_new();
	take_theme(tui, options);
	take_binds(tui, options);
	if (options->history_file)
		history_load(&tui->history, options->history_file);
	if (options->plain) {
		tui->grid->plain = true;
		tui->columns = 1;
		tui->preview = PREVIEW_OFF;
	}
	tui->focus = tui->last_focus = PANE_SERVICES;
	for (int i = 0; i < PANE_COUNT; i++)
		tui->panes[i] =
			table_view_new(tui, present_table(pane_tables[i]), pane_places[i], i + 1);
	tui->watch = model_watch_start(tui->model, MODEL_BIT_ALL, on_model_changed, tui);
	tui->messages.log_seen = log_total();
	tui->dirty = tui->dirty_by_key = true;
}

static struct tui *tui_alloc(struct loop *loop, struct action_env *env)
{
	struct tui *tui = xcalloc(1, sizeof(*tui));

	tui->loop = loop;
	tui->env = env;
	tui->model = env->model;
	return tui;
}

static void end_signals(struct tui *tui)
{
	for (size_t i = 0; i < tui->signal_count; i++)
		loop_signal_remove(&tui->signals[i]);
	tui->signal_count = 0;
}

struct tui *tui_new(struct loop *loop, struct action_env *env, const struct tui_options *options,
		    struct err *err)
{
	struct tui *tui = tui_alloc(loop, env);
	struct term_options how = { .term = options->term,
				    .color = options->color,
				    .ascii = options->ascii,
				    .esc_delay_ms = options->esc_delay_ms };
	int width, height;

	watch_signals(tui); /* before curses: it catches only what nobody else does */
	tui->term = term_open(&how, err);
	if (!tui->term) {
		end_signals(tui);
		free(tui);
		return NULL;
	}
	term_size(tui->term, &width, &height);
	tui->grid = grid_new(width, height, term_is_utf8(tui->term) && !options->plain);
	tui->depth = term_depth(tui->term);
	if (*term_note(tui->term))
		tui_message(tui, LOG_LEVEL_WARN, "%s", term_note(tui->term));
	begin(tui, options);
	if (!options->history_file && env->state_dir) {
		char *path = xasprintf("%s/history", env->state_dir);

		history_load(&tui->history, path);
		free(path);
	}
	tui->hook = loop_before_sleep(loop, before_sleep, tui);
	tui->input = loop_fd_add(loop, term_fd(tui->term), LOOP_READ, on_input, tui);
	if (term_stderr_fd(tui->term) >= 0)
		tui->errors =
			loop_fd_add(loop, term_stderr_fd(tui->term), LOOP_READ, on_stderr, tui);
	tui->tick_timer = loop_timer_start(loop, TICK_MS, on_tick, tui);
	return tui;
}

struct tui *tui_new_headless(struct loop *loop, struct action_env *env, int width, int height,
			     const struct tui_options *options)
{
	static const struct tui_options none;
	struct tui *tui = tui_alloc(loop, env);

	if (!options)
		options = &none;
	tui->grid = grid_new(width, height, !options->ascii && !options->plain);
	tui->depth = DEPTH_TRUE;
	begin(tui, options);
	return tui;
}

void tui_free(struct tui *tui)
{
	if (!tui)
		return;
	pager_close(tui);
	loop_fd_remove(&tui->input);
	loop_fd_remove(&tui->errors);
	loop_hook_remove(&tui->hook);
	loop_timer_stop(&tui->frame_timer);
	loop_timer_stop(&tui->tick_timer);
	loop_timer_stop(&tui->resize_timer);
	loop_timer_stop(&tui->preview_timer);
	model_watch_stop(&tui->watch);
	dialog_free(tui->dialog);
	prompt_free(tui->prompt);
	calls_abandon(tui);
	while (tui->stack.len > 0)
		tui_pop(tui);
	free(tui->stack.items);
	for (int i = 0; i < PANE_COUNT; i++)
		view_free(tui->panes[i]);
	term_close(tui->term);
	end_signals(tui);
	keymap_free(tui->keymap);
	theme_free(tui->theme);
	grid_free(tui->grid);
	history_release(&tui->history);
	message_line_release(&tui->messages);
	for (size_t i = 0; i < COUNT_OF(tui->own_dirs); i++)
		free(tui->own_dirs[i]);
	free(tui->previewed);
	free(tui->ages);
	free(tui);
}

bool tui_feed_key(struct tui *tui, const char *name)
{
	key_code key;

	if (!key_parse(name, &key))
		return false;
	tui->burst = 0; /* one by one, as a person types */
	on_keys(tui, &key, 1);
	return true;
}

void tui_feed_text(struct tui *tui, const char *text)
{
	size_t len = strlen(text), count = 0;
	key_code *keys = xcalloc(len + 1, sizeof(*keys));

	for (size_t i = 0; i < len;) {
		uint32_t cp;

		i += text_decode(text + i, len - i, &cp);
		keys[count++] = cp == '\n' ? KEY_CODE_ENTER : cp;
	}
	on_keys(tui, keys, count);
	free(keys);
}

void tui_feed_paste(struct tui *tui, const char *text)
{
	on_paste(tui, text, strlen(text));
}

const struct grid *tui_grid(struct tui *tui)
{
	message_line_expire(&tui->messages);
	paint(tui);
	return tui->grid;
}

const struct theme *tui_theme(const struct tui *tui)
{
	return tui->theme;
}

bool tui_check_theme(const char *path, struct strbuf *out)
{
	char *beside = file_dirname(path);
	const char *const dirs[] = { beside, BINNACLE_DATADIR "/themes", NULL };
	bool ok = theme_check(path, dirs, out);

	free(beside);
	return ok;
}
