/*
 * support/calico_cluster.h - a small Calico cluster put together by hand: keys as the plugin
 * writes them, and what the Docker daemons say.
 *
 *     cluster = cluster_new();
 *     cluster_wep(cluster, "N1", 'a', "10.0.0.1");
 *     cluster_block(cluster, "10.0.0.0/26", "N1", (int[]){ 1, -1 });
 *     state = cluster_state(cluster);
 *     view = cluster_view("docker-1");
 *     cluster_container(view, &(struct cluster_container){ .name = "web", .eid = 'a', … });
 *
 * Endpoint ids are one hexadecimal digit 64 times. Texts given back live until the next call of
 * the same function.
 */
#ifndef SUPPORT_CALICO_CLUSTER_H
#define SUPPORT_CALICO_CLUSTER_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/calico/verdict.h"

struct cluster;
struct real_etcd;

/* Which of Calico's APIs all of this is of from now on; API v1 at the start. */
void cluster_use(enum calico_api api);
struct cluster *cluster_new(void);
void cluster_free(struct cluster *cluster);
/* Write a key: a new index each time; NULL removes it. */
void cluster_put(struct cluster *cluster, const char *key, const char *value);
/* A node with its metadata; a pool 10.0.0.0/8 is there from the start. */
void cluster_node(struct cluster *cluster, const char *node);
/* Its address, and that of its tunnel; NULL: none. */
void cluster_node_address(struct cluster *cluster, const char *node, const char *address,
			  const char *tunnel);
/* The address may have a mask: "10.0.0.8/29". */
void cluster_wep(struct cluster *cluster, const char *node, char eid, const char *address);
/* Slots that are taken, ended by -1; a slot + 1000 has a handle. node NULL: nobody's. */
void cluster_block(struct cluster *cluster, const char *cidr, const char *node, const int *taken);
struct calico_state *cluster_state(const struct cluster *cluster);
/* Write all keys to a store, in the place of what Calico has there. */
void cluster_push(const struct cluster *cluster, const struct real_etcd *etcd);
/* One key of a store; value NULL: it goes. */
void cluster_store(const struct real_etcd *etcd, const char *key, const char *value);
/* What is stored under a key; "" when nothing is. The caller frees. */
char *cluster_stored(const struct real_etcd *etcd, const char *key);

/* An endpoint that another orchestrator made; gives its key. */
const char *cluster_foreign_wep(struct cluster *cluster, const char *node, const char *address);

const char *cluster_eid(char digit);
const char *cluster_wep_key(const char *node, char eid);
/* In API v3 of the node that cluster_wep_key was called with for this endpoint. */
const char *cluster_wep_value(char eid, const char *address);
const char *cluster_block_value(const char *cidr, const char *node, const int *taken);

struct cluster_container {
	const char *name;
	char eid;                                       /* 0: none */
	const char *status;                             /* NULL: "running" */
	const char *address;                            /* NULL: none */
	const char *wanted;                             /* NULL: none asked for */
	const char *error, *started, *finished, *label; /* the label's value is "x" */
};
/* Complete, taken now. */
struct calico_docker_view *cluster_view(const char *source);
void cluster_container(struct calico_docker_view *view, const struct cluster_container *container);
/* An entry of the network calico-net; is_record: listed as ep-. */
void cluster_record(struct calico_docker_view *view, char eid, const char *name,
		    const char *address, bool is_record);

#endif
