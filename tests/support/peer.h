/*
 * peer.h - a scripted HTTP server for conversation tests, in the same process and loop.
 *
 *     struct peer *peer = peer_new(loop);                      // or peer_new_unix(loop, path)
 *     peer_answer(peer, "GET /v1/status/leader", 200, NULL, "\"10.0.0.1:8300\"");
 *     peer_script(peer, &(struct peer_reply){ .request = "GET /v1/kv/a", .status = 200,
 *                 .headers = "X-Consul-Index: 7\r\n", .body = "[]", .times = 1 });
 *     client = client_new(loop, http, peer_address(peer), ...);
 *     assert_true(run_until(loop, &seen.answered));
 *     assert_string_equal(peer_request(peer, 0)->target, "/v1/status/leader");
 *     peer_free(peer);
 *
 * Replies are tried in the order in which they were added; the first that matches the request
 * and is not used up answers it. `request` is "METHOD /path": it matches when the request line
 * starts with it and goes on with its end, '?' or '&'; a trailing '*' matches anything that
 * follows. A request that no reply matches is answered with 404 - or, after peer_hold(peer),
 * waits until a matching reply is added: that is how blocking queries and long polls are played.
 *
 * Everything happens in turns of the loop; nothing blocks, no time is spent except in delay_ms.
 */
#ifndef BINNACLE_TESTS_PEER_H
#define BINNACLE_TESTS_PEER_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

struct loop;
struct peer;

enum peer_fault {
	PEER_WELL,   /* a proper answer with Content-Length; the connection stays open */
	PEER_CUT,    /* the same, but the connection is closed after cut_after bytes of all */
	PEER_HANG,   /* no answer, the connection stays open */
	PEER_RAW,    /* `body` is all that is sent, header included; then closed */
	PEER_DRIP,   /* the proper answer, one byte per turn of the loop */
	PEER_FLOOD,  /* the header of an endless body, then bytes without end */
	PEER_STREAM, /* 200, chunked, `body` (may be NULL) as the first chunk; then peer_push */
};

/* Strings are copied. */
struct peer_reply {
	const char *request;
	int status;          /* 0: 200 */
	const char *headers; /* more lines, each with "\r\n"; may be NULL */
	const char *body;    /* NULL: empty */
	size_t body_len;     /* 0: strlen(body) */
	unsigned times;      /* 0: for ever */
	int64_t delay_ms;
	enum peer_fault fault;
	size_t cut_after;
};

struct peer_request {
	char *method, *target; /* target: path with the query, as it came */
	char *headers;         /* raw lines */
	char *body;
	size_t body_len;
};

struct peer *peer_new(struct loop *loop); /* on a free port of 127.0.0.1 */
struct peer *peer_new_unix(struct loop *loop, const char *path);
void peer_free(struct peer *peer);
const char *peer_address(const struct peer *peer); /* "127.0.0.1:4711", "unix:///path" */
const char *peer_url(const struct peer *peer);     /* "http://127.0.0.1:4711", "unix:///path" */

void peer_script(struct peer *peer, const struct peer_reply *reply);
/* A proper answer, for ever. headers and body may be NULL. */
void peer_answer(struct peer *peer, const char *request, int status, const char *headers,
		 const char *body);
/* Forget all replies: the script of the next act. Requests that wait go on waiting. */
void peer_forget(struct peer *peer);
/* From now on requests without a reply wait. */
void peer_hold(struct peer *peer);
size_t peer_waiting(const struct peer *peer); /* how many wait now, PEER_HANG included */

/* One more chunk on every open stream; end them in order, or break them off. */
void peer_push(struct peer *peer, const char *bytes, size_t len);
void peer_end_streams(struct peer *peer);
size_t peer_streams(const struct peer *peer);

/* An outage: refuse connections and drop all there are; then listen again on the same place. */
void peer_down(struct peer *peer);
void peer_up(struct peer *peer);
/* Only drop the connections. */
void peer_drop(struct peer *peer);

/* What was asked so far. NULL past the last; borrowed until the next request comes. */
size_t peer_request_count(const struct peer *peer);
const struct peer_request *peer_request(const struct peer *peer, size_t index);
size_t peer_connection_count(const struct peer *peer); /* accepted since the start */
/* How many requests were for "METHOD /path" (matched as in a reply). */
size_t peer_asked(const struct peer *peer, const char *request);
/* A header of a request; false when absent. */
bool peer_header(const struct peer_request *request, const char *name, char *out, size_t size);

/* Turn the loop until *flag, for at most 10 s of real time (then false). */
bool run_until(struct loop *loop, const bool *flag);
/* The same until check(arg). */
bool run_until_true(struct loop *loop, bool (*check)(void *arg), void *arg);
/* Turn for ms of real time; for showing that nothing more happens. */
void run_for(struct loop *loop, int ms);

#endif
