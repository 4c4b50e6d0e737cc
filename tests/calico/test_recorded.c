/*
 * What a store and a daemon answered in a lab where a container was removed while the plugin was
 * down and then could not be started again with its fixed address. (Of the daemon's containers
 * only that one and a running one are kept, with the members that say nothing left out.)
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/calico/verdict.h"
#include "binnacle/etcd/etcd.h"

#define NODE "W708-ATMQZLPR-1"

static struct json *load(const char *path)
{
	struct strbuf text = STRBUF_INIT;
	struct err err;
	struct json *doc;

	if (!file_read(path, LIMIT_CONFIG_FILE, &text, &err))
		fail_msg("%s", err.msg);
	doc = json_parse(text.buf, text.len, &err);
	assert_non_null(doc);
	strbuf_release(&text);
	return doc;
}

static struct calico_state *load_state(void)
{
	struct json *doc = load("tests/fixtures/calico/etcd-tree.json");
	struct etcd_meta meta = { .etcd_index = 2000, .cluster_id = "1" };
	struct err err;
	struct calico_state *state = calico_state_new(doc, &meta, &err);

	assert_non_null(state);
	json_free(doc);
	return state;
}

static struct calico_docker_view *load_view(void)
{
	struct json *doc = load("tests/fixtures/calico/docker-answers.json");
	struct calico_docker_view *view = calico_docker_view_new(NODE);
	struct err err;

	assert_true(calico_docker_view_add_info(view, json_get(doc, "info"), &err));
	JSON_EACH(container, json_get(doc, "containers"))
	{
		assert_true(calico_docker_view_add_container(view, container, &err));
	}
	JSON_EACH(network, json_get(doc, "networks"))
	{
		assert_int_equal(calico_docker_network_is_calico(network),
				 strcmp(json_str(network, "Name", ""), "calico") == 0);
	}
	assert_true(calico_docker_view_add_network(view, json_get(doc, "network"), &err));
	calico_docker_view_finish(view, NULL, false);
	json_free(doc);
	return view;
}

static void nothing_in_the_recorded_store_is_a_problem(void **test)
{
	struct calico_state *state = load_state();

	(void)test;
	assert_int_equal(state->wep_count, 6);
	assert_int_equal(state->node_count, 2);
	for (size_t i = 0; i < state->wep_count; i++)
		assert_null(state->weps[i].problem);
	for (size_t i = 0; i < state->block_count; i++)
		assert_null(state->blocks[i].problem);
	assert_int_equal(state->policy_count, 1);
	assert_non_null(state->policies[0].selector);
	assert_int_equal(state->policies[0].inbound.rules[0].source.nets.count, 2);
	calico_state_unref(state);
}

static void the_container_that_cannot_start_is_found_with_its_cause(void **test)
{
	struct calico_state *state = load_state();
	struct calico_docker_view *view = load_view();
	struct calico_source source = { .node = NODE, .confirmed = true, .view = view };
	struct calico_history *history = calico_history_new();
	struct calico_evidence_base base = { .state = state,
					     .sources = &source,
					     .source_count = 1,
					     .history = history,
					     .now_mono_ms = clock_mono_ms() };
	const struct calico_slot_verdict *slot;
	const struct calico_wep_verdict *live;
	struct calico_report *report;

	(void)test;
	calico_history_observe(history, state, 0);
	calico_history_observe(history, state, CALICO_GRACE_MS);
	report = calico_judge(&base);
	assert_int_equal(report->complaint_count, 1);
	assert_string_equal(report->complaints[0].container->name, "fixed-a");
	slot = calico_report_slot(report, &report->complaints[0].address);
	assert_int_equal(slot->kind, CALICO_SLOT_LEAKED);
	assert_string_equal(slot->wanted_by->name, "fixed-a");
	assert_false(slot->releasable); /* the other node's daemon has not been asked */
	assert_int_equal(calico_report_wep(report, slot->wep->key)->verdict, CALICO_STALE);
	live = calico_report_wep(
		report, "/calico/v1/host/" NODE "/workload/libnetwork/libnetwork/endpoint/"
			"ad2f09fe6cc6a4fbb9b1f7685ec62823b108c5f5679f00c5e9df67e7f7e5b77d");
	assert_int_equal(live->verdict, CALICO_LIVE);
	assert_string_equal(live->name, "nginx-test-1");
	assert_false(live->conflicting);
	assert_string_equal(view->cluster_advertise, "172.29.150.202:2376");
	calico_report_free(report);
	calico_history_free(history);
	calico_docker_view_unref(view);
	calico_state_unref(state);
}

/* Releasing and assigning again leaves every recorded block as it was, but for the queue. */
static void recorded_blocks_survive_editing(void **test)
{
	struct calico_state *state = load_state();
	size_t edited = 0;

	(void)test;
	for (size_t i = 0; i < state->block_count; i++) {
		const struct calico_block *block = &state->blocks[i];

		for (uint32_t j = 0; j < block->slot_count; j++) {
			struct calico_net address = calico_net_at(&block->cidr, j);
			struct calico_block_edit released, assigned;
			struct err err;

			if (!block->slots[j].allocated)
				continue;
			assert_true(calico_block_release(block->value, &address, &released, &err));
			assert_true(
				calico_block_assign(released.value.buf, &address, &assigned, &err));
			assert_string_equal(assigned.value.buf, block->value);
			strbuf_release(&released.value);
			strbuf_release(&assigned.value);
			edited++;
		}
	}
	assert_true(edited >= 6);
	calico_state_unref(state);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(nothing_in_the_recorded_store_is_a_problem),
		cmocka_unit_test(the_container_that_cannot_start_is_found_with_its_cause),
		cmocka_unit_test(recorded_blocks_survive_editing),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
