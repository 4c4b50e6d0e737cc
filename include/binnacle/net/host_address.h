/*
 * net/host_address.h - the first address that a hostname resolves to, without blocking the loop.
 */
#ifndef BINNACLE_NET_HOST_ADDRESS_H
#define BINNACLE_NET_HOST_ADDRESS_H

#include "binnacle/base/strbuf.h"

struct host_address;
struct loop;

/* address: "" when the name does not resolve. Completion rules: loop/loop.h. */
typedef void host_address_fn(void *arg, const char *address);

struct host_address *host_address_start(struct loop *loop, const char *hostname,
					host_address_fn *done, void *arg);
void host_address_cancel(struct host_address **lookup); /* NULL allowed; sets NULL */

/* Pure: the first address of IPv4 that the text of a hosts file gives the name, or else the first
 * of all; false: none. `out` must be empty. */
bool host_address_in_hosts(const char *text, const char *hostname, struct strbuf *out);

#endif
