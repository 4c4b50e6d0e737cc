/* What functions may do to the execution that called them: fail, ask for a dependency, run another
 * template. */
#include "eval.h"

#include <assert.h>
#include <stdarg.h>
#include <stdint.h>

#include "binnacle/base/limits.h"

#define MESSAGE_MAX    8192   /* bytes; from here on messages are not put into others */
#define LOOKED_AT_MAX  10000  /* values inside a value */
#define COPIED_MAX     100000 /* the same */
#define NESTED_MAX     1000   /* how deep */
#define MOVED_PER_STEP 128    /* pairs of a map */

static void call_failed(struct call *call, const char *message)
{
	call->eval->at = call->node;
	eval_fail(call->eval, "error calling %s: %s", call->func->name, message);
}

const struct tmpl_value *call_fail(struct call *call, const char *fmt, ...)
{
	struct strbuf message = STRBUF_INIT;
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(&message, fmt, args);
	va_end(args);
	call_failed(call, message.buf);
	strbuf_release(&message);
	return NULL;
}

bool call_has_room(struct call *call, size_t len)
{
	if (len > LIMIT_TEMPLATE_MEMORY || call->arena->total + len > LIMIT_TEMPLATE_MEMORY) {
		call_fail(call, "the result is larger than %u bytes", LIMIT_TEMPLATE_MEMORY);
		return false;
	}
	return true;
}

bool call_spend(struct call *call, size_t steps)
{
	struct eval *eval = call->eval;

	eval->steps = steps > LIMIT_TEMPLATE_STEPS - eval->steps ? LIMIT_TEMPLATE_STEPS
								 : eval->steps + (unsigned)steps;
	return eval_step(eval);
}

const struct tmpl_source *call_source(const struct call *call)
{
	return call->eval->source;
}

void call_note_missing(struct call *call, const struct dep *dep)
{
	dep_set_add(&call->eval->result->missing, dep);
}

const struct tmpl_value *call_lookup(struct call *call, const struct dep *dep, bool *known)
{
	const struct tmpl_source *source = call->eval->source;
	const struct tmpl_value *value = NULL;

	dep_set_add(&call->eval->result->used, dep);
	if (source->lookup)
		value = source->lookup(source->arg, dep);
	*known = value != NULL;
	if (value)
		return value;
	call_note_missing(call, dep);
	return tmpl_value_unknown(call->arena, dep->kind);
}

bool call_template(struct call *call, const char *name, const struct tmpl_value *dot,
		   struct strbuf *out, bool *exists)
{
	struct eval *eval = call->eval;
	const struct definition *definition = tmpl_definition(eval->tmpl, name);
	struct strbuf *outer = eval->out, message;

	*exists = definition != NULL;
	if (!definition)
		return false;
	eval->out = out;
	if (eval_enter(eval))
		eval_definition(eval, definition, (struct operand){ dot, false });
	eval->nesting--;
	eval->out = outer;
	if (!eval->failed)
		return true;
	/* The inner failure is the message of the outer one, unless that would not end. */
	if (eval->message.len > MESSAGE_MAX)
		return false;
	message = eval->message;
	strbuf_init(&eval->message);
	eval->failed = false;
	call_fail(call, "%s", message.buf);
	strbuf_release(&message);
	return false;
}

struct tmpl_value *call_scratch(struct call *call)
{
	if (!call->eval->scratch)
		call->eval->scratch = tmpl_map_new(call->arena, &tmpl_type_map);
	return call->eval->scratch;
}

/* Does `value` hold `map`? What cannot be found out with some effort counts as yes. */
static bool holds_map(const struct tmpl_value *value, const struct tmpl_value *map, unsigned *left,
		      int depth)
{
	if (value == map || *left == 0 || depth > NESTED_MAX)
		return true;
	--*left;
	if (value->type->kind == TMPL_LIST && value->type->elem->kind != TMPL_STRING) {
		for (size_t i = 0; i < value->u.list.count; i++)
			if (holds_map(value->u.list.items[i], map, left, depth + 1))
				return true;
	} else if (value->type->kind == TMPL_MAP) {
		for (size_t i = 0; i < value->u.map.count; i++)
			if (holds_map(value->u.map.pairs[i].value, map, left, depth + 1))
				return true;
	}
	return false;
}

static const struct tmpl_value *copy_nested(struct call *call, const struct tmpl_value *value,
					    unsigned *left, int depth)
{
	const struct tmpl_value *inner;
	struct tmpl_value *copy;

	if (*left == 0 || depth > NESTED_MAX)
		return call_fail(call, "the value is too large to be copied");
	--*left;
	if (value->type->kind == TMPL_MAP) {
		copy = tmpl_map_new(call->arena, value->type);
		copy->u.map.null = value->u.map.null;
		for (size_t i = 0; i < value->u.map.count; i++) {
			inner = copy_nested(call, value->u.map.pairs[i].value, left, depth + 1);
			if (!inner)
				return NULL;
			tmpl_map_put(call->arena, copy, value->u.map.pairs[i].key, inner);
		}
		return copy;
	}
	if (value->type->kind != TMPL_LIST)
		return value;
	copy = tmpl_list_new(call->arena, value->type);
	copy->u.list.null = value->u.list.null;
	for (size_t i = 0; i < value->u.list.count; i++) {
		inner = copy_nested(call, value->u.list.items[i], left, depth + 1);
		if (!inner)
			return NULL;
		tmpl_list_add(call->arena, copy, inner);
	}
	return copy;
}

const struct tmpl_value *call_copy(struct call *call, const struct tmpl_value *value)
{
	unsigned left = COPIED_MAX;

	return copy_nested(call, value, &left, 0);
}

bool call_owns_map(const struct call *call, const struct tmpl_value *map)
{
	return map->u.map.owner == call->arena;
}

bool call_map_put(struct call *call, const struct tmpl_value *map, const struct tmpl_value *key,
		  const struct tmpl_value *value)
{
	unsigned effort = LOOKED_AT_MAX;

	if (!call_owns_map(call, map)) {
		call_fail(call, map->u.map.null ? "assignment to entry in nil map"
						: "this map cannot be changed");
		return false;
	}
	/* What comes behind the last key is cheap, all else moves what is behind it. */
	if (map->u.map.count &&
	    tmpl_compare_strings(map->u.map.pairs[map->u.map.count - 1].key, key) > 0 &&
	    !call_spend(call, map->u.map.count / MOVED_PER_STEP))
		return false;
	if (holds_map(value, map, &effort, 0))
		value = call_copy(call, value);
	if (!value)
		return false;
	tmpl_map_put(call->arena, (struct tmpl_value *)(uintptr_t)map, key, value);
	return true;
}

const char *arg_str(const struct call *call, size_t index)
{
	assert(call->args[index]->type->kind == TMPL_STRING);
	return call->args[index]->u.string.text;
}

size_t arg_len(const struct call *call, size_t index)
{
	return call->args[index]->u.string.len;
}
