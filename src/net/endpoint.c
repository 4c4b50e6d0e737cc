#include "binnacle/net/endpoint.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"

static bool has_port(const char *host)
{
	const char *after = host[0] == '[' ? strchr(host, ']') : host;

	return after && strchr(after, ':');
}

/* What may stand between the scheme and the path: nothing that could end up in another part of
 * a request, and no "user:password@", which would show up in messages. */
static bool check_host(const char *host, const char *text, struct err *err)
{
	size_t len = strcspn(host, "/");

	if (len == 0 || host[0] == ':')
		return err_set(err, ERR_INPUT, "address \"%s\" has no host", text);
	if (memchr(host, '@', len))
		return err_set(err, ERR_INPUT, "an address may not hold a user or password");
	for (const unsigned char *p = (const unsigned char *)host; *p; p++) {
		if (*p <= ' ' || *p >= 0x7f || strchr("\"<>\\^`{|}?#", *p))
			return err_set(err, ERR_INPUT,
				       "address \"%s\" has a character that no address may have",
				       text);
	}
	if (len > 0 && host[0] == '[' && !memchr(host, ']', len))
		return err_set(err, ERR_INPUT, "address \"%s\" has no closing bracket", text);
	return true;
}

static bool check_port(const char *host, const char *text, struct err *err)
{
	size_t len = strcspn(host, "/");
	const char *after = host[0] == '[' ? strchr(host, ']') : host;
	const char *colon = memchr(after, ':', len - (size_t)(after - host));
	char *digits;
	int64_t port;
	bool ok;

	if (!colon)
		return true;
	digits = xstrndup(colon + 1, len - (size_t)(colon + 1 - host));
	ok = text_parse_int(digits, 1, 65535, &port);
	free(digits);
	if (!ok)
		return err_set(err, ERR_INPUT, "address \"%s\" has no valid port (1 to 65535)",
			       text);
	return true;
}

static bool parse_unix(struct endpoint *endpoint, const char *path, const char *text,
		       struct err *err)
{
	if (path[0] != '/')
		return err_set(err, ERR_INPUT,
			       "address \"%s\": the path of a socket starts with '/', as in "
			       "unix:///run/name.sock",
			       text);
	endpoint->base_url = xstrdup("http://localhost");
	endpoint->unix_socket = xstrdup(path);
	return true;
}

bool endpoint_parse(struct endpoint *endpoint, const char *text, bool tls, int default_port,
		    struct err *err)
{
	const char *host = strstr(text, "://");
	bool bare = true; /* no scheme that has a port of its own */
	struct strbuf url = STRBUF_INIT;
	size_t host_len;

	endpoint->base_url = NULL;
	endpoint->unix_socket = NULL;
	if (text_starts_with(text, "unix://"))
		return parse_unix(endpoint, text + strlen("unix://"), text, err);
	if (!host) {
		host = text;
	} else {
		if (text_starts_with(text, "https://"))
			tls = true;
		else if (!text_starts_with(text, "http://") && !text_starts_with(text, "tcp://"))
			return err_set(err, ERR_INPUT,
				       "address \"%s\": use host:port, http://, https://, tcp:// "
				       "or unix://",
				       text);
		bare = text_starts_with(text, "tcp://");
		host += strlen("://");
	}
	if (!check_host(host, text, err) || !check_port(host, text, err))
		return false;

	host_len = strcspn(host, "/");
	strbuf_addstr(&url, tls ? "https://" : "http://");
	strbuf_add(&url, host, host_len);
	if (bare && default_port && !has_port(url.buf + strlen(tls ? "https://" : "http://")))
		strbuf_addf(&url, ":%d", default_port);
	strbuf_addstr(&url, host + host_len);
	while (url.buf[url.len - 1] == '/')
		strbuf_setlen(&url, url.len - 1);
	endpoint->base_url = strbuf_detach(&url, NULL);
	return true;
}

void endpoint_set_dial(struct endpoint *endpoint, const char *const *argv, const char *name)
{
	size_t count = 0;

	while (argv[count])
		count++;
	endpoint->base_url = xstrdup("http://localhost");
	endpoint->dial_name = xstrdup(name);
	endpoint->dial = xcalloc(count + 1, sizeof(*endpoint->dial));
	for (size_t i = 0; i < count; i++)
		endpoint->dial[i] = xstrdup(argv[i]);
}

void endpoint_release(struct endpoint *endpoint)
{
	char *owned[] = { endpoint->base_url,    endpoint->unix_socket, endpoint->user,
			  endpoint->password,    endpoint->header,      endpoint->ca_file,
			  endpoint->ca_path,     endpoint->cert_file,   endpoint->key_file,
			  endpoint->server_name, endpoint->dial_name };

	for (size_t i = 0; endpoint->dial && endpoint->dial[i]; i++)
		free(endpoint->dial[i]);
	free(endpoint->dial);
	for (size_t i = 0; i < sizeof(owned) / sizeof(owned[0]); i++)
		free(owned[i]);
	*endpoint = (struct endpoint){ 0 };
}

const char *endpoint_describe(const struct endpoint *endpoint)
{
	static char text[4][256];
	static unsigned next;
	const char *host;
	char *out;

	if (endpoint->dial)
		return endpoint->dial_name;
	if (!endpoint->unix_socket) {
		host = strstr(endpoint->base_url, "://");
		return host ? host + strlen("://") : endpoint->base_url;
	}
	out = text[next++ % 4];
	snprintf(out, sizeof(text[0]), "unix:%s", endpoint->unix_socket);
	return out;
}

static void escape(struct strbuf *out, const char *text, const char *also_plain)
{
	/* RFC 3986, "unreserved". */
	static const char plain[] = "ABCDEFGHIJKLMNOPQRSTUVWXYZabcdefghijklmnopqrstuvwxyz"
				    "0123456789-._~";

	for (const char *p = text; *p; p++) {
		if (strchr(plain, *p) || strchr(also_plain, *p))
			strbuf_addch(out, *p);
		else
			strbuf_addf(out, "%%%02X", (unsigned char)*p);
	}
}

void url_escape(struct strbuf *out, const char *text)
{
	escape(out, text, "");
}

void url_escape_path(struct strbuf *out, const char *text)
{
	escape(out, text, "/");
}

void url_escape_as_go(struct strbuf *out, const char *text)
{
	escape(out, text, "/$&+,:;=@");
}
