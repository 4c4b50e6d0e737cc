/* Any text is a file of policies or one sentence; what is taken is shown, read again and stays the
 * same: nothing of a policy is lost between the file, the store and the screen. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/yaml.h"
#include "binnacle/calico/policy_file.h"
#include "binnacle/calico/resource.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void show(const struct calico_policy_draft *draft, struct arena *arena, struct strbuf *out)
{
	struct calico_policy policy = { .name = draft->name, .value = draft->value };
	struct err err = { 0 };
	struct json *doc;

	if (!calico_policy_decode(&policy, draft->value, arena, &err))
		abort();
	doc = calico_resource_of_policy(&policy, CALICO_API_V1);
	yaml_write(out, doc);
	json_free(doc);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = ARENA_INIT;
	struct json_list drafts, again;
	struct err err = { 0 };

	if (!calico_policy_file_read((const char *)data, size, CALICO_API_V1, &arena, &drafts,
				     &err)) {
		if (!*err.msg || strchr(err.msg, '\n'))
			abort();
		arena_release(&arena);
		return 0;
	}
	for (size_t i = 0; i < drafts.count; i++) {
		const struct calico_policy_draft *draft =
			&((const struct calico_policy_draft *)drafts.items)[i];
		struct strbuf yaml = STRBUF_INIT, twice = STRBUF_INIT;

		show(draft, &arena, &yaml);
		if (!calico_policy_file_read(yaml.buf, yaml.len, CALICO_API_V1, &arena, &again,
					     &err))
			abort();
		show(again.items, &arena, &twice);
		if (strcmp(yaml.buf, twice.buf) != 0)
			abort();
		strbuf_release(&yaml);
		strbuf_release(&twice);
	}
	arena_release(&arena);
	return 0;
}
