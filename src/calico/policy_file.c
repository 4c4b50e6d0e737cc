/* From the tree of a YAML file to the stored JSON. Each map is read by a table of its members, so
 * that what is not in the table is an error with a line. */
#include "binnacle/calico/policy_file.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/base/yaml.h"
#include "binnacle/calico/address.h"
#include "binnacle/calico/keys.h"
#include "binnacle/calico/selector.h"
#include "policy_v3.h"

#define NAMED_MAX 60 /* characters of a wrong text that a message repeats */

struct reading {
	enum calico_api api;
	struct arena *arena;
	struct err *err;
	/* Of the rule at hand: what is told in several places and must agree. */
	bool has_ports, is_destination;
	uint8_t version;
};

PRINTF_LIKE(3, 4)
static bool complain(struct reading *reading, const struct yaml_node *node, const char *fmt, ...)
{
	struct strbuf text = STRBUF_INIT;
	va_list args;

	va_start(args, fmt);
	strbuf_vaddf(&text, fmt, args);
	va_end(args);
	err_set(reading->err, ERR_INPUT, "line %zu: %.400s", node->line, text.buf);
	strbuf_release(&text);
	return false;
}

static bool want(struct reading *reading, const struct yaml_node *node, enum yaml_kind kind,
		 const char *what)
{
	static const char *const names[] = { "a text", "a list", "a map" };

	return node->kind == kind || complain(reading, node, "%s must be %s, not %s", what,
					      names[kind], names[node->kind]);
}

/* A member of a map: read into `into`, which is what its owner is building. */
struct member {
	const char *name;
	bool (*read)(struct reading *reading, const struct yaml_node *node, struct json *into);
};

static bool read_members(struct reading *reading, const struct yaml_node *map, const char *what,
			 const struct member *members, size_t count, struct json *into)
{
	struct strbuf known = STRBUF_INIT;

	if (!want(reading, map, YAML_MAP, what))
		return false;
	for (const struct yaml_node *node = map->first; node; node = node->next) {
		size_t i = 0;

		while (i < count && strcmp(members[i].name, node->key) != 0)
			i++;
		if (i < count)
			continue;
		for (size_t j = 0; j < count; j++)
			strbuf_addf(&known, "%s%s", j ? ", " : "", members[j].name);
		complain(reading, node, "%s has no member \"%.*s\"; there are %s", what, NAMED_MAX,
			 node->key, known.buf);
		strbuf_release(&known);
		return false;
	}
	/* In the order of the table, which is that of what is stored. */
	for (size_t i = 0; i < count; i++) {
		const struct yaml_node *node = yaml_member(map, members[i].name);

		if (node && !yaml_is_null(node) && !members[i].read(reading, node, into))
			return false;
	}
	return true;
}

static bool text_of(struct reading *reading, const struct yaml_node *node, const char **out)
{
	*out = node->text;
	return want(reading, node, YAML_TEXT, node->key);
}

/* A word such as "Allow" or "TCP" of API v3 as API v1 has it, "" when it is not written like that.
 * Calico itself is strict about that, too. */
static const char *plain_word(struct reading *reading, const char *text, const char *const *words)
{
	for (; reading->api == CALICO_API_V3 && *words; words++) {
		char *word;

		if (strcmp(*words, text) != 0)
			continue;
		word = arena_strdup(reading->arena, text);
		for (char *p = word; *p; p++)
			*p = (char)tolower((unsigned char)*p);
		return word;
	}
	return reading->api == CALICO_API_V3 ? "" : text;
}

static bool read_bool(struct reading *reading, const struct yaml_node *node, bool *out)
{
	const char *text;

	if (!text_of(reading, node, &text))
		return false;
	*out = strcmp(text, "true") == 0;
	return *out || strcmp(text, "false") == 0 ||
	       complain(reading, node, "%s is true or false, not \"%.*s\"", node->key, NAMED_MAX,
			text);
}

static bool read_int(struct reading *reading, const struct yaml_node *node, int64_t least,
		     int64_t most, int64_t *out)
{
	const char *text;

	if (!text_of(reading, node, &text))
		return false;
	return text_parse_int(text, least, most, out) ||
	       complain(reading, node, "%s is a number from %lld to %lld, not \"%.*s\"", node->key,
			(long long)least, (long long)most, NAMED_MAX, text);
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

	if (!text_of(reading, node, &text))
		return false;
	if (!calico_name_is_valid(CALICO_NAME_NODE, text))
		return complain(reading, node, "\"%.*s\" is no tag: 1 to 128 of a-z A-Z 0-9 _ . -",
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

static bool check_selector(struct reading *reading, const struct yaml_node *node, const char *text)
{
	struct err err = { 0 };

	return calico_selector_parse_as(reading->api, text, reading->arena, &err) ||
	       complain(reading, node, "the selector \"%.*s\" cannot be read: %s", NAMED_MAX, text,
			err.msg);
}

static bool add_selector(struct reading *reading, const struct yaml_node *node, struct json *into,
			 const char *negation)
{
	const char *text;

	if (!text_of(reading, node, &text) || !check_selector(reading, node, text))
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

	if (!want(reading, node, YAML_TEXT, "a network"))
		return false;
	if (!calico_net_parse(&net, node->text))
		return complain(reading, node, "\"%.*s\" is no network such as 10.0.0.0/8",
				NAMED_MAX, node->text);
	if (reading->version && reading->version != net.version)
		return complain(reading, node,
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

	if (!want(reading, node, YAML_LIST, node->key))
		return false;
	if (json_member(into, side_name(reading, negation, "net")))
		return complain(reading, node, "a rule has either one net or a list of nets");
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

	if (!want(reading, node, YAML_TEXT, "a port"))
		return false;
	if (text_parse_int(node->text, 0, 65535, &first)) {
		json_add_int(list, NULL, first);
		return true;
	}
	colon = strchr(node->text, ':');
	if (!colon)
		return complain(reading, node, "\"%.*s\" is no port: 80, or \"80:90\" for a range",
				NAMED_MAX, node->text);
	head = xstrndup(node->text, (size_t)(colon - node->text));
	good = text_parse_int(head, 0, 65535, &first) &&
	       text_parse_int(colon + 1, 0, 65535, &last) && first <= last;
	free(head);
	if (!good)
		return complain(reading, node, "\"%.*s\" is no range of ports such as 80:90",
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

	if (!want(reading, node, YAML_LIST, node->key))
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
		return read_members(reading, node, node->key, side_members_v3,
				    COUNT_OF(side_members_v3), into);
	return read_members(reading, node, node->key, side_members, COUNT_OF(side_members), into);
}

static bool read_action(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	static const char *const words[][2] = {
		{ "allow", "allow" }, { "deny", "deny" }, { "log", "log" }, { "pass", "next-tier" }
	};
	static const char *const words_v3[] = { "Allow", "Deny", "Log", "Pass", NULL };
	const char *text, *word;

	if (!text_of(reading, node, &text))
		return false;
	word = plain_word(reading, text, words_v3);
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(words[i][0], word) != 0)
			continue;
		json_add_str(into, "action", words[i][1]);
		return true;
	}
	return complain(reading, node, "an action is %s, not \"%.*s\"",
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
		return complain(reading, node, "ipVersion is 4 or 6");
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

	if (!text_of(reading, node, &text))
		return false;
	if (text_parse_int(text, 1, 255, &number)) {
		json_add_int(into, name, number);
		return true;
	}
	word = plain_word(reading, text, words_v3);
	for (size_t i = 0; i < COUNT_OF(words); i++) {
		if (strcmp(words[i], word) != 0)
			continue;
		json_add_str(into, name, word);
		return true;
	}
	return complain(reading, node, "a protocol is %s or a number from 1 to 255, not \"%.*s\"",
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
	bool good = read_members(reading, node, node->key, members, COUNT_OF(members), icmp);

	if (good && json_member(icmp, "code") && !json_member(icmp, "type"))
		good = complain(reading, node, "an ICMP code needs its type");
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
		return complain(reading, node, "the rule has no action");
	if (reading->has_ports && !is_protocol(rule, "tcp", "udp", 6, 17))
		return complain(reading, node, "a rule with ports needs the protocol tcp or udp");
	if (has_icmp && !is_protocol(rule, "icmp", "icmpv6", 1, 58))
		return complain(reading, node,
				"a rule with an ICMP type needs the protocol icmp or icmpv6");
	return true;
}

static bool add_rules(struct reading *reading, const struct yaml_node *node, struct json *into,
		      const char *name)
{
	struct json *list;

	if (!want(reading, node, YAML_LIST, node->key))
		return false;
	if (!node->count)
		return true;
	list = json_add_array(into, name);
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		struct json *rule = json_add_object(list, NULL);

		reading->has_ports = false;
		reading->version = 0;
		if (!read_members(reading, item, "a rule", rule_members, COUNT_OF(rule_members),
				  rule) ||
		    !check_rule(reading, item, rule))
			return false;
	}
	return true;
}

static bool read_ingress(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_rules(reading, node, into, "inbound_rules");
}

static bool read_egress(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_rules(reading, node, into, "outbound_rules");
}

static bool read_order(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	const char *text;
	double order;
	char *end;

	if (!text_of(reading, node, &text))
		return false;
	order = strtod(text, &end);
	/* Neither "nan" nor "inf" nor a hexadecimal number. */
	if (node->quoted || !*text || *end || strspn(text, "+-.0123456789eE") != strlen(text) ||
	    order - order != 0)
		return complain(reading, node, "order is a number, not \"%.*s\"", NAMED_MAX, text);
	json_add_number(into, "order", order);
	return true;
}

static bool read_selector(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	const char *text;

	if (!text_of(reading, node, &text) || !check_selector(reading, node, text))
		return false;
	json_add_str(into, "selector", text);
	return true;
}

static bool add_flag(struct reading *reading, const struct yaml_node *node, struct json *into,
		     const char *name)
{
	bool value;

	if (!read_bool(reading, node, &value))
		return false;
	if (value)
		json_add_bool(into, name, true);
	return true;
}

static bool read_do_not_track(struct reading *reading, const struct yaml_node *node,
			      struct json *into)
{
	return add_flag(reading, node, into, "untracked");
}

static bool read_pre_dnat(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return add_flag(reading, node, into, "pre_dnat");
}

static bool read_types(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	static const char *const words_v3[] = { "Ingress", "Egress", NULL };
	struct json *list;

	if (!want(reading, node, YAML_LIST, node->key))
		return false;
	if (!node->count)
		return true;
	list = json_add_array(into, "types");
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		const char *word;

		if (!want(reading, item, YAML_TEXT, "a type"))
			return false;
		word = plain_word(reading, item->text, words_v3);
		if (strcmp(word, "ingress") != 0 && strcmp(word, "egress") != 0)
			return complain(reading, item, "types has \"%.*s\"; it is %s", NAMED_MAX,
					item->text,
					reading->api == CALICO_API_V3 ? "Ingress or Egress"
								      : "ingress or egress");
		JSON_EACH(other, list)
		{
			if (strcmp(json_as_str(other, ""), word) == 0)
				return complain(reading, item, "%s stands twice in types",
						item->text);
		}
		json_add_str(list, NULL, word);
	}
	return true;
}

static const struct member spec_members[] = {
	{ "order", read_order },
	{ "ingress", read_ingress },
	{ "egress", read_egress },
	{ "selector", read_selector },
	{ "doNotTrack", read_do_not_track },
	{ "preDNAT", read_pre_dnat },
	{ "types", read_types },
};

static bool read_annotations(struct reading *reading, const struct yaml_node *node,
			     struct json *into)
{
	struct json *annotations;

	if (!want(reading, node, YAML_MAP, node->key))
		return false;
	if (!node->count)
		return true;
	annotations = json_add_object(into, "annotations");
	for (const struct yaml_node *item = node->first; item; item = item->next) {
		if (!want(reading, item, YAML_TEXT, item->key))
			return false;
		json_add_str(annotations, item->key, item->text);
	}
	return true;
}

/* Read apart: it is no part of the value. */
static bool read_nothing(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	(void)reading;
	(void)node;
	(void)into;
	return true;
}

static const struct member metadata_members[] = {
	{ "name", read_nothing },
	{ "annotations", read_annotations },
};

static bool read_metadata(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return read_members(reading, node, "metadata", metadata_members, COUNT_OF(metadata_members),
			    into);
}

static bool read_spec(struct reading *reading, const struct yaml_node *node, struct json *into)
{
	return read_members(reading, node, "spec", spec_members, COUNT_OF(spec_members), into);
}

static const struct member resource_members[] = {
	{ "kind", read_nothing },
	{ "apiVersion", read_nothing },
	{ "spec", read_spec },
	{ "metadata", read_metadata },
};

static bool check_kind(struct reading *reading, const struct yaml_node *node)
{
	const struct yaml_node *kind = yaml_member(node, "kind");
	const struct yaml_node *version = yaml_member(node, "apiVersion");
	bool v3 = reading->api == CALICO_API_V3;
	const char *want_version = v3 ? "projectcalico.org/v3" : "v1";
	const char *want_kind = v3 ? "GlobalNetworkPolicy" : "policy";

	if (!want(reading, node, YAML_MAP, "a policy"))
		return false;
	if (!kind || kind->kind != YAML_TEXT || !version || version->kind != YAML_TEXT)
		return complain(reading, node, "it must say \"apiVersion: %s\" and \"kind: %s\"",
				want_version, want_kind);
	if (strcmp(version->text, want_version) != 0)
		return complain(reading, version,
				"apiVersion %.*s: this datastore has version %d of the API, so it "
				"must be \"apiVersion: %s\" and \"kind: %s\"",
				NAMED_MAX, version->text, v3 ? 3 : 1, want_version, want_kind);
	if (strcmp(kind->text, want_kind) != 0)
		return complain(reading, kind, "only %s are applied from here, not a %.*s",
				v3 ? "global network policies" : "policies", NAMED_MAX, kind->text);
	return true;
}

/* What its directions are when it does not say so. */
static void default_types(struct json *value)
{
	bool in = json_member(value, "inbound_rules"), out = json_member(value, "outbound_rules");
	struct json *types;

	if (json_member(value, "types"))
		return;
	types = json_add_array(value, "types");
	if (!out || in)
		json_add_str(types, NULL, "ingress");
	if (out)
		json_add_str(types, NULL, "egress");
}

static bool check_policy(struct reading *reading, const struct yaml_node *node,
			 const struct json *value)
{
	bool pre_dnat = json_bool(value, "pre_dnat", false);

	if (!yaml_member(node, "spec"))
		return complain(reading, node, "the policy has no spec");
	if (pre_dnat && json_bool(value, "untracked", false))
		return complain(reading, node, "a policy is doNotTrack or preDNAT, not both");
	if (pre_dnat && json_member(value, "outbound_rules"))
		return complain(reading, node, "a preDNAT policy has no egress rules");
	return true;
}

static bool read_name(struct reading *reading, const struct yaml_node *node, const char **name)
{
	const struct yaml_node *metadata = yaml_member(node, "metadata");
	const struct yaml_node *text = yaml_member(metadata, "name");

	if (!text || text->kind != YAML_TEXT || yaml_is_null(text))
		return complain(reading, metadata ? metadata : node, "the policy has no name");
	if (reading->api == CALICO_API_V3 && !calico_name_is_valid(CALICO_NAME_V3, text->text))
		return complain(reading, text,
				"\"%.*s\" is no name of a policy: a-z 0-9, inside also - and .",
				NAMED_MAX, text->text);
	if (!calico_name_is_valid(CALICO_NAME_ENDPOINT, text->text))
		return complain(reading, text,
				"\"%.*s\" is no name of a policy: 1 to 128 of a-z A-Z 0-9 _ . - /",
				NAMED_MAX, text->text);
	*name = text->text;
	return true;
}

static bool read_policy(struct reading *reading, const struct yaml_node *node,
			struct calico_policy_draft *draft)
{
	struct json *value = json_new_object();
	struct strbuf text = STRBUF_INIT;
	bool good = check_kind(reading, node) && read_name(reading, node, &draft->name) &&
		    read_members(reading, node, "a policy", resource_members,
				 COUNT_OF(resource_members), value) &&
		    check_policy(reading, node, value);

	if (good) {
		if (!json_member(value, "selector"))
			json_add_str(value, "selector", "");
		default_types(value);
		json_print(&text, value);
		draft->value = arena_strdup(reading->arena, text.buf);
		strbuf_reset(&text);
		calico_policy_key(&text, draft->name);
		draft->key = arena_strdup(reading->arena, text.buf);
		draft->line = node->line;
		if (reading->api == CALICO_API_V3)
			policy_draft_to_v3(draft, reading->arena);
	}
	strbuf_release(&text);
	json_free(value);
	return good;
}

static bool add_draft(struct reading *reading, const struct yaml_node *node,
		      struct calico_policy_draft *drafts, size_t *count)
{
	if (!read_policy(reading, node, &drafts[*count]))
		return false;
	for (size_t i = 0; i < *count; i++)
		if (strcmp(drafts[i].name, drafts[*count].name) == 0)
			return complain(reading, node, "the policy %s stands in line %zu already",
					drafts[i].name, drafts[i].line);
	++*count;
	return true;
}

bool calico_policy_file_read(const char *text, size_t len, enum calico_api api, struct arena *arena,
			     struct json_list *out, struct err *err)
{
	struct reading reading = { .api = api, .arena = arena, .err = err };
	const struct yaml_node *documents;
	struct calico_policy_draft *drafts;
	size_t most = 0, count = 0;

	if (len > LIMIT_YAML_FILE)
		return err_set(err, ERR_INPUT, "it is longer than %u bytes", LIMIT_YAML_FILE);
	documents = yaml_read(text, len, arena, err);
	if (!documents)
		return false;
	for (const struct yaml_node *doc = documents->first; doc; doc = doc->next)
		most += doc->kind == YAML_LIST ? doc->count : 1;
	drafts = arena_alloc(arena, (most + 1) * sizeof(*drafts));
	for (const struct yaml_node *doc = documents->first; doc; doc = doc->next) {
		if (doc->kind == YAML_LIST) {
			for (const struct yaml_node *item = doc->first; item; item = item->next)
				if (!add_draft(&reading, item, drafts, &count))
					return false;
		} else if (!yaml_is_null(doc) && !add_draft(&reading, doc, drafts, &count)) {
			return false;
		}
	}
	if (!count)
		return err_set(err, ERR_INPUT, "there is no policy in it");
	*out = (struct json_list){ drafts, count };
	return true;
}
