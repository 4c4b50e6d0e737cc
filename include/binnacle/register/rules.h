/*
 * register/rules.h - what a container asks to have registered. Pure: a document in, services out.
 *
 *     struct register_wanted wanted = { 0 };
 *
 *     register_rules(&options, inspect, NULL, &wanted);
 *     for (size_t i = 0; i < wanted.service_count; i++)
 *         use(&wanted.services[i]);
 *     register_wanted_release(&wanted);
 *
 * The rules are Registrator's (master, 7.4): exposed and published ports, SERVICE_* metadata from
 * environment and labels, names, ids, addresses, tags in reversed order, Consul checks. Where
 * Registrator would lose a service without a word (an attribute that Consul refuses, a network
 * named by its id), the service is registered and a note says what was done. Everything that is
 * left out has a note with the reason and the remedy.
 */
#ifndef BINNACLE_REGISTER_RULES_H
#define BINNACLE_REGISTER_RULES_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/mem.h"

struct http;
struct json;
struct strmap;

enum register_deregister {
	REGISTER_DEREGISTER_ALWAYS,     /* every end of a container removes its services */
	REGISTER_DEREGISTER_ON_SUCCESS, /* exit codes 1 to 127 leave them, until it is destroyed */
	REGISTER_DEREGISTER_NEVER,
};

/* Strings are borrowed by register_rules and copied by registrar_new. NULL equals "". */
struct register_options {
	const char *hostname; /* first part of ids; NULL: this machine's */
	const char *host_ip;  /* stands for 0.0.0.0; NULL: what the hostname resolves to */
	const char *ip;       /* -ip: replaces the host address */
	bool internal;        /* -internal: container address and container port */
	/* Networks whose containers are registered as with `internal`: globs, comma list. */
	const char *internal_networks;
	/* User-defined networks whose published ports get the host's address instead of the
	 * container's, where nothing listens on the host's port: globs, comma list. */
	const char *host_networks;
	/* SERVICE_INTERNAL and SERVICE_IP (also per port) decide for their container. */
	bool container_keys;
	bool explicit_only;            /* -explicit: only with a name in the metadata */
	const char *use_ip_from_label; /* -useIpFromLabel KEY */
	const char *tags;              /* -tags: comma list, a Go template */
	/* Asks for the template's httpGet; NULL: nobody does, and its answers are empty. Borrowed.
	 */
	struct http *http;
	/* For the rules: URL → what it answered (char *). NULL: nothing yet. */
	const struct strmap *fetched;
	bool tags_given_order;    /* keep tags as written instead of Registrator's reversal */
	const char *meta_exclude; /* attributes that stay private: globs, comma list */
	/* Value of an attribute registered-by: what bears it is ours, and nothing else dangles. */
	const char *registered_by;
	enum register_deregister deregister;
	bool keep_removed; /* on-success keeps the services even of a container that is removed */
	bool cleanup;      /* remove registrations of this host that nobody asks for */
	bool follow_networks;  /* look again when a network is connected or disconnected */
	bool follow_renames;   /* a renamed container gets new ids at once, not at its next start */
	bool drain;            /* maintenance from the stop signal to the end (Consul's agent) */
	int64_t ttl_s;         /* 0: none; for registries that know lifetimes */
	int64_t ttl_refresh_s; /* 0: none */
	int64_t resync_ms;     /* 0: 30 s; negative: never */
};

struct register_pair {
	const char *key, *value;
};

/* A Consul check; all members NULL or 0: none. Durations are text, as the container gave them. */
struct register_check {
	const char *http; /* URL, with http:// or https:// */
	const char *method;
	const char *script_args[4]; /* up to the first NULL */
	const char *ttl;
	const char *tcp, *grpc; /* address:port */
	bool grpc_use_tls, tls_skip_verify;
	const char *interval, *timeout, *status, *deregister_after;
};

struct register_service {
	const char *id, *name;
	const char *address; /* "": the consumers take the node's */
	int port;
	const char *const *tags; /* in the order in which they are sent */
	size_t tag_count;
	const struct register_pair *meta; /* sorted by key */
	size_t meta_count;
	struct register_check check;
	const char *container_id, *container_name, *container_hostname;
	int container_port;
	const char *proto; /* "tcp", "udp", "sctp" */
	int64_t ttl_s;
};

enum register_note_kind {
	REGISTER_NOTE_IGNORED, /* a port or the whole container is not registered */
	REGISTER_NOTE_WARNING, /* registered, but probably not as intended */
};

/* What Registrator's own log tells apart. */
enum register_note_reason {
	REGISTER_REASON_NONE,          /* nothing is left out: a warning */
	REGISTER_REASON_NO_PORTS,      /* the container has none */
	REGISTER_REASON_NOT_PUBLISHED, /* a port that the host does not have */
	REGISTER_REASON_LEFT_OUT,      /* by its metadata or by -explicit */
};

struct register_note {
	enum register_note_kind kind;
	enum register_note_reason reason;
	const char *port;    /* "80/tcp"; "": the container */
	const char *service; /* name, "" when there is none */
	const char *text;    /* "80/tcp exposed, not published; network bridge" */
	const char *remedy;  /* "use -internal or -p"; may be "" */
};

struct register_wanted {
	const char *container_id, *container_name; /* name without the leading slash */
	bool running;
	int stop_signal;   /* what asks it to end */
	int64_t exit_code; /* of a container that does not run */
	struct register_service *services;
	size_t service_count, service_cap;
	struct register_note *notes;
	size_t note_count, note_cap;
	/* What the template of the tags asked for and `fetched` does not have. */
	const char **urls;
	size_t url_count, url_cap;
	struct arena arena; /* owns the texts above */
};

/*
 * Compute. inspect: the container's document (GET /containers/ID/json). peer: the document of
 * the container whose network it shares (register_peer), NULL when there is none. A container
 * that does not run wants nothing. `out` must be empty.
 */
void register_rules(const struct register_options *options, const struct json *inspect,
		    const struct json *peer, struct register_wanted *out);
void register_wanted_release(struct register_wanted *wanted);

/* For NetworkMode "container:X" X, the container whose document the rules need; else NULL. */
const char *register_peer(const struct json *inspect);

/* Refuse options that cannot work, with Registrator's sentences; the -tags template too. */
bool register_options_check(const struct register_options *options, struct err *err);

bool register_check_exists(const struct register_check *check);

/* Equal in everything that is sent. */
bool register_service_equal(const struct register_service *a, const struct register_service *b);

/* Does a shell-like pattern (`*`, `?`) of a comma list match? An empty list matches nothing. */
bool register_glob_list(const char *list, const char *text);

#endif
