/* Three members with TLS and logins, with both APIs: who goes, who hangs, who is let in. */
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
#include "binnacle/etcd/etcd.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/etcd_cluster.h"

#define PATIENCE_MS 60000
#define PASSWORD    "s3cret:@/"

static struct etcd_cluster cluster;
static bool have_cluster, has_auth;
static struct loop *loop;
static struct http *http;
static struct etcd *etcd;
static struct etcd_watch *watch;
static enum etcd_api api;

static struct answer {
	unsigned count, outages;
	struct json *doc;
	struct err err;
} answer;

static void on_answer(void *arg, const struct json *doc, const struct etcd_meta *meta,
		      const struct err *err)
{
	struct answer *into = arg;

	(void)meta;
	into->count++;
	json_free(into->doc);
	into->doc = doc ? json_copy(doc) : NULL;
	into->err = err ? *err : (struct err){ 0 };
	into->outages += err && err->code != ERR_NOT_FOUND;
}

static bool finish(void)
{
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;

	while (!answer.count && clock_mono_ms() < end_ms)
		loop_turn(loop, 50);
	assert_int_equal(answer.count, 1);
	answer.count = 0;
	return !answer.err.code;
}

/* The TLS files and the login that are right. */
static struct etcd_config right(void)
{
	static const char *endpoints[ETCD_CLUSTER_MEMBERS + 1];

	for (int i = 0; i < ETCD_CLUSTER_MEMBERS; i++)
		endpoints[i] = cluster.urls[i];
	return (struct etcd_config){
		.api = api,
		.endpoints = endpoints,
		.user = has_auth ? "root" : NULL,
		.password = has_auth ? PASSWORD : NULL,
		.ca_file = cluster.ca_file,
		.cert_file = cluster.cert_file,
		.key_file = cluster.key_file,
		.timeout_ms = 15000,
		.idle_ms = 500,
	};
}

static void connect_with(const struct etcd_config *config)
{
	struct err err;

	etcd_free(etcd);
	etcd = etcd_new(loop, http, config, &err);
	assert_non_null(etcd);
}

static bool put(const char *value)
{
	etcd_put(etcd, "/cluster/a", value, NULL, on_answer, &answer);
	return finish();
}

static bool reads(const char *value)
{
	etcd_get(etcd, "/cluster", ETCD_RECURSIVE | ETCD_QUORUM, on_answer, &answer);
	return finish() &&
	       strcmp(json_str(json_first(json_get(answer.doc, "node.nodes")), "value", ""),
		      value) == 0;
}

static int start_cluster(void **state)
{
	(void)state;
	have_cluster = etcd_cluster_start(&cluster);
	return 0;
}

static int stop_cluster(void **state)
{
	(void)state;
	if (have_cluster)
		etcd_cluster_stop(&cluster);
	return 0;
}

static int setup(void **state)
{
	struct etcd_config config = right();

	(void)state;
	loop = loop_new();
	http = http_new(loop);
	if (have_cluster)
		connect_with(&config);
	return 0;
}

static int teardown(void **state)
{
	(void)state;
	json_free(answer.doc);
	answer = (struct answer){ 0 };
	etcd_watch_stop(&watch);
	for (int i = 0; have_cluster && i < ETCD_CLUSTER_MEMBERS; i++)
		real_etcd_pause(&cluster.members[i], false);
	etcd_free(etcd);
	etcd = NULL;
	http_free(http);
	loop_free(loop);
	return 0;
}

#define NEEDS_CLUSTER                                                                              \
	do {                                                                                       \
		if (!have_cluster)                                                                 \
			skip();                                                                    \
	} while (0)

static void keys_go_over_tls(void **state)
{
	(void)state;
	NEEDS_CLUSTER;
	assert_true(put("1"));
	assert_true(reads("1"));
}

static void tls_is_verified_both_ways(void **state)
{
	struct etcd_config config = right();

	(void)state;
	NEEDS_CLUSTER;
	config.ca_file = cluster.other_ca_file;
	connect_with(&config);
	assert_false(reads("1"));
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(answer.err.msg, "over TLS"));
	config = right();
	config.cert_file = config.key_file = NULL;
	connect_with(&config);
	assert_false(reads("1"));
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(answer.err.msg, "certificate"));
}

static void turn_until_value(const char *value)
{
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;
	const char *seen = "";

	while (strcmp(seen, value) != 0 && clock_mono_ms() < end_ms) {
		loop_turn(loop, 50);
		seen = json_str(json_first(json_get(answer.doc, "node.nodes")), "value", "");
	}
	assert_string_equal(seen, value);
}

/* Written by another client, which has what it needs. */
static void put_by_another(const char *value)
{
	struct etcd_config config = right();
	struct answer kept = answer;
	struct etcd *first = etcd;
	int64_t end_ms = clock_mono_ms() + PATIENCE_MS;

	answer = (struct answer){ 0 };
	etcd = NULL;
	config.endpoints++; /* the first may hang */
	connect_with(&config);
	/* The members may have to choose a leader first. */
	while (!put(value) && clock_mono_ms() < end_ms)
		loop_turn(loop, 50);
	assert_int_equal(answer.err.code, ERR_NONE);
	etcd_free(etcd);
	etcd = first;
	json_free(answer.doc);
	answer = kept;
}

static void a_watch_goes_on_when_its_member_goes(void **state)
{
	(void)state;
	NEEDS_CLUSTER;
	assert_true(put("before"));
	watch = etcd_watch_start(etcd, "/cluster", on_answer, &answer);
	turn_until_value("before");
	assert_string_equal(etcd_address(etcd), cluster.urls[0] + strlen("https://"));
	real_etcd_kill(&cluster.members[0]);
	put_by_another("after");
	turn_until_value("after");
	assert_string_not_equal(etcd_address(etcd), cluster.urls[0] + strlen("https://"));
	etcd_watch_stop(&watch);
	etcd_cluster_again(&cluster, 0);
}

static void a_member_that_hangs_is_left_by_a_watch(void **state)
{
	int64_t alive_ms, end_ms;

	struct etcd_config config = right();

	(void)state;
	NEEDS_CLUSTER;
	assert_true(put("before"));
	config.timeout_ms = 2000;
	connect_with(&config);
	watch = etcd_watch_start(etcd, "/cluster", on_answer, &answer);
	turn_until_value("before");
	real_etcd_pause(&cluster.members[0], true);
	alive_ms = etcd_watch_alive_ms(watch);
	put_by_another("hanging");
	turn_until_value("hanging");
	end_ms = clock_mono_ms() + PATIENCE_MS;
	while (etcd_watch_alive_ms(watch) <= alive_ms && clock_mono_ms() < end_ms)
		loop_turn(loop, 50);
	assert_true(etcd_watch_alive_ms(watch) > alive_ms);
	real_etcd_pause(&cluster.members[0], false);
	etcd_watch_stop(&watch);
}

static bool all_hang(void)
{
	return answer.outages > 0;
}

static void a_cluster_that_hangs_is_an_outage_after_a_bounded_time(void **state)
{
	struct etcd_config config = right();
	int64_t alive_ms, end_ms = clock_mono_ms() + PATIENCE_MS;

	(void)state;
	NEEDS_CLUSTER;
	assert_true(put("before"));
	config.timeout_ms = 2000;
	connect_with(&config);
	watch = etcd_watch_start(etcd, "/cluster", on_answer, &answer);
	turn_until_value("before");
	for (int i = 0; i < ETCD_CLUSTER_MEMBERS; i++)
		real_etcd_pause(&cluster.members[i], true);
	alive_ms = etcd_watch_alive_ms(watch);
	while (!all_hang() && clock_mono_ms() < end_ms)
		loop_turn(loop, 50);
	assert_int_equal(answer.outages, 1);
	assert_int_equal(answer.err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(answer.err.msg, " 2 s"));
	assert_true(etcd_watch_alive_ms(watch) >= alive_ms);
	assert_true(etcd_watch_alive_ms(watch) < clock_mono_ms() - 2000); /* it says its age */
	for (int i = 0; i < ETCD_CLUSTER_MEMBERS; i++)
		real_etcd_pause(&cluster.members[i], false);
	turn_until_value("before");
	assert_int_equal(answer.outages, 1);
	etcd_watch_stop(&watch);
}

/* From here on with logins. */
static void a_login_is_asked_for_and_given(void **state)
{
	struct etcd_config config;

	(void)state;
	NEEDS_CLUSTER;
	if (!has_auth)
		real_etcd_enable_auth(&cluster.members[0], PASSWORD);
	has_auth = true;
	config = right();
	connect_with(&config);
	if (!put("with login"))
		fail_msg("%s", answer.err.msg);
	assert_true(reads("with login"));
	config.password = "wrong";
	connect_with(&config);
	assert_false(put("wrong login"));
	assert_int_equal(answer.err.code, ERR_DENIED);
	assert_null(strstr(answer.err.msg, "wrong"));
	config.user = NULL;
	connect_with(&config);
	etcd_put(etcd, "/cluster/b", "1", NULL, on_answer, &answer);
	assert_false(finish() && api == ETCD_V3);
	config = right();
	connect_with(&config);
	assert_true(reads("with login"));
	if (api == ETCD_V3) { /* etcd's gateway does not take these */
		config.cert_file = cluster.cn_cert_file;
		config.key_file = cluster.cn_key_file;
		connect_with(&config);
		assert_false(reads("with login"));
		assert_int_equal(answer.err.code, ERR_DENIED);
		assert_non_null(strstr(answer.err.msg, "common name"));
	}
}

static void logins_count_on_every_member(void **state)
{
	(void)state;
	NEEDS_CLUSTER;
	assert_true(put("1"));
	real_etcd_kill(&cluster.members[0]);
	put_by_another("2");
	assert_true(reads("2"));
	etcd_cluster_again(&cluster, 0);
	/* It knows nothing of the tokens of before. */
	real_etcd_kill(&cluster.members[1]);
	put_by_another("3");
	assert_true(reads("3"));
	etcd_cluster_again(&cluster, 1);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest v2[] = {
		TEST(keys_go_over_tls),
		TEST(tls_is_verified_both_ways),
		TEST(a_watch_goes_on_when_its_member_goes),
		TEST(a_member_that_hangs_is_left_by_a_watch),
	};
	const struct CMUnitTest v3[] = {
		TEST(keys_go_over_tls),
		TEST(tls_is_verified_both_ways),
		TEST(a_watch_goes_on_when_its_member_goes),
		TEST(a_member_that_hangs_is_left_by_a_watch),
		TEST(a_cluster_that_hangs_is_an_outage_after_a_bounded_time),
		TEST(a_login_is_asked_for_and_given),
		TEST(logins_count_on_every_member),
	};
	const struct CMUnitTest v2_with_login[] = {
		TEST(a_login_is_asked_for_and_given),
		TEST(logins_count_on_every_member),
	};
	int failures;

	failures = cmocka_run_group_tests_name("v2", v2, start_cluster, NULL);
	api = ETCD_V3;
	failures += cmocka_run_group_tests_name("v3", v3, NULL, NULL);
	api = ETCD_V2;
	failures +=
		cmocka_run_group_tests_name("v2 with logins", v2_with_login, NULL, stop_cluster);
	return failures;
}
