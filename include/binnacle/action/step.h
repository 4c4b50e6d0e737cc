/*
 * action/step.h - what a step of a plan can be: a table of functions per kind.
 *
 * A kind checks that what the plan saw is still true, applies the change, and knows the way
 * back. What it knows about itself (does it need a typed answer?) stands in its row, so that
 * the dialog and the rules of --yes and --expect read the same facts.
 *
 * check and apply start and return; they end with step_finish, at any time, also before they
 * return. False means that they could not start: then step_finish must not be called.
 *
 *     static bool reload_apply(struct step_run *run, struct err *err)
 *     {
 *             struct reload *reload = run->state;
 *             reload->op = nginx_reload_start(control, on_reloaded, run);
 *             return true;
 *     }
 */
#ifndef BINNACLE_ACTION_STEP_H
#define BINNACLE_ACTION_STEP_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/action/plan.h"
#include "binnacle/base/err.h"

struct action_env;
struct job;
struct json;

/* One step under way. */
struct step_run {
	const struct action_env *env;
	const struct json *args; /* of the step */
	void *state; /* state_size zeroed bytes for the kind, kept until the step ends */
	/* Of the job: */
	struct job *job;
	size_t target, step;
};

struct step_kind {
	const char *name; /* "delete-endpoint": in plans, hashes and the journal, never changed */
	/* Is what the plan saw still true? ERR_CONFLICT: no. NULL: nothing to look at. */
	bool (*check)(struct step_run *run, struct err *err);
	bool (*apply)(struct step_run *run, struct err *err);
	/* Stop what is under way, step_finish will not be called. NULL: nothing to stop. */
	void (*cancel)(struct step_run *run);
	/* Add the inverse to a target of an undo plan: from args and from what was saved (an
	 * object, or NULL). False with the reason why there is none. NULL: never. */
	bool (*undo)(const struct action_env *env, const struct json *args,
		     const struct json *saved, struct plan_target *target, struct err *err);
	size_t state_size;
	enum plan_confirm confirm;
	unsigned typed_from;      /* that many targets ask for a typed answer; 0: never */
	bool typed_when_doubtful; /* so does a target with a warning */
	bool irreversible;
	bool undo_when_failed; /* it may break off half-way, and `undo` copes with that */
};

/* The step ends. err NULL: done; message (may be NULL) says what was done. */
void step_finish(struct step_run *run, const struct err *err, const char *message);

/*
 * Write a document that undo will need into the journal, synced, before the change is made. Takes
 * the document (an object); several are merged. False: it could not be written, then the change
 * must not be made.
 */
bool step_save(struct step_run *run, struct json *document, struct err *err);

const struct step_kind *step_kind_find(const char *name); /* NULL: unknown */
/* For tests and for kinds of other folders; static storage. */
void step_kind_register(const struct step_kind *kind);

/* action/step_*.c */
extern const struct step_kind step_delete_endpoint, step_release_address, step_release_orphan,
	step_restore_endpoint;
extern const struct step_kind step_write_policy, step_delete_policy;
extern const struct step_kind step_release_block, step_remove_node, step_restore_node,
	step_disconnect_record;
extern const struct step_kind step_register, step_deregister_agent, step_deregister_catalog,
	step_register_agent, step_register_catalog;
extern const struct step_kind step_render_write, step_render_apply, step_render_rollback,
	step_nginx_reload;
extern const struct step_kind step_mode, step_resync, step_force_leave;

#endif
