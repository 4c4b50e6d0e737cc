#include "slots.h"

#include <assert.h>
#include <stdlib.h>

#include "binnacle/base/list.h"

void slots_add(struct slots *slots, void *item)
{
	GROW(slots->items, slots->len, slots->cap);
	slots->items[slots->len++] = item;
}

void slots_remove(struct slots *slots, const void *item)
{
	for (size_t i = 0; i < slots->len; i++) {
		if (slots->items[i] == item) {
			slots->items[i] = NULL;
			slots->holes++;
			return;
		}
	}
	assert(!"removed what is not in the list");
}

void slots_compact(struct slots *slots)
{
	size_t kept = 0;

	if (slots->holes == 0)
		return;
	for (size_t i = 0; i < slots->len; i++) {
		if (slots->items[i])
			slots->items[kept++] = slots->items[i];
	}
	slots->len = kept;
	slots->holes = 0;
}

void slots_release(struct slots *slots)
{
	free(slots->items);
	*slots = (struct slots){ 0 };
}
