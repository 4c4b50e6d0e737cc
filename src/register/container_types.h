/*
 * container_types.h - what a -tags template sees of a container: the Go structures of the client
 * library that Registrator hands to its templates.
 *
 * Fields that the daemon leaves out have their zero value; names that are no field of the
 * structure are a mistake, as in Go.
 */
#ifndef REGISTER_CONTAINER_TYPES_H
#define REGISTER_CONTAINER_TYPES_H

#include "binnacle/tmpl/value.h"

struct json;

extern const struct tmpl_type container_type; /* docker.Container */

/* A document of the daemon as a value of the type, by the names of the fields in any case. */
const struct tmpl_value *container_value(struct arena *arena, const struct tmpl_type *type,
					 const struct json *doc);

#endif
