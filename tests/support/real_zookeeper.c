#include "support/real_zookeeper.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "support/real_etcd.h"

#define JAR     "/usr/share/java/zookeeper.jar"
#define NO_LOGS "/usr/share/java/slf4j-nop.jar"

static int connect_to(int port)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_port = htons((uint16_t)port),
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd >= 0 && connect(fd, (struct sockaddr *)&address, sizeof(address)) == 0)
		return fd;
	if (fd >= 0)
		close(fd);
	return -1;
}

static bool read_all(int fd, void *into, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t got = read(fd, (char *)into + at, len - at);

		if (got <= 0)
			return false;
		at += (size_t)got;
	}
	return true;
}

static bool is_ready(const struct real_zookeeper *server)
{
	int fd = connect_to(server->port);
	char answer[4];
	bool ready;

	if (fd < 0)
		return false;
	/* Before it serves, it says that it does not. */
	ready = write(fd, "srvr", 4) == 4 && read_all(fd, answer, 4) &&
		memcmp(answer, "Zook", 4) == 0;
	close(fd);
	return ready;
}

static void exec_server(const struct real_zookeeper *server)
{
	char config[96];
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	snprintf(config, sizeof(config), "%s/zoo.cfg", server->dir);
	execlp("java", "java", "-Xmx64m", "-XX:TieredStopAtLevel=1", "-XX:+UseSerialGC", "-cp",
	       JAR ":" NO_LOGS, "org.apache.zookeeper.server.ZooKeeperServerMain", config,
	       (char *)NULL);
	_exit(127);
}

static void write_config(const struct real_zookeeper *server)
{
	char path[96];
	FILE *file;

	snprintf(path, sizeof(path), "%s/zoo.cfg", server->dir);
	file = fopen(path, "w");
	if (!file)
		abort();
	fprintf(file,
		"tickTime=%d\ndataDir=%s\nclientPortAddress=127.0.0.1\nclientPort=%d\n"
		"admin.enableServer=false\n",
		REAL_ZOOKEEPER_SESSION_MS / 2, server->dir, server->port);
	fclose(file);
}

/* False: there is no such program. */
static bool launch(struct real_zookeeper *server)
{
	write_config(server);
	server->pid = fork();
	if (server->pid == 0)
		exec_server(server);
	for (int i = 0; i < 3000; i++) {
		int status;

		if (waitpid(server->pid, &status, WNOHANG) == server->pid) {
			server->pid = 0;
			if (WIFEXITED(status) && WEXITSTATUS(status) == 127)
				return false;
			abort();
		}
		if (is_ready(server))
			return true;
		nanosleep(&(struct timespec){ .tv_nsec = 20000000 }, NULL);
	}
	abort();
}

static void remove_data(const struct real_zookeeper *server)
{
	pid_t child = fork();

	if (child == 0) {
		execlp("rm", "rm", "-rf", "--", server->dir, (char *)NULL);
		_exit(127);
	}
	waitpid(child, NULL, 0);
}

bool real_zookeeper_start(struct real_zookeeper *server)
{
	*server = (struct real_zookeeper){ .port = real_etcd_free_port() };
	if (access(JAR, R_OK) != 0)
		return false;
	snprintf(server->address, sizeof(server->address), "127.0.0.1:%d", server->port);
	snprintf(server->dir, sizeof(server->dir), "/tmp/zookeeper-XXXXXX");
	if (!mkdtemp(server->dir))
		abort();
	if (launch(server))
		return true;
	remove_data(server);
	return false;
}

void real_zookeeper_kill(struct real_zookeeper *server)
{
	if (server->pid <= 0)
		return;
	kill(server->pid, SIGKILL);
	waitpid(server->pid, NULL, 0);
	server->pid = 0;
}

void real_zookeeper_restart(struct real_zookeeper *server, bool wiped)
{
	real_zookeeper_kill(server);
	if (wiped) {
		remove_data(server);
		if (mkdir(server->dir, 0700) != 0)
			abort();
	}
	launch(server);
}

void real_zookeeper_stop(struct real_zookeeper *server)
{
	if (server->pid <= 0)
		return;
	real_zookeeper_kill(server);
	remove_data(server);
}

void real_zookeeper_pause(const struct real_zookeeper *server, bool pause)
{
	int status;

	kill(server->pid, pause ? SIGSTOP : SIGCONT);
	waitpid(server->pid, &status, pause ? WUNTRACED : WCONTINUED);
}

/* ---- a client ---- */

struct packet {
	unsigned char bytes[4096];
	size_t len;
};

static void add(struct packet *packet, const void *bytes, size_t len)
{
	if (packet->len + len > sizeof(packet->bytes))
		abort();
	memcpy(packet->bytes + packet->len, bytes, len);
	packet->len += len;
}

static void add_int(struct packet *packet, int32_t number)
{
	uint32_t big = htonl((uint32_t)number);

	add(packet, &big, sizeof(big));
}

static void add_text(struct packet *packet, const char *text)
{
	add_int(packet, (int32_t)strlen(text));
	add(packet, text, strlen(text));
}

/* Sends what is in it, puts the answer in its place. */
static bool exchange(int fd, struct packet *packet)
{
	uint32_t len = htonl((uint32_t)packet->len);

	if (write(fd, &len, 4) != 4 || write(fd, packet->bytes, packet->len) < 0 ||
	    !read_all(fd, &len, 4))
		return false;
	packet->len = ntohl(len);
	return packet->len <= sizeof(packet->bytes) && read_all(fd, packet->bytes, packet->len);
}

static int32_t int_at(const struct packet *packet, size_t at)
{
	uint32_t big;

	memcpy(&big, packet->bytes + at, sizeof(big));
	return (int32_t)ntohl(big);
}

/* A session for one request; the server's error number. */
static int32_t request(const struct real_zookeeper *server, struct packet *packet)
{
	static const struct packet close_session = { { 0, 0, 0, 2, 0xff, 0xff, 0xff, 0xf5 }, 8 };
	static const unsigned char zeros[8];
	struct packet greeting = { .len = 0 }, goodbye = close_session;
	int fd = connect_to(server->port);
	int32_t error;

	if (fd < 0)
		abort();
	add_int(&greeting, 0);
	add(&greeting, zeros, 8);
	add_int(&greeting, 5000);
	add(&greeting, zeros, 8);
	add_int(&greeting, 0); /* no password */
	if (!exchange(fd, &greeting) || !exchange(fd, packet))
		abort();
	error = int_at(packet, 12);
	exchange(fd, &goodbye);
	close(fd);
	return error;
}

static void begin(struct packet *packet, int32_t op, const char *path)
{
	packet->len = 0;
	add_int(packet, 1);
	add_int(packet, op);
	add_text(packet, path);
}

char *real_zookeeper_get(const struct real_zookeeper *server, const char *path, bool *is_ephemeral)
{
	struct packet packet;
	uint64_t owner;
	int32_t len;

	begin(&packet, 4, path);
	add(&packet, "", 1);
	if (request(server, &packet) != 0)
		return NULL;
	len = int_at(&packet, 16);
	/* Behind the data: four times of eight bytes, three versions of four. */
	memcpy(&owner, packet.bytes + 20 + len + 44, sizeof(owner));
	if (is_ephemeral)
		*is_ephemeral = owner != 0;
	return strndup((const char *)packet.bytes + 20, (size_t)len);
}

bool real_zookeeper_create(const struct real_zookeeper *server, const char *path, const char *data)
{
	struct packet packet;

	begin(&packet, 1, path);
	add_text(&packet, data);
	add_int(&packet, 1);
	add_int(&packet, 31);
	add_text(&packet, "world");
	add_text(&packet, "anyone");
	add_int(&packet, 0);
	return request(server, &packet) == 0;
}

bool real_zookeeper_delete(const struct real_zookeeper *server, const char *path)
{
	struct packet packet;

	begin(&packet, 2, path);
	add_int(&packet, -1);
	return request(server, &packet) == 0;
}
