/*
 * model/snapshot.h - an immutable picture of one table.
 *
 * A feed builds a snapshot (snapshot_new, snapshot_add, strings from snapshot_arena), publishes
 * it into the model (model/model.h) and never touches it again. Readers hold a reference for as
 * long as they look at it. The rows are an array of the table's struct (model/rows.h).
 */
#ifndef BINNACLE_MODEL_SNAPSHOT_H
#define BINNACLE_MODEL_SNAPSHOT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/mem.h"
#include "binnacle/model/rows.h"

/* ORDER TABLE */
enum model_table {
	MODEL_MEMBERS,
	MODEL_SERVICES,
	MODEL_INSTANCES,
	MODEL_EVENTS,
	MODEL_RENDERS,
	MODEL_ENDPOINTS,
	MODEL_CONTAINERS,
	MODEL_ADDRESSES,
	MODEL_POLICIES,
	MODEL_NODES,
	MODEL_POOLS,
	MODEL_BLOCKS,
	MODEL_PROFILES,
	MODEL_NETWORKS,
	MODEL_JOBS,
	MODEL_JOURNAL,
	MODEL_GENERATIONS,
	MODEL_TABLE_COUNT,
};

struct snapshot {
	enum model_table table;
	unsigned refs;
	struct arena arena;
	char *rows; /* count rows of row_size bytes */
	size_t row_size, count, cap;
	int64_t taken_ms; /* wall clock */
	uint64_t index;   /* of the source (Consul index, etcd index), 0: none */
	bool sorted;      /* by identity: found out when it is published */
};

/* With one reference, which belongs to the caller. */
struct snapshot *snapshot_new(enum model_table table);
/* A zeroed row at the end, all strings "". Valid until the next add. */
void *snapshot_add(struct snapshot *snapshot);
/* A list of strings in the arena; items are copied. */
struct text_list snapshot_list(struct snapshot *snapshot, const char *const *items, size_t count);
struct snapshot *snapshot_ref(struct snapshot *snapshot);
void snapshot_unref(struct snapshot **snapshot); /* NULL allowed; sets NULL */

/* No row is added any more; model_publish says so. */
void snapshot_seal(struct snapshot *snapshot);

const void *snapshot_row(const struct snapshot *snapshot, size_t index);
/* The row of an identity; NULL when it is gone. */
const void *snapshot_find(const struct snapshot *snapshot, const char *id);
const char *row_id(const void *row);

#endif
