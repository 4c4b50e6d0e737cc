/*
 * registrator_dry.h - what --dry-run of Registrator's stand-in needs: a registry that nobody is
 * behind, and the registrations as text.
 */
#ifndef BINNACLE_APP_REGISTRATOR_DRY_H
#define BINNACLE_APP_REGISTRATOR_DRY_H

#include "binnacle/base/strbuf.h"

struct registrar;
struct registry;

/* Cannot list; must not be written to. */
struct registry *registrator_dry_registry(void);
/* Append what all running containers want: a JSON array of the bodies that Consul would get. */
void registrator_dry_print(struct strbuf *out, const struct registrar *registrar);

#endif
