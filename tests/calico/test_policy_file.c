/* What people write becomes what Calico's own tool would store, or one sentence with a line. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/yaml.h"
#include "binnacle/calico/policy_file.h"
#include "binnacle/calico/resource.h"

#define HEAD "apiVersion: v1\nkind: policy\nmetadata:\n  name: p\nspec:\n"

static void assert_stored(const char *text, const char *want)
{
	struct arena arena = ARENA_INIT;
	const struct calico_policy_draft *draft;
	struct json_list drafts;
	struct err err = { 0 };

	if (!calico_policy_file_read(text, strlen(text), CALICO_API_V1, &arena, &drafts, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(drafts.count, 1);
	draft = drafts.items;
	assert_string_equal(draft->value, want);
	arena_release(&arena);
}

static void assert_refused(const char *text, const char *why)
{
	struct arena arena = ARENA_INIT;
	struct json_list drafts;
	struct err err = { 0 };

	assert_false(
		calico_policy_file_read(text, strlen(text), CALICO_API_V1, &arena, &drafts, &err));
	if (!strstr(err.msg, why))
		fail_msg("\"%s\" does not say \"%s\"", err.msg, why);
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(strchr(err.msg, '\n'));
	arena_release(&arena);
}

static void a_policy_is_stored_as_its_tool_stores_it(void **state)
{
	(void)state;
	assert_stored(
		HEAD "  selector: role == 'nginx'\n"
		     "  types: [ingress, egress]\n"
		     "  ingress:\n"
		     "  - action: allow\n"
		     "    protocol: tcp\n"
		     "    source:\n"
		     "      nets: [10.233.0.0/16, 192.0.2.0/24]\n"
		     "    destination:\n"
		     "      ports: [80]\n"
		     "  egress:\n"
		     "  - action: allow\n",
		"{\"inbound_rules\":[{\"action\":\"allow\",\"protocol\":\"tcp\","
		"\"src_nets\":[\"10.233.0.0/16\",\"192.0.2.0/24\"],\"dst_ports\":[80]}],"
		"\"outbound_rules\":[{\"action\":\"allow\"}],\"selector\":\"role == 'nginx'\","
		"\"types\":[\"ingress\",\"egress\"]}");
}

static void every_member_finds_its_place(void **state)
{
	(void)state;
	assert_stored(
		HEAD "  order: 12.5\n"
		     "  doNotTrack: true\n"
		     "  preDNAT: false\n"
		     "  ingress:\n"
		     "  - {action: pass, ipVersion: 4, protocol: 1, icmp: {type: 8, code: 0},\n"
		     "     notProtocol: udp, notICMP: {type: 3},\n"
		     "     source: {tag: t, net: 10.0.0.1, selector: a == 'b', notTag: u,\n"
		     "              notNet: 10.0.0.2/8, notSelector: has(c)},\n"
		     "     destination: {nets: [10.1.2.3/16], notNets: [10.9.9.9]}}\n"
		     "  - {action: deny, protocol: udp, source: {notPorts: ['80:90', \"53\"]},\n"
		     "     destination: {notPorts: [7:7]}}\n",
		"{\"order\":12.5,\"inbound_rules\":[{\"action\":\"next-tier\",\"ip_version\":4,"
		"\"protocol\":1,\"icmp_type\":8,\"icmp_code\":0,\"!protocol\":\"udp\","
		"\"!icmp_type\":3,\"src_tag\":\"t\",\"src_net\":\"10.0.0.1/32\","
		"\"src_selector\":\"a == 'b'\",\"!src_tag\":\"u\",\"!src_net\":\"10.0.0.2/8\","
		"\"!src_selector\":\"has(c)\",\"dst_nets\":[\"10.1.0.0/16\"],"
		"\"!dst_nets\":[\"10.9.9.9/32\"]},{\"action\":\"deny\",\"protocol\":\"udp\","
		"\"!src_ports\":[\"80:90\",53],\"!dst_ports\":[7]}],\"untracked\":true,"
		"\"selector\":\"\",\"types\":[\"ingress\"]}");
}

static void directions_follow_from_the_rules_when_they_are_not_given(void **state)
{
	(void)state;
	assert_stored(HEAD "  selector: all()\n",
		      "{\"selector\":\"all()\",\"types\":[\"ingress\"]}");
	assert_stored(HEAD "  egress: [{action: log}]\n",
		      "{\"outbound_rules\":[{\"action\":\"log\"}],\"selector\":\"\",\"types\":["
		      "\"egress\"]}");
	assert_stored(HEAD "  egress: [{action: log}]\n  ingress: [{action: log}]\n",
		      "{\"inbound_rules\":[{\"action\":\"log\"}],\"outbound_rules\":[{\"action\":"
		      "\"log\"}],\"selector\":\"\",\"types\":[\"ingress\",\"egress\"]}");
}

static void a_list_or_several_documents_hold_several_policies(void **state)
{
	static const char text[] =
		"- apiVersion: v1\n  kind: policy\n  metadata: {name: a/b}\n"
		"  spec: {}\n"
		"- {apiVersion: v1, kind: policy, metadata: {name: c}, spec: {}}\n"
		"---\n"
		"{\"apiVersion\": \"v1\", \"kind\": \"policy\", "
		"\"metadata\": {\"name\": \"d\"}, \"spec\": {\"order\": 1}}\n";
	struct arena arena = ARENA_INIT;
	const struct calico_policy_draft *draft;
	struct json_list drafts;
	struct err err = { 0 };

	(void)state;
	if (!calico_policy_file_read(text, strlen(text), CALICO_API_V1, &arena, &drafts, &err))
		fail_msg("%s", err.msg);
	assert_int_equal(drafts.count, 3);
	draft = drafts.items;
	assert_string_equal(draft[0].key, "/calico/v1/policy/tier/default/policy/a%2fb");
	assert_int_equal(draft[1].line, 5);
	assert_string_equal(draft[2].name, "d");
	arena_release(&arena);
}

static void what_is_shown_can_be_applied_again_and_stays_the_same(void **state)
{
	static const char value[] =
		"{\"order\":10,\"inbound_rules\":[{\"action\":\"next-tier\",\"protocol\":\"icmp\","
		"\"icmp_type\":8,\"src_nets\":[\"10.0.0.0/"
		"8\"]},{\"action\":\"deny\",\"protocol\":6,"
		"\"!dst_ports\":[1,\"5:9\"]}],\"selector\":\"a in {'1','2'} || !has(b)\","
		"\"types\":[\"ingress\"]}";
	struct calico_policy policy = { .name = "p", .key = "k", .value = value };
	struct arena arena = ARENA_INIT;
	struct strbuf yaml = STRBUF_INIT;
	struct err err = { 0 };
	struct json *doc;

	(void)state;
	assert_true(calico_policy_decode(&policy, value, &arena, &err));
	doc = calico_resource_of_policy(&policy, CALICO_API_V1);
	yaml_write(&yaml, doc);
	assert_stored(yaml.buf, value);
	json_free(doc);
	strbuf_release(&yaml);
	arena_release(&arena);
}

static void mistakes_are_named_with_their_line(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ "", "there is no policy" },
		{ "# nothing\n---\n", "there is no policy" },
		{ "just text\n", "line 1: a policy must be a map" },
		{ "kind: policy\n", "line 1: it must say" },
		{ "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\n",
		  "line 1: apiVersion projectcalico.org/v3: this datastore has version 1" },
		{ "apiVersion: v1\nkind: profile\n", "line 2: only policies" },
		{ "apiVersion: v1\nkind: policy\nspec: {}\n", "line 1: the policy has no name" },
		{ "apiVersion: v1\nkind: policy\nmetadata: {name: 'a b'}\nspec: {}\n",
		  "line 3: \"a b\" is no name" },
		{ "apiVersion: v1\nkind: policy\nmetadata: {name: a, labels: {}}\nspec: {}\n",
		  "line 3: metadata has no member \"labels\"" },
		{ "apiVersion: v1\nkind: policy\nmetadata: {name: a}\n", "has no spec" },
		{ "apiVersion: v1\nkind: policy\nmetadata: {name: a}\nspec: {}\nstatus: 1\n",
		  "line 5: a policy has no member \"status\"" },
		{ HEAD "  selektor: all()\n", "line 6: spec has no member \"selektor\"" },
		{ HEAD "  selector: role = 'x'\n", "line 6: the selector \"role = 'x'\"" },
		{ HEAD "  selector: [a]\n", "line 6: selector must be a text, not a list" },
		{ HEAD "  order: high\n", "line 6: order is a number" },
		{ HEAD "  order: nan\n", "order is a number" },
		{ HEAD "  order: 1e999\n", "order is a number" },
		{ HEAD "  order: '1'\n", "order is a number" },
		{ HEAD "  types: [Ingress]\n", "types has \"Ingress\"" },
		{ HEAD "  types: [egress, egress]\n", "egress stands twice" },
		{ HEAD "  ingress: {}\n", "ingress must be a list, not a map" },
		{ HEAD "  ingress:\n  - protocol: tcp\n", "line 7: the rule has no action" },
		{ HEAD "  ingress:\n  - action: allw\n", "line 7: an action is" },
		{ HEAD "  ingress:\n  - action: allow\n    src: {}\n",
		  "line 8: a rule has no member \"src\"" },
		{ HEAD "  ingress:\n  - action: allow\n    protocol: 256\n", "a protocol is" },
		{ HEAD "  ingress:\n  - action: allow\n    protocol: TCP\n", "a protocol is" },
		{ HEAD "  ingress:\n  - action: allow\n    destination: {ports: [80]}\n",
		  "needs the protocol tcp or udp" },
		{ HEAD
		  "  ingress:\n  - {action: allow, protocol: tcp, destination: {ports: [65536]}}\n",
		  "\"65536\" is no port" },
		{ HEAD
		  "  ingress:\n  - {action: allow, protocol: tcp, destination: {ports: ['9:1']}}\n",
		  "no range of ports" },
		{ HEAD "  ingress:\n  - {action: allow, source: {net: 10.0.0.0/8, nets: "
		       "[10.0.0.0/8]}}\n",
		  "either one net or a list" },
		{ HEAD
		  "  ingress:\n  - {action: allow, source: {nets: [10.0.0.0/8, 'fd00::/8']}}\n",
		  "is IPv6, but the rule is about IPv4" },
		{ HEAD "  ingress:\n  - {action: allow, ipVersion: 6, source: {net: 10.0.0.0/8}}\n",
		  "is IPv4, but the rule is about IPv6" },
		{ HEAD "  ingress:\n  - {action: allow, source: {nets: [10.0.0.0/33]}}\n",
		  "is no network" },
		{ HEAD "  ingress:\n  - {action: allow, source: {tag: 'a b'}}\n", "is no tag" },
		{ HEAD "  ingress:\n  - {action: allow, protocol: tcp, icmp: {type: 1}}\n",
		  "needs the protocol icmp" },
		{ HEAD "  ingress:\n  - {action: allow, protocol: icmp, icmp: {code: 1}}\n",
		  "an ICMP code needs its type" },
		{ HEAD "  ingress:\n  - {action: allow, protocol: icmp, icmp: {type: 255}}\n",
		  "type is a number from 0 to 254" },
		{ HEAD "  preDNAT: true\n  doNotTrack: true\n", "not both" },
		{ HEAD "  preDNAT: yes\n", "preDNAT is true or false" },
		{ HEAD "  preDNAT: true\n  egress: [{action: allow}]\n", "no egress rules" },
		{ "- {apiVersion: v1, kind: policy, metadata: {name: a}, spec: {}}\n"
		  "- {apiVersion: v1, kind: policy, metadata: {name: a}, spec: {}}\n",
		  "line 2: the policy a stands in line 1 already" },
		{ HEAD "  selector: &a all()\n  egress: *a\n", "line 6: anchors" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_refused(cases[i].text, cases[i].why);
}

static void a_wrong_text_is_repeated_in_part_only(void **state)
{
	struct strbuf text = STRBUF_INIT;

	(void)state;
	strbuf_addstr(&text, HEAD "  selector: ");
	strbuf_addchars(&text, 'x', 100000);
	assert_refused(text.buf, "line 6: the selector \"xxx");
	strbuf_reset(&text);
	strbuf_addchars(&text, ' ', LIMIT_YAML_FILE + 1);
	assert_refused(text.buf, "longer than");
	strbuf_release(&text);
}

#define HEAD_V3                                                                                    \
	"apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\nmetadata:\n  name: "         \
	"p\nspec:\n"

static void a_policy_of_v3_is_stored_as_v3_stores_it(void **state)
{
	static const char text[] = HEAD_V3 "  selector: role == 'nginx'\n"
					   "  types: [Ingress, Egress]\n"
					   "  ingress:\n"
					   "  - action: Allow\n"
					   "    protocol: TCP\n"
					   "    source:\n"
					   "      nets: [10.233.0.0/16]\n"
					   "    destination:\n"
					   "      ports: [80, \"90:91\"]\n"
					   "  egress:\n"
					   "  - action: Allow\n";
	struct calico_policy old = { .value =
					     "{\"metadata\":{\"name\":\"default.p\",\"uid\":\"u1\","
					     "\"labels\":{\"a\":\"b\"},"
					     "\"annotations\":{\"c\":\"d\"}},\"spec\":{}}" };
	struct calico_policy read = { .name = "p" };
	struct arena arena = ARENA_INIT;
	const struct calico_policy_draft *draft;
	struct json_list drafts;
	struct err err = { 0 };
	const char *value;
	struct json *doc;

	(void)state;
	if (!calico_policy_file_read(text, strlen(text), CALICO_API_V3, &arena, &drafts, &err))
		fail_msg("%s", err.msg);
	draft = drafts.items;
	assert_string_equal(draft->name, "p");
	assert_string_equal(draft->key, "/calico/resources/v3/projectcalico.org/"
					"globalnetworkpolicies/default.p");
	assert_string_equal(
		draft->value,
		"{\"kind\":\"GlobalNetworkPolicy\",\"apiVersion\":\"projectcalico.org/v3\","
		"\"metadata\":{\"name\":\"default.p\"},\"spec\":{\"ingress\":[{\"action\":"
		"\"Allow\",\"protocol\":\"TCP\",\"source\":{\"nets\":[\"10.233.0.0/16\"]},"
		"\"destination\":{\"ports\":[80,\"90:91\"]}}],\"egress\":[{\"action\":"
		"\"Allow\",\"source\":{},\"destination\":{}}],\"selector\":"
		"\"role == 'nginx'\",\"types\":[\"Ingress\",\"Egress\"]}}");
	assert_true(calico_policy_decode_v3(&read, draft->value, &arena, &err));
	assert_string_equal(read.inbound.rules[0].protocol, "tcp");

	/* A new one becomes somebody, a changed one stays who it is. */
	value = calico_policy_draft_value(draft, NULL, CALICO_API_V3, &arena);
	doc = json_parse(value, strlen(value), &err);
	assert_int_equal(strlen(json_str(doc, "metadata.uid", "")), 36);
	assert_true(clock_parse_rfc3339(json_str(doc, "metadata.creationTimestamp", "")) > 0);
	json_free(doc);
	value = calico_policy_draft_value(draft, &old, CALICO_API_V3, &arena);
	doc = json_parse(value, strlen(value), &err);
	assert_string_equal(json_str(doc, "metadata.uid", ""), "u1");
	assert_string_equal(json_str(doc, "metadata.labels.a", ""), "b");
	assert_null(json_get(doc, "metadata.annotations"));
	assert_string_equal(json_str(doc, "spec.selector", ""), "role == 'nginx'");
	json_free(doc);
	arena_release(&arena);
}

static void a_policy_of_the_wrong_version_is_refused(void **state)
{
	static const struct {
		const char *text, *why;
	} cases[] = {
		{ HEAD "  selector: a == 'b'\n",
		  "line 1: apiVersion v1: this datastore has version 3" },
		{ "apiVersion: projectcalico.org/v3\nkind: NetworkPolicy\n",
		  "only global network policies" },
		{ HEAD_V3 "  types: [ingress]\n", "it is Ingress or Egress" },
		{ HEAD_V3 "  ingress: [{action: allow}]\n",
		  "an action is Allow, Deny, Log or Pass" },
		{ HEAD_V3 "  ingress: [{action: Allow, protocol: tcp}]\n", "a protocol is TCP" },
		{ HEAD_V3 "  ingress: [{action: Allow, source: {tag: x}}]\n",
		  "has no member \"tag\"" },
		{ "apiVersion: projectcalico.org/v3\nkind: GlobalNetworkPolicy\n"
		  "metadata: {name: A}\nspec: {}\n",
		  "\"A\" is no name of a policy" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct arena arena = ARENA_INIT;
		struct json_list drafts;
		struct err err = { 0 };

		assert_false(calico_policy_file_read(cases[i].text, strlen(cases[i].text),
						     CALICO_API_V3, &arena, &drafts, &err));
		if (!strstr(err.msg, cases[i].why))
			fail_msg("\"%s\" does not say \"%s\"", err.msg, cases[i].why);
		arena_release(&arena);
	}
	assert_refused(HEAD_V3, "this datastore has version 1");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_policy_of_v3_is_stored_as_v3_stores_it),
		cmocka_unit_test(a_policy_of_the_wrong_version_is_refused),
		cmocka_unit_test(a_policy_is_stored_as_its_tool_stores_it),
		cmocka_unit_test(every_member_finds_its_place),
		cmocka_unit_test(directions_follow_from_the_rules_when_they_are_not_given),
		cmocka_unit_test(a_list_or_several_documents_hold_several_policies),
		cmocka_unit_test(what_is_shown_can_be_applied_again_and_stays_the_same),
		cmocka_unit_test(mistakes_are_named_with_their_line),
		cmocka_unit_test(a_wrong_text_is_repeated_in_part_only),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
