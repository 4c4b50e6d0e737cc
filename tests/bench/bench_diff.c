/* Two texts of 20,000 lines with 200 changed, against reading both to the end. */
#include <string.h>

#include "bench/bench.h"
#include "binnacle/render/diff.h"

enum { LINES = 20000, CHANGE_EVERY = 100 };

struct scene {
	struct strbuf before, after, again; /* again: the bytes of `after` in another place */
	size_t changed;
};

static void compute(void *arg)
{
	struct scene *scene = arg;
	struct diff diff;

	diff_compute(&diff, scene->before.buf, scene->before.len, scene->after.buf,
		     scene->after.len, 3);
	bench_require(diff.added == scene->changed && diff.removed == scene->changed,
		      "the difference is not the shortest");
	diff_release(&diff);
}

static void count(void *arg)
{
	struct scene *scene = arg;
	size_t added, removed;

	diff_count(scene->before.buf, scene->before.len, scene->after.buf, scene->after.len, &added,
		   &removed);
	bench_require(added == scene->changed && removed == scene->changed,
		      "the difference is not the shortest");
}

/* Of equal texts: of different ones it would stop at the first change. */
static void compare_bytes(void *arg)
{
	struct scene *scene = arg;

	bench_sink = (size_t)memcmp(scene->after.buf, scene->again.buf, scene->after.len);
}

static void scene_fill(struct scene *scene, bool is_rewritten)
{
	*scene = (struct scene){ STRBUF_INIT, STRBUF_INIT, STRBUF_INIT, 0 };
	for (int i = 0; i < LINES; i++) {
		bool changes = is_rewritten || i % CHANGE_EVERY == CHANGE_EVERY / 2;

		strbuf_addf(&scene->before, "\tserver 10.0.%d.%d:%d max_fails=3;\n", i / 250,
			    i % 250, 20000 + i);
		strbuf_addf(&scene->after, "\tserver 10.0.%d.%d:%d max_fails=3;\n", i / 250,
			    i % 250, 20000 + i + (changes ? LINES : 0));
		scene->changed += changes;
	}
	strbuf_add(&scene->again, scene->after.buf, scene->after.len);
}

static void measure(const char *what, bench_fn *run, struct scene *scene)
{
	bench_run(&(struct bench){ .what = what,
				   .run = run,
				   .baseline = "memcmp of texts of that length",
				   .run_baseline = compare_bytes,
				   .arg = scene,
				   .bytes = scene->before.len + scene->after.len,
				   .memory = true });
}

static void scene_release(struct scene *scene)
{
	strbuf_release(&scene->before);
	strbuf_release(&scene->after);
	strbuf_release(&scene->again);
}

int main(int argc, char **argv)
{
	struct scene scene;

	bench_begin(argc, argv);
	scene_fill(&scene, false);
	measure("diff: 20000 lines, 200 changed", compute, &scene);
	measure("diff: the same, counted alone", count, &scene);
	scene_release(&scene);
	scene_fill(&scene, true);
	measure("diff: 20000 lines, all changed", compute, &scene);
	scene_release(&scene);
	return 0;
}
