/*
 * sockaddr: addresses of this host, asked for in a small language of pipes:
 *
 *     GetPrivateIP                     the first private address of the default route's interface
 *     GetInterfaceIP "eth.*"           the first address of interfaces with such a name
 *     GetAllInterfaces | include "type" "IPv4" | exclude "flags" "loopback" | join "address" " "
 *
 * Of the language of go-sockaddr these are the sources, include, exclude, limit, offset, attr and
 * join; what else is asked for is refused by name.
 */
#include <arpa/inet.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "binnacle/base/match.h"
#include "funcs.h"

#define WORDS_MAX 8

struct block {
	int family;
	const char *network;
	int bits;
	bool forwardable; /* routers pass it on */
};

/* Addresses for special purposes: RFC 6890. */
static const struct block special[] = {
	{ AF_INET, "0.0.0.0", 8, false },      { AF_INET, "10.0.0.0", 8, true },
	{ AF_INET, "100.64.0.0", 10, true },   { AF_INET, "127.0.0.0", 8, false },
	{ AF_INET, "169.254.0.0", 16, false }, { AF_INET, "172.16.0.0", 12, true },
	{ AF_INET, "192.0.0.0", 24, false },   { AF_INET, "192.0.2.0", 24, false },
	{ AF_INET, "192.88.99.0", 24, true },  { AF_INET, "192.168.0.0", 16, true },
	{ AF_INET, "198.18.0.0", 15, true },   { AF_INET, "198.51.100.0", 24, false },
	{ AF_INET, "203.0.113.0", 24, false }, { AF_INET, "240.0.0.0", 4, false },
	{ AF_INET6, "::", 127, false },        { AF_INET6, "64:ff9b::", 96, true },
	{ AF_INET6, "::ffff:0:0", 96, false }, { AF_INET6, "100::", 64, true },
	{ AF_INET6, "2001::", 23, false },     { AF_INET6, "2001:db8::", 32, false },
	{ AF_INET6, "2002::", 16, true },      { AF_INET6, "fc00::", 7, true },
	{ AF_INET6, "fe80::", 10, false },
};

/* Private networks: RFC 1918. */
static const struct block private_networks[] = {
	{ AF_INET, "10.0.0.0", 8, true },
	{ AF_INET, "172.16.0.0", 12, true },
	{ AF_INET, "192.168.0.0", 16, true },
};

static int family_of(const struct tmpl_address *address)
{
	return strchr(address->text, ':') ? AF_INET6 : AF_INET;
}

static bool is_within(const struct tmpl_address *address, const struct block *block)
{
	unsigned char own[16] = { 0 }, network[16] = { 0 };
	size_t whole = (size_t)block->bits / 8;
	int rest = block->bits % 8;

	if (family_of(address) != block->family ||
	    inet_pton(block->family, address->text, own) != 1 ||
	    inet_pton(block->family, block->network, network) != 1)
		return false;
	return memcmp(own, network, whole) == 0 &&
	       (!rest || (own[whole] ^ network[whole]) >> (8 - rest) == 0);
}

static const struct block *find_block(const struct tmpl_address *address,
				      const struct block *blocks, size_t count)
{
	for (size_t i = 0; i < count; i++)
		if (is_within(address, &blocks[i]))
			return &blocks[i];
	return NULL;
}

static const struct block *special_of(const struct tmpl_address *address)
{
	return find_block(address, special, sizeof(special) / sizeof(special[0]));
}

static bool is_private(const struct tmpl_address *address)
{
	const struct block *block = special_of(address);

	return address->up && block && block->forwardable;
}

static bool is_public(const struct tmpl_address *address)
{
	return address->up && !special_of(address);
}

/* The list that goes through the pipe. */
struct found {
	const struct tmpl_address **items;
	size_t count;
};

static bool is_default(const struct tmpl_address *address)
{
	return address->default_route;
}

static void keep(struct found *found, bool (*wanted)(const struct tmpl_address *))
{
	size_t kept = 0;

	for (size_t i = 0; i < found->count; i++)
		if (wanted(found->items[i]))
			found->items[kept++] = found->items[i];
	found->count = kept;
}

/* False: failed, the expression is malformed. */
static bool keep_named(struct call *call, struct found *found, const char *pattern, bool wanted)
{
	struct err err = { 0 };
	struct regex *regex = regex_compile(pattern, strlen(pattern), &err);
	size_t kept = 0;
	bool matches, fine = regex != NULL;

	for (size_t i = 0; fine && i < found->count; i++) {
		const char *name = found->items[i]->interface;

		fine = regex_match(regex, name, strlen(name), &matches, &err);
		if (fine && matches == wanted)
			found->items[kept++] = found->items[i];
	}
	found->count = kept;
	regex_free(regex);
	if (!fine)
		call_fail(call, "%s", err.msg);
	return fine;
}

/* 1 yes, 0 no, -1: nobody knows such a property. */
static int has(const struct tmpl_address *address, const char *property, const char *value)
{
	int family = family_of(address);

	if (strcmp(property, "type") == 0) {
		if (strcasecmp(value, "ip") == 0)
			return 1;
		return strcasecmp(value, "ipv4") == 0   ? family == AF_INET
		       : strcasecmp(value, "ipv6") == 0 ? family == AF_INET6
							: -1;
	}
	if (strcmp(property, "rfc") == 0 && strcmp(value, "6890") == 0)
		return special_of(address) != NULL;
	if (strcmp(property, "rfc") == 0 && strcmp(value, "1918") == 0)
		return find_block(address, private_networks,
				  sizeof(private_networks) / sizeof(private_networks[0])) != NULL;
	if (strcmp(property, "flags") == 0 || strcmp(property, "flag") == 0) {
		if (strcmp(value, "up") == 0)
			return address->up;
		if (strcmp(value, "loopback") == 0)
			return address->loopback;
		if (strcmp(value, "forwardable") == 0)
			return !special_of(address) || special_of(address)->forwardable;
	}
	if (strcmp(property, "address") == 0)
		return strcmp(address->text, value) == 0;
	return -1;
}

static bool filter(struct call *call, struct found *found, char **words, size_t count, bool wanted)
{
	size_t kept = 0;

	if (count != 3) {
		call_fail(call, "sockaddr: %s wants a property and a value", words[0]);
		return false;
	}
	if (strcmp(words[1], "name") == 0)
		return keep_named(call, found, words[2], wanted);
	for (size_t i = 0; i < found->count; i++) {
		int answer = has(found->items[i], words[1], words[2]);

		if (answer < 0) {
			call_fail(call, "sockaddr: %s \"%s\" \"%s\" is not supported", words[0],
				  words[1], words[2]);
			return false;
		}
		if ((answer == 1) == wanted)
			found->items[kept++] = found->items[i];
	}
	found->count = kept;
	return true;
}

static const struct tmpl_value *join(struct call *call, const struct found *found,
				     const char *property, const char *between, size_t most)
{
	bool is_name = strcmp(property, "name") == 0;
	struct strbuf out = STRBUF_INIT;

	if (!is_name && strcmp(property, "address") != 0)
		return call_fail(call, "sockaddr: the property \"%s\" is not supported", property);
	for (size_t i = 0; i < found->count && i < most; i++) {
		strbuf_addstr(&out, i ? between : "");
		strbuf_addstr(&out, is_name ? found->items[i]->interface : found->items[i]->text);
	}
	return tmpl_string_from(call->arena, &out);
}

static bool is_word(char *const *words, size_t count, const char *word, size_t wanted)
{
	return count == wanted && strcmp(words[0], word) == 0;
}

/* The first stage. *result: the answer, when it is one already. False: failed. */
static bool start(struct call *call, struct found *found, char **words, size_t count,
		  const struct tmpl_value **result)
{
	const char *name = count ? words[0] : "";
	bool one = count && strlen(name) > 2 && strcmp(name + strlen(name) - 2, "IP") == 0;
	bool all = count && strlen(name) > 3 && strcmp(name + strlen(name) - 3, "IPs") == 0;

	if (is_word(words, count, "GetAllInterfaces", 1)) {
		;
	} else if (is_word(words, count, "GetDefaultInterfaces", 1)) {
		keep(found, is_default);
	} else if (is_word(words, count, "GetPrivateInterfaces", 1) ||
		   is_word(words, count, "GetPrivateIP", 1)) {
		keep(found, is_default);
		keep(found, is_private);
	} else if (is_word(words, count, "GetPublicInterfaces", 1) ||
		   is_word(words, count, "GetPublicIP", 1)) {
		keep(found, is_default);
		keep(found, is_public);
	} else if (is_word(words, count, "GetPrivateIPs", 1)) {
		keep(found, is_private);
	} else if (is_word(words, count, "GetPublicIPs", 1)) {
		keep(found, is_public);
	} else if (is_word(words, count, "GetInterfaceIP", 2) ||
		   is_word(words, count, "GetInterfaceIPs", 2)) {
		if (!keep_named(call, found, words[1], true))
			return false;
	} else {
		call_fail(call, "sockaddr: \"%s\" is not supported", count ? name : "");
		return false;
	}
	if (one || all)
		*result = join(call, found, "address", " ", one ? 1 : SIZE_MAX);
	return true;
}

/* A later stage. */
static bool go_on(struct call *call, struct found *found, char **words, size_t count,
		  const struct tmpl_value **result)
{
	size_t number = count == 2 ? (size_t)strtoul(words[1], NULL, 10) : 0;

	if (count && (strcmp(words[0], "include") == 0 || strcmp(words[0], "exclude") == 0))
		return filter(call, found, words, count, words[0][0] == 'i');
	if (is_word(words, count, "limit", 2)) {
		found->count = number < found->count ? number : found->count;
		return true;
	}
	if (is_word(words, count, "offset", 2)) {
		number = number < found->count ? number : found->count;
		found->items += number;
		found->count -= number;
		return true;
	}
	if (is_word(words, count, "attr", 2))
		*result = join(call, found, words[1], "", 1);
	else if (is_word(words, count, "join", 3))
		*result = join(call, found, words[1], words[2], SIZE_MAX);
	else
		call_fail(call, "sockaddr: \"%s\" is not supported", count ? words[0] : "");
	return *result != NULL;
}

/* The words up to the next pipe, in place; quotes go. */
static size_t take_words(char **at, char **words)
{
	char *to = *at;
	size_t count = 0;

	while (**at && **at != '|') {
		char quote = **at;

		if (quote == ' ' || quote == '\t' || quote == '{' || quote == '}') {
			++*at;
			continue;
		}
		if (count == WORDS_MAX)
			return 0;
		words[count++] = to;
		if (quote == '"' || quote == '`') {
			for (++*at; **at && **at != quote; ++*at)
				*to++ = **at;
			*at += **at == quote;
		} else {
			while (**at && !strchr(" \t|", **at))
				*to++ = *(*at)++;
		}
		if (to == *at && **at == '|') { /* the end of the word is where the pipe is */
			**at = '\0';
			++*at;
			return count;
		}
		if (to == *at && **at)
			++*at;
		*to++ = '\0';
	}
	*at += **at == '|';
	return count;
}

static int compare(const void *a, const void *b)
{
	const struct tmpl_address *one = *(const struct tmpl_address *const *)a;
	const struct tmpl_address *other = *(const struct tmpl_address *const *)b;

	if (one->default_route != other->default_route)
		return one->default_route ? -1 : 1;
	if (family_of(one) != family_of(other))
		return family_of(one) == AF_INET ? -1 : 1;
	return (one > other) - (one < other); /* as the system has them */
}

static const struct tmpl_value *sockaddr_ask(struct call *call)
{
	const struct tmpl_source *source = call_source(call);
	const struct tmpl_value *result = NULL;
	const struct tmpl_address *all;
	struct strbuf text = STRBUF_INIT;
	struct found found = { 0 };
	char *words[WORDS_MAX], *at;

	for (size_t i = 0; i < call->count; i++) {
		strbuf_addstr(&text, i ? " " : "");
		strbuf_add(&text, arg_str(call, i), arg_len(call, i));
	}
	at = arena_strndup(call->arena, text.buf, text.len);
	strbuf_release(&text);
	if (!source->addresses)
		return call_fail(call, "addresses of this host are not looked up here");
	all = source->addresses(source->arg, &found.count);
	found.items = arena_alloc(call->arena, (found.count + 1) * sizeof(*found.items));
	for (size_t i = 0; i < found.count; i++)
		found.items[i] = &all[i];
	qsort(found.items, found.count, sizeof(*found.items), compare);
	for (bool first = true; *at || first; first = false) {
		size_t count = take_words(&at, words);
		bool fine = first ? start(call, &found, words, count, &result)
				  : go_on(call, &found, words, count, &result);

		if (!fine)
			return NULL;
	}
	return result ? result : call_fail(call, "sockaddr: end with attr or join");
}

const struct tmpl_func sockaddr_funcs[] = {
	{ "sockaddr", "s*", sockaddr_ask },
	{ NULL, NULL, NULL },
};
