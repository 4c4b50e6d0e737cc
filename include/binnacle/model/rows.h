/*
 * model/rows.h - the rows of the model's tables: facts about the cluster, without a screen.
 *
 * Each row begins with `id`, its identity: unique in its table and stable for as long as the
 * thing exists, so that cursors, marks and plans can hold it. Strings are never NULL (absent is
 * ""), belong to the snapshot, and hold the bytes as they came from outside: clean them on the
 * way out. Times are wall clock in milliseconds, 0 when unknown; ages are counted from them.
 */
#ifndef BINNACLE_MODEL_ROWS_H
#define BINNACLE_MODEL_ROWS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

/* What a row's state means for the eye; the words are the row's own. ORDER STATE */
enum row_state {
	STATE_NONE, /* no check, no opinion */
	STATE_PASS, /* fine, live, alive, clean */
	STATE_WARN,
	STATE_CRIT,
	STATE_MAINT,
	STATE_STALE,   /* evidence that it is left over */
	STATE_UNKNOWN, /* a source cannot be asked */
	STATE_PENDING,
	STATE_HELD,
	STATE_RUNNING,
	STATE_DONE,
	STATE_FAILED,
	STATE_COUNT,
};

struct text_list {
	const char *const *items;
	size_t count;
};

/* A member of Consul's gossip pool. id: its name. */
struct member {
	const char *id;
	const char *address, *role, *build, *dc; /* role: "server" or "client" */
	const char *status;                      /* "alive" "FAIL" "leaving" "left" */
	enum row_state state;
	bool is_leader;
	int64_t services, warning, critical; /* counts; -1: unknown */
	int64_t since_ms;                    /* in this status, as seen from here */
};

/* A service of the catalog. id: its name. */
struct service {
	const char *id;
	const char *status; /* worst of the instances: "CRIT" "WARN" "maint" "none" "pass" */
	enum row_state state;
	int64_t passing, warning, critical; /* instances */
	struct text_list nodes, tags, used_by;
	const char *output;           /* of the worst check */
	const char *source;           /* "reg" registrator form of id, "man" other, "both" */
	int64_t dangling, duplicates; /* instances */
	int64_t since_ms;
};

/* One registration. id: "NODE/SERVICE-ID". */
struct instance {
	const char *id;
	const char *service_id, *service, *node, *node_address, *address, *container;
	int64_t port;
	struct text_list tags;
	const char *status; /* "CRIT" "WARN" "maint" "none" "pass" */
	enum row_state state;
	const char *output;
	bool dangling;   /* registrator's form, and its container does not exist */
	bool duplicate;  /* the same service, address and port on another node */
	bool is_surplus; /* and of the two, the one that something speaks against: see `why` */
	bool own_agent;  /* registered with the agent we talk to */
	const char *why; /* of dangling and duplicate, in words */
	int64_t since_ms;
};

/* What the registration half did, saw or refused. id: a running number. */
struct event {
	const char *id;
	int64_t time_ms;
	const char *action; /* registrar_action_name: added removed ignored FAILED … */
	enum row_state state;
	const char *service, *instance, *why, *node, *container, *source;
	int64_t repeated; /* 1, or how many alike were folded within a minute */
};

/* A template. id: its name. */
struct render {
	const char *id;
	const char *source, *destination;
	const char *status; /* clean PENDING HELD waiting rendering FAILED */
	enum row_state state;
	int64_t added, removed; /* lines */
	const char *check;      /* "ok" "FAIL" "?" */
	const char *message;    /* of the check or the failure */
	const char *trigger, *brake;
	const char *cause; /* what made the last execution necessary */
	struct text_list waiting_for;
	const int64_t *waiting_since_ms; /* of each; NULL when there are none */
	struct text_list services;       /* names of those it reads */
	int64_t written_ms, loaded_ms, generations;
	int64_t since_ms, executed_ms, executions;
	int64_t dependencies; /* that it asks for */
	/* Of all templates together: connections to Consul, queries that wait for one, and what is
	 * answered over them. */
	int64_t connections, queries_waiting, answers;
	bool not_loaded; /* the file on disk is newer than what nginx took */
};

/* A text of a template. id: "TEMPLATE:NAME". */
struct generation_row {
	const char *id;
	const char *template, *name; /* name: "pending", "live", or its number */
	const char *status;          /* "pending" "live" "kept" "no file" */
	enum row_state state;
	int64_t number;  /* 0: it has none */
	int64_t time_ms; /* when it was written; of a kept one when it was replaced; 0: not yet */
	int64_t bytes;
	const char *sha256;
};

/* A Calico workloadEndpoint. id: its key in the datastore. */
struct endpoint_row {
	const char *id;
	const char *name, *workload, *orchestrator, *node; /* name: Docker's endpoint id */
	struct text_list addresses, profiles, evidence, labels;
	struct text_list labels_missing; /* of its container, that never reached it */
	const char *interface;
	const char *status; /* live STALE ghost held ? young */
	enum row_state state;
	const char *why;
	const char *conflict;  /* reason, or "" */
	const char *container; /* name, when known */
	const char *wanted_by; /* a container that cannot start because of it, or "" */
	/* Docker's own record of it, which the daemon of its node still lists; or "". */
	const char *record, *record_network;
	struct text_list policies; /* that select it, in the order in which they are tried */
	const char *traffic;       /* a warning when nothing admits its traffic, or "" */
	bool cleanable;            /* stale, ghost or held, with full evidence */
	bool address_leaked;       /* its address may be given back together with it */
	int64_t created_index, modified_index;
	int64_t since_ms;
	const char *document; /* the value as stored */
};

/* A container of a known Docker daemon. id: "NODE/CONTAINER-ID". */
struct container_row {
	const char *id;
	const char *container_id, *name, *image, *node, *network, *address, *error;
	const char *fixed_address; /* that it asks for at each start, or "" */
	int64_t ended_ms;          /* 0: it never ran */
	const char *status;        /* running exited created paused restarting dead */
	enum row_state state;
	const char *registered; /* what stands in Consul for it: "web:80, web:443", "" none */
	const char *wanted;     /* what we would register, or why nothing */
	/* Lines "NAME:PORT\tas it stands", one for each service and each note; "" not known. */
	const char *registration;
	int64_t since_ms;
};

/* An address that is assigned in Calico. id: the address, without a mask. */
struct address_row {
	const char *id;
	const char *status; /* "in use" leaked orphan foreign ? young */
	enum row_state state;
	const char *why;
	const char *block, *node; /* of 64 addresses; the node that the block belongs to, or "" */
	const char *holder;       /* who has it: a container, or the beginning of an endpoint id */
	const char *holder_node;
	const char *endpoint;              /* its key, or "" */
	const char *wanted_by, *wanted_on; /* a container that cannot start without it; its node */
	bool releasable;                   /* with full evidence */
	int64_t block_index;               /* revision of the block */
};

/* A Calico policy. id: its name. */
struct policy_row {
	const char *id;
	const char *order, *selector, *types; /* order "": last; types "ingress egress" */
	const char *status;                   /* "ok" "idle" (selects nothing) "BROKEN" */
	enum row_state state;
	const char *problem;
	struct text_list inbound, outbound; /* rules, one sentence each */
	struct text_list selected;          /* endpoints; the first ones when there are very many */
	int64_t endpoints, place;           /* how many it selects; when it is tried, from 1 */
	const char *document;               /* the value as stored */
	const char *yaml;                   /* the same in calicoctl's form */
};

/* A node of Calico. id: its name, in which case matters. */
struct node_row {
	const char *id;
	const char *address, *tunnel, *as_num;
	const char *status; /* "alive" "SILENT": felix does not report */
	enum row_state state;
	const char *why;
	int64_t reported_ms;                  /* felix' last report */
	int64_t endpoints, left_over, blocks; /* left_over: of the endpoints */
	const char *docker;                   /* "confirmed" "not confirmed" "none" */
	const char *daemon, *daemon_problem;  /* the mapped daemon; why it cannot bear witness */
};

/* A pool of addresses. id: its network. */
struct pool_row {
	const char *id;
	const char *status; /* "on" "disabled" "BROKEN" */
	enum row_state state;
	const char *problem, *tunnel; /* tunnel: "" "ipip always" "ipip cross-subnet" "ipip" */
	bool masquerade;
	int64_t blocks, used, left_over; /* addresses */
};

/* A block of a pool's addresses. id: its network. */
struct block_row {
	const char *id;
	const char *node, *pool; /* whose it is; "" nobody's */
	const char *status;      /* "ok" "LEAKS" "nobody's" "BROKEN" */
	enum row_state state;
	const char *problem;
	/* A character for each address, in order: '#' in use, 'L' leaked, 'O' orphan, 'F'
	 * foreign, '?' not known, '.' free. */
	const char *map;
	bool strict;
	int64_t total, used, leaked, orphans, foreign, unknown, block_index;
};

/* A Calico profile: what decides about an endpoint that no policy selects. id: its name. */
struct profile_row {
	const char *id;
	const char *status; /* "ok" "idle" (no endpoint names it) "BROKEN" */
	enum row_state state;
	const char *problem;
	struct text_list tags, labels;
	struct text_list inbound, outbound; /* rules, one sentence each */
	int64_t endpoints;
	const char *yaml; /* in calicoctl's form */
};

/* A network of one Docker daemon. id: "NODE/NETWORK-ID". */
struct network_row {
	const char *id;
	const char *network_id, *name, *node, *driver, *ipam, *scope;
	const char *status; /* "ok" "idle" (nobody is on it) */
	enum row_state state;
	struct text_list subnets;
	struct text_list endpoints; /* "web-1 10.0.0.1", those of other daemons "ep-..." too */
	bool is_calico;
	int64_t containers; /* of this daemon, running */
	int64_t records;    /* entries that are no running container of this daemon */
};

/* A plan under way or done. id: its number. */
struct job_row {
	const char *id;
	const char *verb, *targets, *step, *by, *message;
	const char *status; /* running done FAILED partly canceled */
	enum row_state state;
	int64_t steps_done, steps_total, started_ms, took_ms;
};

/* A line of the journal of actions, newest first. id: the plan's id. */
struct journal_row {
	const char *id;
	int64_t time_ms;
	const char *verb, *targets, *result, *user, *plan_hash, *undo;
	enum row_state state;
};

#endif
