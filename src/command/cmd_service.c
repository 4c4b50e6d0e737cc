/* Registrations. The route of a removal is decided here and named in the plan: through the agent
 * that owns the registration as long as that agent may be alive, through the catalog only where
 * no agent can bring it back. */
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/present/table.h"
#include "binnacle/register/registrar.h"
#include "binnacle/register/registry.h"
#include "rows.h"

static bool agent_is_gone(const struct model *model, const char *node, const char **status)
{
	const struct member *member = snapshot_find(model_current(model, MODEL_MEMBERS), node);

	*status = member ? member->status : "no member any more";
	return !member || strcmp(member->status, "FAIL") == 0 ||
	       strcmp(member->status, "left") == 0;
}

/* Whether the container of a registration runs: then Registrator registers it again. */
static bool container_runs(const struct model *model, const struct instance *instance)
{
	const struct snapshot *snapshot = model_current(model, MODEL_CONTAINERS);

	if (!*instance->container)
		return false;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct container_row *row = snapshot_row(snapshot, i);

		if (strcmp(row->name, instance->container) == 0 &&
		    strcmp(row->status, "running") == 0)
			return true;
	}
	return false;
}

static struct json *args_of(const struct instance *instance)
{
	struct json *args = json_new_object();

	json_add_str(args, "node", instance->node);
	json_add_str(args, "service_id", instance->service_id);
	json_add_str(args, "service", instance->service);
	json_add_str(args, "address", instance->address);
	/* What is registered without an address has its node's. */
	if (strcmp(instance->address, instance->node_address) == 0)
		json_add_str(args, "default_address", instance->node_address);
	json_add_int(args, "port", instance->port);
	if (instance->dangling)
		json_add_bool(args, "dangling", true);
	return args;
}

static bool has_target(const struct plan *plan, const char *id)
{
	for (size_t i = 0; i < plan->target_count; i++)
		if (strcmp(plan->targets[i].id, id) == 0)
			return true;
	return false;
}

static void add_deregistration(struct command_call *call, struct plan *plan,
			       const struct instance *instance)
{
	const struct model *model = call->env->model;
	struct plan_target *target;
	struct json *args;
	const char *status;
	bool gone;

	if (has_target(plan, instance->id))
		return;
	gone = !instance->own_agent && agent_is_gone(model, instance->node, &status);
	args = args_of(instance);
	target = plan_add_target(plan, "instance", instance->id, instance->service_id);
	plan_set(&target->group, "%s", instance->node);
	plan_set(&target->evidence, "%s%s%s", instance->status, *instance->why ? ", " : "",
		 instance->why);
	if (container_runs(model, instance))
		plan_set(&target->warning, "its container runs: Registrator registers it again");
	if (gone) {
		json_add_str(args, "node_address", instance->node_address);
		plan_add_step(
			target, &step_deregister_catalog, args,
			"PUT /v1/catalog/deregister: remove it from the catalog, since %s is %s",
			instance->node, status);
		return;
	}
	if (!instance->own_agent)
		json_add_str(args, "agent", instance->node_address);
	plan_add_step(target, &step_deregister_agent, args,
		      "PUT /v1/agent/service/deregister by %s, the agent of %s",
		      instance->own_agent ? "our agent" : instance->node_address, instance->node);
}

static void describe(struct plan *plan, const struct command_line *line)
{
	size_t by_agent = 0, by_catalog = 0;
	struct strbuf batch = STRBUF_INIT;

	strbuf_addf(&batch, "binnacle --batch %s", line->verb);
	for (size_t i = 0; i < plan->target_count; i++) {
		bool agent = plan->targets[i].steps[0].kind == &step_deregister_agent;

		by_agent += agent;
		by_catalog += !agent;
		add_shell_word(&batch, plan->targets[i].id);
	}
	plan_set(&plan->batch, "%s", batch.buf);
	strbuf_release(&batch);
	if (plan->target_count == 1)
		plan_set(&plan->title, "Deregister %s?", plan->targets[0].label);
	else
		plan_set(&plan->title, "Deregister %zu service instances?", plan->target_count);
	if (by_agent && by_catalog)
		plan_set(&plan->operation,
			 "%zu through the agents that own them, %zu from the catalog", by_agent,
			 by_catalog);
	else
		plan_set(&plan->operation, "%s",
			 by_catalog ? "remove from the catalog: their agents are gone"
				    : "deregister through the agent that owns the registration");
	plan_set(&plan->effect, "templates that read these services change");
	plan_set(&plan->undo, "undo registers what was saved again, without its checks");
	plan_set(&plan->comes_back, "%s",
		 by_catalog ? "if the agent of the node comes back, by its next sync"
			    : "if the container still runs and a registrator is up");
	plan_set(&plan->button, "Deregister %zu", plan->target_count);
}

/* "service-id", "NODE/service-id", or the name of a service for all of its instances. */
static bool add_named(struct command_call *call, struct plan *plan, const char *word,
		      struct err *err)
{
	struct snapshot *snapshot = model_current(call->env->model, MODEL_INSTANCES);
	const struct instance *instance = find_row(snapshot, word, err);
	bool found = false;

	if (instance) {
		add_deregistration(call, plan, instance);
		return true;
	}
	if (err->code != ERR_NOT_FOUND ||
	    !snapshot_find(model_current(call->env->model, MODEL_SERVICES), word))
		return false;
	for (size_t i = 0; i < snapshot->count; i++) {
		instance = snapshot_row(snapshot, i);
		if (strcmp(instance->service, word) != 0)
			continue;
		found = true;
		/* A name alone means the left-overs; all of it only when that is said. */
		if (instance->dangling || instance->is_surplus || call->line->all)
			add_deregistration(call, plan, instance);
		else if (instance->duplicate)
			plan_skip(plan, "%s is %s, and nothing says which of the two is left over",
				  instance->id, instance->why);
		else
			plan_skip(plan, "%s is not left over; --all or its id takes it, too",
				  instance->id);
	}
	return found;
}

static bool plan_deregister(struct command_call *call, struct err *err)
{
	struct plan *plan = plan_new("deregister");

	for (size_t i = 0; i < call->line->word_count; i++) {
		if (!add_named(call, plan, call->line->words[i], err)) {
			plan_free(plan);
			return false;
		}
	}
	describe(plan, call->line);
	command_propose(call, plan);
	return true;
}

static bool is_older(int64_t since_ms, int64_t older_ms)
{
	return older_ms < 0 || (since_ms && clock_wall_ms() - since_ms > older_ms);
}

static bool plan_clean_services(struct command_call *call, struct err *err)
{
	const struct command_line *line = call->line;
	struct snapshot *snapshot = model_current(call->env->model, MODEL_INSTANCES);
	struct plan *plan = plan_new("clean services");

	for (size_t i = 0; i < line->word_count; i++) {
		const struct instance *instance = find_row(snapshot, line->words[i], err);

		if (!instance) {
			plan_free(plan);
			return false;
		}
		if (instance->dangling)
			add_deregistration(call, plan, instance);
		else
			plan_skip(plan, "%s: nothing proves that it is left over", instance->id);
	}
	for (size_t i = 0; i < snapshot->count && !line->word_count; i++) {
		const struct instance *instance = snapshot_row(snapshot, i);

		if (!instance->dangling || (line->node && strcmp(line->node, instance->node) != 0))
			continue;
		if (is_older(instance->since_ms, line->older_ms))
			add_deregistration(call, plan, instance);
		else
			plan_skip(plan, "%s is not that old", instance->id);
	}
	describe(plan, line);
	command_propose(call, plan);
	return true;
}

/* The services of a container as the plan shows them; what each would be sent as is part of the
 * plan, so that its hash names exactly that. */
static void add_registration(struct plan *plan, const struct container_row *row,
			     const struct register_wanted *wanted)
{
	struct plan_target *target = plan_add_target(plan, "container", row->id, row->name);
	struct json *args = json_new_object(), *bodies = json_add_array(args, "services");
	struct strbuf text = STRBUF_INIT, body = STRBUF_INIT;

	json_add_str(args, "container", row->container_id);
	for (size_t i = 0; i < wanted->service_count; i++) {
		const struct register_service *service = &wanted->services[i];

		strbuf_reset(&body);
		registry_body(&body, service);
		json_add_str(bodies, NULL, body.buf);
		strbuf_addf(&text, "%s%s at %s:%d as %s", i ? "; " : "", service->name,
			    *service->address ? service->address : "(the node)", service->port,
			    service->id);
		for (size_t n = 0; n < service->tag_count; n++)
			strbuf_addf(&text, "%s%s", n ? "," : ", tags ", service->tags[n]);
		if (!service->tag_count)
			strbuf_addstr(&text, ", no tags");
	}
	plan_set(&target->group, "%s", row->node);
	plan_set(&target->evidence, "%s, %s", row->status, row->image);
	for (size_t i = 0; i < wanted->note_count; i++)
		if (wanted->notes[i].kind == REGISTER_NOTE_WARNING)
			plan_set(&target->warning, "%s", wanted->notes[i].text);
	plan_add_step(target, &step_register, args, "register %s", text.buf);
	strbuf_release(&text);
	strbuf_release(&body);
}

/* Why a container that was named cannot be registered from here. */
static bool refuse_registration(const struct command_call *call, const struct container_row *row,
				const struct register_wanted *wanted, struct err *err)
{
	const struct register_note *note = NULL;

	if (call->env->node && strcmp(row->node, call->env->node) != 0)
		return err_set(err, ERR_INPUT, "%s runs on %s: register it there, this is %s",
			       row->name, row->node, call->env->node);
	if (!wanted)
		return err_set(err, ERR_REFUSED, "%s is %s: only what runs can be registered",
			       row->name, row->status);
	for (size_t i = 0; i < wanted->note_count && !note; i++)
		if (wanted->notes[i].kind == REGISTER_NOTE_IGNORED)
			note = &wanted->notes[i];
	return err_set(err, ERR_REFUSED, "%s wants nothing registered: %s%s%s", row->name,
		       note ? note->text : "it has no ports", note && *note->remedy ? "; " : "",
		       note ? note->remedy : "");
}

static bool plan_register(struct command_call *call, struct err *err)
{
	struct snapshot *snapshot = model_current(call->env->model, MODEL_CONTAINERS);
	struct plan *plan = plan_new("register");
	struct strbuf batch = STRBUF_INIT;
	bool ok = call->env->registrar ||
		  err_set(err, ERR_INPUT, "this host has no Docker daemon to register from");

	strbuf_addstr(&batch, "binnacle --batch register");
	for (size_t i = 0; ok && i < call->line->word_count; i++) {
		const struct container_row *row = find_row(snapshot, call->line->words[i], err);
		const struct register_wanted *wanted =
			row ? registrar_wanted(call->env->registrar, row->container_id) : NULL;

		ok = row && ((wanted && wanted->service_count) ||
			     refuse_registration(call, row, wanted, err));
		if (!ok || has_target(plan, row->id))
			continue;
		add_registration(plan, row, wanted);
		add_shell_word(&batch, row->name);
	}
	plan_set(&plan->batch, "%s", batch.buf);
	strbuf_release(&batch);
	if (!ok) {
		plan_free(plan);
		return false;
	}
	plan_set(&plan->title, "Register %zu container%s?", plan->target_count,
		 plan->target_count == 1 ? "" : "s");
	plan_set(&plan->operation,
		 "PUT /v1/agent/service/register to the local agent; the container "
		 "is inspected again right before");
	plan_set(&plan->effect, "templates that read these services change");
	plan_set(&plan->undo, "undo deregisters what was registered");
	plan_set(&plan->button, "Register %zu", plan->target_count);
	command_propose(call, plan);
	return true;
}

static bool plan_force_leave(struct command_call *call, struct err *err)
{
	struct snapshot *snapshot = model_current(call->env->model, MODEL_MEMBERS);
	struct plan *plan = plan_new("force-leave");
	struct strbuf batch = STRBUF_INIT;

	strbuf_addstr(&batch, "binnacle --batch force-leave");
	for (size_t i = 0; i < call->line->word_count; i++) {
		const struct member *member = find_row(snapshot, call->line->words[i], err);
		struct plan_target *target;
		struct json *args;

		if (!member) {
			strbuf_release(&batch);
			plan_free(plan);
			return false;
		}
		if (has_target(plan, member->id))
			continue;
		if (strcmp(member->status, "FAIL") != 0 && strcmp(member->status, "left") != 0) {
			plan_skip(plan, "%s is %s", member->id, member->status);
			continue;
		}
		args = json_new_object();
		json_add_str(args, "node", member->id);
		json_add_str(args, "status", member->status);
		target = plan_add_target(plan, "member", member->id, member->id);
		plan_set(&target->evidence, "%s  %s", member->status, member->address);
		plan_add_step(target, &step_force_leave, args, "PUT /v1/agent/force-leave/%s",
			      member->id);
		add_shell_word(&batch, member->id);
	}
	plan_set(&plan->batch, "%s", batch.buf);
	strbuf_release(&batch);
	plan_set(&plan->title, "Force %zu node%s to leave?", plan->target_count,
		 plan->target_count == 1 ? "" : "s");
	plan_set(&plan->operation, "tell the gossip pool that the node has left");
	plan_set(&plan->effect, "its services and checks leave the catalog");
	plan_set(&plan->undo, "none; the node joins again by itself when it is alive");
	plan_set(&plan->comes_back, "if it is alive");
	plan_set(&plan->button, "Force to leave");
	command_propose(call, plan);
	return true;
}

#define SERVICE_NEEDS (MODEL_BIT(MODEL_INSTANCES) | MODEL_BIT(MODEL_MEMBERS))

const struct command service_commands[] = {
	{
		.verb = "register",
		.args = "CONTAINER ...",
		.summary = "register the services of a container of this host",
		.table = MODEL_CONTAINERS,
		.takes_selection = true,
		.needs = MODEL_BIT(MODEL_CONTAINERS) | MODEL_BIT(MODEL_EVENTS),
		.plan = plan_register,
	},
	{
		.verb = "deregister",
		.args = "ID ...",
		.summary = "remove service instances, by the agent where they live",
		.help = "ID is a service id, NODE/SERVICE-ID where the same id stands on several "
			"nodes, or\nthe name of a service for its left-over instances (--all: for "
			"all "
			"of them).",
		.options = "all",
		.table = MODEL_INSTANCES,
		.takes_selection = true,
		.looks_again = true,
		.needs = SERVICE_NEEDS,
		.plan = plan_deregister,
	},
	{
		.verb = "clean services",
		.args = "[ID ...]",
		.summary = "deregister instances whose container does not exist",
		.options = "older node",
		.table = MODEL_INSTANCES,
		.takes_selection = true,
		.looks_again = true,
		.needs = SERVICE_NEEDS | MODEL_BIT(MODEL_CONTAINERS),
		.plan = plan_clean_services,
	},
	{
		.verb = "diff services",
		.args = "[CONTAINER|SERVICE|ID ...]",
		.summary = "what is registered here against what containers ask for",
		.help = "In mode off: what would change if binnacle registered in the place of the "
			"program\nthat does so now. Checks are not listed by an agent, and not "
			"compared here. Ends with\nstatus 9 when there are differences.",
		.options = "stat exit-code",
		.table = MODEL_SERVICES,
		.takes_selection = true,
		.needs = MODEL_BIT(MODEL_CONTAINERS) | MODEL_BIT(MODEL_EVENTS),
		.ready = registrations_are_ready,
		.ready_patience_ms = REGISTRATIONS_PATIENCE_MS,
		.run = run_diff_services,
	},
	{
		.verb = "force-leave",
		.args = "NODE ...",
		.summary = "take failed nodes out of the gossip pool",
		.table = MODEL_MEMBERS,
		.takes_selection = true,
		.looks_again = true,
		.needs = MODEL_BIT(MODEL_MEMBERS),
		.plan = plan_force_leave,
	},
};
const size_t service_command_count = COUNT_OF(service_commands);
