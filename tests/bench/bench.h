/*
 * bench/bench.h - a piece of work measured against a baseline, in the same run.
 *
 *     bench_begin(argc, argv);
 *     bench_run(&(struct bench){ .what = "parse", .run = parse, .baseline = "memcpy of the text",
 *                                .run_baseline = copy, .arg = &text });
 *
 * Both get CPU time (wall time when asked for) of several samples that take turns, so that a
 * busy or throttled machine slows both; the median of the ratios of neighbors counts. A run leaves
 * `arg` as the next one needs it.
 */
#ifndef BENCH_BENCH_H
#define BENCH_BENCH_H

#include <stdbool.h>
#include <stddef.h>

typedef void bench_fn(void *arg);

struct bench {
	const char *what;
	bench_fn *run;
	const char *baseline; /* what the baseline does */
	bench_fn *run_baseline;
	void *arg;
	size_t bytes;   /* worked on in one run of `run`: adds MB/s; 0: no such figure */
	bool memory;    /* also print the peak of what each run adds to the resident set */
	bool uses_wall; /* the work is done in other processes */
};

/* Prints the heading of the table unless an argument says --rows. */
void bench_begin(int argc, char **argv);
void bench_run(const struct bench *bench);

/* A row of samples that somebody else took, in milliseconds of wall time, for work and baseline in
 * turns. Adds the 95th percentile of the work. */
void bench_row(const char *what, double *work_ms, const char *baseline, double *base_ms,
	       size_t count);

/* Results go here, so that the compiler cannot leave out the work. */
extern volatile size_t bench_sink;

/* What is measured must also be right; aborts with the sentence. */
void bench_require(bool holds, const char *sentence);

#endif
