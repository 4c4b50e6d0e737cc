/* The table of flags, and what Go's flag package would say about a wrong one. */
#include "registrator_flags.h"

#include <errno.h>
#include <stddef.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/list.h"
#include "binnacle/register/rules.h"

enum { MS_IN_S = 1000, RETRY_INTERVAL_MS = 2000 };

enum flag_kind { FLAG_SWITCH, FLAG_NUMBER, FLAG_TEXT };

struct flag {
	const char *name;
	enum flag_kind kind;
	size_t offset; /* of the bool, int64_t or const char * */
	const char *help;
};

#define SWITCH(name, member, help)                                                                 \
	{                                                                                          \
		name, FLAG_SWITCH, offsetof(struct registrator_flags, member), help                \
	}
#define NUMBER(name, member, help)                                                                 \
	{                                                                                          \
		name, FLAG_NUMBER, offsetof(struct registrator_flags, member), help                \
	}
#define TEXT(name, member, help)                                                                   \
	{                                                                                          \
		name, FLAG_TEXT, offsetof(struct registrator_flags, member), help                  \
	}

/* By name, as the usage lists them. */
static const struct flag flag_table[] = {
	SWITCH("cleanup", cleanup, "remove registrations of this host that no container wants"),
	SWITCH("container-keys", container_keys,
	       "SERVICE_INTERNAL and SERVICE_IP of a container count before -internal and -ip"),
	TEXT("deregister", deregister,
	     "remove services of an ended container \"always\", \"on-success\" or \"never\" "
	     "(default \"always\")"),
	SWITCH("deregister-on-exit", deregister_on_exit,
	       "remove everything that is registered when a signal ends the program"),
	SWITCH("drain", drain,
	       "services go into Consul's maintenance with their container's stop signal"),
	SWITCH("dry-run", dry_run,
	       "print what would be registered now, as JSON, ask the registry nothing, and end"),
	SWITCH("exit-on-docker-loss", exit_on_docker_loss,
	       "end with status 1 when Docker's event stream ends, instead of connecting again"),
	SWITCH("explicit", explicit_only, "only services that have a name in their metadata"),
	SWITCH("follow-networks", follow_networks,
	       "look at a container again when a network is connected or disconnected"),
	SWITCH("follow-renames", follow_renames,
	       "a renamed container gets new service ids at once, not at its next start"),
	TEXT("host-networks", host_networks,
	     "networks (globs, comma list) whose published ports are registered with the host's "
	     "address, not the container's"),
	TEXT("hostname", hostname, "first part of service ids (default: this machine's name)"),
	SWITCH("internal", internal, "the container's address and port, not the published ones"),
	TEXT("internal-networks", internal_networks,
	     "networks (globs, comma list) whose containers are treated as with -internal"),
	TEXT("ip", ip, "address for all services that would get the host's"),
	SWITCH("keep-removed", keep_removed,
	       "with -deregister on-success: services of failed containers stay also when these "
	       "are removed"),
	TEXT("meta-exclude", meta_exclude,
	     "attributes (globs, comma list) that are not registered"),
	SWITCH("once", once, "register what runs now, and end"),
	TEXT("registered-by", registered_by,
	     "put this into the attribute registered-by; -cleanup then goes by that alone"),
	NUMBER("resync", resync_s,
	       "seconds between comparisons with Docker and the registry, 0: never "
	       "(default 30 with Consul's agent, which can list its services; else 0)"),
	NUMBER("retry-attempts", retry_attempts,
	       "further attempts to reach the registry at the start, -1: for ever"),
	NUMBER("retry-interval", retry_interval_ms,
	       "milliseconds between these attempts (default 2000)"),
	TEXT("tags", tags, "tags for every service: comma list, a Go template"),
	TEXT("tags-order", tags_order,
	     "\"given\" keeps tags as they are written, \"reversed\" turns them around "
	     "(default \"reversed\")"),
	NUMBER("ttl", ttl_s, "lifetime of services in seconds (etcd, etcd3, skydns2)"),
	NUMBER("ttl-refresh", ttl_refresh_s, "seconds after which the lifetime begins again"),
	TEXT("useIpFromLabel", use_ip_from_label, "container label that holds the address"),
};

static void *place_of(struct registrator_flags *flags, const struct flag *flag)
{
	return (char *)flags + flag->offset;
}

static const struct flag *find_flag(const char *name, size_t len)
{
	for (size_t i = 0; i < COUNT_OF(flag_table); i++) {
		if (strlen(flag_table[i].name) == len &&
		    strncmp(flag_table[i].name, name, len) == 0)
			return &flag_table[i];
	}
	return NULL;
}

/* Go's words, see strconv.ParseBool. */
static bool parse_switch(const char *text, bool *out)
{
	static const char *const words[2][6] = { { "0", "f", "F", "false", "FALSE", "False" },
						 { "1", "t", "T", "true", "TRUE", "True" } };

	for (size_t i = 0; i < COUNT_OF(words[0]); i++) {
		for (size_t value = 0; value < 2; value++) {
			if (strcmp(text, words[value][i]) == 0) {
				*out = value;
				return true;
			}
		}
	}
	return false;
}

/* A sign, and digits whose base shows in front: 10, 0x1f, 0b11, 0o17, 017. NULL: it is one. */
static const char *parse_number(const char *text, int64_t *out)
{
	const char *digits = text + (*text == '-' || *text == '+');
	int base = 10;
	long long magnitude;
	char *end;

	if (digits[0] == '0' && strchr("xX", digits[1]) && digits[1])
		base = 16;
	else if (digits[0] == '0' && strchr("bB", digits[1]) && digits[1])
		base = 2;
	else if (digits[0] == '0' && digits[1])
		base = 8;
	if (base == 16 || base == 2 || (base == 8 && strchr("oO", digits[1])))
		digits += 2;
	/* strtoll would also take blanks and a second sign. */
	if (!strchr("0123456789abcdefABCDEF", *digits) || !*digits)
		return "parse error";
	errno = 0;
	magnitude = strtoll(digits, &end, base);
	if (*end)
		return "parse error";
	if (errno == ERANGE)
		return "value out of range";
	/* Longer than anybody waits, and short enough to be computed with. */
	if (magnitude > INT32_MAX)
		magnitude = INT32_MAX;
	*out = *text == '-' ? -(int64_t)magnitude : magnitude;
	return NULL;
}

static bool set_flag(struct registrator_flags *flags, const struct flag *flag, const char *value,
		     struct strbuf *complaint)
{
	const char *problem = NULL;

	switch (flag->kind) {
	case FLAG_SWITCH:
		if (parse_switch(value, place_of(flags, flag)))
			return true;
		strbuf_addf(complaint, "invalid boolean value \"%s\" for -%s: parse error", value,
			    flag->name);
		return false;
	case FLAG_NUMBER:
		problem = parse_number(value, place_of(flags, flag));
		break;
	case FLAG_TEXT:
		*(const char **)place_of(flags, flag) = value;
		break;
	}
	if (problem) {
		strbuf_addf(complaint, "invalid value \"%s\" for flag -%s: %s", value, flag->name,
			    problem);
		return false;
	}
	if (strcmp(flag->name, "resync") == 0)
		flags->has_resync = true;
	return true;
}

/* argv[*i] is a flag; moves *i past its value. */
static enum registrator_command read_flag(struct registrator_flags *flags, int argc, char **argv,
					  int *i, struct strbuf *complaint)
{
	const char *word = argv[*i];
	const char *name = word + (word[1] == '-' ? 2 : 1);
	size_t len = strcspn(name, "=");
	const char *value = name[len] == '=' ? name + len + 1 : NULL;
	const struct flag *flag = find_flag(name, len);

	if (len == 0 || *name == '-') {
		strbuf_addf(complaint, "bad flag syntax: %s", word);
		return REGISTRATOR_USAGE;
	}
	if (!flag) {
		if ((len == 4 && strncmp(name, "help", len) == 0) || (len == 1 && *name == 'h'))
			return REGISTRATOR_HELP;
		strbuf_addf(complaint, "flag provided but not defined: -%.*s", (int)len, name);
		return REGISTRATOR_USAGE;
	}
	if (!value && flag->kind == FLAG_SWITCH) {
		value = "true";
	} else if (!value) {
		if (*i + 1 >= argc) {
			strbuf_addf(complaint, "flag needs an argument: -%s", flag->name);
			return REGISTRATOR_USAGE;
		}
		value = argv[++*i];
	}
	return set_flag(flags, flag, value, complaint) ? REGISTRATOR_RUN : REGISTRATOR_USAGE;
}

enum registrator_command registrator_flags_read(struct registrator_flags *flags, int argc,
						char **argv, struct strbuf *complaint)
{
	int i;

	*flags = (struct registrator_flags){ .deregister = "always",
					     .tags_order = "reversed",
					     .retry_interval_ms = RETRY_INTERVAL_MS };
	if (argc == 2 && strcmp(argv[1], "--version") == 0)
		return REGISTRATOR_VERSION;
	for (i = 1; i < argc && argv[i][0] == '-' && argv[i][1]; i++) {
		enum registrator_command command;

		if (strcmp(argv[i], "--") == 0) {
			i++;
			break;
		}
		command = read_flag(flags, argc, argv, &i, complaint);
		if (command != REGISTRATOR_RUN)
			return command;
	}
	if (i == argc) {
		strbuf_addstr(complaint, "Missing required argument for registry URI.");
		return REGISTRATOR_USAGE;
	}
	flags->uri = argv[i];
	if (i + 1 < argc) {
		strbuf_addstr(complaint,
			      "Extra arguments after the registry URI, flags go before it:");
		while (++i < argc)
			strbuf_addf(complaint, " %s", argv[i]);
		return REGISTRATOR_USAGE;
	}
	return REGISTRATOR_RUN;
}

void registrator_flags_usage(struct strbuf *out, const char *program)
{
	static const char *const values[] = {
		[FLAG_SWITCH] = "", [FLAG_NUMBER] = " int", [FLAG_TEXT] = " string"
	};

	strbuf_addf(out, "Usage of %s:\n  %s [options] <registry URI>\n\n", program, program);
	for (size_t i = 0; i < COUNT_OF(flag_table); i++)
		strbuf_addf(out, "  -%s%s\n    \t%s\n", flag_table[i].name,
			    values[flag_table[i].kind], flag_table[i].help);
	strbuf_addstr(out, "\nRegistries: consul, consul-tls, consul-unix, consulkv, "
			   "consulkv-unix, etcd, etcd3, skydns2, zookeeper; with TLS "
			   "etcd-tls, etcd3-tls, skydns2-tls\n");
}

bool registrator_flags_check(const struct registrator_flags *flags, struct err *err)
{
	struct register_options options = { .ttl_s = flags->ttl_s,
					    .ttl_refresh_s = flags->ttl_refresh_s };

	if (!register_options_check(&options, err))
		return false;
	if (flags->retry_interval_ms <= 0)
		return err_set(err, ERR_INPUT, "-retry-interval must be greater than 0");
	return true;
}

bool registrator_flags_options(const struct registrator_flags *flags, struct register_options *out,
			       struct err *err)
{
	bool on_success = strcmp(flags->deregister, "on-success") == 0;
	bool never = strcmp(flags->deregister, "never") == 0;
	bool given = strcmp(flags->tags_order, "given") == 0;

	if (!on_success && !never && strcmp(flags->deregister, "always") != 0)
		return err_set(err, ERR_INPUT, "-deregister must be \"always\" or \"on-success\"");
	if (!given && strcmp(flags->tags_order, "reversed") != 0)
		return err_set(err, ERR_INPUT, "-tags-order must be \"given\" or \"reversed\"");
	*out = (struct register_options){
		.hostname = flags->hostname && *flags->hostname ? flags->hostname : NULL,
		.ip = flags->ip,
		/* Replaced anyway, so that nobody needs to look the hostname up. */
		.host_ip = flags->ip && *flags->ip ? flags->ip : NULL,
		.internal = flags->internal,
		.internal_networks = flags->internal_networks,
		.host_networks = flags->host_networks,
		.container_keys = flags->container_keys,
		.explicit_only = flags->explicit_only,
		.use_ip_from_label = flags->use_ip_from_label,
		.tags = flags->tags,
		.tags_given_order = given,
		.meta_exclude = flags->meta_exclude,
		.registered_by = flags->registered_by,
		.deregister = never        ? REGISTER_DEREGISTER_NEVER
			      : on_success ? REGISTER_DEREGISTER_ON_SUCCESS
					   : REGISTER_DEREGISTER_ALWAYS,
		.keep_removed = flags->keep_removed,
		.cleanup = flags->cleanup,
		.follow_networks = flags->follow_networks,
		.follow_renames = flags->follow_renames,
		.drain = flags->drain,
		.ttl_s = flags->ttl_s,
		.ttl_refresh_s = flags->ttl_refresh_s,
		/* The registrar takes 0 for its default. */
		.resync_ms =
			flags->has_resync && flags->resync_s <= 0 ? -1 : flags->resync_s * MS_IN_S,
	};
	/* A template with a mistake ends Registrator at the first container. */
	return register_options_check(out, err);
}
