/*
 * One walk over the tree of /calico. Each key is compared with the patterns of the table below;
 * what matches is decoded by its function into growing lists, which are sorted at the end. All
 * texts live in the state's arena.
 */
#include "binnacle/calico/store.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strmap.h"
#include "binnacle/base/text.h"
#include "binnacle/etcd/etcd.h"
#include "resource_v3.h"
#include "state_private.h"

#define PARTS_MAX 8

#define LIST(type)                                                                                 \
	struct {                                                                                   \
		type *items;                                                                       \
		size_t len, cap;                                                                   \
	}

struct store {
	struct calico_state state; /* first: the public face of the same object */
	unsigned refs;
	struct arena arena;
	LIST(struct calico_wep) weps;
	LIST(struct calico_host_endpoint) host_endpoints;
	LIST(struct calico_node) nodes;
	LIST(struct calico_policy) policies;
	LIST(struct calico_profile) profiles;
	LIST(struct calico_pool) pools;
	LIST(struct calico_block) blocks;
	LIST(struct calico_handle) handles;
	LIST(struct calico_affinity) affinities;
};

/* One more element, zeroed: what it gives is valid until the next one. */
#define ADD(list)                                                                                  \
	((list)->items =                                                                           \
		 with_room((list)->items, (list)->len, &(list)->cap, sizeof(*(list)->items)),      \
	 &(list)->items[(list)->len++])

static void *with_room(void *items, size_t len, size_t *cap, size_t size)
{
	if (len == *cap) {
		*cap = *cap ? *cap * 2 : 8;
		items = xreallocarray(items, *cap, size);
	}
	memset((char *)items + len * size, 0, size);
	return items;
}

/* The texts of a profile come in three keys. */
struct profile_texts {
	const char *rules, *tags, *labels;
};

struct walk {
	struct store *store;
	struct strmap nodes;          /* name → index + 1 into store->nodes */
	struct strmap profiles;       /* name → struct profile_texts */
	struct strmap felix_statuses; /* key of the endpoint → status */
};

/* One leaf: its key, the parts of it that stood for a '*' of the pattern, its value. */
struct leaf {
	const char *key, *value;
	const char *parts[PARTS_MAX];
	uint64_t created_index, modified_index;
};

static struct calico_node *node_of(struct walk *walk, const char *name)
{
	size_t index = (size_t)strmap_get(&walk->nodes, name);
	struct calico_node *node;

	if (index)
		return &walk->store->nodes.items[index - 1];
	node = ADD(&walk->store->nodes);
	node->name = arena_strdup(&walk->store->arena, name);
	node->bird_ip = node->tunnel_address = node->bgp_as_num = node->felix_time = "";
	node->bgp_ipv4 = node->bgp_ipv6 = node->bgp_network_v4 = node->bgp_network_v6 = "";
	/* The map holds numbers in the place of pointers: the list moves as it grows. */
	strmap_put(&walk->nodes, name, (void *)walk->store->nodes.len);
	return node;
}

static const char *copy(struct walk *walk, const char *text)
{
	return arena_strdup(&walk->store->arena, text);
}

static void on_ready(struct walk *walk, const struct leaf *leaf)
{
	walk->store->state.ready = strcmp(leaf->value, "true") == 0;
}

static void on_config(struct walk *walk, const struct leaf *leaf)
{
	if (strcmp(leaf->parts[0], "CalicoVersion") == 0)
		walk->store->state.calico_version = copy(walk, leaf->value);
	else if (strcmp(leaf->parts[0], "ClusterGUID") == 0)
		walk->store->state.cluster_guid = copy(walk, leaf->value);
}

static void on_node(struct walk *walk, const struct leaf *leaf)
{
	node_of(walk, leaf->parts[0]);
}

static void on_bird_ip(struct walk *walk, const struct leaf *leaf)
{
	node_of(walk, leaf->parts[0])->bird_ip = copy(walk, leaf->value);
}

static void on_tunnel(struct walk *walk, const struct leaf *leaf)
{
	node_of(walk, leaf->parts[0])->tunnel_address = copy(walk, leaf->value);
}

static void on_as_num(struct walk *walk, const struct leaf *leaf)
{
	if (strmap_has(&walk->nodes, leaf->parts[0]))
		node_of(walk, leaf->parts[0])->bgp_as_num = copy(walk, leaf->value);
}

static void on_global_as_num(struct walk *walk, const struct leaf *leaf)
{
	walk->store->state.bgp_as_num = copy(walk, leaf->value);
}

/* "ip_addr_v4", "network_v4", and for version 6. */
static void on_bgp(struct walk *walk, const struct leaf *leaf)
{
	struct calico_node *node;

	if (!strmap_has(&walk->nodes, leaf->parts[0]))
		return;
	node = node_of(walk, leaf->parts[0]);
	if (strcmp(leaf->parts[1], "ip_addr_v4") == 0)
		node->bgp_ipv4 = copy(walk, leaf->value);
	else if (strcmp(leaf->parts[1], "ip_addr_v6") == 0)
		node->bgp_ipv6 = copy(walk, leaf->value);
	else if (strcmp(leaf->parts[1], "network_v4") == 0)
		node->bgp_network_v4 = copy(walk, leaf->value);
	else if (strcmp(leaf->parts[1], "network_v6") == 0)
		node->bgp_network_v6 = copy(walk, leaf->value);
}

static void on_wep(struct walk *walk, const struct leaf *leaf)
{
	struct arena *arena = &walk->store->arena;
	struct calico_wep_id id;
	struct calico_wep *wep;
	struct err err = { 0 };

	if (!calico_wep_key_split(&id, leaf->key, arena))
		return;
	wep = ADD(&walk->store->weps);
	wep->id = id;
	wep->key = copy(walk, leaf->key);
	wep->value = copy(walk, leaf->value);
	wep->created_index = leaf->created_index;
	wep->modified_index = leaf->modified_index;
	if (!(id.name_space ? calico_wep_decode_v3 : calico_wep_decode)(wep, wep->value, arena,
									&err))
		wep->problem = copy(walk, err.msg);
	node_of(walk, id.node);
}

static void on_host_endpoint(struct walk *walk, const struct leaf *leaf)
{
	struct calico_host_endpoint *hep = ADD(&walk->store->host_endpoints);
	struct strbuf name = STRBUF_INIT;
	struct err err = { 0 };

	calico_name_unescape(&name, leaf->parts[1], strlen(leaf->parts[1]));
	hep->node = copy(walk, leaf->parts[0]);
	hep->name = copy(walk, name.buf);
	hep->key = copy(walk, leaf->key);
	hep->value = copy(walk, leaf->value);
	hep->created_index = leaf->created_index;
	hep->modified_index = leaf->modified_index;
	if (!calico_host_endpoint_decode(hep, hep->value, &walk->store->arena, &err))
		hep->problem = copy(walk, err.msg);
	strbuf_release(&name);
}

static void on_policy(struct walk *walk, const struct leaf *leaf)
{
	struct calico_policy *policy = ADD(&walk->store->policies);
	struct strbuf name = STRBUF_INIT;
	struct err err = { 0 };

	calico_name_unescape(&name, leaf->parts[0], strlen(leaf->parts[0]));
	policy->name = copy(walk, name.buf);
	policy->key = copy(walk, leaf->key);
	policy->value = copy(walk, leaf->value);
	policy->created_index = leaf->created_index;
	policy->modified_index = leaf->modified_index;
	if (!calico_policy_decode(policy, policy->value, &walk->store->arena, &err))
		policy->problem = copy(walk, err.msg);
	strbuf_release(&name);
}

static void on_profile(struct walk *walk, const struct leaf *leaf)
{
	struct profile_texts *texts = strmap_get(&walk->profiles, leaf->parts[0]);

	if (!texts) {
		texts = arena_alloc(&walk->store->arena, sizeof(*texts));
		strmap_put(&walk->profiles, leaf->parts[0], texts);
	}
	if (strcmp(leaf->parts[1], "rules") == 0)
		texts->rules = copy(walk, leaf->value);
	else if (strcmp(leaf->parts[1], "tags") == 0)
		texts->tags = copy(walk, leaf->value);
	else if (strcmp(leaf->parts[1], "labels") == 0)
		texts->labels = copy(walk, leaf->value);
}

static void on_pool(struct walk *walk, const struct leaf *leaf)
{
	struct calico_pool *pool = ADD(&walk->store->pools);
	struct err err = { 0 };

	pool->key = copy(walk, leaf->key);
	pool->value = copy(walk, leaf->value);
	pool->modified_index = leaf->modified_index;
	if (!calico_pool_decode(pool, pool->value, &walk->store->arena, &err))
		pool->problem = copy(walk, err.msg);
}

static void on_block(struct walk *walk, const struct leaf *leaf)
{
	struct calico_block *block;
	struct calico_net cidr;
	struct err err = { 0 };

	if (!calico_block_key_split(&cidr, leaf->key))
		return;
	block = ADD(&walk->store->blocks);
	block->cidr = cidr;
	block->key = copy(walk, leaf->key);
	block->value = copy(walk, leaf->value);
	block->created_index = leaf->created_index;
	block->modified_index = leaf->modified_index;
	if (!calico_block_decode(block, block->value, &walk->store->arena, &err))
		block->problem = copy(walk, err.msg);
	else if (!calico_net_equal(&block->cidr, &cidr))
		block->problem = "the block's cidr is not that of its key";
	if (block->problem)
		block->cidr = cidr;
}

static void on_handle(struct walk *walk, const struct leaf *leaf)
{
	struct calico_handle *handle = ADD(&walk->store->handles);

	handle->id = copy(walk, leaf->parts[0]);
	handle->value = copy(walk, leaf->value);
	handle->modified_index = leaf->modified_index;
}

static void on_affinity(struct walk *walk, const struct leaf *leaf)
{
	struct strbuf key = STRBUF_INIT;
	struct calico_affinity *affinity;
	struct calico_net block;

	strbuf_addf(&key, CALICO_ROOT "/ipam/v2/assignment/%s/block/%s", leaf->parts[1],
		    leaf->parts[2]);
	if (calico_block_key_split(&block, key.buf)) {
		affinity = ADD(&walk->store->affinities);
		affinity->node = copy(walk, leaf->parts[0]);
		affinity->block = block;
	}
	strbuf_release(&key);
}

/* ---- the resources of API v3 ---- */

static void on_cluster(struct walk *walk, const struct leaf *leaf)
{
	v3_cluster_decode(&walk->store->state, leaf->value, &walk->store->arena);
}

static void on_node_v3(struct walk *walk, const struct leaf *leaf)
{
	v3_node_decode(node_of(walk, leaf->parts[0]), leaf->value, &walk->store->arena);
}

static void on_host_endpoint_v3(struct walk *walk, const struct leaf *leaf)
{
	struct calico_host_endpoint *hep = ADD(&walk->store->host_endpoints);
	struct err err = { 0 };

	hep->node = "";
	hep->name = copy(walk, leaf->parts[0]);
	hep->key = copy(walk, leaf->key);
	hep->value = copy(walk, leaf->value);
	hep->created_index = leaf->created_index;
	hep->modified_index = leaf->modified_index;
	if (!calico_host_endpoint_decode_v3(hep, hep->value, &walk->store->arena, &err))
		hep->problem = copy(walk, err.msg);
}

/* Calico writes the names of policies with the tier in front, and shows them without. */
static const char *without_tier(const char *name)
{
	return text_starts_with(name, "default.") ? name + strlen("default.") : name;
}

static void add_policy_v3(struct walk *walk, const struct leaf *leaf, const char *name_space,
			  const char *name)
{
	struct calico_policy *policy = ADD(&walk->store->policies);
	struct err err = { 0 };

	name = without_tier(name);
	policy->name_space = name_space ? copy(walk, name_space) : NULL;
	policy->name = name_space ? arena_printf(&walk->store->arena, "%s/%s", name_space, name)
				  : copy(walk, name);
	policy->key = copy(walk, leaf->key);
	policy->value = copy(walk, leaf->value);
	policy->created_index = leaf->created_index;
	policy->modified_index = leaf->modified_index;
	if (!calico_policy_decode_v3(policy, policy->value, &walk->store->arena, &err))
		policy->problem = copy(walk, err.msg);
}

static void on_global_policy_v3(struct walk *walk, const struct leaf *leaf)
{
	add_policy_v3(walk, leaf, NULL, leaf->parts[0]);
}

static void on_policy_v3(struct walk *walk, const struct leaf *leaf)
{
	add_policy_v3(walk, leaf, leaf->parts[0], leaf->parts[1]);
}

static void on_profile_v3(struct walk *walk, const struct leaf *leaf)
{
	struct calico_profile *profile = ADD(&walk->store->profiles);
	struct err err = { 0 };

	profile->name = copy(walk, leaf->parts[0]);
	if (!calico_profile_decode_v3(profile, leaf->value, &walk->store->arena, &err))
		profile->problem = copy(walk, err.msg);
}

static void on_pool_v3(struct walk *walk, const struct leaf *leaf)
{
	struct calico_pool *pool = ADD(&walk->store->pools);
	struct err err = { 0 };

	pool->key = copy(walk, leaf->key);
	pool->value = copy(walk, leaf->value);
	pool->modified_index = leaf->modified_index;
	if (!calico_pool_decode_v3(pool, pool->value, &walk->store->arena, &err))
		pool->problem = copy(walk, err.msg);
}

/* ---- what felix reports, in both ---- */

/* `status` expires 90 s after felix last wrote it; `last_reported_status` stays. */
static void on_felix(struct walk *walk, const struct leaf *leaf)
{
	bool alive = strcmp(leaf->parts[1], "status") == 0;
	struct calico_node *node;
	struct err err = { 0 };
	struct json *doc;

	if (!alive && strcmp(leaf->parts[1], "last_reported_status") != 0)
		return;
	if (!strmap_has(&walk->nodes, leaf->parts[0]))
		return;
	node = node_of(walk, leaf->parts[0]);
	node->felix_alive = node->felix_alive || alive;
	if (*node->felix_time && !alive)
		return;
	doc = json_parse(leaf->value, strlen(leaf->value), &err);
	node->felix_time = copy(walk, json_str(doc, "time", ""));
	node->felix_uptime_s = json_as_number(json_get(doc, "uptime"), 0);
	json_free(doc);
}

/* Told by the key that the endpoint has or would have in API v1. */
static void on_felix_endpoint(struct walk *walk, const struct leaf *leaf)
{
	struct strbuf key = STRBUF_INIT;
	struct err err = { 0 };
	struct json *doc = json_parse(leaf->value, strlen(leaf->value), &err);

	/* The parts are still escaped, as in the endpoint's own key. */
	strbuf_addf(&key, CALICO_ROOT "/v1/host/%s/workload/%s/%s/endpoint/%s", leaf->parts[0],
		    leaf->parts[1], leaf->parts[2], leaf->parts[3]);
	strmap_put(&walk->felix_statuses, key.buf, (void *)copy(walk, json_str(doc, "status", "")));
	strbuf_release(&key);
	json_free(doc);
}

/* The two below a region, as later versions write them. */
static struct leaf without_region(const struct leaf *leaf)
{
	struct leaf inner = *leaf;

	memmove(&inner.parts[0], &inner.parts[1], sizeof(inner.parts) - sizeof(inner.parts[0]));
	return inner;
}

static void on_felix_v2(struct walk *walk, const struct leaf *leaf)
{
	struct leaf inner = without_region(leaf);

	on_felix(walk, &inner);
}

static void on_felix_endpoint_v2(struct walk *walk, const struct leaf *leaf)
{
	struct leaf inner = without_region(leaf);

	on_felix_endpoint(walk, &inner);
}

static const char *felix_status_of(const struct walk *walk, const struct calico_wep *wep)
{
	struct calico_wep_id id = wep->id;
	struct strbuf key = STRBUF_INIT;
	const char *status;

	id.name_space = NULL;
	calico_wep_key(&key, &id);
	status = strmap_get(&walk->felix_statuses, key.buf);
	strbuf_release(&key);
	return status ? status : "";
}

/* '*' is one part of a key. The second pass is for what is told
 * about nodes elsewhere: only the first says which nodes there are. */
static const struct pattern {
	const char *text;
	void (*on_leaf)(struct walk *walk, const struct leaf *leaf);
	int pass;
} patterns[] = {
	{ "/calico/v1/Ready", on_ready, 1 },
	{ "/calico/v1/config/*", on_config, 1 },
	{ "/calico/v1/host/*", on_node, 1 },
	{ "/calico/v1/host/*/bird_ip", on_bird_ip, 1 },
	{ "/calico/v1/host/*/config/IpInIpTunnelAddr", on_tunnel, 1 },
	{ "/calico/v1/host/*/endpoint/*", on_host_endpoint, 1 },
	{ "/calico/v1/host/*/workload/*/*/endpoint/*", on_wep, 1 },
	{ "/calico/v1/policy/tier/default/policy/*", on_policy, 1 },
	{ "/calico/v1/policy/profile/*/*", on_profile, 1 },
	{ "/calico/v1/ipam/v4/pool/*", on_pool, 1 },
	{ "/calico/v1/ipam/v6/pool/*", on_pool, 1 },
	{ "/calico/ipam/v2/assignment/ipv4/block/*", on_block, 1 },
	{ "/calico/ipam/v2/assignment/ipv6/block/*", on_block, 1 },
	{ "/calico/ipam/v2/handle/*", on_handle, 1 },
	{ "/calico/ipam/v2/host/*/*/block/*", on_affinity, 1 },
	{ "/calico/bgp/v1/global/as_num", on_global_as_num, 2 },
	{ "/calico/bgp/v1/host/*/as_num", on_as_num, 2 },
	{ "/calico/bgp/v1/host/*/*", on_bgp, 2 },
	{ "/calico/felix/v1/host/*/*", on_felix, 2 },
	{ "/calico/felix/v1/host/*/workload/*/*/endpoint/*", on_felix_endpoint, 2 },
	{ "/calico/felix/v2/*/host/*/*", on_felix_v2, 2 },
	{ "/calico/felix/v2/*/host/*/workload/*/*/endpoint/*", on_felix_endpoint_v2, 2 },
	{ CALICO_RESOURCES "/clusterinformations/default", on_cluster, 1 },
	{ CALICO_RESOURCES "/nodes/*", on_node_v3, 1 },
	{ CALICO_RESOURCES "/workloadendpoints/*/*", on_wep, 1 },
	{ CALICO_RESOURCES "/hostendpoints/*", on_host_endpoint_v3, 1 },
	{ CALICO_RESOURCES "/globalnetworkpolicies/*", on_global_policy_v3, 1 },
	{ CALICO_RESOURCES "/networkpolicies/*/*", on_policy_v3, 1 },
	{ CALICO_RESOURCES "/profiles/*", on_profile_v3, 1 },
	{ CALICO_RESOURCES "/ippools/*", on_pool_v3, 1 },
};

/* Does the key fit? Its parts are cut into `scratch` and named by leaf->parts. */
static bool fits(const char *pattern, const char *key, struct leaf *leaf, struct strbuf *scratch)
{
	size_t starts[PARTS_MAX], count = 0;

	strbuf_reset(scratch);
	while (*pattern && *key) {
		if (*pattern != '*') {
			if (*pattern++ != *key++)
				return false;
			continue;
		}
		assert(count < PARTS_MAX);
		starts[count++] = scratch->len;
		strbuf_add(scratch, key, strcspn(key, "/"));
		strbuf_addch(scratch, '\0');
		key += strcspn(key, "/");
		pattern++;
	}
	for (size_t i = 0; i < count; i++)
		leaf->parts[i] = scratch->buf + starts[i];
	return !*pattern && !*key;
}

static void visit(struct walk *walk, const struct json *node, int pass, struct strbuf *scratch)
{
	bool is_dir = json_bool(node, "dir", false);
	struct leaf leaf = { .key = json_str(node, "key", ""),
			     .value = json_str(node, "value", ""),
			     .created_index = (uint64_t)json_int(node, "createdIndex", 0),
			     .modified_index = (uint64_t)json_int(node, "modifiedIndex", 0) };

	for (size_t i = 0; i < COUNT_OF(patterns); i++) {
		/* The folder of a node is enough for it to exist; nothing else is a folder. */
		if (patterns[i].pass == pass && is_dir == (patterns[i].on_leaf == on_node) &&
		    fits(patterns[i].text, leaf.key, &leaf, scratch)) {
			patterns[i].on_leaf(walk, &leaf);
			break;
		}
	}
	JSON_EACH(child, json_member(node, "nodes"))
	{
		visit(walk, child, pass, scratch);
	}
}

static void finish_profiles(struct walk *walk)
{
	struct store *store = walk->store;

	for (size_t i = 0; i < walk->profiles.count; i++) {
		const struct profile_texts *texts = walk->profiles.entries[i].value;
		const char *escaped = walk->profiles.entries[i].key;
		struct calico_profile *profile = ADD(&store->profiles);
		struct strbuf name = STRBUF_INIT;
		struct err err = { 0 };

		calico_name_unescape(&name, escaped, strlen(escaped));
		profile->name = copy(walk, name.buf);
		if (!calico_profile_decode(profile, texts->rules, texts->tags, texts->labels,
					   &store->arena, &err))
			profile->problem = copy(walk, err.msg);
		strbuf_release(&name);
	}
}

int state_by_wep_key(const void *a, const void *b)
{
	return strcmp(((const struct calico_wep *)a)->key, ((const struct calico_wep *)b)->key);
}

static int by_host_endpoint_key(const void *a, const void *b)
{
	return strcmp(((const struct calico_host_endpoint *)a)->key,
		      ((const struct calico_host_endpoint *)b)->key);
}

int state_by_node_name(const void *a, const void *b)
{
	return strcmp(((const struct calico_node *)a)->name, ((const struct calico_node *)b)->name);
}

static int by_policy_order(const void *a, const void *b)
{
	return calico_policy_compare(a, b);
}

int state_by_profile_name(const void *a, const void *b)
{
	return strcmp(((const struct calico_profile *)a)->name,
		      ((const struct calico_profile *)b)->name);
}

static int by_block_address(const void *a, const void *b)
{
	const struct calico_net *x = &((const struct calico_block *)a)->cidr;
	const struct calico_net *y = &((const struct calico_block *)b)->cidr;

	if (x->version != y->version)
		return x->version < y->version ? -1 : 1;
	return memcmp(x->bytes, y->bytes, sizeof(x->bytes));
}

static void sort_all(struct store *store)
{
#define SORT(list, compare)                                                                        \
	do {                                                                                       \
		if (store->list.len)                                                               \
			qsort(store->list.items, store->list.len, sizeof(*store->list.items),      \
			      compare);                                                            \
	} while (0)
	SORT(weps, state_by_wep_key);
	SORT(host_endpoints, by_host_endpoint_key);
	SORT(nodes, state_by_node_name);
	SORT(policies, by_policy_order);
	SORT(profiles, state_by_profile_name);
	SORT(blocks, by_block_address);
#undef SORT
}

static void publish(struct store *store)
{
	struct calico_state *state = &store->state;

	state->weps = store->weps.items;
	state->wep_count = store->weps.len;
	state->host_endpoints = store->host_endpoints.items;
	state->host_endpoint_count = store->host_endpoints.len;
	state->nodes = store->nodes.items;
	state->node_count = store->nodes.len;
	state->policies = store->policies.items;
	state->policy_count = store->policies.len;
	state->profiles = store->profiles.items;
	state->profile_count = store->profiles.len;
	state->pools = store->pools.items;
	state->pool_count = store->pools.len;
	state->blocks = store->blocks.items;
	state->block_count = store->blocks.len;
	state->handles = store->handles.items;
	state->handle_count = store->handles.len;
	state->affinities = store->affinities.items;
	state->affinity_count = store->affinities.len;
}

static void fill(struct store *store, const struct json *root)
{
	struct walk walk = { .store = store };
	struct strbuf scratch = STRBUF_INIT;

	visit(&walk, root, 1, &scratch);
	visit(&walk, root, 2, &scratch);
	finish_profiles(&walk);
	for (size_t i = 0; i < store->weps.len && walk.felix_statuses.count; i++)
		store->weps.items[i].felix_status = felix_status_of(&walk, &store->weps.items[i]);
	for (size_t i = 0; i < store->nodes.len; i++)
		store->nodes.items[i].felix_unknown =
			store->state.api == CALICO_API_V3 && !*store->nodes.items[i].felix_time;
	sort_all(store);
	strbuf_release(&scratch);
	strmap_release(&walk.nodes);
	strmap_release(&walk.profiles);
	strmap_release(&walk.felix_statuses);
}

struct calico_state *calico_state_new(const struct json *doc, const struct etcd_meta *meta,
				      struct err *err)
{
	const struct json *root = json_member(doc, "node");
	struct store *store;

	if (doc && !json_is_object(root)) {
		err_set(err, ERR_FORMAT, "the answer about " CALICO_ROOT " has no node");
		return NULL;
	}
	store = xcalloc(1, sizeof(*store));
	store->refs = 1;
	store->state.exists = root != NULL;
	store->state.api = meta->api == ETCD_V3 ? CALICO_API_V3 : CALICO_API_V1;
	store->state.calico_version = store->state.cluster_guid = store->state.bgp_as_num = "";
	store->state.etcd_index = meta->etcd_index;
	store->state.cluster_id =
		arena_strdup(&store->arena, meta->cluster_id ? meta->cluster_id : "");
	store->state.read_wall_ms = clock_wall_ms();
	store->state.read_mono_ms = clock_mono_ms();
	if (root)
		fill(store, root);
	publish(store);
	return &store->state;
}

struct calico_state *calico_state_ref(struct calico_state *state)
{
	((struct store *)state)->refs++;
	return state;
}

void calico_state_unref(struct calico_state *state)
{
	struct store *store = (struct store *)state;

	if (!store)
		return;
	assert(store->refs > 0);
	if (--store->refs)
		return;
	free(store->weps.items);
	free(store->host_endpoints.items);
	free(store->nodes.items);
	free(store->policies.items);
	free(store->profiles.items);
	free(store->pools.items);
	free(store->blocks.items);
	free(store->handles.items);
	free(store->affinities.items);
	arena_release(&store->arena);
	free(store);
}
