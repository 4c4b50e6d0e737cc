#include <string.h>

#include "put.h"

#define SHORT_ID_CHARS 12

COLUMN_TEXT(name, container_row, name)
COLUMN_TEXT(status, container_row, status)
COLUMN_TEXT(node, container_row, node)
COLUMN_TEXT(image, container_row, image)
COLUMN_TEXT(network, container_row, network)
COLUMN_TEXT(address, container_row, address)
COLUMN_TEXT(registered, container_row, registered)
COLUMN_SINCE(since, since_ms, container_row, since_ms)
ROW_STATE(state, container_row)

static void short_id(const void *row, struct strbuf *out)
{
	const struct container_row *container = row;
	size_t len = strlen(container->container_id);

	strbuf_add(out, container->container_id, len < SHORT_ID_CHARS ? len : SHORT_ID_CHARS);
}

static void note(const void *row, struct strbuf *out)
{
	const struct container_row *container = row;

	strbuf_addstr(out, *container->error ? container->error : container->wanted);
}

static const struct column columns[] = {
	{ "name", "CONTAINER", 9, 32, 1, COLUMN_CUT_MIDDLE, .text = name },
	{ "state", "STATE", 7, 10, 1, COLUMN_STATE, .text = status },
	{ "node", "NODE", 6, 20, 2, COLUMN_CUT_MIDDLE, .text = node },
	{ "address", "ADDRESS", 9, 39, 2, 0, .text = address },
	{ "registered", "REGISTERED", 10, 32, 3, 0, .text = registered },
	{ "note", "NOTE", 10, 0, 3, 0, .text = note },
	{ "since", "SINCE", 5, 5, 4, COLUMN_RIGHT | COLUMN_TIME | COLUMN_AGE, .text = since,
	  .number = since_ms, .number_is_time = true },
	{ "network", "NETWORK", 7, 16, 4, COLUMN_WIDE, .text = network },
	{ "image", "IMAGE", 8, 40, 5, COLUMN_WIDE | COLUMN_CUT_MIDDLE, .text = image },
	{ "id", "ID", 12, 12, 6, COLUMN_WIDE, .text = short_id },
};

static int rank(const struct container_row *container)
{
	if (*container->error)
		return 0;
	return strcmp(container->status, "running") == 0 ? 1 : 2;
}

static int order(const void *a, const void *b)
{
	const struct container_row *left = a, *right = b;
	int difference = rank(left) - rank(right);

	if (!difference)
		difference = present_compare_names(left->name, right->name);
	return difference ? difference : strcmp(left->id, right->id);
}

static bool attention(const void *row)
{
	return *((const struct container_row *)row)->error;
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	size_t running = 0, broken = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct container_row *container = snapshot_row(snapshot, i);

		running += strcmp(container->status, "running") == 0;
		broken += *container->error != '\0';
	}
	strbuf_addf(out, "%zu", snapshot->count);
	summary_add(out, running, "running");
	summary_add(out, broken, "with an error");
}

static void json(const void *row, struct json *into)
{
	const struct container_row *container = row;

	json_add_str(into, "id", container->container_id);
	json_add_text(into, "name", container->name);
	json_add_text(into, "node", container->node);
	json_add_text(into, "image", container->image);
	json_add_text(into, "state", container->status);
	json_add_text(into, "network", container->network);
	json_add_text(into, "address", container->address);
	json_add_text(into, "fixed_address", container->fixed_address);
	json_add_text(into, "error", container->error);
	json_add_text(into, "registered", container->registered);
	json_add_text(into, "wanted", container->wanted);
	json_add_text(into, "registration", container->registration);
	json_add_time(into, "since", container->since_ms);
}

/* Calico's endpoint of a container; NULL: none is known. */
static const struct endpoint_row *endpoint_of(const struct container_row *container,
					      const struct model *model)
{
	const struct snapshot *endpoints = model_current(model, MODEL_ENDPOINTS);

	for (size_t i = 0; i < endpoints->count && *container->name; i++) {
		const struct endpoint_row *endpoint = snapshot_row(endpoints, i);

		if (strcmp(endpoint->container, container->name) == 0 &&
		    strcmp(endpoint->node, container->node) == 0)
			return endpoint;
	}
	return NULL;
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct container_row *container = row;
	const struct endpoint_row *endpoint = endpoint_of(container, model);

	detail_text(out, "container", container->name);
	detail_text(out, "state", container->status);
	detail_since(out, "since", container->since_ms);
	detail_text(out, "error", container->error);
	detail_text(out, "node", container->node);
	detail_text(out, "image", container->image);
	detail_text(out, "network", container->network);
	detail_text(out, "address", container->address);
	detail_text(out, "fixed address", container->fixed_address);
	if (endpoint && endpoint->labels_missing.count)
		detail_text(out, "labels",
			    "these never reached its Calico endpoint; policies by them do not "
			    "select it:");
	if (endpoint)
		detail_list(out, "", endpoint->labels_missing);
	detail_text(out, "registered", *container->registered ? container->registered : "nothing");
	detail_text(out, "wanted", container->wanted);
	detail_text(out, "id", container->container_id);
	if (*container->registration) {
		detail_heading(out, "Registration");
		strbuf_addstr(out, container->registration);
	}
}

const struct table containers_table = {
	.model = MODEL_CONTAINERS,
	.name = "containers",
	.singular = "container",
	.title = "Containers",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "The Docker daemons have no containers.",
	.empty_hint = "docker blocks in the configuration name the daemons that are asked.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
