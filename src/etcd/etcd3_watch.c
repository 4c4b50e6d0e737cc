/* One stream of changes: get ready as a call does, then read one JSON document per line. */
#include <stdlib.h>
#include <string.h>

#include "binnacle/net/http.h"
#include "etcd3_private.h"

struct etcd3_watch {
	struct etcd3 *etcd;
	struct json *body;
	char *key;
	struct etcd3_watch_events events;
	void *arg;

	struct etcd3_call *call; /* getting ready */
	struct http_stream *stream;
	size_t member;
	char *token;
	bool login_renewed, created;
	/* A callback has stopped the watch: touch nothing any more. */
	bool *stopped;
};

static void watch_free(struct etcd3_watch *watch)
{
	etcd3_call_cancel(&watch->call);
	http_stream_cancel(&watch->stream);
	watch->etcd->users--;
	json_free(watch->body);
	free(watch->key);
	free(watch->token);
	free(watch);
}

static void end(struct etcd3_watch *watch, uint64_t compact_revision, const struct err *err)
{
	struct etcd3_watch_events events = watch->events;
	void *arg = watch->arg;

	if (watch->stopped)
		*watch->stopped = true;
	watch_free(watch);
	events.end(arg, compact_revision, err);
}

static void open_stream(struct etcd3_watch *watch);

static void on_ready(void *arg, const struct etcd3_answer *answer, const struct err *err)
{
	struct etcd3_watch *watch = arg;

	(void)answer;
	watch->call = NULL;
	if (err)
		end(watch, 0, err);
	else
		open_stream(watch);
}

static void begin(struct etcd3_watch *watch)
{
	if (etcd3_is_ready(watch->etcd, watch->etcd->members.current))
		open_stream(watch);
	else
		watch->call = etcd3_get_ready(watch->etcd, on_ready, watch);
}

/* The server says no. With a login it is asked once more, with a new token. */
static void refused(struct etcd3_watch *watch, const struct wire_error *error)
{
	struct err err = { 0 };

	if (wire_wants_login(error) && watch->etcd->user && !watch->login_renewed) {
		watch->login_renewed = true;
		etcd3_forget_token(watch->etcd, watch->token);
		http_stream_cancel(&watch->stream);
		begin(watch);
		return;
	}
	err_set(&err, wire_err_code(error), "etcd %s: cannot watch %.200s: %s",
		endpoint_describe(&watch->etcd->members.items[watch->member]), watch->key,
		*error->message ? error->message : "no reason given");
	end(watch, 0, &err);
}

static void on_canceled(struct etcd3_watch *watch, const struct json *result)
{
	uint64_t compact_revision = wire_u64(result, "compact_revision");
	struct wire_error error = { 0 };

	if (compact_revision) {
		end(watch, compact_revision, NULL);
		return;
	}
	/* The reason is that of an error, without its code. */
	wire_read_error(&error, "{}", 2);
	strncpy(error.message, json_as_str(json_member(result, "cancel_reason"), ""),
		sizeof(error.message) - 1);
	if (strstr(error.message, "permission denied"))
		error.code = WIRE_DENIED;
	else if (wire_wants_login(&error))
		error.code = WIRE_UNAUTHENTICATED;
	refused(watch, &error);
}

static void on_events(struct etcd3_watch *watch, const struct json *result)
{
	const struct json *list = json_member(result, "events");
	size_t total = json_count(list), count = 0;
	struct arena arena = ARENA_INIT;
	struct etcd3_event *events = arena_alloc(&arena, (total + 1) * sizeof(*events));
	struct err err = { 0 };
	bool ok = true;

	JSON_EACH(item, list)
	{
		events[count].is_delete =
			strcmp(json_as_str(json_member(item, "type"), ""), "DELETE") == 0;
		ok = ok && wire_kv(&events[count++].kv, json_member(item, "kv"), &arena, &err);
	}
	if (!ok)
		end(watch, 0, &err);
	else if (count)
		watch->events.events(watch->arg, events, count,
				     wire_u64(json_member(result, "header"), "revision"));
	arena_release(&arena);
}

static void on_line(void *arg, const char *line, size_t len)
{
	struct etcd3_watch *watch = arg;
	struct err err = { 0 };
	struct json *doc;
	const struct json *result;
	struct wire_error error;
	bool stopped = false;

	if (len == 0)
		return;
	doc = json_parse(line, len, &err);
	if (!doc) {
		end(watch, 0, &err);
		return;
	}
	result = json_member(doc, "result");
	watch->stopped = &stopped;
	if (!result) {
		wire_read_error(&error, line, len);
		refused(watch, &error);
	} else if (json_bool(result, "canceled", false)) {
		on_canceled(watch, result);
	} else {
		if (json_bool(result, "created", false) && !watch->created) {
			watch->created = true;
			if (watch->events.open)
				watch->events.open(watch->arg);
		}
		if (!stopped)
			on_events(watch, result);
	}
	if (!stopped)
		watch->stopped = NULL;
	json_free(doc);
}

static void on_end(void *arg, int status, const char *text, const struct err *err)
{
	struct etcd3_watch *watch = arg;
	struct wire_error error;
	struct err closed = { 0 };

	watch->stream = NULL;
	if (err || status >= 500)
		members_failed(&watch->etcd->members, watch->member);
	if (status == 404)
		watch->etcd->prefixes[watch->member] = NULL;
	if (!err && status != 200) {
		wire_read_error(&error, text, strlen(text));
		refused(watch, &error);
		return;
	}
	if (!err)
		err_set(&closed, ERR_UNREACHABLE, "etcd %s closed the watch of %.200s",
			endpoint_describe(&watch->etcd->members.items[watch->member]), watch->key);
	end(watch, 0, err ? err : &closed);
}

static void open_stream(struct etcd3_watch *watch)
{
	static const struct http_stream_events stream_events = { .line = on_line, .end = on_end };
	struct etcd3 *etcd = watch->etcd;
	char *header = etcd3_auth_header(etcd);
	const char *const headers[] = { header, NULL };
	struct strbuf body = STRBUF_INIT;
	struct http_request request = {
		.method = "POST",
		.headers = headers,
		.connect_timeout_ms = ETCD_CONNECT_TIMEOUT_MS,
	};
	char *path;

	watch->member = etcd->members.current;
	path = xasprintf("%s/watch", etcd->prefixes[watch->member]);
	json_print(&body, watch->body);
	request.path = path;
	request.body = body.buf;
	request.body_len = body.len;
	free(watch->token);
	watch->token = etcd->token ? xstrdup(etcd->token) : NULL;
	watch->stream = http_stream_start(etcd->http, &etcd->members.items[watch->member], &request,
					  &stream_events, watch);
	strbuf_release(&body);
	free(path);
	free(header);
}

struct etcd3_watch *etcd3_watch_start(struct etcd3 *etcd, const char *key, unsigned flags,
				      uint64_t start_revision,
				      const struct etcd3_watch_events *events, void *arg)
{
	struct etcd3_watch *watch = xcalloc(1, sizeof(*watch));
	struct json *create;

	watch->etcd = etcd;
	watch->key = xstrdup(key);
	watch->events = *events;
	watch->arg = arg;
	watch->body = json_new_object();
	create = json_add_object(watch->body, "create_request");
	wire_add_range(create, key, flags & ETCD3_PREFIX);
	if (start_revision)
		wire_add_u64(create, "start_revision", start_revision);
	etcd->users++;
	begin(watch);
	return watch;
}

void etcd3_watch_stop(struct etcd3_watch **watch)
{
	if (!*watch)
		return;
	if ((*watch)->stopped)
		*(*watch)->stopped = true;
	watch_free(*watch);
	*watch = NULL;
}
