/*
 * Two maps by id, compared in both directions. Comparing stops at what the agent tells back.
 */
#include "binnacle/register/reconcile.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"

static struct reconcile_difference *add(struct reconcile *out, enum reconcile_kind kind,
					const char *id)
{
	struct reconcile_difference *item;

	GROW(out->items, out->count, out->cap);
	item = &out->items[out->count++];
	*item = (struct reconcile_difference){ .kind = kind,
					       .id = arena_strdup(&out->arena, id),
					       .failure = "" };
	return item;
}

static void say(struct strbuf *why, const char *fmt, ...) PRINTF_LIKE(2, 3);

static void say(struct strbuf *why, const char *fmt, ...)
{
	va_list args;

	if (why->len)
		strbuf_addstr(why, ", ");
	va_start(args, fmt);
	strbuf_vaddf(why, fmt, args);
	va_end(args);
}

static bool tags_equal(const struct json *tags, const struct register_service *wanted)
{
	size_t i = 0;

	JSON_EACH(tag, tags)
	{
		if (i == wanted->tag_count || strcmp(json_as_str(tag, ""), wanted->tags[i]) != 0)
			return false;
		i++;
	}
	return i == wanted->tag_count;
}

static bool meta_equal(const struct json *meta, const struct register_service *wanted)
{
	if (json_count(meta) != wanted->meta_count)
		return false;
	for (size_t i = 0; i < wanted->meta_count; i++) {
		const struct json *value = json_member(meta, wanted->meta[i].key);

		if (!value || strcmp(json_as_str(value, ""), wanted->meta[i].value) != 0)
			return false;
	}
	return true;
}

static bool was_sent_otherwise(const struct strmap *sent, const struct register_service *wanted)
{
	const char *last = sent ? strmap_get(sent, wanted->id) : NULL;
	struct strbuf body = STRBUF_INIT;
	bool differs;

	if (!last)
		return false;
	registry_body(&body, wanted);
	differs = strcmp(body.buf, last) != 0;
	strbuf_release(&body);
	return differs;
}

static void compare(const struct json *registered, const struct register_service *wanted,
		    const struct strmap *sent, struct strbuf *why)
{
	const char *name = json_str(registered, "Service", "");
	const char *address = json_str(registered, "Address", "");
	int64_t port = json_int(registered, "Port", 0);

	if (strcmp(name, wanted->name) != 0)
		say(why, "name %s instead of %s", name, wanted->name);
	if (strcmp(address, wanted->address) != 0)
		say(why, "address %s instead of %s", *address ? address : "(none)",
		    *wanted->address ? wanted->address : "(none)");
	if (port != wanted->port)
		say(why, "port %lld instead of %d", (long long)port, wanted->port);
	if (!tags_equal(json_get(registered, "Tags"), wanted))
		say(why, "other tags");
	if (!meta_equal(json_get(registered, "Meta"), wanted))
		say(why, "other attributes");
	if (!why->len && was_sent_otherwise(sent, wanted))
		say(why, "another check");
}

static void add_wanted(const struct reconcile_input *input, const struct strmap *listed,
		       const struct register_service *wanted, struct reconcile *out)
{
	const struct json *registered = strmap_get(listed, wanted->id);
	struct reconcile_difference *item;
	struct strbuf why = STRBUF_INIT;

	if (registered)
		compare(registered, wanted, input->sent, &why);
	else
		say(&why, "not registered");
	if (!why.len) {
		out->unchanged++;
		return;
	}
	item = add(out, registered ? RECONCILE_CHANGE : RECONCILE_ADD, wanted->id);
	item->wanted = wanted;
	item->name = arena_strdup(&out->arena, wanted->name);
	item->container = arena_strdup(&out->arena, wanted->container_name);
	item->address = arena_strdup(&out->arena, wanted->address);
	item->port = wanted->port;
	item->why = arena_strdup(&out->arena, why.buf);
	strbuf_release(&why);
}

static bool is_marked(const struct reconcile_input *input, const struct json *registered)
{
	const struct json *by = json_member(json_get(registered, "Meta"), "registered-by");

	return strcmp(json_as_str(by, ""), input->registered_by) == 0;
}

static void add_unwanted(const struct reconcile_input *input, const struct json *registered,
			 struct reconcile *out)
{
	const char *id = json_key(registered), *container = "", *why;
	bool own = reconcile_is_own_id(id, input->hostname, &out->arena, &container);
	bool marked = input->registered_by && *input->registered_by;
	struct reconcile_difference *item;

	if (input->owned && strmap_has(input->owned, id)) {
		why = strmap_get(input->owned, id);
		item = add(out, RECONCILE_REMOVE, id);
		item->why = arena_strdup(&out->arena, why ? why : "its container does not want it");
	} else if ((marked ? is_marked(input, registered) : own) &&
		   !(input->kept && strmap_has(input->kept, container))) {
		item = add(out, RECONCILE_DANGLING, id);
		item->why = "no running container of this host wants it";
	} else {
		return;
	}
	item->container = container;
	item->name = arena_strdup(&out->arena, json_str(registered, "Service", ""));
	item->address = arena_strdup(&out->arena, json_str(registered, "Address", ""));
	item->port = (int)json_int(registered, "Port", 0);
}

static int compare_ids(const void *a, const void *b)
{
	return strcmp(((const struct reconcile_difference *)a)->id,
		      ((const struct reconcile_difference *)b)->id);
}

void reconcile(const struct reconcile_input *input, struct reconcile *out)
{
	struct strmap wanted = STRMAP_INIT, listed = STRMAP_INIT;

	/* A JSON object is searched from its front. */
	JSON_EACH(registered, input->registered)
	strmap_put(&listed, json_key(registered), (void *)(uintptr_t)registered);
	for (size_t i = 0; i < input->wanted_count; i++)
		strmap_put(&wanted, input->wanted[i]->id, (void *)(uintptr_t)input->wanted[i]);
	for (size_t i = 0; i < wanted.count; i++)
		add_wanted(input, &listed, wanted.entries[i].value, out);
	JSON_EACH(registered, input->registered)
	{
		if (!strmap_has(&wanted, json_key(registered)))
			add_unwanted(input, registered, out);
	}
	strmap_release(&wanted);
	strmap_release(&listed);
	if (out->count)
		qsort(out->items, out->count, sizeof(*out->items), compare_ids);
}

const struct reconcile_difference *reconcile_find(const struct reconcile *result, const char *id)
{
	struct reconcile_difference key = { .id = id };

	if (!result->count)
		return NULL;
	return bsearch(&key, result->items, result->count, sizeof(key), compare_ids);
}

void reconcile_release(struct reconcile *result)
{
	free(result->items);
	arena_release(&result->arena);
	*result = (struct reconcile){ 0 };
}

static bool is_container_name(const char *name, size_t len)
{
	if (len < 2 || !isalnum((unsigned char)*name))
		return false;
	for (size_t i = 1; i < len; i++) {
		if (!isalnum((unsigned char)name[i]) && !strchr("_.-", name[i]))
			return false;
	}
	return true;
}

bool reconcile_is_own_id(const char *id, const char *hostname, struct arena *arena,
			 const char **container)
{
	size_t host_len = strlen(hostname), name_len, digits;
	const char *name, *port;

	if (!host_len || strncmp(id, hostname, host_len) != 0 || id[host_len] != ':')
		return false;
	name = id + host_len + 1;
	name_len = strcspn(name, ":");
	if (name[name_len] != ':' || !is_container_name(name, name_len))
		return false;
	port = name + name_len + 1;
	digits = strspn(port, "0123456789");
	if (!digits || (port[digits] && strcmp(port + digits, ":udp") != 0))
		return false;
	if (container)
		*container = arena_strndup(arena, name, name_len);
	return true;
}

const char *reconcile_kind_name(enum reconcile_kind kind)
{
	static const char *const names[] = {
		[RECONCILE_ADD] = "add",
		[RECONCILE_CHANGE] = "change",
		[RECONCILE_REMOVE] = "remove",
		[RECONCILE_DANGLING] = "dangling",
	};

	return names[kind];
}
