#include "harness.h"

#include "binnacle/base/list.h"

static void assert_service(const char *query, const char *want)
{
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };
	const struct dep *dep = dep_parse_service(&arena, DEP_SERVICE, query, &err);

	assert_string_equal(dep ? dep->text : err.msg, want);
	arena_release(&arena);
}

static void service_queries_have_a_canonical_text(void **state)
{
	static const struct {
		const char *query, *want;
	} cases[] = {
		{ "web", "health.service(web|passing)" },
		{ "web|passing", "health.service(web|passing)" },
		{ "v1.web", "health.service(v1.web|passing)" },
		{ "a.b.web@dc-1.x~_agent|warning,any",
		  "health.service(a.b.web@dc-1.x~_agent|any,warning)" },
		{ "web|any,,passing", "health.service(web|any,passing)" },
		{ "a:b=c.web", "health.service(a:b=c.web|passing)" },
		{ "web?ns=n&peer=p@dc", "health.service(web@dc?ns=n?peer=p|passing)" },
		{ ".web", "health.service: invalid format: \".web\"" },
		{ "web.", "health.service: invalid format: \"web.\"" },
		{ "web@", "health.service: invalid format: \"web@\"" },
		{ "web@dc@dc", "health.service: invalid format: \"web@dc@dc\"" },
		{ "web|", "health.service: invalid format: \"web|\"" },
		{ "web~a@b", "health.service: invalid format: \"web~a@b\"" },
		{ "wéb", "health.service: invalid format: \"wéb\"" },
		{ "web|any,x", "health.service: invalid filter: \"x\" in \"web|any,x\"" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++)
		assert_service(cases[i].query, cases[i].want);
}

static void the_parts_of_a_query_are_kept(void **state)
{
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };
	const struct dep *dep =
		dep_parse_service(&arena, DEP_CONNECT, "v1.web@dc~n|any,critical", &err);

	(void)state;
	assert_non_null(dep);
	assert_int_equal(dep->kind, DEP_CONNECT);
	assert_string_equal(dep->tag, "v1");
	assert_string_equal(dep->name, "web");
	assert_string_equal(dep->dc, "dc");
	assert_string_equal(dep->near, "n");
	assert_int_equal(dep->filters, DEP_FILTER_ANY | DEP_FILTER_CRITICAL);
	arena_release(&arena);
}

static void keys_lose_one_leading_slash(void **state)
{
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };

	(void)state;
	assert_string_equal(dep_parse_kv(&arena, DEP_KEY, "/a/b", &err)->name, "a/b");
	assert_string_equal(dep_parse_kv(&arena, DEP_KEY, "//a", &err)->name, "/a");
	assert_string_equal(dep_parse_kv(&arena, DEP_KEY_EXISTS, "a b@dc", &err)->text,
			    "kv.get(a b@dc)");
	assert_string_equal(dep_parse_kv(&arena, DEP_TREE, "/", &err)->text, "kv.list()");
	assert_null(dep_parse_kv(&arena, DEP_KEY, "/", &err));
	assert_string_equal(err.msg, "kv.get: invalid format: \"/\"");
	assert_null(dep_parse_kv(&arena, DEP_TREE, "a@", &err));
	assert_string_equal(err.msg, "kv.list: invalid format: \"a@\"");
	arena_release(&arena);
}

static void a_set_is_ordered_unique_and_owns_its_members(void **state)
{
	struct arena arena = ARENA_INIT;
	struct dep_set set = DEP_SET_INIT;
	struct err err = { 0 };

	(void)state;
	assert_true(dep_set_add(&set, dep_parse_node(&arena, "n@dc", &err)));
	assert_true(dep_set_add(&set, dep_parse_nodes(&arena, "", &err)));
	assert_false(dep_set_add(&set, dep_parse_node(&arena, "n@dc", &err)));
	arena_release(&arena);
	assert_int_equal(dep_set_count(&set), 2);
	assert_string_equal(dep_set_at(&set, 0)->text, "catalog.node(n@dc)");
	assert_string_equal(dep_set_at(&set, 0)->dc, "dc");
	assert_string_equal(dep_set_at(&set, 1)->text, "catalog.nodes");
	assert_null(dep_set_find(&set, "catalog.node"));
	dep_set_release(&set);
	assert_int_equal(dep_set_count(&set), 0);
	dep_set_release(&set);
}

static const struct tmpl_value *from_json(struct arena *arena, const struct dep *dep,
					  const char *text, struct err *err)
{
	struct json *doc = json_parse(text, strlen(text), err);
	const struct tmpl_value *value;

	assert_non_null(doc);
	value = tmpl_value_from_json(arena, dep, doc, err);
	json_free(doc);
	return value;
}

static void answers_of_a_wrong_shape_are_errors(void **state)
{
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };
	const struct dep *service = dep_parse_service(&arena, DEP_SERVICE, "web", &err);
	const struct dep *key = dep_parse_kv(&arena, DEP_KEY, "k", &err);
	const struct dep *tree = dep_parse_kv(&arena, DEP_TREE, "k", &err);

	(void)state;
	assert_null(from_json(&arena, service, "{}", &err));
	assert_string_equal(err.msg, "health.service(web|passing): the answer is not a list");
	assert_null(from_json(&arena, key, "[{\"Key\":\"k\",\"Value\":\"*\"}]", &err));
	assert_string_equal(err.msg, "key k: the value is not base64");
	assert_null(from_json(&arena, tree, "3", &err));
	assert_null(from_json(&arena, key, "[]", &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	assert_null(tmpl_value_from_json(&arena, dep_plain(&arena, DEP_FILE, "/x"), NULL, &err));
	arena_release(&arena);
}

static void members_of_a_wrong_type_are_zero_values(void **state)
{
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };
	const struct dep *dep = dep_parse_service(&arena, DEP_SERVICE, "web|any", &err);
	const struct tmpl_value *list = from_json(
		&arena, dep,
		"[1,null,{\"Service\":{\"Port\":\"x\",\"Tags\":{\"a\":1}},\"Checks\":[3]}]", &err);

	(void)state;
	assert_non_null(list);
	assert_int_equal(list->u.list.count, 3);
	assert_int_equal(tmpl_record_get(list->u.list.items[2], "Port")->u.integer, 0);
	arena_release(&arena);
}

static void a_value_may_hold_any_bytes(void **state)
{
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };
	const struct dep *dep = dep_parse_kv(&arena, DEP_KEY, "k", &err);
	const struct tmpl_value *value =
		from_json(&arena, dep, "[{\"Key\":\"k\",\"Value\":\"AGEA/w==\"}]", &err);

	(void)state;
	assert_int_equal(value->u.string.len, 4);
	assert_memory_equal(value->u.string.text, "\0a\0\xff", 4);
	arena_release(&arena);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(service_queries_have_a_canonical_text),
		cmocka_unit_test(the_parts_of_a_query_are_kept),
		cmocka_unit_test(keys_lose_one_leading_slash),
		cmocka_unit_test(a_set_is_ordered_unique_and_owns_its_members),
		cmocka_unit_test(answers_of_a_wrong_shape_are_errors),
		cmocka_unit_test(members_of_a_wrong_type_are_zero_values),
		cmocka_unit_test(a_value_may_hold_any_bytes),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
