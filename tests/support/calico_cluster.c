#include "support/calico_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/encode.h"
#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/strmap.h"
#include "binnacle/etcd/etcd.h"
#include "support/real_etcd.h"

struct key {
	char *value;
	int64_t index;
};

struct cluster {
	struct strmap keys;
	int64_t index;
};

static enum calico_api api;
static char node_of_eid[256][100];

void cluster_use(enum calico_api use)
{
	api = use;
}

/* A resource of API v3 with members of its spec. */
static void put_resource(struct cluster *cluster, const char *path, const char *kind,
			 const char *name, const char *spec)
{
	char *key = xasprintf(CALICO_RESOURCES "/%s/%s", path, name);
	char *value =
		xasprintf("{\"kind\":\"%s\",\"apiVersion\":\"projectcalico.org/v3\",\"metadata\":"
			  "{\"name\":\"%s\"},\"spec\":{%s}}",
			  kind, name, spec);

	cluster_put(cluster, key, value);
	free(key);
	free(value);
}

struct cluster *cluster_new(void)
{
	struct cluster *cluster = xcalloc(1, sizeof(*cluster));

	cluster->index = 10;
	if (api == CALICO_API_V3) {
		put_resource(cluster, "ippools", "IPPool", "pool",
			     "\"cidr\":\"10.0.0.0/8\",\"ipipMode\":\"Never\",\"natOutgoing\":true");
		return cluster;
	}
	cluster_put(cluster, "/calico/v1/ipam/v4/pool/10.0.0.0-8",
		    "{\"cidr\":\"10.0.0.0/8\",\"ipip\":\"\",\"masquerade\":true}");
	return cluster;
}

static void key_free(struct key *key)
{
	if (key)
		free(key->value);
	free(key);
}

void cluster_free(struct cluster *cluster)
{
	for (size_t i = 0; i < cluster->keys.count; i++)
		key_free(cluster->keys.entries[i].value);
	strmap_release(&cluster->keys);
	free(cluster);
}

void cluster_put(struct cluster *cluster, const char *key, const char *value)
{
	struct key *entry;

	cluster->index++;
	if (!value) {
		key_free(strmap_remove(&cluster->keys, key));
		return;
	}
	entry = xcalloc(1, sizeof(*entry));
	entry->value = xstrdup(value);
	entry->index = cluster->index;
	key_free(strmap_put(&cluster->keys, key, entry));
}

void cluster_node(struct cluster *cluster, const char *node)
{
	char key[200];

	if (api == CALICO_API_V3) {
		put_resource(cluster, "nodes", "Node", node, "");
		return;
	}
	snprintf(key, sizeof(key), "/calico/v1/host/%s/metadata", node);
	cluster_put(cluster, key, "{}");
}

void cluster_node_address(struct cluster *cluster, const char *node, const char *address,
			  const char *tunnel)
{
	struct strbuf text = STRBUF_INIT;
	char key[200];

	if (api == CALICO_API_V3) {
		strbuf_addstr(&text, "\"bgp\":{");
		if (address)
			strbuf_addf(&text, "\"ipv4Address\":\"%s/24\"", address);
		if (tunnel)
			strbuf_addf(&text, "%s\"ipv4IPIPTunnelAddr\":\"%s\"", address ? "," : "",
				    tunnel);
		strbuf_addch(&text, '}');
		put_resource(cluster, "nodes", "Node", node, text.buf);
		strbuf_release(&text);
		return;
	}
	snprintf(key, sizeof(key), "/calico/v1/host/%s/bird_ip", node);
	if (address)
		cluster_put(cluster, key, address);
	snprintf(key, sizeof(key), "/calico/v1/host/%s/config/IpInIpTunnelAddr", node);
	if (tunnel)
		cluster_put(cluster, key, tunnel);
}

const char *cluster_eid(char digit)
{
	static char eid[65];

	memset(eid, digit, 64);
	return eid;
}

const char *cluster_wep_key(const char *node, char eid)
{
	static struct strbuf key = STRBUF_INIT;
	const struct calico_wep_id id = {
		.node = node,
		.orchestrator = CALICO_LIBNETWORK,
		.workload = CALICO_LIBNETWORK,
		.endpoint = cluster_eid(eid),
		.name_space = api == CALICO_API_V3 ? "libnetwork" : NULL,
	};

	snprintf(node_of_eid[(unsigned char)eid], sizeof(node_of_eid[0]), "%s", node);
	strbuf_reset(&key);
	calico_wep_key(&key, &id);
	return key.buf;
}

/* The address, with the mask of one address unless it has its own. */
static const char *net_of(const char *address)
{
	static char net[60];

	snprintf(net, sizeof(net), "%s%s", address, strchr(address, '/') ? "" : "/32");
	return net;
}

static char *wep_value_v3(const struct calico_wep_id *id, const char *address)
{
	struct strbuf key = STRBUF_INIT;
	char *value;

	calico_wep_key(&key, id);
	value = xasprintf(
		"{\"kind\":\"WorkloadEndpoint\",\"apiVersion\":\"projectcalico.org/v3\","
		"\"metadata\":{\"name\":\"%s\",\"namespace\":\"%s\",\"labels\":{"
		"\"projectcalico.org/namespace\":\"%s\",\"projectcalico.org/"
		"orchestrator\":\"%s\"}},"
		"\"spec\":{\"orchestrator\":\"%s\",\"workload\":\"%s\",\"node\":\"%s\","
		"\"endpoint\":\"%s\",\"ipNetworks\":[\"%s\"],\"interfaceName\":\"cali%.11s\","
		"\"mac\":\"ee:ee:ee:ee:ee:ee\"}}",
		strrchr(key.buf, '/') + 1, id->name_space, id->name_space, id->orchestrator,
		id->orchestrator, id->workload, id->node, id->endpoint, net_of(address),
		id->endpoint);
	strbuf_release(&key);
	return value;
}

const char *cluster_foreign_wep(struct cluster *cluster, const char *node, const char *address)
{
	static struct strbuf key = STRBUF_INIT;
	const struct calico_wep_id id = { .node = node,
					  .orchestrator = "k8s",
					  .workload = api == CALICO_API_V3 ? "pod" : "ns/pod",
					  .endpoint = "eth0",
					  .name_space = api == CALICO_API_V3 ? "ns" : NULL };
	char *value = api == CALICO_API_V3 ? wep_value_v3(&id, address)
					   : xstrdup(cluster_wep_value('c', address));

	strbuf_reset(&key);
	calico_wep_key(&key, &id);
	cluster_put(cluster, key.buf, value);
	free(value);
	return key.buf;
}

const char *cluster_wep_value(char eid, const char *address)
{
	static char value[1200];
	const struct calico_wep_id id = { .node = node_of_eid[(unsigned char)eid],
					  .orchestrator = CALICO_LIBNETWORK,
					  .workload = CALICO_LIBNETWORK,
					  .endpoint = cluster_eid(eid),
					  .name_space = "libnetwork" };
	char *text = wep_value_v3(&id, address);

	if (api == CALICO_API_V3)
		snprintf(value, sizeof(value), "%s", text);
	else
		snprintf(value, sizeof(value),
			 "{\"state\":\"active\",\"name\":\"cali%.11s\","
			 "\"mac\":\"ee:ee:ee:ee:ee:ee\",\"profile_ids\":null,"
			 "\"ipv4_nets\":[\"%s\"],\"ipv6_nets\":[]}",
			 cluster_eid(eid), net_of(address));
	free(text);
	return value;
}

void cluster_wep(struct cluster *cluster, const char *node, char eid, const char *address)
{
	char *key = xstrdup(cluster_wep_key(node, eid));

	cluster_put(cluster, key, cluster_wep_value(eid, address));
	free(key);
}

static bool is_taken(const int *taken, int slot)
{
	for (; *taken >= 0; taken++)
		if (*taken == slot)
			return true;
	return false;
}

const char *cluster_block_value(const char *cidr, const char *node, const int *taken)
{
	static struct strbuf value = STRBUF_INIT;
	const char *comma = "";

	strbuf_reset(&value);
	strbuf_addf(&value, "{\"cidr\":\"%s\",\"affinity\":", cidr);
	if (node)
		strbuf_addf(&value, "\"host:%s\"", node);
	else
		strbuf_addstr(&value, "null");
	strbuf_addstr(&value, ",\"strictAffinity\":false,\"allocations\":[");
	for (int i = 0; i < 64; i++)
		strbuf_addf(&value, "%s%s", i ? "," : "",
			    is_taken(taken, i)          ? "0"
			    : is_taken(taken, i + 1000) ? "1"
							: "null");
	strbuf_addstr(&value, "],\"unallocated\":[");
	for (int i = 0; i < 64; i++) {
		if (is_taken(taken, i) || is_taken(taken, i + 1000))
			continue;
		strbuf_addf(&value, "%s%d", comma, i);
		comma = ",";
	}
	strbuf_addstr(&value, "],\"attributes\":[{\"handle_id\":null,\"secondary\":null},"
			      "{\"handle_id\":\"k8s-pod-network.1\",\"secondary\":{}}]}");
	return value.buf;
}

void cluster_block(struct cluster *cluster, const char *cidr, const char *node, const int *taken)
{
	struct strbuf key = STRBUF_INIT;
	struct calico_net net;

	if (!calico_net_parse(&net, cidr))
		abort();
	calico_block_key(&key, &net);
	cluster_put(cluster, key.buf, cluster_block_value(cidr, node, taken));
	strbuf_release(&key);
}

/* The folders are left out but for those of nodes: nobody looks at the others. */
struct calico_state *cluster_state(const struct cluster *cluster)
{
	struct etcd_meta meta = { .api = api == CALICO_API_V3 ? ETCD_V3 : ETCD_V2,
				  .etcd_index = (uint64_t)cluster->index,
				  .cluster_id = "c1" };
	struct json *doc = json_new_object(), *root = json_add_object(doc, "node"), *list;
	struct calico_state *state;
	struct err err = { 0 };

	json_add_str(root, "key", "/calico");
	json_add_bool(root, "dir", true);
	list = json_add_array(root, "nodes");
	for (size_t i = 0; i < cluster->keys.count; i++) {
		const struct key *key = cluster->keys.entries[i].value;
		struct json *node = json_add_object(list, NULL);
		const char *name = cluster->keys.entries[i].key;

		json_add_str(node, "key", name);
		json_add_str(node, "value", key->value);
		json_add_int(node, "createdIndex", key->index);
		json_add_int(node, "modifiedIndex", key->index);
		if (strncmp(name, "/calico/v1/host/", 16) == 0) {
			char *folder = xstrndup(name, 16 + strcspn(name + 16, "/"));

			node = json_add_object(list, NULL);
			json_add_str(node, "key", folder);
			json_add_bool(node, "dir", true);
			free(folder);
		}
	}
	state = calico_state_new(doc, &meta, &err);
	if (!state)
		abort();
	json_free(doc);
	return state;
}

static void clear(const struct real_etcd *etcd)
{
	struct strbuf body = STRBUF_INIT;
	int status;

	if (api == CALICO_API_V1) {
		free(real_etcd_request(etcd, "DELETE", "/v2/keys/calico?recursive=true", NULL,
				       NULL));
		return;
	}
	/* From "/calico/" up to "/calico0". */
	strbuf_addstr(&body, "{\"key\":\"L2NhbGljby8=\",\"range_end\":\"L2NhbGljbzA=\"}");
	free(real_etcd_call(etcd, "/kv/deleterange", NULL, body.buf, &status));
	if (status != 200)
		abort();
	strbuf_release(&body);
}

void cluster_push(const struct cluster *cluster, const struct real_etcd *etcd)
{
	clear(etcd);
	for (size_t i = 0; i < cluster->keys.count; i++)
		cluster_store(etcd, cluster->keys.entries[i].key,
			      ((const struct key *)cluster->keys.entries[i].value)->value);
}

void cluster_store(const struct real_etcd *etcd, const char *key, const char *value)
{
	char *path;

	if (api == CALICO_API_V3) {
		real_etcd3_put(etcd, key, value);
	} else if (value) {
		real_etcd_put(etcd, key, value);
	} else {
		path = xasprintf("/v2/keys%s", key);
		free(real_etcd_request(etcd, "DELETE", path, NULL, NULL));
		free(path);
	}
}

char *cluster_stored(const struct real_etcd *etcd, const char *key)
{
	struct strbuf body = STRBUF_INIT, value = STRBUF_INIT;
	const char *path = api == CALICO_API_V3 ? "value" : "node.value";
	struct err err;
	struct json *doc;
	char *text;

	if (api == CALICO_API_V3) {
		strbuf_addstr(&body, "{\"key\":\"");
		base64_encode(&body, key, strlen(key), BASE64_STANDARD);
		strbuf_addstr(&body, "\"}");
		text = real_etcd_call(etcd, "/kv/range", NULL, body.buf, NULL);
		doc = json_parse(text, strlen(text), &err);
		path = json_str(json_first(json_get(doc, "kvs")), path, "");
		base64_decode(&value, path, strlen(path), BASE64_STANDARD, NULL);
	} else {
		strbuf_addf(&body, "/v2/keys%s", key);
		text = real_etcd_request(etcd, "GET", body.buf, NULL, NULL);
		doc = json_parse(text, strlen(text), &err);
		strbuf_addstr(&value, json_str(doc, path, ""));
	}
	free(text);
	json_free(doc);
	strbuf_release(&body);
	return strbuf_detach(&value, NULL);
}

struct calico_docker_view *cluster_view(const char *source)
{
	struct calico_docker_view *view = calico_docker_view_new(source);
	struct json *info = json_new_object();
	struct err err = { 0 };

	json_add_str(info, "ID", source);
	json_add_str(info, "Name", source);
	json_add_str(info, "ClusterAdvertise", "192.0.2.1:2376");
	if (!calico_docker_view_add_info(view, info, &err))
		abort();
	json_free(info);
	calico_docker_view_finish(view, NULL, false);
	return view;
}

void cluster_container(struct calico_docker_view *view, const struct cluster_container *container)
{
	struct json *doc = json_new_object(), *part, *network;
	struct err err = { 0 };

	json_add_str(doc, "Id", container->name);
	json_add(doc, "Name", json_new_str(container->name));
	part = json_add_object(doc, "State");
	json_add_str(part, "Status", container->status ? container->status : "running");
	json_add_str(part, "Error", container->error ? container->error : "");
	json_add_str(part, "StartedAt",
		     container->started ? container->started : "0001-01-01T00:00:00Z");
	json_add_str(part, "FinishedAt",
		     container->finished ? container->finished : "0001-01-01T00:00:00Z");
	part = json_add_object(json_add_object(doc, "Config"), "Labels");
	if (container->label)
		json_add_str(part, container->label, "x");
	part = json_add_object(json_add_object(doc, "NetworkSettings"), "Networks");
	network = json_add_object(part, "calico-net");
	json_add_str(network, "EndpointID", container->eid ? cluster_eid(container->eid) : "");
	json_add_str(network, "IPAddress", container->address ? container->address : "");
	if (container->wanted)
		json_add_str(json_add_object(network, "IPAMConfig"), "IPv4Address",
			     container->wanted);
	else
		json_add_null(network, "IPAMConfig");
	if (!calico_docker_view_add_container(view, doc, &err))
		abort();
	json_free(doc);
}

void cluster_record(struct calico_docker_view *view, char eid, const char *name,
		    const char *address, bool is_record)
{
	struct json *doc = json_new_object(), *entry;
	struct strbuf text = STRBUF_INIT;
	struct err err = { 0 };

	json_add_str(doc, "Id", "4e1c");
	json_add_str(doc, "Name", "calico-net");
	strbuf_addf(&text, "%s%s", is_record ? "ep-" : "", is_record ? cluster_eid(eid) : name);
	entry = json_add_object(json_add_object(doc, "Containers"), text.buf);
	json_add_str(entry, "Name", name);
	json_add_str(entry, "EndpointID", cluster_eid(eid));
	strbuf_reset(&text);
	strbuf_addf(&text, "%s/32", address);
	json_add_str(entry, "IPv4Address", text.buf);
	if (!calico_docker_view_add_network(view, doc, &err))
		abort();
	strbuf_release(&text);
	json_free(doc);
}
