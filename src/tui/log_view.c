/*
 * Messages of this run and lines of the journal in one text, by time, the newest at the end.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "internal.h"

struct log_view {
	struct text_view body;
	bool attention;
	uint64_t built_total; /* of the log */
	const struct snapshot *built_journal;
	bool is_built;
};

static enum role role_of_level(enum log_level level)
{
	switch (level) {
	case LOG_LEVEL_ERROR:
		return ROLE_MSG_ERROR;
	case LOG_LEVEL_WARN:
		return ROLE_MSG_WARN;
	case LOG_LEVEL_INFO:
		return ROLE_TEXT;
	case LOG_LEVEL_DEBUG:
		break;
	}
	return ROLE_MUTED;
}

static void add_line(struct rich *out, const struct log_line *line)
{
	static const char *const words[] = { "debug", "info", "WARN", "ERROR" };
	char time[CLOCK_TEXT_BYTES];

	rich_addf(out, ROLE_MUTED, " %s ", clock_local_hms(line->wall_ms, time));
	rich_addf(out, role_of_level(line->level), "%-6s", words[line->level]);
	rich_addf(out, ROLE_STRONG, " %-9s ", line->part);
	rich_add_states(out, ROLE_TEXT, line->text);
	rich_end_line(out);
}

static void add_action(struct rich *out, const struct journal_row *row)
{
	char time[CLOCK_TEXT_BYTES];

	rich_addf(out, ROLE_MUTED, " %s ", clock_local_hms(row->time_ms, time));
	rich_addf(out, role_of_state(row->state), "%-6s", "audit");
	rich_addf(out, ROLE_STRONG, " %-9s ", row->user);
	rich_addf(out, ROLE_TEXT, "%s %s  plan %s  ", row->verb, row->targets, row->plan_hash);
	rich_add_states(out, ROLE_TEXT, row->result);
	rich_end_line(out);
}

static void build(struct view *view)
{
	struct log_view *log = view->state;
	const struct snapshot *journal = model_current(view->tui->model, MODEL_JOURNAL);
	size_t age = 0, left = journal->count;

	if (log->is_built && log->built_total == log_total() && log->built_journal == journal)
		return;
	log->is_built = true;
	log->built_total = log_total();
	log->built_journal = journal;
	rich_reset(&log->body.text);
	while (age < LIMIT_LOG_LINES_COUNT && log_recent(age))
		age++;
	/* Both are newest first: take the older end of the two. */
	while (age > 0 || left > 0) {
		const struct log_line *line = age > 0 ? log_recent(age - 1) : NULL;
		const struct journal_row *row = left > 0 ? snapshot_row(journal, left - 1) : NULL;

		if (row && (!line || row->time_ms <= line->wall_ms)) {
			if (!log->attention || row->state == STATE_FAILED)
				add_action(&log->body.text, row);
			left--;
		} else {
			if (!log->attention || line->level >= LOG_LEVEL_WARN)
				add_line(&log->body.text, line);
			age--;
		}
	}
	view->tui->messages.log_seen = log_total();
}

static void log_paint(struct view *view, struct grid *grid, struct area area, bool focused)
{
	struct log_view *log = view->state;
	struct rich title = RICH_INIT;
	struct strbuf count = STRBUF_INIT;

	build(view);
	rich_addf(&title, ROLE_PANE_FOCUS, "Messages and journal");
	if (log->attention)
		rich_add(&title, ROLE_STRONG, "  filter: attention");
	if (log->body.follow)
		rich_add(&title, ROLE_TEXT, "  following");
	rich_end_line(&title);
	strbuf_addf(&count, "%zu lines", log->body.text.count);
	view_paint_title(grid, area, focused, &title, count.buf, ROLE_PANE_AGE);
	area.row++;
	area.height--;
	view->height = area.height;
	view->width = area.width;
	if (log->body.text.count == 0)
		grid_put_text(grid, area.row, area.col + 2, area.width - 2,
			      "Nothing has been said or done yet.", ROLE_MUTED);
	text_view_paint(&log->body, grid, area);
	rich_release(&title);
	strbuf_release(&count);
}

static bool log_act(struct view *view, enum verb verb, const char *args)
{
	struct log_view *log = view->state;

	switch (verb) {
	case VERB_FOLLOW:
		log->body.follow = !log->body.follow;
		return true;
	case VERB_ATTENTION:
		log->attention = !log->attention;
		log->is_built = false;
		return true;
	default:
		return text_view_act(view, &log->body, verb, args);
	}
}

static bool log_back(struct view *view)
{
	return text_view_back(&((struct log_view *)view->state)->body);
}

static void log_position(const struct view *view, struct strbuf *out)
{
	const struct log_view *log = view->state;

	text_view_position(&log->body, view->height, out);
}

static bool log_text(const struct view *view, struct strbuf *out)
{
	text_view_text(&((const struct log_view *)view->state)->body, out);
	return true;
}

static void log_close(struct view *view)
{
	text_view_release(&((struct log_view *)view->state)->body);
}

static const struct view_kind log_kind = {
	.name = "Messages",
	.state_size = sizeof(struct log_view),
	.watches = MODEL_BIT(MODEL_JOURNAL),
	.refresh = build,
	.paint = log_paint,
	.act = log_act,
	.back = log_back,
	.position = log_position,
	.text = log_text,
	.close = log_close,
};

struct view *log_view_new(struct tui *tui)
{
	struct view *view = view_new(tui, &log_kind, "log text");
	struct log_view *log = view->state;

	strbuf_init(&log->body.text.bytes);
	log->body.follow = true;
	build(view);
	return view;
}
