/*
 * The first kind in the table that has a value wins. Where Registrator builds a check that cannot
 * work (IPv6 without brackets, a command line as one argument, skipped verification that is not
 * sent for https), this builds the one that was meant.
 */
#include "check.h"

#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/register/rules.h"
#include "metadata.h"

enum { SHORT_ID_LEN = 12 };

struct check_maker {
	struct register_service *service;
	const struct metadata *metadata;
	struct arena *arena;
	const char *value; /* of the key that won */
};

static const char *authority(const struct check_maker *maker)
{
	const char *address = maker->service->address;
	bool bracket = strchr(address, ':') && *address != '[';

	return arena_printf(maker->arena, "%s%s%s:%d", bracket ? "[" : "", address,
			    bracket ? "]" : "", maker->service->port);
}

static const char *copy(const struct check_maker *maker, const char *key)
{
	const char *value = metadata_value(maker->metadata, key);

	return *value ? arena_strdup(maker->arena, value) : NULL;
}

static void make_http(struct check_maker *maker)
{
	struct register_check *check = &maker->service->check;

	check->http = arena_printf(maker->arena, "http://%s%s", authority(maker), maker->value);
	check->timeout = copy(maker, "check_timeout");
	check->method = copy(maker, "check_http_method");
}

static void make_https(struct check_maker *maker)
{
	struct register_check *check = &maker->service->check;

	check->http = arena_printf(maker->arena, "https://%s%s", authority(maker), maker->value);
	check->timeout = copy(maker, "check_timeout");
	check->method = copy(maker, "check_https_method");
	check->tls_skip_verify = copy(maker, "check_tls_skip_verify");
}

static void make_cmd(struct check_maker *maker)
{
	const struct register_service *service = maker->service;
	const char **args = maker->service->check.script_args;

	args[0] = "check-cmd";
	args[1] = arena_printf(maker->arena, "%.*s", SHORT_ID_LEN, service->container_id);
	args[2] = arena_printf(maker->arena, "%d", service->container_port);
	args[3] = arena_strdup(maker->arena, maker->value);
}

static void replace_all(struct strbuf *out, const char *text, const char *old, const char *with)
{
	const char *found;

	while ((found = strstr(text, old))) {
		strbuf_add(out, text, (size_t)(found - text));
		strbuf_addstr(out, with);
		text = found + strlen(old);
	}
	strbuf_addstr(out, text);
}

static void make_script(struct check_maker *maker)
{
	const char **args = maker->service->check.script_args;
	struct strbuf first = STRBUF_INIT, second = STRBUF_INIT;
	const char *text;

	replace_all(&first, maker->value, "$SERVICE_IP", maker->service->address);
	replace_all(&second, first.buf, "$SERVICE_PORT",
		    arena_printf(maker->arena, "%d", maker->service->port));
	text = arena_strdup(maker->arena, second.buf);
	if (strpbrk(text, " \t")) {
		args[0] = "/bin/sh";
		args[1] = "-c";
		args[2] = text;
	} else {
		args[0] = text;
	}
	strbuf_release(&first);
	strbuf_release(&second);
}

static void make_ttl(struct check_maker *maker)
{
	maker->service->check.ttl = arena_strdup(maker->arena, maker->value);
}

static void make_tcp(struct check_maker *maker)
{
	maker->service->check.tcp = authority(maker);
	maker->service->check.timeout = copy(maker, "check_timeout");
}

static void make_grpc(struct check_maker *maker)
{
	struct register_check *check = &maker->service->check;

	check->grpc = authority(maker);
	check->timeout = copy(maker, "check_timeout");
	check->grpc_use_tls = copy(maker, "check_grpc_use_tls");
	check->tls_skip_verify = check->grpc_use_tls && copy(maker, "check_tls_skip_verify");
}

void check_from_metadata(struct register_service *service, const struct metadata *metadata,
			 struct arena *arena)
{
	static const struct {
		const char *key;
		void (*make)(struct check_maker *maker);
	} kinds[] = {
		{ "check_http", make_http }, { "check_https", make_https },
		{ "check_cmd", make_cmd },   { "check_script", make_script },
		{ "check_ttl", make_ttl },   { "check_tcp", make_tcp },
		{ "check_grpc", make_grpc },
	};
	struct check_maker maker = { .service = service, .metadata = metadata, .arena = arena };

	for (size_t i = 0; i < COUNT_OF(kinds); i++) {
		maker.value = metadata_value(metadata, kinds[i].key);
		if (!*maker.value)
			continue;
		kinds[i].make(&maker);
		if (!service->check.ttl) {
			service->check.interval = copy(&maker, "check_interval");
			if (!service->check.interval)
				service->check.interval = "10s";
		}
		service->check.status = copy(&maker, "check_initial_status");
		service->check.deregister_after = copy(&maker, "check_deregister_after");
		return;
	}
}
