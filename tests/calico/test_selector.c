#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json_decode.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/calico/selector.h"

/* The endpoint that all selectors below are tried on. */
static const struct json_pair labels[] = {
	{ "env", "prod" },        { "tier", "web" },   { "note", "" },
	{ "x.y/z_1-2", "dots" },  { "has", "word" },   { "inside", "label" },
	{ "not-in", "hyphened" }, { "quote", "it's" }, { "all", "any" },
};
static const struct json_list endpoint = { labels, COUNT_OF(labels) };

static bool matches(const char *text)
{
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };
	const struct calico_selector *selector = calico_selector_parse(text, &arena, &err);
	bool yes;

	if (!selector)
		print_error("%s\n", err.msg);
	assert_non_null(selector);
	yes = calico_selector_matches_labels(selector, &endpoint);
	arena_release(&arena);
	return yes;
}

static void selectors_match_as_calico_does(void **state)
{
	static const struct {
		const char *text;
		bool want;
	} cases[] = {
		{ "", true },
		{ " \t ", true },
		{ "all()", true },
		{ "all( \t)", true },
		{ "!all()", false },
		{ "env == 'prod'", true },
		{ "env == \"prod\"", true },
		{ "\tenv=='prod' ", true },
		{ "env == 'Prod'", false },
		{ "ENV == 'prod'", false },
		{ "env != 'prod'", false },
		{ "env != 'test'", true },
		{ "absent == 'x'", false },
		{ "absent != 'x'", true },
		{ "note == ''", true },
		{ "absent == ''", false },
		{ "env in {'test', 'prod'}", true },
		{ "env in {'test'}", false },
		{ "env in {}", false },
		{ "absent in {'x'}", false },
		{ "env not in {'prod'}", false },
		{ "env not in {'test','stage',}", true },
		{ "env not in {}", true },
		{ "absent not in {'x'}", true },
		{ "env not \t in{'test'}", true },
		{ "env notin {'test'}", true },
		{ "has(env)", true },
		{ "has( env )", true },
		{ "has(note)", true },
		{ "has(absent)", false },
		{ "!has(absent)", true },
		{ "!!has(env)", true },
		{ "!!!has(env)", false },
		{ "has == 'word'", true },
		{ "all == 'any'", true },
		{ "inside == 'label'", true },
		{ "not-in == 'hyphened'", true },
		{ "x.y/z_1-2 == 'dots'", true },
		{ "quote == \"it's\"", true },
		{ "has(env) && has(tier)", true },
		{ "has(env) && has(absent)", false },
		{ "has(absent) || has(tier)", true },
		/* && binds tighter than || on both sides. */
		{ "has(env) || has(env) && has(absent)", true },
		{ "has(absent) && has(env) || has(env)", true },
		{ "(has(env) || has(env)) && has(absent)", false },
		/* ! binds to the next operation only. */
		{ "!env == 'prod' || has(env)", true },
		{ "!env == 'prod' && has(env)", false },
		{ "!(env == 'prod' && has(absent))", true },
		{ "((env == 'prod'))", true },
		{ "a=='1'||b=='2'||tier=='web'", true },
		{ "tier == 'web' && (env == 'x' || (env == 'prod' && !has(absent)))", true },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		if (matches(cases[i].text) != cases[i].want)
			fail_msg("%s", cases[i].text);
	}
}

static void malformed_selectors_are_refused(void **state)
{
	static const char *const cases[] = {
		"env",
		"env =",
		"env = 'x'",
		"env == x",
		"env == 5",
		"env == 'x",
		"env == 'x\"",
		"'env' == 'x'",
		"env == 'x' 'y'",
		"env == 'x' &&",
		"&& env == 'x'",
		"env == 'x' & env == 'y'",
		"env == 'x' | env == 'y'",
		"env == 'x' and env == 'y'",
		"env == 'x')",
		"(env == 'x'",
		"()",
		"!",
		"has()",
		"has (env)",
		"has(env",
		"has(env) has(env)",
		"all(env)",
		"all (",
		"global()",
		"env in 'x'",
		"env in {'x' 'y'}",
		"env in {,}",
		"env in {'x',,'y'}",
		"env in {'x'",
		"env not {'x'}",
		"in == 'x'",
		"in-foo == 'x'",
		"in.x == 'x'",
		"in/x == 'x'",
		"notin == 'x'",
		"env contains 'x'",
		"env\n== 'x'",
		"env == 'x'\n",
		"\n",
		"env == 'x' # comment",
		"\xc3\xa9 == 'x'",
		"env == 'x'; env == 'y'",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct err err = { 0 };

		if (calico_selector_parse(cases[i], &arena, &err))
			fail_msg("accepted: %s", cases[i]);
		assert_int_equal(err.code, ERR_INPUT);
		arena_release(&arena);
	}
}

static void an_error_names_what_is_expected_and_where(void **state)
{
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };

	(void)state;
	assert_null(calico_selector_parse("role == nginx", &arena, &err));
	assert_string_equal(err.msg, "selector: a quoted value expected at column 9");
	arena_release(&arena);
}

static void a_label_of_512_characters_is_the_longest(void **state)
{
	char text[600];
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };

	(void)state;
	memset(text, 'k', 513);
	memcpy(text + 512, " == 'v'", 8);
	assert_non_null(calico_selector_parse(text, &arena, &err));
	memset(text, 'k', 513);
	memcpy(text + 513, " == 'v'", 8);
	assert_null(calico_selector_parse(text, &arena, &err));
	arena_release(&arena);
}

static void a_thousand_parentheses_are_an_error_and_no_crash(void **state)
{
	struct strbuf text = STRBUF_INIT;
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };

	(void)state;
	strbuf_addchars(&text, '(', 100000);
	assert_null(calico_selector_parse(text.buf, &arena, &err));
	strbuf_reset(&text);
	strbuf_addchars(&text, '!', 100001);
	strbuf_addstr(&text, "all()");
	assert_non_null(calico_selector_parse(text.buf, &arena, &err));
	assert_false(matches(text.buf));
	strbuf_release(&text);
	arena_release(&arena);
}

static void api_v3_compares_parts_of_values(void **state)
{
	static const struct {
		const char *text;
		bool valid, want;
	} cases[] = {
		{ "env contains 'ro'", true, true },
		{ "env contains 'prod'", true, true },
		{ "env contains 'x'", true, false },
		{ "env contains ''", true, true },
		{ "absent contains ''", true, false },
		{ "!(absent contains '')", true, true },
		{ "! env contains 'ro'", true, false },
		{ "env starts with 'pr'", true, true },
		{ "env starts \t with \"pr\"", true, true },
		{ "env startswith 'pr'", true, true },
		{ "env starts with 'od'", true, false },
		{ "env ends with 'od' && tier starts with 'w'", true, true },
		{ "env ends with 'pr'", true, false },
		{ "env == 'prod' || has(absent)", true, true },
		/* In front of a comparison they are labels. */
		{ "contains == 'x'", true, false },
		{ "contains contains 'x'", true, false },
		{ "starts != 'x'", true, true },
		{ "env contains", false, false },
		{ "env containsx 'a'", false, false },
		{ "env starts 'a'", false, false },
		{ "env starts witha 'a'", false, false },
		{ "env contains {'a'}", false, false },
		{ "contains 'x'", false, false },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct err err = { 0 };
		const struct calico_selector *selector =
			calico_selector_parse_as(CALICO_API_V3, cases[i].text, &arena, &err);

		if (!selector != !cases[i].valid)
			fail_msg("%s: %s", cases[i].text, err.msg);
		if (selector &&
		    calico_selector_matches_labels(selector, &endpoint) != cases[i].want)
			fail_msg("%s", cases[i].text);
		arena_release(&arena);
	}
	for (size_t i = 0; i < 12; i++) {
		struct arena arena = ARENA_INIT;
		struct err err = { 0 };

		if (calico_selector_parse(cases[i].text, &arena, &err))
			fail_msg("%s", cases[i].text); /* in API v1 it is invalid */
		arena_release(&arena);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(selectors_match_as_calico_does),
		cmocka_unit_test(malformed_selectors_are_refused),
		cmocka_unit_test(an_error_names_what_is_expected_and_where),
		cmocka_unit_test(api_v3_compares_parts_of_values),
		cmocka_unit_test(a_label_of_512_characters_is_the_longest),
		cmocka_unit_test(a_thousand_parentheses_are_an_error_and_no_crash),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
