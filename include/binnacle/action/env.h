/*
 * action/env.h - the clients and engine halves that steps and commands work with.
 *
 * Made by the application (app/engine.h) before the front end starts, and outlives it. All
 * pointers are borrowed; NULL: not configured, the command that needs it says so.
 */
#ifndef BINNACLE_ACTION_ENV_H
#define BINNACLE_ACTION_ENV_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "binnacle/model/model.h"

struct calico_feed;
struct consul;
struct consul_feed;
struct docker;
struct docker_feed;
struct err;
struct etcd;
struct http;
struct journal;
struct loop;
struct model;
struct registrar;
struct render_runner;

struct action_docker {
	const char *node; /* Calico's and Consul's name of the host */
	struct docker *docker;
	bool confirmed; /* the operator wrote this mapping down */
	bool local;     /* the daemon of this host */
};

/* How much is asked before something is changed. */
enum action_confirm {
	ACTION_CONFIRM_NORMAL,
	ACTION_CONFIRM_ALWAYS_TYPE, /* every question is one with a typed answer */
	ACTION_CONFIRM_RELAXED,     /* none for one thing that can be undone, in the console and
				       outside of production */
};

struct action_nginx {
	const char *name;
	struct nginx_control *control;
};

enum action_half { ACTION_RENDER, ACTION_REGISTER };

struct action_env {
	struct loop *loop;
	struct model *model;
	struct journal *journal;
	struct consul *consul;
	/* A client of another agent, with the settings of ours; address without a port. NULL: it
	 * cannot be made (err). The function itself may be NULL: only our own agent. */
	struct consul *(*agent_at)(void *arg, const char *address, struct err *err);
	void *agent_at_arg;
	struct etcd *etcd;
	struct http *http; /* for what has no client of its own: Docker's cluster store */
	struct action_docker *dockers;
	size_t docker_count;
	struct action_nginx *nginxes;
	size_t nginx_count;
	struct render_runner *runner;
	struct registrar *registrar; /* of the local daemon */
	struct calico_feed *calico_feed;
	struct consul_feed *consul_feed;
	struct docker_feed *docker_feed;
	const char *node;          /* this host's name */
	const char *production_dc; /* NULL: not marked as production */
	bool read_only;            /* refuse every change */
	enum action_confirm confirm;
	const char *state_dir; /* journal, generations */
	/*
	 * Change the mode of an engine half (also publishes it as a fact). Going to auto takes the
	 * half's lock; ERR_CONFLICT names the process that holds it.
	 */
	bool (*set_mode)(struct action_env *env, enum action_half half, enum engine_mode mode,
			 struct err *err);
	void *engine; /* for set_mode */
};

#endif
