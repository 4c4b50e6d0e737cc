/* The interface of the default route is in the kernel's routing tables, which are small files. */
#include "host.h"

#include <arpa/inet.h>
#include <ifaddrs.h>
#include <net/if.h>
#include <netinet/in.h>
#include <stdio.h>
#include <string.h>

/* "IFACE DESTINATION GATEWAY ...": is 00000000 a destination of this interface? */
static bool has_default_route(const char *interface)
{
	FILE *routes = fopen("/proc/net/route", "re");
	char line[256], name[64], destination[16];
	bool found = false;

	while (routes && !found && fgets(line, sizeof(line), routes))
		found = sscanf(line, "%63s %15s", name, destination) == 2 &&
			strcmp(name, interface) == 0 && strcmp(destination, "00000000") == 0;
	if (routes)
		fclose(routes);
	return found;
}

static const char *text_of(struct arena *arena, const struct sockaddr *address)
{
	char text[INET6_ADDRSTRLEN];
	const void *bytes = NULL;

	if (address && address->sa_family == AF_INET)
		bytes = &((const struct sockaddr_in *)(const void *)address)->sin_addr;
	else if (address && address->sa_family == AF_INET6)
		bytes = &((const struct sockaddr_in6 *)(const void *)address)->sin6_addr;
	if (!bytes || !inet_ntop(address->sa_family, bytes, text, sizeof(text)))
		return NULL;
	return arena_strdup(arena, text);
}

const struct tmpl_address *host_addresses(struct arena *arena, size_t *count)
{
	struct tmpl_address *all;
	struct ifaddrs *list = NULL;
	size_t most = 0;

	*count = 0;
	if (getifaddrs(&list) < 0)
		return NULL;
	for (const struct ifaddrs *at = list; at; at = at->ifa_next)
		most++;
	all = arena_alloc(arena, (most + 1) * sizeof(*all));
	for (const struct ifaddrs *at = list; at; at = at->ifa_next) {
		const char *text = text_of(arena, at->ifa_addr);

		if (!text)
			continue;
		all[(*count)++] = (struct tmpl_address){
			.interface = arena_strdup(arena, at->ifa_name),
			.text = text,
			.up = (at->ifa_flags & IFF_UP) != 0,
			.loopback = (at->ifa_flags & IFF_LOOPBACK) != 0,
			.default_route = has_default_route(at->ifa_name),
		};
	}
	freeifaddrs(list);
	return all;
}
