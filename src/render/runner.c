/*
 * All templates. Whatever happens - an answer, the end of a quiet period, a file that somebody
 * changed, the end of an operation - asks for a pass, and one pass per turn of the loop does the
 * rest: execute what must be, forget answers that nobody uses, judge, act. So that many answers
 * in one turn make one execution, and many templates that are due make one reload.
 */
#include "runner_private.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"

#define DEFAULT_WATCH_LIMIT 100000
#define LOOK_MS             2000

static const char *const mode_names[] = { "auto", "hold", "off" };

const char *render_mode_name(enum render_mode mode)
{
	return mode_names[mode];
}

bool render_mode_parse(const char *text, enum render_mode *out)
{
	for (size_t i = 0; i < COUNT_OF(mode_names); i++)
		if (strcmp(text, mode_names[i]) == 0) {
			*out = (enum render_mode)i;
			return true;
		}
	return false;
}

const char *render_state_name(enum render_state state)
{
	static const char *const names[] = { "waiting",   "clean",     "PENDING",   "HELD",
					     "rendering", "rendering", "rendering", "FAILED" };

	_Static_assert(sizeof(names) / sizeof(names[0]) == RENDER_STATE_COUNT, "a name per state");
	return names[state];
}

static void on_notify(void *arg)
{
	struct render_runner *runner = arg;

	runner->notify = NULL;
	for (size_t i = 0; i < runner->count; i++) {
		struct render_job *job = runner->jobs[i];

		if (!job->is_changed)
			continue;
		job->is_changed = false;
		if (runner->events.changed)
			runner->events.changed(runner->arg, i);
	}
}

void runner_notify(struct render_runner *runner)
{
	if (!runner->notify)
		runner->notify = loop_defer(runner->loop, on_notify, runner);
}

static bool is_used(void *arg, const char *text)
{
	struct render_runner *runner = arg;

	for (size_t i = 0; i < runner->count; i++)
		if (job_asks(runner->jobs[i], text))
			return true;
	return false;
}

static void on_pass(void *arg)
{
	struct render_runner *runner = arg;

	runner->pass = NULL;
	if (runner->source) {
		for (size_t i = 0; i < runner->count; i++)
			if (runner->jobs[i]->must_execute)
				job_execute(runner->jobs[i]);
		render_source_sweep(runner->source, is_used, runner);
		runner->is_first_pass = false;
	}
	for (size_t i = 0; i < runner->count; i++)
		job_judge(runner->jobs[i]);
	if (!runner->source)
		return;
	for (size_t i = 0; i < runner->count; i++)
		job_check_held(runner->jobs[i]);
	op_start_automatic(runner);
}

void runner_schedule(struct render_runner *runner)
{
	if (!runner->pass)
		runner->pass = loop_defer(runner->loop, on_pass, runner);
}

/* Answers stopped coming, or come again: the status says so. */
static void on_trouble(void *arg, const struct dep *dep)
{
	struct render_runner *runner = arg;

	for (size_t i = 0; i < runner->count; i++)
		if (job_asks(runner->jobs[i], dep->text))
			job_touch(runner->jobs[i]);
}

static void on_answer(void *arg, const struct dep *dep, long delta, bool is_first)
{
	struct render_runner *runner = arg;

	for (size_t i = 0; i < runner->count; i++) {
		struct render_job *job = runner->jobs[i];

		job->must_execute |= runner->options.execute_all;
		if (!job_asks(job, dep->text))
			continue;
		job->must_execute = true;
		trace_change(&job->trace, dep, delta);
		if (!is_first)
			job_add_trigger(job, dep, delta);
	}
	runner_schedule(runner);
}

/* Somebody else may write the files, above all when the mode is off. */
static void on_look(void *arg)
{
	struct render_runner *runner = arg;

	runner->look = loop_timer_start(runner->loop, LOOK_MS, on_look, runner);
	for (size_t i = 0; i < runner->count; i++)
		if (!runner->jobs[i]->is_busy && job_is_outdated(runner->jobs[i])) {
			job_read_live(runner->jobs[i]);
			runner_schedule(runner);
		}
}

struct render_runner *render_runner_new(struct loop *loop, struct consul *consul,
					const struct render_options *options,
					const struct render_events *events, void *arg)
{
	struct render_runner *runner = xcalloc(1, sizeof(*runner));

	runner->loop = loop;
	runner->consul = consul;
	runner->options = *options;
	runner->state_dir = options->state_dir ? xstrdup(options->state_dir) : target_state_dir();
	runner->options.state_dir = runner->state_dir;
	if (events)
		runner->events = *events;
	runner->arg = arg;
	return runner;
}

void render_runner_free(struct render_runner *runner)
{
	if (!runner)
		return;
	op_cancel_all(runner);
	render_runner_stop(runner);
	for (size_t i = 0; i < runner->count; i++)
		job_free(runner->jobs[i]);
	loop_deferred_cancel(&runner->pass);
	loop_deferred_cancel(&runner->notify);
	free(runner->jobs);
	free(runner->state_dir);
	free(runner);
}

bool render_runner_add(struct render_runner *runner, const struct render_template *spec,
		       struct err *err)
{
	struct render_template named;
	struct render_job *job;
	size_t taken;

	if (!spec->destination || !spec->destination[0])
		return err_set(err, ERR_INPUT, "template %s: missing destination",
			       spec->source ? spec->source : "(dynamic)");
	if (!spec->source == !spec->contents)
		return err_set(err, ERR_INPUT,
			       "template: must specify exactly one of 'source' or 'contents'");
	if (spec->name && render_find(runner, spec->name, &taken))
		return err_set(err, ERR_INPUT, "two templates are called %s", spec->name);
	if (!runner->options.shared_destinations && render_find(runner, spec->destination, &taken))
		return err_set(err, ERR_INPUT, "two templates write %s", spec->destination);
	/* Files of one name in two folders are told apart by their whole paths. */
	named = *spec;
	if (!named.name)
		named.name = file_basename(spec->destination);
	if (render_find(runner, named.name, &taken))
		named.name = spec->destination;
	job = job_new(runner, &named, err);
	if (!job)
		return false;
	job->index = runner->count;
	GROW(runner->jobs, runner->count, runner->cap);
	runner->jobs[runner->count++] = job;
	if (runner->source)
		runner_schedule(runner);
	return true;
}

void render_runner_start(struct render_runner *runner)
{
	size_t limit = runner->options.watch_limit;

	if (runner->source)
		return;
	runner->source = render_source_new(runner->loop, runner->consul, runner->options.no_stale,
					   limit ? limit : DEFAULT_WATCH_LIMIT, on_answer,
					   on_trouble, runner);
	runner->is_first_pass = true;
	for (size_t i = 0; i < runner->count; i++)
		runner->jobs[i]->must_execute = true;
	if (!runner->options.no_brakes)
		runner->look = loop_timer_start(runner->loop, LOOK_MS, on_look, runner);
	runner_schedule(runner);
}

void render_runner_stop(struct render_runner *runner)
{
	if (!runner->source)
		return;
	render_source_free(runner->source);
	runner->source = NULL;
	loop_timer_stop(&runner->look);
	for (size_t i = 0; i < runner->count; i++) {
		nginx_check_cancel(&runner->jobs[i]->check);
		loop_timer_stop(&runner->jobs[i]->quiet);
		loop_timer_stop(&runner->jobs[i]->retry);
		loop_timer_stop(&runner->jobs[i]->owed_timer);
		runner->jobs[i]->quiet_until_ms = 0;
	}
}

enum render_mode render_runner_mode(const struct render_runner *runner)
{
	return runner->options.mode;
}

void render_runner_set_mode(struct render_runner *runner, enum render_mode mode)
{
	if (runner->options.mode == mode)
		return;
	log_info("render", "mode=%s was=%s", mode_names[mode], mode_names[runner->options.mode]);
	runner->options.mode = mode;
	for (size_t i = 0; i < runner->count && mode == RENDER_OFF; i++)
		runner->jobs[i]->settled[0] = '\0';
	runner_schedule(runner);
}

void render_load(const struct render_runner *runner, struct render_load *out)
{
	struct consul_load load = { 0 };

	if (runner->consul)
		consul_load(runner->consul, &load);
	*out = (struct render_load){
		.connections = load.calls + load.watches,
		.waiting = load.waiting_watches,
		.dependencies = runner->source ? render_source_count(runner->source) : 0,
	};
}

size_t render_count(const struct render_runner *runner)
{
	return runner->count;
}

const struct render_status *render_status(const struct render_runner *runner, size_t index)
{
	assert(index < runner->count);
	job_fill_status(runner->jobs[index]);
	return &runner->jobs[index]->status;
}

bool render_find(const struct render_runner *runner, const char *name, size_t *index)
{
	for (size_t i = 0; i < runner->count; i++)
		if (strcmp(runner->jobs[i]->spec.name, name) == 0 ||
		    strcmp(runner->jobs[i]->spec.destination, name) == 0) {
			*index = i;
			return true;
		}
	return false;
}

const struct dep_set *render_used(const struct render_runner *runner, size_t index)
{
	assert(index < runner->count);
	return &runner->jobs[index]->used;
}

const struct strbuf *render_pending_text(const struct render_runner *runner, size_t index)
{
	assert(index < runner->count);
	return runner->jobs[index]->has_pending ? &runner->jobs[index]->pending : NULL;
}

const struct strbuf *render_live_text(const struct render_runner *runner, size_t index)
{
	assert(index < runner->count);
	return &runner->jobs[index]->live;
}

void render_refresh(struct render_runner *runner, size_t index)
{
	assert(index < runner->count);
	if (runner->jobs[index]->is_busy)
		return;
	job_read_live(runner->jobs[index]);
	job_judge(runner->jobs[index]);
	runner_schedule(runner);
}

bool render_diff(const struct render_runner *runner, size_t index, size_t context_lines,
		 struct diff *out)
{
	const struct strbuf *live = render_live_text(runner, index);
	const struct strbuf *pending = render_pending_text(runner, index);

	if (!pending)
		return false;
	diff_compute(out, live->buf, live->len, pending->buf, pending->len, context_lines);
	return true;
}

bool render_generations(const struct render_runner *runner, size_t index,
			struct target_generations *out, struct err *err)
{
	assert(index < runner->count);
	return target_list(&runner->jobs[index]->target, out, err);
}

bool render_generation_text(const struct render_runner *runner, size_t index, uint64_t generation,
			    struct strbuf *out, struct err *err)
{
	bool absent;

	assert(index < runner->count);
	return target_load(&runner->jobs[index]->target, generation, out, &absent, err);
}

bool render_text_named(const struct render_runner *runner, size_t index, const char *name,
		       struct strbuf *out, struct err *err)
{
	const struct render_job *job = runner->jobs[index];
	const struct strbuf *text = strcmp(name, "live") == 0      ? &job->live
				    : strcmp(name, "pending") == 0 ? &job->pending
								   : NULL;
	int64_t generation;

	if (text == &job->pending && !job->has_pending)
		return err_set(err, ERR_NOT_FOUND, "%s: its text is not known yet", job->spec.name);
	if (text) {
		strbuf_reset(out);
		strbuf_add(out, text->buf, text->len);
		return true;
	}
	if (!text_parse_int(name, 1, INT64_MAX, &generation))
		return err_set(err, ERR_INPUT,
			       "\"%s\" is no generation: a number, or live, or pending", name);
	return render_generation_text(runner, index, (uint64_t)generation, out, err);
}

void render_note_loaded(struct render_runner *runner, const struct nginx_control *nginx)
{
	for (size_t i = 0; i < runner->count; i++) {
		struct render_job *job = runner->jobs[i];

		if (job->spec.nginx != nginx)
			continue;
		job->loaded_ms = clock_wall_ms();
		job->is_unloaded = false;
		if (job->is_owed && !job->spec.command)
			job_pay(job);
		job_touch(job);
	}
}
