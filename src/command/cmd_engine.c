#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/journal.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/loop.h"
#include "binnacle/register/registrar.h"
#include "binnacle/render/runner.h"
#include "rows.h"

static bool plan_undo(struct command_call *call, struct err *err)
{
	int64_t id = 0;
	struct plan *plan;

	if (!call->env->journal)
		return err_set(err, ERR_NOT_FOUND, "no journal is kept here");
	if (call->line->word_count && !text_parse_int(call->line->words[0], 1, INT64_MAX, &id))
		return err_set(err, ERR_INPUT, "\"%s\" is no number of a journal entry",
			       call->line->words[0]);
	plan = journal_undo_plan(call->env->journal, call->env, id, err);
	if (!plan)
		return false;
	command_propose(call, plan);
	return true;
}

static void add_half(struct plan *plan, const char *half, const char *before, const char *mode)
{
	struct plan_target *target;
	struct json *args;

	if (strcmp(before, mode) == 0) {
		plan_skip(plan, "%s is in %s already", half, mode);
		return;
	}
	args = json_new_object();
	json_add_str(args, "half", half);
	json_add_str(args, "before", before);
	json_add_str(args, "mode", mode);
	target = plan_add_target(plan, "mode", half, half);
	plan_set(&target->evidence, "%s now", before);
	plan_add_step(target, &step_mode, args, "switch %s from %s to %s", half, before, mode);
}

/* Going to auto lists what will be done at once. */
static void list_pending(const struct model *model, struct plan *plan)
{
	const struct snapshot *snapshot = model_current(model, MODEL_RENDERS);
	struct strbuf names = STRBUF_INIT;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct render *render = snapshot_row(snapshot, i);

		if (render->state == STATE_PENDING || render->state == STATE_HELD)
			strbuf_addf(&names, "%s%s", names.len ? ", " : "", render->id);
	}
	if (names.len)
		plan_set(&plan->effect, "pending work begins at once: %s", names.buf);
	strbuf_release(&names);
}

static bool plan_mode(struct command_call *call, struct err *err)
{
	const struct command_line *line = call->line;
	const char *mode = line->words[0], *half = line->word_count > 1 ? line->words[1] : "";
	enum registrar_mode checked;
	struct plan *plan;

	if (!registrar_mode_parse(mode, &checked))
		return err_set(err, ERR_INPUT, "there is no mode \"%s\"; there are auto, hold, off",
			       mode);
	if (*half && strcmp(half, "render") != 0 && strcmp(half, "register") != 0)
		return err_set(err, ERR_INPUT, "\"%s\" is neither render nor register", half);
	if (!call->env->runner && !call->env->registrar)
		return err_set(err, ERR_INPUT, "there is nothing here that renders or registers");
	plan = plan_new("mode");
	if (call->env->runner && strcmp(half, "register") != 0)
		add_half(plan, "render", render_mode_name(render_runner_mode(call->env->runner)),
			 mode);
	if (call->env->registrar && strcmp(half, "render") != 0)
		add_half(plan, "register",
			 registrar_mode_name(registrar_get_mode(call->env->registrar)), mode);
	plan_set(&plan->title, "Switch to %s?", mode);
	plan_set(&plan->operation, "mode of the engine in this process, until it ends");
	plan_set(&plan->undo, "switch back");
	plan_set(&plan->batch, "binnacle --batch mode %s%s%s", mode, *half ? " " : "", half);
	plan_set(&plan->button, "Switch");
	if (strcmp(mode, "auto") == 0)
		list_pending(call->env->model, plan);
	if (!call->front->interactive)
		call_say(call, LOG_LEVEL_WARN, "the mode lasts only as long as this call");
	command_propose(call, plan);
	return true;
}

static bool plan_resync(struct command_call *call, struct err *err)
{
	struct plan *plan;

	if (!call->env->registrar)
		return err_set(err, ERR_INPUT, "no registrar is configured for this host");
	plan = plan_new("resync");
	plan_add_step(plan_add_target(plan, "registrar", "registrar", "registrar of this host"),
		      &step_resync, json_new_object(),
		      "inspect every container and compare with the registry");
	plan_set(&plan->title, "Compare all registrations?");
	plan_set(&plan->operation, "inspect every container and compare with the registry");
	plan_set(&plan->effect, "%s",
		 registrar_get_mode(call->env->registrar) == REGISTRAR_AUTO
			 ? "differences are written at once, since the mode is auto"
			 : "differences are shown; nothing is written, since the mode is not auto");
	plan_set(&plan->batch, "binnacle --batch resync");
	plan_set(&plan->button, "Compare");
	command_propose(call, plan);
	return true;
}

/* ---- cancel ---- */

#define LOOK_PERIOD_MS 200

/* Waits until the job of another process has stopped. */
struct stopping {
	int64_t id;
	struct loop_timer *timer;
};

/* How the job stands; false: it runs on. An error is an end, too. */
static bool has_stopped(struct command_call *call, int64_t id, struct err *err)
{
	struct journal_entries entries;
	bool found = false, running = false;

	if (!journal_read(call->env->journal, SIZE_MAX, &entries, err))
		return true;
	for (size_t i = 0; i < entries.len && !found; i++) {
		const struct journal_entry *entry = &entries.items[i];

		if (entry->id != id)
			continue;
		found = true;
		running = strcmp(entry->result, "running") == 0;
		if (!running)
			call_say(call, LOG_LEVEL_INFO, "job %" PRId64 " (%s) ended: %s%s%s", id,
				 entry->verb, entry->result, *entry->why ? ", " : "", entry->why);
	}
	journal_entries_release(&entries);
	if (!found)
		err_set(err, ERR_NOT_FOUND, "the journal has no job %" PRId64, id);
	return !running;
}

static void on_look(void *arg)
{
	struct command_call *call = arg;
	struct stopping *stopping = call->state;
	struct err err = { 0 };

	stopping->timer = NULL;
	if (has_stopped(call, stopping->id, &err))
		command_end(call, err.code ? command_status_of(&err) : COMMAND_DONE,
			    err.code ? &err : NULL);
	else
		stopping->timer = loop_timer_start(call->env->loop, LOOK_PERIOD_MS, on_look, call);
}

static bool run_cancel(struct command_call *call, struct err *err)
{
	struct stopping *stopping = call->state;

	if (!call->env->journal || call->line->word_count != 1 ||
	    !text_parse_int(call->line->words[0], 1, INT64_MAX, &stopping->id))
		return err_set(err, ERR_INPUT, "give the number of a job: list journal has them");
	if (call->env->read_only)
		return err_set(err, ERR_REFUSED, "this call is read-only: it changes nothing");
	err->code = ERR_NONE;
	if (has_stopped(call, stopping->id, err))
		return err->code ? false
				 : err_set(err, ERR_REFUSED,
					   "job %" PRId64 " does not run any more", stopping->id);
	if (!journal_ask_cancel(call->env->journal, stopping->id, err))
		return false;
	stopping->timer = loop_timer_start(call->env->loop, LOOK_PERIOD_MS, on_look, call);
	return true;
}

static void stop_looking(struct command_call *call)
{
	struct stopping *stopping = call->state;

	loop_timer_stop(&stopping->timer);
}

const struct command engine_commands[] = {
	{
		.verb = "cancel",
		.args = "JOB",
		.summary = "stop a job of another process between its steps",
		.help = "JOB is its number in the journal. The step under way is finished, what "
			"was done stays and\ncan be undone. Waits until it has stopped; --timeout "
			"ends the waiting, not the wish.",
		.table = -1,
		.run = run_cancel,
		.cancel = stop_looking,
		.state_size = sizeof(struct stopping),
	},
	{
		.verb = "undo",
		.args = "[ID]",
		.summary = "reverse an action of the journal",
		.help = "Without ID: the newest that can be reversed. Undo is a plan of its own: "
			"what "
			"has\nchanged since then is not overwritten.",
		.table = MODEL_JOURNAL,
		.takes_selection = true,
		.plan = plan_undo,
	},
	{
		.verb = "mode",
		.args = "auto|hold|off [render|register]",
		.summary = "let the engine act by itself, hold it, or leave it to others",
		.table = -1,
		.plan = plan_mode,
	},
	{
		.verb = "resync",
		.summary = "compare all containers with the registry again",
		.table = -1,
		.plan = plan_resync,
	},
};
const size_t engine_command_count = COUNT_OF(engine_commands);
