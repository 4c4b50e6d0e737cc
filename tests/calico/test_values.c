/* Endpoints, policies and profiles as stored. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/list.h"
#include "binnacle/calico/policy.h"
#include "binnacle/calico/workload_endpoint.h"

static const char *text_at(const struct json_list *list, size_t i)
{
	assert_true(i < list->count);
	return ((const char *const *)list->items)[i];
}

static void an_endpoint_of_the_plugin_is_read(void **state)
{
	struct calico_wep wep = { 0 };
	struct arena arena = ARENA_INIT;
	struct calico_net address;
	struct err err;

	(void)state;
	assert_true(calico_wep_decode(
		&wep,
		"{\"state\":\"active\",\"name\":\"cali0123456789a\",\"mac\":\"ee:ee:ee:ee:ee:ee\","
		"\"profile_ids\":null,\"ipv4_nets\":[\"10.0.0.8/32\",\"10.0.0.9\"],"
		"\"ipv6_nets\":[\"fd80::1/128\"],\"labels\":{\"role\":\"web\",\"b\":\"\"},"
		"\"ipv4_nat\":[{\"int_ip\":\"10.0.0.8\",\"ext_ip\":\"192.0.2.1\"}]}",
		&arena, &err));
	assert_string_equal(wep.interface_name, "cali0123456789a");
	assert_int_equal(wep.profiles.count, 0);
	assert_int_equal(wep.net_count, 3);
	assert_int_equal(wep.nets[2].version, 6);
	assert_int_equal(wep.nets[1].bits, 32); /* no mask is a full mask */
	assert_string_equal(calico_wep_label(&wep, "b"), "");
	assert_null(calico_wep_label(&wep, "c"));
	assert_string_equal(wep.nats[0].external_ip, "192.0.2.1");
	assert_string_equal(wep.active_instance_id, "");
	calico_net_parse(&address, "10.0.0.9");
	assert_true(calico_wep_has_address(&wep, &address));
	calico_net_parse(&address, "10.0.0.10");
	assert_false(calico_wep_has_address(&wep, &address));
	arena_release(&arena);
}

static void an_endpoint_is_written_as_the_plugin_does(void **state)
{
	static const char value[] =
		"{\"state\":\"active\",\"name\":\"cali0123456789a\",\"mac\":\"ee:ee:ee:ee:ee:ee\","
		"\"profile_ids\":null,\"ipv4_nets\":[\"10.0.0.8/32\"],\"ipv6_nets\":[],"
		"\"labels\":{\"role\":\"web\"}}";
	struct strbuf out = STRBUF_INIT;
	struct calico_wep wep = { 0 };
	struct arena arena = ARENA_INIT;
	struct err err;

	(void)state;
	assert_true(calico_wep_decode(&wep, value, &arena, &err));
	calico_wep_encode(&out, &wep);
	assert_string_equal(out.buf, value);
	strbuf_release(&out);
	arena_release(&arena);
}

static void what_is_no_endpoint_is_an_error(void **state)
{
	static const char *const values[] = {
		"",
		"null",
		"[]",
		"{\"state\":",
		"{\"name\":5}",
		"{\"ipv4_nets\":\"10.0.0.8/32\"}",
		"{\"ipv4_nets\":[\"10.0.0.8/99\"]}",
		"{\"ipv4_nets\":[\"fd80::1\"]}",
		"{\"labels\":[]}",
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		struct calico_wep wep = { 0 };
		struct arena arena = ARENA_INIT;
		struct err err = { 0 };

		if (calico_wep_decode(&wep, values[i], &arena, &err))
			fail_msg("accepted: %s", values[i]);
		assert_int_equal(err.code, ERR_FORMAT);
		assert_non_null(wep.interface_name);
		arena_release(&arena);
	}
}

static void a_host_endpoint_is_read(void **state)
{
	struct calico_host_endpoint hep = { 0 };
	struct arena arena = ARENA_INIT;
	struct err err;

	(void)state;
	assert_true(calico_host_endpoint_decode(&hep,
						"{\"name\":\"eth1\",\"expected_ipv4_addrs\":"
						"[\"192.0.2.7\"],\"labels\":{\"role\":\"edge\"}}",
						&arena, &err));
	assert_string_equal(hep.interface_name, "eth1");
	assert_string_equal(text_at(&hep.expected_ipv4, 0), "192.0.2.7");
	arena_release(&arena);
}

static struct calico_policy policy(const char *value, struct arena *arena)
{
	struct calico_policy out = { .name = "p" };
	struct err err = { 0 };

	if (!calico_policy_decode(&out, value, arena, &err))
		fail_msg("%s", err.msg);
	return out;
}

static void a_policy_is_read_with_its_rules(void **state)
{
	struct arena arena = ARENA_INIT;
	struct calico_policy p =
		policy("{\"order\":100.5,\"selector\":\"role == 'web'\",\"types\":[\"ingress\"],"
		       "\"inbound_rules\":[{\"action\":\"allow\",\"protocol\":\"tcp\","
		       "\"src_nets\":[\"10.0.0.0/8\"],\"src_net\":\"192.0.2.0/24\","
		       "\"dst_ports\":[80,\"8000:8010\"]},{\"action\":\"next-tier\"},"
		       "{\"protocol\":132,\"!src_selector\":\"a == 'b'\",\"!dst_ports\":[22]},{}],"
		       "\"untracked\":true,\"annotations\":{\"by\":\"me\"}}",
		       &arena);
	const struct calico_rule *rules = p.inbound.rules;
	struct strbuf text = STRBUF_INIT;

	(void)state;
	assert_true(p.has_order && p.order > 100.4 && p.order < 100.6);
	assert_true(p.ingress && !p.egress && p.untracked && !p.pre_dnat);
	assert_non_null(p.selector);
	assert_int_equal(p.inbound.count, 4);
	assert_int_equal(p.outbound.count, 0);
	assert_int_equal(rules[0].source.nets.count, 2);
	assert_string_equal(text_at(&rules[0].source.nets, 1), "192.0.2.0/24");
	assert_string_equal(text_at(&rules[0].destination.ports, 0), "80");
	assert_string_equal(rules[1].action, "pass");
	assert_string_equal(rules[2].protocol, "132");
	assert_string_equal(rules[3].action, "allow"); /* absent reads as allow */
	calico_rule_describe(&text, &rules[0]);
	assert_string_equal(text.buf,
			    "allow tcp from 10.0.0.0/8,192.0.2.0/24 to ports 80,8000:8010");
	strbuf_reset(&text);
	calico_rule_describe(&text, &rules[2]);
	assert_string_equal(text.buf, "allow 132 from endpoints without a == 'b' to not ports 22");
	strbuf_release(&text);
	arena_release(&arena);
}

static void a_policy_without_types_decides_both_directions(void **state)
{
	struct arena arena = ARENA_INIT;
	struct calico_policy p = policy("{\"selector\":\"\"}", &arena);

	(void)state;
	assert_true(p.ingress && p.egress && !p.has_order);
	p = policy("{\"selector\":\"\",\"types\":[\"egress\"]}", &arena);
	assert_true(!p.ingress && p.egress);
	arena_release(&arena);
}

static void a_broken_selector_selects_nothing_and_says_why(void **state)
{
	struct arena arena = ARENA_INIT;
	struct calico_policy p = policy("{\"selector\":\"role = 'x'\"}", &arena);

	(void)state;
	assert_null(p.selector);
	assert_non_null(strstr(p.selector_problem, "column 6"));
	assert_string_equal(p.selector_text, "role = 'x'");
	arena_release(&arena);
}

static void policies_are_tried_by_order_then_name(void **state)
{
	struct calico_policy first = { .name = "z", .has_order = true, .order = 1 };
	struct calico_policy second = { .name = "a", .has_order = true, .order = 2 };
	struct calico_policy last_a = { .name = "a" }, last_b = { .name = "b" };

	(void)state;
	assert_true(calico_policy_compare(&first, &second) < 0);
	assert_true(calico_policy_compare(&second, &last_a) < 0);
	assert_true(calico_policy_compare(&last_a, &last_b) < 0);
	assert_true(calico_policy_compare(&last_b, &first) > 0);
}

static void a_profile_needs_not_have_all_three_values(void **state)
{
	struct calico_profile profile = { 0 };
	struct arena arena = ARENA_INIT;
	struct err err;

	(void)state;
	assert_true(calico_profile_decode(&profile,
					  "{\"inbound_rules\":[{\"src_tag\":\"net\"}],"
					  "\"outbound_rules\":[{\"action\":\"allow\"}]}",
					  "[\"net\"]", NULL, &arena, &err));
	assert_string_equal(profile.inbound.rules[0].source.tag, "net");
	assert_string_equal(text_at(&profile.tags, 0), "net");
	profile = (struct calico_profile){ 0 };
	assert_true(calico_profile_decode(&profile, NULL, "[]", "null", &arena, &err));
	assert_int_equal(profile.labels.count, 0);
	assert_false(calico_profile_decode(&profile, NULL, "[", NULL, &arena, &err));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(an_endpoint_of_the_plugin_is_read),
		cmocka_unit_test(an_endpoint_is_written_as_the_plugin_does),
		cmocka_unit_test(what_is_no_endpoint_is_an_error),
		cmocka_unit_test(a_host_endpoint_is_read),
		cmocka_unit_test(a_policy_is_read_with_its_rules),
		cmocka_unit_test(a_policy_without_types_decides_both_directions),
		cmocka_unit_test(a_broken_selector_selects_nothing_and_says_why),
		cmocka_unit_test(policies_are_tried_by_order_then_name),
		cmocka_unit_test(a_profile_needs_not_have_all_three_values),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
