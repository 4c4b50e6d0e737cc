/*
 * loop/child.h - run a program: argv (never a shell line made of data), time limit, bounded
 * output.
 *
 * The child gets a process group of its own; when it is killed, the group is. Standard input is
 * /dev/null; standard output and error are collected together, in order, up to
 * LIMIT_CHILD_OUTPUT (the rest is read and dropped); with `inherit` all three are ours. All other
 * descriptors are close-on-exec. With `stream` the child also gets a session of its own: it has no
 * terminal, so that it cannot ask anything on ours.
 */
#ifndef BINNACLE_LOOP_CHILD_H
#define BINNACLE_LOOP_CHILD_H

#include <stdbool.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct child;
struct loop;

struct child_spec {
	const char *const *argv; /* NULL-terminated; argv[0] is looked up in PATH */
	const char *const *env;  /* NULL-terminated "K=V" added to ours; may be NULL */
	const char *cwd;         /* NULL: ours */
	int64_t timeout_ms;      /* 0: none. Then SIGTERM, and SIGKILL two seconds later */
	bool only_env;           /* `env` is the whole environment; PATH is still ours */
	bool inherit;            /* standard input, output and error are ours */
	/* Descriptor (not 0) that is its standard input and output; only standard error is
	 * collected. It stays the caller's, to be closed after the start. 0: none. */
	int stream;
	/* Signals and the time limit reach the program itself and nobody that it has started, and
	 * the limit sends SIGKILL at once. */
	bool alone;
};

struct child_result {
	int exit_code; /* 0 to 255; 128 + n when ended by signal n */
	bool timed_out;
	int64_t took_ms;
	const struct strbuf *output; /* borrowed */
};

typedef void child_done_fn(void *arg, const struct child_result *result);

/*
 * NULL with err when it cannot be started (no such program, no permission). It is over when the
 * program itself has ended: a daemon that it leaves behind does not delay `done`.
 */
struct child *child_run(struct loop *loop, const struct child_spec *spec, child_done_fn *done,
			void *arg, struct err *err);
/* What it has written so far, read now. Borrowed until the loop turns. */
const struct strbuf *child_output(struct child *child);
/* Send a signal to its process group (with `alone`: to itself). */
void child_signal(struct child *child, int number);
/* Let it run on by itself; `done` does not run. NULL allowed; sets NULL. */
void child_forget(struct child **child);
/* Kill the group (SIGKILL) and forget it; `done` does not run. NULL allowed; sets NULL. */
void child_cancel(struct child **child);

#endif
