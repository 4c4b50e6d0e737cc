/*
 * action/plan.h - a change as data, before it happens.
 *
 *     command -> plan -> confirm -> job (per step: check, apply, record) -> journal -> undo plan
 *
 * A plan is a verb and targets sorted by identity; each target has an ordered list of steps. A
 * step names its kind (action/step.h) and carries its arguments as a JSON object: what was seen
 * ("before", with its version: Consul index, Calico revision, file hash) and what shall be. The
 * hash over all that names the plan: the same state of the world gives the same hash, so a
 * script can print a plan, look at it, and act only if it is still the same.
 *
 * The dialog, --dry-run and the journal print plans with the functions here.
 */
#ifndef BINNACLE_ACTION_PLAN_H
#define BINNACLE_ACTION_PLAN_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/strbuf.h"

struct json;
struct step_kind;

enum plan_confirm {
	PLAN_CONFIRM_NONE,  /* nothing changes (check) */
	PLAN_CONFIRM_YES,   /* y */
	PLAN_CONFIRM_TYPED, /* the answer of plan_typed_answer */
};

struct plan_step {
	const struct step_kind *kind;
	struct json *args; /* owned */
	char *sentence;    /* "delete workloadEndpoint … (revision 812)" */
};

struct plan_target {
	char *kind, *id; /* "endpoint", its identity */
	char *label;     /* how people call it */
	char *group;     /* node; targets are listed by it. May be "" */
	char *evidence;  /* why it may be touched */
	char *warning;   /* what is not sure; "" */
	char *preview;   /* lines that show what will be, after "+ " and "- "; "" */
	struct plan_step *steps;
	size_t step_count, step_cap;
};

struct plan {
	char *verb;                       /* "clean endpoints" */
	char *title;                      /* "Remove 12 Calico endpoints?" */
	char *operation;                  /* the exact route */
	char *effect, *undo, *comes_back; /* sentences; "" to leave the line out */
	char *batch;                      /* the same as a --batch call, without --yes and --plan */
	char *button;                     /* "Remove 12" */
	char *data_age;                   /* "consul 1s, docker 2s"; not part of the hash */
	char *typed; /* what must be typed, where it is neither count nor label: a node's name */
	struct plan_target *targets;
	size_t target_count, target_cap;
	char **skipped; /* sentences: what was asked for and is not in the plan, and why */
	size_t skipped_count, skipped_cap;
	enum plan_confirm confirm;
	bool irreversible;
	/* The targets build on each other: they stay in the order in which they were added, are
	 * worked off one by one, and the first that is not done ends the job. */
	bool in_order;
	int64_t made_ms;
	char hash[17]; /* hex, after plan_seal */
};

struct plan *plan_new(const char *verb);
void plan_free(struct plan *plan);

/* Replace one of the strings of a plan or target: plan_set(&plan->title, "…%s…", …). */
void plan_set(char **field, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct plan_target *plan_add_target(struct plan *plan, const char *kind, const char *id,
				    const char *label); /* valid until the next add */
/* Take the one that was added last away again. */
void plan_drop_target(struct plan *plan);
/* Takes args (an object). */
void plan_add_step(struct plan_target *target, const struct step_kind *kind, struct json *args,
		   const char *fmt, ...) PRINTF_LIKE(4, 5);
void plan_skip(struct plan *plan, const char *fmt, ...) PRINTF_LIKE(2, 3);

/*
 * Sort the targets, raise `confirm` to what the step kinds ask for (action/step.h) and compute
 * the hash over verb, targets and steps. From now on the plan is constant.
 */
void plan_seal(struct plan *plan);
/* The number of steps of all targets. */
size_t plan_step_total(const struct plan *plan);

/* What must be typed for PLAN_CONFIRM_TYPED: the count for several targets, the label for one;
 * in a production datacenter both and its name ("12 dc1"). */
void plan_typed_answer(const struct plan *plan, const char *production_dc, struct strbuf *out);

void plan_print(const struct plan *plan, struct strbuf *out); /* readable, many lines, cleaned */
struct json *plan_to_json(const struct plan *plan);

#endif
