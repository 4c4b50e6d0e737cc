#include <inttypes.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/text.h"
#include "binnacle/model/model.h"
#include "put.h"

COLUMN_TEXT(template_name, render, id)
COLUMN_TEXT(status, render, status)
COLUMN_TEXT(check, render, check)
COLUMN_TEXT(cause, render, cause)
COLUMN_TEXT(destination, render, destination)
COLUMN_MOMENT(written, written_ms, render, written_ms)
COLUMN_SINCE(since, since_ms, render, since_ms)
COLUMN_NUMBER(loaded_ms, render, loaded_ms)
COLUMN_NUMBER(generations_count, render, generations)
ROW_STATE(state, render)

static void diff(const void *row, struct strbuf *out)
{
	const struct render *render = row;

	if (render->added || render->removed)
		strbuf_addf(out, "+%" PRId64 " -%" PRId64, render->added, render->removed);
}

static int64_t diff_number(const void *row)
{
	const struct render *render = row;

	return render->added + render->removed;
}

static void loaded(const void *row, struct strbuf *out)
{
	const struct render *render = row;

	if (render->not_loaded)
		strbuf_addstr(out, "NOT LOADED");
	else
		put_time(out, render->loaded_ms);
}

/* What keeps it from having a text comes before what changed since it had one. */
static void trigger(const void *row, struct strbuf *out)
{
	const struct render *render = row;

	if (render->waiting_for.count) {
		strbuf_addf(out, "waits: %s", render->waiting_for.items[0]);
		if (render->waiting_for.count > 1)
			strbuf_addf(out, " +%zu", render->waiting_for.count - 1);
	} else {
		strbuf_addstr(out, render->trigger);
	}
}

static void generations(const void *row, struct strbuf *out)
{
	put_count(out, generations_count(row));
}

static const struct column columns[] = {
	{ "template", "TEMPLATE", 10, 40, 1, COLUMN_CUT_MIDDLE, .text = template_name },
	{ "state", "STATE", 7, 9, 1, COLUMN_STATE, .text = status },
	{ "diff", "DIFF", 5, 11, 1, 0, .text = diff, .number = diff_number },
	{ "check", "CHECK", 5, 5, 2, 0, .text = check },
	{ "written", "WRITTEN", 8, 8, 3, COLUMN_TIME, .text = written, .number = written_ms,
	  .number_is_time = true },
	{ "trigger", "TRIGGER", 7, 24, 4, 0, .text = trigger },
	{ "loaded", "LOADED", 8, 10, 4, COLUMN_TIME, .text = loaded, .number = loaded_ms,
	  .number_is_time = true },
	{ "dest", "DEST", 10, 40, 5, COLUMN_WIDE | COLUMN_CUT_MIDDLE, .text = destination },
	{ "since", "SINCE", 5, 8, 5, COLUMN_WIDE | COLUMN_TIME, .text = since, .number = since_ms,
	  .number_is_time = true },
	{ "cause", "LAST PASS", 10, 40, 6, COLUMN_WIDE, .text = cause },
	{ "gen", "GEN", 3, 5, 6, COLUMN_WIDE | COLUMN_RIGHT, .text = generations,
	  .number = generations_count },
};

static int rank(const struct render *render)
{
	switch (render->state) {
	case STATE_FAILED:
		return 0;
	case STATE_HELD:
		return 1;
	case STATE_PENDING:
		return 2;
	case STATE_PASS:
		return 4;
	default:
		return 3;
	}
}

static int order(const void *a, const void *b)
{
	int difference = rank(a) - rank(b);

	return difference ? difference : present_compare_names(row_id(a), row_id(b));
}

static bool attention(const void *row)
{
	return row_state_needs_attention(state(row));
}

static void summary(const struct snapshot *snapshot, struct strbuf *out)
{
	size_t pending = 0, failed = 0, held = 0, waiting = 0, not_loaded = 0;

	for (size_t i = 0; i < snapshot->count; i++) {
		const struct render *render = snapshot_row(snapshot, i);

		pending += render->state == STATE_PENDING;
		failed += render->state == STATE_FAILED;
		held += render->state == STATE_HELD;
		waiting += render->waiting_for.count != 0;
		not_loaded += render->not_loaded;
	}
	strbuf_addf(out, "%zu", snapshot->count);
	summary_add(out, pending, "PENDING");
	summary_add(out, failed, "FAILED");
	summary_add(out, held, "HELD");
	summary_add(out, waiting, "waiting");
	summary_add(out, not_loaded, "NOT LOADED");
	if (snapshot->count) {
		const struct render *render = snapshot_row(snapshot, 0);

		summary_add(out, (size_t)render->connections,
			    render->connections == 1 ? "connection" : "connections");
	}
}

static void json_add_waiting(struct json *into, const struct render *render)
{
	struct json *times = json_add_array(into, "waiting_since");
	char text[CLOCK_TEXT_BYTES];

	for (size_t i = 0; i < render->waiting_for.count; i++)
		json_add_str(times, NULL, clock_rfc3339(render->waiting_since_ms[i], text));
}

static void json(const void *row, struct json *into)
{
	const struct render *render = row;

	json_add_str(into, "template", render->id);
	json_add_text(into, "source", render->source);
	json_add_text(into, "dest", render->destination);
	json_add_text(into, "state", render->status);
	json_add_int(into, "added", render->added);
	json_add_int(into, "removed", render->removed);
	json_add_text(into, "check", render->check);
	json_add_text(into, "message", render->message);
	json_add_text(into, "trigger", render->trigger);
	json_add_text(into, "brake", render->brake);
	json_add_time(into, "since", render->since_ms);
	json_add_list(into, "waiting_for", render->waiting_for);
	json_add_waiting(into, render);
	json_add_text(into, "cause", render->cause);
	json_add_time(into, "executed", render->executed_ms);
	json_add_int(into, "executions", render->executions);
	json_add_int(into, "dependencies", render->dependencies);
	json_add_int(into, "connections", render->connections);
	json_add_int(into, "queries_waiting", render->queries_waiting);
	json_add_time(into, "written", render->written_ms);
	json_add_time(into, "loaded", render->loaded_ms);
	json_add_bool(into, "not_loaded", render->not_loaded);
	json_add_int(into, "generations", render->generations);
}

/* Thousands may be missing at the start. */
#define WAITING_SHOWN 20

static void detail_waiting(const struct render *render, struct strbuf *out)
{
	char time[CLOCK_TEXT_BYTES], age[TEXT_AGE_BYTES];
	size_t count = render->waiting_for.count;

	for (size_t i = 0; i < count && i < WAITING_SHOWN; i++)
		detail_fmt(out, i ? "" : "waiting for", "%s   for %s, since %s",
			   render->waiting_for.items[i],
			   text_age(clock_wall_ms() - render->waiting_since_ms[i], age),
			   clock_local_hms(render->waiting_since_ms[i], time));
	if (count > WAITING_SHOWN)
		detail_fmt(out, "", "and %zu more", count - WAITING_SHOWN);
}

static void detail_connections(const struct render *render, struct strbuf *out)
{
	struct strbuf text = STRBUF_INIT;

	if (!render->answers)
		return;
	strbuf_addf(&text, "%" PRId64 " connection%s, %" PRId64 " answers to all templates",
		    render->connections, render->connections == 1 ? "" : "s", render->answers);
	if (render->queries_waiting)
		strbuf_addf(&text, ", %" PRId64 " queries wait", render->queries_waiting);
	detail_text(out, "Consul", text.buf);
	strbuf_release(&text);
}

static void detail_execution(const struct render *render, struct strbuf *out)
{
	char time[CLOCK_TEXT_BYTES], age[TEXT_AGE_BYTES];

	if (!render->executions)
		return;
	detail_fmt(out, "last pass", "%s ago, at %s, number %" PRId64,
		   text_age(clock_wall_ms() - render->executed_ms, age),
		   clock_local_hms(render->executed_ms, time), render->executions);
	detail_text(out, "because of", render->cause);
	detail_fmt(out, "asks for", "%" PRId64 " thing%s", render->dependencies,
		   render->dependencies == 1 ? "" : "s");
	detail_connections(render, out);
}

/* How to look at them, and the newest ones. */
#define KEPT_SHOWN 5

static void detail_kept(const struct render *render, const struct model *model, struct strbuf *out)
{
	const struct snapshot *all = model_current(model, MODEL_GENERATIONS);
	char time[CLOCK_TEXT_BYTES], age[TEXT_AGE_BYTES];
	size_t shown = 0;

	if (!render->generations)
		return;
	detail_heading(out, "Generations");
	for (size_t i = 0; i < all->count && shown < KEPT_SHOWN; i++) {
		const struct generation_row *row = snapshot_row(all, i);

		if (!row->number || strcmp(row->template, render->id) != 0)
			continue;
		shown++;
		text_age(clock_wall_ms() - row->time_ms, age);
		clock_rfc3339(row->time_ms, time);
		if (*row->sha256)
			detail_fmt(out, row->name, "replaced %s ago, %s   %" PRId64 " bytes   %.8s",
				   age, time, row->bytes, row->sha256);
		else
			detail_fmt(out, row->name, "replaced %s ago, %s   no file", age, time);
	}
	if (render->generations > (int64_t)shown)
		detail_fmt(out, "", "and %" PRId64 " earlier ones",
			   render->generations - (int64_t)shown);
}

static void detail(const void *row, const struct model *model, struct strbuf *out)
{
	const struct render *render = row;

	detail_text(out, "template", render->id);
	detail_text(out, "state", render->status);
	detail_since(out, "since", render->since_ms);
	detail_waiting(render, out);
	detail_text(out, "held by", render->brake);
	detail_text(out, "message", render->message);
	detail_text(out, "source", render->source);
	detail_text(out, "destination", render->destination);
	if (render->added || render->removed)
		detail_fmt(out, "difference", "+%" PRId64 " -%" PRId64 " lines", render->added,
			   render->removed);
	detail_text(out, "check", render->check);
	detail_text(out, "trigger", render->trigger);
	detail_execution(render, out);
	detail_since(out, "written", render->written_ms);
	detail_since(out, "loaded", render->loaded_ms);
	if (render->not_loaded)
		detail_text(out, "", "NOT LOADED: the file is newer than what nginx took");
	detail_fmt(out, "kept", "%" PRId64 " earlier texts", render->generations);
	detail_kept(render, model, out);
}

const struct table renders_table = {
	.model = MODEL_RENDERS,
	.name = "renders",
	.singular = "render",
	.title = "Renders",
	.columns = columns,
	.column_count = COUNT_OF(columns),
	.state = state,
	.attention = attention,
	.order = order,
	.empty = "No templates are configured.",
	.empty_hint = "A template block in the configuration names a source and a destination.",
	.summary = summary,
	.json = json,
	.detail = detail,
};
