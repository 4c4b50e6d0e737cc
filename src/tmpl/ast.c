/* Trees printed back as text. Go prints `=` as `:=` here; messages follow it. */
#include "ast.h"

#include "unicode.h"

#include <string.h>

static void print_names(struct strbuf *out, const struct node *node, size_t from)
{
	for (size_t i = from; i < node->u.path.count; i++) {
		strbuf_addch(out, '.');
		strbuf_addstr(out, node->u.path.names[i]);
	}
}

static void print_operand(struct strbuf *out, const struct node *node)
{
	if (node->kind == NODE_PIPE)
		strbuf_addch(out, '(');
	node_print(out, node);
	if (node->kind == NODE_PIPE)
		strbuf_addch(out, ')');
}

static void print_list(struct strbuf *out, const struct node_list *list, const char *between)
{
	for (size_t i = 0; i < list->count; i++) {
		if (i)
			strbuf_addstr(out, between);
		print_operand(out, list->items[i]);
	}
}

static void print_pipeline(struct strbuf *out, const struct node *node)
{
	if (node->u.pipeline.vars.count) {
		print_list(out, &node->u.pipeline.vars, ", ");
		strbuf_addstr(out, " := ");
	}
	print_list(out, &node->u.pipeline.commands, " | ");
}

static void print_branch(struct strbuf *out, const struct node *node, const char *word)
{
	strbuf_addf(out, "{{%s ", word);
	node_print(out, node->u.branch.pipe);
	strbuf_addstr(out, "}}");
	node_print(out, node->u.branch.list);
	if (node->u.branch.otherwise) {
		strbuf_addstr(out, "{{else}}");
		node_print(out, node->u.branch.otherwise);
	}
	strbuf_addstr(out, "{{end}}");
}

static void print_call(struct strbuf *out, const struct node *node)
{
	strbuf_addstr(out, "{{template ");
	unicode_quote(out, node->u.call.name, strlen(node->u.call.name), '"', false);
	if (node->u.call.pipe) {
		strbuf_addch(out, ' ');
		node_print(out, node->u.call.pipe);
	}
	strbuf_addstr(out, "}}");
}

void node_print(struct strbuf *out, const struct node *node)
{
	switch (node->kind) {
	case NODE_LIST:
		print_list(out, &node->u.list, "");
		break;
	case NODE_TEXT:
		unicode_quote(out, node->text, node->len, '"', false);
		break;
	case NODE_ACTION:
		strbuf_addstr(out, "{{");
		node_print(out, node->u.pipe);
		strbuf_addstr(out, "}}");
		break;
	case NODE_IF:
		print_branch(out, node, "if");
		break;
	case NODE_RANGE:
		print_branch(out, node, "range");
		break;
	case NODE_WITH:
		print_branch(out, node, "with");
		break;
	case NODE_TEMPLATE:
		print_call(out, node);
		break;
	case NODE_BREAK:
		strbuf_addstr(out, "{{break}}");
		break;
	case NODE_CONTINUE:
		strbuf_addstr(out, "{{continue}}");
		break;
	case NODE_ELSE:
		strbuf_addstr(out, "{{else}}");
		break;
	case NODE_END:
		strbuf_addstr(out, "{{end}}");
		break;
	case NODE_PIPE:
		print_pipeline(out, node);
		break;
	case NODE_COMMAND:
		print_list(out, &node->u.args, " ");
		break;
	case NODE_IDENTIFIER:
	case NODE_NUMBER:
	case NODE_STRING:
		strbuf_add(out, node->text, node->len);
		break;
	case NODE_FIELD:
		print_names(out, node, 0);
		break;
	case NODE_VARIABLE:
		strbuf_addstr(out, node->u.path.names[0]);
		print_names(out, node, 1);
		break;
	case NODE_CHAIN:
		print_operand(out, node->u.path.of);
		print_names(out, node, 0);
		break;
	case NODE_DOT:
		strbuf_addch(out, '.');
		break;
	case NODE_NIL:
		strbuf_addstr(out, "nil");
		break;
	case NODE_BOOL:
		strbuf_addstr(out, node->u.literal->u.boolean ? "true" : "false");
		break;
	}
}
