/* The functions that group what data functions return: by a part of the key, by tag, by meta. */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/limits.h"
#include "format.h"
#include "funcs.h"

/* The value under a key of a map that is being filled, made by `make` when it is not there. */
static struct tmpl_value *group(struct call *call, struct tmpl_value *map,
				const struct tmpl_value *key, const struct tmpl_type *type)
{
	struct tmpl_value *found = (struct tmpl_value *)(uintptr_t)tmpl_map_get_value(map, key);

	if (found)
		return found;
	found = type->kind == TMPL_MAP ? tmpl_map_new(call->arena, type)
				       : tmpl_list_new(call->arena, type);
	tmpl_map_put(call->arena, map, key, found);
	return found;
}

static const struct tmpl_value *by_key(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_key_pair_maps);
	const struct tmpl_value *pairs = call->args[0];

	for (size_t i = 0; i < pairs->u.list.count; i++) {
		const struct tmpl_value *pair = pairs->u.list.items[i];
		const struct tmpl_value *key = tmpl_record_get(pair, "Key");
		const char *text = key->u.string.text;
		const char *slash = memchr(text, '/', key->u.string.len);
		const struct tmpl_value *first, *rest;
		struct tmpl_value *copy, *inner;

		if (!slash)
			continue;
		first = tmpl_string(call->arena, text, (size_t)(slash - text));
		rest = tmpl_string(call->arena, slash + 1,
				   key->u.string.len - (size_t)(slash + 1 - text));
		if (!rest->u.string.len)
			continue;
		copy = tmpl_record_new(call->arena, pair->type);
		memcpy(copy->u.fields, pair->u.fields,
		       pair->type->field_count * sizeof(*pair->u.fields));
		tmpl_record_set(copy, "Key", rest);
		inner = group(call, map, first, &tmpl_type_key_pair_map);
		tmpl_map_put(call->arena, inner, rest, copy);
	}
	return map;
}

static const struct tmpl_value *by_tag(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_list_map);
	const struct tmpl_value *list = call->args[0];

	if (list->type->kind == TMPL_NIL)
		return map;
	if (list->type != &tmpl_type_health_services && list->type != &tmpl_type_snippets)
		return call_fail(call, "byTag: wrong argument type %s", list->type->name);
	for (size_t i = 0; i < list->u.list.count; i++) {
		const struct tmpl_value *tags = tmpl_record_get(list->u.list.items[i], "Tags");

		for (size_t t = 0; t < tags->u.list.count; t++)
			tmpl_list_add(call->arena,
				      group(call, map, tags->u.list.items[t], &tmpl_type_list),
				      list->u.list.items[i]);
	}
	return map;
}

static const struct tmpl_value *by_port(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_health_service_port_map);
	const struct tmpl_value *list = call->args[0];

	for (size_t i = 0; i < list->u.list.count; i++) {
		const struct tmpl_value *item = list->u.list.items[i];

		tmpl_list_add(
			call->arena,
			group(call, map, tmpl_record_get(item, "Port"), &tmpl_type_health_services),
			item);
	}
	return map;
}

static void add_meta(struct strbuf *out, const char *name, bool as_int,
		     const struct tmpl_value *found)
{
	char *end;
	long number;

	if (!found) {
		strbuf_addf(out, "_no_%s_", name);
		return;
	}
	if (as_int) {
		number = strtol(found->u.string.text, &end, 10);
		strbuf_addf(out, "%05ld", *end ? 0 : number);
		return;
	}
	strbuf_add(out, found->u.string.text, found->u.string.len);
}

static void clean_key(struct strbuf *key)
{
	for (size_t i = 0; i < key->len; i++) {
		char c = key->buf[i];
		bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (!is_letter && !(c >= '0' && c <= '9') && c != '_' && c != '-')
			key->buf[i] = '_';
	}
}

/* "a,b|int": the values of these names, joined. */
static void meta_key(struct strbuf *out, const char *names, const struct tmpl_value *meta)
{
	for (bool first = true; *names; first = false) {
		size_t len = strcspn(names, ","), name_len;
		char *name = xstrndup(names, len), *mark = strchr(name, '|');
		bool as_int = mark && strcmp(mark, "|int") == 0;

		if (mark)
			*mark = '\0';
		name_len = strlen(name);
		if (!first)
			strbuf_addch(out, '_');
		add_meta(out, name, as_int, tmpl_map_get(meta, name, name_len));
		free(name);
		names += len;
		names += *names == ',';
	}
	clean_key(out);
}

static const struct tmpl_value *by_meta(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_health_service_map);
	const struct tmpl_value *list = call->args[1];

	for (size_t i = 0; i < list->u.list.count; i++) {
		const struct tmpl_value *item = list->u.list.items[i];
		struct strbuf key = STRBUF_INIT;

		meta_key(&key, arg_str(call, 0), tmpl_record_get(item, "ServiceMeta"));
		tmpl_list_add(call->arena,
			      group(call, map, tmpl_string_from(call->arena, &key),
				    &tmpl_type_health_services),
			      item);
	}
	return map;
}

/* `path` starts one segment above the one that is no map, as Go has it. */
static bool fail_not_a_map(struct call *call, const char *path, const char *end,
			   const struct tmpl_value *part, const struct tmpl_value *held)
{
	const struct tmpl_value *args[] = { tmpl_string(call->arena, path, (size_t)(end - path)),
					    part, held };
	static const char format[] = "%q: %q already has value %q";
	struct strbuf shown = STRBUF_INIT;

	format_printf(&shown, format, strlen(format), args, 3);
	call_fail(call, "%s: not a map: %s", call->func->name, shown.buf);
	strbuf_release(&shown);
	return false;
}

/* Branches that are maps of somebody else are copied before they grow. */
static const struct tmpl_value *copy_map(struct call *call, const struct tmpl_value *value,
					 int depth)
{
	struct tmpl_value *copy;

	if (value->type != &tmpl_type_map)
		return value;
	if (depth > LIMIT_JSON_DEPTH) {
		call_fail(call, "explodeMap: nested deeper than %d levels", LIMIT_JSON_DEPTH);
		return NULL;
	}
	if (!call_has_room(call, 0))
		return NULL;
	copy = tmpl_map_new(call->arena, value->type);
	for (size_t i = 0; i < value->u.map.count; i++) {
		const struct tmpl_value *inner =
			copy_map(call, value->u.map.pairs[i].value, depth + 1);

		if (!inner)
			return NULL;
		tmpl_map_put(call->arena, copy, value->u.map.pairs[i].key, inner);
	}
	return copy;
}

/* Put `value` at a path of segments. `whole` is for the message. */
static bool explode_into(struct call *call, struct tmpl_value *map, const char *path, size_t len,
			 const struct tmpl_value *value)
{
	const char *at = path, *above = path, *end = path + len, *slash;

	while ((slash = memchr(at, '/', (size_t)(end - at)))) {
		const struct tmpl_value *part = tmpl_string(call->arena, at, (size_t)(slash - at));
		struct tmpl_value *inner = group(call, map, part, &tmpl_type_map);

		if (inner->type != &tmpl_type_map)
			return fail_not_a_map(call, above, end, part, inner);
		map = inner;
		above = at;
		at = slash + 1;
	}
	if (at < end)
		tmpl_map_put(call->arena, map, tmpl_string(call->arena, at, (size_t)(end - at)),
			     value);
	return true;
}

static const struct tmpl_value *explode(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_map);
	const struct tmpl_value *pairs = call->args[0];

	for (size_t i = 0; i < pairs->u.list.count; i++) {
		const struct tmpl_value *key = tmpl_record_get(pairs->u.list.items[i], "Key");

		if (!explode_into(call, map, key->u.string.text, key->u.string.len,
				  tmpl_record_get(pairs->u.list.items[i], "Value")))
			return NULL;
	}
	return map;
}

static const struct tmpl_value *explode_map(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_map);
	const struct tmpl_value *flat = call->args[0];

	for (size_t i = 0; i < flat->u.map.count; i++) {
		const struct tmpl_value *key = flat->u.map.pairs[i].key;
		const struct tmpl_value *value = copy_map(call, flat->u.map.pairs[i].value, 0);

		if (!value ||
		    !explode_into(call, map, key->u.string.text, key->u.string.len, value))
			return NULL;
	}
	return map;
}

const struct tmpl_func regroup_funcs[] = {
	{ "byKey", "p", by_key },   { "byTag", "a", by_tag },    { "byMeta", "sh", by_meta },
	{ "byPort", "h", by_port }, { "explode", "p", explode }, { "explodeMap", "m", explode_map },
	{ NULL, NULL, NULL },
};
