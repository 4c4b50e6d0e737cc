/* What the files of this folder share: the members and their order. */
#ifndef ETCD_PRIVATE_H
#define ETCD_PRIVATE_H

#include <stddef.h>

#include "binnacle/etcd/etcd.h"
#include "binnacle/net/endpoint.h"

struct etcd {
	struct loop *loop;
	struct http *http;
	struct endpoint *members;
	size_t member_count;
	size_t current; /* the member that answered last */
	size_t users;   /* calls and watches under way */
};

/* "/v2/keys" and the key, percent-encoded. */
void etcd_add_path(struct strbuf *out, const char *key);
/* Go on with the next member, unless somebody has done so already. */
void etcd_member_failed(struct etcd *etcd, size_t member);

#endif
