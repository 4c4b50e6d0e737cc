/* The input is a header name, a newline, and raw header lines; what is found must lie in them. */
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/mem.h"
#include "binnacle/net/endpoint.h"
#include "binnacle/net/http.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static void parse_address(const char *text)
{
	struct endpoint endpoint = { 0 };
	struct err err;

	if (endpoint_parse(&endpoint, text, false, 8500, &err)) {
		struct endpoint again = { 0 };
		size_t authority = strcspn(strstr(endpoint.base_url, "//") + 2, "/");

		/* What was accepted is accepted again, and says the same. */
		if (!endpoint.unix_socket &&
		    (!endpoint_parse(&again, endpoint.base_url, false, 8500, &err) ||
		     strcmp(again.base_url, endpoint.base_url) != 0))
			abort();
		if (strpbrk(endpoint.base_url, " \r\n") ||
		    memchr(strstr(endpoint.base_url, "//") + 2, '@', authority))
			abort();
		endpoint_release(&again);
	}
	endpoint_release(&endpoint);
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	const uint8_t *eol = size ? memchr(data, '\n', size) : NULL;
	size_t name_len = eol ? (size_t)(eol - data) : 0;
	char *name = xstrndup((const char *)data, name_len);
	struct http_answer answer = { 0 };
	char value[16];

	strbuf_init(&answer.headers);
	if (eol)
		strbuf_add(&answer.headers, eol + 1, size - name_len - 1);
	if (http_header(&answer, name, value, sizeof(value))) {
		size_t len = strlen(value);

		if (len >= sizeof(value) || strchr(value, '\n'))
			abort();
		if (!memmem(answer.headers.buf, answer.headers.len, value, len))
			abort();
	}
	strbuf_release(&answer.headers);
	free(name);

	name = xstrndup((const char *)data, size);
	parse_address(name);
	free(name);
	return 0;
}
