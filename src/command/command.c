/*
 * A call goes through phases: it waits for the tables that its row needs, the row looks or makes
 * a plan, the front end is asked, the job runs. Every arrow between them is a deferred call, so
 * that the front end hears everything from the loop and a row may end from within its start.
 */
#include "binnacle/command/command.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/job.h"
#include "binnacle/action/journal.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "rows.h"

#define PATIENCE_MS 15000 /* for the first answers of the sources that a call needs */

static const struct {
	const struct command *rows;
	const size_t *count;
} built_in[] = {
	{ look_commands, &look_command_count },
	{ watch_commands, &watch_command_count },
	{ render_commands, &render_command_count },
	{ service_commands, &service_command_count },
	{ endpoint_commands, &endpoint_command_count },
	{ address_commands, &address_command_count },
	{ calico_commands, &calico_command_count },
	{ policy_commands, &policy_command_count },
	{ node_commands, &node_command_count },
	{ record_commands, &record_command_count },
	{ engine_commands, &engine_command_count },
};

static struct {
	const struct command *rows;
	size_t count;
} registered[8];
static size_t registered_count;

size_t command_count(void)
{
	size_t count = 0;

	for (size_t i = 0; i < COUNT_OF(built_in); i++)
		count += *built_in[i].count;
	for (size_t i = 0; i < registered_count; i++)
		count += registered[i].count;
	return count;
}

const struct command *command_at(size_t index)
{
	for (size_t i = 0; i < COUNT_OF(built_in); i++) {
		if (index < *built_in[i].count)
			return &built_in[i].rows[index];
		index -= *built_in[i].count;
	}
	for (size_t i = 0; i < registered_count; i++) {
		if (index < registered[i].count)
			return &registered[i].rows[index];
		index -= registered[i].count;
	}
	return NULL;
}

const struct command *command_find(const char *verb)
{
	const struct command *command;

	for (size_t i = 0; (command = command_at(i)); i++)
		if (strcmp(command->verb, verb) == 0)
			return command;
	return NULL;
}

void command_register(const struct command *commands, size_t count)
{
	for (size_t i = 0; i < registered_count; i++)
		if (registered[i].rows == commands)
			return;
	assert(registered_count < COUNT_OF(registered));
	for (size_t i = 0; i < count; i++)
		assert(!commands[i].run != !commands[i].plan);
	registered[registered_count].rows = commands;
	registered[registered_count++].count = count;
}

bool command_changes(const struct command *command)
{
	return command->plan != NULL;
}

enum command_status command_status_of(const struct err *err)
{
	switch (err->code) {
	case ERR_NONE:
		return COMMAND_DONE;
	case ERR_INPUT:
		return COMMAND_USAGE;
	case ERR_UNREACHABLE:
		return COMMAND_UNREACHABLE;
	case ERR_DENIED:
		return COMMAND_DENIED;
	case ERR_CONFLICT:
		return COMMAND_PLAN_CHANGED;
	default:
		return COMMAND_FAILED;
	}
}

static void say(struct command_call *call, int level, const char *text)
{
	if (call->front->message)
		call->front->message(call->front_arg, level, text);
}

static void stop_waiting(struct command_call *call)
{
	model_watch_stop(&call->watch);
	loop_timer_stop(&call->patience);
	loop_deferred_cancel(&call->deferred);
}

static void forget_tables(struct command_call *call)
{
	for (int i = 0; i < MODEL_TABLE_COUNT; i++)
		snapshot_unref(&call->seen[i]);
}

static void free_call(struct command_call *call)
{
	stop_waiting(call);
	loop_timer_stop(&call->deadline);
	job_abandon(&call->job);
	plan_free(call->plan);
	plan_free(call->asked);
	forget_tables(call);
	command_line_free(call->line);
	free(call->state);
	free(call);
}

static void finish(void *arg)
{
	struct command_call *call = arg;

	call->deferred = NULL;
	if (call->front->ended)
		call->front->ended(call->front_arg, call, call->status,
				   call->err.code ? &call->err : NULL);
	free_call(call);
}

void command_end(struct command_call *call, enum command_status status, const struct err *err)
{
	assert(call->phase != COMMAND_ENDING && !call->job);
	stop_waiting(call);
	loop_timer_stop(&call->deadline);
	call->phase = COMMAND_ENDING;
	call->status = status;
	if (err)
		call->err = *err;
	if (call->timed_out) {
		call->status = COMMAND_TIMEOUT;
		if (!err)
			err_set(&call->err, ERR_UNREACHABLE,
				"\"%s\" did not end within the time given with --timeout",
				call->command->verb);
	}
	call->deferred = loop_defer(call->env->loop, finish, call);
}

static void fail(struct command_call *call, const struct err *err)
{
	command_end(call, command_status_of(err), err);
}

static void go(struct command_call *call);

static bool is_settled(const struct command_call *call, enum model_table table)
{
	enum model_source source = model_table_source(table);
	enum source_health health;

	if (source >= SOURCE_COUNT)
		return true;
	health = model_source(call->env->model, source)->health;
	/* A change rests on all that the source has to say, not on its first part. */
	if (model_has(call->env->model, table))
		return !command_changes(call->command) || health != SOURCE_LOADING;
	/* Templates need no nginx: their tables come all the same. */
	if (health == SOURCE_OFF)
		return source != SOURCE_NGINX || !call->env->runner;
	return health == SOURCE_DOWN || health == SOURCE_DENIED;
}

static bool all_settled(const struct command_call *call)
{
	for (int i = 0; i < MODEL_TABLE_COUNT; i++)
		if ((call->needs & MODEL_BIT(i)) && !is_settled(call, (enum model_table)i))
			return false;
	return true;
}

static bool is_ready(const struct command_call *call)
{
	return call->front->interactive || !call->command->ready || call->command->ready(call);
}

static void out_of_patience(void *arg)
{
	struct command_call *call = arg;

	call->patience = NULL;
	go(call);
}

/* Go, or wait for what is missing: first for the sources, then for the row's own wish. */
static void go_when_ready(struct command_call *call)
{
	if (!all_settled(call))
		return;
	if (is_ready(call)) {
		go(call);
		return;
	}
	if (call->ripening)
		return;
	call->ripening = true;
	if (call->command->ready_for)
		say(call, LOG_LEVEL_INFO, call->command->ready_for);
	loop_timer_stop(&call->patience);
	call->patience = loop_timer_start(call->env->loop, call->command->ready_patience_ms,
					  out_of_patience, call);
}

static void look_again(void *arg)
{
	struct command_call *call = arg;

	call->deferred = NULL;
	go_when_ready(call);
}

static void on_model(void *arg, unsigned bits)
{
	struct command_call *call = arg;

	(void)bits;
	if (!call->deferred)
		call->deferred = loop_defer(call->env->loop, look_again, call);
}

static const struct source_status *status_of(const struct command_call *call,
					     enum model_source source)
{
	return model_source(call->env->model, source);
}

/* What a source that is not well means for a call: an error, or a warning on the way. */
static bool judge_source(struct command_call *call, enum model_source source, bool has_rows,
			 struct err *err)
{
	const struct source_status *status = status_of(call, source);
	const char *name = model_source_name(source), *why = status->message;
	bool acts = command_changes(call->command);
	struct strbuf text = STRBUF_INIT;

	switch (status->health) {
	case SOURCE_OK:
		if (has_rows && *why) /* well, with something to know */
			say(call, LOG_LEVEL_WARN, why);
		if (has_rows)
			return true;
		return err_set(err, ERR_UNREACHABLE, "%s has not given its data yet", name);
	case SOURCE_OFF:
		if (has_rows)
			return true;
		return err_set(err, ERR_INPUT, "%s is not configured here", name);
	case SOURCE_LOADING:
		if (has_rows && !acts)
			return true;
		return err_set(err, ERR_UNREACHABLE, "%s did not answer in time%s%s", name,
			       *why ? ": " : "", why);
	case SOURCE_DENIED:
		if (!has_rows || acts)
			return err_set(err, ERR_DENIED, "%s denies access%s%s", name,
				       *why ? ": " : "", why);
		break;
	case SOURCE_DOWN:
		if (!has_rows || acts)
			return err_set(err, ERR_UNREACHABLE, "%s cannot be reached%s%s", name,
				       *why ? ": " : "", why);
		break;
	case SOURCE_STALE:
		if (acts && !call->front->interactive && !call->line->allow_stale)
			return err_set(err, ERR_UNREACHABLE,
				       "the data of %s is stale%s%s; --allow-stale acts on it "
				       "all the same",
				       name, *why ? ": " : "", why);
		break;
	}
	strbuf_addf(&text, "the data of %s is old%s%s", name, *why ? ": " : "", why);
	say(call, LOG_LEVEL_WARN, text.buf);
	strbuf_release(&text);
	return true;
}

/* An empty table says something only while its source is well. */
static bool has_rows(const struct command_call *call, enum model_table table)
{
	enum source_health health = status_of(call, model_table_source(table))->health;
	bool lost = health == SOURCE_DOWN || health == SOURCE_DENIED;

	return model_has(call->env->model, table) &&
	       (!lost || model_current(call->env->model, table)->count > 0);
}

static bool judge_sources(struct command_call *call, struct err *err)
{
	bool seen[SOURCE_COUNT] = { false };

	for (int i = 0; i < MODEL_TABLE_COUNT; i++) {
		enum model_source source = model_table_source((enum model_table)i);

		if (!(call->needs & MODEL_BIT(i)) || source >= SOURCE_COUNT || seen[source])
			continue;
		if (!judge_source(call, source, has_rows(call, (enum model_table)i), err))
			return false;
		seen[source] = true;
	}
	return true;
}

static void go(struct command_call *call)
{
	struct err err = { 0 };
	bool started;

	stop_waiting(call);
	if (!call->command->tolerant && !judge_sources(call, &err)) {
		fail(call, &err);
		return;
	}
	call->phase = COMMAND_LOOKING;
	started = call->command->run ? call->command->run(call, &err)
				     : call->command->plan(call, &err);
	if (!started)
		fail(call, &err);
}

static void refuse(struct command_call *call, const char *why)
{
	struct job_options options = { "none", call->front->name };
	struct err err, ignored;

	err_set(&err, ERR_REFUSED, "%s", why);
	if (call->env->journal)
		journal_not_done(call->env->journal, call->command->verb, call->plan, &options,
				 "refused", why, &ignored);
	command_end(call, COMMAND_REFUSED, &err);
}

static void begin(void *arg)
{
	struct command_call *call = arg;

	call->deferred = NULL;
	if (command_changes(call->command) && call->env->read_only && !call->line->dry_run) {
		refuse(call, "this console is read-only: it changes nothing");
		return;
	}
	call->watch = model_watch_start(call->env->model, call->needs | MODEL_BIT_SOURCES, on_model,
					call);
	call->patience = loop_timer_start(call->env->loop, PATIENCE_MS, out_of_patience, call);
	go_when_ready(call);
}

static void out_of_time(void *arg)
{
	struct command_call *call = arg;

	call->deadline = NULL;
	call->timed_out = true;
	/* Whoever waits for a source should be told which one it was. */
	if (call->phase == COMMAND_WAITING)
		go(call);
	else
		command_cancel(call);
}

struct command_call *command_start(struct command_line *line, struct action_env *env,
				   const struct command_front *front, void *front_arg,
				   struct err *err)
{
	const struct command *command = line->verb ? command_find(line->verb) : NULL;
	struct command_call *call;

	if (!command) {
		err_set(err, ERR_INPUT, "there is no command \"%s\"", line->verb ? line->verb : "");
		command_line_free(line);
		return NULL;
	}
	call = xcalloc(1, sizeof(*call));
	call->command = command;
	call->line = line;
	call->env = env;
	call->front = front;
	call->front_arg = front_arg;
	call->state = command->state_size ? xcalloc(1, command->state_size) : NULL;
	call->looking_only = line->dry_run;
	call->needs = command->needs;
	if (command->needs_of)
		call->needs |= command->needs_of(line);
	if (line->timeout_ms >= 0)
		call->deadline = loop_timer_start(env->loop, line->timeout_ms, out_of_time, call);
	call->deferred = loop_defer(env->loop, begin, call);
	return call;
}

static void on_target(void *arg, size_t target, enum job_outcome outcome, const char *message,
		      const char *error, const char *undo)
{
	struct command_call *call = arg;

	(void)message;
	if (call->front->target)
		call->front->target(call->front_arg, call->plan, target, job_outcome_name(outcome),
				    error, undo);
}

static enum command_status status_of_job(const struct job_result *result)
{
	if (!result->failed && !result->skipped && !result->not_done)
		return COMMAND_DONE;
	if (result->done)
		return COMMAND_PARTLY;
	if (!result->failed && result->skipped)
		return COMMAND_PLAN_CHANGED;
	if (result->err.code == ERR_NONE || result->err.code == ERR_INPUT)
		return COMMAND_FAILED;
	return command_status_of(&result->err);
}

static void on_job_ended(void *arg, const struct job_result *result)
{
	struct command_call *call = arg;
	struct err err = result->err;

	call->job = NULL;
	if (!err.code && result->canceled)
		err_set(&err, ERR_REFUSED, "canceled: %zu of %zu done", result->done,
			call->plan->target_count);
	else if (!err.code && result->skipped)
		err_set(&err, ERR_CONFLICT, "%zu of %zu changed since the plan and were skipped",
			result->skipped, call->plan->target_count);
	else if (err.code && call->plan->target_count > 1)
		err_context(&err, "%zu done, %zu failed, %zu skipped, %zu not done", result->done,
			    result->failed, result->skipped, result->not_done);
	command_end(call, status_of_job(result), err.code ? &err : NULL);
}

static void act(struct command_call *call, const char *confirmation)
{
	static const struct job_events events = { on_target, on_job_ended };
	struct job_options options = { confirmation, call->front->name };
	struct err err = { 0 };

	call->phase = COMMAND_ACTING;
	call->job = job_start(call->env, call->plan, &options, &events, call, &err);
	if (!call->job)
		fail(call, &err);
}

/* How old the data is on which a plan rests: "consul 1s, calico 12s". */
static void tell_ages(struct command_call *call)
{
	bool seen[SOURCE_COUNT] = { false };
	struct strbuf text = STRBUF_INIT;
	char age[TEXT_AGE_BYTES];

	for (int i = 0; i < MODEL_TABLE_COUNT; i++) {
		enum model_source source = model_table_source((enum model_table)i);
		const struct source_status *status;

		if (!(call->needs & MODEL_BIT(i)) || source >= SOURCE_COUNT || seen[source])
			continue;
		seen[source] = true;
		status = status_of(call, source);
		if (!status->alive_mono_ms)
			continue;
		strbuf_addf(&text, "%s%s %s%s%s", text.len ? ", " : "", model_source_name(source),
			    text_age(clock_mono_ms() - status->alive_mono_ms, age),
			    *status->detail ? " " : "", status->detail);
	}
	plan_set(&call->plan->data_age, "%s", text.buf);
	strbuf_release(&text);
}

static void remember_tables(struct command_call *call)
{
	forget_tables(call);
	for (int i = 0; i < MODEL_TABLE_COUNT; i++)
		if ((call->needs & MODEL_BIT(i)) &&
		    model_has(call->env->model, (enum model_table)i))
			call->seen[i] =
				snapshot_ref(model_current(call->env->model, (enum model_table)i));
}

static bool tables_have_changed(const struct command_call *call)
{
	for (int i = 0; i < MODEL_TABLE_COUNT; i++)
		if (call->seen[i] &&
		    call->seen[i] != model_current(call->env->model, (enum model_table)i))
			return true;
	return false;
}

static bool is_same_target(const struct plan_target *a, const struct plan_target *b)
{
	bool same = a->step_count == b->step_count;

	for (size_t i = 0; same && i < a->step_count; i++) {
		struct strbuf left = STRBUF_INIT, right = STRBUF_INIT;

		json_print(&left, a->steps[i].args);
		json_print(&right, b->steps[i].args);
		same = a->steps[i].kind == b->steps[i].kind && strcmp(left.buf, right.buf) == 0;
		strbuf_release(&left);
		strbuf_release(&right);
	}
	return same;
}

static const struct plan_target *find_target(const struct plan *plan,
					     const struct plan_target *like)
{
	for (size_t i = 0; i < plan->target_count; i++)
		if (strcmp(plan->targets[i].kind, like->kind) == 0 &&
		    strcmp(plan->targets[i].id, like->id) == 0)
			return &plan->targets[i];
	return NULL;
}

/*
 * Whether what was confirmed is still so, but for a tenth that is then skipped. A target that is
 * none any more may have come back to life, which is never a detail.
 */
static bool still_holds(struct command_call *call, const struct plan *asked,
			const struct plan *fresh)
{
	size_t changed = 0, gone = 0;
	char text[160];

	for (size_t i = 0; i < asked->target_count; i++) {
		const struct plan_target *now = find_target(fresh, &asked->targets[i]);

		gone += !now;
		changed += now && !is_same_target(&asked->targets[i], now);
	}
	if (!gone && changed * 10 <= asked->target_count)
		return true;
	snprintf(text, sizeof(text),
		 "%zu of %zu targets changed while you were asked, %zu of them are none any more: "
		 "look again",
		 gone + changed, asked->target_count, gone);
	say(call, LOG_LEVEL_WARN, text);
	return false;
}

/* One thing that can be taken back, where the operator does not want to be asked about such. */
static bool needs_no_question(const struct command_call *call, const struct plan *plan)
{
	if (call->env->confirm != ACTION_CONFIRM_RELAXED || !call->front->interactive ||
	    call->env->production_dc || call->looking_only || plan->target_count != 1 ||
	    plan->confirm != PLAN_CONFIRM_YES || plan->irreversible)
		return false;
	for (size_t i = 0; i < plan->targets[0].step_count; i++)
		if (!plan->targets[0].steps[i].kind->undo)
			return false;
	return true;
}

static bool plan_is_as_expected(struct command_call *call, struct err *err)
{
	const struct command_line *line = call->line;
	const struct plan *plan = call->plan;

	/* A hash may be shortened, but not to nothing. */
	if (line->plan_hash && (strlen(line->plan_hash) < 8 ||
				strncmp(plan->hash, line->plan_hash, strlen(line->plan_hash)) != 0))
		return err_set(err, ERR_CONFLICT,
			       "the plan is not %s any more but %s: look at it again with "
			       "--dry-run",
			       line->plan_hash, plan->hash);
	if (line->expect >= 0 && (size_t)line->expect != plan->target_count)
		return err_set(err, ERR_CONFLICT, "%lld targets were expected and there are %zu",
			       (long long)line->expect, plan->target_count);
	return true;
}

void command_propose(struct command_call *call, struct plan *plan)
{
	struct err err = { 0 };

	assert(call->phase == COMMAND_LOOKING && !call->plan);
	plan_seal(plan);
	if (call->asked && still_holds(call, call->asked, plan)) {
		plan_free(plan);
		call->plan = call->asked;
		call->asked = NULL;
		act(call, call->answered);
		return;
	}
	plan_free(call->asked);
	call->asked = NULL;
	call->plan = plan;
	if (call->env->confirm == ACTION_CONFIRM_ALWAYS_TYPE && plan->confirm == PLAN_CONFIRM_YES)
		plan->confirm = PLAN_CONFIRM_TYPED;
	if (call->command->looks_again)
		remember_tables(call);
	tell_ages(call);
	if (!plan_is_as_expected(call, &err)) {
		fail(call, &err);
		return;
	}
	if (!plan->target_count && !call->looking_only) {
		for (size_t i = 0; i < plan->skipped_count; i++)
			say(call, LOG_LEVEL_WARN, plan->skipped[i]);
		say(call, LOG_LEVEL_INFO, "nothing to do");
		command_end(call, COMMAND_DONE, NULL);
		return;
	}
	call->phase = COMMAND_ASKING;
	if (plan->confirm == PLAN_CONFIRM_NONE && !call->looking_only)
		act(call, "none");
	else if (needs_no_question(call, plan))
		act(call, "relaxed");
	else
		call->front->confirm(call->front_arg, call, plan);
}

/* The answer was to a plan of a while ago: make it again, then see (command_propose). */
static void look_at_it_again(struct command_call *call, const char *answered)
{
	struct err err = { 0 };

	call->asked = call->plan;
	call->plan = NULL;
	call->answered = answered;
	call->phase = COMMAND_LOOKING;
	if (call->command->state_size)
		memset(call->state, 0, call->command->state_size);
	if (!call->command->plan(call, &err)) {
		err_context(&err, "nothing was changed, since it is not so any more");
		fail(call, &err);
	}
}

void command_answer(struct command_call *call, bool yes)
{
	const struct plan *plan = call->plan;
	const char *kind = plan->confirm == PLAN_CONFIRM_TYPED ? "typed" : "y";
	struct job_options options = { "none", call->front->name };
	struct err err;

	/* A deadline may have ended the call in the same turn in which a key answered it. */
	if (call->phase == COMMAND_ENDING)
		return;
	assert(call->phase == COMMAND_ASKING);
	if (call->looking_only) {
		command_end(call,
			    call->line->exit_code && plan->target_count ? COMMAND_DIFFERENCES
									: COMMAND_DONE,
			    NULL);
	} else if (yes && tables_have_changed(call)) {
		look_at_it_again(call, call->confirmation ? call->confirmation : kind);
	} else if (yes) {
		act(call, call->confirmation ? call->confirmation : kind);
	} else {
		if (call->env->journal)
			journal_not_done(call->env->journal, plan->verb, plan, &options, "canceled",
					 "not confirmed", &err);
		err_set(&err, ERR_REFUSED, "not confirmed: nothing was changed");
		command_end(call, COMMAND_UNCONFIRMED, &err);
	}
}

void command_cancel(struct command_call *call)
{
	struct err err;

	switch (call->phase) {
	case COMMAND_ENDING:
		return;
	case COMMAND_ACTING:
		job_cancel(call->job);
		return;
	case COMMAND_ASKING:
		command_answer(call, false);
		return;
	case COMMAND_LOOKING:
		if (call->command->cancel)
			call->command->cancel(call);
		break;
	case COMMAND_WAITING:
		break;
	}
	err_set(&err, ERR_REFUSED, "canceled");
	command_end(call, COMMAND_FAILED, call->timed_out ? NULL : &err);
}

void command_abandon(struct command_call **call)
{
	struct command_call *old = *call;

	*call = NULL;
	if (!old)
		return;
	if (old->phase == COMMAND_LOOKING && old->command->cancel)
		old->command->cancel(old);
	free_call(old);
}
