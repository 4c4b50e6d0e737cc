/*
 * Registrations by somebody else of what we register: the same service at the same address and
 * port under another id. A second registrator on this host, or the same one from before its
 * hostname changed; consumers count such an instance twice.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/strbuf.h"
#include "registrar_private.h"

static const char *place_of(struct strbuf *out, const char *name, const char *address, int64_t port)
{
	strbuf_reset(out);
	strbuf_addf(out, "%lld %s %s", (long long)port, address, name);
	return out->buf;
}

static bool is_wanted(const struct registrar *registrar, const char *id)
{
	return strmap_has(&registrar->owned, id);
}

const struct json *registrar_twin(const struct registrar *registrar,
				  const struct register_service *service)
{
	const char *id = strmap_get(&registrar->twin_of, service->id);

	return id ? json_member(registrar->registered, id) : NULL;
}

static void forget(struct registrar *registrar)
{
	for (size_t i = 0; i < registrar->twin_of.count; i++)
		free(registrar->twin_of.entries[i].value);
	strmap_release(&registrar->twin_of);
}

void twins_stop(struct registrar *registrar)
{
	forget(registrar);
	strmap_release(&registrar->twins);
}

static void tell(struct registrar *registrar, const struct json *entry,
		 const struct register_service *service)
{
	char *why = xasprintf("%s:%d is %s, too: another registrator, or left from another "
			      "hostname",
			      service->address, service->port, service->id);

	registrar_tell(registrar, &(struct registrar_event){ .action = REGISTRAR_DUPLICATE,
							     .service = service->name,
							     .instance = json_key(entry),
							     .why = why,
							     .container = service->container_name,
							     .container_id = service->container_id,
							     .source = "resync" });
	free(why);
}

/* Each is told once, and again when it was gone in between. */
void twins_look(struct registrar *registrar)
{
	struct strmap places = STRMAP_INIT, twins = STRMAP_INIT;
	struct strbuf place = STRBUF_INIT;
	const struct register_wanted *wanted;

	registrar->is_twins_due = false;
	forget(registrar);
	for (size_t i = 0; (wanted = registrar_wanted_at(registrar, i)); i++) {
		for (size_t s = 0; s < wanted->service_count; s++) {
			const struct register_service *service = &wanted->services[s];

			/* Without one it is the node's, and any two of them would be alike. */
			if (*service->address)
				strmap_put(&places,
					   place_of(&place, service->name, service->address,
						    service->port),
					   (void *)(uintptr_t)service);
		}
	}
	JSON_EACH(entry, registrar->registered)
	{
		const char *id = json_key(entry);
		const struct register_service *service =
			strmap_get(&places, place_of(&place, json_str(entry, "Service", ""),
						     json_str(entry, "Address", ""),
						     json_int(entry, "Port", 0)));

		if (!service || is_wanted(registrar, id))
			continue;
		strmap_put(&twins, id, registrar);
		free(strmap_put(&registrar->twin_of, service->id, xstrdup(id)));
		if (!strmap_has(&registrar->twins, id))
			tell(registrar, entry, service);
	}
	strmap_release(&registrar->twins);
	registrar->twins = twins;
	strmap_release(&places);
	strbuf_release(&place);
}
