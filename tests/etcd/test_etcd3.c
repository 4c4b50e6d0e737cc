#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/mem.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/etcd/etcd3.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/peer.h"
#include "support/real_etcd.h"

#define PATIENCE_MS 20000

static struct real_etcd server;
static bool have_etcd;
static struct loop *loop;
static struct http *http;

/* The last answer of a call: keys and values of its last result, in one text each. */
static struct answer {
	unsigned count;
	struct err err;
	bool succeeded;
	uint64_t revision, mod_revision, total, deleted, lease;
	int64_t ttl_s;
	size_t keys;
	char cluster_id[24], text[400];
} answer;

static void on_answer(void *arg, const struct etcd3_answer *got, const struct err *err)
{
	struct answer *into = arg;
	unsigned count = into->count + 1;

	*into = (struct answer){ .count = count };
	if (err) {
		into->err = *err;
		return;
	}
	into->succeeded = got->succeeded;
	into->revision = got->revision;
	into->lease = got->lease;
	into->ttl_s = got->ttl_s;
	snprintf(into->cluster_id, sizeof(into->cluster_id), "%s", got->cluster_id);
	for (size_t i = 0; i < got->result_count; i++) {
		const struct etcd3_result *result = &got->results[i];

		into->keys = result->count;
		into->total = result->total;
		into->deleted = result->deleted;
		for (size_t j = 0; j < result->count; j++) {
			size_t len = strlen(into->text);

			into->mod_revision = result->kvs[j].mod_revision;
			snprintf(into->text + len, sizeof(into->text) - len, "%s=%s;",
				 result->kvs[j].key, result->kvs[j].value);
		}
	}
}

static void turn_until(const unsigned *count, unsigned wanted)
{
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;

	while (*count < wanted && clock_mono_ms() < end_ms)
		loop_turn(loop, 50);
	assert_true(*count >= wanted);
}

static void finish(void)
{
	assert_int_equal(answer.count, 0); /* never inside the call that started it */
	turn_until(&answer.count, 1);
	assert_int_equal(answer.count, 1);
	answer.count = 0;
}

static int64_t timeout_ms; /* 0: the default */

static struct etcd3 *connect_with(const char *a, const char *b, const char *password)
{
	const char *endpoints[] = { a, b, NULL };
	struct etcd_config config = { .endpoints = endpoints,
				      .user = password ? "root" : NULL,
				      .password = password,
				      .timeout_ms = timeout_ms };
	struct err err;
	struct etcd3 *etcd = etcd3_new(loop, http, &config, &err);

	assert_non_null(etcd);
	return etcd;
}

static struct etcd3 *connect_to(const char *a, const char *b)
{
	return connect_with(a, b, NULL);
}

static void put(struct etcd3 *etcd, const char *key, const char *value)
{
	etcd3_put(etcd, key, value, 0, on_answer, &answer);
	finish();
}

static void range(struct etcd3 *etcd, const char *key, unsigned flags)
{
	etcd3_range(etcd, key, flags, on_answer, &answer);
	finish();
}

static void del(struct etcd3 *etcd, const char *key, uint64_t mod_revision)
{
	etcd3_delete(etcd, key, mod_revision, on_answer, &answer);
	finish();
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
	answer = (struct answer){ 0 };
	timeout_ms = 0;
	return 0;
}

static int teardown(void **state)
{
	(void)state;
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
	static const char value[] = "{\"a\":\"x+y&z%41=\\u00e9\"} \n\t#;\xff";
	struct etcd3 *etcd;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	put(etcd, "/bytes/a b%2fc+d", value);
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_true(answer.revision > 1);
	assert_true(strlen(answer.cluster_id) > 4);
	range(etcd, "/bytes/", ETCD3_PREFIX);
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_int_equal(answer.keys, 1);
	assert_memory_equal(answer.text, "/bytes/a b%2fc+d={\"a\"", 21);
	assert_non_null(strstr(answer.text, "\n\t#;\xff;"));
	range(etcd, "/bytes", 0);
	assert_int_equal(answer.keys, 0);
	etcd3_free(etcd);
}

static void a_prefix_is_read_page_by_page_and_ends_where_it_ends(void **state)
{
	struct etcd3 *etcd;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	put(etcd, "/page/b", "2");
	put(etcd, "/page/a", "1");
	put(etcd, "/page/c/d", "3");
	put(etcd, "/page/e", "4");
	put(etcd, "/page/f", "5");
	put(etcd, "/page0", "not below");
	etcd3_set_page(etcd, 2);
	range(etcd, "/page/", ETCD3_PREFIX);
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_string_equal(answer.text, "/page/a=1;/page/b=2;/page/c/d=3;/page/e=4;/page/f=5;");
	assert_int_equal(answer.total, 5);
	range(etcd, "/page/", ETCD3_PREFIX | ETCD3_COUNT_ONLY);
	assert_int_equal(answer.total, 5);
	assert_int_equal(answer.keys, 0);
	range(etcd, "/page/", ETCD3_PREFIX | ETCD3_KEYS_ONLY);
	assert_string_equal(answer.text, "/page/a=;/page/b=;/page/c/d=;/page/e=;/page/f=;");
	etcd3_free(etcd);
}

static void a_delete_compares_the_revision(void **state)
{
	struct etcd3 *etcd;
	uint64_t revision;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	put(etcd, "/del/a", "one");
	revision = answer.revision;
	put(etcd, "/del/a", "two");
	assert_string_equal(answer.text, "/del/a=one;");
	del(etcd, "/del/a", revision);
	assert_int_equal(answer.err.code, ERR_CONFLICT);
	range(etcd, "/del/a", 0);
	assert_string_equal(answer.text, "/del/a=two;");
	del(etcd, "/del/a", answer.mod_revision);
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_int_equal(answer.deleted, 1);
	assert_string_equal(answer.text, "/del/a=two;");
	del(etcd, "/del/a", revision);
	assert_int_equal(answer.err.code, ERR_NOT_FOUND);
	del(etcd, "/del/a", 0);
	assert_int_equal(answer.err.code, ERR_NOT_FOUND);
	etcd3_free(etcd);
}

static void a_transaction_changes_all_or_nothing(void **state)
{
	const struct etcd3_compare absent[] = { { "/txn/a", ETCD3_CREATE, 0, false },
						{ "/txn/b", ETCD3_VERSION, 0, false } };
	const struct etcd3_op writes[] = { { .kind = ETCD3_PUT, .key = "/txn/a", .value = "1" },
					   { .kind = ETCD3_PUT, .key = "/txn/b", .value = "2" } };
	const struct etcd3_op look = { .kind = ETCD3_GET, .key = "/txn/", .prefix = true };
	const struct etcd3_txn txn = { .compares = absent,
				       .compare_count = 2,
				       .then = writes,
				       .then_count = 2,
				       .otherwise = &look,
				       .otherwise_count = 1 };
	struct etcd3 *etcd;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	etcd3_txn(etcd, &txn, on_answer, &answer);
	finish();
	assert_true(answer.succeeded);
	etcd3_txn(etcd, &txn, on_answer, &answer);
	finish();
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_false(answer.succeeded);
	assert_string_equal(answer.text, "/txn/a=1;/txn/b=2;");
	etcd3_free(etcd);
}

static void a_lease_takes_its_keys_with_it(void **state)
{
	struct etcd3 *etcd;
	uint64_t lease;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	etcd3_lease_grant(etcd, 0, 60, on_answer, &answer);
	finish();
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_int_equal(answer.ttl_s, 60);
	lease = answer.lease;
	assert_true(lease != 0);
	etcd3_put(etcd, "/lease/a", "1", lease, on_answer, &answer);
	finish();
	etcd3_lease_keepalive(etcd, lease, on_answer, &answer);
	finish();
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_int_equal(answer.ttl_s, 60);
	etcd3_lease_revoke(etcd, lease, on_answer, &answer);
	finish();
	assert_int_equal(answer.err.code, ERR_NONE);
	range(etcd, "/lease/a", 0);
	assert_int_equal(answer.keys, 0);
	etcd3_lease_keepalive(etcd, lease, on_answer, &answer);
	finish();
	assert_int_equal(answer.err.code, ERR_NOT_FOUND);
	etcd3_lease_revoke(etcd, lease, on_answer, &answer);
	finish();
	assert_int_equal(answer.err.code, ERR_NOT_FOUND);
	etcd3_free(etcd);
}

/* ---- watches ---- */

static struct seen {
	unsigned opened, events, ended;
	char text[400];
	uint64_t last_revision, compact_revision;
	struct err err;
	struct etcd3_watch *watch;
	bool stop_inside;
} seen;

static void on_open(void *arg)
{
	struct seen *into = arg;

	into->opened++;
}

static void on_events(void *arg, const struct etcd3_event *events, size_t count, uint64_t revision)
{
	struct seen *into = arg;

	for (size_t i = 0; i < count; i++) {
		size_t len = strlen(into->text);

		into->events++;
		into->last_revision = events[i].kv.mod_revision;
		snprintf(into->text + len, sizeof(into->text) - len, "%s%s=%s;",
			 events[i].is_delete ? "-" : "", events[i].kv.key, events[i].kv.value);
	}
	assert_true(revision >= into->last_revision);
	if (into->stop_inside)
		etcd3_watch_stop(&into->watch);
}

static void on_end(void *arg, uint64_t compact_revision, const struct err *err)
{
	struct seen *into = arg;

	into->watch = NULL;
	into->ended++;
	into->compact_revision = compact_revision;
	into->err = err ? *err : (struct err){ 0 };
}

static const struct etcd3_watch_events watch_events = { on_open, on_events, on_end };

static void watch_from(struct etcd3 *etcd, const char *key, uint64_t revision)
{
	seen = (struct seen){ 0 };
	seen.watch = etcd3_watch_start(etcd, key, ETCD3_PREFIX, revision, &watch_events, &seen);
}

static void a_watch_tells_changes_and_can_be_resumed(void **state)
{
	struct etcd3 *etcd;
	uint64_t after_first;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	watch_from(etcd, "/watch/", 0);
	turn_until(&seen.opened, 1);
	real_etcd3_put(&server, "/watch/a", "1");
	turn_until(&seen.events, 1);
	after_first = seen.last_revision;
	real_etcd3_put(&server, "/elsewhere", "x");
	real_etcd3_put(&server, "/watch/a", NULL);
	turn_until(&seen.events, 2);
	assert_string_equal(seen.text, "/watch/a=1;-/watch/a=;");
	etcd3_watch_stop(&seen.watch);
	etcd3_watch_stop(&seen.watch);
	real_etcd3_put(&server, "/watch/b", "2");
	watch_from(etcd, "/watch/", after_first + 1);
	turn_until(&seen.events, 2);
	assert_string_equal(seen.text, "-/watch/a=;/watch/b=2;");
	assert_int_equal(seen.ended, 0);
	seen.stop_inside = true;
	real_etcd3_put(&server, "/watch/c", "3");
	turn_until(&seen.events, 3);
	assert_null(seen.watch);
	etcd3_free(etcd);
}

static void a_watch_of_compacted_history_says_from_where_there_is_some(void **state)
{
	struct etcd3 *etcd;
	char *body;
	int status;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	put(etcd, "/compact/a", "1");
	put(etcd, "/compact/a", "2");
	body = xasprintf("{\"revision\":\"%llu\"}", (unsigned long long)answer.revision);
	free(real_etcd_call(&server, "/kv/compaction", NULL, body, &status));
	free(body);
	assert_int_equal(status, 200);
	watch_from(etcd, "/compact/", 2);
	turn_until(&seen.ended, 1);
	assert_int_equal(seen.compact_revision, answer.revision);
	assert_int_equal(seen.err.code, ERR_NONE);
	etcd3_free(etcd);
}

static void a_watch_ends_when_its_server_does(void **state)
{
	struct real_etcd own;
	struct etcd3 *etcd;

	(void)state;
	NEEDS_ETCD;
	assert_true(real_etcd_start(&own, false));
	etcd = connect_to(own.url, NULL);
	watch_from(etcd, "/a/", 0);
	turn_until(&seen.opened, 1);
	real_etcd_kill(&own);
	turn_until(&seen.ended, 1);
	assert_int_equal(seen.err.code, ERR_UNREACHABLE);
	watch_from(etcd, "/a/", 0);
	turn_until(&seen.ended, 1);
	assert_int_equal(seen.err.code, ERR_UNREACHABLE);
	etcd3_free(etcd);
	real_etcd_stop(&own);
}

/* ---- members ---- */

static void a_member_that_is_down_is_passed_over(void **state)
{
	char dead[64];
	struct etcd3 *etcd;

	(void)state;
	NEEDS_ETCD;
	snprintf(dead, sizeof(dead), "http://127.0.0.1:%d", real_etcd_free_port());
	etcd = connect_to(dead, server.url);
	put(etcd, "/over/a", "1"); /* nothing was sent to the dead one, so a write may go on */
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_string_equal(etcd3_address(etcd), server.url + strlen("http://"));
	etcd3_free(etcd);
	etcd = connect_to(dead, server.url);
	range(etcd, "/over/a", 0);
	assert_string_equal(answer.text, "/over/a=1;");
	etcd3_free(etcd);
	etcd = connect_to(dead, dead);
	range(etcd, "/over/a", 0);
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(answer.err.msg, dead + strlen("http://")));
	etcd3_free(etcd);
}

static void a_member_that_hangs_is_passed_over_after_the_time_out(void **state)
{
	struct real_etcd own;
	struct etcd3 *etcd;

	(void)state;
	NEEDS_ETCD;
	assert_true(real_etcd_start(&own, false));
	timeout_ms = 4000;
	etcd = connect_to(own.url, server.url);
	put(etcd, "/hang/a", "on the first");
	assert_int_equal(answer.err.code, ERR_NONE);
	real_etcd_pause(&own, true);
	put(etcd, "/hang/a", "who knows"); /* a write is asked once */
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	put(etcd, "/hang/a", "on the second");
	assert_int_equal(answer.err.code, ERR_NONE);
	real_etcd_pause(&own, false);
	etcd3_free(etcd);
	real_etcd_stop(&own);
}

/* ---- logins ---- */

static void a_token_is_fetched_and_renewed(void **state)
{
	struct real_etcd own;
	struct etcd3 *etcd, *nobody, *wrong;

	(void)state;
	NEEDS_ETCD;
	assert_true(real_etcd_start(&own, false));
	etcd = connect_with(own.url, NULL, "secret");
	put(etcd, "/auth/a", "1"); /* authentication is off: without a token */
	assert_int_equal(answer.err.code, ERR_NONE);
	real_etcd_enable_auth(&own, "secret");
	range(etcd, "/auth/a", 0);
	assert_int_equal(answer.err.code, ERR_NONE);
	assert_string_equal(answer.text, "/auth/a=1;");

	nobody = connect_with(own.url, NULL, NULL);
	range(nobody, "/auth/a", 0);
	assert_int_equal(answer.err.code, ERR_DENIED);
	assert_non_null(strstr(answer.err.msg, "wants a user and a password"));
	watch_from(nobody, "/auth/", 0);
	turn_until(&seen.ended, 1);
	assert_int_equal(seen.err.code, ERR_DENIED);
	etcd3_free(nobody);
	wrong = connect_with(own.url, NULL, "guess");
	range(wrong, "/auth/a", 0);
	assert_int_equal(answer.err.code, ERR_DENIED);
	assert_null(strstr(answer.err.msg, "guess"));
	etcd3_free(wrong);

	/* Tokens live in the server's memory. */
	real_etcd_kill(&own);
	real_etcd_again(&own);
	put(etcd, "/auth/a", "2");
	assert_int_equal(answer.err.code, ERR_NONE);
	real_etcd_kill(&own);
	real_etcd_again(&own);
	watch_from(etcd, "/auth/", 0);
	turn_until(&seen.opened, 1);
	put(etcd, "/auth/b", "3");
	turn_until(&seen.events, 1);
	assert_string_equal(seen.text, "/auth/b=3;");
	etcd3_watch_stop(&seen.watch);
	etcd3_free(etcd);
	real_etcd_stop(&own);
}

/* ---- other versions, and servers that are none ---- */

static void paths_are_those_of_the_servers_version(void **state)
{
	static const struct {
		const char *version, *path;
	} cases[] = {
		{ "3.2.32", "POST /v3alpha/kv/range" }, { "3.3.27", "POST /v3beta/kv/range" },
		{ "3.4.23", "POST /v3/kv/range" },      { "3.5.9", "POST /v3/kv/range" },
		{ "3.10.0", "POST /v3/kv/range" },      { "4.0.0", "POST /v3/kv/range" },
	};

	(void)state;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		struct peer *peer = peer_new(loop);
		struct etcd3 *etcd = connect_to(peer_address(peer), NULL);
		char version[80];

		snprintf(version, sizeof(version), "{\"etcdserver\":\"%s\"}", cases[i].version);
		peer_answer(peer, "GET /version", 200, NULL, version);
		peer_answer(
			peer, cases[i].path, 200, NULL,
			"{\"kvs\":[{\"key\":\"YQ==\",\"mod_revision\":\"7\"}],\"count\":\"1\"}");
		range(etcd, "a", 0);
		assert_int_equal(answer.err.code, ERR_NONE);
		assert_string_equal(answer.text, "a=;");
		etcd3_free(etcd);
		peer_free(peer);
	}
}

static void a_server_without_the_gateway_is_told_apart(void **state)
{
	struct peer *peer = peer_new(loop);
	struct etcd3 *etcd = connect_to(peer_address(peer), NULL);

	(void)state;
	peer_answer(peer, "GET /version", 200, NULL, "{\"etcdserver\":\"3.4.1\"}");
	peer_answer(peer, "POST /v3/kv/range", 404, NULL, "404 page not found\n");
	range(etcd, "a", 0);
	assert_int_equal(answer.err.code, ERR_REFUSED);
	assert_non_null(strstr(answer.err.msg, "does not serve the v3 API over HTTP"));
	etcd3_free(etcd);
	peer_free(peer);

	peer = peer_new(loop);
	etcd = connect_to(peer_address(peer), NULL);
	peer_answer(peer, "GET /version", 200, NULL, "{\"etcdserver\":\"2.3.8\"}");
	range(etcd, "a", 0);
	assert_int_equal(answer.err.code, ERR_REFUSED);
	etcd3_free(etcd);
	peer_free(peer);
}

static void malformed_answers_are_errors(void **state)
{
	static const char *const bodies[] = {
		"",
		"nonsense",
		"{\"kvs\":[{\"key\":\"***\"}]}",
		"{\"kvs\":[{\"key\":\"YQ==\",\"value\":\"!\"}]}",
	};

	(void)state;
	for (size_t i = 0; i < sizeof(bodies) / sizeof(bodies[0]); i++) {
		struct peer *peer = peer_new(loop);
		struct etcd3 *etcd = connect_to(peer_address(peer), NULL);

		peer_answer(peer, "GET /version", 200, NULL, "{\"etcdserver\":\"3.4.1\"}");
		peer_answer(peer, "POST /v3/kv/range", 200, NULL, bodies[i]);
		range(etcd, "a", ETCD3_PREFIX);
		assert_int_equal(answer.err.code, ERR_FORMAT);
		etcd3_free(etcd);
		peer_free(peer);
	}
}

static void a_watch_survives_nothing_that_is_malformed(void **state)
{
	static const char denied[] = "{\"result\":{\"canceled\":true,\"cancel_reason\":"
				     "\"etcdserver: permission denied\"}}\n";
	static const char *const lines[] = {
		"nonsense\n",
		"{\"error\":{\"grpc_code\":14,\"message\":\"no leader\"}}\n",
		"{\"result\":{\"events\":[{\"kv\":{\"key\":\"*\"}}]}}\n",
		denied,
	};
	static const enum err_code codes[] = { ERR_FORMAT, ERR_UNREACHABLE, ERR_FORMAT,
					       ERR_DENIED };

	(void)state;
	for (size_t i = 0; i < sizeof(lines) / sizeof(lines[0]); i++) {
		struct peer *peer = peer_new(loop);
		struct etcd3 *etcd = connect_to(peer_address(peer), NULL);

		peer_answer(peer, "GET /version", 200, NULL, "{\"etcdserver\":\"3.4.1\"}");
		peer_script(peer, &(struct peer_reply){ .request = "POST /v3/watch",
							.body = lines[i],
							.fault = PEER_STREAM });
		watch_from(etcd, "a", 0);
		turn_until(&seen.ended, 1);
		assert_int_equal(seen.err.code, codes[i]);
		etcd3_free(etcd);
		peer_free(peer);
	}
}

static void a_call_that_is_cancelled_never_ends(void **state)
{
	struct etcd3_call *call;
	struct etcd3 *etcd;

	(void)state;
	NEEDS_ETCD;
	etcd = connect_to(server.url, NULL);
	call = etcd3_range(etcd, "/", ETCD3_PREFIX, on_answer, &answer);
	etcd3_call_cancel(&call);
	etcd3_call_cancel(&call);
	watch_from(etcd, "/", 0);
	etcd3_watch_stop(&seen.watch);
	for (int i = 0; i < 5; i++)
		loop_turn(loop, 10);
	assert_int_equal(answer.count, 0);
	etcd3_free(etcd);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(what_was_put_is_read_back_byte_by_byte),
		TEST(a_prefix_is_read_page_by_page_and_ends_where_it_ends),
		TEST(a_delete_compares_the_revision),
		TEST(a_transaction_changes_all_or_nothing),
		TEST(a_lease_takes_its_keys_with_it),
		TEST(a_watch_tells_changes_and_can_be_resumed),
		TEST(a_watch_of_compacted_history_says_from_where_there_is_some),
		TEST(a_watch_ends_when_its_server_does),
		TEST(a_member_that_is_down_is_passed_over),
		TEST(a_member_that_hangs_is_passed_over_after_the_time_out),
		TEST(a_token_is_fetched_and_renewed),
		TEST(paths_are_those_of_the_servers_version),
		TEST(a_server_without_the_gateway_is_told_apart),
		TEST(malformed_answers_are_errors),
		TEST(a_watch_survives_nothing_that_is_malformed),
		TEST(a_call_that_is_cancelled_never_ends),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
