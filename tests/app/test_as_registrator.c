/*
 * Standing in for Registrator: the command line and the URIs as functions, and what each registry
 * holds afterwards, read back from a real consul and a real etcd (skipped where there is none).
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/app/registrator_flags.h"
#include "../../src/app/registrator_uri.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/consul/consul.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"
#include "support/peer.h"
#include "support/real_consul.h"
#include "support/real_etcd.h"

enum { WORDS_MAX = 16 };

/* Words are separated by one blank; '_' stands for an empty one. */
static enum registrator_command read_flags(struct registrator_flags *flags, const char *line,
					   char *copy, struct strbuf *complaint)
{
	char *argv[WORDS_MAX] = { (char *)(uintptr_t) "registrator" };
	int argc = 1;
	char *rest = memcpy(copy, line, strlen(line) + 1);

	for (char *word; *line && (word = strsep(&rest, " "));) {
		assert_true(argc < WORDS_MAX);
		argv[argc++] = strcmp(word, "_") == 0 ? word + 1 : word;
	}
	return registrator_flags_read(flags, argc, argv, complaint);
}

static void flags_have_the_syntax_of_go(void **state)
{
	static const struct {
		const char *line;
		enum registrator_command command;
		const char *complaint;
	} cases[] = {
		{ "consul:", REGISTRATOR_RUN, "" },
		{ "-ip 10.0.0.1 consul:", REGISTRATOR_RUN, "" },
		{ "--ip=10.0.0.1 -internal -- consul:", REGISTRATOR_RUN, "" },
		{ "-internal=false -ttl=0x1f -ttl-refresh 010 consul:", REGISTRATOR_RUN, "" },
		{ "-retry-attempts -1 consul:", REGISTRATOR_RUN, "" },
		{ "--version", REGISTRATOR_VERSION, "" },
		{ "--version consul:", REGISTRATOR_USAGE,
		  "flag provided but not defined: -version" },
		{ "-h", REGISTRATOR_HELP, "" },
		{ "-internal --help consul:", REGISTRATOR_HELP, "" },
		{ "", REGISTRATOR_USAGE, "Missing required argument for registry URI." },
		{ "-internal", REGISTRATOR_USAGE, "Missing required argument for registry URI." },
		{ "consul: -internal", REGISTRATOR_USAGE,
		  "Extra arguments after the registry URI, flags go before it: -internal" },
		/* A switch takes its value only with "=": the word after it is the URI. */
		{ "-internal true consul:", REGISTRATOR_USAGE,
		  "Extra arguments after the registry URI, flags go before it: consul:" },
		{ "-nope consul:", REGISTRATOR_USAGE, "flag provided but not defined: -nope" },
		{ "-inter consul:", REGISTRATOR_USAGE, "flag provided but not defined: -inter" },
		{ "---ip x consul:", REGISTRATOR_USAGE, "bad flag syntax: ---ip" },
		{ "-=x consul:", REGISTRATOR_USAGE, "bad flag syntax: -=x" },
		{ "-ip", REGISTRATOR_USAGE, "flag needs an argument: -ip" },
		{ "-cleanup=yes consul:", REGISTRATOR_USAGE,
		  "invalid boolean value \"yes\" for -cleanup: parse error" },
		{ "-ttl 5s consul:", REGISTRATOR_USAGE,
		  "invalid value \"5s\" for flag -ttl: parse error" },
		{ "-ttl _ consul:", REGISTRATOR_USAGE,
		  "invalid value \"\" for flag -ttl: parse error" },
		{ "-ttl --5 consul:", REGISTRATOR_USAGE,
		  "invalid value \"--5\" for flag -ttl: parse error" },
		{ "-resync 99999999999999999999 consul:", REGISTRATOR_USAGE,
		  "invalid value \"99999999999999999999\" for flag -resync: value out of range" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct registrator_flags flags;
		struct strbuf complaint = STRBUF_INIT;
		char copy[128];

		if (read_flags(&flags, cases[i].line, copy, &complaint) != cases[i].command)
			fail_msg("\"%s\": %s", cases[i].line, complaint.buf);
		assert_string_equal(complaint.buf, cases[i].complaint);
		if (cases[i].command == REGISTRATOR_RUN)
			assert_string_equal(flags.uri, "consul:");
		strbuf_release(&complaint);
	}
}

static void values_reach_their_place(void **state)
{
	struct registrator_flags flags;
	struct register_options options;
	struct strbuf complaint = STRBUF_INIT;
	struct err err;
	char copy[128];

	(void)state;
	read_flags(&flags, "consul:", copy, &complaint);
	assert_true(registrator_flags_check(&flags, &err));
	assert_true(registrator_flags_options(&flags, &options, &err));
	assert_int_equal(flags.retry_interval_ms, 2000);
	assert_int_equal(options.resync_ms, 0);
	assert_int_equal(options.deregister, REGISTER_DEREGISTER_ALWAYS);
	assert_false(options.tags_given_order);

	read_flags(&flags,
		   "-ttl=0x1f -ttl-refresh 010 -resync 5 -tags-order given -internal c:", copy,
		   &complaint);
	assert_int_equal(flags.ttl_s, 31);
	assert_int_equal(flags.ttl_refresh_s, 8);
	assert_true(registrator_flags_options(&flags, &options, &err));
	assert_int_equal(options.resync_ms, 5000);
	assert_true(options.tags_given_order);
	assert_true(options.internal);

	read_flags(&flags, "-resync 0 -deregister on-success -hostname _ c:", copy, &complaint);
	assert_true(registrator_flags_options(&flags, &options, &err));
	assert_true(options.resync_ms < 0);
	assert_null(options.hostname);
	assert_int_equal(options.deregister, REGISTER_DEREGISTER_ON_SUCCESS);
	assert_int_equal(complaint.len, 0);
}

static void the_first_failure_is_told_in_registrators_words(void **state)
{
	static const char together[] =
		"-ttl and -ttl-refresh must be specified together or not at all";
	static const struct {
		const char *line, *message;
	} cases[] = {
		{ "-ttl 5 -retry-interval 0 c:", together },
		{ "-ttl-refresh 5 c:", together },
		{ "-ttl 5 -ttl-refresh 5 c:", "-ttl must be greater than -ttl-refresh" },
		{ "-retry-interval 0 -deregister x c:", "-retry-interval must be greater than 0" },
		{ "-deregister sometimes c:", "-deregister must be \"always\" or \"on-success\"" },
		{ "-tags-order up c:", "-tags-order must be \"given\" or \"reversed\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct registrator_flags flags;
		struct register_options options;
		struct strbuf complaint = STRBUF_INIT;
		struct err err = { 0 };
		char copy[128];

		assert_int_equal(read_flags(&flags, cases[i].line, copy, &complaint),
				 REGISTRATOR_RUN);
		assert_false(registrator_flags_check(&flags, &err) &&
			     registrator_flags_options(&flags, &options, &err));
		assert_string_equal(err.msg, cases[i].message);
	}
}

static void a_tags_template_with_a_mistake_is_refused_at_the_start(void **state)
{
	struct registrator_flags flags = { .deregister = "always",
					   .tags_order = "reversed",
					   .tags = "{{ .Name | nosuch }}" };
	struct register_options options;
	struct err err = { 0 };

	(void)state;
	assert_false(registrator_flags_options(&flags, &options, &err));
	assert_non_null(strstr(err.msg, "nosuch"));
}

static void the_usage_names_every_flag(void **state)
{
	struct strbuf usage = STRBUF_INIT;

	(void)state;
	registrator_flags_usage(&usage, "registrator");
	assert_non_null(strstr(usage.buf, "  -ip string\n"));
	assert_non_null(strstr(usage.buf, "  -ttl-refresh int\n"));
	assert_non_null(strstr(usage.buf, "  -cleanup\n"));
	strbuf_release(&usage);
}

static void uris_lead_to_addresses(void **state)
{
	static const struct {
		const char *uri, *scheme, *address, *path;
	} cases[] = {
		{ "consul:", "consul", "", "" },
		{ "consul://", "consul", "", "" },
		{ "CONSUL://h:8500/ignored?x#y", "consul", "http://h:8500", "/ignored" },
		/* The port of HTTP, as with Registrator. */
		{ "consul://h", "consul", "http://h", "" },
		{ "consul://user:pass@h:1", "consul", "http://h:1", "" },
		{ "consul://[2001:db8::1]:8500", "consul", "http://[2001:db8::1]:8500", "" },
		{ "consul-tls://h:8501", "consul-tls", "https://h:8501", "" },
		{ "consul-unix:///run/c.sock", "consul-unix", "unix:///run/c.sock", "/run/c.sock" },
		{ "consulkv://h:1/a/b%20c", "consulkv", "http://h:1", "/a/b c" },
		{ "consulkv-unix:///run/c.sock:/a", "consulkv-unix", "unix:///run/c.sock",
		  "/run/c.sock:/a" },
		{ "etcd:///services", "etcd", "127.0.0.1:2379", "/services" },
		{ "etcd://h/services", "etcd", "h", "/services" },
		{ "etcd3:///services", "etcd3", "127.0.0.1:2379", "/services" },
		{ "etcd-tls://h:1/services", "etcd-tls", "https://h:1", "/services" },
		{ "etcd3-tls:///a", "etcd3-tls", "https://127.0.0.1:2379", "/a" },
		{ "skydns2-tls://h:1/a.b", "skydns2-tls", "https://h:1", "/a.b" },
		{ "zookeeper://h/base", "zookeeper", "h", "/base" },
		{ "zookeeper:///base", "zookeeper", "127.0.0.1:2181", "/base" },
		{ "skydns2:///a.b", "skydns2", "127.0.0.1:4001", "/a.b" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct registrator_uri uri;
		struct err err = { 0 };
		char *address;

		if (!registrator_uri_parse(cases[i].uri, &uri, &err))
			fail_msg("%s", err.msg);
		address = registrator_uri_address(&uri);
		assert_string_equal(uri.scheme, cases[i].scheme);
		assert_string_equal(uri.path, cases[i].path);
		assert_string_equal(address, cases[i].address);
		free(address);
		registrator_uri_release(&uri);
	}
}

/* ---- registries ---- */

struct world {
	struct loop *loop;
	struct http *http;
	struct registrator_uri uri;
	struct registrator_backend backend;
	bool answered;
	struct err err;
	char text[2000]; /* the document of the last answer */
};

static struct real_etcd etcd_server;
static struct real_consul consul_server;

static int start_servers(void **state)
{
	(void)state;
	real_etcd_start(&etcd_server, true);
	if (real_consul_exists())
		real_consul_start(&consul_server);
	return 0;
}

static int stop_servers(void **state)
{
	(void)state;
	real_etcd_stop(&etcd_server);
	real_consul_stop(&consul_server);
	log_release();
	return 0;
}

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	*state = world;
	world->loop = loop_new();
	world->http = http_new(world->loop);
	return 0;
}

static void close_backend(struct world *world)
{
	registrator_backend_release(&world->backend);
	registrator_uri_release(&world->uri);
}

static int tear_down(void **state)
{
	struct world *world = *state;

	close_backend(world);
	http_free(world->http);
	loop_free(world->loop);
	free(world);
	return 0;
}

static bool open_backend(struct world *world, const char *uri)
{
	close_backend(world);
	world->err = (struct err){ 0 };
	return registrator_uri_parse(uri, &world->uri, &world->err) &&
	       registrator_backend_open(&world->backend, &world->uri, world->loop, world->http,
					&world->err);
}

static void keep_text(struct world *world, const struct json *doc)
{
	struct strbuf text = STRBUF_INIT;

	if (doc)
		json_print(&text, doc);
	snprintf(world->text, sizeof(world->text), "%s", text.buf);
	strbuf_release(&text);
}

static void on_answer(void *arg, const struct json *doc, const struct err *err)
{
	struct world *world = arg;

	world->answered = true;
	world->err = err ? *err : (struct err){ 0 };
	keep_text(world, doc);
}

static void on_consul(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	(void)meta;
	on_answer(arg, doc, err);
}

static void wait_for_answer(struct world *world)
{
	world->answered = false;
	if (!run_until(world->loop, &world->answered))
		fail_msg("no answer");
}

static void unusable_uris_are_refused_with_a_sentence(void **state)
{
	static const struct {
		const char *uri, *message;
	} cases[] = {
		{ "nosuch://h:1/a", "unrecognized adapter: nosuch://h:1/a" },
		{ "just-words", "unrecognized adapter: just-words" },
		{ "127.0.0.1:8500", "bad adapter uri: 127.0.0.1:8500: first path segment" },
		{ ":8500", "bad adapter uri: :8500: missing protocol scheme" },
		{ "consul://h:port", "bad adapter uri: consul://h:port: invalid port" },
		{ "consul://a b:1", "bad adapter uri: consul://a b:1: invalid character" },
		{ "consulkv://h:1/%zz", "bad adapter uri: consulkv://h:1/%zz: invalid escape" },
		{ "consulkv://h:1/%4", "bad adapter uri: consulkv://h:1/%4: invalid escape" },
		{ "consul-tls:", "consul-tls: host required" },
		{ "consul-unix:", "Consul: address \"unix://\"" },
		{ "consulkv://h:1", "consulkv: prefix \"\"" },
		{ "consulkv://h:1/a/", "consulkv: prefix \"a/\"" },
		{ "consulkv-unix:///run/c.sock", "consulkv-unix: prefix required" },
		{ "skydns2://h:1", "skydns2: dns domain required e.g.: skydns2://<host>/<domain>" },
		{ "skydns2://h:1/", "skydns2: dns domain required" },
		{ "zookeeper://h:99999/base", "zookeeper address \"h:99999\" has no valid port" },
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_false(open_backend(world, cases[i].uri));
		if (strncmp(world->err.msg, cases[i].message, strlen(cases[i].message)) != 0)
			fail_msg("%s: %s", cases[i].uri, world->err.msg);
	}
}

static void without_a_host_the_environment_says_where_consul_is(void **state)
{
	struct world *world = *state;

	setenv("CONSUL_HTTP_ADDR", "192.0.2.7:1234", 1);
	assert_true(open_backend(world, "consul:"));
	assert_string_equal(registry_address(world->backend.registry), "192.0.2.7:1234");
	assert_true(open_backend(world, "consulkv:///a"));
	assert_string_equal(registry_address(world->backend.registry), "192.0.2.7:1234");
	assert_true(open_backend(world, "consul://192.0.2.8:1"));
	assert_string_equal(registry_address(world->backend.registry), "192.0.2.8:1");
	unsetenv("CONSUL_HTTP_ADDR");
	assert_true(open_backend(world, "consul://"));
	assert_string_equal(registry_address(world->backend.registry), "127.0.0.1:8500");
}

static const struct register_service web = {
	.id = "host-1:web:80",
	.name = "web",
	.address = "10.0.0.1",
	.port = 80,
	.tags = (const char *const[]){ "b", "a" },
	.tag_count = 2,
};

static bool answers(void *arg)
{
	struct world *world = arg;

	world->answered = false;
	registry_ping(world->backend.registry, on_answer, world);
	return run_until(world->loop, &world->answered) && world->err.code == ERR_NONE &&
	       strlen(world->text) > strlen("\"\"");
}

static void add_web(struct world *world, int64_t ttl_s)
{
	struct register_service service = web;

	service.ttl_s = ttl_s;
	registry_add(world->backend.registry, &service, on_answer, world);
	wait_for_answer(world);
	assert_string_equal(world->err.msg, "");
}

static void remove_web(struct world *world)
{
	registry_remove(world->backend.registry, &web, on_answer, world);
	wait_for_answer(world);
	assert_string_equal(world->err.msg, "");
}

static void consul_holds_the_service_until_it_is_removed(void **state)
{
	struct world *world = *state;
	char uri[64];

	if (!real_consul_exists())
		skip();
	snprintf(uri, sizeof(uri), "consul://%s/ignored", consul_server.address);
	assert_true(open_backend(world, uri));
	assert_true(run_until_true(world->loop, answers, world));
	assert_non_null(strstr(world->text, "127.0.0.1:")); /* the leader */
	add_web(world, 0);
	consul_get(world->backend.consul, "/v1/agent/service/host-1:web:80", on_consul, world);
	wait_for_answer(world);
	assert_non_null(strstr(world->text, "\"Service\":\"web\""));
	assert_non_null(strstr(world->text, "\"Address\":\"10.0.0.1\""));
	assert_non_null(strstr(world->text, "\"Tags\":[\"b\",\"a\"]"));
	remove_web(world);
	consul_get(world->backend.consul, "/v1/agent/service/host-1:web:80", on_consul, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NOT_FOUND);
}

static void consulkv_holds_address_and_port_below_its_prefix(void **state)
{
	struct world *world = *state;
	char uri[64];

	if (!real_consul_exists())
		skip();
	snprintf(uri, sizeof(uri), "consulkv://%s/a/b", consul_server.address);
	assert_true(open_backend(world, uri));
	assert_true(run_until_true(world->loop, answers, world));
	add_web(world, 0);
	consul_get(world->backend.consul, "/v1/kv/a/b/web/host-1:web:80", on_consul, world);
	wait_for_answer(world);
	/* "10.0.0.1:80" */
	assert_non_null(strstr(world->text, "\"Value\":\"MTAuMC4wLjE6ODA=\""));
	remove_web(world);
	consul_get(world->backend.consul, "/v1/kv/a/b/web/host-1:web:80", on_consul, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NOT_FOUND);
}

/* Both see the socket; the second one, a prefix after it. */
static void sockets_are_reached_by_their_path(void **state)
{
	struct world *world = *state;
	char dir[] = "/tmp/as-registrator-XXXXXX";
	char *path, *uri;
	struct peer *peer;

	assert_non_null(mkdtemp(dir));
	path = xasprintf("%s/sock", dir);
	peer = peer_new_unix(world->loop, path);
	peer_answer(peer, "PUT /v1/agent/service/register", 200, NULL, NULL);
	peer_answer(peer, "PUT /v1/kv/*", 200, NULL, "true");
	uri = xasprintf("consul-unix://%s", path);
	assert_true(open_backend(world, uri));
	add_web(world, 0);
	assert_int_equal(peer_asked(peer, "PUT /v1/agent/service/register"), 1);
	free(uri);
	uri = xasprintf("consulkv-unix://%s:/a/b", path);
	assert_true(open_backend(world, uri));
	add_web(world, 0);
	assert_int_equal(peer_asked(peer, "PUT /v1/kv/a/b/web/host-1:web:80"), 1);
	assert_string_equal(peer_request(peer, 1)->body, "10.0.0.1:80");
	free(uri);
	peer_free(peer);
	unlink(path);
	rmdir(dir);
	free(path);
}

static void assert_stored(const char *key, const char *want, const char *also)
{
	char *path = xasprintf("/v2/keys%s", key);
	char *body = real_etcd_request(&etcd_server, "GET", path, NULL, NULL);

	if (!strstr(body, want) || !strstr(body, also))
		fail_msg("%s holds %s", key, body);
	free(path);
	free(body);
}

static void etcd_holds_address_and_port_for_their_lifetime(void **state)
{
	struct world *world = *state;
	char uri[80];

	if (!etcd_server.pid)
		skip();
	snprintf(uri, sizeof(uri), "etcd://127.0.0.1:%d/services/", etcd_server.port);
	assert_true(open_backend(world, uri));
	assert_true(world->backend.must_answer_first);
	assert_false(registry_can_list(world->backend.registry));
	assert_true(registry_can_refresh(world->backend.registry));
	registry_ping(world->backend.registry, on_answer, world);
	wait_for_answer(world);
	assert_string_equal(world->err.msg, "");
	add_web(world, 0);
	assert_stored("/services/web/host-1:web:80", "\"value\":\"10.0.0.1:80\"", "");
	add_web(world, 100);
	assert_stored("/services/web/host-1:web:80", "\"value\":\"10.0.0.1:80\"", "\"ttl\":");
	remove_web(world);
	assert_stored("/services/web/host-1:web:80", "\"errorCode\":100", "");
}

static void skydns2_holds_records_below_the_domain_turned_around(void **state)
{
	struct world *world = *state;
	char uri[80];

	if (!etcd_server.pid)
		skip();
	snprintf(uri, sizeof(uri), "skydns2://127.0.0.1:%d/cluster.local", etcd_server.port);
	assert_true(open_backend(world, uri));
	assert_false(world->backend.must_answer_first);
	add_web(world, 0);
	assert_stored("/skydns/local/cluster/web/host-1:web:80",
		      "\"value\":\"{\\\"host\\\":\\\"10.0.0.1\\\",\\\"port\\\":80}\"", "");
	remove_web(world);
	assert_stored("/skydns/local/cluster/web/host-1:web:80", "\"errorCode\":100", "");
}

static void a_store_that_is_absent_says_so(void **state)
{
	struct world *world = *state;
	char uri[64];

	snprintf(uri, sizeof(uri), "etcd://127.0.0.1:%d/a", real_etcd_free_port());
	assert_true(open_backend(world, uri));
	registry_ping(world->backend.registry, on_answer, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_UNREACHABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(flags_have_the_syntax_of_go),
		cmocka_unit_test(values_reach_their_place),
		cmocka_unit_test(the_first_failure_is_told_in_registrators_words),
		cmocka_unit_test(a_tags_template_with_a_mistake_is_refused_at_the_start),
		cmocka_unit_test(the_usage_names_every_flag),
		cmocka_unit_test(uris_lead_to_addresses),
		TEST(unusable_uris_are_refused_with_a_sentence),
		TEST(without_a_host_the_environment_says_where_consul_is),
		TEST(consul_holds_the_service_until_it_is_removed),
		TEST(consulkv_holds_address_and_port_below_its_prefix),
		TEST(sockets_are_reached_by_their_path),
		TEST(etcd_holds_address_and_port_for_their_lifetime),
		TEST(skydns2_holds_records_below_the_domain_turned_around),
		TEST(a_store_that_is_absent_says_so),
	};

	return cmocka_run_group_tests(tests, start_servers, stop_servers);
}
