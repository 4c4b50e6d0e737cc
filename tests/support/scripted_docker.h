/*
 * support/scripted_docker.h - a Docker daemon played by a script (support/peer.h), with a client
 * that talks to it.
 *
 *     daemon = scripted_docker_new(loop, http, "n1");
 *     scripted_docker_say(daemon, (struct scripted_container[]){ { .name = "web" } }, 1);
 *     scripted_docker_event(daemon, "start");
 *
 * The id of a container is its name. Its networks are one, calico-net, when it has an endpoint.
 */
#ifndef TESTS_SUPPORT_SCRIPTED_DOCKER_H
#define TESTS_SUPPORT_SCRIPTED_DOCKER_H

#include <stddef.h>

struct docker;
struct http;
struct loop;
struct peer;

struct scripted_docker {
	struct peer *peer;
	struct docker *docker;
	char *name;
};

struct scripted_container {
	const char *name;
	const char *status;  /* NULL: "running" */
	const char *eid;     /* Docker's endpoint id; NULL: in no network */
	const char *address; /* NULL: none */
	const char *wanted;  /* the address asked for; NULL: none */
	const char *error;   /* NULL: none */
};

/* Until it is told what to say, requests wait. */
struct scripted_docker *scripted_docker_new(struct loop *loop, struct http *http, const char *name);
void scripted_docker_free(struct scripted_docker *daemon);
/* From now on it has these containers, all of them. */
void scripted_docker_say(struct scripted_docker *daemon,
			 const struct scripted_container *containers, size_t count);
/* From now on the list of containers fails; the rest answers. */
void scripted_docker_refuse(struct scripted_docker *daemon);
/* A container's event on the open streams. */
void scripted_docker_event(struct scripted_docker *daemon, const char *action);

#endif
