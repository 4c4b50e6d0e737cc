/* Finding things in a state, and what policies make of an endpoint. */
#include "binnacle/calico/store.h"

#include <stdlib.h>
#include <string.h>

#include "state_private.h"

const struct calico_wep *calico_state_wep(const struct calico_state *state, const char *key)
{
	struct calico_wep wanted = { .key = key };

	return state->wep_count ? bsearch(&wanted, state->weps, state->wep_count, sizeof(wanted),
					  state_by_wep_key)
				: NULL;
}

const struct calico_node *calico_state_node(const struct calico_state *state, const char *name)
{
	struct calico_node wanted = { .name = name };

	return state->node_count ? bsearch(&wanted, state->nodes, state->node_count, sizeof(wanted),
					   state_by_node_name)
				 : NULL;
}

const struct calico_profile *calico_state_profile(const struct calico_state *state,
						  const char *name)
{
	struct calico_profile wanted = { .name = name };

	return state->profile_count ? bsearch(&wanted, state->profiles, state->profile_count,
					      sizeof(wanted), state_by_profile_name)
				    : NULL;
}

const struct calico_block *calico_state_block_of(const struct calico_state *state,
						 const struct calico_net *address)
{
	for (size_t i = 0; i < state->block_count; i++)
		if (calico_net_contains(&state->blocks[i].cidr, address))
			return &state->blocks[i];
	return NULL;
}

const struct calico_pool *calico_state_pool_of(const struct calico_state *state,
					       const struct calico_net *address)
{
	const struct calico_pool *best = NULL;

	for (size_t i = 0; i < state->pool_count; i++) {
		const struct calico_pool *pool = &state->pools[i];

		if (!pool->problem && calico_net_contains(&pool->cidr, address) &&
		    (!best || pool->cidr.bits > best->cidr.bits))
			best = pool;
	}
	return best;
}

static const char *label_of_profile(const struct calico_profile *profile, const char *name)
{
	const struct json_pair *label = profile->labels.items;
	const char *const *tag = profile->tags.items;

	for (size_t i = 0; i < profile->labels.count; i++)
		if (strcmp(label[i].key, name) == 0)
			return label[i].value;
	for (size_t i = 0; i < profile->tags.count; i++)
		if (strcmp(tag[i], name) == 0)
			return "";
	return NULL;
}

const char *calico_state_label(const struct calico_state *state, const struct calico_wep *wep,
			       const char *name)
{
	const char *value = calico_wep_label(wep, name);
	const char *const *profile_name = wep->profiles.items;

	for (size_t i = 0; !value && i < wep->profiles.count; i++) {
		const struct calico_profile *profile = calico_state_profile(state, profile_name[i]);

		if (profile)
			value = label_of_profile(profile, name);
	}
	return value;
}

struct labelled {
	const struct calico_state *state;
	const struct calico_wep *wep;
};

static const char *label_of_endpoint(void *arg, const char *name)
{
	const struct labelled *labelled = arg;

	return calico_state_label(labelled->state, labelled->wep, name);
}

bool calico_state_selects(const struct calico_state *state, const struct calico_policy *policy,
			  const struct calico_wep *wep)
{
	struct labelled labelled = { state, wep };

	if (policy->name_space &&
	    (!wep->id.name_space || strcmp(policy->name_space, wep->id.name_space) != 0))
		return false;
	return policy->selector && !policy->problem && !wep->problem &&
	       calico_selector_matches(policy->selector, label_of_endpoint, &labelled);
}

struct calico_effect calico_state_effect(const struct calico_state *state,
					 const struct calico_wep *wep)
{
	struct calico_effect effect = { 0 };
	const char *const *profile_name = wep->profiles.items;

	for (size_t i = 0; i < state->policy_count; i++) {
		if (!calico_state_selects(state, &state->policies[i], wep))
			continue;
		effect.ingress_policies += state->policies[i].ingress;
		effect.egress_policies += state->policies[i].egress;
	}
	for (size_t i = 0; i < wep->profiles.count; i++)
		effect.profiles += calico_state_profile(state, profile_name[i]) != NULL;
	return effect;
}
