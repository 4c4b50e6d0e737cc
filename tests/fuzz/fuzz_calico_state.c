/*
 * Any document as the tree of /calico, of both APIs: it gives a state or an error, the state can be
 * judged, and each block can be edited: a slot that was released can be assigned again.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/calico/verdict.h"
#include "binnacle/etcd/etcd.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void edit(const struct calico_block *block)
{
	for (uint32_t i = 0; i < block->slot_count && i < 8; i++) {
		struct calico_net address = calico_net_at(&block->cidr, i);
		struct calico_block_edit released, assigned;
		struct err err = { 0 };

		if (calico_block_release(block->value, &address, &released, &err)) {
			if (!calico_block_assign(released.value.buf, &address, &assigned, &err))
				abort();
			strbuf_release(&assigned.value);
		} else if (block->slots[i].allocated && !block->slots[i].handle) {
			abort();
		}
		strbuf_release(&released.value);
	}
}

static void judge(const struct calico_state *state)
{
	struct calico_docker_view *view = calico_docker_view_new("d");
	struct calico_source source = { .node = state->node_count ? state->nodes[0].name : "n",
					.confirmed = true,
					.view = view };
	struct calico_history *history = calico_history_new();
	struct calico_evidence_base base = { .state = state,
					     .sources = &source,
					     .source_count = 1,
					     .history = history,
					     .now_mono_ms = view->started_mono_ms };
	struct calico_report *report;

	calico_docker_view_finish(view, NULL, false);
	calico_history_observe(history, state, 0);
	calico_history_observe(history, state, 100000);
	report = calico_judge(&base);
	for (size_t i = 0; i < report->wep_count; i++) {
		const struct calico_wep_verdict *verdict = &report->weps[i];

		/* A daemon without containers never proves life, and never condemns a stranger. */
		if (verdict->verdict == CALICO_LIVE || !verdict->why ||
		    (calico_verdict_is_dead(verdict->verdict) &&
		     strcmp(verdict->wep->id.node, source.node) != 0))
			abort();
	}
	calico_report_free(report);
	calico_history_free(history);
	calico_docker_view_unref(view);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct etcd_meta meta = { .api = size % 2 ? ETCD_V3 : ETCD_V2,
				  .etcd_index = 1,
				  .cluster_id = "" };
	struct err err = { 0 };
	struct json *doc = json_parse((const char *)data, size, &err);
	struct calico_state *state = doc ? calico_state_new(doc, &meta, &err) : NULL;

	if (state) {
		for (size_t i = 0; i < state->block_count; i++)
			if (!state->blocks[i].problem)
				edit(&state->blocks[i]);
		judge(state);
		calico_state_unref(state);
	}
	json_free(doc);
	return 0;
}
