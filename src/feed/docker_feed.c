/*
 * Each daemon is a small machine: `gather` asks for everything; an event, the period or a query
 * asks again. What comes while a gather is under way is remembered (`again`), because that
 * gather may have passed the place of the change already.
 */
#include "binnacle/feed/docker_feed.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "docker_networks.h"

#define SETTLE_MS 100  /* several events close together are one change */
#define FIRST_MS  3000 /* the first publication waits this long for all daemons */

struct daemon {
	struct docker_feed *feed;
	char *node;
	struct docker *docker;
	bool confirmed;
	char *daemon_name; /* or NULL */
	struct docker_events *events;
	struct calico_gather *gather;
	struct loop_timer *timer;
	struct calico_docker_view *view;     /* newest; may be incomplete: for verdicts */
	struct calico_docker_view *complete; /* newest complete one: for the rows */
	bool again, answered;
	uint64_t gathers_started, gathers_done;
};

struct listener {
	docker_feed_fn *fn;
	void *arg;
};

struct docker_feed_query {
	struct docker_feed *feed;
	struct docker_feed_query *next;
	calico_sources_fn *done;
	void *arg;
	uint64_t *wanted; /* per daemon: the gather that must have ended; 0: not asked */
	struct loop_deferred *deferred;
};

struct docker_feed {
	struct loop *loop;
	struct model *model;
	struct daemon **daemons;
	size_t count, cap;
	struct calico_source *sources;
	struct listener *listeners;
	size_t listener_count, listener_cap;
	struct docker_feed_query *queries;
	docker_feed_annotate_fn *annotate;
	void *annotate_arg;
	int64_t born_ms;
	struct loop_timer *first_timer;
	bool published;
};

static void gather(struct daemon *daemon);

static const char *text_in(struct snapshot *snapshot, const char *text)
{
	return text && *text ? arena_strdup(&snapshot->arena, text) : "";
}

static enum row_state container_state(const struct calico_container *container)
{
	if (*container->error)
		return STATE_CRIT;
	if (container->running)
		return STATE_PASS;
	return container->phase == CALICO_CONTAINER_ENDED ? STATE_NONE : STATE_WARN;
}

static const char *attachment_address(struct snapshot *snapshot, const struct calico_net *net)
{
	char text[CALICO_NET_TEXT_BYTES];

	return net->version ? arena_strdup(&snapshot->arena, calico_net_text(net, text)) : "";
}

static void add_container(struct docker_feed *feed, const struct daemon *daemon,
			  const struct calico_container *container, struct snapshot *snapshot)
{
	struct container_row *row = snapshot_add(snapshot);
	struct arena *arena = &snapshot->arena;

	row->id = arena_printf(arena, "%s/%.12s", daemon->node, container->id);
	row->container_id = text_in(snapshot, container->id);
	row->name = text_in(snapshot, container->name);
	row->image = text_in(snapshot, container->image);
	row->node = text_in(snapshot, daemon->node);
	row->error = text_in(snapshot, container->error);
	row->status = text_in(snapshot, container->status);
	row->state = container_state(container);
	row->ended_ms = container->finished_wall_ms;
	for (size_t i = 0; i < container->attachment_count; i++) {
		const struct calico_attachment *place = &container->attachments[i];

		row->network = text_in(snapshot, place->network);
		if (place->wanted.version)
			row->fixed_address = attachment_address(snapshot, &place->wanted);
		row->address = attachment_address(
			snapshot, place->address.version ? &place->address : &place->wanted);
		if (place->address.version)
			break;
	}
	if (feed->annotate)
		feed->annotate(feed->annotate_arg, arena, row);
}

static void publish_health(struct docker_feed *feed)
{
	size_t up = 0, asked = 0;
	char detail[24], message[200] = "";

	for (size_t i = 0; i < feed->count; i++) {
		const struct daemon *daemon = feed->daemons[i];

		asked += daemon->answered;
		if (daemon->view && daemon->view->complete) {
			up++;
		} else if (daemon->answered && !*message) {
			snprintf(message, sizeof(message), "%s: %s", daemon->node,
				 daemon->view ? daemon->view->problem : "no answer");
		}
	}
	snprintf(detail, sizeof(detail), "%zu/%zu", up, feed->count);
	if (!feed->count)
		model_set_source(feed->model, SOURCE_DOCKER, SOURCE_OFF, "",
				 "no Docker daemon is configured");
	else if (asked < feed->count && up == asked)
		model_set_source(feed->model, SOURCE_DOCKER, SOURCE_LOADING, detail, "");
	else if (up == feed->count)
		model_set_source(feed->model, SOURCE_DOCKER, SOURCE_OK, detail, "");
	else
		model_set_source(feed->model, SOURCE_DOCKER, SOURCE_DOWN, detail, message);
}

bool docker_feed_is_complete(const struct docker_feed *feed)
{
	size_t answered = 0;

	for (size_t i = 0; i < feed->count; i++)
		answered += feed->daemons[i]->answered;
	return answered == feed->count || clock_mono_ms() - feed->born_ms >= FIRST_MS;
}

void docker_feed_republish(struct docker_feed *feed)
{
	struct snapshot *snapshot;

	if (!feed->published && !docker_feed_is_complete(feed))
		return;
	feed->published = true;
	snapshot = snapshot_new(MODEL_CONTAINERS);
	for (size_t i = 0; i < feed->count; i++) {
		const struct daemon *daemon = feed->daemons[i];

		for (size_t n = 0; daemon->complete && n < daemon->complete->container_count; n++)
			add_container(feed, daemon, &daemon->complete->containers[n], snapshot);
	}
	model_publish(feed->model, snapshot);
	snapshot = snapshot_new(MODEL_NETWORKS);
	for (size_t i = 0; i < feed->count; i++)
		if (feed->daemons[i]->complete)
			docker_networks_add(feed->daemons[i]->node, feed->daemons[i]->complete,
					    snapshot);
	model_publish(feed->model, snapshot);
}

static void fill_sources(struct docker_feed *feed)
{
	for (size_t i = 0; i < feed->count; i++)
		feed->sources[i] = (struct calico_source){
			.node = feed->daemons[i]->node,
			.confirmed = feed->daemons[i]->confirmed,
			.daemon_name = feed->daemons[i]->daemon_name,
			.view = feed->daemons[i]->view,
		};
}

static bool query_is_answered(const struct docker_feed_query *query)
{
	for (size_t i = 0; i < query->feed->count; i++)
		if (query->feed->daemons[i]->gathers_done < query->wanted[i])
			return false;
	return true;
}

static void unlink_query(struct docker_feed_query *query)
{
	struct docker_feed_query **link = &query->feed->queries;

	while (*link != query)
		link = &(*link)->next;
	*link = query->next;
	loop_deferred_cancel(&query->deferred);
	free(query->wanted);
	free(query);
}

static void answer_queries(struct docker_feed *feed)
{
	struct docker_feed_query *query = feed->queries;

	while (query) {
		calico_sources_fn *done = query->done;
		void *arg = query->arg;

		if (!query_is_answered(query)) {
			query = query->next;
			continue;
		}
		unlink_query(query);
		done(arg, feed->sources, feed->count);
		query = feed->queries; /* the completion may have changed the list */
	}
}

static void on_period(void *arg)
{
	struct daemon *daemon = arg;

	daemon->timer = NULL;
	gather(daemon);
}

static void keep(struct calico_docker_view **place, struct calico_docker_view *view)
{
	calico_docker_view_unref(*place);
	*place = calico_docker_view_ref(view);
}

static void tell(struct docker_feed *feed)
{
	docker_feed_republish(feed);
	for (size_t i = 0; i < feed->listener_count; i++)
		feed->listeners[i].fn(feed->listeners[i].arg);
}

/* Whoever has not answered by now is waited for no longer. */
static void on_first(void *arg)
{
	struct docker_feed *feed = arg;

	feed->first_timer = NULL;
	if (!feed->published)
		tell(feed);
}

static void on_view(void *arg, struct calico_docker_view *view)
{
	struct daemon *daemon = arg;
	struct docker_feed *feed = daemon->feed;

	daemon->gather = NULL;
	daemon->gathers_done = daemon->gathers_started;
	daemon->answered = true;
	keep(&daemon->view, view);
	if (view->complete)
		keep(&daemon->complete, view);
	loop_timer_stop(&daemon->timer);
	daemon->timer = loop_timer_start(feed->loop, daemon->again ? 0 : DOCKER_FEED_PERIOD_MS,
					 on_period, daemon);
	daemon->again = false;
	fill_sources(feed);
	publish_health(feed);
	tell(feed);
	answer_queries(feed);
}

static void gather(struct daemon *daemon)
{
	if (daemon->gather) {
		daemon->again = true;
		return;
	}
	loop_timer_stop(&daemon->timer);
	daemon->gathers_started++;
	daemon->gather = calico_gather_start(daemon->feed->loop, daemon->docker, on_view, daemon);
}

static void gather_soon(struct daemon *daemon)
{
	if (daemon->gather) {
		daemon->again = true;
		return;
	}
	loop_timer_stop(&daemon->timer);
	daemon->timer = loop_timer_start(daemon->feed->loop, SETTLE_MS, on_period, daemon);
}

static void on_stream_up(void *arg)
{
	gather_soon(arg);
}

static void on_stream_down(void *arg, const struct err *err)
{
	(void)err; /* the gather that follows says what is wrong */
	gather_soon(arg);
}

static void on_event(void *arg, const struct docker_event *event)
{
	static const char *const telling[] = { "create",     "start",  "die",
					       "destroy",    "rename", "connect",
					       "disconnect", "pause",  "unpause" };

	if (strcmp(event->type, "container") != 0 && strcmp(event->type, "network") != 0)
		return;
	for (size_t i = 0; i < COUNT_OF(telling); i++)
		if (strcmp(event->action, telling[i]) == 0)
			gather_soon(arg);
}

struct docker_feed *docker_feed_new(struct loop *loop, struct model *model)
{
	struct docker_feed *feed = xcalloc(1, sizeof(*feed));

	feed->loop = loop;
	feed->model = model;
	feed->born_ms = clock_mono_ms();
	publish_health(feed);
	return feed;
}

void docker_feed_free(struct docker_feed *feed)
{
	if (!feed)
		return;
	while (feed->queries)
		unlink_query(feed->queries);
	loop_timer_stop(&feed->first_timer);
	for (size_t i = 0; i < feed->count; i++) {
		struct daemon *daemon = feed->daemons[i];

		docker_events_stop(&daemon->events);
		calico_gather_cancel(&daemon->gather);
		loop_timer_stop(&daemon->timer);
		calico_docker_view_unref(daemon->view);
		calico_docker_view_unref(daemon->complete);
		free(daemon->node);
		free(daemon->daemon_name);
		free(daemon);
	}
	free(feed->daemons);
	free(feed->sources);
	free(feed->listeners);
	free(feed);
}

void docker_feed_add(struct docker_feed *feed, const char *node, struct docker *docker,
		     bool confirmed)
{
	static const struct docker_event_handlers handlers = { on_stream_up, on_stream_down,
							       on_event };
	struct daemon *daemon = xcalloc(1, sizeof(*daemon));

	assert(!feed->queries);
	if (!feed->count)
		feed->first_timer = loop_timer_start(feed->loop, FIRST_MS, on_first, feed);
	daemon->feed = feed;
	daemon->node = xstrdup(node);
	daemon->docker = docker;
	daemon->confirmed = confirmed;
	GROW(feed->daemons, feed->count, feed->cap);
	feed->daemons[feed->count++] = daemon;
	feed->sources = xreallocarray(feed->sources, feed->count, sizeof(*feed->sources));
	fill_sources(feed);
	publish_health(feed);
	daemon->events = docker_events_start(docker, &handlers, daemon);
	gather(daemon);
}

void docker_feed_set_daemon_name(struct docker_feed *feed, const char *node, const char *name)
{
	for (size_t i = 0; i < feed->count; i++) {
		struct daemon *daemon = feed->daemons[i];

		if (strcmp(daemon->node, node) != 0)
			continue;
		free(daemon->daemon_name);
		daemon->daemon_name = name ? xstrdup(name) : NULL;
	}
	fill_sources(feed);
}

void docker_feed_set_annotate(struct docker_feed *feed, docker_feed_annotate_fn *fn, void *arg)
{
	feed->annotate = fn;
	feed->annotate_arg = arg;
}

void docker_feed_listen(struct docker_feed *feed, docker_feed_fn *fn, void *arg)
{
	GROW(feed->listeners, feed->listener_count, feed->listener_cap);
	feed->listeners[feed->listener_count++] = (struct listener){ fn, arg };
}

void docker_feed_unlisten(struct docker_feed *feed, docker_feed_fn *fn, void *arg)
{
	for (size_t i = 0; i < feed->listener_count; i++)
		if (feed->listeners[i].fn == fn && feed->listeners[i].arg == arg)
			feed->listeners[i] = feed->listeners[--feed->listener_count];
}

const struct calico_source *docker_feed_sources(const struct docker_feed *feed, size_t *count)
{
	*count = feed->count;
	return feed->sources;
}

const struct calico_docker_view *docker_feed_view(const struct docker_feed *feed, const char *node)
{
	for (size_t i = 0; i < feed->count; i++)
		if (strcmp(feed->daemons[i]->node, node) == 0)
			return feed->daemons[i]->view;
	return NULL;
}

static void on_unasked(void *arg)
{
	struct docker_feed_query *query = arg;

	query->deferred = NULL;
	answer_queries(query->feed);
}

static struct docker_feed_query *start_query(struct docker_feed *feed, const char *node,
					     bool others, calico_sources_fn *done, void *arg)
{
	struct docker_feed_query *query = xcalloc(1, sizeof(*query));
	bool asked = false;

	query->feed = feed;
	query->done = done;
	query->arg = arg;
	query->wanted = xcalloc(feed->count + 1, sizeof(*query->wanted));
	query->next = feed->queries;
	feed->queries = query;
	for (size_t i = 0; i < feed->count; i++) {
		struct daemon *daemon = feed->daemons[i];

		if (node && (strcmp(daemon->node, node) == 0) == others)
			continue;
		asked = true;
		/* One that is under way began before the question: its answer is too old. */
		query->wanted[i] = daemon->gathers_started + 1;
		gather(daemon);
	}
	/* Nobody to ask: what is known is the answer. */
	if (!asked)
		query->deferred = loop_defer(feed->loop, on_unasked, query);
	return query;
}

struct docker_feed_query *docker_feed_query(struct docker_feed *feed, const char *node,
					    calico_sources_fn *done, void *arg)
{
	return start_query(feed, node, false, done, arg);
}

struct docker_feed_query *docker_feed_query_others(struct docker_feed *feed, const char *node,
						   calico_sources_fn *done, void *arg)
{
	return start_query(feed, node, true, done, arg);
}

void docker_feed_query_cancel(struct docker_feed_query **query)
{
	if (*query)
		unlink_query(*query);
	*query = NULL;
}
