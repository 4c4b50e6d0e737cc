/* The C library reads and writes floating point exactly, but with the radix character of the
 * locale. So decimals are handed to strtod as whole digits with an exponent, and taken from
 * snprintf as digits; the point is always placed here. */
#include "number.h"

#include <errno.h>
#include <inttypes.h>
#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "unicode.h"

#define EXPONENT_MAX 100000 /* beyond what any double has, and far from overflowing an int */

static int digit_value(char c)
{
	if (c >= '0' && c <= '9')
		return c - '0';
	if ((c | 0x20) >= 'a' && (c | 0x20) <= 'z')
		return (c | 0x20) - 'a' + 10;
	return 99;
}

/* Underscores separate digits, or stand between a prefix and the first digit. */
static bool underscores_are_fine(const char *text, size_t len)
{
	char before = '^'; /* '0' digit, '_' underscore, '!' anything else, '^' start */
	size_t i = 0;
	bool hex = false;

	if (len && (text[0] == '+' || text[0] == '-'))
		i++;
	if (len - i >= 2 && text[i] == '0' && strchr("xXoObB", text[i + 1])) {
		hex = (text[i + 1] | 0x20) == 'x';
		before = '0'; /* a prefix counts as a digit */
		i += 2;
	}
	for (; i < len; i++) {
		bool is_digit = digit_value(text[i]) < (hex ? 16 : 10);

		if (is_digit) {
			before = '0';
		} else if (text[i] == '_') {
			if (before != '0')
				return false;
			before = '_';
		} else {
			if (before == '_')
				return false;
			before = '!';
		}
	}
	return before != '_';
}

enum number_result number_parse_uint(const char *text, size_t len, int base, uint64_t *out)
{
	uint64_t value = 0;
	bool any = false, prefixed = base == 0, overflow = false;
	const char *at = text, *end = text + len;

	*out = 0;
	if (base == 0) {
		base = 10;
		if (len > 1 && text[0] == '0') {
			int mark = text[1] | 0x20;

			base = mark == 'x' ? 16 : mark == 'b' ? 2 : 8;
			at += mark == 'x' || mark == 'b' || mark == 'o' ? 2 : 1;
			any = at == text + 1;
		}
	}
	for (; at < end; at++) {
		int digit = digit_value(*at);

		if (*at == '_' && prefixed)
			continue;
		if (digit >= base)
			return NUMBER_SYNTAX;
		any = true;
		if (__builtin_mul_overflow(value, (uint64_t)base, &value) ||
		    __builtin_add_overflow(value, (uint64_t)digit, &value))
			overflow = true;
	}
	if (!any || (prefixed && !underscores_are_fine(text, len)))
		return NUMBER_SYNTAX;
	*out = overflow ? UINT64_MAX : value;
	return overflow ? NUMBER_RANGE : NUMBER_OK;
}

enum number_result number_parse_int(const char *text, size_t len, int base, int64_t *out)
{
	bool negative = len && text[0] == '-';
	bool sign = len && (text[0] == '-' || text[0] == '+');
	uint64_t value, most = negative ? (uint64_t)INT64_MAX + 1 : INT64_MAX;
	enum number_result result = number_parse_uint(text + sign, len - sign, base, &value);

	*out = 0;
	if (result == NUMBER_SYNTAX)
		return result;
	if (result == NUMBER_RANGE || value > most) {
		*out = negative ? INT64_MIN : INT64_MAX;
		return NUMBER_RANGE;
	}
	*out = negative ? (int64_t)(0 - value) : (int64_t)value;
	return NUMBER_OK;
}

static bool is_word(const char *text, size_t len, const char *word)
{
	return len == strlen(word) && strncasecmp(text, word, len) == 0;
}

static bool parse_special(const char *text, size_t len, double *out)
{
	bool sign = len && (text[0] == '-' || text[0] == '+');

	if (is_word(text + sign, len - sign, "inf") || is_word(text + sign, len - sign, "infinity"))
		*out = text[0] == '-' ? -INFINITY : INFINITY;
	else if (is_word(text, len, "nan"))
		*out = (double)NAN;
	else
		return false;
	return true;
}

/* The exponent's digits, clamped; false: none. */
static bool parse_exponent(const char **at, const char *end, int *exponent)
{
	bool negative = false, any = false;
	int value = 0;

	if (*at < end && (**at == '+' || **at == '-'))
		negative = *(*at)++ == '-';
	for (; *at < end && ((**at >= '0' && **at <= '9') || **at == '_'); ++*at) {
		if (**at == '_')
			continue;
		any = true;
		if (value < EXPONENT_MAX)
			value = value * 10 + (**at - '0');
	}
	*exponent = negative ? -value : value;
	return any;
}

enum number_result number_parse_float(const char *text, size_t len, bool literal, double *out)
{
	const char *at = text, *end = text + len;
	struct strbuf plain = STRBUF_INIT;
	int base = 10, after_point = 0, exponent = 0;
	bool any = false, point = false, has_exponent = false, fine;

	*out = 0;
	if (parse_special(text, len, out))
		return NUMBER_OK;
	if (at < end && (*at == '+' || *at == '-'))
		strbuf_addch(&plain, *at++);
	if (end - at > 2 && at[0] == '0' && (at[1] | 0x20) == 'x') {
		base = 16;
		at += 2;
		strbuf_addstr(&plain, "0x");
	}
	for (; at < end; at++) {
		if (*at == '.' && !point) {
			point = true;
		} else if (*at == '_' && literal) {
			continue;
		} else if (digit_value(*at) < base) {
			any = true;
			strbuf_addch(&plain, *at);
			after_point += point;
		} else {
			break;
		}
	}
	fine = any;
	if (fine && at < end && (*at | 0x20) == (base == 16 ? 'p' : 'e')) {
		at++;
		has_exponent = true;
		fine = parse_exponent(&at, end, &exponent);
	}
	fine = fine && at == end && (base == 10 || has_exponent) &&
	       (literal ? underscores_are_fine(text, len) : !memchr(text, '_', len));
	if (fine) {
		strbuf_addf(&plain, "%c%d", base == 16 ? 'p' : 'e',
			    exponent - after_point * (base == 16 ? 4 : 1));
		*out = strtod(plain.buf, NULL);
	}
	strbuf_release(&plain);
	if (!fine)
		return NUMBER_SYNTAX;
	return isinf(*out) ? NUMBER_RANGE : NUMBER_OK;
}

static void fail_quoted(struct strbuf *message, const char *what, const char *text, size_t len)
{
	strbuf_addstr(message, what);
	unicode_quote(message, text, len, '"', false);
}

static bool contains(const char *text, size_t len, const char *set)
{
	for (size_t i = 0; i < len; i++)
		if (text[i] && strchr(set, text[i]))
			return true;
	return false;
}

static bool parse_char(const char *text, size_t len, struct number *out, struct strbuf *message)
{
	uint32_t c;
	bool is_byte;
	size_t used = unicode_unquote_char(text + 1, len - 1, '\'', &c, &is_byte);

	if (!used) {
		strbuf_addstr(message, "invalid syntax");
		return false;
	}
	if (used + 2 != len) {
		strbuf_addstr(message, "malformed character constant: ");
		strbuf_add(message, text, len);
		return false;
	}
	if (is_byte && (unsigned char)text[1] >= 0x80)
		c = 0xfffd; /* a stray byte in the source */
	*out = (struct number){ .is_int = true, .is_uint = true, .is_float = true };
	out->as_int = c;
	out->as_uint = c;
	out->as_float = c;
	return true;
}

static void take_complex(struct number *out, double re, double im)
{
	*out = (struct number){ .is_complex = true, .re = re, .im = im };
	if (im != 0)
		return;
	out->is_float = true;
	out->as_float = re;
	if (fabs(re) < 9.2e18 && (double)(int64_t)re == re) {
		out->is_int = true;
		out->as_int = (int64_t)re;
	}
	if (re >= 0 && re < 1.8e19 && (double)(uint64_t)re == re) {
		out->is_uint = true;
		out->as_uint = (uint64_t)re;
	}
}

/* False: *message is that of Go's ParseFloat. */
static bool parse_part(const char *text, size_t len, double *out, struct strbuf *message)
{
	enum number_result result = number_parse_float(text, len, true, out);

	if (result == NUMBER_OK)
		return true;
	fail_quoted(message, "strconv.ParseFloat: parsing ", text, len);
	strbuf_addstr(message,
		      result == NUMBER_RANGE ? ": value out of range" : ": invalid syntax");
	return false;
}

/* "1+2i": the sign that separates is the last one that does not belong to an exponent. */
static bool parse_complex(const char *text, size_t len, struct number *out, struct strbuf *message)
{
	double re, im;

	for (size_t i = len - 1; i > 0; i--) {
		if ((text[i] != '+' && text[i] != '-') || strchr("eEpP", text[i - 1]))
			continue;
		if (!parse_part(text, i, &re, message) ||
		    !parse_part(text + i, len - i - 1, &im, message))
			return false;
		take_complex(out, re, im);
		return true;
	}
	strbuf_addstr(message, "syntax error scanning complex number");
	return false;
}

bool number_parse_literal(const char *text, size_t len, bool is_char, bool is_complex,
			  struct number *out, struct strbuf *message)
{
	double real;
	bool is_hex = len > 2 && memchr(text, 'x', 3) && !contains(text, len, "pP");

	if (is_char)
		return parse_char(text, len, out, message);
	if (is_complex)
		return parse_complex(text, len, out, message);
	if (len && text[len - 1] == 'i' &&
	    number_parse_float(text, len - 1, true, &real) == NUMBER_OK) {
		take_complex(out, 0, real);
		return true;
	}
	*out = (struct number){ 0 };
	out->is_uint = number_parse_uint(text, len, 0, &out->as_uint) == NUMBER_OK;
	out->is_int = number_parse_int(text, len, 0, &out->as_int) == NUMBER_OK;
	if (out->is_int && out->as_int == 0)
		out->is_uint = true; /* -0 */
	if (out->is_int || out->is_uint) {
		out->is_float = true;
		out->as_float = out->is_int ? (double)out->as_int : (double)out->as_uint;
		return true;
	}
	if (number_parse_float(text, len, true, &real) != NUMBER_OK) {
		fail_quoted(message, "illegal number syntax: ", text, len);
		return false;
	}
	if (!contains(text, len, ".eEpP")) {
		fail_quoted(message, "integer overflow: ", text, len);
		return false;
	}
	take_complex(out, real, 0);
	out->is_complex = false;
	out->prefers_float = !is_hex;
	return true;
}

/* Digits of `value` > 0, rounded correctly to `count` of them. */
static void round_digits(double value, int count, struct decimal *out)
{
	char text[850];
	const char *exponent;
	int len = snprintf(text, sizeof(text), "%.*e", count - 1, value);

	exponent = memchr(text, 'e', (size_t)len);
	out->count = 0;
	for (const char *at = text; at < exponent; at++)
		if (*at >= '0' && *at <= '9')
			out->digits[out->count++] = *at;
	out->point = (int)strtol(exponent + 1, NULL, 10) + 1;
}

static void strip_zeros(struct decimal *decimal)
{
	while (decimal->count > 0 && decimal->digits[decimal->count - 1] == '0')
		decimal->count--;
	if (decimal->count == 0)
		decimal->point = 0;
}

void number_shortest(double value, struct decimal *out)
{
	for (int count = 1; count <= 17; count++) {
		char text[64];

		round_digits(value, count, out);
		snprintf(text, sizeof(text), "%.*se%d", out->count, out->digits,
			 out->point - out->count);
		if (strtod(text, NULL) == value)
			break;
	}
	strip_zeros(out);
}

static void add_exponent(struct strbuf *out, const struct decimal *decimal, char verb,
			 int precision)
{
	int exponent = decimal->count ? decimal->point - 1 : 0;

	strbuf_addch(out, decimal->count ? decimal->digits[0] : '0');
	if (precision > 0)
		strbuf_addch(out, '.');
	for (int i = 1; i <= precision; i++)
		strbuf_addch(out, i < decimal->count ? decimal->digits[i] : '0');
	strbuf_addf(out, "%c%c%02d", verb, exponent < 0 ? '-' : '+', abs(exponent));
}

static void add_plain(struct strbuf *out, const struct decimal *decimal, int precision)
{
	if (decimal->point <= 0)
		strbuf_addch(out, '0');
	for (int i = 0; i < decimal->point; i++)
		strbuf_addch(out, i < decimal->count ? decimal->digits[i] : '0');
	if (precision > 0)
		strbuf_addch(out, '.');
	for (int i = 0; i < precision; i++) {
		int at = decimal->point + i;

		strbuf_addch(out, at >= 0 && at < decimal->count ? decimal->digits[at] : '0');
	}
}

/* The mantissa as an integer; returns the power of two that goes with it. */
static int binary_parts(double value, uint64_t *mantissa)
{
	uint64_t bits;
	int exponent;

	memcpy(&bits, &value, sizeof(bits));
	*mantissa = bits & ((UINT64_C(1) << 52) - 1);
	exponent = (int)(bits >> 52 & 0x7ff);
	if (exponent)
		*mantissa |= UINT64_C(1) << 52;
	else
		exponent = 1;
	return exponent - 1075;
}

/* The first digit is 1, of subnormal numbers too; halves round to even. */
static void format_hex(struct strbuf *out, double value, char verb, int precision)
{
	const char *digits = verb == 'x' ? "0123456789abcdef" : "0123456789ABCDEF";
	const uint64_t one = UINT64_C(1) << 60;
	uint64_t mantissa;
	int exponent = binary_parts(value, &mantissa) + 52;

	mantissa <<= 8;
	if (!mantissa)
		exponent = 0;
	for (; mantissa && !(mantissa & one); mantissa <<= 1)
		exponent--;
	if (precision >= 0 && precision < 15) {
		uint64_t extra = (mantissa << precision * 4) & (one - 1);

		mantissa >>= 60 - precision * 4;
		if ((extra | (mantissa & 1)) > one / 2)
			mantissa++;
		mantissa <<= 60 - precision * 4;
		if (mantissa & (one << 1)) {
			mantissa >>= 1;
			exponent++;
		}
	}
	strbuf_addf(out, "0%c%d", verb, mantissa >= one);
	mantissa <<= 4;
	if (precision > 0 || (precision < 0 && mantissa))
		strbuf_addch(out, '.');
	for (int i = 0; precision < 0 ? mantissa != 0 : i < precision; i++) {
		strbuf_addch(out, digits[mantissa >> 60 & 15]);
		mantissa <<= 4;
	}
	strbuf_addf(out, "%c%c%02d", verb == 'x' ? 'p' : 'P', exponent < 0 ? '-' : '+',
		    abs(exponent));
}

static void format_plain(struct strbuf *out, double value, int precision)
{
	struct decimal decimal = { .count = 0 };

	if (value == 0) {
		add_plain(out, &decimal, precision < 0 ? 0 : precision);
		return;
	}
	if (precision < 0) {
		number_shortest(value, &decimal);
		add_plain(out, &decimal,
			  decimal.count > decimal.point ? decimal.count - decimal.point : 0);
		return;
	}
	/* As many digits as reach `precision` places after the point; none left rounds to the
	 * first place or to zero, which %e with one digit cannot tell: let the library do it. */
	char text[1100];
	char *buffer = text;
	size_t need = (size_t)snprintf(NULL, 0, "%.*f", precision, value) + 1;

	if (need > sizeof(text))
		buffer = xmalloc(need);
	snprintf(buffer, need, "%.*f", precision, value);
	for (const char *at = buffer; *at; at++)
		strbuf_addch(out, *at >= '0' && *at <= '9' ? *at : '.');
	if (buffer != text)
		free(buffer);
}

static void format_general(struct strbuf *out, double value, char verb, int precision)
{
	struct decimal decimal = { .count = 0 };
	bool shortest = precision < 0;
	int limit, exponent;

	if (precision == 0)
		precision = 1;
	if (precision > 767)
		precision = 767; /* no double has more digits */
	if (value != 0) {
		if (shortest) {
			number_shortest(value, &decimal);
		} else {
			round_digits(value, precision, &decimal);
			strip_zeros(&decimal);
		}
	}
	limit = precision;
	if (shortest)
		limit = 6;
	else if (limit > decimal.count && decimal.count >= decimal.point)
		limit = decimal.count;
	exponent = decimal.point - 1;
	if (value != 0 && (exponent < -4 || exponent >= limit))
		add_exponent(out, &decimal, verb == 'g' ? 'e' : 'E', decimal.count - 1);
	else
		add_plain(out, &decimal,
			  decimal.count > decimal.point ? decimal.count - decimal.point : 0);
}

static void format_binary(struct strbuf *out, double value)
{
	uint64_t mantissa;
	int exponent = binary_parts(value, &mantissa);

	strbuf_addf(out, "%" PRIu64 "p%c%d", mantissa, exponent < 0 ? '-' : '+', abs(exponent));
}

void number_format_float(struct strbuf *out, double value, char verb, int precision)
{
	struct decimal decimal = { .count = 0 };

	if (isnan(value)) {
		strbuf_addstr(out, "NaN");
		return;
	}
	if (signbit(value))
		strbuf_addch(out, '-');
	else if (isinf(value))
		strbuf_addch(out, '+');
	value = fabs(value);
	if (isinf(value)) {
		strbuf_addstr(out, "Inf");
		return;
	}
	switch (verb) {
	case 'e':
	case 'E':
		if (value != 0 && precision < 0)
			number_shortest(value, &decimal);
		else if (value != 0)
			round_digits(value, (precision > 766 ? 766 : precision) + 1, &decimal);
		if (precision < 0)
			precision = decimal.count ? decimal.count - 1 : 0;
		add_exponent(out, &decimal, verb, precision);
		break;
	case 'f':
	case 'F':
		format_plain(out, value, precision);
		break;
	case 'x':
	case 'X':
		format_hex(out, value, verb, precision);
		break;
	case 'b':
		format_binary(out, value);
		break;
	default:
		format_general(out, value, verb, precision);
		break;
	}
}

void number_print_float(struct strbuf *out, double value)
{
	number_format_float(out, value, 'g', -1);
}
