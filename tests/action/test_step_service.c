/* The steps for registrations against a real agent: through it, through the catalog, and back. */
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
#include "binnacle/action/job.h"
#include "binnacle/action/journal.h"
#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/net/http.h"
#include "support/peer.h"
#include "support/real_consul.h"

static struct {
	struct loop *loop;
	struct http *http;
	struct real_consul agent;
	struct consul *consul;
	struct model *model;
	struct journal *journal;
	struct action_env env;
	char folder[64];
} world;

struct reply {
	bool done, ok, found;
	const char *member;
	char text[512];
};

static void on_reply(void *arg, const struct json *doc, const struct consul_meta *meta,
		     const struct err *err)
{
	struct reply *reply = arg;
	struct strbuf text = STRBUF_INIT;

	(void)meta;
	reply->done = true;
	reply->ok = !err;
	if (!reply->member)
		return;
	/* The services of an agent, or of a node in the catalog. */
	doc = json_get(doc, "Services") ? json_get(doc, "Services") : doc;
	doc = json_member(doc, reply->member);
	reply->found = doc != NULL;
	if (doc)
		json_print(&text, doc);
	snprintf(reply->text, sizeof(reply->text), "%s", text.buf);
	strbuf_release(&text);
}

static bool send(const char *path, const char *body)
{
	struct reply reply = { 0 };

	consul_send(world.consul, "PUT", path, body, on_reply, &reply);
	assert_true(run_until(world.loop, &reply.done));
	return reply.ok;
}

static struct reply ask(const char *path, const char *member)
{
	struct reply reply = { .member = member };

	consul_get(world.consul, path, on_reply, &reply);
	assert_true(run_until(world.loop, &reply.done));
	return reply;
}

static int start(void **state)
{
	struct err err;

	(void)state;
	world.loop = loop_new();
	world.http = http_new(world.loop);
	world.model = model_new();
	snprintf(world.folder, sizeof(world.folder), "/tmp/binnacle-test-step-XXXXXX");
	assert_non_null(mkdtemp(world.folder));
	world.journal = journal_open(world.folder, world.model, &err);
	if (!real_consul_exists())
		return 0;
	real_consul_start(&world.agent);
	world.consul = consul_new(world.loop, world.http,
				  &(struct consul_config){ .address = world.agent.address }, &err);
	world.env = (struct action_env){ .loop = world.loop,
					 .model = world.model,
					 .journal = world.journal,
					 .consul = world.consul,
					 .node = "here" };
	for (int i = 0; i < 300 && !send("/v1/kv/ready", "yes"); i++)
		run_for(world.loop, 100);
	return 0;
}

static int stop(void **state)
{
	(void)state;
	consul_free(world.consul);
	real_consul_stop(&world.agent);
	unlink(journal_path(world.journal));
	rmdir(world.folder);
	journal_close(world.journal);
	model_free(world.model);
	http_free(world.http);
	loop_free(world.loop);
	log_release();
	return 0;
}

struct outcome {
	bool ended;
	struct job_result result;
};

static void on_ended(void *arg, const struct job_result *result)
{
	struct outcome *outcome = arg;

	outcome->ended = true;
	outcome->result = *result;
}

/* Takes the plan. */
static struct job_result execute(struct plan *plan)
{
	static const struct job_events events = { NULL, on_ended };
	struct job_options options = { "--yes", "test" };
	struct outcome outcome = { 0 };
	struct err err = { 0 };

	plan_seal(plan);
	assert_non_null(job_start(&world.env, plan, &options, &events, &outcome, &err));
	assert_true(run_until(world.loop, &outcome.ended));
	plan_free(plan);
	return outcome.result;
}

static struct plan *removal(const struct step_kind *kind, const char *node, const char *id,
			    int64_t port)
{
	struct plan *plan = plan_new("deregister");
	struct json *args = json_new_object();

	json_add_str(args, "node", node);
	json_add_str(args, "node_address", "10.9.9.9");
	json_add_str(args, "service_id", id);
	json_add_str(args, "service", "web");
	json_add_str(args, "address", "10.1.1.1");
	json_add_str(args, "default_address", "10.1.1.1");
	json_add_int(args, "port", port);
	plan_add_step(plan_add_target(plan, "instance", id, id), kind, args, "remove %s", id);
	return plan;
}

static void undo_newest(void)
{
	struct err err;
	struct plan *plan = journal_undo_plan(world.journal, &world.env, 0, &err);

	if (!plan)
		fail_msg("%s", err.msg);
	assert_int_equal(execute(plan).done, 1);
}

static void a_registration_goes_through_its_agent_and_comes_back_by_undo(void **state)
{
	struct reply before, after;

	(void)state;
	if (!world.consul)
		skip();
	assert_true(send("/v1/agent/service/register",
			 "{\"ID\":\"h:web:80\",\"Name\":\"web\",\"Tags\":[\"a b\",\"c\"],"
			 "\"Address\":\"10.1.1.1\",\"Port\":8080,\"Meta\":{\"k\":\"v\"}}"));
	before = ask("/v1/agent/services", "h:web:80");
	assert_true(before.found);
	assert_int_equal(execute(removal(&step_deregister_agent, "here", "h:web:80", 8080)).done,
			 1);
	assert_false(ask("/v1/agent/services", "h:web:80").found);
	undo_newest();
	after = ask("/v1/agent/services", "h:web:80");
	assert_string_equal(after.text, before.text);
}

/* Consul's readers see the node's address then. */
static void what_is_registered_without_an_address_is_the_same_instance(void **state)
{
	(void)state;
	if (!world.consul)
		skip();
	assert_true(send("/v1/agent/service/register",
			 "{\"ID\":\"bare\",\"Name\":\"web\",\"Port\":8080}"));
	assert_int_equal(execute(removal(&step_deregister_agent, "here", "bare", 8080)).done, 1);
	assert_false(ask("/v1/agent/services", "bare").found);
}

static void a_registration_that_changed_is_left_alone(void **state)
{
	struct job_result result;

	(void)state;
	if (!world.consul)
		skip();
	assert_true(send("/v1/agent/service/register",
			 "{\"ID\":\"moved\",\"Name\":\"web\",\"Address\":\"10.1.1.1\","
			 "\"Port\":9090}"));
	result = execute(removal(&step_deregister_agent, "here", "moved", 8080));
	assert_int_equal(result.skipped, 1);
	assert_true(ask("/v1/agent/services", "moved").found);
	result = execute(removal(&step_deregister_agent, "here", "never-was", 8080));
	assert_int_equal(result.skipped, 1);
}

static void a_left_over_that_came_back_to_life_is_left_alone(void **state)
{
	struct plan *plan = removal(&step_deregister_agent, "here", "alive", 80);
	struct snapshot *snapshot = snapshot_new(MODEL_INSTANCES);
	struct instance *instance = snapshot_add(snapshot);

	(void)state;
	if (!world.consul) {
		plan_free(plan);
		snapshot_unref(&snapshot);
		skip();
	}
	assert_true(send("/v1/agent/service/register",
			 "{\"ID\":\"alive\",\"Name\":\"web\",\"Address\":\"10.1.1.1\","
			 "\"Port\":80}"));
	json_add_bool(plan->targets[0].steps[0].args, "dangling", true);
	instance->node = "here";
	instance->service_id = "alive";
	model_publish(world.model, snapshot);
	assert_int_equal(execute(plan).skipped, 1);
	assert_true(ask("/v1/agent/services", "alive").found);
}

static void the_catalog_route_works_for_a_node_without_an_agent(void **state)
{
	(void)state;
	if (!world.consul)
		skip();
	assert_true(send("/v1/catalog/register",
			 "{\"Node\":\"lost\",\"Address\":\"10.9.9.9\",\"Service\":{\"ID\":\"w\","
			 "\"Service\":\"web\",\"Address\":\"10.1.1.1\",\"Port\":80}}"));
	assert_true(ask("/v1/catalog/node/lost", "w").found);
	assert_int_equal(execute(removal(&step_deregister_catalog, "lost", "w", 80)).done, 1);
	assert_false(ask("/v1/catalog/node/lost", "w").found);
	undo_newest();
	assert_true(ask("/v1/catalog/node/lost", "w").found);
}

static void undo_does_not_overwrite_what_was_registered_meanwhile(void **state)
{
	struct plan *plan;
	struct err err;

	(void)state;
	if (!world.consul)
		skip();
	assert_true(send("/v1/agent/service/register",
			 "{\"ID\":\"again\",\"Name\":\"web\",\"Address\":\"10.1.1.1\","
			 "\"Port\":80}"));
	assert_int_equal(execute(removal(&step_deregister_agent, "here", "again", 80)).done, 1);
	plan = journal_undo_plan(world.journal, &world.env, 0, &err);
	assert_non_null(plan);
	assert_true(send("/v1/agent/service/register", "{\"ID\":\"again\",\"Name\":\"other\"}"));
	assert_int_equal(execute(plan).skipped, 1);
	assert_non_null(strstr(ask("/v1/agent/services", "again").text, "other"));
}

int main(void)
{
	const struct CMUnitTest tests[] = {
		cmocka_unit_test(a_registration_goes_through_its_agent_and_comes_back_by_undo),
		cmocka_unit_test(what_is_registered_without_an_address_is_the_same_instance),
		cmocka_unit_test(a_registration_that_changed_is_left_alone),
		cmocka_unit_test(a_left_over_that_came_back_to_life_is_left_alone),
		cmocka_unit_test(the_catalog_route_works_for_a_node_without_an_agent),
		cmocka_unit_test(undo_does_not_overwrite_what_was_registered_meanwhile),
	};

	return cmocka_run_group_tests(tests, start, stop);
}
