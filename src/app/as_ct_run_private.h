/*
 * as_ct_run_private.h - what as_ct_make.c (the beginning) and as_ct_run.c (the rest) share.
 */
#ifndef BINNACLE_APP_AS_CT_RUN_PRIVATE_H
#define BINNACLE_APP_AS_CT_RUN_PRIVATE_H

#include "binnacle/render/runner.h"
#include "as_ct_config.h"

struct ct_item {
	const struct ct_template *template;
	char *display;   /* "source" => "destination" */
	char *no_target; /* stands for the destination that a dry run need not have */
	bool rendered;
	char printed[DIGEST_HEX_BYTES]; /* dry: what was printed last */
};

struct ct_run {
	const struct ct_config *config;
	struct loop *loop;
	struct http *http;
	struct consul *consul;
	struct render_runner *runner;
	struct ct_supervisor *supervisor; /* NULL: nothing to supervise */
	struct loop_signal *signals[8];
	size_t signal_count;
	struct loop_deferred *pass;
	struct loop_timer *patience; /* with a Consul that does not answer */
	struct ct_item *items;
	size_t count;
	bool wrote; /* in this pass */

	size_t *commands; /* items whose commands are to run, in order */
	size_t command_count, command_index;
	struct arena arena; /* of the command that runs */
	struct child *command;
	struct loop_deferred *next_command;
	bool command_failed;

	bool pid_file_written;
	bool ending, reload;
	int status;
};

/* In this order. On failure the message is the one that ends the program. */
bool ct_make_consul(struct ct_run *run, struct err *err);
bool ct_make_runner(struct ct_run *run, const struct render_events *events, struct err *err);
bool ct_write_pid(struct ct_run *run, struct err *err);

#endif
