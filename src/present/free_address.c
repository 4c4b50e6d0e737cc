/* Who has an address is a question that people ask in the night; "nobody" must say where it
 * lies, so that they know whether it can be had. */
#include "binnacle/present/address.h"

#include <string.h>

#include "binnacle/calico/address.h"
#include "put.h"

/* The row of blocks or pools whose network has the address; the narrowest. */
static const void *network_of(const struct snapshot *snapshot, const struct calico_net *address)
{
	const void *found = NULL;
	int bits = -1;

	for (size_t i = 0; i < snapshot->count; i++) {
		const void *row = snapshot_row(snapshot, i);
		struct calico_net net;

		if (!calico_net_parse(&net, row_id(row)) || !calico_net_contains(&net, address) ||
		    net.bits <= bits)
			continue;
		found = row;
		bits = net.bits;
	}
	return found;
}

static const struct block_row *block_named(const struct model *model, const char *id)
{
	return snapshot_find(model_current(model, MODEL_BLOCKS), id);
}

void address_map(const char *address, const char *block_id, const struct model *model,
		 struct strbuf *out)
{
	const struct block_row *block = block_named(model, block_id);
	struct strbuf lines = STRBUF_INIT;
	struct calico_net net, wanted;
	size_t place, at = 0;

	if (!block || !calico_net_parse(&net, block->id) || !calico_net_parse(&wanted, address))
		return;
	place = calico_net_ordinal(&net, &wanted);
	block_map(block, 16, &lines);
	for (size_t i = 0; i < lines.len; i++) {
		const char *tab = memchr(lines.buf + i, '\t', strcspn(lines.buf + i, "\n"));
		/* Labels come first; only what follows them counts. */
		bool is_slot = !tab && !strchr("\t\n ", lines.buf[i]);

		if (is_slot && at++ == place)
			strbuf_addf(out, "[%c]", lines.buf[i]);
		else
			strbuf_addch(out, lines.buf[i]);
	}
	strbuf_release(&lines);
}

bool present_free_address(const char *text, const struct model *model, struct strbuf *detail,
			  struct json *json)
{
	char plain[CALICO_NET_TEXT_BYTES];
	const struct block_row *block;
	const struct pool_row *pool;
	struct strbuf map = STRBUF_INIT;
	struct calico_net address;
	const char *why;

	if (!calico_net_parse(&address, text) || address.bits != (address.version == 4 ? 32 : 128))
		return false;
	calico_net_text(&address, plain);
	block = network_of(model_current(model, MODEL_BLOCKS), &address);
	pool = network_of(model_current(model, MODEL_POOLS), &address);
	why = !pool                       ? "it lies in none of Calico's pools"
	      : pool->state != STATE_PASS ? "its pool gives no addresses"
	      : block && *block->problem  ? "its block cannot be read"
	      : block                     ? "nobody has it"
					  : "nobody has it, nor any address near it";
	detail_fmt(detail, "state", "%s   %s", block && *block->problem ? "?" : "free", why);
	if (block) {
		detail_text(detail, "block", block->id);
		detail_text(detail, "block of", *block->node ? block->node : "nobody");
	} else {
		detail_text(detail, "block", "none: no node has claimed it");
	}
	detail_text(detail, "pool", pool ? pool->id : "none");
	if (block)
		address_map(plain, block->id, model, &map);
	if (map.len)
		strbuf_addf(detail, "\n" PRESENT_MAP_LEGEND "\n%s", map.buf);
	strbuf_release(&map);
	json_add_str(json, "address", plain);
	json_add_str(json, "state", block && *block->problem ? NULL : "free");
	json_add_str(json, "why", why);
	json_add_str(json, "block", block ? block->id : NULL);
	json_add_text(json, "node", block ? block->node : "");
	json_add_str(json, "pool", pool ? pool->id : NULL);
	return true;
}
