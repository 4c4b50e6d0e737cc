/* A cluster of two nodes whose agent is played by a script, and what the model shows of it. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <stdlib.h>
#include <string.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/log.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/consul/consul.h"
#include "binnacle/feed/consul_feed.h"
#include "binnacle/feed/docker_feed.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/net/http.h"
#include "support/peer.h"
#include "support/scripted_docker.h"

#define NODES                                                                                      \
	"[{\"Node\":\"n1\",\"Address\":\"10.0.0.1\"},{\"Node\":\"n2\",\"Address\":\"10.0.0.2\"}]"
#define MEMBER(name, address, role, status)                                                        \
	"{\"Name\":\"" name "\",\"Addr\":\"" address "\",\"Status\":" status                       \
	",\"Tags\":{\"role\":\"" role "\",\"dc\":\"dc1\",\"build\":\"1.9.0:abc\"}}"
#define MEMBERS                                                                                    \
	"[" MEMBER("n1", "10.0.0.1", "consul", "1") "," MEMBER(                                    \
		"n2", "10.0.0.2", "consul", "1") "," MEMBER("n3", "10.0.0.3", "node", "4") "]"
#define SELF "{\"Config\":{\"Datacenter\":\"dc1\",\"NodeName\":\"n1\"}}"
/* A service of a node's list; address "" is the node's own. */
#define SERVICE(id, name, address, port, tags)                                                     \
	"\"" id "\":{\"ID\":\"" id "\",\"Service\":\"" name "\",\"Address\":\"" address            \
	"\",\"Port\":" port ",\"Tags\":" tags "}"
#define NO_SERVICES "{\"Node\":{},\"Services\":{}}"
#define CHECK(node, service, id, status, output)                                                   \
	"{\"Node\":\"" node "\",\"ServiceID\":\"" service "\",\"CheckID\":\"" id                   \
	"\",\"Status\":\"" status "\",\"Output\":\"" output "\"}"

struct scene {
	struct loop *loop;
	struct http *http;
	struct peer *peer;
	struct consul *consul;
	struct model *model;
	struct scripted_docker *daemon;
	struct docker_feed *docker_feed;
	struct consul_feed *feed;
	bool (*check)(const struct scene *scene);
	const char *want;
	struct arena arena; /* of the documents below */
};

static const char *join(struct scene *scene, const char *before, const char *const *items,
			const char *after)
{
	struct strbuf text = STRBUF_INIT;
	const char *copy;

	strbuf_addstr(&text, before);
	for (size_t i = 0; items[i]; i++)
		strbuf_addf(&text, "%s%s", i ? "," : "", items[i]);
	strbuf_addstr(&text, after);
	copy = arena_strdup(&scene->arena, text.buf);
	strbuf_release(&text);
	return copy;
}

#define LIST(...) ((const char *const[]){ __VA_ARGS__, NULL })
/* The services of a node; a list of checks. */
#define HAS(scene, ...)    join(scene, "{\"Node\":{},\"Services\":{", LIST(__VA_ARGS__), "}}")
#define CHECKS(scene, ...) join(scene, "[", LIST(__VA_ARGS__), "]")

static int set_up(void **state)
{
	struct scene *scene = calloc(1, sizeof(*scene));
	struct consul_config config = { 0 };
	struct err err;

	scene->loop = loop_new();
	scene->http = http_new(scene->loop);
	scene->peer = peer_new(scene->loop);
	peer_hold(scene->peer);
	config.address = peer_address(scene->peer);
	scene->consul = consul_new(scene->loop, scene->http, &config, &err);
	assert_non_null(scene->consul);
	scene->model = model_new();
	scene->daemon = scripted_docker_new(scene->loop, scene->http, "n1");
	scene->docker_feed = docker_feed_new(scene->loop, scene->model);
	*state = scene;
	return 0;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	clock_real();
	consul_feed_free(scene->feed);
	docker_feed_free(scene->docker_feed);
	scripted_docker_free(scene->daemon);
	consul_free(scene->consul);
	http_free(scene->http);
	peer_free(scene->peer);
	model_free(scene->model);
	loop_free(scene->loop);
	arena_release(&scene->arena);
	free(scene);
	log_release();
	return 0;
}

static bool run_check(void *arg)
{
	struct scene *scene = arg;

	return scene->check(scene);
}

#define UNTIL(scene, condition)                                                                    \
	do {                                                                                       \
		(scene)->check = (condition);                                                      \
		if (!run_until_true((scene)->loop, run_check, (scene)))                            \
			fail_msg("never: %s %s", #condition, (scene)->want ? (scene)->want : "");  \
	} while (0)

/* One answer to a query that blocks; the next one waits until there is news. */
static void tell(struct scene *scene, const char *path, unsigned index, const char *body)
{
	char *request = xasprintf("GET %s", path);
	char *headers = xasprintf("X-Consul-Index: %u\r\nX-Consul-KnownLeader: true\r\n"
				  "X-Consul-LastContact: 0\r\n",
				  index);

	peer_script(scene->peer,
		    &(struct peer_reply){
			    .request = request, .headers = headers, .body = body, .times = 1 });
	free(request);
	free(headers);
}

/* What a node has from now on. */
static void node_has(struct scene *scene, const char *node, const char *body)
{
	char *request = xasprintf("GET /v1/catalog/node/%s", node);

	peer_answer(scene->peer, request, 200, "X-Consul-KnownLeader: true\r\n", body);
	free(request);
}

static void agent_answers(struct scene *scene)
{
	peer_answer(scene->peer, "GET /v1/agent/self", 200, NULL, SELF);
	peer_answer(scene->peer, "GET /v1/agent/members", 200, NULL, MEMBERS);
	peer_answer(scene->peer, "GET /v1/status/leader", 200, NULL, "\"10.0.0.2:8300\"");
}

static void script(struct scene *scene, const char *on_n1, const char *on_n2, const char *checks)
{
	agent_answers(scene);
	tell(scene, "/v1/catalog/nodes", 10, NODES);
	tell(scene, "/v1/catalog/services", 10, "{\"web\":[]}");
	tell(scene, "/v1/health/state/any", 10, checks);
	node_has(scene, "n1", on_n1);
	node_has(scene, "n2", on_n2);
}

static void start(struct scene *scene)
{
	scene->feed = consul_feed_new(scene->loop, scene->model, scene->consul, scene->docker_feed);
}

static const struct instance *instance(const struct scene *scene, const char *id)
{
	return snapshot_find(model_current(scene->model, MODEL_INSTANCES), id);
}

static const struct service *service(const struct scene *scene, const char *name)
{
	return snapshot_find(model_current(scene->model, MODEL_SERVICES), name);
}

static const struct member *member(const struct scene *scene, const char *name)
{
	return snapshot_find(model_current(scene->model, MODEL_MEMBERS), name);
}

static const struct source_status *source(const struct scene *scene)
{
	return model_source(scene->model, SOURCE_CONSUL);
}

static bool has_services(const struct scene *scene)
{
	return model_has(scene->model, MODEL_SERVICES);
}

static bool has_members(const struct scene *scene)
{
	return model_has(scene->model, MODEL_MEMBERS);
}

static bool has_instance(const struct scene *scene)
{
	return instance(scene, scene->want) != NULL;
}

static bool is_down(const struct scene *scene)
{
	return source(scene)->health == SOURCE_DOWN;
}

static bool is_ok(const struct scene *scene)
{
	return source(scene)->health == SOURCE_OK;
}

static bool has_text(struct text_list list, const char *text)
{
	for (size_t i = 0; i < list.count; i++)
		if (strcmp(list.items[i], text) == 0)
			return true;
	return false;
}

static void members_have_their_leader_and_counts_the_first_time(void **state)
{
	struct scene *scene = *state;
	const struct member *row;

	/* Everything but the leader and the checks is there already. */
	peer_answer(scene->peer, "GET /v1/agent/members", 200, NULL, MEMBERS);
	peer_answer(scene->peer, "GET /v1/agent/self", 200, NULL, SELF);
	node_has(scene, "n1",
		 HAS(scene, SERVICE("a", "web", "", "80", "[]"),
		     SERVICE("b", "web", "", "81", "[]")));
	node_has(scene, "n2", NO_SERVICES);
	tell(scene, "/v1/catalog/nodes", 10, NODES);
	tell(scene, "/v1/catalog/services", 10, "{\"web\":[]}");
	start(scene);
	run_for(scene->loop, 150);
	assert_false(has_members(scene));
	assert_false(has_services(scene));
	tell(scene, "/v1/health/state/any", 10,
	     CHECKS(scene, CHECK("n1", "a", "c1", "warning", ""),
		    CHECK("n1", "b", "c2", "critical", "")));
	peer_answer(scene->peer, "GET /v1/status/leader", 200, NULL, "\"10.0.0.2:8300\"");
	UNTIL(scene, has_members);
	assert_int_equal(model_current(scene->model, MODEL_MEMBERS)->count, 3);
	row = member(scene, "n1");
	assert_false(row->is_leader);
	assert_string_equal(row->role, "server");
	assert_string_equal(row->address, "10.0.0.1");
	assert_string_equal(row->build, "1.9.0");
	assert_string_equal(row->dc, "dc1");
	assert_string_equal(row->status, "alive");
	assert_int_equal(row->services, 2);
	assert_int_equal(row->warning, 1);
	assert_int_equal(row->critical, 1);
	assert_true(member(scene, "n2")->is_leader);
	row = member(scene, "n3");
	assert_string_equal(row->role, "client");
	assert_string_equal(row->status, "FAIL");
	assert_int_equal(row->state, STATE_CRIT);
	assert_int_equal(row->services, -1);
	assert_string_equal(model_facts(scene->model)->leader, "n2");
	assert_string_equal(model_facts(scene->model)->datacenter, "dc1");
	assert_string_equal(model_facts(scene->model)->node, "n1");
}

static bool n1_leads(const struct scene *scene)
{
	return member(scene, "n1")->is_leader && !member(scene, "n2")->is_leader;
}

static void another_leader_is_shown_at_once(void **state)
{
	struct scene *scene = *state;

	script(scene, NO_SERVICES, NO_SERVICES, "[]");
	start(scene);
	UNTIL(scene, has_members);
	/* The members wait, the leader is another one. */
	peer_forget(scene->peer);
	peer_answer(scene->peer, "GET /v1/status/leader", 200, NULL, "\"10.0.0.1:8300\"");
	consul_feed_refresh(scene->feed);
	UNTIL(scene, n1_leads);
	assert_string_equal(model_facts(scene->model)->leader, "n1");
}

static void a_service_counts_its_instances_and_shows_the_worst(void **state)
{
	struct scene *scene = *state;
	const struct service *row;

	script(scene,
	       HAS(scene, SERVICE("a", "web", "", "80", "[\"one\",\"two\"]"),
		   SERVICE("b", "web", "10.1.1.1", "81", "[\"two\"]")),
	       HAS(scene, SERVICE("n2:app:80", "web", "", "80", "[\"three\"]"),
		   SERVICE("d", "db", "", "5432", "[]"), SERVICE("e", "cache", "", "1", "[]")),
	       CHECKS(scene, CHECK("n1", "a", "c1", "passing", "fine"),
		      CHECK("n1", "b", "c2", "passing", "fine"),
		      CHECK("n1", "b", "c3", "warning", "slow"),
		      CHECK("n2", "n2:app:80", "c4", "critical", "broken"),
		      CHECK("n2", "d", "_service_maintenance:d", "critical", "moving")));
	start(scene);
	UNTIL(scene, has_services);
	row = service(scene, "web");
	assert_int_equal(row->passing, 1);
	assert_int_equal(row->warning, 1);
	assert_int_equal(row->critical, 1);
	assert_string_equal(row->status, "CRIT");
	assert_int_equal(row->state, STATE_CRIT);
	assert_string_equal(row->output, "broken");
	assert_int_equal(row->nodes.count, 2);
	assert_int_equal(row->tags.count, 3);
	assert_true(has_text(row->tags, "one") && has_text(row->tags, "two") &&
		    has_text(row->tags, "three"));
	assert_string_equal(row->source, "both");
	row = service(scene, "db");
	assert_string_equal(row->status, "maint");
	assert_int_equal(row->state, STATE_MAINT);
	assert_string_equal(row->output, "moving");
	assert_string_equal(row->source, "man");
	assert_string_equal(service(scene, "cache")->status, "none");
	assert_string_equal(instance(scene, "n1/b")->output, "slow");
	assert_string_equal(instance(scene, "n1/b")->address, "10.1.1.1");
	assert_string_equal(instance(scene, "n1/a")->address, "10.0.0.1");
	assert_int_equal(instance(scene, "n1/a")->port, 80);
	assert_string_equal(instance(scene, "n2/n2:app:80")->container, "app");
}

static bool knows_own_agent(const struct scene *scene)
{
	return instance(scene, "n1/a") && instance(scene, "n1/a")->own_agent;
}

static void the_instances_of_the_own_agent_are_told_from_others(void **state)
{
	struct scene *scene = *state;

	script(scene, HAS(scene, SERVICE("a", "web", "", "80", "[]")),
	       HAS(scene, SERVICE("b", "web", "", "80", "[]")), "[]");
	start(scene);
	UNTIL(scene, knows_own_agent);
	assert_false(instance(scene, "n2/b")->own_agent);
}

static void an_instance_on_a_critical_node_is_critical(void **state)
{
	struct scene *scene = *state;

	script(scene, HAS(scene, SERVICE("a", "web", "", "80", "[]")),
	       HAS(scene, SERVICE("b", "web", "", "80", "[]"), SERVICE("c", "bare", "", "1", "[]")),
	       CHECKS(scene, CHECK("n1", "", "serfHealth", "passing", "alive"),
		      CHECK("n1", "a", "c1", "passing", "fine"),
		      CHECK("n2", "", "serfHealth", "critical", "not live"),
		      CHECK("n2", "b", "c2", "passing", "fine")));
	start(scene);
	UNTIL(scene, has_services);
	assert_string_equal(instance(scene, "n1/a")->status, "pass");
	assert_string_equal(instance(scene, "n2/b")->status, "CRIT");
	assert_string_equal(instance(scene, "n2/b")->output, "not live");
	assert_string_equal(instance(scene, "n2/c")->status, "CRIT");
	assert_int_equal(service(scene, "web")->critical, 1);
	assert_int_equal(service(scene, "web")->passing, 1);
}

static void a_service_tells_which_templates_read_it(void **state)
{
	struct scene *scene = *state;
	struct snapshot *renders = snapshot_new(MODEL_RENDERS);
	struct render *render;

	script(scene, HAS(scene, SERVICE("a", "web", "", "80", "[]")),
	       HAS(scene, SERVICE("b", "db", "", "80", "[]")), "[]");
	start(scene);
	UNTIL(scene, has_services);
	assert_int_equal(service(scene, "web")->used_by.count, 0);
	render = snapshot_add(renders);
	render->id = "sites.conf";
	render->services =
		snapshot_list(renders, (const char *const[]){ "web", "no-such-service" }, 2);
	model_publish(scene->model, renders);
	assert_int_equal(service(scene, "web")->used_by.count, 1);
	assert_string_equal(service(scene, "web")->used_by.items[0], "sites.conf");
	assert_int_equal(service(scene, "db")->used_by.count, 0);
	assert_null(service(scene, "no-such-service"));
}

#define REGISTRATORS                                                                               \
	HAS(scene, SERVICE("n1:web:80", "web", "", "80", "[]"),                                    \
	    SERVICE("n1:gone:80", "web", "", "81", "[]"),                                          \
	    SERVICE("n1:old:53:udp", "web", "", "53", "[]"),                                       \
	    SERVICE("n9:x:80", "web", "", "82", "[]"), SERVICE("by-hand", "web", "", "83", "[]"),  \
	    SERVICE("n1:gone:x", "web", "", "84", "[]"))

static bool docker_is_asked(const struct scene *scene)
{
	return docker_feed_view(scene->docker_feed, "n1") != NULL;
}

static void an_instance_without_its_container_is_dangling(void **state)
{
	struct scene *scene = *state;

	script(scene, REGISTRATORS, NO_SERVICES, "[]");
	scripted_docker_say(scene->daemon,
			    (struct scripted_container[]){ { .name = "web" },
							   { .name = "old", .status = "exited" } },
			    2);
	docker_feed_add(scene->docker_feed, "n1", scene->daemon->docker, true);
	UNTIL(scene, docker_is_asked);
	start(scene);
	UNTIL(scene, has_services);
	assert_true(instance(scene, "n1/n1:gone:80")->dangling);
	assert_string_equal(instance(scene, "n1/n1:gone:80")->why, "n1 has no container gone");
	assert_true(instance(scene, "n1/n1:old:53:udp")->dangling);
	assert_string_equal(instance(scene, "n1/n1:old:53:udp")->why, "container old is exited");
	/* A container that runs, a daemon that nobody knows, ids of another form. */
	assert_false(instance(scene, "n1/n1:web:80")->dangling);
	assert_false(instance(scene, "n1/n9:x:80")->dangling);
	assert_false(instance(scene, "n1/by-hand")->dangling);
	assert_false(instance(scene, "n1/n1:gone:x")->dangling);
	assert_int_equal(service(scene, "web")->dangling, 2);
}

static void nothing_is_dangling_while_the_daemon_answers_in_part(void **state)
{
	struct scene *scene = *state;

	script(scene, REGISTRATORS, NO_SERVICES, "[]");
	scripted_docker_refuse(scene->daemon);
	docker_feed_add(scene->docker_feed, "n1", scene->daemon->docker, true);
	UNTIL(scene, docker_is_asked);
	start(scene);
	UNTIL(scene, has_services);
	assert_false(docker_feed_view(scene->docker_feed, "n1")->complete);
	assert_int_equal(service(scene, "web")->dangling, 0);
}

static bool is_dangling(const struct scene *scene)
{
	return instance(scene, "n1/n1:gone:80")->dangling;
}

static void nothing_is_dangling_before_the_daemon_has_answered(void **state)
{
	struct scene *scene = *state;

	script(scene, REGISTRATORS, NO_SERVICES, "[]");
	docker_feed_add(scene->docker_feed, "n1", scene->daemon->docker, true);
	start(scene);
	UNTIL(scene, has_services);
	assert_int_equal(service(scene, "web")->dangling, 0);
	/* Its answer is enough to judge anew. */
	scripted_docker_say(scene->daemon, &(struct scripted_container){ .name = "web" }, 1);
	UNTIL(scene, is_dangling);
}

static void the_same_place_on_another_node_is_a_duplicate(void **state)
{
	struct scene *scene = *state;

	script(scene,
	       HAS(scene, SERVICE("a", "web", "10.9.9.9", "80", "[]"),
		   SERVICE("a2", "web", "10.9.9.9", "80", "[]"),
		   SERVICE("b", "web", "", "81", "[]")),
	       HAS(scene, SERVICE("a", "web", "10.9.9.9", "80", "[]"),
		   SERVICE("b", "web", "", "81", "[]"), SERVICE("c", "db", "10.9.9.9", "80", "[]"),
		   SERVICE("d", "web", "10.9.9.9", "82", "[]")),
	       "[]");
	start(scene);
	UNTIL(scene, has_services);
	assert_true(instance(scene, "n2/a")->duplicate);
	assert_string_equal(instance(scene, "n2/a")->why, "also registered on n1");
	/* That one was read first says nothing about which is left over. */
	assert_true(instance(scene, "n1/a")->duplicate);
	assert_string_equal(instance(scene, "n1/a")->why, "also registered on n2");
	assert_false(instance(scene, "n1/a")->is_surplus || instance(scene, "n2/a")->is_surplus);
	/* Twice on one node, another address, another service, another port. */
	assert_false(instance(scene, "n1/a2")->duplicate);
	assert_false(instance(scene, "n2/b")->duplicate);
	assert_false(instance(scene, "n2/c")->duplicate);
	assert_false(instance(scene, "n2/d")->duplicate);
	assert_int_equal(service(scene, "web")->duplicates, 1);
}

static void of_two_at_one_place_the_one_on_a_failing_node_is_left_over(void **state)
{
	struct scene *scene = *state;

	script(scene, HAS(scene, SERVICE("a", "web", "10.9.9.9", "80", "[]")),
	       HAS(scene, SERVICE("a", "web", "10.9.9.9", "80", "[]")),
	       "[{\"Node\":\"n1\",\"CheckID\":\"serfHealth\",\"Status\":\"critical\","
	       "\"ServiceID\":\"\",\"Output\":\"Agent not live\"}]");
	start(scene);
	UNTIL(scene, has_services);
	assert_true(instance(scene, "n1/a")->duplicate);
	assert_true(instance(scene, "n2/a")->duplicate);
	assert_true(instance(scene, "n1/a")->is_surplus);
	assert_false(instance(scene, "n2/a")->is_surplus);
	assert_string_equal(instance(scene, "n1/a")->why,
			    "also registered on n2, and its node n1 is failing");
	assert_string_equal(instance(scene, "n2/a")->why,
			    "also registered on n1, where its node n1 is failing");
	assert_int_equal(service(scene, "web")->duplicates, 1);
}

static void an_instance_more_is_seen_though_the_list_of_services_is_the_same(void **state)
{
	struct scene *scene = *state;

	script(scene, HAS(scene, SERVICE("a", "web", "", "80", "[]")), NO_SERVICES, "[]");
	start(scene);
	UNTIL(scene, has_services);
	assert_null(instance(scene, "n2/b"));
	peer_forget(scene->peer);
	agent_answers(scene);
	node_has(scene, "n1", NO_SERVICES);
	node_has(scene, "n2", HAS(scene, SERVICE("b", "web", "", "80", "[]")));
	tell(scene, "/v1/catalog/services", 11, "{\"web\":[]}");
	scene->want = "n2/b";
	UNTIL(scene, has_instance);
	assert_null(instance(scene, "n1/a"));
}

static bool n2_is_gone(const struct scene *scene)
{
	return !instance(scene, "n2/b");
}

static void a_node_that_leaves_takes_its_instances_along(void **state)
{
	struct scene *scene = *state;

	script(scene, HAS(scene, SERVICE("a", "web", "", "80", "[]")),
	       HAS(scene, SERVICE("b", "web", "", "80", "[]")), "[]");
	start(scene);
	UNTIL(scene, has_services);
	assert_non_null(instance(scene, "n2/b"));
	tell(scene, "/v1/catalog/nodes", 11, "[{\"Node\":\"n1\",\"Address\":\"10.0.0.1\"}]");
	UNTIL(scene, n2_is_gone);
	assert_non_null(instance(scene, "n1/a"));
}

static void rows_stay_while_the_agent_is_down_and_are_fresh_when_it_answers(void **state)
{
	struct scene *scene = *state;

	script(scene, HAS(scene, SERVICE("a", "web", "", "80", "[]")), NO_SERVICES, "[]");
	start(scene);
	assert_int_equal(source(scene)->health, SOURCE_LOADING);
	UNTIL(scene, has_services);
	assert_int_equal(source(scene)->health, SOURCE_OK);
	peer_down(scene->peer);
	UNTIL(scene, is_down);
	assert_true(strlen(source(scene)->message) > 0);
	assert_non_null(instance(scene, "n1/a"));
	peer_forget(scene->peer);
	script(scene, NO_SERVICES, HAS(scene, SERVICE("b", "web", "", "80", "[]")), "[]");
	peer_up(scene->peer);
	UNTIL(scene, is_ok);
	scene->want = "n2/b";
	UNTIL(scene, has_instance);
	assert_null(instance(scene, "n1/a"));
}

static void an_agent_that_never_answers_is_down_and_publishes_nothing(void **state)
{
	struct scene *scene = *state;

	peer_down(scene->peer);
	start(scene);
	UNTIL(scene, is_down);
	run_for(scene->loop, 30);
	assert_false(has_services(scene));
	assert_false(has_members(scene));
}

static bool both_nodes_were_asked(const struct scene *scene)
{
	return peer_asked(scene->peer, "GET /v1/catalog/node/n1") > 0 &&
	       peer_asked(scene->peer, "GET /v1/catalog/node/n2") > 0 &&
	       source(scene)->health == SOURCE_DOWN;
}

/* Time flies: 400 ms each turn. */
static bool has_services_later(const struct scene *scene)
{
	clock_fake_advance(400);
	return has_services(scene);
}

static void a_node_that_could_not_be_read_is_read_again_before_anything_is_shown(void **state)
{
	struct scene *scene = *state;

	peer_script(scene->peer, &(struct peer_reply){ .request = "GET /v1/catalog/node/n2",
						       .status = 500,
						       .body = "rpc error",
						       .times = 1 });
	script(scene, HAS(scene, SERVICE("a", "web", "", "80", "[]")),
	       HAS(scene, SERVICE("b", "web", "", "80", "[]")), "[]");
	start(scene);
	UNTIL(scene, both_nodes_were_asked);
	assert_false(has_services(scene));
	/* By itself, with the next look at the members. */
	clock_fake(clock_mono_ms(), clock_wall_ms());
	UNTIL(scene, has_services_later);
	assert_non_null(instance(scene, "n1/a"));
	assert_non_null(instance(scene, "n2/b"));
	UNTIL(scene, is_ok);
}

static bool is_denied(const struct scene *scene)
{
	return source(scene)->health == SOURCE_DENIED;
}

static bool services_are_asked_again(const struct scene *scene)
{
	return peer_asked(scene->peer, "GET /v1/catalog/services") >= 2;
}

static void one_answer_does_not_hide_that_another_is_denied(void **state)
{
	struct scene *scene = *state;

	agent_answers(scene);
	tell(scene, "/v1/catalog/nodes", 10, NODES);
	peer_answer(scene->peer, "GET /v1/health/state/any", 403, NULL, "Permission denied");
	start(scene);
	UNTIL(scene, is_denied);
	tell(scene, "/v1/catalog/services", 10, "{}");
	UNTIL(scene, services_are_asked_again);
	assert_int_equal(source(scene)->health, SOURCE_DENIED);
}

#define TEST(name) cmocka_unit_test_setup_teardown(name, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		TEST(members_have_their_leader_and_counts_the_first_time),
		TEST(another_leader_is_shown_at_once),
		TEST(a_service_counts_its_instances_and_shows_the_worst),
		TEST(the_instances_of_the_own_agent_are_told_from_others),
		TEST(an_instance_on_a_critical_node_is_critical),
		TEST(a_service_tells_which_templates_read_it),
		TEST(an_instance_without_its_container_is_dangling),
		TEST(nothing_is_dangling_while_the_daemon_answers_in_part),
		TEST(nothing_is_dangling_before_the_daemon_has_answered),
		TEST(the_same_place_on_another_node_is_a_duplicate),
		TEST(of_two_at_one_place_the_one_on_a_failing_node_is_left_over),
		TEST(an_instance_more_is_seen_though_the_list_of_services_is_the_same),
		TEST(a_node_that_leaves_takes_its_instances_along),
		TEST(rows_stay_while_the_agent_is_down_and_are_fresh_when_it_answers),
		TEST(an_agent_that_never_answers_is_down_and_publishes_nothing),
		TEST(a_node_that_could_not_be_read_is_read_again_before_anything_is_shown),
		TEST(one_answer_does_not_hide_that_another_is_denied),
	};

	return cmocka_run_group_tests(tests, NULL, NULL);
}
