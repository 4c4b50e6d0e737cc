#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/peer.h"

struct fixture {
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct consul *consul;
	struct consul_call *call;
	bool done;
	int runs;
	char *doc; /* printed; NULL: none came */
	struct consul_meta meta;
	struct err err;
};

static const char *const variables[] = {
	"CONSUL_HTTP_ADDR",  "CONSUL_HTTP_TOKEN",      "CONSUL_HTTP_TOKEN_FILE",
	"CONSUL_HTTP_AUTH",  "CONSUL_HTTP_SSL",        "CONSUL_HTTP_SSL_VERIFY",
	"CONSUL_CACERT",     "CONSUL_CAPATH",          "CONSUL_CLIENT_CERT",
	"CONSUL_CLIENT_KEY", "CONSUL_TLS_SERVER_NAME",
};

static int set_up(void **state)
{
	static struct fixture fixture;

	for (size_t i = 0; i < COUNT_OF(variables); i++)
		unsetenv(variables[i]);
	fixture = (struct fixture){ 0 };
	fixture.loop = loop_new();
	fixture.http = http_new(fixture.loop);
	fixture.peer = peer_new(fixture.loop);
	*state = &fixture;
	return 0;
}

static int tear_down(void **state)
{
	struct fixture *fixture = *state;

	consul_free(fixture->consul);
	http_free(fixture->http);
	peer_free(fixture->peer);
	free(fixture->doc);
	loop_free(fixture->loop);
	return 0;
}

static void on_done(void *arg, const struct json *doc, const struct consul_meta *meta,
		    const struct err *err)
{
	struct fixture *fixture = arg;
	struct strbuf text = STRBUF_INIT;

	fixture->done = true;
	fixture->runs++;
	fixture->meta = *meta;
	if (err)
		fixture->err = *err;
	assert_true(!err || !doc);
	if (doc) {
		json_print(&text, doc);
		fixture->doc = strbuf_detach(&text, NULL);
	}
	consul_call_cancel(&fixture->call); /* harmless here */
}

static void make(struct fixture *fixture, const struct consul_config *config)
{
	struct consul_config with_address = *config;
	struct err err = { 0 };

	if (!config->address && !getenv("CONSUL_HTTP_ADDR"))
		with_address.address = peer_address(fixture->peer);
	consul_free(fixture->consul);
	fixture->consul = consul_new(fixture->loop, fixture->http, &with_address, &err);
	if (!fixture->consul)
		fail_msg("%s", err.msg);
}

static void get(struct fixture *fixture, const char *path)
{
	if (!fixture->consul)
		make(fixture, &(struct consul_config){ 0 });
	free(fixture->doc);
	fixture->doc = NULL;
	fixture->done = false;
	fixture->err = (struct err){ 0 };
	fixture->call = consul_get(fixture->consul, path, on_done, fixture);
	assert_false(fixture->done);
	assert_true(run_until(fixture->loop, &fixture->done));
}

/* The header that the last request had, "" when absent. */
static const char *sent(const struct fixture *fixture, const char *name)
{
	static char value[128];
	size_t count = peer_request_count(fixture->peer);

	assert_true(count > 0);
	if (!peer_header(peer_request(fixture->peer, count - 1), name, value, sizeof(value)))
		return "";
	return value;
}

static void an_answer_has_its_document_and_its_index(void **state)
{
	struct fixture *fixture = *state;

	peer_answer(fixture->peer, "GET /v1/health/state/any", 200,
		    "X-Consul-Index: 77\r\nX-Consul-KnownLeader: true\r\n"
		    "X-Consul-LastContact: 12\r\n",
		    "[{\"CheckID\":\"a\"}]");
	get(fixture, "/v1/health/state/any");
	assert_string_equal(fixture->doc, "[{\"CheckID\":\"a\"}]");
	assert_int_equal(fixture->meta.index, 77);
	assert_int_equal(fixture->meta.last_contact_ms, 12);
	assert_true(fixture->meta.known_leader);
	assert_int_equal(fixture->err.code, ERR_NONE);
	run_for(fixture->loop, 20);
	assert_int_equal(fixture->runs, 1);
}

static void hostile_index_headers_count_as_none(void **state)
{
	struct fixture *fixture = *state;

	peer_answer(fixture->peer, "GET /a", 200,
		    "X-Consul-Index: -1\r\nX-Consul-LastContact: 99999999999999999999999999\r\n",
		    "1");
	get(fixture, "/a");
	assert_int_equal(fixture->meta.index, 0);
	assert_int_equal(fixture->meta.last_contact_ms, INT64_MAX);
}

static void an_empty_answer_has_no_document_and_no_error(void **state)
{
	struct fixture *fixture = *state;

	peer_answer(fixture->peer, "PUT /v1/agent/service/register", 200, NULL, "");
	make(fixture, &(struct consul_config){ 0 });
	consul_send(fixture->consul, "PUT", "/v1/agent/service/register", "{\"Name\":\"x\"}",
		    on_done, fixture);
	assert_true(run_until(fixture->loop, &fixture->done));
	assert_int_equal(fixture->err.code, ERR_NONE);
	assert_null(fixture->doc);
	assert_string_equal(peer_request(fixture->peer, 0)->body, "{\"Name\":\"x\"}");
}

static void the_agent_s_words_and_a_code_come_with_each_refusal(void **state)
{
	struct fixture *fixture = *state;
	static const struct {
		int status;
		const char *body;
		enum err_code code;
		const char *words;
	} cases[] = {
		{ 403, "Permission denied", ERR_DENIED,
		  " denies GET /v1/kv/secret with the token of the configuration: "
		  "Permission denied" },
		{ 500, "rpc error making call: Permission denied", ERR_DENIED, "denies" },
		{ 500, "ACL not found", ERR_DENIED, "ACL not found" },
		{ 401, "", ERR_DENIED, "no reason given" },
		{ 500, "No cluster leader", ERR_UNREACHABLE, "no quorum" },
		{ 404, "Unknown service \"x\"\n", ERR_NOT_FOUND,
		  "has no /v1/kv/secret: Unknown service \"x\"" },
		{ 400, "Bad\r\nrequest", ERR_REFUSED, "status 400: Bad" },
		{ 503, "", ERR_REFUSED, "status 503: no reason given" },
		{ 409, "conflict", ERR_CONFLICT, "conflict" },
		{ 200, "[{", ERR_FORMAT, "/v1/kv/secret" },
		{ 302, "", ERR_REFUSED, "status 302" },
	};

	make(fixture, &(struct consul_config){ .token = "0123-geheim" });
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		peer_forget(fixture->peer);
		peer_answer(fixture->peer, "GET /v1/kv/secret", cases[i].status, NULL,
			    cases[i].body);
		get(fixture, "/v1/kv/secret?dc=x");
		if (fixture->err.code != cases[i].code || !strstr(fixture->err.msg, cases[i].words))
			fail_msg("case %zu: code %d, %s", i, (int)fixture->err.code,
				 fixture->err.msg);
		assert_non_null(strstr(fixture->err.msg, peer_address(fixture->peer)));
		assert_null(strstr(fixture->err.msg, "geheim"));
		assert_null(strchr(fixture->err.msg, '\n'));
		assert_null(fixture->doc);
	}
}

static void an_agent_that_is_not_there_is_named(void **state)
{
	struct fixture *fixture = *state;
	char *want = xasprintf("Consul: cannot reach %s: connection refused",
			       peer_address(fixture->peer));

	peer_down(fixture->peer);
	get(fixture, "/v1/agent/self");
	assert_int_equal(fixture->err.code, ERR_UNREACHABLE);
	assert_string_equal(fixture->err.msg, want);
	free(want);
}

static void a_cancelled_call_never_completes(void **state)
{
	struct fixture *fixture = *state;

	peer_answer(fixture->peer, "GET /a", 200, NULL, "1");
	make(fixture, &(struct consul_config){ 0 });
	fixture->call = consul_get(fixture->consul, "/a", on_done, fixture);
	consul_call_cancel(&fixture->call);
	assert_null(fixture->call);
	run_for(fixture->loop, 30);
	assert_int_equal(fixture->runs, 0);
}

static void the_environment_is_used_where_nothing_is_configured(void **state)
{
	struct fixture *fixture = *state;
	struct err err = { 0 };

	peer_answer(fixture->peer, "GET /*", 200, NULL, "1");
	setenv("CONSUL_HTTP_ADDR", peer_url(fixture->peer), 1);
	setenv("CONSUL_HTTP_TOKEN", "env-token", 1);
	setenv("CONSUL_HTTP_AUTH", "bob:pw", 1);
	get(fixture, "/v1/agent/self");
	assert_string_equal(fixture->doc, "1");
	assert_string_equal(consul_address(fixture->consul), peer_address(fixture->peer));
	assert_string_equal(sent(fixture, "X-Consul-Token"), "env-token");
	assert_string_equal(sent(fixture, "Authorization"), "Basic Ym9iOnB3");

	make(fixture, &(struct consul_config){ .token = "given" });
	get(fixture, "/v1/agent/self");
	assert_string_equal(sent(fixture, "X-Consul-Token"), "given");

	setenv("CONSUL_HTTP_SSL", "maybe", 1);
	assert_null(consul_new(fixture->loop, fixture->http, &(struct consul_config){ 0 }, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_string_equal(err.msg, "CONSUL_HTTP_SSL is \"maybe\": use true or false");
}

static void without_any_setting_the_local_agent_is_asked(void **state)
{
	struct fixture *fixture = *state;
	struct err err = { 0 };

	fixture->consul =
		consul_new(fixture->loop, fixture->http, &(struct consul_config){ 0 }, &err);
	assert_non_null(fixture->consul);
	assert_string_equal(consul_address(fixture->consul), "127.0.0.1:8500");
}

static void tls_asked_for_is_spoken(void **state)
{
	struct fixture *fixture = *state;

	/* The peer cannot: that the error is about TLS shows that it was tried. */
	peer_script(fixture->peer,
		    &(struct peer_reply){ .request = "GET /", .body = "x", .fault = PEER_RAW });
	setenv("CONSUL_HTTP_SSL", "1", 1);
	make(fixture, &(struct consul_config){ 0 });
	fixture->call = consul_get(fixture->consul, "/", on_done, fixture);
	run_for(fixture->loop, 50);
	peer_drop(fixture->peer);
	assert_true(run_until(fixture->loop, &fixture->done));
	assert_int_equal(fixture->err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(fixture->err.msg, "over TLS"));
	assert_int_equal(peer_request_count(fixture->peer), 0);
}

static void the_token_file_is_read_once_and_trimmed(void **state)
{
	struct fixture *fixture = *state;
	char path[64];
	struct err err = { 0 };

	snprintf(path, sizeof(path), "/tmp/bn-token-%d", (int)getpid());
	assert_true(
		file_replace(path, " file-token\n", 12, &(struct file_mode){ .mode = 0600 }, &err));
	peer_answer(fixture->peer, "GET /ok", 200, NULL, "1");
	peer_answer(fixture->peer, "GET /no", 403, NULL, "Permission denied");
	make(fixture, &(struct consul_config){ .token_file = path });
	unlink(path);
	get(fixture, "/ok");
	assert_string_equal(sent(fixture, "X-Consul-Token"), "file-token");
	get(fixture, "/no");
	assert_non_null(strstr(fixture->err.msg, path));
	assert_null(strstr(fixture->err.msg, "file-token"));

	assert_null(consul_new(fixture->loop, fixture->http,
			       &(struct consul_config){ .token_file = path }, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_non_null(strstr(err.msg, path));
}

static void a_token_that_would_break_the_header_is_refused(void **state)
{
	struct fixture *fixture = *state;
	struct err err = { 0 };

	assert_null(consul_new(fixture->loop, fixture->http,
			       &(struct consul_config){ .token = "a\r\nX-Evil: 1" }, &err));
	assert_int_equal(err.code, ERR_INPUT);
	assert_null(strstr(err.msg, "Evil"));
}

#define TEST(f) cmocka_unit_test_setup_teardown(f, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(an_answer_has_its_document_and_its_index),
		TEST(hostile_index_headers_count_as_none),
		TEST(an_empty_answer_has_no_document_and_no_error),
		TEST(the_agent_s_words_and_a_code_come_with_each_refusal),
		TEST(an_agent_that_is_not_there_is_named),
		TEST(a_cancelled_call_never_completes),
		TEST(the_environment_is_used_where_nothing_is_configured),
		TEST(without_any_setting_the_local_agent_is_asked),
		TEST(tls_asked_for_is_spoken),
		TEST(the_token_file_is_read_once_and_trimmed),
		TEST(a_token_that_would_break_the_header_is_refused),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
