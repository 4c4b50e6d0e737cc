/* The users' template over many services, against a C loop that appends the same bytes. */
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/ioctl.h>
#include <sys/syscall.h>
#include <unistd.h>

#include <linux/perf_event.h>

#include "bench/bench.h"
#include "bench/template.h"
#include "binnacle/base/json.h"
#include "binnacle/base/list.h"
#include "binnacle/tmpl/data.h"
#include "binnacle/tmpl/tmpl.h"

enum { INSTANCES = 3 };

struct scene {
	size_t services;
	struct arena arena;
	struct strmap answers; /* canonical text of a dependency to its value */
	struct tmpl *tmpl;
	struct tmpl_source source;
	struct service {
		char name[40];
		struct {
			char address[20];
			unsigned short port;
		} instances[INSTANCES];
	} * all;
};

static void answer(struct scene *scene, const struct dep *dep, struct json *doc)
{
	struct err err = { 0 };

	bench_require(dep != NULL, "a query is malformed");
	strmap_put(&scene->answers, dep->text,
		   (void *)tmpl_value_from_json(&scene->arena, dep, doc, &err));
	bench_require(strmap_get(&scene->answers, dep->text) != NULL, err.msg);
	json_free(doc);
}

static void answer_service(struct scene *scene, const struct service *service)
{
	struct json *doc = json_new_array();
	struct err err = { 0 };
	char query[64];

	for (int i = 0; i < INSTANCES; i++) {
		struct json *entry = json_add_object(doc, NULL), *part, *check;
		char node[20], id[64];

		snprintf(node, sizeof(node), "node-%d", i);
		snprintf(id, sizeof(id), "%s-%d", service->name, i);
		part = json_add_object(entry, "Node");
		json_add_str(part, "Node", node);
		json_add_str(part, "Address", "192.0.2.1");
		part = json_add_object(entry, "Service");
		json_add_str(part, "ID", id);
		json_add_str(part, "Service", service->name);
		json_add_str(json_add_array(part, "Tags"), NULL, "calico");
		json_add_str(part, "Address", service->instances[i].address);
		json_add_int(part, "Port", service->instances[i].port);
		check = json_add_object(json_add_array(entry, "Checks"), NULL);
		json_add_str(check, "CheckID", "serfHealth");
		json_add_str(check, "Status", "passing");
	}
	snprintf(query, sizeof(query), "calico.%s", service->name);
	answer(scene, dep_parse_service(&scene->arena, DEP_SERVICE, query, &err), doc);
}

static const struct tmpl_value *lookup(void *arg, const struct dep *dep)
{
	return strmap_get(&((struct scene *)arg)->answers, dep->text);
}

static void scene_fill(struct scene *scene, size_t services)
{
	struct json *doc = json_new_object();
	struct err err = { 0 };

	*scene = (struct scene){ .services = services,
				 .source = { .lookup = lookup, .arg = scene } };
	scene->all = xcalloc(services, sizeof(*scene->all));
	for (unsigned i = 0; i < services; i++) {
		struct service *service = &scene->all[i];

		snprintf(service->name, sizeof(service->name), "team-service-%05u", i);
		for (unsigned char k = 0; k < INSTANCES; k++) {
			snprintf(service->instances[k].address,
				 sizeof(service->instances[k].address), "10.%d.%d.%d", k,
				 (unsigned char)(i / 250), (unsigned char)(i % 250));
			service->instances[k].port = (unsigned short)(20000 + (i * 7 + k) % 10000);
		}
		json_add_str(json_add_array(doc, service->name), NULL, "calico");
		answer_service(scene, service);
	}
	answer(scene, dep_parse_services(&scene->arena, "", &err), doc);
	scene->tmpl = tmpl_parse("nginx", bench_template, strlen(bench_template), NULL, &err);
	bench_require(scene->tmpl != NULL, err.msg);
}

static void execute(void *arg)
{
	struct scene *scene = arg;
	struct tmpl_result result;

	tmpl_execute(scene->tmpl, &scene->source, &result);
	bench_sink = result.output.len;
	tmpl_result_release(&result);
}

static void append_by_hand(const struct scene *scene, struct strbuf *out)
{
	for (size_t s = 0; s < scene->services; s++) {
		const struct service *service = &scene->all[s];
		const char *name = service->name;

		strbuf_addf(out, "\nupstream %s {\n\tleast_conn;", name);
		for (size_t i = 0; i < INSTANCES; i++)
			strbuf_addf(out, "\n\tserver %s:%d max_fails=3;",
				    service->instances[i].address, service->instances[i].port);
		strbuf_addstr(out, "\n}\n\nserver {\n\tlisten 80;\n\tserver_name ");
		for (const char *c = name; *c; c++)
			strbuf_addch(out, *c == '-' ? '.' : *c);
		strbuf_addf(out,
			    ".example.net;\n\n\tlocation / {\n\t\tproxy_pass http://%s;\n"
			    "\t\tproxy_set_header Host $host;\n"
			    "\t\tproxy_set_header X-Real-IP $remote_addr;\n\t}\n}\n",
			    name);
	}
	strbuf_addch(out, '\n');
}

static void by_hand(void *arg)
{
	struct strbuf out = STRBUF_INIT;

	append_by_hand(arg, &out);
	bench_sink = out.len;
	strbuf_release(&out);
}

static size_t require_same_output(struct scene *scene)
{
	struct strbuf want = STRBUF_INIT;
	struct tmpl_result result;
	size_t len;

	tmpl_execute(scene->tmpl, &scene->source, &result);
	append_by_hand(scene, &want);
	bench_require(!result.failed && dep_set_count(&result.missing) == 0, "rendering failed");
	bench_require(strbuf_equal(&result.output, &want), "loop and template differ");
	len = want.len;
	strbuf_release(&want);
	tmpl_result_release(&result);
	return len;
}

/* The processor's own count, which a busy machine does not change. Not every one lets us. */
static void count_instructions(struct scene *scene, size_t bytes)
{
	struct perf_event_attr wanted = { .type = PERF_TYPE_HARDWARE,
					  .size = sizeof(wanted),
					  .config = PERF_COUNT_HW_INSTRUCTIONS,
					  .disabled = 1,
					  .exclude_kernel = 1,
					  .exclude_hv = 1 };
	int fd = (int)syscall(SYS_perf_event_open, &wanted, 0, -1, -1, 0);
	unsigned long long count = 0;

	if (fd >= 0) {
		ioctl(fd, PERF_EVENT_IOC_ENABLE, 0);
		execute(scene);
		ioctl(fd, PERF_EVENT_IOC_DISABLE, 0);
		if (read(fd, &count, sizeof(count)) != sizeof(count))
			count = 0;
		close(fd);
	}
	if (count)
		printf("template: %zu services: %.1f instructions per output byte\n",
		       scene->services, (double)count / (double)bytes);
	else
		printf("template: %zu services: the system counts no instructions; callgrind "
		       "does\n",
		       scene->services);
}

int main(int argc, char **argv)
{
	static const size_t sizes[] = { 1000, 5000 };

	bench_begin(argc, argv);
	for (size_t i = 0; i < COUNT_OF(sizes); i++) {
		struct scene scene;
		char what[64];
		size_t bytes;

		scene_fill(&scene, sizes[i]);
		bytes = require_same_output(&scene);
		snprintf(what, sizeof(what), "template: %zu services x %d", sizes[i], INSTANCES);
		bench_run(&(struct bench){ .what = what,
					   .run = execute,
					   .baseline = "C loop, the same bytes",
					   .run_baseline = by_hand,
					   .arg = &scene,
					   .bytes = bytes,
					   .memory = true });
		count_instructions(&scene, bytes);
		tmpl_free(scene.tmpl);
		strmap_release(&scene.answers);
		arena_release(&scene.arena);
		free(scene.all);
	}
	return 0;
}
