/*
 * Reference: github.com/fsouza/go-dockerclient, container.go. A pointer to a number or a switch
 * is that number or switch here: templates print what is behind it. Times are texts, printed as
 * Go prints a time.
 */
#include "container_types.h"

#include <string.h>
#include <strings.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"

#define FIELD(name, type)                                                                          \
	{                                                                                          \
		name, &(type), false                                                               \
	}
#define TEXT(name)     FIELD(name, tmpl_type_string)
#define TEXTS(name)    FIELD(name, tmpl_type_strings)
#define NUMBER(name)   FIELD(name, tmpl_type_int)
#define NUMBER64(name) FIELD(name, tmpl_type_int64)
#define SWITCH(name)   FIELD(name, tmpl_type_bool)
#define TIME(name)     FIELD(name, time_type)
#define TEXT_MAP(name) FIELD(name, tmpl_type_string_map)

#define LIST_OF(of, go_name)                                                                       \
	{                                                                                          \
		.kind = TMPL_LIST, .name = (go_name), .elem = &(of)                                \
	}
#define MAP_OF(of, go_name)                                                                        \
	{                                                                                          \
		.kind = TMPL_MAP, .name = (go_name), .elem = &(of)                                 \
	}
#define RECORD(of, go_name)                                                                        \
	{                                                                                          \
		.kind = TMPL_RECORD, .name = (go_name), .fields = (of),                            \
		.field_count = COUNT_OF(of)                                                        \
	}
#define POINTER(of, go_name)                                                                       \
	{                                                                                          \
		.kind = TMPL_RECORD, .name = (go_name), .fields = (of),                            \
		.field_count = COUNT_OF(of), .pointer = true                                       \
	}

static const struct tmpl_type time_type = { .kind = TMPL_STRING, .name = "time.Time" };
static const struct tmpl_type empty_type = { .kind = TMPL_RECORD, .name = "struct {}" };
static const struct tmpl_type set_type = MAP_OF(empty_type, "map[string]struct {}");
static const struct tmpl_type ports_type = MAP_OF(empty_type, "map[docker.Port]struct {}");
static const struct tmpl_type switch_map_type = MAP_OF(tmpl_type_bool, "map[string]bool");

static const struct tmpl_field binding_fields[] = { TEXT("HostIP"), TEXT("HostPort") };
static const struct tmpl_type binding_type = RECORD(binding_fields, "docker.PortBinding");
static const struct tmpl_type bindings_type = LIST_OF(binding_type, "[]docker.PortBinding");
static const struct tmpl_type binding_map_type =
	MAP_OF(bindings_type, "map[docker.Port][]docker.PortBinding");

static const struct tmpl_field mount_fields[] = {
	TEXT("Name"), TEXT("Source"), TEXT("Destination"), TEXT("Driver"),
	TEXT("Mode"), SWITCH("RW"),   TEXT("Propagation"), TEXT("Type"),
};
static const struct tmpl_type mount_type = RECORD(mount_fields, "docker.Mount");
static const struct tmpl_type mounts_type = LIST_OF(mount_type, "[]docker.Mount");

static const struct tmpl_field health_result_fields[] = {
	TIME("Start"),
	TIME("End"),
	NUMBER("ExitCode"),
	TEXT("Output"),
};
static const struct tmpl_type health_result_type =
	RECORD(health_result_fields, "docker.HealthCheck");
static const struct tmpl_type health_log_type = LIST_OF(health_result_type, "[]docker.HealthCheck");
static const struct tmpl_field health_fields[] = {
	TEXT("Status"),
	NUMBER("FailingStreak"),
	FIELD("Log", health_log_type),
};
static const struct tmpl_type health_type = RECORD(health_fields, "docker.Health");

static const struct tmpl_field state_fields[] = {
	TEXT("Status"),
	SWITCH("Running"),
	SWITCH("Paused"),
	SWITCH("Restarting"),
	SWITCH("OOMKilled"),
	SWITCH("RemovalInProgress"),
	SWITCH("Dead"),
	NUMBER("Pid"),
	NUMBER("ExitCode"),
	TEXT("Error"),
	TIME("StartedAt"),
	TIME("FinishedAt"),
	FIELD("Health", health_type),
};
static const struct tmpl_type state_type = RECORD(state_fields, "docker.State");

static const struct tmpl_field health_config_fields[] = {
	TEXTS("Test"),           NUMBER64("Interval"), NUMBER64("Timeout"),
	NUMBER64("StartPeriod"), NUMBER("Retries"),
};
static const struct tmpl_type health_config_type =
	POINTER(health_config_fields, "*docker.HealthConfig");

static const struct tmpl_field config_fields[] = {
	TEXT("Hostname"),
	TEXT("Domainname"),
	TEXT("User"),
	NUMBER64("Memory"),
	NUMBER64("MemorySwap"),
	NUMBER64("MemoryReservation"),
	NUMBER64("KernelMemory"),
	NUMBER64("CPUShares"),
	TEXT("CPUSet"),
	TEXTS("PortSpecs"),
	FIELD("ExposedPorts", ports_type),
	TEXT("PublishService"),
	TEXT("StopSignal"),
	NUMBER("StopTimeout"),
	TEXTS("Env"),
	TEXTS("Cmd"),
	TEXTS("Shell"),
	FIELD("Healthcheck", health_config_type),
	TEXTS("DNS"),
	TEXT("Image"),
	FIELD("Volumes", set_type),
	TEXT("VolumeDriver"),
	TEXT("WorkingDir"),
	TEXT("MacAddress"),
	TEXTS("Entrypoint"),
	TEXTS("SecurityOpts"),
	TEXTS("OnBuild"),
	FIELD("Mounts", mounts_type),
	TEXT_MAP("Labels"),
	SWITCH("AttachStdin"),
	SWITCH("AttachStdout"),
	SWITCH("AttachStderr"),
	SWITCH("ArgsEscaped"),
	SWITCH("Tty"),
	SWITCH("OpenStdin"),
	SWITCH("StdinOnce"),
	SWITCH("NetworkDisabled"),
};
static const struct tmpl_type config_type = POINTER(config_fields, "*docker.Config");

static const struct tmpl_field network_fields[] = {
	TEXTS("Aliases"),          TEXT("MacAddress"),  NUMBER("GlobalIPv6PrefixLen"),
	TEXT("GlobalIPv6Address"), TEXT("IPv6Gateway"), NUMBER("IPPrefixLen"),
	TEXT("IPAddress"),         TEXT("Gateway"),     TEXT("EndpointID"),
	TEXT("NetworkID"),
};
static const struct tmpl_type network_type = RECORD(network_fields, "docker.ContainerNetwork");
static const struct tmpl_type networks_type =
	MAP_OF(network_type, "map[string]docker.ContainerNetwork");

static const struct tmpl_field network_settings_fields[] = {
	FIELD("Networks", networks_type),
	TEXT("IPAddress"),
	NUMBER("IPPrefixLen"),
	TEXT("MacAddress"),
	TEXT("Gateway"),
	TEXT("Bridge"),
	FIELD("Ports", binding_map_type),
	TEXT("NetworkID"),
	TEXT("EndpointID"),
	TEXT("SandboxKey"),
	TEXT("GlobalIPv6Address"),
	NUMBER("GlobalIPv6PrefixLen"),
	TEXT("IPv6Gateway"),
	TEXT("LinkLocalIPv6Address"),
	NUMBER("LinkLocalIPv6PrefixLen"),
	TEXTS("SecondaryIPAddresses"),
	TEXTS("SecondaryIPv6Addresses"),
};
static const struct tmpl_type network_settings_type =
	POINTER(network_settings_fields, "*docker.NetworkSettings");

static const struct tmpl_field restart_fields[] = { TEXT("Name"), NUMBER("MaximumRetryCount") };
static const struct tmpl_type restart_type = RECORD(restart_fields, "docker.RestartPolicy");
static const struct tmpl_field log_config_fields[] = { TEXT("Type"), TEXT_MAP("Config") };
static const struct tmpl_type log_config_type = RECORD(log_config_fields, "docker.LogConfig");
static const struct tmpl_field device_fields[] = {
	TEXT("PathOnHost"),
	TEXT("PathInContainer"),
	TEXT("CgroupPermissions"),
};
static const struct tmpl_type device_type = RECORD(device_fields, "docker.Device");
static const struct tmpl_type devices_type = LIST_OF(device_type, "[]docker.Device");
static const struct tmpl_field ulimit_fields[] = { TEXT("Name"), NUMBER64("Soft"),
						   NUMBER64("Hard") };
static const struct tmpl_type ulimit_type = RECORD(ulimit_fields, "docker.ULimit");
static const struct tmpl_type ulimits_type = LIST_OF(ulimit_type, "[]docker.ULimit");

static const struct tmpl_field host_config_fields[] = {
	TEXTS("Binds"),
	TEXTS("CapAdd"),
	TEXTS("CapDrop"),
	TEXTS("Capabilities"),
	TEXTS("GroupAdd"),
	TEXT("ContainerIDFile"),
	FIELD("PortBindings", binding_map_type),
	TEXTS("Links"),
	TEXTS("DNS"),
	TEXTS("DNSOptions"),
	TEXTS("DNSSearch"),
	TEXTS("ExtraHosts"),
	TEXTS("VolumesFrom"),
	TEXT("UsernsMode"),
	TEXT("NetworkMode"),
	TEXT("IpcMode"),
	TEXT("Isolation"),
	TEXT("PidMode"),
	TEXT("UTSMode"),
	FIELD("RestartPolicy", restart_type),
	FIELD("Devices", devices_type),
	TEXTS("DeviceCgroupRules"),
	FIELD("LogConfig", log_config_type),
	TEXTS("SecurityOpt"),
	TEXT("CgroupnsMode"),
	TEXT("Cgroup"),
	TEXT("CgroupParent"),
	NUMBER64("Memory"),
	NUMBER64("MemoryReservation"),
	NUMBER64("KernelMemory"),
	NUMBER64("MemorySwap"),
	NUMBER64("CPUShares"),
	TEXT("CPUSet"),
	TEXT("CPUSetCPUs"),
	TEXT("CPUSetMEMs"),
	NUMBER64("CPUQuota"),
	NUMBER64("CPUPeriod"),
	NUMBER64("CPURealtimePeriod"),
	NUMBER64("CPURealtimeRuntime"),
	NUMBER64("BlkioWeight"),
	FIELD("Ulimits", ulimits_type),
	TEXT("VolumeDriver"),
	NUMBER("OomScoreAdj"),
	NUMBER64("MemorySwappiness"),
	NUMBER64("PidsLimit"),
	NUMBER64("ShmSize"),
	NUMBER64("CPUCount"),
	NUMBER64("CPUPercent"),
	NUMBER64("NanoCPUs"),
	TEXT_MAP("Tmpfs"),
	TEXT_MAP("StorageOpt"),
	TEXT_MAP("Sysctls"),
	TEXT("Runtime"),
	SWITCH("Init"),
	SWITCH("Privileged"),
	SWITCH("PublishAllPorts"),
	SWITCH("ReadonlyRootfs"),
	SWITCH("OOMKillDisable"),
	SWITCH("AutoRemove"),
};
static const struct tmpl_type host_config_type = POINTER(host_config_fields, "*docker.HostConfig");

static const struct tmpl_field driver_fields[] = { TEXT("Name"), TEXT_MAP("Data") };
static const struct tmpl_type driver_type = POINTER(driver_fields, "*docker.GraphDriver");

static const struct tmpl_field node_fields[] = {
	TEXT("ID"),       TEXT("IP"),         TEXT("Addr"),       TEXT("Name"),
	NUMBER64("CPUs"), NUMBER64("Memory"), TEXT_MAP("Labels"),
};
static const struct tmpl_type node_type = POINTER(node_fields, "*docker.SwarmNode");

static const struct tmpl_field container_fields[] = {
	TEXT("ID"),
	TIME("Created"),
	TEXT("Path"),
	TEXTS("Args"),
	FIELD("Config", config_type),
	FIELD("State", state_type),
	TEXT("Image"),
	FIELD("Node", node_type),
	FIELD("NetworkSettings", network_settings_type),
	TEXT("SysInitPath"),
	TEXT("ResolvConfPath"),
	TEXT("HostnamePath"),
	TEXT("HostsPath"),
	TEXT("LogPath"),
	TEXT("Name"),
	TEXT("Driver"),
	TEXT("Platform"),
	FIELD("Mounts", mounts_type),
	TEXT_MAP("Volumes"),
	FIELD("VolumesRW", switch_map_type),
	FIELD("HostConfig", host_config_type),
	TEXTS("ExecIDs"),
	FIELD("GraphDriver", driver_type),
	NUMBER("RestartCount"),
	TEXT("AppArmorProfile"),
	TEXT("MountLabel"),
	TEXT("ProcessLabel"),
	NUMBER64("SizeRw"),
	NUMBER64("SizeRootFs"),
};
const struct tmpl_type container_type = POINTER(container_fields, "*docker.Container");

static const char time_shape[] = "dddd-dd-ddTdd:dd:dd";

static bool has_time_shape(const char *text)
{
	for (size_t i = 0; time_shape[i]; i++) {
		bool digit = text[i] >= '0' && text[i] <= '9';

		if (time_shape[i] == 'd' ? !digit : text[i] != time_shape[i])
			return false;
	}
	return true;
}

/* RFC 3339 → "2006-01-02 15:04:05.999 +0000 UTC"; the year 1 for what is no time. */
static const char *go_time(struct arena *arena, const char *text)
{
	const size_t len = sizeof(time_shape) - 1;
	const char *rest = text + len, *end;
	size_t digits = 0;

	if (!has_time_shape(text))
		return "0001-01-01 00:00:00 +0000 UTC";
	if (*rest == '.')
		digits = 1 + strspn(rest + 1, "0123456789");
	end = rest + digits;
	/* Go's format drops zeros at the end of the fraction. */
	while (digits && (rest[digits - 1] == '0' || rest[digits - 1] == '.'))
		digits--;
	if ((*end == '+' || *end == '-') && strlen(end) == 6)
		return arena_printf(arena, "%.10s %.8s%.*s %.3s%.2s %.3s%.2s", text, text + 11,
				    (int)digits, rest, end, end + 4, end, end + 4);
	return arena_printf(arena, "%.10s %.8s%.*s +0000 UTC", text, text + 11, (int)digits, rest);
}

static const struct json *member(const struct json *doc, const char *name)
{
	const struct json *found = json_member(doc, name);

	if (found)
		return found;
	JSON_EACH(item, doc)
	{
		if (strcasecmp(json_key(item), name) == 0)
			return item;
	}
	return NULL;
}

static const struct tmpl_value *text_value(struct arena *arena, const struct tmpl_type *type,
					   const struct json *doc)
{
	const char *text = json_as_str(doc, "");

	/* A time is a text here: the template can only print it. */
	return tmpl_str(arena, type == &time_type ? go_time(arena, text) : text);
}

static const struct tmpl_value *list_value(struct arena *arena, const struct tmpl_type *type,
					   const struct json *doc)
{
	struct tmpl_value *list = tmpl_list_new(arena, type);

	JSON_EACH(item, doc)
	tmpl_list_add(arena, list, container_value(arena, type->elem, item));
	return list;
}

static const struct tmpl_value *map_value(struct arena *arena, const struct tmpl_type *type,
					  const struct json *doc)
{
	struct tmpl_value *map = tmpl_map_new(arena, type);

	JSON_EACH(item, doc)
	tmpl_map_put(arena, map, tmpl_str(arena, json_key(item)),
		     container_value(arena, type->elem, item));
	return map;
}

static const struct tmpl_value *record_value(struct arena *arena, const struct tmpl_type *type,
					     const struct json *doc)
{
	struct tmpl_value *record = tmpl_record_new(arena, type);

	for (size_t i = 0; i < type->field_count; i++) {
		const struct tmpl_field *field = &type->fields[i];

		tmpl_record_set(record, field->name,
				container_value(arena, field->type, member(doc, field->name)));
	}
	return record;
}

const struct tmpl_value *container_value(struct arena *arena, const struct tmpl_type *type,
					 const struct json *doc)
{
	if (type->kind == TMPL_STRING)
		return text_value(arena, type, doc);
	if (type->kind == TMPL_BOOL)
		return tmpl_bool(json_as_bool(doc, false));
	if (type == &tmpl_type_int64)
		return tmpl_int64(arena, json_as_int(doc, 0));
	if (type->kind == TMPL_INT)
		return tmpl_int(arena, json_as_int(doc, 0));
	if (type->kind == TMPL_LIST && json_is_array(doc))
		return list_value(arena, type, doc);
	if (type->kind == TMPL_MAP && json_is_object(doc))
		return map_value(arena, type, doc);
	if (type->kind == TMPL_RECORD && json_is_object(doc))
		return record_value(arena, type, doc);
	/* "Cmd" and "Entrypoint" may be one text. */
	if (type == &tmpl_type_strings && json_is_string(doc)) {
		struct tmpl_value *list = tmpl_list_new(arena, type);

		tmpl_list_add(arena, list, tmpl_str(arena, json_as_str(doc, "")));
		return list;
	}
	return tmpl_zero(arena, type);
}
