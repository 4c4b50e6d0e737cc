/* Many services over few connections, on a real Consul: whatever is registered, changed and taken
 * away, the text becomes what a template makes of answers that are read afresh. */
#include <setjmp.h>
#include <stdarg.h>
#include <stddef.h>
#include <stdint.h>
#include <dirent.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include <cmocka.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/strmap.h"
#include "binnacle/consul/consul.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/render/runner.h"
#include "binnacle/tmpl/data.h"
#include "binnacle/tmpl/tmpl.h"
#include "support/peer.h"
#include "support/real_consul.h"

#define ROUNDS 12 /* TEST_ROUNDS=200 for a long look */

/* All that a template can see of an instance. */
static const char everything[] =
	"{{range services}}{{.Name}} {{.Tags}}\n"
	"{{range service (print .Name \"|any\")}} {{.Node}} {{.NodeID}} {{.NodeAddress}}"
	" {{.NodeTaggedAddresses}} {{.NodeMeta}} {{.ServiceMeta}} {{.Address}} {{.ID}} {{.Name}}"
	" {{.Tags}} {{.Status}} {{.Port}} {{.Weights}}{{range .Checks}} [{{.Node}} {{.CheckID}}"
	" {{.Name}} {{.Status}} {{.Notes}} {{.Output}} {{.ServiceID}} {{.ServiceName}}"
	" {{.ServiceTags}}]{{end}}\n{{end}}"
	"{{range service .Name}} passing {{.ID}}\n{{end}}"
	"{{range service (print \"Blue.\" .Name \"|any\")}} blue {{.ID}}\n{{end}}{{end}}"
	"{{with node \"m1\"}}{{.Node.Address}}{{range .Services}} {{.Service}}{{end}}{{end}}\n";

static const char *template_text;

struct scene {
	char folder[32];
	struct loop *loop;
	struct http *http, *own_http;
	struct consul *consul; /* of the runner */
	struct consul *own;    /* of the test */
	struct real_consul agent;
	struct render_runner *runner;
	unsigned seed;
	/* one answer */
	bool done;
	struct json *doc;
	/* answers read afresh */
	struct strmap fresh;
	struct arena arena;
};

static unsigned some(struct scene *scene, unsigned below)
{
	scene->seed = scene->seed * 1103515245u + 12345u;
	return (scene->seed >> 16) % below;
}

static void on_answer(void *arg, const struct json *doc, const struct consul_meta *meta,
		      const struct err *err)
{
	struct scene *scene = arg;

	(void)meta;
	(void)err;
	scene->doc = doc ? json_copy(doc) : NULL;
	scene->done = true;
}

static struct json *ask(struct scene *scene, const char *method, const char *path, const char *body)
{
	scene->done = false;
	consul_send(scene->own, method, path, body, on_answer, scene);
	assert_true(run_until(scene->loop, &scene->done));
	return scene->doc;
}

static void put(struct scene *scene, const char *path, const char *body)
{
	json_free(ask(scene, "PUT", path, body));
}

static int set_up(void **state)
{
	struct scene *scene = xcalloc(1, sizeof(*scene));
	struct err err;

	strcpy(scene->folder, "/tmp/test_catalog.XXXXXX");
	assert_non_null(mkdtemp(scene->folder));
	scene->seed = 7;
	template_text = everything;
	scene->loop = loop_new();
	scene->http = http_new(scene->loop);
	scene->own_http = http_new(scene->loop);
	*state = scene;
	if (!real_consul_exists())
		return 0;
	real_consul_start(&scene->agent);
	scene->consul =
		consul_new(scene->loop, scene->http,
			   &(struct consul_config){ .address = scene->agent.address }, &err);
	scene->own = consul_new(scene->loop, scene->own_http,
				&(struct consul_config){ .address = scene->agent.address }, &err);
	assert_true(scene->consul && scene->own);
	for (int i = 0; i < 1000; i++) {
		struct json *doc = ask(scene, "GET", "/v1/catalog/services", NULL);
		bool leads = json_count(doc) > 0;

		json_free(doc);
		if (leads)
			return 0;
		run_for(scene->loop, 20);
	}
	return -1;
}

static int tear_down(void **state)
{
	struct scene *scene = *state;

	render_runner_free(scene->runner);
	if (scene->consul) {
		consul_free(scene->consul);
		consul_free(scene->own);
		real_consul_stop(&scene->agent);
	}
	http_free(scene->http);
	http_free(scene->own_http);
	loop_free(scene->loop);
	strmap_release(&scene->fresh);
	arena_release(&scene->arena);
	rmdir(scene->folder);
	free(scene);
	return 0;
}

static void start(struct scene *scene)
{
	struct render_options options = { .mode = RENDER_HOLD, .state_dir = scene->folder };
	struct render_template spec = { .contents = template_text };
	char *destination = xasprintf("%s/out", scene->folder);
	struct err err;

	spec.destination = destination;
	scene->runner = render_runner_new(scene->loop, scene->consul, &options, NULL, NULL);
	if (!render_runner_add(scene->runner, &spec, &err))
		fail_msg("%s", err.msg);
	render_runner_start(scene->runner);
	free(destination);
}

/* ---- what happens to the catalog ---- */

static const char *const statuses[] = { "passing", "passing", "warning", "critical" };

static void register_instance(struct scene *scene, unsigned node, unsigned service, unsigned copy)
{
	char *body = xasprintf(
		"{\"Node\":\"m%u\",\"Address\":\"10.0.0.%u\",\"SkipNodeUpdate\":true,\"Service\":"
		"{\"ID\":\"s%u-%u\",\"Service\":\"s%u\",\"Port\":%u,\"Tags\":[\"%s\",\"v%u\"],"
		"\"Meta\":{\"k\":\"%u\"},\"Address\":\"%s\"}}",
		node, node, service, copy, service, 8000 + some(scene, 9),
		some(scene, 2) ? "bLue" : "red", some(scene, 3), some(scene, 3),
		some(scene, 2) ? "10.233.0.9" : "");

	put(scene, "/v1/catalog/register", body);
	free(body);
}

static void set_check(struct scene *scene, unsigned node, unsigned service, unsigned copy)
{
	char *body = xasprintf(
		"{\"Node\":\"m%u\",\"SkipNodeUpdate\":true,\"Address\":\"10.0.0.%u\",\"Check\":{"
		"\"Node\":\"m%u\",\"CheckID\":\"c:s%u-%u\",\"Name\":\"check\",\"ServiceID\":\"s%u-%"
		"u\","
		"\"Status\":\"%s\",\"Output\":\"output %u\"}}",
		node, node, node, service, copy, service, copy, statuses[some(scene, 4)],
		some(scene, 3));

	put(scene, "/v1/catalog/register", body);
	free(body);
}

static void set_node(struct scene *scene, unsigned node)
{
	char *body = xasprintf(
		"{\"Node\":\"m%u\",\"Address\":\"10.0.%u.%u\",\"NodeMeta\":{\"rack\":"
		"\"%u\"},\"Check\":{\"Node\":\"m%u\",\"CheckID\":\"disk\",\"Name\":"
		"\"disk\",\"Status\":\"%s\"}}",
		node, some(scene, 2), node, some(scene, 3), node, statuses[some(scene, 4)]);

	put(scene, "/v1/catalog/register", body);
	free(body);
}

static void deregister(struct scene *scene, unsigned node, const char *more)
{
	char *body = xasprintf("{\"Node\":\"m%u\"%s}", node, more);

	put(scene, "/v1/catalog/deregister", body);
	free(body);
}

/* An instance stays on its node: its number says which. */
static void something_happens(struct scene *scene, unsigned nodes, unsigned services)
{
	unsigned service = some(scene, services), copy = some(scene, 3);
	unsigned node = (service + copy) % nodes;
	char *more;

	switch (some(scene, 10)) {
	case 0:
		set_node(scene, node);
		break;
	case 1:
		more = xasprintf(",\"ServiceID\":\"s%u-%u\"", service, copy);
		deregister(scene, node, more);
		free(more);
		break;
	case 2:
		more = xasprintf(",\"CheckID\":\"c:s%u-%u\"", service, copy);
		deregister(scene, node, more);
		free(more);
		break;
	case 3:
		if (some(scene, 4) == 0)
			deregister(scene, node, "");
		break;
	case 4:
	case 5:
	case 6:
		register_instance(scene, node, service, copy);
		set_check(scene, node, service, copy);
		break;
	default:
		register_instance(scene, node, service, copy);
	}
}

/* ---- the text of answers that are read afresh ---- */

static const struct tmpl_value *look_up(void *arg, const struct dep *dep)
{
	struct scene *scene = arg;

	return strmap_get(&scene->fresh, dep->text);
}

static void read_afresh(struct scene *scene, const struct dep *dep)
{
	const char *folder = dep->kind == DEP_SERVICES  ? "catalog/services"
			     : dep->kind == DEP_NODE    ? "catalog/node/"
			     : dep->kind == DEP_NODES   ? "catalog/nodes"
			     : dep->kind == DEP_SERVICE ? "health/service/"
							: "kv/";
	char *path = xasprintf("/v1/%s%s%s%s%s", folder, dep->name, *dep->tag ? "?tag=" : "",
			       dep->tag, dep->kind == DEP_TREE ? "?recurse=" : "");
	struct json *doc = ask(scene, "GET", path, NULL);
	struct err err;
	const struct tmpl_value *value = tmpl_value_from_json(&scene->arena, dep, doc, &err);

	assert_non_null(value);
	strmap_put(&scene->fresh, dep->text, (void *)(uintptr_t)value);
	json_free(doc);
	free(path);
}

static void fresh_text(struct scene *scene, struct strbuf *out)
{
	struct tmpl_source source = { .lookup = look_up, .arg = scene };
	struct err err;
	struct tmpl *tmpl = tmpl_parse("t", template_text, strlen(template_text), NULL, &err);
	struct tmpl_result result;
	bool complete = false;

	strmap_release(&scene->fresh);
	arena_reset(&scene->arena);
	while (!complete) {
		tmpl_execute(tmpl, &source, &result);
		if (result.failed)
			fail_msg("%s", result.error.message);
		complete = dep_set_count(&result.missing) == 0;
		for (size_t i = 0; i < dep_set_count(&result.missing); i++)
			read_afresh(scene, dep_set_at(&result.missing, i));
		if (complete)
			strbuf_add(out, result.output.buf, result.output.len);
		tmpl_result_release(&result);
	}
	tmpl_free(tmpl);
}

static void fail_at_first_difference(const char *have, const char *want)
{
	size_t same = 0;

	while (have[same] && have[same] == want[same])
		same++;
	while (same > 0 && want[same - 1] != '\n')
		same--;
	fail_msg("have: %.*s\nwant: %.*s", (int)strcspn(have + same, "\n"), have + same,
		 (int)strcspn(want + same, "\n"), want + same);
}

/* Consul itself changes its own node while it starts, so what is wanted is read more than once. */
static void assert_text_is_up_to_date(struct scene *scene)
{
	const struct strbuf *text = NULL;
	struct strbuf wanted = STRBUF_INIT;
	bool equal = false;

	for (int i = 0; i < 1000 && !equal; i++) {
		if (i % 100 == 0) {
			strbuf_reset(&wanted);
			fresh_text(scene, &wanted);
		}
		text = render_pending_text(scene->runner, 0);
		equal = text && strbuf_equal(text, &wanted);
		if (!equal)
			run_for(scene->loop, 20);
	}
	if (!equal)
		fail_at_first_difference(text ? text->buf : "", wanted.buf);
	strbuf_release(&wanted);
}

static size_t count_connections(const struct scene *scene)
{
	FILE *file = fopen("/proc/self/net/tcp", "r");
	char line[256];
	unsigned local, remote, state;
	size_t count = 0;

	assert_non_null(file);
	while (fgets(line, sizeof(line), file))
		if (sscanf(line, " %*u: %*x:%x %*x:%x %x", &local, &remote, &state) == 3 &&
		    remote == (unsigned)scene->agent.port && state == 1)
			count++;
	fclose(file);
	return count;
}

static void keep_up_with(struct scene *scene, unsigned nodes, unsigned services)
{
	const char *more = getenv("TEST_ROUNDS");
	int rounds = more ? atoi(more) : ROUNDS;
	struct consul_load load;
	size_t most = 0;

	for (unsigned i = 0; i < services; i++)
		register_instance(scene, i % nodes, i, 0);
	start(scene);
	for (int round = 0; round < rounds; round++) {
		for (unsigned left = 1 + some(scene, 6); left; left--) {
			something_happens(scene, nodes, services);
			if (some(scene, 3) == 0)
				run_for(scene->loop, (int)some(scene, 30));
			if (count_connections(scene) > most)
				most = count_connections(scene);
		}
		assert_text_is_up_to_date(scene);
	}
	/* Eight are the runner's, one is the test's own. */
	assert_in_range(most, 1, 9);
	/* At rest nothing is asked but the three queries that block. */
	for (int i = 0; i < 500; i++) {
		run_for(scene->loop, 20);
		consul_load(scene->consul, &load);
		if (load.calls == 0 && load.watches == 3)
			break;
	}
	assert_int_equal(load.calls, 0);
	assert_int_equal(load.watches, 3);
}

static void many_services_on_few_nodes_are_never_out_of_date(void **state)
{
	struct scene *scene = *state;

	if (!scene->consul)
		skip();
	keep_up_with(scene, 5, 25);
}

static void few_services_on_many_nodes_are_never_out_of_date(void **state)
{
	struct scene *scene = *state;

	if (!scene->consul)
		skip();
	keep_up_with(scene, 20, 6);
}

/* Keys, trees, keys that do not exist: twelve, which share one query. */
static void many_keys_are_never_out_of_date(void **state)
{
	struct scene *scene = *state;
	struct consul_load load;

	if (!scene->consul)
		skip();
	template_text = "{{range loop 9}}{{keyOrDefault (print \"app/k\" .) \"none\"}} {{end}}"
			"{{range tree \"app/tree\"}}{{.Key}}={{.Value}} {{end}}"
			"{{keyExists \"app/x\"}}{{with node \"m1\"}}{{with "
			".Node}}{{.Address}}{{end}}{{end}}"
			"{{range services}}{{.Name}}{{end}}{{range nodes}}{{.Node}}{{end}}";
	start(scene);
	for (int round = 0; round < 30; round++) {
		for (unsigned left = 1 + some(scene, 4); left; left--) {
			char *path = some(scene, 3)
					     ? xasprintf("/v1/kv/app/k%u", some(scene, 9))
					     : xasprintf("/v1/kv/app/tree/%u", some(scene, 4));
			char *value = xasprintf("%u", some(scene, 1000));
			bool gone = some(scene, 4) == 0;

			json_free(ask(scene, gone ? "DELETE" : "PUT", path, gone ? NULL : value));
			if (some(scene, 9) == 0)
				put(scene, "/v1/kv/app/x", "x");
			free(value);
			free(path);
		}
		assert_text_is_up_to_date(scene);
	}
	/* The keys, the node, the services and the nodes. */
	for (int i = 0; i < 500; i++) {
		run_for(scene->loop, 20);
		consul_load(scene->consul, &load);
		if (load.calls == 0 && load.watches == 4)
			break;
	}
	assert_int_equal(load.watches, 4);
	assert_int_equal(load.waiting_watches, 0);
}

static void an_outage_is_made_up_for(void **state)
{
	struct scene *scene = *state;

	if (!scene->consul)
		skip();
	for (unsigned i = 0; i < 20; i++)
		register_instance(scene, i % 3, i, 0);
	start(scene);
	assert_text_is_up_to_date(scene);
	/* Back with nothing of what it knew, and other things instead. */
	real_consul_stop(&scene->agent);
	run_for(scene->loop, 300);
	assert_non_null(render_pending_text(scene->runner, 0)); /* the last good state */
	assert_true(render_status(scene->runner, 0)->trouble[0]);
	real_consul_start(&scene->agent);
	for (int i = 0; i < 1000; i++) {
		struct json *doc = ask(scene, "GET", "/v1/catalog/services", NULL);
		bool leads = json_count(doc) > 0;

		json_free(doc);
		if (leads)
			break;
		run_for(scene->loop, 20);
	}
	for (unsigned i = 10; i < 25; i++)
		register_instance(scene, i % 4, i, 1);
	assert_text_is_up_to_date(scene);
	for (int i = 0; i < 500 && render_status(scene->runner, 0)->trouble[0]; i++)
		run_for(scene->loop, 20);
	assert_string_equal(render_status(scene->runner, 0)->trouble, "");
}

#define IN_SCENE(test) cmocka_unit_test_setup_teardown(test, set_up, tear_down)

int main(void)
{
	const struct CMUnitTest tests[] = {
		IN_SCENE(many_services_on_few_nodes_are_never_out_of_date),
		IN_SCENE(few_services_on_many_nodes_are_never_out_of_date),
		IN_SCENE(many_keys_are_never_out_of_date),
		IN_SCENE(an_outage_is_made_up_for),
	};

	return cmocka_run_group_tests_name("render catalog", tests, NULL, NULL);
}
