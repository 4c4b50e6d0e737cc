/* Programs have their standard output in a socket of ours, since messages show it apart from
 * what they say on standard error. */
#include "effects.h"

#include <errno.h>
#include <fcntl.h>
#include <grp.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/socket.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binnacle/base/file.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/mem.h"
#include "binnacle/loop/child.h"
#include "binnacle/loop/loop.h"

#define PLUGIN_TIMEOUT_MS 30000
#define PLUGINS_MAX       64

struct plugin {
	struct effects *effects;
	char **argv;
	struct child *child; /* NULL: it has ended */
	int fd;              /* its standard output; -1: closed */
	struct loop_fd *watch;
	struct strbuf output, message;
	bool failed;
	bool asked; /* by the execution that takes place, or took place last */
	struct plugin *next;
};

struct file_write {
	char *path, *user, *group, *mode, *flags;
	struct strbuf bytes;
	struct file_write *next;
};

struct effects {
	struct loop *loop;
	void (*changed)(void *arg);
	void *arg;
	struct plugin *plugins;
	struct file_write *writes, **last_write;
	bool answered; /* an answer has come that no execution has taken */
};

struct effects *effects_new(struct loop *loop, void (*changed)(void *arg), void *arg)
{
	struct effects *effects = xcalloc(1, sizeof(*effects));

	effects->loop = loop;
	effects->changed = changed;
	effects->arg = arg;
	effects->last_write = &effects->writes;
	return effects;
}

static void close_output(struct plugin *plugin)
{
	loop_fd_remove(&plugin->watch);
	if (plugin->fd >= 0)
		close(plugin->fd);
	plugin->fd = -1;
}

static void plugin_free(struct plugin *plugin)
{
	child_cancel(&plugin->child);
	close_output(plugin);
	for (size_t i = 0; plugin->argv[i]; i++)
		free(plugin->argv[i]);
	free(plugin->argv);
	strbuf_release(&plugin->output);
	strbuf_release(&plugin->message);
	free(plugin);
}

static void forget_writes(struct effects *effects)
{
	struct file_write *write;

	while ((write = effects->writes)) {
		effects->writes = write->next;
		free(write->path);
		free(write->user);
		free(write->group);
		free(write->mode);
		free(write->flags);
		strbuf_release(&write->bytes);
		free(write);
	}
	effects->last_write = &effects->writes;
}

/* Those that `wanted` does not want. */
static void drop(struct effects *effects, bool (*wanted)(const struct plugin *))
{
	struct plugin **at = &effects->plugins;

	while (*at) {
		struct plugin *plugin = *at;

		if (wanted && wanted(plugin)) {
			at = &plugin->next;
			continue;
		}
		*at = plugin->next;
		plugin_free(plugin);
	}
}

void effects_free(struct effects *effects)
{
	if (!effects)
		return;
	drop(effects, NULL);
	forget_writes(effects);
	free(effects);
}

static bool runs(const struct plugin *plugin)
{
	return plugin->child != NULL;
}

static bool was_asked(const struct plugin *plugin)
{
	return plugin->asked;
}

void effects_begin(struct effects *effects)
{
	if (!effects->answered)
		drop(effects, runs);
	effects->answered = false;
	for (struct plugin *plugin = effects->plugins; plugin; plugin = plugin->next)
		plugin->asked = false;
	forget_writes(effects);
}

static bool is_same(char *const *a, const char *const *b)
{
	size_t i = 0;

	for (; a[i] && b[i]; i++)
		if (strcmp(a[i], b[i]) != 0)
			return false;
	return !a[i] && !b[i];
}

static struct plugin *find(struct effects *effects, const char *const *argv)
{
	struct plugin *plugin = effects->plugins;

	while (plugin && !is_same(plugin->argv, argv))
		plugin = plugin->next;
	return plugin;
}

/* What has been written so far. False: its end, or an error. */
static bool read_output(struct plugin *plugin)
{
	char bytes[4096];
	ssize_t got;

	for (;;) {
		got = read(plugin->fd, bytes, sizeof(bytes));
		if (got < 0 && errno == EINTR)
			continue;
		if (got < 0 && (errno == EAGAIN || errno == EWOULDBLOCK))
			return true;
		if (got <= 0)
			return false;
		if (plugin->output.len < LIMIT_CHILD_OUTPUT)
			strbuf_add(&plugin->output, bytes, (size_t)got);
	}
}

static void on_output(void *arg, int fd, unsigned events)
{
	struct plugin *plugin = arg;

	(void)fd;
	(void)events;
	if (!read_output(plugin))
		close_output(plugin);
}

static void fail(struct plugin *plugin, const char *how, const struct strbuf *errors)
{
	plugin->failed = true;
	strbuf_addf(&plugin->message, "exec \"%s\": %s\n\nstdout:\n\n%s\n\nstderr:\n\n%s",
		    plugin->argv[0], how, plugin->output.buf, errors ? errors->buf : "");
}

static void on_done(void *arg, const struct child_result *result)
{
	struct plugin *plugin = arg;
	struct effects *effects = plugin->effects;
	char how[64];

	plugin->child = NULL;
	if (plugin->fd >= 0)
		read_output(plugin);
	close_output(plugin);
	if (result->timed_out) {
		plugin->failed = true;
		strbuf_addf(&plugin->message, "exec \"%s\": did not finish in 30s",
			    plugin->argv[0]);
	} else if (result->exit_code != 0) {
		snprintf(how, sizeof(how), "exit status %d", result->exit_code);
		fail(plugin, how, result->output);
	}
	effects->answered = true;
	effects->changed(effects->arg);
}

static void start(struct plugin *plugin)
{
	struct child_spec spec = { .argv = (const char *const *)plugin->argv,
				   .timeout_ms = PLUGIN_TIMEOUT_MS };
	struct strbuf how = STRBUF_INIT;
	struct err err = { 0 };
	int ends[2];

	if (socketpair(AF_UNIX, SOCK_STREAM | SOCK_CLOEXEC, 0, ends) < 0) {
		fail(plugin, strerror(errno), NULL);
		return;
	}
	shutdown(ends[0], SHUT_WR); /* nothing comes on its standard input */
	spec.stream = ends[1];
	plugin->child = child_run(plugin->effects->loop, &spec, on_done, plugin, &err);
	close(ends[1]);
	plugin->fd = ends[0];
	if (!plugin->child) {
		close_output(plugin);
		if (err.code == ERR_NOT_FOUND)
			strbuf_addf(&how, "exec: \"%s\": executable file not found in $PATH",
				    plugin->argv[0]);
		fail(plugin, err.code == ERR_NOT_FOUND ? how.buf : err.msg, NULL);
		strbuf_release(&how);
		return;
	}
	if (fcntl(plugin->fd, F_SETFL, O_NONBLOCK) == 0)
		plugin->watch = loop_fd_add(plugin->effects->loop, plugin->fd, LOOP_READ, on_output,
					    plugin);
}

bool effects_plugin_ready(struct effects *effects, const char *const *argv)
{
	struct plugin *plugin = find(effects, argv);
	size_t count = 0, others = 0;

	if (plugin) {
		plugin->asked = true;
		return plugin->child == NULL;
	}
	while (argv[count])
		count++;
	plugin = xcalloc(1, sizeof(*plugin));
	plugin->effects = effects;
	plugin->fd = -1;
	plugin->asked = true;
	plugin->argv = xcalloc(count + 1, sizeof(*plugin->argv));
	for (size_t i = 0; i < count; i++)
		plugin->argv[i] = xstrdup(argv[i]);
	strbuf_init(&plugin->output);
	strbuf_init(&plugin->message);
	for (const struct plugin *other = effects->plugins; other; other = other->next)
		others++;
	plugin->next = effects->plugins;
	effects->plugins = plugin;
	if (others < PLUGINS_MAX)
		start(plugin);
	else
		fail(plugin, "one template runs too many programs", NULL);
	return plugin->child == NULL;
}

bool effects_plugin(struct effects *effects, const char *const *argv, struct strbuf *out)
{
	const struct plugin *plugin = find(effects, argv);
	const struct strbuf *text = plugin->failed ? &plugin->message : &plugin->output;

	strbuf_add(out, text->buf, text->len);
	return !plugin->failed;
}

bool effects_write(struct effects *effects, const char *path, const char *user, const char *group,
		   const char *mode, const char *flags, const char *bytes, size_t len,
		   struct err *err)
{
	struct file_write *write;
	char *end;

	strtoul(mode, &end, 8);
	if (!*mode || *end)
		return err_set(err, ERR_INPUT, "\"%s\" is not a file's mode in octal", mode);
	for (const char *at = flags; *at; at += strcspn(at, ","), at += *at == ',') {
		size_t word = strcspn(at, ",");

		if (!(word == 6 && strncmp(at, "append", 6) == 0) &&
		    !(word == 7 && strncmp(at, "newline", 7) == 0))
			return err_set(err, ERR_INPUT, "\"%s\": the flags are append and newline",
				       flags);
	}
	write = xcalloc(1, sizeof(*write));
	write->path = xstrdup(path);
	write->user = xstrdup(user);
	write->group = xstrdup(group);
	write->mode = xstrdup(mode);
	write->flags = xstrdup(flags);
	strbuf_init(&write->bytes);
	strbuf_add(&write->bytes, bytes, len);
	if (strstr(flags, "newline"))
		strbuf_addch(&write->bytes, '\n');
	*effects->last_write = write;
	effects->last_write = &write->next;
	return true;
}

/* By name or number; "": ours. */
static bool find_owner(const struct file_write *write, struct file_mode *mode, struct err *err)
{
	const struct passwd *user = *write->user ? getpwnam(write->user) : NULL;
	const struct group *group = *write->group ? getgrnam(write->group) : NULL;
	char *user_end, *group_end;
	unsigned long uid = strtoul(write->user, &user_end, 10);
	unsigned long gid = strtoul(write->group, &group_end, 10);

	mode->own = *write->user || *write->group;
	mode->uid = !*write->user ? geteuid() : user ? user->pw_uid : (uid_t)uid;
	mode->gid = !*write->group ? getegid() : group ? group->gr_gid : (gid_t)gid;
	if (*write->user && !user && *user_end)
		return err_set(err, ERR_INPUT, "there is no user \"%s\"", write->user);
	if (*write->group && !group && *group_end)
		return err_set(err, ERR_INPUT, "there is no group \"%s\"", write->group);
	return true;
}

static bool write_file(const struct file_write *write, struct err *err)
{
	struct file_mode mode = { .mode = (mode_t)strtoul(write->mode, NULL, 8) & 07777 };
	char *folder = file_dirname(write->path);
	bool fine = find_owner(write, &mode, err) && file_mkdirs(folder, 0755, err);

	free(folder);
	if (!fine)
		return false;
	if (!strstr(write->flags, "append"))
		return file_replace(write->path, write->bytes.buf, write->bytes.len, &mode, err);
	if (!file_append(write->path, write->bytes.buf, write->bytes.len, mode.mode, err))
		return false;
	if (chmod(write->path, mode.mode) < 0 ||
	    (mode.own && chown(write->path, mode.uid, mode.gid) < 0))
		return err_set(err, ERR_SYSTEM, "%s: %s", write->path, strerror(errno));
	return true;
}

bool effects_commit(struct effects *effects, bool dry, struct err *err)
{
	bool fine = true;

	drop(effects, was_asked);
	for (const struct file_write *write = effects->writes; write && fine && !dry;
	     write = write->next)
		fine = write_file(write, err) || err_context(err, "writeToFile");
	forget_writes(effects);
	return fine;
}
