/*
 * Maintenance from the signal that asks a container to end to its end, so that consumers turn
 * away before connections break. What survives its signal is put back after a while, and a new
 * life of the container at once.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/log.h"
#include "binnacle/loop/loop.h"
#include "binnacle/register/registry.h"
#include "registrar_private.h"

/* Longer than any sensible time to stop. */
enum { DRAIN_MAX_MS = 600000 };

struct drain {
	struct registrar *registrar;
	char *id, *name, *container_id;
	bool is_on; /* what is asked for */
	struct registry_call *call;
	struct loop_timer *timer;
};

static void free_drain(struct drain *drain)
{
	registry_cancel(&drain->call);
	loop_timer_stop(&drain->timer);
	free(drain->id);
	free(drain->name);
	free(drain->container_id);
	free(drain);
}

void drain_forget(struct registrar *registrar, const char *id)
{
	struct drain *drain = strmap_remove(&registrar->drains, id);

	if (drain)
		free_drain(drain);
}

void drain_stop(struct registrar *registrar)
{
	for (size_t i = 0; i < registrar->drains.count; i++)
		free_drain(registrar->drains.entries[i].value);
	strmap_release(&registrar->drains);
}

static void ask(struct drain *drain, bool on);

static void on_too_long(void *arg)
{
	struct drain *drain = arg;
	const struct box *box = strmap_get(&drain->registrar->boxes, drain->container_id);

	drain->timer = NULL;
	/* It ended and its registration stays on purpose: nobody is to go there. */
	if (!box || box->is_kept)
		return;
	log_warn("register",
		 "%s got its stop signal %d minutes ago and runs: back from maintenance", drain->id,
		 DRAIN_MAX_MS / 60000);
	ask(drain, false);
}

static void on_answer(void *arg, const struct json *doc, const struct err *err)
{
	struct drain *drain = arg;

	(void)doc;
	drain->call = NULL;
	/* What the registry does not know needs no maintenance. */
	if (err && err->code != ERR_NOT_FOUND)
		log_warn("register", "maintenance of %s: %s", drain->id, err->msg);
	else if (!err)
		registrar_tell(drain->registrar,
			       &(struct registrar_event){ .action = REGISTRAR_DRAINED,
							  .service = drain->name,
							  .instance = drain->id,
							  .why = drain->is_on ? "stop signal"
									      : "still runs",
							  .source = "event" });
	if (!drain->is_on)
		drain_forget(drain->registrar, drain->id);
}

static void ask(struct drain *drain, bool on)
{
	struct register_service service = { .id = drain->id, .name = drain->name };

	/* The newer wish counts; the agent takes them in the order of the connections. */
	registry_cancel(&drain->call);
	drain->is_on = on;
	drain->call = registry_drain(drain->registrar->registry, &service, on, on_answer, drain);
}

void drain_box(struct box *box)
{
	struct registrar *registrar = box->registrar;

	if (!registrar->options.drain || registrar->mode != REGISTRAR_AUTO ||
	    !registry_can_drain(registrar->registry))
		return;
	for (size_t i = 0; i < box->wanted.service_count; i++) {
		const struct register_service *service = &box->wanted.services[i];
		struct drain *drain = strmap_get(&registrar->drains, service->id);

		if (drain)
			continue;
		drain = xcalloc(1, sizeof(*drain));
		drain->registrar = registrar;
		drain->id = xstrdup(service->id);
		drain->name = xstrdup(service->name);
		drain->container_id = xstrdup(box->id);
		drain->timer = loop_timer_start(registrar->loop, DRAIN_MAX_MS, on_too_long, drain);
		strmap_put(&registrar->drains, drain->id, drain);
		ask(drain, true);
	}
}

void drain_end(struct box *box)
{
	struct registrar *registrar = box->registrar;

	for (size_t i = 0; i < box->wanted.service_count; i++) {
		struct drain *drain = strmap_get(&registrar->drains, box->wanted.services[i].id);

		if (!drain || !drain->is_on)
			continue;
		loop_timer_stop(&drain->timer);
		ask(drain, false);
	}
}
