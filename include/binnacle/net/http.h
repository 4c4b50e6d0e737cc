/*
 * net/http.h - HTTP requests over libcurl's multi interface.
 *
 *     call = http_start(http, &endpoint, &(struct http_request){ .path = "/v1/status/leader",
 *                       .timeout_ms = 5000 }, on_leader, state, &err);
 *     ...
 *     http_cancel(&call);
 *
 * The completion rules are those of loop/loop.h. An answer with any HTTP status is an answer:
 * err is set only when no whole answer came (resolve, connect, timeout, broken off:
 * ERR_UNREACHABLE), when it was too large or malformed (ERR_FORMAT), or when the request itself
 * cannot be sent (ERR_INPUT). Connections are kept and reused; `max_connections` bounds those to
 * one peer. No redirects are followed, no proxy is used for Unix sockets and the loopback.
 *
 * A handle is gone when its completion has returned: the completion must forget it. Cancelling
 * it from inside its own completion is allowed and does nothing.
 */
#ifndef BINNACLE_NET_HTTP_H
#define BINNACLE_NET_HTTP_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct endpoint;
struct http;
struct http_call;
struct http_stream;
struct loop;

struct http_request {
	const char *method; /* NULL: GET */
	const char *path;   /* with the query; already escaped */
	const void *body;   /* copied; NULL: none */
	size_t body_len;
	const char *content_type;   /* NULL: application/json when there is a body */
	const char *const *headers; /* more "Name: value" lines, NULL-terminated; may be NULL */
	int64_t timeout_ms;         /* whole request; 0: none (long polls: the caller's timer) */
	int64_t connect_timeout_ms; /* 0: 5 seconds */
	size_t body_limit;          /* 0: LIMIT_HTTP_BODY; of the body as it is handed over */
	bool compressed;            /* the peer may answer with gzip; the body comes unpacked */
};

struct http_answer {
	int status;
	struct strbuf body;    /* may be detached by the completion */
	struct strbuf headers; /* raw header lines; read with http_header */
	int64_t took_ms;
};

/* answer: NULL when err is set. err: NULL when an answer came. Both borrowed. */
typedef void http_done_fn(void *arg, struct http_answer *answer, const struct err *err);

struct http *http_new(struct loop *loop);
void http_free(struct http *http); /* cancels what is under way */
void http_set_max_connections(struct http *http, long per_host);

/* The endpoint and the request are copied as far as needed. Never fails at once. */
struct http_call *http_start(struct http *http, const struct endpoint *endpoint,
			     const struct http_request *request, http_done_fn *done, void *arg);
void http_cancel(struct http_call **call); /* NULL allowed; sets NULL */

/* A header's value copied into `out` (at most size - 1 bytes); false when absent. Names are
 * compared without case. */
bool http_header(const struct http_answer *answer, const char *name, char *out, size_t size);

/*
 * Endless answers. `line` runs for each line of the body (without its newline, at most
 * LIMIT_EVENT_LINE, else the stream ends with ERR_FORMAT). `end` runs once: with err NULL when
 * the peer closed in order, else why; status is that of the answer, 0 when none came. For a
 * status other than 200 the body goes to `end` as `text` instead of lines. `open` runs once
 * when the header has come with status 200; may be NULL. With `data` set, `line` is not used:
 * the bytes of the body come as they arrive, cut anywhere and unlimited, for formats that are
 * not lines. The bytes are borrowed and end with a NUL.
 */
struct http_stream_events {
	void (*open)(void *arg);
	void (*line)(void *arg, const char *line, size_t len);
	void (*data)(void *arg, const char *bytes, size_t len);
	void (*end)(void *arg, int status, const char *text, const struct err *err);
};
struct http_stream *http_stream_start(struct http *http, const struct endpoint *endpoint,
				      const struct http_request *request,
				      const struct http_stream_events *events, void *arg);
void http_stream_cancel(struct http_stream **stream);

/* Fill err from an answer that says no: 401 and 403 ERR_DENIED, 404 ERR_NOT_FOUND, 409 and 412
 * ERR_CONFLICT, others ERR_REFUSED; the message has the status and the first line of the body. */
bool http_refused(struct err *err, const char *what, const struct http_answer *answer);

#endif
