/*
 * format.h - values as text, in the ways of Go's fmt package.
 */
#ifndef TMPL_FORMAT_H
#define TMPL_FORMAT_H

#include <stddef.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/tmpl/value.h"

/* The verb v: nil is <nil>. */
void format_value(struct strbuf *out, const struct tmpl_value *value);
/* What an action writes: nil is <no value>, a pointer to a struct is followed. */
void format_action(struct strbuf *out, const struct tmpl_value *value);
/* Sprint: a space between neighbors of which neither is a string; Sprintln: always, and a
 * newline. */
void format_print(struct strbuf *out, const struct tmpl_value **args, size_t count);
void format_println(struct strbuf *out, const struct tmpl_value **args, size_t count);
/* Sprintf. Mistakes show in the text, as %!d(string=a). */
void format_printf(struct strbuf *out, const char *format, size_t len,
		   const struct tmpl_value **args, size_t count);

#endif
