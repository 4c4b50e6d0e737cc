#include <inttypes.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/text.h"
#include "put.h"

#define SUMMARY_SPAN_MS (15 * 60 * 1000)

COLUMN_MOMENT(time, time_ms, event, time_ms)
COLUMN_TEXT(action, event, action)
COLUMN_TEXT(service_name, event, service)
COLUMN_TEXT(node, event, node)
COLUMN_TEXT(container, event, container)
COLUMN_TEXT(source, event, source)
ROW_STATE(state, event)

/* What was ignored has no id: then the container says what it is about. */
static void instance_id(const void *row, struct strbuf *out)
{
	const struct event *event = row;

	strbuf_addstr(out, *event->instance ? event->instance : event->container);
}

static void why(const void *row, struct strbuf *out)
{
	const struct event *event = row;

	strbuf_addstr(out, event->why);
	if (event->repeated > 1)
		strbuf_addf(out, "%sx%" PRId64, *event->why ? "  " : "", event->repeated);
}

static const struct column columns[] = {
	{ "time", "TIME", 8, 12, 1, COLUMN_TIME, .text = time, .number = time_ms,
	  .number_is_time = true },
	{ "action", "ACTION", 8, 9, 1, COLUMN_STATE, .text = action },
	{ "service", "SERVICE", 6, 20, 2, COLUMN_CUT_MIDDLE, .text = service_name },
	{ "instance", "INSTANCE", 12, 40, 2, COLUMN_CUT_MIDDLE, .text = instance_id },
	{ "why", "WHY", 8, 0, 3, 0, .text = why },
	{ "node", "NODE", 6, 16, 4, COLUMN_WIDE | COLUMN_CUT_MIDDLE, .text = node },
	{ "container", "CONTAINER", 12, 24, 5, COLUMN_WIDE | COLUMN_CUT_MIDDLE, .text = container },
	{ "source", "SRC", 4, 8, 6, COLUMN_WIDE, .text = source },
};

static int order(const void *a, const void *b)
{
	int64_t left = time_ms(a), right = time_ms(b);

	if (left != right)
		return left > right ? -1 : 1;
	return present_compare_names(row_id(b), row_id(a));
}

static bool attention(const void *row)
{
	return row_state_needs_attention(state(row));
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	static const char *const words[] = { "FAILED", "dangling", "duplicate", "stale" };
	int64_t since = clock_wall_ms() - SUMMARY_SPAN_MS;
	size_t recent = 0, counts[COUNT_OF(words)] = { 0 };

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct event *event = snapshot_row(snapshot, i);

		if (event->time_ms < since)
			continue;
		recent++;
		for (size_t word = 0; word < COUNT_OF(words); word++)
			counts[word] += strcmp(event->action, words[word]) == 0;
	}
	strbuf_addf(out, "%zu in 15m", recent);
	for (size_t word = 0; word < COUNT_OF(words); word++)
		summary_add(out, counts[word], words[word]);
}

static void json(const void *row, struct json *into)
{
	const struct event *event = row;

	json_add_str(into, "id", event->id);
	json_add_time(into, "time", event->time_ms);
	json_add_text(into, "action", event->action);
	json_add_text(into, "service", event->service);
	json_add_text(into, "instance", event->instance);
	json_add_text(into, "why", event->why);
	json_add_text(into, "node", event->node);
	json_add_text(into, "container", event->container);
	json_add_text(into, "source", event->source);
	json_add_int(into, "repeated", event->repeated);
}

static const struct container_row *find_container(const struct event *event,
						  const struct model *model)
{
	const struct snapshot *containers = model_current(model, MODEL_CONTAINERS);

	for (size_t i = 0; i < containers->count; i++) {
		const struct container_row *row = snapshot_row(containers, i);

		if ((strcmp(row->name, event->container) == 0 &&
		     strcmp(row->node, event->node) == 0) ||
		    text_starts_with(row->container_id, event->container))
			return row;
	}
	return NULL;
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct event *event = row;
	const struct container_row *container;

	detail_text(out, "action", event->action);
	detail_since(out, "time", event->time_ms);
	detail_text(out, "service", event->service);
	detail_text(out, "instance", event->instance);
	detail_text(out, "why", event->why);
	detail_text(out, "node", event->node);
	detail_text(out, "container", event->container);
	detail_text(out, "source", event->source);
	if (event->repeated > 1)
		detail_fmt(out, "repeated", "%" PRId64 " times within a minute", event->repeated);
	container = *event->container ? find_container(event, model) : NULL;
	if (container && *container->registration) {
		detail_heading(out, "Its container now");
		strbuf_addstr(out, container->registration);
	}
}

const struct table events_table = {
	.model = MODEL_EVENTS,
	.name = "events",
	.singular = "event",
	.title = "Events",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "Nothing was registered, removed or refused since the start.",
	.empty_hint = "Containers that start and stop show here.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
