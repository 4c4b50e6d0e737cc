/* The registrar holds and so never writes; what it would, is in its list of what is wanted. */
#include "registrator_dry.h"

#include "binnacle/register/registrar.h"
#include "binnacle/register/registry.h"

struct registry *registrator_dry_registry(void)
{
	static const struct registry_ops ops = { .name = "dry run" };

	return registry_new(&ops, NULL, "");
}

void registrator_dry_print(struct strbuf *out, const struct registrar *registrar)
{
	const struct register_wanted *wanted;
	const char *between = "\n  ";

	strbuf_addch(out, '[');
	for (size_t i = 0; (wanted = registrar_wanted_at(registrar, i)); i++) {
		for (size_t s = 0; s < wanted->service_count; s++) {
			strbuf_addstr(out, between);
			registry_body(out, &wanted->services[s]);
			between = ",\n  ";
		}
	}
	strbuf_addstr(out, "\n]\n");
}
