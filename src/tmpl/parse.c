/* Recursive descent in the order of Go's parser: which token was read last decides the line of a
 * message. */
#include "parser.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/limits.h"
#include "funcs.h"
#include "number.h"
#include "unicode.h"

static struct node *parse_list(struct parser *parser, struct node **stopped_at);
static struct node *parse_pipeline(struct parser *parser, const char *context, enum token_kind end);

static struct node *use_variable(struct parser *parser, struct token token)
{
	struct node *node = parser_node(parser, NODE_VARIABLE, token.pos);

	node->u.path.names = arena_alloc(parser->arena, sizeof(*node->u.path.names));
	node->u.path.names[0] = parser_copy(parser, token);
	node->u.path.count = 1;
	for (size_t i = 0; i < parser->body.var_count; i++)
		if (strcmp(parser->body.vars[i], node->u.path.names[0]) == 0)
			return node;
	return parser_fail(parser, "undefined variable \"%s\"", node->u.path.names[0]);
}

static struct node *parse_number(struct parser *parser, struct token token)
{
	struct node *node = parser_node(parser, NODE_NUMBER, token.pos);
	struct strbuf message = STRBUF_INIT;

	node->text = parser_copy(parser, token);
	node->len = token.len;
	if (!number_parse_literal(token.text, token.len, token.kind == TOKEN_CHAR_CONSTANT,
				  token.kind == TOKEN_COMPLEX, &node->u.number, &message))
		node = parser_fail(parser, "%s", message.buf);
	strbuf_release(&message);
	return node;
}

static const struct tmpl_value *unquote(struct parser *parser, struct token token)
{
	struct strbuf text = STRBUF_INIT;

	if (!unicode_unquote(&text, token.text, token.len))
		parser_fail(parser, "invalid syntax");
	return tmpl_string_from(parser->arena, &text);
}

static struct node *parse_string(struct parser *parser, struct token token)
{
	struct node *node = parser_node(parser, NODE_STRING, token.pos);

	node->text = parser_copy(parser, token);
	node->len = token.len;
	node->u.literal = unquote(parser, token);
	return node;
}

static struct node *parse_identifier(struct parser *parser, struct token token)
{
	struct node *node = parser_node(parser, NODE_IDENTIFIER, token.pos);
	const char *why;

	node->text = parser_copy(parser, token);
	node->len = token.len;
	node->u.func =
		parser->tmpl->registrator ? func_find_registrator(token.text, token.len) : NULL;
	if (!node->u.func)
		node->u.func = func_find(token.text, token.len);
	if (node->u.func)
		return node;
	why = func_unsupported(token.text, token.len);
	if (why)
		return parser_fail(parser, "function \"%s\" is not supported: %s", node->text, why);
	return parser_fail(parser, "function \"%s\" not defined", node->text);
}

static struct node *path_node(struct parser *parser, enum node_kind kind, size_t pos,
			      const char *const *before, size_t count)
{
	struct node *node = parser_node(parser, kind, pos);

	node->u.path.names = arena_alloc(parser->arena, (count + 1) * sizeof(*before));
	if (count)
		memcpy(node->u.path.names, before, count * sizeof(*before));
	node->u.path.count = count;
	return node;
}

/* A field token is ".Name". */
static void path_add(struct parser *parser, struct node *node, struct token token)
{
	const char **names = arena_alloc(parser->arena, (node->u.path.count + 1) * sizeof(*names));

	if (node->u.path.count)
		memcpy(names, node->u.path.names, node->u.path.count * sizeof(*names));
	names[node->u.path.count++] = arena_strndup(parser->arena, token.text + 1, token.len - 1);
	node->u.path.names = names;
}

static struct node *parse_term(struct parser *parser)
{
	struct token token = parser_next_non_space(parser);
	struct node *node;

	switch (token.kind) {
	case TOKEN_IDENTIFIER:
		return parse_identifier(parser, token);
	case TOKEN_DOT:
		return parser_node(parser, NODE_DOT, token.pos);
	case TOKEN_NIL:
		return parser_node(parser, NODE_NIL, token.pos);
	case TOKEN_VARIABLE:
		return use_variable(parser, token);
	case TOKEN_FIELD:
		node = path_node(parser, NODE_FIELD, token.pos, NULL, 0);
		path_add(parser, node, token);
		return node;
	case TOKEN_BOOL:
		node = parser_node(parser, NODE_BOOL, token.pos);
		node->u.literal = tmpl_bool(token.text[0] == 't');
		return node;
	case TOKEN_CHAR_CONSTANT:
	case TOKEN_COMPLEX:
	case TOKEN_NUMBER:
		return parse_number(parser, token);
	case TOKEN_LEFT_PAREN:
		return parse_pipeline(parser, "parenthesized pipeline", TOKEN_RIGHT_PAREN);
	case TOKEN_STRING:
	case TOKEN_RAW_STRING:
		return parse_string(parser, token);
	default:
		if (!parser->failed)
			parser_back_up(parser);
		return NULL;
	}
}

/* A term and the fields that follow it without space. */
static struct node *parse_operand(struct parser *parser)
{
	struct node *node = parse_term(parser), *chain;
	size_t pos;

	if (!node || parser_peek(parser).kind != TOKEN_FIELD)
		return node;
	pos = parser_peek(parser).pos;
	if (node->kind == NODE_FIELD || node->kind == NODE_VARIABLE) {
		chain = path_node(parser, node->kind, pos, node->u.path.names, node->u.path.count);
	} else {
		chain = path_node(parser, NODE_CHAIN, pos, NULL, 0);
		chain->u.path.of = node;
	}
	while (parser_peek(parser).kind == TOKEN_FIELD)
		path_add(parser, chain, parser_next(parser));
	if (node->kind == NODE_BOOL || node->kind == NODE_STRING || node->kind == NODE_NUMBER ||
	    node->kind == NODE_NIL || node->kind == NODE_DOT) {
		struct strbuf shown = STRBUF_INIT, quoted = STRBUF_INIT;

		node_print(&shown, node);
		unicode_quote(&quoted, shown.buf, shown.len, '"', false);
		parser_fail(parser, "unexpected . after term %s", quoted.buf);
		strbuf_release(&shown);
		strbuf_release(&quoted);
	}
	return chain;
}

static struct node *parse_command(struct parser *parser)
{
	struct node *command = parser_node(parser, NODE_COMMAND, parser_peek_non_space(parser).pos);

	for (;;) {
		struct node *operand;
		struct token token;

		parser_peek_non_space(parser);
		operand = parse_operand(parser);
		if (operand)
			parser_append(parser, &command->u.args, operand);
		token = parser_next(parser);
		if (token.kind == TOKEN_SPACE)
			continue;
		if (token.kind == TOKEN_RIGHT_DELIM || token.kind == TOKEN_RIGHT_PAREN)
			parser_back_up(parser);
		else if (token.kind != TOKEN_PIPE)
			parser_unexpected(parser, token, "operand");
		break;
	}
	if (command->u.args.count == 0)
		parser_fail(parser, "empty command");
	return parser->failed ? NULL : command;
}

/* `$x :=`, `$x =`, and in range `$i, $e :=`, at the start of a pipeline. */
static void parse_declarations(struct parser *parser, struct node *pipe, const char *context)
{
	for (;;) {
		struct token variable = parser_peek_non_space(parser), after, next;
		struct node *node;

		if (variable.kind != TOKEN_VARIABLE)
			return;
		parser_next(parser);
		after = parser_peek(parser);
		next = parser_peek_non_space(parser);
		if (next.kind != TOKEN_ASSIGN && next.kind != TOKEN_DECLARE &&
		    !(next.kind == TOKEN_CHAR && next.text[0] == ',')) {
			if (parser->failed)
				return;
			if (after.kind == TOKEN_SPACE)
				parser_back_up_3(parser, variable, after);
			else
				parser_back_up_2(parser, variable);
			return;
		}
		parser_next_non_space(parser);
		node = parser_node(parser, NODE_VARIABLE, variable.pos);
		node->u.path.names = arena_alloc(parser->arena, sizeof(char *));
		node->u.path.names[0] = parser_copy(parser, variable);
		node->u.path.count = 1;
		parser_append(parser, &pipe->u.pipeline.vars, node);
		parser_declare(parser, node->u.path.names[0]);
		if (next.kind != TOKEN_CHAR) {
			pipe->u.pipeline.is_assign = next.kind == TOKEN_ASSIGN;
			return;
		}
		if (strcmp(context, "range") != 0 || pipe->u.pipeline.vars.count >= 2) {
			parser_fail(parser, "too many declarations in %s", context);
			return;
		}
		next = parser_peek_non_space(parser);
		if (next.kind != TOKEN_VARIABLE && next.kind != TOKEN_RIGHT_DELIM &&
		    next.kind != TOKEN_RIGHT_PAREN) {
			parser_fail(parser, "range can only initialize variables");
			return;
		}
	}
}

static struct node *check_pipeline(struct parser *parser, struct node *pipe, const char *context)
{
	const struct node_list *commands = &pipe->u.pipeline.commands;

	if (commands->count == 0)
		return parser_fail(parser, "missing value for %s", context);
	for (size_t i = 1; i < commands->count; i++) {
		switch (commands->items[i]->u.args.items[0]->kind) {
		case NODE_BOOL:
		case NODE_DOT:
		case NODE_NIL:
		case NODE_NUMBER:
		case NODE_STRING:
			return parser_fail(parser, "non executable command in pipeline stage %zu",
					   i + 1);
		default:
			break;
		}
	}
	return pipe;
}

static bool starts_operand(enum token_kind kind)
{
	switch (kind) {
	case TOKEN_BOOL:
	case TOKEN_CHAR_CONSTANT:
	case TOKEN_COMPLEX:
	case TOKEN_DOT:
	case TOKEN_FIELD:
	case TOKEN_IDENTIFIER:
	case TOKEN_NUMBER:
	case TOKEN_NIL:
	case TOKEN_RAW_STRING:
	case TOKEN_STRING:
	case TOKEN_VARIABLE:
	case TOKEN_LEFT_PAREN:
		return true;
	default:
		return false;
	}
}

static struct node *parse_pipeline(struct parser *parser, const char *context, enum token_kind end)
{
	struct node *pipe = parser_node(parser, NODE_PIPE, parser_peek_non_space(parser).pos),
		    *command;
	struct token token;

	if (++parser->depth > LIMIT_TEMPLATE_DEPTH)
		parser_fail(parser, "nested deeper than %d levels", LIMIT_TEMPLATE_DEPTH);
	parse_declarations(parser, pipe, context);
	for (;;) {
		token = parser_next_non_space(parser);
		if (token.kind == end) {
			pipe = check_pipeline(parser, pipe, context);
			break;
		}
		if (!starts_operand(token.kind)) {
			pipe = parser_unexpected(parser, token, context);
			break;
		}
		parser_back_up(parser);
		command = parse_command(parser);
		if (command)
			parser_append(parser, &pipe->u.pipeline.commands, command);
	}
	parser->depth--;
	return parser->failed ? NULL : pipe;
}

static struct node *parse_branch(struct parser *parser, enum node_kind kind, const char *context)
{
	struct node *branch, *pipe, *stopped;
	size_t vars = parser->body.var_count;
	enum token_kind again = kind == NODE_IF ? TOKEN_IF : TOKEN_WITH;

	if (++parser->depth > LIMIT_TEMPLATE_DEPTH)
		return parser_fail(parser, "nested deeper than %d levels", LIMIT_TEMPLATE_DEPTH);
	pipe = parse_pipeline(parser, context, TOKEN_RIGHT_DELIM);
	if (!pipe)
		return NULL;
	branch = parser_node(parser, kind, pipe->pos);
	branch->u.branch.pipe = pipe;
	parser->body.range_depth += kind == NODE_RANGE;
	branch->u.branch.list = parse_list(parser, &stopped);
	parser->body.range_depth -= kind == NODE_RANGE;
	if (stopped && stopped->kind == NODE_ELSE) {
		if (kind != NODE_RANGE && parser_peek(parser).kind == again) {
			/* {{else if X}} is {{else}}{{if X}}, and both end at one {{end}}. */
			struct node *list = parser_node(parser, NODE_LIST, stopped->pos), *nested;

			parser_next(parser);
			nested = parse_branch(parser, kind, context);
			if (nested)
				parser_append(parser, &list->u.list, nested);
			branch->u.branch.otherwise = list;
		} else {
			branch->u.branch.otherwise = parse_list(parser, &stopped);
			if (stopped && stopped->kind == NODE_ELSE)
				parser_fail(parser, "expected end; found {{else}}");
		}
	}
	parser->body.var_count = vars;
	parser->depth--;
	return parser->failed ? NULL : branch;
}

static struct node *parse_jump(struct parser *parser, enum node_kind kind, struct token word)
{
	const char *shown = kind == NODE_BREAK ? "{{break}}" : "{{continue}}";
	struct token token = parser_next_non_space(parser);

	if (token.kind != TOKEN_RIGHT_DELIM)
		return parser_unexpected(parser, token, shown);
	if (parser->body.range_depth == 0)
		return parser_fail(parser, "%s outside {{range}}", shown);
	return parser_node(parser, kind, word.pos);
}

static const char *parse_name(struct parser *parser, struct token token, const char *context)
{
	if (token.kind != TOKEN_STRING && token.kind != TOKEN_RAW_STRING) {
		parser_unexpected(parser, token, context);
		return "";
	}
	return unquote(parser, token)->u.string.text;
}

static bool is_blank(const struct node *node)
{
	const struct node_list *list = &node->u.list;

	for (size_t i = 0; i < list->count; i++) {
		const struct node *item = list->items[i];

		if (item->kind != NODE_TEXT)
			return false;
		for (size_t at = 0; at < item->len; at++)
			if (!unicode_is_space((unsigned char)item->text[at]))
				return false;
	}
	return true;
}

static void define(struct parser *parser, const char *name, struct node *root)
{
	struct definition *old = parser->tmpl->definitions;

	while (old && strcmp(old->name, name) != 0)
		old = old->next;
	if (!old) {
		old = arena_alloc(parser->arena, sizeof(*old));
		*old = (struct definition){ name, root, parser->tmpl->definitions };
		parser->tmpl->definitions = old;
	} else if (is_blank(old->root)) {
		old->root = root;
	} else if (!is_blank(root)) {
		parser_fail(parser, "template: multiple definition of template \"%s\"", name);
	}
}

/* The body of a define or block, up to its end: a world of its own for variables and range, and
 * no action around it that messages would name. `else_line` is what an {{else}} in its place is
 * blamed on; 0: the line where it stands. */
static void parse_definition(struct parser *parser, const char *name, const char *context,
			     size_t else_line)
{
	struct body outer = parser->body;
	struct node *root, *stopped;

	parser->action_line = 0;
	parser->body = (struct body){ 0 };
	parser_declare(parser, "$");
	root = parse_list(parser, &stopped);
	if (stopped && stopped->kind == NODE_ELSE) {
		if (else_line)
			parser->ahead[0].line = else_line;
		parser_fail(parser, "unexpected {{else}} in %s", context);
	}
	if (!parser->failed)
		define(parser, name, root);
	free(parser->body.vars);
	parser->body = outer;
}

static void parse_define(struct parser *parser)
{
	static const char context[] = "define clause";
	const char *name = parse_name(parser, parser_next_non_space(parser), context);

	parser_expect(parser, TOKEN_RIGHT_DELIM, context);
	if (!parser->failed)
		parse_definition(parser, name, context, 0);
}

static struct node *parse_block(struct parser *parser)
{
	static const char context[] = "block clause";
	struct token token = parser_next_non_space(parser);
	struct node *node = parser_node(parser, NODE_TEMPLATE, token.pos);

	node->u.call.name = parse_name(parser, token, context);
	node->u.call.pipe = parse_pipeline(parser, context, TOKEN_RIGHT_DELIM);
	if (++parser->depth > LIMIT_TEMPLATE_DEPTH)
		return parser_fail(parser, "nested deeper than %d levels", LIMIT_TEMPLATE_DEPTH);
	if (!parser->failed)
		parse_definition(parser, node->u.call.name, context, parser->ahead[0].line);
	parser->depth--;
	return parser->failed ? NULL : node;
}

static struct node *parse_call(struct parser *parser)
{
	static const char context[] = "template clause";
	struct token token = parser_next_non_space(parser);
	struct node *node = parser_node(parser, NODE_TEMPLATE, token.pos);

	node->u.call.name = parse_name(parser, token, context);
	if (parser_next_non_space(parser).kind != TOKEN_RIGHT_DELIM && !parser->failed) {
		parser_back_up(parser);
		node->u.call.pipe = parse_pipeline(parser, context, TOKEN_RIGHT_DELIM);
	}
	return parser->failed ? NULL : node;
}

static struct node *parse_else(struct parser *parser)
{
	struct token token = parser_peek_non_space(parser);

	if (token.kind != TOKEN_IF && token.kind != TOKEN_WITH)
		token = parser_expect(parser, TOKEN_RIGHT_DELIM, "else");
	return parser_node(parser, NODE_ELSE, token.pos);
}

/* The left delimiter has been read. */
static struct node *parse_action(struct parser *parser)
{
	struct token token = parser_next_non_space(parser);
	struct node *node;

	switch (token.kind) {
	case TOKEN_BLOCK:
		return parse_block(parser);
	case TOKEN_BREAK:
		return parse_jump(parser, NODE_BREAK, token);
	case TOKEN_CONTINUE:
		return parse_jump(parser, NODE_CONTINUE, token);
	case TOKEN_ELSE:
		return parse_else(parser);
	case TOKEN_END:
		return parser_node(parser, NODE_END,
				   parser_expect(parser, TOKEN_RIGHT_DELIM, "end").pos);
	case TOKEN_IF:
		return parse_branch(parser, NODE_IF, "if");
	case TOKEN_RANGE:
		return parse_branch(parser, NODE_RANGE, "range");
	case TOKEN_WITH:
		return parse_branch(parser, NODE_WITH, "with");
	case TOKEN_TEMPLATE:
		return parse_call(parser);
	default:
		break;
	}
	if (parser->failed)
		return NULL;
	parser_back_up(parser);
	node = parser_node(parser, NODE_ACTION, parser_peek(parser).pos);
	node->u.pipe = parse_pipeline(parser, "command", TOKEN_RIGHT_DELIM);
	return parser->failed ? NULL : node;
}

static struct node *parse_text_or_action(struct parser *parser)
{
	struct token token = parser_next_non_space(parser);
	struct node *node;

	if (token.kind == TOKEN_TEXT) {
		node = parser_node(parser, NODE_TEXT, token.pos);
		node->text = token.text;
		node->len = token.len;
		return node;
	}
	if (token.kind != TOKEN_LEFT_DELIM)
		return parser_unexpected(parser, token, "input");
	parser->action_line = token.line;
	node = parse_action(parser);
	parser->action_line = 0;
	return parser->failed ? NULL : node;
}

/* Up to {{else}} or {{end}}, which is given back; NULL after an error. */
static struct node *parse_list(struct parser *parser, struct node **stopped_at)
{
	struct node *list = parser_node(parser, NODE_LIST, parser_peek_non_space(parser).pos);

	*stopped_at = NULL;
	while (parser_peek_non_space(parser).kind != TOKEN_EOF) {
		struct node *node = parse_text_or_action(parser);

		if (!node)
			return list;
		if (node->kind == NODE_ELSE || node->kind == NODE_END) {
			*stopped_at = node;
			return list;
		}
		parser_append(parser, &list->u.list, node);
	}
	parser_fail(parser, "unexpected EOF");
	return list;
}

static void parse_top(struct parser *parser)
{
	struct node *root = parser_node(parser, NODE_LIST, parser_peek(parser).pos);

	while (parser_peek(parser).kind != TOKEN_EOF) {
		struct node *node;

		if (parser_peek(parser).kind == TOKEN_LEFT_DELIM) {
			struct token delim = parser_next(parser);

			if (parser_next_non_space(parser).kind == TOKEN_DEFINE) {
				parse_define(parser);
				continue;
			}
			parser_back_up_2(parser, delim);
		}
		node = parse_text_or_action(parser);
		if (!node)
			return;
		if (node->kind == NODE_ELSE || node->kind == NODE_END)
			parser_fail(parser, "unexpected %s",
				    node->kind == NODE_ELSE ? "{{else}}" : "{{end}}");
		parser_append(parser, &root->u.list, node);
	}
	if (!parser->failed)
		define(parser, "", root);
}

bool parse_template(struct tmpl *tmpl, struct tmpl_error *error)
{
	struct parser parser = { .tmpl = tmpl, .arena = &tmpl->arena, .error = error };

	lex_init(&parser.lexer, &tmpl->arena, tmpl->text, tmpl->len, tmpl->left, tmpl->right);
	parser_declare(&parser, "$");
	parse_top(&parser);
	free(parser.body.vars);
	return !parser.failed;
}

const struct definition *tmpl_definition(const struct tmpl *tmpl, const char *name)
{
	const struct definition *found = tmpl->definitions;

	while (found && strcmp(found->name, name) != 0)
		found = found->next;
	return found;
}

void error_place(struct tmpl_error *error, const char *text, size_t len, size_t pos)
{
	const char *start = text, *end, *newline;

	if (pos > len)
		pos = len;
	error->line = 1;
	while ((newline = memchr(start, '\n', (size_t)(text + pos - start)))) {
		error->line++;
		start = newline + 1;
	}
	end = memchr(start, '\n', (size_t)(text + len - start));
	if (!end)
		end = text + len;
	error->column = (size_t)(text + pos - start);
	error->has_column = true;
	free(error->source_line);
	error->source_line = xstrndup(start, (size_t)(end - start));
}
