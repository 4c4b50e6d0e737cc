#include "binnacle/render/container.h"

#include <stdlib.h>

#include "binnacle/base/mem.h"
#include "binnacle/docker/docker.h"

struct container {
	struct docker *docker;
	char *name;
};

struct run {
	struct docker_exec *exec;
	nginx_exec_fn *done;
	void *arg;
};

static void on_done(void *arg, const struct docker_exec_result *result, const struct err *err)
{
	struct run *run = arg;

	if (err)
		run->done(run->arg, -1, NULL, err);
	else
		run->done(run->arg, result->exit_code, result->output, NULL);
	free(run);
}

static void *start(void *arg, const char *const *argv, int64_t timeout_ms, nginx_exec_fn *done,
		   void *done_arg)
{
	struct container *container = arg;
	struct run *run = xcalloc(1, sizeof(*run));

	run->done = done;
	run->arg = done_arg;
	run->exec = docker_exec(container->docker, container->name, argv, timeout_ms, on_done, run);
	return run;
}

static void cancel(void *handle)
{
	struct run *run = handle;

	docker_exec_cancel(&run->exec);
	free(run);
}

static void release(void *arg)
{
	struct container *container = arg;

	free(container->name);
	free(container);
}

struct nginx_control *container_nginx_new(struct loop *loop, struct docker *docker,
					  const char *name, const struct nginx_spec *spec,
					  struct err *err)
{
	struct container *container = xcalloc(1, sizeof(*container));
	struct nginx_exec exec = {
		.start = start, .cancel = cancel, .release = release, .arg = container
	};
	struct nginx_spec whole = *spec;

	container->docker = docker;
	container->name = xstrdup(name);
	whole.exec = &exec;
	return nginx_control_new(loop, &whole, err);
}
