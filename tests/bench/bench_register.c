/* What 1,000 containers ask to have registered, against parsing their documents. */
#include <string.h>

#include "bench/bench.h"
#include "binnacle/base/json.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/register/rules.h"

enum { CONTAINERS = 1000 };

struct scene {
	struct strbuf bodies[CONTAINERS];
	struct json *docs[CONTAINERS];
};

/* What the rules read, and about as much again that they do not. */
static void add_inspect(struct strbuf *out, int i)
{
	strbuf_addf(
		out,
		"{\"Id\":\"%064x\",\"Created\":\"2024-05-01T12:02:11.120437193Z\",\"Path\":"
		"\"httpd\",\"Args\":[\"-f\"],\"State\":{\"Status\":\"running\",\"Running\":true,"
		"\"Paused\":false,\"Restarting\":false,\"OOMKilled\":false,\"Dead\":false,"
		"\"Pid\":%d,\"ExitCode\":0,\"Error\":\"\"},\"Name\":\"/web-%d\","
		"\"RestartCount\":0,\"Driver\":\"overlay2\",\"Platform\":\"linux\",",
		(unsigned)i, 4000 + i, i);
	strbuf_addf(
		out,
		"\"HostConfig\":{\"NetworkMode\":\"default\",\"PortBindings\":{\"80/tcp\":"
		"[{\"HostIp\":\"\",\"HostPort\":\"%d\"}]},\"RestartPolicy\":{\"Name\":"
		"\"always\",\"MaximumRetryCount\":0},\"CapAdd\":null,\"CapDrop\":null,\"Dns\":[],"
		"\"DnsOptions\":[],\"DnsSearch\":[],\"ExtraHosts\":null,\"IpcMode\":\"private\","
		"\"Memory\":268435456,\"CpuShares\":0,\"Ulimits\":null,\"LogConfig\":{\"Type\":"
		"\"json-file\",\"Config\":{\"max-size\":\"10m\"}}},\"Mounts\":[],",
		20000 + i);
	strbuf_addf(out,
		    "\"Config\":{\"Hostname\":\"%012x\",\"ExposedPorts\":{\"80/tcp\":{},"
		    "\"443/tcp\":{}},\"Env\":[\"PATH=/usr/sbin:/usr/bin:/sbin:/bin\",\"LANG=C\","
		    "\"APP_MODE=production\",\"SERVICE_80_NAME=web-%d\",\"SERVICE_80_TAGS="
		    "calico,http,v%d\",\"SERVICE_80_CHECK_HTTP=/health\",\"SERVICE_REGION=eu\"],"
		    "\"Image\":\"registry.example:5000/team/web:3\",\"Labels\":{\"owner\":\"team\","
		    "\"SERVICE_443_IGNORE\":\"yes\"}},",
		    (unsigned)i, i, i % 9);
	strbuf_addf(
		out,
		"\"NetworkSettings\":{\"Ports\":{\"443/tcp\":null,\"80/tcp\":[{\"HostIp\":"
		"\"0.0.0.0\",\"HostPort\":\"%d\"}]},\"IPAddress\":\"172.17.%d.%d\",\"Networks\":"
		"{\"bridge\":{\"NetworkID\":\"5b9f3c1d\",\"Gateway\":\"172.17.0.1\","
		"\"IPAddress\":\"172.17.%d.%d\",\"MacAddress\":\"02:42:ac:11:00:02\"}}}}",
		20000 + i, i / 250, i % 250, i / 250, i % 250);
}

static struct json *parse(const struct strbuf *body)
{
	struct err err = { 0 };
	struct json *doc = json_parse(body->buf, body->len, &err);

	bench_require(doc != NULL, err.msg);
	return doc;
}

static void parse_all(void *arg)
{
	struct scene *scene = arg;

	for (int i = 0; i < CONTAINERS; i++)
		json_free(parse(&scene->bodies[i]));
}

static void apply_rules(void *arg)
{
	static const struct register_options options = { .hostname = "dock-1",
							 .host_ip = "192.0.2.1" };
	struct scene *scene = arg;

	for (int i = 0; i < CONTAINERS; i++) {
		struct register_wanted wanted = { 0 };

		register_rules(&options, scene->docs[i], NULL, &wanted);
		bench_require(wanted.service_count == 1, "a container is not registered once");
		register_wanted_release(&wanted);
	}
}

int main(int argc, char **argv)
{
	static struct scene scene;
	size_t bytes = 0;

	for (int i = 0; i < CONTAINERS; i++) {
		strbuf_init(&scene.bodies[i]);
		add_inspect(&scene.bodies[i], i);
		scene.docs[i] = parse(&scene.bodies[i]);
		bytes += scene.bodies[i].len;
	}
	bench_begin(argc, argv);
	bench_run(&(struct bench){ .what = "register: rules for 1000 containers",
				   .run = apply_rules,
				   .baseline = "json_parse of their documents",
				   .run_baseline = parse_all,
				   .arg = &scene,
				   .bytes = bytes });
	for (int i = 0; i < CONTAINERS; i++) {
		json_free(scene.docs[i]);
		strbuf_release(&scene.bodies[i]);
	}
	return 0;
}
