/* Answers on their way from one instance to another: what comes out is what went in. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/render/given.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/tmpl/data.h"

static const struct dep *dep_of(struct arena *arena, enum dep_kind kind, const char *text)
{
	struct dep *dep = arena_alloc(arena, sizeof(*dep));

	*dep = (struct dep){ .kind = kind,
			     .text = text,
			     .name = "",
			     .tag = "",
			     .dc = "",
			     .near = "",
			     .ns = "",
			     .partition = "",
			     .peer = "",
			     .sameness_group = "",
			     .filters = DEP_FILTER_ANY };
	return dep;
}

/* A document with one answer. */
static struct given *give(const char *text, struct json *value)
{
	struct json *doc = json_new_object(), *answer;
	struct strbuf out = STRBUF_INIT;
	struct given *given;
	struct err err;

	json_add_str(doc, "format", "binnacle answers 1");
	answer = json_add_object(json_add_array(doc, "answers"), NULL);
	json_add_str(answer, "dependency", text);
	json_add(answer, "value", value);
	json_print(&out, doc);
	given = given_parse(out.buf, out.len, &err);
	assert_non_null(given);
	json_free(doc);
	strbuf_release(&out);
	return given;
}

static char *print(const struct tmpl_value *value)
{
	struct json *json = given_encode(value);
	struct strbuf out = STRBUF_INIT;

	json_print(&out, json);
	json_free(json);
	return strbuf_detach(&out, NULL);
}

static void what_comes_out_is_what_went_in(void **state)
{
	static const struct {
		enum dep_kind kind;
		const char *json;
	} answers[] = {
		{ DEP_SERVICE, "[{\"Node\":{\"Node\":\"n\",\"Meta\":{\"a\":\"b\"}},\"Service\":"
			       "{\"ID\":\"i\",\"Service\":\"s\",\"Tags\":[\"t\"],\"Port\":8080,"
			       "\"Weights\":{\"Passing\":1,\"Warning\":1},\"TaggedAddresses\":"
			       "{\"lan\":{\"Address\":\"1.2.3.4\",\"Port\":5}}},"
			       "\"Checks\":[{\"CheckID\":\"c\",\"Status\":\"passing\"}]}]" },
		{ DEP_SERVICE, "[]" },
		{ DEP_SERVICES, "{\"b\":[\"t\"],\"a\":[]}" },
		{ DEP_NODES, "[{\"Node\":\"n\",\"Address\":\"a\",\"TaggedAddresses\":null}]" },
		{ DEP_DATACENTERS, "[\"dc1\",\"dc2\"]" },
		{ DEP_KEY, "[{\"Key\":\"k\",\"Value\":\"w7bDvA==\"}]" },
		{ DEP_KEY, "[{\"Key\":\"k\",\"Value\":\"AP8B\"}]" },
		{ DEP_KEY_EXISTS, "[{\"Key\":\"k\",\"Value\":\"eA==\"}]" },
		{ DEP_TREE, "[{\"Key\":\"p/k\",\"Value\":\"/w==\",\"Flags\":9007199254740993,"
			    "\"ModifyIndex\":7,\"LockIndex\":0,\"CreateIndex\":1}]" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		struct arena arena = ARENA_INIT;
		const struct dep *dep = dep_of(&arena, answers[i].kind, "it");
		const struct tmpl_value *before, *after;
		struct given *given;
		char *sent, *received;
		struct json *doc;
		struct err err;

		doc = json_parse(answers[i].json, strlen(answers[i].json), &err);
		assert_non_null(doc);
		before = tmpl_value_from_json(&arena, dep, doc, &err);
		assert_non_null(before);
		given = give("it", given_encode(before));
		assert_true(given_covers(given, dep));
		after = given_lookup(given, dep);
		assert_non_null(after);
		assert_ptr_equal(after->type, answers[i].kind == DEP_KEY_EXISTS ? &tmpl_type_string
										: before->type);
		sent = print(before);
		received = print(after);
		assert_string_equal(received, sent);
		free(sent);
		free(received);
		given_free(given);
		json_free(doc);
		arena_release(&arena);
	}
}

static void bytes_of_a_key_survive(void **state)
{
	struct arena arena = ARENA_INIT;
	const struct dep *dep = dep_of(&arena, DEP_KEY, "it");
	const struct tmpl_value *value = tmpl_string(&arena, "a\0\xff", 3);
	struct given *given = give("it", given_encode(value));
	const struct tmpl_value *got = given_lookup(given, dep);

	(void)state;
	assert_int_equal(got->u.string.len, 3);
	assert_memory_equal(got->u.string.text, "a\0\xff", 3);
	given_free(given);
	arena_release(&arena);
}

static void an_absent_optional_key_stays_absent(void **state)
{
	struct arena arena = ARENA_INIT;
	const struct dep *dep = dep_of(&arena, DEP_KEY_EXISTS, "it");
	struct given *given = give("it", given_encode(tmpl_nil()));

	(void)state;
	assert_true(tmpl_is_nil(given_lookup(given, dep)));
	given_free(given);
	arena_release(&arena);
}

static void what_does_not_fit_its_type_counts_as_not_given(void **state)
{
	static const char *const wrong[] = { "\"text\"",           "[1]",
					     "[{\"Node\":\"n\"}]", "[null,7]",
					     "{\"base64\":\"x\"}", "[[]]" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wrong); i++) {
		struct arena arena = ARENA_INIT;
		const struct dep *dep = dep_of(&arena, DEP_SERVICE, "it");
		struct err err;
		struct given *given = give("it", json_parse(wrong[i], strlen(wrong[i]), &err));

		assert_true(given_covers(given, dep));
		assert_null(given_lookup(given, dep));
		assert_false(given_covers(given, dep));
		given_free(given);
		arena_release(&arena);
	}
}

static void what_is_of_one_host_or_secret_is_never_covered(void **state)
{
	struct arena arena = ARENA_INIT;
	struct given *waiting = given_new();

	(void)state;
	assert_false(given_covers(waiting, dep_of(&arena, DEP_NODE, "it")));
	assert_false(given_covers(waiting, dep_of(&arena, DEP_FILE, "it")));
	assert_false(given_covers(waiting, dep_of(&arena, DEP_CA_LEAF, "it")));
	/* The rest is to come. */
	assert_true(given_covers(waiting, dep_of(&arena, DEP_SERVICE, "it")));
	assert_null(given_lookup(waiting, dep_of(&arena, DEP_SERVICE, "it")));
	assert_false(given_covers(NULL, dep_of(&arena, DEP_SERVICE, "it")));
	given_free(waiting);
	arena_release(&arena);
}

static void other_formats_are_refused(void **state)
{
	static const char *const texts[] = { "", "[]", "{}", "{\"format\":\"binnacle answers 0\"}",
					     "\xff\x01" };
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		assert_null(given_parse(texts[i], strlen(texts[i]), &err));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_comes_out_is_what_went_in),
		cmocka_unit_test(bytes_of_a_key_survive),
		cmocka_unit_test(an_absent_optional_key_stays_absent),
		cmocka_unit_test(what_does_not_fit_its_type_counts_as_not_given),
		cmocka_unit_test(what_is_of_one_host_or_secret_is_never_covered),
		cmocka_unit_test(other_formats_are_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
