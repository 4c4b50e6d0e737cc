/*
 * register/reconcile.h - wanted and registered services → what is different. Pure.
 *
 *     struct reconcile_input input = { .wanted = wanted, .wanted_count = n, .registered = doc,
 *                                      .hostname = "web-1", .owned = &owned };
 *     struct reconcile result = { 0 };
 *
 *     reconcile(&input, &result);
 *     ...
 *     reconcile_release(&result);
 *
 * Compared are name, address, port, tags in order, and attributes: what the agent tells back. A
 * changed check is not visible there; the registrar knows it from what it sent (`sent`).
 */
#ifndef BINNACLE_REGISTER_RECONCILE_H
#define BINNACLE_REGISTER_RECONCILE_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/strmap.h"

struct json;
struct register_service;

enum reconcile_kind {
	RECONCILE_ADD,      /* wanted, not registered */
	RECONCILE_CHANGE,   /* registered otherwise than wanted */
	RECONCILE_REMOVE,   /* ours, and its container does not want it any more */
	RECONCILE_DANGLING, /* has the form of this host's ids, and nobody wants it */
};

struct reconcile_difference {
	enum reconcile_kind kind;
	const char *id, *name;
	const struct register_service *wanted; /* borrowed from the input; NULL for removals */
	const char *container;                 /* name; for dangling ones the one in the id */
	const char *address;                   /* wanted, or what is registered for removals */
	int port;
	const char *why; /* "not registered", "port 80 instead of 8080", "its container is gone" */
	/* Filled by the registrar; "" and 0 from reconcile(). */
	const char *failure; /* what the registry said last */
	unsigned failures;
};

struct reconcile {
	struct reconcile_difference *items; /* sorted by id */
	size_t count, cap;
	size_t unchanged;
	struct arena arena;
};

struct reconcile_input {
	const struct register_service *const
		*wanted; /* of all containers; a later one wins an id */
	size_t wanted_count;
	const struct json *registered; /* GET /v1/agent/services: object by id */
	const char *hostname;
	/* ids that we registered → why they are to go, as a string, or NULL. May be NULL. */
	const struct strmap *owned;
	/* ids → body sent last (registry_body). May be NULL. */
	const struct strmap *sent;
	/* names of containers that may leave registrations behind → anything. May be NULL. */
	const struct strmap *kept;
	/* Value of the attribute registered-by: then it alone says what may dangle. May be NULL. */
	const char *registered_by;
};

void reconcile(const struct reconcile_input *input, struct reconcile *out);
void reconcile_release(struct reconcile *result);
/* The difference of an id; NULL: there is none. */
const struct reconcile_difference *reconcile_find(const struct reconcile *result, const char *id);

/*
 * Take "host:container:port[:udp]" apart: false when the id has another form or another host.
 * `container` receives the name in the arena; may be NULL. The names are those that Docker
 * allows, of two characters and more.
 */
bool reconcile_is_own_id(const char *id, const char *hostname, struct arena *arena,
			 const char **container);

const char *reconcile_kind_name(enum reconcile_kind kind); /* "add" "change" "remove" "dangling" */

#endif
