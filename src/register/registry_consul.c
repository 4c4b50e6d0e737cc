/* The local agent: one request each, the answer passed on. */
#include <stdlib.h>

#include "binnacle/base/mem.h"
#include "binnacle/consul/consul.h"
#include "binnacle/net/endpoint.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"

/* One request and what to tell about it. */
struct consul_request {
	struct consul_call *call;
	bool wants_doc;
	registry_fn *done;
	void *arg;
};

static void on_answer(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	struct consul_request *request = arg;
	struct consul_request ended = *request;

	(void)meta;
	free(request);
	ended.done(ended.arg, ended.wants_doc && !err ? doc : NULL, err);
}

static struct consul_request *new_request(registry_fn *done, void *arg)
{
	struct consul_request *request = xcalloc(1, sizeof(*request));

	request->done = done;
	request->arg = arg;
	return request;
}

static void *consul_ping(void *self, registry_fn *done, void *arg)
{
	struct consul_request *request = new_request(done, arg);

	request->wants_doc = true;
	request->call = consul_get(self, "/v1/status/leader", on_answer, request);
	return request;
}

static void *consul_add(void *self, const struct register_service *service, registry_fn *done,
			void *arg)
{
	struct consul_request *request = new_request(done, arg);
	struct strbuf body = STRBUF_INIT;

	registry_body(&body, service);
	request->call = consul_send(self, "PUT", "/v1/agent/service/register", body.buf, on_answer,
				    request);
	strbuf_release(&body);
	return request;
}

static void *consul_remove(void *self, const struct register_service *service, registry_fn *done,
			   void *arg)
{
	struct consul_request *request = new_request(done, arg);
	struct strbuf path = STRBUF_INIT;

	strbuf_addstr(&path, "/v1/agent/service/deregister/");
	url_escape_as_go(&path, service->id);
	request->call = consul_send(self, "PUT", path.buf, NULL, on_answer, request);
	strbuf_release(&path);
	return request;
}

static void *consul_list(void *self, registry_fn *done, void *arg)
{
	struct consul_request *request = new_request(done, arg);

	request->wants_doc = true;
	request->call = consul_get(self, "/v1/agent/services", on_answer, request);
	return request;
}

static void *consul_drain(void *self, const struct register_service *service, bool on,
			  registry_fn *done, void *arg)
{
	struct consul_request *request = new_request(done, arg);
	struct strbuf path = STRBUF_INIT;

	strbuf_addstr(&path, "/v1/agent/service/maintenance/");
	url_escape_as_go(&path, service->id);
	strbuf_addstr(&path,
		      on ? "?enable=true&reason=container+is+being+stopped" : "?enable=false");
	request->call = consul_send(self, "PUT", path.buf, NULL, on_answer, request);
	strbuf_release(&path);
	return request;
}

static void consul_cancel(void *self, void *handle)
{
	struct consul_request *request = handle;

	(void)self;
	consul_call_cancel(&request->call);
	free(request);
}

struct registry *registry_consul_new(struct consul *consul)
{
	static const struct registry_ops ops = {
		.name = "consul",
		.ping = consul_ping,
		.add = consul_add,
		.remove = consul_remove,
		.list = consul_list,
		.drain = consul_drain,
		.cancel = consul_cancel,
	};

	return registry_new(&ops, consul, consul_address(consul));
}
