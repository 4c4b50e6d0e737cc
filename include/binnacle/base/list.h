/*
 * base/list.h - growable arrays as three members: items, len, cap.
 *
 *     GROW(list->items, list->len, list->cap);
 *     list->items[list->len++] = item;
 */
#ifndef BINNACLE_BASE_LIST_H
#define BINNACLE_BASE_LIST_H

#include <stddef.h>

#include "binnacle/base/mem.h"

#define COUNT_OF(array) (sizeof(array) / sizeof((array)[0]))

/* Make room for one more element. */
#define GROW(items, len, cap)                                                                      \
	do {                                                                                       \
		if ((len) == (cap)) {                                                              \
			(cap) = (cap) ? (cap)*2 : 8;                                               \
			(items) = xreallocarray((items), (cap), sizeof(*(items)));                 \
		}                                                                                  \
	} while (0)

#endif
