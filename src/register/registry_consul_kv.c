/*
 * Consul's key-value store: PREFIX/NAME/ID holds address:port. No tags, no lifetimes, no listing
 * (the store does not say which host wrote a key).
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/mem.h"
#include "binnacle/consul/consul.h"
#include "binnacle/net/endpoint.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"
#include "stores.h"

struct kv_registry {
	struct consul *consul; /* borrowed */
	char *prefix;
};

struct kv_request {
	struct consul_call *call;
	bool is_ping;
	registry_fn *done;
	void *arg;
};

static void on_answer(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	struct kv_request *request = arg;
	struct kv_request ended = *request;

	(void)meta;
	free(request);
	ended.done(ended.arg, ended.is_ping && !err ? doc : NULL, err);
}

static struct kv_request *new_request(registry_fn *done, void *arg)
{
	struct kv_request *request = xcalloc(1, sizeof(*request));

	request->done = done;
	request->arg = arg;
	return request;
}

static void *kv_ping(void *self, registry_fn *done, void *arg)
{
	struct kv_registry *kv = self;
	struct kv_request *request = new_request(done, arg);

	request->is_ping = true;
	request->call = consul_get(kv->consul, "/v1/status/leader", on_answer, request);
	return request;
}

static void add_path(const struct kv_registry *kv, const struct register_service *service,
		     struct strbuf *out)
{
	strbuf_addstr(out, "/v1/kv/");
	url_escape_as_go(out, kv->prefix);
	strbuf_addch(out, '/');
	url_escape_as_go(out, service->name);
	strbuf_addch(out, '/');
	url_escape_as_go(out, service->id);
}

static void *kv_add(void *self, const struct register_service *service, registry_fn *done,
		    void *arg)
{
	struct kv_registry *kv = self;
	struct kv_request *request = new_request(done, arg);
	struct strbuf path = STRBUF_INIT, value = STRBUF_INIT;

	add_path(kv, service, &path);
	store_add_place(&value, service);
	request->call = consul_send(kv->consul, "PUT", path.buf, value.buf, on_answer, request);
	strbuf_release(&path);
	strbuf_release(&value);
	return request;
}

static void *kv_remove(void *self, const struct register_service *service, registry_fn *done,
		       void *arg)
{
	struct kv_registry *kv = self;
	struct kv_request *request = new_request(done, arg);
	struct strbuf path = STRBUF_INIT;

	add_path(kv, service, &path);
	request->call = consul_send(kv->consul, "DELETE", path.buf, NULL, on_answer, request);
	strbuf_release(&path);
	return request;
}

static void kv_cancel(void *self, void *handle)
{
	struct kv_request *request = handle;

	(void)self;
	consul_call_cancel(&request->call);
	free(request);
}

static void kv_free(void *self)
{
	struct kv_registry *kv = self;

	free(kv->prefix);
	free(kv);
}

struct registry *registry_consul_kv_new(struct consul *consul, const char *prefix, struct err *err)
{
	static const struct registry_ops ops = {
		.name = "consulkv",
		.ping = kv_ping,
		.add = kv_add,
		.remove = kv_remove,
		.cancel = kv_cancel,
		.free = kv_free,
	};
	struct kv_registry *kv;
	size_t len = strlen(prefix);

	/* Registrator writes nothing or crashes with these; say so before the first container. */
	if (!len || *prefix == '/' || prefix[len - 1] == '/') {
		err_set(err, ERR_INPUT,
			"consulkv: prefix \"%s\": give a key without slashes at its ends, as in "
			"consulkv://host:port/services",
			prefix);
		return NULL;
	}
	kv = xcalloc(1, sizeof(*kv));
	kv->consul = consul;
	kv->prefix = xstrdup(prefix);
	return registry_new(&ops, kv, consul_address(consul));
}
