/*
 * moment.h - moments and durations as text and back, in layouts of Go's time package: the
 * reference moment, Mon Jan 2 15:04:05 MST 2006, written as the text should look.
 */
#ifndef TMPL_MOMENT_H
#define TMPL_MOMENT_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/tmpl/value.h"

#define MOMENT_RFC3339      "2006-01-02T15:04:05Z07:00"
#define MOMENT_RFC3339_NANO "2006-01-02T15:04:05.999999999Z07:00"
#define MOMENT_PRINTED      "2006-01-02 15:04:05.999999999 -0700 MST"

/* A value of type time, in UTC. */
struct tmpl_value *moment_new(struct arena *arena, int64_t seconds, int nanoseconds);
/* The same moment in another zone: "UTC", "", "Local"; others are UTC. */
const struct tmpl_value *moment_in_zone(struct arena *arena, const struct tmpl_value *moment,
					const char *zone);
void moment_format(struct strbuf *out, const char *layout, const struct tmpl_value *moment);
/* NULL: `message` is Go's. What the layout does not have is that of January 1 of the year 0. */
const struct tmpl_value *moment_parse(struct arena *arena, const char *layout, const char *text,
				      struct strbuf *message);

/* The parts of the calendar. */
struct moment_parts {
	int year, month, day, hour, minute, second, weekday, day_of_year; /* month from 1 */
};
struct moment_parts moment_parts(const struct tmpl_value *moment);
const char *moment_month_name(int month);
const char *moment_weekday_name(int weekday);

/* As messages of Go's time package quote: all that is not plain ASCII is bytes. */
void moment_quote(struct strbuf *out, const char *text, size_t len);

/* duration.c: "1h2m3.5s". False: `message` is Go's. */
bool duration_parse(const char *text, int64_t *nanoseconds, struct strbuf *message);
void duration_format(struct strbuf *out, int64_t nanoseconds);

#endif
