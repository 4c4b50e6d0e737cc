/*
 * support/stage.h - a registrar between a scripted daemon and a registry in memory,
 * whose faults the tests choose.
 *
 *     stage_run_box(stage, "a1", "web-1");
 *     stage_start_synced(stage, REGISTRAR_AUTO);
 *     stage_wait_for_id(stage, "host-1:web-1:80");
 *
 * stage_set_up and stage_tear_down are cmocka's; the state is the stage.
 */
#ifndef TESTS_SUPPORT_STAGE_H
#define TESTS_SUPPORT_STAGE_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/strbuf.h"
#include "binnacle/base/strmap.h"
#include "binnacle/register/registrar.h"

struct docker;
struct http;
struct json;
struct loop;
struct peer;
struct registry;
struct registry_ops;

/* A registry in memory that answers in the next turn of the loop. */
struct store {
	struct loop *loop;
	struct json *services;
	bool is_down;
	const char *refused_id; /* additions of it are refused */
	bool holds_lists;       /* lists are made when asked for, and given when this ends */
	bool denies_lists;
	unsigned adds, removes;
	struct strbuf drains; /* "on id;" "off id;" */
};

/* Everything that one test plays with. */
struct stage {
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct docker *docker;
	struct store store;
	struct registry *registry;
	struct registrar *registrar;
	struct register_options options;
	unsigned removals_with_owner;
	struct strbuf events;  /* "action service instance why;" */
	struct strmap running; /* id to inspect document */
	int64_t time_ns;
	/* what a check waits for */
	const char *id, *text;
	size_t count;
	/* tasks */
	bool is_done;
	struct err err;
	struct strbuf done_text;
};

extern const struct registry_ops stage_store_ops; /* on a struct store */

int stage_set_up(void **state);
int stage_tear_down(void **state);
void stage_publish(struct stage *stage);
void stage_put_document(struct stage *stage, const char *id, const char *name, const char *env,
			bool runs);
void stage_run_box(struct stage *stage, const char *id, const char *name);
void stage_end_box(struct stage *stage, const char *id);
void stage_push_event(struct stage *stage, const char *action, const char *id, const char *exit);
void stage_start(struct stage *stage, enum registrar_mode mode);
void stage_start_synced(struct stage *stage, enum registrar_mode mode);
bool stage_has_id(void *arg);
bool stage_lacks_id(void *arg);
bool stage_has_count(void *arg);
bool stage_has_event(void *arg);
void stage_wait_for_id(struct stage *stage, const char *id);
void stage_wait_for_removal(struct stage *stage, const char *id);
void stage_wait_for_event(struct stage *stage, const char *text);
void stage_put_entry(struct stage *stage, const char *id, const char *name);
void stage_assert_pending(struct stage *stage, const char *want);
bool stage_is_synced(void *arg);

#endif
