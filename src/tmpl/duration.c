/* Durations as text and back: "1h2m3.5s". */
#include <inttypes.h>
#include <string.h>

#include "moment.h"

#define SECOND_NS INT64_C(1000000000)

static bool is_digit(char c)
{
	return c >= '0' && c <= '9';
}

struct unit {
	const char *name;
	int64_t size;
};

static const struct unit *find_unit(const char *name, size_t len)
{
	static const struct unit units[] = { { "ns", 1 },
					     { "us", 1000 },
					     { "\xc2\xb5s", 1000 },
					     { "\xce\xbcs", 1000 },
					     { "ms", 1000000 },
					     { "s", SECOND_NS },
					     { "m", 60 * SECOND_NS },
					     { "h", 3600 * SECOND_NS } };

	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++)
		if (strlen(units[i].name) == len && strncmp(units[i].name, name, len) == 0)
			return &units[i];
	return NULL;
}

static bool fail_duration(struct strbuf *message, const char *what, const char *text)
{
	strbuf_addf(message, "time: %s duration ", what);
	moment_quote(message, text, strlen(text));
	return false;
}

bool duration_parse(const char *text, int64_t *nanoseconds, struct strbuf *message)
{
	const char *at = text + (*text == '-' || *text == '+');
	int64_t total = 0;

	*nanoseconds = 0;
	if (strcmp(at, "0") == 0)
		return true;
	if (!*at)
		return fail_duration(message, "invalid", text);
	while (*at) {
		size_t digits = strspn(at, "0123456789"), len;
		double fraction = 0, scale = 1;
		const struct unit *unit;
		int64_t whole = 0;

		if (digits > 18)
			return fail_duration(message, "invalid", text);
		for (size_t i = 0; i < digits; i++)
			whole = whole * 10 + (*at++ - '0');
		if (*at == '.') {
			for (at++; is_digit(*at); at++, digits++) {
				if (scale > 1e17)
					continue; /* beyond a nanosecond, and beyond a double */
				scale *= 10;
				fraction = fraction * 10 + (*at - '0');
			}
		}
		if (!digits)
			return fail_duration(message, "invalid", text);
		len = strcspn(at, ".0123456789");
		if (!len)
			return fail_duration(message, "missing unit in", text);
		unit = find_unit(at, len);
		if (!unit) {
			strbuf_addstr(message, "time: unknown unit ");
			moment_quote(message, at, len);
			strbuf_addstr(message, " in duration ");
			moment_quote(message, text, strlen(text));
			return false;
		}
		at += len;
		if (__builtin_mul_overflow(whole, unit->size, &whole) ||
		    __builtin_add_overflow(total, whole, &total) ||
		    __builtin_add_overflow(
			    total, (int64_t)(fraction * ((double)unit->size / scale)), &total))
			return fail_duration(message, "invalid", text);
	}
	*nanoseconds = *text == '-' ? -total : total;
	return true;
}

static void add_unit(struct strbuf *out, uint64_t value, uint64_t unit, const char *name)
{
	uint64_t rest = value % unit;

	strbuf_addf(out, "%" PRIu64, value / unit);
	if (rest) {
		strbuf_addch(out, '.');
		for (; rest; rest = rest * 10 % unit)
			strbuf_addch(out, (char)('0' + rest * 10 / unit));
	}
	strbuf_addstr(out, name);
}

void duration_format(struct strbuf *out, int64_t nanoseconds)
{
	uint64_t size = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
	uint64_t minutes = size / (60 * SECOND_NS);

	if (nanoseconds < 0)
		strbuf_addch(out, '-');
	if (size == 0) {
		strbuf_addstr(out, "0s");
	} else if (size < 1000) {
		add_unit(out, size, 1, "ns");
	} else if (size < 1000000) {
		add_unit(out, size, 1000, "\xc2\xb5s");
	} else if (size < SECOND_NS) {
		add_unit(out, size, 1000000, "ms");
	} else {
		if (minutes >= 60)
			strbuf_addf(out, "%" PRIu64 "h", minutes / 60);
		if (minutes)
			strbuf_addf(out, "%" PRIu64 "m", minutes % 60);
		add_unit(out, size % (60 * (uint64_t)SECOND_NS), SECOND_NS, "s");
	}
}
