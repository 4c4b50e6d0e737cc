/*
 * unicode.h - classes of code points, case, and quoting, as Go's standard library has them.
 * Independent of the process's locale.
 */
#ifndef TMPL_UNICODE_H
#define TMPL_UNICODE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/strbuf.h"

bool unicode_is_letter(uint32_t c);
bool unicode_is_digit(uint32_t c);
bool unicode_is_space(uint32_t c);
bool unicode_is_print(uint32_t c);
uint32_t unicode_upper(uint32_t c);
uint32_t unicode_title(uint32_t c);
uint32_t unicode_lower(uint32_t c);
size_t unicode_count(const char *bytes, size_t len); /* code points; an invalid byte counts one */

/* Append a Go literal. `quote` is " or '. ascii_only escapes everything else. */
void unicode_quote(struct strbuf *out, const char *bytes, size_t len, char quote, bool ascii_only);
void unicode_quote_char(struct strbuf *out, uint32_t c, char quote, bool ascii_only);

/* Undo a literal with its quotes ("..." or `...`); false: invalid syntax. */
bool unicode_unquote(struct strbuf *out, const char *literal, size_t len);
/* One character or escape of a '...' literal; the bytes used, 0: invalid. A value of one byte
 * (\xhh, \ooo) sets *is_byte. */
size_t unicode_unquote_char(const char *text, size_t len, char quote, uint32_t *c, bool *is_byte);

#endif
