#include <inttypes.h>
#include <string.h>

#include "put.h"

COLUMN_TEXT(name, generation_row, name)
COLUMN_TEXT(template_name, generation_row, template)
COLUMN_TEXT(status, generation_row, status)
COLUMN_MOMENT(replaced, time_ms, generation_row, time_ms)
COLUMN_NUMBER(bytes_number, generation_row, bytes)
ROW_STATE(state, generation_row)

static void bytes(const void *row, struct strbuf *out)
{
	put_count(out, bytes_number(row));
}

static void sha256(const void *row, struct strbuf *out)
{
	strbuf_addf(out, "%.12s", ((const struct generation_row *)row)->sha256);
}

static const struct column columns[] = {
	{ "gen", "GEN", 4, 8, 1, 0, .text = name },
	{ "template", "TEMPLATE", 10, 40, 1, COLUMN_CUT_MIDDLE, .text = template_name },
	{ "state", "STATE", 7, 8, 1, COLUMN_STATE, .text = status },
	{ "time", "TIME", 8, 8, 2, COLUMN_TIME, .text = replaced, .number = time_ms,
	  .number_is_time = true },
	{ "bytes", "BYTES", 5, 10, 2, COLUMN_RIGHT, .text = bytes, .number = bytes_number },
	{ "sha256", "SHA256", 8, 12, 3, 0, .text = sha256 },
};

/* Newest first: what is not written yet, the file, then from the highest number down. */
static int64_t rank(const struct generation_row *row)
{
	return row->number                      ? row->number
	       : strcmp(row->name, "live") == 0 ? INT64_MAX - 1
						: INT64_MAX;
}

static int order(const void *a, const void *b)
{
	const struct generation_row *one = a, *other = b;
	int difference = present_compare_names(one->template, other->template);

	return difference ? difference : (rank(one) < rank(other)) - (rank(one) > rank(other));
}

static bool attention(const void *row)
{
	return row_state_needs_attention(state(row));
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	size_t kept = 0;

	for (size_t i = 0; i < snapshot->count; i++)
		kept += ((const struct generation_row *)snapshot_row(snapshot, i))->number != 0;
	strbuf_addf(out, "%zu kept", kept);
}

static void json(const void *row, struct json *into)
{
	const struct generation_row *generation = row;

	json_add_str(into, "template", generation->template);
	json_add_str(into, "generation", generation->name);
	json_add_text(into, "state", generation->status);
	json_add_time(into, "time", generation->time_ms);
	json_add_int(into, "bytes", generation->bytes);
	json_add_text(into, "sha256", generation->sha256);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct generation_row *generation = row;

	(void)model;
	detail_text(out, "template", generation->template);
	detail_text(out, "generation", generation->name);
	detail_text(out, "state", generation->status);
	detail_since(out, generation->number ? "replaced" : "written", generation->time_ms);
	detail_fmt(out, "length", "%" PRId64 " bytes", generation->bytes);
	detail_text(out, "sha256", generation->sha256);
	detail_fmt(out, "compare", "diff %s --from %s --to live", generation->template,
		   generation->name);
}

const struct table generations_table = {
	.model = MODEL_GENERATIONS,
	.name = "generations",
	.singular = "generation",
	.title = "Generations",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "No text was replaced yet.",
	.empty_hint =
		"What a template has replaced is kept here, so that rollback can bring it back.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
