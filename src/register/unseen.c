/*
 * Registrations that were accepted and that no list has shown since. A list may lag behind (a
 * cache, or another agent, behind one address): for a while what was accepted is believed, lest
 * it is written again and again, or forgotten when it is to be removed. That is a minute for a list
 * that shows nothing of ours, and a moment for one that shows other services: what it does not show
 * then is lost. A list without what an earlier one has shown does not lag: the registry has lost
 * it, and the rest with it.
 */
#include <stdint.h>
#include <stdlib.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "registrar_private.h"

enum { BELIEVED_MS = 60000, MOMENT_MS = 2000 };

void unseen_add(struct registrar *registrar, const char *id)
{
	int64_t *until_ms = xcalloc(1, sizeof(*until_ms));

	*until_ms = clock_mono_ms() + BELIEVED_MS;
	free(strmap_put(&registrar->unseen, id, until_ms));
}

void unseen_forget(struct registrar *registrar, const char *id)
{
	free(strmap_remove(&registrar->unseen, id));
}

void unseen_forget_all(struct registrar *registrar)
{
	for (size_t i = 0; i < registrar->unseen.count; i++)
		free(registrar->unseen.entries[i].value);
	strmap_release(&registrar->unseen);
}

static bool shows_ours(const struct registrar *registrar, const struct json *list)
{
	JSON_EACH(entry, list)
	if (strmap_has(&registrar->sent, json_key(entry)))
		return true;
	return false;
}

static bool has_lost(const struct registrar *registrar, const struct json *list)
{
	struct strmap listed = STRMAP_INIT;
	bool lost = false;

	JSON_EACH(entry, list)
	strmap_put(&listed, json_key(entry), (void *)(uintptr_t)entry);
	JSON_EACH(entry, registrar->registered)
	{
		const char *id = json_key(entry);

		lost |= strmap_has(&registrar->sent, id) && !strmap_has(&registrar->unseen, id) &&
			!strmap_has(&listed, id);
	}
	strmap_release(&listed);
	return lost;
}

void unseen_keep(struct registrar *registrar, struct json *list)
{
	struct strmap still = STRMAP_INIT;
	int64_t now_ms = clock_mono_ms();
	int64_t sooner_ms = shows_ours(registrar, list) ? BELIEVED_MS - MOMENT_MS : 0;

	if (registrar->unseen.count && has_lost(registrar, list))
		unseen_forget_all(registrar);
	for (size_t i = 0; i < registrar->unseen.count; i++) {
		const char *id = registrar->unseen.entries[i].key;
		int64_t *until_ms = registrar->unseen.entries[i].value;
		const struct json *entry = json_member(registrar->registered, id);

		if (json_member(list, id) || !entry || now_ms >= *until_ms - sooner_ms) {
			free(until_ms);
			continue;
		}
		json_set(list, id, json_copy(entry));
		strmap_put(&still, id, until_ms);
	}
	strmap_release(&registrar->unseen);
	registrar->unseen = still;
}
