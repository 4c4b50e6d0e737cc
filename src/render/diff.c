/*
 * Lines become numbers (equal lines, equal numbers), so that the search compares integers. The
 * search marks which lines of each text have no partner; everything else is made from the two
 * arrays of marks.
 *
 * The search divides and conquers: paths grow from both ends until they meet, and the meeting
 * point splits the problem (Myers, section 4b). It needs two arrays of one number per diagonal.
 * After COST_LIMIT steps without a meeting the furthest point reached is the split instead.
 */
#include "binnacle/render/diff.h"

#include <assert.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"

#define COST_LIMIT 512

struct text_lines {
	const char **start;
	size_t *len;
	uint32_t *id;
	bool *changed;
	size_t count, cap;
	bool open_end; /* the last line has no newline */
};

static void split_lines(struct text_lines *lines, const char *text, size_t len)
{
	const char *at = text, *end = text + len;

	*lines = (struct text_lines){ .open_end = len && end[-1] != '\n' };
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t line_len = (size_t)((newline ? newline : end) - at);

		if (lines->count == lines->cap) {
			lines->cap = lines->cap ? lines->cap * 2 : 64;
			lines->start =
				xreallocarray(lines->start, lines->cap, sizeof(*lines->start));
			lines->len = xreallocarray(lines->len, lines->cap, sizeof(*lines->len));
		}
		lines->start[lines->count] = at;
		lines->len[lines->count++] = line_len;
		at = newline ? newline + 1 : end;
	}
	lines->id = xcalloc(lines->count + 1, sizeof(*lines->id));
	lines->changed = xcalloc(lines->count + 1, sizeof(*lines->changed));
}

static void lines_release(struct text_lines *lines)
{
	free(lines->start);
	free(lines->len);
	free(lines->id);
	free(lines->changed);
}

static uint64_t hash_bytes(const char *bytes, size_t len)
{
	uint64_t hash = 14695981039346656037u; /* FNV-1a */

	for (size_t i = 0; i < len; i++)
		hash = (hash ^ (unsigned char)bytes[i]) * 1099511628211u;
	return hash ^ hash >> 29;
}

/* Open addressing; a slot holds the number of a line and where to find its bytes. */
struct intern {
	struct {
		const char *bytes;
		size_t len;
		uint64_t hash;
		uint32_t id; /* 0: free */
	} * slots;
	size_t mask;
	uint32_t next;
};

static uint32_t intern(struct intern *table, const char *bytes, size_t len, bool open_end)
{
	/* A last line without a newline is not equal to the same line with one. */
	uint64_t hash = hash_bytes(bytes, len) + open_end;
	size_t at = hash & table->mask;

	for (; table->slots[at].id; at = (at + 1) & table->mask)
		if (table->slots[at].hash == hash && table->slots[at].len == len &&
		    memcmp(table->slots[at].bytes, bytes, len) == 0)
			return table->slots[at].id;
	table->slots[at].bytes = bytes;
	table->slots[at].len = len;
	table->slots[at].hash = hash;
	return table->slots[at].id = ++table->next;
}

static void number_lines(struct text_lines *a, struct text_lines *b)
{
	struct text_lines *both[] = { a, b };
	struct intern table = { 0 };
	size_t size = 64;

	while (size < 2 * (a->count + b->count))
		size *= 2;
	table.slots = xcalloc(size, sizeof(*table.slots));
	table.mask = size - 1;
	for (size_t k = 0; k < 2; k++)
		for (size_t i = 0; i < both[k]->count; i++)
			both[k]->id[i] = intern(&table, both[k]->start[i], both[k]->len[i],
						both[k]->open_end && i + 1 == both[k]->count);
	free(table.slots);
}

struct search {
	const uint32_t *a, *b;
	bool *a_changed, *b_changed;
	ptrdiff_t *forward, *backward; /* by diagonal: the furthest place in a */
};

struct box {
	ptrdiff_t a, a_end, b, b_end;
};

/* The furthest of the forward and of the backward paths; whichever went further wins. */
static void give_up(const struct search *s, const struct box *box, ptrdiff_t fmin, ptrdiff_t fmax,
		    ptrdiff_t bmin, ptrdiff_t bmax, ptrdiff_t *x, ptrdiff_t *y)
{
	ptrdiff_t forward = -1, forward_x = box->a, backward = PTRDIFF_MAX, backward_x = box->a_end;

	for (ptrdiff_t d = fmin; d <= fmax; d += 2) {
		ptrdiff_t at = s->forward[d] < box->a_end ? s->forward[d] : box->a_end;

		if (at - d > box->b_end)
			at = box->b_end + d;
		if (at + at - d > forward) {
			forward = at + at - d;
			forward_x = at;
		}
	}
	for (ptrdiff_t d = bmin; d <= bmax; d += 2) {
		ptrdiff_t at = s->backward[d] > box->a ? s->backward[d] : box->a;

		if (at - d < box->b)
			at = box->b + d;
		if (at + at - d < backward) {
			backward = at + at - d;
			backward_x = at;
		}
	}
	if (forward - (box->a + box->b) > box->a_end + box->b_end - backward) {
		*x = forward_x;
		*y = forward - forward_x;
	} else {
		*x = backward_x;
		*y = backward - backward_x;
	}
}

/* A point that a shortest (or good) path goes through; not the whole box, whose first and last
 * lines differ. */
static void find_split(const struct search *s, const struct box *box, ptrdiff_t *x, ptrdiff_t *y)
{
	ptrdiff_t dmin = box->a - box->b_end, dmax = box->a_end - box->b;
	ptrdiff_t fmid = box->a - box->b, bmid = box->a_end - box->b_end;
	ptrdiff_t fmin = fmid, fmax = fmid, bmin = bmid, bmax = bmid;
	bool odd = (fmid - bmid) & 1;

	s->forward[fmid] = box->a;
	s->backward[bmid] = box->a_end;
	for (int cost = 1;; cost++) {
		if (fmin > dmin)
			s->forward[--fmin - 1] = -1;
		else
			fmin++;
		if (fmax < dmax)
			s->forward[++fmax + 1] = -1;
		else
			fmax--;
		for (ptrdiff_t d = fmax; d >= fmin; d -= 2) {
			ptrdiff_t at = s->forward[d - 1] >= s->forward[d + 1]
					       ? s->forward[d - 1] + 1
					       : s->forward[d + 1];

			while (at < box->a_end && at - d < box->b_end && s->a[at] == s->b[at - d])
				at++;
			s->forward[d] = at;
			if (odd && bmin <= d && d <= bmax && s->backward[d] <= at) {
				*x = at;
				*y = at - d;
				return;
			}
		}
		if (bmin > dmin)
			s->backward[--bmin - 1] = PTRDIFF_MAX;
		else
			bmin++;
		if (bmax < dmax)
			s->backward[++bmax + 1] = PTRDIFF_MAX;
		else
			bmax--;
		for (ptrdiff_t d = bmax; d >= bmin; d -= 2) {
			ptrdiff_t at = s->backward[d - 1] < s->backward[d + 1]
					       ? s->backward[d - 1]
					       : s->backward[d + 1] - 1;

			while (at > box->a && at - d > box->b && s->a[at - 1] == s->b[at - d - 1])
				at--;
			s->backward[d] = at;
			if (!odd && fmin <= d && d <= fmax && at <= s->forward[d]) {
				*x = at;
				*y = at - d;
				return;
			}
		}
		if (cost >= COST_LIMIT) {
			give_up(s, box, fmin, fmax, bmin, bmax, x, y);
			return;
		}
	}
}

static void compare(const struct search *s, struct box box)
{
	for (;;) {
		ptrdiff_t x, y;

		while (box.a < box.a_end && box.b < box.b_end && s->a[box.a] == s->b[box.b]) {
			box.a++;
			box.b++;
		}
		while (box.a < box.a_end && box.b < box.b_end &&
		       s->a[box.a_end - 1] == s->b[box.b_end - 1]) {
			box.a_end--;
			box.b_end--;
		}
		if (box.a == box.a_end || box.b == box.b_end)
			break;
		find_split(s, &box, &x, &y);
		compare(s, (struct box){ box.a, x, box.b, y });
		box.a = x;
		box.b = y;
	}
	for (; box.a < box.a_end; box.a++)
		s->a_changed[box.a] = true;
	for (; box.b < box.b_end; box.b++)
		s->b_changed[box.b] = true;
}

static void search_lines(struct text_lines *a, struct text_lines *b)
{
	size_t diagonals = a->count + b->count + 3;
	ptrdiff_t *memory = xreallocarray(NULL, 2 * diagonals, sizeof(*memory));
	struct search s = {
		.a = a->id, .b = b->id, .a_changed = a->changed, .b_changed = b->changed
	};

	/* The lowest diagonal is that of the end of b, less one for its neighbor. */
	s.forward = memory + b->count + 1;
	s.backward = memory + diagonals + b->count + 1;
	compare(&s, (struct box){ 0, (ptrdiff_t)a->count, 0, (ptrdiff_t)b->count });
	free(memory);
}

static void mark_changes(struct text_lines *a, struct text_lines *b, const char *old_text,
			 size_t old_len, const char *new_text, size_t new_len)
{
	split_lines(a, old_text, old_len);
	split_lines(b, new_text, new_len);
	number_lines(a, b);
	search_lines(a, b);
}

static size_t count_changed(const struct text_lines *lines)
{
	size_t count = 0;

	for (size_t i = 0; i < lines->count; i++)
		count += lines->changed[i];
	return count;
}

#define COMPARED_BYTES 256 /* at a time; then one by one to the difference */

/* How many bytes both begin with. */
static size_t same_front(const char *a, const char *b, size_t len)
{
	size_t at = 0;

	while (at + COMPARED_BYTES <= len && memcmp(a + at, b + at, COMPARED_BYTES) == 0)
		at += COMPARED_BYTES;
	while (at < len && a[at] == b[at])
		at++;
	return at;
}

static size_t same_back(const char *a_end, const char *b_end, size_t len)
{
	size_t at = 0;

	while (at + COMPARED_BYTES <= len &&
	       memcmp(a_end - at - COMPARED_BYTES, b_end - at - COMPARED_BYTES, COMPARED_BYTES) ==
		       0)
		at += COMPARED_BYTES;
	while (at < len && a_end[-1 - (ptrdiff_t)at] == b_end[-1 - (ptrdiff_t)at])
		at++;
	return at;
}

static size_t count_lines(const char *text, size_t len)
{
	const char *end = text + len;
	size_t count = 0;

	for (const char *at = text; at < end; count++) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));

		at = newline ? newline + 1 : end;
	}
	return count;
}

void diff_count(const char *old_text, size_t old_len, const char *new_text, size_t new_len,
		size_t *added, size_t *removed)
{
	size_t shorter = old_len < new_len ? old_len : new_len;
	size_t front = same_front(old_text, new_text, shorter), back;
	const char *newline;
	struct text_lines a, b;

	/* Whole lines that both texts begin and end with are none that changed: mostly nearly all.
	 * The search would find them as well, but not before it has numbered all lines. */
	while (front && old_text[front - 1] != '\n')
		front--;
	back = same_back(old_text + old_len, new_text + new_len, shorter - front);
	newline = back ? memchr(old_text + old_len - back, '\n', back) : NULL;
	back = newline ? (size_t)(old_text + old_len - newline) - 1 : 0;
	old_text += front;
	new_text += front;
	old_len -= front + back;
	new_len -= front + back;
	if (!old_len || !new_len) {
		*removed = count_lines(old_text, old_len);
		*added = count_lines(new_text, new_len);
		return;
	}
	mark_changes(&a, &b, old_text, old_len, new_text, new_len);
	*removed = count_changed(&a);
	*added = count_changed(&b);
	lines_release(&a);
	lines_release(&b);
}

/* Marks inside lines: tokens, pairs of similar lines, the tokens that the partner lacks. */

struct token {
	size_t start, end;
	uint64_t hash;
};

struct tokens {
	struct token *items;
	size_t len, cap;
	uint64_t *sorted; /* hashes, for a first guess of similarity */
};

static int token_class(unsigned char c)
{
	if (c >= '0' && c <= '9')
		return 1;
	if ((c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || c == '_' || c >= 0x80)
		return 2;
	return c == ' ' || c == '\t' ? 3 : 0;
}

static int compare_hashes(const void *a, const void *b)
{
	uint64_t x = *(const uint64_t *)a, y = *(const uint64_t *)b;

	return x < y ? -1 : x > y;
}

static void tokenize(struct tokens *tokens, const struct diff_line *line)
{
	size_t at = 0;

	*tokens = (struct tokens){ 0 };
	while (at < line->len) {
		int class = token_class((unsigned char)line->text[at]);
		size_t start = at++;

		while (class && at < line->len &&
		       token_class((unsigned char)line->text[at]) == class)
			at++;
		GROW(tokens->items, tokens->len, tokens->cap);
		tokens->items[tokens->len++] =
			(struct token){ start, at, hash_bytes(line->text + start, at - start) };
	}
	tokens->sorted = xreallocarray(NULL, tokens->len + 1, sizeof(*tokens->sorted));
	for (size_t i = 0; i < tokens->len; i++)
		tokens->sorted[i] = tokens->items[i].hash;
	qsort(tokens->sorted, tokens->len, sizeof(*tokens->sorted), compare_hashes);
}

static void tokens_release(struct tokens *tokens)
{
	free(tokens->items);
	free(tokens->sorted);
}

/* Per mille of the tokens that both have, in any order. */
static unsigned similarity(const struct tokens *a, const struct tokens *b)
{
	size_t i = 0, k = 0, common = 0;

	while (i < a->len && k < b->len) {
		if (a->sorted[i] == b->sorted[k]) {
			common++;
			i++;
			k++;
		} else if (a->sorted[i] < b->sorted[k]) {
			i++;
		} else {
			k++;
		}
	}
	return a->len + b->len ? (unsigned)(2000 * common / (a->len + b->len)) : 0;
}

/* Longest common subsequence of the tokens: marks[i] is set for those outside of it. */
static void mark_tokens(const struct tokens *a, const struct tokens *b, bool *a_mark, bool *b_mark)
{
	size_t width = b->len + 1;
	uint16_t *best = xcalloc((a->len + 1) * width, sizeof(*best));
	size_t i = 0, k = 0;

	for (size_t x = a->len; x-- > 0;)
		for (size_t y = b->len; y-- > 0;) {
			uint16_t down = best[(x + 1) * width + y], right = best[x * width + y + 1];

			if (a->items[x].hash == b->items[y].hash)
				best[x * width + y] = (uint16_t)(best[(x + 1) * width + y + 1] + 1);
			else
				best[x * width + y] = down > right ? down : right;
		}
	while (i < a->len || k < b->len) {
		if (i < a->len && k < b->len && a->items[i].hash == b->items[k].hash) {
			i++;
			k++;
		} else if (k == b->len ||
			   (i < a->len && best[(i + 1) * width + k] >= best[i * width + k + 1])) {
			a_mark[i++] = true;
		} else {
			b_mark[k++] = true;
		}
	}
	free(best);
}

static size_t marked_bytes(const struct tokens *tokens, const bool *mark)
{
	size_t bytes = 0;

	for (size_t i = 0; i < tokens->len; i++)
		if (mark[i])
			bytes += tokens->items[i].end - tokens->items[i].start;
	return bytes;
}

static void set_spans(struct arena *arena, struct diff_line *line, const struct tokens *tokens,
		      const bool *mark)
{
	struct diff_span *spans = arena_alloc(arena, (tokens->len + 1) * sizeof(*spans));

	for (size_t i = 0; i < tokens->len; i++) {
		if (!mark[i])
			continue;
		if (line->span_count && spans[line->span_count - 1].end == tokens->items[i].start)
			spans[line->span_count - 1].end = tokens->items[i].end;
		else
			spans[line->span_count++] =
				(struct diff_span){ tokens->items[i].start, tokens->items[i].end };
	}
	line->spans = spans;
}

static void mark_pair(struct arena *arena, struct diff_line *removed, struct diff_line *added,
		      const struct tokens *a, const struct tokens *b)
{
	bool *a_mark = xcalloc(a->len + 1, sizeof(*a_mark));
	bool *b_mark = xcalloc(b->len + 1, sizeof(*b_mark));
	size_t marked;

	mark_tokens(a, b, a_mark, b_mark);
	marked = marked_bytes(a, a_mark) + marked_bytes(b, b_mark);
	if (2 * marked <= removed->len + added->len) {
		set_spans(arena, removed, a, a_mark);
		set_spans(arena, added, b, b_mark);
	}
	free(a_mark);
	free(b_mark);
}

/* A run of removed lines and the run of added lines after it: each removed line takes the most
 * similar added one that keeps the order. */
static void mark_runs(struct arena *arena, struct diff_line *removed, size_t removed_count,
		      struct diff_line *added, size_t added_count)
{
	struct tokens *a = xcalloc(removed_count, sizeof(*a));
	struct tokens *b = xcalloc(added_count, sizeof(*b));
	size_t from = 0;

	for (size_t i = 0; i < removed_count; i++)
		tokenize(&a[i], &removed[i]);
	for (size_t i = 0; i < added_count; i++)
		tokenize(&b[i], &added[i]);
	for (size_t i = 0; i < removed_count && from < added_count; i++) {
		unsigned best = 499;
		size_t partner = added_count;

		for (size_t k = from; k < added_count; k++) {
			unsigned points = similarity(&a[i], &b[k]);

			if (points > best && removed[i].len <= DIFF_SPANS_LINE_BYTES &&
			    added[k].len <= DIFF_SPANS_LINE_BYTES) {
				best = points;
				partner = k;
			}
		}
		if (partner == added_count)
			continue;
		mark_pair(arena, &removed[i], &added[partner], &a[i], &b[partner]);
		from = partner + 1;
	}
	for (size_t i = 0; i < removed_count; i++)
		tokens_release(&a[i]);
	for (size_t i = 0; i < added_count; i++)
		tokens_release(&b[i]);
	free(a);
	free(b);
}

static void mark_inside_lines(struct arena *arena, struct diff_line *lines, size_t count)
{
	size_t i = 0;

	if (count > DIFF_SPANS_HUNK_LINES)
		return;
	while (i < count) {
		size_t removed = i, added;

		while (i < count && lines[i].kind == DIFF_REMOVED)
			i++;
		added = i;
		while (i < count && lines[i].kind == DIFF_ADDED)
			i++;
		if (added > removed && i > added)
			mark_runs(arena, lines + removed, added - removed, lines + added,
				  i - added);
		if (i == removed)
			i++;
	}
}

/* The nearest line at or above `at` that begins at the margin with a letter. */
static const char *find_section(struct arena *arena, const struct text_lines *lines, size_t at)
{
	for (size_t i = at < lines->count ? at + 1 : lines->count; i-- > 0;) {
		size_t len = lines->len[i];

		if (!len || token_class((unsigned char)lines->start[i][0]) != 2)
			continue;
		while (len && (token_class((unsigned char)lines->start[i][len - 1]) == 3 ||
			       lines->start[i][len - 1] == '{'))
			len--;
		return arena_strndup(arena, lines->start[i], len < 80 ? len : 80);
	}
	return "";
}

static void put_line(struct diff_line *out, enum diff_kind kind, const struct text_lines *lines,
		     size_t at, size_t old_line, size_t new_line)
{
	*out = (struct diff_line){ .kind = kind,
				   .old_line = old_line,
				   .new_line = new_line,
				   .text = lines->start[at],
				   .len = lines->len[at],
				   .no_newline = lines->open_end && at + 1 == lines->count };
}

/* The hunk whose first change is at (i, k); sets both behind its last line. */
static void make_hunk(struct diff *diff, struct diff_hunk *hunk, const struct text_lines *a,
		      const struct text_lines *b, size_t context, size_t *i, size_t *k)
{
	size_t before = context < *i ? context : *i, cap = 0, count = 0, same = 0;
	size_t first_change = *i;
	struct diff_line *lines = NULL, *kept;

	if (before > *k)
		before = *k;
	*hunk = (struct diff_hunk){ .old_start = *i - before + 1, .new_start = *k - before + 1 };
	*i -= before;
	*k -= before;
	while (*i < a->count || *k < b->count) {
		GROW(lines, count, cap);
		if (*i < a->count && a->changed[*i]) {
			put_line(&lines[count++], DIFF_REMOVED, a, *i, *i + 1, 0);
			(*i)++;
			same = 0;
		} else if (*k < b->count && b->changed[*k]) {
			put_line(&lines[count++], DIFF_ADDED, b, *k, 0, *k + 1);
			(*k)++;
			same = 0;
		} else {
			put_line(&lines[count++], DIFF_SAME, b, *k, *i + 1, *k + 1);
			(*i)++;
			(*k)++;
			same++;
			/* Two contexts that touch are one hunk. */
			if (same > 2 * context && count > before + same)
				break;
		}
	}
	if (same > context) {
		count -= same - context;
		*i -= same - context;
		*k -= same - context;
	}
	kept = arena_alloc(&diff->arena, (count + 1) * sizeof(*kept));
	if (count)
		memcpy(kept, lines, count * sizeof(*kept));
	free(lines);
	for (size_t n = 0; n < count; n++) {
		hunk->old_count += kept[n].kind != DIFF_ADDED;
		hunk->new_count += kept[n].kind != DIFF_REMOVED;
	}
	/* diff(1) names the line before an empty range. */
	hunk->old_start -= hunk->old_count == 0;
	hunk->new_start -= hunk->new_count == 0;
	hunk->section = find_section(&diff->arena, a, first_change);
	if (!diff->is_large)
		mark_inside_lines(&diff->arena, kept, count);
	hunk->lines = kept;
	hunk->count = count;
}

void diff_compute(struct diff *diff, const char *old_text, size_t old_len, const char *new_text,
		  size_t new_len, size_t context_lines)
{
	struct text_lines a, b;
	size_t i = 0, k = 0, cap = 0;

	*diff = (struct diff){ 0 };
	mark_changes(&a, &b, arena_strndup(&diff->arena, old_text, old_len), old_len,
		     arena_strndup(&diff->arena, new_text, new_len), new_len);
	diff->removed = count_changed(&a);
	diff->added = count_changed(&b);
	diff->is_large = old_len > DIFF_LARGE_BYTES || new_len > DIFF_LARGE_BYTES ||
			 a.count > LIMIT_DIFF_LINES_COUNT || b.count > LIMIT_DIFF_LINES_COUNT;
	for (;;) {
		while (i < a.count && k < b.count && !a.changed[i] && !b.changed[k]) {
			i++;
			k++;
		}
		if (i == a.count && k == b.count)
			break;
		GROW(diff->hunks, diff->hunk_count, cap);
		make_hunk(diff, &diff->hunks[diff->hunk_count++], &a, &b, context_lines, &i, &k);
	}
	lines_release(&a);
	lines_release(&b);
}

void diff_release(struct diff *diff)
{
	free(diff->hunks);
	arena_release(&diff->arena);
	*diff = (struct diff){ 0 };
}

static void print_range(struct strbuf *out, char sign, size_t start, size_t count)
{
	if (count == 1)
		strbuf_addf(out, "%c%zu", sign, start);
	else
		strbuf_addf(out, "%c%zu,%zu", sign, start, count);
}

void diff_print_unified(struct strbuf *out, const struct diff *diff, const char *old_name,
			const char *new_name)
{
	static const char signs[] = { ' ', '-', '+' };

	if (!diff->hunk_count)
		return;
	strbuf_addf(out, "--- %s\n+++ %s\n", old_name, new_name);
	for (size_t i = 0; i < diff->hunk_count; i++) {
		const struct diff_hunk *hunk = &diff->hunks[i];

		strbuf_addstr(out, "@@ ");
		print_range(out, '-', hunk->old_start, hunk->old_count);
		strbuf_addch(out, ' ');
		print_range(out, '+', hunk->new_start, hunk->new_count);
		strbuf_addf(out, " @@%s%s\n", hunk->section[0] ? " " : "", hunk->section);
		for (size_t n = 0; n < hunk->count; n++) {
			const struct diff_line *line = &hunk->lines[n];

			strbuf_addch(out, signs[line->kind]);
			strbuf_add(out, line->text, line->len);
			strbuf_addstr(out,
				      line->no_newline ? "\n\\ No newline at end of file\n" : "\n");
		}
	}
}
