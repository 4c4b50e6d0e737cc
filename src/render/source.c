/*
 * A few dependencies are one blocking query each, for ever, exactly as Consul Template asks. When
 * there are more services than that, a catalog answers them all over three queries (catalog.h).
 * The others: `node` without a name asks the agent who it is first; datacenters and files are
 * polled, as nothing tells of their change.
 */
#include "source.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "binnacle/base/digest.h"
#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/endpoint.h"
#include "binnacle/tmpl/data.h"

#include "catalog.h"
#include "keys.h"

#define DATACENTERS_MS 15000
#define FILE_MS        2000
#define RETRY_MS       5000
#define FEW_SERVICES   4 /* as many have a query of their own */
#define FEW_KEYS       4
#define FEW_QUERIES    6 /* more would have to take turns */

struct answer {
	struct render_source *source;
	struct dep *dep; /* its own */
	struct consul_watch *watch;
	struct catalog_member *member;
	struct keys_member *key;
	struct consul_call *call;
	struct loop_timer *timer;
	struct loop_deferred *deferred;
	struct arena arena;
	struct shared_arena *shared;    /* NULL: the value is in `arena` */
	const struct tmpl_value *value; /* NULL: none yet */
	uint64_t hash;                  /* of a list of services that a catalog gave */
	struct err trouble;             /* code ERR_NONE: none */
	struct stat seen;               /* of a file */
	char digest[DIGEST_HEX_BYTES];  /* of what was polled */
	/* datacenters without those that do not answer */
	struct json *asked; /* names still to ask; the first one is being asked */
	struct json *alive;
};

/* A datacenter whose services a catalog answers. */
struct place {
	struct catalog *catalog;
	struct answer *services; /* who gets its list of services; NULL: nobody */
};

struct render_source {
	struct loop *loop;
	struct consul *consul;
	bool no_stale;
	size_t limit;
	struct strmap answers; /* canonical text to struct answer */
	struct strmap places;  /* datacenter to struct place; none while there are few services */
	size_t catalog_count;  /* answers that a catalog could give */
	struct strmap keys;    /* datacenter to struct keys; none while there are few */
	size_t key_count;      /* answers that `keys` could give */
	size_t query_count;    /* answers with a query of their own */
	render_source_fn *changed;
	render_source_trouble_fn *trouble;
	size_t troubled; /* answers */
	void *arg;
};

static void poll_datacenters(void *arg);
static void poll_file(void *arg);
static void ask_agent(void *arg);

static void add_query(struct strbuf *out, const char *name, const char *value)
{
	strbuf_addch(out, strchr(out->buf, '?') ? '&' : '?');
	strbuf_addf(out, "%s=", name);
	url_escape(out, value);
}

static void add_query_if(struct strbuf *out, const char *name, const char *value)
{
	if (value[0])
		add_query(out, name, value);
}

bool render_source_path(const struct dep *dep, struct strbuf *out)
{
	static const struct {
		enum dep_kind kind;
		const char *path;
		bool has_name, is_key;
	} paths[] = {
		{ DEP_SERVICE, "/v1/health/service/", true, false },
		{ DEP_CONNECT, "/v1/health/connect/", true, false },
		{ DEP_SERVICES, "/v1/catalog/services", false, false },
		{ DEP_NODE, "/v1/catalog/node/", true, false },
		{ DEP_NODES, "/v1/catalog/nodes", false, false },
		{ DEP_DATACENTERS, "/v1/catalog/datacenters", false, false },
		{ DEP_KEY, "/v1/kv/", true, true },
		{ DEP_KEY_EXISTS, "/v1/kv/", true, true },
		{ DEP_TREE, "/v1/kv/", true, true },
		{ DEP_CA_ROOTS, "/v1/agent/connect/ca/roots", false, false },
		{ DEP_CA_LEAF, "/v1/agent/connect/ca/leaf/", true, false },
		{ DEP_PARTITIONS, "/v1/partitions", false, false },
		{ DEP_PEERINGS, "/v1/peerings", false, false },
		{ DEP_EXPORTED_SERVICES, "/v1/exported-services", false, false },
	};
	bool found = false;

	for (size_t i = 0; i < COUNT_OF(paths) && !found; i++) {
		if (paths[i].kind != dep->kind)
			continue;
		found = true;
		strbuf_addstr(out, paths[i].path);
		if (paths[i].is_key)
			url_escape_path(out, dep->name);
		else if (paths[i].has_name)
			url_escape(out, dep->name);
	}
	if (!found || dep->kind == DEP_DATACENTERS)
		return found;
	add_query_if(out, "dc", dep->dc);
	add_query_if(out, "near", dep->near);
	add_query_if(out, "ns", dep->ns);
	add_query_if(out, "partition", dep->partition);
	if ((dep->kind == DEP_SERVICE || dep->kind == DEP_CONNECT) &&
	    dep->filters == DEP_FILTER_PASSING)
		add_query(out, "passing", "1"); /* other filters are applied to the answer */
	add_query_if(out, "peer", dep->peer);
	if (dep->kind == DEP_TREE)
		add_query(out, "recurse", "");
	add_query_if(out, "sameness-group", dep->sameness_group);
	add_query_if(out, "tag", dep->tag);
	return true;
}

static size_t count_of(const struct tmpl_value *value)
{
	return value && value->type->kind == TMPL_LIST ? value->u.list.count : 0;
}

/* Take a new value, made in `arena`, which the answer owns from now on. */
static void take_value(struct answer *answer, struct arena arena, const struct tmpl_value *value)
{
	struct render_source *source = answer->source;
	bool is_first = !answer->value;
	long delta = (long)count_of(value) - (long)count_of(answer->value);

	shared_arena_drop(&answer->shared);
	arena_release(&answer->arena);
	answer->arena = arena;
	answer->value = value;
	source->changed(source->arg, answer->dep, is_first ? 0 : delta, is_first);
}

static void note_trouble(struct answer *answer, const struct err *err)
{
	if (err || answer->trouble.code) {
		answer->source->troubled -= answer->trouble.code != ERR_NONE;
		answer->trouble = err ? *err : (struct err){ 0 };
		answer->source->troubled += answer->trouble.code != ERR_NONE;
		answer->source->trouble(answer->source->arg, answer->dep);
	}
}

static void set_trouble(struct answer *answer, const struct err *err)
{
	if (err && !answer->trouble.code)
		log_warn("render", "%s: %s", answer->dep->text, err->msg);
	else if (!err && answer->trouble.code)
		log_info("render", "%s: answers again", answer->dep->text);
	note_trouble(answer, err);
}

static void on_watch(void *arg, const struct json *doc, const struct consul_meta *meta,
		     const struct err *err)
{
	struct answer *answer = arg;
	struct arena arena = ARENA_INIT;
	const struct tmpl_value *value;
	struct err why;

	(void)meta;
	if (err) {
		set_trouble(answer, err);
		return;
	}
	value = tmpl_value_from_json(&arena, answer->dep, doc, &why);
	if (!value) {
		arena_release(&arena);
		/* A key that is gone keeps its last value, one that never was has none. */
		set_trouble(answer, why.code == ERR_NOT_FOUND ? NULL : &why);
		return;
	}
	set_trouble(answer, NULL);
	take_value(answer, arena, value);
}

static void stop_watch(struct answer *answer)
{
	answer->source->query_count -= answer->watch != NULL;
	consul_watch_stop(&answer->watch);
}

/* ---- services, when they are many ---- */

static void on_member_answer(void *arg, const struct json *doc, const struct err *err)
{
	on_watch(arg, doc, NULL, err);
}

static void on_member_value(void *arg, struct shared_arena *shared, const struct tmpl_value *value)
{
	struct answer *answer = arg;

	set_trouble(answer, NULL);
	shared->refs++;
	take_value(answer, (struct arena)ARENA_INIT, value);
	answer->shared = shared;
}

/* Without a line in the log for each of thousands: the watches have told of the outage. */
static void on_member_trouble(void *arg, const struct err *err)
{
	note_trouble(arg, err);
}

/* The list of services comes with each change of an instance, and is mostly the same. */
static void on_list_of_services(void *arg, const struct json *doc, const struct err *err)
{
	struct answer *answer = arg;
	uint64_t hash;

	if (err) {
		on_watch(answer, NULL, NULL, err);
		return;
	}
	hash = json_hash(doc);
	if (answer->value && answer->hash == hash) {
		set_trouble(answer, NULL);
		return;
	}
	answer->hash = hash;
	on_watch(answer, doc, NULL, NULL);
}

static void on_catalog_services(void *arg, const struct json *doc, const struct err *err)
{
	struct place *place = arg;

	if (place->services)
		on_list_of_services(place->services, doc, err);
}

static struct place *place_of(struct render_source *source, const char *dc)
{
	static const struct catalog_events events = {
		.answer = on_member_answer,
		.value = on_member_value,
		.trouble = on_member_trouble,
		.services = on_catalog_services,
	};
	struct place *place = strmap_get(&source->places, dc);

	if (place)
		return place;
	place = xcalloc(1, sizeof(*place));
	strmap_put(&source->places, dc, place);
	place->catalog =
		catalog_new(source->loop, source->consul, dc, !source->no_stale, &events, place);
	/* The catalog asks for the list of services as well: once is enough. */
	for (size_t i = 0; i < source->answers.count; i++) {
		struct answer *answer = source->answers.entries[i].value;

		if (answer->dep->kind != DEP_SERVICES || strcmp(answer->dep->dc, dc) != 0)
			continue;
		place->services = answer;
		source->query_count -= answer->watch != NULL;
		catalog_start(place->catalog, answer->watch, count_of(answer->value));
		answer->watch = NULL;
		return place;
	}
	catalog_start(place->catalog, NULL, 0);
	return place;
}

static void join_catalog(struct answer *answer)
{
	struct strbuf path = STRBUF_INIT;
	struct place *place = place_of(answer->source, answer->dep->dc);

	stop_watch(answer);
	render_source_path(answer->dep, &path);
	answer->member = catalog_add(place->catalog, answer->dep, path.buf, answer);
	strbuf_release(&path);
}

/* All services that have a query of their own leave it. */
static void use_catalogs(struct render_source *source)
{
	for (size_t i = 0; i < source->answers.count; i++) {
		struct answer *answer = source->answers.entries[i].value;

		if (catalog_can(answer->dep) && !answer->member)
			join_catalog(answer);
	}
}

/* ---- keys, when they are several ---- */

static void on_key_answer(void *arg, const struct json *doc)
{
	on_watch(arg, doc, NULL, NULL);
}

static void join_keys(struct answer *answer)
{
	static const struct keys_events events = { .answer = on_key_answer,
						   .trouble = on_member_trouble };
	struct render_source *source = answer->source;
	struct keys *keys = strmap_get(&source->keys, answer->dep->dc);
	struct strbuf path = STRBUF_INIT;

	stop_watch(answer);
	if (!keys) {
		keys = keys_new(source->loop, source->consul, answer->dep->dc, !source->no_stale,
				&events);
		strmap_put(&source->keys, answer->dep->dc, keys);
	}
	render_source_path(answer->dep, &path);
	answer->key = keys_add(keys, answer->dep, path.buf, answer);
	strbuf_release(&path);
}

static void use_keys(struct render_source *source)
{
	for (size_t i = 0; i < source->answers.count; i++) {
		struct answer *answer = source->answers.entries[i].value;

		if (keys_can(answer->dep) && !answer->key)
			join_keys(answer);
	}
}

/* ---- one query each ---- */

static void start_watch(struct answer *answer, const struct dep *dep)
{
	struct strbuf path = STRBUF_INIT;
	unsigned flags = answer->source->no_stale ? 0 : CONSUL_WATCH_STALE;

	if (dep->kind == DEP_KEY || dep->kind == DEP_KEY_EXISTS || dep->kind == DEP_TREE)
		flags |= CONSUL_WATCH_404_IS_DATA;
	/* Answered by the agent itself: there is no leader to spare. */
	if (dep->kind == DEP_CA_ROOTS || dep->kind == DEP_CA_LEAF)
		flags = 0;
	render_source_path(dep, &path);
	answer->watch =
		consul_watch_start(answer->source->consul, path.buf, flags, on_watch, answer);
	answer->source->query_count++;
	strbuf_release(&path);
}

/* A query of its own, as long as there are few; else one that many share. */
static void start(struct answer *answer)
{
	struct render_source *source = answer->source;

	if (catalog_can(answer->dep) && source->places.count) {
		join_catalog(answer);
		return;
	}
	if (keys_can(answer->dep) && source->keys.count) {
		join_keys(answer);
		return;
	}
	start_watch(answer, answer->dep);
	if (source->key_count > FEW_KEYS ||
	    (source->query_count > FEW_QUERIES && source->key_count > 1))
		use_keys(source);
	if (source->catalog_count > FEW_SERVICES ||
	    (source->query_count > FEW_QUERIES && source->catalog_count == FEW_SERVICES))
		use_catalogs(source);
}

static void again_in(struct answer *answer, int64_t delay_ms, loop_fn *fn)
{
	answer->timer = loop_timer_start(answer->source->loop, delay_ms, fn, answer);
}

/* node "": the name of the agent's own node, then that node. */
static void on_agent(void *arg, const struct json *doc, const struct consul_meta *meta,
		     const struct err *err)
{
	struct answer *answer = arg;
	const char *name = json_str(doc, "Config.NodeName", "");
	struct dep dep = *answer->dep;

	(void)meta;
	answer->call = NULL;
	if (err || !name[0]) {
		struct err none;

		if (!err)
			err_set(&none, ERR_FORMAT, "the agent does not say its node's name");
		set_trouble(answer, err ? err : &none);
		again_in(answer, RETRY_MS, ask_agent);
		return;
	}
	dep.name = name;
	start_watch(answer, &dep);
}

static void ask_agent(void *arg)
{
	struct answer *answer = arg;

	answer->timer = NULL;
	answer->call = consul_get(answer->source->consul, "/v1/agent/self", on_agent, answer);
}

static void finish_datacenters(struct answer *answer, const struct json *names)
{
	struct strbuf text = STRBUF_INIT;
	struct arena arena = ARENA_INIT;
	const struct tmpl_value *value;
	char digest[DIGEST_HEX_BYTES];
	struct err err;

	again_in(answer, DATACENTERS_MS, poll_datacenters);
	json_print(&text, names);
	digest_sha256_hex(text.buf, text.len, digest);
	strbuf_release(&text);
	set_trouble(answer, NULL);
	if (strcmp(digest, answer->digest) == 0)
		return;
	value = tmpl_value_from_json(&arena, answer->dep, names, &err);
	if (!value) {
		set_trouble(answer, &err);
		arena_release(&arena);
		return;
	}
	memcpy(answer->digest, digest, sizeof(digest));
	take_value(answer, arena, value);
}

static void forget_asked(struct answer *answer)
{
	json_free(answer->asked);
	json_free(answer->alive);
	answer->asked = answer->alive = NULL;
}

static void ask_next_datacenter(struct answer *answer, size_t index);

static void on_one_datacenter(void *arg, const struct json *doc, const struct consul_meta *meta,
			      const struct err *err)
{
	struct answer *answer = arg;
	size_t index = (size_t)json_int(answer->asked, "index", 0);
	const struct json *name = json_first(json_get(answer->asked, "names"));

	(void)doc;
	(void)meta;
	answer->call = NULL;
	for (size_t i = 0; i < index; i++)
		name = json_next(name);
	if (!err)
		json_add_str(answer->alive, NULL, json_as_str(name, ""));
	ask_next_datacenter(answer, index + 1);
}

static void ask_next_datacenter(struct answer *answer, size_t index)
{
	const struct json *name = json_first(json_get(answer->asked, "names"));
	struct strbuf path = STRBUF_INIT;

	for (size_t i = 0; name && i < index; i++)
		name = json_next(name);
	if (!name) {
		struct json *alive = answer->alive;

		answer->alive = NULL;
		forget_asked(answer);
		finish_datacenters(answer, alive);
		json_free(alive);
		return;
	}
	json_set(answer->asked, "index", json_new_int((int64_t)index));
	strbuf_addstr(&path, "/v1/catalog/services");
	add_query(&path, "dc", json_as_str(name, ""));
	add_query(&path, "consistent", "");
	answer->call = consul_get(answer->source->consul, path.buf, on_one_datacenter, answer);
	strbuf_release(&path);
}

static void on_datacenters(void *arg, const struct json *doc, const struct consul_meta *meta,
			   const struct err *err)
{
	struct answer *answer = arg;

	(void)meta;
	answer->call = NULL;
	if (err || !json_is_array(doc)) {
		struct err none;

		if (!err)
			err_set(&none, ERR_FORMAT, "the list of datacenters is not a list");
		set_trouble(answer, err ? err : &none);
		again_in(answer, DATACENTERS_MS, poll_datacenters);
		return;
	}
	if (!answer->dep->skip_unreachable) {
		finish_datacenters(answer, doc);
		return;
	}
	answer->asked = json_new_object();
	json_add(answer->asked, "names", json_copy(doc));
	answer->alive = json_new_array();
	ask_next_datacenter(answer, 0);
}

static void poll_datacenters(void *arg)
{
	struct answer *answer = arg;

	answer->timer = NULL;
	answer->call = consul_get(answer->source->consul, "/v1/catalog/datacenters", on_datacenters,
				  answer);
}

static bool is_same_file(const struct stat *a, const struct stat *b)
{
	return a->st_ino == b->st_ino && a->st_size == b->st_size &&
	       a->st_mtim.tv_sec == b->st_mtim.tv_sec && a->st_mtim.tv_nsec == b->st_mtim.tv_nsec;
}

static void read_file(struct answer *answer)
{
	struct strbuf text = STRBUF_INIT;
	struct arena arena = ARENA_INIT;
	char digest[DIGEST_HEX_BYTES];
	struct stat st;
	struct err err;

	if (stat(answer->dep->name, &st) == 0 && answer->value && is_same_file(&st, &answer->seen))
		return;
	if (!file_read(answer->dep->name, LIMIT_TEMPLATE_FILE, &text, &err)) {
		set_trouble(answer, &err);
		return;
	}
	set_trouble(answer, NULL);
	answer->seen = st;
	digest_sha256_hex(text.buf, text.len, digest);
	if (!answer->value || strcmp(digest, answer->digest) != 0) {
		const struct tmpl_value *value = tmpl_string(&arena, text.buf, text.len);

		memcpy(answer->digest, digest, sizeof(digest));
		take_value(answer, arena, value);
	}
	strbuf_release(&text);
}

static void poll_file(void *arg)
{
	struct answer *answer = arg;

	answer->timer = NULL;
	again_in(answer, FILE_MS, poll_file);
	read_file(answer);
}

static void on_first_turn(void *arg)
{
	struct answer *answer = arg;

	answer->deferred = NULL;
	poll_file(answer);
}

static void answer_free(struct answer *answer)
{
	stop_watch(answer);
	consul_call_cancel(&answer->call);
	loop_timer_stop(&answer->timer);
	loop_deferred_cancel(&answer->deferred);
	catalog_remove(&answer->member);
	keys_remove(&answer->key);
	answer->source->catalog_count -= catalog_can(answer->dep);
	answer->source->key_count -= keys_can(answer->dep);
	answer->source->troubled -= answer->trouble.code != ERR_NONE;
	for (size_t i = 0; i < answer->source->places.count; i++) {
		struct place *place = answer->source->places.entries[i].value;

		if (place->services == answer)
			place->services = NULL;
	}
	forget_asked(answer);
	shared_arena_drop(&answer->shared);
	arena_release(&answer->arena);
	free(answer->dep);
	free(answer);
}

struct render_source *render_source_new(struct loop *loop, struct consul *consul, bool no_stale,
					size_t limit, render_source_fn *changed,
					render_source_trouble_fn *trouble, void *arg)
{
	struct render_source *source = xcalloc(1, sizeof(*source));

	source->loop = loop;
	source->consul = consul;
	source->no_stale = no_stale;
	source->limit = limit;
	source->changed = changed;
	source->trouble = trouble;
	source->arg = arg;
	return source;
}

void render_source_free(struct render_source *source)
{
	if (!source)
		return;
	/* Not member by member. */
	for (size_t i = 0; i < source->answers.count; i++) {
		struct answer *answer = source->answers.entries[i].value;

		answer->member = NULL;
		answer->key = NULL;
	}
	for (size_t i = 0; i < source->keys.count; i++)
		keys_free(source->keys.entries[i].value);
	strmap_release(&source->keys);
	for (size_t i = 0; i < source->places.count; i++) {
		struct place *place = source->places.entries[i].value;

		catalog_free(place->catalog);
		free(place);
	}
	strmap_release(&source->places);
	for (size_t i = 0; i < source->answers.count; i++)
		answer_free(source->answers.entries[i].value);
	strmap_release(&source->answers);
	free(source);
}

const struct tmpl_value *render_source_lookup(struct render_source *source, const struct dep *dep)
{
	const struct answer *answer = strmap_get(&source->answers, dep->text);

	return answer ? answer->value : NULL;
}

bool render_source_watch(struct render_source *source, const struct dep *dep, struct err *err)
{
	struct answer *answer;

	if (strmap_has(&source->answers, dep->text))
		return true;
	if (source->answers.count >= source->limit)
		return err_set(err, ERR_REFUSED,
			       "the templates ask for more than %zu different things (%s)",
			       source->limit, dep->text);
	answer = xcalloc(1, sizeof(*answer));
	answer->source = source;
	answer->dep = dep_dup(dep);
	strmap_put(&source->answers, dep->text, answer);
	source->catalog_count += catalog_can(dep);
	source->key_count += keys_can(dep);
	if (dep->kind == DEP_FILE)
		answer->deferred = loop_defer(source->loop, on_first_turn, answer);
	else if (dep->kind == DEP_DATACENTERS)
		poll_datacenters(answer);
	else if (dep->kind == DEP_NODE && !dep->name[0])
		ask_agent(answer);
	else
		start(answer);
	return true;
}

void render_source_sweep(struct render_source *source, bool (*keep)(void *arg, const char *text),
			 void *arg)
{
	for (size_t i = source->answers.count; i-- > 0;) {
		const struct strmap_entry *entry = &source->answers.entries[i];

		if (!keep(arg, entry->key))
			answer_free(strmap_remove(&source->answers, entry->key));
	}
}

const struct err *render_source_trouble(const struct render_source *source, const char *text)
{
	/* Mostly there is none, and somebody asks for thousands. */
	const struct answer *answer = source->troubled ? strmap_get(&source->answers, text) : NULL;

	return answer && answer->trouble.code ? &answer->trouble : NULL;
}

size_t render_source_count(const struct render_source *source)
{
	return source->answers.count;
}
