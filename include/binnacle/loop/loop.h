/*
 * loop/loop.h - the one loop: descriptors, timers, deferred calls, signals, a hook before sleep.
 *
 * Everything else is a client of it: libcurl through its socket and timer callbacks, children,
 * the terminal. The rules that every asynchronous function of this program keeps:
 *
 *  1. A completion runs exactly once, from the loop, never from inside the call that started it.
 *  2. Cancelling (`_cancel`, `_stop`, `_free`) means that it does not run at all, so an owner may
 *     free its state right after.
 *  3. If the start function reports failure, the completion never runs.
 *  4. Data passed to a completion is borrowed until it returns.
 *
 * A callback may add and remove anything, itself included. Callbacks must not block; one that
 * has much to do does a slice and defers the rest.
 */
#ifndef BINNACLE_LOOP_LOOP_H
#define BINNACLE_LOOP_LOOP_H

#include <stdbool.h>
#include <stdint.h>

struct loop;
struct loop_fd;
struct loop_timer;
struct loop_deferred;
struct loop_signal;
struct loop_hook;

enum loop_events { LOOP_READ = 1, LOOP_WRITE = 2 };

typedef void loop_fd_fn(void *arg, int fd, unsigned events);
typedef void loop_fn(void *arg);
typedef void loop_signal_fn(void *arg, int signal);

struct loop *loop_new(void);
void loop_free(struct loop *loop); /* everything must have been removed before */

/* Turn until loop_stop. */
void loop_run(struct loop *loop);
void loop_stop(struct loop *loop);
/*
 * One turn: due timers, deferred calls, hooks, then wait at most max_wait_ms (-1: until
 * something happens) and serve what is ready. For tests, and for loop_run.
 */
void loop_turn(struct loop *loop, int max_wait_ms);

/* The descriptor stays the caller's. An error or hang-up is reported as readable and writable. */
struct loop_fd *loop_fd_add(struct loop *loop, int fd, unsigned events, loop_fd_fn *fn, void *arg);
void loop_fd_set(struct loop_fd *watch, unsigned events);
void loop_fd_remove(struct loop_fd **watch); /* sets *watch to NULL; NULL is allowed */

/* Once, after delay_ms of the monotonic clock, in a later turn. After it ran, the handle is gone:
 * `fn` must forget it (stopping it from inside `fn` does nothing). loop_timer_stop(&timer) sets
 * NULL, and may be given NULL. */
struct loop_timer *loop_timer_start(struct loop *loop, int64_t delay_ms, loop_fn *fn, void *arg);
void loop_timer_stop(struct loop_timer **timer);

/* Once, in the next turn. The handle is gone after it ran. */
struct loop_deferred *loop_defer(struct loop *loop, loop_fn *fn, void *arg);
void loop_deferred_cancel(struct loop_deferred **deferred);

/* Each turn, right before the loop sleeps: painting, flushing. */
struct loop_hook *loop_before_sleep(struct loop *loop, loop_fn *fn, void *arg);
void loop_hook_remove(struct loop_hook **hook);

/* Signals as events, through a self-pipe. Several watchers of one signal all run. Only one loop
 * of the process may watch signals at a time. SIGPIPE is ignored as soon as there is a loop. */
struct loop_signal *loop_signal_add(struct loop *loop, int signal, loop_signal_fn *fn, void *arg);
void loop_signal_remove(struct loop_signal **watch);

#endif
