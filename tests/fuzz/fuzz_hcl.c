#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/hcl.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };

	hcl_parse((const char *)data, size, &arena, &err);
	arena_release(&arena);
	return 0;
}
