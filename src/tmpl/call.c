/* What functions may do to the execution that called them: fail, ask for a dependency, run another
 * template. */
#include "eval.h"

#include <assert.h>
#include <stdarg.h>

#include "binnacle/base/limits.h"

#define MESSAGE_MAX 8192 /* bytes; from here on messages are not put into others */

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

const char *arg_str(const struct call *call, size_t index)
{
	assert(call->args[index]->type->kind == TMPL_STRING);
	return call->args[index]->u.string.text;
}

size_t arg_len(const struct call *call, size_t index)
{
	return call->args[index]->u.string.len;
}
