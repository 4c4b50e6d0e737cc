/*
 * number.h - numbers and text, as Go's strconv has them; independent of the locale.
 */
#ifndef TMPL_NUMBER_H
#define TMPL_NUMBER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "ast.h"
#include "binnacle/base/strbuf.h"

enum number_result { NUMBER_OK, NUMBER_SYNTAX, NUMBER_RANGE };

/* Base 10, or 0: by the prefix, with underscores, as in literals. */
enum number_result number_parse_uint(const char *text, size_t len, int base, uint64_t *out);
enum number_result number_parse_int(const char *text, size_t len, int base, int64_t *out);
/* Decimal, hexadecimal with an exponent, Inf, NaN; underscores only in literals (base 0). */
enum number_result number_parse_float(const char *text, size_t len, bool literal, double *out);

/* A literal of the template language; NULL: fine, else the message is in *message. */
bool number_parse_literal(const char *text, size_t len, bool is_char, bool is_complex,
			  struct number *out, struct strbuf *message);

/* strconv.FormatFloat(value, verb, precision, 64); precision < 0: the shortest that reads back.
 * Verbs e E f g G x X b. */
void number_format_float(struct strbuf *out, double value, char verb, int precision);
/* As the verb v prints it. */
void number_print_float(struct strbuf *out, double value);

/* The significant digits of a finite value > 0 and its decimal point: 0.DIGITS x 10^point. */
struct decimal {
	char digits[800];
	int count;
	int point;
};
void number_shortest(double value, struct decimal *out);

#endif
