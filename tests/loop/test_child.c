#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>
#include <errno.h>
#include <signal.h>
#include <sys/wait.h>

#include "binnacle/base/limits.h"
#include "binnacle/loop/child.h"
#include "binnacle/loop/loop.h"
#include "support/peer.h"

struct run {
	struct loop *loop;
	struct child *child;
	bool done;
	int runs;
	struct child_result result;
	char output[4096];
	size_t output_len;
};

static int set_up(void **state)
{
	static struct run run;

	run = (struct run){ .loop = loop_new() };
	*state = &run;
	return 0;
}

static int tear_down(void **state)
{
	struct run *run = *state;

	loop_free(run->loop);
	/* Nothing is left to wait for. */
	assert_int_equal(waitpid(-1, NULL, WNOHANG), -1);
	assert_int_equal(errno, ECHILD);
	return 0;
}

static void on_done(void *arg, const struct child_result *result)
{
	struct run *run = arg;

	run->done = true;
	run->runs++;
	run->result = *result;
	run->output_len = result->output->len;
	strncpy(run->output, result->output->buf, sizeof(run->output) - 1);
	/* Careless cleaning up inside the completion is harmless. */
	child_cancel(&run->child);
}

static void start(struct run *run, const char *script, int64_t timeout_ms)
{
	const char *argv[] = { "sh", "-c", script, NULL };
	struct err err;

	run->done = false;
	run->child =
		child_run(run->loop, &(struct child_spec){ .argv = argv, .timeout_ms = timeout_ms },
			  on_done, run, &err);
	assert_non_null(run->child);
	assert_false(run->done);
}

static void output_and_exit_code_arrive_once(void **state)
{
	struct run *run = *state;

	start(run, "echo out; echo err >&2; exit 3", 0);
	assert_true(run_until(run->loop, &run->done));
	assert_int_equal(run->result.exit_code, 3);
	assert_string_equal(run->output, "out\nerr\n");
	assert_false(run->result.timed_out);
	run_for(run->loop, 20);
	assert_int_equal(run->runs, 1);
}

static void several_children_share_the_signal(void **state)
{
	struct run *run = *state;
	struct run other = { .loop = run->loop }, third = { .loop = run->loop };

	start(run, "exit 1", 0);
	start(&other, "exit 2", 0);
	start(&third, "sleep 0.05; exit 3", 0);
	assert_true(run_until(run->loop, &third.done));
	assert_true(run_until(run->loop, &run->done));
	assert_true(run_until(run->loop, &other.done));
	assert_int_equal(run->result.exit_code, 1);
	assert_int_equal(other.result.exit_code, 2);
	assert_int_equal(third.result.exit_code, 3);
}

static void a_program_that_does_not_exist_is_an_error_of_the_start(void **state)
{
	struct run *run = *state;
	const char *argv[] = { "/no/such/program", NULL };
	struct err err = { 0 };

	assert_null(child_run(run->loop, &(struct child_spec){ .argv = argv }, on_done, run, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_string_equal(err.msg, "cannot run /no/such/program: no such program");
	argv[0] = "/";
	assert_null(child_run(run->loop, &(struct child_spec){ .argv = argv }, on_done, run, &err));
	assert_int_equal(err.code, ERR_DENIED);
	run_for(run->loop, 20);
	assert_int_equal(run->runs, 0);
}

static void a_folder_that_does_not_exist_is_named(void **state)
{
	struct run *run = *state;
	const char *argv[] = { "true", NULL };
	struct err err = { 0 };

	assert_null(child_run(run->loop, &(struct child_spec){ .argv = argv, .cwd = "/no/such" },
			      on_done, run, &err));
	assert_non_null(strstr(err.msg, "/no/such"));
}

static void environment_is_added_and_replaced_and_the_folder_is_entered(void **state)
{
	struct run *run = *state;
	const char *argv[] = { "sh", "-c", "echo \"$BN_A $BN_B $BN_C\"; pwd", NULL };
	const char *env[] = { "BN_A=new", "BN_B=added", NULL };
	struct err err;

	setenv("BN_A", "old", 1);
	setenv("BN_C", "kept", 1);
	run->child = child_run(run->loop,
			       &(struct child_spec){ .argv = argv, .env = env, .cwd = "/usr" },
			       on_done, run, &err);
	assert_non_null(run->child);
	assert_true(run_until(run->loop, &run->done));
	assert_string_equal(run->output, "new added kept\n/usr\n");
}

static void the_child_gets_no_descriptor_of_ours_and_no_ignored_signal(void **state)
{
	struct run *run = *state;
	const char *ignored;
	unsigned long long mask;
	int ours = dup(1); /* not close-on-exec, as from a careless library */

	start(run,
	      "ls /proc/self/fd | tr '\\n' ' '; readlink /proc/self/fd/0; "
	      "grep SigIgn /proc/self/status",
	      0);
	assert_true(run_until(run->loop, &run->done));
	close(ours);
	/* 3 is the folder that ls reads. */
	assert_memory_equal(run->output, "0 1 2 3 /dev/null\n", 18);
	ignored = strstr(run->output, "SigIgn:");
	assert_non_null(ignored);
	mask = strtoull(ignored + strlen("SigIgn:"), NULL, 16);
	assert_int_equal(mask >> (SIGPIPE - 1) & 1, 0);
}

static void more_output_than_the_limit_is_dropped(void **state)
{
	struct run *run = *state;

	start(run, "head -c 3000000 /dev/zero | tr '\\0' x; exit 5", 0);
	assert_true(run_until(run->loop, &run->done));
	assert_int_equal(run->result.exit_code, 5);
	assert_int_equal(run->output_len, LIMIT_CHILD_OUTPUT);
}

static void a_signal_ends_as_128_plus_its_number(void **state)
{
	struct run *run = *state;

	start(run, "kill -SEGV $$", 0);
	assert_true(run_until(run->loop, &run->done));
	assert_int_equal(run->result.exit_code, 128 + SIGSEGV);
}

static void the_time_limit_ends_the_whole_group(void **state)
{
	struct run *run = *state;
	pid_t grandchild;

	start(run, "sleep 100 & echo $!; wait", 700);
	assert_true(run_until(run->loop, &run->done));
	assert_true(run->result.timed_out);
	assert_int_equal(run->result.exit_code, 128 + SIGTERM);
	grandchild = (pid_t)atoi(run->output);
	assert_true(grandchild > 1);
	/* It may be a zombie of init's for a moment, but it does not run any more. */
	for (int i = 0; i < 200 && kill(grandchild, 0) == 0; i++) {
		char path[64], line[256] = "";
		FILE *stat;

		snprintf(path, sizeof(path), "/proc/%d/stat", (int)grandchild);
		stat = fopen(path, "r");
		if (!stat)
			return;
		if (!fgets(line, sizeof(line), stat))
			line[0] = '\0';
		fclose(stat);
		if (strstr(line, ") Z "))
			return;
		run_for(run->loop, 10);
	}
	assert_int_equal(kill(grandchild, 0), -1);
}

static void who_ignores_the_polite_signal_is_killed(void **state)
{
	struct run *run = *state;

	/* Ignored from the start, not from the moment when the shell would come to a trap. */
	signal(SIGTERM, SIG_IGN);
	start(run, "while :; do sleep 0.1; done", 50);
	signal(SIGTERM, SIG_DFL);
	assert_true(run_until(run->loop, &run->done));
	assert_true(run->result.timed_out);
	assert_int_equal(run->result.exit_code, 128 + SIGKILL);
	assert_true(run->result.took_ms >= 2000);
}

static void a_daemon_left_behind_does_not_delay_the_end(void **state)
{
	struct run *run = *state;

	start(run, "sleep 5 & echo $!; echo started", 0);
	assert_true(run_until(run->loop, &run->done));
	assert_non_null(strstr(run->output, "started\n"));
	assert_true(run->result.took_ms < 4000);
	kill((pid_t)atoi(run->output), SIGKILL);
}

static void a_cancelled_child_is_killed_and_its_completion_never_runs(void **state)
{
	struct run *run = *state;

	start(run, "sleep 100", 0);
	child_cancel(&run->child);
	assert_null(run->child);
	child_cancel(&run->child);
	run_for(run->loop, 30);
	assert_int_equal(run->runs, 0);
}

static void a_signal_can_be_sent(void **state)
{
	struct run *run = *state;

	start(run, "trap 'echo got; exit 9' USR1; echo ready; while :; do sleep 0.05; done", 0);
	run_for(run->loop, 200);
	child_signal(run->child, SIGUSR1);
	assert_true(run_until(run->loop, &run->done));
	/* Sent before the trap stood, the signal itself is the end. */
	assert_true(run->result.exit_code == 9 || run->result.exit_code == 128 + SIGUSR1);
}

static void the_environment_can_be_given_whole(void **state)
{
	struct run *run = *state;
	const char *argv[] = { "sh", "-c", "echo \"$BN_A,$BN_C\"", NULL };
	const char *env[] = { "BN_A=given", NULL };
	struct err err;

	setenv("BN_C", "ours", 1);
	run->child = child_run(run->loop,
			       &(struct child_spec){ .argv = argv, .env = env, .only_env = true },
			       on_done, run, &err);
	assert_non_null(run->child);
	assert_true(run_until(run->loop, &run->done));
	assert_string_equal(run->output, "given,\n");
}

static void standard_input_and_output_can_be_ours(void **state)
{
	struct run *run = *state;
	const char *argv[] = { "sh", "-c", "read code; exit $code", NULL };
	int ends[2], saved = dup(0);
	struct err err;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(write(ends[1], "7\n", 2), 2);
	assert_int_equal(dup2(ends[0], 0), 0);
	run->child = child_run(run->loop, &(struct child_spec){ .argv = argv, .inherit = true },
			       on_done, run, &err);
	assert_int_equal(dup2(saved, 0), 0);
	close(saved);
	close(ends[0]);
	close(ends[1]);
	assert_non_null(run->child);
	assert_true(run_until(run->loop, &run->done));
	assert_int_equal(run->result.exit_code, 7);
	assert_int_equal(run->output_len, 0);
}

static void a_child_that_is_let_go_lives_on_and_its_completion_never_runs(void **state)
{
	struct run *run = *state;
	const char *argv[] = { "sh", "-c", "echo alive >&0", NULL };
	char text[16] = "";
	int ends[2], saved = dup(0);
	struct err err;

	assert_int_equal(pipe(ends), 0);
	assert_int_equal(dup2(ends[1], 0), 0);
	run->child = child_run(run->loop, &(struct child_spec){ .argv = argv, .inherit = true },
			       on_done, run, &err);
	assert_int_equal(dup2(saved, 0), 0);
	close(saved);
	close(ends[1]);
	assert_non_null(run->child);
	child_forget(&run->child);
	assert_null(run->child);
	assert_int_equal(read(ends[0], text, sizeof(text)), 6);
	close(ends[0]);
	run_for(run->loop, 50);
	assert_int_equal(run->runs, 0);
	assert_memory_equal(text, "alive\n", 6);
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(output_and_exit_code_arrive_once),
		TEST(several_children_share_the_signal),
		TEST(a_program_that_does_not_exist_is_an_error_of_the_start),
		TEST(a_folder_that_does_not_exist_is_named),
		TEST(environment_is_added_and_replaced_and_the_folder_is_entered),
		TEST(the_child_gets_no_descriptor_of_ours_and_no_ignored_signal),
		TEST(more_output_than_the_limit_is_dropped),
		TEST(a_signal_ends_as_128_plus_its_number),
		TEST(the_time_limit_ends_the_whole_group),
		TEST(who_ignores_the_polite_signal_is_killed),
		TEST(a_daemon_left_behind_does_not_delay_the_end),
		TEST(a_cancelled_child_is_killed_and_its_completion_never_runs),
		TEST(a_signal_can_be_sent),
		TEST(the_environment_can_be_given_whole),
		TEST(standard_input_and_output_can_be_ours),
		TEST(a_child_that_is_let_go_lives_on_and_its_completion_never_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
