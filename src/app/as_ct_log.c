#include "as_ct_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/encode.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "as_ct_logfile.h"
#include "as_ct_syslog.h"

static bool has_fraction;

/* One line, on standard error and wherever else the log goes. */
static void print_line(int64_t wall_ms, const char *level, const char *part, const char *text)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	struct strbuf line = STRBUF_INIT;
	char when[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%Y/%m/%d %H:%M:%S", &tm);
	strbuf_addstr(&line, when);
	if (has_fraction)
		strbuf_addf(&line, ".%06d", (int)(wall_ms % 1000) * 1000);
	strbuf_addf(&line, " [%s] (%s) %s", level, part, text);
	fprintf(stderr, "%s\n", line.buf);
	ct_logfile_write(line.buf);
	strbuf_release(&line);
}

static void copy_to_syslog(enum log_level level, const char *part, const char *text)
{
	char *whole = xasprintf("(%s) %s", part, text);

	ct_syslog_send(level, whole);
	free(whole);
}

static void sink(void *arg, const struct log_line *line)
{
	static const char *const levels[] = { "DEBUG", "INFO", "WARN", "ERR" };
	const char *part = line->part;

	(void)arg;
	/* What the renderer reports as an error ends the program, which says so itself. */
	if (strcmp(part, "render") == 0 && line->level == LOG_LEVEL_ERROR)
		return;
	/* That begins and ends an outage once; the log of the original has each attempt. */
	if (strcmp(part, "consul") == 0 && line->level == LOG_LEVEL_WARN)
		return;
	if (strcmp(part, "render") == 0)
		part = "runner";
	else if (strcmp(part, "consul") == 0)
		part = "view";
	print_line(line->wall_ms, levels[line->level], part, line->text);
	copy_to_syslog(line->level, part, line->text);
}

void ct_log_begin(void)
{
	has_fraction = false;
	log_set_sink(sink, NULL, LOG_LEVEL_WARN);
}

bool ct_log_set_level(const char *level, struct err *err)
{
	static const struct {
		const char *name;
		enum log_level level;
	} levels[] = {
		{ "TRACE", LOG_LEVEL_DEBUG }, { "DEBUG", LOG_LEVEL_DEBUG },
		{ "INFO", LOG_LEVEL_INFO },   { "WARN", LOG_LEVEL_WARN },
		{ "ERR", LOG_LEVEL_ERROR },
	};

	for (size_t i = 0; i < COUNT_OF(levels); i++) {
		if (strcasecmp(level, levels[i].name) != 0)
			continue;
		has_fraction = true;
		log_set_sink(sink, NULL, levels[i].level);
		return true;
	}
	return err_set(err, ERR_INPUT,
		       "invalid log level \"%s\", valid log levels are TRACE, DEBUG, INFO, WARN, "
		       "ERR",
		       level);
}

void ct_log_fatal(const char *text)
{
	struct strbuf clean = STRBUF_INIT;

	char *lines = xstrdup(text);

	for (char *p = lines; *p; p++)
		if (*p == CT_LOG_LINE[0])
			*p = '\n';
	text_clean_lines(&clean, lines, strlen(lines));
	free(lines);
	print_line(clock_wall_ms(), "ERR", "cli", clean.buf);
	copy_to_syslog(LOG_LEVEL_ERROR, "cli", clean.buf);
	strbuf_release(&clean);
}

const char *ct_log_duration(int64_t ms, char *out)
{
	long long minutes = ms / 60000;

	if (ms < 1000)
		snprintf(out, CT_DURATION_BYTES, "%lldms", (long long)ms);
	else if (minutes >= 60)
		snprintf(out, CT_DURATION_BYTES, "%lldh%lldm%.5gs", minutes / 60, minutes % 60,
			 (double)(ms % 60000) / 1000);
	else if (minutes)
		snprintf(out, CT_DURATION_BYTES, "%lldm%.5gs", minutes,
			 (double)(ms % 60000) / 1000);
	else
		snprintf(out, CT_DURATION_BYTES, "%.5gs", (double)ms / 1000);
	return out;
}

/* ---- names ---- */

/* Append `before` and the value of a parameter, unless it is not there. */
static bool add_parameter(struct strbuf *out, const char *query, const char *name,
			  const char *before)
{
	size_t len = strlen(name);

	for (const char *p = query; *p; p += strcspn(p, "&"), p += *p == '&')
		if (strncmp(p, name, len) == 0 && p[len] == '=') {
			strbuf_addstr(out, before);
			url_unescape(out, p + len + 1, strcspn(p + len + 1, "&"), NULL);
			return true;
		}
	return false;
}

void ct_log_name(struct strbuf *out, const char *path)
{
	static const struct {
		const char *path, *name;
	} names[] = {
		{ "/v1/health/service/", "health.service" },
		{ "/v1/health/connect/", "health.connect" },
		{ "/v1/catalog/services", "catalog.services" },
		{ "/v1/catalog/nodes", "catalog.nodes" },
		{ "/v1/catalog/node/", "catalog.node" },
		{ "/v1/catalog/datacenters", "catalog.datacenters" },
		{ "/v1/kv/", "kv.block" },
	};
	const char *query = strchr(path, '?') ? strchr(path, '?') + 1 : "";
	size_t path_len = strcspn(path, "?"), i, len;
	struct strbuf inside = STRBUF_INIT;
	bool is_list = strstr(query, "recurse") != NULL;

	for (i = 0; i < COUNT_OF(names); i++)
		if (text_starts_with(path, names[i].path))
			break;
	if (i == COUNT_OF(names)) {
		strbuf_add(out, path, path_len);
		return;
	}
	len = strlen(names[i].path);
	if (add_parameter(&inside, query, "tag", ""))
		strbuf_addch(&inside, '.');
	url_unescape(&inside, path + len, path_len - len, NULL);
	add_parameter(&inside, query, "dc", "@");
	add_parameter(&inside, query, "near", "~");
	if (strstr(query, "passing="))
		strbuf_addstr(&inside, "|passing");
	strbuf_addstr(out, is_list ? "kv.list" : names[i].name);
	if (inside.len)
		strbuf_addf(out, "(%s)", inside.buf);
	strbuf_release(&inside);
}
