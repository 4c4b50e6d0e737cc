/*
 * nginx/conf.h - an nginx configuration as one text, as a tree, and the way back from a line of
 * the one text to the file it came from.
 *
 *     struct conf_files files = { .folder = "/etc/nginx" };
 *     struct conf_flat flat = CONF_FLAT_INIT;
 *
 *     if (!conf_flatten(&flat, &files, "/etc/nginx/nginx.conf", pending, count, &fault, &err))
 *         ... fault says at which file and line; the texts of nginx, not ours
 *     tree = conf_parse(&flat, &fault);
 *     conf_map_line(&flat, 57, &file, &line);
 *
 * Words, quotes, escapes and blocks are read as ngx_conf_file.c (1.22) reads them, and each
 * file must be balanced by itself, as there. An include that names no readable place on this
 * host (a path that only the container has) stays in the text for nginx itself to follow.
 *
 * Reference: nginx, "include", "Configuration File's Structure"; src/core/ngx_conf_file.c.
 */
#ifndef BINNACLE_NGINX_CONF_H
#define BINNACLE_NGINX_CONF_H

#include <stdbool.h>
#include <stddef.h>
#include <sys/types.h>

#include "binnacle/base/err.h"
#include "binnacle/base/mem.h"
#include "binnacle/base/strbuf.h"
#include "binnacle/base/strmap.h"

/* How files are read. All members of `use` may be NULL: then the file system is read. */
struct conf_list {
	char **items; /* owned */
	size_t len, cap;
};
struct conf_access {
	bool (*read)(void *arg, const char *path, struct strbuf *out, mode_t *mode,
		     struct err *err);
	/* Append the paths that match a pattern, sorted. */
	void (*expand)(void *arg, const char *pattern, struct conf_list *out);
	/* One name for one file (realpath); the caller frees. NULL when there is no such path. */
	char *(*real)(void *arg, const char *path);
	void *arg;
};

struct conf_files {
	const char *folder;  /* of nginx.conf as this host sees it: includes are relative to it */
	const char *seen_as; /* the same folder as nginx sees it; NULL: the same path */
	struct conf_access use;
};

#define CONF_PENDING_MAX 64

/* A text that takes the place of a file, which need not exist yet. Borrowed. */
struct conf_pending {
	const char *path; /* as this host sees it */
	const char *text;
	size_t len;
	mode_t mode; /* it will have; 0: that of the file there, 0644 when there is none */
};

/* A mistake in a configuration and its place. */
struct conf_fault {
	char message[256]; /* in nginx's words, "unexpected \"}\"" */
	char *file;        /* owned; NULL: no fault */
	unsigned line;
};
void conf_fault_release(struct conf_fault *fault);

/* From this line of the flattened text on, lines are those of `file`, beginning with `line`. */
struct conf_part {
	unsigned flat_line;
	const char *file; /* owned by the flat's arena */
	unsigned line;
};

struct conf_flat {
	struct strbuf text;
	struct conf_part *parts; /* by flat_line */
	size_t len, cap;
	bool used[64]; /* by index of pending: whether an include (or the file itself) took it */
	mode_t mode;   /* read permission that all parts allow: 0600, 0640 or 0644 */
	struct strmap seen; /* files read; keys only */
	struct arena arena;
};
#define CONF_FLAT_INIT                                                                             \
	{                                                                                          \
		.text = STRBUF_INIT                                                                \
	}

/*
 * The whole configuration in one text: each include replaced by the file's text (or the pending
 * text for it) between two comments that name file and line. False: the configuration is wrong
 * (fault->file set, err ERR_REFUSED) or cannot be read (err alone).
 */
bool conf_flatten(struct conf_flat *flat, const struct conf_files *files, const char *path,
		  const struct conf_pending *pending, size_t pending_count,
		  struct conf_fault *fault, struct err *err);
void conf_flat_release(struct conf_flat *flat);

/* Where a line of the flattened text came from; false: the line is not in it. `file` is borrowed
 * from flat. */
bool conf_map_line(const struct conf_flat *flat, unsigned flat_line, const char **file,
		   unsigned *line);

/* A directive: words[0] is its name. Words are unquoted and unescaped. */
struct conf_directive {
	const char *const *words;
	size_t count;
	const char *file;
	unsigned line;
	bool is_block;
	struct conf_directive *first; /* of the block */
	struct conf_directive *next;
};

struct conf_tree {
	struct conf_directive *first;
	struct arena arena;
};

/* The tree of a flattened configuration; NULL with *fault set. Free with conf_tree_free. File
 * names in it are borrowed from the flat. */
struct conf_tree *conf_parse(const struct conf_flat *flat, struct conf_fault *fault);
/* The tree of one text by itself, which may be a fragment (the body of an upstream). Includes
 * stay what they are: directives. Never NULL: with a fault it has what stands before it. */
struct conf_tree *conf_parse_text(const char *file, const char *text, size_t len,
				  struct conf_fault *fault);
void conf_tree_free(struct conf_tree *tree);

/* The next directive with that name, `from` itself included; NULL: none. Siblings only. */
const struct conf_directive *conf_find(const struct conf_directive *from, const char *name);

#endif
