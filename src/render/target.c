/*
 * Generations are files named by what they are, so that listing needs no index that could
 * disagree with them:
 *
 *     STATE/generations/HASH-OF-DESTINATION/ID-WALLMS-SHA256
 *     STATE/generations/HASH-OF-DESTINATION/ID-WALLMS-absent
 *
 * and what is owed (target_owe) is a file with the hashes of the text and of who has to take it:
 *
 *     STATE/owed/HASH-OF-DESTINATION
 */
#include "binnacle/render/target.h"

#include <dirent.h>
#include <errno.h>
#include <inttypes.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"

#define FOLDER_HASH_CHARS 24

char *target_state_dir(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && state[0] == '/')
		return xasprintf("%s/binnacle", state);
	if (geteuid() == 0 || !home || home[0] != '/')
		return xstrdup("/var/lib/binnacle");
	return xasprintf("%s/.local/state/binnacle", home);
}

bool target_read(const char *path, struct strbuf *out, bool *exists, struct err *err)
{
	strbuf_reset(out);
	*exists = file_read(path, LIMIT_TEMPLATE_OUTPUT, out, err);
	return *exists || err->code == ERR_NOT_FOUND;
}

/* STATE/KIND/HASH-OF-DESTINATION */
static char *state_path(const struct target_spec *spec, const char *kind)
{
	char hash[DIGEST_HEX_BYTES];
	char *state = spec->state_dir ? xstrdup(spec->state_dir) : target_state_dir();
	char *path;

	digest_sha256_hex(spec->path, strlen(spec->path), hash);
	path = xasprintf("%s/%s/%.*s", state, kind, FOLDER_HASH_CHARS, hash);
	free(state);
	return path;
}

static char *generations_folder(const struct target_spec *spec)
{
	return state_path(spec, "generations");
}

/* "ID-WALLMS-SHA256"; anything else in the folder is not ours. */
static bool parse_name(const char *name, struct target_generation *out)
{
	char *end;

	*out = (struct target_generation){ 0 };
	if (name[0] < '0' || name[0] > '9')
		return false;
	out->id = strtoull(name, &end, 10);
	if (*end != '-' || !out->id)
		return false;
	out->wall_ms = strtoll(end + 1, &end, 10);
	if (*end != '-')
		return false;
	end++;
	out->absent = strcmp(end, "absent") == 0;
	if (out->absent)
		digest_sha256_hex("", 0, out->sha256);
	else if (strlen(end) == DIGEST_HEX_BYTES - 1 &&
		 strspn(end, "0123456789abcdef") == DIGEST_HEX_BYTES - 1)
		memcpy(out->sha256, end, DIGEST_HEX_BYTES);
	else
		return false;
	return true;
}

static char *generation_path(const char *folder, const struct target_generation *generation)
{
	return xasprintf("%s/%" PRIu64 "-%" PRId64 "-%s", folder, generation->id,
			 generation->wall_ms, generation->absent ? "absent" : generation->sha256);
}

static int newest_first(const void *a, const void *b)
{
	const struct target_generation *x = a, *y = b;

	return x->id > y->id ? -1 : x->id < y->id;
}

bool target_list(const struct target_spec *spec, struct target_generations *out, struct err *err)
{
	char *folder = generations_folder(spec);
	DIR *dir = opendir(folder);
	struct dirent *entry;
	bool ok = dir || errno == ENOENT;

	*out = (struct target_generations){ 0 };
	if (!ok)
		err_system(err, "cannot list the kept texts in %s", folder);
	while (dir && (entry = readdir(dir))) {
		struct target_generation generation;
		struct stat st;
		char *path;

		if (!parse_name(entry->d_name, &generation))
			continue;
		path = generation_path(folder, &generation);
		if (stat(path, &st) == 0) {
			generation.size = (size_t)st.st_size;
			GROW(out->items, out->len, out->cap);
			out->items[out->len++] = generation;
		}
		free(path);
	}
	if (dir)
		closedir(dir);
	if (out->len)
		qsort(out->items, out->len, sizeof(*out->items), newest_first);
	free(folder);
	return ok;
}

void target_generations_release(struct target_generations *generations)
{
	free(generations->items);
	*generations = (struct target_generations){ 0 };
}

static bool find_generation(const struct target_spec *spec, uint64_t id,
			    struct target_generation *out, struct err *err)
{
	struct target_generations all;
	bool found = false;

	if (!target_list(spec, &all, err))
		return false;
	for (size_t i = 0; i < all.len && !found; i++)
		if (all.items[i].id == id) {
			*out = all.items[i];
			found = true;
		}
	target_generations_release(&all);
	if (!found)
		err_set(err, ERR_NOT_FOUND, "%s has no generation %" PRIu64, spec->path, id);
	return found;
}

bool target_load(const struct target_spec *spec, uint64_t id, struct strbuf *out, bool *absent,
		 struct err *err)
{
	struct target_generation generation;
	char *folder, *path;
	bool ok;

	strbuf_reset(out);
	if (!find_generation(spec, id, &generation, err))
		return false;
	*absent = generation.absent;
	if (generation.absent)
		return true;
	folder = generations_folder(spec);
	path = generation_path(folder, &generation);
	ok = file_read(path, LIMIT_TEMPLATE_OUTPUT, out, err);
	if (ok) {
		char hash[DIGEST_HEX_BYTES];

		digest_sha256_hex(out->buf, out->len, hash);
		if (strcmp(hash, generation.sha256) != 0)
			ok = err_set(err, ERR_FORMAT,
				     "%s is damaged: its text is not what was kept", path);
	}
	free(path);
	free(folder);
	return ok;
}

static void drop(const struct target_spec *spec, const struct target_generation *generation)
{
	char *folder = generations_folder(spec);
	char *path = generation_path(folder, generation);

	unlink(path);
	free(path);
	free(folder);
}

/* Keep the text that is about to be replaced. */
static bool keep(const struct target_spec *spec, const struct strbuf *text, bool exists,
		 struct target_generation *kept, struct err *err)
{
	char *folder = generations_folder(spec), *path;
	struct target_generations all;
	bool ok;

	if (!file_mkdirs(folder, 0700, err) || !target_list(spec, &all, err)) {
		free(folder);
		return false;
	}
	*kept = (struct target_generation){ .id = all.len ? all.items[0].id + 1 : 1,
					    .wall_ms = clock_wall_ms(),
					    .size = text->len,
					    .absent = !exists };
	digest_sha256_hex(text->buf, text->len, kept->sha256);
	path = generation_path(folder, kept);
	ok = file_replace(path, text->buf, text->len, &(struct file_mode){ .mode = 0600 }, err);
	for (size_t i = LIMIT_GENERATIONS_COUNT - 1; ok && i < all.len; i++)
		drop(spec, &all.items[i]);
	target_generations_release(&all);
	free(path);
	free(folder);
	return ok;
}

static bool make_folder(const struct target_spec *spec, struct err *err)
{
	char *folder = file_dirname(spec->path);
	bool ok = true;

	if (!file_exists(folder)) {
		if (spec->create_dirs)
			ok = file_mkdirs(folder, 0755, err);
		else
			ok = err_set(err, ERR_NOT_FOUND, "the folder of %s is missing", spec->path);
	}
	free(folder);
	return ok;
}

static bool copy_backup(const struct target_spec *spec, const struct strbuf *text, struct err *err)
{
	char *path = xasprintf("%s.bak", spec->path);
	struct file_mode mode = { .mode = 0600 };
	struct stat st;
	bool ok;

	if (stat(spec->path, &st) == 0)
		mode.mode = st.st_mode & 07777;
	ok = file_replace(path, text->buf, text->len, &mode, err);
	free(path);
	return ok;
}

bool target_write(const struct target_spec *spec, const char *text, size_t len, bool *written,
		  uint64_t *generation, struct err *err)
{
	struct strbuf old = STRBUF_INIT;
	struct target_generation kept;
	bool exists, ok = false;

	*written = false;
	*generation = 0;
	if (!target_read(spec->path, &old, &exists, err))
		goto out;
	/* An absent file equals the empty text. */
	if (old.len == len && memcmp(old.buf, text, len) == 0) {
		ok = true;
		goto out;
	}
	if (!make_folder(spec, err))
		goto out;
	if (!keep(spec, &old, exists, &kept, err)) {
		err_context(err, "%s is not written, its present text cannot be kept", spec->path);
		goto out;
	}
	if ((spec->backup && exists && !copy_backup(spec, &old, err)) ||
	    !file_replace(spec->path, text, len, &(struct file_mode){ .mode = spec->perms }, err)) {
		drop(spec, &kept);
		goto out;
	}
	*written = true;
	*generation = kept.id;
	ok = true;
out:
	strbuf_release(&old);
	return ok;
}

bool target_restore(const struct target_spec *spec, uint64_t id, struct err *err)
{
	struct strbuf text = STRBUF_INIT;
	struct target_generation generation;
	bool absent, ok;

	ok = target_load(spec, id, &text, &absent, err) &&
	     find_generation(spec, id, &generation, err);
	if (ok && absent)
		ok = unlink(spec->path) == 0 || errno == ENOENT ||
		     err_system(err, "cannot remove %s", spec->path);
	else if (ok)
		ok = file_replace(spec->path, text.buf, text.len, NULL, err);
	if (ok)
		drop(spec, &generation);
	strbuf_release(&text);
	return ok;
}

/* ---- what is owed ---- */

static void note(struct strbuf *out, const char *what, const char *sha256)
{
	char hash[DIGEST_HEX_BYTES];

	digest_sha256_hex(what, strlen(what), hash);
	strbuf_addf(out, "%s %s\n", sha256, hash);
}

bool target_owe(const struct target_spec *spec, const char *what, const char *sha256,
		struct err *err)
{
	char *path = state_path(spec, "owed"), *folder = file_dirname(path);
	struct strbuf text = STRBUF_INIT;
	bool ok;

	note(&text, what, sha256);
	ok = file_mkdirs(folder, 0700, err) &&
	     file_replace(path, text.buf, text.len, &(struct file_mode){ .mode = 0600 }, err);
	strbuf_release(&text);
	free(folder);
	free(path);
	return ok;
}

void target_settle(const struct target_spec *spec)
{
	char *path = state_path(spec, "owed");

	unlink(path);
	free(path);
}

bool target_is_owed(const struct target_spec *spec, const char *what, const char *live_sha256)
{
	char *path = state_path(spec, "owed");
	struct strbuf expected = STRBUF_INIT, found = STRBUF_INIT;
	struct err err;
	bool is_owed;

	note(&expected, what, live_sha256);
	is_owed = file_read(path, expected.len, &found, &err) && strbuf_equal(&found, &expected);
	strbuf_release(&expected);
	strbuf_release(&found);
	free(path);
	return is_owed;
}
