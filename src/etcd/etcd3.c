/*
 * A call goes through up to three requests on one member: its version, which tells the prefix of
 * the paths; a token, when there is a login; and the call itself. The first two change nothing, so
 * when one gets no answer the next member is asked even if the call is a write.
 *
 *   DETECT ─▶ LOGIN ─▶ ASK ─▶ (the next page: ASK again) ─▶ the end
 *     ▲          ▲      │
 *     │          └──────┤ the token is not accepted any more: once
 *     └─────────────────┘ the prefix is not known any more: once; a read without answer
 */
#include "binnacle/etcd/etcd3.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/net/http.h"
#include "etcd3_private.h"

enum {
	PAGE_KEYS = 1000,
	RESTARTS_MAX = 3, /* of a range whose revision was compacted between two pages */
};

enum call_kind { CALL_READY, CALL_RANGE, CALL_TXN, CALL_PUT, CALL_DELETE, CALL_LEASE };

struct etcd3_call {
	struct etcd3 *etcd;
	enum call_kind kind;
	const char *path; /* without the prefix; NULL of CALL_READY */
	struct json *body;
	char *key; /* for messages */
	size_t member, moves;
	bool is_read, login_renewed, prefix_renewed;
	char *token; /* what the request was sent with */
	struct http_call *http;
	etcd3_fn *done;
	void *arg;

	struct arena arena; /* of the answer */
	struct {
		struct etcd3_kv *items;
		size_t len, cap;
	} kvs; /* of a range, page after page */
	uint64_t revision, total;
	size_t bytes;
	unsigned restarts;
};

struct etcd3 *etcd3_new(struct loop *loop, struct http *http, const struct etcd_config *config,
			struct err *err)
{
	struct etcd3 *etcd = xcalloc(1, sizeof(*etcd));

	etcd->loop = loop;
	etcd->http = http;
	etcd->page = PAGE_KEYS;
	if (!members_fill(&etcd->members, config, false, err)) {
		etcd3_free(etcd);
		return NULL;
	}
	etcd->prefixes = xcalloc(etcd->members.count, sizeof(*etcd->prefixes));
	if (etcd_config_has_login(config)) {
		etcd->user = xstrdup(config->user);
		etcd->password = xstrdup(config->password);
	}
	return etcd;
}

void etcd3_free(struct etcd3 *etcd)
{
	if (!etcd)
		return;
	assert(etcd->users == 0);
	members_release(&etcd->members);
	free(etcd->prefixes);
	free(etcd->user);
	free(etcd->password);
	free(etcd->token);
	free(etcd);
}

const char *etcd3_address(const struct etcd3 *etcd)
{
	return endpoint_describe(&etcd->members.items[etcd->members.current]);
}

void etcd3_set_page(struct etcd3 *etcd, unsigned keys)
{
	etcd->page = keys ? keys : PAGE_KEYS;
}

bool etcd3_is_ready(const struct etcd3 *etcd, size_t member)
{
	return etcd->prefixes[member] && (!etcd->user || etcd->token || etcd->auth_is_off);
}

char *etcd3_auth_header(const struct etcd3 *etcd)
{
	return etcd->token ? xasprintf("Authorization: %s", etcd->token) : NULL;
}

/* Unless somebody has fetched a newer one meanwhile. */
void etcd3_forget_token(struct etcd3 *etcd, const char *token)
{
	etcd->auth_is_off = false;
	if (!etcd->token || !token || strcmp(etcd->token, token) != 0)
		return;
	free(etcd->token);
	etcd->token = NULL;
}

static const char *address_of(const struct etcd3_call *call)
{
	return endpoint_describe(&call->etcd->members.items[call->member]);
}

/* All but the arena and the list, which the answer lies in. */
static void call_free(struct etcd3_call *call)
{
	call->etcd->users--;
	json_free(call->body);
	free(call->key);
	free(call->token);
	free(call);
}

/* End the call. The answer's cluster id lives here, all else of it in the arena. */
static void finish(struct etcd3_call *call, const struct etcd3_answer *answer,
		   const struct err *err)
{
	struct arena arena = call->arena;
	struct etcd3_kv *kvs = call->kvs.items;
	etcd3_fn *done = call->done;
	void *arg = call->arg;

	call_free(call);
	done(arg, err ? NULL : answer, err);
	free(kvs);
	arena_release(&arena);
}

static void fail(struct etcd3_call *call, const struct err *err)
{
	struct err copy = *err;

	err_context(&copy, "etcd %s", address_of(call));
	finish(call, NULL, &copy);
}

static void advance(struct etcd3_call *call);

/* Ask the next member, unless each has been asked. */
static bool move_on(struct etcd3_call *call)
{
	members_failed(&call->etcd->members, call->member);
	if (call->moves + 1 >= call->etcd->members.count)
		return false;
	call->moves++;
	call->member = (call->member + 1) % call->etcd->members.count;
	advance(call);
	return true;
}

static void start_request(struct etcd3_call *call, const char *method, const char *path,
			  const struct json *body, http_done_fn *done)
{
	struct strbuf text = STRBUF_INIT;
	char *header = body ? etcd3_auth_header(call->etcd) : NULL;
	const char *const headers[] = { header, NULL };
	struct http_request request = {
		.method = method,
		.path = path,
		.headers = headers,
		.timeout_ms = call->etcd->members.timeout_ms,
		.connect_timeout_ms = ETCD_CONNECT_TIMEOUT_MS,
	};

	if (body) {
		json_print(&text, body);
		request.body = text.buf;
		request.body_len = text.len;
	}
	call->http = http_start(call->etcd->http, &call->etcd->members.items[call->member],
				&request, done, call);
	strbuf_release(&text);
	free(header);
}

/* The sentence for an answer that says no. */
static void explain(const struct etcd3_call *call, const struct http_answer *answer,
		    const struct wire_error *error, struct err *err)
{
	if (!*error->message && answer->status == 404)
		err_set(err, ERR_REFUSED,
			"it does not serve the v3 API over HTTP: etcd 3.0 or later with its "
			"gRPC gateway on is needed");
	else if (strstr(answer->body.buf, "CommonName of client"))
		err_set(err, ERR_DENIED,
			"with authentication on, its gateway takes no client certificate with a "
			"common name (CN): use one without, or none");
	else if (!*error->message)
		http_refused(err, "the v3 API", answer);
	else if (wire_wants_login(error) && !call->etcd->user)
		err_set(err, ERR_DENIED, "it wants a user and a password (%s)", error->message);
	else
		err_set(err, wire_err_code(error), "%s%s%s", error->message, call->key ? ": " : "",
			call->key ? call->key : "");
	if (answer->status >= 500) /* it is in trouble: no answer to what was asked */
		err->code = ERR_UNREACHABLE;
}

static void fail_with_answer(struct etcd3_call *call, const struct http_answer *answer)
{
	struct wire_error error;
	struct err err = { 0 };

	wire_read_error(&error, answer->body.buf, answer->body.len);
	explain(call, answer, &error, &err);
	fail(call, &err);
}

static void on_version(void *arg, struct http_answer *answer, const struct err *failure)
{
	struct etcd3_call *call = arg;
	const char *version, *prefix;
	struct err err = { 0 };
	struct json *doc;

	call->http = NULL;
	if (!answer || answer->status >= 500) {
		if (move_on(call))
			return;
	}
	if (!answer) {
		fail(call, failure);
		return;
	}
	if (answer->status != 200) {
		fail_with_answer(call, answer);
		return;
	}
	doc = json_parse(answer->body.buf, answer->body.len, &err);
	version = json_str(doc, "etcdserver", "");
	prefix = wire_prefix_of_version(version);
	if (prefix)
		call->etcd->prefixes[call->member] = prefix;
	else if (!err.code)
		err_set(&err, ERR_REFUSED, "its version \"%.40s\" is not known to have a v3 API",
			version);
	json_free(doc);
	if (prefix)
		advance(call);
	else
		fail(call, &err);
}

static void on_token(void *arg, struct http_answer *answer, const struct err *failure)
{
	struct etcd3_call *call = arg;
	struct etcd3 *etcd = call->etcd;
	struct wire_error error;
	struct err err = { 0 };
	struct json *doc;

	call->http = NULL;
	if (!answer || answer->status >= 500) {
		if (move_on(call))
			return;
	}
	if (!answer) {
		fail(call, failure);
		return;
	}
	if (answer->status == 200) {
		doc = json_parse(answer->body.buf, answer->body.len, &err);
		free(etcd->token);
		etcd->token =
			*json_str(doc, "token", "") ? xstrdup(json_str(doc, "token", "")) : NULL;
		json_free(doc);
		if (etcd->token)
			advance(call);
		else
			fail(call, err.code
					   ? &err
					   : (err_set(&err, ERR_FORMAT, "it gave no token"), &err));
		return;
	}
	wire_read_error(&error, answer->body.buf, answer->body.len);
	if (error.code == WIRE_PRECONDITION &&
	    strstr(error.message, "authentication is not enabled")) {
		etcd->auth_is_off = true;
		advance(call);
		return;
	}
	explain(call, answer, &error, &err);
	fail(call, &err);
}

/* ---- answers ---- */

static void next_page(struct etcd3_call *call)
{
	const struct etcd3_kv *last = &call->kvs.items[call->kvs.len - 1];
	struct strbuf text = STRBUF_INIT;

	/* The key after a key is the same with one zero byte more. */
	strbuf_add(&text, last->key, last->key_len + 1);
	json_remove(call->body, "key");
	wire_add_bytes(call->body, "key", text.buf, text.len);
	json_remove(call->body, "revision");
	wire_add_u64(call->body, "revision", call->revision);
	strbuf_release(&text);
	advance(call);
}

static bool take_page(struct etcd3_call *call, const struct json *doc, size_t bytes,
		      struct err *err)
{
	JSON_EACH(item, json_member(doc, "kvs"))
	{
		GROW(call->kvs.items, call->kvs.len, call->kvs.cap);
		if (!wire_kv(&call->kvs.items[call->kvs.len++], item, &call->arena, err))
			return false;
	}
	call->bytes += bytes;
	if (call->bytes > LIMIT_HTTP_BODY)
		return err_set(err, ERR_FORMAT, "there is more than %u MiB under %s",
			       LIMIT_HTTP_BODY >> 20, call->key);
	return true;
}

/* True when another page has been asked for. */
static bool read_range(struct etcd3_call *call, const struct json *doc, size_t bytes,
		       struct etcd3_answer *answer, struct err *err)
{
	struct etcd3_result *result;
	size_t before = call->kvs.len;

	if (!call->revision) {
		call->revision = answer->revision;
		call->total = wire_u64(doc, "count");
	}
	if (!take_page(call, doc, bytes, err))
		return false;
	if (json_bool(doc, "more", false) && call->kvs.len > before) {
		next_page(call);
		return true;
	}
	result = arena_alloc(&call->arena, sizeof(*result));
	*result = (struct etcd3_result){
		.kvs = call->kvs.items,
		.count = call->kvs.len,
		.total = call->total,
	};
	answer->results = result;
	answer->result_count = 1;
	answer->revision = call->revision;
	return false;
}

static void read_delete(const struct etcd3_call *call, const struct etcd3_answer *answer,
			struct err *err)
{
	const struct etcd3_result *result = answer->result_count ? &answer->results[0] : NULL;

	if (answer->succeeded && result && result->deleted)
		return;
	if (result && result->count)
		err_set(err, ERR_CONFLICT, "%.300s has changed: its revision is %llu", call->key,
			(unsigned long long)result->kvs[0].mod_revision);
	else
		err_set(err, ERR_NOT_FOUND, "there is no key %.300s", call->key);
}

static void read_lease(const struct etcd3_call *call, const struct json *doc,
		       struct etcd3_answer *answer, struct err *err)
{
	bool gives_ttl = strcmp(call->path, "/kv/lease/revoke") != 0;

	answer->lease = wire_u64(doc, "ID");
	answer->ttl_s = (int64_t)wire_u64(doc, "TTL");
	if (gives_ttl && answer->ttl_s <= 0)
		err_set(err, ERR_NOT_FOUND, "there is no such lease any more");
}

/* An answer with status 200. True when the call goes on. */
static bool read_answer(struct etcd3_call *call, const struct http_answer *http,
			struct etcd3_answer *answer, char cluster_id[17], struct err *err)
{
	struct json *doc = json_parse(http->body.buf, http->body.len, err);
	const struct json *top = json_member(doc, "result");
	bool goes_on = false;
	struct etcd3_result *result;

	if (!doc)
		return false;
	if (!json_is_object(top)) /* of the calls that are streams */
		top = doc;
	answer->revision = wire_u64(json_member(top, "header"), "revision");
	wire_cluster_id(cluster_id, top);
	answer->cluster_id = cluster_id;
	answer->succeeded = true;
	switch (call->kind) {
	case CALL_READY:
		break;
	case CALL_RANGE:
		goes_on = read_range(call, top, http->body.len, answer, err);
		break;
	case CALL_PUT:
		result = arena_alloc(&call->arena, sizeof(*result));
		answer->results = result;
		answer->result_count = 1;
		wire_result(result, top, &call->arena, err);
		break;
	case CALL_TXN:
	case CALL_DELETE:
		answer->succeeded = json_bool(top, "succeeded", false);
		if (wire_responses(answer, top, &call->arena, err) && call->kind == CALL_DELETE)
			read_delete(call, answer, err);
		break;
	case CALL_LEASE:
		read_lease(call, top, answer, err);
		break;
	}
	json_free(doc);
	return goes_on;
}

/* A page of a revision that has been compacted meanwhile: from the start. */
static bool restart_range(struct etcd3_call *call, const struct wire_error *error)
{
	if (call->kind != CALL_RANGE || !call->revision || error->code != WIRE_OUT_OF_RANGE ||
	    call->restarts++ >= RESTARTS_MAX)
		return false;
	call->revision = 0;
	call->kvs.len = 0;
	call->bytes = 0;
	json_remove(call->body, "key");
	json_remove(call->body, "range_end");
	json_remove(call->body, "revision");
	wire_add_range(call->body, call->key, true);
	advance(call);
	return true;
}

static void on_refusal(struct etcd3_call *call, const struct http_answer *answer)
{
	struct etcd3 *etcd = call->etcd;
	struct wire_error error;

	wire_read_error(&error, answer->body.buf, answer->body.len);
	if (wire_wants_login(&error) && etcd->user && !call->login_renewed) {
		call->login_renewed = true;
		etcd3_forget_token(etcd, call->token);
		advance(call);
		return;
	}
	if (answer->status == 404 && !error.code && !call->prefix_renewed) {
		call->prefix_renewed = true;
		etcd->prefixes[call->member] = NULL; /* it is another version now */
		advance(call);
		return;
	}
	if (!restart_range(call, &error))
		fail_with_answer(call, answer);
}

static void on_answer(void *arg, struct http_answer *http, const struct err *failure)
{
	struct etcd3_call *call = arg;
	struct etcd3_answer answer = { 0 };
	struct err err = { 0 };
	char cluster_id[17];

	call->http = NULL;
	if (!http || http->status >= 500) {
		members_failed(&call->etcd->members, call->member);
		if (call->is_read && move_on(call))
			return;
	} else {
		call->etcd->members.current = call->member;
	}
	if (!http) {
		fail(call, failure);
	} else if (http->status != 200) {
		on_refusal(call, http);
	} else if (!read_answer(call, http, &answer, cluster_id, &err)) {
		if (err.code)
			fail(call, &err);
		else
			finish(call, &answer, NULL);
	}
}

/* ---- requests ---- */

static void ask(struct etcd3_call *call)
{
	struct etcd3 *etcd = call->etcd;
	char *path = xasprintf("%s%s", etcd->prefixes[call->member], call->path);

	free(call->token);
	call->token = etcd->token ? xstrdup(etcd->token) : NULL;
	start_request(call, "POST", path, call->body, on_answer);
	free(path);
}

static void log_in(struct etcd3_call *call)
{
	struct etcd3 *etcd = call->etcd;
	struct json *body = json_new_object();
	char *path = xasprintf("%s/auth/authenticate", etcd->prefixes[call->member]);

	json_add_str(body, "name", etcd->user);
	json_add_str(body, "password", etcd->password);
	start_request(call, "POST", path, body, on_token);
	json_free(body);
	free(path);
}

static void advance(struct etcd3_call *call)
{
	struct etcd3 *etcd = call->etcd;
	struct etcd3_answer ready = { .succeeded = true, .cluster_id = "" };

	if (!etcd->prefixes[call->member]) {
		start_request(call, "GET", "/version", NULL, on_version);
	} else if (!etcd3_is_ready(etcd, call->member)) {
		log_in(call);
	} else if (call->kind == CALL_READY) {
		etcd->members.current = call->member;
		finish(call, &ready, NULL);
	} else {
		ask(call);
	}
}

/* Takes the body. */
static struct etcd3_call *start(struct etcd3 *etcd, enum call_kind kind, const char *path,
				struct json *body, const char *key, etcd3_fn *done, void *arg)
{
	struct etcd3_call *call = xcalloc(1, sizeof(*call));

	call->etcd = etcd;
	call->kind = kind;
	call->path = path;
	call->body = body;
	call->key = key ? xstrdup(key) : NULL;
	/* To keep a lease alive twice does no harm. */
	call->is_read = kind == CALL_RANGE || (path && strcmp(path, "/lease/keepalive") == 0);
	call->member = etcd->members.current;
	call->done = done;
	call->arg = arg;
	etcd->users++;
	advance(call);
	return call;
}

/* Only when something is missing: a completion never runs inside the call that started it. */
struct etcd3_call *etcd3_get_ready(struct etcd3 *etcd, etcd3_fn *done, void *arg)
{
	assert(!etcd3_is_ready(etcd, etcd->members.current));
	return start(etcd, CALL_READY, NULL, NULL, NULL, done, arg);
}

struct etcd3_call *etcd3_range(struct etcd3 *etcd, const char *key, unsigned flags, etcd3_fn *done,
			       void *arg)
{
	struct json *body = json_new_object();

	wire_add_range(body, key, flags & ETCD3_PREFIX);
	if (flags & ETCD3_KEYS_ONLY)
		json_add_bool(body, "keys_only", true);
	if (flags & ETCD3_COUNT_ONLY)
		json_add_bool(body, "count_only", true);
	else if (flags & ETCD3_PREFIX)
		wire_add_u64(body, "limit", etcd->page);
	return start(etcd, CALL_RANGE, "/kv/range", body, key, done, arg);
}

struct etcd3_call *etcd3_txn(struct etcd3 *etcd, const struct etcd3_txn *txn, etcd3_fn *done,
			     void *arg)
{
	return start(etcd, CALL_TXN, "/kv/txn", wire_txn(txn), NULL, done, arg);
}

struct etcd3_call *etcd3_put(struct etcd3 *etcd, const char *key, const char *value, uint64_t lease,
			     etcd3_fn *done, void *arg)
{
	struct json *body = json_new_object();

	wire_add_bytes(body, "key", key, strlen(key));
	wire_add_bytes(body, "value", value, strlen(value));
	if (lease)
		wire_add_u64(body, "lease", lease);
	json_add_bool(body, "prev_kv", true);
	return start(etcd, CALL_PUT, "/kv/put", body, key, done, arg);
}

struct etcd3_call *etcd3_delete(struct etcd3 *etcd, const char *key, uint64_t mod_revision,
				etcd3_fn *done, void *arg)
{
	const struct etcd3_compare compare = { .key = key, .number = mod_revision };
	const struct etcd3_op remove = { .kind = ETCD3_DELETE, .key = key };
	const struct etcd3_op look = { .kind = ETCD3_GET, .key = key };
	const struct etcd3_txn txn = {
		.compares = &compare,
		.compare_count = mod_revision ? 1 : 0,
		.then = &remove,
		.then_count = 1,
		.otherwise = &look,
		.otherwise_count = 1,
	};

	return start(etcd, CALL_DELETE, "/kv/txn", wire_txn(&txn), key, done, arg);
}

struct etcd3_call *etcd3_lease_grant(struct etcd3 *etcd, uint64_t id, int64_t ttl_s, etcd3_fn *done,
				     void *arg)
{
	struct json *body = json_new_object();

	wire_add_u64(body, "TTL", (uint64_t)ttl_s);
	if (id)
		wire_add_u64(body, "ID", id);
	return start(etcd, CALL_LEASE, "/lease/grant", body, NULL, done, arg);
}

struct etcd3_call *etcd3_lease_keepalive(struct etcd3 *etcd, uint64_t id, etcd3_fn *done, void *arg)
{
	struct json *body = json_new_object();

	wire_add_u64(body, "ID", id);
	return start(etcd, CALL_LEASE, "/lease/keepalive", body, NULL, done, arg);
}

struct etcd3_call *etcd3_lease_revoke(struct etcd3 *etcd, uint64_t id, etcd3_fn *done, void *arg)
{
	struct json *body = json_new_object();

	wire_add_u64(body, "ID", id);
	/* 3.0 to 3.3 know only this path, later ones both. */
	return start(etcd, CALL_LEASE, "/kv/lease/revoke", body, NULL, done, arg);
}

void etcd3_call_cancel(struct etcd3_call **call)
{
	if (!*call)
		return;
	http_cancel(&(*call)->http);
	free((*call)->kvs.items);
	arena_release(&(*call)->arena);
	call_free(*call);
	*call = NULL;
}
