#include "binnacle/loop/backoff.h"

#include <unistd.h>

#include "binnacle/base/clock.h"

/* xorshift64: the jitter only has to differ between programs, not to be unpredictable. */
static uint64_t next_random(void)
{
	static uint64_t x;

	if (x == 0)
		x = ((uint64_t)clock_wall_ms() << 20) ^ ((uint64_t)getpid() << 1) ^ 1;
	x ^= x << 13;
	x ^= x >> 7;
	x ^= x << 17;
	return x;
}

int64_t backoff_next_ms(struct backoff *backoff)
{
	int64_t delay_ms = backoff->base_ms;

	for (unsigned i = 0; i < backoff->failures && delay_ms < backoff->max_ms; i++)
		delay_ms *= 2;
	if (delay_ms > backoff->max_ms)
		delay_ms = backoff->max_ms;
	backoff->failures++;
	return delay_ms + (int64_t)(next_random() % (uint64_t)(delay_ms / 10 + 1));
}

void backoff_reset(struct backoff *backoff)
{
	backoff->failures = 0;
}
