/*
 * One endpoint at a time, by a chain of rules: each looks and either decides or passes on. What
 * the rules share, and everything about addresses, is in judge_*.c.
 */
#include "binnacle/calico/verdict.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/text.h"
#include "judge.h"

static const char *const verdict_names[] = {
	[CALICO_UNKNOWN] = "unknown", [CALICO_LIVE] = "live",   [CALICO_HELD] = "held",
	[CALICO_GHOST] = "ghost",     [CALICO_STALE] = "stale",
};

static const char *const reason_names[] = {
	[CALICO_REASON_NONE] = "",
	[CALICO_REASON_UNREACHABLE] = "unreachable",
	[CALICO_REASON_INCOMPLETE] = "incomplete",
	[CALICO_REASON_OLD] = "old",
	[CALICO_REASON_MAPPING] = "mapping",
	[CALICO_REASON_YOUNG] = "young",
	[CALICO_REASON_FOREIGN] = "foreign",
};

static const char *const slot_names[] = {
	[CALICO_SLOT_UNKNOWN] = "unknown", [CALICO_SLOT_IN_USE] = "in use",
	[CALICO_SLOT_LEAKED] = "leaked",   [CALICO_SLOT_ORPHAN] = "orphan",
	[CALICO_SLOT_FOREIGN] = "foreign",
};

const char *calico_verdict_name(enum calico_verdict verdict)
{
	return verdict_names[verdict];
}

const char *calico_reason_name(enum calico_reason reason)
{
	return reason_names[reason];
}

const char *calico_slot_verdict_name(enum calico_slot_verdict_kind kind)
{
	return slot_names[kind];
}

bool calico_verdict_is_dead(enum calico_verdict verdict)
{
	return verdict == CALICO_STALE || verdict == CALICO_GHOST || verdict == CALICO_HELD;
}

void evidence_add(struct judge *judge, struct evidence_builder *builder, const char *source,
		  const char *sentence)
{
	if (builder->len == builder->cap) {
		size_t cap = builder->cap ? builder->cap * 2 : 4;
		struct calico_evidence *items = arena_alloc(judge->arena, cap * sizeof(*items));

		if (builder->len)
			memcpy(items, builder->items, builder->len * sizeof(*items));
		builder->items = items;
		builder->cap = cap;
	}
	builder->items[builder->len++] = (struct calico_evidence){ source, sentence };
}

struct calico_evidence_list evidence_finish(struct judge *judge, struct evidence_builder *builder)
{
	(void)judge;
	return (struct calico_evidence_list){ builder->items, builder->len };
}

/* One endpoint under examination. */
struct examination {
	struct judge *judge;
	struct calico_wep_verdict *out;
	const struct calico_wep *wep;
	const struct identity *identity;
	const struct witness *witness;
	struct evidence_builder evidence;
};

static const char *docker_label(struct judge *judge, const struct calico_source *source)
{
	return arena_printf(judge->arena, "docker %s",
			    source->view ? source->view->source : source->node);
}

static bool decide(struct examination *ex, enum calico_verdict verdict, enum calico_reason reason,
		   const char *why)
{
	ex->out->verdict = verdict;
	ex->out->reason = reason;
	ex->out->why = why;
	return true;
}

/* A container names the endpoint: keep it and say so. */
static void take_container(struct examination *ex, const struct reference *reference)
{
	struct judge *judge = ex->judge;

	ex->out->container = reference->container;
	ex->out->container_source = reference->source;
	ex->out->name = reference->container->name;
	evidence_add(judge, &ex->evidence, docker_label(judge, reference->source),
		     arena_printf(judge->arena, "container %s has this endpoint id and is %s",
				  reference->container->name, reference->container->status));
}

static bool rule_foreign(struct examination *ex)
{
	const struct calico_wep *wep = ex->wep;
	struct arena *arena = ex->judge->arena;

	if (!calico_wep_id_is_docker(&wep->id))
		return decide(ex, CALICO_UNKNOWN, CALICO_REASON_FOREIGN,
			      "not made by the Docker plugin");
	if (wep->problem)
		return decide(ex, CALICO_UNKNOWN, CALICO_REASON_FOREIGN,
			      arena_printf(arena, "cannot be read: %s", wep->problem));
	return false;
}

/* Another daemon than the node's: certain when that daemon is mapped to somebody else, or when
 * the node has a daemon of its own. */
static bool is_wrong_node(const struct examination *ex, const struct calico_source *source)
{
	if (source->node)
		return strcmp(source->node, ex->wep->id.node) != 0;
	return ex->witness->source != NULL;
}

static const struct reference *find_reference(const struct examination *ex,
					      enum calico_container_phase phase, bool fresh)
{
	const struct reference *reference = ex->identity->references;

	for (; reference; reference = reference->next)
		if (reference->container->phase == phase &&
		    judge_is_fresh(ex->judge, reference->source) == fresh)
			return reference;
	return NULL;
}

static bool rule_live(struct examination *ex)
{
	const struct reference *reference = find_reference(ex, CALICO_CONTAINER_ALIVE, true);
	struct arena *arena = ex->judge->arena;

	if (!reference)
		return false;
	take_container(ex, reference);
	ex->out->wrong_node = is_wrong_node(ex, reference->source);
	if (ex->out->wrong_node)
		return decide(ex, CALICO_LIVE, CALICO_REASON_NONE,
			      arena_printf(arena, "container %s is %s, but on %s",
					   reference->container->name, reference->container->status,
					   reference->source->view->source));
	return decide(ex, CALICO_LIVE, CALICO_REASON_NONE,
		      arena_printf(arena, "container %s is %s", reference->container->name,
				   reference->container->status));
}

static bool rule_no_witness(struct examination *ex)
{
	const struct witness *witness = ex->witness;

	if (!witness->reason || witness->decommissioned)
		return false;
	evidence_add(ex->judge, &ex->evidence,
		     witness->source ? docker_label(ex->judge, witness->source) : "configuration",
		     witness->why);
	return decide(ex, CALICO_UNKNOWN, witness->reason, witness->why);
}

/* What a daemon said some time ago, or about a container that is just going, may have changed;
 * neither a proof of life nor of the contrary. */
static bool rule_changing(struct examination *ex)
{
	const struct reference *reference = find_reference(ex, CALICO_CONTAINER_ALIVE, false);
	struct arena *arena = ex->judge->arena;
	const struct listing *listing;

	if (reference) {
		take_container(ex, reference);
		return decide(ex, CALICO_UNKNOWN, CALICO_REASON_OLD,
			      arena_printf(arena, "%s had it in container %s when it last answered",
					   reference->source->view->source,
					   reference->container->name));
	}
	for (reference = ex->identity->references; reference; reference = reference->next) {
		if (reference->container->phase != CALICO_CONTAINER_GOING)
			continue;
		take_container(ex, reference);
		return decide(ex, CALICO_UNKNOWN, CALICO_REASON_YOUNG,
			      arena_printf(arena, "container %s is %s right now",
					   reference->container->name,
					   reference->container->status));
	}
	for (listing = ex->identity->listings; listing; listing = listing->next) {
		/* A running container of that daemon which its list did not have yet. */
		if (listing->record->is_record || ex->identity->references)
			continue;
		ex->out->name = listing->record->name;
		return decide(ex, CALICO_UNKNOWN, CALICO_REASON_YOUNG,
			      arena_printf(arena, "%s has just started or ended %s",
					   listing->source->view->source, listing->record->name));
	}
	return false;
}

static bool rule_held(struct examination *ex)
{
	const struct reference *reference = ex->identity->references;

	if (ex->witness->decommissioned)
		return false;
	for (; reference; reference = reference->next) {
		if (reference->source != ex->witness->source ||
		    reference->container->phase != CALICO_CONTAINER_ENDED)
			continue;
		take_container(ex, reference);
		evidence_add(ex->judge, &ex->evidence, "what to do",
			     "remove it: a start of the container makes a new endpoint, this one "
			     "never comes back");
		return decide(ex, CALICO_HELD, CALICO_REASON_NONE,
			      arena_printf(ex->judge->arena,
					   "left by a crash; container %s is stopped",
					   reference->container->name));
	}
	return false;
}

static bool rule_young(struct examination *ex)
{
	char age[TEXT_AGE_BYTES];

	if (ex->out->seen_ms >= ex->judge->grace_ms)
		return false;
	return decide(ex, CALICO_UNKNOWN, CALICO_REASON_YOUNG,
		      arena_printf(ex->judge->arena, "seen unchanged for %s only",
				   text_age(ex->out->seen_ms, age)));
}

static bool rule_decommissioned(struct examination *ex)
{
	const struct reference *reference = ex->identity->references;
	struct arena *arena = ex->judge->arena;

	if (!ex->witness->decommissioned)
		return false;
	if (reference) {
		take_container(ex, reference);
		return decide(ex, CALICO_UNKNOWN, CALICO_REASON_MAPPING,
			      arena_printf(arena, "node %s is decommissioned, but %s has it in %s",
					   ex->wep->id.node, reference->source->view->source,
					   reference->container->name));
	}
	evidence_add(ex->judge, &ex->evidence, "operator",
		     arena_printf(arena, "node %s is decommissioned", ex->wep->id.node));
	evidence_add(ex->judge, &ex->evidence, "docker",
		     "no daemon that answers has a container with this endpoint id");
	return decide(ex, CALICO_STALE, CALICO_REASON_NONE, "its node is decommissioned");
}

static void add_absence(struct examination *ex)
{
	const struct calico_source *source = ex->witness->source;
	char age[TEXT_AGE_BYTES];

	evidence_add(
		ex->judge, &ex->evidence, docker_label(ex->judge, source),
		arena_printf(ex->judge->arena,
			     "none of its %zu containers has this endpoint id, %s ago",
			     source->view->container_count,
			     text_age(ex->judge->base->now_mono_ms - source->view->started_mono_ms,
				      age)));
}

static bool rule_ghost_or_stale(struct examination *ex)
{
	add_absence(ex);
	if (ex->out->record)
		evidence_add(ex->judge, &ex->evidence, "what to do",
			     arena_printf(ex->judge->arena,
					  "have Docker of %s drop its record first (disconnect "
					  "%.12s), then what it leaves; no other host may",
					  ex->wep->id.node, ex->wep->id.endpoint));
	if (ex->out->record)
		return decide(ex, CALICO_GHOST, CALICO_REASON_NONE,
			      arena_printf(ex->judge->arena,
					   "no container; Docker keeps the record of %s",
					   ex->out->record->name));
	return decide(ex, CALICO_STALE, CALICO_REASON_NONE, "no container has it");
}

/* The own daemon's record counts; those of others only lend a name. */
static void look_at_records(struct examination *ex)
{
	const struct listing *listing = ex->identity->listings;

	for (; listing; listing = listing->next) {
		if (!*ex->out->name)
			ex->out->name = listing->record->name;
		if (!listing->record->is_record || !ex->witness->source ||
		    listing->source != ex->witness->source)
			continue;
		ex->out->record = listing->record;
		evidence_add(ex->judge, &ex->evidence, docker_label(ex->judge, listing->source),
			     arena_printf(ex->judge->arena, "network %s lists the record ep- of %s",
					  listing->record->network, listing->record->name));
	}
}

static void add_hints(struct examination *ex)
{
	const struct calico_container *container = ex->out->container;
	const struct calico_wep *wep = ex->wep;
	const struct calico_node *node = calico_state_node(ex->judge->base->state, wep->id.node);

	if (strcmp(wep->felix_status, "down") == 0 || strcmp(wep->felix_status, "error") == 0)
		evidence_add(ex->judge, &ex->evidence, "felix",
			     arena_printf(ex->judge->arena,
					  "reports the endpoint as %s (a hint, no proof)",
					  wep->felix_status));
	if (node && *node->felix_time && !node->felix_alive)
		evidence_add(ex->judge, &ex->evidence, "felix",
			     arena_printf(ex->judge->arena,
					  "last reported from node %s at %s (a hint, no proof)",
					  node->name, node->felix_time));
	if (container && container->calico_labels.count && !calico_wep_own_labels(wep) &&
	    !wep->problem)
		evidence_add(ex->judge, &ex->evidence, "labels",
			     "the container has Calico labels, the endpoint has none: policies "
			     "by label do not select it");
}

static void examine(struct judge *judge, size_t index)
{
	static bool (*const rules[])(struct examination *) = {
		rule_foreign, rule_live,  rule_no_witness,     rule_changing,
		rule_held,    rule_young, rule_decommissioned, rule_ghost_or_stale,
	};
	const struct calico_wep *wep = &judge->base->state->weps[index];
	struct examination ex = {
		.judge = judge,
		.out = &judge->weps[index],
		.wep = wep,
		.identity = judge_identity(judge, wep->id.endpoint),
		.witness = judge_witness(judge, wep->id.node),
	};
	bool decided = false;

	ex.out->wep = wep;
	ex.out->name = ex.out->why = "";
	ex.out->source = ex.witness->source;
	ex.out->seen_ms = calico_history_age_ms(judge->base->history, wep->key, wep->created_index,
						wep->modified_index);
	look_at_records(&ex);
	for (size_t i = 0; i < sizeof(rules) / sizeof(rules[0]) && !decided; i++)
		decided = rules[i](&ex);
	assert(decided);
	add_hints(&ex);
	ex.out->evidence = evidence_finish(judge, &ex.evidence);
}

/* The report and the arena that all of it lives in. */
struct report_box {
	struct calico_report report; /* first */
	struct arena arena;
};

static void note_unknown(struct judge *judge, struct calico_report *report, const char *who,
			 const struct witness *witness)
{
	if (!witness->reason || witness->decommissioned || !report->all_nodes_known)
		return;
	report->all_nodes_known = false;
	report->unknown_node = who;
	judge->unknown = *witness;
}

static void judge_nodes(struct judge *judge, struct calico_report *report)
{
	const struct calico_state *state = judge->base->state;
	struct calico_node_verdict *nodes =
		arena_alloc(judge->arena, (state->node_count + 1) * sizeof(*nodes));

	for (size_t i = 0; i < state->node_count; i++) {
		const struct witness *witness = judge_witness(judge, state->nodes[i].name);

		nodes[i] = (struct calico_node_verdict){
			.node = state->nodes[i].name,
			.reason = witness->reason,
			.why = witness->why ? witness->why : "",
			.conflict = witness->conflict,
		};
	}
	report->nodes = nodes;
	report->node_count = state->node_count;
}

/* Every node that Calico knows, and every daemon that is configured: one that is mapped to
 * nobody may run containers too. */
static void note_nodes(struct judge *judge, struct calico_report *report)
{
	const struct calico_evidence_base *base = judge->base;

	report->all_nodes_known = true;
	report->unknown_node = "";
	for (size_t i = 0; i < base->state->node_count; i++)
		note_unknown(judge, report, base->state->nodes[i].name,
			     judge_witness(judge, base->state->nodes[i].name));
	for (size_t i = 0; i < base->source_count; i++) {
		const struct calico_source *source = &base->sources[i];
		struct witness witness = { .source = source };

		if (judge_is_fresh(judge, source) && source->view->complete)
			continue;
		if (source->node)
			witness = *judge_witness(judge, source->node);
		else
			witness.why = "a daemon that is mapped to no node does not answer";
		if (!witness.reason)
			witness.reason = CALICO_REASON_UNREACHABLE;
		note_unknown(judge, report,
			     source->node   ? source->node
			     : source->view ? source->view->source
					    : "",
			     &witness);
	}
}

struct calico_report *calico_judge(const struct calico_evidence_base *base)
{
	struct report_box *box = xcalloc(1, sizeof(*box));
	struct judge judge = { .base = base, .arena = &box->arena };
	size_t count = base->state->wep_count;

	judge_index(&judge);
	judge.weps = arena_alloc(&box->arena, (count + 1) * sizeof(*judge.weps));
	for (size_t i = 0; i < count; i++)
		examine(&judge, i);
	box->report.weps = judge.weps;
	box->report.wep_count = count;
	note_nodes(&judge, &box->report);
	judge_nodes(&judge, &box->report);
	judge_conflicts(&judge);
	judge_slots(&judge, &box->report);
	judge_complaints(&judge, &box->report);
	judge_release(&judge);
	return &box->report;
}

void calico_report_free(struct calico_report *report)
{
	struct report_box *box = (struct report_box *)report;

	if (!box)
		return;
	arena_release(&box->arena);
	free(box);
}

const struct calico_wep_verdict *calico_report_wep(const struct calico_report *report,
						   const char *key)
{
	size_t low = 0, high = report->wep_count;

	/* The state's endpoints are sorted by key. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;
		int order = strcmp(key, report->weps[middle].wep->key);

		if (order == 0)
			return &report->weps[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	return NULL;
}

const struct calico_wep_verdict *calico_report_of(const struct calico_report *report,
						  const struct calico_wep *wep)
{
	size_t place = (size_t)(wep - report->weps[0].wep);

	assert(place < report->wep_count && report->weps[place].wep == wep);
	return &report->weps[place];
}

const struct calico_slot_verdict *calico_report_slot(const struct calico_report *report,
						     const struct calico_net *address)
{
	size_t low = 0, high = report->slot_count;

	while (report->slots_sorted && low < high) {
		size_t middle = low + (high - low) / 2;
		int order = calico_net_compare(address, &report->slots[middle].address);

		if (order == 0)
			return &report->slots[middle];
		if (order < 0)
			high = middle;
		else
			low = middle + 1;
	}
	for (size_t i = 0; !report->slots_sorted && i < report->slot_count; i++)
		if (calico_net_equal(&report->slots[i].address, address))
			return &report->slots[i];
	return NULL;
}
