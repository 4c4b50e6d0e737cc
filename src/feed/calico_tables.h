/*
 * calico_tables.h - the tables of Calico beside the endpoints: addresses, policies, profiles,
 * nodes, pools, blocks.
 *
 * Which policy selects which endpoint depends on Calico's data alone, so it is found once per
 * state and not at each judgment.
 */
#ifndef FEED_CALICO_TABLES_H
#define FEED_CALICO_TABLES_H

#include "binnacle/base/mem.h"
#include "binnacle/calico/verdict.h"
#include "binnacle/model/model.h"

/* Of one endpoint: places in the state's list of policies. */
struct calico_selected {
	const size_t *policies;
	size_t count;
	const char *warning; /* its traffic is dropped, since nothing admits it; "" */
};

struct calico_selection {
	struct arena arena;
	const struct calico_selected *weps; /* in the order of the state */
};

/* Borrows from the state. Release it before the state goes. */
void calico_selection_fill(struct calico_selection *selection, const struct calico_state *state);
void calico_selection_release(struct calico_selection *selection);

struct calico_tables {
	const struct calico_state *state;
	const struct calico_report *report; /* of that state */
	const struct calico_selection *selection;
	const struct calico_source *sources;
	size_t source_count;
	int64_t now_mono_ms;
};

/* Publish all of them. */
void calico_tables_publish(const struct calico_tables *tables, struct model *model);
/* calico_blocks.c: part of it. */
void calico_blocks_publish(const struct calico_tables *tables, struct model *model);

/* The word for what an address is. holder: the verdict of the endpoint that has it, or NULL. */
const char *calico_slot_word(const struct calico_slot_verdict *slot,
			     const struct calico_wep_verdict *holder, enum row_state *state);

#endif
