/*
 * docker_private.h - what the files of this folder share: the daemon and its requests.
 */
#ifndef DOCKER_PRIVATE_H
#define DOCKER_PRIVATE_H

#include "binnacle/docker/docker.h"
#include "binnacle/net/endpoint.h"
#include "binnacle/net/http.h"

struct docker {
	struct loop *loop; /* borrowed */
	struct http *http; /* borrowed */
	char *name;
	struct endpoint endpoint;
	unsigned users; /* calls, event streams and execs under way */
};

/* Parse an answer: NULL with err set when it says no or is not JSON, NULL without when empty. */
struct json *docker_decode(const struct docker *docker, const struct http_answer *answer,
			   struct err *err);

/* Say of which daemon an error is, and what to try. */
void docker_explain(const struct docker *docker, struct err *err);

/* Fill the endpoint from "ssh://[user@]host[:port]". */
bool docker_use_ssh(struct docker *docker, const char *host, struct err *err);

#endif
