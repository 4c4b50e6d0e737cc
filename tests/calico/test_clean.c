/* The sequences against a real etcd, with somebody else who writes at the worst moment. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/encode.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/calico/clean.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/calico_cluster.h"
#include "support/peer.h"
#include "support/real_etcd.h"

#define ADDRESS   "10.0.0.5"
#define CIDR      "10.0.0.0/26"
#define BLOCK_KEY "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26"

static struct real_etcd server;
static bool have_etcd;
static enum calico_api api; /* of the store; all of it is run with both */

/* Two nodes with a live endpoint each; N1 also has the left-over 'a' with ADDRESS. */
struct scene {
	struct loop *loop;
	struct http *http;
	struct etcd *etcd;
	struct cluster *cluster;
	struct calico_history *history;
	struct calico_state *state;
	bool read;

	/* What the daemons say when they are asked, and who disturbs meanwhile. */
	struct calico_docker_view *views[2];
	bool views_are_old;
	unsigned queries;
	char *asked_node;
	void (*disturb)(struct scene *scene);
	unsigned disturbances; /* how often; 0: never */

	bool refuse_record;
	unsigned records;
	char *saved_key, *saved_value, *saved_block;
	uint64_t saved_index;
	enum calico_verdict saved_verdict;
	size_t saved_evidence;

	struct calico_clean_env env;
	struct calico_clean *clean;
	bool finished;
	struct calico_clean_result result;
};

struct query {
	struct scene *scene;
	struct loop_deferred *deferred;
	calico_sources_fn *done;
	void *arg;
};

static void keep(char **to, const char *text)
{
	free(*to);
	*to = text ? strdup(text) : NULL;
}

static void on_query(void *arg)
{
	struct query *query = arg;
	struct scene *scene = query->scene;
	struct calico_source sources[2] = {
		{ .node = "N1", .confirmed = true, .view = scene->views[0] },
		{ .node = "N2", .confirmed = true, .view = scene->views[1] }
	};

	if (scene->disturb && scene->disturbances) {
		scene->disturbances--;
		scene->disturb(scene);
	}
	for (size_t i = 0; i < 2; i++)
		scene->views[i]->started_mono_ms = clock_mono_ms() - scene->views_are_old * 1000;
	query->done(query->arg, sources, 2);
	free(query);
}

static void *start_query(void *arg, const char *node, calico_sources_fn *done, void *done_arg)
{
	struct scene *scene = arg;
	struct query *query = malloc(sizeof(*query));

	*query = (struct query){ scene, NULL, done, done_arg };
	query->deferred = loop_defer(scene->loop, on_query, query);
	scene->queries++;
	keep(&scene->asked_node, node);
	return query;
}

static void cancel_query(void *arg, void *handle)
{
	struct query *query = handle;

	(void)arg;
	loop_deferred_cancel(&query->deferred);
	free(query);
}

static bool save(void *arg, const struct calico_undo_record *record, struct err *err)
{
	struct scene *scene = arg;

	if (scene->refuse_record)
		return err_set(err, ERR_SYSTEM, "disk full");
	scene->records++;
	keep(&scene->saved_key, record->wep_key);
	keep(&scene->saved_value, record->wep_value);
	keep(&scene->saved_block, record->block_value);
	scene->saved_index = record->wep_modified_index;
	scene->saved_verdict = record->verdict;
	scene->saved_evidence = record->evidence.count;
	assert_true(strlen(record->etcd_address) > 0);
	return true;
}

static void on_state(void *arg, struct calico_state *state, const struct err *err)
{
	struct scene *scene = arg;

	if (err)
		fail_msg("%s", err->msg);
	calico_state_unref(scene->state);
	scene->state = calico_state_ref(state);
	scene->read = true;
}

static const struct calico_state *read_state(struct scene *scene)
{
	scene->read = false;
	calico_read_start(scene->etcd, on_state, scene);
	assert_true(run_until(scene->loop, &scene->read));
	return scene->state;
}

static void connect_to(struct scene *scene, const char *url)
{
	struct etcd_config config = { .api = api == CALICO_API_V3 ? ETCD_V3 : ETCD_V2,
				      .endpoints = (const char *[]){ url, NULL } };
	struct err err;

	etcd_free(scene->etcd);
	scene->etcd = etcd_new(scene->loop, scene->http, &config, &err);
	assert_non_null(scene->etcd);
	scene->env.etcd = scene->etcd;
}

/* Seen twice, a minute apart. */
static void grow_old(struct scene *scene)
{
	read_state(scene);
	calico_history_observe(scene->history, scene->state, 1000);
	calico_history_observe(scene->history, scene->state, 61000);
}

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	const char *nodes[] = { "N1", "N2" }, *addresses[] = { "10.0.0.1", "10.0.0.2" };

	*state = scene;
	scene->loop = loop_new();
	scene->http = http_new(scene->loop);
	scene->history = calico_history_new();
	scene->cluster = cluster_new();
	scene->env = (struct calico_clean_env){ .loop = scene->loop,
						.arg = scene,
						.query = start_query,
						.query_cancel = cancel_query,
						.before_delete = save,
						.history = scene->history };
	for (int i = 0; i < 2; i++) {
		struct cluster_container live = { .name = nodes[i],
						  .eid = (char)('1' + i),
						  .address = addresses[i] };

		cluster_node(scene->cluster, nodes[i]);
		cluster_wep(scene->cluster, nodes[i], live.eid, addresses[i]);
		scene->views[i] = cluster_view(nodes[i]);
		cluster_container(scene->views[i], &live);
	}
	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	cluster_block(scene->cluster, CIDR, "N1", (int[]){ 1, 2, 5, 9, 1010, -1 });
	if (!have_etcd)
		return 0;
	cluster_push(scene->cluster, &server);
	connect_to(scene, server.url);
	grow_old(scene);
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	calico_clean_cancel(&scene->clean);
	calico_state_unref(scene->state);
	calico_history_free(scene->history);
	for (size_t i = 0; i < 2; i++)
		calico_docker_view_unref(scene->views[i]);
	etcd_free(scene->etcd);
	http_free(scene->http);
	loop_free(scene->loop);
	cluster_free(scene->cluster);
	free(scene->asked_node);
	free(scene->saved_key);
	free(scene->saved_value);
	free(scene->saved_block);
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

static uint64_t index_of(struct scene *scene, const char *key)
{
	const struct calico_wep *wep = calico_state_wep(scene->state, key);

	return wep ? wep->modified_index : 0;
}

static void start_delete(struct scene *scene)
{
	const char *key = cluster_wep_key("N1", 'a');

	scene->clean =
		calico_delete_start(&scene->env, key, index_of(scene, key), on_finished, scene);
}

static struct calico_net address(const char *text)
{
	struct calico_net net;

	assert_true(calico_net_parse(&net, text));
	return net;
}

static void start_release(struct scene *scene, const char *text,
			  const struct calico_release_options *options)
{
	struct calico_net net = address(text);

	scene->clean = calico_release_start(&scene->env, &net, options, on_finished, scene);
}

static bool exists(struct scene *scene, const char *key)
{
	return calico_state_wep(read_state(scene), key) != NULL;
}

static bool is_taken(struct scene *scene, const char *text)
{
	struct calico_net net = address(text);
	const struct calico_block *block = calico_state_block_of(read_state(scene), &net);

	return block && calico_block_slot(block, &net)->allocated;
}

static bool key_is_there(const char *path)
{
	int status;

	free(real_etcd_request(&server, "GET", path, NULL, &status));
	return status == 200;
}

static void a_stale_endpoint_is_deleted_and_its_bytes_are_saved_first(void **state)
{
	struct scene *scene = *state;
	uint64_t index;

	NEEDS_ETCD;
	index = index_of(scene, cluster_wep_key("N1", 'a'));
	start_delete(scene);
	finish(scene, CALICO_DONE);
	assert_false(exists(scene, cluster_wep_key("N1", 'a')));
	assert_true(exists(scene, cluster_wep_key("N1", '1')));
	assert_int_equal(scene->result.verdict, CALICO_STALE);
	assert_true(scene->result.etcd_index > index);
	assert_false(scene->result.unconfirmed);
	assert_string_equal(scene->asked_node, "N1");
	assert_int_equal(scene->records, 1);
	assert_string_equal(scene->saved_key, cluster_wep_key("N1", 'a'));
	assert_string_equal(scene->saved_value, cluster_wep_value('a', ADDRESS));
	assert_string_equal(scene->saved_block,
			    cluster_block_value(CIDR, "N1", (int[]){ 1, 2, 5, 9, 1010, -1 }));
	assert_int_equal(scene->saved_index, index);
	assert_int_equal(scene->saved_verdict, CALICO_STALE);
	assert_true(scene->saved_evidence > 0);
	/* IPAM is another question, and a folder that is not empty stays. */
	assert_true(is_taken(scene, ADDRESS));
	assert_int_equal(scene->result.folders_pruned, 0);
}

static void the_folders_of_the_last_endpoint_go_too(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	cluster_store(&server, cluster_wep_key("N1", '1'), NULL);
	grow_old(scene);
	start_delete(scene);
	finish(scene, CALICO_DONE);
	if (api == CALICO_API_V3) { /* keys without folders */
		assert_int_equal(scene->result.folders_pruned, 0);
		return;
	}
	assert_int_equal(scene->result.folders_pruned, 2);
	assert_false(key_is_there("/v2/keys/calico/v1/host/N1/workload/libnetwork/libnetwork"));
	assert_true(key_is_there("/v2/keys/calico/v1/host/N1/workload/libnetwork"));
}

static void an_endpoint_that_changed_since_it_was_confirmed_stays(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	cluster_store(&server, cluster_wep_key("N1", 'a'), cluster_wep_value('a', ADDRESS));
	start_delete(scene);
	finish(scene, CALICO_CHANGED);
	assert_int_equal(scene->result.err.code, ERR_CONFLICT);
	assert_int_equal(scene->queries, 0);
	assert_true(exists(scene, cluster_wep_key("N1", 'a')));
}

static void rewrite_endpoint(struct scene *scene)
{
	(void)scene;
	cluster_store(&server, cluster_wep_key("N1", 'a'), cluster_wep_value('a', "10.0.0.9"));
}

static void an_endpoint_rewritten_between_looking_and_acting_stays(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	scene->disturb = rewrite_endpoint;
	scene->disturbances = 1;
	start_delete(scene);
	finish(scene, CALICO_CHANGED);
	assert_int_equal(scene->result.attempts, 1); /* it was tried, and etcd said no */
	assert_true(exists(scene, cluster_wep_key("N1", 'a')));
	assert_string_equal(calico_state_wep(scene->state, cluster_wep_key("N1", 'a'))->value,
			    cluster_wep_value('a', "10.0.0.9"));
}

static void delete_endpoint(struct scene *scene)
{
	(void)scene;
	cluster_store(&server, cluster_wep_key("N1", 'a'), NULL);
}

static void an_endpoint_that_is_gone_already_is_no_failure(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	scene->disturb = delete_endpoint;
	scene->disturbances = 1;
	start_delete(scene);
	finish(scene, CALICO_ALREADY_GONE); /* between looking and acting */
	start_delete(scene);
	finish(scene, CALICO_ALREADY_GONE); /* before looking */
	assert_int_equal(scene->records, 1);
}

static void an_endpoint_that_came_to_life_stays(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	cluster_container(
		scene->views[0],
		&(struct cluster_container){ .name = "back", .eid = 'a', .address = ADDRESS });
	start_delete(scene);
	finish(scene, CALICO_REFUSED);
	assert_int_equal(scene->result.verdict, CALICO_LIVE);
	assert_non_null(strstr(scene->result.err.msg, "container back is running"));
	assert_int_equal(scene->records, 0);
	assert_true(exists(scene, cluster_wep_key("N1", 'a')));
}

static void an_endpoint_that_was_not_watched_long_enough_stays(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	scene->env.grace_ms = 60001;
	start_delete(scene);
	finish(scene, CALICO_REFUSED);
	assert_int_equal(scene->result.reason, CALICO_REASON_YOUNG);
	assert_true(exists(scene, cluster_wep_key("N1", 'a')));
}

static void without_the_nodes_daemon_nothing_is_deleted(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	calico_docker_view_finish(scene->views[0], "no answer", true);
	start_delete(scene);
	finish(scene, CALICO_REFUSED);
	assert_int_equal(scene->result.reason, CALICO_REASON_UNREACHABLE);
	calico_docker_view_finish(scene->views[0], NULL, false);
	scene->views_are_old = true;
	start_delete(scene);
	finish(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "not been asked anew"));
	assert_true(exists(scene, cluster_wep_key("N1", 'a')));
}

static void a_decommissioned_nodes_endpoint_is_deleted_without_its_daemon(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	scene->env.decommissioned = (const char *[]){ "N1", NULL };
	calico_docker_view_unref(scene->views[0]);
	scene->views[0] = calico_docker_view_new("N1");
	calico_docker_view_finish(scene->views[0], "no answer", true);
	start_delete(scene);
	finish(scene, CALICO_DONE);
	assert_false(exists(scene, cluster_wep_key("N1", 'a')));
}

static void without_an_undo_record_nothing_is_deleted(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	scene->refuse_record = true;
	start_delete(scene);
	finish(scene, CALICO_FAILED);
	assert_int_equal(scene->result.err.code, ERR_SYSTEM);
	assert_non_null(strstr(scene->result.err.msg, "disk full"));
	assert_true(exists(scene, cluster_wep_key("N1", 'a')));
}

static void what_is_no_endpoint_is_not_deleted(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	scene->clean = calico_delete_start(&scene->env, "/calico/v1/Ready", 1, on_finished, scene);
	finish(scene, CALICO_REFUSED);
}

static void a_cancelled_sequence_never_finishes(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	start_delete(scene);
	calico_clean_cancel(&scene->clean); /* while reading */
	assert_null(scene->clean);
	start_delete(scene);
	while (!scene->queries)
		loop_turn(scene->loop, 50);
	calico_clean_cancel(&scene->clean); /* while asking */
	run_for(scene->loop, 50);
	assert_false(scene->finished);
	assert_true(exists(scene, cluster_wep_key("N1", 'a')));
}

static void an_address_is_released_after_its_endpoint(void **state)
{
	struct scene *scene = *state;
	struct calico_release_options leaked = { .was_leaked = true };

	NEEDS_ETCD;
	start_release(scene, ADDRESS, &leaked);
	finish(scene, CALICO_REFUSED); /* the endpoint is still there */
	assert_non_null(strstr(scene->result.err.msg, "has the address"));
	assert_int_equal(scene->queries, 0);
	start_delete(scene);
	finish(scene, CALICO_DONE);
	start_release(scene, ADDRESS, &leaked);
	finish(scene, CALICO_DONE);
	assert_false(is_taken(scene, ADDRESS));
	assert_true(is_taken(scene, "10.0.0.1"));
	assert_null(scene->asked_node); /* all of them */
	assert_null(scene->saved_key);
	assert_string_equal(scene->saved_block,
			    cluster_block_value(CIDR, "N1", (int[]){ 1, 2, 5, 9, 1010, -1 }));
	start_release(scene, ADDRESS, &leaked);
	finish(scene, CALICO_ALREADY_GONE);
}

static void leaked_addresses_of_one_block_are_released_one_after_another(void **state)
{
	static const char *const addresses[] = { ADDRESS, "10.0.0.9" };
	struct scene *scene = *state;
	struct calico_release_options leaked = { .was_leaked = true };

	NEEDS_ETCD;
	start_delete(scene);
	finish(scene, CALICO_DONE);
	for (size_t i = 0; i < COUNT_OF(addresses); i++) {
		start_release(scene, addresses[i], &leaked);
		finish(scene, CALICO_DONE);
		assert_int_equal(scene->result.attempts, 1);
		assert_false(is_taken(scene, addresses[i]));
	}
	assert_true(is_taken(scene, "10.0.0.1") && is_taken(scene, "10.0.0.10"));
}

static void an_old_orphan_is_released_and_a_young_one_is_not(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	start_release(scene, "10.0.0.9", NULL);
	finish(scene, CALICO_DONE);
	assert_false(is_taken(scene, "10.0.0.9"));
	/* The block has another index now. */
	start_delete(scene);
	finish(scene, CALICO_DONE);
	start_release(scene, ADDRESS, NULL);
	finish(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "changed lately"));
	assert_true(is_taken(scene, ADDRESS));
}

static void an_address_with_a_handle_is_not_released(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	start_release(scene, "10.0.0.10", NULL);
	finish(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "handle"));
	start_release(scene, "10.0.0.11", NULL);
	finish(scene, CALICO_ALREADY_GONE);
	start_release(scene, "10.9.0.11", NULL); /* no block */
	finish(scene, CALICO_ALREADY_GONE);
}

static void an_address_that_a_running_container_has_is_not_released(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	cluster_container(
		scene->views[1],
		&(struct cluster_container){ .name = "bare", .eid = 'f', .address = "10.0.0.9" });
	start_release(scene, "10.0.0.9",
		      &(struct calico_release_options){ .overlook_unreachable = true });
	finish(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "bare"));
	assert_true(is_taken(scene, "10.0.0.9"));
}

static void an_address_that_dockers_record_holds_is_not_released(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	cluster_record(scene->views[0], 'e', "app", "10.0.0.9", true);
	start_release(scene, "10.0.0.9", NULL);
	finish(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "record"));
}

static void an_address_is_not_released_right_after_its_container_ended(void **state)
{
	struct scene *scene = *state;
	char finished[CLOCK_TEXT_BYTES];

	NEEDS_ETCD;
	clock_rfc3339(clock_wall_ms() - 30000, finished);
	cluster_container(scene->views[0], &(struct cluster_container){ .name = "ended",
									.status = "exited",
									.wanted = "10.0.0.9",
									.finished = finished });
	start_release(scene, "10.0.0.9", NULL);
	finish(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "container ended"));
	clock_rfc3339(clock_wall_ms() - 100000, finished);
	calico_docker_view_unref(scene->views[0]);
	scene->views[0] = cluster_view("N1");
	cluster_container(
		scene->views[0],
		&(struct cluster_container){ .name = "N1", .eid = '1', .address = "10.0.0.1" });
	cluster_container(scene->views[0], &(struct cluster_container){ .name = "ended",
									.status = "exited",
									.wanted = "10.0.0.9",
									.finished = finished });
	start_release(scene, "10.0.0.9", NULL);
	finish(scene, CALICO_DONE);
}

static void an_address_is_released_without_a_daemon_only_when_overlooked(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	calico_docker_view_finish(scene->views[1], "no answer", true);
	start_release(scene, "10.0.0.9", NULL);
	finish(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "N2"));
	start_release(scene, "10.0.0.9",
		      &(struct calico_release_options){ .overlook_unreachable = true });
	finish(scene, CALICO_DONE);
	assert_false(is_taken(scene, "10.0.0.9"));
}

static void take_another_slot(struct scene *scene)
{
	(void)scene;
	cluster_store(&server, BLOCK_KEY,
		      cluster_block_value(CIDR, "N1", (int[]){ 1, 2, 5, 9, 20, 1010, -1 }));
}

static void a_lost_race_in_the_block_is_run_again_and_keeps_the_others_slot(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	scene->disturb = take_another_slot;
	scene->disturbances = 1;
	start_release(scene, "10.0.0.9", &(struct calico_release_options){ .was_leaked = true });
	finish(scene, CALICO_DONE);
	assert_int_equal(scene->result.attempts, 2);
	assert_false(is_taken(scene, "10.0.0.9"));
	assert_true(is_taken(scene, "10.0.0.20"));
}

static void a_race_that_is_always_lost_ends(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	scene->disturb = take_another_slot;
	scene->disturbances = 1000;
	start_release(scene, "10.0.0.9", &(struct calico_release_options){ .was_leaked = true });
	finish(scene, CALICO_FAILED);
	assert_int_equal(scene->result.err.code, ERR_CONFLICT);
	assert_true(is_taken(scene, "10.0.0.9"));
}

static void give_address_to_another(struct scene *scene)
{
	const char *key = cluster_wep_key("N2", 'b');

	take_another_slot(scene);
	cluster_store(&server, key, cluster_wep_value('b', "10.0.0.9"));
}

static void an_address_that_was_given_away_meanwhile_is_not_released(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	scene->disturb = give_address_to_another;
	scene->disturbances = 1;
	start_release(scene, "10.0.0.9", &(struct calico_release_options){ .was_leaked = true });
	finish(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "has the address"));
	assert_true(is_taken(scene, "10.0.0.9"));
}

static void bring_the_endpoint_back(struct scene *scene)
{
	/* With an address that nobody looks for, so that only the store's compare notices. */
	const char *key = cluster_wep_key("N1", 'a');

	(void)scene;
	cluster_store(&server, key, cluster_wep_value('a', "10.0.0.40"));
}

static void in_v3_the_store_itself_sees_that_the_endpoint_is_back(void **state)
{
	struct scene *scene = *state;
	struct calico_release_options options = { .was_leaked = true };

	NEEDS_ETCD;
	if (api == CALICO_API_V1)
		return; /* its store cannot */
	start_delete(scene);
	finish(scene, CALICO_DONE);
	options.wep_key = cluster_wep_key("N1", 'a');
	scene->disturb = bring_the_endpoint_back;
	scene->disturbances = 1;
	start_release(scene, ADDRESS, &options);
	finish(scene, CALICO_FAILED);
	assert_int_equal(scene->result.err.code, ERR_CONFLICT);
	assert_true(is_taken(scene, ADDRESS));
}

static void nobodys_block_is_deleted_with_its_last_address(void **state)
{
	struct scene *scene = *state;
	struct calico_net gone = address("10.0.1.3");

	NEEDS_ETCD;
	cluster_store(&server, "/calico/ipam/v2/assignment/ipv4/block/10.0.1.0-26",
		      cluster_block_value("10.0.1.0/26", NULL, (int[]){ 3, -1 }));
	grow_old(scene);
	start_release(scene, "10.0.1.3", NULL);
	finish(scene, CALICO_DONE);
	assert_null(calico_state_block_of(read_state(scene), &gone));
}

static void undo_puts_back_the_address_and_the_exact_endpoint(void **state)
{
	struct scene *scene = *state;
	struct calico_net net = address(ADDRESS);
	struct calico_undo undo = { .addresses = &net, .address_count = 1 };
	char key[300], value[800];

	NEEDS_ETCD;
	start_delete(scene);
	finish(scene, CALICO_DONE);
	snprintf(key, sizeof(key), "%s", scene->saved_key);
	snprintf(value, sizeof(value), "%s", scene->saved_value);
	start_release(scene, ADDRESS, &(struct calico_release_options){ .was_leaked = true });
	finish(scene, CALICO_DONE);
	undo.wep_key = key;
	undo.wep_value = value;
	scene->clean = calico_undo_start(&scene->env, &undo, on_finished, scene);
	finish(scene, CALICO_DONE);
	assert_true(is_taken(scene, ADDRESS));
	assert_string_equal(calico_state_wep(scene->state, key)->value, value);
	/* Twice is refused, and nothing of the second try stays. */
	scene->clean = calico_undo_start(&scene->env, &undo, on_finished, scene);
	finish(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "exists again"));
}

static void undo_does_not_put_back_into_the_other_api(void **state)
{
	struct scene *scene = *state;
	enum calico_api other = api == CALICO_API_V3 ? CALICO_API_V1 : CALICO_API_V3;
	struct calico_undo undo = { 0 };

	NEEDS_ETCD;
	cluster_use(other);
	undo.wep_key = cluster_wep_key("N1", 'e');
	undo.wep_value = cluster_wep_value('e', ADDRESS);
	cluster_use(api);
	scene->clean = calico_undo_start(&scene->env, &undo, on_finished, scene);
	finish(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "another version"));
}

static void undo_of_a_deletion_alone_leaves_ipam_alone(void **state)
{
	struct scene *scene = *state;
	struct calico_undo undo = { 0 };
	uint64_t index;

	NEEDS_ETCD;
	index = scene->state->blocks[0].modified_index;
	start_delete(scene);
	finish(scene, CALICO_DONE);
	undo.wep_key = cluster_wep_key("N1", 'a');
	undo.wep_value = cluster_wep_value('a', ADDRESS);
	scene->clean = calico_undo_start(&scene->env, &undo, on_finished, scene);
	finish(scene, CALICO_DONE);
	assert_int_equal(read_state(scene)->blocks[0].modified_index, index);
	assert_true(exists(scene, cluster_wep_key("N1", 'a')));
}

static void undo_is_refused_when_the_address_is_taken_or_its_block_gone(void **state)
{
	struct scene *scene = *state;
	struct calico_net nets[] = { address("10.0.0.20"), address("10.0.0.9") };
	struct calico_undo undo = { .addresses = nets, .address_count = 2 };

	NEEDS_ETCD;
	scene->clean = calico_undo_start(&scene->env, &undo, on_finished, scene);
	finish(scene, CALICO_REFUSED);
	assert_non_null(strstr(scene->result.err.msg, "10.0.0.9 is taken"));
	assert_false(is_taken(scene, "10.0.0.20")); /* all is checked before anything is done */
	nets[1] = address("10.7.0.1");
	scene->clean = calico_undo_start(&scene->env, &undo, on_finished, scene);
	finish(scene, CALICO_REFUSED);
	assert_false(is_taken(scene, "10.0.0.20"));
	nets[1] = address("10.0.0.21");
	scene->clean = calico_undo_start(&scene->env, &undo, on_finished, scene);
	finish(scene, CALICO_DONE);
	assert_true(is_taken(scene, "10.0.0.20") && is_taken(scene, "10.0.0.21"));
}

/* The tree of the scene as an answer of etcd, with or without the left-over. */
static char *tree_body(struct scene *scene, bool with_endpoint)
{
	struct strbuf out = STRBUF_INIT;
	struct json *doc = json_new_object(), *root, *list;
	char key[300];

	json_add_str(doc, "action", "get");
	root = json_add_object(doc, "node");
	json_add_str(root, "key", "/calico");
	json_add_bool(root, "dir", true);
	list = json_add_array(root, "nodes");
	for (size_t i = 0; i < scene->state->wep_count; i++) {
		const struct calico_wep *wep = &scene->state->weps[i];
		struct json *node;

		snprintf(key, sizeof(key), "%s", cluster_wep_key("N1", 'a'));
		if (!with_endpoint && strcmp(wep->key, key) == 0)
			continue;
		node = json_add_object(list, NULL);
		json_add_str(node, "key", wep->key);
		json_add_str(node, "value", wep->value);
		json_add_int(node, "createdIndex", (int64_t)wep->created_index);
		json_add_int(node, "modifiedIndex", (int64_t)wep->modified_index);
	}
	json_print(&out, doc);
	json_free(doc);
	return strbuf_detach(&out, NULL);
}

/* The same as the answer of the v3 API. */
static char *range_body(struct scene *scene, bool with_endpoint)
{
	struct strbuf out = STRBUF_INIT;
	const char *comma = "";

	strbuf_addstr(&out, "{\"header\":{\"revision\":\"50\"},\"kvs\":[");
	for (size_t i = 0; i < scene->state->wep_count; i++) {
		const struct calico_wep *wep = &scene->state->weps[i];

		if (!with_endpoint && strcmp(wep->key, cluster_wep_key("N1", 'a')) == 0)
			continue;
		strbuf_addf(&out,
			    "%s{\"create_revision\":\"%llu\",\"mod_revision\":\"%llu\",\"key\":\"",
			    comma, (unsigned long long)wep->created_index,
			    (unsigned long long)wep->modified_index);
		base64_encode(&out, wep->key, strlen(wep->key), BASE64_STANDARD);
		strbuf_addstr(&out, "\",\"value\":\"");
		base64_encode(&out, wep->value, strlen(wep->value), BASE64_STANDARD);
		strbuf_addstr(&out, "\"}");
		comma = ",";
	}
	strbuf_addstr(&out, "]}");
	return strbuf_detach(&out, NULL);
}

/* What a deletion without an answer turns out to be: after it, the tree has the endpoint (1), has
 * it no more (0), or cannot be read (-1). */
static void lose_the_answer(struct scene *scene, int after, enum calico_outcome want)
{
	bool v3 = api == CALICO_API_V3;
	const char *read = v3 ? "POST /v3/kv/range" : "GET /v2/keys/calico";
	struct peer *peer = peer_new(scene->loop);
	char *with = v3 ? range_body(scene, true) : tree_body(scene, true);
	char *without = v3 ? range_body(scene, false) : tree_body(scene, false);

	connect_to(scene, peer_url(peer));
	peer_answer(peer, "GET /version", 200, NULL, "{\"etcdserver\":\"3.4.23\"}");
	peer_script(peer, &(struct peer_reply){ .request = read,
						.headers = "X-Etcd-Index: 50\r\n",
						.body = with,
						.times = 1 });
	peer_script(peer, &(struct peer_reply){ .request = v3 ? "POST /v3/kv/txn"
							      : "DELETE /v2/keys/calico/v1*",
						.body = "{}",
						.fault = PEER_CUT,
						.cut_after = 1,
						.times = 1 });
	if (after >= 0)
		peer_answer(peer, read, 200, "X-Etcd-Index: 51\r\n", after ? with : without);
	else
		peer_answer(peer, read, 500, NULL, "no leader");
	start_delete(scene);
	finish(scene, want);
	peer_free(peer);
	free(with);
	free(without);
}

static void a_deletion_without_an_answer_is_read_again(void **state)
{
	struct scene *scene = *state;

	NEEDS_ETCD;
	lose_the_answer(scene, 0, CALICO_DONE);
	assert_true(scene->result.unconfirmed);
	lose_the_answer(scene, 1, CALICO_FAILED);
	assert_false(scene->result.unconfirmed);
	lose_the_answer(scene, -1, CALICO_UNCONFIRMED);
	assert_non_null(strstr(scene->result.err.msg, "nobody knows"));
}

static void without_etcd_the_sequence_fails(void **state)
{
	struct scene *scene = *state;
	char url[48];

	NEEDS_ETCD;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", real_etcd_free_port());
	connect_to(scene, url);
	start_delete(scene);
	finish(scene, CALICO_FAILED);
	assert_int_equal(scene->result.err.code, ERR_UNREACHABLE);
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

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_stale_endpoint_is_deleted_and_its_bytes_are_saved_first),
		TEST(the_folders_of_the_last_endpoint_go_too),
		TEST(an_endpoint_that_changed_since_it_was_confirmed_stays),
		TEST(an_endpoint_rewritten_between_looking_and_acting_stays),
		TEST(an_endpoint_that_is_gone_already_is_no_failure),
		TEST(an_endpoint_that_came_to_life_stays),
		TEST(an_endpoint_that_was_not_watched_long_enough_stays),
		TEST(without_the_nodes_daemon_nothing_is_deleted),
		TEST(a_decommissioned_nodes_endpoint_is_deleted_without_its_daemon),
		TEST(without_an_undo_record_nothing_is_deleted),
		TEST(what_is_no_endpoint_is_not_deleted),
		TEST(a_cancelled_sequence_never_finishes),
		TEST(an_address_is_released_after_its_endpoint),
		TEST(leaked_addresses_of_one_block_are_released_one_after_another),
		TEST(an_old_orphan_is_released_and_a_young_one_is_not),
		TEST(an_address_with_a_handle_is_not_released),
		TEST(an_address_that_a_running_container_has_is_not_released),
		TEST(an_address_that_dockers_record_holds_is_not_released),
		TEST(an_address_is_not_released_right_after_its_container_ended),
		TEST(an_address_is_released_without_a_daemon_only_when_overlooked),
		TEST(a_lost_race_in_the_block_is_run_again_and_keeps_the_others_slot),
		TEST(a_race_that_is_always_lost_ends),
		TEST(an_address_that_was_given_away_meanwhile_is_not_released),
		TEST(in_v3_the_store_itself_sees_that_the_endpoint_is_back),
		TEST(nobodys_block_is_deleted_with_its_last_address),
		TEST(undo_puts_back_the_address_and_the_exact_endpoint),
		TEST(undo_does_not_put_back_into_the_other_api),
		TEST(undo_of_a_deletion_alone_leaves_ipam_alone),
		TEST(undo_is_refused_when_the_address_is_taken_or_its_block_gone),
		TEST(a_deletion_without_an_answer_is_read_again),
		TEST(without_etcd_the_sequence_fails),
	};

	int failures =
		cmocka_run_group_tests_name("API v1 in etcd v2", tests, start_server, stop_server);

	api = CALICO_API_V3;
	cluster_use(api);
	return failures +
	       cmocka_run_group_tests_name("API v3 in etcd v3", tests, start_server, stop_server);
}
