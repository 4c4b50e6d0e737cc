/*
 * One pass per container: the port table, then a service per port. The metadata is evaluated once
 * per port, because keys may name one (SERVICE_80_NAME). Everything is allocated in the result's
 * arena.
 */
#include "binnacle/register/rules.h"

#include <assert.h>
#include <ctype.h>
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "check.h"
#include "metadata.h"
#include "rules_private.h"
#include "tags.h"
#include "tags_template.h"

enum { META_VALUE_MAX = 512, META_KEY_MAX = 128, META_COUNT_MAX = 64 };

void rules_note(struct rules *rules, enum register_note_reason reason, const char *port,
		const char *service, const char *text, const char *remedy)
{
	struct register_wanted *out = rules->out;
	const char *mark = arena_printf(&out->arena, "%s %s", port, text);

	/* What holds for the whole container is found once per port. */
	if (strmap_has(&rules->noted, mark))
		return;
	strmap_put(&rules->noted, mark, rules);
	GROW(out->notes, out->note_count, out->note_cap);
	out->notes[out->note_count++] = (struct register_note){
		.kind = reason ? REGISTER_NOTE_IGNORED : REGISTER_NOTE_WARNING,
		.reason = reason,
		.port = arena_strdup(&out->arena, port),
		.service = arena_strdup(&out->arena, service),
		.text = arena_strdup(&out->arena, text),
		.remedy = arena_strdup(&out->arena, remedy),
	};
}

bool rules_is_set(const char *text)
{
	return text && *text;
}

/* The image's last path element up to the first colon. */
static const char *default_name(struct rules *rules)
{
	const char *image = json_str(rules->inspect, "Config.Image", "");
	size_t end = strlen(image), start;

	/* Slashes at the end do not begin an element. */
	while (end && image[end - 1] == '/')
		end--;
	for (start = end; start && image[start - 1] != '/';)
		start--;
	image = arena_strndup(&rules->out->arena, image + start, end - start);
	return arena_strndup(&rules->out->arena, image, strcspn(image, ":"));
}

static const char *service_name(struct rules *rules, const struct port *port,
				const struct metadata *metadata)
{
	const struct metadata_entry *given = metadata_find(metadata, "name");
	const char *name = given && *given->value ? given->value : default_name(rules);

	if (rules->is_group && !(given && given->from_port))
		return arena_printf(&rules->out->arena, "%s-%s", name, port->number);
	return arena_strdup(&rules->out->arena, name);
}

static const char *service_id(struct rules *rules, const struct port *port,
			      const struct metadata *metadata)
{
	const char *given = metadata_value(metadata, "id");
	/* A machine without a name is called by its address. */
	const char *host = *rules->hostname ? rules->hostname : address_of_host(rules, port);

	if (*given)
		return arena_strdup(&rules->out->arena, given);
	return arena_printf(&rules->out->arena, "%s:%s:%s%s", host, rules->out->container_name,
			    port->number, strcmp(port->proto, "udp") == 0 ? ":udp" : "");
}

static void set_tags(struct rules *rules, const struct port *port, const struct metadata *metadata,
		     struct register_service *service)
{
	bool reversed = !rules->options->tags_given_order;
	struct tag_list tags = { 0 };
	const char **copy;

	tags_add_list(&tags, &rules->out->arena, metadata_value(metadata, "tags"), reversed);
	tags_add_list(&tags, &rules->out->arena, rules->forced_tags, reversed);
	if (strcmp(port->proto, "udp") == 0)
		tags_add_list(&tags, &rules->out->arena, "udp", reversed);
	copy = arena_alloc(&rules->out->arena, (tags.count + 1) * sizeof(*copy));
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
		return arena_strdup(&rules->out->arena, value);
	while (len && ((unsigned char)value[len] & 0xc0) == 0x80)
		len--;
	return arena_strndup(&rules->out->arena, value, len);
}

/* Keys that have become something else. */
static bool is_consumed(const struct rules *rules, const char *key)
{
	return strcmp(key, "name") == 0 || strcmp(key, "id") == 0 || strcmp(key, "tags") == 0 ||
	       (rules->options->container_keys &&
		(strcmp(key, "internal") == 0 || strcmp(key, "ip") == 0)) ||
	       (rules_is_set(rules->options->registered_by) && strcmp(key, "registered-by") == 0);
}

static void set_meta(struct rules *rules, const struct port *port, const struct metadata *metadata,
		     struct register_service *service)
{
	struct register_pair *meta =
		arena_alloc(&rules->out->arena, (metadata->count + 2) * sizeof(*meta));
	struct arena *arena = &rules->out->arena;
	size_t count = 0;

	if (rules_is_set(rules->options->registered_by))
		meta[count++] = (struct register_pair){
			.key = "registered-by",
			.value = arena_strdup(arena, rules->options->registered_by)
		};

	for (size_t i = 0; i < metadata->count; i++) {
		const struct metadata_entry *entry = &metadata->items[i];
		const char *why = why_not_attribute(entry->key);

		if (is_consumed(rules, entry->key) ||
		    register_glob_list(rules->options->meta_exclude, entry->key))
			continue;
		if (!why && count == META_COUNT_MAX)
			why = "there are more than 64";
		if (why) {
			rules_note(rules, REGISTER_REASON_NONE, port->key, service->name,
				   arena_printf(arena, "attribute %.130s left out: %s", entry->key,
						why),
				   "rename the SERVICE_ key");
			continue;
		}
		if (strlen(entry->value) > META_VALUE_MAX)
			rules_note(rules, REGISTER_REASON_NONE, port->key, service->name,
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
		rules_note(rules, REGISTER_REASON_LEFT_OUT, port->key, "", "SERVICE_IGNORE is set",
			   is_no_word(ignore) ? "any value counts, also false and 0: leave the key "
						"out or empty"
					      : "");
		return true;
	}
	if (rules->options->explicit_only && !*metadata_value(metadata, "name")) {
		rules_note(rules, REGISTER_REASON_LEFT_OUT, port->key, "",
			   "no SERVICE_NAME; -explicit",
			   arena_printf(&rules->out->arena, "set SERVICE_NAME or SERVICE_%s_NAME",
					port->number));
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
	if (strmap_has(&rules->ids, service.id)) {
		rules_note(rules, REGISTER_REASON_LEFT_OUT, port->key, service.name,
			   arena_printf(&out->arena, "id %s is taken by another port of it",
					service.id),
			   "set SERVICE_<port>_ID per port");
		goto out;
	}
	service.container_id = out->container_id;
	service.container_name = out->container_name;
	service.container_hostname =
		arena_strdup(&out->arena, json_str(rules->inspect, "Config.Hostname", ""));
	service.container_port = port_number(port->number);
	service.proto = port->proto;
	service.ttl_s = rules->options->ttl_s;
	address_set(rules, port, &service);
	set_tags(rules, port, &metadata, &service);
	set_meta(rules, port, &metadata, &service);
	check_from_metadata(&service, &metadata, &out->arena);
	if (!*service.name)
		rules_note(rules, REGISTER_REASON_NONE, port->key, "", "the service has no name",
			   "set SERVICE_NAME");
	address_warn(rules, port, &service);
	if (is_no_word(metadata_value(&metadata, "check_tcp")))
		rules_note(rules, REGISTER_REASON_NONE, port->key, service.name,
			   "SERVICE_CHECK_TCP makes a check whatever its value",
			   "leave the key out or empty");
	strmap_put(&rules->ids, service.id, rules);
	GROW(out->services, out->service_count, out->service_cap);
	out->services[out->service_count++] = service;
out:
	metadata_release(&metadata);
}

/* Keys that look as if they meant something. */
static void warn_about_keys(struct rules *rules, const struct port_table *table)
{
	struct strmap numbers = STRMAP_INIT;
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < table->count; i++)
		strmap_put(&numbers, table->items[i].number, rules);
	for (size_t i = 0; i < rules->metadata.count; i++) {
		const struct metadata_given *given = &rules->metadata.items[i];
		const char *remedy = metadata_look_alike(given->key);
		bool matches = !given->port || strmap_has(&numbers, given->port);

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
			rules_note(rules, REGISTER_REASON_NONE, "", "", text.buf, remedy);
	}
	strbuf_release(&text);
	strmap_release(&numbers);
	if (rules->metadata.has_lower_case_prefix)
		rules_note(rules, REGISTER_REASON_NONE, "", "",
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

/* A template that does not fit this container costs it the forced tags, not its registration. */
static void evaluate_tags(struct rules *rules)
{
	const char *tags = rules->options->tags;
	struct strbuf text = STRBUF_INIT;
	struct err err;

	rules->forced_tags = tags ? tags : "";
	if (!tags_template_is_one(tags))
		return;
	if (!tags_template_run(tags, rules->inspect, rules->options->fetched, rules->out, &text,
			       &err))
		rules_note(rules, REGISTER_REASON_NONE, "", "", err.msg, "correct -tags");
	rules->forced_tags = arena_strdup(&rules->out->arena, text.buf);
	strbuf_release(&text);
}

/* Go's words for yes and no. */
static bool parse_word(const char *text, bool *out)
{
	static const char *const yes[] = { "1", "t", "T", "true", "TRUE", "True" };
	static const char *const no[] = { "0", "f", "F", "false", "FALSE", "False" };

	for (size_t i = 0; i < COUNT_OF(yes); i++) {
		if (strcmp(text, yes[i]) == 0 || strcmp(text, no[i]) == 0) {
			*out = strcmp(text, yes[i]) == 0;
			return true;
		}
	}
	return false;
}

/* What the options say about the port, or the container itself when it may. */
static void ask_container(struct rules *rules, struct port *port)
{
	struct metadata metadata = { 0 };
	const char *word, *ip;

	port->internal = rules->internal;
	if (!rules->options->container_keys)
		return;
	metadata_for_port(&rules->metadata, port->number, &metadata);
	word = metadata_value(&metadata, "internal");
	ip = metadata_value(&metadata, "ip");
	if (*word && !parse_word(word, &port->internal))
		rules_note(rules, REGISTER_REASON_NONE, port->key, "",
			   arena_printf(&rules->out->arena, "SERVICE_INTERNAL is \"%.40s\"", word),
			   "write true or false");
	if (*ip)
		port->forced_ip = ip;
	metadata_release(&metadata);
}

static void add_services(struct rules *rules)
{
	struct port_table table = { 0 };

	ports_collect(rules, &table);
	if (!table.count)
		rules_note(rules, REGISTER_REASON_NO_PORTS, "", "", "no exposed or published ports",
			   "use EXPOSE in the image, --expose or -p");
	warn_about_keys(rules, &table);
	for (size_t i = 0; i < table.count; i++)
		ask_container(rules, &table.items[i]);
	ports_drop_unpublished(rules, &table);
	rules->is_group = table.count > 1;
	for (size_t i = 0; i < table.count; i++)
		add_service(rules, &table.items[i]);
	free(table.items);
}

/* "SIGQUIT", "QUIT" or "3"; SIGTERM when nothing is said. */
static int stop_signal(const char *text)
{
	static const struct {
		const char *name;
		int number;
	} table[] = {
		{ "TERM", SIGTERM }, { "QUIT", SIGQUIT }, { "INT", SIGINT },   { "HUP", SIGHUP },
		{ "USR1", SIGUSR1 }, { "USR2", SIGUSR2 }, { "KILL", SIGKILL }, { "ABRT", SIGABRT },
		{ "WINCH", 28 },     { "PWR", 30 },       { "RTMIN+3", 37 },
	};
	int64_t number;

	if (text_parse_int(text, 1, 64, &number))
		return (int)number;
	if (text_starts_with(text, "SIG"))
		text += 3;
	for (size_t i = 0; i < COUNT_OF(table); i++) {
		if (strcmp(text, table[i].name) == 0)
			return table[i].number;
	}
	return SIGTERM;
}

void register_rules(const struct register_options *options, const struct json *inspect,
		    const struct json *peer, struct register_wanted *out)
{
	struct rules rules = { .options = options, .inspect = inspect, .peer = peer, .out = out };
	const char *name = json_str(inspect, "Name", "");

	assert(!out->services && !out->notes);
	out->container_id = arena_strdup(&out->arena, json_str(inspect, "Id", ""));
	out->container_name = arena_strdup(&out->arena, *name == '/' ? name + 1 : name);
	/* A document that does not tell is of a daemon that lists what runs. */
	out->running = json_bool(inspect, "State.Running", true);
	out->stop_signal = stop_signal(json_str(inspect, "Config.StopSignal", ""));
	out->exit_code = json_int(inspect, "State.ExitCode", 0);
	if (!out->running)
		return;
	rules.hostname = options->hostname ? options->hostname : own_hostname(&out->arena);
	rules.network_mode = json_str(inspect, "HostConfig.NetworkMode", "");
	rules.internal = options->internal ||
			 register_glob_list(options->internal_networks, rules.network_mode);
	evaluate_tags(&rules);
	metadata_collect(&rules.metadata, inspect, &out->arena);
	add_services(&rules);
	metadata_source_release(&rules.metadata);
	strmap_release(&rules.noted);
	strmap_release(&rules.ids);
}

void register_wanted_release(struct register_wanted *wanted)
{
	free(wanted->services);
	free(wanted->notes);
	free(wanted->urls);
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
	return tags_template_check(options->tags, err);
}
