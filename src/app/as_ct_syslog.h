/*
 * as_ct_syslog.h - lines for the system's log: datagrams in the form of RFC 3164 to its local
 * socket. syslog(3) is not used, as it hides whether anybody listens and waits when the socket is
 * full; here a line that cannot be sent at once is dropped.
 */
#ifndef BINNACLE_APP_AS_CT_SYSLOG_H
#define BINNACLE_APP_AS_CT_SYSLOG_H

#include "binnacle/base/err.h"
#include "binnacle/base/log.h"

/* path NULL: where systems have it (/dev/log first). facility: KERN to LOCAL7, in any case. */
bool ct_syslog_open(const char *path, const char *facility, const char *name, struct err *err);
/* Nothing happens while none is open. */
void ct_syslog_send(enum log_level level, const char *text);
void ct_syslog_close(void);

#endif
