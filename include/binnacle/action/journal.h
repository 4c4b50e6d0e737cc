/*
 * action/journal.h - the record of all that was done, refused or canceled from here.
 *
 * $XDG_STATE_HOME/binnacle/journal.jsonl, else /var/lib/binnacle for root and
 * ~/.local/state/binnacle for others; mode 0600, append-only, one JSON object per line, each
 * line synced before the change that it announces. Consoles and batch calls share it.
 *
 *     {"id":31,"event":"begin","time":…,"user":…,"verb":…,"plan":…,"targets":[…]}
 *     {"id":31,"event":"about","target":0,"step":0,"kind":"delete-endpoint"}
 *     {"id":31,"event":"save","target":0,"step":0,"document":{…}}
 *     {"id":31,"event":"step","target":0,"step":0,"result":"done","message":…}
 *     {"id":31,"event":"end","result":"done","done":1,"failed":0,…,"targets":[…]}
 *
 * A process that died leaves a `begin` without an `end`; the reader sees how far it came. A torn
 * last line (a full disk, a crash) is skipped. Tokens, values and texts of files never stand in
 * it; documents that undo needs do, hence the mode.
 */
#ifndef BINNACLE_ACTION_JOURNAL_H
#define BINNACLE_ACTION_JOURNAL_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/action/job.h"
#include "binnacle/base/err.h"

struct action_env;
struct journal;
struct json;
struct model;
struct plan;

/*
 * folder NULL: as above. The file is made when it is first written. model (may be NULL) gets the
 * table of the journal now and after each change.
 */
struct journal *journal_open(const char *folder, struct model *model, struct err *err);
void journal_close(struct journal *journal); /* NULL allowed */
const char *journal_path(const struct journal *journal);

/* Each appends one line. The id that begin gives out is one more than the last in the file. */
bool journal_begin(struct journal *journal, const struct plan *plan,
		   const struct job_options *options, int64_t *id, struct err *err);
bool journal_about(struct journal *journal, int64_t id, size_t target, size_t step,
		   const char *kind, struct err *err);
bool journal_save(struct journal *journal, int64_t id, size_t target, size_t step,
		  const struct json *document, struct err *err);
bool journal_step(struct journal *journal, int64_t id, size_t target, size_t step,
		  const char *result, const char *message, struct err *err);
/* targets: an array of {"target","result","error"}; borrowed. */
bool journal_end(struct journal *journal, int64_t id, const char *outcome,
		 const struct job_result *result, const struct json *targets, struct err *err);
/* A plan that was not executed: outcome "refused" or "canceled". plan NULL: only the verb. */
bool journal_not_done(struct journal *journal, const char *verb, const struct plan *plan,
		      const struct job_options *options, const char *outcome, const char *why,
		      struct err *err);
/* Something that is no plan but belongs on the record: a secret that was shown. */
bool journal_note(struct journal *journal, const char *verb, const char *text, struct err *err);

/*
 * Another process may ask a job to stop between steps, as job_cancel does: by a file beside the
 * journal that the job looks for, and that it removes when it has ended.
 */
bool journal_ask_cancel(const struct journal *journal, int64_t id, struct err *err);
bool journal_is_cancel_asked(const struct journal *journal, int64_t id);
void journal_forget_cancel(const struct journal *journal, int64_t id);

/* What one plan came to, put together from its lines. */
struct journal_entry {
	int64_t id, time_ms, took_ms;
	char *user, *verb, *targets, *plan_hash, *front_end, *undo;
	char *result; /* "done" "partly" "failed" "canceled" "refused" "interrupted" "running" */
	char *why;
	struct json *begin; /* the begin line; NULL when it is not in what was read */
	struct json *steps; /* array: its "step" and "save" lines in order */
	size_t steps_done, steps_total;
	bool reversible; /* something was done and nothing says that it cannot be undone */
};
struct journal_entries {
	struct journal_entry *items; /* newest first */
	size_t len, cap;
};
/* Read the newest entries, at most `limit`, from the last JOURNAL_READ_BYTES of the file. A file
 * that is not there is an empty journal. */
#define JOURNAL_READ_BYTES (32u << 20)
bool journal_read(const struct journal *journal, size_t limit, struct journal_entries *out,
		  struct err *err);
void journal_entries_release(struct journal_entries *entries);

/*
 * The plan that reverses an entry: inverse steps of what was done, in reverse order. id 0: the
 * newest that can be reversed and was not. NULL with the reason; what cannot be undone is in
 * plan->skipped.
 */
struct plan *journal_undo_plan(const struct journal *journal, const struct action_env *env,
			       int64_t id, struct err *err);

/* Publish the table of the journal again: another process may have written. */
void journal_publish(struct journal *journal);

#endif
