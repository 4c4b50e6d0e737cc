/*
 * bridge_render.h - what the renderer reports, as the renders table of the model.
 */
#ifndef BINNACLE_APP_BRIDGE_RENDER_H
#define BINNACLE_APP_BRIDGE_RENDER_H

#include <stddef.h>

struct bridge_render;
struct loop;
struct model;
struct render_runner;

struct bridge_render *bridge_render_new(struct loop *loop, struct model *model);
void bridge_render_free(struct bridge_render *bridge);
/* From now on publish what this runner knows. Borrowed. */
void bridge_render_attach(struct bridge_render *bridge, struct render_runner *runner);

/* For struct render_events; arg is the bridge. */
void bridge_render_changed(void *arg, size_t index);

#endif
