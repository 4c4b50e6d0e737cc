/*
 * Each sequence reads some keys, decides on a list of writes, saves what they destroy, and makes
 * them one after another, each with the store's own compare. A write that gets no answer is read
 * again: what is there tells whether it happened.
 */
#include "binnacle/calico/node_clean.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/calico/ipam.h"
#include "binnacle/calico/keys.h"
#include "binnacle/calico/workload_endpoint.h"
#include "binnacle/etcd/etcd.h"

/* Where felix of later versions reports. */
#define FELIX_V2 CALICO_ROOT "/felix/v2/no-region/host/"

/* Others allocate in the same block, so losing a race is normal. */
#define ATTEMPTS_MAX 5
#define TREES_MAX    12

struct stored {
	const char *key, *value; /* value NULL: a folder */
	uint64_t index;
};

enum edit_kind { EDIT_DELETE, EDIT_REPLACE, EDIT_CREATE };

struct edit {
	enum edit_kind kind;
	const char *key, *value;
	uint64_t index;
};

struct calico_node_clean {
	struct calico_node_env env;
	calico_clean_fn *done;
	void *arg;
	struct calico_clean_result result;
	struct arena arena;
	struct etcd_call *call;
	struct err write_err;

	const char *node;
	struct calico_net block;
	struct json *saved; /* of a restore */

	const char *trees[TREES_MAX];
	size_t tree_count, next_tree;
	struct stored *stored; /* in the order of the store: a folder before what is in it */
	size_t stored_count, stored_cap;
	void (*decide)(struct calico_node_clean *clean);

	struct edit *edits;
	size_t edit_count, edit_cap, next_edit;
	bool prune;
	size_t next_folder; /* index into stored, from the end */
};

static void clean_free(struct calico_node_clean *clean)
{
	etcd_call_cancel(&clean->call);
	json_free(clean->saved);
	free(clean->stored);
	free(clean->edits);
	arena_release(&clean->arena);
	free(clean);
}

static void finish(struct calico_node_clean *clean, enum calico_outcome outcome)
{
	struct calico_clean_result result = clean->result;
	calico_clean_fn *done = clean->done;
	void *arg = clean->arg;

	result.outcome = outcome;
	if (outcome == CALICO_FAILED && clean->next_edit > 0)
		err_context(&result.err, "%zu of %zu keys were written, but", clean->next_edit,
			    clean->edit_count);
	clean_free(clean);
	done(arg, &result);
}

static void finish_err(struct calico_node_clean *clean, enum calico_outcome outcome,
		       const struct err *err)
{
	clean->result.err = *err;
	finish(clean, outcome);
}

/* ---- reading ---- */

static void read_next(struct calico_node_clean *clean);

static void collect(struct calico_node_clean *clean, const struct json *node)
{
	const struct json *children = json_member(node, "nodes");
	bool is_folder = json_bool(node, "dir", false);
	const char *value = json_str(node, "value", "");

	GROW(clean->stored, clean->stored_count, clean->stored_cap);
	clean->stored[clean->stored_count++] = (struct stored){
		.key = arena_strdup(&clean->arena, json_str(node, "key", "")),
		.value = is_folder ? NULL : arena_strdup(&clean->arena, value),
		.index = (uint64_t)json_int(node, "modifiedIndex", 0),
	};
	JSON_EACH(child, children)
	collect(clean, child);
}

static void on_tree(void *arg, const struct json *doc, const struct etcd_meta *meta,
		    const struct err *err)
{
	struct calico_node_clean *clean = arg;

	(void)meta;
	clean->call = NULL;
	if (err && err->code != ERR_NOT_FOUND) {
		finish_err(clean, CALICO_FAILED, err);
		return;
	}
	if (doc)
		collect(clean, json_member(doc, "node"));
	read_next(clean);
}

static void read_next(struct calico_node_clean *clean)
{
	if (clean->next_tree == clean->tree_count) {
		clean->decide(clean);
		return;
	}
	clean->call = etcd_get(clean->env.etcd, clean->trees[clean->next_tree++],
			       ETCD_RECURSIVE | ETCD_QUORUM | ETCD_SORTED, on_tree, clean);
}

static void read_trees(struct calico_node_clean *clean)
{
	clean->stored_count = clean->edit_count = clean->next_edit = clean->next_tree = 0;
	read_next(clean);
}

static void add_tree(struct calico_node_clean *clean, const char *before, const char *text)
{
	struct strbuf key = STRBUF_INIT;

	assert(clean->tree_count < TREES_MAX);
	strbuf_addf(&key, "%s%s", before, text);
	clean->trees[clean->tree_count++] = arena_strdup(&clean->arena, key.buf);
	strbuf_release(&key);
}

static const struct stored *find_stored(const struct calico_node_clean *clean, const char *key)
{
	for (size_t i = 0; i < clean->stored_count; i++)
		if (clean->stored[i].value && strcmp(clean->stored[i].key, key) == 0)
			return &clean->stored[i];
	return NULL;
}

/* ---- writing ---- */

static void add_edit(struct calico_node_clean *clean, enum edit_kind kind, const char *key,
		     const char *value, uint64_t index)
{
	GROW(clean->edits, clean->edit_count, clean->edit_cap);
	clean->edits[clean->edit_count++] = (struct edit){
		.kind = kind,
		.key = arena_strdup(&clean->arena, key),
		.value = arena_strdup(&clean->arena, value),
		.index = index,
	};
}

static void write_next(struct calico_node_clean *clean);
static void prune_next(struct calico_node_clean *clean);

static void edit_is_done(struct calico_node_clean *clean)
{
	clean->next_edit++;
	write_next(clean);
}

static void on_fate(void *arg, const struct json *doc, const struct etcd_meta *meta,
		    const struct err *err)
{
	struct calico_node_clean *clean = arg;
	const struct edit *edit = &clean->edits[clean->next_edit];
	const char *now = json_str(doc, "node.value", NULL);

	(void)meta;
	clean->call = NULL;
	if (err && err->code != ERR_NOT_FOUND) {
		err_context(&clean->write_err, "nobody knows whether it happened");
		finish_err(clean, CALICO_UNCONFIRMED, &clean->write_err);
	} else if (edit->kind == EDIT_DELETE ? !now : now && strcmp(now, edit->value) == 0) {
		clean->result.unconfirmed = true;
		edit_is_done(clean);
	} else {
		finish_err(clean, CALICO_FAILED, &clean->write_err);
	}
}

static void on_written(void *arg, const struct json *doc, const struct etcd_meta *meta,
		       const struct err *err)
{
	struct calico_node_clean *clean = arg;
	const struct edit *edit = &clean->edits[clean->next_edit];
	struct err why;

	(void)doc;
	clean->call = NULL;
	clean->result.etcd_index = meta->etcd_index;
	if (!err || (err->code == ERR_NOT_FOUND && edit->kind == EDIT_DELETE)) {
		edit_is_done(clean);
	} else if (err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND) {
		/* Before the first write nothing has happened: look again. */
		if (clean->next_edit == 0 && ++clean->result.attempts < ATTEMPTS_MAX) {
			read_trees(clean);
			return;
		}
		err_set(&why, ERR_CONFLICT, "%.200s has changed meanwhile", edit->key);
		finish_err(clean, clean->next_edit ? CALICO_FAILED : CALICO_CHANGED, &why);
	} else if (err->code == ERR_UNREACHABLE) {
		clean->write_err = *err;
		clean->call = etcd_get(clean->env.etcd, edit->key, ETCD_QUORUM, on_fate, clean);
	} else {
		finish_err(clean, CALICO_FAILED, err);
	}
}

static void write_next(struct calico_node_clean *clean)
{
	const struct edit *edit = &clean->edits[clean->next_edit];
	struct etcd_condition condition = { 0 };

	if (clean->next_edit == clean->edit_count) {
		clean->next_folder = clean->stored_count;
		prune_next(clean);
		return;
	}
	if (edit->kind == EDIT_CREATE)
		condition.must_not_exist = true;
	else
		condition.prev_index = edit->index;
	condition.must_exist = edit->kind == EDIT_REPLACE;
	clean->call = edit->kind == EDIT_DELETE ? etcd_delete(clean->env.etcd, edit->key,
							      &condition, on_written, clean)
						: etcd_put(clean->env.etcd, edit->key, edit->value,
							   &condition, on_written, clean);
}

/* Folders from the innermost on; one that is not empty, or gone already, is left alone. */
static void on_pruned(void *arg, const struct json *doc, const struct etcd_meta *meta,
		      const struct err *err)
{
	struct calico_node_clean *clean = arg;

	(void)doc;
	(void)meta;
	clean->call = NULL;
	if (!err)
		clean->result.folders_pruned++;
	prune_next(clean);
}

static void prune_next(struct calico_node_clean *clean)
{
	while (clean->prune && clean->next_folder > 0) {
		const struct stored *folder = &clean->stored[--clean->next_folder];

		if (folder->value)
			continue;
		clean->call =
			etcd_delete(clean->env.etcd, folder->key,
				    &(struct etcd_condition){ .dir = true }, on_pruned, clean);
		return;
	}
	finish(clean, clean->edit_count || clean->result.folders_pruned ? CALICO_DONE
									: CALICO_ALREADY_GONE);
}

/* Save and begin. Takes the document. */
static void begin_writing(struct calico_node_clean *clean, struct json *document)
{
	struct err err = { 0 };

	if (!clean->edit_count) {
		json_free(document);
		write_next(clean);
	} else if (clean->env.save(clean->env.arg, document, &err)) {
		write_next(clean);
	} else {
		if (!err.code)
			err.code = ERR_SYSTEM;
		err_context(&err, "nothing was done, because the undo record could not be written");
		finish_err(clean, CALICO_FAILED, &err);
	}
}

/* An undo may be the first thing that the store is asked for: before it is known which API. */
static bool is_v3(const struct calico_node_clean *clean)
{
	JSON_EACH(item, json_member(clean->saved, "keys"))
	{
		if (!calico_key_is_of(CALICO_API_V1, json_str(item, "key", "")))
			return true;
	}
	return etcd_api(clean->env.etcd) == ETCD_V3;
}

static bool refuse(struct calico_node_clean *clean, enum err_code code, const char *what,
		   const char *detail)
{
	err_set(&clean->result.err, code, "%.300s%.100s", what, detail);
	finish(clean, CALICO_REFUSED);
	return true;
}

/* True: felix has reported within its time to live, and the sequence has ended. */
static bool is_alive(struct calico_node_clean *clean)
{
	char *key = xasprintf(CALICO_ROOT "/felix/v1/host/%s/status", clean->node);
	char *key_v3 = xasprintf(FELIX_V2 "%s/status", clean->node);
	bool alive = find_stored(clean, key) || find_stored(clean, key_v3);

	free(key);
	free(key_v3);
	return alive && refuse(clean, ERR_REFUSED,
			       "felix reports from the node, which is alive: ", clean->node);
}

/* ---- a block ---- */

static void claim_key(struct strbuf *out, const char *node, const struct calico_net *block)
{
	char text[CALICO_NET_TEXT_BYTES];

	calico_net_text_cidr(block, text);
	*strchr(text, '/') = '-';
	strbuf_addf(out, CALICO_ROOT "/ipam/v2/host/%s/ipv%u/block/%s", node, block->version, text);
}

static void decide_unclaim(struct calico_node_clean *clean)
{
	const struct stored *block = find_stored(clean, clean->trees[0]);
	const struct stored *claim = find_stored(clean, clean->trees[1]);
	struct json *document = json_new_object();
	struct calico_block_edit edit;
	struct err err = { 0 };

	if (is_alive(clean)) {
		json_free(document);
		return;
	}
	json_add_str(document, "node", clean->node);
	if (block && calico_block_unclaim(block->value, clean->node, &edit, &err)) {
		json_add_str(document, "block_key", block->key);
		json_add_str(document, "block_value", block->value);
		json_add_bool(document, "block_deleted", edit.delete_block);
		add_edit(clean, edit.delete_block ? EDIT_DELETE : EDIT_REPLACE, block->key,
			 edit.value.buf, block->index);
	}
	if (block)
		strbuf_release(&edit.value);
	if (claim) {
		json_add_str(document, "claim_key", claim->key);
		json_add_str(document, "claim_value", claim->value);
		add_edit(clean, EDIT_DELETE, claim->key, NULL, claim->index);
	}
	/* Somebody else's block by now: then only the claim is left over. */
	if (err.code && err.code != ERR_CONFLICT) {
		json_free(document);
		finish_err(clean, CALICO_REFUSED, &err);
		return;
	}
	begin_writing(clean, document);
}

static struct calico_node_clean *clean_new(const struct calico_node_env *env, const char *node,
					   calico_clean_fn *done, void *arg)
{
	struct calico_node_clean *clean = xcalloc(1, sizeof(*clean));

	clean->env = *env;
	clean->done = done;
	clean->arg = arg;
	clean->node = arena_strdup(&clean->arena, node);
	return clean;
}

struct calico_node_clean *calico_unclaim_start(const struct calico_node_env *env, const char *node,
					       const struct calico_net *block,
					       calico_clean_fn *done, void *arg)
{
	struct calico_node_clean *clean = clean_new(env, node, done, arg);
	struct strbuf key = STRBUF_INIT;
	char *status = xasprintf("%s/status", clean->node);

	calico_block_key(&key, block);
	add_tree(clean, key.buf, "");
	strbuf_reset(&key);
	claim_key(&key, clean->node, block);
	add_tree(clean, key.buf, "");
	strbuf_release(&key);
	add_tree(clean, CALICO_ROOT "/felix/v1/host/", status);
	if (is_v3(clean))
		add_tree(clean, FELIX_V2, status);
	free(status);
	clean->decide = decide_unclaim;
	read_trees(clean);
	return clean;
}

/* ---- the node's keys ---- */

static const char *const node_trees[] = {
	CALICO_ROOT "/v1/host/",
	CALICO_ROOT "/bgp/v1/host/",
	CALICO_ROOT "/felix/v1/host/",
	CALICO_ROOT "/ipam/v2/host/",
};

static const char *const node_trees_v3[] = {
	CALICO_RESOURCES "/felixconfigurations/node.",
	CALICO_RESOURCES "/bgpconfigurations/node.",
	CALICO_ROOT "/felix/v1/host/",
	FELIX_V2,
	CALICO_ROOT "/ipam/v2/host/",
	CALICO_RESOURCES "/nodes/", /* last: without it nobody looks for the others */
};

/* Of API v3: the resources of all nodes, only to see whether one of them is this node's. */
static const char weps_v3[] = CALICO_RESOURCES "/workloadendpoints";
static const char heps_v3[] = CALICO_RESOURCES "/hostendpoints";

static void add_node_trees(struct calico_node_clean *clean)
{
	const char *const *trees = is_v3(clean) ? node_trees_v3 : node_trees;
	size_t count = is_v3(clean) ? COUNT_OF(node_trees_v3) : COUNT_OF(node_trees);

	for (size_t i = 0; i < count; i++)
		add_tree(clean, trees[i], clean->node);
	if (is_v3(clean)) {
		add_tree(clean, weps_v3, "");
		add_tree(clean, heps_v3, "");
	}
}

static bool is_only_looked_at(const struct stored *stored)
{
	return text_starts_with(stored->key, weps_v3) || text_starts_with(stored->key, heps_v3);
}

/* Is this one of those, and the node's? */
static const char *whose_v3(struct calico_node_clean *clean, const struct stored *stored)
{
	struct calico_host_endpoint hep = { .node = "" };
	struct calico_wep_id id;
	struct err err = { 0 };

	if (text_starts_with(stored->key, weps_v3) &&
	    calico_wep_key_split(&id, stored->key, &clean->arena) &&
	    strcmp(id.node, clean->node) == 0)
		return "an endpoint is there: ";
	if (!text_starts_with(stored->key, heps_v3))
		return NULL;
	if (!calico_host_endpoint_decode_v3(&hep, stored->value, &clean->arena, &err))
		return "a host endpoint that cannot be read is there: ";
	return strcmp(hep.node, clean->node) == 0 ? "a host endpoint is there: " : NULL;
}

/* What must have gone before, or is not ours to remove; NULL: nothing. */
static const char *what_stays(struct calico_node_clean *clean)
{
	static const struct {
		const char *tree, *below, *what;
	} rows[] = {
		{ CALICO_ROOT "/v1/host/", "/workload/", "an endpoint is there: " },
		{ CALICO_ROOT "/v1/host/", "/endpoint/", "a host endpoint is there: " },
		{ CALICO_ROOT "/ipam/v2/host/", "/", "a claim on a block is there: " },
	};

	for (size_t i = 0; i < clean->stored_count; i++) {
		const char *whose =
			clean->stored[i].value ? whose_v3(clean, &clean->stored[i]) : NULL;

		if (whose)
			return arena_printf(&clean->arena, "%s%.200s", whose, clean->stored[i].key);
		for (size_t j = 0; j < COUNT_OF(rows) && clean->stored[i].value; j++) {
			char *prefix =
				xasprintf("%s%s%s", rows[j].tree, clean->node, rows[j].below);
			bool is_there = text_starts_with(clean->stored[i].key, prefix);

			free(prefix);
			if (is_there)
				return arena_printf(&clean->arena, "%s%.200s", rows[j].what,
						    clean->stored[i].key);
		}
	}
	return NULL;
}

static void decide_forget(struct calico_node_clean *clean)
{
	struct json *document, *keys;
	const char *stays;

	if (is_alive(clean))
		return;
	stays = what_stays(clean);
	if (stays) {
		refuse(clean, ERR_REFUSED, stays, "");
		return;
	}
	document = json_new_object();
	json_add_str(document, "node", clean->node);
	keys = json_add_array(document, "keys");
	for (size_t i = 0; i < clean->stored_count; i++) {
		const struct stored *stored = &clean->stored[i];
		struct json *item;

		if (!stored->value || is_only_looked_at(stored))
			continue;
		item = json_add_object(keys, NULL);
		json_add_str(item, "key", stored->key);
		json_add_str(item, "value", stored->value);
		add_edit(clean, EDIT_DELETE, stored->key, NULL, stored->index);
	}
	clean->prune = !is_v3(clean); /* API v3 has no folders */
	begin_writing(clean, document);
}

struct calico_node_clean *calico_forget_node_start(const struct calico_node_env *env,
						   const char *node, calico_clean_fn *done,
						   void *arg)
{
	struct calico_node_clean *clean = clean_new(env, node, done, arg);

	add_node_trees(clean);
	clean->decide = decide_forget;
	read_trees(clean);
	return clean;
}

/* ---- undo ---- */

static bool restore_block(struct calico_node_clean *clean, struct err *err)
{
	const char *key = json_str(clean->saved, "block_key", NULL);
	const struct stored *block = key ? find_stored(clean, key) : NULL;
	struct calico_block_edit edit;
	bool ok = true;

	if (!key || (block && strcmp(block->value, json_str(clean->saved, "block_value", "")) == 0))
		return true;
	/* Only an empty one may be written back whole. */
	if (!block && !json_bool(clean->saved, "block_deleted", false))
		return err_set(err, ERR_REFUSED, "the block is gone by now: %.200s", key);
	if (!block) {
		add_edit(clean, EDIT_CREATE, key, json_str(clean->saved, "block_value", ""), 0);
		return true;
	}
	ok = calico_block_claim(block->value, clean->node, &edit, err);
	if (ok)
		add_edit(clean, EDIT_REPLACE, key, edit.value.buf, block->index);
	strbuf_release(&edit.value);
	return ok;
}

static bool restore_key(struct calico_node_clean *clean, const char *key, const char *value,
			struct err *err)
{
	const struct stored *now = find_stored(clean, key);
	enum calico_api api = etcd_api(clean->env.etcd) == ETCD_V3 ? CALICO_API_V3 : CALICO_API_V1;

	if (!calico_key_is_of(api, key))
		return err_set(err, ERR_REFUSED,
			       "%.200s is of another version of Calico's API than is shown now",
			       key);
	/* The same: it never went, or somebody has put it back already. */
	if (now && strcmp(now->value, value) == 0)
		return true;
	if (now)
		return err_set(err, ERR_CONFLICT, "%.200s is there again", key);
	add_edit(clean, EDIT_CREATE, key, value, 0);
	return true;
}

static void decide_restore(struct calico_node_clean *clean)
{
	const char *claim = json_str(clean->saved, "claim_key", NULL);
	struct err err = { 0 };
	bool ok = restore_block(clean, &err);

	if (ok && claim)
		ok = restore_key(clean, claim, json_str(clean->saved, "claim_value", ""), &err);
	JSON_EACH(item, json_member(clean->saved, "keys"))
	ok = ok && restore_key(clean, json_str(item, "key", ""), json_str(item, "value", ""), &err);
	if (ok)
		write_next(clean);
	else
		finish_err(clean, CALICO_REFUSED, &err);
}

struct calico_node_clean *calico_node_restore_start(const struct calico_node_env *env,
						    const struct json *saved, calico_clean_fn *done,
						    void *arg)
{
	struct calico_node_clean *clean = clean_new(env, json_str(saved, "node", ""), done, arg);

	clean->saved = json_copy(saved);
	add_node_trees(clean);
	if (json_str(saved, "block_key", NULL))
		add_tree(clean, json_str(saved, "block_key", ""), "");
	clean->decide = decide_restore;
	read_trees(clean);
	return clean;
}

void calico_node_clean_cancel(struct calico_node_clean **clean)
{
	if (!*clean)
		return;
	clean_free(*clean);
	*clean = NULL;
}
