/*
 * effects.h - what templates do beside giving text: programs that they run (`plugin`), files that
 * they write (`writeToFile`). Only for standing in for Consul Template, whose templates may.
 *
 * A program is a question like any other: the first execution asks and goes on without the
 * answer, `changed` runs when the answer has come, and the next execution takes it. It runs anew
 * for each change of the data. Files are written when an execution was complete, and only then.
 */
#ifndef RENDER_EFFECTS_H
#define RENDER_EFFECTS_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct effects;
struct loop;

struct effects *effects_new(struct loop *loop, void (*changed)(void *arg), void *arg);
void effects_free(struct effects *effects); /* kills what runs; NULL allowed */

/* Before each execution: answers are asked for anew, unless it takes place because one came. */
void effects_begin(struct effects *effects);
/* Has this program ended? Else it runs now. */
bool effects_plugin_ready(struct effects *effects, const char *const *argv);
/* Its standard output, or false and the message of its failure. */
bool effects_plugin(struct effects *effects, const char *const *argv, struct strbuf *out);
/* The arguments of writeToFile; remembered. */
bool effects_write(struct effects *effects, const char *path, const char *user, const char *group,
		   const char *mode, const char *flags, const char *bytes, size_t len,
		   struct err *err);
/* After a complete execution: forget answers that it did not ask for, write the files (unless
 * `dry`). */
bool effects_commit(struct effects *effects, bool dry, struct err *err);

#endif
