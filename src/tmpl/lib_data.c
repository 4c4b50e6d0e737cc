/* The functions that ask the outside world: each names a dependency and returns its answer, or
 * the value for an answer not yet known. */
#include <string.h>

#include "funcs.h"

/* All arguments as one query. */
static char *join_args(struct call *call, const char *between)
{
	struct strbuf text = STRBUF_INIT;
	char *joined;

	for (size_t i = 0; i < call->count; i++) {
		if (i)
			strbuf_addstr(&text, between);
		strbuf_add(&text, arg_str(call, i), arg_len(call, i));
	}
	joined = arena_strndup(call->arena, text.buf, text.len);
	strbuf_release(&text);
	return joined;
}

static const struct tmpl_value *ask(struct call *call, const struct dep *dep, const struct err *err)
{
	bool known;

	if (!dep)
		return call_fail(call, "%s", err->msg);
	return call_lookup(call, dep, &known);
}

static const struct tmpl_value *ask_service(struct call *call, enum dep_kind kind)
{
	const char *query = join_args(call, "|");
	struct err err = { 0 };

	if (!*query)
		return tmpl_value_unknown(call->arena, kind);
	return ask(call, dep_parse_service(call->arena, kind, query, &err), &err);
}

static const struct tmpl_value *data_service(struct call *call)
{
	return ask_service(call, DEP_SERVICE);
}

static const struct tmpl_value *data_connect(struct call *call)
{
	return ask_service(call, DEP_CONNECT);
}

static const struct tmpl_value *data_services(struct call *call)
{
	struct err err = { 0 };

	return ask(call, dep_parse_services(call->arena, join_args(call, ""), &err), &err);
}

static const struct tmpl_value *data_node(struct call *call)
{
	struct err err = { 0 };

	return ask(call, dep_parse_node(call->arena, join_args(call, ""), &err), &err);
}

static const struct tmpl_value *data_nodes(struct call *call)
{
	struct err err = { 0 };

	return ask(call, dep_parse_nodes(call->arena, join_args(call, ""), &err), &err);
}

static const struct tmpl_value *data_datacenters(struct call *call)
{
	struct dep *dep = arena_alloc(call->arena, sizeof(*dep));
	struct err err = { 0 };

	if (call->count > 1)
		return call_fail(call,
				 "datacenters: wrong number of arguments, expected 0 or 1"
				 ", but got %zu",
				 call->count);
	*dep = *dep_plain(call->arena, DEP_DATACENTERS, "");
	dep->skip_unreachable = call->count && call->args[0]->u.boolean;
	return ask(call, dep, &err);
}

static const struct dep *parse_key(struct call *call, enum dep_kind kind)
{
	struct err err = { 0 };
	const struct dep *dep = dep_parse_kv(call->arena, kind, arg_str(call, 0), &err);

	if (!dep)
		call_fail(call, "%s", err.msg);
	return dep;
}

static const struct tmpl_value *data_key(struct call *call)
{
	const struct dep *dep;
	const struct tmpl_value *value;
	bool known;

	if (!arg_len(call, 0))
		return call->args[0];
	dep = parse_key(call, DEP_KEY);
	if (!dep)
		return NULL;
	value = call_lookup(call, dep, &known);
	if (value->type->kind != TMPL_NIL)
		return value;
	/* A source may know that the key is absent; for this function it is not there yet. */
	call_note_missing(call, dep);
	return tmpl_value_unknown(call->arena, DEP_KEY);
}

static const struct tmpl_value *data_key_exists(struct call *call)
{
	const struct dep *dep;
	bool known;

	if (!arg_len(call, 0))
		return tmpl_bool(false);
	dep = parse_key(call, DEP_KEY_EXISTS);
	if (!dep)
		return NULL;
	return tmpl_bool(call_lookup(call, dep, &known)->type->kind == TMPL_STRING);
}

static const struct tmpl_value *data_key_or_default(struct call *call)
{
	const struct dep *dep;
	const struct tmpl_value *value;
	bool known;

	if (!arg_len(call, 0))
		return call->args[1];
	dep = parse_key(call, DEP_KEY_EXISTS);
	if (!dep)
		return NULL;
	value = call_lookup(call, dep, &known);
	return tmpl_is_true(value) ? value : call->args[1];
}

static bool is_child(const struct tmpl_value *key)
{
	return key->u.string.len && !memchr(key->u.string.text, '/', key->u.string.len);
}

static bool is_leaf(const struct tmpl_value *key)
{
	return key->u.string.len && key->u.string.text[key->u.string.len - 1] != '/';
}

/* The pairs below a prefix whose key `wanted` accepts. */
static const struct tmpl_value *
list_pairs(struct call *call, bool (*wanted)(const struct tmpl_value *), bool empty_is_missing)
{
	struct tmpl_value *list = tmpl_list_new(call->arena, &tmpl_type_key_pairs);
	const struct tmpl_value *all;
	const struct dep *dep;
	bool known;

	if (!arg_len(call, 0))
		return list;
	dep = parse_key(call, DEP_TREE);
	if (!dep)
		return NULL;
	all = call_lookup(call, dep, &known);
	for (size_t i = 0; all->type->kind == TMPL_LIST && i < all->u.list.count; i++)
		if (wanted(tmpl_record_get(all->u.list.items[i], "Key")))
			tmpl_list_add(call->arena, list, all->u.list.items[i]);
	if (empty_is_missing && list->u.list.count == 0)
		call_note_missing(call, dep);
	return list;
}

static const struct tmpl_value *data_ls(struct call *call)
{
	return list_pairs(call, is_child, false);
}

static const struct tmpl_value *data_safe_ls(struct call *call)
{
	return list_pairs(call, is_child, true);
}

static const struct tmpl_value *data_tree(struct call *call)
{
	return list_pairs(call, is_leaf, false);
}

static const struct tmpl_value *data_safe_tree(struct call *call)
{
	return list_pairs(call, is_leaf, true);
}

static const struct tmpl_value *data_file(struct call *call)
{
	struct err err = { 0 };

	if (!arg_len(call, 0))
		return call->args[0];
	return ask(call, dep_plain(call->arena, DEP_FILE, arg_str(call, 0)), &err);
}

static const struct tmpl_value *data_ca_roots(struct call *call)
{
	struct err err = { 0 };

	return ask(call, dep_plain(call->arena, DEP_CA_ROOTS, ""), &err);
}

static const struct tmpl_value *data_ca_leaf(struct call *call)
{
	struct err err = { 0 };

	if (!arg_len(call, 0))
		return tmpl_nil();
	return ask(call, dep_plain(call->arena, DEP_CA_LEAF, arg_str(call, 0)), &err);
}

static const struct tmpl_value *data_partitions(struct call *call)
{
	struct err err = { 0 };

	return ask(call, dep_plain(call->arena, DEP_PARTITIONS, ""), &err);
}

/* "" or "?partition=NAME" */
static const struct tmpl_value *data_peerings(struct call *call)
{
	static const char parameter[] = "?partition=";
	const char *query = join_args(call, "");
	struct err err = { 0 };

	if (strncmp(query, parameter, strlen(parameter)) == 0)
		query += strlen(parameter);
	else if (*query)
		return call_fail(call, "list.peerings: invalid format: \"%s\"", query);
	return ask(call, dep_plain(call->arena, DEP_PEERINGS, query), &err);
}

static const struct tmpl_value *data_exported_services(struct call *call)
{
	struct err err = { 0 };

	return ask(call, dep_plain(call->arena, DEP_EXPORTED_SERVICES, join_args(call, "")), &err);
}

const struct tmpl_func data_funcs[] = {
	{ "service", "s*", data_service },
	{ "connect", "s*", data_connect },
	{ "services", "s*", data_services },
	{ "node", "s*", data_node },
	{ "nodes", "s*", data_nodes },
	{ "datacenters", "b*", data_datacenters },
	{ "key", "s", data_key },
	{ "keyExists", "s", data_key_exists },
	{ "keyOrDefault", "ss", data_key_or_default },
	{ "ls", "s", data_ls },
	{ "safeLs", "s", data_safe_ls },
	{ "tree", "s", data_tree },
	{ "safeTree", "s", data_safe_tree },
	{ "file", "s", data_file },
	{ "caRoots", "", data_ca_roots },
	{ "caLeaf", "s", data_ca_leaf },
	{ "partitions", "", data_partitions },
	{ "peerings", "s*", data_peerings },
	{ "exportedServices", "s*", data_exported_services },
	{ NULL, NULL, NULL },
};
