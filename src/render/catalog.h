/*
 * catalog.h - the instances of many services of one datacenter, over a few connections.
 *
 * Consul tells of a change of one service to who blocks on that service, and a template may use
 * thousands. Three blocking queries tell that *something* has changed: the list of services (its
 * index moves with each instance), the checks (with a filter that lets none through, so that the
 * answer is empty), and the list of nodes. What has changed is found out by the cheaper of two
 * ways: few members are each asked for again; for many, the services of each node and all checks
 * are read (mirror.h), and only the services that differ are asked for.
 *
 * Never missed: the three queries hold their next index before the reading begins, which is done
 * from the leader and not from a server that may lag; what changes while it goes on starts it
 * anew. Never spinning: after a reading comes a pause as long as the reading took, or four times
 * as long when it brought nothing; what changes meanwhile is looked for at once in the checks that
 * do not pass, or in the two nodes that changed last, where it mostly is. What only passing checks
 * say comes within five seconds: reading them all costs as much as all services do.
 *
 * Consul does not tell where something changed: the index of each node's services is that of all
 * services, and there is no filter by index. That costs a reading of all nodes, compressed.
 *
 * Reference: Consul HTTP API, "Catalog" and "Health". That catalog/node waits for one node and
 * catalog/services for all was verified on Consul 1.8.
 */
#ifndef RENDER_CATALOG_H
#define RENDER_CATALOG_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "binnacle/tmpl/deps.h"
#include "binnacle/tmpl/value.h"
#include "mirror.h"

struct catalog;
struct catalog_member;
struct consul;
struct consul_watch;
struct loop;

struct catalog_events {
	/* An answer for one member, to its own question. */
	void (*answer)(void *member, const struct json *doc, const struct err *err);
	/* A value made in bulk; who keeps it adds a reference. */
	void (*value)(void *member, struct shared_arena *shared, const struct tmpl_value *value);
	/* Nothing can be said about the member for now; NULL: it can again. */
	void (*trouble)(void *member, const struct err *err);
	/* The list of services, each time it comes; `arg` is the catalog's. May be NULL. */
	void (*services)(void *arg, const struct json *doc, const struct err *err);
};

/* dc "": the agent's own. `services`: a watch of the same list, which the catalog takes over with
 * the number of services that it told last; or NULL. */
struct catalog *catalog_new(struct loop *loop, struct consul *consul, const char *dc,
			    bool may_be_stale, const struct catalog_events *events, void *arg);
void catalog_start(struct catalog *catalog, struct consul_watch *services, size_t service_count);
void catalog_free(struct catalog *catalog);

/* A service, a connect service or a node. `dep` must live as long as the member; `path` is its
 * question. */
struct catalog_member *catalog_add(struct catalog *catalog, const struct dep *dep, const char *path,
				   void *member);
void catalog_remove(struct catalog_member **member); /* NULL allowed; sets NULL */
size_t catalog_member_count(const struct catalog *catalog);

/* Can a catalog answer it? Not of another cluster, namespace or partition. */
bool catalog_can(const struct dep *dep);

#endif
