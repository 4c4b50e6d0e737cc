/* A state from a tree, and the watch over a real etcd. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/calico/store.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/calico_cluster.h"
#include "support/peer.h"
#include "support/real_etcd.h"

static struct real_etcd server;
static bool have_etcd;

static struct calico_net address(const char *text)
{
	struct calico_net net;

	assert_true(calico_net_parse(&net, text));
	return net;
}

static void all_kinds_of_keys_find_their_place(void **state)
{
	static const struct {
		const char *key, *value;
	} keys[] = {
		{ "/calico/v1/Ready", "true" },
		{ "/calico/v1/config/CalicoVersion", "v2.6.2" },
		{ "/calico/v1/config/ClusterGUID", "0b1d" },
		{ "/calico/v1/host/N1/metadata", "{}" },
		{ "/calico/v1/host/N1/bird_ip", "192.0.2.1" },
		{ "/calico/v1/host/N1/config/IpInIpTunnelAddr", "10.0.0.63" },
		{ "/calico/v1/host/N1/endpoint/eth1", "{\"name\":\"eth1\"}" },
		{ "/calico/v1/policy/tier/default/policy/a%2fb", "{\"selector\":\"x == 'y'\"}" },
		{ "/calico/v1/policy/tier/default/policy/broken", "{" },
		{ "/calico/v1/policy/profile/net/tags", "[\"net\"]" },
		{ "/calico/v1/policy/profile/net/labels", "{\"from\":\"profile\"}" },
		{ "/calico/v1/ipam/v6/pool/fd80::-64", "{\"cidr\":\"fd80::/64\"}" },
		{ "/calico/v1/ipam/v4/pool/10.0.0.0-24",
		  "{\"cidr\":\"10.0.0.0/24\",\"disabled\":true}" },
		{ "/calico/ipam/v2/handle/k8s.1", "{\"block\":{\"10.0.0.0/26\":1}}" },
		{ "/calico/ipam/v2/host/N1/ipv4/block/10.0.0.0-26", "{}" },
		{ "/calico/ipam/v2/config", "{}" },
		{ "/calico/bgp/v1/host/N1/as_num", "64513" },
		{ "/calico/bgp/v1/host/unknown/as_num", "64514" },
		{ "/calico/felix/v1/host/N1/status", "{\"time\":\"T1\",\"uptime\":2.5}" },
		{ "/calico/felix/v1/host/N1/last_reported_status", "{\"time\":\"T0\"}" },
	};
	struct cluster *cluster = cluster_new();
	struct calico_state *s;
	struct calico_net in_block = address("10.0.0.9"), outside = address("192.0.2.9");

	(void)state;
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		cluster_put(cluster, keys[i].key, keys[i].value);
	cluster_block(cluster, "10.0.0.0/26", "N1", (int[]){ 1, -1 });
	cluster_wep(cluster, "N1", 'b', "10.0.0.2");
	cluster_wep(cluster, "N1", 'a', "10.0.0.1");
	s = cluster_state(cluster);
	assert_true(s->exists && s->ready);
	assert_string_equal(s->calico_version, "v2.6.2");
	assert_int_equal(s->node_count, 1);
	assert_string_equal(s->nodes[0].bird_ip, "192.0.2.1");
	assert_string_equal(s->nodes[0].tunnel_address, "10.0.0.63");
	assert_string_equal(s->nodes[0].bgp_as_num, "64513");
	assert_true(s->nodes[0].felix_alive);
	assert_string_equal(s->nodes[0].felix_time, "T1");
	assert_int_equal(s->host_endpoint_count, 1);
	assert_string_equal(s->host_endpoints[0].name, "eth1");
	assert_int_equal(s->policy_count, 2);
	assert_string_equal(s->policies[0].name, "a/b");
	assert_non_null(s->policies[1].problem);
	assert_int_equal(s->profile_count, 1);
	assert_int_equal(s->pool_count, 3);
	assert_int_equal(s->handle_count, 1);
	assert_int_equal(s->affinity_count, 1);
	assert_int_equal(s->wep_count, 2);
	assert_ptr_equal(calico_state_wep(s, cluster_wep_key("N1", 'b')), &s->weps[1]);
	assert_null(calico_state_wep(s, cluster_wep_key("N2", 'b')));
	assert_int_equal(calico_state_pool_of(s, &in_block)->cidr.bits, 24); /* the narrowest */
	assert_null(calico_state_pool_of(s, &outside));
	assert_non_null(calico_state_block_of(s, &in_block));
	assert_null(calico_state_block_of(s, &outside));
	assert_non_null(calico_state_node(s, "N1"));
	assert_null(calico_state_node(s, "n1"));
	calico_state_unref(s);
	cluster_free(cluster);
}

static void a_block_whose_key_says_something_else_is_a_problem(void **state)
{
	struct cluster *cluster = cluster_new();
	struct calico_state *s;

	(void)state;
	cluster_put(cluster, "/calico/ipam/v2/assignment/ipv4/block/10.0.0.64-26",
		    cluster_block_value("10.0.0.0/26", "N1", (int[]){ -1 }));
	s = cluster_state(cluster);
	assert_int_equal(s->block_count, 1);
	assert_non_null(s->blocks[0].problem);
	calico_state_unref(s);
	cluster_free(cluster);
}

static void a_policy_sees_own_labels_then_profiles_labels_then_tags(void **state)
{
	static const struct {
		const char *selector;
		bool want;
	} cases[] = {
		{ "role == 'web'", true },     { "role == 'profile'", false },
		{ "from == 'profile'", true }, { "has(net)", true },
		{ "net == ''", true },         { "has(missing)", false },
		{ "role = 'broken'", false },  { "", true },
	};
	struct cluster *cluster = cluster_new();
	struct calico_state *s;

	(void)state;
	cluster_put(cluster, "/calico/v1/policy/profile/net/tags", "[\"net\"]");
	cluster_put(cluster, "/calico/v1/policy/profile/net/labels",
		    "{\"from\":\"profile\",\"role\":\"profile\"}");
	cluster_put(cluster, cluster_wep_key("N1", 'a'),
		    "{\"profile_ids\":[\"gone\",\"net\"],\"labels\":{\"role\":\"web\"}}");
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct strbuf value = STRBUF_INIT;

		strbuf_addstr(&value, "{\"selector\":");
		json_quote(&value, cases[i].selector, strlen(cases[i].selector));
		strbuf_addstr(&value, ",\"types\":[\"ingress\"]}");
		cluster_put(cluster, "/calico/v1/policy/tier/default/policy/p", value.buf);
		s = cluster_state(cluster);
		if (calico_state_selects(s, &s->policies[0], &s->weps[0]) != cases[i].want)
			fail_msg("%s", cases[i].selector);
		assert_int_equal(calico_state_effect(s, &s->weps[0]).ingress_policies,
				 cases[i].want);
		assert_int_equal(calico_state_effect(s, &s->weps[0]).egress_policies, 0);
		assert_int_equal(calico_state_effect(s, &s->weps[0]).profiles, 1);
		calico_state_unref(s);
		strbuf_release(&value);
	}
	cluster_free(cluster);
}

static void an_answer_without_a_node_is_an_error_and_no_answer_an_empty_state(void **state)
{
	struct etcd_meta meta = { .etcd_index = 3 };
	struct json *doc = json_new_object();
	struct calico_state *s;
	struct err err = { 0 };

	(void)state;
	assert_null(calico_state_new(doc, &meta, &err));
	assert_int_equal(err.code, ERR_FORMAT);
	s = calico_state_new(NULL, &meta, &err);
	assert_false(s->exists);
	assert_int_equal(s->wep_count, 0);
	assert_null(calico_state_wep(s, "/calico"));
	assert_null(calico_state_node(s, "N1"));
	calico_state_unref(s);
	json_free(doc);
}

struct seen {
	struct calico_state *state;
	unsigned count;
	bool changed;
};

static void on_state(void *arg, struct calico_state *state, const struct err *err)
{
	struct seen *seen = arg;

	if (err)
		fail_msg("%s", err->msg);
	calico_state_unref(seen->state);
	seen->state = calico_state_ref(state);
	seen->count++;
	seen->changed = true;
}

static void the_watch_gives_a_new_state_after_each_change_but_not_for_heartbeats(void **state)
{
	struct loop *loop = loop_new();
	struct http *http = http_new(loop);
	struct etcd_config config = { .endpoints = (const char *[]){ server.url, NULL } };
	struct calico_watch *watch;
	struct seen seen = { 0 };
	struct etcd *etcd;
	struct err err;

	(void)state;
	if (have_etcd) {
		etcd = etcd_new(loop, http, &config, &err);
		watch = calico_watch_start(etcd, on_state, &seen);
		assert_true(run_until(loop, &seen.changed));
		assert_false(seen.state->exists);
		seen.changed = false;
		real_etcd_put(&server, cluster_wep_key("N1", 'a'),
			      cluster_wep_value('a', "10.0.0.1"));
		assert_true(run_until(loop, &seen.changed));
		assert_int_equal(seen.state->wep_count, 1);
		assert_int_equal(seen.state->node_count, 1);
		assert_true(seen.state->weps[0].modified_index > 0);
		assert_true(seen.state->etcd_index >= seen.state->weps[0].modified_index);
		assert_true(strlen(seen.state->cluster_id) > 0);
		assert_true(calico_watch_alive_ms(watch) > 0);
		for (int i = 0; i < 3; i++) {
			real_etcd_put(&server, "/calico/felix/v1/host/N1/status", "{}");
			run_for(loop, 50);
		}
		run_for(loop, 400);
		assert_int_equal(seen.count, 2);
		seen.changed = false;
		real_etcd_put(&server,
			      "/calico/felix/v1/host/N1/workload/libnetwork/libnetwork/endpoint/x",
			      "{\"status\":\"up\"}");
		assert_true(run_until(loop, &seen.changed));
		assert_true(seen.state->nodes[0].felix_alive);
		calico_watch_stop(&watch);
		calico_state_unref(seen.state);
		etcd_free(etcd);
	}
	http_free(http);
	loop_free(loop);
	if (!have_etcd)
		skip();
}

static int start_server(void **state)
{
	(void)state;
	have_etcd = real_etcd_start(&server, true);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	real_etcd_stop(&server);
	return 0;
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(all_kinds_of_keys_find_their_place),
		cmocka_unit_test(a_block_whose_key_says_something_else_is_a_problem),
		cmocka_unit_test(a_policy_sees_own_labels_then_profiles_labels_then_tags),
		cmocka_unit_test(an_answer_without_a_node_is_an_error_and_no_answer_an_empty_state),
		cmocka_unit_test(
			the_watch_gives_a_new_state_after_each_change_but_not_for_heartbeats),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
