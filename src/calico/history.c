/* A map from key to when it was first and last seen with its present indices. An observation
 * marks what it saw with a number of its own; what has an older mark is gone. */
#include "binnacle/calico/verdict.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/strmap.h"

struct sighting {
	uint64_t created_index, modified_index;
	int64_t first_ms, last_ms;
	uint64_t observation;
};

struct calico_history {
	struct strmap sightings;
	uint64_t observation;
	struct strmap proofs; /* node -> id of its daemon */
};

struct calico_history *calico_history_new(void)
{
	return xcalloc(1, sizeof(struct calico_history));
}

void calico_history_free(struct calico_history *history)
{
	if (!history)
		return;
	for (size_t i = 0; i < history->sightings.count; i++)
		free(history->sightings.entries[i].value);
	strmap_release(&history->sightings);
	for (size_t i = 0; i < history->proofs.count; i++)
		free(history->proofs.entries[i].value);
	strmap_release(&history->proofs);
	free(history);
}

void calico_history_prove(struct calico_history *history, const struct calico_report *report)
{
	for (size_t i = 0; i < report->wep_count; i++) {
		const struct calico_wep_verdict *verdict = &report->weps[i];
		const struct calico_source *source = verdict->container_source;

		/* What a doubtful daemon has is unknown, not live or held. */
		if (!source || source != verdict->source || !*source->view->daemon_id ||
		    (verdict->verdict != CALICO_LIVE && verdict->verdict != CALICO_HELD) ||
		    calico_history_is_proven(history, source->node, source->view->daemon_id))
			continue;
		free(strmap_put(&history->proofs, source->node, xstrdup(source->view->daemon_id)));
	}
}

bool calico_history_is_proven(const struct calico_history *history, const char *node,
			      const char *daemon_id)
{
	const char *proven = history ? strmap_get(&history->proofs, node) : NULL;

	return proven && strcmp(proven, daemon_id) == 0;
}

static void see(struct calico_history *history, const char *key, uint64_t created_index,
		uint64_t modified_index, int64_t now_ms)
{
	struct sighting *sighting = strmap_get(&history->sightings, key);

	if (!sighting) {
		sighting = xcalloc(1, sizeof(*sighting));
		strmap_put(&history->sightings, key, sighting);
	}
	if (sighting->created_index != created_index ||
	    sighting->modified_index != modified_index || !sighting->observation)
		*sighting = (struct sighting){ .created_index = created_index,
					       .modified_index = modified_index,
					       .first_ms = now_ms };
	sighting->last_ms = now_ms;
	sighting->observation = history->observation;
}

/* Into a new map, because removing one by one would be slow when much has gone. */
static void forget_gone(struct calico_history *history)
{
	struct strmap kept = STRMAP_INIT;

	for (size_t i = 0; i < history->sightings.count; i++) {
		struct sighting *sighting = history->sightings.entries[i].value;

		if (sighting->observation == history->observation)
			strmap_put(&kept, history->sightings.entries[i].key, sighting);
		else
			free(sighting);
	}
	strmap_release(&history->sightings);
	history->sightings = kept;
}

void calico_history_observe(struct calico_history *history, const struct calico_state *state,
			    int64_t mono_ms)
{
	size_t seen = state->wep_count + state->block_count;

	history->observation++;
	for (size_t i = 0; i < state->wep_count; i++)
		see(history, state->weps[i].key, state->weps[i].created_index,
		    state->weps[i].modified_index, mono_ms);
	for (size_t i = 0; i < state->block_count; i++)
		see(history, state->blocks[i].key, state->blocks[i].created_index,
		    state->blocks[i].modified_index, mono_ms);
	if (history->sightings.count > seen)
		forget_gone(history);
}

int64_t calico_history_age_ms(const struct calico_history *history, const char *key,
			      uint64_t created_index, uint64_t modified_index)
{
	const struct sighting *sighting = history ? strmap_get(&history->sightings, key) : NULL;

	if (!sighting || sighting->created_index != created_index ||
	    sighting->modified_index != modified_index)
		return 0;
	return sighting->last_ms - sighting->first_ms;
}
