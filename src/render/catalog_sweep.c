/*
 * A sweep reads what is needed to know which services have changed: those of the nodes, the checks
 * that do not pass, and now and then all checks. The first one builds all values from what it
 * reads. What failed is read again later; what it did not come to see counts as not seen.
 */
#include "catalog_private.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/endpoint.h"

#define SWEEP_MAX    2    /* requests, while a sweep looks for what has changed */
#define SLICE_COUNT  4000 /* checks read per turn of the loop */
#define PAUSE_MAX_MS 5000
#define CHECKS_MS    5000 /* all checks are read so long after a change of one */
/* What reading one entry of a node costs, compared with one more request. */
#define ENTRIES_PER_REQUEST 40
#define INSTANCES_A_SERVICE 3

static bool is_wanted(void *arg, const char *service)
{
	struct catalog *catalog = arg;

	return strmap_has(&catalog->names, service);
}

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
	catalog_pump(catalog);
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
	catalog_pump(catalog);
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
		catalog_pump(catalog);
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
			catalog_enqueue(catalog->members[i]);
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
	catalog_pump(catalog);
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
	path = catalog_path(catalog, plain.buf, NULL);
	fetch->call = consul_get_body(catalog->consul, path, compressed, on_node_body, fetch);
	catalog->busy++;
	strbuf_release(&plain);
	free(path);
}

/*
 * Something has changed while a sweep goes on or its pause: that is mostly where things changed
 * last. The sweep that follows finds it elsewhere.
 */
bool sweep_peek(struct catalog *catalog)
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
	char *path = catalog_path(catalog, "/v1/health/state/any", "filter=Status+!%3D+passing");

	catalog->failing_pending = true;
	catalog->look++;
	fetch->call = consul_get_body(catalog->consul, path, compressed, on_failing_checks, fetch);
	catalog->busy++;
	free(path);
}

bool sweep_peek_at_failing(struct catalog *catalog)
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
bool sweep_on(struct catalog *catalog)
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
	path = catalog_path(catalog, "/v1/health/state/any", NULL);
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

		member->in_build = catalog_is_plain(member->dep);
		if (!member->in_build)
			catalog_enqueue(member);
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
	catalog_pump(catalog);
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

void sweep_begin(struct catalog *catalog)
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
			catalog_enqueue(catalog->members[i]);
		return;
	}
	if (!catalog->loaded) {
		begin_build(catalog);
		return;
	}
	for (size_t i = 0; i < catalog->count; i++)
		if (catalog->members[i]->dep->kind == DEP_CONNECT)
			catalog_enqueue(catalog->members[i]);
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
			if (catalog_is_plain(member->dep) && !member->has_hash)
				catalog_enqueue(member); /* came when the build had begun */
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
	catalog_pump(catalog);
}

void sweep_end(struct catalog *catalog)
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
			catalog_set_all_trouble(catalog, NULL);
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
		catalog_set_all_trouble(catalog, &catalog->why);
		pause_ms = backoff_next_ms(&catalog->backoff);
	}
	if (pause_ms > 0)
		catalog->pause = loop_timer_start(catalog->loop, pause_ms, on_pause, catalog);
}

void sweep_release(struct catalog *catalog)
{
	for (size_t i = 0; i < BUSY_MAX; i++) {
		consul_call_cancel(&catalog->fetches[i].call);
		free(catalog->fetches[i].node);
	}
	loop_timer_stop(&catalog->pause);
	loop_timer_stop(&catalog->owed);
	loop_deferred_cancel(&catalog->slice);
	release_early(catalog, false);
	free(catalog->early);
	forget_todo(catalog);
	strbuf_release(&catalog->checks_body);
}
