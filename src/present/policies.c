#include <stdio.h>
#include <string.h>

#include "put.h"

COLUMN_TEXT(name, policy_row, id)
COLUMN_TEXT(status, policy_row, status)
COLUMN_TEXT(types, policy_row, types)
COLUMN_NUMBER(endpoint_count, policy_row, endpoints)
COLUMN_NUMBER(place, policy_row, place)
ROW_STATE(state, policy_row)

static void order_text(const void *row, struct strbuf *out)
{
	const struct policy_row *policy = row;

	strbuf_addstr(out, *policy->order ? policy->order : "last");
}

static void endpoints(const void *row, struct strbuf *out)
{
	put_count(out, endpoint_count(row));
}

static void selector(const void *row, struct strbuf *out)
{
	const struct policy_row *policy = row;

	if (*policy->problem)
		strbuf_addf(out, "%s: ", policy->problem);
	strbuf_addstr(out, *policy->selector ? policy->selector : "(all)");
}

static const struct column columns[] = {
	{ "name", "POLICY", 8, 32, 1, COLUMN_CUT_MIDDLE, .text = name },
	{ "state", "STATE", 6, 6, 1, COLUMN_STATE, .text = status },
	{ "order", "ORDER", 5, 8, 2, COLUMN_RIGHT, .text = order_text, .number = place },
	{ "types", "TYPES", 7, 14, 3, 0, .text = types },
	{ "endpoints", "ENDPOINTS", 9, 9, 2, COLUMN_RIGHT, .text = endpoints,
	  .number = endpoint_count },
	{ "selector", "SELECTOR", 10, 0, 2, 0, .text = selector },
};

/* As Calico tries them. */
static int order(const void *a, const void *b)
{
	int64_t left = place(a), right = place(b);

	return left < right ? -1 : left > right;
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
	const struct policy_row *policy = row;

	json_add_str(into, "name", policy->id);
	json_add_text(into, "state", policy->status);
	json_add_text(into, "problem", policy->problem);
	json_add_text(into, "order", policy->order);
	json_add_int(into, "place", policy->place);
	json_add_str(into, "selector", policy->selector);
	json_add_text(into, "types", policy->types);
	json_add_int(into, "endpoints", policy->endpoints);
	json_add_list(into, "selected", policy->selected);
	json_add_list(into, "ingress", policy->inbound);
	json_add_list(into, "egress", policy->outbound);
	json_add_text(into, "yaml", policy->yaml);
	json_add_text(into, "document", policy->document);
}

static void rules(struct strbuf *out, const char *heading, struct text_list list)
{
	detail_heading(out, heading);
	if (!list.count)
		detail_text(out, "", "no rule: what comes to this policy is dropped");
	for (size_t i = 0; i < list.count; i++) {
		char number[24];

		snprintf(number, sizeof(number), "%zu", i + 1);
		detail_text(out, number, list.items[i]);
	}
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct policy_row *policy = row;

	(void)model;
	detail_text(out, "state", policy->status);
	detail_text(out, "problem", policy->problem);
	detail_fmt(out, "order", "%s   (number %lld to be tried)",
		   *policy->order ? policy->order : "none: last", (long long)policy->place);
	detail_text(out, "selector",
		    *policy->selector ? policy->selector : "empty: every endpoint");
	detail_text(out, "decides", policy->types);
	/* A direction that it does not decide is left to the others. */
	if (strstr(policy->types, "ingress"))
		rules(out, "Ingress: what comes in", policy->inbound);
	if (strstr(policy->types, "egress"))
		rules(out, "Egress: what goes out", policy->outbound);
	detail_heading(out, "Endpoints that it selects");
	if (!policy->selected.count)
		detail_text(out, "", "none");
	detail_list(out, "", policy->selected);
	if (policy->endpoints > (int64_t)policy->selected.count)
		detail_fmt(out, "", "and %lld more",
			   (long long)policy->endpoints - (long long)policy->selected.count);
	if (*policy->yaml)
		detail_heading(out, "As calicoctl reads it");
	detail_lines_of(out, policy->yaml);
}

const struct table policies_table = {
	.model = MODEL_POLICIES,
	.name = "policies",
	.singular = "policy",
	.title = "Policies",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "Calico has no policies.",
	.empty_hint = "Without one, an endpoint's profiles decide about its traffic.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
