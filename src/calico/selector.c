/* Recursive descent over a token at a time into a tree in the arena. The order in which tokens
 * are tried is part of the language: `in` is a keyword wherever a word boundary follows it, so
 * `in-foo` is the keyword and a label. */
#include "binnacle/calico/selector.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json_decode.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"

#define DEPTH_MAX 100 /* of parentheses; Calico has no limit, operators need three */
#define LABEL_MAX 512

enum token {
	TOKEN_END,
	TOKEN_OPEN,
	TOKEN_CLOSE,
	TOKEN_SET_OPEN,
	TOKEN_SET_CLOSE,
	TOKEN_COMMA,
	TOKEN_NOT,
	TOKEN_EQUAL,
	TOKEN_NOT_EQUAL,
	TOKEN_AND,
	TOKEN_OR,
	TOKEN_HAS, /* text: the label inside */
	TOKEN_IN,
	TOKEN_NOT_IN,
	TOKEN_ALL,
	TOKEN_CONTAINS, /* these three in API v3, and only behind a label */
	TOKEN_STARTS_WITH,
	TOKEN_ENDS_WITH,
	TOKEN_LABEL,
	TOKEN_STRING,
	TOKEN_BAD,
};

enum node_kind {
	NODE_OR,
	NODE_AND,
	NODE_NOT,
	NODE_EQUAL,
	NODE_IN,
	NODE_CONTAINS,
	NODE_STARTS_WITH,
	NODE_ENDS_WITH,
	NODE_HAS,
	NODE_ALL,
};

struct calico_selector {
	enum node_kind kind;
	const char *label;
	const char *const *values; /* of NODE_IN any number, of the other comparisons one */
	size_t value_count;
	const struct calico_selector *first, *next; /* operands of OR, AND, NOT; sibling */
};

struct parser {
	enum calico_api api;
	const char *text, *at;
	enum token token;
	size_t column; /* of the token, from 1 */
	const char *word;
	size_t word_len;
	unsigned depth;
	struct arena *arena;
	struct err *err;
	bool failed;
};

static bool is_word(char c)
{
	return (c >= 'a' && c <= 'z') || (c >= 'A' && c <= 'Z') || (c >= '0' && c <= '9') ||
	       c == '_';
}

static bool is_label(char c)
{
	return is_word(c) || c == '.' || c == '/' || c == '-';
}

static const char *skip_blanks(const char *at)
{
	return at + strspn(at, " \t");
}

static size_t label_len(const char *at)
{
	size_t len = 0;

	while (len < LABEL_MAX && is_label(at[len]))
		len++;
	return len;
}

/* Past "in" when it stands at `at` and a word boundary follows, else NULL. */
static const char *match_in(const char *at)
{
	return strncmp(at, "in", 2) == 0 && !is_word(at[2]) ? at + 2 : NULL;
}

/* Past the words when they stand at `at` and a word boundary follows, else NULL. `second` may
 * follow after blanks, or be NULL. */
static const char *match_words(const char *at, const char *first, const char *second)
{
	size_t len = strlen(first);

	if (strncmp(at, first, len) != 0)
		return NULL;
	at += len;
	if (second) {
		at = skip_blanks(at);
		len = strlen(second);
		if (strncmp(at, second, len) != 0)
			return NULL;
		at += len;
	}
	return is_word(*at) ? NULL : at;
}

static enum token lex_operator_v3(struct parser *p)
{
	static const struct {
		const char *first, *second;
		enum token token;
	} operators[] = {
		{ "contains", NULL, TOKEN_CONTAINS },
		{ "starts", "with", TOKEN_STARTS_WITH },
		{ "ends", "with", TOKEN_ENDS_WITH },
	};

	for (size_t i = 0; i < COUNT_OF(operators); i++) {
		const char *end = match_words(p->at, operators[i].first, operators[i].second);

		if (!end)
			continue;
		p->at = end;
		return operators[i].token;
	}
	return TOKEN_BAD;
}

static enum token lex_word(struct parser *p)
{
	const char *at = p->at, *end;

	if (p->api == CALICO_API_V3 && p->token == TOKEN_LABEL) {
		enum token token = lex_operator_v3(p);

		if (token != TOKEN_BAD)
			return token;
	}
	if (strncmp(at, "has(", 4) == 0) {
		const char *label = skip_blanks(at + 4);
		size_t len = label_len(label);

		end = skip_blanks(label + len);
		if (len && *end == ')') {
			p->word = label;
			p->word_len = len;
			p->at = end + 1;
			return TOKEN_HAS;
		}
	}
	if (strncmp(at, "not", 3) == 0 && (end = match_in(skip_blanks(at + 3)))) {
		p->at = end;
		return TOKEN_NOT_IN;
	}
	if ((end = match_in(at))) {
		p->at = end;
		return TOKEN_IN;
	}
	if (strncmp(at, "all(", 4) == 0 && *(end = skip_blanks(at + 4)) == ')') {
		p->at = end + 1;
		return TOKEN_ALL;
	}
	p->word = at;
	p->word_len = label_len(at);
	p->at += p->word_len;
	return p->word_len ? TOKEN_LABEL : TOKEN_BAD;
}

static enum token lex(struct parser *p)
{
	static const struct {
		const char *text;
		enum token token;
	} signs[] = {
		{ "(", TOKEN_OPEN },       { ")", TOKEN_CLOSE }, { "{", TOKEN_SET_OPEN },
		{ "}", TOKEN_SET_CLOSE },  { ",", TOKEN_COMMA }, { "==", TOKEN_EQUAL },
		{ "!=", TOKEN_NOT_EQUAL }, { "!", TOKEN_NOT },   { "&&", TOKEN_AND },
		{ "||", TOKEN_OR },
	};

	p->at = skip_blanks(p->at);
	p->column = (size_t)(p->at - p->text) + 1;
	if (!*p->at)
		return TOKEN_END;
	for (size_t i = 0; i < COUNT_OF(signs); i++) {
		size_t len = strlen(signs[i].text);

		if (strncmp(p->at, signs[i].text, len) == 0) {
			p->at += len;
			return signs[i].token;
		}
	}
	if (*p->at == '"' || *p->at == '\'') {
		const char *end = strchr(p->at + 1, *p->at);

		if (!end)
			return TOKEN_BAD;
		p->word = p->at + 1;
		p->word_len = (size_t)(end - p->word);
		p->at = end + 1;
		return TOKEN_STRING;
	}
	return lex_word(p);
}

static void advance(struct parser *p)
{
	p->token = lex(p);
}

static const struct calico_selector *fail(struct parser *p, const char *expected)
{
	if (!p->failed)
		err_set(p->err, ERR_INPUT, "selector: %s expected at column %zu", expected,
			p->column);
	p->failed = true;
	return NULL;
}

static struct calico_selector *new_node(struct parser *p, enum node_kind kind)
{
	struct calico_selector *node = arena_alloc(p->arena, sizeof(*node));

	node->kind = kind;
	return node;
}

static const char *word(struct parser *p)
{
	return arena_strndup(p->arena, p->word, p->word_len);
}

static const struct calico_selector *negated(struct parser *p, const struct calico_selector *node)
{
	struct calico_selector *not = new_node(p, NODE_NOT);

	not ->first = node;
	return not ;
}

static const struct calico_selector *parse_set(struct parser *p, struct calico_selector *node)
{
	const char **values = NULL;
	size_t len = 0, cap = 0;
	const char **copy;

	if (p->token != TOKEN_SET_OPEN)
		return fail(p, "\"{\"");
	advance(p);
	while (p->token == TOKEN_STRING) {
		GROW(values, len, cap);
		values[len++] = word(p);
		advance(p);
		if (p->token != TOKEN_COMMA)
			break;
		advance(p);
	}
	copy = arena_alloc(p->arena, (len + 1) * sizeof(*copy));
	if (len)
		memcpy(copy, values, len * sizeof(*copy));
	free(values);
	if (p->token != TOKEN_SET_CLOSE)
		return fail(p, "a quoted value or \"}\"");
	advance(p);
	node->values = copy;
	node->value_count = len;
	return node;
}

static const struct calico_selector *parse_comparison(struct parser *p)
{
	struct calico_selector *node = new_node(p, NODE_EQUAL);
	const char **value;
	enum token sign;

	node->label = word(p);
	advance(p);
	sign = p->token;
	if (sign == TOKEN_IN || sign == TOKEN_NOT_IN) {
		node->kind = NODE_IN;
		advance(p);
		if (!parse_set(p, node))
			return NULL;
		return sign == TOKEN_IN ? node : negated(p, node);
	}
	if (sign == TOKEN_CONTAINS)
		node->kind = NODE_CONTAINS;
	else if (sign == TOKEN_STARTS_WITH)
		node->kind = NODE_STARTS_WITH;
	else if (sign == TOKEN_ENDS_WITH)
		node->kind = NODE_ENDS_WITH;
	else if (sign != TOKEN_EQUAL && sign != TOKEN_NOT_EQUAL)
		return fail(p, p->api == CALICO_API_V3
				       ? "\"==\", \"!=\", \"in\", \"not in\", \"contains\", "
					 "\"starts with\" or \"ends with\""
				       : "\"==\", \"!=\", \"in\" or \"not in\"");
	advance(p);
	if (p->token != TOKEN_STRING)
		return fail(p, "a quoted value");
	value = arena_alloc(p->arena, sizeof(*value));
	*value = word(p);
	node->values = value;
	node->value_count = 1;
	advance(p);
	return sign == TOKEN_NOT_EQUAL ? negated(p, node) : node;
}

static const struct calico_selector *parse_or(struct parser *p);

static const struct calico_selector *parse_operand(struct parser *p)
{
	const struct calico_selector *inner;
	struct calico_selector *node;

	switch (p->token) {
	case TOKEN_HAS:
		node = new_node(p, NODE_HAS);
		node->label = word(p);
		advance(p);
		return node;
	case TOKEN_ALL:
		advance(p);
		return new_node(p, NODE_ALL);
	case TOKEN_OPEN:
		if (++p->depth > DEPTH_MAX)
			return fail(p, "fewer nested parentheses");
		advance(p);
		inner = parse_or(p);
		if (!inner)
			return NULL;
		if (p->token != TOKEN_CLOSE)
			return fail(p, "\")\", \"&&\" or \"||\"");
		p->depth--;
		advance(p);
		return inner;
	case TOKEN_LABEL:
		return parse_comparison(p);
	default:
		return fail(p, "a label, \"has(label)\", \"all()\" or \"(\"");
	}
}

static const struct calico_selector *parse_operation(struct parser *p)
{
	const struct calico_selector *operand;
	bool negate = false;

	for (; p->token == TOKEN_NOT; advance(p))
		negate = !negate;
	operand = parse_operand(p);
	return operand && negate ? negated(p, operand) : operand;
}

/* One or more operands joined by `sign`. The siblings are linked through copies, because an
 * operand in parentheses may be linked elsewhere already. */
static const struct calico_selector *parse_joined(struct parser *p, enum token sign,
						  enum node_kind kind)
{
	struct calico_selector *all = new_node(p, kind), *last = NULL;

	for (;;) {
		const struct calico_selector *operand =
			sign == TOKEN_OR ? parse_joined(p, TOKEN_AND, NODE_AND)
					 : parse_operation(p);
		struct calico_selector *copy;

		if (!operand)
			return NULL;
		copy = new_node(p, operand->kind);
		*copy = *operand;
		copy->next = NULL;
		if (last)
			last->next = copy;
		else
			all->first = copy;
		last = copy;
		if (p->token != sign)
			return all;
		advance(p);
	}
}

static const struct calico_selector *parse_or(struct parser *p)
{
	return parse_joined(p, TOKEN_OR, NODE_OR);
}

const struct calico_selector *calico_selector_parse(const char *text, struct arena *arena,
						    struct err *err)
{
	return calico_selector_parse_as(CALICO_API_V1, text, arena, err);
}

const struct calico_selector *calico_selector_parse_as(enum calico_api api, const char *text,
						       struct arena *arena, struct err *err)
{
	struct parser p = {
		.api = api, .text = text, .at = text, .token = TOKEN_BAD, .arena = arena, .err = err
	};
	const struct calico_selector *selector;

	advance(&p);
	if (p.token == TOKEN_END)
		return new_node(&p, NODE_ALL);
	selector = parse_or(&p);
	if (selector && p.token != TOKEN_END)
		return fail(&p, "\"&&\", \"||\" or the end");
	return selector;
}

static bool compares(const struct calico_selector *node, const char *value)
{
	const char *part = node->values[0];

	if (!value)
		return false;
	if (node->kind == NODE_CONTAINS)
		return strstr(value, part) != NULL;
	return node->kind == NODE_STARTS_WITH ? text_starts_with(value, part)
					      : text_ends_with(value, part);
}

static bool has_value(const struct calico_selector *node, const char *value)
{
	for (size_t i = 0; value && i < node->value_count; i++)
		if (strcmp(node->values[i], value) == 0)
			return true;
	return false;
}

bool calico_selector_matches(const struct calico_selector *selector, calico_label_fn *label,
			     void *arg)
{
	const struct calico_selector *each;

	switch (selector->kind) {
	case NODE_OR:
		for (each = selector->first; each; each = each->next)
			if (calico_selector_matches(each, label, arg))
				return true;
		return false;
	case NODE_AND:
		for (each = selector->first; each; each = each->next)
			if (!calico_selector_matches(each, label, arg))
				return false;
		return true;
	case NODE_NOT:
		return !calico_selector_matches(selector->first, label, arg);
	case NODE_EQUAL:
	case NODE_IN:
		return has_value(selector, label(arg, selector->label));
	case NODE_CONTAINS:
	case NODE_STARTS_WITH:
	case NODE_ENDS_WITH:
		return compares(selector, label(arg, selector->label));
	case NODE_HAS:
		return label(arg, selector->label) != NULL;
	case NODE_ALL:
		return true;
	}
	assert(!"a kind of node without a case");
	return false;
}

static const char *label_of_list(void *arg, const char *name)
{
	const struct json_list *labels = *(const struct json_list *const *)arg;
	const struct json_pair *pair = labels->items;

	for (size_t i = 0; i < labels->count; i++)
		if (strcmp(pair[i].key, name) == 0)
			return pair[i].value;
	return NULL;
}

bool calico_selector_matches_labels(const struct calico_selector *selector,
				    const struct json_list *labels)
{
	return calico_selector_matches(selector, label_of_list, &labels);
}
