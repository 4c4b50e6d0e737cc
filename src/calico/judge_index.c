/* Who says what: the views turned into maps, and which daemon may bear witness for a node. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "judge.h"

static bool names_equal(const char *a, const char *b)
{
	return a && b && strcmp(a, b) == 0;
}

bool judge_is_fresh(const struct judge *judge, const struct calico_source *source)
{
	return source->view &&
	       judge->base->now_mono_ms - source->view->started_mono_ms <= judge->view_max_age_ms;
}

/* Not running: it will ask for its address when it is started, or has failed to get it. */
bool judge_is_waiting(const struct calico_container *container)
{
	return !container->running && container->phase != CALICO_CONTAINER_GOING;
}

static struct identity *identity_for(struct judge *judge, const char *endpoint_id)
{
	struct identity *identity = strmap_get(&judge->identities, endpoint_id);

	if (!identity) {
		identity = arena_alloc(judge->arena, sizeof(*identity));
		strmap_put(&judge->identities, endpoint_id, identity);
	}
	return identity;
}

static struct address_use *address_for(struct judge *judge, const struct calico_net *address)
{
	char text[CALICO_NET_TEXT_BYTES];
	struct address_use *use;

	calico_net_text(address, text);
	use = strmap_get(&judge->addresses, text);
	if (!use) {
		use = arena_alloc(judge->arena, sizeof(*use));
		strmap_put(&judge->addresses, text, use);
	}
	return use;
}

const struct identity *judge_identity(struct judge *judge, const char *endpoint_id)
{
	static const struct identity nobody;
	const struct identity *identity = strmap_get(&judge->identities, endpoint_id);

	return identity ? identity : &nobody;
}

const struct address_use *judge_address(struct judge *judge, const struct calico_net *address)
{
	static const struct address_use nobody;
	char text[CALICO_NET_TEXT_BYTES];
	const struct address_use *use =
		strmap_get(&judge->addresses, calico_net_text(address, text));

	return use ? use : &nobody;
}

static struct reference *new_reference(struct judge *judge, const struct calico_source *source,
				       const struct calico_container *container,
				       const struct calico_attachment *attachment,
				       const struct reference *next)
{
	struct reference *reference = arena_alloc(judge->arena, sizeof(*reference));

	*reference = (struct reference){ source, container, attachment, next };
	return reference;
}

static void index_address(struct judge *judge, const struct calico_source *source,
			  const struct calico_container *container,
			  const struct calico_attachment *attachment,
			  const struct calico_net *address, const struct calico_net *wanted)
{
	struct address_use *use;

	if (container->running && address->version) {
		use = address_for(judge, address);
		use->running = new_reference(judge, source, container, attachment, use->running);
	}
	if (judge_is_waiting(container) && wanted->version) {
		use = address_for(judge, wanted);
		use->waiting = new_reference(judge, source, container, attachment, use->waiting);
	}
}

static void index_container(struct judge *judge, const struct calico_source *source,
			    const struct calico_container *container)
{
	for (size_t i = 0; i < container->attachment_count; i++) {
		const struct calico_attachment *attachment = &container->attachments[i];
		struct identity *identity;

		if (*attachment->endpoint_id) {
			identity = identity_for(judge, attachment->endpoint_id);
			identity->references = new_reference(judge, source, container, attachment,
							     identity->references);
		}
		index_address(judge, source, container, attachment, &attachment->address,
			      &attachment->wanted);
		index_address(judge, source, container, attachment, &attachment->address6,
			      &attachment->wanted6);
	}
}

static void index_record(struct judge *judge, const struct calico_source *source,
			 const struct calico_record *record)
{
	struct identity *identity = identity_for(judge, record->endpoint_id);
	struct listing *listing = arena_alloc(judge->arena, sizeof(*listing));

	*listing = (struct listing){ source, record, identity->listings };
	identity->listings = listing;
	if (record->is_record && record->address.version) {
		struct calico_net address = calico_net_masked(
			&record->address, record->address.version == 4 ? 32 : 128);
		struct address_use *use = address_for(judge, &address);
		struct listing *held = arena_alloc(judge->arena, sizeof(*held));

		*held = (struct listing){ source, record, use->listings };
		use->listings = held;
	}
}

static void index_weps(struct judge *judge)
{
	const struct calico_state *state = judge->base->state;

	for (size_t i = state->wep_count; i-- > 0;) {
		for (size_t j = 0; j < state->weps[i].net_count; j++) {
			struct address_use *use = address_for(judge, &state->weps[i].nets[j]);
			struct wep_use *wep = arena_alloc(judge->arena, sizeof(*wep));

			*wep = (struct wep_use){ i, use->weps };
			use->weps = wep;
		}
	}
	for (size_t i = 0; i < state->node_count; i++) {
		struct calico_net tunnel;

		if (calico_net_parse(&tunnel, state->nodes[i].tunnel_address))
			address_for(judge, &tunnel)->tunnel_node = state->nodes[i].name;
	}
}

static bool is_decommissioned(const struct calico_evidence_base *base, const char *node)
{
	const char *const *name = base->decommissioned;

	for (; name && *name; name++)
		if (strcmp(*name, node) == 0)
			return true;
	return false;
}

/* The same daemon under another node's name? */
static const char *other_node_of(const struct calico_evidence_base *base,
				 const struct calico_source *source)
{
	for (size_t i = 0; i < base->source_count; i++) {
		const struct calico_source *other = &base->sources[i];

		if (other == source || !other->node || !other->view || !source->view ||
		    names_equal(other->node, source->node))
			continue;
		if (other->view == source->view ||
		    (*other->view->daemon_id &&
		     names_equal(other->view->daemon_id, source->view->daemon_id)))
			return other->node;
	}
	return NULL;
}

/* How many endpoints the node has; 0 when the daemon has a container with one of them. */
static size_t count_unless_known(struct judge *judge, const struct calico_source *source)
{
	const struct calico_state *state = judge->base->state;
	size_t count = 0;

	if (calico_history_is_proven(judge->base->history, source->node, source->view->daemon_id))
		return 0;
	for (size_t i = 0; i < state->wep_count; i++) {
		const struct reference *reference;

		if (strcmp(state->weps[i].id.node, source->node) != 0 ||
		    !calico_wep_id_is_docker(&state->weps[i].id))
			continue;
		count++;
		reference = judge_identity(judge, state->weps[i].id.endpoint)->references;
		for (; reference; reference = reference->next)
			if (reference->source == source)
				return 0;
	}
	return count;
}

/* The node, other than the daemon's, whose address the daemon tells the others of its cluster. */
static const char *advertised_by(const struct calico_state *state,
				 const struct calico_source *source)
{
	const char *text = source->view->cluster_advertise, *other = NULL;
	size_t len = strcspn(text, ":");

	if (len == 0 || *text == '[')
		return NULL;
	for (size_t i = 0; i < state->node_count; i++) {
		const struct calico_node *node = &state->nodes[i];

		if (strncmp(node->bird_ip, text, len) != 0 || node->bird_ip[len])
			continue;
		if (strcmp(node->name, source->node) == 0)
			return NULL;
		other = node->name;
	}
	return other;
}

/* The node that bears a host's name. In API v3 the names of nodes are those of their hosts in lower
 * case, so no two differ in case only. */
static const char *node_called(const struct calico_state *state, const char *name)
{
	for (size_t i = 0; state->api == CALICO_API_V3 && i < state->node_count; i++)
		if (strcasecmp(state->nodes[i].name, name) == 0)
			return state->nodes[i].name;
	return calico_state_node(state, name) ? name : NULL;
}

/*
 * What the daemon says of itself against what the operator says that it is. NULL: nothing speaks
 * against it.
 */
static const char *find_conflict(struct judge *judge, const struct calico_source *source)
{
	const struct calico_docker_view *view = source->view;
	const struct calico_state *state = judge->base->state;
	const char *name = view->daemon_name, *called = node_called(state, name), *advertised;
	struct arena *arena = judge->arena;

	if (source->daemon_name)
		return strcmp(source->daemon_name, name) == 0
			       ? NULL
			       : arena_printf(arena,
					      "daemon %s calls itself \"%s\", and not \"%s\" as "
					      "its docker block says",
					      view->source, name, source->daemon_name);
	if (called && strcmp(called, source->node) != 0)
		return arena_printf(arena,
				    "daemon %s calls itself %s, which is another node: wrong "
				    "mapping? (name = \"%s\" in its docker block overrules)",
				    view->source, name, name);
	advertised = advertised_by(state, source);
	if (advertised)
		return arena_printf(arena,
				    "daemon %s advertises %s, the address of node %s: wrong "
				    "mapping? (name = \"%s\" in its docker block overrules)",
				    view->source, view->cluster_advertise, advertised, name);
	/* One that is left over proves nothing; several do. */
	if (count_unless_known(judge, source) > 1)
		return arena_printf(arena,
				    "daemon %s, which calls itself \"%s\", knows none of %s's "
				    "endpoints: wrong mapping? (name = \"%s\" in its docker block "
				    "overrules)",
				    view->source, name, source->node, name);
	return NULL;
}

static struct witness examine_source(struct judge *judge, const struct calico_source *source)
{
	const struct calico_docker_view *view = source->view;
	const char *other = other_node_of(judge->base, source);
	struct witness no = { .source = source };

	if (!source->confirmed) {
		no.reason = CALICO_REASON_MAPPING;
		no.why = arena_printf(judge->arena, "nobody has confirmed which daemon is %s's",
				      source->node);
	} else if (other) {
		no.reason = CALICO_REASON_MAPPING;
		no.conflict = true;
		no.why = arena_printf(judge->arena, "the same daemon is mapped to %s and to %s",
				      source->node, other);
	} else if (!view || view->unreachable) {
		no.reason = CALICO_REASON_UNREACHABLE;
		no.why = arena_printf(judge->arena, "Docker of %s does not answer", source->node);
	} else if (!view->complete) {
		no.reason = CALICO_REASON_INCOMPLETE;
		no.why = arena_printf(judge->arena, "Docker of %s answered only in part: %s",
				      source->node, view->problem);
	} else if (!judge_is_fresh(judge, source)) {
		no.reason = CALICO_REASON_OLD;
		no.why = arena_printf(
			judge->arena, "the answer of %s's Docker is %lld s old", source->node,
			(long long)(judge->base->now_mono_ms - view->started_mono_ms) / 1000);
	} else {
		no.why = find_conflict(judge, source);
		no.conflict = no.why != NULL;
		no.reason = no.why ? CALICO_REASON_MAPPING : CALICO_REASON_NONE;
	}
	return no;
}

static struct witness find_witness(struct judge *judge, const char *node)
{
	const struct calico_evidence_base *base = judge->base;
	const struct calico_source *found = NULL;

	for (size_t i = 0; i < base->source_count; i++) {
		if (!names_equal(base->sources[i].node, node))
			continue;
		if (found)
			return (struct witness){
				.source = found,
				.reason = CALICO_REASON_MAPPING,
				.why = arena_printf(judge->arena, "two daemons are mapped to %s",
						    node),
				.conflict = true,
			};
		found = &base->sources[i];
	}
	if (found)
		return examine_source(judge, found);
	for (size_t i = 0; i < base->source_count && base->state->api == CALICO_API_V3; i++)
		if (base->sources[i].node && strcasecmp(base->sources[i].node, node) == 0)
			return (struct witness){
				.reason = CALICO_REASON_MAPPING,
				.why = arena_printf(judge->arena,
						    "a docker block says \"%s\", but in API v3 the "
						    "node is \"%s\", in lower case",
						    base->sources[i].node, node),
			};
	return (struct witness){
		.reason = CALICO_REASON_MAPPING,
		.why = arena_printf(judge->arena, "no Docker daemon is mapped to node %s", node),
	};
}

/* Felix has reported from it within its time to live: nobody's word makes such a node gone. */
static bool is_alive(const struct calico_state *state, const char *name)
{
	const struct calico_node *node = calico_state_node(state, name);

	return node && node->felix_alive;
}

const struct witness *judge_witness(struct judge *judge, const char *node)
{
	struct witness *witness = strmap_get(&judge->witnesses, node);

	if (!witness) {
		witness = arena_alloc(judge->arena, sizeof(*witness));
		*witness = find_witness(judge, node);
		witness->decommissioned = witness->reason && is_decommissioned(judge->base, node) &&
					  !is_alive(judge->base->state, node);
		strmap_put(&judge->witnesses, node, witness);
	}
	return witness;
}

void judge_index(struct judge *judge)
{
	const struct calico_evidence_base *base = judge->base;

	judge->grace_ms = base->grace_ms ? base->grace_ms : CALICO_GRACE_MS;
	judge->view_max_age_ms =
		base->view_max_age_ms ? base->view_max_age_ms : CALICO_VIEW_MAX_AGE_MS;
	/* Backwards, because the lists grow at their heads. */
	for (size_t i = base->source_count; i-- > 0;) {
		const struct calico_docker_view *view = base->sources[i].view;

		for (size_t j = view ? view->container_count : 0; j-- > 0;)
			index_container(judge, &base->sources[i], &view->containers[j]);
		for (size_t j = view ? view->record_count : 0; j-- > 0;)
			index_record(judge, &base->sources[i], &view->records[j]);
	}
	index_weps(judge);
}

void judge_release(struct judge *judge)
{
	strmap_release(&judge->identities);
	strmap_release(&judge->addresses);
	strmap_release(&judge->witnesses);
}
