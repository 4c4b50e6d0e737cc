/*
 * etcd's v3 store: the keys and values of the v2 one, so that readers find them alike. A lifetime
 * is a lease of its own for each service: granted with the first write and then kept alive. A
 * refresh keeps the lease and writes only when the key is gone, so that it wakes no watcher.
 *
 * A request is a row of steps, each begun by the answer to the one before.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/strmap.h"
#include "binnacle/etcd/etcd3.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"
#include "stores.h"

struct etcd3_registry {
	struct etcd3 *etcd;   /* borrowed */
	char *prefix;         /* without a slash at its end */
	struct strmap leases; /* key to uint64_t *, those that we granted */
};

struct etcd3_request {
	struct etcd3_registry *registry;
	struct etcd3_call *call;
	char *key, *value;
	int64_t ttl_s;
	registry_fn *done;
	void *arg;
};

static void free_request(struct etcd3_request *request)
{
	etcd3_call_cancel(&request->call);
	free(request->key);
	free(request->value);
	free(request);
}

static void finish(struct etcd3_request *request, const struct err *err)
{
	registry_fn *done = request->done;
	void *arg = request->arg;

	free_request(request);
	done(arg, NULL, err);
}

static uint64_t lease_of(const struct etcd3_registry *registry, const char *key)
{
	const uint64_t *lease = strmap_get(&registry->leases, key);

	return lease ? *lease : 0;
}

/* lease 0: none any more. */
static void set_lease(struct etcd3_registry *registry, const char *key, uint64_t lease)
{
	uint64_t *kept;

	if (!lease) {
		free(strmap_remove(&registry->leases, key));
		return;
	}
	kept = xmalloc(sizeof(*kept));
	*kept = lease;
	free(strmap_put(&registry->leases, key, kept));
}

static struct etcd3_request *new_request(struct etcd3_registry *registry,
					 const struct register_service *service, registry_fn *done,
					 void *arg)
{
	struct etcd3_request *request = xcalloc(1, sizeof(*request));
	struct strbuf value = STRBUF_INIT;

	request->registry = registry;
	request->done = done;
	request->arg = arg;
	if (service) {
		store_add_place(&value, service);
		request->key = xasprintf("%s/%s/%s", registry->prefix, service->name, service->id);
		request->value = strbuf_detach(&value, NULL);
		request->ttl_s = service->ttl_s;
	}
	return request;
}

/* The end of every row. */
static void on_last(void *arg, const struct etcd3_answer *answer, const struct err *err)
{
	struct etcd3_request *request = arg;

	(void)answer;
	request->call = NULL;
	finish(request, err);
}

static void *etcd3_registry_ping(void *self, registry_fn *done, void *arg)
{
	struct etcd3_registry *registry = self;
	struct etcd3_request *request = new_request(registry, NULL, done, arg);

	request->call = etcd3_range(registry->etcd, "/", ETCD3_COUNT_ONLY, on_last, request);
	return request;
}

static void on_granted(void *arg, const struct etcd3_answer *answer, const struct err *err)
{
	struct etcd3_request *request = arg;
	struct etcd3_registry *registry = request->registry;

	request->call = NULL;
	if (err) {
		finish(request, err);
		return;
	}
	/* The lease before, if there was one, ends by itself. */
	set_lease(registry, request->key, answer->lease);
	request->call = etcd3_put(registry->etcd, request->key, request->value, answer->lease,
				  on_last, request);
}

static void write_key(struct etcd3_request *request)
{
	struct etcd3 *etcd = request->registry->etcd;

	if (request->ttl_s > 0)
		request->call = etcd3_lease_grant(etcd, 0, request->ttl_s, on_granted, request);
	else
		request->call = etcd3_put(etcd, request->key, request->value, 0, on_last, request);
}

static void *etcd3_registry_add(void *self, const struct register_service *service,
				registry_fn *done, void *arg)
{
	struct etcd3_request *request = new_request(self, service, done, arg);

	write_key(request);
	return request;
}

static void on_kept(void *arg, const struct etcd3_answer *answer, const struct err *err)
{
	struct etcd3_request *request = arg;
	struct etcd3_registry *registry = request->registry;
	const struct etcd3_compare is_gone = { .key = request->key, .target = ETCD3_VERSION };
	const struct etcd3_op put = { .kind = ETCD3_PUT,
				      .key = request->key,
				      .value = request->value,
				      .lease = lease_of(registry, request->key) };
	const struct etcd3_txn txn = {
		.compares = &is_gone, .compare_count = 1, .then = &put, .then_count = 1
	};

	(void)answer;
	request->call = NULL;
	if (err && err->code == ERR_NOT_FOUND) {
		set_lease(registry, request->key, 0);
		write_key(request);
	} else if (err) {
		finish(request, err);
	} else {
		request->call = etcd3_txn(registry->etcd, &txn, on_last, request);
	}
}

static void *etcd3_registry_refresh(void *self, const struct register_service *service,
				    registry_fn *done, void *arg)
{
	struct etcd3_registry *registry = self;
	struct etcd3_request *request = new_request(registry, service, done, arg);
	uint64_t lease = lease_of(registry, request->key);

	if (lease)
		request->call = etcd3_lease_keepalive(registry->etcd, lease, on_kept, request);
	else
		write_key(request);
	return request;
}

/* Without a key there is no use for its lease. Whether it could be ended does not matter. */
static void on_revoked(void *arg, const struct etcd3_answer *answer, const struct err *err)
{
	(void)err;
	on_last(arg, answer, NULL);
}

static void on_deleted(void *arg, const struct etcd3_answer *answer, const struct err *err)
{
	struct etcd3_request *request = arg;
	struct etcd3_registry *registry = request->registry;
	uint64_t lease = lease_of(registry, request->key);

	(void)answer;
	request->call = NULL;
	if (!lease || (err && err->code != ERR_NOT_FOUND)) {
		finish(request, err);
		return;
	}
	set_lease(registry, request->key, 0);
	request->call = etcd3_lease_revoke(registry->etcd, lease, on_revoked, request);
}

static void *etcd3_registry_remove(void *self, const struct register_service *service,
				   registry_fn *done, void *arg)
{
	struct etcd3_registry *registry = self;
	struct etcd3_request *request = new_request(registry, service, done, arg);

	request->call = etcd3_delete(registry->etcd, request->key, 0, on_deleted, request);
	return request;
}

static void etcd3_registry_cancel(void *self, void *handle)
{
	(void)self;
	free_request(handle);
}

static void etcd3_registry_free(void *self)
{
	struct etcd3_registry *registry = self;

	for (size_t i = 0; i < registry->leases.count; i++)
		free(registry->leases.entries[i].value);
	strmap_release(&registry->leases);
	free(registry->prefix);
	free(registry);
}

struct registry *registry_etcd3_new(struct etcd3 *etcd, const char *prefix)
{
	static const struct registry_ops ops = {
		.name = "etcd3",
		.ping = etcd3_registry_ping,
		.add = etcd3_registry_add,
		.remove = etcd3_registry_remove,
		.refresh = etcd3_registry_refresh,
		.cancel = etcd3_registry_cancel,
		.free = etcd3_registry_free,
	};
	struct etcd3_registry *registry = xcalloc(1, sizeof(*registry));
	size_t len = strlen(prefix);

	while (len && prefix[len - 1] == '/')
		len--;
	registry->etcd = etcd;
	registry->prefix = xstrndup(prefix, len);
	return registry_new(&ops, registry, etcd3_address(etcd));
}
