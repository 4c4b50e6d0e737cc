/* The rules of a policy, and the two sides of each: from the tree of a file to the stored JSON. */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/calico/address.h"
#include "policy_file_private.h"

static bool read_int(struct reading *reading, const struct yaml_node *node, int64_t least,
		     int64_t most, int64_t *out)
{
	const char *text;

	if (!policy_text_of(reading, node, &text))
		return false;
	return text_parse_int(text, least, most, out) ||
	       policy_complain(reading, node, "%s is a number from %lld to %lld, not \"%.*s\"",
			       node->key, (long long)least, (long long)most, NAMED_MAX, text);
}

/* The sides of a rule. Stored names are made of three parts: "!", "src_" or "dst_", the name. */
static const char *side_name(struct reading *reading, const char *negation, const char *name)
{
	return arena_printf(reading->arena, "%s%s%s", negation,
			    reading->is_destination ? "dst_" : "src_", name);
}

static bool add_tag(struct reading *reading, const struct yaml_node *node, struct json *into,
		    const char *negation)
{
	const char *text;

	if (!policy_text_of(reading, node, &text))
		return false;
	if (!calico_name_is_valid(CALICO_NAME_NODE, text))
		return policy_complain(reading, node,
				       "\"%.*s\" is no tag: 1 to 128 of a-z A-Z 0-9 _ . -",
				       NAMED_MAX, text);
	json_add_str(into, side_name(reading, negation, "tag"), text);
	return true;
}

static bool read_tag(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_tag(reading, node, into, "");
}

static bool read_not_tag(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_tag(reading, node, into, "!");
}

static bool add_selector(struct reading *reading, const struct yaml_node *node, struct json *into,
			 const char *negation)
{
	const char *text;

	if (!policy_text_of(reading, node, &text) || !policy_check_selector(reading, node, text))
		return false;
	if (*text)
		json_add_str(into, side_name(reading, negation, "selector"), text);
	return true;
}

static bool read_side_selector(struct reading *reading, const struct yaml_node *node,
			       struct json *into)
{
	return add_selector(reading, node, into, "");
}

static bool read_not_selector(struct reading *reading, const struct yaml_node *node,
			      struct json *into)
{
	return add_selector(reading, node, into, "!");
}

/* A bare address gets its full mask; destinations are masked to the network's own address. */
static bool normal_net(struct reading *reading, const struct yaml_node *node, char *out)
{
	struct calico_net net;

	if (!policy_want(reading, node, YAML_TEXT, "a network"))
		return false;
	if (!calico_net_parse(&net, node->text))
		return policy_complain(reading, node, "\"%.*s\" is no network such as 10.0.0.0/8",
				       NAMED_MAX, node->text);
	if (reading->version && reading->version != net.version)
		return policy_complain(
			reading, node,
			"%.*s is IPv%d, but the rule is about IPv%d: it must be one of "
			"them",
			NAMED_MAX, node->text, net.version, reading->version);
	reading->version = net.version;
	if (reading->is_destination)
		net = calico_net_masked(&net, net.bits);
	calico_net_text_cidr(&net, out);
	return true;
}

static bool add_net(struct reading *reading, const struct yaml_node *node, struct json *into,
		    const char *negation)
{
	char text[CALICO_NET_TEXT_BYTES];

	if (!normal_net(reading, node, text))
		return false;
	json_add_str(into, side_name(reading, negation, "net"), text);
	return true;
}

static bool add_nets(struct reading *reading, const struct yaml_node *node, struct json *into,
		     const char *negation)
{
	char text[CALICO_NET_TEXT_BYTES];
	struct json *list;

	if (!policy_want(reading, node, YAML_LIST, node->key))
		return false;
	if (json_member(into, side_name(reading, negation, "net")))
		return policy_complain(reading, node,
				       "a rule has either one net or a list of nets");
	if (!node->count)
		return true;
	list = json_add_array(into, side_name(reading, negation, "nets"));
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (!normal_net(reading, item, text))
			return false;
		json_add_str(list, NULL, text);
	}
	return true;
}

static bool read_net(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_net(reading, node, into, "");
}

static bool read_not_net(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_net(reading, node, into, "!");
}

static bool read_nets(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_nets(reading, node, into, "");
}

static bool read_not_nets(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_nets(reading, node, into, "!");
}

static bool add_port(struct reading *reading, const struct yaml_node *node, struct json *list)
{
	const char *colon;
	int64_t first, last;
	char *head;
	bool good;

	if (!policy_want(reading, node, YAML_TEXT, "a port"))
		return false;
	if (text_parse_int(node->text, 0, 65535, &first)) {
		json_add_int(list, NULL, first);
		return true;
	}
	colon = strchr(node->text, ':');
	if (!colon)
		return policy_complain(reading, node,
				       "\"%.*s\" is no port: 80, or \"80:90\" for a range",
				       NAMED_MAX, node->text);
	head = xstrndup(node->text, (size_t)(colon - node->text));
	good = text_parse_int(head, 0, 65535, &first) &&
	       text_parse_int(colon + 1, 0, 65535, &last) && first <= last;
	free(head);
	if (!good)
		return policy_complain(reading, node, "\"%.*s\" is no range of ports such as 80:90",
				       NAMED_MAX, node->text);
	if (first == last)
		json_add_int(list, NULL, first);
	else
		json_add_str(list, NULL, node->text);
	return true;
}

static bool add_ports(struct reading *reading, const struct yaml_node *node, struct json *into,
		      const char *negation)
{
	struct json *list;

	if (!policy_want(reading, node, YAML_LIST, node->key))
		return false;
	if (!node->count)
		return true;
	reading->has_ports = true;
	list = json_add_array(into, side_name(reading, negation, "ports"));
	for (const struct yaml_node *item = node->first; item; item = item->next)
		if (!add_port(reading, item, list))
			return false;
	return true;
}

static bool read_ports(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_ports(reading, node, into, "");
}

static bool read_not_ports(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_ports(reading, node, into, "!");
}

static const struct member side_members[] = {
	{ "tag", read_tag },
	{ "net", read_net },
	{ "nets", read_nets },
	{ "selector", read_side_selector },
	{ "ports", read_ports },
	{ "notTag", read_not_tag },
	{ "notNet", read_not_net },
	{ "notNets", read_not_nets },
	{ "notSelector", read_not_selector },
	{ "notPorts", read_not_ports },
};

static const struct member side_members_v3[] = {
	{ "nets", read_nets },
	{ "selector", read_side_selector },
	{ "ports", read_ports },
	{ "notNets", read_not_nets },
	{ "notSelector", read_not_selector },
	{ "notPorts", read_not_ports },
};

static bool read_side(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	reading->is_destination = strcmp(node->key, "destination") == 0;
	if (reading->api == CALICO_API_V3)
		return policy_read_members(reading, node, node->key, side_members_v3,
					   COUNT_OF(side_members_v3), into);
	return policy_read_members(reading, node, node->key, side_members, COUNT_OF(side_members),
				   into);
}

static bool read_action(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	static const char *const words[][2] = {
		{ "allow", "allow" }, { "deny", "deny" }, { "log", "log" }, { "pass", "next-tier" }
	};
	static const char *const words_v3[] = { "Allow", "Deny", "Log", "Pass", NULL };
	const char *text, *word;

	if (!policy_text_of(reading, node, &text))
		return false;
	word = policy_plain_word(reading, text, words_v3);
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(words[i][0], word) != 0)
			continue;
		json_add_str(into, "action", words[i][1]);
		return true;
	}
	return policy_complain(reading, node, "an action is %s, not \"%.*s\"",
			       reading->api == CALICO_API_V3 ? "Allow, Deny, Log or Pass"
							     : "allow, deny, log or pass",
			       NAMED_MAX, text);
}

static bool read_ip_version(struct reading *reading, const struct yaml_node *node,
			    struct json *into)
{
	int64_t version;

	if (!read_int(reading, node, 4, 6, &version))
		return false;
	if (version == 5)
		return policy_complain(reading, node, "ipVersion is 4 or 6");
	reading->version = (uint8_t)version;
	json_add_int(into, "ip_version", version);
	return true;
}

static bool add_protocol(struct reading *reading, const struct yaml_node *node, struct json *into,
			 const char *name)
{
	static const char *const words[] = { "tcp", "udp", "icmp", "icmpv6", "sctp", "udplite" };
	static const char *const words_v3[] = { "TCP",  "UDP",     "ICMP", "ICMPv6",
						"SCTP", "UDPLite", NULL };
	const char *text, *word;
	int64_t number;

	if (!policy_text_of(reading, node, &text))
		return false;
	if (text_parse_int(text, 1, 255, &number)) {
		json_add_int(into, name, number);
		return true;
	}
	word = policy_plain_word(reading, text, words_v3);
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(words[i], word) != 0)
			continue;
		json_add_str(into, name, word);
		return true;
	}
	return policy_complain(
		reading, node, "a protocol is %s or a number from 1 to 255, not \"%.*s\"",
		reading->api == CALICO_API_V3 ? "TCP, UDP, ICMP, ICMPv6, SCTP, UDPLite"
					      : "tcp, udp, icmp, icmpv6, sctp, udplite",
		NAMED_MAX, text);
}

static bool read_protocol(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_protocol(reading, node, into, "protocol");
}

static bool read_not_protocol(struct reading *reading, const struct yaml_node *node,
			      struct json *into)
{
	return add_protocol(reading, node, into, "!protocol");
}

static bool read_icmp_type(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	int64_t value;

	if (!read_int(reading, node, 0, 254, &value))
		return false;
	json_add_int(into, "type", value);
	return true;
}

static bool read_icmp_code(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	int64_t value;

	if (!read_int(reading, node, 0, 255, &value))
		return false;
	json_add_int(into, "code", value);
	return true;
}

static bool add_icmp(struct reading *reading, const struct yaml_node *node, struct json *into,
		     const char *type_name, const char *code_name)
{
	static const struct member members[] = {
		{ "type", read_icmp_type },
		{ "code", read_icmp_code },
	};
	struct json *icmp = json_new_object();
	bool good = policy_read_members(reading, node, node->key, members, COUNT_OF(members), icmp);

	if (good && json_member(icmp, "code") && !json_member(icmp, "type"))
		good = policy_complain(reading, node, "an ICMP code needs its type");
	if (good && json_member(icmp, "type"))
		json_add_int(into, type_name, json_int(icmp, "type", 0));
	if (good && json_member(icmp, "code"))
		json_add_int(into, code_name, json_int(icmp, "code", 0));
	json_free(icmp);
	return good;
}

static bool read_icmp(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_icmp(reading, node, into, "icmp_type", "icmp_code");
}

static bool read_not_icmp(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_icmp(reading, node, into, "!icmp_type", "!icmp_code");
}

static const struct member rule_members[] = {
	{ "action", read_action },
	{ "ipVersion", read_ip_version },
	{ "protocol", read_protocol },
	{ "icmp", read_icmp },
	{ "notProtocol", read_not_protocol },
	{ "notICMP", read_not_icmp },
	{ "source", read_side },
	{ "destination", read_side },
};

static bool is_protocol(const struct json *rule, const char *a, const char *b, int64_t number_a,
			int64_t number_b)
{
	const struct json *protocol = json_member(rule, "protocol");
	const char *name = json_as_str(protocol, "");
	int64_t number = json_as_int(protocol, 0);

	return strcmp(name, a) == 0 || strcmp(name, b) == 0 || number == number_a ||
	       number == number_b;
}

static bool check_rule(struct reading *reading, const struct yaml_node *node,
		       const struct json *rule)
{
	bool has_icmp = yaml_member(node, "icmp") || yaml_member(node, "notICMP");

	if (!yaml_member(node, "action"))
		return policy_complain(reading, node, "the rule has no action");
	if (reading->has_ports && !is_protocol(rule, "tcp", "udp", 6, 17))
		return policy_complain(reading, node,
				       "a rule with ports needs the protocol tcp or udp");
	if (has_icmp && !is_protocol(rule, "icmp", "icmpv6", 1, 58))
		return policy_complain(
			reading, node,
			"a rule with an ICMP type needs the protocol icmp or icmpv6");
	return true;
}

bool policy_add_rules(struct reading *reading, const struct yaml_node *node, struct json *into,
		      const char *name)
{
	struct json *list;

	if (!policy_want(reading, node, YAML_LIST, node->key))
		return false;
	if (!node->count)
		return true;
	list = json_add_array(into, name);
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		struct json *rule = json_add_object(list, NULL);

		reading->has_ports = false;
		reading->version = 0;
		if (!policy_read_members(reading, item, "a rule", rule_members,
					 COUNT_OF(rule_members), rule) ||
		    !check_rule(reading, item, rule))
			return false;
	}
	return true;
}
