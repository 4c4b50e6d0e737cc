/*
 * What is known is kept per node (its services) and as one table of checks; a publication joins
 * them. The blocking queries only tell that something moved: the catalog's list of services does
 * not change its text when an instance comes or goes, but its index does, and that is enough to
 * read the nodes again.
 */
#include "binnacle/feed/consul_feed.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/strmap.h"
#include "binnacle/base/text.h"
#include "binnacle/consul/consul.h"
#include "binnacle/feed/docker_feed.h"
#include "binnacle/loop/backoff.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/net/endpoint.h"

#define PARALLEL          4
#define SETTLE_MS         50
#define MEMBERS_PERIOD_MS 5000

/* ORDER CHECK: the worse, the later. */
enum check_status { CHECK_NONE, CHECK_PASSING, CHECK_WARNING, CHECK_CRITICAL, CHECK_MAINT };

struct check {
	enum check_status status;
	char *output; /* of the worst */
};

struct node_service {
	const char *id, *name, *address;
	int64_t port;
	const char *const *tags;
	size_t tag_count;
};

struct node {
	char *name, *address;
	struct node_service *services;
	size_t count;
	struct arena arena;
	bool listed; /* still in the catalog */
};

struct fetch {
	struct consul_feed *feed;
	struct consul_call *call;
	char *node;
};

struct since {
	char status[12];
	int64_t wall_ms;
	bool seen;
};

struct consul_feed {
	struct loop *loop;
	struct model *model;
	struct consul *consul;
	struct docker_feed *docker_feed;
	struct model_watch *renders_watch;

	struct consul_watch *nodes_watch, *services_watch, *checks_watch;
	struct consul_call *self_call, *leader_call, *members_call;
	struct loop_timer *members_timer, *settle_timer;

	struct strmap nodes;  /* name -> struct node */
	struct strmap checks; /* "node/service id" ("node/" for the node's own) -> struct check */
	struct strmap since;  /* "m:NAME", "s:NAME", "i:ID" -> struct since */
	bool nodes_known, checks_known;
	struct json *members; /* the agent's last answer */
	char leader_address[64];

	struct fetch fetches[PARALLEL];
	char **queue; /* node names still to be read */
	size_t queued, queue_cap;
	bool dirty, loaded; /* read again after this round; one round is complete */
};

static void publish_members(struct consul_feed *feed);
static void refresh_soon(struct consul_feed *feed);
static void pump(struct consul_feed *feed);

/* ---- health: the watches log outages, the model shows them ---- */

static void went_down(struct consul_feed *feed, const struct err *err)
{
	model_set_source(feed->model, SOURCE_CONSUL,
			 err->code == ERR_DENIED ? SOURCE_DENIED : SOURCE_DOWN, "", err->msg);
}

static void came_up(struct consul_feed *feed, const struct consul_meta *meta)
{
	if (meta && !meta->known_leader)
		model_set_source(feed->model, SOURCE_CONSUL, SOURCE_STALE, "", "no cluster leader");
	else
		model_set_source(feed->model, SOURCE_CONSUL, SOURCE_OK, "", "");
	if (meta && meta->took_ms > 0)
		model_source_alive(feed->model, SOURCE_CONSUL, meta->took_ms);
}

/* ---- small helpers ---- */

static const char *in(struct snapshot *snapshot, const char *text)
{
	return text && *text ? arena_strdup(&snapshot->arena, text) : "";
}

static int64_t since(struct consul_feed *feed, const char *kind, const char *id, const char *status)
{
	char *key = xasprintf("%s:%s", kind, id);
	struct since *entry = strmap_get(&feed->since, key);

	if (!entry) {
		entry = xcalloc(1, sizeof(*entry));
		strmap_put(&feed->since, key, entry);
	}
	free(key);
	if (strcmp(entry->status, status) != 0) {
		snprintf(entry->status, sizeof(entry->status), "%s", status);
		entry->wall_ms = clock_wall_ms();
	}
	entry->seen = true;
	return entry->wall_ms;
}

/* Forget what is gone of the kinds that were just published, each a letter. */
static void sweep_since(struct consul_feed *feed, const char *kinds)
{
	for (size_t i = feed->since.count; i-- > 0;) {
		struct since *entry = feed->since.entries[i].value;

		if (!strchr(kinds, feed->since.entries[i].key[0]))
			continue;
		if (!entry->seen)
			free(strmap_remove(&feed->since, feed->since.entries[i].key));
		else
			entry->seen = false;
	}
}

static const char *const status_words[] = { "none", "pass", "WARN", "CRIT", "maint" };
static const enum row_state status_states[] = { STATE_NONE, STATE_PASS, STATE_WARN, STATE_CRIT,
						STATE_MAINT };

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

static const struct check *check_of(const struct consul_feed *feed, const char *node,
				    const char *service_id)
{
	static const struct check none = { CHECK_NONE, NULL };
	char *key = xasprintf("%s/%s", node, service_id);
	const struct check *check = strmap_get(&feed->checks, key);

	free(key);
	return check ? check : &none;
}

/* ---- publishing ---- */

struct join {
	struct consul_feed *feed;
	struct snapshot *services, *instances;
	struct strmap rows;   /* service name -> index + 1 into services */
	struct strmap places; /* "service address port" -> node of the first one */
};

struct service_lists {
	struct strmap nodes, tags;
};

/* "host:container:port[:udp]" as Registrator makes it. */
static bool split_registrator_id(const char *id, char **host, char **container)
{
	const char *first = strchr(id, ':'), *second = first ? strchr(first + 1, ':') : NULL;
	size_t digits = second ? strspn(second + 1, "0123456789") : 0;
	const char *rest = second ? second + 1 + digits : NULL;

	if (!digits || first == id || second == first + 1 || (*rest && strcmp(rest, ":udp") != 0))
		return false;
	*host = xstrndup(id, (size_t)(first - id));
	*container = xstrndup(first + 1, (size_t)(second - first - 1));
	return true;
}

static void judge_dangling(struct join *join, struct instance *row)
{
	const struct calico_docker_view *view;
	const struct calico_container *found = NULL;
	char *host, *container;

	if (!split_registrator_id(row->service_id, &host, &container))
		return;
	row->container = in(join->instances, container);
	view = join->feed->docker_feed ? docker_feed_view(join->feed->docker_feed, host) : NULL;
	if (view && view->complete) {
		for (size_t i = 0; i < view->container_count && !found; i++)
			if (strcmp(view->containers[i].name, container) == 0)
				found = &view->containers[i];
		if (!found || !found->running) {
			row->dangling = true;
			row->why =
				found ? arena_printf(&join->instances->arena, "container %s is %s",
						     container, found->status)
				      : arena_printf(&join->instances->arena,
						     "%s has no container %s", host, container);
		}
	}
	free(host);
	free(container);
}

static void judge_duplicate(struct join *join, struct instance *row)
{
	char *key = xasprintf("%s %s %lld", row->service, row->address, (long long)row->port);
	const char *other = strmap_get(&join->places, key);

	if (!other) {
		strmap_put(&join->places, key, (void *)(uintptr_t)row->node);
	} else if (strcmp(other, row->node) != 0) {
		row->duplicate = true;
		if (!*row->why)
			row->why = arena_printf(&join->instances->arena, "also registered on %s",
						other);
	}
	free(key);
}

static struct service *service_row(struct join *join, const char *name)
{
	uintptr_t index = (uintptr_t)strmap_get(&join->rows, name);
	struct service *row;

	if (index)
		return (struct service *)(void *)(join->services->rows +
						  (index - 1) * join->services->row_size);
	row = snapshot_add(join->services);
	row->id = in(join->services, name);
	strmap_put(&join->rows, name, (void *)(uintptr_t)join->services->count);
	return row;
}

static struct text_list list_with(struct snapshot *snapshot, struct text_list list,
				  const char *item)
{
	const char **items;

	for (size_t i = 0; i < list.count; i++)
		if (strcmp(list.items[i], item) == 0)
			return list;
	/* Doubling, so that a service with thousands of instances costs no square. */
	if ((list.count & (list.count - 1)) == 0) {
		items = arena_alloc(&snapshot->arena,
				    (list.count ? list.count * 2 : 1) * sizeof(*items));
		if (list.count)
			memcpy(items, list.items, list.count * sizeof(*items));
	} else {
		items = (const char **)(uintptr_t)list.items;
	}
	items[list.count] = in(snapshot, item);
	return (struct text_list){ items, list.count + 1 };
}

static void add_to_service(struct join *join, const struct instance *instance,
			   const struct node_service *source, enum check_status status)
{
	struct service *row = service_row(join, instance->service);
	enum check_status worst = CHECK_NONE;

	while (worst < CHECK_MAINT && strcmp(status_words[worst], row->status) != 0)
		worst++;
	if (!*row->status || status > worst) {
		row->status = status_words[status];
		row->state = status_states[status];
		row->output = in(join->services, instance->output);
	}
	if (status == CHECK_WARNING)
		row->warning++;
	else if (status >= CHECK_CRITICAL)
		row->critical++;
	else
		row->passing++;
	row->dangling += instance->dangling;
	row->duplicates += instance->duplicate;
	row->nodes = list_with(join->services, row->nodes, instance->node);
	for (size_t i = 0; i < source->tag_count; i++)
		row->tags = list_with(join->services, row->tags, source->tags[i]);
	if (!*row->source)
		row->source = *instance->container ? "reg" : "man";
	else if ((strcmp(row->source, "reg") == 0) != (*instance->container != '\0'))
		row->source = "both";
}

static void add_instance(struct join *join, const struct node *node,
			 const struct node_service *source)
{
	struct consul_feed *feed = join->feed;
	struct instance *row = snapshot_add(join->instances);
	const struct check *own = check_of(feed, node->name, source->id);
	const struct check *nodes = check_of(feed, node->name, "");
	/* The node's checks count when they are worse than fine: a service on a dead host is
	 * critical, whatever its own check said last. */
	const struct check *worst =
		nodes->status > CHECK_PASSING && nodes->status > own->status ? nodes : own;

	row->id = arena_printf(&join->instances->arena, "%s/%s", node->name, source->id);
	row->service_id = in(join->instances, source->id);
	row->service = in(join->instances, source->name);
	row->node = in(join->instances, node->name);
	row->node_address = in(join->instances, node->address);
	row->address = in(join->instances, *source->address ? source->address : node->address);
	row->port = source->port;
	row->tags = snapshot_list(join->instances, source->tags, source->tag_count);
	row->status = status_words[worst->status];
	row->state = status_states[worst->status];
	row->output = in(join->instances, worst->output);
	row->own_agent = strcmp(node->name, model_facts(feed->model)->node) == 0;
	judge_dangling(join, row);
	judge_duplicate(join, row);
	row->since_ms = since(feed, "i", row->id, row->status);
	add_to_service(join, row, source, worst->status);
}

/* Which templates read which service. */
static void add_users(struct join *join)
{
	const struct snapshot *renders = model_current(join->feed->model, MODEL_RENDERS);

	for (size_t i = 0; i < renders->count; i++) {
		const struct render *render = snapshot_row(renders, i);

		for (size_t n = 0; n < render->services.count; n++) {
			const char *name = render->services.items[n];
			struct service *row =
				strmap_has(&join->rows, name) ? service_row(join, name) : NULL;

			if (row)
				row->used_by = list_with(join->services, row->used_by, render->id);
		}
	}
}

static void publish(struct consul_feed *feed)
{
	struct join join = { .feed = feed };

	if (!feed->loaded || !feed->checks_known)
		return;
	join.services = snapshot_new(MODEL_SERVICES);
	join.instances = snapshot_new(MODEL_INSTANCES);
	for (size_t i = 0; i < feed->nodes.count; i++) {
		const struct node *node = feed->nodes.entries[i].value;

		for (size_t n = 0; n < node->count; n++)
			add_instance(&join, node, &node->services[n]);
	}
	add_users(&join);
	for (size_t i = 0; i < join.services->count; i++) {
		struct service *row = (struct service *)(void *)(join.services->rows +
								 i * join.services->row_size);

		row->since_ms = since(feed, "s", row->id, row->status);
	}
	strmap_release(&join.rows);
	strmap_release(&join.places);
	sweep_since(feed, "si");
	model_publish(feed->model, join.instances);
	model_publish(feed->model, join.services);
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
	if (!feed->loaded && feed->members) {
		feed->loaded = true;
		publish_members(feed);
	}
	feed->loaded = true;
	publish(feed);
	if (feed->dirty)
		refresh_soon(feed);
}

static void on_node(void *arg, const struct json *doc, const struct consul_meta *meta,
		    const struct err *err)
{
	struct fetch *fetch = arg;
	struct consul_feed *feed = fetch->feed;

	fetch->call = NULL;
	if (err && err->code != ERR_NOT_FOUND)
		went_down(feed, err);
	else
		came_up(feed, meta);
	if (!err)
		take_node(feed, fetch->node, doc);
	free(fetch->node);
	fetch->node = NULL;
	pump(feed);
}

/* Keep up to PARALLEL requests under way; after the last one, publish. */
static void pump(struct consul_feed *feed)
{
	bool busy = false;

	for (size_t i = 0; i < PARALLEL; i++) {
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
	feed->dirty = false;
	for (size_t i = 0; i < feed->nodes.count; i++) {
		GROW(feed->queue, feed->queued, feed->queue_cap);
		feed->queue[feed->queued++] = xstrdup(feed->nodes.entries[i].key);
	}
	pump(feed);
}

static bool is_reading(const struct consul_feed *feed)
{
	for (size_t i = 0; i < PARALLEL; i++)
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

/* ---- watches ---- */

static void on_nodes(void *arg, const struct json *doc, const struct consul_meta *meta,
		     const struct err *err)
{
	struct consul_feed *feed = arg;

	if (err) {
		went_down(feed, err);
		return;
	}
	came_up(feed, meta);
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
		went_down(arg, err);
		return;
	}
	came_up(arg, meta);
	refresh_soon(arg);
}

static void on_checks(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	struct consul_feed *feed = arg;

	if (err) {
		went_down(feed, err);
		return;
	}
	came_up(feed, meta);
	take_checks(feed, doc);
	refresh_soon(feed);
}

/* ---- members ---- */

static const char *member_status(int64_t number, enum row_state *state)
{
	switch (number) {
	case 1:
		*state = STATE_PASS;
		return "alive";
	case 2:
		*state = STATE_WARN;
		return "leaving";
	case 3:
		*state = STATE_NONE;
		return "left";
	case 4:
		*state = STATE_CRIT;
		return "FAIL";
	default:
		*state = STATE_UNKNOWN;
		return "?";
	}
}

static void count_checks(const struct consul_feed *feed, struct member *row)
{
	struct node *node = strmap_get(&feed->nodes, row->id);
	size_t len = strlen(row->id);

	row->services = node && feed->loaded ? (int64_t)node->count : -1;
	if (!feed->checks_known) {
		row->warning = row->critical = -1;
		return;
	}
	for (size_t i = 0; i < feed->checks.count; i++) {
		const char *key = feed->checks.entries[i].key;
		const struct check *check = feed->checks.entries[i].value;

		if (strncmp(key, row->id, len) != 0 || key[len] != '/')
			continue;
		row->warning += check->status == CHECK_WARNING;
		row->critical += check->status >= CHECK_CRITICAL;
	}
}

/* The leader is known by its address ("10.0.0.1:8300"), people know it by its name. An IPv6
 * address is in brackets and stays as it is. */
static void name_leader(struct consul_feed *feed)
{
	struct model_facts *facts = model_facts_mut(feed->model);
	size_t len = strcspn(feed->leader_address, ":");
	const char *name = feed->leader_address;

	JSON_EACH(item, feed->members)
	{
		const char *address = json_str(item, "Addr", "");

		if (len && strlen(address) == len &&
		    strncmp(address, feed->leader_address, len) == 0)
			name = json_str(item, "Name", "");
	}
	if (strcmp(facts->leader, name) != 0) {
		snprintf(facts->leader, sizeof(facts->leader), "%s", name);
		model_facts_changed(feed->model);
	}
}

static void publish_members(struct consul_feed *feed)
{
	struct snapshot *snapshot = snapshot_new(MODEL_MEMBERS);

	name_leader(feed);
	JSON_EACH(item, feed->members)
	{
		struct member *row = snapshot_add(snapshot);
		const char *build = json_str(item, "Tags.build", "");
		bool is_server = strcmp(json_str(item, "Tags.role", ""), "consul") == 0;

		row->id = in(snapshot, json_str(item, "Name", ""));
		row->address = in(snapshot, json_str(item, "Addr", ""));
		row->role = is_server ? "server" : "client";
		row->build = arena_strndup(&snapshot->arena, build, strcspn(build, ":"));
		row->dc = in(snapshot, json_str(item, "Tags.dc", ""));
		row->status = member_status(json_int(item, "Status", 0), &row->state);
		row->is_leader = strcmp(model_facts(feed->model)->leader, row->id) == 0;
		count_checks(feed, row);
		row->since_ms = since(feed, "m", row->id, row->status);
	}
	model_publish(feed->model, snapshot);
	sweep_since(feed, "m");
}

static void on_members(void *arg, const struct json *doc, const struct consul_meta *meta,
		       const struct err *err)
{
	struct consul_feed *feed = arg;
	bool first = !feed->members;

	feed->members_call = NULL;
	if (err) {
		went_down(feed, err);
		return;
	}
	model_source_alive(feed->model, SOURCE_CONSUL, meta->took_ms);
	json_free(feed->members);
	feed->members = doc ? json_copy(doc) : json_new_array();
	/* The first time, the counts of services follow in a moment: wait for them. */
	if (feed->loaded || !first)
		publish_members(feed);
}

static void on_leader(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	struct consul_feed *feed = arg;

	feed->leader_call = NULL;
	(void)meta;
	if (err)
		return; /* the members call, which follows, says what is wrong */
	snprintf(feed->leader_address, sizeof(feed->leader_address), "%s", json_as_str(doc, ""));
	if (feed->members)
		name_leader(feed);
}

static void on_self(void *arg, const struct json *doc, const struct consul_meta *meta,
		    const struct err *err)
{
	struct consul_feed *feed = arg;
	struct model_facts *facts = model_facts_mut(feed->model);

	feed->self_call = NULL;
	(void)meta;
	if (err) {
		went_down(feed, err);
		return;
	}
	snprintf(facts->datacenter, sizeof(facts->datacenter), "%s",
		 json_str(doc, "Config.Datacenter", ""));
	snprintf(facts->node, sizeof(facts->node), "%s", json_str(doc, "Config.NodeName", ""));
	model_facts_changed(feed->model);
	publish(feed); /* which instances are the own agent's */
}

static void poll_members(void *arg)
{
	struct consul_feed *feed = arg;

	feed->members_timer = loop_timer_start(feed->loop, MEMBERS_PERIOD_MS, poll_members, feed);
	if (!feed->self_call && !*model_facts(feed->model)->node)
		feed->self_call = consul_get(feed->consul, "/v1/agent/self", on_self, feed);
	if (!feed->leader_call)
		feed->leader_call = consul_get(feed->consul, "/v1/status/leader", on_leader, feed);
	if (!feed->members_call)
		feed->members_call =
			consul_get(feed->consul, "/v1/agent/members", on_members, feed);
}

static void on_docker(void *arg)
{
	publish(arg);
}

static void on_renders(void *arg, unsigned bits)
{
	(void)bits;
	publish(arg);
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
	poll_members(feed);
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
	for (size_t i = 0; i < PARALLEL; i++) {
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
	poll_members(feed);
}
