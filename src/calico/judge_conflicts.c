/* What is wrong with an endpoint's address, whatever the endpoint's own verdict. */
#include <string.h>

#include "judge.h"

struct conflict_check {
	struct judge *judge;
	struct calico_wep_verdict *verdict;
	const struct calico_net *address;
	const struct address_use *use;
	char text[CALICO_NET_TEXT_BYTES];
	bool allocated;
	struct evidence_builder found;
};

static void add(struct conflict_check *check, const char *source, const char *sentence)
{
	evidence_add(check->judge, &check->found, source, sentence);
}

static void check_duplicate(struct conflict_check *check)
{
	const struct wep_use *use = check->use->weps;
	struct arena *arena = check->judge->arena;

	for (; use; use = use->next) {
		const struct calico_wep_verdict *other = &check->judge->weps[use->index];

		if (other == check->verdict)
			continue;
		check->verdict->duplicate = true;
		add(check, "calico",
		    arena_printf(arena, "%s is also the address of %s endpoint %.12s%s%s on %s",
				 check->text, calico_verdict_name(other->verdict),
				 other->wep->id.endpoint, *other->name ? " " : "", other->name,
				 other->wep->id.node));
	}
}

static void check_ipam(struct conflict_check *check)
{
	const struct calico_state *state = check->judge->base->state;
	const struct calico_block *block = calico_state_block_of(state, check->address);
	const struct calico_slot *slot = block ? calico_block_slot(block, check->address) : NULL;
	bool live = check->verdict->verdict == CALICO_LIVE;

	check->allocated = slot && slot->allocated;
	if (!calico_state_pool_of(state, check->address))
		add(check, "ipam",
		    arena_printf(check->judge->arena, "%s is outside every pool", check->text));
	/* A block that cannot be read says nothing about its slots. */
	if (check->allocated || (block && block->problem))
		return;
	check->verdict->urgent = check->verdict->urgent || live;
	add(check, "ipam",
	    arena_printf(check->judge->arena,
			 live ? "%s is not allocated: it can be given to another container"
			      : "%s is not allocated any more",
			 check->text));
}

static void check_waiting(struct conflict_check *check)
{
	const struct reference *waiting = check->use->waiting;
	enum calico_verdict verdict = check->verdict->verdict;

	if (!calico_verdict_is_dead(verdict))
		return;
	for (; waiting; waiting = waiting->next) {
		/* The stopped container of a crash gets its own address back if the slot is free.
		 */
		if (verdict == CALICO_HELD && !check->allocated)
			continue;
		add(check, "docker",
		    arena_printf(check->judge->arena,
				 "container %s on %s (%s) asks for %s and cannot start",
				 waiting->container->name, waiting->source->view->source,
				 waiting->container->status, check->text));
	}
}

static void check_container_address(struct conflict_check *check)
{
	const struct calico_container *container = check->verdict->container;
	char theirs[CALICO_NET_TEXT_BYTES];

	if (check->verdict->verdict != CALICO_LIVE)
		return;
	for (size_t i = 0; i < container->attachment_count; i++) {
		const struct calico_attachment *attachment = &container->attachments[i];

		if (strcmp(attachment->endpoint_id, check->verdict->wep->id.endpoint) != 0 ||
		    !attachment->address.version ||
		    calico_wep_has_address(check->verdict->wep, &attachment->address))
			continue;
		add(check, "docker",
		    arena_printf(check->judge->arena,
				 "container %s has address %s, which is not the endpoint's",
				 container->name, calico_net_text(&attachment->address, theirs)));
	}
}

void judge_conflicts(struct judge *judge)
{
	for (size_t i = 0; i < judge->base->state->wep_count; i++) {
		struct calico_wep_verdict *verdict = &judge->weps[i];
		struct conflict_check check = { .judge = judge, .verdict = verdict };

		for (size_t j = 0; j < verdict->wep->net_count; j++) {
			check.address = &verdict->wep->nets[j];
			check.use = judge_address(judge, check.address);
			calico_net_text(check.address, check.text);
			check_duplicate(&check);
			check_ipam(&check);
			check_waiting(&check);
		}
		check_container_address(&check);
		verdict->conflicts = evidence_finish(judge, &check.found);
		verdict->conflicting = verdict->conflicts.count > 0;
	}
}
