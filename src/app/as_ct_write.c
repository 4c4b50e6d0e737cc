#include "as_ct_write.h"

#include <stdlib.h>
#include <sys/stat.h>

#include "binnacle/base/file.h"
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

bool ct_write(const struct ct_template *template, const struct strbuf *text, bool *written,
	      struct err *err)
{
	struct file_mode mode = { .mode = template->perms };
	struct strbuf old = STRBUF_INIT;
	bool exists = false, ok;

	*written = false;
	ok = target_read(template->destination, &old, &exists, err) ||
	     err_context(err, "failed reading file");
	if (ok && !strbuf_equal(&old, text)) {
		ok = make_folder(template, err) &&
		     (!template->backup || !exists || keep_backup(template, &old, err)) &&
		     file_replace(template->destination, text->buf, text->len, &mode, err);
		*written = ok;
	}
	strbuf_release(&old);
	return ok;
}
