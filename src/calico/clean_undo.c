/*
 * Putting back: the addresses first, one after another, each into its block as it is now; then
 * the endpoint. Everything is checked before the first write, and again after each.
 */
#include <assert.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "clean_private.h"

#define UNDO_ATTEMPTS_MAX 10

static void on_undo_state(struct calico_clean *clean);

/* End with what stands in result.err; addresses that have been put back stay. */
static void give_up(struct calico_clean *clean, enum calico_outcome outcome)
{
	if (clean->next_address)
		err_context(&clean->result.err, "%zu of %zu addresses are assigned again, but",
			    clean->next_address, clean->address_count);
	clean_finish(clean, outcome);
}

static void on_fate_of_assign(struct calico_clean *clean)
{
	const struct calico_net *address = &clean->addresses[clean->next_address];
	const struct calico_block *block = calico_state_block_of(clean->state, address);
	const struct calico_slot *slot = block ? calico_block_slot(block, address) : NULL;

	/* Taken now: by us or by somebody else, nobody can tell. */
	clean->result.err = clean->write_err;
	give_up(clean, slot && slot->allocated ? CALICO_UNCONFIRMED : CALICO_FAILED);
}

static void on_assigned(void *arg, const struct json *doc, const struct etcd_meta *meta,
			const struct err *err)
{
	struct calico_clean *clean = arg;

	(void)doc;
	clean->call = NULL;
	clean->result.etcd_index = meta->etcd_index;
	if (!err) {
		clean->next_address++;
		clean_read(clean, on_undo_state);
	} else if ((err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND) &&
		   clean->result.attempts < UNDO_ATTEMPTS_MAX) {
		clean_read(clean, on_undo_state);
	} else if (err->code == ERR_CONFLICT || err->code == ERR_NOT_FOUND ||
		   err->code == ERR_DENIED) {
		clean->result.err = *err;
		give_up(clean, CALICO_FAILED);
	} else {
		clean->write_err = *err;
		clean_read(clean, on_fate_of_assign);
	}
}

static void on_fate_of_create(struct calico_clean *clean)
{
	const struct calico_wep *wep = calico_state_wep(clean->state, clean->wep_key);

	clean->result.unconfirmed = wep && strcmp(wep->value, clean->wep_value) == 0;
	if (clean->result.unconfirmed) {
		clean_finish(clean, CALICO_DONE);
		return;
	}
	clean->result.err = clean->write_err;
	give_up(clean, CALICO_FAILED);
}

static void on_created(void *arg, const struct json *doc, const struct etcd_meta *meta,
		       const struct err *err)
{
	struct calico_clean *clean = arg;

	clean->call = NULL;
	clean->result.etcd_index = meta->etcd_index;
	if (!err) {
		clean->result.etcd_index = (uint64_t)json_int(doc, "node.modifiedIndex", 0);
		clean_finish(clean, CALICO_DONE);
	} else if (err->code == ERR_CONFLICT) {
		err_set(&clean->result.err, ERR_CONFLICT,
			"an endpoint with this id has appeared meanwhile");
		give_up(clean, CALICO_REFUSED);
	} else if (err->code == ERR_DENIED) {
		clean->result.err = *err;
		give_up(clean, CALICO_FAILED);
	} else {
		clean->write_err = *err;
		clean_read(clean, on_fate_of_create);
	}
}

static bool check_addresses(const struct calico_clean *clean, struct err *err)
{
	for (size_t i = clean->next_address; i < clean->address_count; i++) {
		const struct calico_net *address = &clean->addresses[i];
		const struct calico_block *block = calico_state_block_of(clean->state, address);
		const struct calico_slot *slot = block ? calico_block_slot(block, address) : NULL;
		char text[CALICO_NET_TEXT_BYTES];

		calico_net_text(address, text);
		if (!slot)
			return err_set(err, ERR_REFUSED,
				       "the block of %s is gone or cannot be read: nothing to put "
				       "the address back into",
				       text);
		if (slot->allocated)
			return err_set(err, ERR_CONFLICT, "address %s is taken again", text);
	}
	return true;
}

static void assign_next(struct calico_clean *clean)
{
	const struct calico_net *address = &clean->addresses[clean->next_address];
	const struct calico_block *block = calico_state_block_of(clean->state, address);
	struct etcd_condition condition = { .prev_index = block->modified_index,
					    .must_exist = true };
	struct calico_block_edit edit;

	if (calico_block_assign(block->value, address, &edit, &clean->result.err)) {
		clean->result.attempts++;
		clean->call = etcd_put(clean->env.etcd, block->key, edit.value.buf, &condition,
				       on_assigned, clean);
	} else {
		give_up(clean, CALICO_REFUSED);
	}
	strbuf_release(&edit.value);
}

static void on_undo_state(struct calico_clean *clean)
{
	if (clean->wep_key && !calico_key_is_of(clean->state->api, clean->wep_key)) {
		err_set(&clean->result.err, ERR_REFUSED,
			"it was in the data of another version of Calico's API than is shown now");
		give_up(clean, CALICO_REFUSED);
	} else if (clean->wep_key && calico_state_wep(clean->state, clean->wep_key)) {
		err_set(&clean->result.err, ERR_CONFLICT, "the endpoint exists again");
		give_up(clean, CALICO_REFUSED);
	} else if (!check_addresses(clean, &clean->result.err)) {
		give_up(clean, CALICO_REFUSED);
	} else if (clean->next_address < clean->address_count) {
		assign_next(clean);
	} else if (clean->wep_key) {
		clean->call = etcd_put(clean->env.etcd, clean->wep_key, clean->wep_value,
				       &(struct etcd_condition){ .must_not_exist = true },
				       on_created, clean);
	} else {
		clean_finish(clean, CALICO_DONE);
	}
}

struct calico_clean *calico_undo_start(const struct calico_clean_env *env,
				       const struct calico_undo *undo, calico_clean_fn *done,
				       void *arg)
{
	struct calico_clean *clean = clean_new(env, done, arg);
	struct calico_net *addresses =
		arena_alloc(&clean->arena, (undo->address_count + 1) * sizeof(*addresses));

	assert(!undo->wep_key || undo->wep_value);
	clean->wep_key = arena_strdup(&clean->arena, undo->wep_key);
	clean->wep_value = arena_strdup(&clean->arena, undo->wep_value);
	for (size_t i = 0; i < undo->address_count; i++)
		addresses[i] = calico_net_masked(&undo->addresses[i],
						 undo->addresses[i].version == 4 ? 32 : 128);
	clean->addresses = addresses;
	clean->address_count = undo->address_count;
	clean_read(clean, on_undo_state);
	return clean;
}
