/* A template over the container, parsed and run each time: they are short, and starts are rare. */
#include "tags_template.h"

#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/strmap.h"
#include "binnacle/register/rules.h"
#include "binnacle/tmpl/tmpl.h"
#include "container_types.h"

enum { URLS_MAX = 16 };

bool tags_template_is_one(const char *tags)
{
	return tags && strstr(tags, "{{");
}

/* What asks the outside world has no place in rules that are computed for every event. */
static const char *const denied[] = {
	"key",         "keyOrDefault", "keyExists", "ls",         "safeLs",   "tree",
	"safeTree",    "service",      "services",  "node",       "nodes",    "connect",
	"datacenters", "caRoots",      "caLeaf",    "file",       "plugin",   "writeToFile",
	"env",         "envOrDefault", "mustEnv",   "partitions", "peerings", "exportedServices",
	NULL,
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

struct answers {
	const struct strmap *fetched;
	struct register_wanted *wanted;
};

/* The language's way out; its function `plugin` is denied, so this is httpGet. */
static bool answer_get(void *arg, const char *const *argv, struct strbuf *out)
{
	struct answers *answers = arg;
	struct register_wanted *wanted = answers->wanted;
	const char *url = argv[1];
	const char *body = answers->fetched ? strmap_get(answers->fetched, url) : NULL;

	if (body) {
		strbuf_addstr(out, body);
		return true;
	}
	for (size_t i = 0; i < wanted->url_count; i++) {
		if (strcmp(wanted->urls[i], url) == 0)
			return true;
	}
	if (wanted->url_count == URLS_MAX) {
		strbuf_addf(out, "more than %d addresses", URLS_MAX);
		return false;
	}
	GROW(wanted->urls, wanted->url_count, wanted->url_cap);
	wanted->urls[wanted->url_count++] = arena_strdup(&wanted->arena, url);
	return true;
}

bool tags_template_run(const char *tags, const struct json *inspect, const struct strmap *fetched,
		       struct register_wanted *wanted, struct strbuf *out, struct err *err)
{
	struct answers answers = { fetched, wanted };
	struct arena arena = ARENA_INIT;
	struct tmpl_source source = { .plugin = answer_get, .arg = &answers };
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
