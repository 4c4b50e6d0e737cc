/*
 * bench/relay.h - a process between a client and a server that counts.
 *
 * What the client asks and what it is sent is counted in shared memory. The relay is a child of
 * ours and ends with relay_stop.
 */
#ifndef BENCH_RELAY_H
#define BENCH_RELAY_H

#include <stdint.h>
#include <sys/types.h>

struct relay_counts {
	volatile uint64_t received; /* bytes from the server to the client */
	volatile uint64_t requests; /* heads of HTTP requests */
	volatile uint64_t most;     /* connections open at once, ever */
};

struct relay {
	pid_t pid;
	char address[32];            /* for the client */
	struct relay_counts *counts; /* of the other process */
};

/* The first line of each request goes into the file `log`. */
void relay_start(struct relay *relay, int server_port, const char *log);
void relay_stop(struct relay *relay);

#endif
