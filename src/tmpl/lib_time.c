/* Moments: timestamp, the date functions of the Sprig library, and what can be asked of a moment.
 * The zone of the process is "Local"; others than that and UTC are not known here. */
#include <inttypes.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "go_json.h"
#include "moment.h"
#include "sprig.h"

static const struct tmpl_value *now(struct call *call)
{
	const struct tmpl_source *source = call_source(call);
	int64_t now_ms = source->now ? source->now(source->arg) : clock_wall_ms();

	return moment_new(call->arena, now_ms / 1000, (int)(now_ms % 1000) * 1000000);
}

static const struct tmpl_value *formatted(struct call *call, const char *layout,
					  const struct tmpl_value *moment)
{
	struct strbuf out = STRBUF_INIT;

	moment_format(&out, layout, moment);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *seconds_text(struct call *call, int64_t seconds)
{
	return tmpl_str(call->arena, arena_printf(call->arena, "%" PRId64, seconds));
}

static const struct tmpl_value *time_timestamp(struct call *call)
{
	const struct tmpl_value *moment = now(call);

	if (call->count > 1)
		return call_fail(
			call, "timestamp: wrong number of arguments, expected 0 or 1, but got %zu",
			call->count);
	if (call->count && tmpl_string_is(call->args[0], "unix"))
		return seconds_text(call, moment->u.time.seconds);
	return formatted(call, call->count ? arg_str(call, 0) : MOMENT_RFC3339, moment);
}

static const struct tmpl_value *time_now(struct call *call)
{
	return moment_in_zone(call->arena, now(call), "Local");
}

/* A moment, or seconds since 1970; anything else is now. */
static const struct tmpl_value *as_moment(struct call *call, const struct tmpl_value *value)
{
	if (value->type->kind == TMPL_TIME)
		return value;
	if (value->type->kind == TMPL_INT)
		return moment_new(call->arena, value->u.integer, 0);
	return now(call);
}

static const struct tmpl_value *date_in(struct call *call, const char *layout, size_t index,
					const char *zone)
{
	const struct tmpl_value *moment = as_moment(call, call->args[index]);

	return formatted(call, layout, moment_in_zone(call->arena, moment, zone));
}

static const struct tmpl_value *time_date(struct call *call)
{
	return date_in(call, arg_str(call, 0), 1, "Local");
}

static const struct tmpl_value *time_date_in_zone(struct call *call)
{
	return date_in(call, arg_str(call, 0), 1, arg_str(call, 2));
}

static const struct tmpl_value *time_html_date(struct call *call)
{
	return date_in(call, "2006-01-02", 0, "Local");
}

static const struct tmpl_value *time_html_date_in_zone(struct call *call)
{
	return date_in(call, "2006-01-02", 0, arg_str(call, 1));
}

static bool is_must(const struct call *call)
{
	return strncmp(call->func->name, "sprig_must", strlen("sprig_must")) == 0;
}

static const struct tmpl_value *shifted(struct call *call, const struct tmpl_value *moment,
					int64_t nanoseconds)
{
	int64_t seconds = moment->u.time.seconds + nanoseconds / 1000000000;
	int64_t rest = moment->u.time.nanoseconds + nanoseconds % 1000000000;
	struct tmpl_value *made;

	if (rest < 0) {
		rest += 1000000000;
		seconds--;
	} else if (rest >= 1000000000) {
		rest -= 1000000000;
		seconds++;
	}
	made = moment_new(call->arena, seconds, (int)rest);
	made->u.time.offset = moment->u.time.offset;
	made->u.time.zone = moment->u.time.zone;
	return made;
}

static const struct tmpl_value *time_date_modify(struct call *call)
{
	struct strbuf message = STRBUF_INIT;
	const struct tmpl_value *result = call->args[1];
	int64_t nanoseconds;

	if (duration_parse(arg_str(call, 0), &nanoseconds, &message))
		result = shifted(call, call->args[1], nanoseconds);
	else if (is_must(call))
		result = call_fail(call, "%s", message.buf);
	strbuf_release(&message);
	return result;
}

/* Nanoseconds, as many as an int64 can hold. */
static int64_t since(struct call *call, const struct tmpl_value *moment)
{
	const struct tmpl_value *at = now(call);
	int64_t seconds = at->u.time.seconds - moment->u.time.seconds;

	if (seconds > INT64_MAX / 1000000000 - 1)
		return INT64_MAX;
	if (seconds < INT64_MIN / 1000000000 + 1)
		return INT64_MIN;
	return seconds * 1000000000 + (at->u.time.nanoseconds - moment->u.time.nanoseconds);
}

static const struct tmpl_value *duration_text(struct call *call, int64_t nanoseconds)
{
	struct strbuf out = STRBUF_INIT;

	duration_format(&out, nanoseconds);
	return tmpl_string_from(call->arena, &out);
}

static const struct tmpl_value *time_ago(struct call *call)
{
	int64_t passed = since(call, as_moment(call, call->args[0]));
	int64_t rest = passed % 1000000000;

	if (passed == INT64_MAX || passed == INT64_MIN)
		return duration_text(call, passed);
	passed -= rest;
	if (rest >= 500000000)
		passed += 1000000000;
	else if (rest <= -500000000)
		passed -= 1000000000;
	return duration_text(call, passed);
}

static const struct tmpl_value *time_duration(struct call *call)
{
	const struct tmpl_value *value = call->args[0];
	int64_t seconds = 0;

	if (value->type->kind == TMPL_STRING || value->type == &tmpl_type_int64)
		seconds = sprig_to_int(value);
	return duration_text(call, (int64_t)((uint64_t)seconds * 1000000000u));
}

static const struct tmpl_value *time_duration_round(struct call *call)
{
	static const struct {
		int64_t seconds;
		const char *name;
	} units[] = { { 365 * 86400, "y" }, { 30 * 86400, "mo" }, { 86400, "d" },
		      { 3600, "h" },        { 60, "m" },          { 1, "s" } };
	const struct tmpl_value *value = call->args[0];
	struct strbuf ignored = STRBUF_INIT;
	int64_t nanoseconds = 0;
	uint64_t size;

	if (value->type->kind == TMPL_STRING)
		duration_parse(value->u.string.text, &nanoseconds, &ignored);
	else if (value->type == &tmpl_type_int64)
		nanoseconds = value->u.integer;
	else if (value->type->kind == TMPL_TIME)
		nanoseconds = since(call, value);
	strbuf_release(&ignored);
	size = nanoseconds < 0 ? 0 - (uint64_t)nanoseconds : (uint64_t)nanoseconds;
	for (size_t i = 0; i < sizeof(units) / sizeof(units[0]); i++) {
		uint64_t unit = (uint64_t)units[i].seconds * 1000000000u;

		if (size > unit)
			return tmpl_str(call->arena, arena_printf(call->arena, "%" PRIu64 "%s",
								  size / unit, units[i].name));
	}
	return tmpl_str(call->arena, "0s");
}

static const struct tmpl_value *time_to_date(struct call *call)
{
	struct strbuf message = STRBUF_INIT;
	const struct tmpl_value *moment =
		moment_parse(call->arena, arg_str(call, 0), arg_str(call, 1), &message);

	if (!moment && is_must(call))
		call_fail(call, "%s", message.buf);
	else if (!moment)
		moment = moment_new(call->arena, INT64_C(-62135596800), 0); /* Go's zero */
	strbuf_release(&message);
	return moment;
}

static const struct tmpl_value *time_unix_epoch(struct call *call)
{
	return seconds_text(call, call->args[0]->u.time.seconds);
}

/* What can be asked of a moment: {{now.Year}}. */

static const struct tmpl_value *method_format(struct call *call)
{
	return formatted(call, arg_str(call, 0), call->receiver);
}

static const struct tmpl_value *method_string(struct call *call)
{
	return formatted(call, MOMENT_PRINTED, call->receiver);
}

static const struct tmpl_value *method_unix(struct call *call)
{
	return tmpl_int64(call->arena, call->receiver->u.time.seconds);
}

/* Far from now it wraps around, as in Go. */
static const struct tmpl_value *units_since(struct call *call, unsigned per_second)
{
	uint64_t whole = (uint64_t)call->receiver->u.time.seconds * per_second;
	unsigned rest = (unsigned)call->receiver->u.time.nanoseconds / (1000000000 / per_second);

	return tmpl_int64(call->arena, (int64_t)(whole + rest));
}

static const struct tmpl_value *method_unix_milli(struct call *call)
{
	return units_since(call, 1000);
}

static const struct tmpl_value *method_unix_nano(struct call *call)
{
	return units_since(call, 1000000000);
}

static const struct tmpl_value *method_year(struct call *call)
{
	return tmpl_int(call->arena, moment_parts(call->receiver).year);
}

static const struct tmpl_value *method_month(struct call *call)
{
	return tmpl_str(call->arena, moment_month_name(moment_parts(call->receiver).month));
}

static const struct tmpl_value *method_day(struct call *call)
{
	return tmpl_int(call->arena, moment_parts(call->receiver).day);
}

static const struct tmpl_value *method_hour(struct call *call)
{
	return tmpl_int(call->arena, moment_parts(call->receiver).hour);
}

static const struct tmpl_value *method_minute(struct call *call)
{
	return tmpl_int(call->arena, moment_parts(call->receiver).minute);
}

static const struct tmpl_value *method_second(struct call *call)
{
	return tmpl_int(call->arena, moment_parts(call->receiver).second);
}

static const struct tmpl_value *method_weekday(struct call *call)
{
	return tmpl_str(call->arena, moment_weekday_name(moment_parts(call->receiver).weekday));
}

static const struct tmpl_value *method_year_day(struct call *call)
{
	return tmpl_int(call->arena, moment_parts(call->receiver).day_of_year);
}

static const struct tmpl_value *method_utc(struct call *call)
{
	return moment_in_zone(call->arena, call->receiver, "UTC");
}

static const struct tmpl_value *method_local(struct call *call)
{
	return moment_in_zone(call->arena, call->receiver, "Local");
}

static int compare(const struct tmpl_value *a, const struct tmpl_value *b)
{
	if (a->u.time.seconds != b->u.time.seconds)
		return a->u.time.seconds < b->u.time.seconds ? -1 : 1;
	return (a->u.time.nanoseconds > b->u.time.nanoseconds) -
	       (a->u.time.nanoseconds < b->u.time.nanoseconds);
}

static const struct tmpl_value *method_after(struct call *call)
{
	return tmpl_bool(compare(call->receiver, call->args[0]) > 0);
}

static const struct tmpl_value *method_before(struct call *call)
{
	return tmpl_bool(compare(call->receiver, call->args[0]) < 0);
}

static const struct tmpl_value *method_equal(struct call *call)
{
	return tmpl_bool(compare(call->receiver, call->args[0]) == 0);
}

static const struct tmpl_func time_methods[] = {
	{ "Format", "s", method_format },
	{ "String", "", method_string },
	{ "Unix", "", method_unix },
	{ "UnixMilli", "", method_unix_milli },
	{ "UnixNano", "", method_unix_nano },
	{ "Year", "", method_year },
	{ "Month", "", method_month },
	{ "Day", "", method_day },
	{ "Hour", "", method_hour },
	{ "Minute", "", method_minute },
	{ "Second", "", method_second },
	{ "Weekday", "", method_weekday },
	{ "YearDay", "", method_year_day },
	{ "UTC", "", method_utc },
	{ "Local", "", method_local },
	{ "After", "t", method_after },
	{ "Before", "t", method_before },
	{ "Equal", "t", method_equal },
	{ NULL, NULL, NULL },
};

const struct tmpl_func *func_time_method(const char *name)
{
	for (const struct tmpl_func *method = time_methods; method->name; method++)
		if (strcmp(method->name, name) == 0)
			return method;
	return NULL;
}

const struct tmpl_func time_funcs[] = {
	{ "timestamp", "s*", time_timestamp },
	{ "sprig_now", "", time_now },
	{ "sprig_date", "sa", time_date },
	{ "sprig_dateInZone", "sas", time_date_in_zone },
	{ "sprig_date_in_zone", "sas", time_date_in_zone },
	{ "sprig_htmlDate", "a", time_html_date },
	{ "sprig_htmlDateInZone", "as", time_html_date_in_zone },
	{ "sprig_dateModify", "st", time_date_modify },
	{ "sprig_date_modify", "st", time_date_modify },
	{ "sprig_mustDateModify", "st", time_date_modify },
	{ "sprig_must_date_modify", "st", time_date_modify },
	{ "sprig_ago", "a", time_ago },
	{ "sprig_duration", "a", time_duration },
	{ "sprig_durationRound", "a", time_duration_round },
	{ "sprig_toDate", "ss", time_to_date },
	{ "sprig_mustToDate", "ss", time_to_date },
	{ "sprig_unixEpoch", "t", time_unix_epoch },
	{ NULL, NULL, NULL },
};
