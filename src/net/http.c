/*
 * libcurl's multi interface as a client of the loop: it tells which sockets it waits for
 * (on_curl_socket) and when it wants to be called at the latest (on_curl_timer); the loop calls
 * back into curl_multi_socket_action. After each such call the finished transfers are collected
 * and the ready list is worked off (see transfer.h for why).
 *
 * Reference: libcurl, "curl_multi_socket_action".
 */
#include "binnacle/net/http.h"

#include <assert.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/un.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/digest.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/endpoint.h"

#include "dial.h"
#include "transfer.h"

#define CONNECT_TIMEOUT_MS   5000
#define KEPT_CONNECTIONS     512 /* more than there are long polls, each of which keeps one */
#define KEEPALIVE_IDLE_S     60
#define KEEPALIVE_INTERVAL_S 20

struct http {
	struct loop *loop;
	CURLM *multi;
	struct loop_timer *timer;
	struct loop_deferred *kick; /* ready transfers that no socket will tell of */
	struct transfer *first;
	struct transfer *ready_first, *ready_last;
	bool *freed; /* set while the ready list is worked off */
	struct dials dials;
};

struct http_call {
	struct transfer transfer;
	http_done_fn *done;
	void *arg;
};

static void mark_ready(struct transfer *transfer)
{
	struct http *http = transfer->http;

	if (transfer->is_ready)
		return;
	transfer->is_ready = true;
	transfer->ready_next = NULL;
	transfer->ready_prev = http->ready_last;
	if (http->ready_last)
		http->ready_last->ready_next = transfer;
	else
		http->ready_first = transfer;
	http->ready_last = transfer;
}

static void unmark_ready(struct transfer *transfer)
{
	struct http *http = transfer->http;

	if (!transfer->is_ready)
		return;
	transfer->is_ready = false;
	if (transfer->ready_prev)
		transfer->ready_prev->ready_next = transfer->ready_next;
	else
		http->ready_first = transfer->ready_next;
	if (transfer->ready_next)
		transfer->ready_next->ready_prev = transfer->ready_prev;
	else
		http->ready_last = transfer->ready_prev;
}

/* Take it away from libcurl and from our lists; the memory stays. */
static void detach(struct transfer *transfer)
{
	struct http *http = transfer->http;

	if (!http)
		return;
	unmark_ready(transfer);
	if (transfer->prev)
		transfer->prev->next = transfer->next;
	else
		http->first = transfer->next;
	if (transfer->next)
		transfer->next->prev = transfer->prev;
	transfer->http = NULL;
	if (transfer->easy) {
		curl_multi_remove_handle(http->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
		transfer->easy = NULL;
	}
	dial_leave(&transfer->dial);
}

static void destroy(struct transfer *transfer)
{
	detach(transfer);
	curl_slist_free_all(transfer->headers);
	curl_slist_free_all(transfer->connect_to);
	free(transfer->peer);
	for (char **arg = transfer->dial_argv; arg && *arg; arg++)
		free(*arg);
	free(transfer->dial_argv);
	strbuf_release(&transfer->head);
	strbuf_release(&transfer->body);
	transfer->release(transfer);
}

void transfer_cancel(struct transfer *transfer)
{
	if (!transfer->running) {
		destroy(transfer);
		return;
	}
	transfer->cancelled = true;
	detach(transfer);
}

static void run_ready(struct http *http)
{
	bool freed = false;

	http->freed = &freed;
	while (http->ready_first) {
		struct transfer *transfer = http->ready_first;

		unmark_ready(transfer);
		transfer->running = true;
		transfer->ready(transfer);
		transfer->running = false;
		if (transfer->cancelled || transfer->finished)
			destroy(transfer);
		if (freed)
			return;
	}
	http->freed = NULL;
}

static void collect_finished(struct http *http)
{
	CURLMsg *message;
	int left;

	while ((message = curl_multi_info_read(http->multi, &left))) {
		struct transfer *transfer = NULL;
		CURLcode code = message->data.result;

		if (message->msg != CURLMSG_DONE)
			continue;
		curl_easy_getinfo(message->easy_handle, CURLINFO_PRIVATE, (char **)&transfer);
		transfer->finished = true;
		if (code != CURLE_OK)
			transfer_explain(transfer, code);
		/* Hand the connection back now; `message` is gone with this call. */
		curl_multi_remove_handle(http->multi, transfer->easy);
		curl_easy_cleanup(transfer->easy);
		transfer->easy = NULL;
		dial_leave(&transfer->dial);
		mark_ready(transfer);
	}
}

static void act(struct http *http, curl_socket_t socket, int events)
{
	int running;

	curl_multi_socket_action(http->multi, socket, events, &running);
	collect_finished(http);
	run_ready(http);
}

static void on_socket(void *arg, int fd, unsigned events)
{
	act(arg, fd,
	    (events & LOOP_READ ? CURL_CSELECT_IN : 0) |
		    (events & LOOP_WRITE ? CURL_CSELECT_OUT : 0));
}

static void on_timer(void *arg)
{
	struct http *http = arg;

	http->timer = NULL;
	act(http, CURL_SOCKET_TIMEOUT, 0);
}

static void on_kick(void *arg)
{
	struct http *http = arg;

	http->kick = NULL;
	run_ready(http);
}

static int on_curl_socket(CURL *easy, curl_socket_t fd, int what, void *arg, void *socket_arg)
{
	struct http *http = arg;
	struct loop_fd *watch = socket_arg;
	unsigned events =
		(what & CURL_POLL_IN ? LOOP_READ : 0u) | (what & CURL_POLL_OUT ? LOOP_WRITE : 0u);

	(void)easy;
	if (what == CURL_POLL_REMOVE) {
		loop_fd_remove(&watch);
		curl_multi_assign(http->multi, fd, NULL);
	} else if (watch) {
		loop_fd_set(watch, events);
	} else {
		watch = loop_fd_add(http->loop, fd, events, on_socket, http);
		curl_multi_assign(http->multi, fd, watch);
	}
	return 0;
}

static int on_curl_timer(CURLM *multi, long timeout_ms, void *arg)
{
	struct http *http = arg;

	(void)multi;
	loop_timer_stop(&http->timer);
	if (timeout_ms >= 0)
		http->timer = loop_timer_start(http->loop, timeout_ms, on_timer, http);
	return 0;
}

/* The connection is a program's: libcurl gets our end of its standard input and output. */
static curl_socket_t on_curl_open_socket(void *arg, curlsocktype purpose,
					 struct curl_sockaddr *address)
{
	struct transfer *transfer = arg;
	struct sockaddr_un ours;
	int fd;

	(void)purpose;
	dial_leave(&transfer->dial);
	transfer->dial = dial_open(&transfer->http->dials, transfer->http->loop,
				   transfer->dial_argv, &fd, &ours, &transfer->dial_err);
	if (!transfer->dial)
		return CURL_SOCKET_BAD;
	/* There is room for any kind of address, whatever the type says. */
	memcpy((char *)address + offsetof(struct curl_sockaddr, addr), &ours, sizeof(ours));
	address->addrlen = sizeof(ours);
	return fd;
}

/* May come long after the transfer: connections are kept. */
static int on_curl_close_socket(void *arg, curl_socket_t fd)
{
	struct http *http = arg;

	return dial_close(&http->dials, fd) ? 0 : close(fd);
}

static bool is_blank_line(const char *line, size_t len)
{
	return (len == 2 && line[0] == '\r' && line[1] == '\n') || (len == 1 && line[0] == '\n');
}

/* One header line at a time. Each answer of a chain ("100 Continue" first) starts afresh. */
static size_t on_curl_header(char *line, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t len = size * count;
	long status = 0;

	if (transfer->head_complete) /* trailers of a chunked body */
		return len;
	if (transfer->head.len + len > LIMIT_HTTP_HEADERS) {
		transfer->head_too_large = true;
		return 0;
	}
	if (len >= 5 && memcmp(line, "HTTP/", 5) == 0) {
		strbuf_reset(&transfer->head);
		return len;
	}
	if (!is_blank_line(line, len)) {
		strbuf_add(&transfer->head, line, len);
		return len;
	}
	curl_easy_getinfo(transfer->easy, CURLINFO_RESPONSE_CODE, &status);
	if (status >= 200) {
		transfer->status = (int)status;
		transfer->head_complete = true;
		if (transfer->streaming)
			mark_ready(transfer);
	}
	return len;
}

static size_t on_curl_body(char *bytes, size_t size, size_t count, void *arg)
{
	struct transfer *transfer = arg;
	size_t len = size * count;

	if (len > transfer->body_limit - transfer->body.len) {
		transfer->too_large = true;
		return 0;
	}
	strbuf_add(&transfer->body, bytes, len);
	if (transfer->streaming)
		mark_ready(transfer);
	return len;
}

static bool add_header(struct transfer *transfer, const char *line)
{
	if (line[strcspn(line, "\r\n")])
		return err_set(&transfer->err, ERR_INPUT,
			       "a header for %s holds a line break: check the token",
			       transfer->peer);
	transfer->headers = curl_slist_append(transfer->headers, line);
	return true;
}

static void set_method(CURL *easy, const struct http_request *request)
{
	const char *method = request->method ? request->method : "GET";
	bool has_body = request->body != NULL;
	bool plain = strcmp(method, "GET") == 0 || strcmp(method, "DELETE") == 0;

	if (strcmp(method, "HEAD") == 0) {
		curl_easy_setopt(easy, CURLOPT_NOBODY, 1L);
		return;
	}
	/* A PUT or POST without a body says so with "Content-Length: 0". */
	if (has_body || !plain) {
		curl_easy_setopt(easy, CURLOPT_POSTFIELDSIZE_LARGE,
				 (curl_off_t)(has_body ? request->body_len : 0));
		curl_easy_setopt(easy, CURLOPT_COPYPOSTFIELDS, has_body ? request->body : "");
	}
	curl_easy_setopt(easy, CURLOPT_CUSTOMREQUEST, method);
}

static bool set_headers(struct transfer *transfer, const struct endpoint *endpoint,
			const struct http_request *request)
{
	char *type = xasprintf("Content-Type:%s%s", request->body ? " " : "",
			       !request->body          ? ""
			       : request->content_type ? request->content_type
						       : "application/json");
	bool ok = add_header(transfer, type) && add_header(transfer, "Expect:");

	free(type);
	if (ok && endpoint->header)
		ok = add_header(transfer, endpoint->header);
	for (size_t i = 0; ok && request->headers && request->headers[i]; i++)
		ok = add_header(transfer, request->headers[i]);
	return ok;
}

static bool is_loopback(const char *base_url)
{
	const char *host = strstr(base_url, "://");
	size_t len;

	host = host ? host + 3 : base_url;
	if (text_starts_with(host, "[::1]") || text_starts_with(host, "127."))
		return true;
	len = strcspn(host, ":/");
	return len == strlen("localhost") && strncasecmp(host, "localhost", len) == 0;
}

/*
 * A server name other than the host of the address: libcurl takes the name to verify from the
 * URL, so the URL gets the name, CONNECT_TO says where that really is, and the Host header stays
 * that of the address.
 */
static bool set_server_name(struct transfer *transfer, const struct endpoint *endpoint,
			    struct strbuf *url)
{
	const char *host = endpoint->base_url + strlen("https://");
	size_t len = strcspn(host, "/");
	const char *bracket = host[0] == '[' ? memchr(host, ']', len) : NULL;
	const char *colon = memchr(bracket ? bracket : host, ':',
				   len - (bracket ? (size_t)(bracket - host) : 0));
	int host_len = (int)(colon ? (size_t)(colon - host) : len);
	int port_len = colon ? (int)(len - (size_t)host_len - 1) : 3;
	const char *port = colon ? colon + 1 : "443";
	char *line = xasprintf("::%.*s:%.*s", host_len, host, port_len, port);
	bool ok;

	transfer->connect_to = curl_slist_append(NULL, line);
	free(line);
	strbuf_addf(url, "https://%s:%.*s%s", endpoint->server_name, port_len, port, host + len);
	line = xasprintf("Host: %.*s", (int)len, host);
	ok = add_header(transfer, line);
	free(line);
	curl_easy_setopt(transfer->easy, CURLOPT_CONNECT_TO, transfer->connect_to);
	return ok;
}

static bool set_url(struct transfer *transfer, const struct endpoint *endpoint, const char *path)
{
	struct strbuf url = STRBUF_INIT;
	bool ok = true;

	if (endpoint->server_name && endpoint->server_name[0] &&
	    text_starts_with(endpoint->base_url, "https://"))
		ok = set_server_name(transfer, endpoint, &url);
	else
		strbuf_addstr(&url, endpoint->base_url);
	strbuf_addstr(&url, path);
	curl_easy_setopt(transfer->easy, CURLOPT_URL, url.buf);
	strbuf_release(&url);
	return ok;
}

static void set_security(CURL *easy, const struct endpoint *endpoint)
{
	/* What libcurl speaks besides HTTP is none of our business. */
#if LIBCURL_VERSION_NUM >= 0x075500
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS_STR, "http,https");
#else
	curl_easy_setopt(easy, CURLOPT_PROTOCOLS, (long)(CURLPROTO_HTTP | CURLPROTO_HTTPS));
#endif
	if (endpoint->user) {
		curl_easy_setopt(easy, CURLOPT_HTTPAUTH, (long)CURLAUTH_BASIC);
		curl_easy_setopt(easy, CURLOPT_USERNAME, endpoint->user);
		curl_easy_setopt(easy, CURLOPT_PASSWORD,
				 endpoint->password ? endpoint->password : "");
	}
	if (endpoint->ca_file)
		curl_easy_setopt(easy, CURLOPT_CAINFO, endpoint->ca_file);
	if (endpoint->ca_path)
		curl_easy_setopt(easy, CURLOPT_CAPATH, endpoint->ca_path);
	if (endpoint->cert_file)
		curl_easy_setopt(easy, CURLOPT_SSLCERT, endpoint->cert_file);
	if (endpoint->key_file)
		curl_easy_setopt(easy, CURLOPT_SSLKEY, endpoint->key_file);
	if (endpoint->no_verify) {
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYPEER, 0L);
		curl_easy_setopt(easy, CURLOPT_SSL_VERIFYHOST, 0L);
	}
}

/*
 * libcurl believes in a Unix socket: that saves it the name lookup, and its path, which nobody
 * opens, tells the connections of different programs apart.
 */
static void set_dial(struct transfer *transfer, const struct endpoint *endpoint)
{
	struct strbuf text = STRBUF_INIT;
	char hex[DIGEST_HEX_BYTES];
	size_t count = 0;

	for (; endpoint->dial[count]; count++)
		strbuf_add(&text, endpoint->dial[count], strlen(endpoint->dial[count]) + 1);
	transfer->dial_argv = xcalloc(count + 1, sizeof(*transfer->dial_argv));
	for (size_t i = 0; i < count; i++)
		transfer->dial_argv[i] = xstrdup(endpoint->dial[i]);
	digest_sha256_hex(text.buf, text.len, hex);
	strbuf_reset(&text);
	strbuf_addf(&text, "/dial/%.32s", hex);
	curl_easy_setopt(transfer->easy, CURLOPT_UNIX_SOCKET_PATH, text.buf);
	strbuf_release(&text);
	curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETFUNCTION, on_curl_open_socket);
	curl_easy_setopt(transfer->easy, CURLOPT_OPENSOCKETDATA, transfer);
	curl_easy_setopt(transfer->easy, CURLOPT_CLOSESOCKETFUNCTION, on_curl_close_socket);
	curl_easy_setopt(transfer->easy, CURLOPT_CLOSESOCKETDATA, transfer->http);
}

static void set_transport(struct transfer *transfer, const struct endpoint *endpoint)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_NOSIGNAL, 1L);
	curl_easy_setopt(easy, CURLOPT_HTTP_VERSION, (long)CURL_HTTP_VERSION_1_1);
	curl_easy_setopt(easy, CURLOPT_USERAGENT, "binnacle/" BINNACLE_VERSION);
	/* A long poll through a peer that vanished would otherwise wait for ever. */
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPALIVE, 1L);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPIDLE, (long)KEEPALIVE_IDLE_S);
	curl_easy_setopt(easy, CURLOPT_TCP_KEEPINTVL, (long)KEEPALIVE_INTERVAL_S);
	if (endpoint->dial)
		set_dial(transfer, endpoint);
	else if (endpoint->unix_socket)
		curl_easy_setopt(easy, CURLOPT_UNIX_SOCKET_PATH, endpoint->unix_socket);
	if (endpoint->dial || endpoint->unix_socket || is_loopback(endpoint->base_url))
		curl_easy_setopt(easy, CURLOPT_PROXY, "");
	curl_easy_setopt(easy, CURLOPT_CONNECTTIMEOUT_MS, (long)transfer->connect_timeout_ms);
	if (transfer->timeout_ms > 0)
		curl_easy_setopt(easy, CURLOPT_TIMEOUT_MS, (long)transfer->timeout_ms);
}

static void set_callbacks(struct transfer *transfer)
{
	CURL *easy = transfer->easy;

	curl_easy_setopt(easy, CURLOPT_PRIVATE, transfer);
	curl_easy_setopt(easy, CURLOPT_ERRORBUFFER, transfer->curl_error);
	curl_easy_setopt(easy, CURLOPT_HEADERFUNCTION, on_curl_header);
	curl_easy_setopt(easy, CURLOPT_HEADERDATA, transfer);
	curl_easy_setopt(easy, CURLOPT_WRITEFUNCTION, on_curl_body);
	curl_easy_setopt(easy, CURLOPT_WRITEDATA, transfer);
	if (!transfer->streaming) /* refuses by Content-Length, before the body comes */
		curl_easy_setopt(easy, CURLOPT_MAXFILESIZE_LARGE, (curl_off_t)transfer->body_limit);
}

void transfer_start(struct transfer *transfer, struct http *http, const struct endpoint *endpoint,
		    const struct http_request *request)
{
	transfer->http = http;
	transfer->next = http->first;
	if (http->first)
		http->first->prev = transfer;
	http->first = transfer;
	strbuf_init(&transfer->head);
	strbuf_init(&transfer->body);
	transfer->peer = xstrdup(endpoint_describe(endpoint));
	transfer->started_ms = clock_mono_ms();
	transfer->timeout_ms = request->timeout_ms;
	transfer->connect_timeout_ms =
		request->connect_timeout_ms ? request->connect_timeout_ms : CONNECT_TIMEOUT_MS;
	transfer->body_limit = request->body_limit ? request->body_limit : LIMIT_HTTP_BODY;

	transfer->easy = curl_easy_init();
	assert(transfer->easy);
	set_method(transfer->easy, request);
	set_security(transfer->easy, endpoint);
	set_transport(transfer, endpoint);
	set_callbacks(transfer);
	if (request->compressed)
		curl_easy_setopt(transfer->easy, CURLOPT_ACCEPT_ENCODING, "gzip");
	if (set_headers(transfer, endpoint, request) &&
	    set_url(transfer, endpoint, request->path)) {
		curl_easy_setopt(transfer->easy, CURLOPT_HTTPHEADER, transfer->headers);
		curl_multi_add_handle(http->multi, transfer->easy);
		return;
	}
	transfer->finished = true;
	mark_ready(transfer);
	if (!http->kick)
		http->kick = loop_defer(http->loop, on_kick, http);
}

struct http *http_new(struct loop *loop)
{
	static bool initialized;
	struct http *http = xcalloc(1, sizeof(*http));

	if (!initialized) {
		CURLcode code = curl_global_init(CURL_GLOBAL_ALL);

		assert(code == CURLE_OK);
		initialized = true;
	}
	http->loop = loop;
	http->multi = curl_multi_init();
	assert(http->multi);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETFUNCTION, on_curl_socket);
	curl_multi_setopt(http->multi, CURLMOPT_SOCKETDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERFUNCTION, on_curl_timer);
	curl_multi_setopt(http->multi, CURLMOPT_TIMERDATA, http);
	curl_multi_setopt(http->multi, CURLMOPT_MAXCONNECTS, (long)KEPT_CONNECTIONS);
	return http;
}

void http_free(struct http *http)
{
	if (!http)
		return;
	while (http->first)
		transfer_cancel(http->first);
	curl_multi_cleanup(http->multi);
	dials_release(&http->dials);
	loop_timer_stop(&http->timer);
	loop_deferred_cancel(&http->kick);
	if (http->freed)
		*http->freed = true;
	free(http);
}

void http_set_max_connections(struct http *http, long per_host)
{
	curl_multi_setopt(http->multi, CURLMOPT_MAX_HOST_CONNECTIONS, per_host);
}

static void call_ready(struct transfer *transfer)
{
	struct http_call *call = (struct http_call *)transfer;
	struct http_answer answer = { 0 };

	if (transfer->err.code != ERR_NONE) {
		call->done(call->arg, NULL, &transfer->err);
		return;
	}
	answer.status = transfer->status;
	answer.took_ms = clock_mono_ms() - transfer->started_ms;
	answer.body = transfer->body;
	answer.headers = transfer->head;
	strbuf_init(&transfer->body);
	strbuf_init(&transfer->head);
	call->done(call->arg, &answer, NULL);
	strbuf_release(&answer.body);
	strbuf_release(&answer.headers);
}

static void call_release(struct transfer *transfer)
{
	free(transfer);
}

struct http_call *http_start(struct http *http, const struct endpoint *endpoint,
			     const struct http_request *request, http_done_fn *done, void *arg)
{
	struct http_call *call = xcalloc(1, sizeof(*call));

	call->done = done;
	call->arg = arg;
	call->transfer.ready = call_ready;
	call->transfer.release = call_release;
	transfer_start(&call->transfer, http, endpoint, request);
	return call;
}

void http_cancel(struct http_call **call)
{
	if (!*call)
		return;
	transfer_cancel(&(*call)->transfer);
	*call = NULL;
}

bool http_header(const struct http_answer *answer, const char *name, char *out, size_t size)
{
	size_t name_len = strlen(name);
	const char *line = answer->headers.buf;
	const char *end = line + answer->headers.len;

	assert(size > 0);
	while (line < end) {
		const char *eol = memchr(line, '\n', (size_t)(end - line));
		const char *stop = eol ? eol : end;

		if ((size_t)(stop - line) > name_len && line[name_len] == ':' &&
		    strncasecmp(line, name, name_len) == 0) {
			const char *value = line + name_len + 1;
			size_t len;

			while (value < stop && (*value == ' ' || *value == '\t'))
				value++;
			while (stop > value && strchr(" \t\r", stop[-1]))
				stop--;
			len = (size_t)(stop - value);
			if (len >= size)
				len = size - 1;
			memcpy(out, value, len);
			out[len] = '\0';
			return true;
		}
		line = stop + 1;
	}
	return false;
}

static enum err_code code_of_status(int status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
	case 412:
		return ERR_CONFLICT;
	default:
		return ERR_REFUSED;
	}
}

bool http_refused(struct err *err, const char *what, const struct http_answer *answer)
{
	const char *body = answer->body.buf;
	int len;

	while (*body && strchr(" \t\r\n", *body))
		body++;
	len = (int)strcspn(body, "\r\n");
	while (len > 0 && (body[len - 1] == ' ' || body[len - 1] == '\t'))
		len--;
	if (len == 0)
		return err_set(err, code_of_status(answer->status), "%s: status %d", what,
			       answer->status);
	return err_set(err, code_of_status(answer->status), "%s: status %d: %.*s", what,
		       answer->status, len > 300 ? 300 : len, body);
}
