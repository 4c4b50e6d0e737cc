/*
 * Processes as /proc shows them, of this host or inside a container: which one is the master,
 * which are its workers.
 */
#ifndef NGINX_PROCESS_H
#define NGINX_PROCESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/strbuf.h"

struct process {
	int64_t pid, parent;
	uint64_t started; /* ticks since the start of the system: with pid it is unique */
	bool is_dead;     /* a zombie */
	bool is_worker;   /* by its title; also when it shuts down */
	bool is_leaving;  /* "worker process is shutting down" */
	char name[16];    /* comm */
};

struct process_list {
	struct process *items;
	size_t len, cap;
};

/* A shell script that prints what process_parse reads: for each process the line of its stat
 * file, then its command line. */
extern const char process_script[];

/* The same text for this host. */
void process_print_host(struct strbuf *out);
void process_parse(struct process_list *list, const char *text, size_t len);
void process_list_release(struct process_list *list);
const struct process *process_find(const struct process_list *list, int64_t pid);
/* A living child of `master` with the title of a worker. */
bool process_is_worker_of(const struct process *process, int64_t master);
/* The same process, not one that got its number later. */
bool process_list_has(const struct process_list *list, const struct process *process);

#endif
