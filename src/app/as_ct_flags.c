#include "as_ct_flags.h"

#include <ctype.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/base/text.h"

typedef bool flag_fn(struct ct_config *config, const char *value, struct err *err);

enum flag_kind {
	FLAG_BOOL,     /* bool */
	FLAG_SWITCH,   /* int, CT_UNSAID before */
	FLAG_TEXT,     /* const char * */
	FLAG_COUNT,    /* int64_t */
	FLAG_DURATION, /* int64_t, milliseconds */
	FLAG_SIGNAL,   /* int */
	FLAG_OTHER,    /* fn */
	FLAG_OTHER_BOOL,
	/* Checked for their form and not used: our connections are libcurl's. */
	FLAG_UNUSED_BOOL,
	FLAG_UNUSED_COUNT,
	FLAG_UNUSED_DURATION,
};

struct flag {
	const char *name, *argument, *help; /* argument: how usage calls it; NULL for switches */
	enum flag_kind kind;
	size_t offset; /* in struct ct_config */
	flag_fn *fn;
};

static bool take_path(struct ct_config *config, const char *value, struct err *err)
{
	(void)err;
	GROW(config->paths, config->path_count, config->path_cap);
	config->paths[config->path_count++] = value;
	return true;
}

static bool take_auth(struct ct_config *config, const char *value, struct err *err)
{
	(void)err;
	ct_auth_parse(config, value);
	return true;
}

static bool take_wait(struct ct_config *config, const char *value, struct err *err)
{
	return ct_wait_parse(value, &config->wait, err);
}

static bool take_facility(struct ct_config *config, const char *value, struct err *err)
{
	(void)err;
	config->syslog.facility = value;
	return true;
}

static bool take_syslog_name(struct ct_config *config, const char *value, struct err *err)
{
	(void)err;
	config->syslog.name = value;
	return true;
}

static bool take_original(struct ct_config *config, const char *value, struct err *err)
{
	return ct_original_parse(value, &config->original, err);
}

/* More for a list that ends in NULL. */
static const char *const *append(struct ct_config *config, const char *const *list,
				 const char *value)
{
	size_t count = 0;
	const char **all;

	while (list && list[count])
		count++;
	all = arena_alloc(&config->arena, (count + 2) * sizeof(*all));
	for (size_t i = 0; i < count; i++)
		all[i] = list[i];
	all[count] = value;
	return all;
}

static bool take_custom(struct ct_config *config, const char *value, struct err *err)
{
	(void)err;
	config->exec.env.custom = append(config, config->exec.env.custom, value);
	return true;
}

static bool take_allowed(struct ct_config *config, const char *value, struct err *err)
{
	(void)err;
	config->exec.env.allowed = append(config, config->exec.env.allowed, value);
	return true;
}

static bool take_denied(struct ct_config *config, const char *value, struct err *err)
{
	(void)err;
	config->exec.env.denied = append(config, config->exec.env.denied, value);
	return true;
}

static bool take_vault(struct ct_config *config, const char *value, struct err *err)
{
	(void)value;
	(void)err;
	config->vault = true;
	return true;
}

static bool take_exec(struct ct_config *config, const char *value, struct err *err)
{
	(void)err;
	config->exec.command = value;
	config->exec.argv = NULL;
	config->exec.enabled = 1;
	return true;
}

/* SRC[:DST[:COMMAND]]: empty pieces vanish, "C:\x" is one piece, and what follows the second
 * colon is the command, put together again. */
static bool take_template(struct ct_config *config, const char *value, struct err *err)
{
	const char *pieces[2] = { NULL, NULL };
	struct strbuf command = STRBUF_INIT;
	struct ct_template *template;
	size_t count = 0;

	if (!value[strspn(value, " \t\n")])
		return err_set(err, ERR_INPUT, "template: cannot be empty");
	for (const char *p = value; *p;) {
		size_t len = strcspn(p, ":");

		if (len == 1 && isalpha((unsigned char)p[0]) && p[1] == ':' && p[2] && p[2] != ':')
			len = 2 + strcspn(p + 2, ":");
		if (!len) {
			p++;
			continue;
		}
		if (count < 2)
			pieces[count] = arena_strndup(&config->arena, p, len);
		else
			strbuf_addf(&command, "%s%.*s", count > 2 ? ":" : "", (int)len, p);
		count++;
		p += len;
	}
	if (count) {
		template = ct_config_add_template(config);
		template->source = pieces[0];
		template->destination = pieces[1];
		if (count > 2)
			template->exec.command = arena_strdup(&config->arena, command.buf);
	}
	strbuf_release(&command);
	return count || err_set(err, ERR_INPUT, "template: cannot be empty");
}

#define AT(member) offsetof(struct ct_config, member), NULL

static const struct flag flags[] = {
	{ "config", "path", "file or folder with configuration; may be repeated", FLAG_OTHER, 0,
	  take_path },
	{ "consul-addr", "address", "the Consul agent", FLAG_TEXT, AT(consul.address) },
	{ "consul-auth", "user[:password]", "basic authentication", FLAG_OTHER, 0, take_auth },
	{ "consul-retry", NULL, "ask again when Consul does not answer", FLAG_BOOL,
	  AT(consul.retry) },
	{ "consul-retry-attempts", "count", "how often; 0: without end", FLAG_COUNT,
	  AT(consul.attempts) },
	{ "consul-retry-backoff", "duration", "first delay", FLAG_DURATION, AT(consul.backoff_ms) },
	{ "retry", "duration", "the old name of it", FLAG_DURATION, AT(consul.backoff_ms) },
	{ "consul-retry-max-backoff", "duration", "longest delay", FLAG_DURATION,
	  AT(consul.max_backoff_ms) },
	{ "consul-ssl", NULL, "ask Consul by HTTPS", FLAG_SWITCH, AT(consul.ssl) },
	{ "consul-ssl-ca-cert", "path", "authority's certificate", FLAG_TEXT, AT(consul.ca_cert) },
	{ "consul-ssl-ca-path", "path", "folder of them", FLAG_TEXT, AT(consul.ca_path) },
	{ "consul-ssl-cert", "path", "our certificate", FLAG_TEXT, AT(consul.cert) },
	{ "consul-ssl-key", "path", "its key", FLAG_TEXT, AT(consul.key) },
	{ "consul-ssl-server-name", "name", "the name that Consul's certificate has", FLAG_TEXT,
	  AT(consul.server_name) },
	{ "consul-ssl-verify", NULL, "check Consul's certificate", FLAG_SWITCH, AT(consul.verify) },
	{ "consul-token", "token", "ACL token; better $CONSUL_HTTP_TOKEN", FLAG_TEXT,
	  AT(consul.token) },
	{ "consul-token-file", "path", "holds the token", FLAG_TEXT, AT(consul.token_file) },
	{ "consul-transport-dial-keep-alive", "duration", "not used", FLAG_UNUSED_DURATION, 0,
	  NULL },
	{ "consul-transport-dial-timeout", "duration", "not used", FLAG_UNUSED_DURATION, 0, NULL },
	{ "consul-transport-disable-keep-alives", NULL, "not used", FLAG_UNUSED_BOOL, 0, NULL },
	{ "consul-transport-max-idle-conns-per-host", "count", "not used", FLAG_UNUSED_COUNT, 0,
	  NULL },
	{ "consul-transport-tls-handshake-timeout", "duration", "not used", FLAG_UNUSED_DURATION, 0,
	  NULL },
	{ "dedup", NULL, "one of many instances asks Consul for all", FLAG_SWITCH,
	  AT(dedup.enabled) },
	{ "default-left-delimiter", "text", "of templates that say none", FLAG_TEXT,
	  AT(left_delimiter) },
	{ "default-right-delimiter", "text", NULL, FLAG_TEXT, AT(right_delimiter) },
	{ "dry", NULL, "print instead of writing", FLAG_BOOL, AT(dry) },
	{ "exec", "command", "run and supervise a program", FLAG_OTHER, 0, take_exec },
	{ "exec-env-allowlist", "pattern", "variables that it gets; may be repeated", FLAG_OTHER, 0,
	  take_allowed },
	{ "exec-env-custom", "name=value", "another variable; may be repeated", FLAG_OTHER, 0,
	  take_custom },
	{ "exec-env-denylist", "pattern", "variables that it does not get", FLAG_OTHER, 0,
	  take_denied },
	{ "exec-env-pristine", NULL, "no variables but Consul's and the custom ones", FLAG_BOOL,
	  AT(exec.env.pristine) },
	{ "exec-kill-signal", "signal", "ends it", FLAG_SIGNAL, AT(exec.kill_signal) },
	{ "exec-kill-timeout", "duration", "then SIGKILL", FLAG_DURATION,
	  AT(exec.kill_timeout_ms) },
	{ "exec-reload-signal", "signal", "after a change; none: it is started again", FLAG_SIGNAL,
	  AT(exec.reload_signal) },
	{ "exec-splay", "duration", "random delay before a signal", FLAG_DURATION,
	  AT(exec.splay_ms) },
	{ "kill-signal", "signal", "ends this program", FLAG_SIGNAL, AT(kill_signal) },
	{ "log-file", "path", "log there too", FLAG_TEXT, AT(log_file.path) },
	{ "log-rotate-bytes", "count", "set it aside when it is larger", FLAG_COUNT,
	  AT(log_file.bytes) },
	{ "log-rotate-duration", "duration", "or older; 24h unless said", FLAG_DURATION,
	  AT(log_file.age_ms) },
	{ "log-rotate-max-files", "count", "how many are kept; 0: all", FLAG_COUNT,
	  AT(log_file.max_files) },
	{ "log-level", "level", "trace, debug, info, warn or err", FLAG_TEXT, AT(log_level) },
	{ "max-stale", "duration", "0: ask the leader for every answer", FLAG_DURATION,
	  AT(max_stale_ms) },
	{ "once", NULL, "render everything once and end", FLAG_BOOL, AT(once) },
	{ "original", "difference,...", "do as Consul Template where we do better, or all",
	  FLAG_OTHER, 0, take_original },
	{ "parse-only", NULL, "check configuration and templates, and end", FLAG_BOOL,
	  AT(parse_only) },
	{ "pid-file", "path", "holds our pid while we run", FLAG_TEXT, AT(pid_file) },
	{ "reload-signal", "signal", "reads everything again", FLAG_SIGNAL, AT(reload_signal) },
	{ "syslog", NULL, "log there too", FLAG_SWITCH, AT(syslog.enabled) },
	{ "syslog-facility", "name", "LOCAL0 unless said", FLAG_OTHER, 0, take_facility },
	{ "syslog-name", "name", "consul-template unless said", FLAG_OTHER, 0, take_syslog_name },
	{ "template", "source[:destination[:command]]", "may be repeated", FLAG_OTHER, 0,
	  take_template },
	{ "template-error-fatal", NULL, "end when a template fails; on unless said", FLAG_BOOL,
	  AT(error_fatal) },
	{ "vault-addr", "address", "no Vault here: ignored, as all vault flags", FLAG_OTHER, 0,
	  take_vault },
	{ "vault-agent-token-file", "path", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-client-user-agent", "text", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-default-lease-duration", "duration", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-grace", "duration", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-renew-token", NULL, NULL, FLAG_OTHER_BOOL, 0, take_vault },
	{ "vault-retry", NULL, NULL, FLAG_OTHER_BOOL, 0, take_vault },
	{ "vault-retry-attempts", "count", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-retry-backoff", "duration", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-retry-max-backoff", "duration", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-ssl", NULL, NULL, FLAG_OTHER_BOOL, 0, take_vault },
	{ "vault-ssl-ca-cert", "path", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-ssl-ca-path", "path", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-ssl-cert", "path", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-ssl-key", "path", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-ssl-server-name", "name", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-ssl-verify", NULL, NULL, FLAG_OTHER_BOOL, 0, take_vault },
	{ "vault-token", "token", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-transport-dial-keep-alive", "duration", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-transport-dial-timeout", "duration", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-transport-disable-keep-alives", NULL, NULL, FLAG_OTHER_BOOL, 0, take_vault },
	{ "vault-transport-max-idle-conns-per-host", "count", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-transport-max-conns-per-host", "count", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-transport-tls-handshake-timeout", "duration", NULL, FLAG_OTHER, 0, take_vault },
	{ "vault-unwrap-token", NULL, NULL, FLAG_OTHER_BOOL, 0, take_vault },
	{ "v", NULL, "print the version", FLAG_BOOL, AT(version) },
	{ "version", NULL, "print the version", FLAG_BOOL, AT(version) },
	{ "wait", "min[:max]", "quiet time before a change is rendered", FLAG_OTHER, 0, take_wait },
};

static bool is_switch(const struct flag *flag)
{
	return flag->kind == FLAG_BOOL || flag->kind == FLAG_SWITCH ||
	       flag->kind == FLAG_OTHER_BOOL || flag->kind == FLAG_UNUSED_BOOL;
}

static bool parse_bool(const char *text, bool *out)
{
	static const char *const words[] = { "0",     "1",    "f",     "t",    "F",     "T",
					     "false", "true", "FALSE", "TRUE", "False", "True" };

	for (size_t i = 0; i < COUNT_OF(words); i++)
		if (strcmp(text, words[i]) == 0) {
			*out = i % 2;
			return true;
		}
	return false;
}

/* What went wrong with a value; the caller says which flag. */
static bool set_value(struct ct_config *config, const struct flag *flag, const char *value,
		      struct err *err)
{
	void *place = (char *)config + flag->offset;
	bool truth = true;
	int64_t number = 0;

	if (is_switch(flag) && !parse_bool(value, &truth))
		return err_set(err, ERR_INPUT, "strconv.ParseBool: parsing \"%s\": invalid syntax",
			       value);
	switch (flag->kind) {
	case FLAG_BOOL:
		*(bool *)place = truth;
		return true;
	case FLAG_SWITCH:
		*(int *)place = truth;
		return true;
	case FLAG_TEXT:
		*(const char **)place = value;
		return true;
	case FLAG_COUNT:
	case FLAG_UNUSED_COUNT:
		if (!text_parse_int(value, 0, INT32_MAX, &number))
			return err_set(err, ERR_INPUT,
				       "strconv.ParseInt: parsing \"%s\": invalid syntax", value);
		if (flag->kind == FLAG_COUNT)
			*(int64_t *)place = number;
		return true;
	case FLAG_DURATION:
	case FLAG_UNUSED_DURATION:
		if (!text_parse_duration(value, &number) || number < 0)
			return ct_duration_error(value, err);
		if (flag->kind == FLAG_DURATION)
			*(int64_t *)place = number;
		return true;
	case FLAG_SIGNAL:
		return ct_signal_parse(value, place, err);
	case FLAG_OTHER:
	case FLAG_OTHER_BOOL:
		return flag->fn(config, value, err);
	case FLAG_UNUSED_BOOL:
		return true;
	}
	return true;
}

static const struct flag *find_flag(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(flags); i++)
		if (strlen(flags[i].name) == len && memcmp(flags[i].name, name, len) == 0)
			return &flags[i];
	return NULL;
}

static bool extra(int argc, char *const *argv, struct err *err)
{
	struct strbuf list = STRBUF_INIT;

	for (int i = 0; i < argc; i++)
		strbuf_addf(&list, "%s\"%s\"", i ? " " : "", argv[i]);
	err_set(err, ERR_INPUT, "cli: extra args: [%s]", list.buf);
	strbuf_release(&list);
	return false;
}

/* One flag and, where it is the next argument, its value. */
static bool take_flag(struct ct_config *config, int argc, char *const *argv, int *i,
		      struct err *err)
{
	const char *argument = argv[*i], *name = argument + 1, *value;
	const struct flag *flag;
	size_t len;

	name += *name == '-';
	len = strcspn(name, "=");
	if (!len || *name == '-')
		return err_set(err, ERR_INPUT, "bad flag syntax: %s", argument);
	value = name[len] ? name + len + 1 : NULL;
	flag = find_flag(name, len);
	if (!flag && (strcmp(name, "h") == 0 || strcmp(name, "help") == 0)) {
		config->help = true;
		return true;
	}
	if (!flag)
		return err_set(err, ERR_INPUT, "flag provided but not defined: -%.*s", (int)len,
			       name);
	if (!value && is_switch(flag))
		value = "true";
	if (!value && *i + 1 < argc)
		value = argv[++*i];
	if (!value)
		return err_set(err, ERR_INPUT, "flag needs an argument: -%s", flag->name);
	if (set_value(config, flag, value, err))
		return true;
	if (is_switch(flag))
		return err_context(err, "invalid boolean value \"%s\" for -%s", value, flag->name);
	return err_context(err, "invalid value \"%s\" for flag -%s", value, flag->name);
}

bool ct_flags_apply(struct ct_config *config, int argc, char *const *argv, struct err *err)
{
	int i;

	for (i = 0; i < argc && argv[i][0] == '-' && argv[i][1] && !config->help; i++) {
		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		if (!take_flag(config, argc, argv, &i, err))
			return false;
	}
	return config->help || i == argc || extra(argc - i, argv + i, err);
}

void ct_flags_usage(struct strbuf *out)
{
	strbuf_addstr(out, "Usage: consul-template [options]\n\n"
			   "  Watches Consul and renders templates (binnacle in the place of\n"
			   "  Consul Template 0.19.4).\n\nOptions:\n\n");
	for (size_t i = 0; i < COUNT_OF(flags); i++) {
		if (!flags[i].help)
			continue;
		strbuf_addf(out, "  -%s%s%s%s\n      %s\n", flags[i].name,
			    flags[i].argument ? "=<" : "",
			    flags[i].argument ? flags[i].argument : "",
			    flags[i].argument ? ">" : "", flags[i].help);
	}
}
