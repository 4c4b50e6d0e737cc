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

/* Who asks: the source is down while one of them has failed, whatever the others hear. */
enum consul_feed_asker {
	ASKER_NODES = 1,
	ASKER_SERVICES = 2,
	ASKER_CHECKS = 4,
	ASKER_NODE = 8, /* the services of each node */
	ASKER_MEMBERS = 16,
	ASKER_SELF = 32,
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
	unsigned failing; /* enum consul_feed_asker */
	bool no_leader, members_published;
	struct json *members; /* the agent's last answer */
	char leader_address[64];

	struct fetch fetches[CONSUL_FEED_PARALLEL];
	char **queue; /* node names still to be read */
	size_t queued, queue_cap;
	bool dirty, loaded;   /* read again after this round; one round was complete */
	bool round_is_partly; /* a node of this round, or of the last one, could not be read */
	bool retried;         /* and the same of the round before */
};

/* consul_feed.c: the watches log outages, the model shows them */
void consul_feed_went_down(struct consul_feed *feed, enum consul_feed_asker asker,
			   const struct err *err);
void consul_feed_came_up(struct consul_feed *feed, enum consul_feed_asker asker);
/* Whether the cluster has a leader, as far as is known now. */
void consul_feed_has_leader(struct consul_feed *feed, bool has_leader);
/* After a round in which a node could not be read: read again. */
void consul_feed_retry(struct consul_feed *feed);

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
/* The first time only when everything that belongs to them is known. */
void consul_feed_first_members(struct consul_feed *feed);

#endif
