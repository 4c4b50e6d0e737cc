/*
 * render/diff.h - differences between two texts, line by line, as data and as text.
 *
 *     struct diff diff;
 *
 *     diff_compute(&diff, old, old_len, new, new_len, 3);
 *     for (size_t i = 0; i < diff.hunk_count; i++)
 *         paint(&diff.hunks[i]);
 *     diff_release(&diff);
 *
 * The texts are copied. Lines may hold anything: whoever prints cleans (base/text.h).
 *
 * The method is Myers' (An O(ND) Difference Algorithm, 1986) in linear space; where two texts
 * differ so much that the shortest script would take too long, a longer one is given. It is a
 * correct difference all the same.
 */
#ifndef BINNACLE_RENDER_DIFF_H
#define BINNACLE_RENDER_DIFF_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"

enum diff_kind { DIFF_SAME, DIFF_REMOVED, DIFF_ADDED };

struct diff_span {
	size_t start, end; /* bytes of the line */
};

struct diff_line {
	enum diff_kind kind;
	size_t old_line, new_line; /* from 1; 0: not in that text */
	const char *text;          /* without its newline; not NUL-terminated */
	size_t len;
	bool no_newline; /* the last line of its text, which does not end in a newline */
	const struct diff_span *spans; /* of a removed or added line: what its partner lacks */
	size_t span_count;
};

struct diff_hunk {
	size_t old_start, old_count, new_start, new_count; /* as after @@ */
	const char *section; /* the line that begins the block of the first change; "" */
	const struct diff_line *lines;
	size_t count;
};

struct diff {
	struct diff_hunk *hunks;
	size_t hunk_count;
	size_t added, removed; /* lines */
	bool is_large;         /* above DIFF_LARGE_BYTES or LIMIT_DIFF_LINES_COUNT: no spans */
	struct arena arena;
};

#define DIFF_LARGE_BYTES      (4u << 20)
#define DIFF_SPANS_HUNK_LINES 200  /* a hunk above this many lines has no spans */
#define DIFF_SPANS_LINE_BYTES 2000 /* nor a line above this many bytes */

void diff_compute(struct diff *diff, const char *old_text, size_t old_len, const char *new_text,
		  size_t new_len, size_t context_lines);
void diff_release(struct diff *diff);

/* Lines added and removed alone. */
void diff_count(const char *old_text, size_t old_len, const char *new_text, size_t new_len,
		size_t *added, size_t *removed);

/* As `diff -u` prints it; nothing when the texts are equal. Bytes as they are. */
void diff_print_unified(struct strbuf *out, const struct diff *diff, const char *old_name,
			const char *new_name);

#endif
