#include "as_ct_write.h"

#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binnacle/base/file.h"
#include "binnacle/base/log.h"
#include "binnacle/base/text.h"
#include "binnacle/render/target.h"

static bool make_folder(const struct ct_template *template, struct err *err)
{
	char *folder = file_dirname(template->destination);
	bool ok = true;

	if (file_exists(folder))
		ok = true;
	else if (!template->create_dirs)
		ok = err_set(err, ERR_NOT_FOUND, "parent directory is missing");
	else
		ok = file_mkdirs(folder, 0755, err);
	free(folder);
	return ok;
}

static bool find_user(const char *name, uid_t *out, struct err *err)
{
	const struct passwd *user;
	int64_t number;

	if (text_parse_int(name, 0, INT32_MAX, &number)) {
		*out = (uid_t)number;
		return true;
	}
	user = getpwnam(name);
	if (!user)
		return err_set(err, ERR_INPUT, "there is no user \"%s\"", name);
	*out = user->pw_uid;
	return true;
}

static bool find_group(const char *name, gid_t *out, struct err *err)
{
	const struct group *group;
	int64_t number;

	if (text_parse_int(name, 0, INT32_MAX, &number)) {
		*out = (gid_t)number;
		return true;
	}
	group = getgrnam(name);
	if (!group)
		return err_set(err, ERR_INPUT, "there is no group \"%s\"", name);
	*out = group->gr_gid;
	return true;
}

/* What was asked for; else what the file has, or, in the original's way, ourselves. */
static bool decide_mode(const struct ct_config *config, const struct ct_template *template,
			struct file_mode *mode, struct err *err)
{
	struct stat old;
	bool exists = stat(template->destination, &old) == 0;
	bool keeps = exists && !(config->original & CT_ORIGINAL_OWNER);

	*mode = (struct file_mode){ .mode = template->perms,
				    .uid = keeps ? old.st_uid : geteuid(),
				    .gid = keeps ? old.st_gid : getegid() };
	if (!mode->mode)
		mode->mode = exists ? old.st_mode & 07777 : 0644;
	/* Without rights an old owner cannot be kept; one that was asked for is an error. */
	mode->own = template->user || template->group || !keeps || geteuid() == 0;
	return (!template->user || find_user(template->user, &mode->uid, err)) &&
	       (!template->group || find_group(template->group, &mode->gid, err));
}

static bool keep_backup(const struct ct_template *template, const struct strbuf *old,
			struct err *err)
{
	char *path = xasprintf("%s.bak", template->destination);
	struct file_mode mode = { .mode = 0600 };
	struct stat st;
	bool ok;

	if (stat(template->destination, &st) == 0)
		mode.mode = st.st_mode & 07777;
	ok = file_replace(path, old->buf, old->len, &mode, err);
	free(path);
	return ok;
}

/* A link is replaced by a file, as the original does: what it names is not ours to write. */
static bool replace(const char *path, const struct strbuf *text, const struct file_mode *mode,
		    struct err *err)
{
	struct stat st;
	char *beside;
	bool ok;

	if (lstat(path, &st) != 0 || !S_ISLNK(st.st_mode))
		return file_replace(path, text->buf, text->len, mode, err);
	beside = xasprintf("%s.%ld.new", path, (long)getpid());
	ok = file_replace(beside, text->buf, text->len, mode, err);
	if (ok && rename(beside, path) != 0) {
		ok = err_system(err, "cannot replace %s", path);
		unlink(beside);
	}
	free(beside);
	return ok;
}

/* ---- what is owed ---- */

static bool keeps_notes(const struct ct_config *config, const struct ct_template *template)
{
	return template->exec.command && !(config->original & CT_ORIGINAL_OWED);
}

/* Notes are found by the path, which must be the same from everywhere. */
static char *absolute(const char *path)
{
	char *folder = path[0] == '/' ? NULL : getcwd(NULL, 0);
	char *whole = folder ? xasprintf("%s/%s", folder, path) : xstrdup(path);

	free(folder);
	return whole;
}

static void owe(const struct ct_config *config, const struct ct_template *template,
		const struct strbuf *text)
{
	char *path = absolute(template->destination), sha256[DIGEST_HEX_BYTES];
	const struct target_spec spec = { .path = path };
	struct err err;

	digest_sha256_hex(text->buf, text->len, sha256);
	/* Without the note only a restart at the wrong moment is worse off. */
	if (keeps_notes(config, template) &&
	    !target_owe(&spec, template->exec.command, sha256, &err))
		log_debug("runner", "%s", err.msg);
	free(path);
}

bool ct_is_owed(const struct ct_config *config, const struct ct_template *template,
		const struct strbuf *text)
{
	char *path = absolute(template->destination), sha256[DIGEST_HEX_BYTES];
	const struct target_spec spec = { .path = path };
	bool is_owed;

	digest_sha256_hex(text->buf, text->len, sha256);
	is_owed = keeps_notes(config, template) &&
		  target_is_owed(&spec, template->exec.command, sha256);
	free(path);
	return is_owed;
}

void ct_settle(const struct ct_config *config, const struct ct_template *template)
{
	char *path = absolute(template->destination);
	const struct target_spec spec = { .path = path };

	if (keeps_notes(config, template))
		target_settle(&spec);
	free(path);
}

bool ct_write(const struct ct_config *config, const struct ct_template *template,
	      const struct strbuf *text, bool *written, struct err *err)
{
	struct strbuf old = STRBUF_INIT;
	struct file_mode mode;
	bool exists = false, ok;

	*written = false;
	ok = target_read(template->destination, &old, &exists, err) ||
	     err_context(err, "failed reading file");
	if (ok && !strbuf_equal(&old, text)) {
		owe(config, template, text);
		ok = decide_mode(config, template, &mode, err) && make_folder(template, err) &&
		     (!template->backup || !exists || keep_backup(template, &old, err)) &&
		     replace(template->destination, text, &mode, err);
		*written = ok;
	}
	strbuf_release(&old);
	return ok;
}
