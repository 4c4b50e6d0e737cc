/*
 * Left-overs removed by commands, from the judgment to the journal and back: a real etcd, daemons
 * that are played. N1's daemon answers in one half of the tests and is gone for good in the other.
 */
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
#include "binnacle/action/journal.h"
#include "binnacle/action/plan.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/command/command.h"
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

#define BLOCK_KEY "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26"
#define CLAIM_KEY "/calico/ipam/v2/host/N1/ipv4/block/10.0.0.0-26"

static struct real_etcd server;
static bool have_etcd;

struct world {
	struct loop *loop;
	struct http *http;
	struct etcd *etcd;
	struct model *model;
	struct scripted_docker *dockers[2];
	struct docker_feed *docker_feed;
	struct calico_feed *feed;
	struct model_watch *watch;
	struct cluster *cluster;
	struct journal *journal;
	struct action_env env;
	struct action_docker daemons[2];
	char *folder;
	const char *wep, *status; /* what is waited for */
	bool is_so;
	/* The last call. */
	bool ended, dry;
	enum plan_confirm confirm;
	char *typed;
	size_t targets, rows;
	struct strbuf plan, said, results;
	enum command_status outcome;
	char message[480];
	unsigned after;                       /* that many targets ended ... */
	void (*disturb)(struct world *world); /* ... and then this happens */
};

static void on_endpoints(void *arg, unsigned bits)
{
	struct world *world = arg;
	const struct endpoint_row *row =
		world->wep ? snapshot_find(model_current(world->model, MODEL_ENDPOINTS), world->wep)
			   : NULL;

	(void)bits;
	world->is_so = world->is_so ||
		       (world->wep && strcmp(world->status, row ? row->status : "gone") == 0);
}

static void wait_for(struct world *world, const char *key, const char *status)
{
	char *copy = xstrdup(key);

	world->wep = copy;
	world->status = status;
	world->is_so = false;
	on_endpoints(world, 0);
	if (!run_until(world->loop, &world->is_so))
		fail_msg("%s does not become %s", key, status);
	world->wep = NULL;
	free(copy);
}

/* N1 has four endpoints and a block; N2 has one that lives. */
static void fill(struct world *world)
{
	const char *eids = "abcd";

	world->cluster = cluster_new();
	cluster_node(world->cluster, "N1");
	cluster_node(world->cluster, "N2");
	cluster_put(world->cluster, "/calico/v1/host/N1/bird_ip", "192.0.2.101");
	cluster_put(world->cluster, "/calico/bgp/v1/host/N1/ip_addr_v4", "192.0.2.101");
	for (int i = 0; eids[i]; i++) {
		char address[24];

		snprintf(address, sizeof(address), "10.0.0.%d", 10 + i);
		cluster_wep(world->cluster, "N1", eids[i], address);
	}
	cluster_wep(world->cluster, "N2", '2', "10.0.0.70");
	cluster_block(world->cluster, "10.0.0.0/26", "N1", (int[]){ 10, 11, 12, 13, 40, -1 });
	cluster_block(world->cluster, "10.0.0.64/26", "N2", (int[]){ 6, -1 });
	cluster_put(world->cluster, CLAIM_KEY, "{}");
	cluster_put(world->cluster, "/calico/ipam/v2/host/N2/ipv4/block/10.0.0.64-26", "{}");
	free(real_etcd_request(&server, "DELETE", "/v2/keys/calico?recursive=true", NULL, NULL));
	cluster_push(world->cluster, &server);
}

static int set_up(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));
	const struct calico_feed_options options = { .grace_ms = 1 };
	struct etcd_config config = { .endpoints = (const char *[]){ server.url, NULL } };
	struct err err;

	*state = world;
	if (!have_etcd)
		return 0;
	world->folder = xstrdup("/tmp/binnacle-test-cleaning-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	fill(world);
	world->loop = loop_new();
	world->http = http_new(world->loop);
	world->etcd = etcd_new(world->loop, world->http, &config, &err);
	assert_non_null(world->etcd);
	world->model = model_new();
	world->journal = journal_open(world->folder, world->model, &err);
	world->docker_feed = docker_feed_new(world->loop, world->model);
	for (int i = 0; i < 2; i++) {
		world->dockers[i] = scripted_docker_new(world->loop, world->http, i ? "N2" : "N1");
		docker_feed_add(world->docker_feed, i ? "N2" : "N1", world->dockers[i]->docker,
				true);
	}
	scripted_docker_say(world->dockers[1],
			    &(struct scripted_container){ .name = "two",
							  .eid = cluster_eid('2'),
							  .address = "10.0.0.70" },
			    1);
	/* Of N1's former endpoints Docker still knows one, of a container that is stopped. */
	scripted_docker_say(world->dockers[0],
			    &(struct scripted_container){
				    .name = "old-a", .status = "exited", .eid = cluster_eid('a') },
			    1);
	world->watch =
		model_watch_start(world->model, MODEL_BIT(MODEL_ENDPOINTS), on_endpoints, world);
	world->feed = calico_feed_new(world->loop, world->model, world->etcd, world->docker_feed,
				      &options);
	world->env = (struct action_env){ .loop = world->loop,
					  .model = world->model,
					  .journal = world->journal,
					  .etcd = world->etcd,
					  .calico_feed = world->feed,
					  .docker_feed = world->docker_feed };
	strbuf_init(&world->plan);
	strbuf_init(&world->said);
	strbuf_init(&world->results);
	return 0;
}

/* With N1's daemon gone for good. */
static int set_up_dead(void **state)
{
	struct world *world;

	set_up(state);
	world = *state;
	if (have_etcd)
		peer_down(world->dockers[0]->peer);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	if (have_etcd) {
		model_watch_stop(&world->watch);
		calico_feed_free(world->feed);
		docker_feed_free(world->docker_feed);
		for (int i = 0; i < 2; i++)
			scripted_docker_free(world->dockers[i]);
		unlink(journal_path(world->journal));
		rmdir(world->folder);
		journal_close(world->journal);
		model_free(world->model);
		etcd_free(world->etcd);
		http_free(world->http);
		loop_free(world->loop);
		cluster_free(world->cluster);
		strbuf_release(&world->plan);
		strbuf_release(&world->said);
		strbuf_release(&world->results);
		free(world->folder);
		free(world->typed);
	}
	free(world);
	return 0;
}

#define NEEDS_ETCD                                                                                 \
	do {                                                                                       \
		if (!have_etcd)                                                                    \
			skip();                                                                    \
	} while (0)

static void hear_message(void *arg, int level, const char *text)
{
	struct world *world = arg;

	(void)level;
	strbuf_addf(&world->said, "%s\n", text);
}

static void hear_confirm(void *arg, struct command_call *call, const struct plan *plan)
{
	struct world *world = arg;
	struct strbuf typed = STRBUF_INIT;

	world->confirm = plan->confirm;
	world->targets = plan->target_count;
	plan_typed_answer(plan, NULL, &typed);
	free(world->typed);
	world->typed = strbuf_detach(&typed, NULL);
	plan_print(plan, &world->plan);
	command_answer(call, !world->dry);
}

static void hear_target(void *arg, const struct plan *plan, size_t target, const char *result,
			const char *error, const char *undo)
{
	struct world *world = arg;

	(void)undo;
	strbuf_addf(&world->results, "%s %s: %s %s\n", plan->targets[target].kind,
		    plan->targets[target].label, result, error);
	if (world->disturb && --world->after == 0)
		world->disturb(world);
}

static void hear_ended(void *arg, struct command_call *call, enum command_status status,
		       const struct err *err)
{
	struct world *world = arg;

	(void)call;
	world->ended = true;
	world->outcome = status;
	snprintf(world->message, sizeof(world->message), "%s", err ? err->msg : "");
}

static const struct command_front front = {
	.name = "test",
	.message = hear_message,
	.confirm = hear_confirm,
	.target = hear_target,
	.ended = hear_ended,
};

static void run(struct world *world, const char *text, enum command_status want)
{
	struct err err = { 0 };
	struct command_line *line = command_parse(text, &err);

	strbuf_reset(&world->plan);
	strbuf_reset(&world->said);
	strbuf_reset(&world->results);
	world->ended = false;
	if (!line || !command_start(line, &world->env, &front, world, &err))
		fail_msg("%s", err.msg);
	if (!run_until(world->loop, &world->ended))
		fail_msg("%s does not end", text);
	if (world->outcome != want)
		fail_msg("%s: status %d: %s\n%s%s%s", text, world->outcome, world->message,
			 world->plan.buf, world->said.buf, world->results.buf);
}

static char *text_of(const char *key)
{
	char *path = xasprintf("/v2/keys%s", key);
	int status;
	char *text = real_etcd_request(&server, "GET", path, NULL, &status);

	if (status != 200)
		*text = '\0';
	free(path);
	return text;
}

static bool is_there(const char *key)
{
	char *text = text_of(key);
	bool there = *text != '\0';

	free(text);
	return there;
}

static bool slot_is_taken(unsigned slot)
{
	char *text = text_of(BLOCK_KEY), *at = strstr(text, "allocations\\\":[");
	bool taken = false;

	for (unsigned i = 0; at && i < slot; i++)
		at = strchr(at, ',') + 1;
	if (at && slot > 0)
		taken = *at != 'n';
	free(text);
	return taken;
}

static size_t left_over_endpoints(void)
{
	size_t count = 0;

	for (const char *eid = "abcd"; *eid; eid++)
		count += is_there(cluster_wep_key("N1", *eid));
	return count;
}

#define says(text, what)                                                                           \
	do {                                                                                       \
		if (!strstr((text).buf, what))                                                     \
			fail_msg("no \"%s\" in:\n%s", what, (text).buf);                           \
	} while (0)

static void a_dead_node_goes_with_all_it_left(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	wait_for(world, cluster_wep_key("N1", 'a'), "?");
	run(world, "decommission N1", COMMAND_DONE);
	assert_int_equal(world->confirm, PLAN_CONFIRM_TYPED);
	assert_string_equal(world->typed, "N1");
	assert_int_equal(world->targets, 4 + 1 + 1);
	says(world->plan, "no Docker of its node bears witness, only your word");
	says(world->plan, "10.0.0.40"); /* in its block, and nobody's */
	assert_int_equal(left_over_endpoints(), 0);
	assert_false(is_there("/calico/v1/host/N1"));
	assert_false(is_there("/calico/bgp/v1/host/N1"));
	assert_false(is_there("/calico/ipam/v2/host/N1"));
	for (unsigned slot = 10; slot < 14; slot++)
		assert_false(slot_is_taken(slot));
	assert_true(slot_is_taken(40));
	/* Nothing of the others. */
	assert_true(is_there(cluster_wep_key("N2", '2')));
	assert_true(is_there("/calico/v1/host/N2/metadata"));
	assert_true(is_there("/calico/ipam/v2/host/N2/ipv4/block/10.0.0.64-26"));
}

static void undo_of_that_puts_everything_back(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	wait_for(world, cluster_wep_key("N1", 'a'), "?");
	run(world, "decommission N1", COMMAND_DONE);
	run(world, "undo", COMMAND_DONE);
	assert_int_equal(left_over_endpoints(), 4);
	assert_true(is_there("/calico/v1/host/N1/bird_ip"));
	assert_true(is_there("/calico/bgp/v1/host/N1/ip_addr_v4"));
	assert_true(is_there(CLAIM_KEY));
	for (unsigned slot = 10; slot < 14; slot++)
		assert_true(slot_is_taken(slot));
}

static void a_dead_node_is_never_part_of_a_general_clean_up(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	wait_for(world, cluster_wep_key("N1", 'a'), "?");
	run(world, "clean endpoints", COMMAND_DONE);
	says(world->said, "Docker of N1 does not answer");
	assert_int_equal(left_over_endpoints(), 4);
}

static void a_node_whose_docker_answers_is_not_gone(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	wait_for(world, cluster_wep_key("N1", 'b'), "STALE");
	run(world, "decommission N1", COMMAND_FAILED);
	assert_non_null(strstr(world->message, "Docker of N1 answers"));
	assert_int_equal(left_over_endpoints(), 4);
	run(world, "decommission n1", COMMAND_FAILED);
	assert_non_null(strstr(world->message, "no node \"n1\""));
}

static void a_node_from_which_felix_reports_is_not_gone(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	wait_for(world, cluster_wep_key("N1", 'a'), "?");
	/* After the plan, so that only the steps can see it. */
	world->dry = true;
	run(world, "decommission N1", COMMAND_UNCONFIRMED);
	world->dry = false;
	real_etcd_put(&server, "/calico/felix/v1/host/N1/status",
		      "{\"time\":\"2026-01-01T00:00:00Z\",\"uptime\":1,\"first_update\":false}");
	wait_for(world, cluster_wep_key("N1", 'a'), "?");
	for (int i = 0; i < 200; i++) {
		const struct calico_node *node =
			calico_state_node(calico_feed_state(world->feed), "N1");

		if (node && node->felix_alive)
			break;
		real_etcd_put(&server, "/calico/v1/host/N1/orchestrator_refs", "[]");
		run_for(world->loop, 50);
	}
	run(world, "decommission N1", COMMAND_FAILED);
	assert_non_null(strstr(world->message, "the node is alive"));
	assert_int_equal(left_over_endpoints(), 4);
}

static void felix_lives(struct world *world)
{
	(void)world;
	real_etcd_put(&server, "/calico/felix/v1/host/N1/status",
		      "{\"time\":\"2026-01-01T00:00:00Z\",\"uptime\":1,\"first_update\":false}");
}

static void a_node_that_comes_back_half_way_keeps_the_rest(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	wait_for(world, cluster_wep_key("N1", 'a'), "?");
	world->disturb = felix_lives;
	world->after = 2;
	run(world, "decommission N1", COMMAND_PARTLY);
	world->disturb = NULL;
	assert_int_equal(left_over_endpoints(), 2);
	assert_true(is_there(CLAIM_KEY));
	assert_true(is_there("/calico/v1/host/N1/bird_ip"));
}

static void a_docker_that_is_only_slow_is_not_gone(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	/* It takes connections and says nothing. */
	peer_forget(world->dockers[0]->peer);
	peer_hold(world->dockers[0]->peer);
	wait_for(world, cluster_wep_key("N1", 'a'), "?");
	run(world, "decommission N1", COMMAND_UNREACHABLE);
	assert_non_null(strstr(world->message, "neither answered nor failed"));
	assert_int_equal(left_over_endpoints(), 4);
}

static void what_another_daemon_has_is_not_touched(void **state)
{
	const struct scripted_container moved[] = {
		{ .name = "two", .eid = cluster_eid('2'), .address = "10.0.0.70" },
		{ .name = "moved", .address = "10.0.0.11" },
	};
	struct scripted_container here[COUNT_OF(moved)];
	struct world *world = *state;
	char b[65];

	NEEDS_ETCD;
	memcpy(here, moved, sizeof(moved));
	here[0].eid = NULL;
	snprintf(b, sizeof(b), "%s", cluster_eid('b'));
	here[1].eid = b;
	scripted_docker_say(world->dockers[1], here, COUNT_OF(here));
	scripted_docker_event(world->dockers[1], "start");
	wait_for(world, cluster_wep_key("N1", 'b'), "live");
	run(world, "decommission N1", COMMAND_DONE);
	assert_true(is_there(cluster_wep_key("N1", 'b')));
	assert_int_equal(left_over_endpoints(), 1);
	assert_true(slot_is_taken(11));
	assert_true(is_there("/calico/v1/host/N1/bird_ip"));
	says(world->plan, "the blocks and the keys of node N1 stay");
	assert_true(is_there(CLAIM_KEY));
}

static void kill_etcd(struct world *world)
{
	(void)world;
	real_etcd_kill(&server);
}

/* What the journal says of the newest entry. */
static void newest_entry(struct world *world, const char *result)
{
	struct journal_entries entries;
	struct err err;

	assert_true(journal_read(world->journal, 1, &entries, &err));
	assert_int_equal(entries.len, 1);
	assert_string_equal(entries.items[0].result, result);
	journal_entries_release(&entries);
}

static void an_etcd_that_dies_half_way_leaves_a_part_and_the_next_call_the_rest(void **state)
{
	struct world *world = *state;
	size_t left;

	NEEDS_ETCD;
	wait_for(world, cluster_wep_key("N1", 'a'), "?");
	world->disturb = kill_etcd;
	world->after = 2;
	run(world, "decommission N1", COMMAND_PARTLY);
	world->disturb = NULL;
	newest_entry(world, "partly");
	says(world->results, "not done");
	real_etcd_again(&server);
	left = left_over_endpoints();
	assert_int_equal(left, 2);
	assert_true(is_there("/calico/v1/host/N1/bird_ip"));
	assert_true(is_there(CLAIM_KEY));
	/* The watch stands again when it knows that one is gone. */
	wait_for(world, cluster_wep_key("N1", 'a'), "gone");
	wait_for(world, cluster_wep_key("N1", 'd'), "?");
	run(world, "decommission N1", COMMAND_DONE);
	assert_int_equal(world->targets, 2 + 1 + 1);
	assert_int_equal(left_over_endpoints(), 0);
	assert_false(is_there("/calico/v1/host/N1"));
	newest_entry(world, "done");
}

static bool has_rows(void *arg)
{
	const struct world *world = arg;

	return model_source(world->model, SOURCE_CALICO)->health == SOURCE_OK &&
	       model_current(world->model, MODEL_ENDPOINTS)->count == world->rows;
}

static void a_batch_of_endpoints_is_resumed_likewise(void **state)
{
	struct world *world = *state;
	size_t left, taken = 0;

	NEEDS_ETCD;
	wait_for(world, cluster_wep_key("N1", 'b'), "STALE");
	wait_for(world, cluster_wep_key("N1", 'a'), "held");
	world->disturb = kill_etcd;
	world->after = 1;
	run(world, "clean endpoints", COMMAND_PARTLY);
	world->disturb = NULL;
	newest_entry(world, "partly");
	real_etcd_again(&server);
	left = left_over_endpoints();
	assert_true(left <= 3);
	for (unsigned slot = 10; slot < 14; slot++)
		taken += slot_is_taken(slot);
	assert_in_range(taken, 1, 3);
	/* The table tells of what is left: the watch stands again. */
	world->rows = left + 1;
	assert_true(run_until_true(world->loop, has_rows, world));
	if (left > 0)
		run(world, "clean endpoints", COMMAND_DONE);
	assert_int_equal(left_over_endpoints(), 0);
}

static void the_same_call_is_as_short_as_it_can_be(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	wait_for(world, cluster_wep_key("N1", 'b'), "STALE");
	wait_for(world, cluster_wep_key("N1", 'a'), "held");
	world->dry = true;
	run(world, "clean endpoints 10.0.0.11 10.0.0.12", COMMAND_UNCONFIRMED);
	says(world->plan, "clean endpoints bbbbbbbbbbbb cccccccccccc\n");
	run(world, "clean endpoints 10.0.0.13 10.0.0.12 10.0.0.11 10.0.0.10", COMMAND_UNCONFIRMED);
	says(world->plan, "clean endpoints\n");
}

static void create_again(struct world *world)
{
	(void)world;
	real_etcd_put(&server, cluster_wep_key("N1", 'c'), cluster_wep_value('c', "10.0.0.12"));
}

static void an_endpoint_that_is_written_anew_after_the_plan_stays(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	wait_for(world, cluster_wep_key("N1", 'a'), "?");
	/* Its deletion is the third; the job stops there. */
	world->disturb = create_again;
	world->after = 2;
	run(world, "decommission N1", COMMAND_PARTLY);
	world->disturb = NULL;
	says(world->results, "skipped changed since the plan");
	assert_true(is_there(cluster_wep_key("N1", 'c')));
	assert_true(is_there(cluster_wep_key("N1", 'd')));
	assert_true(slot_is_taken(12));
	assert_true(is_there(CLAIM_KEY));
}

/* N1's daemon lists the record of "gone", whose endpoint is 'd'; it says that it is N1's. */
static void play_ghost(struct world *world, const char *locator, const char *container)
{
	struct peer *peer = world->dockers[0]->peer;
	char *info =
		xasprintf("{\"ID\":\"N1\",\"Name\":\"N1\",\"ClusterAdvertise\":"
			  "\"192.0.2.101:2376\",\"ClusterStore\":\"etcd://127.0.0.1:%d/some\"}",
			  server.port);
	char *network = xasprintf("{\"Id\":\"net1\",\"Name\":\"calico-net\",\"Driver\":\"calico\","
				  "\"Containers\":{\"ep-%s\":{\"Name\":\"gone\",\"EndpointID\":"
				  "\"%s\",\"IPv4Address\":\"10.0.0.13/16\"}}}",
				  cluster_eid('d'), cluster_eid('d'));
	char *record = xasprintf("{\"name\":\"gone\",\"locator\":\"%s\",\"id\":\"%s\"}", locator,
				 cluster_eid('d'));
	char *key = xasprintf("/some/docker/network/v1.0/endpoint/net1/%s", cluster_eid('d'));

	peer_forget(peer);
	peer_script(peer, &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	peer_answer(peer, "GET /info", 200, NULL, info);
	peer_answer(peer, "GET /networks", 200, NULL,
		    "[{\"Id\":\"net1\",\"Name\":\"calico-net\",\"Driver\":\"calico\"}]");
	peer_answer(peer, "GET /networks/net1", 200, NULL, network);
	peer_answer(peer, "POST /networks/net1/disconnect", 200, NULL, "");
	if (container) {
		char *inspect = xasprintf("{\"Id\":\"c1\",\"Name\":\"/%s\",\"State\":{\"Status\":"
					  "\"exited\"},\"NetworkSettings\":{\"Networks\":{"
					  "\"calico-net\":{\"EndpointID\":\"%s\"}}}}",
					  container, cluster_eid('a'));

		peer_answer(peer, "GET /containers/json", 200, NULL, "[{\"Id\":\"c1\"}]");
		peer_answer(peer, "GET /containers/c1/json", 200, NULL, inspect);
		free(inspect);
	}
	real_etcd_put(&server, key, record);
	scripted_docker_event(world->dockers[0], "destroy");
	world->env.http = world->http;
	world->env.dockers = world->daemons;
	world->env.docker_count = 2;
	for (int i = 0; i < 2; i++)
		world->daemons[i] = (struct action_docker){ .node = i ? "N2" : "N1",
							    .docker = world->dockers[i]->docker,
							    .confirmed = true,
							    .local = true };
	free(info);
	free(network);
	free(record);
	free(key);
}

static void a_ghost_is_dropped_by_the_docker_that_owns_it(void **state)
{
	struct world *world = *state;
	struct peer *peer;
	const struct peer_request *last = NULL;

	NEEDS_ETCD;
	peer = world->dockers[0]->peer;
	play_ghost(world, "192.0.2.101", "old-a");
	wait_for(world, cluster_wep_key("N1", 'd'), "ghost");
	run(world, "disconnect dddddddddddd", COMMAND_DONE);
	assert_int_equal(world->confirm, PLAN_CONFIRM_TYPED);
	assert_string_equal(world->typed, "gone");
	says(world->plan, "NOT REVERSIBLE");
	assert_int_equal(peer_asked(peer, "POST /networks/net1/disconnect"), 1);
	for (size_t i = 0; i < peer_request_count(peer); i++)
		if (strcmp(peer_request(peer, i)->method, "POST") == 0)
			last = peer_request(peer, i);
	assert_string_equal(last->body, "{\"Container\":\"gone\",\"Force\":true}");
	/* This Docker has no plugin: the endpoint is Calico's to clean, and is not touched here. */
	assert_int_equal(left_over_endpoints(), 4);
}

static void another_dockers_record_is_left_to_it(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	play_ghost(world, "192.0.2.102", "old-a");
	wait_for(world, cluster_wep_key("N1", 'd'), "ghost");
	run(world, "disconnect dddddddddddd", COMMAND_FAILED);
	assert_non_null(strstr(world->message, "belongs to the daemon at 192.0.2.102"));
	assert_int_equal(peer_asked(world->dockers[0]->peer, "POST /networks/net1/disconnect"), 0);
}

static void a_container_of_that_name_would_be_hit_instead(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	play_ghost(world, "192.0.2.101", "gone");
	wait_for(world, cluster_wep_key("N1", 'd'), "ghost");
	run(world, "disconnect dddddddddddd", COMMAND_FAILED);
	assert_non_null(strstr(world->message, "remove or rename it first"));
	assert_int_equal(peer_asked(world->dockers[0]->peer, "POST /networks/net1/disconnect"), 0);
}

static void without_every_daemon_no_record_is_dropped(void **state)
{
	struct world *world = *state;

	NEEDS_ETCD;
	play_ghost(world, "192.0.2.101", "old-a");
	wait_for(world, cluster_wep_key("N1", 'd'), "ghost");
	scripted_docker_refuse(world->dockers[1]);
	run(world, "disconnect dddddddddddd", COMMAND_FAILED);
	assert_int_equal(peer_asked(world->dockers[0]->peer, "POST /networks/net1/disconnect"), 0);
}

int main(void)
{
#define DEAD(name) cmocka_unit_test_setup_teardown(name, set_up_dead, tear_down)
#define WELL(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		DEAD(a_dead_node_goes_with_all_it_left),
		DEAD(undo_of_that_puts_everything_back),
		DEAD(a_dead_node_is_never_part_of_a_general_clean_up),
		WELL(a_node_whose_docker_answers_is_not_gone),
		DEAD(a_node_from_which_felix_reports_is_not_gone),
		DEAD(a_node_that_comes_back_half_way_keeps_the_rest),
		WELL(a_docker_that_is_only_slow_is_not_gone),
		DEAD(what_another_daemon_has_is_not_touched),
		DEAD(an_etcd_that_dies_half_way_leaves_a_part_and_the_next_call_the_rest),
		WELL(a_batch_of_endpoints_is_resumed_likewise),
		WELL(the_same_call_is_as_short_as_it_can_be),
		DEAD(an_endpoint_that_is_written_anew_after_the_plan_stays),
		WELL(a_ghost_is_dropped_by_the_docker_that_owns_it),
		WELL(another_dockers_record_is_left_to_it),
		WELL(a_container_of_that_name_would_be_hit_instead),
		WELL(without_every_daemon_no_record_is_dropped),
	};
	int failed;

	have_etcd = real_etcd_start(&server, true);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (have_etcd)
		real_etcd_stop(&server);
	return failed;
}
