#include <inttypes.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/action/env.h"
#include "binnacle/action/journal.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "binnacle/present/address.h"
#include "binnacle/present/table.h"
#include "binnacle/register/registrar.h"
#include "rows.h"

#define READY_PATIENCE_MS 3000 /* who only looks may see that a template waits */

static unsigned bit_of_kind(const struct command_line *line)
{
	const struct table *table = line->word_count ? present_table_named(line->words[0]) : NULL;

	return table && !line->fields ? MODEL_BIT(table->model) : 0;
}

/* Details of a node or service show its instances and endpoints too. */
static unsigned bits_of_object(const struct command_line *line)
{
	unsigned bits = bit_of_kind(line);

	if (bits & (MODEL_BIT(MODEL_MEMBERS) | MODEL_BIT(MODEL_SERVICES)))
		bits |= MODEL_BIT(MODEL_INSTANCES);
	if (bits & (MODEL_BIT(MODEL_POOLS) | MODEL_BIT(MODEL_ADDRESSES)))
		bits |= MODEL_BIT(MODEL_BLOCKS) | MODEL_BIT(MODEL_POOLS);
	return bits;
}

static void list_fields(struct command_call *call, const struct table *table)
{
	struct strbuf text = STRBUF_INIT;

	for (size_t i = 0; i < table->column_count; i++)
		strbuf_addf(&text, "%-12s %s%s\n", table->columns[i].id, table->columns[i].title,
			    table->columns[i].flags & COLUMN_WIDE ? "  (--wide)" : "");
	call->front->text(call->front_arg, table->title, text.buf, text.len, false);
	strbuf_release(&text);
}

static bool find_sort(const struct table *table, const char *text, struct sort *sort,
		      struct err *err)
{
	if (!text)
		return true;
	sort->descending = *text == '-';
	sort->column = table_column(table, text + sort->descending);
	return sort->column || err_set(err, ERR_INPUT, "%s have no column \"%s\"; see --fields",
				       table->name, text + sort->descending);
}

static bool check_columns(const struct table *table, const char *list, struct err *err)
{
	while (list && *list) {
		size_t len = strcspn(list, ",");
		char *id = xstrndup(list, len);
		bool good = table_column(table, id) != NULL;

		if (!good)
			err_set(err, ERR_INPUT, "%s have no column \"%s\"; see --fields",
				table->name, id);
		free(id);
		if (!good)
			return false;
		list += len + (list[len] == ',');
	}
	return true;
}

static bool list_table(struct command_call *call, const struct table *table, struct err *err)
{
	const struct command_line *line = call->line;
	struct snapshot *snapshot = model_current(call->env->model, table->model);
	struct filter *filter = NULL;
	struct row_view view = { 0 };
	struct sort sort = { 0 };

	if (line->fields) {
		list_fields(call, table);
		command_end(call, COMMAND_DONE, NULL);
		return true;
	}
	if (!find_sort(table, line->sort, &sort, err) || !check_columns(table, line->columns, err))
		return false;
	if (line->filter && !(filter = filter_parse(line->filter, table, err)))
		return false;
	row_view_fill(&view, table, snapshot, filter, &sort);
	if (line->limit >= 0 && view.count > (size_t)line->limit) {
		call_say(call, LOG_LEVEL_WARN, "first %" PRId64 " of %zu", line->limit, view.count);
		view.count = (size_t)line->limit;
	}
	call->front->rows(call->front_arg, table, &view, snapshot, line);
	row_view_release(&view);
	filter_free(filter);
	command_end(call, COMMAND_DONE, NULL);
	return true;
}

static bool list_is_ready(const struct command_call *call)
{
	return !(call->needs & MODEL_BIT(MODEL_RENDERS)) || renders_are_ready(call);
}

static bool run_list(struct command_call *call, struct err *err)
{
	const struct table *table = find_table(call->line->words[0], err);

	return table && list_table(call, table, err);
}

/* In characters; a console draws its own. */
static void add_map(const struct table *table, const void *row, const struct model *model,
		    struct strbuf *detail)
{
	struct strbuf map = STRBUF_INIT;

	table->map(row, model, &map);
	if (map.len)
		strbuf_addf(detail, "\n" PRESENT_MAP_LEGEND "\n%s", map.buf);
	strbuf_release(&map);
}

/* row NULL: there is none, which has been said. */
static bool show_row(struct command_call *call, const struct table *table, const void *row)
{
	struct strbuf detail = STRBUF_INIT;
	struct json *json;

	if (!row)
		return false;
	json = json_new_object();
	table->json(row, json);
	table->detail(row, call->env->model, &detail);
	if (table->map)
		add_map(table, row, call->env->model, &detail);
	call->front->object(call->front_arg, table->singular, row_id(row), detail.buf, json,
			    call->line);
	json_free(json);
	strbuf_release(&detail);
	command_end(call, COMMAND_DONE, NULL);
	return true;
}

/* "Who has 10.0.0.7?" has an answer also when nobody has it. False: somebody has it, or the word
 * is no address. */
static bool show_free_address(struct command_call *call, const char *word)
{
	const struct model *model = call->env->model;
	struct strbuf detail = STRBUF_INIT;
	struct json *json;
	struct err ignored;

	if (find_row(model_current(model, MODEL_ADDRESSES), word, &ignored))
		return false;
	json = json_new_object();
	if (present_free_address(word, model, &detail, json))
		call->front->object(call->front_arg, "address", word, detail.buf, json, call->line);
	else
		word = NULL;
	json_free(json);
	strbuf_release(&detail);
	if (word)
		command_end(call, COMMAND_DONE, NULL);
	return word != NULL;
}

static bool run_who(struct command_call *call, struct err *err)
{
	const char *word = call->line->words[0];
	const struct snapshot *addresses = model_current(call->env->model, MODEL_ADDRESSES);

	if (show_free_address(call, word))
		return true;
	return show_row(call, present_table(MODEL_ADDRESSES), find_row(addresses, word, err));
}

static bool run_show(struct command_call *call, struct err *err)
{
	const struct table *table = find_table(call->line->words[0], err);
	const char *word = call->line->words[1];

	if (!table)
		return false;
	if (table->model == MODEL_ADDRESSES && show_free_address(call, word))
		return true;
	return show_row(call, table,
			find_row(model_current(call->env->model, table->model), word, err));
}

static const char *health_name(enum source_health health)
{
	/* ORDER SOURCE HEALTH */
	static const char *const names[] = { "off", "loading", "ok", "STALE", "DOWN", "DENIED" };

	return names[health];
}

static void add_sources(const struct model *model, struct strbuf *detail, struct json *json)
{
	struct json *sources = json_add_array(json, "sources");
	char age[TEXT_AGE_BYTES];

	for (int i = 0; i < SOURCE_COUNT; i++) {
		const struct source_status *status = model_source(model, (enum model_source)i);
		const char *name = model_source_name((enum model_source)i);
		struct json *item = json_add_object(sources, NULL);
		int64_t alive =
			status->alive_mono_ms ? clock_mono_ms() - status->alive_mono_ms : -1;

		strbuf_addf(detail, "%s\t%s%s%s", name, health_name(status->health),
			    *status->detail ? " " : "", status->detail);
		if (alive >= 0)
			strbuf_addf(detail, "   %s ago", text_age(alive, age));
		if (*status->message) {
			strbuf_addstr(detail, "   ");
			text_clean(detail, status->message, strlen(status->message));
		}
		strbuf_addch(detail, '\n');
		json_add_str(item, "source", name);
		json_add_str(item, "state", health_name(status->health));
		json_add_str(item, "detail", *status->detail ? status->detail : NULL);
		json_add_str(item, "message", *status->message ? status->message : NULL);
		if (alive >= 0)
			json_add_int(item, "age_ms", alive);
		else
			json_add_null(item, "age_ms");
	}
}

static void add_counts(const struct model *model, struct strbuf *detail, struct json *json)
{
	struct json *counts = json_add_object(json, "counts");

	for (int i = 0; i < MODEL_TABLE_COUNT; i++) {
		const struct table *table = present_table((enum model_table)i);
		const struct snapshot *snapshot = model_current(model, table->model);
		struct strbuf summary = STRBUF_INIT;
		size_t attention = 0;
		struct json *item;

		if (!model_has(model, table->model))
			continue;
		table->summary(snapshot, &summary);
		strbuf_addf(detail, "%s\t%s\n", table->name, summary.buf);
		for (size_t j = 0; j < snapshot->count; j++)
			attention +=
				row_state_needs_attention(table->state(snapshot_row(snapshot, j)));
		item = json_add_object(counts, table->name);
		json_add_int(item, "total", (int64_t)snapshot->count);
		json_add_int(item, "attention", (int64_t)attention);
		json_add_str(item, "summary", summary.buf);
		strbuf_release(&summary);
	}
}

/* Behind its mode: how much of it is done. */
static void add_registrar(const struct registrar *registrar, struct strbuf *detail,
			  struct json *json)
{
	struct registrar_status status = { 0 };

	if (registrar)
		registrar_get_status(registrar, &status);
	if (status.synced)
		strbuf_addf(detail, "   %zu wanted, %zu different, %zu refused", status.wanted,
			    status.pending, status.failing);
	strbuf_addch(detail, '\n');
	if (!status.synced)
		return;
	json_add_int(json, "register_wanted", (int64_t)status.wanted);
	json_add_int(json, "register_different", (int64_t)status.pending);
	json_add_int(json, "register_refused", (int64_t)status.failing);
}

static bool run_status(struct command_call *call, struct err *err)
{
	const struct model *model = call->env->model;
	const struct model_facts *facts = model_facts(model);
	struct strbuf detail = STRBUF_INIT;
	struct json *json = json_new_object();

	(void)err;
	strbuf_addf(&detail, "datacenter\t%s%s\n", *facts->datacenter ? facts->datacenter : "?",
		    facts->production ? " PROD" : "");
	strbuf_addf(&detail, "leader\t%s\n", *facts->leader ? facts->leader : "NO LEADER");
	strbuf_addf(&detail, "node\t%s\n", facts->node);
	strbuf_addf(&detail, "render\t%s\n", engine_mode_name(facts->render_mode));
	strbuf_addf(&detail, "register\t%s", engine_mode_name(facts->register_mode));
	json_add_str(json, "dc", *facts->datacenter ? facts->datacenter : NULL);
	json_add_bool(json, "production", facts->production);
	json_add_str(json, "leader", *facts->leader ? facts->leader : NULL);
	json_add_str(json, "node", *facts->node ? facts->node : NULL);
	json_add_str(json, "render_mode", engine_mode_name(facts->render_mode));
	json_add_str(json, "register_mode", engine_mode_name(facts->register_mode));
	add_registrar(call->env->registrar, &detail, json);
	json_add_bool(json, "read_only", call->env->read_only);
	strbuf_addstr(&detail, "\nBackends\n");
	add_sources(model, &detail, json);
	strbuf_addstr(&detail, "\nCounts\n");
	add_counts(model, &detail, json);
	call->front->object(call->front_arg, "status", facts->datacenter, detail.buf, json,
			    call->line);
	json_free(json);
	strbuf_release(&detail);
	command_end(call, COMMAND_DONE, NULL);
	return true;
}

static bool run_jobs(struct command_call *call, struct err *err)
{
	return list_table(call, present_table(MODEL_JOBS), err);
}

static void put_entry(const struct journal_entry *entry, struct strbuf *detail, struct json *json)
{
	char time[CLOCK_TEXT_BYTES];

	strbuf_addf(detail, "id\t%" PRId64 "\n", entry->id);
	strbuf_addf(detail, "time\t%s\n", clock_rfc3339(entry->time_ms, time));
	strbuf_addf(detail, "user\t%s\n", entry->user);
	strbuf_addf(detail, "verb\t%s\n", entry->verb);
	strbuf_addf(detail, "result\t%s%s%s\n", entry->result, *entry->why ? "   " : "",
		    entry->why);
	strbuf_addf(detail, "steps\t%zu of %zu done\n", entry->steps_done, entry->steps_total);
	if (*entry->undo)
		strbuf_addf(detail, "undo\t%s\n", entry->undo);
	strbuf_addstr(detail, "\nTargets\n");
	JSON_EACH(target, json_get(entry->begin, "targets"))
	{
		text_clean(detail, json_str(target, "label", ""),
			   strlen(json_str(target, "label", "")));
		strbuf_addch(detail, '\t');
		text_clean(detail, json_str(target, "evidence", ""),
			   strlen(json_str(target, "evidence", "")));
		strbuf_addch(detail, '\n');
	}
	json_add_int(json, "id", entry->id);
	json_add_str(json, "time", time);
	json_add_str(json, "result", entry->result);
	json_add_str(json, "why", *entry->why ? entry->why : NULL);
	json_add(json, "record", entry->begin ? json_copy(entry->begin) : json_new_object());
	json_add(json, "steps", json_copy(entry->steps));
}

static bool show_entry(struct command_call *call, const char *word, struct err *err)
{
	struct journal_entries entries;
	const struct journal_entry *entry = NULL;
	struct strbuf detail = STRBUF_INIT;
	struct json *json;
	int64_t id;

	if (!text_parse_int(word, 1, INT64_MAX, &id))
		return err_set(err, ERR_INPUT, "\"%s\" is no number of a journal entry", word);
	if (!journal_read(call->env->journal, SIZE_MAX, &entries, err))
		return false;
	for (size_t i = 0; i < entries.len && !entry; i++)
		if (entries.items[i].id == id)
			entry = &entries.items[i];
	if (!entry) {
		journal_entries_release(&entries);
		return err_set(err, ERR_NOT_FOUND, "the journal has no entry %s", word);
	}
	json = json_new_object();
	put_entry(entry, &detail, json);
	call->front->object(call->front_arg, "entry", word, detail.buf, json, call->line);
	json_free(json);
	strbuf_release(&detail);
	journal_entries_release(&entries);
	command_end(call, COMMAND_DONE, NULL);
	return true;
}

static bool run_journal(struct command_call *call, struct err *err)
{
	if (!call->env->journal)
		return err_set(err, ERR_NOT_FOUND, "no journal is kept here");
	if (call->line->word_count)
		return show_entry(call, call->line->words[0], err);
	journal_publish(call->env->journal);
	return list_table(call, present_table(MODEL_JOURNAL), err);
}

#define LIST_OPTIONS "filter sort columns wide limit fields"

const struct command look_commands[] = {
	{
		.verb = "status",
		.summary = "backends, leader, modes and counts",
		.table = -1,
		.needs = MODEL_BIT(MODEL_MEMBERS) | MODEL_BIT(MODEL_SERVICES) |
			 MODEL_BIT(MODEL_INSTANCES) | MODEL_BIT(MODEL_RENDERS) |
			 MODEL_BIT(MODEL_ENDPOINTS) | MODEL_BIT(MODEL_CONTAINERS),
		.tolerant = true,
		.ready = list_is_ready,
		.ready_patience_ms = READY_PATIENCE_MS,
		.run = run_status,
	},
	{
		.verb = "list",
		.args = "KIND",
		.summary = "rows of a table",
		.help = "KIND is members, services, instances, events, renders, endpoints, "
			"containers,\n"
			"addresses, policies, profiles, nodes, pools, blocks, networks, jobs or "
			"journal. Filters are those of "
			"the console: --filter 'state:stale "
			"age:>1h'.",
		.options = LIST_OPTIONS,
		.table = -1,
		.needs_of = bit_of_kind,
		.ready = list_is_ready,
		.ready_patience_ms = READY_PATIENCE_MS,
		.run = run_list,
	},
	{
		.verb = "show",
		.args = "KIND ID",
		.summary = "one object with all its fields",
		.help = "ID is the identity as --output json prints it, or how people call the "
			"thing\n"
			"where that is unambiguous: a container's name, an address, the beginning "
			"of "
			"a long id.",
		.table = -1,
		.needs_of = bits_of_object,
		.ready = list_is_ready,
		.ready_patience_ms = READY_PATIENCE_MS,
		.run = run_show,
	},
	{
		.verb = "who",
		.args = "ADDRESS",
		.summary = "who has an address of Calico's pools, also when nobody has it",
		.table = MODEL_ADDRESSES,
		.needs = MODEL_BIT(MODEL_ADDRESSES) | MODEL_BIT(MODEL_BLOCKS) |
			 MODEL_BIT(MODEL_POOLS),
		.run = run_who,
	},
	{
		.verb = "jobs",
		.summary = "what was done from here since the start",
		.options = LIST_OPTIONS,
		.table = MODEL_JOBS,
		.run = run_jobs,
	},
	{
		.verb = "journal",
		.args = "[ID]",
		.summary = "the record of all actions, or one of them in full",
		.options = LIST_OPTIONS,
		.table = MODEL_JOURNAL,
		.run = run_journal,
	},
};
const size_t look_command_count = COUNT_OF(look_commands);
