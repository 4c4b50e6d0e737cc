#include "as_ct_exec.h"

#include <signal.h>
#include <stdlib.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/log.h"
#include "binnacle/loop/loop.h"
#include "as_ct_launch.h"

enum purpose { RUNS, RESTARTS, STOPS };

struct ct_supervisor {
	struct loop *loop;
	const struct ct_config *config;
	const struct ct_supervisor_events *events;
	void *arg;
	struct ct_launch *child;
	enum purpose purpose;
	struct loop_timer *splay, *kill;
	struct loop_deferred *stopped;
};

struct ct_supervisor *ct_supervisor_new(struct loop *loop, const struct ct_config *config,
					const struct ct_supervisor_events *events, void *arg)
{
	struct ct_supervisor *supervisor = xcalloc(1, sizeof(*supervisor));

	*supervisor = (struct ct_supervisor){
		.loop = loop, .config = config, .events = events, .arg = arg
	};
	return supervisor;
}

void ct_supervisor_free(struct ct_supervisor *supervisor)
{
	if (!supervisor)
		return;
	ct_launch_cancel(&supervisor->child);
	loop_timer_stop(&supervisor->splay);
	loop_timer_stop(&supervisor->kill);
	loop_deferred_cancel(&supervisor->stopped);
	free(supervisor);
}

static void on_death(void *arg, const struct child_result *result, const struct err *err)
{
	struct ct_supervisor *supervisor = arg;
	enum purpose purpose = supervisor->purpose;

	supervisor->child = NULL;
	loop_timer_stop(&supervisor->splay);
	loop_timer_stop(&supervisor->kill);
	if (purpose == STOPS)
		supervisor->events->stopped(supervisor->arg);
	else if (err)
		supervisor->events->failed(supervisor->arg, err);
	else if (purpose == RUNS)
		supervisor->events->died(supervisor->arg, result->exit_code);
	else
		ct_supervisor_start(supervisor);
}

void ct_supervisor_start(struct ct_supervisor *supervisor)
{
	const struct ct_exec *exec = &supervisor->config->exec;

	supervisor->purpose = RUNS;
	supervisor->child = ct_launch_start(supervisor->loop, supervisor->config, exec,
					    CT_LAUNCH_SUPERVISED, on_death, supervisor);
}

bool ct_supervisor_is_started(const struct ct_supervisor *supervisor)
{
	return supervisor->child != NULL;
}

static void on_overdue(void *arg)
{
	struct ct_supervisor *supervisor = arg;

	supervisor->kill = NULL;
	ct_launch_signal(supervisor->child, SIGKILL);
}

static void send_kill(struct ct_supervisor *supervisor)
{
	const struct ct_exec *exec = &supervisor->config->exec;

	log_info("child", "stopping process");
	loop_timer_stop(&supervisor->splay);
	if (supervisor->kill)
		return;
	if (exec->kill_signal)
		ct_launch_signal(supervisor->child, exec->kill_signal);
	supervisor->kill =
		loop_timer_start(supervisor->loop, exec->kill_signal ? exec->kill_timeout_ms : 0,
				 on_overdue, supervisor);
}

static void on_splay(void *arg)
{
	struct ct_supervisor *supervisor = arg;
	int reload = supervisor->config->exec.reload_signal;

	supervisor->splay = NULL;
	if (reload) {
		log_info("child", "reloading process");
		ct_launch_signal(supervisor->child, reload);
		return;
	}
	supervisor->purpose = RESTARTS;
	send_kill(supervisor);
}

/* So that not all hosts restart theirs at the same moment. */
static int64_t random_up_to(int64_t most_ms)
{
	static bool seeded;

	if (!seeded)
		srandom((unsigned)clock_wall_ms() ^ (unsigned)(uintptr_t)&most_ms);
	seeded = true;
	return most_ms > 0 ? random() % (most_ms + 1) : 0;
}

void ct_supervisor_reload(struct ct_supervisor *supervisor)
{
	if (!supervisor->child || supervisor->purpose != RUNS || supervisor->splay)
		return;
	supervisor->splay =
		loop_timer_start(supervisor->loop, random_up_to(supervisor->config->exec.splay_ms),
				 on_splay, supervisor);
}

bool ct_supervisor_signal(struct ct_supervisor *supervisor, int number)
{
	if (supervisor->child)
		ct_launch_signal(supervisor->child, number);
	return supervisor->child != NULL;
}

static void on_stopped(void *arg)
{
	struct ct_supervisor *supervisor = arg;

	supervisor->stopped = NULL;
	supervisor->events->stopped(supervisor->arg);
}

void ct_supervisor_stop(struct ct_supervisor *supervisor)
{
	if (supervisor->purpose == STOPS)
		return;
	supervisor->purpose = STOPS;
	if (supervisor->child && !ct_launch_is_running(supervisor->child))
		ct_launch_cancel(&supervisor->child);
	if (supervisor->child)
		send_kill(supervisor);
	else
		supervisor->stopped = loop_defer(supervisor->loop, on_stopped, supervisor);
}
