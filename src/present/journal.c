#include <string.h>

#include "put.h"

COLUMN_MOMENT(time, time_ms, journal_row, time_ms)
COLUMN_TEXT(id, journal_row, id)
COLUMN_TEXT(verb, journal_row, verb)
COLUMN_TEXT(targets, journal_row, targets)
COLUMN_TEXT(result, journal_row, result)
COLUMN_TEXT(user, journal_row, user)
COLUMN_TEXT(plan_hash, journal_row, plan_hash)
COLUMN_TEXT(undo, journal_row, undo)
ROW_STATE(state, journal_row)

static const struct column columns[] = {
	{ "id", "ID", 8, 24, 1, 0, .text = id },
	{ "time", "TIME", 8, 12, 1, COLUMN_TIME, .text = time, .number = time_ms,
	  .number_is_time = true },
	{ "user", "USER", 4, 16, 3, 0, .text = user },
	{ "verb", "VERB", 6, 16, 1, 0, .text = verb },
	{ "targets", "TARGETS", 10, 40, 2, COLUMN_CUT_MIDDLE, .text = targets },
	{ "result", "RESULT", 6, 0, 1, COLUMN_STATE, .text = result },
	{ "undo", "UNDO", 6, 40, 4, COLUMN_WIDE, .text = undo },
	{ "plan", "PLAN", 8, 16, 5, COLUMN_WIDE, .text = plan_hash },
};

static int order(const void *a, const void *b)
{
	int64_t left = time_ms(a), right = time_ms(b);

	if (left != right)
		return left > right ? -1 : 1;
	return present_compare_names(row_id(b), row_id(a));
}

static bool attention(const void *row)
{
	return state(row) == STATE_FAILED;
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	size_t failed = 0;

	for (size_t i = 0; i < snapshot->count; i++)
		failed += attention(snapshot_row(snapshot, i));
	strbuf_addf(out, "%zu", snapshot->count);
	summary_add(out, failed, "FAILED");
}

static void json(const void *row, struct json *into)
{
	const struct journal_row *entry = row;

	json_add_str(into, "id", entry->id);
	json_add_time(into, "time", entry->time_ms);
	json_add_text(into, "user", entry->user);
	json_add_text(into, "verb", entry->verb);
	json_add_text(into, "targets", entry->targets);
	json_add_text(into, "result", entry->result);
	json_add_text(into, "plan", entry->plan_hash);
	json_add_text(into, "undo", entry->undo);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct journal_row *entry = row;

	(void)model;
	detail_text(out, "id", entry->id);
	detail_since(out, "time", entry->time_ms);
	detail_text(out, "user", entry->user);
	detail_text(out, "verb", entry->verb);
	detail_text(out, "targets", entry->targets);
	detail_text(out, "result", entry->result);
	detail_text(out, "plan", entry->plan_hash);
	detail_text(out, "undo", entry->undo);
}

const struct table journal_table = {
	.model = MODEL_JOURNAL,
	.name = "journal",
	.singular = "entry",
	.title = "Journal",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "The journal is empty.",
	.empty_hint = "Every action is recorded here, refused and canceled ones too.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
