/* Functions named sprig_: those of the Sprig library that shape text, lists and numbers. Where
 * one does what a function without the prefix does, it is that function. */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/encode.h"
#include "binnacle/base/digest.h"
#include "binnacle/base/text.h"
#include "format.h"
#include "funcs.h"
#include "number.h"
#include "unicode.h"

#define UNTIL_MAX 1000000

static const struct tmpl_value *same_as(struct call *call, const char *name)
{
	return func_find(name, strlen(name))->run(call);
}

static const struct tmpl_value *sprig_trim(struct call *call)
{
	return same_as(call, "trimSpace");
}

static const struct tmpl_value *sprig_trim_all(struct call *call)
{
	return same_as(call, "trim");
}

static const struct tmpl_value *sprig_trim_prefix(struct call *call)
{
	return same_as(call, "trimPrefix");
}

static const struct tmpl_value *sprig_trim_suffix(struct call *call)
{
	return same_as(call, "trimSuffix");
}

static const struct tmpl_value *sprig_upper(struct call *call)
{
	return same_as(call, "toUpper");
}

static const struct tmpl_value *sprig_lower(struct call *call)
{
	return same_as(call, "toLower");
}

static const struct tmpl_value *sprig_title(struct call *call)
{
	return same_as(call, "toTitle");
}

static const struct tmpl_value *sprig_replace(struct call *call)
{
	return same_as(call, "replaceAll");
}

static const struct tmpl_value *sprig_base64_encode(struct call *call)
{
	return same_as(call, "base64Encode");
}

static const struct tmpl_value *sprig_to_json(struct call *call)
{
	return same_as(call, "toJSON");
}

/* Sprig gives back the message where others fail. */
static const struct tmpl_value *sprig_base64_decode(struct call *call)
{
	struct strbuf out = STRBUF_INIT;
	size_t bad;

	if (!base64_decode(&out, arg_str(call, 0), arg_len(call, 0), BASE64_STANDARD, &bad))
		strbuf_addf(&out, "illegal base64 data at input byte %zu", bad);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *sprig_sha256sum(struct call *call)
{
	char hex[DIGEST_HEX_BYTES];

	return tmpl_str(call->arena, digest_sha256_hex(arg_str(call, 0), arg_len(call, 0), hex));
}

static const struct tmpl_value *sprig_sha1sum(struct call *call)
{
	char hex[DIGEST_HEX_BYTES];

	return tmpl_str(call->arena, digest_sha1_hex(arg_str(call, 0), arg_len(call, 0), hex));
}

static const struct tmpl_value *sprig_repeat(struct call *call)
{
	int64_t count = call->args[0]->u.integer;
	size_t len = arg_len(call, 1);
	struct strbuf out = STRBUF_INIT;

	if (count < 0)
		return call_fail(call, "strings: negative Repeat count");
	if (len && !call_has_room(call, count > 1 << 28 ? SIZE_MAX : (size_t)count * len))
		return NULL;
	for (int64_t i = 0; len && i < count; i++)
		strbuf_add(&out, arg_str(call, 1), len);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *sprig_substr(struct call *call)
{
	int64_t start = call->args[0]->u.integer, end = call->args[1]->u.integer;
	int64_t len = (int64_t)arg_len(call, 2);

	if (start < 0)
		start = 0;
	else if (end < 0 || end > len)
		end = len;
	if (end < 0 || end > len || start > end)
		return call_fail(call, "runtime error: slice bounds out of range");
	return tmpl_string(call->arena, arg_str(call, 2) + start, (size_t)(end - start));
}

static const struct tmpl_value *sprig_trunc(struct call *call)
{
	int64_t count = call->args[0]->u.integer, len = (int64_t)arg_len(call, 1);

	if (count < 0 && len + count > 0)
		return tmpl_string(call->arena, arg_str(call, 1) + len + count, (size_t)-count);
	if (count >= 0 && len > count)
		return tmpl_string(call->arena, arg_str(call, 1), (size_t)count);
	return call->args[1];
}

static const struct tmpl_value *sprig_nospace(struct call *call)
{
	const char *text = arg_str(call, 0);
	size_t len = arg_len(call, 0);
	struct strbuf out = STRBUF_INIT;

	for (size_t at = 0; at < len;) {
		uint32_t c;
		size_t used = text_decode(text + at, len - at, &c);

		if (!unicode_is_space(c))
			strbuf_add(&out, text + at, used);
		at += used;
	}
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *sprig_contains(struct call *call)
{
	size_t len = arg_len(call, 0);

	return tmpl_bool(!len || memmem(arg_str(call, 1), arg_len(call, 1), arg_str(call, 0), len));
}

static const struct tmpl_value *sprig_has_prefix(struct call *call)
{
	size_t len = arg_len(call, 0);

	return tmpl_bool(len <= arg_len(call, 1) &&
			 memcmp(arg_str(call, 1), arg_str(call, 0), len) == 0);
}

static const struct tmpl_value *sprig_has_suffix(struct call *call)
{
	size_t len = arg_len(call, 0), whole = arg_len(call, 1);

	return tmpl_bool(len <= whole &&
			 memcmp(arg_str(call, 1) + whole - len, arg_str(call, 0), len) == 0);
}

/* Arguments but nil, each in a form, joined by blanks. */
static const struct tmpl_value *join_formatted(struct call *call, const char *quote)
{
	struct strbuf out = STRBUF_INIT, text = STRBUF_INIT;
	bool first = true;

	for (size_t i = 0; i < call->count; i++) {
		if (tmpl_is_nil(call->args[i]))
			continue;
		if (!first)
			strbuf_addch(&out, ' ');
		first = false;
		strbuf_reset(&text);
		format_value(&text, call->args[i]);
		if (*quote == '"') {
			unicode_quote(&out, text.buf, text.len, '"', false);
			continue;
		}
		strbuf_addstr(&out, quote);
		strbuf_add(&out, text.buf, text.len);
		strbuf_addstr(&out, quote);
	}
	strbuf_release(&text);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *sprig_quote(struct call *call)
{
	return join_formatted(call, "\"");
}

static const struct tmpl_value *sprig_squote(struct call *call)
{
	return join_formatted(call, "'");
}

static const struct tmpl_value *sprig_cat(struct call *call)
{
	return join_formatted(call, "");
}

static const struct tmpl_value *sprig_to_string(struct call *call)
{
	struct strbuf out = STRBUF_INIT;

	format_value(&out, call->args[0]);
	return tmpl_string_from(call->arena, &out);
}

/* Unlike indent, it pads empty lines too. */
static const struct tmpl_value *pad_lines(struct call *call, const char *before)
{
	int64_t spaces = call->args[0]->u.integer;
	size_t lines = 1;
	struct strbuf out = STRBUF_INIT;

	if (spaces < 0)
		return call_fail(call, "strings: negative Repeat count");
	for (size_t i = 0; i < arg_len(call, 1); i++)
		lines += arg_str(call, 1)[i] == '\n';
	if (!call_has_room(call, spaces > 1 << 24 ? SIZE_MAX : (size_t)spaces * lines))
		return NULL;
	strbuf_addstr(&out, before);
	strbuf_addchars(&out, ' ', (size_t)spaces);
	for (size_t i = 0; i < arg_len(call, 1); i++) {
		strbuf_addch(&out, arg_str(call, 1)[i]);
		if (arg_str(call, 1)[i] == '\n')
			strbuf_addchars(&out, ' ', (size_t)spaces);
	}
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *sprig_indent(struct call *call)
{
	return pad_lines(call, "");
}

static const struct tmpl_value *sprig_nindent(struct call *call)
{
	return pad_lines(call, "\n");
}

static bool expect_list(struct call *call, size_t index)
{
	if (call->args[index]->type->kind == TMPL_LIST)
		return true;
	call_fail(call, "Cannot find %s on type %s", call->func->name + strlen("sprig_"),
		  call->args[index]->type->name);
	return false;
}

static const struct tmpl_value *sprig_join(struct call *call)
{
	const struct tmpl_value *list = call->args[1];
	struct strbuf out = STRBUF_INIT;
	bool first = true;

	if (list->type->kind != TMPL_LIST) {
		format_value(&out, list);
		return tmpl_string_from(call->arena, &out);
	}
	if (!call_has_room(call, arg_len(call, 0) * list->u.list.count))
		return NULL;
	for (size_t i = 0; i < list->u.list.count; i++) {
		if (tmpl_is_nil(list->u.list.items[i]))
			continue;
		if (!first)
			strbuf_add(&out, arg_str(call, 0), arg_len(call, 0));
		first = false;
		format_value(&out, list->u.list.items[i]);
	}
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *sprig_split_list(struct call *call)
{
	struct tmpl_value *list = tmpl_list_new(call->arena, &tmpl_type_strings);
	const char *at = arg_str(call, 1), *end = at + arg_len(call, 1), *found;
	size_t len = arg_len(call, 0);

	while (len && (found = memmem(at, (size_t)(end - at), arg_str(call, 0), len))) {
		tmpl_list_add(call->arena, list,
			      tmpl_string(call->arena, at, (size_t)(found - at)));
		at = found + len;
	}
	if (len)
		tmpl_list_add(call->arena, list, tmpl_string(call->arena, at, (size_t)(end - at)));
	return list;
}

static int compare_texts(const void *a, const void *b)
{
	return tmpl_compare_strings(*(const struct tmpl_value *const *)a,
				    *(const struct tmpl_value *const *)b);
}

static const struct tmpl_value *sprig_sort_alpha(struct call *call)
{
	struct tmpl_value *sorted = tmpl_list_new(call->arena, &tmpl_type_strings);
	const struct tmpl_value *list = call->args[0];

	if (!expect_list(call, 0))
		return NULL;
	for (size_t i = 0; i < list->u.list.count; i++) {
		struct strbuf text = STRBUF_INIT;

		format_value(&text, list->u.list.items[i]);
		tmpl_list_add(call->arena, sorted, tmpl_string_from(call->arena, &text));
	}
	if (sorted->u.list.count)
		qsort(sorted->u.list.items, sorted->u.list.count, sizeof(*sorted->u.list.items),
		      compare_texts);
	return sorted;
}

static const struct tmpl_value *sprig_list(struct call *call)
{
	struct tmpl_value *list = tmpl_list_new(call->arena, &tmpl_type_list);

	for (size_t i = 0; i < call->count; i++)
		tmpl_list_add(call->arena, list, call->args[i]);
	return list;
}

static const struct tmpl_value *sprig_dict(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_map);

	for (size_t i = 0; i < call->count; i += 2) {
		struct strbuf key = STRBUF_INIT;

		format_value(&key, call->args[i]);
		tmpl_map_put(call->arena, map, tmpl_string_from(call->arena, &key),
			     i + 1 < call->count ? call->args[i + 1] : tmpl_str(call->arena, ""));
	}
	return map;
}

static const struct tmpl_value *sprig_get(struct call *call)
{
	const struct tmpl_value *found = tmpl_map_get_value(call->args[0], call->args[1]);

	return found ? found : tmpl_str(call->arena, "");
}

static const struct tmpl_value *sprig_has_key(struct call *call)
{
	return tmpl_bool(tmpl_map_get_value(call->args[0], call->args[1]) != NULL);
}

static const struct tmpl_value *sprig_first(struct call *call)
{
	if (!expect_list(call, 0))
		return NULL;
	return call->args[0]->u.list.count ? call->args[0]->u.list.items[0] : tmpl_nil();
}

static const struct tmpl_value *sprig_last(struct call *call)
{
	size_t count;

	if (!expect_list(call, 0))
		return NULL;
	count = call->args[0]->u.list.count;
	return count ? call->args[0]->u.list.items[count - 1] : tmpl_nil();
}

static const struct tmpl_value *part(struct call *call, size_t skip_first, size_t skip_last)
{
	struct tmpl_value *made = tmpl_list_new(call->arena, &tmpl_type_list);
	const struct tmpl_value *list = call->args[0];

	if (!expect_list(call, 0))
		return NULL;
	for (size_t i = skip_first; i + skip_last < list->u.list.count; i++)
		tmpl_list_add(call->arena, made, list->u.list.items[i]);
	return made;
}

static const struct tmpl_value *sprig_rest(struct call *call)
{
	return part(call, 1, 0);
}

static const struct tmpl_value *sprig_initial(struct call *call)
{
	return part(call, 0, 1);
}

static const struct tmpl_value *sprig_reverse(struct call *call)
{
	struct tmpl_value *made = tmpl_list_new(call->arena, &tmpl_type_list);

	if (!expect_list(call, 0))
		return NULL;
	for (size_t i = call->args[0]->u.list.count; i > 0; i--)
		tmpl_list_add(call->arena, made, call->args[0]->u.list.items[i - 1]);
	return made;
}

static const struct tmpl_value *sprig_default(struct call *call)
{
	return call->count > 1 && tmpl_is_true(call->args[1]) ? call->args[1] : call->args[0];
}

static const struct tmpl_value *sprig_empty(struct call *call)
{
	return tmpl_bool(!tmpl_is_true(call->args[0]));
}

static const struct tmpl_value *sprig_coalesce(struct call *call)
{
	for (size_t i = 0; i < call->count; i++)
		if (tmpl_is_true(call->args[i]))
			return call->args[i];
	return tmpl_nil();
}

static const struct tmpl_value *sprig_ternary(struct call *call)
{
	return call->args[2]->u.boolean ? call->args[0] : call->args[1];
}

/* Anything that looks like a number is one; all else is 0. */
static int64_t to_int64(const struct tmpl_value *value)
{
	int64_t number = 0;

	switch (value->type->kind) {
	case TMPL_INT:
		return value->u.integer;
	case TMPL_UINT:
		return (int64_t)value->u.uinteger;
	case TMPL_BOOL:
		return value->u.boolean;
	case TMPL_FLOAT:
		if (value->u.real > -9.2e18 && value->u.real < 9.2e18)
			return (int64_t)value->u.real;
		return 0;
	case TMPL_STRING:
		if (number_parse_int(value->u.string.text, value->u.string.len, 0, &number) !=
		    NUMBER_OK)
			return 0;
		return number;
	default:
		return 0;
	}
}

static const struct tmpl_value *sprig_int(struct call *call)
{
	return tmpl_int(call->arena, to_int64(call->args[0]));
}

static const struct tmpl_value *sprig_int64(struct call *call)
{
	return tmpl_int64(call->arena, to_int64(call->args[0]));
}

static const struct tmpl_value *sprig_add(struct call *call)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < call->count; i++)
		sum += (uint64_t)to_int64(call->args[i]);
	return tmpl_int64(call->arena, (int64_t)sum);
}

static const struct tmpl_value *sprig_add1(struct call *call)
{
	return tmpl_int64(call->arena, (int64_t)((uint64_t)to_int64(call->args[0]) + 1));
}

static const struct tmpl_value *sprig_sub(struct call *call)
{
	return tmpl_int64(call->arena, (int64_t)((uint64_t)to_int64(call->args[0]) -
						 (uint64_t)to_int64(call->args[1])));
}

static const struct tmpl_value *sprig_mul(struct call *call)
{
	uint64_t product = 1;

	for (size_t i = 0; i < call->count; i++)
		product *= (uint64_t)to_int64(call->args[i]);
	return tmpl_int64(call->arena, (int64_t)product);
}

static const struct tmpl_value *divide(struct call *call, bool remainder)
{
	int64_t a = to_int64(call->args[0]), b = to_int64(call->args[1]);

	if (b == 0)
		return call_fail(call, "runtime error: integer divide by zero");
	if (b == -1)
		return tmpl_int64(call->arena, remainder ? 0 : (int64_t)(0 - (uint64_t)a));
	return tmpl_int64(call->arena, remainder ? a % b : a / b);
}

static const struct tmpl_value *sprig_div(struct call *call)
{
	return divide(call, false);
}

static const struct tmpl_value *sprig_mod(struct call *call)
{
	return divide(call, true);
}

static const struct tmpl_value *sprig_until(struct call *call)
{
	struct tmpl_value *list = tmpl_list_new(call->arena, &tmpl_type_list);
	int64_t count = call->args[0]->u.integer, step = count < 0 ? -1 : 1;

	if (count > UNTIL_MAX || count < -UNTIL_MAX)
		return call_fail(call, "more than %d numbers", UNTIL_MAX);
	for (int64_t i = 0; i != count; i += step)
		tmpl_list_add(call->arena, list, tmpl_int(call->arena, i));
	return list;
}

const struct tmpl_func sprig_funcs[] = {
	{ "sprig_trim", "s", sprig_trim },
	{ "sprig_trimAll", "ss", sprig_trim_all },
	{ "sprig_trimPrefix", "ss", sprig_trim_prefix },
	{ "sprig_trimSuffix", "ss", sprig_trim_suffix },
	{ "sprig_upper", "s", sprig_upper },
	{ "sprig_lower", "s", sprig_lower },
	{ "sprig_title", "s", sprig_title },
	{ "sprig_replace", "sss", sprig_replace },
	{ "sprig_repeat", "is", sprig_repeat },
	{ "sprig_substr", "iis", sprig_substr },
	{ "sprig_trunc", "is", sprig_trunc },
	{ "sprig_nospace", "s", sprig_nospace },
	{ "sprig_contains", "ss", sprig_contains },
	{ "sprig_hasPrefix", "ss", sprig_has_prefix },
	{ "sprig_hasSuffix", "ss", sprig_has_suffix },
	{ "sprig_quote", "a*", sprig_quote },
	{ "sprig_squote", "a*", sprig_squote },
	{ "sprig_cat", "a*", sprig_cat },
	{ "sprig_toString", "a", sprig_to_string },
	{ "sprig_indent", "is", sprig_indent },
	{ "sprig_nindent", "is", sprig_nindent },
	{ "sprig_join", "sa", sprig_join },
	{ "sprig_splitList", "ss", sprig_split_list },
	{ "sprig_sortAlpha", "a", sprig_sort_alpha },
	{ "sprig_list", "a*", sprig_list },
	{ "sprig_dict", "a*", sprig_dict },
	{ "sprig_get", "ms", sprig_get },
	{ "sprig_hasKey", "ms", sprig_has_key },
	{ "sprig_first", "a", sprig_first },
	{ "sprig_last", "a", sprig_last },
	{ "sprig_rest", "a", sprig_rest },
	{ "sprig_initial", "a", sprig_initial },
	{ "sprig_reverse", "a", sprig_reverse },
	{ "sprig_default", "aa*", sprig_default },
	{ "sprig_empty", "a", sprig_empty },
	{ "sprig_coalesce", "a*", sprig_coalesce },
	{ "sprig_ternary", "aab", sprig_ternary },
	{ "sprig_int", "a", sprig_int },
	{ "sprig_int64", "a", sprig_int64 },
	{ "sprig_add", "a*", sprig_add },
	{ "sprig_add1", "a", sprig_add1 },
	{ "sprig_sub", "aa", sprig_sub },
	{ "sprig_mul", "aa*", sprig_mul },
	{ "sprig_div", "aa", sprig_div },
	{ "sprig_mod", "aa", sprig_mod },
	{ "sprig_until", "i", sprig_until },
	{ "sprig_b64enc", "s", sprig_base64_encode },
	{ "sprig_b64dec", "s", sprig_base64_decode },
	{ "sprig_sha256sum", "s", sprig_sha256sum },
	{ "sprig_sha1sum", "s", sprig_sha1sum },
	{ "sprig_toJson", "a", sprig_to_json },
	{ NULL, NULL, NULL },
};
