#include <stdlib.h>
#include <string.h>

#include "put.h"

COLUMN_TEXT(network, block_row, id)
COLUMN_TEXT(status, block_row, status)
COLUMN_TEXT(node, block_row, node)
COLUMN_TEXT(pool, block_row, pool)
COLUMN_TEXT(map_text, block_row, map)
COLUMN_NUMBER(used_count, block_row, used)
ROW_STATE(state, block_row)

static int64_t left_over_count(const void *row)
{
	const struct block_row *block = row;

	return block->leaked + block->orphans;
}

static int64_t free_count(const void *row)
{
	const struct block_row *block = row;

	return block->total - block->used - block->leaked - block->orphans - block->foreign -
	       block->unknown;
}

static void used(const void *row, struct strbuf *out)
{
	put_count(out, used_count(row));
}

static void left_over(const void *row, struct strbuf *out)
{
	put_count(out, left_over_count(row));
}

static void unused(const void *row, struct strbuf *out)
{
	put_count(out, free_count(row));
}

static const struct column columns[] = {
	{ "block", "BLOCK", 9, 43, 1, 0, .text = network },
	{ "state", "STATE", 6, 8, 1, COLUMN_STATE, .text = status },
	{ "node", "NODE", 6, 20, 2, COLUMN_CUT_MIDDLE, .text = node },
	{ "used", "USED", 4, 5, 2, COLUMN_RIGHT, .text = used, .number = used_count },
	{ "leaked", "LEAKED", 6, 6, 2, COLUMN_RIGHT, .text = left_over, .number = left_over_count },
	{ "free", "FREE", 4, 5, 2, COLUMN_RIGHT, .text = unused, .number = free_count },
	{ "map", "MAP", 10, 0, 3, 0, .text = map_text },
	{ "pool", "POOL", 9, 43, 6, COLUMN_WIDE, .text = pool },
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
	int64_t left = 0;

	for (size_t i = 0; i < snapshot->count; i++)
		left += left_over_count(snapshot_row(snapshot, i));
	strbuf_addf(out, "%zu", snapshot->count);
	summary_add(out, (size_t)left, "addresses leaked");
}

static void json(const void *row, struct json *into)
{
	const struct block_row *block = row;

	json_add_str(into, "block", block->id);
	json_add_text(into, "state", block->status);
	json_add_text(into, "problem", block->problem);
	json_add_text(into, "node", block->node);
	json_add_text(into, "pool", block->pool);
	json_add_bool(into, "strict", block->strict);
	json_add_int(into, "total", block->total);
	json_add_int(into, "used", block->used);
	json_add_int(into, "leaked", block->leaked);
	json_add_int(into, "orphans", block->orphans);
	json_add_int(into, "foreign", block->foreign);
	json_add_int(into, "unknown", block->unknown);
	json_add_int(into, "free", free_count(block));
	json_add_str(into, "map", block->map);
	json_add_int(into, "block_index", block->block_index);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct block_row *block = row;

	(void)model;
	detail_text(out, "state", block->status);
	detail_text(out, "problem", block->problem);
	detail_text(out, "block of", *block->node ? block->node : "nobody");
	detail_text(out, "pool", *block->pool ? block->pool : "none: outside of every pool");
	detail_fmt(out, "addresses",
		   "%lld in use, %lld leaked, %lld orphan, %lld foreign, %lld "
		   "not known, %lld free",
		   (long long)block->used, (long long)block->leaked, (long long)block->orphans,
		   (long long)block->foreign, (long long)block->unknown,
		   (long long)free_count(block));
	if (block->strict)
		detail_text(out, "strict", "no other node may take an address of it");
	detail_fmt(out, "revision", "%lld", (long long)block->block_index);
}

/* The last part of an address of the block: "10.0.0.64/26" and 16 give ".80". */
static void put_label(struct strbuf *out, const char *block, size_t ordinal)
{
	size_t len = strcspn(block, "/");
	size_t last = len;

	while (last > 0 && block[last - 1] != '.' && block[last - 1] != ':')
		last--;
	if (last && block[last - 1] == '.')
		strbuf_addf(out, ".%ld", strtol(block + last, NULL, 10) + (long)ordinal);
	else
		strbuf_addf(out, "+%zu", ordinal);
}

void block_map(const struct block_row *block, size_t cells, struct strbuf *out)
{
	size_t total = strlen(block->map);

	for (size_t i = 0; i < total; i++) {
		if (i % cells == 0) {
			put_label(out, block->id, i);
			strbuf_addch(out, '\t');
		} else if (i % 8 == 0) {
			strbuf_addch(out, ' ');
		}
		strbuf_addch(out, block->map[i]);
		if (i % cells == cells - 1 || i + 1 == total)
			strbuf_addch(out, '\n');
	}
}

static void map(const void *row, const struct model *model, struct strbuf *out)
{
	(void)model;
	block_map(row, 16, out);
}

const struct table blocks_table = {
	.model = MODEL_BLOCKS,
	.name = "blocks",
	.singular = "block",
	.title = "Address blocks",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "No node has claimed a block of addresses.",
	.empty_hint = "A node claims one when its first container on a Calico network starts.",
	.summary = summary,
	.json = json,
	.detail = detail,
	.map = map,
};
