/*
 * consul/shapes.h - the documents of the agent as structs.
 *
 *     struct json_list checks;
 *     if (!consul_decode_checks(doc, &arena, &checks, &err))
 *         ...
 *     const struct consul_check *check = checks.items;
 *
 * Everything is copied into the arena; the document may go. Unknown members are ignored, a wrong
 * type is ERR_FORMAT with the path. Strings are never NULL. Lists of strings hold const char *,
 * maps hold struct json_pair.
 *
 * Reference: Consul HTTP API: Agent, Catalog, Health, Status.
 */
#ifndef BINNACLE_CONSUL_SHAPES_H
#define BINNACLE_CONSUL_SHAPES_H

#include <stdbool.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/json_decode.h"
#include "binnacle/base/mem.h"

struct json;

/* /v1/agent/members: the gossip pool as this agent sees it. */
enum consul_member_status {
	CONSUL_MEMBER_NONE = 0,
	CONSUL_MEMBER_ALIVE = 1,
	CONSUL_MEMBER_LEAVING = 2,
	CONSUL_MEMBER_LEFT = 3,
	CONSUL_MEMBER_FAILED = 4,
};
struct consul_member {
	const char *name, *address;
	int64_t port;
	int64_t status;    /* enum consul_member_status, or what a newer agent says */
	const char *role;  /* "consul" for servers, "node" for clients */
	const char *build; /* "1.13.2:0e046bbb" */
	const char *datacenter, *id;
};
bool consul_decode_members(const struct json *doc, struct arena *arena, struct json_list *members,
			   struct err *err);
const char *consul_member_status_name(int64_t status); /* "alive" … "failed", "unknown" */

/* /v1/status/leader: "10.0.0.1:8300", "" without a leader. */
bool consul_decode_leader(const struct json *doc, struct arena *arena, const char **leader,
			  struct err *err);

/* /v1/catalog/services: names with the tags of all their instances. */
struct consul_service_name {
	const char *name;
	struct json_list tags;
};
bool consul_decode_service_names(const struct json *doc, struct arena *arena,
				 struct json_list *names, struct err *err);

/* /v1/health/state/any, /v1/health/node/NAME, /v1/health/checks/NAME */
struct consul_check {
	const char *node, *id, *name;
	const char *status; /* "passing", "warning", "critical", "maintenance" */
	const char *notes, *output, *type;
	const char *service_id, *service_name; /* "" for checks of the node */
	struct json_list service_tags;
	int64_t modify_index;
};
bool consul_decode_checks(const struct json *doc, struct arena *arena, struct json_list *checks,
			  struct err *err);

/* /v1/health/service/NAME: one per instance. */
struct consul_instance {
	const char *node, *node_id, *node_address, *datacenter;
	const char *id, *service;
	const char *address; /* of the service; "": that of the node counts */
	int64_t port;
	struct json_list tags, meta, checks; /* checks: struct consul_check */
	int64_t create_index, modify_index;
};
bool consul_decode_instances(const struct json *doc, struct arena *arena,
			     struct json_list *instances, struct err *err);

/* /v1/agent/services: what is registered with this agent, by id. */
struct consul_agent_service {
	const char *id, *service, *address, *datacenter;
	int64_t port;
	struct json_list tags, meta;
};
bool consul_decode_agent_services(const struct json *doc, struct arena *arena,
				  struct json_list *services, struct err *err);

/* /v1/agent/self */
struct consul_self {
	const char *node, *node_id, *datacenter, *version, *address;
	bool server;
};
bool consul_decode_self(const struct json *doc, struct arena *arena, struct consul_self *self,
			struct err *err);

#endif
