/*
 * base/log.h - one event, one line, `key=value` for facts.
 *
 *     log_warn("consul", "no answer from %s, retry in %d s", address, seconds);
 *
 * Lines go to a ring that the console shows, and to a sink when one is set. An outage logs once
 * when it begins and once when it ends: that is the caller's duty. Tokens, KV values and the
 * environment of containers are not logged at any level. Text is cleaned here (base/text.h).
 */
#ifndef BINNACLE_BASE_LOG_H
#define BINNACLE_BASE_LOG_H

#include <stddef.h>
#include <stdint.h>

#include "binnacle/base/mem.h"

enum log_level { LOG_LEVEL_DEBUG, LOG_LEVEL_INFO, LOG_LEVEL_WARN, LOG_LEVEL_ERROR };

struct log_line {
	int64_t wall_ms;
	enum log_level level;
	char part[16];
	char *text; /* owned by the ring */
};

void log_debug(const char *part, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_info(const char *part, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_warn(const char *part, const char *fmt, ...) PRINTF_LIKE(2, 3);
void log_error(const char *part, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* A sink sees each line at or above `level` as it happens. One sink; NULL for none. */
typedef void log_sink_fn(void *arg, const struct log_line *line);
void log_set_sink(log_sink_fn *sink, void *arg, enum log_level level);
/* Ready-made sinks: "2024-05-01T12:02:11Z warn consul: text" or JSON lines on standard error. */
void log_sink_stderr(void *arg, const struct log_line *line);
void log_sink_stderr_json(void *arg, const struct log_line *line);

/* The ring: lines since the start in all, and the newest ones by age (0 = newest). */
uint64_t log_total(void);
const struct log_line *log_recent(size_t age); /* NULL past the oldest kept */
const char *log_level_name(enum log_level level);
void log_release(void); /* at exit, for leak checkers */

#endif
