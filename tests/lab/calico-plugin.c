/*
 * calico-plugin.c - stand-in for Calico's Docker plugin, for one host of the lab
 *
 * usage: calico-plugin --node=NAME --address=IPV4 --etcd=URL --docker=SOCKET --sockets=DIR
 *                      [--pool=CIDR] [--part=CIDR] [--scope=global|local]
 *
 * Listens on DIR/calico.sock and DIR/calico-ipam.sock. It also writes the keys that calico/node
 * writes when it starts (pool, node, BGP) and felix's status every 30 seconds, so that the host
 * looks alive exactly as long as this program runs. It enforces no policy.
 *
 * It leaves its sockets behind when it ends, as Calico's does: Docker then finds nobody on them,
 * repeats each call for 15 seconds and gives up, which is one of the accidents the lab is for.
 */
#include "calico-plugin.h"

#include <curl/curl.h>
#include <errno.h>
#include <fcntl.h>
#include <getopt.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/un.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

enum {
	CONNECTIONS_MAX = 64,
	REQUEST_BYTES_MAX = 1024 * 1024,
	FELIX_PERIOD_S = 30,
	FELIX_TTL_S = 90,
};

typedef void (*call_fn)(const struct plugin *p, const cJSON *request, struct reply *reply);

struct call {
	const char *path;
	call_fn run;
};

struct connection {
	int fd;
	const struct call *calls; /* those of the socket it came in by */
	char *data;
	size_t len;
};

static struct connection connections[CONNECTIONS_MAX];
static size_t connection_count;
static int listeners[2] = { -1, -1 };

void reply_fail(struct reply *reply, const char *format, ...)
{
	va_list args;

	va_start(args, format);
	vsnprintf(reply->error, sizeof(reply->error), format, args);
	va_end(args);
	cJSON_Delete(reply->json);
	reply->json = NULL;
}

static void answer_nothing(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	(void)p;
	(void)request;
	reply->json = cJSON_CreateObject();
}

static void answer_network_activate(const struct plugin *p, const cJSON *request,
				    struct reply *reply)
{
	(void)p;
	(void)request;
	reply->json = cJSON_Parse("{\"Implements\":[\"NetworkDriver\"]}");
}

static void answer_ipam_activate(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	(void)p;
	(void)request;
	reply->json = cJSON_Parse("{\"Implements\":[\"IpamDriver\"]}");
}

static void answer_capabilities(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	(void)request;
	reply->json = cJSON_CreateObject();
	cJSON_AddStringToObject(reply->json, "Scope", p->scope);
}

static void answer_ipam_capabilities(const struct plugin *p, const cJSON *request,
				     struct reply *reply)
{
	(void)p;
	(void)request;
	reply->json = cJSON_Parse("{\"RequiresMACAddress\":false}");
}

static void answer_address_spaces(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	(void)p;
	(void)request;
	reply->json = cJSON_CreateObject();
	cJSON_AddStringToObject(reply->json, "LocalDefaultAddressSpace", "CalicoLocalAddressSpace");
	cJSON_AddStringToObject(reply->json, "GlobalDefaultAddressSpace",
				"CalicoGlobalAddressSpace");
}

/* No port data here: this is why NetworkSettings.Ports of a Calico container is {}. */
static void answer_endpoint_info(const struct plugin *p, const cJSON *request, struct reply *reply)
{
	(void)p;
	(void)request;
	reply->json = cJSON_CreateObject();
	cJSON_AddObjectToObject(reply->json, "Value");
}

static const struct call network_calls[] = {
	{ "/Plugin.Activate", answer_network_activate },
	{ "/NetworkDriver.GetCapabilities", answer_capabilities },
	{ "/NetworkDriver.CreateNetwork", network_create },
	{ "/NetworkDriver.DeleteNetwork", answer_nothing },
	{ "/NetworkDriver.AllocateNetwork", answer_nothing },
	{ "/NetworkDriver.FreeNetwork", answer_nothing },
	{ "/NetworkDriver.CreateEndpoint", network_create_endpoint },
	{ "/NetworkDriver.DeleteEndpoint", network_delete_endpoint },
	{ "/NetworkDriver.EndpointOperInfo", answer_endpoint_info },
	{ "/NetworkDriver.Join", network_join },
	{ "/NetworkDriver.Leave", network_leave },
	{ "/NetworkDriver.DiscoverNew", answer_nothing },
	{ "/NetworkDriver.DiscoverDelete", answer_nothing },
	{ "/NetworkDriver.ProgramExternalConnectivity", answer_nothing },
	{ "/NetworkDriver.RevokeExternalConnectivity", answer_nothing },
	{ NULL, NULL },
};

static const struct call ipam_calls[] = {
	{ "/Plugin.Activate", answer_ipam_activate },
	{ "/IpamDriver.GetCapabilities", answer_ipam_capabilities },
	{ "/IpamDriver.GetDefaultAddressSpaces", answer_address_spaces },
	{ "/IpamDriver.RequestPool", ipam_request_pool },
	{ "/IpamDriver.ReleasePool", answer_nothing },
	{ "/IpamDriver.RequestAddress", ipam_request_address },
	{ "/IpamDriver.ReleaseAddress", ipam_release_address },
	{ NULL, NULL },
};

void plugin_label_later(const struct plugin *p, const char *network_id, const char *endpoint_id)
{
	pid_t pid = fork();

	if (pid != 0)
		return;
	/* Held open here, the sockets would go on accepting Docker's calls after a kill of the
	 * plugin, and nobody would answer them. */
	for (size_t i = 0; i < sizeof(listeners) / sizeof(listeners[0]); i++)
		close(listeners[i]);
	for (size_t i = 0; i < connection_count; i++)
		close(connections[i].fd);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	network_label_endpoint(p, network_id, endpoint_id);
	_exit(0);
}

static void log_line(const char *format, ...) __attribute__((format(printf, 1, 2)));

static void log_line(const char *format, ...)
{
	struct timespec now;
	struct tm parts;
	char stamp[32];
	va_list args;

	clock_gettime(CLOCK_REALTIME, &now);
	gmtime_r(&now.tv_sec, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%S", &parts);
	fprintf(stderr, "%s.%03ldZ ", stamp, now.tv_nsec / 1000000);
	va_start(args, format);
	vfprintf(stderr, format, args);
	va_end(args);
	fputc('\n', stderr);
}

static bool write_all(int fd, const char *data, size_t len)
{
	while (len > 0) {
		ssize_t written = send(fd, data, len, MSG_NOSIGNAL);

		if (written < 0 && errno == EINTR)
			continue;
		if (written <= 0)
			return false;
		data += written;
		len -= (size_t)written;
	}
	return true;
}

static bool send_reply(int fd, int status, const char *body)
{
	char head[256];
	int head_len = snprintf(head, sizeof(head),
				"HTTP/1.1 %d %s\r\n"
				"Content-Type: application/vnd.docker.plugins.v1.1+json\r\n"
				"Content-Length: %zu\r\n\r\n",
				status, status == 200 ? "OK" : "Error", strlen(body));

	return write_all(fd, head, (size_t)head_len) && write_all(fd, body, strlen(body));
}

static bool handle_request(const struct plugin *p, const struct connection *c, const char *path,
			   const char *body)
{
	const struct call *call = c->calls;
	struct reply reply = { 0 };
	cJSON *request;
	char *text;
	bool sent;

	while (call->path != NULL && strcmp(call->path, path) != 0)
		call++;
	if (call->path == NULL) {
		log_line("%s: unknown call", path);
		return send_reply(c->fd, 404, "{\"Err\":\"unknown call\"}");
	}
	request = cJSON_Parse(body[0] != '\0' ? body : "{}");
	if (request == NULL)
		reply_fail(&reply, "the request is not JSON");
	else
		call->run(p, request, &reply);
	cJSON_Delete(request);
	if (reply.json == NULL) {
		reply.json = cJSON_CreateObject();
		cJSON_AddStringToObject(reply.json, "Err", reply.error);
	}
	text = cJSON_PrintUnformatted(reply.json);
	log_line("%s %s -> %s", path, body, text);
	sent = send_reply(c->fd, reply.error[0] != '\0' ? 500 : 200, text);
	free(text);
	cJSON_Delete(reply.json);
	return sent;
}

/*
 * Answers the first request in the buffer, if all of it is there, and takes it out. False: the
 * connection is of no more use. Docker sends POST with Content-Length, nothing else.
 */
static bool handle_buffer(const struct plugin *p, struct connection *c, bool *handled)
{
	const char *end = strstr(c->data, "\r\n\r\n");
	const char *field;
	char path[128];
	char *body;
	size_t head_len;
	unsigned long body_len = 0;
	bool sent;

	*handled = false;
	if (end == NULL)
		return true;
	head_len = (size_t)(end - c->data) + 4;
	if (sscanf(c->data, "POST %127s HTTP/1.", path) != 1)
		return false;
	field = strcasestr(c->data, "\r\nContent-Length:");
	if (field != NULL && field < end)
		body_len = strtoul(field + strlen("\r\nContent-Length:"), NULL, 10);
	if (body_len > REQUEST_BYTES_MAX)
		return false;
	if (c->len < head_len + body_len)
		return true;
	body = strndup(c->data + head_len, body_len);
	if (body == NULL)
		abort();
	sent = handle_request(p, c, path, body);
	free(body);
	c->len -= head_len + body_len;
	memmove(c->data, c->data + head_len + body_len, c->len + 1);
	*handled = true;
	return sent;
}

static bool read_connection(const struct plugin *p, struct connection *c)
{
	char chunk[16 * 1024];
	ssize_t len = recv(c->fd, chunk, sizeof(chunk), 0);
	bool handled;
	char *grown;

	if (len < 0)
		return errno == EINTR || errno == EAGAIN;
	if (len == 0 || c->len + (size_t)len > 2 * REQUEST_BYTES_MAX)
		return false;
	grown = realloc(c->data, c->len + (size_t)len + 1);
	if (grown == NULL)
		abort();
	memcpy(grown + c->len, chunk, (size_t)len);
	c->data = grown;
	c->len += (size_t)len;
	c->data[c->len] = '\0';
	do {
		if (!handle_buffer(p, c, &handled))
			return false;
	} while (handled && c->len > 0);
	return true;
}

static void accept_connection(int listener, const struct call *calls)
{
	int fd = accept(listener, NULL, NULL);

	if (fd < 0)
		return;
	if (connection_count == CONNECTIONS_MAX) {
		close(fd);
		return;
	}
	fcntl(fd, F_SETFD, FD_CLOEXEC);
	connections[connection_count++] = (struct connection){ .fd = fd, .calls = calls };
}

static void close_connection(size_t i)
{
	close(connections[i].fd);
	free(connections[i].data);
	connections[i] = connections[--connection_count];
}

static int listen_on(const char *dir, const char *name)
{
	struct sockaddr_un address = { .sun_family = AF_UNIX };
	int len = snprintf(address.sun_path, sizeof(address.sun_path), "%s/%s", dir, name);
	int fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || len < 0 || (size_t)len >= sizeof(address.sun_path)) {
		fprintf(stderr, "calico-plugin: cannot make a socket %s/%s\n", dir, name);
		exit(1);
	}
	unlink(address.sun_path);
	if (bind(fd, (const struct sockaddr *)&address, sizeof(address)) != 0 ||
	    listen(fd, 16) != 0) {
		fprintf(stderr, "calico-plugin: cannot listen on %s: %s\n", address.sun_path,
			strerror(errno));
		exit(1);
	}
	return fd;
}

static void put_node_key(const struct plugin *p, const char *format, const char *value)
{
	char key[256];

	snprintf(key, sizeof(key), format, p->node);
	(void)etcd_put(p->etcd, key, value, ETCD_ALWAYS, 0, 0);
}

/* What calico/node leaves in etcd when it starts. Only its own node's keys are overwritten. */
static void write_start_keys(const struct plugin *p)
{
	static const char *const once[][2] = {
		{ "/calico/v1/Ready", "true" },
		{ "/calico/v1/config/ClusterGUID", "5f0c2a9d6b1e4a7c8d3e9f1027364554" },
		{ "/calico/v1/config/InterfacePrefix", "cali" },
		{ "/calico/v1/config/LogSeverityScreen", "info" },
		{ "/calico/v1/config/IpInIpEnabled", "false" },
		{ "/calico/bgp/v1/global/as_num", "64512" },
		{ "/calico/bgp/v1/global/loglevel", "info" },
		{ "/calico/bgp/v1/global/node_mesh", "{\"enabled\":true}" },
	};
	char key[256];
	char value[256];
	char network[64];

	for (size_t i = 0; i < sizeof(once) / sizeof(once[0]); i++)
		(void)etcd_put(p->etcd, once[i][0], once[i][1], ETCD_CREATE, 0, 0);
	snprintf(value, sizeof(value),
		 "{\"cidr\":\"%s\",\"ipip\":\"\",\"ipip_mode\":\"\",\"masquerade\":true,"
		 "\"ipam\":true,\"disabled\":false}",
		 p->pool);
	snprintf(network, sizeof(network), "%s", p->pool);
	if (strchr(network, '/') != NULL)
		*strchr(network, '/') = '-';
	snprintf(key, sizeof(key), "/calico/v1/ipam/v4/pool/%s", network);
	(void)etcd_put(p->etcd, key, value, ETCD_CREATE, 0, 0);

	put_node_key(p, "/calico/v1/host/%s/metadata", "{}");
	put_node_key(p, "/calico/v1/host/%s/bird_ip", p->address);
	put_node_key(p, "/calico/bgp/v1/host/%s/ip_addr_v4", p->address);
	put_node_key(p, "/calico/bgp/v1/host/%s/ip_addr_v6", "");
	snprintf(network, sizeof(network), "%s", p->address);
	if (strrchr(network, '.') != NULL)
		snprintf(strrchr(network, '.'), 8, ".0/24");
	put_node_key(p, "/calico/bgp/v1/host/%s/network_v4", network);
}

static void write_felix_status(const struct plugin *p, time_t started, bool first)
{
	char key[256];
	char stamp[32];
	char value[128];
	struct tm parts;
	time_t now = time(NULL);

	gmtime_r(&now, &parts);
	strftime(stamp, sizeof(stamp), "%Y-%m-%dT%H:%M:%SZ", &parts);
	snprintf(value, sizeof(value), "{\"time\":\"%s\",\"uptime\":%ld.5,\"first_update\":%s}",
		 stamp, (long)(now - started), first ? "true" : "false");
	snprintf(key, sizeof(key), "/calico/felix/v1/host/%s/status", p->node);
	(void)etcd_put(p->etcd, key, value, ETCD_ALWAYS, 0, FELIX_TTL_S);
	snprintf(key, sizeof(key), "/calico/felix/v1/host/%s/last_reported_status", p->node);
	(void)etcd_put(p->etcd, key, value, ETCD_ALWAYS, 0, 0);
}

static void serve(const struct plugin *p)
{
	time_t started = time(NULL);
	time_t reported = 0;

	for (;;) {
		struct pollfd polled[2 + CONNECTIONS_MAX];
		size_t count = connection_count;

		if (time(NULL) - reported >= FELIX_PERIOD_S) {
			write_felix_status(p, started, reported == 0);
			reported = time(NULL);
		}
		while (waitpid(-1, NULL, WNOHANG) > 0)
			;
		for (size_t i = 0; i < 2; i++)
			polled[i] = (struct pollfd){ .fd = listeners[i], .events = POLLIN };
		for (size_t i = 0; i < count; i++)
			polled[2 + i] =
				(struct pollfd){ .fd = connections[i].fd, .events = POLLIN };
		if (poll(polled, 2 + count, 1000) <= 0)
			continue;
		/* From the end: closing one moves the last into its place. */
		for (size_t i = count; i > 0; i--) {
			if (polled[1 + i].revents != 0 && !read_connection(p, &connections[i - 1]))
				close_connection(i - 1);
		}
		if (polled[0].revents != 0)
			accept_connection(listeners[0], network_calls);
		if (polled[1].revents != 0)
			accept_connection(listeners[1], ipam_calls);
	}
}

int main(int argc, char **argv)
{
	static const struct option options[] = {
		{ "node", required_argument, NULL, 'n' },
		{ "address", required_argument, NULL, 'a' },
		{ "etcd", required_argument, NULL, 'e' },
		{ "docker", required_argument, NULL, 'd' },
		{ "sockets", required_argument, NULL, 's' },
		{ "pool", required_argument, NULL, 'p' },
		{ "part", required_argument, NULL, 'r' },
		{ "scope", required_argument, NULL, 'c' },
		{ NULL, 0, NULL, 0 },
	};
	struct plugin p = {
		.node = getenv("HOSTNAME"),
		.scope = "global",
		.pool = "10.233.0.0/16",
	};
	const char *sockets = NULL;
	int option;

	while ((option = getopt_long(argc, argv, "", options, NULL)) != -1) {
		switch (option) {
		case 'n':
			p.node = optarg;
			break;
		case 'a':
			p.address = optarg;
			break;
		case 'e':
			p.etcd = optarg;
			break;
		case 'd':
			p.docker_socket = optarg;
			break;
		case 's':
			sockets = optarg;
			break;
		case 'p':
			p.pool = optarg;
			break;
		case 'r':
			p.part = optarg;
			break;
		case 'c':
			p.scope = optarg;
			break;
		default:
			return 2;
		}
	}
	if (p.node == NULL || p.address == NULL || p.etcd == NULL || p.docker_socket == NULL ||
	    sockets == NULL) {
		fputs("calico-plugin: --node, --address, --etcd, --docker and --sockets are "
		      "needed\n",
		      stderr);
		return 2;
	}
	signal(SIGPIPE, SIG_IGN);
	curl_global_init(CURL_GLOBAL_DEFAULT);
	write_start_keys(&p);
	listeners[0] = listen_on(sockets, "calico.sock");
	listeners[1] = listen_on(sockets, "calico-ipam.sock");
	serve(&p);
	return 0;
}
