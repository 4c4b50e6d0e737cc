/*
 * internal.h - what the files of this folder know of the loop, and nobody else.
 */
#ifndef BINNACLE_LOOP_INTERNAL_H
#define BINNACLE_LOOP_INTERNAL_H

#include <stdbool.h>
#include <stdint.h>
#include <sys/types.h>

#include "binnacle/loop/loop.h"

#include "slots.h"

struct deferred_list {
	struct loop_deferred *first, *last;
};

struct loop {
	bool stopped;
	bool turning; /* a turn inside a turn is a bug */
	uint64_t next_seq;

	struct slots fds; /* struct loop_fd, in step with pollfds during a walk */
	struct pollfd *pollfds;
	size_t pollfd_cap;

	struct loop_timer **timers; /* binary heap by (due_ms, seq) */
	size_t timer_count, timer_cap;

	struct deferred_list deferred;
	struct slots hooks;

	struct slots signals;
	int signal_pipe; /* reading end, -1 while no signal is watched */
	struct loop_fd *signal_watch;

	pid_t *orphans; /* killed children that nobody waits for any more */
	size_t orphan_count, orphan_cap;
	struct loop_signal *orphan_watch;
};

void loop_signals_release(struct loop *loop);

/* Take over a child that was sent SIGKILL: it is reaped when it has died. */
void loop_adopt_orphan(struct loop *loop, pid_t pid);
void loop_orphans_release(struct loop *loop);

#endif
