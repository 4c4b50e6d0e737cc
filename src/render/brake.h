/* Reasons to hold a render back although the mode is auto: a table, so that adding one is adding
 * a row. */
#ifndef RENDER_BRAKE_H
#define RENDER_BRAKE_H

#include <stdbool.h>

#include "binnacle/base/strbuf.h"

/* True: hold it back, and *why (emptied first) says why. */
bool brake_check(const struct strbuf *live, const struct strbuf *pending, struct strbuf *why);

#endif
