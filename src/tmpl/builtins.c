/* The functions of Go's own template package. */
#include <inttypes.h>
#include <math.h>
#include <string.h>

#include "binnacle/base/text.h"
#include "format.h"
#include "funcs.h"
#include "unicode.h"

static bool is_list(const struct tmpl_value *value)
{
	return value->type->kind == TMPL_LIST;
}

static bool is_nothing(const struct tmpl_value *value)
{
	return value->type->kind == TMPL_NIL;
}

/* and and or are evaluated in eval.c, which knows the arguments before they are values. */
static const struct tmpl_value *builtin_and(struct call *call)
{
	return call->args[0];
}

static const struct tmpl_value *builtin_or(struct call *call)
{
	return call->args[0];
}

bool func_is_and(const struct tmpl_func *func)
{
	return func->run == builtin_and;
}

bool func_is_or(const struct tmpl_func *func)
{
	return func->run == builtin_or;
}

static const struct tmpl_value *builtin_not(struct call *call)
{
	return tmpl_bool(!tmpl_is_true(call->args[0]));
}

/* Comparison. Kinds compare with themselves, and int with uint by value. */

static bool is_basic(const struct tmpl_value *value)
{
	return value->type->kind >= TMPL_BOOL && value->type->kind <= TMPL_STRING;
}

static bool are_whole(const struct tmpl_value *a, const struct tmpl_value *b)
{
	return (a->type->kind == TMPL_INT || a->type->kind == TMPL_UINT) &&
	       (b->type->kind == TMPL_INT || b->type->kind == TMPL_UINT);
}

static int compare_whole(const struct tmpl_value *a, const struct tmpl_value *b)
{
	bool a_negative = a->type->kind == TMPL_INT && a->u.integer < 0;
	bool b_negative = b->type->kind == TMPL_INT && b->u.integer < 0;
	uint64_t a_bits = a->type->kind == TMPL_INT ? (uint64_t)a->u.integer : a->u.uinteger;
	uint64_t b_bits = b->type->kind == TMPL_INT ? (uint64_t)b->u.integer : b->u.uinteger;

	if (a_negative != b_negative)
		return a_negative ? -1 : 1;
	return (a_bits > b_bits) - (a_bits < b_bits);
}

static bool equal_basic(const struct tmpl_value *a, const struct tmpl_value *b)
{
	switch (a->type->kind) {
	case TMPL_BOOL:
		return a->u.boolean == b->u.boolean;
	case TMPL_FLOAT:
		return a->u.real == b->u.real;
	case TMPL_COMPLEX:
		return a->u.complex.re == b->u.complex.re && a->u.complex.im == b->u.complex.im;
	default:
		return tmpl_compare_strings(a, b) == 0;
	}
}

/* Go's reflect.Kind, as far as comparing nils and pointers needs it. */
enum shape { SHAPE_NONE, SHAPE_POINTER, SHAPE_STRUCT, SHAPE_LIST, SHAPE_MAP, SHAPE_CHANNEL };

static enum shape shape_of(const struct tmpl_value *value)
{
	switch (value->type->kind) {
	case TMPL_RECORD:
		return value->type->pointer ? SHAPE_POINTER : SHAPE_STRUCT;
	case TMPL_TIME:
		return SHAPE_STRUCT;
	case TMPL_SCRATCH:
		return SHAPE_POINTER;
	case TMPL_LIST:
		return SHAPE_LIST;
	case TMPL_MAP:
		return SHAPE_MAP;
	case TMPL_STREAM:
		return SHAPE_CHANNEL;
	default:
		return SHAPE_NONE;
	}
}

static bool is_null(const struct tmpl_value *value)
{
	switch (value->type->kind) {
	case TMPL_LIST:
		return value->u.list.null;
	case TMPL_MAP:
		return value->u.map.null;
	default:
		return tmpl_is_nil(value);
	}
}

/* Go prints the offending value and its type. */
static bool fail_comparable(struct call *call, const char *format, const struct tmpl_value *first,
			    const struct tmpl_value *second)
{
	const struct tmpl_value *args[] = { first, first, second, second };
	struct strbuf shown = STRBUF_INIT;

	format_printf(&shown, format, strlen(format), args, second ? 4 : 2);
	call_fail(call, "%s", shown.buf);
	strbuf_release(&shown);
	return false;
}

static bool same_record(const struct tmpl_value *a, const struct tmpl_value *b)
{
	if (a->type != b->type)
		return false;
	if (a->type->kind == TMPL_TIME)
		return a->u.time.seconds == b->u.time.seconds &&
		       a->u.time.nanoseconds == b->u.time.nanoseconds;
	if (a->type->kind == TMPL_STREAM)
		return a->u.stream == b->u.stream;
	if (a->type->kind == TMPL_SCRATCH || a->type->pointer)
		return a->u.fields == b->u.fields;
	for (size_t i = 0; i < a->type->field_count; i++) {
		const struct tmpl_value *one = a->u.fields[i], *other = b->u.fields[i];

		if (are_whole(one, other) ? compare_whole(one, other) != 0
					  : !equal_basic(one, other))
			return false;
	}
	return true;
}

/* Neither is basic, or one is. False: failed. */
static bool equal_others(struct call *call, const struct tmpl_value *a, const struct tmpl_value *b,
			 bool *same)
{
	if (!is_nothing(a) && !is_nothing(b) && shape_of(a) != shape_of(b))
		return fail_comparable(call, "non-comparable types %s: %[2]T, %[3]T: %[3]v", a, b);
	if (is_null(a) || is_null(b)) {
		*same = is_null(a) && is_null(b);
		return true;
	}
	if (shape_of(b) == SHAPE_LIST || shape_of(b) == SHAPE_MAP)
		return fail_comparable(call, "non-comparable type %s: %T", b, NULL);
	*same = same_record(a, b);
	return true;
}

/* False: failed. */
static bool equal(struct call *call, const struct tmpl_value *a, const struct tmpl_value *b,
		  bool *same)
{
	*same = false;
	if (are_whole(a, b)) {
		*same = compare_whole(a, b) == 0;
	} else if (is_basic(a) || is_basic(b)) {
		if (a->type->kind == b->type->kind) {
			*same = equal_basic(a, b);
		} else if (!is_nothing(a) && !is_nothing(b)) {
			call_fail(call, "incompatible types for comparison");
			return false;
		}
	} else {
		return equal_others(call, a, b, same);
	}
	return true;
}

static const struct tmpl_value *builtin_eq(struct call *call)
{
	if (call->count == 1)
		return call_fail(call, "missing argument for comparison");
	for (size_t i = 1; i < call->count; i++) {
		bool same;

		if (!equal(call, call->args[0], call->args[i], &same))
			return NULL;
		if (same)
			return tmpl_bool(true);
	}
	return tmpl_bool(false);
}

static const struct tmpl_value *builtin_ne(struct call *call)
{
	bool same;

	if (!equal(call, call->args[0], call->args[1], &same))
		return NULL;
	return tmpl_bool(!same);
}

static bool less(struct call *call, const struct tmpl_value *a, const struct tmpl_value *b,
		 bool *is_less)
{
	*is_less = false;
	if (are_whole(a, b)) {
		*is_less = compare_whole(a, b) < 0;
	} else if (!is_basic(a) || !is_basic(b)) {
		call_fail(call, "invalid type for comparison");
		return false;
	} else if (a->type->kind != b->type->kind) {
		call_fail(call, "incompatible types for comparison");
		return false;
	} else if (a->type->kind == TMPL_BOOL || a->type->kind == TMPL_COMPLEX) {
		call_fail(call, "invalid type for comparison");
		return false;
	} else if (a->type->kind == TMPL_FLOAT) {
		*is_less = a->u.real < b->u.real;
	} else {
		*is_less = tmpl_compare_strings(a, b) < 0;
	}
	return true;
}

static const struct tmpl_value *builtin_lt(struct call *call)
{
	bool is_less;

	return less(call, call->args[0], call->args[1], &is_less) ? tmpl_bool(is_less) : NULL;
}

static const struct tmpl_value *builtin_le(struct call *call)
{
	bool is_less, same;

	if (!less(call, call->args[0], call->args[1], &is_less))
		return NULL;
	if (is_less)
		return tmpl_bool(true);
	return equal(call, call->args[0], call->args[1], &same) ? tmpl_bool(same) : NULL;
}

static const struct tmpl_value *builtin_gt(struct call *call)
{
	const struct tmpl_value *below = builtin_le(call);

	return below ? tmpl_bool(!below->u.boolean) : NULL;
}

static const struct tmpl_value *builtin_ge(struct call *call)
{
	const struct tmpl_value *below = builtin_lt(call);

	return below ? tmpl_bool(!below->u.boolean) : NULL;
}

/* An index below `cap`; Go allows the length itself here and fails later. */
static bool take_index(struct call *call, const struct tmpl_value *value, size_t cap, size_t *index)
{
	int64_t wanted;

	switch (value->type->kind) {
	case TMPL_INT:
		wanted = value->u.integer;
		break;
	case TMPL_UINT:
		wanted = (int64_t)value->u.uinteger;
		break;
	case TMPL_NIL:
		call_fail(call, "cannot index slice/array with nil");
		return false;
	default:
		call_fail(call, "cannot index slice/array with type %s", value->type->name);
		return false;
	}
	if (wanted < 0 || (uint64_t)wanted > cap) {
		call_fail(call, "index out of range: %" PRId64, wanted);
		return false;
	}
	*index = (size_t)wanted;
	return true;
}

static const struct tmpl_value *index_one(struct call *call, const struct tmpl_value *item,
					  const struct tmpl_value *by)
{
	const struct tmpl_value *found;
	struct tmpl_value *byte;
	size_t at;

	switch (item->type->kind) {
	case TMPL_NIL:
		return call_fail(call, "index of nil pointer");
	case TMPL_STRING:
		if (!take_index(call, by, item->u.string.len, &at))
			return NULL;
		if (at == item->u.string.len)
			return call_fail(call, "reflect: string index out of range");
		byte = arena_alloc(call->arena, sizeof(*byte));
		byte->type = &tmpl_type_uint8;
		byte->u.uinteger = (unsigned char)item->u.string.text[at];
		return byte;
	case TMPL_LIST:
		if (!take_index(call, by, item->u.list.count, &at))
			return NULL;
		if (at == item->u.list.count)
			return call_fail(call, "reflect: slice index out of range");
		return item->u.list.items[at];
	case TMPL_MAP:
		if (is_nothing(by))
			return call_fail(call, "value is nil; should be of type %s",
					 item->type == &tmpl_type_health_service_port_map
						 ? "int"
						 : "string");
		if (item->type == &tmpl_type_health_service_port_map) {
			if (by->type->kind != TMPL_INT && by->type->kind != TMPL_UINT)
				return call_fail(call, "value has type %s; should be int",
						 by->type->name);
			by = tmpl_int(call->arena, by->type->kind == TMPL_INT
							   ? by->u.integer
							   : (int64_t)by->u.uinteger);
		} else if (by->type != &tmpl_type_string) {
			return call_fail(call, "value has type %s; should be string",
					 by->type->name);
		}
		found = tmpl_map_get_value(item, by);
		return found ? found : tmpl_zero(call->arena, item->type->elem);
	case TMPL_RECORD:
		if (tmpl_is_nil(item))
			return call_fail(call, "index of nil pointer");
		return call_fail(call, "can't index item of type %s",
				 item->type->name + item->type->pointer);
	default:
		return call_fail(call, "can't index item of type %s", item->type->name);
	}
}

static const struct tmpl_value *builtin_index(struct call *call)
{
	const struct tmpl_value *item = call->args[0];

	if (is_nothing(item))
		return call_fail(call, "index of untyped nil");
	for (size_t i = 1; i < call->count && item; i++)
		item = index_one(call, item, call->args[i]);
	return item;
}

static const struct tmpl_value *builtin_slice(struct call *call)
{
	const struct tmpl_value *item = call->args[0];
	size_t cut[3] = { 0, 0, 0 }, count = call->count - 1, len;
	struct tmpl_value *part;

	if (is_nothing(item))
		return call_fail(call, "slice of untyped nil");
	if (count > 3)
		return call_fail(call, "too many slice indexes: %zu", count);
	if (item->type->kind == TMPL_STRING && count == 3)
		return call_fail(call, "cannot 3-index slice a string");
	if (item->type->kind != TMPL_STRING && !is_list(item))
		return call_fail(call, "can't slice item of type %s", item->type->name);
	len = is_list(item) ? item->u.list.count : item->u.string.len;
	cut[1] = len;
	for (size_t i = 0; i < count; i++)
		if (!take_index(call, call->args[i + 1], len, &cut[i]))
			return NULL;
	if (cut[0] > cut[1])
		return call_fail(call, "invalid slice index: %zu > %zu", cut[0], cut[1]);
	if (count == 3 && cut[1] > cut[2])
		return call_fail(call, "invalid slice index: %zu > %zu", cut[1], cut[2]);
	if (!is_list(item))
		return tmpl_string(call->arena, item->u.string.text + cut[0], cut[1] - cut[0]);
	part = tmpl_list_new(call->arena, item->type);
	for (size_t i = cut[0]; i < cut[1]; i++)
		tmpl_list_add(call->arena, part, item->u.list.items[i]);
	return part;
}

static const struct tmpl_value *builtin_len(struct call *call)
{
	const struct tmpl_value *item = call->args[0];

	switch (item->type->kind) {
	case TMPL_NIL:
		return call_fail(call,
				 call->boxed ? "len of nil pointer"
					     : "reflect: call of reflect.Value.Type on zero Value");
	case TMPL_STRING:
		return tmpl_int(call->arena, (int64_t)item->u.string.len);
	case TMPL_LIST:
		return tmpl_int(call->arena, (int64_t)item->u.list.count);
	case TMPL_MAP:
		return tmpl_int(call->arena, (int64_t)item->u.map.count);
	case TMPL_STREAM:
		return tmpl_int(call->arena, 0);
	case TMPL_RECORD:
		if (tmpl_is_nil(item))
			return call_fail(call, "len of nil pointer");
		return call_fail(call, "len of type %s", item->type->name + item->type->pointer);
	case TMPL_SCRATCH:
		return call_fail(call, "len of type %s", item->type->name + 1);
	default:
		return call_fail(call, "len of type %s", item->type->name);
	}
}

static const struct tmpl_value *builtin_call(struct call *call)
{
	if (is_nothing(call->args[0]))
		return call_fail(call, "call of nil");
	return call_fail(call, "non-function of type %s", call->args[0]->type->name);
}

static const struct tmpl_value *builtin_print(struct call *call)
{
	struct strbuf out = STRBUF_INIT;

	format_print(&out, call->args, call->count);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *builtin_println(struct call *call)
{
	struct strbuf out = STRBUF_INIT;

	format_println(&out, call->args, call->count);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *builtin_printf(struct call *call)
{
	struct strbuf out = STRBUF_INIT;

	format_printf(&out, arg_str(call, 0), arg_len(call, 0), call->args + 1, call->count - 1);
	return tmpl_string_from(call->arena, &out);
}

/* The arguments as print joins them, with actions' own form of nil and of pointers. */
static void join_printable(struct call *call, struct strbuf *out)
{
	for (size_t i = 0; i < call->count; i++) {
		enum tmpl_kind kind = call->args[i]->type->kind;
		bool is_text = kind == TMPL_STRING || kind == TMPL_NIL;
		bool was_text = i && (call->args[i - 1]->type->kind == TMPL_STRING ||
				      call->args[i - 1]->type->kind == TMPL_NIL);

		if (i && !is_text && !was_text)
			strbuf_addch(out, ' ');
		format_action(out, call->args[i]);
	}
}

static const struct tmpl_value *builtin_html(struct call *call)
{
	struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;

	join_printable(call, &text);
	for (size_t i = 0; i < text.len; i++) {
		switch (text.buf[i]) {
		case '"':
			strbuf_addstr(&out, "&#34;");
			break;
		case '\'':
			strbuf_addstr(&out, "&#39;");
			break;
		case '&':
			strbuf_addstr(&out, "&amp;");
			break;
		case '<':
			strbuf_addstr(&out, "&lt;");
			break;
		case '>':
			strbuf_addstr(&out, "&gt;");
			break;
		case '\0':
			strbuf_addstr(&out, "\xef\xbf\xbd");
			break;
		default:
			strbuf_addch(&out, text.buf[i]);
			break;
		}
	}
	strbuf_release(&text);
	return tmpl_string_from(call->arena, &out);
}

static void add_js(struct strbuf *out, uint32_t c)
{
	if (c == '\\' || c == '\'' || c == '"') {
		strbuf_addch(out, '\\');
		strbuf_addch(out, (char)c);
	} else if (c < 0x20 || c == '<' || c == '>' || c == '&' || c == '=') {
		strbuf_addf(out, "\\u%04X", (unsigned)c);
	} else if (c < 0x80 || unicode_is_print(c)) {
		text_encode(out, c);
	} else {
		strbuf_addf(out, "\\u%04X", (unsigned)c);
	}
}

static const struct tmpl_value *builtin_js(struct call *call)
{
	struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;

	join_printable(call, &text);
	for (size_t at = 0; at < text.len;) {
		uint32_t c;

		size_t used = text_decode(text.buf + at, text.len - at, &c);

		/* Go takes a stray byte for U+FFFD, which is printable, and so copies it. */
		if (c == TEXT_INVALID)
			strbuf_add(&out, text.buf + at, used);
		else
			add_js(&out, c);
		at += used;
	}
	strbuf_release(&text);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *builtin_urlquery(struct call *call)
{
	struct strbuf text = STRBUF_INIT, out = STRBUF_INIT;

	join_printable(call, &text);
	for (size_t i = 0; i < text.len; i++) {
		unsigned char c = (unsigned char)text.buf[i];
		bool is_letter = (c | 0x20) >= 'a' && (c | 0x20) <= 'z';

		if (is_letter || (c >= '0' && c <= '9') || (c && strchr("-_.~", c)))
			strbuf_addch(&out, (char)c);
		else if (c == ' ')
			strbuf_addch(&out, '+');
		else
			strbuf_addf(&out, "%%%02X", c);
	}
	strbuf_release(&text);
	return tmpl_string_from(call->arena, &out);
}

const struct tmpl_func builtin_funcs[] = {
	{ "and", "aa*", builtin_and },
	{ "or", "aa*", builtin_or },
	{ "not", "a", builtin_not },
	{ "eq", "aa*", builtin_eq },
	{ "ne", "aa", builtin_ne },
	{ "lt", "aa", builtin_lt },
	{ "le", "aa", builtin_le },
	{ "gt", "aa", builtin_gt },
	{ "ge", "aa", builtin_ge },
	{ "index", "aa*", builtin_index },
	{ "slice", "aa*", builtin_slice },
	{ "len", "a", builtin_len },
	{ "call", "aa*", builtin_call },
	{ "print", "a*", builtin_print },
	{ "println", "a*", builtin_println },
	{ "printf", "sa*", builtin_printf },
	{ "html", "a*", builtin_html },
	{ "js", "a*", builtin_js },
	{ "urlquery", "a*", builtin_urlquery },
	{ NULL, NULL, NULL },
};
