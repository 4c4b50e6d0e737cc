#include "binnacle/calico/policy_effect.h"

/* A list that is being filled; it has room for every endpoint. */
struct filling {
	size_t *items;
	size_t count;
};

enum list {
	SELECTED,
	GAINED,
	LOST,
	LIMITED_IN,
	LIMITED_OUT,
	CUT_IN,
	CUT_OUT,
	OPENED_IN,
	OPENED_OUT,
	LIST_COUNT,
};

/* How a direction is decided: by policies, else by profiles, else by nobody. */
enum decider { BY_NOBODY, BY_PROFILES, BY_POLICIES };

static enum decider decider_of(size_t policies, size_t profiles)
{
	return policies ? BY_POLICIES : profiles ? BY_PROFILES : BY_NOBODY;
}

static void add(struct filling *list, size_t place)
{
	list->items[list->count++] = place;
}

/* One direction of one endpoint. */
static void compare(struct filling *lists, enum list limited, enum list cut, enum list opened,
		    size_t place, enum decider before, enum decider after)
{
	if (before == after)
		return;
	if (after == BY_POLICIES && before == BY_PROFILES)
		add(&lists[limited], place);
	else if (after == BY_NOBODY)
		add(&lists[cut], place);
	else if (after == BY_PROFILES)
		add(&lists[opened], place);
}

struct calico_policy_effect calico_policy_effect(const struct calico_state *state,
						 const struct calico_policy *before,
						 const struct calico_policy *after,
						 struct arena *arena)
{
	struct filling lists[LIST_COUNT] = { 0 };

	for (int i = 0; i < LIST_COUNT; i++)
		lists[i].items = arena_alloc(arena, (state->wep_count + 1) * sizeof(size_t));
	for (size_t i = 0; i < state->wep_count; i++) {
		const struct calico_wep *wep = &state->weps[i];
		bool was = before && calico_state_selects(state, before, wep);
		bool is = after && calico_state_selects(state, after, wep);
		struct calico_effect effect;
		size_t in, out;

		if (is)
			add(&lists[SELECTED], i);
		if (was && !is)
			add(&lists[LOST], i);
		if (is && !was)
			add(&lists[GAINED], i);
		if (!is && !was)
			continue;
		effect = calico_state_effect(state, wep);
		in = effect.ingress_policies - (was && before->ingress) + (is && after->ingress);
		out = effect.egress_policies - (was && before->egress) + (is && after->egress);
		compare(lists, LIMITED_IN, CUT_IN, OPENED_IN, i,
			decider_of(effect.ingress_policies, effect.profiles),
			decider_of(in, effect.profiles));
		compare(lists, LIMITED_OUT, CUT_OUT, OPENED_OUT, i,
			decider_of(effect.egress_policies, effect.profiles),
			decider_of(out, effect.profiles));
	}
	return (struct calico_policy_effect){
		.selected = { lists[SELECTED].items, lists[SELECTED].count },
		.gained = { lists[GAINED].items, lists[GAINED].count },
		.lost = { lists[LOST].items, lists[LOST].count },
		.restricted_in = { lists[LIMITED_IN].items, lists[LIMITED_IN].count },
		.restricted_out = { lists[LIMITED_OUT].items, lists[LIMITED_OUT].count },
		.cut_in = { lists[CUT_IN].items, lists[CUT_IN].count },
		.cut_out = { lists[CUT_OUT].items, lists[CUT_OUT].count },
		.opened_in = { lists[OPENED_IN].items, lists[OPENED_IN].count },
		.opened_out = { lists[OPENED_OUT].items, lists[OPENED_OUT].count },
	};
}
