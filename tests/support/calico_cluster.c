#include "support/calico_cluster.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

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

struct cluster *cluster_new(void)
{
	struct cluster *cluster = xcalloc(1, sizeof(*cluster));

	cluster->index = 10;
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

	snprintf(key, sizeof(key), "/calico/v1/host/%s/metadata", node);
	cluster_put(cluster, key, "{}");
}

const char *cluster_eid(char digit)
{
	static char eid[65];

	memset(eid, digit, 64);
	return eid;
}

const char *cluster_wep_key(const char *node, char eid)
{
	static char key[300];

	snprintf(key, sizeof(key), "/calico/v1/host/%s/workload/libnetwork/libnetwork/endpoint/%s",
		 node, cluster_eid(eid));
	return key;
}

const char *cluster_wep_value(char eid, const char *address)
{
	static char value[400];

	snprintf(value, sizeof(value),
		 "{\"state\":\"active\",\"name\":\"cali%.11s\",\"mac\":\"ee:ee:ee:ee:ee:ee\","
		 "\"profile_ids\":null,\"ipv4_nets\":[\"%s/32\"],\"ipv6_nets\":[]}",
		 cluster_eid(eid), address);
	return value;
}

void cluster_wep(struct cluster *cluster, const char *node, char eid, const char *address)
{
	cluster_put(cluster, cluster_wep_key(node, eid), cluster_wep_value(eid, address));
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
	struct etcd_meta meta = { .etcd_index = (uint64_t)cluster->index, .cluster_id = "c1" };
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

void cluster_push(const struct cluster *cluster, const struct real_etcd *etcd)
{
	for (size_t i = 0; i < cluster->keys.count; i++)
		real_etcd_put(etcd, cluster->keys.entries[i].key,
			      ((const struct key *)cluster->keys.entries[i].value)->value);
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
