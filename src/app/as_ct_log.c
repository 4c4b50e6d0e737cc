#include "as_ct_log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <strings.h>
#include <time.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/list.h"
#include "binnacle/base/log.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"
#include "as_ct_syslog.h"

static bool has_fraction;

static void print_time(int64_t wall_ms)
{
	time_t seconds = (time_t)(wall_ms / 1000);
	char when[32];
	struct tm tm;

	gmtime_r(&seconds, &tm);
	strftime(when, sizeof(when), "%Y/%m/%d %H:%M:%S", &tm);
	fputs(when, stderr);
	if (has_fraction)
		fprintf(stderr, ".%06d", (int)(wall_ms % 1000) * 1000);
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
	if (strcmp(part, "render") == 0)
		part = "runner";
	else if (strcmp(part, "consul") == 0)
		part = "view";
	print_time(line->wall_ms);
	fprintf(stderr, " [%s] (%s) %s\n", levels[line->level], part, line->text);
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

	text_clean_lines(&clean, text, strlen(text));
	print_time(clock_wall_ms());
	fprintf(stderr, " [ERR] (cli) %s\n", clean.buf);
	copy_to_syslog(LOG_LEVEL_ERROR, "cli", clean.buf);
	strbuf_release(&clean);
}
