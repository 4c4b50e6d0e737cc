/*
 * go_json.h - JSON as Go's encoding/json reads and writes it, messages included.
 *
 * base/json.h is for documents of peers; this one is for templates, which see each number as
 * float64, need strings with NULs, and print every message.
 */
#ifndef TMPL_GO_JSON_H
#define TMPL_GO_JSON_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/tmpl/value.h"

/* NULL: *message says why. */
const struct tmpl_value *go_json_parse(struct arena *arena, const char *text, size_t len,
				       struct strbuf *message);

/* `escape_html`: < > & as \u003c and so on. False: *message says why. */
bool go_json_print(struct strbuf *out, const struct tmpl_value *value, bool pretty,
		   bool escape_html, struct strbuf *message);

#endif
