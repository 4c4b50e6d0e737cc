#include "run.h"

#include <signal.h>
#include <stdio.h>

#include "binnacle/action/env.h"
#include "binnacle/base/log.h"
#include "binnacle/loop/loop.h"
#include "binnacle/register/registrar.h"
#include "config.h"
#include "engine.h"

#define EXIT_FAILED 1

enum { REMOVAL_TIMEOUT_MS = 8000 };

struct run {
	const struct config *config;
	struct loop *loop;
	struct engine *engine;
	struct registrar_task *removal; /* of everything, at the end */
	struct loop_timer *limit;
};

static void on_removed(void *arg, const char *text, const struct err *err)
{
	struct run *run = arg;

	run->removal = NULL;
	if (err)
		log_warn("engine", "not everything is deregistered: %s", err->msg);
	else
		log_info("engine", "%s", text);
	loop_stop(run->loop);
}

static void on_too_long(void *arg)
{
	struct run *run = arg;

	run->limit = NULL;
	log_warn("engine", "not everything is deregistered: the registry does not answer");
	loop_stop(run->loop);
}

static void on_signal(void *arg, int signal)
{
	struct run *run = arg;
	struct registrar *registrar = run->engine ? engine_env(run->engine)->registrar : NULL;

	/* A second signal does not wait. */
	if (!run->config->deregister_on_exit || !registrar || run->removal ||
	    registrar_get_mode(registrar) != REGISTRAR_AUTO) {
		log_info("engine", "signal=%d stopping; what is registered stays registered",
			 signal);
		loop_stop(run->loop);
		return;
	}
	log_info("engine", "signal=%d stopping; deregistering", signal);
	run->removal = registrar_deregister_all_start(registrar, on_removed, run);
	run->limit = loop_timer_start(run->loop, REMOVAL_TIMEOUT_MS, on_too_long, run);
}

int run_engine(const struct config *config, bool log_json, bool verbose)
{
	struct loop *loop = loop_new();
	struct run run = { .config = config, .loop = loop };
	struct loop_signal *interrupt, *terminate, *hangup;
	struct err err = { 0 };
	int status = 0;

	log_set_sink(log_json ? log_sink_stderr_json : log_sink_stderr, NULL,
		     verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	interrupt = loop_signal_add(loop, SIGINT, on_signal, &run);
	terminate = loop_signal_add(loop, SIGTERM, on_signal, &run);
	hangup = loop_signal_add(loop, SIGHUP, on_signal, &run);
	run.engine = engine_new(loop, config, ENGINE_RUN, &err);
	if (run.engine) {
		log_info("engine", "running node=%s config=%s", config->node,
			 config->path ? config->path : "(none)");
		loop_run(loop);
	} else {
		fprintf(stderr, "binnacle: %s\n", err.msg);
		status = EXIT_FAILED;
	}
	registrar_task_cancel(&run.removal);
	loop_timer_stop(&run.limit);
	engine_free(run.engine);
	loop_signal_remove(&interrupt);
	loop_signal_remove(&terminate);
	loop_signal_remove(&hangup);
	loop_free(loop);
	return status;
}
