/* The table of row structs tells where each struct keeps its strings, so that snapshot_add can
 * give every row empty strings in the place of NULL: readers never have to check. */
#include "binnacle/model/snapshot.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"

#define STRINGS(...)                                                                               \
	(const size_t[])                                                                           \
	{                                                                                          \
		__VA_ARGS__, SIZE_MAX                                                              \
	}
#define AT(type, member) offsetof(type, member)

/* ORDER TABLE */
static const struct {
	size_t size;
	const size_t *strings; /* offsets, ended by SIZE_MAX */
} row_types[MODEL_TABLE_COUNT] = {
	[MODEL_MEMBERS] = { sizeof(struct member),
			    STRINGS(AT(struct member, id), AT(struct member, address),
				    AT(struct member, role), AT(struct member, build),
				    AT(struct member, dc), AT(struct member, status)) },
	[MODEL_SERVICES] = { sizeof(struct service),
			     STRINGS(AT(struct service, id), AT(struct service, status),
				     AT(struct service, output), AT(struct service, source)) },
	[MODEL_INSTANCES] = { sizeof(struct instance),
			      STRINGS(AT(struct instance, id), AT(struct instance, service_id),
				      AT(struct instance, service), AT(struct instance, node),
				      AT(struct instance, node_address),
				      AT(struct instance, address), AT(struct instance, container),
				      AT(struct instance, status), AT(struct instance, output),
				      AT(struct instance, why)) },
	[MODEL_EVENTS] = { sizeof(struct event),
			   STRINGS(AT(struct event, id), AT(struct event, action),
				   AT(struct event, service), AT(struct event, instance),
				   AT(struct event, why), AT(struct event, node),
				   AT(struct event, container), AT(struct event, source)) },
	[MODEL_RENDERS] = { sizeof(struct render),
			    STRINGS(AT(struct render, id), AT(struct render, source),
				    AT(struct render, destination), AT(struct render, status),
				    AT(struct render, check), AT(struct render, message),
				    AT(struct render, trigger), AT(struct render, brake),
				    AT(struct render, cause)) },
	[MODEL_ENDPOINTS] = { sizeof(struct endpoint_row),
			      STRINGS(AT(struct endpoint_row, id), AT(struct endpoint_row, name),
				      AT(struct endpoint_row, workload),
				      AT(struct endpoint_row, orchestrator),
				      AT(struct endpoint_row, node),
				      AT(struct endpoint_row, interface),
				      AT(struct endpoint_row, status), AT(struct endpoint_row, why),
				      AT(struct endpoint_row, conflict),
				      AT(struct endpoint_row, container),
				      AT(struct endpoint_row, wanted_by),
				      AT(struct endpoint_row, record),
				      AT(struct endpoint_row, record_network),
				      AT(struct endpoint_row, traffic),
				      AT(struct endpoint_row, document)) },
	[MODEL_CONTAINERS] = { sizeof(struct container_row),
			       STRINGS(AT(struct container_row, id),
				       AT(struct container_row, container_id),
				       AT(struct container_row, name),
				       AT(struct container_row, image),
				       AT(struct container_row, node),
				       AT(struct container_row, network),
				       AT(struct container_row, address),
				       AT(struct container_row, error),
				       AT(struct container_row, fixed_address),
				       AT(struct container_row, status),
				       AT(struct container_row, registered),
				       AT(struct container_row, wanted),
				       AT(struct container_row, registration)) },
	[MODEL_ADDRESSES] = { sizeof(struct address_row),
			      STRINGS(AT(struct address_row, id), AT(struct address_row, status),
				      AT(struct address_row, why), AT(struct address_row, block),
				      AT(struct address_row, node), AT(struct address_row, holder),
				      AT(struct address_row, holder_node),
				      AT(struct address_row, endpoint),
				      AT(struct address_row, wanted_by),
				      AT(struct address_row, wanted_on)) },
	[MODEL_POLICIES] = { sizeof(struct policy_row),
			     STRINGS(AT(struct policy_row, id), AT(struct policy_row, yaml),
				     AT(struct policy_row, order), AT(struct policy_row, selector),
				     AT(struct policy_row, types), AT(struct policy_row, status),
				     AT(struct policy_row, problem),
				     AT(struct policy_row, document)) },
	[MODEL_NODES] = { sizeof(struct node_row),
			  STRINGS(AT(struct node_row, id), AT(struct node_row, address),
				  AT(struct node_row, tunnel), AT(struct node_row, as_num),
				  AT(struct node_row, status), AT(struct node_row, why),
				  AT(struct node_row, docker), AT(struct node_row, daemon),
				  AT(struct node_row, daemon_problem)) },
	[MODEL_POOLS] = { sizeof(struct pool_row),
			  STRINGS(AT(struct pool_row, id), AT(struct pool_row, status),
				  AT(struct pool_row, problem), AT(struct pool_row, tunnel)) },
	[MODEL_BLOCKS] = { sizeof(struct block_row),
			   STRINGS(AT(struct block_row, id), AT(struct block_row, node),
				   AT(struct block_row, pool), AT(struct block_row, status),
				   AT(struct block_row, problem), AT(struct block_row, map)) },
	[MODEL_PROFILES] = { sizeof(struct profile_row),
			     STRINGS(AT(struct profile_row, id), AT(struct profile_row, status),
				     AT(struct profile_row, problem),
				     AT(struct profile_row, yaml)) },
	[MODEL_NETWORKS] = { sizeof(struct network_row),
			     STRINGS(AT(struct network_row, id), AT(struct network_row, network_id),
				     AT(struct network_row, name), AT(struct network_row, node),
				     AT(struct network_row, driver), AT(struct network_row, ipam),
				     AT(struct network_row, scope),
				     AT(struct network_row, status)) },
	[MODEL_JOBS] = { sizeof(struct job_row),
			 STRINGS(AT(struct job_row, id), AT(struct job_row, verb),
				 AT(struct job_row, targets), AT(struct job_row, step),
				 AT(struct job_row, by), AT(struct job_row, message),
				 AT(struct job_row, status)) },
	[MODEL_JOURNAL] = { sizeof(struct journal_row),
			    STRINGS(AT(struct journal_row, id), AT(struct journal_row, verb),
				    AT(struct journal_row, targets), AT(struct journal_row, result),
				    AT(struct journal_row, user), AT(struct journal_row, plan_hash),
				    AT(struct journal_row, undo)) },
	[MODEL_GENERATIONS] = { sizeof(struct generation_row),
				STRINGS(AT(struct generation_row, id),
					AT(struct generation_row, template),
					AT(struct generation_row, name),
					AT(struct generation_row, status),
					AT(struct generation_row, sha256)) },
};

struct snapshot *snapshot_new(enum model_table table)
{
	struct snapshot *snapshot = xcalloc(1, sizeof(*snapshot));

	assert(table < MODEL_TABLE_COUNT);
	snapshot->table = table;
	snapshot->refs = 1;
	snapshot->row_size = row_types[table].size;
	return snapshot;
}

void *snapshot_add(struct snapshot *snapshot)
{
	char *row;

	if (snapshot->count == snapshot->cap) {
		snapshot->cap = snapshot->cap ? snapshot->cap * 2 : 16;
		snapshot->rows = xreallocarray(snapshot->rows, snapshot->cap, snapshot->row_size);
	}
	row = snapshot->rows + snapshot->count++ * snapshot->row_size;
	memset(row, 0, snapshot->row_size);
	for (const size_t *at = row_types[snapshot->table].strings; *at != SIZE_MAX; at++)
		*(const char **)(void *)(row + *at) = "";
	return row;
}

struct text_list snapshot_list(struct snapshot *snapshot, const char *const *items, size_t count)
{
	const char **copy = arena_alloc(&snapshot->arena, count * sizeof(*copy));

	for (size_t i = 0; i < count; i++)
		copy[i] = arena_strdup(&snapshot->arena, items[i]);
	return (struct text_list){ copy, count };
}

struct snapshot *snapshot_ref(struct snapshot *snapshot)
{
	snapshot->refs++;
	return snapshot;
}

void snapshot_unref(struct snapshot **snapshot)
{
	struct snapshot *old = *snapshot;

	*snapshot = NULL;
	if (!old || --old->refs)
		return;
	arena_release(&old->arena);
	free(old->rows);
	free(old);
}

const void *snapshot_row(const struct snapshot *snapshot, size_t index)
{
	assert(index < snapshot->count);
	return snapshot->rows + index * snapshot->row_size;
}

void snapshot_seal(struct snapshot *snapshot)
{
	snapshot->sorted = true;
	for (size_t i = 1; i < snapshot->count && snapshot->sorted; i++)
		snapshot->sorted = strcmp(row_id(snapshot_row(snapshot, i - 1)),
					  row_id(snapshot_row(snapshot, i))) < 0;
}

/* Most feeds give their rows in the order of the identities: then none of thousands is looked at
 * in vain. */
static const void *search(const struct snapshot *snapshot, const char *id)
{
	size_t low = 0, high = snapshot->count;

	while (low < high) {
		size_t middle = low + (high - low) / 2;
		const void *row = snapshot_row(snapshot, middle);
		int order = strcmp(id, row_id(row));

		if (order == 0)
			return row;
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const void *snapshot_find(const struct snapshot *snapshot, const char *id)
{
	if (snapshot->sorted)
		return search(snapshot, id);
	for (size_t i = 0; i < snapshot->count; i++)
		if (strcmp(row_id(snapshot_row(snapshot, i)), id) == 0)
			return snapshot_row(snapshot, i);
	return NULL;
}

const char *row_id(const void *row)
{
	return *(const char *const *)row;
}
