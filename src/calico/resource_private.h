/*
 * resource_private.h - the documents that only calico_print needs.
 */
#ifndef RESOURCE_PRIVATE_H
#define RESOURCE_PRIVATE_H

#include "binnacle/calico/resource.h"

struct json *resource_of_wep(const struct calico_wep *wep);
struct json *resource_of_host_endpoint(const struct calico_host_endpoint *hep);
struct json *resource_of_pool(const struct calico_pool *pool);
struct json *resource_of_node(const struct calico_node *node);
/* The address with the mask of its network. False: there is none. */
bool resource_bgp_address(const char *address, const char *network, char *out);

#endif
