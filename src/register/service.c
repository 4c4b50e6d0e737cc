/* Comparing services, and the patterns of the options. */
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/match.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/register/rules.h"

static bool texts_equal(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
}

bool register_check_exists(const struct register_check *check)
{
	return check->http || check->script_args[0] || check->ttl || check->tcp || check->grpc;
}

static bool checks_equal(const struct register_check *a, const struct register_check *b)
{
	for (size_t i = 0; i < COUNT_OF(a->script_args); i++) {
		if (!texts_equal(a->script_args[i], b->script_args[i]))
			return false;
	}
	return texts_equal(a->http, b->http) && texts_equal(a->method, b->method) &&
	       texts_equal(a->ttl, b->ttl) && texts_equal(a->tcp, b->tcp) &&
	       texts_equal(a->grpc, b->grpc) && a->grpc_use_tls == b->grpc_use_tls &&
	       a->tls_skip_verify == b->tls_skip_verify && texts_equal(a->interval, b->interval) &&
	       texts_equal(a->timeout, b->timeout) && texts_equal(a->status, b->status) &&
	       texts_equal(a->deregister_after, b->deregister_after);
}

bool register_service_equal(const struct register_service *a, const struct register_service *b)
{
	if (!texts_equal(a->id, b->id) || !texts_equal(a->name, b->name) ||
	    !texts_equal(a->address, b->address) || a->port != b->port ||
	    a->tag_count != b->tag_count || a->meta_count != b->meta_count)
		return false;
	for (size_t i = 0; i < a->tag_count; i++) {
		if (strcmp(a->tags[i], b->tags[i]) != 0)
			return false;
	}
	for (size_t i = 0; i < a->meta_count; i++) {
		if (strcmp(a->meta[i].key, b->meta[i].key) != 0 ||
		    strcmp(a->meta[i].value, b->meta[i].value) != 0)
			return false;
	}
	return checks_equal(&a->check, &b->check);
}

bool register_glob_list(const char *list, const char *text)
{
	bool matches = false;

	while (list && *list && !matches) {
		size_t len = strcspn(list, ",");
		struct strbuf pattern = STRBUF_INIT;

		strbuf_add(&pattern, list, len);
		strbuf_trim(&pattern);
		matches = pattern.len && glob_match(pattern.buf, text);
		strbuf_release(&pattern);
		list += len + (list[len] == ',');
	}
	return matches;
}
