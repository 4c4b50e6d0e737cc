/*
 * One-off actions. A task collects its writes, all under way at once; the first error is the
 * task's, the other writes go on.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "binnacle/register/registry.h"
#include "registrar_private.h"

struct task_write {
	struct registrar_task *task;
	struct registry_call *call; /* NULL: ended */
	struct written *what;
	bool is_removal;
};

struct registrar_task {
	struct registrar *registrar;
	struct registrar_task *next;
	char *container; /* to register; NULL otherwise */
	struct docker_call *call;
	struct json *doc; /* while its peer is inspected */
	struct loop_deferred *deferred;
	struct task_write *writes;
	size_t count, open, succeeded;
	struct err err;
	registrar_done_fn *done;
	void *arg;
};

static struct registrar_task *new_task(struct registrar *registrar, registrar_done_fn *done,
				       void *arg)
{
	struct registrar_task *task = xcalloc(1, sizeof(*task));

	task->registrar = registrar;
	task->done = done;
	task->arg = arg;
	task->next = registrar->tasks;
	registrar->tasks = task;
	return task;
}

static void free_task(struct registrar_task *task)
{
	struct registrar_task **link = &task->registrar->tasks;

	while (*link != task)
		link = &(*link)->next;
	*link = task->next;
	docker_call_cancel(&task->call);
	loop_deferred_cancel(&task->deferred);
	for (size_t i = 0; i < task->count; i++) {
		registry_cancel(&task->writes[i].call);
		ledger_free_written(task->writes[i].what);
	}
	free(task->writes);
	json_free(task->doc);
	free(task->container);
	free(task);
}

void registrar_task_cancel(struct registrar_task **task)
{
	if (*task)
		free_task(*task);
	*task = NULL;
}

void tasks_stop(struct registrar *registrar)
{
	while (registrar->tasks)
		free_task(registrar->tasks);
}

static void finish(struct registrar_task *task)
{
	registrar_done_fn *done = task->done;
	void *arg = task->arg;
	struct err err = task->err;
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < task->count; i++) {
		const struct task_write *write = &task->writes[i];

		strbuf_addf(&text, "%s%s %s", i ? ", " : "",
			    write->is_removal ? "deregistered" : "registered", write->what->id);
	}
	if (!task->count)
		strbuf_addstr(&text, "nothing to do");
	free_task(task);
	done(arg, text.buf, err.code != ERR_NONE ? &err : NULL);
	strbuf_release(&text);
}

static void on_deferred(void *arg)
{
	struct registrar_task *task = arg;

	task->deferred = NULL;
	finish(task);
}

static void finish_later(struct registrar_task *task)
{
	task->deferred = loop_defer(task->registrar->loop, on_deferred, task);
}

static void on_written(void *arg, const struct json *doc, const struct err *err)
{
	struct task_write *write = arg;
	struct registrar_task *task = write->task;
	struct registrar *registrar = task->registrar;

	(void)doc;
	write->call = NULL;
	task->open--;
	if (err && !task->err.code)
		task->err = *err;
	if (err)
		ledger_write_begins(registrar); /* it may have been done all the same */
	else if (write->is_removal)
		ledger_removed(registrar, write->what, "asked for", "operator");
	else
		ledger_added(registrar, write->what, "asked for", "operator");
	if (!task->open)
		finish(task);
}

/* `writes` must have its final size before the first call: completions point into it. */
static void start_writes(struct registrar_task *task, const struct register_service *services)
{
	struct registrar *registrar = task->registrar;

	for (size_t i = 0; i < task->count; i++) {
		struct task_write *write = &task->writes[i];

		ledger_write_begins(registrar);
		task->open++;
		write->call = write->is_removal ? registry_remove(registrar->registry, &services[i],
								  on_written, write)
						: registry_add(registrar->registry, &services[i],
							       on_written, write);
	}
}

static void register_wanted(struct registrar_task *task, const struct register_wanted *wanted)
{
	if (!wanted->running) {
		err_set(&task->err, ERR_CONFLICT, "container %s does not run", task->container);
	} else if (!wanted->service_count) {
		const struct register_note *note = wanted->note_count ? &wanted->notes[0] : NULL;

		err_set(&task->err, ERR_REFUSED, "container %s asks for no service: %s%s%s",
			task->container, note ? note->text : "no ports",
			note && *note->remedy ? "; " : "", note ? note->remedy : "");
	}
	if (task->err.code != ERR_NONE) {
		finish(task);
		return;
	}
	task->count = wanted->service_count;
	task->writes = xcalloc(task->count, sizeof(*task->writes));
	for (size_t i = 0; i < task->count; i++) {
		task->writes[i].task = task;
		task->writes[i].what = ledger_written(&wanted->services[i]);
	}
	start_writes(task, wanted->services);
}

static void evaluate(struct registrar_task *task, const struct json *doc, const struct json *peer)
{
	const struct box *box = boxes_find(task->registrar, json_str(doc, "Id", ""));
	struct register_options options = task->registrar->options;
	struct register_wanted wanted = { 0 };

	if (box)
		options.fetched = &box->fetched;
	register_rules(&options, doc, peer, &wanted);
	register_wanted(task, &wanted);
	register_wanted_release(&wanted);
}

static void on_peer(void *arg, const struct json *doc, const struct err *err)
{
	struct registrar_task *task = arg;
	struct json *own = task->doc;

	(void)err;
	task->call = NULL;
	task->doc = NULL;
	evaluate(task, own, doc);
	json_free(own);
}

static void on_inspected(void *arg, const struct json *doc, const struct err *err)
{
	struct registrar_task *task = arg;
	const char *peer;

	task->call = NULL;
	if (err) {
		task->err = *err;
		finish(task);
		return;
	}
	peer = register_peer(doc);
	if (peer) {
		struct strbuf path = STRBUF_INIT;

		task->doc = json_copy(doc);
		boxes_inspect_path(&path, peer);
		task->call = docker_get(task->registrar->docker, path.buf, on_peer, task);
		strbuf_release(&path);
		return;
	}
	evaluate(task, doc, NULL);
}

struct registrar_task *registrar_register_start(struct registrar *registrar, const char *container,
						registrar_done_fn *done, void *arg)
{
	struct registrar_task *task = new_task(registrar, done, arg);
	struct strbuf path = STRBUF_INIT;

	task->container = xstrdup(container);
	boxes_inspect_path(&path, container);
	task->call = docker_get(registrar->docker, path.buf, on_inspected, task);
	strbuf_release(&path);
	return task;
}

static void start_removals(struct registrar_task *task, const char *const *ids, size_t count)
{
	struct register_service *services = xcalloc(count + 1, sizeof(*services));

	task->count = count;
	task->writes = xcalloc(count + 1, sizeof(*task->writes));
	for (size_t i = 0; i < count; i++) {
		task->writes[i].task = task;
		task->writes[i].is_removal = true;
		task->writes[i].what = ledger_written_removal(task->registrar, ids[i]);
		ledger_service_of(task->writes[i].what, &services[i]);
	}
	if (count)
		start_writes(task, services);
	else
		finish_later(task);
	free(services);
}

struct registrar_task *registrar_deregister_start(struct registrar *registrar,
						  const char *service_id, registrar_done_fn *done,
						  void *arg)
{
	struct registrar_task *task = new_task(registrar, done, arg);

	start_removals(task, &service_id, 1);
	return task;
}

struct registrar_task *registrar_deregister_all_start(struct registrar *registrar,
						      registrar_done_fn *done, void *arg)
{
	struct registrar_task *task = new_task(registrar, done, arg);
	const char **ids = xcalloc(registrar->owned.count + 1, sizeof(*ids));
	size_t count = 0;

	registrar_set_mode(registrar, REGISTRAR_HOLD);
	for (size_t i = 0; i < registrar->owned.count; i++) {
		const char *id = registrar->owned.entries[i].key;

		if (json_member(registrar->registered, id))
			ids[count++] = id;
	}
	start_removals(task, ids, count);
	free(ids);
	return task;
}
