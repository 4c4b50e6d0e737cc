/*
 * base/err.h - what went wrong in the world: a code to react to and one sentence to read.
 *
 * The function that notices the error writes the sentence, with the value that was wrong. A
 * caller adds context only when it knows something more (which file, which service). The last
 * parameter of a function that can fail is `struct err *err`, never NULL; the function returns
 * bool (or a pointer, NULL on failure).
 *
 *     if (!file_read(path, LIMIT_CONFIG_FILE, &text, err))
 *         return err_context(err, "config");
 */
#ifndef BINNACLE_BASE_ERR_H
#define BINNACLE_BASE_ERR_H

#include <stdbool.h>

#include "binnacle/base/mem.h"

enum err_code {
	ERR_NONE = 0,
	ERR_INPUT,       /* the operator or a file asked for something malformed */
	ERR_FORMAT,      /* a peer answered with something we cannot decode */
	ERR_UNREACHABLE, /* resolve, connect or timeout */
	ERR_DENIED,      /* a peer or the system says that we lack a permission */
	ERR_NOT_FOUND,   /* the peer answered: there is no such thing */
	ERR_REFUSED,     /* the peer understood and said no; a check failed */
	ERR_CONFLICT,    /* the world changed between plan and execution */
	ERR_SYSTEM,      /* a system call failed; the message carries strerror */
};

struct err {
	enum err_code code;
	char msg[480]; /* one line, no trailing newline; clean it before a terminal sees it */
};

/* Fill *err. Always false, so that a failing function can end with `return err_set(...)`. */
bool err_set(struct err *err, enum err_code code, const char *fmt, ...) PRINTF_LIKE(3, 4);

/* Like err_set(ERR_SYSTEM or ERR_DENIED, "...: " strerror(errno)); reads errno. Always false. */
bool err_system(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

/* Put "<context>: " in front of the message. Always false. */
bool err_context(struct err *err, const char *fmt, ...) PRINTF_LIKE(2, 3);

#endif
