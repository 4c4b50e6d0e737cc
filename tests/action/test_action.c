#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/action/env.h"
#include "binnacle/action/job.h"
#include "binnacle/action/journal.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"

#define NOW_MS 1700000000000

/* What the fake kinds did, "check a0;apply a0;", and how many were under way at once. */
static struct strbuf trace;
static unsigned under_way, most_under_way;

struct lamp {
	struct step_run *run;
	struct loop_deferred *later;
};

static const char *name_of(const struct step_run *run)
{
	return json_str(run->args, "lamp", "");
}

/* The args say what happens: "fails" "changed" "save" hold an error code or a text. */
static bool lamp_check(struct step_run *run, struct err *err)
{
	struct err changed;

	(void)err;
	strbuf_addf(&trace, "check %s%zu;", name_of(run), run->step);
	if (json_bool(run->args, "changed", false)) {
		err_set(&changed, ERR_CONFLICT, "another lamp");
		step_finish(run, &changed, NULL);
	} else {
		step_finish(run, NULL, NULL);
	}
	return true;
}

static void lamp_later(void *arg)
{
	struct lamp *lamp = arg;
	struct err err;

	lamp->later = NULL;
	under_way--;
	if (!json_bool(lamp->run->args, "fails", false)) {
		step_finish(lamp->run, NULL, "lit");
		return;
	}
	err_set(&err, ERR_REFUSED, "the bulb is broken");
	step_finish(lamp->run, &err, NULL);
}

static bool lamp_apply(struct step_run *run, struct err *err)
{
	struct lamp *lamp = run->state;
	struct json *document;

	strbuf_addf(&trace, "apply %s%zu;", name_of(run), run->step);
	if (json_bool(run->args, "unstartable", false))
		return err_set(err, ERR_SYSTEM, "no current");
	document = json_new_object();
	json_add_str(document, "was", "dark");
	if (!step_save(run, document, err))
		return false;
	lamp->run = run;
	lamp->later = loop_defer(run->env->loop, lamp_later, lamp);
	under_way++;
	most_under_way = under_way > most_under_way ? under_way : most_under_way;
	return true;
}

static void lamp_cancel(struct step_run *run)
{
	struct lamp *lamp = run->state;

	strbuf_addf(&trace, "cancel %s%zu;", name_of(run), run->step);
	loop_deferred_cancel(&lamp->later);
}

static const struct step_kind lamp_out;

static bool lamp_undo(const struct action_env *env, const struct json *args,
		      const struct json *saved, struct plan_target *target, struct err *err)
{
	struct json *back;

	(void)env;
	if (json_bool(args, "welded", false))
		return err_set(err, ERR_REFUSED, "it is welded on");
	back = json_new_object();
	json_add_str(back, "lamp", json_str(args, "lamp", ""));
	json_add_str(back, "to", json_str(saved, "was", "?"));
	plan_add_step(target, &lamp_out, back, "make it %s again", json_str(saved, "was", "?"));
	return true;
}

static const struct step_kind lamp_on = {
	.name = "test-lamp-on",
	.check = lamp_check,
	.apply = lamp_apply,
	.cancel = lamp_cancel,
	.undo = lamp_undo,
	.state_size = sizeof(struct lamp),
	.confirm = PLAN_CONFIRM_YES,
	.typed_from = 3,
	.typed_when_doubtful = true,
};

static const struct step_kind lamp_out = {
	.name = "test-lamp-out",
	.check = lamp_check,
	.apply = lamp_apply,
	.cancel = lamp_cancel,
	.state_size = sizeof(struct lamp),
	.confirm = PLAN_CONFIRM_YES,
};

struct world {
	struct loop *loop;
	struct model *model;
	struct journal *journal;
	struct action_env env;
	char *folder;
	struct strbuf heard; /* "a done;b failed;" */
	struct job_result result;
	struct job *job;
	bool ended, cancel_after_first, ask_after_first;
};

static int set_up(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));
	struct err err;

	clock_fake(100000, NOW_MS);
	world->folder = xstrdup("/tmp/binnacle-test-action-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	world->loop = loop_new();
	world->model = model_new();
	world->journal = journal_open(world->folder, world->model, &err);
	world->env.loop = world->loop;
	world->env.model = world->model;
	world->env.journal = world->journal;
	strbuf_init(&world->heard);
	strbuf_init(&trace);
	under_way = most_under_way = 0;
	step_kind_register(&lamp_on);
	step_kind_register(&lamp_out);
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	unlink(journal_path(world->journal));
	rmdir(world->folder);
	journal_close(world->journal);
	model_free(world->model);
	loop_free(world->loop);
	strbuf_release(&world->heard);
	strbuf_release(&trace);
	free(world->folder);
	free(world);
	clock_real();
	return 0;
}

static struct json *lamp_args(const char *lamp, const char *flag)
{
	struct json *args = json_new_object();

	json_add_str(args, "lamp", lamp);
	if (flag)
		json_add_bool(args, flag, true);
	return args;
}

/* Targets by one letter each: A with two steps, f fails, c changed, u cannot start, else one. */
static struct plan *plan_of(const char *letters)
{
	struct plan *plan = plan_new("light");

	for (; *letters; letters++) {
		char name[2] = { *letters, '\0' };
		const char *flag = *letters == 'c'                      ? "changed"
				   : *letters == 'u'                    ? "unstartable"
				   : *letters == 'w'                    ? "welded"
				   : *letters >= 'f' && *letters <= 'h' ? "fails"
									: NULL;
		struct plan_target *target = plan_add_target(plan, "lamp", name, name);

		plan_add_step(target, &lamp_on, lamp_args(name, flag), "light %s", name);
		if (*letters >= 'A' && *letters <= 'Z')
			plan_add_step(target, &lamp_on, lamp_args(name, NULL), "light more");
	}
	plan_seal(plan);
	return plan;
}

static void on_target(void *arg, size_t target, enum job_outcome outcome, const char *message,
		      const char *error, const char *undo)
{
	struct world *world = arg;

	(void)message;
	(void)error;
	(void)undo;
	strbuf_addf(&world->heard, "%zu %s;", target, job_outcome_name(outcome));
	if (world->cancel_after_first)
		job_cancel(world->job);
	if (world->ask_after_first) {
		struct err err;

		assert_true(journal_ask_cancel(world->journal, 1, &err));
	}
}

static void on_ended(void *arg, const struct job_result *result)
{
	struct world *world = arg;

	world->ended = true;
	world->result = *result;
	world->job = NULL;
}

static const struct job_events events = { on_target, on_ended };
static const struct job_options options = { "--yes", "test" };

static void start(struct world *world, const struct plan *plan)
{
	struct err err;

	world->ended = false;
	strbuf_reset(&world->heard);
	strbuf_reset(&trace);
	world->job = job_start(&world->env, plan, &options, &events, world, &err);
	assert_non_null(world->job);
	assert_false(world->ended);
	assert_string_equal(trace.buf, "");
}

static void run(struct world *world, const char *letters)
{
	struct plan *plan = plan_of(letters);

	start(world, plan);
	for (int i = 0; i < 200 && !world->ended; i++)
		loop_turn(world->loop, 0);
	assert_true(world->ended);
	plan_free(plan);
}

static void the_hash_is_of_what_will_be_done_and_not_of_its_order(void **state)
{
	struct plan *one = plan_of("abc"), *other = plan_of("cba"), *third = plan_new("light");
	struct json *args = json_new_object();
	struct plan_target *target;

	(void)state;
	assert_int_equal(strlen(one->hash), 16);
	assert_string_equal(one->hash, other->hash);
	assert_string_equal(one->targets[0].id, "a");
	assert_string_equal(other->targets[0].id, "a");
	plan_free(other);
	other = plan_of("abd");
	assert_string_not_equal(one->hash, other->hash);
	plan_free(one);
	plan_free(other);
	/* Members of the args in another order, other words, other times: the same plan. */
	one = plan_of("f");
	target = plan_add_target(third, "lamp", "f", "another label");
	json_add_bool(args, "fails", true);
	json_add_str(args, "lamp", "f");
	plan_add_step(target, &lamp_on, args, "other words");
	plan_set(&third->title, "another title");
	third->made_ms = 1;
	plan_seal(third);
	assert_string_equal(one->hash, third->hash);
	plan_free(one);
	plan_free(third);
}

static void what_was_seen_is_part_of_the_hash(void **state)
{
	struct plan *plans[2];

	(void)state;
	for (int i = 0; i < 2; i++) {
		struct json *args = lamp_args("a", NULL);

		plans[i] = plan_new("light");
		json_add_int(args, "modified_index", 812 + i);
		plan_add_step(plan_add_target(plans[i], "lamp", "a", "a"), &lamp_on, args, "x");
		plan_seal(plans[i]);
	}
	assert_string_not_equal(plans[0]->hash, plans[1]->hash);
	plan_free(plans[0]);
	plan_free(plans[1]);
}

static void the_kinds_say_what_must_be_typed(void **state)
{
	struct plan *plan = plan_of("ab");
	struct strbuf text = STRBUF_INIT;

	(void)state;
	assert_int_equal(plan->confirm, PLAN_CONFIRM_YES);
	plan_free(plan);
	plan = plan_of("abd");
	assert_int_equal(plan->confirm, PLAN_CONFIRM_TYPED);
	plan_typed_answer(plan, NULL, &text);
	assert_string_equal(text.buf, "3");
	strbuf_reset(&text);
	plan_typed_answer(plan, "dc1", &text);
	assert_string_equal(text.buf, "3 dc1");
	plan_free(plan);
	plan = plan_new("light");
	plan_add_step(plan_add_target(plan, "lamp", "id", "label"), &lamp_on, lamp_args("a", NULL),
		      "x");
	plan_set(&plan->targets[0].warning, "it flickers");
	plan_seal(plan);
	assert_int_equal(plan->confirm, PLAN_CONFIRM_TYPED);
	strbuf_reset(&text);
	plan_typed_answer(plan, NULL, &text);
	assert_string_equal(text.buf, "label");
	plan_free(plan);
	strbuf_release(&text);
}

static void a_printed_plan_holds_no_control_bytes(void **state)
{
	struct plan *plan = plan_new("light");
	struct strbuf text = STRBUF_INIT;

	(void)state;
	plan_add_step(plan_add_target(plan, "lamp", "x", "a\033[2J\nPlan  forged"), &lamp_on,
		      lamp_args("a", NULL), "light \033]0;x\007");
	plan_seal(plan);
	plan_print(plan, &text);
	assert_null(strchr(text.buf, '\033'));
	assert_null(strchr(text.buf, '\007'));
	assert_null(strstr(text.buf, "\nPlan  forged"));
	assert_non_null(strstr(text.buf, plan->hash));
	strbuf_release(&text);
	plan_free(plan);
}

static void steps_of_a_target_run_in_order_after_their_check(void **state)
{
	struct world *world = *state;

	run(world, "A");
	assert_string_equal(trace.buf, "check A0;apply A0;check A1;apply A1;");
	assert_string_equal(world->heard.buf, "0 done;");
	assert_int_equal(world->result.done, 1);
}

static void at_most_four_targets_are_under_way(void **state)
{
	struct world *world = *state;

	run(world, "abdeijklmn");
	assert_int_equal(most_under_way, JOB_PARALLEL);
	assert_int_equal(world->result.done, 10);
	assert_int_equal(under_way, 0);
}

static void three_failures_in_a_row_stop_the_job(void **state)
{
	struct world *world = *state;

	run(world, "fghijklmno");
	assert_int_equal(world->result.failed, 3);
	assert_true(world->result.stopped);
	assert_true(world->result.not_done > 0);
	assert_string_equal(world->result.err.msg, "the bulb is broken");
	/* One that works in between begins the count anew. */
	run(world, "u");
	assert_int_equal(world->result.failed, 1);
	assert_false(world->result.stopped);
	assert_int_equal(world->result.err.code, ERR_SYSTEM);
}

static void a_target_that_changed_is_skipped_and_not_touched(void **state)
{
	struct world *world = *state;

	run(world, "ac");
	assert_int_equal(world->result.done, 1);
	assert_int_equal(world->result.skipped, 1);
	assert_int_equal(world->result.failed, 0);
	assert_null(strstr(trace.buf, "apply c0"));
}

static void cancel_stops_between_steps(void **state)
{
	struct world *world = *state;

	world->cancel_after_first = true;
	run(world, "abdeijklmn");
	assert_true(world->result.canceled);
	assert_int_equal(under_way, 0);
	/* The four that were under way ended as they would have. */
	assert_int_equal(world->result.done, 4);
	assert_int_equal(world->result.not_done, 6);
	assert_null(strstr(trace.buf, "cancel"));
}

static void another_process_may_ask_it_to_stop(void **state)
{
	struct world *world = *state;
	struct journal_entries entries;
	struct err err;

	world->ask_after_first = true;
	run(world, "abdeijklmn");
	assert_true(world->result.canceled);
	assert_int_equal(world->result.done, 4);
	assert_int_equal(world->result.not_done, 6);
	assert_true(journal_read(world->journal, 10, &entries, &err));
	assert_string_equal(entries.items[0].result, "canceled");
	journal_entries_release(&entries);
	/* The wish goes with the job: tear_down finds the folder empty, and this one runs. */
	assert_false(journal_is_cancel_asked(world->journal, 1));
	world->ask_after_first = false;
	run(world, "ab");
	assert_int_equal(world->result.done, 2);
}

static struct plan *plan_in_order(const char *letters)
{
	struct plan *plan = plan_new("light");

	plan->in_order = true;
	for (; *letters; letters++) {
		char name[2] = { *letters, '\0' };

		plan_add_step(plan_add_target(plan, "lamp", name, name), &lamp_on,
			      lamp_args(name, *letters == 'c' ? "changed" : NULL), "light %s",
			      name);
	}
	plan_seal(plan);
	return plan;
}

static void run_plan(struct world *world, struct plan *plan)
{
	start(world, plan);
	for (int i = 0; i < 200 && !world->ended; i++)
		loop_turn(world->loop, 0);
	assert_true(world->ended);
	plan_free(plan);
}

static void targets_in_order_stay_so_and_run_one_by_one(void **state)
{
	struct world *world = *state;

	run_plan(world, plan_in_order("zya"));
	assert_string_equal(trace.buf, "check z0;apply z0;check y0;apply y0;check a0;apply a0;");
	assert_int_equal(most_under_way, 1);
}

static void the_first_of_them_that_is_not_done_ends_the_job(void **state)
{
	struct world *world = *state;

	run_plan(world, plan_in_order("zcab"));
	assert_string_equal(world->heard.buf, "0 done;1 skipped;2 not done;3 not done;");
	assert_null(strstr(trace.buf, "check a0"));
}

static void what_was_in_order_is_undone_from_its_end(void **state)
{
	struct world *world = *state;
	struct plan *undo;
	struct err err;

	run_plan(world, plan_in_order("zya"));
	undo = journal_undo_plan(world->journal, &world->env, 0, &err);
	assert_non_null(undo);
	plan_seal(undo);
	run_plan(world, undo);
	assert_string_equal(trace.buf, "check a0;apply a0;check y0;apply y0;check z0;apply z0;");
}

static void an_abandoned_job_stops_what_is_under_way(void **state)
{
	struct world *world = *state;
	struct plan *plan = plan_of("ab");
	struct journal_entries entries;
	struct err err;

	start(world, plan);
	for (int i = 0; i < 20 && !under_way; i++)
		loop_turn(world->loop, 0);
	job_abandon(&world->job);
	assert_non_null(strstr(trace.buf, "cancel a0;"));
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_false(world->ended);
	plan_free(plan);
	assert_true(journal_read(world->journal, 10, &entries, &err));
	assert_string_equal(entries.items[0].result, "canceled");
	journal_entries_release(&entries);
}

static void progress_and_result_show_in_the_models_tables(void **state)
{
	struct world *world = *state;
	const struct job_row *job;
	const struct journal_row *entry;

	run(world, "af");
	assert_int_equal(model_current(world->model, MODEL_JOBS)->count, 1);
	job = snapshot_row(model_current(world->model, MODEL_JOBS), 0);
	assert_string_equal(job->id, "1");
	assert_string_equal(job->status, "partly");
	assert_int_equal(job->steps_done, 1);
	run(world, "a");
	assert_int_equal(model_current(world->model, MODEL_JOBS)->count, 2);
	assert_int_equal(model_current(world->model, MODEL_JOURNAL)->count, 2);
	entry = snapshot_row(model_current(world->model, MODEL_JOURNAL), 0);
	assert_string_equal(entry->id, "2");
	assert_string_equal(entry->result, "done");
	assert_string_equal(entry->undo, "undo 2");
}

static char *journal_text(struct world *world)
{
	struct strbuf text = STRBUF_INIT;
	struct err err;

	assert_true(file_read(journal_path(world->journal), 1 << 20, &text, &err));
	return strbuf_detach(&text, NULL);
}

static void the_journal_announces_each_step_before_it_is_done(void **state)
{
	static const char *const wanted[] = { "\"begin\"", "\"about\"", "\"save\"", "\"step\"",
					      "\"end\"" };
	struct world *world = *state;
	struct stat info;
	char *text, *at;

	run(world, "a");
	text = at = journal_text(world);
	for (size_t i = 0; i < COUNT_OF(wanted); i++) {
		at = strstr(at, wanted[i]);
		assert_non_null(at);
	}
	free(text);
	assert_int_equal(stat(journal_path(world->journal), &info), 0);
	assert_int_equal(info.st_mode & 0777, 0600);
}

static void nothing_is_done_that_cannot_be_recorded(void **state)
{
	struct world *world = *state;
	struct plan *plan = plan_of("a");
	struct err err = { 0 };

	assert_int_equal(mkdir(journal_path(world->journal), 0700), 0);
	assert_null(job_start(&world->env, plan, &options, &events, world, &err));
	assert_non_null(strstr(err.msg, "nothing was changed"));
	assert_string_equal(trace.buf, "");
	assert_int_equal(rmdir(journal_path(world->journal)), 0);
	plan_free(plan);
}

static void a_torn_last_line_is_skipped_and_mended(void **state)
{
	static const char torn[] = "{\"id\":2,\"event\":\"beg";
	struct world *world = *state;
	struct journal_entries entries;
	struct err err;

	run(world, "a");
	assert_true(file_append(journal_path(world->journal), torn, strlen(torn), 0600, &err));
	assert_true(journal_read(world->journal, 10, &entries, &err));
	assert_int_equal(entries.len, 1);
	journal_entries_release(&entries);
	run(world, "b");
	assert_true(journal_read(world->journal, 10, &entries, &err));
	assert_int_equal(entries.len, 2);
	assert_string_equal(entries.items[0].targets, "b");
	assert_string_equal(entries.items[0].result, "done");
	journal_entries_release(&entries);
}

static void a_job_whose_process_died_is_interrupted(void **state)
{
	/* No process has this number: the kernel's highest is lower. */
	static const char line[] =
		"{\"id\":7,\"event\":\"begin\",\"pid\":99999999,\"verb\":\"light\",\"targets\":["
		"{\"kind\":\"lamp\",\"id\":\"a\",\"label\":\"a\",\"steps\":[{\"kind\":\"x\"},"
		"{\"kind\":\"x\"}]}]}\n"
		"{\"id\":7,\"event\":\"step\",\"target\":0,\"step\":0,\"result\":\"done\"}\n";
	struct world *world = *state;
	struct journal_entries entries;
	struct err err;

	assert_true(file_append(journal_path(world->journal), line, strlen(line), 0600, &err));
	assert_true(journal_read(world->journal, 10, &entries, &err));
	assert_string_equal(entries.items[0].result, "interrupted");
	assert_string_equal(entries.items[0].why, "interrupted after 1 of 2 steps");
	journal_entries_release(&entries);
	run(world, "a");
	assert_true(journal_read(world->journal, 1, &entries, &err));
	assert_int_equal(entries.len, 1);
	assert_int_equal(entries.items[0].id, 8);
	journal_entries_release(&entries);
}

static void refused_and_canceled_plans_are_recorded(void **state)
{
	struct world *world = *state;
	struct plan *plan = plan_of("a");
	struct journal_entries entries;
	struct err err;

	assert_true(journal_not_done(world->journal, "light", plan, &options, "canceled",
				     "not confirmed", &err));
	assert_true(journal_not_done(world->journal, "light", NULL, &options, "refused",
				     "read-only", &err));
	assert_true(journal_read(world->journal, 10, &entries, &err));
	assert_int_equal(entries.len, 2);
	assert_string_equal(entries.items[0].result, "refused");
	assert_string_equal(entries.items[1].result, "canceled");
	assert_string_equal(entries.items[1].plan_hash, plan->hash);
	assert_false(entries.items[1].reversible);
	journal_entries_release(&entries);
	plan_free(plan);
}

static void undo_is_a_plan_of_inverse_steps_in_reverse(void **state)
{
	struct world *world = *state;
	struct plan *plan;
	struct err err;

	run(world, "Aw");
	plan = journal_undo_plan(world->journal, &world->env, 0, &err);
	assert_non_null(plan);
	assert_string_equal(plan->verb, "undo");
	assert_int_equal(plan->target_count, 1);
	assert_string_equal(plan->targets[0].id, "A");
	assert_int_equal(plan->targets[0].step_count, 2);
	assert_ptr_equal(plan->targets[0].steps[0].kind, &lamp_out);
	assert_string_equal(json_str(plan->targets[0].steps[0].args, "to", ""), "dark");
	assert_int_equal(plan->skipped_count, 1);
	assert_string_equal(plan->skipped[0], "w: it is welded on");
	plan_seal(plan);
	start(world, plan);
	for (int i = 0; i < 50 && !world->ended; i++)
		loop_turn(world->loop, 0);
	assert_int_equal(world->result.done, 1);
	plan_free(plan);
}

/* Execute an undo plan as `undo` does: with the id in its --batch form. */
static void undo_newest(struct world *world, const char *want)
{
	struct err err;
	struct plan *plan = journal_undo_plan(world->journal, &world->env, 0, &err);

	if (!plan)
		fail_msg("%s", err.msg);
	assert_string_equal(plan->batch, want);
	plan_seal(plan);
	start(world, plan);
	for (int i = 0; i < 50 && !world->ended; i++)
		loop_turn(world->loop, 0);
	assert_int_equal(world->result.done, 1);
	plan_free(plan);
}

static void undo_again_goes_on_to_what_was_before(void **state)
{
	struct world *world = *state;
	struct err err;

	run(world, "a");
	run(world, "b");
	undo_newest(world, "binnacle --batch undo 2");
	undo_newest(world, "binnacle --batch undo 1");
	assert_null(journal_undo_plan(world->journal, &world->env, 0, &err));
}

static void what_was_not_done_is_not_undone(void **state)
{
	struct world *world = *state;
	struct err err;

	assert_null(journal_undo_plan(world->journal, &world->env, 0, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
	run(world, "f");
	assert_null(journal_undo_plan(world->journal, &world->env, 1, &err));
	assert_int_equal(err.code, ERR_REFUSED);
	assert_null(journal_undo_plan(world->journal, &world->env, 9, &err));
	assert_int_equal(err.code, ERR_NOT_FOUND);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(the_hash_is_of_what_will_be_done_and_not_of_its_order),
		TEST(what_was_seen_is_part_of_the_hash),
		TEST(the_kinds_say_what_must_be_typed),
		TEST(a_printed_plan_holds_no_control_bytes),
		TEST(steps_of_a_target_run_in_order_after_their_check),
		TEST(at_most_four_targets_are_under_way),
		TEST(three_failures_in_a_row_stop_the_job),
		TEST(a_target_that_changed_is_skipped_and_not_touched),
		TEST(cancel_stops_between_steps),
		TEST(another_process_may_ask_it_to_stop),
		TEST(targets_in_order_stay_so_and_run_one_by_one),
		TEST(the_first_of_them_that_is_not_done_ends_the_job),
		TEST(what_was_in_order_is_undone_from_its_end),
		TEST(an_abandoned_job_stops_what_is_under_way),
		TEST(progress_and_result_show_in_the_models_tables),
		TEST(the_journal_announces_each_step_before_it_is_done),
		TEST(nothing_is_done_that_cannot_be_recorded),
		TEST(a_torn_last_line_is_skipped_and_mended),
		TEST(a_job_whose_process_died_is_interrupted),
		TEST(refused_and_canceled_plans_are_recorded),
		TEST(undo_is_a_plan_of_inverse_steps_in_reverse),
		TEST(undo_again_goes_on_to_what_was_before),
		TEST(what_was_not_done_is_not_undone),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
