/*
 * Answers for the interpreter. A dependency is watched from the first time that a template uses
 * it until no template does; its last answer is kept, in an arena of its own.
 *
 * `changed` runs from the loop when an answer has come that differs from the last one. Answers
 * are borrowed until then.
 */
#ifndef RENDER_SOURCE_H
#define RENDER_SOURCE_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "binnacle/tmpl/deps.h"
#include "binnacle/tmpl/value.h"

struct consul;
struct loop;
struct render_source;

/* `delta`: how many more elements a list has than before; 0 for other answers and the first. */
typedef void render_source_fn(void *arg, const struct dep *dep, long delta, bool is_first);

/* An outage of one answer begins or ends. */
typedef void render_source_trouble_fn(void *arg, const struct dep *dep);

struct render_source *render_source_new(struct loop *loop, struct consul *consul, bool no_stale,
					size_t limit, render_source_fn *changed,
					render_source_trouble_fn *trouble, void *arg);
void render_source_free(struct render_source *source);

/* NULL: not known yet. */
const struct tmpl_value *render_source_lookup(struct render_source *source, const struct dep *dep);
/* Watch it, unless it is watched. False: more than `limit` are. */
bool render_source_watch(struct render_source *source, const struct dep *dep, struct err *err);
/* Stop the watches that `keep` does not want any more. */
void render_source_sweep(struct render_source *source, bool (*keep)(void *arg, const char *text),
			 void *arg);
/* Why the last answer of a dependency is out of date or missing; NULL: it is not. */
const struct err *render_source_trouble(const struct render_source *source, const char *text);
size_t render_source_count(const struct render_source *source);

/* The request of a dependency, without index and wait. False: it is not one request (a file). */
bool render_source_path(const struct dep *dep, struct strbuf *out);

#endif
