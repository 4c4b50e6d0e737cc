#include "bench/bench.h"

#include <inttypes.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/wait.h>
#include <time.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <malloc.h>
#endif

enum { SAMPLES = 11 };
/* Shorter samples would measure the clock. */
#define SAMPLE_NS 4000000

volatile size_t bench_sink;

void bench_require(bool holds, const char *sentence)
{
	if (holds)
		return;
	fprintf(stderr, "bench: %s\n", sentence);
	exit(1);
}

void bench_begin(int argc, char **argv)
{
	if (argc < 2 || strcmp(argv[1], "--rows") != 0)
		printf("%-42s %10s  %-38s %10s %8s %6s %8s %16s\n", "WHAT", "MEDIAN", "BASELINE",
		       "MEDIAN", "RATIO", "SPREAD", "MB/S", "PEAK MEMORY");
	fflush(stdout);
}

static int64_t now_ns(bool uses_wall)
{
	struct timespec now;

	clock_gettime(uses_wall ? CLOCK_MONOTONIC : CLOCK_PROCESS_CPUTIME_ID, &now);
	return (int64_t)now.tv_sec * 1000000000 + now.tv_nsec;
}

/* Nanoseconds of one run, the mean over `rounds`. */
static double sample(bench_fn *run, void *arg, size_t rounds, bool uses_wall)
{
	int64_t start = now_ns(uses_wall);

	for (size_t i = 0; i < rounds; i++)
		run(arg);
	return (double)(now_ns(uses_wall) - start) / (double)rounds;
}

/* Also warms up caches and allocator. */
static size_t rounds_for(bench_fn *run, void *arg, bool uses_wall)
{
	size_t rounds = 1;

	while (rounds < (1u << 24) &&
	       sample(run, arg, rounds, uses_wall) * (double)rounds < SAMPLE_NS)
		rounds *= 2;
	return rounds;
}

static int compare_doubles(const void *a, const void *b)
{
	double x = *(const double *)a, y = *(const double *)b;

	return (x > y) - (x < y);
}

/* A line "VmHWM:   1234 kB" of our own status; -1: the system has no such file. */
static long status_kb(const char *name)
{
	FILE *file = fopen("/proc/self/status", "r");
	char line[256];
	long kb = -1;

	while (file && kb < 0 && fgets(line, sizeof(line), file))
		if (strncmp(line, name, strlen(name)) == 0)
			kb = strtol(line + strlen(name), NULL, 10);
	if (file)
		fclose(file);
	return kb;
}

/*
 * The peak of one run in a process of its own, whose high-water mark begins at what it was
 * forked with. The allocator gives back what is free before, else the run would not be seen to
 * take it.
 */
static long peak_kb(bench_fn *run, void *arg)
{
	int fds[2];
	long kb = -1;
	pid_t child;

	bench_require(pipe(fds) == 0, "no pipe");
#ifdef __GLIBC__
	malloc_trim(0);
#endif
	child = fork();
	bench_require(child >= 0, "no process");
	if (child == 0) {
		long before = status_kb("VmRSS:"), peak;

		run(arg);
		peak = status_kb("VmHWM:");
		kb = before < 0 || peak < 0 ? -1 : peak - before;
		_exit(write(fds[1], &kb, sizeof(kb)) != (ssize_t)sizeof(kb));
	}
	close(fds[1]);
	if (read(fds[0], &kb, sizeof(kb)) != (ssize_t)sizeof(kb))
		kb = -1;
	close(fds[0]);
	waitpid(child, NULL, 0);
	return kb;
}

static const char *time_text(double ns, char out[16])
{
	if (ns < 1e3)
		snprintf(out, 16, "%.0f ns", ns);
	else if (ns < 1e6)
		snprintf(out, 16, "%.1f us", ns / 1e3);
	else
		snprintf(out, 16, "%.2f ms", ns / 1e6);
	return out;
}

static double quartile(double *samples, int which)
{
	qsort(samples, SAMPLES, sizeof(*samples), compare_doubles);
	return samples[SAMPLES * which / 4];
}

void bench_row(const char *what, double *work_ms, const char *baseline, double *base_ms,
	       size_t count)
{
	double *ratios = calloc(count, sizeof(*ratios)), ratio, spread;
	char texts[2][16], last[16];

	bench_require(ratios && count, "no samples");
	for (size_t i = 0; i < count; i++)
		ratios[i] = work_ms[i] / base_ms[i];
	qsort(ratios, count, sizeof(*ratios), compare_doubles);
	qsort(work_ms, count, sizeof(*work_ms), compare_doubles);
	qsort(base_ms, count, sizeof(*base_ms), compare_doubles);
	ratio = ratios[count / 2];
	spread = (ratios[count * 3 / 4] - ratios[count / 4]) / ratio * 100;
	printf("%-42s %10s  %-38s %10s %8.2f %5.0f%%  95%%: %s\n", what,
	       time_text(work_ms[count / 2] * 1e6, texts[0]), baseline,
	       time_text(base_ms[count / 2] * 1e6, texts[1]), ratio, spread,
	       time_text(work_ms[(count - 1) * 95 / 100] * 1e6, last));
	fflush(stdout);
	free(ratios);
}

void bench_run(const struct bench *bench)
{
	double work[SAMPLES], base[SAMPLES], ratios[SAMPLES], ratio, median;
	long work_kb = -1, base_kb = -1;
	char rate[16] = "", memory[40] = "", texts[2][16];
	size_t rounds, base_rounds;

	if (bench->memory) {
		work_kb = peak_kb(bench->run, bench->arg);
		base_kb = peak_kb(bench->run_baseline, bench->arg);
	}
	rounds = rounds_for(bench->run, bench->arg, bench->uses_wall);
	base_rounds = rounds_for(bench->run_baseline, bench->arg, bench->uses_wall);
	for (size_t i = 0; i < SAMPLES; i++) {
		work[i] = sample(bench->run, bench->arg, rounds, bench->uses_wall);
		base[i] = sample(bench->run_baseline, bench->arg, base_rounds, bench->uses_wall);
		ratios[i] = work[i] / base[i];
	}
	ratio = quartile(ratios, 2);
	median = quartile(work, 2);
	if (bench->bytes)
		snprintf(rate, sizeof(rate), "%.0f", (double)bench->bytes / median * 1e3);
	if (work_kb >= 0 && base_kb >= 0)
		snprintf(memory, sizeof(memory), "%.1f/%.1f MB", (double)work_kb / 1024,
			 (double)base_kb / 1024);
	printf("%-42s %10s  %-38s %10s %8.2f %5.0f%% %8s %16s\n", bench->what,
	       time_text(median, texts[0]), bench->baseline, time_text(quartile(base, 2), texts[1]),
	       ratio, (quartile(ratios, 3) - quartile(ratios, 1)) / ratio * 100, rate, memory);
	fflush(stdout);
}
