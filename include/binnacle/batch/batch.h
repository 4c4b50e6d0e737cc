/*
 * batch/batch.h - `binnacle --batch …`: commands without a screen.
 *
 *     request = batch_parse(argc, argv, &status);       (argv after "--batch")
 *     if (!request)
 *             return status;                            (help, or a usage error: already printed)
 *     parts = batch_parts(request);                     (what to start)
 *     … start the engine …
 *     status = batch_run(request, loop, env);
 *     batch_free(request);
 *
 * batch_parse contacts nothing, so that help and typing errors answer at once. batch_run turns
 * the loop until the last command has ended and gives the exit status of console.md's table
 * (command/command.h: enum command_status); SIGINT and SIGTERM stop between steps and give
 * 128 + n. Data goes to standard output; progress, questions, warnings and errors go to standard
 * error. Texts from outside are cleaned where they are printed for people.
 *
 * `-f FILE` runs a script: one command per line, `#` comments.
 */
#ifndef BINNACLE_BATCH_BATCH_H
#define BINNACLE_BATCH_BATCH_H

#include <stdbool.h>
#include <stdio.h>

struct action_env;
struct batch_request;
struct loop;

/* Where it prints and asks; zero: standard output, standard error, /dev/tty. For tests. */
struct batch_streams {
	FILE *out, *err;
	int width;    /* of the terminal behind out, in cells; 0: it is none */
	bool no_tty;  /* nobody can be asked */
	FILE *answer; /* instead of /dev/tty */
};

/* NULL: nothing to run, *status is the exit status. argv may end with options of the line. */
struct batch_request *batch_parse(int argc, const char *const *argv,
				  const struct batch_streams *streams, int *status);
void batch_free(struct batch_request *request); /* NULL allowed */

/* The tables that the commands need: MODEL_BIT of model/model.h. What fills none of them need
 * not be started, except that actions may need their client in the env. */
unsigned batch_needs(const struct batch_request *request);
/* Whether one of the commands changes something. */
bool batch_changes(const struct batch_request *request);

int batch_run(struct batch_request *request, struct loop *loop, struct action_env *env);

#endif
