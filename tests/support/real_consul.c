#include "support/real_consul.h"

#include <arpa/inet.h>
#include <fcntl.h>
#include <netinet/in.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/prctl.h>
#include <sys/socket.h>
#include <sys/wait.h>
#include <unistd.h>

#include "binnacle/base/mem.h"

static char *find_program(void)
{
	static const char fallback[] = "/var/cache/binnacle-lab/consul/usr/bin";
	const char *path = getenv("PATH");
	char *folders = xasprintf("%s:%s", path ? path : "", fallback);
	char *found = NULL;

	for (char *folder = folders; folder && !found;) {
		char *colon = strchr(folder, ':');

		if (colon)
			*colon = '\0';
		found = xasprintf("%s/consul", folder);
		if (access(found, X_OK) != 0) {
			free(found);
			found = NULL;
		}
		folder = colon ? colon + 1 : NULL;
	}
	free(folders);
	return found;
}

bool real_consul_exists(void)
{
	char *program = find_program();
	bool exists = program != NULL;

	free(program);
	return exists;
}

/* Free for TCP; that the gossip needs the same number for UDP is left to luck. */
static int free_port(void)
{
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
	socklen_t len = sizeof(address);
	int fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC, 0);

	if (fd < 0 || bind(fd, (struct sockaddr *)&address, sizeof(address)) != 0 ||
	    getsockname(fd, (struct sockaddr *)&address, &len) != 0)
		abort();
	close(fd);
	return ntohs(address.sin_port);
}

static void exec_consul(const char *program, int http_port)
{
	char http[32], server[32], lan[40], wan[40];
	int null = open("/dev/null", O_RDWR);

	prctl(PR_SET_PDEATHSIG, SIGKILL);
	dup2(null, 0);
	dup2(null, 1);
	dup2(null, 2);
	snprintf(http, sizeof(http), "-http-port=%d", http_port);
	snprintf(server, sizeof(server), "-server-port=%d", free_port());
	snprintf(lan, sizeof(lan), "-serf-lan-port=%d", free_port());
	snprintf(wan, sizeof(wan), "-serf-wan-port=%d", free_port());
	execl(program, "consul", "agent", "-dev", "-node=n1", "-bind=127.0.0.1", "-dns-port=-1",
	      "-grpc-port=-1", http, server, lan, wan, (char *)NULL);
	_exit(127);
}

void real_consul_start(struct real_consul *consul)
{
	char *program = find_program();

	if (consul->port == 0)
		consul->port = free_port();
	snprintf(consul->address, sizeof(consul->address), "127.0.0.1:%d", consul->port);
	consul->pid = fork();
	if (consul->pid == 0)
		exec_consul(program, consul->port);
	free(program);
}

void real_consul_stop(struct real_consul *consul)
{
	if (consul->pid <= 0)
		return;
	kill(consul->pid, SIGKILL);
	waitpid(consul->pid, NULL, 0);
	consul->pid = 0;
}
