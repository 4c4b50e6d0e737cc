#include "as_ct_blocks.h"

#include <stdlib.h>
#include <string.h>

#include "binnacle/base/hcl.h"
#include "binnacle/base/list.h"
#include "as_ct_log.h"

/* ---- the tree ---- */

static int by_text(const void *a, const void *b)
{
	return strcmp(*(const char *const *)a, *(const char *const *)b);
}

bool ct_only_keys(struct ct_config *config, const struct hcl_value *object, const char *where,
		  const char *const *allowed, struct err *err)
{
	const char *unknown[32];
	struct strbuf list = STRBUF_INIT;
	size_t count = 0;

	if (object->kind != HCL_OBJECT)
		return err_set(err, ERR_INPUT,
			       "1 error(s) decoding:" CT_LOG_LINE CT_LOG_LINE
			       "* '%s' expected a map",
			       where);
	for (const struct hcl_value *m = object->first; m; m = m->next) {
		const char *const *known = allowed;

		while (*known && strcmp(*known, m->key) != 0)
			known++;
		if (!*known && count < COUNT_OF(unknown))
			unknown[count++] = m->key;
	}
	qsort(unknown, count, sizeof(*unknown), by_text);
	for (size_t i = 0; i < count; i++)
		strbuf_addf(&list, "%s%s", i ? ", " : "", unknown[i]);
	if (count) {
		GROW(config->mistakes, config->mistake_count, config->mistake_cap);
		config->mistakes[config->mistake_count++] = arena_printf(
			&config->arena, "* '%s' has invalid keys: %s", where, list.buf);
	}
	strbuf_release(&list);
	return true;
}

/* In the words of the library that the original decodes with. */
bool ct_report_mistakes(struct ct_config *config, struct err *err)
{
	struct strbuf text = STRBUF_INIT;

	if (!config->mistake_count)
		return true;
	qsort(config->mistakes, config->mistake_count, sizeof(*config->mistakes), by_text);
	strbuf_addf(&text, "%zu error(s) decoding:" CT_LOG_LINE, config->mistake_count);
	for (size_t i = 0; i < config->mistake_count; i++)
		strbuf_addf(&text, CT_LOG_LINE "%s", config->mistakes[i]);
	err_set(err, ERR_INPUT, "%s", text.buf);
	config->mistake_count = 0;
	strbuf_release(&text);
	return false;
}

/* The last block of a name, also when JSON gives a list of them; NULL: none. */
const struct hcl_value *ct_block(const struct hcl_value *object, const char *key)
{
	const struct hcl_value *last = NULL;

	for (const struct hcl_value *each = NULL; (each = hcl_each(object, key, each));)
		last = each;
	return last;
}

bool ct_read_switch(const struct hcl_value *object, const char *key, int *out, struct err *err)
{
	bool value = *out == 1;

	if (!hcl_get(object, key))
		return true;
	if (!hcl_read_bool(object, key, &value, err))
		return false;
	*out = value;
	return true;
}

bool ct_read_signal(const struct hcl_value *object, const char *key, int *out, struct err *err)
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

/* A text, or a list of words that no shell and nobody else takes apart. */
static bool read_command(struct ct_config *config, const struct hcl_value *object,
			 struct ct_exec *exec, struct err *err)
{
	const struct hcl_value *value = hcl_get(object, "command");
	struct strbuf text = STRBUF_INIT;

	if (!value || value->kind != HCL_LIST) {
		if (value && value->kind != HCL_NULL)
			exec->argv = NULL;
		return hcl_read_text(object, "command", &exec->command, err);
	}
	exec->argv = NULL;
	if (!hcl_read_list(object, "command", &exec->argv, &config->arena, err))
		return false;
	for (size_t i = 0; exec->argv[i]; i++)
		strbuf_addf(&text, "%s%s", i ? " " : "", exec->argv[i]);
	exec->command = arena_strdup(&config->arena, text.buf);
	strbuf_release(&text);
	/* What later versions read as "through a shell" too: a list of one is a command line. */
	if (exec->argv[0] && !exec->argv[1])
		exec->argv = NULL;
	return true;
}

static bool read_env(struct ct_config *config, const struct hcl_value *exec, const char *where,
		     struct ct_env *env, struct err *err)
{
	static const char *const keys[] = { "pristine",  "custom",   "whitelist", "blacklist",
					    "allowlist", "denylist", NULL };
	const struct hcl_value *block = ct_block(exec, "env");

	return !block || (ct_only_keys(config, block, where, keys, err) &&
			  hcl_read_bool(block, "pristine", &env->pristine, err) &&
			  read_list(config, block, "custom", &env->custom, err) &&
			  read_list(config, block, "whitelist", &env->allowed, err) &&
			  read_list(config, block, "allowlist", &env->allowed, err) &&
			  read_list(config, block, "blacklist", &env->denied, err) &&
			  read_list(config, block, "denylist", &env->denied, err));
}

bool ct_read_exec(struct ct_config *config, const struct hcl_value *parent, const char *where,
		  struct ct_exec *exec, struct err *err)
{
	static const char *const keys[] = { "command",     "enabled",      "splay",
					    "kill_signal", "kill_timeout", "reload_signal",
					    "timeout",     "env",          NULL };
	const struct hcl_value *block = ct_block(parent, "exec");
	const char *env_where;

	if (!block)
		return true;
	env_where = arena_printf(&config->arena, "%s.env", where);
	return ct_only_keys(config, block, where, keys, err) &&
	       read_command(config, block, exec, err) &&
	       ct_read_switch(block, "enabled", &exec->enabled, err) &&
	       hcl_read_duration(block, "splay", &exec->splay_ms, err) &&
	       ct_read_signal(block, "kill_signal", &exec->kill_signal, err) &&
	       hcl_read_duration(block, "kill_timeout", &exec->kill_timeout_ms, err) &&
	       ct_read_signal(block, "reload_signal", &exec->reload_signal, err) &&
	       hcl_read_duration(block, "timeout", &exec->timeout_ms, err) &&
	       read_env(config, block, env_where, &exec->env, err);
}

bool ct_read_wait(struct ct_config *config, const struct hcl_value *parent, const char *where,
		  struct ct_wait *wait, struct err *err)
{
	/* The original's file spells the switch `bool`. */
	static const char *const keys[] = { "bool", "enabled", "min", "max", NULL };
	const struct hcl_value *block = ct_block(parent, "wait");
	int64_t max_ms = CT_UNSAID;

	if (!block)
		return true;
	if (block->kind == HCL_STRING)
		return ct_wait_parse(block->text, wait, err);
	if (!ct_only_keys(config, block, where, keys, err) ||
	    !ct_read_switch(block, "bool", &wait->enabled, err) ||
	    !ct_read_switch(block, "enabled", &wait->enabled, err) ||
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

/* Both may be said; the newer name wins. */
static bool read_owner(const struct hcl_value *block, struct ct_template *template, struct err *err)
{
	return hcl_read_text(block, "uid", &template->user, err) &&
	       hcl_read_text(block, "gid", &template->group, err) &&
	       hcl_read_text(block, "user", &template->user, err) &&
	       hcl_read_text(block, "group", &template->group, err);
}

bool ct_read_template(struct ct_config *config, const struct hcl_value *block, size_t index,
		      struct err *err)
{
	static const char *const keys[] = { "source",
					    "contents",
					    "destination",
					    "create_dest_dirs",
					    "command",
					    "command_timeout",
					    "exec",
					    "error_on_missing_key",
					    "error_fatal",
					    "perms",
					    "user",
					    "group",
					    "uid",
					    "gid",
					    "backup",
					    "left_delimiter",
					    "right_delimiter",
					    "function_denylist",
					    "function_blacklist",
					    "sandbox_path",
					    "wait",
					    "nginx", /* ours */
					    NULL };
	const char *where = arena_printf(&config->arena, "template[%zu]", index);
	const char *exec_where = arena_printf(&config->arena, "%s.exec", where);
	const char *wait_where = arena_printf(&config->arena, "%s.wait", where);
	struct ct_template *template;

	if (!ct_only_keys(config, block, where, keys, err))
		return false;
	template = ct_config_add_template(config);
	return hcl_read_text(block, "source", &template->source, err) &&
	       hcl_read_text(block, "contents", &template->contents, err) &&
	       hcl_read_text(block, "destination", &template->destination, err) &&
	       hcl_read_bool(block, "create_dest_dirs", &template->create_dirs, err) &&
	       hcl_read_bool(block, "error_on_missing_key", &template->error_on_missing_key, err) &&
	       ct_read_switch(block, "error_fatal", &template->error_fatal, err) &&
	       read_perms(block, &template->perms, err) && read_owner(block, template, err) &&
	       hcl_read_bool(block, "backup", &template->backup, err) &&
	       hcl_read_text(block, "left_delimiter", &template->left_delimiter, err) &&
	       hcl_read_text(block, "right_delimiter", &template->right_delimiter, err) &&
	       hcl_read_text(block, "sandbox_path", &template->sandbox, err) &&
	       read_list(config, block, "function_blacklist", &template->denied, err) &&
	       read_list(config, block, "function_denylist", &template->denied, err) &&
	       hcl_read_text(block, "nginx", &template->nginx, err) &&
	       ct_read_wait(config, block, wait_where, &template->wait, err) &&
	       /* the old forms; what exec says is read over them */
	       read_command(config, block, &template->exec, err) &&
	       hcl_read_duration(block, "command_timeout", &template->exec.timeout_ms, err) &&
	       ct_read_exec(config, block, exec_where, &template->exec, err);
}
