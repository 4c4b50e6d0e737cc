/* Encodings and digests: JSON, base64, hexadecimal. */
#include <string.h>

#include "binnacle/base/digest.h"
#include "binnacle/base/encode.h"
#include "format.h"
#include "funcs.h"
#include "go_json.h"

static const struct tmpl_value *encode_parse_json(struct call *call)
{
	struct strbuf message = STRBUF_INIT;
	const struct tmpl_value *value;

	if (!arg_len(call, 0))
		return tmpl_map_new(call->arena, &tmpl_type_map);
	/* A value takes some fifty bytes, however short its text is. */
	if (!call_has_room(call, arg_len(call, 0)))
		return NULL;
	value = go_json_parse(call->arena, arg_str(call, 0), arg_len(call, 0), &message);
	if (!value)
		call_fail(call, "%s", message.buf);
	strbuf_release(&message);
	return value;
}

static const struct tmpl_value *to_json(struct call *call, bool pretty, bool escape_html)
{
	struct strbuf out = STRBUF_INIT, message = STRBUF_INIT;

	if (go_json_print(&out, call->args[0], pretty, escape_html, &message))
		return tmpl_string_from(call->arena, &out);
	call_fail(call, "%s: %s", call->func->name, message.buf);
	strbuf_release(&out);
	strbuf_release(&message);
	return NULL;
}

static const struct tmpl_value *encode_to_json(struct call *call)
{
	return to_json(call, false, true);
}

static const struct tmpl_value *encode_to_json_pretty(struct call *call)
{
	return to_json(call, true, true);
}

static const struct tmpl_value *encode_to_unescaped_json(struct call *call)
{
	return to_json(call, false, false);
}

static const struct tmpl_value *encode_to_unescaped_json_pretty(struct call *call)
{
	return to_json(call, true, false);
}

static const struct tmpl_value *to_base64(struct call *call, enum base64_alphabet alphabet)
{
	struct strbuf out = STRBUF_INIT;

	base64_encode(&out, arg_str(call, 0), arg_len(call, 0), alphabet);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *from_base64(struct call *call, enum base64_alphabet alphabet)
{
	struct strbuf out = STRBUF_INIT;
	size_t bad;

	if (base64_decode(&out, arg_str(call, 0), arg_len(call, 0), alphabet, &bad))
		return tmpl_string_from(call->arena, &out);
	strbuf_release(&out);
	return call_fail(call, "%s: illegal base64 data at input byte %zu", call->func->name, bad);
}

static const struct tmpl_value *encode_base64_encode(struct call *call)
{
	return to_base64(call, BASE64_STANDARD);
}

static const struct tmpl_value *encode_base64_decode(struct call *call)
{
	return from_base64(call, BASE64_STANDARD);
}

static const struct tmpl_value *encode_base64_url_encode(struct call *call)
{
	return to_base64(call, BASE64_URL);
}

static const struct tmpl_value *encode_base64_url_decode(struct call *call)
{
	return from_base64(call, BASE64_URL);
}

static const struct tmpl_value *encode_sha256_hex(struct call *call)
{
	char hex[DIGEST_HEX_BYTES];

	return tmpl_str(call->arena, digest_sha256_hex(arg_str(call, 0), arg_len(call, 0), hex));
}

static const struct tmpl_value *encode_md5sum(struct call *call)
{
	char hex[DIGEST_HEX_BYTES];

	return tmpl_str(call->arena, digest_md5_hex(arg_str(call, 0), arg_len(call, 0), hex));
}

static const struct tmpl_value *encode_hmac_sha256_hex(struct call *call)
{
	char hex[DIGEST_HEX_BYTES];

	return tmpl_str(call->arena,
			digest_hmac_sha256_hex(arg_str(call, 1), arg_len(call, 1), arg_str(call, 0),
					       arg_len(call, 0), hex));
}

const struct tmpl_func encode_funcs[] = {
	{ "parseJSON", "s", encode_parse_json },
	{ "toJSON", "a", encode_to_json },
	{ "toJSONPretty", "m", encode_to_json_pretty },
	{ "toUnescapedJSON", "a", encode_to_unescaped_json },
	{ "toUnescapedJSONPretty", "m", encode_to_unescaped_json_pretty },
	{ "base64Encode", "s", encode_base64_encode },
	{ "base64Decode", "s", encode_base64_decode },
	{ "base64URLEncode", "s", encode_base64_url_encode },
	{ "base64URLDecode", "s", encode_base64_url_decode },
	{ "sha256Hex", "s", encode_sha256_hex },
	{ "md5sum", "s", encode_md5sum },
	{ "hmacSHA256Hex", "ss", encode_hmac_sha256_hex },
	{ NULL, NULL, NULL },
};
