/* From fork to the end of a program that only prints its help. Wall time. */
#include <fcntl.h>
#include <stdlib.h>
#include <sys/wait.h>
#include <unistd.h>

#include "bench/bench.h"

static int start(char *const *argv)
{
	int status = 0;
	pid_t child = fork();

	bench_require(child >= 0, "no process");
	if (child == 0) {
		int null = open("/dev/null", O_RDWR);

		dup2(null, STDOUT_FILENO);
		dup2(null, STDERR_FILENO);
		execvp(argv[0], argv);
		_exit(127);
	}
	waitpid(child, &status, 0);
	return status;
}

static void start_binnacle(void *arg)
{
	bench_require(start((char *[]){ arg, "--batch", "--help", NULL }) == 0,
		      "binnacle --batch --help fails");
}

static void start_true(void *arg)
{
	(void)arg;
	bench_require(start((char *[]){ "true", NULL }) == 0, "true fails");
}

int main(int argc, char **argv)
{
	char *program = getenv("BINNACLE");

	bench_begin(argc, argv);
	bench_run(&(struct bench){ .what = "start-up: binnacle --batch --help",
				   .run = start_binnacle,
				   .baseline = "true",
				   .run_baseline = start_true,
				   .arg = program ? program : "build/binnacle",
				   .uses_wall = true });
	return 0;
}
