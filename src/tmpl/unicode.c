/* Classes and case come from the C library's own UTF-8 locale, which needs no installed files.
 * Where Go's classes differ (what is printable, what is space) the list is here. */
#include "unicode.h"

#include <locale.h>
#include <string.h>
#include <wchar.h>
#include <wctype.h>

#include "binnacle/base/text.h"

static locale_t utf8(void)
{
	static locale_t locale;
	static bool asked;

	if (!asked) {
		asked = true;
		locale = newlocale(LC_CTYPE_MASK, "C.UTF-8", (locale_t)0);
		if (!locale)
			locale = newlocale(LC_CTYPE_MASK, "C", (locale_t)0);
	}
	return locale;
}

bool unicode_is_letter(uint32_t c)
{
	if (c < 0x80)
		return (c | 0x20) >= 'a' && (c | 0x20) <= 'z';
	return c <= 0x10ffff && iswalpha_l((wint_t)c, utf8()) && !unicode_is_digit(c);
}

bool unicode_is_digit(uint32_t c)
{
	static const uint16_t zeros[] = { 0x660, 0x6f0, 0x7c0,  0x966,  0x9e6,  0xa66, 0xae6,
					  0xb66, 0xbe6, 0xc66,  0xce6,  0xd66,  0xde6, 0xe50,
					  0xed0, 0xf20, 0x1040, 0x17e0, 0x1810, 0xff10 };

	if (c < 0x80)
		return c >= '0' && c <= '9';
	for (size_t i = 0; i < sizeof(zeros) / sizeof(zeros[0]); i++)
		if (c >= zeros[i] && c < zeros[i] + 10u)
			return true;
	return false;
}

bool unicode_is_space(uint32_t c)
{
	return (c >= 0x09 && c <= 0x0d) || c == ' ' || c == 0x85 || c == 0xa0 || c == 0x1680 ||
	       (c >= 0x2000 && c <= 0x200a) || c == 0x2028 || c == 0x2029 || c == 0x202f ||
	       c == 0x205f || c == 0x3000;
}

bool unicode_is_print(uint32_t c)
{
	bool is_format = c == 0xad || (c >= 0x200b && c <= 0x200f) ||
			 (c >= 0x202a && c <= 0x202e) || (c >= 0x2060 && c <= 0x206f) ||
			 c == 0xfeff || (c >= 0xfff9 && c <= 0xfffb) ||
			 (c >= 0x600 && c <= 0x605) || c == 0x61c || c == 0x6dd || c == 0x70f ||
			 c == 0x8e2 || c == 0x180e || c == 0x110bd || c == 0x110cd ||
			 (c >= 0x13430 && c <= 0x13438) || (c >= 0x1bca0 && c <= 0x1bca3) ||
			 (c >= 0x1d173 && c <= 0x1d17a) || (c >= 0xe0001 && c <= 0xe007f);
	bool is_private = (c >= 0xe000 && c <= 0xf8ff) || c >= 0xf0000;

	if (c < 0x80)
		return c >= 0x20 && c < 0x7f;
	return !unicode_is_space(c) && !is_format && !is_private && iswprint_l((wint_t)c, utf8());
}

uint32_t unicode_upper(uint32_t c)
{
	if (c < 0x80)
		return c >= 'a' && c <= 'z' ? c - 32 : c;
	return (uint32_t)towupper_l((wint_t)c, utf8());
}

uint32_t unicode_title(uint32_t c)
{
	/* Letters for two: DZ, Dz, dz. */
	if (c >= 0x1c4 && c <= 0x1cc)
		return 0x1c5 + (c - 0x1c4) / 3 * 3;
	if (c >= 0x1f1 && c <= 0x1f3)
		return 0x1f2;
	if ((c >= 0x10d0 && c <= 0x10fa) || (c >= 0x10fd && c <= 0x10ff))
		return c;
	return unicode_upper(c);
}

uint32_t unicode_lower(uint32_t c)
{
	if (c < 0x80)
		return c >= 'A' && c <= 'Z' ? c + 32 : c;
	return (uint32_t)towlower_l((wint_t)c, utf8());
}

size_t unicode_count(const char *bytes, size_t len)
{
	size_t count = 0;
	uint32_t c;

	for (size_t at = 0; at < len; at += text_decode(bytes + at, len - at, &c))
		count++;
	return count;
}

void unicode_quote_char(struct strbuf *out, uint32_t c, char quote, bool ascii_only)
{
	static const char controls[] = "\a\b\f\n\r\t\v", names[] = "abfnrtv";
	const char *control;

	if (c == (unsigned char)quote || c == '\\') {
		strbuf_addch(out, '\\');
		strbuf_addch(out, (char)c);
	} else if (c < 0x80 ? unicode_is_print(c) : !ascii_only && unicode_is_print(c)) {
		text_encode(out, c);
	} else if (c && c < 0x20 && (control = strchr(controls, (int)c))) {
		strbuf_addch(out, '\\');
		strbuf_addch(out, names[control - controls]);
	} else if (c < 0x20 || c == 0x7f) {
		strbuf_addf(out, "\\x%02x", (unsigned)c);
	} else if (c > 0x10ffff || (c >= 0xd800 && c < 0xe000)) {
		strbuf_addstr(out, "\\ufffd");
	} else if (c < 0x10000) {
		strbuf_addf(out, "\\u%04x", (unsigned)c);
	} else {
		strbuf_addf(out, "\\U%08x", (unsigned)c);
	}
}

void unicode_quote(struct strbuf *out, const char *bytes, size_t len, char quote, bool ascii_only)
{
	strbuf_addch(out, quote);
	for (size_t at = 0; at < len;) {
		uint32_t c;
		size_t used = text_decode(bytes + at, len - at, &c);

		if (c == TEXT_INVALID)
			strbuf_addf(out, "\\x%02x", (unsigned char)bytes[at]);
		else
			unicode_quote_char(out, c, quote, ascii_only);
		at += used;
	}
	strbuf_addch(out, quote);
}

static int hex_digit(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'f')
		return (c | 0x20) - 'a' + 10;
	return -1;
}

/* \xhh, \uhhhh, \Uhhhhhhhh: the digits after the letter. */
static size_t unquote_hex(const char *text, size_t len, size_t digits, uint32_t *c)
{
	uint32_t value = 0;

	if (len < 2 + digits)
		return 0;
	for (size_t i = 0; i < digits; i++) {
		int digit = hex_digit(text[2 + i]);

		if (digit < 0)
			return 0;
		value = value << 4 | (uint32_t)digit;
	}
	if (digits > 2 && (value > 0x10ffff || (value >= 0xd800 && value < 0xe000)))
		return 0;
	*c = value;
	return 2 + digits;
}

static size_t unquote_octal(const char *text, size_t len, uint32_t *c)
{
	uint32_t value = 0;

	if (len < 4)
		return 0;
	for (size_t i = 1; i < 4; i++) {
		if (text[i] < '0' || text[i] > '7')
			return 0;
		value = value << 3 | (uint32_t)(text[i] - '0');
	}
	*c = value;
	return value > 255 ? 0 : 4;
}

size_t unicode_unquote_char(const char *text, size_t len, char quote, uint32_t *c, bool *is_byte)
{
	static const char names[] = "abfnrtv\\", values[] = "\a\b\f\n\r\t\v\\";
	const char *name;

	*is_byte = false;
	if (!len || text[0] == quote || text[0] == '\n')
		return 0;
	if (text[0] != '\\') {
		size_t used = text_decode(text, len, c);

		if (*c == TEXT_INVALID) {
			*c = (unsigned char)text[0];
			*is_byte = true;
		}
		return used;
	}
	if (len < 2 || !text[1])
		return 0;
	if ((name = strchr(names, text[1]))) {
		*c = (unsigned char)values[name - names];
		return 2;
	}
	if (text[1] == '\'' || text[1] == '"') {
		*c = (unsigned char)text[1];
		return text[1] == quote ? 2 : 0;
	}
	switch (text[1]) {
	case 'x':
		*is_byte = true;
		return unquote_hex(text, len, 2, c);
	case 'u':
		return unquote_hex(text, len, 4, c);
	case 'U':
		return unquote_hex(text, len, 8, c);
	default:
		*is_byte = true;
		return unquote_octal(text, len, c);
	}
}

bool unicode_unquote(struct strbuf *out, const char *literal, size_t len)
{
	size_t end = len - 1;

	if (len < 2 || literal[0] != literal[end])
		return false;
	if (literal[0] == '`') {
		for (size_t i = 1; i < end; i++)
			if (literal[i] != '\r')
				strbuf_addch(out, literal[i]);
		return true;
	}
	for (size_t at = 1; at < end;) {
		uint32_t c;
		bool is_byte;
		size_t used = unicode_unquote_char(literal + at, end - at, '"', &c, &is_byte);

		if (!used)
			return false;
		if (is_byte)
			strbuf_addch(out, (char)c);
		else
			text_encode(out, c);
		at += used;
	}
	return true;
}
