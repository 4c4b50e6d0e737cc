/*
 * calico/record.h - who owns Docker's own record of an endpoint, from Docker's cluster store.
 *
 *     read = calico_record_read_start(http, view->cluster_store, network_id, endpoint_id, on_owner,
 *                                     state);
 *
 * The record tells which daemon wrote it (`locator`): every other daemon of the cluster lists it
 * alike, and would drop it just as readily, together with the address of a container that runs.
 *
 * Completion rules: loop/loop.h. Reference: libnetwork, datastore and endpoint.go; libkv, stores
 * "etcd" and "consul".
 */
#ifndef BINNACLE_CALICO_RECORD_H
#define BINNACLE_CALICO_RECORD_H

#include "binnacle/base/err.h"

struct calico_record_owner {
	const char *locator; /* host part of the owner's --cluster-advertise */
	const char *name;    /* of the container */
};

/* owner: NULL when err is set. ERR_NOT_FOUND: there is no such record. Borrowed. */
typedef void calico_record_fn(void *arg, const struct calico_record_owner *owner,
			      const struct err *err);

struct http;
struct calico_record_read;
/* NULL with err when the address cannot be used. */
struct calico_record_read *calico_record_read_start(struct http *http, const char *cluster_store,
						    const char *network_id, const char *endpoint_id,
						    calico_record_fn *done, void *arg,
						    struct err *err);
void calico_record_read_cancel(struct calico_record_read **read); /* NULL allowed; sets NULL */

#endif
