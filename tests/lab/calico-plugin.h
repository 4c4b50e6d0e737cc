/*
 * calico-plugin.h - the parts of the lab's stand-in for Calico's Docker plugin
 *
 * One process per lab host answers Docker on two unix sockets: calico.sock (libnetwork's remote
 * driver) and calico-ipam.sock (its remote IPAM driver). What Calico keeps in etcd (v2 API) is
 * kept there in the same form. calico-plugin.c is the server, -etcd.c the HTTP client side,
 * -ipam.c the address blocks, -network.c endpoints, interfaces and labels.
 *
 * Requests are handled one after the other; only the search for a new endpoint's labels runs
 * beside them, in a process of its own.
 */
#ifndef LAB_CALICO_PLUGIN_H
#define LAB_CALICO_PLUGIN_H

#include <stdbool.h>
#include <stddef.h>

#include <cjson/cJSON.h>

struct plugin {
	const char *node;          /* the node's name in Calico's keys */
	const char *address;       /* its IPv4 address */
	const char *etcd;          /* base URL */
	const char *docker_socket; /* of this host's Docker, for the labels */
	const char *scope;         /* "global" or "local" */
	const char *pool;          /* a.b.c.d/len, made when missing */
	const char *part;          /* where this node's new blocks are taken from */
};

/* The answer to one of Docker's calls. Filled in by exactly one of the two functions below. */
struct reply {
	cJSON *json; /* owned; NULL after reply_fail */
	char error[512];
};

void reply_fail(struct reply *reply, const char *format, ...) __attribute__((format(printf, 2, 3)));

/* ---- calico-plugin-etcd.c ---- */

/* What came back; status 0 means nobody answered. The body is owned, NUL-terminated, never NULL. */
struct http_answer {
	long status;
	char *body;
	size_t body_len;
};

void http_answer_release(struct http_answer *answer);

/* A GET of `path` from the daemon that listens on a unix socket. */
void docker_get(const char *socket, const char *path, struct http_answer *answer);

enum etcd_result {
	ETCD_OK,
	ETCD_MISSING,     /* no such key */
	ETCD_CONFLICT,    /* a condition did not hold: changed since, or exists already */
	ETCD_NOT_EMPTY,   /* the directory has entries */
	ETCD_UNREACHABLE, /* nobody answered, or the answer was an error of the server */
};

/* The words Calico's client has for a result; for messages. */
const char *etcd_result_text(enum etcd_result result);

/* Reads a key. *value is owned by the caller; *index (may be NULL) is its modifiedIndex. */
enum etcd_result etcd_get(const char *base, const char *key, char **value, long long *index);

/* Reads a directory's node object with all below it. The caller deletes *node. */
enum etcd_result etcd_list(const char *base, const char *key, cJSON **node);

enum etcd_condition { ETCD_ALWAYS, ETCD_CREATE, ETCD_UPDATE, ETCD_IF_INDEX };

/* Writes a key. `index` counts only with ETCD_IF_INDEX; ttl_s 0 means for good. */
enum etcd_result etcd_put(const char *base, const char *key, const char *value,
			  enum etcd_condition condition, long long index, int ttl_s);

enum etcd_result etcd_delete(const char *base, const char *key);
enum etcd_result etcd_delete_dir(const char *base, const char *key);

/* ---- calico-plugin-ipam.c ---- */

void ipam_request_pool(const struct plugin *p, const cJSON *request, struct reply *reply);
void ipam_request_address(const struct plugin *p, const cJSON *request, struct reply *reply);
void ipam_release_address(const struct plugin *p, const cJSON *request, struct reply *reply);

/* ---- calico-plugin-network.c ---- */

void network_create(const struct plugin *p, const cJSON *request, struct reply *reply);
void network_create_endpoint(const struct plugin *p, const cJSON *request, struct reply *reply);
void network_delete_endpoint(const struct plugin *p, const cJSON *request, struct reply *reply);
void network_join(const struct plugin *p, const cJSON *request, struct reply *reply);
void network_leave(const struct plugin *p, const cJSON *request, struct reply *reply);

/* Blocks: looks for the container of an endpoint and copies its Calico labels into etcd. */
void network_label_endpoint(const struct plugin *p, const char *network_id,
			    const char *endpoint_id);

/* ---- calico-plugin.c ---- */

/* Runs network_label_endpoint in a process of its own. */
void plugin_label_later(const struct plugin *p, const char *network_id, const char *endpoint_id);

#endif
