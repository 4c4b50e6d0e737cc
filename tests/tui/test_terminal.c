/*
 * The console on a real terminal: a pseudo-terminal whose other end we record. What is sent is
 * counted, and what is left behind is looked at.
 *
 * The child's clock is a false one that only our orders move, so nothing here depends on time:
 * `t` one second passes, `f` 60 ms pass (a frame may be painted), `r` one row changes, `c` it
 * crashes.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>
#include <errno.h>
#include <poll.h>
#include <pty.h>
#include <signal.h>
#include <sys/ioctl.h>
#include <sys/wait.h>
#include <termios.h>
#include <utmp.h>
#include <unistd.h>

#include "binnacle/action/env.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/loop/loop.h"
#include "binnacle/tui/tui.h"
#include "support/model_fixture.h"

#define PATIENCE_MS 10000
#define QUIET_MS    60

struct recording {
	pid_t pid;
	int master, orders;
	struct termios before;
	struct strbuf bytes;
};

struct child {
	struct loop *loop;
	struct model *model;
	int seconds;
};

static void on_order(void *arg, int fd, unsigned events)
{
	struct child *child = arg;
	char order;

	(void)events;
	if (read(fd, &order, 1) != 1) {
		loop_stop(child->loop);
		return;
	}
	if (order == 'f')
		clock_fake_advance(60);
	else if (order == 'c')
		raise(SIGSEGV);
	else if (order == 'r')
		model_fixture_change_row(child->model), clock_fake_advance(300);
	if (order != 't')
		return;
	clock_fake_advance(1000);
	/* A quiet cluster: the agent is asked every five seconds, the others less often. */
	child->seconds++;
	if (child->seconds % 5 == 0)
		model_source_alive(child->model, SOURCE_CONSUL, 3);
	if (child->seconds % 10 == 0)
		for (int i = 0; i < SOURCE_COUNT; i++)
			model_source_alive(child->model, (enum model_source)i, 3);
}

static int run_child(int orders, const char *color)
{
	static const char *const dirs[] = { "themes", NULL };
	struct child child = { .loop = loop_new(), .model = model_new() };
	struct action_env env = { .loop = child.loop, .model = child.model, .node = "edge-1" };
	struct tui_options options = { .theme_dirs = dirs, .color = color };
	struct loop_fd *watch;
	struct tui *tui;
	struct err err;

	clock_fake(FIXTURE_MONO_MS, FIXTURE_NOW_MS);
	model_fixture_fill(child.model, true);
	model_fixture_calm(child.model);
	tui = tui_new(child.loop, &env, &options, &err);
	if (!tui) {
		fprintf(stderr, "%s\n", err.msg);
		return 2;
	}
	watch = loop_fd_add(child.loop, orders, LOOP_READ, on_order, &child);
	loop_run(child.loop);
	loop_fd_remove(&watch);
	tui_free(tui);
	model_free(child.model);
	loop_free(child.loop);
	return 0;
}

struct place {
	const char *term, *locale, *no_color;
	int width, height;
};

static void start(struct recording *recording, const struct place *place)
{
	struct winsize size = { .ws_col = (unsigned short)place->width,
				.ws_row = (unsigned short)place->height };
	int orders[2], slave;

	*recording = (struct recording){ .bytes = STRBUF_INIT };
	assert_int_equal(pipe(orders), 0);
	assert_int_equal(openpty(&recording->master, &slave, NULL, NULL, &size), 0);
	assert_int_equal(tcgetattr(slave, &recording->before), 0);
	recording->pid = fork();
	assert_true(recording->pid >= 0);
	if (recording->pid == 0) {
		close(orders[1]);
		close(recording->master);
		if (login_tty(slave) != 0)
			_exit(3);
		setenv("TERM", place->term, 1);
		setenv("LC_ALL", place->locale, 1);
		setenv("TZ", "UTC", 1);
		unsetenv("COLORTERM");
		unsetenv("NO_COLOR");
		unsetenv("BINNACLE_THEME");
		if (place->no_color)
			setenv("NO_COLOR", place->no_color, 1);
		_exit(run_child(orders[0], NULL));
	}
	close(orders[0]);
	close(slave);
	recording->orders = orders[1];
}

/* What is sent until nothing more comes; the first byte is waited for. */
static size_t take(struct recording *recording, bool must_come)
{
	struct pollfd fd = { .fd = recording->master, .events = POLLIN };
	int patience = must_come ? PATIENCE_MS : QUIET_MS;
	size_t before = recording->bytes.len;
	char buf[65536];

	while (poll(&fd, 1, patience) > 0) {
		ssize_t n = read(recording->master, buf, sizeof(buf));

		if (n <= 0)
			break;
		strbuf_add(&recording->bytes, buf, (size_t)n);
		patience = QUIET_MS;
	}
	return recording->bytes.len - before;
}

static void order(struct recording *recording, const char *orders)
{
	for (; *orders; orders++)
		assert_int_equal(write(recording->orders, orders, 1), 1);
}

/* A key is answered by a frame; on a busy machine it is read late, so time passes again. */
static size_t after_keys(struct recording *recording, const char *keys)
{
	size_t bytes = 0;

	assert_int_equal(write(recording->master, keys, strlen(keys)), (ssize_t)strlen(keys));
	usleep(20000);
	for (int i = 0; i < 100 && bytes == 0; i++) {
		order(recording, "f");
		bytes = take(recording, false);
	}
	return bytes;
}

static int finish(struct recording *recording)
{
	int status = 0;

	close(recording->orders);
	take(recording, true);
	assert_int_equal(waitpid(recording->pid, &status, 0), recording->pid);
	return status;
}

static void release(struct recording *recording)
{
	close(recording->master);
	strbuf_release(&recording->bytes);
}

static bool has(const struct recording *recording, const char *bytes)
{
	return memmem(recording->bytes.buf, recording->bytes.len, bytes, strlen(bytes)) != NULL;
}

static void assert_restored(const struct recording *recording)
{
	struct termios after;

	assert_int_equal(tcgetattr(recording->master, &after), 0);
	assert_int_equal(after.c_lflag, recording->before.c_lflag);
	assert_int_equal(after.c_iflag, recording->before.c_iflag);
	assert_int_equal(after.c_oflag, recording->before.c_oflag);
}

static void assert_within(const char *what, size_t bytes, size_t least, size_t budget)
{
	if (getenv("SHOW_BYTES"))
		fprintf(stderr, "%s: %zu of %zu bytes\n", what, bytes, budget);
	if (bytes < least || bytes > budget)
		fail_msg("%s: %zu bytes, allowed are %zu to %zu", what, bytes, least, budget);
}

static void what_is_sent_keeps_within_the_budgets(void **state)
{
	static const struct {
		struct place place;
		size_t first, idle, down, row, dialog, page;
	} cases[] = {
		{ { "xterm-256color", "C.UTF-8", NULL, 80, 24 }, 4096, 600, 400, 300, 3072, 3072 },
		{ { "xterm-256color", "C.UTF-8", NULL, 200, 60 },
		  20480,
		  1024,
		  700,
		  600,
		  6144,
		  14336 },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct recording recording;
		size_t bytes = 0;

		start(&recording, &cases[i].place);
		assert_within("first frame", take(&recording, true), 500, cases[i].first);
		assert_within("cursor down", after_keys(&recording, "j"), 10, cases[i].down);
		assert_within("cursor down again", after_keys(&recording, "j"), 10, cases[i].down);
		order(&recording, "t");
		assert_within("the preview follows", take(&recording, false), 0, 1024);
		bytes = after_keys(&recording, "M");
		order(&recording, "fffff");
		take(&recording, false);
		bytes += after_keys(&recording, "n");
		assert_within("open and close a dialog", bytes, 100, cases[i].dialog);
		assert_within("page down", after_keys(&recording, "\x06"), 10, cases[i].page);
		after_keys(&recording, "g");
		order(&recording, "t");
		take(&recording, false);
		order(&recording, "r");
		assert_within("one row changed", take(&recording, true), 4, cases[i].row);
		bytes = 0;
		for (int second = 0; second < 60; second++) {
			order(&recording, "t");
			if (second % 10 == 9)
				bytes += take(&recording, false);
		}
		assert_within("an idle minute", bytes, 0, cases[i].idle);
		assert_int_equal(finish(&recording), 0);
		assert_restored(&recording);
		release(&recording);
	}
}

static void every_terminal_is_left_as_it_was(void **state)
{
	static const char *const terms[] = { "linux",         "vt100",          "screen",
					     "tmux-256color", "xterm-256color", "xterm-direct",
					     "nonsense",      "xterm-nonsense" };
	static const char *const locales[] = { "C.UTF-8", "C" };
	static const char *const no_color[] = { NULL, "1" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(terms) * 4; i++) {
		struct place place = { terms[i / 4], locales[i % 2], no_color[i / 2 % 2], 80, 24 };
		struct recording recording;

		start(&recording, &place);
		assert_true(take(&recording, true) > 500);
		after_keys(&recording, "j");
		assert_int_equal(finish(&recording), 0);
		assert_restored(&recording);
		assert_true(has(&recording, "Services"));
		if (strcmp(place.locale, "C") == 0)
			for (size_t k = 0; k < recording.bytes.len; k++)
				assert_true((unsigned char)recording.bytes.buf[k] < 0x80);
		if (place.no_color || strcmp(place.term, "vt100") == 0) {
			assert_false(has(&recording, "\033[31m"));
			assert_false(has(&recording, "\033[38;5"));
			assert_false(has(&recording, "\033[1;31m"));
		}
		release(&recording);
	}
}

static void a_crash_gives_the_terminal_back(void **state)
{
	struct place place = { "xterm-256color", "C.UTF-8", NULL, 80, 24 };
	struct recording recording;
	int status;

	(void)state;
	start(&recording, &place);
	take(&recording, true);
	order(&recording, "c");
	take(&recording, true);
	assert_int_equal(waitpid(recording.pid, &status, 0), recording.pid);
	assert_true(WIFSIGNALED(status));
	assert_int_equal(WTERMSIG(status), SIGSEGV);
	assert_true(has(&recording, "\033[?2004l"));
	assert_true(has(&recording, "\033[?1049l"));
	assert_true(has(&recording, "fatal signal"));
	assert_restored(&recording);
	close(recording.orders);
	release(&recording);
}

static void signals_to_end_give_the_terminal_back(void **state)
{
	static const int signals[] = { SIGTERM, SIGHUP };
	struct place place = { "xterm-256color", "C.UTF-8", NULL, 80, 24 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(signals); i++) {
		struct recording recording;
		int status;

		start(&recording, &place);
		take(&recording, true);
		kill(recording.pid, signals[i]);
		take(&recording, true);
		assert_int_equal(waitpid(recording.pid, &status, 0), recording.pid);
		assert_int_equal(status, 0);
		assert_true(has(&recording, "\033[?1049l"));
		assert_restored(&recording);
		close(recording.orders);
		release(&recording);
	}
}

static void stopped_from_outside_it_draws_again_too(void **state)
{
	struct place place = { "xterm-256color", "C.UTF-8", NULL, 80, 24 };
	struct recording recording;
	struct termios mode;
	int status;

	(void)state;
	start(&recording, &place);
	take(&recording, true);
	kill(recording.pid, SIGSTOP);
	assert_int_equal(waitpid(recording.pid, &status, WUNTRACED), recording.pid);
	/* As a shell does that takes the terminal back. */
	assert_int_equal(tcsetattr(recording.master, TCSANOW, &recording.before), 0);
	strbuf_reset(&recording.bytes);
	kill(recording.pid, SIGCONT);
	usleep(20000);
	order(&recording, "f");
	take(&recording, true);
	order(&recording, "f");
	take(&recording, false);
	assert_true(has(&recording, "Services"));
	assert_int_equal(tcgetattr(recording.master, &mode), 0);
	assert_false(mode.c_lflag & ICANON);
	assert_int_equal(finish(&recording), 0);
	assert_restored(&recording);
	release(&recording);
}

static void stopped_it_gives_the_terminal_back_and_continued_it_draws_again(void **state)
{
	struct place place = { "xterm-256color", "C.UTF-8", NULL, 80, 24 };
	struct recording recording;
	int status;

	(void)state;
	start(&recording, &place);
	take(&recording, true);
	kill(recording.pid, SIGTSTP);
	assert_int_equal(waitpid(recording.pid, &status, WUNTRACED), recording.pid);
	assert_true(WIFSTOPPED(status));
	take(&recording, false);
	assert_restored(&recording);
	strbuf_reset(&recording.bytes);
	kill(recording.pid, SIGCONT);
	order(&recording, "f");
	take(&recording, true);
	order(&recording, "f");
	take(&recording, false);
	assert_true(has(&recording, "Services"));
	assert_int_equal(finish(&recording), 0);
	assert_restored(&recording);
	release(&recording);
}

static void it_follows_the_size_of_the_window(void **state)
{
	static const struct winsize sizes[] = {
		{ 24, 120, 0, 0 }, { 60, 200, 0, 0 }, { 15, 59, 0, 0 },
		{ 2, 10, 0, 0 },   { 1, 1, 0, 0 },    { 24, 80, 0, 0 },
	};
	struct place place = { "xterm-256color", "C.UTF-8", NULL, 80, 24 };
	struct recording recording;

	(void)state;
	start(&recording, &place);
	take(&recording, true);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		strbuf_reset(&recording.bytes);
		ioctl(recording.master, TIOCSWINSZ, &sizes[i]);
		usleep(20000);
		order(&recording, "fff");
		assert_true(take(&recording, true) > 0);
	}
	assert_true(has(&recording, "Services"));
	assert_int_equal(finish(&recording), 0);
	release(&recording);
}

static void a_paste_is_swallowed_and_the_end_of_input_ends_it(void **state)
{
	struct place place = { "xterm-256color", "C.UTF-8", NULL, 80, 24 };
	struct recording recording;
	int status;

	(void)state;
	start(&recording, &place);
	take(&recording, true);
	after_keys(&recording, "\033[200~qQARDL\033[201~");
	assert_true(has(&recording, "paste ignored: 6 bytes"));
	after_keys(&recording, "\033[B"); /* an arrow is one key, not Esc and two letters */
	assert_int_equal(waitpid(recording.pid, &status, WNOHANG), 0);
	close(recording.master);
	assert_int_equal(waitpid(recording.pid, &status, 0), recording.pid);
	close(recording.orders);
	strbuf_release(&recording.bytes);
}

static void ctrl_c_cancels_and_only_twice_quits(void **state)
{
	struct place place = { "xterm-256color", "C.UTF-8", NULL, 80, 24 };
	struct recording recording;
	int status;

	(void)state;
	start(&recording, &place);
	take(&recording, true);
	after_keys(&recording, ":list");
	after_keys(&recording, "\x03");
	assert_int_equal(waitpid(recording.pid, &status, WNOHANG), 0);
	after_keys(&recording, "\x03");
	assert_true(has(&recording, "press q to quit"));
	assert_int_equal(write(recording.master, "\x03", 1), 1);
	take(&recording, true);
	assert_int_equal(waitpid(recording.pid, &status, 0), recording.pid);
	assert_int_equal(status, 0);
	assert_restored(&recording);
	close(recording.orders);
	release(&recording);
}

static void the_pager_has_the_terminal_and_gives_it_back(void **state)
{
	struct place place = { "xterm-256color", "C.UTF-8", NULL, 80, 24 };
	struct recording recording;

	(void)state;
	setenv("PAGER", "head -n 3", 1);
	start(&recording, &place);
	take(&recording, true);
	strbuf_reset(&recording.bytes);
	after_keys(&recording, "p");
	order(&recording, "tt");
	take(&recording, true);
	assert_true(has(&recording, "# services of dc1"));
	assert_true(has(&recording, "\033[?1049l"));
	for (int i = 0; i < 50 && !has(&recording, "\033[?1049h"); i++) {
		order(&recording, "t");
		take(&recording, false);
	}
	order(&recording, "ff");
	take(&recording, false);
	assert_true(has(&recording, "\033[?1049h"));
	assert_int_equal(finish(&recording), 0);
	assert_restored(&recording);
	release(&recording);
	unsetenv("PAGER");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(what_is_sent_keeps_within_the_budgets),
		cmocka_unit_test(every_terminal_is_left_as_it_was),
		cmocka_unit_test(a_crash_gives_the_terminal_back),
		cmocka_unit_test(signals_to_end_give_the_terminal_back),
		cmocka_unit_test(stopped_from_outside_it_draws_again_too),
		cmocka_unit_test(stopped_it_gives_the_terminal_back_and_continued_it_draws_again),
		cmocka_unit_test(it_follows_the_size_of_the_window),
		cmocka_unit_test(ctrl_c_cancels_and_only_twice_quits),
		cmocka_unit_test(the_pager_has_the_terminal_and_gives_it_back),
		cmocka_unit_test(a_paste_is_swallowed_and_the_end_of_input_ends_it),
	};

	signal(SIGPIPE, SIG_IGN);
	return cmocka_run_group_tests(tests, NULL, NULL);
}
