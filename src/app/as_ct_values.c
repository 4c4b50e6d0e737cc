/* Values that files and flags of Consul Template have in common: waits, signals, user:password. */
#include <signal.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>

#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "as_ct_config.h"

static const struct {
	const char *name;
	int number;
} signals[] = {
	{ "SIGABRT", SIGABRT }, { "SIGALRM", SIGALRM }, { "SIGBUS", SIGBUS },
	{ "SIGCHLD", SIGCHLD }, { "SIGCONT", SIGCONT }, { "SIGFPE", SIGFPE },
	{ "SIGHUP", SIGHUP },   { "SIGILL", SIGILL },   { "SIGINT", SIGINT },
	{ "SIGIO", SIGIO },     { "SIGIOT", SIGIOT },   { "SIGKILL", SIGKILL },
	{ "SIGPIPE", SIGPIPE }, { "SIGPROF", SIGPROF }, { "SIGQUIT", SIGQUIT },
	{ "SIGSEGV", SIGSEGV }, { "SIGSTOP", SIGSTOP }, { "SIGSYS", SIGSYS },
	{ "SIGTERM", SIGTERM }, { "SIGTRAP", SIGTRAP }, { "SIGTSTP", SIGTSTP },
	{ "SIGTTIN", SIGTTIN }, { "SIGTTOU", SIGTTOU }, { "SIGURG", SIGURG },
	{ "SIGUSR1", SIGUSR1 }, { "SIGUSR2", SIGUSR2 }, { "SIGXCPU", SIGXCPU },
	{ "SIGXFSZ", SIGXFSZ },
};

bool ct_signal_parse(const char *text, int *out, struct err *err)
{
	struct strbuf names = STRBUF_INIT;

	*out = 0;
	if (!*text)
		return true;
	for (size_t i = 0; i < COUNT_OF(signals); i++) {
		if (strcasecmp(signals[i].name, text) != 0)
			continue;
		*out = signals[i].number;
		return true;
	}
	for (size_t i = 0; i < COUNT_OF(signals); i++)
		strbuf_addf(&names, "%s%s", i ? " " : "", signals[i].name);
	err_set(err, ERR_INPUT, "invalid signal \"%s\" - valid signals are [%s]", text, names.buf);
	strbuf_release(&names);
	return false;
}

static bool is_unit(const char *text, size_t len)
{
	static const char *const units[] = { "ns", "us", "ms", "s", "m", "h" };

	for (size_t i = 0; i < COUNT_OF(units); i++)
		if (strlen(units[i]) == len && memcmp(units[i], text, len) == 0)
			return true;
	return false;
}

bool ct_duration_error(const char *text, struct err *err)
{
	static const char digits[] = "0123456789.";
	const char *p = text + (*text == '-' || *text == '+');

	while (strspn(p, digits)) {
		const char *unit = p + strspn(p, digits);
		size_t len = strcspn(unit, digits);

		if (!len)
			return err_set(err, ERR_INPUT, "time: missing unit in duration %s", text);
		if (!is_unit(unit, len))
			return err_set(err, ERR_INPUT, "time: unknown unit %.*s in duration %s",
				       (int)len, unit, text);
		p = unit + len;
	}
	return err_set(err, ERR_INPUT, "time: invalid duration %s", text);
}

static bool parse_part(const char *text, size_t len, int64_t *out_ms, struct err *err)
{
	char *part = xstrndup(text, len);
	/* Go's durations may be negative, ours may not. */
	bool negative = part[0] == '-', ok = text_parse_duration(part + negative, out_ms);

	if (!ok)
		ct_duration_error(part, err);
	else if (negative && *out_ms)
		ok = err_set(err, ERR_INPUT, "wait: cannot be negative");
	free(part);
	return ok;
}

bool ct_wait_parse(const char *text, struct ct_wait *wait, struct err *err)
{
	struct ct_wait parsed = { .enabled = 1 };
	size_t blank = strspn(text, " \t\n"), first = strcspn(text, ":");
	const char *rest = text[first] ? text + first + 1 : NULL;

	if (!text[blank])
		return err_set(err, ERR_INPUT, "wait: cannot be empty");
	if (rest && strchr(rest, ':'))
		return err_set(err, ERR_INPUT, "wait: invalid format");
	if (!parse_part(text, first, &parsed.min_ms, err) ||
	    (rest && !parse_part(rest, strlen(rest), &parsed.max_ms, err)))
		return false;
	if (!rest)
		parsed.max_ms = 4 * parsed.min_ms;
	if (parsed.max_ms < parsed.min_ms)
		return err_set(err, ERR_INPUT, "wait: min must be less than max");
	*wait = parsed;
	return true;
}

void ct_auth_parse(struct ct_config *config, const char *text)
{
	size_t len = strcspn(text, ":");

	config->consul.user = arena_strndup(&config->arena, text, len);
	config->consul.password = text[len] ? arena_strdup(&config->arena, text + len + 1) : "";
	config->consul.auth_enabled = 1;
}

bool ct_original_parse(const char *text, unsigned *out, struct err *err)
{
	static const struct {
		const char *name;
		unsigned bits;
	} words[] = {
		{ "outage", CT_ORIGINAL_OUTAGE },       { "first-pass", CT_ORIGINAL_FIRST_PASS },
		{ "signals", CT_ORIGINAL_SIGNALS },     { "owed", CT_ORIGINAL_OWED },
		{ "owner", CT_ORIGINAL_OWNER },         { "groups", CT_ORIGINAL_GROUPS },
		{ "every-run", CT_ORIGINAL_EVERY_RUN }, { "all", ~0u },
	};
	struct strbuf names = STRBUF_INIT;

	for (const char *p = text; *p;) {
		size_t len = strcspn(p, ","), i;

		for (i = 0; i < COUNT_OF(words); i++)
			if (strlen(words[i].name) == len && memcmp(words[i].name, p, len) == 0)
				break;
		if (i == COUNT_OF(words)) {
			for (i = 0; i < COUNT_OF(words); i++)
				strbuf_addf(&names, "%s%s", i ? ", " : "", words[i].name);
			err_set(err, ERR_INPUT, "original: \"%.*s\" is none of %s", (int)len, p,
				names.buf);
			strbuf_release(&names);
			return false;
		}
		*out |= words[i].bits;
		p += len + (p[len] == ',');
	}
	return true;
}
