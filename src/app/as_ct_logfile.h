/*
 * as_ct_logfile.h - our log in a file, too: appended, and set aside as NAME-TIME.EXT when it is too
 * large or too old.
 */
#ifndef BINNACLE_APP_AS_CT_LOGFILE_H
#define BINNACLE_APP_AS_CT_LOGFILE_H

#include <stdint.h>

#include "binnacle/base/err.h"

struct ct_logfile {
	const char *path;  /* NULL: none; with a slash at its end, consul-template.log below it */
	int64_t bytes;     /* 0: however large */
	int64_t age_ms;    /* 0: however old */
	int64_t max_files; /* set aside: 0: all, below 0: none */
};

/* The settings are copied. One file at a time. */
bool ct_logfile_open(const struct ct_logfile *settings, struct err *err);
void ct_logfile_write(const char *line); /* without its newline; nothing while none is open */
void ct_logfile_close(void);

#endif
