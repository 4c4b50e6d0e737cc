/* What a dead node leaves in API v3, taken away and put back, against a real etcd. */
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
#include "binnacle/calico/store.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/calico_cluster.h"
#include "support/peer.h"
#include "support/real_etcd.h"

#define NODE_KEY CALICO_RESOURCES "/nodes/N1"
#define CONFIG   CALICO_RESOURCES "/felixconfigurations/node.N1"
#define REPORT   "/calico/felix/v2/no-region/host/N1/last_reported_status"
#define ALIVE    "/calico/felix/v2/no-region/host/N1/status"
#define CLAIM    "/calico/ipam/v2/host/N1/ipv4/block/10.0.0.0-26"
#define HEP      CALICO_RESOURCES "/hostendpoints/eth1"
#define HEP_OF(node)                                                                               \
	"{\"kind\":\"HostEndpoint\",\"metadata\":{\"name\":\"eth1\"},\"spec\":{\"node\":\"" node   \
	"\"}}"

static struct real_etcd server;
static bool have_etcd;

struct scene {
	struct loop *loop;
	struct http *http;
	struct etcd *etcd;
	struct calico_node_env env;
	struct json *saved;
	bool finished, answered, there;
	struct calico_clean_result result;
};

static bool save(void *arg, struct json *document, struct err *err)
{
	struct scene *scene = arg;

	(void)err;
	json_free(scene->saved);
	scene->saved = document;
	return true;
}

static int setup(void **state)
{
	struct etcd_config config = { .api = ETCD_V3,
				      .endpoints = (const char *[]){ server.url, NULL } };
	struct scene *scene = calloc(1, sizeof(*scene));
	struct cluster *cluster;
	struct err err;

	*state = scene;
	cluster_use(CALICO_API_V3);
	scene->loop = loop_new();
	scene->http = http_new(scene->loop);
	if (!have_etcd)
		return 0;
	scene->etcd = etcd_new(scene->loop, scene->http, &config, &err);
	assert_non_null(scene->etcd);
	scene->env = (struct calico_node_env){ .etcd = scene->etcd, .arg = scene, .save = save };
	cluster = cluster_new();
	cluster_node(cluster, "N1");
	cluster_node(cluster, "N10");
	cluster_wep(cluster, "N10", 'a', "10.0.0.5");
	cluster_put(cluster, HEP, HEP_OF("N10"));
	cluster_put(cluster, CONFIG, "{\"kind\":\"FelixConfiguration\"}");
	cluster_put(cluster, REPORT, "{\"time\":\"x\"}");
	cluster_block(cluster, "10.0.0.0/26", "N1", (int[]){ 5, -1 });
	cluster_put(cluster, CLAIM, "{\"state\":\"confirmed\"}");
	cluster_push(cluster, &server);
	cluster_free(cluster);
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

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

	scene->finished = true;
	scene->result = *result;
}

static void finish(struct scene *scene, enum calico_outcome want)
{
	assert_true(run_until(scene->loop, &scene->finished));
	scene->finished = false;
	if (scene->result.outcome != want)
		fail_msg("%s: %s", calico_outcome_name(scene->result.outcome),
			 scene->result.err.msg);
}

static void forget(struct scene *scene, enum calico_outcome want)
{
	calico_forget_node_start(&scene->env, "N1", on_finished, scene);
	finish(scene, want);
}

static void unclaim(struct scene *scene, enum calico_outcome want)
{
	struct calico_net block;

	assert_true(calico_net_parse(&block, "10.0.0.0/26"));
	calico_unclaim_start(&scene->env, "N1", &block, on_finished, scene);
	finish(scene, want);
}

static void on_got(void *arg, const struct json *doc, const struct etcd_meta *meta,
		   const struct err *err)
{
	struct scene *scene = arg;

	(void)meta;
	assert_true(!err || err->code == ERR_NOT_FOUND);
	scene->there = doc != NULL;
	scene->answered = true;
}

static bool is_there(struct scene *scene, const char *key)
{
	scene->answered = false;
	etcd_get(scene->etcd, key, 0, on_got, scene);
	assert_true(run_until(scene->loop, &scene->answered));
	return scene->there;
}

static void all_keys_of_the_node_go_and_come_back_by_undo(void **state)
{
	static const char *const keys[] = { NODE_KEY, CONFIG, REPORT };
	struct scene *scene = *state;

	NEEDS_ETCD;
	unclaim(scene, CALICO_DONE);
	assert_false(is_there(scene, CLAIM));
	forget(scene, CALICO_DONE);
	assert_int_equal(scene->result.folders_pruned, 0);
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		assert_false(is_there(scene, keys[i]));
	assert_true(is_there(scene, CALICO_RESOURCES "/nodes/N10"));
	assert_true(is_there(scene, cluster_wep_key("N10", 'a')));
	assert_true(is_there(scene, HEP));
	calico_node_restore_start(&scene->env, scene->saved, on_finished, scene);
	finish(scene, CALICO_DONE);
	for (size_t i = 0; i < COUNT_OF(keys); i++)
		assert_true(is_there(scene, keys[i]));
}

static void what_is_still_there_keeps_the_node(void **state)
{
	struct scene *scene = *state;
	const char *key;

	NEEDS_ETCD;
	forget(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "a claim on a block is there"));
	unclaim(scene, CALICO_DONE);

	key = cluster_wep_key("N1", 'b');
	cluster_store(&server, key, cluster_wep_value('b', "10.0.0.6"));
	forget(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "an endpoint is there"));
	cluster_store(&server, cluster_wep_key("N1", 'b'), NULL);

	cluster_store(&server, HEP, HEP_OF("N1"));
	forget(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "a host endpoint is there"));
	cluster_store(&server, HEP, "nonsense");
	forget(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "cannot be read"));
	assert_true(is_there(scene, NODE_KEY));
}

static void a_node_that_reports_is_left_alone(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	cluster_store(&server, ALIVE, "{\"time\":\"now\"}");
	unclaim(scene, CALICO_REFUSED);
	forget(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "alive"));
	assert_true(is_there(scene, CLAIM));
	assert_true(is_there(scene, NODE_KEY));
}

static int start_server(void **state)
{
	(void)state;
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
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(all_keys_of_the_node_go_and_come_back_by_undo),
		TEST(what_is_still_there_keeps_the_node),
		TEST(a_node_that_reports_is_left_alone),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
