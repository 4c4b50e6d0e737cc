#include "run.h"

#include <signal.h>
#include <stdio.h>

#include "binnacle/base/log.h"
#include "binnacle/loop/loop.h"
#include "config.h"
#include "engine.h"

#define EXIT_FAILED 1

static void on_signal(void *arg, int signal)
{
	log_info("engine", "signal=%d stopping; what is registered stays registered", signal);
	loop_stop(arg);
}

int run_engine(const struct config *config, bool log_json, bool verbose)
{
	struct loop *loop = loop_new();
	struct loop_signal *interrupt, *terminate, *hangup;
	struct err err = { 0 };
	struct engine *engine;
	int status = 0;

	log_set_sink(log_json ? log_sink_stderr_json : log_sink_stderr, NULL,
		     verbose ? LOG_LEVEL_DEBUG : LOG_LEVEL_INFO);
	interrupt = loop_signal_add(loop, SIGINT, on_signal, loop);
	terminate = loop_signal_add(loop, SIGTERM, on_signal, loop);
	hangup = loop_signal_add(loop, SIGHUP, on_signal, loop);
	engine = engine_new(loop, config, ENGINE_RUN, &err);
	if (engine) {
		log_info("engine", "running node=%s config=%s", config->node,
			 config->path ? config->path : "(none)");
		loop_run(loop);
	} else {
		fprintf(stderr, "binnacle: %s\n", err.msg);
		status = EXIT_FAILED;
	}
	engine_free(engine);
	loop_signal_remove(&interrupt);
	loop_signal_remove(&terminate);
	loop_signal_remove(&hangup);
	loop_free(loop);
	return status;
}
