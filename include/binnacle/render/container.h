/*
 * render/container.h - an nginx that runs in a container of a Docker daemon.
 *
 *     control = container_nginx_new(loop, docker, "calico-nginx1", &spec, &err);
 *
 * Programs are run through Docker's exec. Of the spec, `exec` is filled here; `folder` is the
 * folder of nginx.conf as this host sees it (a bind mount), `seen_as` the same in the container.
 */
#ifndef BINNACLE_RENDER_CONTAINER_H
#define BINNACLE_RENDER_CONTAINER_H

#include "binnacle/base/err.h"
#include "binnacle/nginx/control.h"

struct docker;
struct loop;

/* The daemon is borrowed; it outlives the control. Free with nginx_control_free. */
struct nginx_control *container_nginx_new(struct loop *loop, struct docker *docker,
					  const char *container, const struct nginx_spec *spec,
					  struct err *err);

#endif
