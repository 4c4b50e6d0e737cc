/*
 * output.h - rows, objects, texts, plans and results, in the four formats.
 */
#ifndef BATCH_OUTPUT_H
#define BATCH_OUTPUT_H

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>

#include "binnacle/base/json.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/present/table.h"

struct command_line;
struct model;
struct plan;

enum output_format { OUTPUT_TABLE, OUTPUT_JSON, OUTPUT_JSONL, OUTPUT_CSV };

struct output {
	FILE *out;
	int width; /* of the terminal in cells; 0: it is none, nothing is cut */
	enum output_format format;
	bool color, no_header, csv_safe;
	/* What was warned of so far: `errors` of a JSON document. */
	char **errors;
	size_t error_count, error_cap;
	const struct model *model;
};

/* What one target of an action came to. Owned by who made it. */
struct output_result {
	char *target, *label, *result, *error, *undo;
};

void output_note_error(struct output *output, const char *text);
void output_release(struct output *output);
/* by_default: the format when the line names none; NULL: table. */
struct output output_new(FILE *out, int width, const struct command_line *line,
			 const char *by_default, const struct model *model);

void output_rows(const struct output *output, const struct table *table,
		 const struct row_view *view, const struct snapshot *snapshot,
		 const struct command_line *line);
void output_object(const struct output *output, const char *kind, const char *detail,
		   const struct json *json);
void output_text(const struct output *output, const char *title, const char *text, size_t len,
		 bool is_diff);
void output_plan(const struct output *output, const struct plan *plan);
void output_results(const struct output *output, const struct plan *plan,
		    const struct output_result *results, size_t count);

#endif
