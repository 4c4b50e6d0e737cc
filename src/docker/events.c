/*
 * One endless GET /events. After a loss it is opened again from a moment before the newest event
 * that was seen, because the daemon does not promise the order of events that happen close
 * together; what was given before is remembered for that long and skipped. The first stream has
 * no `since`: it starts at the daemon's own now.
 *
 * A daemon that restarts forgets its events: what happened in between is not in the stream any
 * more. That is why `up` runs each time: the reader lists again.
 */
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/backoff.h"
#include "binnacle/loop/loop.h"
#include "docker_private.h"

enum {
	EVENTS_BACKOFF_MS = 100,
	EVENTS_BACKOFF_MAX_MS = 10000,
	EVENTS_OPEN_MS = 30000,
	NS_PER_S = 1000000000
};
enum { SEEN_PRUNE_COUNT = 64, HEADER_PATIENCE_MS = 2000 };
static const int64_t overlap_ns = NS_PER_S;

/* One event that was given: what makes it the same one when it comes again. */
struct seen_event {
	int64_t time_ns;
	char *mark;
};

struct docker_events {
	struct docker *docker;
	struct docker_event_handlers handlers;
	void *arg;
	struct http_stream *stream;
	struct loop_timer *retry, *opening, *patience;
	struct backoff backoff;
	bool is_up, was_reported_down, was_up;
	int64_t newest_ns;       /* 0: nothing was seen yet */
	struct seen_event *seen; /* those of the last overlap_ns, and some older ones */
	size_t seen_count, seen_cap, prune_at;
};

static void connect_stream(struct docker_events *events);

static void forget_older(struct docker_events *events, int64_t than_ns)
{
	size_t kept = 0;

	for (size_t i = 0; i < events->seen_count; i++) {
		if (events->seen[i].time_ns < than_ns)
			free(events->seen[i].mark);
		else
			events->seen[kept++] = events->seen[i];
	}
	events->seen_count = kept;
}

/* Was this event given before? Otherwise remember it. */
static bool is_repeated(struct docker_events *events, const struct docker_event *event)
{
	char *mark = xasprintf("%s %s %s", event->type, event->action, event->id);

	for (size_t i = 0; i < events->seen_count; i++) {
		const struct seen_event *seen = &events->seen[i];

		if (seen->time_ns == event->time_ns && strcmp(seen->mark, mark) == 0) {
			free(mark);
			return true;
		}
	}
	/* Far older than the newest: the daemon's clock was set back, start over from there. */
	if (event->time_ns > events->newest_ns || event->time_ns < events->newest_ns - overlap_ns)
		events->newest_ns = event->time_ns;
	if (events->seen_count >= events->prune_at) {
		forget_older(events, events->newest_ns - overlap_ns);
		events->prune_at = 2 * events->seen_count + SEEN_PRUNE_COUNT;
	}
	GROW(events->seen, events->seen_count, events->seen_cap);
	events->seen[events->seen_count++] =
		(struct seen_event){ .time_ns = event->time_ns, .mark = mark };
	return false;
}

/*
 * timeNano has more digits than a double holds, so it is read from the text. The key cannot occur
 * inside of a string with both quotes unescaped, and an attribute of that name has a quote where
 * the number would begin.
 */
static int64_t time_of(const struct json *doc, const char *line, size_t len)
{
	static const char key[] = "\"timeNano\":";
	int64_t seconds = json_int(doc, "time", 0);
	const char *end = line + len, *at = line;

	while ((at = memmem(at, (size_t)(end - at), key, sizeof(key) - 1))) {
		int64_t time_ns = 0;
		int digits = 0;

		at += sizeof(key) - 1;
		for (; at < end && *at >= '0' && *at <= '9' && digits < 18 + 1; at++, digits++)
			time_ns = time_ns > INT64_MAX / 10 - 1 ? 0 : time_ns * 10 + (*at - '0');
		if (digits)
			return time_ns;
	}
	if (seconds < 0 || seconds > INT64_MAX / NS_PER_S)
		seconds = 0;
	return seconds * NS_PER_S;
}

static void on_line(void *arg, const char *line, size_t len)
{
	struct docker_events *events = arg;
	struct docker_event event = { 0 };
	struct err err = { 0 };
	struct json *doc;

	if (len == 0)
		return;
	doc = json_parse(line, len, &err);
	if (!doc) {
		log_warn("docker", "%s: an event that is not JSON: %s", events->docker->name,
			 err.msg);
		return;
	}
	event.type = json_str(doc, "Type", "container");
	event.action = json_str(doc, "Action", json_str(doc, "status", ""));
	event.id = json_str(doc, "Actor.ID", json_str(doc, "id", ""));
	event.name = json_as_str(json_member(json_get(doc, "Actor.Attributes"), "name"), "");
	event.exit_code =
		json_as_str(json_member(json_get(doc, "Actor.Attributes"), "exitCode"), "");
	event.time_ns = time_of(doc, line, len);
	event.doc = doc;
	if (!is_repeated(events, &event))
		events->handlers.event(events->arg, &event);
	json_free(doc);
}

static void on_open(void *arg)
{
	struct docker_events *events = arg;

	loop_timer_stop(&events->opening);
	loop_timer_stop(&events->patience);
	events->is_up = events->was_up = true;
	events->was_reported_down = false;
	backoff_reset(&events->backoff);
	log_info("docker", "%s: events are followed", events->docker->name);
	if (events->handlers.up)
		events->handlers.up(events->arg);
}

/*
 * Some proxies keep the header back until the first event. The reader need not wait for that with
 * its list: when the header comes it lists again, and has missed nothing.
 */
static void on_no_header(void *arg)
{
	struct docker_events *events = arg;

	events->patience = NULL;
	log_info("docker", "%s: the event stream has not begun yet", events->docker->name);
	if (events->handlers.up)
		events->handlers.up(events->arg);
}

static void on_retry(void *arg)
{
	struct docker_events *events = arg;

	events->retry = NULL;
	connect_stream(events);
}

static void on_end(void *arg, int status, const char *text, const struct err *err)
{
	struct docker_events *events = arg;
	struct err why = { 0 };

	loop_timer_stop(&events->opening);
	loop_timer_stop(&events->patience);
	events->stream = NULL;
	events->is_up = false;
	events->retry = loop_timer_start(events->docker->loop, backoff_next_ms(&events->backoff),
					 on_retry, events);
	/* Once per outage, not per attempt. */
	if (events->was_reported_down)
		return;
	events->was_reported_down = true;
	if (err)
		why = *err;
	else if (status == 200)
		err_set(&why, ERR_UNREACHABLE, "the daemon ended the event stream");
	else
		err_set(&why, ERR_REFUSED, "events: status %d %.200s", status, text ? text : "");
	docker_explain(events->docker, &why);
	log_warn("docker", "%s", why.msg);
	if (events->handlers.down)
		events->handlers.down(events->arg, &why);
}

/* A daemon that hangs takes the connection and says nothing, and there is no other end to that. */
static void on_not_opened(void *arg)
{
	struct docker_events *events = arg;
	struct err err;

	events->opening = NULL;
	http_stream_cancel(&events->stream);
	err_set(&err, ERR_UNREACHABLE, "no answer from %s within %d s",
		endpoint_describe(&events->docker->endpoint), EVENTS_OPEN_MS / 1000);
	on_end(events, 0, NULL, &err);
}

static void connect_stream(struct docker_events *events)
{
	static const struct http_stream_events table = { .open = on_open,
							 .line = on_line,
							 .end = on_end };
	struct strbuf path = STRBUF_INIT;
	struct http_request request = { 0 };

	strbuf_addstr(&path, "/events");
	if (events->newest_ns > overlap_ns) {
		int64_t since_ns = events->newest_ns - overlap_ns;

		strbuf_addf(&path, "?since=%" PRId64 ".%09" PRId64, since_ns / NS_PER_S,
			    since_ns % NS_PER_S);
	}
	/* A daemon that was there once and does not answer is away. */
	if (!events->was_up)
		events->patience = loop_timer_start(events->docker->loop, HEADER_PATIENCE_MS,
						    on_no_header, events);
	request.path = path.buf;
	events->stream = http_stream_start(events->docker->http, &events->docker->endpoint,
					   &request, &table, events);
	events->opening =
		loop_timer_start(events->docker->loop, EVENTS_OPEN_MS, on_not_opened, events);
	strbuf_release(&path);
}

struct docker_events *docker_events_start(struct docker *docker,
					  const struct docker_event_handlers *handlers, void *arg)
{
	struct docker_events *events = xcalloc(1, sizeof(*events));

	docker->users++;
	events->docker = docker;
	events->handlers = *handlers;
	events->arg = arg;
	events->backoff =
		(struct backoff){ .base_ms = EVENTS_BACKOFF_MS, .max_ms = EVENTS_BACKOFF_MAX_MS };
	connect_stream(events);
	return events;
}

void docker_events_stop(struct docker_events **events)
{
	if (!*events)
		return;
	http_stream_cancel(&(*events)->stream);
	loop_timer_stop(&(*events)->retry);
	loop_timer_stop(&(*events)->patience);
	loop_timer_stop(&(*events)->opening);
	forget_older(*events, INT64_MAX);
	free((*events)->seen);
	(*events)->docker->users--;
	free(*events);
	*events = NULL;
}
