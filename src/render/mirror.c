/*
 * One node holds its services and its checks by their ids, each with a hash of the whole entry,
 * modification index included: a change that is undone at once shows all the same. The rounds
 * count the answers: what the latest one did not name is gone.
 */
#include "mirror.h"

#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "binnacle/base/list.h"
#include "binnacle/base/strmap.h"
#include "binnacle/tmpl/data.h"

struct entry {
	char *service; /* name; "" for a check of the node itself */
	uint64_t hash;
	unsigned round;
	bool failing; /* a check that does not pass */
};

struct node {
	char *name;
	uint64_t hash;                  /* of its entry in the list of nodes; 0: not in the list */
	unsigned round;                 /* of the list */
	uint64_t moved_at;              /* counts changes; for the order of asking */
	struct strmap services, checks; /* id to struct entry */
	struct strmap built;            /* service id to struct check_list, while building */
};

struct check_list {
	struct tmpl_check *first, *last;
};

struct instance {
	const struct tmpl_value *value;
	unsigned filter;
};

struct built {
	struct instance *items;
	size_t count, cap;
};

struct build {
	struct shared_arena *shared;
	struct strmap texts;    /* to values */
	struct strmap services; /* name to struct built */
	mirror_wanted_fn *wanted;
};

struct mirror {
	struct strmap nodes; /* name to struct node */
	unsigned nodes_round, checks_round, round;
	uint64_t moves;
	struct build *build; /* NULL: none now */
	mirror_touched_fn *touched;
	mirror_node_touched_fn *node_touched;
	void *arg;
};

void shared_arena_drop(struct shared_arena **shared)
{
	if (*shared && --(*shared)->refs == 0) {
		arena_release(&(*shared)->arena);
		free(*shared);
	}
	*shared = NULL;
}

struct mirror *mirror_new(mirror_touched_fn *touched, mirror_node_touched_fn *node_touched,
			  void *arg)
{
	struct mirror *mirror = xcalloc(1, sizeof(*mirror));

	mirror->touched = touched;
	mirror->node_touched = node_touched;
	mirror->arg = arg;
	return mirror;
}

static void entry_free(struct entry *entry)
{
	free(entry->service);
	free(entry);
}

static void release_entries(struct strmap *entries)
{
	for (size_t i = 0; i < entries->count; i++)
		entry_free(entries->entries[i].value);
	strmap_release(entries);
}

static void node_free(struct node *node)
{
	release_entries(&node->services);
	release_entries(&node->checks);
	strmap_release(&node->built);
	free(node->name);
	free(node);
}

static void build_free(struct build *build)
{
	for (size_t i = 0; i < build->services.count; i++) {
		struct built *built = build->services.entries[i].value;

		free(built->items);
		free(built);
	}
	strmap_release(&build->services);
	strmap_release(&build->texts);
	shared_arena_drop(&build->shared);
	free(build);
}

void mirror_free(struct mirror *mirror)
{
	if (!mirror)
		return;
	if (mirror->build)
		build_free(mirror->build);
	for (size_t i = 0; i < mirror->nodes.count; i++)
		node_free(mirror->nodes.entries[i].value);
	strmap_release(&mirror->nodes);
	free(mirror);
}

/* ---- what changed ---- */

static void touch(struct mirror *mirror, struct node *node, const char *service)
{
	node->moved_at = ++mirror->moves;
	if (!mirror->build)
		mirror->touched(mirror->arg, service);
}

static void touch_all(struct mirror *mirror, struct node *node)
{
	for (size_t i = 0; i < node->services.count; i++) {
		const struct entry *entry = node->services.entries[i].value;

		touch(mirror, node, entry->service);
	}
}

static void touch_node(struct mirror *mirror, struct node *node)
{
	node->moved_at = ++mirror->moves;
	if (!mirror->build)
		mirror->node_touched(mirror->arg, node->name);
}

/* A check of the node itself counts for each of its services. */
static void touch_check(struct mirror *mirror, struct node *node, const char *service)
{
	if (*service)
		touch(mirror, node, service);
	else
		touch_all(mirror, node);
}

static struct node *node_of(struct mirror *mirror, const char *name)
{
	struct node *node = strmap_get(&mirror->nodes, name);

	if (node)
		return node;
	node = xcalloc(1, sizeof(*node));
	node->name = xstrdup(name);
	strmap_put(&mirror->nodes, name, node);
	return node;
}

/* What the map knows of `id`; a new one has no service yet. */
static struct entry *entry_of(struct strmap *entries, const char *id)
{
	struct entry *entry = strmap_get(entries, id);

	if (!entry) {
		entry = xcalloc(1, sizeof(*entry));
		strmap_put(entries, id, entry);
	}
	return entry;
}

static void set_service(struct entry *entry, const char *service)
{
	if (entry->service && strcmp(entry->service, service) == 0)
		return;
	free(entry->service);
	entry->service = xstrdup(service);
}

/* ---- nodes ---- */

bool mirror_take_nodes(struct mirror *mirror, const struct json *doc)
{
	bool news = false;

	mirror->nodes_round++;
	JSON_EACH(item, doc)
	{
		const char *name = json_str(item, "Node", "");
		uint64_t hash = json_hash(item);
		struct node *node;

		if (!*name)
			continue;
		news |= !strmap_has(&mirror->nodes, name);
		node = node_of(mirror, name);
		node->round = mirror->nodes_round;
		if (node->hash == hash)
			continue;
		node->hash = hash;
		touch_node(mirror, node);
		touch_all(mirror, node);
	}
	for (size_t i = mirror->nodes.count; i-- > 0;) {
		struct node *node = mirror->nodes.entries[i].value;

		if (node->round == mirror->nodes_round)
			continue;
		touch_node(mirror, node);
		touch_all(mirror, node);
		strmap_remove(&mirror->nodes, node->name);
		node_free(node);
	}
	return news;
}

size_t mirror_node_count(const struct mirror *mirror)
{
	return mirror->nodes.count;
}

static int compare_moved(const void *a, const void *b)
{
	const struct node *one = *(struct node *const *)a, *other = *(struct node *const *)b;

	return (one->moved_at < other->moved_at) - (one->moved_at > other->moved_at);
}

void mirror_list_nodes(const struct mirror *mirror, const char **names)
{
	size_t count = mirror->nodes.count;
	struct node **nodes = xreallocarray(NULL, count + 1, sizeof(*nodes));

	for (size_t i = 0; i < count; i++)
		nodes[i] = mirror->nodes.entries[i].value;
	qsort(nodes, count, sizeof(*nodes), compare_moved);
	for (size_t i = 0; i < count; i++)
		names[i] = nodes[i]->name;
	free(nodes);
}

static void build_instance(struct mirror *mirror, struct node *node, const struct json *node_doc,
			   const struct json *service);

static bool forget_old(struct mirror *mirror, struct node *node, struct strmap *entries,
		       unsigned round)
{
	bool any = false;

	for (size_t i = entries->count; i-- > 0;) {
		struct entry *entry = entries->entries[i].value;

		if (entry->round == round)
			continue;
		any = true;
		strmap_remove(entries, entries->entries[i].key);
		touch_check(mirror, node, entry->service);
		entry_free(entry);
	}
	return any;
}

void mirror_take_node(struct mirror *mirror, const char *name, const struct json *doc)
{
	struct node *node = strmap_get(&mirror->nodes, name);
	const struct json *node_doc = json_member(doc, "Node");
	unsigned round = ++mirror->round;
	bool changed = false;

	if (!node)
		return;
	JSON_EACH(item, json_member(doc, "Services"))
	{
		struct entry *entry = entry_of(&node->services, json_key(item));
		const char *service = json_str(item, "Service", "");
		uint64_t hash = json_hash(item);

		if (mirror->build)
			build_instance(mirror, node, node_doc, item);
		entry->round = round;
		if (entry->service && entry->hash == hash)
			continue;
		changed = true;
		entry->hash = hash;
		if (entry->service && strcmp(entry->service, service) != 0)
			touch(mirror, node, entry->service);
		set_service(entry, service);
		touch(mirror, node, service);
	}
	changed |= forget_old(mirror, node, &node->services, round);
	if (changed)
		touch_node(mirror, node);
}

/* ---- checks ---- */

static void build_check(struct mirror *mirror, struct node *node, const struct json *check);

void mirror_begin_checks(struct mirror *mirror)
{
	mirror->checks_round = ++mirror->round;
}

static struct entry *take_check(struct mirror *mirror, const struct json *check)
{
	const char *name = json_str(check, "Node", "");
	const char *service = json_str(check, "ServiceName", "");
	struct node *node = strmap_get(&mirror->nodes, name);
	uint64_t hash = json_hash(check);
	struct entry *entry;

	if (!node)
		return NULL; /* it comes with its node's first appearance in the list */
	entry = entry_of(&node->checks, json_str(check, "CheckID", ""));
	entry->failing = strcmp(json_str(check, "Status", ""), "passing") != 0;
	if (mirror->build)
		build_check(mirror, node, check);
	if (entry->service && entry->hash == hash)
		return entry;
	entry->hash = hash;
	if (entry->service && strcmp(entry->service, service) != 0)
		touch_check(mirror, node, entry->service);
	set_service(entry, service);
	touch_check(mirror, node, service);
	return entry;
}

void mirror_take_check(struct mirror *mirror, const struct json *check)
{
	struct entry *entry = take_check(mirror, check);

	if (entry)
		entry->round = mirror->checks_round;
}

void mirror_end_checks(struct mirror *mirror)
{
	for (size_t i = 0; i < mirror->nodes.count; i++) {
		struct node *node = mirror->nodes.entries[i].value;

		forget_old(mirror, node, &node->checks, mirror->checks_round);
	}
}

void mirror_take_failing_checks(struct mirror *mirror, const struct json *doc)
{
	unsigned round = ++mirror->round;

	JSON_EACH(check, doc)
	{
		struct entry *entry = take_check(mirror, check);

		if (entry)
			entry->round = round;
	}
	/* The others pass now, or are gone: their hashes are not known, so the next complete
	 * answer will find them changed once more. */
	for (size_t i = 0; i < mirror->nodes.count; i++) {
		struct node *node = mirror->nodes.entries[i].value;

		for (size_t k = 0; k < node->checks.count; k++) {
			struct entry *entry = node->checks.entries[k].value;

			if (!entry->failing || entry->round == round)
				continue;
			entry->failing = false;
			touch_check(mirror, node, entry->service);
		}
	}
}

/* ---- building ---- */

void mirror_begin_build(struct mirror *mirror, mirror_wanted_fn *wanted)
{
	struct build *build = xcalloc(1, sizeof(*build));

	if (mirror->build)
		build_free(mirror->build);
	build->shared = xcalloc(1, sizeof(*build->shared));
	build->shared->refs = 1;
	build->wanted = wanted;
	mirror->build = build;
	for (size_t i = 0; i < mirror->nodes.count; i++) {
		struct node *node = mirror->nodes.entries[i].value;

		strmap_release(&node->built);
	}
}

bool mirror_is_building(const struct mirror *mirror)
{
	return mirror->build != NULL;
}

static void build_check(struct mirror *mirror, struct node *node, const struct json *check)
{
	struct build *build = mirror->build;
	struct arena *arena = &build->shared->arena;
	const char *service = json_str(check, "ServiceName", "");
	const char *id = json_str(check, "ServiceID", "");
	struct check_list *list;
	struct tmpl_check *made;

	if (*service && !build->wanted(mirror->arg, service))
		return;
	made = tmpl_check_from_json(arena, &build->texts, check);
	list = strmap_get(&node->built, id);
	if (!list) {
		list = arena_alloc(arena, sizeof(*list));
		strmap_put(&node->built, id, list);
	}
	if (list->last)
		list->last->next = made;
	else
		list->first = made;
	list->last = made;
}

static const struct tmpl_check *checks_of(const struct node *node, const char *id)
{
	const struct check_list *list = strmap_get(&node->built, id);

	return list ? list->first : NULL;
}

static void build_instance(struct mirror *mirror, struct node *node, const struct json *node_doc,
			   const struct json *service)
{
	struct build *build = mirror->build;
	const char *name = json_str(service, "Service", "");
	struct instance instance;
	struct built *built;

	if (!build->wanted(mirror->arg, name))
		return;
	instance.value = tmpl_instance_from_parts(
		&build->shared->arena, &build->texts, node_doc, service, checks_of(node, ""),
		checks_of(node, json_str(service, "ID", "")), &instance.filter);
	built = strmap_get(&build->services, name);
	if (!built) {
		built = xcalloc(1, sizeof(*built));
		strmap_put(&build->services, name, built);
	}
	GROW(built->items, built->count, built->cap);
	built->items[built->count++] = instance;
}

/* Consul compares tags without case. */
static bool has_tag(const struct tmpl_value *instance, const char *tag)
{
	const struct tmpl_value *tags = tmpl_record_get(instance, "Tags");

	for (size_t i = 0; i < tags->u.list.count; i++)
		if (strcasecmp(tags->u.list.items[i]->u.string.text, tag) == 0)
			return true;
	return false;
}

const struct tmpl_value *mirror_built(struct mirror *mirror, const struct dep *dep)
{
	struct build *build = mirror->build;
	const struct built *built = strmap_get(&build->services, dep->name);
	struct arena *arena = &build->shared->arena;
	struct tmpl_value *list = tmpl_list_new(arena, &tmpl_type_health_services);

	for (size_t i = 0; built && i < built->count; i++) {
		const struct instance *instance = &built->items[i];

		if (!(dep->filters & (instance->filter | DEP_FILTER_ANY)))
			continue;
		if (!*dep->tag || has_tag(instance->value, dep->tag))
			tmpl_list_add(arena, list, instance->value);
	}
	tmpl_health_services_sort(list);
	return list;
}

struct shared_arena *mirror_end_build(struct mirror *mirror)
{
	struct shared_arena *shared = mirror->build->shared;

	shared->refs++;
	build_free(mirror->build);
	mirror->build = NULL;
	for (size_t i = 0; i < mirror->nodes.count; i++) {
		struct node *node = mirror->nodes.entries[i].value;

		strmap_release(&node->built);
	}
	return shared;
}
