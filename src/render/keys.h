/*
 * keys.h - the values of several keys and trees of one datacenter, over one blocking query.
 *
 * The query is for the names right below what all of them begin with: its index moves with every
 * change below. Then each member is asked for again, from the leader. It is the cheaper way as
 * long as the members are a fair part of what lies below their common beginning, and in any case
 * the only one that holds a single connection.
 *
 * Reference: Consul HTTP API, "KV Store".
 */
#ifndef RENDER_KEYS_H
#define RENDER_KEYS_H

#include <stdbool.h>

#include "binnacle/base/err.h"
#include "binnacle/tmpl/deps.h"

struct consul;
struct json;
struct keys;
struct keys_member;
struct loop;

struct keys_events {
	/* The pairs of a member; NULL: there is none. Also when it is what it was before. */
	void (*answer)(void *member, const struct json *doc);
	/* Nothing can be said about it for now; NULL: it can again. */
	void (*trouble)(void *member, const struct err *err);
};

/* dc "": the agent's own. */
struct keys *keys_new(struct loop *loop, struct consul *consul, const char *dc, bool may_be_stale,
		      const struct keys_events *events);
void keys_free(struct keys *keys);
/* Members should be added before the next turn of the loop, as far as they are known. */
struct keys_member *keys_add(struct keys *keys, const struct dep *dep, const char *path, void *arg);
void keys_remove(struct keys_member **member); /* NULL allowed; sets NULL */

/* A key or tree, and not of another namespace or partition. */
bool keys_can(const struct dep *dep);

#endif
