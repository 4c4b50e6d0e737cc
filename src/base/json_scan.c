/* Strings are skipped from quote to quote with memchr: most of an answer is inside of them. */
#include "binnacle/base/json_scan.h"

#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"

/* As json_parse has it, which is more generous than the standard. */
static bool is_blank(char c)
{
	return (unsigned char)c <= ' ';
}

static const char *skip_blanks(const char *at, const char *end)
{
	while (at < end && is_blank(*at))
		at++;
	return at;
}

/* `at` is behind the opening quote. Behind the closing one; NULL: there is none. */
static const char *skip_string(const char *at, const char *end)
{
	const char *start = at;

	while ((at = memchr(at, '"', (size_t)(end - at)))) {
		const char *back = at;

		while (back > start && back[-1] == '\\')
			back--;
		at++;
		if ((at - 1 - back) % 2 == 0)
			return at;
	}
	return NULL;
}

/* Behind the value that begins here; NULL: it does not end. */
static const char *skip_value(const char *at, const char *end)
{
	size_t depth = 0;

	while (at && at < end) {
		switch (*at) {
		case '"':
			at = skip_string(at + 1, end);
			continue;
		case '[':
		case '{':
			depth++;
			break;
		case ']':
		case '}':
			if (!depth)
				return at;
			depth--;
			break;
		case ',':
			if (!depth)
				return at;
			break;
		default:
			break;
		}
		at++;
	}
	return NULL;
}

static bool fail(struct json_scan *scan)
{
	scan->failed = true;
	scan->close = 0;
	return false;
}

struct json_scan json_scan_begin(struct json_text text)
{
	struct json_scan scan = { .end = text.at + text.len, .first = true };

	scan.at = skip_blanks(text.at, scan.end);
	if (scan.at < scan.end && (*scan.at == '[' || *scan.at == '{'))
		scan.close = *scan.at++ == '[' ? ']' : '}';
	else
		scan.failed = (size_t)(scan.end - scan.at) < 4 || memcmp(scan.at, "null", 4) != 0;
	return scan;
}

static bool end_of_list(struct json_scan *scan)
{
	if (skip_blanks(scan->at + 1, scan->end) != scan->end)
		return fail(scan);
	scan->close = 0;
	return false;
}

static bool take_key(struct json_scan *scan, struct json_text *key)
{
	const char *behind;

	if (scan->at == scan->end || *scan->at != '"')
		return false;
	behind = skip_string(scan->at + 1, scan->end);
	if (!behind)
		return false;
	*key = (struct json_text){ scan->at + 1, (size_t)(behind - scan->at) - 2 };
	scan->at = skip_blanks(behind, scan->end);
	if (scan->at == scan->end || *scan->at != ':')
		return false;
	scan->at = skip_blanks(scan->at + 1, scan->end);
	return true;
}

bool json_scan_next(struct json_scan *scan, struct json_text *key, struct json_text *value)
{
	const char *behind;

	*key = *value = (struct json_text){ 0 };
	if (!scan->close)
		return false;
	scan->at = skip_blanks(scan->at, scan->end);
	if (scan->at == scan->end)
		return fail(scan);
	if (*scan->at == scan->close)
		return end_of_list(scan);
	if (!scan->first && *scan->at != ',')
		return fail(scan);
	if (!scan->first)
		scan->at = skip_blanks(scan->at + 1, scan->end);
	scan->first = false;
	if (scan->close == '}' && !take_key(scan, key))
		return fail(scan);
	behind = skip_value(scan->at, scan->end);
	if (!behind || behind == scan->at)
		return fail(scan);
	*value = (struct json_text){ scan->at, (size_t)(behind - scan->at) };
	while (value->len && is_blank(value->at[value->len - 1]))
		value->len--;
	scan->at = behind;
	return true;
}

bool json_text_is(struct json_text key, const char *word)
{
	size_t len = strlen(word);

	return key.len == len && memcmp(key.at, word, len) == 0;
}

char *json_text_dup(struct json_text value)
{
	struct json *doc;
	struct err err;
	char *text;

	if (value.len < 2 || value.at[0] != '"')
		return NULL;
	if (!memchr(value.at, '\\', value.len))
		return xstrndup(value.at + 1, value.len - 2);
	doc = json_parse(value.at, value.len, &err);
	if (!doc)
		return NULL;
	text = xstrdup(json_as_str(doc, ""));
	json_free(doc);
	return text;
}

uint64_t json_text_hash(struct json_text text)
{
	uint64_t hash = 0x9e3779b97f4a7c15u ^ text.len, word;
	const char *at = text.at;
	size_t left = text.len;

	/* Eight bytes at a time; multiply and fold, so that each byte reaches all bits. */
	for (; left >= sizeof(word); left -= sizeof(word), at += sizeof(word)) {
		memcpy(&word, at, sizeof(word));
		hash = (hash ^ word) * 0xff51afd7ed558ccdu;
		hash ^= hash >> 32;
	}
	word = 0;
	memcpy(&word, at, left);
	hash = (hash ^ word) * 0xc4ceb9fe1a85ec53u;
	return hash ^ hash >> 29;
}
