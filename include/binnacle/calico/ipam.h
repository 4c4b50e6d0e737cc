/*
 * calico/ipam.h - pools, blocks and the slots of addresses.
 *
 * A block covers 64 addresses; slot i is the i-th address. A slot holds an index into the
 * block's list of attributes, which all addresses with the same (handle, secondary) share. The
 * Docker plugin gives neither, so nothing in a block says whose an address is.
 *
 * The editing functions work on the stored text: they keep unknown fields and the order of
 * fields, and give back the text to write with compare-and-swap on the block's modifiedIndex.
 *
 * Reference: libcalico-go, lib/client/ipam_block.go (autoAssign, assign, release).
 */
#ifndef BINNACLE_CALICO_IPAM_H
#define BINNACLE_CALICO_IPAM_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/calico/address.h"

struct calico_slot {
	bool allocated;
	const char *handle; /* NULL: none. Not NULL: another orchestrator's, never to be released */
};

struct calico_block {
	struct calico_net cidr;
	const char *key, *value;
	uint64_t created_index, modified_index;
	const char *problem; /* the value cannot be read */

	const char *affinity; /* the node the block belongs to; NULL: nobody's */
	bool strict;
	const struct calico_slot *slots;
	size_t slot_count, allocated_count;
};

bool calico_block_decode(struct calico_block *block, const char *value, struct arena *arena,
			 struct err *err);
/* The block an address belongs to: masked to 26 bits (122 for IPv6). */
struct calico_net calico_block_of(const struct calico_net *address);
/* NULL when the address is not in the block. */
const struct calico_slot *calico_block_slot(const struct calico_block *block,
					    const struct calico_net *address);

struct calico_block_edit {
	struct strbuf value; /* what to write; release it */
	bool delete_block;   /* instead: delete the key, nothing is left in it */
};

/* Free a slot. ERR_NOT_FOUND: it is free already; ERR_REFUSED: it has a handle. */
bool calico_block_release(const char *value, const struct calico_net *address,
			  struct calico_block_edit *edit, struct err *err);
/* Take a slot without a handle, as the plugin does. ERR_CONFLICT: it is taken. */
bool calico_block_assign(const char *value, const struct calico_net *address,
			 struct calico_block_edit *edit, struct err *err);

/* Take the block from its node. An empty one is to be deleted, so that others can claim its
 * addresses anew. ERR_CONFLICT: it is not that node's. */
bool calico_block_unclaim(const char *value, const char *node, struct calico_block_edit *edit,
			  struct err *err);
/* Give a block that is nobody's to a node. ERR_CONFLICT: it is somebody's. */
bool calico_block_claim(const char *value, const char *node, struct calico_block_edit *edit,
			struct err *err);

struct calico_pool {
	struct calico_net cidr;
	const char *key, *value;
	uint64_t modified_index;
	const char *problem;

	bool ipip;             /* addresses are reached through a tunnel */
	const char *ipip_mode; /* "", "always", "cross-subnet" */
	bool masquerade, disabled;
};

bool calico_pool_decode(struct calico_pool *pool, const char *value, struct arena *arena,
			struct err *err);
/* The value of API v3, in the words of API v1. */
bool calico_pool_decode_v3(struct calico_pool *pool, const char *value, struct arena *arena,
			   struct err *err);

/* How many addresses each block lends to a handle. */
struct calico_handle {
	const char *id, *value;
	uint64_t modified_index;
};

/* A node's claim on a block. */
struct calico_affinity {
	const char *node;
	struct calico_net block;
};

#endif
