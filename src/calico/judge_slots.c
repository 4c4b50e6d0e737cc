/* Allocated addresses: who has them, and which nobody has. */
#include <string.h>

#include "judge.h"

static void set(struct calico_slot_verdict *slot, enum calico_slot_verdict_kind kind,
		const char *why)
{
	slot->kind = kind;
	slot->why = why;
}

static bool is_in_use(struct judge *judge, struct calico_slot_verdict *slot,
		      const struct address_use *use)
{
	struct arena *arena = judge->arena;
	const struct calico_wep_verdict *user = NULL;

	for (const struct wep_use *each = use->weps; each; each = each->next) {
		const struct calico_wep_verdict *verdict = &judge->weps[each->index];

		if (!slot->wep)
			slot->wep = verdict->wep;
		/* A live one says more than one of which nothing is known. */
		if (!calico_verdict_is_dead(verdict->verdict) &&
		    (!user || verdict->verdict == CALICO_LIVE))
			user = verdict;
	}
	if (user) {
		slot->wep = user->wep;
		set(slot, CALICO_SLOT_IN_USE,
		    arena_printf(arena, "%s endpoint %.12s%s%s on %s",
				 calico_verdict_name(user->verdict), user->wep->id.endpoint,
				 *user->name ? " " : "", user->name, user->wep->id.node));
		return true;
	}
	if (use->running) {
		slot->used_by = use->running->container;
		set(slot, CALICO_SLOT_IN_USE,
		    arena_printf(arena, "container %s on %s runs with it",
				 use->running->container->name,
				 use->running->source->view->source));
		return true;
	}
	if (use->tunnel_node) {
		set(slot, CALICO_SLOT_IN_USE,
		    arena_printf(arena, "tunnel address of node %s", use->tunnel_node));
		return true;
	}
	return false;
}

static bool is_young(struct judge *judge, const struct calico_block *block)
{
	return calico_history_age_ms(judge->base->history, block->key, block->created_index,
				     block->modified_index) < judge->grace_ms;
}

/* An endpoint that cannot be read may have any address, one with a whole network all of it. */
static bool is_vague(const struct calico_wep *wep)
{
	for (size_t i = 0; i < wep->net_count; i++)
		if (wep->nets[i].bits < (wep->nets[i].version == 4 ? 32 : 128))
			return true;
	return wep->problem != NULL;
}

/* Found once: to look at every endpoint for each orphan takes seconds in a large cluster. Who
 * has a single address stands in the index of addresses. */
static void find_vague(struct judge *judge)
{
	const struct calico_state *state = judge->base->state;

	judge->vague = arena_alloc(judge->arena, (state->wep_count + 1) * sizeof(*judge->vague));
	for (size_t i = 0; i < state->wep_count; i++)
		if (is_vague(&state->weps[i]))
			judge->vague[judge->vague_count++] = &state->weps[i];
}

static const struct calico_wep *may_have(const struct judge *judge,
					 const struct calico_net *address)
{
	for (size_t i = 0; i < judge->vague_count; i++)
		if (judge->vague[i]->problem || calico_wep_has_address(judge->vague[i], address))
			return judge->vague[i];
	return NULL;
}

static void judge_orphan(struct judge *judge, const struct calico_report *report,
			 struct calico_slot_verdict *slot)
{
	const struct calico_wep *wep = may_have(judge, &slot->address);

	if (wep) {
		set(slot, CALICO_SLOT_UNKNOWN,
		    arena_printf(judge->arena, "endpoint %.12s on %s may have it", wep->id.endpoint,
				 wep->id.node));
		slot->reason = CALICO_REASON_FOREIGN;
	} else if (!report->all_nodes_known) {
		set(slot, CALICO_SLOT_UNKNOWN, judge->unknown.why);
		slot->reason = judge->unknown.reason;
	} else if (is_young(judge, slot->block)) {
		set(slot, CALICO_SLOT_UNKNOWN, "its block has changed lately");
		slot->reason = CALICO_REASON_YOUNG;
	} else {
		set(slot, CALICO_SLOT_ORPHAN, "no endpoint and no container has it");
		slot->releasable = true;
	}
}

static void judge_slot(struct judge *judge, const struct calico_report *report,
		       struct calico_slot_verdict *slot)
{
	const struct address_use *use = judge_address(judge, &slot->address);

	slot->wanted_by = use->waiting ? use->waiting->container : NULL;
	slot->wanted_on = use->waiting ? use->waiting->source : NULL;
	if (slot->block->slots[slot->ordinal].handle) {
		set(slot, CALICO_SLOT_FOREIGN, "it has a handle: another orchestrator's");
		return;
	}
	if (is_in_use(judge, slot, use))
		return;
	if (use->weps) {
		set(slot, CALICO_SLOT_LEAKED, "only endpoints that are left over have it");
		slot->releasable = report->all_nodes_known;
	} else {
		judge_orphan(judge, report, slot);
	}
	/* Docker's record would release the address once more when it goes. */
	if (use->listings && slot->releasable) {
		slot->releasable = false;
		slot->record = use->listings->record;
		slot->why = arena_printf(judge->arena, "%s; Docker's record of %s must go first",
					 slot->why, use->listings->record->name);
	}
}

void judge_slots(struct judge *judge, struct calico_report *report)
{
	const struct calico_state *state = judge->base->state;
	struct calico_slot_verdict *slots;
	size_t total = 0, count = 0;

	for (size_t i = 0; i < state->block_count; i++)
		total += state->blocks[i].problem ? 0 : state->blocks[i].allocated_count;
	slots = arena_alloc(judge->arena, (total + 1) * sizeof(*slots));
	find_vague(judge);
	for (size_t i = 0; i < state->block_count; i++) {
		const struct calico_block *block = &state->blocks[i];

		for (uint32_t j = 0; !block->problem && j < block->slot_count; j++) {
			if (!block->slots[j].allocated)
				continue;
			slots[count].block = block;
			slots[count].ordinal = j;
			slots[count].address = calico_net_at(&block->cidr, j);
			judge_slot(judge, report, &slots[count++]);
		}
	}
	report->slots = slots;
	report->slot_count = count;
	report->slots_sorted = true;
	for (size_t i = 1; i < count && report->slots_sorted; i++)
		report->slots_sorted =
			calico_net_compare(&slots[i - 1].address, &slots[i].address) < 0;
}

static bool is_complaint(const struct calico_container *container, bool *about_name)
{
	*about_name = strstr(container->error, "already exists in network") != NULL;
	return !container->running &&
	       (*about_name || strstr(container->error, "Address already assigned in block"));
}

static struct calico_net wanted_address(const struct calico_container *container)
{
	for (size_t i = 0; i < container->attachment_count; i++)
		if (container->attachments[i].wanted.version)
			return container->attachments[i].wanted;
	return (struct calico_net){ 0 };
}

void judge_complaints(struct judge *judge, struct calico_report *report)
{
	const struct calico_evidence_base *base = judge->base;
	struct calico_complaint *complaints;
	size_t total = 0, count = 0;
	bool about_name;

	for (size_t i = 0; i < base->source_count; i++)
		total += base->sources[i].view ? base->sources[i].view->container_count : 0;
	complaints = arena_alloc(judge->arena, (total + 1) * sizeof(*complaints));
	for (size_t i = 0; i < base->source_count; i++) {
		const struct calico_docker_view *view = base->sources[i].view;

		for (size_t j = 0; view && j < view->container_count; j++) {
			if (!is_complaint(&view->containers[j], &about_name))
				continue;
			complaints[count++] =
				(struct calico_complaint){ &base->sources[i], &view->containers[j],
							   wanted_address(&view->containers[j]),
							   about_name };
		}
	}
	report->complaints = complaints;
	report->complaint_count = count;
}
