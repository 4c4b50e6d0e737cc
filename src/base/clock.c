#include "binnacle/base/clock.h"

#include <stdbool.h>
#include <stdio.h>
#include <string.h>
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

int64_t clock_parse_rfc3339(const char *text)
{
	struct tm tm = { 0 };
	int used = 0, hours, minutes;
	int64_t seconds;

	if (sscanf(text, "%4d-%2d-%2dT%2d:%2d:%2d%n", &tm.tm_year, &tm.tm_mon, &tm.tm_mday,
		   &tm.tm_hour, &tm.tm_min, &tm.tm_sec, &used) != 6 ||
	    tm.tm_year < 1970)
		return 0;
	tm.tm_year -= 1900;
	tm.tm_mon -= 1;
	seconds = timegm(&tm);
	text += used;
	text += strspn(text, ".0123456789");
	if (sscanf(text + (*text != '\0'), "%2d:%2d", &hours, &minutes) == 2 &&
	    (*text == '+' || *text == '-'))
		seconds -= (*text == '-' ? -1 : 1) * (hours * 3600 + minutes * 60);
	return seconds * 1000;
}
