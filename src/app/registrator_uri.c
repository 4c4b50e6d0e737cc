/*
 * The URI is taken apart as Go's net/url does it, because that decides which ones are malformed.
 * One row per scheme says how its registry is made.
 */
#include "registrator_uri.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/consul/consul.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/etcd/etcd3.h"
#include "binnacle/register/registry.h"

static bool bad_uri(const char *text, const char *why, struct err *err)
{
	return err_set(err, ERR_INPUT, "bad adapter uri: %s: %s", text, why);
}

/* The length of the scheme; 0: there is none. */
static size_t scheme_len(const char *text)
{
	size_t len = 0;

	if (!isalpha((unsigned char)*text))
		return 0;
	while (isalnum((unsigned char)text[len]) || (text[len] && strchr("+-.", text[len])))
		len++;
	return text[len] == ':' ? len : 0;
}

static int hex_digit(char c)
{
	static const char digits[] = "0123456789abcdef";
	const char *found = c ? strchr(digits, tolower((unsigned char)c)) : NULL;

	return found ? (int)(found - digits) : -1;
}

/* NULL: an escape is malformed, or stands for a character that no path may have. */
static char *decode(const char *text, size_t len)
{
	struct strbuf out = STRBUF_INIT;

	for (size_t i = 0; i < len; i++) {
		int high, low;

		if (text[i] != '%') {
			strbuf_addch(&out, text[i]);
			continue;
		}
		high = i + 2 < len ? hex_digit(text[i + 1]) : -1;
		low = i + 2 < len ? hex_digit(text[i + 2]) : -1;
		if (high < 0 || low < 0 || high * 16 + low < ' ') {
			strbuf_release(&out);
			return NULL;
		}
		strbuf_addch(&out, (char)(high * 16 + low));
		i += 2;
	}
	return strbuf_detach(&out, NULL);
}

static bool has_valid_port(const char *host)
{
	const char *after = *host == '[' ? strchr(host, ']') : host;
	const char *colon = after ? strchr(after, ':') : NULL;

	return after && (!colon || !colon[1 + strspn(colon + 1, "0123456789")]);
}

static bool split_host(struct registrator_uri *out, const char *authority, size_t len,
		       const char *text, struct err *err)
{
	for (size_t i = len; i-- > 0;) {
		if (authority[i] == '@') {
			authority += i + 1;
			len -= i + 1;
			break;
		}
	}
	out->host = xstrndup(authority, len);
	if (strpbrk(out->host, " \"<>\\^`{|}%"))
		return bad_uri(text, "invalid character in host name", err);
	if (!has_valid_port(out->host))
		return bad_uri(text, "invalid port after host", err);
	return true;
}

bool registrator_uri_parse(const char *text, struct registrator_uri *out, struct err *err)
{
	size_t scheme = scheme_len(text), len;
	const char *rest = text + (scheme ? scheme + 1 : 0);

	*out = (struct registrator_uri){ 0 };
	for (const unsigned char *p = (const unsigned char *)text; *p; p++) {
		if (*p < ' ' || *p == 0x7f)
			return bad_uri(text, "invalid control character", err);
	}
	if (*text == ':')
		return bad_uri(text, "missing protocol scheme", err);
	len = strcspn(rest, "/?#");
	if (!scheme && memchr(rest, ':', len))
		return bad_uri(text, "first path segment cannot contain colon", err);
	out->scheme = xstrndup(text, scheme);
	for (char *p = out->scheme; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	if (text_starts_with(rest, "//")) {
		len = strcspn(rest + 2, "/?#");
		if (!split_host(out, rest + 2, len, text, err))
			return false;
		rest += 2 + len;
	} else {
		out->host = xstrdup("");
	}
	out->path = decode(rest, strcspn(rest, "?#"));
	return out->path ? true : bad_uri(text, "invalid escape", err);
}

void registrator_uri_release(struct registrator_uri *uri)
{
	free(uri->scheme);
	free(uri->host);
	free(uri->path);
	*uri = (struct registrator_uri){ 0 };
}

static const char *without_slash(const char *path)
{
	return path + (*path == '/');
}

/* How a scheme's registry is made, and the address in front of the host. */
struct adapter {
	const char *scheme;
	const char *prefix;       /* of the address; "unix://": the path is the address */
	const char *without_host; /* "": what the environment says */
	bool (*open)(struct registrator_backend *out, const struct registrator_uri *uri,
		     struct loop *loop, struct http *http, struct err *err);
};

static bool open_agent(struct registrator_backend *out, const struct registrator_uri *uri,
		       struct loop *loop, struct http *http, struct err *err)
{
	char *address = registrator_uri_address(uri);
	struct consul_config config = { .address = address };

	out->consul = consul_new(loop, http, &config, err);
	free(address);
	return out->consul;
}

static bool open_consul(struct registrator_backend *out, const struct registrator_uri *uri,
			struct loop *loop, struct http *http, struct err *err)
{
	if (!open_agent(out, uri, loop, http, err))
		return false;
	out->registry = registry_consul_new(out->consul);
	return true;
}

/* Reads less of the environment, and always verifies, against the name in the URI. */
static bool open_consul_tls(struct registrator_backend *out, const struct registrator_uri *uri,
			    struct loop *loop, struct http *http, struct err *err)
{
	char *address = registrator_uri_address(uri);
	char *name = xstrndup(uri->host, uri->host[0] == '[' ? strcspn(uri->host, "]") + 1
							     : strcspn(uri->host, ":"));
	struct consul_config config = { .address = address, .tls = true, .server_name = name };

	if (*uri->host) {
		unsetenv("CONSUL_CAPATH");
		unsetenv("CONSUL_HTTP_SSL_VERIFY");
		out->consul = consul_new(loop, http, &config, err);
	} else {
		err_set(err, ERR_INPUT,
			"consul-tls: host required e.g.: consul-tls://<host>:<port>");
	}
	free(address);
	free(name);
	if (out->consul)
		out->registry = registry_consul_new(out->consul);
	return out->registry;
}

static bool open_consulkv(struct registrator_backend *out, const struct registrator_uri *uri,
			  struct loop *loop, struct http *http, struct err *err)
{
	if (!open_agent(out, uri, loop, http, err))
		return false;
	out->registry = registry_consul_kv_new(out->consul, without_slash(uri->path), err);
	return out->registry;
}

static bool open_consulkv_unix(struct registrator_backend *out, const struct registrator_uri *uri,
			       struct loop *loop, struct http *http, struct err *err)
{
	const char *colon = strchr(uri->path, ':');

	if (!colon)
		return err_set(err, ERR_INPUT,
			       "consulkv-unix: prefix required after the socket e.g.: "
			       "consulkv-unix:///<path>:/<prefix>");
	if (!open_agent(out, uri, loop, http, err))
		return false;
	out->registry = registry_consul_kv_new(out->consul, without_slash(colon + 1), err);
	return out->registry;
}

static const char *variable(const char *name)
{
	const char *value = getenv(name);

	return value && *value ? value : NULL;
}

/* The -tls schemes, which are not Registrator's, read what etcd's own client reads. */
static struct etcd_config store_config(const struct registrator_uri *uri,
				       const char *const *endpoints)
{
	struct etcd_config config = { .endpoints = endpoints };

	if (text_ends_with(uri->scheme, "-tls")) {
		config.ca_file = variable("ETCDCTL_CACERT");
		config.cert_file = variable("ETCDCTL_CERT");
		config.key_file = variable("ETCDCTL_KEY");
	}
	return config;
}

static bool open_store(struct registrator_backend *out, const struct registrator_uri *uri,
		       struct loop *loop, struct http *http, struct err *err)
{
	char *address = registrator_uri_address(uri);
	const char *const endpoints[] = { address, NULL };
	struct etcd_config config = store_config(uri, endpoints);

	out->etcd = etcd_new(loop, http, &config, err);
	free(address);
	return out->etcd;
}

static bool open_etcd(struct registrator_backend *out, const struct registrator_uri *uri,
		      struct loop *loop, struct http *http, struct err *err)
{
	if (!open_store(out, uri, loop, http, err))
		return false;
	out->must_answer_first = true;
	out->registry = registry_etcd_new(out->etcd, uri->path);
	return true;
}

/* Not one of Registrator's: it knows the v2 API alone. */
static bool open_etcd3(struct registrator_backend *out, const struct registrator_uri *uri,
		       struct loop *loop, struct http *http, struct err *err)
{
	char *address = registrator_uri_address(uri);
	const char *const endpoints[] = { address, NULL };
	struct etcd_config config = store_config(uri, endpoints);

	out->etcd3 = etcd3_new(loop, http, &config, err);
	free(address);
	if (out->etcd3)
		out->registry = registry_etcd3_new(out->etcd3, uri->path);
	return out->registry;
}

static bool open_skydns2(struct registrator_backend *out, const struct registrator_uri *uri,
			 struct loop *loop, struct http *http, struct err *err)
{
	if (!open_store(out, uri, loop, http, err))
		return false;
	out->registry = registry_skydns2_new(out->etcd, without_slash(uri->path), err);
	return out->registry;
}

static bool open_zookeeper(struct registrator_backend *out, const struct registrator_uri *uri,
			   struct loop *loop, struct http *http, struct err *err)
{
	char *address = registrator_uri_address(uri);

	(void)http;
	out->registry = registry_zookeeper_new(loop, address, uri->path, err);
	free(address);
	return out->registry;
}

/* An address with a scheme has the port of that scheme when it names none, as in Registrator. */
static const struct adapter adapters[] = {
	{ "consul", "http://", "", open_consul },
	{ "consul-tls", "https://", "", open_consul_tls },
	{ "consul-unix", "unix://", "", open_consul },
	{ "consulkv", "http://", "", open_consulkv },
	{ "consulkv-unix", "unix://", "", open_consulkv_unix },
	{ "etcd", "", "127.0.0.1:2379", open_etcd },
	{ "etcd-tls", "https://", "https://127.0.0.1:2379", open_etcd },
	{ "etcd3", "", "127.0.0.1:2379", open_etcd3 },
	{ "etcd3-tls", "https://", "https://127.0.0.1:2379", open_etcd3 },
	{ "skydns2", "", "127.0.0.1:4001", open_skydns2 },
	{ "skydns2-tls", "https://", "https://127.0.0.1:4001", open_skydns2 },
	{ "zookeeper", "", "127.0.0.1:2181", open_zookeeper },
};

static const struct adapter *find_adapter(const char *scheme)
{
	for (size_t i = 0; i < COUNT_OF(adapters); i++) {
		if (strcmp(adapters[i].scheme, scheme) == 0)
			return &adapters[i];
	}
	return NULL;
}

char *registrator_uri_address(const struct registrator_uri *uri)
{
	const struct adapter *adapter = find_adapter(uri->scheme);

	if (!adapter)
		return xstrdup("");
	if (strcmp(adapter->prefix, "unix://") == 0)
		return xasprintf("unix://%.*s", (int)strcspn(uri->path, ":"), uri->path);
	return *uri->host ? xasprintf("%s%s", adapter->prefix, uri->host)
			  : xstrdup(adapter->without_host);
}

bool registrator_backend_open(struct registrator_backend *out, const struct registrator_uri *uri,
			      struct loop *loop, struct http *http, struct err *err)
{
	const struct adapter *adapter = find_adapter(uri->scheme);

	*out = (struct registrator_backend){ 0 };
	if (!adapter)
		return err_set(err, ERR_INPUT, "unrecognized adapter: %s%s%s%s", uri->scheme,
			       *uri->scheme ? "://" : "", uri->host, uri->path);
	return adapter->open(out, uri, loop, http, err);
}

void registrator_backend_release(struct registrator_backend *backend)
{
	registry_free(backend->registry);
	consul_free(backend->consul);
	etcd_free(backend->etcd);
	etcd3_free(backend->etcd3);
	*backend = (struct registrator_backend){ 0 };
}
