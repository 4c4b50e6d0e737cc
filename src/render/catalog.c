/*
 * The three queries set `dirty`; pump() does what is to do with a few requests at a time: first
 * the members that are to be asked for, then what is left of the sweep, which finds more of them.
 * When nothing is left the sweep ends, and if something has become dirty again, the next begins.
 */
#include "catalog_private.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/strmap.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/backoff.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/endpoint.h"

#define RETRY_BASE_MS 250
#define RETRY_MAX_MS  60000

bool catalog_can(const struct dep *dep)
{
	if (*dep->ns || *dep->partition || *dep->peer || *dep->sameness_group)
		return false;
	return dep->kind == DEP_SERVICE || dep->kind == DEP_CONNECT ||
	       (dep->kind == DEP_NODE && *dep->name);
}

/* Its value follows from the nodes' services and the checks. */
bool catalog_is_plain(const struct dep *dep)
{
	return dep->kind == DEP_SERVICE && !*dep->near;
}

char *catalog_path(const struct catalog *catalog, const char *path, const char *query)
{
	struct strbuf out = STRBUF_INIT;

	strbuf_addstr(&out, path);
	if (query)
		strbuf_addf(&out, "%c%s", strchr(out.buf, '?') ? '&' : '?', query);
	if (*catalog->dc) {
		strbuf_addf(&out, "%cdc=", strchr(out.buf, '?') ? '&' : '?');
		url_escape(&out, catalog->dc);
	}
	if (catalog->use_stale)
		strbuf_addf(&out, "%cstale=", strchr(out.buf, '?') ? '&' : '?');
	return strbuf_detach(&out, NULL);
}

/* ---- members and their queue ---- */

void catalog_enqueue(struct catalog_member *member)
{
	struct catalog *catalog = member->catalog;

	if (member->is_queued)
		return;
	member->is_queued = true;
	member->next = NULL;
	member->before = catalog->last;
	if (catalog->last)
		catalog->last->next = member;
	else
		catalog->first = member;
	catalog->last = member;
}

static void dequeue(struct catalog_member *member)
{
	struct catalog *catalog = member->catalog;

	if (!member->is_queued)
		return;
	member->is_queued = false;
	if (member->before)
		member->before->next = member->next;
	else
		catalog->first = member->next;
	if (member->next)
		member->next->before = member->before;
	else
		catalog->last = member->before;
}

static void enqueue_named(const struct strmap *names, const char *name)
{
	for (struct catalog_member *member = strmap_get(names, name); member;
	     member = member->next_same)
		catalog_enqueue(member);
}

static void on_touched(void *arg, const char *service)
{
	struct catalog *catalog = arg;

	if (!strmap_has(&catalog->names, service))
		return;
	catalog->found = true;
	enqueue_named(&catalog->names, service);
}

static void on_node_touched(void *arg, const char *node)
{
	struct catalog *catalog = arg;

	enqueue_named(&catalog->node_names, node);
}

static void set_trouble(struct catalog_member *member, const struct err *err)
{
	if (!err && !member->is_troubled)
		return;
	member->is_troubled = err != NULL;
	member->catalog->events.trouble(member->arg, err);
}

void catalog_set_all_trouble(struct catalog *catalog, const struct err *err)
{
	for (size_t i = 0; i < catalog->count; i++)
		if (err || !catalog->members[i]->must_retry)
			set_trouble(catalog->members[i], err);
}

static void on_retry(void *arg)
{
	struct catalog *catalog = arg;

	catalog->retry = NULL;
	for (size_t i = 0; i < catalog->count; i++)
		if (catalog->members[i]->must_retry)
			catalog_enqueue(catalog->members[i]);
	catalog_pump(catalog);
}

static void on_member(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	struct catalog_member *member = arg;
	struct catalog *catalog = member->catalog;
	uint64_t hash;

	(void)meta;
	member->call = NULL;
	catalog->busy--;
	member->must_retry = err != NULL;
	if (err) {
		if (!catalog->retry)
			catalog->retry = loop_timer_start(catalog->loop,
							  backoff_next_ms(&catalog->retry_backoff),
							  on_retry, catalog);
		catalog->use_stale = catalog->may_be_stale && !catalog->use_stale;
		set_trouble(member, err);
		catalog_pump(catalog);
		return;
	}
	backoff_reset(&catalog->retry_backoff);
	hash = json_hash(doc);
	if (!catalog->down)
		set_trouble(member, NULL);
	if (!member->has_hash || member->hash != hash) {
		catalog->found = true;
		member->has_hash = true;
		member->hash = hash;
		catalog->events.answer(member->arg, doc, NULL);
	}
	catalog_pump(catalog);
}

static void ask_member(struct catalog_member *member)
{
	struct catalog *catalog = member->catalog;
	char *path;

	dequeue(member);
	if (member->call) {
		/* Its question may be older than the change. */
		consul_call_cancel(&member->call);
		catalog->busy--;
	}
	path = catalog->use_stale ? xasprintf("%s%cstale=", member->path,
					      strchr(member->path, '?') ? '&' : '?')
				  : xstrdup(member->path);
	member->look = catalog->look;
	member->call = consul_get(catalog->consul, path, on_member, member);
	catalog->busy++;
	free(path);
}

void catalog_pump(struct catalog *catalog)
{
	for (;;) {
		while (catalog->busy < BUSY_MAX) {
			if (catalog->first)
				ask_member(catalog->first);
			else if (!(catalog->peek_failing && sweep_peek_at_failing(catalog)) &&
				 !(catalog->peeks && sweep_peek(catalog)) &&
				 !(catalog->sweeping && sweep_on(catalog)))
				break;
		}
		if (catalog->busy || catalog->first)
			return;
		if (catalog->sweeping)
			sweep_end(catalog);
		else if (catalog->dirty && catalog->seen == ALL && !catalog->pause)
			sweep_begin(catalog);
		else
			return;
	}
}

/* ---- the three queries ---- */

/* True: there is an answer. */
static bool note(struct catalog *catalog, unsigned which, const struct err *err)
{
	if (err) {
		catalog->down |= which;
		catalog_set_all_trouble(catalog, err);
		return false;
	}
	/* Nobody knows what was missed. */
	if (catalog->down & which)
		catalog->dirty = ALL | ALL_CHECKS;
	catalog->down &= ~which;
	catalog->seen |= which;
	catalog->dirty |= which;
	return true;
}

static void on_services(void *arg, const struct json *doc, const struct consul_meta *meta,
			const struct err *err)
{
	struct catalog *catalog = arg;

	(void)meta;
	if (note(catalog, SERVICES, err)) {
		catalog->service_count = json_count(doc);
		if (catalog->loaded && (catalog->sweeping || catalog->pause))
			catalog->peeks = PEEK_MAX;
		catalog_pump(catalog);
	}
	if (catalog->events.services)
		catalog->events.services(catalog->arg, doc, err);
}

static void on_checks(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	struct catalog *catalog = arg;

	(void)doc;
	(void)meta;
	if (!note(catalog, CHECKS, err))
		return;
	if (catalog->loaded && (catalog->sweeping || catalog->pause))
		catalog->peek_failing = true;
	catalog_pump(catalog);
}

static void on_nodes(void *arg, const struct json *doc, const struct consul_meta *meta,
		     const struct err *err)
{
	struct catalog *catalog = arg;

	(void)meta;
	if (!note(catalog, NODES, err))
		return;
	json_free(catalog->nodes_doc);
	catalog->nodes_doc = json_copy(doc);
	catalog_pump(catalog);
}

static struct consul_watch *watch(struct catalog *catalog, const char *path, const char *query,
				  consul_fn *fn)
{
	unsigned flags = CONSUL_WATCH_INDEX | (catalog->may_be_stale ? CONSUL_WATCH_STALE : 0);
	char *full = catalog_path(catalog, path, query);
	struct consul_watch *made;

	made = consul_watch_start(catalog->consul, full, flags, fn, catalog);
	free(full);
	return made;
}

struct catalog *catalog_new(struct loop *loop, struct consul *consul, const char *dc,
			    bool may_be_stale, const struct catalog_events *events, void *arg)
{
	struct catalog *catalog = xcalloc(1, sizeof(*catalog));

	catalog->loop = loop;
	catalog->consul = consul;
	catalog->dc = xstrdup(dc);
	catalog->may_be_stale = may_be_stale;
	catalog->events = *events;
	catalog->arg = arg;
	catalog->backoff = catalog->retry_backoff =
		(struct backoff){ .base_ms = RETRY_BASE_MS, .max_ms = RETRY_MAX_MS };
	strbuf_init(&catalog->checks_body);
	for (size_t i = 0; i < BUSY_MAX; i++)
		catalog->fetches[i].catalog = catalog;
	catalog->look = 1;
	catalog->mirror = mirror_new(on_touched, on_node_touched, catalog);
	return catalog;
}

void catalog_start(struct catalog *catalog, struct consul_watch *services, size_t service_count)
{
	unsigned flags = CONSUL_WATCH_INDEX | (catalog->may_be_stale ? CONSUL_WATCH_STALE : 0);

	catalog->services = services;
	if (!services)
		catalog->services = watch(catalog, "/v1/catalog/services", NULL, on_services);
	else
		consul_watch_hand_over(services, flags, on_services, catalog);
	if (services && consul_watch_is_current(services)) {
		catalog->service_count = service_count;
		note(catalog, SERVICES, NULL);
	}
	/* No check has this name: the answer stays empty, its index moves with all of them. */
	catalog->checks =
		watch(catalog, "/v1/health/state/any", "filter=CheckID+%3D%3D+%22%22", on_checks);
	catalog->nodes = watch(catalog, "/v1/catalog/nodes", NULL, on_nodes);
}

static void member_free(struct catalog_member *member)
{
	consul_call_cancel(&member->call);
	free(member->path);
	free(member);
}

void catalog_free(struct catalog *catalog)
{
	if (!catalog)
		return;
	consul_watch_stop(&catalog->services);
	consul_watch_stop(&catalog->checks);
	consul_watch_stop(&catalog->nodes);
	for (size_t i = 0; i < catalog->count; i++)
		member_free(catalog->members[i]);
	sweep_release(catalog);
	loop_timer_stop(&catalog->retry);
	loop_deferred_cancel(&catalog->kick);
	json_free(catalog->nodes_doc);
	mirror_free(catalog->mirror);
	strmap_release(&catalog->names);
	strmap_release(&catalog->node_names);
	free(catalog->members);
	free(catalog->dc);
	free(catalog);
}

static struct strmap *names_of(struct catalog_member *member)
{
	struct catalog *catalog = member->catalog;

	return member->dep->kind == DEP_NODE ? &catalog->node_names : &catalog->names;
}

static void on_kick(void *arg)
{
	struct catalog *catalog = arg;

	catalog->kick = NULL;
	catalog_pump(catalog);
}

static void kick(struct catalog *catalog)
{
	if (!catalog->kick)
		catalog->kick = loop_defer(catalog->loop, on_kick, catalog);
}

struct catalog_member *catalog_add(struct catalog *catalog, const struct dep *dep, const char *path,
				   void *arg)
{
	struct catalog_member *member = xcalloc(1, sizeof(*member));

	member->catalog = catalog;
	member->dep = dep;
	member->path = xstrdup(path);
	member->arg = arg;
	member->next_same = strmap_put(names_of(member), dep->name, member);
	GROW(catalog->members, catalog->count, catalog->cap);
	catalog->members[catalog->count++] = member;
	catalog->plain_count += catalog_is_plain(dep);
	/* Before the first sweep it is just one of those that the sweep is for. */
	if (catalog->sweeping || catalog->loaded || catalog->seen == ALL)
		catalog_enqueue(member);
	kick(catalog);
	return member;
}

void catalog_remove(struct catalog_member **slot)
{
	struct catalog_member *member = *slot, *same;
	struct catalog *catalog;
	struct strmap *names;

	if (!member)
		return;
	*slot = NULL;
	catalog = member->catalog;
	dequeue(member);
	if (member->call)
		catalog->busy--; /* somebody may have waited for that */
	kick(catalog);
	names = names_of(member);
	same = strmap_get(names, member->dep->name);
	if (same == member && !member->next_same) {
		strmap_remove(names, member->dep->name);
	} else if (same == member) {
		strmap_put(names, member->dep->name, member->next_same);
	} else {
		while (same->next_same != member)
			same = same->next_same;
		same->next_same = member->next_same;
	}
	for (size_t i = catalog->count; i-- > 0;)
		if (catalog->members[i] == member) {
			catalog->members[i] = catalog->members[--catalog->count];
			break;
		}
	catalog->plain_count -= catalog_is_plain(member->dep);
	member_free(member);
}

size_t catalog_member_count(const struct catalog *catalog)
{
	return catalog->count;
}
