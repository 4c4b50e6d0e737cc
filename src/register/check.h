/*
 * check.h - the Consul check that check_* metadata ask for. Pure.
 */
#ifndef REGISTER_CHECK_H
#define REGISTER_CHECK_H

#include "binnacle/base/mem.h"

struct metadata;
struct register_service;

/* Fill service->check; its address, port and container must be set. */
void check_from_metadata(struct register_service *service, const struct metadata *metadata,
			 struct arena *arena);

#endif
