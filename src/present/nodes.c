#include <string.h>

#include "put.h"

COLUMN_TEXT(name, node_row, id)
COLUMN_TEXT(status, node_row, status)
COLUMN_TEXT(address, node_row, address)
COLUMN_TEXT(docker, node_row, docker)
COLUMN_TEXT(as_num, node_row, as_num)
COLUMN_NUMBER(endpoint_count, node_row, endpoints)
COLUMN_NUMBER(left_over_count, node_row, left_over)
COLUMN_NUMBER(block_count, node_row, blocks)
COLUMN_SINCE(reported, reported_ms, node_row, reported_ms)
ROW_STATE(state, node_row)

static void endpoints(const void *row, struct strbuf *out)
{
	put_count(out, endpoint_count(row));
}

static void left_over(const void *row, struct strbuf *out)
{
	put_count(out, left_over_count(row));
}

static void blocks(const void *row, struct strbuf *out)
{
	put_count(out, block_count(row));
}

static void note(const void *row, struct strbuf *out)
{
	const struct node_row *node = row;

	strbuf_addstr(out, node->why);
	if (*node->daemon_problem)
		strbuf_addf(out, "%sDocker: %s", *node->why ? "; " : "", node->daemon_problem);
}

static const struct column columns[] = {
	{ "name", "NODE", 6, 24, 1, COLUMN_CUT_MIDDLE, .text = name },
	{ "state", "STATE", 6, 7, 1, COLUMN_STATE, .text = status },
	{ "address", "ADDRESS", 9, 39, 2, 0, .text = address },
	{ "felix", "FELIX", 5, 5, 2, COLUMN_RIGHT | COLUMN_TIME | COLUMN_AGE, .text = reported,
	  .number = reported_ms, .number_is_time = true },
	{ "endpoints", "ENDPOINTS", 9, 9, 3, COLUMN_RIGHT, .text = endpoints,
	  .number = endpoint_count },
	{ "stale", "STALE", 5, 6, 3, COLUMN_RIGHT, .text = left_over, .number = left_over_count },
	{ "docker", "DOCKER", 6, 13, 2, 0, .text = docker },
	{ "note", "NOTE", 10, 0, 3, 0, .text = note },
	{ "blocks", "BLOCKS", 6, 6, 5, COLUMN_WIDE | COLUMN_RIGHT, .text = blocks,
	  .number = block_count },
	{ "as", "AS", 5, 10, 6, COLUMN_WIDE, .text = as_num },
};

static int order(const void *a, const void *b)
{
	const struct node_row *left = a, *right = b;
	int difference = present_compare_names(left->id, right->id);

	return difference ? difference : strcmp(left->id, right->id);
}

static bool attention(const void *row)
{
	return row_state_needs_attention(state(row));
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	size_t bad = 0, blind = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct node_row *node = snapshot_row(snapshot, i);

		bad += attention(node);
		blind += *node->daemon_problem != '\0';
	}
	strbuf_addf(out, "%zu", snapshot->count);
	summary_add(out, bad, "not alive");
	summary_add(out, blind, "without a witness");
}

static void json(const void *row, struct json *into)
{
	const struct node_row *node = row;

	json_add_str(into, "name", node->id);
	json_add_text(into, "state", node->status);
	json_add_text(into, "why", node->why);
	json_add_text(into, "address", node->address);
	json_add_text(into, "tunnel", node->tunnel);
	json_add_text(into, "as", node->as_num);
	json_add_time(into, "felix", node->reported_ms);
	json_add_int(into, "endpoints", node->endpoints);
	json_add_int(into, "stale", node->left_over);
	json_add_int(into, "blocks", node->blocks);
	json_add_text(into, "docker", node->docker);
	json_add_text(into, "daemon", node->daemon);
	json_add_text(into, "daemon_problem", node->daemon_problem);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct node_row *node = row;
	const struct member *member = snapshot_find(model_current(model, MODEL_MEMBERS), node->id);

	detail_fmt(out, "state", "%s%s%s", node->status, *node->why ? "   " : "", node->why);
	detail_since(out, "felix", node->reported_ms);
	detail_text(out, "address", node->address);
	detail_text(out, "tunnel", node->tunnel);
	detail_text(out, "AS number", node->as_num);
	if (member)
		detail_fmt(out, "Consul", "%s at %s", member->status, member->address);
	detail_fmt(out, "endpoints", "%lld, %lld of them left over", (long long)node->endpoints,
		   (long long)node->left_over);
	detail_fmt(out, "blocks", "%lld", (long long)node->blocks);
	detail_heading(out, "Docker");
	detail_text(out, "daemon", node->daemon);
	detail_text(out, "mapping", node->docker);
	detail_text(out, "problem", node->daemon_problem);
}

const struct table nodes_table = {
	.model = MODEL_NODES,
	.name = "nodes",
	.singular = "node",
	.title = "Calico nodes",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "Calico has no nodes.",
	.empty_hint = "calico/node makes one when it starts on a host.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
