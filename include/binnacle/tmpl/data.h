/*
 * tmpl/data.h - answers of Consul's HTTP API to the values that data functions return.
 *
 * Pure functions: JSON in, value out, with the sorting, filtering and aggregate status that
 * templates rely on. The value lives in the arena and borrows nothing from the document.
 *
 *     doc = json_parse(body, len, &err);
 *     value = tmpl_value_from_json(&arena, dep, doc, &err);
 *     json_free(doc);
 *
 * `doc` is NULL for an answer of 404: then a node is unknown, an optional key is nil, a list is
 * empty; a DEP_KEY has no value yet, and the function returns NULL with ERR_NOT_FOUND.
 */
#ifndef BINNACLE_TMPL_DATA_H
#define BINNACLE_TMPL_DATA_H

#include "binnacle/base/err.h"
#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strmap.h"
#include "binnacle/tmpl/deps.h"
#include "binnacle/tmpl/value.h"

/* The function for the kind of `dep`. NULL and *err: not what Consul answers. */
const struct tmpl_value *tmpl_value_from_json(struct arena *arena, const struct dep *dep,
					      const struct json *doc, struct err *err);

/* DEP_SERVICE, DEP_CONNECT: only instances that pass dep->filters; by node and id. */
const struct tmpl_value *tmpl_health_services_from_json(struct arena *arena, const struct json *doc,
							const struct dep *dep, struct err *err);
/*
 * The same instances put together from the answers that hold their parts: a node and a service as
 * /v1/catalog/node/NODE has them, and checks as /v1/health/state/any has them. Values may share
 * what is equal, through `seen` (text to value, made and released by the caller; may be NULL),
 * which must not outlive the arena. Consul lists a node's own checks before those of the service.
 * *filter: which DEP_FILTER_* the instance meets; 0: none but "any".
 */
struct tmpl_check {
	const struct tmpl_value *value;
	unsigned filter;
	struct tmpl_check *next; /* the caller's list */
};
struct tmpl_check *tmpl_check_from_json(struct arena *arena, struct strmap *seen,
					const struct json *doc);
const struct tmpl_value *
tmpl_instance_from_parts(struct arena *arena, struct strmap *seen, const struct json *node,
			 const struct json *service, const struct tmpl_check *node_checks,
			 const struct tmpl_check *service_checks, unsigned *filter);
/* By node and id, as tmpl_health_services_from_json has them. */
void tmpl_health_services_sort(struct tmpl_value *list);
/* DEP_SERVICES: the object name -> tags; by name. */
const struct tmpl_value *tmpl_services_from_json(struct arena *arena, const struct json *doc,
						 struct err *err);
/* DEP_NODE: {Node, Services}; DEP_NODES: by node and address unless `near`. */
const struct tmpl_value *tmpl_catalog_node_from_json(struct arena *arena, const struct json *doc,
						     struct err *err);
const struct tmpl_value *tmpl_nodes_from_json(struct arena *arena, const struct json *doc,
					      const struct dep *dep, struct err *err);
const struct tmpl_value *tmpl_datacenters_from_json(struct arena *arena, const struct json *doc,
						    struct err *err);
/* DEP_KEY, DEP_KEY_EXISTS: the list of one pair that Consul answers; its decoded value. */
const struct tmpl_value *tmpl_key_from_json(struct arena *arena, const struct json *doc,
					    struct err *err);
/* DEP_TREE: all pairs below the prefix dep->name, in Consul's order. */
const struct tmpl_value *tmpl_key_pairs_from_json(struct arena *arena, const struct json *doc,
						  const struct dep *dep, struct err *err);
const struct tmpl_value *tmpl_ca_roots_from_json(struct arena *arena, const struct json *doc,
						 struct err *err);
const struct tmpl_value *tmpl_ca_leaf_from_json(struct arena *arena, const struct json *doc,
						struct err *err);

/*
 * The value that stands for an answer not yet known: an empty list, "", nil for an optional key.
 * That is what makes one execution find as many dependencies as possible.
 */
const struct tmpl_value *tmpl_value_unknown(struct arena *arena, enum dep_kind kind);

#endif
