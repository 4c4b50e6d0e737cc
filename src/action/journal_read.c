/* Reading back: the newest part of the file, line by line, each line added to the entry of its
 * id. Lines that are no JSON objects (a torn one, somebody's edit) are skipped. */
#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "binnacle/model/model.h"
#include "journal_private.h"

/* The table is published with every action: it need not go back for ever. */
#define PUBLISHED_MAX   500
#define PUBLISHED_BYTES (2 << 20)

static bool read_tail(const struct journal *journal, off_t span, struct strbuf *out,
		      struct err *err)
{
	int fd = open(journal->path, O_RDONLY | O_CLOEXEC | O_NOFOLLOW);
	struct stat info;
	off_t from;
	ssize_t got = 0;

	if (fd < 0)
		return errno == ENOENT || err_system(err, "journal %s", journal->path);
	if (fstat(fd, &info) != 0) {
		close(fd);
		return err_system(err, "journal %s", journal->path);
	}
	from = info.st_size > span ? info.st_size - span : 0;
	strbuf_grow(out, (size_t)(info.st_size - from));
	while (from < info.st_size) {
		char bytes[65536];

		got = pread(fd, bytes, sizeof(bytes), from);
		if (got < 0 && errno == EINTR)
			continue;
		if (got <= 0)
			break;
		strbuf_add(out, bytes, (size_t)got);
		from += got;
	}
	close(fd);
	return got >= 0 || err_system(err, "journal %s", journal->path);
}

static void set_text(char **field, const char *text)
{
	free(*field);
	*field = xstrdup(text);
}

static struct journal_entry *entry_of(struct journal_entries *entries, int64_t id)
{
	struct journal_entry *entry;

	/* Lines of one id stand close together: look from the end. */
	for (size_t i = entries->len; i-- > 0;)
		if (entries->items[i].id == id)
			return &entries->items[i];
	GROW(entries->items, entries->len, entries->cap);
	entry = &entries->items[entries->len++];
	*entry = (struct journal_entry){ .id = id };
	entry->user = xstrdup("");
	entry->verb = xstrdup("");
	entry->targets = xstrdup("");
	entry->plan_hash = xstrdup("");
	entry->front_end = xstrdup("");
	entry->undo = xstrdup("");
	entry->result = xstrdup("running");
	entry->why = xstrdup("");
	entry->steps = json_new_array();
	return entry;
}

static void take_begin(struct journal_entry *entry, struct json *line)
{
	const struct json *targets = json_get(line, "targets"), *first = json_first(targets);
	struct strbuf text = STRBUF_INIT;

	if (json_count(targets) == 1)
		strbuf_addstr(&text, json_str(first, "label", ""));
	else if (first)
		strbuf_addf(&text, "%ss (%zu)", json_str(first, "kind", "target"),
			    json_count(targets));
	entry->time_ms = json_int(line, "time_ms", 0);
	set_text(&entry->user, json_str(line, "sudo_user", json_str(line, "user", "")));
	set_text(&entry->verb, json_str(line, "verb", ""));
	set_text(&entry->targets, text.buf);
	set_text(&entry->plan_hash, json_str(line, "plan", ""));
	set_text(&entry->front_end, json_str(line, "front_end", ""));
	strbuf_release(&text);
	json_free(entry->begin);
	entry->begin = line;
	entry->steps_total = 0;
	JSON_EACH(target, targets)
	entry->steps_total += json_count(json_get(target, "steps"));
}

/* Takes the line. */
static void take_line(struct journal_entry *entry, struct json *line)
{
	const char *event = json_str(line, "event", "");

	if (strcmp(event, "begin") == 0 || strcmp(event, "not done") == 0 ||
	    strcmp(event, "note") == 0) {
		if (*event != 'b') {
			set_text(&entry->result, json_str(line, "result", ""));
			set_text(&entry->why, json_str(line, "why", ""));
		}
		take_begin(entry, line);
		return;
	}
	if (strcmp(event, "end") == 0) {
		set_text(&entry->result, json_str(line, "result", ""));
		set_text(&entry->why, json_str(line, "why", ""));
		entry->took_ms = json_int(line, "took_ms", 0);
	} else if (strcmp(event, "step") == 0 || strcmp(event, "save") == 0) {
		if (strcmp(json_str(line, "result", ""), "done") == 0)
			entry->steps_done++;
		json_add(entry->steps, NULL, line);
		return;
	}
	json_free(line);
}

static bool is_running(const struct json *begin)
{
	int64_t pid = json_int(begin, "pid", 0);

	return pid > 0 && (kill((pid_t)pid, 0) == 0 || errno == EPERM);
}

static const struct step_kind *kind_at(const struct json *begin, int64_t target, int64_t step,
				       const struct json **args, const struct json **target_out)
{
	const struct json *item = json_first(json_get(begin, "targets"));

	for (int64_t i = 0; item && i < target; i++)
		item = json_next(item);
	*target_out = item;
	item = json_first(json_get(item, "steps"));
	for (int64_t i = 0; item && i < step; i++)
		item = json_next(item);
	*args = json_get(item, "args");
	return item ? step_kind_find(json_str(item, "kind", "")) : NULL;
}

static bool was_done(const struct json *line)
{
	return strcmp(json_str(line, "event", ""), "step") == 0 &&
	       strcmp(json_str(line, "result", ""), "done") == 0;
}

/* Something to take back: the step was done, or it broke off and its kind knows what to do then. */
static bool may_have_acted(const struct journal_entry *entry, const struct json *line)
{
	const struct json *args, *target;
	const struct step_kind *kind;

	if (was_done(line))
		return true;
	if (strcmp(json_str(line, "event", ""), "step") != 0 ||
	    strcmp(json_str(line, "result", ""), "failed") != 0)
		return false;
	kind = kind_at(entry->begin, json_int(line, "target", 0), json_int(line, "step", 0), &args,
		       &target);
	return kind && kind->undo_when_failed;
}

static void judge(struct journal_entry *entry)
{
	const struct json *args, *target;

	if (strcmp(entry->result, "running") == 0 && !is_running(entry->begin)) {
		char why[80];

		snprintf(why, sizeof(why), "interrupted after %zu of %zu steps", entry->steps_done,
			 entry->steps_total);
		set_text(&entry->result, "interrupted");
		set_text(&entry->why, why);
	}
	JSON_EACH(line, entry->steps)
	{
		const struct step_kind *kind;

		if (!may_have_acted(entry, line))
			continue;
		kind = kind_at(entry->begin, json_int(line, "target", 0), json_int(line, "step", 0),
			       &args, &target);
		entry->reversible |= kind && kind->undo;
	}
	if (entry->reversible) {
		char undo[48];

		snprintf(undo, sizeof(undo), "undo %" PRId64, entry->id);
		set_text(&entry->undo, undo);
	}
}

static void entry_release(struct journal_entry *entry)
{
	free(entry->user);
	free(entry->verb);
	free(entry->targets);
	free(entry->plan_hash);
	free(entry->front_end);
	free(entry->undo);
	free(entry->result);
	free(entry->why);
	json_free(entry->begin);
	json_free(entry->steps);
}

void journal_entries_release(struct journal_entries *entries)
{
	for (size_t i = 0; i < entries->len; i++)
		entry_release(&entries->items[i]);
	free(entries->items);
	*entries = (struct journal_entries){ 0 };
}

static int newest_first(const void *a, const void *b)
{
	int64_t left = ((const struct journal_entry *)a)->id,
		right = ((const struct journal_entry *)b)->id;

	return (left < right) - (left > right);
}

static bool read_entries(const struct journal *journal, off_t span, size_t limit,
			 struct journal_entries *out, struct err *err)
{
	struct strbuf text = STRBUF_INIT;
	char *at, *end;

	*out = (struct journal_entries){ 0 };
	if (!read_tail(journal, span, &text, err)) {
		strbuf_release(&text);
		return false;
	}
	for (at = text.buf; at < text.buf + text.len; at = end + 1) {
		struct json *line;
		struct err ignored;

		end = memchr(at, '\n', (size_t)(text.buf + text.len - at));
		if (!end)
			break; /* torn: nobody has said yet that it is whole */
		line = json_parse(at, (size_t)(end - at), &ignored);
		if (json_is_object(line) && json_int(line, "id", 0) > 0)
			take_line(entry_of(out, json_int(line, "id", 0)), line);
		else
			json_free(line);
	}
	strbuf_release(&text);
	if (out->len)
		qsort(out->items, out->len, sizeof(*out->items), newest_first);
	while (out->len > limit)
		entry_release(&out->items[--out->len]);
	for (size_t i = 0; i < out->len; i++)
		judge(&out->items[i]);
	return true;
}

bool journal_read(const struct journal *journal, size_t limit, struct journal_entries *out,
		  struct err *err)
{
	return read_entries(journal, JOURNAL_READ_BYTES, limit, out, err);
}

static enum row_state state_of(const char *result)
{
	static const struct {
		const char *result;
		enum row_state state;
	} states[] = {
		{ "done", STATE_DONE },       { "partly", STATE_FAILED },
		{ "failed", STATE_FAILED },   { "interrupted", STATE_FAILED },
		{ "running", STATE_RUNNING }, { "refused", STATE_WARN },
	};

	for (size_t i = 0; i < COUNT_OF(states); i++)
		if (strcmp(states[i].result, result) == 0)
			return states[i].state;
	return STATE_NONE;
}

void journal_publish(struct journal *journal)
{
	struct journal_entries entries;
	struct snapshot *snapshot;
	struct err err;

	if (!journal->model)
		return;
	if (!read_entries(journal, PUBLISHED_BYTES, PUBLISHED_MAX, &entries, &err))
		log_warn("action", "%s", err.msg);
	snapshot = snapshot_new(MODEL_JOURNAL);
	for (size_t i = 0; i < entries.len; i++) {
		const struct journal_entry *entry = &entries.items[i];
		struct journal_row *row = snapshot_add(snapshot);
		struct arena *arena = &snapshot->arena;

		row->id = arena_printf(arena, "%" PRId64, entry->id);
		row->time_ms = entry->time_ms;
		row->verb = arena_strdup(arena, entry->verb);
		row->targets = arena_strdup(arena, entry->targets);
		row->result = !*entry->why ? arena_strdup(arena, entry->result)
			      : text_starts_with(entry->why, entry->result)
				      ? arena_strdup(arena, entry->why)
				      : arena_printf(arena, "%s: %s", entry->result, entry->why);
		row->user = arena_strdup(arena, entry->user);
		row->plan_hash = arena_strdup(arena, entry->plan_hash);
		row->undo = arena_strdup(arena, entry->undo);
		row->state = state_of(entry->result);
	}
	journal_entries_release(&entries);
	model_publish(journal->model, snapshot);
}

/* What was saved before a step: the documents of all its `save` lines as one object. */
static struct json *saved_of(const struct json *steps, int64_t target, int64_t step)
{
	struct json *saved = NULL;

	JSON_EACH(line, steps)
	{
		if (strcmp(json_str(line, "event", ""), "save") != 0 ||
		    json_int(line, "target", -1) != target || json_int(line, "step", -1) != step)
			continue;
		if (!saved)
			saved = json_new_object();
		JSON_EACH(member, json_get(line, "document"))
		json_set(saved, json_key(member), json_copy(member));
	}
	return saved;
}

/* Steps of a target, last first, so that what was built up is taken down in order. */
static void undo_target(const struct journal_entry *entry, const struct action_env *env,
			int64_t index, struct plan *plan)
{
	size_t count = json_count(entry->steps);
	const struct json **lines = xcalloc(count + 1, sizeof(*lines)), *item, *args, *target;
	struct plan_target *into = NULL;
	size_t filled = 0;

	JSON_EACH(line, entry->steps)
	if (may_have_acted(entry, line) && json_int(line, "target", -1) == index)
		lines[filled++] = line;
	while (filled-- > 0) {
		int64_t step = json_int(lines[filled], "step", 0);
		const struct step_kind *kind = kind_at(entry->begin, index, step, &args, &target);
		struct json *saved = saved_of(entry->steps, index, step);
		struct err err = { 0 };

		item = target;
		if (!into) {
			into = plan_add_target(plan, json_str(item, "kind", ""),
					       json_str(item, "id", ""),
					       json_str(item, "label", ""));
			plan_set(&into->group, "%s", json_str(item, "node", ""));
		}
		if (!kind || !kind->undo)
			err_set(&err, ERR_REFUSED, "%s cannot be undone",
				kind ? kind->name : "this step");
		if (err.code || !kind->undo(env, args, saved, into, &err))
			plan_skip(plan, "%s: %s", json_str(item, "label", ""), err.msg);
		json_free(saved);
	}
	if (into && !into->step_count)
		plan_drop_target(plan); /* nothing came of it */
	free(lines);
}

static struct plan *plan_of_entry(const struct journal_entry *entry, const struct action_env *env,
				  struct err *err)
{
	struct plan *plan;
	size_t count;

	if (strcmp(entry->result, "running") == 0) {
		err_set(err, ERR_REFUSED, "%" PRId64 " is still running", entry->id);
		return NULL;
	}
	plan = plan_new("undo");
	plan->in_order = json_bool(entry->begin, "in_order", false);
	count = json_count(json_get(entry->begin, "targets"));
	for (size_t i = 0; i < count; i++)
		undo_target(entry, env, (int64_t)(plan->in_order ? count - 1 - i : i), plan);
	if (!plan->target_count) {
		err_set(err, ERR_REFUSED, "%" PRId64 " (%s) cannot be undone%s%s", entry->id,
			entry->verb, plan->skipped_count ? ": " : "",
			plan->skipped_count ? plan->skipped[0] : "");
		plan_free(plan);
		return NULL;
	}
	plan_set(&plan->title, "Undo %" PRId64 ", %s?", entry->id, entry->verb);
	plan_set(&plan->operation, "reverses %s of %s, last step first", entry->verb,
		 entry->targets);
	plan_set(&plan->undo, "undo of this undo, where its steps allow it");
	plan_set(&plan->batch, "binnacle --batch undo %" PRId64, entry->id);
	plan_set(&plan->button, "Undo %zu", plan->target_count);
	return plan;
}

/* Which entry an undo reversed; 0: none. */
static int64_t undone_by(const struct journal_entry *entry)
{
	const char *batch = json_str(entry->begin, "batch", ""), *last = strrchr(batch, ' ');

	return strcmp(entry->verb, "undo") == 0 && strcmp(entry->result, "done") == 0 && last
		       ? strtoll(last, NULL, 10)
		       : 0;
}

/* Whether a newer undo reversed it that was not reversed itself. */
static bool is_undone(const struct journal_entries *entries, size_t index)
{
	for (size_t i = 0; i < index; i++)
		if (undone_by(&entries->items[i]) == entries->items[index].id &&
		    !is_undone(entries, i))
			return true;
	return false;
}

struct plan *journal_undo_plan(const struct journal *journal, const struct action_env *env,
			       int64_t id, struct err *err)
{
	struct journal_entries entries;
	struct plan *plan = NULL;

	if (!journal_read(journal, SIZE_MAX, &entries, err))
		return NULL;
	if (id)
		err_set(err, ERR_NOT_FOUND, "the journal has no entry %" PRId64, id);
	else
		err_set(err, ERR_NOT_FOUND, "the journal has nothing that could be undone");
	for (size_t i = 0; i < entries.len && !plan; i++) {
		const struct journal_entry *entry = &entries.items[i];
		struct err ignored;

		if (id && entry->id == id)
			plan = plan_of_entry(entry, env, err);
		else if (!id && entry->reversible && strcmp(entry->verb, "undo") != 0 &&
			 !is_undone(&entries, i))
			plan = plan_of_entry(entry, env, &ignored);
	}
	journal_entries_release(&entries);
	return plan;
}
