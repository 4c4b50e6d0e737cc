/* Endpoints of a real etcd, judged by a daemon that is played by a script. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/calico/store.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/feed/calico_feed.h"
#include "binnacle/feed/docker_feed.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/net/http.h"
#include "support/calico_cluster.h"
#include "support/peer.h"
#include "support/real_etcd.h"
#include "support/scripted_docker.h"

#define GRACE_MS 200
#define EID_A    "aaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaaa"
#define EID_C    "cccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccccc"

static struct real_etcd server;
static bool have_etcd;
static enum calico_api api; /* what can be is run with both; which one it is has to be found out */

struct scene {
	struct loop *loop;
	struct http *http;
	struct model *model;
	struct etcd *etcd;
	struct peer *peer; /* an etcd that is played by a script */
	struct scripted_docker *daemon;
	struct docker_feed *docker_feed;
	struct calico_feed *feed;
	bool (*check)(struct scene *scene);
	char eid;
	const char *word;
	int64_t timeout_ms; /* of etcd; 0: the default */
	int64_t alive_ms;
};

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	scene->loop = loop_new();
	scene->http = http_new(scene->loop);
	scene->model = model_new();
	scene->daemon = scripted_docker_new(scene->loop, scene->http, "n1");
	scene->docker_feed = docker_feed_new(scene->loop, scene->model);
	if (have_etcd)
		free(real_etcd_request(&server, "DELETE", "/v2/keys/calico?recursive=true", NULL,
				       NULL));
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	clock_real();
	calico_feed_free(scene->feed);
	docker_feed_free(scene->docker_feed);
	scripted_docker_free(scene->daemon);
	etcd_free(scene->etcd);
	http_free(scene->http);
	if (scene->peer)
		peer_free(scene->peer);
	model_free(scene->model);
	loop_free(scene->loop);
	free(scene);
	log_release();
	return 0;
}

static const struct endpoint_row *endpoint(const struct scene *scene, const char *node, char eid)
{
	return snapshot_find(model_current(scene->model, MODEL_ENDPOINTS),
			     cluster_wep_key(node, eid));
}

/* For the message of a wait that failed. */
static const char *found(const struct scene *scene)
{
	const struct endpoint_row *row = endpoint(scene, "n1", scene->eid ? scene->eid : '0');

	return row ? row->why : "no such endpoint";
}

static bool docker_is_complete(struct scene *scene)
{
	return docker_feed_is_complete(scene->docker_feed);
}

static bool run_check(void *arg)
{
	struct scene *scene = arg;

	return scene->check(scene);
}

#define UNTIL(scene, condition)                                                                    \
	do {                                                                                       \
		(scene)->check = (condition);                                                      \
		if (!run_until_true((scene)->loop, run_check, (scene)))                            \
			fail_msg("never: %s %s, but %s", #condition,                               \
				 (scene)->word ? (scene)->word : "", found(scene));                \
	} while (0)

static void start(struct scene *scene, const char *url)
{
	struct etcd_config config = {
		.api = scene->peer ? ETCD_V2 : ETCD_UNDECIDED,
		.endpoints = (const char *[]){ url, NULL },
		.timeout_ms = scene->timeout_ms,
		.idle_ms = scene->timeout_ms,
	};
	struct calico_feed_options options = { .grace_ms = GRACE_MS };
	struct err err;

	scene->etcd = etcd_new(scene->loop, scene->http, &config, &err);
	assert_non_null(scene->etcd);
	docker_feed_add(scene->docker_feed, "n1", scene->daemon->docker, true);
	UNTIL(scene, docker_is_complete);
	scene->feed = calico_feed_new(scene->loop, scene->model, scene->etcd, scene->docker_feed,
				      &options);
}

static bool has_word(struct scene *scene)
{
	const struct endpoint_row *row = endpoint(scene, "n1", scene->eid);

	return row && strcmp(row->status, scene->word) == 0;
}

static void until_word(struct scene *scene, char eid, const char *word)
{
	scene->eid = eid;
	scene->word = word;
	UNTIL(scene, has_word);
}

static enum source_health health(const struct scene *scene)
{
	return model_source(scene->model, SOURCE_CALICO)->health;
}

/* On n1: `a` in a container that runs, `b` left over with its address, which `sick` wants, and `c`
 * in a container that has ended. */
static void fill(struct scene *scene)
{
	struct cluster *cluster = cluster_new();

	cluster_node(cluster, "n1");
	cluster_block(cluster, "10.0.0.0/26", "n1", (int[]){ 1, 2, 3, -1 });
	cluster_wep(cluster, "n1", 'a', "10.0.0.1");
	cluster_wep(cluster, "n1", 'b', "10.0.0.2");
	cluster_wep(cluster, "n1", 'c', "10.0.0.3");
	if (api == CALICO_API_V3)
		cluster_put(cluster, CALICO_RESOURCES "/clusterinformations/default",
			    "{\"kind\":\"ClusterInformation\",\"metadata\":{},\"spec\":{"
			    "\"datastoreReady\":true}}");
	cluster_push(cluster, &server);
	cluster_free(cluster);
	scripted_docker_say(scene->daemon,
			    (struct scripted_container[]){
				    { .name = "web", .eid = EID_A, .address = "10.0.0.1" },
				    { .name = "done", .status = "exited", .eid = EID_C },
				    { .name = "sick",
				      .status = "created",
				      .eid = "",
				      .wanted = "10.0.0.2",
				      .error = "Address already assigned in block: 10.0.0.2" } },
			    3);
}

static bool is_settled(struct scene *scene)
{
	return calico_feed_is_settled(scene->feed);
}

static void an_endpoint_without_container_is_young_until_it_was_read_twice(void **state)
{
	struct scene *scene = *state;
	const struct endpoint_row *row;
	int64_t first_read_ms;
	uint64_t index;

	if (!have_etcd)
		skip();
	fill(scene);
	start(scene, server.url);
	assert_int_equal(health(scene), SOURCE_LOADING);
	assert_false(calico_feed_is_settled(scene->feed));
	until_word(scene, 'b', "young");
	row = endpoint(scene, "n1", 'b');
	assert_int_equal(row->state, STATE_UNKNOWN);
	assert_false(row->cleanable);
	assert_false(row->address_leaked);
	assert_false(calico_feed_is_settled(scene->feed));
	assert_int_equal(health(scene), SOURCE_OK);
	first_read_ms = calico_feed_state(scene->feed)->read_mono_ms;
	index = calico_feed_state(scene->feed)->etcd_index;
	until_word(scene, 'b', "STALE");
	/* Nothing has changed, so no watch has told anything. */
	assert_true(calico_feed_state(scene->feed)->read_mono_ms >= first_read_ms + GRACE_MS);
	assert_int_equal(calico_feed_state(scene->feed)->etcd_index, index);
	UNTIL(scene, is_settled);
	row = endpoint(scene, "n1", 'b');
	assert_int_equal(row->state, STATE_STALE);
	assert_true(row->cleanable);
	assert_true(row->address_leaked);
	assert_string_equal(row->wanted_by, "sick");
	assert_string_equal(row->name, cluster_eid('b'));
	assert_string_equal(row->node, "n1");
	assert_int_equal(row->addresses.count, 1);
	assert_string_equal(row->addresses.items[0], "10.0.0.2");
	assert_true(row->evidence.count > 0);
	assert_non_null(strstr(row->evidence.items[0], "docker n1: none of its 3 containers"));
	assert_true(row->created_index > 0);
	assert_non_null(strstr(row->document, "\"10.0.0.2/32\""));
	/* The others. */
	row = endpoint(scene, "n1", 'a');
	assert_string_equal(row->status, "live");
	assert_int_equal(row->state, STATE_PASS);
	assert_string_equal(row->container, "web");
	assert_false(row->cleanable);
	assert_false(row->address_leaked);
	row = endpoint(scene, "n1", 'c');
	assert_string_equal(row->status, "held");
	assert_string_equal(row->container, "done");
	assert_true(row->cleanable);
}

static bool is_unknown(struct scene *scene)
{
	const struct endpoint_row *row = endpoint(scene, "n2", 'd');

	return row && strcmp(row->status, "?") == 0;
}

static bool b_is_gone(struct scene *scene)
{
	return !endpoint(scene, "n1", 'b');
}

static void changes_are_seen_and_a_node_without_daemon_stays_unknown(void **state)
{
	struct scene *scene = *state;
	const struct endpoint_row *row;
	const char *key;

	if (!have_etcd)
		skip();
	fill(scene);
	start(scene, server.url);
	until_word(scene, 'a', "live");
	key = cluster_wep_key("n2", 'd');
	cluster_store(&server, key, cluster_wep_value('d', "10.0.0.9"));
	UNTIL(scene, is_unknown);
	row = endpoint(scene, "n2", 'd');
	assert_int_equal(row->state, STATE_UNKNOWN);
	assert_false(row->cleanable);
	cluster_store(&server, cluster_wep_key("n1", 'b'), NULL);
	UNTIL(scene, b_is_gone);
	/* The container goes: what it had is not live any longer. */
	scripted_docker_say(
		scene->daemon,
		&(struct scripted_container){ .name = "done", .status = "exited", .eid = EID_C },
		1);
	scripted_docker_event(scene->daemon, "destroy");
	until_word(scene, 'a', "STALE");
	/* The daemon of n2 could still have a container with this address. */
	assert_false(endpoint(scene, "n1", 'a')->address_leaked);
	assert_true(endpoint(scene, "n1", 'a')->cleanable);
}

static void a_daemon_that_answers_in_part_proves_nothing(void **state)
{
	struct scene *scene = *state;

	if (!have_etcd)
		skip();
	fill(scene);
	scripted_docker_refuse(scene->daemon);
	start(scene, server.url);
	until_word(scene, 'b', "?");
	assert_false(endpoint(scene, "n1", 'b')->cleanable);
	/* Waiting would not help: nothing is merely young. */
	UNTIL(scene, is_settled);
}

static bool is_down(struct scene *scene)
{
	return health(scene) == SOURCE_DOWN;
}

static bool is_up(struct scene *scene)
{
	return health(scene) == SOURCE_OK;
}

static bool was_seen_later(struct scene *scene)
{
	return model_source(scene->model, SOURCE_CALICO)->alive_mono_ms > scene->alive_ms;
}

static void a_store_that_hangs_is_noticed_and_its_data_says_its_age(void **state)
{
	struct scene *scene = *state;
	const struct source_status *status = model_source(scene->model, SOURCE_CALICO);

	if (!have_etcd)
		skip();
	fill(scene);
	scene->timeout_ms = 2000;
	start(scene, server.url);
	until_word(scene, 'b', "STALE");
	real_etcd_pause(&server, true); /* connections stay open, nobody answers */
	UNTIL(scene, is_down);
	real_etcd_pause(&server, false);
	assert_non_null(strstr(status->message, " 2 s"));
	/* The age counts from when the data was last known to be the present. */
	assert_true(status->alive_mono_ms <= clock_mono_ms() - 2000);
	assert_int_equal(model_current(scene->model, MODEL_ENDPOINTS)->count, 3);
	assert_string_equal(endpoint(scene, "n1", 'a')->status, "live");
	scene->alive_ms = status->alive_mono_ms;
	UNTIL(scene, is_up);
	UNTIL(scene, was_seen_later);
}

/* The last one with the server: it is stopped. */
static void rows_stay_while_etcd_is_down(void **state)
{
	struct scene *scene = *state;

	if (!have_etcd)
		skip();
	fill(scene);
	start(scene, server.url);
	until_word(scene, 'a', "live");
	real_etcd_stop(&server);
	have_etcd = false;
	UNTIL(scene, is_down);
	assert_true(strlen(model_source(scene->model, SOURCE_CALICO)->message) > 0);
	assert_int_equal(model_current(scene->model, MODEL_ENDPOINTS)->count, 3);
	/* There is nothing to wait for. */
	assert_true(calico_feed_is_settled(scene->feed));
}

#define QUESTION "GET /v2/keys/calico?recursive=true"

static void answer_tree(struct peer *peer, const char *index, const char *body, unsigned times)
{
	char *headers = xasprintf("X-Etcd-Index: %s\r\n", index);

	peer_script(peer, &(struct peer_reply){ .request = QUESTION,
						.headers = headers,
						.body = body,
						.times = times });
	free(headers);
}

/* Time flies: a fifth of a second each turn. What was there must be there all the time. */
static bool is_stale_later(struct scene *scene)
{
	clock_fake_advance(200);
	if (health(scene) != SOURCE_OK || !endpoint(scene, "n1", 'b'))
		fail_msg("the second look has changed what is known");
	return has_word(scene);
}

static void a_second_look_that_fails_or_is_older_changes_nothing(void **state)
{
	static const char empty[] = "{\"action\":\"get\",\"node\":{\"key\":\"/calico\",\"dir\":"
				    "true,\"nodes\":[]}}";
	struct scene *scene = *state;
	const char *value = cluster_wep_value('b', "10.0.0.2");
	struct peer *peer = scene->peer = peer_new(scene->loop);
	struct strbuf tree = STRBUF_INIT;

	strbuf_addstr(&tree, "{\"action\":\"get\",\"node\":{\"key\":\"/calico\",\"dir\":true,"
			     "\"nodes\":[{\"key\":\"/calico/v1/host/n1\",\"dir\":true},");
	strbuf_addf(&tree, "{\"key\":\"%s\",\"createdIndex\":9,\"modifiedIndex\":9,\"value\":",
		    cluster_wep_key("n1", 'b'));
	json_quote(&tree, value, strlen(value));
	strbuf_addstr(&tree, "}]}}");
	peer_hold(peer);
	answer_tree(peer, "20", tree.buf, 1);
	peer_script(peer, &(struct peer_reply){
				  .request = QUESTION, .status = 500, .body = "{}", .times = 1 });
	answer_tree(peer, "8", empty, 1);
	scripted_docker_say(scene->daemon, NULL, 0);
	start(scene, peer_url(peer));
	until_word(scene, 'b', "young");
	answer_tree(peer, "20", tree.buf, 0);
	clock_fake(clock_mono_ms(), clock_wall_ms());
	scene->word = "STALE";
	UNTIL(scene, is_stale_later);
	assert_int_equal(peer_asked(peer, QUESTION), 4);
	strbuf_release(&tree);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

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
	const struct CMUnitTest both[] = {
		TEST(an_endpoint_without_container_is_young_until_it_was_read_twice),
		TEST(changes_are_seen_and_a_node_without_daemon_stays_unknown),
		TEST(a_daemon_that_answers_in_part_proves_nothing),
		TEST(a_store_that_hangs_is_noticed_and_its_data_says_its_age),
		TEST(rows_stay_while_etcd_is_down),
	};
	const struct CMUnitTest played[] = {
		TEST(a_second_look_that_fails_or_is_older_changes_nothing),
	};
	int failures = cmocka_run_group_tests(played, NULL, NULL);

	failures +=
		cmocka_run_group_tests_name("API v1 in etcd v2", both, start_server, stop_server);
	api = CALICO_API_V3;
	cluster_use(api);
	return failures +
	       cmocka_run_group_tests_name("API v3 in etcd v3", both, start_server, stop_server);
}
