/* Values of API v3 that only the state reads; the others are in the public headers. */
#ifndef RESOURCE_V3_H
#define RESOURCE_V3_H

#include "binnacle/calico/store.h"

/* Nothing is filled when the value cannot be read. */
void v3_node_decode(struct calico_node *node, const char *value, struct arena *arena);
void v3_cluster_decode(struct calico_state *state, const char *value, struct arena *arena);

#endif
