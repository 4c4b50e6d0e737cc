/* What a dead node leaves, taken away and put back, against a real etcd. */
#include "binnacle/calico/node_clean.h"

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
#include "binnacle/calico/ipam.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/calico_cluster.h"
#include "support/peer.h"
#include "support/real_etcd.h"

#define FULL       "10.0.0.0/26"
#define EMPTY      "10.0.0.64/26"
#define FULL_KEY   "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26"
#define EMPTY_KEY  "/calico/ipam/v2/assignment/ipv4/block/10.0.0.64-26"
#define FULL_CLAIM "/calico/ipam/v2/host/N1/ipv4/block/10.0.0.0-26"

static struct real_etcd server;
static bool have_etcd;

struct scene {
	struct loop *loop;
	struct http *http;
	struct etcd *etcd;
	struct calico_node_env env;
	struct calico_node_clean *clean;
	struct json *saved;
	unsigned saves;
	bool refuse_save;
	void (*disturb)(void);
	bool finished;
	struct calico_clean_result result;
};

static bool save(void *arg, struct json *document, struct err *err)
{
	struct scene *scene = arg;

	if (scene->refuse_save) {
		json_free(document);
		return err_set(err, ERR_SYSTEM, "disk full");
	}
	json_free(scene->saved);
	scene->saved = document;
	scene->saves++;
	if (scene->disturb)
		scene->disturb();
	scene->disturb = NULL;
	return true;
}

static void connect_to(struct scene *scene, const char *url)
{
	struct etcd_config config = { .endpoints = (const char *[]){ url, NULL } };
	struct err err;

	etcd_free(scene->etcd);
	scene->etcd = etcd_new(scene->loop, scene->http, &config, &err);
	assert_non_null(scene->etcd);
	scene->env.etcd = scene->etcd;
}

static void fill(void)
{
	struct cluster *cluster = cluster_new();

	free(real_etcd_request(&server, "DELETE", "/v2/keys/calico?recursive=true", NULL, NULL));
	cluster_node(cluster, "N1");
	cluster_node(cluster, "N2");
	cluster_put(cluster, "/calico/v1/host/N1/bird_ip", "192.0.2.1");
	cluster_put(cluster, "/calico/v1/host/N1/config/IpInIpTunnelAddr", "10.0.0.63");
	cluster_put(cluster, "/calico/v1/host/N10/metadata", "{}");
	cluster_put(cluster, "/calico/bgp/v1/host/N1/ip_addr_v4", "192.0.2.1");
	cluster_put(cluster, "/calico/bgp/v1/host/N1/ip_addr_v6", "");
	cluster_put(cluster, "/calico/bgp/v1/host/N2/ip_addr_v4", "192.0.2.2");
	cluster_put(cluster, "/calico/felix/v1/host/N1/last_reported_status", "{\"time\":\"x\"}");
	cluster_block(cluster, FULL, "N1", (int[]){ 5, 9, -1 });
	cluster_block(cluster, EMPTY, "N1", (int[]){ -1 });
	cluster_block(cluster, "10.0.0.128/26", "N2", (int[]){ 1, -1 });
	cluster_put(cluster, FULL_CLAIM, "{}");
	cluster_put(cluster, "/calico/ipam/v2/host/N1/ipv4/block/10.0.0.64-26", "{}");
	cluster_put(cluster, "/calico/ipam/v2/host/N2/ipv4/block/10.0.0.128-26", "{}");
	cluster_push(cluster, &server);
	cluster_free(cluster);
}

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	*state = scene;
	scene->loop = loop_new();
	scene->http = http_new(scene->loop);
	scene->env = (struct calico_node_env){ .arg = scene, .save = save };
	if (!have_etcd)
		return 0;
	connect_to(scene, server.url);
	fill();
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	calico_node_clean_cancel(&scene->clean);
	json_free(scene->saved);
	etcd_free(scene->etcd);
	http_free(scene->http);
	loop_free(scene->loop);
	free(scene);
	return 0;
}

#define NEEDS_ETCD                                                                                 \
	do {                                                                                       \
		if (!have_etcd)                                                                    \
			skip();                                                                    \
	} while (0)

static void on_finished(void *arg, const struct calico_clean_result *result)
{
	struct scene *scene = arg;

	assert_false(scene->finished);
	scene->finished = true;
	scene->clean = NULL;
	scene->result = *result;
}

static void finish(struct scene *scene, enum calico_outcome want)
{
	assert_false(scene->finished);
	assert_true(run_until(scene->loop, &scene->finished));
	scene->finished = false;
	if (scene->result.outcome != want)
		fail_msg("%s: %s", calico_outcome_name(scene->result.outcome),
			 scene->result.err.msg);
}

static void unclaim(struct scene *scene, const char *cidr, enum calico_outcome want)
{
	struct calico_net block;

	assert_true(calico_net_parse(&block, cidr));
	scene->clean = calico_unclaim_start(&scene->env, "N1", &block, on_finished, scene);
	finish(scene, want);
}

static void forget(struct scene *scene, enum calico_outcome want)
{
	scene->clean = calico_forget_node_start(&scene->env, "N1", on_finished, scene);
	finish(scene, want);
}

static void restore(struct scene *scene, const struct json *saved, enum calico_outcome want)
{
	scene->clean = calico_node_restore_start(&scene->env, saved, on_finished, scene);
	finish(scene, want);
}

/* The whole answer for a key; "" when it is not there. */
static char *text_of(const char *key)
{
	char path[256];
	int status;
	char *text;

	snprintf(path, sizeof(path), "/v2/keys%s", key);
	text = real_etcd_request(&server, "GET", path, NULL, &status);
	if (status != 200)
		*text = '\0';
	return text;
}

static bool is_there(const char *key)
{
	char *text = text_of(key);
	bool there = *text != '\0';

	free(text);
	return there;
}

static bool says(const char *key, const char *what)
{
	char *text = text_of(key);
	bool found = strstr(text, what) != NULL;

	free(text);
	return found;
}

static void a_block_with_addresses_becomes_nobodys(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	unclaim(scene, FULL, CALICO_DONE);
	assert_true(says(FULL_KEY, "\\\"affinity\\\":null"));
	assert_true(says(FULL_KEY, "\\\"strictAffinity\\\""));
	assert_false(is_there(FULL_CLAIM));
	assert_int_equal(scene->saves, 1);
	/* A second time there is nothing to do, and nothing is saved for undo. */
	unclaim(scene, FULL, CALICO_ALREADY_GONE);
	assert_int_equal(scene->saves, 1);
}

static void an_empty_block_goes_and_comes_back_by_undo(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	unclaim(scene, EMPTY, CALICO_DONE);
	assert_false(is_there(EMPTY_KEY));
	restore(scene, scene->saved, CALICO_DONE);
	assert_true(says(EMPTY_KEY, "host:N1"));
	assert_true(is_there("/calico/ipam/v2/host/N1/ipv4/block/10.0.0.64-26"));
}

static void undo_gives_the_block_as_it_is_now_back_to_the_node(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	unclaim(scene, FULL, CALICO_DONE);
	/* Meanwhile 9 was released and 7 taken. */
	real_etcd_put(&server, FULL_KEY, cluster_block_value(FULL, NULL, (int[]){ 5, 7, -1 }));
	restore(scene, scene->saved, CALICO_DONE);
	assert_true(says(FULL_KEY, "host:N1"));
	{
		struct arena arena = ARENA_INIT;
		struct calico_block block = { 0 };
		struct err err;
		char *answer = text_of(FULL_KEY);
		struct json *doc = json_parse(answer, strlen(answer), &err);

		assert_true(
			calico_block_decode(&block, json_str(doc, "node.value", ""), &arena, &err));
		assert_true(block.slots[5].allocated && block.slots[7].allocated);
		assert_false(block.slots[9].allocated);
		json_free(doc);
		free(answer);
		arena_release(&arena);
	}
}

static void undo_leaves_a_block_that_is_somebody_elses_by_now(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	unclaim(scene, FULL, CALICO_DONE);
	real_etcd_put(&server, FULL_KEY, cluster_block_value(FULL, "N2", (int[]){ 5, -1 }));
	restore(scene, scene->saved, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "N2"));
	assert_true(says(FULL_KEY, "host:N2"));
	assert_false(is_there(FULL_CLAIM));
}

static void undo_never_writes_a_block_with_addresses_back_whole(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	unclaim(scene, FULL, CALICO_DONE);
	free(real_etcd_request(&server, "DELETE", "/v2/keys" FULL_KEY, NULL, NULL));
	restore(scene, scene->saved, CALICO_REFUSED);
	assert_false(is_there(FULL_KEY));
}

static void take_an_address(void)
{
	real_etcd_put(&server, FULL_KEY, cluster_block_value(FULL, "N1", (int[]){ 5, 9, 11, -1 }));
}

static void a_block_that_changes_meanwhile_is_read_again(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	scene->disturb = take_an_address;
	unclaim(scene, FULL, CALICO_DONE);
	assert_int_equal(scene->saves, 2);
	assert_true(says(FULL_KEY, "\\\"affinity\\\":null"));
	assert_non_null(strstr(json_str(scene->saved, "block_value", ""), "host:N1"));
}

static void the_claim_goes_when_the_block_is_somebody_elses(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	real_etcd_put(&server, FULL_KEY, cluster_block_value(FULL, "N2", (int[]){ 5, -1 }));
	unclaim(scene, FULL, CALICO_DONE);
	assert_true(says(FULL_KEY, "host:N2"));
	assert_false(is_there(FULL_CLAIM));
}

static void unclaim_all(struct scene *scene)
{
	unclaim(scene, FULL, CALICO_DONE);
	unclaim(scene, EMPTY, CALICO_DONE);
}

static void all_keys_of_the_node_go_and_nothing_else(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	unclaim_all(scene);
	forget(scene, CALICO_DONE);
	assert_false(is_there("/calico/v1/host/N1"));
	assert_false(is_there("/calico/bgp/v1/host/N1"));
	assert_false(is_there("/calico/felix/v1/host/N1"));
	assert_false(is_there("/calico/ipam/v2/host/N1"));
	assert_true(is_there("/calico/v1/host/N2/metadata"));
	assert_true(is_there("/calico/v1/host/N10/metadata"));
	assert_true(is_there("/calico/bgp/v1/host/N2/ip_addr_v4"));
	assert_true(is_there("/calico/ipam/v2/host/N2/ipv4/block/10.0.0.128-26"));
	forget(scene, CALICO_ALREADY_GONE);
}

static void the_keys_come_back_by_undo(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	unclaim_all(scene);
	forget(scene, CALICO_DONE);
	restore(scene, scene->saved, CALICO_DONE);
	assert_true(says("/calico/v1/host/N1/bird_ip", "192.0.2.1"));
	assert_true(says("/calico/v1/host/N1/config/IpInIpTunnelAddr", "10.0.0.63"));
	assert_true(is_there("/calico/bgp/v1/host/N1/ip_addr_v6"));
	restore(scene, scene->saved, CALICO_ALREADY_GONE);
	/* And not over what stands there again. */
	real_etcd_put(&server, "/calico/v1/host/N1/bird_ip", "192.0.2.9");
	restore(scene, scene->saved, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "there again"));
}

static void a_node_that_reports_is_left_alone(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	real_etcd_put(&server, "/calico/felix/v1/host/N1/status", "{\"time\":\"now\"}");
	unclaim(scene, FULL, CALICO_REFUSED);
	forget(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "alive"));
	assert_true(is_there(FULL_CLAIM));
	assert_true(is_there("/calico/v1/host/N1/bird_ip"));
	assert_int_equal(scene->saves, 0);
}

static void what_is_still_there_keeps_the_node(void **state)
{
	static const struct {
		const char *key, *what;
	} rows[] = {
		{ "/calico/v1/host/N1/workload/k8s/w/endpoint/eth0", "endpoint" },
		{ "/calico/v1/host/N1/endpoint/eth1", "host endpoint" },
		{ FULL_CLAIM, "claim" },
	};
	struct scene *scene = *state;

	NEEDS_ETCD;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		fill();
		unclaim_all(scene);
		real_etcd_put(&server, rows[i].key, "{}");
		scene->saves = 0;
		forget(scene, CALICO_REFUSED);
		assert_non_null(strstr(scene->result.err.msg, rows[i].what));
		assert_true(is_there("/calico/v1/host/N1/bird_ip"));
		assert_int_equal(scene->saves, 0);
	}
}

static void change_the_last_key(void)
{
	real_etcd_put(&server, "/calico/felix/v1/host/N1/last_reported_status", "{\"time\":\"y\"}");
}

static void a_key_that_changes_meanwhile_stops_it_there(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	unclaim_all(scene);
	scene->disturb = change_the_last_key;
	forget(scene, CALICO_FAILED);
	assert_int_equal(scene->result.err.code, ERR_CONFLICT);
	assert_non_null(strstr(scene->result.err.msg, "5 of 6 keys were written"));
	assert_true(says("/calico/felix/v1/host/N1/last_reported_status", "y"));
	/* What did go can be put back. */
	assert_false(is_there("/calico/v1/host/N1/bird_ip"));
	restore(scene, scene->saved, CALICO_REFUSED);
	free(real_etcd_request(&server, "DELETE",
			       "/v2/keys/calico/felix/v1/host/N1/last_reported_status", NULL,
			       NULL));
	restore(scene, scene->saved, CALICO_DONE);
	assert_true(is_there("/calico/v1/host/N1/bird_ip"));
}

static void without_a_record_nothing_is_done(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	scene->refuse_save = true;
	unclaim(scene, FULL, CALICO_FAILED);
	assert_true(says(FULL_KEY, "host:N1"));
	assert_non_null(strstr(scene->result.err.msg, "disk full"));
}

static void without_etcd_nothing_is_known_to_have_happened(void **state)
{
	struct scene *scene = *state;

	connect_to(scene, "http://127.0.0.1:1");
	unclaim(scene, FULL, CALICO_FAILED);
	assert_int_equal(scene->result.err.code, ERR_UNREACHABLE);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_block_with_addresses_becomes_nobodys),
		TEST(an_empty_block_goes_and_comes_back_by_undo),
		TEST(undo_gives_the_block_as_it_is_now_back_to_the_node),
		TEST(undo_leaves_a_block_that_is_somebody_elses_by_now),
		TEST(undo_never_writes_a_block_with_addresses_back_whole),
		TEST(a_block_that_changes_meanwhile_is_read_again),
		TEST(the_claim_goes_when_the_block_is_somebody_elses),
		TEST(all_keys_of_the_node_go_and_nothing_else),
		TEST(the_keys_come_back_by_undo),
		TEST(a_node_that_reports_is_left_alone),
		TEST(what_is_still_there_keeps_the_node),
		TEST(a_key_that_changes_meanwhile_stops_it_there),
		TEST(without_a_record_nothing_is_done),
		TEST(without_etcd_nothing_is_known_to_have_happened),
	};
	int failed;

	have_etcd = real_etcd_start(&server, true);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (have_etcd)
		real_etcd_stop(&server);
	return failed;
}
