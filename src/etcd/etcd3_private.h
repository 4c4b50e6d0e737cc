/* What the files of the v3 client share. */
#ifndef ETCD3_PRIVATE_H
#define ETCD3_PRIVATE_H

#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/etcd/etcd3.h"
#include "etcd_private.h"

struct etcd3 {
	struct loop *loop;
	struct http *http;
	struct members members;
	const char **prefixes; /* of each member: "/v3"; NULL: not known yet */
	char *user, *password; /* NULL: none */
	char *token;           /* the newest; NULL: none yet */
	bool auth_is_off;
	unsigned page;
	size_t users;
};

/* etcd3_wire.c: between our structs and the gateway's JSON. Pure. */

/* Base64. */
void wire_add_bytes(struct json *into, const char *name, const char *bytes, size_t len);
/* "key", and "range_end" for all keys that start with it. */
void wire_add_range(struct json *into, const char *key, bool prefix);
/* 64-bit numbers are strings. */
void wire_add_u64(struct json *into, const char *name, uint64_t number);
uint64_t wire_u64(const struct json *from, const char *name);
void wire_cluster_id(char out[17], const struct json *doc);
struct json *wire_txn(const struct etcd3_txn *txn);
bool wire_kv(struct etcd3_kv *kv, const struct json *from, struct arena *arena, struct err *err);
/* The result of a put, a delete, or one of a transaction. */
bool wire_result(struct etcd3_result *result, const struct json *from, struct arena *arena,
		 struct err *err);
bool wire_responses(struct etcd3_answer *answer, const struct json *doc, struct arena *arena,
		    struct err *err);

/* What a gateway's error says: a gRPC code and a sentence. */
enum wire_code {
	WIRE_NO_CODE = 0,
	WIRE_INVALID = 3,
	WIRE_TIMEOUT = 4,
	WIRE_NOT_FOUND = 5,
	WIRE_EXISTS = 6,
	WIRE_DENIED = 7,
	WIRE_PRECONDITION = 9,
	WIRE_OUT_OF_RANGE = 11,
	WIRE_UNAVAILABLE = 14,
	WIRE_UNAUTHENTICATED = 16,
};
struct wire_error {
	int64_t code;
	char message[200];
};
void wire_read_error(struct wire_error *error, const char *body, size_t len);
/* A newer token might do. */
bool wire_wants_login(const struct wire_error *error);
enum err_code wire_err_code(const struct wire_error *error);

/* "/v3" for "3.4.23"; NULL for a version that has no gateway. */
const char *wire_prefix_of_version(const char *version);

/* etcd3.c */

/* Is there all that a request to this member needs: its prefix and a token? */
bool etcd3_is_ready(const struct etcd3 *etcd, size_t member);
/* Get these, from the first member that answers. */
struct etcd3_call *etcd3_get_ready(struct etcd3 *etcd, etcd3_fn *done, void *arg);
/* The header of a request; NULL without a token. The caller frees it. */
char *etcd3_auth_header(const struct etcd3 *etcd);
void etcd3_forget_token(struct etcd3 *etcd, const char *token);

#endif
