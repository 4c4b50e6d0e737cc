/* The question before a change: asked again when what was confirmed is not so any more, more or
 * less often as the operator wants it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/action/env.h"
#include "binnacle/action/journal.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/command/command.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "support/peer.h"

struct world {
	struct loop *loop;
	struct model *model;
	struct action_env env;
	struct command_call *asking; /* waits for its answer */
	unsigned questions, applied;
	size_t targets;
	enum plan_confirm confirm;
	struct strbuf said;
	bool ended;
	enum command_status status;
	char message[480];
};

static struct world *now;

static bool fell_apply(struct step_run *run, struct err *err)
{
	(void)err;
	now->applied++;
	step_finish(run, NULL, "felled");
	return true;
}

static bool fell_undo(const struct action_env *env, const struct json *args,
		      const struct json *saved, struct plan_target *target, struct err *err)
{
	(void)env;
	(void)args;
	(void)saved;
	(void)target;
	return err_set(err, ERR_REFUSED, "not in this test");
}

static const struct step_kind fell = {
	.name = "test-fell",
	.apply = fell_apply,
	.undo = fell_undo,
	.confirm = PLAN_CONFIRM_YES,
};

static const struct step_kind burn = {
	.name = "test-burn",
	.apply = fell_apply,
	.confirm = PLAN_CONFIRM_YES,
};

/* Each stale endpoint, with its revision. */
static bool plan_fell(struct command_call *call, struct err *err)
{
	const struct snapshot *snapshot = model_current(call->env->model, MODEL_ENDPOINTS);
	struct plan *plan = plan_new(call->command->verb);

	(void)err;
	for (size_t i = 0; i < snapshot->count; i++) {
		const struct endpoint_row *row = snapshot_row(snapshot, i);
		struct json *args;

		if (!row->cleanable)
			continue;
		args = json_new_object();
		json_add_int(args, "revision", row->modified_index);
		plan_add_step(plan_add_target(plan, "tree", row->id, row->id),
			      strcmp(plan->verb, "burn trees") == 0 ? &burn : &fell, args,
			      "fell it");
	}
	command_propose(call, plan);
	return true;
}

static const struct command commands[] = {
	{ .verb = "fell trees",
	  .summary = "",
	  .table = MODEL_ENDPOINTS,
	  .needs = MODEL_BIT(MODEL_ENDPOINTS),
	  .looks_again = true,
	  .plan = plan_fell },
	{ .verb = "burn trees",
	  .summary = "",
	  .table = MODEL_ENDPOINTS,
	  .needs = MODEL_BIT(MODEL_ENDPOINTS),
	  .plan = plan_fell },
};

static void hear_message(void *arg, int level, const char *text)
{
	struct world *world = arg;

	(void)level;
	strbuf_addf(&world->said, "[%s]", text);
}

static void hear_confirm(void *arg, struct command_call *call, const struct plan *plan)
{
	struct world *world = arg;

	world->asking = call;
	world->questions++;
	world->targets = plan->target_count;
	world->confirm = plan->confirm;
}

static void hear_ended(void *arg, struct command_call *call, enum command_status status,
		       const struct err *err)
{
	struct world *world = arg;

	(void)call;
	world->ended = true;
	world->status = status;
	snprintf(world->message, sizeof(world->message), "%s", err ? err->msg : "");
}

static const struct command_front console = {
	.name = "console",
	.interactive = true,
	.message = hear_message,
	.confirm = hear_confirm,
	.ended = hear_ended,
};

static const struct command_front script = {
	.name = "batch",
	.message = hear_message,
	.confirm = hear_confirm,
	.ended = hear_ended,
};

/* So many trees; that one has another revision, and that one is none any more (-1: none). */
static void publish(struct world *world, int count, int changed, int alive)
{
	struct snapshot *snapshot = snapshot_new(MODEL_ENDPOINTS);

	for (int i = 0; i < count; i++) {
		struct endpoint_row *row = snapshot_add(snapshot);

		row->id = arena_printf(&snapshot->arena, "tree-%02d", i);
		row->cleanable = i != alive;
		row->modified_index = i == changed ? 2 : 1;
	}
	model_publish(world->model, snapshot);
	model_set_source(world->model, SOURCE_CALICO, SOURCE_OK, "", "");
}

static int set_up(void **state)
{
	static bool registered;
	struct world *world = xcalloc(1, sizeof(*world));

	if (!registered)
		command_register(commands, COUNT_OF(commands));
	registered = true;
	world->loop = loop_new();
	world->model = model_new();
	world->env = (struct action_env){ .loop = world->loop, .model = world->model };
	strbuf_init(&world->said);
	now = world;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	strbuf_release(&world->said);
	model_free(world->model);
	loop_free(world->loop);
	free(world);
	return 0;
}

static void turn(struct world *world)
{
	for (int i = 0; i < 30; i++)
		loop_turn(world->loop, 0);
}

static void start(struct world *world, const char *text, const struct command_front *front)
{
	struct err err;
	struct command_line *line = command_parse(text, &err);

	assert_non_null(line);
	assert_non_null(command_start(line, &world->env, front, world, &err));
	turn(world);
}

static void answer(struct world *world, bool yes)
{
	struct command_call *call = world->asking;

	assert_non_null(call);
	world->asking = NULL;
	command_answer(call, yes);
	turn(world);
}

static void what_is_as_it_was_is_done_without_a_second_question(void **state)
{
	struct world *world = *state;

	publish(world, 4, -1, -1);
	start(world, "fell trees", &console);
	publish(world, 4, -1, -1);
	answer(world, true);
	assert_true(world->ended);
	assert_int_equal(world->questions, 1);
	assert_int_equal(world->applied, 4);
}

static void a_tenth_that_changed_is_a_detail(void **state)
{
	struct world *world = *state;

	publish(world, 20, -1, -1);
	start(world, "fell trees", &console);
	publish(world, 20, 3, -1);
	answer(world, true);
	assert_int_equal(world->questions, 1);
	assert_true(world->ended);
}

static void more_than_a_tenth_asks_again(void **state)
{
	struct world *world = *state;

	publish(world, 9, -1, -1);
	start(world, "fell trees", &console);
	publish(world, 9, 3, -1);
	answer(world, true);
	assert_false(world->ended);
	assert_int_equal(world->questions, 2);
	assert_int_equal(world->applied, 0);
	assert_non_null(strstr(world->said.buf, "1 of 9 targets changed while you were asked"));
	/* The new list is the one that is confirmed now. */
	answer(world, true);
	assert_true(world->ended);
	assert_int_equal(world->applied, 9);
}

static void one_that_came_back_to_life_asks_again(void **state)
{
	struct world *world = *state;

	publish(world, 40, -1, -1);
	start(world, "fell trees", &console);
	publish(world, 40, -1, 7);
	answer(world, true);
	assert_int_equal(world->questions, 2);
	assert_int_equal(world->targets, 39);
	assert_int_equal(world->applied, 0);
	answer(world, false);
	assert_true(world->ended);
	assert_int_equal(world->status, COMMAND_UNCONFIRMED);
	assert_int_equal(world->applied, 0);
}

static void nothing_left_is_nothing_to_do(void **state)
{
	struct world *world = *state;

	publish(world, 1, -1, -1);
	start(world, "fell trees", &console);
	publish(world, 1, -1, 0);
	answer(world, true);
	assert_true(world->ended);
	assert_int_equal(world->status, COMMAND_DONE);
	assert_int_equal(world->applied, 0);
	assert_non_null(strstr(world->said.buf, "nothing to do"));
}

static void a_plan_that_was_named_by_its_hash_is_not_replaced(void **state)
{
	struct world *world = *state;

	publish(world, 2, -1, -1);
	start(world, "fell trees --expect 2", &script);
	publish(world, 2, -1, 1);
	answer(world, true);
	assert_true(world->ended);
	assert_int_equal(world->status, COMMAND_PLAN_CHANGED);
	assert_int_equal(world->applied, 0);
}

static void relaxed_asks_nothing_about_one_thing_that_can_be_undone(void **state)
{
	struct world *world = *state;

	world->env.confirm = ACTION_CONFIRM_RELAXED;
	publish(world, 1, -1, -1);
	start(world, "fell trees", &console);
	assert_int_equal(world->questions, 0);
	assert_int_equal(world->applied, 1);
	assert_true(world->ended);
}

static void relaxed_still_asks_about_the_rest(void **state)
{
	struct world *world = *state;

	world->env.confirm = ACTION_CONFIRM_RELAXED;
	publish(world, 2, -1, -1);
	start(world, "fell trees", &console); /* two */
	assert_int_equal(world->questions, 1);
	answer(world, false);
	publish(world, 1, -1, -1);
	start(world, "burn trees", &console); /* for ever */
	assert_int_equal(world->questions, 2);
	answer(world, false);
	start(world, "fell trees", &script); /* nobody there who would see it */
	assert_int_equal(world->questions, 3);
	answer(world, false);
	world->env.production_dc = "dc1";
	start(world, "fell trees", &console);
	assert_int_equal(world->questions, 4);
	answer(world, false);
	assert_int_equal(world->applied, 0);
}

static void always_type_makes_every_question_a_typed_one(void **state)
{
	struct world *world = *state;

	publish(world, 1, -1, -1);
	start(world, "fell trees", &console);
	assert_int_equal(world->confirm, PLAN_CONFIRM_YES);
	answer(world, false);
	world->env.confirm = ACTION_CONFIRM_ALWAYS_TYPE;
	start(world, "fell trees", &console);
	assert_int_equal(world->confirm, PLAN_CONFIRM_TYPED);
	answer(world, false);
}

static bool is_felled(void *arg)
{
	return ((struct world *)arg)->ended;
}

static void a_job_of_the_journal_is_stopped_by_its_number(void **state)
{
	struct world *world = *state;
	char folder[] = "/tmp/binnacle-test-confirm-XXXXXX";
	const struct job_options options = { "--yes", "test" };
	struct job_result result = { .not_done = 1 };
	struct plan *plan = plan_new("fell trees");
	struct json *targets = json_new_array();
	struct err err;
	int64_t id;

	assert_non_null(mkdtemp(folder));
	world->env.journal = journal_open(folder, NULL, &err);
	plan_add_step(plan_add_target(plan, "tree", "a", "a"), &fell, json_new_object(), "fell");
	plan_seal(plan);
	/* Another job, which is ours only for the journal's sake: it must be of a process that
	 * lives. */
	assert_true(journal_begin(world->env.journal, plan, &options, &id, &err));
	start(world, "cancel 1", &script);
	assert_false(world->ended);
	assert_true(journal_is_cancel_asked(world->env.journal, id));
	assert_true(journal_end(world->env.journal, id, "canceled", &result, targets, &err));
	journal_forget_cancel(world->env.journal, id);
	assert_true(run_until_true(world->loop, is_felled, world));
	assert_int_equal(world->status, COMMAND_DONE);
	assert_non_null(strstr(world->said.buf, "job 1 (fell trees) ended: canceled"));
	start(world, "cancel 1", &script);
	assert_int_equal(world->status, COMMAND_FAILED);
	assert_non_null(strstr(world->message, "does not run any more"));
	start(world, "cancel 7", &script);
	assert_non_null(strstr(world->message, "no job 7"));
	start(world, "cancel seven", &script);
	assert_int_equal(world->status, COMMAND_USAGE);
	unlink(journal_path(world->env.journal));
	assert_int_equal(rmdir(folder), 0);
	journal_close(world->env.journal);
	json_free(targets);
	plan_free(plan);
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(what_is_as_it_was_is_done_without_a_second_question),
		TEST(a_tenth_that_changed_is_a_detail),
		TEST(more_than_a_tenth_asks_again),
		TEST(one_that_came_back_to_life_asks_again),
		TEST(nothing_left_is_nothing_to_do),
		TEST(a_plan_that_was_named_by_its_hash_is_not_replaced),
		TEST(relaxed_asks_nothing_about_one_thing_that_can_be_undone),
		TEST(relaxed_still_asks_about_the_rest),
		TEST(always_type_makes_every_question_a_typed_one),
		TEST(a_job_of_the_journal_is_stopped_by_its_number),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
