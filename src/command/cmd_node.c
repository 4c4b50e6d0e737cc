/*
 * A node that is gone for good. Nobody can ask its Docker any more, so nothing of it would ever be
 * more than unknown; that it is gone is the operator's word, given for one node at a time by typing
 * its name. Everything else is still evidence: a daemon that answers speaks for itself, felix's
 * reports prove that the node is alive, and what any other daemon has is not touched.
 */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "binnacle/action/env.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/calico/store.h"
#include "binnacle/calico/verdict.h"
#include "binnacle/feed/calico_feed.h"
#include "binnacle/feed/docker_feed.h"
#include "rows.h"

#define SHORT_ID_CHARS 12
#define NAMED_MAX      8

struct scene {
	const char *node;
	const struct calico_state *state;
	const struct calico_report *report; /* as if it were decommissioned */
	struct plan *plan;
	size_t endpoints, releases, blocks, staying;
};

static const struct calico_node_verdict *witness_of(const struct calico_report *report,
						    const char *node)
{
	for (size_t i = 0; i < report->node_count; i++)
		if (strcmp(report->nodes[i].node, node) == 0)
			return &report->nodes[i];
	return NULL;
}

/* A daemon that is slow is not one that is gone. */
static bool has_been_asked(const struct action_env *env, const char *node)
{
	const struct calico_source *sources;
	size_t count = 0;

	sources = env->docker_feed ? docker_feed_sources(env->docker_feed, &count) : NULL;
	for (size_t i = 0; i < count; i++)
		if (strcmp(sources[i].node, node) == 0 && !sources[i].view)
			return false;
	return true;
}

/* Whether the operator's word may stand in for the daemon's. */
static bool may_be_gone(const struct action_env *env, const struct calico_node *node,
			struct err *err)
{
	const struct calico_report *report = calico_feed_report(env->calico_feed);
	const struct calico_node_verdict *witness = report ? witness_of(report, node->name) : NULL;

	if (!witness)
		return err_set(err, ERR_UNREACHABLE, "Calico's data has not been judged yet");
	if (!has_been_asked(env, node->name))
		return err_set(err, ERR_UNREACHABLE,
			       "Docker of %s has neither answered nor failed to yet: wait for it",
			       node->name);
	if (node->felix_alive)
		return err_set(err, ERR_REFUSED,
			       "felix has reported from %s lately (%s): the node is alive. If it "
			       "is to go, stop calico/node there first",
			       node->name, node->felix_time);
	if (!witness->reason)
		return err_set(err, ERR_REFUSED,
			       "Docker of %s answers, so what is left over there is proven: use "
			       "clean endpoints --node %s",
			       node->name, node->name);
	if (witness->reason != CALICO_REASON_UNREACHABLE &&
	    witness->reason != CALICO_REASON_MAPPING)
		return err_set(err, ERR_REFUSED,
			       "Docker of %s does answer, if not well (%.200s): wait for it",
			       node->name, witness->why);
	return true;
}

static struct json *step_args(const struct scene *scene)
{
	struct json *args = json_new_object();

	json_add_str(args, "node", scene->node);
	json_add_bool(args, "decommissioned", true);
	return args;
}

static void add_release(const struct scene *scene, struct plan_target *target, const char *address)
{
	struct json *args = step_args(scene);

	json_add_str(args, "address", address);
	json_add_bool(args, "leaked", true);
	plan_add_step(target, &step_release_address, args, "give address %s back to its pool",
		      address);
}

static void add_endpoint(struct scene *scene, const struct calico_wep_verdict *verdict)
{
	const struct calico_wep *wep = verdict->wep;
	struct strbuf label = STRBUF_INIT, evidence = STRBUF_INIT;
	struct json *args = step_args(scene);
	struct plan_target *target;

	strbuf_addf(&label, "%s%s%.*s", verdict->name, *verdict->name ? " " : "", SHORT_ID_CHARS,
		    wep->id.endpoint);
	target = plan_add_target(scene->plan, "endpoint", wep->key, label.buf);
	plan_set(&target->group, "%s", scene->node);
	for (size_t i = 0; i < verdict->evidence.count; i++)
		strbuf_addf(&evidence, "%s%s: %s", i ? "; " : "", verdict->evidence.items[i].source,
			    verdict->evidence.items[i].sentence);
	plan_set(&target->evidence, "%s", evidence.buf);
	plan_set(&target->warning, "no Docker of its node bears witness, only your word");
	json_add_str(args, "key", wep->key);
	json_add_str(args, "name", wep->id.endpoint);
	json_add_int(args, "modified_index", (int64_t)wep->modified_index);
	plan_add_step(target, &step_delete_endpoint, args,
		      "delete workloadEndpoint %s (revision %lld), only if it is still that one",
		      wep->key, (long long)wep->modified_index);
	for (size_t i = 0; i < wep->net_count; i++) {
		const struct calico_slot_verdict *slot =
			calico_report_slot(scene->report, &wep->nets[i]);
		char text[CALICO_NET_TEXT_BYTES];

		calico_net_text(&wep->nets[i], text);
		if (!slot)
			continue;
		if (slot->record && scene->report->all_nodes_known) {
			plan_skip(
				scene->plan,
				"address %s stays: Docker's record of %s has it. Since %s is gone, "
				"on any other host where no container of any state is called %s: "
				"docker network disconnect -f %s %s",
				text, slot->record->name, scene->node, slot->record->name,
				slot->record->network, slot->record->name);
			continue;
		}
		if (slot->kind != CALICO_SLOT_LEAKED || !slot->releasable) {
			plan_skip(scene->plan, "address %s stays: it is %s, %s", text,
				  calico_slot_verdict_name(slot->kind), slot->why);
			continue;
		}
		add_release(scene, target, text);
		scene->releases++;
	}
	scene->endpoints++;
	strbuf_release(&label);
	strbuf_release(&evidence);
}

static void add_endpoints(struct scene *scene)
{
	for (size_t i = 0; i < scene->report->wep_count; i++) {
		const struct calico_wep_verdict *verdict = &scene->report->weps[i];

		if (strcmp(verdict->wep->id.node, scene->node) != 0)
			continue;
		if (calico_verdict_is_dead(verdict->verdict)) {
			add_endpoint(scene, verdict);
			continue;
		}
		plan_skip(scene->plan, "endpoint %.*s stays: it is %s, %s", SHORT_ID_CHARS,
			  verdict->wep->id.endpoint, calico_verdict_name(verdict->verdict),
			  verdict->why);
		scene->staying++;
	}
	for (size_t i = 0; i < scene->state->host_endpoint_count; i++) {
		const struct calico_host_endpoint *hep = &scene->state->host_endpoints[i];

		if (strcmp(hep->node, scene->node) != 0)
			continue;
		plan_skip(scene->plan,
			  "host endpoint %s stays, and the node's keys with it: calicoctl delete "
			  "hostEndpoint %s --node=%s",
			  hep->name, hep->name, scene->node);
		scene->staying++;
	}
}

static void add_block(struct scene *scene, const struct calico_net *net)
{
	char text[CALICO_NET_TEXT_BYTES];
	struct json *args = json_new_object();
	struct plan_target *target;

	calico_net_text_cidr(net, text);
	for (size_t i = 0; i < scene->plan->target_count; i++)
		if (strcmp(scene->plan->targets[i].id, text) == 0) {
			json_free(args);
			return;
		}
	target = plan_add_target(scene->plan, "block", text, text);
	plan_set(&target->group, "%s", scene->node);
	plan_set(&target->evidence, "block of addresses that belongs to %s", scene->node);
	json_add_str(args, "node", scene->node);
	json_add_str(args, "block", text);
	plan_add_step(target, &step_release_block, args,
		      "take block %s from %s, and remove it when no address of it is assigned",
		      text, scene->node);
	scene->blocks++;
}

static void add_blocks(struct scene *scene)
{
	const struct calico_state *state = scene->state;

	if (scene->staying) {
		plan_skip(scene->plan,
			  "the blocks and the keys of node %s stay, since something of "
			  "it does",
			  scene->node);
		return;
	}

	for (size_t i = 0; i < state->block_count; i++)
		if (state->blocks[i].affinity &&
		    strcmp(state->blocks[i].affinity, scene->node) == 0)
			add_block(scene, &state->blocks[i].cidr);
	for (size_t i = 0; i < state->affinity_count; i++)
		if (strcmp(state->affinities[i].node, scene->node) == 0)
			add_block(scene, &state->affinities[i].block);
}

/* The node itself, last: it is refused as long as something else of it is there. */
static void add_node(struct scene *scene, const struct calico_node *node)
{
	struct plan_target *target;
	struct calico_net tunnel;
	char text[CALICO_NET_TEXT_BYTES];
	struct json *args;

	if (scene->staying)
		return;
	args = json_new_object();
	json_add_str(args, "node", scene->node);
	target = plan_add_target(scene->plan, "node", scene->node, scene->node);
	plan_set(&target->group, "%s", scene->node);
	plan_set(&target->evidence, "%s%s", *node->felix_time ? "felix last reported at " : "",
		 *node->felix_time     ? node->felix_time
		 : node->felix_unknown ? "nothing tells when felix was last there"
				       : "felix has never reported");
	plan_add_step(
		target, &step_remove_node, args,
		"delete the keys of node %s (its data, BGP address, felix's last report), one "
		"by one, then its empty folders",
		scene->node);
	if (!calico_net_parse(&tunnel, node->tunnel_address) ||
	    !calico_report_slot(scene->report, &tunnel))
		return;
	if (scene->report->all_nodes_known)
		add_release(scene, target, calico_net_text(&tunnel, text));
	else
		plan_skip(scene->plan, "tunnel address %s stays: %s is not known well enough",
			  node->tunnel_address, scene->report->unknown_node);
}

/* Addresses of its blocks that nobody can say whose they are: not the node's business any more. */
static void tell_orphans(struct scene *scene)
{
	struct strbuf text = STRBUF_INIT;
	size_t count = 0;

	for (size_t i = 0; i < scene->report->slot_count; i++) {
		const struct calico_slot_verdict *slot = &scene->report->slots[i];
		char address[CALICO_NET_TEXT_BYTES];

		if (slot->kind != CALICO_SLOT_ORPHAN || !slot->block->affinity ||
		    strcmp(slot->block->affinity, scene->node) != 0)
			continue;
		if (count++ < NAMED_MAX)
			strbuf_addf(&text, " %s", calico_net_text(&slot->address, address));
	}
	if (count)
		plan_skip(scene->plan,
			  "%zu address%s of its blocks that no endpoint has stay%s: binnacle "
			  "--batch release%s%s",
			  count, count == 1 ? "" : "es", count == 1 ? "s" : "", text.buf,
			  count > NAMED_MAX ? " ..." : "");
	strbuf_release(&text);
}

/* What speaks against it without proving anything. */
static void doubt(const struct command_call *call, struct scene *scene)
{
	const struct snapshot *members = model_current(call->env->model, MODEL_MEMBERS);
	const struct calico_node_verdict *witness =
		witness_of(calico_feed_report(call->env->calico_feed), scene->node);
	struct plan *plan = scene->plan;

	plan_set(&plan->effect, "%zu endpoint%s, %zu address%s, %zu block%s. %s", scene->endpoints,
		 scene->endpoints == 1 ? "" : "s", scene->releases,
		 scene->releases == 1 ? "" : "es", scene->blocks, scene->blocks == 1 ? "" : "s",
		 witness->why);
	for (size_t i = 0; i < members->count; i++) {
		const struct member *member = snapshot_row(members, i);

		if (strcasecmp(member->id, scene->node) == 0 && member->state == STATE_PASS)
			plan_set(&plan->effect, "CONSUL SAYS THAT %s IS ALIVE. %s", member->id,
				 plan->effect);
	}
}

static void describe(struct scene *scene)
{
	struct plan *plan = scene->plan;
	struct strbuf batch = STRBUF_INIT;

	strbuf_addstr(&batch, "binnacle --batch decommission");
	add_shell_word(&batch, scene->node);
	plan_set(&plan->batch, "%s", batch.buf);
	strbuf_release(&batch);
	plan_set(&plan->title, "Treat node %s as gone for good?", scene->node);
	plan_set(&plan->operation,
		 "delete what it left in the Calico datastore, one after another: endpoints with "
		 "their addresses, claims on blocks, its keys");
	plan_set(&plan->undo, "undo puts back what was saved, where nothing else stands there");
	plan_set(&plan->comes_back, "when calico/node starts there again");
	plan_set(&plan->button, "Remove %zu", plan->target_count);
	plan_set(&plan->typed, "%s", scene->node);
	plan->in_order = true;
}

static bool plan_decommission(struct command_call *call, struct err *err)
{
	const char *names[] = { call->line->words[0], NULL };
	const struct calico_state *state;
	const struct calico_node *node;
	struct calico_report *report;
	struct scene scene;

	if (call->line->word_count != 1)
		return err_set(err, ERR_INPUT, "one node at a time, by its name in Calico");
	if (!call->env->calico_feed || !call->env->etcd)
		return err_set(err, ERR_INPUT, "no Calico datastore is configured");
	state = calico_feed_state(call->env->calico_feed);
	if (!state)
		return err_set(err, ERR_UNREACHABLE, "Calico's data has not been read yet");
	node = calico_state_node(state, names[0]);
	if (!node)
		return err_set(err, ERR_NOT_FOUND,
			       "Calico has no node \"%s\" (its name as it stands there, case "
			       "matters)",
			       names[0]);
	if (!may_be_gone(call->env, node, err))
		return false;
	report = calico_feed_judge(call->env->calico_feed, names);
	scene = (struct scene){
		.node = names[0], .state = state, .report = report, .plan = plan_new("decommission")
	};
	add_endpoints(&scene);
	add_blocks(&scene);
	add_node(&scene, node);
	tell_orphans(&scene);
	doubt(call, &scene);
	describe(&scene);
	calico_report_free(report);
	command_propose(call, scene.plan);
	return true;
}

/* Nothing of it is unknown only for not having been seen for long enough. */
static bool is_ripe(const struct command_call *call)
{
	const char *names[] = { call->line->word_count ? call->line->words[0] : "", NULL };
	struct calico_report *report;
	bool ripe = true;

	if (!call->env->calico_feed || !verdicts_are_ripe(call))
		return !call->env->calico_feed;
	report = calico_feed_judge(call->env->calico_feed, names);
	for (size_t i = 0; report && i < report->wep_count; i++)
		ripe &= report->weps[i].reason != CALICO_REASON_YOUNG ||
			strcmp(report->weps[i].wep->id.node, names[0]) != 0;
	calico_report_free(report);
	return ripe;
}

const struct command node_commands[] = {
	{
		.verb = "decommission",
		.args = "NODE",
		.summary = "remove all that a dead node has left in Calico",
		.help = "For a node whose Docker will never answer again: its endpoints with their "
			"addresses, its\nclaims on blocks, its keys, one after another; the first "
			"that is not as it was ends it, and\nthe same call goes on where it ended. "
			"Refused while felix reports from the node or its\nDocker answers. What a "
			"daemon that answers has is not touched. The node's name must be\ntyped.",
		.table = MODEL_NODES,
		.takes_selection = true,
		.looks_again = true,
		.needs = MODEL_BIT(MODEL_NODES) | MODEL_BIT(MODEL_ENDPOINTS) |
			 MODEL_BIT(MODEL_ADDRESSES),
		.ready = is_ripe,
		.ready_patience_ms = VERDICTS_PATIENCE_MS,
		.ready_for = VERDICTS_WAIT,
		.plan = plan_decommission,
	},
};
const size_t node_command_count = COUNT_OF(node_commands);
