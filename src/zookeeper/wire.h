/*
 * wire.h - ZooKeeper's messages: a length of four bytes, then big-endian numbers and strings with
 * their length in front. Pure.
 */
#ifndef ZOOKEEPER_WIRE_H
#define ZOOKEEPER_WIRE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/strbuf.h"

enum wire_op {
	WIRE_CREATE = 1,
	WIRE_DELETE = 2,
	WIRE_EXISTS = 3,
	WIRE_SET = 5,
	WIRE_PING = 11,
};

enum {
	WIRE_LENGTH_BYTES = 4,
	WIRE_PASSWORD_BYTES = 16,
	WIRE_MESSAGE_MAX = 1 << 20, /* the server's own limit */
	WIRE_PING_XID = -2,
	WIRE_WATCH_XID = -1,
};

/* What the server said no with. */
enum wire_error {
	WIRE_NO_NODE = -101,
	WIRE_NO_AUTH = -102,
	WIRE_NO_CHILDREN_FOR_EPHEMERALS = -108,
	WIRE_NODE_EXISTS = -110,
	WIRE_NOT_EMPTY = -111,
	WIRE_SESSION_EXPIRED = -112,
};

struct wire_session {
	int64_t id; /* 0: a new one is wanted */
	int32_t timeout_ms;
	unsigned char password[WIRE_PASSWORD_BYTES];
};

/* Append whole messages. */
void wire_put_greeting(struct strbuf *out, const struct wire_session *session);
void wire_put_exists(struct strbuf *out, int32_t xid, const char *path);
void wire_put_create(struct strbuf *out, int32_t xid, const char *path, const char *data,
		     bool is_ephemeral);
void wire_put_set(struct strbuf *out, int32_t xid, const char *path, const char *data);
void wire_put_delete(struct strbuf *out, int32_t xid, const char *path);
void wire_put_ping(struct strbuf *out);

/* The length of the first message without its own length's bytes; -1: more bytes are needed, or,
 * with *is_bad, no length that a message may have. */
int64_t wire_message_length(const char *bytes, size_t len, bool *is_bad);

struct wire_answer {
	int32_t xid;
	int32_t error; /* 0: none */
};
/* From a message without its length; false: too short. */
bool wire_get_answer(const char *message, size_t len, struct wire_answer *out);
/* The answer to the greeting; a timeout of 0: the session that was asked for is over. */
bool wire_get_session(const char *message, size_t len, struct wire_session *out);

/* "no node", "node exists": in words. */
const char *wire_error_text(int32_t error);

#endif
