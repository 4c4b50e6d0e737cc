/* Documents in the form of the API. Members are added in the order of the API's own structs,
 * which is that of calicoctl's JSON. */
#include "binnacle/calico/resource.h"

#include <ctype.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "resource_private.h"

static void add_text(struct json *into, const char *name, const char *text)
{
	if (text && *text)
		json_add_str(into, name, text);
}

static void add_list(struct json *into, const char *name, const struct json_list *list)
{
	const char *const *text = list->items;
	struct json *array;

	if (!list->count)
		return;
	array = json_add_array(into, name);
	for (size_t i = 0; i < list->count; i++)
		json_add_str(array, NULL, text[i]);
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct json_pair *)a)->key, ((const struct json_pair *)b)->key);
}

/* Go writes a map in the order of its keys. */
static void add_pairs(struct json *into, const char *name, const struct json_list *list)
{
	struct json_pair *pairs;
	struct json *object;

	if (!list->count)
		return;
	pairs = xcalloc(list->count, sizeof(*pairs));
	memcpy(pairs, list->items, list->count * sizeof(*pairs));
	qsort(pairs, list->count, sizeof(*pairs), compare_pairs);
	object = json_add_object(into, name);
	for (size_t i = 0; i < list->count; i++)
		json_set(object, pairs[i].key, json_new_str(pairs[i].value));
	free(pairs);
}

static bool is_number(const char *text)
{
	return *text && strspn(text, "0123456789") == strlen(text) && strlen(text) < 10;
}

static void add_number_or_text(struct json *into, const char *name, const char *text)
{
	if (is_number(text))
		json_add_int(into, name, atoi(text));
	else
		json_add_str(into, name, text);
}

static void add_ports(struct json *into, const char *name, const struct json_list *list)
{
	const char *const *text = list->items;
	struct json *array;

	if (!list->count)
		return;
	array = json_add_array(into, name);
	for (size_t i = 0; i < list->count; i++)
		add_number_or_text(array, NULL, text[i]);
}

static void add_side(struct json *rule, const char *name, const struct calico_rule_side *side,
		     enum calico_api api)
{
	struct json *into = json_add_object(rule, name);

	/* API v3 has no tags. */
	if (api == CALICO_API_V1)
		add_text(into, "tag", side->tag);
	add_list(into, "nets", &side->nets);
	add_text(into, "selector", side->selector);
	if (api == CALICO_API_V3 && side->name_space_selector)
		add_text(into, "namespaceSelector", side->name_space_selector);
	add_ports(into, "ports", &side->ports);
	if (api == CALICO_API_V1)
		add_text(into, "notTag", side->not_tag);
	add_list(into, "notNets", &side->not_nets);
	add_text(into, "notSelector", side->not_selector);
	add_ports(into, "notPorts", &side->not_ports);
}

/* API v3 writes "Allow" and "TCP". */
static void add_word(struct json *into, const char *name, const char *word, enum calico_api api,
		     bool all_letters)
{
	struct strbuf text = STRBUF_INIT;

	if (!*word)
		return;
	strbuf_addstr(&text, word);
	for (size_t i = 0; i < text.len && api == CALICO_API_V3; i++)
		if (i == 0 || all_letters)
			text.buf[i] = (char)toupper((unsigned char)text.buf[i]);
	if (strcmp(text.buf, "ICMPV6") == 0 || strcmp(text.buf, "UDPLITE") == 0)
		memcpy(text.buf, *text.buf == 'I' ? "ICMPv6" : "UDPLite", text.len);
	add_number_or_text(into, name, text.buf);
	strbuf_release(&text);
}

static void add_icmp(struct json *rule, const char *name, int64_t type, int64_t code)
{
	struct json *into;

	if (type < 0 && code < 0)
		return;
	into = json_add_object(rule, name);
	if (type >= 0)
		json_add_int(into, "type", type);
	if (code >= 0)
		json_add_int(into, "code", code);
}

static void add_rules(struct json *spec, const char *name, const struct calico_rule_list *list,
		      enum calico_api api)
{
	struct json *array;

	if (!list->count)
		return;
	array = json_add_array(spec, name);
	for (size_t i = 0; i < list->count; i++) {
		const struct calico_rule *rule = &list->rules[i];
		struct json *into = json_add_object(array, NULL);

		add_word(into, "action", rule->action, api, false);
		if (rule->ip_version)
			json_add_int(into, "ipVersion", rule->ip_version);
		add_word(into, "protocol", rule->protocol, api, true);
		add_icmp(into, "icmp", rule->icmp_type, rule->icmp_code);
		add_word(into, "notProtocol", rule->not_protocol, api, true);
		add_icmp(into, "notICMP", rule->not_icmp_type, rule->not_icmp_code);
		add_side(into, "source", &rule->source, api);
		add_side(into, "destination", &rule->destination, api);
	}
}

static struct json *new_resource(const char *kind, const char *version, struct json **metadata,
				 struct json **spec)
{
	struct json *doc = json_new_object();

	json_add_str(doc, "kind", kind);
	json_add_str(doc, "apiVersion", version);
	*metadata = json_add_object(doc, "metadata");
	*spec = json_add_object(doc, "spec");
	return doc;
}

struct json *calico_resource_of_policy(const struct calico_policy *policy, enum calico_api api)
{
	bool v3 = api == CALICO_API_V3;
	const char *slash = policy->name_space ? strchr(policy->name, '/') : NULL;
	struct json *metadata, *spec, *types = NULL;
	struct json *doc = new_resource(!v3                  ? "policy"
					: policy->name_space ? "NetworkPolicy"
							     : "GlobalNetworkPolicy",
					v3 ? "projectcalico.org/v3" : "v1", &metadata, &spec);

	json_add_str(metadata, "name", slash ? slash + 1 : policy->name);
	if (policy->name_space)
		json_add_str(metadata, "namespace", policy->name_space);
	add_pairs(metadata, "annotations", &policy->annotations);
	if (policy->has_order)
		json_add_number(spec, "order", policy->order);
	add_rules(spec, "ingress", &policy->inbound, api);
	add_rules(spec, "egress", &policy->outbound, api);
	if (!v3 || *policy->selector_text)
		json_add_str(spec, "selector", policy->selector_text);
	if (policy->untracked)
		json_add_bool(spec, "doNotTrack", true);
	if (policy->pre_dnat)
		json_add_bool(spec, "preDNAT", true);
	if (policy->ingress || policy->egress)
		types = json_add_array(spec, "types");
	if (policy->ingress)
		json_add_str(types, NULL, v3 ? "Ingress" : "ingress");
	if (policy->egress)
		json_add_str(types, NULL, v3 ? "Egress" : "egress");
	return doc;
}

struct json *calico_resource_of_profile(const struct calico_profile *profile)
{
	struct json *metadata, *spec, *doc = new_resource("profile", "v1", &metadata, &spec);

	json_add_str(metadata, "name", profile->name);
	add_list(metadata, "tags", &profile->tags);
	add_pairs(metadata, "labels", &profile->labels);
	add_rules(spec, "ingress", &profile->inbound, CALICO_API_V1);
	add_rules(spec, "egress", &profile->outbound, CALICO_API_V1);
	return doc;
}

struct json *resource_of_wep(const struct calico_wep *wep)
{
	struct json *metadata, *spec, *list = NULL;
	struct json *doc = new_resource("workloadEndpoint", "v1", &metadata, &spec);
	char text[CALICO_NET_TEXT_BYTES];

	json_add_str(metadata, "name", wep->id.endpoint);
	json_add_str(metadata, "workload", wep->id.workload);
	json_add_str(metadata, "orchestrator", wep->id.orchestrator);
	json_add_str(metadata, "node", wep->id.node);
	add_text(metadata, "activeInstanceID", wep->active_instance_id);
	add_pairs(metadata, "labels", &wep->labels);
	if (wep->net_count)
		list = json_add_array(spec, "ipNetworks");
	for (size_t i = 0; i < wep->net_count; i++)
		json_add_str(list, NULL, calico_net_text_cidr(&wep->nets[i], text));
	if (wep->nat_count)
		list = json_add_array(spec, "ipNATs");
	for (size_t i = 0; i < wep->nat_count; i++) {
		struct json *nat = json_add_object(list, NULL);

		json_add_str(nat, "internalIP", wep->nats[i].internal_ip);
		json_add_str(nat, "externalIP", wep->nats[i].external_ip);
	}
	add_text(spec, "ipv4Gateway", wep->ipv4_gateway);
	add_text(spec, "ipv6Gateway", wep->ipv6_gateway);
	add_list(spec, "profiles", &wep->profiles);
	add_text(spec, "interfaceName", wep->interface_name);
	add_text(spec, "mac", wep->mac);
	return doc;
}

struct json *resource_of_host_endpoint(const struct calico_host_endpoint *hep)
{
	struct json *metadata, *spec, *list = NULL;
	struct json *doc = new_resource("hostEndpoint", "v1", &metadata, &spec);
	const char *const *v4 = hep->expected_ipv4.items, *const *v6 = hep->expected_ipv6.items;

	json_add_str(metadata, "name", hep->name);
	json_add_str(metadata, "node", hep->node);
	add_pairs(metadata, "labels", &hep->labels);
	add_text(spec, "interfaceName", hep->interface_name);
	if (hep->expected_ipv4.count || hep->expected_ipv6.count)
		list = json_add_array(spec, "expectedIPs");
	for (size_t i = 0; i < hep->expected_ipv4.count; i++)
		json_add_str(list, NULL, v4[i]);
	for (size_t i = 0; i < hep->expected_ipv6.count; i++)
		json_add_str(list, NULL, v6[i]);
	add_list(spec, "profiles", &hep->profiles);
	return doc;
}

struct json *resource_of_pool(const struct calico_pool *pool)
{
	struct json *metadata, *spec, *doc = new_resource("ipPool", "v1", &metadata, &spec), *ipip;
	char text[CALICO_NET_TEXT_BYTES];

	json_add_str(metadata, "cidr", calico_net_text_cidr(&pool->cidr, text));
	if (pool->ipip || *pool->ipip_mode) {
		ipip = json_add_object(spec, "ipip");
		if (pool->ipip)
			json_add_bool(ipip, "enabled", true);
		add_text(ipip, "mode", pool->ipip_mode);
	}
	if (pool->masquerade)
		json_add_bool(spec, "nat-outgoing", true);
	if (pool->disabled)
		json_add_bool(spec, "disabled", true);
	return doc;
}

bool resource_bgp_address(const char *address, const char *network, char *out)
{
	struct calico_net net, mask;

	if (!calico_net_parse(&net, address))
		return false;
	if (calico_net_parse(&mask, network) && mask.version == net.version)
		net.bits = mask.bits;
	calico_net_text_cidr(&net, out);
	return true;
}

struct json *resource_of_node(const struct calico_node *node)
{
	struct json *metadata, *spec, *doc = new_resource("node", "v1", &metadata, &spec), *bgp;
	char v4[CALICO_NET_TEXT_BYTES], v6[CALICO_NET_TEXT_BYTES];
	bool has_v4 = resource_bgp_address(node->bgp_ipv4, node->bgp_network_v4, v4);
	bool has_v6 = resource_bgp_address(node->bgp_ipv6, node->bgp_network_v6, v6);

	json_add_str(metadata, "name", node->name);
	if (!has_v4 && !has_v6 && !*node->bgp_as_num)
		return doc;
	bgp = json_add_object(spec, "bgp");
	if (*node->bgp_as_num)
		add_number_or_text(bgp, "asNumber", node->bgp_as_num);
	if (has_v4)
		json_add_str(bgp, "ipv4Address", v4);
	if (has_v6)
		json_add_str(bgp, "ipv6Address", v6);
	return doc;
}
