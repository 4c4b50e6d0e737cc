/*
 * model/model.h - what is known now: one snapshot per table, the state of each source, a few
 * facts. Feeds publish; both front ends read.
 *
 * Nothing here fetches. Publishing tells the watchers in the same call, so a watcher only marks
 * itself dirty.
 */
#ifndef BINNACLE_MODEL_MODEL_H
#define BINNACLE_MODEL_MODEL_H

#include <stdbool.h>
#include <stdint.h>

#include "binnacle/model/snapshot.h"

struct model;
struct model_watch;

/* Where facts come from. ORDER SOURCE */
enum model_source { SOURCE_CONSUL, SOURCE_DOCKER, SOURCE_CALICO, SOURCE_NGINX, SOURCE_COUNT };

enum source_health {
	SOURCE_OFF,     /* not configured */
	SOURCE_LOADING, /* asked, no answer yet */
	SOURCE_OK,
	SOURCE_STALE, /* answers, but old or without a leader */
	SOURCE_DOWN,
	SOURCE_DENIED,
};

struct source_status {
	enum source_health health;
	int64_t since_mono_ms; /* in this health */
	int64_t alive_mono_ms; /* last proof of life; 0: never */
	int64_t took_ms;       /* round trip of the last request, -1: unknown */
	char detail[24];       /* "1/2" daemons, a pid; may be empty */
	char message[240];     /* why it is not ok: what, where, what to try */
};

enum engine_mode { MODE_OFF, MODE_HOLD, MODE_AUTO };

struct model_facts {
	char datacenter[64], leader[64], node[64]; /* node: whose agent we talk to */
	bool production, read_only;
	enum engine_mode render_mode, register_mode;
	bool auto_failing; /* a step of an engine half in auto fails */
};

/* Bits for model_watch: one per table, then these. */
#define MODEL_BIT(table)  (1u << (table))
#define MODEL_BIT_SOURCES (1u << MODEL_TABLE_COUNT)
#define MODEL_BIT_FACTS   (2u << MODEL_TABLE_COUNT)
#define MODEL_BIT_ALL     (~0u)

typedef void model_changed_fn(void *arg, unsigned bits);

struct model *model_new(void);
void model_free(struct model *model);

void model_publish(struct model *model, struct snapshot *snapshot); /* takes the reference */
/* Borrowed until the next publish of that table; never NULL (empty before the first). */
struct snapshot *model_current(const struct model *model, enum model_table table);
bool model_has(const struct model *model, enum model_table table); /* was ever published */

/* health other than OK: message says why; of OK it is something to know all the same. Keeps `since`
 * when the health is the same. */
void model_set_source(struct model *model, enum model_source source, enum source_health health,
		      const char *detail, const char *message);
void model_source_alive(struct model *model, enum model_source source, int64_t took_ms);
/* Its data was known to be current at this time (monotonic), which may lie back. */
void model_source_seen(struct model *model, enum model_source source, int64_t mono_ms);
const struct source_status *model_source(const struct model *model, enum model_source source);
const char *model_source_name(enum model_source source);
/* Which source a table comes from. */
enum model_source model_table_source(enum model_table table);

const struct model_facts *model_facts(const struct model *model);
/* Change facts in place, then call model_facts_changed. */
struct model_facts *model_facts_mut(struct model *model);
void model_facts_changed(struct model *model);

struct model_watch *model_watch_start(struct model *model, unsigned bits, model_changed_fn *fn,
				      void *arg);
void model_watch_stop(struct model_watch **watch);

const char *engine_mode_name(enum engine_mode mode); /* "off" "hold" "auto" */

#endif
