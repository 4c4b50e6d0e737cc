/*
 * calico/selector.h - Calico's label selectors: `role == 'nginx' && has(env)`.
 *
 *     selector := empty | or                     empty or blanks: matches everything
 *     or       := and { "||" and }
 *     and      := operation { "&&" operation }
 *     operation:= { "!" } ( "has(" label ")" | "all()" | "(" or ")" | label "==" string
 *                 | label "!=" string | label "in" set | label "not in" set )
 *     set      := "{" [ string { "," string } [ "," ] ] "}"
 *
 * Blanks are space and tab only: a newline makes a selector invalid. A label that starts with
 * the word `in` or `notin`, up to one of ". / -" or a blank, cannot be written.
 *
 * API v3 also has, after a label, `contains`, `starts with` and `ends with` with a string; an
 * absent label does none of it.
 *
 * Reference: libcalico-go, lib/selector (tokenizer and parser of the v1 API).
 */
#ifndef BINNACLE_CALICO_SELECTOR_H
#define BINNACLE_CALICO_SELECTOR_H

#include <stdbool.h>

#include "binnacle/base/err.h"
#include "binnacle/base/mem.h"
#include "binnacle/calico/keys.h"

struct calico_selector;
struct json_list;

/* Lives in the arena, as does all that it needs. NULL with err, which names the column. */
const struct calico_selector *calico_selector_parse(const char *text, struct arena *arena,
						    struct err *err);

const struct calico_selector *calico_selector_parse_as(enum calico_api api, const char *text,
						       struct arena *arena, struct err *err);

/* The value of a label, NULL when it is absent. */
typedef const char *calico_label_fn(void *arg, const char *name);
bool calico_selector_matches(const struct calico_selector *selector, calico_label_fn *label,
			     void *arg);
/* The same over a list of struct json_pair. */
bool calico_selector_matches_labels(const struct calico_selector *selector,
				    const struct json_list *labels);

#endif
