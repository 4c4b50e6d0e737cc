#include "support/model_fixture.h"

#include <stdio.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "support/calico_fixture.h"

#define SECOND 1000LL
#define MINUTE (60 * SECOND)
#define HOUR   (60 * MINUTE)

static struct text_list list_of(struct snapshot *snapshot, const char *words)
{
	const char *items[16];
	char *copy = arena_strdup(&snapshot->arena, words);
	size_t count = 0;

	for (char *p = copy; *p && count < COUNT_OF(items);) {
		p += strspn(p, " ");
		if (!*p)
			break;
		items[count++] = p;
		p += strcspn(p, " ");
		if (*p)
			*p++ = '\0';
	}
	return snapshot_list(snapshot, items, count);
}

static void fill_members(struct model *model)
{
	static const struct {
		const char *name, *address, *role, *status;
		enum row_state state;
		bool leader;
		int warning, critical;
	} rows[] = {
		{ "dock-4", "10.0.0.14", "client", "FAIL", STATE_CRIT, false, -1, -1 },
		{ "hub-1", "10.0.0.1", "server", "alive", STATE_PASS, true, 0, 0 },
		{ "hub-2", "10.0.0.2", "server", "alive", STATE_PASS, false, 0, 0 },
		{ "hub-3", "10.0.0.3", "server", "alive", STATE_PASS, false, 0, 0 },
		{ "dock-1", "10.0.0.11", "client", "alive", STATE_PASS, false, 0, 0 },
		{ "dock-2", "10.0.0.12", "client", "alive", STATE_PASS, false, 1, 0 },
		{ "dock-3", "10.0.0.13", "client", "alive", STATE_PASS, false, 0, 0 },
		{ "edge-1", "10.0.0.21", "client", "alive", STATE_PASS, false, 0, 0 },
		{ "edge-2", "10.0.0.22", "client", "left", STATE_NONE, false, -1, -1 },
	};
	struct snapshot *snapshot = snapshot_new(MODEL_MEMBERS);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct member *row = snapshot_add(snapshot);

		row->id = rows[i].name;
		row->address = rows[i].address;
		row->role = rows[i].role;
		row->status = rows[i].status;
		row->state = rows[i].state;
		row->is_leader = rows[i].leader;
		row->warning = rows[i].warning;
		row->critical = rows[i].critical;
		row->build = i == 8 ? "1.9.4" : "1.9.5";
		row->dc = "dc1";
		row->services = 3;
		row->since_ms = FIXTURE_NOW_MS - (i == 0 ? 14 * MINUTE : 30 * HOUR);
	}
	model_publish(model, snapshot);
}

static const struct service_spec {
	const char *name, *status;
	enum row_state state;
	int passing, warning, critical;
	const char *nodes, *tags, *used_by, *output;
	int dangling;
} service_specs[] = {
	{ "web", "CRIT", STATE_CRIT, 3, 0, 1, "dock-1 dock-2 dock-3 dock-4", "http v42",
	  "upstreams.conf sites/web.conf", "HTTP GET http://192.168.1.17:8080/health: timeout 10s",
	  0 },
	{ "cart", "WARN", STATE_WARN, 2, 1, 0, "dock-2 dock-3 dock-4", "http",
	  "upstreams.conf sites/cart.conf", "TTL expires in 4s", 0 },
	{ "report", "none", STATE_NONE, 1, 0, 0, "dock-4", "batch", "", "", 0 },
	{ "api", "pass", STATE_PASS, 4, 0, 0, "dock-1 dock-2 dock-3 dock-4", "http v17",
	  "upstreams.conf sites/api.conf", "", 0 },
	{ "mail", "pass", STATE_PASS, 1, 0, 0, "dock-4", "smtp", "sites/mail.conf", "", 1 },
	{ "auth", "pass", STATE_PASS, 2, 0, 0, "dock-1 dock-4", "http", "", "", 0 },
	{ "img", "pass", STATE_PASS, 3, 0, 0, "dock-1 dock-2 dock-3", "http cdn", "", "", 0 },
	{ "search", "pass", STATE_PASS, 2, 0, 0, "dock-2 dock-3", "http", "", "", 0 },
	{ "queue", "pass", STATE_PASS, 1, 0, 0, "dock-4", "amqp", "stream.conf", "", 0 },
	{ "cache", "pass", STATE_PASS, 3, 0, 0, "dock-1 dock-2 dock-3", "tcp", "", "", 0 },
	{ "billing", "pass", STATE_PASS, 1, 0, 0, "dock-2", "http", "", "", 0 },
	{ "consul", "pass", STATE_PASS, 3, 0, 0, "hub-1 hub-2 hub-3", "", "", "", 0 },
	{ "admin", "pass", STATE_PASS, 1, 0, 0, "dock-1", "http", "", "", 0 },
	{ "feeds", "pass", STATE_PASS, 2, 0, 0, "dock-3 dock-4", "http", "", "", 0 },
	{ "geo", "pass", STATE_PASS, 1, 0, 0, "dock-2", "http", "maps.conf", "", 0 },
	{ "hooks", "pass", STATE_PASS, 1, 0, 0, "dock-2", "http", "", "", 0 },
	{ "login", "pass", STATE_PASS, 2, 0, 0, "dock-1 dock-3", "http", "", "", 0 },
	{ "maps", "maint", STATE_MAINT, 1, 0, 0, "dock-4", "http", "maps.conf", "", 0 },
	{ "notes", "pass", STATE_PASS, 1, 0, 0, "dock-4", "http", "", "", 0 },
	{ "pay", "pass", STATE_PASS, 2, 0, 0, "dock-1 dock-2", "http", "", "", 0 },
	{ "proxy", "pass", STATE_PASS, 2, 0, 0, "edge-1 edge-2", "http", "", "", 0 },
	{ "stats", "pass", STATE_PASS, 1, 0, 0, "dock-3", "udp", "", "", 0 },
	{ "sync", "pass", STATE_PASS, 1, 0, 0, "dock-2", "tcp", "", "", 0 },
	{ "video", "pass", STATE_PASS, 2, 0, 0, "dock-3 dock-4", "http", "", "", 0 },
	{ "wiki", "pass", STATE_PASS, 1, 0, 0, "dock-2", "http", "", "", 0 },
};

static const struct service_spec hostile_specs[] = {
	{ FIXTURE_ESCAPES, "pass", STATE_PASS, 1, 0, 0, "dock-1", "\033[31mred", "", "\a\b\r\n",
	  0 },
	{ FIXTURE_DIRECTION, "pass", STATE_PASS, 1, 0, 0, "dock-1", "http", "", "", 0 },
	{ FIXTURE_CJK, "CRIT", STATE_CRIT, 0, 0, 1, "dock-1", FIXTURE_CJK, "",
	  FIXTURE_CJK FIXTURE_CJK FIXTURE_CJK FIXTURE_CJK FIXTURE_CJK FIXTURE_CJK, 0 },
	{ FIXTURE_MARKS, "WARN", STATE_WARN, 0, 1, 0, "dock-1", "http", "", "", 0 },
};

static void add_service(struct snapshot *snapshot, const struct service_spec *spec, size_t index)
{
	struct service *row = snapshot_add(snapshot);

	row->id = spec->name;
	row->status = spec->status;
	row->state = spec->state;
	row->passing = spec->passing;
	row->warning = spec->warning;
	row->critical = spec->critical;
	row->nodes = list_of(snapshot, spec->nodes);
	row->tags = list_of(snapshot, spec->tags);
	row->used_by = list_of(snapshot, spec->used_by);
	row->output = spec->output;
	row->source = strcmp(spec->name, "consul") == 0 ? "man" : "reg";
	row->dangling = spec->dangling;
	row->since_ms = FIXTURE_NOW_MS - (int64_t)(index + 1) * HOUR;
}

void model_fixture_services(struct model *model, size_t extra, const char *without, bool hostile)
{
	struct snapshot *snapshot = snapshot_new(MODEL_SERVICES);

	for (size_t i = 0; i < extra; i++) {
		struct service_spec spec = service_specs[0];

		/* In front of all others in the table's own order. */
		spec.name = arena_printf(&snapshot->arena, "aaa-%zu", i);
		add_service(snapshot, &spec, i);
	}
	for (size_t i = 0; i < COUNT_OF(service_specs); i++)
		if (!without || strcmp(service_specs[i].name, without) != 0)
			add_service(snapshot, &service_specs[i], i);
	for (size_t i = 0; hostile && i < COUNT_OF(hostile_specs); i++)
		add_service(snapshot, &hostile_specs[i], i);
	model_publish(model, snapshot);
}

void model_fixture_change_row(struct model *model)
{
	struct snapshot *snapshot = snapshot_new(MODEL_SERVICES);

	for (size_t i = 0; i < COUNT_OF(service_specs); i++) {
		struct service_spec spec = service_specs[i];

		if (i == 1)
			spec.output = "TTL expired, no heartbeat for 31s";
		add_service(snapshot, &spec, i);
	}
	model_publish(model, snapshot);
}

void model_fixture_many(struct model *model, size_t count)
{
	struct snapshot *snapshot = snapshot_new(MODEL_SERVICES);

	for (size_t i = 0; i < count; i++) {
		struct service_spec spec = service_specs[i % COUNT_OF(service_specs)];

		spec.name = arena_printf(&snapshot->arena, "%s-%05zu", spec.name, i);
		add_service(snapshot, &spec, i);
	}
	model_publish(model, snapshot);
}

static void fill_instances(struct model *model)
{
	static const struct {
		const char *id, *service, *node, *node_address, *address, *container, *status;
		enum row_state state;
		int port;
		const char *output;
		bool dangling;
	} rows[] = {
		{ "dock-1/dock-1:web.4:8080", "web", "dock-1", "10.0.0.11", "192.168.1.17", "web.4",
		  "CRIT", STATE_CRIT, 8080, "HTTP GET http://192.168.1.17:8080/health: timeout 10s",
		  false },
		{ "dock-2/dock-2:web.1:8080", "web", "dock-2", "10.0.0.12", "192.168.2.6", "web.1",
		  "pass", STATE_PASS, 8080, "HTTP 200", false },
		{ "dock-3/dock-3:web.1:8080", "web", "dock-3", "10.0.0.13", "192.168.3.2", "web.1",
		  "pass", STATE_PASS, 8080, "HTTP 200", false },
		{ "dock-4/dock-4:web.1:8080", "web", "dock-4", "10.0.0.14", "192.168.4.4", "web.1",
		  "pass", STATE_PASS, 8080, "HTTP 200", false },
		{ "dock-2/dock-2:cart.1:80", "cart", "dock-2", "10.0.0.12", "192.168.2.31",
		  "cart.1", "WARN", STATE_WARN, 80, "TTL expires in 4s", false },
		{ "dock-4/dock-4:mail.1:25", "mail", "dock-4", "10.0.0.14", "192.168.4.9", "mail.1",
		  "pass", STATE_PASS, 25, "", true },
	};
	struct snapshot *snapshot = snapshot_new(MODEL_INSTANCES);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct instance *row = snapshot_add(snapshot);

		row->id = rows[i].id;
		row->service_id = strchr(rows[i].id, '/') + 1;
		row->service = rows[i].service;
		row->node = rows[i].node;
		row->node_address = rows[i].node_address;
		row->address = rows[i].address;
		row->container = rows[i].container;
		row->status = rows[i].status;
		row->state = rows[i].state;
		row->port = rows[i].port;
		row->output = rows[i].output;
		row->dangling = rows[i].dangling;
		row->why = rows[i].dangling ? "dock-4 has no container mail.1" : "";
		row->since_ms = FIXTURE_NOW_MS - 20 * SECOND;
	}
	model_publish(model, snapshot);
}

static void fill_events(struct model *model)
{
	static const struct {
		int ago_s;
		const char *action;
		enum row_state state;
		const char *service, *instance, *why;
		int repeated;
	} rows[] = {
		{ 4, "added", STATE_DONE, "web", "dock-1:web.4:8080", "", 1 },
		{ 6, "removed", STATE_NONE, "web", "dock-1:web.3:8080", "exit 0", 1 },
		{ 13, "FAILED", STATE_FAILED, "cart", "dock-2:cart.1:80", "agent answered 500", 1 },
		{ 31, "ignored", STATE_NONE, "dbtool", "9f31c2aa", "no ports", 14 },
		{ 59, "added", STATE_DONE, "api", "dock-3:api.2:9000", "", 1 },
		{ 72, "dangling", STATE_STALE, "mail", "dock-4:mail.1:25", "no container", 1 },
		{ 100, "removed", STATE_NONE, "img", "dock-2:img.3:80", "exit 137", 1 },
		{ 101, "added", STATE_DONE, "img", "dock-2:img.4:80", "", 1 },
		{ 249, "stale", STATE_STALE, "geo", "dock-2:geo.1:80", "exited", 1 },
		{ 267, "added", STATE_DONE, "geo", "dock-2:geo.2:80", "", 1 },
		{ 421, "removed", STATE_NONE, "api", "dock-3:api.1:9000", "exit 0", 1 },
		{ 433, "added", STATE_DONE, "wiki", "dock-2:wiki.1:80", "", 1 },
		{ 578, "added", STATE_DONE, "pay", "dock-1:pay.2:80", "", 1 },
		{ 669, "removed", STATE_NONE, "pay", "dock-1:pay.1:80", "exit 0", 1 },
	};
	struct snapshot *snapshot = snapshot_new(MODEL_EVENTS);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct event *row = snapshot_add(snapshot);

		row->id = arena_printf(&snapshot->arena, "%zu", 100 - i);
		row->time_ms = FIXTURE_NOW_MS - rows[i].ago_s * SECOND;
		row->action = rows[i].action;
		row->state = rows[i].state;
		row->service = rows[i].service;
		row->instance = rows[i].instance;
		row->why = rows[i].why;
		row->node = "dock-2";
		row->container = "9f31c2aa77b0";
		row->source = "docker";
		row->repeated = rows[i].repeated;
	}
	model_publish(model, snapshot);
}

static void fill_renders(struct model *model)
{
	static const struct {
		const char *name, *status;
		enum row_state state;
		int added, removed;
		const char *check, *trigger, *message, *brake;
		int written_min;
	} rows[] = {
		{ "sites/cart.conf", "FAILED", STATE_FAILED, 1, 0, "FAIL", "cart",
		  "unknown directive \"proxy_passs\" in sites/cart.conf:12", "", 21 },
		{ "maps.conf", "HELD", STATE_HELD, 12, 0, "ok", "kv:maps/", "",
		  "would remove more than half of all upstream servers", 169 },
		{ "upstreams.conf", "PENDING", STATE_PENDING, 4, 2, "ok", "web, cart", "", "", 20 },
		{ "sites/web.conf", "clean", STATE_PASS, 0, 0, "ok", "", "", "", 59 },
		{ "sites/api.conf", "clean", STATE_PASS, 0, 0, "ok", "", "", "", 59 },
		{ "sites/mail.conf", "clean", STATE_PASS, 0, 0, "ok", "", "", "", 242 },
		{ "stream.conf", "clean", STATE_PASS, 0, 0, "ok", "", "", "", 242 },
	};
	struct snapshot *snapshot = snapshot_new(MODEL_RENDERS);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct render *row = snapshot_add(snapshot);

		row->id = rows[i].name;
		row->source = arena_printf(&snapshot->arena, "/etc/binnacle/templates/%s.ctmpl",
					   rows[i].name);
		row->destination =
			arena_printf(&snapshot->arena, "/etc/nginx/conf.d/%s", rows[i].name);
		row->status = rows[i].status;
		row->state = rows[i].state;
		row->added = rows[i].added;
		row->removed = rows[i].removed;
		row->check = rows[i].check;
		row->trigger = rows[i].trigger;
		row->message = rows[i].message;
		row->brake = rows[i].brake;
		row->written_ms = FIXTURE_NOW_MS - rows[i].written_min * MINUTE;
		row->loaded_ms = row->written_ms + SECOND;
		row->generations = 3;
		row->since_ms = row->written_ms;
		row->cause = "health.service(web|passing) (+1)";
		row->executed_ms = FIXTURE_NOW_MS - 20 * SECOND;
		row->executions = 17 + (int64_t)i;
		row->dependencies = 4;
	}
	model_publish(model, snapshot);
}

void model_fixture_waiting(struct model *model)
{
	static const char *const waiting[] = { "kv.block(maps/default)",
					       "health.service(geo|passing)" };
	struct snapshot *snapshot = snapshot_new(MODEL_RENDERS);
	struct render *row = snapshot_add(snapshot);
	int64_t *since_ms = arena_alloc(&snapshot->arena, sizeof(*since_ms) * COUNT_OF(waiting));

	row->id = "maps.conf";
	row->source = "/etc/binnacle/templates/maps.conf.ctmpl";
	row->destination = "/etc/nginx/conf.d/maps.conf";
	row->status = "waiting";
	row->state = STATE_UNKNOWN;
	row->check = "?";
	row->cause = "catalog.services";
	row->waiting_for = snapshot_list(snapshot, waiting, COUNT_OF(waiting));
	row->waiting_since_ms = since_ms;
	since_ms[0] = FIXTURE_NOW_MS - 2 * HOUR;
	since_ms[1] = FIXTURE_NOW_MS - 40 * SECOND;
	row->since_ms = since_ms[0];
	row->executed_ms = FIXTURE_NOW_MS - 40 * SECOND;
	row->executions = 5;
	row->dependencies = 3;
	row->connections = 6;
	row->queries_waiting = 2;
	row->answers = 31;
	model_publish(model, snapshot);
}

static void fill_generations(struct model *model)
{
	static const struct {
		const char *id, *name, *status, *sha256;
		enum row_state state;
		int number, bytes, ago_min;
	} rows[] = {
		{ "upstreams.conf:pending", "pending", "pending", "90595a91b31ec0de", STATE_PENDING,
		  0, 1840, 0 },
		{ "upstreams.conf:live", "live", "live", "8ee5b897121cc0de", STATE_PASS, 0, 1733,
		  20 },
		{ "upstreams.conf:3", "3", "kept", "6e496784b33dc0de", STATE_NONE, 3, 1702, 20 },
		{ "upstreams.conf:2", "2", "kept", "fa8afc3e3ed4c0de", STATE_NONE, 2, 1650, 190 },
		{ "upstreams.conf:1", "1", "no file", "", STATE_NONE, 1, 0, 250 },
	};
	struct snapshot *snapshot = snapshot_new(MODEL_GENERATIONS);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct generation_row *row = snapshot_add(snapshot);

		row->id = rows[i].id;
		row->template = "upstreams.conf";
		row->name = rows[i].name;
		row->status = rows[i].status;
		row->state = rows[i].state;
		row->number = rows[i].number;
		row->bytes = rows[i].bytes;
		row->sha256 = rows[i].sha256;
		row->time_ms = rows[i].ago_min ? FIXTURE_NOW_MS - rows[i].ago_min * MINUTE : 0;
	}
	model_publish(model, snapshot);
}

static void fill_endpoints(struct model *model)
{
	static const struct {
		const char *name, *node, *address, *status;
		enum row_state state;
		const char *why;
		bool cleanable;
	} rows[] = {
		{ "mail.1", "dock-4", "192.168.4.9", "STALE", STATE_STALE,
		  "node FAIL 14m, no container", true },
		{ "cart.0", "dock-2", "192.168.2.31", "STALE", STATE_STALE, "no container for 3d",
		  true },
		{ "web.2", "dock-1", "192.168.1.17", "DUP", STATE_WARN, "same IP as web.4", false },
		{ "video.2", "dock-4", "192.168.4.12", "?", STATE_UNKNOWN, "docker DOWN", false },
		{ "queue.1", "dock-4", "192.168.4.3", "?", STATE_UNKNOWN, "docker DOWN", false },
		{ "web.4", "dock-1", "192.168.1.17", "live", STATE_PASS, "", false },
		{ "api.2", "dock-3", "192.168.3.5", "live", STATE_PASS, "", false },
		{ "img.4", "dock-2", "192.168.2.8", "live", STATE_PASS, "", false },
		{ "auth.1", "dock-1", "192.168.1.9", "live", STATE_PASS, "", false },
		{ "search.1", "dock-2", "192.168.2.10", "live", STATE_PASS, "", false },
		{ "feeds.2", "dock-3", "192.168.3.7", "live", STATE_PASS, "", false },
		{ "pay.2", "dock-1", "192.168.1.20", "live", STATE_PASS, "", false },
		{ "geo.2", "dock-2", "192.168.2.41", "live", STATE_PASS, "", false },
		{ "wiki.1", "dock-2", "192.168.2.42", "live", STATE_PASS, "", false },
	};
	struct snapshot *snapshot = snapshot_new(MODEL_ENDPOINTS);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct endpoint_row *row = snapshot_add(snapshot);

		row->id = arena_printf(&snapshot->arena,
				       "/calico/v1/host/%s/workload/libnetwork/libnetwork/endpoint/"
				       "7d9f3c20b1e84a6d5f0c2277aa91e3%02zx",
				       rows[i].node, i);
		row->name = strrchr(row->id, '/') + 1;
		row->workload = "libnetwork";
		row->orchestrator = "libnetwork";
		row->node = rows[i].node;
		row->addresses = list_of(snapshot, rows[i].address);
		row->profiles = list_of(snapshot, "backend");
		row->evidence = list_of(snapshot, "");
		row->interface = "cali3f0a91c";
		row->status = rows[i].status;
		row->state = rows[i].state;
		row->why = rows[i].why;
		row->container = rows[i].name;
		row->cleanable = rows[i].cleanable;
		row->modified_index = 812 + (int64_t)i;
		row->since_ms = FIXTURE_NOW_MS - (i == 1 ? 72 * HOUR : 14 * MINUTE);
		row->document = "{\"state\":\"active\",\"name\":\"cali3f0a91c\"}";
	}
	model_publish(model, snapshot);
}

static void fill_containers(struct model *model)
{
	static const struct {
		const char *id, *name, *node, *registered;
	} rows[] = {
		{ "9f31c2aa77b0", "web.4", "dock-1", "web:8080" },
		{ "77be01c2aa31", "web.1", "dock-2", "web:8080" },
		{ "5be1c07a90c2", "cart.1", "dock-2", "cart:80" },
	};
	struct snapshot *snapshot = snapshot_new(MODEL_CONTAINERS);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct container_row *row = snapshot_add(snapshot);

		row->id = arena_printf(&snapshot->arena, "%s/%s", rows[i].node, rows[i].id);
		row->container_id = rows[i].id;
		row->name = rows[i].name;
		row->image = "registry/app:42";
		row->node = rows[i].node;
		row->registered = rows[i].registered;
		row->status = "running";
		row->state = STATE_PASS;
		row->since_ms = FIXTURE_NOW_MS - 3 * HOUR;
		if (i == 0)
			row->registration =
				"web:8080\tregistered   dock-1:web.4:8080 at 10.0.0.11   tags "
				"http\n"
				"\tDUP, also registered as 5f2c77be01c2:web.4:8080\n"
				"9000/tcp\tignored: 9000/tcp exposed, not published; network "
				"bridge; use -internal or -p\n"
				"container\tWARN, SERVICE_TAG is an ordinary attribute; tags come "
				"from SERVICE_TAGS\n";
	}
	model_publish(model, snapshot);
}

static void fill_jobs(struct model *model)
{
	static const struct {
		const char *id, *verb, *targets, *status, *step, *by, *message;
		enum row_state state;
		int done, total, took;
	} rows[] = {
		{ "31", "apply", "upstreams.conf", "running", "check", "you", "", STATE_RUNNING, 2,
		  3, 400 },
		{ "30", "clean endpoints", "endpoints (12)", "FAILED", "removed", "you",
		  "3 of 12 failed; the rest are done", STATE_FAILED, 9, 12, 6100 },
		{ "29", "register", "dock-3:api.2:9000", "done", "registered", "auto", "",
		  STATE_DONE, 1, 1, 100 },
		{ "28", "apply", "sites/web.conf", "done", "reloaded", "auto", "", STATE_DONE, 3, 3,
		  900 },
	};
	struct snapshot *snapshot = snapshot_new(MODEL_JOBS);

	for (size_t i = 0; i < COUNT_OF(rows); i++) {
		struct job_row *row = snapshot_add(snapshot);

		row->id = rows[i].id;
		row->verb = rows[i].verb;
		row->targets = rows[i].targets;
		row->status = rows[i].status;
		row->step = rows[i].step;
		row->by = rows[i].by;
		row->message = rows[i].message;
		row->state = rows[i].state;
		row->steps_done = rows[i].done;
		row->steps_total = rows[i].total;
		row->took_ms = rows[i].took;
		row->started_ms = FIXTURE_NOW_MS - (int64_t)i * MINUTE;
	}
	model_publish(model, snapshot);
}

static void fill_journal(struct model *model)
{
	struct snapshot *snapshot = snapshot_new(MODEL_JOURNAL);
	struct journal_row *row = snapshot_add(snapshot);

	row->id = "30";
	row->time_ms = FIXTURE_NOW_MS - MINUTE;
	row->verb = "apply";
	row->targets = "upstreams.conf";
	row->result = "done";
	row->user = "ana";
	row->plan_hash = "90c2";
	row->state = STATE_DONE;
	model_publish(model, snapshot);
}

static void fill_facts(struct model *model, bool calm)
{
	struct model_facts *facts = model_facts_mut(model);

	snprintf(facts->datacenter, sizeof(facts->datacenter), "dc1");
	snprintf(facts->leader, sizeof(facts->leader), "hub-1");
	snprintf(facts->node, sizeof(facts->node), "edge-1");
	facts->render_mode = facts->register_mode = MODE_HOLD;
	model_facts_changed(model);
	model_source_alive(model, SOURCE_CONSUL, 8);
	model_set_source(model, SOURCE_CONSUL, SOURCE_OK, "", "");
	model_source_alive(model, SOURCE_DOCKER, 3);
	model_source_alive(model, SOURCE_CALICO, 3);
	if (calm) {
		model_set_source(model, SOURCE_DOCKER, SOURCE_OK, "4/4", "");
		model_set_source(model, SOURCE_CALICO, SOURCE_OK, "", "");
	} else {
		model_set_source(model, SOURCE_DOCKER, SOURCE_DOWN, "3/4",
				 "dock-4: connection refused");
		model_set_source(model, SOURCE_CALICO, SOURCE_STALE, "",
				 "etcd has not answered for 48 s");
	}
	model_source_alive(model, SOURCE_NGINX, 1);
	model_set_source(model, SOURCE_NGINX, SOURCE_OK, "pid 812", "");
}

void model_fixture_fill(struct model *model, bool hostile)
{
	fill_members(model);
	model_fixture_services(model, 0, NULL, hostile);
	fill_instances(model);
	fill_events(model);
	fill_renders(model);
	fill_generations(model);
	fill_endpoints(model);
	fill_containers(model);
	calico_fixture_fill(model);
	fill_jobs(model);
	fill_journal(model);
	fill_facts(model, false);
}

void model_fixture_calm(struct model *model)
{
	fill_members(model);
	model_fixture_services(model, 0, NULL, false);
	fill_facts(model, true);
}
