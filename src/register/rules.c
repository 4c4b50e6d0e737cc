/*
 * One pass per container: the port table, then a service per port. The metadata is evaluated once
 * per port, because keys may name one (SERVICE_80_NAME). Everything is allocated in the result's
 * arena.
 *
 * Ports are taken by number, so that equal documents give equal results; Registrator's own order
 * is random.
 */
#include "binnacle/register/rules.h"

#include <assert.h>
#include <ctype.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "check.h"
#include "metadata.h"
#include "tags.h"

enum { META_VALUE_MAX = 512, META_KEY_MAX = 128, META_COUNT_MAX = 64 };

struct port {
	const char *key;    /* "80/tcp" */
	const char *number; /* "80" */
	const char *proto;
	const char *host_port; /* "": exposed, not published */
	const char *host_ip;
	bool listed; /* Docker reports on it, published or not */
};

struct port_table {
	struct port *items;
	size_t count, cap;
};

/* What stays the same for all ports of a container. */
struct rules {
	const struct register_options *options;
	const struct json *inspect, *peer;
	struct register_wanted *out;
	struct metadata_source metadata;
	const char *hostname, *network_mode;
	bool internal;
	bool is_group; /* more than one port: names get the port as a suffix */
};

static struct arena *arena_of(struct rules *rules)
{
	return &rules->out->arena;
}

static void add_note(struct rules *rules, enum register_note_kind kind, const char *port,
		     const char *service, const char *text, const char *remedy)
{
	struct register_wanted *out = rules->out;

	/* What holds for the whole container is found once per port. */
	for (size_t i = 0; i < out->note_count; i++) {
		if (strcmp(out->notes[i].port, port) == 0 && strcmp(out->notes[i].text, text) == 0)
			return;
	}
	GROW(out->notes, out->note_count, out->note_cap);
	out->notes[out->note_count++] = (struct register_note){
		.kind = kind,
		.port = arena_strdup(&out->arena, port),
		.service = arena_strdup(&out->arena, service),
		.text = arena_strdup(&out->arena, text),
		.remedy = arena_strdup(&out->arena, remedy),
	};
}

static bool is_set(const char *text)
{
	return text && *text;
}

static struct port *find_port(struct port_table *table, const char *key)
{
	for (size_t i = 0; i < table->count; i++) {
		if (strcmp(table->items[i].key, key) == 0)
			return &table->items[i];
	}
	return NULL;
}

static struct port *add_port(struct rules *rules, struct port_table *table, const char *key)
{
	const char *slash = strchr(key, '/');
	struct port *port;

	GROW(table->items, table->count, table->cap);
	port = &table->items[table->count++];
	*port = (struct port){ 0 };
	port->key = arena_strdup(arena_of(rules), key);
	port->number =
		arena_strndup(arena_of(rules), key, slash ? (size_t)(slash - key) : strlen(key));
	port->proto = slash ? arena_strdup(arena_of(rules), slash + 1) : "tcp";
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
static void collect_ports(struct rules *rules, struct port_table *table)
{
	JSON_EACH(exposed, json_get(rules->inspect, "Config.ExposedPorts"))
	{
		struct port *port;

		if (find_port(table, json_key(exposed)))
			continue;
		port = add_port(rules, table, json_key(exposed));
		port->host_port = port->number;
		port->host_ip = "0.0.0.0";
	}
	JSON_EACH(listed, json_get(rules->inspect, "NetworkSettings.Ports"))
	{
		struct port *port = find_port(table, json_key(listed));
		const struct json *binding = json_is_array(listed) ? json_first(listed) : NULL;
		const char *host_ip = json_str(binding, "HostIp", "");

		if (!port)
			port = add_port(rules, table, json_key(listed));
		port->listed = true;
		port->host_port = json_str(binding, "HostPort", "");
		port->host_ip = is_set(host_ip) ? host_ip : "0.0.0.0";
	}
	if (table->count)
		qsort(table->items, table->count, sizeof(*table->items), compare_ports);
}

static void drop_unpublished(struct rules *rules, struct port_table *table)
{
	size_t kept = 0;

	for (size_t i = 0; i < table->count; i++) {
		const struct port *port = &table->items[i];

		if (is_set(port->host_port)) {
			table->items[kept++] = *port;
			continue;
		}
		add_note(rules, REGISTER_NOTE_IGNORED, port->key, "",
			 arena_printf(arena_of(rules), "%s exposed, not published; network %s",
				      port->key, rules->network_mode),
			 "use -internal or -p");
	}
	table->count = kept;
}

/* The network by its name, or by the id when the container was started with that. */
static const struct json *find_network(const struct json *inspect, const char *mode)
{
	const struct json *networks = json_get(inspect, "NetworkSettings.Networks");
	const struct json *network = json_member(networks, mode);

	if (network)
		return network;
	JSON_EACH(item, networks)
	{
		if (*mode && strcmp(json_str(item, "NetworkID", ""), mode) == 0)
			return item;
	}
	return NULL;
}

static bool is_builtin_network(const char *mode)
{
	return strcmp(mode, "bridge") == 0 || strcmp(mode, "default") == 0 ||
	       strcmp(mode, "host") == 0;
}

static bool is_any_address(const char *address)
{
	return strcmp(address, "0.0.0.0") == 0 || strcmp(address, "::") == 0;
}

static const char *host_address(const struct rules *rules, const struct port *port)
{
	const struct register_options *options = rules->options;
	const char *address = port->host_ip ? port->host_ip : "0.0.0.0";

	if (!is_builtin_network(rules->network_mode))
		address = json_str(find_network(rules->inspect, rules->network_mode), "IPAddress",
				   "");
	if (is_any_address(address) && is_set(options->host_ip))
		address = options->host_ip;
	return is_set(options->ip) ? options->ip : address;
}

/* The first attached network by name that has an address. */
static const char *any_address(const struct json *inspect)
{
	const struct json *found = NULL;

	JSON_EACH(network, json_get(inspect, "NetworkSettings.Networks"))
	{
		if (*json_str(network, "IPAddress", "") &&
		    (!found || strcmp(json_key(network), json_key(found)) < 0))
			found = network;
	}
	return json_str(found, "IPAddress", "");
}

static const char *container_address(const struct json *inspect)
{
	/* Newer daemons give the default bridge's address in the list of networks alone. */
	const char *address = json_str(inspect, "NetworkSettings.IPAddress", "");
	const char *mode = json_str(inspect, "HostConfig.NetworkMode", "");

	if (!*address)
		address = json_str(find_network(inspect, "bridge"), "IPAddress", "");
	if (!*address)
		address = json_str(find_network(inspect, mode), "IPAddress", "");
	return *address ? address : any_address(inspect);
}

static const char *internal_address(const struct rules *rules)
{
	const char *address = "";

	/* Chosen for its network: then it is that network's address. */
	if (!rules->options->internal)
		address = json_str(find_network(rules->inspect, rules->network_mode), "IPAddress",
				   "");
	return *address ? address : container_address(rules->inspect);
}

static const char *label_address(struct rules *rules, const char *otherwise)
{
	const char *key = rules->options->use_ip_from_label;
	const struct json *labels = json_get(rules->inspect, "Config.Labels");
	const char *value = json_as_str(json_member(labels, key), "");
	const char *slash = strrchr(value, '/');

	if (!*value) {
		add_note(rules, REGISTER_NOTE_WARNING, "", "",
			 arena_printf(arena_of(rules), "label %s for the address is missing", key),
			 "set the label, or leave -useIpFromLabel out");
		return otherwise;
	}
	return slash ? arena_strndup(arena_of(rules), value, (size_t)(slash - value)) : value;
}

/* An address is a text, a port a number: what is none becomes 0. */
static int port_number(const char *text)
{
	int64_t number;

	return text_parse_int(text, 0, 65535, &number) ? (int)number : 0;
}

static void set_address(struct rules *rules, const struct port *port,
			struct register_service *service)
{
	const char *address = rules->internal ? internal_address(rules) : host_address(rules, port);
	const char *number = rules->internal ? port->number : port->host_port;

	if (is_set(rules->options->use_ip_from_label))
		address = label_address(rules, address);
	if (rules->peer)
		address = container_address(rules->peer);
	service->address = arena_strdup(arena_of(rules), address);
	service->port = port_number(number);
}

static void warn_about_address(struct rules *rules, const struct port *port,
			       const struct register_service *service)
{
	const struct register_options *options = rules->options;
	bool user_network = !is_builtin_network(rules->network_mode);
	const char *text = NULL, *remedy = "";

	if (!*service->address) {
		text = "empty address: consumers take the node's";
		remedy = rules->internal ? "leave -internal out for the host network, or use "
					   "-useIpFromLabel"
					 : "use -internal or -ip";
	} else if (is_any_address(service->address)) {
		text = "the host's own address is unknown";
		remedy = "use -ip, or make the hostname resolve";
	} else if (text_starts_with(service->address, "127.") && !options->ip &&
		   is_any_address(port->host_ip) && !rules->internal) {
		text = "the hostname resolves to a loopback address, which other hosts cannot "
		       "reach";
		remedy = "use -ip";
	} else if (!rules->internal && user_network && !rules->peer && port->listed &&
		   !is_set(options->ip) && !is_set(options->use_ip_from_label)) {
		text = "the container's address with the port published on the host: nothing "
		       "listens there";
		remedy = "use -internal or -internal-networks";
	}
	if (text)
		add_note(rules, REGISTER_NOTE_WARNING, port->key, service->name, text, remedy);
}

/* The image's last path element up to the first colon. */
static const char *default_name(struct rules *rules)
{
	const char *image = json_str(rules->inspect, "Config.Image", "");
	const char *slash = strrchr(image, '/');
	const char *base = slash ? slash + 1 : image;

	return arena_strndup(arena_of(rules), base, strcspn(base, ":"));
}

static const char *service_name(struct rules *rules, const struct port *port,
				const struct metadata *metadata)
{
	const struct metadata_entry *given = metadata_find(metadata, "name");
	const char *name = given && *given->value ? given->value : default_name(rules);

	if (rules->is_group && !(given && given->from_port))
		return arena_printf(arena_of(rules), "%s-%s", name, port->number);
	return arena_strdup(arena_of(rules), name);
}

static const char *service_id(struct rules *rules, const struct port *port,
			      const struct metadata *metadata)
{
	const char *given = metadata_value(metadata, "id");
	/* A machine without a name is called by its address. */
	const char *host = *rules->hostname ? rules->hostname : host_address(rules, port);

	if (*given)
		return arena_strdup(arena_of(rules), given);
	return arena_printf(arena_of(rules), "%s:%s:%s%s", host, rules->out->container_name,
			    port->number, strcmp(port->proto, "udp") == 0 ? ":udp" : "");
}

static void set_tags(struct rules *rules, const struct port *port, const struct metadata *metadata,
		     struct register_service *service)
{
	bool reversed = !rules->options->tags_given_order;
	struct tag_list tags = { 0 };
	const char **copy;

	tags_add_list(&tags, arena_of(rules), metadata_value(metadata, "tags"), reversed);
	tags_add_list(&tags, arena_of(rules), rules->options->tags ? rules->options->tags : "",
		      reversed);
	if (strcmp(port->proto, "udp") == 0)
		tags_add_list(&tags, arena_of(rules), "udp", reversed);
	copy = arena_alloc(arena_of(rules), (tags.count + 1) * sizeof(*copy));
	for (size_t i = 0; i < tags.count; i++)
		copy[i] = tags.items[i];
	service->tags = copy;
	service->tag_count = tags.count;
	tags_release(&tags);
}

/* Consul refuses the whole registration for one attribute that it does not like. */
static const char *why_not_attribute(const char *key)
{
	if (!*key)
		return "an attribute without a name";
	if (strlen(key) > META_KEY_MAX)
		return "its name is longer than 128 bytes";
	if (text_starts_with(key, "consul-"))
		return "names that begin with consul- are reserved";
	for (const char *p = key; *p; p++) {
		if (!isalnum((unsigned char)*p) && *p != '_' && *p != '-')
			return "its name has characters other than letters, digits, _ and -";
	}
	return NULL;
}

static int compare_pairs(const void *a, const void *b)
{
	return strcmp(((const struct register_pair *)a)->key,
		      ((const struct register_pair *)b)->key);
}

/* Cut at a character's boundary. */
static const char *cut_value(struct rules *rules, const char *value)
{
	size_t len = META_VALUE_MAX;

	if (strlen(value) <= len)
		return arena_strdup(arena_of(rules), value);
	while (len && ((unsigned char)value[len] & 0xc0) == 0x80)
		len--;
	return arena_strndup(arena_of(rules), value, len);
}

static void set_meta(struct rules *rules, const struct port *port, const struct metadata *metadata,
		     struct register_service *service)
{
	struct register_pair *meta =
		arena_alloc(arena_of(rules), (metadata->count + 1) * sizeof(*meta));
	struct arena *arena = arena_of(rules);
	size_t count = 0;

	for (size_t i = 0; i < metadata->count; i++) {
		const struct metadata_entry *entry = &metadata->items[i];
		const char *why = why_not_attribute(entry->key);

		if (strcmp(entry->key, "name") == 0 || strcmp(entry->key, "id") == 0 ||
		    strcmp(entry->key, "tags") == 0 ||
		    register_glob_list(rules->options->meta_exclude, entry->key))
			continue;
		if (!why && count == META_COUNT_MAX)
			why = "there are more than 64";
		if (why) {
			add_note(rules, REGISTER_NOTE_WARNING, port->key, service->name,
				 arena_printf(arena, "attribute %.130s left out: %s", entry->key,
					      why),
				 "rename the SERVICE_ key");
			continue;
		}
		if (strlen(entry->value) > META_VALUE_MAX)
			add_note(rules, REGISTER_NOTE_WARNING, port->key, service->name,
				 arena_printf(arena, "attribute %s cut to 512 bytes", entry->key),
				 "");
		meta[count++] = (struct register_pair){ .key = arena_strdup(arena, entry->key),
							.value = cut_value(rules, entry->value) };
	}
	qsort(meta, count, sizeof(*meta), compare_pairs);
	service->meta = meta;
	service->meta_count = count;
}

static bool is_no_word(const char *value)
{
	return strcmp(value, "0") == 0 || strcmp(value, "false") == 0 || strcmp(value, "no") == 0 ||
	       strcmp(value, "off") == 0;
}

/* Does the metadata leave the port out? */
static bool is_left_out(struct rules *rules, const struct port *port,
			const struct metadata *metadata)
{
	const char *ignore = metadata_value(metadata, "ignore");

	if (*ignore) {
		add_note(rules, REGISTER_NOTE_IGNORED, port->key, "", "SERVICE_IGNORE is set",
			 is_no_word(ignore) ? "any value counts, also false and 0: leave the key "
					      "out or empty"
					    : "");
		return true;
	}
	if (rules->options->explicit_only && !*metadata_value(metadata, "name")) {
		add_note(rules, REGISTER_NOTE_IGNORED, port->key, "", "no SERVICE_NAME; -explicit",
			 arena_printf(arena_of(rules), "set SERVICE_NAME or SERVICE_%s_NAME",
				      port->number));
		return true;
	}
	return false;
}

static bool is_id_taken(const struct register_wanted *out, const char *id)
{
	for (size_t i = 0; i < out->service_count; i++) {
		if (strcmp(out->services[i].id, id) == 0)
			return true;
	}
	return false;
}

static void add_service(struct rules *rules, const struct port *port)
{
	struct register_wanted *out = rules->out;
	struct register_service service = { 0 };
	struct metadata metadata = { 0 };

	metadata_for_port(&rules->metadata, port->number, &metadata);
	if (is_left_out(rules, port, &metadata))
		goto out;
	service.name = service_name(rules, port, &metadata);
	service.id = service_id(rules, port, &metadata);
	if (is_id_taken(out, service.id)) {
		add_note(rules, REGISTER_NOTE_IGNORED, port->key, service.name,
			 arena_printf(&out->arena, "id %s is taken by another port of it",
				      service.id),
			 "set SERVICE_<port>_ID per port");
		goto out;
	}
	service.container_id = out->container_id;
	service.container_name = out->container_name;
	service.container_port = port_number(port->number);
	service.proto = port->proto;
	service.ttl_s = rules->options->ttl_s;
	set_address(rules, port, &service);
	set_tags(rules, port, &metadata, &service);
	set_meta(rules, port, &metadata, &service);
	check_from_metadata(&service, &metadata, &out->arena);
	if (!*service.name)
		add_note(rules, REGISTER_NOTE_WARNING, port->key, "", "the service has no name",
			 "set SERVICE_NAME");
	warn_about_address(rules, port, &service);
	if (is_no_word(metadata_value(&metadata, "check_tcp")))
		add_note(rules, REGISTER_NOTE_WARNING, port->key, service.name,
			 "SERVICE_CHECK_TCP makes a check whatever its value",
			 "leave the key out or empty");
	GROW(out->services, out->service_count, out->service_cap);
	out->services[out->service_count++] = service;
out:
	metadata_release(&metadata);
}

/* Keys that look as if they meant something. */
static void warn_about_keys(struct rules *rules, const struct port_table *table)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < rules->metadata.count; i++) {
		const struct metadata_given *given = &rules->metadata.items[i];
		const char *remedy = metadata_look_alike(given->key);
		bool matches = !given->port;

		for (size_t p = 0; p < table->count && !matches; p++)
			matches = strcmp(table->items[p].number, given->port) == 0;
		strbuf_reset(&text);
		if (!matches) {
			strbuf_addf(&text, "SERVICE_%.20s_… names no port of the container",
				    given->port);
			remedy = "use the container's own port number";
		} else if (remedy) {
			strbuf_addstr(&text, "SERVICE_");
			for (const char *c = given->key; *c; c++)
				strbuf_addch(&text, (char)toupper((unsigned char)*c));
			strbuf_addstr(&text, " is an ordinary attribute");
		}
		if (remedy)
			add_note(rules, REGISTER_NOTE_WARNING, "", "", text.buf, remedy);
	}
	strbuf_release(&text);
	if (rules->metadata.has_lower_case_prefix)
		add_note(rules, REGISTER_NOTE_WARNING, "", "",
			 "keys that begin with service_ have no meaning", "write SERVICE_");
}

static const char *own_hostname(struct arena *arena)
{
	char name[256];

	if (gethostname(name, sizeof(name)) != 0)
		return "";
	name[sizeof(name) - 1] = '\0';
	return arena_strdup(arena, name);
}

static void add_services(struct rules *rules)
{
	struct port_table table = { 0 };

	collect_ports(rules, &table);
	if (!table.count)
		add_note(rules, REGISTER_NOTE_IGNORED, "", "", "no exposed or published ports",
			 "use EXPOSE in the image, --expose or -p");
	warn_about_keys(rules, &table);
	if (!rules->internal)
		drop_unpublished(rules, &table);
	rules->is_group = table.count > 1;
	for (size_t i = 0; i < table.count; i++)
		add_service(rules, &table.items[i]);
	free(table.items);
}

void register_rules(const struct register_options *options, const struct json *inspect,
		    const struct json *peer, struct register_wanted *out)
{
	struct rules rules = { .options = options, .inspect = inspect, .peer = peer, .out = out };
	const char *name = json_str(inspect, "Name", "");

	assert(!out->services && !out->notes);
	out->container_id = arena_strdup(&out->arena, json_str(inspect, "Id", ""));
	out->container_name = arena_strdup(&out->arena, *name == '/' ? name + 1 : name);
	out->running = json_bool(inspect, "State.Running", false);
	out->exit_code = json_int(inspect, "State.ExitCode", 0);
	if (!out->running)
		return;
	rules.hostname = options->hostname ? options->hostname : own_hostname(&out->arena);
	rules.network_mode = json_str(inspect, "HostConfig.NetworkMode", "");
	if (!*rules.network_mode)
		rules.network_mode = "default";
	rules.internal = options->internal ||
			 register_glob_list(options->internal_networks, rules.network_mode);
	metadata_collect(&rules.metadata, inspect, &out->arena);
	add_services(&rules);
	metadata_source_release(&rules.metadata);
}

void register_wanted_release(struct register_wanted *wanted)
{
	free(wanted->services);
	free(wanted->notes);
	arena_release(&wanted->arena);
	*wanted = (struct register_wanted){ 0 };
}

const char *register_peer(const struct json *inspect)
{
	static const char prefix[] = "container:";
	const char *mode = json_str(inspect, "HostConfig.NetworkMode", "");

	return text_starts_with(mode, prefix) && mode[sizeof(prefix) - 1]
		       ? mode + sizeof(prefix) - 1
		       : NULL;
}

bool register_options_check(const struct register_options *options, struct err *err)
{
	if ((options->ttl_s > 0) != (options->ttl_refresh_s > 0))
		return err_set(err, ERR_INPUT,
			       "-ttl and -ttl-refresh must be specified together or not at all");
	if (options->ttl_s > 0 && options->ttl_s <= options->ttl_refresh_s)
		return err_set(err, ERR_INPUT, "-ttl must be greater than -ttl-refresh");
	if (options->tags && strstr(options->tags, "{{"))
		return err_set(err, ERR_INPUT,
			       "-tags: template actions are not supported here; give plain text");
	return true;
}

static bool texts_equal(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

static bool checks_equal(const struct register_check *a, const struct register_check *b)
{
	for (size_t i = 0; i < COUNT_OF(a->script_args); i++) {
		if (!texts_equal(a->script_args[i], b->script_args[i]))
			return false;
	}
	return texts_equal(a->http, b->http) && texts_equal(a->method, b->method) &&
	       texts_equal(a->ttl, b->ttl) && texts_equal(a->tcp, b->tcp) &&
	       texts_equal(a->grpc, b->grpc) && a->grpc_use_tls == b->grpc_use_tls &&
	       a->tls_skip_verify == b->tls_skip_verify && texts_equal(a->interval, b->interval) &&
	       texts_equal(a->timeout, b->timeout) && texts_equal(a->status, b->status) &&
	       texts_equal(a->deregister_after, b->deregister_after);
}

bool register_service_equal(const struct register_service *a, const struct register_service *b)
{
	if (!texts_equal(a->id, b->id) || !texts_equal(a->name, b->name) ||
	    !texts_equal(a->address, b->address) || a->port != b->port ||
	    a->tag_count != b->tag_count || a->meta_count != b->meta_count)
		return false;
	for (size_t i = 0; i < a->tag_count; i++) {
		if (strcmp(a->tags[i], b->tags[i]) != 0)
			return false;
	}
	for (size_t i = 0; i < a->meta_count; i++) {
		if (strcmp(a->meta[i].key, b->meta[i].key) != 0 ||
		    strcmp(a->meta[i].value, b->meta[i].value) != 0)
			return false;
	}
	return checks_equal(&a->check, &b->check);
}

/* One pattern of `len` bytes. Only the last star is ever tried again, so the work is bounded. */
static bool glob_matches(const char *pattern, size_t len, const char *text)
{
	const char *end = pattern + len, *star = NULL, *resume = NULL;

	while (*text) {
		if (pattern < end && *pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (pattern < end && (*pattern == '?' || *pattern == *text)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

bool register_glob_list(const char *list, const char *text)
{
	while (is_set(list)) {
		size_t len = strcspn(list, ",");
		const char *start = list, *end = list + len;

		while (start < end && *start == ' ')
			start++;
		while (end > start && end[-1] == ' ')
			end--;
		if (start < end && glob_matches(start, (size_t)(end - start), text))
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}
