/* The common part of the sequences, and the deletion of an endpoint. */
#include "binnacle/calico/clean.h"

#include <assert.h>
#include <inttypes.h>
#include <stdarg.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "clean_private.h"

/* How often an endpoint is looked at again because it changed under our hands. */
#define DELETE_ATTEMPTS_MAX 5

static const char *const outcome_names[] = {
	[CALICO_DONE] = "done",
	[CALICO_ALREADY_GONE] = "already gone",
	[CALICO_CHANGED] = "changed",
	[CALICO_REFUSED] = "refused",
	[CALICO_UNCONFIRMED] = "unconfirmed",
	[CALICO_FAILED] = "failed",
};

const char *calico_outcome_name(enum calico_outcome outcome)
{
	return outcome_names[outcome];
}

struct calico_clean *clean_new(const struct calico_clean_env *env, calico_clean_fn *done, void *arg)
{
	struct calico_clean *clean = xcalloc(1, sizeof(*clean));

	assert(env->etcd && env->query && env->query_cancel && env->before_delete);
	clean->env = *env;
	clean->done = done;
	clean->arg = arg;
	return clean;
}

static void clean_free(struct calico_clean *clean)
{
	calico_read_cancel(&clean->read);
	etcd_call_cancel(&clean->call);
	if (clean->query)
		clean->env.query_cancel(clean->env.arg, clean->query);
	calico_state_unref(clean->state);
	arena_release(&clean->arena);
	free(clean);
}

void clean_finish(struct calico_clean *clean, enum calico_outcome outcome)
{
	struct calico_clean_result result = clean->result;
	calico_clean_fn *done = clean->done;
	void *arg = clean->arg;

	result.outcome = outcome;
	clean_free(clean);
	done(arg, &result);
}

void clean_end(struct calico_clean *clean, enum calico_outcome outcome, enum err_code code,
	       const char *fmt, ...)
{
	char text[sizeof(clean->result.err.msg)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(text, sizeof(text), fmt, args);
	va_end(args);
	err_set(&clean->result.err, code, "%s", text);
	clean_finish(clean, outcome);
}

void calico_clean_cancel(struct calico_clean **clean)
{
	if (!*clean)
		return;
	clean_free(*clean);
	*clean = NULL;
}

static void on_state_read(void *arg, struct calico_state *state, const struct err *err)
{
	struct calico_clean *clean = arg;
	bool written = clean->write_err.code != ERR_NONE;

	clean->read = NULL;
	if (!state) {
		clean->result.err = written ? clean->write_err : *err;
		if (written)
			err_context(&clean->result.err, "nobody knows whether it happened");
		clean_finish(clean, written ? CALICO_UNCONFIRMED : CALICO_FAILED);
		return;
	}
	calico_state_unref(clean->state);
	clean->state = calico_state_ref(state);
	clean->on_state(clean);
}

void clean_read(struct calico_clean *clean, void (*on_state)(struct calico_clean *clean))
{
	clean->on_state = on_state;
	clean->read = calico_read_start(clean->env.etcd, on_state_read, clean);
}

static void on_sources_known(void *arg, const struct calico_source *sources, size_t count)
{
	struct calico_clean *clean = arg;
	struct calico_evidence_base base = {
		.state = clean->state,
		.sources = sources,
		.source_count = count,
		.history = clean->env.history,
		.now_mono_ms = clock_mono_ms(),
		.grace_ms = clean->env.grace_ms,
		.view_max_age_ms = clean->env.view_max_age_ms,
		.decommissioned = clean->env.decommissioned,
	};
	struct calico_report *report = calico_judge(&base);

	clean->query = NULL;
	clean->on_sources(clean, report, &base);
	calico_report_free(report);
}

void clean_query(struct calico_clean *clean, const char *node,
		 void (*on_sources)(struct calico_clean *, const struct calico_report *,
				    const struct calico_evidence_base *))
{
	clean->on_sources = on_sources;
	clean->asked_mono_ms = clock_mono_ms();
	clean->query = clean->env.query(clean->env.arg, node, on_sources_known, clean);
}

bool clean_is_anew(const struct calico_clean *clean, const struct calico_docker_view *view)
{
	return view && view->started_mono_ms >= clean->asked_mono_ms;
}

bool clean_is_decommissioned(const struct calico_clean *clean, const char *node)
{
	const char *const *name = clean->env.decommissioned;

	for (; name && *name; name++)
		if (strcmp(*name, node) == 0)
			return true;
	return false;
}

bool clean_save(struct calico_clean *clean, const struct calico_undo_record *record)
{
	struct err err = { 0 };

	if (clean->env.before_delete(clean->env.arg, record, &err))
		return true;
	clean_end(clean, CALICO_FAILED, err.code ? err.code : ERR_SYSTEM,
		  "nothing was done, because the undo record could not be written: %s", err.msg);
	return false;
}

/* Remove the folders that the endpoint leaves empty. That they are not empty, or gone already,
 * is the normal end; a plugin that creates something now makes them again. */
static void prune(struct calico_clean *clean);

static void on_pruned(void *arg, const struct json *doc, const struct etcd_meta *meta,
		      const struct err *err)
{
	struct calico_clean *clean = arg;

	(void)doc;
	(void)meta;
	clean->call = NULL;
	if (!err)
		clean->result.folders_pruned++;
	if (err || ++clean->folder_level > 1)
		clean_finish(clean, clean->result.outcome);
	else
		prune(clean);
}

static void prune(struct calico_clean *clean)
{
	struct strbuf key = STRBUF_INIT;

	calico_wep_folder_key(&key, &clean->wep_id, clean->folder_level);
	clean->call = etcd_delete(clean->env.etcd, key.buf, &(struct etcd_condition){ .dir = true },
				  on_pruned, clean);
	strbuf_release(&key);
}

static void prune_after(struct calico_clean *clean, enum calico_outcome outcome)
{
	clean->result.outcome = outcome;
	if (etcd_api(clean->env.etcd) == ETCD_V3) /* keys without folders */
		clean_finish(clean, outcome);
	else
		prune(clean);
}

/* The deletion got no answer: what is there now? */
static void on_fate_of_delete(struct calico_clean *clean)
{
	const struct calico_wep *wep = calico_state_wep(clean->state, clean->wep_key);

	if (!wep) {
		clean->result.unconfirmed = true;
		prune_after(clean, CALICO_DONE);
	} else if (wep->modified_index != clean->wep_index) {
		clean_end(clean, CALICO_CHANGED, ERR_CONFLICT,
			  "the endpoint has been written anew while it was being deleted");
	} else {
		clean->result.err = clean->write_err;
		clean_finish(clean, CALICO_FAILED);
	}
}

static void on_wep_state(struct calico_clean *clean);

static void on_deleted(void *arg, const struct json *doc, const struct etcd_meta *meta,
		       const struct err *err)
{
	struct calico_clean *clean = arg;

	clean->call = NULL;
	clean->result.etcd_index = meta->etcd_index;
	if (!err) {
		clean->result.etcd_index = (uint64_t)json_int(doc, "node.modifiedIndex", 0);
		if (strcmp(json_str(doc, "prevNode.value", ""), clean->wep_value) != 0)
			err_set(&clean->result.err, ERR_CONFLICT,
				"what was deleted is not what had been saved");
		prune_after(clean, CALICO_DONE);
	} else if (err->code == ERR_NOT_FOUND) {
		prune_after(clean, CALICO_ALREADY_GONE);
	} else if (err->code == ERR_CONFLICT && clean->result.attempts < DELETE_ATTEMPTS_MAX) {
		clean_read(clean, on_wep_state);
	} else if (err->code == ERR_CONFLICT || err->code == ERR_DENIED) {
		clean->result.err = *err;
		clean_finish(clean, CALICO_FAILED);
	} else {
		clean->write_err = *err;
		clean_read(clean, on_fate_of_delete);
	}
}

/* The block of the first address, if it is allocated. */
static void fill_block(struct calico_undo_record *record, const struct calico_state *state,
		       const struct calico_net *address)
{
	const struct calico_block *block = calico_state_block_of(state, address);

	record->address = *address;
	if (!block || block->problem)
		return;
	record->block_key = block->key;
	record->block_value = block->value;
	record->block_modified_index = block->modified_index;
}

static bool save_wep(struct calico_clean *clean, const struct calico_wep_verdict *verdict)
{
	const struct calico_wep *wep = verdict->wep;
	struct calico_undo_record record = {
		.etcd_address = etcd_address(clean->env.etcd),
		.cluster_id = clean->state->cluster_id,
		.wep_key = wep->key,
		.wep_value = wep->value,
		.wep_created_index = wep->created_index,
		.wep_modified_index = wep->modified_index,
		.verdict = verdict->verdict,
		.evidence = verdict->evidence,
	};

	if (wep->net_count)
		fill_block(&record, clean->state, &wep->nets[0]);
	return clean_save(clean, &record);
}

static void on_wep_judged(struct calico_clean *clean, const struct calico_report *report,
			  const struct calico_evidence_base *base)
{
	const struct calico_wep_verdict *verdict = calico_report_wep(report, clean->wep_key);
	const struct calico_docker_view *view = verdict->source ? verdict->source->view : NULL;

	(void)base;
	clean->result.verdict = verdict->verdict;
	clean->result.reason = verdict->reason;
	if (!calico_verdict_is_dead(verdict->verdict)) {
		clean_end(clean, CALICO_REFUSED, ERR_REFUSED, "the endpoint is %s%s%s now: %s",
			  calico_verdict_name(verdict->verdict), verdict->reason ? ", " : "",
			  calico_reason_name(verdict->reason), verdict->why);
		return;
	}
	/* A decommissioned node's daemon cannot be asked; that verdict rests on the operator. */
	if (view && !clean_is_anew(clean, view) &&
	    !clean_is_decommissioned(clean, verdict->wep->id.node)) {
		clean_end(clean, CALICO_REFUSED, ERR_REFUSED,
			  "Docker of %s has not been asked anew", verdict->wep->id.node);
		return;
	}
	clean->wep_index = verdict->wep->modified_index;
	clean->wep_value = arena_strdup(&clean->arena, verdict->wep->value);
	if (!save_wep(clean, verdict))
		return;
	clean->result.attempts++;
	clean->call = etcd_delete(clean->env.etcd, clean->wep_key,
				  &(struct etcd_condition){ .prev_index = clean->wep_index },
				  on_deleted, clean);
}

static void on_wep_state(struct calico_clean *clean)
{
	const struct calico_wep *wep = calico_state_wep(clean->state, clean->wep_key);

	if (!wep)
		prune_after(clean, CALICO_ALREADY_GONE);
	else if (wep->modified_index != clean->wep_index)
		clean_end(clean, CALICO_CHANGED, ERR_CONFLICT,
			  "the endpoint has changed: its index is %" PRIu64
			  ", confirmed was %" PRIu64,
			  wep->modified_index, clean->wep_index);
	else
		clean_query(clean, clean->wep_id.node, on_wep_judged);
}

/* The key is none of an endpoint: nothing to read. */
static void on_bad_key(struct calico_clean *clean)
{
	clean_end(clean, CALICO_REFUSED, ERR_INPUT, "%.300s is not the key of an endpoint",
		  clean->wep_key);
}

struct calico_clean *calico_delete_start(const struct calico_clean_env *env, const char *wep_key,
					 uint64_t confirmed_modified_index, calico_clean_fn *done,
					 void *arg)
{
	struct calico_clean *clean = clean_new(env, done, arg);
	bool is_key = calico_wep_key_split(&clean->wep_id, wep_key, &clean->arena);

	clean->wep_key = arena_strdup(&clean->arena, wep_key);
	clean->wep_index = confirmed_modified_index;
	clean_read(clean, is_key ? on_wep_state : on_bad_key);
	return clean;
}
