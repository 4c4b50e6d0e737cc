/*
 * The start is a row of steps, each begun by the completion of the one before: reach the registry
 * (with retries), list the containers once (a daemon that is absent at the start ends the
 * program), then hand over to the registrar. What that reports becomes Registrator's log lines.
 */
#include "as_registrator.h"

#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <time.h>
#include <unistd.h>

#include "binnacle/base/json.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/docker/docker.h"
#include "binnacle/loop/loop.h"
#include "binnacle/net/http.h"
#include "binnacle/register/registrar.h"
#include "binnacle/register/registry.h"
#include "registrator_dry.h"
#include "registrator_flags.h"
#include "registrator_uri.h"

/* Not /var/run: Registrator runs in a container that has the socket there. */
#define DEFAULT_DOCKER_HOST "unix:///tmp/docker.sock"

enum { EXIT_FATAL = 1, EXIT_USAGE = 2, EXIT_BY_SIGNAL = 128, MS_PER_S = 1000, REST_MS = 1000 };
enum { REMOVAL_TIMEOUT_MS = 8000 }; /* less than Docker gives a container to stop */

/* The part of log lines that are Registrator's; others keep their part in front. */
#define PART "registrator"

struct stand_in {
	struct registrator_flags flags;
	struct register_options options;
	struct registrator_uri uri;
	struct loop *loop;
	struct http *http;
	struct docker *docker;
	struct registrator_backend backend;
	struct registrar *registrar;
	int64_t attempt;
	struct registry_call *ping;
	struct loop_timer *retry;
	struct docker_call *listing;
	/* what was logged of the registrar's state */
	bool listens, said_sync, is_done;
	int64_t synced_ms;
	struct loop_timer *rest;
	struct registrar_task *removal; /* of everything, at the end */
	struct loop_timer *removal_limit;
	int status, signal;
};

/* "2024/05/01 12:02:11 text", local time, as Go's log package has it. */
static void sink(void *arg, const struct log_line *line)
{
	time_t seconds = (time_t)(line->wall_ms / MS_PER_S);
	char stamp[32];
	struct tm tm;

	(void)arg;
	localtime_r(&seconds, &tm);
	strftime(stamp, sizeof(stamp), "%Y/%m/%d %H:%M:%S", &tm);
	if (strcmp(line->part, PART) == 0)
		fprintf(stderr, "%s %s\n", stamp, line->text);
	else
		fprintf(stderr, "%s %s: %s\n", stamp, line->part, line->text);
}

static void fatal(struct stand_in *self, const char *message)
{
	log_error(PART, "%s", message);
	self->status = EXIT_FATAL;
	loop_stop(self->loop);
}

/* ---- what the registrar reports ---- */

static void log_ignored(const struct registrar_event *event)
{
	const struct register_note *note = event->note;
	int port_len = note ? (int)strcspn(note->port, "/") : 0;

	if (!note)
		log_info(PART, "ignored: %s %s %s", event->container_id, event->service,
			 event->why);
	else if (note->reason == REGISTER_REASON_NO_PORTS)
		log_info(PART, "ignored: %s no published ports", event->container_id);
	else if (note->reason == REGISTER_REASON_NOT_PUBLISHED)
		log_info(PART, "ignored: %s port %.*s not published on host", event->container_id,
			 port_len, note->port);
	else
		log_info(PART, "ignored: %s service on port %.*s", event->container_id, port_len,
			 note->port);
}

static void log_failed(const struct registrar_event *event)
{
	if (*event->instance)
		log_info(PART, "%s failed: %s %s", event->is_removal ? "deregister" : "register",
			 event->instance, event->why);
	else if (*event->container_id)
		log_info(PART, "unable to inspect container: %s %s", event->container_id,
			 event->why);
	/* The daemon's and the registry's outages are in the log already. */
}

static void on_event(void *arg, const struct registrar_event *event)
{
	struct stand_in *self = arg;

	switch (event->action) {
	case REGISTRAR_ADDED:
		log_info(PART, "added: %s %s", event->container_id, event->instance);
		break;
	case REGISTRAR_REMOVED:
		/* What no container of ours wanted was dangling. */
		if (*event->container_id)
			log_info(PART, "removed: %s %s", event->container_id, event->instance);
		else
			log_info(PART, "%s removed", event->instance);
		break;
	case REGISTRAR_IGNORED:
		log_ignored(event);
		break;
	case REGISTRAR_DANGLING:
		if (self->options.cleanup)
			log_info(PART, "dangling: %s", event->instance);
		break;
	case REGISTRAR_FAILED:
		log_failed(event);
		break;
	case REGISTRAR_REFRESHED:
		log_info(PART, "refreshed: %s %s", event->container_id, event->instance);
		break;
	case REGISTRAR_DRAINED:
		log_info(PART, "maintenance: %s %s", event->instance, event->why);
		break;
	case REGISTRAR_WARNED:
		log_warn("register", "%s%s%s: %s", event->container,
			 event->note && *event->note->port ? " " : "",
			 event->note ? event->note->port : "", event->why);
		break;
	case REGISTRAR_DUPLICATE:
		log_warn("register", "%s: %s", event->instance, event->why);
		break;
	case REGISTRAR_STALE:
	case REGISTRAR_RESYNC:
		break;
	}
}

static void on_rest(void *arg)
{
	struct stand_in *self = arg;

	self->rest = NULL;
	mem_give_back();
}

/* Changes come in bursts, and what they needed is not needed after them. */
static void rest_soon(struct stand_in *self)
{
	loop_timer_stop(&self->rest);
	self->rest = loop_timer_start(self->loop, REST_MS, on_rest, self);
}

/* Is all written that could be? What was refused is not waited for. */
static bool is_settled(const struct stand_in *self, bool *failed)
{
	const struct reconcile *pending = registrar_pending(self->registrar);

	*failed = false;
	for (size_t i = 0; i < pending->count; i++) {
		const struct reconcile_difference *item = &pending->items[i];

		if (item->kind == RECONCILE_DANGLING && !self->options.cleanup)
			continue;
		if (!item->failures)
			return false;
		*failed = true;
	}
	return true;
}

static void end_when_done(struct stand_in *self)
{
	struct strbuf text = STRBUF_INIT;
	bool failed = false;

	if (self->is_done)
		return;
	if (self->flags.dry_run) {
		registrator_dry_print(&text, self->registrar);
		failed = fputs(text.buf, stdout) == EOF || fflush(stdout) != 0;
	} else if (!self->flags.once || !is_settled(self, &failed)) {
		return;
	}
	strbuf_release(&text);
	self->is_done = true;
	self->status = failed ? EXIT_FATAL : 0;
	loop_stop(self->loop);
}

static void on_changed(void *arg)
{
	struct stand_in *self = arg;
	struct registrar_status status;

	registrar_get_status(self->registrar, &status);
	if (status.docker_up && !self->listens)
		log_info(PART, "Listening for Docker events ...");
	if (!status.docker_up && self->listens) {
		if (self->flags.exit_on_docker_loss)
			fatal(self, "Docker event loop closed");
		else
			log_info(PART, "Docker event loop closed");
	}
	if (!status.docker_up)
		self->said_sync = false;
	self->listens = status.docker_up;
	/* The comparisons that Registrator does not make go by in silence. */
	if (status.last_resync_ms != self->synced_ms &&
	    (self->flags.has_resync || !self->said_sync)) {
		log_info(PART, "Syncing services on %zu containers", status.containers);
		self->said_sync = true;
	}
	self->synced_ms = status.last_resync_ms;
	rest_soon(self);
	if (status.synced)
		end_when_done(self);
}

/* ---- the start ---- */

static void on_containers(void *arg, const struct json *doc, const struct err *err)
{
	static const struct registrar_callbacks callbacks = { on_event, on_changed };
	struct stand_in *self = arg;
	struct err problem;

	(void)doc;
	self->listing = NULL;
	if (err) {
		fatal(self, err->msg);
		return;
	}
	self->registrar = registrar_new(self->loop, self->docker, self->backend.registry,
					&self->options, &callbacks, self, &problem);
	if (!self->registrar) {
		fatal(self, problem.msg);
		return;
	}
	if (!self->flags.dry_run)
		registrar_set_mode(self->registrar, REGISTRAR_AUTO);
}

static void enter_registering(struct stand_in *self)
{
	self->listing = docker_get(self->docker, "/containers/json", on_containers, self);
}

static void enter_connecting(struct stand_in *self);

static void on_retry(void *arg)
{
	struct stand_in *self = arg;

	self->retry = NULL;
	self->attempt++;
	enter_connecting(self);
}

static void on_ping(void *arg, const struct json *doc, const struct err *err)
{
	struct stand_in *self = arg;

	self->ping = NULL;
	if (!err) {
		if (self->backend.consul)
			log_info(PART, "%s: current leader  %s",
				 registry_name(self->backend.registry), json_as_str(doc, ""));
		enter_registering(self);
	} else if (self->attempt == self->flags.retry_attempts) {
		fatal(self, err->msg);
	} else {
		log_info(PART, "%s", err->msg);
		self->retry =
			loop_timer_start(self->loop, self->flags.retry_interval_ms, on_retry, self);
	}
}

static void enter_connecting(struct stand_in *self)
{
	log_info(PART, "Connecting to backend (%lld/%lld)", (long long)self->attempt,
		 (long long)self->flags.retry_attempts);
	self->ping = registry_ping(self->backend.registry, on_ping, self);
}

static void enter_using(struct stand_in *self)
{
	bool has_place = *self->uri.host || *self->uri.path;

	log_info(PART, "Using %s adapter: %s:%s%s%s", self->uri.scheme, self->uri.scheme,
		 has_place ? "//" : "", self->uri.host, self->uri.path);
	/* -1 is "for ever"; with other negatives Registrator does not ask at all. */
	if (self->flags.retry_attempts < -1 || self->flags.dry_run)
		enter_registering(self);
	else
		enter_connecting(self);
}

static void on_first_answer(void *arg, const struct json *doc, const struct err *err)
{
	struct stand_in *self = arg;

	(void)doc;
	self->ping = NULL;
	if (err)
		fatal(self, err->msg);
	else
		enter_using(self);
}

/* ---- making the parts ---- */

static bool is_set(const char *text)
{
	return text && *text;
}

static bool check_readable(const char *folder, struct err *err)
{
	static const char *const names[] = { "ca.pem", "cert.pem", "key.pem" };

	for (size_t i = 0; i < sizeof(names) / sizeof(names[0]); i++) {
		char *path = xasprintf("%s/%s", folder, names[i]);
		bool readable = access(path, R_OK) == 0;

		if (!readable)
			err_system(err, "DOCKER_TLS_VERIFY is set: %s", path);
		free(path);
		if (!readable)
			return false;
	}
	return true;
}

static bool make_docker(struct stand_in *self, struct err *err)
{
	const char *host = getenv("DOCKER_HOST"), *folder = getenv("DOCKER_CERT_PATH");
	const char *home = getenv("HOME");
	bool tls = is_set(getenv("DOCKER_TLS_VERIFY"));
	struct docker_config config = { .host = is_set(host) ? host : DEFAULT_DOCKER_HOST };
	char *default_folder = xasprintf("%s/.docker", home ? home : "");

	if (!is_set(folder))
		folder = default_folder;
	if (tls && folder == default_folder && !is_set(home))
		err_set(err, ERR_INPUT,
			"DOCKER_TLS_VERIFY is set, but neither DOCKER_CERT_PATH nor HOME is");
	else if (!tls || check_readable(folder, err)) {
		if (tls)
			config.cert_path = folder;
		self->docker = docker_new(self->loop, self->http, &config, err);
	}
	free(default_folder);
	return self->docker;
}

/* The hostname of a container is its id unless somebody gave it one: new for each container, so
 * that nobody recognizes what the last one registered. */
static void warn_about_hostname(const struct register_options *options)
{
	enum { ID_LEN = 12 };
	char name[256] = "";

	if (options->hostname || gethostname(name, sizeof(name) - 1) != 0)
		return;
	if (strlen(name) == ID_LEN && strspn(name, "0123456789abcdef") == ID_LEN)
		log_warn(PART,
			 "the hostname %s looks like a container's id: use -hostname, or start the "
			 "container with --net=host or --hostname",
			 name);
}

/* Everything that can be refused before anybody is asked, in Registrator's order. */
static bool make_parts(struct stand_in *self, struct err *err)
{
	if (!registrator_flags_check(&self->flags, err) || !make_docker(self, err) ||
	    !registrator_flags_options(&self->flags, &self->options, err) ||
	    !registrator_uri_parse(self->flags.uri, &self->uri, err) ||
	    !registrator_backend_open(&self->backend, &self->uri, self->loop, self->http, err))
		return false;
	/* Where nothing can be compared a resync writes everything again: only when asked for. */
	if (!self->flags.has_resync && !registry_can_list(self->backend.registry))
		self->options.resync_ms = -1;
	self->options.http = self->http;
	if (self->flags.dry_run) {
		registry_free(self->backend.registry);
		self->backend.registry = registrator_dry_registry();
		self->backend.must_answer_first = false;
	}
	warn_about_hostname(&self->options);
	return true;
}

static void on_removed(void *arg, const char *text, const struct err *err)
{
	struct stand_in *self = arg;

	(void)text;
	self->removal = NULL;
	if (err)
		log_info(PART, "deregister failed: %s", err->msg);
	loop_stop(self->loop);
}

static void on_too_long(void *arg)
{
	struct stand_in *self = arg;

	self->removal_limit = NULL;
	log_info(PART, "deregister failed: the registry does not answer");
	loop_stop(self->loop);
}

static void on_signal(void *arg, int signal_number)
{
	struct stand_in *self = arg;
	bool is_second = self->signal;

	self->signal = signal_number;
	if (is_second || !self->registrar || !self->flags.deregister_on_exit) {
		loop_stop(self->loop);
		return;
	}
	self->removal = registrar_deregister_all_start(self->registrar, on_removed, self);
	self->removal_limit = loop_timer_start(self->loop, REMOVAL_TIMEOUT_MS, on_too_long, self);
}

/* libcurl reads this one in lower case only, programs in Go in both. */
static void take_over_proxy(void)
{
	const char *proxy = getenv("HTTP_PROXY");

	if (is_set(proxy))
		setenv("http_proxy", proxy, 0);
}

static void run(struct stand_in *self)
{
	struct loop_signal *interrupt, *terminate;
	struct err err;

	take_over_proxy();
	self->loop = loop_new();
	self->http = http_new(self->loop);
	mem_give_back(); /* libraries have initialized themselves */
	interrupt = loop_signal_add(self->loop, SIGINT, on_signal, self);
	terminate = loop_signal_add(self->loop, SIGTERM, on_signal, self);
	if (!make_parts(self, &err)) {
		log_error(PART, "%s", err.msg);
		self->status = EXIT_FATAL;
	} else {
		if (self->backend.must_answer_first)
			self->ping = registry_ping(self->backend.registry, on_first_answer, self);
		else
			enter_using(self);
		loop_run(self->loop);
	}
	registry_cancel(&self->ping);
	loop_timer_stop(&self->retry);
	loop_timer_stop(&self->rest);
	loop_timer_stop(&self->removal_limit);
	docker_call_cancel(&self->listing);
	registrar_free(self->registrar);
	registrator_backend_release(&self->backend);
	docker_free(self->docker);
	registrator_uri_release(&self->uri);
	loop_signal_remove(&interrupt);
	loop_signal_remove(&terminate);
	http_free(self->http);
	loop_free(self->loop);
}

static void print_usage(const char *program, const char *complaint)
{
	struct strbuf text = STRBUF_INIT;

	if (complaint)
		strbuf_addf(&text, "%s\n\n", complaint);
	registrator_flags_usage(&text, program);
	fputs(text.buf, stderr);
	strbuf_release(&text);
}

int as_registrator(int argc, char **argv)
{
	struct stand_in self = { 0 };
	struct strbuf complaint = STRBUF_INIT;
	enum registrator_command command =
		registrator_flags_read(&self.flags, argc, argv, &complaint);

	if (command == REGISTRATOR_VERSION) {
		printf("binnacle %s, in the place of registrator 7.4.0\n", BINNACLE_VERSION);
		return 0;
	}
	log_set_sink(sink, NULL, LOG_LEVEL_INFO);
	log_info(PART, "Starting registrator 7.4.0 (binnacle %s) ...", BINNACLE_VERSION);
	if (command == REGISTRATOR_RUN) {
		if (is_set(self.flags.ip))
			log_info(PART, "Forcing host IP to %s", self.flags.ip);
		run(&self);
	} else {
		print_usage(argv[0], command == REGISTRATOR_USAGE ? complaint.buf : NULL);
		self.status = command == REGISTRATOR_USAGE ? EXIT_USAGE : 0;
	}
	strbuf_release(&complaint);
	if (!self.signal)
		return self.status;
	/* Whoever waits is to see the signal, as with a program that does not catch it; as the
	 * first process of a container it is not delivered. */
	signal(self.signal, SIG_DFL);
	raise(self.signal);
	return EXIT_BY_SIGNAL + self.signal;
}
