/*
 * as_ct_log.h - our log in Consul Template's form, on standard error:
 *
 *     2006/01/02 15:04:05.000000 [WARN] (runner) message
 */
#ifndef BINNACLE_APP_AS_CT_LOG_H
#define BINNACLE_APP_AS_CT_LOG_H

#include <stdint.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

/* Until the level is known: warnings and errors, and the time without its fraction. */
void ct_log_begin(void);
/* trace, debug, info, warn, err, in any case. False: no such level. */
bool ct_log_set_level(const char *level, struct err *err);
/* In the text of a struct err, which is one line: a new line of the original's message. */
#define CT_LOG_LINE "\x1e"
/* An error that ends the program; its text may have several lines. */
void ct_log_fatal(const char *text);

/* "30s", "1m30s", "1.5s", "300ms": a duration as Go prints it. */
#define CT_DURATION_BYTES 40
const char *ct_log_duration(int64_t ms, char *out);

/* What a request to Consul is called in the log, "health.service(web|passing)", by its path. */
void ct_log_name(struct strbuf *out, const char *path);

#endif
