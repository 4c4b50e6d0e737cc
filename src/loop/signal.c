/*
 * Signals as events. The handler notes the signal in a flag and writes one byte into a pipe;
 * the loop reads the pipe and runs the watchers of each flag that is set. Handlers belong to the
 * process, so one loop at a time may watch signals.
 *
 * A handler is installed with the first watcher of its signal and taken back with the last.
 */
#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/mem.h"
#include "binnacle/loop/loop.h"

#include "internal.h"

enum { SIGNAL_END = 65 }; /* Linux numbers signals 1 to 64 */

struct loop_signal {
	struct loop *loop;
	int number;
	loop_signal_fn *fn;
	void *arg;
};

static struct {
	struct loop *loop; /* who watches */
	int pipe_write;
	volatile sig_atomic_t pending[SIGNAL_END];
	unsigned watchers[SIGNAL_END];
	struct sigaction before[SIGNAL_END];
} state = { .pipe_write = -1 };

static void on_signal(int number)
{
	int saved = errno;
	ssize_t n;

	state.pending[number] = 1;
	/* A full pipe is fine: then the loop will wake up anyway. */
	n = write(state.pipe_write, "s", 1);
	(void)n;
	errno = saved;
}

static void on_pipe(void *arg, int fd, unsigned events)
{
	struct loop *loop = arg;
	char drain[64];

	(void)events;
	while (read(fd, drain, sizeof(drain)) > 0)
		;
	for (int number = 1; number < SIGNAL_END; number++) {
		size_t end = loop->signals.len;

		if (!state.pending[number])
			continue;
		state.pending[number] = 0;
		for (size_t i = 0; i < end; i++) {
			struct loop_signal *watch = loop->signals.items[i];

			if (watch && watch->number == number)
				watch->fn(watch->arg, number);
		}
	}
	slots_compact(&loop->signals);
}

static void open_pipe(struct loop *loop)
{
	int ends[2];
	int rc = pipe2(ends, O_CLOEXEC | O_NONBLOCK);

	assert(rc == 0);
	assert(!state.loop);
	state.loop = loop;
	state.pipe_write = ends[1];
	loop->signal_pipe = ends[0];
	loop->signal_watch = loop_fd_add(loop, ends[0], LOOP_READ, on_pipe, loop);
}

struct loop_signal *loop_signal_add(struct loop *loop, int number, loop_signal_fn *fn, void *arg)
{
	struct loop_signal *watch = xcalloc(1, sizeof(*watch));

	assert(number > 0 && number < SIGNAL_END);
	if (loop->signal_pipe < 0)
		open_pipe(loop);
	assert(state.loop == loop);
	*watch = (struct loop_signal){ loop, number, fn, arg };
	slots_add(&loop->signals, watch);
	if (state.watchers[number]++ == 0) {
		struct sigaction action = { .sa_handler = on_signal,
					    .sa_flags = SA_RESTART | SA_NOCLDSTOP };

		sigfillset(&action.sa_mask);
		state.pending[number] = 0;
		sigaction(number, &action, &state.before[number]);
	}
	return watch;
}

void loop_signal_remove(struct loop_signal **watch)
{
	int number;

	if (!*watch)
		return;
	number = (*watch)->number;
	if (--state.watchers[number] == 0)
		sigaction(number, &state.before[number], NULL);
	slots_remove(&(*watch)->loop->signals, *watch);
	free(*watch);
	*watch = NULL;
}

void loop_signals_release(struct loop *loop)
{
	slots_compact(&loop->signals);
	assert(loop->signals.len == 0);
	slots_release(&loop->signals);
	if (loop->signal_pipe < 0)
		return;
	loop_fd_remove(&loop->signal_watch);
	close(loop->signal_pipe);
	close(state.pipe_write);
	state.pipe_write = -1;
	state.loop = NULL;
}
