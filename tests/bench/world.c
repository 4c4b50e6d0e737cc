#include "bench/world.h"

#include <arpa/inet.h>
#include <curl/curl.h>
#include <fcntl.h>
#include <ftw.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "binnacle/base/mem.h"

/* What Consul takes in one transaction. */
enum { OPERATIONS_MAX = 64, PATIENCE_S = 60 };

char *world_find_program(const char *name)
{
	char *path = xasprintf("%s:/var/cache/binnacle-lab/%s/usr/bin",
			       getenv("PATH") ? getenv("PATH") : "", name);
	char *found = NULL, *rest = path;

	for (char *folder; !found && (folder = strsep(&rest, ":"));) {
		found = xasprintf("%s/%s", *folder ? folder : ".", name);
		if (access(found, X_OK) != 0) {
			free(found);
			found = NULL;
		}
	}
	free(path);
	return found;
}

int world_free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	bench_require(fd >= 0 && bind(fd, (struct sockaddr *)&address, len) == 0 &&
			      getsockname(fd, (struct sockaddr *)&address, &len) == 0,
		      "no free port");
	close(fd);
	return ntohs(address.sin_port);
}

static void exec_consul(const struct world *world, const char *program)
{
	char http[32], server[32], lan[40], wan[40], *data, *log;
	int out;

	data = xasprintf("-data-dir=%s/consul", world->dir);
	log = xasprintf("%s/consul.log", world->dir);
	prctl(PR_SET_PDEATHSIG, SIGKILL);
	out = open(log, O_WRONLY | O_CREAT | O_TRUNC, 0600);
	dup2(out, 1);
	dup2(out, 2);
	snprintf(http, sizeof(http), "-http-port=%d", world->port);
	snprintf(server, sizeof(server), "-server-port=%d", world_free_port());
	snprintf(lan, sizeof(lan), "-serf-lan-port=%d", world_free_port());
	snprintf(wan, sizeof(wan), "-serf-wan-port=%d", world_free_port());
	execl(program, "consul", "agent", "-server", "-bootstrap-expect=1", "-node=bench",
	      "-bind=127.0.0.1", "-dns-port=-1", "-grpc-port=-1", "-disable-host-node-id",
	      "-hcl=performance { raft_multiplier = 1 }", data, http, server, lan, wan,
	      (char *)NULL);
	_exit(127);
}

static size_t on_body(char *bytes, size_t size, size_t count, void *arg)
{
	strbuf_add(arg, bytes, size * count);
	return size * count;
}

/* False: no answer, or not 200. body NULL: GET. The answer is in world->answer. */
static bool request(struct world *world, const char *path, const char *body)
{
	char *url = xasprintf("http://%s%s", world->address, path);
	CURL *curl = world->curl;
	long status = 0;
	bool ok;

	strbuf_reset(&world->answer);
	curl_easy_reset(curl);
	curl_easy_setopt(curl, CURLOPT_URL, url);
	curl_easy_setopt(curl, CURLOPT_WRITEFUNCTION, on_body);
	curl_easy_setopt(curl, CURLOPT_WRITEDATA, &world->answer);
	curl_easy_setopt(curl, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(curl, CURLOPT_TIMEOUT, 20L);
	curl_easy_setopt(curl, CURLOPT_NOPROXY, "*");
	if (body) {
		curl_easy_setopt(curl, CURLOPT_POSTFIELDS, body);
		curl_easy_setopt(curl, CURLOPT_CUSTOMREQUEST, "PUT");
	}
	ok = curl_easy_perform(curl) == CURLE_OK &&
	     curl_easy_getinfo(curl, CURLINFO_RESPONSE_CODE, &status) == CURLE_OK && status == 200;
	free(url);
	return ok;
}

void world_start(struct world *world, const char *program)
{
	struct timespec pause = { .tv_nsec = 50000000 };
	const char *tmp = getenv("TMPDIR");

	*world = (struct world){ .port = world_free_port(), .curl = curl_easy_init() };
	strbuf_init(&world->request);
	strbuf_init(&world->answer);
	snprintf(world->address, sizeof(world->address), "127.0.0.1:%d", world->port);
	world->dir = xasprintf("%s/binnacle-bench-XXXXXX", tmp && *tmp ? tmp : "/tmp");
	bench_require(mkdtemp(world->dir) != NULL, "no folder for temporary files");
	world->pid = fork();
	if (world->pid == 0)
		exec_consul(world, program);
	for (int i = 0; i < PATIENCE_S * 20; i++) {
		if (request(world, "/v1/status/leader", NULL) && world->answer.len > 2 &&
		    request(world, "/v1/catalog/node/bench", NULL) && world->answer.len > 8)
			return;
		nanosleep(&pause, NULL);
	}
	bench_require(false, "consul does not elect itself: see consul.log in its folder");
}

static int remove_one(const char *path, const struct stat *st, int flag, struct FTW *where)
{
	(void)st;
	(void)flag;
	(void)where;
	return remove(path);
}

void world_stop(struct world *world)
{
	if (world->pid > 0) {
		kill(world->pid, SIGKILL);
		waitpid(world->pid, NULL, 0);
	}
	if (world->dir)
		nftw(world->dir, remove_one, 16, FTW_DEPTH | FTW_PHYS);
	free(world->dir);
	curl_easy_cleanup(world->curl);
	strbuf_release(&world->request);
	strbuf_release(&world->answer);
	*world = (struct world){ 0 };
}

unsigned world_port(size_t service, size_t instance)
{
	return (unsigned)(20000 + (service * 7 + instance) % 10000);
}

void world_address(size_t service, size_t instance, unsigned port, char out[40])
{
	snprintf(out, 40, "10.%u.%u.%u:%u", (unsigned)instance & 255,
		 (unsigned)(service / 250) & 255, (unsigned)(service % 250), port);
}

static size_t node_of(size_t service, size_t instance)
{
	return (service * 7 + instance * 17) % WORLD_NODES;
}

static void flush(struct world *world, size_t *operations)
{
	if (!*operations)
		return;
	strbuf_addch(&world->request, ']');
	bench_require(request(world, "/v1/txn", world->request.buf),
		      "consul refuses a transaction");
	strbuf_reset(&world->request);
	*operations = 0;
}

static void begin_operation(struct world *world, size_t *operations)
{
	if (*operations == OPERATIONS_MAX)
		flush(world, operations);
	strbuf_addch(&world->request, *operations ? ',' : '[');
	++*operations;
}

static void add_instance(struct world *world, size_t *operations, size_t service, size_t instance,
			 unsigned port, const char *status)
{
	size_t node = node_of(service, instance);
	char address[40];

	world_address(service, instance, port, address);
	*strchr(address, ':') = '\0';
	begin_operation(world, operations);
	strbuf_addf(&world->request,
		    "{\"Service\":{\"Verb\":\"set\",\"Node\":\"node-%02zu\",\"Service\":{"
		    "\"ID\":\"node-%02zu:team-service-%05zu.%zu:80\","
		    "\"Service\":\"team-service-%05zu\",\"Tags\":[\"calico\"],"
		    "\"Address\":\"%s\",\"Port\":%u}}}",
		    node, node, service, instance, service, address, port);
	begin_operation(world, operations);
	strbuf_addf(&world->request,
		    "{\"Check\":{\"Verb\":\"set\",\"Check\":{\"Node\":\"node-%02zu\","
		    "\"CheckID\":\"service:node-%02zu:team-service-%05zu.%zu:80\","
		    "\"Name\":\"Service 'team-service-%05zu' check\",\"Status\":\"%s\","
		    "\"Output\":\"HTTP GET http://%s:80/health: 200 OK\","
		    "\"ServiceID\":\"node-%02zu:team-service-%05zu.%zu:80\","
		    "\"ServiceName\":\"team-service-%05zu\"}}}",
		    node, node, service, instance, service, status, address, node, service,
		    instance, service);
}

void world_fill(struct world *world, size_t services)
{
	size_t operations = 0;

	for (size_t i = 0; i < WORLD_NODES && !world->services; i++) {
		begin_operation(world, &operations);
		strbuf_addf(&world->request,
			    "{\"Node\":{\"Verb\":\"set\",\"Node\":{\"Node\":\"node-%02zu\","
			    "\"Address\":\"192.0.2.%zu\"}}}",
			    i, i + 1);
	}
	for (; world->services < services; world->services++)
		for (size_t i = 0; i < WORLD_INSTANCES; i++)
			add_instance(world, &operations, world->services, i,
				     world_port(world->services, i), "passing");
	flush(world, &operations);
}

static void change(struct world *world, size_t service, unsigned port, const char *status)
{
	size_t operations = 0;

	add_instance(world, &operations, service, 0, port, status);
	flush(world, &operations);
}

void world_set_port(struct world *world, size_t service, unsigned port)
{
	change(world, service, port, "passing");
}

void world_set_check(struct world *world, size_t service, const char *status)
{
	change(world, service, world_port(service, 0), status);
}

void world_deregister(struct world *world, size_t service)
{
	size_t node = node_of(service, 0);

	strbuf_addf(&world->request,
		    "{\"Node\":\"node-%02zu\","
		    "\"ServiceID\":\"node-%02zu:team-service-%05zu.0:80\"}",
		    node, node, service);
	bench_require(request(world, "/v1/catalog/deregister", world->request.buf),
		      "consul refuses to deregister");
	strbuf_reset(&world->request);
}
