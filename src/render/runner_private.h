/*
 * What runner.c (all templates), job.c (one template) and op.c (writing and reloading) share.
 */
#ifndef RENDER_RUNNER_PRIVATE_H
#define RENDER_RUNNER_PRIVATE_H

#include <sys/stat.h>

#include "binnacle/loop/backoff.h"
#include "binnacle/render/runner.h"
#include "binnacle/tmpl/tmpl.h"
#include "effects.h"
#include "given.h"
#include "source.h"
#include "trace.h"

struct loop_deferred;
struct loop_timer;

struct render_trigger {
	char *what;
	long delta;
};

struct render_job {
	struct render_runner *runner;
	size_t index;
	struct render_template spec; /* strings owned */
	struct target_spec target;   /* strings borrowed from spec and the runner */
	struct tmpl *tmpl;
	char identity[DIGEST_HEX_BYTES]; /* of its text and of what else decides its output */

	/* of the last execution */
	struct given *given; /* answers that somebody else asks for; NULL: we ask for all */
	bool must_execute;
	struct arena host;       /* its addresses, as the last execution saw them */
	struct effects *effects; /* NULL: templates may only give text */
	uint64_t executions;
	struct dep_set used, missing;
	struct render_trace trace;
	struct err exec_err;     /* code ERR_NONE: it went well */
	struct strbuf exec_text; /* the same whole, with its lines; may be empty */
	bool has_pending;
	struct strbuf pending;
	char pending_sha256[DIGEST_HEX_BYTES];

	/* the file */
	struct strbuf live;
	bool live_exists;
	struct err live_err; /* it cannot be read */
	char live_sha256[DIGEST_HEX_BYTES];
	struct stat seen;
	char settled[DIGEST_HEX_BYTES]; /* what we last left in it; "": nothing yet */
	int64_t written_ms, loaded_ms;
	bool is_unloaded; /* written by us, and no reload since */
	/* The same, but by a life of ours that ended before the reload or the command did: done
	 * now, and when that fails, again when the timer ends. */
	bool is_owed;
	struct loop_timer *owed_timer;
	struct backoff owed_backoff;
	struct target_generations kept;

	size_t added, removed;
	struct loop_timer *quiet;
	int64_t quiet_until_ms; /* when the quiet period ends at the latest; 0: none runs */

	/* a text that is not tried again by itself */
	char refused[DIGEST_HEX_BYTES];
	struct err refused_err; /* it failed; code ERR_NONE: it was rolled back */
	struct strbuf refused_why;
	struct loop_timer *retry; /* what failed is tried again, less and less often */
	struct backoff retry_backoff;

	struct strbuf brake, trouble;
	struct render_trigger *triggers;
	size_t trigger_count, trigger_cap;
	struct strbuf trigger_text;

	enum render_verdict verdict; /* of the text `checked` */
	char checked[DIGEST_HEX_BYTES];
	struct strbuf check_message, check_file;
	unsigned check_line;
	int64_t check_ms;
	struct nginx_check *check; /* the automatic one */

	enum render_state state;
	int64_t since_ms;
	bool is_busy; /* an operation has it, in the state `busy` */
	enum render_state busy;
	struct render_status status;
	bool is_changed;
};

struct render_runner {
	struct loop *loop;
	struct consul *consul;
	struct render_options options;
	char *state_dir;
	struct render_events events;
	void *arg;
	struct render_source *source; /* NULL: stopped */
	struct render_job **jobs;
	size_t count, cap;
	bool is_first_pass;
	struct loop_deferred *pass, *notify;
	struct loop_timer *look;  /* at the files */
	struct render_op *ops;    /* writing ones; the first runs, the others wait */
	struct render_op *checks; /* of operators */
};

/* job.c */
struct render_job *job_new(struct render_runner *runner, const struct render_template *spec,
			   struct err *err);
void job_free(struct render_job *job);
void job_execute(struct render_job *job);
/* The answer as its executions see it; NULL: not known. */
const struct tmpl_value *job_lookup(const struct render_job *job, const struct dep *dep);
/* It uses that dependency (by its text), and nobody else asks for it. */
bool job_asks(const struct render_job *job, const char *text);
void job_read_live(struct render_job *job);
/* True when the file is not the one that was read last. */
bool job_is_outdated(const struct render_job *job);
void job_list_generations(struct render_job *job);
void job_judge(struct render_job *job);
bool job_is_due(const struct render_job *job);            /* auto may write it now */
bool job_is_owed(const struct render_job *job);           /* auto may do now what is owed for it */
void job_owe(struct render_job *job, const char *sha256); /* of the text to be written */
void job_pay(struct render_job *job);
void job_put_off(struct render_job *job); /* paying has failed */
void job_touch(struct render_job *job);   /* its status is another */
void job_set_busy(struct render_job *job, enum render_state busy);
void job_add_trigger(struct render_job *job, const struct dep *dep, long delta);
void job_set_verdict(struct render_job *job, const char *sha256,
		     const struct nginx_check_result *result, bool is_reached,
		     const struct err *err);
void job_check_held(struct render_job *job);
void job_refuse(struct render_job *job, const char *sha256, const struct err *err, const char *why);
void job_allow(struct render_job *job);
void job_settle(struct render_job *job); /* what is in the file now is our doing */
void job_fill_status(struct render_job *job);

/* runner.c */
void runner_schedule(struct render_runner *runner);
void runner_notify(struct render_runner *runner);

/* op.c */
void op_start_automatic(struct render_runner *runner);
void op_cancel_all(struct render_runner *runner);

#endif
