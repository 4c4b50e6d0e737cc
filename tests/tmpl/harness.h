/*
 * harness.h - templates executed against a document instead of a Consul.
 *
 * The document is tests/templates/data.json: "deps" maps the canonical text of a dependency to
 * what Consul's HTTP API answers (null: 404; a string for files), "env" holds variables, "now"
 * the time in milliseconds. A dependency that it does not hold is not yet known.
 */
#ifndef TESTS_TMPL_HARNESS_H
#define TESTS_TMPL_HARNESS_H

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/tmpl/data.h"
#include "binnacle/tmpl/tmpl.h"

struct harness {
	struct json *doc;
	struct arena arena;
};

static inline const struct tmpl_value *harness_lookup(void *arg, const struct dep *dep)
{
	struct harness *harness = arg;
	const struct json *answer = json_member(json_get(harness->doc, "deps"), dep->text);
	struct err err = { 0 };
	const struct tmpl_value *value;

	if (!answer)
		return NULL;
	if (dep->kind == DEP_FILE)
		return tmpl_str(&harness->arena, json_as_str(answer, ""));
	value = tmpl_value_from_json(&harness->arena, dep, json_is_null(answer) ? NULL : answer,
				     &err);
	if (!value && err.code != ERR_NOT_FOUND)
		fail_msg("%s: %s", dep->text, err.msg);
	return value;
}

static inline const char *harness_env(void *arg, const char *name)
{
	struct harness *harness = arg;

	return json_as_str(json_member(json_get(harness->doc, "env"), name), NULL);
}

static inline bool harness_plugin(void *arg, const char *const *argv, struct strbuf *out)
{
	(void)arg;
	if (strcmp(argv[0], "false") == 0) {
		strbuf_addstr(out, "exec \"false\": exit status 1\n\nstdout:\n\n\nstderr:\n\n");
		return false;
	}
	for (size_t i = 0; argv[i]; i++)
		strbuf_addf(out, "<%s>", argv[i]);
	strbuf_addstr(out, " \n");
	return true;
}

static inline int64_t harness_now(void *arg)
{
	struct harness *harness = arg;

	return json_int(harness->doc, "now", 0);
}

static inline const struct tmpl_address *harness_addresses(void *arg, size_t *count)
{
	static const struct tmpl_address all[] = {
		{ "lo", "127.0.0.1", true, true, false },
		{ "lo", "::1", true, true, false },
		{ "eth1", "192.168.7.9", true, false, false },
		{ "eth0", "fe80::1", true, false, true },
		{ "eth0", "10.1.2.3", true, false, true },
		{ "eth0", "8.8.8.8", true, false, true },
		{ "eth2", "172.16.0.1", false, false, false },
	};

	(void)arg;
	*count = sizeof(all) / sizeof(all[0]);
	return all;
}

static inline void harness_open(struct harness *harness)
{
	struct strbuf text = STRBUF_INIT;
	struct err err = { 0 };

	*harness = (struct harness){ 0 };
	if (!file_read("tests/templates/data.json", 1 << 20, &text, &err))
		fail_msg("%s", err.msg);
	harness->doc = json_parse(text.buf, text.len, &err);
	if (!harness->doc)
		fail_msg("data.json: %s", err.msg);
	strbuf_release(&text);
}

static inline void harness_close(struct harness *harness)
{
	json_free(harness->doc);
	arena_release(&harness->arena);
}

static inline struct tmpl_source harness_source(struct harness *harness)
{
	return (struct tmpl_source){ .lookup = harness_lookup,
				     .env = harness_env,
				     .plugin = harness_plugin,
				     .now = harness_now,
				     .addresses = harness_addresses,
				     .arg = harness };
}

/*
 * What a template comes to: its output, "!" and the message of its error, or "missing:" and the
 * dependencies that were. The caller frees.
 */
static inline char *harness_render(struct harness *harness, const char *text, size_t len,
				   const struct tmpl_options *options)
{
	struct tmpl_source source = harness_source(harness);
	struct tmpl_options with_error = options ? *options : (struct tmpl_options){ 0 };
	struct tmpl_error error = { 0 };
	struct tmpl_result result;
	struct strbuf out = STRBUF_INIT;
	struct err err = { 0 };
	struct tmpl *tmpl;

	with_error.error = &error;
	tmpl = tmpl_parse("test", text, len, &with_error, &err);
	if (!tmpl) {
		strbuf_addf(&out, "!%s", error.message);
		tmpl_error_release(&error);
		return strbuf_detach(&out, NULL);
	}
	tmpl_execute(tmpl, &source, &result);
	if (result.failed) {
		strbuf_addf(&out, "!%s", result.error.message);
	} else if (dep_set_count(&result.missing)) {
		strbuf_addstr(&out, "missing:");
		for (size_t i = 0; i < dep_set_count(&result.missing); i++)
			strbuf_addf(&out, " %s", dep_set_at(&result.missing, i)->text);
	} else {
		strbuf_add(&out, result.output.buf, result.output.len);
	}
	tmpl_result_release(&result);
	tmpl_free(tmpl);
	return strbuf_detach(&out, NULL);
}

#endif
