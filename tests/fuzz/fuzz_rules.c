/* A hostile container document through the rules, the body and the comparison. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "binnacle/base/json.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/register/reconcile.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void evaluate(const struct register_options *options, const struct json *doc)
{
	struct register_wanted wanted = { 0 };
	struct reconcile result = { 0 };
	const struct register_service **list;
	struct reconcile_input input = { .registered = doc, .hostname = "host-1" };

	register_rules(options, doc, register_peer(doc) ? doc : NULL, &wanted);
	list = calloc(wanted.service_count + 1, sizeof(*list));
	for (size_t i = 0; i < wanted.service_count; i++) {
		struct strbuf body = STRBUF_INIT;
		struct err err;
		struct json *again;

		list[i] = &wanted.services[i];
		registry_body(&body, list[i]);
		again = json_parse(body.buf, body.len, &err);
		if (!again)
			abort();
		json_free(again);
		strbuf_release(&body);
	}
	input.wanted = list;
	input.wanted_count = wanted.service_count;
	reconcile(&input, &result);
	reconcile_release(&result);
	register_wanted_release(&wanted);
	free(list);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct register_options options[] = {
		{ .hostname = "host-1", .host_ip = "192.0.2.1" },
		{ .hostname = "", .internal = true, .meta_exclude = "a*" },
		{ .hostname = "h", .use_ip_from_label = "ip", .tags = "a,b\\,c" },
		{ .hostname = "h", .internal_networks = "*,b?", .explicit_only = true },
		{ .hostname = "h",
		  .container_keys = true,
		  .host_networks = "*",
		  .registered_by = "r",
		  .tags = "{{.ID}},{{.Created}},{{.State}},{{range .Config.Labels}}{{.}},{{end}}"
			  "{{.HostConfig}}{{.NetworkSettings}}{{.Mounts}}"
			  "{{jsonParse (index .Config.Labels \"j\") \"a::1::b\"}}"
			  "{{httpGet (index .Config.Labels \"u\")}}" },
	};
	struct err err;
	struct json *doc = json_parse((const char *)data, size, &err);

	if (!doc)
		return 0;
	for (size_t i = 0; i < sizeof(options) / sizeof(options[0]); i++)
		evaluate(&options[i], doc);
	json_free(doc);
	return 0;
}
