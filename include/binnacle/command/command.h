/*
 * command/command.h - one table of commands for keys, palette and --batch.
 *
 *     key --key table--> "deregister" + selection  \
 *     ":" --palette----> "deregister ID ..."        > command_start --> row.run or row.plan
 *     --batch ---------> "deregister ID ..."       /
 *
 * A row either looks (`run`) or changes (`plan`: it returns a plan and does nothing itself).
 * For a plan the front end is asked to confirm it; then it is executed by action/job.h. So a
 * change that skips the confirmation cannot be written.
 *
 * Commands about the screen are in a second table that only the TUI registers, with the same
 * struct (command_register).
 */
#ifndef BINNACLE_COMMAND_COMMAND_H
#define BINNACLE_COMMAND_COMMAND_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/model/snapshot.h"

struct action_env;
struct command_call;
struct job;
struct json;
struct loop_deferred;
struct loop_timer;
struct model_watch;
struct plan;
struct row_view;
struct table;

/* Exit statuses of --batch, and the outcome of a call anywhere. */
enum command_status {
	COMMAND_DONE = 0,
	COMMAND_FAILED = 1, /* nothing was changed */
	COMMAND_USAGE = 2,
	COMMAND_PARTLY = 3,
	COMMAND_UNREACHABLE = 4, /* a needed backend cannot be reached or answers stale */
	COMMAND_DENIED = 5,
	COMMAND_REFUSED = 6, /* by mode or by a brake */
	COMMAND_UNCONFIRMED = 7,
	COMMAND_PLAN_CHANGED = 8,
	COMMAND_DIFFERENCES = 9,
	COMMAND_TIMEOUT = 124,
};

/* A parsed line: verb, words, options. Strings are owned by it. */
struct command_line {
	char *verb;   /* "clean endpoints", "list", … the longest that matches a row */
	char **words; /* what follows, without options */
	size_t word_count;
	/* Options of all commands; each row says which it takes (see `options`). */
	char *output; /* table json jsonl csv */
	char *filter, *sort, *columns, *plan_hash, *dc, *node, *time, *color, *file, *from, *to;
	int64_t older_ms, expect, limit, timeout_ms; /* -1: not given */
	bool yes, dry_run, exit_code, wide, no_header, quiet, verbose, stat, allow_stale, all,
		csv_safe, help, keep_going, fields, no_release;
};

/*
 * The front end: how a call shows things and asks. In the TUI these open views and dialogs, in
 * --batch they print. All texts from outside are as they came: the front end cleans them.
 */
struct command_front {
	const char *name; /* "console" "batch": for the journal */
	/* A person sees the age of the data and decides: stale data is no error, and nothing waits
	 * for evidence to ripen. False: a script. */
	bool interactive;
	/* Rows of a table (list); view is borrowed. */
	void (*rows)(void *arg, const struct table *table, const struct row_view *view,
		     const struct snapshot *snapshot, const struct command_line *line);
	/* One object: detail lines as table.detail writes them, and all as JSON (borrowed). */
	void (*object)(void *arg, const char *kind, const char *id, const char *detail,
		       const struct json *json, const struct command_line *line);
	/* Plain text or a unified diff. */
	void (*text)(void *arg, const char *title, const char *text, size_t len, bool is_diff);
	/* One line: progress, warnings. level as in base/log.h. */
	void (*message)(void *arg, int level, const char *text);
	/*
	 * Ask for a plan: command_answer must be called exactly once, later or at once. When
	 * call->looking_only, only show it, and answer no.
	 */
	void (*confirm)(void *arg, struct command_call *call, const struct plan *plan);
	/* Progress and result of one target of a running job. result "done" "failed" "skipped". */
	void (*target)(void *arg, const struct plan *plan, size_t target, const char *result,
		       const char *error, const char *undo);
	/* The call ended; it is freed after this returns. err: NULL when there is nothing to say.
	 */
	void (*ended)(void *arg, struct command_call *call, enum command_status status,
		      const struct err *err);
};

struct command {
	const char *verb;    /* one or two words: "apply", "clean endpoints" */
	const char *args;    /* "[TEMPLATE ...]" */
	const char *summary; /* one line of help, without a full stop */
	const char *help;    /* some lines more; may be NULL */
	const char *options; /* option names it takes, blank-separated: "older node yes …" */
	const char *output;  /* what --output is by default; NULL: table */
	/* The words --output may be, where the row writes the forms itself; NULL: those of all. */
	const char *outputs;
	int table; /* enum model_table its words name, -1: none */
	/* Tables (MODEL_BIT) that must have been published before run or plan begins; further
	 * ones that depend on the line. */
	unsigned needs;
	unsigned (*needs_of)(const struct command_line *line);
	bool tolerant; /* runs also when a source has not answered: status */
	/*
	 * For scripts, which have just started: whether what the row needs is complete. Asked again
	 * after each change, for ready_patience_ms at most; then the row runs all the same.
	 * ready_for says what is waited for.
	 */
	bool (*ready)(const struct command_call *call);
	int64_t ready_patience_ms;
	const char *ready_for;
	/* The plan is made from the tables alone: it is made again when an answer comes after they
	 * have changed, and the question is asked again when the plan has changed too much. */
	bool looks_again;
	bool takes_selection; /* in the TUI: words come from marks or cursor of that table */
	/* Exactly one of the two. Both start work and return; false: failed at once with err.
	 * They end with command_end or hand over a plan with command_propose (takes it). */
	bool (*run)(struct command_call *call, struct err *err);
	bool (*plan)(struct command_call *call, struct err *err);
	void (*cancel)(struct command_call *call); /* stop what `state` has under way */
	size_t state_size;
};

/* ORDER PHASE */
enum command_phase {
	COMMAND_WAITING, /* for the tables that it needs */
	COMMAND_LOOKING, /* the row's run or plan is at work */
	COMMAND_ASKING,  /* the front end has the plan */
	COMMAND_ACTING,  /* the job runs */
	COMMAND_ENDING,
};

struct command_call {
	const struct command *command;
	struct command_line *line;
	struct action_env *env;
	const struct command_front *front;
	void *front_arg;
	void *state; /* state_size zeroed bytes for the row */
	struct plan *plan;
	bool looking_only; /* --dry-run: end after the plan was shown */
	const char *answered;
	struct plan *asked; /* the one that was answered with yes, while it is made again */
	struct snapshot *seen[MODEL_TABLE_COUNT]; /* the tables when the plan was made; or NULL */
	const char *confirmation; /* set before command_answer(yes): "--yes"; NULL: by the plan */
	/* Of command.c: */
	struct job *job;
	struct loop_deferred *deferred;
	struct loop_timer *patience, *deadline;
	struct model_watch *watch;
	enum command_phase phase;
	unsigned needs;
	enum command_status status;
	struct err err;
	bool ripening; /* waits for `ready` */
	bool canceled, timed_out;
};

/* All rows, the built-in ones first. */
size_t command_count(void);
const struct command *command_at(size_t index);
const struct command *command_find(const char *verb);
void command_register(const struct command *commands, size_t count); /* static storage */
bool command_changes(const struct command *command);                 /* has `plan` */

/* An option of the language: "--older AGE". */
struct command_option {
	const char *name;  /* without the dashes */
	char letter;       /* "-o"; 0: none */
	const char *value; /* what it takes, "AGE"; NULL: it is a switch */
	const char *help;
	const char *values; /* the words it may be, blank-separated; NULL: anything */
};
size_t command_option_count(void);
const struct command_option *command_option_at(size_t index);
/* Every command takes help, output, quiet and the like; those that change something also yes,
 * dry-run, plan, expect and the like; the rest is in the row. */
bool command_takes_option(const struct command *command, const char *name);

/* A fresh line with all options not given. */
struct command_line *command_line_new(void);

/* Words as a shell splits them (quotes, backslash), then options. */
struct command_line *command_parse(const char *text, struct err *err);
struct command_line *command_parse_words(const char *const *words, size_t count, struct err *err);
void command_line_free(struct command_line *line);

/* Start a call; takes line. The front end hears everything from the loop, `ended` last. NULL
 * when the line is wrong (err); then line is freed and `ended` does not run. */
struct command_call *command_start(struct command_line *line, struct action_env *env,
				   const struct command_front *front, void *front_arg,
				   struct err *err);
/* The operator's answer to `confirm`. no: ends with COMMAND_UNCONFIRMED and journals it. */
void command_answer(struct command_call *call, bool yes);
/* Stop between steps; `ended` still runs. */
void command_cancel(struct command_call *call);
/* Free at once, `ended` does not run: at exit. */
void command_abandon(struct command_call **call);

/* For rows: */
void command_end(struct command_call *call, enum command_status status, const struct err *err);
void command_propose(struct command_call *call, struct plan *plan);
enum command_status command_status_of(const struct err *err);

/* Completion for the palette: candidates for the text so far, best first. The strings belong to
 * the list. */
/* Each is the whole line with the candidate in the place of the last word. */
struct completion {
	char **texts;
	size_t count, cap;
};
void command_complete(const char *text, const struct action_env *env, struct completion *out);
void completion_release(struct completion *list);

#endif
