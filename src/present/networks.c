#include <string.h>

#include "put.h"

COLUMN_TEXT(name, network_row, name)
COLUMN_TEXT(status, network_row, status)
COLUMN_TEXT(node, network_row, node)
COLUMN_TEXT(driver, network_row, driver)
COLUMN_TEXT(ipam, network_row, ipam)
COLUMN_TEXT(scope, network_row, scope)
COLUMN_TEXT(identity, network_row, network_id)
COLUMN_LIST(subnets, network_row, subnets)
COLUMN_NUMBER(container_count, network_row, containers)
COLUMN_NUMBER(record_count, network_row, records)
ROW_STATE(state, network_row)

static void containers(const void *row, struct strbuf *out)
{
	put_count(out, container_count(row));
}

static void records(const void *row, struct strbuf *out)
{
	put_count(out, record_count(row));
}

static const struct column columns[] = {
	{ "name", "NETWORK", 8, 28, 1, COLUMN_CUT_MIDDLE, .text = name },
	{ "state", "STATE", 5, 5, 2, COLUMN_STATE, .text = status },
	{ "node", "NODE", 6, 20, 2, COLUMN_CUT_MIDDLE, .text = node },
	{ "driver", "DRIVER", 6, 16, 2, 0, .text = driver },
	{ "scope", "SCOPE", 6, 6, 4, 0, .text = scope },
	{ "containers", "CONTAINERS", 10, 10, 2, COLUMN_RIGHT, .text = containers,
	  .number = container_count },
	{ "others", "OTHERS", 6, 6, 3, COLUMN_RIGHT, .text = records, .number = record_count },
	{ "subnets", "SUBNETS", 9, 0, 3, 0, .text = subnets },
	{ "ipam", "IPAM", 6, 16, 5, COLUMN_WIDE, .text = ipam },
	{ "id", "ID", 12, 64, 6, COLUMN_WIDE, .text = identity },
};

/* Calico's first. */
static int order(const void *a, const void *b)
{
	const struct network_row *left = a, *right = b;
	int difference = (int)right->is_calico - (int)left->is_calico;

	if (!difference)
		difference = present_compare_names(left->name, right->name);
	return difference ? difference : present_compare_names(left->node, right->node);
}

static bool attention(const void *row)
{
	return row_state_needs_attention(state(row));
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	size_t calico = 0;

	for (size_t i = 0; i < snapshot->count; i++)
		calico += ((const struct network_row *)snapshot_row(snapshot, i))->is_calico;
	strbuf_addf(out, "%zu", snapshot->count);
	summary_add(out, calico, "of Calico");
}

static void json(const void *row, struct json *into)
{
	const struct network_row *network = row;

	json_add_str(into, "id", network->network_id);
	json_add_text(into, "name", network->name);
	json_add_text(into, "node", network->node);
	json_add_text(into, "state", network->status);
	json_add_text(into, "driver", network->driver);
	json_add_text(into, "ipam", network->ipam);
	json_add_text(into, "scope", network->scope);
	json_add_bool(into, "calico", network->is_calico);
	json_add_list(into, "subnets", network->subnets);
	json_add_int(into, "containers", network->containers);
	json_add_int(into, "others", network->records);
	json_add_list(into, "endpoints", network->endpoints);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct network_row *network = row;

	(void)model;
	detail_text(out, "network", network->name);
	detail_text(out, "node", network->node);
	detail_fmt(out, "driver", "%s%s", network->driver,
		   network->is_calico ? "   (Calico's)" : "");
	detail_text(out, "IPAM", network->ipam);
	detail_text(out, "scope", network->scope);
	detail_list(out, "subnets", network->subnets);
	detail_text(out, "id", network->network_id);
	detail_heading(out, "Endpoints");
	if (!network->endpoints.count)
		detail_text(out, "", "none");
	detail_list(out, "", network->endpoints);
	if (network->containers + network->records > (int64_t)network->endpoints.count)
		detail_fmt(out, "", "and %lld more",
			   (long long)(network->containers + network->records) -
				   (long long)network->endpoints.count);
}

const struct table networks_table = {
	.model = MODEL_NETWORKS,
	.name = "networks",
	.singular = "network",
	.title = "Docker networks",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "The Docker daemons have no networks.",
	.empty_hint = "docker blocks in the configuration name the daemons that are asked.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
