/*
 * The arena is a list of blocks; a request that does not fit opens a new block, at least as
 * large as the request, so that one huge string costs one block and not a search. Blocks grow with
 * the arena: there are arenas by the hundred that hold three names, and some that hold a catalog.
 */
#include "binnacle/base/mem.h"

#include <stdbool.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#ifdef __GLIBC__
#include <link.h>
#include <malloc.h>
#include <sys/mman.h>
#endif

#define ARENA_FIRST_BYTES 256
#define ARENA_BLOCK_BYTES (16u << 10)
#define ALIGNMENT         _Alignof(max_align_t)

struct arena_block {
	struct arena_block *next;
	size_t used, size;
	max_align_t data[];
};

static void *checked(void *memory, size_t size)
{
	if (!memory && size) {
		fprintf(stderr, "binnacle: out of memory (%zu bytes)\n", size);
		abort();
	}
	return memory;
}

void *xmalloc(size_t size)
{
	return checked(malloc(size ? size : 1), size);
}

void *xcalloc(size_t count, size_t size)
{
	return checked(calloc(count ? count : 1, size ? size : 1), size);
}

void *xrealloc(void *old, size_t size)
{
	return checked(realloc(old, size ? size : 1), size);
}

void *xreallocarray(void *old, size_t count, size_t size)
{
	if (size && count > SIZE_MAX / size)
		checked(NULL, SIZE_MAX);
	return xrealloc(old, count * size);
}

char *xstrdup(const char *text)
{
	return xstrndup(text, strlen(text));
}

char *xstrndup(const char *text, size_t len)
{
	char *copy = xmalloc(len + 1);

	if (len)
		memcpy(copy, text, len);
	copy[len] = '\0';
	return copy;
}

char *xasprintf(const char *fmt, ...)
{
	va_list args;
	char *text = NULL;

	va_start(args, fmt);
	if (vasprintf(&text, fmt, args) < 0)
		checked(NULL, 1);
	va_end(args);
	return text;
}

void *arena_alloc(struct arena *arena, size_t size)
{
	struct arena_block *block = arena->blocks;
	size_t rounded = (size + ALIGNMENT - 1) / ALIGNMENT * ALIGNMENT;
	void *memory;

	if (rounded < size)
		checked(NULL, size);
	if (!block || block->size - block->used < rounded) {
		size_t room = arena->total;

		if (room < ARENA_FIRST_BYTES)
			room = ARENA_FIRST_BYTES;
		if (room > ARENA_BLOCK_BYTES)
			room = ARENA_BLOCK_BYTES;
		if (room < rounded)
			room = rounded;
		block = xmalloc(sizeof(*block) + room);
		block->size = room;
		block->used = 0;
		block->next = arena->blocks;
		arena->blocks = block;
	}
	memory = (char *)block->data + block->used;
	block->used += rounded;
	arena->total += rounded;
	return memset(memory, 0, rounded);
}

char *arena_strdup(struct arena *arena, const char *text)
{
	return text ? arena_strndup(arena, text, strlen(text)) : NULL;
}

char *arena_strndup(struct arena *arena, const char *text, size_t len)
{
	char *copy = arena_alloc(arena, len + 1);

	if (len)
		memcpy(copy, text, len);
	return copy;
}

char *arena_printf(struct arena *arena, const char *fmt, ...)
{
	va_list args, again;
	char *text;
	int len;

	va_start(args, fmt);
	va_copy(again, args);
	len = vsnprintf(NULL, 0, fmt, args);
	va_end(args);
	text = arena_alloc(arena, (size_t)(len < 0 ? 0 : len) + 1);
	if (len > 0)
		vsnprintf(text, (size_t)len + 1, fmt, again);
	va_end(again);
	return text;
}

void arena_reset(struct arena *arena)
{
	struct arena_block *keep = arena->blocks, *block;

	if (!keep)
		return;
	while ((block = keep->next)) {
		keep->next = block->next;
		free(block);
	}
	arena->total = 0;
	if (keep->size > 4 * ARENA_BLOCK_BYTES) {
		free(keep);
		arena->blocks = NULL;
	} else {
		keep->used = 0;
	}
}

void arena_release(struct arena *arena)
{
	struct arena_block *block;

	while ((block = arena->blocks)) {
		arena->blocks = block->next;
		free(block);
	}
	arena->total = 0;
}

#ifdef __GLIBC__
static const ElfW(Phdr) * find_part(const struct dl_phdr_info *info, ElfW(Word) type)
{
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		if (info->dlpi_phdr[i].p_type == type)
			return &info->dlpi_phdr[i];
	}
	return NULL;
}

/* Were pages changed that are said to be never written to? */
static bool has_text_relocations(const struct dl_phdr_info *info)
{
	const ElfW(Phdr) *dynamic = find_part(info, PT_DYNAMIC);

	if (!dynamic)
		return false;
	for (const ElfW(Dyn) *entry = (const ElfW(Dyn) *)(info->dlpi_addr + dynamic->p_vaddr);
	     entry->d_tag != DT_NULL; entry++) {
		if (entry->d_tag == DT_TEXTREL ||
		    (entry->d_tag == DT_FLAGS && (entry->d_un.d_val & DF_TEXTREL)))
			return true;
	}
	return false;
}

static bool overlap(const ElfW(Phdr) * a, const ElfW(Phdr) * b)
{
	return a->p_vaddr < b->p_vaddr + b->p_memsz && b->p_vaddr < a->p_vaddr + a->p_memsz;
}

/*
 * Of a segment that was never writable every page is as the file has it, and comes back from there
 * when it is touched. The others are left alone: after relocation they exist only in memory.
 */
static int drop_clean_pages(struct dl_phdr_info *info, size_t size, void *arg)
{
	const ElfW(Phdr) *relocated = find_part(info, PT_GNU_RELRO);
	uintptr_t page = (uintptr_t)sysconf(_SC_PAGESIZE);

	(void)size;
	(void)arg;
	/* The kernel's own part has a name, but is no file. */
	if ((*info->dlpi_name && !strchr(info->dlpi_name, '/')) || has_text_relocations(info))
		return 0;
	for (unsigned i = 0; i < info->dlpi_phnum; i++) {
		const ElfW(Phdr) *part = &info->dlpi_phdr[i];
		uintptr_t start = (info->dlpi_addr + part->p_vaddr) / page * page;
		uintptr_t end = (info->dlpi_addr + part->p_vaddr + part->p_filesz) / page * page;

		if (part->p_type == PT_LOAD && !(part->p_flags & PF_W) && start < end &&
		    !(relocated && overlap(part, relocated)))
			madvise((void *)start, end - start, MADV_DONTNEED);
	}
	return 0;
}
#endif

void mem_give_back(void)
{
#ifdef __GLIBC__
	malloc_trim(0);
	dl_iterate_phdr(drop_clean_pages, NULL);
#endif
}
