#include <string.h>

#include "put.h"

#define SHORT_ID_CHARS 12

COLUMN_TEXT(node, endpoint_row, node)
COLUMN_TEXT(status, endpoint_row, status)
COLUMN_TEXT(why, endpoint_row, why)
COLUMN_TEXT(interface, endpoint_row, interface)
COLUMN_TEXT(orchestrator, endpoint_row, orchestrator)
COLUMN_TEXT(identity, endpoint_row, name)
COLUMN_LIST(profiles, endpoint_row, profiles)
COLUMN_SINCE(age, since_ms, endpoint_row, since_ms)
ROW_STATE(state, endpoint_row)

/* The Docker plugin calls every workload "libnetwork": the container's name says more, and
 * where none is known the beginning of Docker's endpoint id at least tells them apart. */
static const char *called(const struct endpoint_row *endpoint, size_t *most)
{
	*most = SIZE_MAX;
	if (*endpoint->container)
		return endpoint->container;
	if (*endpoint->workload && strcmp(endpoint->workload, "libnetwork") != 0)
		return endpoint->workload;
	*most = SHORT_ID_CHARS;
	return endpoint->name;
}

static void workload(const void *row, struct strbuf *out)
{
	size_t most;
	const char *name = called(row, &most);

	strbuf_add(out, name, strnlen(name, most));
}

static bool is_duplicate(const struct endpoint_row *endpoint)
{
	return strcmp(endpoint->status, "DUP") == 0;
}

static enum row_state shown_state(const void *row)
{
	const struct endpoint_row *endpoint = row;
	bool doubtful = is_duplicate(row) || endpoint->labels_missing.count > 0;

	return doubtful && state(row) == STATE_PASS ? STATE_WARN : state(row);
}

static void address(const void *row, struct strbuf *out)
{
	const struct endpoint_row *endpoint = row;

	if (endpoint->addresses.count)
		strbuf_addstr(out, endpoint->addresses.items[0]);
	if (endpoint->addresses.count > 1)
		strbuf_addf(out, " +%zu", endpoint->addresses.count - 1);
}

static void reason(const void *row, struct strbuf *out)
{
	const struct endpoint_row *endpoint = row;

	if (*endpoint->wanted_by)
		strbuf_addf(out, "keeps %s from starting; ", endpoint->wanted_by);
	if (endpoint->labels_missing.count)
		strbuf_addf(out, "label %s never reached it; ", endpoint->labels_missing.items[0]);
	if (*endpoint->conflict && endpoint->state != STATE_STALE)
		strbuf_addstr(out, endpoint->conflict);
	else
		why(row, out);
}

/* So that --filter policies:none finds those that no policy selects. */
static void policies(const void *row, struct strbuf *out)
{
	const struct endpoint_row *endpoint = row;

	if (!endpoint->policies.count)
		strbuf_addstr(out, "none");
	put_list(out, endpoint->policies, ",");
}

static void labels(const void *row, struct strbuf *out)
{
	const struct endpoint_row *endpoint = row;

	put_list(out, endpoint->labels, " ");
	for (size_t i = 0; i < endpoint->labels_missing.count; i++)
		strbuf_addf(out, "%sMISSING %s", out->len ? " " : "",
			    endpoint->labels_missing.items[i]);
}

static const struct column columns[] = {
	{ "workload", "WORKLOAD", 8, 28, 1, COLUMN_CUT_MIDDLE, .text = workload },
	{ "state", "STATE", 5, 5, 1, COLUMN_STATE, .text = status },
	{ "node", "NODE", 6, 16, 2, COLUMN_CUT_MIDDLE, .text = node },
	{ "address", "ADDRESS", 9, 39, 2, 0, .text = address },
	{ "why", "WHY", 10, 0, 2, 0, .text = reason },
	{ "age", "AGE", 4, 4, 3, COLUMN_RIGHT | COLUMN_TIME | COLUMN_AGE, .text = age,
	  .number = since_ms, .number_is_time = true },
	{ "iface", "IFACE", 11, 15, 4, COLUMN_WIDE, .text = interface },
	{ "profile", "PROFILE", 7, 20, 5, COLUMN_WIDE, .text = profiles },
	{ "policies", "POLICIES", 8, 24, 4, COLUMN_WIDE, .text = policies },
	{ "labels", "LABELS", 8, 30, 5, COLUMN_WIDE, .text = labels },
	{ "orch", "ORCH", 6, 10, 6, COLUMN_WIDE, .text = orchestrator },
	{ "id", "ENDPOINT", 8, 64, 6, COLUMN_WIDE | COLUMN_CUT_MIDDLE, .text = identity },
};

static int rank(const struct endpoint_row *endpoint)
{
	if (*endpoint->wanted_by)
		return 0;
	if (endpoint->state == STATE_STALE)
		return 1;
	if (endpoint->state == STATE_HELD)
		return 2;
	if (is_duplicate(endpoint))
		return 3;
	return endpoint->state == STATE_UNKNOWN ? 4 : 5;
}

/* A list of ten thousand is sorted with each change: nothing is copied here. */
static int order(const void *a, const void *b)
{
	const struct endpoint_row *left = a, *right = b;
	int difference = rank(left) - rank(right);
	size_t most;

	if (!difference)
		difference = present_compare_names(left->node, right->node);
	if (!difference)
		difference = present_compare_names(called(left, &most), called(right, &most));
	return difference ? difference : strcmp(left->id, right->id);
}

static bool attention(const void *row)
{
	return ((const struct endpoint_row *)row)->cleanable;
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	static const char *const words[] = {
		"live", "STALE", "ghost", "held", "DUP", "young", "?"
	};
	struct strbuf text = STRBUF_INIT;
	size_t counts[COUNT_OF(words)] = { 0 };

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct endpoint_row *endpoint = snapshot_row(snapshot, i);
		size_t at = 0;

		while (at < COUNT_OF(words) && strcmp(endpoint->status, words[at]) != 0)
			at++;
		if (at < COUNT_OF(words))
			counts[at]++;
	}
	for (size_t at = 0; at < COUNT_OF(words); at++)
		summary_add(&text, counts[at], words[at]);
	strbuf_addstr(out, text.len ? text.buf : "0");
	strbuf_release(&text);
}

static void json(const void *row, struct json *into)
{
	const struct endpoint_row *endpoint = row;

	json_add_str(into, "key", endpoint->id);
	json_add_text(into, "id", endpoint->name);
	json_add_text(into, "container", endpoint->container);
	json_add_text(into, "workload", endpoint->workload);
	json_add_text(into, "orch", endpoint->orchestrator);
	json_add_text(into, "node", endpoint->node);
	json_add_text(into, "state", endpoint->status);
	json_add_text(into, "why", endpoint->why);
	json_add_list(into, "evidence", endpoint->evidence);
	json_add_text(into, "conflict", endpoint->conflict);
	json_add_text(into, "wanted_by", endpoint->wanted_by);
	json_add_bool(into, "cleanable", endpoint->cleanable);
	json_add_bool(into, "address_leaked", endpoint->address_leaked);
	json_add_list(into, "addresses", endpoint->addresses);
	json_add_text(into, "docker_record", endpoint->record);
	json_add_text(into, "iface", endpoint->interface);
	json_add_list(into, "profile", endpoint->profiles);
	json_add_list(into, "labels", endpoint->labels);
	json_add_list(into, "labels_missing", endpoint->labels_missing);
	json_add_list(into, "policies", endpoint->policies);
	json_add_text(into, "traffic", endpoint->traffic);
	json_add_int(into, "created_index", endpoint->created_index);
	json_add_int(into, "modified_index", endpoint->modified_index);
	json_add_time(into, "since", endpoint->since_ms);
	json_add_text(into, "document", endpoint->document);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct endpoint_row *endpoint = row;
	const struct member *member =
		snapshot_find(model_current(model, MODEL_MEMBERS), endpoint->node);

	detail_fmt(out, "state", "%s   %s", endpoint->status, endpoint->why);
	detail_since(out, "since", endpoint->since_ms);
	detail_text(out, "conflict", endpoint->conflict);
	if (*endpoint->wanted_by)
		detail_fmt(out, "in the way", "%s cannot start because of it", endpoint->wanted_by);
	detail_text(out, "container", endpoint->container);
	detail_fmt(out, "workload", "%s / %s", endpoint->orchestrator, endpoint->workload);
	detail_fmt(out, "node", "%s%s%s%s", endpoint->node, member ? "   (Consul: " : "",
		   member ? member->status : "", member ? ")" : "");
	detail_list(out, "address", endpoint->addresses);
	detail_text(out, "interface", endpoint->interface);
	detail_list(out, "profiles", endpoint->profiles);
	detail_list(out, "labels", endpoint->labels);
	if (endpoint->labels_missing.count) {
		detail_list(out, "MISSING", endpoint->labels_missing);
		detail_text(out, "",
			    "its container has these labels, the endpoint does not: policies by "
			    "them do not select it");
	}
	if (endpoint->policies.count)
		detail_list(out, "policies", endpoint->policies);
	else
		detail_text(out, "selected by", "no policy");
	detail_text(out, "traffic", endpoint->traffic);
	detail_text(out, "endpoint id", endpoint->name);
	detail_text(out, "key", endpoint->id);
	detail_fmt(out, "revision", "%lld", (long long)endpoint->modified_index);
	if (*endpoint->record)
		detail_fmt(out, "Docker record", "%s in network %s", endpoint->record,
			   endpoint->record_network);
	detail_heading(out, "Evidence");
	detail_list(out, "", endpoint->evidence);
	detail_heading(out, "Removal");
	if (endpoint->cleanable)
		detail_text(out, "",
			    endpoint->address_leaked
				    ? "allowed; its address can be given back with it"
				    : "allowed; its address is not given back");
	else
		detail_text(out, "", "not offered: there is no full evidence that it is left over");
}

const struct table endpoints_table = {
	.model = MODEL_ENDPOINTS,
	.name = "endpoints",
	.singular = "endpoint",
	.title = "Endpoints",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = shown_state,
	.attention = attention,
	.order = order,
	.empty = "Calico has no workload endpoints.",
	.empty_hint = "A container on a Calico network makes one.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
