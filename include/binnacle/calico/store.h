/*
 * calico/store.h - all of Calico's data at one moment, and a watch on it.
 *
 *     watch = calico_watch_start(etcd, on_state, feed);
 *     static void on_state(void *arg, struct calico_state *state, const struct err *err)
 *     {
 *             if (state)
 *                     replace(arg, calico_state_ref(state));
 *     }
 *
 * A state is one recursive quorum read of /calico, so all of it is of the same etcd index. It is
 * immutable and counted; everything in it lives as long as the state. Which of Calico's APIs the
 * data is of follows from the client's (etcd/etcd.h): API v1 in etcd v2, API v3 in etcd v3; its
 * words are those of API v1 either way.
 */
#ifndef BINNACLE_CALICO_STORE_H
#define BINNACLE_CALICO_STORE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/json_decode.h"
#include "binnacle/calico/ipam.h"
#include "binnacle/calico/policy.h"
#include "binnacle/calico/workload_endpoint.h"

struct etcd;
struct etcd_meta;
struct json;

struct calico_node {
	const char *name;
	const char *bird_ip;        /* its address; "" when not stored */
	const char *tunnel_address; /* taken from IPAM by the node itself; "" when none */
	const char *bgp_as_num;     /* "": the global one */
	const char *bgp_ipv4, *bgp_ipv6, *bgp_network_v4, *bgp_network_v6; /* "" when unused */
	bool felix_alive;       /* it has reported within its time to live */
	bool felix_unknown;     /* API v3, which need not keep reports: nobody knows */
	const char *felix_time; /* of the last report, RFC 3339; "" when none */
	double felix_uptime_s;
};

struct calico_state {
	enum calico_api api;
	uint64_t etcd_index;
	const char *cluster_id; /* of etcd; "" when unknown */
	int64_t read_wall_ms, read_mono_ms;
	bool exists;                               /* false: there is nothing under /calico */
	bool ready;                                /* Calico says so: the data is complete */
	const char *calico_version, *cluster_guid; /* "" when not stored */
	const char *bgp_as_num;                    /* of nodes without their own; "": 64512 */

	/* Each sorted by key. */
	const struct calico_wep *weps;
	size_t wep_count;
	const struct calico_host_endpoint *host_endpoints;
	size_t host_endpoint_count;
	const struct calico_node *nodes;
	size_t node_count;
	const struct calico_policy *policies; /* sorted by calico_policy_compare */
	size_t policy_count;
	const struct calico_profile *profiles;
	size_t profile_count;
	const struct calico_pool *pools;
	size_t pool_count;
	const struct calico_block *blocks;
	size_t block_count;
	const struct calico_handle *handles;
	size_t handle_count;
	const struct calico_affinity *affinities;
	size_t affinity_count;
};

struct calico_state *calico_state_ref(struct calico_state *state); /* gives back its argument */
void calico_state_unref(struct calico_state *state);               /* NULL allowed */

/*
 * From the answer of a recursive get of /calico (doc NULL: the key does not exist). What cannot
 * be read in it is marked with its `problem`, so this fails only on a document that is no tree.
 */
struct calico_state *calico_state_new(const struct json *doc, const struct etcd_meta *meta,
				      struct err *err);

const struct calico_wep *calico_state_wep(const struct calico_state *state, const char *key);
const struct calico_node *calico_state_node(const struct calico_state *state, const char *name);
const struct calico_profile *calico_state_profile(const struct calico_state *state,
						  const char *name);
/* The block that an address lies in; NULL when nobody has claimed it. */
const struct calico_block *calico_state_block_of(const struct calico_state *state,
						 const struct calico_net *address);
/* The narrowest pool that has the address; NULL: outside every pool. */
const struct calico_pool *calico_state_pool_of(const struct calico_state *state,
					       const struct calico_net *address);

/* A label as policies see it: the endpoint's own, else its profiles' labels and tags. */
const char *calico_state_label(const struct calico_state *state, const struct calico_wep *wep,
			       const char *name);
bool calico_state_selects(const struct calico_state *state, const struct calico_policy *policy,
			  const struct calico_wep *wep);
/*
 * What decides the traffic of an endpoint. With neither a policy in a direction nor a profile,
 * everything in that direction is dropped: worth a warning.
 */
struct calico_effect {
	size_t ingress_policies, egress_policies, profiles;
};
struct calico_effect calico_state_effect(const struct calico_state *state,
					 const struct calico_wep *wep);

/* state: borrowed, take a reference to keep it; NULL when err is set. */
typedef void calico_state_fn(void *arg, struct calico_state *state, const struct err *err);

/* Read once, with quorum. Completion rules: loop/loop.h. */
struct calico_read;
struct calico_read *calico_read_start(struct etcd *etcd, calico_state_fn *done, void *arg);
void calico_read_cancel(struct calico_read **read);

/* Follow for ever: a new state at the start and after changes; once with err per outage. */
struct calico_watch;
struct calico_watch *calico_watch_start(struct etcd *etcd, calico_state_fn *changed, void *arg);
/*
 * What it took to make use of a state. Changes are read so seldom that all of it takes a tenth of
 * the time at most: a large cluster that never rests must not keep a console from its keys.
 */
void calico_watch_took(struct calico_watch *watch, int64_t took_ms);
void calico_watch_stop(struct calico_watch **watch);
/* When the newest state was last known to be the current one (monotonic); 0: never. */
int64_t calico_watch_alive_ms(const struct calico_watch *watch);

#endif
