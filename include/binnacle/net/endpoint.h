/*
 * net/endpoint.h - where a peer listens and how to prove who we are.
 *
 * Plain data; secrets (token, password) are in here, so it is never printed whole: use
 * endpoint_describe for messages.
 */
#ifndef BINNACLE_NET_ENDPOINT_H
#define BINNACLE_NET_ENDPOINT_H

#include <stdbool.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct endpoint {
	char *base_url; /* "http://127.0.0.1:8500", "https://…", "http://docker" for a socket */
	char *unix_socket; /* path, or NULL */
	/* A program whose standard input and output are the connection, one run of it each:
	 * NULL-terminated argv, and what messages call it ("ssh://host"); or NULL. */
	char **dial, *dial_name;
	char *user, *password; /* basic authentication; NULL: none */
	char *header;          /* one extra "Name: value", e.g. a token; or NULL */
	char *ca_file, *ca_path, *cert_file, *key_file, *server_name;
	bool no_verify;
};

/*
 * From what operators write: "host:port", "http://host:port", "https://…", "tcp://host:port"
 * (Docker), "unix:///path". With `tls`, http:// and tcp:// become https. default_port is added to
 * an address without a port unless it says http:// or https://, whose ports are fixed; 0: none.
 * `endpoint` is a zeroed value; only base_url and unix_socket are filled.
 */
bool endpoint_parse(struct endpoint *endpoint, const char *text, bool tls, int default_port,
		    struct err *err);
void endpoint_release(struct endpoint *endpoint);
/* Reach the peer through a program, under this name. Copied. `endpoint` is a zeroed value. */
void endpoint_set_dial(struct endpoint *endpoint, const char *const *argv, const char *name);
/* "127.0.0.1:8500" or "unix:/run/docker.sock": for messages, without secrets. Borrowed from the
 * endpoint, or valid until the fourth call from now. */
const char *endpoint_describe(const struct endpoint *endpoint);

/* Append one path segment or query value, percent-encoded; '/' is encoded too. */
void url_escape(struct strbuf *out, const char *text);
/* The same, but '/' stays: for key paths. */
void url_escape_path(struct strbuf *out, const char *text);
/* The same as Go's net/url writes paths: `$ & + , : ; = @` stay, too. For peers whose other clients
 * are written in Go. */
void url_escape_as_go(struct strbuf *out, const char *text);

#endif
