/*
 * The loop: poll(2) over an array that is rebuilt each turn, a binary heap of timers, a list of
 * deferred calls. poll rather than epoll: some hundred descriptors cost nothing, it accepts any
 * kind of file, and a descriptor that was closed and opened again under the same number cannot
 * leave a stale registration behind.
 *
 * Handles that run once (timers, deferred calls) stay allocated until their function returns,
 * so that stopping one from inside its own function does no harm.
 */
#include "binnacle/loop/loop.h"

#include <assert.h>
#include <errno.h>
#include <limits.h>
#include <poll.h>
#include <signal.h>
#include <stdlib.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"

#include "internal.h"

struct loop_fd {
	struct loop *loop;
	int fd;
	unsigned events;
	loop_fd_fn *fn;
	void *arg;
};

struct loop_timer {
	struct loop *loop;
	int64_t due_ms;
	uint64_t seq;
	size_t place; /* in the heap */
	bool running;
	loop_fn *fn;
	void *arg;
};

struct loop_deferred {
	struct loop *loop;
	struct loop_deferred *prev, *next;
	uint64_t seq;
	bool running;
	loop_fn *fn;
	void *arg;
};

struct loop_hook {
	struct loop *loop;
	loop_fn *fn;
	void *arg;
};

struct loop *loop_new(void)
{
	struct loop *loop = xcalloc(1, sizeof(*loop));

	loop->signal_pipe = -1;
	/* A peer that goes away while we write is an error of that write, not of the program. */
	signal(SIGPIPE, SIG_IGN);
	return loop;
}

void loop_free(struct loop *loop)
{
	if (!loop)
		return;
	assert(!loop->turning);
	loop_orphans_release(loop);
	loop_signals_release(loop);
	slots_compact(&loop->fds);
	slots_compact(&loop->hooks);
	assert(loop->fds.len == 0 && loop->hooks.len == 0);
	assert(loop->timer_count == 0 && !loop->deferred.first);
	slots_release(&loop->fds);
	slots_release(&loop->hooks);
	free(loop->pollfds);
	free(loop->timers);
	free(loop);
}

struct loop_fd *loop_fd_add(struct loop *loop, int fd, unsigned events, loop_fd_fn *fn, void *arg)
{
	struct loop_fd *watch = xcalloc(1, sizeof(*watch));

	assert(fd >= 0);
	*watch = (struct loop_fd){ loop, fd, events, fn, arg };
	slots_add(&loop->fds, watch);
	return watch;
}

void loop_fd_set(struct loop_fd *watch, unsigned events)
{
	watch->events = events;
}

void loop_fd_remove(struct loop_fd **watch)
{
	if (!*watch)
		return;
	slots_remove(&(*watch)->loop->fds, *watch);
	free(*watch);
	*watch = NULL;
}

static bool timer_before(const struct loop_timer *a, const struct loop_timer *b)
{
	return a->due_ms != b->due_ms ? a->due_ms < b->due_ms : a->seq < b->seq;
}

static void timer_place(struct loop *loop, size_t place, struct loop_timer *timer)
{
	loop->timers[place] = timer;
	timer->place = place;
}

static void timer_rise(struct loop *loop, struct loop_timer *timer)
{
	size_t place = timer->place;

	while (place > 0 && timer_before(timer, loop->timers[(place - 1) / 2])) {
		timer_place(loop, place, loop->timers[(place - 1) / 2]);
		place = (place - 1) / 2;
	}
	timer_place(loop, place, timer);
}

static void timer_sink(struct loop *loop, struct loop_timer *timer)
{
	size_t place = timer->place;

	for (;;) {
		size_t child = 2 * place + 1;

		if (child >= loop->timer_count)
			break;
		if (child + 1 < loop->timer_count &&
		    timer_before(loop->timers[child + 1], loop->timers[child]))
			child++;
		if (!timer_before(loop->timers[child], timer))
			break;
		timer_place(loop, place, loop->timers[child]);
		place = child;
	}
	timer_place(loop, place, timer);
}

static void timer_unlink(struct loop_timer *timer)
{
	struct loop *loop = timer->loop;
	struct loop_timer *last = loop->timers[--loop->timer_count];

	if (last == timer)
		return;
	timer_place(loop, timer->place, last);
	timer_rise(loop, last);
	timer_sink(loop, last);
}

struct loop_timer *loop_timer_start(struct loop *loop, int64_t delay_ms, loop_fn *fn, void *arg)
{
	struct loop_timer *timer = xcalloc(1, sizeof(*timer));

	timer->loop = loop;
	timer->due_ms = clock_mono_ms() + (delay_ms > 0 ? delay_ms : 0);
	timer->seq = loop->next_seq++;
	timer->fn = fn;
	timer->arg = arg;
	GROW(loop->timers, loop->timer_count, loop->timer_cap);
	timer_place(loop, loop->timer_count++, timer);
	timer_rise(loop, timer);
	return timer;
}

void loop_timer_stop(struct loop_timer **timer)
{
	if (!*timer)
		return;
	if (!(*timer)->running) {
		timer_unlink(*timer);
		free(*timer);
	}
	*timer = NULL;
}

/* Timers that were started before this turn; one that is due at once waits for the next turn,
 * so that a timer which starts itself again cannot keep the descriptors waiting. */
static void run_timers(struct loop *loop, int64_t now_ms, uint64_t seq_end)
{
	while (loop->timer_count > 0) {
		struct loop_timer *timer = loop->timers[0];

		if (timer->due_ms > now_ms || timer->seq >= seq_end)
			return;
		timer_unlink(timer);
		timer->running = true;
		timer->fn(timer->arg);
		free(timer);
	}
}

struct loop_deferred *loop_defer(struct loop *loop, loop_fn *fn, void *arg)
{
	struct loop_deferred *deferred = xcalloc(1, sizeof(*deferred));

	deferred->loop = loop;
	deferred->seq = loop->next_seq++;
	deferred->fn = fn;
	deferred->arg = arg;
	deferred->prev = loop->deferred.last;
	if (deferred->prev)
		deferred->prev->next = deferred;
	else
		loop->deferred.first = deferred;
	loop->deferred.last = deferred;
	return deferred;
}

static void deferred_unlink(struct loop_deferred *deferred)
{
	struct deferred_list *list = &deferred->loop->deferred;

	if (deferred->prev)
		deferred->prev->next = deferred->next;
	else
		list->first = deferred->next;
	if (deferred->next)
		deferred->next->prev = deferred->prev;
	else
		list->last = deferred->prev;
}

void loop_deferred_cancel(struct loop_deferred **deferred)
{
	if (!*deferred)
		return;
	if (!(*deferred)->running) {
		deferred_unlink(*deferred);
		free(*deferred);
	}
	*deferred = NULL;
}

static void run_deferred(struct loop *loop, uint64_t seq_end)
{
	while (loop->deferred.first && loop->deferred.first->seq < seq_end) {
		struct loop_deferred *deferred = loop->deferred.first;

		deferred_unlink(deferred);
		deferred->running = true;
		deferred->fn(deferred->arg);
		free(deferred);
	}
}

struct loop_hook *loop_before_sleep(struct loop *loop, loop_fn *fn, void *arg)
{
	struct loop_hook *hook = xcalloc(1, sizeof(*hook));

	*hook = (struct loop_hook){ loop, fn, arg };
	slots_add(&loop->hooks, hook);
	return hook;
}

void loop_hook_remove(struct loop_hook **hook)
{
	if (!*hook)
		return;
	slots_remove(&(*hook)->loop->hooks, *hook);
	free(*hook);
	*hook = NULL;
}

static void run_hooks(struct loop *loop)
{
	size_t end = loop->hooks.len;

	for (size_t i = 0; i < end; i++) {
		struct loop_hook *hook = loop->hooks.items[i];

		if (hook)
			hook->fn(hook->arg);
	}
	slots_compact(&loop->hooks);
}

static int wait_ms(const struct loop *loop, int max_wait_ms)
{
	int64_t left;

	if (loop->deferred.first || loop->stopped)
		return 0;
	if (loop->timer_count == 0)
		return max_wait_ms;
	left = loop->timers[0]->due_ms - clock_mono_ms();
	if (left < 0)
		left = 0;
	if (left > INT_MAX)
		left = INT_MAX;
	return max_wait_ms >= 0 && max_wait_ms < left ? max_wait_ms : (int)left;
}

static void fill_pollfds(struct loop *loop)
{
	slots_compact(&loop->fds);
	if (loop->pollfd_cap < loop->fds.len) {
		loop->pollfd_cap = loop->fds.cap;
		loop->pollfds =
			xreallocarray(loop->pollfds, loop->pollfd_cap, sizeof(*loop->pollfds));
	}
	for (size_t i = 0; i < loop->fds.len; i++) {
		const struct loop_fd *watch = loop->fds.items[i];
		short events = 0;

		if (watch->events & LOOP_READ)
			events |= POLLIN;
		if (watch->events & LOOP_WRITE)
			events |= POLLOUT;
		/* poll reports a hang-up even to those who asked for nothing: leave them out. */
		loop->pollfds[i] = (struct pollfd){ events ? watch->fd : -1, events, 0 };
	}
}

static void serve_fds(struct loop *loop, size_t polled)
{
	for (size_t i = 0; i < polled; i++) {
		struct loop_fd *watch = loop->fds.items[i];
		short got = loop->pollfds[i].revents;
		unsigned events = 0;

		if (!watch || got == 0)
			continue;
		if (got & (POLLIN | POLLHUP | POLLERR | POLLNVAL))
			events |= LOOP_READ;
		if (got & (POLLOUT | POLLHUP | POLLERR | POLLNVAL))
			events |= LOOP_WRITE;
		if (!(got & (POLLHUP | POLLERR | POLLNVAL)))
			events &= watch->events; /* a callback before us may have changed them */
		if (events && watch->events)
			watch->fn(watch->arg, watch->fd, events);
	}
}

void loop_turn(struct loop *loop, int max_wait_ms)
{
	uint64_t seq_end = loop->next_seq;
	size_t polled;
	int ready;

	assert(!loop->turning);
	loop->turning = true;
	run_timers(loop, clock_mono_ms(), seq_end);
	run_deferred(loop, seq_end);
	run_hooks(loop);
	fill_pollfds(loop);
	polled = loop->fds.len;
	ready = poll(loop->pollfds, (nfds_t)polled, wait_ms(loop, max_wait_ms));
	assert(ready >= 0 || errno == EINTR || errno == ENOMEM);
	if (ready > 0)
		serve_fds(loop, polled);
	loop->turning = false;
}

void loop_run(struct loop *loop)
{
	loop->stopped = false;
	while (!loop->stopped)
		loop_turn(loop, -1);
}

void loop_stop(struct loop *loop)
{
	loop->stopped = true;
}
