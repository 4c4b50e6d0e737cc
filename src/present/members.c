#include <string.h>

#include "put.h"

COLUMN_TEXT(node, member, id)
COLUMN_TEXT(status, member, status)
COLUMN_TEXT(address, member, address)
COLUMN_TEXT(build, member, build)
COLUMN_TEXT(dc, member, dc)
COLUMN_NUMBER(services_count, member, services)
COLUMN_SINCE(since, since_ms, member, since_ms)
ROW_STATE(state, member)

static void role(const void *row, struct strbuf *out)
{
	const struct member *member = row;

	strbuf_addf(out, "%s%s", member->role, member->is_leader ? "*" : "");
}

static void checks(const void *row, struct strbuf *out)
{
	const struct member *member = row;

	if (member->critical < 0 || member->warning < 0)
		strbuf_addch(out, '-');
	else if (member->critical && member->warning)
		strbuf_addf(out, "%dc %dw", (int)member->critical, (int)member->warning);
	else if (member->critical)
		strbuf_addf(out, "%dc", (int)member->critical);
	else if (member->warning)
		strbuf_addf(out, "%dw", (int)member->warning);
	else
		strbuf_addch(out, '0');
}

static int64_t checks_number(const void *row)
{
	const struct member *member = row;

	return member->critical < 0 ? -1 : member->critical * 1000 + member->warning;
}

static void services(const void *row, struct strbuf *out)
{
	put_count(out, ((const struct member *)row)->services);
}

static const struct column columns[] = {
	{ "node", "NODE", 8, 24, 1, COLUMN_CUT_MIDDLE, .text = node },
	{ "status", "STATUS", 6, 7, 1, COLUMN_STATE, .text = status },
	{ "role", "ROLE", 7, 8, 2, 0, .text = role },
	{ "addr", "ADDRESS", 9, 21, 3, 0, .text = address },
	{ "checks", "CHECKS", 6, 8, 3, 0, .text = checks, .number = checks_number },
	{ "since", "SINCE", 5, 5, 4, COLUMN_RIGHT | COLUMN_TIME | COLUMN_AGE, .text = since,
	  .number = since_ms, .number_is_time = true },
	{ "services", "SVC", 3, 4, 5, COLUMN_RIGHT, .text = services, .number = services_count },
	{ "build", "BUILD", 5, 9, 5, COLUMN_WIDE, .text = build },
	{ "dc", "DC", 3, 12, 6, COLUMN_WIDE, .text = dc },
};

static int rank(const struct member *member)
{
	if (strcmp(member->status, "FAIL") == 0)
		return 0;
	if (strcmp(member->status, "leaving") == 0)
		return 1;
	if (strcmp(member->status, "left") == 0)
		return 4;
	return strcmp(member->role, "server") == 0 ? 2 : 3;
}

static int order(const void *a, const void *b)
{
	int difference = rank(a) - rank(b);

	return difference ? difference : present_compare_names(row_id(a), row_id(b));
}

static bool attention(const void *row)
{
	return strcmp(((const struct member *)row)->status, "FAIL") == 0;
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	static const char *const words[] = { "alive", "FAIL", "leaving", "left" };
	struct strbuf text = STRBUF_INIT;

	for (size_t word = 0; word < COUNT_OF(words); word++) {
		size_t count = 0;

		for (size_t i = 0; i < snapshot->count; i++) {
			const struct member *member = snapshot_row(snapshot, i);

			count += strcmp(member->status, words[word]) == 0;
		}
		summary_add(&text, count, words[word]);
	}
	strbuf_addstr(out, text.len ? text.buf : "0");
	strbuf_release(&text);
}

static void json(const void *row, struct json *into)
{
	const struct member *member = row;

	json_add_str(into, "node", member->id);
	json_add_text(into, "status", member->status);
	json_add_text(into, "role", member->role);
	json_add_bool(into, "leader", member->is_leader);
	json_add_text(into, "addr", member->address);
	json_add_count(into, "services", member->services);
	json_add_count(into, "warning", member->warning);
	json_add_count(into, "critical", member->critical);
	json_add_time(into, "since", member->since_ms);
	json_add_text(into, "build", member->build);
	json_add_text(into, "dc", member->dc);
}

static void on_node(const struct model *model, const char *name, struct strbuf *out)
{
	const struct snapshot *snapshot = model_current(model, MODEL_INSTANCES);
	bool headed = false;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct instance *instance = snapshot_row(snapshot, i);

		if (strcmp(instance->node, name) != 0)
			continue;
		if (!headed)
			detail_heading(out, "Services on this node");
		headed = true;
		detail_fmt(out, instance->service, "%s  %s:%d  %s", instance->status,
			   *instance->address ? instance->address : instance->node_address,
			   (int)instance->port, instance->output);
	}
	snapshot = model_current(model, MODEL_ENDPOINTS);
	headed = false;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct endpoint_row *endpoint = snapshot_row(snapshot, i);
		struct strbuf addresses = STRBUF_INIT;

		if (strcmp(endpoint->node, name) != 0)
			continue;
		if (!headed)
			detail_heading(out, "Calico endpoints on this node");
		headed = true;
		put_list(&addresses, endpoint->addresses, " ");
		detail_fmt(out, *endpoint->container ? endpoint->container : endpoint->workload,
			   "%s  %s  %s", endpoint->status, addresses.buf, endpoint->why);
		strbuf_release(&addresses);
	}
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct member *member = row;
	struct strbuf text = STRBUF_INIT;

	detail_text(out, "node", member->id);
	detail_text(out, "status", member->status);
	detail_since(out, "since", member->since_ms);
	detail_fmt(out, "role", "%s%s", member->role, member->is_leader ? ", leader" : "");
	detail_text(out, "address", member->address);
	checks(row, &text);
	detail_text(out, "checks", text.buf);
	detail_text(out, "build", member->build);
	detail_text(out, "datacenter", member->dc);
	strbuf_release(&text);
	on_node(model, member->id, out);
}

const struct table members_table = {
	.model = MODEL_MEMBERS,
	.name = "members",
	.singular = "member",
	.title = "Members",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "Consul knows no members.",
	.empty_hint = "The agent lists the nodes of its gossip pool once it has joined one.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
