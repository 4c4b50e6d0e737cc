/* toTOML: plain keys first, then tables, each a level deeper than its parent. */
#include <string.h>

#include "binnacle/base/limits.h"
#include "format.h"
#include "funcs.h"
#include "number.h"

struct writer {
	struct strbuf *out;
	const struct tmpl_value *keys[LIMIT_JSON_DEPTH]; /* of the tables around */
	size_t depth;
	const char *problem; /* NULL: none */
};

/* What TOML tells apart in an array. */
enum toml_kind {
	TOML_NONE,
	TOML_BOOL,
	TOML_INTEGER,
	TOML_FLOAT,
	TOML_STRING,
	TOML_ARRAY,
	TOML_TABLE
};

static enum toml_kind kind_of(const struct tmpl_value *value)
{
	switch (value->type->kind) {
	case TMPL_BOOL:
		return TOML_BOOL;
	case TMPL_INT:
	case TMPL_UINT:
		return TOML_INTEGER;
	case TMPL_FLOAT:
		return TOML_FLOAT;
	case TMPL_STRING:
		return TOML_STRING;
	case TMPL_LIST:
		return TOML_ARRAY;
	case TMPL_MAP:
		return TOML_TABLE;
	default:
		return TOML_NONE;
	}
}

static bool is_table_array(const struct tmpl_value *value)
{
	return value->type->kind == TMPL_LIST && value->u.list.count &&
	       kind_of(value->u.list.items[0]) == TOML_TABLE;
}

static void write_string(struct strbuf *out, const char *text, size_t len)
{
	strbuf_addch(out, '"');
	for (size_t i = 0; i < len; i++) {
		switch (text[i]) {
		case '\t':
			strbuf_addstr(out, "\\t");
			break;
		case '\n':
			strbuf_addstr(out, "\\n");
			break;
		case '\r':
			strbuf_addstr(out, "\\r");
			break;
		case '"':
			strbuf_addstr(out, "\\\"");
			break;
		case '\\':
			strbuf_addstr(out, "\\\\");
			break;
		default:
			strbuf_addch(out, text[i]);
			break;
		}
	}
	strbuf_addch(out, '"');
}

static void write_key(struct strbuf *out, const struct tmpl_value *key)
{
	bool bare = key->u.string.len > 0;

	for (size_t i = 0; i < key->u.string.len; i++) {
		char c = key->u.string.text[i];
		bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		bare = bare && (is_letter || (c >= '0' && c <= '9') || c == '_' || c == '-');
	}
	if (bare)
		strbuf_add(out, key->u.string.text, key->u.string.len);
	else
		write_string(out, key->u.string.text, key->u.string.len);
}

static bool fail(struct writer *writer, const char *problem)
{
	writer->problem = problem;
	return false;
}

static void new_line(struct writer *writer)
{
	if (writer->out->len)
		strbuf_addch(writer->out, '\n');
}

static bool write_element(struct writer *writer, const struct tmpl_value *value, size_t depth);

static bool write_array(struct writer *writer, const struct tmpl_value *list, size_t depth)
{
	strbuf_addch(writer->out, '[');
	for (size_t i = 0; i < list->u.list.count; i++) {
		const struct tmpl_value *item = list->u.list.items[i];

		if (item->type->kind == TMPL_NIL)
			return fail(writer, "toml: cannot encode array with nil element");
		if (kind_of(item) != kind_of(list->u.list.items[0]))
			return fail(writer, "toml: cannot encode array with mixed element types");
		if (kind_of(item) == TOML_TABLE)
			return fail(writer, "toml: TOML array element cannot contain a table");
		if (i)
			strbuf_addstr(writer->out, ", ");
		if (!write_element(writer, item, depth + 1))
			return false;
	}
	strbuf_addch(writer->out, ']');
	return true;
}

static bool write_element(struct writer *writer, const struct tmpl_value *value, size_t depth)
{
	size_t start = writer->out->len;

	if (depth > LIMIT_JSON_DEPTH)
		return fail(writer, "toml: nested too deeply");
	if (writer->out->len > LIMIT_TEMPLATE_OUTPUT)
		return fail(writer, "toml: too large");
	switch (kind_of(value)) {
	case TOML_STRING:
		write_string(writer->out, value->u.string.text, value->u.string.len);
		return true;
	case TOML_FLOAT:
		number_format_float(writer->out, value->u.real, 'f', -1);
		if (!strchr(writer->out->buf + start, '.'))
			strbuf_addstr(writer->out, ".0");
		return true;
	case TOML_BOOL:
	case TOML_INTEGER:
		format_value(writer->out, value);
		return true;
	case TOML_ARRAY:
		return write_array(writer, value, depth);
	default:
		return fail(writer, "toml: unsupported type");
	}
}

static bool write_table(struct writer *writer, const struct tmpl_value *map);

static void write_path(struct writer *writer, const char *open, const char *close)
{
	/* A blank line between tables of the first level. */
	if (writer->depth == 1)
		new_line(writer);
	strbuf_addchars(writer->out, ' ', (writer->depth - 1) * 2);
	strbuf_addstr(writer->out, open);
	for (size_t i = 0; i < writer->depth; i++) {
		if (i)
			strbuf_addch(writer->out, '.');
		write_key(writer->out, writer->keys[i]);
	}
	strbuf_addstr(writer->out, close);
	strbuf_addch(writer->out, '\n');
}

static bool write_sub_table(struct writer *writer, const struct tmpl_pair *pair)
{
	const struct tmpl_value *value = pair->value;
	bool fine = true;

	if (writer->depth == LIMIT_JSON_DEPTH)
		return fail(writer, "toml: nested too deeply");
	if (writer->out->len > LIMIT_TEMPLATE_OUTPUT)
		return fail(writer, "toml: too large");
	writer->keys[writer->depth++] = pair->key;
	if (value->type->kind == TMPL_MAP) {
		write_path(writer, "[", "]");
		fine = write_table(writer, value);
	} else {
		for (size_t i = 0; fine && i < value->u.list.count; i++) {
			const struct tmpl_value *item = value->u.list.items[i];

			if (kind_of(item) != TOML_TABLE)
				return fail(writer,
					    "toml: cannot encode array with mixed element types");
			if (writer->depth > 1)
				new_line(writer);
			write_path(writer, "[[", "]]");
			fine = write_table(writer, item);
		}
	}
	writer->depth--;
	return fine;
}

static bool write_table(struct writer *writer, const struct tmpl_value *map)
{
	for (size_t i = 0; i < map->u.map.count; i++) {
		const struct tmpl_pair *pair = &map->u.map.pairs[i];

		if (pair->value->type->kind == TMPL_NIL || pair->value->type->kind == TMPL_MAP ||
		    is_table_array(pair->value))
			continue;
		strbuf_addchars(writer->out, ' ', writer->depth * 2);
		write_key(writer->out, pair->key);
		strbuf_addstr(writer->out, " = ");
		if (!write_element(writer, pair->value, 0))
			return false;
		strbuf_addch(writer->out, '\n');
	}
	for (size_t i = 0; i < map->u.map.count; i++) {
		const struct tmpl_pair *pair = &map->u.map.pairs[i];

		if ((pair->value->type->kind == TMPL_MAP || is_table_array(pair->value)) &&
		    !write_sub_table(writer, pair))
			return false;
	}
	return true;
}

static const struct tmpl_value *toml_to_toml(struct call *call)
{
	struct strbuf out = STRBUF_INIT;
	struct writer writer = { .out = &out };

	if (!write_table(&writer, call->args[0])) {
		strbuf_release(&out);
		return call_fail(call, "toTOML: %s", writer.problem);
	}
	return call_trimmed(call, &out);
}

const struct tmpl_func toml_funcs[] = {
	{ "toTOML", "m", toml_to_toml },
	{ NULL, NULL, NULL },
};
