/*
 * Any text as a value of API v3, as a key, as a selector: it gives something that can be shown and
 * written again, or an error. The first byte says which.
 */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "binnacle/calico/ipam.h"
#include "binnacle/calico/resource.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void policy(const char *value, struct arena *arena)
{
	struct calico_policy policy = { .name = "p" }, again = { .name = "p" };
	struct strbuf text = STRBUF_INIT;
	struct err err = { 0 };
	struct json *doc;

	if (!calico_policy_decode_v3(&policy, value, arena, &err))
		return;
	for (size_t i = 0; i < policy.inbound.count; i++)
		calico_rule_describe(&text, &policy.inbound.rules[i]);
	doc = calico_resource_of_policy(&policy, CALICO_API_V3);
	strbuf_reset(&text);
	json_print(&text, doc);
	if (!calico_policy_decode_v3(&again, text.buf, arena, &err) ||
	    again.inbound.count != policy.inbound.count ||
	    strlen(again.selector_text) > strlen(policy.selector_text) * 3)
		abort();
	json_free(doc);
	strbuf_release(&text);
}

static void key(const char *name, struct arena *arena)
{
	char *text = arena_printf(arena, "%s/workloadendpoints/ns/%s", CALICO_RESOURCES, name);
	struct calico_wep_id id;
	struct strbuf again = STRBUF_INIT;

	if (!calico_wep_key_split(&id, text, arena))
		return;
	calico_wep_key(&again, &id);
	if (strcmp(again.buf, text) != 0)
		abort();
	strbuf_release(&again);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct calico_wep wep = { .id = { "n", "o", "w", "e", "ns" } };
	struct calico_host_endpoint hep = { .node = "" };
	struct calico_profile profile = { .name = "p" };
	struct calico_pool pool = { .key = "" };
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };
	const char *text;

	if (size == 0)
		return 0;
	text = arena_strndup(&arena, (const char *)data + 1, size - 1);
	switch (data[0] % 7) {
	case 0:
		if (calico_wep_decode_v3(&wep, text, &arena, &err))
			calico_wep_own_labels(&wep);
		break;
	case 1:
		calico_host_endpoint_decode_v3(&hep, text, &arena, &err);
		break;
	case 2:
		calico_profile_decode_v3(&profile, text, &arena, &err);
		break;
	case 3:
		calico_pool_decode_v3(&pool, text, &arena, &err);
		break;
	case 4:
		policy(text, &arena);
		break;
	case 5:
		key(text, &arena);
		break;
	case 6:
		calico_selector_parse_as(CALICO_API_V3, text, &arena, &err);
		break;
	}
	arena_release(&arena);
	return 0;
}
