/*
 * calico/node_clean.h - what a node that is gone for good leaves besides its endpoints: its claims
 * on blocks of addresses, and its own keys. For after the endpoints went (calico/clean.h).
 *
 *     clean = calico_unclaim_start(&env, "host-7", &block, on_done, state);
 *     clean = calico_forget_node_start(&env, "host-7", on_done, state);
 *     clean = calico_node_restore_start(&env, saved, on_done, state);
 *
 * Unclaim: the block becomes nobody's, or goes when no address of it is assigned; then the claim
 * goes. Forget: every key of the node goes, one by one and compared, never a folder with what is in
 * it; then the empty folders. Both refuse when felix reports from the node, and forget also when an
 * endpoint, a host endpoint or a claim is still there. Restore: puts back what was saved, unless
 * something stands there again, and is the undo of both.
 *
 * In API v3 the node's keys are its Node resource, its own configurations of felix and BGP, and
 * felix's reports.
 *
 * What was saved is a JSON object, given to `save` before anything is written.
 * Completion rules: loop/loop.h. Reference: libcalico-go, lib/client/node.go and ipam.go
 * (ReleaseHostAffinities, RemoveIPAMHost).
 */
#ifndef BINNACLE_CALICO_NODE_CLEAN_H
#define BINNACLE_CALICO_NODE_CLEAN_H

#include "binnacle/calico/address.h"
#include "binnacle/calico/clean.h"

struct etcd;
struct json;

struct calico_node_env {
	struct etcd *etcd;
	void *arg;
	/* Takes the document. False: it could not be written, nothing is done. */
	bool (*save)(void *arg, struct json *document, struct err *err);
};

struct calico_node_clean;
struct calico_node_clean *calico_unclaim_start(const struct calico_node_env *env, const char *node,
					       const struct calico_net *block,
					       calico_clean_fn *done, void *arg);
struct calico_node_clean *calico_forget_node_start(const struct calico_node_env *env,
						   const char *node, calico_clean_fn *done,
						   void *arg);
/* saved: of one of the two; copied. */
struct calico_node_clean *calico_node_restore_start(const struct calico_node_env *env,
						    const struct json *saved, calico_clean_fn *done,
						    void *arg);
void calico_node_clean_cancel(struct calico_node_clean **clean); /* NULL allowed; sets NULL */

#endif
