/*
 * Writing and reloading. One operation at a time:
 *
 *     begin     the files and hashes are what the operator (or the judgment) saw
 *     check     nginx -t with all new texts; a file that is at fault leaves the batch
 *     write     each file once more unchanged? keep it, replace it
 *     reload    with its proof
 *     commands
 *     back      after a failure: the old files, and, where something had taken the new ones, the
 *               reload or the commands again
 *
 * What auto does and what operators confirm differ only in how they begin and in who hears the
 * end of it.
 */
#include "runner_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/loop/child.h"
#include "binnacle/loop/loop.h"

#define COMMAND_TIMEOUT_MS 30000

enum op_state {
	OP_QUEUED,
	OP_CHECKING,       /* nothing is written */
	OP_RELOADING,      /* written */
	OP_COMMANDS,       /* written, and taken by nginx */
	OP_RELOADING_BACK, /* the old files are back, and nginx takes them */
	OP_COMMANDS_BACK,  /* the old files are back, and the commands run again */
};

struct op_item {
	struct render_job *job;
	struct strbuf text;
	char sha256[DIGEST_HEX_BYTES];      /* of text */
	char live_sha256[DIGEST_HEX_BYTES]; /* of what it replaces */
	uint64_t generation;
	bool written;
};

struct render_op {
	struct render_runner *runner;
	struct render_op *next;
	enum op_state state;
	bool is_automatic;
	bool is_owed; /* automatic, nothing to write: a reload that an earlier life of ours owes */
	bool is_forgotten; /* canceled after something was written: nobody hears the end */
	unsigned flags;
	struct nginx_control *nginx; /* of all items; NULL: none */
	struct op_item *items;
	size_t count;
	/* what the operator asked for; one item */
	char *want_pending, *want_live; /* NULL: not said */
	uint64_t rollback;              /* generation; 0: none */
	bool makes_absent;              /* that generation is "no file" */

	struct loop_deferred *deferred;
	struct nginx_check *check;
	struct nginx_reload *reload;
	struct child *child;
	const char **commands; /* borrowed from the jobs */
	size_t command_count, command_index;
	struct err err; /* of the first failure */
	bool is_kept;   /* failed, but the new files stay */
	bool reload_began;
	struct render_applied result;
	struct strbuf message;
	render_done_fn *done;
	nginx_check_fn *checked; /* of an operator's check; then `done` is NULL */
	void *arg;
	bool completing;
};

static void op_begin(void *arg);
static void op_write(struct render_op *op);
static void op_reload(struct render_op *op);
static void op_next_command(struct render_op *op);

static void op_release(struct render_op *op)
{
	nginx_check_cancel(&op->check);
	nginx_reload_cancel(&op->reload);
	child_cancel(&op->child);
	loop_deferred_cancel(&op->deferred);
	for (size_t i = 0; i < op->count; i++)
		strbuf_release(&op->items[i].text);
	free(op->items);
	free(op->commands);
	free(op->want_pending);
	free(op->want_live);
	strbuf_release(&op->message);
	free(op);
}

static void start_first(struct render_runner *runner)
{
	struct render_op *op = runner->ops;

	if (op && op->state == OP_QUEUED && !op->deferred)
		op->deferred = loop_defer(runner->loop, op_begin, op);
}

static void op_unlink(struct render_op *op)
{
	struct render_op **link = op->checked ? &op->runner->checks : &op->runner->ops;

	while (*link != op)
		link = &(*link)->next;
	*link = op->next;
}

static void op_enqueue(struct render_op *op)
{
	struct render_op **link = &op->runner->ops;

	while (*link)
		link = &(*link)->next;
	*link = op;
	start_first(op->runner);
}

static struct render_op *op_new(struct render_runner *runner, unsigned flags)
{
	struct render_op *op = xcalloc(1, sizeof(*op));

	op->runner = runner;
	op->flags = flags;
	strbuf_init(&op->message);
	return op;
}

static void set_text(struct op_item *item, const struct strbuf *text)
{
	strbuf_reset(&item->text);
	strbuf_add(&item->text, text->buf, text->len);
	digest_sha256_hex(item->text.buf, item->text.len, item->sha256);
}

static void op_add_item(struct render_op *op, struct render_job *job)
{
	struct op_item *item;

	op->items = xreallocarray(op->items, op->count + 1, sizeof(*op->items));
	item = &op->items[op->count++];
	*item = (struct op_item){ .job = job };
	strbuf_init(&item->text);
	set_text(item, &job->pending);
	op->nginx = job->spec.nginx;
}

static void drop_item(struct render_op *op, size_t index)
{
	op->items[index].job->is_busy = false;
	strbuf_release(&op->items[index].text);
	op->count--;
	memmove(&op->items[index], &op->items[index + 1], (op->count - index) * sizeof(*op->items));
}

static void set_busy(struct render_op *op, enum render_state busy)
{
	for (size_t i = 0; i < op->count; i++)
		job_set_busy(op->items[i].job, busy);
}

static void settle_item(struct render_op *op, struct op_item *item)
{
	struct render_job *job = item->job;
	bool conflict = op->err.code == ERR_CONFLICT;

	job->is_busy = false;
	if (!op->err.code && (op->flags & RENDER_DO_RELOAD))
		job_pay(job);
	else if (op->is_owed)
		job_put_off(job);
	if (op->err.code && !conflict && !op->rollback && (op->flags & RENDER_DO_WRITE))
		job_refuse(job, item->sha256, &op->err, "");
	else if (!op->err.code && op->rollback && job->has_pending)
		job_refuse(job, job->pending_sha256, NULL,
			   "rolled back: this text waits until the data changes or you apply it");
	else if (!op->err.code)
		job_allow(job);
	job_read_live(job);
	job_list_generations(job);
	/* Whether it went well or the old text is back: but not when somebody else came between. */
	if (!conflict && (op->flags & RENDER_DO_WRITE))
		job_settle(job);
}

static void op_finish(struct render_op *op)
{
	struct render_runner *runner = op->runner;
	const char *name = op->count ? op->items[0].job->spec.name : "";
	bool restored = op->result.restored;

	op->result.ok = !op->err.code;
	op->result.err = op->err;
	op->result.written = false;
	for (size_t i = 0; i < op->count; i++)
		if (op->items[i].written) {
			op->result.written = true;
			op->result.generation = op->items[i].generation;
		}
	if (op->err.code && op->err.code != ERR_CONFLICT)
		log_error("render", "%s: %s%s", name, op->err.msg,
			  restored ? " (the old text is back)" : "");
	else if (op->err.code)
		log_warn("render", "%s: %s", name, op->err.msg);
	else
		log_info("render", "%s%s: %s", name, op->count > 1 ? " and others" : "",
			 op->message.buf);
	for (size_t i = 0; i < op->count; i++) {
		settle_item(op, &op->items[i]);
		job_judge(op->items[i].job);
	}
	op_unlink(op);
	start_first(runner);
	runner_schedule(runner);
	if (op->err.code) {
		strbuf_reset(&op->message);
		strbuf_addstr(&op->message, op->err.msg);
	}
	op->result.message = op->message.buf;
	op->completing = true;
	/* `done` may free the runner. */
	if (op->done && !op->is_forgotten)
		op->done(op->arg, &op->result);
	op_release(op);
}

static void op_fail(struct render_op *op, const struct err *err)
{
	if (!op->err.code)
		op->err = *err;
	op_finish(op);
}

/* The old files again. */
static bool restore_files(struct render_op *op)
{
	bool any = false;

	for (size_t i = 0; i < op->count; i++) {
		struct op_item *item = &op->items[i];
		struct err err;

		if (!item->written)
			continue;
		any = true;
		if (target_restore(&item->job->target, item->generation, &err)) {
			item->written = false;
			item->generation = 0;
			item->job->is_unloaded = false;
			job_pay(item->job);
			op->result.restored = true;
		} else {
			log_error("render", "%s: the old text cannot be brought back: %s",
				  item->job->spec.name, err.msg);
		}
	}
	return any;
}

static void on_reloaded_back(void *arg, const struct nginx_reload_result *result)
{
	struct render_op *op = arg;

	op->reload = NULL;
	if (!result->ok)
		log_error("render", "%s: reload with the old files: %s",
			  nginx_control_name(op->nginx), result->message);
	if (op->state == OP_RELOADING_BACK && op->command_count) {
		op->state = OP_COMMANDS_BACK;
		op->command_count = op->command_index + 1;
		op->command_index = 0;
		op_next_command(op);
		return;
	}
	op_finish(op);
}

/* After a failure when something is written. op->err is set. */
static void op_go_back(struct render_op *op)
{
	bool had_commands = op->state == OP_COMMANDS;

	if (!restore_files(op)) {
		op_finish(op);
		return;
	}
	if (op->reload_began) {
		op->state = OP_RELOADING_BACK;
		set_busy(op, RENDER_RELOADING);
		op->reload = nginx_reload_start(op->nginx, on_reloaded_back, op);
	} else if (had_commands) {
		op->state = OP_COMMANDS_BACK;
		op->command_count = op->command_index + 1;
		op->command_index = 0;
		op_next_command(op);
	} else {
		op_finish(op);
	}
}

static void on_command(void *arg, const struct child_result *result)
{
	struct render_op *op = arg;
	const char *command = op->commands[op->command_index];
	struct err err;

	op->child = NULL;
	if (op->state == OP_COMMANDS && (result->timed_out || result->exit_code)) {
		bool keep = false;

		if (result->timed_out)
			err_set(&err, ERR_REFUSED, "command \"%s\" did not end in time", command);
		else
			err_set(&err, ERR_REFUSED, "command \"%s\" ended with %d", command,
				result->exit_code);
		if (!op->err.code)
			op->err = err;
		for (size_t i = 0; i < op->count; i++)
			if (op->items[i].job->spec.command &&
			    strcmp(op->items[i].job->spec.command, command) == 0)
				keep |= op->items[i].job->spec.keep_written;
		if (!keep) {
			op_go_back(op);
			return;
		}
	}
	op->command_index++;
	op_next_command(op);
}

static void on_command_not_started(void *arg)
{
	struct render_op *op = arg;
	struct strbuf none = STRBUF_INIT;
	struct child_result result = { .exit_code = 127, .output = &none };

	op->deferred = NULL;
	on_command(op, &result);
}

static int64_t command_timeout(const struct render_op *op, const char *command)
{
	for (size_t i = 0; i < op->count; i++) {
		const struct render_template *spec = &op->items[i].job->spec;

		if (spec->command && strcmp(spec->command, command) == 0 &&
		    spec->command_timeout_ms)
			return spec->command_timeout_ms;
	}
	return COMMAND_TIMEOUT_MS;
}

static void op_next_command(struct render_op *op)
{
	const char *argv[] = { "/bin/sh", "-c", NULL, NULL };
	struct err err;

	if (op->command_index >= op->command_count) {
		if (op->state == OP_COMMANDS && op->command_count) {
			op->result.reloaded = !op->err.code;
			strbuf_addf(&op->message, "%s%zu %s run", op->message.len ? ", " : "",
				    op->command_count,
				    op->command_count == 1 ? "command" : "commands");
		}
		op_finish(op);
		return;
	}
	argv[2] = op->commands[op->command_index];
	op->child = child_run(
		op->runner->loop,
		&(struct child_spec){ .argv = argv, .timeout_ms = command_timeout(op, argv[2]) },
		on_command, op, &err);
	if (!op->child)
		op->deferred = loop_defer(op->runner->loop, on_command_not_started, op);
}

/* The same command of several templates runs once, in the place of the first. */
static void op_commands(struct render_op *op)
{
	op->state = OP_COMMANDS;
	op->commands = xcalloc(op->count + 1, sizeof(*op->commands));
	for (size_t i = 0; i < op->count && (op->flags & RENDER_DO_RELOAD); i++) {
		const char *command = op->items[i].job->spec.command;
		bool known = !command || !command[0];

		/* With an unchanged file only an operator's order to reload runs it. */
		if (op->is_automatic && !op->is_owed && !op->items[i].written)
			continue;
		for (size_t k = 0; k < op->command_count && !known; k++)
			known = strcmp(op->commands[k], command) == 0;
		if (!known)
			op->commands[op->command_count++] = command;
	}
	if (op->command_count)
		set_busy(op, RENDER_RENDERING);
	op_next_command(op);
}

static void on_reloaded(void *arg, const struct nginx_reload_result *result)
{
	struct render_op *op = arg;

	op->reload = NULL;
	memcpy(op->result.steps, result->steps, sizeof(op->result.steps));
	op->reload_began = result->began;
	if (!result->ok) {
		err_set(&op->err, ERR_REFUSED, "reload of %s: %s", nginx_control_name(op->nginx),
			result->message);
		op_go_back(op);
		return;
	}
	op->result.reloaded = true;
	strbuf_addf(&op->message, "%s%s", op->message.len ? ", " : "", result->message);
	render_note_loaded(op->runner, op->nginx);
	op_commands(op);
}

static void op_reload(struct render_op *op)
{
	if (!(op->flags & RENDER_DO_RELOAD) || !op->nginx) {
		op_commands(op);
		return;
	}
	op->state = OP_RELOADING;
	set_busy(op, RENDER_RELOADING);
	op->reload = nginx_reload_start(op->nginx, on_reloaded, op);
}

static bool write_item(struct render_op *op, struct op_item *item, struct err *err)
{
	struct render_job *job = item->job;

	/* The check took its time: has somebody else written in the meantime? */
	job_read_live(job);
	if (job->live_err.code) {
		*err = job->live_err;
		return false;
	}
	if (strcmp(job->live_sha256, item->live_sha256) != 0)
		return err_set(err, ERR_CONFLICT, "%s was changed by somebody else just now",
			       job->spec.destination);
	if (op->flags & RENDER_DO_RELOAD)
		job_owe(job, item->sha256);
	if (!target_write(&job->target, item->text.buf, item->text.len, &item->written,
			  &item->generation, err))
		return false;
	if (item->written && op->makes_absent)
		unlink(job->spec.destination);
	job->is_unloaded |= item->written;
	return true;
}

static void op_write(struct render_op *op)
{
	size_t written = 0;
	struct err err;

	set_busy(op, RENDER_RENDERING);
	for (size_t i = 0; i < op->count; i++) {
		if (!write_item(op, &op->items[i], &err)) {
			op->err = err;
			restore_files(op);
			op_finish(op);
			return;
		}
		written += op->items[i].written;
	}
	if (written > 1)
		strbuf_addf(&op->message, "%zu files written", written);
	else
		strbuf_addstr(&op->message, written ? "written" : "unchanged");
	op_reload(op);
}

static void op_check(struct render_op *op);

static void on_checked(void *arg, const struct nginx_check_result *result, const struct err *err)
{
	struct render_op *op = arg;
	struct err why;
	size_t guilty = op->count;

	op->check = NULL;
	if (err) {
		op_fail(op, err);
		return;
	}
	for (size_t i = 0; i < op->count; i++) {
		if (!result->ok && strcmp(result->file, op->items[i].job->spec.destination) == 0)
			guilty = i;
		if (!result->used[i])
			log_warn("render", "no include of %s reaches %s",
				 nginx_control_name(op->nginx), op->items[i].job->spec.destination);
	}
	if (!result->ok)
		err_set(&why, ERR_REFUSED, "nginx -t: %s", result->message);
	if (!result->ok && op->count > 1 && guilty < op->count) {
		/* The others need not wait for the one that is wrong. */
		struct op_item *item = &op->items[guilty];

		job_set_verdict(item->job, item->sha256, result, true, NULL);
		job_refuse(item->job, item->sha256, &why, "");
		log_error("render", "%s: %s", item->job->spec.name, why.msg);
		drop_item(op, guilty);
		op_check(op);
		return;
	}
	for (size_t i = 0; i < op->count; i++)
		job_set_verdict(op->items[i].job, op->items[i].sha256, result, result->used[i],
				NULL);
	if (!result->ok)
		op_fail(op, &why);
	else
		op_write(op);
}

static void op_check(struct render_op *op)
{
	struct conf_pending pending[CONF_PENDING_MAX];

	assert(op->count <= CONF_PENDING_MAX);
	op->state = OP_CHECKING;
	set_busy(op, RENDER_VALIDATING);
	for (size_t i = 0; i < op->count; i++)
		pending[i] = (struct conf_pending){ .path = op->items[i].job->spec.destination,
						    .text = op->items[i].text.buf,
						    .len = op->items[i].text.len,
						    .mode = op->items[i].job->spec.perms };
	op->check = nginx_check_start(op->nginx, pending, op->count, on_checked, op);
}

/* Whether the world is as the operator saw it, and what to write. */
static bool begin_confirmed(struct render_op *op, struct err *err)
{
	struct op_item *item = &op->items[0];
	struct render_job *job = item->job;
	struct strbuf text = STRBUF_INIT;
	bool ok = true;

	if (job->live_err.code) {
		*err = job->live_err;
		return false;
	}
	if (op->want_live && strcmp(op->want_live, job->live_sha256) != 0)
		return err_set(err, ERR_CONFLICT, "%s is not what it was when this was planned",
			       job->spec.destination);
	memcpy(item->live_sha256, job->live_sha256, sizeof(item->live_sha256));
	if (!(op->flags & RENDER_DO_WRITE))
		return true;
	if (op->rollback) {
		ok = target_load(&job->target, op->rollback, &text, &op->makes_absent, err);
		if (ok)
			set_text(item, &text);
		strbuf_release(&text);
		return ok;
	}
	if (!job->has_pending)
		return err_set(err, ERR_CONFLICT, "%s: the data for it is not complete",
			       job->spec.name);
	if (op->want_pending && strcmp(op->want_pending, job->pending_sha256) != 0)
		return err_set(err, ERR_CONFLICT, "%s: the data has changed since this was planned",
			       job->spec.name);
	set_text(item, &job->pending);
	return true;
}

static void op_begin(void *arg)
{
	struct render_op *op = arg;
	struct err err;

	op->deferred = NULL;
	op->state = OP_CHECKING;
	for (size_t i = op->count; i-- > 0;) {
		struct op_item *item = &op->items[i];

		if (!op->is_automatic) {
			job_read_live(item->job);
			continue;
		}
		/* The judgment may be out of date by now: it is made anew. */
		job_read_live(item->job);
		job_judge(item->job);
		if (op->is_owed) {
			if (!job_is_owed(item->job))
				drop_item(op, i);
			continue;
		}
		memcpy(item->live_sha256, item->job->live_sha256, sizeof(item->live_sha256));
		if (!job_is_due(item->job) || strcmp(item->sha256, item->job->pending_sha256) != 0)
			drop_item(op, i);
	}
	if (!op->count) {
		op_unlink(op);
		start_first(op->runner);
		runner_schedule(op->runner);
		op_release(op);
		return;
	}
	if (!op->is_automatic && !begin_confirmed(op, &err)) {
		op_fail(op, &err);
		return;
	}
	if (!(op->flags & RENDER_DO_WRITE))
		op_reload(op);
	else if (op->nginx)
		op_check(op);
	else
		op_write(op);
}

/* One operation for all jobs that `is_due` names and that have one nginx. */
static struct render_op *gather(struct render_runner *runner, unsigned flags,
				bool (*is_due)(const struct render_job *job))
{
	struct render_op *op = NULL;

	for (size_t i = 0; i < runner->count; i++) {
		struct render_job *job = runner->jobs[i];

		if (!is_due(job) || (op && op->nginx != job->spec.nginx) ||
		    (op && op->count == CONF_PENDING_MAX))
			continue;
		if (!op) {
			op = op_new(runner, flags);
			op->is_automatic = true;
		}
		op_add_item(op, job);
	}
	return op;
}

void op_start_automatic(struct render_runner *runner)
{
	struct render_op *op;

	if (runner->ops)
		return; /* its end asks for another pass */
	op = gather(runner, RENDER_DO_WRITE | RENDER_DO_RELOAD, job_is_due);
	if (!op) {
		op = gather(runner, RENDER_DO_RELOAD, job_is_owed);
		if (op)
			op->is_owed = true;
	}
	if (op)
		op_enqueue(op);
}

struct render_op *render_apply_start(struct render_runner *runner, size_t index,
				     const struct render_apply *apply, render_done_fn *done,
				     void *arg, struct err *err)
{
	struct render_op *op;

	if (index >= runner->count) {
		err_set(err, ERR_NOT_FOUND, "there is no template %zu", index);
		return NULL;
	}
	op = op_new(runner, apply->flags);
	op_add_item(op, runner->jobs[index]);
	op->want_pending = apply->pending_sha256 ? xstrdup(apply->pending_sha256) : NULL;
	op->want_live = apply->live_sha256 ? xstrdup(apply->live_sha256) : NULL;
	op->done = done;
	op->arg = arg;
	op_enqueue(op);
	return op;
}

struct render_op *render_rollback_start(struct render_runner *runner, size_t index,
					uint64_t generation, const char *live_sha256,
					render_done_fn *done, void *arg, struct err *err)
{
	struct render_apply apply = { .flags = RENDER_DO_WRITE | RENDER_DO_RELOAD,
				      .live_sha256 = live_sha256 };
	struct strbuf text = STRBUF_INIT;
	struct render_op *op;
	bool absent, ok;

	if (index >= runner->count) {
		err_set(err, ERR_NOT_FOUND, "there is no template %zu", index);
		return NULL;
	}
	ok = target_load(&runner->jobs[index]->target, generation, &text, &absent, err);
	strbuf_release(&text);
	if (!ok)
		return NULL;
	op = render_apply_start(runner, index, &apply, done, arg, err);
	if (op)
		op->rollback = generation;
	return op;
}

static void on_only_checked(void *arg, const struct nginx_check_result *result,
			    const struct err *err)
{
	struct render_op *op = arg;
	struct op_item *item = &op->items[0];
	bool was_given = item->job->has_pending || item->job->live_exists;

	op->check = NULL;
	job_set_verdict(item->job, item->sha256, result, !was_given || (result && result->used[0]),
			err);
	op_unlink(op);
	op->completing = true;
	op->checked(op->arg, result, err);
	op_release(op);
}

struct render_op *render_check_start(struct render_runner *runner, size_t index,
				     nginx_check_fn *done, void *arg, struct err *err)
{
	struct render_job *job;
	struct render_op *op;
	struct conf_pending pending;

	if (index >= runner->count) {
		err_set(err, ERR_NOT_FOUND, "there is no template %zu", index);
		return NULL;
	}
	job = runner->jobs[index];
	if (!job->spec.nginx) {
		err_set(err, ERR_INPUT, "%s has no nginx that could check it", job->spec.name);
		return NULL;
	}
	op = op_new(runner, 0);
	op_add_item(op, job);
	if (!job->has_pending)
		set_text(&op->items[0], &job->live);
	op->checked = done;
	op->arg = arg;
	op->next = runner->checks;
	runner->checks = op;
	pending = (struct conf_pending){ .path = job->spec.destination,
					 .text = op->items[0].text.buf,
					 .len = op->items[0].text.len,
					 .mode = job->spec.perms };
	/* Without a pending text: what is on disk, a missing file being missing. */
	op->check = nginx_check_start(job->spec.nginx, &pending,
				      job->has_pending || job->live_exists, on_only_checked, op);
	return op;
}

void render_op_cancel(struct render_op **handle)
{
	struct render_op *op = *handle;

	*handle = NULL;
	if (!op || op->completing)
		return;
	if (op->state != OP_QUEUED && op->state != OP_CHECKING) {
		op->is_forgotten = true;
		return;
	}
	for (size_t i = 0; i < op->count && !op->checked; i++)
		op->items[i].job->is_busy = false;
	op_unlink(op);
	start_first(op->runner);
	runner_schedule(op->runner);
	op_release(op);
}

void op_cancel_all(struct render_runner *runner)
{
	while (runner->ops) {
		struct render_op *op = runner->ops;

		if (op->state > OP_CHECKING)
			log_warn("render", "%s: left between writing and reloading",
				 op->items[0].job->spec.name);
		runner->ops = op->next;
		op_release(op);
	}
	while (runner->checks) {
		struct render_op *op = runner->checks;

		runner->checks = op->next;
		op_release(op);
	}
}
