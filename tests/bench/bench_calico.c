/* 10,000 Calico endpoints, the 2,000 containers that are left of them, and 2,000 addresses that
 * nobody has: what a look at the left-overs costs, against parsing etcd's answer alone. */
#include <stdio.h>
#include <string.h>

#include "bench/bench.h"
#include "binnacle/base/json.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/calico/verdict.h"
#include "binnacle/etcd/etcd.h"

enum { NODES = 10, ENDPOINTS = 10000, CONTAINERS = 2000, SLOTS = 12000, BLOCK = 64 };
enum { NOW_MS = 1000000 };

struct scene {
	struct strbuf body;
	struct etcd_meta meta;
	struct json *inspects[CONTAINERS];
	struct calico_source sources[NODES];
	char nodes[NODES][16];
	struct calico_state *state;
	struct calico_history *history;
};

/* Spread as hashes are, the same in each run. */
static const char *endpoint_id(int endpoint)
{
	static char id[65];

	for (int i = 0; i < 4; i++)
		snprintf(id + i * 16, 17, "%016llx",
			 (unsigned long long)(endpoint + 1) * (i + 1) * 0x9e3779b97f4a7c15ull);
	return id;
}

static const char *address_of(int endpoint)
{
	static char address[20];

	snprintf(address, sizeof(address), "10.0.%d.%d", endpoint / 256, endpoint % 256);
	return address;
}

static void add_leaf(struct json *list, const char *key, const char *value, int index)
{
	struct json *leaf = json_add_object(list, NULL);

	json_add_str(leaf, "key", key);
	json_add_str(leaf, "value", value);
	json_add_int(leaf, "createdIndex", index);
	json_add_int(leaf, "modifiedIndex", index);
}

static struct json *add_folder(struct json *list, const char *key)
{
	struct json *folder = json_add_object(list, NULL);

	json_add_str(folder, "key", key);
	json_add_bool(folder, "dir", true);
	return json_add_array(folder, "nodes");
}

/* The folders between a node and its endpoints are left out. */
static void add_node(struct json *list, const char *node, int first)
{
	char key[300], value[300];
	struct json *folder;

	snprintf(key, sizeof(key), "/calico/v1/host/%s", node);
	folder = add_folder(list, key);
	snprintf(key, sizeof(key), "/calico/v1/host/%s/metadata", node);
	add_leaf(folder, key, "{}", 3);
	for (int i = first; i < ENDPOINTS; i += NODES) {
		snprintf(key, sizeof(key),
			 "/calico/v1/host/%s/workload/libnetwork/libnetwork/endpoint/%s", node,
			 endpoint_id(i));
		snprintf(value, sizeof(value),
			 "{\"state\":\"active\",\"name\":\"cali%.11s\",\"mac\":\"ee:ee:ee:ee:ee:"
			 "ee\","
			 "\"profile_ids\":[\"calico\"],\"ipv4_nets\":[\"%s/32\"],\"ipv6_nets\":[]}",
			 endpoint_id(i), address_of(i));
		add_leaf(folder, key, value, 10 + i);
	}
}

static void add_block(struct json *list, int first)
{
	struct strbuf value = STRBUF_INIT;
	char key[100];

	strbuf_addf(&value, "{\"cidr\":\"%s/26\",\"affinity\":\"host:dock-%d\",\"allocations\":[",
		    address_of(first), first / BLOCK % NODES);
	for (int i = 0; i < BLOCK; i++)
		strbuf_addstr(&value, !i ? "0" : first + i < SLOTS ? ",0" : ",null");
	strbuf_addstr(&value, "],\"unallocated\":[],\"strictAffinity\":false,\"attributes\":"
			      "[{\"handle_id\":null,\"secondary\":null}]}");
	snprintf(key, sizeof(key), "/calico/ipam/v2/assignment/ipv4/block/%s-26",
		 address_of(first));
	add_leaf(list, key, value.buf, 20000 + first);
	strbuf_release(&value);
}

static void fill_body(struct scene *scene)
{
	struct json *doc = json_new_object(), *list = json_add_object(doc, "node");

	json_add_str(list, "key", "/calico");
	json_add_bool(list, "dir", true);
	list = json_add_array(list, "nodes");
	add_leaf(list, "/calico/v1/ipam/v4/pool/10.0.0.0-8", "{\"cidr\":\"10.0.0.0/8\"}", 2);
	for (int i = 0; i < NODES; i++) {
		snprintf(scene->nodes[i], sizeof(scene->nodes[i]), "dock-%d", i);
		add_node(list, scene->nodes[i], i);
	}
	for (int i = 0; i < SLOTS; i += BLOCK)
		add_block(list, i);
	json_print(&scene->body, doc);
	json_free(doc);
}

static struct json *inspect_of(int container)
{
	struct json *doc = json_new_object(), *part;
	char name[20];

	snprintf(name, sizeof(name), "/web-%d", container);
	json_add_str(doc, "Id", endpoint_id(container + SLOTS));
	json_add_str(doc, "Name", name);
	part = json_add_object(doc, "State");
	json_add_str(part, "Status", container % 10 ? "running" : "exited");
	part = json_add_object(json_add_object(doc, "NetworkSettings"), "Networks");
	part = json_add_object(part, "calico-net");
	json_add_str(part, "EndpointID", endpoint_id(container));
	json_add_str(part, "IPAddress", address_of(container));
	return doc;
}

static struct json *parse(const struct scene *scene)
{
	struct err err = { 0 };
	struct json *doc = json_parse(scene->body.buf, scene->body.len, &err);

	bench_require(doc != NULL, err.msg);
	return doc;
}

static void parse_alone(void *arg)
{
	json_free(parse(arg));
}

static struct calico_state *state_of(const struct scene *scene)
{
	struct json *doc = parse(scene);
	struct err err = { 0 };
	struct calico_state *state = calico_state_new(doc, &scene->meta, &err);

	bench_require(state && state->wep_count == ENDPOINTS, "the state is not complete");
	json_free(doc);
	return state;
}

static void parse_and_decode(void *arg)
{
	calico_state_unref(state_of(arg));
}

static void fill_views(void *arg)
{
	struct scene *scene = arg;
	struct err err = { 0 };

	for (int i = 0; i < NODES; i++) {
		struct calico_docker_view *view = calico_docker_view_new(scene->nodes[i]);

		for (int k = i; k < CONTAINERS; k += NODES)
			bench_require(
				calico_docker_view_add_container(view, scene->inspects[k], &err),
				err.msg);
		calico_docker_view_finish(view, NULL, false);
		view->started_mono_ms = NOW_MS;
		calico_docker_view_unref((struct calico_docker_view *)scene->sources[i].view);
		scene->sources[i] = (struct calico_source){ .node = scene->nodes[i],
							    .confirmed = true,
							    .view = view };
	}
}

static void judge(void *arg)
{
	struct scene *scene = arg;
	struct calico_report *report = calico_judge(&(struct calico_evidence_base){
		.state = scene->state,
		.sources = scene->sources,
		.source_count = NODES,
		.history = scene->history,
		.now_mono_ms = NOW_MS,
	});
	size_t counts[CALICO_STALE + 1] = { 0 }, orphans = 0;

	for (size_t i = 0; i < report->wep_count; i++)
		counts[report->weps[i].verdict]++;
	for (size_t i = 0; i < report->slot_count; i++)
		orphans += report->slots[i].kind == CALICO_SLOT_ORPHAN;
	bench_require(counts[CALICO_LIVE] == CONTAINERS / 10 * 9 &&
			      counts[CALICO_HELD] == CONTAINERS / 10 &&
			      counts[CALICO_STALE] == ENDPOINTS - CONTAINERS &&
			      report->slot_count == SLOTS && orphans == SLOTS - ENDPOINTS,
		      "the verdicts are not those that were arranged");
	calico_report_free(report);
}

static void measure(struct scene *scene, const char *what, bench_fn *run)
{
	bench_run(&(struct bench){ .what = what,
				   .run = run,
				   .baseline = "json_parse of etcd's answer",
				   .run_baseline = parse_alone,
				   .arg = scene,
				   .memory = true });
}

int main(int argc, char **argv)
{
	static struct scene scene = { .body = STRBUF_INIT,
				      .meta = { .etcd_index = 90000, .cluster_id = "c1" } };

	fill_body(&scene);
	for (int i = 0; i < CONTAINERS; i++)
		scene.inspects[i] = inspect_of(i);
	fill_views(&scene);
	scene.state = state_of(&scene);
	scene.history = calico_history_new();
	calico_history_observe(scene.history, scene.state, NOW_MS - CALICO_GRACE_MS);
	calico_history_observe(scene.history, scene.state, NOW_MS);

	bench_begin(argc, argv);
	measure(&scene, "calico: parse and decode 10000 endpoints", parse_and_decode);
	measure(&scene, "calico: views of 2000 containers", fill_views);
	measure(&scene, "calico: judge them", judge);

	calico_history_free(scene.history);
	calico_state_unref(scene.state);
	for (int i = 0; i < NODES; i++)
		calico_docker_view_unref((struct calico_docker_view *)scene.sources[i].view);
	for (int i = 0; i < CONTAINERS; i++)
		json_free(scene.inspects[i]);
	strbuf_release(&scene.body);
	return 0;
}
