/* The resources of API v3, and the watch over a real etcd's v3 API. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/list.h"
#include "binnacle/calico/store.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/calico_cluster.h"
#include "support/peer.h"
#include "support/real_etcd.h"

#define EID      "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define WEPS     CALICO_RESOURCES "/workloadendpoints/"
#define WEP_NAME "dock--1-libnetwork-libnetwork-" EID
#define RESOURCE(kind, meta, spec)                                                                 \
	"{\"kind\":\"" kind "\",\"apiVersion\":\"projectcalico.org/v3\",\"metadata\":{" meta       \
	"},\"spec\":{" spec "}}"

static struct real_etcd server;
static bool have_etcd;

static struct calico_net address(const char *text)
{
	struct calico_net net;

	assert_true(calico_net_parse(&net, text));
	return net;
}

static void names_of_endpoints_are_split_and_joined(void **state)
{
	struct arena arena = ARENA_INIT;
	struct strbuf key = STRBUF_INIT;
	struct calico_wep_id id;

	(void)state;
	assert_true(calico_wep_key_split(&id, WEPS "libnetwork/" WEP_NAME, &arena));
	assert_string_equal(id.name_space, "libnetwork");
	assert_string_equal(id.node, "dock-1");
	assert_string_equal(id.orchestrator, "libnetwork");
	assert_string_equal(id.workload, "libnetwork");
	assert_string_equal(id.endpoint, EID);
	assert_true(calico_wep_id_is_docker(&id));
	calico_wep_key(&key, &id);
	assert_string_equal(key.buf, WEPS "libnetwork/" WEP_NAME);
	assert_true(calico_wep_key_split(&id, WEPS "default/n-k8s-my--pod--0-eth0", &arena));
	assert_string_equal(id.workload, "my-pod-0");
	assert_false(calico_wep_id_is_docker(&id));
	strbuf_release(&key);
	arena_release(&arena);
}

static void what_is_no_name_of_an_endpoint_is_refused(void **state)
{
	static const char *const keys[] = {
		WEPS,
		WEPS "a",
		WEPS "a/",
		WEPS "a/b",
		WEPS "a/n-o-w",
		WEPS "a/n-o-w-e-x",
		WEPS "a/n-o--w-e",
		WEPS "a/n---o-w-e",
		WEPS "a/-n-o-w-e",
		WEPS "a/n-o-w-e-",
		WEPS "a/n-o-w-",
		WEPS "a/n-o-w-e/x",
		WEPS "/n-o-w-e",
		CALICO_RESOURCES "/nodes/n-o-w-e",
	};
	struct arena arena = ARENA_INIT;
	struct calico_wep_id id;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		if (calico_wep_key_split(&id, keys[i], &arena))
			fail_msg("%s", keys[i]);
	arena_release(&arena);
}

static struct calico_state *state_of(const char *const keys[][2], size_t count)
{
	struct cluster *cluster = cluster_new();
	struct calico_state *state;

	for (size_t i = 0; i < count; i++)
		cluster_put(cluster, keys[i][0], keys[i][1]);
	cluster_block(cluster, "10.0.0.0/26", "dock-1", (int[]){ 1, -1 });
	state = cluster_state(cluster);
	cluster_free(cluster);
	return state;
}

static void all_kinds_of_resources_find_their_place(void **state)
{
	static const char *const keys[][2] = {
		{ CALICO_RESOURCES "/clusterinformations/default",
		  RESOURCE("ClusterInformation", "\"name\":\"default\"",
			   "\"clusterGUID\":\"0b1d\",\"calicoVersion\":\"v3.1.3\","
			   "\"datastoreReady\":true") },
		{ CALICO_RESOURCES "/nodes/dock-1",
		  RESOURCE("Node", "\"name\":\"dock-1\"",
			   "\"bgp\":{\"ipv4Address\":\"192.0.2.1/24\",\"asNumber\":64513,"
			   "\"ipv4IPIPTunnelAddr\":\"10.0.0.63\"}") },
		{ WEPS "default/" WEP_NAME,
		  RESOURCE("WorkloadEndpoint",
			   "\"namespace\":\"default\",\"labels\":{\"role\":\"web\","
			   "\"projectcalico.org/orchestrator\":\"libnetwork\"}",
			   "\"node\":\"dock-1\",\"orchestrator\":\"libnetwork\","
			   "\"workload\":\"libnetwork\",\"endpoint\":\"" EID "\","
			   "\"ipNetworks\":[\"fd80::1/128\",\"10.0.0.1/32\"],"
			   "\"ipNATs\":[{\"internalIP\":\"10.0.0.1\","
			   "\"externalIP\":\"192.0.2.7\"}],\"profiles\":[\"net\"],"
			   "\"interfaceName\":\"cali1\",\"mac\":\"ee:ee:ee:ee:ee:ee\"") },
		{ CALICO_RESOURCES "/hostendpoints/eth1",
		  RESOURCE("HostEndpoint", "\"labels\":{\"a\":\"b\"}",
			   "\"node\":\"dock-1\",\"interfaceName\":\"eth1\","
			   "\"expectedIPs\":[\"fd80::9\",\"192.0.2.1\"]") },
		{ CALICO_RESOURCES "/globalnetworkpolicies/default.web",
		  RESOURCE("GlobalNetworkPolicy", "\"name\":\"default.web\"",
			   "\"order\":10.5,\"selector\":\"role == 'web'\",\"types\":[\"Ingress\"],"
			   "\"ingress\":[{\"action\":\"Allow\",\"protocol\":\"TCP\","
			   "\"source\":{\"nets\":[\"10.0.0.0/8\"],"
			   "\"namespaceSelector\":\"has(x)\"},"
			   "\"destination\":{\"ports\":[80,\"443:444\"]}},"
			   "{\"action\":\"Deny\",\"protocol\":17,"
			   "\"notICMP\":{\"type\":8}}]") },
		{ CALICO_RESOURCES "/networkpolicies/default/default.here",
		  RESOURCE("NetworkPolicy", "\"name\":\"default.here\"", "") },
		{ CALICO_RESOURCES "/networkpolicies/other/default.there",
		  RESOURCE("NetworkPolicy", "\"name\":\"default.there\"", "") },
		{ CALICO_RESOURCES "/profiles/net",
		  RESOURCE("Profile", "\"name\":\"net\"",
			   "\"labelsToApply\":{\"from\":\"profile\"},"
			   "\"egress\":[{\"action\":\"Allow\"}]") },
		{ CALICO_RESOURCES "/ippools/small",
		  RESOURCE("IPPool", "\"name\":\"small\"",
			   "\"cidr\":\"10.0.0.0/24\",\"ipipMode\":\"CrossSubnet\","
			   "\"disabled\":true") },
		{ "/calico/ipam/v2/handle/k8s.1", "{\"block\":{\"10.0.0.0/26\":1}}" },
		{ "/calico/ipam/v2/host/dock-1/ipv4/block/10.0.0.0-26",
		  "{\"state\":\"confirmed\"}" },
		{ "/calico/felix/v2/no-region/host/dock-1/status",
		  "{\"time\":\"T1\",\"uptime\":2.5}" },
	};
	struct calico_state *s = state_of(keys, COUNT_OF(keys));
	struct calico_net in_block = address("10.0.0.9");
	struct strbuf text = STRBUF_INIT;
	const struct calico_wep *wep;

	(void)state;
	assert_int_equal(s->api, CALICO_API_V3);
	assert_true(s->exists && s->ready);
	assert_string_equal(s->calico_version, "v3.1.3");
	assert_string_equal(s->cluster_guid, "0b1d");
	assert_int_equal(s->node_count, 1);
	assert_string_equal(s->nodes[0].bird_ip, "192.0.2.1");
	assert_string_equal(s->nodes[0].tunnel_address, "10.0.0.63");
	assert_string_equal(s->nodes[0].bgp_as_num, "64513");
	assert_true(s->nodes[0].felix_alive);
	assert_false(s->nodes[0].felix_unknown);
	assert_int_equal(s->wep_count, 1);
	wep = &s->weps[0];
	assert_null(wep->problem);
	assert_int_equal(wep->net_count, 2);
	assert_int_equal(wep->nets[0].version, 4);
	assert_int_equal(wep->nat_count, 1);
	assert_string_equal(wep->nats[0].external_ip, "192.0.2.7");
	assert_string_equal(wep->interface_name, "cali1");
	assert_int_equal(calico_wep_own_labels(wep), 1);
	assert_string_equal(calico_state_label(s, wep, "role"), "web");
	assert_string_equal(calico_state_label(s, wep, "from"), "profile");
	assert_string_equal(calico_state_label(s, wep, "projectcalico.org/orchestrator"),
			    "libnetwork");
	assert_int_equal(s->host_endpoint_count, 1);
	assert_string_equal(s->host_endpoints[0].node, "dock-1");
	assert_int_equal(s->host_endpoints[0].expected_ipv4.count, 1);
	assert_int_equal(s->host_endpoints[0].expected_ipv6.count, 1);
	assert_int_equal(s->policy_count, 3);
	assert_string_equal(s->policies[0].name, "web");
	assert_true(s->policies[0].ingress && !s->policies[0].egress);
	assert_true(calico_state_selects(s, &s->policies[0], wep));
	calico_rule_describe(&text, &s->policies[0].inbound.rules[0]);
	assert_string_equal(text.buf, "allow tcp from 10.0.0.0/8 namespaces with has(x) "
				      "to ports 80,443:444");
	strbuf_reset(&text);
	calico_rule_describe(&text, &s->policies[0].inbound.rules[1]);
	assert_string_equal(text.buf, "deny 17 not type 8");
	assert_string_equal(s->policies[1].name, "default/here");
	assert_true(calico_state_selects(s, &s->policies[1], wep));
	assert_string_equal(s->policies[2].name, "other/there");
	assert_false(calico_state_selects(s, &s->policies[2], wep)); /* another namespace */
	assert_int_equal(s->profile_count, 1);
	assert_string_equal(s->profiles[0].outbound.rules[0].action, "allow");
	assert_int_equal(s->pool_count, 2);
	assert_int_equal(calico_state_pool_of(s, &in_block)->cidr.bits, 24);
	assert_true(calico_state_pool_of(s, &in_block)->disabled);
	assert_string_equal(calico_state_pool_of(s, &in_block)->ipip_mode, "cross-subnet");
	assert_int_equal(s->handle_count, 1);
	assert_int_equal(s->affinity_count, 1);
	assert_string_equal(calico_state_block_of(s, &in_block)->affinity, "dock-1");
	strbuf_release(&text);
	calico_state_unref(s);
}

static void an_endpoint_whose_value_is_of_another_one_is_a_problem(void **state)
{
	static const char *const values[] = {
		"nonsense",
		"{}",
		RESOURCE("Node", "\"namespace\":\"default\"", ""),
		RESOURCE("WorkloadEndpoint", "\"namespace\":\"libnetwork\"",
			 "\"node\":\"dock-1\",\"orchestrator\":\"libnetwork\",\"endpoint\":\"" EID
			 "\""),
		RESOURCE("WorkloadEndpoint", "\"namespace\":\"default\"",
			 "\"node\":\"dock-2\",\"orchestrator\":\"libnetwork\",\"endpoint\":\"" EID
			 "\""),
		RESOURCE("WorkloadEndpoint", "\"namespace\":\"default\"",
			 "\"node\":\"dock-1\",\"orchestrator\":\"libnetwork\",\"endpoint\":\"b\""),
		RESOURCE("WorkloadEndpoint", "\"namespace\":\"default\"",
			 "\"node\":\"dock-1\",\"orchestrator\":\"libnetwork\",\"endpoint\":\"" EID
			 "\",\"ipNetworks\":[\"here\"]"),
		RESOURCE("WorkloadEndpoint", "\"namespace\":\"default\"",
			 "\"node\":\"dock-1\",\"orchestrator\":\"libnetwork\",\"endpoint\":\"" EID
			 "\",\"ipNetworks\":7"),
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(values); i++) {
		const char *const keys[][2] = { { WEPS "default/" WEP_NAME, values[i] } };
		struct calico_state *s = state_of(keys, 1);

		assert_int_equal(s->wep_count, 1);
		if (!s->weps[0].problem)
			fail_msg("%s", values[i]);
		assert_int_equal(s->weps[0].net_count, 0);
		calico_state_unref(s);
	}
}

static void resources_that_cannot_be_read_are_marked(void **state)
{
	static const char *const keys[][2] = {
		{ CALICO_RESOURCES "/nodes/dock-1", "nonsense" },
		{ CALICO_RESOURCES "/hostendpoints/eth1", "{}" },
		{ CALICO_RESOURCES "/globalnetworkpolicies/default.a",
		  RESOURCE("NetworkPolicy", "", "") },
		{ CALICO_RESOURCES "/globalnetworkpolicies/default.b",
		  RESOURCE("GlobalNetworkPolicy", "", "\"types\":[\"ingress\"]") },
		{ CALICO_RESOURCES "/globalnetworkpolicies/default.c",
		  RESOURCE("GlobalNetworkPolicy", "", "\"ingress\":[7]") },
		{ CALICO_RESOURCES "/globalnetworkpolicies/default.d",
		  RESOURCE("GlobalNetworkPolicy", "", "\"selector\":\"role =\"") },
		{ CALICO_RESOURCES "/globalnetworkpolicies/default.e",
		  RESOURCE("GlobalNetworkPolicy", "", "\"namespaceSelector\":\"has(x)\"") },
		{ CALICO_RESOURCES "/profiles/net", RESOURCE("Profile", "", "\"egress\":{}") },
		{ CALICO_RESOURCES "/ippools/bad", RESOURCE("IPPool", "", "\"cidr\":\"x\"") },
	};
	struct calico_state *s = state_of(keys, COUNT_OF(keys));

	(void)state;
	assert_int_equal(s->node_count, 1);
	assert_true(s->nodes[0].felix_unknown);
	assert_non_null(s->host_endpoints[0].problem);
	assert_int_equal(s->policy_count, 5);
	for (size_t i = 0; i < 3; i++)
		assert_non_null(s->policies[i].problem);
	assert_non_null(s->policies[3].selector_problem);
	assert_non_null(strstr(s->policies[4].selector_problem, "namespaceSelector"));
	assert_null(s->policies[4].selector);
	assert_non_null(s->profiles[0].problem);
	assert_non_null(s->pools[1].problem);
	calico_state_unref(s);
}

struct seen {
	struct calico_state *state;
	bool changed;
};

static void on_state(void *arg, struct calico_state *state, const struct err *err)
{
	struct seen *seen = arg;

	if (err)
		fail_msg("%s", err->msg);
	calico_state_unref(seen->state);
	seen->state = calico_state_ref(state);
	seen->changed = true;
}

static void the_watch_gives_a_new_state_after_each_change(void **state)
{
	struct loop *loop = loop_new();
	struct http *http = http_new(loop);
	struct etcd_config config = { .api = ETCD_V3,
				      .endpoints = (const char *[]){ server.url, NULL } };
	struct calico_watch *watch;
	struct seen seen = { 0 };
	const char *key;
	struct etcd *etcd;
	struct err err;

	(void)state;
	if (have_etcd) {
		etcd = etcd_new(loop, http, &config, &err);
		watch = calico_watch_start(etcd, on_state, &seen);
		assert_true(run_until(loop, &seen.changed));
		assert_false(seen.state->exists);
		assert_int_equal(seen.state->api, CALICO_API_V3);
		seen.changed = false;
		key = cluster_wep_key("N1", 'a');
		cluster_store(&server, key, cluster_wep_value('a', "10.0.0.1"));
		assert_true(run_until(loop, &seen.changed));
		assert_int_equal(seen.state->wep_count, 1);
		assert_null(seen.state->weps[0].problem);
		assert_true(seen.state->weps[0].modified_index > 0);
		assert_true(seen.state->etcd_index >= seen.state->weps[0].modified_index);
		assert_true(strlen(seen.state->cluster_id) > 0);
		seen.changed = false;
		cluster_store(&server, cluster_wep_key("N1", 'a'), NULL);
		assert_true(run_until(loop, &seen.changed));
		assert_int_equal(seen.state->wep_count, 0);
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
	cluster_use(CALICO_API_V3);
	have_etcd = real_etcd_start(&server, false);
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
		cmocka_unit_test(names_of_endpoints_are_split_and_joined),
		cmocka_unit_test(what_is_no_name_of_an_endpoint_is_refused),
		cmocka_unit_test(all_kinds_of_resources_find_their_place),
		cmocka_unit_test(an_endpoint_whose_value_is_of_another_one_is_a_problem),
		cmocka_unit_test(resources_that_cannot_be_read_are_marked),
		cmocka_unit_test(the_watch_gives_a_new_state_after_each_change),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
