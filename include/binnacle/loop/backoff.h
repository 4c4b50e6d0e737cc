/*
 * loop/backoff.h - delays after failures: base * 2^n, at most `max`, plus up to a tenth of
 * jitter so that many clients do not come back at once.
 */
#ifndef BINNACLE_LOOP_BACKOFF_H
#define BINNACLE_LOOP_BACKOFF_H

#include <stdint.h>

struct backoff {
	int64_t base_ms, max_ms;
	unsigned failures;
};

int64_t backoff_next_ms(struct backoff *backoff); /* counts one more failure */
void backoff_reset(struct backoff *backoff);

#endif
