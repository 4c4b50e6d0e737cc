/*
 * support/calico_fixture.h - policies, blocks, pools, addresses, networks and profiles for the
 * screens of the tests; part of model_fixture_fill.
 */
#ifndef SUPPORT_CALICO_FIXTURE_H
#define SUPPORT_CALICO_FIXTURE_H

struct model;

void calico_fixture_fill(struct model *model);

#endif
