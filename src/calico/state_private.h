/* The orders that a state is sorted in, for those who search it. */
#ifndef STATE_PRIVATE_H
#define STATE_PRIVATE_H

/* For qsort and bsearch over endpoints, nodes and profiles. */
int state_by_wep_key(const void *a, const void *b);
int state_by_node_name(const void *a, const void *b);
int state_by_profile_name(const void *a, const void *b);

#endif
