/* A table of 10,000 services, filtered and sorted, against sorting their names alone; and its way
 * to a picture of the console. */
#include <locale.h>
#include <stdlib.h>
#include <string.h>

#include "bench/bench.h"
#include "binnacle/action/env.h"
#include "binnacle/loop/loop.h"
#include "binnacle/model/model.h"
#include "binnacle/present/table.h"
#include "binnacle/tui/tui.h"

enum { ROWS = 10000, WIDTH = 200, HEIGHT = 60 };

struct scene {
	const struct table *table;
	struct snapshot *snapshot, *newer; /* the same rows */
	struct filter *filter;
	struct sort sort;
	struct row_view view;
	const char *names[ROWS];
	size_t expected;
	struct loop *loop;
	struct model *model;
	struct tui *tui;
	struct cell cells[WIDTH * HEIGHT];
};

static struct snapshot *make_snapshot(struct scene *scene)
{
	static const char *const tags[] = { "calico", "http", "v42" };
	static const char *const nodes[] = { "dock-1", "dock-2", "edge-1" };
	struct snapshot *snapshot = snapshot_new(MODEL_SERVICES);

	for (int i = 0; i < ROWS; i++) {
		struct service *service = snapshot_add(snapshot);

		/* Each number once, in an order that is not the sorted one. */
		service->id = arena_printf(&snapshot->arena, "%s-service-%d", i % 2 ? "web" : "api",
					   i * 7919 % ROWS);
		service->status = i % 10 ? "pass" : "CRIT";
		service->state = i % 10 ? STATE_PASS : STATE_CRIT;
		service->passing = i % 5;
		service->tags = snapshot_list(snapshot, tags, 3);
		service->nodes = snapshot_list(snapshot, nodes, 3);
		service->output = "HTTP GET http://10.0.0.1:8080/health: 200 OK";
		service->source = "reg";
		service->since_ms = 1700000000000 - i;
		scene->names[i] = service->id;
	}
	return snapshot;
}

static void fill_view(void *arg)
{
	struct scene *scene = arg;

	row_view_fill(&scene->view, scene->table, scene->snapshot, scene->filter, &scene->sort);
	bench_require(scene->view.count == scene->expected, "the filter lets others through");
}

static int compare(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

static void sort_names(void *arg)
{
	struct scene *scene = arg;
	const char **names = xcalloc(ROWS, sizeof(*names));

	memcpy(names, scene->names, sizeof(scene->names));
	qsort(names, ROWS, sizeof(*names), compare);
	bench_sink = (size_t)names[0][0];
	free(names);
}

static void paint(void *arg)
{
	struct scene *scene = arg;

	bench_sink = (unsigned char)tui_grid(scene->tui)->cells[0].text[0];
}

static void publish_and_paint(void *arg)
{
	struct scene *scene = arg;
	struct snapshot *newer = scene->newer;

	scene->newer = scene->snapshot;
	scene->snapshot = newer;
	model_publish(scene->model, snapshot_ref(newer));
	loop_turn(scene->loop, 0);
	paint(scene);
}

static void clear_cells(void *arg)
{
	struct scene *scene = arg;

	memset(scene->cells, (int)bench_sink, sizeof(scene->cells));
	bench_sink = (unsigned char)scene->cells[WIDTH].text[0];
}

static void require_rows_on_screen(struct scene *scene)
{
	struct strbuf text = STRBUF_INIT;
	size_t rows = 0;

	grid_dump_text(tui_grid(scene->tui), &text);
	for (const char *at = text.buf; (at = strstr(at, "-service-")); at++)
		rows++;
	bench_require(rows > HEIGHT / 2, "the table does not fill the screen");
	strbuf_release(&text);
}

static void measure_console(struct scene *scene)
{
	struct action_env env = { .loop = scene->loop = loop_new(),
				  .model = scene->model = model_new(),
				  .node = "dock-1" };

	setlocale(LC_ALL, "C.UTF-8");
	model_publish(scene->model, snapshot_ref(scene->snapshot));
	scene->tui = tui_new_headless(env.loop, &env, WIDTH, HEIGHT, &(struct tui_options){ 0 });
	tui_feed_key(scene->tui, "2"); /* services */
	tui_feed_key(scene->tui, "z");
	loop_turn(scene->loop, 0);
	require_rows_on_screen(scene);
	bench_run(&(struct bench){ .what = "console: paint 200x60 of 10000 services",
				   .run = paint,
				   .baseline = "memset of as many cells",
				   .run_baseline = clear_cells,
				   .arg = scene });
	bench_run(&(struct bench){ .what = "console: all rows new, refresh and paint",
				   .run = publish_and_paint,
				   .baseline = "qsort of 10000 names",
				   .run_baseline = sort_names,
				   .arg = scene });
	require_rows_on_screen(scene);
	tui_free(scene->tui);
	model_free(scene->model);
	loop_free(scene->loop);
}

static void measure(struct scene *scene, const char *what, const char *filter, size_t expected)
{
	struct err err = { 0 };

	scene->filter = filter_parse(filter, scene->table, &err);
	bench_require(scene->filter != NULL, err.msg);
	scene->expected = expected;
	bench_run(&(struct bench){ .what = what,
				   .run = fill_view,
				   .baseline = "qsort of 10000 names",
				   .run_baseline = sort_names,
				   .arg = scene });
	filter_free(scene->filter);
}

int main(int argc, char **argv)
{
	static struct scene scene;

	scene.table = present_table(MODEL_SERVICES);
	scene.sort.column = table_column(scene.table, "service");
	scene.snapshot = make_snapshot(&scene);
	scene.newer = make_snapshot(&scene);
	bench_begin(argc, argv);
	measure(&scene, "table: sort 10000 rows", "", ROWS);
	measure(&scene, "table: ... of one state", "state:CRIT", ROWS / 10);
	measure(&scene, "table: ... with a word in any column", "web", ROWS / 2);
	measure_console(&scene);
	row_view_release(&scene.view);
	snapshot_unref(&scene.newer);
	snapshot_unref(&scene.snapshot);
	return 0;
}
