/*
 * registrator_uri.h - Registrator's registry URIs, and the registry that one names.
 */
#ifndef BINNACLE_APP_REGISTRATOR_URI_H
#define BINNACLE_APP_REGISTRATOR_URI_H

#include <stdbool.h>

#include "binnacle/base/err.h"

struct consul;
struct etcd;
struct etcd3;
struct http;
struct loop;
struct registry;

/* User, query and fragment are passed over: they may hold secrets, and mean nothing here. */
struct registrator_uri {
	char *scheme; /* lower case; "": there is none */
	char *host;   /* with the port, as written */
	char *path;   /* decoded, with its first slash */
};

/* A malformed URI: "bad adapter uri: ...". Release also after failure. */
bool registrator_uri_parse(const char *text, struct registrator_uri *out, struct err *err);
void registrator_uri_release(struct registrator_uri *uri);

struct registrator_backend {
	struct consul *consul; /* one of these */
	struct etcd *etcd;
	struct etcd3 *etcd3;
	struct registry *registry;
	bool must_answer_first; /* Registrator asks it before anything else, and only once */
};

/* Contacts nobody. An unknown scheme: "unrecognized adapter: ...". Release also after failure. */
bool registrator_backend_open(struct registrator_backend *out, const struct registrator_uri *uri,
			      struct loop *loop, struct http *http, struct err *err);
void registrator_backend_release(struct registrator_backend *backend);

/*
 * Pure: where the registry of a URI is to be found, as the clients of consul/ and etcd/ take it;
 * "" leaves it to the environment. The caller frees it.
 */
char *registrator_uri_address(const struct registrator_uri *uri);

#endif
