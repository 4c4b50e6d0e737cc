#include "binnacle/base/text.h"

#include <ctype.h>
#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <wchar.h>

#define MAX_MARKS_PER_BASE 3

size_t text_decode(const char *bytes, size_t len, uint32_t *cp)
{
	const unsigned char *s = (const unsigned char *)bytes;
	static const uint32_t least[] = { 0, 0, 0x80, 0x800, 0x10000 };
	size_t need;
	uint32_t value;

	*cp = TEXT_INVALID;
	if (s[0] < 0x80) {
		*cp = s[0];
		return 1;
	}
	if (s[0] >= 0xc2 && s[0] <= 0xdf) {
		need = 2;
		value = s[0] & 0x1fu;
	} else if (s[0] >= 0xe0 && s[0] <= 0xef) {
		need = 3;
		value = s[0] & 0x0fu;
	} else if (s[0] >= 0xf0 && s[0] <= 0xf4) {
		need = 4;
		value = s[0] & 0x07u;
	} else {
		return 1;
	}
	if (len < need)
		return 1;
	for (size_t i = 1; i < need; i++) {
		if ((s[i] & 0xc0) != 0x80)
			return 1;
		value = value << 6 | (s[i] & 0x3fu);
	}
	if (value < least[need] || value > 0x10ffff || (value >= 0xd800 && value <= 0xdfff))
		return 1;
	*cp = value;
	return need;
}

void text_encode(struct strbuf *out, uint32_t cp)
{
	char bytes[4];
	size_t len;

	if (cp < 0x80) {
		bytes[0] = (char)cp;
		len = 1;
	} else if (cp < 0x800) {
		bytes[0] = (char)(0xc0 | cp >> 6);
		bytes[1] = (char)(0x80 | (cp & 0x3f));
		len = 2;
	} else if (cp < 0x10000) {
		bytes[0] = (char)(0xe0 | cp >> 12);
		bytes[1] = (char)(0x80 | (cp >> 6 & 0x3f));
		bytes[2] = (char)(0x80 | (cp & 0x3f));
		len = 3;
	} else {
		bytes[0] = (char)(0xf0 | cp >> 18);
		bytes[1] = (char)(0x80 | (cp >> 12 & 0x3f));
		bytes[2] = (char)(0x80 | (cp >> 6 & 0x3f));
		bytes[3] = (char)(0x80 | (cp & 0x3f));
		len = 4;
	}
	strbuf_add(out, bytes, len);
}

bool text_is_utf8(const char *bytes, size_t len)
{
	for (size_t i = 0; i < len;) {
		uint32_t cp;

		i += text_decode(bytes + i, len - i, &cp);
		if (cp == TEXT_INVALID)
			return false;
	}
	return true;
}

/* Code points that change how their neighbors look, or that cannot be seen at all. */
static bool is_hidden(uint32_t cp)
{
	return (cp >= 0x80 && cp < 0xa0) || (cp >= 0x200b && cp <= 0x200f) ||
	       (cp >= 0x202a && cp <= 0x202e) || (cp >= 0x2060 && cp <= 0x2064) ||
	       (cp >= 0x2066 && cp <= 0x2069) || cp == 0x2028 || cp == 0x2029 || cp == 0xfeff ||
	       cp == 0x061c || (cp >= 0xfff9 && cp <= 0xfffb) || (cp >= 0xe0000 && cp <= 0xe007f);
}

static bool is_private_use(uint32_t cp)
{
	return (cp >= 0xe000 && cp <= 0xf8ff) || cp >= 0xf0000;
}

static void literal(struct text_piece *piece, const char *text)
{
	piece->width_cells = snprintf(piece->bytes, sizeof(piece->bytes), "%s", text);
	piece->escaped = true;
}

PRINTF_LIKE(2, 0)
static void escape(struct text_piece *piece, const char *fmt, unsigned value)
{
	char text[sizeof(piece->bytes)];

	snprintf(text, sizeof(text), fmt, value);
	literal(piece, text);
}

struct text_piece text_next(const char *bytes, size_t len)
{
	struct text_piece piece = { .used = 1 };
	uint32_t cp;
	int width;

	piece.used = text_decode(bytes, len, &cp);
	if (cp == TEXT_INVALID) {
		escape(&piece, "\\x%02X", (unsigned char)bytes[0]);
	} else if (cp == '\t') {
		piece.bytes[0] = ' ';
		piece.width_cells = 1;
	} else if (cp == '\n') {
		literal(&piece, "\\n");
	} else if (cp < 0x20 || cp == 0x7f) {
		escape(&piece, "^%c", cp == 0x7f ? '?' : (unsigned)cp + '@');
	} else if (cp < 0x7f) {
		piece.bytes[0] = (char)cp;
		piece.width_cells = 1;
	} else if (is_hidden(cp)) {
		escape(&piece, "<U+%04X>", cp);
	} else if (is_private_use(cp)) {
		literal(&piece, "?");
	} else if ((width = wcwidth((wchar_t)cp)) < 0) {
		escape(&piece, "<U+%04X>", cp);
	} else {
		memcpy(piece.bytes, bytes, piece.used);
		piece.width_cells = width;
		piece.combining = width == 0;
	}
	return piece;
}

static void clean(struct strbuf *out, const char *bytes, size_t len, bool keep_lines)
{
	int marks = 0;
	bool has_base = false;

	for (size_t i = 0; i < len;) {
		struct text_piece piece;

		if (keep_lines && (bytes[i] == '\n' || bytes[i] == '\t')) {
			strbuf_addch(out, bytes[i++]);
			marks = 0;
			has_base = false;
			continue;
		}
		piece = text_next(bytes + i, len - i);
		i += piece.used;
		if (piece.combining) {
			if (!has_base)
				strbuf_addch(out, '?');
			has_base = true;
			if (marks++ >= MAX_MARKS_PER_BASE)
				continue;
		} else {
			marks = 0;
			has_base = true;
		}
		strbuf_addstr(out, piece.bytes);
	}
}

void text_clean(struct strbuf *out, const char *bytes, size_t len)
{
	clean(out, bytes, len, false);
}

void text_clean_lines(struct strbuf *out, const char *bytes, size_t len)
{
	clean(out, bytes, len, true);
}

int text_width(const char *bytes, size_t len)
{
	int width = 0;

	for (size_t i = 0; i < len;) {
		struct text_piece piece = text_next(bytes + i, len - i);

		i += piece.used;
		width += piece.width_cells;
	}
	return width;
}

const char *text_find_nocase(const char *haystack, const char *needle)
{
	return strcasestr(haystack, needle);
}

bool text_starts_with(const char *text, const char *prefix)
{
	return strncmp(text, prefix, strlen(prefix)) == 0;
}

bool text_ends_with(const char *text, const char *suffix)
{
	size_t text_len = strlen(text), len = strlen(suffix);

	return text_len >= len && memcmp(text + text_len - len, suffix, len) == 0;
}

const char *text_age(int64_t age_ms, char *out)
{
	int64_t s = age_ms < 0 ? 0 : age_ms / 1000;

	if (s < 60)
		snprintf(out, TEXT_AGE_BYTES, "%" PRId64 "s", s);
	else if (s < 3600)
		snprintf(out, TEXT_AGE_BYTES, "%" PRId64 "m", s / 60);
	else if (s < 48 * 3600)
		snprintf(out, TEXT_AGE_BYTES, "%" PRId64 "h", s / 3600);
	else
		snprintf(out, TEXT_AGE_BYTES, "%" PRId64 "d", s / 86400);
	return out;
}

bool text_parse_duration(const char *text, int64_t *out_ms)
{
	static const struct {
		const char *name;
		double ms;
	} units[] = {
		{ "ns", 1e-6 }, { "us", 1e-3 }, { "ms", 1 },
		{ "s", 1e3 },   { "m", 6e4 },   { "h", 3.6e6 },
	};
	const char *p = text;
	double total = 0, sign = 1;

	if (*p == '+' || *p == '-')
		sign = *p++ == '-' ? -1 : 1;
	if (strcmp(p, "0") == 0) {
		*out_ms = 0;
		return true;
	}
	if (!*p)
		return false;
	while (*p) {
		char *end;
		double value;
		size_t len, i;

		if (!isdigit((unsigned char)*p) && *p != '.')
			return false;
		if (strspn(p, "0123456789.") > 18)
			return false;
		errno = 0;
		value = strtod(p, &end);
		if (errno || end == p || end != p + strspn(p, "0123456789."))
			return false;
		len = strspn(end, "abcdefghijklmnopqrstuvwxyz");
		for (i = 0; i < sizeof(units) / sizeof(units[0]); i++)
			if (strlen(units[i].name) == len && strncmp(units[i].name, end, len) == 0)
				break;
		if (i == sizeof(units) / sizeof(units[0]))
			return false;
		total += value * units[i].ms;
		p = end + len;
	}
	if (total > 9e15)
		return false;
	*out_ms = (int64_t)llround(sign * total);
	return true;
}

bool text_parse_int(const char *text, int64_t min, int64_t max, int64_t *out)
{
	char *end;
	long long value;

	if (!isdigit((unsigned char)*text) && *text != '-')
		return false;
	errno = 0;
	value = strtoll(text, &end, 10);
	if (errno || *end || end == text || value < min || value > max)
		return false;
	*out = value;
	return true;
}
