/*
 * trace.h - what operators ask of an execution: what made it necessary, what it still waits for,
 * and since when.
 */
#ifndef RENDER_TRACE_H
#define RENDER_TRACE_H

#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/strmap.h"
#include "binnacle/tmpl/deps.h"

struct render_trace {
	/* The changes that the next execution takes in, and those that the last one took in. */
	struct strbuf coming, cause;
	size_t coming_count;
	int64_t executed_ms; /* wall time; 0: never */

	/* What was missing in the last execution: texts, and since when each is missing. */
	const char **waiting;
	int64_t *waiting_since_ms;
	size_t waiting_count;
	struct arena arena;    /* of those */
	struct strmap missing; /* text to its since_ms */
};

void trace_init(struct render_trace *trace);
void trace_release(struct render_trace *trace);
/* A dependency has changed: by so many entries more or less; 0: in another way. */
void trace_change(struct render_trace *trace, const struct dep *dep, long delta);
void trace_execution(struct render_trace *trace, const struct dep_set *missing, int64_t now_ms);

#endif
