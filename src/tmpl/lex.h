/*
 * lex.h - bytes of a template to tokens, one at a time. Tokens borrow from the text.
 *
 * Space inside actions is a token: `$x .y` and `$x.y` differ.
 */
#ifndef TMPL_LEX_H
#define TMPL_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/mem.h"

enum token_kind {
	TOKEN_ERROR, /* text is the message */
	TOKEN_BOOL,
	TOKEN_CHAR, /* a printable character that means nothing here */
	TOKEN_CHAR_CONSTANT,
	TOKEN_COMPLEX,
	TOKEN_ASSIGN,
	TOKEN_DECLARE,
	TOKEN_EOF,
	TOKEN_FIELD,
	TOKEN_IDENTIFIER,
	TOKEN_LEFT_DELIM,
	TOKEN_LEFT_PAREN,
	TOKEN_NUMBER,
	TOKEN_PIPE,
	TOKEN_RAW_STRING,
	TOKEN_RIGHT_DELIM,
	TOKEN_RIGHT_PAREN,
	TOKEN_SPACE,
	TOKEN_STRING,
	TOKEN_TEXT,
	TOKEN_VARIABLE,
	/* Keywords, from here on; `.` is one for messages. */
	TOKEN_KEYWORD,
	TOKEN_BLOCK,
	TOKEN_BREAK,
	TOKEN_CONTINUE,
	TOKEN_DOT,
	TOKEN_DEFINE,
	TOKEN_ELSE,
	TOKEN_END,
	TOKEN_IF,
	TOKEN_NIL,
	TOKEN_RANGE,
	TOKEN_TEMPLATE,
	TOKEN_WITH,
};

struct token {
	enum token_kind kind;
	size_t pos; /* bytes from the start of the template */
	const char *text;
	size_t len;
	size_t line; /* on which it starts, from 1 */
};

enum lex_state { LEX_TEXT, LEX_LEFT_DELIM, LEX_COMMENT, LEX_RIGHT_DELIM, LEX_ACTION, LEX_DONE };

struct lexer {
	struct arena *arena; /* of messages */
	const char *input;
	size_t len;
	const char *left, *right;
	size_t left_len, right_len;
	enum lex_state state;
	size_t pos, start;
	size_t line, start_line;
	int paren_depth;
	struct token out;
	bool has_out;
};

void lex_init(struct lexer *lexer, struct arena *arena, const char *input, size_t len,
	      const char *left, const char *right);
/* After an error or the end: the end, for ever. */
struct token lex_next(struct lexer *lexer);

#endif
