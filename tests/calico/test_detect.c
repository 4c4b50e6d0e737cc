/* Which API has Calico's data, on a real etcd that serves both, or one. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/calico/detect.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/calico_cluster.h"
#include "support/peer.h"
#include "support/real_etcd.h"

#define CLUSTER CALICO_RESOURCES "/clusterinformations/default"

static struct real_etcd server;
static bool have_etcd;
static struct loop *loop;
static struct http *http;

static struct seen {
	bool answered, found;
	struct calico_found what;
	char note[400];
	struct err err;
} seen;

static void on_found(void *arg, const struct calico_found *found, const struct err *err)
{
	struct seen *into = arg;

	into->answered = true;
	into->found = found != NULL;
	if (found) {
		into->what = *found;
		snprintf(into->note, sizeof(into->note), "%s", found->note);
	} else {
		into->err = *err;
	}
}

static void ask(const char *url)
{
	struct etcd_config config = { .api = ETCD_UNDECIDED,
				      .endpoints = (const char *[]){ url, NULL } };
	struct err err;
	struct etcd *etcd = etcd_new(loop, http, &config, &err);

	seen = (struct seen){ 0 };
	calico_detect_start(etcd, on_found, &seen);
	assert_false(seen.answered);
	assert_true(run_until(loop, &seen.answered));
	assert_int_equal(etcd_api(etcd), ETCD_UNDECIDED); /* that is for the asker */
	etcd_free(etcd);
}

static void put_v3(bool ready)
{
	real_etcd3_put(&server, CLUSTER,
		       ready ? "{\"spec\":{\"datastoreReady\":true}}" : "{\"spec\":{}}");
}

static int setup(void **state)
{
	(void)state;
	loop = loop_new();
	http = http_new(loop);
	if (!have_etcd)
		return 0;
	free(real_etcd_request(&server, "DELETE", "/v2/keys/calico?recursive=true", NULL, NULL));
	real_etcd3_put(&server, CLUSTER, NULL);
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

static void nothing_at_all_is_said(void **state)
{
	(void)state;
	NEEDS_ETCD;
	ask(server.url);
	assert_true(seen.found);
	assert_int_equal(seen.what.api, CALICO_API_V1);
	assert_false(seen.what.has_v1 || seen.what.has_v3);
	assert_non_null(strstr(seen.note, "nothing of Calico"));
}

static void the_one_that_is_there_is_taken(void **state)
{
	(void)state;
	NEEDS_ETCD;
	real_etcd_put(&server, "/calico/v1/Ready", "true");
	ask(server.url);
	assert_int_equal(seen.what.api, CALICO_API_V1);
	assert_true(seen.what.v1_ready);
	assert_string_equal(seen.note, "");
	free(real_etcd_request(&server, "DELETE", "/v2/keys/calico?recursive=true", NULL, NULL));
	put_v3(true);
	ask(server.url);
	assert_int_equal(seen.what.api, CALICO_API_V3);
	assert_true(seen.what.v3_ready);
	assert_string_equal(seen.note, "");
}

static void of_both_the_ready_one_is_taken_and_it_is_said(void **state)
{
	static const struct {
		const char *v1;
		bool v3;
		enum calico_api want;
		const char *note;
	} cases[] = {
		{ "true", true, CALICO_API_V1, "there twice" },
		{ "false", false, CALICO_API_V1, "there twice" },
		{ "true", false, CALICO_API_V1, "only that of v1 is ready" },
		{ "false", true, CALICO_API_V3, "only that of v3 is ready" },
	};

	(void)state;
	NEEDS_ETCD;
	for (size_t i = 0; i < sizeof(cases) / sizeof(cases[0]); i++) {
		real_etcd_put(&server, "/calico/v1/Ready", cases[i].v1);
		put_v3(cases[i].v3);
		ask(server.url);
		assert_true(seen.what.has_v1 && seen.what.has_v3);
		assert_int_equal(seen.what.api, cases[i].want);
		if (!strstr(seen.note, cases[i].note))
			fail_msg("%s", seen.note);
	}
}

static void an_api_that_is_not_served_has_no_data(void **state)
{
	struct real_etcd own;

	(void)state;
	NEEDS_ETCD;
	assert_true(real_etcd_start(&own, false));
	ask(own.url);
	assert_true(seen.found);
	assert_int_equal(seen.what.api, CALICO_API_V3);
	real_etcd_stop(&own);
}

static void what_cannot_be_read_is_not_absent(void **state)
{
	struct peer *peer;
	char url[64];

	(void)state;
	snprintf(url, sizeof(url), "http://127.0.0.1:%d", real_etcd_free_port());
	ask(url);
	assert_false(seen.found);
	assert_int_equal(seen.err.code, ERR_UNREACHABLE);

	peer = peer_new(loop); /* v2 denies, v3 has nothing */
	peer_answer(peer, "GET /v2/keys/calico/v1", 401, NULL,
		    "{\"errorCode\":110,\"message\":\"The request requires user authentication\"}");
	peer_answer(peer, "GET /version", 200, NULL, "{\"etcdserver\":\"3.4.23\"}");
	peer_answer(peer, "POST /v3/kv/range", 200, NULL, "{}");
	ask(peer_url(peer));
	assert_false(seen.found);
	assert_int_equal(seen.err.code, ERR_DENIED);
	peer_free(peer);

	peer = peer_new(loop); /* v2 has data, v3 is out of order */
	peer_answer(peer, "GET /v2/keys/calico/v1", 200, NULL,
		    "{\"node\":{\"dir\":true,\"nodes\":[{\"key\":\"/calico/v1/Ready\","
		    "\"value\":\"true\"}]}}");
	peer_answer(peer, "GET /version", 503, NULL, "{}");
	ask(peer_url(peer));
	assert_true(seen.found);
	assert_int_equal(seen.what.api, CALICO_API_V1);
	peer_free(peer);
}

static void a_question_that_is_cancelled_is_never_answered(void **state)
{
	struct etcd_config config = { .endpoints = (const char *[]){ "http://127.0.0.1:1", NULL } };
	struct calico_detect *detect;
	struct etcd *etcd;
	struct err err;

	(void)state;
	etcd = etcd_new(loop, http, &config, &err);
	seen = (struct seen){ 0 };
	detect = calico_detect_start(etcd, on_found, &seen);
	calico_detect_cancel(&detect);
	calico_detect_cancel(&detect);
	run_for(loop, 50);
	assert_false(seen.answered);
	etcd_free(etcd);
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

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, setup, teardown)
	const struct CMUnitTest tests[] = {
		TEST(nothing_at_all_is_said),
		TEST(the_one_that_is_there_is_taken),
		TEST(of_both_the_ready_one_is_taken_and_it_is_said),
		TEST(an_api_that_is_not_served_has_no_data),
		TEST(what_cannot_be_read_is_not_absent),
		TEST(a_question_that_is_cancelled_is_never_answered),
	};

	return cmocka_run_group_tests(tests, start_server, stop_server);
}
