#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "put.h"

COLUMN_TEXT(verb, job_row, verb)
COLUMN_TEXT(targets, job_row, targets)
COLUMN_TEXT(status, job_row, status)
COLUMN_TEXT(by, job_row, by)
COLUMN_TEXT(message, job_row, message)
COLUMN_NUMBER(took_ms, job_row, took_ms)
COLUMN_MOMENT(started, started_ms, job_row, started_ms)
ROW_STATE(state, job_row)

static void id(const void *row, struct strbuf *out)
{
	strbuf_addstr(out, row_id(row));
}

static int64_t id_number(const void *row)
{
	return atoll(row_id(row));
}

static void step(const void *row, struct strbuf *out)
{
	const struct job_row *job = row;

	strbuf_addf(out, "%" PRId64 "/%" PRId64 "%s%s", job->steps_done, job->steps_total,
		    *job->step ? " " : "", job->step);
}

static void took(const void *row, struct strbuf *out)
{
	strbuf_addf(out, "%.1fs", (double)took_ms(row) / 1000);
}

static const struct column columns[] = {
	{ "id", "ID", 3, 5, 1, COLUMN_RIGHT, .text = id, .number = id_number },
	{ "verb", "VERB", 6, 16, 1, 0, .text = verb },
	{ "targets", "TARGETS", 10, 32, 2, COLUMN_CUT_MIDDLE, .text = targets },
	{ "state", "STATE", 7, 8, 1, COLUMN_STATE, .text = status },
	{ "step", "STEP", 5, 24, 2, 0, .text = step },
	{ "time", "TIME", 5, 7, 3, COLUMN_RIGHT, .text = took, .number = took_ms },
	{ "by", "BY", 4, 12, 4, 0, .text = by },
	{ "message", "MESSAGE", 10, 0, 4, 0, .text = message },
	{ "started", "STARTED", 8, 8, 5, COLUMN_WIDE | COLUMN_TIME, .text = started,
	  .number = started_ms, .number_is_time = true },
};

static int order(const void *a, const void *b)
{
	return present_compare_names(row_id(b), row_id(a));
}

static bool attention(const void *row)
{
	return state(row) == STATE_FAILED;
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	size_t running = 0, failed = 0, done = 0;
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < snapshot->count; i++) {
		enum row_state now = state(snapshot_row(snapshot, i));

		running += now == STATE_RUNNING;
		failed += now == STATE_FAILED;
		done += now == STATE_DONE;
	}
	summary_add(&text, running, "running");
	summary_add(&text, failed, "FAILED");
	summary_add(&text, done, "done");
	strbuf_addstr(out, text.len ? text.buf : "0");
	strbuf_release(&text);
}

static void json(const void *row, struct json *into)
{
	const struct job_row *job = row;

	json_add_str(into, "id", job->id);
	json_add_text(into, "verb", job->verb);
	json_add_text(into, "targets", job->targets);
	json_add_text(into, "state", job->status);
	json_add_text(into, "step", job->step);
	json_add_int(into, "steps_done", job->steps_done);
	json_add_int(into, "steps_total", job->steps_total);
	json_add_text(into, "message", job->message);
	json_add_text(into, "by", job->by);
	json_add_time(into, "started", job->started_ms);
	json_add_int(into, "took_ms", job->took_ms);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct job_row *job = row;
	struct strbuf text = STRBUF_INIT;

	(void)model;
	detail_text(out, "job", job->id);
	detail_text(out, "verb", job->verb);
	detail_text(out, "targets", job->targets);
	detail_text(out, "state", job->status);
	step(row, &text);
	detail_text(out, "step", text.buf);
	detail_text(out, "message", job->message);
	detail_text(out, "by", job->by);
	detail_since(out, "started", job->started_ms);
	detail_fmt(out, "took", "%.1f s", (double)job->took_ms / 1000);
	strbuf_release(&text);
}

const struct table jobs_table = {
	.model = MODEL_JOBS,
	.name = "jobs",
	.singular = "job",
	.title = "Jobs",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "Nothing has been done from here yet.",
	.empty_hint = "Every action shows here while it runs and afterwards.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
