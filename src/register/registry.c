/* Thin dispatch: a call remembers its registry, so that cancelling needs only the call. */
#include "binnacle/register/registry.h"

#include <assert.h>
#include <stdlib.h>

#include "binnacle/base/mem.h"

struct registry {
	const struct registry_ops *ops;
	void *self;
	char *address;
	unsigned calls;
};

struct registry_call {
	struct registry *registry;
	void *handle;
	registry_fn *done;
	void *arg;
};

struct registry *registry_new(const struct registry_ops *ops, void *self, const char *address)
{
	struct registry *registry = xcalloc(1, sizeof(*registry));

	registry->ops = ops;
	registry->self = self;
	registry->address = xstrdup(address);
	return registry;
}

void registry_free(struct registry *registry)
{
	if (!registry)
		return;
	assert(registry->calls == 0);
	if (registry->ops->free)
		registry->ops->free(registry->self);
	free(registry->address);
	free(registry);
}

const char *registry_name(const struct registry *registry)
{
	return registry->ops->name;
}

const char *registry_address(const struct registry *registry)
{
	return registry->address;
}

bool registry_can_list(const struct registry *registry)
{
	return registry->ops->list;
}

bool registry_can_refresh(const struct registry *registry)
{
	return registry->ops->refresh;
}

bool registry_can_drain(const struct registry *registry)
{
	return registry->ops->drain;
}

static struct registry_call *new_call(struct registry *registry, registry_fn *done, void *arg)
{
	struct registry_call *call = xcalloc(1, sizeof(*call));

	call->registry = registry;
	call->done = done;
	call->arg = arg;
	registry->calls++;
	return call;
}

static void on_done(void *arg, const struct json *doc, const struct err *err)
{
	struct registry_call *call = arg;
	registry_fn *done = call->done;
	void *done_arg = call->arg;

	call->registry->calls--;
	free(call);
	done(done_arg, doc, err);
}

struct registry_call *registry_ping(struct registry *registry, registry_fn *done, void *arg)
{
	struct registry_call *call = new_call(registry, done, arg);

	call->handle = registry->ops->ping(registry->self, on_done, call);
	return call;
}

struct registry_call *registry_add(struct registry *registry,
				   const struct register_service *service, registry_fn *done,
				   void *arg)
{
	struct registry_call *call = new_call(registry, done, arg);

	call->handle = registry->ops->add(registry->self, service, on_done, call);
	return call;
}

struct registry_call *registry_remove(struct registry *registry,
				      const struct register_service *service, registry_fn *done,
				      void *arg)
{
	struct registry_call *call = new_call(registry, done, arg);

	call->handle = registry->ops->remove(registry->self, service, on_done, call);
	return call;
}

struct registry_call *registry_refresh(struct registry *registry,
				       const struct register_service *service, registry_fn *done,
				       void *arg)
{
	struct registry_call *call = new_call(registry, done, arg);

	assert(registry->ops->refresh);
	call->handle = registry->ops->refresh(registry->self, service, on_done, call);
	return call;
}

struct registry_call *registry_list(struct registry *registry, registry_fn *done, void *arg)
{
	struct registry_call *call = new_call(registry, done, arg);

	assert(registry->ops->list);
	call->handle = registry->ops->list(registry->self, on_done, call);
	return call;
}

struct registry_call *registry_drain(struct registry *registry,
				     const struct register_service *service, bool on,
				     registry_fn *done, void *arg)
{
	struct registry_call *call = new_call(registry, done, arg);

	assert(registry->ops->drain);
	call->handle = registry->ops->drain(registry->self, service, on, on_done, call);
	return call;
}

void registry_cancel(struct registry_call **call)
{
	if (!*call)
		return;
	(*call)->registry->calls--;
	(*call)->registry->ops->cancel((*call)->registry->self, (*call)->handle);
	free(*call);
	*call = NULL;
}
