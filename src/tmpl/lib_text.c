/* Functions on strings. */
#include <string.h>

#include "binnacle/base/match.h"
#include "binnacle/base/text.h"
#include "funcs.h"
#include "unicode.h"

static const struct tmpl_value *map_case(struct call *call, uint32_t (*to)(uint32_t))
{
	const char *text = arg_str(call, 0);
	size_t len = arg_len(call, 0);
	struct strbuf out = STRBUF_INIT;

	strbuf_grow(&out, len);
	for (size_t at = 0; at < len;) {
		uint32_t c;

		at += text_decode(text + at, len - at, &c);
		text_encode(&out, c == TEXT_INVALID ? 0xfffd : to(c));
	}
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *text_to_lower(struct call *call)
{
	return map_case(call, unicode_lower);
}

static const struct tmpl_value *text_to_upper(struct call *call)
{
	return map_case(call, unicode_upper);
}

/* What Go's strings.Title takes for the end of a word. */
static bool is_separator(uint32_t c)
{
	if (c < 0x80)
		return !unicode_is_letter(c) && !unicode_is_digit(c) && c != '_';
	if (unicode_is_letter(c) || unicode_is_digit(c))
		return false;
	return unicode_is_space(c);
}

static const struct tmpl_value *text_to_title(struct call *call)
{
	const char *text = arg_str(call, 0);
	size_t len = arg_len(call, 0);
	struct strbuf out = STRBUF_INIT;
	uint32_t before = ' ';

	for (size_t at = 0; at < len;) {
		uint32_t c;

		at += text_decode(text + at, len - at, &c);
		if (c == TEXT_INVALID)
			c = 0xfffd;
		text_encode(&out, is_separator(before) ? unicode_title(c) : c);
		before = c;
	}
	return tmpl_string_from(call->arena, &out);
}

/* Cut leading and trailing code points that `cut` wants. */
static const struct tmpl_value *trim(struct call *call, const char *text, size_t len,
				     bool (*cut)(uint32_t, const void *), const void *arg)
{
	size_t start = 0, end = len, back;
	uint32_t c;

	while (start < end) {
		size_t used = text_decode(text + start, end - start, &c);

		if (!cut(c == TEXT_INVALID ? 0xfffd : c, arg))
			break;
		start += used;
	}
	while (end > start) {
		back = end - 1;
		while (back > start && end - back < 4 && ((unsigned char)text[back] & 0xc0) == 0x80)
			back--;
		if (back + text_decode(text + back, end - back, &c) != end) {
			back = end - 1;
			c = 0xfffd;
		}
		if (!cut(c == TEXT_INVALID ? 0xfffd : c, arg))
			break;
		end = back;
	}
	return tmpl_string(call->arena, text + start, end - start);
}

static bool cut_space(uint32_t c, const void *arg)
{
	(void)arg;
	return unicode_is_space(c);
}

static bool cut_set(uint32_t c, const void *arg)
{
	const struct tmpl_value *set = arg;
	size_t len = set->u.string.len;
	uint32_t member;

	for (size_t at = 0; at < len;) {
		at += text_decode(set->u.string.text + at, len - at, &member);
		if (member == c)
			return true;
	}
	return false;
}

static const struct tmpl_value *text_trim_space(struct call *call)
{
	return trim(call, arg_str(call, 0), arg_len(call, 0), cut_space, NULL);
}

const struct tmpl_value *call_trimmed(struct call *call, struct strbuf *text)
{
	const struct tmpl_value *value = trim(call, text->buf, text->len, cut_space, NULL);

	strbuf_release(text);
	return value;
}

static const struct tmpl_value *text_trim(struct call *call)
{
	return trim(call, arg_str(call, 1), arg_len(call, 1), cut_set, call->args[0]);
}

static const struct tmpl_value *text_trim_prefix(struct call *call)
{
	size_t len = arg_len(call, 0), whole = arg_len(call, 1);

	if (len > whole || memcmp(arg_str(call, 1), arg_str(call, 0), len) != 0)
		return call->args[1];
	return tmpl_string(call->arena, arg_str(call, 1) + len, whole - len);
}

static const struct tmpl_value *text_trim_suffix(struct call *call)
{
	size_t len = arg_len(call, 0), whole = arg_len(call, 1);

	if (len > whole || memcmp(arg_str(call, 1) + whole - len, arg_str(call, 0), len) != 0)
		return call->args[1];
	return tmpl_string(call->arena, arg_str(call, 1), whole - len);
}

static const struct tmpl_value *text_split(struct call *call)
{
	const struct tmpl_value *trimmed =
		trim(call, arg_str(call, 1), arg_len(call, 1), cut_space, NULL);
	const char *at = trimmed->u.string.text, *end = at + trimmed->u.string.len, *found;
	struct tmpl_value *list = tmpl_list_new(call->arena, &tmpl_type_strings);
	size_t len = arg_len(call, 0);

	if (at == end)
		return list;
	if (!len) {
		while (at < end) {
			uint32_t c;
			size_t used = text_decode(at, (size_t)(end - at), &c);

			tmpl_list_add(call->arena, list, tmpl_string(call->arena, at, used));
			at += used;
		}
		return list;
	}
	while ((found = memmem(at, (size_t)(end - at), arg_str(call, 0), len))) {
		tmpl_list_add(call->arena, list,
			      tmpl_string(call->arena, at, (size_t)(found - at)));
		at = found + len;
	}
	tmpl_list_add(call->arena, list, tmpl_string(call->arena, at, (size_t)(end - at)));
	return list;
}

static const struct tmpl_value *text_join(struct call *call)
{
	const struct tmpl_value *list = call->args[1];
	struct strbuf out = STRBUF_INIT;
	size_t size = arg_len(call, 0) * list->u.list.count;

	for (size_t i = 0; i < list->u.list.count; i++)
		size += list->u.list.items[i]->u.string.len;
	if (!call_has_room(call, size))
		return NULL;
	for (size_t i = 0; i < list->u.list.count; i++) {
		const struct tmpl_value *item = list->u.list.items[i];

		if (i)
			strbuf_add(&out, arg_str(call, 0), arg_len(call, 0));
		strbuf_add(&out, item->u.string.text, item->u.string.len);
	}
	return tmpl_string_from(call->arena, &out);
}

static void replace_everywhere(struct call *call, struct strbuf *out)
{
	const char *at = arg_str(call, 2), *end = at + arg_len(call, 2);

	while (at < end) {
		uint32_t c;
		size_t used = text_decode(at, (size_t)(end - at), &c);

		strbuf_add(out, arg_str(call, 1), arg_len(call, 1));
		strbuf_add(out, at, used);
		at += used;
	}
	strbuf_add(out, arg_str(call, 1), arg_len(call, 1));
}

static const struct tmpl_value *text_replace_all(struct call *call)
{
	const char *at = arg_str(call, 2), *end = at + arg_len(call, 2), *found;
	size_t len = arg_len(call, 0), matches = arg_len(call, 2) / (len ? len : 1) + 1;
	struct strbuf out = STRBUF_INIT;

	if (arg_len(call, 1) > len &&
	    !call_has_room(call, arg_len(call, 2) + matches * arg_len(call, 1)))
		return NULL;
	if (!len) {
		replace_everywhere(call, &out);
		return tmpl_string_from(call->arena, &out);
	}
	while ((found = memmem(at, (size_t)(end - at), arg_str(call, 0), len))) {
		strbuf_add(&out, at, (size_t)(found - at));
		strbuf_add(&out, arg_str(call, 1), arg_len(call, 1));
		at = found + len;
	}
	strbuf_add(&out, at, (size_t)(end - at));
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *text_regex_match(struct call *call)
{
	struct err err = { 0 };
	struct regex *regex = regex_compile(arg_str(call, 0), arg_len(call, 0), &err);
	bool matches = false, fine;

	if (!regex)
		return call_fail(call, "%s", err.msg);
	fine = regex_match(regex, arg_str(call, 1), arg_len(call, 1), &matches, &err);
	regex_free(regex);
	return fine ? tmpl_bool(matches) : call_fail(call, "%s", err.msg);
}

static const struct tmpl_value *text_regex_replace_all(struct call *call)
{
	struct err err = { 0 };
	struct regex *regex = regex_compile(arg_str(call, 0), arg_len(call, 0), &err);
	struct strbuf out = STRBUF_INIT;
	bool fine;

	if (!regex)
		return call_fail(call, "%s", err.msg);
	fine = regex_replace_all(regex, arg_str(call, 2), arg_len(call, 2), arg_str(call, 1),
				 arg_len(call, 1), &out, &err);
	regex_free(regex);
	if (fine)
		return tmpl_string_from(call->arena, &out);
	strbuf_release(&out);
	return call_fail(call, "%s", err.msg);
}

static const struct tmpl_value *text_indent(struct call *call)
{
	int64_t spaces = call->args[0]->u.integer;
	const char *at = arg_str(call, 1), *end = at + arg_len(call, 1);
	size_t lines = 1;
	struct strbuf out = STRBUF_INIT;

	if (spaces < 0)
		return call_fail(call, "strings: negative Repeat count");
	for (const char *c = at; c < end; c++)
		lines += *c == '\n';
	if (!call_has_room(call, spaces > 1 << 24 ? SIZE_MAX : (size_t)spaces * lines))
		return NULL;
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		size_t len = newline ? (size_t)(newline - at) : (size_t)(end - at);

		if (len)
			strbuf_addchars(&out, ' ', (size_t)spaces);
		strbuf_add(&out, at, len + (newline ? 1 : 0));
		at += len + (newline ? 1 : 0);
	}
	return tmpl_string_from(call->arena, &out);
}

const struct tmpl_func text_funcs[] = {
	{ "toLower", "s", text_to_lower },
	{ "toUpper", "s", text_to_upper },
	{ "toTitle", "s", text_to_title },
	{ "trimSpace", "s", text_trim_space },
	{ "trim", "ss", text_trim },
	{ "trimPrefix", "ss", text_trim_prefix },
	{ "trimSuffix", "ss", text_trim_suffix },
	{ "split", "ss", text_split },
	{ "join", "sl", text_join },
	{ "replaceAll", "sss", text_replace_all },
	{ "regexMatch", "ss", text_regex_match },
	{ "regexReplaceAll", "sss", text_regex_replace_all },
	{ "indent", "is", text_indent },
	{ NULL, NULL, NULL },
};
