/*
 * rules_private.h - what the files of the rules share while one container is looked at.
 *
 * ports.c makes the port table, address.c finds address and port of a service, rules.c does the
 * rest and calls both.
 */
#ifndef RULES_PRIVATE_H
#define RULES_PRIVATE_H

#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/strmap.h"
#include "binnacle/register/rules.h"
#include "metadata.h"

struct port {
	const char *key;    /* "80/tcp" */
	const char *number; /* "80" */
	const char *proto;
	const char *host_port; /* "": exposed, not published */
	const char *host_ip;
	bool listed; /* Docker reports on it, published or not */
	bool internal;
	const char *forced_ip; /* by the container itself; NULL: none */
};

struct port_table {
	struct port *items; /* by number, once ports_collect is done */
	size_t count, cap;
};

/* What stays the same for all ports of a container. */
struct rules {
	const struct register_options *options;
	const struct json *inspect, *peer;
	struct register_wanted *out;
	struct metadata_source metadata;
	struct strmap noted, ids; /* what was said, and which ids are taken */
	const char *hostname, *network_mode;
	const char *forced_tags; /* -tags, evaluated */
	bool internal;           /* what holds for ports that do not say otherwise */
	bool is_group;           /* more than one port: names get the port as a suffix */
};

void rules_note(struct rules *rules, enum register_note_reason reason, const char *port,
		const char *service, const char *text, const char *remedy);
bool rules_is_set(const char *text); /* neither NULL nor "" */

/* ports.c: by number */
void ports_collect(struct rules *rules, struct port_table *table);
/* Drop those that are not published, with a note each. */
void ports_drop_unpublished(struct rules *rules, struct port_table *table);
int port_number(const char *text); /* 0 when it is none */

/* address.c */
void address_set(struct rules *rules, const struct port *port, struct register_service *service);
void address_warn(struct rules *rules, const struct port *port,
		  const struct register_service *service);
/* What stands for the host in front of the port, also without -internal's say. */
const char *address_of_host(const struct rules *rules, const struct port *port);

#endif
