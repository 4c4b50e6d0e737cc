/*
 * docker_networks.h - the networks of one daemon with who is on them: rows of MODEL_NETWORKS.
 */
#ifndef FEED_DOCKER_NETWORKS_H
#define FEED_DOCKER_NETWORKS_H

#include "binnacle/calico/docker_view.h"
#include "binnacle/model/snapshot.h"

void docker_networks_add(const char *node, const struct calico_docker_view *view,
			 struct snapshot *snapshot);

#endif
