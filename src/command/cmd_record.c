/* Docker's own record of an endpoint that is gone: dropped by Docker, on the one daemon that may.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/calico/verdict.h"
#include "binnacle/feed/calico_feed.h"
#include "binnacle/feed/docker_feed.h"
#include "rows.h"

/* An address of the loopback means the daemon's own host, which need not be this one. */
static bool is_elsewhere(const struct action_env *env, const char *node, const char *store)
{
	static const char *const loopback[] = { "//127.", "//localhost", "//[::1]" };
	bool local = false, here = false;

	for (size_t i = 0; i < env->docker_count; i++)
		local |= strcmp(env->dockers[i].node, node) == 0 && env->dockers[i].local;
	for (size_t i = 0; i < COUNT_OF(loopback); i++)
		here |= strstr(store, loopback[i]) != NULL;
	return here && !local;
}

/* All that is known to go wrong with the command, but the record's owner, which the step reads. */
static bool may_disconnect(const struct command_call *call,
			   const struct calico_wep_verdict *verdict, struct err *err)
{
	struct calico_clean_env env = { 0 };
	struct calico_evidence_base base = { .state = calico_feed_state(call->env->calico_feed) };
	const struct calico_docker_view *view = verdict->source->view;
	const char *host = view->cluster_advertise + (*view->cluster_advertise == '[');
	char *owner = xstrndup(host, strcspn(host, host > view->cluster_advertise ? "]" : ":"));
	bool ok;

	calico_feed_clean_env(call->env->calico_feed, &env);
	base.history = env.history;
	base.grace_ms = env.grace_ms;
	base.now_mono_ms = clock_mono_ms();
	base.sources = docker_feed_sources(call->env->docker_feed, &base.source_count);
	ok = calico_ghost_may_disconnect(&base, verdict, owner, err);
	free(owner);
	return ok;
}

static void add_target(struct plan *plan, const struct calico_wep_verdict *verdict)
{
	const struct calico_record *record = verdict->record;
	const struct calico_wep *wep = verdict->wep;
	struct json *args = json_new_object();
	struct plan_target *target = plan_add_target(plan, "record", wep->key, record->name);
	struct strbuf text = STRBUF_INIT;

	plan_set(&target->group, "%s", wep->id.node);
	for (size_t i = 0; i < verdict->evidence.count; i++)
		strbuf_addf(&text, "%s%s: %s", i ? "; " : "", verdict->evidence.items[i].source,
			    verdict->evidence.items[i].sentence);
	plan_set(&target->evidence, "%s", text.buf);
	strbuf_release(&text);
	json_add_str(args, "key", wep->key);
	json_add_str(args, "endpoint_id", wep->id.endpoint);
	json_add_str(args, "node", wep->id.node);
	json_add_str(args, "name", record->name);
	json_add_str(args, "network_id", record->network_id);
	json_add_str(args, "cluster_store", verdict->source->view->cluster_store);
	plan_add_step(target, &step_disconnect_record, args,
		      "on the Docker of %s: network disconnect -f %s %s, if the record is that "
		      "daemon's and nobody else has its address",
		      wep->id.node, record->network, record->name);
}

static bool plan_disconnect(struct command_call *call, struct err *err)
{
	const struct snapshot *snapshot = model_current(call->env->model, MODEL_ENDPOINTS);
	const struct calico_wep_verdict *verdict;
	const struct calico_report *report;
	const struct endpoint_row *row;
	struct strbuf batch = STRBUF_INIT;
	struct plan *plan;

	if (call->line->word_count != 1)
		return err_set(err, ERR_INPUT, "one endpoint at a time");
	if (!call->env->calico_feed || !call->env->docker_feed)
		return err_set(err, ERR_INPUT, "no Calico datastore is configured");
	row = find_row(snapshot, call->line->words[0], err);
	report = calico_feed_report(call->env->calico_feed);
	verdict = row && report ? calico_report_wep(report, row->id) : NULL;
	if (!verdict)
		return row ? err_set(err, ERR_NOT_FOUND, "it is gone by now") : false;
	if (!calico_verdict_is_dead(verdict->verdict) || !verdict->record || !verdict->source)
		return err_set(err, ERR_REFUSED,
			       "Docker of %s has no record of a container that is gone for this "
			       "endpoint, which is %s: %s",
			       row->node, row->status, row->why);
	if (is_elsewhere(call->env, row->node, verdict->source->view->cluster_store))
		return err_set(err, ERR_REFUSED,
			       "the record's owner stands in the cluster store at %.100s of %s, "
			       "which cannot be read from here: do it there",
			       verdict->source->view->cluster_store, row->node);
	if (!may_disconnect(call, verdict, err))
		return false;
	plan = plan_new("disconnect");
	add_target(plan, verdict);
	plan_set(&plan->title, "Have Docker on %s drop its record of %s?", row->node, row->record);
	plan_set(&plan->operation,
		 "POST /networks/%.12s/disconnect with Force to the Docker of %s, if it owns the "
		 "record; everything is asked again right before",
		 verdict->record->network_id, row->node);
	plan_set(&plan->effect,
		 "its plugin, which must run, frees address and endpoint (if that stays, clean it "
		 "next); a container named %s can start again",
		 row->record);
	plan_set(&plan->undo, "none. The endpoint's document is saved in the journal");
	plan_set(&plan->comes_back, "no");
	plan_set(&plan->button, "Disconnect");
	strbuf_addstr(&batch, "binnacle --batch disconnect");
	add_shell_word(&batch, row->id);
	plan_set(&plan->batch, "%s", batch.buf);
	strbuf_release(&batch);
	command_propose(call, plan);
	return true;
}

const struct command record_commands[] = {
	{
		.verb = "disconnect",
		.args = "ENDPOINT",
		.summary = "have Docker drop its own record of a container that is gone",
		.help = "For an endpoint that is a ghost: docker network disconnect -f on the one "
			"daemon that owns\nthe record. Refused while a container of that name is "
			"there, somebody else has the address,\na daemon does not answer, or the "
			"record is another daemon's. Docker then removes endpoint\nand address "
			"itself.",
		.table = MODEL_ENDPOINTS,
		.takes_selection = true,
		.looks_again = true,
		.needs = MODEL_BIT(MODEL_ENDPOINTS) | MODEL_BIT(MODEL_CONTAINERS),
		.ready = verdicts_are_ripe,
		.ready_patience_ms = VERDICTS_PATIENCE_MS,
		.ready_for = VERDICTS_WAIT,
		.plan = plan_disconnect,
	},
};
const size_t record_command_count = COUNT_OF(record_commands);
