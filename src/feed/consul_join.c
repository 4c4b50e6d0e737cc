/* Services and instances from what is known of nodes, checks, containers and templates. */
#include "consul_feed_private.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/text.h"
#include "binnacle/consul/consul.h"
#include "binnacle/feed/docker_feed.h"

const char *consul_feed_text(struct snapshot *snapshot, const char *text)
{
	return text && *text ? arena_strdup(&snapshot->arena, text) : "";
}

int64_t consul_feed_since(struct consul_feed *feed, const char *kind, const char *id,
			  const char *status)
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

void consul_feed_sweep(struct consul_feed *feed, const char *kinds)
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

static const struct check *check_of(const struct consul_feed *feed, const char *node,
				    const char *service_id)
{
	static const struct check none = { CHECK_NONE, NULL };
	char *key = xasprintf("%s/%s", node, service_id);
	const struct check *check = strmap_get(&feed->checks, key);

	free(key);
	return check ? check : &none;
}

struct join {
	struct consul_feed *feed;
	struct snapshot *services, *instances;
	struct strmap rows;   /* service name -> index + 1 into services */
	struct strmap places; /* "service address port" -> index + 1 of the first one */
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
	row->container = consul_feed_text(join->instances, container);
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

static struct instance *instance_at(const struct join *join, size_t index)
{
	return (struct instance *)(void *)(join->instances->rows +
					   index * join->instances->row_size);
}

/* What speaks for its being the one that is left over; NULL: nothing. */
static const char *against(const struct join *join, const struct instance *row)
{
	const struct check *node = check_of(join->feed, row->node, "");

	if (row->dangling)
		return row->why;
	if (node->status >= CHECK_CRITICAL)
		return arena_printf(&join->instances->arena, "its node %s is failing", row->node);
	return NULL;
}

/* One of two at the same place: who is the other, and which of them is probably dead. */
static void tell_duplicate(const struct join *join, struct instance *row,
			   const struct instance *other)
{
	const char *mine = against(join, row), *theirs = against(join, other);
	struct arena *arena = &join->instances->arena;

	row->duplicate = true;
	row->is_surplus = mine && !theirs;
	if (row->dangling)
		return;
	if (mine)
		row->why = arena_printf(arena, "also registered on %s, and %s", other->node, mine);
	else if (theirs)
		row->why =
			arena_printf(arena, "also registered on %s, where %s", other->node, theirs);
	else
		row->why = arena_printf(arena, "also registered on %s", other->node);
}

/* Both are flagged: that the first one was read first says nothing. */
static void judge_duplicate(struct join *join, size_t index)
{
	struct instance *row = instance_at(join, index), *other;
	char *key = xasprintf("%s %s %lld", row->service, row->address, (long long)row->port);
	uintptr_t first = (uintptr_t)strmap_get(&join->places, key);

	if (!first) {
		strmap_put(&join->places, key, (void *)(uintptr_t)(index + 1));
	} else {
		other = instance_at(join, first - 1);
		if (strcmp(other->node, row->node) != 0) {
			if (!other->duplicate)
				tell_duplicate(join, other, row);
			tell_duplicate(join, row, other);
		}
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
	row->id = consul_feed_text(join->services, name);
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
	items[list.count] = consul_feed_text(snapshot, item);
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
		row->output = consul_feed_text(join->services, instance->output);
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
	row->service_id = consul_feed_text(join->instances, source->id);
	row->service = consul_feed_text(join->instances, source->name);
	row->node = consul_feed_text(join->instances, node->name);
	row->node_address = consul_feed_text(join->instances, node->address);
	row->address = consul_feed_text(join->instances,
					*source->address ? source->address : node->address);
	row->port = source->port;
	row->tags = snapshot_list(join->instances, source->tags, source->tag_count);
	row->status = status_words[worst->status];
	row->state = status_states[worst->status];
	row->output = consul_feed_text(join->instances, worst->output);
	row->own_agent = strcmp(node->name, model_facts(feed->model)->node) == 0;
	judge_dangling(join, row);
	judge_duplicate(join, join->instances->count - 1);
	row->since_ms = consul_feed_since(feed, "i", row->id, row->status);
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

void consul_feed_publish(struct consul_feed *feed)
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

		row->since_ms = consul_feed_since(feed, "s", row->id, row->status);
	}
	strmap_release(&join.rows);
	strmap_release(&join.places);
	consul_feed_sweep(feed, "si");
	model_publish(feed->model, join.instances);
	model_publish(feed->model, join.services);
}
