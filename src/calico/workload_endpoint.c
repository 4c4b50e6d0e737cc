#include "binnacle/calico/workload_endpoint.h"

#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"

/* What the value looks like; nets and NATs need a second look after the table. */
struct wep_value {
	const char *state, *interface_name, *mac, *active_instance_id;
	const char *ipv4_gateway, *ipv6_gateway;
	struct json_list profiles, labels, ipv4_nets, ipv6_nets, ipv4_nat, ipv6_nat;
};

static const struct json_field nat_fields[] = {
	JSON_STR(struct calico_nat, internal_ip, "int_ip", OPTIONAL),
	JSON_STR(struct calico_nat, external_ip, "ext_ip", OPTIONAL),
};
static const struct json_shape nat_shape = JSON_SHAPE(struct calico_nat, nat_fields);

static const struct json_field wep_fields[] = {
	JSON_STR(struct wep_value, state, "state", OPTIONAL),
	JSON_STR(struct wep_value, interface_name, "name", OPTIONAL),
	JSON_STR(struct wep_value, mac, "mac", OPTIONAL),
	JSON_STR(struct wep_value, active_instance_id, "active_instance_id", OPTIONAL),
	JSON_STR(struct wep_value, ipv4_gateway, "ipv4_gateway", OPTIONAL),
	JSON_STR(struct wep_value, ipv6_gateway, "ipv6_gateway", OPTIONAL),
	JSON_LIST(struct wep_value, profiles, "profile_ids", OPTIONAL, NULL),
	JSON_MAP(struct wep_value, labels, "labels", OPTIONAL),
	JSON_LIST(struct wep_value, ipv4_nets, "ipv4_nets", OPTIONAL, NULL),
	JSON_LIST(struct wep_value, ipv6_nets, "ipv6_nets", OPTIONAL, NULL),
	JSON_LIST(struct wep_value, ipv4_nat, "ipv4_nat", OPTIONAL, &nat_shape),
	JSON_LIST(struct wep_value, ipv6_nat, "ipv6_nat", OPTIONAL, &nat_shape),
};
static const struct json_shape wep_shape = JSON_SHAPE(struct wep_value, wep_fields);

static const struct json_field hep_fields[] = {
	JSON_STR(struct calico_host_endpoint, interface_name, "name", OPTIONAL),
	JSON_LIST(struct calico_host_endpoint, expected_ipv4, "expected_ipv4_addrs", OPTIONAL,
		  NULL),
	JSON_LIST(struct calico_host_endpoint, expected_ipv6, "expected_ipv6_addrs", OPTIONAL,
		  NULL),
	JSON_LIST(struct calico_host_endpoint, profiles, "profile_ids", OPTIONAL, NULL),
	JSON_MAP(struct calico_host_endpoint, labels, "labels", OPTIONAL),
};
static const struct json_shape hep_shape = JSON_SHAPE(struct calico_host_endpoint, hep_fields);

static bool parse_nets(struct calico_net *nets, const struct json_list *texts, uint8_t version,
		       struct err *err)
{
	const char *const *text = texts->items;

	for (size_t i = 0; i < texts->count; i++)
		if (!calico_net_parse(&nets[i], text[i]) || nets[i].version != version)
			return err_set(err, ERR_FORMAT, "ipv%u_nets has \"%.60s\", not a network",
				       version, text[i]);
	return true;
}

static const struct calico_nat *join_nats(const struct json_list *a, const struct json_list *b,
					  struct arena *arena)
{
	struct calico_nat *nats = arena_alloc(arena, (a->count + b->count + 1) * sizeof(*nats));

	if (a->count)
		memcpy(nats, a->items, a->count * sizeof(*nats));
	if (b->count)
		memcpy(nats + a->count, b->items, b->count * sizeof(*nats));
	return nats;
}

/* So that nobody has to ask whether a text is there. */
static void clear_value(struct calico_wep *wep)
{
	wep->state = wep->interface_name = wep->mac = wep->active_instance_id = "";
	wep->ipv4_gateway = wep->ipv6_gateway = "";
	if (!wep->felix_status)
		wep->felix_status = "";
}

bool calico_wep_decode(struct calico_wep *wep, const char *value, struct arena *arena,
		       struct err *err)
{
	struct json *doc = json_parse(value, strlen(value), err);
	struct wep_value raw = { 0 };
	struct calico_net *nets;
	bool ok = false;

	clear_value(wep);
	if (!doc)
		return false;
	if (!json_is_object(doc)) {
		err_set(err, ERR_FORMAT, "the value is not a JSON object");
		goto out;
	}
	if (!json_decode(doc, &wep_shape, &raw, arena, err))
		goto out;
	nets = arena_alloc(arena, (raw.ipv4_nets.count + raw.ipv6_nets.count + 1) * sizeof(*nets));
	if (!parse_nets(nets, &raw.ipv4_nets, 4, err) ||
	    !parse_nets(nets + raw.ipv4_nets.count, &raw.ipv6_nets, 6, err))
		goto out;
	wep->state = raw.state;
	wep->interface_name = raw.interface_name;
	wep->mac = raw.mac;
	wep->active_instance_id = raw.active_instance_id;
	wep->ipv4_gateway = raw.ipv4_gateway;
	wep->ipv6_gateway = raw.ipv6_gateway;
	wep->profiles = raw.profiles;
	wep->labels = raw.labels;
	wep->nets = nets;
	wep->net_count = raw.ipv4_nets.count + raw.ipv6_nets.count;
	wep->nats = join_nats(&raw.ipv4_nat, &raw.ipv6_nat, arena);
	wep->nat_count = raw.ipv4_nat.count + raw.ipv6_nat.count;
	ok = true;
out:
	json_free(doc);
	return ok;
}

static void add_nets(struct json *doc, const char *name, const struct calico_wep *wep,
		     uint8_t version)
{
	struct json *list = json_add_array(doc, name);
	char text[CALICO_NET_TEXT_BYTES];

	for (size_t i = 0; i < wep->net_count; i++)
		if (wep->nets[i].version == version)
			json_add_str(list, NULL, calico_net_text_cidr(&wep->nets[i], text));
}

/* A NAT's family is that of its inner address. */
static void add_nats(struct json *doc, const char *name, const struct calico_wep *wep,
		     uint8_t version)
{
	struct json *list = NULL;
	struct calico_net inner;

	for (size_t i = 0; i < wep->nat_count; i++) {
		struct json *nat;

		if (!calico_net_parse(&inner, wep->nats[i].internal_ip) || inner.version != version)
			continue;
		if (!list)
			list = json_add_array(doc, name);
		nat = json_new_object();
		json_add_str(nat, "int_ip", wep->nats[i].internal_ip);
		json_add_str(nat, "ext_ip", wep->nats[i].external_ip);
		json_add(list, NULL, nat);
	}
}

static void add_unless_empty(struct json *doc, const char *name, const char *text)
{
	if (text && *text)
		json_add_str(doc, name, text);
}

void calico_wep_encode(struct strbuf *out, const struct calico_wep *wep)
{
	struct json *doc = json_new_object();

	json_add_str(doc, "state", wep->state);
	json_add_str(doc, "name", wep->interface_name);
	add_unless_empty(doc, "active_instance_id", wep->active_instance_id);
	json_add_str(doc, "mac", wep->mac && *wep->mac ? wep->mac : NULL);
	if (wep->profiles.count) {
		struct json *list = json_add_array(doc, "profile_ids");
		const char *const *profile = wep->profiles.items;

		for (size_t i = 0; i < wep->profiles.count; i++)
			json_add_str(list, NULL, profile[i]);
	} else {
		json_add_null(doc, "profile_ids");
	}
	add_nets(doc, "ipv4_nets", wep, 4);
	add_nets(doc, "ipv6_nets", wep, 6);
	add_nats(doc, "ipv4_nat", wep, 4);
	add_nats(doc, "ipv6_nat", wep, 6);
	if (wep->labels.count) {
		struct json *labels = json_add_object(doc, "labels");
		const struct json_pair *pair = wep->labels.items;

		for (size_t i = 0; i < wep->labels.count; i++)
			json_add_str(labels, pair[i].key, pair[i].value);
	}
	add_unless_empty(doc, "ipv4_gateway", wep->ipv4_gateway);
	add_unless_empty(doc, "ipv6_gateway", wep->ipv6_gateway);
	json_print(out, doc);
	json_free(doc);
}

const char *calico_wep_label(const struct calico_wep *wep, const char *name)
{
	const struct json_pair *pair = wep->labels.items;

	for (size_t i = 0; i < wep->labels.count; i++)
		if (strcmp(pair[i].key, name) == 0)
			return pair[i].value;
	return NULL;
}

size_t calico_wep_own_labels(const struct calico_wep *wep)
{
	const struct json_pair *pair = wep->labels.items;
	size_t count = 0;

	for (size_t i = 0; i < wep->labels.count; i++)
		count += !text_starts_with(pair[i].key, "projectcalico.org/");
	return count;
}

bool calico_wep_has_address(const struct calico_wep *wep, const struct calico_net *address)
{
	for (size_t i = 0; i < wep->net_count; i++)
		if (calico_net_contains(&wep->nets[i], address))
			return true;
	return false;
}

bool calico_host_endpoint_decode(struct calico_host_endpoint *hep, const char *value,
				 struct arena *arena, struct err *err)
{
	struct json *doc = json_parse(value, strlen(value), err);
	bool ok;

	hep->interface_name = "";
	if (!doc)
		return false;
	ok = json_decode(doc, &hep_shape, hep, arena, err);
	json_free(doc);
	return ok;
}
