/* Events are kept in a ring of LIMIT_EVENTS_COUNT; a repetition within a minute is counted on its
 * first occurrence. Publications are at least PUBLISH_MS apart, so that a burst of containers
 * costs a few snapshots and not one per event. */
#include "bridge_register.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/feed/docker_feed.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/register/registrar.h"

#define PUBLISH_MS 50
#define FIRST_MS   3000 /* the first publication waits this long for the first comparison */
#define FOLD_MS    60000
#define FOLD_REACH 32 /* newest events that are searched for a repetition */

struct kept_event {
	uint64_t number;
	int64_t wall_ms, repeated;
	enum registrar_action action;
	char *service, *instance, *why, *node, *container, *source;
};

struct bridge_register {
	struct loop *loop;
	struct model *model;
	struct docker_feed *docker_feed;
	struct registrar *registrar;
	char *node;
	struct loop_timer *timer;
	struct kept_event *ring;
	uint64_t total;
	bool wants_changed; /* containers are to be published again */
	bool published;
	int64_t born_ms;
};

static struct kept_event *event_at(struct bridge_register *bridge, uint64_t number)
{
	return &bridge->ring[number % LIMIT_EVENTS_COUNT];
}

static enum row_state state_of(enum registrar_action action)
{
	switch (action) {
	case REGISTRAR_ADDED:
		return STATE_PASS;
	case REGISTRAR_FAILED:
		return STATE_FAILED;
	case REGISTRAR_STALE:
	case REGISTRAR_DANGLING:
		return STATE_STALE;
	case REGISTRAR_IGNORED:
		return STATE_WARN;
	default:
		return STATE_NONE;
	}
}

static void publish_soon(struct bridge_register *bridge);

static void publish_events(struct bridge_register *bridge)
{
	struct snapshot *snapshot = snapshot_new(MODEL_EVENTS);
	struct arena *arena = &snapshot->arena;
	uint64_t first =
		bridge->total > LIMIT_EVENTS_COUNT ? bridge->total - LIMIT_EVENTS_COUNT : 0;

	for (uint64_t n = bridge->total; n-- > first;) {
		const struct kept_event *event = event_at(bridge, n);
		struct event *row = snapshot_add(snapshot);

		row->id = arena_printf(arena, "%llu", (unsigned long long)event->number);
		row->time_ms = event->wall_ms;
		row->action = registrar_action_name(event->action);
		row->state = state_of(event->action);
		row->service = arena_strdup(arena, event->service);
		row->instance = arena_strdup(arena, event->instance);
		row->why = arena_strdup(arena, event->why);
		row->node = arena_strdup(arena, event->node);
		row->container = arena_strdup(arena, event->container);
		row->source = arena_strdup(arena, event->source);
		row->repeated = event->repeated;
	}
	model_publish(bridge->model, snapshot);
}

/* A script that asks right after the start is to see what every container wants. */
static bool is_ready(const struct bridge_register *bridge)
{
	struct registrar_status status;

	if (bridge->published || !bridge->registrar || clock_mono_ms() - bridge->born_ms > FIRST_MS)
		return true;
	registrar_get_status(bridge->registrar, &status);
	return status.synced || *status.docker_err || *status.registry_err;
}

static void on_timer(void *arg)
{
	struct bridge_register *bridge = arg;

	bridge->timer = NULL;
	if (!is_ready(bridge)) {
		publish_soon(bridge);
		return;
	}
	bridge->published = true;
	if (bridge->wants_changed) {
		bridge->wants_changed = false;
		docker_feed_republish(bridge->docker_feed);
	}
	publish_events(bridge);
}

static void publish_soon(struct bridge_register *bridge)
{
	if (!bridge->timer)
		bridge->timer = loop_timer_start(bridge->loop, PUBLISH_MS, on_timer, bridge);
}

static void release_event(struct kept_event *event)
{
	free(event->service);
	free(event->instance);
	free(event->why);
	free(event->node);
	free(event->container);
	free(event->source);
	*event = (struct kept_event){ 0 };
}

static bool is_same(const struct kept_event *kept, const struct registrar_event *event)
{
	return kept->action == event->action && event->wall_ms - kept->wall_ms < FOLD_MS &&
	       strcmp(kept->service, event->service) == 0 &&
	       strcmp(kept->instance, event->instance) == 0 && strcmp(kept->why, event->why) == 0 &&
	       strcmp(kept->container, event->container) == 0;
}

static void log_event(const struct registrar_event *event)
{
	void (*say)(const char *part, const char *fmt, ...) =
		event->action == REGISTRAR_FAILED ? log_error : log_info;

	say("register", "action=%s service=%s instance=%s container=%s %s",
	    registrar_action_name(event->action), event->service, event->instance, event->container,
	    event->why);
}

void bridge_register_event(void *arg, const struct registrar_event *event)
{
	struct bridge_register *bridge = arg;
	struct kept_event *kept;

	for (uint64_t back = 1; back <= FOLD_REACH && back <= bridge->total; back++) {
		kept = event_at(bridge, bridge->total - back);
		if (!is_same(kept, event))
			continue;
		kept->repeated++;
		publish_soon(bridge);
		return;
	}
	log_event(event);
	kept = event_at(bridge, bridge->total);
	release_event(kept);
	*kept = (struct kept_event){
		.number = bridge->total++,
		.wall_ms = event->wall_ms,
		.repeated = 1,
		.action = event->action,
		.service = xstrdup(event->service),
		.instance = xstrdup(event->instance),
		.why = xstrdup(event->why),
		.node = xstrdup(event->node),
		.container = xstrdup(event->container),
		.source = xstrdup(event->source),
	};
	publish_soon(bridge);
}

void bridge_register_changed(void *arg)
{
	struct bridge_register *bridge = arg;

	bridge->wants_changed = true;
	publish_soon(bridge);
}

/* "nginx-test:80, nginx-test:443", or why nothing. */
static const char *wanted_text(const struct register_wanted *wanted, struct arena *arena)
{
	struct strbuf text = STRBUF_INIT;
	const char *copy;

	for (size_t i = 0; i < wanted->service_count; i++)
		strbuf_addf(&text, "%s%s:%d", i ? ", " : "", wanted->services[i].name,
			    wanted->services[i].port);
	for (size_t i = 0; !wanted->service_count && i < wanted->note_count; i++)
		if (wanted->notes[i].kind == REGISTER_NOTE_IGNORED)
			strbuf_addf(&text, "%s%s", text.len ? "; " : "", wanted->notes[i].text);
	copy = arena_strndup(arena, text.buf, text.len);
	strbuf_release(&text);
	return copy;
}

/* What stands in the registry: all that is wanted, less what is still pending. */
static const char *registered_text(const struct bridge_register *bridge,
				   const struct register_wanted *wanted, struct arena *arena)
{
	const struct reconcile *pending = registrar_pending(bridge->registrar);
	struct strbuf text = STRBUF_INIT;
	const char *copy;

	for (size_t i = 0; i < wanted->service_count; i++) {
		bool missing = false;

		for (size_t n = 0; n < pending->count && !missing; n++)
			missing = pending->items[n].kind == RECONCILE_ADD &&
				  strcmp(pending->items[n].id, wanted->services[i].id) == 0;
		if (!missing)
			strbuf_addf(&text, "%s%s:%d", text.len ? ", " : "",
				    wanted->services[i].name, wanted->services[i].port);
	}
	copy = arena_strndup(arena, text.buf, text.len);
	strbuf_release(&text);
	return copy;
}

static void annotate(void *arg, const char *node, const char *container_id,
		     const char *container_name, struct arena *arena, const char **registered,
		     const char **wanted_out)
{
	struct bridge_register *bridge = arg;
	const struct register_wanted *wanted;
	struct registrar_status status;

	(void)container_name;
	if (!bridge->registrar || strcmp(node, bridge->node) != 0)
		return;
	registrar_get_status(bridge->registrar, &status);
	wanted = registrar_wanted(bridge->registrar, container_id);
	if (!wanted)
		return;
	*wanted_out = wanted_text(wanted, arena);
	if (status.synced)
		*registered = registered_text(bridge, wanted, arena);
}

struct bridge_register *bridge_register_new(struct loop *loop, struct model *model,
					    struct docker_feed *docker_feed)
{
	struct bridge_register *bridge = xcalloc(1, sizeof(*bridge));

	bridge->loop = loop;
	bridge->model = model;
	bridge->docker_feed = docker_feed;
	bridge->born_ms = clock_mono_ms();
	bridge->ring = xcalloc(LIMIT_EVENTS_COUNT, sizeof(*bridge->ring));
	docker_feed_set_annotate(docker_feed, annotate, bridge);
	return bridge;
}

void bridge_register_free(struct bridge_register *bridge)
{
	if (!bridge)
		return;
	docker_feed_set_annotate(bridge->docker_feed, NULL, NULL);
	loop_timer_stop(&bridge->timer);
	for (size_t i = 0; i < LIMIT_EVENTS_COUNT; i++)
		release_event(&bridge->ring[i]);
	free(bridge->ring);
	free(bridge->node);
	free(bridge);
}

void bridge_register_attach(struct bridge_register *bridge, const char *node,
			    struct registrar *registrar)
{
	bridge->node = xstrdup(node);
	bridge->registrar = registrar;
	publish_soon(bridge);
}
