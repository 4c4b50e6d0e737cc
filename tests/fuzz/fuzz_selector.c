/* Any text is a selector or an error; a selector can be evaluated, and "!(s)" is its opposite. */
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json_decode.h"
#include "binnacle/base/mem.h"
#include "binnacle/calico/selector.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	static const struct json_pair labels[] = { { "a", "x" }, { "role", "nginx" } };
	static const struct json_list list = { labels, 2 };
	char *text = xstrndup((const char *)data, size);
	char *negated = xasprintf("!(%s)", text);
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };
	const struct calico_selector *selector = calico_selector_parse(text, &arena, &err);
	const struct calico_selector *opposite;

	if (!selector && (err.code != ERR_INPUT || !*err.msg))
		abort();
	opposite = selector ? calico_selector_parse(negated, &arena, &err) : NULL;
	/* The opposite of nothing is no selector, and the parentheses may be one too many. */
	if (opposite && calico_selector_matches_labels(selector, &list) ==
				calico_selector_matches_labels(opposite, &list))
		abort();
	arena_release(&arena);
	free(negated);
	free(text);
	return 0;
}
