#include "binnacle/nginx/control.h"

#include <assert.h>
#include <errno.h>
#include <glob.h>
#include <signal.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <unistd.h>

#include "binnacle/base/file.h"
#include "binnacle/base/text.h"
#include "binnacle/loop/child.h"
#include "binnacle/loop/loop.h"
#include "control_private.h"

/* /usr/sbin is not in everybody's PATH. */
static char *find_binary(void)
{
	const char *path = getenv("PATH");

	while (path && *path) {
		size_t len = strcspn(path, ":");
		char *candidate = xasprintf("%.*s/nginx", (int)len, path);

		if (len && access(candidate, X_OK) == 0)
			return candidate;
		free(candidate);
		path += len + (path[len] == ':');
	}
	return xstrdup("/usr/sbin/nginx");
}

/* A crash of ours may have left staged files behind. */
static void remove_leftovers(const struct nginx_control *control)
{
	char *pattern = xasprintf("%s/.binnacle-check-*.conf", control->folder);
	glob_t found;

	if (glob(pattern, 0, NULL, &found) == 0)
		for (size_t i = 0; i < found.gl_pathc; i++) {
			const char *name = file_basename(found.gl_pathv[i]);
			long pid = strtol(name + strlen(".binnacle-check-"), NULL, 10);

			if (pid > 0 && kill((pid_t)pid, 0) != 0 && errno == ESRCH)
				unlink(found.gl_pathv[i]);
		}
	globfree(&found);
	free(pattern);
}

static char *without_slash(const char *folder)
{
	size_t len = strlen(folder);

	while (len > 1 && folder[len - 1] == '/')
		len--;
	return xstrndup(folder, len);
}

struct nginx_control *nginx_control_new(struct loop *loop, const struct nginx_spec *spec,
					struct err *err)
{
	const char *folder = spec->folder ? spec->folder : "/etc/nginx";
	const char *file = spec->file ? spec->file : "nginx.conf";
	struct nginx_control *control;

	if (folder[0] != '/') {
		if (spec->exec && spec->exec->release)
			spec->exec->release(spec->exec->arg);
		err_set(err, ERR_INPUT, "nginx %s: the folder %s is not an absolute path",
			spec->name ? spec->name : "", folder);
		return NULL;
	}
	control = xcalloc(1, sizeof(*control));
	control->loop = loop;
	control->name = xstrdup(spec->name ? spec->name : "nginx");
	control->folder = without_slash(folder);
	control->file = xstrdup(file);
	control->path = xasprintf("%s/%s", control->folder, file);
	control->binary = spec->binary ? xstrdup(spec->binary)
			  : spec->exec ? xstrdup("nginx")
				       : find_binary();
	control->prefix = spec->prefix ? xstrdup(spec->prefix) : NULL;
	if (spec->exec) {
		control->is_elsewhere = true;
		control->exec = *spec->exec;
		control->folder_seen = without_slash(spec->seen_as ? spec->seen_as : "/etc/nginx");
	} else {
		control->folder_seen = xstrdup(control->folder);
	}
	control->path_seen = xasprintf("%s/%s", control->folder_seen, file);
	control->check_timeout_ms = spec->check_timeout_ms ? spec->check_timeout_ms : 30000;
	control->verify_timeout_ms = spec->verify_timeout_ms ? spec->verify_timeout_ms : 10000;
	remove_leftovers(control);
	return control;
}

void nginx_control_free(struct nginx_control *control)
{
	if (!control)
		return;
	while (control->checks)
		check_end(control->checks);
	while (control->reloads)
		reload_end(control->reloads);
	if (control->exec.release)
		control->exec.release(control->exec.arg);
	free(control->name);
	free(control->folder);
	free(control->file);
	free(control->path);
	free(control->path_seen);
	free(control->binary);
	free(control->prefix);
	free(control->folder_seen);
	free(control);
}

const char *nginx_control_name(const struct nginx_control *control)
{
	return control->name;
}

const char *nginx_control_folder(const struct nginx_control *control)
{
	return control->folder;
}

const char *nginx_control_path(const struct nginx_control *control)
{
	return control->path;
}

struct conf_files control_files(const struct nginx_control *control)
{
	return (struct conf_files){ .folder = control->folder, .seen_as = control->folder_seen };
}

bool nginx_control_flatten(const struct nginx_control *control, struct conf_flat *flat,
			   struct conf_fault *fault, struct err *err)
{
	struct conf_files files = control_files(control);

	return conf_flatten(flat, &files, control->path, NULL, 0, fault, err);
}

void control_argv(const struct nginx_control *control, const char **argv, const char *path_seen,
		  const char *more, const char *more2)
{
	size_t n = 0;

	argv[n++] = control->binary;
	argv[n++] = "-c";
	argv[n++] = path_seen;
	if (control->prefix) {
		argv[n++] = "-p";
		argv[n++] = control->prefix;
	}
	if (more)
		argv[n++] = more;
	if (more2)
		argv[n++] = more2;
	argv[n] = NULL;
}

static void command_report(struct command *command, int exit_code, const struct strbuf *output,
			   const struct err *err)
{
	nginx_exec_fn *done = command->done;
	void *arg = command->arg;

	/* `done` may start the next one in the same place. */
	command->child = NULL;
	command->handle = NULL;
	command->deferred = NULL;
	done(arg, exit_code, output, err);
}

static void on_not_started(void *arg)
{
	struct command *command = arg;
	struct err err = command->err;

	command_report(command, -1, NULL, &err);
}

static void on_child(void *arg, const struct child_result *result)
{
	struct command *command = arg;
	struct err err;

	if (result->timed_out) {
		err_set(&err, ERR_UNREACHABLE, "%s did not end within its time limit",
			command->program);
		command_report(command, -1, NULL, &err);
		return;
	}
	command_report(command, result->exit_code, result->output, NULL);
}

static void on_exec(void *arg, int exit_code, const struct strbuf *output, const struct err *err)
{
	command_report(arg, exit_code, output, err);
}

void nginx_command_start(struct command *command, struct nginx_control *control,
			 const char *const *argv, int64_t timeout_ms, nginx_exec_fn *done,
			 void *arg)
{
	assert(!command->child && !command->handle && !command->deferred);
	command->control = control;
	command->done = done;
	command->arg = arg;
	command->program = control->binary;
	if (control->is_elsewhere) {
		command->handle =
			control->exec.start(control->exec.arg, argv, timeout_ms, on_exec, command);
		return;
	}
	command->child = child_run(control->loop,
				   &(struct child_spec){ .argv = argv, .timeout_ms = timeout_ms },
				   on_child, command, &command->err);
	if (!command->child)
		command->deferred = loop_defer(control->loop, on_not_started, command);
}

void nginx_command_cancel(struct command *command)
{
	child_cancel(&command->child);
	if (command->handle)
		command->control->exec.cancel(command->handle);
	command->handle = NULL;
	loop_deferred_cancel(&command->deferred);
}

/* "… in /etc/nginx/nginx.conf:12" at the end of a line: where the path begins and its length. */
static bool find_place(const char *line, size_t len, size_t *path, size_t *path_len, unsigned *at)
{
	size_t i = len, digits = 0;
	unsigned number = 0;

	while (i > 0 && line[i - 1] >= '0' && line[i - 1] <= '9')
		i--;
	digits = len - i;
	if (!digits || digits > 9 || i == 0 || line[i - 1] != ':')
		return false;
	for (size_t k = i; k < len; k++)
		number = number * 10 + (unsigned)(line[k] - '0');
	*at = number;
	for (size_t k = i - 1; k >= 5; k--)
		if (memcmp(line + k - 4, " in /", 5) == 0) {
			*path = k;
			*path_len = i - 1 - k;
			return true;
		}
	return false;
}

/* Severity by its mark; 0: none. */
static int severity(const char *line)
{
	static const char *const marks[] = { "[warn]", "[error]", "[crit]", "[alert]", "[emerg]" };

	for (int i = 4; i >= 0; i--)
		if (strstr(line, marks[i]))
			return i + 1;
	return 0;
}

/* "[emerg] text", whether nginx wrote "nginx: [emerg] text" or, its log being standard error,
 * "2024/05/01 12:02:11 [emerg] 7#7: text". */
static void add_bare(struct strbuf *out, const char *line)
{
	const char *level = strchr(line, '['), *close = level ? strchr(level, ']') : NULL;
	const char *rest;

	if (!close || !severity(line)) {
		strbuf_addstr(out, text_starts_with(line, "nginx: ") ? line + 7 : line);
		return;
	}
	rest = close + 1 + strspn(close + 1, " ");
	if (strspn(rest, "0123456789#")) {
		const char *colon = rest + strspn(rest, "0123456789#");

		if (memchr(rest, '#', (size_t)(colon - rest)) && text_starts_with(colon, ": "))
			rest = colon + 2;
	}
	strbuf_add(out, level, (size_t)(close + 1 - level));
	strbuf_addf(out, " %s", rest);
}

/* The path as this host sees it. */
static char *path_here(const struct nginx_control *control, const char *seen)
{
	size_t len = strlen(control->folder_seen);

	if (strncmp(seen, control->folder_seen, len) == 0 && seen[len] == '/')
		return xasprintf("%s%s", control->folder, seen + len);
	return xstrdup(seen);
}

/* Append the line with its place put right; *file is that place, NULL when there is none. */
static void map_line(struct strbuf *out, const struct nginx_control *control, const char *line,
		     size_t len, const struct conf_flat *flat, const char *staged_seen, char **file,
		     unsigned *number)
{
	size_t path, path_len;
	const char *mapped;
	char *seen;

	*file = NULL;
	if (!find_place(line, len, &path, &path_len, number)) {
		const char *found = staged_seen ? strstr(line, staged_seen) : NULL;

		if (!found) {
			strbuf_add(out, line, len);
			return;
		}
		strbuf_add(out, line, (size_t)(found - line));
		strbuf_addstr(out, control->path);
		strbuf_addstr(out, found + strlen(staged_seen));
		return;
	}
	seen = xstrndup(line + path, path_len);
	if (flat && strcmp(seen, staged_seen) == 0 && conf_map_line(flat, *number, &mapped, number))
		*file = xstrdup(mapped);
	else
		*file = path_here(control, seen);
	strbuf_add(out, line, path);
	strbuf_addf(out, "%s:%u", *file, *number);
	free(seen);
}

void complaint_read(struct complaint *complaint, const struct nginx_control *control,
		    const struct strbuf *output, const struct conf_flat *flat,
		    const char *staged_seen)
{
	const char *at = output->buf, *end = output->buf + output->len;
	int worst = -1;

	*complaint = (struct complaint){ 0 };
	strbuf_init(&complaint->output);
	strbuf_init(&complaint->message);
	while (at < end) {
		const char *newline = memchr(at, '\n', (size_t)(end - at));
		char *line = xstrndup(at, (size_t)((newline ? newline : end) - at));
		size_t start = complaint->output.len;
		int rank = severity(line);
		char *file;
		unsigned number = 0;

		map_line(&complaint->output, control, line, strlen(line), flat, staged_seen, &file,
			 &number);
		if (rank > worst && complaint->output.len > start) {
			worst = rank;
			strbuf_reset(&complaint->message);
			add_bare(&complaint->message, complaint->output.buf + start);
			free(complaint->file);
			complaint->file = file;
			complaint->line = file ? number : 0;
			file = NULL;
		}
		free(file);
		strbuf_addch(&complaint->output, '\n');
		free(line);
		at = newline ? newline + 1 : end;
	}
}

void complaint_release(struct complaint *complaint)
{
	strbuf_release(&complaint->output);
	strbuf_release(&complaint->message);
	free(complaint->file);
	*complaint = (struct complaint){ 0 };
}
