#include "support/peer.h"

#include <arpa/inet.h>
#include <assert.h>
#include <errno.h>
#include <netinet/in.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <sys/socket.h>
#include <sys/un.h>
#include <time.h>
#include <unistd.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/loop/loop.h"

enum { FLOOD_CHUNK = 65536, REAL_LIMIT_MS = 40000 };

struct rule {
	struct peer_reply reply; /* strings owned */
	unsigned left;
	bool for_ever;
};

struct conn {
	struct peer *peer;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *delay;
	struct loop_deferred *pump; /* serve what has been received already */
	struct strbuf in, out;
	size_t sent;
	struct peer_request asked; /* borrowed; method NULL: none is being answered */
	struct rule *delayed;
	enum peer_fault fault;
	bool waiting, streaming, flooding, close_after;
};

struct peer {
	struct loop *loop;
	char *address, *url, *path;
	int port;
	int fd;
	struct loop_fd *watch;
	bool hold;
	struct rule **rules;
	size_t rule_count, rule_cap;
	struct rule **old;
	size_t old_count, old_cap;
	struct conn **conns;
	size_t conn_count, conn_cap;
	struct peer_request *requests;
	size_t request_count, request_cap;
	size_t accepted;
};

static void conn_serve(struct conn *conn);

static void conn_free(struct conn *conn)
{
	struct peer *peer = conn->peer;

	for (size_t i = 0; i < peer->conn_count; i++) {
		if (peer->conns[i] == conn)
			peer->conns[i] = peer->conns[--peer->conn_count];
	}
	loop_fd_remove(&conn->watch);
	loop_timer_stop(&conn->delay);
	loop_deferred_cancel(&conn->pump);
	close(conn->fd);
	strbuf_release(&conn->in);
	strbuf_release(&conn->out);
	free(conn);
}

/* Push out what we have; false when the connection is gone. */
static bool conn_flush(struct conn *conn)
{
	bool more;

	for (;;) {
		size_t left = conn->out.len - conn->sent;
		ssize_t n;

		if (left == 0 && conn->flooding) {
			strbuf_reset(&conn->out);
			conn->sent = 0;
			strbuf_addchars(&conn->out, 'x', FLOOD_CHUNK);
			left = FLOOD_CHUNK;
		}
		if (left == 0)
			break;
		if (conn->fault == PEER_DRIP)
			left = 1;
		n = send(conn->fd, conn->out.buf + conn->sent, left, MSG_NOSIGNAL);
		if (n < 0 && errno == EAGAIN)
			break;
		if (n < 0) {
			conn_free(conn);
			return false;
		}
		conn->sent += (size_t)n;
		if (conn->fault == PEER_DRIP || conn->flooding)
			break; /* the rest in later turns */
	}
	more = conn->sent < conn->out.len || conn->flooding;
	if (!more) {
		strbuf_reset(&conn->out);
		conn->sent = 0;
		if (conn->close_after) {
			conn_free(conn);
			return false;
		}
	}
	loop_fd_set(conn->watch, LOOP_READ | (more ? LOOP_WRITE : 0u));
	return true;
}

static bool matches(const char *pattern, const struct peer_request *request)
{
	char *line = xasprintf("%s %s", request->method, request->target);
	size_t len = strlen(pattern);
	bool ok;

	if (len > 0 && pattern[len - 1] == '*')
		ok = strncmp(line, pattern, len - 1) == 0;
	else
		ok = strncmp(line, pattern, len) == 0 &&
		     (line[len] == '\0' || line[len] == '?' || line[len] == '&');
	free(line);
	return ok;
}

static struct rule *find_rule(struct peer *peer, const struct peer_request *request)
{
	for (size_t i = 0; i < peer->rule_count; i++) {
		struct rule *rule = peer->rules[i];

		if ((rule->for_ever || rule->left > 0) && matches(rule->reply.request, request))
			return rule;
	}
	return NULL;
}

static void conn_reply(struct conn *conn, const struct rule *rule)
{
	const struct peer_reply *reply = &rule->reply;
	int status = reply->status ? reply->status : 200;

	conn->waiting = false;
	conn->fault = reply->fault;
	switch (reply->fault) {
	case PEER_HANG:
		conn->waiting = true;
		return;
	case PEER_RAW:
		strbuf_add(&conn->out, reply->body, reply->body_len);
		conn->close_after = true;
		break;
	case PEER_FLOOD:
		strbuf_addf(&conn->out, "HTTP/1.1 %d Flood\r\n%s\r\n", status, reply->headers);
		conn->flooding = true;
		break;
	case PEER_STREAM:
		strbuf_addf(&conn->out,
			    "HTTP/1.1 %d Stream\r\n%sTransfer-Encoding: chunked\r\n\r\n", status,
			    reply->headers);
		if (reply->body_len > 0) {
			strbuf_addf(&conn->out, "%zx\r\n", reply->body_len);
			strbuf_add(&conn->out, reply->body, reply->body_len);
			strbuf_addstr(&conn->out, "\r\n");
		}
		conn->streaming = true;
		break;
	case PEER_WELL:
	case PEER_CUT:
	case PEER_DRIP:
		strbuf_addf(&conn->out, "HTTP/1.1 %d Scripted\r\n%sContent-Length: %zu\r\n\r\n",
			    status, reply->headers, reply->body_len);
		strbuf_add(&conn->out, reply->body, reply->body_len);
		if (reply->fault == PEER_CUT) {
			if (reply->cut_after < conn->out.len)
				strbuf_setlen(&conn->out, reply->cut_after);
			conn->close_after = true;
		}
	}
	conn->asked = (struct peer_request){ 0 };
	if (conn_flush(conn))
		conn_serve(conn);
}

static void on_delay(void *arg)
{
	struct conn *conn = arg;
	struct rule *rule = conn->delayed;

	conn->delay = NULL;
	conn->delayed = NULL;
	conn_reply(conn, rule);
}

static const struct rule not_found = {
	.reply = { .status = 404, .headers = "", .body = "no reply in the script", .body_len = 22 },
};

static void conn_decide(struct conn *conn)
{
	struct rule *rule = find_rule(conn->peer, &conn->asked);

	if (!rule && conn->peer->hold) {
		conn->waiting = true;
		return;
	}
	if (!rule) {
		conn_reply(conn, &not_found);
		return;
	}
	if (!rule->for_ever)
		rule->left--;
	if (rule->reply.delay_ms > 0) {
		conn->delayed = rule;
		conn->delay =
			loop_timer_start(conn->peer->loop, rule->reply.delay_ms, on_delay, conn);
		return;
	}
	conn_reply(conn, rule);
}

bool peer_header(const struct peer_request *request, const char *name, char *out, size_t size)
{
	size_t len = strlen(name);

	for (const char *line = request->headers; line && *line;) {
		size_t line_len = strcspn(line, "\r\n");

		if (strncasecmp(line, name, len) == 0 && line[len] == ':') {
			const char *value = line + len + 1;

			value += strspn(value, " ");
			snprintf(out, size, "%.*s", (int)(line + line_len - value), value);
			return true;
		}
		line += line_len;
		line += strspn(line, "\r\n");
	}
	return false;
}

/* Take one whole request from the front of conn->in; false when it is not all there yet. */
static bool conn_take_request(struct conn *conn)
{
	struct peer *peer = conn->peer;
	const char *head_end = memmem(conn->in.buf, conn->in.len, "\r\n\r\n", 4);
	struct peer_request request = { 0 };
	size_t head_len, all;
	const char *space, *second, *eol;
	char length[32];

	if (!head_end)
		return false;
	head_len = (size_t)(head_end - conn->in.buf) + 4;
	eol = strstr(conn->in.buf, "\r\n");
	space = strchr(conn->in.buf, ' ');
	assert(space && space < eol);
	second = strchr(space + 1, ' ');
	assert(second && second < eol);
	request.headers = xstrndup(eol + 2, head_len - (size_t)(eol + 2 - conn->in.buf));
	if (peer_header(&request, "Content-Length", length, sizeof(length)))
		request.body_len = (size_t)atol(length);
	all = head_len + request.body_len;
	if (conn->in.len < all) {
		free(request.headers);
		return false;
	}
	request.method = xstrndup(conn->in.buf, (size_t)(space - conn->in.buf));
	request.target = xstrndup(space + 1, (size_t)(second - space - 1));
	request.body = xstrndup(conn->in.buf + head_len, request.body_len);
	memmove(conn->in.buf, conn->in.buf + all, conn->in.len - all);
	strbuf_setlen(&conn->in, conn->in.len - all);
	GROW(peer->requests, peer->request_count, peer->request_cap);
	peer->requests[peer->request_count++] = request;
	conn->asked = request;
	return true;
}

static bool conn_is_busy(const struct conn *conn)
{
	return conn->asked.method || conn->out.len > 0 || conn->streaming || conn->flooding ||
	       conn->close_after;
}

static void conn_serve(struct conn *conn)
{
	if (!conn_is_busy(conn) && conn_take_request(conn))
		conn_decide(conn);
}

static void on_conn(void *arg, int fd, unsigned events)
{
	struct conn *conn = arg;
	char chunk[65536];

	if (events & LOOP_WRITE && (conn->out.len > 0 || conn->flooding)) {
		if (!conn_flush(conn))
			return;
	}
	if (events & LOOP_READ) {
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n == 0 || (n < 0 && errno != EAGAIN)) {
			conn_free(conn);
			return;
		}
		if (n > 0)
			strbuf_add(&conn->in, chunk, (size_t)n);
	}
	conn_serve(conn);
}

static void on_accept(void *arg, int fd, unsigned events)
{
	struct peer *peer = arg;
	struct conn *conn;
	int client = accept4(fd, NULL, NULL, SOCK_CLOEXEC | SOCK_NONBLOCK);

	(void)events;
	if (client < 0)
		return;
	peer->accepted++;
	conn = xcalloc(1, sizeof(*conn));
	conn->peer = peer;
	conn->fd = client;
	strbuf_init(&conn->in);
	strbuf_init(&conn->out);
	conn->watch = loop_fd_add(peer->loop, client, LOOP_READ, on_conn, conn);
	GROW(peer->conns, peer->conn_count, peer->conn_cap);
	peer->conns[peer->conn_count++] = conn;
}

void peer_up(struct peer *peer)
{
	int one = 1;
	int rc;

	assert(!peer->watch);
	if (peer->path) {
		struct sockaddr_un address = { .sun_family = AF_UNIX };

		peer->fd = socket(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		snprintf(address.sun_path, sizeof(address.sun_path), "%s", peer->path);
		unlink(peer->path);
		rc = bind(peer->fd, (struct sockaddr *)&address, sizeof(address));
	} else {
		struct sockaddr_in address = { .sin_family = AF_INET,
					       .sin_port = htons((uint16_t)peer->port),
					       .sin_addr.s_addr = htonl(INADDR_LOOPBACK) };
		socklen_t len = sizeof(address);

		peer->fd = socket(AF_INET, SOCK_STREAM | SOCK_CLOEXEC | SOCK_NONBLOCK, 0);
		setsockopt(peer->fd, SOL_SOCKET, SO_REUSEADDR, &one, sizeof(one));
		rc = bind(peer->fd, (struct sockaddr *)&address, sizeof(address));
		getsockname(peer->fd, (struct sockaddr *)&address, &len);
		peer->port = ntohs(address.sin_port);
	}
	assert(rc == 0);
	rc = listen(peer->fd, 64);
	assert(rc == 0);
	peer->watch = loop_fd_add(peer->loop, peer->fd, LOOP_READ, on_accept, peer);
}

void peer_drop(struct peer *peer)
{
	while (peer->conn_count > 0)
		conn_free(peer->conns[peer->conn_count - 1]);
}

void peer_down(struct peer *peer)
{
	peer_drop(peer);
	if (!peer->watch)
		return;
	loop_fd_remove(&peer->watch);
	close(peer->fd);
	if (peer->path)
		unlink(peer->path);
}

struct peer *peer_new(struct loop *loop)
{
	struct peer *peer = xcalloc(1, sizeof(*peer));

	peer->loop = loop;
	peer_up(peer);
	peer->address = xasprintf("127.0.0.1:%d", peer->port);
	peer->url = xasprintf("http://%s", peer->address);
	return peer;
}

struct peer *peer_new_unix(struct loop *loop, const char *path)
{
	struct peer *peer = xcalloc(1, sizeof(*peer));

	peer->loop = loop;
	peer->path = xstrdup(path);
	peer->address = xasprintf("unix://%s", path);
	peer->url = xstrdup(peer->address);
	peer_up(peer);
	return peer;
}

static void free_rules(struct rule **rules, size_t count)
{
	for (size_t i = 0; i < count; i++) {
		free((char *)rules[i]->reply.request);
		free((char *)rules[i]->reply.headers);
		free((char *)rules[i]->reply.body);
		free(rules[i]);
	}
	free(rules);
}

void peer_free(struct peer *peer)
{
	if (!peer)
		return;
	peer_down(peer);
	free_rules(peer->rules, peer->rule_count);
	free_rules(peer->old, peer->old_count);
	for (size_t i = 0; i < peer->request_count; i++) {
		free(peer->requests[i].method);
		free(peer->requests[i].target);
		free(peer->requests[i].headers);
		free(peer->requests[i].body);
	}
	free(peer->requests);
	free(peer->conns);
	free(peer->address);
	free(peer->url);
	free(peer->path);
	free(peer);
}

const char *peer_address(const struct peer *peer)
{
	return peer->address;
}

const char *peer_url(const struct peer *peer)
{
	return peer->url;
}

static void on_pump(void *arg)
{
	struct conn *conn = arg;

	conn->pump = NULL;
	if (conn->waiting && conn->fault != PEER_HANG) {
		conn->waiting = false;
		conn_decide(conn);
	}
}

void peer_script(struct peer *peer, const struct peer_reply *reply)
{
	struct rule *rule = xcalloc(1, sizeof(*rule));
	size_t len = reply->body_len ? reply->body_len : reply->body ? strlen(reply->body) : 0;

	rule->reply = *reply;
	rule->reply.request = xstrdup(reply->request);
	rule->reply.headers = xstrdup(reply->headers ? reply->headers : "");
	rule->reply.body = xstrndup(reply->body ? reply->body : "", len);
	rule->reply.body_len = len;
	rule->left = reply->times;
	rule->for_ever = reply->times == 0;
	GROW(peer->rules, peer->rule_count, peer->rule_cap);
	peer->rules[peer->rule_count++] = rule;
	for (size_t i = 0; i < peer->conn_count; i++) {
		struct conn *conn = peer->conns[i];

		if (conn->waiting && !conn->pump)
			conn->pump = loop_defer(peer->loop, on_pump, conn);
	}
}

void peer_answer(struct peer *peer, const char *request, int status, const char *headers,
		 const char *body)
{
	peer_script(peer, &(struct peer_reply){ .request = request,
						.status = status,
						.headers = headers,
						.body = body });
}

void peer_forget(struct peer *peer)
{
	/* Kept, because an answer that is delayed may still point to one. */
	for (size_t i = 0; i < peer->rule_count; i++) {
		GROW(peer->old, peer->old_count, peer->old_cap);
		peer->old[peer->old_count++] = peer->rules[i];
	}
	peer->rule_count = 0;
}

void peer_hold(struct peer *peer)
{
	peer->hold = true;
}

size_t peer_waiting(const struct peer *peer)
{
	size_t count = 0;

	for (size_t i = 0; i < peer->conn_count; i++)
		count += peer->conns[i]->waiting;
	return count;
}

void peer_push(struct peer *peer, const char *bytes, size_t len)
{
	for (size_t i = peer->conn_count; i-- > 0;) {
		struct conn *conn = peer->conns[i];

		if (!conn->streaming)
			continue;
		strbuf_addf(&conn->out, "%zx\r\n", len);
		strbuf_add(&conn->out, bytes, len);
		strbuf_addstr(&conn->out, "\r\n");
		conn_flush(conn);
	}
}

void peer_end_streams(struct peer *peer)
{
	for (size_t i = peer->conn_count; i-- > 0;) {
		struct conn *conn = peer->conns[i];

		if (!conn->streaming)
			continue;
		strbuf_addstr(&conn->out, "0\r\n\r\n");
		conn->streaming = false;
		conn_flush(conn);
	}
}

size_t peer_streams(const struct peer *peer)
{
	size_t count = 0;

	for (size_t i = 0; i < peer->conn_count; i++)
		count += peer->conns[i]->streaming;
	return count;
}

size_t peer_request_count(const struct peer *peer)
{
	return peer->request_count;
}

const struct peer_request *peer_request(const struct peer *peer, size_t index)
{
	return index < peer->request_count ? &peer->requests[index] : NULL;
}

size_t peer_connection_count(const struct peer *peer)
{
	return peer->accepted;
}

size_t peer_asked(const struct peer *peer, const char *request)
{
	size_t count = 0;

	for (size_t i = 0; i < peer->request_count; i++)
		count += matches(request, &peer->requests[i]);
	return count;
}

static int64_t real_ms(void)
{
	struct timespec ts;

	clock_gettime(CLOCK_MONOTONIC, &ts);
	return (int64_t)ts.tv_sec * 1000 + ts.tv_nsec / 1000000;
}

bool run_until_true(struct loop *loop, bool (*check)(void *arg), void *arg)
{
	int64_t end_ms = real_ms() + REAL_LIMIT_MS;

	while (!check(arg)) {
		if (real_ms() > end_ms)
			return false;
		loop_turn(loop, 50);
	}
	return true;
}

static bool is_set(void *arg)
{
	return *(const bool *)arg;
}

bool run_until(struct loop *loop, const bool *flag)
{
	return run_until_true(loop, is_set, (void *)flag);
}

void run_for(struct loop *loop, int ms)
{
	int64_t end_ms = real_ms() + ms;

	do
		loop_turn(loop, 5);
	while (real_ms() < end_ms);
}
