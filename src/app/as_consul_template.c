#include "as_consul_template.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "as_ct_config.h"
#include "as_ct_flags.h"
#include "as_ct_log.h"
#include "as_ct_logfile.h"
#include "as_ct_run.h"
#include "as_ct_syslog.h"

/* What is asked for and not done: said once, and the rest works. */
static void warn_ignored(const struct ct_config *config)
{
	if (config->nomad)
		log_warn("cli", "Nomad is not supported: its settings are ignored, and a template "
				"that asks for it is an error");
	if (config->vault)
		log_warn("cli", "Vault is not supported: its settings are ignored, and a template "
				"that asks for a secret is an error");
}

/* All files in order, then the flags once more, over them. */
static bool load(struct ct_config *config, const struct ct_config *asked, int argc,
		 char *const *argv, struct err *err)
{
	ct_config_init(config);
	for (size_t i = 0; i < asked->path_count; i++)
		if (!ct_config_read(config, asked->paths[i], err))
			return false;
	if (!ct_flags_apply(config, argc, argv, err))
		return false;
	ct_config_finish(config);
	/* The variable is for tests and for systems that have the socket elsewhere. */
	return ct_log_set_level(config->log_level, err) &&
	       (!config->log_file.path || ct_logfile_open(&config->log_file, err)) &&
	       (config->syslog.enabled != 1 ||
		ct_syslog_open(getenv("BINNACLE_SYSLOG_SOCKET"), config->syslog.facility,
			       config->syslog.name, err));
}

static int run(const struct ct_config *asked, int argc, char *const *argv)
{
	struct ct_config config;
	bool reload = false;
	struct err err;
	int status;

	do {
		ct_log_begin();
		if (load(&config, asked, argc, argv, &err)) {
			log_info("cli", "consul-template v0.19.4 (binnacle %s)", BINNACLE_VERSION);
			warn_ignored(&config);
			status = ct_run(&config, &reload);
		} else {
			ct_log_fatal(err.msg);
			status = CT_STATUS_CONFIG;
			reload = false;
		}
		ct_config_release(&config);
		ct_syslog_close();
		ct_logfile_close();
	} while (reload);
	return status;
}

int as_consul_template(int argc, char **argv)
{
	struct ct_config asked;
	struct strbuf text = STRBUF_INIT;
	struct err err;
	int status = CT_STATUS_OK;

	ct_config_init(&asked);
	argc -= argc > 0;
	argv++;
	if (!ct_flags_apply(&asked, argc, argv, &err)) {
		text_clean_lines(&text, err.msg, strlen(err.msg));
		strbuf_addch(&text, '\n');
		status = CT_STATUS_FLAGS;
	} else if (asked.help) {
		ct_flags_usage(&text);
	} else if (asked.version) {
		strbuf_addf(&text, "consul-template v0.19.4 (binnacle %s)\n", BINNACLE_VERSION);
	} else {
		status = run(&asked, argc, argv);
	}
	fputs(text.buf, stderr);
	strbuf_release(&text);
	ct_config_release(&asked);
	return status;
}
