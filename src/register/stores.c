#include "stores.h"

#include <string.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/register/rules.h"

void store_add_place(struct strbuf *out, const struct register_service *service)
{
	bool bracket = strchr(service->address, ':');

	strbuf_addf(out, "%s%s%s:%d", bracket ? "[" : "", service->address, bracket ? "]" : "",
		    service->port);
}
