/*
 * as_ct_launch.h - run a command as Consul Template runs it: what stands in its backquotes first,
 * then the program itself, with our input and output and the environment that was asked for.
 *
 * Completion rules: loop/loop.h.
 */
#ifndef BINNACLE_APP_AS_CT_LAUNCH_H
#define BINNACLE_APP_AS_CT_LAUNCH_H

#include "binnacle/loop/child.h"
#include "as_ct_config.h"

struct ct_launch;
struct loop;

/* result NULL: it could not be started, err says why; otherwise err is NULL. */
typedef void ct_launch_fn(void *arg, const struct child_result *result, const struct err *err);

enum ct_launch_wait {
	CT_LAUNCH_SUPERVISED, /* until it ends, however long that takes */
	CT_LAUNCH_LIMITED,    /* at most exec->timeout_ms; 0: not at all */
};

/* config and exec are borrowed until the end. */
struct ct_launch *ct_launch_start(struct loop *loop, const struct ct_config *config,
				  const struct ct_exec *exec, enum ct_launch_wait wait,
				  ct_launch_fn *done, void *arg);
/* The program itself has begun. */
bool ct_launch_is_running(const struct ct_launch *launch);
void ct_launch_signal(struct ct_launch *launch, int number);
/* NULL allowed; both set NULL. Forgotten, the program runs on; canceled, it is killed. */
void ct_launch_forget(struct ct_launch **launch);
void ct_launch_cancel(struct ct_launch **launch);

#endif
