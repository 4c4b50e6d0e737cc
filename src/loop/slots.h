/*
 * slots.h - a list of pointers that may change while it is walked.
 *
 * Removing empties a slot; the holes go when the walk is over (slots_compact). What is added
 * during a walk comes after the end that the walk saw at its start.
 */
#ifndef BINNACLE_LOOP_SLOTS_H
#define BINNACLE_LOOP_SLOTS_H

#include <stddef.h>

struct slots {
	void **items;
	size_t len, cap;
	size_t holes;
};

void slots_add(struct slots *slots, void *item);
void slots_remove(struct slots *slots, const void *item);
void slots_compact(struct slots *slots); /* never during a walk */
void slots_release(struct slots *slots);

#endif
