/*
 * The functions of Registrator's -tags that Consul Template does not have. Out of range is never
 * an error there: texts come back unchanged, lists give their nearest element.
 */
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/match.h"
#include "binnacle/base/text.h"
#include "funcs.h"

static const struct tmpl_value *slice(struct call *call)
{
	int64_t len = (int64_t)arg_len(call, 0), from = call->args[1]->u.integer;
	int64_t to = call->count > 2 ? call->args[2]->u.integer : len;

	if (call->count > 3)
		return call_fail(call, "at most two positions, not %zu", call->count - 1);
	if (from < 0 || from > len || to > len)
		return call->args[0];
	if (to < from)
		to = len;
	return tmpl_string(call->arena, arg_str(call, 0) + from, (size_t)(to - from));
}

/* Negative counts from the end; past either end is that end. */
static const struct tmpl_value *element(struct call *call, const struct tmpl_value *list,
					int64_t index)
{
	int64_t count;

	if (list->type->kind != TMPL_LIST)
		return call_fail(call, "%s is not a list", list->type->name);
	count = (int64_t)list->u.list.count;
	if (!count)
		return tmpl_str(call->arena, "");
	if (index < 0)
		index = index + count < 0 ? 0 : index + count;
	if (index >= count)
		index = count - 1;
	return list->u.list.items[index];
}

static const struct tmpl_value *list_index(struct call *call)
{
	return element(call, call->args[1], call->args[0]->u.integer);
}

static const struct tmpl_value *map_index(struct call *call)
{
	const struct tmpl_value *map = call->args[1], *found;

	if (map->type->kind != TMPL_MAP)
		return call_fail(call, "%s is not a map", map->type->name);
	found = tmpl_map_get(map, arg_str(call, 0), arg_len(call, 0));
	return found ? found : tmpl_str(call->arena, "");
}

/* replace n old new text: the first n; all of them when n is negative. */
static const struct tmpl_value *replace(struct call *call)
{
	int64_t left = call->args[0]->u.integer;
	const char *text = arg_str(call, 3), *end = text + arg_len(call, 3);
	struct strbuf out = STRBUF_INIT;

	/* Go puts the text between all characters for an empty one; nobody means that here. */
	if (!arg_len(call, 1))
		return call->args[3];
	while (left != 0) {
		const char *found =
			memmem(text, (size_t)(end - text), arg_str(call, 1), arg_len(call, 1));

		if (!found)
			break;
		if (!call_has_room(call, out.len + arg_len(call, 2) + (size_t)(end - text))) {
			strbuf_release(&out);
			return NULL;
		}
		strbuf_add(&out, text, (size_t)(found - text));
		strbuf_add(&out, arg_str(call, 2), arg_len(call, 2));
		text = found + arg_len(call, 1);
		left -= left > 0;
	}
	strbuf_add(&out, text, (size_t)(end - text));
	return tmpl_string_from(call->arena, &out);
}

/* splitIndex i separator text */
static const struct tmpl_value *split_index(struct call *call)
{
	struct tmpl_value *parts = tmpl_list_new(call->arena, &tmpl_type_strings);
	const char *text = arg_str(call, 2), *end = text + arg_len(call, 2), *found;

	while (arg_len(call, 1) &&
	       (found = memmem(text, (size_t)(end - text), arg_str(call, 1), arg_len(call, 1)))) {
		tmpl_list_add(call->arena, parts,
			      tmpl_string(call->arena, text, (size_t)(found - text)));
		text = found + arg_len(call, 1);
	}
	tmpl_list_add(call->arena, parts, tmpl_string(call->arena, text, (size_t)(end - text)));
	return element(call, parts, call->args[0]->u.integer);
}

/* The elements that match args[0], at most `most` of them; NULL: failed. */
static struct tmpl_value *matching(struct call *call, size_t most)
{
	const struct tmpl_value *list = call->args[1];
	struct tmpl_value *out = tmpl_list_new(call->arena, &tmpl_type_strings);
	struct err err;
	struct regex *regex = regex_compile(arg_str(call, 0), arg_len(call, 0), &err);
	bool fine = regex, matches;

	for (size_t i = 0; fine && i < list->u.list.count && out->u.list.count < most; i++) {
		const struct tmpl_value *item = list->u.list.items[i];

		fine = regex_match(regex, item->u.string.text, item->u.string.len, &matches, &err);
		if (fine && matches)
			tmpl_list_add(call->arena, out, item);
	}
	regex_free(regex);
	if (!fine)
		call_fail(call, "%s", err.msg);
	return fine ? out : NULL;
}

static const struct tmpl_value *match_first(struct call *call)
{
	struct tmpl_value *out = matching(call, 1);

	if (!out)
		return NULL;
	return out->u.list.count ? out->u.list.items[0] : tmpl_str(call->arena, "");
}

static const struct tmpl_value *match_all(struct call *call)
{
	return matching(call, SIZE_MAX);
}

/* One step of a path: a member's name, or the number of an element. */
static const struct json *step_into(const struct json *doc, const char *name)
{
	const struct json *item = json_first(doc);
	int64_t index;

	if (json_is_object(doc))
		return json_member(doc, name);
	if (!json_is_array(doc) || !text_parse_int(name, 0, INT32_MAX, &index))
		return NULL;
	while (item && index--)
		item = json_next(item);
	return item;
}

static const struct tmpl_value *json_text(struct call *call, const struct json *value)
{
	struct strbuf out = STRBUF_INIT;

	if (json_is_string(value))
		return tmpl_str(call->arena, json_as_str(value, ""));
	if (value && !json_is_null(value))
		json_print(&out, value);
	return tmpl_string_from(call->arena, &out);
}

/* jsonParse text a::b::c */
static const struct tmpl_value *json_parse_path(struct call *call)
{
	struct err err = { 0 };
	struct json *doc = json_parse(arg_str(call, 0), arg_len(call, 0), &err);
	const struct json *at = doc;
	const char *path = arg_str(call, 1);
	const struct tmpl_value *value;

	while (at && *path) {
		const char *end = strstr(path, "::");
		size_t len = end ? (size_t)(end - path) : strlen(path);

		at = step_into(at, arena_strndup(call->arena, path, len));
		path += end ? len + 2 : len;
	}
	value = json_text(call, at);
	json_free(doc);
	return value;
}

/* httpGet url: whoever owns the source knows the answer; "" when there is none. */
static const struct tmpl_value *http_get(struct call *call)
{
	const struct tmpl_source *source = call_source(call);
	const char *const argv[] = { "httpGet", arg_str(call, 0), NULL };
	struct strbuf out = STRBUF_INIT;

	if (!source->plugin)
		return call_fail(call, "nothing is asked for here");
	if (source->plugin(source->arg, argv, &out))
		return tmpl_string_from(call->arena, &out);
	call_fail(call, "%s", out.buf);
	strbuf_release(&out);
	return NULL;
}

const struct tmpl_func registrator_funcs[] = {
	{ "httpGet", "s", http_get },
	{ "strSlice", "sii*", slice },
	{ "sIndex", "ia", list_index },
	{ "mIndex", "sa", map_index },
	{ "replace", "isss", replace },
	{ "splitIndex", "iss", split_index },
	{ "matchFirstElement", "sl", match_first },
	{ "matchAllElements", "sl", match_all },
	{ "jsonParse", "ss", json_parse_path },
	{ NULL, NULL, NULL },
};
