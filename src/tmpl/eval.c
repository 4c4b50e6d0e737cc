/* Pipelines to values, by recursion: how deep they nest is what their author wrote. The first
 * error sticks: everything returns early from then on, with nil for a value, and the message is
 * already complete. eval->at follows the walk exactly as in Go, since it is what a message points
 * at. */
#include "eval.h"

#include <assert.h>
#include <stdarg.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/limits.h"
#include "format.h"
#include "unicode.h"

#define NESTING_MAX 5000 /* nodes inside nodes; a level costs some 500 bytes of stack */
#define PARAMS_MAX  8

static const struct operand nothing = { NULL, false };

static struct operand eval_arg(struct eval *eval, struct operand dot, const struct tmpl_type *type,
			       const struct node *node);
static struct operand eval_function(struct eval *eval, struct operand dot, const struct node *name,
				    const struct node *command, const struct node_list *args,
				    const struct operand *final);

static bool is_no_value(struct operand operand)
{
	return operand.value->type->kind == TMPL_NIL && !operand.boxed;
}

struct operand eval_fail(struct eval *eval, const char *fmt, ...)
{
	struct tmpl_error place = { 0 };
	struct strbuf context = STRBUF_INIT, name = STRBUF_INIT;
	va_list args;

	if (eval->failed)
		return operand_plain(tmpl_nil());
	eval->failed = true;
	if (eval->at) {
		error_place(&place, eval->tmpl->text, eval->tmpl->len, eval->at->pos);
		node_print(&context, eval->at);
		unicode_quote(&name, eval->executing, strlen(eval->executing), '"', false);
		strbuf_addf(&eval->message,
			    "template: :%zu:%zu: executing %s at <%s>: ", place.line, place.column,
			    name.buf, context.buf);
		eval->error_pos = eval->at->pos;
		eval->has_pos = true;
	} else {
		strbuf_addstr(&eval->message, "template: : ");
	}
	va_start(args, fmt);
	strbuf_vaddf(&eval->message, fmt, args);
	va_end(args);
	tmpl_error_release(&place);
	strbuf_release(&context);
	strbuf_release(&name);
	return operand_plain(tmpl_nil());
}

struct operand eval_fail_node(struct eval *eval, const char *before, const struct node *node,
			      const char *after)
{
	struct strbuf shown = STRBUF_INIT;

	node_print(&shown, node);
	eval_fail(eval, "%s%s%s", before, shown.buf, after);
	strbuf_release(&shown);
	return operand_plain(tmpl_nil());
}

/* Called wherever time or memory is spent. False: enough. */
bool eval_step(struct eval *eval)
{
	if (eval->failed)
		return false;
	if (++eval->steps > LIMIT_TEMPLATE_STEPS)
		eval_fail(eval, "the template does not end: more than %u steps",
			  LIMIT_TEMPLATE_STEPS);
	else if (eval->arena.total > LIMIT_TEMPLATE_MEMORY)
		eval_fail(eval, "the template needs more than %u bytes of memory",
			  LIMIT_TEMPLATE_MEMORY);
	else if (eval->out->len > LIMIT_TEMPLATE_OUTPUT)
		eval_fail(eval, "the template writes more than %u bytes", LIMIT_TEMPLATE_OUTPUT);
	return !eval->failed;
}

bool eval_enter(struct eval *eval)
{
	if (++eval->nesting > NESTING_MAX)
		eval_fail(eval, "nested deeper than %d levels", NESTING_MAX);
	return !eval->failed;
}

void eval_push_variable(struct eval *eval, const char *name, struct operand held)
{
	if (eval->var_count == eval->var_cap) {
		eval->var_cap = eval->var_cap ? eval->var_cap * 2 : 16;
		eval->vars = xreallocarray(eval->vars, eval->var_cap, sizeof(*eval->vars));
	}
	eval->vars[eval->var_count++] = (struct variable){ name, held };
}

static struct variable *find_variable(struct eval *eval, const char *name)
{
	for (size_t i = eval->var_count; i > eval->var_base; i--)
		if (strcmp(eval->vars[i - 1].name, name) == 0)
			return &eval->vars[i - 1];
	eval_fail(eval, "undefined variable: %s", name);
	return NULL;
}

void eval_bind(struct eval *eval, const struct node *variable, bool is_assign, struct operand value)
{
	const char *name = variable->u.path.names[0];
	struct variable *known;

	if (!is_assign) {
		eval_push_variable(eval, name, value);
		return;
	}
	known = find_variable(eval, name);
	if (known)
		known->held = value;
}

static const struct tmpl_type *param_type(char letter)
{
	switch (letter) {
	case 's':
		return &tmpl_type_string;
	case 'i':
		return &tmpl_type_int;
	case 'I':
		return &tmpl_type_int64;
	case 'b':
		return &tmpl_type_bool;
	case 'f':
		return &tmpl_type_float64;
	case 'l':
		return &tmpl_type_strings;
	case 'L':
		return &tmpl_type_list;
	case 'm':
		return &tmpl_type_map;
	case 'p':
		return &tmpl_type_key_pairs;
	case 'h':
		return &tmpl_type_health_services;
	case 't':
		return &tmpl_type_time;
	default:
		assert(letter == 'a');
		return &tmpl_type_any;
	}
}

static bool can_be_nil(const struct tmpl_type *type)
{
	return type->kind == TMPL_NIL || type->kind == TMPL_LIST || type->kind == TMPL_MAP;
}

/* The operand as a parameter of this type; NULL: any type will do, in a chain. */
static struct operand validate(struct eval *eval, struct operand given,
			       const struct tmpl_type *type)
{
	if (eval->failed || !type)
		return given;
	if (is_no_value(given)) {
		if (can_be_nil(type))
			return operand_plain(tmpl_zero(&eval->arena, type));
		return eval_fail(eval, "invalid value; expected %s", type->name);
	}
	if (type->kind == TMPL_NIL)
		return given;
	if (given.value->type == type)
		return operand_plain(given.value);
	/* A named list type goes where the list it is made of is wanted. */
	if (type == &tmpl_type_strings && given.value->type == &tmpl_type_tags)
		return operand_plain(given.value);
	return eval_fail(eval, "wrong type for value; expected %s; got %s", type->name,
			 given.value->type->name);
}

/* A number where no type is wanted. */
static struct operand ideal_constant(struct eval *eval, const struct node *node)
{
	const struct number *number = &node->u.number;
	struct tmpl_value *complex;

	eval->at = node;
	if (number->is_complex) {
		complex = arena_alloc(&eval->arena, sizeof(*complex));
		complex->type = &tmpl_type_complex128;
		complex->u.complex.re = number->re;
		complex->u.complex.im = number->im;
		return operand_plain(complex);
	}
	if (number->prefers_float)
		return operand_plain(tmpl_float(&eval->arena, number->as_float));
	if (number->is_int)
		return operand_plain(tmpl_int(&eval->arena, number->as_int));
	return eval_fail(eval, "%s overflows int", node->text);
}

static struct operand literal(struct eval *eval, const struct node *node)
{
	switch (node->kind) {
	case NODE_STRING:
	case NODE_BOOL:
		return operand_plain(node->u.literal);
	default:
		return ideal_constant(eval, node);
	}
}

/* A literal for a parameter of this type. */
static struct operand typed_literal(struct eval *eval, const struct tmpl_type *type,
				    const struct node *node)
{
	const struct number *number = node->kind == NODE_NUMBER ? &node->u.number : NULL;

	if (type->kind == TMPL_NIL)
		return literal(eval, node);
	switch (type->kind) {
	case TMPL_STRING:
		if (node->kind == NODE_STRING)
			return operand_plain(node->u.literal);
		return eval_fail_node(eval, "expected string; found ", node, "");
	case TMPL_BOOL:
		if (node->kind == NODE_BOOL)
			return operand_plain(node->u.literal);
		return eval_fail_node(eval, "expected bool; found ", node, "");
	case TMPL_INT:
		if (!number || !number->is_int)
			return eval_fail_node(eval, "expected integer; found ", node, "");
		return operand_plain(type == &tmpl_type_int64
					     ? tmpl_int64(&eval->arena, number->as_int)
					     : tmpl_int(&eval->arena, number->as_int));
	case TMPL_FLOAT:
		if (number && number->is_float)
			return operand_plain(tmpl_float(&eval->arena, number->as_float));
		return eval_fail_node(eval, "expected float; found ", node, "");
	default: {
		struct strbuf after = STRBUF_INIT;

		strbuf_addf(&after, " for arg of type %s", type->name);
		eval_fail_node(eval, "can't handle ", node, after.buf);
		strbuf_release(&after);
		return operand_plain(tmpl_nil());
	}
	}
}

/* and, or: the first argument that decides, and no other is evaluated. */
static struct operand eval_short_circuit(struct eval *eval, struct operand dot,
					 const struct tmpl_func *func, const struct node_list *args,
					 size_t skip, const struct operand *final)
{
	struct operand value = operand_plain(tmpl_nil());

	for (size_t i = skip; i < args->count; i++) {
		value = eval_arg(eval, dot, &tmpl_type_any, args->items[i]);
		if (eval->failed || tmpl_is_true(value.value) == func_is_or(func))
			return value;
	}
	return final ? operand_plain(final->value) : value;
}

static bool is_denied(const struct tmpl *tmpl, const char *name)
{
	for (size_t i = 0; i < tmpl->denied_count; i++)
		if (strcmp(tmpl->denied[i], name) == 0)
			return true;
	return false;
}

/* `args` holds the name first, or is NULL; `final` is what was piped in, or NULL. */
static struct operand eval_call(struct eval *eval, struct operand dot, const struct tmpl_func *func,
				const struct tmpl_value *receiver, const struct node *node,
				const struct node_list *args, const struct operand *final)
{
	static const struct node_list no_args = { NULL, 0, 0 };
	const struct tmpl_value *few[PARAMS_MAX], *result;
	struct call call = { .eval = eval,
			     .arena = &eval->arena,
			     .func = func,
			     .node = node,
			     .receiver = receiver };
	size_t letters = strlen(func->params), given, total, skip = args ? 1 : 0;
	bool variadic = letters && func->params[letters - 1] == '*';
	size_t fixed = variadic ? letters - 2 : letters;

	if (!args)
		args = &no_args;
	given = args->count - skip;
	total = given + (final ? 1 : 0);
	if (variadic && total < fixed)
		return eval_fail(eval, "wrong number of args for %s: want at least %zu got %zu",
				 func->name, fixed, given);
	if (!variadic && total != fixed)
		return eval_fail(eval, "wrong number of args for %s: want %zu got %zu", func->name,
				 fixed, total);
	if (func_is_and(func) || func_is_or(func))
		return eval_short_circuit(eval, dot, func, args, skip, final);
	call.args =
		total <= PARAMS_MAX ? few : arena_alloc(&eval->arena, total * sizeof(*call.args));
	call.count = total;
	for (size_t i = 0; i < total && !eval->failed; i++) {
		const struct tmpl_type *type = param_type(func->params[i < fixed  ? i
								       : variadic ? letters - 2
										  : i]);

		struct operand arg = i < given ? eval_arg(eval, dot, type, args->items[i + skip])
					       : validate(eval, *final, type);

		call.args[i] = arg.value;
		if (i == 0)
			call.boxed = arg.boxed;
	}
	if (!eval_step(eval))
		return operand_plain(tmpl_nil());
	if (is_denied(eval->tmpl, func->name)) {
		call_fail(&call, "function is disabled");
		return operand_plain(tmpl_nil());
	}
	result = func->run(&call);
	assert(result || eval->failed);
	return operand_plain(result ? result : tmpl_nil());
}

static struct operand eval_function(struct eval *eval, struct operand dot, const struct node *name,
				    const struct node *command, const struct node_list *args,
				    const struct operand *final)
{
	eval->at = name;
	return eval_call(eval, dot, name->u.func, NULL, command, args, final);
}

static struct operand map_field(struct eval *eval, const struct tmpl_value *map, const char *name)
{
	const struct tmpl_type *elem = map->type->elem;
	const struct tmpl_value *found = tmpl_map_get(map, name, strlen(name));

	if (!found && eval->tmpl->error_on_missing_key) {
		struct strbuf quoted = STRBUF_INIT;

		unicode_quote(&quoted, name, strlen(name), '"', false);
		eval_fail(eval, "map has no entry for key %s", quoted.buf);
		strbuf_release(&quoted);
		return operand_plain(tmpl_nil());
	}
	/* Consul Template asks for the zero value, Registrator leaves it at Go's "<no value>". */
	if (!found && eval->tmpl->registrator)
		return operand_plain(tmpl_nil());
	if (!found)
		found = tmpl_zero(&eval->arena, elem);
	return (struct operand){ found, elem->kind == TMPL_NIL };
}

/* receiver.name, with arguments when it is the last of a path. */
static struct operand eval_field(struct eval *eval, struct operand dot, const char *name,
				 const struct node *node, const struct node_list *args,
				 const struct operand *final, struct operand receiver)
{
	const struct tmpl_value *value = receiver.value;
	const struct tmpl_type *type = value->type;
	const char *type_name = receiver.boxed ? tmpl_type_any.name : type->name;
	bool has_args = (args && args->count > 1) || final;
	const struct tmpl_field *field;

	if (eval->failed)
		return operand_plain(tmpl_nil());
	if (is_no_value(receiver)) {
		if (eval->tmpl->error_on_missing_key)
			return eval_fail(eval, "nil data; no entry for key \"%s\"", name);
		return receiver;
	}
	if (type->kind == TMPL_NIL)
		return eval_fail(eval, "nil pointer evaluating %s.%s", type_name, name);
	if (type->kind == TMPL_SCRATCH) {
		const struct tmpl_func *method = func_scratch_method(name);

		if (method)
			return eval_call(eval, dot, method, NULL, node, args, final);
	}
	if (type->kind == TMPL_TIME && func_time_method(name))
		return eval_call(eval, dot, func_time_method(name), value, node, args, final);
	field = type->kind == TMPL_RECORD ? tmpl_type_field(type, name) : NULL;
	if (field) {
		if (!value->u.fields)
			return eval_fail(eval, "nil pointer evaluating %s.%s", type_name, name);
		if (has_args)
			return eval_fail(eval, "%s has arguments but cannot be invoked as function",
					 name);
		return operand_plain(value->u.fields[field - type->fields]);
	}
	if (type->kind == TMPL_MAP && type != &tmpl_type_health_service_port_map) {
		if (has_args)
			return eval_fail(eval, "%s is not a method but has arguments", name);
		return map_field(eval, value, name);
	}
	return eval_fail(eval, "can't evaluate field %s in type %s", name, type_name);
}

static struct operand eval_path(struct eval *eval, struct operand dot, struct operand receiver,
				const struct node *node, size_t from, const struct node_list *args,
				const struct operand *final)
{
	for (size_t i = from; i + 1 < node->u.path.count; i++)
		receiver = eval_field(eval, dot, node->u.path.names[i], node, NULL, NULL, receiver);
	return eval_field(eval, dot, node->u.path.names[node->u.path.count - 1], node, args, final,
			  receiver);
}

static void refuse_args(struct eval *eval, const struct node_list *args,
			const struct operand *final)
{
	if ((args && args->count > 1) || final)
		eval_fail_node(eval, "can't give argument to non-function ", args->items[0], "");
}

static struct operand eval_variable(struct eval *eval, struct operand dot, const struct node *node,
				    const struct node_list *args, const struct operand *final)
{
	const struct variable *variable;

	eval->at = node;
	variable = find_variable(eval, node->u.path.names[0]);
	if (!variable)
		return operand_plain(tmpl_nil());
	if (node->u.path.count == 1) {
		struct operand held = variable->held;

		refuse_args(eval, args, final);
		return held;
	}
	return eval_path(eval, dot, variable->held, node, 1, args, final);
}

static struct operand eval_chain(struct eval *eval, struct operand dot, const struct node *node,
				 const struct node_list *args, const struct operand *final)
{
	struct operand receiver;

	eval->at = node;
	receiver = eval_arg(eval, dot, NULL, node->u.path.of);
	return eval_path(eval, dot, receiver, node, 0, args, final);
}

static struct operand eval_arg(struct eval *eval, struct operand dot, const struct tmpl_type *type,
			       const struct node *node)
{
	struct operand value;

	if (eval->failed)
		return operand_plain(tmpl_nil());
	eval->at = node;
	switch (node->kind) {
	case NODE_DOT:
		value = dot;
		break;
	case NODE_NIL:
		if (can_be_nil(type))
			return operand_plain(tmpl_zero(&eval->arena, type));
		return eval_fail(eval, "cannot assign nil to %s", type->name);
	case NODE_FIELD:
		value = eval_path(eval, dot, dot, node, 0, NULL, NULL);
		break;
	case NODE_VARIABLE:
		value = eval_variable(eval, dot, node, NULL, NULL);
		break;
	case NODE_PIPE:
		value = eval_pipeline(eval, dot, node);
		break;
	case NODE_IDENTIFIER:
		value = eval_function(eval, dot, node, node, NULL, NULL);
		break;
	case NODE_CHAIN:
		value = eval_chain(eval, dot, node, NULL, NULL);
		break;
	default:
		return typed_literal(eval, type, node);
	}
	return validate(eval, value, type);
}

static struct operand eval_command(struct eval *eval, struct operand dot,
				   const struct node *command, const struct operand *final)
{
	const struct node_list *args = &command->u.args;
	const struct node *first = args->items[0];

	switch (first->kind) {
	case NODE_FIELD:
		eval->at = first;
		return eval_path(eval, dot, dot, first, 0, args, final);
	case NODE_CHAIN:
		return eval_chain(eval, dot, first, args, final);
	case NODE_IDENTIFIER:
		return eval_function(eval, dot, first, command, args, final);
	case NODE_PIPE:
		refuse_args(eval, args, final);
		return eval->failed ? operand_plain(tmpl_nil()) : eval_pipeline(eval, dot, first);
	case NODE_VARIABLE:
		return eval_variable(eval, dot, first, args, final);
	default:
		break;
	}
	eval->at = first;
	refuse_args(eval, args, final);
	if (first->kind == NODE_DOT)
		return dot;
	if (first->kind == NODE_NIL)
		return eval_fail(eval, "nil is not a command");
	return eval->failed ? operand_plain(tmpl_nil()) : literal(eval, first);
}

struct operand eval_pipeline(struct eval *eval, struct operand dot, const struct node *pipe)
{
	struct operand value = nothing;

	if (!pipe)
		return operand_plain(tmpl_nil());
	if (!eval_step(eval))
		return operand_plain(tmpl_nil());
	eval->at = pipe;
	if (eval_enter(eval)) {
		for (size_t i = 0; i < pipe->u.pipeline.commands.count && !eval->failed; i++) {
			struct operand before = value;

			value = eval_command(eval, dot, pipe->u.pipeline.commands.items[i],
					     before.value ? &before : NULL);
			value.boxed = false;
		}
		for (size_t i = 0; i < pipe->u.pipeline.vars.count && !eval->failed; i++)
			eval_bind(eval, pipe->u.pipeline.vars.items[i], pipe->u.pipeline.is_assign,
				  value);
	}
	eval->nesting--;
	return eval->failed ? operand_plain(tmpl_nil()) : value;
}
