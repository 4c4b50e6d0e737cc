/*
 * mirror.h - what a datacenter's catalog said last: for each instance of a service, and for each
 * check, a hash. Given the next answers, it tells which services have changed in between; given
 * complete answers for the first time, it makes the values of all wanted services at once.
 *
 *     mirror_take_nodes(mirror, doc)                /v1/catalog/nodes
 *     mirror_take_check(mirror, text, &err)         each of /v1/health/state/any
 *     mirror_take_node(mirror, name, text, &err)    /v1/catalog/node/NAME, for each mirror_node
 *
 * Nothing is asked here. The names that are wanted, and what becomes of a change, are the
 * owner's: `touched` runs for each service with a change, more than once if there are several.
 */
#ifndef RENDER_MIRROR_H
#define RENDER_MIRROR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/json.h"
#include "binnacle/base/json_scan.h"
#include "binnacle/base/mem.h"
#include "binnacle/tmpl/deps.h"
#include "binnacle/tmpl/value.h"

struct mirror;

/* An arena that many values live in; it goes with the last of them. */
struct shared_arena {
	struct arena arena;
	size_t refs;
};
void shared_arena_drop(struct shared_arena **shared); /* NULL allowed; sets NULL */

typedef void mirror_touched_fn(void *arg, const char *service);
/* A node's own entry or its list of services has changed. */
typedef void mirror_node_touched_fn(void *arg, const char *node);

struct mirror *mirror_new(mirror_touched_fn *touched, mirror_node_touched_fn *node_touched,
			  void *arg);
void mirror_free(struct mirror *mirror);

/* The list of nodes; what is gone takes its services along. True: there are new ones, whose
 * services and checks nobody has read. */
bool mirror_take_nodes(struct mirror *mirror, const struct json *doc);
/* The nodes of the list, those that changed last first. Valid until the next list. */
size_t mirror_node_count(const struct mirror *mirror);
void mirror_list_nodes(const struct mirror *mirror, const char **names);

bool mirror_take_node(struct mirror *mirror, const char *name, struct json_text text,
		      struct err *err);

/* All checks, in as many pieces as the caller likes: begin, take each, end. */
void mirror_begin_checks(struct mirror *mirror);
bool mirror_take_check(struct mirror *mirror, struct json_text check, struct err *err);
void mirror_end_checks(struct mirror *mirror);
/* Only those that are not passing; the others are known to pass, as far as this tells. */
bool mirror_take_failing_checks(struct mirror *mirror, struct json_text text, struct err *err);

/*
 * Building. Between begin and end, `touched` does not run; the checks must be taken before the
 * first node. After the end, mirror_built gives the value of a service, in the shared arena,
 * which the caller must drop.
 */
typedef bool mirror_wanted_fn(void *arg, const char *service);
void mirror_begin_build(struct mirror *mirror, mirror_wanted_fn *wanted);
const struct tmpl_value *mirror_built(struct mirror *mirror, const struct dep *dep);
/* One reference is the caller's. */
struct shared_arena *mirror_end_build(struct mirror *mirror);
bool mirror_is_building(const struct mirror *mirror);

#endif
