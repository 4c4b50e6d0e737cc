/* Tokens to directives. Blocks are kept on a stack of our own, so that hostile nesting costs
 * nothing but an error. */
#include "binnacle/nginx/conf.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "conf_lex.h"

struct builder {
	struct conf_tree *tree;
	const struct conf_flat *flat;                               /* NULL: one text by itself */
	const char *file;                                           /* then: its name */
	struct conf_directive **tails[LIMIT_NGINX_BLOCK_DEPTH + 1]; /* where the next one goes */
	size_t depth;
	const char **words; /* of the directive under way, in the arena */
	size_t len, cap;
	unsigned line;
	const char *complaint;
};

static void locate(const struct builder *b, unsigned at, const char **file, unsigned *line)
{
	*file = b->file;
	*line = at;
	if (b->flat)
		conf_map_line(b->flat, at, file, line);
}

static struct conf_directive *finish_directive(struct builder *b)
{
	struct conf_directive *directive = arena_alloc(&b->tree->arena, sizeof(*directive));
	const char **words = arena_alloc(&b->tree->arena, (b->len + 1) * sizeof(*words));

	memcpy(words, b->words, b->len * sizeof(*words));
	directive->words = words;
	directive->count = b->len;
	locate(b, b->line, &directive->file, &directive->line);
	*b->tails[b->depth] = directive;
	b->tails[b->depth] = &directive->next;
	b->len = 0;
	return directive;
}

static const char *on_token(struct builder *b, struct conf_lexer *lexer, enum conf_token_kind kind)
{
	struct conf_directive *block;

	switch (kind) {
	case CONF_WORD:
		if (!b->len)
			b->line = lexer->token_line;
		GROW(b->words, b->len, b->cap);
		b->words[b->len++] =
			arena_strndup(&b->tree->arena, lexer->word.buf, lexer->word.len);
		return NULL;
	case CONF_SEMICOLON:
		if (!b->len)
			return "unexpected \";\"";
		finish_directive(b);
		return NULL;
	case CONF_OPEN:
		if (!b->len)
			return "unexpected \"{\"";
		if (b->depth == LIMIT_NGINX_BLOCK_DEPTH)
			return "blocks are nested too deeply";
		block = finish_directive(b);
		block->is_block = true;
		b->tails[++b->depth] = &block->first;
		if (conf_is_foreign_block(block->words[0]))
			conf_lexer_skip_foreign(lexer);
		return NULL;
	case CONF_CLOSE:
		if (b->len || !b->depth)
			return "unexpected \"}\"";
		b->depth--;
		return NULL;
	case CONF_END:
		if (b->len)
			return "unexpected end of file, expecting \";\" or \"}\"";
		return b->depth ? "unexpected end of file, expecting \"}\"" : NULL;
	case CONF_BAD:
		break;
	}
	return lexer->word.buf;
}

/* On a mistake the tree has what stands before it. */
static struct conf_tree *build(const struct conf_flat *flat, const char *file, const char *text,
			       size_t len, struct conf_fault *fault)
{
	struct conf_tree *tree = xcalloc(1, sizeof(*tree));
	struct builder b = { .tree = tree, .flat = flat };
	struct conf_lexer lexer;
	enum conf_token_kind kind;

	*fault = (struct conf_fault){ 0 };
	b.file = arena_strdup(&tree->arena, file);
	b.tails[0] = &tree->first;
	conf_lexer_init(&lexer, text, len);
	do {
		const char *complaint;

		kind = conf_lexer_next(&lexer);
		complaint = on_token(&b, &lexer, kind);
		if (complaint) {
			const char *where;

			snprintf(fault->message, sizeof(fault->message), "%s", complaint);
			locate(&b, lexer.token_line, &where, &fault->line);
			fault->file = xstrdup(where);
			break;
		}
	} while (kind != CONF_END);
	conf_lexer_release(&lexer);
	free(b.words);
	return tree;
}

struct conf_tree *conf_parse(const struct conf_flat *flat, struct conf_fault *fault)
{
	struct conf_tree *tree = build(flat, "", flat->text.buf, flat->text.len, fault);

	if (fault->file) {
		conf_tree_free(tree);
		return NULL;
	}
	return tree;
}

struct conf_tree *conf_parse_text(const char *file, const char *text, size_t len,
				  struct conf_fault *fault)
{
	return build(NULL, file, text, len, fault);
}

void conf_tree_free(struct conf_tree *tree)
{
	if (!tree)
		return;
	arena_release(&tree->arena);
	free(tree);
}

const struct conf_directive *conf_find(const struct conf_directive *from, const char *name)
{
	for (; from; from = from->next)
		if (from->count && strcmp(from->words[0], name) == 0)
			return from;
	return NULL;
}
