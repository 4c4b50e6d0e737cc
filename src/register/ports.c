/*
 * The port table: what is exposed, as far as Docker does not say otherwise, and what is published.
 * Ports are taken by number, so that equal documents give equal results; Registrator's own order
 * is random.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "rules_private.h"

/* The entry of this key; `index` is of keys to their places, from 1. */
static struct port *get_port(struct rules *rules, struct port_table *table, struct strmap *index,
			     const char *key)
{
	const char *slash = strchr(key, '/');
	uintptr_t place = (uintptr_t)strmap_get(index, key);
	struct port *port;

	if (place)
		return &table->items[place - 1];
	GROW(table->items, table->count, table->cap);
	port = &table->items[table->count++];
	strmap_put(index, key, (void *)table->count);
	*port = (struct port){ 0 };
	port->key = arena_strdup(&rules->out->arena, key);
	port->number =
		arena_strndup(&rules->out->arena, key, slash ? (size_t)(slash - key) : strlen(key));
	port->proto = slash ? arena_strdup(&rules->out->arena, slash + 1) : "tcp";
	return port;
}

static int compare_ports(const void *a, const void *b)
{
	const struct port *left = a, *right = b;
	long difference = atol(left->number) - atol(right->number);

	return difference ? (difference < 0 ? -1 : 1) : strcmp(left->key, right->key);
}

/*
 * Exposed ports count with their own number as the host's, until Docker says otherwise about
 * them. It says nothing for the host network, for `none`, and for network drivers that report no
 * port data (Calico's, macvlan): those keep the identity.
 */
void ports_collect(struct rules *rules, struct port_table *table)
{
	struct strmap index = STRMAP_INIT;

	JSON_EACH(exposed, json_get(rules->inspect, "Config.ExposedPorts"))
	{
		struct port *port = get_port(rules, table, &index, json_key(exposed));

		port->host_port = port->number;
		port->host_ip = "0.0.0.0";
	}
	JSON_EACH(listed, json_get(rules->inspect, "NetworkSettings.Ports"))
	{
		struct port *port = get_port(rules, table, &index, json_key(listed));
		const struct json *binding = json_is_array(listed) ? json_first(listed) : NULL;
		const char *host_ip = json_str(binding, "HostIp", "");

		port->listed = true;
		port->host_port = json_str(binding, "HostPort", "");
		port->host_ip = rules_is_set(host_ip) ? host_ip : "0.0.0.0";
	}
	strmap_release(&index);
	if (table->count)
		qsort(table->items, table->count, sizeof(*table->items), compare_ports);
}

void ports_drop_unpublished(struct rules *rules, struct port_table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct port *port = &table->items[i];

		if (port->internal || rules_is_set(port->host_port)) {
			table->items[kept++] = *port;
			continue;
		}
		rules_note(rules, REGISTER_REASON_NOT_PUBLISHED, port->key, "",
			   arena_printf(&rules->out->arena, "%s exposed, not published; network %s",
					port->key, rules->network_mode),
			   "use -internal or -p");
	}
	table->count = kept;
}

int port_number(const char *text)
{
	int64_t number;

	return text_parse_int(text, 0, 65535, &number) ? (int)number : 0;
}
