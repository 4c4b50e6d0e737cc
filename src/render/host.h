/*
 * host.h - the addresses of this host, for templates that ask for them (sockaddr).
 */
#ifndef RENDER_HOST_H
#define RENDER_HOST_H

#include <stddef.h>

#include "binnacle/base/mem.h"
#include "binnacle/tmpl/tmpl.h"

/* All of them, as they are now, in the arena; none when the system does not say. */
const struct tmpl_address *host_addresses(struct arena *arena, size_t *count);

#endif
