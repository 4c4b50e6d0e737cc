#include "brake.h"

#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/nginx/upstreams.h"

typedef bool brake_fn(const struct strbuf *live, const struct strbuf *pending, struct strbuf *why);

static bool is_blank(const struct strbuf *text)
{
	return strspn(text->buf, " \t\r\n") == text->len;
}

static bool brake_empty(const struct strbuf *live, const struct strbuf *pending, struct strbuf *why)
{
	if (!is_blank(pending) || is_blank(live))
		return false;
	strbuf_addstr(why, "would empty the file");
	return true;
}

static bool brake_servers(const struct strbuf *live, const struct strbuf *pending,
			  struct strbuf *why)
{
	size_t count, removed;

	nginx_count_removed(live->buf, live->len, pending->buf, pending->len, &count, &removed);
	if (2 * removed <= count)
		return false;
	strbuf_addf(why, "would remove %zu of %zu upstream servers, more than half", removed,
		    count);
	return true;
}

static brake_fn *const brakes[] = { brake_empty, brake_servers };

bool brake_check(const struct strbuf *live, const struct strbuf *pending, struct strbuf *why)
{
	strbuf_reset(why);
	for (size_t i = 0; i < COUNT_OF(brakes); i++)
		if (brakes[i](live, pending, why))
			return true;
	return false;
}
