/* Comparing services, and the patterns of the options. */
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/register/rules.h"

static bool texts_equal(const char *a, const char *b)
{
	return strcmp(a ? a : "", b ? b : "") == 0;
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

/* One pattern of `len` bytes. Only the last star is ever tried again, so the work is bounded. */
static bool glob_matches(const char *pattern, size_t len, const char *text)
{
	const char *end = pattern + len, *star = NULL, *resume = NULL;

	while (*text) {
		if (pattern < end && *pattern == '*') {
			star = pattern++;
			resume = text;
		} else if (pattern < end && (*pattern == '?' || *pattern == *text)) {
			pattern++;
			text++;
		} else if (star) {
			pattern = star + 1;
			text = ++resume;
		} else {
			return false;
		}
	}
	while (pattern < end && *pattern == '*')
		pattern++;
	return pattern == end;
}

bool register_glob_list(const char *list, const char *text)
{
	while (list && *list) {
		size_t len = strcspn(list, ",");
		const char *start = list, *end = list + len;

		while (start < end && *start == ' ')
			start++;
		while (end > start && end[-1] == ' ')
			end--;
		if (start < end && glob_matches(start, (size_t)(end - start), text))
			return true;
		list += len + (list[len] == ',');
	}
	return false;
}
