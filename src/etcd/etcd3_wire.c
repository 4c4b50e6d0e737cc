/*
 * Reference: etcd 3.4, etcdserverpb/rpc.proto, as grpc-gateway writes it: bytes are base64, 64-bit
 * numbers are strings, members of zero value are left out.
 */
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/encode.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "etcd3_private.h"

void wire_add_bytes(struct json *into, const char *name, const char *bytes, size_t len)
{
	struct strbuf text = STRBUF_INIT;

	base64_encode(&text, bytes, len, BASE64_STANDARD);
	json_add_str(into, name, text.buf);
	strbuf_release(&text);
}

void wire_add_u64(struct json *into, const char *name, uint64_t number)
{
	char text[32];

	snprintf(text, sizeof(text), "%" PRIu64, number);
	json_add_str(into, name, text);
}

/* The first key that does not start with the prefix: its last byte one up. A byte 0xff has no
 * successor, so it goes and the one before it counts. "\0" stands for "to the end". */
static void add_range_end(struct json *into, const char *key)
{
	size_t len = strlen(key);
	char *end = xstrndup(key, len);

	while (len > 0 && (unsigned char)end[len - 1] == 0xff)
		len--;
	if (len > 0)
		end[len - 1] = (char)((unsigned char)end[len - 1] + 1);
	wire_add_bytes(into, "range_end", len ? end : "\0", len ? len : 1);
	free(end);
}

void wire_add_range(struct json *into, const char *key, bool prefix)
{
	/* An empty key is not allowed; the first there can be is one zero byte. */
	if (*key)
		wire_add_bytes(into, "key", key, strlen(key));
	else
		wire_add_bytes(into, "key", "\0", 1);
	if (prefix)
		add_range_end(into, key);
}

uint64_t wire_u64(const struct json *from, const char *name)
{
	const struct json *value = json_member(from, name);
	int64_t number = 0;

	if (json_is_number(value))
		return (uint64_t)json_as_int(value, 0);
	/* What is above INT64_MAX occurs in ids only; strtoull takes them all. */
	if (text_parse_int(json_as_str(value, ""), INT64_MIN, INT64_MAX, &number))
		return (uint64_t)number;
	return strtoull(json_as_str(value, "0"), NULL, 10);
}

void wire_cluster_id(char out[17], const struct json *doc)
{
	uint64_t id = wire_u64(json_member(doc, "header"), "cluster_id");

	*out = '\0';
	if (id)
		snprintf(out, 17, "%" PRIx64, id);
}

static void add_compare(struct json *list, const struct etcd3_compare *compare)
{
	static const struct {
		const char *target, *member;
	} names[] = {
		[ETCD3_MOD] = { "MOD", "mod_revision" },
		[ETCD3_CREATE] = { "CREATE", "create_revision" },
		[ETCD3_VERSION] = { "VERSION", "version" },
	};
	struct json *item = json_add_object(list, NULL);

	wire_add_bytes(item, "key", compare->key, strlen(compare->key));
	json_add_str(item, "result", compare->above ? "GREATER" : "EQUAL");
	json_add_str(item, "target", names[compare->target].target);
	wire_add_u64(item, names[compare->target].member, compare->number);
}

static void add_op(struct json *list, const struct etcd3_op *op)
{
	struct json *item = json_add_object(list, NULL), *body;

	switch (op->kind) {
	case ETCD3_GET:
		body = json_add_object(item, "request_range");
		wire_add_range(body, op->key, op->prefix);
		break;
	case ETCD3_PUT:
		body = json_add_object(item, "request_put");
		wire_add_bytes(body, "key", op->key, strlen(op->key));
		wire_add_bytes(body, "value", op->value,
			       op->value_len ? op->value_len : strlen(op->value));
		if (op->lease)
			wire_add_u64(body, "lease", op->lease);
		json_add_bool(body, "prev_kv", true);
		break;
	case ETCD3_DELETE:
		body = json_add_object(item, "request_delete_range");
		wire_add_range(body, op->key, op->prefix);
		json_add_bool(body, "prev_kv", true);
		break;
	}
}

struct json *wire_txn(const struct etcd3_txn *txn)
{
	struct json *doc = json_new_object(), *list;

	list = json_add_array(doc, "compare");
	for (size_t i = 0; i < txn->compare_count; i++)
		add_compare(list, &txn->compares[i]);
	list = json_add_array(doc, "success");
	for (size_t i = 0; i < txn->then_count; i++)
		add_op(list, &txn->then[i]);
	list = json_add_array(doc, "failure");
	for (size_t i = 0; i < txn->otherwise_count; i++)
		add_op(list, &txn->otherwise[i]);
	return doc;
}

static bool read_bytes(const char **out, size_t *len, const char *text, struct arena *arena,
		       struct err *err)
{
	struct strbuf bytes = STRBUF_INIT;
	bool ok = base64_decode(&bytes, text, strlen(text), BASE64_STANDARD, NULL);

	if (ok) {
		*out = arena_strndup(arena, bytes.buf, bytes.len);
		*len = bytes.len;
	} else {
		err_set(err, ERR_FORMAT, "the answer has a key or value that is not base64");
	}
	strbuf_release(&bytes);
	return ok;
}

bool wire_kv(struct etcd3_kv *kv, const struct json *from, struct arena *arena, struct err *err)
{
	*kv = (struct etcd3_kv){
		.create_revision = wire_u64(from, "create_revision"),
		.mod_revision = wire_u64(from, "mod_revision"),
		.version = wire_u64(from, "version"),
		.lease = wire_u64(from, "lease"),
	};
	return read_bytes(&kv->key, &kv->key_len, json_as_str(json_member(from, "key"), ""), arena,
			  err) &&
	       read_bytes(&kv->value, &kv->value_len, json_as_str(json_member(from, "value"), ""),
			  arena, err);
}

bool wire_result(struct etcd3_result *result, const struct json *from, struct arena *arena,
		 struct err *err)
{
	const struct json *list = json_member(from, "kvs"), *one = json_member(from, "prev_kv");
	struct etcd3_kv *kvs;

	if (!list)
		list = json_member(from, "prev_kvs");
	kvs = arena_alloc(arena, (json_count(list) + 1) * sizeof(*kvs));
	*result = (struct etcd3_result){
		.kvs = kvs,
		.total = wire_u64(from, "count"),
		.deleted = wire_u64(from, "deleted"),
	};
	JSON_EACH(item, list)
	{
		if (!wire_kv(&kvs[result->count++], item, arena, err))
			return false;
	}
	return !one || wire_kv(&kvs[result->count++], one, arena, err);
}

bool wire_responses(struct etcd3_answer *answer, const struct json *doc, struct arena *arena,
		    struct err *err)
{
	static const char *const kinds[] = { "response_range", "response_put",
					     "response_delete_range" };
	const struct json *list = json_member(doc, "responses");
	struct etcd3_result *results =
		arena_alloc(arena, (json_count(list) + 1) * sizeof(*results));

	answer->results = results;
	JSON_EACH(item, list)
	{
		const struct json *body = NULL;

		for (size_t i = 0; i < COUNT_OF(kinds) && !body; i++)
			body = json_member(item, kinds[i]);
		if (!wire_result(&results[answer->result_count++], body, arena, err))
			return false;
	}
	return true;
}

/* An answer has them at its top, a stream in a member "error". */
void wire_read_error(struct wire_error *error, const char *body, size_t len)
{
	struct err not_json;
	struct json *doc = json_parse(body, len, &not_json);
	const struct json *inner = json_member(doc, "error");
	const struct json *from = json_is_object(inner) ? inner : doc;
	const char *message = json_as_str(json_member(from, "message"), "");

	*error = (struct wire_error){ 0 };
	if (!*message)
		message = json_as_str(json_member(from, "error"), "");
	error->code = json_as_int(json_member(from, "code"),
				  json_as_int(json_member(from, "grpc_code"), 0));
	if (text_starts_with(message, "etcdserver: "))
		message += strlen("etcdserver: ");
	snprintf(error->message, sizeof(error->message), "%s", message);
	json_free(doc);
}

bool wire_wants_login(const struct wire_error *error)
{
	return error->code == WIRE_UNAUTHENTICATED ||
	       strstr(error->message, "user name is empty") ||
	       strstr(error->message, "invalid auth token") ||
	       strstr(error->message, "revision of auth store is old");
}

enum err_code wire_err_code(const struct wire_error *error)
{
	switch (error->code) {
	case WIRE_INVALID:
		return wire_wants_login(error) || strstr(error->message, "authentication failed")
			       ? ERR_DENIED
			       : ERR_REFUSED;
	case WIRE_NOT_FOUND:
		return ERR_NOT_FOUND;
	case WIRE_EXISTS:
	case WIRE_OUT_OF_RANGE:
		return ERR_CONFLICT;
	case WIRE_DENIED:
	case WIRE_UNAUTHENTICATED:
		return ERR_DENIED;
	case WIRE_TIMEOUT:
	case WIRE_UNAVAILABLE:
		return ERR_UNREACHABLE;
	default:
		return ERR_REFUSED;
	}
}

const char *wire_prefix_of_version(const char *version)
{
	char *dot;
	unsigned long major = strtoul(version, &dot, 10), minor = 0;

	if (dot == version)
		return NULL;
	if (*dot == '.')
		minor = strtoul(dot + 1, NULL, 10);
	if (major < 3)
		return NULL;
	if (major > 3 || minor >= 4)
		return "/v3";
	return minor == 3 ? "/v3beta" : "/v3alpha";
}
