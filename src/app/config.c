#include "config.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/file.h"
#include "binnacle/base/hcl.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "config_calico.h"

/* Keys of Consul Template's files that concern its own runner alone. */
#define RUNNER_KEYS                                                                                \
	"kill_signal", "reload_signal", "log_level", "max_stale", "pid_file", "syslog",            \
		"deduplicate", "exec", "vault", "nomad", "default_delimiters", "log_file",         \
		"template_error_fatal", "block_query_wait", "err_on_failed_lookup"

static bool read_consul(struct config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "address", "token",     "token_file", "auth", "ssl",
					    "retry",   "transport", "namespace",  NULL };
	static const char *const ssl_keys[] = { "enabled", "verify", "ca_cert",     "ca_path",
						"cert",    "key",    "server_name", NULL };
	static const char *const auth_keys[] = { "enabled", "username", "password", NULL };
	const struct hcl_value *block = hcl_get(root, "consul"), *ssl, *auth;
	const char *user = NULL, *password = "";
	bool verify = true, tls = false;

	if (!block)
		return true;
	if (block->kind == HCL_STRING) { /* consul = "addr", an old form */
		config->consul.address = block->text;
		return true;
	}
	ssl = hcl_get(block, "ssl");
	auth = hcl_get(block, "auth");
	tls = ssl != NULL;
	if (!hcl_only_keys(block, "consul", keys, err) ||
	    (ssl && !hcl_only_keys(ssl, "consul ssl", ssl_keys, err)) ||
	    (auth && !hcl_only_keys(auth, "consul auth", auth_keys, err)) ||
	    !hcl_read_text(block, "address", &config->consul.address, err) ||
	    !hcl_read_text(block, "token", &config->consul.token, err) ||
	    !hcl_read_text(block, "token_file", &config->consul.token_file, err) ||
	    !hcl_read_bool(ssl, "enabled", &tls, err) ||
	    !hcl_read_bool(ssl, "verify", &verify, err) ||
	    !hcl_read_text(ssl, "ca_cert", &config->consul.ca_file, err) ||
	    !hcl_read_text(ssl, "ca_path", &config->consul.ca_path, err) ||
	    !hcl_read_text(ssl, "cert", &config->consul.cert_file, err) ||
	    !hcl_read_text(ssl, "key", &config->consul.key_file, err) ||
	    !hcl_read_text(ssl, "server_name", &config->consul.server_name, err) ||
	    !hcl_read_text(auth, "username", &user, err) ||
	    !hcl_read_text(auth, "password", &password, err))
		return false;
	config->consul.tls = tls;
	config->consul.no_verify = !verify;
	if (user)
		config->consul.auth = arena_printf(&config->arena, "%s:%s", user, password);
	return true;
}

static bool read_dockers(struct config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "host", "cert_path", "verify", "name", NULL };

	for (const struct hcl_value *block = NULL; (block = hcl_each(root, "docker", block));) {
		struct config_docker *docker;
		bool verify = true;

		if (block->kind != HCL_OBJECT || block->label_count != 1)
			return err_set(err, ERR_INPUT,
				       "line %zu: a docker block names its node: docker \"NODE\" "
				       "{ host = \"unix:///var/run/docker.sock\" }",
				       block->line);
		if (!hcl_only_keys(block, "docker", keys, err))
			return false;
		for (size_t i = 0; i < config->docker_count; i++)
			if (strcmp(config->dockers[i].node, block->labels[0]) == 0)
				return err_set(err, ERR_INPUT,
					       "line %zu: docker \"%s\" is there twice",
					       block->line, block->labels[0]);
		GROW(config->dockers, config->docker_count, config->docker_cap);
		docker = &config->dockers[config->docker_count++];
		*docker = (struct config_docker){ .node = block->labels[0], .confirmed = true };
		if (!hcl_read_text(block, "host", &docker->host, err) ||
		    !hcl_read_text(block, "cert_path", &docker->cert_path, err) ||
		    !hcl_read_text(block, "name", &docker->name, err) ||
		    !hcl_read_bool(block, "verify", &verify, err))
			return false;
		docker->no_verify = !verify;
		if (!docker->host)
			return err_set(err, ERR_INPUT, "line %zu: docker \"%s\" has no host",
				       block->line, docker->node);
	}
	return true;
}

static bool read_nginxes(struct config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "container", "docker", "conf", "container_conf",
					    "binary",    "prefix", NULL };

	for (const struct hcl_value *block = NULL; (block = hcl_each(root, "nginx", block));) {
		struct config_nginx *nginx;

		if (block->kind != HCL_OBJECT || block->label_count > 1)
			return err_set(
				err, ERR_INPUT,
				"line %zu: an nginx block has a name: nginx \"ingress\" { … }",
				block->line);
		if (!hcl_only_keys(block, "nginx", keys, err))
			return false;
		GROW(config->nginxes, config->nginx_count, config->nginx_cap);
		nginx = &config->nginxes[config->nginx_count++];
		*nginx = (struct config_nginx){ .name = block->label_count ? block->labels[0]
									   : "nginx" };
		if (!hcl_read_text(block, "container", &nginx->container, err) ||
		    !hcl_read_text(block, "docker", &nginx->docker, err) ||
		    !hcl_read_text(block, "conf", &nginx->conf, err) ||
		    !hcl_read_text(block, "container_conf", &nginx->container_conf, err) ||
		    !hcl_read_text(block, "binary", &nginx->binary, err) ||
		    !hcl_read_text(block, "prefix", &nginx->prefix, err))
			return false;
	}
	return true;
}

static bool read_wait(const struct hcl_value *object, int64_t *min_ms, int64_t *max_ms, bool *given,
		      struct err *err)
{
	const struct hcl_value *wait = hcl_get(object, "wait");
	bool enabled = true;

	if (!wait)
		return true;
	*given = true;
	if (wait->kind == HCL_STRING) { /* "5s" or "5s:20s" */
		char text[64];
		char *colon;

		snprintf(text, sizeof(text), "%s", wait->text);
		colon = strchr(text, ':');
		if (colon)
			*colon++ = '\0';
		if (!text_parse_duration(text, min_ms) ||
		    (colon && !text_parse_duration(colon, max_ms)))
			return err_set(err, ERR_INPUT,
				       "line %zu: wait must be \"MIN\" or \"MIN:MAX\"", wait->line);
	} else if (!hcl_read_bool(wait, "bool", &enabled, err) ||
		   !hcl_read_bool(wait, "enabled", &enabled, err) ||
		   !hcl_read_duration(wait, "min", min_ms, err) ||
		   !hcl_read_duration(wait, "max", max_ms, err)) {
		return false;
	}
	if (!enabled)
		*min_ms = *max_ms = 0;
	if (*max_ms && *max_ms < *min_ms)
		return err_set(err, ERR_INPUT, "line %zu: wait: min must be less than max",
			       wait->line);
	return true;
}

static bool read_perms(const struct hcl_value *block, mode_t *perms, struct err *err)
{
	const char *text = NULL;
	char *end;
	unsigned long bits;

	if (!hcl_read_text(block, "perms", &text, err))
		return false;
	if (!text)
		return true;
	bits = strtoul(text, &end, 8);
	if (*end || end == text || bits > 07777)
		return err_set(err, ERR_INPUT,
			       "line %zu: perms must be octal, such as \"0644\", and is \"%s\"",
			       block->line, text);
	*perms = (mode_t)bits;
	return true;
}

/* `command` is a text, or a list that Consul Template runs without a shell. */
static bool read_command(struct config *config, const struct hcl_value *block,
			 struct config_template *template, struct err *err)
{
	const struct hcl_value *exec = hcl_get(block, "exec");
	const struct hcl_value *from = exec && hcl_get(exec, "command") ? exec : block;
	const struct hcl_value *value = hcl_get(from, "command");

	if (value && value->kind == HCL_LIST)
		return err_set(err, ERR_INPUT,
			       "line %zu: command as a list is not supported yet; "
			       "write it as one text",
			       value->line);
	(void)config;
	return hcl_read_text(from, "command", &template->spec.command, err) &&
	       hcl_read_duration(block, "command_timeout", &template->spec.command_timeout_ms,
				 err) &&
	       hcl_read_duration(exec, "timeout", &template->spec.command_timeout_ms, err);
}

static bool read_template(struct config *config, const struct hcl_value *block, struct err *err)
{
	static const char *const keys[] = { "name",
					    "source",
					    "contents",
					    "destination",
					    "nginx",
					    "command",
					    "command_timeout",
					    "exec",
					    "wait",
					    "perms",
					    "backup",
					    "create_dest_dirs",
					    "left_delimiter",
					    "right_delimiter",
					    "error_on_missing_key",
					    NULL };
	struct config_template *template;
	struct render_template *spec;
	bool create_dirs = true;

	if (block->kind != HCL_OBJECT)
		return err_set(err, ERR_INPUT, "line %zu: template must be a block", block->line);
	if (!hcl_only_keys(block, "template", keys, err))
		return false;
	GROW(config->templates, config->template_count, config->template_cap);
	template = &config->templates[config->template_count++];
	*template = (struct config_template){ 0 };
	spec = &template->spec;
	if (!hcl_read_text(block, "name", &spec->name, err) ||
	    !hcl_read_text(block, "source", &spec->source, err) ||
	    !hcl_read_text(block, "contents", &spec->contents, err) ||
	    !hcl_read_text(block, "destination", &spec->destination, err) ||
	    !hcl_read_text(block, "nginx", &template->nginx, err) ||
	    !hcl_read_text(block, "left_delimiter", &spec->left_delimiter, err) ||
	    !hcl_read_text(block, "right_delimiter", &spec->right_delimiter, err) ||
	    !hcl_read_bool(block, "backup", &spec->backup, err) ||
	    !hcl_read_bool(block, "create_dest_dirs", &create_dirs, err) ||
	    !hcl_read_bool(block, "error_on_missing_key", &spec->error_on_missing_key, err) ||
	    !read_perms(block, &spec->perms, err) || !read_command(config, block, template, err) ||
	    !read_wait(block, &spec->wait_min_ms, &spec->wait_max_ms, &spec->own_wait, err))
		return false;
	spec->no_create_dirs = !create_dirs;
	if (spec->contents && !*spec->contents)
		spec->contents = NULL;
	if (!spec->source == !spec->contents)
		return err_set(err, ERR_INPUT, "line %zu: template: give either source or contents",
			       block->line);
	if (!spec->destination)
		return err_set(err, ERR_INPUT, "line %zu: template: destination is missing",
			       block->line);
	return true;
}

static bool mode_named(const char *text, enum engine_mode *mode)
{
	for (int i = MODE_OFF; i <= MODE_AUTO; i++) {
		if (strcmp(engine_mode_name((enum engine_mode)i), text) == 0) {
			*mode = (enum engine_mode)i;
			return true;
		}
	}
	return false;
}

bool config_set_modes(struct config *config, const char *mode, struct err *err)
{
	if (!mode_named(mode, &config->render_mode))
		return err_set(err, ERR_INPUT, "the mode must be auto, hold or off, and is \"%s\"",
			       mode);
	config->register_mode = config->render_mode;
	config->has_render_mode = config->has_register_mode = true;
	return true;
}

static bool read_mode(const struct hcl_value *block, bool *given, enum engine_mode *mode,
		      struct err *err)
{
	const char *text = NULL;

	if (!hcl_read_text(block, "mode", &text, err))
		return false;
	if (!text)
		return true;
	*given = mode_named(text, mode);
	if (*given)
		return true;
	return err_set(err, ERR_INPUT, "line %zu: mode must be off, hold or auto, and is \"%s\"",
		       block->line, text);
}

/* What rules and registrar can be told, by key. */
static bool read_register_options(const struct hcl_value *block, struct register_options *options,
				  struct err *err)
{
	const struct {
		const char *key;
		const char **text;
	} texts[] = {
		{ "hostname", &options->hostname },
		{ "ip", &options->ip },
		{ "internal_networks", &options->internal_networks },
		{ "host_networks", &options->host_networks },
		{ "use_ip_from_label", &options->use_ip_from_label },
		{ "tags", &options->tags },
		{ "meta_exclude", &options->meta_exclude },
		{ "registered_by", &options->registered_by },
	};
	const struct {
		const char *key;
		bool *value;
	} switches[] = {
		{ "internal", &options->internal },
		{ "explicit", &options->explicit_only },
		{ "cleanup", &options->cleanup },
		{ "container_keys", &options->container_keys },
		{ "keep_removed", &options->keep_removed },
		{ "follow_networks", &options->follow_networks },
		{ "follow_renames", &options->follow_renames },
		{ "drain", &options->drain },
	};

	for (size_t i = 0; i < COUNT_OF(texts); i++) {
		if (!hcl_read_text(block, texts[i].key, texts[i].text, err))
			return false;
	}
	for (size_t i = 0; i < COUNT_OF(switches); i++) {
		if (!hcl_read_bool(block, switches[i].key, switches[i].value, err))
			return false;
	}
	if (!hcl_read_duration(block, "resync", &options->resync_ms, err))
		return false;
	/* The registrar takes 0 for its default. */
	if (hcl_get(block, "resync") && options->resync_ms == 0)
		options->resync_ms = -1;
	return true;
}

/* One of a few words; `names` ends in NULL. The first is the default. */
static bool read_word(const struct hcl_value *block, const char *key, const char *const *names,
		      const char *choice, size_t *out, struct err *err)
{
	const char *text = NULL;

	*out = 0;
	if (!hcl_read_text(block, key, &text, err))
		return false;
	for (size_t i = 0; text && names[i]; i++) {
		if (strcmp(text, names[i]) == 0) {
			*out = i;
			return true;
		}
	}
	return text ? err_set(err, ERR_INPUT, "line %zu: %s must be %s", block->line, key, choice)
		    : true;
}

static bool read_register(struct config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = {
		"registry",
		"mode",
		"ip",
		"internal",
		"explicit",
		"tags",
		"cleanup",
		"internal_networks",
		"hostname",
		"host_networks",
		"resync",
		"use_ip_from_label",
		"deregister",
		"tags_order",
		"meta_exclude",
		"registered_by",
		"container_keys",
		"keep_removed",
		"follow_networks",
		"follow_renames",
		"deregister_on_exit",
		"drain",
		NULL,
	};
	static const char *const ways[] = {
		[REGISTER_DEREGISTER_ALWAYS] = "always",
		[REGISTER_DEREGISTER_ON_SUCCESS] = "on-success",
		[REGISTER_DEREGISTER_NEVER] = "never",
		NULL,
	};
	static const char *const orders[] = { "reversed", "given", NULL };
	const struct hcl_value *block = hcl_get(root, "register");
	struct register_options *options = &config->registration;
	size_t way, order;

	if (!block)
		return true;
	if (!hcl_only_keys(block, "register", keys, err) ||
	    !read_mode(block, &config->has_register_mode, &config->register_mode, err) ||
	    !hcl_read_text(block, "registry", &config->registry, err) ||
	    !hcl_read_bool(block, "deregister_on_exit", &config->deregister_on_exit, err) ||
	    !read_register_options(block, options, err) ||
	    !read_word(block, "deregister", ways, "\"always\", \"on-success\" or \"never\"", &way,
		       err) ||
	    !read_word(block, "tags_order", orders, "\"reversed\" or \"given\"", &order, err))
		return false;
	options->deregister = (enum register_deregister)way;
	options->tags_given_order = order == 1;
	if (config->registry && !text_starts_with(config->registry, "consul://"))
		return err_set(err, ERR_INPUT,
			       "line %zu: registry must be a consul:// address, and is \"%s\"",
			       block->line, config->registry);
	return true;
}

static bool read_confirm(const struct hcl_value *block, enum action_confirm *confirm,
			 struct err *err)
{
	static const char *const names[] = { "normal", "always-type", "relaxed" };
	const char *text = NULL;

	if (!hcl_read_text(block, "confirm", &text, err))
		return false;
	for (size_t i = 0; text && i < COUNT_OF(names); i++) {
		if (strcmp(names[i], text) == 0) {
			*confirm = (enum action_confirm)i;
			return true;
		}
	}
	return !text || err_set(err, ERR_INPUT,
				"line %zu: confirm must be normal, always-type or relaxed, and is "
				"\"%s\"",
				block->line, text);
}

static bool read_ui(struct config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "theme", "production", "color", "ascii",
					    "plain", "confirm",    NULL };
	static const char *const bind_keys[] = { "run", NULL };
	const struct hcl_value *block = hcl_get(root, "ui");

	if (block && (!hcl_only_keys(block, "ui", keys, err) ||
		      !hcl_read_text(block, "theme", &config->theme, err) ||
		      !hcl_read_text(block, "color", &config->color, err) ||
		      !hcl_read_bool(block, "ascii", &config->ascii, err) ||
		      !hcl_read_bool(block, "plain", &config->plain, err) ||
		      !hcl_read_bool(block, "production", &config->production, err) ||
		      !read_confirm(block, &config->confirm, err)))
		return false;
	for (block = NULL; (block = hcl_each(root, "bind", block));) {
		struct config_bind *bind;

		if (block->label_count != 2 || !hcl_only_keys(block, "bind", bind_keys, err))
			return err_set(err, ERR_INPUT,
				       "line %zu: bind \"PANE\" \"KEY\" { run = \"command\" }",
				       block->line);
		GROW(config->binds, config->bind_count, config->bind_cap);
		bind = &config->binds[config->bind_count++];
		*bind = (struct config_bind){ block->labels[0], block->labels[1], "" };
		if (!hcl_read_text(block, "run", &bind->run, err))
			return false;
	}
	return true;
}

bool config_parse(struct config *config, const char *text, size_t len, struct err *err)
{
	static const char *const keys[] = { "consul",    "docker",   "calico", "nginx",
					    "template",  "register", "render", "ui",
					    "bind",      "wait",     "node",   "state_dir",
					    RUNNER_KEYS, NULL };
	static const char *const render_keys[] = { "mode", NULL };
	const struct hcl_value *root = hcl_parse(text, len, &config->arena, err), *render;
	bool waits;

	if (!root || !hcl_only_keys(root, "the file", keys, err))
		return false;
	render = hcl_get(root, "render");
	if (render && (!hcl_only_keys(render, "render", render_keys, err) ||
		       !read_mode(render, &config->has_render_mode, &config->render_mode, err)))
		return false;
	for (const struct hcl_value *block = NULL; (block = hcl_each(root, "template", block));)
		if (!read_template(config, block, err))
			return false;
	return hcl_read_text(root, "node", &config->node, err) &&
	       hcl_read_text(root, "state_dir", &config->state_dir, err) &&
	       read_consul(config, root, err) && read_dockers(config, root, err) &&
	       config_calico_read(config, root, err) && read_nginxes(config, root, err) &&
	       read_wait(root, &config->wait_min_ms, &config->wait_max_ms, &waits, err) &&
	       read_register(config, root, err) && read_ui(config, root, err);
}

/* ---- where the file is, and what stands above it ---- */

static const char *find_file(struct config *config, const struct config_flags *flags, bool *named)
{
	const char *home = getenv("XDG_CONFIG_HOME"), *path;

	*named = true;
	if (flags->config)
		return flags->config;
	path = getenv("BINNACLE_CONFIG");
	if (path && *path)
		return path;
	*named = false;
	if (home && *home)
		path = arena_printf(&config->arena, "%s/binnacle/binnacle.hcl", home);
	else if (getenv("HOME"))
		path = arena_printf(&config->arena, "%s/.config/binnacle/binnacle.hcl",
				    getenv("HOME"));
	if (path && *path && file_exists(path))
		return path;
	path = "/etc/binnacle/binnacle.hcl";
	return file_exists(path) ? path : NULL;
}

static struct config_docker *docker_of(struct config *config, const char *node)
{
	for (size_t i = 0; i < config->docker_count; i++)
		if (strcmp(config->dockers[i].node, node) == 0)
			return &config->dockers[i];
	return NULL;
}

/* The daemon of this host: --docker, else the file's block for it, else $DOCKER_HOST, else the
 * usual socket. That the host's name is the node's name is only a proposal unless it is written
 * down. */
static void complete_dockers(struct config *config, const struct config_flags *flags)
{
	struct config_docker *local = docker_of(config, config->node);
	const char *env = getenv("DOCKER_HOST"), *verify = getenv("DOCKER_TLS_VERIFY");
	const char *cert_path = getenv("DOCKER_CERT_PATH");

	if (!local && config->docker_count && !flags->docker)
		return; /* the operator said which daemons there are; this host has none */
	if (!local) {
		GROW(config->dockers, config->docker_count, config->docker_cap);
		local = &config->dockers[config->docker_count++];
		*local = (struct config_docker){ .node = config->node,
						 .host = "unix:///var/run/docker.sock",
						 .confirmed = flags->docker && flags->node };
		if (env && *env)
			local->host = env;
		if (env && *env && verify && *verify && cert_path)
			local->cert_path = cert_path;
	}
	if (flags->docker)
		local->host = flags->docker;
}

static void complete_node(struct config *config, const struct config_flags *flags)
{
	char name[256] = "";

	if (flags->node)
		config->node = flags->node;
	if (config->node)
		return;
	if (gethostname(name, sizeof(name) - 1) < 0 || !*name)
		snprintf(name, sizeof(name), "localhost");
	config->node = arena_strdup(&config->arena, name);
}

bool config_load(struct config *config, const struct config_flags *flags, struct err *err)
{
	struct strbuf text = STRBUF_INIT;
	bool named, ok = true;
	const char *path = find_file(config, flags, &named);

	if (path) {
		config->path = arena_strdup(&config->arena, path);
		ok = file_read(path, LIMIT_CONFIG_FILE, &text, err);
		if (ok && !config_parse(config, text.buf, text.len, err))
			ok = err_context(err, "%s", path);
		strbuf_release(&text);
		if (!ok)
			return false;
	}
	if (!config_calico_complete(config, err))
		return false;
	if (flags->consul) {
		config->consul.address = flags->consul;
		config->registry = NULL; /* this agent, whatever the file says */
	}
	if (flags->token_file)
		config->consul.token_file = flags->token_file;
	if (flags->etcd)
		config_calico_set_endpoints(config, flags->etcd);
	if (flags->theme)
		config->theme = flags->theme;
	if (flags->color)
		config->color = flags->color;
	config->term = flags->term;
	config->ascii = config->ascii || flags->ascii;
	config->plain = config->plain || flags->plain;
	config->read_only = flags->read_only;
	complete_node(config, flags);
	complete_dockers(config, flags);
	return true;
}

void config_release(struct config *config)
{
	free(config->dockers);
	free(config->nginxes);
	free(config->templates);
	free(config->binds);
	arena_release(&config->arena);
	*config = (struct config){ 0 };
}
