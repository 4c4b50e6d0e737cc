/* The types that values can have, with Go's names for them. Fields of records stand in the order
 * in which Go declares them: that is the order of printing and of JSON. */
#include "binnacle/base/list.h"
#include "binnacle/tmpl/value.h"

const struct tmpl_type tmpl_type_any = { .kind = TMPL_NIL, .name = "interface {}" };
const struct tmpl_type tmpl_type_bool = { .kind = TMPL_BOOL, .name = "bool" };
const struct tmpl_type tmpl_type_int = { .kind = TMPL_INT, .name = "int" };
const struct tmpl_type tmpl_type_int64 = { .kind = TMPL_INT, .name = "int64" };
const struct tmpl_type tmpl_type_uint64 = { .kind = TMPL_UINT, .name = "uint64" };
const struct tmpl_type tmpl_type_uint8 = { .kind = TMPL_UINT, .name = "uint8" };
const struct tmpl_type tmpl_type_float64 = { .kind = TMPL_FLOAT, .name = "float64" };
const struct tmpl_type tmpl_type_complex128 = { .kind = TMPL_COMPLEX, .name = "complex128" };
const struct tmpl_type tmpl_type_string = { .kind = TMPL_STRING, .name = "string" };
const struct tmpl_type tmpl_type_time = { .kind = TMPL_TIME, .name = "time.Time" };
const struct tmpl_type tmpl_type_stream = { .kind = TMPL_STREAM, .name = "<-chan int64" };
const struct tmpl_type tmpl_type_scratch = { .kind = TMPL_SCRATCH, .name = "*template.Scratch" };

#define LIST_OF(of, go_name)                                                                       \
	{                                                                                          \
		.kind = TMPL_LIST, .name = (go_name), .elem = &(of)                                \
	}
#define MAP_OF(of, go_name)                                                                        \
	{                                                                                          \
		.kind = TMPL_MAP, .name = (go_name), .elem = &(of)                                 \
	}
#define RECORD(of, go_name, behind_pointer)                                                        \
	{                                                                                          \
		.kind = TMPL_RECORD, .name = (go_name), .fields = (of),                            \
		.field_count = COUNT_OF(of), .pointer = (behind_pointer)                           \
	}

const struct tmpl_type tmpl_type_strings = LIST_OF(tmpl_type_string, "[]string");
const struct tmpl_type tmpl_type_list = LIST_OF(tmpl_type_any, "[]interface {}");
const struct tmpl_type tmpl_type_ints = LIST_OF(tmpl_type_int, "[]int");
const struct tmpl_type tmpl_type_lists = LIST_OF(tmpl_type_list, "[][]interface {}");
const struct tmpl_type tmpl_type_map = MAP_OF(tmpl_type_any, "map[string]interface {}");
const struct tmpl_type tmpl_type_string_map = MAP_OF(tmpl_type_string, "map[string]string");
const struct tmpl_type tmpl_type_list_map = MAP_OF(tmpl_type_list, "map[string][]interface {}");
const struct tmpl_type tmpl_type_tags = LIST_OF(tmpl_type_string, "dependency.ServiceTags");

static const struct tmpl_field check_fields[] = {
	{ "Node", &tmpl_type_string, false },         { "CheckID", &tmpl_type_string, false },
	{ "Name", &tmpl_type_string, false },         { "Status", &tmpl_type_string, false },
	{ "Notes", &tmpl_type_string, false },        { "Output", &tmpl_type_string, false },
	{ "ServiceID", &tmpl_type_string, false },    { "ServiceName", &tmpl_type_string, false },
	{ "ServiceTags", &tmpl_type_strings, false },
};
const struct tmpl_type tmpl_type_check = RECORD(check_fields, "*api.HealthCheck", true);
const struct tmpl_type tmpl_type_checks = LIST_OF(tmpl_type_check, "api.HealthChecks");

static const struct tmpl_field weight_fields[] = {
	{ "Passing", &tmpl_type_int, false },
	{ "Warning", &tmpl_type_int, false },
};
const struct tmpl_type tmpl_type_weights = RECORD(weight_fields, "api.AgentWeights", false);

static const struct tmpl_field service_address_fields[] = {
	{ "Address", &tmpl_type_string, false },
	{ "Port", &tmpl_type_int, false },
};
const struct tmpl_type tmpl_type_service_address =
	RECORD(service_address_fields, "api.ServiceAddress", false);
const struct tmpl_type tmpl_type_service_address_map =
	MAP_OF(tmpl_type_service_address, "map[string]api.ServiceAddress");

static const struct tmpl_field health_service_fields[] = {
	{ "Node", &tmpl_type_string, false },
	{ "NodeID", &tmpl_type_string, false },
	{ "NodeAddress", &tmpl_type_string, false },
	{ "NodeTaggedAddresses", &tmpl_type_string_map, false },
	{ "NodeMeta", &tmpl_type_string_map, false },
	{ "ServiceMeta", &tmpl_type_string_map, true },
	{ "Address", &tmpl_type_string, false },
	{ "ServiceTaggedAddresses", &tmpl_type_service_address_map, true },
	{ "ID", &tmpl_type_string, false },
	{ "Name", &tmpl_type_string, false },
	{ "Tags", &tmpl_type_tags, false },
	{ "Checks", &tmpl_type_checks, false },
	{ "Status", &tmpl_type_string, false },
	{ "Port", &tmpl_type_int, false },
	{ "Weights", &tmpl_type_weights, true },
};
const struct tmpl_type tmpl_type_health_service =
	RECORD(health_service_fields, "*dependency.HealthService", true);
const struct tmpl_type tmpl_type_health_services =
	LIST_OF(tmpl_type_health_service, "[]*dependency.HealthService");
const struct tmpl_type tmpl_type_health_service_map =
	MAP_OF(tmpl_type_health_services, "map[string][]*dependency.HealthService");
const struct tmpl_type tmpl_type_health_service_port_map =
	MAP_OF(tmpl_type_health_services, "map[int][]*dependency.HealthService");

static const struct tmpl_field snippet_fields[] = {
	{ "Name", &tmpl_type_string, false },
	{ "Tags", &tmpl_type_tags, false },
};
const struct tmpl_type tmpl_type_snippet =
	RECORD(snippet_fields, "*dependency.CatalogSnippet", true);
const struct tmpl_type tmpl_type_snippets =
	LIST_OF(tmpl_type_snippet, "[]*dependency.CatalogSnippet");

static const struct tmpl_field node_fields[] = {
	{ "ID", &tmpl_type_string, false },
	{ "Node", &tmpl_type_string, false },
	{ "Address", &tmpl_type_string, false },
	{ "Datacenter", &tmpl_type_string, false },
	{ "TaggedAddresses", &tmpl_type_string_map, false },
	{ "Meta", &tmpl_type_string_map, false },
};
const struct tmpl_type tmpl_type_node = RECORD(node_fields, "*dependency.Node", true);
const struct tmpl_type tmpl_type_nodes = LIST_OF(tmpl_type_node, "[]*dependency.Node");

static const struct tmpl_field node_service_fields[] = {
	{ "ID", &tmpl_type_string, false },
	{ "Service", &tmpl_type_string, false },
	{ "Tags", &tmpl_type_tags, false },
	{ "Meta", &tmpl_type_string_map, true },
	{ "Port", &tmpl_type_int, false },
	{ "Address", &tmpl_type_string, false },
	{ "EnableTagOverride", &tmpl_type_bool, false },
};
const struct tmpl_type tmpl_type_node_service =
	RECORD(node_service_fields, "*dependency.CatalogNodeService", true);
const struct tmpl_type tmpl_type_node_services =
	LIST_OF(tmpl_type_node_service, "[]*dependency.CatalogNodeService");

static const struct tmpl_field catalog_node_fields[] = {
	{ "Node", &tmpl_type_node, false },
	{ "Services", &tmpl_type_node_services, false },
};
const struct tmpl_type tmpl_type_catalog_node =
	RECORD(catalog_node_fields, "*dependency.CatalogNode", true);

static const struct tmpl_field key_pair_fields[] = {
	{ "Path", &tmpl_type_string, false },        { "Key", &tmpl_type_string, false },
	{ "Value", &tmpl_type_string, false },       { "CreateIndex", &tmpl_type_uint64, false },
	{ "ModifyIndex", &tmpl_type_uint64, false }, { "LockIndex", &tmpl_type_uint64, false },
	{ "Flags", &tmpl_type_uint64, false },       { "Session", &tmpl_type_string, false },
};
const struct tmpl_type tmpl_type_key_pair = RECORD(key_pair_fields, "*dependency.KeyPair", true);
const struct tmpl_type tmpl_type_key_pairs = LIST_OF(tmpl_type_key_pair, "[]*dependency.KeyPair");
const struct tmpl_type tmpl_type_key_pair_map =
	MAP_OF(tmpl_type_key_pair, "map[string]*dependency.KeyPair");
const struct tmpl_type tmpl_type_key_pair_maps =
	MAP_OF(tmpl_type_key_pair_map, "map[string]map[string]*dependency.KeyPair");

static const struct tmpl_field ca_root_fields[] = {
	{ "ID", &tmpl_type_string, false },          { "Name", &tmpl_type_string, false },
	{ "RootCertPEM", &tmpl_type_string, false }, { "Active", &tmpl_type_bool, false },
	{ "CreateIndex", &tmpl_type_uint64, false }, { "ModifyIndex", &tmpl_type_uint64, false },
};
const struct tmpl_type tmpl_type_ca_root = RECORD(ca_root_fields, "*api.CARoot", true);
const struct tmpl_type tmpl_type_ca_roots = LIST_OF(tmpl_type_ca_root, "[]*api.CARoot");

static const struct tmpl_field ca_leaf_fields[] = {
	{ "SerialNumber", &tmpl_type_string, false },  { "CertPEM", &tmpl_type_string, false },
	{ "PrivateKeyPEM", &tmpl_type_string, false }, { "Service", &tmpl_type_string, false },
	{ "ServiceURI", &tmpl_type_string, false },    { "ValidAfter", &tmpl_type_string, false },
	{ "ValidBefore", &tmpl_type_string, false },   { "CreateIndex", &tmpl_type_uint64, false },
	{ "ModifyIndex", &tmpl_type_uint64, false },
};
const struct tmpl_type tmpl_type_ca_leaf = RECORD(ca_leaf_fields, "*api.LeafCert", true);

static const struct tmpl_field partition_fields[] = {
	{ "Name", &tmpl_type_string, false },
	{ "Description", &tmpl_type_string, false },
};
const struct tmpl_type tmpl_type_partition =
	RECORD(partition_fields, "*dependency.Partition", true);
const struct tmpl_type tmpl_type_partitions =
	LIST_OF(tmpl_type_partition, "[]*dependency.Partition");

static const struct tmpl_field peering_fields[] = {
	{ "Name", &tmpl_type_string, false },
	{ "Partition", &tmpl_type_string, false },
	{ "Meta", &tmpl_type_string_map, false },
	{ "PeeringState", &tmpl_type_string, false },
	{ "PeerID", &tmpl_type_string, false },
	{ "PeerServerName", &tmpl_type_string, false },
	{ "PeerServerAddresses", &tmpl_type_strings, false },
};
const struct tmpl_type tmpl_type_peering = RECORD(peering_fields, "*dependency.Peering", true);
const struct tmpl_type tmpl_type_peerings = LIST_OF(tmpl_type_peering, "[]*dependency.Peering");

static const struct tmpl_field consumers_fields[] = {
	{ "Peers", &tmpl_type_strings, false },
	{ "Partitions", &tmpl_type_strings, false },
	{ "SamenessGroups", &tmpl_type_strings, false },
};
const struct tmpl_type tmpl_type_consumers =
	RECORD(consumers_fields, "dependency.ResolvedConsumers", false);
static const struct tmpl_field exported_service_fields[] = {
	{ "Service", &tmpl_type_string, false },
	{ "Consumers", &tmpl_type_consumers, false },
};
const struct tmpl_type tmpl_type_exported_service =
	RECORD(exported_service_fields, "dependency.ExportedService", false);
const struct tmpl_type tmpl_type_exported_services =
	LIST_OF(tmpl_type_exported_service, "[]dependency.ExportedService");

static const struct tmpl_field semver_fields[] = {
	{ "Major", &tmpl_type_uint64, false },    { "Minor", &tmpl_type_uint64, false },
	{ "Patch", &tmpl_type_uint64, false },    { "Prerelease", &tmpl_type_string, false },
	{ "Metadata", &tmpl_type_string, false }, { "Original", &tmpl_type_string, false },
};
const struct tmpl_type tmpl_type_semver = RECORD(semver_fields, "*semver.Version", true);
