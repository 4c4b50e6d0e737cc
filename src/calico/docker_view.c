/*
 * The view is filled by the same functions from recorded documents and from answers. The
 * gatherer asks step by step: info, list, inspects (a few at a time), networks, each Calico
 * network; the first error ends it with an incomplete view.
 */
#include "binnacle/calico/docker_view.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/endpoint.h"

#define LABEL_PREFIX  "org.projectcalico.label."
#define RECORD_PREFIX "ep-"
enum { INSPECTS_AT_ONCE = 4 };

struct view_box {
	struct calico_docker_view view; /* first: the public face of the same object */
	unsigned refs;
	struct arena arena;
	struct calico_container *containers;
	size_t container_cap;
	struct calico_record *records;
	size_t record_cap;
};

static struct view_box *box_of(struct calico_docker_view *view)
{
	return (struct view_box *)view;
}

struct calico_docker_view *calico_docker_view_new(const char *source)
{
	struct view_box *box = xcalloc(1, sizeof(*box));

	box->refs = 1;
	box->view.source = arena_strdup(&box->arena, source);
	box->view.problem = "not asked to the end";
	box->view.daemon_id = box->view.daemon_name = box->view.cluster_advertise = "";
	box->view.server_version = box->view.cluster_store = "";
	box->view.started_mono_ms = clock_mono_ms();
	box->view.taken_wall_ms = clock_wall_ms();
	return &box->view;
}

struct calico_docker_view *calico_docker_view_ref(struct calico_docker_view *view)
{
	box_of(view)->refs++;
	return view;
}

void calico_docker_view_unref(struct calico_docker_view *view)
{
	struct view_box *box;

	if (!view)
		return;
	box = box_of(view);
	assert(box->refs > 0);
	if (--box->refs)
		return;
	free(box->containers);
	free(box->records);
	arena_release(&box->arena);
	free(box);
}

bool calico_docker_view_add_info(struct calico_docker_view *view, const struct json *doc,
				 struct err *err)
{
	struct arena *arena = &box_of(view)->arena;

	if (!json_is_object(doc))
		return err_set(err, ERR_FORMAT, "/info is not an object");
	view->daemon_id = arena_strdup(arena, json_str(doc, "ID", ""));
	view->daemon_name = arena_strdup(arena, json_str(doc, "Name", ""));
	view->cluster_store = arena_strdup(arena, json_str(doc, "ClusterStore", ""));
	view->cluster_advertise = arena_strdup(arena, json_str(doc, "ClusterAdvertise", ""));
	view->server_version = arena_strdup(arena, json_str(doc, "ServerVersion", ""));
	return true;
}

static const char *status_of(const struct json *state)
{
	const char *status = json_str(state, "Status", "");

	if (*status)
		return status;
	if (json_bool(state, "Paused", false))
		return "paused";
	if (json_bool(state, "Restarting", false))
		return "restarting";
	if (json_bool(state, "Running", false))
		return "running";
	return json_bool(state, "Dead", false) ? "dead" : "exited";
}

static const struct {
	const char *status;
	enum calico_container_phase phase;
	bool running;
} phases[] = {
	{ "running", CALICO_CONTAINER_ALIVE, true },
	{ "paused", CALICO_CONTAINER_ALIVE, true },
	{ "restarting", CALICO_CONTAINER_ALIVE, true },
	{ "created", CALICO_CONTAINER_ALIVE, false },
	{ "exited", CALICO_CONTAINER_ENDED, false },
	{ "dead", CALICO_CONTAINER_ENDED, false },
};

static void set_phase(struct calico_container *container)
{
	container->phase = CALICO_CONTAINER_GOING;
	for (size_t i = 0; i < COUNT_OF(phases); i++) {
		if (strcmp(container->status, phases[i].status) == 0) {
			container->phase = phases[i].phase;
			container->running = phases[i].running;
		}
	}
}

static void add_attachments(struct calico_container *container, const struct json *networks,
			    struct arena *arena)
{
	struct calico_attachment *all =
		arena_alloc(arena, (json_count(networks) + 1) * sizeof(*all));

	JSON_EACH(network, networks)
	{
		struct calico_attachment *one = &all[container->attachment_count++];

		one->network = arena_strdup(arena, json_key(network));
		one->endpoint_id = arena_strdup(arena, json_str(network, "EndpointID", ""));
		calico_net_parse(&one->address, json_str(network, "IPAddress", ""));
		calico_net_parse(&one->address6, json_str(network, "GlobalIPv6Address", ""));
		calico_net_parse(&one->wanted, json_str(network, "IPAMConfig.IPv4Address", ""));
		calico_net_parse(&one->wanted6, json_str(network, "IPAMConfig.IPv6Address", ""));
	}
	container->attachments = all;
}

static void add_labels(struct calico_container *container, const struct json *labels,
		       struct arena *arena)
{
	struct json_pair *pairs = arena_alloc(arena, (json_count(labels) + 1) * sizeof(*pairs));
	size_t count = 0;

	JSON_EACH(label, labels)
	{
		if (!text_starts_with(json_key(label), LABEL_PREFIX))
			continue;
		pairs[count].key = arena_strdup(arena, json_key(label) + strlen(LABEL_PREFIX));
		pairs[count++].value = arena_strdup(arena, json_as_str(label, ""));
	}
	container->calico_labels = (struct json_list){ pairs, count };
}

bool calico_docker_view_add_container(struct calico_docker_view *view, const struct json *doc,
				      struct err *err)
{
	struct view_box *box = box_of(view);
	const struct json *state = json_get(doc, "State");
	const char *name = json_str(doc, "Name", ""), *id = json_str(doc, "Id", "");
	struct calico_container *container;

	if (!*id || !json_is_object(state))
		return err_set(err, ERR_FORMAT, "an inspected container has no Id or no State");
	GROW(box->containers, view->container_count, box->container_cap);
	view->containers = box->containers;
	container = &box->containers[view->container_count++];
	*container = (struct calico_container){ 0 };
	container->id = arena_strdup(&box->arena, id);
	container->name = arena_strdup(&box->arena, *name == '/' ? name + 1 : name);
	container->image = arena_strdup(&box->arena, json_str(doc, "Config.Image", ""));
	container->status = arena_strdup(&box->arena, status_of(state));
	container->error = arena_strdup(&box->arena, json_str(state, "Error", ""));
	container->started_wall_ms = clock_parse_rfc3339(json_str(state, "StartedAt", ""));
	container->finished_wall_ms = clock_parse_rfc3339(json_str(state, "FinishedAt", ""));
	set_phase(container);
	add_attachments(container, json_get(doc, "NetworkSettings.Networks"), &box->arena);
	add_labels(container, json_get(doc, "Config.Labels"), &box->arena);
	return true;
}

bool calico_docker_view_add_network(struct calico_docker_view *view, const struct json *doc,
				    struct err *err)
{
	struct view_box *box = box_of(view);
	const char *name, *id;

	if (!*json_str(doc, "Id", ""))
		return err_set(err, ERR_FORMAT, "a network has no Id");
	name = arena_strdup(&box->arena, json_str(doc, "Name", ""));
	id = arena_strdup(&box->arena, json_str(doc, "Id", ""));
	JSON_EACH(entry, json_member(doc, "Containers"))
	{
		struct calico_record *record;

		GROW(box->records, view->record_count, box->record_cap);
		view->records = box->records;
		record = &box->records[view->record_count++];
		*record = (struct calico_record){ .network = name, .network_id = id };
		record->is_record = text_starts_with(json_key(entry), RECORD_PREFIX);
		record->endpoint_id = arena_strdup(&box->arena, json_str(entry, "EndpointID", ""));
		record->name = arena_strdup(&box->arena, json_str(entry, "Name", ""));
		calico_net_parse(&record->address, json_str(entry, "IPv4Address", ""));
	}
	return true;
}

static struct json_list subnets_of(const struct json *network, struct arena *arena)
{
	const struct json *list = json_get(network, "IPAM.Config");
	const char **items = arena_alloc(arena, (json_count(list) + 1) * sizeof(*items));
	size_t count = 0;

	JSON_EACH(item, list)
	{
		if (*json_str(item, "Subnet", ""))
			items[count++] = arena_strdup(arena, json_str(item, "Subnet", ""));
	}
	return (struct json_list){ items, count };
}

bool calico_docker_view_add_networks(struct calico_docker_view *view, const struct json *list,
				     struct err *err)
{
	struct arena *arena = &box_of(view)->arena;
	struct calico_docker_network *networks;

	if (!json_is_array(list))
		return err_set(err, ERR_FORMAT, "a list was expected");
	networks = arena_alloc(arena, (json_count(list) + 1) * sizeof(*networks));
	view->networks = networks;
	view->network_count = 0;
	JSON_EACH(item, list)
	{
		networks[view->network_count++] = (struct calico_docker_network){
			.id = arena_strdup(arena, json_str(item, "Id", "")),
			.name = arena_strdup(arena, json_str(item, "Name", "")),
			.driver = arena_strdup(arena, json_str(item, "Driver", "")),
			.ipam = arena_strdup(arena, json_str(item, "IPAM.Driver", "")),
			.scope = arena_strdup(arena, json_str(item, "Scope", "")),
			.subnets = subnets_of(item, arena),
			.is_calico = calico_docker_network_is_calico(item),
		};
	}
	return true;
}

bool calico_docker_network_is_calico(const struct json *doc)
{
	return text_starts_with(json_str(doc, "Driver", ""), "calico") ||
	       text_starts_with(json_str(doc, "IPAM.Driver", ""), "calico");
}

void calico_docker_view_finish(struct calico_docker_view *view, const char *problem,
			       bool unreachable)
{
	view->complete = !problem;
	view->unreachable = problem && unreachable;
	view->problem = problem ? arena_strdup(&box_of(view)->arena, problem) : "";
	view->taken_wall_ms = clock_wall_ms();
}

const struct calico_container *calico_docker_view_find(const struct calico_docker_view *view,
						       const char *endpoint_id)
{
	for (size_t i = 0; i < view->container_count; i++) {
		const struct calico_container *container = &view->containers[i];

		for (size_t j = 0; j < container->attachment_count; j++)
			if (strcmp(container->attachments[j].endpoint_id, endpoint_id) == 0)
				return container;
	}
	return NULL;
}

const struct calico_record *calico_docker_view_record(const struct calico_docker_view *view,
						      const char *endpoint_id)
{
	for (size_t i = 0; i < view->record_count; i++)
		if (strcmp(view->records[i].endpoint_id, endpoint_id) == 0)
			return &view->records[i];
	return NULL;
}

enum gather_step {
	GATHER_INFO,
	GATHER_LIST,
	GATHER_INSPECT, /* up to INSPECTS_AT_ONCE calls */
	GATHER_NETWORKS,
	GATHER_NETWORK, /* up to INSPECTS_AT_ONCE calls */
};

/* One question under way. */
struct gather_call {
	struct calico_gather *gather;
	struct docker_call *call;
};

struct calico_gather {
	struct docker *docker;
	struct loop_timer *deadline;
	struct calico_docker_view *view;
	calico_view_fn *done;
	void *arg;
	enum gather_step step;
	struct gather_call calls[INSPECTS_AT_ONCE];
	size_t active;
	char **ids; /* of the containers, later of the networks */
	size_t id_count, id_cap, next_id;
};

static void gather_free(struct calico_gather *gather)
{
	loop_timer_stop(&gather->deadline);
	for (size_t i = 0; i < INSPECTS_AT_ONCE; i++)
		docker_call_cancel(&gather->calls[i].call);
	for (size_t i = 0; i < gather->id_count; i++)
		free(gather->ids[i]);
	free(gather->ids);
	calico_docker_view_unref(gather->view);
	free(gather);
}

/* Only from a completion. */
static void gather_finish(struct calico_gather *gather, const char *problem, bool unreachable)
{
	struct calico_docker_view *view = calico_docker_view_ref(gather->view);
	calico_view_fn *done = gather->done;
	void *arg = gather->arg;

	gather_free(gather);
	calico_docker_view_finish(view, problem, unreachable);
	done(arg, view);
	calico_docker_view_unref(view);
}

static void take_ids(struct calico_gather *gather, const struct json *list, bool calico_only)
{
	for (size_t i = 0; i < gather->id_count; i++)
		free(gather->ids[i]);
	gather->id_count = gather->next_id = 0;
	JSON_EACH(item, list)
	{
		const char *id = json_str(item, "Id", "");

		if (!*id || (calico_only && !calico_docker_network_is_calico(item)))
			continue;
		GROW(gather->ids, gather->id_count, gather->id_cap);
		gather->ids[gather->id_count++] = xstrdup(id);
	}
}

static bool take_answer(struct calico_gather *gather, const struct json *doc, struct err *err)
{
	switch (gather->step) {
	case GATHER_INFO:
		return calico_docker_view_add_info(gather->view, doc, err);
	case GATHER_LIST:
		if (!json_is_array(doc))
			return err_set(err, ERR_FORMAT, "a list was expected");
		take_ids(gather, doc, false);
		return true;
	case GATHER_NETWORKS:
		if (!calico_docker_view_add_networks(gather->view, doc, err))
			return false;
		take_ids(gather, doc, true);
		return true;
	case GATHER_INSPECT:
		return calico_docker_view_add_container(gather->view, doc, err);
	case GATHER_NETWORK:
		return calico_docker_view_add_network(gather->view, doc, err);
	}
	assert(!"a step without a case");
	return false;
}

static void on_docker_answer(void *arg, const struct json *doc, const struct err *err);

static void ask(struct calico_gather *gather, const char *path)
{
	for (size_t i = 0; i < INSPECTS_AT_ONCE; i++) {
		if (gather->calls[i].call)
			continue;
		gather->active++;
		gather->calls[i].gather = gather;
		gather->calls[i].call =
			docker_get(gather->docker, path, on_docker_answer, &gather->calls[i]);
		return;
	}
	assert(!"more calls than places");
}

static void ask_about_ids(struct calico_gather *gather, const char *before, const char *after)
{
	struct strbuf path = STRBUF_INIT;

	while (gather->active < INSPECTS_AT_ONCE && gather->next_id < gather->id_count) {
		strbuf_reset(&path);
		strbuf_addstr(&path, before);
		url_escape(&path, gather->ids[gather->next_id++]);
		strbuf_addstr(&path, after);
		ask(gather, path.buf);
	}
	strbuf_release(&path);
}

/* Ask what is next. False: that was all. */
static bool advance(struct calico_gather *gather)
{
	for (;;) {
		if (gather->step == GATHER_INSPECT)
			ask_about_ids(gather, "/containers/", "/json");
		else if (gather->step == GATHER_NETWORK)
			ask_about_ids(gather, "/networks/", "");
		if (gather->active)
			return true;
		if (gather->step == GATHER_NETWORK)
			return false;
		gather->step++;
		if (gather->step == GATHER_LIST)
			ask(gather, "/containers/json?all=1");
		else if (gather->step == GATHER_NETWORKS)
			ask(gather, "/networks");
	}
}

static void on_docker_answer(void *arg, const struct json *doc, const struct err *err)
{
	struct gather_call *call = arg;
	struct calico_gather *gather = call->gather;
	bool one_of_many = gather->step == GATHER_INSPECT || gather->step == GATHER_NETWORK;
	struct err failure = { 0 };

	call->call = NULL;
	gather->active--;
	if (err && !(one_of_many && err->code == ERR_NOT_FOUND)) {
		failure = *err;
	} else if (!err && !take_answer(gather, doc, &failure)) {
		err_context(&failure, "docker %s", docker_name(gather->docker));
	}
	if (failure.code)
		gather_finish(gather, failure.msg,
			      gather->step == GATHER_INFO && failure.code == ERR_UNREACHABLE);
	else if (!advance(gather))
		gather_finish(gather, NULL, false);
}

static void on_deadline(void *arg)
{
	struct calico_gather *gather = arg;

	gather->deadline = NULL;
	gather_finish(gather, "the daemon took more than a minute to answer everything",
		      gather->step == GATHER_INFO);
}

struct calico_gather *calico_gather_start(struct loop *loop, struct docker *docker,
					  calico_view_fn *done, void *arg)
{
	struct calico_gather *gather = xcalloc(1, sizeof(*gather));

	gather->docker = docker;
	gather->done = done;
	gather->arg = arg;
	gather->view = calico_docker_view_new(docker_name(docker));
	gather->deadline = loop_timer_start(loop, CALICO_GATHER_MAX_MS, on_deadline, gather);
	ask(gather, "/info");
	return gather;
}

void calico_gather_cancel(struct calico_gather **gather)
{
	if (!*gather)
		return;
	gather_free(*gather);
	*gather = NULL;
}
