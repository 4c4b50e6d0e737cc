/*
 * The document becomes values of Go's types as far as JSON tells them: arrays and objects of texts
 * alone are []string and map[string]string, because functions ask for those.
 */
#include "tags_template.h"

#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/tmpl/tmpl.h"

static const char no_value[] = "<no value>";

static bool has_only_texts(const struct json *doc)
{
	JSON_EACH(item, doc)
	{
		if (!json_is_string(item))
			return false;
	}
	return true;
}

static const struct tmpl_value *value_of(struct arena *arena, const struct json *doc)
{
	struct tmpl_value *value;

	if (json_is_string(doc))
		return tmpl_str(arena, json_as_str(doc, ""));
	if (json_is_bool(doc))
		return tmpl_bool(json_as_bool(doc, false));
	if (json_is_number(doc))
		return tmpl_int(arena, json_as_int(doc, 0));
	if (json_is_array(doc)) {
		value = tmpl_list_new(arena,
				      has_only_texts(doc) ? &tmpl_type_strings : &tmpl_type_list);
		JSON_EACH(item, doc)
		tmpl_list_add(arena, value, value_of(arena, item));
		return value;
	}
	if (json_is_object(doc)) {
		value = tmpl_map_new(arena, has_only_texts(doc) && json_first(doc)
						    ? &tmpl_type_string_map
						    : &tmpl_type_map);
		JSON_EACH(item, doc)
		tmpl_map_put(arena, value, tmpl_str(arena, json_key(item)), value_of(arena, item));
		return value;
	}
	return tmpl_nil();
}

static const struct tmpl_value *document(struct arena *arena, const struct json *inspect)
{
	struct tmpl_value *value = tmpl_map_new(arena, &tmpl_type_map);

	JSON_EACH(item, inspect)
	tmpl_map_put(arena, value, tmpl_str(arena, json_key(item)), value_of(arena, item));
	tmpl_map_put(arena, value, tmpl_str(arena, "ID"),
		     tmpl_str(arena, json_str(inspect, "Id", "")));
	return value;
}

bool tags_template_is_one(const char *tags)
{
	return tags && strstr(tags, "{{");
}

/* What asks the outside world has no place in rules that are computed for every event. */
static const char *const denied[] = {
	"key",         "keyOrDefault", "keyExists", "ls",   "safeLs", "tree",
	"safeTree",    "service",      "services",  "node", "nodes",  "connect",
	"datacenters", "caRoots",      "caLeaf",    "file", "plugin", "writeToFile",
	"env",         "envOrDefault", "mustEnv",   NULL,
};

static struct tmpl *parse(const char *tags, struct err *err)
{
	struct tmpl_options options = { .registrator = true, .denied = denied };

	return tmpl_parse("-tags", tags, strlen(tags), &options, err);
}

bool tags_template_check(const char *tags, struct err *err)
{
	struct tmpl *tmpl = tags_template_is_one(tags) ? parse(tags, err) : NULL;

	if (tags_template_is_one(tags) && !tmpl)
		return err_context(err, "-tags");
	tmpl_free(tmpl);
	return true;
}

bool tags_template_run(const char *tags, const struct json *inspect, struct strbuf *out,
		       struct err *err)
{
	struct arena arena = ARENA_INIT;
	struct tmpl_source source = { 0 };
	struct tmpl_result result;
	struct tmpl *tmpl = parse(tags, err);

	if (!tmpl)
		return err_context(err, "-tags");
	source.data = document(&arena, inspect);
	tmpl_execute(tmpl, &source, &result);
	if (result.failed)
		err_set(err, ERR_INPUT, "-tags: %s", result.error.message);
	else if (dep_set_count(&result.missing) || strstr(result.output.buf, no_value))
		err_set(err, ERR_INPUT, "-tags: the template names something that is not there");
	else
		err->code = ERR_NONE;
	if (err->code == ERR_NONE)
		strbuf_add(out, result.output.buf, result.output.len);
	tmpl_result_release(&result);
	tmpl_free(tmpl);
	arena_release(&arena);
	return err->code == ERR_NONE;
}
