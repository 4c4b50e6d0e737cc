#include "bench/relay.h"

#include <arpa/inet.h>
#include <errno.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <netinet/tcp.h>
#include <poll.h>
#include <signal.h>
#include <stdio.h>
#include <string.h>
#include <sys/mman.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

enum { PAIRS_MAX = 600, CHUNK = 65536 };

struct pair {
	int client, server;
	char line[2048]; /* of the client, so far */
	size_t len;
	bool in_head; /* the first line of it is over */
};

struct traffic {
	int listener, server_port, log;
	struct relay_counts *counts;
	struct pair pairs[PAIRS_MAX];
	size_t count;
};

static int connect_to(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0), on = 1;

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) != 0) {
		close(fd);
		return -1;
	}
	setsockopt(fd, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	return fd;
}

static void write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t done = send(fd, bytes, len, MSG_NOSIGNAL);

		if (done < 0 && errno == EINTR)
			continue;
		if (done <= 0)
			return;
		bytes += done;
		len -= (size_t)done;
	}
}

/* Without those that the client has closed, but whose last bytes are still here. */
static size_t count_open(const struct traffic *traffic)
{
	static struct pollfd fds[PAIRS_MAX];
	size_t open = 0;

	for (size_t i = 0; i < traffic->count; i++)
		fds[i] = (struct pollfd){ .fd = traffic->pairs[i].client, .events = POLLRDHUP };
	if (poll(fds, traffic->count, 0) < 0)
		return traffic->count;
	for (size_t i = 0; i < traffic->count; i++)
		open += fds[i].revents == 0;
	return open;
}

static void take(struct traffic *traffic)
{
	size_t open;
	struct pair *pair = &traffic->pairs[traffic->count];
	int on = 1;

	*pair = (struct pair){ .client = accept(traffic->listener, NULL, NULL) };
	if (pair->client < 0)
		return;
	pair->server = connect_to(traffic->server_port);
	if (pair->server < 0 || traffic->count == PAIRS_MAX - 1) {
		close(pair->client);
		return;
	}
	setsockopt(pair->client, IPPROTO_TCP, TCP_NODELAY, &on, sizeof(on));
	traffic->count++;
	open = count_open(traffic);
	if (open > traffic->counts->most)
		traffic->counts->most = open;
}

/* Requests have no bodies here: each is lines up to an empty one. */
static void look(struct traffic *traffic, struct pair *pair, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] != '\n') {
			if (bytes[i] != '\r' && pair->len < sizeof(pair->line) - 1)
				pair->line[pair->len++] = bytes[i];
			continue;
		}
		if (!pair->in_head && pair->len) {
			pair->line[pair->len] = '\n';
			if (write(traffic->log, pair->line, pair->len + 1) < 0)
				_exit(1);
			traffic->counts->requests++;
			pair->in_head = true;
		} else if (!pair->len) {
			pair->in_head = false;
		}
		pair->len = 0;
	}
}

/* False: one side has ended. */
static bool pass_on(struct traffic *traffic, struct pair *pair, bool from_client)
{
	static char bytes[CHUNK];
	ssize_t got = recv(from_client ? pair->client : pair->server, bytes, sizeof(bytes), 0);

	if (got < 0 && errno == EINTR)
		return true;
	if (got <= 0)
		return false;
	if (from_client)
		look(traffic, pair, bytes, (size_t)got);
	else
		traffic->counts->received += (uint64_t)got;
	write_all(from_client ? pair->server : pair->client, bytes, (size_t)got);
	return true;
}

static void drop(struct traffic *traffic, size_t index)
{
	close(traffic->pairs[index].client);
	close(traffic->pairs[index].server);
	traffic->pairs[index] = traffic->pairs[--traffic->count];
}

static void run(struct traffic *traffic)
{
	static struct pollfd fds[2 * PAIRS_MAX + 1];

	for (;;) {
		size_t count = traffic->count;

		fds[0] = (struct pollfd){ .fd = traffic->listener, .events = POLLIN };
		for (size_t i = 0; i < count; i++) {
			fds[2 * i + 1] =
				(struct pollfd){ .fd = traffic->pairs[i].client, .events = POLLIN };
			fds[2 * i + 2] =
				(struct pollfd){ .fd = traffic->pairs[i].server, .events = POLLIN };
		}
		if (poll(fds, 2 * count + 1, -1) < 0)
			continue;
		/* From behind, because the last one takes the place of one that is dropped. */
		for (size_t i = count; i-- > 0;)
			if ((fds[2 * i + 1].revents &&
			     !pass_on(traffic, &traffic->pairs[i], true)) ||
			    (fds[2 * i + 2].revents &&
			     !pass_on(traffic, &traffic->pairs[i], false)))
				drop(traffic, i);
		if (fds[0].revents)
			take(traffic);
	}
}

void relay_start(struct relay *relay, int server_port, const char *log)
{
	static struct traffic traffic;
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);

	traffic = (struct traffic){ .server_port = server_port };
	traffic.listener = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);
	bench_require(traffic.listener >= 0 &&
			      bind(traffic.listener, (struct sockaddr *)&address, len) == 0 &&
			      listen(traffic.listener, 128) == 0 &&
			      getsockname(traffic.listener, (struct sockaddr *)&address, &len) == 0,
		      "no port for the relay");
	snprintf(relay->address, sizeof(relay->address), "127.0.0.1:%d", ntohs(address.sin_port));
	traffic.log = open(log, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0600);
	bench_require(traffic.log >= 0, "no file for the requests");
	relay->counts = mmap(NULL, sizeof(*relay->counts), PROT_READ | PROT_WRITE,
			     MAP_SHARED | MAP_ANONYMOUS, -1, 0);
	bench_require(relay->counts != MAP_FAILED, "no shared memory");
	traffic.counts = relay->counts;
	relay->pid = fork();
	bench_require(relay->pid >= 0, "no process");
	if (relay->pid == 0) {
		prctl(PR_SET_PDEATHSIG, SIGKILL);
		run(&traffic);
	}
	close(traffic.listener);
	close(traffic.log);
}

void relay_stop(struct relay *relay)
{
	kill(relay->pid, SIGKILL);
	waitpid(relay->pid, NULL, 0);
	munmap(relay->counts, sizeof(*relay->counts));
	*relay = (struct relay){ 0 };
}
