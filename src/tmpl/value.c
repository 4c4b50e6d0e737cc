/* Lists and maps are growing arrays in the arena: what they outgrow stays there until the arena
 * goes, which at doubling sizes costs at most as much again. Maps are sorted arrays, because
 * everything that reads a map in Go's templates reads it in the order of its keys. */
#include "binnacle/tmpl/value.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"

static const struct tmpl_value nil_value = { .type = &tmpl_type_any };
static const struct tmpl_value true_value = { .type = &tmpl_type_bool, .u.boolean = true };
static const struct tmpl_value false_value = { .type = &tmpl_type_bool, .u.boolean = false };

/* Zero values never change, so one of each will do. */
static const struct tmpl_value zeros[] = {
	{ .type = &tmpl_type_string, .u.string.text = "" },
	{ .type = &tmpl_type_int },
	{ .type = &tmpl_type_int64 },
	{ .type = &tmpl_type_uint64 },
	{ .type = &tmpl_type_float64 },
	{ .type = &tmpl_type_bool },
	{ .type = &tmpl_type_strings, .u.list.null = true },
	{ .type = &tmpl_type_tags, .u.list.null = true },
	{ .type = &tmpl_type_checks, .u.list.null = true },
	{ .type = &tmpl_type_string_map, .u.map.null = true },
	{ .type = &tmpl_type_service_address_map, .u.map.null = true },
};

/* Most values are strings and numbers, and take a part of the union only: a catalog of some
 * thousand services is a million of them. Values are never copied as a whole. */
static size_t value_size(enum tmpl_kind kind)
{
	size_t head = offsetof(struct tmpl_value, u);
	const struct tmpl_value *value = NULL;

	switch (kind) {
	case TMPL_STRING:
		return head + sizeof(value->u.string);
	case TMPL_BOOL:
	case TMPL_INT:
	case TMPL_UINT:
	case TMPL_FLOAT:
		return head + sizeof(value->u.integer);
	case TMPL_RECORD:
		return head + sizeof(value->u.fields);
	default:
		return sizeof(*value);
	}
}

static struct tmpl_value *value_new(struct arena *arena, const struct tmpl_type *type)
{
	struct tmpl_value *value = arena_alloc(arena, value_size(type->kind));

	value->type = type;
	return value;
}

const struct tmpl_value *tmpl_nil(void)
{
	return &nil_value;
}

const struct tmpl_value *tmpl_bool(bool value)
{
	return value ? &true_value : &false_value;
}

const struct tmpl_value *tmpl_int(struct arena *arena, int64_t value)
{
	struct tmpl_value *made = value_new(arena, &tmpl_type_int);

	made->u.integer = value;
	return made;
}

const struct tmpl_value *tmpl_int64(struct arena *arena, int64_t value)
{
	struct tmpl_value *made = value_new(arena, &tmpl_type_int64);

	made->u.integer = value;
	return made;
}

const struct tmpl_value *tmpl_uint64(struct arena *arena, uint64_t value)
{
	struct tmpl_value *made = value_new(arena, &tmpl_type_uint64);

	made->u.uinteger = value;
	return made;
}

const struct tmpl_value *tmpl_float(struct arena *arena, double value)
{
	struct tmpl_value *made = value_new(arena, &tmpl_type_float64);

	made->u.real = value;
	return made;
}

const struct tmpl_value *tmpl_string_take(struct arena *arena, const char *bytes, size_t len)
{
	struct tmpl_value *made = value_new(arena, &tmpl_type_string);

	made->u.string.text = bytes;
	made->u.string.len = len;
	return made;
}

const struct tmpl_value *tmpl_string(struct arena *arena, const char *bytes, size_t len)
{
	return tmpl_string_take(arena, arena_strndup(arena, bytes, len), len);
}

const struct tmpl_value *tmpl_str(struct arena *arena, const char *text)
{
	return tmpl_string(arena, text, strlen(text));
}

const struct tmpl_value *tmpl_string_from(struct arena *arena, struct strbuf *text)
{
	const struct tmpl_value *value = tmpl_string(arena, text->buf, text->len);

	strbuf_release(text);
	return value;
}

const struct tmpl_value *tmpl_zero(struct arena *arena, const struct tmpl_type *type)
{
	struct tmpl_value *zero;

	if (type->kind == TMPL_NIL)
		return &nil_value;
	for (size_t i = 0; i < COUNT_OF(zeros); i++)
		if (zeros[i].type == type)
			return &zeros[i];
	if (type->kind == TMPL_RECORD && !type->pointer)
		return tmpl_record_new(arena, type);
	zero = value_new(arena, type);
	if (type->kind == TMPL_STRING)
		zero->u.string.text = "";
	else if (type->kind == TMPL_TIME)
		zero->u.time.zone = "UTC";
	else if (type->kind == TMPL_LIST)
		zero->u.list.null = true;
	else if (type->kind == TMPL_MAP)
		zero->u.map.null = true;
	return zero;
}

struct tmpl_value *tmpl_list_new(struct arena *arena, const struct tmpl_type *type)
{
	assert(type->kind == TMPL_LIST);
	return value_new(arena, type);
}

static void *grown(struct arena *arena, const void *items, size_t count, size_t *cap, size_t size)
{
	void *more;

	*cap = *cap ? *cap * 2 : 4;
	more = arena_alloc(arena, *cap * size);
	if (count)
		memcpy(more, items, count * size);
	return more;
}

void tmpl_list_add(struct arena *arena, struct tmpl_value *list, const struct tmpl_value *item)
{
	if (list->u.list.count == list->u.list.cap)
		list->u.list.items = grown(arena, list->u.list.items, list->u.list.count,
					   &list->u.list.cap, sizeof(*list->u.list.items));
	list->u.list.items[list->u.list.count++] = item;
	list->u.list.null = false;
}

struct tmpl_value *tmpl_map_new(struct arena *arena, const struct tmpl_type *type)
{
	struct tmpl_value *map = value_new(arena, type);

	assert(type->kind == TMPL_MAP);
	map->u.map.owner = arena;
	return map;
}

static int compare_bytes(const char *a, size_t a_len, const char *b, size_t b_len)
{
	size_t len = a_len < b_len ? a_len : b_len;
	int order = len ? memcmp(a, b, len) : 0;

	if (order)
		return order;
	return (a_len > b_len) - (a_len < b_len);
}

int tmpl_compare_strings(const struct tmpl_value *a, const struct tmpl_value *b)
{
	return compare_bytes(a->u.string.text, a->u.string.len, b->u.string.text, b->u.string.len);
}

static int compare_keys(const struct tmpl_value *a, const struct tmpl_value *b)
{
	if (a->type->kind == TMPL_INT && b->type->kind == TMPL_INT)
		return (a->u.integer > b->u.integer) - (a->u.integer < b->u.integer);
	if (a->type->kind == TMPL_STRING && b->type->kind == TMPL_STRING)
		return tmpl_compare_strings(a, b);
	return (a->type->kind > b->type->kind) - (a->type->kind < b->type->kind);
}

/* The index of the key, or of the first greater one; *found says which. */
static size_t map_find(const struct tmpl_value *map, const struct tmpl_value *key, bool *found)
{
	size_t low = 0, high = map->u.map.count;

	*found = false;
	/* Filling in order is the usual case. */
	if (high && compare_keys(map->u.map.pairs[high - 1].key, key) < 0)
		return high;
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = compare_keys(map->u.map.pairs[middle].key, key);

		if (order == 0) {
			*found = true;
			return middle;
		}
		if (order < 0)
			low = middle + 1;
		else
			high = middle;
	}
	return low;
}

void tmpl_map_put(struct arena *arena, struct tmpl_value *map, const struct tmpl_value *key,
		  const struct tmpl_value *value)
{
	bool found;
	size_t at = map_find(map, key, &found);

	map->u.map.null = false;
	if (found) {
		map->u.map.pairs[at].value = value;
		return;
	}
	if (map->u.map.count == map->u.map.cap)
		map->u.map.pairs = grown(arena, map->u.map.pairs, map->u.map.count, &map->u.map.cap,
					 sizeof(*map->u.map.pairs));
	memmove(&map->u.map.pairs[at + 1], &map->u.map.pairs[at],
		(map->u.map.count - at) * sizeof(*map->u.map.pairs));
	map->u.map.pairs[at] = (struct tmpl_pair){ key, value };
	map->u.map.count++;
}

void tmpl_map_remove(struct tmpl_value *map, const struct tmpl_value *key)
{
	bool found;
	size_t at = map_find(map, key, &found);

	if (!found)
		return;
	map->u.map.count--;
	memmove(&map->u.map.pairs[at], &map->u.map.pairs[at + 1],
		(map->u.map.count - at) * sizeof(*map->u.map.pairs));
}

/* qsort is not stable, so the place decides between equal keys. */
struct placed_pair {
	struct tmpl_pair pair;
	size_t place;
};

static int compare_placed(const void *a, const void *b)
{
	const struct placed_pair *one = a, *other = b;
	int order = compare_keys(one->pair.key, other->pair.key);

	return order ? order : (one->place > other->place) - (one->place < other->place);
}

void tmpl_map_fill(struct arena *arena, struct tmpl_value *map, struct tmpl_pair *pairs,
		   size_t count)
{
	struct placed_pair *placed;
	size_t kept = 0;

	assert(map->u.map.count == 0);
	if (!count)
		return;
	placed = xreallocarray(NULL, count, sizeof(*placed));
	for (size_t i = 0; i < count; i++)
		placed[i] = (struct placed_pair){ pairs[i], i };
	qsort(placed, count, sizeof(*placed), compare_placed);
	map->u.map.pairs = arena_alloc(arena, count * sizeof(*pairs));
	map->u.map.cap = count;
	for (size_t i = 0; i < count; i++) {
		if (i + 1 < count && !compare_keys(placed[i].pair.key, placed[i + 1].pair.key))
			continue;
		map->u.map.pairs[kept++] = placed[i].pair;
	}
	map->u.map.count = kept;
	free(placed);
}

const struct tmpl_value *tmpl_map_get_value(const struct tmpl_value *map,
					    const struct tmpl_value *key)
{
	bool found;
	size_t at = map_find(map, key, &found);

	return found ? map->u.map.pairs[at].value : NULL;
}

const struct tmpl_value *tmpl_map_get(const struct tmpl_value *map, const char *key, size_t len)
{
	struct tmpl_value wanted = { .type = &tmpl_type_string };

	wanted.u.string.text = key;
	wanted.u.string.len = len;
	return tmpl_map_get_value(map, &wanted);
}

struct tmpl_value *tmpl_record_new(struct arena *arena, const struct tmpl_type *type)
{
	struct tmpl_value *record = value_new(arena, type);

	assert(type->kind == TMPL_RECORD);
	record->u.fields = arena_alloc(arena, type->field_count * sizeof(*record->u.fields));
	for (size_t i = 0; i < type->field_count; i++)
		record->u.fields[i] = tmpl_zero(arena, type->fields[i].type);
	return record;
}

const struct tmpl_field *tmpl_type_field(const struct tmpl_type *type, const char *name)
{
	/* The first letter tells nearly all of them apart. */
	for (size_t i = 0; i < type->field_count; i++)
		if (type->fields[i].name[0] == name[0] && strcmp(type->fields[i].name, name) == 0)
			return &type->fields[i];
	return NULL;
}

void tmpl_record_set(struct tmpl_value *record, const char *field, const struct tmpl_value *value)
{
	const struct tmpl_field *found = tmpl_type_field(record->type, field);

	assert(found && record->u.fields);
	record->u.fields[found - record->type->fields] = value;
}

const struct tmpl_value *tmpl_record_get(const struct tmpl_value *record, const char *field)
{
	const struct tmpl_field *found = tmpl_type_field(record->type, field);

	assert(record->u.fields);
	return found ? record->u.fields[found - record->type->fields] : NULL;
}

bool tmpl_is_true(const struct tmpl_value *value)
{
	switch (value->type->kind) {
	case TMPL_NIL:
		return false;
	case TMPL_BOOL:
		return value->u.boolean;
	case TMPL_INT:
		return value->u.integer != 0;
	case TMPL_UINT:
		return value->u.uinteger != 0;
	case TMPL_FLOAT:
		return value->u.real != 0;
	case TMPL_COMPLEX:
		return value->u.complex.re != 0 || value->u.complex.im != 0;
	case TMPL_STRING:
		return value->u.string.len > 0;
	case TMPL_LIST:
		return value->u.list.count > 0;
	case TMPL_MAP:
		return value->u.map.count > 0;
	case TMPL_RECORD:
		return value->u.fields != NULL;
	case TMPL_TIME:
	case TMPL_STREAM:
	case TMPL_SCRATCH:
		return true;
	}
	return false;
}

bool tmpl_is_nil(const struct tmpl_value *value)
{
	return value->type->kind == TMPL_NIL ||
	       (value->type->kind == TMPL_RECORD && !value->u.fields);
}

bool tmpl_string_is(const struct tmpl_value *value, const char *text)
{
	return value->type->kind == TMPL_STRING && value->u.string.len == strlen(text) &&
	       memcmp(value->u.string.text, text, value->u.string.len) == 0;
}
