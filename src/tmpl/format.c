/* Values as text, by verb and flags; a value that does not go with its verb prints as a
 * complaint. */
#include "format.h"

#include <stdbool.h>
#include <string.h>

#include "binnacle/base/limits.h"
#include "binnacle/base/text.h"
#include "moment.h"
#include "number.h"
#include "printer.h"
#include "unicode.h"

#define DEPTH_SHOWN 500 /* of values inside values */

static void add_padding(struct printer *p, int count)
{
	if (count > 0)
		strbuf_addchars(p->out, p->zero ? '0' : ' ', (size_t)count);
}

static void pad(struct printer *p, const char *bytes, size_t len)
{
	int missing = 0;

	if (p->has_width)
		missing = p->width - (int)unicode_count(bytes, len);
	if (!p->minus)
		add_padding(p, missing);
	strbuf_add(p->out, bytes, len);
	if (p->minus)
		add_padding(p, missing);
}

static void pad_text(struct printer *p, const char *text)
{
	pad(p, text, strlen(text));
}

/* Pad with spaces whatever the flags say: zeros are already in. */
static void pad_number(struct printer *p, const struct strbuf *text)
{
	bool zero = p->zero;

	p->zero = false;
	pad(p, text->buf, text->len);
	p->zero = zero;
}

void printer_complain(struct printer *p, uint32_t verb, const char *what)
{
	strbuf_addstr(p->out, "%!");
	text_encode(p->out, verb);
	strbuf_addstr(p->out, what);
}

static void bad_verb(struct printer *p, const struct tmpl_value *value, uint32_t verb)
{
	printer_complain(p, verb, "(");
	if (value->type->kind == TMPL_NIL) {
		strbuf_addstr(p->out, "<nil>");
	} else {
		strbuf_addstr(p->out, value->type->name);
		strbuf_addch(p->out, '=');
		printer_value(p, value, 'v', 0);
	}
	strbuf_addch(p->out, ')');
}

static void add_digits(struct strbuf *out, uint64_t value, unsigned base, bool upper, int fewest)
{
	static const char lower_digits[] = "0123456789abcdef", upper_digits[] = "0123456789ABCDEF";
	char digits[64];
	size_t at = sizeof(digits);

	do {
		digits[--at] = (upper ? upper_digits : lower_digits)[value % base];
		value /= base;
	} while (value);
	for (int i = (int)(sizeof(digits) - at); i < fewest; i++)
		strbuf_addch(out, '0');
	strbuf_add(out, digits + at, sizeof(digits) - at);
}

static void print_based(struct printer *p, uint64_t value, bool negative, unsigned base,
			uint32_t verb)
{
	struct strbuf text = STRBUF_INIT;
	int fewest = 0;
	const char *sign = negative ? "-" : p->plus ? "+" : p->space ? " " : "";

	if (p->has_precision) {
		fewest = p->precision;
		if (fewest == 0 && value == 0) {
			bool zero = p->zero;

			p->zero = false;
			add_padding(p, p->has_width ? p->width : 0);
			p->zero = zero;
			return;
		}
	} else if (p->zero && p->has_width) {
		fewest = p->width - (*sign ? 1 : 0);
	}
	strbuf_addstr(&text, sign);
	if (verb == 'O')
		strbuf_addstr(&text, "0o");
	if (p->sharp && base == 2)
		strbuf_addstr(&text, "0b");
	if (p->sharp && base == 16)
		strbuf_addstr(&text, verb == 'X' ? "0X" : "0x");
	if (p->sharp && base == 8) {
		struct strbuf digits = STRBUF_INIT;

		add_digits(&digits, value, base, false, fewest);
		if (digits.buf[0] != '0')
			strbuf_addch(&text, '0');
		strbuf_release(&digits);
	}
	add_digits(&text, value, base, verb == 'X', fewest);
	pad_number(p, &text);
	strbuf_release(&text);
}

static unsigned base_of(uint32_t verb)
{
	return verb == 'b' ? 2 : verb == 'o' || verb == 'O' ? 8 : verb == 'd' ? 10 : 16;
}

static void print_code_point(struct printer *p, uint64_t value)
{
	struct strbuf text = STRBUF_INIT;

	text_encode(&text, value > 0x10ffff ? 0xfffd : (uint32_t)value);
	pad(p, text.buf, text.len);
	strbuf_release(&text);
}

static void print_quoted_code_point(struct printer *p, uint64_t value)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_addch(&text, '\'');
	unicode_quote_char(&text, value > 0x10ffff ? 0xfffd : (uint32_t)value, '\'', p->plus);
	strbuf_addch(&text, '\'');
	pad(p, text.buf, text.len);
	strbuf_release(&text);
}

static void print_unicode(struct printer *p, uint64_t value)
{
	struct strbuf text = STRBUF_INIT;

	strbuf_addstr(&text, "U+");
	add_digits(&text, value, 16, true, p->has_precision && p->precision > 4 ? p->precision : 4);
	if (p->sharp && value <= 0x10ffff && unicode_is_print((uint32_t)value)) {
		strbuf_addstr(&text, " '");
		text_encode(&text, (uint32_t)value);
		strbuf_addch(&text, '\'');
	}
	pad_number(p, &text);
	strbuf_release(&text);
}

static void print_integer(struct printer *p, const struct tmpl_value *value, uint32_t verb)
{
	bool is_signed = value->type->kind == TMPL_INT;
	bool negative = is_signed && value->u.integer < 0;
	uint64_t bits = is_signed ? (uint64_t)value->u.integer : value->u.uinteger;
	uint64_t size = negative ? 0 - bits : bits;

	switch (verb) {
	case 'v':
		if (p->sharp_v && !is_signed) {
			p->sharp = true;
			print_based(p, size, negative, 16, 'v');
			p->sharp = false;
			break;
		}
		print_based(p, size, negative, 10, verb);
		break;
	case 'd':
	case 'b':
	case 'o':
	case 'O':
	case 'x':
	case 'X':
		print_based(p, size, negative, base_of(verb), verb);
		break;
	case 'c':
		print_code_point(p, bits);
		break;
	case 'q':
		print_quoted_code_point(p, bits);
		break;
	case 'U':
		print_unicode(p, bits);
		break;
	default:
		bad_verb(p, value, verb);
		break;
	}
}

/* %#g and friends keep the point and trailing zeros. `text` starts with a sign. */
static void add_sharp_zeros(struct strbuf *text, char verb, int precision)
{
	struct strbuf tail = STRBUF_INIT;
	bool has_point = false, seen_digit = false;
	int digits = strchr("vgGx", verb) ? (precision < 0 ? 6 : precision) : 0;

	for (size_t i = 1; i < text->len; i++) {
		char c = text->buf[i];
		bool is_hex = verb == 'x' || verb == 'X';

		if (c == '.') {
			has_point = true;
		} else if ((c | 0x20) == 'p' || ((c | 0x20) == 'e' && !is_hex)) {
			strbuf_add(&tail, text->buf + i, text->len - i);
			strbuf_setlen(text, i);
			break;
		} else {
			seen_digit = seen_digit || c != '0';
			digits -= seen_digit;
		}
	}
	if (!has_point) {
		if (text->len == 2 && text->buf[1] == '0')
			digits--;
		strbuf_addch(text, '.');
	}
	if (digits > 0)
		strbuf_addchars(text, '0', (size_t)digits);
	strbuf_add(text, tail.buf, tail.len);
	strbuf_release(&tail);
}

static void print_real(struct printer *p, double value, char verb, int precision)
{
	struct strbuf text = STRBUF_INIT;
	size_t skip = 0;

	if (p->has_precision)
		precision = p->precision;
	number_format_float(&text, value, verb, precision);
	if (text.buf[0] != '-' && text.buf[0] != '+') {
		struct strbuf with_sign = STRBUF_INIT;

		strbuf_addch(&with_sign, '+');
		strbuf_add(&with_sign, text.buf, text.len);
		strbuf_release(&text);
		text = with_sign;
	}
	if (p->space && text.buf[0] == '+' && !p->plus)
		text.buf[0] = ' ';
	if (text.buf[1] == 'I' || text.buf[1] == 'N') {
		bool bare_nan = text.buf[1] == 'N' && !p->space && !p->plus;
		bool bare_inf = text.buf[1] == 'I' && text.buf[0] == '+' && !p->plus && p->space;
		bool zero = p->zero;

		p->zero = false;
		skip = bare_nan || bare_inf;
		pad(p, text.buf + skip, text.len - skip);
		p->zero = zero;
		strbuf_release(&text);
		return;
	}
	if (p->sharp && verb != 'b')
		add_sharp_zeros(&text, verb, precision);
	if (p->plus || text.buf[0] != '+') {
		if (p->zero && p->has_width && p->width > (int)text.len) {
			strbuf_addch(p->out, text.buf[0]);
			add_padding(p, p->width - (int)text.len);
			strbuf_add(p->out, text.buf + 1, text.len - 1);
		} else {
			pad(p, text.buf, text.len);
		}
	} else {
		pad(p, text.buf + 1, text.len - 1);
	}
	strbuf_release(&text);
}

static bool print_float_verb(struct printer *p, double value, uint32_t verb)
{
	switch (verb) {
	case 'v':
		print_real(p, value, 'g', -1);
		return true;
	case 'b':
	case 'g':
	case 'G':
	case 'x':
	case 'X':
		print_real(p, value, (char)verb, -1);
		return true;
	case 'e':
	case 'E':
	case 'f':
	case 'F':
		print_real(p, value, (char)verb, 6);
		return true;
	default:
		return false;
	}
}

static void print_complex(struct printer *p, const struct tmpl_value *value, uint32_t verb)
{
	bool plus = p->plus;

	if (verb >= 0x80 || !strchr("vbgGxXeEfF", (int)verb)) {
		bad_verb(p, value, verb);
		return;
	}
	strbuf_addch(p->out, '(');
	print_float_verb(p, value->u.complex.re, verb);
	p->plus = true;
	print_float_verb(p, value->u.complex.im, verb);
	strbuf_addstr(p->out, "i)");
	p->plus = plus;
}

/* Bytes of the first `precision` code points. */
static size_t truncated(const struct printer *p, const char *bytes, size_t len)
{
	size_t at = 0;
	uint32_t c;

	if (!p->has_precision)
		return len;
	for (int i = 0; i < p->precision && at < len; i++)
		at += text_decode(bytes + at, len - at, &c);
	return at;
}

static bool can_backquote(const char *bytes, size_t len)
{
	for (size_t at = 0; at < len;) {
		uint32_t c;
		size_t used = text_decode(bytes + at, len - at, &c);

		if (c == TEXT_INVALID || c == 0xfeff || (c < 0x20 && c != '\t') || c == '`' ||
		    c == 0x7f)
			return false;
		at += used;
	}
	return true;
}

static void print_quoted(struct printer *p, const char *bytes, size_t len)
{
	struct strbuf text = STRBUF_INIT;

	len = truncated(p, bytes, len);
	if (p->sharp && can_backquote(bytes, len)) {
		strbuf_addch(&text, '`');
		strbuf_add(&text, bytes, len);
		strbuf_addch(&text, '`');
	} else {
		unicode_quote(&text, bytes, len, '"', p->plus);
	}
	pad(p, text.buf, text.len);
	strbuf_release(&text);
}

static void print_hex_bytes(struct printer *p, const char *bytes, size_t len, bool upper)
{
	struct strbuf text = STRBUF_INIT;

	if (p->has_precision && (size_t)p->precision < len)
		len = (size_t)p->precision;
	for (size_t i = 0; i < len; i++) {
		if (p->space && i)
			strbuf_addch(&text, ' ');
		if (p->sharp && (p->space || i == 0))
			strbuf_addstr(&text, upper ? "0X" : "0x");
		strbuf_addf(&text, upper ? "%02X" : "%02x", (unsigned char)bytes[i]);
	}
	pad(p, text.buf, text.len);
	strbuf_release(&text);
}

static void print_string(struct printer *p, const struct tmpl_value *value, uint32_t verb)
{
	const char *bytes = value->u.string.text;
	size_t len = value->u.string.len;

	switch (verb) {
	case 'v':
		if (p->sharp_v)
			print_quoted(p, bytes, len);
		else
			pad(p, bytes, truncated(p, bytes, len));
		break;
	case 's':
		pad(p, bytes, truncated(p, bytes, len));
		break;
	case 'q':
		print_quoted(p, bytes, len);
		break;
	case 'x':
	case 'X':
		print_hex_bytes(p, bytes, len, verb == 'X');
		break;
	default:
		bad_verb(p, value, verb);
		break;
	}
}

/* An element of a container whose element type is `type`. */
static void print_element(struct printer *p, const struct tmpl_type *type,
			  const struct tmpl_value *value, uint32_t verb, int depth)
{
	if (type->kind == TMPL_NIL && value->type->kind == TMPL_NIL)
		strbuf_addstr(p->out, p->sharp_v ? "interface {}(nil)" : "<nil>");
	else
		printer_value(p, value, verb, depth);
}

static bool print_null(struct printer *p, const struct tmpl_type *type, bool is_null)
{
	if (!p->sharp_v)
		return false;
	strbuf_addstr(p->out, type->name);
	if (is_null)
		strbuf_addstr(p->out, "(nil)");
	return is_null;
}

static void print_list(struct printer *p, const struct tmpl_value *list, uint32_t verb, int depth)
{
	if (print_null(p, list->type, list->u.list.null))
		return;
	strbuf_addch(p->out, p->sharp_v ? '{' : '[');
	for (size_t i = 0; i < list->u.list.count; i++) {
		if (i)
			strbuf_addstr(p->out, p->sharp_v ? ", " : " ");
		print_element(p, list->type->elem, list->u.list.items[i], verb, depth + 1);
	}
	strbuf_addch(p->out, p->sharp_v ? '}' : ']');
}

static void print_map(struct printer *p, const struct tmpl_value *map, uint32_t verb, int depth)
{
	if (print_null(p, map->type, map->u.map.null))
		return;
	strbuf_addstr(p->out, p->sharp_v ? "{" : "map[");
	for (size_t i = 0; i < map->u.map.count; i++) {
		if (i)
			strbuf_addstr(p->out, p->sharp_v ? ", " : " ");
		printer_value(p, map->u.map.pairs[i].key, verb, depth + 1);
		strbuf_addch(p->out, ':');
		print_element(p, map->type->elem, map->u.map.pairs[i].value, verb, depth + 1);
	}
	strbuf_addch(p->out, p->sharp_v ? '}' : ']');
}

static void print_record(struct printer *p, const struct tmpl_value *record, uint32_t verb,
			 int depth)
{
	const struct tmpl_type *type = record->type;
	bool first = true;

	if (p->sharp_v)
		strbuf_addstr(p->out, type->name + type->pointer);
	strbuf_addch(p->out, '{');
	for (size_t i = 0; i < type->field_count; i++) {
		if (type->fields[i].late)
			continue;
		if (!first)
			strbuf_addstr(p->out, p->sharp_v ? ", " : " ");
		first = false;
		if (p->plus_v || p->sharp_v) {
			strbuf_addstr(p->out, type->fields[i].name);
			strbuf_addch(p->out, ':');
		}
		print_element(p, type->fields[i].type, record->u.fields[i], verb, depth + 1);
	}
	strbuf_addch(p->out, '}');
}

/* Versions print as text: 1.2.3-beta+build. */
static void print_version(struct printer *p, const struct tmpl_value *record)
{
	const char *pre = tmpl_record_get(record, "Prerelease")->u.string.text;
	const char *meta = tmpl_record_get(record, "Metadata")->u.string.text;
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < 3; i++) {
		if (i)
			strbuf_addch(&text, '.');
		add_digits(&text, record->u.fields[i]->u.uinteger, 10, false, 0);
	}
	strbuf_addf(&text, "%s%s%s%s", *pre ? "-" : "", pre, *meta ? "+" : "", meta);
	pad(p, text.buf, text.len);
	strbuf_release(&text);
}

/* Inside other values Go prints the address of a pointer, which nobody can use. */
static void print_pointer(struct printer *p, const struct tmpl_value *record, uint32_t verb,
			  int depth)
{
	if (!record->u.fields) {
		if (verb < 0x80 && strchr("bodxX", (int)verb))
			print_based(p, 0, false, base_of(verb), verb);
		else if (verb != 'v')
			bad_verb(p, record, verb);
		else if (p->sharp_v)
			strbuf_addf(p->out, "(%s)(nil)", record->type->name);
		else
			pad_text(p, "<nil>");
		return;
	}
	if (record->type == &tmpl_type_semver && (verb == 's' || verb == 'v') && !p->sharp_v) {
		print_version(p, record);
		return;
	}
	/* An address is a number: other verbs do not go with it. */
	if (depth > 0 && (verb >= 0x80 || !strchr("vpbodxX", (int)verb))) {
		bad_verb(p, record, verb);
		return;
	}
	strbuf_addch(p->out, '&');
	print_record(p, record, verb, depth);
}

static void print_time(struct printer *p, const struct tmpl_value *value, uint32_t verb)
{
	struct strbuf text = STRBUF_INIT;

	moment_format(&text, MOMENT_PRINTED, value);
	if (verb == 's' || verb == 'v')
		pad(p, text.buf, text.len);
	else if (verb == 'q')
		print_quoted(p, text.buf, text.len);
	else
		bad_verb(p, value, verb);
	strbuf_release(&text);
}

void printer_value(struct printer *p, const struct tmpl_value *value, uint32_t verb, int depth)
{
	if (depth > DEPTH_SHOWN) {
		strbuf_addstr(p->out, "...");
		return;
	}
	/* A few lists that hold the same lists can be longer than the universe. */
	if (p->out->len > LIMIT_TEMPLATE_OUTPUT)
		return;
	switch (value->type->kind) {
	case TMPL_NIL:
		if (verb == 'v' || verb == 'T')
			pad_text(p, "<nil>");
		else
			bad_verb(p, value, verb);
		break;
	case TMPL_BOOL:
		if (verb == 'v' || verb == 't')
			pad_text(p, value->u.boolean ? "true" : "false");
		else
			bad_verb(p, value, verb);
		break;
	case TMPL_INT:
	case TMPL_UINT:
		print_integer(p, value, verb);
		break;
	case TMPL_FLOAT:
		if (!print_float_verb(p, value->u.real, verb))
			bad_verb(p, value, verb);
		break;
	case TMPL_COMPLEX:
		print_complex(p, value, verb);
		break;
	case TMPL_STRING:
		print_string(p, value, verb);
		break;
	case TMPL_LIST:
		print_list(p, value, verb, depth);
		break;
	case TMPL_MAP:
		print_map(p, value, verb, depth);
		break;
	case TMPL_RECORD:
		if (value->type->pointer)
			print_pointer(p, value, verb, depth);
		else
			print_record(p, value, verb, depth);
		break;
	case TMPL_TIME:
		print_time(p, value, verb);
		break;
	case TMPL_STREAM:
	case TMPL_SCRATCH:
		pad_text(p, value->type->name);
		break;
	}
}

void printer_arg(struct printer *p, const struct tmpl_value *value, uint32_t verb)
{
	if (verb == 'T' && value->type->kind != TMPL_NIL)
		pad(p, value->type->name,
		    truncated(p, value->type->name, strlen(value->type->name)));
	else if (verb == 'w' && value->type->kind > TMPL_STRING)
		bad_verb(p, value, verb); /* not one for each element */
	else
		printer_value(p, value, verb, 0);
}

void format_value(struct strbuf *out, const struct tmpl_value *value)
{
	struct printer p = { .out = out };

	printer_value(&p, value, 'v', 0);
}

void format_action(struct strbuf *out, const struct tmpl_value *value)
{
	struct printer p = { .out = out };

	if (value->type->kind == TMPL_NIL)
		strbuf_addstr(out, "<no value>");
	else if (value->type->kind == TMPL_RECORD && value->u.fields &&
		 value->type != &tmpl_type_semver)
		print_record(&p, value, 'v', 0);
	else
		printer_value(&p, value, 'v', 0);
}

void format_print(struct strbuf *out, const struct tmpl_value **args, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i && args[i]->type->kind != TMPL_STRING &&
		    args[i - 1]->type->kind != TMPL_STRING)
			strbuf_addch(out, ' ');
		format_value(out, args[i]);
	}
}

void format_println(struct strbuf *out, const struct tmpl_value **args, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		if (i)
			strbuf_addch(out, ' ');
		format_value(out, args[i]);
	}
	strbuf_addch(out, '\n');
}
