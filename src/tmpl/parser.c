/* Tokens with look-ahead, errors, and new nodes: what the rules in parse.c are made of. The first
 * error sticks; from then on every token is the end of the text, so that all loops end. */
#include "parser.h"

#include <stdarg.h>
#include <string.h>

#include "unicode.h"

struct node *parser_fail(struct parser *parser, const char *fmt, ...)
{
	struct strbuf message = STRBUF_INIT;
	size_t line = parser->ahead[0].line, at = 0;
	va_list args;

	if (parser->failed)
		return NULL;
	parser->failed = true;
	strbuf_addf(&message, "parse: template: :%zu: ", line);
	va_start(args, fmt);
	strbuf_vaddf(&message, fmt, args);
	va_end(args);
	for (size_t i = 1; i < line && at < parser->tmpl->len; at++)
		i += parser->tmpl->text[at] == '\n';
	error_place(parser->error, parser->tmpl->text, parser->tmpl->len, at);
	parser->error->has_column = false;
	parser->error->message = strbuf_detach(&message, NULL);
	return NULL;
}

struct token parser_next(struct parser *parser)
{
	if (parser->failed)
		return (struct token){ .kind = TOKEN_EOF, .text = "" };
	if (parser->ahead_count > 0)
		parser->ahead_count--;
	else
		parser->ahead[0] = lex_next(&parser->lexer);
	return parser->ahead[parser->ahead_count];
}

void parser_back_up(struct parser *parser)
{
	parser->ahead_count++;
}

void parser_back_up_2(struct parser *parser, struct token first)
{
	parser->ahead[1] = first;
	parser->ahead_count = 2;
}

void parser_back_up_3(struct parser *parser, struct token first, struct token second)
{
	parser->ahead[1] = second;
	parser->ahead[2] = first;
	parser->ahead_count = 3;
}

struct token parser_peek(struct parser *parser)
{
	struct token token = parser_next(parser);

	if (!parser->failed)
		parser_back_up(parser);
	return token;
}

struct token parser_next_non_space(struct parser *parser)
{
	struct token token;

	do
		token = parser_next(parser);
	while (token.kind == TOKEN_SPACE);
	return token;
}

struct token parser_peek_non_space(struct parser *parser)
{
	struct token token = parser_next_non_space(parser);

	if (!parser->failed)
		parser_back_up(parser);
	return token;
}

static void token_print(struct strbuf *out, struct token token)
{
	size_t cut = 0;

	if (token.kind == TOKEN_EOF) {
		strbuf_addstr(out, "EOF");
	} else if (token.kind == TOKEN_ERROR) {
		strbuf_add(out, token.text, token.len);
	} else if (token.kind > TOKEN_KEYWORD && token.kind != TOKEN_DOT) {
		strbuf_addch(out, '<');
		strbuf_add(out, token.text, token.len);
		strbuf_addch(out, '>');
	} else if (token.kind == TOKEN_DOT) {
		strbuf_addstr(out, "<.>");
	} else if (token.len > 10) {
		for (int i = 0; i < 10 && cut < token.len; i++) {
			cut++;
			while (cut < token.len && ((unsigned char)token.text[cut] & 0xc0) == 0x80)
				cut++;
		}
		unicode_quote(out, token.text, cut, '"', false);
		strbuf_addstr(out, "...");
	} else {
		unicode_quote(out, token.text, token.len, '"', false);
	}
}

struct node *parser_unexpected(struct parser *parser, struct token token, const char *context)
{
	struct strbuf shown = STRBUF_INIT;

	token_print(&shown, token);
	if (token.kind != TOKEN_ERROR) {
		parser_fail(parser, "unexpected %s in %s", shown.buf, context);
	} else if (parser->action_line && parser->action_line != token.line) {
		bool says_action =
			shown.len >= 7 && strcmp(shown.buf + shown.len - 7, " action") == 0;

		parser_fail(parser, "%s%s started at :%zu", shown.buf,
			    says_action ? "" : " in action", parser->action_line);
	} else {
		parser_fail(parser, "%s", shown.buf);
	}
	strbuf_release(&shown);
	return NULL;
}

struct token parser_expect(struct parser *parser, enum token_kind kind, const char *context)
{
	struct token token = parser_next_non_space(parser);

	if (token.kind != kind)
		parser_unexpected(parser, token, context);
	return token;
}

struct node *parser_node(struct parser *parser, enum node_kind kind, size_t pos)
{
	struct node *node = arena_alloc(parser->arena, sizeof(*node));

	node->kind = kind;
	node->pos = pos;
	return node;
}

void parser_append(struct parser *parser, struct node_list *list, struct node *node)
{
	if (list->count == list->cap) {
		size_t cap = list->cap ? list->cap * 2 : 4;
		struct node **items = arena_alloc(parser->arena, cap * sizeof(*items));

		if (list->count)
			memcpy(items, list->items, list->count * sizeof(*items));
		list->items = items;
		list->cap = cap;
	}
	list->items[list->count++] = node;
}

char *parser_copy(struct parser *parser, struct token token)
{
	return arena_strndup(parser->arena, token.text, token.len);
}

void parser_declare(struct parser *parser, const char *name)
{
	struct body *body = &parser->body;

	if (body->var_count == body->var_cap) {
		body->var_cap = body->var_cap ? body->var_cap * 2 : 8;
		body->vars = xreallocarray(body->vars, body->var_cap, sizeof(*body->vars));
	}
	body->vars[body->var_count++] = name;
}
