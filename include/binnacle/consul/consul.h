/*
 * consul/consul.h - one Consul agent: requests and blocking queries.
 *
 *     consul = consul_new(loop, http, &config, &err);
 *     call = consul_get(consul, "/v1/agent/self", on_self, state);
 *     watch = consul_watch_start(consul, "/v1/health/service/web?passing=1", on_web, state);
 *     ...
 *     consul_watch_stop(&watch);
 *     consul_free(consul);
 *
 * Paths are escaped by the caller (net/endpoint.h: url_escape). The completion rules are those
 * of loop/loop.h. The token travels in a header and is never logged.
 *
 * A watch repeats one blocking query for ever: it sends the last index it saw, the agent answers
 * when that index moves or the wait time ends; `changed` runs when the data differs from the
 * last answer, and when an outage begins (doc NULL, err set) or ends (the data again, even when
 * unchanged). Errors never end a watch, they delay it (250 ms doubled up to 60 s); an error of
 * another kind (unreachable, then denied) begins another outage. The index is started over when
 * it goes back, an index of 0 counts as 1, and no watch asks more often than every 100 ms, so that
 * a busy index cannot make it spin. An endpoint that does not block (its answers have no index)
 * is asked every 15 s.
 *
 * One client holds at most 8 connections, because an agent takes 200 from an address by default and
 * counts those of everybody who runs there: of its requests, 8 are under way and 6 of them are
 * blocking queries. What is more waits for its turn. With more than 6 watches the queries become
 * shorter and take turns, each keeping its index, so that a change is noticed later but never
 * missed; whoever needs many things at once asks for them in bulk when a few watches say so.
 *
 * ERR_UNREACHABLE: the agent does not answer, or answers that there is no cluster leader.
 * ERR_DENIED: names where the token came from, never the token.
 *
 * Reference: Consul HTTP API, "Blocking Queries" and "Consistency Modes".
 */
#ifndef BINNACLE_CONSUL_CONSUL_H
#define BINNACLE_CONSUL_CONSUL_H

#include <stdbool.h>
#include <stdint.h>

#include "binnacle/base/err.h"

struct consul;
struct consul_call;
struct consul_watch;
struct http;
struct json;
struct loop;
struct strbuf;

struct consul_config {
	const char *address;    /* NULL or "": $CONSUL_HTTP_ADDR, else 127.0.0.1:8500 */
	const char *token;      /* NULL: token_file, $CONSUL_HTTP_TOKEN, $CONSUL_HTTP_TOKEN_FILE */
	const char *token_file; /* read once, by consul_new */
	const char *auth;       /* "user:password"; NULL: $CONSUL_HTTP_AUTH */
	bool tls;               /* also $CONSUL_HTTP_SSL */
	bool no_verify;         /* also $CONSUL_HTTP_SSL_VERIFY=false */
	/* NULL: $CONSUL_CACERT, _CAPATH, _CLIENT_CERT, _CLIENT_KEY, _TLS_SERVER_NAME */
	const char *ca_file, *ca_path, *cert_file, *key_file, *server_name;
	int64_t wait_ms;                     /* of blocking queries; 0: 60 s */
	int64_t max_stale_ms;                /* see CONSUL_WATCH_STALE; 0: 2 s */
	int64_t retry_base_ms, retry_max_ms; /* delays of a watch after errors; 0: 250 ms, 60 s */
	/* A watch has failed for the n-th time in a row (from 1) and will ask again; NULL allowed.
	 */
	void (*retrying)(void *arg, const char *path, unsigned attempt, const struct err *err);
	void *retrying_arg;
};

struct consul_meta {
	uint64_t index;
	int64_t last_contact_ms;
	bool known_leader;
	int64_t took_ms; /* 0 for a watch's answer */
};

/* doc: NULL when err is set, or when the answer has no body. A 404 is ERR_NOT_FOUND. */
typedef void consul_fn(void *arg, const struct json *doc, const struct consul_meta *meta,
		       const struct err *err);

struct consul *consul_new(struct loop *loop, struct http *http, const struct consul_config *config,
			  struct err *err);
void consul_free(struct consul *consul); /* calls and watches must have been ended */
const char *consul_address(const struct consul *consul); /* for messages */

/* One answer, once, within 10 s. */
struct consul_call *consul_get(struct consul *consul, const char *path, consul_fn *done, void *arg);
/* method "PUT" or "DELETE"; body NULL: empty. body is copied. */
struct consul_call *consul_send(struct consul *consul, const char *method, const char *path,
				const char *body, consul_fn *done, void *arg);
/* One answer as the bytes of its body, for what is too large to be parsed at once: the completion
 * may detach them. `compressed`: they travel as gzip, which spares the wire and costs the agent
 * time. body: NULL when err is set. */
typedef void consul_body_fn(void *arg, struct strbuf *body, const struct consul_meta *meta,
			    const struct err *err);
struct consul_call *consul_get_body(struct consul *consul, const char *path, bool compressed,
				    consul_body_fn *done, void *arg);
void consul_call_cancel(struct consul_call **call); /* NULL allowed; sets NULL */

/*
 * The path may have a query; `wait`, `index` (and `stale` when the flag says so) are added. A
 * 404 counts as data for key paths: doc NULL, err NULL. With CONSUL_WATCH_STALE any server may
 * answer; one that is older than max_stale_ms is dropped and asked for again from the leader.
 */
enum consul_watch_flags {
	CONSUL_WATCH_STALE = 1,
	CONSUL_WATCH_404_IS_DATA = 2,
	/* Also run `changed` when only the index moved: the list of services, for one, keeps its
	 * text when an instance of a known service comes or goes, but its index moves. */
	CONSUL_WATCH_INDEX = 4,
};
struct consul_watch *consul_watch_start(struct consul *consul, const char *path, unsigned flags,
					consul_fn *changed, void *arg);
void consul_watch_stop(struct consul_watch **watch); /* NULL allowed; sets NULL */
/* Another owner goes on with the watch where it is. */
void consul_watch_hand_over(struct consul_watch *watch, unsigned flags, consul_fn *changed,
			    void *arg);
/* Has it had an answer, and no outage since? */
bool consul_watch_is_current(const struct consul_watch *watch);
/* Requests under way and watches that wait for their turn; what operators see as "connections". */
struct consul_load {
	size_t calls, watches, waiting_watches;
};
void consul_load(const struct consul *consul, struct consul_load *out);
/* Time of the last proof of life: an answer, changed or not; 0: none yet. Monotonic. */
int64_t consul_watch_alive_ms(const struct consul_watch *watch);

#endif
