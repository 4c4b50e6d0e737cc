#include "binnacle/base/log.h"

#include <stdio.h>
#include <stdlib.h>
#include <string.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"

static struct {
	struct log_line ring[LIMIT_LOG_LINES_COUNT];
	uint64_t total;
	log_sink_fn *sink;
	void *sink_arg;
	enum log_level sink_level;
} state;

static const char *const level_names[] = { "debug", "info", "warn", "error" };

static void log_line_add(enum log_level level, const char *part, const char *fmt, va_list args)
{
	struct log_line *line = &state.ring[state.total % LIMIT_LOG_LINES_COUNT];
	struct strbuf raw = STRBUF_INIT, clean = STRBUF_INIT;

	strbuf_vaddf(&raw, fmt, args);
	text_clean(&clean, raw.buf, raw.len);
	strbuf_release(&raw);
	free(line->text);
	line->wall_ms = clock_wall_ms();
	line->level = level;
	snprintf(line->part, sizeof(line->part), "%s", part);
	line->text = strbuf_detach(&clean, NULL);
	state.total++;
	if (state.sink && level >= state.sink_level)
		state.sink(state.sink_arg, line);
}

#define DEFINE_LOG(name, level)                                                                    \
	void name(const char *part, const char *fmt, ...)                                          \
	{                                                                                          \
		va_list args;                                                                      \
                                                                                                   \
		va_start(args, fmt);                                                               \
		log_line_add(level, part, fmt, args);                                              \
		va_end(args);                                                                      \
	}

DEFINE_LOG(log_debug, LOG_LEVEL_DEBUG)
DEFINE_LOG(log_info, LOG_LEVEL_INFO)
DEFINE_LOG(log_warn, LOG_LEVEL_WARN)
DEFINE_LOG(log_error, LOG_LEVEL_ERROR)

void log_set_sink(log_sink_fn *sink, void *arg, enum log_level level)
{
	state.sink = sink;
	state.sink_arg = arg;
	state.sink_level = level;
}

void log_sink_stderr(void *arg, const struct log_line *line)
{
	char when[CLOCK_TEXT_BYTES];

	(void)arg;
	fprintf(stderr, "%s %-5s %s: %s\n", clock_rfc3339(line->wall_ms, when),
		log_level_name(line->level), line->part, line->text);
}

void log_sink_stderr_json(void *arg, const struct log_line *line)
{
	char when[CLOCK_TEXT_BYTES];
	struct strbuf out = STRBUF_INIT;

	(void)arg;
	strbuf_addf(&out, "{\"time\":\"%s\",\"level\":\"%s\",\"part\":",
		    clock_rfc3339(line->wall_ms, when), log_level_name(line->level));
	json_quote(&out, line->part, strlen(line->part));
	strbuf_addstr(&out, ",\"message\":");
	json_quote(&out, line->text, strlen(line->text));
	fprintf(stderr, "%s}\n", out.buf);
	strbuf_release(&out);
}

uint64_t log_total(void)
{
	return state.total;
}

const struct log_line *log_recent(size_t age)
{
	if (age >= state.total || age >= LIMIT_LOG_LINES_COUNT)
		return NULL;
	return &state.ring[(state.total - 1 - age) % LIMIT_LOG_LINES_COUNT];
}

const char *log_level_name(enum log_level level)
{
	return level_names[level];
}

void log_release(void)
{
	for (size_t i = 0; i < COUNT_OF(state.ring); i++) {
		free(state.ring[i].text);
		state.ring[i].text = NULL;
	}
	state.total = 0;
	state.sink = NULL;
}
