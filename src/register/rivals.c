/*
 * Somebody else who writes our ids otherwise: a second host of the same name at the same agent, or
 * a second registrar with other options. Each would repair what the other wrote, for ever; so each
 * further repair waits twice as long, and the reason is said.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/register/registry.h"
#include "registrar_private.h"

enum { PAUSE_MS = 30000, DOUBLINGS_MAX = 7 };

struct rival {
	unsigned overwritten; /* how often what we wrote was replaced */
	int64_t until_ms;     /* by the monotonic clock: not before */
	bool is_open, is_seen;
};

static void warn(const struct reconcile_difference *item, const struct json *entry, bool was_ours)
{
	const char *address = json_str(entry, "Address", "");

	if (strcmp(address, item->address) != 0)
		log_warn("register",
			 "id %s exists with another address, %s:%lld instead of %s:%d%s: if "
			 "another host registers it, give each a hostname of its own",
			 item->id, address, (long long)json_int(entry, "Port", 0), item->address,
			 item->port, was_ours ? ", written after us" : "");
	else if (was_ours)
		log_warn("register", "id %s was changed by somebody else: %s", item->id, item->why);
}

static void see(struct registrar *registrar, const struct reconcile_difference *item, bool was_ours)
{
	struct rival *rival = strmap_get(&registrar->rivals, item->id);

	if (!rival) {
		rival = xcalloc(1, sizeof(*rival));
		strmap_put(&registrar->rivals, item->id, rival);
	}
	rival->is_seen = true;
	if (rival->is_open)
		return;
	rival->is_open = true;
	if (was_ours && ++rival->overwritten > 1) {
		unsigned doublings = rival->overwritten - 1;

		if (doublings > DOUBLINGS_MAX)
			doublings = DOUBLINGS_MAX;
		rival->until_ms = clock_mono_ms() + ((int64_t)PAUSE_MS << doublings);
	}
	warn(item, json_member(registrar->registered, item->id), was_ours);
}

/* What is there is not what we wrote, or we wrote nothing. A change of our own looks like that
 * until it is written. */
static bool is_by_somebody_else(const struct reconcile_difference *item, const char *sent)
{
	struct strbuf body = STRBUF_INIT;
	bool same;

	if (item->kind != RECONCILE_CHANGE || !sent)
		return item->kind == RECONCILE_CHANGE;
	registry_body(&body, item->wanted);
	same = strcmp(sent, body.buf) == 0;
	strbuf_release(&body);
	return same;
}

void rivals_look(struct registrar *registrar)
{
	for (size_t i = 0; i < registrar->rivals.count; i++)
		((struct rival *)registrar->rivals.entries[i].value)->is_seen = false;
	for (size_t i = 0; i < registrar->pending.count; i++) {
		const struct reconcile_difference *item = &registrar->pending.items[i];
		const char *sent = strmap_get(&registrar->sent, item->id);

		if (is_by_somebody_else(item, sent))
			see(registrar, item, sent);
	}
	for (size_t i = 0; i < registrar->rivals.count; i++) {
		struct rival *rival = registrar->rivals.entries[i].value;

		rival->is_open = rival->is_seen;
	}
}

bool rivals_allow(const struct registrar *registrar, const char *id)
{
	const struct rival *rival = strmap_get(&registrar->rivals, id);

	return !rival || clock_mono_ms() >= rival->until_ms;
}

void rivals_forget(struct registrar *registrar, const char *id)
{
	free(strmap_remove(&registrar->rivals, id));
}

void rivals_stop(struct registrar *registrar)
{
	for (size_t i = 0; i < registrar->rivals.count; i++)
		free(registrar->rivals.entries[i].value);
	strmap_release(&registrar->rivals);
}
