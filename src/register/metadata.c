/* The container's keys are few: arrays searched from the front. */
#include "metadata.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"

static const char prefix[] = "SERVICE_";

/* What Go's Atoi takes: digits with an optional sign, within 64 bits. */
static bool is_integer(const char *text, size_t len)
{
	size_t i = len && (*text == '-' || *text == '+');

	if (i == len || len - i > 18)
		return false;
	for (; i < len; i++) {
		if (!isdigit((unsigned char)text[i]))
			return false;
	}
	return true;
}

static void add_given(struct metadata_source *source, struct arena *arena, const char *key,
		      size_t key_len, const char *value)
{
	const size_t prefix_len = sizeof(prefix) - 1;
	struct metadata_given given = { .value = arena_strdup(arena, value) };
	char *lower, *underscore;

	if (key_len < prefix_len || strncmp(key, prefix, prefix_len) != 0) {
		if (key_len > prefix_len && strncmp(key, "service_", prefix_len) == 0)
			source->has_lower_case_prefix = true;
		return;
	}
	lower = arena_strndup(arena, key + prefix_len, key_len - prefix_len);
	for (char *p = lower; *p; p++)
		*p = (char)tolower((unsigned char)*p);
	underscore = strchr(lower, '_');
	given.key = lower;
	if (underscore && is_integer(lower, (size_t)(underscore - lower))) {
		*underscore = '\0';
		given.port = lower;
		given.key = underscore + 1;
	}
	GROW(source->items, source->count, source->cap);
	source->items[source->count++] = given;
}

void metadata_collect(struct metadata_source *source, const struct json *inspect,
		      struct arena *arena)
{
	JSON_EACH(item, json_get(inspect, "Config.Env"))
	{
		const char *text = json_as_str(item, "");
		const char *equals = strchr(text, '=');

		if (equals)
			add_given(source, arena, text, (size_t)(equals - text), equals + 1);
	}
	JSON_EACH(label, json_get(inspect, "Config.Labels"))
	{
		/* As "key=value" the label's text is cut at the first `=`, also one in the key. */
		const char *key = json_key(label), *equals = strchr(key, '=');
		const char *value = json_as_str(label, "");

		if (equals)
			add_given(source, arena, key, (size_t)(equals - key),
				  arena_printf(arena, "%s=%s", equals + 1, value));
		else
			add_given(source, arena, key, strlen(key), value);
	}
}

void metadata_source_release(struct metadata_source *source)
{
	free(source->items);
	*source = (struct metadata_source){ 0 };
}

static struct metadata_entry *find_entry(const struct metadata *metadata, const char *key)
{
	uintptr_t place = (uintptr_t)strmap_get(&metadata->index, key);

	return place ? &metadata->items[place - 1] : NULL;
}

void metadata_for_port(const struct metadata_source *source, const char *port, struct metadata *out)
{
	for (size_t i = 0; i < source->count; i++) {
		const struct metadata_given *given = &source->items[i];
		struct metadata_entry *entry = find_entry(out, given->key);

		if (given->port && strcmp(given->port, port) != 0)
			continue;
		if (entry && entry->from_port && !given->port)
			continue;
		if (!entry) {
			GROW(out->items, out->count, out->cap);
			entry = &out->items[out->count++];
			strmap_put(&out->index, given->key, (void *)out->count);
		}
		*entry = (struct metadata_entry){ .key = given->key,
						  .value = given->value,
						  .from_port = given->port };
	}
}

void metadata_release(struct metadata *metadata)
{
	free(metadata->items);
	strmap_release(&metadata->index);
	*metadata = (struct metadata){ 0 };
}

const struct metadata_entry *metadata_find(const struct metadata *metadata, const char *key)
{
	return find_entry(metadata, key);
}

const char *metadata_value(const struct metadata *metadata, const char *key)
{
	const struct metadata_entry *entry = find_entry(metadata, key);

	return entry ? entry->value : "";
}

const char *metadata_look_alike(const char *key)
{
	static const struct {
		const char *key, *remedy;
	} table[] = {
		{ "tag", "tags come from SERVICE_TAGS" },
		{ "names", "the name comes from SERVICE_NAME" },
		{ "ignored", "to leave a port out set SERVICE_IGNORE" },
		{ "port_name", "name one port with SERVICE_<number>_NAME" },
		{ "port_tags", "tag one port with SERVICE_<number>_TAGS" },
		{ "port_ignore", "leave one port out with SERVICE_<number>_IGNORE" },
		{ "check_url", "an HTTP check comes from SERVICE_CHECK_HTTP=/path" },
		{ "check_path", "an HTTP check comes from SERVICE_CHECK_HTTP=/path" },
		{ "check_method", "the method comes from SERVICE_CHECK_HTTP_METHOD" },
		{ "check_status", "the first state comes from SERVICE_CHECK_INITIAL_STATUS" },
		{ "check_deregister",
		  "the time to removal comes from SERVICE_CHECK_DEREGISTER_AFTER" },
	};

	for (size_t i = 0; i < COUNT_OF(table); i++) {
		if (strcmp(table[i].key, key) == 0)
			return table[i].remedy;
	}
	return NULL;
}
