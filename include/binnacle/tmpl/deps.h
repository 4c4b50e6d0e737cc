/*
 * tmpl/deps.h - dependencies: what a template asks the outside world.
 *
 * A dependency is what a data function's query string means. Two calls mean the same one when
 * their canonical texts are equal ("health.service(web|passing)"); that text is also what logs
 * and the console show. dep_parse_* read the query strings of the functions of the same name;
 * their error messages are those of Consul Template.
 *
 * A parsed dependency lives in the arena given; a set owns copies of what is added.
 */
#ifndef BINNACLE_TMPL_DEPS_H
#define BINNACLE_TMPL_DEPS_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strmap.h"

/* What each answers (see data.h for how the answer is made from Consul's JSON). */
enum dep_kind {
	DEP_SERVICE,     /* health.service(..): /v1/health/service/NAME */
	DEP_CONNECT,     /* health.connect(..): /v1/health/connect/NAME */
	DEP_SERVICES,    /* catalog.services(..): /v1/catalog/services */
	DEP_NODE,        /* catalog.node(..): /v1/catalog/node/NAME; no name: the agent's own */
	DEP_NODES,       /* catalog.nodes(..): /v1/catalog/nodes */
	DEP_DATACENTERS, /* catalog.datacenters: /v1/catalog/datacenters, polled */
	DEP_KEY,         /* kv.block(..): /v1/kv/KEY; no answer until the key exists */
	DEP_KEY_EXISTS,  /* kv.get(..): the same, but an absent key is the answer nil; this is what
			    keyExists and keyOrDefault ask */
	DEP_LS,          /* never made: ls asks for the same list as tree and picks from it */
	DEP_TREE,        /* kv.list(..): /v1/kv/PREFIX?recurse */
	DEP_FILE,        /* file(..): the contents of a file, polled */
	DEP_CA_ROOTS,    /* connect.caroots: /v1/agent/connect/ca/roots */
	DEP_CA_LEAF,     /* connect.caleaf(..): /v1/agent/connect/ca/leaf/NAME */
	DEP_PLUGIN,      /* plugin(..): a program; never asked by lookup, only missing */
	DEP_PARTITIONS,  /* list.partitions: /v1/partitions, of Consul Enterprise */
	DEP_PEERINGS,    /* list.peerings(..): /v1/peerings */
	DEP_EXPORTED_SERVICES, /* list.exportedServices(..): /v1/exported-services */
};

enum dep_filter {
	DEP_FILTER_ANY = 1 << 0,
	DEP_FILTER_CRITICAL = 1 << 1,
	DEP_FILTER_MAINTENANCE = 1 << 2,
	DEP_FILTER_PASSING = 1 << 3,
	DEP_FILTER_WARNING = 1 << 4,
};

/* Strings are never NULL: what a dependency does not have is "". */
struct dep {
	enum dep_kind kind;
	const char *text; /* canonical */
	const char *name; /* service or node; path of a file; key or prefix */
	const char *tag, *dc, *near;
	const char *ns, *partition, *peer, *sameness_group; /* of a service */
	unsigned filters;                                   /* DEP_FILTER_*, of a service */
	bool skip_unreachable;                              /* datacenters true */
};

/* NULL and *err on a malformed query. `fn` of dep_parse_kv is "kv.get" or "kv.list". */
const struct dep *dep_parse_service(struct arena *arena, enum dep_kind kind, const char *query,
				    struct err *err);
const struct dep *dep_parse_services(struct arena *arena, const char *query, struct err *err);
const struct dep *dep_parse_node(struct arena *arena, const char *query, struct err *err);
const struct dep *dep_parse_nodes(struct arena *arena, const char *query, struct err *err);
const struct dep *dep_parse_kv(struct arena *arena, enum dep_kind kind, const char *query,
			       struct err *err);
/* Kinds whose argument is taken as it is: DATACENTERS, FILE, CA_ROOTS, CA_LEAF, PARTITIONS,
 * PEERINGS, EXPORTED_SERVICES; of the last two it is the partition. */
const struct dep *dep_plain(struct arena *arena, enum dep_kind kind, const char *name);

const struct dep *dep_copy(struct arena *arena, const struct dep *dep);
struct dep *dep_dup(const struct dep *dep); /* in one piece, to be freed */

const char *dep_kind_name(enum dep_kind kind); /* "health.service" ... */

/* An ordered set, unique by canonical text. */
struct dep_set {
	struct arena arena;
	struct strmap map; /* text to struct dep */
};

#define DEP_SET_INIT                                                                               \
	{                                                                                          \
		ARENA_INIT, STRMAP_INIT                                                            \
	}

bool dep_set_add(struct dep_set *set, const struct dep *dep); /* false: was there already */
bool dep_set_has(const struct dep_set *set, const char *text);
const struct dep *dep_set_find(const struct dep_set *set, const char *text); /* NULL: not there */
size_t dep_set_count(const struct dep_set *set);
const struct dep *dep_set_at(const struct dep_set *set, size_t index);
void dep_set_release(struct dep_set *set); /* leaves an empty, usable set */

#endif
