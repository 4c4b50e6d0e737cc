/*
 * eval.h - the state of one execution. Only eval.c, call.c and tmpl.c look inside.
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

enum eval_jump { JUMP_NONE, JUMP_BREAK, JUMP_CONTINUE };

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
	size_t var_base; /* first variable of the template that executes */
	int depth;       /* of templates that call templates */
	int nesting;     /* of this program's own recursion */
	unsigned steps;
	enum eval_jump jump;
	struct tmpl_value *scratch;
	bool failed;
	struct strbuf message; /* without "execute: " */
	size_t error_pos;
	bool has_pos;
};

void eval_run(struct eval *eval, const struct definition *definition);

/* Fail at eval->at, unless the execution has failed before. Always nil. */
struct operand eval_fail(struct eval *eval, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* One level deeper; false: too deep, failed. The caller counts eval->nesting down. */
bool eval_enter(struct eval *eval);
/* Execute a definition with `dot`; variables of the caller are out of sight. */
void eval_definition(struct eval *eval, const struct definition *definition, struct operand dot);

#endif
