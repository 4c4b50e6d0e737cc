/*
 * base/match.h - does a text match: globs, and regular expressions.
 *
 * Regular expressions have the syntax and meaning of Go's RE2: leftmost-first, no look-around, no
 * references back. What RE2 does not know is refused with its message ("error parsing regexp:
 * ..."), although the engine, PCRE2, would take it. RE2 is linear; PCRE2 is not: a match that
 * takes too many steps is an error.
 */
#ifndef BINNACLE_BASE_MATCH_H
#define BINNACLE_BASE_MATCH_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

/* `*` any run, `?` one byte, `[a-z]` `[!a]` a set, `\` quotes. The whole text must match. */
bool glob_match(const char *pattern, const char *text);

struct regex;

struct regex *regex_compile(const char *pattern, size_t len, struct err *err);
void regex_free(struct regex *regex);

/* Is there a match anywhere? False: *err says why nobody knows. */
bool regex_match(const struct regex *regex, const char *text, size_t len, bool *matches,
		 struct err *err);

/* Append `text` with each match replaced; in `to`, $1 ${1} $name ${name} stand for groups and $$
 * for a dollar sign. */
bool regex_replace_all(const struct regex *regex, const char *text, size_t len, const char *to,
		       size_t to_len, struct strbuf *out, struct err *err);

/* Called for each match, with its bytes; false stops. Empty matches are included. */
typedef bool regex_match_fn(void *arg, size_t start, size_t end);
bool regex_each(const struct regex *regex, const char *text, size_t len, regex_match_fn *fn,
		void *arg, struct err *err);

#endif
