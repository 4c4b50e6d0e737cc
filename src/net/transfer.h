/*
 * transfer.h - one request under way, as the calls and streams of this folder share it.
 *
 * libcurl's own callbacks only collect bytes and put the transfer on the ready list. When
 * libcurl has returned, the list is worked off: `ready` of each transfer runs, and only from
 * there the callbacks of our callers. So they may start, cancel and free whatever they like
 * without libcurl being on the stack.
 */
#ifndef BINNACLE_NET_TRANSFER_H
#define BINNACLE_NET_TRANSFER_H

#include <curl/curl.h>
#include <stdbool.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/net/http.h"

struct dial;

struct transfer {
	struct http *http;
	struct transfer *prev, *next;             /* all transfers of http */
	struct transfer *ready_prev, *ready_next; /* the ready list, when is_ready */
	bool is_ready;

	CURL *easy;
	struct curl_slist *headers, *connect_to;
	char curl_error[CURL_ERROR_SIZE];
	char *peer;        /* for messages */
	char **dial_argv;  /* the connection is a program's (dial.h); or NULL */
	struct dial *dial; /* that was started for this transfer; NULL: none, or one was kept */
	struct err dial_err;
	int64_t started_ms, timeout_ms, connect_timeout_ms;

	struct strbuf head; /* header lines of the (last) answer */
	bool head_complete;
	int status; /* 0 until head_complete */
	struct strbuf body;
	size_t body_limit;
	bool too_large; /* the body or the header was */
	bool head_too_large;

	bool finished; /* libcurl is done: err says how */
	struct err err;

	bool running;   /* `ready` is on the stack */
	bool cancelled; /* meanwhile it was cancelled: touch nothing of the caller's any more */

	bool streaming; /* wants `ready` for parts, too */
	void (*ready)(struct transfer *transfer);
	void (*release)(struct transfer *transfer); /* frees what encloses the transfer */
};

/* Start it; `transfer` is a zeroed member of the caller's struct with the two functions set. */
void transfer_start(struct transfer *transfer, struct http *http, const struct endpoint *endpoint,
		    const struct http_request *request);
/* Fill err: libcurl has ended it with this code. */
void transfer_explain(struct transfer *transfer, CURLcode code);
/* End it at once and release it, or have it released when `ready` returns. */
void transfer_cancel(struct transfer *transfer);

#endif
