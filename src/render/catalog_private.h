/*
 * catalog_private.h - what the two halves of the catalog share: catalog.c has the members and the
 * three queries, catalog_sweep.c reads nodes and checks when one of these has told of a change.
 */
#ifndef RENDER_CATALOG_PRIVATE_H
#define RENDER_CATALOG_PRIVATE_H

#include "catalog.h"

#include <stdint.h>

#include "binnacle/base/json_scan.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/strmap.h"
#include "binnacle/loop/backoff.h"

struct json;
struct loop_deferred;
struct loop_timer;

#define BUSY_MAX 6 /* requests of a catalog under way */
#define PEEK_MAX 2 /* nodes that a change is looked for in at once */

enum {
	SERVICES = 1,
	CHECKS = 2,
	NODES = 4,
	ALL = SERVICES | CHECKS | NODES,
	ALL_CHECKS = 8, /* those that pass as well */
};

struct catalog_member {
	struct catalog *catalog;
	const struct dep *dep;
	char *path;
	void *arg;
	struct catalog_member *next_same;     /* of the same name */
	struct catalog_member *next, *before; /* in the queue */
	struct consul_call *call;
	bool is_queued, in_build, must_retry, is_troubled;
	bool has_hash;
	uint64_t hash; /* of the last answer */
	uint64_t look; /* at the failing checks, before which it was asked last; 0: never asked */
};

/* A node's services, or checks. */
struct fetch {
	struct catalog *catalog;
	struct consul_call *call;
	char *node;
};

/* A node's answer that came before the checks, while values are built. */
struct early {
	char *node;
	struct strbuf body;
};

struct catalog {
	struct loop *loop;
	struct consul *consul;
	char *dc;
	struct catalog_events events;
	void *arg;
	struct mirror *mirror;

	struct consul_watch *services, *checks, *nodes;
	struct json *nodes_doc; /* not taken yet */
	size_t service_count;   /* of the datacenter */
	unsigned seen, down;    /* which of the three have answered; which do not */
	unsigned dirty;

	struct strmap names;      /* service to its first member */
	struct strmap node_names; /* node to its first member of kind DEP_NODE */
	struct catalog_member **members;
	size_t count, cap;
	size_t plain_count; /* members that can be built */
	struct catalog_member *first, *last;

	size_t busy; /* requests under way */
	bool loaded; /* the mirror is complete */
	bool may_be_stale, use_stale;
	size_t peeks;      /* nodes to look into before all others, whatever goes on */
	uint64_t look;     /* counts the questions for the failing checks, from 1 */
	bool peek_failing; /* the same with the checks that do not pass */
	struct loop_timer *pause, *retry, *owed;
	struct loop_deferred *slice, *kick;
	struct backoff backoff, retry_backoff;

	/* the sweep that goes on */
	bool sweeping, found;
	unsigned swept;
	int64_t began_ms;
	struct err why; /* code ERR_NONE: no failure yet */
	char **todo;    /* nodes to read */
	size_t todo_count, todo_at;
	bool want_failing, failing_pending, want_checks, checks_pending;
	struct fetch fetches[BUSY_MAX];
	struct strbuf checks_body;
	struct json_scan checks_scan;
	struct early *early;
	size_t early_count, early_cap;
};

/* Ask for the member again, in its turn. */
void catalog_enqueue(struct catalog_member *member);
/* NULL: the members whose questions were answered are well again. */
void catalog_set_all_trouble(struct catalog *catalog, const struct err *err);
/* Does its value follow from the nodes' services and the checks? */
bool catalog_is_plain(const struct dep *dep);
/* A path with a query (may be NULL) and what all requests of the catalog have. To be freed. */
char *catalog_path(const struct catalog *catalog, const char *path, const char *query);
/* Do what is to do now. */
void catalog_pump(struct catalog *catalog);

void sweep_begin(struct catalog *catalog);
/* Its next request. False: none is left, or it must wait for another. */
bool sweep_on(struct catalog *catalog);
/* Nothing is left: take it to heart, and rest for a while. */
void sweep_end(struct catalog *catalog);
/* Look where things changed last, whatever else goes on. False: there is nowhere to look. */
bool sweep_peek(struct catalog *catalog);
bool sweep_peek_at_failing(struct catalog *catalog);
/* Stop what goes on, for good. */
void sweep_release(struct catalog *catalog);

#endif
