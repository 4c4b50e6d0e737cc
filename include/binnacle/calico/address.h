/*
 * calico/address.h - IP addresses and networks as Calico writes them.
 *
 * Plain data. An address is a network with a full mask: "10.233.1.4" and "10.233.1.4/32" are the
 * same value.
 */
#ifndef BINNACLE_CALICO_ADDRESS_H
#define BINNACLE_CALICO_ADDRESS_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct calico_net {
	uint8_t bytes[16]; /* network order; the first 4 for IPv4 */
	uint8_t version;   /* 4 or 6; 0: no address */
	uint8_t bits;      /* length of the mask */
};

/* "a.b.c.d", "a.b.c.d/len", "::1", "::1/len". The bits after the mask are kept. */
bool calico_net_parse(struct calico_net *net, const char *text);
bool calico_net_equal(const struct calico_net *a, const struct calico_net *b);
/* By version, then by address, then by the length of the mask. */
int calico_net_compare(const struct calico_net *a, const struct calico_net *b);
/* Is the address (its mask is not looked at) inside the network? */
bool calico_net_contains(const struct calico_net *net, const struct calico_net *address);
/* The same network with the bits after `bits` cleared. */
struct calico_net calico_net_masked(const struct calico_net *net, unsigned bits);
/* The address `ordinal` places after the first one of the network, with a full mask. */
struct calico_net calico_net_at(const struct calico_net *net, uint32_t ordinal);
/* The place of an address in a network that contains it and is smaller than 2^32. */
uint32_t calico_net_ordinal(const struct calico_net *net, const struct calico_net *address);

/* "10.233.1.4" for a full mask, else "10.233.1.0/26". */
#define CALICO_NET_TEXT_BYTES 64
const char *calico_net_text(const struct calico_net *net, char *out);
/* Always with the mask. */
const char *calico_net_text_cidr(const struct calico_net *net, char *out);

#endif
