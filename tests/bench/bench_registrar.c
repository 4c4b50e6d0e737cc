/*
 * A registrar as a process of its own on a real Docker and a real Consul (support/world.sh),
 * against the `registrator` of the PATH in turns; without one, against the same requests made by
 * hand.
 *
 *     BENCH_BOXES=100      containers that run when it starts
 *     BENCH_BURST=200      started and killed at once
 *     BENCH_ROUNDS=10      bursts
 */
#include <fcntl.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/consul/consul.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"

enum {
	SYNCS = 7,
	STARTS = 40,
	SAMPLES_MAX = 64,
	NS_PER_MS = 1000000,
	WAIT_MS = 120000,
	REST_MS = 2500,
	LOOK_MS = 20
};

#define WORLD "tests/support/world.sh"

struct world {
	char dir[64];
	struct loop *loop;
	struct http *http;
	struct docker *docker;
	struct consul *consul;
	struct registry *registry;
	struct docker_events *events;
	unsigned open;
	bool is_following, is_looking;
	int64_t started_ns; /* the daemon's time of the newest start */
	/* instances of the service, by the catalog */
	char service[32];
	size_t count;
	uint64_t index;
	/* registrations by hand that stand out */
	int by_hand_next, by_hand_end;
};

static int setting(const char *name, int otherwise)
{
	const char *text = getenv(name);

	return text ? atoi(text) : otherwise;
}

static int64_t wall_ns(void)
{
	struct timespec now;

	clock_gettime(CLOCK_REALTIME, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

static double ms_since(int64_t start_ns)
{
	return (double)(wall_ns() - start_ns) / NS_PER_MS;
}

/* Runs a program to its end; its output, or NULL when it failed. The caller frees. */
static char *run(const char *const *argv)
{
	struct strbuf out = STRBUF_INIT;
	int fds[2], status = 0;
	char buf[512];
	ssize_t got;
	pid_t child;

	bench_require(pipe2(fds, O_CLOEXEC) == 0, "no pipe");
	child = fork();
	if (child == 0) {
		dup2(fds[1], STDOUT_FILENO);
		execvp(argv[0], (char **)(uintptr_t)argv);
		_exit(127);
	}
	close(fds[1]);
	while ((got = read(fds[0], buf, sizeof(buf))) > 0)
		strbuf_add(&out, buf, (size_t)got);
	close(fds[0]);
	waitpid(child, &status, 0);
	if (status == 0)
		return strbuf_detach(&out, NULL);
	strbuf_release(&out);
	return NULL;
}

/* ---- requests, and waiting for their ends ---- */

static void on_docker(void *arg, const struct json *doc, const struct err *err)
{
	struct world *world = arg;

	(void)doc;
	world->open--;
	if (err)
		fprintf(stderr, "bench: %s\n", err->msg);
	bench_require(!err, "the daemon refuses");
}

static void on_registry(void *arg, const struct json *doc, const struct err *err)
{
	struct world *world = arg;

	(void)doc;
	world->open--;
	bench_require(!err, err ? err->msg : "");
}

static void wait_for_open(struct world *world)
{
	while (world->open)
		loop_turn(world->loop, 100);
}

/* In `path` the sign @ stands for the container's name. */
static void ask(struct world *world, const char *method, const char *path, const char *body,
		const char *prefix, int number)
{
	const char *sign = strchr(path, '@');
	char *full = xasprintf("/containers/%.*s%s%d%s", (int)(sign - path), path, prefix, number,
			       sign + 1);

	world->open++;
	docker_send(world->docker, method, full, body, WAIT_MS, on_docker, world);
	free(full);
}

static void ask_all(struct world *world, const char *method, const char *path, const char *prefix,
		    int count)
{
	for (int i = 0; i < count; i++)
		ask(world, method, path, NULL, prefix, i);
	wait_for_open(world);
}

static void create(struct world *world, const char *prefix, int number, const char *service)
{
	char *body = xasprintf("{\"Image\":\"tiny\",\"Env\":[\"SERVICE_NAME=%s\"],"
			       "\"HostConfig\":{\"NetworkMode\":\"none\"}}",
			       service);

	ask(world, "POST", "create?name=@", body, prefix, number);
	free(body);
}

/* ---- what the catalog has of one service ---- */

static void on_catalog(void *arg, const struct json *doc, const struct consul_meta *meta,
		       const struct err *err)
{
	struct world *world = arg;

	world->is_looking = false;
	if (err)
		return;
	world->count = json_count(doc);
	world->index = meta->index;
}

static void look(struct world *world, bool waits)
{
	char *path = xasprintf("/v1/catalog/service/%s?wait=1s&index=%llu", world->service,
			       waits ? (unsigned long long)world->index : 0ULL);

	world->is_looking = true;
	consul_get(world->consul, path, on_catalog, world);
	free(path);
	while (world->is_looking)
		loop_turn(world->loop, 100);
}

/* Many at once: answering each change to whoever waits would cost Consul as much as the changes. */
static void look_later(struct world *world)
{
	int64_t start_ns = wall_ns();

	while (ms_since(start_ns) < LOOK_MS)
		loop_turn(world->loop, LOOK_MS / 2);
	look(world, false);
}

/* False: not within the limit. */
static bool wait_for_count(struct world *world, const char *service, size_t want, double limit_ms)
{
	int64_t start_ns = wall_ns();

	snprintf(world->service, sizeof(world->service), "%s", service);
	look(world, false);
	while (world->count != want && ms_since(start_ns) < limit_ms) {
		if (want == 1)
			look(world, true);
		else
			look_later(world);
	}
	return world->count == want;
}

/* ---- the registrar ---- */

struct registrar {
	pid_t pid;
	double ready_ms; /* until it had registered all that ran */
};

static long status_kb(pid_t pid, const char *name)
{
	char *path = xasprintf("/proc/%d/status", (int)pid);
	FILE *file = fopen(path, "r");
	char line[256];
	long kb = -1;

	while (file && kb < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	free(path);
	return kb;
}

/* From here on the peak is that of what comes. */
static void forget_peak(pid_t pid)
{
	char *path = xasprintf("/proc/%d/clear_refs", (int)pid);
	int fd = open(path, O_WRONLY | O_CLOEXEC);

	bench_require(fd >= 0 && write(fd, "5", 1) == 1, "the peak cannot be forgotten");
	close(fd);
	free(path);
}

static struct registrar start_registrar(struct world *world, bool is_original, size_t boxes)
{
	struct registrar registrar = { 0 };
	const char *binnacle = getenv("BINNACLE");
	char *uri = xasprintf("consul://%s", consul_address(world->consul));
	const char *const ours[] = { binnacle ? binnacle : "build/binnacle",
				     "--as",
				     "registrator",
				     "-ip",
				     "192.0.2.1",
				     uri,
				     NULL };
	const char *const original[] = { "registrator", "-ip", "192.0.2.1", uri, NULL };
	const char *const *argv = is_original ? original : ours;
	int64_t start_ns = wall_ns();

	registrar.pid = fork();
	if (registrar.pid == 0) {
		int null = open("/dev/null", O_WRONLY);

		dup2(null, STDERR_FILENO);
		execvp(argv[0], (char **)(uintptr_t)argv);
		_exit(127);
	}
	bench_require(wait_for_count(world, "box", boxes, WAIT_MS),
		      "it registers not all that run");
	registrar.ready_ms = ms_since(start_ns);
	free(uri);
	return registrar;
}

static void stop_registrar(struct registrar *registrar)
{
	kill(registrar->pid, SIGTERM);
	waitpid(registrar->pid, NULL, 0);
	registrar->pid = 0;
}

static void on_agent(void *arg, const struct json *doc, const struct consul_meta *meta,
		     const struct err *err)
{
	struct world *world = arg;

	(void)meta;
	world->open--;
	bench_require(!err, "the agent does not answer");
	JSON_EACH(entry, doc)
	{
		struct register_service service = { .id = json_str(entry, "ID", ""),
						    .name = json_str(entry, "Service", ""),
						    .address = json_str(entry, "Address", "") };

		world->open++;
		registry_remove(world->registry, &service, on_registry, world);
	}
}

/* Everything out of the agent, for the next start. */
static void empty_registry(struct world *world)
{
	world->open++;
	consul_get(world->consul, "/v1/agent/services", on_agent, world);
	wait_for_open(world);
	bench_require(wait_for_count(world, "box", 0, WAIT_MS), "the catalog is not empty");
}

/* ---- the same by hand: eight inspections at a time, each followed by its registration ---- */

static void inspect_next(struct world *world);

static void on_inspected_by_hand(void *arg, const struct json *doc, const struct err *err)
{
	struct world *world = arg;
	struct register_service service = { .name = "box", .address = "192.0.2.1", .port = 80 };

	bench_require(!err, "the daemon refuses");
	service.id = json_str(doc, "Name", "/") + 1;
	registry_add(world->registry, &service, on_registry, world);
	inspect_next(world);
}

static void inspect_next(struct world *world)
{
	char *path;

	if (world->by_hand_next == world->by_hand_end)
		return;
	path = xasprintf("/containers/box-%d/json", world->by_hand_next++);
	world->open++;
	docker_get(world->docker, path, on_inspected_by_hand, world);
	free(path);
}

static double sync_by_hand(struct world *world, int boxes)
{
	int64_t start_ns = wall_ns();

	world->by_hand_next = 0;
	world->by_hand_end = boxes;
	for (int i = 0; i < 8; i++)
		inspect_next(world);
	bench_require(wait_for_count(world, "box", (size_t)boxes, WAIT_MS), "not all by hand");
	return ms_since(start_ns);
}

static double register_by_hand(struct world *world, const char *name)
{
	int64_t start_ns = wall_ns();
	struct register_service service = {
		.id = name, .name = name, .address = "192.0.2.1", .port = 80
	};

	world->open++;
	registry_add(world->registry, &service, on_registry, world);
	bench_require(wait_for_count(world, name, 1, WAIT_MS), "not registered by hand");
	start_ns = wall_ns() - start_ns;
	wait_for_open(world);
	return (double)start_ns / NS_PER_MS;
}

/* What a process needs for its work only, it gives back when there is none. */
static void rest(struct world *world)
{
	int64_t start_ns = wall_ns();

	while (ms_since(start_ns) < REST_MS)
		loop_turn(world->loop, 100);
}

/* ---- the measurements ---- */

static void measure_sync(struct world *world, int boxes, bool has_original)
{
	double ours[SYNCS], base[SYNCS];

	for (int i = 0; i < SYNCS; i++) {
		struct registrar registrar;

		empty_registry(world);
		registrar = start_registrar(world, false, (size_t)boxes);
		ours[i] = registrar.ready_ms;
		stop_registrar(&registrar);
		empty_registry(world);
		if (has_original) {
			registrar = start_registrar(world, true, (size_t)boxes);
			base[i] = registrar.ready_ms;
			stop_registrar(&registrar);
		} else {
			base[i] = sync_by_hand(world, boxes);
		}
	}
	bench_row("registrar: first sync", ours,
		  has_original ? "registrator" : "the same requests by hand", base, SYNCS);
}

/* From the daemon's own time of the start to the catalog. */
static double start_and_wait(struct world *world, const char *prefix, int number, const char *name)
{
	int64_t before_ns = world->started_ns;

	ask(world, "POST", "@/start", NULL, prefix, number);
	bench_require(wait_for_count(world, name, 1, WAIT_MS), "a start is not registered");
	while (world->started_ns == before_ns)
		loop_turn(world->loop, 100);
	return ms_since(world->started_ns);
}

static void measure_starts(struct world *world, const char *who, int boxes, bool is_original,
			   double *samples)
{
	struct registrar registrar;

	empty_registry(world);
	registrar = start_registrar(world, is_original, (size_t)boxes);
	for (int i = 0; i < STARTS; i++) {
		char name[32];

		snprintf(name, sizeof(name), "%s-%d", who, i);
		create(world, who, i, name);
		wait_for_open(world);
		samples[i] = start_and_wait(world, who, i, name);
	}
	stop_registrar(&registrar);
	ask_all(world, "DELETE", "@?force=1", who, STARTS);
}

static void measure_latency(struct world *world, int boxes, bool has_original)
{
	double ours[STARTS], base[STARTS];

	measure_starts(world, "ours", boxes, false, ours);
	if (has_original) {
		measure_starts(world, "original", boxes, true, base);
	} else {
		for (int i = 0; i < STARTS; i++) {
			char name[32];

			snprintf(name, sizeof(name), "hand-%d", i);
			base[i] = register_by_hand(world, name);
		}
	}
	bench_row("registrar: start to catalog", ours,
		  has_original ? "registrator" : "a registration by hand to catalog", base, STARTS);
}

static void measure_bursts(struct world *world, const char *who, int boxes, int burst, int rounds,
			   bool is_original)
{
	struct registrar registrar;
	long start_kb, rest_kb, peak_kb;
	size_t missing = 0, left = 0;

	empty_registry(world);
	registrar = start_registrar(world, is_original, (size_t)boxes);
	start_kb = status_kb(registrar.pid, "VmHWM:");
	for (int i = 0; i < burst; i++)
		create(world, "burst-", i, "burst");
	wait_for_open(world);
	rest(world);
	rest_kb = status_kb(registrar.pid, "VmRSS:");
	forget_peak(registrar.pid);
	for (int i = 0; i < rounds; i++) {
		ask_all(world, "POST", "@/start", "burst-", burst);
		wait_for_count(world, "burst", (size_t)burst, 10000);
		missing += (size_t)burst - world->count;
		ask_all(world, "POST", "@/kill", "burst-", burst);
		wait_for_count(world, "burst", 0, 10000);
		left += world->count;
	}
	peak_kb = status_kb(registrar.pid, "VmHWM:");
	rest(world);
	printf("registrar: %-12s %d times %d started and killed at once: %zu missing, %zu left "
	       "over; "
	       "memory %.1f MB at rest (peak of its start %.1f MB), peak of the bursts "
	       "%.1f MB, at rest after them %.1f MB\n",
	       who, rounds, burst, missing, left, (double)rest_kb / 1024, (double)start_kb / 1024,
	       (double)peak_kb / 1024, (double)status_kb(registrar.pid, "VmRSS:") / 1024);
	fflush(stdout);
	stop_registrar(&registrar);
	ask_all(world, "DELETE", "@?force=1", "burst-", burst);
	bench_require(is_original || (!missing && !left), "a burst was not followed whole");
}

/* ---- the world ---- */

static void on_event(void *arg, const struct docker_event *event)
{
	struct world *world = arg;

	if (strcmp(event->type, "container") == 0 && strcmp(event->action, "start") == 0)
		world->started_ns = event->time_ns;
}

static void on_events_up(void *arg)
{
	((struct world *)arg)->is_following = true;
}

static bool set_up(struct world *world)
{
	static const struct docker_event_handlers handlers = { .up = on_events_up,
							       .event = on_event };
	struct docker_config docker = { 0 };
	struct consul_config consul = { 0 };
	char *said, *rest = NULL;
	struct err err;

	snprintf(world->dir, sizeof(world->dir), "/tmp/bench-registrar.%d", (int)getpid());
	said = run((const char *const[]){ "bash", WORLD, "up", world->dir, NULL });
	if (!said)
		return false;
	docker.host = strtok_r(said, "\n", &rest) + strlen("DOCKER_HOST=");
	consul.address = strtok_r(NULL, "\n", &rest) + strlen("CONSUL_HTTP_ADDR=");
	setenv("DOCKER_HOST", docker.host, 1);
	world->loop = loop_new();
	world->http = http_new(world->loop);
	world->docker = docker_new(world->loop, world->http, &docker, &err);
	world->consul = consul_new(world->loop, world->http, &consul, &err);
	bench_require(world->docker && world->consul, "no clients");
	world->registry = registry_consul_new(world->consul);
	world->events = docker_events_start(world->docker, &handlers, world);
	while (!world->is_following)
		loop_turn(world->loop, 100);
	free(said);
	return true;
}

static void tear_down(struct world *world)
{
	docker_events_stop(&world->events);
	registry_free(world->registry);
	consul_free(world->consul);
	docker_free(world->docker);
	http_free(world->http);
	loop_free(world->loop);
	log_release();
}

static char world_dir[64];

static void remove_world(void)
{
	if (*world_dir)
		free(run((const char *const[]){ "bash", WORLD, "down", world_dir, NULL }));
}

static void on_signal(int number)
{
	exit(128 + number); /* whoever interrupts a benchmark wants its containers gone */
}

int main(int argc, char **argv)
{
	static struct world world;
	int boxes = setting("BENCH_BOXES", 100), burst = setting("BENCH_BURST", 200);
	int rounds = setting("BENCH_ROUNDS", 10);
	char *original = run((const char *const[]){ "sh", "-c", "command -v registrator", NULL });

	bench_begin(argc, argv);
	signal(SIGINT, on_signal);
	signal(SIGTERM, on_signal);
	atexit(remove_world);
	snprintf(world_dir, sizeof(world_dir), "/tmp/bench-registrar.%d", (int)getpid());
	if (!set_up(&world)) {
		printf("registrar: left out, it needs root, dockerd and consul\n");
		return 0;
	}
	for (int i = 0; i < boxes; i++)
		create(&world, "box-", i, "box");
	wait_for_open(&world);
	ask_all(&world, "POST", "@/start", "box-", boxes);
	measure_sync(&world, boxes, original);
	measure_latency(&world, boxes, original);
	if (rounds > 0)
		measure_bursts(&world, "binnacle", boxes, burst, rounds, false);
	if (rounds > 0 && original)
		measure_bursts(&world, "registrator", boxes, burst, rounds, true);
	tear_down(&world);
	free(original);
	return 0;
}
