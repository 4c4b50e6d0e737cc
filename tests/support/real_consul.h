/*
 * support/real_consul.h - a consul agent of our own for one test program, on free ports of the
 * loopback, without anything kept on disk. It dies with the test.
 */
#ifndef SUPPORT_REAL_CONSUL_H
#define SUPPORT_REAL_CONSUL_H

#include <stdbool.h>
#include <sys/types.h>

struct real_consul {
	pid_t pid; /* 0 while it does not run */
	int port;
	char address[32]; /* "127.0.0.1:port" */
};

/* Is there a program "consul", in PATH or in the cache of the lab? If not, skip. */
bool real_consul_exists(void);
/* Does not wait until it answers. Started again it has the same port and no data. */
void real_consul_start(struct real_consul *consul);
void real_consul_stop(struct real_consul *consul);

#endif
