#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <cmocka.h>

#include <string.h>

#include "binnacle/base/encode.h"
#include "binnacle/base/list.h"
#include "binnacle/base/match.h"

static void base64_reads_back_what_it_writes(void **state)
{
	static const char *const texts[] = { "",     "f",     "fo",     "foo",
					     "foob", "fooba", "foobar", "\xff\xfe\xfd" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		for (int alphabet = BASE64_STANDARD; alphabet <= BASE64_URL; alphabet++) {
			struct strbuf out = STRBUF_INIT, back = STRBUF_INIT;

			base64_encode(&out, texts[i], strlen(texts[i]),
				      (enum base64_alphabet)alphabet);
			assert_int_equal(out.len % 4, 0);
			assert_true(base64_decode(&back, out.buf, out.len,
						  (enum base64_alphabet)alphabet, NULL));
			assert_string_equal(back.buf, texts[i]);
			strbuf_release(&out);
			strbuf_release(&back);
		}
	}
}

static void malformed_base64_is_placed_and_leaves_the_output(void **state)
{
	static const struct {
		const char *text;
		size_t bad;
	} cases[] = {
		{ "a?==", 1 }, { "YQ=", 3 },    { "YQ==YQ==", 4 }, { "=", 0 },
		{ "Y===", 1 }, { "Zm9vYg", 4 }, { "Zm9v*", 4 },    { "Zm-v", 2 },
	};
	struct strbuf out = STRBUF_INIT;

	(void)state;
	strbuf_addstr(&out, "kept");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		size_t bad = 999;

		assert_false(base64_decode(&out, cases[i].text, strlen(cases[i].text),
					   BASE64_STANDARD, &bad));
		assert_int_equal(bad, cases[i].bad);
		assert_string_equal(out.buf, "kept");
	}
	assert_true(base64_decode(&out, "Zm\r\n9v", 6, BASE64_STANDARD, NULL));
	assert_string_equal(out.buf, "keptfoo");
	strbuf_release(&out);
}

static void hex_and_urls_read_back(void **state)
{
	struct strbuf out = STRBUF_INIT;
	size_t bad;

	(void)state;
	hex_encode(&out, "\x00\xffz", 3);
	assert_string_equal(out.buf, "00ff7a");
	strbuf_reset(&out);
	assert_true(hex_decode(&out, "7A7a", 4, NULL));
	assert_string_equal(out.buf, "zz");
	assert_false(hex_decode(&out, "7", 1, &bad));
	assert_int_equal(bad, 1);
	strbuf_reset(&out);
	encode_url(&out, "a/b c~\xc3\xa9", 8);
	assert_string_equal(out.buf, "a%2Fb%20c~%C3%A9");
	strbuf_reset(&out);
	encode_url_path(&out, "a/b?", 4);
	assert_string_equal(out.buf, "a/b%3F");
	strbuf_reset(&out);
	assert_true(url_unescape(&out, "a%2fb", 5, NULL));
	assert_string_equal(out.buf, "a/b");
	assert_false(url_unescape(&out, "a%2", 3, &bad));
	assert_int_equal(bad, 1);
	strbuf_release(&out);
}

static void globs_match_whole_texts(void **state)
{
	static const struct {
		const char *pattern, *text;
		bool want;
	} cases[] = {
		{ "", "", true },
		{ "*", "", true },
		{ "a*", "abc", true },
		{ "a*c", "abcc", true },
		{ "a*c", "abcd", false },
		{ "*b*", "abc", true },
		{ "a?c", "abc", true },
		{ "a?c", "ac", false },
		{ "[a-c]x", "bx", true },
		{ "[!a]", "a", false },
		{ "[!a]", "b", true },
		{ "[]]", "]", true },
		{ "\\*", "*", true },
		{ "\\*", "x", false },
		{ "[a", "[a", true },
		{ "a**b", "axb", true },
		{ "x", "xy", false },
		{ "*.conf", ".conf", true },
		{ "a*a*a*a*b", "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa", false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_int_equal(glob_match(cases[i].pattern, cases[i].text), cases[i].want);
}

static bool matches(const char *pattern, const char *text)
{
	struct err err = { 0 };
	struct regex *regex = regex_compile(pattern, strlen(pattern), &err);
	bool found = false;

	if (!regex)
		fail_msg("%s", err.msg);
	if (!regex_match(regex, text, strlen(text), &found, &err))
		fail_msg("%s", err.msg);
	regex_free(regex);
	return found;
}

static void expressions_mean_what_they_mean_in_go(void **state)
{
	(void)state;
	assert_true(matches("^a[\\s,]b$", "a\tb"));
	assert_false(matches("^a\\sb$", "a\vb"));
	assert_true(matches("^a\\vb$", "a\vb"));
	assert_false(matches("a$", "a\n"));
	assert_true(matches("(?m)a$", "a\nb"));
	assert_true(matches("(?i)É", "é"));
	assert_true(matches("^.$", "é"));
	assert_true(matches("\\pL{2}", "éa"));
	assert_true(matches("a{,2}", "a{,2}"));
	assert_true(matches("[[:alpha:]]", "x"));
	assert_true(matches("\\Qa.b\\E", "a.b"));
	assert_false(matches("\\Qa.b\\E", "axb"));
	assert_true(matches("\\101", "A"));
	assert_true(matches("(?P<x>a)|b", "b"));
	assert_true(matches("a*", ""));
	assert_true(matches("[a[b]", "["));
	assert_true(matches("", "x"));
}

static void what_re2_does_not_know_is_refused(void **state)
{
	static const struct {
		const char *pattern, *want;
	} cases[] = {
		{ "a(?=b)", "error parsing regexp: invalid or unsupported Perl syntax: `(?=`" },
		{ "(?<!a)b", "error parsing regexp: invalid or unsupported Perl syntax: `(?<`" },
		{ "(?>a)", "error parsing regexp: invalid or unsupported Perl syntax: `(?>`" },
		{ "(a)\\1", "error parsing regexp: invalid escape sequence: `\\1`" },
		{ "\\K", "error parsing regexp: invalid escape sequence: `\\K`" },
		{ "(a", "error parsing regexp: missing closing ): `(a`" },
		{ "a)b", "error parsing regexp: unexpected ): `a)b`" },
		{ "[a", "error parsing regexp: missing closing ]: `[a`" },
		{ "*a", "error parsing regexp: missing argument to repetition operator: `*`" },
		{ "a**", "error parsing regexp: invalid nested repetition operator: `**`" },
		{ "a{2}{3}", "error parsing regexp: invalid nested repetition operator: `{2}{3}`" },
		{ "a++", "error parsing regexp: invalid nested repetition operator: `++`" },
		{ "a{1001}", "error parsing regexp: invalid repeat count: `{1001}`" },
		{ "a\\", "error parsing regexp: trailing backslash at end of expression: ``" },
		{ "(*FAIL)", "error parsing regexp: missing argument to repetition operator: `*`" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };

		assert_null(regex_compile(cases[i].pattern, strlen(cases[i].pattern), &err));
		assert_string_equal(err.msg, cases[i].want);
	}
}

static void a_costly_expression_is_an_error(void **state)
{
	struct err err = { 0 };
	struct regex *regex = regex_compile("^(a|a)*$", 8, &err);
	char text[64];
	bool found;

	(void)state;
	memset(text, 'a', sizeof(text));
	text[63] = 'b';
	assert_non_null(regex);
	assert_false(regex_match(regex, text, sizeof(text), &found, &err));
	assert_non_null(strstr(err.msg, "takes too long"));
	regex_free(regex);
}

static void replacing_knows_groups_and_empty_matches(void **state)
{
	static const struct {
		const char *pattern, *text, *to, *want;
	} cases[] = {
		{ "a*", "baac", "-", "-b-c-" },
		{ "b", "abc", "[$0]", "a[b]c" },
		{ "(a)(b)?", "ac", "<$1|$2|$3>", "<a||>c" },
		{ "(?P<n>a)", "a", "${n}$n $nx$$", "aa $" },
		{ "a", "a", "$", "$" },
		{ "", "é", "-", "-é-" },
		{ "x", "abc", "y", "abc" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct strbuf out = STRBUF_INIT;
		struct err err = { 0 };
		struct regex *regex =
			regex_compile(cases[i].pattern, strlen(cases[i].pattern), &err);

		assert_true(regex_replace_all(regex, cases[i].text, strlen(cases[i].text),
					      cases[i].to, strlen(cases[i].to), &out, &err));
		assert_string_equal(out.buf, cases[i].want);
		regex_free(regex);
		strbuf_release(&out);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(base64_reads_back_what_it_writes),
		cmocka_unit_test(malformed_base64_is_placed_and_leaves_the_output),
		cmocka_unit_test(hex_and_urls_read_back),
		cmocka_unit_test(globs_match_whole_texts),
		cmocka_unit_test(expressions_mean_what_they_mean_in_go),
		cmocka_unit_test(what_re2_does_not_know_is_refused),
		cmocka_unit_test(a_costly_expression_is_an_error),
		cmocka_unit_test(replacing_knows_groups_and_empty_matches),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
