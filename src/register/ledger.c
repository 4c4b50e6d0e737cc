/*
 * The registry's half. `registered` is the last list, corrected by our own finished writes, so
 * that a burst needs no list per write; a list that was asked for before a write began or ended
 * is thrown away and asked for again. A registry that cannot list starts with an empty one and
 * has our writes alone.
 *
 * Everything that changes calls ledger_schedule; one step per turn compares and, in auto, starts
 * the writes. A write that fails waits for its own back-off and keeps the others going.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/loop/loop.h"
#include "binnacle/register/registry.h"
#include "registrar_private.h"

enum {
	WRITES_MAX = 16,
	COMPARE_MS = 100,
	LIST_AFTER_WRITE_MS = 1000,
	LIST_RETRY_MS = 500,
	LIST_RETRY_MAX_MS = 10000,
	WRITE_RETRY_MS = 500,
	WRITE_RETRY_MAX_MS = 30000,
	S_IN_MS = 1000,
};

static void step(void *arg);
static void proceed(struct registrar *registrar, const char *id);
static void refresh_one(struct registrar *registrar, const struct register_service *service,
			bool is_resend);

void ledger_schedule(struct registrar *registrar)
{
	if (!registrar->step)
		registrar->step = loop_defer(registrar->loop, step, registrar);
}

static void put_text(struct strmap *map, const char *key, const char *text)
{
	free(strmap_put(map, key, text ? xstrdup(text) : NULL));
}

static void remove_text(struct strmap *map, const char *key)
{
	free(strmap_remove(map, key));
}

static void release_texts(struct strmap *map)
{
	for (size_t i = 0; i < map->count; i++)
		free(map->entries[i].value);
	strmap_release(map);
}

static char *copy_text(const char *text)
{
	return xstrdup(text ? text : "");
}

static void free_owner(struct owner *owner)
{
	if (!owner)
		return;
	free(owner->name);
	free(owner->id);
	free(owner);
}

void ledger_own(struct registrar *registrar, const char *id, const struct box *box, const char *why)
{
	struct owner *owner = xcalloc(1, sizeof(*owner));

	owner->name = copy_text(box->name ? box->name : box->wanted.container_name);
	owner->id = xstrdup(box->id);
	free_owner(strmap_put(&registrar->owners, id, owner));
	put_text(&registrar->owned, id, why);
}

void ledger_disown(struct registrar *registrar, const char *id)
{
	free_owner(strmap_remove(&registrar->owners, id));
	remove_text(&registrar->owned, id); /* last: id may be its own key */
}

static struct json *entry_of(const struct register_service *service)
{
	struct json *entry = json_new_object(), *list;

	json_add_str(entry, "ID", service->id);
	json_add_str(entry, "Service", service->name);
	list = json_add_array(entry, "Tags");
	for (size_t i = 0; i < service->tag_count; i++)
		json_add_str(list, NULL, service->tags[i]);
	list = json_add_object(entry, "Meta");
	for (size_t i = 0; i < service->meta_count; i++)
		json_add_str(list, service->meta[i].key, service->meta[i].value);
	json_add_int(entry, "Port", service->port);
	json_add_str(entry, "Address", service->address);
	return entry;
}

struct written *ledger_written(const struct register_service *service)
{
	struct written *what = xcalloc(1, sizeof(*what));
	struct strbuf body = STRBUF_INIT;

	registry_body(&body, service);
	what->id = xstrdup(service->id);
	what->name = copy_text(service->name);
	what->address = copy_text(service->address);
	what->port = service->port;
	what->container = copy_text(service->container_name);
	what->container_id = copy_text(service->container_id);
	what->body = strbuf_detach(&body, NULL);
	what->entry = entry_of(service);
	return what;
}

struct written *ledger_written_removal(const struct registrar *registrar, const char *id)
{
	const struct json *entry = json_member(registrar->registered, id);
	struct written *what = xcalloc(1, sizeof(*what));
	struct arena arena = ARENA_INIT;
	const struct owner *owner = strmap_get(&registrar->owners, id);
	const char *container = "";

	if (owner)
		container = owner->name;
	else
		reconcile_is_own_id(id, registrar_hostname(registrar), &arena, &container);
	what->id = xstrdup(id);
	what->name = xstrdup(json_str(entry, "Service", ""));
	what->address = xstrdup(json_str(entry, "Address", ""));
	what->port = (int)json_int(entry, "Port", 0);
	what->container = xstrdup(container);
	what->container_id = xstrdup(owner ? owner->id : "");
	arena_release(&arena);
	return what;
}

void ledger_free_written(struct written *what)
{
	if (!what)
		return;
	free(what->id);
	free(what->name);
	free(what->address);
	free(what->container);
	free(what->container_id);
	free(what->body);
	json_free(what->entry);
	free(what);
}

void ledger_service_of(const struct written *what, struct register_service *out)
{
	*out = (struct register_service){ .id = what->id,
					  .name = what->name,
					  .address = what->address,
					  .port = what->port,
					  .container_name = what->container,
					  .container_id = what->container_id };
}

static void tell(struct registrar *registrar, enum registrar_action action,
		 const struct written *what, const char *why, const char *source)
{
	registrar_tell(registrar, &(struct registrar_event){ .action = action,
							     .service = what->name,
							     .instance = what->id,
							     .why = why,
							     .container = what->container,
							     .container_id = what->container_id,
							     .source = source,
							     .is_removal = !what->body });
}

static void on_list_timer(void *arg)
{
	struct registrar *registrar = arg;

	registrar->list_timer = NULL;
	ledger_list(registrar);
}

static void list_later(struct registrar *registrar, int64_t delay_ms)
{
	loop_timer_stop(&registrar->list_timer);
	if (registry_can_list(registrar->registry))
		registrar->list_timer =
			loop_timer_start(registrar->loop, delay_ms, on_list_timer, registrar);
}

void ledger_write_begins(struct registrar *registrar)
{
	registrar->write_seq++;
}

void ledger_added(struct registrar *registrar, struct written *what, const char *why,
		  const char *source)
{
	registrar->write_seq++;
	if (registrar->registered) {
		json_set(registrar->registered, what->id, what->entry);
		what->entry = NULL;
	}
	put_text(&registrar->sent, what->id, what->body);
	unseen_add(registrar, what->id);
	tell(registrar, REGISTRAR_ADDED, what, why, source);
	list_later(registrar, LIST_AFTER_WRITE_MS);
	proceed(registrar, what->id);
}

void ledger_removed(struct registrar *registrar, struct written *what, const char *why,
		    const char *source)
{
	registrar->write_seq++;
	if (registrar->registered)
		json_remove(registrar->registered, what->id);
	remove_text(&registrar->sent, what->id);
	unseen_forget(registrar, what->id);
	drain_forget(registrar, what->id);
	tell(registrar, REGISTRAR_REMOVED, what, why, source);
	list_later(registrar, LIST_AFTER_WRITE_MS);
	proceed(registrar, what->id);
}

void ledger_doubt(struct registrar *registrar, const char *id)
{
	registrar->write_seq++;
	if (registrar->registered)
		json_remove(registrar->registered, id);
	remove_text(&registrar->sent, id);
}

static void free_write(struct entry_write *write)
{
	if (write->call)
		write->registrar->writing--;
	registry_cancel(&write->call);
	loop_timer_stop(&write->retry);
	ledger_free_written(write->what);
	free(write->id);
	free(write->why);
	free(write->failure);
	free(write);
}

static void on_write_retry(void *arg)
{
	struct entry_write *write = arg;

	write->retry = NULL;
	ledger_schedule(write->registrar);
}

static void write_failed(struct entry_write *write, const struct err *err)
{
	struct registrar *registrar = write->registrar;
	bool is_news = !write->failure || strcmp(write->failure, err->msg) != 0;

	registrar->write_seq++;
	write->code = err->code;
	free(write->failure);
	write->failure = xstrdup(err->msg);
	write->retry = loop_timer_start(registrar->loop, backoff_next_ms(&write->backoff),
					on_write_retry, write);
	/* Once per reason, not per attempt. */
	if (is_news)
		tell(registrar, REGISTRAR_FAILED, write->what, err->msg, "event");
	if (err->code == ERR_UNREACHABLE)
		ledger_list(registrar);
	ledger_schedule(registrar);
}

static void on_written(void *arg, const struct json *doc, const struct err *err)
{
	struct entry_write *write = arg;
	struct registrar *registrar = write->registrar;

	(void)doc;
	write->call = NULL;
	registrar->writing--;
	/* What the registry does not know need not be removed. */
	if (err && !(write->is_removal && err->code == ERR_NOT_FOUND)) {
		write_failed(write, err);
		return;
	}
	strmap_remove(&registrar->writes, write->id);
	if (write->is_removal)
		ledger_removed(registrar, write->what, write->why, "event");
	else if (!write->is_refresh)
		ledger_added(registrar, write->what, write->why, "event");
	else
		put_text(&registrar->sent, write->id, write->what->body);
	if (!write->is_removal && write->is_refresh && !write->is_resend)
		tell(registrar, REGISTRAR_REFRESHED, write->what, "", "event");
	free_write(write);
}

static struct entry_write *get_write(struct registrar *registrar, const char *id)
{
	struct entry_write *write = strmap_get(&registrar->writes, id);

	if (write)
		return write;
	write = xcalloc(1, sizeof(*write));
	write->registrar = registrar;
	write->id = xstrdup(id);
	write->backoff =
		(struct backoff){ .base_ms = WRITE_RETRY_MS, .max_ms = WRITE_RETRY_MAX_MS };
	strmap_put(&registrar->writes, id, write);
	return write;
}

static void start_write(struct registrar *registrar, const struct reconcile_difference *item)
{
	struct entry_write *write = get_write(registrar, item->id);
	bool is_removal = !item->wanted;
	struct register_service service;

	if (write->call)
		return;
	/* A new life of the same id must not wait for the old one's back-off. */
	if (write->retry && write->is_removal == is_removal)
		return;
	loop_timer_stop(&write->retry);
	ledger_free_written(write->what);
	write->is_removal = is_removal;
	write->is_refresh = false;
	free(write->why);
	write->why = xstrdup(item->why);
	registrar->write_seq++;
	registrar->writing++;
	if (is_removal) {
		write->what = ledger_written_removal(registrar, item->id);
		ledger_service_of(write->what, &service);
		write->call = registry_remove(registrar->registry, &service, on_written, write);
	} else {
		write->what = ledger_written(item->wanted);
		write->call = registry_add(registrar->registry, item->wanted, on_written, write);
	}
}

/* Has the operator or an option said that this may be written by itself? */
static bool may_write(const struct registrar *registrar, const struct reconcile_difference *item)
{
	return registrar->mode == REGISTRAR_AUTO && registrar->registry_up &&
	       (item->kind != RECONCILE_DANGLING || registrar->options.cleanup) &&
	       rivals_allow(registrar, item->id);
}

static void write_differences(struct registrar *registrar)
{
	while (registrar->writing < WRITES_MAX &&
	       registrar->next_write < registrar->pending.count) {
		const struct reconcile_difference *item =
			&registrar->pending.items[registrar->next_write++];

		if (may_write(registrar, item) && !strmap_has(&registrar->settled, item->id))
			start_write(registrar, item);
	}
}

/* One of our writes has succeeded: the next one, and only now and then all over again, because
 * thousands of them would cost as many comparisons. */
static void proceed(struct registrar *registrar, const char *id)
{
	strmap_put(&registrar->settled, id, registrar);
	if (registrar->step || registrar->next_write == registrar->pending.count ||
	    clock_mono_ms() - registrar->compared_ms > COMPARE_MS)
		ledger_schedule(registrar);
	else
		write_differences(registrar);
}

/* A failed write whose difference is gone (the container ended, somebody else wrote it). */
static void drop_settled_writes(struct registrar *registrar)
{
	struct strmap open = STRMAP_INIT;

	for (size_t i = 0; i < registrar->pending.count; i++)
		strmap_put(&open, registrar->pending.items[i].id, registrar);
	for (size_t i = registrar->writes.count; i-- > 0;) {
		struct entry_write *write = registrar->writes.entries[i].value;

		if (!write->call && !strmap_has(&open, write->id)) {
			strmap_remove(&registrar->writes, write->id);
			free_write(write);
		}
	}
	strmap_release(&open);
}

/* Say each difference that should not be there once, and again when its reason changes. */
static void tell_differences(struct registrar *registrar)
{
	struct strmap told = STRMAP_INIT;

	for (size_t i = 0; i < registrar->pending.count; i++) {
		const struct reconcile_difference *item = &registrar->pending.items[i];
		const char *before = strmap_get(&registrar->told, item->id);
		struct registrar_event event = { .service = item->name,
						 .instance = item->id,
						 .why = item->why,
						 .container = item->container,
						 .source = "resync" };

		if (item->kind != RECONCILE_CHANGE && item->kind != RECONCILE_DANGLING)
			continue;
		event.action =
			item->kind == RECONCILE_CHANGE ? REGISTRAR_STALE : REGISTRAR_DANGLING;
		put_text(&told, item->id, item->why);
		if (!before || strcmp(before, item->why) != 0)
			registrar_tell(registrar, &event);
	}
	release_texts(&registrar->told);
	registrar->told = told;
}

struct wanted_list {
	const struct register_service **items;
	size_t count, cap;
};

static void collect_wanted(struct registrar *registrar, struct wanted_list *list)
{
	for (size_t i = 0; i < registrar->boxes.count; i++) {
		const struct box *box = registrar->boxes.entries[i].value;

		if (box->is_kept)
			continue;
		for (size_t s = 0; s < box->wanted.service_count; s++) {
			GROW(list->items, list->count, list->cap);
			list->items[list->count++] = &box->wanted.services[s];
		}
	}
}

/* Several containers want one id: the last one started has it. Said once per winner. */
static void tell_shared(struct registrar *registrar, const struct wanted_list *list)
{
	struct strmap winners = STRMAP_INIT, shared = STRMAP_INIT;

	for (size_t i = 0; i < list->count; i++) {
		const struct register_service *service = list->items[i];
		const struct register_service *loser =
			strmap_put(&winners, service->id, (void *)(uintptr_t)service);
		const char *before = strmap_get(&registrar->shared, service->id);
		char *why;

		if (!loser)
			continue;
		put_text(&shared, service->id, service->container_name);
		if (before && strcmp(before, service->container_name) == 0)
			continue;
		why = xasprintf("container %s wants the same id", service->container_name);
		registrar_tell(registrar,
			       &(struct registrar_event){ .action = REGISTRAR_IGNORED,
							  .service = loser->name,
							  .instance = loser->id,
							  .why = why,
							  .container = loser->container_name,
							  .container_id = loser->container_id,
							  .source = "event" });
		free(why);
	}
	strmap_release(&winners);
	release_texts(&registrar->shared);
	registrar->shared = shared;
}

/* Ids that are neither wanted nor registered need no owner any more. */
static void forget_owned(struct registrar *registrar, const struct wanted_list *list)
{
	struct strmap needed = STRMAP_INIT;

	for (size_t i = 0; i < list->count; i++)
		strmap_put(&needed, list->items[i]->id, registrar);
	JSON_EACH(registered, registrar->registered)
	strmap_put(&needed, json_key(registered), registrar);
	for (size_t i = registrar->owned.count; i-- > 0;) {
		const char *id = registrar->owned.entries[i].key;
		const struct entry_write *write = strmap_get(&registrar->writes, id);

		if (!strmap_has(&needed, id) && !(write && write->call))
			ledger_disown(registrar, id);
	}
	strmap_release(&needed);
}

static void add_failures(struct registrar *registrar)
{
	for (size_t i = 0; i < registrar->pending.count; i++) {
		struct reconcile_difference *item = &registrar->pending.items[i];
		const struct entry_write *write = strmap_get(&registrar->writes, item->id);

		if (!write || !write->failure)
			continue;
		item->failure = arena_strdup(&registrar->pending.arena, write->failure);
		item->failures = write->backoff.failures;
	}
}

/* Nothing dangles for sure while containers are unknown or the daemon is away. */
static void drop_unsure(struct registrar *registrar)
{
	struct reconcile *pending = &registrar->pending;
	size_t kept = 0;

	if (registrar->docker_up && boxes_are_known(registrar))
		return;
	for (size_t i = 0; i < pending->count; i++) {
		if (pending->items[i].kind != RECONCILE_DANGLING)
			pending->items[kept++] = pending->items[i];
	}
	pending->count = kept;
}

static void compare(struct registrar *registrar)
{
	struct wanted_list list = { 0 };
	struct reconcile_input input = { .registered = registrar->registered,
					 .hostname = registrar_hostname(registrar),
					 .owned = &registrar->owned,
					 .sent = &registrar->sent,
					 .kept = &registrar->kept,
					 .registered_by = registrar->options.registered_by };

	reconcile_release(&registrar->pending);
	registrar->next_write = 0;
	strmap_release(&registrar->settled);
	registrar->compared_ms = clock_mono_ms();
	if (registrar->registered) {
		collect_wanted(registrar, &list);
		tell_shared(registrar, &list);
		input.wanted = list.items;
		input.wanted_count = list.count;
		reconcile(&input, &registrar->pending);
		forget_owned(registrar, &list);
		drop_unsure(registrar);
		add_failures(registrar);
		free(list.items);
	}
	if (registrar->is_twins_due && registrar->registered && boxes_are_known(registrar))
		twins_look(registrar);
	boxes_release_retired(registrar);
}

/*
 * What was there before our start looks as it should, as far as the registry tells, and it does
 * not tell the checks: those are written once more.
 */
static void resend_checks(struct registrar *registrar)
{
	struct wanted_list list = { 0 };
	struct strmap differing = STRMAP_INIT;

	if (registrar->checks_sent || registrar->mode != REGISTRAR_AUTO || !registrar->registered ||
	    !boxes_are_known(registrar))
		return;
	registrar->checks_sent = true;
	for (size_t i = 0; i < registrar->pending.count; i++)
		strmap_put(&differing, registrar->pending.items[i].id, registrar);
	collect_wanted(registrar, &list);
	for (size_t i = 0; i < list.count; i++) {
		const struct register_service *service = list.items[i];

		if (register_check_exists(&service->check) &&
		    !strmap_has(&registrar->sent, service->id) &&
		    !strmap_has(&differing, service->id))
			refresh_one(registrar, service, true);
	}
	strmap_release(&differing);
	free(list.items);
}

static void step(void *arg)
{
	struct registrar *registrar = arg;

	registrar->step = NULL;
	compare(registrar);
	rivals_look(registrar);
	drop_settled_writes(registrar);
	tell_differences(registrar);
	write_differences(registrar);
	resend_checks(registrar);
	if (registrar->callbacks.changed)
		registrar->callbacks.changed(registrar->arg);
}

/* What was ours and is not there any more: the agent was wiped, or somebody removes it. */
static void tell_lost(struct registrar *registrar, const struct json *doc)
{
	size_t lost = 0;
	char why[80];

	for (size_t i = 0; i < registrar->sent.count; i++) {
		const char *id = registrar->sent.entries[i].key;

		lost += json_member(registrar->registered, id) && !json_member(doc, id);
	}
	if (!lost)
		return;
	snprintf(why, sizeof(why), "%zu registrations are gone from the registry", lost);
	registrar_tell(registrar, &(struct registrar_event){ .action = REGISTRAR_RESYNC,
							     .why = why,
							     .source = "resync" });
}

static void list_failed(struct registrar *registrar, const struct err *err)
{
	/* Who answers without a list (a token that may not read, say) can still be written to. */
	bool answers = err->code != ERR_UNREACHABLE && err->code != ERR_SYSTEM;
	bool is_news =
		registrar->registry_up != answers || registrar->registry_err.code == ERR_NONE;

	registrar->registry_up = answers;
	registrar->registry_err = *err;
	if (!answers)
		unseen_forget_all(registrar);
	if (answers && !registrar->registered)
		registrar->registered = json_new_object();
	list_later(registrar, backoff_next_ms(&registrar->list_backoff));
	ledger_schedule(registrar);
	if (!is_news)
		return;
	log_warn("register", "%s", err->msg);
	registrar_tell(registrar, &(struct registrar_event){ .action = REGISTRAR_FAILED,
							     .why = err->msg,
							     .source = "resync" });
}

/* The registry answers again: those that failed for its absence need not wait. */
static void retry_unreachable(struct registrar *registrar)
{
	for (size_t i = 0; i < registrar->writes.count; i++) {
		struct entry_write *write = registrar->writes.entries[i].value;

		if (write->code == ERR_UNREACHABLE)
			loop_timer_stop(&write->retry);
	}
}

static void on_listed(void *arg, const struct json *doc, const struct err *err)
{
	struct registrar *registrar = arg;
	struct err malformed;
	struct json *list;

	registrar->list_call = NULL;
	if (!err && !json_is_object(doc)) {
		err_set(&malformed, ERR_FORMAT, "%s: the list of services is not an object",
			registry_name(registrar->registry));
		err = &malformed;
	}
	if (err) {
		list_failed(registrar, err);
		return;
	}
	backoff_reset(&registrar->list_backoff);
	registrar->registry_err = (struct err){ 0 };
	if (!registrar->registry_up) {
		registrar->registry_up = true;
		retry_unreachable(registrar);
		ledger_schedule(registrar);
	}
	if (registrar->list_seq != registrar->write_seq) {
		list_later(registrar, LIST_AFTER_WRITE_MS);
		if (registrar->registered)
			return;
	}
	list = json_copy(doc);
	unseen_keep(registrar, list);
	tell_lost(registrar, list);
	json_free(registrar->registered);
	registrar->registered = list;
	registrar->is_twins_due = true;
	ledger_schedule(registrar);
}

void ledger_list(struct registrar *registrar)
{
	if (!registry_can_list(registrar->registry) || registrar->list_call)
		return;
	loop_timer_stop(&registrar->list_timer);
	registrar->list_seq = registrar->write_seq;
	registrar->list_call = registry_list(registrar->registry, on_listed, registrar);
}

/* There is nothing to do where lifetimes are unknown, and Registrator says that it is done. */
static void pretend_refresh(struct registrar *registrar, const struct register_service *service)
{
	struct written *what = ledger_written(service);

	tell(registrar, REGISTRAR_REFRESHED, what, "", "event");
	ledger_free_written(what);
}

static void refresh_one(struct registrar *registrar, const struct register_service *service,
			bool is_resend)
{
	struct entry_write *write = get_write(registrar, service->id);

	if (write->call || write->retry)
		return;
	ledger_free_written(write->what);
	write->what = ledger_written(service);
	write->is_removal = false;
	write->is_refresh = true;
	write->is_resend = is_resend;
	registrar->writing++;
	write->call = is_resend ? registry_add(registrar->registry, service, on_written, write)
				: registry_refresh(registrar->registry, service, on_written, write);
}

/* Write what is there once more: to begin its lifetime again, or in case it was lost. */
static void refresh_all(struct registrar *registrar, bool is_resend)
{
	struct wanted_list list = { 0 };

	if (registrar->mode != REGISTRAR_AUTO)
		return;
	collect_wanted(registrar, &list);
	for (size_t i = 0; i < list.count; i++) {
		if (!json_member(registrar->registered, list.items[i]->id))
			continue;
		if (!is_resend && !registry_can_refresh(registrar->registry))
			pretend_refresh(registrar, list.items[i]);
		else
			refresh_one(registrar, list.items[i], is_resend);
	}
	free(list.items);
}

void ledger_resync(struct registrar *registrar)
{
	if (registry_can_list(registrar->registry))
		ledger_list(registrar);
	else
		refresh_all(registrar, true);
}

static void on_refresh(void *arg)
{
	struct registrar *registrar = arg;

	registrar->refresh = loop_timer_start(
		registrar->loop, registrar->options.ttl_refresh_s * S_IN_MS, on_refresh, registrar);
	refresh_all(registrar, false);
}

void ledger_start(struct registrar *registrar)
{
	registrar->list_backoff =
		(struct backoff){ .base_ms = LIST_RETRY_MS, .max_ms = LIST_RETRY_MAX_MS };
	if (!registry_can_list(registrar->registry)) {
		registrar->registered = json_new_object();
		registrar->registry_up = true;
	}
	if (registrar->options.ttl_refresh_s > 0)
		registrar->refresh = loop_timer_start(registrar->loop,
						      registrar->options.ttl_refresh_s * S_IN_MS,
						      on_refresh, registrar);
	ledger_list(registrar);
}

void ledger_stop(struct registrar *registrar)
{
	for (size_t i = 0; i < registrar->writes.count; i++)
		free_write(registrar->writes.entries[i].value);
	strmap_release(&registrar->writes);
	registry_cancel(&registrar->list_call);
	loop_timer_stop(&registrar->list_timer);
	loop_timer_stop(&registrar->refresh);
	loop_deferred_cancel(&registrar->step);
	for (size_t i = 0; i < registrar->owners.count; i++)
		free_owner(registrar->owners.entries[i].value);
	strmap_release(&registrar->owners);
	release_texts(&registrar->owned);
	release_texts(&registrar->sent);
	release_texts(&registrar->told);
	release_texts(&registrar->shared);
	twins_stop(registrar);
	rivals_stop(registrar);
	unseen_forget_all(registrar);
	strmap_release(&registrar->settled);
	reconcile_release(&registrar->pending);
	json_free(registrar->registered);
}
