#include "binnacle/base/file.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <limits.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

bool file_read(const char *path, size_t limit, struct strbuf *out, struct err *err)
{
	/* O_NONBLOCK: a FIFO in the place of a file must not stop the loop in open(). */
	int fd = open(path, O_RDONLY | O_CLOEXEC | O_NONBLOCK);
	size_t start = out->len;
	struct stat st;
	bool ok = false;

	if (fd < 0) {
		int saved = errno;

		err_system(err, "cannot open %s", path);
		if (saved == ENOENT)
			err->code = ERR_NOT_FOUND;
		return false;
	}
	if (fstat(fd, &st) < 0) {
		err_system(err, "cannot read %s", path);
		goto out;
	}
	if (!S_ISREG(st.st_mode)) {
		err_set(err, ERR_INPUT, "cannot read %s: not a regular file", path);
		goto out;
	}
	for (;;) {
		char chunk[16384];
		ssize_t n = read(fd, chunk, sizeof(chunk));

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0) {
			err_system(err, "cannot read %s", path);
			goto out;
		}
		if (n == 0)
			break;
		if (out->len - start + (size_t)n > limit) {
			err_set(err, ERR_INPUT, "%s is larger than the limit of %zu bytes", path,
				limit);
			goto out;
		}
		strbuf_add(out, chunk, (size_t)n);
	}
	ok = true;
out:
	if (!ok)
		strbuf_setlen(out, start);
	close(fd);
	return ok;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t n = write(fd, bytes, len);

		if (n < 0 && errno == EINTR)
			continue;
		if (n < 0)
			return false;
		bytes += n;
		len -= (size_t)n;
	}
	return true;
}

/* Sync the folder, so that the rename itself survives a power failure. Best effort: some file
 * systems refuse it, and the file is in place either way. */
static void sync_folder(const char *path)
{
	char *folder = file_dirname(path);
	int fd = open(folder, O_RDONLY | O_DIRECTORY | O_CLOEXEC);

	if (fd >= 0) {
		(void)!fsync(fd);
		close(fd);
	}
	free(folder);
}

bool file_replace(const char *path, const void *bytes, size_t len, const struct file_mode *mode,
		  struct err *err)
{
	static const struct file_mode keep;
	char *real = realpath(path, NULL);
	const char *target = real ? real : path;
	char *temporary = NULL;
	struct stat old;
	bool replaces = stat(target, &old) == 0;
	mode_t bits;
	int fd = -1;
	bool ok = false;

	if (!mode)
		mode = &keep;
	bits = mode->mode ? mode->mode : replaces ? old.st_mode & 07777 : 0644;
	temporary = xasprintf("%s.XXXXXX", target);
	fd = mkostemp(temporary, O_CLOEXEC);
	if (fd < 0) {
		err_system(err, "cannot create a temporary file for %s", path);
		goto out;
	}
	if (!write_all(fd, bytes, len)) {
		err_system(err, "cannot write %s", temporary);
		goto out;
	}
	if (mode->own && fchown(fd, mode->uid, mode->gid) < 0) {
		err_system(err, "cannot give %s to the owner that was asked for", path);
		goto out;
	}
	/* Keeping the old owner may need rights that we lack; the content matters more. */
	if (!mode->own && replaces && (old.st_uid != geteuid() || old.st_gid != getegid()))
		(void)!fchown(fd, old.st_uid, old.st_gid);
	if (fchmod(fd, bits) < 0 || fsync(fd) < 0) {
		err_system(err, "cannot write %s", temporary);
		goto out;
	}
	if (rename(temporary, target) < 0) {
		err_system(err, "cannot replace %s", path);
		goto out;
	}
	sync_folder(target);
	ok = true;
out:
	if (fd >= 0) {
		close(fd);
		if (!ok)
			unlink(temporary);
	}
	free(temporary);
	free(real);
	return ok;
}

bool file_append(const char *path, const void *bytes, size_t len, mode_t mode, struct err *err)
{
	int fd = open(path, O_WRONLY | O_APPEND | O_CREAT | O_CLOEXEC, mode);
	bool ok;

	if (fd < 0)
		return err_system(err, "cannot open %s", path);
	ok = write_all(fd, bytes, len) && fsync(fd) == 0;
	if (!ok)
		err_system(err, "cannot write %s", path);
	close(fd);
	return ok;
}

bool file_mkdirs(const char *path, mode_t mode, struct err *err)
{
	char *copy = xstrdup(path);
	bool ok = true;

	for (char *p = copy + 1; ok && *copy; p++) {
		char was = *p;

		if (was != '/' && was != '\0')
			continue;
		*p = '\0';
		if (mkdir(copy, mode) < 0 && errno != EEXIST)
			ok = err_system(err, "cannot make the folder %s", copy);
		*p = was;
		if (!was)
			break;
	}
	free(copy);
	return ok;
}

int file_lock(const char *path, struct err *err)
{
	int fd = open(path, O_RDWR | O_CREAT | O_CLOEXEC, 0644);
	char pid[32] = "";
	int len;

	if (fd < 0) {
		err_system(err, "cannot open the lock file %s", path);
		return -1;
	}
	if (flock(fd, LOCK_EX | LOCK_NB) < 0) {
		ssize_t n = errno == EWOULDBLOCK ? read(fd, pid, sizeof(pid) - 1) : -1;

		if (n >= 0) {
			pid[strspn(pid, "0123456789")] = '\0';
			err_set(err, ERR_CONFLICT, "%s is held by process %s", path,
				*pid ? pid : "(unknown)");
		} else {
			err_system(err, "cannot lock %s", path);
		}
		close(fd);
		return -1;
	}
	len = snprintf(pid, sizeof(pid), "%ld\n", (long)getpid());
	if (ftruncate(fd, 0) < 0 || !write_all(fd, pid, (size_t)len)) {
		err_system(err, "cannot write the lock file %s", path);
		close(fd);
		return -1;
	}
	return fd;
}

char *file_dirname(const char *path)
{
	const char *slash = strrchr(path, '/');

	if (!slash)
		return xstrdup(".");
	return slash == path ? xstrdup("/") : xstrndup(path, (size_t)(slash - path));
}

const char *file_basename(const char *path)
{
	const char *slash = strrchr(path, '/');

	return slash ? slash + 1 : path;
}

bool file_exists(const char *path)
{
	struct stat st;

	return stat(path, &st) == 0;
}
