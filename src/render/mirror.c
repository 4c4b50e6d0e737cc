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

static bool build_instance(struct mirror *mirror, struct node *node, const struct json *node_doc,
			   const char *name, struct json_text service, struct err *err);

static bool forget_old(struct mirror *mirror, struct node *node, struct strmap *entries,
		       unsigned round)
{
	bool any = false;

	for (size_t i = entries->count; i-- > 0;) {
		struct entry *entry = entries->entries[i].value;

		if (entry->round >= round) /* what was seen since is not gone either */
			continue;
		any = true;
		strmap_remove(entries, entries->entries[i].key);
		touch_check(mirror, node, entry->service);
		entry_free(entry);
	}
	return any;
}

static char *dup_member(struct json_text object, const char *name)
{
	struct json_scan scan = json_scan_begin(object);
	struct json_text key, value;

	while (json_scan_next(&scan, &key, &value))
		if (json_text_is(key, name))
			return json_text_dup(value);
	return NULL;
}

/* One service of a node. *changed: it is not what it was. */
static bool take_service(struct mirror *mirror, struct node *node, const struct json *node_doc,
			 const char *id, struct json_text text, bool *changed, struct err *err)
{
	struct entry *entry = entry_of(&node->services, id);
	uint64_t hash = json_text_hash(text);
	char *name;
	bool ok = true;

	entry->round = mirror->round;
	if (!mirror->build && entry->service && entry->hash == hash)
		return true;
	name = dup_member(text, "Service");
	if (!name)
		return err_set(err, ERR_FORMAT, "a service of node %s has no name", node->name);
	if (mirror->build)
		ok = build_instance(mirror, node, node_doc, name, text, err);
	if (!entry->service || entry->hash != hash) {
		*changed = true;
		entry->hash = hash;
		if (entry->service && strcmp(entry->service, name) != 0)
			touch(mirror, node, entry->service);
		set_service(entry, name);
		touch(mirror, node, name);
	}
	free(name);
	return ok;
}

static bool take_services(struct mirror *mirror, struct node *node, const struct json *node_doc,
			  struct json_text services, bool *changed, struct err *err)
{
	struct json_scan scan = json_scan_begin(services);
	struct json_text key, value;

	while (json_scan_next(&scan, &key, &value)) {
		/* Ids with a quote or worse in them are read twice and compared as they are. */
		char *id = xstrndup(key.at, key.len);
		bool ok = take_service(mirror, node, node_doc, id, value, changed, err);

		free(id);
		if (!ok)
			return false;
	}
	if (scan.failed)
		return err_set(err, ERR_FORMAT, "malformed JSON in the services of node %s",
			       node->name);
	return true;
}

bool mirror_take_node(struct mirror *mirror, const char *name, struct json_text text,
		      struct err *err)
{
	struct node *node = strmap_get(&mirror->nodes, name);
	struct json_scan scan = json_scan_begin(text);
	struct json_text key, value, services = { "null", 4 };
	struct json *node_doc = NULL;
	bool changed = false, ok = true;

	mirror->round++;
	if (!node)
		return true;
	while (ok && json_scan_next(&scan, &key, &value)) {
		if (json_text_is(key, "Services"))
			services = value;
		else if (mirror->build && json_text_is(key, "Node"))
			ok = (node_doc = json_parse(value.at, value.len, err)) != NULL;
	}
	if (ok && scan.failed)
		ok = err_set(err, ERR_FORMAT, "malformed JSON in the answer for node %s", name);
	ok = ok && take_services(mirror, node, node_doc, services, &changed, err);
	json_free(node_doc);
	if (!ok)
		return false; /* what it did not name is not gone */
	changed |= forget_old(mirror, node, &node->services, mirror->round);
	if (changed)
		touch_node(mirror, node);
	return true;
}

/* ---- checks ---- */

static bool build_check(struct mirror *mirror, struct node *node, const char *service,
			struct json_text text, struct err *err);

void mirror_begin_checks(struct mirror *mirror)
{
	mirror->checks_round = ++mirror->round;
}

/* What is needed of a check, as it is written. */
struct check_text {
	struct json_text node, id, service, status;
};

static bool read_check(struct json_text text, struct check_text *out)
{
	struct json_scan scan = json_scan_begin(text);
	struct json_text key, value;

	*out = (struct check_text){ 0 };
	while (json_scan_next(&scan, &key, &value)) {
		if (json_text_is(key, "Node"))
			out->node = value;
		else if (json_text_is(key, "CheckID"))
			out->id = value;
		else if (json_text_is(key, "ServiceName"))
			out->service = value;
		else if (json_text_is(key, "Status"))
			out->status = value;
	}
	return !scan.failed && out->node.len && out->id.len;
}

static bool note_check(struct mirror *mirror, struct node *node, const struct check_text *check,
		       struct json_text text, unsigned round, struct err *err)
{
	char *id = json_text_dup(check->id), *service = json_text_dup(check->service);
	uint64_t hash = json_text_hash(text);
	struct entry *entry;
	bool ok = id != NULL;

	if (!ok)
		err_set(err, ERR_FORMAT, "a check of node %s has no id", node->name);
	if (ok && !service)
		service = xstrdup("");
	if (ok && mirror->build)
		ok = build_check(mirror, node, service, text, err);
	if (ok) {
		entry = entry_of(&node->checks, id);
		entry->round = round;
		entry->failing = !json_text_is(check->status, "\"passing\"");
		if (!entry->service || entry->hash != hash) {
			entry->hash = hash;
			if (entry->service && strcmp(entry->service, service) != 0)
				touch_check(mirror, node, entry->service);
			set_service(entry, service);
			touch_check(mirror, node, service);
		}
	}
	free(id);
	free(service);
	return ok;
}

static bool take_check(struct mirror *mirror, struct json_text text, unsigned round,
		       struct err *err)
{
	struct check_text check;
	struct node *node;
	char *name;

	if (!read_check(text, &check) || !(name = json_text_dup(check.node)))
		return err_set(err, ERR_FORMAT, "malformed JSON in a check");
	node = strmap_get(&mirror->nodes, name);
	free(name);
	/* A node that is not in the list yet comes with its checks when it is. */
	return !node || note_check(mirror, node, &check, text, round, err);
}

bool mirror_take_check(struct mirror *mirror, struct json_text check, struct err *err)
{
	return take_check(mirror, check, mirror->checks_round, err);
}

void mirror_end_checks(struct mirror *mirror)
{
	for (size_t i = 0; i < mirror->nodes.count; i++) {
		struct node *node = mirror->nodes.entries[i].value;

		forget_old(mirror, node, &node->checks, mirror->checks_round);
	}
}

bool mirror_take_failing_checks(struct mirror *mirror, struct json_text text, struct err *err)
{
	struct json_scan scan = json_scan_begin(text);
	struct json_text key, value;
	unsigned round = ++mirror->round;

	while (json_scan_next(&scan, &key, &value))
		if (!take_check(mirror, value, round, err))
			return false;
	if (scan.failed)
		return err_set(err, ERR_FORMAT, "malformed JSON in the list of checks");
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
	return true;
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

static bool build_check(struct mirror *mirror, struct node *node, const char *service,
			struct json_text text, struct err *err)
{
	struct build *build = mirror->build;
	struct arena *arena = &build->shared->arena;
	struct check_list *list;
	struct tmpl_check *made;
	struct json *doc;
	const char *id;

	if (*service && !build->wanted(mirror->arg, service))
		return true;
	doc = json_parse(text.at, text.len, err);
	if (!doc)
		return false;
	id = json_str(doc, "ServiceID", "");
	made = tmpl_check_from_json(arena, &build->texts, doc);
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
	json_free(doc);
	return true;
}

static const struct tmpl_check *checks_of(const struct node *node, const char *id)
{
	const struct check_list *list = strmap_get(&node->built, id);

	return list ? list->first : NULL;
}

static bool build_instance(struct mirror *mirror, struct node *node, const struct json *node_doc,
			   const char *name, struct json_text text, struct err *err)
{
	struct build *build = mirror->build;
	struct instance instance;
	struct built *built;
	struct json *service;

	if (!build->wanted(mirror->arg, name))
		return true;
	service = json_parse(text.at, text.len, err);
	if (!service)
		return false;
	instance.value = tmpl_instance_from_parts(
		&build->shared->arena, &build->texts, node_doc, service, checks_of(node, ""),
		checks_of(node, json_str(service, "ID", "")), &instance.filter);
	json_free(service);
	built = strmap_get(&build->services, name);
	if (!built) {
		built = xcalloc(1, sizeof(*built));
		strmap_put(&build->services, name, built);
	}
	GROW(built->items, built->count, built->cap);
	built->items[built->count++] = instance;
	return true;
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
