/*
 * bench/world.h - a real Consul server of our own, full of services.
 *
 *     world_start(&world);                    (a process, a data folder, free ports)
 *     world_fill(&world, 1000);               (only adds: 1000, then 5000)
 *     world_set_port(&world, 17, 4711);       (one change)
 *     world_stop(&world);
 *
 * Service i is "team-service-0000i", has the tag "calico" and INSTANCES instances on different
 * nodes of NODES, each with one passing check. It is a server that keeps its data on disk and has
 * the default limits, not one in -dev mode, which indents its answers.
 */
#ifndef BENCH_WORLD_H
#define BENCH_WORLD_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "binnacle/base/strbuf.h"

enum { WORLD_INSTANCES = 3, WORLD_NODES = 50 };

struct world {
	pid_t pid;
	int port;
	char address[32]; /* "127.0.0.1:port" */
	char *dir;        /* for everything; removed by world_stop */
	size_t services;
	void *curl;
	struct strbuf request, answer;
};

/* The path of a program in PATH or in the lab's cache; NULL: not there. The caller frees. */
char *world_find_program(const char *name);
void world_start(struct world *world, const char *program);
void world_fill(struct world *world, size_t services);
void world_stop(struct world *world);

/* Free for TCP on the loopback. */
int world_free_port(void);

/* Changes to the first instance of a service; they return when Consul has taken them. */
void world_set_port(struct world *world, size_t service, unsigned port);
void world_set_check(struct world *world, size_t service, const char *status);
void world_deregister(struct world *world, size_t service);
/* "10.0.1.2:4711" of an instance with the port given. */
void world_address(size_t service, size_t instance, unsigned port, char out[40]);
/* What world_fill gave it. */
unsigned world_port(size_t service, size_t instance);

#endif
