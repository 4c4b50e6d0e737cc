/* What one life of the stand-in begins with: Consul's client, the renderer with its templates, and
 * the pid file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <unistd.h>

#include "binnacle/consul/consul.h"
#include "binnacle/net/http.h"
#include "as_ct_run_private.h"

#define WATCHES_MAX 10000

bool ct_make_consul(struct ct_run *run, struct err *err)
{
	const struct ct_config *config = run->config;
	const char *password = config->consul.password;
	struct consul_config consul = {
		.address = config->consul.address,
		.token = config->consul.token,
		.tls = config->consul.ssl == 1,
		.no_verify = config->consul.verify == 0,
		.ca_file = config->consul.ca_cert,
		.ca_path = config->consul.ca_path,
		.cert_file = config->consul.cert,
		.key_file = config->consul.key,
		.server_name = config->consul.server_name,
	};

	if (config->consul.auth_enabled && config->consul.user)
		consul.auth = arena_printf(&run->arena, "%s:%s", config->consul.user,
					   password ? password : "");
	run->http = http_new(run->loop);
	run->consul = consul_new(run->loop, run->http, &consul, err);
	return run->consul || err_context(err, "consul");
}

/* Go's words for it. */
static bool check_source(const char *path, struct err *err)
{
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK), saved = errno;

	if (fd >= 0)
		close(fd);
	else if (saved == ENOENT)
		return err_set(err, ERR_NOT_FOUND,
			       "failed to read template: open %s: no such file or directory", path);
	else if (saved == EACCES)
		return err_set(err, ERR_DENIED,
			       "failed to read template: open %s: permission denied", path);
	return true;
}

static bool check_template(const struct ct_run *run, const struct ct_template *template,
			   struct err *err)
{
	if (template->source && template->contents)
		return err_set(err, ERR_INPUT,
			       "template: cannot specify both 'source' and 'content'");
	if (!template->source && !template->contents)
		return err_set(err, ERR_INPUT,
			       "template: must specify exactly one of 'source' or 'content'");
	if (!run->config->dry && (!template->destination || !*template->destination))
		return err_set(err, ERR_INPUT, "missing destination");
	return !template->source || check_source(template->source, err);
}

static bool add_template(struct ct_run *run, size_t index, struct err *err)
{
	const struct ct_template *template = &run->config->templates[index];
	struct ct_item *item = &run->items[index];
	struct render_template spec = {
		.source = template->source,
		.contents = template->contents,
		.destination = template->destination,
		.left_delimiter = template->left_delimiter,
		.right_delimiter = template->right_delimiter,
		.error_on_missing_key = template->error_on_missing_key,
	};

	if (!check_template(run, template, err))
		return false;
	item->template = template;
	item->display =
		xasprintf("\"%s\" => \"%s\"", template->source ? template->source : "(dynamic)",
			  template->destination ? template->destination : "");
	if (!template->destination || !*template->destination) {
		/* A path that never exists: everything differs from it. */
		item->no_target = xasprintf("/proc/self/no-destination-%zu", index);
		spec.destination = item->no_target;
	}
	if (template->wait.enabled != CT_UNSAID || run->config->once) {
		spec.own_wait = true;
		if (template->wait.enabled == 1 && !run->config->once) {
			spec.wait_min_ms = template->wait.min_ms;
			spec.wait_max_ms = template->wait.max_ms;
		}
	}
	return render_runner_add(run->runner, &spec, err);
}

bool ct_make_runner(struct ct_run *run, const struct render_events *events, struct err *err)
{
	const struct ct_config *config = run->config;
	struct render_options options = {
		.mode = RENDER_HOLD,
		.no_stale = config->max_stale_ms == 0,
		.watch_limit = WATCHES_MAX,
		.no_brakes = true,
		.no_automatic_check = true,
	};

	if (config->wait.enabled == 1) {
		options.wait_min_ms = config->wait.min_ms;
		options.wait_max_ms = config->wait.max_ms;
	}
	run->count = config->template_count;
	run->items = xcalloc(run->count + 1, sizeof(*run->items));
	run->commands = xcalloc(run->count + 1, sizeof(*run->commands));
	run->runner = render_runner_new(run->loop, run->consul, &options, events, run);
	for (size_t i = 0; i < run->count; i++)
		if (!add_template(run, i, err))
			return false;
	return true;
}

bool ct_write_pid(struct ct_run *run, struct err *err)
{
	const char *path = run->config->pid_file;
	int fd;

	if (!path)
		return true;
	fd = open(path, O_WRONLY | O_CREAT | O_TRUNC | O_CLOEXEC, 0666);
	if (fd < 0 || dprintf(fd, "%ld", (long)getpid()) < 0) {
		err_system(err, "could not open pid file %s", path);
		if (fd >= 0)
			close(fd);
		return false;
	}
	close(fd);
	run->pid_file_written = true;
	return true;
}
