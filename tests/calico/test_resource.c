/* The forms of calicoctl, byte for byte: its blanks at the ends of lines are real. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/yaml.h"
#include "binnacle/calico/resource.h"
#include "support/calico_cluster.h"

#define EID       "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define BLANKS_60 "                                                            "

struct world {
	struct cluster *cluster;
	struct calico_state *state;
	struct strbuf text;
};

static int set_up(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));
	struct cluster *cluster = world->cluster = cluster_new();

	cluster_node(cluster, "N1");
	cluster_put(cluster, cluster_wep_key("N1", 'a'),
		    "{\"state\":\"active\",\"name\":\"calia\",\"mac\":null,\"profile_ids\":null,"
		    "\"ipv4_nets\":[\"10.0.0.1\"],\"ipv6_nets\":[],"
		    "\"labels\":{\"role\":\"web\",\"app\":\"8\"}}");
	cluster_put(cluster, "/calico/bgp/v1/host/N1/ip_addr_v4", "192.0.2.1");
	cluster_put(cluster, "/calico/bgp/v1/host/N1/network_v4", "192.0.2.0/24");
	cluster_put(cluster, "/calico/bgp/v1/host/N1/ip_addr_v6", "");
	cluster_put(
		cluster, "/calico/v1/policy/tier/default/policy/b%2fb",
		"{\"order\":12.5,\"selector\":\"a == '1' && b == '<2>'\",\"types\":[\"ingress\"],"
		"\"inbound_rules\":[{\"action\":\"next-tier\",\"protocol\":17,\"!dst_ports\":[53,"
		"\"80:90\"],\"src_tag\":\"t\",\"icmp_type\":8}]}");
	cluster_put(cluster, "/calico/v1/policy/tier/default/policy/a",
		    "{\"order\":1000000,\"selector\":\"\",\"outbound_rules\":[{\"action\":\"deny\","
		    "\"protocol\":\"icmpv6\"}]}");
	cluster_put(cluster, "/calico/v1/policy/profile/net/tags", "[\"net\",\"x\"]");
	cluster_put(cluster, "/calico/v1/policy/profile/net/labels", "{\"k\":\"v\"}");
	world->state = cluster_state(cluster);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	strbuf_release(&world->text);
	calico_state_unref(world->state);
	cluster_free(world->cluster);
	free(world);
	return 0;
}

static const char *print(struct world *world, const char *word, enum calico_print form,
			 const struct calico_print_filter *filter)
{
	enum calico_kind kind;
	struct err err = { 0 };

	if (!world->text.buf)
		strbuf_init(&world->text);
	strbuf_reset(&world->text);
	if (!calico_kind_parse(word, &kind, &err))
		fail_msg("%s", err.msg);
	calico_print(&world->text, world->state, kind, form, filter);
	return world->text.buf;
}

static void a_table_has_the_blanks_of_a_tabwriter(void **state)
{
	assert_string_equal(print(*state, "wep", CALICO_PRINT_WIDE, NULL),
			    "NODE   ORCHESTRATOR   WORKLOAD     NAME" BLANKS_60 "   "
			    "NETWORKS      NATS   INTERFACE   PROFILES   \n"
			    "N1     libnetwork     libnetwork   " EID "   "
			    "10.0.0.1/32          calia                  \n\n");
}

static void names_and_nodes_choose_among_them(void **state)
{
	const struct calico_print_filter other = { .node = "N2" }, named = { .name = "net" };

	assert_string_equal(print(*state, "WorkloadEndpoints", CALICO_PRINT_PLAIN, &other),
			    "NODE   ORCHESTRATOR   WORKLOAD   NAME   \n\n");
	assert_string_equal(print(*state, "profile", CALICO_PRINT_WIDE, &named),
			    "NAME   TAGS    \nnet    net,x   \n\n");
}

static void policies_stand_in_the_order_of_their_keys(void **state)
{
	assert_string_equal(print(*state, "policy", CALICO_PRINT_WIDE, NULL),
			    "NAME   ORDER   SELECTOR                 \n"
			    "a      1e+06                            \n"
			    "b/b    12.5    a == '1' && b == '<2>'   \n\n");
}

static void a_policy_as_yaml_is_what_its_tool_reads(void **state)
{
	const struct calico_print_filter filter = { .name = "b/b" };

	assert_string_equal(print(*state, "policy", CALICO_PRINT_YAML, &filter),
			    "- apiVersion: v1\n"
			    "  kind: policy\n"
			    "  metadata:\n"
			    "    name: b/b\n"
			    "  spec:\n"
			    "    ingress:\n"
			    "    - action: pass\n"
			    "      destination:\n"
			    "        notPorts:\n"
			    "        - 53\n"
			    "        - 80:90\n"
			    "      icmp:\n"
			    "        type: 8\n"
			    "      protocol: 17\n"
			    "      source:\n"
			    "        tag: t\n"
			    "    order: 12.5\n"
			    "    selector: a == '1' && b == '<2>'\n"
			    "    types:\n"
			    "    - ingress\n");
}

static void json_escapes_what_go_escapes(void **state)
{
	const struct calico_print_filter filter = { .name = "b/b" };

	assert_non_null(strstr(print(*state, "policy", CALICO_PRINT_JSON, &filter),
			       "\"selector\": \"a == '1' \\u0026\\u0026 b == '\\u003c2\\u003e'\""));
}

static void json_has_the_members_in_the_order_of_the_api(void **state)
{
	assert_string_equal(print(*state, "wep", CALICO_PRINT_JSON, NULL),
			    "[\n"
			    "  {\n"
			    "    \"kind\": \"workloadEndpoint\",\n"
			    "    \"apiVersion\": \"v1\",\n"
			    "    \"metadata\": {\n"
			    "      \"name\": \"" EID "\",\n"
			    "      \"workload\": \"libnetwork\",\n"
			    "      \"orchestrator\": \"libnetwork\",\n"
			    "      \"node\": \"N1\",\n"
			    "      \"labels\": {\n"
			    "        \"app\": \"8\",\n"
			    "        \"role\": \"web\"\n"
			    "      }\n"
			    "    },\n"
			    "    \"spec\": {\n"
			    "      \"ipNetworks\": [\n"
			    "        \"10.0.0.1/32\"\n"
			    "      ],\n"
			    "      \"interfaceName\": \"calia\"\n"
			    "    }\n"
			    "  }\n"
			    "]\n");
}

static void a_node_has_its_address_with_the_mask_of_its_network(void **state)
{
	assert_string_equal(print(*state, "node", CALICO_PRINT_WIDE, NULL),
			    "NAME   ASN       IPV4           IPV6   \n"
			    "N1     (64512)   192.0.2.1/24          \n\n");
	assert_string_equal(print(*state, "node", CALICO_PRINT_YAML, NULL),
			    "- apiVersion: v1\n"
			    "  kind: node\n"
			    "  metadata:\n"
			    "    name: N1\n"
			    "  spec:\n"
			    "    bgp:\n"
			    "      ipv4Address: 192.0.2.1/24\n");
}

static void the_same_policy_in_the_form_of_version_three(void **state)
{
	struct world *world = *state;
	struct strbuf text = STRBUF_INIT;
	struct json *doc = NULL;

	for (size_t i = 0; i < world->state->policy_count; i++)
		if (strcmp(world->state->policies[i].name, "a") == 0)
			doc = calico_resource_of_policy(&world->state->policies[i], CALICO_API_V3);
	assert_non_null(doc);
	yaml_write(&text, doc);
	assert_string_equal(text.buf, "apiVersion: projectcalico.org/v3\n"
				      "kind: GlobalNetworkPolicy\n"
				      "metadata:\n"
				      "  name: a\n"
				      "spec:\n"
				      "  egress:\n"
				      "  - action: Deny\n"
				      "    destination: {}\n"
				      "    protocol: ICMPv6\n"
				      "    source: {}\n"
				      "  order: 1000000\n"
				      "  types:\n"
				      "  - Ingress\n"
				      "  - Egress\n");
	strbuf_release(&text);
	json_free(doc);
}

static void an_unknown_kind_is_said_as_the_tool_says_it(void **state)
{
	enum calico_kind kind;
	enum calico_print form;
	struct err err = { 0 };

	(void)state;
	assert_false(calico_kind_parse("nosuch", &kind, &err));
	assert_string_equal(err.msg, "Resource type 'nosuch' is not supported");
	assert_false(calico_print_parse("bad", &form, &err));
	assert_string_equal(err.msg, "unrecognized output format 'bad'");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_table_has_the_blanks_of_a_tabwriter),
		cmocka_unit_test(names_and_nodes_choose_among_them),
		cmocka_unit_test(policies_stand_in_the_order_of_their_keys),
		cmocka_unit_test(a_policy_as_yaml_is_what_its_tool_reads),
		cmocka_unit_test(json_escapes_what_go_escapes),
		cmocka_unit_test(json_has_the_members_in_the_order_of_the_api),
		cmocka_unit_test(a_node_has_its_address_with_the_mask_of_its_network),
		cmocka_unit_test(the_same_policy_in_the_form_of_version_three),
		cmocka_unit_test(an_unknown_kind_is_said_as_the_tool_says_it),
	};

	return cmocka_run_group_tests(tests, set_up, tear_down);
}
