/* Names and durations as Consul Template's log has them. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>

#include <cmocka.h>

#include "../../src/app/as_ct_log.h"
#include "binnacle/base/list.h"

static void a_request_is_called_as_its_dependency_is(void **state)
{
	static const struct {
		const char *path, *name;
	} requests[] = {
		{ "/v1/health/service/web?passing=1", "health.service(web|passing)" },
		{ "/v1/health/service/web?dc=d&near=n&tag=t%20u", "health.service(t u.web@d~n)" },
		{ "/v1/catalog/services", "catalog.services" },
		{ "/v1/catalog/nodes?dc=d", "catalog.nodes(@d)" },
		{ "/v1/catalog/node/n1", "catalog.node(n1)" },
		{ "/v1/kv/a/b%20c", "kv.block(a/b c)" },
		{ "/v1/kv/a?recurse=", "kv.list(a)" },
		{ "/v1/agent/self?x=y", "/v1/agent/self" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(requests); i++) {
		struct strbuf name = STRBUF_INIT;

		ct_log_name(&name, requests[i].path);
		assert_string_equal(name.buf, requests[i].name);
		strbuf_release(&name);
	}
}

static void durations_are_written_as_go_writes_them(void **state)
{
	char text[CT_DURATION_BYTES];

	(void)state;
	assert_string_equal(ct_log_duration(250, text), "250ms");
	assert_string_equal(ct_log_duration(1000, text), "1s");
	assert_string_equal(ct_log_duration(1500, text), "1.5s");
	assert_string_equal(ct_log_duration(60000, text), "1m0s");
	assert_string_equal(ct_log_duration(3661000, text), "1h1m1s");
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_request_is_called_as_its_dependency_is),
		cmocka_unit_test(durations_are_written_as_go_writes_them),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
