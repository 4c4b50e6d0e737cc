/* Policies are applied, deleted and taken back on a real etcd; what the question shows before. */
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
#include "binnacle/base/file.h"
#include "binnacle/command/command.h"
#include "binnacle/etcd/etcd.h"
#include "binnacle/feed/calico_feed.h"
#include "binnacle/feed/docker_feed.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "support/calico_cluster.h"
#include "support/peer.h"
#include "support/real_etcd.h"

#define KEY  "/calico/v1/policy/tier/default/policy/p"
#define PATH "/v2/keys" KEY
#define VALUE                                                                                      \
	"{\"inbound_rules\":[{\"action\":\"allow\"}],\"selector\":\"role == "                      \
	"'a'\",\"types\":[\"ingress\"]}"

static struct real_etcd server;
static bool have_etcd;

struct world {
	struct loop *loop;
	struct http *http;
	struct etcd *etcd;
	struct model *model;
	struct docker_feed *docker_feed;
	struct calico_feed *feed;
	struct model_watch *watch;
	struct cluster *cluster;
	struct journal *journal;
	struct action_env env;
	char *folder, *file;
	/* Of the last call. */
	bool answer, ended, has_policy;
	const char *want;          /* what the policy p is to say for has_policy */
	const char *before_answer; /* put under KEY while the question is open */
	struct strbuf plan, said;
	enum plan_confirm confirm;
	enum command_status status;
	char message[480];
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

	world->confirm = plan->confirm;
	plan_print(plan, &world->plan);
	if (world->before_answer)
		real_etcd_put(&server, KEY, world->before_answer);
	command_answer(call, world->answer);
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

static void hear_text(void *arg, const char *title, const char *text, size_t len, bool is_diff)
{
	struct world *world = arg;

	(void)title;
	(void)is_diff;
	strbuf_add(&world->said, text, len);
}

static const struct command_front front = {
	.name = "test",
	.text = hear_text,
	.message = hear_message,
	.confirm = hear_confirm,
	.ended = hear_ended,
};

static void on_policies(void *arg, unsigned bits)
{
	struct world *world = arg;
	const struct policy_row *row =
		snapshot_find(model_current(world->model, MODEL_POLICIES), "p");

	(void)bits;
	world->has_policy = row && strstr(row->document, world->want);
}

static int set_up(void **state)
{
	struct world *world = xcalloc(1, sizeof(*world));
	struct etcd_config config = { .endpoints = (const char *[]){ server.url, NULL } };
	struct err err;

	*state = world;
	world->want = "role == 'a'";
	if (!have_etcd)
		return 0;
	strbuf_init(&world->plan);
	strbuf_init(&world->said);
	world->folder = xstrdup("/tmp/binnacle-test-policy-XXXXXX");
	assert_non_null(mkdtemp(world->folder));
	world->file = xasprintf("%s/p.yaml", world->folder);
	world->cluster = cluster_new();
	cluster_node(world->cluster, "N1");
	cluster_put(world->cluster, cluster_wep_key("N1", 'a'),
		    "{\"state\":\"active\",\"name\":\"calia\",\"profile_ids\":[\"net\"],"
		    "\"ipv4_nets\":[\"10.0.0.1/32\"],\"labels\":{\"role\":\"a\"}}");
	cluster_put(world->cluster, cluster_wep_key("N1", 'b'),
		    "{\"state\":\"active\",\"name\":\"calib\",\"profile_ids\":null,"
		    "\"ipv4_nets\":[\"10.0.0.2/32\"],\"labels\":{\"role\":\"b\"}}");
	cluster_put(world->cluster, "/calico/v1/policy/profile/net/tags", "[\"net\"]");
	free(real_etcd_request(&server, "DELETE", "/v2/keys/calico?recursive=true", NULL, NULL));
	cluster_push(world->cluster, &server);
	world->loop = loop_new();
	world->http = http_new(world->loop);
	world->etcd = etcd_new(world->loop, world->http, &config, &err);
	assert_non_null(world->etcd);
	world->model = model_new();
	world->journal = journal_open(world->folder, world->model, &err);
	world->docker_feed = docker_feed_new(world->loop, world->model);
	world->watch =
		model_watch_start(world->model, MODEL_BIT(MODEL_POLICIES), on_policies, world);
	world->feed =
		calico_feed_new(world->loop, world->model, world->etcd, world->docker_feed, NULL);
	world->env = (struct action_env){ .loop = world->loop,
					  .model = world->model,
					  .journal = world->journal,
					  .etcd = world->etcd,
					  .calico_feed = world->feed,
					  .docker_feed = world->docker_feed };
	return 0;
}

static int tear_down(void **state)
{
	struct world *world = *state;

	if (have_etcd) {
		model_watch_stop(&world->watch);
		calico_feed_free(world->feed);
		docker_feed_free(world->docker_feed);
		unlink(journal_path(world->journal));
		unlink(world->file);
		rmdir(world->folder);
		journal_close(world->journal);
		model_free(world->model);
		etcd_free(world->etcd);
		http_free(world->http);
		loop_free(world->loop);
		cluster_free(world->cluster);
		free(world->folder);
		free(world->file);
		strbuf_release(&world->plan);
		strbuf_release(&world->said);
	}
	free(world);
	return 0;
}

static void run(struct world *world, bool answer, const char *text)
{
	struct command_line *line;
	struct err err = { 0 };

	world->answer = answer;
	world->ended = false;
	strbuf_reset(&world->plan);
	strbuf_reset(&world->said);
	line = command_parse(text, &err);
	if (!line || !command_start(line, &world->env, &front, world, &err))
		fail_msg("%s", err.msg);
	assert_true(run_until(world->loop, &world->ended));
}

static void apply(struct world *world, bool answer, const char *yaml)
{
	char *line = xasprintf("policy apply -f %s", world->file);
	struct err err;

	assert_true(file_replace(world->file, yaml, strlen(yaml), NULL, &err));
	run(world, answer, line);
	free(line);
}

static void assert_shown(const struct world *world, const char *text)
{
	if (!strstr(world->plan.buf, text))
		fail_msg("\"%s\" is not in:\n%s", text, world->plan.buf);
}

static void assert_stored(const char *want)
{
	int status;
	char *body = real_etcd_request(&server, "GET", PATH, NULL, &status);
	struct err err;
	struct json *doc = json_parse(body, strlen(body), &err);

	if (!want)
		assert_int_equal(status, 404);
	else
		assert_string_equal(json_str(doc, "node.value", ""), want);
	json_free(doc);
	free(body);
}

static void assert_done(const struct world *world)
{
	if (world->status != COMMAND_DONE)
		fail_msg("status %d: %s", world->status, world->message);
}

#define YAML(selector)                                                                             \
	"apiVersion: v1\nkind: policy\nmetadata: {name: p}\nspec:\n  selector: " selector          \
	"\n  ingress:\n  - action: allow\n"

static void a_policy_is_created_changed_deleted_and_each_is_taken_back(void **state)
{
	struct world *world = *state;

	if (!have_etcd)
		skip();
	apply(world, true, YAML("role == 'a'"));
	assert_done(world);
	assert_stored(VALUE);
	run(world, true, "undo");
	assert_done(world);
	assert_stored(NULL);

	apply(world, true, YAML("role == 'a'"));
	assert_true(run_until(world->loop, &world->has_policy));
	apply(world, true, YAML("role == 'b'"));
	assert_done(world);
	run(world, true, "undo");
	assert_done(world);
	assert_stored(VALUE);

	assert_true(run_until(world->loop, &world->has_policy));
	run(world, true, "policy delete p");
	assert_done(world);
	assert_stored(NULL);
	run(world, true, "undo");
	assert_done(world);
	assert_stored(VALUE);
}

static void the_question_says_whose_traffic_changes(void **state)
{
	struct world *world = *state;

	if (!have_etcd)
		skip();
	apply(world, false, YAML("role == 'a'"));
	assert_int_equal(world->status, COMMAND_UNCONFIRMED);
	assert_stored(NULL);
	assert_shown(world, "selects 1 endpoint, gains 1");
	assert_shown(world, "| + aaaaaaaaaaaa on N1\n");
	assert_shown(world, "ingress of 1 endpoint up to rules alone, no more to profiles");
	assert_shown(world, "| +  selector: role == 'a'");
	assert_shown(world, "create policy p, only if there is none of that name");
	assert_int_equal(world->confirm, PLAN_CONFIRM_TYPED);

	real_etcd_put(&server, KEY, VALUE);
	assert_true(run_until(world->loop, &world->has_policy));
	apply(world, false, YAML("role == 'b'"));
	assert_shown(world, "selects 1 endpoint, gains 1, loses 1");
	assert_shown(world, "| + bbbbbbbbbbbb on N1\n");
	assert_shown(world, "| - aaaaaaaaaaaa on N1\n");
	assert_shown(world, "ingress of 1 endpoint up to profiles");
	assert_shown(world, "| ! ingress by profiles: aaaaaaaaaaaa on N1\n");
	assert_shown(world, "| stored as {\"inbound_rules\":[{\"action\":\"allow\"}],");
	assert_shown(world, "| -  selector: role == 'a'\n");
	assert_shown(world, "| +  selector: role == 'b'\n");

	real_etcd_put(&server, "/calico/v1/policy/tier/default/policy/q",
		      "{\"selector\":\"role == 'b'\",\"types\":[\"ingress\"]}");
	run(world, false, "policy delete p");
	assert_shown(world, "selects 0 endpoints, loses 1");
	assert_shown(world, "| -  selector: role == 'a'");
}

static void who_is_admitted_by_nobody_afterwards_is_told(void **state)
{
	struct world *world = *state;

	if (!have_etcd)
		skip();
	real_etcd_put(&server, "/calico/v1/policy/tier/default/policy/p2", VALUE);
	real_etcd_put(&server, KEY, "{\"selector\":\"role in {'a','b'}\",\"types\":[\"ingress\"]}");
	world->want = "role in";
	assert_true(run_until(world->loop, &world->has_policy));
	run(world, false, "policy delete p");
	assert_shown(world, "loses 2");
	assert_shown(world, "ingress of 1 endpoint dropped: no policy, no profile");
	assert_shown(world, "| ! ingress dropped: bbbbbbbbbbbb on N1\n");
	assert_int_equal(world->confirm, PLAN_CONFIRM_TYPED);
}

static void what_changed_while_it_was_asked_is_left_alone(void **state)
{
	struct world *world = *state;

	if (!have_etcd)
		skip();
	world->before_answer = "{\"selector\":\"other == 'x'\"}";
	apply(world, true, YAML("role == 'a'"));
	assert_int_equal(world->status, COMMAND_PLAN_CHANGED);
	assert_stored(world->before_answer);
}

static void the_same_again_is_nothing_to_do(void **state)
{
	struct world *world = *state;

	if (!have_etcd)
		skip();
	real_etcd_put(&server, KEY,
		      "{ \"types\": [\"ingress\"], \"selector\": \"role == 'a'\","
		      "\"inbound_rules\": [ { \"action\": \"allow\" } ] }");
	assert_true(run_until(world->loop, &world->has_policy));
	apply(world, true, YAML("role == 'a'"));
	assert_done(world);
	assert_string_equal(world->said.buf, "[policy p is like this already][nothing to do]");
}

static void a_file_that_cannot_be_read_says_where(void **state)
{
	struct world *world = *state;

	if (!have_etcd)
		skip();
	apply(world, true, YAML("role = 'a'"));
	assert_int_equal(world->status, COMMAND_USAGE);
	assert_non_null(strstr(world->message, "p.yaml: line 5: the selector"));
	run(world, true, "policy apply -f /nowhere/at.all");
	assert_int_equal(world->status, COMMAND_USAGE);
	run(world, true, "policy apply");
	assert_non_null(strstr(world->message, "policy apply -f FILE"));
	run(world, true, "policy delete nobody");
	assert_non_null(strstr(world->message, "there is no policy \"nobody\""));
}

static void what_is_there_is_printed_in_the_form_of_its_own_tool(void **state)
{
	struct world *world = *state;
	struct err err;

	if (!have_etcd)
		skip();
	run(world, true, "calicoctl get WorkloadEndpoint -o wide --node N1");
	assert_done(world);
	assert_non_null(strstr(world->said.buf, "10.0.0.1/32          calia       net        \n"));
	run(world, true, "calicoctl get profile net -o yaml");
	assert_string_equal(world->said.buf, "- apiVersion: v1\n  kind: profile\n  metadata:\n"
					     "    name: net\n    tags:\n    - net\n  spec: {}\n");
	run(world, true, "calicoctl get nosuch");
	assert_int_equal(world->status, COMMAND_USAGE);
	assert_string_equal(world->message, "Resource type 'nosuch' is not supported");
	assert_null(command_parse("calicoctl get node -o csv", &err));
	assert_string_equal(err.msg, "--output is one of: ps wide yaml json custom-columns=");
	run(world, true, "calicoctl get wep -o custom-columns=NETWORKS,MAC,IPV6GATEWAY --node N1");
	assert_string_equal(world->said.buf, "NETWORKS      MAC     IPV6GATEWAY   \n"
					     "10.0.0.1/32   <nil>   <nil>         \n"
					     "10.0.0.2/32   <nil>   <nil>         \n\n");
	run(world, true, "calicoctl get wep -o custom-columns=NAME,FOO");
	assert_non_null(strstr(world->message, "Unknown heading FOO, valid values are: NODE"));
	run(world, true, "calicoctl get policy -o custom-columns=MAC");
	assert_int_equal(world->status, COMMAND_USAGE);
	assert_null(command_parse("list nodes -o wide", &err));
}

int main(void)
{
#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)
	const struct CMUnitTest tests[] = {
		TEST(a_policy_is_created_changed_deleted_and_each_is_taken_back),
		TEST(the_question_says_whose_traffic_changes),
		TEST(who_is_admitted_by_nobody_afterwards_is_told),
		TEST(what_changed_while_it_was_asked_is_left_alone),
		TEST(the_same_again_is_nothing_to_do),
		TEST(a_file_that_cannot_be_read_says_where),
		TEST(what_is_there_is_printed_in_the_form_of_its_own_tool),
	};
	int failed;

	have_etcd = real_etcd_start(&server, true);
	failed = cmocka_run_group_tests(tests, NULL, NULL);
	if (have_etcd)
		real_etcd_stop(&server);
	return failed;
}
