#include "binnacle/calico/verdict.h"

#include <string.h>

struct json_list calico_labels_missing(const struct calico_wep_verdict *verdict,
				       int64_t now_wall_ms, struct arena *arena)
{
	const struct calico_container *container = verdict->container;
	const struct json_pair *pairs;
	struct json_pair *missing;
	size_t count = 0;

	if (verdict->verdict != CALICO_LIVE || !container || !container->started_wall_ms ||
	    now_wall_ms - container->started_wall_ms < CALICO_LABELS_WAIT_MS)
		return (struct json_list){ 0 };
	pairs = container->calico_labels.items;
	missing = arena_alloc(arena, (container->calico_labels.count + 1) * sizeof(*missing));
	for (size_t i = 0; i < container->calico_labels.count; i++) {
		const char *value = calico_wep_label(verdict->wep, pairs[i].key);

		if (!value || strcmp(value, pairs[i].value) != 0)
			missing[count++] = pairs[i];
	}
	return (struct json_list){ missing, count };
}
