/*
 * calico/clean.h - delete one endpoint, release one address, put both back; each as a sequence
 * that looks again right before it acts.
 *
 *     clean = calico_delete_start(&env, key, modified_index, on_deleted, state);
 *     clean = calico_release_start(&env, &address, &options, on_released, state);
 *     clean = calico_undo_start(&env, &undo, on_undone, state);
 *
 * Order of a repair: the Docker record first (calico_ghost_may_disconnect), then the endpoint,
 * then the address. While the slot stays taken nobody can be given the address.
 *
 * Delete: read with quorum; gone: "already gone"; another index than the confirmed one: stop. Ask
 * the node's daemon anew, judge anew; not dead: stop. Save (before_delete), then delete with
 * prevIndex. A time-out is read again: gone is done, marked unconfirmed. Then the empty folders.
 * Release: the slot is taken and has no handle; no endpoint, no running container, no record and
 * no node has the address, on any node; every daemon has answered. Save, write with prevIndex; a
 * lost race starts again (others allocate in the same block).
 * Undo: the slot must be free, the key must not exist. The block is edited as it is now, never
 * written back whole.
 *
 * Completion rules: loop/loop.h.
 */
#ifndef BINNACLE_CALICO_CLEAN_H
#define BINNACLE_CALICO_CLEAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/calico/address.h"
#include "binnacle/calico/verdict.h"

struct etcd;
struct loop;

/* What undo needs, given to before_delete. All borrowed until that returns. */
struct calico_undo_record {
	const char *etcd_address, *cluster_id;
	/* A deletion: the endpoint. NULL key: this is a release. */
	const char *wep_key, *wep_value;
	uint64_t wep_created_index, wep_modified_index;
	enum calico_verdict verdict;
	struct calico_evidence_list evidence;
	/* The block of the (first) address as it was. NULL key: there is none. */
	struct calico_net address;
	const char *block_key, *block_value;
	uint64_t block_modified_index;
};

/* The sources now. Borrowed until it returns; keep views by reference. */
typedef void calico_sources_fn(void *arg, const struct calico_source *sources, size_t count);

struct calico_clean_env {
	struct loop *loop;
	struct etcd *etcd;
	void *arg; /* of the callbacks below */
	/*
	 * Ask the daemon of `node` anew (NULL: all daemons), then run `done` once, from the loop,
	 * with every source there is; those that were not asked as they are known. `node` lives
	 * until then. Gives a handle for query_cancel, after which `done` must not run.
	 */
	void *(*query)(void *arg, const char *node, calico_sources_fn *done, void *done_arg);
	void (*query_cancel)(void *arg, void *handle);
	/* Write the record and fsync it; false stops the sequence. */
	bool (*before_delete)(void *arg, const struct calico_undo_record *record, struct err *err);
	const struct calico_history *history;
	int64_t grace_ms, view_max_age_ms; /* as in struct calico_evidence_base */
	const char *const *decommissioned;
};

enum calico_outcome {
	CALICO_DONE,
	CALICO_ALREADY_GONE, /* of a release: the slot is free already */
	CALICO_CHANGED,      /* not what was confirmed: look again; nothing was done */
	CALICO_REFUSED,      /* a check says no; nothing was done */
	CALICO_UNCONFIRMED,  /* the write may or may not have happened, and cannot be read */
	CALICO_FAILED,       /* etcd or the undo record: nothing was done; see err */
};
const char *calico_outcome_name(enum calico_outcome outcome);

struct calico_clean_result {
	enum calico_outcome outcome;
	struct err err;              /* the reason for anything but done and already gone */
	bool unconfirmed;            /* done, but seen only by reading again after a time-out */
	enum calico_verdict verdict; /* of the second look, when there was one */
	enum calico_reason reason;
	uint64_t etcd_index; /* of the write */
	unsigned attempts;
	unsigned folders_pruned;
};

typedef void calico_clean_fn(void *arg, const struct calico_clean_result *result);
struct calico_clean;

/* The env is copied; what it points to must outlive the sequence. */
struct calico_clean *calico_delete_start(const struct calico_clean_env *env, const char *wep_key,
					 uint64_t confirmed_modified_index, calico_clean_fn *done,
					 void *arg);

struct calico_release_options {
	/* The operator has typed the address: daemons that do not answer are overlooked. Nothing
	 * else is. */
	bool overlook_unreachable;
	/* It was the address of an endpoint that has just been deleted. Without this, the block
	 * must have been seen unchanged for the grace: an address is taken before its endpoint is
	 * written, so a slot without endpoint may be that of a container about to start. */
	bool was_leaked;
	/* Its key, when that is known: in API v3 the store compares in the same transaction that it
	 * is still gone. In API v2 the block's own index has to do. */
	const char *wep_key;
};
struct calico_clean *calico_release_start(const struct calico_clean_env *env,
					  const struct calico_net *address,
					  const struct calico_release_options *options,
					  calico_clean_fn *done, void *arg);

/* From the saved records. Copied. */
struct calico_undo {
	const char *wep_key, *wep_value;    /* NULL: only the address */
	const struct calico_net *addresses; /* those that had been released */
	size_t address_count;
};
struct calico_clean *calico_undo_start(const struct calico_clean_env *env,
				       const struct calico_undo *undo, calico_clean_fn *done,
				       void *arg);

void calico_clean_cancel(struct calico_clean **clean); /* NULL allowed; sets NULL */

#endif
