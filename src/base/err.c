#include "binnacle/base/err.h"

#include <errno.h>
#include <stdio.h>
#include <string.h>

/* A message is one line, whatever a peer put into it. */
static void flatten(char *msg)
{
	for (; *msg; msg++)
		if (*msg == '\n' || *msg == '\r' || *msg == '\t')
			*msg = ' ';
}

bool err_set(struct err *err, enum err_code code, const char *fmt, ...)
{
	char msg[sizeof(err->msg)]; /* an argument may be err->msg itself */
	va_list args;

	va_start(args, fmt);
	vsnprintf(msg, sizeof(msg), fmt, args);
	va_end(args);
	flatten(msg);
	err->code = code;
	memcpy(err->msg, msg, sizeof(msg));
	return false;
}

bool err_system(struct err *err, const char *fmt, ...)
{
	int saved = errno;
	char what[sizeof(err->msg) / 2];
	va_list args;

	va_start(args, fmt);
	vsnprintf(what, sizeof(what), fmt, args);
	va_end(args);
	return err_set(err, saved == EACCES || saved == EPERM ? ERR_DENIED : ERR_SYSTEM, "%s: %s",
		       what, strerror(saved));
}

bool err_context(struct err *err, const char *fmt, ...)
{
	char context[sizeof(err->msg) / 2], msg[sizeof(err->msg)];
	va_list args;

	va_start(args, fmt);
	vsnprintf(context, sizeof(context), fmt, args);
	va_end(args);
	memcpy(msg, err->msg, sizeof(msg));
	return err_set(err, err->code, "%s: %s", context, msg);
}
