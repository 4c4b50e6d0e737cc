/*
 * A round asks for every member once, a few at a time. What moves while it goes on starts another
 * round, after a pause as long as the last one took.
 */
#include "keys.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/backoff.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/endpoint.h"

#define BUSY_MAX      4
#define PAUSE_MAX_MS  5000
#define RETRY_BASE_MS 250
#define RETRY_MAX_MS  60000

struct keys_member {
	struct keys *keys;
	const char *name; /* of the dependency */
	char *path;
	void *arg;
	struct consul_call *call;
	bool is_due, is_troubled, is_known;
	uint64_t hash; /* of the last answer */
};

struct keys {
	struct loop *loop;
	struct consul *consul;
	char *dc;
	bool may_be_stale;
	struct keys_events events;

	struct keys_member **members;
	size_t count, cap;
	struct consul_watch *watch;
	char *prefix; /* what it is for */
	bool is_down; /* the watch has no answer */

	size_t busy;
	bool dirty, in_round;
	int64_t began_ms;
	struct loop_timer *pause;
	struct loop_deferred *begin;
	struct backoff backoff;
};

static void pump(struct keys *keys);

bool keys_can(const struct dep *dep)
{
	return (dep->kind == DEP_KEY || dep->kind == DEP_KEY_EXISTS || dep->kind == DEP_TREE) &&
	       !*dep->ns && !*dep->partition && !*dep->peer && !*dep->sameness_group;
}

static void set_trouble(struct keys_member *member, const struct err *err)
{
	if (!err && !member->is_troubled)
		return;
	member->is_troubled = err != NULL;
	member->keys->events.trouble(member->arg, err);
}

static void on_pause(void *arg)
{
	struct keys *keys = arg;

	keys->pause = NULL;
	pump(keys);
}

static void pause_for(struct keys *keys, int64_t delay_ms)
{
	if (delay_ms > 0 && !keys->pause)
		keys->pause = loop_timer_start(keys->loop, delay_ms, on_pause, keys);
}

static void on_member(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	struct keys_member *member = arg;
	struct keys *keys = member->keys;
	uint64_t hash = json_hash(doc);

	(void)meta;
	member->call = NULL;
	keys->busy--;
	if (err && err->code != ERR_NOT_FOUND) {
		member->is_due = true;
		pause_for(keys, backoff_next_ms(&keys->backoff));
		set_trouble(member, err);
		pump(keys);
		return;
	}
	backoff_reset(&keys->backoff);
	set_trouble(member, NULL);
	if (!member->is_known || member->hash != hash) {
		member->is_known = true;
		member->hash = hash;
		keys->events.answer(member->arg, doc);
	}
	pump(keys);
}

static struct keys_member *next_due(struct keys *keys)
{
	for (size_t i = 0; i < keys->count; i++)
		if (keys->members[i]->is_due && !keys->members[i]->call)
			return keys->members[i];
	return NULL;
}

static void begin_round(struct keys *keys)
{
	keys->dirty = false;
	keys->in_round = true;
	keys->began_ms = clock_mono_ms();
	for (size_t i = 0; i < keys->count; i++)
		keys->members[i]->is_due = true;
}

static void end_round(struct keys *keys)
{
	int64_t took_ms = clock_mono_ms() - keys->began_ms;

	keys->in_round = false;
	pause_for(keys, took_ms < PAUSE_MAX_MS ? took_ms : PAUSE_MAX_MS);
}

static void pump(struct keys *keys)
{
	struct keys_member *member;

	if (keys->is_down || keys->pause)
		return;
	if (keys->dirty && !keys->in_round && !keys->busy)
		begin_round(keys);
	while (keys->busy < BUSY_MAX && (member = next_due(keys))) {
		member->is_due = false;
		member->call = consul_get(keys->consul, member->path, on_member, member);
		keys->busy++;
	}
	if (keys->in_round && !keys->busy)
		end_round(keys);
}

static void on_moved(void *arg, const struct json *doc, const struct consul_meta *meta,
		     const struct err *err)
{
	struct keys *keys = arg;

	(void)doc;
	(void)meta;
	keys->is_down = err != NULL;
	if (err) {
		for (size_t i = 0; i < keys->count; i++)
			set_trouble(keys->members[i], err);
		return;
	}
	keys->dirty = true;
	pump(keys);
}

static size_t common_len(const struct keys *keys)
{
	const char *first = keys->members[0]->name;
	size_t len = strlen(first);

	for (size_t i = 1; i < keys->count; i++) {
		const char *name = keys->members[i]->name;
		size_t same = 0;

		while (same < len && name[same] == first[same])
			same++;
		len = same;
	}
	return len;
}

/* A watch for what all members begin with. A shorter beginning asks for another watch; a longer
 * one than is needed does no harm. */
static void on_begin(void *arg)
{
	struct keys *keys = arg;
	struct strbuf path = STRBUF_INIT;
	unsigned flags = CONSUL_WATCH_INDEX | CONSUL_WATCH_404_IS_DATA |
			 (keys->may_be_stale ? CONSUL_WATCH_STALE : 0);
	size_t len;

	keys->begin = NULL;
	if (!keys->count)
		return;
	len = common_len(keys);
	if (!keys->watch || len < strlen(keys->prefix) ||
	    strncmp(keys->prefix, keys->members[0]->name, strlen(keys->prefix)) != 0) {
		consul_watch_stop(&keys->watch);
		free(keys->prefix);
		keys->prefix = xstrndup(keys->members[0]->name, len);
		strbuf_addstr(&path, "/v1/kv/");
		url_escape_path(&path, keys->prefix);
		strbuf_addstr(&path, "?keys=&separator=%2F");
		if (*keys->dc) {
			strbuf_addstr(&path, "&dc=");
			url_escape(&path, keys->dc);
		}
		keys->watch = consul_watch_start(keys->consul, path.buf, flags, on_moved, keys);
		strbuf_release(&path);
	}
	pump(keys);
}

struct keys *keys_new(struct loop *loop, struct consul *consul, const char *dc, bool may_be_stale,
		      const struct keys_events *events)
{
	struct keys *keys = xcalloc(1, sizeof(*keys));

	keys->loop = loop;
	keys->consul = consul;
	keys->dc = xstrdup(dc);
	keys->may_be_stale = may_be_stale;
	keys->events = *events;
	keys->backoff = (struct backoff){ .base_ms = RETRY_BASE_MS, .max_ms = RETRY_MAX_MS };
	return keys;
}

static void member_free(struct keys_member *member)
{
	consul_call_cancel(&member->call);
	free(member->path);
	free(member);
}

void keys_free(struct keys *keys)
{
	if (!keys)
		return;
	consul_watch_stop(&keys->watch);
	for (size_t i = 0; i < keys->count; i++)
		member_free(keys->members[i]);
	loop_timer_stop(&keys->pause);
	loop_deferred_cancel(&keys->begin);
	free(keys->members);
	free(keys->prefix);
	free(keys->dc);
	free(keys);
}

static void begin_soon(struct keys *keys)
{
	if (!keys->begin)
		keys->begin = loop_defer(keys->loop, on_begin, keys);
}

struct keys_member *keys_add(struct keys *keys, const struct dep *dep, const char *path, void *arg)
{
	struct keys_member *member = xcalloc(1, sizeof(*member));

	member->keys = keys;
	member->name = dep->name;
	member->path = xstrdup(path);
	member->arg = arg;
	/* The watch's first answer asks for all; who comes later asks on its own. */
	member->is_due = keys->watch != NULL;
	GROW(keys->members, keys->count, keys->cap);
	keys->members[keys->count++] = member;
	begin_soon(keys);
	return member;
}

void keys_remove(struct keys_member **slot)
{
	struct keys_member *member = *slot;
	struct keys *keys;

	if (!member)
		return;
	*slot = NULL;
	keys = member->keys;
	for (size_t i = 0; i < keys->count; i++)
		if (keys->members[i] == member) {
			keys->members[i] = keys->members[--keys->count];
			break;
		}
	if (member->call)
		keys->busy--;
	member_free(member);
	begin_soon(keys); /* somebody may have waited for its connection */
}
