/*
 * The session against a server that the test plays itself, byte by byte: what a real one says only
 * on bad days. tests/register/test_registry_zookeeper.c has the real one.
 */
#include "binnacle/zookeeper/zookeeper.h"

#include <arpa/inet.h>
#include <errno.h>
#include <netinet/in.h>
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <unistd.h>

#include <cmocka.h>

#include "../../src/zookeeper/wire.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/loop/loop.h"
#include "support/peer.h"

enum { GREETING_BYTES = 4 + 4 + 8 + 4 + 8 + 4 + 16 + 1 };

struct world {
	struct loop *loop;
	struct zookeeper *zk;
	int listener, fd;
	char address[32];
	int64_t session;
	unsigned ups, answers;
	struct err err;
};

static void on_up(void *arg, int64_t session)
{
	struct world *world = arg;

	world->ups++;
	world->session = session;
}

static void on_done(void *arg, const struct err *err)
{
	struct world *world = arg;

	world->answers++;
	world->err = err ? *err : (struct err){ 0 };
}

static int set_up(void **state)
{
	static const struct zookeeper_events events = { .up = on_up };
	struct sockaddr_in address = { .sin_family = AF_INET,
				       .sin_addr = { htonl(INADDR_LOOPBACK) } };
	struct world *world = calloc(1, sizeof(*world));
	socklen_t len = sizeof(address);
	struct err err;

	*state = world;
	world->fd = -1;
	world->listener = socket(AF_INET, SOCK_STREAM | SOCK_NONBLOCK | SOCK_CLOEXEC, 0);
	assert_int_equal(bind(world->listener, (struct sockaddr *)&address, len), 0);
	assert_int_equal(listen(world->listener, 8), 0);
	getsockname(world->listener, (struct sockaddr *)&address, &len);
	snprintf(world->address, sizeof(world->address), "127.0.0.1:%d", ntohs(address.sin_port));
	world->loop = loop_new();
	world->zk = zookeeper_new(world->loop, world->address, &events, world, &err);
	assert_non_null(world->zk);
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	zookeeper_free(world->zk);
	loop_free(world->loop);
	close(world->listener);
	if (world->fd >= 0)
		close(world->fd);
	free(world);
	log_release();
	return 0;
}

static bool has_come(void *arg)
{
	struct world *world = arg;

	world->fd = accept4(world->listener, NULL, NULL, SOCK_NONBLOCK | SOCK_CLOEXEC);
	return world->fd >= 0;
}

static void accept_it(struct world *world)
{
	if (world->fd >= 0)
		close(world->fd);
	assert_true(run_until_true(world->loop, has_come, world));
}

/* As many bytes as are wanted, with the loop turning. */
static void read_bytes(struct world *world, unsigned char *into, size_t len)
{
	for (size_t at = 0; at < len;) {
		ssize_t got = recv(world->fd, into + at, len - at, 0);

		if (got > 0)
			at += (size_t)got;
		else if (got == 0 || (errno != EAGAIN && errno != EWOULDBLOCK))
			fail_msg("the client closed the connection");
		else
			loop_turn(world->loop, 20);
	}
}

static void send_bytes(struct world *world, const void *bytes, size_t len)
{
	assert_int_equal(send(world->fd, bytes, len, MSG_NOSIGNAL), len);
}

static void put32(unsigned char *at, int32_t number)
{
	uint32_t big = htonl((uint32_t)number);

	memcpy(at, &big, sizeof(big));
}

static void answer_greeting(struct world *world, int32_t timeout_ms, unsigned char session)
{
	unsigned char message[4 + 37] = { 0 };

	put32(message, 37);
	put32(message + 8, timeout_ms);
	message[19] = session;
	put32(message + 20, 16);
	memset(message + 24, 'p', 16);
	send_bytes(world, message, sizeof(message));
}

static void send_answer(struct world *world, int32_t xid, int32_t error)
{
	unsigned char message[4 + 16] = { 0 };

	put32(message, 16);
	put32(message + 4, xid);
	message[15] = 9; /* of the zxid */
	put32(message + 16, error);
	send_bytes(world, message, sizeof(message));
}

/* Its xid. */
static int32_t read_request(struct world *world, unsigned char *into, size_t size)
{
	uint32_t big;

	read_bytes(world, into, 4);
	memcpy(&big, into, sizeof(big));
	assert_true(ntohl(big) <= size);
	read_bytes(world, into, ntohl(big));
	memcpy(&big, into, sizeof(big));
	return (int32_t)ntohl(big);
}

static bool has_answer(void *arg)
{
	return ((struct world *)arg)->answers;
}

static void wait_for_answer(struct world *world)
{
	assert_true(run_until_true(world->loop, has_answer, world));
	world->answers = 0;
}

/* Up to the session, with one call on its way. */
static int32_t begin(struct world *world)
{
	unsigned char greeting[GREETING_BYTES], request[256];

	zookeeper_exists(world->zk, "/", on_done, world);
	assert_int_equal(world->answers, 0);
	accept_it(world);
	read_bytes(world, greeting, sizeof(greeting));
	answer_greeting(world, 9000, 7);
	return read_request(world, request, sizeof(request));
}

static void the_greeting_and_a_request_have_the_bytes_of_the_protocol(void **state)
{
	static const unsigned char want_greeting[GREETING_BYTES] = {
		0, 0, 0, 45, [18] = 0x27, 0x10, [31] = 16
	};
	static const unsigned char want_request[] = { 0,   0,   0,   1,   0,   0,   0,  1, 0,   0,
						      0,   2,   '/', 'a', 0,   0,   0,  1, 'x', 0,
						      0,   0,   1,   0,   0,   0,   31, 0, 0,   0,
						      5,   'w', 'o', 'r', 'l', 'd', 0,  0, 0,   6,
						      'a', 'n', 'y', 'o', 'n', 'e', 0,  0, 0,   1 };
	unsigned char got[256];
	struct world *world = *state;

	zookeeper_create(world->zk, "/a", "x", true, on_done, world);
	accept_it(world);
	read_bytes(world, got, GREETING_BYTES);
	assert_memory_equal(got, want_greeting, GREETING_BYTES);
	answer_greeting(world, 9000, 7);
	assert_int_equal(read_request(world, got, sizeof(got)), 1);
	assert_memory_equal(got, want_request, sizeof(want_request));
	assert_int_equal(world->ups, 1);
	assert_int_equal(world->session, 7);
	assert_int_equal(zookeeper_session(world->zk), 7);
	send_answer(world, 1, 0);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
}

static void errors_have_codes_and_name_the_node(void **state)
{
	static const struct {
		int32_t error;
		enum err_code code;
	} cases[] = {
		{ -101, ERR_NOT_FOUND }, { -110, ERR_CONFLICT }, { -111, ERR_CONFLICT },
		{ -102, ERR_DENIED },    { -8, ERR_REFUSED },    { -4711, ERR_REFUSED },
	};
	struct world *world = *state;
	unsigned char request[256];

	send_answer(world, begin(world), 0);
	wait_for_answer(world);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		zookeeper_delete(world->zk, "/a/b", on_done, world);
		send_answer(world, read_request(world, request, sizeof(request)), cases[i].error);
		wait_for_answer(world);
		assert_int_equal(world->err.code, cases[i].code);
		assert_non_null(strstr(world->err.msg, "/a/b"));
		assert_non_null(strstr(world->err.msg, world->address));
	}
}

static void answers_may_be_cut_anywhere(void **state)
{
	struct world *world = *state;
	unsigned char answer[20] = { 0 }, ping[20] = { 0 };
	int32_t xid = begin(world);

	/* A ping and a watch that nobody asked for come in between. */
	put32(ping, 16);
	put32(ping + 4, -2);
	send_bytes(world, ping, sizeof(ping));
	put32(ping + 4, -1);
	send_bytes(world, ping, sizeof(ping));
	put32(answer, 16);
	put32(answer + 4, xid);
	for (size_t i = 0; i < sizeof(answer); i++) {
		assert_int_equal(world->answers, 0);
		send_bytes(world, answer + i, 1);
		run_for(world->loop, 5);
	}
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
}

static void what_is_no_protocol_ends_the_connection(void **state)
{
	static const struct {
		const char *bytes;
		size_t len;
	} cases[] = {
		{ "HTTP/1.1 400 Bad Request\r\n\r\n", 28 }, /* a length of 1.2 GB */
		{ "\xff\xff\xff\xff", 4 },
		{ "\0\0\0\0", 4 },
		{ "\0\0\0\3abc", 7 },
		{ "\0\0\0\20\0\0\x12\x34zzzzzzzz\0\0\0\0", 20 }, /* another request's answer */
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		unsigned char greeting[GREETING_BYTES], request[256];

		zookeeper_exists(world->zk, "/", on_done, world);
		accept_it(world);
		read_bytes(world, greeting, sizeof(greeting));
		answer_greeting(world, 9000, 7);
		read_request(world, request, sizeof(request));
		send_bytes(world, cases[i].bytes, cases[i].len);
		wait_for_answer(world);
		if (world->err.code != ERR_FORMAT)
			fail_msg("case %zu: %s", i, world->err.msg);
	}
}

static void a_greeting_that_is_none_is_an_error(void **state)
{
	static const char *const answers[] = { "\0\0\0\2ab", "HTTP/1.1 200 OK\r\n\r\n" };
	static const size_t lengths[] = { 6, 19 };
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(answers); i++) {
		zookeeper_exists(world->zk, "/", on_done, world);
		accept_it(world);
		send_bytes(world, answers[i], lengths[i]);
		wait_for_answer(world);
		assert_int_equal(world->err.code, ERR_FORMAT);
	}
}

static void a_lost_connection_ends_the_calls_and_the_session_goes_on(void **state)
{
	unsigned char greeting[GREETING_BYTES];
	struct world *world = *state;

	begin(world);
	zookeeper_set(world->zk, "/b", "", on_done, world);
	close(world->fd);
	world->fd = -1;
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_UNREACHABLE);
	/* By itself, with the session and its password. */
	accept_it(world);
	read_bytes(world, greeting, sizeof(greeting));
	assert_int_equal(greeting[27], 7);
	assert_int_equal(greeting[32], 'p');
	answer_greeting(world, 9000, 7);
	run_for(world->loop, 20);
	assert_int_equal(world->ups, 2);
}

static void an_expired_session_is_replaced_by_a_new_one(void **state)
{
	unsigned char greeting[GREETING_BYTES], request[256];
	struct world *world = *state;

	begin(world);
	close(world->fd);
	world->fd = -1;
	wait_for_answer(world);
	zookeeper_exists(world->zk, "/", on_done, world);
	accept_it(world);
	read_bytes(world, greeting, sizeof(greeting));
	answer_greeting(world, 0, 0);
	accept_it(world);
	read_bytes(world, greeting, sizeof(greeting));
	assert_int_equal(greeting[27], 0);
	assert_int_equal(greeting[32], 0);
	answer_greeting(world, 9000, 8);
	/* What was asked for meanwhile is asked now. */
	send_answer(world, read_request(world, request, sizeof(request)), 0);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
	assert_int_equal(world->session, 8);
}

static void a_silent_server_is_left_in_time(void **state)
{
	unsigned char greeting[GREETING_BYTES], request[64];
	struct world *world = *state;

	zookeeper_exists(world->zk, "/", on_done, world);
	accept_it(world);
	read_bytes(world, greeting, sizeof(greeting));
	answer_greeting(world, 300, 7);
	read_request(world, request, sizeof(request));
	/* A ping, and nothing comes back. */
	assert_int_equal(read_request(world, request, sizeof(request)), -2);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(world->err.msg, "does not answer any more"));
}

static void canceled_calls_never_answer_and_keep_the_order(void **state)
{
	unsigned char request[64];
	struct zookeeper_call *call;
	struct world *world = *state;
	int32_t first, second;

	/* Before there is a connection. */
	call = zookeeper_exists(world->zk, "/never", on_done, world);
	zookeeper_call_cancel(&call);
	assert_null(call);
	send_answer(world, begin(world), 0);
	wait_for_answer(world);
	call = zookeeper_exists(world->zk, "/a", on_done, world);
	zookeeper_set(world->zk, "/b", "", on_done, world);
	first = read_request(world, request, sizeof(request));
	second = read_request(world, request, sizeof(request));
	zookeeper_call_cancel(&call);
	send_answer(world, first, -101);
	run_for(world->loop, 20);
	assert_int_equal(world->answers, 0);
	send_answer(world, second, 0);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
}

static void addresses_are_understood_or_refused(void **state)
{
	static const struct {
		const char *text, *want; /* NULL: refused */
	} cases[] = {
		{ "h", "h:2181" },        { "h:", "h:2181" },
		{ "h:1", "h:1" },         { "[2001:db8::1]", "[2001:db8::1]:2181" },
		{ "[::1]:9", "[::1]:9" }, { "", NULL },
		{ ":1", NULL },           { "h:0", NULL },
		{ "h:65536", NULL },      { "h:x", NULL },
		{ "[::1", NULL },         { "[::1]x", NULL },
		{ "a b", NULL },          { "h/x", NULL },
		{ "user@h", NULL },
	};
	static const struct zookeeper_events events = { 0 };
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct err err = { 0 };
		struct zookeeper *zk =
			zookeeper_new(world->loop, cases[i].text, &events, NULL, &err);

		if (!cases[i].want != !zk)
			fail_msg("%s: %s", cases[i].text, err.msg);
		if (zk)
			assert_string_equal(zookeeper_address(zk), cases[i].want);
		else
			assert_int_equal(err.code, ERR_INPUT);
		zookeeper_free(zk);
	}
}

static void names_are_looked_up_and_may_have_no_address(void **state)
{
	static const struct zookeeper_events events = { 0 };
	struct world *world = *state;
	char *address = xasprintf("localhost%s", strchr(world->address, ':'));
	struct err err;

	zookeeper_free(world->zk);
	world->zk = zookeeper_new(world->loop, address, &events, NULL, &err);
	send_answer(world, begin(world), 0);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_NONE);
	free(address);
	zookeeper_free(world->zk);
	world->zk = zookeeper_new(world->loop, "no.such.host.invalid", &events, NULL, &err);
	zookeeper_exists(world->zk, "/", on_done, world);
	wait_for_answer(world);
	assert_int_equal(world->err.code, ERR_UNREACHABLE);
	assert_non_null(strstr(world->err.msg, "no.such.host.invalid"));
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_greeting_and_a_request_have_the_bytes_of_the_protocol),
		TEST(errors_have_codes_and_name_the_node),
		TEST(answers_may_be_cut_anywhere),
		TEST(what_is_no_protocol_ends_the_connection),
		TEST(a_greeting_that_is_none_is_an_error),
		TEST(a_lost_connection_ends_the_calls_and_the_session_goes_on),
		TEST(an_expired_session_is_replaced_by_a_new_one),
		TEST(a_silent_server_is_left_in_time),
		TEST(canceled_calls_never_answer_and_keep_the_order),
		TEST(addresses_are_understood_or_refused),
		TEST(names_are_looked_up_and_may_have_no_address),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
