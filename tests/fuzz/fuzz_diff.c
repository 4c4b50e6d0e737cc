/* Two texts, divided by the first NUL: the hunks must turn the one into the other. */
#include <assert.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include "binnacle/render/diff.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void copy_lines(struct strbuf *out, const char **at, const char *end, size_t count)
{
	while (count-- > 0 && *at < end) {
		const char *newline = memchr(*at, '\n', (size_t)(end - *at));
		const char *next = newline ? newline + 1 : end;

		strbuf_add(out, *at, (size_t)(next - *at));
		*at = next;
	}
}

static void check(const char *old_text, size_t old_len, const char *new_text, size_t new_len,
		  size_t context)
{
	struct strbuf got = STRBUF_INIT, printed = STRBUF_INIT;
	struct diff diff;
	const char *at = old_text, *end = old_text + old_len;
	size_t line = 1, added = 0, removed = 0;

	diff_compute(&diff, old_text, old_len, new_text, new_len, context);
	for (size_t i = 0; i < diff.hunk_count; i++) {
		const struct diff_hunk *hunk = &diff.hunks[i];
		size_t start = hunk->old_start + (hunk->old_count == 0);

		assert(start >= line);
		copy_lines(&got, &at, end, start - line);
		line = start;
		for (size_t n = 0; n < hunk->count; n++) {
			const struct diff_line *l = &hunk->lines[n];

			for (size_t k = 0; k < l->span_count; k++)
				assert(l->spans[k].start < l->spans[k].end &&
				       l->spans[k].end <= l->len);
			if (l->kind != DIFF_ADDED) {
				struct strbuf skipped = STRBUF_INIT;

				assert(l->old_line == line);
				copy_lines(&skipped, &at, end, 1);
				strbuf_release(&skipped);
				line++;
			}
			removed += l->kind == DIFF_REMOVED;
			added += l->kind == DIFF_ADDED;
			if (l->kind == DIFF_REMOVED)
				continue;
			strbuf_add(&got, l->text, l->len);
			if (!l->no_newline)
				strbuf_addch(&got, '\n');
		}
	}
	strbuf_add(&got, at, (size_t)(end - at));
	assert(got.len == new_len && memcmp(got.buf, new_text, new_len) == 0);
	assert(added == diff.added && removed == diff.removed);
	diff_print_unified(&printed, &diff, "a", "b");
	strbuf_release(&printed);
	strbuf_release(&got);
	diff_release(&diff);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const char *text = (const char *)data;
	const char *middle = size ? memchr(text, 0, size) : NULL;
	size_t old_len = middle ? (size_t)(middle - text) : size;
	size_t new_len = middle ? size - old_len - 1 : 0;

	check(text, old_len, middle ? middle + 1 : "", new_len, 3);
	check(text, old_len, middle ? middle + 1 : "", new_len, 0);
	return 0;
}
