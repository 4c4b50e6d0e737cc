/* The input is nginx.conf; files that it includes are the input's own text again. */
#include <stddef.h>
#include <stdint.h>
#include <stdio.h>
#include <stdlib.h>

#include "binnacle/nginx/conf.h"
#include "binnacle/nginx/upstreams.h"

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size);

static const char *input;
static size_t input_len;
static int files_left;

static bool read_input(void *arg, const char *path, struct strbuf *out, mode_t *mode,
		       struct err *err)
{
	(void)arg;
	if (files_left-- <= 0)
		return err_set(err, ERR_NOT_FOUND, "%s", path);
	strbuf_add(out, input, input_len);
	*mode = 0644;
	return true;
}

static void expand_nothing(void *arg, const char *pattern, struct conf_list *out)
{
	(void)arg;
	(void)pattern;
	(void)out;
}

static char *no_real(void *arg, const char *path)
{
	(void)arg;
	(void)path;
	return NULL;
}

int LLVMFuzzerTestOneInput(const uint8_t *data, size_t size)
{
	struct conf_files files = {
		.folder = "/c",
		.use = { .read = read_input, .expand = expand_nothing, .real = no_real }
	};
	struct conf_pending pending = { .path = "/c/p", .text = "pending;\n", .len = 9 };
	struct conf_flat flat = CONF_FLAT_INIT;
	struct conf_fault fault;
	struct err err;
	size_t count, removed;

	input = (const char *)data;
	input_len = size;
	files_left = 8;
	if (conf_flatten(&flat, &files, "/c/nginx.conf", &pending, 1, &fault, &err)) {
		struct conf_tree *tree = conf_parse(&flat, &fault);
		struct nginx_routes routes;

		/* Each file is balanced by itself, so the whole is: only nesting can be too deep.
		 */
		if (tree) {
			nginx_routes_read(&routes, tree);
			nginx_routes_vhost(&routes, "a.example");
			nginx_routes_release(&routes);
		}
		conf_tree_free(tree);
		for (unsigned line = 0; line < 64; line++) {
			const char *file;
			unsigned at;

			if (conf_map_line(&flat, line, &file, &at) && at == 0)
				abort();
		}
	}
	conf_fault_release(&fault);
	conf_flat_release(&flat);
	nginx_count_removed(input, size, input, size, &count, &removed);
	if (removed)
		abort();
	return 0;
}
