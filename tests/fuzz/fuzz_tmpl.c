/*
 * Any bytes as a template, executed against a small fixed source. Run by `make fuzz`. Bytes alone
 * seldom make a template, so that the mutator puts in pieces of some.
 */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/tmpl/data.h"
#include "binnacle/tmpl/tmpl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);
size_t LLVMFuzzerMutate(uint8_t *data, size_t size, size_t max_size);
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed);

static const char *const pieces[] = {
	"{{end}}",
	"{{else}}",
	"{{else if .}}",
	"{{break}}",
	"{{continue}}",
	"{{.}}",
	"{{- ",
	" -}}",
	"{{if .a}}x{{end}}",
	"{{with .a}}x{{else}}y{{end}}",
	"{{range $i, $e := .}}{{$i}}{{end}}",
	"{{$x := 1}}{{$x = 2}}{{$x}}",
	"{{define \"t\"}}{{.}}{{end}}",
	"{{template \"t\" .}}",
	"{{block \"b\" 1}}{{.}}{{end}}",
	"{{/* c */}}",
	"{{",
	"}}",
	" | ",
	"(",
	")",
	"\"a\"",
	"`r`",
	"'c'",
	"1.5",
	"0x1p-2",
	"1+2i",
	" nil ",
	" true ",
	".Name",
	"$x",
	" := ",
	"parseJSON \"{\\\"a\\\":[1,null,{}]}\"",
	"parseYAML \"a: [1, {b: c}]\"",
	"toJSON ",
	"toYAML ",
	"toTOML ",
	"toJSONPretty ",
	"service \"w\"",
	"tree \"a\"",
	"key \"a\"",
	"explode ",
	"byKey ",
	"byTag ",
	"byMeta \"a|int\" ",
	"scratch.MapSet \"m\" \"k\" ",
	"scratch.Get \"m\"",
	"printf \"%v\" ",
	"printf \"%[2]*.[1]*x|%#+q\" ",
	"regexReplaceAll \"(a|b)*\" \"$1\" ",
	"regexMatch `\\pL{2}` ",
	"split \",\" ",
	"join \",\" ",
	"index ",
	"slice ",
	"len ",
	"eq ",
	"lt ",
	"and ",
	"or ",
	"call ",
	"add 1 ",
	"divide 0 ",
	"loop 3 ",
	"indent 2 ",
	"executeTemplate \"t\" ",
	"html ",
	"js ",
	"sprig_dict \"a\" ",
	"sprig_list 1 ",
	"sprig_set ",
	"sprig_merge ",
	"sprig_dig \"a\" ",
	"sprig_uniq ",
	"sprig_chunk 2 ",
	"sprig_wrap 3 ",
	"sprig_snakecase ",
	"sprig_camelcase ",
	"sprig_abbrevboth 5 9 ",
	"sprig_splitn \",\" 2 ",
	"sprig_divf 1 ",
	"sprig_mulf 1e30 ",
	"sprig_round ",
	"sprig_seq 1 2 ",
	"sprig_untilStep 0 9 2 ",
	"sprig_toDate \"2006-01-02\" ",
	"sprig_date \"Jan _2 .000 MST\" ",
	"sprig_dateModify \"-1h\" ",
	"sprig_durationRound ",
	"sprig_clean ",
	"sprig_expandenv ",
	"sprig_regexSplit \"a*\" ",
	"sprig_b32dec ",
	"sprig_deepCopy ",
	"sprig_slice ",
	"sprig_urlParse ",
	"sprig_urlJoin ",
	"sprig_semver ",
	"sprig_semverCompare \">=1, <2||~3.x||1 - 2\" ",
	"sockaddr `GetAllInterfaces | include \"name\" \"e\" | limit 2 | join \"address\" \" \"`",
	"sockaddr `GetInterfaceIP \"eth0\"`",
	"spew_sdump ",
	"spew_sprintf \"%#v %d\" ",
	"timestamp \"Mon .999\"",
	"base64Decode ",
};

/* Every other time one of the pieces somewhere, else what libFuzzer does. */
size_t LLVMFuzzerCustomMutator(uint8_t *data, size_t size, size_t max_size, unsigned seed)
{
	const char *piece = pieces[seed / 2 % (sizeof(pieces) / sizeof(pieces[0]))];
	size_t len = strlen(piece), at = size ? seed / 256 % (size + 1) : 0;

	if (seed % 2 || size + len > max_size)
		return LLVMFuzzerMutate(data, size, max_size);
	memmove(data + at + len, data + at, size - at);
	memcpy(data + at, piece, len);
	return size + len;
}

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

static const struct tmpl_address *addresses(void *arg, size_t *count)
{
	static const struct tmpl_address all[] = { { "lo", "127.0.0.1", true, true, false },
						   { "eth0", "10.0.0.1", true, false, true },
						   { "eth0", "fe80::1", true, false, true } };

	(void)arg;
	*count = sizeof(all) / sizeof(all[0]);
	return all;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = ARENA_INIT;
	struct tmpl_source source = {
		.lookup = lookup, .env = env, .now = now, .addresses = addresses, .arg = &arena
	};
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
