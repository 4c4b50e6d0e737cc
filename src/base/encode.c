/* Decoders write to `out` as they go and cut it back when the input turns out to be wrong. */
#include "binnacle/base/encode.h"

#include <stdint.h>
#include <string.h>

static const char standard[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789+/";
static const char url_safe[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz0123456789-_";

void base64_encode(struct strbuf *out, const void *bytes, size_t len, enum base64_alphabet alphabet)
{
	const unsigned char *in = bytes;
	const char *letters = alphabet == BASE64_URL ? url_safe : standard;

	strbuf_grow(out, (len + 2) / 3 * 4);
	for (size_t at = 0; at < len; at += 3) {
		size_t left = len - at;
		uint32_t word = (uint32_t)in[at] << 16;

		if (left > 1)
			word |= (uint32_t)in[at + 1] << 8;
		if (left > 2)
			word |= in[at + 2];
		strbuf_addch(out, letters[word >> 18]);
		strbuf_addch(out, letters[word >> 12 & 63]);
		strbuf_addch(out, left > 1 ? letters[word >> 6 & 63] : '=');
		strbuf_addch(out, left > 2 ? letters[word & 63] : '=');
	}
}

static int letter_value(char c, enum base64_alphabet alphabet)
{
	if (c >= 'A' && c <= 'Z')
		return c - 'A';
	if (c >= 'a' && c <= 'z')
		return c - 'a' + 26;
	if (c >= '0' && c <= '9')
		return c - '0' + 52;
	if (c == (alphabet == BASE64_URL ? '-' : '+'))
		return 62;
	if (c == (alphabet == BASE64_URL ? '_' : '/'))
		return 63;
	return -1;
}

static size_t skip_breaks(const char *text, size_t len, size_t at)
{
	while (at < len && (text[at] == '\n' || text[at] == '\r'))
		at++;
	return at;
}

/* The padding from *at on, after `letters` of a group of four. False: wrong at *at. */
static bool check_padding(const char *text, size_t len, size_t *at, size_t letters)
{
	if (letters < 2)
		return false;
	if (letters == 2) {
		size_t second = skip_breaks(text, len, *at + 1);

		if (second == len || text[second] != '=') {
			/* Go blames the padding that is not followed by another one. */
			*at = second == len ? len : second - 1;
			return false;
		}
		*at = second;
	}
	*at = skip_breaks(text, len, *at + 1);
	return *at == len;
}

bool base64_decode(struct strbuf *out, const char *text, size_t len, enum base64_alphabet alphabet,
		   size_t *bad)
{
	size_t start = out->len, letters = 0, at = 0;
	uint32_t word = 0;

	for (at = skip_breaks(text, len, 0); at < len; at = skip_breaks(text, len, at + 1)) {
		int value = letter_value(text[at], alphabet);

		if (value < 0)
			break;
		word = word << 6 | (uint32_t)value;
		if (++letters < 4)
			continue;
		strbuf_addch(out, (char)(word >> 16));
		strbuf_addch(out, (char)(word >> 8));
		strbuf_addch(out, (char)word);
		letters = 0;
		word = 0;
	}
	if (at == len && letters == 0)
		return true;
	if (at == len) {
		at = len - letters; /* Go blames as many bytes before the end as are left over */
	} else if (text[at] == '=' && check_padding(text, len, &at, letters)) {
		strbuf_addch(out, (char)(letters == 3 ? word >> 10 : word >> 4));
		if (letters == 3)
			strbuf_addch(out, (char)(word >> 2));
		return true;
	}
	strbuf_setlen(out, start);
	if (bad)
		*bad = at;
	return false;
}

static const char hex_digits[] = "0123456789abcdef";

void hex_encode(struct strbuf *out, const void *bytes, size_t len)
{
	const unsigned char *in = bytes;

	strbuf_grow(out, len * 2);
	for (size_t i = 0; i < len; i++) {
		strbuf_addch(out, hex_digits[in[i] >> 4]);
		strbuf_addch(out, hex_digits[in[i] & 15]);
	}
}

static int hex_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

static bool fail_at(struct strbuf *out, size_t start, size_t at, size_t *bad)
{
	strbuf_setlen(out, start);
	if (bad)
		*bad = at;
	return false;
}

bool hex_decode(struct strbuf *out, const char *text, size_t len, size_t *bad)
{
	size_t start = out->len;

	for (size_t i = 0; i < len; i += 2) {
		if (hex_value(text[i]) < 0)
			return fail_at(out, start, i, bad);
		if (i + 1 == len || hex_value(text[i + 1]) < 0)
			return fail_at(out, start, i + 1, bad);
		strbuf_addch(out, (char)(hex_value(text[i]) << 4 | hex_value(text[i + 1])));
	}
	return true;
}

static void escape(struct strbuf *out, const char *bytes, size_t len, char kept)
{
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)bytes[i];
		bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (is_letter || (c >= '0' && c <= '9') || (c && strchr("-_.~", c)) ||
		    (c && c == (unsigned char)kept))
			strbuf_addch(out, (char)c);
		else
			strbuf_addf(out, "%%%02X", c);
	}
}

void encode_url(struct strbuf *out, const char *bytes, size_t len)
{
	escape(out, bytes, len, '\0');
}

void encode_url_path(struct strbuf *out, const char *bytes, size_t len)
{
	escape(out, bytes, len, '/');
}

bool url_unescape(struct strbuf *out, const char *text, size_t len, size_t *bad)
{
	size_t start = out->len;

	for (size_t i = 0; i < len; i++) {
		if (text[i] != '%') {
			strbuf_addch(out, text[i]);
			continue;
		}
		if (len - i < 3 || hex_value(text[i + 1]) < 0 || hex_value(text[i + 2]) < 0)
			return fail_at(out, start, i, bad);
		strbuf_addch(out, (char)(hex_value(text[i + 1]) << 4 | hex_value(text[i + 2])));
		i += 2;
	}
	return true;
}
