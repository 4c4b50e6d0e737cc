/* What the files of this folder share: the members and their order. */
#ifndef ETCD_PRIVATE_H
#define ETCD_PRIVATE_H

#include <stddef.h>

#include "binnacle/etcd/etcd.h"
#include "binnacle/net/endpoint.h"

enum {
	ETCD_CONNECT_TIMEOUT_MS = 2500,
	ETCD_REQUEST_TIMEOUT_MS = 10000,
};

struct members {
	struct endpoint *items;
	size_t count;
	size_t current; /* the member that answered last */
	int64_t timeout_ms;
};

/* With `basic`, each request carries the login. */
bool members_fill(struct members *members, const struct etcd_config *config, bool basic,
		  struct err *err);
void members_release(struct members *members);
/* Go on with the next member, unless somebody has done so already. */
void members_failed(struct members *members, size_t member);
bool etcd_config_has_login(const struct etcd_config *config);

struct etcd {
	struct loop *loop;
	struct http *http;
	struct members members;
	size_t users; /* calls and watches under way */
};

/* "/v2/keys" and the key, percent-encoded. */
void etcd_add_path(struct strbuf *out, const char *key);

#endif
