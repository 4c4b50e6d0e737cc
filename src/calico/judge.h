/*
 * What the judging files share: who can bear witness, and two indexes over all views: by
 * endpoint id and by address.
 */
#ifndef JUDGE_H
#define JUDGE_H

#include "binnacle/base/strmap.h"
#include "binnacle/calico/verdict.h"

/* A container that names an endpoint id or an address. */
struct reference {
	const struct calico_source *source;
	const struct calico_container *container;
	const struct calico_attachment *attachment;
	const struct reference *next;
};

/* An entry of a network's list, as one daemon shows it. */
struct listing {
	const struct calico_source *source;
	const struct calico_record *record;
	const struct listing *next;
};

struct wep_use {
	size_t index; /* of the endpoint in the state */
	const struct wep_use *next;
};

/* All that is known of an endpoint id. */
struct identity {
	struct reference *references;
	struct listing *listings;
};

/* All that is known of an address. */
struct address_use {
	const struct wep_use *weps;
	const struct reference *running; /* have it as their address */
	const struct reference *waiting; /* do not run and ask for it */
	const struct listing *listings;  /* records that hold it, on their own daemon or not */
	const char *tunnel_node;         /* its IP-in-IP address; or NULL */
};

/* Can a node's daemon prove that something is absent? */
struct witness {
	const struct calico_source *source;
	enum calico_reason reason; /* NONE: it can */
	const char *why;
	bool decommissioned;
	bool conflict; /* the daemon's own words are against the mapping */
};

struct judge {
	const struct calico_evidence_base *base;
	struct arena *arena;
	int64_t grace_ms, view_max_age_ms;
	struct strmap identities; /* endpoint id → struct identity */
	struct strmap addresses;  /* text → struct address_use */
	struct strmap witnesses;  /* node → struct witness */
	struct calico_wep_verdict *weps;
	struct witness unknown;          /* why not all nodes are known */
	const struct calico_wep **vague; /* may have addresses that `addresses` does not tell */
	size_t vague_count;
};

/* Fill in the maps; judge->base and arena are set. */
void judge_index(struct judge *judge);
void judge_release(struct judge *judge);

/* Never NULL: an empty one for what nobody names. */
const struct identity *judge_identity(struct judge *judge, const char *endpoint_id);
const struct address_use *judge_address(struct judge *judge, const struct calico_net *address);
const struct witness *judge_witness(struct judge *judge, const char *node);
/* A view so fresh that what it shows is the case now. */
bool judge_is_fresh(const struct judge *judge, const struct calico_source *source);
bool judge_is_waiting(const struct calico_container *container);

/* judge_conflicts.c: conflicting, urgent, duplicate; after all verdicts are known. */
void judge_conflicts(struct judge *judge);
/* judge_slots.c */
void judge_slots(struct judge *judge, struct calico_report *report);
void judge_complaints(struct judge *judge, struct calico_report *report);

/* A list of evidence that grows in the arena. */
struct evidence_builder {
	struct calico_evidence *items;
	size_t len, cap;
};
void evidence_add(struct judge *judge, struct evidence_builder *builder, const char *source,
		  const char *sentence);
struct calico_evidence_list evidence_finish(struct judge *judge, struct evidence_builder *builder);

#endif
