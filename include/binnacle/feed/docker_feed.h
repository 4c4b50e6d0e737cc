/*
 * feed/docker_feed.h - what the known Docker daemons say: the containers table, and the views
 * that verdicts about Calico's endpoints rest on.
 *
 *     feed = docker_feed_new(loop, model);
 *     docker_feed_add(feed, "host-1", docker, true);
 *     ...
 *     docker_feed_free(feed);
 *
 * Each daemon's events are followed; after one, and at least every DOCKER_FEED_PERIOD_MS, the
 * daemon is asked for everything again (calico/docker_view.h: complete or not at all). A daemon
 * that does not answer keeps its last view, which grows old and then proves nothing. Publishes
 * MODEL_CONTAINERS, MODEL_NETWORKS and the health of SOURCE_DOCKER ("1/2" daemons).
 */
#ifndef BINNACLE_FEED_DOCKER_FEED_H
#define BINNACLE_FEED_DOCKER_FEED_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/calico/clean.h"

struct arena;
struct container_row;
struct docker;
struct docker_feed;
struct loop;
struct model;

#define DOCKER_FEED_PERIOD_MS 15000

struct docker_feed *docker_feed_new(struct loop *loop, struct model *model);
void docker_feed_free(struct docker_feed *feed);
/* docker is borrowed. confirmed: the operator wrote down that it is the daemon of this node. */
void docker_feed_add(struct docker_feed *feed, const char *node, struct docker *docker,
		     bool confirmed);
/* The operator wrote down what the node's daemon calls itself; NULL: he did not. Copied. */
void docker_feed_set_daemon_name(struct docker_feed *feed, const char *node, const char *name);

/*
 * The engine tells, per container, what stands in the registry for it and what is wanted
 * (`registered`, `wanted`, `registration` of the row); texts go into the arena. Optional.
 */
typedef void docker_feed_annotate_fn(void *arg, struct arena *arena, struct container_row *row);
void docker_feed_set_annotate(struct docker_feed *feed, docker_feed_annotate_fn *fn, void *arg);
/* Publish the containers again: what annotate says has changed. */
void docker_feed_republish(struct docker_feed *feed);

/*
 * Each daemon has answered or failed once, or had its time: what is published rests on all of
 * them. Before that nothing is, so that a script that asks at once does not see half.
 */
bool docker_feed_is_complete(const struct docker_feed *feed);

/* Told after each new view. Several may listen. */
typedef void docker_feed_fn(void *arg);
void docker_feed_listen(struct docker_feed *feed, docker_feed_fn *fn, void *arg);
void docker_feed_unlisten(struct docker_feed *feed, docker_feed_fn *fn, void *arg);

/* For calico_judge: one source per daemon; borrowed until the loop turns. */
const struct calico_source *docker_feed_sources(const struct docker_feed *feed, size_t *count);
/* The newest view of a node's daemon; NULL: unknown node, or it never answered. */
const struct calico_docker_view *docker_feed_view(const struct docker_feed *feed, const char *node);

/*
 * Ask the daemon of `node` anew (NULL: all), then run `done` once with every source there is:
 * for struct calico_clean_env.
 */
struct docker_feed_query;
struct docker_feed_query *docker_feed_query(struct docker_feed *feed, const char *node,
					    calico_sources_fn *done, void *arg);
/* The same for all daemons but that of `node`. */
struct docker_feed_query *docker_feed_query_others(struct docker_feed *feed, const char *node,
						   calico_sources_fn *done, void *arg);
void docker_feed_query_cancel(struct docker_feed_query **query);

#endif
