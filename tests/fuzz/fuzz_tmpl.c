/*
 * Any bytes as a template, executed against a small fixed source. Run by `make fuzz`.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/tmpl/data.h"
#include "binnacle/tmpl/tmpl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char service[] =
	"[{\"Node\":{\"Node\":\"n\",\"Address\":\"10.0.0.1\"},\"Service\":{\"ID\":\"w\","
	"\"Service\":\"w\",\"Tags\":[\"a\"],\"Port\":80},\"Checks\":[]}]";
static const char pairs[] =
	"[{\"Key\":\"a/b\",\"Value\":\"eA==\"},{\"Key\":\"a/c\",\"Value\":null}]";

/* Services and keys have answers, nodes have none yet. */
static const struct tmpl_value *lookup(void *arg, const struct dep *dep)
{
	struct arena *arena = arg;
	const char *text = dep->kind == DEP_SERVICE ? service : pairs;
	const struct tmpl_value *value;
	struct err err = { 0 };
	struct json *doc;

	if (dep->kind != DEP_SERVICE && dep->kind != DEP_KEY && dep->kind != DEP_TREE &&
	    dep->kind != DEP_KEY_EXISTS)
		return NULL;
	doc = json_parse(text, strlen(text), &err);
	value = tmpl_value_from_json(arena, dep, doc, &err);
	json_free(doc);
	return value;
}

static const char *env(void *arg, const char *name)
{
	(void)arg;
	return strcmp(name, "HOME") == 0 ? "/root" : NULL;
}

static int64_t now(void *arg)
{
	(void)arg;
	return 1136239445123;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = ARENA_INIT;
	struct tmpl_source source = { .lookup = lookup, .env = env, .now = now, .arg = &arena };
	struct tmpl_error error = { 0 };
	struct tmpl_options options = { .error = &error, .error_on_missing_key = size & 1 };
	struct tmpl_result result;
	struct strbuf shown = STRBUF_INIT;
	struct err err = { 0 };
	struct tmpl *tmpl = tmpl_parse("fuzz", (const char *)data, size, &options, &err);

	if (tmpl) {
		tmpl_execute(tmpl, &source, &result);
		if (result.failed)
			tmpl_error_print(&shown, &result.error);
		tmpl_result_release(&result);
		tmpl_free(tmpl);
	} else {
		tmpl_error_print(&shown, &error);
		tmpl_error_release(&error);
	}
	strbuf_release(&shown);
	arena_release(&arena);
	return 0;
}
