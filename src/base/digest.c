#include "binnacle/base/digest.h"

#include <assert.h>
#include <openssl/evp.h>
#include <openssl/hmac.h>

static const char *to_hex(const unsigned char *digest, unsigned len, char *out)
{
	static const char digits[] = "0123456789abcdef";

	assert(len * 2 < DIGEST_HEX_BYTES);
	for (unsigned i = 0; i < len; i++) {
		out[2 * i] = digits[digest[i] >> 4];
		out[2 * i + 1] = digits[digest[i] & 15];
	}
	out[2 * len] = '\0';
	return out;
}

static const char *hash(const EVP_MD *kind, const void *bytes, size_t len, char *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	int done = EVP_Digest(bytes, len, digest, &size, kind, NULL);

	assert(done == 1);
	return to_hex(digest, size, out);
}

const char *digest_md5_hex(const void *bytes, size_t len, char *out)
{
	return hash(EVP_md5(), bytes, len, out);
}

const char *digest_sha1_hex(const void *bytes, size_t len, char *out)
{
	return hash(EVP_sha1(), bytes, len, out);
}

const char *digest_sha256_hex(const void *bytes, size_t len, char *out)
{
	return hash(EVP_sha256(), bytes, len, out);
}

const char *digest_hmac_sha256_hex(const void *key, size_t key_len, const void *bytes, size_t len,
				   char *out)
{
	unsigned char digest[EVP_MAX_MD_SIZE];
	unsigned size = 0;
	const unsigned char *done =
		HMAC(EVP_sha256(), key, (int)key_len, bytes, len, digest, &size);

	assert(done);
	return to_hex(digest, size, out);
}
