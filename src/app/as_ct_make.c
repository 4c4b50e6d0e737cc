/* What one life of the stand-in begins with: Consul's client, the renderer with its templates, and
 * the pid file. */
#include <errno.h>
#include <fcntl.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/log.h"
#include "binnacle/consul/consul.h"
#include "binnacle/net/http.h"
#include "as_ct_command.h"
#include "as_ct_log.h"
#include "as_ct_run_private.h"

#define WATCHES_MAX 10000

/* What the original says at each attempt; its delays have no jitter. */
static void on_retrying(void *arg, const char *path, unsigned attempt, const struct err *err)
{
	struct ct_run *run = arg;
	const struct ct_config *config = run->config;
	int64_t delay_ms = config->consul.backoff_ms, most = config->consul.max_backoff_ms;
	char after[CT_DURATION_BYTES];
	struct strbuf name = STRBUF_INIT;

	for (unsigned i = 1; i < attempt && i < 32 && (!most || delay_ms < most); i++)
		delay_ms *= 2;
	if (most && delay_ms > most)
		delay_ms = most;
	run->trouble_ms = clock_mono_ms();
	ct_log_name(&name, path);
	log_warn("view", "%s: %s (retry attempt %u after \"%s\")", name.buf, err->msg, attempt,
		 ct_log_duration(delay_ms, after));
	strbuf_release(&name);
}

bool ct_make_consul(struct ct_run *run, struct err *err)
{
	const struct ct_config *config = run->config;
	const char *password = config->consul.password;
	struct consul_config consul = {
		.address = config->consul.address,
		.token = config->consul.token,
		.token_file = config->consul.token_file,
		.tls = config->consul.ssl == 1,
		.no_verify = config->consul.verify == 0,
		.ca_file = config->consul.ca_cert,
		.ca_path = config->consul.ca_path,
		.cert_file = config->consul.cert,
		.key_file = config->consul.key,
		.server_name = config->consul.server_name,
		.wait_ms = config->consul.wait_ms,
		.max_stale_ms = config->max_stale_ms,
		.retrying = on_retrying,
		.retrying_arg = run,
		.retry_base_ms = config->consul.backoff_ms,
		.retry_max_ms = config->consul.max_backoff_ms ? config->consul.max_backoff_ms
							      : INT64_MAX / 4,
	};

	if (config->consul.auth_enabled && config->consul.user)
		consul.auth = arena_printf(&run->arena, "%s:%s", config->consul.user,
					   password ? password : "");
	/* What is said wins over the environment, where the client finds the rest. */
	if (config->consul.verify == 1)
		setenv("CONSUL_HTTP_SSL_VERIFY", "true", 1);
	run->http = http_new(run->loop);
	run->consul = consul_new(run->loop, run->http, &consul, err);
	return run->consul || err_context(err, "consul");
}

/* Go's words for it. */
static bool read_source(const char *path, struct strbuf *out, struct err *err)
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
	return file_read(path, LIMIT_TEMPLATE_FILE, out, err) ||
	       err_context(err, "failed to read template");
}

static bool read_text(const struct ct_run *run, struct ct_item *item, struct err *err)
{
	const struct ct_template *template = item->template;
	struct strbuf text = STRBUF_INIT;
	bool ok = true;

	if (template->source && template->contents)
		return err_set(err, ERR_INPUT,
			       "template: cannot specify both 'source' and 'content'");
	if (!template->source && !template->contents)
		return err_set(err, ERR_INPUT,
			       "template: must specify exactly one of 'source' or 'content'");
	if (!run->config->dry && (!template->destination || !*template->destination))
		return err_set(err, ERR_INPUT, "missing destination");
	if (template->source)
		ok = read_source(template->source, &text, err);
	else
		strbuf_addstr(&text, template->contents);
	digest_md5_hex(text.buf, text.len, item->md5);
	strbuf_release(&text);
	return ok;
}

static const struct ct_item *first_of_text(const struct ct_run *run, const struct ct_item *item)
{
	const struct ct_item *first = run->items;

	while (strcmp(first->md5, item->md5) != 0)
		first++;
	return first;
}

/* The first of those with one text decides what they have in common, as in the original. */
static void set_wait(struct ct_run *run, const struct ct_item *first, struct render_template *spec)
{
	for (size_t i = 0; i < run->count; i++) {
		const struct ct_wait *wait = &run->items[i].template->wait;

		if (strcmp(run->items[i].md5, first->md5) != 0 || wait->enabled == CT_UNSAID)
			continue;
		spec->own_wait = true;
		if (wait->enabled == 1) {
			spec->wait_min_ms = wait->min_ms;
			spec->wait_max_ms = wait->max_ms;
			return;
		}
	}
}

/* For a shell: a list keeps its words. */
static const char *command_line(struct arena *arena, const struct ct_exec *exec)
{
	struct strbuf line = STRBUF_INIT;
	const char *text;

	if (!exec->argv)
		return exec->command;
	for (size_t i = 0; exec->argv[i]; i++) {
		strbuf_addstr(&line, i ? " '" : "'");
		for (const char *p = exec->argv[i]; *p; p++) {
			if (*p == '\'')
				strbuf_addstr(&line, "'\\'");
			strbuf_addch(&line, *p);
		}
		strbuf_addch(&line, '\'');
	}
	text = arena_strdup(arena, line.buf);
	strbuf_release(&line);
	return text;
}

/* A template with an nginx is written by the renderer, which can take back what it wrote. */
static bool add_nginx(struct ct_run *run, const struct ct_template *template,
		      struct render_template *spec, struct err *err)
{
	const struct ct_config *config = run->config;

	for (size_t i = 0; i < config->nginx_count; i++)
		if (strcmp(config->nginxes[i].name, template->nginx) == 0)
			spec->nginx = run->nginxes[i];
	if (!spec->nginx)
		return err_set(err, ERR_INPUT, "template: there is no nginx block \"%s\"",
			       template->nginx);
	if (template->user || template->group)
		return err_set(err, ERR_INPUT,
			       "template: with nginx, the file keeps its owner: user and group "
			       "cannot be said");
	spec->command = command_line(&run->arena, &template->exec);
	spec->command_timeout_ms = template->exec.timeout_ms;
	spec->perms = template->perms;
	spec->backup = template->backup;
	spec->no_create_dirs = !template->create_dirs;
	return true;
}

static bool make_nginxes(struct ct_run *run, struct err *err)
{
	const struct ct_config *config = run->config;

	run->nginxes = xcalloc(config->nginx_count + 1, sizeof(struct nginx_control *));
	for (size_t i = 0; i < config->nginx_count; i++) {
		const struct nginx_spec spec = { .name = config->nginxes[i].name,
						 .folder = config->nginxes[i].conf,
						 .binary = config->nginxes[i].binary,
						 .prefix = config->nginxes[i].prefix };

		run->nginxes[i] = nginx_control_new(run->loop, &spec, err);
		if (!run->nginxes[i])
			return err_context(err, "nginx \"%s\"", spec.name);
	}
	return true;
}

static bool add_template(struct ct_run *run, size_t index, struct err *err)
{
	struct ct_item *item = &run->items[index];
	const struct ct_template *template = item->template;
	const struct ct_item *first = first_of_text(run, item);
	struct render_template spec = {
		.name = arena_printf(&run->arena, "template %zu", index + 1),
		.source = template->source,
		.contents = template->contents,
		.destination = template->destination,
		.left_delimiter = first->template->left_delimiter,
		.right_delimiter = first->template->right_delimiter,
		.error_on_missing_key = first->template->error_on_missing_key,
		.denied = first->template->denied,
		.sandbox = first->template->sandbox,
	};

	item->display =
		xasprintf("\"%s\" => \"%s\"", template->source ? template->source : "(dynamic)",
			  template->destination ? template->destination : "");
	if (!template->destination || !*template->destination) {
		/* A path that never exists: everything differs from it. */
		item->no_target = xasprintf("/proc/self/no-destination-%zu", index);
		spec.destination = item->no_target;
	}
	set_wait(run, first, &spec);
	if (template->nginx && !run->config->dry && !add_nginx(run, template, &spec, err))
		return false;
	return render_runner_add(run->runner, &spec, err);
}

/* By the first of their text, and among those as they were given. */
static void make_order(struct ct_run *run)
{
	size_t len = 0;

	for (size_t i = 0; i < run->count; i++) {
		if (first_of_text(run, &run->items[i]) != &run->items[i])
			continue;
		for (size_t k = i; k < run->count; k++)
			if (strcmp(run->items[k].md5, run->items[i].md5) == 0)
				run->order[len++] = k;
	}
}

bool ct_make_runner(struct ct_run *run, const struct render_events *events, struct err *err)
{
	const struct ct_config *config = run->config;
	const struct ct_env only_consul = { .pristine = true };
	struct render_options options = {
		.mode = RENDER_HOLD,
		.no_stale = config->max_stale_ms == 0,
		.watch_limit = WATCHES_MAX,
		.no_brakes = true,
		.no_automatic_check = true,
		.shared_destinations = true,
		.execute_all = (config->original & CT_ORIGINAL_EVERY_RUN) != 0,
		.effects = true,
		.env = ct_command_env(config, &only_consul, &run->arena),
		.dry_effects = run->config->dry,
		.early_errors = (config->original & CT_ORIGINAL_FIRST_PASS) != 0,
	};

	if (config->wait.enabled == 1) {
		options.wait_min_ms = config->wait.min_ms;
		options.wait_max_ms = config->wait.max_ms;
	}
	run->count = config->template_count;
	run->items = xcalloc(run->count + 1, sizeof(*run->items));
	run->order = xcalloc(run->count + 1, sizeof(*run->order));
	run->commands = xcalloc(run->count + 1, sizeof(*run->commands));
	for (size_t i = 0; i < run->count; i++) {
		run->items[i].run = run;
		run->items[i].template = &config->templates[i];
		if (!read_text(run, &run->items[i], err))
			return false;
	}
	make_order(run);
	if (!make_nginxes(run, err))
		return false;
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
