#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/list.h"
#include "binnacle/calico/keys.h"

#define EID "0123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef"

static void names_are_escaped_percent_first_and_back_in_reverse(void **state)
{
	static const struct {
		const char *plain, *escaped;
	} cases[] = {
		{ "plain", "plain" },   { "a/b", "a%2fb" }, { "100%", "100%25" },
		{ "%2f", "%252f" },     { "%25", "%2525" }, { "a%/b", "a%25%2fb" },
		{ "%%2f", "%25%252f" }, { "", "" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct strbuf out = STRBUF_INIT;

		calico_name_escape(&out, cases[i].plain);
		assert_string_equal(out.buf, cases[i].escaped);
		strbuf_reset(&out);
		calico_name_unescape(&out, cases[i].escaped, strlen(cases[i].escaped));
		assert_string_equal(out.buf, cases[i].plain);
		strbuf_release(&out);
	}
}

static void upper_case_and_other_escapes_stay(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	calico_name_unescape(&out, "a%2Fb%41%2", 10);
	assert_string_equal(out.buf, "a%2Fb%41%2");
	strbuf_release(&out);
}

static void the_key_of_an_endpoint_is_built_and_split(void **state)
{
	struct calico_wep_id id = { "W708-X-1", "libnetwork", "libnetwork", EID, NULL }, back;
	struct strbuf key = STRBUF_INIT;
	struct arena arena = ARENA_INIT;

	(void)state;
	calico_wep_key(&key, &id);
	assert_string_equal(key.buf, "/calico/v1/host/W708-X-1/workload/libnetwork/libnetwork/"
				     "endpoint/" EID);
	assert_true(calico_wep_key_split(&back, key.buf, &arena));
	assert_string_equal(back.node, "W708-X-1");
	assert_string_equal(back.endpoint, EID);
	assert_true(calico_wep_id_is_docker(&back));
	strbuf_reset(&key);
	calico_wep_folder_key(&key, &id, 0);
	assert_string_equal(key.buf,
			    "/calico/v1/host/W708-X-1/workload/libnetwork/libnetwork/endpoint");
	strbuf_reset(&key);
	calico_wep_folder_key(&key, &id, 1);
	assert_string_equal(key.buf, "/calico/v1/host/W708-X-1/workload/libnetwork/libnetwork");
	strbuf_release(&key);
	arena_release(&arena);
}

static void names_with_a_slash_survive_a_key(void **state)
{
	struct calico_wep_id id = { "n", "k8s", "default/pod%1", "eth0", NULL }, back;
	struct strbuf key = STRBUF_INIT;
	struct arena arena = ARENA_INIT;

	(void)state;
	calico_wep_key(&key, &id);
	assert_string_equal(key.buf,
			    "/calico/v1/host/n/workload/k8s/default%2fpod%251/endpoint/eth0");
	assert_true(calico_wep_key_split(&back, key.buf, &arena));
	assert_string_equal(back.workload, "default/pod%1");
	assert_false(calico_wep_id_is_docker(&back));
	strbuf_release(&key);
	arena_release(&arena);
}

static void other_keys_are_no_endpoints(void **state)
{
	static const char *const keys[] = {
		"",
		"/calico/v1/host/n/metadata",
		"/calico/v1/host/n/endpoint/eth1",
		"/calico/v1/host/n/workload/a/b/endpoint",
		"/calico/v1/host/n/workload/a/b/endpoint/",
		"/calico/v1/host/n/workload/a/b/endpoint/x/y",
		"/calico/v1/host//workload/a/b/endpoint/x",
		"/calico/v1/host/n/workloads/a/b/endpoint/x",
		"/calico/felix/v1/host/n/workload/a/b/endpoint/x",
	};
	struct calico_wep_id id;
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		assert_false(calico_wep_key_split(&id, keys[i], &arena));
	arena_release(&arena);
}

static void only_64_hexadecimal_digits_are_an_endpoint_of_docker(void **state)
{
	struct calico_wep_id id = { "n", "libnetwork", "libnetwork", EID, NULL };

	(void)state;
	assert_true(calico_wep_id_is_docker(&id));
	id.endpoint = EID "0";
	assert_false(calico_wep_id_is_docker(&id));
	id.endpoint = "X123456789abcdef0123456789abcdef0123456789abcdef0123456789abcdef";
	assert_false(calico_wep_id_is_docker(&id));
	id.endpoint = EID;
	id.orchestrator = "cni";
	assert_false(calico_wep_id_is_docker(&id));
}

static void blocks_and_pools_have_a_dash_for_the_slash(void **state)
{
	struct strbuf key = STRBUF_INIT;
	struct calico_net block, back;

	(void)state;
	assert_true(calico_net_parse(&block, "10.233.1.64/26"));
	calico_block_key(&key, &block);
	assert_string_equal(key.buf, "/calico/ipam/v2/assignment/ipv4/block/10.233.1.64-26");
	assert_true(calico_block_key_split(&back, key.buf));
	assert_true(calico_net_equal(&block, &back));
	strbuf_reset(&key);
	assert_true(calico_net_parse(&block, "fd80:24e2:f998:72d6::/122"));
	calico_block_key(&key, &block);
	assert_string_equal(key.buf,
			    "/calico/ipam/v2/assignment/ipv6/block/fd80:24e2:f998:72d6::-122");
	assert_true(calico_block_key_split(&back, key.buf));
	assert_true(calico_net_equal(&block, &back));
	strbuf_reset(&key);
	calico_net_parse(&block, "10.233.0.0/16");
	calico_pool_key(&key, &block);
	assert_string_equal(key.buf, "/calico/v1/ipam/v4/pool/10.233.0.0-16");
	strbuf_reset(&key);
	calico_policy_key(&key, "a/b");
	assert_string_equal(key.buf, "/calico/v1/policy/tier/default/policy/a%2fb");
	assert_false(calico_block_key_split(&back, "/calico/ipam/v2/assignment/ipv4/block/x-26"));
	assert_false(calico_block_key_split(&back, "/calico/ipam/v2/config"));
	strbuf_release(&key);
}

static void names_are_held_to_calicos_rules(void **state)
{
	char long_name[514];

	(void)state;
	memset(long_name, 'a', sizeof(long_name));
	long_name[128] = '\0';
	assert_true(calico_name_is_valid(CALICO_NAME_NODE, long_name));
	long_name[128] = 'a';
	long_name[129] = '\0';
	assert_false(calico_name_is_valid(CALICO_NAME_NODE, long_name));
	assert_true(calico_name_is_valid(CALICO_NAME_NODE, "W708-X_1.y"));
	assert_false(calico_name_is_valid(CALICO_NAME_NODE, "a/b"));
	assert_true(calico_name_is_valid(CALICO_NAME_ENDPOINT, "a/b"));
	assert_false(calico_name_is_valid(CALICO_NAME_ENDPOINT, ""));
	assert_true(calico_name_is_valid(CALICO_NAME_INTERFACE, "cali01234567890"));
	assert_false(calico_name_is_valid(CALICO_NAME_INTERFACE, "cali012345678901"));
	assert_false(calico_name_is_valid(CALICO_NAME_INTERFACE, "eth0.1"));
	assert_true(calico_name_is_valid(CALICO_NAME_LABEL, "a/b.c_d-e"));
	assert_true(calico_name_is_valid(CALICO_NAME_LABEL_VALUE, ""));
	assert_true(calico_name_is_valid(CALICO_NAME_LABEL_VALUE, "v1.2"));
	assert_false(calico_name_is_valid(CALICO_NAME_LABEL_VALUE, "v1."));
	assert_false(calico_name_is_valid(CALICO_NAME_LABEL_VALUE, "bad value"));
}

static void addresses_are_parsed_strictly_and_printed_back(void **state)
{
	static const struct {
		const char *text, *want, *cidr;
	} cases[] = {
		{ "10.1.2.3", "10.1.2.3", "10.1.2.3/32" },
		{ "10.1.2.3/32", "10.1.2.3", "10.1.2.3/32" },
		{ "10.1.2.0/24", "10.1.2.0/24", "10.1.2.0/24" },
		{ "FD80::1", "fd80::1", "fd80::1/128" },
	};
	static const char *const bad[] = { "",          "/",           "10.1.2",      "10.1.2.3/33",
					   "10.1.2.3/", "10.1.2.3/-1", "10.1.2.3/ 8", "x",
					   "::1/129" };
	char out[CALICO_NET_TEXT_BYTES];
	struct calico_net net;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_true(calico_net_parse(&net, cases[i].text));
		assert_string_equal(calico_net_text(&net, out), cases[i].want);
		assert_string_equal(calico_net_text_cidr(&net, out), cases[i].cidr);
	}
	for (size_t i = 0; i < COUNT_OF(bad); i++)
		assert_false(calico_net_parse(&net, bad[i]));
}

static void the_place_in_a_block_and_the_address_at_a_place_agree(void **state)
{
	static const char *const blocks[] = { "10.233.1.192/26", "fd80::ffc0/122", "0.0.0.0/26" };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(blocks); i++) {
		struct calico_net block, address;

		assert_true(calico_net_parse(&block, blocks[i]));
		for (uint32_t ordinal = 0; ordinal < 64; ordinal++) {
			address = calico_net_at(&block, ordinal);
			assert_true(calico_net_contains(&block, &address));
			assert_int_equal(calico_net_ordinal(&block, &address), ordinal);
		}
		address = calico_net_at(&block, 64);
		assert_false(calico_net_contains(&block, &address));
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(names_are_escaped_percent_first_and_back_in_reverse),
		cmocka_unit_test(upper_case_and_other_escapes_stay),
		cmocka_unit_test(the_key_of_an_endpoint_is_built_and_split),
		cmocka_unit_test(names_with_a_slash_survive_a_key),
		cmocka_unit_test(other_keys_are_no_endpoints),
		cmocka_unit_test(only_64_hexadecimal_digits_are_an_endpoint_of_docker),
		cmocka_unit_test(blocks_and_pools_have_a_dash_for_the_slash),
		cmocka_unit_test(names_are_held_to_calicos_rules),
		cmocka_unit_test(addresses_are_parsed_strictly_and_printed_back),
		cmocka_unit_test(the_place_in_a_block_and_the_address_at_a_place_agree),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
