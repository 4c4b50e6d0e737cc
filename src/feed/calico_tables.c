#include "calico_tables.h"

#include <stdio.h>
#include <string.h>
#include <strings.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/yaml.h"
#include "binnacle/calico/resource.h"

#define SELECTED_MAX   500 /* endpoints that a policy's row names; it counts all of them */
#define SHORT_ID_CHARS 12

static const char *text_in(struct snapshot *snapshot, const char *text)
{
	return text && *text ? arena_strdup(&snapshot->arena, text) : "";
}

static const char *net_in(struct snapshot *snapshot, const struct calico_net *net)
{
	char text[CALICO_NET_TEXT_BYTES];

	return arena_strdup(&snapshot->arena, calico_net_text(net, text));
}

/* With neither a policy nor a profile for a direction, everything in it is dropped. */
static const char *warning_of(const struct calico_state *state, const struct calico_wep *wep,
			      const size_t *policies, size_t count)
{
	const char *const *profile = wep->profiles.items;
	size_t ingress = 0, egress = 0;

	for (size_t i = 0; i < count; i++) {
		ingress += state->policies[policies[i]].ingress;
		egress += state->policies[policies[i]].egress;
	}
	for (size_t i = 0; i < wep->profiles.count; i++)
		if (calico_state_profile(state, profile[i]))
			return "";
	if (wep->problem || (ingress && egress))
		return "";
	if (!ingress && !egress)
		return "no policy and no profile applies to it: all its traffic is dropped";
	return ingress ? "no policy for egress and no profile applies to it: all that goes out is "
			 "dropped"
		       : "no policy for ingress and no profile applies to it: all that comes in "
			 "is dropped";
}

void calico_selection_fill(struct calico_selection *selection, const struct calico_state *state)
{
	struct calico_selected *weps;

	calico_selection_release(selection);
	weps = arena_alloc(&selection->arena, (state->wep_count + 1) * sizeof(*weps));
	for (size_t i = 0; i < state->wep_count; i++) {
		size_t *policies = arena_alloc(&selection->arena,
					       (state->policy_count + 1) * sizeof(*policies));
		size_t count = 0;

		for (size_t j = 0; j < state->policy_count; j++)
			if (calico_state_selects(state, &state->policies[j], &state->weps[i]))
				policies[count++] = j;
		weps[i] = (struct calico_selected){
			policies, count, warning_of(state, &state->weps[i], policies, count)
		};
	}
	selection->weps = weps;
}

void calico_selection_release(struct calico_selection *selection)
{
	arena_release(&selection->arena);
	*selection = (struct calico_selection){ 0 };
}

/* What people call an endpoint. */
static const char *name_of(struct snapshot *snapshot, const struct calico_wep_verdict *verdict)
{
	if (*verdict->name)
		return arena_strdup(&snapshot->arena, verdict->name);
	return arena_printf(&snapshot->arena, "%.*s", SHORT_ID_CHARS, verdict->wep->id.endpoint);
}

/* What only an endpoint has of which nothing is known is not given away; that it is in use is not
 * known either. */
const char *calico_slot_word(const struct calico_slot_verdict *slot,
			     const struct calico_wep_verdict *holder, enum row_state *state)
{
	enum calico_reason reason = slot->reason;

	switch (slot->kind) {
	case CALICO_SLOT_IN_USE:
		*state = STATE_PASS;
		if (!holder || holder->verdict != CALICO_UNKNOWN || slot->used_by)
			return "in use";
		reason = holder->reason;
		break;
	case CALICO_SLOT_LEAKED:
		*state = STATE_STALE;
		return "leaked";
	case CALICO_SLOT_ORPHAN:
		*state = STATE_STALE;
		return "orphan";
	case CALICO_SLOT_FOREIGN:
		*state = STATE_NONE;
		return "foreign";
	case CALICO_SLOT_UNKNOWN:
		break;
	}
	*state = STATE_UNKNOWN;
	return reason == CALICO_REASON_YOUNG ? "young" : "?";
}

static void add_address(const struct calico_tables *tables, const struct calico_slot_verdict *slot,
			struct snapshot *snapshot)
{
	struct address_row *row = snapshot_add(snapshot);
	const struct calico_wep_verdict *verdict =
		slot->wep ? calico_report_of(tables->report, slot->wep) : NULL;

	row->id = net_in(snapshot, &slot->address);
	row->status = calico_slot_word(slot, verdict, &row->state);
	row->why = text_in(snapshot, slot->why);
	if (slot->kind == CALICO_SLOT_LEAKED && !tables->report->all_nodes_known)
		row->why = arena_printf(&snapshot->arena,
					"%s, but nobody can ask Docker of %s whether a container "
					"there has it",
					slot->why, tables->report->unknown_node);
	row->block = net_in(snapshot, &slot->block->cidr);
	row->node = text_in(snapshot, slot->block->affinity);
	row->block_index = (int64_t)slot->block->modified_index;
	row->releasable = slot->releasable;
	if (verdict) {
		row->holder = name_of(snapshot, verdict);
		row->holder_node = text_in(snapshot, verdict->wep->id.node);
		row->endpoint = text_in(snapshot, verdict->wep->key);
	} else if (slot->used_by) {
		row->holder = text_in(snapshot, slot->used_by->name);
	}
	if (slot->wanted_by) {
		row->wanted_by = text_in(snapshot, slot->wanted_by->name);
		row->wanted_on = text_in(snapshot, slot->wanted_on->node);
	}
}

static struct snapshot *new_snapshot(const struct calico_tables *tables, enum model_table table)
{
	struct snapshot *snapshot = snapshot_new(table);

	snapshot->index = tables->state->etcd_index;
	return snapshot;
}

static void publish_addresses(const struct calico_tables *tables, struct model *model)
{
	struct snapshot *snapshot = new_snapshot(tables, MODEL_ADDRESSES);

	for (size_t i = 0; i < tables->report->slot_count; i++)
		add_address(tables, &tables->report->slots[i], snapshot);
	model_publish(model, snapshot);
}

/* Takes the document. */
static const char *yaml_of(struct snapshot *snapshot, struct json *doc)
{
	struct strbuf text = STRBUF_INIT;
	const char *yaml;

	yaml_write(&text, doc);
	yaml = arena_strdup(&snapshot->arena, text.buf);
	strbuf_release(&text);
	json_free(doc);
	return yaml;
}

static struct text_list rules_of(struct snapshot *snapshot, const struct calico_rule_list *list)
{
	const char **items = arena_alloc(&snapshot->arena, list->count * sizeof(*items));
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < list->count; i++) {
		strbuf_reset(&text);
		calico_rule_describe(&text, &list->rules[i]);
		items[i] = arena_strdup(&snapshot->arena, text.buf);
	}
	strbuf_release(&text);
	return (struct text_list){ items, list->count };
}

static const char *order_of(struct snapshot *snapshot, const struct calico_policy *policy)
{
	return policy->has_order ? arena_printf(&snapshot->arena, "%g", policy->order) : "";
}

static void add_policy(const struct calico_policy *policy, enum calico_api api, size_t place,
		       struct text_list selected, size_t endpoints, struct snapshot *snapshot)
{
	struct policy_row *row = snapshot_add(snapshot);

	row->id = text_in(snapshot, policy->name);
	row->order = order_of(snapshot, policy);
	row->place = (int64_t)place + 1;
	row->selector = text_in(snapshot, policy->selector_text);
	row->types = policy->ingress && policy->egress ? "ingress egress"
		     : policy->ingress                 ? "ingress"
		     : policy->egress                  ? "egress"
						       : "";
	row->problem =
		text_in(snapshot, policy->problem ? policy->problem : policy->selector_problem);
	row->inbound = rules_of(snapshot, &policy->inbound);
	row->outbound = rules_of(snapshot, &policy->outbound);
	row->selected = selected;
	row->endpoints = (int64_t)endpoints;
	row->document = text_in(snapshot, policy->value);
	if (!policy->problem)
		row->yaml = yaml_of(snapshot, calico_resource_of_policy(policy, api));
	row->status = *row->problem ? "BROKEN" : endpoints ? "ok" : "idle";
	row->state = *row->problem ? STATE_CRIT : endpoints ? STATE_PASS : STATE_NONE;
}

static void publish_policies(const struct calico_tables *tables, struct model *model)
{
	struct snapshot *snapshot = new_snapshot(tables, MODEL_POLICIES);
	const struct calico_state *state = tables->state;
	struct {
		const char **names;
		size_t named, count;
	} *all = arena_alloc(&snapshot->arena, (state->policy_count + 1) * sizeof(*all));

	for (size_t i = 0; i < state->policy_count; i++)
		all[i].names = arena_alloc(
			&snapshot->arena,
			(state->wep_count < SELECTED_MAX ? state->wep_count : SELECTED_MAX) *
				sizeof(*all[i].names));
	for (size_t i = 0; i < tables->report->wep_count; i++) {
		const struct calico_wep_verdict *verdict = &tables->report->weps[i];
		const struct calico_selected *selected = &tables->selection->weps[i];
		const char *text = NULL;

		for (size_t j = 0; j < selected->count; j++) {
			size_t at = selected->policies[j];

			if (all[at].count++ >= SELECTED_MAX)
				continue;
			if (!text)
				text = arena_printf(&snapshot->arena, "%s on %s, %s",
						    name_of(snapshot, verdict),
						    verdict->wep->id.node,
						    calico_verdict_name(verdict->verdict));
			all[at].names[all[at].named++] = text;
		}
	}
	for (size_t i = 0; i < state->policy_count; i++)
		add_policy(&state->policies[i], state->api, i,
			   (struct text_list){ all[i].names, all[i].named }, all[i].count,
			   snapshot);
	model_publish(model, snapshot);
}

/* The daemon that is configured as a node; of two the first: the verdicts say what is wrong. */
static const struct calico_source *source_of(const struct calico_tables *tables, const char *node)
{
	for (size_t i = 0; i < tables->source_count; i++)
		if (tables->sources[i].node && strcmp(tables->sources[i].node, node) == 0)
			return &tables->sources[i];
	return NULL;
}

static bool names_it_in_capitals(const struct calico_tables *tables, const char *node)
{
	for (size_t i = 0; i < tables->source_count && tables->state->api == CALICO_API_V3; i++)
		if (tables->sources[i].node && strcasecmp(tables->sources[i].node, node) == 0)
			return true;
	return false;
}

static void add_daemon(const struct calico_tables *tables, struct node_row *row,
		       struct snapshot *snapshot)
{
	const struct calico_source *source = source_of(tables, row->id);

	if (!source) {
		row->docker = "none";
		row->daemon_problem = "no docker block of the configuration names this node";
		if (names_it_in_capitals(tables, row->id))
			row->daemon_problem = "the docker block must name it in lower case, as API "
					      "v3 does";
		return;
	}
	row->docker = source->confirmed ? "confirmed" : "not confirmed";
	if (source->view)
		row->daemon = text_in(snapshot, source->view->source);
	for (size_t i = 0; i < tables->report->node_count; i++) {
		const struct calico_node_verdict *verdict = &tables->report->nodes[i];

		if (strcmp(verdict->node, row->id) != 0)
			continue;
		if (verdict->conflict)
			row->docker = "CONFLICT";
		row->daemon_problem = text_in(snapshot, verdict->why);
	}
}

/* What is counted of a node. */
struct node_count {
	int64_t endpoints, left_over, blocks;
};

static size_t place_of(const struct calico_state *state, const char *name)
{
	const struct calico_node *node = calico_state_node(state, name);

	return node ? (size_t)(node - state->nodes) : state->node_count;
}

/* One more count than there are nodes: for whom nobody knows. */
static struct node_count *count_nodes(const struct calico_tables *tables, struct arena *arena)
{
	const struct calico_state *state = tables->state;
	struct node_count *counts = arena_alloc(arena, (state->node_count + 1) * sizeof(*counts));
	const char *node = "";
	size_t place = state->node_count;

	for (size_t i = 0; i < tables->report->wep_count; i++) {
		const struct calico_wep_verdict *verdict = &tables->report->weps[i];

		/* Sorted by key, those of a node stand together. */
		if (strcmp(verdict->wep->id.node, node) != 0) {
			node = verdict->wep->id.node;
			place = place_of(state, node);
		}
		counts[place].endpoints++;
		counts[place].left_over += calico_verdict_is_dead(verdict->verdict);
	}
	for (size_t i = 0; i < state->block_count; i++)
		if (state->blocks[i].affinity)
			counts[place_of(state, state->blocks[i].affinity)].blocks++;
	return counts;
}

static struct node_row *add_node(const struct calico_tables *tables, const char *name,
				 const struct node_count *count, struct snapshot *snapshot)
{
	struct node_row *row = snapshot_add(snapshot);

	row->id = text_in(snapshot, name);
	row->endpoints = count->endpoints;
	row->left_over = count->left_over;
	row->blocks = count->blocks;
	add_daemon(tables, row, snapshot);
	return row;
}

static void describe_node(const struct calico_node *node, struct node_row *row,
			  struct snapshot *snapshot)
{
	row->address = text_in(snapshot, node->bird_ip);
	row->tunnel = text_in(snapshot, node->tunnel_address);
	row->as_num = text_in(snapshot, node->bgp_as_num);
	row->reported_ms = clock_parse_rfc3339(node->felix_time);
	row->status = node->felix_alive ? "alive" : node->felix_unknown ? "?" : "SILENT";
	row->state = node->felix_alive     ? STATE_PASS
		     : node->felix_unknown ? STATE_UNKNOWN
					   : STATE_WARN;
	if (node->felix_unknown)
		row->why = "felix keeps no report in this data store";
	else if (!node->felix_alive)
		row->why = *node->felix_time ? "felix has not reported for its time to live"
					     : "felix has never reported";
}

static void publish_nodes(const struct calico_tables *tables, struct model *model)
{
	struct snapshot *snapshot = new_snapshot(tables, MODEL_NODES);
	const struct calico_state *state = tables->state;
	const struct node_count *counts = count_nodes(tables, &snapshot->arena);

	for (size_t i = 0; i < state->node_count; i++)
		describe_node(&state->nodes[i],
			      add_node(tables, state->nodes[i].name, &counts[i], snapshot),
			      snapshot);
	model_publish(model, snapshot);
}

static void add_pool(const struct calico_tables *tables, const struct calico_pool *pool,
		     struct snapshot *snapshot)
{
	const struct calico_state *state = tables->state;
	struct pool_row *row = snapshot_add(snapshot);

	row->id = net_in(snapshot, &pool->cidr);
	row->problem = text_in(snapshot, pool->problem);
	row->status = pool->problem ? "BROKEN" : pool->disabled ? "disabled" : "on";
	row->state = pool->problem ? STATE_CRIT : pool->disabled ? STATE_WARN : STATE_PASS;
	row->masquerade = pool->masquerade;
	if (pool->ipip)
		row->tunnel = arena_printf(&snapshot->arena, "ipip%s%s",
					   *pool->ipip_mode ? " " : "", pool->ipip_mode);
	for (size_t i = 0; i < state->block_count; i++)
		row->blocks += calico_state_pool_of(state, &state->blocks[i].cidr) == pool;
	for (size_t i = 0; i < tables->report->slot_count; i++) {
		const struct calico_slot_verdict *slot = &tables->report->slots[i];

		if (calico_state_pool_of(state, &slot->address) != pool)
			continue;
		row->used++;
		row->left_over +=
			slot->kind == CALICO_SLOT_LEAKED || slot->kind == CALICO_SLOT_ORPHAN;
	}
}

static void publish_pools(const struct calico_tables *tables, struct model *model)
{
	struct snapshot *snapshot = new_snapshot(tables, MODEL_POOLS);

	for (size_t i = 0; i < tables->state->pool_count; i++)
		add_pool(tables, &tables->state->pools[i], snapshot);
	model_publish(model, snapshot);
}

static struct text_list pairs_of(struct snapshot *snapshot, const struct json_list *list)
{
	const struct json_pair *pairs = list->items;
	const char **items = arena_alloc(&snapshot->arena, (list->count + 1) * sizeof(*items));

	for (size_t i = 0; i < list->count; i++)
		items[i] = arena_printf(&snapshot->arena, "%s=%s", pairs[i].key, pairs[i].value);
	return (struct text_list){ items, list->count };
}

static void add_profile(const struct calico_profile *profile, int64_t endpoints,
			struct snapshot *snapshot)
{
	struct profile_row *row = snapshot_add(snapshot);

	row->id = text_in(snapshot, profile->name);
	row->problem = text_in(snapshot, profile->problem);
	row->tags = snapshot_list(snapshot, profile->tags.items, profile->tags.count);
	row->labels = pairs_of(snapshot, &profile->labels);
	row->inbound = rules_of(snapshot, &profile->inbound);
	row->outbound = rules_of(snapshot, &profile->outbound);
	row->endpoints = endpoints;
	row->status = profile->problem ? "BROKEN" : endpoints ? "ok" : "idle";
	row->state = profile->problem ? STATE_CRIT : endpoints ? STATE_PASS : STATE_NONE;
	if (!profile->problem)
		row->yaml = yaml_of(snapshot, calico_resource_of_profile(profile));
}

static void publish_profiles(const struct calico_tables *tables, struct model *model)
{
	struct snapshot *snapshot = new_snapshot(tables, MODEL_PROFILES);
	const struct calico_state *state = tables->state;
	int64_t *endpoints =
		arena_alloc(&snapshot->arena, (state->profile_count + 1) * sizeof(*endpoints));

	for (size_t i = 0; i < state->wep_count; i++) {
		const char *const *names = state->weps[i].profiles.items;

		for (size_t j = 0; j < state->weps[i].profiles.count; j++) {
			const struct calico_profile *profile =
				calico_state_profile(state, names[j]);

			if (profile)
				endpoints[profile - state->profiles]++;
		}
	}
	for (size_t i = 0; i < state->profile_count; i++)
		add_profile(&state->profiles[i], endpoints[i], snapshot);
	model_publish(model, snapshot);
}

void calico_tables_publish(const struct calico_tables *tables, struct model *model)
{
	publish_addresses(tables, model);
	publish_policies(tables, model);
	publish_nodes(tables, model);
	publish_pools(tables, model);
	publish_profiles(tables, model);
	calico_blocks_publish(tables, model);
}
