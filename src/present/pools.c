#include <string.h>

#include "put.h"

COLUMN_TEXT(network, pool_row, id)
COLUMN_TEXT(status, pool_row, status)
COLUMN_TEXT(tunnel, pool_row, tunnel)
COLUMN_TEXT(problem, pool_row, problem)
COLUMN_NUMBER(used_count, pool_row, used)
COLUMN_NUMBER(left_over_count, pool_row, left_over)
COLUMN_NUMBER(block_count, pool_row, blocks)
ROW_STATE(state, pool_row)

static void used(const void *row, struct strbuf *out)
{
	put_count(out, used_count(row));
}

static void left_over(const void *row, struct strbuf *out)
{
	put_count(out, left_over_count(row));
}

static void blocks(const void *row, struct strbuf *out)
{
	put_count(out, block_count(row));
}

static void masquerade(const void *row, struct strbuf *out)
{
	strbuf_addstr(out, ((const struct pool_row *)row)->masquerade ? "yes" : "no");
}

static const struct column columns[] = {
	{ "cidr", "POOL", 9, 43, 1, 0, .text = network },
	{ "state", "STATE", 6, 8, 1, COLUMN_STATE, .text = status },
	{ "used", "USED", 5, 8, 2, COLUMN_RIGHT, .text = used, .number = used_count },
	{ "leaked", "LEAKED", 6, 8, 2, COLUMN_RIGHT, .text = left_over, .number = left_over_count },
	{ "blocks", "BLOCKS", 6, 8, 3, COLUMN_RIGHT, .text = blocks, .number = block_count },
	{ "nat", "NAT", 3, 3, 3, 0, .text = masquerade },
	{ "tunnel", "TUNNEL", 6, 18, 3, 0, .text = tunnel },
	{ "note", "NOTE", 6, 0, 4, 0, .text = problem },
};

static int order(const void *a, const void *b)
{
	return present_compare_names(row_id(a), row_id(b));
}

static bool attention(const void *row)
{
	return row_state_needs_attention(state(row));
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	size_t bad = 0;

	for (size_t i = 0; i < snapshot->count; i++)
		bad += attention(snapshot_row(snapshot, i));
	strbuf_addf(out, "%zu", snapshot->count);
	summary_add(out, bad, "not in use");
}

static void json(const void *row, struct json *into)
{
	const struct pool_row *pool = row;

	json_add_str(into, "cidr", pool->id);
	json_add_text(into, "state", pool->status);
	json_add_text(into, "problem", pool->problem);
	json_add_text(into, "tunnel", pool->tunnel);
	json_add_bool(into, "nat", pool->masquerade);
	json_add_int(into, "blocks", pool->blocks);
	json_add_int(into, "used", pool->used);
	json_add_int(into, "leaked", pool->left_over);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct pool_row *pool = row;

	(void)model;
	detail_text(out, "state", pool->status);
	detail_text(out, "problem", pool->problem);
	detail_fmt(out, "addresses", "%lld assigned in %lld blocks, %lld of them left over",
		   (long long)pool->used, (long long)pool->blocks, (long long)pool->left_over);
	detail_text(out, "NAT", pool->masquerade ? "outgoing traffic is masqueraded" : "no");
	detail_text(out, "tunnel", *pool->tunnel ? pool->tunnel : "none");
}

#define BLOCKS_MAX 256 /* that a pool's map draws */

/* Each block on a line of its own width: 32 addresses, under the block's network. */
static void map(const void *row, const struct model *model, struct strbuf *out)
{
	const struct snapshot *blocks = model_current(model, MODEL_BLOCKS);
	struct strbuf lines = STRBUF_INIT;
	size_t count = 0;

	for (size_t i = 0; i < blocks->count && count < BLOCKS_MAX; i++) {
		const struct block_row *block = snapshot_row(blocks, i);

		if (strcmp(block->pool, row_id(row)) != 0)
			continue;
		count++;
		strbuf_addf(out, "%s  %s\n", block->id, *block->node ? block->node : "nobody's");
		strbuf_reset(&lines);
		block_map(block, 32, &lines);
		strbuf_add(out, lines.buf, lines.len);
	}
	strbuf_release(&lines);
}

const struct table pools_table = {
	.model = MODEL_POOLS,
	.name = "pools",
	.singular = "pool",
	.title = "Address pools",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "Calico has no address pools.",
	.empty_hint = "calicoctl makes one; no container can start on a Calico network without.",
	.summary = summary,
	.json = json,
	.detail = detail,
	.map = map,
};
