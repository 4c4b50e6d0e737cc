/* One function per state; a state makes at most one token and says which state follows, so that
 * the reader pulls tokens and nothing is stored. The states are those of Go's lexer, because
 * where it notices a mistake decides which message a template's author reads. */
#include "lex.h"

#include <stdarg.h>
#include <stdint.h>
#include <stdio.h>
#include <string.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "unicode.h"

#define LEFT_COMMENT  "/*"
#define RIGHT_COMMENT "*/"
#define TRIM_LEN      2 /* a space and a minus */
#define END_OF_TEXT   0xfffffffeu

static const struct {
	const char *word;
	enum token_kind kind;
} keywords[] = {
	{ "block", TOKEN_BLOCK },
	{ "break", TOKEN_BREAK },
	{ "continue", TOKEN_CONTINUE },
	{ "define", TOKEN_DEFINE },
	{ "else", TOKEN_ELSE },
	{ "end", TOKEN_END },
	{ "if", TOKEN_IF },
	{ "nil", TOKEN_NIL },
	{ "range", TOKEN_RANGE },
	{ "template", TOKEN_TEMPLATE },
	{ "with", TOKEN_WITH },
};

void lex_init(struct lexer *lexer, struct arena *arena, const char *input, size_t len,
	      const char *left, const char *right)
{
	*lexer = (struct lexer){ .arena = arena, .input = input, .len = len };
	lexer->left = left;
	lexer->left_len = strlen(left);
	lexer->right = right;
	lexer->right_len = strlen(right);
	lexer->line = lexer->start_line = 1;
}

static bool is_space(uint32_t c)
{
	return c == ' ' || c == '\t' || c == '\r' || c == '\n';
}

static bool is_digit(uint32_t c)
{
	return c >= '0' && c <= '9';
}

static bool is_alphanumeric(uint32_t c)
{
	return c == '_' || unicode_is_letter(c) || unicode_is_digit(c);
}

static size_t newlines(const char *text, size_t len)
{
	size_t count = 0;

	for (const char *at = text; (at = memchr(at, '\n', len - (size_t)(at - text))); at++)
		count++;
	return count;
}

static uint32_t peek(const struct lexer *lexer, size_t *used)
{
	uint32_t c;

	*used = 0;
	if (lexer->pos >= lexer->len)
		return END_OF_TEXT;
	*used = text_decode(lexer->input + lexer->pos, lexer->len - lexer->pos, &c);
	return c == TEXT_INVALID ? 0xfffd : c;
}

static uint32_t next(struct lexer *lexer)
{
	size_t used;
	uint32_t c = peek(lexer, &used);

	lexer->pos += used;
	if (c == '\n')
		lexer->line++;
	return c;
}

static bool starts_with(const struct lexer *lexer, size_t pos, const char *what, size_t len)
{
	return pos <= lexer->len && lexer->len - pos >= len &&
	       memcmp(lexer->input + pos, what, len) == 0;
}

static bool has_left_trim(const struct lexer *lexer, size_t pos)
{
	return pos + 1 < lexer->len && lexer->input[pos] == '-' &&
	       is_space((unsigned char)lexer->input[pos + 1]);
}

static bool has_right_trim(const struct lexer *lexer, size_t pos)
{
	return pos + 1 < lexer->len && is_space((unsigned char)lexer->input[pos]) &&
	       lexer->input[pos + 1] == '-';
}

static bool at_right_delim(const struct lexer *lexer, bool *trims)
{
	*trims = has_right_trim(lexer, lexer->pos) &&
		 starts_with(lexer, lexer->pos + TRIM_LEN, lexer->right, lexer->right_len);
	return *trims || starts_with(lexer, lexer->pos, lexer->right, lexer->right_len);
}

static void ignore(struct lexer *lexer)
{
	lexer->start = lexer->pos;
	lexer->start_line = lexer->line;
}

/* Step over text that next() did not read. */
static void skip(struct lexer *lexer, size_t len)
{
	lexer->line += newlines(lexer->input + lexer->pos, len);
	lexer->pos += len;
}

static void emit(struct lexer *lexer, enum token_kind kind)
{
	lexer->out = (struct token){ kind, lexer->start, lexer->input + lexer->start,
				     lexer->pos - lexer->start, lexer->start_line };
	lexer->has_out = true;
	ignore(lexer);
}

static enum lex_state fail(struct lexer *lexer, const char *fmt, ...) PRINTF_LIKE(2, 3);

static enum lex_state fail(struct lexer *lexer, const char *fmt, ...)
{
	struct strbuf message = STRBUF_INIT;
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(&message, fmt, args);
	va_end(args);
	lexer->out = (struct token){ TOKEN_ERROR, lexer->start,
				     arena_strndup(lexer->arena, message.buf, message.len),
				     message.len, lexer->start_line };
	lexer->has_out = true;
	strbuf_release(&message);
	return LEX_DONE;
}

static enum lex_state fail_quoted(struct lexer *lexer, const char *what)
{
	struct strbuf quoted = STRBUF_INIT;

	unicode_quote(&quoted, lexer->input + lexer->start, lexer->pos - lexer->start, '"', false);
	fail(lexer, "%s: %s", what, quoted.buf);
	strbuf_release(&quoted);
	return LEX_DONE;
}

/* Go's %#U: "U+002D '-'". */
static enum lex_state fail_character(struct lexer *lexer, const char *what, uint32_t c)
{
	struct strbuf shown = STRBUF_INIT;

	if (c == END_OF_TEXT) {
		strbuf_addstr(&shown, "U+FFFFFFFFFFFFFFFF");
	} else {
		strbuf_addf(&shown, "U+%04X", (unsigned)c);
		if (unicode_is_print(c)) {
			strbuf_addstr(&shown, " '");
			text_encode(&shown, c);
			strbuf_addch(&shown, '\'');
		}
	}
	fail(lexer, "%s %s", what, shown.buf);
	strbuf_release(&shown);
	return LEX_DONE;
}

static size_t space_before(const struct lexer *lexer, size_t start, size_t end)
{
	size_t at = end;

	while (at > start && is_space((unsigned char)lexer->input[at - 1]))
		at--;
	return end - at;
}

static size_t space_after(const struct lexer *lexer, size_t start)
{
	size_t at = start;

	while (at < lexer->len && is_space((unsigned char)lexer->input[at]))
		at++;
	return at - start;
}

static enum lex_state lex_text(struct lexer *lexer)
{
	const char *found = NULL;
	size_t end, trimmed = 0;

	if (lexer->pos < lexer->len)
		found = memmem(lexer->input + lexer->pos, lexer->len - lexer->pos, lexer->left,
			       lexer->left_len);
	if (!found) {
		skip(lexer, lexer->len - lexer->pos);
		if (lexer->pos > lexer->start) {
			emit(lexer, TOKEN_TEXT);
			return LEX_TEXT;
		}
		emit(lexer, TOKEN_EOF);
		return LEX_DONE;
	}
	end = (size_t)(found - lexer->input);
	if (has_left_trim(lexer, end + lexer->left_len))
		trimmed = space_before(lexer, lexer->start, end);
	skip(lexer, end - trimmed - lexer->pos);
	if (lexer->pos > lexer->start)
		emit(lexer, TOKEN_TEXT);
	skip(lexer, trimmed);
	ignore(lexer);
	return LEX_LEFT_DELIM;
}

static enum lex_state lex_left_delim(struct lexer *lexer)
{
	size_t marker;

	lexer->pos += lexer->left_len;
	marker = has_left_trim(lexer, lexer->pos) ? TRIM_LEN : 0;
	if (starts_with(lexer, lexer->pos + marker, LEFT_COMMENT, strlen(LEFT_COMMENT))) {
		skip(lexer, marker);
		ignore(lexer);
		return LEX_COMMENT;
	}
	emit(lexer, TOKEN_LEFT_DELIM);
	skip(lexer, marker);
	ignore(lexer);
	lexer->paren_depth = 0;
	return LEX_ACTION;
}

static enum lex_state lex_comment(struct lexer *lexer)
{
	size_t from = lexer->pos + strlen(LEFT_COMMENT);
	const char *end = memmem(lexer->input + from, lexer->len - from, RIGHT_COMMENT,
				 strlen(RIGHT_COMMENT));
	bool trims;

	if (!end)
		return fail(lexer, "unclosed comment");
	skip(lexer, (size_t)(end - lexer->input) + strlen(RIGHT_COMMENT) - lexer->pos);
	if (!at_right_delim(lexer, &trims))
		return fail(lexer, "comment ends before closing delimiter");
	if (trims)
		skip(lexer, TRIM_LEN);
	skip(lexer, lexer->right_len);
	if (trims)
		skip(lexer, space_after(lexer, lexer->pos));
	ignore(lexer);
	return LEX_TEXT;
}

static enum lex_state lex_right_delim(struct lexer *lexer)
{
	bool trims = has_right_trim(lexer, lexer->pos);

	if (trims) {
		skip(lexer, TRIM_LEN);
		ignore(lexer);
	}
	skip(lexer, lexer->right_len);
	emit(lexer, TOKEN_RIGHT_DELIM);
	if (trims) {
		skip(lexer, space_after(lexer, lexer->pos));
		ignore(lexer);
	}
	return LEX_TEXT;
}

static enum lex_state lex_space(struct lexer *lexer)
{
	size_t spaces = 0;

	while (lexer->pos < lexer->len && is_space((unsigned char)lexer->input[lexer->pos])) {
		next(lexer);
		spaces++;
	}
	/* The last space may belong to the closing delimiter: " -}}". */
	if (has_right_trim(lexer, lexer->pos - 1) &&
	    starts_with(lexer, lexer->pos - 1 + TRIM_LEN, lexer->right, lexer->right_len)) {
		lexer->pos--;
		if (lexer->input[lexer->pos] == '\n')
			lexer->line--;
		if (spaces == 1)
			return LEX_RIGHT_DELIM;
	}
	emit(lexer, TOKEN_SPACE);
	return LEX_ACTION;
}

/* May this end an identifier, field or variable? */
static bool at_terminator(const struct lexer *lexer)
{
	size_t used;
	uint32_t c = peek(lexer, &used);

	if (c == END_OF_TEXT || is_space(c) || (c < 0x80 && c && strchr(".,|:)(", (int)c)))
		return true;
	return starts_with(lexer, lexer->pos, lexer->right, lexer->right_len);
}

static uint32_t skip_word(struct lexer *lexer)
{
	for (;;) {
		size_t used;
		uint32_t c = peek(lexer, &used);

		if (!is_alphanumeric(c))
			return c;
		lexer->pos += used;
	}
}

static enum token_kind word_kind(const char *word, size_t len)
{
	for (size_t i = 0; i < sizeof(keywords) / sizeof(keywords[0]); i++)
		if (strlen(keywords[i].word) == len && memcmp(keywords[i].word, word, len) == 0)
			return keywords[i].kind;
	if ((len == 4 && memcmp(word, "true", 4) == 0) ||
	    (len == 5 && memcmp(word, "false", 5) == 0))
		return TOKEN_BOOL;
	return TOKEN_IDENTIFIER;
}

static enum lex_state lex_identifier(struct lexer *lexer)
{
	uint32_t c = skip_word(lexer);

	if (!at_terminator(lexer))
		return fail_character(lexer, "bad character", c);
	emit(lexer, word_kind(lexer->input + lexer->start, lexer->pos - lexer->start));
	return LEX_ACTION;
}

static enum lex_state lex_field_or_variable(struct lexer *lexer, enum token_kind kind)
{
	uint32_t c;

	if (at_terminator(lexer)) {
		emit(lexer, kind == TOKEN_VARIABLE ? TOKEN_VARIABLE : TOKEN_DOT);
		return LEX_ACTION;
	}
	c = skip_word(lexer);
	if (!at_terminator(lexer))
		return fail_character(lexer, "bad character", c);
	emit(lexer, kind);
	return LEX_ACTION;
}

static enum lex_state lex_quoted(struct lexer *lexer, uint32_t quote)
{
	for (;;) {
		uint32_t c = next(lexer);

		if (c == '\\') {
			c = next(lexer);
			if (c != END_OF_TEXT && c != '\n')
				continue;
		}
		if (c == END_OF_TEXT || c == '\n')
			return fail(lexer, quote == '"' ? "unterminated quoted string"
							: "unterminated character constant");
		if (c == quote)
			break;
	}
	emit(lexer, quote == '"' ? TOKEN_STRING : TOKEN_CHAR_CONSTANT);
	return LEX_ACTION;
}

static enum lex_state lex_raw_quoted(struct lexer *lexer)
{
	uint32_t c;

	do {
		c = next(lexer);
		if (c == END_OF_TEXT)
			return fail(lexer, "unterminated raw quoted string");
	} while (c != '`');
	emit(lexer, TOKEN_RAW_STRING);
	return LEX_ACTION;
}

static bool accept(struct lexer *lexer, const char *set)
{
	if (lexer->pos >= lexer->len || !lexer->input[lexer->pos] ||
	    !strchr(set, lexer->input[lexer->pos]))
		return false;
	lexer->pos++;
	return true;
}

static void accept_run(struct lexer *lexer, const char *set)
{
	while (accept(lexer, set))
		;
}

static bool scan_number(struct lexer *lexer)
{
	static const char decimal[] = "0123456789_", hex[] = "0123456789abcdefABCDEF_";
	const char *digits = decimal;
	size_t used;

	accept(lexer, "+-");
	if (accept(lexer, "0")) {
		if (accept(lexer, "xX"))
			digits = hex;
		else if (accept(lexer, "oO"))
			digits = "01234567_";
		else if (accept(lexer, "bB"))
			digits = "01_";
	}
	accept_run(lexer, digits);
	if (accept(lexer, "."))
		accept_run(lexer, digits);
	if ((digits == decimal && accept(lexer, "eE")) || (digits == hex && accept(lexer, "pP"))) {
		accept(lexer, "+-");
		accept_run(lexer, decimal);
	}
	accept(lexer, "i");
	if (is_alphanumeric(peek(lexer, &used))) {
		next(lexer);
		return false;
	}
	return true;
}

static enum lex_state lex_number(struct lexer *lexer)
{
	size_t used;
	uint32_t sign;

	if (!scan_number(lexer))
		return fail_quoted(lexer, "bad number syntax");
	sign = peek(lexer, &used);
	if (sign == '+' || sign == '-') { /* complex: 1+2i */
		if (!scan_number(lexer) || lexer->input[lexer->pos - 1] != 'i')
			return fail_quoted(lexer, "bad number syntax");
		emit(lexer, TOKEN_COMPLEX);
	} else {
		emit(lexer, TOKEN_NUMBER);
	}
	return LEX_ACTION;
}

static enum lex_state lex_paren(struct lexer *lexer, uint32_t c)
{
	/* A closing parenthesis too many is the parser's to report: it comes first. */
	emit(lexer, c == '(' ? TOKEN_LEFT_PAREN : TOKEN_RIGHT_PAREN);
	lexer->paren_depth += c == '(' ? 1 : -1;
	return LEX_ACTION;
}

static enum lex_state lex_action(struct lexer *lexer)
{
	bool trims;
	size_t used;
	uint32_t c;

	if (at_right_delim(lexer, &trims)) {
		if (lexer->paren_depth > 0)
			return fail(lexer, "unclosed left paren");
		return LEX_RIGHT_DELIM;
	}
	c = peek(lexer, &used);
	if (is_space(c))
		return lex_space(lexer);
	if (is_digit(c) || c == '+' || c == '-')
		return lex_number(lexer);
	if (is_alphanumeric(c))
		return lex_identifier(lexer);
	next(lexer);
	switch (c) {
	case END_OF_TEXT:
		return fail(lexer, "unclosed action");
	case '=':
		emit(lexer, TOKEN_ASSIGN);
		return LEX_ACTION;
	case ':':
		if (next(lexer) != '=')
			return fail(lexer, "expected :=");
		emit(lexer, TOKEN_DECLARE);
		return LEX_ACTION;
	case '|':
		emit(lexer, TOKEN_PIPE);
		return LEX_ACTION;
	case '"':
	case '\'':
		return lex_quoted(lexer, c);
	case '`':
		return lex_raw_quoted(lexer);
	case '$':
		return lex_field_or_variable(lexer, TOKEN_VARIABLE);
	case '.':
		/* At the end of the text Go takes it for a number. */
		c = peek(lexer, &used);
		if (c != END_OF_TEXT && !is_digit(c))
			return lex_field_or_variable(lexer, TOKEN_FIELD);
		lexer->pos--;
		return lex_number(lexer);
	case '(':
	case ')':
		return lex_paren(lexer, c);
	default:
		if (c > 0x20 && c < 0x7f) {
			emit(lexer, TOKEN_CHAR);
			return LEX_ACTION;
		}
		return fail_character(lexer, "unrecognized character in action:", c);
	}
}

struct token lex_next(struct lexer *lexer)
{
	lexer->has_out = false;
	while (!lexer->has_out) {
		switch (lexer->state) {
		case LEX_TEXT:
			lexer->state = lex_text(lexer);
			break;
		case LEX_LEFT_DELIM:
			lexer->state = lex_left_delim(lexer);
			break;
		case LEX_COMMENT:
			lexer->state = lex_comment(lexer);
			break;
		case LEX_RIGHT_DELIM:
			lexer->state = lex_right_delim(lexer);
			break;
		case LEX_ACTION:
			lexer->state = lex_action(lexer);
			break;
		case LEX_DONE:
			lexer->start = lexer->pos = lexer->len;
			emit(lexer, TOKEN_EOF);
			break;
		}
	}
	return lexer->out;
}
