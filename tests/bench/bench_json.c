/* An answer of /v1/health/service to the value that a template ranges over. */
#include <string.h>

#include <cjson/cJSON.h>

#include "bench/bench.h"
#include "binnacle/base/json.h"
#include "binnacle/tmpl/data.h"

enum { ENTRIES = 3000 };

struct scene {
	struct strbuf body;
	const struct dep *dep;
};

static void add_entry(struct strbuf *out, int i)
{
	int node = i * 7919 % 100; /* not in the order in which they come out */

	strbuf_addf(out,
		    "%s{\"Node\":{\"ID\":\"%08x-0000-4000-8000-%012x\",\"Node\":\"dock-%d\","
		    "\"Address\":\"192.0.2.%d\",\"Datacenter\":\"dc1\",\"TaggedAddresses\":"
		    "{\"lan\":\"192.0.2.%d\",\"wan\":\"192.0.2.%d\"},\"Meta\":"
		    "{\"consul-network-segment\":\"\"},\"CreateIndex\":%d,\"ModifyIndex\":%d},",
		    i ? "," : "", (unsigned)node, (unsigned)node, node, node, node, node, i, i);
	strbuf_addf(out,
		    "\"Service\":{\"ID\":\"dock-%d:web-%d:80\",\"Service\":\"web\",\"Tags\":"
		    "[\"calico\",\"http\",\"v%d\"],\"Address\":\"10.0.%d.%d\",\"Meta\":"
		    "{\"region\":\"eu\"},\"Port\":%d,\"Weights\":{\"Passing\":1,\"Warning\":1},"
		    "\"EnableTagOverride\":false,\"CreateIndex\":%d,\"ModifyIndex\":%d},",
		    node, i, i % 9, i / 250, i % 250, 20000 + i, i, i);
	strbuf_addf(out,
		    "\"Checks\":[{\"Node\":\"dock-%d\",\"CheckID\":\"serfHealth\",\"Name\":"
		    "\"Serf Health Status\",\"Status\":\"passing\",\"Notes\":\"\",\"Output\":"
		    "\"Agent alive and reachable\",\"ServiceID\":\"\",\"ServiceName\":\"\","
		    "\"ServiceTags\":[],\"CreateIndex\":7,\"ModifyIndex\":7},"
		    "{\"Node\":\"dock-%d\",\"CheckID\":\"service:dock-%d:web-%d:80\",\"Name\":"
		    "\"Service 'web' check\",\"Status\":\"passing\",\"Notes\":\"\",\"Output\":"
		    "\"HTTP GET http://10.0.0.1/health: 200 OK Output: \\\"fine\\\"\\n\","
		    "\"ServiceID\":\"dock-%d:web-%d:80\",\"ServiceName\":\"web\","
		    "\"ServiceTags\":[\"calico\"],\"CreateIndex\":%d,\"ModifyIndex\":%d}]}",
		    node, node, node, i, node, i, i, i);
}

static void parse_and_decode(void *arg)
{
	struct scene *scene = arg;
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };
	struct json *doc = json_parse(scene->body.buf, scene->body.len, &err);
	const struct tmpl_value *value = tmpl_value_from_json(&arena, scene->dep, doc, &err);

	bench_require(value != NULL, err.msg);
	bench_sink = arena.total;
	json_free(doc);
	arena_release(&arena);
}

static void parse_alone(void *arg)
{
	struct scene *scene = arg;
	cJSON *doc = cJSON_ParseWithLength(scene->body.buf, scene->body.len);

	bench_require(cJSON_GetArraySize(doc) == ENTRIES, "the document is malformed");
	cJSON_Delete(doc);
}

int main(int argc, char **argv)
{
	struct scene scene = { .body = STRBUF_INIT };
	struct arena arena = ARENA_INIT;
	struct err err = { 0 };

	strbuf_addch(&scene.body, '[');
	for (int i = 0; i < ENTRIES; i++)
		add_entry(&scene.body, i);
	strbuf_addch(&scene.body, ']');
	scene.dep = dep_parse_service(&arena, DEP_SERVICE, "web", &err);
	bench_begin(argc, argv);
	bench_run(&(struct bench){ .what = "json: parse and decode 3000 entries",
				   .run = parse_and_decode,
				   .baseline = "cJSON_ParseWithLength alone",
				   .run_baseline = parse_alone,
				   .arg = &scene,
				   .bytes = scene.body.len,
				   .memory = true });
	strbuf_release(&scene.body);
	arena_release(&arena);
	return 0;
}
