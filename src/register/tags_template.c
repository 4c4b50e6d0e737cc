/* A template over the container, parsed and run each time: they are short, and starts are rare. */
#include "tags_template.h"

#include <string.h>

#include "binnacle/tmpl/tmpl.h"
#include "container_types.h"

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
	source.data = container_value(&arena, &container_type, inspect);
	tmpl_execute(tmpl, &source, &result);
	if (result.failed)
		err_set(err, ERR_INPUT, "-tags: %s", result.error.message);
	else
		err->code = ERR_NONE;
	if (err->code == ERR_NONE)
		strbuf_add(out, result.output.buf, result.output.len);
	tmpl_result_release(&result);
	tmpl_free(tmpl);
	arena_release(&arena);
	return err->code == ERR_NONE;
}
