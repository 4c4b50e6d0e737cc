/* Words and lines, in the ways of the Sprig library: cases, wrapping, abbreviating. */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "sprig.h"
#include "unicode.h"

/* The next code point; U+FFFD for a stray byte. */
static uint32_t take(const char **at, const char *end)
{
	uint32_t c;

	*at += text_decode(*at, (size_t)(end - *at), &c);
	return c == TEXT_INVALID ? 0xfffd : c;
}

static bool is_upper(uint32_t c)
{
	return unicode_lower(c) != c;
}

static bool is_connector(uint32_t c)
{
	return c == '-' || c == '_' || unicode_is_space(c);
}

static bool is_alphabet(uint32_t c)
{
	return unicode_is_letter(c);
}

static const struct tmpl_value *words_untitle(struct call *call)
{
	const char *at = arg_str(call, 0), *end = at + arg_len(call, 0);
	struct strbuf out = STRBUF_INIT;
	bool first = true;

	while (at < end) {
		uint32_t c = take(&at, end);

		text_encode(&out, first && !unicode_is_space(c) ? unicode_lower(c) : c);
		first = unicode_is_space(c);
	}
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *words_swapcase(struct call *call)
{
	const char *at = arg_str(call, 0), *end = at + arg_len(call, 0);
	struct strbuf out = STRBUF_INIT;

	while (at < end) {
		uint32_t c = take(&at, end);

		text_encode(&out, is_upper(c) ? unicode_lower(c) : unicode_upper(c));
	}
	return tmpl_string_from(call->arena, &out);
}

/* Bytes, not code points: that is how the library reads them. */
static const struct tmpl_value *words_initials(struct call *call)
{
	const unsigned char *text = (const unsigned char *)arg_str(call, 0);
	struct strbuf out = STRBUF_INIT;
	bool gap = true;

	for (size_t i = 0; i < arg_len(call, 0); i++) {
		if (!unicode_is_space(text[i]) && gap)
			text_encode(&out, text[i]);
		gap = unicode_is_space(text[i]);
	}
	return tmpl_string_from(call->arena, &out);
}

/* The same is true here: a byte that is no space comes out as a code point. */
static const struct tmpl_value *words_nospace(struct call *call)
{
	const unsigned char *text = (const unsigned char *)arg_str(call, 0);
	struct strbuf out = STRBUF_INIT;
	size_t kept = 0;

	for (size_t i = 0; i < arg_len(call, 0); i++) {
		if (unicode_is_space(text[i]))
			continue;
		text_encode(&out, text[i]);
		kept++;
	}
	if (kept < arg_len(call, 0))
		return tmpl_string_from(call->arena, &out);
	strbuf_release(&out);
	return call->args[0];
}

/* Words joined, each with a capital: "http_server" is HttpServer; connectors at the ends stay. */
static const struct tmpl_value *words_camelcase(struct call *call)
{
	const char *at = arg_str(call, 0), *end = at + arg_len(call, 0);
	struct strbuf out = STRBUF_INIT;
	uint32_t before = 0, c = 0;
	bool leading = true;

	while (at < end && leading) {
		c = take(&at, end);
		leading = is_connector(c);
		if (leading && at < end)
			text_encode(&out, c);
	}
	if (!leading)
		c = unicode_upper(c);
	while (at < end) {
		before = c;
		c = take(&at, end);
		if (is_connector(c) && is_connector(before)) {
			text_encode(&out, before);
		} else if (is_connector(before)) {
			c = unicode_upper(c);
		} else {
			c = unicode_lower(c);
			text_encode(&out, before);
		}
	}
	if (arg_len(call, 0))
		text_encode(&out, c);
	return tmpl_string_from(call->arena, &out);
}

enum word_kind {
	WORD_NONE,
	WORD_NUMBER,
	WORD_UPPER,
	WORD_LETTERS,
	WORD_CONNECTOR,
	WORD_PUNCT,
	WORD_OTHER
};

struct word {
	enum word_kind kind;
	const char *text, *end;
};

static bool is_punct(uint32_t c)
{
	return c < 0x80 && c > 0x20 && c != 0x7f && !strchr("$+<=>^`|~", (int)c) &&
	       !unicode_is_letter(c) && !unicode_is_digit(c);
}

static enum word_kind kind_of(uint32_t c)
{
	if (is_connector(c))
		return WORD_CONNECTOR;
	if (is_punct(c))
		return WORD_PUNCT;
	if (is_upper(c))
		return WORD_UPPER;
	if (is_alphabet(c))
		return WORD_LETTERS;
	return unicode_is_digit(c) ? WORD_NUMBER : WORD_OTHER;
}

/* Of "HTTPStatus" the S belongs to what follows; "Status" is one word. */
static const char *end_of_capitals(const char *at, const char *end)
{
	const char *last = at, *next = at;
	enum word_kind kind;

	if (at == end)
		return at;
	kind = kind_of(take(&next, end));
	if (kind == WORD_LETTERS) {
		while (kind == WORD_LETTERS) {
			at = next;
			if (at == end)
				return at;
			kind = kind_of(take(&next, end));
		}
		return at;
	}
	while (kind == WORD_UPPER) {
		last = at;
		at = next;
		if (at == end)
			return at;
		kind = kind_of(take(&next, end));
	}
	return kind == WORD_LETTERS && at > last ? last : at;
}

static struct word next_word(const char **at, const char *end)
{
	struct word word = { WORD_NONE, *at, *at };
	const char *next = *at;

	if (*at == end)
		return word;
	word.kind = kind_of(take(&next, end));
	*at = next;
	if (word.kind == WORD_UPPER)
		*at = end_of_capitals(*at, end);
	else
		while (*at < end && kind_of(take(&next, end)) == word.kind)
			*at = next;
	word.end = *at;
	return word;
}

static void add_word(struct strbuf *out, const struct word *word, char connector)
{
	for (const char *at = word->text; at < word->end;) {
		uint32_t c = take(&at, word->end);

		if (word->kind == WORD_CONNECTOR)
			strbuf_addch(out, connector);
		else
			text_encode(out, word->kind == WORD_UPPER ? unicode_lower(c) : c);
	}
}

static bool joins(const struct word *word)
{
	return word->kind == WORD_CONNECTOR || word->kind == WORD_PUNCT;
}

struct splitter {
	const char *at, *end;
	char connector;
	struct strbuf *out;
	struct word word;
};

static void advance(struct splitter *splitter)
{
	splitter->word = next_word(&splitter->at, splitter->end);
}

static void add_letters_and_digits(struct splitter *splitter)
{
	while (splitter->word.kind == WORD_LETTERS || splitter->word.kind == WORD_NUMBER) {
		add_word(splitter->out, &splitter->word, splitter->connector);
		advance(splitter);
	}
	if (splitter->word.kind != WORD_NONE && !joins(&splitter->word))
		strbuf_addch(splitter->out, splitter->connector);
}

/* A number after a word: part of it before a capital ("Bld4Floor"), a word with what follows
 * before a small letter ("http2xx"). */
static void add_number_after_word(struct splitter *splitter)
{
	struct word number = splitter->word;

	if (splitter->at == splitter->end)
		return;
	advance(splitter);
	if (splitter->word.kind != WORD_LETTERS) {
		add_word(splitter->out, &number, splitter->connector);
		if (!joins(&splitter->word))
			strbuf_addch(splitter->out, splitter->connector);
		return;
	}
	strbuf_addch(splitter->out, splitter->connector);
	add_word(splitter->out, &number, splitter->connector);
	add_letters_and_digits(splitter);
}

static const struct tmpl_value *split_words(struct call *call, char connector)
{
	struct strbuf out = STRBUF_INIT;
	struct splitter splitter = { .at = arg_str(call, 0),
				     .end = arg_str(call, 0) + arg_len(call, 0),
				     .connector = connector,
				     .out = &out };

	advance(&splitter);
	while (splitter.at < splitter.end) {
		struct word before = splitter.word;

		if (before.kind != WORD_CONNECTOR)
			add_word(&out, &before, connector);
		advance(&splitter);
		if (before.kind == WORD_NUMBER)
			add_letters_and_digits(&splitter);
		else if (before.kind == WORD_CONNECTOR)
			add_word(&out, &before, connector);
		else if (before.kind == WORD_PUNCT)
			continue;
		else if (splitter.word.kind == WORD_NUMBER)
			add_number_after_word(&splitter);
		else if (!joins(&splitter.word))
			strbuf_addch(&out, connector);
	}
	add_word(&out, &splitter.word, connector);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *words_snakecase(struct call *call)
{
	return split_words(call, '_');
}

static const struct tmpl_value *words_kebabcase(struct call *call)
{
	return split_words(call, '-');
}

static size_t last_space(const char *text, size_t from, size_t to)
{
	for (size_t at = to; at > from; at--)
		if (text[at - 1] == ' ')
			return at - 1;
	return SIZE_MAX;
}

/* Lines of at most `width` bytes, broken at spaces; a longer word is cut or left whole. */
static const struct tmpl_value *wrap(struct call *call, const char *text, size_t len,
				     int64_t wanted, const char *newline, size_t newline_len,
				     bool cuts)
{
	size_t at = 0, width = wanted < 1 ? 1 : (size_t)wanted;
	struct strbuf out = STRBUF_INIT;

	if (!newline_len) {
		newline = "\n";
		newline_len = 1;
	}
	if (!call_has_room(call, len + (len / width + 1) * newline_len))
		return NULL;
	while (at < len && len - at > width) {
		size_t space;

		if (text[at] == ' ') {
			at++;
			continue;
		}
		space = last_space(text, at, at + width + 1);
		if (space != SIZE_MAX) {
			strbuf_add(&out, text + at, space - at);
			at = space + 1;
		} else if (cuts) {
			strbuf_add(&out, text + at, width);
			at += width;
		} else {
			const char *found = memchr(text + at + width, ' ', len - at - width);
			size_t end = found ? (size_t)(found - text) : len;

			strbuf_add(&out, text + at, end - at);
			at = found ? end + 1 : len;
			if (!found)
				break;
		}
		strbuf_add(&out, newline, newline_len);
		if (!call_has_room(call, out.len)) {
			strbuf_release(&out);
			return NULL;
		}
	}
	strbuf_add(&out, text + at, len - at);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *words_wrap(struct call *call)
{
	return wrap(call, arg_str(call, 1), arg_len(call, 1), call->args[0]->u.integer, "\n", 1,
		    false);
}

static const struct tmpl_value *words_wrap_with(struct call *call)
{
	return wrap(call, arg_str(call, 2), arg_len(call, 2), call->args[0]->u.integer,
		    arg_str(call, 1), arg_len(call, 1), true);
}

static const struct tmpl_value *abbreviated(struct call *call, const char *text, int64_t len,
					    int64_t offset, int64_t width)
{
	struct strbuf out = STRBUF_INIT;

	if (len <= width)
		return tmpl_string(call->arena, text, (size_t)len);
	if (offset < 0)
		offset = 0;
	if (offset > len)
		offset = len;
	if (len - offset < width - 3)
		offset = len - (width - 3);
	if (offset <= 4) {
		strbuf_add(&out, text, (size_t)(width - 3));
		strbuf_addstr(&out, "...");
		return tmpl_string_from(call->arena, &out);
	}
	if (width < 7)
		return tmpl_str(call->arena, "");
	strbuf_addstr(&out, "...");
	if (offset + width - 3 < len) {
		strbuf_add(&out, text + offset, (size_t)(width - 6));
		strbuf_addstr(&out, "...");
	} else {
		strbuf_add(&out, text + len - (width - 3), (size_t)(width - 3));
	}
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *words_abbrev(struct call *call)
{
	int64_t width = call->args[0]->u.integer;

	if (width < 4)
		return call->args[1];
	return abbreviated(call, arg_str(call, 1), (int64_t)arg_len(call, 1), 0, width);
}

static const struct tmpl_value *words_abbrevboth(struct call *call)
{
	int64_t left = call->args[0]->u.integer, right = call->args[1]->u.integer;

	if (right < 4 || (left > 0 && right < 7))
		return call->args[2];
	return abbreviated(call, arg_str(call, 2), (int64_t)arg_len(call, 2), left, right);
}

static const struct tmpl_value *words_plural(struct call *call)
{
	return call->args[call->args[2]->u.integer == 1 ? 0 : 1];
}

static const struct tmpl_value *split_to_map(struct call *call, const char *text, size_t len,
					     int64_t most)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_string_map);
	const char *at = text, *end = text + len, *next;
	size_t mark = arg_len(call, 0), count = 0, cap = 0;
	struct tmpl_pair *pairs = NULL;

	for (int64_t i = 0; most && at; i++) {
		char *name = arena_printf(call->arena, "_%lld", (long long)i);
		uint32_t c;

		next = NULL;
		if (most < 0 || i + 1 < most) {
			if (mark)
				next = memmem(at, (size_t)(end - at), arg_str(call, 0), mark);
			else if (at < end)
				next = at + text_decode(at, (size_t)(end - at), &c);
			if (!mark && next == end)
				next = NULL;
		}
		if (!mark && len == 0)
			break;
		GROW(pairs, count, cap);
		pairs[count++] =
			(struct tmpl_pair){ tmpl_str(call->arena, name),
					    tmpl_string(call->arena, at,
							(size_t)((next ? next : end) - at)) };
		at = next ? next + mark : NULL;
	}
	tmpl_map_fill(call->arena, map, pairs, count);
	free(pairs);
	return map;
}

static const struct tmpl_value *words_split(struct call *call)
{
	return split_to_map(call, arg_str(call, 1), arg_len(call, 1), -1);
}

static const struct tmpl_value *words_splitn(struct call *call)
{
	return split_to_map(call, arg_str(call, 2), arg_len(call, 2), call->args[1]->u.integer);
}

const struct tmpl_func sprig_words_funcs[] = {
	{ "sprig_untitle", "s", words_untitle },
	{ "sprig_swapcase", "s", words_swapcase },
	{ "sprig_initials", "s", words_initials },
	{ "sprig_nospace", "s", words_nospace },
	{ "sprig_camelcase", "s", words_camelcase },
	{ "sprig_snakecase", "s", words_snakecase },
	{ "sprig_kebabcase", "s", words_kebabcase },
	{ "sprig_wrap", "is", words_wrap },
	{ "sprig_wrapWith", "iss", words_wrap_with },
	{ "sprig_abbrev", "is", words_abbrev },
	{ "sprig_abbrevboth", "iis", words_abbrevboth },
	{ "sprig_plural", "ssi", words_plural },
	{ "sprig_split", "ss", words_split },
	{ "sprig_splitn", "sis", words_splitn },
	{ NULL, NULL, NULL },
};
