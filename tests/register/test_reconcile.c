#include "binnacle/register/reconcile.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"

static const char *const tags[] = { "v2", "http" };
static const struct register_pair meta[] = { { "region", "eu" } };

static const struct register_service web = {
	.id = "host-1:web-1:80",
	.name = "web",
	.address = "10.0.0.1",
	.port = 8080,
	.tags = tags,
	.tag_count = 2,
	.meta = meta,
	.meta_count = 1,
	.container_name = "web-1",
};

/* As the agent gives back what registry_body asked for. */
#define WEB                                                                                        \
	"\"host-1:web-1:80\":{\"ID\":\"host-1:web-1:80\",\"Service\":\"web\","                     \
	"\"Tags\":[\"v2\",\"http\"],\"Meta\":{\"region\":\"eu\"},\"Port\":8080,"                   \
	"\"Address\":\"10.0.0.1\",\"Weights\":{\"Passing\":1,\"Warning\":1},"                      \
	"\"EnableTagOverride\":false}"

static struct json *parse(const char *text)
{
	struct err err = { 0 };
	struct json *doc = json_parse(text, strlen(text), &err);

	if (!doc)
		fail_msg("%s", err.msg);
	return doc;
}

/* "kind id: why" per difference. */
static void assert_differences(struct reconcile_input *input, const char *registered,
			       const char *want)
{
	struct json *doc = parse(registered);
	struct reconcile result = { 0 };
	struct strbuf got = STRBUF_INIT;

	input->registered = doc;
	input->hostname = "host-1";
	reconcile(input, &result);
	json_free(doc);
	for (size_t i = 0; i < result.count; i++)
		strbuf_addf(&got, "%s%s %s: %s", i ? "\n" : "",
			    reconcile_kind_name(result.items[i].kind), result.items[i].id,
			    result.items[i].why);
	assert_string_equal(got.buf, want);
	strbuf_release(&got);
	reconcile_release(&result);
}

static void each_member_that_the_agent_tells_is_compared(void **state)
{
	static const struct {
		const char *registered, *want;
	} rows[] = {
		{ "{" WEB "}", "" },
		{ "{}", "add host-1:web-1:80: not registered" },
		{ "{\"host-1:web-1:80\":{\"Service\":\"web\",\"Tags\":[\"v2\",\"http\"],"
		  "\"Meta\":{\"region\":\"eu\"},\"Port\":80,\"Address\":\"10.0.0.2\"}}",
		  "change host-1:web-1:80: address 10.0.0.2 instead of 10.0.0.1, "
		  "port 80 instead of 8080" },
		{ "{\"host-1:web-1:80\":{\"Service\":\"shop\",\"Tags\":[\"v2\",\"http\"],"
		  "\"Meta\":{\"region\":\"eu\"},\"Port\":8080,\"Address\":\"10.0.0.1\"}}",
		  "change host-1:web-1:80: name shop instead of web" },
		/* The order of tags counts. */
		{ "{\"host-1:web-1:80\":{\"Service\":\"web\",\"Tags\":[\"http\",\"v2\"],"
		  "\"Meta\":{\"region\":\"eu\"},\"Port\":8080,\"Address\":\"10.0.0.1\"}}",
		  "change host-1:web-1:80: other tags" },
		{ "{\"host-1:web-1:80\":{\"Service\":\"web\",\"Tags\":[\"v2\"],"
		  "\"Meta\":{\"region\":\"us\"},\"Port\":8080,\"Address\":\"10.0.0.1\"}}",
		  "change host-1:web-1:80: other tags, other attributes" },
		{ "{\"host-1:web-1:80\":{\"Service\":\"web\",\"Tags\":[\"v2\",\"http\",\"x\"],"
		  "\"Meta\":null,\"Port\":8080,\"Address\":\"10.0.0.1\"}}",
		  "change host-1:web-1:80: other tags, other attributes" },
	};
	const struct register_service *wanted[] = { &web };

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct reconcile_input input = { .wanted = wanted, .wanted_count = 1 };

		assert_differences(&input, rows[i].registered, rows[i].want);
	}
}

static void a_changed_check_is_known_from_what_was_sent(void **state)
{
	struct register_service checked = web;
	const struct register_service *wanted[] = { &checked };
	struct reconcile_input input = { .wanted = wanted, .wanted_count = 1 };
	struct strmap sent = STRMAP_INIT;
	struct strbuf body = STRBUF_INIT;

	(void)state;
	registry_body(&body, &web);
	input.sent = &sent;
	checked.check.tcp = "10.0.0.1:8080";
	assert_differences(&input, "{" WEB "}", "");
	strmap_put(&sent, web.id, body.buf);
	assert_differences(&input, "{" WEB "}", "change host-1:web-1:80: another check");
	checked.check.tcp = NULL;
	assert_differences(&input, "{" WEB "}", "");
	strmap_release(&sent);
	strbuf_release(&body);
}

static void only_what_is_ours_is_to_be_removed(void **state)
{
	struct reconcile_input input = { 0 };
	struct strmap owned = STRMAP_INIT;
	static char why[] = "exit 0";

	(void)state;
	strmap_put(&owned, "mine", why);
	strmap_put(&owned, "gone-already", why);
	input.owned = &owned;
	assert_differences(&input,
			   "{\"mine\":{\"Service\":\"a\"},\"other\":{\"Service\":\"b\"},"
			   "\"host-2:web-1:80\":{\"Service\":\"c\"},"
			   "\"host-1:web-1:80:tcp\":{\"Service\":\"d\"}," WEB "}",
			   "dangling host-1:web-1:80: no running container of this host wants it\n"
			   "remove mine: exit 0");
	strmap_release(&owned);
}

static void an_owned_id_that_somebody_wants_stays(void **state)
{
	const struct register_service *wanted[] = { &web };
	struct reconcile_input input = { .wanted = wanted, .wanted_count = 1 };
	struct strmap owned = STRMAP_INIT;

	(void)state;
	strmap_put(&owned, web.id, NULL);
	input.owned = &owned;
	assert_differences(&input, "{" WEB "}", "");
	strmap_release(&owned);
}

static void of_two_that_want_one_id_the_later_wins(void **state)
{
	struct register_service second = web;
	const struct register_service *wanted[] = { &web, &second };
	struct reconcile_input input = { .wanted = wanted, .wanted_count = 2 };

	(void)state;
	second.port = 9090;
	assert_differences(&input, "{" WEB "}",
			   "change host-1:web-1:80: port 8080 instead of 9090");
}

static void registrations_of_kept_containers_are_not_dangling(void **state)
{
	struct reconcile_input input = { 0 };
	struct strmap kept = STRMAP_INIT;

	(void)state;
	strmap_put(&kept, "web-1", NULL);
	input.kept = &kept;
	assert_differences(&input, "{" WEB "}", "");
	strmap_release(&kept);
}

static void own_ids_have_the_form_host_container_port(void **state)
{
	static const struct {
		const char *id, *container; /* NULL: not ours */
	} rows[] = {
		{ "host-1:web-1:80", "web-1" },
		{ "host-1:web-1:80:udp", "web-1" },
		{ "host-1:a.b_c-d:8080", "a.b_c-d" },
		{ "host-1:web-1:80:tcp", NULL },
		{ "host-1:web-1:", NULL },
		{ "host-1:web-1", NULL },
		{ "host-1:web-1:8a", NULL },
		{ "host-1:w:80", NULL }, /* one character does not match */
		{ "host-1:-web:80", NULL },
		{ "host-1:we b:80", NULL },
		{ "host-10:web-1:80", NULL },
		{ "host-1", NULL },
		{ "", NULL },
		{ "web", NULL },
	};
	struct arena arena = ARENA_INIT;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		const char *container = NULL;
		bool own = reconcile_is_own_id(rows[i].id, "host-1", &arena, &container);

		assert_int_equal(own, rows[i].container != NULL);
		if (own)
			assert_string_equal(container, rows[i].container);
	}
	assert_false(reconcile_is_own_id(":web-1:80", "", &arena, NULL));
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(each_member_that_the_agent_tells_is_compared),
		cmocka_unit_test(a_changed_check_is_known_from_what_was_sent),
		cmocka_unit_test(only_what_is_ours_is_to_be_removed),
		cmocka_unit_test(an_owned_id_that_somebody_wants_stays),
		cmocka_unit_test(of_two_that_want_one_id_the_later_wins),
		cmocka_unit_test(registrations_of_kept_containers_are_not_dangling),
		cmocka_unit_test(own_ids_have_the_form_host_container_port),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
