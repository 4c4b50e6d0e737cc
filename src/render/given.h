/*
 * given.h - answers that were not asked for but given, by somebody who asks for all.
 *
 * A value that cannot be made of what was given for a dependency counts as not given.
 */
#ifndef RENDER_GIVEN_H
#define RENDER_GIVEN_H

#include <stdbool.h>

#include "binnacle/base/err.h"
#include "binnacle/tmpl/deps.h"
#include "binnacle/tmpl/value.h"

struct json;
struct given;

struct given *given_new(void); /* nothing is given yet, all is to come */
/* NULL and *err: not what given_print prints. */
struct given *given_parse(const char *text, size_t len, struct err *err);
void given_free(struct given *given); /* NULL allowed */

/* Whether this answer is somebody else's to give: nobody here asks for it. False for NULL. */
bool given_covers(const struct given *given, const struct dep *dep);
/* NULL: it is still to come. Borrowed from `given`. */
const struct tmpl_value *given_lookup(struct given *given, const struct dep *dep);

/* Whether it may be given at all: it is the same on every host, and no secret. */
bool given_may_share(const struct dep *dep);
struct json *given_encode(const struct tmpl_value *value);

#endif
