#include <stdio.h>
#include <string.h>

#include "put.h"

COLUMN_TEXT(name, profile_row, id)
COLUMN_TEXT(status, profile_row, status)
COLUMN_LIST(tags, profile_row, tags)
COLUMN_LIST(labels, profile_row, labels)
COLUMN_NUMBER(endpoint_count, profile_row, endpoints)
ROW_STATE(state, profile_row)

static void endpoints(const void *row, struct strbuf *out)
{
	put_count(out, endpoint_count(row));
}

static void note(const void *row, struct strbuf *out)
{
	const struct profile_row *profile = row;

	if (*profile->problem)
		strbuf_addstr(out, profile->problem);
	else
		strbuf_addf(out, "%zu ingress, %zu egress rules", profile->inbound.count,
			    profile->outbound.count);
}

static const struct column columns[] = {
	{ "name", "PROFILE", 8, 32, 1, COLUMN_CUT_MIDDLE, .text = name },
	{ "state", "STATE", 6, 6, 1, COLUMN_STATE, .text = status },
	{ "endpoints", "ENDPOINTS", 9, 9, 2, COLUMN_RIGHT, .text = endpoints,
	  .number = endpoint_count },
	{ "tags", "TAGS", 6, 30, 2, 0, .text = tags },
	{ "labels", "LABELS", 6, 30, 4, 0, .text = labels },
	{ "rules", "RULES", 10, 0, 3, 0, .text = note },
};

static int order(const void *a, const void *b)
{
	return present_compare_names(row_id(a), row_id(b));
}

static bool attention(const void *row)
{
	return state(row) == STATE_CRIT;
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	size_t broken = 0;

	for (size_t i = 0; i < snapshot->count; i++)
		broken += attention(snapshot_row(snapshot, i));
	strbuf_addf(out, "%zu", snapshot->count);
	summary_add(out, broken, "BROKEN");
}

static void json(const void *row, struct json *into)
{
	const struct profile_row *profile = row;

	json_add_str(into, "name", profile->id);
	json_add_text(into, "state", profile->status);
	json_add_text(into, "problem", profile->problem);
	json_add_list(into, "tags", profile->tags);
	json_add_list(into, "labels", profile->labels);
	json_add_list(into, "ingress", profile->inbound);
	json_add_list(into, "egress", profile->outbound);
	json_add_int(into, "endpoints", profile->endpoints);
	json_add_text(into, "yaml", profile->yaml);
}

static void rules(struct strbuf *out, const char *heading, struct text_list list)
{
	detail_heading(out, heading);
	if (!list.count)
		detail_text(out, "", "no rule: what is left to it is dropped");
	for (size_t i = 0; i < list.count; i++) {
		char number[24];

		snprintf(number, sizeof(number), "%zu", i + 1);
		detail_text(out, number, list.items[i]);
	}
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct profile_row *profile = row;

	(void)model;
	detail_text(out, "state", profile->status);
	detail_text(out, "problem", profile->problem);
	detail_list(out, "tags", profile->tags);
	detail_list(out, "labels", profile->labels);
	detail_fmt(out, "endpoints", "%lld name it; it decides where no policy does",
		   (long long)profile->endpoints);
	rules(out, "Ingress: what comes in", profile->inbound);
	rules(out, "Egress: what goes out", profile->outbound);
	if (*profile->yaml)
		detail_heading(out, "As calicoctl reads it");
	detail_lines_of(out, profile->yaml);
}

const struct table profiles_table = {
	.model = MODEL_PROFILES,
	.name = "profiles",
	.singular = "profile",
	.title = "Profiles",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "Calico has no profiles.",
	.empty_hint = "An endpoint without one is open only to what its policies admit.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
