/*
 * registrator_flags.h - Registrator's command line, in the syntax of Go's flag package: -x v,
 * -x=v, --x v, --x=v; switches take a value only with "="; flags end at the first other word or
 * at "--".
 *
 *     struct registrator_flags flags;
 *     switch (registrator_flags_read(&flags, argc, argv, &complaint)) ...
 *     if (!registrator_flags_check(&flags, &err)) ...
 */
#ifndef BINNACLE_APP_REGISTRATOR_FLAGS_H
#define BINNACLE_APP_REGISTRATOR_FLAGS_H

#include <stdbool.h>
#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct register_options;

/* Strings are borrowed from argv. */
struct registrator_flags {
	const char *ip, *use_ip_from_label, *tags, *deregister;
	bool internal, explicit_only, cleanup;
	int64_t ttl_s, ttl_refresh_s, resync_s, retry_attempts, retry_interval_ms;
	bool has_resync; /* given, even as 0 */
	/* not Registrator's */
	const char *hostname, *internal_networks, *host_networks, *tags_order, *meta_exclude;
	const char *registered_by;
	bool exit_on_docker_loss, container_keys, follow_networks, follow_renames, keep_removed;
	bool drain, deregister_on_exit, once, dry_run;

	const char *uri;
};

enum registrator_command {
	REGISTRATOR_RUN,
	REGISTRATOR_VERSION, /* --version as the only argument */
	REGISTRATOR_HELP,
	REGISTRATOR_USAGE, /* malformed; `complaint` says how */
};

enum registrator_command registrator_flags_read(struct registrator_flags *flags, int argc,
						char **argv, struct strbuf *complaint);
void registrator_flags_usage(struct strbuf *out, const char *program);

/* What cannot work, in Registrator's order, up to the flags that come before the daemon. */
bool registrator_flags_check(const struct registrator_flags *flags, struct err *err);
/* The rest, and what the rules of register/ make of the flags; borrowed from them. */
bool registrator_flags_options(const struct registrator_flags *flags, struct register_options *out,
			       struct err *err);

#endif
