/*
 * What the registrar does only when it is told to, and what it does about registries that tell
 * less than it would like to know.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/loop/loop.h"
#include "binnacle/register/registry.h"
#include "support/peer.h"
#include "support/stage.h"

static void push_signal(struct stage *stage, const char *id, const char *signal)
{
	char *line =
		xasprintf("{\"Type\":\"container\",\"Action\":\"kill\",\"Actor\":{\"ID\":\"%s\","
			  "\"Attributes\":{\"signal\":\"%s\"}},\"timeNano\":%lld}\n",
			  id, signal, (long long)stage->time_ns++);

	peer_push(stage->peer, line, strlen(line));
	free(line);
}

static void push_network(struct stage *stage, const char *action, const char *container)
{
	char *line = xasprintf("{\"Type\":\"network\",\"Action\":\"%s\",\"Actor\":{\"ID\":\"net\","
			       "\"Attributes\":{\"container\":\"%s\"}},\"timeNano\":%lld}\n",
			       action, container, (long long)stage->time_ns++);

	peer_push(stage->peer, line, strlen(line));
	free(line);
}

static bool has_drains(void *arg)
{
	struct stage *stage = arg;

	return strstr(stage->store.drains.buf, stage->text);
}

static void wait_for_drains(struct stage *stage, const char *text)
{
	stage->text = text;
	if (!run_until_true(stage->loop, has_drains, stage))
		fail_msg("%s is not in %s", text, stage->store.drains.buf);
}

/* The registrar with one container, web-1, registered. */
static void start_with_one(struct stage *stage)
{
	stage_run_box(stage, "a1", "web-1");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
}

static const char *listed(struct stage *stage, const char *id, const char *member)
{
	return json_str(json_member(stage->store.services, id), member, "");
}

static void set_address(struct stage *stage, const char *id, const char *address)
{
	json_set(json_member_mut(stage->store.services, id), "Address", json_new_str(address));
}

/* ---- maintenance ---- */

static void a_stop_signal_drains_until_the_end(void **state)
{
	struct stage *stage = *state;

	stage->options.drain = true;
	start_with_one(stage);
	/* Signals for the application are none of ours. */
	push_signal(stage, "a1", "1");
	push_signal(stage, "a1", "15");
	push_signal(stage, "a1", "15");
	wait_for_drains(stage, "on host-1:web-1:80;");
	stage_wait_for_event(stage, "drained web host-1:web-1:80 stop signal;");
	stage_push_event(stage, "die", "a1", "0");
	stage_wait_for_removal(stage, "host-1:web-1:80");
	assert_string_equal(stage->store.drains.buf, "on host-1:web-1:80;");
}

static void without_the_switch_nothing_is_drained(void **state)
{
	struct stage *stage = *state;

	start_with_one(stage);
	push_signal(stage, "a1", "15");
	stage_push_event(stage, "die", "a1", "0");
	stage_wait_for_removal(stage, "host-1:web-1:80");
	assert_string_equal(stage->store.drains.buf, "");
}

static void a_new_life_ends_the_maintenance(void **state)
{
	struct stage *stage = *state;

	stage->options.drain = true;
	stage->options.deregister = REGISTER_DEREGISTER_NEVER;
	start_with_one(stage);
	push_signal(stage, "a1", "15");
	wait_for_drains(stage, "on host-1:web-1:80;");
	stage_push_event(stage, "die", "a1", "0");
	stage_push_event(stage, "start", "a1", "");
	wait_for_drains(stage, "on host-1:web-1:80;off host-1:web-1:80;");
	assert_string_equal(listed(stage, "host-1:web-1:80", "Service"), "web");
}

static void a_container_of_its_own_stop_signal_is_drained_by_that(void **state)
{
	struct stage *stage = *state;
	static const char text[] =
		"{\"Id\":\"a1\",\"Name\":\"/web-1\",\"State\":{\"Running\":true},"
		"\"HostConfig\":{\"NetworkMode\":\"calico\"},\"Config\":{\"Image\":\"web\","
		"\"StopSignal\":\"SIGQUIT\",\"ExposedPorts\":{\"80/tcp\":{}}},"
		"\"NetworkSettings\":{\"Networks\":{\"calico\":{\"IPAddress\":\"10.233.0.9\"}}}}";

	stage->options.drain = true;
	free(strmap_put(&stage->running, "a1", xstrdup(text)));
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	push_signal(stage, "a1", "15");
	run_for(stage->loop, 50);
	assert_string_equal(stage->store.drains.buf, "");
	push_signal(stage, "a1", "3");
	wait_for_drains(stage, "on host-1:web-1:80;");
}

/* ---- deregister ---- */

static void never_leaves_what_ended(void **state)
{
	struct stage *stage = *state;

	stage->options.deregister = REGISTER_DEREGISTER_NEVER;
	start_with_one(stage);
	stage_push_event(stage, "die", "a1", "0");
	stage_wait_for_event(stage, "stays registered");
	stage_end_box(stage, "a1");
	stage_push_event(stage, "destroy", "a1", "");
	run_for(stage->loop, 50);
	assert_int_equal(stage->store.removes, 0);
}

static void failed_containers_stay_removed_ones_too_when_asked_for(void **state)
{
	struct stage *stage = *state;

	stage->options.deregister = REGISTER_DEREGISTER_ON_SUCCESS;
	stage->options.keep_removed = true;
	start_with_one(stage);
	stage_push_event(stage, "die", "a1", "3");
	stage_wait_for_event(stage, "stays registered");
	stage_end_box(stage, "a1");
	stage_push_event(stage, "destroy", "a1", "");
	run_for(stage->loop, 50);
	assert_int_equal(stage->store.removes, 0);
	assert_string_equal(listed(stage, "host-1:web-1:80", "Service"), "web");
}

static void a_restart_of_what_was_kept_registers_anew(void **state)
{
	struct stage *stage = *state;

	stage->options.deregister = REGISTER_DEREGISTER_ON_SUCCESS;
	start_with_one(stage);
	stage_push_event(stage, "die", "a1", "3");
	stage_wait_for_event(stage, "stays registered");
	assert_int_equal(stage->store.adds, 1);
	/* Somebody removed it meanwhile, and nobody listed since. */
	json_remove(stage->store.services, "host-1:web-1:80");
	stage_push_event(stage, "start", "a1", "");
	stage_wait_for_id(stage, "host-1:web-1:80");
	assert_int_equal(stage->store.adds, 2);
}

static void within_its_lifetime_it_is_taken_back_as_it_is(void **state)
{
	struct stage *stage = *state;

	stage->options.deregister = REGISTER_DEREGISTER_ON_SUCCESS;
	stage->options.ttl_s = 600;
	stage->options.ttl_refresh_s = 300;
	start_with_one(stage);
	stage_push_event(stage, "die", "a1", "3");
	stage_wait_for_event(stage, "stays registered");
	stage_push_event(stage, "start", "a1", "");
	run_for(stage->loop, 100);
	assert_int_equal(stage->store.adds, 1);
}

static void without_a_status_the_daemon_is_asked_for_it(void **state)
{
	struct stage *stage = *state;

	stage->options.deregister = REGISTER_DEREGISTER_ON_SUCCESS;
	stage_run_box(stage, "a1", "web-1");
	stage_run_box(stage, "b2", "web-2");
	stage_run_box(stage, "c3", "web-3");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage->count = 3;
	assert_true(run_until_true(stage->loop, stage_has_count, stage));
	/* Ended with 3, gone, and running again. */
	stage_put_document(stage, "a1", "web-1", "", false);
	stage_end_box(stage, "b2");
	stage_push_event(stage, "die", "a1", "");
	stage_push_event(stage, "die", "b2", "");
	stage_push_event(stage, "die", "c3", "");
	stage_wait_for_removal(stage, "host-1:web-2:80");
	stage_wait_for_event(stage, "exit 3: stays registered");
	run_for(stage->loop, 50);
	assert_int_equal(stage->store.removes, 1);
}

/* ---- following ---- */

static void renames_and_networks_wait_for_a_resync(void **state)
{
	struct stage *stage = *state;

	start_with_one(stage);
	stage_run_box(stage, "a1", "web-2");
	stage_push_event(stage, "rename", "a1", "");
	push_network(stage, "connect", "a1");
	run_for(stage->loop, 50);
	assert_int_equal(peer_asked(stage->peer, "GET /containers/a1/json"), 1);
	assert_non_null(json_member(stage->store.services, "host-1:web-1:80"));
}

static void renames_are_followed_when_asked_for(void **state)
{
	struct stage *stage = *state;

	stage->options.follow_renames = true;
	start_with_one(stage);
	stage_run_box(stage, "a1", "web-2");
	stage_push_event(stage, "rename", "a1", "");
	stage_wait_for_id(stage, "host-1:web-2:80");
	stage_wait_for_removal(stage, "host-1:web-1:80");
}

static bool is_asked_twice(void *arg)
{
	struct stage *stage = arg;

	return peer_asked(stage->peer, "GET /containers/a1/json") == 2;
}

static void networks_are_followed_when_asked_for(void **state)
{
	struct stage *stage = *state;

	stage->options.follow_networks = true;
	start_with_one(stage);
	push_network(stage, "connect", "a1");
	assert_true(run_until_true(stage->loop, is_asked_twice, stage));
}

/* ---- whose is it ---- */

static void the_mark_alone_says_what_dangles(void **state)
{
	struct stage *stage = *state;
	static const char *const ids[] = { "host-1:old-1:80", "custom", "foreign" };
	static const char *const marks[] = { NULL, "me", "you" };

	stage->options.cleanup = true;
	stage->options.registered_by = "me";
	for (size_t i = 0; i < 3; i++) {
		struct json *meta;

		stage_put_entry(stage, ids[i], "old");
		meta = json_add_object(json_member_mut(stage->store.services, ids[i]), "Meta");
		if (marks[i])
			json_add_str(meta, "registered-by", marks[i]);
	}
	stage_run_box(stage, "a1", "web-1");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	stage_wait_for_removal(stage, "custom");
	run_for(stage->loop, 50);
	assert_int_equal(stage->store.removes, 1);
}

static struct strbuf warnings;

static void keep_warnings(void *arg, const struct log_line *line)
{
	(void)arg;
	strbuf_addf(&warnings, "%s\n", line->text);
}

static void an_id_of_another_host_is_said_and_fought_over_slowly(void **state)
{
	struct stage *stage = *state;

	log_set_sink(keep_warnings, NULL, LOG_LEVEL_WARN);
	stage->options.resync_ms = 50;
	start_with_one(stage);
	run_for(stage->loop, 100);
	assert_int_equal(warnings.len, 0);
	/* Once it is put right at once: it may have been a mistake. */
	set_address(stage, "host-1:web-1:80", "10.9.9.9");
	stage_wait_for_event(stage, "stale web host-1:web-1:80 address 10.9.9.9");
	run_for(stage->loop, 200);
	assert_string_equal(listed(stage, "host-1:web-1:80", "Address"), "10.233.0.9");
	assert_non_null(strstr(warnings.buf, "id host-1:web-1:80 exists with another address, "
					     "10.9.9.9"));
	assert_non_null(strstr(warnings.buf, "give each a hostname of its own"));
	/* Twice is a rival. */
	set_address(stage, "host-1:web-1:80", "10.9.9.9");
	run_for(stage->loop, 300);
	assert_string_equal(listed(stage, "host-1:web-1:80", "Address"), "10.9.9.9");
	assert_int_equal(stage->store.adds, 2);
	/* A new start of the container claims it again. */
	stage_push_event(stage, "die", "a1", "0");
	stage_push_event(stage, "start", "a1", "");
	run_for(stage->loop, 300);
	assert_string_equal(listed(stage, "host-1:web-1:80", "Address"), "10.233.0.9");
	log_set_sink(NULL, NULL, LOG_LEVEL_WARN);
	strbuf_release(&warnings);
}

static void a_registry_that_denies_its_list_is_written_to(void **state)
{
	struct stage *stage = *state;

	stage->store.denies_lists = true;
	stage->options.resync_ms = 50;
	start_with_one(stage);
	stage_wait_for_event(stage, "FAILED   no permission;");
	run_for(stage->loop, 200);
	assert_int_equal(stage->store.adds, 1);
	stage_push_event(stage, "die", "a1", "0");
	stage_wait_for_removal(stage, "host-1:web-1:80");
	/* Said once. */
	assert_null(strstr(strstr(stage->events.buf, "no permission;") + 1, "no permission;"));
}

/* ---- httpGet ---- */

static void tags_are_fetched_once_per_life(void **state)
{
	struct stage *stage = *state;
	char *tags = xasprintf("x,{{jsonParse (httpGet \"%s/a?b=c\") \"zone\"}},"
			       "{{httpGet (httpGet \"%s/next\")}}{{httpGet \"nonsense\"}}",
			       peer_url(stage->peer), peer_url(stage->peer));
	char *next = xasprintf("%s/last", peer_url(stage->peer));
	const struct json *list;

	stage->options.tags = tags;
	stage->options.http = stage->http;
	stage->options.resync_ms = 50;
	stage_run_box(stage, "a1", "web-1");
	stage_publish(stage);
	peer_answer(stage->peer, "GET /a?b=c", 200, NULL, "{\"zone\":\"eu\"}");
	peer_answer(stage->peer, "GET /next", 404, NULL, next);
	peer_answer(stage->peer, "GET /last", 200, NULL, "end");
	stage_start(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	list = json_get(json_member(stage->store.services, "host-1:web-1:80"), "Tags");
	assert_int_equal(json_count(list), 3);
	assert_string_equal(json_as_str(json_first(list), ""), "end");
	assert_string_equal(json_as_str(json_next(json_first(list)), ""), "eu");
	/* Looking again asks nobody. */
	run_for(stage->loop, 200);
	assert_int_equal(peer_asked(stage->peer, "GET /a?b=c"), 1);
	assert_int_equal(peer_asked(stage->peer, "GET /last"), 1);
	assert_int_equal(stage->store.adds, 1);
	free(tags);
	free(next);
}

static void an_answer_that_does_not_come_is_empty(void **state)
{
	struct stage *stage = *state;
	char *tags = xasprintf("x,{{httpGet \"http://127.0.0.1:%d/\"}}", 1);
	const struct json *list;

	stage->options.tags = tags;
	stage->options.http = stage->http;
	stage_run_box(stage, "a1", "web-1");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_wait_for_id(stage, "host-1:web-1:80");
	list = json_get(json_member(stage->store.services, "host-1:web-1:80"), "Tags");
	assert_int_equal(json_count(list), 1);
	free(tags);
}

static void an_end_while_tags_are_fetched_is_the_end(void **state)
{
	struct stage *stage = *state;
	char *tags = xasprintf("{{httpGet \"%s/slow\"}}", peer_url(stage->peer));

	stage->options.tags = tags;
	stage->options.http = stage->http;
	stage_run_box(stage, "b2", "web-2");
	stage_end_box(stage, "b2");
	stage_start_synced(stage, REGISTRAR_AUTO);
	stage_run_box(stage, "a1", "web-1");
	peer_script(stage->peer,
		    &(struct peer_reply){ .request = "GET /slow", .fault = PEER_HANG });
	stage_push_event(stage, "start", "a1", "");
	stage->count = 0;
	for (int i = 0; i < 200 && !peer_asked(stage->peer, "GET /slow"); i++)
		run_for(stage->loop, 10);
	assert_int_equal(peer_asked(stage->peer, "GET /slow"), 1);
	stage_push_event(stage, "die", "a1", "0");
	run_for(stage->loop, 50);
	assert_int_equal(stage->store.adds, 0);
	free(tags);
}

#define ON_STAGE(test) cmocka_unit_test_setup_teardown(test, stage_set_up, stage_tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		ON_STAGE(a_stop_signal_drains_until_the_end),
		ON_STAGE(without_the_switch_nothing_is_drained),
		ON_STAGE(a_new_life_ends_the_maintenance),
		ON_STAGE(a_container_of_its_own_stop_signal_is_drained_by_that),
		ON_STAGE(never_leaves_what_ended),
		ON_STAGE(failed_containers_stay_removed_ones_too_when_asked_for),
		ON_STAGE(a_restart_of_what_was_kept_registers_anew),
		ON_STAGE(within_its_lifetime_it_is_taken_back_as_it_is),
		ON_STAGE(without_a_status_the_daemon_is_asked_for_it),
		ON_STAGE(renames_and_networks_wait_for_a_resync),
		ON_STAGE(renames_are_followed_when_asked_for),
		ON_STAGE(networks_are_followed_when_asked_for),
		ON_STAGE(the_mark_alone_says_what_dangles),
		ON_STAGE(an_id_of_another_host_is_said_and_fought_over_slowly),
		ON_STAGE(a_registry_that_denies_its_list_is_written_to),
		ON_STAGE(tags_are_fetched_once_per_life),
		ON_STAGE(an_answer_that_does_not_come_is_empty),
		ON_STAGE(an_end_while_tags_are_fetched_is_the_end),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
