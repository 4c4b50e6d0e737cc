/*
 * One connection at a time, and a queue of calls in the order in which the server will answer
 * them. What is asked for before the session stands is sent when it does.
 *
 * States: idle -> looking (for the address) -> connecting -> greeting -> up; from each of them
 * back to waiting when it fails, or to idle when there is no session to keep.
 */
#include "binnacle/zookeeper/zookeeper.h"

#include <assert.h>
#include <errno.h>
#include <netdb.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/backoff.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/host_address.h"
#include "wire.h"

enum {
	DEFAULT_PORT = 2181,
	SESSION_MS = 10000, /* as Registrator asks for */
	CONNECT_MS = 5000,  /* for a connection, and then for the answer to the greeting */
	RETRY_MS = 200,
	RETRY_MAX_MS = 4000, /* less than a session lives */
	READ_BYTES = 16 << 10,
};

/* ORDER STATE */
enum state { STATE_IDLE, STATE_LOOKING, STATE_CONNECTING, STATE_GREETING, STATE_UP, STATE_WAITING };

struct call_list {
	struct zookeeper_call *first, *last;
};

struct zookeeper_call {
	struct zookeeper *zk;
	struct call_list *list; /* the one that it is in */
	struct zookeeper_call *prev, *next;
	struct strbuf message;
	char *path;
	int32_t xid;
	zookeeper_fn *done; /* NULL: canceled, its answer is still to come */
	void *arg;
};

struct zookeeper {
	struct loop *loop;
	char *host, *port, *address;
	struct zookeeper_events events;
	void *arg;
	enum state state;
	struct host_address *lookup;
	char *resolved;
	int fd;
	struct loop_fd *watch;
	struct loop_timer *timer; /* the limit of a state, or the end of waiting */
	struct loop_timer *pulse;
	struct backoff backoff;
	struct wire_session session;
	int64_t heard_ms;
	int32_t xid;
	bool is_outage_told;
	struct strbuf in, out;
	size_t in_at, out_at;
	struct call_list calls; /* queued, or sent and not answered */
};

static void connect_now(void *arg);
static void enter_looking(struct zookeeper *zk);

/* ---- lists of calls ---- */

static void append(struct call_list *list, struct zookeeper_call *call)
{
	call->list = list;
	call->next = NULL;
	call->prev = list->last;
	if (list->last)
		list->last->next = call;
	else
		list->first = call;
	list->last = call;
}

static void unlink_call(struct zookeeper_call *call)
{
	struct call_list *list = call->list;

	if (call->prev)
		call->prev->next = call->next;
	else
		list->first = call->next;
	if (call->next)
		call->next->prev = call->prev;
	else
		list->last = call->prev;
}

static void free_call(struct zookeeper_call *call)
{
	strbuf_release(&call->message);
	free(call->path);
	free(call);
}

static void finish(struct zookeeper_call *call, const struct err *err)
{
	zookeeper_fn *done = call->done;
	void *arg = call->arg;

	unlink_call(call);
	free_call(call);
	if (done)
		done(arg, err);
}

/* Completions may make new calls, which are not meant, and cancel others of these. */
static void fail_all(struct zookeeper *zk, const struct err *err)
{
	struct call_list failed = zk->calls;

	zk->calls = (struct call_list){ 0 };
	for (struct zookeeper_call *call = failed.first; call; call = call->next)
		call->list = &failed;
	while (failed.first)
		finish(failed.first, err);
}

/* ---- the connection ---- */

static void close_connection(struct zookeeper *zk)
{
	host_address_cancel(&zk->lookup);
	loop_timer_stop(&zk->timer);
	loop_timer_stop(&zk->pulse);
	loop_fd_remove(&zk->watch);
	if (zk->fd >= 0)
		close(zk->fd);
	zk->fd = -1;
	strbuf_reset(&zk->in);
	strbuf_reset(&zk->out);
	zk->in_at = zk->out_at = 0;
}

static void on_waited(void *arg)
{
	struct zookeeper *zk = arg;

	zk->timer = NULL;
	enter_looking(zk);
}

/* err: the outage. A session is worth coming back for; without one the next call is. */
static void drop(struct zookeeper *zk, const struct err *err)
{
	close_connection(zk);
	if (!zk->is_outage_told)
		log_warn("zookeeper", "%s", err->msg);
	zk->is_outage_told = true;
	zk->state = zk->session.id ? STATE_WAITING : STATE_IDLE;
	if (zk->state == STATE_WAITING)
		zk->timer =
			loop_timer_start(zk->loop, backoff_next_ms(&zk->backoff), on_waited, zk);
	fail_all(zk, err);
}

static void drop_because(struct zookeeper *zk, enum err_code code, const char *why)
{
	struct err err;

	err_set(&err, code, "zookeeper %s: %s", zk->address, why);
	drop(zk, &err);
}

static void drop_unreachable(struct zookeeper *zk, const char *why)
{
	struct err err;

	err_set(&err, ERR_UNREACHABLE, "cannot reach zookeeper %s: %s", zk->address, why);
	drop(zk, &err);
}

static void on_limit(void *arg)
{
	struct zookeeper *zk = arg;

	zk->timer = NULL;
	if (zk->state == STATE_CONNECTING)
		drop_unreachable(zk, "no connection in 5 s");
	else
		drop_because(zk, ERR_UNREACHABLE, "no answer within 5 s");
}

/* False: the connection was dropped. */
static bool flush(struct zookeeper *zk)
{
	while (zk->out_at < zk->out.len) {
		ssize_t sent = send(zk->fd, zk->out.buf + zk->out_at, zk->out.len - zk->out_at,
				    MSG_NOSIGNAL);

		if (sent < 0 && errno == EINTR)
			continue;
		if (sent < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			break;
		if (sent < 0) {
			drop_because(zk, ERR_UNREACHABLE, strerror(errno));
			return false;
		}
		zk->out_at += (size_t)sent;
	}
	if (zk->out_at == zk->out.len) {
		strbuf_reset(&zk->out);
		zk->out_at = 0;
	}
	loop_fd_set(zk->watch, LOOP_READ | (zk->out.len ? LOOP_WRITE : 0u));
	return true;
}

/* ---- what the server says ---- */

/* The server wants to hear something three times in the life of a session. */
static void on_pulse(void *arg)
{
	struct zookeeper *zk = arg;
	int64_t third_ms = zk->session.timeout_ms / 3;

	zk->pulse = NULL;
	if (clock_mono_ms() - zk->heard_ms > 2 * third_ms) {
		drop_because(zk, ERR_UNREACHABLE, "it does not answer any more");
		return;
	}
	zk->pulse = loop_timer_start(zk->loop, third_ms > 0 ? third_ms : 1, on_pulse, zk);
	wire_put_ping(&zk->out);
	flush(zk);
}

static void enter_up(struct zookeeper *zk)
{
	int64_t third_ms = zk->session.timeout_ms / 3;

	loop_timer_stop(&zk->timer);
	zk->state = STATE_UP;
	zk->is_outage_told = false;
	backoff_reset(&zk->backoff);
	zk->heard_ms = clock_mono_ms();
	zk->pulse = loop_timer_start(zk->loop, third_ms > 0 ? third_ms : 1, on_pulse, zk);
	for (struct zookeeper_call *call = zk->calls.first; call; call = call->next)
		strbuf_add(&zk->out, call->message.buf, call->message.len);
	if (zk->events.up)
		zk->events.up(zk->arg, zk->session.id);
}

/* False: there is no connection any more. */
static bool take_greeting(struct zookeeper *zk, const char *message, size_t len)
{
	struct wire_session session;

	if (!wire_get_session(message, len, &session)) {
		drop_because(zk, ERR_FORMAT, "its answer to the greeting is malformed");
		return false;
	}
	if (session.timeout_ms <= 0) {
		log_warn("zookeeper", "%s: the session has expired, and its nodes with it",
			 zk->address);
		zk->session = (struct wire_session){ .timeout_ms = SESSION_MS };
		close_connection(zk);
		enter_looking(zk);
		return false;
	}
	zk->session = session;
	enter_up(zk);
	return true;
}

static void explain(const struct zookeeper_call *call, int32_t error, struct err *err)
{
	enum err_code code = ERR_REFUSED;

	if (error == WIRE_NO_NODE)
		code = ERR_NOT_FOUND;
	else if (error == WIRE_NODE_EXISTS || error == WIRE_NOT_EMPTY)
		code = ERR_CONFLICT;
	else if (error == WIRE_NO_AUTH)
		code = ERR_DENIED;
	err_set(err, code, "zookeeper %s: %s: %s (%d)", call->zk->address, call->path,
		wire_error_text(error), (int)error);
}

static bool take_answer(struct zookeeper *zk, const char *message, size_t len)
{
	struct zookeeper_call *call = zk->calls.first;
	struct wire_answer answer;
	struct err err;

	if (!wire_get_answer(message, len, &answer)) {
		drop_because(zk, ERR_FORMAT, "an answer is malformed");
		return false;
	}
	zk->heard_ms = clock_mono_ms();
	if (answer.xid == WIRE_PING_XID || answer.xid == WIRE_WATCH_XID)
		return true;
	if (!call || call->xid != answer.xid) {
		drop_because(zk, ERR_FORMAT, "it answers what was not asked");
		return false;
	}
	if (answer.error)
		explain(call, answer.error, &err);
	finish(call, answer.error ? &err : NULL);
	return true;
}

static void take_messages(struct zookeeper *zk)
{
	for (;;) {
		const char *bytes = zk->in.buf + zk->in_at;
		bool is_bad, goes_on;
		int64_t len = wire_message_length(bytes, zk->in.len - zk->in_at, &is_bad);

		if (is_bad) {
			drop_because(zk, ERR_FORMAT, "it does not speak ZooKeeper's protocol");
			return;
		}
		if (len < 0)
			break;
		zk->in_at += WIRE_LENGTH_BYTES + (size_t)len;
		goes_on = zk->state == STATE_GREETING
				  ? take_greeting(zk, bytes + WIRE_LENGTH_BYTES, (size_t)len)
				  : take_answer(zk, bytes + WIRE_LENGTH_BYTES, (size_t)len);
		if (!goes_on)
			return;
	}
	if (zk->in_at) {
		memmove(zk->in.buf, zk->in.buf + zk->in_at, zk->in.len - zk->in_at);
		strbuf_setlen(&zk->in, zk->in.len - zk->in_at);
		zk->in_at = 0;
	}
}

static bool read_some(struct zookeeper *zk)
{
	char bytes[READ_BYTES];
	ssize_t got = recv(zk->fd, bytes, sizeof(bytes), 0);

	if (got < 0 && (errno == EINTR || errno == EAGAIN || errno == EWOULDBLOCK))
		return true;
	if (got <= 0) {
		drop_because(zk, ERR_UNREACHABLE,
			     got < 0 ? strerror(errno) : "it closed the connection");
		return false;
	}
	strbuf_add(&zk->in, bytes, (size_t)got);
	take_messages(zk);
	return zk->fd >= 0;
}

static void greet(struct zookeeper *zk)
{
	int problem = 0;
	socklen_t len = sizeof(problem);

	if (getsockopt(zk->fd, SOL_SOCKET, SO_ERROR, &problem, &len) != 0)
		problem = errno;
	if (problem) {
		drop_unreachable(zk, strerror(problem));
		return;
	}
	loop_timer_stop(&zk->timer);
	zk->timer = loop_timer_start(zk->loop, CONNECT_MS, on_limit, zk);
	zk->state = STATE_GREETING;
	wire_put_greeting(&zk->out, &zk->session);
	flush(zk);
}

static void on_fd(void *arg, int fd, unsigned events)
{
	struct zookeeper *zk = arg;

	(void)fd;
	if (zk->state == STATE_CONNECTING)
		greet(zk);
	else if ((events & LOOP_READ) && !read_some(zk))
		return;
	else
		flush(zk);
}

/* ---- coming up ---- */

static void connect_now(void *arg)
{
	const struct addrinfo hints = { .ai_socktype = SOCK_STREAM,
					.ai_flags = AI_NUMERICHOST | AI_NUMERICSERV };
	struct zookeeper *zk = arg;
	struct addrinfo *found = NULL;

	zk->timer = NULL;
	/* Numbers alone: this asks nobody. */
	if (getaddrinfo(zk->resolved, zk->port, &hints, &found) != 0) {
		drop_unreachable(zk, "its name has no address");
		return;
	}
	zk->fd = socket(found->ai_family, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	if (zk->fd < 0 ||
	    (connect(zk->fd, found->ai_addr, found->ai_addrlen) != 0 && errno != EINPROGRESS)) {
		int problem = errno;

		freeaddrinfo(found);
		drop_unreachable(zk, strerror(problem));
		return;
	}
	freeaddrinfo(found);
	zk->state = STATE_CONNECTING;
	zk->watch = loop_fd_add(zk->loop, zk->fd, LOOP_WRITE, on_fd, zk);
	zk->timer = loop_timer_start(zk->loop, CONNECT_MS, on_limit, zk);
}

static void on_address(void *arg, const char *address)
{
	struct zookeeper *zk = arg;

	zk->lookup = NULL;
	free(zk->resolved);
	zk->resolved = xstrdup(address);
	if (*address)
		connect_now(zk);
	else
		drop_unreachable(zk, "its name has no address");
}

static bool is_number(const char *host)
{
	const struct addrinfo hints = { .ai_flags = AI_NUMERICHOST };
	struct addrinfo *found = NULL;

	if (getaddrinfo(host, NULL, &hints, &found) != 0)
		return false;
	freeaddrinfo(found);
	return true;
}

static void enter_looking(struct zookeeper *zk)
{
	loop_timer_stop(&zk->timer);
	zk->state = STATE_LOOKING;
	if (!is_number(zk->host)) {
		zk->lookup = host_address_start(zk->loop, zk->host, on_address, zk);
		return;
	}
	free(zk->resolved);
	zk->resolved = xstrdup(zk->host);
	/* From the loop: nothing may fail inside the call that wants it. */
	zk->timer = loop_timer_start(zk->loop, 0, connect_now, zk);
}

/* ---- calls ---- */

static struct zookeeper_call *new_call(struct zookeeper *zk, const char *path, zookeeper_fn *done,
				       void *arg)
{
	struct zookeeper_call *call = xcalloc(1, sizeof(*call));

	zk->xid = zk->xid == INT32_MAX ? 1 : zk->xid + 1;
	call->zk = zk;
	call->xid = zk->xid;
	call->path = xstrdup(path);
	call->done = done;
	call->arg = arg;
	strbuf_init(&call->message);
	return call;
}

static struct zookeeper_call *start(struct zookeeper_call *call)
{
	struct zookeeper *zk = call->zk;

	append(&zk->calls, call);
	if (zk->state == STATE_UP) {
		strbuf_add(&zk->out, call->message.buf, call->message.len);
		loop_fd_set(zk->watch, LOOP_READ | LOOP_WRITE);
	} else if (zk->state == STATE_IDLE || zk->state == STATE_WAITING) {
		enter_looking(zk);
	}
	return call;
}

struct zookeeper_call *zookeeper_exists(struct zookeeper *zk, const char *path, zookeeper_fn *done,
					void *arg)
{
	struct zookeeper_call *call = new_call(zk, path, done, arg);

	wire_put_exists(&call->message, call->xid, path);
	return start(call);
}

struct zookeeper_call *zookeeper_create(struct zookeeper *zk, const char *path, const char *data,
					bool is_ephemeral, zookeeper_fn *done, void *arg)
{
	struct zookeeper_call *call = new_call(zk, path, done, arg);

	wire_put_create(&call->message, call->xid, path, data, is_ephemeral);
	return start(call);
}

struct zookeeper_call *zookeeper_set(struct zookeeper *zk, const char *path, const char *data,
				     zookeeper_fn *done, void *arg)
{
	struct zookeeper_call *call = new_call(zk, path, done, arg);

	wire_put_set(&call->message, call->xid, path, data);
	return start(call);
}

struct zookeeper_call *zookeeper_delete(struct zookeeper *zk, const char *path, zookeeper_fn *done,
					void *arg)
{
	struct zookeeper_call *call = new_call(zk, path, done, arg);

	wire_put_delete(&call->message, call->xid, path);
	return start(call);
}

/* One that may have been sent keeps its place: its answer comes in its turn. */
void zookeeper_call_cancel(struct zookeeper_call **call)
{
	if (!*call)
		return;
	(*call)->done = NULL;
	if ((*call)->list == &(*call)->zk->calls && (*call)->zk->state != STATE_UP) {
		unlink_call(*call);
		free_call(*call);
	}
	*call = NULL;
}

/* ---- life ---- */

/* "host", "host:port", "[v6]", "[v6]:port" */
static bool split_address(struct zookeeper *zk, const char *text, struct err *err)
{
	bool is_bracketed = *text == '[';
	const char *host = text + is_bracketed;
	size_t len = strcspn(host, is_bracketed ? "]" : ":");
	const char *rest = host + len;
	int64_t port = DEFAULT_PORT;

	if (is_bracketed && *rest == ']')
		rest++;
	else if (is_bracketed)
		return err_set(err, ERR_INPUT, "zookeeper address \"%s\" has no closing bracket",
			       text);
	if (!len || (*rest && *rest != ':') || strpbrk(text, " /@"))
		return err_set(err, ERR_INPUT, "zookeeper address \"%s\" is not HOST:PORT", text);
	if (rest[0] == ':' && rest[1] && !text_parse_int(rest + 1, 1, 65535, &port))
		return err_set(err, ERR_INPUT,
			       "zookeeper address \"%s\" has no valid port (1 to 65535)", text);
	zk->host = xstrndup(host, len);
	zk->port = xasprintf("%d", (int)port);
	zk->address = xasprintf("%s%s%s:%s", is_bracketed ? "[" : "", zk->host,
				is_bracketed ? "]" : "", zk->port);
	return true;
}

struct zookeeper *zookeeper_new(struct loop *loop, const char *address,
				const struct zookeeper_events *events, void *arg, struct err *err)
{
	struct zookeeper *zk = xcalloc(1, sizeof(*zk));

	if (!split_address(zk, address, err)) {
		free(zk);
		return NULL;
	}
	zk->loop = loop;
	zk->events = *events;
	zk->arg = arg;
	zk->fd = -1;
	zk->session.timeout_ms = SESSION_MS;
	zk->backoff = (struct backoff){ .base_ms = RETRY_MS, .max_ms = RETRY_MAX_MS };
	strbuf_init(&zk->in);
	strbuf_init(&zk->out);
	return zk;
}

void zookeeper_free(struct zookeeper *zk)
{
	if (!zk)
		return;
	close_connection(zk);
	while (zk->calls.first) {
		struct zookeeper_call *call = zk->calls.first;

		assert(!call->done);
		unlink_call(call);
		free_call(call);
	}
	strbuf_release(&zk->in);
	strbuf_release(&zk->out);
	free(zk->resolved);
	free(zk->host);
	free(zk->port);
	free(zk->address);
	free(zk);
}

const char *zookeeper_address(const struct zookeeper *zk)
{
	return zk->address;
}

int64_t zookeeper_session(const struct zookeeper *zk)
{
	return zk->state == STATE_UP ? zk->session.id : 0;
}
