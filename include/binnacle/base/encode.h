/*
 * base/encode.h - base64, hexadecimal, and escaping for URLs.
 *
 * All functions append to `out`. Decoders return false and leave `out` as it was when the input
 * is malformed; *bad, when not NULL, is then the offset of the first byte that is wrong.
 */
#ifndef BINNACLE_BASE_ENCODE_H
#define BINNACLE_BASE_ENCODE_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/strbuf.h"

/* RFC 4648 with padding; the URL alphabet has - and _ in place of + and /. */
enum base64_alphabet { BASE64_STANDARD, BASE64_URL };

void base64_encode(struct strbuf *out, const void *bytes, size_t len,
		   enum base64_alphabet alphabet);
/* Line breaks are skipped, as Go's decoder does. */
bool base64_decode(struct strbuf *out, const char *text, size_t len, enum base64_alphabet alphabet,
		   size_t *bad);

void hex_encode(struct strbuf *out, const void *bytes, size_t len); /* lower case */
bool hex_decode(struct strbuf *out, const char *text, size_t len, size_t *bad);

/*
 * Percent-escape everything but letters, digits and -_.~ : one segment of a path, or the name or
 * value of a parameter. encode_url_path keeps slashes, for keys in a path.
 */
void encode_url(struct strbuf *out, const char *bytes, size_t len);
void encode_url_path(struct strbuf *out, const char *bytes, size_t len);
bool url_unescape(struct strbuf *out, const char *text, size_t len, size_t *bad);

#endif
