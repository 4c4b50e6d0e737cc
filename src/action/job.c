/*
 * Each target is a small machine: checking a step, applying it, next step. Whatever a step kind
 * answers, and whenever, is put down in its slot and taken up in a deferred call of the job, so
 * that a kind may finish from inside its start and nothing recurses.
 */
#include "binnacle/action/job.h"

#include <assert.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/journal.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"

#define JOB_ROWS_MAX 200

enum stage {
	STAGE_IDLE,
	STAGE_CHECKING, /* the step's check is under way */
	STAGE_CHECKED,  /* its answer is in the slot */
	STAGE_APPLYING,
	STAGE_APPLIED,
};

struct slot {
	struct step_run run; /* what the kind gets */
	struct job *job;
	enum job_outcome outcome;
	enum stage stage;
	struct err err;
	char *message;
	bool acted; /* a step of it was applied */
};

struct job {
	const struct action_env *env;
	const struct plan *plan;
	struct job_events events;
	void *arg;
	struct loop_deferred *deferred;
	struct slot *slots; /* per target */
	size_t running, steps_done;
	unsigned failures_in_row;
	const struct step_kind *failing_kind;
	bool cancel_asked, stopped;
	struct job_result result;
	int64_t started_wall_ms, started_mono_ms, id;
	char id_text[24];
	const char *front_end;
};

const char *job_outcome_name(enum job_outcome outcome)
{
	static const char *const names[] = { "waiting", "running", "done",
					     "failed",  "skipped", "not done" };

	return names[outcome];
}

static void put_targets(const struct plan *plan, struct strbuf *out)
{
	if (plan->target_count == 1)
		strbuf_addstr(out, plan->targets[0].label);
	else
		strbuf_addf(out, "%ss (%zu)", plan->target_count ? plan->targets[0].kind : "target",
			    plan->target_count);
}

static void fill_row(const struct job *job, bool ended, struct job_row *row, struct arena *arena)
{
	const struct job_result *result = &job->result;
	struct strbuf targets = STRBUF_INIT;

	put_targets(job->plan, &targets);
	row->id = arena_strdup(arena, job->id_text);
	row->verb = arena_strdup(arena, job->plan->verb);
	row->targets = arena_strdup(arena, targets.buf);
	row->by = arena_strdup(arena, job->front_end);
	row->message = arena_strdup(arena, result->err.code ? result->err.msg : "");
	row->steps_done = (int64_t)job->steps_done;
	row->steps_total = (int64_t)plan_step_total(job->plan);
	row->started_ms = job->started_wall_ms;
	row->took_ms = clock_mono_ms() - job->started_mono_ms;
	row->step = "";
	for (size_t i = 0; i < job->plan->target_count && !ended; i++)
		if (job->slots[i].outcome == JOB_TARGET_RUNNING)
			row->step = arena_strdup(
				arena,
				job->plan->targets[i].steps[job->slots[i].run.step].kind->name);
	if (!ended) {
		row->status = "running";
		row->state = STATE_RUNNING;
	} else if (result->canceled) {
		row->status = "canceled";
		row->state = STATE_WARN;
	} else if (result->done && (result->failed || result->skipped || result->not_done)) {
		row->status = "partly";
		row->state = STATE_FAILED;
	} else if (result->done) {
		row->status = "done";
		row->state = STATE_DONE;
	} else {
		row->status = "FAILED";
		row->state = STATE_FAILED;
	}
	strbuf_release(&targets);
}

static void copy_row(const struct job_row *from, struct job_row *to, struct arena *arena)
{
	*to = *from;
	to->id = arena_strdup(arena, from->id);
	to->verb = arena_strdup(arena, from->verb);
	to->targets = arena_strdup(arena, from->targets);
	to->step = arena_strdup(arena, from->step);
	to->by = arena_strdup(arena, from->by);
	to->message = arena_strdup(arena, from->message);
	to->status = arena_strdup(arena, from->status);
}

/* The model is the memory of the jobs: the new table is the old one with our row replaced. */
static void publish(const struct job *job, bool ended)
{
	struct snapshot *old, *fresh;

	if (!job->env->model)
		return;
	old = model_current(job->env->model, MODEL_JOBS);
	fresh = snapshot_new(MODEL_JOBS);
	for (size_t i = old->count > JOB_ROWS_MAX ? old->count - JOB_ROWS_MAX : 0; i < old->count;
	     i++) {
		const struct job_row *row = snapshot_row(old, i);

		if (strcmp(row->id, job->id_text) != 0)
			copy_row(row, snapshot_add(fresh), &fresh->arena);
	}
	fill_row(job, ended, snapshot_add(fresh), &fresh->arena);
	model_publish(job->env->model, fresh);
}

static void work(void *arg);

static void wake(struct job *job)
{
	if (!job->deferred)
		job->deferred = loop_defer(job->env->loop, work, job);
}

static struct slot *slot_of(struct step_run *run)
{
	return &run->job->slots[run->target];
}

void step_finish(struct step_run *run, const struct err *err, const char *message)
{
	struct slot *slot = slot_of(run);

	assert(slot->stage == STAGE_CHECKING || slot->stage == STAGE_APPLYING);
	slot->stage = slot->stage == STAGE_CHECKING ? STAGE_CHECKED : STAGE_APPLIED;
	slot->err = err ? *err : (struct err){ 0 };
	if (message) {
		free(slot->message);
		slot->message = xstrdup(message);
	}
	wake(slot->job);
}

bool step_save(struct step_run *run, struct json *document, struct err *err)
{
	struct job *job = run->job;
	bool saved = !job->env->journal || journal_save(job->env->journal, job->id, run->target,
							run->step, document, err);

	json_free(document);
	return saved;
}

static const struct plan_step *step_of(const struct slot *slot)
{
	return &slot->job->plan->targets[slot->run.target].steps[slot->run.step];
}

static void note_step(struct slot *slot, const char *result, const char *message)
{
	const struct job *job = slot->job;
	struct err err;

	if (job->env->journal && !journal_step(job->env->journal, job->id, slot->run.target,
					       slot->run.step, result, message, &err))
		log_error("action", "journal: %s", err.msg);
}

static bool is_reversible(const struct slot *slot)
{
	const struct plan_target *target = &slot->job->plan->targets[slot->run.target];

	for (size_t i = 0; i < target->step_count; i++)
		if (target->steps[i].kind->undo && !target->steps[i].kind->irreversible)
			return slot->acted;
	return false;
}

static void count_failure(struct slot *slot)
{
	struct job *job = slot->job;
	const struct step_kind *kind = step_of(slot)->kind;

	job->failures_in_row = job->failing_kind == kind ? job->failures_in_row + 1 : 1;
	job->failing_kind = kind;
	if (job->failures_in_row >= JOB_FAILURES_MAX)
		job->stopped = true;
	if (!job->result.err.code)
		job->result.err = slot->err;
}

/* A target has come to its end. */
static void end_target(struct slot *slot, enum job_outcome outcome)
{
	struct job *job = slot->job;
	char undo[64] = "";

	if (job->plan->in_order && outcome != JOB_TARGET_DONE)
		job->stopped = true;
	slot->outcome = outcome;
	slot->stage = STAGE_IDLE;
	free(slot->run.state);
	slot->run.state = NULL;
	job->running--;
	if (outcome == JOB_TARGET_DONE)
		job->failures_in_row = 0;
	else if (outcome == JOB_TARGET_FAILED)
		count_failure(slot);
	job->result.done += outcome == JOB_TARGET_DONE;
	job->result.failed += outcome == JOB_TARGET_FAILED;
	job->result.skipped += outcome == JOB_TARGET_SKIPPED;
	if (is_reversible(slot) && *job->id_text)
		snprintf(undo, sizeof(undo), "binnacle --batch undo %s", job->id_text);
	if (job->events.target)
		job->events.target(job->arg, slot->run.target, outcome,
				   slot->message ? slot->message : "", slot->err.msg, undo);
}

static void start_step(struct slot *slot);

static void apply_step(struct slot *slot)
{
	struct job *job = slot->job;
	const struct plan_step *step = step_of(slot);
	struct err err = { 0 };

	slot->stage = STAGE_APPLYING;
	if (job->env->journal && !journal_about(job->env->journal, job->id, slot->run.target,
						slot->run.step, step->kind->name, &err)) {
		step_finish(&slot->run, &err, NULL);
		return;
	}
	if (!step->kind->apply(&slot->run, &err))
		step_finish(&slot->run, &err, NULL);
}

static void after_check(struct slot *slot)
{
	if (!slot->err.code) {
		apply_step(slot);
		return;
	}
	/* A later step that finds the world changed is a failure: the first ones are done. */
	if (slot->err.code == ERR_CONFLICT && !slot->acted) {
		note_step(slot, "skipped", slot->err.msg);
		err_context(&slot->err, "changed since the plan");
		end_target(slot, JOB_TARGET_SKIPPED);
	} else {
		note_step(slot, "failed", slot->err.msg);
		end_target(slot, JOB_TARGET_FAILED);
	}
}

/* Somebody else's wish, looked for wherever our own is. */
static bool is_cancel_asked(struct job *job)
{
	if (!job->cancel_asked && job->env->journal && job->id)
		job->cancel_asked = journal_is_cancel_asked(job->env->journal, job->id);
	return job->cancel_asked;
}

static void after_apply(struct slot *slot)
{
	struct job *job = slot->job;
	const struct plan_target *target = &job->plan->targets[slot->run.target];
	bool untouched = slot->err.code == ERR_CONFLICT && !slot->acted;

	if (slot->err.code) {
		note_step(slot, untouched ? "skipped" : "failed", slot->err.msg);
		if (untouched)
			err_context(&slot->err, "changed since the plan");
		end_target(slot, untouched ? JOB_TARGET_SKIPPED : JOB_TARGET_FAILED);
		return;
	}
	note_step(slot, "done", slot->message ? slot->message : "");
	slot->acted = true;
	job->steps_done++;
	if (slot->run.step + 1 == target->step_count) {
		end_target(slot, JOB_TARGET_DONE);
		return;
	}
	slot->run.step++;
	if (is_cancel_asked(job) || job->stopped) {
		err_set(&slot->err, ERR_REFUSED, "stopped after step %zu of %zu", slot->run.step,
			target->step_count);
		end_target(slot, JOB_TARGET_FAILED);
		return;
	}
	start_step(slot);
}

static void start_step(struct slot *slot)
{
	const struct plan_step *step = step_of(slot);
	struct err err = { 0 };

	free(slot->run.state);
	slot->run.state = step->kind->state_size ? xcalloc(1, step->kind->state_size) : NULL;
	slot->run.args = step->args;
	slot->stage = STAGE_CHECKING;
	slot->err = (struct err){ 0 };
	if (!step->kind->check)
		step_finish(&slot->run, NULL, NULL);
	else if (!step->kind->check(&slot->run, &err))
		step_finish(&slot->run, &err, NULL);
}

static void start_targets(struct job *job)
{
	size_t at_once = job->plan->in_order ? 1 : JOB_PARALLEL;

	for (size_t i = 0; i < job->plan->target_count && job->running < at_once; i++) {
		struct slot *slot = &job->slots[i];

		if (slot->outcome != JOB_TARGET_WAITING)
			continue;
		slot->outcome = JOB_TARGET_RUNNING;
		job->running++;
		start_step(slot);
	}
}

static const char *outcome_of(const struct job *job)
{
	const struct job_result *result = &job->result;

	if (result->canceled)
		return "canceled";
	if (!result->failed && !result->skipped && !result->not_done)
		return "done";
	return result->done ? "partly" : "failed";
}

static void free_job(struct job *job)
{
	for (size_t i = 0; i < job->plan->target_count; i++) {
		free(job->slots[i].message);
		free(job->slots[i].run.state);
	}
	loop_deferred_cancel(&job->deferred);
	free(job->slots);
	free(job);
}

static void write_end(struct job *job)
{
	struct json *targets = json_new_array();
	struct err err;

	for (size_t i = 0; i < job->plan->target_count; i++) {
		const struct slot *slot = &job->slots[i];
		struct json *item = json_add_object(targets, NULL);

		json_add_str(item, "target", job->plan->targets[i].id);
		json_add_str(item, "result", job_outcome_name(slot->outcome));
		json_add_str(item, "error", slot->err.code ? slot->err.msg : NULL);
	}
	if (job->env->journal &&
	    !journal_end(job->env->journal, job->id, outcome_of(job), &job->result, targets, &err))
		log_error("action", "journal: %s", err.msg);
	json_free(targets);
	if (job->env->journal && job->id)
		journal_forget_cancel(job->env->journal, job->id);
}

static void end_job(struct job *job)
{
	struct job_result *result = &job->result;

	for (size_t i = 0; i < job->plan->target_count; i++) {
		if (job->slots[i].outcome != JOB_TARGET_WAITING)
			continue;
		job->slots[i].outcome = JOB_TARGET_NOT_DONE;
		result->not_done++;
		if (job->events.target)
			job->events.target(job->arg, i, JOB_TARGET_NOT_DONE, "",
					   !job->stopped ? "canceled"
					   : job->plan->in_order
						   ? "the job stopped at one that was not done"
						   : "the job stopped after failures in a row",
					   "");
	}
	result->canceled = job->cancel_asked && result->not_done + result->failed > 0;
	result->stopped = job->stopped;
	result->took_ms = clock_mono_ms() - job->started_mono_ms;
	result->id = job->id_text;
	write_end(job);
	publish(job, true);
	if (job->events.ended)
		job->events.ended(job->arg, result);
	free_job(job);
}

static void work(void *arg)
{
	struct job *job = arg;

	job->deferred = NULL;
	for (size_t i = 0; i < job->plan->target_count; i++) {
		struct slot *slot = &job->slots[i];

		if (slot->stage == STAGE_CHECKED)
			after_check(slot);
		else if (slot->stage == STAGE_APPLIED)
			after_apply(slot);
	}
	if (!is_cancel_asked(job) && !job->stopped)
		start_targets(job);
	if (!job->running) {
		end_job(job);
		return;
	}
	publish(job, false);
}

struct job *job_start(const struct action_env *env, const struct plan *plan,
		      const struct job_options *options, const struct job_events *events, void *arg,
		      struct err *err)
{
	struct job *job;
	int64_t id = 0;

	assert(*plan->hash);
	if (env->journal && !journal_begin(env->journal, plan, options, &id, err)) {
		err_context(err, "nothing was changed, since it could not be recorded");
		return NULL;
	}
	job = xcalloc(1, sizeof(*job));
	job->env = env;
	job->plan = plan;
	job->events = *events;
	job->arg = arg;
	job->id = id;
	if (id)
		snprintf(job->id_text, sizeof(job->id_text), "%" PRId64, id);
	job->front_end = options->front_end;
	job->started_wall_ms = clock_wall_ms();
	job->started_mono_ms = clock_mono_ms();
	job->slots = xcalloc(plan->target_count + 1, sizeof(*job->slots));
	for (size_t i = 0; i < plan->target_count; i++) {
		job->slots[i].job = job;
		job->slots[i].run =
			(struct step_run){ .env = env, .job = job, .target = i, .step = 0 };
	}
	wake(job);
	return job;
}

void job_cancel(struct job *job)
{
	job->cancel_asked = true;
	wake(job);
}

void job_abandon(struct job **job)
{
	struct job *old = *job;

	*job = NULL;
	if (!old)
		return;
	old->cancel_asked = true;
	for (size_t i = 0; i < old->plan->target_count; i++) {
		struct slot *slot = &old->slots[i];

		if (slot->outcome == JOB_TARGET_WAITING) {
			slot->outcome = JOB_TARGET_NOT_DONE;
			old->result.not_done++;
		}
		if (slot->outcome != JOB_TARGET_RUNNING)
			continue;
		if (slot->stage != STAGE_IDLE && step_of(slot)->kind->cancel)
			step_of(slot)->kind->cancel(&slot->run);
		slot->outcome = JOB_TARGET_FAILED;
		err_set(&slot->err, ERR_REFUSED, "interrupted");
		old->result.failed++;
	}
	old->result.canceled = true;
	old->result.took_ms = clock_mono_ms() - old->started_mono_ms;
	write_end(old);
	free_job(old);
}
