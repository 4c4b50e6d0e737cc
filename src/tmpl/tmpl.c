/* The outside of the interpreter: options in, results out. */
#include "binnacle/tmpl/tmpl.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/text.h"
#include "eval.h"
#include "parse.h"

#define LINE_SHOWN_MAX 160 /* bytes of a source line around the caret */

void tmpl_error_release(struct tmpl_error *error)
{
	free(error->message);
	free(error->source_line);
	*error = (struct tmpl_error){ 0 };
}

/* Long lines are shown from a little before the column. */
static void print_source(struct strbuf *out, const struct tmpl_error *error)
{
	const char *line = error->source_line;
	size_t len = strlen(line), from = 0, shown, before;

	if (error->has_column && error->column < len && error->column > LINE_SHOWN_MAX / 2) {
		from = error->column - LINE_SHOWN_MAX / 2;
		while (from < error->column && ((unsigned char)line[from] & 0xc0) == 0x80)
			from++;
	}
	shown = len - from;
	if (shown > LINE_SHOWN_MAX) {
		shown = LINE_SHOWN_MAX;
		while (shown > 0 && ((unsigned char)line[from + shown] & 0xc0) == 0x80)
			shown--;
	}
	strbuf_addch(out, '\n');
	text_clean(out, line + from, shown);
	if (!error->has_column || error->column > len)
		return;
	before = error->column - from;
	strbuf_addch(out, '\n');
	strbuf_addchars(out, ' ', (size_t)text_width(line + from, before > shown ? shown : before));
	strbuf_addch(out, '^');
}

void tmpl_error_print(struct strbuf *out, const struct tmpl_error *error)
{
	strbuf_addstr(out, error->message ? error->message : "");
	if (error->source_line && *error->source_line)
		print_source(out, error);
}

static const char *delimiter(struct arena *arena, const char *wanted, const char *otherwise)
{
	return wanted && *wanted ? arena_strdup(arena, wanted) : otherwise;
}

static void take_options(struct tmpl *tmpl, const struct tmpl_options *options)
{
	size_t count = 0;

	tmpl->left = delimiter(&tmpl->arena, options->left_delimiter, "{{");
	tmpl->right = delimiter(&tmpl->arena, options->right_delimiter, "}}");
	tmpl->error_on_missing_key = options->error_on_missing_key;
	tmpl->registrator = options->registrator;
	while (options->denied && options->denied[count])
		count++;
	tmpl->denied = arena_alloc(&tmpl->arena, (count + 1) * sizeof(*tmpl->denied));
	for (size_t i = 0; i < count; i++)
		tmpl->denied[i] = arena_strdup(&tmpl->arena, options->denied[i]);
	tmpl->denied_count = count;
}

struct tmpl *tmpl_parse(const char *name, const char *text, size_t len,
			const struct tmpl_options *options, struct err *err)
{
	static const struct tmpl_options defaults = { 0 };
	struct tmpl *tmpl = xcalloc(1, sizeof(*tmpl));
	struct tmpl_error error = { 0 };

	if (!options)
		options = &defaults;
	if (options->error)
		*options->error = (struct tmpl_error){ 0 };
	tmpl->name = xstrdup(name);
	tmpl->text = arena_strndup(&tmpl->arena, text, len);
	tmpl->len = len;
	take_options(tmpl, options);
	if (parse_template(tmpl, &error))
		return tmpl;
	err_set(err, ERR_INPUT, "%s", error.message);
	if (options->error)
		*options->error = error;
	else
		tmpl_error_release(&error);
	tmpl_free(tmpl);
	return NULL;
}

void tmpl_free(struct tmpl *tmpl)
{
	if (!tmpl)
		return;
	arena_release(&tmpl->arena);
	free(tmpl->name);
	free(tmpl);
}

const char *tmpl_name(const struct tmpl *tmpl)
{
	return tmpl->name;
}

static void take_error(struct eval *eval, struct tmpl_error *error)
{
	struct strbuf message = STRBUF_INIT;

	strbuf_addstr(&message, "execute: ");
	strbuf_add(&message, eval->message.buf, eval->message.len);
	if (eval->has_pos)
		error_place(error, eval->tmpl->text, eval->tmpl->len, eval->error_pos);
	error->message = strbuf_detach(&message, NULL);
}

void tmpl_execute(struct tmpl *tmpl, const struct tmpl_source *source, struct tmpl_result *result)
{
	struct eval eval = { .tmpl = tmpl, .source = source, .result = result };

	*result = (struct tmpl_result){ .output = STRBUF_INIT };
	strbuf_init(&eval.message);
	eval.out = &result->output;
	eval.executing = "";
	eval_run(&eval, tmpl_definition(tmpl, ""));
	result->failed = eval.failed;
	if (eval.failed)
		take_error(&eval, &result->error);
	strbuf_release(&eval.message);
	free(eval.vars);
	free(eval.frames);
	arena_release(&eval.arena);
}

void tmpl_result_release(struct tmpl_result *result)
{
	strbuf_release(&result->output);
	dep_set_release(&result->used);
	dep_set_release(&result->missing);
	tmpl_error_release(&result->error);
	result->failed = false;
}
