/*
 * feed/calico_feed.h - Calico's endpoints with their verdicts: the endpoints table.
 *
 *     feed = calico_feed_new(loop, model, etcd, docker_feed, &options);
 *     ...
 *     calico_feed_free(feed);
 *
 * With an etcd whose API is undecided, it finds out first which of Calico's APIs has data there
 * (calico/detect.h), and has the etcd use that one.
 *
 * Joins Calico's data (calico/store.h) with what the daemons say (docker_feed) whenever one of
 * them changes, and while something is too young to be judged. Publishes MODEL_ENDPOINTS,
 * MODEL_ADDRESSES, MODEL_POLICIES, MODEL_PROFILES, MODEL_NODES, MODEL_POOLS, MODEL_BLOCKS and the
 * health of SOURCE_CALICO.
 */
#ifndef BINNACLE_FEED_CALICO_FEED_H
#define BINNACLE_FEED_CALICO_FEED_H

#include <stdbool.h>
#include <stdint.h>

#include "binnacle/calico/clean.h"
#include "binnacle/calico/verdict.h"

struct calico_feed;
struct docker_feed;
struct etcd;
struct loop;
struct model;

struct calico_feed_options {
	int64_t grace_ms; /* 0: CALICO_GRACE_MS */
};

struct calico_feed *calico_feed_new(struct loop *loop, struct model *model, struct etcd *etcd,
				    struct docker_feed *docker_feed,
				    const struct calico_feed_options *options);
void calico_feed_free(struct calico_feed *feed);

/* The newest judgment; NULL before the first. Borrowed until the loop turns. */
const struct calico_report *calico_feed_report(const struct calico_feed *feed);
const struct calico_state *calico_feed_state(const struct calico_feed *feed);

/* A judgment of what is known now, as if these nodes (NULL-terminated) were decommissioned; NULL
 * before the first. To be freed before the loop turns. */
struct calico_report *calico_feed_judge(const struct calico_feed *feed,
					const char *const *decommissioned);

/*
 * Whether waiting can still change a verdict: something is unknown only for being young, or a
 * daemon has not answered for the first time. --batch waits for it before it cleans.
 */
bool calico_feed_is_settled(const struct calico_feed *feed);

/* Fill what the sequences of calico/clean.h need, except before_delete and its argument, which
 * are the caller's: env->arg is the feed's; the caller wraps. */
void calico_feed_clean_env(struct calico_feed *feed, struct calico_clean_env *env);
/* The env's callbacks, for callers that need an argument of their own around them. */
void *calico_feed_query(struct calico_feed *feed, const char *node, calico_sources_fn *done,
			void *done_arg);
/* All daemons but that of `node`, of which what is known is given. */
void *calico_feed_query_others(struct calico_feed *feed, const char *node, calico_sources_fn *done,
			       void *done_arg);
void calico_feed_query_cancel(struct calico_feed *feed, void *handle);

#endif
