/* What the tables of addresses, policies, nodes and pools say about a small cluster. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "../../src/feed/calico_tables.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "support/calico_cluster.h"

struct scene {
	struct cluster *cluster;
	struct calico_docker_view *view;
	struct calico_source source;
	struct calico_history *history;
	struct calico_state *state;
	struct calico_report *report;
	struct calico_selection selection;
	struct model *model;
};

/* One node N1 with a live endpoint; N2 has an endpoint, and no daemon is known for it. */
static int setup(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));

	clock_fake(1000000, 1500000000000);
	scene->cluster = cluster_new();
	scene->history = calico_history_new();
	scene->model = model_new();
	scene->view = cluster_view("docker-1");
	scene->source =
		(struct calico_source){ .node = "N1", .confirmed = true, .view = scene->view };
	cluster_node(scene->cluster, "N1");
	cluster_wep(scene->cluster, "N1", '1', "10.0.0.1");
	cluster_container(scene->view, &(struct cluster_container){
					       .name = "web", .eid = '1', .address = "10.0.0.1" });
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	calico_report_free(scene->report);
	calico_selection_release(&scene->selection);
	calico_state_unref(scene->state);
	calico_history_free(scene->history);
	calico_docker_view_unref(scene->view);
	cluster_free(scene->cluster);
	model_free(scene->model);
	free(scene);
	clock_real();
	return 0;
}

/* Seen twice, a minute apart. */
static void publish(struct scene *scene)
{
	struct calico_evidence_base base = {
		.sources = &scene->source,
		.source_count = 1,
		.history = scene->history,
	};
	struct calico_tables tables = { .sources = &scene->source, .source_count = 1 };

	scene->state = cluster_state(scene->cluster);
	calico_history_observe(scene->history, scene->state, clock_mono_ms());
	clock_fake_advance(60000);
	scene->view->started_mono_ms = clock_mono_ms();
	calico_history_observe(scene->history, scene->state, clock_mono_ms());
	base.state = scene->state;
	base.now_mono_ms = clock_mono_ms();
	scene->report = calico_judge(&base);
	calico_selection_fill(&scene->selection, scene->state);
	tables.state = scene->state;
	tables.report = scene->report;
	tables.selection = &scene->selection;
	tables.now_mono_ms = clock_mono_ms();
	calico_tables_publish(&tables, scene->model);
}

static const void *row(const struct scene *scene, enum model_table table, const char *id)
{
	const void *found = snapshot_find(model_current(scene->model, table), id);

	if (!found)
		fail_msg("there is no row %s", id);
	return found;
}

static void an_address_tells_who_has_it_and_who_waits_for_it(void **state)
{
	struct scene *scene = *state;
	const struct address_row *address;

	cluster_wep(scene->cluster, "N1", '5', "10.0.0.5");
	cluster_block(scene->cluster, "10.0.0.0/26", "N1", (int[]){ 1, 5, 6, 1007, -1 });
	cluster_container(scene->view, &(struct cluster_container){ .name = "db",
								    .status = "created",
								    .wanted = "10.0.0.5" });
	publish(scene);
	assert_int_equal(model_current(scene->model, MODEL_ADDRESSES)->count, 4);
	address = row(scene, MODEL_ADDRESSES, "10.0.0.1");
	assert_string_equal(address->status, "in use");
	assert_string_equal(address->holder, "web");
	assert_string_equal(address->node, "N1");
	assert_false(address->releasable);
	address = row(scene, MODEL_ADDRESSES, "10.0.0.5");
	assert_string_equal(address->status, "leaked");
	assert_string_equal(address->endpoint, cluster_wep_key("N1", '5'));
	assert_string_equal(address->wanted_by, "db");
	assert_string_equal(address->wanted_on, "N1");
	assert_true(address->releasable);
	address = row(scene, MODEL_ADDRESSES, "10.0.0.6");
	assert_string_equal(address->status, "orphan");
	assert_string_equal(address->holder, "");
	assert_true(address->releasable);
	assert_string_equal(address->block, "10.0.0.0/26");
	address = row(scene, MODEL_ADDRESSES, "10.0.0.7");
	assert_string_equal(address->status, "foreign");
	assert_false(address->releasable);
}

static void an_address_without_endpoint_is_that_of_the_container_that_runs_with_it(void **state)
{
	struct scene *scene = *state;
	const struct address_row *address;

	cluster_block(scene->cluster, "10.0.0.0/26", "N1", (int[]){ 1, 8, -1 });
	cluster_container(scene->view, &(struct cluster_container){
					       .name = "bare", .eid = '8', .address = "10.0.0.8" });
	publish(scene);
	address = row(scene, MODEL_ADDRESSES, "10.0.0.8");
	assert_string_equal(address->status, "in use");
	assert_string_equal(address->holder, "bare");
	assert_string_equal(address->endpoint, "");
}

static void
the_address_of_an_endpoint_of_which_nothing_is_known_is_not_said_to_be_in_use(void **state)
{
	struct scene *scene = *state;
	const struct address_row *address;

	cluster_wep(scene->cluster, "N2", '5', "10.0.0.5");
	cluster_block(scene->cluster, "10.0.0.0/26", "N1", (int[]){ 1, 5, -1 });
	publish(scene);
	address = row(scene, MODEL_ADDRESSES, "10.0.0.5");
	assert_string_equal(address->status, "?");
	assert_int_equal(address->state, STATE_UNKNOWN);
	assert_false(address->releasable);
}

static void put_policy(struct scene *scene, const char *name, const char *value)
{
	char *key = xasprintf("/calico/v1/policy/tier/default/policy/%s", name);

	cluster_put(scene->cluster, key, value);
	free(key);
}

static void a_policy_tells_its_rules_and_whom_it_selects(void **state)
{
	struct scene *scene = *state;
	const struct policy_row *policy;

	put_policy(scene, "all",
		   "{\"order\":10,\"selector\":\"\",\"types\":[\"ingress\"],"
		   "\"inbound_rules\":[{\"action\":\"allow\",\"protocol\":\"tcp\","
		   "\"dst_ports\":[80]}]}");
	put_policy(scene, "none", "{\"order\":5,\"selector\":\"role == 'x'\"}");
	put_policy(scene, "torn", "{\"selector\":\"role = x\"}");
	publish(scene);
	policy = row(scene, MODEL_POLICIES, "all");
	assert_string_equal(policy->status, "ok");
	assert_string_equal(policy->order, "10");
	assert_int_equal(policy->place, 2);
	assert_string_equal(policy->types, "ingress");
	assert_int_equal(policy->endpoints, 1);
	assert_string_equal(policy->selected.items[0], "web on N1, live");
	assert_int_equal(policy->inbound.count, 1);
	assert_string_equal(policy->inbound.items[0], "allow tcp to ports 80");
	policy = row(scene, MODEL_POLICIES, "none");
	assert_string_equal(policy->status, "idle");
	assert_int_equal(policy->place, 1);
	policy = row(scene, MODEL_POLICIES, "torn");
	assert_string_equal(policy->status, "BROKEN");
	assert_int_equal(policy->endpoints, 0);
	assert_true(*policy->problem);
}

static void an_endpoint_without_policy_and_profile_is_warned_about(void **state)
{
	struct scene *scene = *state;

	publish(scene);
	assert_int_equal(scene->selection.weps[0].count, 0);
	assert_non_null(strstr(scene->selection.weps[0].warning, "all its traffic is dropped"));
	put_policy(scene, "all", "{\"selector\":\"\",\"types\":[\"ingress\"]}");
	calico_report_free(scene->report);
	scene->report = NULL;
	calico_state_unref(scene->state);
	publish(scene);
	assert_int_equal(scene->selection.weps[0].count, 1);
	assert_non_null(strstr(scene->selection.weps[0].warning, "all that goes out is dropped"));
}

static void a_node_tells_whether_it_is_alive_and_who_bears_witness(void **state)
{
	struct scene *scene = *state;
	const struct node_row *node;

	cluster_put(scene->cluster, "/calico/felix/v1/host/N1/status",
		    "{\"time\":\"2017-07-14T02:40:00Z\",\"uptime\":1}");
	cluster_wep(scene->cluster, "N2", '5', "10.0.0.5");
	cluster_block(scene->cluster, "10.0.0.0/26", "N1", (int[]){ 1, 5, -1 });
	publish(scene);
	node = row(scene, MODEL_NODES, "N1");
	assert_string_equal(node->status, "alive");
	assert_int_equal(node->reported_ms, 1500000000000);
	assert_int_equal(node->endpoints, 1);
	assert_int_equal(node->blocks, 1);
	assert_string_equal(node->docker, "confirmed");
	assert_string_equal(node->daemon_problem, "");
	node = row(scene, MODEL_NODES, "N2");
	assert_string_equal(node->status, "SILENT");
	assert_string_equal(node->docker, "none");
	assert_true(*node->daemon_problem);
}

static void a_pool_counts_what_is_assigned_from_it(void **state)
{
	struct scene *scene = *state;
	const struct pool_row *pool;

	cluster_block(scene->cluster, "10.0.0.0/26", "N1", (int[]){ 1, 6, -1 });
	cluster_block(scene->cluster, "11.0.0.0/26", "N1", (int[]){ 1, -1 });
	publish(scene);
	pool = row(scene, MODEL_POOLS, "10.0.0.0/8");
	assert_string_equal(pool->status, "on");
	assert_int_equal(pool->blocks, 1);
	assert_int_equal(pool->used, 2);
	assert_int_equal(pool->left_over, 1);
}

static void a_block_is_a_map_of_its_addresses(void **state)
{
	struct scene *scene = *state;
	const struct block_row *block;

	cluster_wep(scene->cluster, "N1", '5', "10.0.0.5");
	cluster_block(scene->cluster, "10.0.0.0/26", "N1", (int[]){ 1, 5, 6, 1007, -1 });
	cluster_block(scene->cluster, "10.0.0.192/26", NULL, (int[]){ -1 });
	publish(scene);
	assert_int_equal(model_current(scene->model, MODEL_BLOCKS)->count, 2);
	block = row(scene, MODEL_BLOCKS, "10.0.0.0/26");
	assert_string_equal(block->map, ".#...LOF........................................."
					"...............");
	assert_string_equal(block->status, "LEAKS");
	assert_string_equal(block->pool, "10.0.0.0/8");
	assert_int_equal(block->used, 1);
	assert_int_equal(block->leaked, 1);
	assert_int_equal(block->orphans, 1);
	assert_int_equal(block->foreign, 1);
	assert_int_equal(block->total, 64);
	block = row(scene, MODEL_BLOCKS, "10.0.0.192/26");
	assert_string_equal(block->status, "nobody's");
	assert_null(strpbrk(block->map, "#LOF?"));
}

static void what_nobody_can_be_asked_about_is_marked_as_not_known(void **state)
{
	struct scene *scene = *state;
	const struct block_row *block;

	cluster_wep(scene->cluster, "N2", '6', "10.0.0.2");
	cluster_node(scene->cluster, "N2");
	cluster_block(scene->cluster, "10.0.0.0/26", "N2", (int[]){ 2, 3, -1 });
	publish(scene);
	block = row(scene, MODEL_BLOCKS, "10.0.0.0/26");
	assert_memory_equal(block->map, "..??.", 5);
	assert_int_equal(block->unknown, 2);
	assert_string_equal(block->status, "ok");
}

static void a_block_that_cannot_be_read_is_said_to_be_broken(void **state)
{
	struct scene *scene = *state;
	const struct block_row *block;

	cluster_put(scene->cluster, "/calico/ipam/v2/assignment/ipv4/block/10.0.0.0-26", "[");
	publish(scene);
	block = row(scene, MODEL_BLOCKS, "10.0.0.0/26");
	assert_string_equal(block->status, "BROKEN");
	assert_true(*block->problem);
	assert_string_equal(block->map, "");
}

static void a_profile_tells_its_rules_and_how_many_name_it(void **state)
{
	struct scene *scene = *state;
	const struct profile_row *profile;

	cluster_put(scene->cluster, "/calico/v1/policy/profile/net/tags", "[\"net\"]");
	cluster_put(scene->cluster, "/calico/v1/policy/profile/net/labels", "{\"a\":\"b\"}");
	cluster_put(scene->cluster, "/calico/v1/policy/profile/net/rules",
		    "{\"inbound_rules\":[{\"action\":\"allow\",\"src_tag\":\"net\"}]}");
	cluster_put(scene->cluster, "/calico/v1/policy/profile/broken/tags", "{");
	cluster_put(scene->cluster, cluster_wep_key("N1", '1'),
		    "{\"name\":\"cali1\",\"profile_ids\":[\"net\",\"unknown\"],"
		    "\"ipv4_nets\":[\"10.0.0.1/32\"]}");
	publish(scene);
	profile = row(scene, MODEL_PROFILES, "net");
	assert_string_equal(profile->status, "ok");
	assert_int_equal(profile->endpoints, 1);
	assert_string_equal(profile->tags.items[0], "net");
	assert_string_equal(profile->labels.items[0], "a=b");
	assert_string_equal(profile->inbound.items[0], "allow from tag net");
	assert_non_null(strstr(profile->yaml, "kind: profile\n"));
	profile = row(scene, MODEL_PROFILES, "broken");
	assert_string_equal(profile->status, "BROKEN");
	assert_string_equal(profile->yaml, "");
}

static void a_label_that_never_reached_the_endpoint_is_named_after_a_while(void **state)
{
	struct scene *scene = *state;
	struct arena arena = ARENA_INIT;
	const struct calico_wep_verdict *verdict;
	struct json_list missing;
	int64_t started_ms = clock_parse_rfc3339("2017-07-14T02:40:00Z");

	cluster_wep(scene->cluster, "N1", '2', "10.0.0.2");
	cluster_container(scene->view,
			  &(struct cluster_container){ .name = "labelled",
						       .eid = '2',
						       .address = "10.0.0.2",
						       .started = "2017-07-14T02:40:00Z",
						       .label = "org.projectcalico.label.role" });
	publish(scene);
	verdict = calico_report_wep(scene->report, cluster_wep_key("N1", '2'));
	assert_int_equal(verdict->verdict, CALICO_LIVE);
	missing = calico_labels_missing(verdict, started_ms + 5000, &arena);
	assert_int_equal(missing.count, 0);
	missing = calico_labels_missing(verdict, started_ms + CALICO_LABELS_WAIT_MS, &arena);
	assert_int_equal(missing.count, 1);
	assert_string_equal(((const struct json_pair *)missing.items)->key, "role");
	verdict = calico_report_wep(scene->report, cluster_wep_key("N1", '1'));
	assert_int_equal(calico_labels_missing(verdict, started_ms * 2, &arena).count, 0);
	arena_release(&arena);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(an_address_tells_who_has_it_and_who_waits_for_it),
		TEST(an_address_without_endpoint_is_that_of_the_container_that_runs_with_it),
		TEST(the_address_of_an_endpoint_of_which_nothing_is_known_is_not_said_to_be_in_use),
		TEST(a_policy_tells_its_rules_and_whom_it_selects),
		TEST(an_endpoint_without_policy_and_profile_is_warned_about),
		TEST(a_node_tells_whether_it_is_alive_and_who_bears_witness),
		TEST(a_pool_counts_what_is_assigned_from_it),
		TEST(a_block_is_a_map_of_its_addresses),
		TEST(what_nobody_can_be_asked_about_is_marked_as_not_known),
		TEST(a_block_that_cannot_be_read_is_said_to_be_broken),
		TEST(a_profile_tells_its_rules_and_how_many_name_it),
		TEST(a_label_that_never_reached_the_endpoint_is_named_after_a_while),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
