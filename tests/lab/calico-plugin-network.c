/*
 * calico-plugin-network.c - endpoints: their keys in etcd, their interfaces, their labels
 *
 * Join and Leave only touch interfaces, CreateEndpoint and DeleteEndpoint only touch etcd. That
 * split is Calico's, and it is why an endpoint survives in etcd when etcd cannot be reached while
 * the container goes.
 */
#include "calico-plugin.h"

#include <fcntl.h>
#include <spawn.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	KEY_CHARS_MAX = 512,
	/* Linux allows 15 characters of an interface name: 4 of prefix, 11 of the endpoint's id. */
	INTERFACE_ID_CHARS = 11,
	LABEL_POLL_MS = 100,
	LABEL_TRIES_MAX = 50,
};

static const char label_prefix[] = "org.projectcalico.label.";
static const char link_local_gateway[] = "169.254.1.1";
static const char fixed_mac[] = "ee:ee:ee:ee:ee:ee";

extern char **environ;

static const char *string_of(const cJSON *object, const char *name)
{
	const cJSON *item = cJSON_GetObjectItemCaseSensitive(object, name);

	return cJSON_IsString(item) ? item->valuestring : "";
}

/* Ids go into keys and interface names: only what Docker really makes of them is let through. */
static bool is_id(const char *text)
{
	return strlen(text) >= INTERFACE_ID_CHARS && strlen(text) <= 64 &&
	       strspn(text, "0123456789abcdef") == strlen(text);
}

static void endpoint_dir(const struct plugin *p, char *key, size_t size)
{
	snprintf(key, size, "/calico/v1/host/%s/workload/libnetwork/libnetwork/endpoint", p->node);
}

static void endpoint_key(const struct plugin *p, const char *id, char *key, size_t size)
{
	snprintf(key, size, "/calico/v1/host/%s/workload/libnetwork/libnetwork/endpoint/%s",
		 p->node, id);
}

/* True when the program ended with status 0. What it has to say goes to our log. */
static bool run_program(const char *const argv[])
{
	pid_t pid;
	int status;

	if (posix_spawnp(&pid, argv[0], NULL, NULL, (char *const *)argv, environ) != 0)
		return false;
	if (waitpid(pid, &status, 0) != pid)
		return false;
	return WIFEXITED(status) && WEXITSTATUS(status) == 0;
}

void network_create(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	const cJSON *data =
		cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(request, "IPv4Data"), 0);

	(void)p;
	if (data != NULL &&
	    strcmp(string_of(data, "AddressSpace"), "CalicoGlobalAddressSpace") != 0 &&
	    strcmp(string_of(data, "AddressSpace"), "CalicoLocalAddressSpace") != 0) {
		reply_fail(reply, "Non-Calico IPAM driver is used");
		return;
	}
	if (data != NULL && strcmp(string_of(data, "Gateway"), "0.0.0.0/0") != 0) {
		reply_fail(reply, "Non-empty gateway is not supported");
		return;
	}
	reply->json = cJSON_CreateObject();
}

void network_create_endpoint(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	const char *id = string_of(request, "EndpointID");
	const cJSON *given = cJSON_GetObjectItemCaseSensitive(request, "Interface");
	const char *address = string_of(given, "Address");
	const char *mac = string_of(given, "MacAddress");
	char key[KEY_CHARS_MAX];
	char name[32];
	cJSON *endpoint;
	cJSON *nets;
	cJSON *answered;
	char *value;
	enum etcd_result result;

	if (!is_id(id) || address[0] == '\0') {
		reply_fail(reply, "No valid endpoint ID or address in the request");
		return;
	}
	snprintf(name, sizeof(name), "cali%.*s", INTERFACE_ID_CHARS, id);
	endpoint = cJSON_CreateObject();
	cJSON_AddStringToObject(endpoint, "state", "active");
	cJSON_AddStringToObject(endpoint, "name", name);
	cJSON_AddStringToObject(endpoint, "mac", mac[0] != '\0' ? mac : fixed_mac);
	cJSON_AddNullToObject(endpoint, "profile_ids");
	nets = cJSON_AddArrayToObject(endpoint, "ipv4_nets");
	cJSON_AddItemToArray(nets, cJSON_CreateString(address));
	cJSON_AddArrayToObject(endpoint, "ipv6_nets");
	value = cJSON_PrintUnformatted(endpoint);
	cJSON_Delete(endpoint);
	endpoint_key(p, id, key, sizeof(key));
	result = etcd_put(p->etcd, key, value, ETCD_CREATE, 0, 0);
	free(value);
	if (result != ETCD_OK) {
		reply_fail(reply, "Workload endpoints creation error, data: %s: %s", id,
			   etcd_result_text(result));
		return;
	}
	plugin_label_later(p, string_of(request, "NetworkID"), id);
	reply->json = cJSON_CreateObject();
	answered = cJSON_AddObjectToObject(reply->json, "Interface");
	/* What Docker gave it must not come back. */
	if (mac[0] == '\0')
		cJSON_AddStringToObject(answered, "MacAddress", fixed_mac);
}

void network_delete_endpoint(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	const char *id = string_of(request, "EndpointID");
	char key[KEY_CHARS_MAX];
	enum etcd_result result;

	if (!is_id(id)) {
		reply_fail(reply, "No valid endpoint ID in the request");
		return;
	}
	endpoint_key(p, id, key, sizeof(key));
	result = etcd_delete(p->etcd, key);
	if (result != ETCD_OK) {
		reply_fail(reply,
			   "Endpoint %s removal error: %s: WorkloadEndpoint(node=%s, "
			   "orchestrator=libnetwork, workload=libnetwork, name=%s)",
			   id, etcd_result_text(result), p->node, id);
		return;
	}
	/* The two directories above are pruned while they are empty; the rest of the path stays. */
	endpoint_dir(p, key, sizeof(key));
	if (etcd_delete_dir(p->etcd, key) == ETCD_OK) {
		*strrchr(key, '/') = '\0';
		(void)etcd_delete_dir(p->etcd, key);
	}
	reply->json = cJSON_CreateObject();
}

/* The endpoint's address, from its key: as Calico's own agent does, which has no other source. */
static bool read_address(const struct plugin *p, const char *id, char *address, size_t size)
{
	char key[KEY_CHARS_MAX];
	char *value = NULL;
	cJSON *endpoint;
	const cJSON *net;
	bool found = false;

	endpoint_key(p, id, key, sizeof(key));
	if (etcd_get(p->etcd, key, &value, NULL) != ETCD_OK)
		return false;
	endpoint = cJSON_Parse(value);
	free(value);
	net = cJSON_GetArrayItem(cJSON_GetObjectItemCaseSensitive(endpoint, "ipv4_nets"), 0);
	if (cJSON_IsString(net)) {
		snprintf(address, size, "%s", net->valuestring);
		found = true;
	}
	cJSON_Delete(endpoint);
	return found;
}

static bool write_setting(const char *path, const char *value)
{
	int fd = open(path, O_WRONLY | O_CLOEXEC);
	bool written;

	if (fd < 0)
		return false;
	written = write(fd, value, strlen(value)) == (ssize_t)strlen(value);
	close(fd);
	return written;
}

/*
 * The container asks for the gateway's hardware address, which nobody has: this host answers. At
 * once, as Calico sets it, too: by default Linux waits up to 0.8 s before it answers for another.
 */
static bool answer_for_gateway(const char *interface)
{
	char path[128];
	bool written;

	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/neigh/%s/proxy_delay", interface);
	written = write_setting(path, "0\n");
	snprintf(path, sizeof(path), "/proc/sys/net/ipv4/conf/%s/proxy_arp", interface);
	return write_setting(path, "1\n") && written;
}

void network_join(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	const char *id = string_of(request, "EndpointID");
	char outer[16];
	char inner[16];
	char address[64];
	cJSON *object;
	cJSON *routes;

	if (!is_id(id)) {
		reply_fail(reply, "No valid endpoint ID in the request");
		return;
	}
	snprintf(outer, sizeof(outer), "cali%.*s", INTERFACE_ID_CHARS, id);
	snprintf(inner, sizeof(inner), "temp%.*s", INTERFACE_ID_CHARS, id);
	if (!run_program((const char *const[]){ "ip", "link", "add", outer, "type", "veth", "peer",
						"name", inner, NULL }) ||
	    !run_program((const char *const[]){ "ip", "link", "set", outer, "up", NULL })) {
		reply_fail(reply, "Veth creation error: %s", outer);
		return;
	}
	/* Without etcd there is an interface and no route: Calico's Join does not fail either. */
	if (read_address(p, id, address, sizeof(address)))
		(void)run_program((const char *const[]){ "ip", "route", "replace", address, "dev",
							 outer, "scope", "link", NULL });
	if (!answer_for_gateway(outer))
		fprintf(stderr, "no proxy ARP on %s\n", outer);

	reply->json = cJSON_CreateObject();
	object = cJSON_AddObjectToObject(reply->json, "InterfaceName");
	cJSON_AddStringToObject(object, "SrcName", inner);
	cJSON_AddStringToObject(object, "DstPrefix", "cali");
	cJSON_AddStringToObject(reply->json, "Gateway", link_local_gateway);
	cJSON_AddStringToObject(reply->json, "GatewayIPv6", "");
	routes = cJSON_AddArrayToObject(reply->json, "StaticRoutes");
	object = cJSON_CreateObject();
	cJSON_AddStringToObject(object, "Destination", "169.254.1.1/32");
	cJSON_AddNumberToObject(object, "RouteType", 1);
	cJSON_AddStringToObject(object, "NextHop", "");
	cJSON_AddItemToArray(routes, object);
}

void network_leave(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	const char *id = string_of(request, "EndpointID");
	char outer[16];

	(void)p;
	if (!is_id(id)) {
		reply_fail(reply, "No valid endpoint ID in the request");
		return;
	}
	snprintf(outer, sizeof(outer), "cali%.*s", INTERFACE_ID_CHARS, id);
	(void)run_program((const char *const[]){ "ip", "link", "del", outer, NULL });
	reply->json = cJSON_CreateObject();
}

/* The container that has the endpoint, in Docker's answer about the network; NULL: none yet. */
static const char *container_of(const cJSON *network, const char *endpoint_id)
{
	const cJSON *entry;

	cJSON_ArrayForEach(entry, cJSON_GetObjectItemCaseSensitive(network, "Containers"))
	{
		if (strncmp(entry->string, "ep-", 3) != 0 &&
		    strcmp(string_of(entry, "EndpointID"), endpoint_id) == 0)
			return entry->string;
	}
	return NULL;
}

static cJSON *read_labels(const struct plugin *p, const char *container)
{
	struct http_answer answer;
	char path[256];
	cJSON *json;
	cJSON *labels = cJSON_CreateObject();
	const cJSON *label;

	snprintf(path, sizeof(path), "/containers/%s/json", container);
	docker_get(p->docker_socket, path, &answer);
	json = answer.status == 200 ? cJSON_Parse(answer.body) : NULL;
	cJSON_ArrayForEach(label,
			   cJSON_GetObjectItemCaseSensitive(
				   cJSON_GetObjectItemCaseSensitive(json, "Config"), "Labels"))
	{
		if (cJSON_IsString(label) &&
		    strncmp(label->string, label_prefix, sizeof(label_prefix) - 1) == 0)
			cJSON_AddStringToObject(labels, label->string + sizeof(label_prefix) - 1,
						label->valuestring);
	}
	cJSON_Delete(json);
	http_answer_release(&answer);
	return labels;
}

static void write_labels(const struct plugin *p, const char *endpoint_id, cJSON *labels)
{
	char key[KEY_CHARS_MAX];
	char *value = NULL;
	cJSON *endpoint;

	endpoint_key(p, endpoint_id, key, sizeof(key));
	if (etcd_get(p->etcd, key, &value, NULL) != ETCD_OK) {
		cJSON_Delete(labels);
		return;
	}
	endpoint = cJSON_Parse(value);
	free(value);
	if (endpoint == NULL) {
		cJSON_Delete(labels);
		return;
	}
	cJSON_DeleteItemFromObjectCaseSensitive(endpoint, "labels");
	cJSON_AddItemToObject(endpoint, "labels", labels);
	value = cJSON_PrintUnformatted(endpoint);
	cJSON_Delete(endpoint);
	(void)etcd_put(p->etcd, key, value, ETCD_UPDATE, 0, 0);
	free(value);
}

void network_label_endpoint(const struct plugin *p, const char *network_id, const char *endpoint_id)
{
	const struct timespec pause = { .tv_nsec = LABEL_POLL_MS * 1000000L };
	char path[256];

	if (!is_id(network_id))
		return;
	snprintf(path, sizeof(path), "/networks/%s", network_id);
	for (int i = 0; i < LABEL_TRIES_MAX; i++) {
		struct http_answer answer;
		cJSON *network;
		const char *container;

		nanosleep(&pause, NULL);
		docker_get(p->docker_socket, path, &answer);
		network = answer.status == 200 ? cJSON_Parse(answer.body) : NULL;
		http_answer_release(&answer);
		container = container_of(network, endpoint_id);
		if (container != NULL) {
			cJSON *labels = read_labels(p, container);

			if (cJSON_GetArraySize(labels) > 0)
				write_labels(p, endpoint_id, labels);
			else
				cJSON_Delete(labels);
			cJSON_Delete(network);
			return;
		}
		cJSON_Delete(network);
	}
}
