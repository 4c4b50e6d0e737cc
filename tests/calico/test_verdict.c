/* Each rule of the verdicts, each left-over that the plugin and Docker are known to leave. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/calico/verdict.h"
#include "support/calico_cluster.h"

#define ADDRESS "10.0.0.5"
#define NOTHING ((int[]){ -1 })
#define TAKEN   ((int[]){ 5, -1 })
#define CONFLICT                                                                                   \
	"IpamDriver.RequestAddress: IP assignment error, data: {IP:10.0.0.5 "                      \
	"HandleID:<nil> Attrs:map[] Hostname:N1}: Address already assigned in block"

static enum calico_api api; /* everything is run with both */

/* Two nodes, each with its daemon and one live endpoint beside what a test adds. */
struct scene {
	struct cluster *cluster;
	struct calico_docker_view *views[3];
	struct calico_source sources[3];
	size_t source_count;
	struct calico_history *history;
	struct calico_evidence_base base;
	struct calico_state *state;
	struct calico_report *report;
	const char *gone[2];
};

static int setup(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));

	clock_fake(1000000, 1500000000000);
	scene->cluster = cluster_new();
	scene->history = calico_history_new();
	for (int i = 0; i < 2; i++) {
		const char *nodes[] = { "N1", "N2" }, *names[] = { "docker-1", "docker-2" };
		const char *addresses[] = { "10.0.0.1", "10.0.0.2" }, *live[] = { "one", "two" };

		cluster_node(scene->cluster, nodes[i]);
		cluster_wep(scene->cluster, nodes[i], (char)('1' + i), addresses[i]);
		scene->views[i] = cluster_view(names[i]);
		cluster_container(scene->views[i],
				  &(struct cluster_container){ .name = live[i],
							       .eid = (char)('1' + i),
							       .address = addresses[i] });
		scene->sources[i] = (struct calico_source){ .node = nodes[i],
							    .confirmed = true,
							    .view = scene->views[i] };
	}
	scene->source_count = 2;
	*state = scene;
	return 0;
}

static int teardown(void **state)
{
	struct scene *scene = *state;

	calico_report_free(scene->report);
	calico_state_unref(scene->state);
	calico_history_free(scene->history);
	cluster_free(scene->cluster);
	for (size_t i = 0; i < COUNT_OF(scene->views); i++)
		calico_docker_view_unref(scene->views[i]);
	free(scene);
	clock_real();
	return 0;
}

/* Slots 1 and 2 are those of the live endpoints. */
static void block_with(struct scene *scene, const int *more)
{
	int taken[8] = { 1, 2 }, count = 2;

	for (; *more >= 0; more++)
		taken[count++] = *more;
	taken[count] = -1;
	cluster_block(scene->cluster, "10.0.0.0/26", "N1", taken);
}

static void look(struct scene *scene)
{
	calico_report_free(scene->report);
	calico_state_unref(scene->state);
	scene->state = cluster_state(scene->cluster);
	calico_history_observe(scene->history, scene->state, clock_mono_ms());
	scene->base = (struct calico_evidence_base){
		.state = scene->state,
		.sources = scene->sources,
		.source_count = scene->source_count,
		.history = scene->history,
		.now_mono_ms = clock_mono_ms(),
		.decommissioned = scene->gone,
	};
	scene->report = calico_judge(&scene->base);
}

/* Look twice, a minute apart, with answers of the daemons that are fresh at the second. */
static void look_twice(struct scene *scene)
{
	look(scene);
	clock_fake_advance(60000);
	for (size_t i = 0; i < scene->source_count; i++)
		if (scene->views[i])
			scene->views[i]->started_mono_ms += 60000;
	look(scene);
}

static const struct calico_wep_verdict *wep(struct scene *scene, const char *node, char eid)
{
	const struct calico_wep_verdict *verdict =
		calico_report_wep(scene->report, cluster_wep_key(node, eid));

	assert_non_null(verdict);
	return verdict;
}

static const struct calico_slot_verdict *slot(struct scene *scene, const char *text)
{
	const struct calico_slot_verdict *verdict;
	struct calico_net address;

	assert_true(calico_net_parse(&address, text));
	verdict = calico_report_slot(scene->report, &address);
	assert_non_null(verdict);
	return verdict;
}

static void assert_verdict(const struct calico_wep_verdict *verdict, const char *name,
			   const char *reason)
{
	if (strcmp(calico_verdict_name(verdict->verdict), name) != 0 ||
	    strcmp(calico_reason_name(verdict->reason), reason) != 0)
		fail_msg("%s (%s): %s", calico_verdict_name(verdict->verdict),
			 calico_reason_name(verdict->reason), verdict->why);
	assert_true(strlen(verdict->why) > 0);
}

static void assert_slot(const struct calico_slot_verdict *verdict, const char *name,
			const char *reason, bool releasable)
{
	if (strcmp(calico_slot_verdict_name(verdict->kind), name) != 0 ||
	    strcmp(calico_reason_name(verdict->reason), reason) != 0 ||
	    verdict->releasable != releasable)
		fail_msg("%s (%s), releasable %d: %s", calico_slot_verdict_name(verdict->kind),
			 calico_reason_name(verdict->reason), verdict->releasable, verdict->why);
}

static bool mentions(const struct calico_evidence_list *list, const char *text)
{
	for (size_t i = 0; i < list->count; i++)
		if (strstr(list->items[i].sentence, text))
			return true;
	return false;
}

static void every_state_but_exited_and_dead_is_live(void **state)
{
	static const struct {
		const char *status, *verdict, *reason;
	} cases[] = {
		{ "running", "live", "" },          { "paused", "live", "" },
		{ "restarting", "live", "" },       { "created", "live", "" },
		{ "exited", "held", "" },           { "dead", "held", "" },
		{ "removing", "unknown", "young" }, { "strange", "unknown", "young" },
	};
	struct scene *scene = *state;
	char eids[] = "345678ab";

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char name[8];

		snprintf(name, sizeof(name), "c%zu", i);
		cluster_wep(scene->cluster, "N1", eids[i], ADDRESS);
		cluster_container(scene->views[0],
				  &(struct cluster_container){ .name = name,
							       .eid = eids[i],
							       .status = cases[i].status });
	}
	look_twice(scene);
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_verdict(wep(scene, "N1", eids[i]), cases[i].verdict, cases[i].reason);
	assert_string_equal(wep(scene, "N1", '7')->name, "c4");
	assert_true(mentions(&wep(scene, "N1", '7')->evidence, "is exited"));
}

static void an_endpoint_without_container_is_stale_only_when_seen_for_a_minute(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	block_with(scene, TAKEN);
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "young");
	clock_fake_advance(20000);
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "young");
	clock_fake_advance(40000);
	scene->views[0]->started_mono_ms = clock_mono_ms();
	scene->views[1]->started_mono_ms = clock_mono_ms();
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "stale", "");
	assert_true(mentions(&wep(scene, "N1", 'a')->evidence, "none of its 1 containers"));
	assert_slot(slot(scene, ADDRESS), "leaked", "", true);
	assert_verdict(wep(scene, "N1", '1'), "live", "");
	assert_slot(slot(scene, "10.0.0.1"), "in use", "", false);
}

static void an_endpoint_that_is_written_again_is_young_again(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "stale", "");
	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "young");
}

static void without_history_everything_is_young(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	look_twice(scene);
	calico_report_free(scene->report);
	scene->base.history = NULL;
	scene->report = calico_judge(&scene->base);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "young");
}

static void the_operator_may_set_another_grace(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	look_twice(scene);
	calico_report_free(scene->report);
	scene->base.grace_ms = 600000;
	scene->report = calico_judge(&scene->base);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "young");
}

static void a_daemon_that_cannot_bear_witness_makes_unknown(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	block_with(scene, (int[]){ 5, 9, -1 });
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "stale", "");
	assert_slot(slot(scene, "10.0.0.9"), "orphan", "", true);

	calico_docker_view_finish(scene->views[0], "timeout", true);
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "unreachable");
	assert_slot(slot(scene, ADDRESS), "in use", "", false);
	assert_slot(slot(scene, "10.0.0.9"), "unknown", "unreachable", false);
	/* A container that is seen is there, even in half an answer. */
	assert_verdict(wep(scene, "N1", '1'), "live", "");

	calico_docker_view_finish(scene->views[0], "GET /networks: 500", false);
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "incomplete");
	assert_slot(slot(scene, "10.0.0.9"), "unknown", "incomplete", false);

	calico_docker_view_finish(scene->views[0], NULL, false);
	scene->views[0]->started_mono_ms = clock_mono_ms() - 30001;
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "old");
	assert_verdict(wep(scene, "N1", '1'), "unknown", "old");
	scene->views[0]->started_mono_ms = clock_mono_ms() - 30000;
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "stale", "");

	scene->sources[0].confirmed = false;
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "mapping");
	scene->sources[0] = (struct calico_source){ .node = "N1", .confirmed = true, .view = NULL };
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "unreachable");
	scene->sources[0].node = NULL;
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "mapping");
	assert_slot(slot(scene, "10.0.0.9"), "unknown", "mapping", false);
	assert_false(scene->report->all_nodes_known);
	assert_string_equal(scene->report->unknown_node, "N1");
}

static void a_daemon_of_no_node_that_is_down_keeps_addresses_from_release(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	block_with(scene, (int[]){ 5, 9, -1 });
	scene->views[2] = cluster_view("docker-3");
	scene->sources[2] =
		(struct calico_source){ .node = NULL, .confirmed = false, .view = scene->views[2] };
	scene->source_count = 3;
	look_twice(scene);
	assert_slot(slot(scene, ADDRESS), "leaked", "", true);
	calico_docker_view_finish(scene->views[2], "down", true);
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "stale", "");
	assert_slot(slot(scene, ADDRESS), "leaked", "", false);
	assert_slot(slot(scene, "10.0.0.9"), "unknown", "unreachable", false);
	assert_string_equal(scene->report->unknown_node, "docker-3");
}

static void node_names_that_differ_in_case_are_two_nodes(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "n1", 'a', ADDRESS);
	look_twice(scene);
	assert_verdict(wep(scene, "n1", 'a'), "unknown", "mapping");
	if (api == CALICO_API_V3)
		assert_non_null(strstr(wep(scene, "n1", 'a')->why, "in lower case"));
}

static void two_nodes_on_one_daemon_are_both_unknown(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	cluster_wep(scene->cluster, "N2", 'b', "10.0.0.6");
	scene->views[1]->daemon_id = scene->views[0]->daemon_id;
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "mapping");
	assert_verdict(wep(scene, "N2", 'b'), "unknown", "mapping");
}

static void two_daemons_for_one_node_are_unknown(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	scene->views[2] = cluster_view("docker-3");
	scene->sources[2] =
		(struct calico_source){ .node = "N1", .confirmed = true, .view = scene->views[2] };
	scene->source_count = 3;
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "mapping");
}

static void a_daemon_that_bears_another_nodes_name_is_a_conflict(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	scene->views[0]->daemon_name = "N2";
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "mapping");
	assert_non_null(strstr(wep(scene, "N1", 'a')->why, "calls itself N2"));
	assert_true(scene->report->nodes[0].conflict);
	assert_false(scene->report->nodes[1].conflict);
	assert_string_equal(scene->report->nodes[0].node, "N1");
	/* In API v1 case matters: that is no node of Calico's. Those of API v3 are lower case. */
	scene->views[0]->daemon_name = "n2";
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), api == CALICO_API_V3 ? "unknown" : "stale",
		       api == CALICO_API_V3 ? "mapping" : "");
	assert_int_equal(scene->report->nodes[0].conflict, api == CALICO_API_V3);
	scene->views[0]->daemon_name = "n1";
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "stale", "");
}

static void a_daemon_that_advertises_another_nodes_address_is_a_conflict(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	cluster_node_address(scene->cluster, "N1", "192.0.2.1", NULL);
	cluster_node_address(scene->cluster, "N2", "192.0.2.2", NULL);
	scene->views[0]->cluster_advertise = "192.0.2.2:2376";
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "mapping");
	assert_non_null(strstr(wep(scene, "N1", 'a')->why, "the address of node N2"));
	scene->views[0]->cluster_advertise = "192.0.2.1:2376";
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "stale", "");
	/* An address of nobody's proves nothing. */
	scene->views[0]->cluster_advertise = "192.0.2.22:2376";
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "stale", "");
}

static void the_daemons_own_name_written_down_settles_whose_it_is(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	scene->views[0]->daemon_name = "N2";
	scene->sources[0].daemon_name = "N2";
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "stale", "");
	/* Not the one that was written down: whatever else speaks for it. */
	scene->sources[0].daemon_name = "N1-b";
	scene->views[0]->daemon_name = "N1";
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "mapping");
	assert_true(scene->report->nodes[0].conflict);
}

static void a_mapping_that_was_proven_once_stays_so_while_its_proof_is_cleaned_up(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	cluster_wep(scene->cluster, "N1", 'b', "10.0.0.6");
	scene->views[0]->daemon_id = "ID-1";
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "stale", "");
	calico_history_prove(scene->history, scene->report);
	/* The only endpoint that the daemon knows goes. */
	cluster_put(scene->cluster, cluster_wep_key("N1", '1'), NULL);
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "stale", "");
	/* Another daemon in its place has proven nothing. */
	scene->views[0]->daemon_id = "ID-2";
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "mapping");
}

static void several_unknown_endpoints_are_overruled_by_the_name_too(void **state)
{
	struct scene *scene = *state;

	cluster_node(scene->cluster, "N3");
	cluster_wep(scene->cluster, "N3", 'a', ADDRESS);
	cluster_wep(scene->cluster, "N3", 'b', "10.0.0.6");
	scene->views[2] = cluster_view("docker-3");
	scene->views[2]->daemon_name = "dock-3";
	scene->sources[2] =
		(struct calico_source){ .node = "N3", .confirmed = true, .view = scene->views[2] };
	scene->source_count = 3;
	look_twice(scene);
	assert_verdict(wep(scene, "N3", 'a'), "unknown", "mapping");
	scene->sources[2].daemon_name = "dock-3";
	look(scene);
	assert_verdict(wep(scene, "N3", 'a'), "stale", "");
}

static void a_daemon_that_knows_none_of_several_endpoints_is_suspect(void **state)
{
	struct scene *scene = *state;

	cluster_node(scene->cluster, "N3");
	cluster_wep(scene->cluster, "N3", 'a', ADDRESS);
	scene->views[2] = cluster_view("docker-3");
	scene->sources[2] =
		(struct calico_source){ .node = "N3", .confirmed = true, .view = scene->views[2] };
	scene->source_count = 3;
	look_twice(scene);
	assert_verdict(wep(scene, "N3", 'a'), "stale", ""); /* one is not several */
	cluster_wep(scene->cluster, "N3", 'b', "10.0.0.6");
	look_twice(scene);
	assert_verdict(wep(scene, "N3", 'a'), "unknown", "mapping");
	assert_verdict(wep(scene, "N3", 'b'), "unknown", "mapping");
	cluster_container(scene->views[2], &(struct cluster_container){
						   .name = "x", .eid = 'b', .status = "exited" });
	look(scene);
	assert_verdict(wep(scene, "N3", 'a'), "stale", "");
	assert_verdict(wep(scene, "N3", 'b'), "held", "");
}

static void what_the_plugin_did_not_make_is_foreign(void **state)
{
	struct scene *scene = *state;
	const char *k8s = cluster_foreign_wep(scene->cluster, "N1", ADDRESS);

	cluster_put(scene->cluster, cluster_wep_key("N1", 'd'), "{\"ipv4_nets\":7}");
	block_with(scene, (int[]){ 5, 9, 1010, -1 });
	look_twice(scene);
	assert_verdict(calico_report_wep(scene->report, k8s), "unknown", "foreign");
	assert_verdict(wep(scene, "N1", 'd'), "unknown", "foreign");
	assert_slot(slot(scene, ADDRESS), "in use", "", false);
	assert_slot(slot(scene, "10.0.0.10"), "foreign", "", false);
	/* What cannot be read may have any address. */
	assert_slot(slot(scene, "10.0.0.9"), "unknown", "foreign", false);
}

static void an_endpoint_with_a_whole_network_may_have_all_of_it(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'd', "10.0.0.8/29");
	block_with(scene, (int[]){ 9, 20, -1 });
	look_twice(scene);
	assert_slot(slot(scene, "10.0.0.9"), "unknown", "foreign", false);
	assert_slot(slot(scene, "10.0.0.20"), "orphan", "", true);
}

static void a_container_on_another_daemon_is_live_on_the_wrong_node(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	cluster_container(
		scene->views[1],
		&(struct cluster_container){ .name = "moved", .eid = 'a', .address = ADDRESS });
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "live", "");
	assert_true(wep(scene, "N1", 'a')->wrong_node);
	assert_false(wep(scene, "N1", '1')->wrong_node);
	/* The same with N1's daemon down: any daemon proves life. */
	calico_docker_view_finish(scene->views[0], "down", true);
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "live", "");
	/* What the other daemon said long ago proves nothing, but forbids "stale". */
	calico_docker_view_finish(scene->views[0], NULL, false);
	scene->views[1]->started_mono_ms -= 40000;
	look(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "old");
}

static void a_record_on_the_own_daemon_is_a_ghost_and_elsewhere_only_a_name(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	cluster_wep(scene->cluster, "N1", 'b', "10.0.0.6");
	block_with(scene, (int[]){ 5, 6, -1 });
	cluster_record(scene->views[0], 'a', "app", ADDRESS, true);
	cluster_record(scene->views[1], 'b', "web", "10.0.0.9", true);
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "ghost", "");
	assert_string_equal(wep(scene, "N1", 'a')->record->name, "app");
	assert_slot(slot(scene, ADDRESS), "leaked", "", false); /* the record goes first */
	assert_verdict(wep(scene, "N1", 'b'), "stale", "");
	assert_string_equal(wep(scene, "N1", 'b')->name, "web");
	assert_slot(slot(scene, "10.0.0.6"), "leaked", "", true);
}

static void a_crash_with_the_local_store_lost_is_held_with_a_record(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	block_with(scene, TAKEN);
	cluster_record(scene->views[0], 'a', "app", ADDRESS, true);
	cluster_container(scene->views[0], &(struct cluster_container){ .name = "app",
									.eid = 'a',
									.status = "exited",
									.wanted = ADDRESS });
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "held", "");
	assert_non_null(wep(scene, "N1", 'a')->record);
	assert_slot(slot(scene, ADDRESS), "leaked", "", false);
	assert_string_equal(slot(scene, ADDRESS)->wanted_by->name, "app");
}

static void a_container_that_the_network_knows_before_the_list_is_changing(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	cluster_record(scene->views[0], 'a', "new", ADDRESS, false);
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "unknown", "young");
}

static void a_decommissioned_node_is_stale_unless_somebody_has_it(void **state)
{
	struct scene *scene = *state;

	cluster_node(scene->cluster, "N9");
	cluster_wep(scene->cluster, "N9", 'a', ADDRESS);
	cluster_wep(scene->cluster, "N9", 'b', "10.0.0.6");
	block_with(scene, (int[]){ 5, 9, -1 });
	cluster_container(scene->views[1], &(struct cluster_container){
						   .name = "x", .eid = 'b', .status = "exited" });
	look_twice(scene);
	assert_verdict(wep(scene, "N9", 'a'), "unknown", "mapping");
	assert_slot(slot(scene, "10.0.0.9"), "unknown", "mapping", false);
	scene->gone[0] = "N9";
	look(scene);
	assert_verdict(wep(scene, "N9", 'a'), "stale", "");
	assert_verdict(wep(scene, "N9", 'b'), "unknown", "mapping");
	assert_slot(slot(scene, ADDRESS), "leaked", "", true);
	assert_slot(slot(scene, "10.0.0.9"), "orphan", "", true);
	/* A node whose daemon answers is judged by it, whatever was typed. */
	scene->gone[0] = "N1";
	look(scene);
	assert_verdict(wep(scene, "N1", '1'), "live", "");
}

static void an_orphan_is_young_while_its_block_changes(void **state)
{
	struct scene *scene = *state;

	block_with(scene, (int[]){ 9, -1 });
	look_twice(scene);
	assert_slot(slot(scene, "10.0.0.9"), "orphan", "", true);
	block_with(scene, (int[]){ 9, 10, -1 });
	look(scene);
	assert_slot(slot(scene, "10.0.0.9"), "unknown", "young", false);
}

static void a_live_endpoint_uses_its_address_more_than_an_unknown_one(void **state)
{
	struct scene *scene = *state;

	/* Before and after the live one of N1 in the order of keys. */
	cluster_wep(scene->cluster, "N1", '0', "10.0.0.1");
	cluster_wep(scene->cluster, "N1", 'a', "10.0.0.1");
	block_with(scene, NOTHING);
	look(scene);
	assert_verdict(wep(scene, "N1", '0'), "unknown", "young");
	assert_slot(slot(scene, "10.0.0.1"), "in use", "", false);
	assert_string_equal(slot(scene, "10.0.0.1")->wep->id.endpoint, cluster_eid('1'));
	assert_non_null(strstr(slot(scene, "10.0.0.1")->why, "live endpoint"));
}

static void running_containers_and_tunnels_use_their_address(void **state)
{
	struct scene *scene = *state;

	block_with(scene, (int[]){ 5, 9, -1 });
	cluster_container(
		scene->views[1],
		&(struct cluster_container){ .name = "bare", .eid = 'f', .address = ADDRESS });
	cluster_node_address(scene->cluster, "N1", NULL, "10.0.0.9");
	look_twice(scene);
	assert_slot(slot(scene, ADDRESS), "in use", "", false);
	assert_slot(slot(scene, "10.0.0.9"), "in use", "", false);
}

static void conflicts_are_flagged_with_their_reason(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', "10.0.0.1");  /* as that of live endpoint 1 */
	cluster_wep(scene->cluster, "N1", 'b', "10.0.0.6");  /* not allocated */
	cluster_wep(scene->cluster, "N1", 'c', "192.0.2.9"); /* no pool, no block */
	cluster_wep(scene->cluster, "N1", 'd', "10.0.0.7");
	cluster_container(
		scene->views[0],
		&(struct cluster_container){ .name = "d", .eid = 'd', .address = "10.0.0.8" });
	cluster_wep(scene->cluster, "N1", 'e', ADDRESS);
	cluster_container(scene->views[1], &(struct cluster_container){ .name = "waits",
									.status = "created",
									.wanted = ADDRESS,
									.error = CONFLICT });
	block_with(scene, (int[]){ 5, 7, -1 });
	look_twice(scene);

	assert_true(wep(scene, "N1", 'a')->duplicate && wep(scene, "N1", '1')->duplicate);
	assert_true(mentions(&wep(scene, "N1", '1')->conflicts, "stale endpoint aaaaaaaaaaaa"));
	assert_true(mentions(&wep(scene, "N1", 'a')->conflicts, "live endpoint 111111111111 one"));
	assert_true(mentions(&wep(scene, "N1", 'b')->conflicts, "not allocated"));
	assert_false(wep(scene, "N1", 'b')->urgent);
	assert_true(mentions(&wep(scene, "N1", 'c')->conflicts, "outside every pool"));
	assert_true(mentions(&wep(scene, "N1", 'd')->conflicts, "has address 10.0.0.8"));
	assert_true(mentions(&wep(scene, "N1", 'e')->conflicts, "waits"));
	assert_false(wep(scene, "N2", '2')->conflicting);
	assert_string_equal(slot(scene, ADDRESS)->wanted_by->name, "waits");
	assert_int_equal(scene->report->complaint_count, 1);
	assert_string_equal(scene->report->complaints[0].container->name, "waits");
	assert_false(scene->report->complaints[0].about_name);
}

static void a_live_address_that_is_not_allocated_is_urgent(void **state)
{
	struct scene *scene = *state;

	cluster_block(scene->cluster, "10.0.0.0/26", "N1", (int[]){ 2, -1 });
	look_twice(scene);
	assert_true(wep(scene, "N1", '1')->urgent);
	assert_false(wep(scene, "N2", '2')->urgent);
}

/*
 * What is left behind in each case that was seen with the real plugin: (a) the endpoint, (b) the
 * slot, (c) Docker's record, and whether the exited container still names the dead endpoint id.
 */
static void every_known_left_over_is_recognized(void **state)
{
	static const struct {
		const char *name;
		bool endpoint, taken, record;
		char eid_in_container; /* 0: none; the container stands there, stopped */
		bool container;
		const char *verdict, *slot;
		bool releasable;
	} cases[] = {
		{ "removed while the plugin was down", true, true, false, 0, false, "stale",
		  "leaked", true },
		{ "stopped while the plugin was down", true, true, false, 0, true, "stale",
		  "leaked", true },
		{ "crash, plugin down at the next start", true, true, false, 'a', true, "held",
		  "leaked", true },
		{ "crash, plugin up at the next start", true, false, false, 'a', true, "held", NULL,
		  false },
		{ "crash, local store lost", true, true, true, 'a', true, "held", "leaked", false },
		{ "the same, container removed", true, true, true, 0, false, "ghost", "leaked",
		  false },
		{ "killed between address and endpoint", false, true, false, 0, true, NULL,
		  "orphan", true },
		{ "plugin back in time", false, false, false, 0, true, NULL, NULL, false },
	};

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct scene *scene;
		struct calico_net address;

		teardown(state);
		setup(state);
		scene = *state;
		if (cases[i].endpoint)
			cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
		block_with(scene, cases[i].taken ? TAKEN : NOTHING);
		if (cases[i].record)
			cluster_record(scene->views[0], 'a', "app", ADDRESS, true);
		if (cases[i].container)
			cluster_container(scene->views[0], &(struct cluster_container){
								   .name = "app",
								   .eid = cases[i].eid_in_container,
								   .status = "exited",
								   .wanted = ADDRESS });
		look_twice(scene);
		print_message("%s\n", cases[i].name);
		if (cases[i].verdict)
			assert_verdict(wep(scene, "N1", 'a'), cases[i].verdict, "");
		else
			assert_null(calico_report_wep(scene->report, cluster_wep_key("N1", 'a')));
		calico_net_parse(&address, ADDRESS);
		if (cases[i].slot)
			assert_slot(slot(scene, ADDRESS), cases[i].slot, "", cases[i].releasable);
		else
			assert_null(calico_report_slot(scene->report, &address));
	}
}

static void a_container_with_labels_and_an_endpoint_without_is_noticed(void **state)
{
	struct scene *scene = *state;

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	cluster_container(scene->views[0],
			  &(struct cluster_container){ .name = "web",
						       .eid = 'a',
						       .address = ADDRESS,
						       .label = "org.projectcalico.label.role" });
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "live", "");
	assert_true(mentions(&wep(scene, "N1", 'a')->evidence, "has Calico labels"));
	assert_false(mentions(&wep(scene, "N1", '1')->evidence, "has Calico labels"));
}

static void felix_gives_hints_and_no_proof(void **state)
{
	struct scene *scene = *state;
	const char *root = api == CALICO_API_V3 ? "v2/no-region" : "v1";
	char key[300];

	snprintf(key, sizeof(key), "/calico/felix/%s/host/N1/last_reported_status", root);
	cluster_put(scene->cluster, key, "{\"time\":\"2017-11-20T03:12:10Z\",\"uptime\":8.5}");
	snprintf(key, sizeof(key),
		 "/calico/felix/%s/host/N1/workload/libnetwork/libnetwork/endpoint/%s", root,
		 cluster_eid('1'));
	cluster_put(scene->cluster, key, "{\"status\":\"down\"}");
	look_twice(scene);
	assert_verdict(wep(scene, "N1", '1'), "live", "");
	assert_true(mentions(&wep(scene, "N1", '1')->evidence, "reports the endpoint as down"));
	assert_true(mentions(&wep(scene, "N1", '1')->evidence, "last reported from node N1"));
}

static void a_ghost_is_disconnected_only_when_nobody_is_hurt(void **state)
{
	struct scene *scene = *state;
	struct err err = { 0 };

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	block_with(scene, TAKEN);
	cluster_record(scene->views[0], 'a', "app", ADDRESS, true);
	look_twice(scene);
	assert_true(calico_ghost_may_disconnect(&scene->base, wep(scene, "N1", 'a'), "192.0.2.1",
						&err));
	assert_false(calico_ghost_may_disconnect(&scene->base, wep(scene, "N1", 'a'), NULL, &err));
	assert_false(calico_ghost_may_disconnect(&scene->base, wep(scene, "N1", 'a'), "192.0.2.11",
						 &err));
	assert_false(
		calico_ghost_may_disconnect(&scene->base, wep(scene, "N1", 'a'), "192.0.2", &err));
	/* No record of it on its daemon. */
	assert_false(calico_ghost_may_disconnect(&scene->base, wep(scene, "N1", '1'), "192.0.2.1",
						 &err));
	/* Docker would disconnect a stopped container of that name instead. */
	cluster_container(scene->views[0],
			  &(struct cluster_container){ .name = "app", .status = "exited" });
	look(scene);
	assert_false(calico_ghost_may_disconnect(&scene->base, wep(scene, "N1", 'a'), "192.0.2.1",
						 &err));
	assert_non_null(strstr(err.msg, "record's name"));
}

static void a_ghost_whose_address_lives_again_is_left_alone(void **state)
{
	struct scene *scene = *state;
	struct err err = { 0 };

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	cluster_record(scene->views[0], 'a', "app", ADDRESS, true);
	cluster_container(
		scene->views[1],
		&(struct cluster_container){ .name = "app2", .eid = 'b', .address = ADDRESS });
	look_twice(scene);
	assert_false(calico_ghost_may_disconnect(&scene->base, wep(scene, "N1", 'a'), "192.0.2.1",
						 &err));
	assert_non_null(strstr(err.msg, "app2"));
}

static void a_ghost_is_left_alone_while_a_daemon_is_missing(void **state)
{
	struct scene *scene = *state;
	struct err err = { 0 };

	cluster_wep(scene->cluster, "N1", 'a', ADDRESS);
	cluster_record(scene->views[0], 'a', "app", ADDRESS, true);
	calico_docker_view_finish(scene->views[1], "down", true);
	look_twice(scene);
	assert_verdict(wep(scene, "N1", 'a'), "ghost", "");
	assert_false(calico_ghost_may_disconnect(&scene->base, wep(scene, "N1", 'a'), "192.0.2.1",
						 &err));
	assert_non_null(strstr(err.msg, "N2"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(every_state_but_exited_and_dead_is_live),
		TEST(an_endpoint_without_container_is_stale_only_when_seen_for_a_minute),
		TEST(an_endpoint_that_is_written_again_is_young_again),
		TEST(without_history_everything_is_young),
		TEST(the_operator_may_set_another_grace),
		TEST(a_daemon_that_cannot_bear_witness_makes_unknown),
		TEST(a_daemon_of_no_node_that_is_down_keeps_addresses_from_release),
		TEST(node_names_that_differ_in_case_are_two_nodes),
		TEST(two_nodes_on_one_daemon_are_both_unknown),
		TEST(two_daemons_for_one_node_are_unknown),
		TEST(a_daemon_that_bears_another_nodes_name_is_a_conflict),
		TEST(a_daemon_that_advertises_another_nodes_address_is_a_conflict),
		TEST(the_daemons_own_name_written_down_settles_whose_it_is),
		TEST(several_unknown_endpoints_are_overruled_by_the_name_too),
		TEST(a_mapping_that_was_proven_once_stays_so_while_its_proof_is_cleaned_up),
		TEST(a_daemon_that_knows_none_of_several_endpoints_is_suspect),
		TEST(what_the_plugin_did_not_make_is_foreign),
		TEST(an_endpoint_with_a_whole_network_may_have_all_of_it),
		TEST(a_container_on_another_daemon_is_live_on_the_wrong_node),
		TEST(a_record_on_the_own_daemon_is_a_ghost_and_elsewhere_only_a_name),
		TEST(a_crash_with_the_local_store_lost_is_held_with_a_record),
		TEST(a_container_that_the_network_knows_before_the_list_is_changing),
		TEST(a_decommissioned_node_is_stale_unless_somebody_has_it),
		TEST(an_orphan_is_young_while_its_block_changes),
		TEST(a_live_endpoint_uses_its_address_more_than_an_unknown_one),
		TEST(running_containers_and_tunnels_use_their_address),
		TEST(conflicts_are_flagged_with_their_reason),
		TEST(a_live_address_that_is_not_allocated_is_urgent),
		TEST(every_known_left_over_is_recognized),
		TEST(a_container_with_labels_and_an_endpoint_without_is_noticed),
		TEST(felix_gives_hints_and_no_proof),
		TEST(a_ghost_is_disconnected_only_when_nobody_is_hurt),
		TEST(a_ghost_whose_address_lives_again_is_left_alone),
		TEST(a_ghost_is_left_alone_while_a_daemon_is_missing),
	};

	int failures = cmocka_run_group_tests_name("API v1", tests, NULL, NULL);

	api = CALICO_API_V3;
	cluster_use(api);
	return failures + cmocka_run_group_tests_name("API v3", tests, NULL, NULL);
}
