/*
 * eval.h - the state of one execution. Only eval.c, walk.c, call.c and tmpl.c look inside.
 */
#ifndef TMPL_EVAL_H
#define TMPL_EVAL_H

#include "funcs.h"
#include "parse.h"

/*
 * A value on its way through an expression. `boxed`: it came out of a container of any and is
 * still in Go's interface {}; that shows in messages alone, and in that nil is then something
 * that has been found rather than no value.
 */
struct operand {
	const struct tmpl_value *value;
	bool boxed;
};

struct variable {
	const char *name;
	struct operand held;
};

static inline struct operand operand_plain(const struct tmpl_value *value)
{
	return (struct operand){ value, false };
}

struct frame; /* of walk.c */

struct eval {
	const struct tmpl *tmpl;
	const struct tmpl_source *source;
	struct tmpl_result *result;
	struct arena arena;
	struct strbuf *out;
	const char *executing; /* name of the template */
	const struct node *at; /* what is blamed */
	struct variable *vars;
	size_t var_count, var_cap;
	size_t var_base;      /* first variable of the template that executes */
	struct frame *frames; /* what is being walked, the innermost last */
	size_t frame_count, frame_cap;
	int depth;   /* of templates that call templates */
	int nesting; /* of this program's own recursion */
	unsigned steps;
	struct tmpl_value *scratch;
	bool failed;
	struct strbuf message; /* without "execute: " */
	size_t error_pos;
	bool has_pos;
};

void eval_run(struct eval *eval, const struct definition *definition);

/* Fail at eval->at, unless the execution has failed before. Always nil. */
struct operand eval_fail(struct eval *eval, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* The same about a node: what it looks like, between two texts. */
struct operand eval_fail_node(struct eval *eval, const char *before, const struct node *node,
			      const char *after);
/* Called wherever time or memory is spent. False: enough. */
bool eval_step(struct eval *eval);

/* The value of a pipeline, whose variables are declared or assigned; NULL: nil. */
struct operand eval_pipeline(struct eval *eval, struct operand dot, const struct node *pipe);
void eval_push_variable(struct eval *eval, const char *name, struct operand held);
void eval_bind(struct eval *eval, const struct node *variable, bool is_assign,
	       struct operand value);

/* One level deeper; false: too deep, failed. The caller counts eval->nesting down. */
bool eval_enter(struct eval *eval);
/* Execute a definition with `dot`; variables of the caller are out of sight. */
void eval_definition(struct eval *eval, const struct definition *definition, struct operand dot);

#endif
