#include "binnacle/base/clock.h"

#include <stdbool.h>
#include <time.h>

static struct {
	bool fake;
	int64_t mono_ms, wall_ms;
} state;

static int64_t read_clock(clockid_t id)
{
	struct timespec ts;

	clock_gettime(id, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

int64_t clock_mono_ms(void)
{
	return state.fake ? state.mono_ms : read_clock(CLOCK_MONOTONIC);
}

int64_t clock_wall_ms(void)
{
	return state.fake ? state.wall_ms : read_clock(CLOCK_REALTIME);
}

void clock_fake(int64_t mono_ms, int64_t wall_ms)
{
	state.fake = true;
	state.mono_ms = mono_ms;
	state.wall_ms = wall_ms;
}

void clock_fake_advance(int64_t ms)
{
	state.mono_ms += ms;
	state.wall_ms += ms;
}

void clock_real(void)
{
	state.fake = false;
}

const char *clock_rfc3339(int64_t wall_ms, char *out)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(out, CLOCK_TEXT_BYTES, "%Y-%m-%dT%H:%M:%SZ", &tm);
	return out;
}

const char *clock_local_hms(int64_t wall_ms, char *out)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct tm tm;

	localtime_r(&seconds, &tm);
	strftime(out, CLOCK_TEXT_BYTES, "%H:%M:%S", &tm);
	return out;
}
