/*
 * Files are read in the order in which nginx reads them. The text of a file is copied up to each
 * include, then the included file follows, then the rest:
 *
 *     http {
 *     # /etc/nginx/nginx.conf:12 includes /etc/nginx/conf.d/app.conf
 *     upstream web { … }
 *     # back in /etc/nginx/nginx.conf:12
 *     }
 *
 * A part begins wherever the source of the following lines changes. That each file is balanced
 * by itself is checked here: in one text, a brace that one file lacks and another has too many
 * would go unnoticed, and nginx would complain about the wrong file.
 */
#include "binnacle/nginx/conf.h"

#include <errno.h>
#include <fnmatch.h>
#include <glob.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/stat.h>

#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/list.h"
#include "conf_lex.h"

struct flatten {
	struct conf_flat *flat;
	const struct conf_files *files;
	const struct conf_pending *pending;
	char **pending_real; /* by index of pending */
	size_t pending_count;
	size_t file_count;
	unsigned flat_line; /* of the next byte */
	struct conf_fault *fault;
	struct err *err;
};

void conf_fault_release(struct conf_fault *fault)
{
	free(fault->file);
	*fault = (struct conf_fault){ 0 };
}

static bool read_from_disk(void *arg, const char *path, struct strbuf *out, mode_t *mode,
			   struct err *err)
{
	struct stat st;

	(void)arg;
	if (!file_read(path, LIMIT_NGINX_CONF, out, err))
		return false;
	*mode = stat(path, &st) == 0 ? st.st_mode & 07777 : 0600;
	return true;
}

static void list_add(struct conf_list *list, const char *path)
{
	GROW(list->items, list->len, list->cap);
	list->items[list->len++] = xstrdup(path);
}

static void list_release(struct conf_list *list)
{
	for (size_t i = 0; i < list->len; i++)
		free(list->items[i]);
	free(list->items);
	*list = (struct conf_list){ 0 };
}

static void expand_from_disk(void *arg, const char *pattern, struct conf_list *out)
{
	glob_t found;

	(void)arg;
	if (glob(pattern, GLOB_NOSORT, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++)
			list_add(out, found.gl_pathv[i]);
	globfree(&found);
}

static char *real_from_disk(void *arg, const char *path)
{
	(void)arg;
	return realpath(path, NULL);
}

static char *call_real(const struct conf_files *files, const char *path)
{
	return files->use.real ? files->use.real(files->use.arg, path) : real_from_disk(NULL, path);
}

/* One name for one file, also when the file itself does not exist yet. */
static char *canonical(const struct conf_files *files, const char *path)
{
	char *real = call_real(files, path);
	char *folder, *result;

	if (real)
		return real;
	folder = file_dirname(path);
	real = call_real(files, folder);
	if (real)
		result =
			xasprintf("%s/%s", strcmp(real, "/") == 0 ? "" : real, file_basename(path));
	else
		result = xstrdup(path);
	free(real);
	free(folder);
	return result;
}

static bool set_fault(struct flatten *f, const char *file, unsigned line, const char *message)
{
	conf_fault_release(f->fault);
	snprintf(f->fault->message, sizeof(f->fault->message), "%s", message);
	f->fault->file = xstrdup(file);
	f->fault->line = line;
	return err_set(f->err, ERR_REFUSED, "%s in %s:%u", message, file, line);
}

static void emit(struct flatten *f, const char *bytes, size_t len)
{
	for (size_t i = 0; i < len; i++)
		f->flat_line += bytes[i] == '\n';
	strbuf_add(&f->flat->text, bytes, len);
}

static void begin_line(struct flatten *f)
{
	const struct strbuf *text = &f->flat->text;

	if (text->len && text->buf[text->len - 1] != '\n')
		emit(f, "\n", 1);
}

static void begin_part(struct flatten *f, const char *file, unsigned line)
{
	struct conf_flat *flat = f->flat;

	GROW(flat->parts, flat->len, flat->cap);
	flat->parts[flat->len++] =
		(struct conf_part){ .flat_line = f->flat_line, .file = file, .line = line };
}

/* A comment line. Names come from the file system: a newline in one must not end the comment. */
static void emit_comment(struct flatten *f, const char *file, unsigned line, const char *before,
			 const char *after, const char *other)
{
	char *text = xasprintf("# %s%s:%u%s%s", before, file, line, after, other);

	for (char *c = text; *c; c++)
		if ((unsigned char)*c < 0x20 || *c == 0x7f)
			*c = '?';
	begin_line(f);
	begin_part(f, file, line);
	emit(f, text, strlen(text));
	emit(f, "\n", 1);
	free(text);
}

/* The path of an include as this host sees it; NULL when only nginx sees it. */
static char *path_here(const struct conf_files *files, const char *path)
{
	const char *seen_as = files->seen_as;
	size_t len;

	if (path[0] != '/')
		return xasprintf("%s/%s", files->folder, path);
	if (!seen_as || strcmp(seen_as, files->folder) == 0)
		return xstrdup(path);
	len = strlen(seen_as);
	while (len > 1 && seen_as[len - 1] == '/')
		len--;
	if (strncmp(path, seen_as, len) == 0 && path[len] == '/')
		return xasprintf("%s%s", files->folder, path + len);
	return NULL;
}

static bool flatten_file(struct flatten *f, const char *path, unsigned depth, const char *from,
			 unsigned from_line);

static int compare_paths(const void *a, const void *b)
{
	return strcmp(*(char *const *)a, *(char *const *)b);
}

static bool list_has(const struct flatten *f, const struct conf_list *list, const char *real)
{
	for (size_t i = 0; i < list->len; i++) {
		char *other = canonical(f->files, list->items[i]);
		bool same = strcmp(other, real) == 0;

		free(other);
		if (same)
			return true;
	}
	return false;
}

/* What a pattern will match once the pending files exist. Sorted by bytes, as nginx's glob()
 * sorts without a locale. */
static void expand(struct flatten *f, const char *pattern, struct conf_list *out)
{
	const struct conf_files *files = f->files;
	size_t plain = strcspn(pattern, "*?[");
	char *head, *real_head, *real_pattern;

	if (files->use.expand)
		files->use.expand(files->use.arg, pattern, out);
	else
		expand_from_disk(NULL, pattern, out);
	/* Compare real paths: the folder may be reached through a symbolic link. */
	while (plain && pattern[plain - 1] != '/')
		plain--;
	head = xstrndup(pattern, plain > 1 ? plain - 1 : plain);
	real_head = canonical(files, head);
	real_pattern =
		xasprintf("%s/%s", strcmp(real_head, "/") == 0 ? "" : real_head, pattern + plain);
	for (size_t i = 0; i < f->pending_count; i++)
		if (fnmatch(real_pattern, f->pending_real[i], FNM_PATHNAME | FNM_PERIOD) == 0 &&
		    !list_has(f, out, f->pending_real[i]))
			list_add(out, f->pending[i].path);
	if (out->len)
		qsort(out->items, out->len, sizeof(*out->items), compare_paths);
	free(real_pattern);
	free(real_head);
	free(head);
}

/* False on an error; *inlined says whether the directive was replaced. */
static bool flatten_include(struct flatten *f, const char *argument, const char *file,
			    unsigned line, unsigned depth, bool *inlined)
{
	char *path = path_here(f->files, argument);
	struct conf_list list = { 0 };
	bool ok = true;

	*inlined = false;
	if (!path)
		return true;
	if (depth >= LIMIT_NGINX_INCLUDE_DEPTH) {
		set_fault(f, file, line, "includes are nested too deeply");
		free(path);
		return false;
	}
	if (strpbrk(path, "*?["))
		expand(f, path, &list);
	else
		list_add(&list, path);
	for (size_t i = 0; ok && i < list.len; i++)
		ok = flatten_file(f, list.items[i], depth + 1, file, line);
	if (!ok && f->err->code == ERR_DENIED) {
		/* nginx may be allowed to read what we are not: leave the directive to it. What was
		 * taken from the list's other files is taken back by the caller. */
		ok = true;
	} else {
		*inlined = ok;
	}
	list_release(&list);
	free(path);
	return ok;
}

/* What to go back to when an include cannot be inlined after all. */
struct flatten_mark {
	size_t text_len, parts;
	unsigned flat_line;
	bool used[CONF_PENDING_MAX];
};

static void mark(const struct flatten *f, struct flatten_mark *m)
{
	m->text_len = f->flat->text.len;
	m->parts = f->flat->len;
	m->flat_line = f->flat_line;
	memcpy(m->used, f->flat->used, sizeof(m->used));
}

static void back_to(struct flatten *f, const struct flatten_mark *m)
{
	strbuf_setlen(&f->flat->text, m->text_len);
	f->flat->len = m->parts;
	f->flat_line = m->flat_line;
	memcpy(f->flat->used, m->used, sizeof(m->used));
}

struct scan {
	const char *file;
	const char *text;
	size_t copied; /* bytes of the text that are in the flat text */
	unsigned depth;
	unsigned open; /* blocks */
	size_t words;  /* of the directive under way */
	struct strbuf name, argument;
	size_t start;
	unsigned line;
};

static bool end_directive(struct flatten *f, struct scan *scan, const struct conf_lexer *lexer)
{
	struct flatten_mark before;
	bool inlined;

	if (scan->words != 2 || strcmp(scan->name.buf, "include") != 0)
		return true;
	mark(f, &before);
	emit(f, scan->text + scan->copied, scan->start - scan->copied);
	if (!flatten_include(f, scan->argument.buf, scan->file, scan->line, scan->depth, &inlined))
		return false;
	if (!inlined) {
		back_to(f, &before);
		return true;
	}
	emit_comment(f, scan->file, lexer->token_line, "back in ", "", "");
	begin_part(f, scan->file, lexer->token_line);
	scan->copied = lexer->end;
	return true;
}

static bool scan_file(struct flatten *f, struct scan *scan, struct conf_lexer *lexer)
{
	for (;;) {
		enum conf_token_kind kind = conf_lexer_next(lexer);
		const char *complaint = NULL;

		if (kind == CONF_BAD)
			return set_fault(f, scan->file, lexer->token_line, lexer->word.buf);
		if (kind == CONF_WORD) {
			struct strbuf *keep = scan->words == 0 ? &scan->name : &scan->argument;

			if (scan->words == 0) {
				scan->start = lexer->start;
				scan->line = lexer->token_line;
			}
			if (scan->words < 2) {
				strbuf_reset(keep);
				strbuf_add(keep, lexer->word.buf, lexer->word.len);
			}
			scan->words++;
			continue;
		}
		if (kind == CONF_END) {
			if (scan->words)
				complaint = "unexpected end of file, expecting \";\" or \"}\"";
			else if (scan->open)
				complaint = "unexpected end of file, expecting \"}\"";
			else
				return true;
		} else if (kind == CONF_SEMICOLON && !scan->words) {
			complaint = "unexpected \";\"";
		} else if (kind == CONF_OPEN && !scan->words) {
			complaint = "unexpected \"{\"";
		} else if (kind == CONF_CLOSE && (scan->words || !scan->open)) {
			complaint = "unexpected \"}\"";
		}
		if (complaint)
			return set_fault(f, scan->file, lexer->token_line, complaint);
		if (kind == CONF_SEMICOLON && !end_directive(f, scan, lexer))
			return false;
		if (kind == CONF_OPEN) {
			scan->open++;
			if (conf_is_foreign_block(scan->name.buf))
				conf_lexer_skip_foreign(lexer);
		}
		if (kind == CONF_CLOSE)
			scan->open--;
		scan->words = 0;
	}
}

/* The pending text for a path, or the file's. Bytes are borrowed from `text` or the pending.
 * *file becomes the pending's own spelling of it: that is how complaints shall name it. */
static bool load(struct flatten *f, const char **file, const char *from, unsigned from_line,
		 struct strbuf *text, const char **bytes, size_t *len, mode_t *mode)
{
	const char *path = *file;
	const struct conf_access *use = &f->files->use;
	char *real = canonical(f->files, path);
	size_t i;

	for (i = 0; i < f->pending_count; i++)
		if (strcmp(real, f->pending_real[i]) == 0)
			break;
	free(real);
	if (i < f->pending_count) {
		const struct conf_pending *pending = &f->pending[i];
		struct stat st;

		f->flat->used[i] = true;
		*file = pending->path;
		*bytes = pending->text;
		*len = pending->len;
		*mode = pending->mode;
		if (!*mode)
			*mode = stat(path, &st) == 0 ? st.st_mode & 07777 : 0644;
		return true;
	}
	if (!(use->read ? use->read(use->arg, path, text, mode, f->err)
			: read_from_disk(NULL, path, text, mode, f->err))) {
		if (f->err->code == ERR_NOT_FOUND && from) {
			char *message = xasprintf(
				"open() \"%s\" failed (2: No such file or directory)", path);

			set_fault(f, from, from_line, message);
			free(message);
		}
		return false;
	}
	*bytes = text->buf;
	*len = text->len;
	return true;
}

static bool flatten_file(struct flatten *f, const char *path, unsigned depth, const char *from,
			 unsigned from_line)
{
	struct strbuf text = STRBUF_INIT;
	struct conf_lexer lexer;
	struct scan scan = { .depth = depth };
	const char *bytes;
	size_t len;
	mode_t mode = 0644;
	bool ok = false;

	if (++f->file_count > LIMIT_NGINX_FILES_COUNT)
		return err_set(f->err, ERR_INPUT, "the configuration has more than %d files",
			       LIMIT_NGINX_FILES_COUNT);
	if (!load(f, &path, from, from_line, &text, &bytes, &len, &mode)) {
		strbuf_release(&text);
		return false;
	}
	if (f->flat->text.len + len > LIMIT_NGINX_CONF) {
		strbuf_release(&text);
		return err_set(f->err, ERR_INPUT,
			       "the configuration is larger than the limit of %u bytes",
			       LIMIT_NGINX_CONF);
	}
	/* A byte order mark is skipped at the beginning of a file, and nowhere else. */
	if (len >= 3 && memcmp(bytes, "\xef\xbb\xbf", 3) == 0) {
		bytes += 3;
		len -= 3;
	}
	f->flat->mode &= mode | ~(mode_t)0044;
	scan.file = arena_strdup(&f->flat->arena, path);
	scan.text = bytes;
	strbuf_init(&scan.name);
	strbuf_init(&scan.argument);
	strmap_put(&f->flat->seen, path, f->flat);
	if (from)
		emit_comment(f, from, from_line, "", " includes ", path);
	begin_part(f, scan.file, 1);
	conf_lexer_init(&lexer, bytes, len);
	ok = scan_file(f, &scan, &lexer);
	if (ok)
		emit(f, bytes + scan.copied, len - scan.copied);
	conf_lexer_release(&lexer);
	strbuf_release(&scan.name);
	strbuf_release(&scan.argument);
	strbuf_release(&text);
	return ok;
}

bool conf_flatten(struct conf_flat *flat, const struct conf_files *files, const char *path,
		  const struct conf_pending *pending, size_t pending_count,
		  struct conf_fault *fault, struct err *err)
{
	char *reals[CONF_PENDING_MAX] = { 0 };
	struct flatten f = { .flat = flat,
			     .files = files,
			     .pending = pending,
			     .pending_real = reals,
			     .pending_count = pending_count,
			     .flat_line = 1,
			     .fault = fault,
			     .err = err };
	bool ok;

	*fault = (struct conf_fault){ 0 };
	if (pending_count > CONF_PENDING_MAX)
		return err_set(err, ERR_INPUT, "more than %d pending files in one check",
			       CONF_PENDING_MAX);
	for (size_t i = 0; i < pending_count; i++)
		reals[i] = canonical(files, pending[i].path);
	flat->mode = 0644;
	ok = flatten_file(&f, path, 0, NULL, 0);
	begin_line(&f);
	for (size_t i = 0; i < pending_count; i++)
		free(reals[i]);
	return ok;
}

void conf_flat_release(struct conf_flat *flat)
{
	strbuf_release(&flat->text);
	free(flat->parts);
	strmap_release(&flat->seen);
	arena_release(&flat->arena);
	*flat = (struct conf_flat)CONF_FLAT_INIT;
}

bool conf_map_line(const struct conf_flat *flat, unsigned flat_line, const char **file,
		   unsigned *line)
{
	size_t low = 0, high = flat->len;

	/* The last part that begins at or before the line. */
	while (low < high) {
		size_t middle = low + (high - low) / 2;

		if (flat->parts[middle].flat_line <= flat_line)
			low = middle + 1;
		else
			high = middle;
	}
	if (low == 0 || flat_line == 0)
		return false;
	*file = flat->parts[low - 1].file;
	*line = flat->parts[low - 1].line + (flat_line - flat->parts[low - 1].flat_line);
	return true;
}
