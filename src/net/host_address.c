/*
 * An address of IPv4 is preferred, as Go's resolver does for Registrator. The hosts file first, as
 * the resolver does on nearly every machine and in every container; for other sources getent, as a
 * child, because the resolver's own functions block.
 */
#include "binnacle/net/host_address.h"

#include <stdbool.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/file.h"
#include "binnacle/base/mem.h"
#include "binnacle/loop/child.h"
#include "binnacle/loop/loop.h"

enum { LOOKUP_TIMEOUT_MS = 5000, HOSTS_FILE_MAX = 1 << 20 };

struct host_address {
	struct child *child;
	struct loop_deferred *deferred;
	struct strbuf address;
	host_address_fn *done;
	void *arg;
};

static const char blanks[] = " \t\r";

/* The one that is there already is replaced by the first of IPv4. */
static bool is_better(const struct strbuf *out, const char *address, size_t len)
{
	return !out->len || (strchr(out->buf, ':') && !memchr(address, ':', len));
}

bool host_address_in_hosts(const char *text, const char *hostname, struct strbuf *out)
{
	while (*text) {
		size_t line = strcspn(text, "\n"), left = line;
		const char *hash = memchr(text, '#', line), *word = text, *address = NULL;
		size_t address_len = 0;

		if (hash)
			left = (size_t)(hash - text);
		while (left) {
			size_t skip = strspn(word, blanks), len;

			skip = skip < left ? skip : left;
			word += skip;
			left -= skip;
			len = strcspn(word, " \t\r\n#");
			len = len < left ? len : left;
			if (!len)
				break;
			if (!address) {
				address = word;
				address_len = len;
			} else if (len == strlen(hostname) && !strncmp(word, hostname, len)) {
				if (is_better(out, address, address_len)) {
					strbuf_reset(out);
					strbuf_add(out, address, address_len);
				}
				break;
			}
			word += len;
			left -= len;
		}
		text += line + (text[line] == '\n');
	}
	return out->len > 0;
}

/* The same from lines that begin with an address. */
static void take_address(struct strbuf *out, const char *text)
{
	while (*text) {
		size_t line = strcspn(text, "\n"), len = strcspn(text, " \t\n");

		if (len && is_better(out, text, len)) {
			strbuf_reset(out);
			strbuf_add(out, text, len);
		}
		text += line + (text[line] == '\n');
	}
}

static void finish(struct host_address *lookup)
{
	host_address_fn *done = lookup->done;
	void *arg = lookup->arg;
	struct strbuf address = lookup->address;

	free(lookup);
	done(arg, address.buf);
	strbuf_release(&address);
}

static void on_child(void *arg, const struct child_result *result)
{
	struct host_address *lookup = arg;

	lookup->child = NULL;
	if (result->exit_code == 0 && !result->timed_out)
		take_address(&lookup->address, result->output->buf);
	finish(lookup);
}

static void on_deferred(void *arg)
{
	struct host_address *lookup = arg;

	lookup->deferred = NULL;
	finish(lookup);
}

struct host_address *host_address_start(struct loop *loop, const char *hostname,
					host_address_fn *done, void *arg)
{
	struct host_address *lookup = xcalloc(1, sizeof(*lookup));
	const char *const argv[] = { "getent", "ahosts", "--", hostname, NULL };
	struct child_spec spec = { .argv = argv, .timeout_ms = LOOKUP_TIMEOUT_MS };
	struct strbuf hosts = STRBUF_INIT;
	struct err err;

	lookup->done = done;
	lookup->arg = arg;
	strbuf_init(&lookup->address);
	if (!*hostname || (file_read("/etc/hosts", HOSTS_FILE_MAX, &hosts, &err) &&
			   host_address_in_hosts(hosts.buf, hostname, &lookup->address)))
		lookup->deferred = loop_defer(loop, on_deferred, lookup);
	else
		lookup->child = child_run(loop, &spec, on_child, lookup, &err);
	/* Without getent the address stays unknown; the rules say so per service. */
	if (!lookup->deferred && !lookup->child)
		lookup->deferred = loop_defer(loop, on_deferred, lookup);
	strbuf_release(&hosts);
	return lookup;
}

void host_address_cancel(struct host_address **lookup)
{
	if (!*lookup)
		return;
	child_cancel(&(*lookup)->child);
	loop_deferred_cancel(&(*lookup)->deferred);
	strbuf_release(&(*lookup)->address);
	free(*lookup);
	*lookup = NULL;
}
