#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/hcl.h"
#include "binnacle/base/list.h"

static const char sample[] = "# how operators write it\n"
			     "consul { address = \"127.0.0.1:8500\" }\n"
			     "docker \"HOST-1\" { host = \"unix:///a\" } // first\n"
			     "docker \"HOST-2\" { host = \"tcp://b\"  cert_path = \"/c\" }\n"
			     "/* two\n lines */ template {\n"
			     "  source = \"a\\tb\"\n  perms = 0644\n  wait { min = \"5s\" }\n"
			     "  contents = <<-EOT\n    one\n      two\n    EOT\n}\n"
			     "endpoints = [\"x\", \"y\",]\nlist = \"p,q\"\nproduction = true\n";

static void blocks_labels_and_values_are_read(void **state)
{
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };
	const struct hcl_value *root = hcl_parse(sample, strlen(sample), &arena, &err), *docker;
	const char *text = "";
	const char *const *list = NULL;
	int64_t ms = 0;
	bool production = false;

	(void)state;
	assert_non_null(root);
	assert_true(hcl_read_text(hcl_get(root, "consul"), "address", &text, &err));
	assert_string_equal(text, "127.0.0.1:8500");
	docker = hcl_each(root, "docker", NULL);
	assert_string_equal(docker->labels[0], "HOST-1");
	docker = hcl_each(root, "docker", docker);
	assert_string_equal(docker->labels[0], "HOST-2");
	assert_null(hcl_each(root, "docker", docker));
	assert_true(hcl_read_text(hcl_get(root, "template"), "source", &text, &err));
	assert_string_equal(text, "a\tb");
	assert_true(hcl_read_text(hcl_get(root, "template"), "contents", &text, &err));
	assert_string_equal(text, "one\n  two\n");
	assert_true(hcl_read_text(hcl_get(root, "template"), "perms", &text, &err));
	assert_string_equal(text, "0644");
	assert_true(
		hcl_read_duration(hcl_get(hcl_get(root, "template"), "wait"), "min", &ms, &err));
	assert_int_equal(ms, 5000);
	assert_true(hcl_read_list(root, "endpoints", &list, &arena, &err));
	assert_string_equal(list[1], "y");
	assert_null(list[2]);
	assert_true(hcl_read_list(root, "list", &list, &arena, &err));
	assert_string_equal(list[1], "q");
	assert_true(hcl_read_bool(root, "production", &production, &err));
	assert_true(production);
	arena_release(&arena);
}

static void json_reads_as_the_same_tree(void **state)
{
	static const char text[] = "{\"template\":[{\"source\":\"a\"},{\"source\":\"b\"}],\"n\":5}";
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };
	const struct hcl_value *root = hcl_parse(text, strlen(text), &arena, &err), *block;
	const char *source = "";
	int64_t n = 0;

	(void)state;
	block = hcl_each(root, "template", hcl_each(root, "template", NULL));
	assert_true(hcl_read_text(block, "source", &source, &err));
	assert_string_equal(source, "b");
	assert_true(hcl_read_int(root, "n", 1, 9, &n, &err));
	assert_int_equal(n, 5);
	assert_false(hcl_read_int(root, "n", 6, 9, &n, &err));
	assert_string_equal(err.msg, "n must be a whole number from 6 to 9");
	arena_release(&arena);
}

static void mistakes_are_placed(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "a = \"x", "line 1, column 7: string without a closing quote" },
		{ "\na b", "line 2, column 3: '=' or '{' was expected after the key" },
		{ "a { b = 1", "line 1, column 10: '}' was expected" },
		{ "a = [1 2]", "line 1, column 8: ',' or ']' was expected in the list" },
		{ "a = \"\\q\"", "line 1, column 7: unknown escape in a string" },
		{ "a = <<X\nq\n", "line 3, column 1: heredoc without its closing word" },
		{ "a = bogus", "line 1, column 5: a value was expected: \"text\", number, true, "
			       "false, [list] or "
			       "{object}" },
		{ "{\"a\":", "malformed JSON at line 1, column 5" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct err err = { 0 };

		assert_null(hcl_parse(cases[i].text, strlen(cases[i].text), &arena, &err));
		assert_string_equal(err.msg, cases[i].want);
		arena_release(&arena);
	}
}

static void an_unknown_key_names_the_nearest(void **state)
{
	static const char *const allowed[] = { "address", "token", NULL };
	static const char text[] = "\naddres = 1";
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };

	(void)state;
	assert_false(hcl_only_keys(hcl_parse(text, strlen(text), &arena, &err), "consul", allowed,
				   &err));
	assert_string_equal(err.msg,
			    "line 2: unknown key \"addres\" in consul; did you mean \"address\"?");
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(blocks_labels_and_values_are_read),
		cmocka_unit_test(json_reads_as_the_same_tree),
		cmocka_unit_test(mistakes_are_placed),
		cmocka_unit_test(an_unknown_key_names_the_nearest),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
