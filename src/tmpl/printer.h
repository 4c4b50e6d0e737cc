/*
 * printer.h - one value on its way to text, under the flags of a printf directive.
 */
#ifndef TMPL_PRINTER_H
#define TMPL_PRINTER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/tmpl/value.h"

struct printer {
	struct strbuf *out;
	bool minus, plus, sharp, space, zero;
	bool plus_v, sharp_v; /* %+v and %#v: for what is inside, too */
	bool has_width, has_precision;
	int width, precision;
	/* Arguments of Sprintf. */
	const struct tmpl_value **args;
	size_t count, next;
	bool reordered, good_index;
};

/* By a verb; depth counts the values around it. */
void printer_value(struct printer *p, const struct tmpl_value *value, uint32_t verb, int depth);
/* The same for an argument: %T is its type. */
void printer_arg(struct printer *p, const struct tmpl_value *value, uint32_t verb);
/* "%!d" and what is wrong, in parentheses. */
void printer_complain(struct printer *p, uint32_t verb, const char *what);

#endif
