/*
 * calico/keys.h - the keys of Calico's data: API v1 in etcd v2 (Calico up to 2.6), and API v3 in
 * etcd v3.
 *
 * API v1:
 * Names of orchestrators, workloads, endpoints, policies and profiles are escaped inside a key
 * ('%' to "%25", then '/' to "%2f"); node names never are, and their case matters. The '/' of a
 * CIDR becomes '-'. etcd/etcd.h percent-encodes the whole key once more for the request.
 *
 * API v3: resources are flat, ".../<plural>/<name>" or ".../<plural>/<namespace>/<name>"; addresses
 * are where they are in API v1. The name of a workload endpoint is its node, orchestrator,
 * workload and endpoint, joined by '-', each '-' inside them doubled.
 *
 * Reference: libcalico-go, lib/backend/model (escapeName and the key types) and, for v3,
 * lib/names.
 */
#ifndef BINNACLE_CALICO_KEYS_H
#define BINNACLE_CALICO_KEYS_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/calico/address.h"

enum calico_api { CALICO_API_V1, CALICO_API_V3 };

#define CALICO_ROOT      "/calico"
#define CALICO_RESOURCES CALICO_ROOT "/resources/v3/projectcalico.org"
/* Orchestrator and workload of every endpoint that the Docker plugin makes. */
#define CALICO_LIBNETWORK "libnetwork"

/* Can a store of this API have such a key? Addresses are kept alike in both. */
bool calico_key_is_of(enum calico_api api, const char *key);

void calico_name_escape(struct strbuf *out, const char *name);
void calico_name_unescape(struct strbuf *out, const char *name, size_t len);

/* Who a workload endpoint is. Unescaped; of a Docker container, `endpoint` is Docker's endpoint
 * id and the two in the middle are CALICO_LIBNETWORK. */
struct calico_wep_id {
	const char *node, *orchestrator, *workload, *endpoint;
	const char *name_space; /* of API v3; NULL: it is one of API v1 */
};

void calico_wep_key(struct strbuf *out, const struct calico_wep_id *id);
/* API v1 only: the folders that may be empty after an endpoint went: level 0 ".../endpoint", 1 the
 * workload. */
void calico_wep_folder_key(struct strbuf *out, const struct calico_wep_id *id, unsigned level);
/* False when the key is not that of a workload endpoint. The parts go to the arena. */
bool calico_wep_key_split(struct calico_wep_id *id, const char *key, struct arena *arena);
/* Made by the Docker plugin: libnetwork twice, and a name of 64 hexadecimal digits. */
bool calico_wep_id_is_docker(const struct calico_wep_id *id);

void calico_block_key(struct strbuf *out, const struct calico_net *block);
bool calico_block_key_split(struct calico_net *block, const char *key);
void calico_policy_key(struct strbuf *out, const char *policy);
/* "default." stands in front of the name, and in the key, of a policy without another tier. */
void calico_policy_name_v3(struct strbuf *out, const char *policy);
void calico_policy_key_v3(struct strbuf *out, const char *policy);
void calico_pool_key(struct strbuf *out, const struct calico_net *pool);

/* What a name may hold; a console that writes must keep to it. */
enum calico_name_kind {
	CALICO_NAME_NODE,        /* [a-zA-Z0-9_.-], 1 to 128 */
	CALICO_NAME_ENDPOINT,    /* also '/'; for policy, profile, workload, orchestrator as well */
	CALICO_NAME_INTERFACE,   /* [a-zA-Z0-9_-], 1 to 15 */
	CALICO_NAME_LABEL,       /* [a-zA-Z0-9_./-], 1 to 512 */
	CALICO_NAME_V3,          /* a-z 0-9, inside also '-' and '.', 1 to 253 */
	CALICO_NAME_LABEL_VALUE, /* at most 63 of [a-zA-Z0-9_.-], ends in letter or digit, or empty
				  */
};
bool calico_name_is_valid(enum calico_name_kind kind, const char *name);

#endif
