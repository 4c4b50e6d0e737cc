/* Functions named sprig_: those of the Sprig library that shape text. Where one does what a
 * function without the prefix does, it is that function. */
#include <inttypes.h>
#include <string.h>

#include "binnacle/base/encode.h"
#include "binnacle/base/digest.h"
#include "binnacle/base/text.h"
#include "format.h"
#include "sprig.h"
#include "unicode.h"

static const struct tmpl_value *sprig_trim(struct call *call)
{
	return sprig_same_as(call, "trimSpace");
}

static const struct tmpl_value *sprig_trim_all(struct call *call)
{
	return sprig_same_as(call, "trim");
}

static const struct tmpl_value *sprig_trim_prefix(struct call *call)
{
	return sprig_same_as(call, "trimPrefix");
}

static const struct tmpl_value *sprig_trim_suffix(struct call *call)
{
	return sprig_same_as(call, "trimSuffix");
}

static const struct tmpl_value *sprig_upper(struct call *call)
{
	return sprig_same_as(call, "toUpper");
}

static const struct tmpl_value *sprig_lower(struct call *call)
{
	return sprig_same_as(call, "toLower");
}

static const struct tmpl_value *sprig_title(struct call *call)
{
	return sprig_same_as(call, "toTitle");
}

static const struct tmpl_value *sprig_replace(struct call *call)
{
	return sprig_same_as(call, "replaceAll");
}

static const struct tmpl_value *sprig_base64_encode(struct call *call)
{
	return sprig_same_as(call, "base64Encode");
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
	static const char problem[] = "runtime error: slice bounds out of range";

	if (start < 0 && end > len)
		return call_fail(call, "%s [:%" PRId64 "] with length %" PRId64, problem, end, len);
	if (start < 0 && end < 0)
		return call_fail(call, "%s [:%" PRId64 "]", problem, end);
	if (start < 0)
		start = 0;
	else if (end < 0 || end > len)
		end = len;
	if (start > end)
		return call_fail(call, "%s [%" PRId64 ":%" PRId64 "]", problem, start, end);
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

static const struct tmpl_value *sprig_split_list(struct call *call)
{
	struct tmpl_value *list = tmpl_list_new(call->arena, &tmpl_type_strings);
	const char *at = arg_str(call, 1), *end = at + arg_len(call, 1), *found;
	size_t len = arg_len(call, 0);
	uint32_t c;

	while (!len && at < end) { /* into code points */
		size_t used = text_decode(at, (size_t)(end - at), &c);

		tmpl_list_add(call->arena, list, tmpl_string(call->arena, at, used));
		at += used;
	}
	while (len && (found = memmem(at, (size_t)(end - at), arg_str(call, 0), len))) {
		tmpl_list_add(call->arena, list,
			      tmpl_string(call->arena, at, (size_t)(found - at)));
		at = found + len;
	}
	if (len)
		tmpl_list_add(call->arena, list, tmpl_string(call->arena, at, (size_t)(end - at)));
	return list;
}

const struct tmpl_func sprig_funcs[] = {
	{ "sprig_trim", "s", sprig_trim },
	{ "sprig_trimAll", "ss", sprig_trim_all },
	{ "sprig_trimall", "ss", sprig_trim_all },
	{ "sprig_trimPrefix", "ss", sprig_trim_prefix },
	{ "sprig_trimSuffix", "ss", sprig_trim_suffix },
	{ "sprig_upper", "s", sprig_upper },
	{ "sprig_lower", "s", sprig_lower },
	{ "sprig_title", "s", sprig_title },
	{ "sprig_replace", "sss", sprig_replace },
	{ "sprig_repeat", "is", sprig_repeat },
	{ "sprig_substr", "iis", sprig_substr },
	{ "sprig_trunc", "is", sprig_trunc },
	{ "sprig_contains", "ss", sprig_contains },
	{ "sprig_hasPrefix", "ss", sprig_has_prefix },
	{ "sprig_hasSuffix", "ss", sprig_has_suffix },
	{ "sprig_quote", "a*", sprig_quote },
	{ "sprig_squote", "a*", sprig_squote },
	{ "sprig_cat", "a*", sprig_cat },
	{ "sprig_toString", "a", sprig_to_string },
	{ "sprig_indent", "is", sprig_indent },
	{ "sprig_nindent", "is", sprig_nindent },
	{ "sprig_splitList", "ss", sprig_split_list },
	{ "sprig_b64enc", "s", sprig_base64_encode },
	{ "sprig_b64dec", "s", sprig_base64_decode },
	{ "sprig_sha256sum", "s", sprig_sha256sum },
	{ "sprig_sha1sum", "s", sprig_sha1sum },
	{ NULL, NULL, NULL },
};
