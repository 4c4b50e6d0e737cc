/* Blocks of addresses as maps: a character for each address. */
#include <string.h>

#include "calico_tables.h"

static const char *net_in(struct snapshot *snapshot, const struct calico_net *net)
{
	char text[CALICO_NET_TEXT_BYTES];

	return arena_strdup(&snapshot->arena, calico_net_text_cidr(net, text));
}

/* A slot that is taken. */
static char mark_of(const struct calico_tables *tables, const struct calico_slot_verdict *slot)
{
	const struct calico_wep_verdict *holder = NULL;
	enum row_state state;

	switch (slot->kind) {
	case CALICO_SLOT_LEAKED:
		return 'L';
	case CALICO_SLOT_ORPHAN:
		return 'O';
	case CALICO_SLOT_FOREIGN:
		return 'F';
	case CALICO_SLOT_UNKNOWN:
		return '?';
	case CALICO_SLOT_IN_USE:
		break;
	}
	if (slot->wep)
		holder = calico_report_of(tables->report, slot->wep);
	calico_slot_word(slot, holder, &state);
	return state == STATE_PASS ? '#' : '?';
}

static void count_mark(struct block_row *row, char mark)
{
	switch (mark) {
	case 'L':
		row->leaked++;
		break;
	case 'O':
		row->orphans++;
		break;
	case 'F':
		row->foreign++;
		break;
	case '?':
		row->unknown++;
		break;
	default:
		row->used++;
		break;
	}
}

/* slots: those of the report that lie in the block, in order. */
static void add_block(const struct calico_tables *tables, const struct calico_block *block,
		      const struct calico_slot_verdict *slots, size_t count,
		      struct snapshot *snapshot)
{
	struct block_row *row = snapshot_add(snapshot);
	const struct calico_pool *pool = calico_state_pool_of(tables->state, &block->cidr);
	char *map = arena_alloc(&snapshot->arena, block->slot_count + 1);

	memset(map, '.', block->slot_count);
	for (size_t i = 0; i < count; i++) {
		if (slots[i].ordinal >= block->slot_count)
			continue;
		map[slots[i].ordinal] = mark_of(tables, &slots[i]);
		count_mark(row, map[slots[i].ordinal]);
	}
	row->id = net_in(snapshot, &block->cidr);
	row->node = block->affinity ? arena_strdup(&snapshot->arena, block->affinity) : "";
	row->pool = pool ? net_in(snapshot, &pool->cidr) : "";
	row->problem = block->problem ? arena_strdup(&snapshot->arena, block->problem) : "";
	row->map = map;
	row->strict = block->strict;
	row->total = (int64_t)block->slot_count;
	row->block_index = (int64_t)block->modified_index;
	if (block->problem) {
		row->status = "BROKEN";
		row->state = STATE_CRIT;
	} else if (row->leaked + row->orphans) {
		row->status = "LEAKS";
		row->state = STATE_STALE;
	} else {
		row->status = *row->node ? "ok" : "nobody's";
		row->state = *row->node ? STATE_PASS : STATE_NONE;
	}
}

void calico_blocks_publish(const struct calico_tables *tables, struct model *model)
{
	struct snapshot *snapshot = snapshot_new(MODEL_BLOCKS);
	const struct calico_report *report = tables->report;
	size_t at = 0;

	snapshot->index = tables->state->etcd_index;
	/* Both lists are in the order of the blocks. */
	for (size_t i = 0; i < tables->state->block_count; i++) {
		const struct calico_block *block = &tables->state->blocks[i];
		size_t first = at;

		while (at < report->slot_count && report->slots[at].block == block)
			at++;
		add_block(tables, block, report->slots + first, at - first, snapshot);
	}
	model_publish(model, snapshot);
}
