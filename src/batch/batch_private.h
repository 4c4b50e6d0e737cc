/*
 * batch_private.h - what the files of batch/ share.
 */
#ifndef BATCH_PRIVATE_H
#define BATCH_PRIVATE_H

#include "binnacle/batch/batch.h"
#include "binnacle/command/command.h"
#include "output.h"

struct loop_fd;

/* A command that is being run. */
struct batch_call {
	struct batch_streams streams;
	struct output output;
	struct action_env *env;
	struct command_line *line; /* the call's */
	struct command_call *call; /* NULL once it has ended */
	enum command_status status;
	/* Results of the targets so far; strings are owned. */
	struct output_result *results;
	size_t result_count, result_cap, failed_count;
	const struct plan *plan;
	bool progress_shown; /* a line on the terminal waits to be overwritten */
	/* The question (confirm.c): */
	struct loop_fd *asking;
	int tty;
	struct strbuf typed;
	bool refused; /* not asked at all: a confirmation is missing */
};

/* The front end's `confirm`. */
void batch_confirm(void *arg, struct command_call *call, const struct plan *plan);
void batch_stop_asking(struct batch_call *call);
/* A line on standard error: "binnacle: …", cleaned. */
void batch_complain(const struct batch_call *call, const char *fmt, ...) PRINTF_LIKE(2, 3);

void batch_help(FILE *out);
void batch_help_command(FILE *out, const struct command *command);

#endif
