/* Arithmetic, counting, and numbers out of text. The second operand comes first, so that values
 * can be piped in. */
#include <inttypes.h>
#include <string.h>

#include "format.h"
#include "funcs.h"
#include "number.h"
#include "unicode.h"

enum operation { OP_ADD, OP_SUBTRACT, OP_MULTIPLY, OP_DIVIDE, OP_MODULO };

static bool is_number(const struct tmpl_value *value)
{
	return value->type->kind == TMPL_INT || value->type->kind == TMPL_UINT ||
	       value->type->kind == TMPL_FLOAT;
}

/* `add: unknown type for "1" (string)` */
static const struct tmpl_value *fail_type(struct call *call, const struct tmpl_value *value)
{
	struct strbuf text = STRBUF_INIT;

	if (value->type->kind == TMPL_NIL)
		strbuf_addstr(&text, "<invalid reflect.Value> (<nil>)");
	else
		format_printf(&text, "%q (%T)", 7, (const struct tmpl_value *[]){ value, value },
			      2);
	call_fail(call, "%s: unknown type for %s", call->func->name, text.buf);
	strbuf_release(&text);
	return NULL;
}

static double as_float(const struct tmpl_value *value)
{
	if (value->type->kind == TMPL_FLOAT)
		return value->u.real;
	if (value->type->kind == TMPL_UINT)
		return (double)value->u.uinteger;
	return (double)value->u.integer;
}

static const struct tmpl_value *float_result(struct call *call, enum operation op, double a,
					     double b)
{
	switch (op) {
	case OP_ADD:
		return tmpl_float(call->arena, a + b);
	case OP_SUBTRACT:
		return tmpl_float(call->arena, a - b);
	case OP_MULTIPLY:
		return tmpl_float(call->arena, a * b);
	case OP_DIVIDE:
		return tmpl_float(call->arena, a / b);
	case OP_MODULO:
		break;
	}
	return NULL;
}

/* Wraps on overflow, as Go does; the smallest number divided by -1 is itself. */
static int64_t int_result(enum operation op, int64_t a, int64_t b)
{
	switch (op) {
	case OP_ADD:
		return (int64_t)((uint64_t)a + (uint64_t)b);
	case OP_SUBTRACT:
		return (int64_t)((uint64_t)a - (uint64_t)b);
	case OP_MULTIPLY:
		return (int64_t)((uint64_t)a * (uint64_t)b);
	case OP_DIVIDE:
		return b == -1 ? (int64_t)(0 - (uint64_t)a) : a / b;
	case OP_MODULO:
		return b == -1 ? 0 : a % b;
	}
	return 0;
}

static uint64_t uint_result(enum operation op, uint64_t a, uint64_t b)
{
	switch (op) {
	case OP_ADD:
		return a + b;
	case OP_SUBTRACT:
		return a - b;
	case OP_MULTIPLY:
		return a * b;
	case OP_DIVIDE:
		return a / b;
	case OP_MODULO:
		return a % b;
	}
	return 0;
}

static int64_t as_int(const struct tmpl_value *value)
{
	return value->type->kind == TMPL_UINT ? (int64_t)value->u.uinteger : value->u.integer;
}

static const struct tmpl_value *calculate(struct call *call, enum operation op)
{
	const struct tmpl_value *b = call->args[0], *a = call->args[1];
	bool floats = a->type->kind == TMPL_FLOAT || b->type->kind == TMPL_FLOAT;

	if (!is_number(a) || (op == OP_MODULO && a->type->kind == TMPL_FLOAT))
		return fail_type(call, a);
	if (!is_number(b) || (op == OP_MODULO && b->type->kind == TMPL_FLOAT))
		return fail_type(call, b);
	if (floats)
		return float_result(call, op, as_float(a), as_float(b));
	if ((op == OP_DIVIDE || op == OP_MODULO) && b->u.integer == 0)
		return call_fail(call, "runtime error: integer divide by zero");
	if (a->type->kind == TMPL_UINT && b->type->kind == TMPL_UINT)
		return tmpl_uint64(call->arena, uint_result(op, a->u.uinteger, b->u.uinteger));
	return tmpl_int64(call->arena, int_result(op, as_int(a), as_int(b)));
}

static const struct tmpl_value *number_add(struct call *call)
{
	return calculate(call, OP_ADD);
}

static const struct tmpl_value *number_subtract(struct call *call)
{
	return calculate(call, OP_SUBTRACT);
}

static const struct tmpl_value *number_multiply(struct call *call)
{
	return calculate(call, OP_MULTIPLY);
}

static const struct tmpl_value *number_divide(struct call *call)
{
	return calculate(call, OP_DIVIDE);
}

static const struct tmpl_value *number_modulo(struct call *call)
{
	return calculate(call, OP_MODULO);
}

/* One of the operands, widened; of equal ones the second one given, which is the first here. */
static const struct tmpl_value *extreme(struct call *call, bool least)
{
	const struct tmpl_value *b = call->args[0], *a = call->args[1], *chosen;
	bool floats = a->type->kind == TMPL_FLOAT || b->type->kind == TMPL_FLOAT;
	bool uints = a->type->kind == TMPL_UINT && b->type->kind == TMPL_UINT;
	int order;

	if (!is_number(a))
		return fail_type(call, a);
	if (!is_number(b))
		return fail_type(call, b);
	if (floats)
		order = (as_float(a) > as_float(b)) - (as_float(a) < as_float(b));
	else if (uints)
		order = (a->u.uinteger > b->u.uinteger) - (a->u.uinteger < b->u.uinteger);
	else
		order = (as_int(a) > as_int(b)) - (as_int(a) < as_int(b));
	chosen = (least ? order < 0 : order > 0) ? a : b;
	if (chosen->type->kind == TMPL_UINT)
		return tmpl_uint64(call->arena, chosen->u.uinteger);
	if (chosen->type->kind == TMPL_INT)
		return tmpl_int64(call->arena, chosen->u.integer);
	return chosen;
}

static const struct tmpl_value *number_minimum(struct call *call)
{
	return extreme(call, true);
}

static const struct tmpl_value *number_maximum(struct call *call)
{
	return extreme(call, false);
}

static const struct tmpl_value *number_loop(struct call *call)
{
	struct tmpl_value *made;
	struct tmpl_stream *stream;

	if (call->count < 1 || call->count > 2)
		return call_fail(call,
				 "loop: wrong number of arguments, expected 1 or 2, but got %zu",
				 call->count);
	made = arena_alloc(call->arena, sizeof(*made));
	stream = arena_alloc(call->arena, sizeof(*stream));
	stream->end = call->args[call->count - 1]->u.integer;
	if (call->count == 2)
		stream->next = call->args[0]->u.integer;
	made->type = &tmpl_type_stream;
	made->u.stream = stream;
	return made;
}

static const struct tmpl_value *fail_parse(struct call *call, const char *function,
					   enum number_result result)
{
	struct strbuf quoted = STRBUF_INIT;

	unicode_quote(&quoted, arg_str(call, 0), arg_len(call, 0), '"', false);
	call_fail(call, "%s: strconv.%s: parsing %s: %s", call->func->name, function, quoted.buf,
		  result == NUMBER_RANGE ? "value out of range" : "invalid syntax");
	strbuf_release(&quoted);
	return NULL;
}

static const struct tmpl_value *number_parse_int_func(struct call *call)
{
	int64_t number = 0;
	enum number_result result = NUMBER_OK;

	if (arg_len(call, 0))
		result = number_parse_int(arg_str(call, 0), arg_len(call, 0), 10, &number);
	if (result != NUMBER_OK)
		return fail_parse(call, "ParseInt", result);
	return tmpl_int64(call->arena, number);
}

static const struct tmpl_value *number_parse_uint_func(struct call *call)
{
	uint64_t number = 0;
	enum number_result result = NUMBER_OK;

	if (arg_len(call, 0))
		result = number_parse_uint(arg_str(call, 0), arg_len(call, 0), 10, &number);
	if (result != NUMBER_OK)
		return fail_parse(call, "ParseUint", result);
	return tmpl_uint64(call->arena, number);
}

static const struct tmpl_value *number_parse_float_func(struct call *call)
{
	double number = 0;
	enum number_result result = NUMBER_OK;

	if (arg_len(call, 0))
		result = number_parse_float(arg_str(call, 0), arg_len(call, 0), false, &number);
	if (result != NUMBER_OK)
		return fail_parse(call, "ParseFloat", result);
	return tmpl_float(call->arena, number);
}

static const struct tmpl_value *number_parse_bool(struct call *call)
{
	static const char *const yes[] = { "1", "t", "T", "TRUE", "true", "True" };
	static const char *const no[] = { "", "0", "f", "F", "FALSE", "false", "False" };

	for (size_t i = 0; i < sizeof(yes) / sizeof(yes[0]); i++)
		if (tmpl_string_is(call->args[0], yes[i]))
			return tmpl_bool(true);
	for (size_t i = 0; i < sizeof(no) / sizeof(no[0]); i++)
		if (tmpl_string_is(call->args[0], no[i]))
			return tmpl_bool(false);
	return fail_parse(call, "ParseBool", NUMBER_SYNTAX);
}

const struct tmpl_func number_funcs[] = {
	{ "add", "aa", number_add },
	{ "subtract", "aa", number_subtract },
	{ "multiply", "aa", number_multiply },
	{ "divide", "aa", number_divide },
	{ "modulo", "aa", number_modulo },
	{ "minimum", "aa", number_minimum },
	{ "maximum", "aa", number_maximum },
	{ "loop", "I*", number_loop },
	{ "parseInt", "s", number_parse_int_func },
	{ "parseUint", "s", number_parse_uint_func },
	{ "parseFloat", "s", number_parse_float_func },
	{ "parseBool", "s", number_parse_bool },
	{ NULL, NULL, NULL },
};
