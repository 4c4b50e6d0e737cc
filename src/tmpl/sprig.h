/*
 * sprig.h - what the functions of the Sprig library share: its lenient ways to read numbers and
 * text out of anything, and the words of Go's reflection.
 */
#ifndef TMPL_SPRIG_H
#define TMPL_SPRIG_H

#include "funcs.h"

/* Go's reflect.Kind as a word: "slice", "ptr"; nil is "invalid". */
const char *sprig_kind(const struct tmpl_value *value);

/* Whatever looks like a number; 0 for all else. */
int64_t sprig_to_int(const struct tmpl_value *value);
double sprig_to_float(const struct tmpl_value *value);
/* Append as %v prints it. */
void sprig_add_text(struct strbuf *out, const struct tmpl_value *value);

/* Go's reflect.DeepEqual. */
bool sprig_equal(const struct tmpl_value *a, const struct tmpl_value *b);

/* Is this argument a list? Else fails: "BEFORE KIND". */
bool sprig_expect_list(struct call *call, size_t index, const char *before);
/* "Cannot find first on type": the name of the function without prefixes. */
bool sprig_expect_found(struct call *call, size_t index);

/* The function of that name, for functions that have two. */
const struct tmpl_value *sprig_same_as(struct call *call, const char *name);

#endif
