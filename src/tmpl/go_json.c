/* A reader by recursive descent, whose messages are those of Go's state machine: what was looked
 * for, and the first character that was something else. */
#include "go_json.h"

#include <math.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "moment.h"
#include "number.h"
#include "unicode.h"

#define DEPTH_MAX 500

struct reader {
	struct arena *arena;
	const char *at, *end;
	struct strbuf *message;
	int depth;
	const char *too_large; /* a number; NULL: none */
	size_t too_large_len;
};

static const struct tmpl_value *read_value(struct reader *reader);

static void *fail_char(struct reader *reader, const char *where)
{
	bool inside_token = strcmp(where, "in string literal") != 0 &&
			    (strncmp(where, "in ", 3) == 0 || strstr(where, "decimal point"));
	unsigned char c;

	if (reader->message->len)
		return NULL;
	/* Go's scanner sees a space behind the end. */
	if (reader->at >= reader->end && !inside_token) {
		strbuf_addstr(reader->message, "unexpected end of JSON input");
		return NULL;
	}
	c = reader->at < reader->end ? (unsigned char)*reader->at : ' ';
	strbuf_addstr(reader->message, "invalid character '");
	if (c == '\'')
		strbuf_addstr(reader->message, "\\'");
	else if (c == '"')
		strbuf_addch(reader->message, '"');
	else
		unicode_quote_char(reader->message, c, '"', false);
	strbuf_addf(reader->message, "' %s", where);
	return NULL;
}

static int peek(const struct reader *reader)
{
	return reader->at < reader->end ? (unsigned char)*reader->at : -1;
}

static int peek_token(struct reader *reader)
{
	while (reader->at < reader->end && *reader->at && strchr(" \t\r\n", *reader->at))
		reader->at++;
	return peek(reader);
}

/* Four hexadecimal digits; -1: failed. */
static int read_hex(struct reader *reader)
{
	int value = 0;

	for (int i = 0; i < 4; i++, reader->at++) {
		int c = peek(reader), digit;

		if (c >= '0' && c <= '9')
			digit = c - '0';
		else if (c >= 0 && (c | 0x20) >= 'a' && (c | 0x20) <= 'f')
			digit = (c | 0x20) - 'a' + 10;
		else {
			fail_char(reader, "in \\u hexadecimal character escape");
			return -1;
		}
		value = value * 16 + digit;
	}
	return value;
}

static bool read_unicode(struct reader *reader, struct strbuf *out)
{
	int high = read_hex(reader), low;
	const char *before = reader->at;

	if (high < 0)
		return false;
	if (high >= 0xd800 && high < 0xdc00 && reader->end - reader->at >= 6 &&
	    reader->at[0] == '\\' && reader->at[1] == 'u') {
		reader->at += 2;
		low = read_hex(reader);
		if (low < 0)
			return false;
		if (low >= 0xdc00 && low < 0xe000) {
			text_encode(out, 0x10000 + (((uint32_t)high & 0x3ff) << 10) +
						 ((uint32_t)low & 0x3ff));
			return true;
		}
		reader->at = before;
	}
	text_encode(out, high >= 0xd800 && high < 0xe000 ? 0xfffd : (uint32_t)high);
	return true;
}

static bool read_escape(struct reader *reader, struct strbuf *out)
{
	static const char names[] = "bfnrt\"\\/", values[] = "\b\f\n\r\t\"\\/";
	int c = peek(reader);
	const char *name = c > 0 ? strchr(names, c) : NULL;

	if (name) {
		strbuf_addch(out, values[name - names]);
		reader->at++;
		return true;
	}
	if (c != 'u') {
		fail_char(reader, "in string escape code");
		return false;
	}
	reader->at++;
	return read_unicode(reader, out);
}

/* After the opening quote. */
static const struct tmpl_value *read_string(struct reader *reader)
{
	struct strbuf out = STRBUF_INIT;

	for (;;) {
		int c = peek(reader);
		uint32_t point;
		size_t used;

		if (c == '"') {
			reader->at++;
			return tmpl_string_from(reader->arena, &out);
		}
		if (c == '\\') {
			reader->at++;
			if (read_escape(reader, &out))
				continue;
			break;
		}
		if (c < 0x20) {
			fail_char(reader, "in string literal");
			break;
		}
		used = text_decode(reader->at, (size_t)(reader->end - reader->at), &point);
		if (point == TEXT_INVALID)
			text_encode(&out, 0xfffd);
		else
			strbuf_add(&out, reader->at, used);
		reader->at += used;
	}
	strbuf_release(&out);
	return NULL;
}

static bool read_digits(struct reader *reader, const char *where)
{
	if (!(peek(reader) >= '0' && peek(reader) <= '9')) {
		fail_char(reader, where);
		return false;
	}
	while (peek(reader) >= '0' && peek(reader) <= '9')
		reader->at++;
	return true;
}

static const struct tmpl_value *read_number(struct reader *reader)
{
	const char *start = reader->at;
	double number;

	if (peek(reader) == '-')
		reader->at++;
	if (peek(reader) == '0')
		reader->at++;
	else if (!read_digits(reader, "in numeric literal"))
		return NULL;
	if (peek(reader) == '.') {
		reader->at++;
		if (!read_digits(reader, "after decimal point in numeric literal"))
			return NULL;
	}
	if (peek(reader) == 'e' || peek(reader) == 'E') {
		reader->at++;
		if (peek(reader) == '+' || peek(reader) == '-')
			reader->at++;
		if (!read_digits(reader, "in exponent of numeric literal"))
			return NULL;
	}
	if (number_parse_float(start, (size_t)(reader->at - start), false, &number) != NUMBER_OK) {
		/* Told only when the syntax is fine to the end, and of the first one. */
		if (!reader->too_large) {
			reader->too_large = start;
			reader->too_large_len = (size_t)(reader->at - start);
		}
		number = 0;
	}
	return tmpl_float(reader->arena, number);
}

static const struct tmpl_value *read_word(struct reader *reader, const char *word,
					  const struct tmpl_value *value)
{
	for (size_t i = 0; word[i]; i++, reader->at++) {
		if (peek(reader) != word[i]) {
			char where[64];

			snprintf(where, sizeof(where), "in literal %s (expecting '%c')", word,
				 word[i]);
			return fail_char(reader, where);
		}
	}
	return value;
}

static const struct tmpl_value *read_list(struct reader *reader)
{
	struct tmpl_value *list = tmpl_list_new(reader->arena, &tmpl_type_list);
	const struct tmpl_value *item;

	reader->at++;
	if (peek_token(reader) == ']') {
		reader->at++;
		return list;
	}
	for (;;) {
		item = read_value(reader);
		if (!item)
			return NULL;
		tmpl_list_add(reader->arena, list, item);
		if (peek_token(reader) == ']') {
			reader->at++;
			return list;
		}
		if (peek(reader) != ',')
			return fail_char(reader, "after array element");
		reader->at++;
	}
}

/* One "name": value. False: failed. */
static bool read_member(struct reader *reader, struct tmpl_pair *pair)
{
	if (peek_token(reader) != '"') {
		fail_char(reader, "looking for beginning of object key string");
		return false;
	}
	reader->at++;
	pair->key = read_string(reader);
	if (!pair->key)
		return false;
	if (peek_token(reader) != ':') {
		fail_char(reader, "after object key");
		return false;
	}
	reader->at++;
	pair->value = read_value(reader);
	return pair->value != NULL;
}

static const struct tmpl_value *read_object(struct reader *reader)
{
	struct tmpl_value *map = tmpl_map_new(reader->arena, &tmpl_type_map);
	struct tmpl_pair *pairs = NULL;
	size_t count = 0, cap = 0;
	bool done = false;

	reader->at++;
	if (peek_token(reader) == '}') {
		reader->at++;
		return map;
	}
	while (!done) {
		GROW(pairs, count, cap);
		if (!read_member(reader, &pairs[count]))
			break;
		count++;
		done = peek_token(reader) == '}';
		if (!done && peek(reader) != ',') {
			fail_char(reader, "after object key:value pair");
			break;
		}
		reader->at++;
	}
	if (done)
		tmpl_map_fill(reader->arena, map, pairs, count);
	free(pairs);
	return done ? map : NULL;
}

static const struct tmpl_value *read_value(struct reader *reader)
{
	const struct tmpl_value *value;
	int c = peek_token(reader);

	if (++reader->depth > DEPTH_MAX) {
		strbuf_addstr(reader->message, "exceeded max depth");
		return NULL;
	}
	if (c == '{') {
		value = read_object(reader);
	} else if (c == '[') {
		value = read_list(reader);
	} else if (c == '"') {
		reader->at++;
		value = read_string(reader);
	} else if (c == '-' || (c >= '0' && c <= '9')) {
		value = read_number(reader);
	} else if (c == 't') {
		value = read_word(reader, "true", tmpl_bool(true));
	} else if (c == 'f') {
		value = read_word(reader, "false", tmpl_bool(false));
	} else if (c == 'n') {
		value = read_word(reader, "null", tmpl_nil());
	} else {
		value = fail_char(reader, "looking for beginning of value");
	}
	reader->depth--;
	return value;
}

const struct tmpl_value *go_json_parse(struct arena *arena, const char *text, size_t len,
				       struct strbuf *message)
{
	struct reader reader = { arena, text, text + len, message, 0, NULL, 0 };
	const struct tmpl_value *value = read_value(&reader);

	if (!value)
		return NULL;
	if (peek_token(&reader) >= 0)
		return fail_char(&reader, "after top-level value");
	if (!reader.too_large)
		return value;
	strbuf_addstr(message, "json: cannot unmarshal number ");
	strbuf_add(message, reader.too_large, reader.too_large_len);
	strbuf_addstr(message, " into Go value of type float64");
	return NULL;
}

struct writer {
	struct strbuf *out, *message;
	bool pretty, escape_html;
	int depth;
};

static bool write_value(struct writer *writer, const struct tmpl_value *value);

static void write_string(struct writer *writer, const char *text, size_t len)
{
	static const char short_controls[] = "\n\r\t", names[] = "nrt";
	struct strbuf *out = writer->out;

	strbuf_addch(out, '"');
	for (size_t at = 0; at < len;) {
		uint32_t c;
		size_t used = text_decode(text + at, len - at, &c);
		const char *control = c && c < 0x20 ? strchr(short_controls, (int)c) : NULL;

		if (c == '"' || c == '\\') {
			strbuf_addch(out, '\\');
			strbuf_addch(out, (char)c);
		} else if (control) {
			strbuf_addch(out, '\\');
			strbuf_addch(out, names[control - short_controls]);
		} else if (c < 0x20 || c == 0x2028 || c == 0x2029 ||
			   (writer->escape_html && (c == '<' || c == '>' || c == '&'))) {
			strbuf_addf(out, "\\u%04x", (unsigned)c);
		} else if (c == TEXT_INVALID) {
			strbuf_addstr(out, "\\ufffd");
		} else {
			strbuf_add(out, text + at, used);
		}
		at += used;
	}
	strbuf_addch(out, '"');
}

static bool write_float(struct writer *writer, double value)
{
	double size = fabs(value);
	bool exponent = size != 0 && (size < 1e-6 || size >= 1e21);
	struct strbuf *out = writer->out;

	if (isnan(value) || isinf(value)) {
		strbuf_addstr(writer->message, "json: unsupported value: ");
		number_format_float(writer->message, value, 'g', -1);
		return false;
	}
	number_format_float(out, value, exponent ? 'e' : 'f', -1);
	/* e-09 is e-9 in JSON. */
	if (exponent && out->len >= 4 && out->buf[out->len - 4] == 'e' &&
	    out->buf[out->len - 3] == '-' && out->buf[out->len - 2] == '0') {
		out->buf[out->len - 2] = out->buf[out->len - 1];
		strbuf_setlen(out, out->len - 1);
	}
	return true;
}

static void new_line(struct writer *writer)
{
	if (!writer->pretty)
		return;
	strbuf_addch(writer->out, '\n');
	strbuf_addchars(writer->out, ' ', (size_t)writer->depth * 2);
}

static bool write_list(struct writer *writer, const struct tmpl_value *list)
{
	if (list->u.list.null || list->u.list.count == 0) {
		strbuf_addstr(writer->out, list->u.list.null ? "null" : "[]");
		return true;
	}
	strbuf_addch(writer->out, '[');
	writer->depth++;
	for (size_t i = 0; i < list->u.list.count; i++) {
		if (i)
			strbuf_addch(writer->out, ',');
		new_line(writer);
		if (!write_value(writer, list->u.list.items[i]))
			return false;
	}
	writer->depth--;
	new_line(writer);
	strbuf_addch(writer->out, ']');
	return true;
}

static void write_name(struct writer *writer, bool first, const char *name, size_t len)
{
	if (!first)
		strbuf_addch(writer->out, ',');
	new_line(writer);
	write_string(writer, name, len);
	strbuf_addstr(writer->out, writer->pretty ? ": " : ":");
}

static void write_key(struct writer *writer, bool first, const struct tmpl_value *key)
{
	char number[32];
	int len;

	if (key->type->kind == TMPL_STRING) {
		write_name(writer, first, key->u.string.text, key->u.string.len);
		return;
	}
	len = snprintf(number, sizeof(number), "%lld", (long long)key->u.integer);
	write_name(writer, first, number, (size_t)len);
}

static bool write_map(struct writer *writer, const struct tmpl_value *map)
{
	if (map->u.map.null || map->u.map.count == 0) {
		strbuf_addstr(writer->out, map->u.map.null ? "null" : "{}");
		return true;
	}
	strbuf_addch(writer->out, '{');
	writer->depth++;
	for (size_t i = 0; i < map->u.map.count; i++) {
		write_key(writer, i == 0, map->u.map.pairs[i].key);
		if (!write_value(writer, map->u.map.pairs[i].value))
			return false;
	}
	writer->depth--;
	new_line(writer);
	strbuf_addch(writer->out, '}');
	return true;
}

static bool write_record(struct writer *writer, const struct tmpl_value *record)
{
	const struct tmpl_type *type = record->type;
	bool first = true;

	if (!record->u.fields) {
		strbuf_addstr(writer->out, "null");
		return true;
	}
	strbuf_addch(writer->out, '{');
	writer->depth++;
	for (size_t i = 0; i < type->field_count; i++) {
		if (type->fields[i].late)
			continue;
		write_name(writer, first, type->fields[i].name, strlen(type->fields[i].name));
		first = false;
		if (!write_value(writer, record->u.fields[i]))
			return false;
	}
	writer->depth--;
	new_line(writer);
	strbuf_addch(writer->out, '}');
	return true;
}

static bool write_value(struct writer *writer, const struct tmpl_value *value)
{
	if (writer->depth > DEPTH_MAX) {
		strbuf_addstr(writer->message, "json: unsupported value: nested too deeply");
		return false;
	}
	if (writer->out->len > LIMIT_TEMPLATE_OUTPUT) {
		strbuf_addstr(writer->message, "json: unsupported value: too large");
		return false;
	}
	switch (value->type->kind) {
	case TMPL_NIL:
		strbuf_addstr(writer->out, "null");
		return true;
	case TMPL_BOOL:
		strbuf_addstr(writer->out, value->u.boolean ? "true" : "false");
		return true;
	case TMPL_INT:
		strbuf_addf(writer->out, "%lld", (long long)value->u.integer);
		return true;
	case TMPL_UINT:
		strbuf_addf(writer->out, "%llu", (unsigned long long)value->u.uinteger);
		return true;
	case TMPL_FLOAT:
		return write_float(writer, value->u.real);
	case TMPL_STRING:
		write_string(writer, value->u.string.text, value->u.string.len);
		return true;
	case TMPL_LIST:
		return write_list(writer, value);
	case TMPL_MAP:
		return write_map(writer, value);
	case TMPL_RECORD:
		return write_record(writer, value);
	case TMPL_TIME:
		strbuf_addch(writer->out, '"');
		moment_format(writer->out, MOMENT_RFC3339_NANO, value);
		strbuf_addch(writer->out, '"');
		return true;
	case TMPL_SCRATCH:
		strbuf_addstr(writer->out, "{}");
		return true;
	case TMPL_COMPLEX:
	case TMPL_STREAM:
		break;
	}
	strbuf_addf(writer->message, "json: unsupported type: %s", value->type->name);
	return false;
}

bool go_json_print(struct strbuf *out, const struct tmpl_value *value, bool pretty,
		   bool escape_html, struct strbuf *message)
{
	struct writer writer = { out, message, pretty, escape_html, 0 };

	return write_value(&writer, value);
}
