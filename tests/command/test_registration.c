/*
 * "diff services" on a registrar in mode off: a registry in which somebody else has registered the
 * containers of a scripted daemon.
 */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/action/env.h"
#include "binnacle/base/json.h"
#include "binnacle/command/command.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "support/peer.h"
#include "support/stage.h"

struct world {
	struct stage *stage;
	struct model *model;
	struct action_env env;
	struct strbuf text, said;
	bool ended;
	enum command_status status;
};

static void hear_text(void *arg, const char *title, const char *text, size_t len, bool is_diff)
{
	(void)title;
	(void)is_diff;
	strbuf_add(&((struct world *)arg)->text, text, len);
}

static void hear_message(void *arg, int level, const char *text)
{
	(void)level;
	strbuf_addf(&((struct world *)arg)->said, "[%s]", text);
}

static void hear_ended(void *arg, struct command_call *call, enum command_status status,
		       const struct err *err)
{
	struct world *world = arg;

	(void)call;
	world->ended = true;
	world->status = status;
	if (err)
		hear_message(arg, 0, err->msg);
}

static const struct command_front front = {
	.name = "test", .text = hear_text, .message = hear_message, .ended = hear_ended
};

static int set_up(void **state)
{
	struct world *world = calloc(1, sizeof(*world));

	strbuf_init(&world->text);
	strbuf_init(&world->said);
	stage_set_up((void **)&world->stage);
	world->model = model_new();
	model_publish(world->model, snapshot_new(MODEL_CONTAINERS));
	model_publish(world->model, snapshot_new(MODEL_EVENTS));
	world->env.loop = world->stage->loop;
	world->env.model = world->model;
	*state = world;
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	stage_tear_down((void **)&world->stage);
	model_free(world->model);
	strbuf_release(&world->text);
	strbuf_release(&world->said);
	free(world);
	return 0;
}

static bool has_ended(void *arg)
{
	return ((struct world *)arg)->ended;
}

static void run(struct world *world, const char *text)
{
	struct command_line *line;
	struct err err = { 0 };

	strbuf_reset(&world->text);
	strbuf_reset(&world->said);
	world->ended = false;
	line = command_parse(text, &err);
	assert_non_null(line);
	assert_non_null(command_start(line, &world->env, &front, world, &err));
	assert_true(run_until_true(world->stage->loop, has_ended, world));
}

/* As if another registrator had done it. */
static void put_entry(struct world *world, const char *id, const char *text)
{
	struct err err;

	json_set(world->stage->store.services, id, json_parse(text, strlen(text), &err));
}

static void begin(struct world *world)
{
	stage_start_synced(world->stage, REGISTRAR_OFF);
	world->env.registrar = world->stage->registrar;
	run_for(world->stage->loop, 30);
}

static void assert_has(const struct strbuf *text, const char *part)
{
	if (!strstr(text->buf, part))
		fail_msg("no \"%s\" in: %s", part, text->buf);
}

static void each_kind_of_difference_is_shown_and_nothing_is_written(void **state)
{
	struct world *world = *state;

	stage_put_document(world->stage, "a1", "same",
			   "\"SERVICE_TAGS=x,y\",\"SERVICE_REGION=eu\",\"SERVICE_A-B=1\","
			   "\"SERVICE_A=2\"",
			   true);
	stage_put_document(world->stage, "b2", "changed", "\"SERVICE_TAGS=x\"", true);
	stage_put_document(world->stage, "c3", "fresh", "\"SERVICE_NAME=new\"", true);
	stage_put_document(world->stage, "d4", "other", "\"SERVICE_NAME=other\"", true);
	put_entry(world, "host-1:same:80",
		  "{\"Service\":\"web\",\"Address\":\"10.233.0.9\",\"Port\":80,\"Tags\":[\"y\","
		  "\"x\"],\"Meta\":{\"region\":\"eu\",\"a-b\":\"1\",\"a\":\"2\"}}");
	put_entry(world, "host-1:changed:80",
		  "{\"Service\":\"web\",\"Address\":\"10.9.9.9\",\"Port\":80,\"Tags\":[],"
		  "\"Meta\":{\"evil\":\"x\\n+id forged\"}}");
	put_entry(world, "deadbeef0123:other:80",
		  "{\"Service\":\"other\",\"Address\":\"10.233.0.9\",\"Port\":80}");
	put_entry(world, "host-1:gone:80", "{\"Service\":\"old\",\"Port\":81}");
	begin(world);
	run(world, "diff services");
	assert_int_equal(world->status, COMMAND_DIFFERENCES);
	assert_has(&world->said, "[2 to add, 1 to change, 0 to remove, 1 dangling; mode off]");
	assert_has(&world->text, "--- registered as host-1:changed:80\n"
				 "+++ wanted by container changed\n");
	assert_has(&world->text, "-address 10.9.9.9\n+address 10.233.0.9\n");
	assert_has(&world->text, "+tag x\n");
	/* Hostile text stays in its line. */
	assert_has(&world->text, "-attribute evil=x\\n+id forged\n");
	assert_has(&world->text, "--- not registered\n+++ wanted by container fresh\n");
	/* Another hostname wrote the same one. */
	assert_has(&world->text, "--- registered as deadbeef0123:other:80\n"
				 "+++ wanted by container other\n");
	assert_has(&world->text, "-id deadbeef0123:other:80\n+id host-1:other:80\n");
	assert_has(&world->text, "--- registered as host-1:gone:80\n+++ not wanted: ");
	assert_null(strstr(world->text.buf, "same"));
	assert_int_equal(world->stage->store.adds + world->stage->store.removes, 0);
}

static void words_choose_by_container_service_or_id(void **state)
{
	static const char *const words[] = { "fresh", "new", "host-1:fresh:80" };
	struct world *world = *state;

	stage_put_document(world->stage, "c3", "fresh", "\"SERVICE_NAME=new\"", true);
	stage_put_document(world->stage, "d4", "other", "\"SERVICE_NAME=other\"", true);
	begin(world);
	for (size_t i = 0; i < sizeof(words) / sizeof(words[0]); i++) {
		char *line = xasprintf("diff services %s", words[i]);

		run(world, line);
		assert_int_equal(world->status, COMMAND_DIFFERENCES);
		assert_has(&world->text, "+id host-1:fresh:80\n");
		assert_null(strstr(world->text.buf, "other"));
		free(line);
	}
	run(world, "diff services --stat");
	assert_string_equal(world->text.buf, "host-1:fresh:80  add: not registered\n"
					     "host-1:other:80  add: not registered\n");
}

static void what_is_ignored_says_why(void **state)
{
	struct world *world = *state;

	stage_put_document(world->stage, "a1", "quiet", "\"SERVICE_IGNORE=1\"", true);
	begin(world);
	run(world, "diff services quiet");
	assert_int_equal(world->status, COMMAND_DONE);
	assert_string_equal(world->text.buf, "");
	assert_has(&world->said, "quiet: ignored, ");
	assert_has(&world->said, "SERVICE_IGNORE");
	run(world, "diff services");
	assert_string_equal(world->said.buf, "[what is registered is what is wanted]");
}

static void without_a_registrar_or_its_registry_it_says_so(void **state)
{
	struct world *world = *state;

	run(world, "diff services");
	assert_int_equal(world->status, COMMAND_USAGE);
	assert_has(&world->said, "no registrar");
	world->stage->store.is_down = true;
	stage_start(world->stage, REGISTRAR_OFF);
	world->env.registrar = world->stage->registrar;
	stage_wait_for_event(world->stage, "FAILED");
	run(world, "diff services");
	assert_int_equal(world->status, COMMAND_UNREACHABLE);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(each_kind_of_difference_is_shown_and_nothing_is_written),
		TEST(words_choose_by_container_service_or_id),
		TEST(what_is_ignored_says_why),
		TEST(without_a_registrar_or_its_registry_it_says_so),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
