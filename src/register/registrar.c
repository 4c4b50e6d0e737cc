/*
 * The two halves and the outside: options are copied, events get their time and node.
 */
#include "binnacle/register/registrar.h"

#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/docker/docker.h"
#include "registrar_private.h"

static const char *const mode_names[] = {
	[REGISTRAR_OFF] = "off",
	[REGISTRAR_HOLD] = "hold",
	[REGISTRAR_AUTO] = "auto",
};

const char *registrar_mode_name(enum registrar_mode mode)
{
	return mode_names[mode];
}

bool registrar_mode_parse(const char *text, enum registrar_mode *out)
{
	for (size_t i = 0; i < COUNT_OF(mode_names); i++) {
		if (strcmp(text, mode_names[i]) == 0) {
			*out = (enum registrar_mode)i;
			return true;
		}
	}
	return false;
}

const char *registrar_action_name(enum registrar_action action)
{
	static const char *const names[] = {
		[REGISTRAR_ADDED] = "added",         [REGISTRAR_REMOVED] = "removed",
		[REGISTRAR_IGNORED] = "ignored",     [REGISTRAR_STALE] = "stale",
		[REGISTRAR_DANGLING] = "dangling",   [REGISTRAR_FAILED] = "FAILED",
		[REGISTRAR_RESYNC] = "resync",       [REGISTRAR_REFRESHED] = "refreshed",
		[REGISTRAR_DRAINED] = "drained",     [REGISTRAR_WARNED] = "warning",
		[REGISTRAR_DUPLICATE] = "duplicate",
	};

	return names[action];
}

static const char *text_or_empty(const char *text)
{
	return text ? text : "";
}

void registrar_tell(struct registrar *registrar, const struct registrar_event *event)
{
	enum { SHORT_ID_LEN = 12 };
	struct registrar_event full = *event;
	char *short_id;

	if (!registrar->callbacks.event)
		return;
	short_id = xasprintf("%.*s", SHORT_ID_LEN, text_or_empty(event->container_id));
	full.wall_ms = clock_wall_ms();
	full.service = text_or_empty(event->service);
	full.instance = text_or_empty(event->instance);
	full.why = text_or_empty(event->why);
	full.node = docker_name(registrar->docker);
	full.container = text_or_empty(event->container);
	full.container_id = short_id;
	full.source = text_or_empty(event->source);
	registrar->callbacks.event(registrar->arg, &full);
	free(short_id);
}

const char *registrar_hostname(const struct registrar *registrar)
{
	return registrar->options.hostname;
}

static void copy_options(struct registrar *registrar, const struct register_options *options)
{
	const char **texts[] = { &registrar->options.hostname,
				 &registrar->options.host_ip,
				 &registrar->options.ip,
				 &registrar->options.internal_networks,
				 &registrar->options.host_networks,
				 &registrar->options.use_ip_from_label,
				 &registrar->options.tags,
				 &registrar->options.meta_exclude,
				 &registrar->options.registered_by };

	registrar->options = *options;
	for (size_t i = 0; i < COUNT_OF(texts); i++)
		*texts[i] = arena_strdup(&registrar->option_texts, *texts[i]);
	if (!registrar->options.hostname) {
		char name[256] = "";

		if (gethostname(name, sizeof(name) - 1) != 0)
			name[0] = '\0';
		registrar->options.hostname = arena_strdup(&registrar->option_texts, name);
	}
}

struct registrar *registrar_new(struct loop *loop, struct docker *docker, struct registry *registry,
				const struct register_options *options,
				const struct registrar_callbacks *callbacks, void *arg,
				struct err *err)
{
	struct registrar *registrar;

	if (!register_options_check(options, err))
		return NULL;
	registrar = xcalloc(1, sizeof(*registrar));
	registrar->loop = loop;
	registrar->docker = docker;
	registrar->registry = registry;
	registrar->callbacks = *callbacks;
	registrar->arg = arg;
	registrar->mode = REGISTRAR_HOLD;
	copy_options(registrar, options);
	ledger_start(registrar);
	boxes_start(registrar);
	return registrar;
}

void registrar_free(struct registrar *registrar)
{
	if (!registrar)
		return;
	tasks_stop(registrar);
	drain_stop(registrar);
	boxes_stop(registrar);
	ledger_stop(registrar);
	arena_release(&registrar->option_texts);
	free(registrar);
}

void registrar_set_mode(struct registrar *registrar, enum registrar_mode mode)
{
	registrar->mode = mode;
	ledger_schedule(registrar);
}

enum registrar_mode registrar_get_mode(const struct registrar *registrar)
{
	return registrar->mode;
}

void registrar_get_status(const struct registrar *registrar, struct registrar_status *out)
{
	*out = (struct registrar_status){
		.mode = registrar->mode,
		.docker_up = registrar->docker_up,
		.docker_err = registrar->docker_up ? "" : registrar->docker_err.msg,
		.registry_up = registrar->registry_up,
		.registry_err = registrar->registry_up ? "" : registrar->registry_err.msg,
		.pending = registrar->pending.count,
		.last_resync_ms = registrar->last_resync_ms,
	};
	out->synced = registrar->registered && boxes_are_known(registrar) && !registrar->step;
	for (size_t i = 0; i < registrar->boxes.count; i++) {
		const struct box *box = registrar->boxes.entries[i].value;

		if (box->is_kept)
			continue;
		out->containers++;
		out->wanted += box->wanted.service_count;
	}
	for (size_t i = 0; i < registrar->pending.count; i++)
		out->failing += registrar->pending.items[i].failures > 0;
}

const struct reconcile *registrar_pending(const struct registrar *registrar)
{
	return &registrar->pending;
}

const struct register_wanted *registrar_wanted(const struct registrar *registrar,
					       const char *container)
{
	const struct box *box = boxes_find(registrar, container);

	return box && box->is_known && !box->is_kept ? &box->wanted : NULL;
}

const struct register_wanted *registrar_wanted_at(const struct registrar *registrar, size_t index)
{
	for (size_t i = 0; i < registrar->boxes.count; i++) {
		const struct box *box = registrar->boxes.entries[i].value;

		if (box->is_known && !box->is_kept && index-- == 0)
			return &box->wanted;
	}
	return NULL;
}

const struct json *registrar_registered(const struct registrar *registrar, const char *id)
{
	return json_member(registrar->registered, id);
}

void registrar_resync(struct registrar *registrar)
{
	registrar_tell(registrar, &(struct registrar_event){ .action = REGISTRAR_RESYNC,
							     .why = "asked for",
							     .source = "operator" });
	boxes_list(registrar);
	ledger_resync(registrar);
}
