/* Texts that are cut without being parsed. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/json_scan.h"
#include "binnacle/base/strbuf.h"

static struct json_text text_of(const char *text)
{
	return (struct json_text){ text, strlen(text) };
}

/* "key=value|" for each item, and "!" when it ended badly. */
static void assert_cut(const char *text, const char *want)
{
	struct json_scan scan = json_scan_begin(text_of(text));
	struct json_text key, value;
	struct strbuf seen = STRBUF_INIT;

	while (json_scan_next(&scan, &key, &value)) {
		strbuf_add(&seen, key.at, key.len);
		strbuf_addch(&seen, '=');
		strbuf_add(&seen, value.at, value.len);
		strbuf_addch(&seen, '|');
	}
	if (scan.failed)
		strbuf_addch(&seen, '!');
	assert_false(json_scan_next(&scan, &key, &value)); /* the end stays the end */
	assert_string_equal(seen.buf ? seen.buf : "", want);
	strbuf_release(&seen);
}

static void lists_and_objects_are_cut_into_their_items(void **state)
{
	(void)state;
	assert_cut("[]", "");
	assert_cut(" [ ] \n", "");
	assert_cut("{}", "");
	assert_cut("null", "");
	assert_cut("[1]", "=1|");
	assert_cut("[1 , {\"a\":[1,2]},\"x\"]", "=1|={\"a\":[1,2]}|=\"x\"|");
	assert_cut("{\"a\":1,\"b\" : {\"c\":\"}\"} }", "a=1|b={\"c\":\"}\"}|");
	assert_cut("[\n  {\n    \"A\": 1\n  }\n]", "={\n    \"A\": 1\n  }|");
}

static void brackets_and_quotes_inside_of_strings_do_not_count(void **state)
{
	(void)state;
	assert_cut("[\"a]b\",\"c,d\"]", "=\"a]b\"|=\"c,d\"|");
	assert_cut("[\"a\\\"]\",2]", "=\"a\\\"]\"|=2|");
	assert_cut("[\"a\\\\\",2]", "=\"a\\\\\"|=2|");
	assert_cut("{\"k\\\"\":1}", "k\\\"=1|");
}

static void what_cannot_be_cut_ends_in_a_failure(void **state)
{
	(void)state;
	assert_cut("", "!");
	assert_cut("7", "!");
	assert_cut("nul", "!");
	assert_cut("[", "!");
	assert_cut("[1", "!");
	assert_cut("[1,", "=1|!");
	assert_cut("[1,]", "=1|!");
	assert_cut("[,1]", "!");
	assert_cut("[\"a]", "!");
	assert_cut("[1] 2", "=1|!");
	assert_cut("[1}", "=1|!");
	assert_cut("{1:2}", "!");
	assert_cut("{\"a\"}", "!");
	assert_cut("{\"a\":}", "!");
	assert_cut("{\"a\":1 \"b\":2", "!");
}

static void strings_are_unescaped(void **state)
{
	char *text = json_text_dup(text_of("\"a\\u00e9\\n\\\"\""));

	(void)state;
	assert_string_equal(text, "a\xc3\xa9\n\"");
	free(text);
	text = json_text_dup(text_of("\"plain\""));
	assert_string_equal(text, "plain");
	free(text);
	assert_null(json_text_dup(text_of("7")));
	assert_null(json_text_dup(text_of("\"bad\\x\"")));
	assert_true(json_text_is(text_of("Node"), "Node"));
	assert_false(json_text_is(text_of("Nodes"), "Node"));
}

static void hashes_tell_texts_apart(void **state)
{
	(void)state;
	assert_true(json_text_hash(text_of("{\"a\":12345678}")) ==
		    json_text_hash(text_of("{\"a\":12345678}")));
	assert_true(json_text_hash(text_of("{\"a\":12345678}")) !=
		    json_text_hash(text_of("{\"a\":12345679}")));
	assert_true(json_text_hash(text_of("")) != json_text_hash((struct json_text){ "\0", 1 }));
	assert_true(json_text_hash(text_of("12345678")) != json_text_hash(text_of("1234567")));
}

/* Documents too: what changes in any place changes the hash, a neighbor does not. */
static void hashes_tell_documents_apart(void **state)
{
	struct err err;
	static const char text[] = "[{\"a\":1},{\"a\":1},{\"a\":\"1\"},{\"b\":1},[1]]";
	struct json *doc = json_parse(text, strlen(text), &err);
	uint64_t hashes[5];
	size_t count = 0;

	(void)state;
	assert_non_null(doc);
	JSON_EACH(item, doc)
	hashes[count++] = json_hash(item);
	assert_true(hashes[0] == hashes[1]);
	for (size_t i = 2; i < 5; i++)
		for (size_t k = 1; k < i; k++)
			assert_true(hashes[i] != hashes[k]);
	json_free(doc);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(lists_and_objects_are_cut_into_their_items),
		cmocka_unit_test(brackets_and_quotes_inside_of_strings_do_not_count),
		cmocka_unit_test(what_cannot_be_cut_ends_in_a_failure),
		cmocka_unit_test(strings_are_unescaped),
		cmocka_unit_test(hashes_tell_texts_apart),
		cmocka_unit_test(hashes_tell_documents_apart),
	};

	return cmocka_run_group_tests_name("JSON texts", tests, NULL, NULL);
}
