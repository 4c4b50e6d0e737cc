/*
 * Commands of the engine: how a line and a selection become a call, and how the console answers
 * as a call's front end. What a call shows becomes a view, what it asks a dialog, what it says
 * the message line.
 */
#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/action/plan.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "binnacle/present/table.h"
#include "internal.h"
#include "table_view.h"

#define PLANNING_MS 250 /* keys are dropped so long after a change was asked for */

static const struct command_front front;

/* What a selection of one table means for a command about another. */
static void add_instances(const struct tui *tui, const char *service, struct selection *out)
{
	const struct snapshot *instances = model_current(tui->model, MODEL_INSTANCES);
	bool left_over = false;

	for (size_t i = 0; i < instances->count; i++) {
		const struct instance *instance = snapshot_row(instances, i);

		left_over |= strcmp(instance->service, service) == 0 && instance->dangling;
	}
	/* A service with dangling instances is about these, never about its healthy ones. */
	for (size_t i = 0; i < instances->count; i++) {
		const struct instance *instance = snapshot_row(instances, i);

		if (strcmp(instance->service, service) == 0 && instance->dangling == left_over)
			selection_add(out, instance->id);
	}
}

static void add_templates(const struct tui *tui, const char *service, struct selection *out)
{
	const struct service *row =
		snapshot_find(model_current(tui->model, MODEL_SERVICES), service);

	for (size_t i = 0; row && i < row->used_by.count; i++)
		selection_add(out, row->used_by.items[i]);
}

static void add_containers(const struct tui *tui, enum model_table from, const char *id,
			   struct selection *out)
{
	const struct snapshot *containers = model_current(tui->model, MODEL_CONTAINERS);
	const struct event *event =
		from == MODEL_EVENTS ? snapshot_find(model_current(tui->model, from), id) : NULL;
	const struct instance *instance =
		from == MODEL_INSTANCES ? snapshot_find(model_current(tui->model, from), id) : NULL;
	const struct endpoint_row *endpoint =
		from == MODEL_ENDPOINTS ? snapshot_find(model_current(tui->model, from), id) : NULL;
	const struct address_row *address =
		from == MODEL_ADDRESSES ? snapshot_find(model_current(tui->model, from), id) : NULL;

	for (size_t i = 0; i < containers->count; i++) {
		const struct container_row *row = snapshot_row(containers, i);
		bool same = false;

		if (event && *event->container)
			same = (strcmp(row->name, event->container) == 0 &&
				strcmp(row->node, event->node) == 0) ||
			       text_starts_with(row->container_id, event->container);
		else if (instance && *instance->container)
			same = strcmp(row->name, instance->container) == 0 ||
			       text_starts_with(row->container_id, instance->container);
		else if (endpoint)
			same = strcmp(row->name, *endpoint->wanted_by ? endpoint->wanted_by
								      : endpoint->container) == 0;
		else if (address)
			same = strcmp(row->name, address->wanted_by) == 0 &&
			       strcmp(row->node, address->wanted_on) == 0;
		if (same)
			selection_add(out, row->id);
	}
}

/* What stands in the catalog under the id of an event. */
static void add_event_instances(const struct tui *tui, const char *id, struct selection *out)
{
	const struct snapshot *instances = model_current(tui->model, MODEL_INSTANCES);
	const struct event *event = snapshot_find(model_current(tui->model, MODEL_EVENTS), id);

	for (size_t i = 0; event && *event->instance && i < instances->count; i++) {
		const struct instance *instance = snapshot_row(instances, i);

		if (strcmp(instance->service_id, event->instance) == 0)
			selection_add(out, instance->id);
	}
}

/* An event about an id, else about a container. */
static void add_event_subject(const struct tui *tui, const char *id, struct selection *out)
{
	const struct event *event = snapshot_find(model_current(tui->model, MODEL_EVENTS), id);

	if (event && *event->instance)
		selection_add(out, event->instance);
	else if (event && *event->container)
		selection_add(out, event->container);
}

/* False: the command is about something else. */
static bool translate(const struct tui *tui, const struct selection *from, enum model_table to,
		      struct selection *out)
{
	for (size_t i = 0; i < from->count; i++) {
		const char *id = from->ids[i];

		if (from->table == to || (from->table == MODEL_JOBS && to == MODEL_JOURNAL))
			selection_add(out, id);
		else if (from->table == MODEL_SERVICES && to == MODEL_INSTANCES)
			add_instances(tui, id, out);
		else if (from->table == MODEL_EVENTS && to == MODEL_INSTANCES)
			add_event_instances(tui, id, out);
		else if (from->table == MODEL_SERVICES && to == MODEL_RENDERS)
			add_templates(tui, id, out);
		else if (to == MODEL_SERVICES && from->table == MODEL_EVENTS)
			add_event_subject(tui, id, out);
		else if (to == MODEL_SERVICES &&
			 (from->table == MODEL_INSTANCES || from->table == MODEL_CONTAINERS))
			selection_add(out, id);
		else if (to == MODEL_CONTAINERS)
			add_containers(tui, from->table, id, out);
		else
			return false;
	}
	return true;
}

/* Words of a line that name no targets yet. */
static bool split(const char *line, const char ***words, size_t *count, struct strbuf *storage)
{
	size_t cap = 0;

	*words = NULL;
	*count = 0;
	strbuf_addstr(storage, line);
	for (char *p = storage->buf; *p;) {
		size_t len;

		p += strspn(p, " ");
		len = strcspn(p, " ");
		if (len == 0)
			break;
		GROW(*words, *count, cap);
		(*words)[(*count)++] = p;
		p += len;
		if (*p)
			*p++ = '\0';
	}
	return *count > 0;
}

static struct running *running_of(const struct tui *tui, const struct command_call *call)
{
	for (size_t i = 0; i < tui->calls.len; i++)
		if (tui->calls.items[i]->call == call)
			return tui->calls.items[i];
	return NULL;
}

/* NULL after saying why. */
static struct running *start(struct tui *tui, struct command_line *line,
			     const struct command *command)
{
	struct command_call *call;
	struct running *running;
	struct err err = { 0 };
	char *verb = xstrdup(line->verb ? line->verb : command->verb);

	call = command_start(line, tui->env, &front, tui, &err);
	if (!call) {
		tui_message(tui, LOG_LEVEL_ERROR, "%s", err.msg);
		free(verb);
		return NULL;
	}
	running = xcalloc(1, sizeof(*running));
	running->call = call;
	running->verb = verb;
	GROW(tui->calls.items, tui->calls.len, tui->calls.cap);
	tui->calls.items[tui->calls.len++] = running;
	if (command_changes(command)) /* keys typed ahead must not hit what comes next */
		tui->planning_until_ms = clock_mono_ms() + PLANNING_MS;
	return running;
}

static bool may_start(struct tui *tui, const struct command *command)
{
	const char *why;

	if (!command_changes(command) || tui_may_act(tui, &why))
		return true;
	tui_message(tui, LOG_LEVEL_WARN, "%s refused: %s", command->verb, why);
	return false;
}

/* The words of the line, then the selected identities as further words: no quoting. */
static void start_with_selection(struct tui *tui, const char *text, const struct command *command)
{
	struct view *view = tui_view(tui);
	struct selection selection = { 0 }, targets = { 0 };
	struct strbuf storage = STRBUF_INIT;
	struct command_line *line = NULL;
	const char **words;
	struct err err = { 0 };
	size_t count;

	split(text, &words, &count, &storage);
	if (view->kind->selection)
		view->kind->selection(view, &selection);
	/* Undo works on jobs and lines of the journal; elsewhere it means the newest action. */
	if (command->table == MODEL_JOURNAL && selection.table != MODEL_JOURNAL &&
	    selection.table != MODEL_JOBS)
		selection_release(&selection);
	else if (selection.count == 0) { /* no words would mean everything */
		tui_message(tui, LOG_LEVEL_WARN, "%s: nothing is selected", command->verb);
		goto out;
	}
	if (!translate(tui, &selection, (enum model_table)command->table, &targets) ||
	    (targets.count == 0 && selection.count > 0)) {
		tui_message(tui, LOG_LEVEL_WARN, "%s: nothing of that kind is selected here",
			    command->verb);
		goto out;
	}
	if (selection.hidden > 0)
		tui_message(tui, LOG_LEVEL_WARN, "%zu of %zu are hidden by the filter",
			    selection.hidden, selection.count);
	words = xreallocarray(words, count + targets.count + 1, sizeof(*words));
	for (size_t i = 0; i < targets.count; i++)
		words[count + i] = targets.ids[i];
	line = command_parse_words(words, count + targets.count, &err);
	if (line)
		start(tui, line, command);
	else
		tui_message(tui, LOG_LEVEL_ERROR, "%s", err.msg);
out:
	free(words);
	strbuf_release(&storage);
	selection_release(&selection);
	selection_release(&targets);
}

void tui_run_on_selection(struct tui *tui, const char *text)
{
	const struct command *command = tui_command_of(text);
	const char *args;
	enum verb verb;

	if (screen_command_find(text, &verb, &args)) {
		tui_act(tui, verb, args);
		return;
	}
	if (!command) {
		tui_message(tui, LOG_LEVEL_WARN, "there is no command \"%s\"", text);
		return;
	}
	if (!may_start(tui, command))
		return;
	if (command->takes_selection && command->table >= 0 && strcmp(command->verb, text) == 0)
		start_with_selection(tui, text, command);
	else
		tui_run(tui, text);
}

void tui_run(struct tui *tui, const char *text)
{
	const struct command *command;
	struct command_line *line;
	struct err err = { 0 };
	const char *args;
	enum verb verb;

	text += strspn(text, " ");
	if (!*text)
		return;
	if (screen_command_find(text, &verb, &args)) {
		tui_act(tui, verb, args);
		return;
	}
	command = tui_command_of(text);
	line = command_parse(text, &err);
	if (!line || !command) {
		tui_message(tui, LOG_LEVEL_ERROR, "%s",
			    *err.msg ? err.msg : "there is no such command");
		command_line_free(line);
		return;
	}
	if (may_start(tui, command))
		start(tui, line, command);
	else
		command_line_free(line);
}

/* Which keys a list of that table has besides those of every list. */
static const char *places_of(enum model_table table)
{
	switch (table) {
	case MODEL_INSTANCES:
		return "instances list";
	case MODEL_CONTAINERS:
		return "containers list";
	case MODEL_ADDRESSES:
		return "addresses list";
	case MODEL_POLICIES:
		return "policies list";
	case MODEL_NODES:
		return "nodes list";
	case MODEL_GENERATIONS:
		return "generations list";
	default:
		return "list";
	}
}

void calls_start_on_file(struct tui *tui, const char *const *words, size_t count, char *file)
{
	struct err err = { 0 };
	struct command_line *line = command_parse_words(words, count, &err);
	struct running *running = NULL;

	if (line)
		running = start(tui, line, command_find(line->verb));
	else
		tui_message(tui, LOG_LEVEL_ERROR, "%s", err.msg);
	if (running)
		running->file = file;
	else
		free(file); /* the text is worth more than a clean folder */
}

static void front_rows(void *arg, const struct table *table, const struct row_view *rows,
		       const struct snapshot *snapshot, const struct command_line *line)
{
	struct tui *tui = arg;
	struct view *view;
	struct err err;

	(void)rows;
	(void)snapshot;
	/* Panes exist already: go there. */
	for (int i = 0; i < PANE_COUNT; i++) {
		if (table_view_state(tui->panes[i])->table == table) {
			tui_act(tui, VERB_PANE, table->name);
			if (line->filter)
				table_view_set_filter(tui->panes[i], line->filter, &err);
			return;
		}
	}
	view = tui_view(tui);
	/* The same list once more is that list. */
	if (tui->stack.len > 0 && view_is_table(view) && table_view_state(view)->table == table) {
		table_view_set_filter(view, line->filter, &err);
		tui_touch(tui);
		return;
	}
	view = table_view_new(tui, table, places_of(table->model), 0);
	if (line->filter)
		table_view_set_filter(view, line->filter, &err);
	tui_push(tui, view);
}

static void front_object(void *arg, const char *kind, const char *id, const char *detail,
			 const struct json *json, const struct command_line *line)
{
	struct tui *tui = arg;
	const struct table *table = present_table_named(kind);
	struct view *view;
	char *title;

	(void)json;
	(void)line;
	if (table && snapshot_find(model_current(tui->model, table->model), id)) {
		tui_open_row(tui, table, id, NULL);
		return;
	}
	title = xasprintf("%s %s", kind, id);
	view = plain_view_new(tui, title, "text");
	detail_lines(plain_view_text(view), detail);
	tui_push(tui, view);
	free(title);
}

static void front_text(void *arg, const char *title, const char *text, size_t len, bool is_diff)
{
	struct tui *tui = arg;
	struct view *view = plain_view_new(tui, title, "text");
	struct rich *rich = plain_view_text(view);

	if (is_diff) {
		diff_view_fill(rich, text, len);
	} else {
		rich_add_bytes(rich, ROLE_TEXT, text, len);
		if (rich->column > 0)
			rich_end_line(rich);
	}
	tui_push(tui, view);
}

static void front_message(void *arg, int level, const char *text)
{
	tui_message(arg, level, "%s", text);
}

static void front_confirm(void *arg, struct command_call *call, const struct plan *plan)
{
	struct tui *tui = arg;
	struct running *running = running_of(tui, call);

	tui->planning_until_ms = 0;
	if (running)
		running->asked = true;
	if (plan->confirm == PLAN_CONFIRM_NONE)
		command_answer(call, true);
	else
		dialog_open_plan(tui, call, plan);
}

static void front_target(void *arg, const struct plan *plan, size_t target, const char *result,
			 const char *error, const char *undo)
{
	struct tui *tui = arg;
	bool failed = strcmp(result, "failed") == 0;
	struct running *running = NULL;

	(void)undo;
	for (size_t i = 0; i < tui->calls.len && !running; i++)
		if (tui->calls.items[i]->call->plan == plan)
			running = tui->calls.items[i];
	if (running) {
		running->done++;
		running->failed += failed;
		tui_message(tui, LOG_LEVEL_INFO, "%s: %zu/%zu, %zu failed", plan->verb,
			    running->done, plan->target_count, running->failed);
	}
	if (error && *error)
		log_warn("action", "%s %s %s: %s", plan->verb, plan->targets[target].label, result,
			 error);
	else
		log_info("action", "%s %s %s", plan->verb, plan->targets[target].label, result);
}

static const char *status_word(enum command_status status)
{
	switch (status) {
	case COMMAND_DONE:
		return "done";
	case COMMAND_PARTLY:
		return "partly done";
	case COMMAND_UNREACHABLE:
		return "a backend cannot be reached";
	case COMMAND_DENIED:
		return "permission denied";
	case COMMAND_REFUSED:
		return "refused";
	case COMMAND_UNCONFIRMED:
		return "cancelled, nothing was changed";
	case COMMAND_PLAN_CHANGED:
		return "things have changed, nothing was done";
	case COMMAND_TIMEOUT:
		return "took too long";
	case COMMAND_FAILED:
	case COMMAND_USAGE:
	case COMMAND_DIFFERENCES:
		break;
	}
	return "failed";
}

static void remove_call(struct tui *tui, struct running *running)
{
	for (size_t i = 0; i < tui->calls.len; i++) {
		if (tui->calls.items[i] != running)
			continue;
		tui->calls.items[i] = tui->calls.items[--tui->calls.len];
		free(running->verb);
		free(running->file);
		free(running);
		return;
	}
}

static void say_end(struct tui *tui, const char *verb, const struct command *command,
		    enum command_status status, const struct err *err)
{
	bool harmless = status == COMMAND_DONE || status == COMMAND_UNCONFIRMED ||
			status == COMMAND_DIFFERENCES;
	int level = harmless ? LOG_LEVEL_INFO : LOG_LEVEL_ERROR;

	/* Why a question went away says more than that nothing was confirmed. */
	if (status == COMMAND_UNCONFIRMED && tui->messages.text &&
	    tui->messages.level >= LOG_LEVEL_WARN)
		return;
	if (err && err->code != ERR_NONE)
		tui_message(tui, level, "%s: %s", verb, err->msg);
	else if (status != COMMAND_DONE || command_changes(command))
		tui_message(tui, level, "%s: %s", verb,
			    status == COMMAND_DIFFERENCES ? "there are differences"
							  : status_word(status));
}

/* What was typed into an editor is kept as long as it was not done. */
static void end_file(struct tui *tui, const char *file, enum command_status status)
{
	if (status == COMMAND_DONE)
		unlink(file);
	else if (tui->messages.text)
		tui_message(tui, tui->messages.level, "%s; your text is in %s", tui->messages.text,
			    file);
}

static void front_ended(void *arg, struct command_call *call, enum command_status status,
			const struct err *err)
{
	struct tui *tui = arg;
	struct running *running = running_of(tui, call);
	const char *verb = running ? running->verb : call->command->verb;

	tui->planning_until_ms = 0;
	if (tui->dialog && tui->dialog->call == call) { /* it ended by itself */
		dialog_free(tui->dialog);
		tui->dialog = NULL;
		tui_touch(tui);
	}
	say_end(tui, verb, call->command, status, err);
	if (running && running->file)
		end_file(tui, running->file, status);
	/* Marks end with the action that they were made for. */
	if (command_changes(call->command) && status == COMMAND_DONE && view_list(tui_view(tui)))
		table_view_unmark(view_list(tui_view(tui)));
	if (running)
		remove_call(tui, running);
	if (tui->quit_when_idle && tui->calls.len == 0)
		tui_quit(tui);
}

static const struct command_front front = {
	.name = "console",
	.interactive = true,
	.rows = front_rows,
	.object = front_object,
	.text = front_text,
	.message = front_message,
	.confirm = front_confirm,
	.target = front_target,
	.ended = front_ended,
};

void calls_abandon(struct tui *tui)
{
	for (size_t i = 0; i < tui->calls.len; i++) {
		command_abandon(&tui->calls.items[i]->call);
		free(tui->calls.items[i]->file);
		free(tui->calls.items[i]->verb);
		free(tui->calls.items[i]);
	}
	free(tui->calls.items);
	tui->calls.items = NULL;
	tui->calls.len = tui->calls.cap = 0;
}
