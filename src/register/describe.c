#include "binnacle/register/describe.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "binnacle/register/rules.h"

/* A name or value must not be able to look like lines of its own. */
static void add_line(struct strbuf *out, const char *what, const char *text)
{
	strbuf_addf(out, "%s ", what);
	text_clean(out, text, strlen(text));
	strbuf_addch(out, '\n');
}

static void add_pair(struct strbuf *out, const char *key, const char *value)
{
	strbuf_addstr(out, "attribute ");
	text_clean(out, key, strlen(key));
	strbuf_addch(out, '=');
	text_clean(out, value, strlen(value));
	strbuf_addch(out, '\n');
}

static void add_head(struct strbuf *out, const char *id, const char *name, const char *address,
		     int64_t port)
{
	add_line(out, "id", id);
	add_line(out, "service", name);
	add_line(out, "address", *address ? address : "(the node's)");
	strbuf_addf(out, "port %lld\n", (long long)port);
}

void describe_service(struct strbuf *out, const struct register_service *service)
{
	add_head(out, service->id, service->name, service->address, service->port);
	for (size_t i = 0; i < service->tag_count; i++)
		add_line(out, "tag", service->tags[i]);
	for (size_t i = 0; i < service->meta_count; i++)
		add_pair(out, service->meta[i].key, service->meta[i].value);
}

static int compare_keys(const void *a, const void *b)
{
	return strcmp(json_key(*(const struct json *const *)a),
		      json_key(*(const struct json *const *)b));
}

void describe_entry(struct strbuf *out, const struct json *entry)
{
	const struct json **pairs = NULL;
	size_t count = 0, cap = 0;

	add_head(out, json_key(entry), json_str(entry, "Service", ""),
		 json_str(entry, "Address", ""), json_int(entry, "Port", 0));
	JSON_EACH(tag, json_get(entry, "Tags"))
	add_line(out, "tag", json_as_str(tag, ""));
	/* In the order of their keys, as those that are wanted. */
	JSON_EACH(pair, json_get(entry, "Meta"))
	{
		GROW(pairs, count, cap);
		pairs[count++] = pair;
	}
	if (count)
		qsort(pairs, count, sizeof(*pairs), compare_keys);
	for (size_t i = 0; i < count; i++)
		add_pair(out, json_key(pairs[i]), json_as_str(pairs[i], ""));
	free(pairs);
}
