/* timestamp: the moment of the execution, in a layout of Go's. A layout is the reference moment
 * (Mon Jan 2 15:04:05 MST 2006) written as the output should look. All times are UTC. */
#include <string.h>
#include <time.h>

#include "binnacle/base/clock.h"
#include "funcs.h"

#define LAYOUT_RFC3339 "2006-01-02T15:04:05Z07:00"

static const char *const months[] = { "January",   "February", "March",    "April",
				      "May",       "June",     "July",     "August",
				      "September", "October",  "November", "December" };
static const char *const days[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
				    "Thursday", "Friday", "Saturday" };

enum part {
	PART_YEAR,
	PART_YEAR_2,
	PART_MONTH,
	PART_MONTH_2,
	PART_MONTH_NAME,
	PART_MONTH_SHORT,
	PART_DAY,
	PART_DAY_2,
	PART_DAY_SPACE,
	PART_DAY_OF_YEAR,
	PART_DAY_OF_YEAR_SPACE,
	PART_WEEKDAY,
	PART_WEEKDAY_SHORT,
	PART_HOUR,
	PART_HOUR_12,
	PART_HOUR_12_2,
	PART_MINUTE,
	PART_MINUTE_2,
	PART_SECOND,
	PART_SECOND_2,
	PART_PM,
	PART_PM_SMALL,
	PART_ZONE_NAME,
	PART_ZONE_Z,
	PART_ZONE,
	PART_ZONE_COLON,
	PART_ZONE_HOURS,
	PART_ZONE_SECONDS,
	PART_ZONE_COLON_SECONDS,
};

/* Longer ones first where one begins another. */
static const struct {
	const char *text;
	enum part part;
} parts[] = {
	{ "January", PART_MONTH_NAME },
	{ "Jan", PART_MONTH_SHORT },
	{ "Monday", PART_WEEKDAY },
	{ "Mon", PART_WEEKDAY_SHORT },
	{ "MST", PART_ZONE_NAME },
	{ "2006", PART_YEAR },
	{ "__2", PART_DAY_OF_YEAR_SPACE },
	{ "_2", PART_DAY_SPACE },
	{ "002", PART_DAY_OF_YEAR },
	{ "01", PART_MONTH_2 },
	{ "02", PART_DAY_2 },
	{ "03", PART_HOUR_12_2 },
	{ "04", PART_MINUTE_2 },
	{ "05", PART_SECOND_2 },
	{ "06", PART_YEAR_2 },
	{ "15", PART_HOUR },
	{ "1", PART_MONTH },
	{ "2", PART_DAY },
	{ "3", PART_HOUR_12 },
	{ "4", PART_MINUTE },
	{ "5", PART_SECOND },
	{ "PM", PART_PM },
	{ "pm", PART_PM_SMALL },
	{ "-07:00:00", PART_ZONE_COLON_SECONDS },
	{ "-070000", PART_ZONE_SECONDS },
	{ "-07:00", PART_ZONE_COLON },
	{ "-0700", PART_ZONE },
	{ "-07", PART_ZONE_HOURS },
	{ "Z07:00:00", PART_ZONE_Z },
	{ "Z070000", PART_ZONE_Z },
	{ "Z07:00", PART_ZONE_Z },
	{ "Z0700", PART_ZONE_Z },
	{ "Z07", PART_ZONE_Z },
};

static void add_date(struct strbuf *out, enum part part, const struct tm *tm)
{
	switch (part) {
	case PART_YEAR:
		strbuf_addf(out, "%04d", tm->tm_year + 1900);
		break;
	case PART_YEAR_2:
		strbuf_addf(out, "%02d", tm->tm_year % 100);
		break;
	case PART_MONTH:
		strbuf_addf(out, "%d", tm->tm_mon + 1);
		break;
	case PART_MONTH_2:
		strbuf_addf(out, "%02d", tm->tm_mon + 1);
		break;
	case PART_MONTH_NAME:
		strbuf_addstr(out, months[tm->tm_mon]);
		break;
	case PART_MONTH_SHORT:
		strbuf_add(out, months[tm->tm_mon], 3);
		break;
	case PART_DAY:
		strbuf_addf(out, "%d", tm->tm_mday);
		break;
	case PART_DAY_2:
		strbuf_addf(out, "%02d", tm->tm_mday);
		break;
	case PART_DAY_SPACE:
		strbuf_addf(out, "%2d", tm->tm_mday);
		break;
	case PART_DAY_OF_YEAR:
		strbuf_addf(out, "%03d", tm->tm_yday + 1);
		break;
	case PART_DAY_OF_YEAR_SPACE:
		strbuf_addf(out, "%3d", tm->tm_yday + 1);
		break;
	case PART_WEEKDAY:
		strbuf_addstr(out, days[tm->tm_wday]);
		break;
	default:
		strbuf_add(out, days[tm->tm_wday], 3);
		break;
	}
}

static void add_clock(struct strbuf *out, enum part part, const struct tm *tm)
{
	int hour = tm->tm_hour % 12 ? tm->tm_hour % 12 : 12;

	switch (part) {
	case PART_HOUR:
		strbuf_addf(out, "%02d", tm->tm_hour);
		break;
	case PART_HOUR_12:
		strbuf_addf(out, "%d", hour);
		break;
	case PART_HOUR_12_2:
		strbuf_addf(out, "%02d", hour);
		break;
	case PART_MINUTE:
		strbuf_addf(out, "%d", tm->tm_min);
		break;
	case PART_MINUTE_2:
		strbuf_addf(out, "%02d", tm->tm_min);
		break;
	case PART_SECOND:
		strbuf_addf(out, "%d", tm->tm_sec);
		break;
	case PART_SECOND_2:
		strbuf_addf(out, "%02d", tm->tm_sec);
		break;
	case PART_PM:
		strbuf_addstr(out, tm->tm_hour < 12 ? "AM" : "PM");
		break;
	default:
		strbuf_addstr(out, tm->tm_hour < 12 ? "am" : "pm");
		break;
	}
}

static void add_zone(struct strbuf *out, enum part part)
{
	switch (part) {
	case PART_ZONE_NAME:
		strbuf_addstr(out, "UTC");
		break;
	case PART_ZONE_Z:
		strbuf_addch(out, 'Z');
		break;
	case PART_ZONE:
		strbuf_addstr(out, "+0000");
		break;
	case PART_ZONE_COLON:
		strbuf_addstr(out, "+00:00");
		break;
	case PART_ZONE_HOURS:
		strbuf_addstr(out, "+00");
		break;
	case PART_ZONE_SECONDS:
		strbuf_addstr(out, "+000000");
		break;
	default:
		strbuf_addstr(out, "+00:00:00");
		break;
	}
}

/* ".000" or ",999": as many digits, the nines without trailing zeros. Returns bytes used. */
static size_t add_fraction(struct strbuf *out, const char *at, int milliseconds)
{
	size_t len = 1, start = out->len;
	char digits[16] = "000000000";

	while (at[len] == at[1])
		len++;
	/* Followed by another digit it is no fraction. */
	if (at[len] >= '0' && at[len] <= '9')
		return 0;
	digits[0] = (char)('0' + milliseconds / 100);
	digits[1] = (char)('0' + milliseconds / 10 % 10);
	digits[2] = (char)('0' + milliseconds % 10);
	strbuf_addch(out, at[0]);
	for (size_t i = 1; i < len; i++)
		strbuf_addch(out, i <= 9 ? digits[i - 1] : '0');
	if (at[1] == '0')
		return len;
	while (out->len > start + 1 && out->buf[out->len - 1] == '0')
		strbuf_setlen(out, out->len - 1);
	if (out->len == start + 1)
		strbuf_setlen(out, start);
	return len;
}

static size_t add_part(struct strbuf *out, const char *at, const struct tm *tm)
{
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		size_t len = strlen(parts[i].text);
		enum part part = parts[i].part;

		if (strncmp(at, parts[i].text, len) != 0)
			continue;
		/* "Month" and "Jane" are words. */
		if ((part == PART_MONTH_SHORT || part == PART_WEEKDAY_SHORT) && at[len] >= 'a' &&
		    at[len] <= 'z')
			continue;
		/* In "_2006" the year counts, not the day. */
		if (part == PART_DAY_SPACE && strncmp(at + 1, "2006", 4) == 0)
			continue;
		if (part >= PART_ZONE_NAME)
			add_zone(out, part);
		else if (part >= PART_HOUR)
			add_clock(out, part, tm);
		else
			add_date(out, part, tm);
		return len;
	}
	return 0;
}

static void format_time(struct strbuf *out, const char *layout, int64_t now_ms)
{
	time_t seconds = (time_t)(now_ms / 1000);
	struct tm tm;

	gmtime_r(&seconds, &tm);
	while (*layout) {
		bool fraction = (*layout == '.' || *layout == ',') &&
				(layout[1] == '0' || layout[1] == '9');
		size_t used = 0;

		if (fraction)
			used = add_fraction(out, layout, (int)(now_ms % 1000));
		if (!used)
			used = add_part(out, layout, &tm);
		if (!used)
			strbuf_addch(out, *layout);
		layout += used ? used : 1;
	}
}

static const struct tmpl_value *time_timestamp(struct call *call)
{
	const struct tmpl_source *source = call_source(call);
	int64_t now_ms = source->now ? source->now(source->arg) : clock_wall_ms();
	struct strbuf out = STRBUF_INIT;

	if (call->count > 1)
		return call_fail(
			call, "timestamp: wrong number of arguments, expected 0 or 1, but got %zu",
			call->count);
	if (call->count && tmpl_string_is(call->args[0], "unix"))
		strbuf_addf(&out, "%lld", (long long)(now_ms / 1000));
	else
		format_time(&out, call->count ? arg_str(call, 0) : LAYOUT_RFC3339, now_ms);
	return tmpl_string_from(call->arena, &out);
}

const struct tmpl_func time_funcs[] = {
	{ "timestamp", "s*", time_timestamp },
	{ NULL, NULL, NULL },
};
