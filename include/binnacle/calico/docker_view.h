/*
 * calico/docker_view.h - what one Docker daemon says about containers and endpoints.
 *
 *     gather = calico_gather_start(loop, docker, on_view, state);
 *
 * A view is complete or it is not: GET /info, /containers/json?all=1, an inspect of each
 * container (a 404 in between: it just went), /networks and each Calico network. Any other
 * error leaves an incomplete view, which never proves that something is absent. Immutable and
 * counted.
 *
 * Reference: Docker Engine API 1.24 and 1.41.
 */
#ifndef BINNACLE_CALICO_DOCKER_VIEW_H
#define BINNACLE_CALICO_DOCKER_VIEW_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/json_decode.h"
#include "binnacle/calico/address.h"

struct docker;
struct json;
struct loop;

/* A container's place in one network. */
struct calico_attachment {
	const char *network;        /* name */
	const char *endpoint_id;    /* "" while it does not run */
	struct calico_net address;  /* IPAddress; version 0: none */
	struct calico_net address6; /* GlobalIPv6Address */
	struct calico_net wanted;   /* IPAMConfig.IPv4Address: asked for at creation */
	struct calico_net wanted6;
};

enum calico_container_phase {
	CALICO_CONTAINER_ALIVE, /* running, paused, restarting, created */
	CALICO_CONTAINER_ENDED, /* exited, dead */
	CALICO_CONTAINER_GOING, /* removing, or a word that we do not know */
};

struct calico_container {
	const char *id, *name, *status, *image; /* status: Docker's word */
	enum calico_container_phase phase;
	bool running;                   /* running, paused or restarting */
	const char *error;              /* State.Error: why it does not start; "" */
	int64_t started_wall_ms;        /* 0: never */
	int64_t finished_wall_ms;       /* 0: never */
	struct json_list calico_labels; /* json_pair: org.projectcalico.label.*, prefix removed */
	const struct calico_attachment *attachments;
	size_t attachment_count;
};

/* An entry of a network's list of endpoints. */
struct calico_record {
	const char *network, *network_id;
	const char *endpoint_id, *name;
	bool is_record; /* listed as ep-<endpoint id>: no running container of this daemon */
	struct calico_net address;
};

/* A network of any driver. */
struct calico_docker_network {
	const char *id, *name, *driver, *ipam, *scope;
	struct json_list subnets; /* const char * */
	bool is_calico;
};

struct calico_docker_view {
	const char *source; /* docker_name of the client: for evidence */
	bool complete;
	bool unreachable;        /* the daemon did not answer at all */
	const char *problem;     /* why not complete; "" */
	int64_t started_mono_ms; /* when the first question was asked: the view's age */
	int64_t taken_wall_ms;

	const char *daemon_id, *daemon_name; /* /info ID, Name */
	const char *cluster_store;           /* "etcd://host:port/prefix"; "" when it has none */
	const char *cluster_advertise;       /* "host:port"; "" when it has no cluster store */
	const char *server_version;
	const struct calico_container *containers;
	size_t container_count;
	const struct calico_record *records; /* of Calico's networks */
	size_t record_count;
	const struct calico_docker_network *networks;
	size_t network_count;
};

struct calico_docker_view *calico_docker_view_ref(struct calico_docker_view *view);
void calico_docker_view_unref(struct calico_docker_view *view); /* NULL allowed */

/*
 * Ask, for at most CALICO_GATHER_MAX_MS. `done` gets a view in every case: a failure is a view that
 * is not complete. The view is borrowed; take a reference to keep it.
 */
#define CALICO_GATHER_MAX_MS 60000
typedef void calico_view_fn(void *arg, struct calico_docker_view *view);
struct calico_gather;
struct calico_gather *calico_gather_start(struct loop *loop, struct docker *docker,
					  calico_view_fn *done, void *arg);
void calico_gather_cancel(struct calico_gather **gather);

/* The same by hand, from recorded documents: what the gatherer does with each answer. */
struct calico_docker_view *calico_docker_view_new(const char *source);
bool calico_docker_view_add_info(struct calico_docker_view *view, const struct json *doc,
				 struct err *err);
bool calico_docker_view_add_container(struct calico_docker_view *view, const struct json *doc,
				      struct err *err);
bool calico_docker_view_add_network(struct calico_docker_view *view, const struct json *doc,
				    struct err *err);
/* All of GET /networks. */
bool calico_docker_view_add_networks(struct calico_docker_view *view, const struct json *list,
				     struct err *err);
/* Is this network (of GET /networks) one of Calico's? */
bool calico_docker_network_is_calico(const struct json *doc);
/* problem NULL: complete. */
void calico_docker_view_finish(struct calico_docker_view *view, const char *problem,
			       bool unreachable);

/* The container that names this endpoint id; NULL when none does. */
const struct calico_container *calico_docker_view_find(const struct calico_docker_view *view,
						       const char *endpoint_id);
const struct calico_record *calico_docker_view_record(const struct calico_docker_view *view,
						      const char *endpoint_id);

#endif
