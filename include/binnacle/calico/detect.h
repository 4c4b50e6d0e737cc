/*
 * calico/detect.h - which of Calico's APIs has its data in an etcd.
 *
 *     detect = calico_detect_start(etcd, on_found, state);
 *     static void on_found(void *arg, const struct calico_found *found, const struct err *err)
 *     {
 *             if (found)
 *                     etcd_use_api(etcd, found->api == CALICO_API_V3 ? ETCD_V3 : ETCD_V2);
 *     }
 *
 * One cluster can have both: a migration to API v3 leaves the data of API v1 where it was. Then
 * the one that Calico says is ready is taken; of two the older, because what is there is what a
 * console was asked to look after. `note` is for the operator, who may know better.
 *
 * Completion rules: loop/loop.h.
 */
#ifndef BINNACLE_CALICO_DETECT_H
#define BINNACLE_CALICO_DETECT_H

#include <stdbool.h>

#include "binnacle/base/err.h"
#include "binnacle/calico/keys.h"

struct calico_detect;
struct etcd;

struct calico_found {
	enum calico_api api;
	bool has_v1, has_v3, v1_ready, v3_ready;
	const char *note; /* of data of both, of none, or in doubt; else "" */
};

/* found: NULL when err is set: neither could be read. Both borrowed. */
typedef void calico_detect_fn(void *arg, const struct calico_found *found, const struct err *err);

/* Asks with both APIs; which one the etcd uses otherwise stays as it is. */
struct calico_detect *calico_detect_start(struct etcd *etcd, calico_detect_fn *done, void *arg);
void calico_detect_cancel(struct calico_detect **detect); /* NULL allowed; sets NULL */

#endif
