#include "binnacle/calico/address.h"

#include <arpa/inet.h>
#include <assert.h>
#include <string.h>

#include "binnacle/base/text.h"

static unsigned full_bits(const struct calico_net *net)
{
	return net->version == 4 ? 32 : 128;
}

bool calico_net_parse(struct calico_net *net, const char *text)
{
	char address[64];
	const char *slash = strchr(text, '/');
	size_t len = slash ? (size_t)(slash - text) : strlen(text);
	int64_t bits;

	*net = (struct calico_net){ 0 };
	if (len == 0 || len >= sizeof(address))
		return false;
	memcpy(address, text, len);
	address[len] = '\0';
	if (inet_pton(AF_INET, address, net->bytes) == 1)
		net->version = 4;
	else if (inet_pton(AF_INET6, address, net->bytes) == 1)
		net->version = 6;
	else
		return false;
	bits = full_bits(net);
	if (slash && !text_parse_int(slash + 1, 0, bits, &bits)) {
		*net = (struct calico_net){ 0 };
		return false;
	}
	net->bits = (uint8_t)bits;
	return true;
}

bool calico_net_equal(const struct calico_net *a, const struct calico_net *b)
{
	return a->version == b->version && a->bits == b->bits &&
	       memcmp(a->bytes, b->bytes, sizeof(a->bytes)) == 0;
}

struct calico_net calico_net_masked(const struct calico_net *net, unsigned bits)
{
	struct calico_net out = *net;

	assert(net->version == 4 || net->version == 6);
	assert(bits <= full_bits(net));
	out.bits = (uint8_t)bits;
	for (unsigned i = 0; i < full_bits(net) / 8; i++) {
		if (bits >= 8) {
			bits -= 8;
			continue;
		}
		out.bytes[i] &= (uint8_t)(0xff00u >> bits);
		bits = 0;
	}
	return out;
}

int calico_net_compare(const struct calico_net *a, const struct calico_net *b)
{
	int order;

	if (a->version != b->version)
		return a->version < b->version ? -1 : 1;
	order = memcmp(a->bytes, b->bytes, sizeof(a->bytes));
	return order ? order : (int)a->bits - (int)b->bits;
}

/* Without copies: whoever looks for the block of an address asks this of every block. */
bool calico_net_contains(const struct calico_net *net, const struct calico_net *address)
{
	unsigned whole = net->bits / 8, rest = net->bits % 8;

	if (net->version == 0 || net->version != address->version ||
	    memcmp(net->bytes, address->bytes, whole) != 0)
		return false;
	return !rest || (net->bytes[whole] ^ address->bytes[whole]) >> (8 - rest) == 0;
}

struct calico_net calico_net_at(const struct calico_net *net, uint32_t ordinal)
{
	struct calico_net out = calico_net_masked(net, net->bits);
	unsigned last = full_bits(net) / 8;
	uint64_t carry = ordinal;

	out.bits = (uint8_t)full_bits(net);
	for (unsigned i = last; i-- > 0 && carry;) {
		carry += out.bytes[i];
		out.bytes[i] = (uint8_t)(carry & 0xff);
		carry >>= 8;
	}
	return out;
}

uint32_t calico_net_ordinal(const struct calico_net *net, const struct calico_net *address)
{
	struct calico_net first = calico_net_masked(net, net->bits);
	unsigned len = full_bits(net) / 8;
	uint32_t a = 0, b = 0;

	assert(calico_net_contains(net, address));
	for (unsigned i = len - 4; i < len; i++) {
		a = a << 8 | address->bytes[i];
		b = b << 8 | first.bytes[i];
	}
	return a - b;
}

/* By hand: with each change of a large cluster this is asked for tens of thousands of times. */
static char *put_number(char *at, unsigned number)
{
	if (number >= 100)
		*at++ = (char)('0' + number / 100);
	if (number >= 10)
		*at++ = (char)('0' + number / 10 % 10);
	*at++ = (char)('0' + number % 10);
	return at;
}

const char *calico_net_text_cidr(const struct calico_net *net, char *out)
{
	char *at = out;

	if (net->version == 4) {
		for (int i = 0; i < 4; i++) {
			at = put_number(at, net->bytes[i]);
			*at++ = i < 3 ? '.' : '/';
		}
	} else {
		if (net->version)
			inet_ntop(AF_INET6, net->bytes, out, INET6_ADDRSTRLEN);
		else
			*out = '\0';
		at += strlen(out);
		*at++ = '/';
	}
	at = put_number(at, net->bits);
	*at = '\0';
	return out;
}

const char *calico_net_text(const struct calico_net *net, char *out)
{
	calico_net_text_cidr(net, out);
	if (!net->version || net->bits == full_bits(net))
		*strchr(out, '/') = '\0';
	return out;
}
