/* Changes are collected until the loop is about to do something else: many templates that change
 * together are one publication. */
#include "bridge_render.h"

#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strmap.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/render/runner.h"
#include "binnacle/tmpl/deps.h"

#define FIRST_MS     3000 /* the first publication waits this long for the first data */
#define LOOK_MS      50
#define LOAD_LOOK_MS 2000

struct bridge_render {
	struct loop *loop;
	struct model *model;
	struct render_runner *runner;
	struct loop_deferred *deferred;
	struct loop_timer *timer;
	int64_t born_ms;
	bool published;
	struct render_load load;      /* as published */
	struct loop_timer *load_look; /* nothing tells of its changes */
	struct strmap logged;         /* template -> state that was logged last, as a pointer */
};

static enum row_state row_state_of(const struct render_status *status)
{
	switch (status->state) {
	case RENDER_CLEAN:
		return status->not_loaded ? STATE_WARN : STATE_PASS;
	case RENDER_PENDING:
		return STATE_PENDING;
	case RENDER_HELD:
		return STATE_HELD;
	case RENDER_VALIDATING:
	case RENDER_RENDERING:
	case RENDER_RELOADING:
		return STATE_RUNNING;
	case RENDER_FAILED:
		return STATE_FAILED;
	default:
		return STATE_UNKNOWN;
	}
}

static const char *check_word(enum render_verdict verdict)
{
	switch (verdict) {
	case RENDER_CHECK_OK:
		return "ok";
	case RENDER_CHECK_FAIL:
		return "FAIL";
	default:
		return "?";
	}
}

/* One line per change of state; the failure in its own words. */
static void log_state(struct bridge_render *bridge, const struct render_status *status)
{
	static const char marks[RENDER_STATE_COUNT];
	const void *mark = &marks[status->state];

	if (strmap_get(&bridge->logged, status->name) == mark)
		return;
	strmap_put(&bridge->logged, status->name, (void *)(uintptr_t)mark);
	switch (status->state) {
	case RENDER_FAILED:
		log_error("render", "template=%s state=FAILED %s", status->name, status->err.msg);
		break;
	case RENDER_WAITING:
		log_info("render", "template=%s state=waiting for=%s", status->name,
			 status->waiting_count ? status->waiting_for[0] : "");
		break;
	case RENDER_CLEAN:
		log_info("render", "template=%s state=clean destination=%s", status->name,
			 status->destination);
		break;
	case RENDER_HELD:
		log_info("render", "template=%s state=HELD added=%zu removed=%zu %s", status->name,
			 status->added, status->removed, status->brake);
		break;
	default:
		log_debug("render", "template=%s state=%s", status->name,
			  render_state_name(status->state));
	}
}

/* One name per service, whatever its tags and filters. */
static struct text_list services_of(struct snapshot *snapshot, const struct dep_set *used)
{
	const char **names = arena_alloc(&snapshot->arena, dep_set_count(used) * sizeof(*names));
	size_t count = 0;

	for (size_t i = 0; i < dep_set_count(used); i++) {
		const struct dep *dep = dep_set_at(used, i);
		bool known = dep->kind != DEP_SERVICE;

		for (size_t n = 0; n < count && !known; n++)
			known = strcmp(names[n], dep->name) == 0;
		if (!known)
			names[count++] = arena_strdup(&snapshot->arena, dep->name);
	}
	return (struct text_list){ names, count };
}

static const int64_t *copy_times(struct arena *arena, const struct render_status *status)
{
	int64_t *times = arena_alloc(arena, status->waiting_count * sizeof(*times));

	for (size_t i = 0; i < status->waiting_count; i++)
		times[i] = status->waiting_since_ms[i];
	return times;
}

static void add_generation(struct snapshot *snapshot, const struct render_status *status,
			   const struct generation_row *generation)
{
	struct arena *arena = &snapshot->arena;
	struct generation_row *row = snapshot_add(snapshot);

	*row = *generation;
	row->template = arena_strdup(arena, status->name);
	row->name = generation->number ? arena_printf(arena, "%" PRId64, generation->number)
				       : generation->name;
	row->sha256 = arena_strdup(arena, generation->sha256);
	row->id = arena_printf(arena, "%s:%s", row->template, row->name);
}

/* The pending text when there is one that differs, the file, and what it has held before. */
static void add_generations(struct snapshot *snapshot, const struct render_runner *runner,
			    size_t index)
{
	const struct render_status *status = render_status(runner, index);
	const struct strbuf *pending = render_pending_text(runner, index);

	if (pending && strcmp(status->pending_sha256, status->live_sha256) != 0)
		add_generation(snapshot, status,
			       &(struct generation_row){ .name = "pending",
							 .status = "pending",
							 .state = STATE_PENDING,
							 .bytes = (int64_t)pending->len,
							 .sha256 = status->pending_sha256 });
	add_generation(snapshot, status,
		       &(struct generation_row){
			       .name = "live",
			       .status = status->written_ms ? "live" : "no file",
			       .state = STATE_PASS,
			       .time_ms = status->written_ms,
			       .bytes = (int64_t)render_live_text(runner, index)->len,
			       .sha256 = status->written_ms ? status->live_sha256 : "" });
	for (size_t i = 0; i < status->kept->len; i++) {
		const struct target_generation *kept = &status->kept->items[i];

		add_generation(
			snapshot, status,
			&(struct generation_row){ .number = (int64_t)kept->id,
						  .status = kept->absent ? "no file" : "kept",
						  .state = STATE_NONE,
						  .time_ms = kept->wall_ms,
						  .bytes = (int64_t)kept->size,
						  .sha256 = kept->absent ? "" : kept->sha256 });
	}
}

/* A script that asks right after the start is to see what would be written. */
static bool is_ready(const struct bridge_render *bridge)
{
	if (bridge->published || clock_mono_ms() - bridge->born_ms > FIRST_MS)
		return true;
	for (size_t i = 0; i < render_count(bridge->runner); i++)
		if (render_status(bridge->runner, i)->state == RENDER_WAITING)
			return false;
	return true;
}

static void on_timer(void *arg)
{
	struct bridge_render *bridge = arg;

	bridge->timer = NULL;
	bridge_render_changed(bridge, 0);
}

static void on_load_look(void *arg)
{
	struct bridge_render *bridge = arg;
	struct render_load load;

	bridge->load_look = loop_timer_start(bridge->loop, LOAD_LOOK_MS, on_load_look, bridge);
	render_load(bridge->runner, &load);
	if (load.connections != bridge->load.connections || load.waiting != bridge->load.waiting ||
	    load.dependencies != bridge->load.dependencies)
		bridge_render_changed(bridge, 0);
}

static void publish(void *arg)
{
	struct bridge_render *bridge = arg;
	struct snapshot *snapshot, *generations;
	struct arena *arena;

	bridge->deferred = NULL;
	if (!is_ready(bridge)) {
		if (!bridge->timer)
			bridge->timer = loop_timer_start(bridge->loop, LOOK_MS, on_timer, bridge);
		return;
	}
	bridge->published = true;
	render_load(bridge->runner, &bridge->load);
	snapshot = snapshot_new(MODEL_RENDERS);
	generations = snapshot_new(MODEL_GENERATIONS);
	arena = &snapshot->arena;
	for (size_t i = 0; i < render_count(bridge->runner); i++) {
		const struct render_status *status = render_status(bridge->runner, i);
		struct render *row = snapshot_add(snapshot);

		row->id = arena_strdup(arena, status->name);
		row->source = arena_strdup(arena, status->source);
		row->destination = arena_strdup(arena, status->destination);
		row->status = render_state_name(status->state);
		row->state = row_state_of(status);
		row->added = (int64_t)status->added;
		row->removed = (int64_t)status->removed;
		row->check = check_word(status->check);
		row->message = arena_strdup(arena, status->err.code     ? status->err.msg
						   : status->trouble[0] ? status->trouble
									: status->check_message);
		row->trigger = arena_strdup(arena, status->trigger);
		row->brake = arena_strdup(arena, status->brake);
		row->waiting_for =
			snapshot_list(snapshot, status->waiting_for, status->waiting_count);
		row->waiting_since_ms = copy_times(arena, status);
		row->cause = arena_strdup(arena, status->cause);
		row->executed_ms = status->executed_ms;
		row->executions = (int64_t)status->executions;
		row->dependencies = (int64_t)status->dependencies;
		row->connections = (int64_t)bridge->load.connections;
		row->queries_waiting = (int64_t)bridge->load.waiting;
		row->answers = (int64_t)bridge->load.dependencies;
		row->since_ms = status->since_ms;
		row->services = services_of(snapshot, render_used(bridge->runner, i));
		row->written_ms = status->written_ms;
		row->loaded_ms = status->loaded_ms;
		row->not_loaded = status->not_loaded;
		row->generations = (int64_t)status->generations;
		log_state(bridge, status);
		add_generations(generations, bridge->runner, i);
	}
	model_publish(bridge->model, generations);
	model_publish(bridge->model, snapshot);
}

struct bridge_render *bridge_render_new(struct loop *loop, struct model *model)
{
	struct bridge_render *bridge = xcalloc(1, sizeof(*bridge));

	bridge->loop = loop;
	bridge->model = model;
	bridge->born_ms = clock_mono_ms();
	return bridge;
}

void bridge_render_free(struct bridge_render *bridge)
{
	if (!bridge)
		return;
	loop_deferred_cancel(&bridge->deferred);
	loop_timer_stop(&bridge->timer);
	loop_timer_stop(&bridge->load_look);
	strmap_release(&bridge->logged);
	free(bridge);
}

void bridge_render_attach(struct bridge_render *bridge, struct render_runner *runner)
{
	bridge->runner = runner;
	bridge->load_look = loop_timer_start(bridge->loop, LOAD_LOOK_MS, on_load_look, bridge);
	bridge_render_changed(bridge, 0);
}

void bridge_render_changed(void *arg, size_t index)
{
	struct bridge_render *bridge = arg;

	(void)index;
	if (bridge->runner && !bridge->deferred)
		bridge->deferred = loop_defer(bridge->loop, publish, bridge);
}
