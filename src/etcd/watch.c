/*
 * Read the tree, watch from the index of that read, and read again when something happened: so
 * what is reported is always one consistent picture, and no event has to be applied by hand.
 *
 *   READING ─tree─▶ WATCHING ─event─▶ PAUSED ─50 ms─▶ READING
 *      │               └─ idle for 30 s, end of the stream, index forgotten ─▶ PAUSED
 *      └─error─▶ PAUSED, longer each time
 *
 * The picture is given on only when it differs. Each write gives its node an index above all
 * others, so a tree with the same highest index and the same number of nodes is the same tree.
 */
#include "binnacle/etcd/etcd.h"

#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/etcd/etcd3.h"
#include "binnacle/loop/backoff.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "etcd_private.h"

enum {
	SETTLE_MS = 50,         /* events this close together are one change */
	READ_INTERVAL_MS = 250, /* the least time between two reads */
	ENDED_PAUSE_MS = 1000,  /* after a stream that ended without an event */
	BACKOFF_BASE_MS = 1000,
	BACKOFF_MAX_MS = 30000,
};

enum watch_state {
	WATCH_READING,  /* the tree has been asked for */
	WATCH_WATCHING, /* the stream stands or is being opened; `timer` is for idleness */
	WATCH_PAUSED,   /* `timer` leads back to reading */
};

struct tree_mark {
	bool exists;
	uint64_t highest_index;
	size_t nodes;
};

struct etcd_watch {
	struct etcd *etcd;
	char *key;
	etcd_fn *changed;
	void *arg;
	etcd_quiet_fn *is_quiet;
	int64_t quiet_delay_ms;

	enum watch_state state;
	struct etcd_call *read;
	struct http_stream *stream; /* of the v2 API */
	size_t stream_member;
	struct etcd3_watch *stream_v3;
	struct loop_timer *timer;
	struct backoff backoff;
	uint64_t next_index;
	bool has_tree, outage;
	struct tree_mark mark;
	int64_t alive_ms, read_ms, interval_ms;
	int64_t quiet_since_ms; /* of the first quiet change not yet reported; 0: none */
};

static void mark_tree(struct tree_mark *mark, const struct json *node)
{
	uint64_t index = (uint64_t)json_int(node, "modifiedIndex", 0);

	mark->nodes++;
	if (index > mark->highest_index)
		mark->highest_index = index;
	JSON_EACH(child, json_member(node, "nodes"))
	{
		mark_tree(mark, child);
	}
}

static bool same_mark(const struct tree_mark *a, const struct tree_mark *b)
{
	return a->exists == b->exists && a->highest_index == b->highest_index &&
	       a->nodes == b->nodes;
}

static void on_tree(void *arg, const struct json *doc, const struct etcd_meta *meta,
		    const struct err *err);

static void enter_reading(struct etcd_watch *watch)
{
	watch->state = WATCH_READING;
	watch->read_ms = clock_mono_ms();
	watch->quiet_since_ms = 0;
	watch->read = etcd_get(watch->etcd, watch->key, ETCD_RECURSIVE | ETCD_QUORUM | ETCD_SORTED,
			       on_tree, watch);
}

static void on_pause_over(void *arg)
{
	struct etcd_watch *watch = arg;

	assert(watch->state == WATCH_PAUSED);
	watch->timer = NULL;
	enter_reading(watch);
}

static void close_stream(struct etcd_watch *watch)
{
	http_stream_cancel(&watch->stream);
	etcd3_watch_stop(&watch->stream_v3);
}

static void enter_paused(struct etcd_watch *watch, int64_t delay_ms)
{
	int64_t since_ms = clock_mono_ms() - watch->read_ms;

	close_stream(watch);
	loop_timer_stop(&watch->timer);
	if (delay_ms < watch->interval_ms - since_ms)
		delay_ms = watch->interval_ms - since_ms;
	watch->state = WATCH_PAUSED;
	watch->timer = loop_timer_start(watch->etcd->loop, delay_ms, on_pause_over, watch);
}

static void on_idle(void *arg)
{
	struct etcd_watch *watch = arg;

	assert(watch->state == WATCH_WATCHING);
	watch->timer = NULL;
	enter_paused(watch, 0);
}

static void enter_watching(struct etcd_watch *watch);

/* True when the change may wait; then it is waited for the rest of the delay. */
static bool is_quiet_change(struct etcd_watch *watch, const char *key)
{
	int64_t now_ms = clock_mono_ms();

	if (!watch->is_quiet || !watch->is_quiet(key))
		return false;
	if (!watch->quiet_since_ms)
		watch->quiet_since_ms = now_ms;
	return now_ms - watch->quiet_since_ms < watch->quiet_delay_ms;
}

/* Go on from here without reading the tree; what was quiet is waited for less long. */
static void skip_change(struct etcd_watch *watch, uint64_t index)
{
	watch->next_index = index + 1;
	close_stream(watch);
	enter_watching(watch);
}

/* ---- v2: one event, then the stream ends ---- */

static void on_event_line(void *arg, const char *line, size_t len)
{
	struct etcd_watch *watch = arg;
	struct err err = { 0 };
	struct json *event;

	if (len == 0 || watch->state != WATCH_WATCHING)
		return;
	event = json_parse(line, len, &err);
	if (event && is_quiet_change(watch, json_str(event, "node.key", "")))
		skip_change(watch, (uint64_t)json_int(event, "node.modifiedIndex", 0));
	else
		enter_paused(watch, event ? SETTLE_MS : ENDED_PAUSE_MS);
	json_free(event);
}

static void on_stream_end(void *arg, int status, const char *text, const struct err *err)
{
	struct etcd_watch *watch = arg;
	bool forgotten = status == 400; /* 400 watcher cleared, 401 index outdated */

	(void)text;
	watch->stream = NULL;
	if (watch->state != WATCH_WATCHING)
		return;
	if (err)
		members_failed(&watch->etcd->members, watch->stream_member);
	enter_paused(watch, forgotten ? 0 : ENDED_PAUSE_MS);
}

static void open_stream_v2(struct etcd_watch *watch)
{
	static const struct http_stream_events events = { .line = on_event_line,
							  .end = on_stream_end };
	struct http_request request = { .connect_timeout_ms = ETCD_CONNECT_TIMEOUT_MS };
	struct strbuf path = STRBUF_INIT;

	etcd_add_path(&path, watch->key);
	strbuf_addf(&path, "?wait=true&recursive=true&waitIndex=%" PRIu64, watch->next_index);
	request.path = path.buf;
	watch->stream_member = watch->etcd->members.current;
	watch->stream = http_stream_start(watch->etcd->http,
					  &watch->etcd->members.items[watch->stream_member],
					  &request, &events, watch);
	strbuf_release(&path);
}

/* ---- v3: events without end ---- */

static void on_events_v3(void *arg, const struct etcd3_event *events, size_t count,
			 uint64_t revision)
{
	struct etcd_watch *watch = arg;
	bool quiet = true;

	(void)revision; /* may be above that of events which come later */
	for (size_t i = 0; i < count && quiet; i++)
		quiet = is_quiet_change(watch, events[i].kv.key);
	if (quiet)
		skip_change(watch, events[count - 1].kv.mod_revision);
	else
		enter_paused(watch, SETTLE_MS);
}

static void on_end_v3(void *arg, uint64_t compact_revision, const struct err *err)
{
	struct etcd_watch *watch = arg;

	(void)err; /* the next read finds out what it means */
	watch->stream_v3 = NULL;
	enter_paused(watch, compact_revision ? 0 : ENDED_PAUSE_MS);
}

static void open_stream_v3(struct etcd_watch *watch)
{
	static const struct etcd3_watch_events events = { .events = on_events_v3,
							  .end = on_end_v3 };
	char *prefix = etcd_prefix_v3(watch->key);

	watch->stream_v3 = etcd3_watch_start(watch->etcd->v3, prefix, ETCD3_PREFIX,
					     watch->next_index, &events, watch);
	free(prefix);
}

static void enter_watching(struct etcd_watch *watch)
{
	int64_t idle_ms = watch->etcd->idle_ms;

	loop_timer_stop(&watch->timer);
	watch->state = WATCH_WATCHING;
	if (watch->etcd->api == ETCD_V3)
		open_stream_v3(watch);
	else
		open_stream_v2(watch);
	if (watch->quiet_since_ms)
		idle_ms = watch->quiet_since_ms + watch->quiet_delay_ms - clock_mono_ms();
	if (idle_ms > watch->etcd->idle_ms)
		idle_ms = watch->etcd->idle_ms;
	watch->timer =
		loop_timer_start(watch->etcd->loop, idle_ms > 0 ? idle_ms : 0, on_idle, watch);
}

/* Both end with the callback, which may stop the watch. */
static void report_outage(struct etcd_watch *watch, const struct etcd_meta *meta,
			  const struct err *err)
{
	bool first = !watch->outage;

	watch->outage = true;
	enter_paused(watch, backoff_next_ms(&watch->backoff));
	if (!first)
		return;
	log_warn("etcd", "cannot follow %s: %s", watch->key, err->msg);
	watch->changed(watch->arg, NULL, meta, err);
}

static void report_tree(struct etcd_watch *watch, const struct json *doc,
			const struct etcd_meta *meta)
{
	struct tree_mark mark = { .exists = doc != NULL };
	bool news;

	if (doc)
		mark_tree(&mark, json_member(doc, "node"));
	if (watch->outage)
		log_info("etcd", "following %s again", watch->key);
	news = !watch->has_tree || watch->outage || !same_mark(&mark, &watch->mark);
	watch->mark = mark;
	watch->has_tree = true;
	watch->outage = false;
	backoff_reset(&watch->backoff);
	/* The picture was taken after the question was asked, so it was current then. */
	watch->alive_ms = watch->read_ms;
	watch->next_index = meta->etcd_index + 1;
	enter_watching(watch);
	if (news)
		watch->changed(watch->arg, doc, meta, NULL);
}

static void on_tree(void *arg, const struct json *doc, const struct etcd_meta *meta,
		    const struct err *err)
{
	struct etcd_watch *watch = arg;

	assert(watch->state == WATCH_READING);
	watch->read = NULL;
	if (err && err->code != ERR_NOT_FOUND)
		report_outage(watch, meta, err);
	else
		report_tree(watch, doc, meta);
}

struct etcd_watch *etcd_watch_start(struct etcd *etcd, const char *key, etcd_fn *changed, void *arg)
{
	struct etcd_watch *watch = xcalloc(1, sizeof(*watch));

	watch->etcd = etcd;
	watch->key = xstrdup(key);
	watch->changed = changed;
	watch->arg = arg;
	watch->interval_ms = READ_INTERVAL_MS;
	watch->backoff = (struct backoff){ .base_ms = BACKOFF_BASE_MS, .max_ms = BACKOFF_MAX_MS };
	etcd->users++;
	enter_reading(watch);
	return watch;
}

void etcd_watch_set_interval(struct etcd_watch *watch, int64_t interval_ms)
{
	watch->interval_ms = interval_ms > READ_INTERVAL_MS ? interval_ms : READ_INTERVAL_MS;
}

void etcd_watch_set_quiet(struct etcd_watch *watch, etcd_quiet_fn *is_quiet, int64_t delay_ms)
{
	watch->is_quiet = is_quiet;
	watch->quiet_delay_ms = delay_ms;
}

void etcd_watch_stop(struct etcd_watch **watch)
{
	if (!*watch)
		return;
	etcd_call_cancel(&(*watch)->read);
	close_stream(*watch);
	loop_timer_stop(&(*watch)->timer);
	(*watch)->etcd->users--;
	free((*watch)->key);
	free(*watch);
	*watch = NULL;
}

int64_t etcd_watch_alive_ms(const struct etcd_watch *watch)
{
	return watch->alive_ms;
}
