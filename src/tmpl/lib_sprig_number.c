/* Arithmetic of the Sprig library: on whole numbers, on floats, and on decimals, which is how
 * addf 0.1 0.2 comes to 0.3 there. */
#include <limits.h>
#include <math.h>
#include <stdlib.h>
#include <stdio.h>
#include <string.h>

#include "format.h"
#include "number.h"
#include "sprig.h"

#define NUMBERS_MAX     1000000
#define DIVISION_PLACES 16

/* "12.00" is the whole number 12. */
static size_t without_zero_decimals(const char *text, size_t len)
{
	size_t at = len;

	while (at > 0 && text[at - 1] == '0')
		at--;
	return at > 0 && at < len && text[at - 1] == '.' ? at - 1 : len;
}

int64_t sprig_to_int(const struct tmpl_value *value)
{
	int64_t number = 0;
	size_t len;

	switch (value->type->kind) {
	case TMPL_INT:
		return value->u.integer;
	case TMPL_UINT:
		return (int64_t)value->u.uinteger;
	case TMPL_BOOL:
		return value->u.boolean;
	case TMPL_FLOAT:
		/* What does not fit is what the processor says it is. */
		if (value->u.real > -9.3e18 && value->u.real < 9.2233720368547748e18)
			return (int64_t)value->u.real;
		return INT64_MIN;
	case TMPL_STRING:
		len = without_zero_decimals(value->u.string.text, value->u.string.len);
		if (number_parse_int(value->u.string.text, len, 0, &number) != NUMBER_OK)
			return 0;
		return number;
	default:
		return 0;
	}
}

double sprig_to_float(const struct tmpl_value *value)
{
	double number;

	switch (value->type->kind) {
	case TMPL_FLOAT:
		return value->u.real;
	case TMPL_UINT:
		return (double)value->u.uinteger;
	case TMPL_STRING:
		if (number_parse_float(value->u.string.text, value->u.string.len, true, &number) !=
		    NUMBER_OK)
			return 0;
		return number;
	default:
		return (double)sprig_to_int(value);
	}
}

static const struct tmpl_value *number_int(struct call *call)
{
	return tmpl_int(call->arena, sprig_to_int(call->args[0]));
}

static const struct tmpl_value *number_int64(struct call *call)
{
	return tmpl_int64(call->arena, sprig_to_int(call->args[0]));
}

static const struct tmpl_value *number_float64(struct call *call)
{
	return tmpl_float(call->arena, sprig_to_float(call->args[0]));
}

static const struct tmpl_value *number_atoi(struct call *call)
{
	int64_t number;

	number_parse_int(arg_str(call, 0), arg_len(call, 0), 10, &number);
	return tmpl_int(call->arena, number);
}

/* Octal, as of a file's mode. */
static const struct tmpl_value *number_to_decimal(struct call *call)
{
	struct strbuf text = STRBUF_INIT;
	int64_t number;

	sprig_add_text(&text, call->args[0]);
	if (number_parse_int(text.buf, text.len, 8, &number) != NUMBER_OK)
		number = 0;
	strbuf_release(&text);
	return tmpl_int64(call->arena, number);
}

static const struct tmpl_value *number_add(struct call *call)
{
	uint64_t sum = 0;

	for (size_t i = 0; i < call->count; i++)
		sum += (uint64_t)sprig_to_int(call->args[i]);
	return tmpl_int64(call->arena, (int64_t)sum);
}

static const struct tmpl_value *number_add1(struct call *call)
{
	return tmpl_int64(call->arena, (int64_t)((uint64_t)sprig_to_int(call->args[0]) + 1));
}

static const struct tmpl_value *number_sub(struct call *call)
{
	return tmpl_int64(call->arena, (int64_t)((uint64_t)sprig_to_int(call->args[0]) -
						 (uint64_t)sprig_to_int(call->args[1])));
}

static const struct tmpl_value *number_mul(struct call *call)
{
	uint64_t product = 1;

	for (size_t i = 0; i < call->count; i++)
		product *= (uint64_t)sprig_to_int(call->args[i]);
	return tmpl_int64(call->arena, (int64_t)product);
}

static const struct tmpl_value *divide(struct call *call, bool remainder)
{
	int64_t a = sprig_to_int(call->args[0]), b = sprig_to_int(call->args[1]);

	if (b == 0)
		return call_fail(call, "runtime error: integer divide by zero");
	if (b == -1)
		return tmpl_int64(call->arena, remainder ? 0 : (int64_t)(0 - (uint64_t)a));
	return tmpl_int64(call->arena, remainder ? a % b : a / b);
}

static const struct tmpl_value *number_div(struct call *call)
{
	return divide(call, false);
}

static const struct tmpl_value *number_mod(struct call *call)
{
	return divide(call, true);
}

static const struct tmpl_value *extreme(struct call *call, bool most)
{
	int64_t found = sprig_to_int(call->args[0]);

	for (size_t i = 1; i < call->count; i++) {
		int64_t other = sprig_to_int(call->args[i]);

		if (most ? other > found : other < found)
			found = other;
	}
	return tmpl_int64(call->arena, found);
}

static const struct tmpl_value *number_max(struct call *call)
{
	return extreme(call, true);
}

static const struct tmpl_value *number_min(struct call *call)
{
	return extreme(call, false);
}

static const struct tmpl_value *extreme_float(struct call *call, bool most)
{
	double found = sprig_to_float(call->args[0]);

	for (size_t i = 1; i < call->count; i++) {
		double other = sprig_to_float(call->args[i]);

		if (isnan(other) || isnan(found))
			found = (double)NAN;
		else if (most ? other > found : other < found)
			found = other;
	}
	return tmpl_float(call->arena, found);
}

static const struct tmpl_value *number_maxf(struct call *call)
{
	return extreme_float(call, true);
}

static const struct tmpl_value *number_minf(struct call *call)
{
	return extreme_float(call, false);
}

static const struct tmpl_value *number_floor(struct call *call)
{
	return tmpl_float(call->arena, floor(sprig_to_float(call->args[0])));
}

static const struct tmpl_value *number_ceil(struct call *call)
{
	return tmpl_float(call->arena, ceil(sprig_to_float(call->args[0])));
}

static const struct tmpl_value *number_round(struct call *call)
{
	double round_on = call->count > 2 ? call->args[2]->u.real : 0.5;
	double power = pow(10, (double)call->args[1]->u.integer);
	double shifted = power * sprig_to_float(call->args[0]), whole;
	bool up = modf(shifted, &whole) >= round_on;

	return tmpl_float(call->arena, (up ? ceil(shifted) : floor(shifted)) / power);
}

__extension__ typedef __int128 wide_int;

/* mantissa x 10^exponent; `exact` is lost when a result has more than some 37 digits, and then
 * `rough` is all there is. */
struct decimal_number {
	wide_int mantissa;
	int exponent;
	bool exact;
	double rough;
};

static bool scale(wide_int *mantissa, int places)
{
	for (; places > 0 && *mantissa; places--)
		if (__builtin_mul_overflow(*mantissa, 10, mantissa))
			return false;
	return true;
}

static double rough_of(const struct decimal_number *number)
{
	wide_int rest = number->mantissa < 0 ? -number->mantissa : number->mantissa;
	char digits[64];
	size_t at = sizeof(digits) - 12;

	if (!number->exact)
		return number->rough;
	snprintf(digits + at, 12, "e%d", number->exponent);
	do {
		digits[--at] = (char)('0' + (int)(rest % 10));
		rest /= 10;
	} while (rest);
	return number->mantissa < 0 ? -strtod(digits + at, NULL) : strtod(digits + at, NULL);
}

static struct decimal_number decimal_of(double value)
{
	struct decimal_number number = { 0, 0, true, value };
	struct decimal decimal = { .count = 0 };

	if (value == 0)
		return number;
	number_shortest(fabs(value), &decimal);
	for (int i = 0; i < decimal.count; i++)
		number.mantissa = number.mantissa * 10 + (decimal.digits[i] - '0');
	if (value < 0)
		number.mantissa = -number.mantissa;
	number.exponent = decimal.point - decimal.count;
	return number;
}

typedef void decimal_fn(struct decimal_number *a, const struct decimal_number *b);

static void decimal_roughly(struct decimal_number *a, double value)
{
	a->exact = false;
	a->rough = value;
}

static void add_signed(struct decimal_number *a, const struct decimal_number *b, int sign)
{
	struct decimal_number other = *b;
	double rough = rough_of(a) + sign * rough_of(b);
	int exponent = a->exponent < b->exponent ? a->exponent : b->exponent;

	if (!a->exact || !b->exact || !scale(&a->mantissa, a->exponent - exponent) ||
	    !scale(&other.mantissa, b->exponent - exponent) ||
	    __builtin_add_overflow(a->mantissa, sign * other.mantissa, &a->mantissa))
		decimal_roughly(a, rough);
	a->exponent = exponent;
}

static void decimal_add(struct decimal_number *a, const struct decimal_number *b)
{
	add_signed(a, b, 1);
}

static void decimal_sub(struct decimal_number *a, const struct decimal_number *b)
{
	add_signed(a, b, -1);
}

static void decimal_mul(struct decimal_number *a, const struct decimal_number *b)
{
	double rough = rough_of(a) * rough_of(b);

	if (!a->exact || !b->exact ||
	    __builtin_mul_overflow(a->mantissa, b->mantissa, &a->mantissa))
		decimal_roughly(a, rough);
	a->exponent += b->exponent;
}

/* To 16 places, halves away from zero. The caller has seen to it that b is not 0. */
static void decimal_div(struct decimal_number *a, const struct decimal_number *b)
{
	double rough = rough_of(a) / rough_of(b);
	int places = DIVISION_PLACES + a->exponent - b->exponent;
	wide_int divisor = b->mantissa, rest;
	bool negative = (a->mantissa < 0) != (divisor < 0);

	a->exponent = -DIVISION_PLACES;
	if (!a->exact || !b->exact ||
	    !(places >= 0 ? scale(&a->mantissa, places) : scale(&divisor, -places))) {
		decimal_roughly(a, rough);
		return;
	}
	rest = a->mantissa % divisor;
	a->mantissa /= divisor;
	rest = rest < 0 ? -rest : rest;
	divisor = divisor < 0 ? -divisor : divisor;
	if (rest >= divisor - rest)
		a->mantissa += negative ? -1 : 1;
}

/* Fold arguments from `next` on into `start`. */
static const struct tmpl_value *calculate(struct call *call, struct decimal_number start,
					  size_t next, decimal_fn *fn)
{
	for (size_t i = next; i < call->count; i++) {
		double value = sprig_to_float(call->args[i]);
		struct decimal_number other;

		if (isnan(value) || isinf(value))
			return call_fail(call, "Cannot create a Decimal from %s",
					 isnan(value) ? "NaN"
					 : value > 0  ? "+Inf"
						      : "-Inf");
		if (fn == decimal_div && value == 0)
			return call_fail(call, "decimal division by 0");
		other = decimal_of(value);
		fn(&start, &other);
	}
	return tmpl_float(call->arena, rough_of(&start));
}

static const struct tmpl_value *calculate_from_first(struct call *call, decimal_fn *fn)
{
	double first = sprig_to_float(call->args[0]);

	if (isnan(first) || isinf(first))
		return call_fail(call, "Cannot create a Decimal from %s",
				 isnan(first) ? "NaN"
				 : first > 0  ? "+Inf"
					      : "-Inf");
	return calculate(call, decimal_of(first), 1, fn);
}

static const struct tmpl_value *number_addf(struct call *call)
{
	return calculate(call, decimal_of(0), 0, decimal_add);
}

static const struct tmpl_value *number_add1f(struct call *call)
{
	return calculate(call, decimal_of(1), 0, decimal_add);
}

static const struct tmpl_value *number_subf(struct call *call)
{
	return calculate_from_first(call, decimal_sub);
}

static const struct tmpl_value *number_mulf(struct call *call)
{
	return calculate_from_first(call, decimal_mul);
}

static const struct tmpl_value *number_divf(struct call *call)
{
	return calculate_from_first(call, decimal_div);
}

/* From `from`, before `to`; NULL: failed, too many. */
static struct tmpl_value *steps(struct call *call, int64_t from, int64_t to, int64_t by)
{
	struct tmpl_value *list = tmpl_list_new(call->arena, &tmpl_type_ints);

	if (to < from ? by >= 0 : by <= 0)
		return list;
	for (int64_t at = from; to < from ? at > to : at < to;) {
		if (list->u.list.count == NUMBERS_MAX) {
			call_fail(call, "more than %d numbers", NUMBERS_MAX);
			return NULL;
		}
		tmpl_list_add(call->arena, list, tmpl_int(call->arena, at));
		if (__builtin_add_overflow(at, by, &at))
			break;
	}
	return list;
}

static const struct tmpl_value *number_until(struct call *call)
{
	int64_t to = call->args[0]->u.integer;

	return steps(call, 0, to, to < 0 ? -1 : 1);
}

static const struct tmpl_value *number_until_step(struct call *call)
{
	return steps(call, call->args[0]->u.integer, call->args[1]->u.integer,
		     call->args[2]->u.integer);
}

/* As seq(1): the last one included. */
static const struct tmpl_value *number_seq(struct call *call)
{
	int64_t from = 1, to, by = 1, past;
	const struct tmpl_value *list;
	struct strbuf out = STRBUF_INIT;

	if (call->count < 1 || call->count > 3)
		return tmpl_str(call->arena, "");
	to = call->args[call->count - 1]->u.integer;
	if (call->count > 1)
		from = call->args[0]->u.integer;
	if (call->count == 3)
		by = call->args[1]->u.integer;
	else if (to < from)
		by = -1;
	if (call->count == 3 && to < from && by > 0)
		return tmpl_str(call->arena, "");
	if (__builtin_add_overflow(to, to < from ? -1 : 1, &past))
		past = to;
	list = steps(call, from, past, by);
	if (!list)
		return NULL;
	for (size_t i = 0; i < list->u.list.count; i++) {
		if (i)
			strbuf_addch(&out, ' ');
		format_value(&out, list->u.list.items[i]);
	}
	return tmpl_string_from(call->arena, &out);
}

const struct tmpl_func sprig_number_funcs[] = {
	{ "sprig_int", "a", number_int },
	{ "sprig_int64", "a", number_int64 },
	{ "sprig_float64", "a", number_float64 },
	{ "sprig_atoi", "s", number_atoi },
	{ "sprig_toDecimal", "a", number_to_decimal },
	{ "sprig_add", "a*", number_add },
	{ "sprig_add1", "a", number_add1 },
	{ "sprig_sub", "aa", number_sub },
	{ "sprig_mul", "aa*", number_mul },
	{ "sprig_div", "aa", number_div },
	{ "sprig_mod", "aa", number_mod },
	{ "sprig_max", "aa*", number_max },
	{ "sprig_biggest", "aa*", number_max },
	{ "sprig_min", "aa*", number_min },
	{ "sprig_maxf", "aa*", number_maxf },
	{ "sprig_minf", "aa*", number_minf },
	{ "sprig_floor", "a", number_floor },
	{ "sprig_ceil", "a", number_ceil },
	{ "sprig_round", "aif*", number_round },
	{ "sprig_addf", "a*", number_addf },
	{ "sprig_add1f", "a", number_add1f },
	{ "sprig_subf", "aa*", number_subf },
	{ "sprig_mulf", "aa*", number_mulf },
	{ "sprig_divf", "aa*", number_divf },
	{ "sprig_until", "i", number_until },
	{ "sprig_untilStep", "iii", number_until_step },
	{ "sprig_seq", "i*", number_seq },
	{ NULL, NULL, NULL },
};
