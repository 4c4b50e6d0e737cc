#include "as_ct_logfile.h"

#include <dirent.h>
#include <fcntl.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <time.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/list.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/text.h"

static int fd = -1;
static char *path;
static struct ct_logfile limits;
static int64_t size, since_ms;

static bool open_file(struct err *err)
{
	struct stat st;

	fd = open(path, O_WRONLY | O_CREAT | O_APPEND | O_CLOEXEC, 0640);
	if (fd < 0 || fstat(fd, &st) != 0)
		return err_system(err, "log file %s", path);
	size = st.st_size;
	since_ms = clock_wall_ms();
	return true;
}

bool ct_logfile_open(const struct ct_logfile *settings, struct err *err)
{
	char *folder;
	bool ok;

	ct_logfile_close();
	limits = *settings;
	path = xasprintf("%s%s", settings->path,
			 text_ends_with(settings->path, "/") ? "consul-template.log" : "");
	folder = file_dirname(path);
	ok = (file_exists(folder) || file_mkdirs(folder, 0755, err)) && open_file(err);
	free(folder);
	if (!ok)
		ct_logfile_close();
	return ok;
}

/* Where the extension begins. */
static size_t stem_len(const char *name)
{
	const char *dot = strrchr(name, '.');

	return dot && dot != name ? (size_t)(dot - name) : strlen(name);
}

static int by_text(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

/* NAME-DIGITS.EXT: nobody else's file is removed. */
static bool is_set_aside(const char *name, const char *own)
{
	size_t stem = stem_len(own), digits;

	if (strncmp(name, own, stem) != 0 || name[stem] != '-')
		return false;
	digits = strspn(name + stem + 1, "0123456789");
	return digits > 0 && strcmp(name + stem + 1 + digits, own + stem) == 0;
}

static void remove_oldest(const char *folder, const char *own)
{
	DIR *dir = opendir(folder);
	struct dirent *entry;
	char **names = NULL;
	size_t count = 0, cap = 0, kept = limits.max_files < 0 ? 0 : (size_t)limits.max_files;

	while (dir && (entry = readdir(dir))) {
		if (!is_set_aside(entry->d_name, own))
			continue;
		GROW(names, count, cap);
		names[count++] = xasprintf("%s/%s", folder, entry->d_name);
	}
	if (dir)
		closedir(dir);
	if (count)
		qsort(names, count, sizeof(*names), by_text);
	for (size_t i = 0; i < count; i++) {
		if (i + kept < count)
			unlink(names[i]);
		free(names[i]);
	}
	free(names);
}

static void set_aside(void)
{
	char *folder = file_dirname(path);
	const char *own = file_basename(path);
	size_t stem = stem_len(own);
	struct timespec now;
	struct err err;
	char *aside;

	clock_gettime(CLOCK_REALTIME, &now);
	aside = xasprintf("%s/%.*s-%" PRId64 "%09ld%s", folder, (int)stem, own, (int64_t)now.tv_sec,
			  now.tv_nsec, own + stem);
	close(fd);
	fd = -1;
	if (rename(path, aside) == 0 && limits.max_files)
		remove_oldest(folder, own);
	/* Without the file the log goes on elsewhere. */
	if (!open_file(&err))
		ct_logfile_close();
	free(aside);
	free(folder);
}

void ct_logfile_write(const char *line)
{
	struct strbuf text = STRBUF_INIT;

	if (fd < 0)
		return;
	strbuf_addf(&text, "%s\n", line);
	if (size && ((limits.bytes && size + (int64_t)text.len > limits.bytes) ||
		     (limits.age_ms && clock_wall_ms() - since_ms > limits.age_ms)))
		set_aside();
	if (fd >= 0 && write(fd, text.buf, text.len) == (ssize_t)text.len)
		size += (int64_t)text.len;
	strbuf_release(&text);
}

void ct_logfile_close(void)
{
	if (fd >= 0)
		close(fd);
	fd = -1;
	free(path);
	path = NULL;
}
