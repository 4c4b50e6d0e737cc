/*
 * etcd/etcd3.h - an etcd cluster through the JSON gateway of its v3 API.
 *
 *     etcd = etcd3_new(loop, http, &config, &err);
 *     call = etcd3_range(etcd, "/calico/", ETCD3_PREFIX, on_keys, state);
 *     call = etcd3_delete(etcd, key, 1234, on_deleted, state);
 *     watch = etcd3_watch_start(etcd, "/calico/", ETCD3_PREFIX, revision + 1, &events, state);
 *
 * Keys and values are plain here and base64 on the wire. Members are tried in order, as with
 * etcd/etcd.h: reads go on to the next member on connect error, timeout or 5xx, a write is asked
 * once, because it may have happened. What the gateway's paths start with differs by version
 * (/v3alpha, /v3beta, /v3): each member is asked for its version before its first request. With
 * a user and a password a token is fetched before the first request, and once more when it is no
 * longer accepted; a cluster whose authentication is off is used without. Completion rules:
 * loop/loop.h.
 *
 * Errors: ERR_NOT_FOUND (no such key, no such lease), ERR_CONFLICT (compare failed, history
 * compacted), ERR_DENIED (login missing or wrong, permission), ERR_REFUSED (all else that the
 * server says no to; a server without the gateway), ERR_FORMAT, ERR_UNREACHABLE.
 *
 * Reference: etcd 3.4 documentation, "Why gRPC gateway", and etcdserverpb/rpc.proto.
 */
#ifndef BINNACLE_ETCD_ETCD3_H
#define BINNACLE_ETCD_ETCD3_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"

struct etcd_config; /* etcd/etcd.h */
struct etcd3;
struct etcd3_call;
struct etcd3_watch;
struct http;
struct loop;

/* Bytes end with a NUL that is not counted. A deleted key has only key and mod_revision. */
struct etcd3_kv {
	const char *key, *value;
	size_t key_len, value_len;
	uint64_t create_revision, mod_revision, version, lease;
};

/* What one operation gave. */
struct etcd3_result {
	const struct etcd3_kv *kvs; /* found by a range, in the order of keys; what was there
				       before a put or a delete */
	size_t count;
	uint64_t total;   /* of a range: how many there are, also with ETCD3_COUNT_ONLY */
	uint64_t deleted; /* of a delete */
};

struct etcd3_answer {
	uint64_t revision;                  /* of the store, when the answer was made */
	const char *cluster_id;             /* hexadecimal, as the v2 API writes it */
	bool succeeded;                     /* the comparisons held; true without any */
	const struct etcd3_result *results; /* one for each operation that was done */
	size_t result_count;
	uint64_t lease; /* of lease calls */
	int64_t ttl_s;
};

/* answer: NULL when err is set. Both borrowed. */
typedef void etcd3_fn(void *arg, const struct etcd3_answer *answer, const struct err *err);

/* NULL when no endpoint is given or one is malformed. `api` of the config is not looked at.
 * Calls and watches must have ended before etcd3_free. */
struct etcd3 *etcd3_new(struct loop *loop, struct http *http, const struct etcd_config *config,
			struct err *err);
void etcd3_free(struct etcd3 *etcd);
const char *etcd3_address(const struct etcd3 *etcd); /* of the member in use, for messages */

enum etcd3_flags {
	ETCD3_PREFIX = 1, /* all keys that start with `key`; "" is all keys there are */
	ETCD3_KEYS_ONLY = 2,
	ETCD3_COUNT_ONLY = 4,
};

/* All keys at one revision, linearized; read in pages of etcd3_set_page keys. */
struct etcd3_call *etcd3_range(struct etcd3 *etcd, const char *key, unsigned flags, etcd3_fn *done,
			       void *arg);
void etcd3_set_page(struct etcd3 *etcd, unsigned keys); /* 0: the default, 1000 */

enum etcd3_target { ETCD3_MOD, ETCD3_CREATE, ETCD3_VERSION };

/* The key's revision (0: it does not exist) must be equal to `number`, or above it. */
struct etcd3_compare {
	const char *key;
	enum etcd3_target target;
	uint64_t number;
	bool above;
};

enum etcd3_op_kind { ETCD3_GET, ETCD3_PUT, ETCD3_DELETE };

struct etcd3_op {
	enum etcd3_op_kind kind;
	const char *key;
	const char *value; /* PUT; length 0: strlen */
	size_t value_len;
	uint64_t lease; /* PUT: the key goes with the lease; 0: none */
	bool prefix;    /* GET, DELETE */
};

/* All comparisons hold: `then` is done, else `otherwise` (may be empty). */
struct etcd3_txn {
	const struct etcd3_compare *compares;
	size_t compare_count;
	const struct etcd3_op *then, *otherwise;
	size_t then_count, otherwise_count;
};

struct etcd3_call *etcd3_txn(struct etcd3 *etcd, const struct etcd3_txn *txn, etcd3_fn *done,
			     void *arg);
/* Without comparison. lease 0: none. */
struct etcd3_call *etcd3_put(struct etcd3 *etcd, const char *key, const char *value, uint64_t lease,
			     etcd3_fn *done, void *arg);
/* One key. mod_revision 0: whatever it is. ERR_NOT_FOUND when there was none, ERR_CONFLICT when
 * it has another revision; else the result holds what was deleted. */
struct etcd3_call *etcd3_delete(struct etcd3 *etcd, const char *key, uint64_t mod_revision,
				etcd3_fn *done, void *arg);

/* id 0: the server chooses. The answer has lease and ttl_s. */
struct etcd3_call *etcd3_lease_grant(struct etcd3 *etcd, uint64_t id, int64_t ttl_s, etcd3_fn *done,
				     void *arg);
/* Once; ERR_NOT_FOUND when the lease has expired. */
struct etcd3_call *etcd3_lease_keepalive(struct etcd3 *etcd, uint64_t id, etcd3_fn *done,
					 void *arg);
/* With all its keys. */
struct etcd3_call *etcd3_lease_revoke(struct etcd3 *etcd, uint64_t id, etcd3_fn *done, void *arg);

void etcd3_call_cancel(struct etcd3_call **call); /* NULL allowed; sets NULL */

struct etcd3_event {
	bool is_delete;
	struct etcd3_kv kv;
};

/*
 * One stream of changes. `open` (may be NULL) runs once, when the server has confirmed it;
 * `events` for each message. `end` runs once: then the watch is gone. After an end without
 * `compact_revision`, start again from the mod_revision of the last event + 1 (`revision` is
 * that of the store, which may be above that of events still to come). With it the history before
 * that revision is gone: read everything, and watch from that answer's revision + 1.
 */
struct etcd3_watch_events {
	void (*open)(void *arg);
	void (*events)(void *arg, const struct etcd3_event *events, size_t count,
		       uint64_t revision);
	void (*end)(void *arg, uint64_t compact_revision, const struct err *err);
};
struct etcd3_watch *etcd3_watch_start(struct etcd3 *etcd, const char *key, unsigned flags,
				      uint64_t start_revision,
				      const struct etcd3_watch_events *events, void *arg);
void etcd3_watch_stop(struct etcd3_watch **watch); /* NULL allowed; sets NULL */

#endif
