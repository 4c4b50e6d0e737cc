/* Decoding reads a block into slots. Editing works on the parsed document instead, so that
 * members that we do not know survive; the two lists of numbers are built anew and put in the
 * place of the old ones. */
#include "binnacle/calico/ipam.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/json_decode.h"

#define BLOCK_BITS_V4 26
#define BLOCK_BITS_V6 122
#define SLOTS_MAX     65536u /* Calico makes 64; later versions let the operator choose */

struct block_doc {
	struct json *doc;
	struct calico_net cidr;
	const struct json *allocations, *attributes;
	size_t slot_count;
};

static void block_doc_release(struct block_doc *block)
{
	json_free(block->doc);
	block->doc = NULL;
}

static bool open_fields(struct block_doc *block, struct err *err)
{
	const char *cidr = json_str(block->doc, "cidr", "");
	unsigned host_bits;

	if (!calico_net_parse(&block->cidr, cidr))
		return err_set(err, ERR_FORMAT, "cidr \"%.60s\" is not a network", cidr);
	host_bits = (block->cidr.version == 4 ? 32u : 128u) - block->cidr.bits;
	block->allocations = json_member(block->doc, "allocations");
	block->attributes = json_member(block->doc, "attributes");
	block->slot_count = json_count(block->allocations);
	if (!json_is_array(block->allocations) || block->slot_count > SLOTS_MAX || host_bits > 16 ||
	    block->slot_count != (size_t)1 << host_bits)
		return err_set(err, ERR_FORMAT, "a block of %.60s must have one slot per address",
			       cidr);
	return true;
}

static bool block_doc_open(struct block_doc *block, const char *value, struct err *err)
{
	*block = (struct block_doc){ 0 };
	block->doc = json_parse(value, strlen(value), err);
	if (!block->doc)
		return false;
	if (open_fields(block, err))
		return true;
	block_doc_release(block);
	return false;
}

/* The index that a slot holds: -1 free, -2 nonsense. */
static int64_t slot_attribute(const struct block_doc *block, const struct json *slot)
{
	int64_t index = json_as_int(slot, -2);

	if (json_is_null(slot))
		return -1;
	return index >= 0 && (size_t)index < json_count(block->attributes) ? index : -2;
}

static const struct json *item_at(const struct json *array, size_t index)
{
	const struct json *item = json_first(array);

	while (item && index--)
		item = json_next(item);
	return item;
}

/* Of a block of today "host:NODE", of a very old one the bare name under another field. */
static const char *owner_of(const struct json *doc)
{
	static const char prefix[] = "host:";
	const char *affinity = json_str(doc, "affinity", "");

	if (strncmp(affinity, prefix, sizeof(prefix) - 1) == 0)
		return affinity + sizeof(prefix) - 1;
	return *affinity ? affinity : json_str(doc, "hostAffinity", "");
}

static bool decode_slots(struct calico_block *block, const struct block_doc *raw,
			 struct arena *arena, struct err *err)
{
	struct calico_slot *slots = arena_alloc(arena, raw->slot_count * sizeof(*slots));
	size_t attribute_count = json_count(raw->attributes), i = 0;
	const char **handles = arena_alloc(arena, (attribute_count + 1) * sizeof(*handles));

	JSON_EACH(attribute, raw->attributes)
	{
		const struct json *handle = json_member(attribute, "handle_id");

		if (!json_is_null(handle))
			handles[i] = arena_strdup(arena, json_as_str(handle, "?"));
		i++;
	}
	i = 0;
	JSON_EACH(slot, raw->allocations)
	{
		int64_t index = slot_attribute(raw, slot);

		if (index == -2)
			return err_set(err, ERR_FORMAT, "allocations[%zu] names no attribute", i);
		if (index >= 0) {
			slots[i].allocated = true;
			slots[i].handle = handles[index];
			block->allocated_count++;
		}
		i++;
	}
	block->slots = slots;
	block->slot_count = raw->slot_count;
	return true;
}

bool calico_block_decode(struct calico_block *block, const char *value, struct arena *arena,
			 struct err *err)
{
	struct block_doc raw;
	bool ok;

	if (!block_doc_open(&raw, value, err))
		return false;
	block->cidr = raw.cidr;
	block->affinity = *owner_of(raw.doc) ? arena_strdup(arena, owner_of(raw.doc)) : NULL;
	block->strict = json_bool(raw.doc, "strictAffinity", false);
	ok = decode_slots(block, &raw, arena, err);
	block_doc_release(&raw);
	return ok;
}

struct calico_net calico_block_of(const struct calico_net *address)
{
	return calico_net_masked(address, address->version == 4 ? BLOCK_BITS_V4 : BLOCK_BITS_V6);
}

const struct calico_slot *calico_block_slot(const struct calico_block *block,
					    const struct calico_net *address)
{
	uint32_t ordinal;

	if (block->problem || !calico_net_contains(&block->cidr, address))
		return NULL;
	ordinal = calico_net_ordinal(&block->cidr, address);
	return ordinal < block->slot_count ? &block->slots[ordinal] : NULL;
}

/* Find the slot of an address: its ordinal and what it holds. */
static bool find_slot(const struct block_doc *block, const struct calico_net *address,
		      uint32_t *ordinal, int64_t *attribute, struct err *err)
{
	char text[CALICO_NET_TEXT_BYTES], cidr[CALICO_NET_TEXT_BYTES];

	calico_net_text(address, text);
	if (!calico_net_contains(&block->cidr, address))
		return err_set(err, ERR_INPUT, "address %s is not in block %s", text,
			       calico_net_text_cidr(&block->cidr, cidr));
	*ordinal = calico_net_ordinal(&block->cidr, address);
	*attribute = slot_attribute(block, item_at(block->allocations, *ordinal));
	if (*attribute == -2)
		return err_set(err, ERR_FORMAT, "the slot of %s names no attribute", text);
	return true;
}

/* Put `attribute` (-1: free) into the slot, and move all indices above `removed` (-1: none) down
 * by one. */
static void set_allocations(struct block_doc *block, uint32_t ordinal, int64_t attribute,
			    int64_t removed)
{
	struct json *list = json_new_array();
	uint32_t i = 0;

	JSON_EACH(slot, block->allocations)
	{
		int64_t index = i++ == ordinal ? attribute : json_as_int(slot, -1);

		if (index < 0)
			json_add_null(list, NULL);
		else
			json_add_int(list, NULL,
				     removed >= 0 && index > removed ? index - 1 : index);
	}
	json_set(block->doc, "allocations", list);
	block->allocations = json_member(block->doc, "allocations");
}

/* Without the ordinal; with `append` it then goes to the end of the queue. */
static void set_unallocated(struct block_doc *block, uint32_t ordinal, bool append)
{
	struct json *list = json_new_array();

	JSON_EACH(free_one, json_member(block->doc, "unallocated"))
	{
		if (json_as_int(free_one, -1) != ordinal)
			json_add_int(list, NULL, json_as_int(free_one, 0));
	}
	if (append)
		json_add_int(list, NULL, ordinal);
	json_set(block->doc, "unallocated", list);
}

static bool attribute_is_used(const struct block_doc *block, int64_t attribute, bool *any)
{
	bool used = false;

	*any = false;
	JSON_EACH(slot, block->allocations)
	{
		*any = *any || !json_is_null(slot);
		used = used || json_as_int(slot, -1) == attribute;
	}
	return used;
}

static void remove_attribute(struct block_doc *block, int64_t attribute)
{
	struct json *list = json_new_array();
	int64_t i = 0;

	JSON_EACH(entry, block->attributes)
	{
		if (i++ != attribute)
			json_add(list, NULL, json_copy(entry));
	}
	json_set(block->doc, "attributes", list);
	block->attributes = json_member(block->doc, "attributes");
}

static bool has_owner(const struct json *doc)
{
	return *json_str(doc, "affinity", "") || *json_str(doc, "hostAffinity", "");
}

bool calico_block_release(const char *value, const struct calico_net *address,
			  struct calico_block_edit *edit, struct err *err)
{
	char text[CALICO_NET_TEXT_BYTES];
	struct block_doc block;
	int64_t attribute;
	uint32_t ordinal;
	bool ok = false, any;

	calico_net_text(address, text);
	*edit = (struct calico_block_edit){ .value = STRBUF_INIT };
	if (!block_doc_open(&block, value, err))
		return false;
	if (!find_slot(&block, address, &ordinal, &attribute, err))
		goto out;
	if (attribute < 0) {
		err_set(err, ERR_NOT_FOUND, "address %s is not assigned", text);
		goto out;
	}
	if (!json_is_null(json_member(item_at(block.attributes, (size_t)attribute), "handle_id"))) {
		err_set(err, ERR_REFUSED, "address %s has a handle: it is another orchestrator's",
			text);
		goto out;
	}
	set_allocations(&block, ordinal, -1, -1);
	set_unallocated(&block, ordinal, true);
	if (!attribute_is_used(&block, attribute, &any)) {
		remove_attribute(&block, attribute);
		set_allocations(&block, ordinal, -1, attribute);
	}
	edit->delete_block = !any && !has_owner(block.doc);
	json_print(&edit->value, block.doc);
	ok = true;
out:
	block_doc_release(&block);
	return ok;
}

/* The attribute entry of addresses without handle and attributes; added when missing. */
static int64_t plain_attribute(struct block_doc *block)
{
	struct json *list, *entry;
	int64_t i = 0;

	JSON_EACH(each, block->attributes)
	{
		if (json_is_null(json_member(each, "handle_id")) &&
		    json_is_null(json_member(each, "secondary")))
			return i;
		i++;
	}
	list = json_is_array(block->attributes) ? json_copy(block->attributes) : json_new_array();
	entry = json_new_object();
	json_add_null(entry, "handle_id");
	json_add_null(entry, "secondary");
	json_add(list, NULL, entry);
	json_set(block->doc, "attributes", list);
	block->attributes = json_member(block->doc, "attributes");
	return i;
}

bool calico_block_assign(const char *value, const struct calico_net *address,
			 struct calico_block_edit *edit, struct err *err)
{
	char text[CALICO_NET_TEXT_BYTES];
	struct block_doc block;
	int64_t attribute;
	uint32_t ordinal;
	bool ok = false;

	*edit = (struct calico_block_edit){ .value = STRBUF_INIT };
	if (!block_doc_open(&block, value, err))
		return false;
	if (!find_slot(&block, address, &ordinal, &attribute, err))
		goto out;
	if (attribute >= 0) {
		err_set(err, ERR_CONFLICT, "address %s is assigned already",
			calico_net_text(address, text));
		goto out;
	}
	set_allocations(&block, ordinal, plain_attribute(&block), -1);
	set_unallocated(&block, ordinal, false);
	json_print(&edit->value, block.doc);
	ok = true;
out:
	block_doc_release(&block);
	return ok;
}

bool calico_block_unclaim(const char *value, const char *node, struct calico_block_edit *edit,
			  struct err *err)
{
	struct block_doc block;
	bool ok = false, any;

	*edit = (struct calico_block_edit){ .value = STRBUF_INIT };
	if (!block_doc_open(&block, value, err))
		return false;
	if (strcmp(owner_of(block.doc), node) != 0) {
		err_set(err, ERR_CONFLICT, "the block is %s's, not %s's",
			*owner_of(block.doc) ? owner_of(block.doc) : "nobody", node);
	} else {
		json_remove(block.doc, "hostAffinity");
		json_remove(block.doc, "affinity");
		json_add_null(block.doc, "affinity");
		attribute_is_used(&block, -1, &any);
		edit->delete_block = !any;
		json_print(&edit->value, block.doc);
		ok = true;
	}
	block_doc_release(&block);
	return ok;
}

bool calico_block_claim(const char *value, const char *node, struct calico_block_edit *edit,
			struct err *err)
{
	struct block_doc block;
	bool ok = false;
	char *affinity;

	*edit = (struct calico_block_edit){ .value = STRBUF_INIT };
	if (!block_doc_open(&block, value, err))
		return false;
	if (*owner_of(block.doc)) {
		err_set(err, ERR_CONFLICT, "the block is %s's by now", owner_of(block.doc));
	} else {
		affinity = xasprintf("host:%s", node);
		json_set(block.doc, "affinity", json_new_str(affinity));
		free(affinity);
		json_print(&edit->value, block.doc);
		ok = true;
	}
	block_doc_release(&block);
	return ok;
}

bool calico_pool_decode(struct calico_pool *pool, const char *value, struct arena *arena,
			struct err *err)
{
	struct json *doc = json_parse(value, strlen(value), err);
	const char *cidr;
	bool ok;

	pool->ipip_mode = "";
	if (!doc)
		return false;
	cidr = json_str(doc, "cidr", "");
	ok = calico_net_parse(&pool->cidr, cidr);
	if (!ok)
		err_set(err, ERR_FORMAT, "cidr \"%.60s\" is not a network", cidr);
	pool->ipip = *json_str(doc, "ipip", "") != '\0';
	pool->ipip_mode = arena_strdup(arena, json_str(doc, "ipip_mode", ""));
	pool->masquerade = json_bool(doc, "masquerade", false);
	pool->disabled = json_bool(doc, "disabled", false);
	json_free(doc);
	return ok;
}
