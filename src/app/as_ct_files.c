/* Configuration files and folders of Consul Template. */
#include <dirent.h>
#include <errno.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "as_ct_config.h"

#define DEPTH_MAX 32

static bool read_one(struct ct_config *config, const char *path, struct err *err)
{
	struct strbuf text = STRBUF_INIT;
	bool ok = file_read(path, LIMIT_CONFIG_FILE, &text, err);

	if (!ok)
		err_context(err, "from file: %s", path);
	else
		ok = ct_config_parse(config, path, text.buf, text.len, err);
	strbuf_release(&text);
	return ok;
}

/* Bytewise, whatever the locale says. */
static int by_name(const struct dirent **a, const struct dirent **b)
{
	return strcmp((*a)->d_name, (*b)->d_name);
}

static bool read_folder(struct ct_config *config, const char *path, int depth, struct err *err);

/* A link to a file is read, a link to a folder is not followed. */
static bool read_entry(struct ct_config *config, const char *path, int depth, struct err *err)
{
	struct stat own, target;

	if (lstat(path, &own) != 0 || stat(path, &target) != 0)
		return true;
	if (S_ISDIR(own.st_mode) && depth < DEPTH_MAX)
		return read_folder(config, path, depth + 1, err);
	return !S_ISREG(target.st_mode) || read_one(config, path, err);
}

static bool read_folder(struct ct_config *config, const char *path, int depth, struct err *err)
{
	struct dirent **entries;
	int count = scandir(path, &entries, NULL, by_name);
	bool ok = true;

	if (count < 0)
		return err_system(err, "from file: cannot list %s", path);
	for (int i = 0; i < count; i++) {
		const char *name = entries[i]->d_name;
		char *full = xasprintf("%s/%s", path, name);

		if (ok && strcmp(name, ".") != 0 && strcmp(name, "..") != 0)
			ok = read_entry(config, full, depth, err);
		free(full);
		free(entries[i]);
	}
	free(entries);
	return ok;
}

bool ct_config_read(struct ct_config *config, const char *path, struct err *err)
{
	struct stat st;

	if (stat(path, &st) != 0 && errno == ENOENT)
		return err_set(err, ERR_NOT_FOUND,
			       "missing file/folder: %s: stat %s: no such file or directory", path,
			       path);
	if (stat(path, &st) != 0)
		return err_system(err, "missing file/folder: %s", path);
	return S_ISDIR(st.st_mode) ? read_folder(config, path, 0, err)
				   : read_one(config, path, err);
}
