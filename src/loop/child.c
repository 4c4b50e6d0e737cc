/*
 * Children: posix_spawn, so that a program that cannot be run is an error of child_run and not
 * an exit code, and so that none of our handlers ever runs in the child. The end is noticed by
 * SIGCHLD and not by the end of the output: a daemon that the program leaves behind may keep the
 * pipe open. What is in the pipe at that moment is still read.
 */
#include "binnacle/loop/child.h"

#include <assert.h>
#include <errno.h>
#include <fcntl.h>
#include <signal.h>
#include <spawn.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/loop/loop.h"

#include "internal.h"

#define KILL_AFTER_MS 2000

extern char **environ;

struct child {
	struct loop *loop;
	pid_t pid;    /* and process group */
	pid_t target; /* of signals: -pid, the group, or pid alone */
	int output_fd;
	struct loop_fd *output_watch;
	struct loop_signal *death_watch;
	struct loop_timer *timer; /* of the time limit, then of the SIGKILL */
	struct strbuf output;
	int64_t started_ms;
	bool timed_out;
	bool completing; /* `done` runs: a cancel from inside it does nothing */
	child_done_fn *done;
	void *arg;
};

static void child_release(struct child *child)
{
	loop_fd_remove(&child->output_watch);
	loop_signal_remove(&child->death_watch);
	loop_timer_stop(&child->timer);
	if (child->output_fd >= 0)
		close(child->output_fd);
	strbuf_release(&child->output);
	free(child);
}

/* Read what is there; false at the end of the output. */
static bool read_output(struct child *child)
{
	char chunk[16384];

	/* Not for ever: a child that writes as fast as we read must not hold the loop. */
	for (int rounds = 0; rounds < 16; rounds++) {
		ssize_t n = read(child->output_fd, chunk, sizeof(chunk));
		size_t room = LIMIT_CHILD_OUTPUT - child->output.len;

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return errno == EAGAIN;
		if (n == 0)
			return false;
		strbuf_add(&child->output, chunk, (size_t)n < room ? (size_t)n : room);
	}
	return true;
}

static void on_output(void *arg, int fd, unsigned events)
{
	struct child *child = arg;

	(void)fd;
	(void)events;
	if (!read_output(child))
		loop_fd_remove(&child->output_watch);
}

static void complete(struct child *child, int status)
{
	struct child_result result = {
		.exit_code = WIFSIGNALED(status) ? 128 + WTERMSIG(status) : WEXITSTATUS(status),
		.timed_out = child->timed_out,
		.took_ms = clock_mono_ms() - child->started_ms,
		.output = &child->output,
	};

	if (child->output_watch)
		read_output(child);
	loop_fd_remove(&child->output_watch);
	loop_signal_remove(&child->death_watch);
	loop_timer_stop(&child->timer);
	child->completing = true;
	child->done(child->arg, &result);
	child_release(child);
}

static void on_death(void *arg, int number)
{
	struct child *child = arg;
	siginfo_t info = { 0 };
	int status;

	(void)number;
	/* Look before reaping: while the dead leader is not reaped, its process group cannot be
	 * anybody else's. */
	if (waitid(P_PID, (id_t)child->pid, &info, WEXITED | WNOHANG | WNOWAIT) != 0 ||
	    info.si_pid != child->pid)
		return;
	if (child->timed_out)
		kill(child->target, SIGKILL);
	if (waitpid(child->pid, &status, WNOHANG) == child->pid)
		complete(child, status);
}

static void on_overdue(void *arg)
{
	struct child *child = arg;

	child->timer = NULL;
	kill(child->target, SIGKILL);
}

static void on_timeout(void *arg)
{
	struct child *child = arg;

	child->timed_out = true;
	kill(child->target, child->target > 0 ? SIGKILL : SIGTERM);
	child->timer = loop_timer_start(child->loop, KILL_AFTER_MS, on_overdue, child);
}

static bool same_name(const char *a, const char *b)
{
	size_t len = strcspn(a, "=");

	return strncmp(a, b, len) == 0 && b[len] == '=';
}

/* Our environment (unless `only`) with `more` in place of or after it; the array is the caller's,
 * the strings are not. */
static char **merge_env(const char *const *more, bool only)
{
	char **env = NULL;
	size_t len = 0, cap = 0;

	for (char **ours = environ; !only && *ours; ours++) {
		bool replaced = false;

		for (size_t i = 0; more && more[i] && !replaced; i++)
			replaced = same_name(more[i], *ours);
		if (replaced)
			continue;
		GROW(env, len, cap);
		env[len++] = *ours;
	}
	for (size_t i = 0; more && more[i]; i++) {
		GROW(env, len, cap);
		env[len++] = (char *)more[i];
	}
	GROW(env, len, cap);
	env[len] = NULL;
	return env;
}

static int spawn(pid_t *pid, const struct child_spec *spec, int output)
{
	posix_spawn_file_actions_t actions;
	posix_spawnattr_t attr;
	sigset_t none, ignored;
	char **env = merge_env(spec->env, spec->only_env);
	int rc;

	posix_spawn_file_actions_init(&actions);
	if (!spec->inherit) {
		if (spec->stream)
			posix_spawn_file_actions_adddup2(&actions, spec->stream, 0);
		else
			posix_spawn_file_actions_addopen(&actions, 0, "/dev/null", O_RDONLY, 0);
		posix_spawn_file_actions_adddup2(&actions, spec->stream ? spec->stream : output, 1);
		posix_spawn_file_actions_adddup2(&actions, output, 2);
	}
#if defined(__GLIBC__) && __GLIBC_PREREQ(2, 34)
	/* Libraries do not open all of theirs close-on-exec. */
	posix_spawn_file_actions_addclosefrom_np(&actions, 3);
#endif
	if (spec->cwd)
		posix_spawn_file_actions_addchdir_np(&actions, spec->cwd);

	posix_spawnattr_init(&attr);
	/* The leader of a session leads a process group of its own, too. */
	posix_spawnattr_setflags(
		&attr, POSIX_SPAWN_SETSIGMASK | POSIX_SPAWN_SETSIGDEF |
			       (spec->stream ? POSIX_SPAWN_SETSID : POSIX_SPAWN_SETPGROUP));
	posix_spawnattr_setpgroup(&attr, 0);
	sigemptyset(&none);
	posix_spawnattr_setsigmask(&attr, &none);
	sigemptyset(&ignored);
	sigaddset(&ignored, SIGPIPE); /* an ignored signal would stay ignored across exec */
	posix_spawnattr_setsigdefault(&attr, &ignored);

	rc = posix_spawnp(pid, spec->argv[0], &actions, &attr, (char *const *)spec->argv, env);
	posix_spawnattr_destroy(&attr);
	posix_spawn_file_actions_destroy(&actions);
	free(env);
	return rc;
}

static bool check_cwd(const char *cwd, struct err *err)
{
	if (cwd && access(cwd, X_OK) != 0)
		return err_system(err, "cannot enter the folder %s", cwd);
	return true;
}

static bool explain_spawn(const char *program, int rc, struct err *err)
{
	if (rc == ENOENT)
		return err_set(err, ERR_NOT_FOUND, "cannot run %s: no such program", program);
	errno = rc;
	return err_system(err, "cannot run %s", program);
}

struct child *child_run(struct loop *loop, const struct child_spec *spec, child_done_fn *done,
			void *arg, struct err *err)
{
	struct child *child;
	int ends[2] = { -1, -1 };
	int rc;

	assert(spec->argv && spec->argv[0]);
	assert(!spec->stream || (spec->stream > 2 && !spec->inherit));
	if (!check_cwd(spec->cwd, err))
		return NULL;
	if (!spec->inherit && pipe2(ends, O_CLOEXEC) != 0) {
		err_system(err, "cannot run %s", spec->argv[0]);
		return NULL;
	}
	if (!spec->inherit)
		fcntl(ends[0], F_SETFL, O_NONBLOCK);

	child = xcalloc(1, sizeof(*child));
	child->loop = loop;
	child->output_fd = ends[0];
	strbuf_init(&child->output);
	child->started_ms = clock_mono_ms();
	child->done = done;
	child->arg = arg;
	/* Watched before it lives, so that no death is missed. */
	child->death_watch = loop_signal_add(loop, SIGCHLD, on_death, child);
	rc = spawn(&child->pid, spec, ends[1]);
	child->target = spec->alone ? child->pid : -child->pid;
	if (!spec->inherit)
		close(ends[1]);
	if (rc != 0) {
		child_release(child);
		explain_spawn(spec->argv[0], rc, err);
		return NULL;
	}
	if (!spec->inherit)
		child->output_watch = loop_fd_add(loop, ends[0], LOOP_READ, on_output, child);
	if (spec->timeout_ms > 0)
		child->timer = loop_timer_start(loop, spec->timeout_ms, on_timeout, child);
	return child;
}

const struct strbuf *child_output(struct child *child)
{
	if (child->output_watch && !read_output(child))
		loop_fd_remove(&child->output_watch);
	return &child->output;
}

void child_signal(struct child *child, int number)
{
	if (!child->completing)
		kill(child->target, number);
}

void child_forget(struct child **child)
{
	if (!*child)
		return;
	if (!(*child)->completing) {
		loop_adopt_orphan((*child)->loop, (*child)->pid);
		child_release(*child);
	}
	*child = NULL;
}

void child_cancel(struct child **child)
{
	if (!*child)
		return;
	if (!(*child)->completing) {
		kill((*child)->target, SIGKILL);
		loop_adopt_orphan((*child)->loop, (*child)->pid);
		child_release(*child);
	}
	*child = NULL;
}

static void reap_orphans(struct loop *loop)
{
	size_t kept = 0;

	for (size_t i = 0; i < loop->orphan_count; i++) {
		pid_t pid = loop->orphans[i];

		if (waitpid(pid, NULL, WNOHANG) == 0)
			loop->orphans[kept++] = pid;
	}
	loop->orphan_count = kept;
	if (kept == 0)
		loop_signal_remove(&loop->orphan_watch);
}

static void on_orphan_death(void *arg, int number)
{
	(void)number;
	reap_orphans(arg);
}

void loop_adopt_orphan(struct loop *loop, pid_t pid)
{
	GROW(loop->orphans, loop->orphan_count, loop->orphan_cap);
	loop->orphans[loop->orphan_count++] = pid;
	if (!loop->orphan_watch)
		loop->orphan_watch = loop_signal_add(loop, SIGCHLD, on_orphan_death, loop);
	reap_orphans(loop);
}

void loop_orphans_release(struct loop *loop)
{
	const struct timespec pause = { 0, 1000000 };

	/* They got a SIGKILL; one that hangs in the kernel, or that was let go, is left to init. */
	for (int i = 0; i < 100 && loop->orphan_count > 0; i++) {
		reap_orphans(loop);
		if (loop->orphan_count > 0)
			nanosleep(&pause, NULL);
	}
	loop->orphan_count = 0;
	loop_signal_remove(&loop->orphan_watch);
	free(loop->orphans);
	loop->orphans = NULL;
}
