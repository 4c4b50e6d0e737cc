#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/yaml.h"

static const struct yaml_node *read(const char *text, struct arena *arena)
{
	struct err err = { 0 };
	const struct yaml_node *node = yaml_read(text, strlen(text), arena, &err);

	if (!node)
		fail_msg("%s", err.msg);
	return node;
}

static void assert_refused(const char *text, size_t len, const char *why)
{
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };

	assert_null(yaml_read(text, len, &arena, &err));
	if (!strstr(err.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
	arena_release(&arena);
}

static void a_document_becomes_a_tree_that_knows_its_lines(void **state)
{
	struct arena arena = ARENA_INIT;
	const struct yaml_node *root = read("a: 1\nb:\n- x\n- 'y'\nc: {}\n", &arena), *doc, *b;

	(void)state;
	assert_int_equal(root->count, 1);
	doc = root->first;
	assert_int_equal(doc->kind, YAML_MAP);
	assert_int_equal(doc->count, 3);
	assert_string_equal(yaml_member(doc, "a")->text, "1");
	assert_false(yaml_member(doc, "a")->quoted);
	b = yaml_member(doc, "b");
	assert_int_equal(b->kind, YAML_LIST);
	assert_int_equal(b->first->line, 3);
	assert_true(b->first->next->quoted);
	assert_int_equal(b->first->next->line, 4);
	assert_int_equal(yaml_member(doc, "c")->count, 0);
	assert_null(yaml_member(doc, "d"));
	assert_null(yaml_member(b, "d"));
	arena_release(&arena);
}

static void several_documents_are_items_of_one_list(void **state)
{
	struct arena arena = ARENA_INIT;
	const struct yaml_node *root = read("---\na: 1\n---\nb: 2\n...\n", &arena);

	(void)state;
	assert_int_equal(root->count, 2);
	assert_int_equal(root->first->next->line, 4);
	assert_int_equal(read("", &arena)->count, 0);
	assert_int_equal(read("# nothing\n", &arena)->count, 0);
	arena_release(&arena);
}

static void only_a_plain_nothing_is_null(void **state)
{
	struct arena arena = ARENA_INIT;
	const struct yaml_node *doc = read("a:\nb: ~\nc: ''\nd: null\ne: 0\n", &arena)->first;

	(void)state;
	assert_true(yaml_is_null(yaml_member(doc, "a")));
	assert_true(yaml_is_null(yaml_member(doc, "b")));
	assert_false(yaml_is_null(yaml_member(doc, "c")));
	assert_true(yaml_is_null(yaml_member(doc, "d")));
	assert_false(yaml_is_null(yaml_member(doc, "e")));
	assert_false(yaml_is_null(NULL));
	arena_release(&arena);
}

static void what_could_mean_more_than_it_says_is_refused_with_its_line(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "a: 1\nb: &x 2\n", "line 2: anchors" },
		{ "a: 1\nb: [*x]\n", "line 2" },
		{ "a: &x [1]\nb: *x\n", "line 1: anchors" },
		{ "a: !!binary x\n", "line 1: tags" },
		{ "a: 1\nb: 2\na: 3\n", "line 3: \"a\" stands twice" },
		{ "? [a]\n: 1\n", "line 1: a key must be a plain word" },
		{ "a: [1\nb: 2\n", "line 2" },
		{ "a:\n\t- 1\n", "line 2" },
		{ "a: \"x\\0y\"\n", "NUL" },
		{ "a: 'x\n", "line 2" },
		{ "\xff\xfe\xff", "line 1" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_refused(cases[i].text, strlen(cases[i].text), cases[i].why);
}

static void a_small_text_cannot_become_a_large_tree(void **state)
{
	struct strbuf text = STRBUF_INIT;

	(void)state;
	for (int i = 0; i < 200; i++)
		strbuf_addch(&text, '[');
	assert_refused(text.buf, text.len, "nested too deeply");
	strbuf_reset(&text);
	for (int i = 0; i <= LIMIT_YAML_NODES; i++)
		strbuf_addstr(&text, "- 1\n");
	assert_refused(text.buf, text.len, "too many items");
	strbuf_reset(&text);
	for (int i = 0; i <= LIMIT_YAML_MEMBERS; i++)
		strbuf_addf(&text, "k%d: 1\n", i);
	assert_refused(text.buf, text.len, "too many members");
	strbuf_release(&text);
}

static void assert_written(const char *json, const char *want)
{
	struct strbuf out = STRBUF_INIT;
	struct err err = { 0 };
	struct json *doc = json_parse(json, strlen(json), &err);

	if (!doc)
		fail_msg("%s", err.msg);
	yaml_write(&out, doc);
	assert_string_equal(out.buf, want);
	strbuf_release(&out);
	json_free(doc);
}

static void json_is_written_in_the_layout_of_go(void **state)
{
	(void)state;
	assert_written(
		"{\"b\":[1,{\"x\":\"y\",\"a\":{}}],\"a\":null,\"c\":[],\"d\":1.5,\"e\":true}",
		"a: null\nb:\n- 1\n- a: {}\n  x: \"y\"\nc: []\nd: 1.5\ne: true\n");
	assert_written("[]", "[]\n");
	assert_written("{\"a10\":1,\"a9\":1,\"a-b\":1,\"ab\":1,\"a.b\":1}",
		       "a-b: 1\na.b: 1\na9: 1\na10: 1\nab: 1\n");
}

static void texts_are_quoted_where_they_would_be_read_as_something_else(void **state)
{
	(void)state;
	assert_written("[\"80\",\"80:90\",\"80:30\",\"1.5\",\"0x1f\",\"true\",\"No\",\"\",\"~\","
		       "\"2017-01-02\","
		       "\"1_000\",\"+.inf\",\"<<\"]",
		       "- \"80\"\n- 80:90\n- \"80:30\"\n- \"1.5\"\n- \"0x1f\"\n- \"true\"\n- "
		       "\"No\"\n- \"\"\n"
		       "- \"~\"\n- \"2017-01-02\"\n- \"1_000\"\n- \"+.inf\"\n- \"<<\"\n");
}

static void texts_from_outside_are_written_safely(void **state)
{
	(void)state;
	assert_written(
		"[\"role == 'nginx'\",\"- a\",\"a: b\",\"a #b\",\"two\\nlines\",\"\\u001b[31m\","
		"\"10.233.0.0/16\",\"ee:ee:ee:ee:ee:ee\"]",
		"- role == 'nginx'\n- '- a'\n- 'a: b'\n- 'a #b'\n- |-\n  two\n  lines\n"
		"- \"\\e[31m\"\n- 10.233.0.0/16\n- ee:ee:ee:ee:ee:ee\n");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_document_becomes_a_tree_that_knows_its_lines),
		cmocka_unit_test(several_documents_are_items_of_one_list),
		cmocka_unit_test(only_a_plain_nothing_is_null),
		cmocka_unit_test(what_could_mean_more_than_it_says_is_refused_with_its_line),
		cmocka_unit_test(a_small_text_cannot_become_a_large_tree),
		cmocka_unit_test(json_is_written_in_the_layout_of_go),
		cmocka_unit_test(texts_are_quoted_where_they_would_be_read_as_something_else),
		cmocka_unit_test(texts_from_outside_are_written_safely),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
