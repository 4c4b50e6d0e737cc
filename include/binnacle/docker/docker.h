/*
 * docker/docker.h - one Docker daemon: requests, events, exec.
 *
 *     docker = docker_new(loop, http, &config, &err);
 *     call = docker_get(docker, "/containers/json?all=1", on_list, state);
 *     events = docker_events_start(docker, &handlers, state);
 *     exec = docker_exec(docker, "web", argv, 10000, on_exec, state);
 *
 * Completion rules: loop/loop.h. Paths are unversioned, as Registrator asks them. Reference:
 * Docker Engine API 1.41 (Docker 20.10).
 */
#ifndef BINNACLE_DOCKER_DOCKER_H
#define BINNACLE_DOCKER_DOCKER_H

#include <stdbool.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct docker;
struct docker_call;
struct docker_events;
struct docker_exec;
struct http;
struct json;
struct loop;

struct docker_config {
	const char *name; /* what messages call it: usually the node's name */
	/* "unix:///var/run/docker.sock", "tcp://host:2376", "http://…", "ssh://user@host:22": the
	 * last runs `docker system dial-stdio` there, with the keys and the configuration of ssh.
	 */
	const char *host;
	const char *cert_path; /* folder with ca.pem, cert.pem, key.pem; NULL: no TLS */
	bool no_verify;
};

/* doc: NULL when err is set or there is no body. 404 is ERR_NOT_FOUND, 409 ERR_CONFLICT. */
typedef void docker_fn(void *arg, const struct json *doc, const struct err *err);

struct docker *docker_new(struct loop *loop, struct http *http, const struct docker_config *config,
			  struct err *err);
void docker_free(struct docker *docker);
const char *docker_name(const struct docker *docker);
const char *docker_address(const struct docker *docker);

struct docker_call *docker_get(struct docker *docker, const char *path, docker_fn *done, void *arg);
/* method "POST" or "DELETE"; body NULL: empty. timeout_ms 0: 30 s. */
struct docker_call *docker_send(struct docker *docker, const char *method, const char *path,
				const char *body, int64_t timeout_ms, docker_fn *done, void *arg);
void docker_call_cancel(struct docker_call **call);

/*
 * The event stream, for ever: after a loss it is opened again with back-off and `since` the time
 * of the last event, so that nothing that happened in the gap is missed; events that were seen
 * before the gap are not given again. `up` runs when the stream stands (each time), `down` once
 * when it is lost.
 */
struct docker_event {
	const char *type;      /* "container", "network", … */
	const char *action;    /* "start", "die", … (older daemons: `status`) */
	const char *id;        /* of the actor */
	const char *name;      /* Actor.Attributes.name, "" when absent */
	const char *exit_code; /* Actor.Attributes.exitCode, "" when absent */
	int64_t time_ns;
	const struct json *doc;
};
struct docker_event_handlers {
	void (*up)(void *arg);
	void (*down)(void *arg, const struct err *err);
	void (*event)(void *arg, const struct docker_event *event);
};
struct docker_events *docker_events_start(struct docker *docker,
					  const struct docker_event_handlers *handlers, void *arg);
void docker_events_stop(struct docker_events **events);

/*
 * Run argv in a container through the exec API (create, start, read the multiplexed output up
 * to LIMIT_CHILD_OUTPUT, ask for the exit code). A container that does not run is an err.
 */
struct docker_exec_result {
	int exit_code;
	const struct strbuf *output; /* stdout and stderr in order; borrowed */
	int64_t took_ms;
};
typedef void docker_exec_fn(void *arg, const struct docker_exec_result *result,
			    const struct err *err);
struct docker_exec *docker_exec(struct docker *docker, const char *container,
				const char *const *argv, int64_t timeout_ms, docker_exec_fn *done,
				void *arg);
void docker_exec_cancel(struct docker_exec **exec);

#endif
