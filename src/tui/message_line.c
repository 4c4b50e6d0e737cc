#include "message_line.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "internal.h"

#define INFO_MS        5000
#define WARN_MS        15000
#define PROGRESS_CELLS 10

void message_line_set(struct message_line *line, int level, const char *text)
{
	bool again = line->text && strcmp(line->text, text) == 0 && line->level == level;

	line->repeated = again ? line->repeated + 1 : 1;
	if (!again) {
		free(line->text);
		line->text = xstrdup(text);
	}
	line->level = level;
	line->until_ms = level >= LOG_LEVEL_ERROR
				 ? 0
				 : clock_mono_ms() + (level == LOG_LEVEL_WARN ? WARN_MS : INFO_MS);
}

static void forget(struct message_line *line)
{
	free(line->text);
	line->text = NULL;
}

void message_line_clear(struct message_line *line)
{
	forget(line);
}

void message_line_key(struct message_line *line)
{
	if (line->text && line->until_ms == 0)
		forget(line);
}

bool message_line_expire(struct message_line *line)
{
	if (!line->text || line->until_ms == 0 || clock_mono_ms() < line->until_ms)
		return false;
	forget(line);
	return true;
}

void message_line_release(struct message_line *line)
{
	forget(line);
}

static enum role role_of_level(int level)
{
	return level >= LOG_LEVEL_ERROR  ? ROLE_MSG_ERROR
	       : level == LOG_LEVEL_WARN ? ROLE_MSG_WARN
					 : ROLE_MSG_INFO;
}

/* "job 31 apply upstreams.conf: check 2/3 ######....": the newest that runs. */
static void paint_job(struct tui *tui, int row, int col, int width)
{
	const struct snapshot *jobs = model_current(tui->model, MODEL_JOBS);

	for (size_t i = 0; i < jobs->count; i++) {
		const struct job_row *job = snapshot_row(jobs, i);
		int used, done;

		if (job->state != STATE_RUNNING)
			continue;
		used = grid_printf(tui->grid, row, col, width, ROLE_STATE_RUNNING,
				   "job %s %s %s: %s ", job->id, job->verb, job->targets,
				   job->step);
		if (job->steps_total <= 0)
			return;
		used += grid_printf(tui->grid, row, col + used, width - used, ROLE_TEXT, "%d/%d ",
				    (int)job->steps_done, (int)job->steps_total);
		if (used + PROGRESS_CELLS > width)
			return;
		done = (int)(job->steps_done * PROGRESS_CELLS / job->steps_total);
		grid_put_rule(tui->grid, row, col + used, done, GLYPH_BLOCK_DONE,
			      ROLE_PROGRESS_DONE);
		grid_put_rule(tui->grid, row, col + used + done, PROGRESS_CELLS - done,
			      GLYPH_BLOCK_TODO, ROLE_PROGRESS_TODO);
		return;
	}
}

static size_t unread(const struct tui *tui)
{
	uint64_t total = log_total(), news = total - tui->messages.log_seen;
	size_t count = 0;

	for (size_t age = 0; age < news && age < 100; age++) {
		const struct log_line *line = log_recent(age);

		count += line && line->level >= LOG_LEVEL_WARN;
	}
	return count;
}

void message_line_paint(struct tui *tui, int row)
{
	struct message_line *line = &tui->messages;
	struct strbuf text = STRBUF_INIT, news = STRBUF_INIT;
	int width = tui->grid->width - 2, news_width;
	size_t count = unread(tui);

	if (count > 0)
		strbuf_addf(&news, "(@ message log, %zu new)", count);
	news_width = (int)news.len;
	if (!line->text) {
		paint_job(tui, row, 1, width - (news_width ? news_width + 2 : 0));
	} else {
		strbuf_addstr(&text, line->text);
		if (line->repeated > 1)
			strbuf_addf(&text, " (x%d)", (int)line->repeated);
		/* A message is worth more than the hint at the log. */
		if (text_width(text.buf, text.len) + news_width + 2 > width)
			news_width = 0;
		grid_put_field(tui->grid, row, 1, width - (news_width ? news_width + 2 : 0), 0,
			       text.buf, role_of_level(line->level));
	}
	if (news_width > 0)
		grid_put_text(tui->grid, row, 1 + width - news_width, news_width, news.buf,
			      ROLE_MUTED);
	strbuf_release(&text);
	strbuf_release(&news);
}
