#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/list.h"
#include "binnacle/net/endpoint.h"

static void addresses_become_urls(void **state)
{
	static const struct {
		const char *text;
		bool tls;
		int port;
		const char *url, *unix_socket, *described;
	} cases[] = {
		{ "127.0.0.1:8500", false, 8500, "http://127.0.0.1:8500", NULL, "127.0.0.1:8500" },
		{ "consul", false, 8500, "http://consul:8500", NULL, "consul:8500" },
		{ "consul", false, 0, "http://consul", NULL, "consul" },
		{ "consul", true, 8501, "https://consul:8501", NULL, "consul:8501" },
		{ "http://consul", false, 8500, "http://consul", NULL, "consul" },
		{ "http://consul:1/", false, 8500, "http://consul:1", NULL, "consul:1" },
		{ "http://consul:1/ui/", true, 0, "https://consul:1/ui", NULL, "consul:1/ui" },
		{ "https://h:1", false, 0, "https://h:1", NULL, "h:1" },
		{ "tcp://10.0.0.1", false, 2375, "http://10.0.0.1:2375", NULL, "10.0.0.1:2375" },
		{ "tcp://10.0.0.1:2376", true, 0, "https://10.0.0.1:2376", NULL, "10.0.0.1:2376" },
		{ "[::1]", false, 8500, "http://[::1]:8500", NULL, "[::1]:8500" },
		{ "[::1]:99", false, 8500, "http://[::1]:99", NULL, "[::1]:99" },
		{ "unix:///run/d.sock", true, 1, "http://localhost", "/run/d.sock",
		  "unix:/run/d.sock" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct endpoint endpoint = { 0 };
		struct err err = { 0 };

		assert_true(endpoint_parse(&endpoint, cases[i].text, cases[i].tls, cases[i].port,
					   &err));
		assert_string_equal(endpoint.base_url, cases[i].url);
		if (cases[i].unix_socket)
			assert_string_equal(endpoint.unix_socket, cases[i].unix_socket);
		else
			assert_null(endpoint.unix_socket);
		assert_string_equal(endpoint_describe(&endpoint), cases[i].described);
		endpoint_release(&endpoint);
	}
}

static void malformed_addresses_are_refused_with_a_reason(void **state)
{
	static const struct {
		const char *text, *reason;
	} cases[] = {
		{ "", "has no host" },
		{ ":8500", "has no host" },
		{ "http://", "has no host" },
		{ "host:0", "no valid port" },
		{ "host:65536", "no valid port" },
		{ "host:http", "no valid port" },
		{ "host:", "no valid port" },
		{ "[::1", "no closing bracket" },
		{ "ftp://host", "use host:port" },
		{ "file:///etc/passwd", "use host:port" },
		{ "unix://relative", "starts with '/'" },
		{ "ho st", "character" },
		{ "host\r\nX: y", "character" },
		{ "http://user:secret@host", "may not hold a user" },
		{ "host?x=y", "character" },
	};

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct endpoint endpoint = { 0 };
		struct err err = { 0 };

		assert_false(endpoint_parse(&endpoint, cases[i].text, false, 8500, &err));
		assert_int_equal(err.code, ERR_INPUT);
		assert_non_null(strstr(err.msg, cases[i].reason));
		assert_null(strstr(err.msg, "secret"));
		endpoint_release(&endpoint);
	}
}

static void names_are_escaped_for_paths_and_queries(void **state)
{
	struct strbuf out = STRBUF_INIT;

	(void)state;
	url_escape(&out, "a/b c?d=e&f%\xc3\xa9~-._");
	assert_string_equal(out.buf, "a%2Fb%20c%3Fd%3De%26f%25%C3%A9~-._");
	strbuf_reset(&out);
	url_escape_path(&out, "app/config/../x#y");
	assert_string_equal(out.buf, "app/config/../x%23y");
	strbuf_release(&out);
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(addresses_become_urls),
		cmocka_unit_test(malformed_addresses_are_refused_with_a_reason),
		cmocka_unit_test(names_are_escaped_for_paths_and_queries),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
