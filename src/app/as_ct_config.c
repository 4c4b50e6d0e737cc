#include "as_ct_config.h"

#include <signal.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/hcl.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"

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
		.syslog = CT_UNSAID,
		.dedup = CT_UNSAID,
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
	arena_release(&config->arena);
	*config = (struct ct_config){ 0 };
}

struct ct_template *ct_config_add_template(struct ct_config *config)
{
	struct ct_template *template;

	GROW(config->templates, config->template_count, config->template_cap);
	template = &config->templates[config->template_count++];
	*template = (struct ct_template){ .create_dirs = true, .wait = { .enabled = CT_UNSAID } };
	init_exec(&template->exec);
	return template;
}

/* ---- the tree ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

/* Every key that is not known, in the words of the library that the original decodes with. */
static bool only_keys(const struct hcl_value *object, const char *where, const char *const *allowed,
		      struct err *err)
{
	const char *unknown[32];
	struct strbuf list = STRBUF_INIT;
	size_t count = 0;

	if (object->kind != HCL_OBJECT)
		return err_set(err, ERR_INPUT, "1 error(s) decoding:\n\n* '%s' expected a map",
			       where);
	for (const struct hcl_value *m = object->first; m; m = m->next) {
		const char *const *known = allowed;

		while (*known && strcmp(*known, m->key) != 0)
			known++;
		if (!*known && count < COUNT_OF(unknown))
			unknown[count++] = m->key;
	}
	if (!count)
		return true;
	qsort(unknown, count, sizeof(*unknown), by_text);
	for (size_t i = 0; i < count; i++)
		strbuf_addf(&list, "%s%s", i ? ", " : "", unknown[i]);
	err_set(err, ERR_INPUT, "1 error(s) decoding:\n\n* '%s' has invalid keys: %s", where,
		list.buf);
	strbuf_release(&list);
	return false;
}

/* The last block of a name, also when JSON gives a list of them; NULL: none. */
static const struct hcl_value *block_of(const struct hcl_value *object, const char *key)
{
	const struct hcl_value *last = NULL;

	for (const struct hcl_value *each = NULL; (each = hcl_each(object, key, each));)
		last = each;
	return last;
}

static bool read_switch(const struct hcl_value *object, const char *key, int *out, struct err *err)
{
	bool value = *out == 1;

	if (!hcl_get(object, key))
		return true;
	if (!hcl_read_bool(object, key, &value, err))
		return false;
	*out = value;
	return true;
}

static bool read_signal(const struct hcl_value *object, const char *key, int *out, struct err *err)
{
	const char *name = NULL;

	return hcl_read_text(object, key, &name, err) && (!name || ct_signal_parse(name, out, err));
}

/* Lists of several files add up. */
static bool read_list(struct ct_config *config, const struct hcl_value *object, const char *key,
		      const char *const **list, struct err *err)
{
	const char *const *more = NULL, **all;
	size_t count = 0, total = 0;

	if (!hcl_read_list(object, key, &more, &config->arena, err))
		return false;
	if (!more)
		return true;
	while (*list && (*list)[count])
		count++;
	while (more[total])
		total++;
	all = arena_alloc(&config->arena, (count + total + 1) * sizeof(*all));
	for (size_t i = 0; i < count; i++)
		all[i] = (*list)[i];
	for (size_t i = 0; i < total; i++)
		all[count + i] = more[i];
	*list = all;
	return true;
}

static bool read_env(struct ct_config *config, const struct hcl_value *exec, const char *where,
		     struct ct_env *env, struct err *err)
{
	static const char *const keys[] = { "pristine", "custom", "whitelist", "blacklist", NULL };
	const struct hcl_value *block = block_of(exec, "env");

	return !block || (only_keys(block, where, keys, err) &&
			  hcl_read_bool(block, "pristine", &env->pristine, err) &&
			  read_list(config, block, "custom", &env->custom, err) &&
			  read_list(config, block, "whitelist", &env->allowed, err) &&
			  read_list(config, block, "blacklist", &env->denied, err));
}

static bool read_exec(struct ct_config *config, const struct hcl_value *parent, const char *where,
		      struct ct_exec *exec, struct err *err)
{
	static const char *const keys[] = { "command",     "enabled",      "splay",
					    "kill_signal", "kill_timeout", "reload_signal",
					    "timeout",     "env",          NULL };
	const struct hcl_value *block = block_of(parent, "exec");
	const char *env_where;

	if (!block)
		return true;
	env_where = arena_printf(&config->arena, "%s.env", where);
	return only_keys(block, where, keys, err) &&
	       hcl_read_text(block, "command", &exec->command, err) &&
	       read_switch(block, "enabled", &exec->enabled, err) &&
	       hcl_read_duration(block, "splay", &exec->splay_ms, err) &&
	       read_signal(block, "kill_signal", &exec->kill_signal, err) &&
	       hcl_read_duration(block, "kill_timeout", &exec->kill_timeout_ms, err) &&
	       read_signal(block, "reload_signal", &exec->reload_signal, err) &&
	       hcl_read_duration(block, "timeout", &exec->timeout_ms, err) &&
	       read_env(config, block, env_where, &exec->env, err);
}

static bool read_wait(const struct hcl_value *parent, const char *where, struct ct_wait *wait,
		      struct err *err)
{
	/* The original's file spells the switch `bool`. */
	static const char *const keys[] = { "bool", "enabled", "min", "max", NULL };
	const struct hcl_value *block = block_of(parent, "wait");
	int64_t max_ms = CT_UNSAID;

	if (!block)
		return true;
	if (block->kind == HCL_STRING)
		return ct_wait_parse(block->text, wait, err);
	if (!only_keys(block, where, keys, err) ||
	    !read_switch(block, "bool", &wait->enabled, err) ||
	    !read_switch(block, "enabled", &wait->enabled, err) ||
	    !hcl_read_duration(block, "min", &wait->min_ms, err) ||
	    !hcl_read_duration(block, "max", &max_ms, err))
		return false;
	if (hcl_get(block, "min") && wait->enabled == CT_UNSAID)
		wait->enabled = 1;
	wait->max_ms = max_ms == CT_UNSAID ? 4 * wait->min_ms : max_ms;
	if (wait->max_ms < wait->min_ms)
		return err_set(err, ERR_INPUT, "wait: min must be less than max");
	return true;
}

/* ---- blocks ---- */

static bool read_ssl(struct ct_config *config, const struct hcl_value *consul, struct err *err)
{
	static const char *const keys[] = { "enabled", "verify", "ca_cert",     "ca_path",
					    "cert",    "key",    "server_name", NULL };
	const struct hcl_value *block = block_of(consul, "ssl");

	return !block || (only_keys(block, "consul.ssl", keys, err) &&
			  read_switch(block, "enabled", &config->consul.ssl, err) &&
			  read_switch(block, "verify", &config->consul.verify, err) &&
			  hcl_read_text(block, "ca_cert", &config->consul.ca_cert, err) &&
			  hcl_read_text(block, "ca_path", &config->consul.ca_path, err) &&
			  hcl_read_text(block, "cert", &config->consul.cert, err) &&
			  hcl_read_text(block, "key", &config->consul.key, err) &&
			  hcl_read_text(block, "server_name", &config->consul.server_name, err));
}

static bool read_auth(struct ct_config *config, const struct hcl_value *consul, struct err *err)
{
	static const char *const keys[] = { "enabled", "username", "password", NULL };
	const struct hcl_value *block = block_of(consul, "auth");

	if (!block)
		return true;
	if (block->kind == HCL_STRING) {
		ct_auth_parse(config, block->text);
		return true;
	}
	return only_keys(block, "consul.auth", keys, err) &&
	       read_switch(block, "enabled", &config->consul.auth_enabled, err) &&
	       hcl_read_text(block, "username", &config->consul.user, err) &&
	       hcl_read_text(block, "password", &config->consul.password, err);
}

static bool read_retry(struct ct_config *config, const struct hcl_value *consul, struct err *err)
{
	static const char *const keys[] = { "enabled", "attempts", "backoff", "max_backoff", NULL };
	const struct hcl_value *block = block_of(consul, "retry");

	return !block ||
	       (only_keys(block, "consul.retry", keys, err) &&
		hcl_read_bool(block, "enabled", &config->consul.retry, err) &&
		hcl_read_int(block, "attempts", 0, INT32_MAX, &config->consul.attempts, err) &&
		hcl_read_duration(block, "backoff", &config->consul.backoff_ms, err) &&
		hcl_read_duration(block, "max_backoff", &config->consul.max_backoff_ms, err));
}

/* Our connections are made and kept by libcurl: the values are checked and not used. */
static bool check_transport(const struct hcl_value *consul, struct err *err)
{
	static const char *const keys[] = { "dial_keep_alive",       "dial_timeout",
					    "disable_keep_alives",   "idle_conn_timeout",
					    "max_idle_conns",        "max_idle_conns_per_host",
					    "tls_handshake_timeout", NULL };
	const struct hcl_value *block = block_of(consul, "transport");

	return !block || only_keys(block, "consul.transport", keys, err);
}

static bool read_consul(struct ct_config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "address", "auth",      "retry", "ssl",
					    "token",   "transport", NULL };
	const struct hcl_value *block = block_of(root, "consul");

	if (!block)
		return true;
	if (block->kind == HCL_STRING) {
		log_warn("config", "consul is now a block: write consul { address = \"%s\" }",
			 block->text);
		config->consul.address = block->text;
		return true;
	}
	return only_keys(block, "consul", keys, err) &&
	       hcl_read_text(block, "address", &config->consul.address, err) &&
	       hcl_read_text(block, "token", &config->consul.token, err) &&
	       read_auth(config, block, err) && read_retry(config, block, err) &&
	       read_ssl(config, block, err) && check_transport(block, err);
}

/* syslog and deduplicate: on when any member is set. */
static bool read_asked(const struct hcl_value *root, const char *key, const char *const *keys,
		       int *asked, struct err *err)
{
	const struct hcl_value *block = block_of(root, key);

	if (!block)
		return true;
	if (!only_keys(block, key, keys, err) || !read_switch(block, "enabled", asked, err))
		return false;
	if (*asked == CT_UNSAID && block->first)
		*asked = 1;
	return true;
}

static bool read_perms(const struct hcl_value *block, mode_t *perms, struct err *err)
{
	const char *text = NULL;
	char *end;
	unsigned long bits;

	if (!hcl_read_text(block, "perms", &text, err))
		return false;
	if (!text || !*text)
		return true;
	bits = strtoul(text, &end, 8);
	if (*end || end == text || bits > 07777)
		return err_set(err, ERR_INPUT, "perms: \"%s\" is not an octal mode of 12 bits",
			       text);
	*perms = (mode_t)bits;
	return true;
}

static bool read_template(struct ct_config *config, const struct hcl_value *block, size_t index,
			  struct err *err)
{
	static const char *const keys[] = { "source",         "contents",
					    "destination",    "create_dest_dirs",
					    "command",        "command_timeout",
					    "exec",           "error_on_missing_key",
					    "perms",          "backup",
					    "left_delimiter", "right_delimiter",
					    "wait",           NULL };
	const char *where = arena_printf(&config->arena, "template[%zu]", index);
	const char *exec_where = arena_printf(&config->arena, "%s.exec", where);
	const char *wait_where = arena_printf(&config->arena, "%s.wait", where);
	struct ct_template *template;

	if (!only_keys(block, where, keys, err))
		return false;
	template = ct_config_add_template(config);
	return hcl_read_text(block, "source", &template->source, err) &&
	       hcl_read_text(block, "contents", &template->contents, err) &&
	       hcl_read_text(block, "destination", &template->destination, err) &&
	       hcl_read_bool(block, "create_dest_dirs", &template->create_dirs, err) &&
	       hcl_read_bool(block, "error_on_missing_key", &template->error_on_missing_key, err) &&
	       read_perms(block, &template->perms, err) &&
	       hcl_read_bool(block, "backup", &template->backup, err) &&
	       hcl_read_text(block, "left_delimiter", &template->left_delimiter, err) &&
	       hcl_read_text(block, "right_delimiter", &template->right_delimiter, err) &&
	       read_wait(block, wait_where, &template->wait, err) &&
	       /* the old forms; what exec says is read over them */
	       hcl_read_text(block, "command", &template->exec.command, err) &&
	       hcl_read_duration(block, "command_timeout", &template->exec.timeout_ms, err) &&
	       read_exec(config, block, exec_where, &template->exec, err);
}

static bool read_root(struct ct_config *config, const struct hcl_value *root, struct err *err)
{
	static const char *const keys[] = { "consul",    "kill_signal", "reload_signal",
					    "log_level", "max_stale",   "pid_file",
					    "syslog",    "deduplicate", "exec",
					    "wait",      "vault",       "template",
					    NULL };
	static const char *const syslog_keys[] = { "enabled", "facility", NULL };
	static const char *const dedup_keys[] = { "enabled", "prefix", "ttl", "max_stale", NULL };
	size_t index = 0;

	if (!only_keys(root, "", keys, err) || !read_consul(config, root, err) ||
	    !read_signal(root, "kill_signal", &config->kill_signal, err) ||
	    !read_signal(root, "reload_signal", &config->reload_signal, err) ||
	    !hcl_read_text(root, "log_level", &config->log_level, err) ||
	    !hcl_read_duration(root, "max_stale", &config->max_stale_ms, err) ||
	    !hcl_read_text(root, "pid_file", &config->pid_file, err) ||
	    !read_asked(root, "syslog", syslog_keys, &config->syslog, err) ||
	    !read_asked(root, "deduplicate", dedup_keys, &config->dedup, err) ||
	    !read_exec(config, root, "exec", &config->exec, err) ||
	    !read_wait(root, "wait", &config->wait, err))
		return false;
	config->vault |= hcl_get(root, "vault") != NULL;
	for (const struct hcl_value *block = NULL; (block = hcl_each(root, "template", block));)
		if (!read_template(config, block, index++, err))
			return false;
	return true;
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
	if (exec->command && !*exec->command)
		exec->command = NULL;
	if (exec->enabled == CT_UNSAID)
		exec->enabled = exec->command != NULL;
	if (!exec->enabled)
		exec->command = NULL;
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
		config->consul.auth_enabled = config->consul.user || config->consul.password;
	if (config->consul.ssl == CT_UNSAID)
		config->consul.ssl = config->consul.verify != CT_UNSAID || config->consul.ca_cert ||
				     config->consul.ca_path || config->consul.cert ||
				     config->consul.key || config->consul.server_name;
	if (!config->consul.key)
		config->consul.key = config->consul.cert;
	if (config->pid_file && !*config->pid_file)
		config->pid_file = NULL;
	finish_exec(&config->exec);
	for (size_t i = 0; i < config->template_count; i++) {
		struct ct_template *template = &config->templates[i];

		finish_exec(&template->exec);
		if (template->exec.timeout_ms == CT_UNSAID)
			template->exec.timeout_ms = CHILD_TIMEOUT_MS;
		if (template->contents && !*template->contents)
			template->contents = NULL;
		if (template->source && !*template->source)
			template->source = NULL;
	}
}
