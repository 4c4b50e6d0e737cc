/*
 * A request is one HTTP exchange; the answer's JSON lives as long as the completion runs. The
 * daemon says why it refuses in {"message": "..."}: that sentence is the error, because operators
 * know it from the docker command.
 */
#include "binnacle/docker/docker.h"

#include <assert.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/text.h"
#include "docker_private.h"

enum { DOCKER_PORT = 2375, DOCKER_PORT_TLS = 2376, DOCKER_TIMEOUT_MS = 30000 };

struct docker_call {
	struct docker *docker;
	struct http_call *http;
	docker_fn *done;
	void *arg;
};

static void use_certificates(struct endpoint *endpoint, const char *folder)
{
	endpoint->ca_file = xasprintf("%s/ca.pem", folder);
	endpoint->cert_file = xasprintf("%s/cert.pem", folder);
	endpoint->key_file = xasprintf("%s/key.pem", folder);
}

/* Where the daemon listens. */
static bool find_daemon(struct docker *docker, const struct docker_config *config, struct err *err)
{
	const char *host =
		config->host && *config->host ? config->host : "unix:///var/run/docker.sock";
	bool local = text_starts_with(host, "unix://");
	bool tls = !local && ((config->cert_path && *config->cert_path) ||
			      text_starts_with(host, "https://"));

	if (text_starts_with(host, "ssh://"))
		return docker_use_ssh(docker, host, err);
	if (!endpoint_parse(&docker->endpoint, host, tls, tls ? DOCKER_PORT_TLS : DOCKER_PORT, err))
		return err_context(err, "docker host");
	if (tls && config->cert_path && *config->cert_path)
		use_certificates(&docker->endpoint, config->cert_path);
	docker->endpoint.no_verify = config->no_verify;
	return true;
}

struct docker *docker_new(struct loop *loop, struct http *http, const struct docker_config *config,
			  struct err *err)
{
	struct docker *docker = xcalloc(1, sizeof(*docker));

	docker->loop = loop;
	docker->http = http;
	if (!find_daemon(docker, config, err)) {
		endpoint_release(&docker->endpoint);
		free(docker);
		return NULL;
	}
	docker->name =
		xstrdup(config->name && *config->name ? config->name
						      : endpoint_describe(&docker->endpoint));
	return docker;
}

void docker_free(struct docker *docker)
{
	if (!docker)
		return;
	assert(docker->users == 0);
	endpoint_release(&docker->endpoint);
	free(docker->name);
	free(docker);
}

const char *docker_name(const struct docker *docker)
{
	return docker->name;
}

const char *docker_address(const struct docker *docker)
{
	return endpoint_describe(&docker->endpoint);
}

void docker_explain(const struct docker *docker, struct err *err)
{
	struct err plain = *err;

	if (docker->endpoint.dial && err->code == ERR_UNREACHABLE)
		err_set(err, plain.code, "%.300s (ssh may not ask here: try it once by hand)",
			plain.msg);
	err_context(err, "docker %s", docker->name);
}

static enum err_code code_of_status(int status)
{
	switch (status) {
	case 401:
	case 403:
		return ERR_DENIED;
	case 404:
		return ERR_NOT_FOUND;
	case 409:
		return ERR_CONFLICT;
	default:
		return ERR_REFUSED;
	}
}

struct json *docker_decode(const struct docker *docker, const struct http_answer *answer,
			   struct err *err)
{
	bool ok = answer->status >= 200 && answer->status < 400;
	struct json *doc = NULL;

	err->code = ERR_NONE;
	if (answer->body.len)
		doc = json_parse(answer->body.buf, answer->body.len, err);
	if (!ok) {
		const char *message = json_str(doc, "message", "");

		if (*message)
			err_set(err, code_of_status(answer->status), "docker %s: %s (status %d)",
				docker->name, message, answer->status);
		else
			http_refused(err, "docker", answer);
		json_free(doc);
		return NULL;
	}
	if (answer->body.len && !doc)
		err_context(err, "docker %s", docker->name);
	return doc;
}

static void on_answer(void *arg, struct http_answer *answer, const struct err *http_err)
{
	struct docker_call *call = arg;
	struct docker_call ended = *call;
	struct err err = { 0 };
	struct json *doc = NULL;

	/* The handle is gone before the completion runs, so that it may free the daemon. */
	call->docker->users--;
	free(call);
	if (http_err) {
		err = *http_err;
		docker_explain(ended.docker, &err);
	} else {
		doc = docker_decode(ended.docker, answer, &err);
	}
	ended.done(ended.arg, doc, err.code != ERR_NONE ? &err : NULL);
	json_free(doc);
}

struct docker_call *docker_send(struct docker *docker, const char *method, const char *path,
				const char *body, int64_t timeout_ms, docker_fn *done, void *arg)
{
	struct docker_call *call = xcalloc(1, sizeof(*call));
	struct http_request request = {
		.method = method,
		.path = path,
		.body = body,
		.body_len = body ? strlen(body) : 0,
		.timeout_ms = timeout_ms > 0 ? timeout_ms : DOCKER_TIMEOUT_MS,
	};

	call->docker = docker;
	call->done = done;
	call->arg = arg;
	docker->users++;
	call->http = http_start(docker->http, &docker->endpoint, &request, on_answer, call);
	return call;
}

struct docker_call *docker_get(struct docker *docker, const char *path, docker_fn *done, void *arg)
{
	return docker_send(docker, "GET", path, NULL, 0, done, arg);
}

void docker_call_cancel(struct docker_call **call)
{
	if (!*call)
		return;
	(*call)->docker->users--;
	http_cancel(&(*call)->http);
	free(*call);
	*call = NULL;
}
