/* Looking that lasts: wait until something is so, and follow the changes of a table. Both look
 * when the model publishes, one deferred call later, and end by --timeout or a signal. */
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "binnacle/action/env.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strmap.h"
#include "binnacle/loop/loop.h"
#include "binnacle/present/table.h"
#include "rows.h"

struct watching {
	struct command_call *call;
	const struct table *table;
	struct model_watch *watch;
	struct loop_deferred *deferred;
	struct strmap seen; /* of `watch`: id -> the row as JSON */
};

static void stop(struct command_call *call)
{
	struct watching *watching = call->state;

	model_watch_stop(&watching->watch);
	loop_deferred_cancel(&watching->deferred);
	for (size_t i = 0; i < watching->seen.count; i++)
		free(watching->seen.entries[i].value);
	strmap_release(&watching->seen);
}

static unsigned bit_of_kind(const struct command_line *line)
{
	const struct table *table = line->word_count ? present_table_named(line->words[0]) : NULL;

	return table ? MODEL_BIT(table->model) : 0;
}

/* Consul's words for what the tables abbreviate. */
static const char *table_word(const char *word)
{
	static const char *const words[][2] = { { "passing", "pass" },
						{ "warning", "WARN" },
						{ "critical", "CRIT" } };

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcasecmp(words[i][0], word) == 0)
			return words[i][1];
	return word;
}

static bool holds(const struct watching *watching)
{
	const struct command_call *call = watching->call;
	const char *want = table_word(call->line->words[2]);
	const struct column *column = table_column(watching->table, "state");
	struct strbuf text = STRBUF_INIT;
	struct err ignored;
	const void *row = find_row(model_current(call->env->model, watching->table->model),
				   call->line->words[1], &ignored);
	bool is_so;

	if (!row)
		return strcmp(want, "gone") == 0;
	column->text(row, &text);
	is_so = strcasecmp(text.buf, want) == 0;
	strbuf_release(&text);
	return is_so;
}

static void look_for_state(void *arg)
{
	struct watching *watching = arg;

	watching->deferred = NULL;
	if (!holds(watching))
		return;
	stop(watching->call);
	command_end(watching->call, COMMAND_DONE, NULL);
}

static char *row_as_json(const struct table *table, const void *row)
{
	struct json *json = json_new_object();
	struct strbuf text = STRBUF_INIT;

	table->json(row, json);
	json_print(&text, json);
	json_free(json);
	return strbuf_detach(&text, NULL);
}

static void tell(struct watching *watching, const char *id, const char *change, const void *row)
{
	struct command_call *call = watching->call;
	struct json *json = json_new_object();
	struct strbuf detail = STRBUF_INIT;

	json_add_str(json, "change", change);
	json_add_str(json, "identity", id);
	strbuf_addf(&detail, "\n%s %s\n", id, change);
	if (row) {
		struct json *fields = json_add_object(json, "row");

		watching->table->json(row, fields);
		watching->table->detail(row, call->env->model, &detail);
	}
	call->front->object(call->front_arg, watching->table->singular, id, detail.buf, json,
			    call->line);
	json_free(json);
	strbuf_release(&detail);
}

/* Compare the table with what was seen; the first time nothing is told. */
static void look_for_changes(struct watching *watching, bool first)
{
	const struct snapshot *snapshot =
		model_current(watching->call->env->model, watching->table->model);

	for (size_t i = 0; i < snapshot->count; i++) {
		const void *row = snapshot_row(snapshot, i);
		char *now = row_as_json(watching->table, row);
		char *before = strmap_put(&watching->seen, row_id(row), now);

		if (!first && (!before || strcmp(before, now) != 0))
			tell(watching, row_id(row), before ? "changed" : "added", row);
		free(before);
	}
	for (size_t i = watching->seen.count; i-- > 0;) {
		char *id = xstrdup(watching->seen.entries[i].key);

		if (!snapshot_find(snapshot, id)) {
			tell(watching, id, "removed", NULL);
			free(strmap_remove(&watching->seen, id));
		}
		free(id);
	}
}

static void follow(void *arg)
{
	struct watching *watching = arg;

	watching->deferred = NULL;
	look_for_changes(watching, false);
}

static void on_wait_model(void *arg, unsigned bits)
{
	struct watching *watching = arg;

	(void)bits;
	if (!watching->deferred)
		watching->deferred =
			loop_defer(watching->call->env->loop, look_for_state, watching);
}

static void on_watch_model(void *arg, unsigned bits)
{
	struct watching *watching = arg;

	(void)bits;
	if (!watching->deferred)
		watching->deferred = loop_defer(watching->call->env->loop, follow, watching);
}

static bool begin(struct command_call *call, model_changed_fn *changed, struct err *err)
{
	struct watching *watching = call->state;

	watching->call = call;
	watching->table = find_table(call->line->words[0], err);
	if (!watching->table)
		return false;
	watching->watch = model_watch_start(call->env->model, MODEL_BIT(watching->table->model),
					    changed, watching);
	return true;
}

static bool run_wait(struct command_call *call, struct err *err)
{
	struct watching *watching = call->state;

	if (!begin(call, on_wait_model, err))
		return false;
	if (!table_column(watching->table, "state")) {
		stop(call);
		return err_set(err, ERR_INPUT, "%s have no state to wait for",
			       watching->table->name);
	}
	on_wait_model(watching, 0);
	return true;
}

static bool run_watch(struct command_call *call, struct err *err)
{
	if (!begin(call, on_watch_model, err))
		return false;
	look_for_changes(call->state, true);
	return true;
}

const struct command watch_commands[] = {
	{
		.verb = "wait",
		.args = "KIND ID STATE",
		.summary = "wait until a thing is in a state",
		.help = "STATE is a word of the table's STATE column, passing, warning or "
			"critical, or\n"
			"gone: wait service web passing --timeout 60. Without --timeout it waits "
			"for "
			"ever.",
		.table = -1,
		.needs_of = bit_of_kind,
		.run = run_wait,
		.cancel = stop,
		.state_size = sizeof(struct watching),
	},
	{
		.verb = "watch",
		.args = "KIND",
		.summary = "print the changes of a table, one line of JSON each",
		.help = "Ends with --timeout or a signal. change is added, changed or removed.",
		.output = "jsonl",
		.table = -1,
		.needs_of = bit_of_kind,
		.run = run_watch,
		.cancel = stop,
		.state_size = sizeof(struct watching),
	},
};
const size_t watch_command_count = COUNT_OF(watch_commands);
