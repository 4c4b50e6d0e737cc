/*
 * ast.h - the tree of a template. Nodes live in the arena of their template and keep their
 * position in its text, for messages.
 */
#ifndef TMPL_AST_H
#define TMPL_AST_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/tmpl/value.h"

struct tmpl_func;

enum node_kind {
	NODE_LIST,
	NODE_TEXT,
	NODE_ACTION,
	NODE_IF,
	NODE_RANGE,
	NODE_WITH,
	NODE_TEMPLATE,
	NODE_BREAK,
	NODE_CONTINUE,
	NODE_ELSE, /* marks of the parser; not in the finished tree */
	NODE_END,
	NODE_PIPE,
	NODE_COMMAND,
	/* Operands. */
	NODE_IDENTIFIER,
	NODE_FIELD,
	NODE_VARIABLE,
	NODE_CHAIN,
	NODE_DOT,
	NODE_NIL,
	NODE_BOOL,
	NODE_NUMBER,
	NODE_STRING,
};

struct node_list {
	struct node **items;
	size_t count, cap;
};

/* One literal, with all the faces it can show: 2.0 is an int where an int is wanted. */
struct number {
	bool is_int, is_uint, is_float, is_complex;
	bool prefers_float; /* where no type is wanted */
	int64_t as_int;
	uint64_t as_uint;
	double as_float, re, im;
};

struct node {
	enum node_kind kind;
	size_t pos;       /* bytes from the start of the text */
	const char *text; /* literals as written; text; names */
	size_t len;
	union {
		struct node_list list;            /* of LIST */
		struct node_list args;            /* of COMMAND; the first is what is called */
		const struct tmpl_func *func;     /* of IDENTIFIER */
		const struct tmpl_value *literal; /* of BOOL, STRING */
		struct number number;
		struct node *pipe; /* of ACTION */
		struct {
			struct node *pipe, *list, *otherwise; /* otherwise: NULL without else */
		} branch;                                     /* of IF, RANGE, WITH */
		struct {
			const char *name;
			struct node *pipe; /* NULL: none */
		} call;                    /* of TEMPLATE */
		struct {
			struct node_list vars, commands;
			bool is_assign;
		} pipeline; /* of PIPE */
		struct {
			const char **names; /* of VARIABLE the first is "$x" */
			size_t count;
			struct node *of; /* of CHAIN: what stands before the first field */
		} path;                  /* of FIELD, VARIABLE, CHAIN */
	} u;
};

/* A named template. */
struct definition {
	const char *name;
	struct node *root;
	struct definition *next;
};

/* Append the node in normal form: the context of messages. */
void node_print(struct strbuf *out, const struct node *node);

#endif
