/* The functions that show a value with its types: for those who write templates. Addresses of
 * pointers are left out, because they differ from run to run. */
#include <string.h>

#include "binnacle/base/limits.h"
#include "format.h"
#include "funcs.h"
#include "unicode.h"

#define DEPTH_MAX 200

/* As far as it can be known, Go's cap: what was appended to grows in powers of two. */
static size_t capacity_of(const struct tmpl_value *list)
{
	size_t capacity = 1;

	if (list->type != &tmpl_type_list)
		return list->u.list.count;
	while (capacity < list->u.list.count)
		capacity *= 2;
	return list->u.list.count ? capacity : 0;
}

static void add_indent(struct strbuf *out, int depth)
{
	strbuf_addchars(out, ' ', (size_t)depth);
}

static void add_length(struct strbuf *out, const struct tmpl_value *value)
{
	switch (value->type->kind) {
	case TMPL_STRING:
		if (value->u.string.len)
			strbuf_addf(out, "(len=%zu) ", value->u.string.len);
		break;
	case TMPL_MAP:
		if (value->u.map.count)
			strbuf_addf(out, "(len=%zu) ", value->u.map.count);
		break;
	case TMPL_LIST:
		if (value->u.list.count)
			strbuf_addf(out, "(len=%zu cap=%zu) ", value->u.list.count,
				    capacity_of(value));
		break;
	default:
		break;
	}
}

static void dump(struct strbuf *out, const struct tmpl_value *value, int depth, bool indents);

/* "{", a line for each element, "}". */
static void dump_list(struct strbuf *out, const struct tmpl_value *list, int depth)
{
	for (size_t i = 0; i < list->u.list.count; i++) {
		dump(out, list->u.list.items[i], depth, true);
		strbuf_addstr(out, i + 1 < list->u.list.count ? ",\n" : "\n");
	}
}

static void dump_map(struct strbuf *out, const struct tmpl_value *map, int depth)
{
	for (size_t i = 0; i < map->u.map.count; i++) {
		dump(out, map->u.map.pairs[i].key, depth, true);
		strbuf_addstr(out, ": ");
		dump(out, map->u.map.pairs[i].value, depth, false);
		strbuf_addstr(out, i + 1 < map->u.map.count ? ",\n" : "\n");
	}
}

static void dump_fields(struct strbuf *out, const struct tmpl_value *record, int depth)
{
	const struct tmpl_type *type = record->type;

	for (size_t i = 0; i < type->field_count; i++) {
		if (type->fields[i].late)
			continue;
		add_indent(out, depth);
		strbuf_addf(out, "%s: ", type->fields[i].name);
		dump(out, record->u.fields[i], depth, false);
		strbuf_addstr(out, i + 1 < type->field_count ? ",\n" : "\n");
	}
}

static void dump_content(struct strbuf *out, const struct tmpl_value *value, int depth)
{
	bool is_null = value->type->kind == TMPL_LIST  ? value->u.list.null
		       : value->type->kind == TMPL_MAP ? value->u.map.null
						       : false;

	if (is_null) {
		strbuf_addstr(out, "<nil>");
		return;
	}
	switch (value->type->kind) {
	case TMPL_STRING:
		unicode_quote(out, value->u.string.text, value->u.string.len, '"', false);
		return;
	case TMPL_LIST:
	case TMPL_MAP:
	case TMPL_RECORD:
		break;
	default:
		format_value(out, value);
		return;
	}
	strbuf_addstr(out, "{\n");
	if (value->type->kind == TMPL_LIST)
		dump_list(out, value, depth + 1);
	else if (value->type->kind == TMPL_MAP)
		dump_map(out, value, depth + 1);
	else
		dump_fields(out, value, depth + 1);
	add_indent(out, depth);
	strbuf_addch(out, '}');
}

static void dump(struct strbuf *out, const struct tmpl_value *value, int depth, bool indents)
{
	if (depth > DEPTH_MAX || out->len > LIMIT_TEMPLATE_OUTPUT)
		return;
	if (indents)
		add_indent(out, depth);
	strbuf_addf(out, "(%s)", value->type->name);
	if (value->type->kind == TMPL_RECORD && value->type->pointer) {
		strbuf_addch(out, '(');
		if (value->u.fields)
			dump_content(out, value, depth);
		else
			strbuf_addstr(out, "<nil>");
		strbuf_addch(out, ')');
		return;
	}
	strbuf_addch(out, ' ');
	add_length(out, value);
	if (value->type->kind == TMPL_NIL)
		strbuf_addstr(out, "<nil>");
	else
		dump_content(out, value, depth);
}

static void dump_all(struct call *call, struct strbuf *out)
{
	for (size_t i = 0; i < call->count; i++) {
		dump(out, call->args[i], 0, true);
		strbuf_addch(out, '\n');
	}
}

/* What %v is here: in one line, with types when `typed`. */
struct line {
	struct strbuf *out;
	bool typed, named;
};

/* `is_any`: it stands where any value could, so that its type is news. */
static void add_line(struct line *line, const struct tmpl_value *value, bool is_any, int depth);

static void add_pairs(struct line *line, const struct tmpl_value *map, int depth)
{
	bool is_any = map->type->elem->kind == TMPL_NIL;

	strbuf_addstr(line->out, "map[");
	for (size_t i = 0; i < map->u.map.count; i++) {
		strbuf_addstr(line->out, i ? " " : "");
		add_line(line, map->u.map.pairs[i].key, false, depth + 1);
		strbuf_addch(line->out, ':');
		add_line(line, map->u.map.pairs[i].value, is_any, depth + 1);
	}
	strbuf_addch(line->out, ']');
}

static void add_items(struct line *line, const struct tmpl_value *list, int depth)
{
	bool is_any = list->type->elem->kind == TMPL_NIL;

	strbuf_addch(line->out, '[');
	for (size_t i = 0; i < list->u.list.count; i++) {
		strbuf_addstr(line->out, i ? " " : "");
		add_line(line, list->u.list.items[i], is_any, depth + 1);
	}
	strbuf_addch(line->out, ']');
}

static void add_fields(struct line *line, const struct tmpl_value *record, int depth)
{
	const struct tmpl_type *type = record->type;
	bool first = true;

	strbuf_addch(line->out, '{');
	for (size_t i = 0; i < type->field_count; i++) {
		if (type->fields[i].late)
			continue;
		strbuf_addstr(line->out, first ? "" : " ");
		first = false;
		if (line->typed || line->named)
			strbuf_addf(line->out, "%s:", type->fields[i].name);
		add_line(line, record->u.fields[i], true, depth + 1);
	}
	strbuf_addch(line->out, '}');
}

static void add_line(struct line *line, const struct tmpl_value *value, bool is_any, int depth)
{
	const struct tmpl_type *type = value->type;
	bool is_pointer = type->kind == TMPL_RECORD && type->pointer;

	if (depth > DEPTH_MAX || line->out->len > LIMIT_TEMPLATE_OUTPUT)
		return;
	if (line->typed && is_any)
		strbuf_addf(line->out, "(%s)", type->name);
	else if (is_pointer && value->u.fields)
		strbuf_addstr(line->out, "<*>");
	if (type->kind == TMPL_NIL || (is_pointer && !value->u.fields) ||
	    (type->kind == TMPL_LIST && value->u.list.null) ||
	    (type->kind == TMPL_MAP && value->u.map.null))
		strbuf_addstr(line->out, "<nil>");
	else if (type->kind == TMPL_LIST)
		add_items(line, value, depth);
	else if (type->kind == TMPL_MAP)
		add_pairs(line, value, depth);
	else if (type->kind == TMPL_RECORD)
		add_fields(line, value, depth);
	else
		format_value(line->out, value);
}

/* Values for %v become texts, all others stay: printf does the rest. */
static void print_formatted(struct call *call, struct strbuf *out)
{
	const char *at = arg_str(call, 0), *end = at + arg_len(call, 0);
	size_t next = 1;
	struct strbuf format = STRBUF_INIT;
	const struct tmpl_value **args =
		arena_alloc(call->arena, (call->count + 1) * sizeof(*args));

	for (size_t i = 1; i < call->count; i++)
		args[i - 1] = call->args[i];
	while (at < end) {
		const char *start = at++;
		size_t flags;
		bool is_plain_v;

		if (*start != '%') {
			strbuf_addch(&format, *start);
			continue;
		}
		flags = strspn(at, "+#");
		is_plain_v = at[flags] == 'v' && next < call->count;
		if (is_plain_v) {
			struct strbuf text = STRBUF_INIT;
			struct line line = { &text, memchr(at, '#', flags) != NULL,
					     memchr(at, '+', flags) != NULL };

			add_line(&line, call->args[next], true, 0);
			args[next - 1] = tmpl_string_from(call->arena, &text);
			strbuf_addstr(&format, "%v");
			at += flags + 1;
			next++;
			continue;
		}
		strbuf_addch(&format, '%');
		while (at < end && strchr("+-# 0123456789.[]*", *at) && *at) {
			next += *at == '*';
			strbuf_addch(&format, *at++);
		}
		if (at < end) {
			next += *at != '%';
			strbuf_addch(&format, *at++);
		}
	}
	format_printf(out, format.buf, format.len, args, call->count - 1);
	strbuf_release(&format);
}

static const struct tmpl_value *show(struct call *call, struct strbuf *text)
{
	const struct tmpl_source *source = call_source(call);

	if (source->print)
		source->print(source->arg, text->buf, text->len);
	strbuf_release(text);
	return tmpl_str(call->arena, "");
}

static const struct tmpl_value *spew_sdump(struct call *call)
{
	struct strbuf out = STRBUF_INIT;

	dump_all(call, &out);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *spew_dump(struct call *call)
{
	struct strbuf out = STRBUF_INIT;

	dump_all(call, &out);
	return show(call, &out);
}

static const struct tmpl_value *spew_sprintf(struct call *call)
{
	struct strbuf out = STRBUF_INIT;

	print_formatted(call, &out);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *spew_printf(struct call *call)
{
	struct strbuf out = STRBUF_INIT;

	print_formatted(call, &out);
	return show(call, &out);
}

const struct tmpl_func spew_funcs[] = {
	{ "spew_dump", "a*", spew_dump },
	{ "spew_sdump", "a*", spew_sdump },
	{ "spew_printf", "sa*", spew_printf },
	{ "spew_sprintf", "sa*", spew_sprintf },
	{ NULL, NULL, NULL },
};
