/*
 * as_ct_run_private.h - what as_ct_make.c (the beginning), as_ct_pass.c (writing and commands) and
 * as_ct_run.c (the rest) share.
 */
#ifndef BINNACLE_APP_AS_CT_RUN_PRIVATE_H
#define BINNACLE_APP_AS_CT_RUN_PRIVATE_H

#include "binnacle/render/runner.h"
#include "as_ct_config.h"

struct ct_item {
	struct ct_run *run;
	const struct ct_template *template;
	char *display;              /* "source" => "destination" */
	char *no_target;            /* stands for the destination that a dry run need not have */
	char md5[DIGEST_HEX_BYTES]; /* of the template's text: the original's identity of it */
	bool rendered;
	bool owes;                      /* its command is to run, or runs */
	struct render_op *op;           /* with an nginx: check, write, reload */
	bool was_quiet;                 /* its quiet period ran when it was last looked at */
	char printed[DIGEST_HEX_BYTES]; /* dry: what was printed last */
	char failed[DIGEST_HEX_BYTES];  /* error_fatal off: of the error that was told last */
};

struct ct_run {
	const struct ct_config *config;
	struct loop *loop;
	struct http *http;
	struct consul *consul;
	struct render_runner *runner;
	struct nginx_control **nginxes;   /* as in config */
	struct ct_supervisor *supervisor; /* NULL: nothing to supervise */
	struct ct_dedup *dedup;           /* NULL: not asked for */
	struct loop_signal *signals[32];
	size_t signal_count;
	struct loop_deferred *pass;
	struct loop_timer *patience; /* with a Consul that does not answer */
	int64_t trouble_ms;          /* monotonic: when it last did not; 0: never */
	struct loop_timer *grace;    /* with errors that may come of that */
	struct ct_item *items;
	size_t *order; /* indexes of items: those of one text follow each other */
	size_t count;
	uint64_t executions; /* of all templates, when they were last delivered */
	bool wrote;          /* in this pass */

	size_t *commands; /* items whose commands are to run, in order */
	size_t command_count, command_index;
	struct ct_launch *command;
	struct loop_deferred *next_command;
	bool command_failed;

	struct arena arena;
	bool pid_file_written;
	bool ending, reload;
	int stopping; /* what is still to be stopped at the end */
	int status;
};

/* as_ct_make.c, in this order. On failure the message is the one that ends the program. */
bool ct_make_consul(struct ct_run *run, struct err *err);
bool ct_make_runner(struct ct_run *run, const struct render_events *events, struct err *err);
bool ct_write_pid(struct ct_run *run, struct err *err);

/* as_ct_pass.c */
void ct_schedule(struct ct_run *run);

/* as_ct_run.c */
void ct_end(struct ct_run *run, int status);
void ct_fail(struct ct_run *run, const char *message);
void ct_watch_trouble(struct ct_run *run);

#endif
