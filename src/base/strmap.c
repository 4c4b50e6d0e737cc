/* Open addressing over an array of 32-bit indices into the ordered entries. A removal shifts
 * the entries and rebuilds the indices: maps here are read far more often than cut. */
#include "binnacle/base/strmap.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"

/* Eight bytes at a time, each step mixed downwards as the low bits choose the slot. Keys come from
 * peers, but a map holds at most some ten thousand of them. */
static uint64_t hash_of(const char *key)
{
	size_t len = strlen(key);
	uint64_t hash = 1469598103934665603u ^ len, part;

	for (; len >= sizeof(part); len -= sizeof(part), key += sizeof(part)) {
		memcpy(&part, key, sizeof(part));
		hash = (hash ^ part) * 0x9e3779b97f4a7c15u;
		hash ^= hash >> 29;
	}
	part = 0;
	memcpy(&part, key, len);
	hash = (hash ^ part) * 0x9e3779b97f4a7c15u;
	return hash ^ hash >> 32;
}

static void place(struct strmap *map, size_t index)
{
	size_t slot = map->entries[index].hash & (map->slot_count - 1);

	while (map->slots[slot])
		slot = (slot + 1) & (map->slot_count - 1);
	map->slots[slot] = (uint32_t)index + 1;
}

static void rebuild(struct strmap *map, size_t slot_count)
{
	if (slot_count != map->slot_count)
		map->slots = xreallocarray(map->slots, slot_count, sizeof(*map->slots));
	map->slot_count = slot_count;
	memset(map->slots, 0, slot_count * sizeof(*map->slots));
	for (size_t i = 0; i < map->count; i++)
		place(map, i);
}

static struct strmap_entry *find(const struct strmap *map, const char *key)
{
	uint64_t hash;
	size_t slot;

	if (!map->slot_count)
		return NULL;
	hash = hash_of(key);
	slot = hash & (map->slot_count - 1);
	for (; map->slots[slot]; slot = (slot + 1) & (map->slot_count - 1)) {
		struct strmap_entry *entry = &map->entries[map->slots[slot] - 1];

		if (entry->hash == hash && strcmp(entry->key, key) == 0)
			return entry;
	}
	return NULL;
}

void strmap_release(struct strmap *map)
{
	for (size_t i = 0; i < map->count; i++)
		free(map->entries[i].key);
	free(map->entries);
	free(map->slots);
	*map = (struct strmap)STRMAP_INIT;
}

void *strmap_put(struct strmap *map, const char *key, void *value)
{
	struct strmap_entry *entry = find(map, key);

	if (entry) {
		void *old = entry->value;

		entry->value = value;
		return old;
	}
	GROW(map->entries, map->count, map->cap);
	map->entries[map->count++] = (struct strmap_entry){
		.key = xstrdup(key),
		.value = value,
		.hash = hash_of(key),
	};
	if (map->count * 3 >= map->slot_count * 2)
		rebuild(map, map->slot_count ? map->slot_count * 2 : 16);
	else
		place(map, map->count - 1);
	return NULL;
}

void *strmap_get(const struct strmap *map, const char *key)
{
	struct strmap_entry *entry = find(map, key);

	return entry ? entry->value : NULL;
}

bool strmap_has(const struct strmap *map, const char *key)
{
	return find(map, key) != NULL;
}

void *strmap_remove(struct strmap *map, const char *key)
{
	struct strmap_entry *entry = find(map, key);
	size_t index;
	void *value;

	if (!entry)
		return NULL;
	index = (size_t)(entry - map->entries);
	value = entry->value;
	free(entry->key);
	memmove(entry, entry + 1, (map->count - index - 1) * sizeof(*entry));
	map->count--;
	rebuild(map, map->slot_count);
	return value;
}
