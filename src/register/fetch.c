/* As Registrator's: one GET each, any status is an answer, and a failure is an empty text. */
#include "fetch.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/err.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/endpoint.h"
#include "binnacle/net/http.h"

enum { FETCH_TIMEOUT_MS = 10000, FETCH_BODY_MAX = 1 << 20 };

struct fetch_item {
	struct fetch *fetch;
	struct endpoint endpoint;
	struct http_call *call;
	char *url;
};

struct fetch {
	struct strmap *bodies;
	struct fetch_item *items;
	size_t count, open;
	struct loop_deferred *deferred; /* when nothing could be asked */
	fetch_fn *done;
	void *arg;
};

static void free_fetch(struct fetch *fetch)
{
	loop_deferred_cancel(&fetch->deferred);
	for (size_t i = 0; i < fetch->count; i++) {
		http_cancel(&fetch->items[i].call);
		endpoint_release(&fetch->items[i].endpoint);
		free(fetch->items[i].url);
	}
	free(fetch->items);
	free(fetch);
}

void fetch_cancel(struct fetch **fetch)
{
	if (*fetch)
		free_fetch(*fetch);
	*fetch = NULL;
}

static void finish(struct fetch *fetch)
{
	fetch_fn *done = fetch->done;
	void *arg = fetch->arg;

	free_fetch(fetch);
	done(arg);
}

static void put(struct fetch_item *item, const char *body)
{
	free(strmap_put(item->fetch->bodies, item->url, xstrdup(body)));
}

/* Addresses of requests may hold secrets: only the host is said. */
static void complain(const struct fetch_item *item, const char *why)
{
	const char *host = strstr(item->url, "://");

	host = host ? host + 3 : item->url;
	log_warn("register", "httpGet %.*s: %s", (int)strcspn(host, "/?#"), host, why);
}

static void on_answer(void *arg, struct http_answer *answer, const struct err *err)
{
	struct fetch_item *item = arg;
	struct fetch *fetch = item->fetch;

	item->call = NULL;
	if (err)
		complain(item, err->msg);
	put(item, err ? "" : answer->body.buf);
	if (--fetch->open == 0)
		finish(fetch);
}

static void on_deferred(void *arg)
{
	struct fetch *fetch = arg;

	fetch->deferred = NULL;
	finish(fetch);
}

/* "http://host:1/a?b#c" → the endpoint of http://host:1 and the path /a?b */
static bool start_item(struct fetch_item *item, struct http *http)
{
	const char *host = strstr(item->url, "://"), *rest;
	struct http_request request = { .timeout_ms = FETCH_TIMEOUT_MS,
					.body_limit = FETCH_BODY_MAX };
	struct strbuf path = STRBUF_INIT;
	struct err err = { 0 };
	char *base;
	bool fine;

	for (const unsigned char *p = (const unsigned char *)item->url; *p; p++) {
		if (*p <= ' ' || *p == 0x7f) {
			complain(item, "the URL holds a blank or a control character");
			return false;
		}
	}
	if (strncmp(item->url, "http://", 7) != 0 && strncmp(item->url, "https://", 8) != 0) {
		complain(item, "the URL must begin with http:// or https://");
		return false;
	}
	rest = host + 3 + strcspn(host + 3, "/?#");
	base = xstrndup(item->url, (size_t)(rest - item->url));
	fine = endpoint_parse(&item->endpoint, base, false, 0, &err);
	free(base);
	if (!fine) {
		complain(item, err.msg);
		return false;
	}
	if (*rest != '/')
		strbuf_addch(&path, '/');
	strbuf_add(&path, rest, strcspn(rest, "#"));
	request.path = path.buf;
	item->call = http_start(http, &item->endpoint, &request, on_answer, item);
	strbuf_release(&path);
	return true;
}

struct fetch *fetch_start(struct loop *loop, struct http *http, const char *const *urls,
			  size_t count, struct strmap *bodies, fetch_fn *done, void *arg)
{
	struct fetch *fetch = xcalloc(1, sizeof(*fetch));

	fetch->bodies = bodies;
	fetch->done = done;
	fetch->arg = arg;
	fetch->count = count;
	fetch->items = xcalloc(count + 1, sizeof(*fetch->items));
	for (size_t i = 0; i < count; i++) {
		struct fetch_item *item = &fetch->items[i];

		item->fetch = fetch;
		item->url = xstrdup(urls[i]);
		if (start_item(item, http))
			fetch->open++;
		else
			put(item, "");
	}
	if (!fetch->open)
		fetch->deferred = loop_defer(loop, on_deferred, fetch);
	return fetch;
}
