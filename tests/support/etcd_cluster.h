/*
 * support/etcd_cluster.h - an etcd of three members for one test program, with TLS that wants a
 * certificate of the client, on free ports of the loopback. All certificates are of a CA made for
 * it.
 *
 * Each member also listens without TLS, for the functions of support/real_etcd.h, which play
 * "somebody else". Both APIs are served.
 */
#ifndef SUPPORT_ETCD_CLUSTER_H
#define SUPPORT_ETCD_CLUSTER_H

#include <stdbool.h>

#include "support/real_etcd.h"

#define ETCD_CLUSTER_MEMBERS 3

struct etcd_cluster {
	struct real_etcd members[ETCD_CLUSTER_MEMBERS];
	char urls[ETCD_CLUSTER_MEMBERS][48]; /* https */
	int tls_ports[ETCD_CLUSTER_MEMBERS];
	char dir[64];
	char ca_file[96];
	char cert_file[96], key_file[96];       /* of a client, without a common name */
	char cn_cert_file[96], cn_key_file[96]; /* with one */
	char other_ca_file[96];                 /* that has signed nothing here */
};

/* False when it cannot be run here (no etcd or openssl): the test is to be skipped. */
bool etcd_cluster_start(struct etcd_cluster *cluster);
void etcd_cluster_stop(struct etcd_cluster *cluster);
/* The member again, after real_etcd_kill. */
void etcd_cluster_again(struct etcd_cluster *cluster, int member);

#endif
