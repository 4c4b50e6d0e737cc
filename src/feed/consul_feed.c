/*
 * What is known is kept per node (its services) and as one table of checks; a publication joins
 * them. The blocking queries only tell that something moved: the catalog's list of services does
 * not change its text when an instance comes or goes, but its index does, and that is enough to
 * read the nodes again.
 */
#include "consul_feed_private.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "binnacle/consul/consul.h"
#include "binnacle/feed/docker_feed.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/endpoint.h"

#define SETTLE_MS 50

static void refresh_soon(struct consul_feed *feed);
static void pump(struct consul_feed *feed);

/* ---- health: the watches log outages, the model shows them ---- */

void consul_feed_went_down(struct consul_feed *feed, enum consul_feed_asker asker,
			   const struct err *err)
{
	feed->failing |= (unsigned)asker;
	model_set_source(feed->model, SOURCE_CONSUL,
			 err->code == ERR_DENIED ? SOURCE_DENIED : SOURCE_DOWN, "", err->msg);
}

static void show_health(struct consul_feed *feed)
{
	if (feed->failing)
		return; /* what failed has said why */
	if (feed->no_leader)
		model_set_source(feed->model, SOURCE_CONSUL, SOURCE_STALE, "", "no cluster leader");
	else
		model_set_source(feed->model, SOURCE_CONSUL, SOURCE_OK, "", "");
}

void consul_feed_came_up(struct consul_feed *feed, enum consul_feed_asker asker)
{
	if (!(feed->failing & (unsigned)asker))
		return;
	feed->failing &= ~(unsigned)asker;
	show_health(feed);
}

/* The catalog's answers also tell whether the server that gave them knows a leader. */
static void catalog_came_up(struct consul_feed *feed, enum consul_feed_asker asker,
			    const struct consul_meta *meta)
{
	feed->failing &= ~(unsigned)asker;
	feed->no_leader = !meta->known_leader;
	show_health(feed);
	/* The agent is back, so its members need not wait for their turn. */
	if (feed->failing & (ASKER_MEMBERS | ASKER_SELF)) {
		loop_timer_stop(&feed->members_timer);
		consul_feed_poll_members(feed);
	}
}

void consul_feed_has_leader(struct consul_feed *feed, bool has_leader)
{
	enum source_health health = model_source(feed->model, SOURCE_CONSUL)->health;

	feed->no_leader = !has_leader;
	if (health == SOURCE_OK || health == SOURCE_STALE)
		show_health(feed);
}

/* ---- checks ---- */

static void release_checks(struct consul_feed *feed)
{
	for (size_t i = 0; i < feed->checks.count; i++) {
		struct check *check = feed->checks.entries[i].value;

		free(check->output);
		free(check);
	}
	strmap_release(&feed->checks);
}

static enum check_status status_of(const struct json *check)
{
	const char *id = json_str(check, "CheckID", ""), *status = json_str(check, "Status", "");

	if (strcmp(id, "_node_maintenance") == 0 || text_starts_with(id, "_service_maintenance:"))
		return CHECK_MAINT;
	if (strcmp(status, "passing") == 0)
		return CHECK_PASSING;
	return strcmp(status, "warning") == 0 ? CHECK_WARNING : CHECK_CRITICAL;
}

static void take_checks(struct consul_feed *feed, const struct json *doc)
{
	release_checks(feed);
	JSON_EACH(item, doc)
	{
		char *key = xasprintf("%s/%s", json_str(item, "Node", ""),
				      json_str(item, "ServiceID", ""));
		struct check *check = strmap_get(&feed->checks, key);
		enum check_status status = status_of(item);

		if (!check) {
			check = xcalloc(1, sizeof(*check));
			strmap_put(&feed->checks, key, check);
		}
		if (status > check->status) {
			check->status = status;
			free(check->output);
			check->output = xstrdup(json_str(item, "Output", ""));
		}
		free(key);
	}
	feed->checks_known = true;
}

/* ---- reading the nodes ---- */

static void release_node(struct node *node)
{
	arena_release(&node->arena);
	free(node->name);
	free(node->address);
	free(node);
}

static void take_node(struct consul_feed *feed, const char *name, const struct json *doc)
{
	struct node *node = strmap_get(&feed->nodes, name);
	const struct json *services = json_member(doc, "Services");

	if (!node)
		return;
	arena_reset(&node->arena);
	node->services = arena_alloc(&node->arena, json_count(services) * sizeof(*node->services));
	node->count = 0;
	JSON_EACH(item, services)
	{
		struct node_service *service = &node->services[node->count++];
		const struct json *tags = json_member(item, "Tags");
		const char **copy = arena_alloc(&node->arena, json_count(tags) * sizeof(*copy));

		service->id = arena_strdup(&node->arena, json_str(item, "ID", ""));
		service->name = arena_strdup(&node->arena, json_str(item, "Service", ""));
		service->address = arena_strdup(&node->arena, json_str(item, "Address", ""));
		service->port = json_int(item, "Port", 0);
		JSON_EACH(tag, tags)
		copy[service->tag_count++] = arena_strdup(&node->arena, json_as_str(tag, ""));
		service->tags = copy;
	}
}

static void round_ended(struct consul_feed *feed)
{
	if (!feed->round_is_partly)
		consul_feed_came_up(feed, ASKER_NODE);
	/* What cannot be read the second time either is not waited for any longer. */
	if (!feed->round_is_partly || feed->retried)
		feed->loaded = true;
	feed->retried = feed->round_is_partly;
	consul_feed_publish(feed);
	consul_feed_first_members(feed);
	if (feed->dirty)
		refresh_soon(feed);
}

static void on_node(void *arg, const struct json *doc, const struct consul_meta *meta,
		    const struct err *err)
{
	struct fetch *fetch = arg;
	struct consul_feed *feed = fetch->feed;

	fetch->call = NULL;
	if (err && err->code != ERR_NOT_FOUND) {
		feed->round_is_partly = true;
		consul_feed_went_down(feed, ASKER_NODE, err);
	} else if (meta->took_ms > 0) {
		model_source_alive(feed->model, SOURCE_CONSUL, meta->took_ms);
	}
	if (!err)
		take_node(feed, fetch->node, doc);
	free(fetch->node);
	fetch->node = NULL;
	pump(feed);
}

/* Keep up to CONSUL_FEED_PARALLEL requests under way; after the last one, publish. */
static void pump(struct consul_feed *feed)
{
	bool busy = false;

	for (size_t i = 0; i < CONSUL_FEED_PARALLEL; i++) {
		struct fetch *fetch = &feed->fetches[i];
		struct strbuf path = STRBUF_INIT;

		if (!fetch->call && feed->queued) {
			fetch->feed = feed;
			fetch->node = feed->queue[--feed->queued];
			strbuf_addstr(&path, "/v1/catalog/node/");
			url_escape(&path, fetch->node);
			fetch->call = consul_get(feed->consul, path.buf, on_node, fetch);
			strbuf_release(&path);
		}
		busy = busy || fetch->call;
	}
	if (!busy)
		round_ended(feed);
}

static void begin_round(void *arg)
{
	struct consul_feed *feed = arg;

	feed->settle_timer = NULL;
	feed->dirty = feed->round_is_partly = false;
	for (size_t i = 0; i < feed->nodes.count; i++) {
		GROW(feed->queue, feed->queued, feed->queue_cap);
		feed->queue[feed->queued++] = xstrdup(feed->nodes.entries[i].key);
	}
	pump(feed);
}

static bool is_reading(const struct consul_feed *feed)
{
	for (size_t i = 0; i < CONSUL_FEED_PARALLEL; i++)
		if (feed->fetches[i].call)
			return true;
	return feed->queued > 0;
}

static void refresh_soon(struct consul_feed *feed)
{
	if (!feed->nodes_known)
		return;
	if (is_reading(feed))
		feed->dirty = true;
	else if (!feed->settle_timer)
		feed->settle_timer = loop_timer_start(feed->loop, SETTLE_MS, begin_round, feed);
}

void consul_feed_retry(struct consul_feed *feed)
{
	if (feed->round_is_partly)
		refresh_soon(feed);
}

/* ---- watches ---- */

static void on_nodes(void *arg, const struct json *doc, const struct consul_meta *meta,
		     const struct err *err)
{
	struct consul_feed *feed = arg;

	if (err) {
		consul_feed_went_down(feed, ASKER_NODES, err);
		return;
	}
	catalog_came_up(feed, ASKER_NODES, meta);
	for (size_t i = 0; i < feed->nodes.count; i++)
		((struct node *)feed->nodes.entries[i].value)->listed = false;
	JSON_EACH(item, doc)
	{
		const char *name = json_str(item, "Node", "");
		struct node *node = strmap_get(&feed->nodes, name);

		if (!node) {
			node = xcalloc(1, sizeof(*node));
			node->name = xstrdup(name);
			strmap_put(&feed->nodes, name, node);
		}
		free(node->address);
		node->address = xstrdup(json_str(item, "Address", ""));
		node->listed = true;
	}
	for (size_t i = feed->nodes.count; i-- > 0;) {
		struct node *node = feed->nodes.entries[i].value;

		if (!node->listed) {
			strmap_remove(&feed->nodes, feed->nodes.entries[i].key);
			release_node(node);
		}
	}
	feed->nodes_known = true;
	refresh_soon(feed);
}

static void on_services(void *arg, const struct json *doc, const struct consul_meta *meta,
			const struct err *err)
{
	(void)doc;
	if (err) {
		consul_feed_went_down(arg, ASKER_SERVICES, err);
		return;
	}
	catalog_came_up(arg, ASKER_SERVICES, meta);
	refresh_soon(arg);
}

static void on_checks(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	struct consul_feed *feed = arg;

	if (err) {
		consul_feed_went_down(feed, ASKER_CHECKS, err);
		return;
	}
	catalog_came_up(feed, ASKER_CHECKS, meta);
	take_checks(feed, doc);
	refresh_soon(feed);
}

static void on_docker(void *arg)
{
	consul_feed_publish(arg);
}

static void on_renders(void *arg, unsigned bits)
{
	(void)bits;
	consul_feed_publish(arg);
}

/* ---- life ---- */

struct consul_feed *consul_feed_new(struct loop *loop, struct model *model, struct consul *consul,
				    struct docker_feed *docker_feed)
{
	struct consul_feed *feed = xcalloc(1, sizeof(*feed));
	const unsigned flags = CONSUL_WATCH_STALE | CONSUL_WATCH_INDEX;

	feed->loop = loop;
	feed->model = model;
	feed->consul = consul;
	feed->docker_feed = docker_feed;
	model_set_source(model, SOURCE_CONSUL, SOURCE_LOADING, "", "");
	feed->nodes_watch =
		consul_watch_start(consul, "/v1/catalog/nodes", CONSUL_WATCH_STALE, on_nodes, feed);
	feed->services_watch =
		consul_watch_start(consul, "/v1/catalog/services", flags, on_services, feed);
	feed->checks_watch = consul_watch_start(consul, "/v1/health/state/any", CONSUL_WATCH_STALE,
						on_checks, feed);
	if (docker_feed)
		docker_feed_listen(docker_feed, on_docker, feed);
	feed->renders_watch = model_watch_start(model, MODEL_BIT(MODEL_RENDERS), on_renders, feed);
	consul_feed_poll_members(feed);
	return feed;
}

void consul_feed_free(struct consul_feed *feed)
{
	if (!feed)
		return;
	if (feed->docker_feed)
		docker_feed_unlisten(feed->docker_feed, on_docker, feed);
	model_watch_stop(&feed->renders_watch);
	consul_watch_stop(&feed->nodes_watch);
	consul_watch_stop(&feed->services_watch);
	consul_watch_stop(&feed->checks_watch);
	consul_call_cancel(&feed->self_call);
	consul_call_cancel(&feed->leader_call);
	consul_call_cancel(&feed->members_call);
	loop_timer_stop(&feed->members_timer);
	loop_timer_stop(&feed->settle_timer);
	for (size_t i = 0; i < CONSUL_FEED_PARALLEL; i++) {
		consul_call_cancel(&feed->fetches[i].call);
		free(feed->fetches[i].node);
	}
	while (feed->queued)
		free(feed->queue[--feed->queued]);
	free(feed->queue);
	for (size_t i = 0; i < feed->nodes.count; i++)
		release_node(feed->nodes.entries[i].value);
	strmap_release(&feed->nodes);
	release_checks(feed);
	json_free(feed->members);
	for (size_t i = 0; i < feed->since.count; i++)
		free(feed->since.entries[i].value);
	strmap_release(&feed->since);
	free(feed);
}

void consul_feed_refresh(struct consul_feed *feed)
{
	refresh_soon(feed);
	loop_timer_stop(&feed->members_timer);
	consul_feed_poll_members(feed);
}
