/* Recorded documents through the shapes; recorded from a 1.8 agent. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/consul/shapes.h"

static struct arena arena;

static int release(void **state)
{
	(void)state;
	arena_release(&arena);
	return 0;
}

static struct json *recorded(const char *name)
{
	char *path = xasprintf("tests/fixtures/consul/%s.json", name);
	struct strbuf text = STRBUF_INIT;
	struct err err = { 0 };
	struct json *doc;

	if (!file_read(path, 1u << 20, &text, &err))
		fail_msg("%s", err.msg);
	doc = json_parse(text.buf, text.len, &err);
	assert_non_null(doc);
	strbuf_release(&text);
	free(path);
	return doc;
}

static void members_have_status_role_and_build(void **state)
{
	struct json *doc = recorded("agent-members");
	const struct consul_member *member;
	struct json_list list;
	struct err err;

	(void)state;
	assert_true(consul_decode_members(doc, &arena, &list, &err));
	json_free(doc); /* everything was copied */
	assert_int_equal(list.count, 1);
	member = list.items;
	assert_string_equal(member->name, "n1");
	assert_string_equal(member->address, "127.0.0.1");
	assert_string_equal(member->role, "consul");
	assert_string_equal(member->build, "1.8.7:");
	assert_string_equal(member->datacenter, "dc1");
	assert_string_equal(consul_member_status_name(member->status), "alive");
}

static void statuses_have_names(void **state)
{
	(void)state;
	assert_string_equal(consul_member_status_name(CONSUL_MEMBER_LEAVING), "leaving");
	assert_string_equal(consul_member_status_name(CONSUL_MEMBER_LEFT), "left");
	assert_string_equal(consul_member_status_name(CONSUL_MEMBER_FAILED), "failed");
	assert_string_equal(consul_member_status_name(-1), "unknown");
	assert_string_equal(consul_member_status_name(INT64_MAX), "unknown");
}

static void service_names_have_their_tags(void **state)
{
	struct json *doc = recorded("catalog-services");
	const struct consul_service_name *names;
	struct json_list list;
	struct err err;

	(void)state;
	assert_true(consul_decode_service_names(doc, &arena, &list, &err));
	json_free(doc);
	assert_int_equal(list.count, 2);
	names = list.items;
	assert_string_equal(names[0].name, "consul");
	assert_int_equal(names[0].tags.count, 0);
	assert_string_equal(names[1].name, "web");
	assert_string_equal(((const char *const *)names[1].tags.items)[1], "b");
}

static void instances_have_node_service_and_checks(void **state)
{
	struct json *doc = recorded("health-service-web");
	const struct consul_instance *one;
	const struct consul_check *check;
	const struct json_pair *meta;
	struct json_list list;
	struct err err;

	(void)state;
	assert_true(consul_decode_instances(doc, &arena, &list, &err));
	json_free(doc);
	assert_int_equal(list.count, 1);
	one = list.items;
	assert_string_equal(one->node, "n1");
	assert_string_equal(one->node_address, "127.0.0.1");
	assert_string_equal(one->id, "web1");
	assert_string_equal(one->address, "10.0.0.9");
	assert_int_equal(one->port, 80);
	assert_int_equal(one->modify_index, 13);
	meta = one->meta.items;
	assert_string_equal(meta->key, "k");
	assert_string_equal(meta->value, "v");
	assert_int_equal(one->checks.count, 2);
	check = one->checks.items;
	assert_string_equal(check[0].id, "serfHealth");
	assert_string_equal(check[0].service_id, "");
	assert_string_equal(check[1].id, "service:web1");
	assert_string_equal(check[1].status, "critical");
	assert_string_equal(check[1].notes, "beat");
	assert_string_equal(check[1].service_name, "web");
}

static void checks_decode(void **state)
{
	struct json *doc = recorded("health-state-any");
	struct json_list list;
	struct err err;

	(void)state;
	assert_true(consul_decode_checks(doc, &arena, &list, &err));
	json_free(doc);
	assert_int_equal(list.count, 2);
	assert_string_equal(((const struct consul_check *)list.items)[1].type, "ttl");
}

static void services_of_the_agent_decode(void **state)
{
	struct json *doc = recorded("agent-services");
	const struct consul_agent_service *one;
	struct json_list list;
	struct err err;

	(void)state;
	assert_true(consul_decode_agent_services(doc, &arena, &list, &err));
	json_free(doc);
	assert_int_equal(list.count, 1);
	one = list.items;
	assert_string_equal(one->id, "web1");
	assert_string_equal(one->service, "web");
	assert_int_equal(one->tags.count, 2);
}

static void the_agent_itself_decodes(void **state)
{
	struct json *doc = recorded("agent-self");
	struct consul_self self;
	struct err err;

	(void)state;
	assert_true(consul_decode_self(doc, &arena, &self, &err));
	json_free(doc);
	assert_string_equal(self.node, "n1");
	assert_string_equal(self.version, "1.8.7");
	assert_string_equal(self.address, "127.0.0.1");
	assert_true(self.server);
}

static bool decode_leader(const struct json *doc, struct err *err)
{
	const char *leader;

	return consul_decode_leader(doc, &arena, &leader, err);
}

static bool decode_names(const struct json *doc, struct err *err)
{
	struct json_list list;

	return consul_decode_service_names(doc, &arena, &list, err);
}

static bool decode_members(const struct json *doc, struct err *err)
{
	struct json_list list;

	return consul_decode_members(doc, &arena, &list, err);
}

static bool decode_agent_services(const struct json *doc, struct err *err)
{
	struct json_list list;

	return consul_decode_agent_services(doc, &arena, &list, err);
}

static void wrong_types_and_missing_members_are_named(void **state)
{
	static const struct {
		bool (*decode)(const struct json *doc, struct err *err);
		const char *text, *words;
	} cases[] = {
		{ decode_leader, "[]", "leader" },
		{ decode_names, "[]", "not an object" },
		{ decode_names, "{\"web\":[1]}", "web[0] is not a text" },
		{ decode_names, "{\"web\":\"x\"}", "web is not a list" },
		{ decode_members, "{}", "a list was expected" },
		{ decode_members, "[{\"Name\":\"a\",\"Status\":1},{\"Status\":1}]",
		  "item 1: Name is missing" },
		{ decode_members, "[{\"Name\":\"a\",\"Status\":\"1\"}]", "Status is not a number" },
		{ decode_members, "[{\"Name\":\"a\",\"Status\":1,\"Tags\":{\"role\":7}}]",
		  "Tags.role is not a string" },
		{ decode_agent_services, "{\"x\":{\"Service\":\"s\"}}", "x: ID is missing" },
		{ decode_agent_services, "{\"x\":null}", "x: " },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		struct json *doc = json_parse(cases[i].text, strlen(cases[i].text), &err);

		assert_non_null(doc);
		assert_false(cases[i].decode(doc, &err));
		assert_int_equal(err.code, ERR_FORMAT);
		if (!strstr(err.msg, cases[i].words))
			fail_msg("case %zu: %s", i, err.msg);
		json_free(doc);
	}
}

static void null_equals_absent(void **state)
{
	static const char text[] = "[{\"Name\":\"a\",\"Status\":1,\"Tags\":null,\"Addr\":null}]";
	struct json_list list;
	struct err err;
	struct json *doc = json_parse(text, strlen(text), &err);

	(void)state;
	assert_true(consul_decode_members(doc, &arena, &list, &err));
	assert_string_equal(((const struct consul_member *)list.items)->role, "");
	json_free(doc);
}

#define TEST(f) cmocka_unit_test_teardown(f, release)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(members_have_status_role_and_build),
		TEST(statuses_have_names),
		TEST(service_names_have_their_tags),
		TEST(instances_have_node_service_and_checks),
		TEST(checks_decode),
		TEST(services_of_the_agent_decode),
		TEST(the_agent_itself_decodes),
		TEST(wrong_types_and_missing_members_are_named),
		TEST(null_equals_absent),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
