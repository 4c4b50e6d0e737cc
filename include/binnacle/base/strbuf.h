/*
 * base/strbuf.h - growing text.
 *
 * Invariants: buf is never NULL, buf[len] is always NUL, an empty value needs no release. The
 * bytes may hold NULs; len counts them. strbuf_detach is the only way to take the memory out.
 * This is a primitive: it may know only mem.h.
 */
#ifndef BINNACLE_BASE_STRBUF_H
#define BINNACLE_BASE_STRBUF_H

#include <stdarg.h>
#include <stdbool.h>
#include <stddef.h>

#include "binnacle/base/mem.h"

struct strbuf {
	char *buf;
	size_t len, cap;
};

extern char strbuf_empty[]; /* what buf points to while nothing is allocated */

#define STRBUF_INIT                                                                                \
	{                                                                                          \
		strbuf_empty, 0, 0                                                                 \
	}

void strbuf_init(struct strbuf *sb);
void strbuf_release(struct strbuf *sb); /* leaves an empty, usable value */
void strbuf_reset(struct strbuf *sb);   /* empties, keeps the memory */
void strbuf_grow(struct strbuf *sb, size_t extra);
void strbuf_setlen(struct strbuf *sb, size_t len); /* len <= sb->len */

void strbuf_add(struct strbuf *sb, const void *bytes, size_t len);
void strbuf_addstr(struct strbuf *sb, const char *text);
void strbuf_addch(struct strbuf *sb, char c);
void strbuf_addchars(struct strbuf *sb, char c, size_t count);
void strbuf_addf(struct strbuf *sb, const char *fmt, ...) PRINTF_LIKE(2, 3);
void strbuf_vaddf(struct strbuf *sb, const char *fmt, va_list args);

/* Cut white space at both ends. */
void strbuf_trim(struct strbuf *sb);

/* The caller becomes the owner of the text; sb is empty afterwards. Never NULL. */
char *strbuf_detach(struct strbuf *sb, size_t *len);

bool strbuf_equal(const struct strbuf *a, const struct strbuf *b);

#endif
