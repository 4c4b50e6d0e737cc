/*
 * registrar_private.h - the registrar's parts and what they ask of one another.
 *
 * boxes.c follows the daemon and knows which containers run and what they want; ledger.c knows
 * what the registry holds, compares, and writes; rivals.c knows who else does; drain.c turns
 * consumers away before the end; twins.c sees who
 * registers the same; tasks.c has the one-off actions; registrar.c ties them together.
 */
#ifndef REGISTRAR_PRIVATE_H
#define REGISTRAR_PRIVATE_H

#include "binnacle/base/strmap.h"
#include "binnacle/loop/backoff.h"
#include "binnacle/net/host_address.h"
#include "binnacle/register/registrar.h"
#include "fetch.h"

struct docker_call;
struct docker_events;
struct json;
struct loop_deferred;
struct loop_timer;
struct registry_call;

/* One container that runs, or that ended and left its registrations behind on purpose. */
struct box {
	struct registrar *registrar;
	char *id;
	char *name; /* at its start: a later rename does not change ids; NULL: not inspected */
	struct register_wanted wanted;
	bool is_known;      /* `wanted` was computed */
	bool is_kept;       /* ended with a failure, its services stay */
	bool is_queued;     /* waits for its inspection */
	bool is_fresh;      /* started, and not inspected since */
	int64_t kept_ms;    /* when it ended, by the monotonic clock */
	const char *source; /* of the inspection: "event", "resync" */
	struct docker_call *call;
	struct json *doc;  /* while its peer is inspected, or its tags are fetched */
	struct json *peer; /* the latter */
	struct fetch *fetch;
	struct strmap fetched; /* URL to answer (char *): asked for once per life, as Registrator */
};

/* A write that is under way, or waits for its next try. */
struct entry_write {
	struct registrar *registrar;
	char *id;
	struct registry_call *call;
	struct written *what;
	bool is_removal;
	bool is_refresh; /* writes once more what is there */
	bool is_resend;  /* of these: because the registry cannot tell whether it is there */
	char *why;
	struct loop_timer *retry;
	struct backoff backoff;
	enum err_code code;
	char *failure; /* what the registry said last; NULL: it did not fail yet */
};

/* For telling whose a registration was when its container is gone. */
struct owner {
	char *name, *id;
};

/* A service as it is written: outlives the container that wanted it. */
struct written {
	char *id, *name, *container, *container_id, *address;
	int port;
	char *body;         /* NULL for removals */
	struct json *entry; /* as the registry would list it; NULL for removals */
};

struct registrar {
	struct loop *loop;         /* borrowed */
	struct docker *docker;     /* borrowed */
	struct registry *registry; /* borrowed */
	struct register_options options;
	struct arena option_texts;
	struct registrar_callbacks callbacks;
	void *arg;
	enum registrar_mode mode;

	/* boxes.c */
	struct docker_events *events;
	struct host_address *lookup;
	bool docker_up, is_resolved, is_listed;
	struct err docker_err;
	struct docker_call *listing;
	bool list_again, lists_running;
	struct strmap touched; /* ids with events since the listing was asked for */
	struct strmap boxes;   /* id to struct box, in the order of their starts */
	struct strmap kept;    /* names of containers that left registrations behind */
	struct box **queue;
	size_t queue_count, queue_cap;
	unsigned inspecting;
	struct loop_timer *inspect_retry, *resync;
	struct backoff inspect_backoff;
	struct register_wanted *retired; /* may still be read in this turn */
	size_t retired_count, retired_cap;
	int64_t last_resync_ms;

	/* ledger.c */
	struct json *registered; /* as the registry lists it; NULL: not known yet */
	struct registry_call *list_call;
	struct loop_timer *list_timer, *refresh;
	struct backoff list_backoff;
	bool registry_up;
	struct err registry_err;
	uint64_t write_seq, list_seq; /* a list asked for before a write is out of date */
	struct strmap owned;          /* id to the reason for its removal, or NULL */
	struct strmap owners;         /* id to struct owner: who wanted it last */
	struct strmap sent;           /* id to the body sent last */
	struct strmap writes;         /* id to struct entry_write */
	unsigned writing;
	struct strmap unseen; /* id to how long it is believed without being listed */
	struct strmap rivals; /* id to struct rival: somebody else writes it with another address */
	struct strmap told;   /* difference to what was said about it */
	struct strmap twins;  /* ids of others that register what we do */
	struct strmap twin_of; /* our id to such an id */
	bool is_twins_due;     /* there is a new list, or something else is wanted */
	struct strmap shared;  /* id that several containers want to whom it was given */
	struct reconcile pending;
	size_t next_write;   /* of the pending ones, those before it were begun */
	int64_t compared_ms; /* by the monotonic clock */
	bool checks_sent;
	struct strmap settled; /* ids that were written since */
	struct loop_deferred *step;

	/* drain.c */
	struct strmap drains; /* id to struct drain */

	/* tasks.c */
	struct registrar_task *tasks;
};

/* registrar.c */
void registrar_tell(struct registrar *registrar, const struct registrar_event *event);
const char *registrar_hostname(const struct registrar *registrar);

/* boxes.c */
void boxes_start(struct registrar *registrar);
void boxes_stop(struct registrar *registrar);
void boxes_list(struct registrar *registrar); /* list and inspect again */
struct box *boxes_find(const struct registrar *registrar, const char *container);
/* Was every running container inspected at least once? */
bool boxes_are_known(const struct registrar *registrar);
void boxes_release_retired(struct registrar *registrar);
/* "/containers/ID/json" */
void boxes_inspect_path(struct strbuf *out, const char *id);

/* ledger.c */
void ledger_start(struct registrar *registrar);
void ledger_stop(struct registrar *registrar);
void ledger_list(struct registrar *registrar);
/* List again; where that is not possible, write once more what should be there. */
void ledger_resync(struct registrar *registrar);
/* Compare, and in auto write, in the next turn. */
void ledger_schedule(struct registrar *registrar);
/* A container wants or wanted this: it is ours to remove. why: NULL while it is wanted. */
void ledger_own(struct registrar *registrar, const char *id, const struct box *box,
		const char *why);
void ledger_disown(struct registrar *registrar, const char *id);
struct written *ledger_written(const struct register_service *service);
struct written *ledger_written_removal(const struct registrar *registrar, const char *id);
void ledger_free_written(struct written *what);
void ledger_service_of(const struct written *what, struct register_service *out);
void ledger_write_begins(struct registrar *registrar);
/* Take a finished write into account and tell of it. */
void ledger_added(struct registrar *registrar, struct written *what, const char *why,
		  const char *source);
void ledger_removed(struct registrar *registrar, struct written *what, const char *why,
		    const char *source);

/* Write it again, whatever is believed to be there. */
void ledger_doubt(struct registrar *registrar, const char *id);

/* rivals.c */
void rivals_look(struct registrar *registrar); /* after each comparison */
bool rivals_allow(const struct registrar *registrar, const char *id);
void rivals_forget(struct registrar *registrar, const char *id);
void rivals_stop(struct registrar *registrar);

/* twins.c */
void twins_look(struct registrar *registrar); /* when all containers are known */
void twins_stop(struct registrar *registrar);

/* unseen.c */
void unseen_add(struct registrar *registrar, const char *id);
void unseen_forget(struct registrar *registrar, const char *id);
void unseen_forget_all(struct registrar *registrar);
/* Put into a new list what is believed all the same. */
void unseen_keep(struct registrar *registrar, struct json *list);

/* drain.c */
void drain_box(struct box *box); /* its services into maintenance */
void drain_end(struct box *box); /* and back */
void drain_forget(struct registrar *registrar, const char *id);
void drain_stop(struct registrar *registrar);

/* tasks.c */
void tasks_stop(struct registrar *registrar);

#endif
