/* Events are kept in a ring of LIMIT_EVENTS_COUNT; a repetition within a minute is counted on its
 * first occurrence. Publications are at least PUBLISH_MS apart, so that a burst of containers
 * costs a few snapshots and not one per event. */
#include "bridge_register.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
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
	case REGISTRAR_DUPLICATE:
		return STATE_STALE;
	case REGISTRAR_IGNORED:
	case REGISTRAR_WARNED:
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

/* "80/tcp: SERVICE_80_IGNORE is set", where the reason does not begin with the port itself. */
static char *why_of(const struct registrar_event *event)
{
	const char *port = event->note ? event->note->port : "";

	if (!*port || text_starts_with(event->why, port))
		return xstrdup(event->why);
	return xasprintf("%s: %s", port, event->why);
}

static bool is_same(const struct kept_event *kept, const struct registrar_event *event,
		    const char *why)
{
	return kept->action == event->action && event->wall_ms - kept->wall_ms < FOLD_MS &&
	       strcmp(kept->service, event->service) == 0 &&
	       strcmp(kept->instance, event->instance) == 0 && strcmp(kept->why, why) == 0 &&
	       strcmp(kept->container, event->container) == 0;
}

static void log_event(const struct registrar_event *event)
{
	bool warns = event->action == REGISTRAR_WARNED || event->action == REGISTRAR_DUPLICATE;
	void (*say)(const char *part, const char *fmt, ...) = event->action == REGISTRAR_FAILED
								      ? log_error
							      : warns ? log_warn
								      : log_info;

	say("register", "action=%s service=%s instance=%s container=%s %s",
	    registrar_action_name(event->action), event->service, event->instance, event->container,
	    event->why);
}

void bridge_register_event(void *arg, const struct registrar_event *event)
{
	struct bridge_register *bridge = arg;
	struct kept_event *kept;
	char *why = why_of(event);

	for (uint64_t back = 1; back <= FOLD_REACH && back <= bridge->total; back++) {
		kept = event_at(bridge, bridge->total - back);
		if (!is_same(kept, event, why))
			continue;
		kept->repeated++;
		publish_soon(bridge);
		free(why);
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
		.why = why,
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
		const struct reconcile_difference *difference =
			reconcile_find(pending, wanted->services[i].id);

		if (!difference || difference->kind != RECONCILE_ADD)
			strbuf_addf(&text, "%s%s:%d", text.len ? ", " : "",
				    wanted->services[i].name, wanted->services[i].port);
	}
	copy = arena_strndup(arena, text.buf, text.len);
	strbuf_release(&text);
	return copy;
}

static void add_clean(struct strbuf *out, const char *text)
{
	text_clean(out, text, strlen(text));
}

static void add_standing(const struct bridge_register *bridge,
			 const struct register_service *service, struct strbuf *out)
{
	const struct reconcile_difference *difference =
		reconcile_find(registrar_pending(bridge->registrar), service->id);
	const struct json *twin = registrar_twin(bridge->registrar, service);

	add_clean(out, service->name);
	strbuf_addf(out, ":%d\t", service->port);
	if (!difference) {
		strbuf_addstr(out, "registered");
	} else {
		strbuf_addstr(out, *difference->failure ? "FAILED, " : "");
		add_clean(out, *difference->failure ? difference->failure : difference->why);
	}
	strbuf_addstr(out, "   ");
	add_clean(out, service->id);
	strbuf_addf(out, " at %s", *service->address ? service->address : "(the node)");
	for (size_t i = 0; i < service->tag_count; i++) {
		strbuf_addstr(out, i ? "," : "   tags ");
		add_clean(out, service->tags[i]);
	}
	strbuf_addch(out, '\n');
	if (twin) {
		strbuf_addstr(out, "\tDUP, also registered as ");
		add_clean(out, json_key(twin));
		strbuf_addch(out, '\n');
	}
}

static void add_note(const struct register_note *note, struct strbuf *out)
{
	strbuf_addf(out, "%s\t%s", *note->port ? note->port : "container",
		    note->kind == REGISTER_NOTE_IGNORED ? "ignored: " : "WARN, ");
	add_clean(out, note->text);
	strbuf_addstr(out, *note->remedy ? "; " : "");
	add_clean(out, note->remedy);
	strbuf_addch(out, '\n');
}

/* Each service and each note of the rules, and how it stands in the registry. */
static const char *registration_text(const struct bridge_register *bridge,
				     const struct register_wanted *wanted, struct arena *arena)
{
	struct strbuf text = STRBUF_INIT;
	const char *copy;

	for (size_t i = 0; i < wanted->service_count; i++)
		add_standing(bridge, &wanted->services[i], &text);
	for (size_t i = 0; i < wanted->note_count; i++)
		add_note(&wanted->notes[i], &text);
	copy = arena_strndup(arena, text.buf, text.len);
	strbuf_release(&text);
	return copy;
}

static void annotate(void *arg, struct arena *arena, struct container_row *row)
{
	struct bridge_register *bridge = arg;
	const struct register_wanted *wanted;
	struct registrar_status status;

	if (!bridge->registrar || strcmp(row->node, bridge->node) != 0)
		return;
	registrar_get_status(bridge->registrar, &status);
	wanted = registrar_wanted(bridge->registrar, row->container_id);
	if (!wanted)
		return;
	row->wanted = wanted_text(wanted, arena);
	if (!status.synced)
		return;
	row->registered = registered_text(bridge, wanted, arena);
	row->registration = registration_text(bridge, wanted, arena);
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
