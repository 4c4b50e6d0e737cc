/*
 * The daemon's half. Events and listings never change what is wanted by themselves: a start asks
 * for an inspection, and the inspection decides. An end takes effect at once and drops the
 * inspection that is under way, so that an answer from before it cannot bring anything back. That
 * keeps the order of one container's events without remembering them.
 *
 * A listing is a picture of the moment at which the daemon made it. Whoever had an event since it
 * was asked for is left out of it (`touched`): the event is newer.
 */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/endpoint.h"
#include "registrar_private.h"

enum {
	INSPECTIONS_MAX = 8,
	FETCHES_MAX = 32,
	RESYNC_MS = 30000,
	RETRY_MS = 250,
	RETRY_MAX_MS = 10000,
	S_IN_MS = 1000,
};

static void pump(struct registrar *registrar);

static void retire(struct registrar *registrar, struct register_wanted *wanted)
{
	GROW(registrar->retired, registrar->retired_count, registrar->retired_cap);
	registrar->retired[registrar->retired_count++] = *wanted;
	*wanted = (struct register_wanted){ 0 };
}

void boxes_release_retired(struct registrar *registrar)
{
	for (size_t i = 0; i < registrar->retired_count; i++)
		register_wanted_release(&registrar->retired[i]);
	registrar->retired_count = 0;
}

static void tell_note(struct box *box, enum registrar_action action, const char *service,
		      const char *why, const struct register_note *note)
{
	registrar_tell(box->registrar, &(struct registrar_event){ .action = action,
								  .service = service,
								  .why = why,
								  .container = box->name,
								  .container_id = box->id,
								  .source = box->source,
								  .note = note });
}

static void tell_about(struct box *box, enum registrar_action action, const char *service,
		       const char *why)
{
	tell_note(box, action, service, why, NULL);
}

static struct box *add_box(struct registrar *registrar, const char *id)
{
	struct box *box = strmap_get(&registrar->boxes, id);

	if (box)
		return box;
	box = xcalloc(1, sizeof(*box));
	box->registrar = registrar;
	box->id = xstrdup(id);
	box->source = "event";
	strmap_put(&registrar->boxes, id, box);
	return box;
}

static void drop_inspection(struct box *box)
{
	struct registrar *registrar = box->registrar;

	if (box->call) {
		docker_call_cancel(&box->call);
		registrar->inspecting--;
	}
	fetch_cancel(&box->fetch);
	json_free(box->doc);
	json_free(box->peer);
	box->doc = box->peer = NULL;
	if (!box->is_queued)
		return;
	for (size_t i = 0; i < registrar->queue_count; i++) {
		if (registrar->queue[i] != box)
			continue;
		memmove(&registrar->queue[i], &registrar->queue[i + 1],
			(registrar->queue_count - i - 1) * sizeof(*registrar->queue));
		registrar->queue_count--;
		break;
	}
	box->is_queued = false;
}

static void forget_fetched(struct box *box)
{
	for (size_t i = 0; i < box->fetched.count; i++)
		free(box->fetched.entries[i].value);
	strmap_release(&box->fetched);
}

static void free_box(struct box *box)
{
	drop_inspection(box);
	forget_fetched(box);
	retire(box->registrar, &box->wanted);
	free(box->id);
	free(box->name);
	free(box);
}

/* The container does not want its services any more. */
static void forget_box(struct box *box, const char *why)
{
	struct registrar *registrar = box->registrar;

	for (size_t i = 0; i < box->wanted.service_count; i++) {
		if (registrar->options.deregister == REGISTER_DEREGISTER_NEVER)
			ledger_disown(registrar, box->wanted.services[i].id);
		else
			ledger_own(registrar, box->wanted.services[i].id, box, why);
	}
	strmap_remove(&registrar->boxes, box->id);
	if (box->name)
		strmap_remove(&registrar->kept, box->name);
	free_box(box);
	ledger_schedule(registrar);
	pump(registrar);
}

/* The container is gone, and what it left stays where it is. */
static void leave_box(struct box *box)
{
	struct registrar *registrar = box->registrar;

	strmap_remove(&registrar->boxes, box->id);
	if (box->name)
		strmap_remove(&registrar->kept, box->name);
	free_box(box);
	ledger_schedule(registrar);
	pump(registrar);
}

/* The container does not exist any more. */
static void remove_box(struct box *box, const char *why)
{
	if (box->is_kept && box->registrar->options.keep_removed)
		leave_box(box);
	else
		forget_box(box, why);
}

/* Its services stay registered, and nobody minds whether they do. */
static void keep_box(struct box *box, const char *why)
{
	struct registrar *registrar = box->registrar;

	drop_inspection(box);
	box->is_kept = true;
	box->kept_ms = clock_mono_ms();
	for (size_t i = 0; i < box->wanted.service_count; i++) {
		ledger_disown(registrar, box->wanted.services[i].id);
		tell_about(box, REGISTRAR_IGNORED, box->wanted.services[i].name, why);
	}
	if (box->name)
		strmap_put(&registrar->kept, box->name, registrar);
	ledger_schedule(registrar);
	pump(registrar);
}

/* Ended in order, or by a signal (128 and more, as Registrator has it). */
static bool is_success(int64_t exit_code)
{
	return exit_code == 0 || (exit_code & 128);
}

static void end_box(struct box *box, int64_t exit_code)
{
	enum register_deregister rule = box->registrar->options.deregister;
	char why[64];

	snprintf(why, sizeof(why), "exit %lld", (long long)exit_code);
	if (rule == REGISTER_DEREGISTER_ALWAYS ||
	    (rule == REGISTER_DEREGISTER_ON_SUCCESS && is_success(exit_code))) {
		forget_box(box, why);
		return;
	}
	snprintf(why, sizeof(why), "exit %lld: stays registered", (long long)exit_code);
	if (!box->is_kept)
		keep_box(box, why);
}

static void enqueue(struct box *box, const char *source)
{
	struct registrar *registrar = box->registrar;

	box->source = source;
	if (box->is_queued)
		return;
	GROW(registrar->queue, registrar->queue_count, registrar->queue_cap);
	registrar->queue[registrar->queue_count++] = box;
	box->is_queued = true;
}

static bool same_notes(const struct register_wanted *a, const struct register_wanted *b)
{
	if (a->note_count != b->note_count)
		return false;
	for (size_t i = 0; i < a->note_count; i++) {
		if (strcmp(a->notes[i].text, b->notes[i].text) != 0)
			return false;
	}
	return true;
}

static void tell_notes(struct box *box)
{
	for (size_t i = 0; i < box->wanted.note_count; i++) {
		const struct register_note *note = &box->wanted.notes[i];
		char *why =
			xasprintf("%s%s%s", note->text, *note->remedy ? ": " : "", note->remedy);

		tell_note(box,
			  note->kind == REGISTER_NOTE_IGNORED ? REGISTRAR_IGNORED
							      : REGISTRAR_WARNED,
			  note->service, why, note);
		free(why);
	}
}

/* What was said about its ids in its last life does not count any more. */
static void begin_anew(struct box *box)
{
	drain_end(box);
	for (size_t i = 0; i < box->wanted.service_count; i++)
		rivals_forget(box->registrar, box->wanted.services[i].id);
}

/* What it wanted before and does not want now is to go. */
static void take_wanted(struct box *box, struct register_wanted *wanted)
{
	struct registrar *registrar = box->registrar;
	bool news = !box->is_known || !same_notes(&box->wanted, wanted);

	for (size_t i = 0; i < box->wanted.service_count; i++)
		ledger_own(registrar, box->wanted.services[i].id, box,
			   "its container does not want it any more");
	for (size_t i = 0; i < wanted->service_count; i++)
		ledger_own(registrar, wanted->services[i].id, box, NULL);
	retire(registrar, &box->wanted);
	registrar->is_twins_due = true;
	box->wanted = *wanted;
	if (box->is_fresh)
		begin_anew(box);
	box->is_known = true;
	box->is_fresh = false;
	box->is_kept = false;
	strmap_remove(&registrar->kept, box->name);
	if (news)
		tell_notes(box);
	ledger_schedule(registrar);
}

static void evaluate(struct box *box, const struct json *doc, const struct json *peer);

static void on_fetched(void *arg)
{
	struct box *box = arg;
	struct json *doc = box->doc, *peer = box->peer;

	box->fetch = NULL;
	box->doc = box->peer = NULL;
	evaluate(box, doc, peer);
	json_free(doc);
	json_free(peer);
}

/* Does the template ask for what is not known yet? An answer may lead to another question. */
static bool fetch_first(struct box *box, const struct register_wanted *wanted,
			const struct json *doc, const struct json *peer)
{
	struct registrar *registrar = box->registrar;

	if (!wanted->url_count || !registrar->options.http || box->fetched.count >= FETCHES_MAX)
		return false;
	box->doc = json_copy(doc);
	box->peer = peer ? json_copy(peer) : NULL;
	box->fetch = fetch_start(registrar->loop, registrar->options.http, wanted->urls,
				 wanted->url_count, &box->fetched, on_fetched, box);
	return true;
}

static void evaluate(struct box *box, const struct json *doc, const struct json *peer)
{
	struct register_options options = box->registrar->options;
	struct register_wanted wanted = { 0 };
	struct json *renamed = NULL;
	const char *name = json_str(doc, "Name", "");

	if (!box->name) {
		box->name = xstrdup(*name == '/' ? name + 1 : name);
	} else if (strcmp(*name == '/' ? name + 1 : name, box->name) != 0) {
		renamed = json_copy(doc);
		json_set(renamed, "Name", json_new_str(box->name));
	}
	options.fetched = &box->fetched;
	register_rules(&options, renamed ? renamed : doc, peer, &wanted);
	json_free(renamed);
	if (wanted.running && fetch_first(box, &wanted, doc, peer)) {
		register_wanted_release(&wanted);
		return;
	}
	if (wanted.running) {
		take_wanted(box, &wanted);
		return;
	}
	register_wanted_release(&wanted);
	end_box(box, json_int(doc, "State.ExitCode", 0));
}

static void on_inspect_retry(void *arg)
{
	struct registrar *registrar = arg;

	registrar->inspect_retry = NULL;
	if (registrar->list_again)
		boxes_list(registrar);
	pump(registrar);
}

static void on_peer(void *arg, const struct json *doc, const struct err *err)
{
	struct box *box = arg;
	struct registrar *registrar = box->registrar;
	struct json *own = box->doc;

	/* Without the other's document the own address counts, as with Registrator. */
	(void)err;
	box->call = NULL;
	box->doc = NULL;
	registrar->inspecting--;
	evaluate(box, own, doc);
	json_free(own);
	pump(registrar);
}

static void on_inspected(void *arg, const struct json *doc, const struct err *err)
{
	struct box *box = arg;
	struct registrar *registrar = box->registrar;
	const char *peer;

	box->call = NULL;
	registrar->inspecting--;
	if (err && err->code == ERR_NOT_FOUND) {
		remove_box(box, "its container is gone");
		return;
	}
	if (err) {
		if (registrar->docker_up && !registrar->inspect_backoff.failures)
			tell_about(box, REGISTRAR_FAILED, "", err->msg);
		enqueue(box, box->source);
		if (!registrar->inspect_retry)
			registrar->inspect_retry = loop_timer_start(
				registrar->loop, backoff_next_ms(&registrar->inspect_backoff),
				on_inspect_retry, registrar);
		return;
	}
	backoff_reset(&registrar->inspect_backoff);
	peer = register_peer(doc);
	if (peer && json_bool(doc, "State.Running", true)) {
		struct strbuf path = STRBUF_INIT;

		box->doc = json_copy(doc);
		boxes_inspect_path(&path, peer);
		registrar->inspecting++;
		box->call = docker_get(registrar->docker, path.buf, on_peer, box);
		strbuf_release(&path);
		return;
	}
	evaluate(box, doc, NULL);
	pump(registrar);
}

void boxes_inspect_path(struct strbuf *out, const char *id)
{
	strbuf_addstr(out, "/containers/");
	url_escape(out, id);
	strbuf_addstr(out, "/json");
}

/* Start as many inspections as may run. While the daemon is away they wait. */
static void pump(struct registrar *registrar)
{
	while (registrar->queue_count && registrar->inspecting < INSPECTIONS_MAX &&
	       registrar->is_resolved && registrar->docker_up && !registrar->inspect_retry) {
		struct box *box = registrar->queue[0];
		struct strbuf path = STRBUF_INIT;

		/* Off the queue first: dropping searches it. */
		memmove(registrar->queue, registrar->queue + 1,
			--registrar->queue_count * sizeof(*registrar->queue));
		box->is_queued = false;
		if (box->call || box->fetch)
			continue;
		boxes_inspect_path(&path, box->id);
		registrar->inspecting++;
		box->call = docker_get(registrar->docker, path.buf, on_inspected, box);
		strbuf_release(&path);
	}
}

/* "Exited (3) 5 minutes ago" */
static int64_t exit_code_of_status(const char *status)
{
	const char *open = strchr(status, '(');

	return open ? strtoll(open + 1, NULL, 10) : 0;
}

/* Containers that ended while we were not there may have left registrations on purpose. */
static void note_kept(struct registrar *registrar, const struct json *item)
{
	enum register_deregister rule = registrar->options.deregister;
	const char *name = json_as_str(json_first(json_get(item, "Names")), "");

	if (rule == REGISTER_DEREGISTER_ALWAYS ||
	    (rule == REGISTER_DEREGISTER_ON_SUCCESS &&
	     is_success(exit_code_of_status(json_str(item, "Status", "")))))
		return;
	strmap_put(&registrar->kept, *name == '/' ? name + 1 : name, registrar);
}

/* A daemon that does not tell lists what runs. */
static bool is_running_state(const char *state)
{
	return !*state || strcmp(state, "running") == 0 || strcmp(state, "paused") == 0 ||
	       strcmp(state, "restarting") == 0;
}

/* Those that we know and the listing does not are asked for one by one: the answer says why. */
static void check_missing(struct registrar *registrar, const struct strmap *listed)
{
	for (size_t i = 0; i < registrar->boxes.count; i++) {
		struct box *box = registrar->boxes.entries[i].value;

		if (!strmap_has(&registrar->touched, box->id) && !strmap_has(listed, box->id))
			enqueue(box, "resync");
	}
}

/* Those that ended matter only where they may leave something behind. */
static bool asks_for_all(const struct registrar *registrar)
{
	return registrar->options.deregister != REGISTER_DEREGISTER_ALWAYS &&
	       !registrar->lists_running;
}

static void on_listed(void *arg, const struct json *doc, const struct err *err)
{
	struct registrar *registrar = arg;
	struct strmap listed = STRMAP_INIT;

	registrar->listing = NULL;
	if (err && asks_for_all(registrar) && err->code != ERR_UNREACHABLE) {
		/* Whoever stands between may let only the plain question through. */
		log_warn("register", "containers that ended cannot be listed: %s", err->msg);
		registrar->lists_running = true;
		boxes_list(registrar);
		return;
	}
	if (err) {
		log_warn("register", "containers cannot be listed: %s", err->msg);
		registrar->list_again = true;
		if (!registrar->inspect_retry)
			registrar->inspect_retry = loop_timer_start(
				registrar->loop, backoff_next_ms(&registrar->inspect_backoff),
				on_inspect_retry, registrar);
		return;
	}
	backoff_reset(&registrar->inspect_backoff);
	strmap_release(&registrar->kept);
	JSON_EACH(item, doc)
	{
		const char *id = json_str(item, "Id", "");
		bool runs = is_running_state(json_str(item, "State", ""));
		const struct box *known = strmap_get(&registrar->boxes, id);

		if (runs || (known && known->is_kept))
			strmap_put(&listed, id, registrar);
		if (!runs)
			note_kept(registrar, item);
		if (runs && !strmap_has(&registrar->touched, id))
			enqueue(add_box(registrar, id), "resync");
	}
	check_missing(registrar, &listed);
	strmap_release(&listed);
	strmap_release(&registrar->touched);
	registrar->is_listed = true;
	registrar->last_resync_ms = clock_wall_ms();
	ledger_schedule(registrar);
	pump(registrar);
}

void boxes_list(struct registrar *registrar)
{
	if (!registrar->docker_up || registrar->listing)
		return;
	strmap_release(&registrar->touched);
	registrar->list_again = false;
	registrar->listing =
		docker_get(registrar->docker,
			   asks_for_all(registrar) ? "/containers/json?all=1" : "/containers/json",
			   on_listed, registrar);
}

static void on_address(void *arg, const char *address)
{
	struct registrar *registrar = arg;

	registrar->lookup = NULL;
	registrar->is_resolved = true;
	if (*address)
		registrar->options.host_ip = arena_strdup(&registrar->option_texts, address);
	pump(registrar);
}

/* A name that did not resolve when the machine started may do so later. */
static void look_up_host(struct registrar *registrar)
{
	if (!registrar->options.host_ip && !registrar->lookup)
		registrar->lookup = host_address_start(registrar->loop, registrar->options.hostname,
						       on_address, registrar);
}

static void on_resync(void *arg)
{
	struct registrar *registrar = arg;

	look_up_host(registrar);
	registrar->resync = loop_timer_start(registrar->loop, registrar->options.resync_ms,
					     on_resync, registrar);
	boxes_list(registrar);
	ledger_resync(registrar);
}

static void on_up(void *arg)
{
	struct registrar *registrar = arg;

	registrar->docker_up = true;
	registrar->docker_err = (struct err){ 0 };
	registrar_tell(registrar,
		       &(struct registrar_event){ .action = REGISTRAR_RESYNC,
						  .why = "events of the daemon are followed",
						  .source = "event" });
	docker_call_cancel(&registrar->listing);
	boxes_list(registrar);
	ledger_list(registrar);
	ledger_schedule(registrar);
}

static void on_down(void *arg, const struct err *err)
{
	struct registrar *registrar = arg;
	/* Who answers and gives no events (a filter in front of the daemon) is asked each resync.
	 */
	bool answers = err->code != ERR_UNREACHABLE;

	registrar->docker_up = answers;
	registrar->docker_err = *err;
	if (answers)
		boxes_list(registrar);
	registrar_tell(registrar, &(struct registrar_event){ .action = REGISTRAR_FAILED,
							     .why = err->msg,
							     .source = "event" });
	ledger_schedule(registrar);
}

/* Only the signal that asks the container to end; others are for its application. */
static bool is_stop_signal(const struct box *box, const struct docker_event *event)
{
	const struct json *attributes = json_get(event->doc, "Actor.Attributes");
	const char *text = json_as_str(json_member(attributes, "signal"), "");
	int64_t signal;

	return box->is_known && !box->is_kept && text_parse_int(text, 1, 64, &signal) &&
	       signal == box->wanted.stop_signal;
}

/* It was left registered by its last life. Until its lifetime is over the registry has it still,
 * and only then: otherwise a start registers anew. */
static void doubt_kept(struct box *box)
{
	const struct register_options *options = &box->registrar->options;

	if (!box->is_kept ||
	    (options->ttl_s > 0 && clock_mono_ms() - box->kept_ms < options->ttl_s * S_IN_MS))
		return;
	for (size_t i = 0; i < box->wanted.service_count; i++)
		ledger_doubt(box->registrar, box->wanted.services[i].id);
}

static void on_container_event(struct registrar *registrar, const struct docker_event *event)
{
	bool starts = strcmp(event->action, "start") == 0;
	bool ends = strcmp(event->action, "die") == 0;
	bool is_destroyed = strcmp(event->action, "destroy") == 0;
	bool is_signaled = strcmp(event->action, "kill") == 0;
	struct box *box = strmap_get(&registrar->boxes, event->id);
	bool is_renamed = box && !box->is_kept && registrar->options.follow_renames &&
			  strcmp(event->action, "rename") == 0;
	int64_t exit_code;

	if (box && is_signaled && is_stop_signal(box, event))
		drain_box(box);
	if (!*event->id || (!starts && !ends && !is_destroyed && !is_renamed))
		return;
	if (registrar->listing)
		strmap_put(&registrar->touched, event->id, registrar);
	if (starts || is_renamed) {
		box = add_box(registrar, event->id);
		/* A start is a new life: the answer under way may be about the last one. */
		drop_inspection(box);
		free(box->name);
		box->name = NULL;
		box->is_fresh = starts;
		if (starts) {
			doubt_kept(box);
			forget_fetched(box);
		}
		enqueue(box, "event");
		pump(registrar);
		return;
	}
	if (!box)
		return;
	box->source = "event";
	if (is_destroyed)
		remove_box(box, "its container was removed");
	else if (!box->is_known)
		forget_box(box, "ended");
	else if (text_parse_int(event->exit_code, 0, 255, &exit_code))
		end_box(box, exit_code);
	else if (registrar->options.deregister == REGISTER_DEREGISTER_ALWAYS)
		forget_box(box, "its container ended");
	else {
		drop_inspection(box);
		enqueue(box, "event");
	}
	pump(registrar);
}

static void on_event(void *arg, const struct docker_event *event)
{
	struct registrar *registrar = arg;

	if (strcmp(event->type, "container") == 0) {
		on_container_event(registrar, event);
	} else if (registrar->options.follow_networks && strcmp(event->type, "network") == 0 &&
		   (strcmp(event->action, "connect") == 0 ||
		    strcmp(event->action, "disconnect") == 0)) {
		const char *id = json_str(event->doc, "Actor.Attributes.container", "");
		struct box *box = strmap_get(&registrar->boxes, id);

		if (box && !box->is_kept) {
			drop_inspection(box);
			enqueue(box, "event");
		}
		pump(registrar);
	}
}

void boxes_start(struct registrar *registrar)
{
	static const struct docker_event_handlers handlers = { .up = on_up,
							       .down = on_down,
							       .event = on_event };

	registrar->inspect_backoff =
		(struct backoff){ .base_ms = RETRY_MS, .max_ms = RETRY_MAX_MS };
	registrar->is_resolved = registrar->options.host_ip;
	look_up_host(registrar);
	registrar->events = docker_events_start(registrar->docker, &handlers, registrar);
	if (registrar->options.resync_ms == 0)
		registrar->options.resync_ms = RESYNC_MS;
	if (registrar->options.resync_ms > 0)
		registrar->resync = loop_timer_start(registrar->loop, registrar->options.resync_ms,
						     on_resync, registrar);
}

void boxes_stop(struct registrar *registrar)
{
	host_address_cancel(&registrar->lookup);
	docker_events_stop(&registrar->events);
	docker_call_cancel(&registrar->listing);
	loop_timer_stop(&registrar->inspect_retry);
	loop_timer_stop(&registrar->resync);
	for (size_t i = 0; i < registrar->boxes.count; i++)
		free_box(registrar->boxes.entries[i].value);
	strmap_release(&registrar->boxes);
	strmap_release(&registrar->touched);
	strmap_release(&registrar->kept);
	free(registrar->queue);
	boxes_release_retired(registrar);
	free(registrar->retired);
}

bool boxes_are_known(const struct registrar *registrar)
{
	if (!registrar->is_listed)
		return false;
	for (size_t i = 0; i < registrar->boxes.count; i++) {
		const struct box *box = registrar->boxes.entries[i].value;

		if (!box->is_known)
			return false;
	}
	return true;
}

struct box *boxes_find(const struct registrar *registrar, const char *container)
{
	enum { SHORT_ID_LEN = 12 };
	struct box *box = strmap_get(&registrar->boxes, container);

	for (size_t i = 0; i < registrar->boxes.count && !box; i++) {
		struct box *other = registrar->boxes.entries[i].value;

		if ((other->name && strcmp(other->name, container) == 0) ||
		    (strlen(container) >= SHORT_ID_LEN && text_starts_with(other->id, container)))
			box = other;
	}
	return box;
}
