#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <fcntl.h>
#include <signal.h>
#include <time.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/loop/backoff.h"
#include "binnacle/loop/loop.h"

struct trace {
	struct loop *loop;
	char text[128]; /* what ran, in order */
	struct loop_timer *timer;
	struct loop_deferred *deferred;
	struct loop_fd *fd;
	struct loop_hook *hook;
	struct loop_signal *signal, *other_signal;
	int runs;
};

static void note(struct trace *trace, char c)
{
	size_t len = strlen(trace->text);

	assert_true(len + 1 < sizeof(trace->text));
	trace->text[len] = c;
	trace->text[len + 1] = '\0';
}

static int set_up(void **state)
{
	static struct trace trace;

	trace = (struct trace){ .loop = loop_new() };
	clock_fake(1000, 0);
	*state = &trace;
	return 0;
}

static int tear_down(void **state)
{
	struct trace *trace = *state;

	loop_free(trace->loop);
	clock_real();
	return 0;
}

static void note_a(void *arg)
{
	note(arg, 'a');
}

static void note_b(void *arg)
{
	note(arg, 'b');
}

static void note_c(void *arg)
{
	note(arg, 'c');
}

static void timers_run_when_they_are_due_and_in_order(void **state)
{
	struct trace *trace = *state;

	loop_timer_start(trace->loop, 30, note_c, trace);
	loop_timer_start(trace->loop, 10, note_a, trace);
	loop_timer_start(trace->loop, 20, note_b, trace);
	loop_turn(trace->loop, 0);
	assert_string_equal(trace->text, "");
	clock_fake_advance(10);
	loop_turn(trace->loop, 0);
	assert_string_equal(trace->text, "a");
	clock_fake_advance(500);
	loop_turn(trace->loop, 0);
	assert_string_equal(trace->text, "abc");
	clock_fake_advance(500);
	loop_turn(trace->loop, 0);
	assert_string_equal(trace->text, "abc");
}

static void timers_due_together_run_in_the_order_of_their_start(void **state)
{
	struct trace *trace = *state;

	loop_timer_start(trace->loop, 5, note_b, trace);
	loop_timer_start(trace->loop, 5, note_a, trace);
	loop_timer_start(trace->loop, 5, note_c, trace);
	clock_fake_advance(5);
	loop_turn(trace->loop, 0);
	assert_string_equal(trace->text, "bac");
}

static void a_stopped_timer_never_runs(void **state)
{
	struct trace *trace = *state;
	struct loop_timer *stopped = loop_timer_start(trace->loop, 10, note_a, trace);

	loop_timer_start(trace->loop, 10, note_b, trace);
	loop_timer_stop(&stopped);
	assert_null(stopped);
	loop_timer_stop(&stopped);
	clock_fake_advance(10);
	loop_turn(trace->loop, 0);
	assert_string_equal(trace->text, "b");
}

static int order_seen[400];
static size_t order_count;

static void note_order(void *arg)
{
	order_seen[order_count++] = *(const int *)arg;
}

static void many_timers_stay_sorted_while_some_are_stopped(void **state)
{
	struct trace *trace = *state;
	static int delays[400];
	struct loop_timer *timers[400];
	unsigned x = 7;

	order_count = 0;
	for (size_t i = 0; i < COUNT_OF(delays); i++) {
		x = x * 1103515245u + 12345u;
		delays[i] = (int)(x >> 16) % 1000;
		timers[i] = loop_timer_start(trace->loop, delays[i], note_order, &delays[i]);
	}
	for (size_t i = 0; i < COUNT_OF(delays); i += 3)
		loop_timer_stop(&timers[i]);
	clock_fake_advance(1000);
	loop_turn(trace->loop, 0);
	assert_int_equal(order_count, 266);
	for (size_t i = 1; i < order_count; i++)
		assert_true(order_seen[i - 1] <= order_seen[i]);
}

static void start_again(void *arg)
{
	struct trace *trace = arg;

	note(trace, 'r');
	trace->timer = loop_timer_start(trace->loop, 0, start_again, trace);
}

static void a_timer_that_starts_itself_again_at_once_runs_once_per_turn(void **state)
{
	struct trace *trace = *state;

	start_again(trace);
	loop_turn(trace->loop, 0);
	loop_turn(trace->loop, 0);
	assert_string_equal(trace->text, "rrr");
	loop_timer_stop(&trace->timer);
}

static void stop_self(void *arg)
{
	struct trace *trace = arg;

	note(trace, 's');
	loop_timer_stop(&trace->timer);
	loop_deferred_cancel(&trace->deferred);
}

static void stopping_oneself_from_inside_does_no_harm(void **state)
{
	struct trace *trace = *state;

	trace->timer = loop_timer_start(trace->loop, 0, stop_self, trace);
	trace->deferred = loop_defer(trace->loop, stop_self, trace);
	trace->deferred = NULL;
	loop_turn(trace->loop, 0);
	assert_string_equal(trace->text, "ss");
	assert_null(trace->timer);
}

static void defer_again(void *arg)
{
	struct trace *trace = arg;

	note(trace, 'd');
	if (trace->runs++ < 2)
		loop_defer(trace->loop, defer_again, trace);
}

static void a_deferred_call_runs_in_the_next_turn_and_never_inside_loop_defer(void **state)
{
	struct trace *trace = *state;

	loop_defer(trace->loop, defer_again, trace);
	assert_string_equal(trace->text, "");
	loop_turn(trace->loop, -1); /* does not sleep while another call waits */
	assert_string_equal(trace->text, "d");
	loop_turn(trace->loop, -1);
	loop_turn(trace->loop, 0); /* the last one: nothing would end a longer sleep */
	assert_string_equal(trace->text, "ddd");
}

static void a_cancelled_deferred_call_never_runs(void **state)
{
	struct trace *trace = *state;
	struct loop_deferred *a = loop_defer(trace->loop, note_a, trace);
	struct loop_deferred *b = loop_defer(trace->loop, note_b, trace);
	struct loop_deferred *c = loop_defer(trace->loop, note_c, trace);

	(void)a;
	(void)c;
	loop_deferred_cancel(&b);
	loop_turn(trace->loop, 0);
	assert_string_equal(trace->text, "ac");
}

static void cancel_the_other(void *arg)
{
	struct trace *trace = arg;

	note(trace, 'x');
	loop_deferred_cancel(&trace->deferred);
}

static void a_deferred_call_may_cancel_the_next_one(void **state)
{
	struct trace *trace = *state;

	loop_defer(trace->loop, cancel_the_other, trace);
	trace->deferred = loop_defer(trace->loop, note_a, trace);
	loop_turn(trace->loop, 0);
	assert_string_equal(trace->text, "x");
}

static void remove_hook(void *arg)
{
	struct trace *trace = arg;

	note(trace, 'h');
	loop_hook_remove(&trace->hook);
}

static void hooks_run_after_deferred_calls_each_turn_until_removed(void **state)
{
	struct trace *trace = *state;
	struct loop_hook *stays = loop_before_sleep(trace->loop, note_a, trace);

	trace->hook = loop_before_sleep(trace->loop, remove_hook, trace);
	loop_defer(trace->loop, note_b, trace);
	loop_turn(trace->loop, 0);
	loop_turn(trace->loop, 0);
	assert_string_equal(trace->text, "baha");
	loop_hook_remove(&stays);
}

static void on_readable(void *arg, int fd, unsigned events)
{
	struct trace *trace = arg;
	char c;

	assert_true(events & LOOP_READ);
	if (read(fd, &c, 1) == 1)
		note(trace, c);
	else
		loop_fd_remove(&trace->fd);
}

static void a_descriptor_reports_bytes_and_the_hang_up(void **state)
{
	struct trace *trace = *state;
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	trace->fd = loop_fd_add(trace->loop, ends[0], LOOP_READ, on_readable, trace);
	loop_turn(trace->loop, 0);
	assert_int_equal(write(ends[1], "xy", 2), 2);
	loop_turn(trace->loop, -1);
	loop_turn(trace->loop, -1);
	assert_string_equal(trace->text, "xy");
	close(ends[1]);
	loop_turn(trace->loop, -1);
	assert_null(trace->fd);
	close(ends[0]);
}

struct pair {
	struct loop_fd *one, *two;
	int runs;
};

static void remove_both(void *arg, int fd, unsigned events)
{
	struct pair *pair = arg;

	(void)fd;
	(void)events;
	pair->runs++;
	loop_fd_remove(&pair->one);
	loop_fd_remove(&pair->two);
}

static void a_descriptor_removed_by_another_callback_is_not_served(void **state)
{
	struct trace *trace = *state;
	struct pair pair = { 0 };
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	pair.one = loop_fd_add(trace->loop, ends[1], LOOP_WRITE, remove_both, &pair);
	pair.two = loop_fd_add(trace->loop, ends[1], LOOP_WRITE, remove_both, &pair);
	loop_turn(trace->loop, 0);
	loop_turn(trace->loop, 0);
	assert_int_equal(pair.runs, 1);
	close(ends[0]);
	close(ends[1]);
}

static void a_descriptor_that_asks_for_nothing_is_not_told_of_a_hang_up(void **state)
{
	struct trace *trace = *state;
	struct pair pair = { 0 };
	int ends[2];

	assert_int_equal(pipe(ends), 0);
	close(ends[1]);
	pair.one = loop_fd_add(trace->loop, ends[0], LOOP_READ, remove_both, &pair);
	loop_fd_set(pair.one, 0);
	loop_turn(trace->loop, 0);
	assert_int_equal(pair.runs, 0);
	loop_fd_set(pair.one, LOOP_READ);
	loop_turn(trace->loop, 0);
	assert_int_equal(pair.runs, 1);
	close(ends[0]);
}

static void on_signal(void *arg, int number)
{
	struct trace *trace = arg;

	note(trace, number == SIGUSR1 ? '1' : '2');
}

static void on_signal_stop(void *arg, int number)
{
	struct trace *trace = arg;

	note(trace, 'o');
	(void)number;
	loop_signal_remove(&trace->signal);
	loop_signal_remove(&trace->other_signal);
}

static void every_watcher_of_a_signal_runs_from_the_loop(void **state)
{
	struct trace *trace = *state;
	struct loop_signal *one = loop_signal_add(trace->loop, SIGUSR1, on_signal, trace);
	struct loop_signal *also = loop_signal_add(trace->loop, SIGUSR1, on_signal, trace);
	struct loop_signal *two = loop_signal_add(trace->loop, SIGUSR2, on_signal, trace);

	raise(SIGUSR1);
	raise(SIGUSR1);
	assert_string_equal(trace->text, "");
	loop_turn(trace->loop, -1);
	assert_string_equal(trace->text, "11");
	loop_signal_remove(&also);
	raise(SIGUSR1);
	raise(SIGUSR2);
	loop_turn(trace->loop, -1);
	assert_string_equal(trace->text, "1112");
	loop_signal_remove(&one);
	loop_signal_remove(&two);
}

static void a_signal_watcher_may_remove_itself_and_others(void **state)
{
	struct trace *trace = *state;
	struct sigaction now;

	trace->signal = loop_signal_add(trace->loop, SIGUSR1, on_signal_stop, trace);
	trace->other_signal = loop_signal_add(trace->loop, SIGUSR1, on_signal, trace);
	raise(SIGUSR1);
	loop_turn(trace->loop, -1);
	assert_string_equal(trace->text, "o");
	sigaction(SIGUSR1, NULL, &now);
	assert_true(now.sa_handler == SIG_DFL);
}

static void a_broken_pipe_is_an_error_and_not_the_end(void **state)
{
	int ends[2];

	(void)state;
	assert_int_equal(pipe(ends), 0);
	close(ends[0]);
	assert_int_equal(write(ends[1], "x", 1), -1);
	close(ends[1]);
}

static void run_stops(void *arg)
{
	struct trace *trace = arg;

	note(trace, 'z');
	loop_stop(trace->loop);
}

static void loop_run_returns_after_loop_stop(void **state)
{
	struct trace *trace = *state;

	loop_defer(trace->loop, run_stops, trace);
	loop_run(trace->loop);
	assert_string_equal(trace->text, "z");
}

static void the_loop_sleeps_until_the_next_timer_and_not_in_steps(void **state)
{
	struct trace *trace = *state;
	struct loop_hook *hook;
	struct timespec before, after;

	clock_real();
	hook = loop_before_sleep(trace->loop, note_a, trace);
	loop_timer_start(trace->loop, 60, run_stops, trace);
	clock_gettime(CLOCK_MONOTONIC, &before);
	loop_run(trace->loop);
	clock_gettime(CLOCK_MONOTONIC, &after);
	/* Each turn notes an 'a': one sleep of the whole time. A millisecond may be lost to
	 * rounding, which costs one turn more. */
	assert_true(strlen(trace->text) <= 4);
	assert_true((after.tv_sec - before.tv_sec) * 1000 +
			    (after.tv_nsec - before.tv_nsec) / 1000000 >=
		    58);
	loop_hook_remove(&hook);
}

static void backoff_doubles_up_to_its_maximum_with_a_tenth_of_jitter(void **state)
{
	static const int64_t wants[] = { 250,  500,   1000,  2000,  4000,
					 8000, 16000, 32000, 60000, 60000 };
	struct backoff backoff = { .base_ms = 250, .max_ms = 60000 };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(wants); i++) {
		int64_t got = backoff_next_ms(&backoff);

		assert_in_range(got, wants[i], wants[i] + wants[i] / 10);
	}
	backoff.failures = 4000000000u;
	assert_in_range(backoff_next_ms(&backoff), 60000, 66000);
	backoff_reset(&backoff);
	assert_in_range(backoff_next_ms(&backoff), 250, 275);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(timers_run_when_they_are_due_and_in_order),
		TEST(timers_due_together_run_in_the_order_of_their_start),
		TEST(a_stopped_timer_never_runs),
		TEST(many_timers_stay_sorted_while_some_are_stopped),
		TEST(a_timer_that_starts_itself_again_at_once_runs_once_per_turn),
		TEST(stopping_oneself_from_inside_does_no_harm),
		TEST(a_deferred_call_runs_in_the_next_turn_and_never_inside_loop_defer),
		TEST(a_cancelled_deferred_call_never_runs),
		TEST(a_deferred_call_may_cancel_the_next_one),
		TEST(hooks_run_after_deferred_calls_each_turn_until_removed),
		TEST(a_descriptor_reports_bytes_and_the_hang_up),
		TEST(a_descriptor_removed_by_another_callback_is_not_served),
		TEST(a_descriptor_that_asks_for_nothing_is_not_told_of_a_hang_up),
		TEST(every_watcher_of_a_signal_runs_from_the_loop),
		TEST(a_signal_watcher_may_remove_itself_and_others),
		TEST(a_broken_pipe_is_an_error_and_not_the_end),
		TEST(loop_run_returns_after_loop_stop),
		TEST(the_loop_sleeps_until_the_next_timer_and_not_in_steps),
		TEST(backoff_doubles_up_to_its_maximum_with_a_tenth_of_jitter),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
