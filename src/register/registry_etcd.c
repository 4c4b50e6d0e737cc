/*
 * etcd's v2 store. Two layouts share everything but the key and the value: the plain one, and
 * that of SkyDNS 2. A refresh is the same write again, because it sets the lifetime anew. No
 * listing: the store does not say which host wrote a key.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"
#include "stores.h"

struct etcd_registry {
	struct etcd *etcd; /* borrowed */
	char *prefix;      /* without a slash at its end */
	void (*add_value)(struct strbuf *out, const struct register_service *service);
};

struct etcd_request {
	struct etcd_call *call;
	bool is_ping;
	registry_fn *done;
	void *arg;
};

static void on_answer(void *arg, const struct json *doc, const struct etcd_meta *meta,
		      const struct err *err)
{
	struct etcd_request *request = arg;
	struct etcd_request ended = *request;

	(void)doc;
	(void)meta;
	free(request);
	/* An empty store has no root yet, and answers. */
	if (ended.is_ping && err && err->code == ERR_NOT_FOUND)
		err = NULL;
	ended.done(ended.arg, NULL, err);
}

static struct etcd_request *new_request(registry_fn *done, void *arg)
{
	struct etcd_request *request = xcalloc(1, sizeof(*request));

	request->done = done;
	request->arg = arg;
	return request;
}

static void add_key(const struct etcd_registry *registry, const struct register_service *service,
		    struct strbuf *out)
{
	strbuf_addf(out, "%s/%s/%s", registry->prefix, service->name, service->id);
}

static void *etcd_registry_ping(void *self, registry_fn *done, void *arg)
{
	struct etcd_registry *registry = self;
	struct etcd_request *request = new_request(done, arg);

	request->is_ping = true;
	request->call = etcd_get(registry->etcd, "/", 0, on_answer, request);
	return request;
}

static void *etcd_registry_add(void *self, const struct register_service *service,
			       registry_fn *done, void *arg)
{
	struct etcd_registry *registry = self;
	struct etcd_request *request = new_request(done, arg);
	struct etcd_condition condition = { .ttl_s = service->ttl_s };
	struct strbuf key = STRBUF_INIT, value = STRBUF_INIT;

	add_key(registry, service, &key);
	registry->add_value(&value, service);
	request->call =
		etcd_put(registry->etcd, key.buf, value.buf, &condition, on_answer, request);
	strbuf_release(&key);
	strbuf_release(&value);
	return request;
}

static void *etcd_registry_remove(void *self, const struct register_service *service,
				  registry_fn *done, void *arg)
{
	struct etcd_registry *registry = self;
	struct etcd_request *request = new_request(done, arg);
	struct strbuf key = STRBUF_INIT;

	add_key(registry, service, &key);
	request->call = etcd_delete(registry->etcd, key.buf, NULL, on_answer, request);
	strbuf_release(&key);
	return request;
}

static void etcd_registry_cancel(void *self, void *handle)
{
	struct etcd_request *request = handle;

	(void)self;
	etcd_call_cancel(&request->call);
	free(request);
}

static void etcd_registry_free(void *self)
{
	struct etcd_registry *registry = self;

	free(registry->prefix);
	free(registry);
}

static void add_skydns_record(struct strbuf *out, const struct register_service *service)
{
	strbuf_addstr(out, "{\"host\":");
	json_quote(out, service->address, strlen(service->address));
	strbuf_addf(out, ",\"port\":%d}", service->port);
}

struct registry *registry_etcd_new(struct etcd *etcd, const char *prefix)
{
	static const struct registry_ops ops = {
		.name = "etcd",
		.ping = etcd_registry_ping,
		.add = etcd_registry_add,
		.remove = etcd_registry_remove,
		.refresh = etcd_registry_add,
		.cancel = etcd_registry_cancel,
		.free = etcd_registry_free,
	};
	struct etcd_registry *registry = xcalloc(1, sizeof(*registry));
	size_t len = strlen(prefix);

	while (len && prefix[len - 1] == '/')
		len--;
	registry->etcd = etcd;
	registry->prefix = xstrndup(prefix, len);
	registry->add_value = store_add_place;
	return registry_new(&ops, registry, etcd_address(etcd));
}

/* "a.cluster.local" → "/skydns/local/cluster/a" */
static char *skydns_prefix(const char *domain)
{
	struct strbuf prefix = STRBUF_INIT;
	size_t end = strlen(domain);

	strbuf_addstr(&prefix, "/skydns");
	while (end) {
		size_t start = end;

		while (start && domain[start - 1] != '.')
			start--;
		if (start < end) {
			strbuf_addch(&prefix, '/');
			strbuf_add(&prefix, domain + start, end - start);
		}
		end = start ? start - 1 : 0;
	}
	return strbuf_detach(&prefix, NULL);
}

struct registry *registry_skydns2_new(struct etcd *etcd, const char *domain, struct err *err)
{
	static const struct registry_ops ops = {
		.name = "skydns2",
		.ping = etcd_registry_ping,
		.add = etcd_registry_add,
		.remove = etcd_registry_remove,
		.refresh = etcd_registry_add,
		.cancel = etcd_registry_cancel,
		.free = etcd_registry_free,
	};
	struct etcd_registry *registry;

	if (!domain[strspn(domain, ".")]) {
		err_set(err, ERR_INPUT,
			"skydns2: dns domain required e.g.: skydns2://<host>/<domain>");
		return NULL;
	}
	registry = xcalloc(1, sizeof(*registry));
	registry->etcd = etcd;
	registry->prefix = skydns_prefix(domain);
	registry->add_value = add_skydns_record;
	return registry_new(&ops, registry, etcd_address(etcd));
}
