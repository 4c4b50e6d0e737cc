/*
 * What the three sequences share. A sequence is one struct with a table of what to do when the
 * state has been read; it ends through clean_finish, which runs the completion and frees it.
 */
#ifndef CLEAN_PRIVATE_H
#define CLEAN_PRIVATE_H

#include "binnacle/calico/clean.h"
#include "binnacle/etcd/etcd.h"

struct calico_clean {
	struct calico_clean_env env;
	calico_clean_fn *done;
	void *arg;
	struct calico_clean_result result;
	struct arena arena; /* of what was given at the start and what was saved */

	/* What is under way; at most one of these. */
	struct calico_read *read;
	struct etcd_call *call;
	void *query;

	struct calico_state *state; /* of the last read */
	int64_t asked_mono_ms;      /* when the daemons were asked */
	void (*on_state)(struct calico_clean *clean);
	void (*on_sources)(struct calico_clean *clean, const struct calico_report *report,
			   const struct calico_evidence_base *base);
	struct err write_err; /* of a write whose fate is being read */

	/* Delete */
	const char *wep_key, *wep_value;
	struct calico_wep_id wep_id;
	uint64_t wep_index;
	unsigned folder_level;

	/* Release and undo: the address at hand */
	struct calico_net address;
	struct calico_release_options options;
	uint64_t block_index;

	/* Undo */
	const struct calico_net *addresses;
	size_t address_count, next_address;
};

struct calico_clean *clean_new(const struct calico_clean_env *env, calico_clean_fn *done,
			       void *arg);
/* Read everything; then on_state, or the end when etcd does not answer. */
void clean_read(struct calico_clean *clean, void (*on_state)(struct calico_clean *clean));
/* Ask the daemons and judge with the state at hand; then on_sources. */
void clean_query(struct calico_clean *clean, const char *node,
		 void (*on_sources)(struct calico_clean *, const struct calico_report *,
				    const struct calico_evidence_base *));
/* The view was taken after the question of clean_query. */
bool clean_is_anew(const struct calico_clean *clean, const struct calico_docker_view *view);
bool clean_is_decommissioned(const struct calico_clean *clean, const char *node);
/* Run before_delete; false: the sequence has ended. */
bool clean_save(struct calico_clean *clean, const struct calico_undo_record *record);
/* The last two end the sequence; the caller returns at once. */
void clean_finish(struct calico_clean *clean, enum calico_outcome outcome);
void clean_end(struct calico_clean *clean, enum calico_outcome outcome, enum err_code code,
	       const char *fmt, ...) PRINTF_LIKE(4, 5);

#endif
