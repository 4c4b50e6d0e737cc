/*
 * internal.h - what the calls and the watches of this folder share.
 */
#ifndef BINNACLE_CONSUL_INTERNAL_H
#define BINNACLE_CONSUL_INTERNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/consul/consul.h"
#include "binnacle/net/endpoint.h"
#include "binnacle/net/http.h"

#define CALL_TIMEOUT_MS 10000
#define REQUESTS_MAX    8 /* under way at once, and so connections */
#define WATCHES_MAX     6 /* of them blocking */

struct consul {
	struct loop *loop;
	struct http *http;
	struct endpoint endpoint;
	char *token_source; /* where the token is from, for messages; never the token */
	int64_t wait_ms, max_stale_ms, retry_base_ms, retry_max_ms;
	void (*retrying)(void *arg, const char *path, unsigned attempt, const struct err *err);
	void *retrying_arg;
	size_t unreachable; /* watches in an outage; logged when it leaves and reaches 0 */

	/* Turns. What waits is a list from first to last. */
	size_t calls, watches; /* under way */
	size_t waiting_watches;
	struct consul_call *first_call, *last_call;
	struct consul_watch *first_watch, *last_watch;
	struct consul_watch *blocking; /* all that ask now */
};

/* Start what waits and has room now. */
void consul_turn(struct consul *consul);
/* The first of the waiting watches; there is one. */
void consul_watch_take_turn(struct consul *consul);

/* True when the answer is a good one. Else err says what the agent's objection is. */
bool consul_accept(const struct consul *consul, const char *method, const char *path,
		   const struct http_answer *answer, struct err *err);
/* Parse a body; an empty one gives *doc NULL. */
bool consul_parse(const struct consul *consul, const char *path, const struct http_answer *answer,
		  struct json **doc, struct err *err);
void consul_read_meta(const struct http_answer *answer, struct consul_meta *meta);

#endif
