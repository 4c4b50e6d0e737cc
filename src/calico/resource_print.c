/* What `calicoctl get` prints. Its tables come from Go's tabwriter: each cell is as wide as the
 * widest of its column and three blanks, the last one too; an empty line follows. */
#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/base/yaml.h"
#include "resource_private.h"

#define CELL_PADDING 3
#define CELL_LEAST   5 /* with its padding */
#define COLUMNS_MAX  24

struct printing {
	const struct calico_state *state;
	const struct calico_print_filter *filter;
};

/* How many there are, which are wanted (what cannot be read is in no list), and how one is
 * written. ORDER KIND */
struct kind_row {
	const char *words; /* blank-separated, small letters; the first is the error's */
	const char *headings, *wide_headings, *more_headings; /* more: only when asked for */
	size_t (*count)(const struct calico_state *state);
	bool (*wanted)(const struct printing *printing, size_t index);
	struct json *(*document)(const struct printing *printing, size_t index);
	/* A cell: the text of a heading. */
	void (*cell)(const struct printing *printing, size_t index, const char *heading,
		     struct strbuf *out);
};

static bool is_named(const struct printing *printing, const char *name, const char *node)
{
	const struct calico_print_filter *filter = printing->filter;

	if (filter && filter->name && strcmp(filter->name, name) != 0)
		return false;
	return !filter || !filter->node || !node || strcmp(filter->node, node) == 0;
}

static void join(struct strbuf *out, const struct json_list *list)
{
	const char *const *text = list->items;

	for (size_t i = 0; i < list->count; i++)
		strbuf_addf(out, "%s%s", i ? "," : "", text[i]);
}

static size_t wep_count(const struct calico_state *state)
{
	return state->wep_count;
}

static bool wep_wanted(const struct printing *printing, size_t index)
{
	const struct calico_wep *wep = &printing->state->weps[index];

	return !wep->problem && is_named(printing, wep->id.endpoint, wep->id.node);
}

static struct json *wep_document(const struct printing *printing, size_t index)
{
	return resource_of_wep(&printing->state->weps[index]);
}

/* A part of a key, counted from its end: what follows the last slash, the one before it. */
static const char *key_part(const char *key, int from_end)
{
	const char *at = key + strlen(key);

	while (at > key && (at[-1] != '/' || --from_end > 0))
		at--;
	return at;
}

static void wep_cell(const struct printing *printing, size_t index, const char *heading,
		     struct strbuf *out)
{
	const struct calico_wep *wep = &printing->state->weps[index];
	char text[CALICO_NET_TEXT_BYTES];

	if (strcmp(heading, "NODE") == 0)
		strbuf_addstr(out, wep->id.node);
	else if (strcmp(heading, "NAMESPACE") == 0)
		strbuf_add(out, key_part(wep->key, 2), strcspn(key_part(wep->key, 2), "/"));
	else if (strcmp(heading, "NAME") == 0 && printing->state->api == CALICO_API_V3)
		strbuf_addstr(out, key_part(wep->key, 1));
	else if (strcmp(heading, "ORCHESTRATOR") == 0)
		strbuf_addstr(out, wep->id.orchestrator);
	else if (strcmp(heading, "WORKLOAD") == 0)
		strbuf_addstr(out, wep->id.workload);
	else if (strcmp(heading, "NAME") == 0)
		strbuf_addstr(out, wep->id.endpoint);
	else if (strcmp(heading, "INTERFACE") == 0)
		strbuf_addstr(out, wep->interface_name);
	else if (strcmp(heading, "PROFILES") == 0)
		join(out, &wep->profiles);
	else if (strcmp(heading, "MAC") == 0)
		strbuf_addstr(out, *wep->mac ? wep->mac : "<nil>");
	else if (text_ends_with(heading, "GATEWAY")) /* of both versions, as calicoctl has it */
		strbuf_addstr(out, *wep->ipv4_gateway ? wep->ipv4_gateway : "<nil>");
	else if (strcmp(heading, "NETWORKS") == 0)
		for (size_t i = 0; i < wep->net_count; i++)
			strbuf_addf(out, "%s%s", i ? "," : "",
				    calico_net_text_cidr(&wep->nets[i], text));
	else if (strcmp(heading, "NATS") == 0)
		for (size_t i = 0; i < wep->nat_count; i++)
			strbuf_addf(out, "%s%s<>%s", i ? "," : "", wep->nats[i].internal_ip,
				    wep->nats[i].external_ip);
}

static size_t hep_count(const struct calico_state *state)
{
	return state->host_endpoint_count;
}

static bool hep_wanted(const struct printing *printing, size_t index)
{
	const struct calico_host_endpoint *hep = &printing->state->host_endpoints[index];

	return !hep->problem && is_named(printing, hep->name, hep->node);
}

static struct json *hep_document(const struct printing *printing, size_t index)
{
	return resource_of_host_endpoint(&printing->state->host_endpoints[index]);
}

static void hep_cell(const struct printing *printing, size_t index, const char *heading,
		     struct strbuf *out)
{
	const struct calico_host_endpoint *hep = &printing->state->host_endpoints[index];

	if (strcmp(heading, "NODE") == 0) {
		strbuf_addstr(out, hep->node);
	} else if (strcmp(heading, "NAME") == 0) {
		strbuf_addstr(out, hep->name);
	} else if (strcmp(heading, "INTERFACE") == 0) {
		strbuf_addstr(out, hep->interface_name ? hep->interface_name : "");
	} else if (strcmp(heading, "PROFILES") == 0) {
		join(out, &hep->profiles);
	} else if (strcmp(heading, "IPS") == 0) {
		join(out, &hep->expected_ipv4);
		if (hep->expected_ipv4.count && hep->expected_ipv6.count)
			strbuf_addch(out, ',');
		join(out, &hep->expected_ipv6);
	}
}

static int compare_policies(const void *a, const void *b)
{
	return strcmp((*(const struct calico_policy *const *)a)->key,
		      (*(const struct calico_policy *const *)b)->key);
}

/* The state has them in the order in which they are tried, calicoctl in that of their keys. */
static const struct calico_policy *policy_at(const struct printing *printing, size_t index)
{
	const struct calico_state *state = printing->state;
	const struct calico_policy **sorted = xcalloc(state->policy_count + 1, sizeof(*sorted)),
				   *policy;

	for (size_t i = 0; i < state->policy_count; i++)
		sorted[i] = &state->policies[i];
	qsort(sorted, state->policy_count, sizeof(*sorted), compare_policies);
	policy = sorted[index];
	free(sorted);
	return policy;
}

static size_t policy_count(const struct calico_state *state)
{
	return state->policy_count;
}

static bool policy_wanted(const struct printing *printing, size_t index)
{
	const struct calico_policy *policy = policy_at(printing, index);

	return !policy->problem && is_named(printing, policy->name, NULL);
}

static struct json *policy_document(const struct printing *printing, size_t index)
{
	return calico_resource_of_policy(policy_at(printing, index), CALICO_API_V1);
}

/* As Go's %v writes a float: the fewest digits that give the same number back. */
static void put_order(struct strbuf *out, double order)
{
	char text[40];
	double magnitude = order < 0 ? -order : order;

	for (int digits = 1; digits <= 17; digits++) {
		snprintf(text, sizeof(text), "%.*e", digits - 1, order);
		if (strtod(text, NULL) == order)
			break;
	}
	if (magnitude == 0 || (magnitude >= 1e-4 && magnitude < 1e6)) {
		for (int digits = 1; digits <= 17; digits++) {
			snprintf(text, sizeof(text), "%.*g", digits < 6 ? 6 : digits, order);
			if (strtod(text, NULL) == order)
				break;
		}
	}
	strbuf_addstr(out, text);
}

static void policy_cell(const struct printing *printing, size_t index, const char *heading,
			struct strbuf *out)
{
	const struct calico_policy *policy = policy_at(printing, index);

	if (strcmp(heading, "NAME") == 0)
		strbuf_addstr(out, policy->name);
	else if (strcmp(heading, "SELECTOR") == 0)
		strbuf_addstr(out, policy->selector_text);
	else if (!policy->has_order)
		strbuf_addstr(out, "<nil>");
	else
		put_order(out, policy->order);
}

static size_t profile_count(const struct calico_state *state)
{
	return state->profile_count;
}

static bool profile_wanted(const struct printing *printing, size_t index)
{
	const struct calico_profile *profile = &printing->state->profiles[index];

	return !profile->problem && is_named(printing, profile->name, NULL);
}

static struct json *profile_document(const struct printing *printing, size_t index)
{
	return calico_resource_of_profile(&printing->state->profiles[index]);
}

static void profile_cell(const struct printing *printing, size_t index, const char *heading,
			 struct strbuf *out)
{
	const struct calico_profile *profile = &printing->state->profiles[index];

	if (strcmp(heading, "NAME") == 0)
		strbuf_addstr(out, profile->name);
	else
		join(out, &profile->tags);
}

static size_t pool_count(const struct calico_state *state)
{
	return state->pool_count;
}

static bool pool_wanted(const struct printing *printing, size_t index)
{
	const struct calico_pool *pool = &printing->state->pools[index];
	char text[CALICO_NET_TEXT_BYTES];

	return !pool->problem && is_named(printing, calico_net_text_cidr(&pool->cidr, text), NULL);
}

static struct json *pool_document(const struct printing *printing, size_t index)
{
	return resource_of_pool(&printing->state->pools[index]);
}

static void pool_cell(const struct printing *printing, size_t index, const char *heading,
		      struct strbuf *out)
{
	const struct calico_pool *pool = &printing->state->pools[index];
	char text[CALICO_NET_TEXT_BYTES];

	if (strcmp(heading, "CIDR") == 0)
		strbuf_addstr(out, calico_net_text_cidr(&pool->cidr, text));
	else if (strcmp(heading, "NAT") == 0)
		strbuf_addstr(out, pool->masquerade ? "true" : "false");
	else
		strbuf_addstr(out, pool->ipip ? "true" : "false");
}

static size_t node_count(const struct calico_state *state)
{
	return state->node_count;
}

static bool node_wanted(const struct printing *printing, size_t index)
{
	return is_named(printing, printing->state->nodes[index].name, NULL);
}

static struct json *node_document(const struct printing *printing, size_t index)
{
	return resource_of_node(&printing->state->nodes[index]);
}

static void node_cell(const struct printing *printing, size_t index, const char *heading,
		      struct strbuf *out)
{
	const struct calico_node *node = &printing->state->nodes[index];
	const char *global = printing->state->bgp_as_num;
	char v4[CALICO_NET_TEXT_BYTES], v6[CALICO_NET_TEXT_BYTES];
	bool has_v4 = resource_bgp_address(node->bgp_ipv4, node->bgp_network_v4, v4);
	bool has_v6 = resource_bgp_address(node->bgp_ipv6, node->bgp_network_v6, v6);

	if (strcmp(heading, "NAME") == 0)
		strbuf_addstr(out, node->name);
	else if (strcmp(heading, "IPV4") == 0)
		strbuf_addstr(out, has_v4 ? v4 : "");
	else if (strcmp(heading, "IPV6") == 0)
		strbuf_addstr(out, has_v6 ? v6 : "");
	else if (*node->bgp_as_num)
		strbuf_addstr(out, node->bgp_as_num);
	else if (has_v4 || has_v6)
		strbuf_addf(out, "(%s)", *global ? global : "64512");
}

/* ORDER KIND */
static const struct kind_row kinds[CALICO_KIND_COUNT] = {
	[CALICO_KIND_WEP] = { "workloadendpoint workloadendpoints wep weps",
			      "NODE ORCHESTRATOR WORKLOAD NAME",
			      "NODE ORCHESTRATOR WORKLOAD NAME NETWORKS NATS INTERFACE PROFILES",
			      "IPV4GATEWAY IPV6GATEWAY MAC", wep_count, wep_wanted, wep_document,
			      wep_cell },
	[CALICO_KIND_HOST_ENDPOINT] = { "hostendpoint hostendpoints hep heps", "NODE NAME",
					"NODE NAME INTERFACE IPS PROFILES", "", hep_count,
					hep_wanted, hep_document, hep_cell },
	[CALICO_KIND_POLICY] = { "policy policies pol pols", "NAME", "NAME ORDER SELECTOR", "",
				 policy_count, policy_wanted, policy_document, policy_cell },
	[CALICO_KIND_PROFILE] = { "profile profiles pro pros", "NAME", "NAME TAGS", "",
				  profile_count, profile_wanted, profile_document, profile_cell },
	[CALICO_KIND_POOL] = { "ippool ippools ipp ipps pool pools", "CIDR", "CIDR NAT IPIP", "",
			       pool_count, pool_wanted, pool_document, pool_cell },
	[CALICO_KIND_NODE] = { "node nodes no nos", "NAME", "NAME ASN IPV4 IPV6", "", node_count,
			       node_wanted, node_document, node_cell },
};

bool calico_kind_parse(const char *word, enum calico_kind *kind, struct err *err)
{
	size_t len = strlen(word);

	for (int i = 0; i < CALICO_KIND_COUNT; i++) {
		for (const char *at = kinds[i].words; *at;) {
			size_t next = strcspn(at, " ");

			if (next == len && strncasecmp(at, word, len) == 0) {
				*kind = (enum calico_kind)i;
				return true;
			}
			at += next;
			at += strspn(at, " ");
		}
	}
	return err_set(err, ERR_INPUT, "Resource type '%s' is not supported", word);
}

bool calico_print_parse(const char *word, enum calico_print *form, struct err *err)
{
	static const char *const words[] = { "ps", "wide", "yaml", "json" };

	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(words[i], word) != 0)
			continue;
		*form = (enum calico_print)i;
		return true;
	}
	*form = CALICO_PRINT_COLUMNS;
	return text_starts_with(word, "custom-columns=") ||
	       err_set(err, ERR_INPUT, "unrecognized output format '%s'", word);
}

/* Is a heading one of a blank-separated list? */
static bool has_heading(const char *list, const char *heading, size_t len)
{
	while (*list) {
		size_t next = strcspn(list, " ");

		if (next == len && memcmp(list, heading, len) == 0)
			return true;
		list += next;
		list += strspn(list, " ");
	}
	return false;
}

bool calico_print_has_columns(enum calico_kind kind, const char *columns, struct err *err)
{
	const struct kind_row *row = &kinds[kind];
	size_t count = 0;

	for (const char *at = columns; *at || at == columns; at += *at == ',') {
		size_t len = strcspn(at, ",");

		if (++count > COLUMNS_MAX)
			return err_set(err, ERR_INPUT, "more than %d columns", COLUMNS_MAX);
		if (!has_heading(row->wide_headings, at, len) &&
		    !has_heading(row->more_headings, at, len))
			return err_set(err, ERR_INPUT,
				       "Unknown heading %.*s, valid values are: %s%s%s",
				       (int)(len < 40 ? len : 40), at, row->wide_headings,
				       *row->more_headings ? " " : "", row->more_headings);
		at += len;
	}
	return true;
}

static size_t split_headings(const char *headings, char names[][16])
{
	size_t count = 0;

	while (*headings) {
		size_t len = strcspn(headings, " ,");

		snprintf(names[count++], 16, "%.*s", (int)len, headings);
		headings += len;
		headings += strspn(headings, " ,");
	}
	return count;
}

/* Runes, as the tabwriter counts: the bytes that begin one. */
static size_t runes_in(const char *text)
{
	size_t count = 0;

	for (; *text; text++)
		count += ((unsigned char)*text & 0xc0) != 0x80;
	return count;
}

static void print_table(struct strbuf *out, const struct printing *printing,
			const struct kind_row *kind, const char *headings)
{
	char names[COLUMNS_MAX][16];
	size_t columns = split_headings(headings, names), total = kind->count(printing->state);
	size_t widths[COUNT_OF(names)] = { 0 }, rows = 1;
	char **cells = xcalloc((total + 1) * columns, sizeof(*cells));
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < columns; i++)
		cells[i] = xstrdup(names[i]);
	for (size_t i = 0; i < total; i++) {
		if (!kind->wanted(printing, i))
			continue;
		for (size_t j = 0; j < columns; j++) {
			strbuf_reset(&text);
			kind->cell(printing, i, names[j], &text);
			cells[rows * columns + j] = xstrdup(text.buf);
		}
		rows++;
	}
	for (size_t i = 0; i < rows * columns; i++) {
		size_t width = runes_in(cells[i]) + CELL_PADDING;

		width = width < CELL_LEAST ? CELL_LEAST : width;
		if (width > widths[i % columns])
			widths[i % columns] = width;
	}
	for (size_t i = 0; i < rows * columns; i++) {
		strbuf_addstr(out, cells[i]);
		strbuf_addchars(out, ' ', widths[i % columns] - runes_in(cells[i]));
		if (i % columns == columns - 1)
			strbuf_addch(out, '\n');
		free(cells[i]);
	}
	strbuf_addch(out, '\n');
	strbuf_release(&text);
	free(cells);
}

/* Go's JSON writes what HTML would take for its own as an escape. */
static void add_escaped(struct strbuf *out, const struct strbuf *json)
{
	for (size_t i = 0; i < json->len; i++) {
		char c = json->buf[i];

		if (c == '<' || c == '>' || c == '&')
			strbuf_addf(out, "\\u%04x", (unsigned)c);
		else
			strbuf_addch(out, c);
	}
}

static const char *headings_of(const struct calico_state *state, const struct kind_row *row,
			       enum calico_print form)
{
	bool wide = form == CALICO_PRINT_WIDE;

	if (state->api == CALICO_API_V3 && row == &kinds[CALICO_KIND_WEP])
		return wide ? "NAMESPACE NAME WORKLOAD NODE NETWORKS INTERFACE PROFILES NATS"
			    : "NAMESPACE WORKLOAD NODE NETWORKS INTERFACE";
	return wide ? row->wide_headings : row->headings;
}

void calico_print(struct strbuf *out, const struct calico_state *state, enum calico_kind kind,
		  enum calico_print form, const struct calico_print_filter *filter)
{
	const struct printing printing = { state, filter };
	const struct kind_row *row = &kinds[kind];
	struct strbuf text = STRBUF_INIT;
	struct json *list;

	assert(kind < CALICO_KIND_COUNT);
	if (form == CALICO_PRINT_COLUMNS) {
		print_table(out, &printing, row, filter->columns);
		return;
	}
	if (form == CALICO_PRINT_PLAIN || form == CALICO_PRINT_WIDE) {
		print_table(out, &printing, row, headings_of(state, row, form));
		return;
	}
	list = json_new_array();
	for (size_t i = 0; i < row->count(state); i++)
		if (row->wanted(&printing, i))
			json_add(list, NULL, row->document(&printing, i));
	if (form == CALICO_PRINT_YAML) {
		yaml_write(out, list);
	} else {
		json_print_pretty(&text, list);
		add_escaped(out, &text);
		strbuf_addch(out, '\n');
	}
	strbuf_release(&text);
	json_free(list);
}
