/*
 * bridge_register.h - what the registrar reports, as the events table of the model, and what it
 * wants and has, beside each container.
 */
#ifndef BINNACLE_APP_BRIDGE_REGISTER_H
#define BINNACLE_APP_BRIDGE_REGISTER_H

struct arena;
struct bridge_register;
struct docker_feed;
struct loop;
struct model;
struct registrar;
struct registrar_event;

struct bridge_register *bridge_register_new(struct loop *loop, struct model *model,
					    struct docker_feed *docker_feed);
void bridge_register_free(struct bridge_register *bridge);
/* The registrar of this node's daemon; borrowed. */
void bridge_register_attach(struct bridge_register *bridge, const char *node,
			    struct registrar *registrar);

/* For struct registrar_callbacks; arg is the bridge. */
void bridge_register_event(void *arg, const struct registrar_event *event);
void bridge_register_changed(void *arg);

#endif
