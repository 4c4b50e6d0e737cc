/* A draft as it was read from a file, in the form that API v3 stores. */
#ifndef POLICY_V3_H
#define POLICY_V3_H

#include "binnacle/calico/policy_file.h"

/* The value is that of API v1; key and value become those of API v3. */
void policy_draft_to_v3(struct calico_policy_draft *draft, struct arena *arena);

#endif
