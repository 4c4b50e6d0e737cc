/*
 * register/registrar.h - the half of the engine that registers the containers of one daemon.
 *
 *     registrar = registrar_new(loop, docker, registry, &options, &callbacks, engine, &err);
 *     registrar_set_mode(registrar, REGISTRAR_AUTO);
 *     ...
 *     registrar_free(registrar);
 *
 * It follows the daemon's events from before the first listing, so that nothing falls between,
 * inspects what starts, computes what it wants (rules.h), compares with what the registry holds
 * (reconcile.h) and, in auto, writes only the differences, each service with a retry and back-off
 * of its own. In hold and off it works out the same and writes nothing by itself; the one-off
 * calls below write in any mode.
 *
 * Trouble of the daemon or the registry never ends it: both are asked again, and then compared as
 * a whole. Nothing is removed on account of a daemon that does not answer. registrar_free leaves
 * what is registered.
 *
 * What it gives out is borrowed until the next turn of the loop.
 */
#ifndef BINNACLE_REGISTER_REGISTRAR_H
#define BINNACLE_REGISTER_REGISTRAR_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/register/reconcile.h"
#include "binnacle/register/rules.h"

struct docker;
struct json;
struct loop;
struct registrar;
struct registrar_task;
struct registry;

enum registrar_mode {
	REGISTRAR_OFF,  /* somebody else registers here */
	REGISTRAR_HOLD, /* work it out and wait for the operator */
	REGISTRAR_AUTO,
};
const char *registrar_mode_name(enum registrar_mode mode); /* "off" "hold" "auto" */
bool registrar_mode_parse(const char *text, enum registrar_mode *out);

enum registrar_action {
	REGISTRAR_ADDED,
	REGISTRAR_REMOVED,
	REGISTRAR_IGNORED,  /* a container or port that is not registered; why says the remedy */
	REGISTRAR_STALE,    /* registered otherwise than wanted: seen, will be changed */
	REGISTRAR_DANGLING, /* registered for this host, wanted by nobody */
	REGISTRAR_FAILED,
	REGISTRAR_RESYNC,
	REGISTRAR_REFRESHED, /* its lifetime in the registry begins again */
	REGISTRAR_DRAINED,   /* into maintenance before its end, or back from it */
	REGISTRAR_WARNED,    /* registered, but probably not as it was meant */
	REGISTRAR_DUPLICATE, /* somebody else registered the same service at the same address */
};
const char *registrar_action_name(enum registrar_action action); /* "added" … "duplicate" */

/* All texts may be "", none is NULL. */
struct registrar_event {
	int64_t wall_ms;
	enum registrar_action action;
	const char *service, *instance;   /* name and id */
	const char *why;                  /* "no ports", "exit 137", "agent answered 500" */
	const char *node;                 /* docker_name */
	const char *container;            /* name */
	const char *container_id;         /* short */
	const char *source;               /* "event" "resync" "operator" */
	const struct register_note *note; /* of an ignored port or container, or a warning */
	bool is_removal; /* of REGISTRAR_FAILED: it was to be removed, not written */
};

/* They must not free the registrar. */
struct registrar_callbacks {
	void (*event)(void *arg, const struct registrar_event *event); /* may be NULL */
	void (*changed)(void *arg); /* pending, wanted or status are different; may be NULL */
};

/* Starts at once, in hold. docker and registry are borrowed. NULL when the options cannot work. */
struct registrar *registrar_new(struct loop *loop, struct docker *docker, struct registry *registry,
				const struct register_options *options,
				const struct registrar_callbacks *callbacks, void *arg,
				struct err *err);
void registrar_free(struct registrar *registrar); /* NULL allowed */

void registrar_set_mode(struct registrar *registrar, enum registrar_mode mode);
enum registrar_mode registrar_get_mode(const struct registrar *registrar);

struct registrar_status {
	enum registrar_mode mode;
	bool synced;            /* every running container was inspected, the registry listed */
	bool docker_up;         /* the event stream stands */
	const char *docker_err; /* "" when up */
	bool registry_up;
	const char *registry_err;
	size_t containers;      /* running */
	size_t wanted;          /* services */
	size_t pending;         /* differences */
	size_t failing;         /* of them refused at least once */
	int64_t last_resync_ms; /* wall clock; 0: none yet */
};
void registrar_get_status(const struct registrar *registrar, struct registrar_status *out);

/* What differs now. Empty and not `synced` (status) before the first comparison. */
const struct reconcile *registrar_pending(const struct registrar *registrar);

/* What a running container wants, with notes. By id, id prefix of 12 and more, or name. NULL when
 * no such container runs here or it was not inspected yet. */
const struct register_wanted *registrar_wanted(const struct registrar *registrar,
					       const char *container);
/* All running containers in the order in which they were met; NULL past the last. */
const struct register_wanted *registrar_wanted_at(const struct registrar *registrar, size_t index);

/* What the registry holds under an id, as its list has it; NULL: nothing, or not known. */
const struct json *registrar_registered(const struct registrar *registrar, const char *id);
/* A registration of the same service, address and port under an id that nobody here wants: by
 * another registrator, or from before a change of names. NULL: none. */
const struct json *registrar_twin(const struct registrar *registrar,
				  const struct register_service *service);

/* Inspect and compare everything again now. */
void registrar_resync(struct registrar *registrar);

/*
 * One-off actions, in any mode. err NULL: done; `text` says what was done. In auto a service that
 * a running container wants comes back after its removal.
 */
typedef void registrar_done_fn(void *arg, const char *text, const struct err *err);
/* Inspect a container and register all that it wants. */
struct registrar_task *registrar_register_start(struct registrar *registrar, const char *container,
						registrar_done_fn *done, void *arg);
/* Remove one registration by its id from the registry. */
struct registrar_task *registrar_deregister_start(struct registrar *registrar,
						  const char *service_id, registrar_done_fn *done,
						  void *arg);
void registrar_task_cancel(struct registrar_task **task); /* NULL allowed; sets NULL */

/*
 * Remove everything that this registrar registered, for those who want it at exit. Holds first,
 * so that nothing comes back.
 */
struct registrar_task *registrar_deregister_all_start(struct registrar *registrar,
						      registrar_done_fn *done, void *arg);

#endif
