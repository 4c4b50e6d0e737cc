/*
 * as_ct_exec.h - the program that -exec supervises: started when everything is rendered for the
 * first time, told of changes by a signal or by being started again, and its end is our end.
 */
#ifndef BINNACLE_APP_AS_CT_EXEC_H
#define BINNACLE_APP_AS_CT_EXEC_H

#include "as_ct_config.h"

struct ct_supervisor;
struct loop;

struct ct_supervisor_events {
	/* It ended by itself, with this code. Nothing else will come. */
	void (*died)(void *arg, int code);
	/* It cannot be started (again). Nothing else will come. */
	void (*failed)(void *arg, const struct err *err);
	/* What ct_supervisor_stop asked for. */
	void (*stopped)(void *arg);
};

/* config and events are borrowed. */
struct ct_supervisor *ct_supervisor_new(struct loop *loop, const struct ct_config *config,
					const struct ct_supervisor_events *events, void *arg);
void ct_supervisor_free(struct ct_supervisor *supervisor); /* kills; NULL allowed */

void ct_supervisor_start(struct ct_supervisor *supervisor);
bool ct_supervisor_is_started(const struct ct_supervisor *supervisor);
/* Files have changed: the reload signal, or stop and start. */
void ct_supervisor_reload(struct ct_supervisor *supervisor);
/* False: it does not run, nobody got the signal. */
bool ct_supervisor_signal(struct ct_supervisor *supervisor, int number);
/* The kill signal, and SIGKILL after the kill timeout; then `stopped`, also when it did not run. */
void ct_supervisor_stop(struct ct_supervisor *supervisor);

#endif
