/*
 * "diff services": what is registered at the local agent against what the containers of this host
 * ask for. In mode off it shows what would change if this program took over from the one that
 * registers now.
 */
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/register/describe.h"
#include "binnacle/register/registrar.h"
#include "binnacle/render/diff.h"
#include "rows.h"

enum { CONTEXT_LINES = 12 }; /* whole registrations are short */

/* What a row is about, as words name it. */
static bool is_named(const struct command_call *call, const struct reconcile_difference *item)
{
	const struct snapshot *containers = model_current(call->env->model, MODEL_CONTAINERS);
	const struct snapshot *instances = model_current(call->env->model, MODEL_INSTANCES);
	const struct command_line *line = call->line;

	if (!line->word_count)
		return true;
	for (size_t i = 0; i < line->word_count; i++) {
		const char *word = line->words[i];
		const struct container_row *row = snapshot_find(containers, word);
		const struct instance *instance = snapshot_find(instances, word);

		if (strcmp(word, item->id) == 0 || strcmp(word, item->name) == 0 ||
		    strcmp(word, item->container) == 0 ||
		    (row && strcmp(row->name, item->container) == 0) ||
		    (instance && strcmp(instance->service_id, item->id) == 0))
			return true;
	}
	return false;
}

/* What stands there now: under the id, or under another one for the same address. */
static const struct json *find_registered(const struct registrar *registrar,
					  const struct reconcile_difference *item)
{
	const struct json *entry = registrar_registered(registrar, item->id);

	return entry || !item->wanted ? entry : registrar_twin(registrar, item->wanted);
}

static void put_difference(const struct registrar *registrar,
			   const struct reconcile_difference *item, struct strbuf *out)
{
	struct strbuf before = STRBUF_INIT, after = STRBUF_INIT;
	const struct json *entry = find_registered(registrar, item);
	char *from =
		entry ? xasprintf("registered as %s", json_key(entry)) : xstrdup("not registered");
	char *to = item->wanted ? xasprintf("wanted by container %s", item->container)
				: xasprintf("not wanted: %s", item->why);
	struct diff diff;

	if (entry)
		describe_entry(&before, entry);
	if (item->wanted)
		describe_service(&after, item->wanted);
	diff_compute(&diff, before.buf, before.len, after.buf, after.len, CONTEXT_LINES);
	if (diff.hunk_count)
		diff_print_unified(out, &diff, from, to);
	else /* a check, which is not listed */
		strbuf_addf(out, "--- %s\n+++ %s\n %s\n", from, to, item->why);
	diff_release(&diff);
	free(from);
	free(to);
	strbuf_release(&before);
	strbuf_release(&after);
}

/* Nothing differs for a container that was named: what there is to say about it. */
static void say_notes(struct command_call *call, const char *word)
{
	const struct snapshot *containers = model_current(call->env->model, MODEL_CONTAINERS);
	const struct container_row *row = snapshot_find(containers, word);
	const struct register_wanted *wanted =
		registrar_wanted(call->env->registrar, row ? row->container_id : word);

	for (size_t i = 0; wanted && i < wanted->note_count; i++) {
		const struct register_note *note = &wanted->notes[i];

		call_say(call, LOG_LEVEL_WARN, "%s: %s%s%s%s", wanted->container_name,
			 note->kind == REGISTER_NOTE_IGNORED ? "ignored, " : "", note->text,
			 *note->remedy ? "; " : "", note->remedy);
	}
}

bool registrations_are_ready(const struct command_call *call)
{
	struct registrar_status status;

	if (!call->env->registrar)
		return true;
	registrar_get_status(call->env->registrar, &status);
	return status.synced || *status.docker_err || *status.registry_err;
}

static bool check_status(struct command_call *call, struct registrar_status *status,
			 struct err *err)
{
	if (!call->env->registrar)
		return err_set(err, ERR_INPUT, "no registrar is configured for this host");
	registrar_get_status(call->env->registrar, status);
	if (*status->docker_err)
		return err_set(err, ERR_UNREACHABLE, "%s", status->docker_err);
	if (*status->registry_err)
		return err_set(err, ERR_UNREACHABLE, "%s", status->registry_err);
	return status->synced ||
	       err_set(err, ERR_UNREACHABLE, "not every container was inspected yet: try again");
}

bool run_diff_services(struct command_call *call, struct err *err)
{
	const struct reconcile *pending;
	struct registrar_status status;
	struct strbuf text = STRBUF_INIT;
	size_t counts[RECONCILE_DANGLING + 1] = { 0 }, total = 0;

	if (!check_status(call, &status, err))
		return false;
	pending = registrar_pending(call->env->registrar);
	for (size_t i = 0; i < pending->count; i++) {
		const struct reconcile_difference *item = &pending->items[i];

		if (!is_named(call, item))
			continue;
		total++;
		counts[item->kind]++;
		if (call->line->stat)
			strbuf_addf(&text, "%s  %s: %s\n", item->id,
				    reconcile_kind_name(item->kind), item->why);
		else
			put_difference(call->env->registrar, item, &text);
	}
	for (size_t i = 0; i < call->line->word_count && !total; i++)
		say_notes(call, call->line->words[i]);
	if (total || !call->front->interactive)
		call->front->text(call->front_arg, "diff services", text.buf, text.len,
				  !call->line->stat);
	if (total)
		call_say(call, LOG_LEVEL_INFO,
			 "%zu to add, %zu to change, %zu to remove, %zu dangling; mode %s",
			 counts[RECONCILE_ADD], counts[RECONCILE_CHANGE], counts[RECONCILE_REMOVE],
			 counts[RECONCILE_DANGLING], registrar_mode_name(status.mode));
	else
		call_say(call, LOG_LEVEL_INFO, "what is registered is what is wanted");
	strbuf_release(&text);
	command_end(call, total ? COMMAND_DIFFERENCES : COMMAND_DONE, NULL);
	return true;
}
