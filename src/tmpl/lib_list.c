/* Functions that look into lists and put maps together. */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "funcs.h"

/* Whole numbers, floats and strings compare with their like; all other pairs differ, bools and
 * unsigned numbers among themselves too. */
static bool is_same(const struct tmpl_value *a, const struct tmpl_value *b)
{
	if (a->type->kind != b->type->kind)
		return false;
	switch (a->type->kind) {
	case TMPL_INT:
		return a->u.integer == b->u.integer;
	case TMPL_FLOAT:
		return a->u.real == b->u.real;
	case TMPL_STRING:
		return tmpl_compare_strings(a, b) == 0;
	default:
		return false;
	}
}

/* False: failed, because nil has no type that could be compared with a string's. */
static bool holds(struct call *call, const struct tmpl_value *list, const struct tmpl_value *value,
		  bool *held)
{
	const struct tmpl_value *whole[] = { list };
	bool is_string = list->type->kind == TMPL_STRING;
	const struct tmpl_value *const *items = is_string ? whole : NULL;
	size_t count = is_string;

	*held = false;
	if (list->type->kind == TMPL_LIST) {
		items = list->u.list.items;
		count = list->u.list.count;
	}
	for (size_t i = 0; i < count && !*held; i++) {
		if (items[i]->type->kind == TMPL_STRING && tmpl_is_nil(value)) {
			call_fail(call, "reflect: call of reflect.Value.Type on zero Value");
			return false;
		}
		*held = is_same(items[i], value);
	}
	if (is_string && !*held && value->type->kind == TMPL_STRING)
		*held = !value->u.string.len || memmem(list->u.string.text, list->u.string.len,
						       value->u.string.text, value->u.string.len);
	return true;
}

static const struct tmpl_value *list_in(struct call *call)
{
	bool held;

	return holds(call, call->args[0], call->args[1], &held) ? tmpl_bool(held) : NULL;
}

static const struct tmpl_value *list_contains(struct call *call)
{
	bool held;

	return holds(call, call->args[1], call->args[0], &held) ? tmpl_bool(held) : NULL;
}

/* Is one of args[0] in args[1], or not in it? Later ones are not looked at. False: failed. */
static bool find_first(struct call *call, bool wanted, bool *found)
{
	const struct tmpl_value *required = call->args[0];

	*found = false;
	for (size_t i = 0; i < required->u.list.count && !*found; i++) {
		bool held;

		if (!holds(call, call->args[1], required->u.list.items[i], &held))
			return false;
		*found = held == wanted;
	}
	return true;
}

static const struct tmpl_value *list_contains_all(struct call *call)
{
	bool absent;

	return find_first(call, false, &absent) ? tmpl_bool(!absent) : NULL;
}

static const struct tmpl_value *list_contains_any(struct call *call)
{
	bool present;

	return find_first(call, true, &present) ? tmpl_bool(present) : NULL;
}

static const struct tmpl_value *list_contains_none(struct call *call)
{
	bool present;

	return find_first(call, true, &present) ? tmpl_bool(!present) : NULL;
}

static const struct tmpl_value *list_contains_not_all(struct call *call)
{
	bool absent;

	return find_first(call, false, &absent) ? tmpl_bool(absent) : NULL;
}

/* "a:1,b:2": split by the first separator, each part by the second. */
static const struct tmpl_value *list_split_to_map(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_map);
	struct strbuf text = STRBUF_INIT;
	const struct tmpl_value *trimmed;
	struct tmpl_pair *pairs = NULL;
	size_t count = 0, cap = 0;
	const char *at, *end;
	size_t between = arg_len(call, 0), inside = arg_len(call, 1);

	if (!between || !inside)
		return call_fail(call, "splitToMap: the separators must not be empty");
	strbuf_add(&text, arg_str(call, 2), arg_len(call, 2));
	trimmed = call_trimmed(call, &text);
	at = trimmed->u.string.text;
	end = at + trimmed->u.string.len;
	while (at < end) {
		const char *stop = memmem(at, (size_t)(end - at), arg_str(call, 0), between);
		const char *mark;

		if (!stop)
			stop = end;
		mark = memmem(at, (size_t)(stop - at), arg_str(call, 1), inside);
		if (!mark) {
			free(pairs);
			return call_fail(call, "splitToMap: key-value pair is missing separator");
		}
		GROW(pairs, count, cap);
		pairs[count++] =
			(struct tmpl_pair){ tmpl_string(call->arena, at, (size_t)(mark - at)),
					    tmpl_string(call->arena, mark + inside,
							(size_t)(stop - mark) - inside) };
		at = stop < end ? stop + between : end;
	}
	tmpl_map_fill(call->arena, map, pairs, count);
	free(pairs);
	return map;
}

const struct tmpl_func list_funcs[] = {
	{ "in", "aa", list_in },
	{ "contains", "aa", list_contains },
	{ "containsAll", "La", list_contains_all },
	{ "containsAny", "La", list_contains_any },
	{ "containsNone", "La", list_contains_none },
	{ "containsNotAll", "La", list_contains_not_all },
	{ "splitToMap", "sss", list_split_to_map },
	{ NULL, NULL, NULL },
};
