/*
 * register/registry.h - where services are registered: a table of functions.
 *
 *     registry = registry_consul_new(consul);
 *     call = registry_add(registry, service, on_added, item);
 *     ...
 *     registry_free(registry);
 *
 * Completion rules: loop/loop.h. A registry that cannot tell what it holds has no `list`; the
 * registrar then trusts what it wrote itself.
 */
#ifndef BINNACLE_REGISTER_REGISTRY_H
#define BINNACLE_REGISTER_REGISTRY_H

#include <stdbool.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct consul;
struct etcd;
struct etcd3;
struct json;
struct loop;
struct register_service;
struct registry;
struct registry_call;

/* doc: for lists, an object id → { Service, Tags, Address, Port, Meta } as Consul's agent gives
 * it; for pings what was answered, the address of Consul's leader for one, or NULL; NULL
 * otherwise and when err is set. */
typedef void registry_fn(void *arg, const struct json *doc, const struct err *err);

struct registry_ops {
	const char *name; /* "consul" */
	/* Each starts a request and returns its handle, whose completion is `done`. */
	void *(*ping)(void *self, registry_fn *done, void *arg);
	void *(*add)(void *self, const struct register_service *service, registry_fn *done,
		     void *arg);
	void *(*remove)(void *self, const struct register_service *service, registry_fn *done,
			void *arg);
	void *(*refresh)(void *self, const struct register_service *service, registry_fn *done,
			 void *arg); /* NULL: lifetimes are unknown here */
	void *(*list)(void *self, registry_fn *done, void *arg); /* NULL: cannot */
	/* Maintenance on or off. NULL: there is no such thing here */
	void *(*drain)(void *self, const struct register_service *service, bool on,
		       registry_fn *done, void *arg);
	void (*cancel)(void *self, void *handle);
	void (*free)(void *self);
};

/* Takes self. address: for messages, copied. */
struct registry *registry_new(const struct registry_ops *ops, void *self, const char *address);
void registry_free(struct registry *registry); /* calls must have ended; NULL allowed */
const char *registry_name(const struct registry *registry);
const char *registry_address(const struct registry *registry);
bool registry_can_list(const struct registry *registry);
bool registry_can_refresh(const struct registry *registry);
bool registry_can_drain(const struct registry *registry);

struct registry_call *registry_ping(struct registry *registry, registry_fn *done, void *arg);
struct registry_call *registry_add(struct registry *registry,
				   const struct register_service *service, registry_fn *done,
				   void *arg);
/* Of the service only id, name, address and port need to be set. */
struct registry_call *registry_remove(struct registry *registry,
				      const struct register_service *service, registry_fn *done,
				      void *arg);
struct registry_call *registry_refresh(struct registry *registry,
				       const struct register_service *service, registry_fn *done,
				       void *arg);
struct registry_call *registry_list(struct registry *registry, registry_fn *done, void *arg);
/* Consumers turn away from what is in maintenance. */
struct registry_call *registry_drain(struct registry *registry,
				     const struct register_service *service, bool on,
				     registry_fn *done, void *arg);
void registry_cancel(struct registry_call **call); /* NULL allowed; sets NULL */

/* The local agent's registry; consul is borrowed. */
struct registry *registry_consul_new(struct consul *consul);

/* Keys PREFIX/NAME/ID with address:port as their value. NULL when the prefix cannot be a key. */
struct registry *registry_consul_kv_new(struct consul *consul, const char *prefix, struct err *err);

/*
 * etcd's v2 store, borrowed; the services' ttl_s is their lifetime. registry_etcd_new: keys
 * PREFIX/NAME/ID with address:port as their value; the prefix may be "". registry_skydns2_new:
 * keys of SkyDNS 2 below /skydns and the labels of the domain from its end, with {"host","port"}
 * as their value; NULL when there is no domain.
 */
struct registry *registry_etcd_new(struct etcd *etcd, const char *prefix);
struct registry *registry_skydns2_new(struct etcd *etcd, const char *domain, struct err *err);

/* etcd's v3 store, borrowed: keys and values as with registry_etcd_new, lifetimes are leases. */
struct registry *registry_etcd3_new(struct etcd3 *etcd, const char *prefix);

/*
 * ZooKeeper at "HOST:PORT": ephemeral nodes BASE/NAME/ADDRESS:PORT with Registrator's JSON document.
 * They are written again in each new session. NULL when the address is malformed.
 */
struct registry *registry_zookeeper_new(struct loop *loop, const char *address, const char *base,
					struct err *err);

/* Append the body of PUT /v1/agent/service/register; also what a dry run prints. */
void registry_body(struct strbuf *out, const struct register_service *service);

#endif
