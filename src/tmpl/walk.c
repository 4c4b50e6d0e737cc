/* Statements. They are walked with a stack of our own, because templates may call each other a
 * hundred thousand deep: Go's limit, and more than a process's stack holds. */
#include "eval.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/limits.h"
#include "format.h"
#include "unicode.h"

#define DEPTH_MAX 100000 /* of templates that call templates: Go's */

enum frame_kind { FRAME_LIST, FRAME_RANGE, FRAME_TEMPLATE };

struct frame {
	enum frame_kind kind;
	const struct node *node; /* of LIST and RANGE */
	struct operand dot;      /* of LIST; RANGE: the context around it */
	size_t mark;             /* variables to keep when the frame goes */
	size_t next;             /* of LIST: the item that comes next; RANGE: rounds done */
	union {
		const struct tmpl_value *over; /* of RANGE */
		struct {
			const char *executing;
			size_t var_base;
		} outer; /* of TEMPLATE */
	} u;
};

static struct frame *push(struct eval *eval, enum frame_kind kind, const struct node *node,
			  struct operand dot, size_t mark)
{
	struct frame *frame;

	if (eval->frame_count == eval->frame_cap) {
		eval->frame_cap = eval->frame_cap ? eval->frame_cap * 2 : 32;
		eval->frames = xreallocarray(eval->frames, eval->frame_cap, sizeof(*eval->frames));
		if (eval->frame_cap * sizeof(*eval->frames) > LIMIT_TEMPLATE_MEMORY)
			eval_fail(eval, "the template needs more than %u bytes of memory",
				  LIMIT_TEMPLATE_MEMORY);
	}
	frame = &eval->frames[eval->frame_count++];
	*frame = (struct frame){ .kind = kind, .node = node, .dot = dot, .mark = mark };
	return frame;
}

static void push_list(struct eval *eval, const struct node *list, struct operand dot, size_t mark)
{
	eval->at = list;
	push(eval, FRAME_LIST, list, dot, mark);
}

/* A definition with `dot`; variables of the caller are out of sight. */
static void push_template(struct eval *eval, const struct definition *definition,
			  struct operand dot)
{
	struct frame *frame = push(eval, FRAME_TEMPLATE, NULL, dot, eval->var_count);

	frame->u.outer.executing = eval->executing;
	frame->u.outer.var_base = eval->var_base;
	eval->depth++;
	eval->executing = definition->name;
	eval->var_base = eval->var_count;
	eval_push_variable(eval, "$", dot);
	push_list(eval, definition->root, dot, eval->var_count);
}

static void pop(struct eval *eval)
{
	const struct frame *frame = &eval->frames[--eval->frame_count];

	eval->var_count = frame->mark;
	if (frame->kind == FRAME_TEMPLATE) {
		eval->executing = frame->u.outer.executing;
		eval->var_base = frame->u.outer.var_base;
		eval->depth--;
	}
}

static void print_action(struct eval *eval, const struct node *node, struct operand value)
{
	if (eval->failed)
		return;
	eval->at = node;
	if (value.value->type->kind == TMPL_STREAM) {
		struct strbuf after = STRBUF_INIT;

		strbuf_addf(&after, " of type %s", value.value->type->name);
		eval_fail_node(eval, "can't print ", node, after.buf);
		strbuf_release(&after);
		return;
	}
	format_action(eval->out, value.value);
}

static void walk_action(struct eval *eval, struct operand dot, const struct node *node)
{
	struct operand value = eval_pipeline(eval, dot, node->u.pipe);

	if (node->u.pipe->u.pipeline.vars.count == 0)
		print_action(eval, node, value);
}

static void walk_condition(struct eval *eval, struct operand dot, const struct node *node)
{
	size_t mark = eval->var_count;
	struct operand value = eval_pipeline(eval, dot, node->u.branch.pipe);

	if (eval->failed)
		return;
	if (tmpl_is_true(value.value))
		push_list(eval, node->u.branch.list, node->kind == NODE_WITH ? value : dot, mark);
	else if (node->u.branch.otherwise)
		push_list(eval, node->u.branch.otherwise, dot, mark);
	else
		eval->var_count = mark;
}

static bool can_iterate(const struct tmpl_value *value)
{
	switch (value->type->kind) {
	case TMPL_NIL:
	case TMPL_LIST:
	case TMPL_MAP:
	case TMPL_STREAM:
		return true;
	default:
		return false;
	}
}

static void walk_range(struct eval *eval, struct operand dot, const struct node *node)
{
	size_t mark = eval->var_count;
	struct operand value = eval_pipeline(eval, dot, node->u.branch.pipe);

	if (eval->failed)
		return;
	if (!can_iterate(value.value)) {
		struct strbuf shown = STRBUF_INIT;

		if (tmpl_is_nil(value.value))
			strbuf_addstr(&shown, "<nil>");
		else
			format_action(&shown, value.value);
		eval_fail(eval, "range can't iterate over %s", shown.buf);
		strbuf_release(&shown);
		return;
	}
	push(eval, FRAME_RANGE, node, dot, mark)->u.over = value.value;
}

/* The next element; false: there is none. */
static bool take_element(struct eval *eval, const struct tmpl_value *over, size_t round,
			 struct operand *index, struct operand *element)
{
	bool boxed = over->type->elem && over->type->elem->kind == TMPL_NIL;

	switch (over->type->kind) {
	case TMPL_LIST:
		if (round >= over->u.list.count)
			return false;
		*element = (struct operand){ over->u.list.items[round], boxed };
		break;
	case TMPL_MAP:
		if (round >= over->u.map.count)
			return false;
		*index = operand_plain(over->u.map.pairs[round].key);
		*element = (struct operand){ over->u.map.pairs[round].value, boxed };
		return true;
	case TMPL_STREAM:
		if (over->u.stream->next >= over->u.stream->end)
			return false;
		*element = operand_plain(tmpl_int64(&eval->arena, over->u.stream->next++));
		break;
	default:
		return false;
	}
	*index = operand_plain(tmpl_int(&eval->arena, (int64_t)round));
	return true;
}

static void bind_round(struct eval *eval, const struct node *pipe, struct operand index,
		       struct operand element)
{
	const struct node_list *vars = &pipe->u.pipeline.vars;

	if (pipe->u.pipeline.is_assign) {
		if (vars->count > 1)
			eval_bind(eval, vars->items[0], true, index);
		if (vars->count)
			eval_bind(eval, vars->items[vars->count - 1], true, element);
		return;
	}
	if (vars->count)
		eval->vars[eval->var_count - 1].held = element;
	if (vars->count > 1)
		eval->vars[eval->var_count - 2].held = index;
}

/* One round of the innermost range, or its end. */
static void walk_round(struct eval *eval)
{
	struct frame *frame = &eval->frames[eval->frame_count - 1];
	const struct node *node = frame->node;
	struct operand index, element, dot = frame->dot;
	size_t mark = frame->mark;

	if (take_element(eval, frame->u.over, frame->next, &index, &element)) {
		frame->next++;
		if (!eval_step(eval))
			return;
		bind_round(eval, node->u.branch.pipe, index, element);
		push_list(eval, node->u.branch.list, element, eval->var_count);
		return;
	}
	if (frame->next == 0 && node->u.branch.otherwise) {
		eval->frame_count--;
		push_list(eval, node->u.branch.otherwise, dot, mark);
		return;
	}
	pop(eval);
}

static void walk_template(struct eval *eval, struct operand dot, const struct node *node)
{
	const struct definition *definition = tmpl_definition(eval->tmpl, node->u.call.name);
	struct operand argument;

	if (!definition) {
		struct strbuf quoted = STRBUF_INIT;

		unicode_quote(&quoted, node->u.call.name, strlen(node->u.call.name), '"', false);
		eval_fail(eval, "template %s not defined", quoted.buf);
		strbuf_release(&quoted);
		return;
	}
	if (eval->depth > DEPTH_MAX) {
		eval_fail(eval, "exceeded maximum template depth (%d)", DEPTH_MAX);
		return;
	}
	argument = eval_pipeline(eval, dot, node->u.call.pipe);
	if (!eval->failed)
		push_template(eval, definition, argument);
}

/* Leave the lists inside the innermost range, and for a break the range too. */
static void jump(struct eval *eval, bool is_break)
{
	while (eval->frames[eval->frame_count - 1].kind != FRAME_RANGE)
		pop(eval);
	if (is_break)
		pop(eval);
}

static void walk_node(struct eval *eval, struct operand dot, const struct node *node)
{
	eval->at = node;
	switch (node->kind) {
	case NODE_LIST:
		push_list(eval, node, dot, eval->var_count);
		break;
	case NODE_TEXT:
		strbuf_add(eval->out, node->text, node->len);
		break;
	case NODE_ACTION:
		walk_action(eval, dot, node);
		break;
	case NODE_IF:
	case NODE_WITH:
		walk_condition(eval, dot, node);
		break;
	case NODE_RANGE:
		walk_range(eval, dot, node);
		break;
	case NODE_TEMPLATE:
		walk_template(eval, dot, node);
		break;
	case NODE_BREAK:
	case NODE_CONTINUE:
		jump(eval, node->kind == NODE_BREAK);
		break;
	default:
		assert(!"a node that cannot be walked");
	}
}

static void walk_frame(struct eval *eval)
{
	struct frame *frame = &eval->frames[eval->frame_count - 1];

	switch (frame->kind) {
	case FRAME_LIST:
		if (frame->next < frame->node->u.list.count)
			walk_node(eval, frame->dot, frame->node->u.list.items[frame->next++]);
		else
			pop(eval);
		break;
	case FRAME_RANGE:
		walk_round(eval);
		break;
	case FRAME_TEMPLATE:
		pop(eval);
		break;
	}
}

void eval_definition(struct eval *eval, const struct definition *definition, struct operand dot)
{
	size_t floor = eval->frame_count;
	int depth = eval->depth;

	eval->depth = 0;
	push_template(eval, definition, dot);
	while (eval->frame_count > floor) {
		if (eval->failed)
			pop(eval);
		else
			walk_frame(eval);
	}
	eval->depth = depth;
}

void eval_run(struct eval *eval, const struct definition *definition)
{
	const struct tmpl_value *data = eval->source ? eval->source->data : NULL;

	eval_definition(eval, definition, operand_plain(data ? data : tmpl_nil()));
	eval_step(eval); /* the last thing written may have been too much */
}
