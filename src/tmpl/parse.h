/*
 * parse.h - text to trees: the main template (named "") and those it defines.
 */
#ifndef TMPL_PARSE_H
#define TMPL_PARSE_H

#include "ast.h"
#include "binnacle/base/mem.h"
#include "binnacle/tmpl/tmpl.h"

struct tmpl {
	char *name;
	struct arena arena; /* of the tree, the text and the options */
	const char *text;
	size_t len;
	const char *left, *right;
	bool error_on_missing_key, registrator;
	const char **denied;
	size_t denied_count;
	struct definition *definitions; /* newest first; the main template too */
};

/* Fills tmpl->definitions from tmpl->text. False: *error says what and where. */
bool parse_template(struct tmpl *tmpl, struct tmpl_error *error);
const struct definition *tmpl_definition(const struct tmpl *tmpl, const char *name);

/* Line and column of a position, and the text of that line, into *error. */
void error_place(struct tmpl_error *error, const char *text, size_t len, size_t pos);

#endif
