/*
 * engine.h - makes and connects everything below the front ends, in order; tears it down in
 * reverse.
 *
 *     engine = engine_new(loop, &config, ENGINE_CONSOLE, &err);
 *     front end runs with engine_env(engine)
 *     engine_free(engine);
 *
 * What render/ and register/ report reaches the model through here (bridge_render.c,
 * bridge_register.c): both must run the same when nobody watches, so neither knows the model.
 */
#ifndef BINNACLE_APP_ENGINE_H
#define BINNACLE_APP_ENGINE_H

#include <stdbool.h>

#include "binnacle/base/err.h"
#include "binnacle/model/model.h"

struct action_env;
struct config;
struct engine;
struct loop;

enum engine_use {
	ENGINE_CONSOLE,  /* starts in hold; a configured auto falls back to hold when the lock is
			    held */
	ENGINE_ONE_CALL, /* never acts by itself */
	ENGINE_RUN,      /* starts in auto; a held lock is an error */
};

/* config is borrowed. */
struct engine *engine_new(struct loop *loop, const struct config *config, enum engine_use use,
			  struct err *err);
void engine_free(struct engine *engine);
struct action_env *engine_env(struct engine *engine);

#endif
