/*
 * The three queries set `dirty`; pump() does what is to do with a few requests at a time: first
 * the members that are to be asked for, then what is left of the sweep, which finds more of them.
 * When nothing is left the sweep ends, and if something has become dirty again, the next begins.
 */
#include "catalog.h"

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

#define BUSY_MAX      6
#define SWEEP_MAX     2    /* of them, while a sweep looks for what has changed */
#define SLICE_COUNT   4000 /* checks read per turn of the loop */
#define PAUSE_MAX_MS  5000
#define PEEK_MAX      2    /* nodes that a change is looked for in at once */
#define CHECKS_MS     5000 /* all checks are read so long after a change of one */
#define RETRY_BASE_MS 250
#define RETRY_MAX_MS  60000
/* What reading one entry of a node costs, compared with one more request. */
#define ENTRIES_PER_REQUEST 40
#define INSTANCES_A_SERVICE 3

enum {
	SERVICES = 1,
	CHECKS = 2,
	NODES = 4,
	ALL = SERVICES | CHECKS | NODES,
	ALL_CHECKS = 8, /* those that pass as well */
};

struct catalog_member {
	struct catalog *catalog;
	const struct dep *dep;
	char *path;
	void *arg;
	struct catalog_member *next_same;     /* of the same name */
	struct catalog_member *next, *before; /* in the queue */
	struct consul_call *call;
	bool is_queued, in_build, must_retry, is_troubled;
	bool has_hash;
	uint64_t hash; /* of the last answer */
	uint64_t look; /* at the failing checks, before which it was asked last; 0: never asked */
};

/* A node's services, or checks. */
struct fetch {
	struct catalog *catalog;
	struct consul_call *call;
	char *node;
};

/* A node's answer that came before the checks, while values are built. */
struct early {
	char *node;
	struct strbuf body;
};

struct catalog {
	struct loop *loop;
	struct consul *consul;
	char *dc;
	struct catalog_events events;
	void *arg;
	struct mirror *mirror;

	struct consul_watch *services, *checks, *nodes;
	struct json *nodes_doc; /* not taken yet */
	size_t service_count;   /* of the datacenter */
	unsigned seen, down;    /* which of the three have answered; which do not */
	unsigned dirty;

	struct strmap names;      /* service to its first member */
	struct strmap node_names; /* node to its first member of kind DEP_NODE */
	struct catalog_member **members;
	size_t count, cap;
	size_t plain_count; /* members that can be built */
	struct catalog_member *first, *last;

	size_t busy; /* requests under way */
	bool loaded; /* the mirror is complete */
	bool may_be_stale, use_stale;
	size_t peeks;      /* nodes to look into before all others, whatever goes on */
	uint64_t look;     /* counts the questions for the failing checks, from 1 */
	bool peek_failing; /* the same with the checks that do not pass */
	struct loop_timer *pause, *retry, *owed;
	struct loop_deferred *slice, *kick;
	struct backoff backoff, retry_backoff;

	/* the sweep that goes on */
	bool sweeping, found;
	unsigned swept;
	int64_t began_ms;
	struct err why; /* code ERR_NONE: no failure yet */
	char **todo;    /* nodes to read */
	size_t todo_count, todo_at;
	bool want_failing, failing_pending, want_checks, checks_pending;
	struct fetch fetches[BUSY_MAX];
	struct strbuf checks_body;
	struct json_scan checks_scan;
	struct early *early;
	size_t early_count, early_cap;
};

static void pump(struct catalog *catalog);

bool catalog_can(const struct dep *dep)
{
	if (*dep->ns || *dep->partition || *dep->peer || *dep->sameness_group)
		return false;
	return dep->kind == DEP_SERVICE || dep->kind == DEP_CONNECT ||
	       (dep->kind == DEP_NODE && *dep->name);
}

/* Its value follows from the nodes' services and the checks. */
static bool is_plain(const struct dep *dep)
{
	return dep->kind == DEP_SERVICE && !*dep->near;
}

static char *path_with(const struct catalog *catalog, const char *path, const char *query)
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

static void enqueue(struct catalog_member *member)
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
		enqueue(member);
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

static bool is_wanted(void *arg, const char *service)
{
	struct catalog *catalog = arg;

	return strmap_has(&catalog->names, service);
}

static void set_trouble(struct catalog_member *member, const struct err *err)
{
	if (!err && !member->is_troubled)
		return;
	member->is_troubled = err != NULL;
	member->catalog->events.trouble(member->arg, err);
}

static void set_all_trouble(struct catalog *catalog, const struct err *err)
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
			enqueue(catalog->members[i]);
	pump(catalog);
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
		pump(catalog);
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
	pump(catalog);
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

/* ---- the sweep: nodes and checks ---- */

static void fail(struct catalog *catalog, const struct err *err)
{
	if (catalog->why.code == ERR_NONE)
		catalog->why = *err;
	catalog->todo_at = catalog->todo_count;
	catalog->want_failing = catalog->want_checks = false;
}

static void fail_at(struct catalog *catalog, struct err *err)
{
	err_context(err, "Consul %s", consul_address(catalog->consul));
	fail(catalog, err);
}

static struct json_text text_of(const struct strbuf *body)
{
	return (struct json_text){ body->buf, body->len };
}

static void take_node_body(struct catalog *catalog, const char *node, const struct strbuf *body)
{
	struct err err;

	if (!mirror_take_node(catalog->mirror, node, text_of(body), &err))
		fail_at(catalog, &err);
}

static void keep_early(struct catalog *catalog, const char *node, struct strbuf *body)
{
	GROW(catalog->early, catalog->early_count, catalog->early_cap);
	catalog->early[catalog->early_count].node = xstrdup(node);
	catalog->early[catalog->early_count++].body = *body;
	strbuf_init(body);
}

static void release_early(struct catalog *catalog, bool take)
{
	for (size_t i = 0; i < catalog->early_count; i++) {
		if (take)
			take_node_body(catalog, catalog->early[i].node, &catalog->early[i].body);
		free(catalog->early[i].node);
		strbuf_release(&catalog->early[i].body);
	}
	catalog->early_count = 0;
}

static void fetch_ended(struct fetch *fetch)
{
	free(fetch->node);
	*fetch = (struct fetch){ .catalog = fetch->catalog };
	fetch->catalog->busy--;
}

static void on_node_body(void *arg, struct strbuf *body, const struct consul_meta *meta,
			 const struct err *err)
{
	struct fetch *fetch = arg;
	struct catalog *catalog = fetch->catalog;

	(void)meta;
	if (err)
		fail(catalog, err);
	else if (mirror_is_building(catalog->mirror) && catalog->checks_pending)
		keep_early(catalog, fetch->node, body);
	else
		take_node_body(catalog, fetch->node, body);
	fetch_ended(fetch);
	pump(catalog);
}

static void checks_ended(struct catalog *catalog)
{
	catalog->checks_pending = false;
	strbuf_release(&catalog->checks_body);
	release_early(catalog, catalog->why.code == ERR_NONE);
}

/* Some thousand checks take a moment to read: the screen and the other peers get their turns. */
static void on_slice(void *arg)
{
	struct catalog *catalog = arg;
	struct json_text key, check;
	struct err err = { 0 };
	bool more = true;

	catalog->slice = NULL;
	for (int i = 0; i < SLICE_COUNT && more && !err.code; i++) {
		more = json_scan_next(&catalog->checks_scan, &key, &check);
		if (more)
			mirror_take_check(catalog->mirror, check, &err);
	}
	if (more && !err.code) {
		catalog->slice = loop_defer(catalog->loop, on_slice, catalog);
		return;
	}
	if (catalog->checks_scan.failed)
		err_set(&err, ERR_FORMAT, "malformed JSON in the list of checks");
	if (err.code)
		fail_at(catalog, &err);
	else
		mirror_end_checks(catalog->mirror);
	checks_ended(catalog);
	catalog->busy--;
	pump(catalog);
}

static void on_checks_body(void *arg, struct strbuf *body, const struct consul_meta *meta,
			   const struct err *err)
{
	struct fetch *fetch = arg;
	struct catalog *catalog = fetch->catalog;

	(void)meta;
	fetch_ended(fetch);
	if (err) {
		fail(catalog, err);
		checks_ended(catalog);
		pump(catalog);
		return;
	}
	catalog->checks_body = *body;
	strbuf_init(body);
	catalog->checks_scan = json_scan_begin(text_of(&catalog->checks_body));
	mirror_begin_checks(catalog->mirror);
	catalog->busy++;
	catalog->slice = loop_defer(catalog->loop, on_slice, catalog);
}

/*
 * Who was asked since the last look for another reason may have been told of a check that failed
 * just then. If it passes again, neither look has seen it.
 */
static void ask_recent_again(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->count; i++)
		if (catalog->members[i]->look == catalog->look - 1)
			enqueue(catalog->members[i]);
}

static void on_failing_checks(void *arg, struct strbuf *body, const struct consul_meta *meta,
			      const struct err *err)
{
	struct fetch *fetch = arg;
	struct catalog *catalog = fetch->catalog;
	struct err why;

	(void)meta;
	fetch_ended(fetch);
	catalog->failing_pending = false;
	if (err)
		fail(catalog, err);
	else if (!mirror_take_failing_checks(catalog->mirror, text_of(body), &why))
		fail_at(catalog, &why);
	else
		ask_recent_again(catalog);
	pump(catalog);
}

static struct fetch *free_fetch(struct catalog *catalog)
{
	for (size_t i = 0; i < BUSY_MAX; i++)
		if (!catalog->fetches[i].call)
			return &catalog->fetches[i];
	return NULL;
}

/* Takes the name. */
static void ask_node(struct catalog *catalog, struct fetch *fetch, char *name, bool compressed)
{
	struct strbuf plain = STRBUF_INIT;
	char *path;

	fetch->node = name;
	strbuf_addstr(&plain, "/v1/catalog/node/");
	url_escape(&plain, name);
	path = path_with(catalog, plain.buf, NULL);
	fetch->call = consul_get_body(catalog->consul, path, compressed, on_node_body, fetch);
	catalog->busy++;
	strbuf_release(&plain);
	free(path);
}

/*
 * Something has changed while a sweep goes on or its pause: that is mostly where things changed
 * last. The sweep that follows finds it elsewhere.
 */
static bool peek(struct catalog *catalog)
{
	struct fetch *fetch = free_fetch(catalog);
	size_t count = mirror_node_count(catalog->mirror), at = PEEK_MAX - catalog->peeks;
	const char **names;

	if (!fetch || at >= count) {
		catalog->peeks = 0;
		return false;
	}
	catalog->peeks--;
	names = xreallocarray(NULL, count, sizeof(*names));
	mirror_list_nodes(catalog->mirror, names);
	ask_node(catalog, fetch, xstrdup(names[at]), true);
	free(names);
	return true;
}

static void ask_failing(struct catalog *catalog, struct fetch *fetch, bool compressed)
{
	char *path = path_with(catalog, "/v1/health/state/any", "filter=Status+!%3D+passing");

	catalog->failing_pending = true;
	catalog->look++;
	fetch->call = consul_get_body(catalog->consul, path, compressed, on_failing_checks, fetch);
	catalog->busy++;
	free(path);
}

static bool peek_at_failing(struct catalog *catalog)
{
	struct fetch *fetch = free_fetch(catalog);

	if (!fetch || catalog->failing_pending)
		return false;
	catalog->peek_failing = false;
	ask_failing(catalog, fetch, true);
	return true;
}

static bool is_building(const struct catalog *catalog)
{
	return mirror_is_building(catalog->mirror);
}

/* The next request of the sweep. False: none is left, or it must wait for another. */
static bool sweep_on(struct catalog *catalog)
{
	struct fetch *fetch = free_fetch(catalog);
	bool building = is_building(catalog);
	bool nodes_left = catalog->todo_at < catalog->todo_count;
	/* Reading again what is mostly known: the wire is spared, the agent takes longer. */
	bool compressed = !building;
	char *path;

	/* More would make the agent slower to answer for the node that did change, which is
	 * mostly the first. */
	if (!fetch || (!building && catalog->busy >= SWEEP_MAX))
		return false;
	if (catalog->want_failing && catalog->failing_pending)
		return false;
	if (catalog->want_failing) {
		catalog->want_failing = false;
		ask_failing(catalog, fetch, compressed);
		return true;
	}
	if (nodes_left && (!building || !catalog->want_checks)) {
		ask_node(catalog, fetch, catalog->todo[catalog->todo_at], compressed);
		catalog->todo[catalog->todo_at++] = NULL;
		return true;
	}
	if (!catalog->want_checks || catalog->failing_pending)
		return false;
	catalog->want_checks = false;
	catalog->checks_pending = true;
	path = path_with(catalog, "/v1/health/state/any", NULL);
	fetch->call = consul_get_body(catalog->consul, path, compressed, on_checks_body, fetch);
	catalog->busy++;
	free(path);
	return true;
}

static void forget_todo(struct catalog *catalog)
{
	for (size_t i = 0; i < catalog->todo_count; i++)
		free(catalog->todo[i]);
	free(catalog->todo);
	catalog->todo = NULL;
	catalog->todo_count = catalog->todo_at = 0;
}

static void list_todo(struct catalog *catalog)
{
	size_t count = mirror_node_count(catalog->mirror);
	const char **names = xreallocarray(NULL, count + 1, sizeof(*names));

	mirror_list_nodes(catalog->mirror, names);
	catalog->todo = xreallocarray(NULL, count + 1, sizeof(*catalog->todo));
	for (size_t i = 0; i < count; i++)
		catalog->todo[i] = xstrdup(names[i]);
	catalog->todo_count = count;
	catalog->todo_at = 0;
	free(names);
}

/* Is reading everything cheaper than asking for each member? */
static bool is_worth_mirroring(const struct catalog *catalog)
{
	size_t price = mirror_node_count(catalog->mirror) +
		       catalog->service_count * INSTANCES_A_SERVICE / ENTRIES_PER_REQUEST;

	/* Not to and fro at the border. */
	return catalog->plain_count > (catalog->loaded ? price / 2 : price);
}

static void begin_build(struct catalog *catalog)
{
	mirror_begin_build(catalog->mirror, is_wanted);
	for (size_t i = 0; i < catalog->count; i++) {
		struct catalog_member *member = catalog->members[i];

		member->in_build = is_plain(member->dep);
		if (!member->in_build)
			enqueue(member);
	}
	catalog->want_failing = false;
	catalog->want_checks = true;
	loop_timer_stop(&catalog->owed);
	list_todo(catalog);
}

static void on_owed(void *arg)
{
	struct catalog *catalog = arg;

	catalog->owed = NULL;
	catalog->dirty |= ALL_CHECKS;
	pump(catalog);
}

/*
 * A check that fails, or does not any more, is among those that do not pass, and these are few. All
 * checks tell besides what the passing ones say: that may come a moment later, for many changes at
 * once.
 */
static void want_checks(struct catalog *catalog)
{
	catalog->want_failing = catalog->swept & (CHECKS | ALL_CHECKS);
	catalog->want_checks = catalog->swept & ALL_CHECKS;
	if (catalog->want_checks)
		loop_timer_stop(&catalog->owed);
	else if (catalog->want_failing && !catalog->owed)
		catalog->owed = loop_timer_start(catalog->loop, CHECKS_MS, on_owed, catalog);
}

static void begin_sweep(struct catalog *catalog)
{
	catalog->sweeping = true;
	catalog->found = false;
	catalog->why = (struct err){ 0 };
	catalog->began_ms = clock_mono_ms();
	if (catalog->nodes_doc) {
		if (mirror_take_nodes(catalog->mirror, catalog->nodes_doc))
			catalog->dirty |= SERVICES | CHECKS | ALL_CHECKS;
		json_free(catalog->nodes_doc);
		catalog->nodes_doc = NULL;
	}
	catalog->swept = catalog->dirty;
	catalog->dirty = 0;
	if (!is_worth_mirroring(catalog)) {
		catalog->loaded = false;
		for (size_t i = 0; i < catalog->count; i++)
			enqueue(catalog->members[i]);
		return;
	}
	if (!catalog->loaded) {
		begin_build(catalog);
		return;
	}
	for (size_t i = 0; i < catalog->count; i++)
		if (catalog->members[i]->dep->kind == DEP_CONNECT)
			enqueue(catalog->members[i]);
	want_checks(catalog);
	if (catalog->swept & SERVICES)
		list_todo(catalog);
}

static void deliver(struct catalog *catalog)
{
	const struct tmpl_value **values = xcalloc(catalog->count + 1, sizeof(*values));
	struct shared_arena *shared;

	for (size_t i = 0; i < catalog->count; i++)
		if (catalog->members[i]->in_build)
			values[i] = mirror_built(catalog->mirror, catalog->members[i]->dep);
	shared = mirror_end_build(catalog->mirror);
	for (size_t i = 0; i < catalog->count; i++) {
		struct catalog_member *member = catalog->members[i];

		if (!member->in_build) {
			if (is_plain(member->dep) && !member->has_hash)
				enqueue(member); /* came when the build had begun */
			continue;
		}
		member->in_build = member->has_hash = false;
		catalog->events.value(member->arg, shared, values[i]);
	}
	shared_arena_drop(&shared);
	free(values);
	catalog->loaded = true;
}

static void on_pause(void *arg)
{
	struct catalog *catalog = arg;

	catalog->pause = NULL;
	pump(catalog);
}

static void end_sweep(struct catalog *catalog)
{
	int64_t took_ms = clock_mono_ms() - catalog->began_ms, pause_ms;

	catalog->sweeping = false;
	forget_todo(catalog);
	if (catalog->why.code == ERR_NONE) {
		if (is_building(catalog))
			deliver(catalog);
		backoff_reset(&catalog->backoff);
		catalog->use_stale = false;
		if (!catalog->down)
			set_all_trouble(catalog, NULL);
		pause_ms = catalog->found ? took_ms : 4 * took_ms;
		if (pause_ms > PAUSE_MAX_MS)
			pause_ms = PAUSE_MAX_MS;
	} else {
		if (mirror_is_building(catalog->mirror)) {
			struct shared_arena *shared = mirror_end_build(catalog->mirror);

			shared_arena_drop(&shared);
		}
		catalog->dirty |= catalog->swept;
		catalog->use_stale = catalog->may_be_stale && !catalog->use_stale;
		set_all_trouble(catalog, &catalog->why);
		pause_ms = backoff_next_ms(&catalog->backoff);
	}
	if (pause_ms > 0)
		catalog->pause = loop_timer_start(catalog->loop, pause_ms, on_pause, catalog);
}

static void pump(struct catalog *catalog)
{
	for (;;) {
		while (catalog->busy < BUSY_MAX) {
			if (catalog->first)
				ask_member(catalog->first);
			else if (!(catalog->peek_failing && peek_at_failing(catalog)) &&
				 !(catalog->peeks && peek(catalog)) &&
				 !(catalog->sweeping && sweep_on(catalog)))
				break;
		}
		if (catalog->busy || catalog->first)
			return;
		if (catalog->sweeping)
			end_sweep(catalog);
		else if (catalog->dirty && catalog->seen == ALL && !catalog->pause)
			begin_sweep(catalog);
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
		set_all_trouble(catalog, err);
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
		pump(catalog);
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
	pump(catalog);
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
	pump(catalog);
}

static struct consul_watch *watch(struct catalog *catalog, const char *path, const char *query,
				  consul_fn *fn)
{
	unsigned flags = CONSUL_WATCH_INDEX | (catalog->may_be_stale ? CONSUL_WATCH_STALE : 0);
	char *full = path_with(catalog, path, query);
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
	for (size_t i = 0; i < BUSY_MAX; i++) {
		consul_call_cancel(&catalog->fetches[i].call);
		free(catalog->fetches[i].node);
	}
	loop_timer_stop(&catalog->pause);
	loop_timer_stop(&catalog->retry);
	loop_timer_stop(&catalog->owed);
	loop_deferred_cancel(&catalog->slice);
	loop_deferred_cancel(&catalog->kick);
	release_early(catalog, false);
	free(catalog->early);
	forget_todo(catalog);
	strbuf_release(&catalog->checks_body);
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
	pump(catalog);
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
	catalog->plain_count += is_plain(dep);
	/* Before the first sweep it is just one of those that the sweep is for. */
	if (catalog->sweeping || catalog->loaded || catalog->seen == ALL)
		enqueue(member);
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
	catalog->plain_count -= is_plain(member->dep);
	member_free(member);
}

size_t catalog_member_count(const struct catalog *catalog)
{
	return catalog->count;
}
