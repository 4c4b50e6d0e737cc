#include "binnacle/model/model.h"

#include <assert.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/mem.h"

struct model_watch {
	struct model *model;
	struct model_watch *next;
	unsigned bits;
	model_changed_fn *fn;
	void *arg;
	bool stopped; /* freed when nobody walks the list any more */
};

struct model {
	struct snapshot *tables[MODEL_TABLE_COUNT];
	bool published[MODEL_TABLE_COUNT];
	struct source_status sources[SOURCE_COUNT];
	struct model_facts facts;
	struct model_watch *watches;
	unsigned telling;
};

/* ORDER SOURCE */
static const char *const source_names[SOURCE_COUNT] = { "consul", "docker", "calico", "nginx" };

/* ORDER TABLE */
static const enum model_source table_sources[MODEL_TABLE_COUNT] = {
	SOURCE_CONSUL, SOURCE_CONSUL, SOURCE_CONSUL, SOURCE_DOCKER, SOURCE_NGINX,  SOURCE_CALICO,
	SOURCE_DOCKER, SOURCE_CALICO, SOURCE_CALICO, SOURCE_CALICO, SOURCE_CALICO, SOURCE_CALICO,
	SOURCE_CALICO, SOURCE_DOCKER, SOURCE_COUNT,  SOURCE_COUNT,  SOURCE_NGINX,
};

static void sweep(struct model *model)
{
	struct model_watch **link = &model->watches, *watch;

	while ((watch = *link)) {
		if (watch->stopped) {
			*link = watch->next;
			free(watch);
		} else {
			link = &watch->next;
		}
	}
}

static void tell(struct model *model, unsigned bits)
{
	model->telling++;
	for (struct model_watch *watch = model->watches; watch; watch = watch->next)
		if (!watch->stopped && (watch->bits & bits))
			watch->fn(watch->arg, bits);
	if (--model->telling == 0)
		sweep(model);
}

struct model *model_new(void)
{
	struct model *model = xcalloc(1, sizeof(*model));

	for (int i = 0; i < MODEL_TABLE_COUNT; i++)
		model->tables[i] = snapshot_new((enum model_table)i);
	for (int i = 0; i < SOURCE_COUNT; i++)
		model->sources[i] =
			(struct source_status){ .since_mono_ms = clock_mono_ms(), .took_ms = -1 };
	return model;
}

void model_free(struct model *model)
{
	if (!model)
		return;
	assert(!model->telling);
	for (int i = 0; i < MODEL_TABLE_COUNT; i++)
		snapshot_unref(&model->tables[i]);
	assert(!model->watches);
	free(model);
}

void model_publish(struct model *model, struct snapshot *snapshot)
{
	struct snapshot *old = model->tables[snapshot->table];

	if (!snapshot->taken_ms)
		snapshot->taken_ms = clock_wall_ms();
	snapshot_seal(snapshot);
	model->tables[snapshot->table] = snapshot;
	model->published[snapshot->table] = true;
	tell(model, MODEL_BIT(snapshot->table));
	snapshot_unref(&old);
}

struct snapshot *model_current(const struct model *model, enum model_table table)
{
	assert(table < MODEL_TABLE_COUNT);
	return model->tables[table];
}

bool model_has(const struct model *model, enum model_table table)
{
	return model->published[table];
}

void model_set_source(struct model *model, enum model_source source, enum source_health health,
		      const char *detail, const char *message)
{
	struct source_status *status = &model->sources[source];
	struct source_status old = *status;

	if (status->health != health)
		status->since_mono_ms = clock_mono_ms();
	status->health = health;
	snprintf(status->detail, sizeof(status->detail), "%s", detail ? detail : "");
	snprintf(status->message, sizeof(status->message), "%s", message ? message : "");
	if (health == SOURCE_OK)
		status->alive_mono_ms = clock_mono_ms();
	if (old.health != health || strcmp(old.detail, status->detail) != 0 ||
	    strcmp(old.message, status->message) != 0)
		tell(model, MODEL_BIT_SOURCES);
}

void model_source_alive(struct model *model, enum model_source source, int64_t took_ms)
{
	struct source_status *status = &model->sources[source];

	status->alive_mono_ms = clock_mono_ms();
	if (took_ms >= 0)
		status->took_ms = took_ms;
}

void model_source_seen(struct model *model, enum model_source source, int64_t mono_ms)
{
	struct source_status *status = &model->sources[source];

	if (mono_ms > status->alive_mono_ms)
		status->alive_mono_ms = mono_ms;
}

const struct source_status *model_source(const struct model *model, enum model_source source)
{
	assert(source < SOURCE_COUNT);
	return &model->sources[source];
}

const char *model_source_name(enum model_source source)
{
	return source < SOURCE_COUNT ? source_names[source] : "binnacle";
}

enum model_source model_table_source(enum model_table table)
{
	return table_sources[table];
}

const struct model_facts *model_facts(const struct model *model)
{
	return &model->facts;
}

struct model_facts *model_facts_mut(struct model *model)
{
	return &model->facts;
}

void model_facts_changed(struct model *model)
{
	tell(model, MODEL_BIT_FACTS);
}

struct model_watch *model_watch_start(struct model *model, unsigned bits, model_changed_fn *fn,
				      void *arg)
{
	struct model_watch *watch = xcalloc(1, sizeof(*watch));

	*watch = (struct model_watch){ model, model->watches, bits, fn, arg, false };
	model->watches = watch;
	return watch;
}

void model_watch_stop(struct model_watch **watch)
{
	struct model_watch *old = *watch;

	*watch = NULL;
	if (!old)
		return;
	old->stopped = true;
	if (!old->model->telling)
		sweep(old->model);
}

const char *engine_mode_name(enum engine_mode mode)
{
	static const char *const names[] = { "off", "hold", "auto" };

	return names[mode];
}
