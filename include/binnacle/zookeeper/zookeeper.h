/*
 * zookeeper/zookeeper.h - a session with a ZooKeeper server.
 *
 *     zk = zookeeper_new(loop, "zk-1:2181", &events, registry, &err);
 *     call = zookeeper_create(zk, "/services/web/10.0.0.1:80", data, true, on_created, state);
 *     ...
 *     zookeeper_free(zk);
 *
 * It connects with the first call, and from then on stays connected, because ephemeral nodes live
 * as long as their session: after a loss it comes back with the same session within its time, and
 * with a new one after that; `up` tells which. Calls that are under way when the connection is
 * lost, or cannot be made, end with ERR_UNREACHABLE; calls while there is none wait for the next
 * attempt, which is made at once. Completion rules: loop/loop.h.
 *
 * ERR_NOT_FOUND: no such node, or its parent. ERR_CONFLICT: it exists; it has children.
 * ERR_DENIED: its access list. ERR_REFUSED: all else that the server says no to, with its code.
 *
 * Nodes are made with an open access list, as Registrator does. No TLS, no authentication, one
 * server. Reference: ZooKeeper 3.8, zookeeper.jute and ZooDefs.OpCode. The protocol is spoken here
 * and not by Debian's client library, because that resolves names blocking, exists only for linking
 * statically, and a registry needs five requests.
 */
#ifndef BINNACLE_ZOOKEEPER_ZOOKEEPER_H
#define BINNACLE_ZOOKEEPER_ZOOKEEPER_H

#include <stdbool.h>
#include <stdint.h>

#include "binnacle/base/err.h"

struct loop;
struct zookeeper;
struct zookeeper_call;

typedef void zookeeper_fn(void *arg, const struct err *err);

struct zookeeper_events {
	/* A connection stands. Ephemeral nodes of other sessions of ours are gone, or will be. */
	void (*up)(void *arg, int64_t session);
};

/* address: "HOST", "HOST:PORT", "[IPV6]:PORT"; the port is 2181 by default. NULL: malformed. */
struct zookeeper *zookeeper_new(struct loop *loop, const char *address,
				const struct zookeeper_events *events, void *arg, struct err *err);
/* Calls must have ended. The session ends by itself, with its ephemeral nodes, after its time. */
void zookeeper_free(struct zookeeper *zk);
const char *zookeeper_address(const struct zookeeper *zk); /* for messages */
int64_t zookeeper_session(const struct zookeeper *zk);     /* 0: none yet */

struct zookeeper_call *zookeeper_exists(struct zookeeper *zk, const char *path, zookeeper_fn *done,
					void *arg);
/* data may be "". An ephemeral node goes with the session. Parents are not made. */
struct zookeeper_call *zookeeper_create(struct zookeeper *zk, const char *path, const char *data,
					bool is_ephemeral, zookeeper_fn *done, void *arg);
struct zookeeper_call *zookeeper_set(struct zookeeper *zk, const char *path, const char *data,
				     zookeeper_fn *done, void *arg);
struct zookeeper_call *zookeeper_delete(struct zookeeper *zk, const char *path, zookeeper_fn *done,
					void *arg);
void zookeeper_call_cancel(struct zookeeper_call **call); /* NULL allowed; sets NULL */

#endif
