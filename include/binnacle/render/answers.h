/*
 * render/answers.h - one of many that render the same asks Consul, the others take its answers.
 *
 *     render_answers_export(runner, index, &text);            (who asks, after an execution)
 *     render_answers_import(runner, index, text, len, &err);  (the others)
 *     render_answers_wait(runner, index);                     (the others, until there are any)
 *     render_answers_ask(runner, index);                      (whoever asks from now on)
 *
 * The text is JSON, and carries every value with its type, so that a template sees what it would
 * have seen. What may differ from host to host is never in it (files, nodes) nor is what is secret
 * (leaf certificates): everybody asks for those himself, and also for what the others' template
 * had no need of.
 *
 * The format is ours: Consul Template keeps a binary one that depends on its language.
 */
#ifndef BINNACLE_RENDER_ANSWERS_H
#define BINNACLE_RENDER_ANSWERS_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct render_runner;

/* Append the answers that the last execution of a template used. False: it waits for some. */
bool render_answers_export(const struct render_runner *runner, size_t index, struct strbuf *out);

/* ERR_FORMAT: not such a text; nothing has changed then. */
bool render_answers_import(struct render_runner *runner, size_t index, const char *text, size_t len,
			   struct err *err);
void render_answers_wait(struct render_runner *runner, size_t index);
void render_answers_ask(struct render_runner *runner, size_t index);

#endif
