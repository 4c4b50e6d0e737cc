/*
 * The rules that surprise: a word ends at a blank, `;` or `{`, never at `}` or `#`; `${` does not
 * end it; a backslash protects the next byte from ending the word, and is dropped only before a
 * quote or a backslash (`\t`, `\r`, `\n` become the control character); after a closing quote
 * must come a blank, `;`, `{` or `)`.
 */
#include "conf_lex.h"

#include <string.h>

void conf_lexer_init(struct conf_lexer *lexer, const char *text, size_t len)
{
	*lexer = (struct conf_lexer){ .text = text, .len = len, .line = 1 };
	strbuf_init(&lexer->word);
}

void conf_lexer_release(struct conf_lexer *lexer)
{
	strbuf_release(&lexer->word);
}

static bool is_blank(char c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static char take(struct conf_lexer *lexer)
{
	char c = lexer->text[lexer->pos++];

	if (c == '\n')
		lexer->line++;
	return c;
}

static void skip_blanks_and_comments(struct conf_lexer *lexer)
{
	while (lexer->pos < lexer->len) {
		char c = lexer->text[lexer->pos];

		if (c == '#') {
			const char *end =
				memchr(lexer->text + lexer->pos, '\n', lexer->len - lexer->pos);

			lexer->pos = end ? (size_t)(end - lexer->text) : lexer->len;
		} else if (is_blank(c)) {
			take(lexer);
		} else {
			return;
		}
	}
}

static enum conf_token_kind bad(struct conf_lexer *lexer, const char *complaint)
{
	strbuf_reset(&lexer->word);
	strbuf_addstr(&lexer->word, complaint);
	lexer->token_line = lexer->line;
	return CONF_BAD;
}

/* The bytes of a word without their escapes. */
static void unescape(struct strbuf *out, const char *bytes, size_t len)
{
	strbuf_reset(out);
	for (size_t i = 0; i < len; i++) {
		if (bytes[i] == '\\' && i + 1 < len) {
			const char *from = "\"'\\trn", *to = "\"'\\\t\r\n";
			const char *found = memchr(from, bytes[i + 1], 6);

			if (found) {
				strbuf_addch(out, to[found - from]);
				i++;
				continue;
			}
		}
		strbuf_addch(out, bytes[i]);
	}
}

static enum conf_token_kind read_quoted(struct conf_lexer *lexer, char quote)
{
	size_t from = lexer->pos;

	while (lexer->pos < lexer->len) {
		char c = take(lexer);

		if (c == '\\' && lexer->pos < lexer->len) {
			take(lexer);
			continue;
		}
		if (c != quote)
			continue;
		unescape(&lexer->word, lexer->text + from, lexer->pos - 1 - from);
		lexer->end = lexer->pos;
		lexer->quoted = true;
		if (lexer->pos < lexer->len) {
			char next = lexer->text[lexer->pos];

			if (!is_blank(next) && next != ';' && next != '{' && next != ')') {
				char complaint[] = "unexpected \"?\"";

				complaint[12] = next;
				return bad(lexer, complaint);
			}
		}
		return CONF_WORD;
	}
	return bad(lexer, "unexpected end of file, expecting \";\" or \"}\"");
}

static enum conf_token_kind read_plain(struct conf_lexer *lexer)
{
	bool variable = false;

	while (lexer->pos < lexer->len) {
		char c = lexer->text[lexer->pos];

		if (c == '{' && variable) {
			variable = false;
			take(lexer);
			continue;
		}
		variable = false;
		if (is_blank(c) || c == ';' || c == '{')
			break;
		take(lexer);
		if (c == '\\' && lexer->pos < lexer->len)
			take(lexer);
		else if (c == '$')
			variable = true;
	}
	lexer->end = lexer->pos;
	unescape(&lexer->word, lexer->text + lexer->start, lexer->end - lexer->start);
	return CONF_WORD;
}

enum conf_token_kind conf_lexer_next(struct conf_lexer *lexer)
{
	char c;

	skip_blanks_and_comments(lexer);
	lexer->start = lexer->end = lexer->pos;
	lexer->token_line = lexer->line;
	lexer->quoted = false;
	strbuf_reset(&lexer->word);
	if (lexer->pos == lexer->len)
		return CONF_END;
	c = lexer->text[lexer->pos];
	switch (c) {
	case ';':
	case '{':
	case '}':
		take(lexer);
		lexer->end = lexer->pos;
		return c == ';' ? CONF_SEMICOLON : c == '{' ? CONF_OPEN : CONF_CLOSE;
	case '"':
	case '\'':
		take(lexer);
		return read_quoted(lexer, c);
	default:
		return read_plain(lexer);
	}
}

bool conf_is_foreign_block(const char *name)
{
	static const char ending[] = "_by_lua_block";
	size_t len = strlen(name);

	return len >= sizeof(ending) - 1 && strcmp(name + len - (sizeof(ending) - 1), ending) == 0;
}

/* Braces of Lua count, but not those in its strings, long strings and comments. */
void conf_lexer_skip_foreign(struct conf_lexer *lexer)
{
	unsigned depth = 0;

	while (lexer->pos < lexer->len) {
		const char *at = lexer->text + lexer->pos;
		size_t left = lexer->len - lexer->pos;
		bool comment = left >= 2 && memcmp(at, "--", 2) == 0;
		size_t skip = comment ? 2 : 0;

		if (left >= skip + 2 && memcmp(at + skip, "[[", 2) == 0) {
			while (lexer->pos < lexer->len) {
				take(lexer);
				if (lexer->len - lexer->pos >= 2 &&
				    memcmp(lexer->text + lexer->pos, "]]", 2) == 0)
					break;
			}
		} else if (comment) {
			while (lexer->pos < lexer->len && lexer->text[lexer->pos] != '\n')
				take(lexer);
		} else if (*at == '"' || *at == '\'') {
			char quote = take(lexer);

			while (lexer->pos < lexer->len && lexer->text[lexer->pos] != quote)
				if (take(lexer) == '\\' && lexer->pos < lexer->len)
					take(lexer);
		} else if (*at == '{') {
			depth++;
		} else if (*at == '}' && depth-- == 0) {
			return;
		}
		if (lexer->pos < lexer->len)
			take(lexer);
	}
}
