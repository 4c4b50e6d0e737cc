/*
 * render/runner.h - the half of the engine that renders: all templates, their data, their files.
 *
 *     runner = render_runner_new(loop, consul, &options, &events, state);
 *     render_runner_add(runner, &spec, &err);         (for each template)
 *     render_runner_start(runner);
 *     ...
 *     op = render_apply_start(runner, 0, &request, on_applied, state, &err);
 *     ...
 *     render_runner_free(runner);
 *
 * Each template is executed with the answers known so far; what it asks is watched; when nothing
 * is missing, its text is compared with the file. A difference waits for the quiet period, and
 * then, by mode:
 *
 *     auto  all that is due at once and not held by a brake: check, write, one reload, verify.
 *           If anything fails, the old files come back (and a reload that had begun is repeated
 *           with them). A text that failed is tried again after 30 s, then less and less often
 *           (10 minutes); one that was rolled back not before the data changes.
 *           Brakes: the file would become empty; it would lose more than half of its upstream
 *           servers; somebody else has changed it since it was written here.
 *     hold  the text is checked and kept for the operator
 *     off   somebody else renders here: only the difference is shown
 *
 * A template is executed again only when a dependency that it used has changed. Templates of the
 * same text and settings are executed once for all their files.
 *
 * Operations (render_*_start) are for plans that were confirmed: they carry the hashes of what
 * the operator saw and end with ERR_CONFLICT when that is no longer so. They run one after
 * another, and one after the other with what auto does. Completion rules: loop/loop.h.
 */
#ifndef BINNACLE_RENDER_RUNNER_H
#define BINNACLE_RENDER_RUNNER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "binnacle/base/digest.h"
#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/nginx/control.h"
#include "binnacle/render/diff.h"
#include "binnacle/render/target.h"

struct consul;
struct dep_set;
struct loop;
struct render_op;
struct render_runner;

enum render_mode { RENDER_AUTO, RENDER_HOLD, RENDER_OFF };
const char *render_mode_name(enum render_mode mode); /* "auto" "hold" "off" */
bool render_mode_parse(const char *text, enum render_mode *out);

enum render_state {
	RENDER_WAITING,    /* a dependency has no data yet: waiting_for */
	RENDER_CLEAN,      /* the file is what the data says */
	RENDER_PENDING,    /* it differs; the quiet period runs, or the mode is off */
	RENDER_HELD,       /* it differs, and mode hold or a brake keeps it back */
	RENDER_VALIDATING, /* the check runs */
	RENDER_RENDERING,  /* the file is being written, or the command runs */
	RENDER_RELOADING,  /* written; nginx takes it */
	RENDER_FAILED,     /* see err; the file is the last good one */
	RENDER_STATE_COUNT
};
const char *render_state_name(enum render_state state); /* "clean" "PENDING" "HELD" … */

enum render_verdict { RENDER_UNCHECKED, RENDER_CHECK_OK, RENDER_CHECK_FAIL };

struct render_options {
	enum render_mode mode;
	const char *state_dir;            /* NULL: target_state_dir() */
	int64_t wait_min_ms, wait_max_ms; /* quiet period; 0: none. max 0: 4 x min */
	bool no_stale;                    /* ask the leader for every answer */
	size_t watch_limit;               /* of one runner; 0: 100000 */
	int64_t retry_ms;                 /* the first delay after a failure; 0: 30 s */
	/* Write whatever the data says, and look at the files only when the data changes: for
	 * standing in for a program that has no brakes. */
	bool no_brakes;
	bool no_automatic_check; /* do not check what is held */
	/* Several templates may write one file; whoever delivers them sees to the order. */
	bool shared_destinations;
	/* An error counts although answers are missing; else it may come from their absence, and
	 * the template waits. */
	bool early_errors;
	bool execute_all; /* all templates, when the answers of one have changed */
	/* Templates may run programs (plugin) and, unless dry, write files (writeToFile). */
	bool effects, dry_effects;
	/* "NAME=value" that templates see before the environment; ends in NULL, borrowed. */
	const char *const *env;
};

/* Copied. */
struct render_template {
	const char *name;   /* unique; NULL: the destination's file name, or its path when taken */
	const char *source; /* the template's file; or */
	const char *contents; /* its text. Exactly one of both */
	const char *destination;
	struct nginx_control *nginx; /* borrowed; NULL: none. Checks and reloads */
	/* Run after writing (with nginx: after its reload): given to `sh -c`. The same command of
	 * several templates written together runs once. */
	const char *command;
	int64_t command_timeout_ms; /* 0: 30 s */
	bool keep_written;          /* a failing command does not bring the old file back */
	bool own_wait;              /* use the two below, not the runner's */
	int64_t wait_min_ms, wait_max_ms;
	mode_t perms; /* 0: keep */
	bool backup;
	bool no_create_dirs;
	const char *left_delimiter, *right_delimiter; /* NULL: {{ }} */
	bool error_on_missing_key;
	const char *const *denied; /* functions that fail when called, ends in NULL; NULL: none */
	const char *sandbox;       /* folder that `file` may not leave; NULL: none */
};

struct render_status {
	const char *name, *source, *destination; /* source "(contents)" when given as text */
	const char *nginx;                       /* name of its nginx, or "" */
	const char *command;                     /* or "" */
	enum render_state state;
	const char *const *waiting_for;  /* canonical texts of dependencies */
	const int64_t *waiting_since_ms; /* wall time, of each */
	size_t waiting_count;
	int64_t since_ms;      /* wall time since when it is in this state */
	size_t added, removed; /* lines that the pending text adds and removes */
	enum render_verdict check;
	const char *check_message; /* with the original file and line; "" */
	const char *check_file;    /* "" */
	unsigned check_line;
	int64_t check_ms;    /* how long it took */
	const char *trigger; /* "web (+1), cart (-1)": what changed since the last clean state */
	/* Of the last execution: "health.service(web|passing) (+1)", the dependencies that made it
	 * necessary, or "the start"; when it was, wall time, 0: there was none. */
	const char *cause;
	int64_t executed_ms;
	size_t dependencies; /* that it asked for */
	const char *brake;   /* why it is held back though the mode is auto; "" */
	int64_t written_ms;  /* wall time of the file's last change; 0: no file */
	int64_t loaded_ms;   /* when nginx took it; 0: unknown */
	bool not_loaded;     /* the file is newer than what nginx took */
	size_t generations;
	const struct target_generations *kept; /* as last listed */
	bool has_pending; /* a complete text is known (equal to the file or not) */
	char pending_sha256[DIGEST_HEX_BYTES]; /* "" when not */
	char live_sha256[DIGEST_HEX_BYTES];    /* of the file as last read; absent: of "" */
	uint64_t executions;                   /* grows with each */
	/* Why an answer that it uses is missing or out of date: "kv.block(a): …"; "" */
	const char *trouble;
	struct err err;         /* of RENDER_FAILED; code ERR_NONE otherwise */
	const char *error_text; /* the same whole, where it has several lines */
	bool is_unreadable;     /* err is of the file that is there, not of the template */
};

/* What a runner tells. Members may be NULL. */
struct render_events {
	/* A template's status differs from what it was; several changes in one turn give one call.
	 */
	void (*changed)(void *arg, size_t index);
};

struct render_runner *render_runner_new(struct loop *loop, struct consul *consul,
					const struct render_options *options,
					const struct render_events *events, void *arg);
void render_runner_free(struct render_runner *runner); /* cancels operations */

/* Reads and parses the template. False: unreadable, malformed, name or destination taken. */
bool render_runner_add(struct render_runner *runner, const struct render_template *spec,
		       struct err *err);
void render_runner_start(struct render_runner *runner);
/* No watches, timers or automatic work any more; what is known stays. Operations under way end. */
void render_runner_stop(struct render_runner *runner);

enum render_mode render_runner_mode(const struct render_runner *runner);
void render_runner_set_mode(struct render_runner *runner, enum render_mode mode);

/* What all answers together cost Consul. */
struct render_load {
	size_t connections; /* requests under way, those of others that share the client included */
	size_t waiting;     /* blocking queries that wait for their turn */
	size_t dependencies; /* that are answered */
};
void render_load(const struct render_runner *runner, struct render_load *out);

size_t render_count(const struct render_runner *runner);
/* Borrowed until the loop turns; the texts in it too. */
const struct render_status *render_status(const struct render_runner *runner, size_t index);
/* Index of a template by name or destination; false: none. */
bool render_find(const struct render_runner *runner, const char *name, size_t *index);
/* What its last execution asked for (tmpl/deps.h). Borrowed until the loop turns. */
const struct dep_set *render_used(const struct render_runner *runner, size_t index);
/* NULL when the text is not known yet. Borrowed until the loop turns. */
const struct strbuf *render_pending_text(const struct render_runner *runner, size_t index);
/* The file as last read. */
const struct strbuf *render_live_text(const struct render_runner *runner, size_t index);
/* Read the file again (somebody may have changed it) and judge the state anew. */
void render_refresh(struct render_runner *runner, size_t index);
/* From the file to the pending text; the caller releases. False: no pending text. */
bool render_diff(const struct render_runner *runner, size_t index, size_t context_lines,
		 struct diff *out);
/* The texts it has held; the caller releases. */
bool render_generations(const struct render_runner *runner, size_t index,
			struct target_generations *out, struct err *err);
bool render_generation_text(const struct render_runner *runner, size_t index, uint64_t generation,
			    struct strbuf *out, struct err *err);

/* Any of them by its name: "live" the file, "pending", or the number of a generation. */
bool render_text_named(const struct render_runner *runner, size_t index, const char *name,
		       struct strbuf *out, struct err *err);

/* Somebody else made this nginx take what is on disk (nginx_reload_start): not NOT LOADED now. */
void render_note_loaded(struct render_runner *runner, const struct nginx_control *nginx);

/* The check of a template's pending text alone (live text when there is none). Without an nginx
 * the start fails. The verdict also goes into the status. */
struct render_op *render_check_start(struct render_runner *runner, size_t index,
				     nginx_check_fn *done, void *arg, struct err *err);

enum render_flags {
	RENDER_DO_WRITE = 1,
	RENDER_DO_RELOAD = 2, /* reload nginx; run the command */
};

struct render_apply {
	unsigned flags;
	/* What the operator saw; NULL: whatever it is. */
	const char *pending_sha256, *live_sha256;
};

struct render_applied {
	bool ok;
	bool written;        /* the file holds the new text now */
	bool restored;       /* it was written, something failed, and the old text is back */
	bool reloaded;       /* nginx (or the command) took it */
	uint64_t generation; /* what it held before is kept under this id; 0: nothing written */
	enum nginx_outcome steps[NGINX_STEP_COUNT]; /* of the reload */
	const char *message;                        /* one sentence, also when ok */
	struct err err; /* code ERR_NONE when ok; ERR_CONFLICT: nothing was done */
};
typedef void render_done_fn(void *arg, const struct render_applied *result);

/* Check, write, reload as flags say; brakes and mode do not matter. */
struct render_op *render_apply_start(struct render_runner *runner, size_t index,
				     const struct render_apply *apply, render_done_fn *done,
				     void *arg, struct err *err);
/* Bring a generation back: check, write (keeping the present text), reload. live_sha256 as in
 * struct render_apply. The data's text is then held back until it changes. */
struct render_op *render_rollback_start(struct render_runner *runner, size_t index,
					uint64_t generation, const char *live_sha256,
					render_done_fn *done, void *arg, struct err *err);
/*
 * The completion does not run. What had not begun is not done; a write that was made but not
 * yet confirmed by the reload is completed in the background, with its way back.
 */
void render_op_cancel(struct render_op **op); /* NULL allowed; sets NULL */

#endif
