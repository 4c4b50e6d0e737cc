#include <string.h>

#include "put.h"

COLUMN_TEXT(identity, instance, id)
COLUMN_TEXT(service_id, instance, service_id)
COLUMN_TEXT(service_name, instance, service)
COLUMN_TEXT(node, instance, node)
COLUMN_TEXT(container, instance, container)
COLUMN_LIST(tags, instance, tags)
COLUMN_NUMBER(port_number, instance, port)
COLUMN_SINCE(since, since_ms, instance, since_ms)
ROW_STATE(state, instance)

static const char *address_of(const struct instance *instance)
{
	return *instance->address ? instance->address : instance->node_address;
}

static void address(const void *row, struct strbuf *out)
{
	const struct instance *instance = row;

	strbuf_addf(out, "%s:%d", address_of(instance), (int)instance->port);
}

static void port(const void *row, struct strbuf *out)
{
	put_count(out, port_number(row));
}

static void status(const void *row, struct strbuf *out)
{
	const struct instance *instance = row;

	/* Left over beats what a check says: its container is not there to be asked. */
	strbuf_addstr(out, instance->dangling    ? "dangling"
			   : instance->duplicate ? "twice"
						 : instance->status);
}

static void output(const void *row, struct strbuf *out)
{
	const struct instance *instance = row;
	const char *text = *instance->why ? instance->why : instance->output;

	strbuf_add(out, text, strcspn(text, "\n"));
}

static const struct column columns[] = {
	{ "service", "SERVICE", 6, 24, 1, COLUMN_CUT_MIDDLE, .text = service_name },
	{ "state", "STATE", 5, 8, 1, COLUMN_STATE, .text = status },
	{ "node", "NODE", 6, 20, 2, COLUMN_CUT_MIDDLE, .text = node },
	{ "address", "ADDRESS:PORT", 12, 27, 2, 0, .text = address },
	{ "id", "ID", 10, 40, 3, COLUMN_CUT_MIDDLE, .text = service_id },
	{ "output", "OUTPUT", 8, 0, 4, 0, .text = output },
	{ "since", "SINCE", 5, 5, 4, COLUMN_RIGHT | COLUMN_TIME | COLUMN_AGE, .text = since,
	  .number = since_ms, .number_is_time = true },
	{ "container", "CONTAINER", 9, 24, 5, COLUMN_WIDE | COLUMN_CUT_MIDDLE, .text = container },
	{ "port", "PORT", 5, 5, 5, COLUMN_WIDE | COLUMN_RIGHT, .text = port,
	  .number = port_number },
	{ "tags", "TAGS", 6, 30, 5, COLUMN_WIDE, .text = tags },
	{ "identity", "NODE/ID", 12, 60, 6, COLUMN_WIDE | COLUMN_CUT_MIDDLE, .text = identity },
};

static int rank(const struct instance *instance)
{
	if (instance->dangling || instance->duplicate)
		return 0;
	switch (instance->state) {
	case STATE_CRIT:
		return 1;
	case STATE_WARN:
		return 2;
	case STATE_MAINT:
		return 3;
	case STATE_PASS:
		return 5;
	default:
		return 4;
	}
}

static int order(const void *a, const void *b)
{
	const struct instance *left = a, *right = b;
	int difference = rank(left) - rank(right);

	if (!difference)
		difference = present_compare_names(left->service, right->service);
	return difference ? difference : present_compare_names(left->id, right->id);
}

static enum row_state shown_state(const void *row)
{
	const struct instance *instance = row;

	return instance->dangling || instance->duplicate ? STATE_STALE : state(row);
}

/* Of two at one place only the one that something speaks against: all that want attention can be
 * removed with one key. */
static bool attention(const void *row)
{
	const struct instance *instance = row;

	return instance->dangling || instance->is_surplus;
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	size_t critical = 0, warning = 0, dangling = 0, twice = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct instance *instance = snapshot_row(snapshot, i);

		critical += instance->state == STATE_CRIT;
		warning += instance->state == STATE_WARN;
		dangling += instance->dangling;
		twice += instance->duplicate && !instance->dangling;
	}
	strbuf_addf(out, "%zu", snapshot->count);
	summary_add(out, critical, "CRIT");
	summary_add(out, warning, "WARN");
	summary_add(out, dangling, "dangling");
	summary_add(out, twice, "twice");
}

static void json(const void *row, struct json *into)
{
	const struct instance *instance = row;

	json_add_str(into, "identity", instance->id);
	json_add_str(into, "id", instance->service_id);
	json_add_text(into, "service", instance->service);
	json_add_text(into, "node", instance->node);
	json_add_text(into, "node_address", instance->node_address);
	json_add_text(into, "address", address_of(instance));
	json_add_int(into, "port", instance->port);
	json_add_list(into, "tags", instance->tags);
	json_add_text(into, "state", instance->status);
	json_add_text(into, "output", instance->output);
	json_add_text(into, "container", instance->container);
	json_add_bool(into, "dangling", instance->dangling);
	json_add_bool(into, "duplicate", instance->duplicate);
	json_add_bool(into, "own_agent", instance->own_agent);
	json_add_text(into, "why", instance->why);
	json_add_time(into, "since", instance->since_ms);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct instance *instance = row;
	const struct member *member =
		snapshot_find(model_current(model, MODEL_MEMBERS), instance->node);
	struct strbuf text = STRBUF_INIT;

	detail_text(out, "id", instance->service_id);
	detail_text(out, "service", instance->service);
	status(row, &text);
	detail_text(out, "state", text.buf);
	detail_since(out, "since", instance->since_ms);
	detail_text(out, "why", instance->why);
	detail_fmt(out, "address", "%s:%d", address_of(instance), (int)instance->port);
	detail_fmt(out, "node", "%s%s%s", instance->node, member ? "   " : "",
		   member ? member->status : "");
	detail_text(out, "agent", instance->own_agent ? "ours" : "of that node");
	strbuf_reset(&text);
	put_list(&text, instance->tags, " ");
	detail_text(out, "tags", text.buf);
	detail_text(out, "container", instance->container);
	detail_text(out, "output", instance->output);
	strbuf_release(&text);
}

const struct table instances_table = {
	.model = MODEL_INSTANCES,
	.name = "instances",
	.singular = "instance",
	.title = "Instances",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = shown_state,
	.attention = attention,
	.order = order,
	.empty = "No service instances are registered.",
	.empty_hint = "Registrator registers containers that publish ports.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
