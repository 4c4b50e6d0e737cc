/*
 * The body of a registration is that of Registrator's Consul client: members in its order, empty
 * ones left out, Check and Checks always there.
 */
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"

static void add_text(struct json *into, const char *name, const char *text)
{
	if (text && *text)
		json_add_str(into, name, text);
}

static void add_flag(struct json *into, const char *name, bool value)
{
	if (value)
		json_add_bool(into, name, true);
}

static void add_check(struct json *doc, const struct register_check *check)
{
	struct json *body;

	if (!register_check_exists(check)) {
		json_add_null(doc, "Check");
		return;
	}
	body = json_add_object(doc, "Check");
	if (check->script_args[0]) {
		struct json *args = json_add_array(body, "ScriptArgs");

		for (size_t i = 0; i < COUNT_OF(check->script_args) && check->script_args[i]; i++)
			json_add_str(args, NULL, check->script_args[i]);
	}
	add_text(body, "Interval", check->interval);
	add_text(body, "Timeout", check->timeout);
	add_text(body, "TTL", check->ttl);
	add_text(body, "HTTP", check->http);
	add_text(body, "Method", check->method);
	add_text(body, "TCP", check->tcp);
	add_text(body, "Status", check->status);
	add_flag(body, "TLSSkipVerify", check->tls_skip_verify);
	add_text(body, "GRPC", check->grpc);
	add_flag(body, "GRPCUseTLS", check->grpc_use_tls);
	add_text(body, "DeregisterCriticalServiceAfter", check->deregister_after);
}

void registry_body(struct strbuf *out, const struct register_service *service)
{
	struct json *doc = json_new_object();

	add_text(doc, "ID", service->id);
	add_text(doc, "Name", service->name);
	if (service->tag_count) {
		struct json *tags = json_add_array(doc, "Tags");

		for (size_t i = 0; i < service->tag_count; i++)
			json_add_str(tags, NULL, service->tags[i]);
	}
	if (service->port)
		json_add_int(doc, "Port", service->port);
	add_text(doc, "Address", service->address);
	if (service->meta_count) {
		struct json *meta = json_add_object(doc, "Meta");

		for (size_t i = 0; i < service->meta_count; i++)
			json_add_str(meta, service->meta[i].key, service->meta[i].value);
	}
	add_check(doc, &service->check);
	json_add_null(doc, "Checks");
	json_print(out, doc);
	json_free(doc);
}
