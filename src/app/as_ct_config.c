#include "as_ct_config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/hcl.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "as_ct_blocks.h"

#define CHILD_TIMEOUT_MS 30000

static void init_exec(struct ct_exec *exec)
{
	*exec = (struct ct_exec){ .enabled = CT_UNSAID,
				  .kill_timeout_ms = CHILD_TIMEOUT_MS,
				  .timeout_ms = CT_UNSAID,
				  .kill_signal = SIGINT };
}

void ct_config_init(struct ct_config *config)
{
	*config = (struct ct_config){
		.kill_signal = SIGINT,
		.reload_signal = SIGHUP,
		.max_stale_ms = 2000,
		.syslog = { .enabled = CT_UNSAID },
		.dedup = { .enabled = CT_UNSAID,
			   .prefix = CT_DEDUP_PREFIX,
			   .ttl_ms = 15000,
			   .max_stale_ms = 2000 },
		.log_file = { .age_ms = INT64_C(24) * 3600 * 1000 },
		.error_fatal = true,
		.wait = { .enabled = CT_UNSAID },
	};
	config->consul.auth_enabled = CT_UNSAID;
	config->consul.retry = true;
	config->consul.attempts = CT_UNSAID;
	config->consul.backoff_ms = 250;
	config->consul.max_backoff_ms = 60000;
	config->consul.ssl = config->consul.verify = CT_UNSAID;
	init_exec(&config->exec);
}

void ct_config_release(struct ct_config *config)
{
	free(config->paths);
	free(config->templates);
	free(config->nginxes);
	free(config->mistakes);
	arena_release(&config->arena);
	*config = (struct ct_config){ 0 };
}

struct ct_template *ct_config_add_template(struct ct_config *config)
{
	struct ct_template *template;

	GROW(config->templates, config->template_count, config->template_cap);
	template = &config->templates[config->template_count++];
	*template = (struct ct_template){ .create_dirs = true,
					  .error_fatal = CT_UNSAID,
					  .wait = { .enabled = CT_UNSAID } };
	init_exec(&template->exec);
	return template;
}

/* ---- blocks ---- */

/* Where they stood before there was a consul block; `what` is what the file says. */
static void warn_moved(const char *what)
{
	log_warn("config",
		 "%s has been moved under the consul stanza. Update your configuration files and "
		 "place %s inside consul { }.",
		 what, what);
}

static bool read_ssl(struct ct_config *config, const struct hcl_value *consul, struct err *err)
{
	static const char *const keys[] = { "enabled", "verify", "ca_cert",     "ca_path",
					    "cert",    "key",    "server_name", NULL };
	const struct hcl_value *block = ct_block(consul, "ssl");

	return !block || (ct_only_keys(config, block, "consul.ssl", keys, err) &&
			  ct_read_switch(block, "enabled", &config->consul.ssl, err) &&
			  ct_read_switch(block, "verify", &config->consul.verify, err) &&
			  hcl_read_text(block, "ca_cert", &config->consul.ca_cert, err) &&
			  hcl_read_text(block, "ca_path", &config->consul.ca_path, err) &&
			  hcl_read_text(block, "cert", &config->consul.cert, err) &&
			  hcl_read_text(block, "key", &config->consul.key, err) &&
			  hcl_read_text(block, "server_name", &config->consul.server_name, err));
}

static bool read_auth(struct ct_config *config, const struct hcl_value *consul, struct err *err)
{
	static const char *const keys[] = { "enabled", "username", "password", NULL };
	const struct hcl_value *block = ct_block(consul, "auth");

	if (!block)
		return true;
	if (block->kind == HCL_STRING) {
		ct_auth_parse(config, block->text);
		return true;
	}
	return ct_only_keys(config, block, "consul.auth", keys, err) &&
	       ct_read_switch(block, "enabled", &config->consul.auth_enabled, err) &&
	       hcl_read_text(block, "username", &config->consul.user, err) &&
	       hcl_read_text(block, "password", &config->consul.password, err);
}

static bool read_retry(struct ct_config *config, const struct hcl_value *consul, struct err *err)
{
	static const char *const keys[] = { "enabled", "attempts", "backoff", "max_backoff", NULL };
	const struct hcl_value *block = ct_block(consul, "retry");

	return !block ||
	       (ct_only_keys(config, block, "consul.retry", keys, err) &&
		hcl_read_bool(block, "enabled", &config->consul.retry, err) &&
		hcl_read_int(block, "attempts", 0, INT32_MAX, &config->consul.attempts, err) &&
		hcl_read_duration(block, "backoff", &config->consul.backoff_ms, err) &&
		hcl_read_duration(block, "max_backoff", &config->consul.max_backoff_ms, err));
}

/* Our connections are made and kept by libcurl: the values are checked and not used. */
static bool check_transport(struct ct_config *config, const struct hcl_value *consul,
			    struct err *err)
{
	static const char *const durations[] = { "dial_keep_alive", "dial_timeout",
						 "idle_conn_timeout", "tls_handshake_timeout" };
	static const char *const counts[] = { "max_idle_conns", "max_idle_conns_per_host",
					      "max_conns_per_host" };
	static const char *const keys[] = {
		"dial_keep_alive",       "dial_timeout",       "disable_keep_alives",
		"idle_conn_timeout",     "max_idle_conns",     "max_idle_conns_per_host",
		"tls_handshake_timeout", "max_conns_per_host", NULL
	};
	const struct hcl_value *block = ct_block(consul, "transport");
	int64_t number;
	bool ok = true, flag;

	if (!block)
		return true;
	ok = ct_only_keys(config, block, "consul.transport", keys, err) &&
	     hcl_read_bool(block, "disable_keep_alives", &flag, err);
	for (size_t i = 0; i < COUNT_OF(durations) && ok; i++)
		ok = hcl_read_duration(block, durations[i], &number, err);
	for (size_t i = 0; i < COUNT_OF(counts) && ok; i++)
		ok = hcl_read_int(block, counts[i], 0, INT32_MAX, &number, err);
	return ok;
}

static bool read_consul(struct ct_config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "address", "auth",      "retry",      "ssl",
					    "token",   "transport", "token_file", NULL };
	const struct hcl_value *block = ct_block(root, "consul");

	if (!block)
		return true;
	if (block->kind == HCL_STRING) {
		log_warn("config", "consul now accepts a stanza instead of a string. Update your "
				   "configuration files and change consul = \"\" to consul { } "
				   "instead.");
		config->consul.address = block->text;
		return true;
	}
	return ct_only_keys(config, block, "consul", keys, err) &&
	       hcl_read_text(block, "address", &config->consul.address, err) &&
	       hcl_read_text(block, "token", &config->consul.token, err) &&
	       hcl_read_text(block, "token_file", &config->consul.token_file, err) &&
	       read_auth(config, block, err) && read_retry(config, block, err) &&
	       read_ssl(config, block, err) && check_transport(config, block, err);
}

/* auth, ssl, token and retry at the top of the file, where 0.18 had them: retry a duration. */
static bool read_moved(struct ct_config *config, const struct hcl_value *root, struct err *err)
{
	const struct hcl_value *retry = hcl_get(root, "retry");

	if (ct_block(root, "auth"))
		warn_moved("auth");
	if (ct_block(root, "ssl"))
		warn_moved("ssl");
	if (hcl_get(root, "token"))
		warn_moved("token");
	if (retry)
		warn_moved("retry");
	return read_auth(config, root, err) && read_ssl(config, root, err) &&
	       hcl_read_text(root, "token", &config->consul.token, err) &&
	       (!retry || hcl_read_duration(root, "retry", &config->consul.backoff_ms, err));
}

static bool read_syslog(struct ct_config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "enabled", "facility", "name", NULL };
	const struct hcl_value *block = ct_block(root, "syslog");

	return !block || (ct_only_keys(config, block, "syslog", keys, err) &&
			  hcl_read_text(block, "facility", &config->syslog.facility, err) &&
			  hcl_read_text(block, "name", &config->syslog.name, err) &&
			  ct_read_switch(block, "enabled", &config->syslog.enabled, err));
}

static bool read_dedup(struct ct_config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "enabled",   "prefix",           "ttl",
					    "max_stale", "block_query_wait", NULL };
	const struct hcl_value *block = ct_block(root, "deduplicate");
	int64_t wait_ms; /* one time for all queries: block_query_wait of the file */

	config->dedup.is_said |= block && block->first;
	return !block || (ct_only_keys(config, block, "deduplicate", keys, err) &&
			  hcl_read_text(block, "prefix", &config->dedup.prefix, err) &&
			  hcl_read_duration(block, "ttl", &config->dedup.ttl_ms, err) &&
			  hcl_read_duration(block, "block_query_wait", &wait_ms, err) &&
			  hcl_read_duration(block, "max_stale", &config->dedup.max_stale_ms, err) &&
			  ct_read_switch(block, "enabled", &config->dedup.enabled, err));
}

static bool read_log_file(struct ct_config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "path", "log_rotate_bytes", "log_rotate_duration",
					    "log_rotate_max_files", NULL };
	const struct hcl_value *block = ct_block(root, "log_file");
	struct ct_logfile *file = &config->log_file;

	return !block ||
	       (ct_only_keys(config, block, "log_file", keys, err) &&
		hcl_read_text(block, "path", &file->path, err) &&
		hcl_read_int(block, "log_rotate_bytes", 0, INT64_MAX / 2, &file->bytes, err) &&
		hcl_read_duration(block, "log_rotate_duration", &file->age_ms, err) &&
		hcl_read_int(block, "log_rotate_max_files", -1, INT32_MAX, &file->max_files, err));
}

static bool read_delimiters(struct ct_config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "left", "right", NULL };
	const struct hcl_value *block = ct_block(root, "default_delimiters");

	return !block || (ct_only_keys(config, block, "default_delimiters", keys, err) &&
			  hcl_read_text(block, "left", &config->left_delimiter, err) &&
			  hcl_read_text(block, "right", &config->right_delimiter, err));
}

static bool read_original(struct ct_config *config, const struct hcl_value *root, struct err *err)
{
	const char *const *names = NULL;

	if (!hcl_read_list(root, "original", &names, &config->arena, err))
		return false;
	for (; names && *names; names++)
		if (!ct_original_parse(*names, &config->original, err))
			return false;
	return true;
}

static bool read_nginxes(struct ct_config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "conf", "binary", "prefix", NULL };

	for (const struct hcl_value *block = NULL; (block = hcl_each(root, "nginx", block));) {
		struct ct_nginx *nginx;

		if (!ct_only_keys(config, block, "nginx", keys, err))
			return false;
		GROW(config->nginxes, config->nginx_count, config->nginx_cap);
		nginx = &config->nginxes[config->nginx_count++];
		*nginx = (struct ct_nginx){ .name = block->label_count ? block->labels[0]
								       : "nginx" };
		if (!hcl_read_text(block, "conf", &nginx->conf, err) ||
		    !hcl_read_text(block, "binary", &nginx->binary, err) ||
		    !hcl_read_text(block, "prefix", &nginx->prefix, err))
			return false;
	}
	return true;
}

static bool read_root(struct ct_config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "consul", "kill_signal", "reload_signal", "log_level",
					    "max_stale", "pid_file", "syslog", "deduplicate",
					    "exec", "wait", "vault", "template",
					    /* older */
					    "auth", "retry", "ssl", "token",
					    /* newer */
					    "default_delimiters", "template_error_fatal",
					    "block_query_wait", "log_file", "nomad",
					    /* ours */
					    "original", "nginx", NULL };
	size_t index = 0;

	config->mistake_count = 0;
	if (!ct_only_keys(config, root, "", keys, err) || !read_moved(config, root, err) ||
	    !read_consul(config, root, err) ||
	    !ct_read_signal(root, "kill_signal", &config->kill_signal, err) ||
	    !ct_read_signal(root, "reload_signal", &config->reload_signal, err) ||
	    !hcl_read_text(root, "log_level", &config->log_level, err) ||
	    !hcl_read_duration(root, "max_stale", &config->max_stale_ms, err) ||
	    !hcl_read_duration(root, "block_query_wait", &config->consul.wait_ms, err) ||
	    !hcl_read_bool(root, "template_error_fatal", &config->error_fatal, err) ||
	    !hcl_read_text(root, "pid_file", &config->pid_file, err) ||
	    !read_syslog(config, root, err) || !read_dedup(config, root, err) ||
	    !read_log_file(config, root, err) || !read_delimiters(config, root, err) ||
	    !read_original(config, root, err) || !read_nginxes(config, root, err) ||
	    !ct_read_exec(config, root, "exec", &config->exec, err) ||
	    !ct_read_wait(config, root, "wait", &config->wait, err))
		return false;
	config->nomad |= hcl_get(root, "nomad") != NULL;
	config->vault |= hcl_get(root, "vault") != NULL;
	for (const struct hcl_value *block = NULL; (block = hcl_each(root, "template", block));)
		if (!ct_read_template(config, block, index++, err))
			return false;
	return ct_report_mistakes(config, err);
}

bool ct_config_parse(struct ct_config *config, const char *path, const char *text, size_t len,
		     struct err *err)
{
	const struct hcl_value *root = hcl_parse(text, len, &config->arena, err);

	if (!root)
		err_context(err, "error decoding config");
	else if (!read_root(config, root, err))
		err_context(err, "mapstructure decode failed");
	else
		return true;
	return err_context(err, "from file: %s", path);
}

/* ---- what nobody said ---- */

static void finish_exec(struct ct_exec *exec)
{
	if (exec->command && !exec->command[strspn(exec->command, " \t\r\n")] && !exec->argv)
		exec->command = NULL;
	if (exec->enabled == CT_UNSAID)
		exec->enabled = exec->command != NULL;
	if (!exec->enabled)
		exec->command = NULL;
}

static bool is_said(const char *text)
{
	return text && *text;
}

void ct_config_finish(struct ct_config *config)
{
	const char *level = getenv("CT_LOG");
	const char *token = getenv("CONSUL_TOKEN");

	if (!level || !*level)
		level = getenv("CONSUL_TEMPLATE_LOG");
	if (!config->log_level)
		config->log_level = level && *level ? arena_strdup(&config->arena, level) : "WARN";
	if (config->consul.token && !*config->consul.token)
		config->consul.token = NULL;
	if (!config->consul.token && token && *token)
		config->consul.token = arena_strdup(&config->arena, token);
	if (config->consul.auth_enabled == CT_UNSAID)
		config->consul.auth_enabled =
			is_said(config->consul.user) || is_said(config->consul.password);
	if (config->consul.ssl == CT_UNSAID)
		config->consul.ssl =
			config->consul.verify != CT_UNSAID || is_said(config->consul.ca_cert) ||
			is_said(config->consul.ca_path) || is_said(config->consul.cert) ||
			is_said(config->consul.key) || is_said(config->consul.server_name);
	if (config->dedup.enabled == CT_UNSAID)
		config->dedup.enabled = config->dedup.is_said;
	if (config->syslog.enabled == CT_UNSAID)
		config->syslog.enabled =
			is_said(config->syslog.facility) || is_said(config->syslog.name);
	if (!is_said(config->syslog.facility))
		config->syslog.facility = "LOCAL0";
	if (!is_said(config->syslog.name))
		config->syslog.name = "consul-template";
	if (!is_said(config->consul.key))
		config->consul.key = config->consul.cert;
	if (!is_said(config->log_file.path))
		config->log_file.path = NULL;
	if (config->pid_file && !*config->pid_file)
		config->pid_file = NULL;
	finish_exec(&config->exec);
	for (size_t i = 0; i < config->template_count; i++) {
		struct ct_template *template = &config->templates[i];

		finish_exec(&template->exec);
		if (template->error_fatal == CT_UNSAID)
			template->error_fatal = config->error_fatal;
		if (!template->left_delimiter)
			template->left_delimiter = config->left_delimiter;
		if (!template->right_delimiter)
			template->right_delimiter = config->right_delimiter;
		if (template->exec.timeout_ms == CT_UNSAID)
			template->exec.timeout_ms = CHILD_TIMEOUT_MS;
		if (template->contents && !*template->contents)
			template->contents = NULL;
		if (template->source && !*template->source)
			template->source = NULL;
	}
}
