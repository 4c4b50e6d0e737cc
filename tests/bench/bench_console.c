/*
 * The console on a real etcd with 10,000 Calico endpoints, 12,000 addresses and 20 policies: from
 * its start until they are on the screen, and from a key until the screen answers, also while
 * endpoints change. The screen is a pseudo terminal; what the terminal itself costs is measured
 * with cat on another one.
 */
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <termios.h>
#include <time.h>
#include <unistd.h>

#include "bench/bench.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "support/real_etcd.h"

enum { NODES = 10, ENDPOINTS = 10000, SLOTS = 12000, BLOCK = 64, POLICIES = 20, LOADERS = 8 };
enum { STARTS = 5, KEYS = 120, KEY_GAP_MS = 30, PATIENCE_MS = 60000, CHANGE_GAP_MS = 200 };

static const char *program;
static struct real_etcd etcd;

static double now_ms(void)
{
	struct timespec now;

	clock_gettime(CLOCK_MONOTONIC, &now);
	return (double)now.tv_sec * 1e3 + (double)now.tv_nsec / 1e6;
}

static void nap_ms(int ms)
{
	nanosleep(&(struct timespec){ ms / 1000, ms % 1000 * 1000000L }, NULL);
}

/* ---- what is in the store ---- */

/* Spread as hashes are, the same in each run. */
static const char *endpoint_id(int endpoint)
{
	static char id[65];

	for (int i = 0; i < 4; i++)
		snprintf(id + i * 16, 17, "%016llx",
			 (unsigned long long)(endpoint + 1) * (i + 1) * 0x9e3779b97f4a7c15ull);
	return id;
}

static void put_endpoint(int endpoint, int version)
{
	char key[200], value[400];

	snprintf(key, sizeof(key),
		 "/calico/v1/host/dock-%d/workload/libnetwork/libnetwork/endpoint/%s",
		 endpoint % NODES, endpoint_id(endpoint));
	snprintf(value, sizeof(value),
		 "{\"state\":\"active\",\"name\":\"cali%.11s\",\"mac\":\"ee:ee:ee:ee:ee:ee\","
		 "\"profile_ids\":[\"calico\"],\"ipv4_nets\":[\"10.0.%d.%d/32\"],\"ipv6_nets\":[],"
		 "\"labels\":{\"app\":\"a%d\",\"version\":\"%d\"}}",
		 endpoint_id(endpoint), endpoint / 256, endpoint % 256, endpoint % 50, version);
	real_etcd_put(&etcd, key, value);
}

static void put_block(int first)
{
	struct strbuf value = STRBUF_INIT;
	char key[100], cidr[40];

	snprintf(cidr, sizeof(cidr), "10.0.%d.%d", first / 256, first % 256);
	strbuf_addf(&value, "{\"cidr\":\"%s/26\",\"affinity\":\"host:dock-%d\",\"allocations\":[",
		    cidr, first / BLOCK % NODES);
	for (int i = 0; i < BLOCK; i++)
		strbuf_addstr(&value, !i ? "0" : first + i < SLOTS ? ",0" : ",null");
	strbuf_addstr(&value, "],\"unallocated\":[],\"strictAffinity\":false,\"attributes\":"
			      "[{\"handle_id\":null,\"secondary\":null}]}");
	snprintf(key, sizeof(key), "/calico/ipam/v2/assignment/ipv4/block/%s-26", cidr);
	real_etcd_put(&etcd, key, value.buf);
	strbuf_release(&value);
}

static void put_rest(void)
{
	char key[100], value[200];

	real_etcd_put(&etcd, "/calico/v1/Ready", "true");
	real_etcd_put(&etcd, "/calico/v1/ipam/v4/pool/10.0.0.0-8", "{\"cidr\":\"10.0.0.0/8\"}");
	real_etcd_put(&etcd, "/calico/v1/policy/profile/calico/tags", "[\"calico\"]");
	for (int i = 0; i < NODES; i++) {
		snprintf(key, sizeof(key), "/calico/v1/host/dock-%d/metadata", i);
		real_etcd_put(&etcd, key, "{}");
	}
	for (int i = 0; i < POLICIES; i++) {
		snprintf(key, sizeof(key), "/calico/v1/policy/tier/default/policy/p%d", i);
		snprintf(value, sizeof(value),
			 "{\"selector\":\"app == 'a%d' || app in {'a%d','x'}\",\"types\":"
			 "[\"ingress\"],\"inbound_rules\":[{\"action\":\"allow\"}]}",
			 i, i + POLICIES);
		real_etcd_put(&etcd, key, value);
	}
}

/* Several processes: etcd syncs what comes together at once. */
static void load(void)
{
	pid_t children[LOADERS];

	for (int i = 0; i < LOADERS; i++) {
		children[i] = fork();
		bench_require(children[i] >= 0, "no process");
		if (children[i])
			continue;
		for (int k = i; k < ENDPOINTS; k += LOADERS)
			put_endpoint(k, 0);
		for (int k = i * BLOCK; k < SLOTS; k += LOADERS * BLOCK)
			put_block(k);
		_exit(0);
	}
	put_rest();
	for (int i = 0; i < LOADERS; i++) {
		int status;

		waitpid(children[i], &status, 0);
		bench_require(WIFEXITED(status) && WEXITSTATUS(status) == 0,
			      "the store cannot be filled");
	}
}

/* Changes an endpoint now and then until it is killed. */
static pid_t start_changing(void)
{
	pid_t child = fork();

	bench_require(child >= 0, "no process");
	if (child)
		return child;
	for (int i = 0;; i++) {
		put_endpoint(i % ENDPOINTS, i + 1);
		nap_ms(CHANGE_GAP_MS);
	}
}

/* ---- a program on a terminal ---- */

struct screen {
	pid_t pid;
	int fd;
};

static struct screen start(char *const *argv)
{
	const struct winsize size = { .ws_row = 40, .ws_col = 120 };
	struct screen screen;

	screen.pid = forkpty(&screen.fd, NULL, NULL, &size);
	bench_require(screen.pid >= 0, "no terminal");
	if (screen.pid == 0) {
		setenv("TERM", "xterm-256color", 1);
		setenv("LC_ALL", "C.UTF-8", 1);
		unsetenv("CONSUL_HTTP_ADDR");
		execvp(argv[0], argv);
		_exit(127);
	}
	return screen;
}

/* What comes within the time; 0: nothing. */
static size_t read_some(const struct screen *screen, char *bytes, size_t size, int wait_ms)
{
	struct pollfd poll_fd = { screen->fd, POLLIN, 0 };
	ssize_t got;

	if (poll(&poll_fd, 1, wait_ms) <= 0)
		return 0;
	got = read(screen->fd, bytes, size);
	return got > 0 ? (size_t)got : 0;
}

static void drain(const struct screen *screen, int quiet_ms)
{
	char bytes[65536];

	while (read_some(screen, bytes, sizeof(bytes), quiet_ms))
		;
}

static void wait_for(const struct screen *screen, const char *text)
{
	struct strbuf seen = STRBUF_INIT;
	double until_ms = now_ms() + PATIENCE_MS;
	char bytes[65536];

	while (!strstr(seen.buf, text)) {
		size_t got = read_some(screen, bytes, sizeof(bytes), 100);

		bench_require(now_ms() < until_ms, "the endpoints do not come on the screen");
		for (size_t i = 0; i < got; i++)
			if (bytes[i])
				strbuf_addch(&seen, bytes[i]);
	}
	strbuf_release(&seen);
}

static void stop(const struct screen *screen)
{
	int status;

	kill(screen->pid, SIGTERM);
	drain(screen, 50);
	close(screen->fd);
	waitpid(screen->pid, &status, 0);
}

static struct screen start_console(const char *config)
{
	struct screen screen = start(
		(char *[]){ (char *)program, "--config", (char *)config, "--read-only", NULL });

	wait_for(&screen, "10000");
	return screen;
}

/* From a key until the first byte of the answer. */
static double answer_ms(const struct screen *screen, const char *key)
{
	char bytes[65536];
	double began_ms;

	drain(screen, KEY_GAP_MS);
	began_ms = now_ms();
	bench_require(write(screen->fd, key, strlen(key)) == (ssize_t)strlen(key), "no key");
	bench_require(read_some(screen, bytes, sizeof(bytes), PATIENCE_MS) > 0,
		      "a key is not answered");
	return now_ms() - began_ms;
}

static long high_water_kb(pid_t pid)
{
	char path[40], line[200];
	long kb = 0;
	FILE *file;

	snprintf(path, sizeof(path), "/proc/%d/status", (int)pid);
	file = fopen(path, "r");
	while (file && fgets(line, sizeof(line), file))
		if (strncmp(line, "VmHWM:", 6) == 0)
			kb = strtol(line + 6, NULL, 10);
	if (file)
		fclose(file);
	return kb;
}

/* ---- the measures ---- */

/* The least that it can take: the same answer of etcd, read by us. */
static double fetch_ms(void)
{
	double began_ms = now_ms();
	int status;

	free(real_etcd_request(&etcd, "GET",
			       "/v2/keys/calico?recursive=true&sorted=true&quorum=true", NULL,
			       &status));
	bench_require(status == 200, "etcd does not answer");
	return now_ms() - began_ms;
}

static void measure_starts(const char *config)
{
	double work[STARTS], base[STARTS];

	for (int i = 0; i < STARTS; i++) {
		double began_ms = now_ms();
		struct screen screen = start_console(config);

		work[i] = now_ms() - began_ms;
		stop(&screen);
		base[i] = fetch_ms();
	}
	bench_row("console: start to 10000 endpoints", work, "their answer from etcd", base,
		  STARTS);
}

static void measure_keys(const char *what, const struct screen *console, const struct screen *cat)
{
	static const char *const keys[] = { "j", "\033[6~", "j", "\033[6~", "k", "\033[5~" };
	double work[KEYS], base[KEYS];

	for (int i = 0; i < KEYS; i++) {
		work[i] = answer_ms(console, keys[i % 6]);
		base[i] = answer_ms(cat, "x");
	}
	bench_row(what, work, "an echo of the terminal", base, KEYS);
}

static void measure_scrolling(const char *config)
{
	struct screen console = start_console(config), cat = start((char *[]){ "cat", NULL });
	pid_t changing;

	answer_ms(&console, "5");
	answer_ms(&console, "z");
	measure_keys("console: a key among 10000 endpoints", &console, &cat);
	changing = start_changing();
	measure_keys("the same, an endpoint changes each 0.2 s", &console, &cat);
	kill(changing, SIGKILL);
	waitpid(changing, NULL, 0);
	printf("  peak of the console: %.1f MB\n", (double)high_water_kb(console.pid) / 1024);
	stop(&console);
	stop(&cat);
}

static char *write_config(const char *folder)
{
	char *path = xasprintf("%s/binnacle.hcl", folder);
	FILE *file = fopen(path, "w");

	bench_require(file != NULL, "no configuration");
	/* Nobody listens on the discard port; a Docker of this machine is none of its business. */
	fprintf(file,
		"calico { endpoints = [\"%s\"] }\n"
		"consul { address = \"127.0.0.1:9\" }\n"
		"docker \"dock-0\" { host = \"unix://%s/no.sock\" }\n"
		"register { mode = \"off\" }\n",
		etcd.url, folder);
	fclose(file);
	return path;
}

int main(int argc, char **argv)
{
	char folder[] = "/tmp/binnacle-bench-XXXXXX", *config;

	program = getenv("BINNACLE") ? getenv("BINNACLE") : "build/binnacle";
	bench_begin(argc, argv);
	signal(SIGPIPE, SIG_IGN);
	if (!real_etcd_start(&etcd, true)) {
		printf("console: there is no etcd here\n");
		return 0;
	}
	bench_require(mkdtemp(folder) != NULL, "no folder");
	setenv("XDG_STATE_HOME", folder, 1);
	load();
	config = write_config(folder);
	measure_starts(config);
	measure_scrolling(config);
	real_etcd_stop(&etcd);
	unlink(config);
	free(config);
	/* What the console keeps for itself: a journal that is empty, the lines of the palette. */
	if (fork() == 0)
		execlp("rm", "rm", "-rf", folder, (char *)NULL);
	wait(NULL);
	return 0;
}
