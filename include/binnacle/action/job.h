/*
 * action/job.h - a plan being executed.
 *
 *     job = job_start(env, plan, &options, &events, call);
 *     ...
 *     job_cancel(job);        between steps; `ended` still runs
 *     job_abandon(&job);      at exit: what is under way is stopped, `ended` does not run
 *
 * Up to JOB_PARALLEL targets at a time, the steps of one target in order. Each step: check, note
 * "about to" in the journal, apply, note the result. A target of which a check says that the world
 * changed is skipped; one of which a step fails ends there. Three failures of one kind in a row
 * stop the job, the rest is not done; of a plan in order the first one that is not done does.
 * Progress shows in the model's table of jobs.
 */
#ifndef BINNACLE_ACTION_JOB_H
#define BINNACLE_ACTION_JOB_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"

struct action_env;
struct job;
struct plan;

#define JOB_PARALLEL     4
#define JOB_FAILURES_MAX 3

enum job_outcome {
	JOB_TARGET_WAITING,
	JOB_TARGET_RUNNING,
	JOB_TARGET_DONE,
	JOB_TARGET_FAILED,
	JOB_TARGET_SKIPPED,  /* changed since the plan */
	JOB_TARGET_NOT_DONE, /* the job stopped before it */
};
const char *job_outcome_name(enum job_outcome outcome); /* "done" "failed" "skipped" … */

struct job_result {
	size_t done, failed, skipped, not_done;
	bool canceled, stopped; /* stopped: by failures in a row */
	struct err err;         /* the first failure; code ERR_NONE when there is none */
	int64_t took_ms;
	const char *id; /* its number in the journal; "" when there is none */
};

struct job_options {
	const char *confirmation; /* "none" "y" "typed" "--yes" "--plan": for the journal */
	const char *front_end;    /* "console" "batch" "engine" */
};

struct job_events {
	/* One target ended. error "" when done; undo: a command that reverses it, or "". */
	void (*target)(void *arg, size_t target, enum job_outcome outcome, const char *message,
		       const char *error, const char *undo);
	/* The job is freed after this returns. */
	void (*ended)(void *arg, const struct job_result *result);
};

/* plan (sealed) and env are borrowed until it has ended. NULL: the journal cannot be written, so
 * nothing is done. */
struct job *job_start(const struct action_env *env, const struct plan *plan,
		      const struct job_options *options, const struct job_events *events, void *arg,
		      struct err *err);
void job_cancel(struct job *job);
void job_abandon(struct job **job); /* NULL allowed; sets NULL */

#endif
