#include "binnacle/net/host_address.h"

#include <setjmp.h>
#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/list.h"
#include "binnacle/loop/loop.h"
#include "support/peer.h"

static void the_hosts_file_gives_the_first_address_of_the_whole_name(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: none */
	} rows[] = {
		{ "", NULL },
		{ "127.0.0.1 localhost\n10.0.0.1 host-1\n10.0.0.2 host-1\n", "10.0.0.1" },
		{ "10.0.0.1\tother host-1 # host-2\n", "10.0.0.1" },
		{ "10.0.0.1 other # host-1\n", NULL },
		{ "# 10.0.0.1 host-1\n  10.0.0.3   host-1", "10.0.0.3" },
		{ "10.0.0.1 host-10\nhost-1\n", NULL },
		{ "10.0.0.1 host-1\r\n", "10.0.0.1" },
		{ "::1 host-1\n10.0.0.1 host-1\n10.0.0.2 host-1\n", "10.0.0.1" },
		{ "::1 host-1\nfe80::1 host-1\n", "::1" },
		{ "10.0.0.1 other\nx\n10.0.0.2 other\n", NULL },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct strbuf out = STRBUF_INIT;

		assert_int_equal(host_address_in_hosts(rows[i].text, "host-1", &out),
				 rows[i].want != NULL);
		assert_string_equal(out.buf, rows[i].want ? rows[i].want : "");
		strbuf_release(&out);
	}
}

struct answer {
	bool came;
	char address[64];
};

static void on_address(void *arg, const char *address)
{
	struct answer *answer = arg;

	answer->came = true;
	strncpy(answer->address, address, sizeof(answer->address) - 1);
}

static void lookups_answer_from_the_loop(void **state)
{
	struct loop *loop = loop_new();
	struct answer local = { 0 }, unknown = { 0 }, cancelled = { 0 };
	struct host_address *lookup;

	(void)state;
	host_address_start(loop, "localhost", on_address, &local);
	host_address_start(loop, "", on_address, &unknown);
	lookup = host_address_start(loop, "localhost", on_address, &cancelled);
	host_address_cancel(&lookup);
	assert_false(local.came);
	assert_true(run_until(loop, &local.came));
	assert_string_not_equal(local.address, "");
	assert_true(run_until(loop, &unknown.came));
	assert_string_equal(unknown.address, "");
	assert_false(cancelled.came);
	loop_free(loop);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(the_hosts_file_gives_the_first_address_of_the_whole_name),
		cmocka_unit_test(lookups_answer_from_the_loop),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
