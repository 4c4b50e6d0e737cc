/*
 * tags_template.h - the -tags option as a Go template over the container's document.
 *
 * The template sees the structures of the client library that Registrator shows it, see
 * container_types.h. httpGet is answered from what was fetched before; what was not is noted, so
 * that the caller can fetch it and run the template again.
 */
#ifndef REGISTER_TAGS_TEMPLATE_H
#define REGISTER_TAGS_TEMPLATE_H

#include <stdbool.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct json;
struct register_wanted;
struct strmap;

bool tags_template_is_one(const char *tags); /* has actions; plain text otherwise */
bool tags_template_check(const char *tags, struct err *err);
/* Append the list of tags, still separated by commas. URLs that are not in `fetched` (may be NULL)
 * go into wanted->urls. */
bool tags_template_run(const char *tags, const struct json *inspect, const struct strmap *fetched,
		       struct register_wanted *wanted, struct strbuf *out, struct err *err);

#endif
