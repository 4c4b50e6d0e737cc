/*
 * base/file.h - whole files: read, replace atomically, lock; folders.
 *
 * Nothing is ever half-written: file_replace writes a temporary file beside the destination,
 * syncs it, sets mode and owner, and renames it into place.
 */
#ifndef BINNACLE_BASE_FILE_H
#define BINNACLE_BASE_FILE_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "binnacle/base/err.h"
#include "binnacle/base/strbuf.h"

/*
 * Append the whole file to `out`. More than `limit` bytes is an error, and so is anything that
 * is not a regular file. A missing file is ERR_NOT_FOUND.
 */
bool file_read(const char *path, size_t limit, struct strbuf *out, struct err *err);

struct file_mode {
	mode_t mode; /* 0: keep the mode of the file that is replaced, else 0644 */
	bool own;    /* use uid and gid below; else keep the owner of the replaced file */
	uid_t uid;
	gid_t gid;
};

/* Replace or create `path`. A symbolic link is followed: the file it names is replaced. */
bool file_replace(const char *path, const void *bytes, size_t len, const struct file_mode *mode,
		  struct err *err);

/* Append and fsync; the file is created with `mode`. */
bool file_append(const char *path, const void *bytes, size_t len, mode_t mode, struct err *err);

/* Make a folder and its missing parents. */
bool file_mkdirs(const char *path, mode_t mode, struct err *err);

/*
 * Take the exclusive lock of a file (created with 0644), write our pid into it. Returns the
 * descriptor that holds it, or -1: held by somebody (ERR_CONFLICT, names the pid) or an error.
 * The lock ends with the process or with close().
 */
int file_lock(const char *path, struct err *err);

/* The folder part of a path, "." when there is none; the last part. The caller frees. */
char *file_dirname(const char *path);
const char *file_basename(const char *path); /* borrowed from path */
bool file_exists(const char *path);

#endif
