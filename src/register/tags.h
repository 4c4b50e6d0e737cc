/*
 * tags.h - comma lists of tags. Pure.
 */
#ifndef REGISTER_TAGS_H
#define REGISTER_TAGS_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/mem.h"

struct tag_list {
	const char **items; /* texts in the arena */
	size_t count, cap;
};

/*
 * Add the elements of `text`: split at commas, `\,` is a comma, empty ones vanish, blanks stay.
 * reversed: in Registrator's order, the last one first.
 */
void tags_add_list(struct tag_list *tags, struct arena *arena, const char *text, bool reversed);
void tags_release(struct tag_list *tags);

#endif
