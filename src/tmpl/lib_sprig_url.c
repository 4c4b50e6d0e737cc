/* urlParse and urlJoin of the Sprig library, with the rules of Go's net/url. */
#include <string.h>

#include "binnacle/base/encode.h"
#include "format.h"
#include "sprig.h"
#include "unicode.h"

/* What a part of an address may hold without being escaped, beside letters, digits and -_.~ */
#define PLAIN_PATH     "$&+,/:;=@"
#define PLAIN_USER     "$&+,;="
#define PLAIN_HOST     "!$&'()*+,;=:[]<>\""
#define PLAIN_FRAGMENT "$&+,/:;=?@!()*"

struct url {
	const char *scheme, *user, *password, *host, *path, *query, *fragment, *opaque;
	bool has_user, has_password;
};

static bool is_plain(unsigned char c, const char *plain)
{
	return (c >= '0' && c <= '9') || ((c | 0x20) >= 'a' && (c | 0x20) <= 'z') ||
	       (c && strchr("-_.~", c)) || (c && strchr(plain, c));
}

static void add_escaped(struct strbuf *out, const char *text, const char *plain)
{
	for (; *text; text++) {
		if (is_plain((unsigned char)*text, plain))
			strbuf_addch(out, *text);
		else
			strbuf_addf(out, "%%%02X", (unsigned char)*text);
	}
}

/* NULL: failed, an escape is malformed. */
static const char *unescaped(struct call *call, const char *whole, const char *text)
{
	struct strbuf out = STRBUF_INIT, quoted = STRBUF_INIT, bad = STRBUF_INIT;
	const char *result;
	size_t at;

	if (url_unescape(&out, text, strlen(text), &at)) {
		result = arena_strndup(call->arena, out.buf, out.len);
		strbuf_release(&out);
		return result;
	}
	strbuf_release(&out);
	unicode_quote(&quoted, whole, strlen(whole), '"', false);
	unicode_quote(&bad, text + at, strnlen(text + at, 3), '"', false);
	call_fail(call, "unable to parse url: parse %s: invalid URL escape %s", quoted.buf,
		  bad.buf);
	strbuf_release(&quoted);
	strbuf_release(&bad);
	return NULL;
}

static bool fail_url(struct call *call, const char *whole, const char *why)
{
	struct strbuf quoted = STRBUF_INIT;

	unicode_quote(&quoted, whole, strlen(whole), '"', false);
	call_fail(call, "unable to parse url: parse %s: %s", quoted.buf, why);
	strbuf_release(&quoted);
	return false;
}

/* The letters before the first colon. False: failed. */
static bool take_scheme(struct call *call, const char *whole, char **rest, struct url *url)
{
	struct strbuf lower = STRBUF_INIT;

	for (char *at = *rest; *at; at++) {
		bool is_letter = (*at | 0x20) >= 'a' && (*at | 0x20) <= 'z';

		if (is_letter || (at > *rest && strchr("0123456789+-.", *at))) {
			strbuf_addch(&lower, *at >= 'A' && *at <= 'Z' ? (char)(*at | 0x20) : *at);
			continue;
		}
		if (*at == ':' && at == *rest) {
			strbuf_release(&lower);
			return fail_url(call, whole, "missing protocol scheme");
		}
		if (*at == ':') {
			url->scheme = arena_strndup(call->arena, lower.buf, lower.len);
			*rest = at + 1;
		}
		break;
	}
	strbuf_release(&lower);
	return true;
}

static bool is_port(const char *text)
{
	return !*text || (*text == ':' && strspn(text + 1, "0123456789") == strlen(text + 1));
}

/* "user:password@host:port", which is changed. False: failed. */
static bool take_authority(struct call *call, const char *whole, char *text, struct url *url)
{
	char *at = strrchr(text, '@'), *colon, *host = text;
	const char *port;

	if (at) {
		*at = '\0';
		host = at + 1;
		url->has_user = true;
		colon = strchr(text, ':');
		if (colon) {
			*colon = '\0';
			url->has_password = true;
			url->password = unescaped(call, whole, colon + 1);
		}
		url->user = unescaped(call, whole, text);
		if (!url->user || !url->password)
			return false;
	}
	port = *host == '[' && strchr(host, ']') ? strchr(host, ']') + 1 : strrchr(host, ':');
	if (*host == '[' && !strchr(host, ']'))
		return fail_url(call, whole, "missing ']' in host");
	if (port && !is_port(port)) {
		struct strbuf why = STRBUF_INIT;

		strbuf_addf(&why, "invalid port \"%s\" after host", port);
		fail_url(call, whole, why.buf);
		strbuf_release(&why);
		return false;
	}
	url->host = unescaped(call, whole, host);
	return url->host != NULL;
}

static bool parse(struct call *call, const char *whole, struct url *url)
{
	char *rest = arena_strdup(call->arena, whole), *mark, *slash;

	*url = (struct url){ "", "", "", "", "", "", "", "", false, false };
	for (const char *c = whole; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			return fail_url(call, whole, "net/url: invalid control character in URL");
	mark = strchr(rest, '#');
	if (mark) {
		*mark = '\0';
		url->fragment = unescaped(call, whole, mark + 1);
		if (!url->fragment)
			return false;
	}
	if (!take_scheme(call, whole, &rest, url))
		return false;
	mark = strchr(rest, '?');
	if (mark) {
		*mark = '\0';
		url->query = mark + 1;
	}
	if (*rest != '/' && *url->scheme) {
		url->opaque = rest;
		return true;
	}
	if (*rest != '/' && strchr(rest, ':') &&
	    (!strchr(rest, '/') || strchr(rest, ':') < strchr(rest, '/')))
		return fail_url(call, whole, "first path segment in URL cannot contain colon");
	if (strncmp(rest, "//", 2) == 0 && (*url->scheme || rest[2] != '/')) {
		char *authority = rest + 2;

		slash = strchr(authority, '/');
		url->path = slash ? arena_strdup(call->arena, slash) : "";
		if (slash)
			*slash = '\0';
		if (!take_authority(call, whole, authority, url))
			return false;
	} else {
		url->path = rest;
	}
	url->path = unescaped(call, whole, url->path);
	return url->path != NULL;
}

static void put(struct call *call, struct tmpl_value *map, const char *key, const char *text)
{
	tmpl_map_put(call->arena, map, tmpl_str(call->arena, key), tmpl_str(call->arena, text));
}

static const char *host_name(struct call *call, const char *host)
{
	const char *close = strchr(host, ']'), *colon = strrchr(host, ':');

	if (*host == '[' && close)
		return arena_strndup(call->arena, host + 1, (size_t)(close - host - 1));
	return colon ? arena_strndup(call->arena, host, (size_t)(colon - host)) : host;
}

static void add_user(struct strbuf *out, const struct url *url)
{
	add_escaped(out, url->user, PLAIN_USER);
	if (url->has_password) {
		strbuf_addch(out, ':');
		add_escaped(out, url->password, PLAIN_USER);
	}
}

static const struct tmpl_value *url_parse(struct call *call)
{
	struct tmpl_value *map = tmpl_map_new(call->arena, &tmpl_type_map);
	struct strbuf user = STRBUF_INIT;
	struct url url;

	if (!parse(call, arg_str(call, 0), &url))
		return NULL;
	put(call, map, "scheme", url.scheme);
	put(call, map, "host", url.host);
	put(call, map, "hostname", host_name(call, url.host));
	put(call, map, "path", url.path);
	put(call, map, "query", url.query);
	put(call, map, "opaque", url.opaque);
	put(call, map, "fragment", url.fragment);
	add_user(&user, &url);
	put(call, map, "userinfo", url.has_user ? user.buf : "");
	strbuf_release(&user);
	return map;
}

/* NULL: failed. */
static const char *part(struct call *call, const char *key)
{
	const struct tmpl_value *found = tmpl_map_get(call->args[0], key, strlen(key));

	if (!found)
		return "";
	if (found->type->kind == TMPL_STRING)
		return found->u.string.text;
	call_fail(call, "unable to parse %s key, must be of type string, but %s found", key,
		  sprig_kind(found));
	return NULL;
}

static const struct tmpl_value *url_join(struct call *call)
{
	const char *scheme = part(call, "scheme"), *host = part(call, "host");
	const char *path = part(call, "path"), *query = part(call, "query");
	const char *opaque = part(call, "opaque"), *fragment = part(call, "fragment");
	const char *user = part(call, "userinfo");
	struct strbuf out = STRBUF_INIT, with_user = STRBUF_INIT;
	struct url url = { .user = "", .password = "" };

	if (!scheme || !host || !path || !query || !opaque || !fragment || !user)
		return NULL;
	if (*user) {
		strbuf_addf(&with_user, "proto://%s@host", user);
		if (!parse(call, with_user.buf, &url)) {
			strbuf_release(&with_user);
			return NULL;
		}
	}
	strbuf_release(&with_user);
	if (*scheme)
		strbuf_addf(&out, "%s:", scheme);
	if (*opaque) {
		strbuf_addstr(&out, opaque);
	} else {
		if ((*scheme || *host || *user) && (*host || *path || *user)) {
			strbuf_addstr(&out, "//");
			if (*user) {
				add_user(&out, &url);
				strbuf_addch(&out, '@');
			}
			add_escaped(&out, host, PLAIN_HOST);
		}
		if (*path && *path != '/' && *host)
			strbuf_addch(&out, '/');
		if (!out.len && strcspn(path, ":") < strcspn(path, "/"))
			strbuf_addstr(&out, "./");
		add_escaped(&out, path, PLAIN_PATH);
	}
	if (*query)
		strbuf_addf(&out, "?%s", query);
	if (*fragment) {
		strbuf_addch(&out, '#');
		add_escaped(&out, fragment, PLAIN_FRAGMENT);
	}
	return tmpl_string_from(call->arena, &out);
}

const struct tmpl_func sprig_url_funcs[] = {
	{ "sprig_urlParse", "s", url_parse },
	{ "sprig_urlJoin", "m", url_join },
	{ NULL, NULL, NULL },
};
