#include "binnacle/action/journal.h"

#include <errno.h>
#include <fcntl.h>
#include <inttypes.h>
#include <pwd.h>
#include <stdio.h>
#include <stdlib.h>
#include <string.h>
#include <sys/file.h>
#include <sys/stat.h>
#include <unistd.h>

#include "binnacle/action/plan.h"
#include "binnacle/action/step.h"
#include "binnacle/base/clock.h"
#include "binnacle/base/file.h"
#include "binnacle/base/json.h"
#include "binnacle/base/limits.h"
#include "binnacle/base/text.h"
#include "journal_private.h"

#define FILE_NAME  "journal.jsonl"
#define TAIL_BYTES 65536 /* in which the last id is looked for first */

static char *default_folder(void)
{
	const char *state = getenv("XDG_STATE_HOME"), *home = getenv("HOME");

	if (state && *state == '/')
		return xasprintf("%s/binnacle", state);
	if (geteuid() == 0)
		return xstrdup("/var/lib/binnacle");
	return xasprintf("%s/.local/state/binnacle", home && *home == '/' ? home : "/tmp");
}

struct journal *journal_open(const char *folder, struct model *model, struct err *err)
{
	struct journal *journal = xcalloc(1, sizeof(*journal));

	(void)err;
	journal->folder = folder ? xstrdup(folder) : default_folder();
	journal->path = xasprintf("%s/%s", journal->folder, FILE_NAME);
	journal->model = model;
	journal_publish(journal);
	return journal;
}

void journal_close(struct journal *journal)
{
	if (!journal)
		return;
	free(journal->folder);
	free(journal->path);
	free(journal);
}

static char *cancel_path(const struct journal *journal, int64_t id)
{
	return xasprintf("%s/cancel-%" PRId64, journal->folder, id);
}

bool journal_ask_cancel(const struct journal *journal, int64_t id, struct err *err)
{
	char *path = cancel_path(journal, id);
	int fd = open(path, O_WRONLY | O_CREAT | O_CLOEXEC | O_NOFOLLOW, 0600);
	bool ok = fd >= 0 || err_system(err, "cannot ask for it with %s", path);

	if (fd >= 0)
		close(fd);
	free(path);
	return ok;
}

bool journal_is_cancel_asked(const struct journal *journal, int64_t id)
{
	char *path = cancel_path(journal, id);
	bool asked = access(path, F_OK) == 0;

	free(path);
	return asked;
}

void journal_forget_cancel(const struct journal *journal, int64_t id)
{
	char *path = cancel_path(journal, id);

	unlink(path);
	free(path);
}

const char *journal_path(const struct journal *journal)
{
	return journal->path;
}

static int open_locked(const struct journal *journal, struct err *err)
{
	int fd;

	if (!file_mkdirs(journal->folder, 0700, err))
		return -1;
	/* No link is followed: the folder may be one that others can write to. */
	fd = open(journal->path, O_RDWR | O_CREAT | O_APPEND | O_CLOEXEC | O_NOFOLLOW, 0600);
	if (fd < 0) {
		err_system(err, "journal %s", journal->path);
		return -1;
	}
	if (flock(fd, LOCK_EX) != 0) {
		err_system(err, "journal %s: lock", journal->path);
		close(fd);
		return -1;
	}
	return fd;
}

static bool write_all(int fd, const char *bytes, size_t len)
{
	while (len) {
		ssize_t wrote = write(fd, bytes, len);

		if (wrote < 0 && errno == EINTR)
			continue;
		if (wrote <= 0)
			return false;
		bytes += wrote;
		len -= (size_t)wrote;
	}
	return true;
}

/* Whether the file ends in the middle of a line: then ours must begin with a newline. */
static bool is_torn(int fd)
{
	char last;
	off_t end = lseek(fd, 0, SEEK_END);

	return end > 0 && pread(fd, &last, 1, end - 1) == 1 && last != '\n';
}

static bool append_to(const struct journal *journal, int fd, const struct json *line,
		      struct err *err)
{
	struct strbuf text = STRBUF_INIT;
	bool good;

	if (is_torn(fd))
		strbuf_addch(&text, '\n');
	json_print(&text, line);
	strbuf_addch(&text, '\n');
	good = text.len <= LIMIT_JOURNAL_LINE;
	if (!good)
		err_set(err, ERR_REFUSED, "journal %s: a line of %zu bytes is too long",
			journal->path, text.len);
	else if (!write_all(fd, text.buf, text.len) || fsync(fd) != 0)
		good = err_system(err, "journal %s", journal->path);
	strbuf_release(&text);
	return good;
}

/* Takes the line. */
static bool append(const struct journal *journal, struct json *line, struct err *err)
{
	int fd = open_locked(journal, err);
	bool good = fd >= 0 && append_to(journal, fd, line, err);

	if (fd >= 0)
		close(fd);
	json_free(line);
	return good;
}

/* The highest id in the last `span` bytes; -1: no line with an id begins there. */
static int64_t last_id_within(int fd, off_t size, off_t span)
{
	size_t len = (size_t)(size < span ? size : span);
	char *bytes = xmalloc(len + 1), *at;
	ssize_t got = pread(fd, bytes, len, size - (off_t)len);
	int64_t last = -1;

	bytes[got > 0 ? got : 0] = '\0';
	at = bytes;
	/* The reader may have begun in the middle of a line: only whole ones count. */
	if (size > (off_t)len)
		at = strchr(bytes, '\n');
	while (at && *at) {
		static const char head[] = "{\"id\":";

		at += *at == '\n';
		if (strncmp(at, head, sizeof(head) - 1) == 0) {
			int64_t id = strtoll(at + sizeof(head) - 1, NULL, 10);

			last = id > last ? id : last;
		}
		at = strchr(at, '\n');
	}
	free(bytes);
	return last;
}

static int64_t next_id(int fd)
{
	struct stat info;
	int64_t last;

	if (fstat(fd, &info) != 0 || info.st_size == 0)
		return 1;
	last = last_id_within(fd, info.st_size, TAIL_BYTES);
	if (last < 0)
		last = last_id_within(fd, info.st_size, JOURNAL_READ_BYTES);
	return last < 0 ? 1 : last + 1;
}

static void add_text(struct json *line, const char *name, const char *text)
{
	if (text && *text)
		json_add_str(line, name, text);
}

static struct json *line_new(int64_t id, const char *event)
{
	struct json *line = json_new_object();
	char time[CLOCK_TEXT_BYTES];

	/* The id stands first: last_id_within reads it without parsing the line. */
	json_add_int(line, "id", id);
	json_add_str(line, "event", event);
	json_add_str(line, "time", clock_rfc3339(clock_wall_ms(), time));
	json_add_int(line, "time_ms", clock_wall_ms());
	return line;
}

/* Who asked for it: the names that the session gives, and the ids that cannot lie. */
static void add_who(struct json *line, const struct job_options *options)
{
	const struct passwd *user = getpwuid(getuid());
	const char *terminal = isatty(STDIN_FILENO) ? ttyname(STDIN_FILENO) : NULL;

	json_add_str(line, "user", user ? user->pw_name : "");
	json_add_int(line, "uid", getuid());
	add_text(line, "sudo_user", getenv("SUDO_USER"));
	add_text(line, "ssh_client", getenv("SSH_CLIENT"));
	add_text(line, "tty", terminal);
	json_add_int(line, "pid", getpid());
	if (options) {
		json_add_str(line, "front_end", options->front_end);
		json_add_str(line, "confirmation", options->confirmation);
	}
}

static void add_plan(struct json *line, const struct plan *plan)
{
	struct json *targets;

	json_add_str(line, "plan", plan->hash);
	add_text(line, "batch", plan->batch);
	add_text(line, "data_age", plan->data_age);
	json_add_bool(line, "irreversible", plan->irreversible);
	if (plan->in_order)
		json_add_bool(line, "in_order", true);
	targets = json_add_array(line, "targets");
	for (size_t i = 0; i < plan->target_count; i++) {
		const struct plan_target *target = &plan->targets[i];
		struct json *item = json_add_object(targets, NULL), *steps;

		json_add_str(item, "kind", target->kind);
		json_add_str(item, "id", target->id);
		json_add_str(item, "label", target->label);
		add_text(item, "node", target->group);
		add_text(item, "evidence", target->evidence);
		add_text(item, "warning", target->warning);
		steps = json_add_array(item, "steps");
		for (size_t j = 0; j < target->step_count; j++) {
			struct json *step = json_add_object(steps, NULL);

			json_add_str(step, "kind", target->steps[j].kind->name);
			json_add(step, "args", json_copy(target->steps[j].args));
		}
	}
}

bool journal_begin(struct journal *journal, const struct plan *plan,
		   const struct job_options *options, int64_t *id, struct err *err)
{
	int fd = open_locked(journal, err);
	struct json *line;
	bool good;

	if (fd < 0)
		return false;
	*id = next_id(fd);
	line = line_new(*id, "begin");
	add_who(line, options);
	json_add_str(line, "verb", plan->verb);
	add_plan(line, plan);
	good = append_to(journal, fd, line, err);
	json_free(line);
	close(fd);
	if (good)
		journal_publish(journal);
	return good;
}

bool journal_about(struct journal *journal, int64_t id, size_t target, size_t step,
		   const char *kind, struct err *err)
{
	struct json *line = line_new(id, "about");

	json_add_int(line, "target", (int64_t)target);
	json_add_int(line, "step", (int64_t)step);
	json_add_str(line, "kind", kind);
	return append(journal, line, err);
}

bool journal_save(struct journal *journal, int64_t id, size_t target, size_t step,
		  const struct json *document, struct err *err)
{
	struct json *line = line_new(id, "save");

	json_add_int(line, "target", (int64_t)target);
	json_add_int(line, "step", (int64_t)step);
	json_add(line, "document", json_copy(document));
	return append(journal, line, err);
}

bool journal_step(struct journal *journal, int64_t id, size_t target, size_t step,
		  const char *result, const char *message, struct err *err)
{
	struct json *line = line_new(id, "step");

	json_add_int(line, "target", (int64_t)target);
	json_add_int(line, "step", (int64_t)step);
	json_add_str(line, "result", result);
	add_text(line, "message", message);
	return append(journal, line, err);
}

bool journal_end(struct journal *journal, int64_t id, const char *outcome,
		 const struct job_result *result, const struct json *targets, struct err *err)
{
	struct json *line = line_new(id, "end");
	bool good;

	json_add_str(line, "result", outcome);
	json_add_int(line, "done", (int64_t)result->done);
	json_add_int(line, "failed", (int64_t)result->failed);
	json_add_int(line, "skipped", (int64_t)result->skipped);
	json_add_int(line, "not_done", (int64_t)result->not_done);
	json_add_int(line, "took_ms", result->took_ms);
	add_text(line, "why", result->err.code ? result->err.msg : "");
	json_add(line, "targets", json_copy(targets));
	good = append(journal, line, err);
	if (good)
		journal_publish(journal);
	return good;
}

static bool append_single(struct journal *journal, const char *event, const char *verb,
			  const struct plan *plan, const struct job_options *options,
			  const char *outcome, const char *why, struct err *err)
{
	int fd = open_locked(journal, err);
	struct json *line;
	bool good;

	if (fd < 0)
		return false;
	line = line_new(next_id(fd), event);
	add_who(line, options);
	json_add_str(line, "verb", verb);
	json_add_str(line, "result", outcome);
	json_add_str(line, "why", why);
	if (plan)
		add_plan(line, plan);
	good = append_to(journal, fd, line, err);
	json_free(line);
	close(fd);
	if (good)
		journal_publish(journal);
	return good;
}

bool journal_not_done(struct journal *journal, const char *verb, const struct plan *plan,
		      const struct job_options *options, const char *outcome, const char *why,
		      struct err *err)
{
	return append_single(journal, "not done", verb, plan, options, outcome, why, err);
}

bool journal_note(struct journal *journal, const char *verb, const char *text, struct err *err)
{
	return append_single(journal, "note", verb, NULL, NULL, "done", text, err);
}
