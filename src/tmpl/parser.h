/*
 * parser.h - the state of parsing one text, and the tools that its rules use.
 *
 * After an error all of them do nothing: nodes are NULL, tokens the end of the text.
 */
#ifndef TMPL_PARSER_H
#define TMPL_PARSER_H

#include "lex.h"
#include "parse.h"

/* What belongs to one template body: Go makes a parser for each. */
struct body {
	const char **vars;
	size_t var_count, var_cap;
	int range_depth;
};

struct parser {
	struct tmpl *tmpl;
	struct arena *arena;
	struct lexer lexer;
	struct token ahead[3]; /* the first is the one read last: its line is a message's */
	int ahead_count;
	size_t action_line; /* 0: outside an action */
	int depth;
	struct body body;
	bool failed;
	struct tmpl_error *error;
};

struct node *parser_fail(struct parser *parser, const char *fmt, ...) PRINTF_LIKE(2, 3);
struct token parser_next(struct parser *parser);
void parser_back_up(struct parser *parser);
void parser_back_up_2(struct parser *parser, struct token first);
void parser_back_up_3(struct parser *parser, struct token first, struct token second);
struct token parser_peek(struct parser *parser);
struct token parser_next_non_space(struct parser *parser);
struct token parser_peek_non_space(struct parser *parser);
struct node *parser_unexpected(struct parser *parser, struct token token, const char *context);
struct token parser_expect(struct parser *parser, enum token_kind kind, const char *context);
struct node *parser_node(struct parser *parser, enum node_kind kind, size_t pos);
void parser_append(struct parser *parser, struct node_list *list, struct node *node);
char *parser_copy(struct parser *parser, struct token token);
void parser_declare(struct parser *parser, const char *name);

#endif
