#include "binnacle/consul/shapes.h"

#include <stddef.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"

/* clang-format off */
static const struct json_field member_fields[] = {
	JSON_STR(struct consul_member, name, "Name", REQUIRED),
	JSON_STR(struct consul_member, address, "Addr", OPTIONAL),
	JSON_INT(struct consul_member, port, "Port", OPTIONAL),
	JSON_INT(struct consul_member, status, "Status", REQUIRED),
	JSON_STR(struct consul_member, role, "Tags.role", OPTIONAL),
	JSON_STR(struct consul_member, build, "Tags.build", OPTIONAL),
	JSON_STR(struct consul_member, datacenter, "Tags.dc", OPTIONAL),
	JSON_STR(struct consul_member, id, "Tags.id", OPTIONAL),
};
static const struct json_shape member_shape = JSON_SHAPE(struct consul_member, member_fields);

static const struct json_field check_fields[] = {
	JSON_STR(struct consul_check, node, "Node", OPTIONAL),
	JSON_STR(struct consul_check, id, "CheckID", REQUIRED),
	JSON_STR(struct consul_check, name, "Name", OPTIONAL),
	JSON_STR(struct consul_check, status, "Status", REQUIRED),
	JSON_STR(struct consul_check, notes, "Notes", OPTIONAL),
	JSON_STR(struct consul_check, output, "Output", OPTIONAL),
	JSON_STR(struct consul_check, type, "Type", OPTIONAL),
	JSON_STR(struct consul_check, service_id, "ServiceID", OPTIONAL),
	JSON_STR(struct consul_check, service_name, "ServiceName", OPTIONAL),
	JSON_LIST(struct consul_check, service_tags, "ServiceTags", OPTIONAL, NULL),
	JSON_INT(struct consul_check, modify_index, "ModifyIndex", OPTIONAL),
};
static const struct json_shape check_shape = JSON_SHAPE(struct consul_check, check_fields);

static const struct json_field instance_fields[] = {
	JSON_STR(struct consul_instance, node, "Node.Node", REQUIRED),
	JSON_STR(struct consul_instance, node_id, "Node.ID", OPTIONAL),
	JSON_STR(struct consul_instance, node_address, "Node.Address", OPTIONAL),
	JSON_STR(struct consul_instance, datacenter, "Node.Datacenter", OPTIONAL),
	JSON_STR(struct consul_instance, id, "Service.ID", REQUIRED),
	JSON_STR(struct consul_instance, service, "Service.Service", REQUIRED),
	JSON_STR(struct consul_instance, address, "Service.Address", OPTIONAL),
	JSON_INT(struct consul_instance, port, "Service.Port", OPTIONAL),
	JSON_LIST(struct consul_instance, tags, "Service.Tags", OPTIONAL, NULL),
	JSON_MAP(struct consul_instance, meta, "Service.Meta", OPTIONAL),
	JSON_LIST(struct consul_instance, checks, "Checks", OPTIONAL, &check_shape),
	JSON_INT(struct consul_instance, create_index, "Service.CreateIndex", OPTIONAL),
	JSON_INT(struct consul_instance, modify_index, "Service.ModifyIndex", OPTIONAL),
};
static const struct json_shape instance_shape = JSON_SHAPE(struct consul_instance, instance_fields);

static const struct json_field agent_service_fields[] = {
	JSON_STR(struct consul_agent_service, id, "ID", REQUIRED),
	JSON_STR(struct consul_agent_service, service, "Service", REQUIRED),
	JSON_STR(struct consul_agent_service, address, "Address", OPTIONAL),
	JSON_STR(struct consul_agent_service, datacenter, "Datacenter", OPTIONAL),
	JSON_INT(struct consul_agent_service, port, "Port", OPTIONAL),
	JSON_LIST(struct consul_agent_service, tags, "Tags", OPTIONAL, NULL),
	JSON_MAP(struct consul_agent_service, meta, "Meta", OPTIONAL),
};
static const struct json_shape agent_service_shape =
	JSON_SHAPE(struct consul_agent_service, agent_service_fields);

static const struct json_field self_fields[] = {
	JSON_STR(struct consul_self, node, "Config.NodeName", REQUIRED),
	JSON_STR(struct consul_self, node_id, "Config.NodeID", OPTIONAL),
	JSON_STR(struct consul_self, datacenter, "Config.Datacenter", OPTIONAL),
	JSON_STR(struct consul_self, version, "Config.Version", OPTIONAL),
	JSON_STR(struct consul_self, address, "Member.Addr", OPTIONAL),
	JSON_BOOL(struct consul_self, server, "Config.Server", OPTIONAL),
};
static const struct json_shape self_shape = JSON_SHAPE(struct consul_self, self_fields);
/* clang-format on */

bool consul_decode_members(const struct json *doc, struct arena *arena, struct json_list *members,
			   struct err *err)
{
	return json_decode_list(doc, &member_shape, members, arena, err);
}

const char *consul_member_status_name(int64_t status)
{
	static const char *const names[] = { "none", "alive", "leaving", "left", "failed" };

	return status >= 0 && status < (int64_t)COUNT_OF(names) ? names[status] : "unknown";
}

bool consul_decode_leader(const struct json *doc, struct arena *arena, const char **leader,
			  struct err *err)
{
	if (!json_is_string(doc))
		return err_set(err, ERR_FORMAT, "the leader is not a text");
	*leader = arena_strdup(arena, json_as_str(doc, ""));
	return true;
}

static bool decode_strings(const struct json *array, const char *name, struct json_list *list,
			   struct arena *arena, struct err *err)
{
	const char **items;

	*list = (struct json_list){ 0 };
	if (json_is_null(array))
		return true;
	if (!json_is_array(array))
		return err_set(err, ERR_FORMAT, "%s is not a list", name);
	items = arena_alloc(arena, (json_count(array) + 1) * sizeof(*items));
	JSON_EACH(item, array)
	{
		if (!json_is_string(item))
			return err_set(err, ERR_FORMAT, "%s[%zu] is not a text", name, list->count);
		items[list->count++] = arena_strdup(arena, json_as_str(item, ""));
	}
	list->items = items;
	return true;
}

bool consul_decode_service_names(const struct json *doc, struct arena *arena,
				 struct json_list *names, struct err *err)
{
	struct consul_service_name *items;

	*names = (struct json_list){ 0 };
	if (!json_is_object(doc))
		return err_set(err, ERR_FORMAT, "the list of services is not an object");
	items = arena_alloc(arena, (json_count(doc) + 1) * sizeof(*items));
	JSON_EACH(tags, doc)
	{
		struct consul_service_name *item = &items[names->count++];

		item->name = arena_strdup(arena, json_key(tags));
		if (!decode_strings(tags, item->name, &item->tags, arena, err))
			return false;
	}
	names->items = items;
	return true;
}

bool consul_decode_checks(const struct json *doc, struct arena *arena, struct json_list *checks,
			  struct err *err)
{
	return json_decode_list(doc, &check_shape, checks, arena, err);
}

bool consul_decode_instances(const struct json *doc, struct arena *arena,
			     struct json_list *instances, struct err *err)
{
	return json_decode_list(doc, &instance_shape, instances, arena, err);
}

bool consul_decode_agent_services(const struct json *doc, struct arena *arena,
				  struct json_list *services, struct err *err)
{
	struct consul_agent_service *items;

	*services = (struct json_list){ 0 };
	if (!json_is_object(doc))
		return err_set(err, ERR_FORMAT, "the list of services is not an object");
	items = arena_alloc(arena, (json_count(doc) + 1) * sizeof(*items));
	JSON_EACH(service, doc)
	{
		if (!json_decode(service, &agent_service_shape, &items[services->count++], arena,
				 err))
			return err_context(err, "%s", json_key(service));
	}
	services->items = items;
	return true;
}

bool consul_decode_self(const struct json *doc, struct arena *arena, struct consul_self *self,
			struct err *err)
{
	*self = (struct consul_self){ 0 };
	return json_decode(doc, &self_shape, self, arena, err);
}
