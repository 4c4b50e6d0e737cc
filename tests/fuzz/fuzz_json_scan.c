/* Whatever json_parse takes as a list, the scanner cuts into the same number of items. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>

#include "binnacle/base/json.h"
#include "binnacle/base/json_scan.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct json_text text = { (const char *)data, size }, key, value;
	struct json_scan scan = json_scan_begin(text);
	struct err err = { 0 };
	struct json *doc = json_parse(text.at, text.len, &err);
	size_t count = 0;

	while (json_scan_next(&scan, &key, &value)) {
		json_text_hash(value);
		free(json_text_dup(value));
		count++;
	}
	if ((json_is_array(doc) || json_is_object(doc)) && !scan.failed && count != json_count(doc))
		abort();
	json_free(doc);
	return 0;
}
