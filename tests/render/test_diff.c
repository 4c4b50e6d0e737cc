#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/render/diff.h"

static void differences_print_as_diff_u_prints_them(void **state)
{
	static const struct {
		const char *old_text, *new_text, *want;
	} cases[] = {
		{ "same\n", "same\n", "" },
		{ "", "", "" },
		{ "", "a\nb\n", "@@ -0,0 +1,2 @@\n+a\n+b\n" },
		{ "a\nb\n", "", "@@ -1,2 +0,0 @@ a\n-a\n-b\n" },
		{ "a\n", "a", "@@ -1 +1 @@ a\n-a\n+a\n\\ No newline at end of file\n" },
		{ "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "1\n2\n3\n4\n5\n6\n7\n8\n9\n10\n",
		  "@@ -7,3 +7,4 @@\n 7\n 8\n 9\n+10\n" },
		{ "1\n2\n3\n4\n5\n6\n7\n8\n", "0\n2\n3\n4\n5\n6\n7\n0\n",
		  "@@ -1,8 +1,8 @@\n-1\n+0\n 2\n 3\n 4\n 5\n 6\n 7\n-8\n+0\n" },
		{ "1\n2\n3\n4\n5\n6\n7\n8\n9\n", "0\n2\n3\n4\n5\n6\n7\n8\n9\n0\n",
		  "@@ -1,4 +1,4 @@\n-1\n+0\n 2\n 3\n 4\n@@ -7,3 +7,4 @@\n 7\n 8\n 9\n+0\n" },
		{ "upstream web {\n  a;\n}\n", "upstream web {\n  b;\n}\n",
		  "@@ -1,3 +1,3 @@ upstream web\n upstream web {\n-  a;\n+  b;\n }\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct strbuf got = STRBUF_INIT;
		struct diff diff;
		const char *body;

		diff_compute(&diff, cases[i].old_text, strlen(cases[i].old_text), cases[i].new_text,
			     strlen(cases[i].new_text), 3);
		diff_print_unified(&got, &diff, "a", "b");
		body = got.len ? got.buf + strlen("--- a\n+++ b\n") : "";
		assert_string_equal(body, cases[i].want);
		strbuf_release(&got);
		diff_release(&diff);
	}
}

static void the_script_is_a_shortest_one(void **state)
{
	/* The example of Myers' paper: five changes. */
	static const char a[] = "a\nb\nc\na\nb\nb\na\n", b[] = "c\nb\na\nb\na\nc\n";
	size_t added, removed;

	(void)state;
	diff_count(a, strlen(a), b, strlen(b), &added, &removed);
	assert_int_equal(added + removed, 5);
}

static size_t random_text(unsigned *seed, char *out, size_t most)
{
	static const char *const lines[] = { "a\n", "bb\n", "\n",
					     "a long line that is met often\n" };
	size_t len = 0, count = (*seed = *seed * 1103515245u + 12345u) / 65536u % 40;

	for (size_t i = 0; i < count; i++) {
		const char *line = lines[(*seed = *seed * 1103515245u + 12345u) / 65536u % 4];

		memcpy(out + len, line, strlen(line));
		len += strlen(line);
		assert_true(len < most);
	}
	/* Every third one has no newline at its end. */
	return len && *seed / 65536u % 3 == 0 ? len - 1 : len;
}

static void the_count_is_that_of_the_whole_difference(void **state)
{
	unsigned seed = 7;

	(void)state;
	for (int round = 0; round < 3000; round++) {
		char a[2000], b[2000];
		size_t a_len = random_text(&seed, a, sizeof(a)), b_len, added, removed;
		struct diff diff;

		if (round % 2) {
			b_len = random_text(&seed, b, sizeof(b));
		} else { /* a copy that lacks a piece */
			size_t at = a_len ? seed / 65536u % a_len : 0, gap = (a_len - at) / 3;

			memcpy(b, a, at);
			memcpy(b + at, a + at + gap, a_len - at - gap);
			b_len = a_len - gap;
		}
		diff_compute(&diff, a, a_len, b, b_len, 0);
		diff_count(a, a_len, b, b_len, &added, &removed);
		assert_int_equal(added, diff.added);
		assert_int_equal(removed, diff.removed);
		diff_release(&diff);
	}
}

/* "text[-removed-]text" of each marked line. */
static void print_spans(struct strbuf *out, const struct diff_line *line)
{
	size_t at = 0;

	for (size_t i = 0; i < line->span_count; i++) {
		strbuf_add(out, line->text + at, line->spans[i].start - at);
		strbuf_addch(out, '[');
		strbuf_add(out, line->text + line->spans[i].start,
			   line->spans[i].end - line->spans[i].start);
		strbuf_addch(out, ']');
		at = line->spans[i].end;
	}
	strbuf_add(out, line->text + at, line->len - at);
}

static void what_differs_inside_similar_lines_is_marked(void **state)
{
	static const struct {
		const char *old_text, *new_text, *want;
	} cases[] = {
		{ "server 192.168.1.16:8080 max_fails=3;\n",
		  "server 192.168.1.17:8080 max_fails=3;\nserver 192.168.4.4:8080 max_fails=3;\n",
		  "-server 192.168.1.[16]:8080 max_fails=3;\n"
		  "+server 192.168.1.[17]:8080 max_fails=3;\n"
		  "+server 192.168.4.4:8080 max_fails=3;\n" },
		{ "one two three\n", "entirely other words here\n",
		  "-one two three\n+entirely other words here\n" },
		{ "x 1 \n", "x 1\n", "-x 1[ ]\n+x 1\n" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct strbuf got = STRBUF_INIT;
		struct diff diff;

		diff_compute(&diff, cases[i].old_text, strlen(cases[i].old_text), cases[i].new_text,
			     strlen(cases[i].new_text), 3);
		assert_int_equal(diff.hunk_count, 1);
		for (size_t n = 0; n < diff.hunks[0].count; n++) {
			const struct diff_line *line = &diff.hunks[0].lines[n];

			strbuf_addch(&got, " -+"[line->kind]);
			print_spans(&got, line);
			strbuf_addch(&got, '\n');
		}
		assert_string_equal(got.buf, cases[i].want);
		strbuf_release(&got);
		diff_release(&diff);
	}
}

static void long_lines_and_hunks_have_no_marks(void **state)
{
	struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
	struct diff diff;

	(void)state;
	strbuf_addchars(&a, 'x', 2000);
	strbuf_addstr(&a, " 1\n");
	strbuf_addchars(&b, 'x', 2000);
	strbuf_addstr(&b, " 2\n");
	diff_compute(&diff, a.buf, a.len, b.buf, b.len, 3);
	assert_int_equal(diff.hunks[0].lines[0].span_count, 0);
	diff_release(&diff);
	strbuf_reset(&a);
	strbuf_reset(&b);
	for (int i = 0; i < 150; i++) {
		strbuf_addf(&a, "server 10.0.0.%d old;\n", i);
		strbuf_addf(&b, "server 10.0.0.%d new;\n", i);
	}
	diff_compute(&diff, a.buf, a.len, b.buf, b.len, 3);
	assert_int_equal(diff.added, 150);
	assert_int_equal(diff.hunks[0].lines[0].span_count, 0);
	diff_release(&diff);
	strbuf_release(&a);
	strbuf_release(&b);
}

static void texts_without_anything_in_common_are_compared_in_bounded_time(void **state)
{
	struct strbuf a = STRBUF_INIT, b = STRBUF_INIT;
	size_t added, removed;

	(void)state;
	for (unsigned i = 0; i < 2 * LIMIT_DIFF_LINES_COUNT; i++) {
		/* Every other line is common, in another order. */
		strbuf_addf(&a, "%u\n", i % 2 ? i * 7919 % 40009 : i);
		strbuf_addf(&b, "%u\n", i % 2 ? i * 104729 % 40009 : i + 1000000);
	}
	diff_count(a.buf, a.len, b.buf, b.len, &added, &removed);
	assert_int_equal(added, removed);
	assert_true(added >= LIMIT_DIFF_LINES_COUNT);
	strbuf_release(&a);
	strbuf_release(&b);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(differences_print_as_diff_u_prints_them),
		cmocka_unit_test(the_script_is_a_shortest_one),
		cmocka_unit_test(the_count_is_that_of_the_whole_difference),
		cmocka_unit_test(what_differs_inside_similar_lines_is_marked),
		cmocka_unit_test(long_lines_and_hunks_have_no_marks),
		cmocka_unit_test(texts_without_anything_in_common_are_compared_in_bounded_time),
	};

	return cmocka_run_group_tests_name("differences", tests, NULL, NULL);
}
