/*
 * base/strmap.h - map from string to pointer, iterated in the order of insertion.
 *
 * Keys are copied. Values are the caller's: the map never frees them. A removed key keeps the
 * order of the others.
 *
 *     struct strmap map = STRMAP_INIT;
 *     strmap_put(&map, "web", service);
 *     for (size_t i = 0; i < map.count; i++)
 *         use(map.entries[i].key, map.entries[i].value);
 *     strmap_release(&map);
 */
#ifndef BINNACLE_BASE_STRMAP_H
#define BINNACLE_BASE_STRMAP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct strmap_entry {
	char *key;
	void *value;
	uint64_t hash;
};

struct strmap {
	struct strmap_entry *entries; /* in order of insertion; read-only for callers */
	size_t count, cap;
	uint32_t *slots; /* index + 1 into entries, 0 = free */
	size_t slot_count;
};

#define STRMAP_INIT                                                                                \
	{                                                                                          \
		0                                                                                  \
	}

void strmap_release(struct strmap *map);
/* Put or replace; gives back the value that was there, or NULL. */
void *strmap_put(struct strmap *map, const char *key, void *value);
void *strmap_get(const struct strmap *map, const char *key); /* NULL when absent */
bool strmap_has(const struct strmap *map, const char *key);
/* Remove; gives back the value that was there, or NULL. */
void *strmap_remove(struct strmap *map, const char *key);

#endif
