/*
 * Watches. One round is: ask (with the index, so that the agent holds the answer back until
 * something happens), judge the answer, start the next round, and only then tell the owner, who
 * may stop the watch from there.
 *
 * A watch that may not ask yet waits in the client's list. While others wait, the queries are
 * short, and who has had its round goes to the end of the list; who asked before there was a
 * list, and would block for a minute, is cut short.
 *
 * In an outage the index is forgotten: the next good answer comes at once and not when something
 * changes, so that its end is noticed.
 */
#include <assert.h>
#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/backoff.h"
#include "binnacle/loop/loop.h"

#include "internal.h"

#define ROUND_MIN_MS 100
#define POLL_MS      15000 /* of endpoints that cannot block */
#define ROTATION_MS  3000 /* for all watches to have had their turn, if there are not too many */
#define SLICE_MIN_MS 100

struct digest {
	uint64_t hash;
	size_t len;
	int status; /* 0: there was no answer yet */
};

struct consul_watch {
	struct consul *consul;
	char *path;
	unsigned flags;
	consul_fn *changed;
	void *arg;

	uint64_t index;     /* of the last answer; 0: ask without one */
	struct digest last; /* of the answer that the owner has */
	bool consistent;    /* this round asks without `stale` */
	enum err_code outage;
	struct backoff backoff;
	int64_t alive_ms, asked_ms;

	struct http_call *call; /* one of the three is set: */
	struct loop_timer *timer;
	bool waiting;
	bool asks_for_long;                 /* of `call` */
	struct consul_watch *next, *before; /* in the list of those that ask, or that wait */
};

static void on_answer(void *arg, struct http_answer *answer, const struct err *err);

/* FNV-1a: tells two answers apart without keeping the first. */
static struct digest digest_of(const struct http_answer *answer)
{
	struct digest digest = { 0xcbf29ce484222325u, answer->body.len, answer->status };

	for (size_t i = 0; i < answer->body.len; i++) {
		digest.hash ^= (unsigned char)answer->body.buf[i];
		digest.hash *= 0x100000001b3u;
	}
	return digest;
}

static bool digest_equal(const struct digest *a, const struct digest *b)
{
	return a->hash == b->hash && a->len == b->len && a->status == b->status;
}

/* How long the agent may hold back the answer. */
static int64_t wait_ms(const struct consul *consul)
{
	int64_t count = (int64_t)(consul->watches + consul->waiting_watches);
	int64_t slice = ROTATION_MS * WATCHES_MAX / (count ? count : 1);

	if (!consul->waiting_watches)
		return consul->wait_ms;
	if (slice < SLICE_MIN_MS)
		slice = SLICE_MIN_MS;
	return slice < consul->wait_ms ? slice : consul->wait_ms;
}

static void begin(struct consul_watch *watch)
{
	struct consul *consul = watch->consul;
	struct strbuf path = STRBUF_INIT;
	int64_t timeout_ms = CALL_TIMEOUT_MS, wait = wait_ms(consul);

	strbuf_addstr(&path, watch->path);
	strbuf_addch(&path, strchr(watch->path, '?') ? '&' : '?');
	watch->asks_for_long = false;
	if (watch->index > 0) {
		strbuf_addf(&path, "index=%" PRIu64 "&", watch->index);
		/* The agent adds up to a sixteenth of the wait time. */
		timeout_ms += wait + wait / 16;
		watch->asks_for_long = !consul->waiting_watches;
	}
	if (watch->flags & CONSUL_WATCH_STALE && !watch->consistent)
		strbuf_addstr(&path, "stale=&");
	strbuf_addf(&path, "wait=%" PRId64 "ms", wait);
	watch->asked_ms = clock_mono_ms();
	watch->before = NULL;
	watch->next = consul->blocking;
	if (consul->blocking)
		consul->blocking->before = watch;
	consul->blocking = watch;
	consul->watches++;
	watch->call =
		http_start(consul->http, &consul->endpoint,
			   &(struct http_request){ .path = path.buf, .timeout_ms = timeout_ms },
			   on_answer, watch);
	strbuf_release(&path);
}

/* It asks no more. */
static void end(struct consul_watch *watch)
{
	struct consul *consul = watch->consul;

	if (watch->before)
		watch->before->next = watch->next;
	else
		consul->blocking = watch->next;
	if (watch->next)
		watch->next->before = watch->before;
	watch->next = watch->before = NULL;
	watch->call = NULL;
	consul->watches--;
}

static void wait_for_turn(struct consul_watch *watch)
{
	struct consul *consul = watch->consul;

	watch->waiting = true;
	watch->next = NULL;
	watch->before = consul->last_watch;
	if (consul->last_watch)
		consul->last_watch->next = watch;
	else
		consul->first_watch = watch;
	consul->last_watch = watch;
	consul->waiting_watches++;
}

static void leave_list(struct consul_watch *watch)
{
	struct consul *consul = watch->consul;

	if (watch->before)
		watch->before->next = watch->next;
	else
		consul->first_watch = watch->next;
	if (watch->next)
		watch->next->before = watch->before;
	else
		consul->last_watch = watch->before;
	watch->next = watch->before = NULL;
	watch->waiting = false;
	consul->waiting_watches--;
}

void consul_watch_take_turn(struct consul *consul)
{
	struct consul_watch *watch = consul->first_watch;

	leave_list(watch);
	begin(watch);
}

/* Who asked first and may hold its connection for long gives it up, and waits as well. */
static void cut_one_short(struct consul *consul)
{
	struct consul_watch *oldest = NULL;

	for (struct consul_watch *at = consul->blocking; at; at = at->next)
		if (at->asks_for_long && (!oldest || at->asked_ms < oldest->asked_ms))
			oldest = at;
	if (!oldest)
		return;
	http_cancel(&oldest->call);
	end(oldest);
	wait_for_turn(oldest);
}

static void ask(struct consul_watch *watch)
{
	struct consul *consul = watch->consul;

	wait_for_turn(watch);
	if (consul->watches == WATCHES_MAX)
		cut_one_short(consul);
	consul_turn(consul);
}

static void on_timer(void *arg)
{
	struct consul_watch *watch = arg;

	watch->timer = NULL;
	ask(watch);
}

static void ask_in(struct consul_watch *watch, int64_t delay_ms)
{
	watch->timer = loop_timer_start(watch->consul->loop, delay_ms, on_timer, watch);
}

/* The next round, no sooner than the shortest interval after the start of this one. */
static void ask_again(struct consul_watch *watch, bool can_block)
{
	int64_t since_ms = clock_mono_ms() - watch->asked_ms;

	watch->consistent = false;
	if (!can_block)
		ask_in(watch, POLL_MS);
	else if (since_ms < ROUND_MIN_MS)
		ask_in(watch, ROUND_MIN_MS - since_ms);
	else
		ask(watch);
}

/* All watches of an agent lose it together: that is one outage and one line. */
static void note_outage(struct consul_watch *watch, enum err_code code, const char *why)
{
	struct consul *consul = watch->consul;
	bool was_lost = watch->outage == ERR_UNREACHABLE, is_lost = code == ERR_UNREACHABLE;

	if (is_lost && !was_lost && consul->unreachable++ == 0)
		log_warn("consul", "%s", why);
	if (was_lost && !is_lost && --consul->unreachable == 0)
		log_info("consul", "%s answers again", consul_address(consul));
	if (code != ERR_NONE && !is_lost)
		log_warn("consul", "%s", why);
	if (code == ERR_NONE && watch->outage != ERR_NONE && !was_lost)
		log_info("consul", "%s gives %s again", consul_address(consul), watch->path);
	watch->outage = code;
}

static void fail(struct consul_watch *watch, const struct err *err)
{
	struct consul *consul = watch->consul;
	struct consul_meta meta = { 0 };
	bool news = watch->outage != err->code;

	watch->index = 0;
	watch->consistent = false;
	ask_in(watch, backoff_next_ms(&watch->backoff));
	if (consul->retrying)
		consul->retrying(consul->retrying_arg, watch->path, watch->backoff.failures, err);
	if (news) {
		note_outage(watch, err->code, err->msg);
		watch->changed(watch->arg, NULL, &meta, err);
	}
}

/* A good answer: is there anything new in it? index 0: the endpoint has none, it cannot block. */
static bool is_news(struct consul_watch *watch, const struct http_answer *answer, uint64_t index,
		    struct digest *digest)
{
	uint64_t before = watch->index;

	watch->index = index < before ? 0 : index;
	/* The agent restarted, or its data was restored: the next answer is the one to trust. */
	if (index < before)
		return false;
	if (index > 0 && index == before)
		return false;
	*digest = digest_of(answer);
	return watch->outage != ERR_NONE || watch->flags & CONSUL_WATCH_INDEX ||
	       !digest_equal(digest, &watch->last);
}

static bool is_absent(const struct consul_watch *watch, const struct http_answer *answer)
{
	return answer->status == 404 && watch->flags & CONSUL_WATCH_404_IS_DATA;
}

/* Take the good answer to heart and tell the owner. */
static void publish(struct consul_watch *watch, const struct http_answer *answer,
		    struct consul_meta *meta, const struct digest *digest)
{
	struct json *doc = NULL;
	struct err err = { 0 };

	if (!is_absent(watch, answer) &&
	    !consul_parse(watch->consul, watch->path, answer, &doc, &err)) {
		fail(watch, &err);
		return;
	}
	backoff_reset(&watch->backoff);
	watch->last = *digest;
	note_outage(watch, ERR_NONE, "");
	ask_again(watch, meta->index > 0);
	meta->took_ms = 0;
	watch->changed(watch->arg, doc, meta, NULL);
	json_free(doc);
}

static void judge(struct consul_watch *watch, struct http_answer *answer,
		  const struct err *http_err)
{
	struct consul_meta meta = { 0 };
	struct digest digest;
	struct err err = { 0 };
	char text[32];

	end(watch);
	if (http_err) {
		err = *http_err;
		err_context(&err, "Consul");
		fail(watch, &err);
		return;
	}
	if (!is_absent(watch, answer) &&
	    !consul_accept(watch->consul, "GET", watch->path, answer, &err)) {
		fail(watch, &err);
		return;
	}
	watch->alive_ms = clock_mono_ms();
	consul_read_meta(answer, &meta);
	if (watch->flags & CONSUL_WATCH_STALE && !watch->consistent &&
	    meta.last_contact_ms > watch->consul->max_stale_ms) {
		watch->consistent = true;
		ask(watch);
		return;
	}
	if (http_header(answer, "X-Consul-Index", text, sizeof(text)) && meta.index == 0)
		meta.index = 1;
	if (is_news(watch, answer, meta.index, &digest)) {
		publish(watch, answer, &meta, &digest);
		return;
	}
	backoff_reset(&watch->backoff);
	ask_again(watch, meta.index > 0);
}

static void on_answer(void *arg, struct http_answer *answer, const struct err *http_err)
{
	struct consul_watch *watch = arg;
	struct consul *consul = watch->consul;

	judge(watch, answer, http_err);
	consul_turn(consul); /* the watch may be gone, and its connection is free */
}

struct consul_watch *consul_watch_start(struct consul *consul, const char *path, unsigned flags,
					consul_fn *changed, void *arg)
{
	struct consul_watch *watch = xcalloc(1, sizeof(*watch));

	watch->consul = consul;
	watch->path = xstrdup(path);
	watch->flags = flags;
	watch->changed = changed;
	watch->arg = arg;
	watch->backoff = (struct backoff){ .base_ms = consul->retry_base_ms,
					   .max_ms = consul->retry_max_ms };
	ask(watch);
	return watch;
}

void consul_watch_stop(struct consul_watch **watch)
{
	struct consul *consul;

	if (!*watch)
		return;
	consul = (*watch)->consul;
	if ((*watch)->outage == ERR_UNREACHABLE)
		(*watch)->consul->unreachable--;
	if ((*watch)->call) {
		http_cancel(&(*watch)->call);
		end(*watch);
	} else if ((*watch)->waiting) {
		leave_list(*watch);
	}
	loop_timer_stop(&(*watch)->timer);
	free((*watch)->path);
	free(*watch);
	*watch = NULL;
	consul_turn(consul);
}

void consul_watch_hand_over(struct consul_watch *watch, unsigned flags, consul_fn *changed,
			    void *arg)
{
	watch->flags = flags;
	watch->changed = changed;
	watch->arg = arg;
}

bool consul_watch_is_current(const struct consul_watch *watch)
{
	return watch->index > 0 && watch->outage == ERR_NONE;
}

int64_t consul_watch_alive_ms(const struct consul_watch *watch)
{
	return watch->alive_ms;
}
