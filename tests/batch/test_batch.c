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
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/batch/batch.h"
#include "binnacle/command/command.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"

#define NOW_MS 1700000000000

static unsigned applied;
static enum err_code next_failures[8]; /* of the lamps in order; ERR_NONE: it lights */

static bool light_apply(struct step_run *run, struct err *err)
{
	struct err mine = { 0 };
	enum err_code code = next_failures[run->target];

	(void)err;
	if (code)
		err_set(&mine, code, "the bulb is broken");
	else
		applied++;
	step_finish(run, code ? &mine : NULL, "lit");
	return true;
}

static const struct step_kind light = {
	.name = "test-batch-light",
	.apply = light_apply,
	.confirm = PLAN_CONFIRM_YES,
	.typed_from = 3,
};

static bool plan_light(struct command_call *call, struct err *err)
{
	struct plan *plan = plan_new("light");

	(void)err;
	for (size_t i = 0; i < call->line->word_count; i++)
		plan_add_step(
			plan_add_target(plan, "lamp", call->line->words[i], call->line->words[i]),
			&light, json_new_object(), "light it");
	plan_set(&plan->title, "Light %zu lamps?", plan->target_count);
	plan_set(&plan->button, "Light");
	command_propose(call, plan);
	return true;
}

static const struct command test_commands[] = {
	{ .verb = "light",
	  .args = "[LAMP ...]",
	  .summary = "light a lamp",
	  .options = "node",
	  .table = -1,
	  .plan = plan_light },
};

struct world {
	struct loop *loop;
	struct model *model;
	struct action_env env;
	struct batch_streams streams;
	char *out, *err;
	size_t out_len, err_len;
	int status;
};

static int set_up(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));
	static const char *const nodes[] = { "dock-1", "dock-2" };
	struct snapshot *snapshot = snapshot_new(MODEL_SERVICES);
	struct service *service;

	clock_fake(100000, NOW_MS);
	world->loop = loop_new();
	world->model = model_new();
	world->env.loop = world->loop;
	world->env.model = world->model;
	service = snapshot_add(snapshot);
	service->id = "web";
	service->status = "CRIT";
	service->state = STATE_CRIT;
	service->passing = 3;
	service->critical = 1;
	service->nodes = snapshot_list(snapshot, nodes, 2);
	service->output = "HTTP GET \"x\", failed\nsecond line \033[2J";
	service->since_ms = NOW_MS - 7200000;
	service = snapshot_add(snapshot);
	service->id = "=api";
	service->status = "pass";
	service->state = STATE_PASS;
	service->passing = 1;
	snapshot->index = 88213;
	model_publish(world->model, snapshot);
	model_publish(world->model, snapshot_new(MODEL_INSTANCES));
	model_publish(world->model, snapshot_new(MODEL_MEMBERS));
	model_set_source(world->model, SOURCE_CONSUL, SOURCE_OK, "", "");
	snprintf(model_facts_mut(world->model)->datacenter, 64, "dc1");
	command_register(test_commands, COUNT_OF(test_commands));
	memset(next_failures, 0, sizeof(next_failures));
	applied = 0;
	*state = world;
	return 0;
}

static void forget_output(struct world *world)
{
	free(world->out);
	free(world->err);
	world->out = world->err = NULL;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	forget_output(world);
	model_free(world->model);
	loop_free(world->loop);
	clock_real();
	free(world);
	return 0;
}

static int run_words(struct world *world, int argc, const char *const *argv)
{
	struct batch_request *request;
	int status;

	forget_output(world);
	world->streams.out = open_memstream(&world->out, &world->out_len);
	world->streams.err = open_memstream(&world->err, &world->err_len);
	request = batch_parse(argc, argv, &world->streams, &status);
	if (request)
		status = batch_run(request, world->loop, &world->env);
	batch_free(request);
	fclose(world->streams.out);
	fclose(world->streams.err);
	return status;
}

/* Words of a line split at blanks. */
static int run(struct world *world, const char *text)
{
	char *copy = xstrdup(text), *at = copy;
	const char *argv[32];
	int argc = 0;

	while (*(at += strspn(at, " "))) {
		argv[argc++] = at;
		at += strcspn(at, " ");
		if (*at)
			*at++ = '\0';
	}
	world->streams.no_tty = !world->streams.answer;
	argc = run_words(world, argc, argv);
	free(copy);
	return argc;
}

static void a_table_is_never_cut_outside_a_terminal(void **state)
{
	struct world *world = *state;

	assert_int_equal(run(world, "list services"), 0);
	assert_string_equal(world->out, "SERVICE STATE P/W/C NODES    TAGS CHECK OUTPUT\n"
					"web     CRIT  3/0/1 dock-1,2      HTTP GET \"x\", failed\n"
					"=api    pass  1/0/0\n");
	assert_string_equal(world->err, "");
	assert_int_equal(run(world, "list services --columns service,age --no-header"), 0);
	assert_string_equal(world->out, "web  2023-11-14T20:13:20Z\n=api\n");
	assert_int_equal(run(world, "list services --columns age,service --time relative"), 0);
	assert_string_equal(world->out, "AGE SERVICE\n 2h web\n    =api\n");
}

static void a_table_fits_into_its_terminal(void **state)
{
	struct world *world = *state;

	world->streams.width = 44;
	assert_int_equal(run(world, "list services --color never"), 0);
	for (char *line = world->out; *line; line += strcspn(line, "\n") + 1)
		assert_true(strcspn(line, "\n") <= 44);
	assert_null(strstr(world->out, "failed\n"));
	assert_int_equal(run(world, "list services --color always"), 0);
	assert_non_null(strstr(world->out, "\033[1;31mCRIT"));
}

static void no_control_byte_reaches_a_table(void **state)
{
	struct world *world = *state;

	assert_int_equal(run(world, "show service web"), 0);
	assert_null(strchr(world->out, '\033'));
	assert_non_null(strstr(world->out, "  state    CRIT   3 passing"));
	assert_non_null(strstr(world->out, "failed\\nsecond line ^[[2J"));
}

static void json_is_one_document_with_the_raw_values(void **state)
{
	struct world *world = *state;
	struct err err;
	struct json *doc;

	assert_int_equal(run(world, "list services -o json --filter web"), 0);
	doc = json_parse(world->out, world->out_len, &err);
	assert_non_null(doc);
	assert_string_equal(json_str(doc, "schema", ""), "binnacle/1");
	assert_string_equal(json_str(doc, "kind", ""), "services");
	assert_string_equal(json_str(doc, "dc", ""), "dc1");
	assert_string_equal(json_str(doc, "fetched_at", ""), "2023-11-14T22:13:20Z");
	assert_int_equal(json_int(doc, "index", 0), 88213);
	assert_false(json_bool(doc, "stale", true));
	assert_int_equal(json_count(json_get(doc, "items")), 1);
	assert_string_equal(json_str(json_first(json_get(doc, "items")), "output", ""),
			    "HTTP GET \"x\", failed\nsecond line \033[2J");
	json_free(doc);
	assert_int_equal(run(world, "list services -o jsonl"), 0);
	assert_non_null(strstr(world->out, "{\"kind\":\"services\",\"fetched_at\":"));
	assert_int_equal(run(world, "status -o json"), 0);
	assert_non_null(strstr(world->out, "\"render_mode\""));
	model_set_source(world->model, SOURCE_CONSUL, SOURCE_STALE, "", "no leader");
	assert_int_equal(run(world, "list services -o json"), 0);
	doc = json_parse(world->out, world->out_len, &err);
	assert_true(json_bool(doc, "stale", false));
	assert_string_equal(json_as_str(json_first(json_get(doc, "errors")), ""),
			    "the data of consul is old: no leader");
	json_free(doc);
}

static void csv_quotes_and_disarms_where_asked(void **state)
{
	struct world *world = *state;

	assert_int_equal(run(world, "list services -o csv --columns service,pwc,output"), 0);
	assert_string_equal(world->out, "service,pwc,output\n"
					"web,3/0/1,\"HTTP GET \"\"x\"\", failed\"\n"
					"=api,1/0/0,\n");
	assert_int_equal(run(world, "list services -o csv --columns service --csv-safe"), 0);
	assert_string_equal(world->out, "service\nweb\n\"'=api\"\n");
}

static void an_unknown_thing_is_a_usage_error_and_runs_nothing(void **state)
{
	static const struct {
		const char *text;
		int status;
	} cases[] = {
		{ "frobnicate", 2 },
		{ "", 2 },
		{ "list", 2 },
		{ "list things", 2 },
		{ "list services --filter nope:x", 2 },
		{ "list services --sort nope", 2 },
		{ "list services --columns nope", 2 },
		{ "show service nope", 1 },
		{ "list endpoints", 2 },
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		int status = run(world, cases[i].text);

		if (status != cases[i].status)
			fail_msg("%s: %d: %s", cases[i].text, status, world->err);
		assert_string_equal(world->out, "");
		assert_non_null(strstr(world->err, "binnacle: "));
	}
}

static void help_comes_from_the_tables(void **state)
{
	const struct command *command;
	struct world *world = *state;

	assert_int_equal(run(world, "--help"), 0);
	for (size_t i = 0; (command = command_at(i)); i++)
		assert_non_null(strstr(world->out, command->verb));
	assert_int_equal(run(world, "clean endpoints --help"), 0);
	assert_non_null(strstr(world->out, "--no-release"));
	assert_non_null(strstr(world->out, "--expect N"));
	assert_null(strstr(world->out, "--stat"));
	assert_int_equal(run(world, "list --help"), 0);
	assert_null(strstr(world->out, "--yes"));
}

static void without_a_yes_and_a_terminal_the_plan_is_printed(void **state)
{
	struct world *world = *state;

	assert_int_equal(run(world, "light a"), 7);
	assert_int_equal(applied, 0);
	assert_non_null(strstr(world->out, "Light 1 lamps?"));
	assert_non_null(strstr(world->err, "--yes"));
	assert_int_equal(run(world, "light a --dry-run"), 0);
	assert_int_equal(run(world, "light a --dry-run --exit-code"), 9);
	assert_int_equal(applied, 0);
}

static void yes_does_it_and_results_name_every_target(void **state)
{
	struct world *world = *state;

	assert_int_equal(run(world, "light a b --yes"), 0);
	assert_int_equal(applied, 2);
	assert_string_equal(world->out, "done     a\ndone     b\n");
	assert_string_equal(world->err, "binnacle: done a\nbinnacle: done b\n");
	assert_int_equal(run(world, "light a --yes --quiet -o csv"), 0);
	assert_string_equal(world->out, "target,result,error,undo\na,done,,\n");
	assert_string_equal(world->err, "");
	assert_int_equal(run(world, "light"), 0);
}

static void what_the_console_wants_typed_needs_a_count(void **state)
{
	struct world *world = *state;

	assert_int_equal(run(world, "light a b c --yes"), 7);
	assert_non_null(strstr(world->err, "--expect"));
	assert_int_equal(run(world, "light a b c --yes --expect 4"), 8);
	assert_int_equal(applied, 0);
	assert_int_equal(run(world, "light a b c --yes --expect 3"), 0);
	assert_int_equal(applied, 3);
	world->env.production_dc = "dc1";
	assert_int_equal(run(world, "light a b c --yes --expect 3"), 7);
	assert_int_equal(run(world, "light a b c --yes --expect 3 --dc dc2"), 7);
	assert_int_equal(applied, 3);
	assert_int_equal(run(world, "light a b c --yes --expect 3 --dc dc1"), 0);
	assert_int_equal(applied, 6);
}

static void a_plan_is_acted_on_only_while_it_is_the_same(void **state)
{
	struct world *world = *state;
	char hash[17] = "", *line, *text;

	assert_int_equal(run(world, "light b a --dry-run"), 0);
	line = strstr(world->out, "  Plan        ");
	assert_non_null(line);
	memcpy(hash, line + 14, 16);
	text = xasprintf("light a b --yes --plan %s", hash);
	assert_int_equal(run(world, text), 0);
	assert_int_equal(applied, 2);
	free(text);
	text = xasprintf("light a c --yes --plan %s", hash);
	assert_int_equal(run(world, text), 8);
	assert_int_equal(applied, 2);
	free(text);
}

static void the_exit_status_tells_how_it_ended(void **state)
{
	static const struct {
		enum err_code first, second;
		int status;
	} cases[] = {
		{ ERR_NONE, ERR_REFUSED, 3 },      { ERR_REFUSED, ERR_REFUSED, 1 },
		{ ERR_DENIED, ERR_DENIED, 5 },     { ERR_UNREACHABLE, ERR_UNREACHABLE, 4 },
		{ ERR_CONFLICT, ERR_CONFLICT, 8 }, { ERR_NONE, ERR_CONFLICT, 3 },
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		next_failures[0] = cases[i].first;
		next_failures[1] = cases[i].second;
		assert_int_equal(run(world, "light a b --yes"), cases[i].status);
		assert_non_null(strstr(world->out, "the bulb is broken"));
	}
	memset(next_failures, 0, sizeof(next_failures));
	world->env.read_only = true;
	assert_int_equal(run(world, "light a --yes"), 6);
}

static int answer_with(struct world *world, const char *line, const char *typed)
{
	int fds[2], status;

	assert_int_equal(pipe(fds), 0);
	assert_true(write(fds[1], typed, strlen(typed)) == (ssize_t)strlen(typed));
	close(fds[1]);
	world->streams.answer = fdopen(fds[0], "r");
	status = run(world, line);
	fclose(world->streams.answer);
	world->streams.answer = NULL;
	return status;
}

static void a_question_is_answered_by_hand_and_its_default_is_no(void **state)
{
	static const struct {
		const char *line, *typed;
		int status;
		unsigned applied;
	} cases[] = {
		{ "light a", "y\n", 0, 1 },         { "light a", "\n", 7, 0 },
		{ "light a", "n\n", 7, 0 },         { "light a", "", 7, 0 },
		{ "light a b c", "y\n", 7, 0 },     { "light a b c", "3\n", 0, 3 },
		{ "light a b c", "3 dc1\n", 7, 0 },
	};
	struct world *world = *state;

	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		applied = 0;
		assert_int_equal(answer_with(world, cases[i].line, cases[i].typed),
				 cases[i].status);
		assert_int_equal(applied, cases[i].applied);
		assert_non_null(strstr(world->err, "lamps?"));
	}
	world->env.production_dc = "dc1";
	applied = 0;
	assert_int_equal(answer_with(world, "light a b c", "3\n"), 7);
	assert_int_equal(answer_with(world, "light a b c", "3 dc1\n"), 0);
	assert_int_equal(applied, 3);
}

static char *script_file(const char *text)
{
	char *path = xstrdup("/tmp/binnacle-test-script-XXXXXX");
	int fd = mkstemp(path);

	assert_true(fd >= 0);
	assert_true(write(fd, text, strlen(text)) == (ssize_t)strlen(text));
	close(fd);
	return path;
}

static int run_script(struct world *world, const char *text, const char *more)
{
	char *path = script_file(text);
	const char *argv[] = { "-f", path, more };
	int status;

	world->streams.no_tty = true;
	status = run_words(world, more ? 3 : 2, argv);
	unlink(path);
	free(path);
	return status;
}

static void a_script_stops_at_the_first_line_that_fails(void **state)
{
	static const char script[] = "# lamps\nlight a --yes\n\nlight b\n  light c --yes\n";
	struct world *world = *state;

	assert_int_equal(run_script(world, script, NULL), 7);
	assert_int_equal(applied, 1);
	assert_non_null(strstr(world->err, ":4: status 7"));
	applied = 0;
	assert_int_equal(run_script(world, script, "--keep-going"), 3);
	assert_int_equal(applied, 2);
	applied = 0;
	assert_int_equal(run_script(world, "light a --yes\nlight b --yes\n", NULL), 0);
	assert_int_equal(applied, 2);
}

static void a_script_with_a_typing_error_does_nothing(void **state)
{
	struct world *world = *state;

	assert_int_equal(run_script(world, "light a --yes\nlihgt b\n", NULL), 2);
	assert_int_equal(applied, 0);
	assert_non_null(strstr(world->err, ":2: there is no command"));
}

static void the_needs_of_a_request_are_known_before_it_runs(void **state)
{
	static const char *const list[] = { "list", "endpoints" }, *const lamp[] = { "light", "a" };
	struct world *world = *state;
	struct batch_request *request;
	int status;

	world->streams.out = stdout;
	world->streams.err = stderr;
	request = batch_parse(2, list, &world->streams, &status);
	assert_int_equal(batch_needs(request), MODEL_BIT(MODEL_ENDPOINTS));
	assert_false(batch_changes(request));
	batch_free(request);
	request = batch_parse(2, lamp, &world->streams, &status);
	assert_int_equal(batch_needs(request), 0);
	assert_true(batch_changes(request));
	batch_free(request);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(a_table_is_never_cut_outside_a_terminal),
		TEST(a_table_fits_into_its_terminal),
		TEST(no_control_byte_reaches_a_table),
		TEST(json_is_one_document_with_the_raw_values),
		TEST(csv_quotes_and_disarms_where_asked),
		TEST(an_unknown_thing_is_a_usage_error_and_runs_nothing),
		TEST(help_comes_from_the_tables),
		TEST(without_a_yes_and_a_terminal_the_plan_is_printed),
		TEST(yes_does_it_and_results_name_every_target),
		TEST(what_the_console_wants_typed_needs_a_count),
		TEST(a_plan_is_acted_on_only_while_it_is_the_same),
		TEST(the_exit_status_tells_how_it_ended),
		TEST(a_question_is_answered_by_hand_and_its_default_is_no),
		TEST(a_script_stops_at_the_first_line_that_fails),
		TEST(a_script_with_a_typing_error_does_nothing),
		TEST(the_needs_of_a_request_are_known_before_it_runs),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
