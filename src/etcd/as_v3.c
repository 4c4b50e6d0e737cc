/*
 * The calls of etcd.h over the v3 API. Conditions become comparisons of a transaction; answers
 * become the documents that the v2 API would have given.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/etcd/etcd3.h"
#include "binnacle/loop/loop.h"
#include "etcd_private.h"

/* What stands for a value with a zero byte in it, which no text of ours can hold: it reads as a
 * value that cannot be decoded, which is the truth. */
#define BINARY_VALUE "(binary)"

char *etcd_prefix_v3(const char *key)
{
	size_t len = strlen(key);

	return xasprintf("%s%s", key, len && key[len - 1] == '/' ? "" : "/");
}

static struct json *node_of(const struct etcd3_kv *kv)
{
	struct json *node = json_new_object();
	bool binary = strlen(kv->value) != kv->value_len;

	json_add_str(node, "key", kv->key);
	json_add_str(node, "value", binary ? BINARY_VALUE : kv->value);
	json_add_int(node, "createdIndex", (int64_t)kv->create_revision);
	json_add_int(node, "modifiedIndex", (int64_t)kv->mod_revision);
	return node;
}

static struct etcd_meta meta_of(const struct etcd3_answer *answer)
{
	return (struct etcd_meta){ .api = ETCD_V3,
				   .etcd_index = answer ? answer->revision : 0,
				   .cluster_id = answer ? answer->cluster_id : "" };
}

static void fail(struct etcd_call *call, const struct etcd3_answer *answer, enum err_code code,
		 const char *what)
{
	struct etcd_meta meta = meta_of(answer);
	struct err err = { 0 };

	err_set(&err, code, "etcd %s: %s %.160s: %s", etcd_address(call->etcd), call->method,
		call->key, what);
	etcd_call_finish(call, NULL, &meta, &err);
}

static void on_got(void *arg, const struct etcd3_answer *answer, const struct err *err)
{
	struct etcd_call *call = arg;
	struct etcd_meta meta = meta_of(answer);
	const struct etcd3_result *result;
	struct json *doc, *node, *nodes;

	call->v3 = NULL;
	if (err) {
		etcd_call_finish(call, NULL, &meta, err);
		return;
	}
	result = &answer->results[0];
	if (!result->count && (call->flags & ETCD_RECURSIVE)) {
		/* Nothing below it; it may be a key itself. */
		call->flags &= ~(unsigned)ETCD_RECURSIVE;
		call->v3 = etcd3_range(call->etcd->v3, call->key, 0, on_got, call);
		return;
	}
	if (!result->count) {
		fail(call, answer, ERR_NOT_FOUND, "key not found");
		return;
	}
	doc = json_new_object();
	json_add_str(doc, "action", "get");
	if (call->flags & ETCD_RECURSIVE) {
		node = json_add_object(doc, "node");
		json_add_str(node, "key", call->key);
		json_add_bool(node, "dir", true);
		nodes = json_add_array(node, "nodes");
		for (size_t i = 0; i < result->count; i++)
			if (strlen(result->kvs[i].key) == result->kvs[i].key_len)
				json_add(nodes, NULL, node_of(&result->kvs[i]));
	} else {
		json_add(doc, "node", node_of(&result->kvs[0]));
	}
	etcd_call_finish(call, doc, &meta, NULL);
}

static void start_get(struct etcd_call *call)
{
	bool recursive = call->flags & ETCD_RECURSIVE;
	char *prefix = etcd_prefix_v3(call->key);

	call->v3 = etcd3_range(call->etcd->v3, recursive ? prefix : call->key,
			       recursive ? ETCD3_PREFIX : 0, on_got, call);
	free(prefix);
}

/* A write: the last result is what was there before, or what is there instead. */
static void on_written(void *arg, const struct etcd3_answer *answer, const struct err *err)
{
	struct etcd_call *call = arg;
	struct etcd_meta meta = meta_of(answer);
	bool put = strcmp(call->method, "PUT") == 0;
	const struct etcd3_result *result;
	const struct etcd3_kv *before;
	struct json *doc, *node;

	call->v3 = NULL;
	if (err) {
		etcd_call_finish(call, NULL, &meta, err);
		return;
	}
	result = answer->result_count ? &answer->results[0] : NULL;
	before = result && result->count ? &result->kvs[0] : NULL;
	if (!answer->succeeded) {
		bool gone = !before && (call->condition.prev_index || call->condition.must_exist);

		fail(call, answer, gone ? ERR_NOT_FOUND : ERR_CONFLICT,
		     gone                             ? "key not found"
		     : call->condition.must_not_exist ? "key already exists"
						      : "compare failed");
		return;
	}
	if (!put && !before) {
		fail(call, answer, ERR_NOT_FOUND, "key not found");
		return;
	}
	doc = json_new_object();
	json_add_str(doc, "action", put ? "set" : "delete");
	node = json_add_object(doc, "node");
	json_add_str(node, "key", call->key);
	if (put)
		json_add_str(node, "value", call->value);
	json_add_int(node, "createdIndex",
		     (int64_t)(before ? before->create_revision : answer->revision));
	json_add_int(node, "modifiedIndex", (int64_t)answer->revision);
	if (before)
		json_add(doc, "prevNode", node_of(before));
	etcd_call_finish(call, doc, &meta, NULL);
}

static void start_write(struct etcd_call *call, const struct etcd3_op *write)
{
	const struct etcd_condition *condition = &call->condition;
	const struct etcd3_op look = { .kind = ETCD3_GET, .key = call->key };
	struct etcd3_compare compares[4];
	struct etcd3_txn txn = {
		.compares = compares,
		.then = write,
		.then_count = 1,
		.otherwise = &look,
		.otherwise_count = 1,
	};

	if (condition->prev_index)
		compares[txn.compare_count++] =
			(struct etcd3_compare){ .key = call->key, .number = condition->prev_index };
	if (condition->must_exist)
		compares[txn.compare_count++] = (struct etcd3_compare){ .key = call->key,
									.target = ETCD3_CREATE,
									.above = true };
	if (condition->must_not_exist)
		compares[txn.compare_count++] =
			(struct etcd3_compare){ .key = call->key, .target = ETCD3_CREATE };
	if (call->absent_key)
		compares[txn.compare_count++] =
			(struct etcd3_compare){ .key = call->absent_key, .target = ETCD3_CREATE };
	assert(txn.compare_count <= COUNT_OF(compares));
	call->v3 = etcd3_txn(call->etcd->v3, &txn, on_written, call);
}

static void put_with_lease(struct etcd_call *call, uint64_t lease)
{
	start_write(call, &(struct etcd3_op){ .kind = ETCD3_PUT,
					      .key = call->key,
					      .value = call->value,
					      .lease = lease });
}

static void on_lease(void *arg, const struct etcd3_answer *answer, const struct err *err)
{
	struct etcd_call *call = arg;
	struct etcd_meta meta = meta_of(answer);

	call->v3 = NULL;
	if (err)
		etcd_call_finish(call, NULL, &meta, err);
	else
		put_with_lease(call, answer->lease);
}

static void on_no_folder(void *arg)
{
	struct etcd_call *call = arg;

	call->deferred = NULL;
	fail(call, NULL, ERR_NOT_FOUND, "the v3 API has no folders");
}

void etcd_start_v3(struct etcd_call *call)
{
	const struct etcd_condition *condition = &call->condition;

	if (strcmp(call->method, "GET") == 0)
		start_get(call);
	else if (strcmp(call->method, "DELETE") == 0 && condition->dir)
		call->deferred = loop_defer(call->etcd->loop, on_no_folder, call);
	else if (strcmp(call->method, "DELETE") == 0)
		start_write(call, &(struct etcd3_op){ .kind = ETCD3_DELETE, .key = call->key });
	else if (condition->ttl_s > 0)
		call->v3 = etcd3_lease_grant(call->etcd->v3, 0, condition->ttl_s, on_lease, call);
	else
		put_with_lease(call, 0);
}
