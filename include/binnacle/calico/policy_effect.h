/*
 * calico/policy_effect.h - what a change of one policy does to the endpoints, before it is made.
 *
 * For each direction an endpoint's policies decide; only when none is about that direction do
 * its profiles; with none of them either, everything is dropped.
 */
#ifndef BINNACLE_CALICO_POLICY_EFFECT_H
#define BINNACLE_CALICO_POLICY_EFFECT_H

#include <stddef.h>

#include "binnacle/base/mem.h"
#include "binnacle/calico/store.h"

/* Places in the state's list of endpoints. */
struct calico_places {
	const size_t *items;
	size_t count;
};

struct calico_policy_effect {
	struct calico_places selected;     /* by the policy as it will be */
	struct calico_places gained, lost; /* by the selector */
	/* In a direction that their profiles decided so far and policies do from now on: what no
	 * rule admits is dropped. */
	struct calico_places restricted_in, restricted_out;
	/* In a direction that neither a policy nor a profile decides any more. */
	struct calico_places cut_in, cut_out;
	/* In a direction that the profiles decide from now on. */
	struct calico_places opened_in, opened_out;
};

/* before or after may be NULL: it is created, or deleted. before is one of the state's. The lists
 * are in the arena. */
struct calico_policy_effect calico_policy_effect(const struct calico_state *state,
						 const struct calico_policy *before,
						 const struct calico_policy *after,
						 struct arena *arena);

#endif
