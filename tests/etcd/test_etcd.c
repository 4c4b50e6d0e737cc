#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/real_etcd.h"

#define PATIENCE_MS 20000

static struct real_etcd server;
static bool have_etcd;
static struct loop *loop;
static struct http *http;

/* The last answer of a call. */
static struct answer {
	unsigned count;
	struct json *doc;
	struct err err;
	uint64_t index;
	char cluster_id[64];
} answer;

static void on_answer(void *arg, const struct json *doc, const struct etcd_meta *meta,
		      const struct err *err)
{
	struct answer *into = arg;

	into->count++;
	json_free(into->doc);
	into->doc = doc ? json_copy(doc) : NULL;
	into->err = err ? *err : (struct err){ 0 };
	into->index = meta->etcd_index;
	snprintf(into->cluster_id, sizeof(into->cluster_id), "%s", meta->cluster_id);
}

static void turn_until(const unsigned *count, unsigned wanted)
{
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;

	while (*count < wanted && clock_mono_ms() < end_ms)
		loop_turn(loop, 50);
	assert_true(*count >= wanted);
}

static const struct answer *finish(void)
{
	assert_int_equal(answer.count, 0); /* never inside the call that started it */
	turn_until(&answer.count, 1);
	assert_int_equal(answer.count, 1);
	answer.count = 0;
	return &answer;
}

static struct etcd *connect_to(const char *a, const char *b)
{
	const char *endpoints[] = { a, b, NULL };
	struct etcd_config config = { .endpoints = endpoints };
	struct err err;
	struct etcd *etcd = etcd_new(loop, http, &config, &err);

	assert_non_null(etcd);
	return etcd;
}

static const struct answer *put(struct etcd *etcd, const char *key, const char *value,
				const struct etcd_condition *condition)
{
	etcd_put(etcd, key, value, condition, on_answer, &answer);
	return finish();
}

static const struct answer *get(struct etcd *etcd, const char *key, unsigned flags)
{
	etcd_get(etcd, key, flags, on_answer, &answer);
	return finish();
}

static const struct answer *del(struct etcd *etcd, const char *key,
				const struct etcd_condition *condition)
{
	etcd_delete(etcd, key, condition, on_answer, &answer);
	return finish();
}

static int start_server(void **state)
{
	(void)state;
	have_etcd = real_etcd_start(&server, true);
	return 0;
}

static int stop_server(void **state)
{
	(void)state;
	real_etcd_stop(&server);
	return 0;
}

static int setup(void **state)
{
	(void)state;
	loop = loop_new();
	http = http_new(loop);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_free(answer.doc);
	answer = (struct answer){ 0 };
	http_free(http);
	loop_free(loop);
	return 0;
}

#define NEEDS_ETCD                                                                                 \
	do {                                                                                       \
		if (!have_etcd)                                                                    \
			skip();                                                                    \
	} while (0)

static void what_was_put_is_read_back_byte_by_byte(void **state)
{
	static const char value[] = "{\"a\":\"x+y&z%41=\\u00e9\"} \n\t#;";
	struct etcd *etcd;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	put(etcd, "/bytes/a b%2fc+d", value, NULL);
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_true(answer.index > 0);
	assert_true(strlen(answer.cluster_id) > 4);
	get(etcd, "/bytes", ETCD_RECURSIVE | ETCD_QUORUM | ETCD_SORTED);
	assert_string_equal(json_str(json_first(json_get(answer.doc, "node.nodes")), "key", ""),
			    "/bytes/a b%2fc+d");
	get(etcd, "/bytes/a b%2fc+d", ETCD_QUORUM);
	assert_string_equal(json_str(answer.doc, "node.value", ""), value);
	etcd_free(etcd);
}

static void conditions_that_do_not_hold_are_conflicts(void **state)
{
	struct etcd *etcd;
	uint64_t index;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	put(etcd, "/cas/k", "1", &(struct etcd_condition){ .must_not_exist = true });
	assert_int_equal(answer.err.code, ERR_NONE);
	index = (uint64_t)json_int(answer.doc, "node.modifiedIndex", 0);
	put(etcd, "/cas/k", "2", &(struct etcd_condition){ .must_not_exist = true });
	assert_int_equal(answer.err.code, ERR_CONFLICT);
	assert_non_null(strstr(answer.err.msg, "Key already exists"));
	put(etcd, "/cas/k", "2",
	    &(struct etcd_condition){ .must_exist = true, .prev_index = index + 1 });
	assert_int_equal(answer.err.code, ERR_CONFLICT);
	assert_non_null(strstr(answer.err.msg, "Compare failed"));
	put(etcd, "/cas/k", "2",
	    &(struct etcd_condition){ .must_exist = true, .prev_index = index });
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_string_equal(json_str(answer.doc, "prevNode.value", ""), "1");
	del(etcd, "/cas/k", &(struct etcd_condition){ .prev_index = index });
	assert_int_equal(answer.err.code, ERR_CONFLICT);
	index = (uint64_t)json_int(get(etcd, "/cas/k", 0)->doc, "node.modifiedIndex", 0);
	del(etcd, "/cas/k", &(struct etcd_condition){ .prev_index = index });
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_string_equal(json_str(answer.doc, "action", ""), "compareAndDelete");
	assert_string_equal(json_str(answer.doc, "prevNode.value", ""), "2");
	etcd_free(etcd);
}

static void a_missing_key_is_not_found_and_still_tells_the_index(void **state)
{
	struct etcd *etcd;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	get(etcd, "/nowhere", ETCD_QUORUM);
	assert_int_equal(answer.err.code, ERR_NOT_FOUND);
	assert_null(answer.doc);
	assert_true(answer.index > 0);
	etcd_free(etcd);
}

static void only_an_empty_folder_is_removed(void **state)
{
	static const struct etcd_condition dir = { .dir = true };
	struct etcd *etcd;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	put(etcd, "/prune/a/k", "1", NULL);
	assert_int_equal(del(etcd, "/prune/a", &dir)->err.code, ERR_CONFLICT);
	assert_int_equal(del(etcd, "/prune/a", NULL)->err.code, ERR_REFUSED); /* not a file */
	assert_int_equal(del(etcd, "/prune/a/k", NULL)->err.code, ERR_NONE);
	assert_int_equal(del(etcd, "/prune/a", &dir)->err.code, ERR_NONE);
	assert_int_equal(del(etcd, "/prune/a", &dir)->err.code, ERR_NOT_FOUND);
	etcd_free(etcd);
}

static void a_read_goes_on_to_the_next_member_and_stays_there(void **state)
{
	char dead[48];
	struct etcd *etcd;

	(void)state;
	NEEDS_ETCD;
	snprintf(dead, sizeof(dead), "http://127.0.0.1:%d", real_etcd_free_port());
	etcd = connect_to(dead, server.url);
	put(etcd, "/failover", "1", NULL);
	assert_int_equal(answer.err.code, ERR_UNREACHABLE); /* a write is not repeated */
	etcd_free(etcd);
	etcd = connect_to(dead, server.url);
	assert_int_equal(get(etcd, "/", 0)->err.code, ERR_NONE);
	assert_string_equal(etcd_address(etcd), server.url + strlen("http://"));
	assert_int_equal(put(etcd, "/failover", "1", NULL)->err.code, ERR_NONE);
	etcd_free(etcd);
}

static void when_no_member_answers_the_read_fails_once(void **state)
{
	char a[48], b[48];
	struct etcd *etcd;

	(void)state;
	snprintf(a, sizeof(a), "http://127.0.0.1:%d", real_etcd_free_port());
	snprintf(b, sizeof(b), "http://127.0.0.1:%d", real_etcd_free_port());
	etcd = connect_to(a, b);
	get(etcd, "/", 0);
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	assert_int_equal(answer.index, 0);
	etcd_free(etcd);
}

static void an_etcd_without_v2_says_so(void **state)
{
	struct real_etcd other;
	struct etcd *etcd;

	(void)state;
	NEEDS_ETCD;
	assert_true(real_etcd_start(&other, false));
	etcd = connect_to(other.url, NULL);
	get(etcd, "/calico", ETCD_QUORUM);
	assert_int_equal(answer.err.code, ERR_REFUSED);
	assert_non_null(strstr(answer.err.msg, "--enable-v2"));
	etcd_free(etcd);
	real_etcd_stop(&other);
}

static void an_unauthorized_request_is_denied(void **state)
{
	struct etcd_config config = { .endpoints = (const char *[]){ NULL, NULL } };
	struct real_etcd other;
	struct etcd *etcd;
	struct err err;

	(void)state;
	NEEDS_ETCD;
	assert_true(real_etcd_start(&other, true));
	free(real_etcd_request(&other, "PUT", "/v2/auth/users/root",
			       "{\"user\":\"root\",\"password\":\"pw\"}", NULL));
	free(real_etcd_request(&other, "PUT", "/v2/auth/enable", "", NULL));
	config.endpoints = (const char *[]){ other.url, NULL };
	config.user = "nobody";
	config.password = "wrong";
	etcd = etcd_new(loop, http, &config, &err);
	put(etcd, "/denied", "1", NULL);
	assert_int_equal(answer.err.code, ERR_DENIED);
	assert_null(strstr(answer.err.msg, "wrong"));
	etcd_free(etcd);
	config.user = "root";
	config.password = "pw";
	etcd = etcd_new(loop, http, &config, &err);
	assert_int_equal(put(etcd, "/denied", "1", NULL)->err.code, ERR_NONE);
	etcd_free(etcd);
	real_etcd_stop(&other);
}

static void a_cancelled_call_never_completes(void **state)
{
	struct etcd_call *call;
	struct etcd *etcd;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	call = etcd_get(etcd, "/", 0, on_answer, &answer);
	etcd_call_cancel(&call);
	assert_null(call);
	get(etcd, "/nowhere", 0); /* asserts that it is the only one that completes */
	etcd_free(etcd);
}

static void no_endpoint_at_all_is_an_error(void **state)
{
	struct etcd_config config = { .endpoints = (const char *[]){ NULL } };
	struct err err;

	(void)state;
	assert_null(etcd_new(loop, http, &config, &err));
	assert_int_equal(err.code, ERR_INPUT);
}

static void a_watch_gives_the_tree_at_the_start_and_after_changes(void **state)
{
	struct answer tree = { 0 };
	struct etcd_watch *watch;
	struct etcd *etcd;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	watch = etcd_watch_start(etcd, "/watched", on_answer, &tree);
	turn_until(&tree.count, 1);
	assert_null(tree.doc); /* not there yet, and no error */
	assert_int_equal(tree.err.code, ERR_NONE);
	real_etcd_put(&server, "/watched/a", "1");
	turn_until(&tree.count, 2);
	assert_int_equal(json_count(json_get(tree.doc, "node.nodes")), 1);
	assert_true(etcd_watch_alive_ms(watch) > 0);
	real_etcd_put(&server, "/elsewhere", "1");
	real_etcd_put(&server, "/watched/b/c", "2");
	turn_until(&tree.count, 3);
	assert_int_equal(json_count(json_get(tree.doc, "node.nodes")), 2);
	free(real_etcd_request(&server, "DELETE", "/v2/keys/watched/a", NULL, NULL));
	turn_until(&tree.count, 4);
	assert_int_equal(json_count(json_get(tree.doc, "node.nodes")), 1);
	etcd_watch_stop(&watch);
	assert_null(watch);
	json_free(tree.doc);
	etcd_free(etcd);
}

struct forgetful {
	struct answer tree;
	bool flooded;
};

/* More changes than etcd remembers, after the index was taken and before it is asked for. */
static void flood_once(void *arg, const struct json *doc, const struct etcd_meta *meta,
		       const struct err *err)
{
	struct forgetful *forgetful = arg;

	on_answer(&forgetful->tree, doc, meta, err);
	if (forgetful->flooded)
		return;
	forgetful->flooded = true;
	real_etcd_put(&server, "/forgotten/k", "missed");
	for (int i = 0; i < 1010; i++)
		real_etcd_put(&server, "/flood", "1");
}

static void a_watch_whose_index_is_forgotten_reads_again(void **state)
{
	struct forgetful forgetful = { 0 };
	struct etcd_watch *watch;
	struct etcd *etcd;

	(void)state;
	NEEDS_ETCD;
	real_etcd_put(&server, "/forgotten/k", "first");
	etcd = connect_to(server.url, NULL);
	watch = etcd_watch_start(etcd, "/forgotten", flood_once, &forgetful);
	turn_until(&forgetful.tree.count, 2);
	assert_int_equal(forgetful.tree.err.code, ERR_NONE);
	assert_string_equal(
		json_str(json_first(json_get(forgetful.tree.doc, "node.nodes")), "value", ""),
		"missed");
	real_etcd_put(&server, "/forgotten/k", "later");
	turn_until(&forgetful.tree.count, 3);
	assert_string_equal(
		json_str(json_first(json_get(forgetful.tree.doc, "node.nodes")), "value", ""),
		"later");
	etcd_watch_stop(&watch);
	json_free(forgetful.tree.doc);
	etcd_free(etcd);
}

static void an_outage_is_reported_once_and_the_tree_after_it(void **state)
{
	char url[48];
	struct answer tree = { 0 };
	struct real_etcd late;
	struct etcd_watch *watch;
	struct etcd *etcd;
	int64_t end_ms;

	(void)state;
	NEEDS_ETCD;
	assert_true(real_etcd_start(&late, true));
	real_etcd_put(&late, "/o/k", "1");
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", real_etcd_free_port());
	etcd = connect_to(late.url, url);
	watch = etcd_watch_start(etcd, "/o", on_answer, &tree);
	turn_until(&tree.count, 1);
	assert_non_null(tree.doc);
	real_etcd_stop(&late);
	turn_until(&tree.count, 2);
	assert_int_equal(tree.err.code, ERR_UNREACHABLE);
	/* Two more attempts fail silently. */
	for (end_ms = clock_mono_ms() + 2500; clock_mono_ms() < end_ms;)
		loop_turn(loop, 50);
	assert_int_equal(tree.count, 2);
	etcd_watch_stop(&watch);
	json_free(tree.doc);
	etcd_free(etcd);
}

static bool is_heartbeat(const char *key)
{
	return strstr(key, "/beat") != NULL;
}

static void quiet_changes_wait_for_a_loud_one(void **state)
{
	struct answer tree = { 0 };
	struct etcd_watch *watch;
	struct etcd *etcd;

	(void)state;
	NEEDS_ETCD;
	real_etcd_put(&server, "/quiet/beat", "1");
	etcd = connect_to(server.url, NULL);
	watch = etcd_watch_start(etcd, "/quiet", on_answer, &tree);
	etcd_watch_set_quiet(watch, is_heartbeat, 60000);
	turn_until(&tree.count, 1);
	for (int i = 0; i < 5; i++) {
		real_etcd_put(&server, "/quiet/beat", "2");
		loop_turn(loop, 20);
	}
	for (int i = 0; i < 20; i++)
		loop_turn(loop, 20);
	assert_int_equal(tree.count, 1);
	real_etcd_put(&server, "/quiet/loud", "1");
	turn_until(&tree.count, 2);
	assert_int_equal(json_count(json_get(tree.doc, "node.nodes")), 2);
	assert_string_equal(json_str(json_first(json_get(tree.doc, "node.nodes")), "value", ""),
			    "2");
	etcd_watch_stop(&watch);
	json_free(tree.doc);
	etcd_free(etcd);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(what_was_put_is_read_back_byte_by_byte),
		TEST(conditions_that_do_not_hold_are_conflicts),
		TEST(a_missing_key_is_not_found_and_still_tells_the_index),
		TEST(only_an_empty_folder_is_removed),
		TEST(a_read_goes_on_to_the_next_member_and_stays_there),
		TEST(when_no_member_answers_the_read_fails_once),
		TEST(an_etcd_without_v2_says_so),
		TEST(an_unauthorized_request_is_denied),
		TEST(a_cancelled_call_never_completes),
		TEST(no_endpoint_at_all_is_an_error),
		TEST(a_watch_gives_the_tree_at_the_start_and_after_changes),
		TEST(a_watch_whose_index_is_forgotten_reads_again),
		TEST(an_outage_is_reported_once_and_the_tree_after_it),
		TEST(quiet_changes_wait_for_a_loud_one),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
