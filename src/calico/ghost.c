/* Whether Docker may be told to drop the record of a ghost. The command is silent when it does
 * harm, so all that is known to go wrong with it is checked before. */
#include <string.h>

#include "judge.h"

/* The host part of "host:port" or "[host]:port" against a bare host. */
static bool is_host_of(const char *locator, const char *advertised)
{
	size_t len = strlen(locator);

	if (*advertised == '[')
		advertised++;
	return len && strncmp(advertised, locator, len) == 0 &&
	       (advertised[len] == ':' || advertised[len] == ']' || !advertised[len]);
}

static bool nobody_else_has(struct judge *judge, const struct calico_wep_verdict *ghost,
			    const struct calico_net *address, struct err *err)
{
	const struct address_use *use = judge_address(judge, address);
	const struct calico_state *state = judge->base->state;
	char text[CALICO_NET_TEXT_BYTES];

	calico_net_text(address, text);
	if (use->running)
		return err_set(err, ERR_REFUSED,
			       "container %s on %s runs with address %s: the command would take "
			       "it away",
			       use->running->container->name, use->running->source->view->source,
			       text);
	for (const struct wep_use *each = use->weps; each; each = each->next)
		if (&state->weps[each->index] != ghost->wep)
			return err_set(err, ERR_REFUSED,
				       "endpoint %.12s on %s has address %s too: the command "
				       "would take it away",
				       state->weps[each->index].id.endpoint,
				       state->weps[each->index].id.node, text);
	return true;
}

static bool check_disconnect(struct judge *judge, const struct calico_wep_verdict *ghost,
			     const char *locator, struct err *err)
{
	const struct calico_record *record = ghost->record;
	const struct calico_docker_view *view;
	struct calico_net address;

	if (!record || !ghost->source || !ghost->source->view)
		return err_set(err, ERR_REFUSED,
			       "the daemon of node %s has no record of this endpoint",
			       ghost->wep->id.node);
	view = ghost->source->view;
	if (!locator)
		return err_set(err, ERR_REFUSED,
			       "the record's owner cannot be read from Docker's cluster store");
	if (!is_host_of(locator, view->cluster_advertise))
		return err_set(err, ERR_REFUSED,
			       "the record belongs to the daemon at %.60s, not to %.60s", locator,
			       view->source);
	for (size_t i = 0; i < view->container_count; i++)
		if (strcmp(view->containers[i].name, record->name) == 0)
			return err_set(err, ERR_REFUSED,
				       "container %.60s on %.60s has the record's name: Docker "
				       "would disconnect the container instead; remove or rename "
				       "it first",
				       record->name, view->source);
	if (!record->address.version)
		return err_set(err, ERR_REFUSED, "the record has no address");
	address = calico_net_masked(&record->address, record->address.version == 4 ? 32 : 128);
	return nobody_else_has(judge, ghost, &address, err);
}

bool calico_ghost_may_disconnect(const struct calico_evidence_base *base,
				 const struct calico_wep_verdict *ghost, const char *locator,
				 struct err *err)
{
	struct arena arena = ARENA_INIT;
	struct judge judge = { .base = base, .arena = &arena };
	bool ok = true;

	judge_index(&judge);
	for (size_t i = 0; i < base->state->node_count && ok; i++) {
		const struct witness *witness = judge_witness(&judge, base->state->nodes[i].name);

		if (witness->reason && !witness->decommissioned)
			ok = err_set(err, ERR_REFUSED,
				     "%.200s: nobody knows whether it has the address",
				     witness->why);
	}
	ok = ok && check_disconnect(&judge, ghost, locator, err);
	judge_release(&judge);
	arena_release(&arena);
	return ok;
}
