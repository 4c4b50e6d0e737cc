/* Maps of any ("dicts"), defaults and reflection, in the ways of the Sprig library. Go gives keys
 * and values in random order; here it is the order of the keys. */
#include <string.h>

#include "binnacle/base/limits.h"
#include "format.h"
#include "sprig.h"

static const struct tmpl_value *dict_new(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_map);

	for (size_t i = 0; i < call->count; i += 2) {
		struct strbuf key = STRBUF_INIT;

		sprig_add_text(&key, call->args[i]);
		tmpl_map_put(call->arena, map, tmpl_string_from(call->arena, &key),
			     i + 1 < call->count ? call->args[i + 1] : tmpl_str(call->arena, ""));
	}
	return map;
}

static const struct tmpl_value *dict_get(struct call *call)
{
	const struct tmpl_value *found = tmpl_map_get_value(call->args[0], call->args[1]);

	return found ? found : tmpl_str(call->arena, "");
}

static const struct tmpl_value *dict_set(struct call *call)
{
	if (!call_map_put(call, call->args[0], call->args[1], call->args[2]))
		return NULL;
	return call->args[0];
}

static const struct tmpl_value *dict_unset(struct call *call)
{
	const struct tmpl_value *map = call->args[0];

	if (call_owns_map(call, map))
		tmpl_map_remove((struct tmpl_value *)(uintptr_t)map, call->args[1]);
	else if (tmpl_map_get_value(map, call->args[1]))
		return call_fail(call, "this map cannot be changed");
	return map;
}

static const struct tmpl_value *dict_has_key(struct call *call)
{
	return tmpl_bool(tmpl_map_get_value(call->args[0], call->args[1]) != NULL);
}

static const struct tmpl_value *dict_pluck(struct call *call)
{
	struct tmpl_value *list = tmpl_list_new(call->arena, &tmpl_type_list);

	for (size_t i = 1; i < call->count; i++) {
		const struct tmpl_value *found = tmpl_map_get_value(call->args[i], call->args[0]);

		if (found)
			tmpl_list_add(call->arena, list, found);
	}
	return list;
}

static const struct tmpl_value *dict_keys(struct call *call)
{
	struct tmpl_value *list = tmpl_list_new(call->arena, &tmpl_type_strings);

	for (size_t i = 0; i < call->count; i++)
		for (size_t k = 0; k < call->args[i]->u.map.count; k++)
			tmpl_list_add(call->arena, list, call->args[i]->u.map.pairs[k].key);
	return list;
}

static const struct tmpl_value *dict_values(struct call *call)
{
	struct tmpl_value *list = tmpl_list_new(call->arena, &tmpl_type_list);

	for (size_t i = 0; i < call->args[0]->u.map.count; i++)
		tmpl_list_add(call->arena, list, call->args[0]->u.map.pairs[i].value);
	return list;
}

static const struct tmpl_value *dict_pick(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_map);

	for (size_t i = 1; i < call->count; i++) {
		const struct tmpl_value *found = tmpl_map_get_value(call->args[0], call->args[i]);

		if (found)
			tmpl_map_put(call->arena, map, call->args[i], found);
	}
	return map;
}

static const struct tmpl_value *dict_omit(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_map);

	tmpl_map_fill(call->arena, map, call->args[0]->u.map.pairs, call->args[0]->u.map.count);
	for (size_t i = 1; i < call->count; i++)
		tmpl_map_remove(map, call->args[i]);
	return map;
}

static const struct tmpl_value *fail_conversion(struct call *call, const struct tmpl_value *value,
						const char *wanted)
{
	return call_fail(call, "interface conversion: interface {} is %s, not %s",
			 value->type->kind == TMPL_NIL ? "nil" : value->type->name, wanted);
}

static const struct tmpl_value *dict_dig(struct call *call)
{
	const struct tmpl_value *at, *otherwise;

	if (call->count < 3)
		return call_fail(call, "dig needs at least three arguments");
	at = call->args[call->count - 1];
	otherwise = call->args[call->count - 2];
	if (at->type != &tmpl_type_map)
		return fail_conversion(call, at, "map[string]interface {}");
	for (size_t i = 0; i + 2 < call->count; i++)
		if (call->args[i]->type != &tmpl_type_string)
			return call_fail(
				call, "interface conversion: interface {} is %s, not string",
				tmpl_is_nil(call->args[i]) ? "nil" : call->args[i]->type->name);
	for (size_t i = 0; i + 2 < call->count; i++) {
		if (at->type != &tmpl_type_map)
			return fail_conversion(call, at, "map[string]interface {}");
		at = tmpl_map_get_value(at, call->args[i]);
		if (!at)
			return otherwise;
	}
	return at;
}

/* What the library does not say: nil never comes in unless it may overwrite, and a map never
 * replaces anything but what is empty. */
static bool merge_pair(struct call *call, const struct tmpl_value *into,
		       const struct tmpl_pair *pair, const struct tmpl_value *held, bool overwrite)
{
	bool is_map = pair->value->type->kind == TMPL_MAP;
	bool is_empty = !held || !tmpl_is_true(held);

	if (tmpl_is_nil(pair->value) ? !overwrite : !is_empty && (is_map || !overwrite))
		return true;
	return call_map_put(call, into, pair->key, pair->value);
}

static bool merge(struct call *call, const struct tmpl_value *into, const struct tmpl_value *from,
		  bool overwrite, int depth)
{
	if (depth > LIMIT_JSON_DEPTH) {
		call_fail(call, "nested deeper than %d levels", LIMIT_JSON_DEPTH);
		return false;
	}
	for (size_t i = 0; i < from->u.map.count; i++) {
		const struct tmpl_pair *pair = &from->u.map.pairs[i];
		const struct tmpl_value *held = tmpl_map_get_value(into, pair->key);
		bool fine;

		if (held && held->type == &tmpl_type_map && pair->value->type == &tmpl_type_map &&
		    tmpl_is_true(held))
			fine = held == pair->value ||
			       merge(call, held, pair->value, overwrite, depth + 1);
		else
			fine = merge_pair(call, into, pair, held, overwrite);
		if (!fine)
			return false;
	}
	return true;
}

static const struct tmpl_value *merge_all(struct call *call, bool overwrite)
{
	const struct tmpl_value *into = call->args[0];

	if (into->u.map.null)
		into = tmpl_map_new(call->arena, &tmpl_type_map);
	for (size_t i = 1; i < call->count; i++)
		if (call->args[i] != into && !merge(call, into, call->args[i], overwrite, 0))
			return NULL;
	return into;
}

static const struct tmpl_value *dict_merge(struct call *call)
{
	return merge_all(call, false);
}

static const struct tmpl_value *dict_merge_overwrite(struct call *call)
{
	return merge_all(call, true);
}

static const struct tmpl_value *dict_deep_copy(struct call *call)
{
	if (call->args[0]->type->kind == TMPL_NIL)
		return call_fail(call, "reflect: call of reflect.Value.Type on zero Value");
	return call_copy(call, call->args[0]);
}

static const struct tmpl_value *dict_deep_equal(struct call *call)
{
	return tmpl_bool(sprig_equal(call->args[0], call->args[1]));
}

static const struct tmpl_value *dict_default(struct call *call)
{
	return call->count > 1 && tmpl_is_true(call->args[1]) ? call->args[1] : call->args[0];
}

static const struct tmpl_value *dict_empty(struct call *call)
{
	return tmpl_bool(!tmpl_is_true(call->args[0]));
}

static const struct tmpl_value *dict_coalesce(struct call *call)
{
	for (size_t i = 0; i < call->count; i++)
		if (tmpl_is_true(call->args[i]))
			return call->args[i];
	return tmpl_nil();
}

static const struct tmpl_value *dict_all(struct call *call)
{
	for (size_t i = 0; i < call->count; i++)
		if (!tmpl_is_true(call->args[i]))
			return tmpl_bool(false);
	return tmpl_bool(true);
}

static const struct tmpl_value *dict_any(struct call *call)
{
	return tmpl_bool(!tmpl_is_nil(dict_coalesce(call)));
}

static const struct tmpl_value *dict_ternary(struct call *call)
{
	return call->args[2]->u.boolean ? call->args[0] : call->args[1];
}

static const struct tmpl_value *dict_fail(struct call *call)
{
	return call_fail(call, "%s", arg_str(call, 0));
}

static const char *type_name(const struct tmpl_value *value)
{
	return value->type->kind == TMPL_NIL ? "<nil>" : value->type->name;
}

static const struct tmpl_value *dict_type_of(struct call *call)
{
	return tmpl_str(call->arena, type_name(call->args[0]));
}

static const struct tmpl_value *dict_type_is(struct call *call)
{
	return tmpl_bool(strcmp(arg_str(call, 0), type_name(call->args[1])) == 0);
}

static const struct tmpl_value *dict_type_is_like(struct call *call)
{
	const char *name = type_name(call->args[1]);

	return tmpl_bool(strcmp(arg_str(call, 0), name) == 0 ||
			 (*name == '*' && strcmp(arg_str(call, 0), name + 1) == 0));
}

static const struct tmpl_value *dict_kind_of(struct call *call)
{
	return tmpl_str(call->arena, sprig_kind(call->args[0]));
}

static const struct tmpl_value *dict_kind_is(struct call *call)
{
	return tmpl_bool(strcmp(arg_str(call, 0), sprig_kind(call->args[1])) == 0);
}

const struct tmpl_func sprig_dict_funcs[] = {
	{ "sprig_dict", "a*", dict_new },
	{ "sprig_get", "ms", dict_get },
	{ "sprig_set", "msa", dict_set },
	{ "sprig_unset", "ms", dict_unset },
	{ "sprig_hasKey", "ms", dict_has_key },
	{ "sprig_pluck", "sm*", dict_pluck },
	{ "sprig_keys", "m*", dict_keys },
	{ "sprig_values", "m", dict_values },
	{ "sprig_pick", "ms*", dict_pick },
	{ "sprig_omit", "ms*", dict_omit },
	{ "sprig_dig", "a*", dict_dig },
	{ "sprig_merge", "mm*", dict_merge },
	{ "mergeMap", "mm", dict_merge },
	{ "mergeMapWithOverride", "mm", dict_merge_overwrite },
	{ "sprig_mustMerge", "mm*", dict_merge },
	{ "sprig_mergeOverwrite", "mm*", dict_merge_overwrite },
	{ "sprig_mustMergeOverwrite", "mm*", dict_merge_overwrite },
	{ "sprig_deepCopy", "a", dict_deep_copy },
	{ "sprig_mustDeepCopy", "a", dict_deep_copy },
	{ "sprig_deepEqual", "aa", dict_deep_equal },
	{ "sprig_default", "aa*", dict_default },
	{ "sprig_empty", "a", dict_empty },
	{ "sprig_coalesce", "a*", dict_coalesce },
	{ "sprig_all", "a*", dict_all },
	{ "sprig_any", "a*", dict_any },
	{ "sprig_ternary", "aab", dict_ternary },
	{ "sprig_fail", "s", dict_fail },
	{ "sprig_typeOf", "a", dict_type_of },
	{ "sprig_typeIs", "sa", dict_type_is },
	{ "sprig_typeIsLike", "sa", dict_type_is_like },
	{ "sprig_kindOf", "a", dict_kind_of },
	{ "sprig_kindIs", "sa", dict_kind_is },
	{ NULL, NULL, NULL },
};
