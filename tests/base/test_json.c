#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/json_decode.h"
#include "binnacle/base/list.h"

struct check {
	const char *id, *output;
	int64_t port;
	struct json_list tags;
};

static const struct json_field check_fields[] = {
	JSON_STR(struct check, id, "CheckID", REQUIRED),
	JSON_STR(struct check, output, "Output", OPTIONAL),
	JSON_INT(struct check, port, "Service.Port", OPTIONAL),
	JSON_LIST(struct check, tags, "Tags", OPTIONAL, NULL),
};
static const struct json_shape check_shape = JSON_SHAPE(struct check, check_fields);

static bool decode(const char *text, struct check *out, struct arena *arena, struct err *err)
{
	struct json *doc = json_parse(text, strlen(text), err);
	bool ok = doc && json_decode(doc, &check_shape, out, arena, err);

	json_free(doc);
	return ok;
}

static void a_document_fills_the_struct(void **state)
{
	struct arena arena = ARENA_INIT;
	struct check check = { 0 };
	struct err err = { 0 };

	(void)state;
	assert_true(decode(
		"{\"CheckID\":\"c\",\"Service\":{\"Port\":80},\"Tags\":[\"a\",\"b\"],\"New\":1}",
		&check, &arena, &err));
	assert_string_equal(check.id, "c");
	assert_string_equal(check.output, "");
	assert_int_equal(check.port, 80);
	assert_int_equal(check.tags.count, 2);
	assert_string_equal(((const char *const *)check.tags.items)[1], "b");
	arena_release(&arena);
}

static void a_missing_or_wrong_member_is_named(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "{}", "CheckID is missing" },
		{ "{\"CheckID\":null}", "CheckID is missing" },
		{ "{\"CheckID\":5}", "CheckID is not a string" },
		{ "{\"CheckID\":\"c\",\"Service\":{\"Port\":\"x\"}}",
		  "Service.Port is not a number" },
		{ "[]", "an object was expected" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct check check = { 0 };
		struct err err = { 0 };

		assert_false(decode(cases[i].text, &check, &arena, &err));
		assert_int_equal(err.code, ERR_FORMAT);
		assert_string_equal(err.msg, cases[i].want);
		arena_release(&arena);
	}
}

static void malformed_text_is_placed(void **state)
{
	struct err err = { 0 };
	char deep[200];

	(void)state;
	assert_null(json_parse("{\n \"a\": x}", 10, &err));
	assert_string_equal(err.msg, "malformed JSON at line 2, column 7");
	assert_null(json_parse("{} x", 4, &err));
	assert_null(json_parse("", 0, &err));
	memset(deep, '[', sizeof(deep));
	assert_null(json_parse(deep, sizeof(deep), &err));
	assert_non_null(strstr(err.msg, "deeper than 64"));
}

static void printing_is_always_valid_json(void **state)
{
	struct strbuf out = STRBUF_INIT;
	struct json *doc = json_new_object();

	(void)state;
	json_add_str(doc, "a", "x\x1b\xff\"\n");
	json_add_int(doc, "big", 9007199254740991);
	json_add_number(doc, "n", 0.1);
	json_print(&out, doc);
	assert_string_equal(
		out.buf,
		"{\"a\":\"x\\u001b\xef\xbf\xbd\\\"\\n\",\"big\":9007199254740991,\"n\":0.1}");
	strbuf_release(&out);
	json_free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_fills_the_struct),
		cmocka_unit_test(a_missing_or_wrong_member_is_named),
		cmocka_unit_test(malformed_text_is_placed),
		cmocka_unit_test(printing_is_always_valid_json),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
