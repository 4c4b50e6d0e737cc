/*
 * as_ct_config.h - what Consul Template is told: its defaults, its files, its flags.
 *
 *     struct ct_config config;
 *     ct_config_init(&config);
 *     ct_config_read(&config, path, &err)        (each -config, in order)
 *     ct_flags_apply(&config, argc, argv, &err)  (as_ct_flags.h; flags win)
 *     ct_config_finish(&config);
 *     ct_config_release(&config);
 *
 * A later value replaces an earlier one, blocks are merged key by key, templates and lists of the
 * environment are appended: each step writes over what the steps before it left. What nobody said
 * is UNSAID, because several switches are on as soon as anything beside them is said.
 *
 * Everything lives in the arena of the config.
 */
#ifndef BINNACLE_APP_AS_CT_CONFIG_H
#define BINNACLE_APP_AS_CT_CONFIG_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "binnacle/base/err.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "as_ct_logfile.h"

#define CT_UNSAID (-1)
/* The original keeps its own data, which we cannot read, below consul-template/dedup/. */
#define CT_DEDUP_PREFIX "binnacle/dedup/"

/*
 * Where this program differs from the original on purpose; a bit that is set (-original) brings the
 * original's way back. The table of src/app/README.md says what each means.
 */
enum ct_original {
	CT_ORIGINAL_OUTAGE = 1 << 0,
	CT_ORIGINAL_FIRST_PASS = 1 << 1,
	CT_ORIGINAL_SIGNALS = 1 << 2,
	CT_ORIGINAL_OWED = 1 << 3,
	CT_ORIGINAL_OWNER = 1 << 4,
	CT_ORIGINAL_GROUPS = 1 << 5,
	CT_ORIGINAL_EVERY_RUN = 1 << 6,
};

/* Texts, ends in NULL; NULL: empty. */
struct ct_env {
	bool pristine;
	const char *const *custom, *const *allowed, *const *denied;
};

struct ct_exec {
	const char *command;     /* NULL: none. Of a list: its words, for messages */
	const char *const *argv; /* a command given as a list, ends in NULL; NULL: a text */
	int enabled;             /* CT_UNSAID: when there is a command */
	int64_t splay_ms, kill_timeout_ms;
	int64_t timeout_ms;             /* 0: do not wait; CT_UNSAID */
	int kill_signal, reload_signal; /* 0: none */
	struct ct_env env;
};

struct ct_wait {
	int enabled; /* CT_UNSAID: when min is said */
	int64_t min_ms, max_ms;
};

struct ct_template {
	const char *source, *contents; /* NULL: not said */
	const char *destination, *left_delimiter, *right_delimiter;
	bool create_dirs, backup, error_on_missing_key;
	int error_fatal; /* CT_UNSAID: as the config says */
	mode_t perms;    /* 0: keep */
	/* Name or number of the owner; NULL: keep. */
	const char *user, *group;
	const char *nginx;         /* name of an nginx block; NULL: none */
	const char *sandbox;       /* folder that `file` may not leave; NULL: none */
	const char *const *denied; /* functions that fail, ends in NULL; NULL: none */
	struct ct_exec exec;
	struct ct_wait wait;
};

/* Ours: an nginx of this host that checks a file before it is written, and reloads after it. */
struct ct_nginx {
	const char *name;
	const char *conf, *binary, *prefix; /* folder of nginx.conf …; NULL: the usual ones */
};

struct ct_config {
	struct arena arena;
	bool once, dry, version, help, parse_only;
	const char **paths; /* of -config */
	size_t path_count, path_cap;

	struct {
		const char *address, *token, *token_file;
		int auth_enabled;
		const char *user, *password;
		bool retry;
		int64_t attempts; /* 0: without end; CT_UNSAID */
		int64_t backoff_ms, max_backoff_ms;
		int64_t wait_ms; /* of blocking queries; 0: as usual */
		int ssl, verify;
		const char *ca_cert, *ca_path, *cert, *key, *server_name;
	} consul;
	int kill_signal, reload_signal; /* 0: none */
	const char *log_level, *pid_file;
	int64_t max_stale_ms;
	bool vault, nomad; /* something was said about them */
	struct ct_logfile log_file;
	struct {
		int enabled; /* CT_UNSAID: when a member is said */
		const char *facility, *name;
	} syslog;
	struct {
		int enabled; /* CT_UNSAID: when a member is said */
		bool is_said;
		const char *prefix;
		int64_t ttl_ms, max_stale_ms;
	} dedup;
	const char *left_delimiter, *right_delimiter; /* of templates that say none */
	bool error_fatal;
	unsigned original;     /* enum ct_original */
	const char **mistakes; /* of the file that is being read */
	size_t mistake_count, mistake_cap;
	struct ct_exec exec;
	struct ct_wait wait;
	struct ct_nginx *nginxes;
	size_t nginx_count, nginx_cap;
	struct ct_template *templates;
	size_t template_count, template_cap;
};

void ct_config_init(struct ct_config *config);
void ct_config_release(struct ct_config *config);

/* A file, or a folder with all regular files in and below it, in lexical order. */
bool ct_config_read(struct ct_config *config, const char *path, struct err *err);
/* One file's text; `path` is for the message. */
bool ct_config_parse(struct ct_config *config, const char *path, const char *text, size_t len,
		     struct err *err);
/* Decide what was left unsaid, from what was said and from the environment. */
void ct_config_finish(struct ct_config *config);

/* For as_ct_flags.c. */
struct ct_template *ct_config_add_template(struct ct_config *config);
bool ct_wait_parse(const char *text, struct ct_wait *wait, struct err *err); /* MIN[:MAX] */
bool ct_duration_error(const char *text, struct err *err); /* why it is none; always false */
bool ct_signal_parse(const char *text, int *out, struct err *err); /* "": none */
void ct_auth_parse(struct ct_config *config, const char *text);    /* user[:password] */
/* Names of enum ct_original, with commas between them, or "all". */
bool ct_original_parse(const char *text, unsigned *out, struct err *err);

#endif
