/*
 * Releasing an address. The block is read before the daemons are asked, and written only if it
 * has not changed since: whoever takes or frees an address in between makes the write fail, and
 * everything is looked at again.
 */
#include <inttypes.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "clean_private.h"

/* Others allocate in the same block, so losing a race is normal. */
#define RELEASE_ATTEMPTS_MAX 10

static void on_block_state(struct calico_clean *clean);

static void on_fate_of_release(struct calico_clean *clean)
{
	const struct calico_block *block = calico_state_block_of(clean->state, &clean->address);
	const struct calico_slot *slot = block ? calico_block_slot(block, &clean->address) : NULL;

	if (!block || (slot && !slot->allocated)) {
		clean->result.unconfirmed = true;
		clean_finish(clean, CALICO_DONE);
		return;
	}
	clean->result.err = clean->write_err;
	clean_finish(clean, block->modified_index == clean->block_index ? CALICO_FAILED
									: CALICO_UNCONFIRMED);
}

static void on_block_written(void *arg, const struct json *doc, const struct etcd_meta *meta,
			     const struct err *err)
{
	struct calico_clean *clean = arg;

	clean->call = NULL;
	clean->result.etcd_index = meta->etcd_index;
	if (!err) {
		clean->result.etcd_index = (uint64_t)json_int(doc, "node.modifiedIndex", 0);
		clean_finish(clean, CALICO_DONE);
	} else if (err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND) {
		if (clean->result.attempts < RELEASE_ATTEMPTS_MAX)
			clean_read(clean, on_block_state);
		else
			clean_end(clean, CALICO_FAILED, ERR_CONFLICT,
				  "the block changed %u times meanwhile; try again later",
				  clean->result.attempts);
	} else if (err->code == ERR_DENIED) {
		clean->result.err = *err;
		clean_finish(clean, CALICO_FAILED);
	} else {
		clean->write_err = *err;
		clean_read(clean, on_fate_of_release);
	}
}

static void write_block(struct calico_clean *clean, const struct calico_block *block)
{
	struct etcd_condition condition = { .prev_index = block->modified_index,
					    .absent_key = clean->options.wep_key };
	struct calico_block_edit edit;
	struct calico_undo_record record = {
		.etcd_address = etcd_address(clean->env.etcd),
		.cluster_id = clean->state->cluster_id,
		.address = clean->address,
		.block_key = block->key,
		.block_value = block->value,
		.block_modified_index = block->modified_index,
	};

	if (!calico_block_release(block->value, &clean->address, &edit, &clean->result.err)) {
		clean_finish(clean, CALICO_REFUSED);
		return;
	}
	if (clean_save(clean, &record)) {
		clean->result.attempts++;
		clean->block_index = block->modified_index;
		condition.must_exist = !edit.delete_block;
		clean->call = edit.delete_block
				      ? etcd_delete(clean->env.etcd, block->key, &condition,
						    on_block_written, clean)
				      : etcd_put(clean->env.etcd, block->key, edit.value.buf,
						 &condition, on_block_written, clean);
	}
	strbuf_release(&edit.value);
}

/* A container of that address which has just ended: Docker may still be repeating its release. */
static const struct calico_container *just_ended(const struct calico_clean *clean,
						 const struct calico_docker_view *view)
{
	int64_t now_ms = clock_wall_ms();

	for (size_t i = 0; i < view->container_count; i++) {
		const struct calico_container *container = &view->containers[i];

		if (container->running || !container->finished_wall_ms ||
		    now_ms - container->finished_wall_ms >= CALICO_RELEASE_WAIT_MS)
			continue;
		for (size_t j = 0; j < container->attachment_count; j++) {
			const struct calico_attachment *at = &container->attachments[j];

			if (calico_net_equal(&at->address, &clean->address) ||
			    calico_net_equal(&at->wanted, &clean->address) ||
			    calico_net_equal(&at->address6, &clean->address) ||
			    calico_net_equal(&at->wanted6, &clean->address))
				return container;
		}
	}
	return NULL;
}

static bool has_record(const struct calico_clean *clean, const struct calico_docker_view *view)
{
	for (size_t i = 0; i < view->record_count; i++)
		if (memcmp(view->records[i].address.bytes, clean->address.bytes,
			   sizeof(clean->address.bytes)) == 0 &&
		    view->records[i].address.version == clean->address.version)
			return true;
	return false;
}

/* What one daemon has against it. */
static bool check_source(const struct calico_clean *clean, const struct calico_source *source,
			 struct err *err)
{
	const struct calico_docker_view *view = source->view;
	const struct calico_container *ended;

	if (!view || !view->complete || !clean_is_anew(clean, view)) {
		if (clean->options.overlook_unreachable ||
		    (source->node && clean_is_decommissioned(clean, source->node)))
			return true;
		return err_set(err, ERR_REFUSED,
			       "Docker of %.80s has not answered completely: it may have the "
			       "address%s%.160s",
			       source->node ? source->node : "an unmapped daemon", view ? "; " : "",
			       view ? view->problem : "");
	}
	if (has_record(clean, view))
		return err_set(err, ERR_REFUSED,
			       "%.80s has a record of an endpoint with this address: Docker will "
			       "release it with the record",
			       view->source);
	ended = just_ended(clean, view);
	if (ended)
		return err_set(err, ERR_REFUSED,
			       "container %.80s of this address ended less than %d s ago: Docker "
			       "may still release the address itself",
			       ended->name, CALICO_RELEASE_WAIT_MS / 1000);
	return true;
}

/* What the judge says about the slot, now that no endpoint has the address. */
static bool check_slot(const struct calico_clean *clean, const struct calico_slot_verdict *slot,
		       const struct calico_report *report, struct err *err)
{
	bool young = slot->kind == CALICO_SLOT_UNKNOWN && slot->reason == CALICO_REASON_YOUNG;
	bool absent = slot->kind == CALICO_SLOT_UNKNOWN && !report->all_nodes_known &&
		      slot->reason != CALICO_REASON_FOREIGN;

	if (slot->kind == CALICO_SLOT_ORPHAN || slot->kind == CALICO_SLOT_LEAKED)
		return true;
	if (young && clean->options.was_leaked)
		return true;
	if (absent && clean->options.overlook_unreachable)
		return true;
	return err_set(err, ERR_REFUSED, "the address is %s: %s",
		       calico_slot_verdict_name(slot->kind), slot->why);
}

static void on_slot_judged(struct calico_clean *clean, const struct calico_report *report,
			   const struct calico_evidence_base *base)
{
	const struct calico_slot_verdict *slot = calico_report_slot(report, &clean->address);
	struct err *err = &clean->result.err;
	bool ok = slot != NULL;

	if (!slot)
		err_set(err, ERR_CONFLICT, "the address is not assigned any more");
	for (size_t i = 0; ok && i < base->source_count; i++)
		ok = check_source(clean, &base->sources[i], err);
	if (ok && check_slot(clean, slot, report, err))
		write_block(clean, slot->block);
	else
		clean_finish(clean, CALICO_REFUSED);
}

/* What the store itself has against it. */
static bool check_state(const struct calico_clean *clean, struct err *err)
{
	const struct calico_state *state = clean->state;

	for (size_t i = 0; i < state->wep_count; i++) {
		const struct calico_wep *wep = &state->weps[i];

		if (calico_wep_has_address(wep, &clean->address))
			return err_set(err, ERR_REFUSED,
				       "endpoint %.12s on %.100s has the address: delete it "
				       "first, or leave it",
				       wep->id.endpoint, wep->id.node);
		if (wep->problem)
			return err_set(err, ERR_REFUSED,
				       "endpoint %.12s on %.100s cannot be read: it may have the "
				       "address",
				       wep->id.endpoint, wep->id.node);
	}
	return true;
}

static void on_block_state(struct calico_clean *clean)
{
	const struct calico_block *block = calico_state_block_of(clean->state, &clean->address);
	const struct calico_slot *slot = block ? calico_block_slot(block, &clean->address) : NULL;

	if (block && block->problem)
		clean_end(clean, CALICO_REFUSED, ERR_FORMAT, "the block cannot be read: %s",
			  block->problem);
	else if (!slot || !slot->allocated)
		clean_finish(clean, CALICO_ALREADY_GONE);
	else if (slot->handle)
		clean_end(clean, CALICO_REFUSED, ERR_REFUSED,
			  "the address has a handle: it is another orchestrator's");
	else if (!check_state(clean, &clean->result.err))
		clean_finish(clean, CALICO_REFUSED);
	else
		clean_query(clean, NULL, on_slot_judged);
}

struct calico_clean *calico_release_start(const struct calico_clean_env *env,
					  const struct calico_net *address,
					  const struct calico_release_options *options,
					  calico_clean_fn *done, void *arg)
{
	struct calico_clean *clean = clean_new(env, done, arg);

	clean->address = calico_net_masked(address, address->version == 4 ? 32 : 128);
	if (options) {
		clean->options = *options;
		clean->options.wep_key = arena_strdup(&clean->arena, options->wep_key);
	}
	clean_read(clean, on_block_state);
	return clean;
}
