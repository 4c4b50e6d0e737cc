/*
 * Endless answers, cut into lines. What libcurl received waits in transfer.body; stream_ready
 * hands out the complete lines and keeps the rest (or hands out all, to those who want bytes). The
 * body limit of the transfer only bounds what one call into libcurl may bring; the limit of a line
 * is checked here.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/limits.h"
#include "binnacle/base/mem.h"
#include "binnacle/net/http.h"

#include "transfer.h"

struct http_stream {
	struct transfer transfer;
	struct http_stream_events events;
	void *arg;
	bool opened;
};

/* Keep the last `len` bytes of the body. */
static void keep_tail(struct strbuf *body, size_t len)
{
	memmove(body->buf, body->buf + body->len - len, len);
	strbuf_setlen(body, len);
}

static bool hand_out_lines(struct http_stream *stream)
{
	struct transfer *transfer = &stream->transfer;
	struct strbuf *body = &transfer->body;
	size_t start = 0;

	while (start < body->len) {
		char *line = body->buf + start;
		char *eol = memchr(line, '\n', body->len - start);
		size_t len = eol ? (size_t)(eol - line) : body->len - start;

		if (len > LIMIT_EVENT_LINE)
			return err_set(&transfer->err, ERR_FORMAT,
				       "a line from %s is longer than %u KiB", transfer->peer,
				       LIMIT_EVENT_LINE >> 10);
		if (!eol)
			break;
		*eol = '\0';
		start += len + 1;
		stream->events.line(stream->arg, line, len);
		if (transfer->cancelled)
			return false;
	}
	keep_tail(body, body->len - start);
	return true;
}

static bool hand_out(struct http_stream *stream)
{
	struct transfer *transfer = &stream->transfer;

	if (!stream->events.data)
		return hand_out_lines(stream);
	if (transfer->body.len > 0) {
		stream->events.data(stream->arg, transfer->body.buf, transfer->body.len);
		if (transfer->cancelled)
			return false;
		strbuf_reset(&transfer->body);
	}
	return true;
}

static void finish(struct http_stream *stream)
{
	struct transfer *transfer = &stream->transfer;
	bool failed = transfer->err.code != ERR_NONE;

	transfer->finished = true;
	stream->events.end(stream->arg, transfer->status,
			   transfer->status == 200 ? "" : transfer->body.buf,
			   failed ? &transfer->err : NULL);
}

static void stream_ready(struct transfer *transfer)
{
	struct http_stream *stream = (struct http_stream *)transfer;
	struct strbuf *body = &transfer->body;

	if (transfer->status == 200 && !stream->opened) {
		stream->opened = true;
		if (stream->events.open)
			stream->events.open(stream->arg);
		if (transfer->cancelled)
			return;
	}
	if (transfer->status == 200 && !hand_out(stream)) {
		if (!transfer->cancelled)
			finish(stream);
		return;
	}
	if (!transfer->finished)
		return;
	/* The last line may lack its newline, but not when the answer broke off inside it. */
	if (transfer->status == 200 && transfer->err.code == ERR_NONE && body->len > 0) {
		stream->events.line(stream->arg, body->buf, body->len);
		if (transfer->cancelled)
			return;
	}
	finish(stream);
}

static void stream_release(struct transfer *transfer)
{
	free(transfer);
}

struct http_stream *http_stream_start(struct http *http, const struct endpoint *endpoint,
				      const struct http_request *request,
				      const struct http_stream_events *events, void *arg)
{
	struct http_stream *stream = xcalloc(1, sizeof(*stream));

	assert((events->line || events->data) && events->end);
	stream->events = *events;
	stream->arg = arg;
	stream->transfer.streaming = true;
	stream->transfer.ready = stream_ready;
	stream->transfer.release = stream_release;
	transfer_start(&stream->transfer, http, endpoint, request);
	return stream;
}

void http_stream_cancel(struct http_stream **stream)
{
	if (!*stream)
		return;
	transfer_cancel(&(*stream)->transfer);
	*stream = NULL;
}
