/*
 * nginx configuration to tokens, by the rules of ngx_conf_read_token().
 *
 * One token per call. A word's text is unquoted and unescaped into a buffer that the next call
 * overwrites; start and end are its bytes in the source, quotes included.
 */
#ifndef NGINX_CONF_LEX_H
#define NGINX_CONF_LEX_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/strbuf.h"

enum conf_token_kind {
	CONF_WORD,
	CONF_SEMICOLON,
	CONF_OPEN,  /* { */
	CONF_CLOSE, /* } */
	CONF_END,
	CONF_BAD, /* word.buf is the complaint, in nginx's words */
};

struct conf_lexer {
	const char *text;
	size_t len, pos;
	unsigned line; /* of pos, from 1 */

	/* of the token read last */
	struct strbuf word;
	size_t start, end;
	unsigned token_line; /* where it begins */
	bool quoted;         /* a word that was in quotes */
};

void conf_lexer_init(struct conf_lexer *lexer, const char *text, size_t len);
void conf_lexer_release(struct conf_lexer *lexer);
enum conf_token_kind conf_lexer_next(struct conf_lexer *lexer);

/* A block in another language, `content_by_lua_block {`: skip to before its closing brace. To be
 * called right after its CONF_OPEN. */
bool conf_is_foreign_block(const char *name);
void conf_lexer_skip_foreign(struct conf_lexer *lexer);

#endif
