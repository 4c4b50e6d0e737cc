/*
 * render/target.h - a destination file and the texts it has held.
 *
 * What is about to be replaced is kept under the state folder, one folder per destination, so
 * that it can be brought back: at most LIMIT_GENERATIONS_COUNT of them, mode 0600 (a rendered
 * file may hold secrets).
 */
#ifndef BINNACLE_RENDER_TARGET_H
#define BINNACLE_RENDER_TARGET_H

#include <stdbool.h>
#include <stddef.h>
#include <stdint.h>
#include <sys/types.h>

#include "binnacle/base/digest.h"
#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

struct target_generation {
	uint64_t id;     /* grows; unique within one destination */
	int64_t wall_ms; /* when it was replaced */
	char sha256[DIGEST_HEX_BYTES];
	size_t size;
	bool absent; /* there was no file: bringing it back removes the file */
};

struct target_generations {
	struct target_generation *items; /* newest first */
	size_t len, cap;
};

struct target_spec {
	const char *path;
	const char *state_dir; /* NULL: target_state_dir() */
	mode_t perms;          /* 0: keep, 0644 for a new file */
	bool backup;           /* also copy the old file to PATH.bak */
	bool create_dirs;      /* make missing folders, 0755 */
};

/* $XDG_STATE_HOME/binnacle, ~/.local/state/binnacle, or /var/lib/binnacle for root. The caller
 * frees. */
char *target_state_dir(void);

/* What is on disk. An absent file is the empty text with *exists false. */
bool target_read(const char *path, struct strbuf *out, bool *exists, struct err *err);

/*
 * Keep what is there, then replace it. *generation gets the id under which it was kept (0 when
 * equal texts made writing unnecessary; *written says which).
 */
bool target_write(const struct target_spec *spec, const char *text, size_t len, bool *written,
		  uint64_t *generation, struct err *err);
/* Bring a text back without keeping the present one: the way out of a failed write. */
bool target_restore(const struct target_spec *spec, uint64_t generation, struct err *err);

/*
 * A text is about to be written for somebody who has to take it: nginx, a command. The note stays
 * until that is done, over our own death, too: whoever starts next finds that it is still owed.
 * `what` is who has to take it; owed is only what is still in the file, and to the same one.
 */
bool target_owe(const struct target_spec *spec, const char *what, const char *sha256,
		struct err *err);
void target_settle(const struct target_spec *spec);
bool target_is_owed(const struct target_spec *spec, const char *what, const char *live_sha256);

bool target_list(const struct target_spec *spec, struct target_generations *out, struct err *err);
void target_generations_release(struct target_generations *generations);
/* The text of a generation; *absent when there was no file. */
bool target_load(const struct target_spec *spec, uint64_t generation, struct strbuf *out,
		 bool *absent, struct err *err);

#endif
