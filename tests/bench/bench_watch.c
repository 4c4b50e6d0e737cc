/*
 * `binnacle --as consul-template` with the users' template on a real Consul: from the start to
 * the file, from a change to the file, and what it costs. README.md says how to read the table.
 *
 * BENCH_SERVICES="150 1000" takes other sizes than 1000 and 5000.
 */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/inotify.h>
#include <sys/prctl.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "bench/relay.h"
#include "bench/template.h"
#include "bench/world.h"
#include "binnacle/base/file.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"

enum {
	SIZES_MAX = 8,
	STARTS = 5,       /* measured first renders */
	CHANGES = 20,     /* measured changes, in rounds of four */
	SETTLE_MS = 1000, /* after the first file */
	REST_MS = 300,    /* between two changes */
	IDLE_MS = 10000,  /* how long an idle program is looked at */
	GIVE_UP_MS = 30000,
	OUTPUT_MAX = 64 << 20,
};

struct numbers {
	size_t services;
	double first_ms, curl_ms, ratio; /* medians */
	double per_service_ms;           /* curl, one request per service */
	double original_ms;              /* 0: no such program; < 0: it never rendered */
	long peak_kb, original_kb;
	uint64_t full_bytes, requests, most; /* of the first render; connections at once */
	double latency_ms, worst_ms, bytes_per_change;
	uint64_t worst_bytes, idle_requests;
	long idle_ticks;
	size_t output;
};

struct bench_run {
	struct world *world;
	char *template_path, *out_dir, *out_path, *binnacle;
	int inotify;
	struct strbuf text; /* of the output as last read */
};

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void rest(int ms)
{
	struct timespec pause = { ms / 1000, (ms % 1000) * 1000000L };

	while (nanosleep(&pause, &pause) != 0 && errno == EINTR)
		;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

static double median(double *values, size_t count)
{
	qsort(values, count, sizeof(*values), compare_doubles);
	return values[count / 2];
}

static pid_t start(char *const *argv, const char *log)
{
	pid_t child = fork();

	bench_require(child >= 0, "no process");
	if (child == 0) {
		int null = open("/dev/null", O_RDWR);
		int out = open(log, O_WRONLY | O_CREAT | O_APPEND, 0600);

		prctl(PR_SET_PDEATHSIG, SIGKILL);
		dup2(null, STDIN_FILENO);
		dup2(out < 0 ? null : out, STDOUT_FILENO);
		dup2(out < 0 ? null : out, STDERR_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	return child;
}

static pid_t start_program(struct bench_run *run, const char *program, const char *address)
{
	char *pair = xasprintf("%s:%s", run->template_path, run->out_path);
	char *log = xasprintf("%s/program.log", run->world->dir);
	bool is_ours = program == run->binnacle;
	char *ours[] = { run->binnacle, "--as", "consul-template", "-consul-addr", (char *)address,
			 "-template",   pair,   "-log-level",      "err",          NULL };
	char *original[] = { (char *)program,
			     "-consul-addr",
			     (char *)address,
			     "-template",
			     pair,
			     "-log-level",
			     "err",
			     NULL };
	pid_t child;

	unlink(run->out_path);
	child = start(is_ours ? ours : original, log);
	free(pair);
	free(log);
	return child;
}

static void stop(pid_t child)
{
	kill(child, SIGKILL);
	waitpid(child, NULL, 0);
}

static bool read_output(struct bench_run *run)
{
	struct err err;

	strbuf_reset(&run->text);
	return file_read(run->out_path, OUTPUT_MAX, &run->text, &err);
}

static bool holds(const struct bench_run *run, const char *text)
{
	return memmem(run->text.buf, run->text.len, text, strlen(text)) != NULL;
}

/* When the file does (or does not) hold the text: the time of the change that made it so; below
 * 0: never. text NULL: when there is a file. */
static double wait_for(struct bench_run *run, const char *text, bool present, int patience_ms)
{
	double end = now_ms() + patience_ms;
	char events[4096];

	for (;;) {
		double seen = now_ms();
		struct pollfd fd = { .fd = run->inotify, .events = POLLIN };

		while (read(run->inotify, events, sizeof(events)) > 0)
			;
		if (read_output(run) && (!text || holds(run, text) == present))
			return seen;
		if (seen >= end)
			return -1;
		poll(&fd, 1, (int)(end - seen) + 1);
	}
}

static size_t count_of(const struct strbuf *text, const char *what)
{
	const char *at = text->buf, *end = text->buf + text->len;
	size_t count = 0;

	while ((at = memmem(at, (size_t)(end - at), what, strlen(what)))) {
		at += strlen(what);
		count++;
	}
	return count;
}

static long status_kb(pid_t pid, const char *name)
{
	char path[64], line[256];
	FILE *file;
	long kb = -1;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	while (file && kb < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return kb;
}

/* User and system time, in ticks. */
static long ticks_of(pid_t pid)
{
	char path[64], text[1024] = "";
	long user = 0, sys = 0;
	FILE *file;
	char *at;

	snprintf(path, sizeof(path), "/proc/%d/stat", (int)pid);
	file = fopen(path, "r");
	bench_require(file && fgets(text, sizeof(text), file), "the program has ended");
	fclose(file);
	at = strrchr(text, ')');
	bench_require(at && sscanf(at, ") %*c %*d %*d %*d %*d %*d %*u %*u %*u %*u %*u %ld %ld",
				   &user, &sys) == 2,
		      "/proc/PID/stat is not what it was");
	return user + sys;
}

/* From the start to the file, and the peak of memory; below 0: it never came. */
static double first_render(struct bench_run *run, const char *program, long *peak_kb)
{
	double began = now_ms(), came;
	pid_t child = start_program(run, program, run->world->address);

	came = wait_for(run, NULL, true, GIVE_UP_MS);
	*peak_kb = status_kb(child, "VmHWM:");
	stop(child);
	if (came >= 0)
		bench_require(count_of(&run->text, "max_fails=3") ==
				      run->world->services * WORLD_INSTANCES,
			      "the first file is not complete");
	return came < 0 ? -1 : came - began;
}

static double curl_time(struct bench_run *run, const char *config)
{
	char *log = xasprintf("%s/curl.log", run->world->dir);
	char *argv[] = { "curl", "-s", "-S", "-q", "-K", (char *)config, NULL };
	double began = now_ms();
	pid_t child = start(argv, log);
	int status = 0;

	waitpid(child, &status, 0);
	free(log);
	bench_require(WIFEXITED(status) && WEXITSTATUS(status) == 0, "curl fails");
	return now_ms() - began;
}

static void add_url(struct strbuf *config, const struct world *world, const char *path, size_t len)
{
	strbuf_addf(config, "url=\"http://%s%.*s\"\noutput=\"/dev/null\"\n", world->address,
		    (int)len, path);
}

static char *write_config(struct bench_run *run, const char *name, struct strbuf *config)
{
	char *path = xasprintf("%s/%s", run->world->dir, name);
	struct file_mode mode = { .mode = 0600 };
	struct err err;

	bench_require(file_replace(path, config->buf, config->len, &mode, &err), err.msg);
	strbuf_release(config);
	return path;
}

/* What the program asked for before its first file, without what only waited. */
static char *config_of_log(struct bench_run *run, const char *log)
{
	struct strbuf text = STRBUF_INIT, config = STRBUF_INIT;
	struct err err;

	bench_require(file_read(log, OUTPUT_MAX, &text, &err), err.msg);
	for (char *line = text.buf, *next; (next = strchr(line, '\n')); line = next + 1) {
		*next = '\0';
		if (strncmp(line, "GET ", 4) == 0 && !strstr(line, "index="))
			add_url(&config, run->world, line + 4, strcspn(line + 4, " "));
	}
	strbuf_release(&text);
	bench_require(config.len > 0, "the program asks for nothing");
	return write_config(run, "same.curl", &config);
}

static char *config_per_service(struct bench_run *run)
{
	struct strbuf config = STRBUF_INIT;
	char path[100];

	add_url(&config, run->world, "/v1/catalog/services", 20);
	for (size_t i = 0; i < run->world->services; i++) {
		snprintf(path, sizeof(path),
			 "/v1/health/service/team-service-%05zu?passing=1&stale=&tag=calico", i);
		add_url(&config, run->world, path, strlen(path));
	}
	return write_config(run, "each.curl", &config);
}

/* Change k of a round of four to one service, and what shall be seen of it. */
static void make_change(struct world *world, size_t service, size_t k, char text[40], bool *present)
{
	unsigned port = world_port(service, 0);

	*present = k == 0 || k == 2;
	if (k == 0)
		port += 20000;
	world_address(service, 0, port, text);
	if (k == 0)
		world_set_port(world, service, port);
	else if (k == 1)
		world_set_check(world, service, "critical");
	else if (k == 2)
		world_set_check(world, service, "passing");
	else
		world_deregister(world, service);
}

/* The first change of a round also takes the first port away, so the second one is seen by the
 * absence of the other. */
static void change_and_wait(struct bench_run *run, size_t k, double *latency_ms)
{
	struct world *world = run->world;
	size_t service = (k / 4 * 997 + 11) % world->services;
	double answered, seen;
	char text[40];
	bool present;

	make_change(world, service, k % 4, text, &present);
	answered = now_ms();
	if (k % 4 == 1)
		world_address(service, 0, world_port(service, 0) + 20000, text);
	seen = wait_for(run, text, present, GIVE_UP_MS);
	bench_require(seen >= 0, "a change does not reach the file");
	*latency_ms = seen > answered ? seen - answered : 0;
	rest(REST_MS);
	if (k % 4 < 3)
		return;
	world_address(service, 0, world_port(service, 0), text);
	world_set_check(world, service, "passing");
	bench_require(wait_for(run, text, true, GIVE_UP_MS) >= 0,
		      "an instance that came back does not reach the file");
	rest(REST_MS);
}

static void measure_latency(struct bench_run *run, struct numbers *numbers)
{
	pid_t child = start_program(run, run->binnacle, run->world->address);
	double all[CHANGES];
	long peak_kb, ticks;

	bench_require(wait_for(run, NULL, true, GIVE_UP_MS) >= 0, "no file");
	rest(SETTLE_MS);
	ticks = ticks_of(child);
	rest(IDLE_MS);
	numbers->idle_ticks = ticks_of(child) - ticks;
	for (size_t k = 0; k < CHANGES; k++)
		change_and_wait(run, k, &all[k]);
	numbers->latency_ms = median(all, CHANGES);
	numbers->worst_ms = all[CHANGES - 1];
	peak_kb = status_kb(child, "VmHWM:");
	if (peak_kb > numbers->peak_kb)
		numbers->peak_kb = peak_kb;
	stop(child);
}

/* The same once more with a relay in between, which costs time. */
static char *measure_traffic(struct bench_run *run, struct numbers *numbers)
{
	char *log = xasprintf("%s/requests", run->world->dir), *config;
	uint64_t before, requests, all = 0;
	struct relay relay;
	double ignored;
	pid_t child;

	relay_start(&relay, run->world->port, log);
	child = start_program(run, run->binnacle, relay.address);
	bench_require(wait_for(run, NULL, true, GIVE_UP_MS) >= 0,
		      "through the relay there is no file");
	numbers->full_bytes = relay.counts->received;
	numbers->requests = relay.counts->requests;
	config = config_of_log(run, log);
	rest(SETTLE_MS);
	requests = relay.counts->requests;
	rest(IDLE_MS);
	numbers->idle_requests = relay.counts->requests - requests;
	for (size_t k = 0; k < CHANGES; k++) {
		before = relay.counts->received;
		change_and_wait(run, k, &ignored);
		before = relay.counts->received - before;
		/* The last of a round is a deregistration and the way back. */
		if (k % 4 == 3)
			before /= 2;
		all += before;
		if (before > numbers->worst_bytes)
			numbers->worst_bytes = before;
	}
	numbers->bytes_per_change = (double)all / CHANGES;
	numbers->most = relay.counts->most;
	stop(child);
	relay_stop(&relay);
	free(log);
	return config;
}

static void measure_start(struct bench_run *run, const char *same, struct numbers *numbers)
{
	double ours[STARTS], curls[STARTS], ratios[STARTS];
	char *each = config_per_service(run);
	long peak_kb;

	for (size_t i = 0; i < STARTS; i++) {
		ours[i] = first_render(run, run->binnacle, &peak_kb);
		bench_require(ours[i] >= 0, "there is no first file");
		curls[i] = curl_time(run, same);
		ratios[i] = ours[i] / curls[i];
		if (peak_kb > numbers->peak_kb)
			numbers->peak_kb = peak_kb;
	}
	numbers->output = run->text.len;
	numbers->first_ms = median(ours, STARTS);
	numbers->curl_ms = median(curls, STARTS);
	numbers->ratio = median(ratios, STARTS);
	numbers->per_service_ms = curl_time(run, each);
	unlink(each);
	free(each);
}

static void measure_original(struct bench_run *run, struct numbers *numbers)
{
	char *program = world_find_program("consul-template");

	if (!program)
		return;
	numbers->original_ms = first_render(run, program, &numbers->original_kb);
	free(program);
}

static void measure(struct bench_run *run, size_t services, struct numbers *numbers)
{
	char *same;

	*numbers = (struct numbers){ .services = services };
	world_fill(run->world, services);
	rest(1000);
	same = measure_traffic(run, numbers);
	measure_start(run, same, numbers);
	measure_latency(run, numbers);
	measure_original(run, numbers);
	unlink(same);
	free(same);
}

static struct numbers results[SIZES_MAX];
static size_t result_count;

#define ROW(name, goal, ...)                                                                       \
	do {                                                                                       \
		printf("| %s |", name);                                                            \
		for (size_t i = 0; i < result_count; i++) {                                        \
			const struct numbers *n = &results[i];                                     \
			char cell[80];                                                             \
                                                                                                   \
			snprintf(cell, sizeof(cell), __VA_ARGS__);                                 \
			printf(" %s |", cell);                                                     \
		}                                                                                  \
		printf(" %s |\n", goal);                                                           \
	} while (0)

static void print_original(void)
{
	if (results[0].original_ms == 0)
		return;
	ROW("the original's first file (there is a consul-template in PATH)", "", "%.0f ms, %.1fx",
	    n->original_ms, n->original_ms / n->first_ms);
	ROW("its peak memory", "", "%.1f MiB", (double)n->original_kb / 1024);
}

static void print_results(void)
{
	printf("\n| services of %d instances on %d nodes |", WORLD_INSTANCES, WORLD_NODES);
	for (size_t i = 0; i < result_count; i++)
		printf(" %zu |", results[i].services);
	printf(" goal |\n|---|");
	for (size_t i = 0; i < result_count; i++)
		printf("---|");
	printf("---|\n");
	ROW("first file, as a ratio to curl for the same answers", "1.6", "**%.2f**", n->ratio);
	ROW("... in this run", "", "%.0f ms to %.0f ms", n->first_ms, n->curl_ms);
	ROW("... curl for one answer per service", "", "%.0f ms", n->per_service_ms);
	ROW("answers and bytes for the first file", "", "%" PRIu64 ", %.2f MB", n->requests,
	    (double)n->full_bytes / 1e6);
	ROW("connections to Consul, at most", "8", "%" PRIu64, n->most);
	ROW("peak memory", "60 MiB", "%.1f MiB", (double)n->peak_kb / 1024);
	ROW("from a change to the file: median, worst of 20", "50 ms", "%.1f ms, %.1f ms",
	    n->latency_ms, n->worst_ms);
	ROW("bytes for a change, as a share of all: mean, worst", "5 %", "%.2f %%, %.2f %%",
	    n->bytes_per_change / (double)n->full_bytes * 100,
	    (double)n->worst_bytes / (double)n->full_bytes * 100);
	ROW("idle for 10 s: requests, ticks of CPU", "", "%" PRIu64 ", %ld", n->idle_requests,
	    n->idle_ticks);
	print_original();
	fflush(stdout);
}

static void prepare(struct bench_run *run, struct world *world)
{
	char *program = getenv("BINNACLE");
	struct file_mode mode = { .mode = 0600 };
	struct err err;

	*run = (struct bench_run){ .world = world,
				   .binnacle = program ? program : "build/binnacle" };
	run->template_path = xasprintf("%s/app.ctmpl", world->dir);
	run->out_dir = xasprintf("%s/out", world->dir);
	run->out_path = xasprintf("%s/app.conf", run->out_dir);
	strbuf_init(&run->text);
	bench_require(mkdir(run->out_dir, 0700) == 0, "no folder for the output");
	bench_require(file_replace(run->template_path, bench_template, strlen(bench_template),
				   &mode, &err),
		      err.msg);
	run->inotify = inotify_init1(IN_NONBLOCK | IN_CLOEXEC);
	bench_require(run->inotify >= 0 && inotify_add_watch(run->inotify, run->out_dir,
							     IN_MOVED_TO | IN_CLOSE_WRITE) >= 0,
		      "no inotify");
}

static void release(struct bench_run *run)
{
	close(run->inotify);
	free(run->template_path);
	free(run->out_dir);
	free(run->out_path);
	strbuf_release(&run->text);
}

static struct world world;

static void on_exit_stop(void)
{
	if (world.dir)
		world_stop(&world);
}

int main(void)
{
	const char *sizes = getenv("BENCH_SERVICES");
	char *program = world_find_program("consul"), *end;
	struct bench_run run;

	if (!program) {
		printf("bench: no consul in PATH or in the lab's cache: watching is not "
		       "measured\n");
		return 0;
	}
	atexit(on_exit_stop);
	world_start(&world, program);
	free(program);
	prepare(&run, &world);
	for (sizes = sizes ? sizes : "1000 5000"; result_count < SIZES_MAX; sizes = end) {
		unsigned long services = strtoul(sizes, &end, 10);

		if (end == sizes || !services)
			break;
		measure(&run, services, &results[result_count++]);
	}
	print_results();
	release(&run);
	return 0;
}
