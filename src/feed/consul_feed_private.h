/*
 * consul_feed_private.h - what the files of the Consul feed share: consul_feed.c reads the catalog,
 * consul_members.c the agent's members, consul_join.c publishes services and instances.
 */
#ifndef FEED_CONSUL_FEED_PRIVATE_H
#define FEED_CONSUL_FEED_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strmap.h"
#include "binnacle/feed/consul_feed.h"
#include "binnacle/model/model.h"

struct consul_meta;
struct json;

#define CONSUL_FEED_PARALLEL 4 /* requests for nodes at a time */

/* ORDER CHECK: the worse, the later. */
enum check_status { CHECK_NONE, CHECK_PASSING, CHECK_WARNING, CHECK_CRITICAL, CHECK_MAINT };

struct check {
	enum check_status status;
	char *output; /* of the worst */
};

struct node_service {
	const char *id, *name, *address;
	int64_t port;
	const char *const *tags;
	size_t tag_count;
};

struct node {
	char *name, *address;
	struct node_service *services;
	size_t count;
	struct arena arena;
	bool listed; /* still in the catalog */
};

struct fetch {
	struct consul_feed *feed;
	struct consul_call *call;
	char *node;
};

struct since {
	char status[12];
	int64_t wall_ms;
	bool seen;
};

struct consul_feed {
	struct loop *loop;
	struct model *model;
	struct consul *consul;
	struct docker_feed *docker_feed;
	struct model_watch *renders_watch;

	struct consul_watch *nodes_watch, *services_watch, *checks_watch;
	struct consul_call *self_call, *leader_call, *members_call;
	struct loop_timer *members_timer, *settle_timer;

	struct strmap nodes;  /* name -> struct node */
	struct strmap checks; /* "node/service id" ("node/" for the node's own) -> struct check */
	struct strmap since;  /* "m:NAME", "s:NAME", "i:ID" -> struct since */
	bool nodes_known, checks_known;
	struct json *members; /* the agent's last answer */
	char leader_address[64];

	struct fetch fetches[CONSUL_FEED_PARALLEL];
	char **queue; /* node names still to be read */
	size_t queued, queue_cap;
	bool dirty, loaded; /* read again after this round; one round is complete */
};

/* consul_feed.c: the watches log outages, the model shows them */
void consul_feed_went_down(struct consul_feed *feed, const struct err *err);

/* consul_join.c */
const char *consul_feed_text(struct snapshot *snapshot, const char *text); /* a copy; "" for NULL */
/* Since when a thing has this status: kind "m" member, "s" service, "i" instance. */
int64_t consul_feed_since(struct consul_feed *feed, const char *kind, const char *id,
			  const char *status);
/* Forget what is gone of the kinds that were just published. */
void consul_feed_sweep(struct consul_feed *feed, const char *kinds);
/* Publish services and instances, once nodes and checks are known. */
void consul_feed_publish(struct consul_feed *feed);

/* consul_members.c */
void consul_feed_poll_members(void *feed);
void consul_feed_publish_members(struct consul_feed *feed);

#endif
