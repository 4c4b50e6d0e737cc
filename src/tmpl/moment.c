/* Layouts are read part by part, in the same way for writing and for reading. */
#include "moment.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#define SECONDS_MAX INT64_C(60000000000000000) /* years are ints */

static const char *const months[] = { "January",   "February", "March",    "April",
				      "May",       "June",     "July",     "August",
				      "September", "October",  "November", "December" };
static const char *const days[] = { "Sunday",   "Monday", "Tuesday", "Wednesday",
				    "Thursday", "Friday", "Saturday" };

enum part {
	PART_NONE,
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
	PART_FRACTION,       /* .000: as many digits */
	PART_FRACTION_SHORT, /* .999: without zeros at the end */
	PART_ZONE_NAME,
	PART_ZONE, /* one of those in numbers */
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
	{ "-07:00:00", PART_ZONE },
	{ "-070000", PART_ZONE },
	{ "-07:00", PART_ZONE },
	{ "-0700", PART_ZONE },
	{ "-07", PART_ZONE },
	{ "Z07:00:00", PART_ZONE },
	{ "Z070000", PART_ZONE },
	{ "Z07:00", PART_ZONE },
	{ "Z0700", PART_ZONE },
	{ "Z07", PART_ZONE },
};

const char *moment_month_name(int month)
{
	return months[month - 1];
}

const char *moment_weekday_name(int weekday)
{
	return days[weekday];
}

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

/* ".000" or ",999", unless it goes on in digits. Returns bytes. */
static size_t fraction_len(const char *at)
{
	size_t len = 1;

	if ((at[0] != '.' && at[0] != ',') || (at[1] != '0' && at[1] != '9'))
		return 0;
	while (at[len] == at[1])
		len++;
	return is_digit(at[len]) ? 0 : len;
}

/* The part that starts here, and its bytes; PART_NONE: other text. */
static enum part part_at(const char *at, size_t *len)
{
	*len = fraction_len(at);
	if (*len)
		return at[1] == '0' ? PART_FRACTION : PART_FRACTION_SHORT;
	for (size_t i = 0; i < sizeof(parts) / sizeof(parts[0]); i++) {
		enum part part = parts[i].part;

		*len = strlen(parts[i].text);
		if (strncmp(at, parts[i].text, *len) != 0)
			continue;
		/* "Month" and "Jane" are words. */
		if ((part == PART_MONTH_SHORT || part == PART_WEEKDAY_SHORT) && at[*len] >= 'a' &&
		    at[*len] <= 'z')
			continue;
		/* In "_2006" the year counts, not the day. */
		if (part == PART_DAY_SPACE && strncmp(at + 1, "2006", 4) == 0)
			continue;
		return part;
	}
	*len = 1;
	return PART_NONE;
}

struct tmpl_value *moment_new(struct arena *arena, int64_t seconds, int nanoseconds)
{
	struct tmpl_value *moment = arena_alloc(arena, sizeof(*moment));

	if (seconds > SECONDS_MAX)
		seconds = SECONDS_MAX;
	if (seconds < -SECONDS_MAX)
		seconds = -SECONDS_MAX;
	moment->type = &tmpl_type_time;
	moment->u.time.seconds = seconds;
	moment->u.time.nanoseconds = nanoseconds;
	moment->u.time.zone = "UTC";
	return moment;
}

const struct tmpl_value *moment_in_zone(struct arena *arena, const struct tmpl_value *moment,
					const char *zone)
{
	struct tmpl_value *made =
		moment_new(arena, moment->u.time.seconds, moment->u.time.nanoseconds);
	time_t seconds = (time_t)moment->u.time.seconds;
	struct tm tm;

	if (strcmp(zone, "Local") == 0 && localtime_r(&seconds, &tm)) {
		made->u.time.offset = (int)tm.tm_gmtoff;
		made->u.time.zone = arena_strdup(arena, tm.tm_zone);
	}
	return made;
}

/* Days since 1970 of a date in the proleptic Gregorian calendar, and back. */
static int64_t days_from_date(int64_t year, int month, int day)
{
	int64_t y = month <= 2 ? year - 1 : year, era = (y >= 0 ? y : y - 399) / 400;
	int64_t of_era = y - era * 400, of_year = (153 * (month + (month > 2 ? -3 : 9)) + 2) / 5;

	of_year += day - 1;
	return era * 146097 + of_era * 365 + of_era / 4 - of_era / 100 + of_year - 719468;
}

struct moment_parts moment_parts(const struct tmpl_value *moment)
{
	int64_t local = moment->u.time.seconds + moment->u.time.offset, day = local / 86400,
		rest = local % 86400;
	struct moment_parts parts_of = { 0 };
	int64_t era, of_era, year, of_year, month;

	if (rest < 0) {
		rest += 86400;
		day--;
	}
	parts_of.hour = (int)(rest / 3600);
	parts_of.minute = (int)(rest / 60 % 60);
	parts_of.second = (int)(rest % 60);
	parts_of.weekday = (int)((day % 7 + 11) % 7);
	day += 719468;
	era = (day >= 0 ? day : day - 146096) / 146097;
	of_era = day - era * 146097;
	year = (of_era - of_era / 1460 + of_era / 36524 - of_era / 146096) / 365;
	of_year = of_era - (365 * year + year / 4 - year / 100);
	month = (5 * of_year + 2) / 153;
	parts_of.day = (int)(of_year - (153 * month + 2) / 5 + 1);
	parts_of.month = (int)(month < 10 ? month + 3 : month - 9);
	parts_of.year = (int)(year + era * 400 + (parts_of.month <= 2));
	parts_of.day_of_year = (int)(days_from_date(parts_of.year, parts_of.month, parts_of.day) -
				     days_from_date(parts_of.year, 1, 1)) +
			       1;
	return parts_of;
}

static void add_date(struct strbuf *out, enum part part, const struct moment_parts *of)
{
	switch (part) {
	case PART_YEAR:
		strbuf_addf(out, "%s%04d", of->year < 0 ? "-" : "", abs(of->year));
		break;
	case PART_YEAR_2:
		strbuf_addf(out, "%02d", abs(of->year) % 100);
		break;
	case PART_MONTH:
		strbuf_addf(out, "%d", of->month);
		break;
	case PART_MONTH_2:
		strbuf_addf(out, "%02d", of->month);
		break;
	case PART_MONTH_NAME:
		strbuf_addstr(out, moment_month_name(of->month));
		break;
	case PART_MONTH_SHORT:
		strbuf_add(out, moment_month_name(of->month), 3);
		break;
	case PART_DAY:
		strbuf_addf(out, "%d", of->day);
		break;
	case PART_DAY_2:
		strbuf_addf(out, "%02d", of->day);
		break;
	case PART_DAY_SPACE:
		strbuf_addf(out, "%2d", of->day);
		break;
	case PART_DAY_OF_YEAR:
		strbuf_addf(out, "%03d", of->day_of_year);
		break;
	case PART_DAY_OF_YEAR_SPACE:
		strbuf_addf(out, "%3d", of->day_of_year);
		break;
	case PART_WEEKDAY:
		strbuf_addstr(out, moment_weekday_name(of->weekday));
		break;
	default:
		strbuf_add(out, moment_weekday_name(of->weekday), 3);
		break;
	}
}

static void add_clock(struct strbuf *out, enum part part, const struct moment_parts *of)
{
	int hour = of->hour % 12 ? of->hour % 12 : 12;

	switch (part) {
	case PART_HOUR:
		strbuf_addf(out, "%02d", of->hour);
		break;
	case PART_HOUR_12:
		strbuf_addf(out, "%d", hour);
		break;
	case PART_HOUR_12_2:
		strbuf_addf(out, "%02d", hour);
		break;
	case PART_MINUTE:
		strbuf_addf(out, "%d", of->minute);
		break;
	case PART_MINUTE_2:
		strbuf_addf(out, "%02d", of->minute);
		break;
	case PART_SECOND:
		strbuf_addf(out, "%d", of->second);
		break;
	case PART_SECOND_2:
		strbuf_addf(out, "%02d", of->second);
		break;
	case PART_PM:
		strbuf_addstr(out, of->hour < 12 ? "AM" : "PM");
		break;
	default:
		strbuf_addstr(out, of->hour < 12 ? "am" : "pm");
		break;
	}
}

/* As "Z07:00" or "-070000" says. */
static void add_offset(struct strbuf *out, const char *layout, size_t len, int offset)
{
	bool colons = memchr(layout, ':', len) != NULL;
	int size = abs(offset);

	if (*layout == 'Z' && offset == 0) {
		strbuf_addch(out, 'Z');
		return;
	}
	strbuf_addf(out, "%c%02d", offset < 0 ? '-' : '+', size / 3600);
	if (len > 3)
		strbuf_addf(out, "%s%02d", colons ? ":" : "", size / 60 % 60);
	if (len > 6)
		strbuf_addf(out, "%s%02d", colons ? ":" : "", size % 60);
}

static void add_fraction(struct strbuf *out, const char *layout, size_t len, int nanoseconds)
{
	size_t start = out->len;
	char digits[16];

	snprintf(digits, sizeof(digits), "%09d", nanoseconds);
	strbuf_addch(out, layout[0]);
	for (size_t i = 1; i < len; i++)
		strbuf_addch(out, i <= 9 ? digits[i - 1] : '0');
	if (layout[1] == '0')
		return;
	while (out->len > start + 1 && out->buf[out->len - 1] == '0')
		strbuf_setlen(out, out->len - 1);
	if (out->len == start + 1)
		strbuf_setlen(out, start);
}

static void add_zone_name(struct strbuf *out, const struct tmpl_value *moment)
{
	if (*moment->u.time.zone)
		strbuf_addstr(out, moment->u.time.zone);
	else
		add_offset(out, "-0700", 5, moment->u.time.offset);
}

void moment_format(struct strbuf *out, const char *layout, const struct tmpl_value *moment)
{
	struct moment_parts of = moment_parts(moment);

	while (*layout) {
		size_t len;
		enum part part = part_at(layout, &len);

		if (part == PART_NONE)
			strbuf_addch(out, *layout);
		else if (part == PART_ZONE)
			add_offset(out, layout, len, moment->u.time.offset);
		else if (part == PART_ZONE_NAME)
			add_zone_name(out, moment);
		else if (part == PART_FRACTION || part == PART_FRACTION_SHORT)
			add_fraction(out, layout, len, moment->u.time.nanoseconds);
		else if (part >= PART_HOUR)
			add_clock(out, part, &of);
		else
			add_date(out, part, &of);
		layout += len;
	}
}

/* Reading. */

struct reader {
	const char *at;
	int year, month, day, day_of_year, hour, minute, second, nanoseconds; /* -1: not given */
	bool am, pm, has_offset, is_utc;
	int offset;
	char zone[8];
	const char *out_of_range; /* NULL: nothing */
};

/* `most` digits at most; `fixed`: exactly as many. */
static bool read_number(struct reader *reader, size_t most, bool fixed, int *number)
{
	size_t len = 0;

	*number = 0;
	while (len < most && is_digit(reader->at[len]))
		*number = *number * 10 + (reader->at[len++] - '0');
	if (!len || (fixed && len < most))
		return false;
	reader->at += len;
	return true;
}

static bool read_in(struct reader *reader, bool fixed, int least, int most, const char *what,
		    int *number)
{
	if (!read_number(reader, 2, fixed, number))
		return false;
	if (*number < least || *number > most)
		reader->out_of_range = what;
	return true;
}

static bool read_name(struct reader *reader, const char *const *names, int count, size_t len,
		      int *index)
{
	for (int i = 0; i < count; i++) {
		size_t name = len ? len : strlen(names[i]);

		if (strncasecmp(reader->at, names[i], name) != 0)
			continue;
		reader->at += name;
		*index = i;
		return true;
	}
	return false;
}

static bool read_fraction(struct reader *reader, size_t digits)
{
	int scale = 1000000000;

	reader->at++;
	reader->nanoseconds = 0;
	for (size_t i = 0; i < digits; i++) {
		if (!is_digit(reader->at[i]))
			return false;
		scale /= 10;
		reader->nanoseconds += (reader->at[i] - '0') * scale;
	}
	reader->at += digits;
	return true;
}

/* ".123" that the layout does not name. */
static size_t fraction_digits(const char *at)
{
	size_t digits = 0;

	if (*at != '.' && *at != ',')
		return 0;
	while (is_digit(at[digits + 1]))
		digits++;
	return digits;
}

static bool read_offset(struct reader *reader, const char *layout, size_t len)
{
	int fields[3] = { 0, 0, 0 };
	bool colons = memchr(layout, ':', len) != NULL, negative;
	int count = len > 6 ? 3 : len > 3 ? 2 : 1;

	if (*layout == 'Z' && *reader->at == 'Z' && count < 3) {
		reader->at++;
		reader->is_utc = true;
		return true;
	}
	if (*reader->at != '+' && *reader->at != '-')
		return false;
	negative = *reader->at++ == '-';
	for (int i = 0; i < count; i++) {
		if (i && colons && *reader->at++ != ':')
			return false;
		if (!read_number(reader, 2, true, &fields[i]))
			return false;
	}
	reader->offset = fields[0] * 3600 + fields[1] * 60 + fields[2];
	if (negative)
		reader->offset = -reader->offset;
	reader->has_offset = true;
	return true;
}

/* Three or four capitals. */
static bool read_zone_name(struct reader *reader)
{
	size_t len = 0;

	if (strncmp(reader->at, "UTC", 3) == 0) {
		reader->at += 3;
		reader->is_utc = true;
		return true;
	}
	while (len < 5 && reader->at[len] >= 'A' && reader->at[len] <= 'Z')
		len++;
	if (len < 3 || (len == 4 && reader->at[3] != 'T') || (len == 5 && reader->at[4] != 'T'))
		return false;
	memcpy(reader->zone, reader->at, len);
	reader->zone[len] = '\0';
	reader->at += len;
	return true;
}

static bool read_half(struct reader *reader, const char *am, const char *pm)
{
	reader->am = strncmp(reader->at, am, 2) == 0;
	reader->pm = strncmp(reader->at, pm, 2) == 0;
	reader->at += reader->am || reader->pm ? 2 : 0;
	return reader->am || reader->pm;
}

static bool read_date(struct reader *reader, enum part part)
{
	int ignored;

	switch (part) {
	case PART_YEAR:
		return read_number(reader, 4, true, &reader->year);
	case PART_YEAR_2:
		if (!read_number(reader, 2, true, &reader->year))
			return false;
		reader->year += reader->year >= 69 ? 1900 : 2000;
		return true;
	case PART_MONTH:
	case PART_MONTH_2:
		return read_in(reader, part == PART_MONTH_2, 1, 12, "month", &reader->month);
	case PART_MONTH_NAME:
	case PART_MONTH_SHORT:
		if (!read_name(reader, months, 12, part == PART_MONTH_SHORT ? 3 : 0,
			       &reader->month))
			return false;
		reader->month++;
		return true;
	case PART_DAY:
	case PART_DAY_2:
	case PART_DAY_SPACE:
		reader->at += part == PART_DAY_SPACE && *reader->at == ' ';
		return read_number(reader, 2, part == PART_DAY_2, &reader->day);
	case PART_DAY_OF_YEAR:
	case PART_DAY_OF_YEAR_SPACE:
		for (int i = 0; i < 2 && part == PART_DAY_OF_YEAR_SPACE; i++)
			reader->at += *reader->at == ' ';
		return read_number(reader, 3, part == PART_DAY_OF_YEAR, &reader->day_of_year);
	default:
		return read_name(reader, days, 7, part == PART_WEEKDAY_SHORT ? 3 : 0, &ignored);
	}
}

static bool read_clock(struct reader *reader, enum part part, const char *layout)
{
	size_t digits, ignored;

	switch (part) {
	case PART_HOUR:
		return read_in(reader, false, 0, 23, "hour", &reader->hour);
	case PART_HOUR_12:
	case PART_HOUR_12_2:
		return read_in(reader, part == PART_HOUR_12_2, 0, 12, "hour", &reader->hour);
	case PART_MINUTE:
	case PART_MINUTE_2:
		return read_in(reader, part == PART_MINUTE_2, 0, 59, "minute", &reader->minute);
	case PART_SECOND:
	case PART_SECOND_2:
		if (!read_in(reader, part == PART_SECOND_2, 0, 59, "second", &reader->second))
			return false;
		digits = fraction_digits(reader->at);
		if (digits && part_at(layout, &ignored) != PART_FRACTION &&
		    part_at(layout, &ignored) != PART_FRACTION_SHORT) {
			const char *end = reader->at + 1 + digits;

			read_fraction(reader, digits > 9 ? 9 : digits);
			reader->at = end;
		}
		return true;
	case PART_PM:
		return read_half(reader, "AM", "PM");
	default:
		return read_half(reader, "am", "pm");
	}
}

/* `layout` is what follows the part. */
static bool read_part(struct reader *reader, enum part part, const char *layout, size_t len)
{
	size_t digits;

	switch (part) {
	case PART_ZONE:
		return read_offset(reader, layout - len, len);
	case PART_ZONE_NAME:
		return read_zone_name(reader);
	case PART_FRACTION:
		return (*reader->at == '.' || *reader->at == ',') && read_fraction(reader, len - 1);
	case PART_FRACTION_SHORT:
		digits = fraction_digits(reader->at);
		return !digits || read_fraction(reader, digits > 9 ? 9 : digits);
	default:
		return part >= PART_HOUR ? read_clock(reader, part, layout)
					 : read_date(reader, part);
	}
}

/* The quotes of Go's time package: all that is not plain ASCII is bytes. */
void moment_quote(struct strbuf *out, const char *text, size_t len)
{
	strbuf_addch(out, '"');
	for (size_t i = 0; i < len; i++) {
		unsigned char c = (unsigned char)text[i];

		if (c < 0x20 || c >= 0x80)
			strbuf_addf(out, "\\x%02x", c);
		else if (c == '"' || c == '\\')
			strbuf_addf(out, "\\%c", c);
		else
			strbuf_addch(out, (char)c);
	}
	strbuf_addch(out, '"');
}

static void complain(struct strbuf *message, const char *text, const char *rest)
{
	strbuf_addstr(message, "parsing time ");
	moment_quote(message, text, strlen(text));
	strbuf_addf(message, ": %s", rest);
}

static void complain_part(struct strbuf *message, const char *layout, const char *text,
			  const char *at, const char *part, size_t len)
{
	strbuf_addstr(message, "parsing time ");
	moment_quote(message, text, strlen(text));
	strbuf_addstr(message, " as ");
	moment_quote(message, layout, strlen(layout));
	strbuf_addstr(message, ": cannot parse ");
	moment_quote(message, at, strlen(at));
	strbuf_addstr(message, " as ");
	moment_quote(message, part, len);
}

static bool read_all(struct reader *reader, const char *layout, const char *text,
		     struct strbuf *message)
{
	const char *at = layout;

	reader->at = text;
	while (*at) {
		const char *literal = at, *before;
		size_t len;
		enum part part = part_at(at, &len);

		while (*at && part == PART_NONE)
			part = *++at ? part_at(at, &len) : PART_NONE;
		for (const char *c = literal; c < at; c++) {
			/* A space in the layout stands for any number of them. */
			if (*c == ' ') {
				if (*reader->at && *reader->at != ' ') {
					complain_part(message, layout, text, reader->at, literal,
						      (size_t)(at - literal));
					return false;
				}
				while (c + 1 < at && c[1] == ' ')
					c++;
				while (*reader->at == ' ')
					reader->at++;
			} else if (*reader->at != *c) {
				complain_part(message, layout, text, reader->at, literal,
					      (size_t)(at - literal));
				return false;
			} else {
				reader->at++;
			}
		}
		if (!*at)
			break;
		before = reader->at;
		if (!read_part(reader, part, at + len, len)) {
			complain_part(message, layout, text, before, at, len);
			return false;
		}
		if (reader->out_of_range) {
			strbuf_addstr(message, "parsing time ");
			moment_quote(message, text, strlen(text));
			strbuf_addf(message, ": %s out of range", reader->out_of_range);
			return false;
		}
		at += len;
	}
	if (!*reader->at)
		return true;
	complain(message, text, "extra text: ");
	moment_quote(message, reader->at, strlen(reader->at));
	return false;
}

static bool is_leap(int year)
{
	return year % 4 == 0 && (year % 100 != 0 || year % 400 == 0);
}

static int days_in(int month, int year)
{
	static const int count[] = { 31, 28, 31, 30, 31, 30, 31, 31, 30, 31, 30, 31 };

	return month == 2 && is_leap(year) ? 29 : count[month - 1];
}

/* The day of the year as month and day. False: complained. */
static bool settle_day_of_year(struct reader *reader, const char *text, struct strbuf *message)
{
	int month = 1, day = reader->day_of_year;

	if (day < 1 || day > 365 + is_leap(reader->year)) {
		complain(message, text, "day-of-year out of range");
		return false;
	}
	for (; day > days_in(month, reader->year); month++)
		day -= days_in(month, reader->year);
	if (reader->month >= 0 && reader->month != month) {
		complain(message, text, "day-of-year does not match month");
		return false;
	}
	if (reader->day >= 0 && reader->day != day) {
		complain(message, text, "day-of-year does not match day");
		return false;
	}
	reader->month = month;
	reader->day = day;
	return true;
}

const struct tmpl_value *moment_parse(struct arena *arena, const char *layout, const char *text,
				      struct strbuf *message)
{
	struct reader reader = { .month = -1, .day = -1, .day_of_year = -1 };
	struct tmpl_value *moment;
	int64_t seconds;

	if (!read_all(&reader, layout, text, message))
		return NULL;
	if (reader.pm && reader.hour < 12)
		reader.hour += 12;
	else if (reader.am && reader.hour == 12)
		reader.hour = 0;
	if (reader.day_of_year >= 0 && !settle_day_of_year(&reader, text, message))
		return NULL;
	if (reader.month < 0)
		reader.month = 1;
	if (reader.day < 0)
		reader.day = 1;
	if (reader.day < 1 || reader.day > days_in(reader.month, reader.year)) {
		complain(message, text, "day out of range");
		return NULL;
	}
	seconds = days_from_date(reader.year, reader.month, reader.day) * 86400 +
		  reader.hour * 3600 + reader.minute * 60 + reader.second;
	moment = moment_new(arena, seconds - reader.offset, reader.nanoseconds);
	if (reader.is_utc)
		return moment;
	if (reader.has_offset || *reader.zone) {
		moment->u.time.offset = reader.offset;
		moment->u.time.zone = arena_strdup(arena, reader.zone);
		if (!*reader.zone && reader.offset == 0)
			moment->u.time.zone = "UTC";
	}
	return moment;
}
