/* One function per kind of answer. Documents come from Consul or from whoever pretends to be it:
 * a missing member is the zero value, a wrong shape of the whole is an error. */
#include "binnacle/tmpl/data.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/encode.h"
#include "binnacle/base/strmap.h"
#include "binnacle/base/text.h"

/*
 * Where values are made. Many instances say the same things in the same words, the name of their
 * node above all: with `seen`, equal texts are one value. What has no text, no number and no
 * entries is the same value everywhere.
 */
struct maker {
	struct arena *arena;
	struct strmap *seen; /* may be NULL */
};

#define SEEN_MAX      16384 /* what comes after these is rarely met again */
#define SEEN_TEXT_MAX 128

/* What was made under this key before. Lists and maps have keys that a text could have as well, so
 * the type counts, too. */
static const struct tmpl_value *seen_before(const struct maker *maker, const char *key,
					    const struct tmpl_type *type)
{
	const struct tmpl_value *value = maker->seen ? strmap_get(maker->seen, key) : NULL;

	return value && value->type == type ? value : NULL;
}

static const struct tmpl_value *note_seen(const struct maker *maker, const char *key,
					  const struct tmpl_value *value)
{
	if (maker->seen && maker->seen->count < SEEN_MAX)
		strmap_put(maker->seen, key, (void *)(uintptr_t)value);
	return value;
}

/* A text that nobody else has. */
static const struct tmpl_value *make_own_str(const struct maker *maker, const char *text)
{
	return *text ? tmpl_str(maker->arena, text) : tmpl_zero(maker->arena, &tmpl_type_string);
}

static const struct tmpl_value *make_str(const struct maker *maker, const char *text)
{
	const struct tmpl_value *value;
	size_t len = strlen(text);

	if (!len || !maker->seen || len > SEEN_TEXT_MAX)
		return make_own_str(maker, text);
	value = seen_before(maker, text, &tmpl_type_string);
	return value ? value : note_seen(maker, text, tmpl_string(maker->arena, text, len));
}

static const struct tmpl_value *make_str_at(const struct maker *maker, const struct json *doc,
					    const char *path)
{
	return make_str(maker, json_str(doc, path, ""));
}

static const struct tmpl_value *make_int_at(const struct maker *maker, const struct json *doc,
					    const char *path)
{
	int64_t number = json_int(doc, path, 0);

	return number ? tmpl_int(maker->arena, number) : tmpl_zero(maker->arena, &tmpl_type_int);
}

static const struct tmpl_value *str_at(struct arena *arena, const struct json *doc,
				       const char *path)
{
	return tmpl_str(arena, json_str(doc, path, ""));
}

static const struct tmpl_value *uint_at(struct arena *arena, const struct json *doc,
					const char *path)
{
	double number = json_as_number(json_get(doc, path), 0);

	/* Flags and indices may use all 64 bits; what JSON's doubles cannot hold is cut. */
	if (!(number > 0))
		return tmpl_uint64(arena, 0);
	return tmpl_uint64(arena, number >= 18446744073709551615.0 ? UINT64_MAX : (uint64_t)number);
}

static const struct tmpl_value *int_at(struct arena *arena, const struct json *doc,
				       const char *path)
{
	return make_int_at(&(struct maker){ .arena = arena }, doc, path);
}

static struct tmpl_value *new_strings(const struct maker *maker, const struct json *list,
				      const struct tmpl_type *type)
{
	struct tmpl_value *made = tmpl_list_new(maker->arena, type);

	made->u.list.null = !json_is_array(list);
	JSON_EACH(item, list)
	tmpl_list_add(maker->arena, made, make_str(maker, json_as_str(item, "")));
	return made;
}

/* Instances of a service have the same tags, and mostly those of others. */
static const struct tmpl_value *make_strings(const struct maker *maker, const struct json *list,
					     const struct tmpl_type *type)
{
	struct strbuf key = STRBUF_INIT;
	const struct tmpl_value *value;

	if (!json_is_array(list) && type == &tmpl_type_strings)
		return tmpl_zero(maker->arena, type);
	if (!json_is_array(list) || !maker->seen)
		return new_strings(maker, list, type);
	strbuf_addstr(&key, type->name);
	JSON_EACH(item, list)
	{
		const char *text = json_as_str(item, "");

		strbuf_addf(&key, " %zu:%s", strlen(text), text);
	}
	value = seen_before(maker, key.buf, type);
	if (!value)
		value = note_seen(maker, key.buf, new_strings(maker, list, type));
	strbuf_release(&key);
	return value;
}

static const struct tmpl_value *strings_at(struct arena *arena, const struct json *list,
					   const struct tmpl_type *type)
{
	return make_strings(&(struct maker){ .arena = arena }, list, type);
}

static int compare_items(const void *a, const void *b)
{
	return tmpl_compare_strings(*(const struct tmpl_value *const *)a,
				    *(const struct tmpl_value *const *)b);
}

static void sort_items(const struct tmpl_value *list, int (*compare)(const void *, const void *))
{
	if (list->u.list.count > 1)
		qsort(list->u.list.items, list->u.list.count, sizeof(*list->u.list.items), compare);
}

static const struct tmpl_value *make_tags(const struct maker *maker, const struct json *list)
{
	const struct tmpl_value *tags = make_strings(maker, list, &tmpl_type_tags);
	struct tmpl_value *copy;

	sort_items(tags, compare_items);
	if (!tags->u.list.null)
		return tags;
	/* Copying tags for sorting makes an empty list of nil. */
	copy = tmpl_list_new(maker->arena, &tmpl_type_tags);
	return copy;
}

static const struct tmpl_value *tags_at(struct arena *arena, const struct json *list)
{
	return make_tags(&(struct maker){ .arena = arena }, list);
}

static const struct tmpl_value *make_string_map(const struct maker *maker,
						const struct json *object)
{
	struct tmpl_value *map;

	if (!json_is_object(object))
		return tmpl_zero(maker->arena, &tmpl_type_string_map);
	map = tmpl_map_new(maker->arena, &tmpl_type_string_map);
	JSON_EACH(member, object)
	tmpl_map_put(maker->arena, map, make_str(maker, json_key(member)),
		     make_str(maker, json_as_str(member, "")));
	return map;
}

static const struct tmpl_value *string_map_at(struct arena *arena, const struct json *object)
{
	return make_string_map(&(struct maker){ .arena = arena }, object);
}

static int compare_fields(const void *a, const void *b, const char *first, const char *second)
{
	const struct tmpl_value *one = *(const struct tmpl_value *const *)a;
	const struct tmpl_value *other = *(const struct tmpl_value *const *)b;
	int order =
		tmpl_compare_strings(tmpl_record_get(one, first), tmpl_record_get(other, first));

	return order ? order
		     : tmpl_compare_strings(tmpl_record_get(one, second),
					    tmpl_record_get(other, second));
}

static int compare_by_node_and_id(const void *a, const void *b)
{
	return compare_fields(a, b, "Node", "ID");
}

static int compare_by_name(const void *a, const void *b)
{
	return compare_fields(a, b, "Name", "Name");
}

static int compare_by_service_and_id(const void *a, const void *b)
{
	return compare_fields(a, b, "Service", "ID");
}

static int compare_by_node_and_address(const void *a, const void *b)
{
	return compare_fields(a, b, "Node", "Address");
}

/* What the checks of an instance come to. Maintenance is a check with a reserved name; else it is
 * the worst of all; "" for a state that nobody knows. */
struct verdict {
	bool critical, warning, unknown, maintenance;
};

static void weigh(struct verdict *verdict, const struct json *check)
{
	const char *id = json_str(check, "CheckID", "");
	const char *status = json_str(check, "Status", "");

	if (verdict->unknown || verdict->maintenance)
		return; /* the first of the two decides */
	if (strcmp(id, "_node_maintenance") == 0 || text_starts_with(id, "_service_maintenance:"))
		verdict->maintenance = true;
	else if (strcmp(status, "critical") == 0)
		verdict->critical = true;
	else if (strcmp(status, "warning") == 0)
		verdict->warning = true;
	else if (strcmp(status, "passing") != 0)
		verdict->unknown = true;
}

static const char *verdict_name(const struct verdict *verdict, unsigned *filter)
{
	*filter = verdict->maintenance ? DEP_FILTER_MAINTENANCE
		  : verdict->unknown   ? 0u
		  : verdict->critical  ? DEP_FILTER_CRITICAL
		  : verdict->warning   ? DEP_FILTER_WARNING
				       : DEP_FILTER_PASSING;
	return verdict->maintenance ? "maintenance"
	       : verdict->unknown   ? ""
	       : verdict->critical  ? "critical"
	       : verdict->warning   ? "warning"
				    : "passing";
}

static const struct tmpl_value *make_check(const struct maker *maker, const struct json *item)
{
	static const char *const texts[] = { "Node",  "CheckID", "Name",      "Status",
					     "Notes", "Output",  "ServiceID", "ServiceName" };
	static const bool is_own[] = { false, true, false, false, false, true, true, false };
	struct tmpl_value *check = tmpl_record_new(maker->arena, &tmpl_type_check);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		tmpl_record_set(check, texts[i],
				is_own[i] ? make_own_str(maker, json_str(item, texts[i], ""))
					  : make_str_at(maker, item, texts[i]));
	tmpl_record_set(check, "ServiceTags",
			make_strings(maker, json_get(item, "ServiceTags"), &tmpl_type_strings));
	return check;
}

/* A map of the node is the same for all that runs on it. */
static const struct tmpl_value *make_node_map(const struct maker *maker, const struct json *node,
					      const char *member)
{
	const struct json *object = json_member(node, member);
	struct strbuf key = STRBUF_INIT;
	const struct tmpl_value *value;

	if (!maker->seen || !json_first(object))
		return make_string_map(maker, object);
	strbuf_addf(&key, "%s of %s", member, json_str(node, "Node", ""));
	value = seen_before(maker, key.buf, &tmpl_type_string_map);
	if (!value)
		value = note_seen(maker, key.buf, make_string_map(maker, object));
	strbuf_release(&key);
	return value;
}

static const struct tmpl_value *make_addresses(const struct maker *maker, const struct json *object)
{
	struct arena *arena = maker->arena;
	struct tmpl_value *map;

	if (!json_is_object(object))
		return tmpl_zero(maker->arena, &tmpl_type_service_address_map);
	map = tmpl_map_new(arena, &tmpl_type_service_address_map);
	JSON_EACH(member, object)
	{
		struct tmpl_value *address = tmpl_record_new(arena, &tmpl_type_service_address);

		tmpl_record_set(address, "Address", make_str_at(maker, member, "Address"));
		tmpl_record_set(address, "Port", make_int_at(maker, member, "Port"));
		tmpl_map_put(arena, map, make_str(maker, json_key(member)), address);
	}
	return map;
}

/* Nearly all services have the weights that Consul gives them. */
static const struct tmpl_value *make_weights(const struct maker *maker, const struct json *service)
{
	static const struct tmpl_value one = { .type = &tmpl_type_int, .u.integer = 1 };
	static const struct tmpl_value *ones[] = { &one, &one };
	static const struct tmpl_value usual = { .type = &tmpl_type_weights, .u.fields = ones };
	struct tmpl_value *weights;

	if (json_int(service, "Weights.Passing", 0) == 1 &&
	    json_int(service, "Weights.Warning", 0) == 1)
		return &usual;
	weights = tmpl_record_new(maker->arena, &tmpl_type_weights);
	tmpl_record_set(weights, "Passing", make_int_at(maker, service, "Weights.Passing"));
	tmpl_record_set(weights, "Warning", make_int_at(maker, service, "Weights.Warning"));
	return weights;
}

static const struct tmpl_value *make_instance(const struct maker *maker, const struct json *node,
					      const struct json *service,
					      const struct tmpl_value *checks, const char *status)
{
	struct tmpl_value *made = tmpl_record_new(maker->arena, &tmpl_type_health_service);
	const char *address = json_str(service, "Address", "");

	if (!*address)
		address = json_str(node, "Address", "");
	tmpl_record_set(made, "Node", make_str_at(maker, node, "Node"));
	tmpl_record_set(made, "NodeID", make_str_at(maker, node, "ID"));
	tmpl_record_set(made, "NodeAddress", make_str_at(maker, node, "Address"));
	tmpl_record_set(made, "NodeTaggedAddresses", make_node_map(maker, node, "TaggedAddresses"));
	tmpl_record_set(made, "NodeMeta", make_node_map(maker, node, "Meta"));
	tmpl_record_set(made, "ServiceMeta", make_string_map(maker, json_get(service, "Meta")));
	tmpl_record_set(made, "Address", make_own_str(maker, address));
	tmpl_record_set(made, "ServiceTaggedAddresses",
			make_addresses(maker, json_get(service, "TaggedAddresses")));
	tmpl_record_set(made, "ID", make_own_str(maker, json_str(service, "ID", "")));
	tmpl_record_set(made, "Name", make_str_at(maker, service, "Service"));
	tmpl_record_set(made, "Tags", make_tags(maker, json_get(service, "Tags")));
	tmpl_record_set(made, "Checks", checks);
	tmpl_record_set(made, "Status", make_str(maker, status));
	tmpl_record_set(made, "Port", make_int_at(maker, service, "Port"));
	tmpl_record_set(made, "Weights", make_weights(maker, service));
	return made;
}

struct tmpl_check *tmpl_check_from_json(struct arena *arena, struct strmap *seen,
					const struct json *doc)
{
	struct tmpl_check *check = arena_alloc(arena, sizeof(*check));
	struct verdict verdict = { 0 };

	weigh(&verdict, doc);
	verdict_name(&verdict, &check->filter);
	check->value = make_check(&(struct maker){ arena, seen }, doc);
	return check;
}

/* The same rule as weigh(), over checks that have been read before. */
static void weigh_again(struct verdict *verdict, unsigned filter)
{
	if (verdict->unknown || verdict->maintenance)
		return;
	verdict->maintenance = filter == DEP_FILTER_MAINTENANCE;
	verdict->unknown = filter == 0;
	verdict->critical |= filter == DEP_FILTER_CRITICAL;
	verdict->warning |= filter == DEP_FILTER_WARNING;
}

static void add_checks(struct arena *arena, struct tmpl_value *list, struct verdict *verdict,
		       const struct tmpl_check *checks)
{
	for (; checks; checks = checks->next) {
		weigh_again(verdict, checks->filter);
		tmpl_list_add(arena, list, checks->value);
	}
}

const struct tmpl_value *
tmpl_instance_from_parts(struct arena *arena, struct strmap *seen, const struct json *node,
			 const struct json *service, const struct tmpl_check *node_checks,
			 const struct tmpl_check *service_checks, unsigned *filter)
{
	struct tmpl_value *checks = tmpl_list_new(arena, &tmpl_type_checks);
	struct verdict verdict = { 0 };
	const char *status;

	add_checks(arena, checks, &verdict, node_checks);
	add_checks(arena, checks, &verdict, service_checks);
	status = verdict_name(&verdict, filter);
	return make_instance(&(struct maker){ arena, seen }, node, service, checks, status);
}

void tmpl_health_services_sort(struct tmpl_value *list)
{
	sort_items(list, compare_by_node_and_id);
}

static bool expect_array(const struct json *doc, const char *what, struct err *err)
{
	if (!doc || json_is_null(doc) || json_is_array(doc))
		return true;
	return err_set(err, ERR_FORMAT, "%s: the answer is not a list", what);
}

const struct tmpl_value *tmpl_health_services_from_json(struct arena *arena, const struct json *doc,
							const struct dep *dep, struct err *err)
{
	struct tmpl_value *list = tmpl_list_new(arena, &tmpl_type_health_services);
	struct maker maker = { .arena = arena };

	if (!expect_array(doc, dep->text, err))
		return NULL;
	JSON_EACH(entry, doc)
	{
		const struct json *given = json_get(entry, "Checks");
		struct tmpl_value *checks;
		struct verdict verdict = { 0 };
		const char *status;
		unsigned filter;

		JSON_EACH(check, given)
		weigh(&verdict, check);
		status = verdict_name(&verdict, &filter);
		if (!(dep->filters & (filter | DEP_FILTER_ANY)))
			continue;
		checks = tmpl_list_new(arena, &tmpl_type_checks);
		checks->u.list.null = !json_is_array(given);
		JSON_EACH(check, given)
		tmpl_list_add(arena, checks, make_check(&maker, check));
		tmpl_list_add(arena, list,
			      make_instance(&maker, json_get(entry, "Node"),
					    json_get(entry, "Service"), checks, status));
	}
	if (!*dep->near)
		sort_items(list, compare_by_node_and_id);
	return list;
}

const struct tmpl_value *tmpl_services_from_json(struct arena *arena, const struct json *doc,
						 struct err *err)
{
	struct tmpl_value *list = tmpl_list_new(arena, &tmpl_type_snippets);

	if (doc && !json_is_object(doc)) {
		err_set(err, ERR_FORMAT, "catalog.services: the answer is not an object");
		return NULL;
	}
	JSON_EACH(member, doc)
	{
		struct tmpl_value *snippet = tmpl_record_new(arena, &tmpl_type_snippet);

		tmpl_record_set(snippet, "Name", tmpl_str(arena, json_key(member)));
		tmpl_record_set(snippet, "Tags", tags_at(arena, member));
		tmpl_list_add(arena, list, snippet);
	}
	sort_items(list, compare_by_name);
	return list;
}

static const struct tmpl_value *node_from(struct arena *arena, const struct json *doc)
{
	struct tmpl_value *node = tmpl_record_new(arena, &tmpl_type_node);

	tmpl_record_set(node, "ID", str_at(arena, doc, "ID"));
	tmpl_record_set(node, "Node", str_at(arena, doc, "Node"));
	tmpl_record_set(node, "Address", str_at(arena, doc, "Address"));
	tmpl_record_set(node, "Datacenter", str_at(arena, doc, "Datacenter"));
	tmpl_record_set(node, "TaggedAddresses",
			string_map_at(arena, json_get(doc, "TaggedAddresses")));
	tmpl_record_set(node, "Meta", string_map_at(arena, json_get(doc, "Meta")));
	return node;
}

static const struct tmpl_value *node_service_from(struct arena *arena, const struct json *doc)
{
	struct tmpl_value *made = tmpl_record_new(arena, &tmpl_type_node_service);

	tmpl_record_set(made, "ID", str_at(arena, doc, "ID"));
	tmpl_record_set(made, "Service", str_at(arena, doc, "Service"));
	tmpl_record_set(made, "Tags", tags_at(arena, json_get(doc, "Tags")));
	tmpl_record_set(made, "Meta", string_map_at(arena, json_get(doc, "Meta")));
	tmpl_record_set(made, "Port", int_at(arena, doc, "Port"));
	tmpl_record_set(made, "Address", str_at(arena, doc, "Address"));
	tmpl_record_set(made, "EnableTagOverride",
			tmpl_bool(json_bool(doc, "EnableTagOverride", false)));
	return made;
}

const struct tmpl_value *tmpl_catalog_node_from_json(struct arena *arena, const struct json *doc,
						     struct err *err)
{
	struct tmpl_value *made = tmpl_record_new(arena, &tmpl_type_catalog_node);
	struct tmpl_value *services = tmpl_list_new(arena, &tmpl_type_node_services);

	if (doc && !json_is_null(doc) && !json_is_object(doc)) {
		err_set(err, ERR_FORMAT, "catalog.node: the answer is not an object");
		return NULL;
	}
	if (json_is_object(json_get(doc, "Node")))
		tmpl_record_set(made, "Node", node_from(arena, json_get(doc, "Node")));
	JSON_EACH(member, json_get(doc, "Services"))
	tmpl_list_add(arena, services, node_service_from(arena, member));
	sort_items(services, compare_by_service_and_id);
	tmpl_record_set(made, "Services", services);
	return made;
}

const struct tmpl_value *tmpl_nodes_from_json(struct arena *arena, const struct json *doc,
					      const struct dep *dep, struct err *err)
{
	struct tmpl_value *list = tmpl_list_new(arena, &tmpl_type_nodes);

	if (!expect_array(doc, dep->text, err))
		return NULL;
	JSON_EACH(item, doc)
	tmpl_list_add(arena, list, node_from(arena, item));
	if (!*dep->near)
		sort_items(list, compare_by_node_and_address);
	return list;
}

const struct tmpl_value *tmpl_datacenters_from_json(struct arena *arena, const struct json *doc,
						    struct err *err)
{
	const struct tmpl_value *list;

	if (!expect_array(doc, "catalog.datacenters", err))
		return NULL;
	list = strings_at(arena, doc, &tmpl_type_strings);
	sort_items(list, compare_items);
	return list;
}

static const struct tmpl_value *pair_value(struct arena *arena, const struct json *pair,
					   struct err *err)
{
	const char *encoded = json_str(pair, "Value", "");
	struct strbuf value = STRBUF_INIT;

	if (!base64_decode(&value, encoded, strlen(encoded), BASE64_STANDARD, NULL)) {
		err_set(err, ERR_FORMAT, "key %s: the value is not base64",
			json_str(pair, "Key", "?"));
		return NULL;
	}
	return tmpl_string_from(arena, &value);
}

const struct tmpl_value *tmpl_key_from_json(struct arena *arena, const struct json *doc,
					    struct err *err)
{
	if (!expect_array(doc, "kv.get", err))
		return NULL;
	if (!json_first(doc))
		return tmpl_nil();
	return pair_value(arena, json_first(doc), err);
}

const struct tmpl_value *tmpl_key_pairs_from_json(struct arena *arena, const struct json *doc,
						  const struct dep *dep, struct err *err)
{
	struct tmpl_value *list = tmpl_list_new(arena, &tmpl_type_key_pairs);

	if (!expect_array(doc, dep->text, err))
		return NULL;
	JSON_EACH(item, doc)
	{
		struct tmpl_value *pair = tmpl_record_new(arena, &tmpl_type_key_pair);
		const struct tmpl_value *value = pair_value(arena, item, err);
		const char *path = json_str(item, "Key", ""), *key = path;

		if (!value)
			return NULL;
		if (text_starts_with(path, dep->name))
			key = path + strlen(dep->name);
		while (*key == '/')
			key++;
		tmpl_record_set(pair, "Path", tmpl_str(arena, path));
		tmpl_record_set(pair, "Key", tmpl_str(arena, key));
		tmpl_record_set(pair, "Value", value);
		tmpl_record_set(pair, "CreateIndex", uint_at(arena, item, "CreateIndex"));
		tmpl_record_set(pair, "ModifyIndex", uint_at(arena, item, "ModifyIndex"));
		tmpl_record_set(pair, "LockIndex", uint_at(arena, item, "LockIndex"));
		tmpl_record_set(pair, "Flags", uint_at(arena, item, "Flags"));
		tmpl_record_set(pair, "Session", str_at(arena, item, "Session"));
		tmpl_list_add(arena, list, pair);
	}
	return list;
}

const struct tmpl_value *tmpl_ca_roots_from_json(struct arena *arena, const struct json *doc,
						 struct err *err)
{
	struct tmpl_value *list = tmpl_list_new(arena, &tmpl_type_ca_roots);

	if (!expect_array(json_get(doc, "Roots"), "connect.caroots", err))
		return NULL;
	JSON_EACH(item, json_get(doc, "Roots"))
	{
		struct tmpl_value *root = tmpl_record_new(arena, &tmpl_type_ca_root);

		tmpl_record_set(root, "ID", str_at(arena, item, "ID"));
		tmpl_record_set(root, "Name", str_at(arena, item, "Name"));
		tmpl_record_set(root, "RootCertPEM", str_at(arena, item, "RootCert"));
		tmpl_record_set(root, "Active", tmpl_bool(json_bool(item, "Active", false)));
		tmpl_record_set(root, "CreateIndex", uint_at(arena, item, "CreateIndex"));
		tmpl_record_set(root, "ModifyIndex", uint_at(arena, item, "ModifyIndex"));
		tmpl_list_add(arena, list, root);
	}
	return list;
}

const struct tmpl_value *tmpl_ca_leaf_from_json(struct arena *arena, const struct json *doc,
						struct err *err)
{
	static const char *const texts[] = { "SerialNumber", "CertPEM",    "PrivateKeyPEM",
					     "Service",      "ServiceURI", "ValidAfter",
					     "ValidBefore" };
	struct tmpl_value *leaf = tmpl_record_new(arena, &tmpl_type_ca_leaf);

	if (doc && !json_is_object(doc)) {
		err_set(err, ERR_FORMAT, "connect.caleaf: the answer is not an object");
		return NULL;
	}
	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		tmpl_record_set(leaf, texts[i], str_at(arena, doc, texts[i]));
	tmpl_record_set(leaf, "CreateIndex", uint_at(arena, doc, "CreateIndex"));
	tmpl_record_set(leaf, "ModifyIndex", uint_at(arena, doc, "ModifyIndex"));
	return leaf;
}

static int compare_by_service(const void *a, const void *b)
{
	return compare_fields(a, b, "Service", "Service");
}

static const struct tmpl_value *partition_from(struct arena *arena, const struct json *item)
{
	struct tmpl_value *made = tmpl_record_new(arena, &tmpl_type_partition);

	tmpl_record_set(made, "Name", str_at(arena, item, "Name"));
	tmpl_record_set(made, "Description", str_at(arena, item, "Description"));
	return made;
}

static const struct tmpl_value *peering_from(struct arena *arena, const struct json *item)
{
	static const char *const texts[] = { "Name", "Partition", "PeerID", "PeerServerName" };
	struct tmpl_value *made = tmpl_record_new(arena, &tmpl_type_peering);

	for (size_t i = 0; i < sizeof(texts) / sizeof(texts[0]); i++)
		tmpl_record_set(made, texts[i], str_at(arena, item, texts[i]));
	tmpl_record_set(made, "PeeringState", str_at(arena, item, "State"));
	tmpl_record_set(made, "Meta", string_map_at(arena, json_get(item, "Meta")));
	tmpl_record_set(
		made, "PeerServerAddresses",
		strings_at(arena, json_get(item, "PeerServerAddresses"), &tmpl_type_strings));
	return made;
}

static const struct tmpl_value *exported_service_from(struct arena *arena, const struct json *item)
{
	static const char *const lists[] = { "Peers", "Partitions", "SamenessGroups" };
	struct tmpl_value *made = tmpl_record_new(arena, &tmpl_type_exported_service);
	struct tmpl_value *consumers = tmpl_record_new(arena, &tmpl_type_consumers);
	const struct json *object = json_get(item, "Consumers");

	for (size_t i = 0; i < sizeof(lists) / sizeof(lists[0]); i++)
		tmpl_record_set(consumers, lists[i],
				strings_at(arena, json_get(object, lists[i]), &tmpl_type_strings));
	tmpl_record_set(made, "Service", str_at(arena, item, "Service"));
	tmpl_record_set(made, "Consumers", consumers);
	return made;
}

typedef const struct tmpl_value *item_from_fn(struct arena *arena, const struct json *item);

static const struct tmpl_value *list_from(struct arena *arena, const struct json *doc,
					  const struct dep *dep, const struct tmpl_type *type,
					  item_from_fn *item_from,
					  int (*compare)(const void *, const void *),
					  struct err *err)
{
	struct tmpl_value *list = tmpl_list_new(arena, type);

	if (!expect_array(doc, dep->text, err))
		return NULL;
	JSON_EACH(item, doc)
	tmpl_list_add(arena, list, item_from(arena, item));
	sort_items(list, compare);
	return list;
}

const struct tmpl_value *tmpl_value_from_json(struct arena *arena, const struct dep *dep,
					      const struct json *doc, struct err *err)
{
	const struct tmpl_value *value;

	switch (dep->kind) {
	case DEP_SERVICE:
	case DEP_CONNECT:
		return tmpl_health_services_from_json(arena, doc, dep, err);
	case DEP_SERVICES:
		return tmpl_services_from_json(arena, doc, err);
	case DEP_NODE:
		return tmpl_catalog_node_from_json(arena, doc, err);
	case DEP_NODES:
		return tmpl_nodes_from_json(arena, doc, dep, err);
	case DEP_DATACENTERS:
		return tmpl_datacenters_from_json(arena, doc, err);
	case DEP_KEY:
		value = tmpl_key_from_json(arena, doc, err);
		if (!value || value->type->kind != TMPL_NIL)
			return value;
		err_set(err, ERR_NOT_FOUND, "key %s does not exist", dep->name);
		return NULL;
	case DEP_KEY_EXISTS:
		return tmpl_key_from_json(arena, doc, err);
	case DEP_LS:
	case DEP_TREE:
		return tmpl_key_pairs_from_json(arena, doc, dep, err);
	case DEP_CA_ROOTS:
		return tmpl_ca_roots_from_json(arena, doc, err);
	case DEP_CA_LEAF:
		return tmpl_ca_leaf_from_json(arena, doc, err);
	case DEP_PARTITIONS:
		return list_from(arena, doc, dep, &tmpl_type_partitions, partition_from,
				 compare_by_name, err);
	case DEP_PEERINGS:
		return list_from(arena, doc, dep, &tmpl_type_peerings, peering_from,
				 compare_by_name, err);
	case DEP_EXPORTED_SERVICES:
		return list_from(arena, doc, dep, &tmpl_type_exported_services,
				 exported_service_from, compare_by_service, err);
	case DEP_FILE:
	case DEP_PLUGIN:
		break;
	}
	err_set(err, ERR_INPUT, "%s has no JSON form", dep->text);
	return NULL;
}

const struct tmpl_value *tmpl_value_unknown(struct arena *arena, enum dep_kind kind)
{
	switch (kind) {
	case DEP_SERVICE:
	case DEP_CONNECT:
		return tmpl_list_new(arena, &tmpl_type_health_services);
	case DEP_SERVICES:
		return tmpl_list_new(arena, &tmpl_type_snippets);
	case DEP_NODE:
		return tmpl_zero(arena, &tmpl_type_catalog_node);
	case DEP_NODES:
		return tmpl_list_new(arena, &tmpl_type_nodes);
	case DEP_DATACENTERS:
		return tmpl_list_new(arena, &tmpl_type_strings);
	case DEP_KEY_EXISTS:
	case DEP_CA_ROOTS:
	case DEP_CA_LEAF:
		return tmpl_nil();
	case DEP_LS:
	case DEP_TREE:
		return tmpl_list_new(arena, &tmpl_type_key_pairs);
	case DEP_PARTITIONS:
		return tmpl_list_new(arena, &tmpl_type_partitions);
	case DEP_PEERINGS:
		return tmpl_list_new(arena, &tmpl_type_peerings);
	case DEP_EXPORTED_SERVICES:
		return tmpl_list_new(arena, &tmpl_type_exported_services);
	case DEP_KEY:
	case DEP_FILE:
	case DEP_PLUGIN:
		break;
	}
	return tmpl_str(arena, "");
}
