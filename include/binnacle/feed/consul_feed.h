/*
 * feed/consul_feed.h - members, services and instances of the datacenter.
 *
 *     feed = consul_feed_new(loop, model, consul, docker_feed);
 *     ...
 *     consul_feed_free(feed);
 *
 * Three blocking queries (catalog nodes, catalog services, all checks) tell that something has
 * changed; then each node's services are read (/v1/catalog/node/NODE, a few at a time) and joined
 * with the checks. Members come from the agent every few seconds: that call does not block.
 * Publishes MODEL_MEMBERS, MODEL_SERVICES, MODEL_INSTANCES, the health of SOURCE_CONSUL, and
 * datacenter, leader and node name as facts.
 *
 * An instance is dangling when its id has Registrator's form (host:container:port[:udp]), the
 * daemon of that host has answered in full, and has no such container. It is a duplicate when
 * the same service, address and port stand on another node too; of several, the one on the node
 * that the catalog names first is not.
 *
 * The source is down or denied for as long as one of these questions fails, whatever the others
 * hear, and stale while there is no leader. A node that could not be read is read again with the
 * next look at the members; the first publication waits for that once. Rows stay in an outage.
 */
#ifndef BINNACLE_FEED_CONSUL_FEED_H
#define BINNACLE_FEED_CONSUL_FEED_H

#include <stdbool.h>

struct consul;
struct consul_feed;
struct docker_feed;
struct loop;
struct model;

/* docker_feed may be NULL: then nothing is ever dangling. */
struct consul_feed *consul_feed_new(struct loop *loop, struct model *model, struct consul *consul,
				    struct docker_feed *docker_feed);
void consul_feed_free(struct consul_feed *feed);
/* Read everything again now (the operator's refresh, and after an action). */
void consul_feed_refresh(struct consul_feed *feed);

#endif
