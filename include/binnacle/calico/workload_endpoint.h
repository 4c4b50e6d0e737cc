/*
 * calico/workload_endpoint.h - workload and host endpoints as stored.
 *
 * Plain data in an arena. `value` keeps the bytes as they came: undo writes exactly these.
 */
#ifndef BINNACLE_CALICO_WORKLOAD_ENDPOINT_H
#define BINNACLE_CALICO_WORKLOAD_ENDPOINT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/json_decode.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/calico/address.h"
#include "binnacle/calico/keys.h"

struct calico_nat {
	const char *internal_ip, *external_ip;
};

struct calico_wep {
	struct calico_wep_id id;
	const char *key, *value;
	uint64_t created_index, modified_index;
	const char *problem; /* why the value could not be read; NULL: it could. Then all below is
				empty */

	const char *state; /* always "active": says nothing about the container */
	const char *interface_name, *mac, *active_instance_id;
	struct json_list profiles;     /* const char * */
	struct json_list labels;       /* struct json_pair */
	const struct calico_net *nets; /* IPv4 ones first */
	size_t net_count;
	const struct calico_nat *nats;
	size_t nat_count;
	const char *ipv4_gateway, *ipv6_gateway;

	const char *felix_status; /* "up", "down", "error" when felix reports it, else "" */
};

/* Fill what the value tells; wep must be zeroed or hold only the key part. */
bool calico_wep_decode(struct calico_wep *wep, const char *value, struct arena *arena,
		       struct err *err);
/* The value of API v3. ERR_FORMAT as well when it is not about the endpoint that the key names. */
bool calico_wep_decode_v3(struct calico_wep *wep, const char *value, struct arena *arena,
			  struct err *err);
/* The value of API v1 as the plugin writes it (fields that are unset are left out). */
void calico_wep_encode(struct strbuf *out, const struct calico_wep *wep);
/* NULL when there is no such label. */
const char *calico_wep_label(const struct calico_wep *wep, const char *name);
/* Labels that somebody gave it: without those that Calico sets itself (API v3). */
size_t calico_wep_own_labels(const struct calico_wep *wep);
bool calico_wep_has_address(const struct calico_wep *wep, const struct calico_net *address);

struct calico_host_endpoint {
	const char *node, *name;
	const char *key, *value;
	uint64_t created_index, modified_index;
	const char *problem;

	const char *interface_name;
	struct json_list expected_ipv4, expected_ipv6, profiles; /* const char * */
	struct json_list labels;                                 /* struct json_pair */
};

bool calico_host_endpoint_decode(struct calico_host_endpoint *hep, const char *value,
				 struct arena *arena, struct err *err);
/* The value of API v3, which also tells the node. */
bool calico_host_endpoint_decode_v3(struct calico_host_endpoint *hep, const char *value,
				    struct arena *arena, struct err *err);

#endif
