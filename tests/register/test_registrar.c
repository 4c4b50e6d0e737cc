/*
 * The registrar against a scripted daemon and a registry in memory, whose faults the tests choose.
 */
#include "binnacle/register/registrar.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strmap.h"
#include "binnacle/loop/loop.h"
#include "binnacle/register/registry.h"
#include "support/peer.h"
#include "support/stage.h"

static void running_and_starting_containers_are_registered(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	stage_run_box(stage, "b2", "web-2");
	stage_push_event(stage, "start", "b2", "");
	stage_wait_for_id(stage, "host-1:web-2:80");
	assert_string_equal(
		json_str(json_member(stage->store.services, "host-1:web-2:80"), "Address", ""),
		"10.233.0.9");
	assert_non_null(strstr(stage->events.buf, "added web host-1:web-2:80 not registered;"));
	assert_non_null(registrar_wanted(stage->registrar, "web-2"));
	assert_non_null(registrar_wanted(stage->registrar, "b2"));
	assert_null(registrar_wanted(stage->registrar, "web-3"));
	assert_string_equal(registrar_wanted_at(stage->registrar, 1)->container_name, "web-2");
	assert_null(registrar_wanted_at(stage->registrar, 2));
}

static void a_dying_container_is_deregistered_at_once(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	stage_end_box(stage, "a1");
	stage_push_event(stage, "die", "a1", "137");
	stage_wait_for_removal(stage, "host-1:web-1:80");
	stage_wait_for_event(stage, "removed web host-1:web-1:80 exit 137;");
	assert_int_equal(stage->removals_with_owner, 1);
}

static void hold_and_off_work_it_out_and_write_nothing(void **state)
{
	static const enum registrar_mode modes[] = { REGISTRAR_HOLD, REGISTRAR_OFF };
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage_put_entry(stage, "host-1:old-1:80", "old");
	for (size_t i = 0; i < COUNT_OF(modes); i++) {
		stage_start_synced(stage, modes[i]);
		run_for(stage->loop, 30);
		stage_assert_pending(stage, "dangling host-1:old-1:80;add host-1:web-1:80;");
		assert_int_equal(stage->store.adds + stage->store.removes, 0);
		registrar_free(stage->registrar);
	}
	stage_start_synced(stage, REGISTRAR_HOLD);
	registrar_set_mode(stage->registrar, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	run_for(stage->loop, 30);
	stage_assert_pending(stage, "dangling host-1:old-1:80;");
}

static void nothing_is_written_when_nothing_differs(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage->options.resync_ms = 20;
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	run_for(stage->loop, 150);
	assert_int_equal(stage->store.adds, 1);
	assert_int_equal(stage->store.removes, 0);
}

/* The registry does not tell which check there is: it may be an old one. */
static void checks_from_before_our_start_are_written_once(void **state)
{
	struct stage *stage = *state;

	stage_put_document(stage, "a1", "web-1", "\"SERVICE_CHECK_TCP=1\"", true);
	stage_run_box(stage, "b2", "web-2");
	stage->options.resync_ms = 20;
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	stage_wait_for_id(stage, "host-1:web-2:80");
	run_for(stage->loop, 100);
	assert_int_equal(stage->store.adds, 2);
	assert_non_null(strstr(stage->events.buf, "added web host-1:web-1:80"));
	registrar_free(stage->registrar);
	stage_start_synced(stage, REGISTRAR_AUTO);
	run_for(stage->loop, 100);
	assert_int_equal(stage->store.adds, 3);
	assert_string_equal(strstr(stage->events.buf, "stale") ? "stale" : "", "");
}

static void a_burst_leaves_none_missing_and_none_over(void **state)
{
	struct stage *stage = *state;
	char id[16], name[16];

	stage_start_synced(stage, REGISTRAR_AUTO);
	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "box%03d", i);
		snprintf(name, sizeof(name), "web-%d", i);
		stage_run_box(stage, id, name);
		stage_push_event(stage, "start", id, "");
	}
	stage->count = 50;
	assert_true(run_until_true(stage->loop, stage_has_count, stage));
	/* Half of them restart while the others end. */
	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "box%03d", i);
		stage_push_event(stage, "die", id, "0");
		if (i % 2)
			stage_push_event(stage, "start", id, "");
		else
			stage_end_box(stage, id);
	}
	stage->count = 25;
	assert_true(run_until_true(stage->loop, stage_has_count, stage));
	run_for(stage->loop, 50);
	assert_int_equal(json_count(stage->store.services), 25);
	for (int i = 0; i < 50; i++) {
		snprintf(id, sizeof(id), "box%03d", i);
		stage_push_event(stage, "die", id, "0");
	}
	stage->count = 0;
	assert_true(run_until_true(stage->loop, stage_has_count, stage));
}

static void count_in(const char *text, const char *part, size_t want)
{
	size_t count = 0;

	for (const char *at = text; (at = strstr(at, part)); at++)
		count++;
	assert_int_equal(count, want);
}

static void put_twin(struct stage *stage, const char *id, const char *address)
{
	struct json *entry = json_new_object();

	json_add_str(entry, "Service", "web");
	json_add_str(entry, "Address", address);
	json_add_int(entry, "Port", 80);
	json_set(stage->store.services, id, entry);
}

static void what_others_registered_of_our_containers_is_told_once(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	put_twin(stage, "deadbeef:web-1:80", "10.233.0.9");
	put_twin(stage, "elsewhere:web-1:80", "10.233.0.8");
	stage->options.resync_ms = 20;
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_event(stage, "duplicate web deadbeef:web-1:80 10.233.0.9:80 is "
				    "host-1:web-1:80, too");
	run_for(stage->loop, 100);
	count_in(stage->events.buf, "duplicate", 1);
	assert_string_equal(
		json_key(registrar_twin(stage->registrar,
					&registrar_wanted(stage->registrar, "web-1")->services[0])),
		"deadbeef:web-1:80");
	/* It is somebody else's: it stays. */
	assert_non_null(json_member(stage->store.services, "deadbeef:web-1:80"));
	json_remove(stage->store.services, "deadbeef:web-1:80");
	run_for(stage->loop, 60);
	put_twin(stage, "deadbeef:web-1:80", "10.233.0.9");
	run_for(stage->loop, 100);
	count_in(stage->events.buf, "duplicate", 2);
}

static void warnings_are_told_with_their_remedy(void **state)
{
	struct stage *stage = *state;

	stage_put_document(stage, "a1", "web-1", "\"SERVICE_TAG=calico\"", true);
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_event(stage, "warning   SERVICE_TAG is an ordinary attribute: tags come "
				    "from SERVICE_TAGS;");
}

static bool is_up_again(void *arg)
{
	struct stage *stage = arg;

	return strstr(stage->events.buf, "FAILED") && stage_is_synced(arg);
}

static void what_happened_while_the_stream_was_cut_is_found(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage_run_box(stage, "b2", "web-2");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-2:80");
	peer_down(stage->peer);
	stage_end_box(stage, "a1");
	stage_run_box(stage, "c3", "web-3");
	stage_wait_for_event(stage, "FAILED");
	/* A daemon that is away says nothing about its containers. */
	run_for(stage->loop, 50);
	assert_int_equal(stage->store.removes, 0);
	peer_up(stage->peer);
	assert_true(run_until_true(stage->loop, is_up_again, stage));
	stage_wait_for_id(stage, "host-1:web-3:80");
	stage_wait_for_removal(stage, "host-1:web-1:80");
	assert_non_null(json_member(stage->store.services, "host-1:web-2:80"));
}

static void events_during_the_listing_are_newer_than_it(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage_run_box(stage, "b2", "web-2");
	/* The listing is made now and arrives late. */
	peer_forget(stage->peer);
	peer_script(stage->peer,
		    &(struct peer_reply){ .request = "GET /containers/json",
					  .body = "[{\"Id\":\"a1\",\"State\":\"running\"},"
						  "{\"Id\":\"b2\",\"State\":\"running\"}]",
					  .delay_ms = 150 });
	peer_script(stage->peer,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	for (size_t i = 0; i < stage->running.count; i++) {
		char *request = xasprintf("GET /containers/%s/json", stage->running.entries[i].key);

		peer_answer(stage->peer, request, 200, NULL, stage->running.entries[i].value);
		free(request);
	}
	stage_start(stage, REGISTRAR_AUTO);
	while (!peer_asked(stage->peer, "GET /containers/json"))
		loop_turn(stage->loop, 100);
	stage_push_event(stage, "die", "a1", "0");
	stage_push_event(stage, "start", "b2", "");
	assert_true(run_until_true(stage->loop, stage_is_synced, stage));
	stage_wait_for_id(stage, "host-1:web-2:80");
	run_for(stage->loop, 50);
	/* The listing still called it running, and so would its document. */
	assert_null(json_member(stage->store.services, "host-1:web-1:80"));
}

static void containers_that_are_gone_or_dead_when_asked_are_not_registered(void **state)
{
	struct stage *stage = *state;

	stage_put_document(stage, "dead", "web-1", "", false);
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_push_event(stage, "start", "gone", "");
	stage_run_box(stage, "c3", "web-3");
	stage_push_event(stage, "start", "c3", "");
	stage_wait_for_id(stage, "host-1:web-3:80");
	assert_int_equal(json_count(stage->store.services), 1);
}

static void a_wiped_registry_is_filled_again(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage_run_box(stage, "b2", "web-2");
	stage->options.resync_ms = 50;
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-2:80");
	stage_wait_for_id(stage, "host-1:web-1:80");
	/* After its own writes it lists once more: then it knows that they are there. */
	run_for(stage->loop, 100);
	json_free(stage->store.services);
	stage->store.services = json_new_object();
	stage_wait_for_id(stage, "host-1:web-2:80");
	stage_wait_for_id(stage, "host-1:web-1:80");
	assert_non_null(strstr(stage->events.buf, "2 registrations are gone"));
}

static void what_was_wiped_before_it_was_listed_comes_back_too(void **state)
{
	struct stage *stage = *state;

	stage->options.resync_ms = 20;
	stage_run_box(stage, "a1", "web-1");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	run_for(stage->loop, 100);
	/* No list shows the second one before both are gone. */
	stage->store.holds_lists = true;
	stage_run_box(stage, "b2", "web-2");
	stage_push_event(stage, "start", "b2", "");
	stage_wait_for_id(stage, "host-1:web-2:80");
	stage_wait_for_event(stage, "added web host-1:web-2:80");
	json_remove(stage->store.services, "host-1:web-1:80");
	json_remove(stage->store.services, "host-1:web-2:80");
	stage->store.holds_lists = false;
	stage_wait_for_id(stage, "host-1:web-1:80");
	stage_wait_for_id(stage, "host-1:web-2:80");
}

static void a_refused_service_is_retried_and_holds_up_no_other(void **state)
{
	struct stage *stage = *state;

	stage->store.refused_id = "host-1:web-1:80";
	stage_run_box(stage, "a1", "web-1");
	stage_run_box(stage, "b2", "web-2");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-2:80");
	stage_wait_for_event(stage, "FAILED web host-1:web-1:80 agent answered 500;");
	run_for(stage->loop, 20);
	stage_assert_pending(stage, "add host-1:web-1:80;");
	assert_string_equal(registrar_pending(stage->registrar)->items[0].failure,
			    "agent answered 500");
	assert_int_equal(registrar_pending(stage->registrar)->items[0].failures, 1);
	stage->store.refused_id = NULL;
	stage_wait_for_id(stage, "host-1:web-1:80");
	run_for(stage->loop, 20);
	stage_assert_pending(stage, "");
}

static void an_outage_of_the_registry_is_told_once_and_made_up_for(void **state)
{
	struct stage *stage = *state;
	const char *first;

	stage_publish(stage);
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage->store.is_down = true;
	stage_run_box(stage, "a1", "web-1");
	stage_push_event(stage, "start", "a1", "");
	stage_wait_for_event(stage, "FAILED   no answer;");
	run_for(stage->loop, 700);
	first = strstr(stage->events.buf, "FAILED   no answer;");
	assert_null(strstr(first + 1, "FAILED   no answer;"));
	stage->store.is_down = false;
	stage_wait_for_id(stage, "host-1:web-1:80");
}

static void dangling_registrations_go_only_with_cleanup(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage_put_entry(stage, "host-1:old-1:80", "old");
	stage_put_entry(stage, "host-2:old-1:80", "old");
	stage_put_entry(stage, "custom", "old");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	stage_wait_for_event(stage, "dangling old host-1:old-1:80");
	run_for(stage->loop, 50);
	assert_int_equal(stage->store.removes, 0);
	registrar_free(stage->registrar);
	stage->options.cleanup = true;
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_removal(stage, "host-1:old-1:80");
	run_for(stage->loop, 50);
	assert_int_equal(stage->store.removes, 1);
	assert_int_equal(json_count(stage->store.services), 3);
}

static void on_success_keeps_failed_containers_until_they_are_removed(void **state)
{
	struct stage *stage = *state;

	stage->options.deregister = REGISTER_DEREGISTER_ON_SUCCESS;
	stage->options.cleanup = true;
	stage_run_box(stage, "a1", "web-1");
	stage_run_box(stage, "b2", "web-2");
	stage_run_box(stage, "c3", "web-3");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage->count = 3;
	assert_true(run_until_true(stage->loop, stage_has_count, stage));
	stage_push_event(stage, "die", "a1", "1");
	stage_push_event(stage, "die", "b2", "0");
	stage_push_event(stage, "die", "c3", "137");
	stage_wait_for_removal(stage, "host-1:web-2:80");
	stage_wait_for_removal(stage, "host-1:web-3:80");
	run_for(stage->loop, 50);
	assert_non_null(json_member(stage->store.services, "host-1:web-1:80"));
	stage_assert_pending(stage, "");
	stage_push_event(stage, "destroy", "a1", "");
	stage_wait_for_removal(stage, "host-1:web-1:80");
}

static void what_failed_containers_left_before_our_start_is_not_dangling(void **state)
{
	struct stage *stage = *state;

	stage->options.deregister = REGISTER_DEREGISTER_ON_SUCCESS;
	stage->options.cleanup = true;
	stage_put_entry(stage, "host-1:failed:80", "a");
	stage_put_entry(stage, "host-1:ended:80", "b");
	stage_put_entry(stage, "host-1:unknown:80", "c");
	peer_script(stage->peer,
		    &(struct peer_reply){ .request = "GET /events", .fault = PEER_STREAM });
	peer_answer(stage->peer, "GET /containers/json", 200, NULL,
		    "[{\"Id\":\"f1\",\"Names\":[\"/failed\"],\"State\":\"exited\","
		    "\"Status\":\"Exited (3) 5 minutes ago\"},"
		    "{\"Id\":\"e1\",\"Names\":[\"/ended\"],\"State\":\"exited\","
		    "\"Status\":\"Exited (0) 5 minutes ago\"}]");
	stage_start(stage, REGISTRAR_AUTO);
	stage_wait_for_removal(stage, "host-1:ended:80");
	stage_wait_for_removal(stage, "host-1:unknown:80");
	run_for(stage->loop, 50);
	assert_non_null(json_member(stage->store.services, "host-1:failed:80"));
}

static void a_registry_that_cannot_list_is_written_from_memory(void **state)
{
	struct registry_ops ops = stage_store_ops;
	struct stage *stage = *state;

	ops.list = NULL;
	ops.refresh = ops.add;
	registry_free(stage->registry);
	stage->registry = registry_new(&ops, &stage->store, "memory");
	stage->options.ttl_s = 2;
	stage->options.ttl_refresh_s = 1;
	stage_run_box(stage, "a1", "web-1");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	run_for(stage->loop, 50);
	assert_int_equal(stage->store.adds, 1);
	/* Its lifetime ends; the refresh brings it back. */
	json_remove(stage->store.services, "host-1:web-1:80");
	stage_wait_for_id(stage, "host-1:web-1:80");
	stage_push_event(stage, "die", "a1", "0");
	stage_wait_for_removal(stage, "host-1:web-1:80");
	registrar_free(stage->registrar);
	stage->registrar = NULL;
	/* The table lives on this stack. */
	registry_free(stage->registry);
	stage->registry = NULL;
}

static void a_list_from_before_a_write_does_not_undo_it(void **state)
{
	struct stage *stage = *state;

	stage_start_synced(stage, REGISTRAR_AUTO);
	stage->store.holds_lists = true;
	registrar_resync(stage->registrar);
	stage_run_box(stage, "a1", "web-1");
	stage_push_event(stage, "start", "a1", "");
	stage_wait_for_id(stage, "host-1:web-1:80");
	stage_wait_for_event(stage, "added");
	stage->store.holds_lists = false;
	run_for(stage->loop, 100);
	assert_int_equal(stage->store.adds, 1);
}

static bool has_name(void *arg)
{
	struct stage *stage = arg;

	return strcmp(json_str(json_member(stage->store.services, stage->id), "Service", ""),
		      stage->text) == 0;
}

static void an_answer_from_before_a_start_is_not_used(void **state)
{
	struct stage *stage = *state;
	char *old;

	stage_put_document(stage, "a1", "web-1", "\"SERVICE_NAME=old\"", true);
	stage_start_synced(stage, REGISTRAR_AUTO);
	old = strdup(strmap_get(&stage->running, "a1"));
	peer_forget(stage->peer);
	peer_script(stage->peer, &(struct peer_reply){ .request = "GET /containers/a1/json",
						       .body = old,
						       .delay_ms = 200 });
	stage_push_event(stage, "start", "a1", "");
	while (peer_asked(stage->peer, "GET /containers/a1/json") < 2)
		loop_turn(stage->loop, 100);
	stage_put_document(stage, "a1", "web-1", "\"SERVICE_NAME=new\"", true);
	stage_push_event(stage, "start", "a1", "");
	stage->id = "host-1:web-1:80";
	stage->text = "new";
	assert_true(run_until_true(stage->loop, has_name, stage));
	run_for(stage->loop, 250);
	assert_true(has_name(stage));
	free(old);
}

static void a_failing_inspection_is_repeated(void **state)
{
	struct stage *stage = *state;

	stage_start_synced(stage, REGISTRAR_AUTO);
	peer_forget(stage->peer);
	peer_answer(stage->peer, "GET /containers/a1/json", 500, NULL, "{\"message\":\"busy\"}");
	stage_push_event(stage, "start", "a1", "");
	stage_wait_for_event(stage, "FAILED   docker node-1: busy");
	stage_run_box(stage, "a1", "web-1");
	stage_wait_for_id(stage, "host-1:web-1:80");
}

static void changed_metadata_are_seen_at_the_next_resync(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	stage_put_document(stage, "a1", "web-1", "\"SERVICE_NAME=shop\"", true);
	registrar_resync(stage->registrar);
	stage_wait_for_event(stage, "added shop host-1:web-1:80 name web instead of shop;");
}

static void a_rename_keeps_the_id_until_the_next_start(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	stage_run_box(stage, "a1", "renamed");
	registrar_resync(stage->registrar);
	run_for(stage->loop, 100);
	assert_null(json_member(stage->store.services, "host-1:renamed:80"));
	stage_push_event(stage, "start", "a1", "");
	stage_wait_for_id(stage, "host-1:renamed:80");
	stage_wait_for_removal(stage, "host-1:web-1:80");
}

static void an_id_of_two_containers_stays_until_the_last_ends(void **state)
{
	struct stage *stage = *state;

	stage_put_document(stage, "a1", "web-1", "\"SERVICE_ID=mine\"", true);
	stage_put_document(stage, "b2", "web-2", "\"SERVICE_ID=mine\",\"SERVICE_NAME=b\"", true);
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "mine");
	stage_wait_for_event(stage, "ignored web mine container web-2 wants the same id;");
	stage_push_event(stage, "die", "b2", "0");
	stage_wait_for_event(stage, "added web mine");
	assert_int_equal(stage->store.removes, 0);
	stage_push_event(stage, "die", "a1", "0");
	stage_wait_for_removal(stage, "mine");
}

static void ignored_ports_are_told_with_reason_and_remedy(void **state)
{
	struct stage *stage = *state;

	stage_put_document(stage, "a1", "web-1", "\"SERVICE_IGNORE=1\"", true);
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_event(stage, "ignored   SERVICE_IGNORE is set;");
}

static void on_done(void *arg, const char *text, const struct err *err)
{
	struct stage *stage = arg;

	assert_false(stage->is_done);
	stage->is_done = true;
	stage->err = err ? *err : (struct err){ 0 };
	strbuf_reset(&stage->done_text);
	strbuf_addstr(&stage->done_text, text);
}

static void wait_for_task(struct stage *stage)
{
	assert_false(stage->is_done);
	assert_true(run_until(stage->loop, &stage->is_done));
	stage->is_done = false;
}

static void one_off_actions_write_in_hold(void **state)
{
	struct stage *stage = *state;
	struct registrar_task *task;

	stage_run_box(stage, "a1", "web-1");
	stage_put_document(stage, "dead", "web-2", "", false);
	stage_put_document(stage, "c3", "web-3", "\"SERVICE_IGNORE=1\"", true);
	stage_start_synced(stage, REGISTRAR_HOLD);
	registrar_register_start(stage->registrar, "a1", on_done, stage);
	wait_for_task(stage);
	assert_int_equal(stage->err.code, ERR_NONE);
	assert_string_equal(stage->done_text.buf, "registered host-1:web-1:80");
	assert_non_null(json_member(stage->store.services, "host-1:web-1:80"));
	run_for(stage->loop, 20);
	stage_assert_pending(stage, "");

	registrar_deregister_start(stage->registrar, "host-1:web-1:80", on_done, stage);
	wait_for_task(stage);
	assert_string_equal(stage->done_text.buf, "deregistered host-1:web-1:80");
	assert_int_equal(json_count(stage->store.services), 0);
	run_for(stage->loop, 20);
	stage_assert_pending(stage, "add host-1:web-1:80;");

	registrar_register_start(stage->registrar, "dead", on_done, stage);
	wait_for_task(stage);
	assert_int_equal(stage->err.code, ERR_CONFLICT);
	registrar_register_start(stage->registrar, "c3", on_done, stage);
	wait_for_task(stage);
	assert_int_equal(stage->err.code, ERR_REFUSED);
	assert_non_null(strstr(stage->err.msg, "SERVICE_IGNORE is set"));
	registrar_register_start(stage->registrar, "nobody", on_done, stage);
	wait_for_task(stage);
	assert_int_equal(stage->err.code, ERR_NOT_FOUND);
	registrar_deregister_start(stage->registrar, "nobody", on_done, stage);
	wait_for_task(stage);
	assert_int_equal(stage->err.code, ERR_NOT_FOUND);

	task = registrar_register_start(stage->registrar, "a1", on_done, stage);
	registrar_task_cancel(&task);
	assert_null(task);
	registrar_register_start(stage->registrar, "a1", on_done, stage);
	registrar_free(stage->registrar);
	stage->registrar = NULL;
	run_for(stage->loop, 20);
	assert_false(stage->is_done);
}

static void deregister_all_takes_only_what_is_ours(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage_run_box(stage, "b2", "web-2");
	stage_put_entry(stage, "host-1:old-1:80", "old");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage->count = 3;
	assert_true(run_until_true(stage->loop, stage_has_count, stage));
	run_for(stage->loop, 20);
	registrar_deregister_all_start(stage->registrar, on_done, stage);
	wait_for_task(stage);
	assert_int_equal(json_count(stage->store.services), 1);
	run_for(stage->loop, 20);
	assert_int_equal(json_count(stage->store.services), 1);
	registrar_deregister_all_start(stage->registrar, on_done, stage);
	wait_for_task(stage);
	assert_string_equal(stage->done_text.buf, "nothing to do");
}

static void stopping_leaves_everything_registered(void **state)
{
	struct stage *stage = *state;

	stage_run_box(stage, "a1", "web-1");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	registrar_free(stage->registrar);
	stage->registrar = NULL;
	run_for(stage->loop, 20);
	assert_int_equal(stage->store.removes, 0);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, stage_set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(running_and_starting_containers_are_registered),
		TEST(a_dying_container_is_deregistered_at_once),
		TEST(hold_and_off_work_it_out_and_write_nothing),
		TEST(nothing_is_written_when_nothing_differs),
		TEST(checks_from_before_our_start_are_written_once),
		TEST(a_burst_leaves_none_missing_and_none_over),
		TEST(what_others_registered_of_our_containers_is_told_once),
		TEST(warnings_are_told_with_their_remedy),
		TEST(what_happened_while_the_stream_was_cut_is_found),
		TEST(events_during_the_listing_are_newer_than_it),
		TEST(containers_that_are_gone_or_dead_when_asked_are_not_registered),
		TEST(a_wiped_registry_is_filled_again),
		TEST(what_was_wiped_before_it_was_listed_comes_back_too),
		TEST(a_refused_service_is_retried_and_holds_up_no_other),
		TEST(an_outage_of_the_registry_is_told_once_and_made_up_for),
		TEST(dangling_registrations_go_only_with_cleanup),
		TEST(on_success_keeps_failed_containers_until_they_are_removed),
		TEST(what_failed_containers_left_before_our_start_is_not_dangling),
		TEST(a_registry_that_cannot_list_is_written_from_memory),
		TEST(a_list_from_before_a_write_does_not_undo_it),
		TEST(an_answer_from_before_a_start_is_not_used),
		TEST(a_failing_inspection_is_repeated),
		TEST(changed_metadata_are_seen_at_the_next_resync),
		TEST(a_rename_keeps_the_id_until_the_next_start),
		TEST(an_id_of_two_containers_stays_until_the_last_ends),
		TEST(ignored_ports_are_told_with_reason_and_remedy),
		TEST(one_off_actions_write_in_hold),
		TEST(deregister_all_takes_only_what_is_ours),
		TEST(stopping_leaves_everything_registered),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
