/*
 * base/mem.h - allocation that does not fail, and the arena.
 *
 * The x functions print one line and abort when memory runs out: nothing useful can be done
 * then, and no caller has to check.
 *
 * An arena is for one task (a decoded response, a template execution, a frame, a plan):
 * allocate freely, release everything at once.
 *
 *     struct arena arena = ARENA_INIT;
 *     char *name = arena_strdup(&arena, "web");
 *     arena_release(&arena);
 *
 * All zero bytes are a valid empty arena. Memory is aligned for any type.
 */
#ifndef BINNACLE_BASE_MEM_H
#define BINNACLE_BASE_MEM_H

#include <stdarg.h>
#include <stddef.h>

#if defined(__GNUC__)
#define PRINTF_LIKE(fmt, args) __attribute__((format(printf, fmt, args)))
#else
#define PRINTF_LIKE(fmt, args)
#endif

void *xmalloc(size_t size);
void *xcalloc(size_t count, size_t size);
void *xrealloc(void *old, size_t size);
void *xreallocarray(void *old, size_t count, size_t size);
char *xstrdup(const char *text);
/* The first `len` bytes of text and a NUL. The bytes may hold NULs. */
char *xstrndup(const char *text, size_t len);
char *xasprintf(const char *fmt, ...) PRINTF_LIKE(1, 2);

/*
 * Give the system what is free, and the pages of programs and libraries that were needed once, at
 * the start for the most part; those that are needed again come back by themselves. For long-lived
 * processes when they come to rest: it costs a few hundred page faults.
 */
void mem_give_back(void);

struct arena_block;

struct arena {
	struct arena_block *blocks; /* newest first */
	size_t total;               /* bytes handed out since the last reset */
};

#define ARENA_INIT                                                                                 \
	{                                                                                          \
		0                                                                                  \
	}

/* Zeroed memory that lives until the arena is reset or released. */
void *arena_alloc(struct arena *arena, size_t size);
char *arena_strdup(struct arena *arena, const char *text); /* NULL stays NULL */
char *arena_strndup(struct arena *arena, const char *text, size_t len);
char *arena_printf(struct arena *arena, const char *fmt, ...) PRINTF_LIKE(2, 3);
/* Forget everything but keep one block for reuse. */
void arena_reset(struct arena *arena);
void arena_release(struct arena *arena);

#endif
