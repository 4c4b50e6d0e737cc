#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/action/env.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/command/command.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/present/table.h"

/* A front end that writes down what it hears. */
struct heard {
	struct strbuf text;
	bool asked, ended, answer;
	enum command_status status;
	char message[480];
	struct command_call *call;
};

static void hear_rows(void *arg, const struct table *table, const struct row_view *view,
		      const struct snapshot *snapshot, const struct command_line *line)
{
	struct heard *heard = arg;

	(void)snapshot;
	(void)line;
	strbuf_addf(&heard->text, "%s:", table->name);
	for (size_t i = 0; i < view->count; i++)
		strbuf_addf(&heard->text, " %s", row_id(view->rows[i]));
}

static void hear_object(void *arg, const char *kind, const char *id, const char *detail,
			const struct json *json, const struct command_line *line)
{
	struct heard *heard = arg;

	(void)json;
	(void)line;
	strbuf_addf(&heard->text, "%s %s\n%s", kind, id, detail);
}

static void hear_text(void *arg, const char *title, const char *text, size_t len, bool is_diff)
{
	struct heard *heard = arg;

	(void)title;
	(void)is_diff;
	strbuf_add(&heard->text, text, len);
}

static void hear_message(void *arg, int level, const char *text)
{
	struct heard *heard = arg;

	(void)level;
	strbuf_addf(&heard->text, "[%s]", text);
}

static void hear_confirm(void *arg, struct command_call *call, const struct plan *plan)
{
	struct heard *heard = arg;

	heard->asked = true;
	strbuf_addf(&heard->text, "ask %s %zu;", plan->verb, plan->target_count);
	command_answer(call, heard->answer);
}

static void hear_target(void *arg, const struct plan *plan, size_t target, const char *result,
			const char *error, const char *undo)
{
	struct heard *heard = arg;

	(void)error;
	(void)undo;
	strbuf_addf(&heard->text, "%s %s;", plan->targets[target].id, result);
}

static void hear_ended(void *arg, struct command_call *call, enum command_status status,
		       const struct err *err)
{
	struct heard *heard = arg;

	(void)call;
	heard->ended = true;
	heard->status = status;
	snprintf(heard->message, sizeof(heard->message), "%s", err ? err->msg : "");
}

static const struct command_front front = {
	.name = "test",
	.rows = hear_rows,
	.object = hear_object,
	.text = hear_text,
	.message = hear_message,
	.confirm = hear_confirm,
	.target = hear_target,
	.ended = hear_ended,
};

static unsigned applied;

static bool light_apply(struct step_run *run, struct err *err)
{
	(void)err;
	applied++;
	step_finish(run, NULL, "lit");
	return true;
}

static const struct step_kind light = {
	.name = "test-light",
	.apply = light_apply,
	.confirm = PLAN_CONFIRM_YES,
};

static bool plan_light(struct command_call *call, struct err *err)
{
	struct plan *plan = plan_new("light");

	(void)err;
	for (size_t i = 0; i < call->line->word_count; i++)
		plan_add_step(
			plan_add_target(plan, "lamp", call->line->words[i], call->line->words[i]),
			&light, json_new_object(), "light it");
	command_propose(call, plan);
	return true;
}

static const struct command test_commands[] = {
	{ .verb = "light",
	  .args = "[LAMP ...]",
	  .summary = "light a lamp",
	  .table = -1,
	  .plan = plan_light },
	{ .verb = "light up",
	  .args = "[LAMP ...]",
	  .summary = "light all lamps",
	  .table = -1,
	  .needs = MODEL_BIT(MODEL_SERVICES),
	  .plan = plan_light },
};

struct world {
	struct loop *loop;
	struct model *model;
	struct action_env env;
	struct heard heard;
};

static int set_up(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));

	clock_fake(100000, 1700000000000);
	world->loop = loop_new();
	world->model = model_new();
	world->env.loop = world->loop;
	world->env.model = world->model;
	strbuf_init(&world->heard.text);
	command_register(test_commands, COUNT_OF(test_commands));
	applied = 0;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	strbuf_release(&world->heard.text);
	model_free(world->model);
	loop_free(world->loop);
	clock_real();
	free(world);
	return 0;
}

static void publish_services(struct world *world)
{
	static const char *const names[] = { "web", "api", "mail server" };
	struct snapshot *snapshot = snapshot_new(MODEL_SERVICES);

	for (size_t i = 0; i < COUNT_OF(names); i++) {
		struct service *service = snapshot_add(snapshot);

		service->id = names[i];
		service->status = "pass";
		service->state = STATE_PASS;
	}
	model_publish(world->model, snapshot);
	model_set_source(world->model, SOURCE_CONSUL, SOURCE_OK, "", "");
}

static struct command_call *start(struct world *world, const char *text)
{
	struct err err = { 0 };
	struct command_line *line = command_parse(text, &err);
	struct command_call *call;

	if (!line)
		fail_msg("%s: %s", text, err.msg);
	world->heard.ended = world->heard.asked = false;
	strbuf_reset(&world->heard.text);
	call = command_start(line, &world->env, &front, &world->heard, &err);
	assert_non_null(call);
	assert_false(world->heard.ended);
	return call;
}

static void run(struct world *world, const char *text)
{
	start(world, text);
	for (int i = 0; i < 50 && !world->heard.ended; i++)
		loop_turn(world->loop, 0);
	assert_true(world->heard.ended);
}

static void words_and_options_are_read_as_a_shell_reads_them(void **state)
{
	struct err err = { 0 };
	struct command_line *line = command_parse(
		"clean endpoints a 'b c' \"d\\\"e\" --older=2d --node n1 -y -- --odd", &err);

	(void)state;
	assert_non_null(line);
	assert_string_equal(line->verb, "clean endpoints");
	assert_int_equal(line->word_count, 4);
	assert_string_equal(line->words[1], "b c");
	assert_string_equal(line->words[2], "d\"e");
	assert_string_equal(line->words[3], "--odd");
	assert_int_equal(line->older_ms, 2 * 86400000);
	assert_string_equal(line->node, "n1");
	assert_true(line->yes);
	assert_int_equal(line->expect, -1);
	command_line_free(line);
}

static void a_wrong_line_is_refused_with_what_is_wrong(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "", "no command" },
		{ "frobnicate", "there is no command" },
		{ "clean", "clean endpoints" },
		{ "list", "the form is list KIND" },
		{ "list services extra", "too many words" },
		{ "show service", "the form is show KIND ID" },
		{ "list services --older 2d", "takes no option --older" },
		{ "list services --nope", "there is no option --nope" },
		{ "list services --limit many", "expected a number" },
		{ "list services -o xml", "one of: table json jsonl csv" },
		{ "clean endpoints --older soon", "expected an age" },
		{ "clean endpoints --yes=no", "takes no value" },
		{ "status --yes", "takes no option --yes" },
		{ "list 'services", "quote is not closed" },
		{ "deregister --node", "takes no option --node" },
		{ "clean endpoints --node", "needs a value" },
	};
	struct err err;

	(void)state;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		assert_null(command_parse(cases[i].text, &err));
		assert_int_equal(err.code, ERR_INPUT);
		if (!strstr(err.msg, cases[i].want))
			fail_msg("%s: %s", cases[i].text, err.msg);
	}
}

static void every_command_has_a_summary_and_known_options(void **state)
{
	const struct command *command;

	(void)state;
	for (size_t i = 0; (command = command_at(i)); i++) {
		const char *options = command->options ? command->options : "";

		assert_true(strlen(command->summary) > 8);
		assert_int_not_equal(command->summary[strlen(command->summary) - 1], '.');
		assert_true(!command->run != !command->plan);
		assert_ptr_equal(command_find(command->verb), command);
		while (*options) {
			size_t len = strcspn(options, " "), j = 0;

			while (j < command_option_count() &&
			       (strlen(command_option_at(j)->name) != len ||
				strncmp(command_option_at(j)->name, options, len) != 0))
				j++;
			if (j == command_option_count())
				fail_msg("%s: no option %.*s", command->verb, (int)len, options);
			options += len + strspn(options + len, " ");
		}
	}
}

static void the_last_word_is_completed_by_its_place(void **state)
{
	static const struct {
		const char *text, *want;
	} cases[] = {
		{ "clean e", "clean endpoints" },
		{ "li", "list" },
		{ "list serv", "list services" },
		{ "show service w", "show service web" },
		{ "show service mail", "show service 'mail server'" },
		{ "list services --fil", "list services --filter" },
		{ "mode h", "mode hold" },
		{ "mode hold reg", "mode hold register" },
	};
	struct world *world = *state;
	struct completion list;

	publish_services(world);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		command_complete(cases[i].text, &world->env, &list);
		if (!list.count || strcmp(list.texts[0], cases[i].want) != 0)
			fail_msg("%s: %s", cases[i].text, list.count ? list.texts[0] : "nothing");
		completion_release(&list);
	}
}

static void a_call_waits_for_the_table_that_it_needs(void **state)
{
	struct world *world = *state;

	model_set_source(world->model, SOURCE_CONSUL, SOURCE_LOADING, "", "");
	start(world, "list services");
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_false(world->heard.ended);
	publish_services(world);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_true(world->heard.ended);
	assert_int_equal(world->heard.status, COMMAND_DONE);
	assert_string_equal(world->heard.text.buf, "services: api mail server web");
}

static void a_source_that_does_not_answer_is_named(void **state)
{
	struct world *world = *state;

	model_set_source(world->model, SOURCE_CONSUL, SOURCE_LOADING, "", "");
	start(world, "list services");
	loop_turn(world->loop, 0);
	clock_fake_advance(16000);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_true(world->heard.ended);
	assert_int_equal(world->heard.status, COMMAND_UNREACHABLE);
	assert_string_equal(world->heard.message, "consul did not answer in time");
	model_set_source(world->model, SOURCE_CONSUL, SOURCE_DOWN, "", "connection refused");
	run(world, "list services");
	assert_int_equal(world->heard.status, COMMAND_UNREACHABLE);
	assert_non_null(strstr(world->heard.message, "connection refused"));
	model_set_source(world->model, SOURCE_CONSUL, SOURCE_DENIED, "", "");
	run(world, "list services");
	assert_int_equal(world->heard.status, COMMAND_DENIED);
}

static void the_time_given_ends_the_call(void **state)
{
	struct world *world = *state;

	model_set_source(world->model, SOURCE_CONSUL, SOURCE_LOADING, "", "");
	start(world, "list services --timeout 2");
	loop_turn(world->loop, 0);
	clock_fake_advance(2001);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_true(world->heard.ended);
	assert_int_equal(world->heard.status, COMMAND_TIMEOUT);
	assert_string_equal(world->heard.message, "consul did not answer in time");
}

static void stale_data_is_a_warning_for_looking_and_an_error_for_acting(void **state)
{
	struct world *world = *state;

	publish_services(world);
	model_set_source(world->model, SOURCE_CONSUL, SOURCE_STALE, "", "no leader");
	run(world, "list services");
	assert_int_equal(world->heard.status, COMMAND_DONE);
	assert_non_null(strstr(world->heard.text.buf, "[the data of consul is old: no leader]"));
	world->heard.answer = true;
	run(world, "light up lamp");
	assert_int_equal(world->heard.status, COMMAND_UNREACHABLE);
	assert_int_equal(applied, 0);
	run(world, "light up lamp --allow-stale");
	assert_int_equal(world->heard.status, COMMAND_DONE);
	assert_int_equal(applied, 1);
}

static void wait_ends_when_the_thing_is_in_the_state(void **state)
{
	struct world *world = *state;
	struct snapshot *snapshot;
	struct service *service;

	publish_services(world);
	run(world, "wait service web passing");
	assert_int_equal(world->heard.status, COMMAND_DONE);
	start(world, "wait service web gone");
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_false(world->heard.ended);
	snapshot = snapshot_new(MODEL_SERVICES);
	service = snapshot_add(snapshot);
	service->id = "other";
	model_publish(world->model, snapshot);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_true(world->heard.ended);
	assert_int_equal(world->heard.status, COMMAND_DONE);
}

static void watch_tells_each_change_until_it_is_canceled(void **state)
{
	struct world *world = *state;
	struct command_call *call;
	struct snapshot *snapshot;
	struct service *service;

	publish_services(world);
	call = start(world, "watch services");
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_string_equal(world->heard.text.buf, "");
	snapshot = snapshot_new(MODEL_SERVICES);
	service = snapshot_add(snapshot);
	service->id = "web";
	service->status = "CRIT";
	model_publish(world->model, snapshot);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_non_null(strstr(world->heard.text.buf, "web changed"));
	assert_non_null(strstr(world->heard.text.buf, "api removed"));
	assert_false(world->heard.ended);
	command_cancel(call);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_true(world->heard.ended);
}

static void nothing_changes_without_a_yes(void **state)
{
	struct world *world = *state;

	world->heard.answer = false;
	run(world, "light a b");
	assert_true(world->heard.asked);
	assert_int_equal(world->heard.status, COMMAND_UNCONFIRMED);
	assert_int_equal(applied, 0);
	world->heard.answer = true;
	run(world, "light b a");
	assert_int_equal(world->heard.status, COMMAND_DONE);
	assert_string_equal(world->heard.text.buf, "ask light 2;a done;b done;");
	assert_int_equal(applied, 2);
}

static void a_dry_run_shows_the_plan_and_changes_nothing(void **state)
{
	struct world *world = *state;

	world->heard.answer = true;
	run(world, "light a --dry-run");
	assert_true(world->heard.asked);
	assert_int_equal(world->heard.status, COMMAND_DONE);
	run(world, "light a --dry-run --exit-code");
	assert_int_equal(world->heard.status, COMMAND_DIFFERENCES);
	run(world, "light --dry-run --exit-code");
	assert_int_equal(world->heard.status, COMMAND_DONE);
	assert_int_equal(applied, 0);
}

static void a_plan_that_is_not_as_expected_is_not_executed(void **state)
{
	struct world *world = *state;

	world->heard.answer = true;
	run(world, "light a --expect 2");
	assert_int_equal(world->heard.status, COMMAND_PLAN_CHANGED);
	run(world, "light a --plan 0123456789abcdef");
	assert_int_equal(world->heard.status, COMMAND_PLAN_CHANGED);
	run(world, "light a --plan 0");
	assert_int_equal(world->heard.status, COMMAND_PLAN_CHANGED);
	assert_int_equal(applied, 0);
	run(world, "light a --expect 1");
	assert_int_equal(world->heard.status, COMMAND_DONE);
	assert_int_equal(applied, 1);
}

static void a_read_only_console_refuses_every_change(void **state)
{
	struct world *world = *state;

	world->env.read_only = true;
	world->heard.answer = true;
	run(world, "light a");
	assert_int_equal(world->heard.status, COMMAND_REFUSED);
	assert_false(world->heard.asked);
	assert_int_equal(applied, 0);
}

static void a_thing_is_shown_by_its_name_when_that_is_unambiguous(void **state)
{
	struct world *world = *state;
	struct snapshot *snapshot = snapshot_new(MODEL_INSTANCES);
	static const char *const ids[] = { "n1/web:80", "n2/web:80", "n1/api:80" };

	publish_services(world);
	for (size_t i = 0; i < COUNT_OF(ids); i++) {
		struct instance *instance = snapshot_add(snapshot);

		instance->id = ids[i];
		instance->service_id = ids[i] + 3;
	}
	model_publish(world->model, snapshot);
	run(world, "show instance api:80");
	assert_int_equal(world->heard.status, COMMAND_DONE);
	assert_non_null(strstr(world->heard.text.buf, "instance n1/api:80"));
	run(world, "show instance web:80");
	assert_int_equal(world->heard.status, COMMAND_USAGE);
	assert_non_null(strstr(world->heard.message, "n1/web:80, n2/web:80"));
	run(world, "show instance n2/web:80");
	assert_int_equal(world->heard.status, COMMAND_DONE);
	run(world, "show instance none");
	assert_int_equal(world->heard.status, COMMAND_FAILED);
}

static void publish_endpoints(struct world *world, size_t stale, size_t live)
{
	struct snapshot *snapshot = snapshot_new(MODEL_ENDPOINTS);
	static const char *const address = "10.233.1.4/32";

	for (size_t i = 0; i < stale + live; i++) {
		struct endpoint_row *row = snapshot_add(snapshot);

		row->id = arena_printf(&snapshot->arena, "/calico/%zu", i);
		row->name = arena_printf(&snapshot->arena, "%064zu", i);
		row->node = "n1";
		row->addresses = snapshot_list(snapshot, &address, 1);
		row->cleanable = i < stale;
		row->address_leaked = true;
		row->status = i < stale ? "STALE" : i % 2 ? "?" : "live";
		row->state = i < stale ? STATE_STALE : i % 2 ? STATE_UNKNOWN : STATE_PASS;
		row->why = i < stale ? "no container" : "docker of n1 does not answer";
		row->modified_index = 7;
	}
	model_publish(world->model, snapshot);
	model_set_source(world->model, SOURCE_CALICO, SOURCE_OK, "", "");
}

/* Keeps the plan's text; never says yes. */
static void look_at_plan(void *arg, struct command_call *call, const struct plan *plan)
{
	struct heard *heard = arg;

	heard->asked = true;
	strbuf_addf(&heard->text, "confirm=%d typed=%s ", (int)plan->confirm, plan->typed);
	plan_print(plan, &heard->text);
	command_answer(call, false);
}

static void only_endpoints_with_full_evidence_are_cleaned(void **state)
{
	struct world *world = *state;
	struct command_front looking = front;
	struct err err = { 0 };

	looking.confirm = look_at_plan;
	publish_endpoints(world, 1, 4);
	command_start(command_parse("clean endpoints", &err), &world->env, &looking, &world->heard,
		      &err);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_non_null(strstr(world->heard.text.buf, "Remove 1 Calico endpoint and give"));
	assert_non_null(strstr(world->heard.text.buf, "confirm=1"));
	assert_non_null(strstr(world->heard.text.buf, "2. give address 10.233.1.4 back"));
	assert_non_null(strstr(world->heard.text.buf, "docker of n1 does not answer"));
	strbuf_reset(&world->heard.text);
	command_start(command_parse("clean endpoints /calico/3 --no-release", &err), &world->env,
		      &looking, &world->heard, &err);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_string_equal(
		world->heard.text.buf,
		"[000000000000 on n1 is ?: docker of n1 does not answer][nothing to do]");
}

static void removing_most_of_a_node_asks_for_its_name(void **state)
{
	struct world *world = *state;
	struct command_front looking = front;
	struct err err = { 0 };

	looking.confirm = look_at_plan;
	publish_endpoints(world, 3, 2);
	command_start(command_parse("clean endpoints", &err), &world->env, &looking, &world->heard,
		      &err);
	for (int i = 0; i < 5; i++)
		loop_turn(world->loop, 0);
	assert_non_null(strstr(world->heard.text.buf, "confirm=2 typed=n1"));
	assert_non_null(strstr(world->heard.text.buf, "3 of the 5 endpoints of n1 go"));
}

static void the_plan_names_the_route_of_a_removal(void **state)
{
	struct world *world = *state;
	struct command_front looking = front;
	struct snapshot *snapshot = snapshot_new(MODEL_INSTANCES), *members;
	struct err err = { 0 };
	static const struct {
		const char *id, *status, *want;
		bool own;
	} cases[] = {
		{ "n1/a", "alive", "by our agent, the agent of n1", true },
		{ "n2/b", "alive", "by 10.0.0.2, the agent of n2", false },
		{ "n3/c", "FAIL",
		  "PUT /v1/catalog/deregister: remove it from the catalog, since n3 "
		  "is FAIL",
		  false },
	};

	members = snapshot_new(MODEL_MEMBERS);
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		struct instance *instance = snapshot_add(snapshot);
		struct member *member = snapshot_add(members);

		instance->id = cases[i].id;
		instance->service_id = cases[i].id + 3;
		instance->node = member->id = arena_strndup(&snapshot->arena, cases[i].id, 2);
		member->id = arena_strdup(&members->arena, instance->node);
		instance->node_address = "10.0.0.2";
		instance->own_agent = cases[i].own;
		member->status = cases[i].status;
	}
	model_publish(world->model, snapshot);
	model_publish(world->model, members);
	model_set_source(world->model, SOURCE_CONSUL, SOURCE_OK, "", "");
	looking.confirm = look_at_plan;
	for (size_t i = 0; i < COUNT_OF(cases); i++) {
		char *text = xasprintf("deregister %s", cases[i].id);

		strbuf_reset(&world->heard.text);
		command_start(command_parse(text, &err), &world->env, &looking, &world->heard,
			      &err);
		for (int j = 0; j < 5; j++)
			loop_turn(world->loop, 0);
		if (!strstr(world->heard.text.buf, cases[i].want))
			fail_msg("%s: %s", text, world->heard.text.buf);
		free(text);
	}
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(words_and_options_are_read_as_a_shell_reads_them),
		cmocka_unit_test_setup_teardown(a_wrong_line_is_refused_with_what_is_wrong, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(every_command_has_a_summary_and_known_options,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(the_last_word_is_completed_by_its_place, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_call_waits_for_the_table_that_it_needs, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(a_source_that_does_not_answer_is_named, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_time_given_ends_the_call, set_up, tear_down),
		cmocka_unit_test_setup_teardown(
			stale_data_is_a_warning_for_looking_and_an_error_for_acting, set_up,
			tear_down),
		cmocka_unit_test_setup_teardown(wait_ends_when_the_thing_is_in_the_state, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(watch_tells_each_change_until_it_is_canceled,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(nothing_changes_without_a_yes, set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_dry_run_shows_the_plan_and_changes_nothing,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_plan_that_is_not_as_expected_is_not_executed,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(a_read_only_console_refuses_every_change, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(
			a_thing_is_shown_by_its_name_when_that_is_unambiguous, set_up, tear_down),
		cmocka_unit_test_setup_teardown(only_endpoints_with_full_evidence_are_cleaned,
						set_up, tear_down),
		cmocka_unit_test_setup_teardown(removing_most_of_a_node_asks_for_its_name, set_up,
						tear_down),
		cmocka_unit_test_setup_teardown(the_plan_names_the_route_of_a_removal, set_up,
						tear_down),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
