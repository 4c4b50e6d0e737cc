/*
 * base/clock.h - what time it is. Tests put a clock of their own in its place.
 */
#ifndef BINNACLE_BASE_CLOCK_H
#define BINNACLE_BASE_CLOCK_H

#include <stddef.h>
#include <stdint.h>

int64_t clock_mono_ms(void); /* never goes back; for ages, timers and timeouts */
int64_t clock_wall_ms(void); /* since 1970, UTC */

/* Tests: from now on both clocks stand still at these times, until advanced or given back. */
void clock_fake(int64_t mono_ms, int64_t wall_ms);
void clock_fake_advance(int64_t ms);
void clock_real(void);

/* "2024-05-01T12:02:11Z" and local "14:02:11". `out` holds at least CLOCK_TEXT_BYTES. */
#define CLOCK_TEXT_BYTES 32
const char *clock_rfc3339(int64_t wall_ms, char *out);
const char *clock_local_hms(int64_t wall_ms, char *out);
/* "2017-11-20T03:12:10.123Z", or with an offset, to the second; 0 for year 1 ("never") and for
 * nonsense. */
int64_t clock_parse_rfc3339(const char *text);

#endif
