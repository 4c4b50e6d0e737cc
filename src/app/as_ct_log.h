/*
 * as_ct_log.h - our log in Consul Template's form, on standard error:
 *
 *     2006/01/02 15:04:05.000000 [WARN] (runner) message
 */
#ifndef BINNACLE_APP_AS_CT_LOG_H
#define BINNACLE_APP_AS_CT_LOG_H

#include "binnacle/base/err.h"

/* Until the level is known: warnings and errors, and the time without its fraction. */
void ct_log_begin(void);
/* trace, debug, info, warn, err, in any case. False: no such level. */
bool ct_log_set_level(const char *level, struct err *err);
/* An error that ends the program; its text may have several lines. */
void ct_log_fatal(const char *text);

#endif
