#include "wire.h"

#include <string.h>

#include "binnacle/base/list.h"

enum { ANYBODY_MAY_ALL = 31, ANY_VERSION = -1, EPHEMERAL = 1 };

static void put_number(struct strbuf *out, int64_t number, int bytes)
{
	for (int shift = 8 * (bytes - 1); shift >= 0; shift -= 8)
		strbuf_addch(out, (char)(unsigned char)((uint64_t)number >> shift));
}

static void put_int(struct strbuf *out, int32_t number)
{
	put_number(out, number, 4);
}

static void put_bytes(struct strbuf *out, const void *bytes, size_t len)
{
	put_int(out, (int32_t)len);
	strbuf_add(out, bytes, len);
}

static void put_text(struct strbuf *out, const char *text)
{
	put_bytes(out, text, strlen(text));
}

/* The length is known when the rest is there. */
static size_t begin(struct strbuf *out)
{
	put_int(out, 0);
	return out->len;
}

static void end(struct strbuf *out, size_t start)
{
	size_t len = out->len - start;

	for (int i = 0; i < WIRE_LENGTH_BYTES; i++)
		out->buf[start - WIRE_LENGTH_BYTES + (size_t)i] =
			(char)(unsigned char)(len >> (8 * (3 - i)));
}

static size_t begin_request(struct strbuf *out, int32_t xid, enum wire_op op)
{
	size_t start = begin(out);

	put_int(out, xid);
	put_int(out, (int32_t)op);
	return start;
}

void wire_put_greeting(struct strbuf *out, const struct wire_session *session)
{
	size_t start = begin(out);

	put_int(out, 0); /* the version of the protocol */
	/* The newest change that we have seen: none. A server that has lost its data would refuse
	 * whoever knows of a later one, and what is only written does not mind an older state. */
	put_number(out, 0, 8);
	put_int(out, session->timeout_ms);
	put_number(out, session->id, 8);
	put_bytes(out, session->password, sizeof(session->password));
	strbuf_addch(out, 0); /* a server that can only be read does not do */
	end(out, start);
}

void wire_put_exists(struct strbuf *out, int32_t xid, const char *path)
{
	size_t start = begin_request(out, xid, WIRE_EXISTS);

	put_text(out, path);
	strbuf_addch(out, 0); /* no watch */
	end(out, start);
}

void wire_put_create(struct strbuf *out, int32_t xid, const char *path, const char *data,
		     bool is_ephemeral)
{
	size_t start = begin_request(out, xid, WIRE_CREATE);

	put_text(out, path);
	put_text(out, data);
	put_int(out, 1); /* entries of the access list */
	put_int(out, ANYBODY_MAY_ALL);
	put_text(out, "world");
	put_text(out, "anyone");
	put_int(out, is_ephemeral ? EPHEMERAL : 0);
	end(out, start);
}

void wire_put_set(struct strbuf *out, int32_t xid, const char *path, const char *data)
{
	size_t start = begin_request(out, xid, WIRE_SET);

	put_text(out, path);
	put_text(out, data);
	put_int(out, ANY_VERSION);
	end(out, start);
}

void wire_put_delete(struct strbuf *out, int32_t xid, const char *path)
{
	size_t start = begin_request(out, xid, WIRE_DELETE);

	put_text(out, path);
	put_int(out, ANY_VERSION);
	end(out, start);
}

void wire_put_ping(struct strbuf *out)
{
	end(out, begin_request(out, WIRE_PING_XID, WIRE_PING));
}

static int64_t get_number(const char *bytes, int count)
{
	uint64_t number = 0;

	for (int i = 0; i < count; i++)
		number = number << 8 | (unsigned char)bytes[i];
	return count == 4 ? (int32_t)(uint32_t)number : (int64_t)number;
}

int64_t wire_message_length(const char *bytes, size_t len, bool *is_bad)
{
	int64_t length;

	*is_bad = false;
	if (len < WIRE_LENGTH_BYTES)
		return -1;
	length = get_number(bytes, 4);
	*is_bad = length < 0 || length > WIRE_MESSAGE_MAX;
	if (*is_bad || len - WIRE_LENGTH_BYTES < (size_t)length)
		return -1;
	return length;
}

bool wire_get_answer(const char *message, size_t len, struct wire_answer *out)
{
	if (len < 16)
		return false;
	out->xid = (int32_t)get_number(message, 4);
	out->error = (int32_t)get_number(message + 12, 4);
	return true;
}

bool wire_get_session(const char *message, size_t len, struct wire_session *out)
{
	if (len < 20 + WIRE_PASSWORD_BYTES || get_number(message + 16, 4) != WIRE_PASSWORD_BYTES)
		return false;
	out->timeout_ms = (int32_t)get_number(message + 4, 4);
	out->id = get_number(message + 8, 8);
	memcpy(out->password, message + 20, WIRE_PASSWORD_BYTES);
	return true;
}

const char *wire_error_text(int32_t error)
{
	static const struct {
		int32_t error;
		const char *text;
	} texts[] = {
		{ -1, "a fault of the system" },
		{ -4, "connection lost" },
		{ -6, "unknown operation" },
		{ -8, "bad arguments" },
		{ WIRE_NO_NODE, "no such node" },
		{ WIRE_NO_AUTH, "not allowed" },
		{ WIRE_NO_CHILDREN_FOR_EPHEMERALS, "an ephemeral node has no children" },
		{ WIRE_NODE_EXISTS, "the node exists" },
		{ WIRE_NOT_EMPTY, "the node has children" },
		{ WIRE_SESSION_EXPIRED, "the session has expired" },
		{ -114, "the access list is not valid" },
		{ -118, "the session moved" },
		{ -119, "the server can only be read" },
		{ -125, "the quota is used up" },
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (texts[i].error == error)
			return texts[i].text;
	}
	return "refused";
}
