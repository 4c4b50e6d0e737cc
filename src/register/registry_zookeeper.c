/*
 * ZooKeeper: BASE/NAME/ADDRESS:PORT, an ephemeral node that holds a JSON document, below nodes that
 * stay. The server takes ephemeral nodes away with their session, so what was written is kept here
 * and written again in each session that comes after.
 *
 * A request is a row of steps, each begun by the answer to the one before:
 *
 *     add: create; no parent: make those, create; exists already: ours: set, else delete, create;
 *          then delete what had the same id at another address
 *     remove: delete, then the service's node, which has no children any more or stays
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strmap.h"
#include "binnacle/register/registry.h"
#include "binnacle/register/rules.h"
#include "binnacle/zookeeper/zookeeper.h"
#include "stores.h"

/* Others may take a parent away in between; and make a node that we have just deleted. */
enum { TRIES_MAX = 4 };

struct zk_registry {
	struct zookeeper *zk; /* owned */
	char *base;           /* without a slash at its end; "": the root */
	struct strmap nodes;  /* path to struct node */
};

/* A node that we made: of which service, with what, and in which session. */
struct node {
	char *id, *data;
	int64_t session;
	struct zk_request *again; /* being written in a new session */
};

struct zk_request {
	struct zk_registry *registry;
	struct zookeeper_call *call;
	char *path, *id, *data;
	size_t made; /* bytes of the path whose nodes exist */
	unsigned tries;
	struct err err; /* of the removal, told after the second step */
	registry_fn *done;
	void *arg;
};

static void create_node(struct zk_request *request);

static void free_request(struct zk_request *request)
{
	zookeeper_call_cancel(&request->call);
	free(request->path);
	free(request->id);
	free(request->data);
	free(request);
}

static void free_node(struct node *node)
{
	if (!node)
		return;
	if (node->again)
		free_request(node->again);
	free(node->id);
	free(node->data);
	free(node);
}

static void finish(struct zk_request *request, const struct err *err)
{
	registry_fn *done = request->done;
	void *arg = request->arg;

	free_request(request);
	done(arg, NULL, err);
}

static struct zk_request *new_request(struct zk_registry *registry, registry_fn *done, void *arg)
{
	struct zk_request *request = xcalloc(1, sizeof(*request));

	request->registry = registry;
	request->done = done;
	request->arg = arg;
	return request;
}

static char *path_of(const struct zk_registry *registry, const struct register_service *service)
{
	struct strbuf path = STRBUF_INIT;

	strbuf_addf(&path, "%s/%s/%s:%d", registry->base, service->name, service->address,
		    service->port);
	return strbuf_detach(&path, NULL);
}

/* As Registrator has it, in its order; the container's hostname under that name, too. */
static char *document_of(const struct register_service *service)
{
	struct json *doc = json_new_object(), *list;
	struct strbuf text = STRBUF_INIT;

	json_add_str(doc, "Name", service->name);
	json_add_str(doc, "IP", service->address);
	json_add_int(doc, "PublicPort", service->port);
	json_add_int(doc, "PrivatePort", service->container_port);
	json_add_str(doc, "ContainerID", service->container_hostname);
	list = json_add_array(doc, "Tags");
	for (size_t i = 0; i < service->tag_count; i++)
		json_add_str(list, NULL, service->tags[i]);
	list = json_add_object(doc, "Attrs");
	for (size_t i = 0; i < service->meta_count; i++)
		json_add_str(list, service->meta[i].key, service->meta[i].value);
	json_print(&text, doc);
	json_free(doc);
	return strbuf_detach(&text, NULL);
}

/* ---- add ---- */

static void keep_node(struct zk_request *request)
{
	struct zk_registry *registry = request->registry;
	struct node *node = strmap_get(&registry->nodes, request->path);

	if (!node) {
		node = xcalloc(1, sizeof(*node));
		strmap_put(&registry->nodes, request->path, node);
	}
	free(node->id);
	free(node->data);
	node->id = xstrdup(request->id);
	node->data = xstrdup(request->data);
	node->session = zookeeper_session(registry->zk);
}

/* The service had another address before: nobody will ask for that node to be removed. */
static char *take_old_path(struct zk_registry *registry, const char *id, const char *path)
{
	for (size_t i = 0; i < registry->nodes.count; i++) {
		const struct strmap_entry *entry = &registry->nodes.entries[i];
		const struct node *node = entry->value;

		if (strcmp(node->id, id) == 0 && strcmp(entry->key, path) != 0) {
			char *old = xstrdup(entry->key);

			free_node(strmap_remove(&registry->nodes, old));
			return old;
		}
	}
	return NULL;
}

static void on_old_removed(void *arg, const struct err *err)
{
	struct zk_request *request = arg;

	request->call = NULL;
	finish(request, err && err->code != ERR_NOT_FOUND ? err : NULL);
}

static void on_made(void *arg, const struct err *err)
{
	struct zk_request *request = arg;
	struct zk_registry *registry = request->registry;
	char *old;

	request->call = NULL;
	if (err) {
		finish(request, err);
		return;
	}
	keep_node(request);
	old = take_old_path(registry, request->id, request->path);
	if (old)
		request->call = zookeeper_delete(registry->zk, old, on_old_removed, request);
	else
		finish(request, NULL);
	free(old);
}

static void on_cleared(void *arg, const struct err *err)
{
	struct zk_request *request = arg;

	request->call = NULL;
	if (err && err->code != ERR_NOT_FOUND)
		finish(request, err);
	else
		create_node(request);
}

static void make_parent(struct zk_request *request);

static void on_parent(void *arg, const struct err *err)
{
	struct zk_request *request = arg;

	request->call = NULL;
	if (err && err->code != ERR_CONFLICT)
		finish(request, err);
	else
		make_parent(request);
}

/* The next one down, and the node itself when all are there. */
static void make_parent(struct zk_request *request)
{
	const char *slash = strchr(request->path + request->made + 1, '/');
	char *parent;

	if (!slash) {
		request->made = 0;
		create_node(request);
		return;
	}
	request->made = (size_t)(slash - request->path);
	parent = xstrndup(request->path, request->made);
	request->call =
		zookeeper_create(request->registry->zk, parent, "", false, on_parent, request);
	free(parent);
}

static void on_created(void *arg, const struct err *err)
{
	struct zk_request *request = arg;
	struct zk_registry *registry = request->registry;
	const struct node *node = strmap_get(&registry->nodes, request->path);

	if (!err || request->tries >= TRIES_MAX ||
	    (err->code != ERR_NOT_FOUND && err->code != ERR_CONFLICT)) {
		on_made(request, err);
		return;
	}
	request->call = NULL;
	if (err->code == ERR_NOT_FOUND)
		make_parent(request);
	else if (node && node->session == zookeeper_session(registry->zk))
		request->call =
			zookeeper_set(registry->zk, request->path, request->data, on_made, request);
	else /* of an earlier session, which would take it along when it ends */
		request->call = zookeeper_delete(registry->zk, request->path, on_cleared, request);
}

static void create_node(struct zk_request *request)
{
	request->tries++;
	request->call = zookeeper_create(request->registry->zk, request->path, request->data, true,
					 on_created, request);
}

static void *zk_add(void *self, const struct register_service *service, registry_fn *done,
		    void *arg)
{
	struct zk_request *request = new_request(self, done, arg);

	request->path = path_of(self, service);
	request->id = xstrdup(service->id);
	request->data = document_of(service);
	create_node(request);
	return request;
}

/* ---- remove ---- */

static void on_service_removed(void *arg, const struct err *err)
{
	struct zk_request *request = arg;
	struct err first = request->err;

	(void)err; /* it has other children, as a rule */
	request->call = NULL;
	finish(request, first.code ? &first : NULL);
}

static void on_removed(void *arg, const struct err *err)
{
	struct zk_request *request = arg;
	struct zk_registry *registry = request->registry;
	char *service;

	request->call = NULL;
	if (err && err->code != ERR_NOT_FOUND) {
		finish(request, err);
		return;
	}
	if (err)
		request->err = *err;
	service = xstrndup(request->path, (size_t)(strrchr(request->path, '/') - request->path));
	request->call = zookeeper_delete(registry->zk, service, on_service_removed, request);
	free(service);
}

static void on_answered(void *arg, const struct err *err)
{
	struct zk_request *request = arg;

	request->call = NULL;
	finish(request, err);
}

static void *zk_remove(void *self, const struct register_service *service, registry_fn *done,
		       void *arg)
{
	struct zk_registry *registry = self;
	struct zk_request *request = new_request(registry, done, arg);
	const struct node *node;

	request->path = path_of(registry, service);
	node = strmap_get(&registry->nodes, request->path);
	if (node && strcmp(node->id, service->id) != 0) {
		/* Another service has the place by now, and keeps it. */
		request->call = zookeeper_exists(registry->zk, "/", on_answered, request);
		return request;
	}
	/* At once: a session that begins now must not bring it back. */
	free_node(strmap_remove(&registry->nodes, request->path));
	request->call = zookeeper_delete(registry->zk, request->path, on_removed, request);
	return request;
}

/* ---- a new session ---- */

static void on_written_again(void *arg, const struct json *doc, const struct err *err)
{
	struct node *node = arg;

	(void)doc;
	node->again = NULL;
	/* Without a connection the next session brings it back. */
	if (err && err->code != ERR_UNREACHABLE)
		log_warn("register", "%s is not registered again: %s", node->id, err->msg);
}

static void on_up(void *arg, int64_t session)
{
	struct zk_registry *registry = arg;

	for (size_t i = 0; i < registry->nodes.count; i++) {
		struct node *node = registry->nodes.entries[i].value;
		struct zk_request *request;

		if (node->session == session || node->again)
			continue;
		request = new_request(registry, on_written_again, node);
		request->path = xstrdup(registry->nodes.entries[i].key);
		request->id = xstrdup(node->id);
		request->data = xstrdup(node->data);
		node->again = request;
		create_node(request);
	}
}

/* ---- the rest ---- */

static void *zk_ping(void *self, registry_fn *done, void *arg)
{
	struct zk_registry *registry = self;
	struct zk_request *request = new_request(registry, done, arg);

	request->call = zookeeper_exists(registry->zk, "/", on_answered, request);
	return request;
}

static void zk_cancel(void *self, void *handle)
{
	(void)self;
	free_request(handle);
}

static void zk_free(void *self)
{
	struct zk_registry *registry = self;

	for (size_t i = 0; i < registry->nodes.count; i++)
		free_node(registry->nodes.entries[i].value);
	strmap_release(&registry->nodes);
	zookeeper_free(registry->zk);
	free(registry->base);
	free(registry);
}

struct registry *registry_zookeeper_new(struct loop *loop, const char *address, const char *base,
					struct err *err)
{
	static const struct registry_ops ops = {
		.name = "zookeeper",
		.ping = zk_ping,
		.add = zk_add,
		.remove = zk_remove,
		.cancel = zk_cancel,
		.free = zk_free,
	};
	static const struct zookeeper_events events = { .up = on_up };
	struct zk_registry *registry = xcalloc(1, sizeof(*registry));
	size_t len = strlen(base);

	registry->zk = zookeeper_new(loop, address, &events, registry, err);
	if (!registry->zk) {
		free(registry);
		return NULL;
	}
	while (len && base[len - 1] == '/')
		len--;
	registry->base = xstrndup(base, len);
	return registry_new(&ops, registry, zookeeper_address(registry->zk));
}
