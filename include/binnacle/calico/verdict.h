/*
 * calico/verdict.h - which endpoints and addresses are left-overs, and what proves it.
 *
 *     calico_history_observe(history, state, clock_mono_ms());
 *     report = calico_judge(&(struct calico_evidence_base){ .state = state, .sources = sources,
 *                            .source_count = n, .history = history,
 *                            .now_mono_ms = clock_mono_ms() });
 *     for (size_t i = 0; i < report->wep_count; i++)
 *             show(&report->weps[i]);
 *     calico_report_free(report);
 *
 * Pure: nothing is asked here. Unknown is never stale: each thing that could not be asked, is
 * too old, is mapped doubtfully, or has not been there long enough, makes a verdict unknown.
 * First rule that fits, for a workload endpoint of node H with Docker endpoint id E:
 *
 *   unknown (foreign)     not made by the Docker plugin, or the value cannot be read
 *   live                  a daemon has a container with E that runs, is paused, restarts or is
 *                         created; on another daemon than H's: also flagged wrong_node
 *   unknown (unreachable, incomplete, old, mapping)   H's daemon cannot bear witness
 *   held                  H's daemon has E in a container that is exited or dead
 *   unknown (young)       not yet seen twice, grace apart, with the same indices
 *   ghost                 no container has E, but H's daemon still lists the record ep-E
 *   stale                 neither
 *
 * `conflicting` is independent of the verdict.
 *
 * A mapping that the operator has confirmed is doubtful all the same when the daemon's own name is
 * another node's, when it advertises another node's address, or when the node has several endpoints
 * and it has none of them. The operator overrules that by writing down what the daemon calls itself
 * (daemon_name).
 */
#ifndef BINNACLE_CALICO_VERDICT_H
#define BINNACLE_CALICO_VERDICT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/calico/docker_view.h"
#include "binnacle/calico/store.h"

#define CALICO_GRACE_MS        60000
#define CALICO_VIEW_MAX_AGE_MS 30000
/* Not within this time of a container's end is its address released: Docker may still repeat
 * its own release, which takes the slot from whoever has it by then. */
#define CALICO_RELEASE_WAIT_MS 90000

enum calico_verdict { CALICO_UNKNOWN, CALICO_LIVE, CALICO_HELD, CALICO_GHOST, CALICO_STALE };

enum calico_reason {
	CALICO_REASON_NONE,
	CALICO_REASON_UNREACHABLE, /* H's daemon does not answer */
	CALICO_REASON_INCOMPLETE,  /* it answered only in part */
	CALICO_REASON_OLD,         /* its answer is too old */
	CALICO_REASON_MAPPING,     /* no daemon is confirmed as H's, or it is doubtful */
	CALICO_REASON_YOUNG,       /* changed lately, or changing right now */
	CALICO_REASON_FOREIGN,     /* not of the Docker plugin, or unreadable */
};

enum calico_slot_verdict_kind {
	CALICO_SLOT_UNKNOWN,
	CALICO_SLOT_IN_USE,
	CALICO_SLOT_LEAKED, /* only dead endpoints have the address */
	CALICO_SLOT_ORPHAN, /* no endpoint has it */
	CALICO_SLOT_FOREIGN,
};

const char *calico_verdict_name(enum calico_verdict verdict); /* "live", "stale", … */
const char *calico_reason_name(enum calico_reason reason);    /* "unreachable", …; "" */
const char *calico_slot_verdict_name(enum calico_slot_verdict_kind kind);

/*
 * When each key and block was first seen with its present indices. The indices of etcd do not
 * tell time, so a console that has just started must wait for the grace to pass.
 */
struct calico_history;
struct calico_history *calico_history_new(void);
void calico_history_free(struct calico_history *history);
/* The state is known to be current at this time. Call it for each new state, and again while
 * the watch stands (calico_watch_alive_ms). Forgets what is gone. */
void calico_history_observe(struct calico_history *history, const struct calico_state *state,
			    int64_t mono_ms);
/* Remember which daemons were seen to have an endpoint of their node: what proves a mapping may be
 * the next to be cleaned up, and the rest is no less left over then. */
struct calico_report;
void calico_history_prove(struct calico_history *history, const struct calico_report *report);
bool calico_history_is_proven(const struct calico_history *history, const char *node,
			      const char *daemon_id);
/* For how long the key has been seen with this index; 0 when only once or not at all. */
int64_t calico_history_age_ms(const struct calico_history *history, const char *key,
			      uint64_t created_index, uint64_t modified_index);

/* One daemon and the node that it is. */
struct calico_source {
	const char *node; /* Calico's name of it, case matters; NULL: not mapped */
	bool confirmed;   /* the operator says so; a proposal by name alone is not enough */
	const struct calico_docker_view *view; /* NULL: never answered */
	/* What the operator says that the daemon calls itself: then this settles whose daemon it
	 * is. NULL: it is found out from the daemon's name, address and endpoints. */
	const char *daemon_name;
};

struct calico_evidence_base {
	const struct calico_state *state;
	const struct calico_source *sources;
	size_t source_count;
	const struct calico_history *history; /* NULL: everything is young */
	int64_t now_mono_ms;
	int64_t grace_ms;        /* 0: CALICO_GRACE_MS */
	int64_t view_max_age_ms; /* 0: CALICO_VIEW_MAX_AGE_MS */
	/* Nodes that are gone for good, as the operator typed them; NULL-terminated or NULL. Whose
	 * daemon bears witness, or from where felix reports, is not. */
	const char *const *decommissioned;
};

struct calico_evidence {
	const char *source, *sentence; /* "docker dock-4", "no container has this endpoint id" */
};

struct calico_evidence_list {
	const struct calico_evidence *items;
	size_t count;
};

struct calico_wep_verdict {
	const struct calico_wep *wep;
	enum calico_verdict verdict;
	enum calico_reason reason;
	const char *why; /* the verdict in one short sentence */
	struct calico_evidence_list evidence;
	bool conflicting, urgent; /* urgent: a live address can be given away again */
	struct calico_evidence_list conflicts;
	bool wrong_node;                    /* live, but on another daemon than its node's */
	bool duplicate;                     /* shares an address with another endpoint */
	const struct calico_source *source; /* of its node; NULL: none */
	/* The container that names it (live, held); where; NULL: none. */
	const struct calico_container *container;
	const struct calico_source *container_source;
	const struct calico_record *record; /* H's own ep- entry, also beside held; or NULL */
	const char *name;                   /* container's, else the record's name as a hint; "" */
	int64_t seen_ms;                    /* how long seen unchanged */
};

struct calico_slot_verdict {
	const struct calico_block *block;
	uint32_t ordinal;
	struct calico_net address;
	enum calico_slot_verdict_kind kind;
	enum calico_reason reason; /* of unknown */
	const char *why;
	bool releasable; /* leaked or orphan, and every node's daemon has borne witness */
	const struct calico_wep *wep;             /* that has it; NULL: none */
	const struct calico_container *wanted_by; /* cannot start without it; NULL: none */
	const struct calico_source *wanted_on;    /* where that one is */
	const struct calico_container *used_by;   /* runs with it, and no endpoint says so */
	const struct calico_record *record;       /* Docker's, which keeps it from release; or NULL */
};

/* Whether a node's daemon can bear witness. */
struct calico_node_verdict {
	const char *node;
	enum calico_reason reason; /* NONE: it can */
	const char *why;           /* "" */
	bool conflict;             /* what the daemon says of itself speaks against the mapping */
};

/* A container that does not start because of a left-over: what the operator came for. */
struct calico_complaint {
	const struct calico_source *source;
	const struct calico_container *container;
	struct calico_net address; /* the one it wants; version 0: none named */
	bool about_name;           /* "already exists in network", else "already assigned" */
};

struct calico_report {
	const struct calico_wep_verdict *weps; /* in the order of the state */
	size_t wep_count;
	const struct calico_slot_verdict *slots; /* allocated ones, in order of block and address */
	size_t slot_count;
	bool slots_sorted; /* by address; blocks that overlap would spoil it */
	const struct calico_complaint *complaints;
	size_t complaint_count;
	const struct calico_node_verdict *nodes; /* in the order of the state's */
	size_t node_count;
	bool all_nodes_known;     /* every node has a complete, fresh, confirmed view */
	const char *unknown_node; /* one that is not; "" */
};

/*
 * Labels of a live endpoint's container that the endpoint does not have (struct json_pair; in the
 * arena). Calico's plugin sets them after the container has started, for some seconds; then it
 * gives up, and policies by label never select the endpoint. Empty for as long as it may still do
 * it.
 */
#define CALICO_LABELS_WAIT_MS 15000
struct json_list calico_labels_missing(const struct calico_wep_verdict *verdict,
				       int64_t now_wall_ms, struct arena *arena);

/* Borrows the whole base; the report must be freed before any of it. */
struct calico_report *calico_judge(const struct calico_evidence_base *base);
void calico_report_free(struct calico_report *report);

const struct calico_wep_verdict *calico_report_wep(const struct calico_report *report,
						   const char *key);
/* The same for an endpoint of the state that was judged, without a search. */
const struct calico_wep_verdict *calico_report_of(const struct calico_report *report,
						  const struct calico_wep *wep);
const struct calico_slot_verdict *calico_report_slot(const struct calico_report *report,
						     const struct calico_net *address);
/* Stale, ghost or held: may be offered for deletion. */
bool calico_verdict_is_dead(enum calico_verdict verdict);

/*
 * May `docker network disconnect -f` remove the record of a ghost? Only on H's own daemon, when
 * `locator` (of the record in Docker's cluster store; NULL: it could not be read) is that
 * daemon's, no container of any state there has the record's name, and nobody else has the
 * address. False with the reason.
 */
bool calico_ghost_may_disconnect(const struct calico_evidence_base *base,
				 const struct calico_wep_verdict *ghost, const char *locator,
				 struct err *err);

#endif
