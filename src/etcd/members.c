#include <stdlib.h>
#include <string.h>

#include "binnacle/base/mem.h"
#include "etcd_private.h"

enum { ETCD_PORT = 2379 };

bool etcd_config_has_login(const struct etcd_config *config)
{
	return config->user && *config->user && config->password && *config->password;
}

static bool add_member(struct members *members, const char *url, const struct etcd_config *config,
		       bool basic, struct err *err)
{
	struct endpoint *member = &members->items[members->count];
	bool tls =
		(config->ca_file && *config->ca_file) || (config->cert_file && *config->cert_file);

	/* A scheme that is written out wins over what the files suggest. */
	if (!endpoint_parse(member, url, tls && !strstr(url, "://"), ETCD_PORT, err))
		return err_context(err, "etcd endpoint");
	members->count++;
	if (basic && etcd_config_has_login(config)) {
		member->user = xstrdup(config->user);
		member->password = xstrdup(config->password);
	}
	member->ca_file = config->ca_file ? xstrdup(config->ca_file) : NULL;
	member->cert_file = config->cert_file ? xstrdup(config->cert_file) : NULL;
	member->key_file = config->key_file ? xstrdup(config->key_file) : NULL;
	return true;
}

bool members_fill(struct members *members, const struct etcd_config *config, bool basic,
		  struct err *err)
{
	size_t count = 0;

	while (config->endpoints && config->endpoints[count])
		count++;
	members->timeout_ms = config->timeout_ms ? config->timeout_ms : ETCD_REQUEST_TIMEOUT_MS;
	members->items = xcalloc(count + 1, sizeof(*members->items));
	if (count == 0)
		return err_set(err, ERR_INPUT, "etcd: no endpoint is configured");
	for (size_t i = 0; i < count; i++)
		if (!add_member(members, config->endpoints[i], config, basic, err))
			return false;
	return true;
}

void members_release(struct members *members)
{
	for (size_t i = 0; i < members->count; i++)
		endpoint_release(&members->items[i]);
	free(members->items);
	*members = (struct members){ 0 };
}

void members_failed(struct members *members, size_t member)
{
	if (members->current == member)
		members->current = (member + 1) % members->count;
}
