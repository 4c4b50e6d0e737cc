/*
 * The values of API v3: {"kind","apiVersion","metadata":{…},"spec":{…}}. They are read into the
 * same structs as those of API v1, and in its words, so that nobody else has to know.
 *
 * Reference: calico v3.x, lib/apis/v3.
 */
#include <ctype.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/calico/ipam.h"
#include "binnacle/calico/policy.h"
#include "binnacle/calico/workload_endpoint.h"
#include "resource_v3.h"

struct resource {
	struct json *doc;
	const struct json *metadata, *spec;
};

static bool open_resource(struct resource *resource, const char *value, const char *kind,
			  struct err *err)
{
	*resource = (struct resource){ .doc = json_parse(value, strlen(value), err) };
	if (!resource->doc)
		return false;
	resource->metadata = json_member(resource->doc, "metadata");
	resource->spec = json_member(resource->doc, "spec");
	if (json_is_object(resource->metadata) && json_is_object(resource->spec) &&
	    strcmp(json_as_str(json_member(resource->doc, "kind"), ""), kind) == 0)
		return true;
	json_free(resource->doc);
	return err_set(err, ERR_FORMAT, "the value is not a %s", kind);
}

static const char *text_of(const struct json *value, struct arena *arena)
{
	struct strbuf number = STRBUF_INIT;
	const char *text;

	if (!json_is_number(value))
		return arena_strdup(arena, json_as_str(value, ""));
	json_print(&number, value);
	text = arena_strdup(arena, number.buf);
	strbuf_release(&number);
	return text;
}

static const char *member(const struct json *doc, const char *name, struct arena *arena)
{
	return text_of(json_member(doc, name), arena);
}

/* "Allow" is "allow", "TCP" is "tcp". */
static const char *lower_member(const struct json *doc, const char *name, struct arena *arena)
{
	char *text = arena_strdup(arena, member(doc, name, arena));

	for (char *p = text; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	return text;
}

static struct json_list texts_of(const struct json *list, struct arena *arena)
{
	const char **items = arena_alloc(arena, (json_count(list) + 1) * sizeof(*items));
	size_t count = 0;

	if (!json_is_array(list))
		return (struct json_list){ items, 0 };
	JSON_EACH(item, list)
	{
		items[count++] = text_of(item, arena);
	}
	return (struct json_list){ items, count };
}

static struct json_list pairs_of(const struct json *object, struct arena *arena)
{
	struct json_pair *pairs = arena_alloc(arena, (json_count(object) + 1) * sizeof(*pairs));
	size_t count = 0;

	if (!json_is_object(object))
		return (struct json_list){ pairs, 0 };
	JSON_EACH(item, object)
	{
		pairs[count].key = arena_strdup(arena, json_key(item));
		pairs[count++].value = arena_strdup(arena, json_as_str(item, ""));
	}
	return (struct json_list){ pairs, count };
}

/* ---- endpoints ---- */

/* IPv4 first, as they stand in API v1. */
static bool read_nets(struct calico_wep *wep, const struct json *list, struct arena *arena,
		      struct err *err)
{
	struct calico_net *nets = arena_alloc(arena, (json_count(list) + 1) * sizeof(*nets));
	size_t count = 0;

	if (!json_is_null(list) && !json_is_array(list))
		return err_set(err, ERR_FORMAT, "ipNetworks is not a list");
	for (uint8_t version = 4; version <= 6; version += 2) {
		JSON_EACH(item, list)
		{
			const char *text = json_as_str(item, "");
			struct calico_net net;

			if (!calico_net_parse(&net, text))
				return err_set(err, ERR_FORMAT,
					       "ipNetworks has \"%.60s\", not a network", text);
			if (net.version == version)
				nets[count++] = net;
		}
	}
	wep->nets = nets;
	wep->net_count = count;
	return true;
}

static void read_nats(struct calico_wep *wep, const struct json *list, struct arena *arena)
{
	struct calico_nat *nats = arena_alloc(arena, (json_count(list) + 1) * sizeof(*nats));

	JSON_EACH(item, list)
	{
		nats[wep->nat_count].internal_ip = member(item, "internalIP", arena);
		nats[wep->nat_count++].external_ip = member(item, "externalIP", arena);
	}
	wep->nats = nats;
}

/* The key says who the endpoint is, and so does the spec; when the two do not agree, something
 * has been written by hand, and nobody knows who it is. */
static bool is_same(const struct calico_wep_id *id, const struct resource *resource,
		    struct err *err)
{
	const struct {
		const char *what, *in_key, *in_value;
	} pairs[] = {
		{ "namespace", id->name_space, json_str(resource->metadata, "namespace", "") },
		{ "node", id->node, json_str(resource->spec, "node", "") },
		{ "orchestrator", id->orchestrator, json_str(resource->spec, "orchestrator", "") },
		{ "endpoint", id->endpoint, json_str(resource->spec, "endpoint", "") },
	};

	for (size_t i = 0; i < COUNT_OF(pairs); i++)
		if (strcmp(pairs[i].in_key, pairs[i].in_value) != 0)
			return err_set(err, ERR_FORMAT,
				       "the key is of %s \"%.80s\", the value of \"%.80s\"",
				       pairs[i].what, pairs[i].in_key, pairs[i].in_value);
	return true;
}

bool calico_wep_decode_v3(struct calico_wep *wep, const char *value, struct arena *arena,
			  struct err *err)
{
	struct resource resource;
	bool ok;

	wep->state = wep->interface_name = wep->mac = wep->active_instance_id = "";
	wep->ipv4_gateway = wep->ipv6_gateway = "";
	if (!wep->felix_status)
		wep->felix_status = "";
	if (!open_resource(&resource, value, "WorkloadEndpoint", err))
		return false;
	ok = is_same(&wep->id, &resource, err) &&
	     read_nets(wep, json_member(resource.spec, "ipNetworks"), arena, err);
	if (ok) {
		wep->state = "active";
		wep->interface_name = member(resource.spec, "interfaceName", arena);
		wep->mac = member(resource.spec, "mac", arena);
		wep->ipv4_gateway = member(resource.spec, "ipv4Gateway", arena);
		wep->ipv6_gateway = member(resource.spec, "ipv6Gateway", arena);
		wep->profiles = texts_of(json_member(resource.spec, "profiles"), arena);
		wep->labels = pairs_of(json_member(resource.metadata, "labels"), arena);
		read_nats(wep, json_member(resource.spec, "ipNATs"), arena);
	}
	json_free(resource.doc);
	return ok;
}

bool calico_host_endpoint_decode_v3(struct calico_host_endpoint *hep, const char *value,
				    struct arena *arena, struct err *err)
{
	const char **v4, **v6;
	struct json_list all;
	struct resource resource;

	hep->interface_name = "";
	if (!open_resource(&resource, value, "HostEndpoint", err))
		return false;
	hep->node = member(resource.spec, "node", arena);
	hep->interface_name = member(resource.spec, "interfaceName", arena);
	hep->profiles = texts_of(json_member(resource.spec, "profiles"), arena);
	hep->labels = pairs_of(json_member(resource.metadata, "labels"), arena);
	all = texts_of(json_member(resource.spec, "expectedIPs"), arena);
	v4 = arena_alloc(arena, (all.count + 1) * sizeof(*v4));
	v6 = arena_alloc(arena, (all.count + 1) * sizeof(*v6));
	hep->expected_ipv4.items = v4;
	hep->expected_ipv6.items = v6;
	for (size_t i = 0; i < all.count; i++) {
		const char *text = ((const char *const *)all.items)[i];

		if (strchr(text, ':'))
			v6[hep->expected_ipv6.count++] = text;
		else
			v4[hep->expected_ipv4.count++] = text;
	}
	json_free(resource.doc);
	return true;
}

/* ---- policies and profiles ---- */

static void decode_side(struct calico_rule_side *out, const struct json *doc, struct arena *arena)
{
	out->tag = out->not_tag = "";
	out->selector = member(doc, "selector", arena);
	out->not_selector = member(doc, "notSelector", arena);
	out->nets = texts_of(json_member(doc, "nets"), arena);
	out->not_nets = texts_of(json_member(doc, "notNets"), arena);
	out->ports = texts_of(json_member(doc, "ports"), arena);
	out->not_ports = texts_of(json_member(doc, "notPorts"), arena);
	out->name_space_selector = member(doc, "namespaceSelector", arena);
}

static void decode_rule(struct calico_rule *rule, const struct json *doc, struct arena *arena)
{
	const struct json *icmp = json_member(doc, "icmp"), *not_icmp = json_member(doc, "notICMP");

	rule->action = lower_member(doc, "action", arena);
	if (!*rule->action)
		rule->action = "allow";
	rule->ip_version = json_as_int(json_member(doc, "ipVersion"), 0);
	rule->protocol = lower_member(doc, "protocol", arena);
	rule->not_protocol = lower_member(doc, "notProtocol", arena);
	rule->icmp_type = json_as_int(json_member(icmp, "type"), -1);
	rule->icmp_code = json_as_int(json_member(icmp, "code"), -1);
	rule->not_icmp_type = json_as_int(json_member(not_icmp, "type"), -1);
	rule->not_icmp_code = json_as_int(json_member(not_icmp, "code"), -1);
	rule->log_prefix = "";
	decode_side(&rule->source, json_member(doc, "source"), arena);
	decode_side(&rule->destination, json_member(doc, "destination"), arena);
}

static bool decode_rules(struct calico_rule_list *out, const struct json *spec, const char *name,
			 struct arena *arena, struct err *err)
{
	const struct json *list = json_member(spec, name);
	struct calico_rule *rules;
	size_t count = 0;

	if (json_is_null(list))
		return true;
	if (!json_is_array(list))
		return err_set(err, ERR_FORMAT, "%s is not a list", name);
	rules = arena_alloc(arena, (json_count(list) + 1) * sizeof(*rules));
	JSON_EACH(item, list)
	{
		if (!json_is_object(item))
			return err_set(err, ERR_FORMAT, "%s[%zu] is not an object", name, count);
		decode_rule(&rules[count++], item, arena);
	}
	*out = (struct calico_rule_list){ rules, count };
	return true;
}

static bool decode_types(struct calico_policy *policy, const struct json *types, struct err *err)
{
	policy->ingress = policy->egress = json_is_null(types);
	JSON_EACH(type, types)
	{
		const char *name = json_as_str(type, "");

		if (strcmp(name, "Ingress") == 0)
			policy->ingress = true;
		else if (strcmp(name, "Egress") == 0)
			policy->egress = true;
		else
			return err_set(err, ERR_FORMAT, "types has \"%.40s\", not a direction",
				       name);
	}
	return true;
}

static bool decode_policy(struct calico_policy *policy, const struct resource *resource,
			  struct arena *arena, struct err *err)
{
	/* What else later versions select by: then the selector alone says too much. */
	static const char *const others[] = { "namespaceSelector", "serviceAccountSelector" };
	const struct json *spec = resource->spec, *order = json_member(spec, "order");
	struct err broken = { 0 };

	policy->has_order = json_is_number(order);
	policy->order = json_as_number(order, 0);
	policy->selector_text = member(spec, "selector", arena);
	policy->selector =
		calico_selector_parse_as(CALICO_API_V3, policy->selector_text, arena, &broken);
	for (size_t i = 0; i < COUNT_OF(others) && policy->selector; i++) {
		if (json_is_null(json_member(spec, others[i])))
			continue;
		err_set(&broken, ERR_FORMAT, "it also has a %s, which is not understood here",
			others[i]);
		policy->selector = NULL;
	}
	if (!policy->selector)
		policy->selector_problem = arena_strdup(arena, broken.msg);
	policy->untracked = json_bool(spec, "doNotTrack", false);
	policy->pre_dnat = json_bool(spec, "preDNAT", false);
	policy->annotations = pairs_of(json_member(resource->metadata, "annotations"), arena);
	return decode_types(policy, json_member(spec, "types"), err) &&
	       decode_rules(&policy->inbound, spec, "ingress", arena, err) &&
	       decode_rules(&policy->outbound, spec, "egress", arena, err);
}

bool calico_policy_decode_v3(struct calico_policy *policy, const char *value, struct arena *arena,
			     struct err *err)
{
	const char *kind = policy->name_space ? "NetworkPolicy" : "GlobalNetworkPolicy";
	struct resource resource;
	bool ok;

	policy->selector_text = "";
	if (!open_resource(&resource, value, kind, err))
		return false;
	ok = decode_policy(policy, &resource, arena, err);
	if (!ok)
		policy->selector = NULL;
	json_free(resource.doc);
	return ok;
}

bool calico_profile_decode_v3(struct calico_profile *profile, const char *value,
			      struct arena *arena, struct err *err)
{
	struct resource resource;
	bool ok;

	if (!open_resource(&resource, value, "Profile", err))
		return false;
	profile->labels = pairs_of(json_member(resource.spec, "labelsToApply"), arena);
	ok = decode_rules(&profile->inbound, resource.spec, "ingress", arena, err) &&
	     decode_rules(&profile->outbound, resource.spec, "egress", arena, err);
	json_free(resource.doc);
	return ok;
}

/* ---- pools, nodes, the cluster ---- */

bool calico_pool_decode_v3(struct calico_pool *pool, const char *value, struct arena *arena,
			   struct err *err)
{
	struct resource resource;
	const char *cidr, *mode;
	bool ok;

	(void)arena;
	pool->ipip_mode = "";
	if (!open_resource(&resource, value, "IPPool", err))
		return false;
	cidr = json_str(resource.spec, "cidr", "");
	ok = calico_net_parse(&pool->cidr, cidr);
	if (!ok)
		err_set(err, ERR_FORMAT, "cidr \"%.60s\" is not a network", cidr);
	mode = json_str(resource.spec, "ipipMode", "");
	pool->ipip = strcmp(mode, "Always") == 0 || strcmp(mode, "CrossSubnet") == 0;
	if (pool->ipip)
		pool->ipip_mode = *mode == 'A' ? "always" : "cross-subnet";
	pool->masquerade = json_bool(resource.spec, "natOutgoing", false);
	pool->disabled = json_bool(resource.spec, "disabled", false);
	json_free(resource.doc);
	return ok;
}

/* "192.0.2.11/24" without the mask. */
static const char *plain_address(const char *text, struct arena *arena)
{
	return arena_strndup(arena, text, strcspn(text, "/"));
}

void v3_node_decode(struct calico_node *node, const char *value, struct arena *arena)
{
	struct resource resource;
	struct err err = { 0 };

	if (!open_resource(&resource, value, "Node", &err))
		return;
	node->bgp_network_v4 = text_of(json_get(resource.spec, "bgp.ipv4Address"), arena);
	node->bgp_network_v6 = text_of(json_get(resource.spec, "bgp.ipv6Address"), arena);
	node->bgp_ipv4 = plain_address(node->bgp_network_v4, arena);
	node->bgp_ipv6 = plain_address(node->bgp_network_v6, arena);
	node->bird_ip = node->bgp_ipv4;
	node->tunnel_address =
		plain_address(json_str(resource.spec, "bgp.ipv4IPIPTunnelAddr", ""), arena);
	node->bgp_as_num = text_of(json_get(resource.spec, "bgp.asNumber"), arena);
	json_free(resource.doc);
}

void v3_cluster_decode(struct calico_state *state, const char *value, struct arena *arena)
{
	struct resource resource;
	struct err err = { 0 };

	if (!open_resource(&resource, value, "ClusterInformation", &err))
		return;
	state->ready = json_bool(resource.spec, "datastoreReady", false);
	state->calico_version = member(resource.spec, "calicoVersion", arena);
	state->cluster_guid = member(resource.spec, "clusterGUID", arena);
	json_free(resource.doc);
}
