/*
 * base/text.h - UTF-8, cell widths, and the cleaning of hostile text.
 *
 * Names, KV values, log lines, check output, labels and template output may hold anything:
 * escape sequences, invalid bytes, marks that turn the direction of text around. The model keeps
 * the bytes as they came; whoever prints cleans, with the functions here: grid_put_text for the
 * screen, text_clean for logs and for --batch.
 *
 * What becomes of what cannot be shown: an invalid byte `\xHH`; a control character `^X`; C1,
 * bidirectional and zero-width code points `<U+202E>`; more than three combining marks on one
 * base are dropped; a code point without a known width `<U+XXXX>`; private use `?`.
 */
#ifndef BINNACLE_BASE_TEXT_H
#define BINNACLE_BASE_TEXT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/strbuf.h"

/*
 * Decode one code point of `len` > 0 bytes. Returns the bytes used (1 to 4); an invalid byte
 * uses 1 and sets *cp to TEXT_INVALID.
 */
#define TEXT_INVALID 0xffffffffu
size_t text_decode(const char *bytes, size_t len, uint32_t *cp);
void text_encode(struct strbuf *out, uint32_t cp);
bool text_is_utf8(const char *bytes, size_t len);

/*
 * One displayable piece of a text: either a code point that can be printed as it is (with its
 * width of 0 to 2 cells), or the visible escape that stands for something that cannot.
 */
struct text_piece {
	char bytes[16]; /* NUL-terminated UTF-8 */
	size_t used;    /* bytes consumed from the source */
	int width_cells;
	bool escaped;   /* print it muted */
	bool combining; /* width 0: belongs to the piece before */
};

/* Take the next piece from `len` > 0 bytes. Tab is one blank, newline is the escape `\n`. */
struct text_piece text_next(const char *bytes, size_t len);

/* Append the cleaned form of `bytes`. Newlines become `\n`, tabs one blank. */
void text_clean(struct strbuf *out, const char *bytes, size_t len);
/* The same, but newlines and tabs stay: for files and diffs. */
void text_clean_lines(struct strbuf *out, const char *bytes, size_t len);

/* Cells that the cleaned form of the text takes. */
int text_width(const char *bytes, size_t len);

/* Case-insensitive (ASCII) search; NULL when absent. */
const char *text_find_nocase(const char *haystack, const char *needle);
bool text_starts_with(const char *text, const char *prefix);
bool text_ends_with(const char *text, const char *suffix);

/* "3s" "14m" "3h" "2d": an age in one unit, as the panes show it. */
#define TEXT_AGE_BYTES 24
const char *text_age(int64_t age_ms, char *out);

/* Go's duration syntax: "300ms", "1.5s", "2m", "1h30m", "0"; false when malformed. */
bool text_parse_duration(const char *text, int64_t *out_ms);

/* Digits only, within [min, max]. */
bool text_parse_int(const char *text, int64_t min, int64_t max, int64_t *out);

#endif
