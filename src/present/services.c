#include <string.h>

#include "put.h"

COLUMN_TEXT(service_name, service, id)
COLUMN_TEXT(status, service, status)
COLUMN_TEXT(source, service, source)
COLUMN_LIST(tags, service, tags)
COLUMN_LIST(used_by, service, used_by)
COLUMN_SINCE(age, since_ms, service, since_ms)
ROW_STATE(state, service)

static void counts(const void *row, struct strbuf *out)
{
	const struct service *service = row;

	if (strcmp(service->status, "none") == 0)
		strbuf_addf(out, "%d/-/-", (int)service->passing);
	else
		strbuf_addf(out, "%d/%d/%d", (int)service->passing, (int)service->warning,
			    (int)service->critical);
}

static int64_t counts_number(const void *row)
{
	const struct service *service = row;

	return service->passing + service->warning + service->critical;
}

static void nodes(const void *row, struct strbuf *out)
{
	put_names(out, ((const struct service *)row)->nodes);
}

static void output(const void *row, struct strbuf *out)
{
	const struct service *service = row;

	if (*service->output)
		strbuf_add(out, service->output, strcspn(service->output, "\n"));
	else if (service->dangling)
		strbuf_addf(out, "%d dangling", (int)service->dangling);
	else if (service->duplicates)
		strbuf_addf(out, "%d registered twice", (int)service->duplicates);
	else if (service->state == STATE_NONE)
		strbuf_addstr(out, "no checks");
}

static const struct column columns[] = {
	{ "service", "SERVICE", 8, 32, 1, COLUMN_CUT_MIDDLE, .text = service_name },
	{ "state", "STATE", 5, 5, 1, COLUMN_STATE, .text = status },
	{ "pwc", "P/W/C", 5, 9, 1, 0, .text = counts, .number = counts_number },
	{ "nodes", "NODES", 6, 24, 3, 0, .text = nodes },
	{ "tags", "TAGS", 6, 30, 4, 0, .text = tags },
	{ "output", "CHECK OUTPUT", 12, 0, 4, 0, .text = output },
	{ "source", "SRC", 3, 4, 5, COLUMN_WIDE, .text = source },
	{ "used", "USED BY", 7, 30, 5, COLUMN_WIDE, .text = used_by },
	{ "age", "AGE", 4, 4, 6, COLUMN_WIDE | COLUMN_RIGHT | COLUMN_TIME | COLUMN_AGE, .text = age,
	  .number = since_ms, .number_is_time = true },
};

static int rank(const struct service *service)
{
	switch (service->state) {
	case STATE_CRIT:
		return 0;
	case STATE_WARN:
		return 1;
	case STATE_MAINT:
		return 2;
	case STATE_NONE:
		return 4;
	case STATE_PASS:
		return 5;
	default:
		return 3;
	}
}

static int order(const void *a, const void *b)
{
	int difference = rank(a) - rank(b);

	return difference ? difference : present_compare_names(row_id(a), row_id(b));
}

static bool attention(const void *row)
{
	const struct service *service = row;

	return service->dangling > 0 || service->duplicates > 0;
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	size_t critical = 0, warning = 0, dangling = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct service *service = snapshot_row(snapshot, i);

		critical += service->state == STATE_CRIT;
		warning += service->state == STATE_WARN;
		dangling += attention(service);
	}
	strbuf_addf(out, "%zu", snapshot->count);
	summary_add(out, critical, "CRIT");
	summary_add(out, warning, "WARN");
	summary_add(out, dangling, "dangling");
}

static void json(const void *row, struct json *into)
{
	const struct service *service = row;

	json_add_str(into, "service", service->id);
	json_add_text(into, "state", service->status);
	json_add_int(into, "passing", service->passing);
	json_add_int(into, "warning", service->warning);
	json_add_int(into, "critical", service->critical);
	json_add_list(into, "nodes", service->nodes);
	json_add_list(into, "tags", service->tags);
	json_add_text(into, "output", service->output);
	json_add_text(into, "source", service->source);
	json_add_list(into, "used", service->used_by);
	json_add_int(into, "dangling", service->dangling);
	json_add_int(into, "duplicates", service->duplicates);
	json_add_time(into, "since", service->since_ms);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct service *service = row;
	const struct snapshot *snapshot = model_current(model, MODEL_INSTANCES);
	struct strbuf text = STRBUF_INIT;

	detail_text(out, "service", service->id);
	detail_fmt(out, "state", "%s   %d passing, %d warning, %d critical", service->status,
		   (int)service->passing, (int)service->warning, (int)service->critical);
	detail_since(out, "since", service->since_ms);
	put_names(&text, service->nodes);
	detail_text(out, "nodes", text.buf);
	strbuf_reset(&text);
	put_list(&text, service->tags, " ");
	detail_text(out, "tags", text.buf);
	strbuf_reset(&text);
	put_list(&text, service->used_by, ", ");
	detail_text(out, "used by", text.buf);
	detail_text(out, "output", service->output);
	if (service->dangling)
		detail_fmt(out, "dangling", "%d instances", (int)service->dangling);
	if (service->duplicates)
		detail_fmt(out, "twice", "%d instances", (int)service->duplicates);
	strbuf_release(&text);
	detail_heading(out, "Instances");
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct instance *instance = snapshot_row(snapshot, i);

		if (strcmp(instance->service, service->id) == 0)
			detail_fmt(out, instance->node, "%s  %s:%d  %s  %s", instance->status,
				   *instance->address ? instance->address : instance->node_address,
				   (int)instance->port, instance->service_id,
				   *instance->why ? instance->why : instance->output);
	}
}

const struct table services_table = {
	.model = MODEL_SERVICES,
	.name = "services",
	.singular = "service",
	.title = "Services",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "No services are registered.",
	.empty_hint = "Registrator registers containers that publish ports.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
