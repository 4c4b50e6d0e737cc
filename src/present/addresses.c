#include <stdlib.h>
#include <string.h>

#include "binnacle/present/address.h"
#include "put.h"

COLUMN_TEXT(address, address_row, id)
COLUMN_TEXT(status, address_row, status)
COLUMN_TEXT(node, address_row, node)
COLUMN_TEXT(block, address_row, block)
COLUMN_TEXT(wanted_by, address_row, wanted_by)
COLUMN_TEXT(why, address_row, why)
ROW_STATE(state, address_row)

static void holder(const void *row, struct strbuf *out)
{
	const struct address_row *address_row = row;

	strbuf_addstr(out, address_row->holder);
	if (*address_row->holder && *address_row->holder_node)
		strbuf_addf(out, " on %s", address_row->holder_node);
}

static const struct column columns[] = {
	{ "address", "ADDRESS", 9, 39, 1, 0, .text = address },
	{ "state", "STATE", 6, 7, 1, COLUMN_STATE, .text = status },
	{ "holder", "HOLDER", 8, 40, 2, COLUMN_CUT_MIDDLE, .text = holder },
	{ "wanted", "WANTED BY", 9, 28, 2, COLUMN_CUT_MIDDLE, .text = wanted_by },
	{ "node", "BLOCK OF", 8, 20, 3, COLUMN_CUT_MIDDLE, .text = node },
	{ "why", "WHY", 10, 0, 3, 0, .text = why },
	{ "block", "BLOCK", 9, 43, 5, COLUMN_WIDE, .text = block },
};

/* What keeps somebody from starting first, then what can be given back. */
static int rank(const struct address_row *row)
{
	if (*row->wanted_by && row->state != STATE_PASS)
		return 0;
	if (row->state == STATE_STALE)
		return 1;
	return row->state == STATE_UNKNOWN ? 2 : 3;
}

static int order(const void *a, const void *b)
{
	const struct address_row *left = a, *right = b;
	int difference = rank(left) - rank(right);

	if (!difference)
		difference = present_compare_names(left->id, right->id);
	return difference;
}

static bool attention(const void *row)
{
	return ((const struct address_row *)row)->releasable;
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	static const char *const words[] = {
		"in use", "leaked", "orphan", "foreign", "young", "?"
	};
	struct strbuf text = STRBUF_INIT;

	for (size_t at = 0; at < COUNT_OF(words); at++) {
		size_t count = 0;

		for (size_t i = 0; i < snapshot->count; i++) {
			const struct address_row *row = snapshot_row(snapshot, i);

			count += strcmp(row->status, words[at]) == 0;
		}
		summary_add(&text, count, words[at]);
	}
	strbuf_addstr(out, text.len ? text.buf : "0");
	strbuf_release(&text);
}

static void json(const void *row, struct json *into)
{
	const struct address_row *address_row = row;

	json_add_str(into, "address", address_row->id);
	json_add_text(into, "state", address_row->status);
	json_add_text(into, "why", address_row->why);
	json_add_bool(into, "releasable", address_row->releasable);
	json_add_text(into, "holder", address_row->holder);
	json_add_text(into, "holder_node", address_row->holder_node);
	json_add_text(into, "endpoint", address_row->endpoint);
	json_add_text(into, "wanted_by", address_row->wanted_by);
	json_add_text(into, "wanted_on", address_row->wanted_on);
	json_add_text(into, "block", address_row->block);
	json_add_text(into, "node", address_row->node);
	json_add_int(into, "block_index", address_row->block_index);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct address_row *address_row = row;
	struct strbuf text = STRBUF_INIT;

	(void)model;
	detail_fmt(out, "state", "%s   %s", address_row->status, address_row->why);
	holder(row, &text);
	detail_text(out, "holder", text.buf);
	detail_text(out, "endpoint", address_row->endpoint);
	if (*address_row->wanted_by)
		detail_fmt(out, "wanted by", "%s on %s", address_row->wanted_by,
			   address_row->wanted_on);
	detail_text(out, "block", address_row->block);
	detail_text(out, "block of", *address_row->node ? address_row->node : "nobody");
	detail_fmt(out, "revision", "%lld", (long long)address_row->block_index);
	detail_heading(out, "Release");
	if (address_row->releasable)
		detail_fmt(out, "", "allowed: release %s", address_row->id);
	else
		detail_text(out, "", "not offered");
	strbuf_release(&text);
}

/* Its block, with the address in brackets. */
static void map(const void *row, const struct model *model, struct strbuf *out)
{
	const struct address_row *address_row = row;

	address_map(address_row->id, address_row->block, model, out);
}

const struct table addresses_table = {
	.model = MODEL_ADDRESSES,
	.name = "addresses",
	.singular = "address",
	.title = "Addresses",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "Calico has not assigned any address.",
	.empty_hint = "A container on a Calico network is given one from a pool.",
	.summary = summary,
	.json = json,
	.detail = detail,
	.map = map,
};
