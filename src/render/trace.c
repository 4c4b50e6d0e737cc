#include "trace.h"

#define CHANGES_SHOWN 3 /* of those that one execution takes in */

void trace_init(struct render_trace *trace)
{
	*trace = (struct render_trace){ 0 };
	strbuf_init(&trace->coming);
	strbuf_init(&trace->cause);
}

void trace_release(struct render_trace *trace)
{
	strbuf_release(&trace->coming);
	strbuf_release(&trace->cause);
	strmap_release(&trace->missing);
	arena_release(&trace->arena);
}

void trace_change(struct render_trace *trace, const struct dep *dep, long delta)
{
	if (++trace->coming_count > CHANGES_SHOWN)
		return;
	strbuf_addf(&trace->coming, "%s%s", trace->coming.len ? ", " : "", dep->text);
	if (delta)
		strbuf_addf(&trace->coming, " (%+ld)", delta);
}

static void take_cause(struct render_trace *trace)
{
	strbuf_reset(&trace->cause);
	strbuf_addstr(&trace->cause, trace->coming_count ? trace->coming.buf : "the start");
	if (trace->coming_count > CHANGES_SHOWN)
		strbuf_addf(&trace->cause, " and %zu more", trace->coming_count - CHANGES_SHOWN);
	strbuf_reset(&trace->coming);
	trace->coming_count = 0;
}

void trace_execution(struct render_trace *trace, const struct dep_set *missing, int64_t now_ms)
{
	struct strmap before = trace->missing;
	struct arena arena = trace->arena;
	size_t count = dep_set_count(missing);

	take_cause(trace);
	trace->executed_ms = now_ms;
	trace->missing = (struct strmap)STRMAP_INIT;
	trace->arena = (struct arena)ARENA_INIT;
	trace->waiting = arena_alloc(&trace->arena, count * sizeof(*trace->waiting));
	trace->waiting_since_ms =
		arena_alloc(&trace->arena, count * sizeof(*trace->waiting_since_ms));
	trace->waiting_count = count;
	for (size_t i = 0; i < count; i++) {
		const char *text = dep_set_at(missing, i)->text;
		const int64_t *since_ms = strmap_get(&before, text);

		trace->waiting_since_ms[i] = since_ms ? *since_ms : now_ms;
		strmap_put(&trace->missing, text, &trace->waiting_since_ms[i]);
		trace->waiting[i] = trace->missing.entries[i].key;
	}
	strmap_release(&before);
	arena_release(&arena);
}
