/*
 * etcd/etcd.h - an etcd cluster as keys with values and indices, through either of its APIs.
 *
 *     etcd = etcd_new(loop, http, &config, &err);
 *     call = etcd_get(etcd, "/calico/v1/host", ETCD_RECURSIVE | ETCD_QUORUM, on_tree, state);
 *     call = etcd_delete(etcd, key, &(struct etcd_condition){ .prev_index = 17 }, on_deleted, …);
 *     watch = etcd_watch_start(etcd, "/calico", on_change, state);
 *
 * Members are tried in order; the next one on connect error, timeout or 5xx; the one that worked
 * is kept. Reads are retried on the other members; writes are not (a write that timed out may
 * have happened: read again with quorum). Keys are given as stored; they are percent-encoded
 * here. Completion rules: loop/loop.h.
 *
 * With `api` ETCD_V3 the same calls work on the keys of the v3 API, which are other keys than those
 * of the v2 API in the same cluster. Answers have the same shape: an index is a revision, a
 * recursive get gives all keys below `key` as one flat list of nodes. There are no folders:
 * deleting one is ERR_NOT_FOUND. For more than that see etcd/etcd3.h.
 *
 * Errors: 404/100 ERR_NOT_FOUND, 412/101, 105 and 403/108 ERR_CONFLICT, 401/110 ERR_DENIED, a
 * 404 that is not JSON means that the v2 API is off and says so (ERR_REFUSED). A write without an
 * answer is ERR_UNREACHABLE.
 *
 * Reference: etcd 3.4 documentation, "etcd v2 API"; for v3 see etcd/etcd3.h.
 */
#ifndef BINNACLE_ETCD_ETCD_H
#define BINNACLE_ETCD_ETCD_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"

struct etcd;
struct etcd_call;
struct etcd_watch;
struct http;
struct json;
struct loop;

/* UNDECIDED: calls are held until etcd_use_api says which, or end with etcd_fail_held. */
enum etcd_api { ETCD_V2, ETCD_V3, ETCD_UNDECIDED };

struct etcd_config {
	enum etcd_api api;
	const char *const *endpoints; /* URLs, NULL-terminated; at least one */
	const char *user, *password;  /* used only when both are set */
	const char *ca_file, *cert_file, *key_file;
	int64_t timeout_ms; /* of one request to one member; 0: 10 seconds */
	int64_t idle_ms;    /* a watch without news reads again after this; 0: 30 seconds */
};

enum etcd_flags { ETCD_RECURSIVE = 1, ETCD_QUORUM = 2, ETCD_SORTED = 4 };

struct etcd_meta {
	enum etcd_api api;
	uint64_t etcd_index;    /* X-Etcd-Index: current index of the store */
	const char *cluster_id; /* X-Etcd-Cluster-Id; borrowed */
};

/*
 * doc is the whole answer: {"action","node","prevNode"}; NULL when err is set. meta says etcd_index
 * 0 when no member answered.
 */
typedef void etcd_fn(void *arg, const struct json *doc, const struct etcd_meta *meta,
		     const struct err *err);

/* What must hold, by the store's own compare, and how long a value stays: */
struct etcd_condition {
	uint64_t prev_index;             /* 0: not compared */
	bool must_exist, must_not_exist; /* prevExist=true, =false (PUT only) */
	bool dir;                        /* DELETE: an empty directory */
	int64_t ttl_s; /* PUT: the store removes the key after this time; 0: never */
	/* v3 only, in the same transaction: this key must not exist; NULL: not compared */
	const char *absent_key;
};

/* NULL when no endpoint is given or one is malformed. Calls and watches must have ended before
 * etcd_free. */
struct etcd *etcd_new(struct loop *loop, struct http *http, const struct etcd_config *config,
		      struct err *err);
void etcd_free(struct etcd *etcd);
const char *etcd_address(const struct etcd *etcd); /* of the member in use, for messages */
enum etcd_api etcd_api(const struct etcd *etcd);
/* The API of all calls and watches from now on; those that are held begin. */
void etcd_use_api(struct etcd *etcd, enum etcd_api api);
/* Nobody can say which: what is held ends with this. Not from inside a call that starts one. */
void etcd_fail_held(struct etcd *etcd, const struct err *err);

struct etcd_call *etcd_get(struct etcd *etcd, const char *key, unsigned flags, etcd_fn *done,
			   void *arg);
/* The same with an API that is told, to find out which it is. */
struct etcd_call *etcd_get_as(struct etcd *etcd, enum etcd_api api, const char *key, unsigned flags,
			      etcd_fn *done, void *arg);
struct etcd_call *etcd_put(struct etcd *etcd, const char *key, const char *value,
			   const struct etcd_condition *condition, etcd_fn *done, void *arg);
struct etcd_call *etcd_delete(struct etcd *etcd, const char *key,
			      const struct etcd_condition *condition, etcd_fn *done, void *arg);
void etcd_call_cancel(struct etcd_call **call); /* NULL allowed; sets NULL */

/*
 * Follow a tree for ever. `changed` runs with the whole tree (doc as from a recursive quorum
 * get; doc NULL and err NULL when the key does not exist) at the start, after each change
 * (several changes within 50 ms are one; a busy tree is read four times a second at most) and
 * after an outage, and once with err when an outage begins. Watches by index; when the store has
 * forgotten the index (400/401), and while nothing happens for 30 s, reads the tree again: so a
 * member that hangs without closing is noticed after these and the time-outs of the requests.
 */
struct etcd_watch *etcd_watch_start(struct etcd *etcd, const char *key, etcd_fn *changed,
				    void *arg);
/* Changes of keys that `is_quiet` says yes to are reported only after delay_ms, or together with
 * another change: for heartbeats. */
typedef bool etcd_quiet_fn(const char *key);
void etcd_watch_set_quiet(struct etcd_watch *watch, etcd_quiet_fn *is_quiet, int64_t delay_ms);
/* The least time between two reads, where what is done with a tree takes long; below the usual:
 * that one. A change after a pause is still read at once. */
void etcd_watch_set_interval(struct etcd_watch *watch, int64_t interval_ms);
void etcd_watch_stop(struct etcd_watch **watch); /* NULL allowed; sets NULL */
/* When the last tree given was last known to be current; 0: never. Monotonic. */
int64_t etcd_watch_alive_ms(const struct etcd_watch *watch);

#endif
