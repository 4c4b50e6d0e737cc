/* An orphan given back by a plan, against a real etcd and its judgment; and taken again by undo. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/action/env.h"
#include "binnacle/action/job.h"
#include "binnacle/action/journal.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/feed/calico_feed.h"
#include "binnacle/feed/docker_feed.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/calico_cluster.h"
#include "support/peer.h"
#include "support/real_etcd.h"

#define BLOCK_KEY "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26"

static struct real_etcd server;
static bool have_etcd;
static enum etcd_api api; /* all of it is run with both */

/* No node and no daemon: who could have an address is known completely, it is nobody. */
struct world {
	struct loop *loop;
	struct http *http;
	struct etcd *etcd;
	struct model *model;
	struct docker_feed *docker_feed;
	struct calico_feed *feed;
	struct model_watch *watch;
	struct cluster *cluster;
	struct journal *journal;
	struct action_env env;
	char *folder;
	const char *want; /* the state that the address is to have */
	bool is_so, ended;
	struct job_result result;
	char id[24];
};

static void on_addresses(void *arg, unsigned bits)
{
	struct world *world = arg;
	const struct address_row *row =
		snapshot_find(model_current(world->model, MODEL_ADDRESSES), "10.0.0.6");

	(void)bits;
	world->is_so = world->is_so || strcmp(world->want, row ? row->status : "free") == 0;
}

static void wait_for(struct world *world, const char *status)
{
	world->want = status;
	world->is_so = false;
	on_addresses(world, 0);
	if (!run_until(world->loop, &world->is_so))
		fail_msg("the address does not become %s", status);
}

static int set_up(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));
	const struct calico_feed_options options = { .grace_ms = 1 };
	struct etcd_config config = { .api = api,
				      .endpoints = (const char *[]){ server.url, NULL } };
	struct err err;

	*state = world;
	if (!have_etcd)
		return 0;
	world->folder = xstrdup("/tmp/binnacle-test-step-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	world->cluster = cluster_new();
	cluster_block(world->cluster, "10.0.0.0/26", NULL, (int[]){ 6, 7, -1 });
	cluster_push(world->cluster, &server);
	world->loop = loop_new();
	world->http = http_new(world->loop);
	world->etcd = etcd_new(world->loop, world->http, &config, &err);
	assert_non_null(world->etcd);
	world->model = model_new();
	world->journal = journal_open(world->folder, world->model, &err);
	world->docker_feed = docker_feed_new(world->loop, world->model);
	world->want = "";
	world->watch =
		model_watch_start(world->model, MODEL_BIT(MODEL_ADDRESSES), on_addresses, world);
	world->feed = calico_feed_new(world->loop, world->model, world->etcd, world->docker_feed,
				      &options);
	world->env = (struct action_env){ .loop = world->loop,
					  .model = world->model,
					  .journal = world->journal,
					  .etcd = world->etcd,
					  .calico_feed = world->feed,
					  .docker_feed = world->docker_feed };
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	if (have_etcd) {
		model_watch_stop(&world->watch);
		calico_feed_free(world->feed);
		docker_feed_free(world->docker_feed);
		unlink(journal_path(world->journal));
		rmdir(world->folder);
		journal_close(world->journal);
		model_free(world->model);
		etcd_free(world->etcd);
		http_free(world->http);
		loop_free(world->loop);
		cluster_free(world->cluster);
		free(world->folder);
	}
	free(world);
	return 0;
}

static void on_ended(void *arg, const struct job_result *result)
{
	struct world *world = arg;

	world->ended = true;
	world->result = *result;
	snprintf(world->id, sizeof(world->id), "%s", result->id);
}

static void execute(struct world *world, struct plan *plan)
{
	static const struct job_events events = { .ended = on_ended };
	static const struct job_options options = { "typed", "test" };
	struct err err;

	world->ended = false;
	if (!job_start(&world->env, plan, &options, &events, world, &err))
		fail_msg("%s", err.msg);
	assert_true(run_until(world->loop, &world->ended));
	plan_free(plan);
}

static struct plan *plan_of_orphan(void)
{
	struct json *args = json_new_object();
	struct plan *plan = plan_new("release");

	json_add_str(args, "address", "10.0.0.6");
	plan_add_step(plan_add_target(plan, "address", "10.0.0.6", "10.0.0.6"),
		      &step_release_orphan, args, "give it back");
	plan_seal(plan);
	return plan;
}

static bool is_taken(const char *slots)
{
	char *value = cluster_stored(&server, BLOCK_KEY);
	bool found = strstr(value, slots) != NULL;

	free(value);
	return found;
}

/* Slots 5 to 8 of the block. */
#define BOTH_TAKEN ",null,0,0,null,"
#define ONE_TAKEN  ",null,null,0,null,"

static void an_orphan_is_given_back_and_undo_takes_it_again(void **state)
{
	struct world *world = *state;
	struct plan *plan;
	struct err err;

	if (!have_etcd)
		skip();
	wait_for(world, "orphan");
	assert_true(is_taken(BOTH_TAKEN));
	plan = plan_of_orphan();
	assert_int_equal(plan->confirm, PLAN_CONFIRM_TYPED);
	execute(world, plan);
	if (world->result.done != 1)
		fail_msg("%s", world->result.err.msg);
	assert_true(is_taken(ONE_TAKEN));
	plan = journal_undo_plan(world->journal, &world->env, 0, &err);
	if (!plan)
		fail_msg("%s", err.msg);
	plan_seal(plan);
	execute(world, plan);
	assert_int_equal(world->result.done, 1);
	assert_true(is_taken(BOTH_TAKEN));
}

static void an_orphan_that_somebody_has_by_now_is_left_alone(void **state)
{
	struct world *world = *state;
	const char *key;

	if (!have_etcd)
		skip();
	wait_for(world, "orphan");
	key = cluster_wep_key("N1", 'a');
	cluster_store(&server, key, cluster_wep_value('a', "10.0.0.6"));
	wait_for(world, "?");
	execute(world, plan_of_orphan());
	assert_int_equal(world->result.skipped, 1);
	assert_true(is_taken(BOTH_TAKEN));
}

static void an_orphan_that_is_free_by_now_is_no_target(void **state)
{
	struct world *world = *state;

	if (!have_etcd)
		skip();
	wait_for(world, "orphan");
	cluster_store(&server, BLOCK_KEY,
		      cluster_block_value("10.0.0.0/26", NULL, (int[]){ 7, -1 }));
	wait_for(world, "free");
	execute(world, plan_of_orphan());
	assert_int_equal(world->result.skipped, 1);
	assert_true(is_taken(ONE_TAKEN));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(an_orphan_is_given_back_and_undo_takes_it_again),
		TEST(an_orphan_that_somebody_has_by_now_is_left_alone),
		TEST(an_orphan_that_is_free_by_now_is_no_target),
	};
	int failed;

	have_etcd = real_etcd_start(&server, true);
	failed = cmocka_run_group_tests_name("API v1 in etcd v2", tests, NULL, NULL);
	api = ETCD_V3;
	cluster_use(CALICO_API_V3);
	failed += cmocka_run_group_tests_name("API v3 in etcd v3", tests, NULL, NULL);
	if (have_etcd)
		real_etcd_stop(&server);
	return failed;
}
