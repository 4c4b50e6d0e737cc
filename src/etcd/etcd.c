/*
 * A call asks the current member. A read that got no answer, or one that says the member is in
 * trouble (5xx), asks the next ones in turn, each once; a write is asked once, because it may
 * have happened. The member that answers becomes the current one.
 */
#include "binnacle/etcd/etcd.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "binnacle/etcd/etcd3.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "etcd_private.h"

enum { IDLE_MS = 30000 };

/* Error codes of the v2 API that mean something to us. */
enum {
	ETCD_KEY_NOT_FOUND = 100,
	ETCD_COMPARE_FAILED = 101,
	ETCD_ALREADY_EXISTS = 105,
	ETCD_DIR_NOT_EMPTY = 108,
	ETCD_UNAUTHORIZED = 110,
};

struct etcd *etcd_new(struct loop *loop, struct http *http, const struct etcd_config *config,
		      struct err *err)
{
	struct etcd *etcd = xcalloc(1, sizeof(*etcd));

	etcd->loop = loop;
	etcd->http = http;
	etcd->api = config->api;
	etcd->idle_ms = config->idle_ms ? config->idle_ms : IDLE_MS;
	if (members_fill(&etcd->members, config, true, err)) {
		etcd->v3 = etcd3_new(loop, http, config, err);
		if (etcd->v3)
			return etcd;
	}
	etcd_free(etcd);
	return NULL;
}

void etcd_free(struct etcd *etcd)
{
	if (!etcd)
		return;
	assert(etcd->users == 0);
	etcd3_free(etcd->v3);
	members_release(&etcd->members);
	free(etcd);
}

enum etcd_api etcd_api(const struct etcd *etcd)
{
	return etcd->api;
}

const char *etcd_address(const struct etcd *etcd)
{
	if (etcd->api == ETCD_V3)
		return etcd3_address(etcd->v3);
	return endpoint_describe(&etcd->members.items[etcd->members.current]);
}

void etcd_add_path(struct strbuf *out, const char *key)
{
	strbuf_addstr(out, "/v2/keys");
	if (*key != '/')
		strbuf_addch(out, '/');
	url_escape_path(out, key);
}

static void call_free(struct etcd_call *call)
{
	call->etcd->users--;
	free(call->key);
	free(call->path);
	free(call->body);
	free(call->value);
	free(call->absent_key);
	free(call);
}

void etcd_call_finish(struct etcd_call *call, struct json *doc, const struct etcd_meta *meta,
		      const struct err *err)
{
	etcd_fn *done = call->done;
	void *done_arg = call->arg;

	call_free(call);
	done(done_arg, doc, meta, doc ? NULL : err);
	json_free(doc);
}

static void read_meta(struct etcd_meta *meta, const struct http_answer *answer, char *cluster_id,
		      size_t size)
{
	char index[32];
	int64_t number = 0;

	if (http_header(answer, "X-Etcd-Index", index, sizeof(index)) &&
	    text_parse_int(index, 0, INT64_MAX, &number))
		meta->etcd_index = (uint64_t)number;
	if (!http_header(answer, "X-Etcd-Cluster-Id", cluster_id, size))
		*cluster_id = '\0';
}

static enum err_code code_of(int64_t error_code)
{
	switch (error_code) {
	case ETCD_KEY_NOT_FOUND:
		return ERR_NOT_FOUND;
	case ETCD_COMPARE_FAILED:
	case ETCD_ALREADY_EXISTS:
	case ETCD_DIR_NOT_EMPTY:
		return ERR_CONFLICT;
	case ETCD_UNAUTHORIZED:
		return ERR_DENIED;
	default:
		return ERR_REFUSED;
	}
}

/* Why an answer with another status than 200 and 201 came. */
static void explain(const struct etcd_call *call, const struct http_answer *answer, struct err *err)
{
	struct err not_json;
	struct json *doc = json_parse(answer->body.buf, answer->body.len, &not_json);
	int64_t code = json_int(doc, "errorCode", 0);

	if (code) {
		const char *cause = json_str(doc, "cause", "");

		err_set(err, code_of(code), "etcd %s: %s %.160s: %.80s%s%.100s%s",
			etcd_address(call->etcd), call->method, call->key,
			json_str(doc, "message", "error"), *cause ? " (" : "", cause,
			*cause ? ")" : "");
	} else if (answer->status == 404) {
		err_set(err, ERR_REFUSED,
			"etcd %s does not serve the v2 API: start it with --enable-v2, or name the "
			"etcd of Calico",
			etcd_address(call->etcd));
	} else {
		http_refused(err, "etcd", answer);
	}
	/* It is in trouble, or has no leader: that is no answer to what was asked. */
	if (answer->status >= 500)
		err->code = ERR_UNREACHABLE;
	json_free(doc);
}

static void start_on_member(struct etcd_call *call);

/* Ask the next member, if this call may and one is left. */
static bool try_next(struct etcd_call *call)
{
	members_failed(&call->etcd->members, call->member);
	if (!call->is_read || call->tried >= call->etcd->members.count)
		return false;
	call->member = (call->member + 1) % call->etcd->members.count;
	start_on_member(call);
	return true;
}

static void on_answer(void *arg, struct http_answer *answer, const struct err *failure)
{
	struct etcd_call *call = arg;
	char cluster_id[64] = "";
	struct etcd_meta meta = { .cluster_id = cluster_id };
	struct json *doc = NULL;
	struct err err = { 0 };

	call->http = NULL;
	if (!answer || answer->status >= 500) {
		if (try_next(call))
			return;
	} else {
		call->etcd->members.current = call->member;
	}
	if (answer)
		read_meta(&meta, answer, cluster_id, sizeof(cluster_id));
	if (!answer) {
		err = *failure;
		err_context(&err, "etcd %s",
			    endpoint_describe(&call->etcd->members.items[call->member]));
	} else if (answer->status == 200 || answer->status == 201) {
		doc = json_parse(answer->body.buf, answer->body.len, &err);
		if (!doc)
			err_context(&err, "etcd %s", etcd_address(call->etcd));
	} else {
		explain(call, answer, &err);
	}
	etcd_call_finish(call, doc, &meta, &err);
}

static void start_on_member(struct etcd_call *call)
{
	struct http_request request = {
		.method = call->method,
		.path = call->path,
		.body = call->body,
		.body_len = call->body ? strlen(call->body) : 0,
		.content_type = call->body ? "application/x-www-form-urlencoded" : NULL,
		.timeout_ms = call->etcd->members.timeout_ms,
		.connect_timeout_ms = ETCD_CONNECT_TIMEOUT_MS,
	};

	call->tried++;
	call->http = http_start(call->etcd->http, &call->etcd->members.items[call->member],
				&request, on_answer, call);
}

/* "?a=1" for the first, "&a=1" for the others. */
static void add_query(struct strbuf *path, const char *text)
{
	strbuf_addch(path, strchr(path->buf, '?') ? '&' : '?');
	strbuf_addstr(path, text);
}

static void add_condition(struct strbuf *path, const struct etcd_condition *condition)
{
	char index[48];

	if (condition->must_exist)
		add_query(path, "prevExist=true");
	if (condition->must_not_exist)
		add_query(path, "prevExist=false");
	if (condition->dir)
		add_query(path, "dir=true");
	if (condition->prev_index) {
		snprintf(index, sizeof(index), "prevIndex=%" PRIu64, condition->prev_index);
		add_query(path, index);
	}
}

static void add_flags(struct strbuf *path, unsigned flags)
{
	if (flags & ETCD_RECURSIVE)
		add_query(path, "recursive=true");
	if (flags & ETCD_SORTED)
		add_query(path, "sorted=true");
	if (flags & ETCD_QUORUM)
		add_query(path, "quorum=true");
}

static void start_v2(struct etcd_call *call)
{
	struct strbuf path = STRBUF_INIT, body = STRBUF_INIT;

	etcd_add_path(&path, call->key);
	add_flags(&path, call->flags);
	add_condition(&path, &call->condition);
	if (call->value) {
		strbuf_addstr(&body, "value=");
		url_escape(&body, call->value);
		if (call->condition.ttl_s > 0)
			strbuf_addf(&body, "&ttl=%" PRId64, call->condition.ttl_s);
		call->body = strbuf_detach(&body, NULL);
	}
	call->path = strbuf_detach(&path, NULL);
	call->is_read = strcmp(call->method, "GET") == 0;
	call->member = call->etcd->members.current;
	start_on_member(call);
}

/* ---- which API ---- */

static void hold(struct etcd_call *call)
{
	struct etcd_call **end = &call->etcd->held;

	while (*end)
		end = &(*end)->next_held;
	*end = call;
	call->is_held = true;
}

static struct etcd_call *take_held(struct etcd *etcd)
{
	struct etcd_call *call = etcd->held;

	if (!call)
		return NULL;
	etcd->held = call->next_held;
	call->next_held = NULL;
	call->is_held = false;
	return call;
}

static void unhold(struct etcd_call *call)
{
	struct etcd_call **at = &call->etcd->held;

	if (!call->is_held)
		return;
	while (*at != call)
		at = &(*at)->next_held;
	*at = call->next_held;
}

static void start(struct etcd_call *call, enum etcd_api api)
{
	switch (api) {
	case ETCD_V2:
		start_v2(call);
		break;
	case ETCD_V3:
		etcd_start_v3(call);
		break;
	case ETCD_UNDECIDED:
		hold(call);
		break;
	}
}

void etcd_use_api(struct etcd *etcd, enum etcd_api api)
{
	struct etcd_call *call;

	etcd->api = api;
	while (api != ETCD_UNDECIDED && (call = take_held(etcd)))
		start(call, api);
}

void etcd_fail_held(struct etcd *etcd, const struct err *err)
{
	const struct etcd_meta meta = { .cluster_id = "" };
	size_t count = 0;

	/* What a completion starts meanwhile is held for the next time. */
	for (struct etcd_call *call = etcd->held; call; call = call->next_held)
		count++;
	while (count-- && etcd->held)
		etcd_call_finish(take_held(etcd), NULL, &meta, err);
}

/* ---- calls ---- */

static struct etcd_call *call_new(struct etcd *etcd, const char *method, const char *key,
				  const struct etcd_condition *condition, etcd_fn *done, void *arg)
{
	struct etcd_call *call = xcalloc(1, sizeof(*call));

	call->etcd = etcd;
	call->method = method;
	call->key = xstrdup(key);
	if (condition) {
		call->condition = *condition;
		call->condition.absent_key = NULL;
		if (condition->absent_key)
			call->absent_key = xstrdup(condition->absent_key);
	}
	call->done = done;
	call->arg = arg;
	etcd->users++;
	return call;
}

struct etcd_call *etcd_get_as(struct etcd *etcd, enum etcd_api api, const char *key, unsigned flags,
			      etcd_fn *done, void *arg)
{
	struct etcd_call *call = call_new(etcd, "GET", key, NULL, done, arg);

	call->flags = flags;
	start(call, api);
	return call;
}

struct etcd_call *etcd_get(struct etcd *etcd, const char *key, unsigned flags, etcd_fn *done,
			   void *arg)
{
	return etcd_get_as(etcd, etcd->api, key, flags, done, arg);
}

struct etcd_call *etcd_put(struct etcd *etcd, const char *key, const char *value,
			   const struct etcd_condition *condition, etcd_fn *done, void *arg)
{
	struct etcd_call *call = call_new(etcd, "PUT", key, condition, done, arg);

	call->value = xstrdup(value);
	start(call, etcd->api);
	return call;
}

struct etcd_call *etcd_delete(struct etcd *etcd, const char *key,
			      const struct etcd_condition *condition, etcd_fn *done, void *arg)
{
	struct etcd_call *call = call_new(etcd, "DELETE", key, condition, done, arg);

	start(call, etcd->api);
	return call;
}

void etcd_call_cancel(struct etcd_call **call)
{
	if (!*call)
		return;
	unhold(*call);
	http_cancel(&(*call)->http);
	etcd3_call_cancel(&(*call)->v3);
	loop_deferred_cancel(&(*call)->deferred);
	call_free(*call);
	*call = NULL;
}
