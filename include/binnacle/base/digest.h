/*
 * base/digest.h - checksums as lower-case hex, over libcrypto. No other file includes it.
 */
#ifndef BINNACLE_BASE_DIGEST_H
#define BINNACLE_BASE_DIGEST_H

#include <stddef.h>

/* Room for the longest one (SHA-256) and its NUL. */
#define DIGEST_HEX_BYTES 65

/* `out` holds at least DIGEST_HEX_BYTES; it is returned. */
const char *digest_md5_hex(const void *bytes, size_t len, char *out);
const char *digest_sha1_hex(const void *bytes, size_t len, char *out);
const char *digest_sha256_hex(const void *bytes, size_t len, char *out);
const char *digest_hmac_sha256_hex(const void *key, size_t key_len, const void *bytes, size_t len,
				   char *out);

#endif
