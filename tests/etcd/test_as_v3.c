/* The calls of etcd.h on a real etcd's v3 API: the same answers as from the v2 API. */
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
#include "binnacle/base/mem.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/real_etcd.h"

#define PATIENCE_MS 30000

static struct real_etcd server;
static bool have_etcd;
static struct loop *loop;
static struct http *http;
static struct etcd *etcd;

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

static enum err_code finish(void)
{
	assert_int_equal(answer.count, 0); /* never inside the call that started it */
	turn_until(&answer.count, 1);
	assert_int_equal(answer.count, 1);
	answer.count = 0;
	return answer.err.code;
}

static enum err_code put(const char *key, const char *value, const struct etcd_condition *condition)
{
	etcd_put(etcd, key, value, condition, on_answer, &answer);
	return finish();
}

static enum err_code get(const char *key, unsigned flags)
{
	etcd_get(etcd, key, flags, on_answer, &answer);
	return finish();
}

static enum err_code del(const char *key, const struct etcd_condition *condition)
{
	etcd_delete(etcd, key, condition, on_answer, &answer);
	return finish();
}

static uint64_t number(const char *path)
{
	return (uint64_t)json_int(answer.doc, path, 0);
}

static struct etcd *connect_to(const char *url)
{
	const char *endpoints[] = { url, NULL };
	struct etcd_config config = { .api = ETCD_V3, .endpoints = endpoints };
	struct err err;

	return etcd_new(loop, http, &config, &err);
}

static int start_server(void **state)
{
	(void)state;
	have_etcd = real_etcd_start(&server, false);
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
	if (have_etcd)
		etcd = connect_to(server.url);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_free(answer.doc);
	answer = (struct answer){ 0 };
	etcd_free(etcd);
	etcd = NULL;
	http_free(http);
	loop_free(loop);
	return 0;
}

#define NEEDS_ETCD                                                                                 \
	do {                                                                                       \
		if (!have_etcd)                                                                    \
			skip();                                                                    \
	} while (0)

static void a_recursive_get_gives_all_keys_below(void **state)
{
	const struct json *node;

	(void)state;
	NEEDS_ETCD;
	assert_int_equal(etcd_api(etcd), ETCD_V3);
	assert_int_equal(get("/tree", ETCD_RECURSIVE), ERR_NOT_FOUND);
	assert_int_equal(put("/tree/b", "2", NULL), ERR_NONE);
	assert_int_equal(put("/tree/a/c", "1", NULL), ERR_NONE);
	assert_int_equal(put("/treetop", "x", NULL), ERR_NONE);
	assert_int_equal(get("/tree", ETCD_RECURSIVE | ETCD_QUORUM), ERR_NONE);
	assert_true(answer.index > 0);
	assert_true(strlen(answer.cluster_id) > 4);
	assert_int_equal(json_count(json_get(answer.doc, "node.nodes")), 2);
	node = json_first(json_get(answer.doc, "node.nodes"));
	assert_string_equal(json_str(node, "key", ""), "/tree/a/c");
	assert_string_equal(json_str(node, "value", ""), "1");
	assert_true(json_int(node, "modifiedIndex", 0) > 0);
	assert_int_equal(json_int(node, "createdIndex", 0), json_int(node, "modifiedIndex", -1));
	assert_int_equal(get("/tree/b", ETCD_RECURSIVE), ERR_NONE); /* a key itself */
	assert_string_equal(json_str(answer.doc, "node.value", ""), "2");
	assert_int_equal(get("/tree/b", 0), ERR_NONE);
	assert_string_equal(json_str(answer.doc, "node.value", ""), "2");
	assert_int_equal(get("/tree", 0), ERR_NOT_FOUND);
}

static void conditions_are_compared(void **state)
{
	uint64_t created, index;

	(void)state;
	NEEDS_ETCD;
	assert_int_equal(put("/c", "0", &(struct etcd_condition){ .must_exist = true }),
			 ERR_NOT_FOUND);
	assert_int_equal(put("/c", "1", &(struct etcd_condition){ .must_not_exist = true }),
			 ERR_NONE);
	created = number("node.createdIndex");
	index = number("node.modifiedIndex");
	assert_int_equal(created, index);
	assert_int_equal(put("/c", "2", &(struct etcd_condition){ .must_not_exist = true }),
			 ERR_CONFLICT);
	assert_int_equal(put("/c", "2", &(struct etcd_condition){ .prev_index = index + 1 }),
			 ERR_CONFLICT);
	assert_int_equal(
		put("/c", "2", &(struct etcd_condition){ .prev_index = index, .must_exist = true }),
		ERR_NONE);
	assert_string_equal(json_str(answer.doc, "prevNode.value", ""), "1");
	assert_int_equal(number("node.createdIndex"), created);
	assert_true(number("node.modifiedIndex") > index);
	assert_int_equal(del("/c", &(struct etcd_condition){ .prev_index = index }), ERR_CONFLICT);
	index = number("node.modifiedIndex");
	assert_int_equal(get("/c", 0), ERR_NONE);
	index = number("node.modifiedIndex");
	assert_int_equal(put("/other", "1", NULL), ERR_NONE);
	assert_int_equal(
		put("/c", "3",
		    &(struct etcd_condition){ .prev_index = index, .absent_key = "/other" }),
		ERR_CONFLICT);
	assert_int_equal(
		put("/c", "3",
		    &(struct etcd_condition){ .prev_index = index, .absent_key = "/none" }),
		ERR_NONE);
	index = number("node.modifiedIndex");
	assert_int_equal(del("/c", &(struct etcd_condition){ .prev_index = index }), ERR_NONE);
	assert_string_equal(json_str(answer.doc, "prevNode.value", ""), "3");
	assert_int_equal(del("/c", &(struct etcd_condition){ .prev_index = index }), ERR_NOT_FOUND);
	assert_int_equal(del("/c", NULL), ERR_NOT_FOUND);
	assert_int_equal(del("/", &(struct etcd_condition){ .dir = true }), ERR_NOT_FOUND);
}

static void a_key_with_a_time_to_live_goes_by_itself(void **state)
{
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;

	(void)state;
	NEEDS_ETCD;
	assert_int_equal(put("/ttl", "1", &(struct etcd_condition){ .ttl_s = 1 }), ERR_NONE);
	while (get("/ttl", 0) == ERR_NONE && clock_mono_ms() < end_ms)
		loop_turn(loop, 50);
	assert_int_equal(get("/ttl", 0), ERR_NOT_FOUND);
}

static void a_value_with_a_zero_byte_is_not_taken_for_a_text(void **state)
{
	int status;

	(void)state;
	NEEDS_ETCD;
	/* "{}\0" under "/zero" */
	free(real_etcd_call(&server, "/kv/put", NULL, "{\"key\":\"L3plcm8=\",\"value\":\"e30A\"}",
			    &status));
	assert_int_equal(status, 200);
	assert_int_equal(get("/zero", 0), ERR_NONE);
	assert_string_equal(json_str(answer.doc, "node.value", ""), "(binary)");
}

static bool is_beat(const char *key)
{
	return strstr(key, "/beat") != NULL;
}

static void a_watch_gives_the_tree_and_survives_its_server(void **state)
{
	struct etcd_watch *watch;
	struct real_etcd own;
	struct etcd *to_own;

	(void)state;
	NEEDS_ETCD;
	assert_true(real_etcd_start(&own, false));
	to_own = connect_to(own.url);
	watch = etcd_watch_start(to_own, "/w", on_answer, &answer);
	etcd_watch_set_quiet(watch, is_beat, 600000);
	turn_until(&answer.count, 1);
	assert_null(answer.doc);
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_true(etcd_watch_alive_ms(watch) > 0);

	real_etcd3_put(&own, "/w/a", "1");
	turn_until(&answer.count, 2);
	assert_int_equal(json_count(json_get(answer.doc, "node.nodes")), 1);
	real_etcd3_put(&own, "/w/beat", "1"); /* quiet: comes with the next one */
	real_etcd3_put(&own, "/elsewhere", "1");
	real_etcd3_put(&own, "/w/b", "2");
	turn_until(&answer.count, 3);
	assert_int_equal(json_count(json_get(answer.doc, "node.nodes")), 3);
	real_etcd3_put(&own, "/w/a", NULL);
	turn_until(&answer.count, 4);
	assert_int_equal(json_count(json_get(answer.doc, "node.nodes")), 2);

	real_etcd_kill(&own);
	turn_until(&answer.count, 5);
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	real_etcd_again(&own);
	turn_until(&answer.count, 6);
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_int_equal(json_count(json_get(answer.doc, "node.nodes")), 2);
	etcd_watch_stop(&watch);
	etcd_free(to_own);
	real_etcd_stop(&own);
}

static void a_call_that_is_cancelled_never_ends(void **state)
{
	struct etcd_call *call;

	(void)state;
	NEEDS_ETCD;
	call = etcd_get(etcd, "/", ETCD_RECURSIVE, on_answer, &answer);
	etcd_call_cancel(&call);
	call = etcd_delete(etcd, "/", &(struct etcd_condition){ .dir = true }, on_answer, &answer);
	etcd_call_cancel(&call);
	for (int i = 0; i < 5; i++)
		loop_turn(loop, 10);
	assert_int_equal(answer.count, 0);
}

static void calls_are_held_until_the_api_is_decided(void **state)
{
	const char *endpoints[] = { server.url, NULL };
	struct etcd_config config = { .api = ETCD_UNDECIDED, .endpoints = endpoints };
	struct etcd *undecided;
	struct etcd_call *call;
	struct err err = { 0 };

	(void)state;
	NEEDS_ETCD;
	undecided = etcd_new(loop, http, &config, &err);
	etcd_get(undecided, "/held", 0, on_answer, &answer);
	call = etcd_get(undecided, "/held", 0, on_answer, &answer);
	for (int i = 0; i < 5; i++)
		loop_turn(loop, 10);
	assert_int_equal(answer.count, 0);
	err_set(&err, ERR_UNREACHABLE, "nobody knows");
	etcd_call_cancel(&call);
	etcd_fail_held(undecided, &err);
	assert_int_equal(answer.count, 1);
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	answer.count = 0;

	etcd_put(undecided, "/held", "1", NULL, on_answer, &answer);
	etcd_use_api(undecided, ETCD_V3);
	assert_int_equal(finish(), ERR_NONE);
	etcd_get(undecided, "/held", 0, on_answer, &answer);
	assert_int_equal(finish(), ERR_NONE);
	assert_string_equal(json_str(answer.doc, "node.value", ""), "1");
	etcd_free(undecided);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(a_recursive_get_gives_all_keys_below),
		TEST(conditions_are_compared),
		TEST(a_key_with_a_time_to_live_goes_by_itself),
		TEST(a_value_with_a_zero_byte_is_not_taken_for_a_text),
		TEST(a_watch_gives_the_tree_and_survives_its_server),
		TEST(a_call_that_is_cancelled_never_ends),
		TEST(calls_are_held_until_the_api_is_decided),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
