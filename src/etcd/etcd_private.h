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
	int64_t idle_ms;
	struct etcd3 *v3; /* does all the work when the API is v3 */
	enum etcd_api api;
	struct etcd_call *held; /* newest last */
	size_t users;           /* calls and watches under way */
};

struct etcd_call {
	struct etcd *etcd;
	const char *method;
	char *key;
	unsigned flags; /* of a GET */
	char *value;    /* of a PUT */
	struct etcd_condition condition;
	char *absent_key; /* of the condition */
	etcd_fn *done;
	void *arg;
	struct etcd_call *next_held;
	bool is_held;

	/* Of the v2 API */
	char *path, *body;
	size_t member, tried;
	bool is_read;
	struct http_call *http;

	/* Of the v3 API (as_v3.c) */
	struct etcd3_call *v3;
	struct loop_deferred *deferred;
};

/* End it: frees it and runs its completion. doc is taken; NULL when err is set. */
void etcd_call_finish(struct etcd_call *call, struct json *doc, const struct etcd_meta *meta,
		      const struct err *err);

/* "/v2/keys" and the key, percent-encoded. */
void etcd_add_path(struct strbuf *out, const char *key);

/* as_v3.c: begin a call over the v3 API. */
void etcd_start_v3(struct etcd_call *call);
/* What a recursive get of `key` reads: everything that starts with this. */
char *etcd_prefix_v3(const char *key);

#endif
